"""Texts as the search compares them: folded, cut into words and stems, with their wording."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from preceptor.terminology.texts import fold

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MAX_TEXT", "MODIFIERS", "WORDINGS", "fold", "modifiers", "plain", "stems", "wordings"]

#: Characters of a mention or a title that are read: more is a paragraph, not a mention.
MAX_TEXT = 500
_STEM = 5
_WORD = re.compile(r"[^\W_]+")
#: Wordings of a title that are its code's place in the list rather than a disease.
WORDINGS: dict[str, str] = {
    "unspecified": r"no especificad|sin especificar|nao especificad|non? precise|sans precision|"
    r"unspecified|not otherwise specified",
    "other": r"\botr[oa]s?\b|\boutr[oa]s?\b|\bautres?\b|\bother\b",
    "elsewhere": r"en otra parte|em outra parte|clasificad[oa]s? en|ailleurs|elsewhere",
    "history": r"historia|antecedente|historico|antecedent|history",
    "sequela": r"secuela|sequela|sequelle",
    "encounter": r"contacto|encuentro|atencion|admision|consulta|encounter|contact|examen",
    "external": r"accident|agresion|caida|conductor|peaton|pasajero|colision|exposicion|"
    r"assault|fall|driver|pedestrian|passenger|collision|exposure",
    "pregnancy": r"embaraz|parto|puerper|gravid|gestac|grossesse|pregnan|childbirth|newborn|"
    r"recien nacido",
}
#: What mention and title may agree or disagree in → the two sides, if any.
MODIFIERS: dict[str, tuple[str, str]] = {
    "side": (r"derech|direit|\bdroite?|\bright", r"izquierd|esquerd|gauche|\bleft"),
    "course": (r"\bagud|\baigue?|\bacute", r"cronic|chroni"),
    "behaviour": (r"benign|benin", r"malign"),
    "origin": (r"primari|primaire|primary", r"secundari|secondair|secondary|metasta"),
    "birth": (r"congenit", r"adquirid|acquis|acquired"),
}
_WORDINGS = [re.compile(pattern) for pattern in WORDINGS.values()]
_SIDES = [(re.compile(one), re.compile(other)) for one, other in MODIFIERS.values()]


def plain(text: str) -> str:
    """One line without control characters, of bounded length."""
    whole = "".join(sign if sign.isprintable() else " " for sign in text[: 4 * MAX_TEXT])
    return " ".join(whole.split())[:MAX_TEXT]


def stems(folded: str) -> list[str]:
    """The first five letters of each word, each once."""
    return list(dict.fromkeys(word[:_STEM] for word in _WORD.findall(folded)))


def wordings(folded: Sequence[str]) -> NDArray[np.float32]:
    """Which of ``WORDINGS`` each text has, (texts, wordings)."""
    import numpy as np

    found = [[bool(pattern.search(text)) for pattern in _WORDINGS] for text in folded]
    return np.array(found, dtype=np.float32).reshape(len(folded), len(_WORDINGS))


def modifiers(folded: Sequence[str]) -> NDArray[np.float32]:
    """1 for the first side, −1 for the second, 0 for neither or both, (texts, modifiers)."""
    import numpy as np

    found = [
        [bool(one.search(text)) - bool(other.search(text)) for one, other in _SIDES]
        for text in folded
    ]
    return np.array(found, dtype=np.float32).reshape(len(folded), len(_SIDES))
