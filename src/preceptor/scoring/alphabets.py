"""Option letters as people and models write them, in many scripts → the labels of the options."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

__all__ = ["BEFORE", "CJK", "Letters", "letters"]

#: Scripts without spaces between words: what stands there beside a Latin letter is no part of it.
CJK = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff"
#: Vowel signs and accents: for Python no part of a word, so that a boundary must name them.
_MARKS = (
    "\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc"
    "\u0900-\u0903\u093a-\u093c\u093e-\u094f\u0951-\u0957\u0962\u0963\u0981-\u0983\u09bc\u09be-\u09cd\u09d7\u09e2\u09e3"
    "\u0a01-\u0a03\u0a3c-\u0a51\u0a81-\u0a83\u0abc-\u0acd\u0b82\u0bbe-\u0bcd\u0c00-\u0c03\u0c3e-\u0c56\u0c81-\u0c83\u0cbc-\u0cd6\u0d00-\u0d03\u0d3b-\u0d4d"
    "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
)
#: What must not stand before, and after, a letter that stands for an option.
BEFORE = rf"(?<![^\W{CJK}])(?<![{_MARKS}])"
_AFTER = rf"(?![^\W{CJK}]|[{_MARKS}])"

#: First, second, third … option. Several alphabets are in use for Arabic, Hindi and Chinese.
_ORDERS = (
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "АБВГДЕ",
    "ΑΒΓΔΕ",
    "أبجده",
    "ابجده",
    "אבגדה",
    "कखगघङ",
    "अबसद",
    "কখগঘঙ",
    "ሀለሐመሠ",
    "ㄱㄴㄷㄹㅁ",
    "กขคงจ",
    "甲乙丙丁戊",
    "アイウエオ",
    "가나다라마",
)
_SPELT = (("ए", "बी", "सी", "डी", "ई"), ("এ", "বি", "সি", "ডি", "ই"), ("الف", "ب", "ج", "د", "ه"))
#: Letters of other alphabets that look like a Latin one.
_LOOK_ALIKE = dict(zip("АВСЕНТКМОРХΑΒΕ", "ABCEHTKMOPXABE", strict=True))


class Letters:
    """What may be written for the options with these labels.

    Attributes
    ----------
    token
        Matches one such letter, as a word of its own.
    """

    def __init__(self, labels: Sequence[str], positions: bool) -> None:
        found: dict[str, set[str]] = {}
        orders = [list(order) for order in _ORDERS] + [list(order) for order in _SPELT]
        if positions:
            orders.append(list("123456789"))
        for order in orders:
            for written, label in zip(order, labels, strict=False):
                found.setdefault(written, set()).add(label)
        for written, latin in _LOOK_ALIKE.items():
            if latin in labels:
                found.setdefault(written, set()).add(latin)
        # What is printed before the options is what it says, whatever its place in an alphabet.
        found.update({label: {label} for label in labels})
        self._meant = found
        for written in list(found):
            if written.lower() not in found:
                found[written.lower()] = found[written]
        wide = [each for each in found if re.fullmatch(f"[{CJK}]", each)]
        narrow = sorted((each for each in found if each not in wide), key=len, reverse=True)
        either = "|".join(map(re.escape, narrow))
        forms = ([rf"{BEFORE}(?:{either}){_AFTER}"] if narrow else []) + [
            rf"[{''.join(each)}](?!\w)" for each in (wide,) if each
        ]
        self.token = re.compile("|".join(forms) or "(?!)")

    def meant(self, written: str) -> frozenset[str]:
        """The labels that a written letter may stand for: more than one for a Cyrillic В."""
        return frozenset(self._meant[written])


@lru_cache(maxsize=64)
def letters(labels: tuple[str, ...], positions: bool) -> Letters:
    """The letters for options with these labels; with ``positions`` also 1, 2, 3 by place."""
    return Letters(labels, positions)
