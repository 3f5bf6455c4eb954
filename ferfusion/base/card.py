"""Cards: the only home of the facts about a system or a corpus. Tables, pages and citations are made from them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = ["Card", "CorpusCard", "Download"]

Fusion = Literal["none", "feature", "decision", "hybrid", "intermediate"]


@dataclass(frozen=True)
class Card:
    """Facts of a system.

    Parameters
    ----------
    key : str
        Name of the system; that of its entry in ``references.bib`` where it follows a paper.
    title : str
        One line for tables.
    views : tuple of str
        Modalities or views it reads.
    fusion : {"none", "feature", "decision", "hybrid", "intermediate"}
        Where the views really meet.
    listed : tuple of str
        Headings under which the survey lists it; empty for the library's own baselines.
    level : {"utterance", "dialogue"}
        What one decision is made for.
    requires : tuple of str
        Optional packages it cannot do without.
    stated, chosen, departures : tuple of str
        What the paper says; what it leaves open and is decided here; what is done otherwise.
    reported : tuple of str
        Published figures with corpus and protocol, only those read in a source.
    small : dict
        Parameters that make it quick enough for a test.
    """

    key: str
    title: str
    views: tuple[str, ...]
    fusion: Fusion
    listed: tuple[str, ...] = ()
    level: Literal["utterance", "dialogue"] = "utterance"
    requires: tuple[str, ...] = ()
    stated: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()
    departures: tuple[str, ...] = ()
    reported: tuple[str, ...] = ()
    small: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Download:
    """A file that the owner of a corpus lets everyone fetch.

    Parameters
    ----------
    url : str
        Where it lies.
    hash : str
        Its digest as ``algorithm:hexadecimal``, such as ``md5:bc69...``; empty where the owner publishes none and
        none was measured: then the contents are checked against ``contents`` after unpacking.
    unpack : bool
        Whether it is an archive whose contents are the corpus.
    into : str
        Folder below the corpus' own for it or its contents; empty for the corpus' folder itself.
    largest : int
        No more bytes than this may come out of it (or be in it).
    contents : str
        Name of a file in ``corpora/indices`` with columns ``file`` and ``sha256``; what is unpacked must agree.
    """

    url: str
    hash: str = ""
    unpack: bool = False
    into: str = ""
    largest: int = 2**32
    contents: str = ""


@dataclass(frozen=True)
class CorpusCard:
    """Facts of a corpus.

    Parameters
    ----------
    name : str
        Name for ``load_corpus``.
    title : str
        Full name.
    languages : tuple of str
        Codes of ISO 639-1.
    modalities : tuple of str
        Out of ``audio``, ``text``, ``visual``.
    emotions : dict
        Number of utterances by emotion name, where the corpus fixes it.
    n_utterances, n_speakers : int or None
        As its owners publish it, or as their files show it where the two differ (a note then says so).
    license : str
        Under which terms it may be used.
    citation : str
        Key in ``references.bib``; empty if there is nothing to cite.
    where_to_get : str
        Who gives it, and how.
    layout : str
        What the folder looks like that the loader wants.
    protocols : dict
        Name of each set of folds, with one sentence about it.
    uninformative_views : tuple of str
        Modalities that say nothing of the emotion (fixed sentences); systems skip them unless they are named.
    views : tuple of str
        Feature views that the loader can join.
    notes : tuple of str
        What a user should know before trusting a number.
    sampling_rate : int or None
        Of the owner's recordings, in hertz.
    durations : (float, float) or None
        Shortest and longest recording of the owner's, in seconds.
    downloads : tuple of Download
        What may be fetched without asking anyone; empty where one has to ask.
    ask : str
        How to ask for it, where one has to.
    tested_on : str
        What the loader was tried on: the owner's files, or a folder made after their description.
    """

    name: str
    title: str
    languages: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    emotions: dict[str, int] = field(default_factory=dict)
    n_utterances: int | None = None
    n_speakers: int | None = None
    license: str = ""
    citation: str = ""
    where_to_get: str = ""
    layout: str = ""
    protocols: dict[str, str] = field(default_factory=dict)
    uninformative_views: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sampling_rate: int | None = None
    durations: tuple[float, float] | None = None
    downloads: tuple[Download, ...] = ()
    ask: str = ""
    tested_on: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary, ready for JSON."""
        return asdict(self)
