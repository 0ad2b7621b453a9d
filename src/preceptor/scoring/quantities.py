"""Values with units: the same in another unit, and the conversions that laboratories use.

Units are those of the closed table of :mod:`preceptor.scoring.clinical_units`: what it does not
have is not converted. Amounts of substance become masses by molar masses as in the NIST SP 811
guide and the AMA Manual of Style, 11th edition, table 17.5-1.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

from preceptor.scoring.clinical_units import Unit, read_unit, scaled

__all__ = ["comparable", "converted", "decimals", "same_unit", "same_value"]

#: Words in the name of a quantity → g/mol; creatinine and the others as laboratories round them.
_MOLAR_MASS = {
    ("creatinine",): 113.12,
    ("bilirubin",): 584.66,
    ("triglyceride",): 885.7,
    ("cholesterol", "hdl", "ldl"): 386.7,
    ("glucose",): 180.16,
    ("bun", "urea"): 28.0,
    ("calcium", "serum_ca"): 40.08,
    ("uric",): 168.1,
}
#: Ions of one charge, of which a mmol is a mEq.
_MONOVALENT = ("sodium", "potassium", "chloride", "bicarbonate", "_na", "hco3")


def _plain(unit: str | None) -> str:
    """One spelling of a unit that the table does not have; empty where there is none."""
    said = unicodedata.normalize("NFKC", unit or "").casefold().replace("µ", "μ")
    return re.sub(r"[\s^*×·]", "", said)


def same_unit(one: str | None, other: str | None) -> bool:
    """Whether both are one unit, however they are spelt."""
    first, second = read_unit(one or ""), read_unit(other or "")
    if first is None or second is None:
        return _plain(one) == _plain(other)
    return first.kinds == second.kinds and abs(first.size / second.size - 1) < 1e-9


def converted(value: float, unit: str | None, wanted: str | None, name: str = "") -> float | None:
    """A value in another unit; None where the table does not have the conversion.

    Parameters
    ----------
    name
        What is measured, by which amounts of substance become masses.
    """
    if _plain(unit) == _plain(wanted):
        return value
    one, other = read_unit(unit or ""), read_unit(wanted or "")
    if one is None or other is None:
        return None
    about = name.casefold()
    mass = next((f for words, f in _MOLAR_MASS.items() if any(w in about for w in words)), None)
    charge = 1 if any(word in about for word in _MONOVALENT) else None
    return comparable(value, one, other, molar_mass=mass, charge=charge)


def comparable(
    value: float,
    unit: Unit,
    wanted: Unit,
    *,
    molar_mass: float | None = None,
    charge: float | None = None,
) -> float | None:
    """A value in another unit, by these where amounts of substance become masses or equivalents.

    Parameters
    ----------
    molar_mass
        In g/mol; None where it is not known: nothing is then guessed.
    charge
        Equivalents in a mole.

    Returns
    -------
    None where the units measure different things.
    """
    made = scaled(value, unit, wanted)
    if made is None and charge is not None:
        unit, wanted = (each.exchanged("eq", "mol", 1 / charge) for each in (unit, wanted))
        made = scaled(value, unit, wanted)
    if made is None and molar_mass is not None:
        unit, wanted = (each.exchanged("mol", "g", molar_mass) for each in (unit, wanted))
        made = scaled(value, unit, wanted)
    return made


def decimals(number: float) -> int:
    """Digits after the point, as it is written."""
    return max(0, -int(Decimal(str(number)).as_tuple().exponent)) if number % 1 else 0


def same_value(said: float, right: float, *, near: float = 0.0) -> bool:
    """Whether a value rounds to the right one, or differs by a share of ``near`` at most."""
    rounded = 0.5 * 10.0 ** -decimals(right)
    return abs(said - right) <= max(rounded, near * abs(right)) + 1e-9
