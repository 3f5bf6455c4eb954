"""``ferfusion corpora``: what can be loaded, and whether a copy is whole."""

from __future__ import annotations

from typing import Annotated

import typer

from ferfusion.base.errors import UnknownNameError
from ferfusion.catalog import cite
from ferfusion.cli import common
from ferfusion.corpora import list_corpora
from ferfusion.corpora.registry import corpus_modules

__all__ = ["corpora"]


def corpora(
    name: Annotated[str | None, typer.Argument(help="A corpus, for its whole card.")] = None,
    data: common.Data = None,
    as_json: common.Json = False,
) -> None:
    """List the corpora, show the card of one, or (with --data) check a copy of it.

    \b
    For example:
      ferfusion corpora
      ferfusion corpora emodb --data emodb/
    """
    if name is None:
        listed = list_corpora().reset_index()
        if as_json:
            common.emit(listed.to_dict("records"))
            return
        shown = listed[["name", "title", "utterances", "speakers", "classes", "protocols"]]
        common.console.print(common.table_of("corpora", list(shown.columns), shown.to_numpy().tolist()))
        return
    if data is not None:
        _check(name, data, as_json)
        return
    _print_card(name, as_json)


def _check(name: str, data: object, as_json: bool) -> None:
    corpus = common.open_corpus(name, data)  # type: ignore[arg-type]
    faults = corpus.validate()
    counts = {} if corpus.y is None else {str(k): int(v) for k, v in corpus.y.value_counts().sort_index().items()}
    if as_json:
        common.emit(
            {
                "corpus": name,
                "n_utterances": len(corpus),
                "classes": counts,
                "views": corpus.views,
                "notes": corpus.notes,
                "faults": faults.to_dict("records"),
            }
        )
        return
    common.say(repr(corpus))
    common.say(", ".join(f"{emotion} {count}" for emotion, count in counts.items()))
    for note in corpus.notes:
        common.say(f"note: {note}")
    common.say(f"{len(faults)} faults" if len(faults) else "no faults")
    for fault in faults.itertuples():
        common.say(f"  {fault.id}: {fault.fault}" if fault.id else f"  {fault.fault}", style="yellow")


def _print_card(name: str, as_json: bool) -> None:
    modules = corpus_modules()
    if name not in modules:
        raise UnknownNameError("corpus", name, modules)
    card = modules[name].CARD
    if as_json:
        common.emit(card.to_dict())
        return
    common.say(f"{card.name}: {card.title}", style="bold")
    common.say(f"languages: {' '.join(card.languages)} · modalities: {' '.join(card.modalities)}")
    common.say(
        f"{card.n_utterances} utterances, {card.n_speakers} speakers: "
        + ", ".join(f"{k} {v}" for k, v in card.emotions.items())
    )
    for title, line in (("licence", card.license), ("from", card.where_to_get), ("layout", card.layout)):
        common.say(f"{title}: {line}")
    for protocol, sentence in card.protocols.items():
        common.say(f"protocol {protocol}: {sentence}")
    for note in card.notes:
        common.say(f"  - {note}")
    if card.citation:
        common.say(f"\n{cite(card.name)}")
