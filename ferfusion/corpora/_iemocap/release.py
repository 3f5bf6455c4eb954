"""The release of IEMOCAP as it lies in a folder: evaluations, transcripts, recordings, and what lacks of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ferfusion.base.card import CorpusCard
from ferfusion.base.errors import CorpusError, shorten
from ferfusion.corpora._iemocap.evaluation import EMOTIONS, SCALES, Evaluation, read_evaluation
from ferfusion.corpora._iemocap.names import Faults, dialogue_of, name_of
from ferfusion.corpora._iemocap.transcripts import Line, read_transcript
from ferfusion.corpora.files.finding import Found, find_files, nothing_found

__all__ = ["SESSIONS", "Release", "read_release"]

SESSIONS = ("Ses01", "Ses02", "Ses03", "Ses04", "Ses05")
_EVALUATIONS, _TRANSCRIPTS = "emoevaluation", "transcriptions"
_SAME_TIME = 0.001 + 1e-9  # seconds by which evaluation and transcript may differ: they are rounded differently


@dataclass
class Release:
    """What a folder holds.

    Parameters
    ----------
    evaluations : dict of str to Evaluation
        By utterance; dialogue by dialogue, in order of time.
    turns : dict of str to int
        Place of each utterance in its dialogue, from 0.
    lines : dict of str to Line
        Transcripts by utterance.
    recordings : dict of str to Path
        By utterance, and by dialogue.
    dialogues : set of str
        Those that have an evaluation file.
    notes : list of str
        What the search for files had to say.
    doubled : list of (str, str)
        Ids with two different files; ``notes`` tell of them.
    unread : list of (str, str)
        Lines that cannot be used.
    """

    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    turns: dict[str, int] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    recordings: dict[str, Path] = field(default_factory=dict)
    dialogues: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    doubled: Faults = field(default_factory=list)
    unread: Faults = field(default_factory=list)

    def row(self, id_: str) -> dict[str, Any]:
        """Facts of an utterance."""
        evaluation = self.evaluations[id_]
        name, line = evaluation.name, self.lines.get(id_)
        whole = self._from_whole(id_)
        path = self.recordings.get(name.dialogue if whole else id_)
        return {
            "audio": str(path) if path else None,
            "start": evaluation.start if whole else None,
            "end": evaluation.end if whole else None,
            "text": line.text if line else None,
            "speaker": name.session + name.voice,
            "gender": "female" if name.voice == "F" else "male",
            "language": "en",
            "session": name.session,
            "dialogue": name.dialogue,
            "turn": self.turns[id_],
            "part": name.part,
            "begin_s": evaluation.start,
            "end_s": evaluation.end,
            **dict(zip(SCALES, evaluation.means, strict=True)),
            "original_label": evaluation.code,
        }

    def _from_whole(self, id_: str) -> bool:
        """Whether there is no recording of the utterance, but one of its dialogue."""
        return id_ not in self.recordings and self.evaluations[id_].name.dialogue in self.recordings

    def check(self, ids: Collection[str], part: str) -> tuple[Faults, list[str]]:
        """What lacks for some of the utterances, and what is there without being one.

        Parameters
        ----------
        ids : collection of str
            Utterances that are used.
        part : str
            ``improvised`` or ``scripted`` where only these are of interest, else ``all``.

        Returns
        -------
        faults : list of (str, str)
            Ids and what is wrong with them; those of utterances that are not used are passed over.
        notes : list of str
            The same in short.
        """
        used = set(ids)

        def matters(id_: str) -> bool:
            return id_ in used if id_ in self.evaluations else _of_part(id_, part)

        doubled, unread = ([f for f in faults if matters(f[0])] for faults in (self.doubled, self.unread))
        silent = [id_ for id_ in ids if id_ not in self.recordings and not self._from_whole(id_)]
        without_text = [id_ for id_ in ids if id_ not in self.lines or self.lines[id_].text is None]
        whole = [id_ for id_ in ids if self._from_whole(id_)]
        groups: list[tuple[str, Faults]] = [
            ("lines cannot be used", unread),
            ("utterances have no recording", _lacking(silent, self.recordings, "recording")),
            ("utterances have no transcript", _lacking(without_text, self.lines, "transcript")),
            ("utterances have other times in the transcript", self._other_times(ids)),
            ("recordings have no evaluation and were left out", self._orphans(self.recordings, "recording", part)),
            ("transcripts have no evaluation and were left out", self._orphans(self.lines, "transcript", part)),
        ]
        notes = [_told(told, faults) for told, faults in groups if faults]
        if whole:
            notes.append(
                f"{len(whole)} utterances have no recording of their own and are cut out of that of their dialogue "
                f"(both speakers may be heard): {shorten(whole)}"
            )
        return [*doubled, *(fault for _, faults in groups for fault in faults)], [*self.notes, *notes]

    def _other_times(self, ids: Iterable[str]) -> Faults:
        faults = []
        for id_ in (id_ for id_ in ids if id_ in self.lines):
            one, other = self.evaluations[id_], self.lines[id_]
            if max(abs(one.start - other.start), abs(one.end - other.end)) > _SAME_TIME:
                told = f"{one.start:g} to {one.end:g} s in the evaluation, {other.start:g} to {other.end:g} s"
                faults.append((id_, f"{told} in the transcript"))
        return faults

    def _orphans(self, there: Iterable[str], kind: str, part: str) -> Faults:
        """Recordings or transcripts of utterances that nobody evaluated, in one line where a whole file lacks."""
        names = [name for id_ in there if id_ not in self.evaluations and (name := name_of(id_))]
        names = [name for name in names if _of_part(name.id, part)]
        whole = Counter(name.dialogue for name in names if name.dialogue not in self.dialogues)
        faults = [(name.id, f"a {kind} without evaluation") for name in names if name.dialogue in self.dialogues]
        return faults + [(dialogue, f"{n} {kind}s, but no evaluation file") for dialogue, n in whole.items()]


def read_release(folder: Path, card: CorpusCard) -> Release:
    """Read all there is.

    Parameters
    ----------
    folder : Path
        ``IEMOCAP_full_release``, its parent, or the folder of a session.
    card : CorpusCard
        Of the corpus, for the error.

    Returns
    -------
    Release

    Raises
    ------
    CorpusError
        If there is no evaluation file.
    """
    release = Release()
    evaluations = _known(find_files(folder, _in_folder(folder, _EVALUATIONS), (".txt",)), release)
    transcripts = _known(find_files(folder, _in_folder(folder, _TRANSCRIPTS), (".txt",)), release)
    recordings = _known(find_files(folder, _recording), release)
    if not evaluations:
        if not recordings:
            raise nothing_found(folder, card)
        message = (
            f"{len(recordings)} recordings of IEMOCAP under {folder}, but no evaluation files, so no labels: "
            f"expected {card.layout}."
        )
        raise CorpusError(message)
    release.recordings, release.dialogues = recordings, set(evaluations)
    for dialogue, path in evaluations.items():
        _add(release, *read_evaluation(path, dialogue))
    for dialogue, path in transcripts.items():
        lines, faults = read_transcript(path, dialogue)
        release.unread += faults
        release.lines |= {id_: line for id_, line in lines.items() if id_ not in release.lines}
    _put_in_order(release)
    return release


def _in_folder(folder: Path, place: str) -> Callable[[Path], tuple[str, None] | None]:
    """Reader of file names that are those of dialogues, in folders of one name.

    The same names stand in other folders (motion capture, single raters) for other things.
    """
    root = folder.resolve()

    def parse(path: Path) -> tuple[str, None] | None:
        dialogue = dialogue_of(path.stem)
        return (dialogue, None) if dialogue and (root / path).parent.name.lower() == place else None

    return parse


def _recording(path: Path) -> tuple[str, None] | None:
    name = name_of(path.stem)
    id_ = name.id if name else dialogue_of(path.stem)
    return (id_, None) if id_ else None


def _known(found: Found, release: Release) -> dict[str, Path]:
    """Files of the five sessions; hands over what the search had to say."""
    strange = [id_ for id_ in found.files if id_[:5] not in SESSIONS]
    release.notes += found.notes
    release.doubled += found.faults
    if strange:
        release.notes.append(
            f"left out {len(strange)} files of sessions that IEMOCAP does not have: {shorten(strange)}"
        )
    return {id_: path for id_, (path, _) in found.files.items() if id_[:5] in SESSIONS}


def _add(release: Release, read: list[Evaluation], faults: Faults) -> None:
    release.unread += faults
    for evaluation in read:
        id_ = evaluation.name.id
        if evaluation.code not in EMOTIONS:
            release.unread.append((id_, f"an unknown label: {evaluation.code!r}"))
        elif id_ in release.evaluations:
            release.unread.append((id_, "evaluated a second time; the first was taken"))
        else:
            release.evaluations[id_] = evaluation


def _put_in_order(release: Release) -> None:
    ordered = sorted(release.evaluations.values(), key=lambda e: (e.name.dialogue, e.start, e.end, e.name.id))
    release.evaluations = {evaluation.name.id: evaluation for evaluation in ordered}
    place: Counter[str] = Counter()
    for evaluation in ordered:
        release.turns[evaluation.name.id] = place[evaluation.name.dialogue]
        place[evaluation.name.dialogue] += 1


def _of_part(id_: str, part: str) -> bool:
    """Whether an utterance or a dialogue belongs to the part that is asked for."""
    return part == "all" or ("_impro" in id_) == (part == "improvised")


def _lacking(ids: list[str], there: Collection[str], kind: str) -> Faults:
    """A fault for each utterance that lacks something, or one for all if nobody has it."""
    return [(id_, f"no {kind}") for id_ in ids] if there else [("", f"no {kind}s at all")]


def _told(what: str, faults: Faults) -> str:
    named = list(dict.fromkeys(id_ for id_, _ in faults if id_))
    return f"{len(faults)} {what}: {shorten(named)}" if named else f"all {what}"
