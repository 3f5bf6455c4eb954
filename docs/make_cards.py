"""Write docs/cards.md, the tables of systems and corpora, from their cards.

python docs/make_cards.py            # write
python docs/make_cards.py --check    # exit 1 if the page is not what the cards say
"""

from __future__ import annotations

import sys
from pathlib import Path

from ferfusion.base.card import CorpusCard
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
        parts += _corpus(name, module.CARD)
    return "\n".join(parts)


def _corpus(name: str, card: CorpusCard) -> list[str]:
    size = [
        f"{card.n_utterances} utterances" if card.n_utterances else "",
        f"{card.n_speakers} speakers" if card.n_speakers else "",
    ]
    classes = ", ".join(f"{emotion} {count}" for emotion, count in card.emotions.items())
    facts = ", ".join(part for part in size if part) + (f": {classes}" if classes else "")
    lines = {
        "Licence": card.license,
        "From": card.where_to_get,
        "To ask": card.ask,
        "Fetched by": f"`ferfusion corpora download {name}`" if card.downloads else "",
        "Layout": card.layout,
        "Says nothing of the emotion": ", ".join(card.uninformative_views),
        "Loader tried on": card.tested_on,
    }
    told = "\n".join(f"- {title}: {line}" for title, line in lines.items() if line)
    protocols = "\n".join(f"- `{protocol}`: {sentence}" for protocol, sentence in card.protocols.items())
    notes = "\n".join(f"- {note}" for note in card.notes)
    return [
        f"### {name}\n\n{card.title}. {facts}.\n",
        f"{told}\n",
        f"Protocols:\n\n{protocols}\n",
        f"Notes:\n\n{notes}\n",
    ]


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
