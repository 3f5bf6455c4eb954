"""Features of whole dialogues as work on conversations publishes them: a pickled tuple of dicts by dialogue."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import CorpusError, shorten
from ferfusion.base.table import views_of, with_view
from ferfusion.corpora._forms import find_form, is_view, kind_of, look_of
from ferfusion.corpora._iemocap.names import dialogue_of, name_of
from ferfusion.corpora.corpus import Corpus
from ferfusion.corpora.files.pickles import load_restricted
from ferfusion.corpora.labels import canonical

__all__ = ["read_conversations"]

# emotions by the number of the label
CLASSES = {
    "iemocap": ("hap", "sad", "neu", "ang", "exc", "fru"),
    "meld": ("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger"),
}
_SENTIMENTS = ("neutral", "positive", "negative")
# the sentiment that each emotion of MELD has; surprise may have either
_SENTIMENT_OF = {0: 0, 2: 2, 3: 2, 4: 1, 5: 2, 6: 2}
_UNKNOWN = -1  # number of a label that is not known
_SPLITS = ("train", "dev", "test")  # a dialogue in two of them counts for the last
# the files number the dialogues of MELD through, the release begins anew in each split
_MELD = {"train": (0, 1039), "dev": (1039, 1153), "test": (1153, 1433)}
_HELD = {"dev": "train"}  # the files' part of train holds dev
_NUMBER = re.compile(r"\d+")

Row = Callable[[Any, int, Any, Any], tuple[str, dict[str, Any]]]  # dialogue, turn, id, speaker -> id, facts


@dataclass
class _Told:
    """What was found on the way."""

    faults: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_conversations(path: str | Path, card: CorpusCard, *, classes: Sequence[str] | None = None) -> Corpus:
    """Read a pickle of features by dialogue, without running anything that it holds.

    Parameters
    ----------
    path : str or Path
        A pickled tuple in one of the forms that MMGCN, DialogueRNN, COSMIC, GCNet and work built on these use for
        IEMOCAP and MELD. Which one it is shows in the number and the look of its parts.
    card : CorpusCard
        Of the corpus, as the raw release has it.
    classes : sequence of str, optional
        Emotions by the number of the label. If missing, those of the usual files: hap sad neu ang exc fru for IEMOCAP,
        neutral surprise fear sadness joy disgust anger for MELD.

    Returns
    -------
    Corpus
        A row an utterance, dialogue by dialogue; facts ``text speaker dialogue turn split corpus original_label``, for
        IEMOCAP ``session gender``, for MELD ``sentiment``; views ``text_erc`` (or ``text_erc1`` to ``text_erc4``),
        ``audio_erc``, ``visual_erc`` as far as the file has them. The notes say which form was found.

    Raises
    ------
    CorpusError
        If the file cannot be read safely, its form is unknown, or its labels do not fit the classes.
    """
    path = Path(path).expanduser()
    if classes is None and card.name not in CLASSES:
        message = f"Which emotions do the numbers in {path} mean? Name them, in order, with classes=..."
        raise CorpusError(message)
    form, parts = find_form(load_restricted(path), path)
    told = _Told(notes=[f"features by dialogue in the form of {form}"])
    names = list(classes or CLASSES[card.name])
    emotions = {name: canonical(name) for name in names}
    _check_dialogues(parts["labels"], card.name, path)
    _check_labels(parts["labels"], names, usual=classes is None, path=path)
    if "rest" in parts:
        rest = parts.pop("rest")
        if card.name == "meld" and classes is None and _is_sentiment(rest, parts["labels"]):
            parts["sentiments"] = rest
        else:
            told.notes.append(f"a part that is not read: {look_of(rest)}")
    keys = _whole(parts, told)
    if not keys:
        message = f"No dialogue of {path} is whole: {shorten(f'{id_}: {fault}' for id_, fault in told.faults)}."
        raise CorpusError(message)
    X = _facts(keys, parts, card.name, names, told)
    for view in filter(is_view, parts):
        X = _with_features(X, view, parts[view], told)
    if not any(map(is_view, parts)):
        told.notes.append("labels and texts only: the file holds no features")
    labels = X["original_label"].map(emotions).astype(object)
    y = labels.where(labels.notna(), None)
    X = X.drop(columns=["key", "place"])
    return Corpus(X, y, _card(card, X), root=path.parent, faults=told.faults, notes=told.notes)


def _card(card: CorpusCard, X: pd.DataFrame) -> CorpusCard:
    """Card of the corpus without what is counted or measured in its raw release."""
    return replace(
        card,
        emotions={},
        n_utterances=None,
        n_speakers=None,
        durations=None,
        sampling_rate=None,
        views=tuple(views_of(X)),
        tested_on="files in the published form, made by the tests; not on published files",
    )


def _check_dialogues(labels: Mapping[Any, Any], corpus: str, path: Path) -> None:
    known = [key for key in labels if dialogue_of(_text(key))]
    if corpus in CLASSES and bool(known) != (corpus == "iemocap"):
        message = f"{path} has dialogues such as {_text(next(iter(labels), 'none'))!r}, which are not of {corpus!r}."
        raise CorpusError(message)


def _check_labels(labels: Mapping[Any, Any], names: list[str], *, usual: bool, path: Path) -> None:
    values = Counter(value for key in labels for value in np.asarray(labels[key], dtype=float).ravel().tolist())
    odd = sorted(value for value in values if value not in range(_UNKNOWN, len(names)))
    meant = ", ".join(f"{number} {name}" for number, name in enumerate(names))
    if odd:
        found = shorten(f"{value:g}" for value in odd)
        message = f"{path} has the labels {found}, which are none of: {meant}. Name all, in order, with classes=..."
        raise CorpusError(message)
    highest = int(max(values, default=_UNKNOWN))
    if usual and highest < len(names) - 1:
        message = (
            f"{path} has no label above {highest}, and files of the usual classes have {meant}. If it has others, name "
            "them in the order of their numbers with classes=...; if it is a part of the usual ones, name these."
        )
        raise CorpusError(message)


def _is_sentiment(rest: Any, labels: Mapping[Any, Any]) -> bool:
    """Whether numbers mean neutral, positive, negative where the emotion leaves no choice."""
    if kind_of(rest) != "numbers" or not set(labels) <= set(rest):
        return False
    pairs = {pair for key in labels for pair in zip(labels[key], rest[key], strict=False)}
    return all(s in range(len(_SENTIMENTS)) and _SENTIMENT_OF.get(int(e), s) == s for e, s in pairs)


def _whole(parts: dict[str, Any], told: _Told) -> list[Any]:
    """Dialogues whose parts are of one length. A view may lack a dialogue."""
    keys, left = [], []
    by_dialogue = {role: part for role, part in parts.items() if isinstance(part, Mapping)}
    for key in sorted(parts["labels"], key=_order):
        lengths = {role: len(part[key]) if key in part else 0 for role, part in by_dialogue.items()}
        lengths = {role: n for role, n in lengths.items() if n or not is_view(role)}
        if len(set(lengths.values())) == 1 and lengths["labels"]:
            keys.append(key)
            continue
        left.append(_text(key))
        listed = ", ".join(f"{role} {n}" for role, n in lengths.items())
        told.faults.append((_text(key), f"the dialogue was left out, since its parts differ in length: {listed}"))
    if left:
        told.notes.append(f"left out {len(left)} dialogues whose parts differ in length: {shorten(left)}")
    return keys


def _order(key: Any) -> tuple[int, float, str]:
    text = _text(key)
    return (0, float(text), "") if _NUMBER.fullmatch(text) else (1, 0.0, text)


def _facts(keys: list[Any], parts: dict[str, Any], corpus: str, names: list[str], told: _Told) -> pd.DataFrame:
    splits = _splits(keys, parts, told)
    row = _row(corpus, splits, told)
    if "ids" not in parts:
        told.notes.append("the file names no utterances: they are numbered within the dialogue")
    rows: dict[str, dict[str, Any]] = {}
    for key in keys:
        for place, number in enumerate(parts["labels"][key]):
            given = parts["ids"][key][place] if "ids" in parts else place
            id_, facts = row(key, place, given, parts["speakers"][key][place])
            if id_ in rows:
                told.faults.append((id_, "there are two utterances of this name, of which the first was read"))
                continue
            said = {"text": _sentence(parts["sentences"][key][place])}
            if "sentiments" in parts:
                said["sentiment"] = _SENTIMENTS[int(parts["sentiments"][key][place])]
            label = None if int(number) == _UNKNOWN else names[int(number)]
            rows[id_] = said | facts | {"corpus": corpus, "original_label": label, "key": key, "place": place}
    X = pd.DataFrame.from_dict(rows, orient="index")
    unknown = int(X["speaker"].isna().sum())
    if unknown:
        told.notes.append(f"the speakers of {unknown} utterances are not known")
    objects = {name: X[name].astype(object) for name in ("original_label", "split", "speaker", "key")}
    return X.assign(**{name: column.where(column.notna(), None) for name, column in objects.items()})


def _splits(keys: list[Any], parts: dict[str, Any], told: _Told) -> dict[Any, str | None]:
    splits: dict[Any, str | None] = dict.fromkeys(keys)
    for split in (name for name in _SPLITS if name in parts):
        listed = dict.fromkeys(key.item() if isinstance(key, np.generic) else key for key in parts[split])
        for key in sorted(listed, key=_order):
            if key not in parts["labels"]:
                told.faults.append((_text(key), f"the dialogue is listed in {split}, but is not there"))
            elif splits.get(key):
                told.faults.append((_text(key), f"the dialogue is listed in {splits[key]} and counts for {split}"))
        splits |= {key: split for key in listed if key in splits}
    homeless = [_text(key) for key, split in splits.items() if split is None]
    if homeless:
        told.notes.append(f"{len(homeless)} dialogues are in no part of the split: {shorten(homeless)}")
    return splits


def _row(corpus: str, splits: dict[Any, str | None], told: _Told) -> Row:
    """What makes an utterance's id and facts."""
    if corpus == "iemocap":
        return _iemocap(splits, told)
    told.notes.append(
        "persons are not named in the file: speaker is a place within the dialogue, so the same person has another "
        "name in each"
    )
    if corpus == "meld":
        return _meld(splits, told)

    def row(key: Any, place: int, given: Any, speaker: Any) -> tuple[str, dict[str, Any]]:
        dialogue = _text(key)
        facts = {"speaker": _person(dialogue, speaker), "dialogue": dialogue, "turn": place, "split": splits[key]}
        return _id(dialogue, given), facts

    return row


def _iemocap(splits: dict[Any, str | None], told: _Told) -> Row:
    def row(key: Any, place: int, given: Any, speaker: Any) -> tuple[str, dict[str, Any]]:
        dialogue = dialogue_of(_text(key)) or _text(key)
        name, said = name_of(_text(given)), _text(speaker).upper()
        voice, id_ = (name.voice, name.id) if name else (said, _id(dialogue, given))
        if name and said in ("F", "M") and said != voice:
            told.faults.append((id_, f"speaks with the voice {said!r} in the file, and {voice!r} by its name"))
        return id_, {
            "speaker": dialogue[:5] + voice if voice in ("F", "M") else None,
            "gender": {"F": "female", "M": "male"}.get(voice),
            "session": dialogue[:5],
            "dialogue": dialogue,
            "turn": place,
            "split": splits[key],
        }

    return row


def _meld(splits: dict[Any, str | None], told: _Told) -> Row:
    """Names of the release, if the dialogues are numbered as usual: train from 0, dev from 1039, test from 1153."""
    parts = {key: _part_of_meld(key) for key in splits}
    usual = all(part and splits[key] in (part, None, _HELD.get(part)) for key, part in parts.items())
    if not usual:
        told.notes.append("dialogues are not numbered as usual, so that they do not have the names of the release")
    elif "dev" in parts.values() and "dev" not in splits.values():
        told.notes.append("dialogues 1039 to 1152, in the file a part of train, are those of dev")

    def row(key: Any, place: int, given: Any, speaker: Any) -> tuple[str, dict[str, Any]]:
        turn = int(given) if _NUMBER.fullmatch(_text(given)) else place
        part, dialogue, clip = splits[key], _text(key), _text(key)
        if usual:
            part = parts[key]
            number = int(key) - _MELD[str(part)][0]
            dialogue, clip = f"{part}_{number}", f"{part}_dia{number}"
        facts = {"speaker": _person(dialogue, speaker), "dialogue": dialogue, "turn": turn, "split": part}
        return f"{clip}_utt{turn}" if usual else f"dia{clip}_utt{turn}", facts

    return row


def _id(dialogue: str, given: Any) -> str:
    """Name of an utterance; a number is one within the dialogue."""
    text = _text(given)
    return f"{dialogue}[{text}]" if _NUMBER.fullmatch(text) else text


def _part_of_meld(key: Any) -> str | None:
    if not _NUMBER.fullmatch(_text(key)):
        return None
    return next((part for part, (first, end) in _MELD.items() if first <= int(key) < end), None)


def _person(dialogue: str, speaker: Any) -> str | None:
    """Somebody of a dialogue, whom the file knows by a letter, a number or a place in a vector of zeros."""
    if np.ndim(speaker) == 0:
        return f"{dialogue}:{_text(speaker)}"
    places = np.flatnonzero(np.asarray(speaker))
    return f"{dialogue}:speaker_{places[0]}" if len(places) == 1 else None


def _with_features(X: pd.DataFrame, view: str, part: Mapping[Any, Any], told: _Told) -> pd.DataFrame:
    """The view added; missing in dialogues that lack it or where it has another width than in most."""
    arrays: dict[Any, np.ndarray] = {}
    for key, dialogue in X.groupby("key", sort=False)["dialogue"].first().items():
        try:
            with np.errstate(over="ignore"):
                arrays[key] = np.asarray(part[key]).astype(np.float32)
        except (KeyError, ValueError, TypeError):
            told.faults.append((dialogue, f"{view} is missing: the file has none, or vectors of several lengths"))
    widths = Counter(array.shape[1] for array in arrays.values() if array.ndim == 2)
    if not widths:
        told.notes.append(f"no dialogue has {view}")
        return X
    width = widths.most_common(1)[0][0]
    values = np.full((len(X), width), np.nan, dtype=np.float32)
    for i, (key, place) in enumerate(zip(X["key"], X["place"], strict=True)):
        array = arrays.get(key)
        if array is not None and array.ndim == 2 and array.shape[1] == width:
            values[i] = array[place]
    odd = [key for key, array in arrays.items() if array.ndim != 2 or array.shape[1] != width]
    told.faults += [(_text(key), f"{view} is missing: it has not {width} numbers here as elsewhere") for key in odd]
    infinite = int(np.isinf(values).sum())
    if infinite:
        told.notes.append(f"{infinite} infinite numbers of {view} were taken as missing")
        values[np.isinf(values)] = np.nan
    told.notes.append(f"{view}: {width} features")
    return with_view(X, view, values, [str(j) for j in range(width)])


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _sentence(value: Any) -> str:
    """Text, of which Python 2 may have kept the bytes of UTF-8 one by one."""
    text = _text(value)
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
