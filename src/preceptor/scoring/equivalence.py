"""Whether a free answer states the same quantity as the reference: value, unit, interval or set."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from preceptor.scoring.clinical_units import NO_UNIT, Unit, leading_unit, read_unit
from preceptor.scoring.numbers import amount_in, is_no_value
from preceptor.scoring.numerals import Amount, amounts, normal
from preceptor.scoring.quantities import comparable
from preceptor.scoring.statements import Statement, Unreadable, first_stated

__all__ = ["Quantity", "Rule", "Verdict", "compared", "read_quantities", "stated_quantities"]

#: How an answer stands to the reference.
Verdict = Literal["right", "unit missing", "unit not understood", "other unit", "other value"]
#: From the best to the worst, for a set: it is as good as the worst of its members.
_ORDER: tuple[Verdict, ...] = (
    "right",
    "unit missing",
    "unit not understood",
    "other unit",
    "other value",
)
_NUMERALS = re.compile(r"\d[\d.,\u202f'_ ]*(?<=\d)(?!\d)|\.\d+|\d")
#: Digits behind the point up to which a fraction such as 1/3 is compared.
_EXACT = 9
#: A word that may be a unit which the table lacks ends here.
_ENDS = ".,;:!?)]}\"'\n"


class Quantity(msgspec.Struct, frozen=True):
    """A value or interval with its unit.

    Attributes
    ----------
    low, high
        Both ends of an interval; the same for a value.
    digits
        Of each end, the digits behind the point as it is written: 2 for 5.60, −8 for 5.1 × 10^9.
    unit
        As it is written, "" without one.
    """

    low: float
    high: float
    digits: tuple[int, int] = (0, 0)
    unit: str = ""

    def shown(self) -> str:
        """``3.5–5 mmol/L``."""
        ends = f"{self.low:g}" if self.low == self.high else f"{self.low:g}–{self.high:g}"
        return f"{ends} {self.unit}".strip()


class Rule(msgspec.Struct, frozen=True):
    """When two values are one.

    Attributes
    ----------
    tolerance
        Share of the reference that a value may be off; None: it must round to the reference, as
        many digits as that has.
    lower, upper
        Instead of both: values from here to there are right, in the reference's unit.
    molar_mass, charge
        g/mol, and equivalents in a mole: by these mg/dL, mmol/L and mEq/L become each other.
    """

    tolerance: float | None = None
    lower: float | None = None
    upper: float | None = None
    molar_mass: float | None = None
    charge: float | None = None


def stated_quantities(text: str, unit: str | None = None) -> list[Quantity]:
    """The quantities of a reference, such as ``3.5-5.0 mmol/L`` or ``10 mg; 20 mg``.

    Raises
    ------
    ValueError
        Saying what cannot be read: no number, other words, a unit that is not in the table.
    """
    plain = normal(text)
    found = _quantities(plain, amounts(plain))
    if not found:
        raise ValueError("a number with its unit")
    left = _rest(plain, amounts(plain))
    if left:
        raise ValueError("a number and a unit of the table, and no other words")
    if unit is not None:
        if any(each.unit for each in found):
            raise ValueError("the unit in one place, in `answer` or `unit`")
        found = [msgspec.structs.replace(each, unit=unit) for each in found]
    return found


def _rest(text: str, found: Sequence[Amount]) -> str:
    """What a text has beside amounts, their units and the signs between them."""
    place, parts = 0, []
    for each in found:
        parts.append(text[place : each.start])
        led = leading_unit(text[each.end :])
        skipped = len(text[each.end :]) - len(text[each.end :].lstrip())
        place = each.end + (skipped + len(led[0]) if led else 0)
    return "".join([*parts, text[place:]]).strip(" ;,[]\"'").strip()


def _quantities(text: str, found: Sequence[Amount]) -> list[Quantity]:
    """Amounts with their units; one without takes that of the next, as in "10, 20 and 30 mg"."""
    made: list[Quantity] = []
    unit = ""
    for each in reversed(found):
        low = each.low if each.value is None else each.value
        high = each.high if each.value is None else each.value
        if low is None or high is None:
            continue
        unit = _unit_at(text, each) or unit
        written = _NUMERALS.findall(text[each.start : each.end])
        first = _digits(written, low)
        last = first if low == high else _digits(written[::-1], high)
        ends = (low, high, first, last) if low <= high else (high, low, last, first)
        made.append(Quantity(ends[0], ends[1], ends[2:], unit))
    return made[::-1]


def _digits(written: Sequence[str], value: float) -> int:
    """k, where a value is the digits of the first fitting numeral times 10^−k."""
    for numeral in written:
        digits = int(re.sub(r"\D", "", numeral))
        if not digits and not value:
            return len(numeral.replace(",", ".").partition(".")[2])
        power = math.log10(digits / abs(value)) if digits and value else 0.5
        if abs(power - round(power)) < 1e-9:
            return round(power)
    return _EXACT


def _unit_at(text: str, amount: Amount) -> str:
    """The unit behind an amount, as written; a word that can only be one, too."""
    behind = text[amount.end :]
    if found := leading_unit(behind):
        return found[0]
    word = behind.split(maxsplit=1)[:1]
    if not word or (behind[:1] in _ENDS and behind[:1] != ""):
        return ""
    first = word[0].rstrip(_ENDS)
    last = word[0][len(first) :] != "" or not behind.split(maxsplit=1)[1:]
    odd = any(sign in first for sign in "/%°")
    return first if first[:1].isalpha() and (odd or last) else first if odd else ""


def read_quantities(text: str, *, several: bool = False, asked: str = "") -> list[Quantity] | str:
    """The quantities that a free answer states: one, or ``several``.

    :data:`ABSTAINED` where it says that there is none; an empty list where it cannot be read.

    Parameters
    ----------
    asked
        The question: of one quantity in two units, that which it names counts.
    """

    def read(statement: Statement) -> list[Quantity] | str | None:
        plain, found = amount_in(statement, asked)
        if isinstance(found, str):
            return found
        if found is None:
            return None
        if several:
            return _quantities(plain, amounts(plain, statement.convention)) or None
        if found.low is None and (found.value is None or is_no_value(plain, found)):
            raise Unreadable
        return _quantities(plain, [found])

    return first_stated(text, read) or []


def compared(
    said: Sequence[Quantity], right: Sequence[Quantity], rule: Rule | None = None
) -> Verdict:
    """How quantities of an answer stand to those of the reference, in whatever order.

    Each of the reference must be said once, and nothing else. The verdict of a set is that of its
    worst member, in the pairing that is best.
    """
    rule = rule or Rule()
    if len(said) != len(right):
        return "other value"
    marks = [[_ORDER.index(_one(each, other, rule)) for other in right] for each in said]
    for worst, verdict in enumerate(_ORDER):
        if _pairs([[mark <= worst for mark in row] for row in marks]):
            return verdict
    return "other value"


def _pairs(allowed: Sequence[Sequence[bool]]) -> bool:
    """Whether every row can have a column of its own (augmenting paths)."""
    held: dict[int, int] = {}

    def place(row: int, tried: set[int]) -> bool:
        for column, fits in enumerate(allowed[row]):
            if fits and column not in tried:
                tried.add(column)
                if column not in held or place(held[column], tried):
                    held[column] = row
                    return True
        return False

    return all(place(row, set()) for row in range(len(allowed)))


def _one(said: Quantity, right: Quantity, rule: Rule) -> Verdict:
    wanted = read_unit(right.unit) if right.unit not in ("", NO_UNIT) else Unit(1.0, ())
    unit = read_unit(said.unit) if said.unit else None
    assert wanted is not None
    if not right.unit or not said.unit:
        return _without(said, right, wanted, unit, rule)
    if unit is None:
        return "unit not understood"
    ends = [
        comparable(end, unit, wanted, molar_mass=rule.molar_mass, charge=rule.charge)
        for end in (said.low, said.high)
    ]
    if ends[0] is None or ends[1] is None:
        return "other unit"
    return "right" if _near((ends[0], ends[1]), right, rule) else "other value"


def _without(
    said: Quantity, right: Quantity, wanted: Unit, unit: Unit | None, rule: Rule
) -> Verdict:
    """Where the reference or the answer has no unit. A share may be 25 % or 0.25."""
    plain = _near((said.low, said.high), right, rule)
    if not right.unit and unit is not None and not unit.kinds and unit.size != 1:
        share = (said.low * unit.size, said.high * unit.size)
        return "right" if plain or _near(share, right, rule) else "other value"
    if not right.unit or right.unit == NO_UNIT:
        return "right" if plain else "other value"
    if not wanted.kinds and wanted.size != 1:
        share = (said.low / wanted.size, said.high / wanted.size)
        if _near(share, right, rule):
            return "right"
    elif not wanted.kinds:
        return "right" if plain else "other value"
    return "unit missing" if plain else "other value"


def _near(said: tuple[float, float], right: Quantity, rule: Rule) -> bool:
    if rule.lower is not None and rule.upper is not None:
        slack = 1e-9 * max(abs(rule.lower), abs(rule.upper))
        return rule.lower - slack <= said[0] and said[1] <= rule.upper + slack
    return all(
        _close(end, other, digits, rule.tolerance)
        for end, other, digits in zip(said, (right.low, right.high), right.digits, strict=True)
    )


def _close(said: float, right: float, digits: int, tolerance: float | None) -> bool:
    if not math.isfinite(said):
        return False
    rounding = 0.5 * 10.0**-digits
    off = rounding if tolerance is None else tolerance * abs(right)
    return abs(said - right) <= off + 1e-9 * max(1.0, abs(right))
