"""Where words of a text announce an answer, in any language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from preceptor.scoring.languages import LANGUAGES, Words
from preceptor.scoring.languages.patterns import (
    START,
    any_of,
    endings,
    inner,
    is_spaced,
    normal,
    parts_of,
)

__all__ = ["Cue", "announcing"]

_RIGHT = LANGUAGES["en"].right
_OPTION = LANGUAGES["en"].option
_STEP = "step|test|investigation|management|intervention"
#: English announcements besides nouns: how they begin, and how they continue.
_ENGLISH = (
    (_RIGHT, rf"\s+(?:answer\s+)?(?:(?:next|initial)\s+)?(?:{_OPTION})\b"),
    # "The next best option" is another one, "the next best step" is not.
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
    """First letter → language → how its words that begin so go on; "" where none is plain."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, words in LANGUAGES.items():
        for word in parts_of(normal(_begins(words))):
            plain = word[0].isalpha() and word[1:2] not in ("?", "*")
            initial = found.setdefault(word[0] if plain else "", {})
            initial.setdefault(name, []).append(word[plain:])
    return found


def _begins(words: Words) -> str:
    parts = (words.right, words.wrong, words.option, words.choosing, words.answer)
    english = (
        (begin for begin, _ in (*_ENGLISH, *_ENGLISH_WRONG)) if words is LANGUAGES["en"] else ()
    )
    return "|".join(filter(None, (*parts, *english)))


_INITIALS = _initials()


def _scanned(spaced: bool) -> str:
    """Words that announcements of any language begin with, under their first letters."""
    return any_of(
        *(
            initial + endings(end for name in names for end in ends[name])
            for initial, ends in _INITIALS.items()
            if (names := [name for name in ends if is_spaced(LANGUAGES[name].right) is spaced])
        )
    )


_SCANNED = re.compile(
    any_of(
        START + _scanned(spaced=True),
        r"(?=[^\x00-\u058f])" + _scanned(spaced=False),
        f"(?={_TAG})",
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


@cache
def _possible(initial: str) -> tuple[str, ...]:
    """The languages with a word that may begin with this sign."""
    known = {"en", *_INITIALS.get(initial, ()), *_INITIALS.get("", ())}
    return tuple(each for each in LANGUAGES if each in known)


def _cue_at(lower: str, place: int, wrong_asked: bool) -> Cue | None:
    """The first language that has these words."""
    languages = [each for each in _possible(lower[place]) if _begin(each).match(lower, place)]
    for language in languages:
        if found := _phrase(language, wrong_asked).match(lower, place):
            return Cue(place, found.end(), language)
    for language in languages:
        if found := _noun(language).match(lower, place):
            return Cue(place, found.end(), language, noun=True)
    return None
