"""``ferfusion systems``: what can be built."""

from __future__ import annotations

from typing import Annotated

import typer

from ferfusion.catalog import cite, list_systems, system_card
from ferfusion.cli import common

__all__ = ["systems"]

_LISTS = ("stated", "chosen", "departures", "reported")


def systems(
    key: Annotated[str | None, typer.Argument(help="A system, for its whole card.")] = None,
    as_json: common.Json = False,
) -> None:
    """List the systems, or show the card of one.

    \b
    For example:
      ferfusion systems
      ferfusion systems baseline_late
    """
    if key is not None:
        _print_card(key, as_json)
        return
    listed = list_systems().reset_index()
    if as_json:
        common.emit(listed.to_dict("records"))
        return
    common.console.print(common.table_of("systems", list(listed.columns), listed.to_numpy().tolist()))


def _print_card(key: str, as_json: bool) -> None:
    card = system_card(key)
    if as_json:
        common.emit({**card.to_dict(), "citation": cite(key)})
        return
    common.say(f"{card.key}: {card.title}", style="bold")
    common.say(f"views: {', '.join(card.views)} · they meet at: {card.fusion} · level: {card.level}")
    for name in _LISTS:
        lines = getattr(card, name)
        if lines:
            common.say(f"{name}:")
            for line in lines:
                common.say(f"  - {line}")
    common.say(f"\n{cite(key)}")
