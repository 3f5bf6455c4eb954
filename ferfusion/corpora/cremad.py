"""CREMA-D: 91 actors, twelve fixed sentences, six emotions; what listeners and viewers voted."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import UnknownNameError, shorten
from ferfusion.corpora.corpus import Corpus
from ferfusion.corpora.files.finding import SOUNDS, VIDEOS, Found, find_files, nothing_found, stated_root

EMOTIONS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happiness",
    "NEU": "neutral",
    "SAD": "sadness",
}
SENTENCES = {
    "IEO": "It's eleven o'clock",
    "TIE": "That is exactly what happened",
    "IOM": "I'm on my way to the meeting",
    "IWW": "I wonder what this is about",
    "TAI": "The airplane is almost full",
    "MTI": "Maybe tomorrow it will be cold",
    "IWL": "I would like a new alarm clock",
    "ITH": "I think I have a doctor's appointment",
    "DFA": "Don't forget a jacket",
    "ITS": "I think I've seen this before",
    "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}
INTENSITIES = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified"}
_ACTORS = {str(number) for number in range(1001, 1092)}
_NAME = re.compile(
    r"(?P<actor>\d{4})_(?P<sentence>[A-Z]{3})_(?P<emotion>[A-Z]{3})_(?P<intensity>[A-Z]{1,2})", re.IGNORECASE
)

# Clips that the owner's list calls broken. Only the first is broken as WAV, too: the others were converted anew.
_SILENT = "1076_MTI_SAD_XX"
_BROKEN = {
    _SILENT: "no sound, very short",
    "1076_MTI_NEU_XX": "no sound, very short",
    "1064_TIE_SAD_XX": "no duration",
    "1064_IEO_DIS_MD": "a minute long, with all emotions one after the other",
}

_DEMOGRAPHICS, _SUMMARY, _COUNTS = "VideoDemographics.csv", "summaryTable.csv", "tabulatedVotes.csv"
_VOTES = {code[0]: name for code, name in EMOTIONS.items()}
# How a clip was shown, as the tables name it, and as they number it.
SHOWN = {"voice": 1, "face": 2, "multimodal": 3}

CARD = CorpusCard(
    name="cremad",
    title="Crowd-sourced Emotional Multimodal Actors Dataset (CREMA-D)",
    languages=("en",),
    modalities=("audio", "text", "visual"),
    emotions={name: 1087 if name == "neutral" else 1271 for name in EMOTIONS.values()},
    n_utterances=7442,
    n_speakers=91,
    license="Open Database License 1.0; contents under the Database Contents License 1.0",
    citation="cao2014_cremad",
    where_to_get=(
        "https://github.com/CheyneyComputerScience/CREMA-D, cloned with Git LFS (7.5 GB; its owner asks users to fill "
        "in a form; the zip file of the page holds no recordings)"
    ),
    layout="a folder AudioWAV with files such as 1001_DFA_ANG_XX.wav (else AudioMP3), beside it VideoFlash and tables",
    sampling_rate=16000,
    tested_on="a folder with 7,442 names in the owner's form and counts, made by the tests; not on the owner's files",
    protocols={
        "speaker": "leave one actor out, 91 folds",
        "stratified": "random 10-fold, speakers overlap",
    },
    uninformative_views=("text",),
    notes=(
        "Twelve fixed sentences, each said in every emotion: the text says nothing of the emotion.",
        "The label is the emotion that was meant. By the paper people recognised it in 40.9 % of the answers from the "
        "voice alone, 58.2 % from the face, 63.6 % from both: figures on the voted emotion are another task.",
        f"Where {_COUNTS} lies in the folder, corpus.soft holds the shares of votes (of the voice alone, or as "
        f"votes= says); where {_SUMMARY} does, the facts voice_vote, face_vote and multimodal_vote are joined.",
        f"Where {_DEMOGRAPHICS} lies in the folder, gender, age, race and ethnicity of the actors are joined.",
        "Three emotion levels were asked for in one sentence only (IEO); elsewhere the intensity is unspecified.",
        "1076_MTI_SAD_XX has no sound. 1076_MTI_NEU_XX, 1064_TIE_SAD_XX and 1064_IEO_DIS_MD are broken as MP3 and "
        "video, not as WAV; people voted on what was broken.",
        "The tables of votes leave out answers that took over 10 seconds, as the owner's script says.",
    ),
)


def load(root: str | Path | None = None, votes: str = "voice") -> Corpus:
    """Read CREMA-D.

    Parameters
    ----------
    root : str or Path, optional
        Folder with ``AudioWAV``, or that folder; ``$FERFUSION_DATA/cremad`` if missing.
    votes : {"voice", "face", "multimodal"}, default="voice"
        Whose votes ``corpus.soft`` holds: of those who heard a clip, saw it, or both.

    Returns
    -------
    Corpus
        Indexed by clip name; facts ``audio text speaker sentence intensity language corpus original_label``, and
        ``video``, ``gender age race ethnicity``, ``voice_vote face_vote multimodal_vote`` where the files for them
        are there. A vote without a majority names all emotions that had most, with a colon between them.

    Raises
    ------
    CorpusError
        If no file is named as CREMA-D names its clips.
    UnknownNameError
        If ``votes`` is none of the three.
    """
    if votes not in SHOWN:
        raise UnknownNameError("kind of votes", votes, SHOWN)
    folder = stated_root(root, CARD)
    found, videos = _recordings(folder)
    rows: dict[str, dict[str, str | None]] = {}
    labels, unknown = {}, []
    for id_, (path, _) in found.files.items():
        actor, sentence, code, intensity = id_.split("_")
        if actor not in _ACTORS or sentence not in SENTENCES or code not in EMOTIONS or intensity not in INTENSITIES:
            unknown.append(path.name)
            continue
        rows[id_] = {
            "audio": str(path),
            "text": SENTENCES[sentence],
            "speaker": actor,
            "sentence": sentence,
            "intensity": INTENSITIES[intensity],
            "language": "en",
            "corpus": CARD.name,
            "original_label": code,
        }
        if videos:
            rows[id_]["video"] = str(videos[id_]) if id_ in videos else None
        labels[id_] = EMOTIONS[code]
        found.faults += _broken(id_, path, videos.get(id_))
    if not rows:
        raise nothing_found(folder, CARD)
    if unknown:
        found.notes.append(f"left out {len(unknown)} files with codes that CREMA-D does not have: {shorten(unknown)}")
    X, y = pd.DataFrame.from_dict(rows, orient="index"), pd.Series(labels)
    tables = _tables(folder)
    X = _with_people(X, tables.get(_DEMOGRAPHICS), found.notes)
    X = _with_votes(X, tables.get(_SUMMARY), found.notes)
    soft = _shares(tables.get(_COUNTS), votes, found.notes)
    return Corpus(X, y, CARD, root=folder, soft=soft, faults=found.faults, notes=found.notes)


def _recordings(folder: Path) -> tuple[Found, dict[str, Path]]:
    """The sound of each clip, read once: WAV or FLAC, else MP3, else that of the video; and the videos."""
    found, mp3, video = (find_files(folder, _clip, endings) for endings in (SOUNDS, (".mp3",), VIDEOS))
    for other, name in ((mp3, "MP3 files"), (video, "videos")):
        only = {id_: entry for id_, entry in other.files.items() if id_ not in found.files}
        found.notes += [f"{name}: {note}" for note in other.notes]
        if only:
            found.files |= only
            found.notes.append(f"{len(only)} clips have no better sound than their {name}: {shorten(only)}")
            found.faults += [fault for fault in other.faults if fault[0] in only]
    # a pointer in one folder is no fault where another has the sound
    found.faults = [(id_, fault) for id_, fault in found.faults if "pointer" not in fault or id_ not in found.files]
    found.files = dict(sorted(found.files.items()))
    return found, {id_: path for id_, (path, _) in video.files.items()}


def _clip(path: Path) -> tuple[str, None] | None:
    id_ = _id(path.stem)
    return None if id_ is None else (id_, None)


def _id(name: str) -> str | None:
    """Clip name in the owner's letters; one file was called 1040_ITH_SAD_X for years."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    intensity = match["intensity"].upper()
    return "_".join([match[1], match[2].upper(), match[3].upper(), "XX" if intensity == "X" else intensity])


def _broken(id_: str, sound: Path, video: Path | None) -> list[tuple[str, str]]:
    if id_ not in _BROKEN:
        return []
    heard = id_ == _SILENT or sound.suffix.lower() not in SOUNDS
    parts = [name for name, bad in (("sound", heard), ("video", video is not None)) if bad]
    return [(id_, f"the owner calls its {' and '.join(parts)} broken: {_BROKEN[id_]}")] if parts else []


def _tables(folder: Path) -> dict[str, Path]:
    """The owner's tables by name, in the folder or beside it."""
    names = (_DEMOGRAPHICS, _SUMMARY, _COUNTS)
    found = find_files(folder, lambda path: (path.name, None) if path.name in names else None, (".csv",))
    home = folder.resolve().parent
    near = [home / part / name for part in ("processedResults", "") for name in names]
    return {path.name: path for path in near if path.is_file()} | {k: path for k, (path, _) in found.files.items()}


def _read(path: Path | None, columns: list[str], notes: list[str]) -> pd.DataFrame | None:
    """A table, its columns in lower case and all cells text; None with a note if it is not as the owner's."""
    if path is None:
        return None
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False).rename(columns=str.lower)
    except ValueError as error:
        notes.append(f"{path.name} was not joined: it cannot be read ({error})")
        return None
    lacking = [column for column in columns if column not in table]
    if lacking:
        notes.append(f"{path.name} was not joined: it lacks the columns {shorten(lacking)}")
        return None
    return table


def _by_clip(table: pd.DataFrame) -> pd.DataFrame:
    """Rows by clip; the owner's tables also tell of clips that people practised on."""
    table = table.set_axis([_id(cell.strip()) for cell in table["filename"]], axis=0)
    return table[table.index.notna() & ~table.index.duplicated()]


def _with_people(X: pd.DataFrame, path: Path | None, notes: list[str]) -> pd.DataFrame:
    table = _read(path, ["actorid", "age", "sex", "race", "ethnicity"], notes)
    if table is None:
        return X
    table = table.drop_duplicates("actorid").set_index("actorid")
    people = table[["race", "ethnicity"]].assign(
        gender=table["sex"].str.lower(), age=pd.to_numeric(table["age"], errors="coerce")
    )
    known = int(X["speaker"].isin(people.index).sum())
    notes.append(f"what is known of the actors joined from {_DEMOGRAPHICS} for {known} of {len(X)} clips")
    return X.join(people[["gender", "age", "race", "ethnicity"]], on="speaker")


def _with_votes(X: pd.DataFrame, path: Path | None, notes: list[str]) -> pd.DataFrame:
    """What most people voted, by how the clip was shown to them."""
    columns = {f"{shown}_vote": f"{shown}vote" for shown in SHOWN}
    table = _read(path, ["filename", *columns.values()], notes)
    if table is None:
        return X
    table = _by_clip(table)
    notes.append(f"votes joined from {_SUMMARY} for {int(X.index.isin(table.index).sum())} of {len(X)} clips")
    return X.join(pd.DataFrame({fact: table[column].map(_names) for fact, column in columns.items()}))


def _names(cell: str) -> str | None:
    codes = cell.strip().upper().split(":")
    return ":".join(_VOTES[code] for code in codes) if set(codes) <= set(_VOTES) else None


def _shares(path: Path | None, votes: str, notes: list[str]) -> pd.DataFrame | None:
    """Shares of votes. Each clip has three rows, whose numbers begin with how it was shown."""
    codes = [code.lower() for code in _VOTES]
    table = _read(path, ["filename", *codes], notes)
    if table is None:
        return None
    number = pd.to_numeric(table.iloc[:, 0], errors="coerce")
    table = _by_clip(table[number // 100_000 == SHOWN[votes]])
    if table.empty:
        notes.append(f"{_COUNTS} was not joined: its rows are not numbered as the owner's are")
        return None
    counts = table[codes].apply(pd.to_numeric, errors="coerce").set_axis(list(_VOTES.values()), axis=1)
    total = counts.sum(axis=1)
    notes.append(f"soft labels are the shares of votes on the {votes} in {_COUNTS}")
    return counts.div(total.where(total > 0), axis=0)
