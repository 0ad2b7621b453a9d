"""How answers are announced, by language: ISO 639-1 codes → words."""

from __future__ import annotations

from preceptor.scoring.languages.african import AFRICAN
from preceptor.scoring.languages.asian import ASIAN
from preceptor.scoring.languages.european import EUROPEAN
from preceptor.scoring.languages.indic import INDIC
from preceptor.scoring.languages.romance import ROMANCE
from preceptor.scoring.languages.words import Words

__all__ = ["LANGUAGES", "Words"]

#: Neighbours that share their words are one entry. English comes first: at one place of a text
#: the first language that fits is taken.
LANGUAGES: dict[str, Words] = {**EUROPEAN, **ROMANCE, **ASIAN, **INDIC, **AFRICAN}
