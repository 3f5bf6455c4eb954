"""Write docs/cards.md, the tables of systems and corpora, from their cards.

python docs/make_cards.py            # write
python docs/make_cards.py --check    # exit 1 if the page is not what the cards say
"""

from __future__ import annotations

import sys
from pathlib import Path

from ferfusion.catalog import system_card, system_modules
from ferfusion.corpora.registry import corpus_modules

PAGE = Path(__file__).parent / "cards.md"


def page() -> str:
    """Text of the page, from the cards as they are."""
    parts = ["# Systems and corpora\n\nMade from the cards by `docs/make_cards.py`; do not edit.\n"]
    parts.append("## Systems\n")
    for key in system_modules():
        card = system_card(key)
        parts.append(f"### {key}\n\n{card.title}.\n")
        parts.append(f"Reads {', '.join(card.views)}; the views meet at: {card.fusion}; level: {card.level}.\n")
        for title, lines in (
            ("The paper states", card.stated),
            ("Chosen here", card.chosen),
            ("Departures", card.departures),
            ("Reported", card.reported),
        ):
            if lines:
                parts.append(f"{title}:\n\n" + "\n".join(f"- {line}" for line in lines) + "\n")
    parts.append("## Corpora\n")
    for name, module in corpus_modules().items():
        card = module.CARD
        classes = ", ".join(f"{emotion} {count}" for emotion, count in card.emotions.items())
        parts.append(
            f"### {name}\n\n{card.title}. {card.n_utterances} utterances, {card.n_speakers} speakers: {classes}.\n"
        )
        protocols = "\n".join(f"- `{protocol}`: {sentence}" for protocol, sentence in card.protocols.items())
        parts.append(f"Licence: {card.license}. From: {card.where_to_get}\n\nLayout: {card.layout}\n")
        parts.append(f"Protocols:\n\n{protocols}\n")
        parts.append("Notes:\n\n" + "\n".join(f"- {note}" for note in card.notes) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
