"""Words of languages → regular expressions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from preceptor.patterns import late
from preceptor.scoring.languages import LANGUAGES

__all__ = [
    "SPACED",
    "START",
    "STOP",
    "Phrases",
    "any_of",
    "endings",
    "every",
    "group_of",
    "initials_of",
    "inner",
    "is_spaced",
    "letters_of",
    "normal",
    "parts_of",
    "words_of",
]

SPACED = r"A-Za-z0-9\u00c0-\u024f\u0370-\u03ff\u0400-\u04ff\u1e00-\u1eff"
START, STOP = rf"(?<![{SPACED}])(?<!\w_)", rf"(?![{SPACED}]|_\w)"


_LETTERS = late(r"(?:[^\W\d_](?![?*{])){1,3}")


def any_of(*patterns: str) -> str:
    return "(?:" + "|".join(patterns) + ")"


def is_spaced(word: str) -> bool:
    return re.search(f"[{SPACED}]", word) is not None


def inner(alternatives: str) -> str:
    """The alternatives, longest first, each as a word where its script has spaces."""
    return endings(parts_of(alternatives))


def endings(words: Iterable[str]) -> str:
    """The words, longest first, under their first letters: of most, a text is read no further."""
    groups: dict[str, list[str]] = {}
    for word in sorted((normal(each) for each in words), key=len, reverse=True):
        plain = word[:1].isalpha() and word[1:2] not in ("?", "*", "+", "{")
        ends = STOP if is_spaced(word) and not word.endswith("['’]") else ""
        groups.setdefault(word[0] if plain else "", []).append(word[plain:] + ends)
    found = (
        (f"(?-i:[{initial}{initial.upper()}{'İ' if initial == 'i' else ''}])" if initial else "")
        + any_of(*ends)
        for initial, ends in groups.items()
    )
    return any_of(*found) if groups else "(?!)"


def words_of(alternatives: str) -> str:
    """The same at the beginning of a word, or of a clause after a ``^``."""
    parts = parts_of(alternatives)
    clauses = "|".join(word[1:] for word in parts if word.startswith("^"))
    others = [word for word in parts if not word.startswith("^")]
    spaced = "|".join(word for word in others if is_spaced(word))
    unspaced = "|".join(word for word in others if not is_spaced(word))
    return any_of(START + inner(spaced), inner(unspaced), rf"(?:\A|[,;:(]\s*){inner(clauses)}")


def parts_of(alternatives: str) -> list[str]:
    """The alternatives between bars outside of brackets."""
    parts, depth = [""], 0
    for sign in re.findall(r"\\.|\[[^\]]*\]|.", alternatives):
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part for part in parts if part]


class Phrases:
    """Phrases that begin with one of some words, searched for in a text in lower case.

    A search passes over all characters but the first letters of these words: it costs a tenth of
    the time of one that tries every phrase at every place. In Arabic and Hebrew "and" may be
    written as one word with the next.

    Parameters
    ----------
    begins
        The first words, as alternatives between bars.
    phrases
        Pattern of the phrases, from their first letter on; the words alone by default.
    """

    def __init__(self, begins: str, phrases: str = "") -> None:
        groups: dict[str, list[str]] = {}
        for initial, rest in initials_of(begins):
            groups.setdefault(initial, []).append(letters_of(rest))
        self._begins = late(
            "|".join(
                f"{re.escape(initial)}{_word_begins(initial)}(?={any_of(*dict.fromkeys(rests))})"
                for initial, rests in groups.items()
            )
        )
        self._phrases = late(phrases or any_of(begins))

    def finditer(self, lower: str) -> Iterator[re.Match[str]]:
        """The phrases in a text, from left to right."""
        place = 0
        for begin in self._begins.finditer(lower):
            found = self._phrases.match(lower, begin.start()) if begin.start() >= place else None
            if found is not None:
                place = found.end()
                yield found

    def search(self, lower: str) -> re.Match[str] | None:
        """The first of the phrases in a text."""
        return next(self.finditer(lower), None)


def letters_of(pattern: str) -> str:
    """The letters, at most three, that a pattern begins with."""
    found = _LETTERS.match(pattern)
    return found[0] if found else ""


def _word_begins(initial: str) -> str:
    """Assert, behind its first letter, that a word begins there."""
    if not initial.isalpha() or initial > "\u0dff":
        return ""
    alone = f"(?<![^\\W\\d_]{initial})"
    joined = f"(?<=[وفו]{initial})(?<![^\\W\\d_].{initial})"
    return any_of(alone, joined) if "\u0590" < initial < "\u0700" else alone


def initials_of(alternatives: str) -> Iterator[tuple[str, str]]:
    """Each first character of these alternatives, with how the pattern goes on behind it."""
    for whole in parts_of(alternatives):
        part = whole
        while part.startswith(("(?<", "(?!", "(?=")):
            part = _bracketed(part)[1]  # what it asserts is no character of it
        head, after = part[0], part[1:]
        if part.startswith("(?:"):
            head, after = _bracketed(part)
            optional = after.startswith("?")
            yield from initials_of("|".join(each + after[optional:] for each in parts_of(head)))
        elif head == "[":
            head, _, after = part[1:].partition("]")
            optional = after.startswith("?")
            yield from ((each, after[optional:]) for each in head)
        else:
            optional = after.startswith("?")
            yield head, after[optional:]
        if optional:
            yield from initials_of(after[1:])


def _bracketed(part: str) -> tuple[str, str]:
    """Inside of the group that a pattern begins with, and what follows the group."""
    depth = 0
    for sign in re.finditer(r"\\.|\[[^\]]*\]|[()]", part):
        depth += (sign[0] == "(") - (sign[0] == ")")
        if depth == 0 and sign[0] == ")":
            return part[3 : sign.start()], part[sign.end() :]
    raise ValueError(f"expected a closing bracket in {part!r}")


def every(name: str) -> str:
    return "|".join(filter(None, (getattr(words, name) for words in LANGUAGES.values())))


def normal(pattern: str) -> str:
    return unicodedata.normalize("NFKC", pattern)


def group_of(language: str) -> str:
    return language.replace(" ", "_")
