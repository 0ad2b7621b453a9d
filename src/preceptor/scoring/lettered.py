"""Options that stand within a text, such as "A. rest B. water": the text before them, and each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

__all__ = ["ARABIC", "LATIN", "lettered", "stated_letters"]

#: Letter as shown → the forms in which it is written.
Alphabet = Mapping[str, str]
LATIN: Alphabet = {letter: f"{letter}|{chr(ord(letter) + 0xFEE0)}" for letter in "ABCDEFGHIJ"}
ARABIC: Alphabet = {"أ": "[أاإآ]", "ب": "ب", "ج": "ج", "د": "د", "ه": "هـ|ه", "و": "و"}
_ENDS = r"[.)、．:：）]"
#: What a quoted option ends with.
_QUOTED = "'\",;}"


def lettered(text: str, alphabet: Alphabet = LATIN) -> tuple[str, dict[str, str]] | None:
    """The text before the options, and the options by letter; None where there are not two.

    Letters stand in their order, each before a full stop, a bracket or a colon, perhaps in quotes.
    Where a first letter occurs several times, it is the one that most options follow, the last of
    equals.
    """
    best: list[tuple[str, re.Match[str]]] = []
    first, *others = alphabet
    for start in _marks(text, alphabet[first], 0):
        chain, missed = [(first, start)], 0
        for letter in others:
            mark = next(_marks(text, alphabet[letter], chain[-1][1].end()), None)
            if mark is not None:
                chain.append((letter, mark))
            missed = missed + 1 if mark is None else 0
            if missed > 1:  # some questions leave one letter out
                break
        best = chain if len(chain) >= len(best) else best
    if len(best) < 2:
        return None
    ends = [mark.start() for _, mark in best[1:]] + [len(text)]
    options = {
        letter: _option(text[mark.end() : end], quoted=mark[0].lstrip()[:1] in "'\"")
        for (letter, mark), end in zip(best, ends, strict=True)
    }
    return text[: best[0][1].start()].strip().rstrip("{").rstrip(), options


def _marks(text: str, forms: str, start: int) -> Iterator[re.Match[str]]:
    """A letter's marks from a place on, not right there: "D. E. coli" has no option E."""
    mark = re.compile(rf"(?<![^\W_])['\"(（]?(?:{forms})['\"]?\s*{_ENDS}")
    found = mark.finditer(text, start)
    return (each for each in found if not start or text[start : each.start()].strip())


def _option(text: str, *, quoted: bool) -> str:
    return text.strip().strip(_QUOTED).strip() if quoted else text.strip()


def stated_letters(text: str, alphabet: Alphabet = LATIN) -> list[str]:
    """The letters that a key states, in their order: ``B``, ``ABD``, ``A, C``, ``B. its text``."""
    forms = "|".join(f"(?:{each})" for each in alphabet.values())
    stated = re.match(rf"\s*((?:(?:{forms})[\s,،、]*)+)(?:{_ENDS}|$)", text.upper())
    if stated is None:
        return []
    return [letter for letter, form in alphabet.items() if re.search(form, stated[1])]
