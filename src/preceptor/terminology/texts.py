"""Texts as a search compares them, and what makes one hard to find."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["fold", "is_abbreviation"]

_SHORT = re.compile(r"[^\W_][\w.-]{1,5}")


def fold(text: str) -> str:
    """Small letters without accents, and single blanks.

    >>> fold("Úlcera  gástrica")
    'ulcera gastrica'
    """
    apart = unicodedata.normalize("NFKD", " ".join(text.split()).casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def is_abbreviation(text: str) -> bool:
    """Whether it is one word of 2 to 6 capitals, digits, points and hyphens.

    >>> is_abbreviation("HTA"), is_abbreviation("VIH-1"), is_abbreviation("Asma")
    (True, True, False)
    """
    letters = sum(map(str.isalpha, text))
    return bool(_SHORT.fullmatch(text)) and text == text.upper() and letters > 1
