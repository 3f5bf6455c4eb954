"""Small closed lists of words, by language: pronouns, negations, sounds of hesitation."""

from __future__ import annotations

from typing import NamedTuple

from ferfusion.base.errors import UnknownNameError

__all__ = ["LANGUAGES", "WordLists", "is_filler", "is_negation", "lists_of", "squeezed"]


class WordLists(NamedTuple):
    """Words of one language, in lower case; with the apostrophe of the typewriter where there is one.

    Parameters
    ----------
    first_singular, first_plural, second, third : frozenset of str
        Pronouns by person. Forms that stand for several persons count for the one that is heard most: the German
        ``sie`` for the third.
    negations : frozenset of str
        Words that negate.
    negating_ends : tuple of str
        Ends of words that negate, such as ``n't``.
    fillers : frozenset of str
        Sounds of hesitation, every letter once: ``um`` stands for ``ummm``, too.
    """

    first_singular: frozenset[str]
    first_plural: frozenset[str]
    second: frozenset[str]
    third: frozenset[str]
    negations: frozenset[str]
    negating_ends: tuple[str, ...]
    fillers: frozenset[str]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


LANGUAGES = {
    "en": WordLists(
        first_singular=_set("i me my mine myself im ive"),
        first_plural=_set("we us our ours ourselves"),
        second=_set("you your yours yourself yourselves ya youre"),
        third=_set("he him his himself she her hers herself it its itself they them their theirs themselves themself"),
        negations=_set(
            "no not never none nobody nothing nowhere neither nor nope nah cannot without aint arent cant couldnt "
            "didnt doesnt dont hadnt hasnt havent isnt mustnt neednt shouldnt wasnt werent wont wouldnt"
        ),
        negating_ends=("n't",),
        fillers=_set("um uhm uh er erm hm mhm"),
    ),
    "de": WordLists(
        first_singular=_set("ich mich mir mein meine meinen meinem meiner meines meins"),
        first_plural=_set("wir uns unser unsere unseren unserem unserer unseres unsers"),
        second=_set("du dich dir dein deine deinen deinem deiner deines deins euch euer eure euren eurem eurer eures"),
        third=_set(
            "er ihn ihm sein seine seinen seinem seiner seines sie ihr ihre ihren ihrem ihrer ihres ihnen es sich"
        ),
        negations=_set(
            "nicht nichts nie niemals niemand niemanden niemandem nirgends nirgendwo nein nee nö kein keine keinen "
            "keinem keiner keines keins keineswegs keinesfalls weder ohne"
        ),
        negating_ends=(),
        fillers=_set("äh ähm öh öhm ehm hm mhm ähem"),
    ),
}


def lists_of(language: str) -> WordLists:
    """Lists of a language.

    Parameters
    ----------
    language : {"en", "de"}
        Its code.

    Returns
    -------
    WordLists

    Raises
    ------
    UnknownNameError
        If there are none of this language.

    Examples
    --------
    >>> "we" in lists_of("en").first_plural
    True
    """
    if language not in LANGUAGES:
        raise UnknownNameError("language of word lists", language, LANGUAGES)
    return LANGUAGES[language]


def is_negation(word: str, lists: WordLists) -> bool:
    """Whether a word in lower case negates.

    Examples
    --------
    >>> [is_negation(word, LANGUAGES["en"]) for word in ("never", "won't", "good")]
    [True, True, False]
    """
    return word in lists.negations or (bool(lists.negating_ends) and word.endswith(lists.negating_ends))


def is_filler(word: str, lists: WordLists) -> bool:
    """Whether a word in lower case is a sound of hesitation, however long it is drawn.

    Examples
    --------
    >>> [is_filler(word, LANGUAGES["en"]) for word in ("um", "uhhh", "mm", "her")]
    [True, True, True, False]
    """
    return squeezed(word) in lists.fillers or (len(word) > 1 and set(word) == {"m"})


def squeezed(word: str) -> str:
    """A word with each run of the same letter made one letter.

    Examples
    --------
    >>> squeezed("hmmm")
    'hm'
    """
    return "".join(letter for i, letter in enumerate(word) if i == 0 or word[i - 1] != letter)
