"""Where words of a text announce an answer, in any language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import chain
from typing import NamedTuple

from preceptor.patterns import late
from preceptor.scoring.languages import LANGUAGES, Words
from preceptor.scoring.languages.patterns import (
    SPACED,
    any_of,
    initials_of,
    inner,
    is_spaced,
    letters_of,
    normal,
)

__all__ = ["Cue", "announcing"]

_RIGHT = LANGUAGES["en"].right
_OPTION = LANGUAGES["en"].option
_STEP = "step|test|investigation|management|intervention"
#: English announcements besides nouns: how they begin, and how they continue.
_ENGLISH = (
    (_RIGHT, rf"\s+(?:answer\s+)?(?:(?:next|initial)\s+)?(?:{_OPTION})\b"),
    # "The next best option" is another one, "the next best step" is not.
    ("most|best", rf"\s+(?:consistent|compatible|described)\s+(?:with|by)(?=\s+(?:{_OPTION})\b)"),
    ("next", rf"\s+(?:(?:{_RIGHT})\s+)+(?:\w+\s+)?(?:{_STEP})\b"),
    (
        "i|we",
        r"(?:['’]d|['’]ll|\s+would|\s+will)?\s+"
        r"(?:choose|pick|select|say|go with|opt for|lean towards?)\b",
    ),
    ("let['’]s|i['’]m|so|am", r"\s*go(?:ing)? with\b"),
    ("go(?:ing)? with", ""),
    ("choose|pick|select", r"(?= \(?[a-z]\b)"),
    ("that|this|which", r" leaves(?: us)?(?: with)?(?: only)?\b"),
    ("left", r" with(?: only)?\b"),
    ("mak(?:es|ing)", r"(?=\s+(?:option\s+)?\(?[a-z]\)?\s+the\b)"),
    (
        "solution|decision|verdict|conclusion|label|stance|classification|response|choice|key|pick"
        "|selection|option|letter|diagnosis",
        r"(?=\s*[:=])",
    ),
    ("correct", r"(?=\s?:)"),
    ("only", r"\s+(?:\w+\s+)?(?:option|choice|answer|one)\b(?=[^.\n]{0,60}\s(?:is|remains)\b)"),
    ("diagnosis", r"(?=\s+(?:here\s+)?is\b)"),
    ("of", r" choice(?=[^.;:,\n]{0,80}\s(?:is|are|would be|remains)\b)"),
    # What follows replaces what came before.
    ("actually|correction|on second thought", r"\s*[,:]"),
    ("boxed|fbox", ""),
)
#: The same where the wrong option is asked for.
_ENGLISH_WRONG = (
    (LANGUAGES["en"].wrong, rf"\s+(?:\w+\s+)?(?:{_OPTION}|answer)\b"),
    ("exception|exceptions", ""),
)


#: Tags announce in no particular language.
_TAG = "<(?:final_answer|answer|ans|option|choice|response|result|output)>"


def _initials() -> dict[str, dict[str, list[str]]]:
    """First letter → language → how its words that begin so go on."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, words in LANGUAGES.items():
        for initial, rest in initials_of(normal(_begins(words))):
            found.setdefault(initial, {}).setdefault(name, []).append(rest)
    return found


def _begins(words: Words) -> str:
    parts = (words.right, words.wrong, words.option, words.choosing, words.answer)
    english = (
        (begin for begin, _ in (*_ENGLISH, *_ENGLISH_WRONG)) if words is LANGUAGES["en"] else ()
    )
    return "|".join(filter(None, (*parts, *english)))


_INITIALS = _initials()


def _scanned(initial: str, rests: Iterable[str]) -> str:
    """A first letter, before more letters of a word that an announcement may begin with."""
    letters = any_of(*sorted({letters_of(rest) for rest in rests}, key=len))
    begins = rf"(?<![{SPACED}]{initial})(?<!\w_{initial})" if is_spaced(initial) else ""
    return f"{re.escape(initial)}{begins}(?={letters})"


#: Where an announcement may begin: a search passes over all other characters at once.
_SCANNED = late(
    "|".join(
        [_scanned(initial, chain(*names.values())) for initial, names in _INITIALS.items()]
        + [f"<(?={_TAG[1:]})"]
    )
)


class Cue(NamedTuple):
    """Words of a language that announce an answer.

    Attributes
    ----------
    noun
        A mere noun: "answer B" may also be what is spoken of and not what is chosen.
    """

    start: int
    end: int
    language: str
    noun: bool = False


@cache
def _phrase(language: str, wrong_asked: bool) -> re.Pattern[str]:
    """ "Best option", "opción correcta", in either order, and the verbs of choosing."""
    words = LANGUAGES[language]
    if language == "en":
        phrases = (*_ENGLISH, *_ENGLISH_WRONG) if wrong_asked else _ENGLISH
        return re.compile(any_of(*(inner(begin) + rest for begin, rest in phrases), _TAG))
    asked = f"{words.right}|{words.wrong}" if wrong_asked else words.right
    right, option, link = (inner(each) for each in (asked, words.option, words.link))
    between = rf"\s*(?:(?:{link}|{right}|的)\s*){{0,2}}"
    best = f"{right}{between}{option}|{option}{between}{right}"
    named = rf"(?!altern){option}(?=\s?[:=])" if is_spaced(words.option) else "(?!)"
    return re.compile(f"{best}|{named}|{inner(words.choosing)}")


@cache
def _begin(language: str) -> re.Pattern[str]:
    return re.compile(any_of(inner(_begins(LANGUAGES[language])), _TAG))


@cache
def _noun(language: str) -> re.Pattern[str]:
    return re.compile(inner(LANGUAGES[language].answer))


def announcing(lower: str, *, wrong_asked: bool = False) -> Iterator[Cue]:
    """The announcements in a text in lower case, from left to right: phrases before mere nouns."""
    place = 0
    while scanned := _SCANNED.search(lower, place):
        cue = _cue_at(lower, scanned.start(), wrong_asked)
        if cue is not None:
            yield cue
        place = cue.end if cue else scanned.start() + 1


@lru_cache(maxsize=4096)
def _possible(letters: str) -> tuple[str, ...]:
    """The languages with a word that may begin with these four characters."""
    if letters[0] == "<":
        return ("en",)
    names = _INITIALS.get(letters[0], {})
    begins = {
        name
        for name, rests in names.items()
        if any(letters[1:].startswith(letters_of(rest)) for rest in rests)
    }
    return tuple(each for each in LANGUAGES if each in begins)


def _cue_at(lower: str, place: int, wrong_asked: bool) -> Cue | None:
    """The first language that has these words."""
    possible = _possible(lower[place : place + 4])
    languages = [each for each in possible if _begin(each).match(lower, place)]
    for language in languages:
        if found := _phrase(language, wrong_asked).match(lower, place):
            return Cue(place, found.end(), language)
    for language in languages:
        if found := _noun(language).match(lower, place):
            return Cue(place, found.end(), language, noun=True)
    return None
