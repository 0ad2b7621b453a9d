"""Words that people write for met, not met and cannot tell."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from preceptor.cells import read_met

__all__ = ["CHOICES", "Choice", "read_mark"]

Choice = Literal["met", "not met", "cannot tell"]
CHOICES: tuple[Choice, ...] = ("met", "not met", "cannot tell")

#: In lower case, beside those of `preceptor.cells.read_met`.
_MET = {
    *("m", "x", "✓", "✔", "☑", "✅", "ok", "correct", "erfüllt", "zutreffend", "trifft zu"),
    *("rempli", "satisfait", "cumple", "cumplido", "atendido", "cumprido", "soddisfatto"),
    *("да", "выполнено", "はい", "満たす", "○", "是", "满足", "符合"),
}
_NOT_MET = {
    *("✗", "✘", "❌", "incorrect", "nicht erfüllt", "unerfüllt", "trifft nicht zu"),
    *("non rempli", "non satisfait", "no cumple", "no cumplido", "não atendido", "não cumprido"),
    *(
        "non soddisfatto",
        "нет",
        "не выполнено",
        "いいえ",
        "満たさない",
        "×",
        "否",
        "不满足",
        "不符合",
    ),
}
_CANNOT_TELL = {
    *("cannot tell", "can't tell", "can’t tell", "cant tell", "can not tell", "c", "?", "unsure"),
    *(
        "unclear",
        "don't know",
        "don’t know",
        "dont know",
        "not sure",
        "n/a",
        "na",
        "not applicable",
    ),
    *("unklar", "weiss nicht", "kann ich nicht sagen", "nicht beurteilbar"),
    *("je ne sais pas", "ne sait pas", "pas clair", "no sé", "no se sabe", "não sei", "non so"),
    *("не знаю", "неясно", "わからない", "不明", "不确定", "不知道"),
}


def read_mark(value: object) -> Choice | None:
    """What a cell says; None where it is blank.

    Raises
    ------
    ValueError
        Any other word: nothing is guessed.
    """
    if isinstance(value, str):
        plain = unicodedata.normalize("NFKC", value).casefold()
        word = " ".join(re.split(r"[\s_]+", plain.strip())).rstrip(".!")
        for words, choice in zip((_MET, _NOT_MET, _CANNOT_TELL), CHOICES, strict=True):
            if word in words:
                return choice
    try:
        met = read_met(value)
    except ValueError:
        raise ValueError(f"expected {CHOICES[0]}, {CHOICES[1]} or {CHOICES[2]}") from None
    return None if met is None else CHOICES[0] if met else CHOICES[1]
