"""One condition of a search → which resources fulfil it.

Source: HL7 FHIR R4, Search, 3.1.1.4 (modifiers, prefixes, and the kinds of parameters).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from preceptor.environments.fhir.dates import COMPARISONS, prefixed, span, span_of_element
from preceptor.environments.fhir.elements import Code, at, codes, folded, reference, strings
from preceptor.environments.fhir.outcomes import Refusal
from preceptor.environments.fhir.parameters import Kind, Parameter

__all__ = ["Matches", "alternatives", "condition"]

Resource = Mapping[str, Any]
Matches = Callable[[Resource], bool]

_MODIFIERS: dict[Kind, tuple[str, ...]] = {
    "token": ("not", "text"),
    "string": ("exact", "contains"),
    "date": (),
    "reference": (),
    "quantity": (),
}
#: What a browser or a model leaves of the plus sign of a zone.
_LOST_PLUS = re.compile(r"(T[\d:.]+) (\d\d:\d\d)$")


def condition(name: str, modifier: str, found: Parameter, asked: str) -> Matches:
    """The test of ``name:modifier=asked``.

    Raises
    ------
    Refusal
        The modifier is not for such a parameter, or a value is not of its kind.
    """
    if modifier == "missing":
        return _missing(name, found, asked)
    typed = found.kind == "reference" and modifier[:1].isupper()
    if modifier and not typed and modifier not in _MODIFIERS[found.kind]:
        known = ", ".join(f":{each}" for each in (*_MODIFIERS[found.kind], "missing"))
        raise Refusal(
            400, "not-supported", f"{name}:{modifier}: {name} has the modifiers {known} here"
        )
    tests = [_MAKERS[found.kind](name, modifier, found, each) for each in alternatives(asked)]
    if not tests:
        raise Refusal(400, "value", f"{name}: no value is given")
    if modifier == "not":
        return lambda resource: not any(_any(found, test, resource) for test in tests)
    return lambda resource: any(_any(found, test, resource) for test in tests)


def alternatives(text: str) -> list[str]:
    """The values between commas, of which one is enough; a comma after a backslash is a letter."""
    parts = re.split(r"(?<!\\),", text)
    return [re.sub(r"\\([,|$\\])", r"\1", part) for part in parts if part]


def _any(found: Parameter, test: Callable[[Any], bool], resource: Resource) -> bool:
    return any(test(value) for path in found.paths for value in at(resource, path))


def _missing(name: str, found: Parameter, asked: str) -> Matches:
    if asked not in ("true", "false"):
        raise Refusal(400, "value", f"{name}:missing is true or false, not {asked!r}")
    wanted = asked == "true"
    return lambda resource: (
        wanted is not any(True for path in found.paths for _ in at(resource, path))
    )


def _token(name: str, modifier: str, found: Parameter, asked: str) -> Callable[[Any], bool]:
    if modifier == "text":
        start = folded(asked)
        return lambda value: any(
            folded(words).startswith(start) for each in codes(value) for words in each.words
        )
    system, bar, code = asked.rpartition("|")

    def fits(each: Code) -> bool:
        if bar and (each.system or "") != system:
            return False
        return each.code is not None and (each.code == code or (not code and bool(bar)))

    return lambda value: any(fits(each) for each in codes(value))


def _string(name: str, modifier: str, found: Parameter, asked: str) -> Callable[[Any], bool]:
    if modifier == "exact":
        return lambda value: any(each == asked for each in strings(value))
    wanted = folded(asked)
    if modifier == "contains":
        return lambda value: any(wanted in folded(each) for each in strings(value))
    return lambda value: any(folded(each).startswith(wanted) for each in strings(value))


def _date(name: str, modifier: str, found: Parameter, asked: str) -> Callable[[Any], bool]:
    prefix, text = prefixed(asked)
    try:
        wanted = span(_LOST_PLUS.sub(r"\1+\2", text))
    except ValueError as error:
        raise Refusal(400, "value", f"{name}: {error}") from None
    compare = COMPARISONS[prefix]

    def fits(value: Any) -> bool:
        held = span_of_element(value)
        return held is not None and compare(held, wanted)

    return fits


def _reference(name: str, modifier: str, found: Parameter, asked: str) -> Callable[[Any], bool]:
    kind, key = reference({"reference": asked}) or (None, "")
    targets: Iterable[str] = (modifier,) if modifier else found.targets
    if kind is not None:
        targets = (kind,)

    def fits(value: Any) -> bool:
        led = reference(value)
        if led is None or led[1] != key:
            return False
        return led[0] is None or not targets or led[0] in targets

    return fits


def _quantity(name: str, modifier: str, found: Parameter, asked: str) -> Callable[[Any], bool]:
    """``ge5.4|system|unit``. A number without a prefix is as precise as it is written."""
    number, *unit = asked.split("|")
    prefix, text = prefixed(number)
    try:
        wanted = Decimal(text)
        half = Decimal(5).scaleb(int(wanted.as_tuple().exponent) - 1)
    except (InvalidOperation, TypeError, ValueError):
        raise Refusal(400, "value", f"{name}: {text!r} is no number") from None
    if len(unit) not in (0, 2):
        raise Refusal(400, "value", f"{name}: {asked!r} is neither NUMBER nor NUMBER|SYSTEM|UNIT")

    def fits(value: Any) -> bool:
        held = _number(value)
        return held is not None and _unit(value, unit) and _compared(prefix, held, wanted, half)

    return fits


def _compared(prefix: str, held: Decimal, wanted: Decimal, half: Decimal) -> bool:
    within = wanted - half <= held < wanted + half
    if prefix in ("eq", "ne"):
        return within is (prefix == "eq")
    if prefix == "ap":
        return abs(held - wanted) <= abs(wanted) / 10
    if prefix in ("gt", "sa"):
        return held > wanted
    if prefix in ("lt", "eb"):
        return held < wanted
    return held >= wanted if prefix == "ge" else held <= wanted


def _number(value: Any) -> Decimal | None:
    held = value.get("value") if isinstance(value, Mapping) else None
    if isinstance(held, bool) or not isinstance(held, int | float | Decimal):
        return None
    return Decimal(str(held))


def _unit(value: Mapping[str, Any], asked: list[str]) -> bool:
    if not asked or not asked[1]:
        return True
    system, unit = asked
    if system:
        return value.get("system") == system and value.get("code") == unit
    return unit in (value.get("code"), value.get("unit"))


_MAKERS: dict[Kind, Callable[[str, str, Parameter, str], Callable[[Any], bool]]] = {
    "token": _token,
    "string": _string,
    "date": _date,
    "reference": _reference,
    "quantity": _quantity,
}
