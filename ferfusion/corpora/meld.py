"""MELD: 1,432 dialogues of a television series, cut into utterances: text, sound and video, seven emotions."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from ferfusion.base.card import CorpusCard, Download
from ferfusion.base.errors import CorpusError, UnknownNameError, shorten
from ferfusion.corpora.corpus import Corpus
from ferfusion.corpora.files.finding import SOUNDS, VIDEOS, Found, find_files, stated_root, stems

SPLITS = ("train", "dev", "test")
EMOTIONS = {
    "neutral": "neutral",
    "joy": "happiness",
    "surprise": "surprise",
    "anger": "anger",
    "sadness": "sadness",
    "disgust": "disgust",
    "fear": "fear",
}
# utterances of train, dev and test, in the order of EMOTIONS
_COUNTS = (
    (4710, 1743, 1205, 1109, 683, 271, 268),
    (470, 163, 150, 153, 111, 22, 40),
    (1256, 402, 281, 345, 208, 68, 50),
)
COUNTS = {
    split: dict(zip(EMOTIONS.values(), numbers, strict=True)) for split, numbers in zip(SPLITS, _COUNTS, strict=True)
}
# names of speakers in each, many of them in several
_SPEAKERS = {"train": 260, "dev": 47, "test": 100}
# what is known of single clips of the owners' archive
_MISSING = {
    "train_dia125_utt3": "no clip: that of the owners' archive cannot be opened",
    "dev_dia110_utt7": "no clip: the owners' archive has none",
}
_DAMAGED = {"train_dia125_utt3": "the clip of the owners' archive cannot be opened; others offer one cut anew"}
_SHORTEST, _LONGEST = 0.1, 30.0  # seconds; three clips span 41 to 305 s, no other more than 30
_SECOND_CUTS = "final_videos_test"

_TABLE = re.compile(rf"(?P<split>{'|'.join(SPLITS)})_sent_emo", re.IGNORECASE)
_CLIP = re.compile(r"(?:(?P<split>train|dev|test)_)?dia(?P<dialogue>\d+)_utt(?P<turn>\d+)", re.IGNORECASE)
_TIME = re.compile(r"(\d+):(\d+):(\d+)[,.](\d+)")
_NEEDED = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")
_PAGE = "https://raw.githubusercontent.com/declare-lab/MELD/master/data/MELD"
_DIGESTS = {
    "train": "d2fa2d6529cf03cac2989efec05c9b27d8fd2f4c8fc5974c7ae88aa537fa02db",
    "dev": "2e89c6f8aa182d6f62f8c6331aece905ac7273ca4999660bfb5213e1d0370c1c",
    "test": "8d37103938f7067600839fe29d5a114a6cd1bcdafb75bec101e06464c5006888",
}

CARD = CorpusCard(
    name="meld",
    title="Multimodal EmotionLines Dataset (MELD)",
    languages=("en",),
    modalities=("audio", "text", "visual"),
    emotions={name: sum(COUNTS[split][name] for split in SPLITS) for name in EMOTIONS.values()},
    n_utterances=13708,
    n_speakers=304,
    license="GPL-3.0 for the owners' repository with the tables; the clips are cut from a television series and no "
    "terms are stated for them: research only",
    citation="poria2019_meld",
    where_to_get="https://github.com/declare-lab/MELD (tables, in data/MELD) and "
    "http://web.eecs.umich.edu/~mihalcea/downloads/MELD.Raw.tar.gz (clips, about 10 GB; unpack it and the archives "
    "in it); no registration",
    layout="train_sent_emo.csv, dev_sent_emo.csv, test_sent_emo.csv and, where you have them, the clips in "
    "train/train_splits, dev/dev_splits_complete and test/output_repeated_splits_test such as dia0_utt0.mp4, or .wav "
    "and .flac files of the same names in folders whose names tell the split",
    sampling_rate=48000,
    downloads=tuple(
        Download(f"{_PAGE}/{split}_sent_emo.csv", hash=f"sha256:{_DIGESTS[split]}", largest=10_000_000)
        for split in SPLITS
    ),
    tested_on="the owners' three tables; clips in folders laid out as theirs, made by the tests, not the owners' clips",
    protocols={
        "official": "trained on train and dev, tested on test (customary, by weighted F1)",
        "speaker": "leave one speaker's name out, 304 folds (not customary)",
        "dialogue": "leave one dialogue out, 1,432 folds (not customary)",
        "stratified": "random 10-fold, speakers overlap",
    },
    notes=(
        "The official split is not one of speakers: 70 of the 100 names in test, with 96 % of its utterances, are in "
        "train or dev too. Many utterances in all three come from the same episodes.",
        "Names are as the owners give them: some are several persons at once ('All', 'Ross and Rachel') or different "
        "ones in different scenes ('Woman').",
        "The clips have the sound of a broadcast (laughter, music, other voices), often in 5.1: six channels, which "
        "are mixed to one.",
        "Clips were cut by automatic alignment, and users report that some do not hold their text (in train dialogues "
        "241, 485 and 757). By the tables three last 41 to 305 s and eleven less than 0.1 s; one is damaged (train "
        "dia125_utt3), one missing (dev dia110_utt7). validate() lists all of these where there are clips.",
        "Some clips have no row in the tables (dev dia49_utt4 and _utt5, dia66_utt9 and _utt10, test dia108_utt2), "
        f"and some of test are there a second time as {_SECOND_CUTS}...: both are left out. Which of two cuts is the "
        "better one is not documented.",
        "Numbers of dialogues and turns begin anew in each split, and turns have gaps: ids here begin with the split.",
        "Apostrophes are of two kinds (' and ’), as the owners typed them. Older copies of the tables have characters "
        "in a wrong coding; those are repaired.",
    ),
)


def load(root: str | Path | None = None, *, splits: Iterable[str] = SPLITS) -> Corpus:
    """Read MELD: the tables, and the clips where they are there.

    Parameters
    ----------
    root : str or Path, optional
        Folder with the owners' tables, anywhere in it, and the clips; ``$FERFUSION_DATA/meld`` if missing. Or a
        pickle of features as published with work on whole dialogues.
    splits : iterable of {"train", "dev", "test"}, default=all
        Which of them; not used for a pickle.

    Returns
    -------
    Corpus
        Indexed by split and clip name, such as ``train_dia0_utt0``; facts ``text speaker dialogue turn split season
        episode episode_begin episode_end sentiment language corpus original_label``, and where there are clips
        ``audio`` (a sound file if there is one, else the video) and ``video``. ``episode_begin`` and ``episode_end``
        are seconds in the episode.

    Raises
    ------
    CorpusError
        If there is no table of MELD in the folder.
    UnknownNameError
        If there is no such split.
    """
    if root is not None and Path(root).suffix.lower() in (".pkl", ".pickle"):
        from ferfusion.corpora.conversations import read_conversations

        return read_conversations(root, CARD)
    wanted = _wanted(splits)
    folder = stated_root(root, CARD)
    told = Found()
    tables = find_files(folder, stems(_TABLE, lambda match: match["split"].lower()), (".csv",))
    told.notes += tables.notes
    told.faults += [("", f"table of {split}: {fault}") for split, fault in tables.faults]
    parts = [_rows(tables.files[split][0], split, told) for split in wanted if split in tables.files]
    if not any(len(part) for part in parts):
        raise _nothing(folder, wanted, told)
    lacking = [split for split in wanted if split not in tables.files]
    if lacking:
        told.notes.append(f"no table of {shorten(lacking)} in {folder}")
    X = pd.concat([part for part in parts if len(part)])
    # clips beside one table only need no folder that tells which one they belong to
    alone = next(iter(tables.files)) if len(tables.files) == 1 else None
    X = _with_clips(X, folder, alone, told)
    y = X.pop("emotion")
    return Corpus(X, y, _card(wanted), root=folder, faults=told.faults, notes=told.notes)


def _wanted(splits: Iterable[str]) -> list[str]:
    names = {splits} if isinstance(splits, str) else set(splits)
    for name in sorted(names, key=str):
        if name not in SPLITS:
            raise UnknownNameError("split of 'meld'", name, SPLITS)
    return [split for split in SPLITS if split in names]


def _card(splits: list[str]) -> CorpusCard:
    """Facts of the splits that were asked for, so that only what lacks in them is missed."""
    if len(splits) == len(SPLITS):
        return CARD
    emotions = {name: sum(COUNTS[split][name] for split in splits) for name in EMOTIONS.values()}
    speakers = _SPEAKERS[splits[0]] if len(splits) == 1 else None
    return replace(CARD, emotions=emotions, n_utterances=sum(emotions.values()), n_speakers=speakers)


def _nothing(folder: Path, splits: list[str], told: Found) -> CorpusError:
    media = list(find_files(folder, lambda path: (str(path), None), (*SOUNDS, *VIDEOS)).files)
    there = f"{len(media)} recordings such as {media[0]!r}" if media else "no recordings either"
    why = " ".join(f"{fault}." for _, fault in told.faults)
    return CorpusError(
        f"No table of MELD ({', '.join(f'{split}_sent_emo.csv' for split in splits)}) that can be read under {folder}: "
        f"expected {CARD.layout}; found {there}. {why} Get it from {CARD.where_to_get}."
    )


def _rows(path: Path, split: str, told: Found) -> pd.DataFrame:
    """Facts and label of the rows of a table; empty if it is none."""
    table = _read(path, told)
    if table is None:
        return pd.DataFrame()
    numbers = table[["Dialogue_ID", "Utterance_ID"]].apply(lambda column: column.str.strip())
    label = table["Emotion"].str.strip().str.lower()
    known = numbers.apply(lambda column: column.str.fullmatch(r"\d+")).all(axis=1) & label.isin(EMOTIONS)
    if not known.all():
        told.notes.append(f"left out {(~known).sum()} rows of {path.name} without a number or with no emotion of MELD")
    twice = known & numbers[known].duplicated().reindex(known.index, fill_value=False)
    if twice.any():
        names = [f"dia{d}_utt{u}" for d, u in numbers[twice].to_numpy()]
        told.notes.append(
            f"left out {len(names)} rows of {path.name} whose numbers were there before: {shorten(names)}"
        )
    table, numbers, label = (part[known & ~twice] for part in (table, numbers.astype(str), label))
    dialogue, turn = (numbers[column].str.lstrip("0").replace("", "0") for column in numbers)
    facts = {
        "text": table["Utterance"].str.strip(),
        "speaker": table["Speaker"].str.strip(),
        "dialogue": split + "_" + dialogue,
        "turn": turn.astype(int),
        "split": split,
        **{new: pd.to_numeric(table[old], errors="coerce") for old, new in _present(table, "Season", "Episode")},
        **{f"episode_{new}": table[old].map(_seconds) for old, new in _times(table)},
        **{new: table[old].str.strip() for old, new in _present(table, "Sentiment")},
        "language": "en",
        "corpus": CARD.name,
        "original_label": label,
        "emotion": label.map(EMOTIONS),
    }
    return pd.DataFrame(facts).set_axis(split + "_dia" + dialogue + "_utt" + turn, axis=0)


def _present(table: pd.DataFrame, *columns: str) -> list[tuple[str, str]]:
    return [(column, column.lower()) for column in columns if column in table.columns]


def _times(table: pd.DataFrame) -> list[tuple[str, str]]:
    return [(old, new) for old, new in (("StartTime", "begin"), ("EndTime", "end")) if old in table.columns]


def _read(path: Path, told: Found) -> pd.DataFrame | None:
    try:
        content = path.read_bytes()
    except OSError as error:
        told.faults.append(("", f"{path} cannot be read ({error.strerror})"))
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
        told.notes.append(f"{path.name} is not in UTF-8 and was read as cp1252")
    try:
        # the words "None" and "NA" are said, too
        table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    except ValueError as error:
        told.faults.append(("", f"{path} cannot be read ({error})"))
        return None
    table = table.rename(columns=str.strip)
    lacking = [column for column in _NEEDED if column not in table.columns]
    if lacking:
        told.faults.append(("", f"{path} is no table of MELD: it has no columns {shorten(lacking)}"))
        return None
    mended = table.map(_mend)
    n_mended = int((mended["Utterance"] != table["Utterance"]).sum())
    if n_mended:
        told.notes.append(f"{n_mended} texts of {path.name} had characters in a wrong coding, which were repaired")
    return mended


def _seconds(time: str) -> float:
    match = _TIME.fullmatch(time.strip())
    if match is None:
        return float("nan")
    hours, minutes, seconds, fraction = match.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(f"{seconds}.{fraction}")


# Two ways in which a text went wrong: UTF-8 taken for cp1252 ('â€™'), and bytes of cp1252 taken for characters (\x92).
_UPPER = "\x80-\xbf" + re.escape("".join(bytes([byte]).decode("cp1252", "ignore") for byte in range(0x80, 0xA0)))
_TAKEN_FOR_CP1252 = re.compile(f"[ÂÃ][{_UPPER}]|â[{_UPPER}]{{2}}")
_CONTROL = re.compile("[\x80-\x9f]")


def _mend(text: str) -> str:
    if text.isascii():
        return text
    text = _TAKEN_FOR_CP1252.sub(lambda match: _as_utf8(match.group()), text)
    return _CONTROL.sub(lambda match: match.group().encode("latin-1").decode("cp1252", "ignore"), text).replace(
        "\xa0", " "
    )


def _as_utf8(text: str) -> str:
    # some bytes are no characters of cp1252, and were kept as they are
    content = b"".join(char.encode("latin-1" if ord(char) < 256 else "cp1252") for char in text)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return text


def _with_clips(X: pd.DataFrame, folder: Path, alone: str | None, told: Found) -> pd.DataFrame:
    """The rows with their clips in front, if there are any; tells what lacks, what is too many, what is faulty."""
    odd: dict[str, list[str]] = {"second": [], "homeless": []}

    def parse(path: Path) -> tuple[str, None] | None:
        match = _CLIP.fullmatch(path.stem)
        if match is None:
            odd["second"] += [path.stem] * path.stem.lower().startswith(_SECOND_CUTS)
            return None
        split = (match["split"] or "").lower() or _split_of(path.parent) or alone
        if split is None:
            odd["homeless"].append(path.name)
            return None
        return f"{split}_dia{int(match['dialogue'])}_utt{int(match['turn'])}", None

    sounds, videos = find_files(folder, parse, SOUNDS), find_files(folder, parse, VIDEOS)
    splits = set(X["split"])
    extra = [id_ for id_ in {**sounds.files, **videos.files} if id_.split("_")[0] in splits and id_ not in X.index]
    for found in (sounds, videos):
        found.files = {id_: file for id_, file in found.files.items() if id_ in X.index}
        told.notes += found.notes
        told.faults += [(id_, fault) for id_, fault in found.faults if id_ in X.index]
    if extra:
        told.notes.append(f"left out {len(extra)} clips that are in no table: {shorten(sorted(extra))}")
    if odd["second"]:
        told.notes.append(f"left out {len(odd['second'])} clips named {_SECOND_CUTS}...: {shorten(odd['second'])}")
    if odd["homeless"]:
        names = shorten(odd["homeless"])
        told.notes.append(f"left out {len(odd['homeless'])} clips in folders whose names tell no split: {names}")
    n_videos, n_sounds = len(videos.files), len(sounds.files)
    if not n_videos and not n_sounds:
        told.notes.append("tables only, without clips: there is text, but neither sound nor video")
        return X
    told.notes.append(f"tables and clips: {n_videos} videos and {n_sounds} sound files for {len(X)} rows")
    paths = [{id_: str(path) for id_, (path, _) in found.files.items()} for found in (sounds, videos)]
    clips = {"audio": {**paths[1], **paths[0]}} | ({"video": paths[1]} if n_videos else {})
    told.faults += _clip_faults(X, clips["audio"], set(paths[1]))
    columns = {name: pd.Series([known.get(id_) for id_ in X.index], X.index, object) for name, known in clips.items()}
    return pd.concat([pd.DataFrame(columns), X], axis=1)


def _split_of(folder: Path) -> str | None:
    """Split that the name of a folder tells, the innermost first: 'dev_splits_complete', 'test', 'val_wav'."""
    for name in reversed(folder.parts):
        words = re.findall("[a-z]+", name.lower())
        told = {split for split in SPLITS for word in words if word.startswith(split)}
        told |= {"dev" for word in words if word in ("val", "valid", "validation")}
        if len(told) == 1:
            return told.pop()
    return None


def _clip_faults(X: pd.DataFrame, clips: dict[str, str], videos: set[str]) -> list[tuple[str, str]]:
    faults = [(id_, fault) for id_, fault in _DAMAGED.items() if id_ in videos]
    for split, rows in X.groupby("split", sort=False):
        missing = [id_ for id_ in rows.index if id_ not in clips]
        if len(missing) == len(rows):
            faults.append(("", f"{split}: no clips"))
            continue
        faults += [(id_, _MISSING[id_]) for id_ in missing if id_ in _MISSING]
        others = [id_ for id_ in missing if id_ not in _MISSING]
        if others:
            faults.append(("", f"{split}: {len(others)} of {len(rows)} rows have no clip: {shorten(others)}"))
    if not {"episode_begin", "episode_end"} <= set(X.columns):
        return faults
    spans = (X["episode_end"] - X["episode_begin"])[X.index.isin(list(clips))].round(3)
    odd = spans[(spans < _SHORTEST) | (spans > _LONGEST)]
    return faults + [
        (str(id_), f"the clip is wrongly cut: by the table it lasts {seconds:g} s") for id_, seconds in odd.items()
    ]
