"""Values of table cells: missing, a label of met or not met, a number, a list."""

from __future__ import annotations

import ast
import decimal
import re
import warnings
from collections.abc import Mapping
from typing import Any

import msgspec

from preceptor.rows import SemicolonRow

__all__ = [
    "MET_WORDS",
    "at_path",
    "decoded",
    "is_error",
    "is_missing",
    "listed",
    "quoted",
    "read_met",
    "read_number",
]

#: Longest text, in characters, that is read as a list or object.
_MOST_QUOTED = 2**18
_MISSING = {"", "nan", "none", "null", "n/a", "na", "#n/a"}
#: Words of labels in lower case; Excel writes true and false in the user's language.
_MET = {
    *("1", "true", "t", "yes", "y", "met", "pass", "passed", "fulfilled", "satisfied"),
    *("ja", "j", "oui", "si", "sí", "sim", "wahr", "vrai", "verdadero", "vero", "verdadeiro"),
}
_NOT_MET = {
    *("0", "false", "f", "no", "n", "not met", "notmet", "unmet", "fail", "failed"),
    *("not fulfilled", "not satisfied", "nein", "non", "não", "falsch", "faux", "falso"),
}
MET_WORDS = "true, false or null (or 1 and 0, met and not met, yes and no, pass and fail)"


def is_missing(value: object) -> bool:
    """Whether a cell has no value: null, NaN, an empty text, or a word such as ``n/a``."""
    if isinstance(value, str):
        return value.strip().casefold() in _MISSING
    return value is None or value != value  # noqa: PLR0124 (NaN, also of a decimal)


#: As programs show them in English, German, French, Spanish and Portuguese.
_ERROR = re.compile(
    r"#(N/A|NV|N/D|N/DISP|REF!|BEZUG!|¡REF!|VALUE!|WERT!|VALEUR ?!|¡VALOR!|VALOR!|NAME\?|NOM ?\?"
    r"|¿NOMBRE\?|NOME\?|DIV/0!|¡DIV/0!|NUM!|ZAHL!|NOMBRE ?!|¡NUM!|NÚM!|NULL!|NUL ?!|¡NULO!|NULO!"
    r"|SPILL!|CALC!|GETTING_DATA|FIELD!|BLOCKED!|CONNECT!|#+)|#{3,}|Err:\d{3}",
    re.IGNORECASE,
)


def is_error(text: str) -> bool:
    """Whether a cell shows an error of its spreadsheet program, such as ``#REF!``."""
    return len(text) < 20 and _ERROR.fullmatch(text.strip()) is not None


def read_met(value: object) -> bool | None:
    """Whether a label says that a criterion is met; None where it is missing.

    Raises
    ------
    ValueError
        Any other value: nothing is guessed.
    """
    if is_missing(value):
        return None
    if isinstance(value, int | float | decimal.Decimal) and value in (0, 1):
        return bool(value)
    if isinstance(value, str):
        word = " ".join(re.split(r"[\s_-]+", value.strip().casefold()))
        word = re.sub(r"^([01])[.,]0+$", r"\1", word)
        if word in _MET or word in _NOT_MET:
            return word in _MET
    raise ValueError(f"expected {MET_WORDS}")


def read_number(text: str, row: Mapping[str, Any]) -> float:
    """The number in a cell. A decimal comma is read in rows with ``;`` between their cells.

    Raises
    ------
    ValueError
        Not a number. The message says so where a decimal comma is the reason.
    """
    plain = text.strip()
    if re.fullmatch(r"[+-]?(\d{1,3}([.\s’']\d{3})+|\d+),\d+", plain):
        if not isinstance(row, SemicolonRow):
            raise ValueError("a number with a decimal point and no comma")
        plain = re.sub(r"[.\s’']", "", plain).replace(",", ".")
    try:
        return float(plain)
    except ValueError:
        raise ValueError("a number") from None


def quoted(text: str) -> Any:
    """The list or object in a text, written as JSON or as Python prints it.

    Raises
    ------
    ValueError
        Not a list or object, or longer than is read.
    """
    if len(text) > _MOST_QUOTED or not text.lstrip().startswith(("[", "{", "(")):
        raise ValueError("not a list or an object")
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    try:
        with warnings.catch_warnings(action="ignore"):  # of escapes such as \\d
            return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        raise ValueError("not a list or an object") from None


def decoded(value: object) -> Any:
    """The list or object in a text; anything else unchanged."""
    try:
        return quoted(value) if isinstance(value, str) else value
    except ValueError:
        return value


def listed(value: object) -> object:
    """A list, even if a table wrote it as text; anything else unchanged."""
    try:
        return list(quoted(value)) if isinstance(value, str) else value
    except (ValueError, TypeError):
        return value


def _lacks(item: object, head: str) -> bool:
    return not isinstance(item, Mapping | list | tuple) or (
        isinstance(item, Mapping) and not any(str(n).partition(".")[0] == head for n in item)
    )


def at_path(value: Any, path: str) -> Any:
    """The value at a dotted path (``response.body.choices.0.message.content``); None if absent.

    A field whose own name has dots comes first. A number is a place in a list; another name is
    read in each item of a list, and gives a list. A text that holds a list or object is read as it.
    """
    value = decoded(value)
    if isinstance(value, Mapping):
        if path in value:
            return value[path]
        heads = [path[:place] for place, sign in enumerate(path) if sign == "."]
        found = (at_path(value[h], path[len(h) + 1 :]) for h in reversed(heads) if h in value)
        return next((each for each in found if each is not None), None)
    if isinstance(value, list | tuple):
        head, _, rest = path.partition(".")
        if head.lstrip("-").isdigit():
            try:
                inside = value[int(head)]
            except (IndexError, ValueError):
                return None
            return at_path(inside, rest) if rest else inside
        # A null is a missing item; an item without the field is another kind of item.
        there = [each for each in map(decoded, value) if not _lacks(each, head)]
        items = [at_path(item, path) for item in there]
        return items if any(each is not None for each in items) else None
    return None
