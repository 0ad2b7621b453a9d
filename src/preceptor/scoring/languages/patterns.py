"""Words of languages → regular expressions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from preceptor.scoring.languages import LANGUAGES

__all__ = [
    "START",
    "STOP",
    "any_of",
    "endings",
    "every",
    "group_of",
    "inner",
    "is_spaced",
    "normal",
    "parts_of",
    "words_of",
]

SPACED = r"A-Za-z0-9\u00c0-\u024f\u0370-\u03ff\u0400-\u04ff\u1e00-\u1eff"
START, STOP = rf"(?<![{SPACED}])(?<!\w_)", rf"(?![{SPACED}]|_\w)"


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


def every(name: str) -> str:
    return "|".join(filter(None, (getattr(words, name) for words in LANGUAGES.values())))


def normal(pattern: str) -> str:
    return unicodedata.normalize("NFKC", pattern)


def group_of(language: str) -> str:
    return language.replace(" ", "_")
