"""Values with units: one spelling for each unit, and the conversions that laboratories use.

The table is closed: what it does not have is not converted. Factors from molar masses as in the
NIST SP 811 guide and the AMA Manual of Style, 11th edition, table 17.5-1.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal

__all__ = ["converted", "decimals", "same_unit", "same_value"]

#: Other spellings of a unit → the one used here; both without blanks and in lower case.
_SPELLED = {
    **dict.fromkeys(("years", "year", "yr", "yrs", "y", "岁", "歲"), "years"),
    **dict.fromkeys(("days", "day", "d", "天", "日"), "days"),
    **dict.fromkeys(("°c", "c", "celsius", "degc", "degreescelsius", "摄氏度"), "°c"),
    **dict.fromkeys(("°f", "f", "fahrenheit", "degf"), "°f"),
    **dict.fromkeys(("bpm", "/min", "permin", "beats/min", "breaths/min", "次/分"), "/min"),
    **dict.fromkeys(("次/分钟", "beatsperminute", "breathsperminute", "perminute"), "/min"),
    **dict.fromkeys(("beats/minute", "breaths/minute", "/minute"), "/min"),
    **dict.fromkeys(("iu/l", "u/l"), "u/l"),
    **dict.fromkeys(("lb", "lbs", "pounds"), "lb"),
    **dict.fromkeys(("in", "inch", "inches"), "in"),
    **dict.fromkeys(("kg", "公斤", "千克"), "kg"),
    **dict.fromkeys(("cm", "厘米"), "cm"),
}
#: Words in the name of a quantity → mg/dL that one mmol/L of it is.
_MG_DL = {
    ("creatinine",): 11.312,
    ("bilirubin",): 58.466,
    ("triglyceride",): 88.57,
    ("cholesterol", "hdl", "ldl"): 38.67,
    ("glucose",): 18.016,
    ("bun", "urea"): 2.8,
    ("calcium", "serum_ca"): 4.008,
    ("uric",): 16.81,
}
#: Ions of one charge, of which a mmol is a mEq.
_MONOVALENT = ("sodium", "potassium", "chloride", "bicarbonate", "_na", "hco3")
#: Units of one kind, whatever is measured: unit → how many of the first one it is.
_SCALES: tuple[dict[str, float], ...] = (
    {"g/dl": 1, "g/l": 0.1, "mg/dl": 0.001, "mg/l": 0.0001},
    {"mmol/l": 1, "μmol/l": 0.001, "mol/l": 1000},
    {"kg": 1, "g": 0.001, "lb": 0.45359237},
    {"cm": 1, "m": 100, "mm": 0.1, "in": 2.54},
    {"mmhg": 1, "kpa": 7.50062},
    {"109/l": 1, "103/μl": 1, "/μl": 0.001, "106/l": 0.001, "1012/l": 1000},
)


def _plain(unit: str | None) -> str:
    """One spelling of a unit; empty where there is none."""
    said = unicodedata.normalize("NFKC", unit or "").casefold().replace("µ", "μ")
    said = re.sub(r"[\s^*×·]|cells|个", "", said).removeprefix("x").replace("l-1", "/l")
    return _SPELLED.get(said, said)


def same_unit(one: str | None, other: str | None) -> bool:
    """Whether both are one unit, however they are spelt."""
    return _plain(one) == _plain(other)


def converted(value: float, unit: str | None, wanted: str | None, name: str = "") -> float | None:
    """A value in another unit; None where the table does not have the conversion.

    Parameters
    ----------
    name
        What is measured, by which amounts of substance become masses.
    """
    one, other = _plain(unit), _plain(wanted)
    if one == other:
        return value
    if {one, other} == {"°c", "°f"}:
        return (value - 32) / 1.8 if one == "°f" else value * 1.8 + 32
    about = name.casefold()
    if any(word in about for word in _MONOVALENT):
        one, other = (each.replace("meq/l", "mmol/l") for each in (one, other))
    for factor in _factors(one, other, about):
        return value * factor
    return None


def _factors(one: str, other: str, about: str) -> Iterator[float]:
    """The factor from one unit to the other, where there is one."""
    if one == other:
        yield 1.0
    for scale in _SCALES:
        if one in scale and other in scale:
            yield scale[one] / scale[other]
    masses, moles = _SCALES[:2]
    each = next((f for words, f in _MG_DL.items() if any(w in about for w in words)), None)
    if each is not None and one in moles and other in masses:
        yield moles[one] * each * masses["mg/dl"] / masses[other]
    if each is not None and one in masses and other in moles:
        yield masses[one] / masses["mg/dl"] / each / moles[other]


def decimals(number: float) -> int:
    """Digits after the point, as it is written."""
    return max(0, -int(Decimal(str(number)).as_tuple().exponent)) if number % 1 else 0


def same_value(said: float, right: float, *, near: float = 0.0) -> bool:
    """Whether a value rounds to the right one, or differs by a share of ``near`` at most."""
    rounded = 0.5 * 10.0 ** -decimals(right)
    return abs(said - right) <= max(rounded, near * abs(right)) + 1e-9
