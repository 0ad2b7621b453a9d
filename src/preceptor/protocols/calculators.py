"""The use of a calculator: which one, its slots, their units, the result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from preceptor.environments.calculators import Calculators, Finish, Slot
from preceptor.environments.tools import FINISH
from preceptor.protocols.base import Protocol
from preceptor.protocols.scoring import Scoring
from preceptor.records import Graded, Response, Score, ToolCall
from preceptor.scoring.answers import PARSED, missing, scored
from preceptor.scoring.dates import read_date
from preceptor.scoring.names import OVERALL
from preceptor.scoring.quantities import converted, same_unit, same_value

__all__ = ["CALCULATORS", "CALCULATOR_LABELS", "Right", "RightSlot"]

#: Display names of the family's metrics, for a benchmark's ``labels``.
CALCULATOR_LABELS = {
    OVERALL: "Right calculator and result",
    PARSED: "Finished",
    "calculator": "Right calculator",
    "slots": "Slots filled rightly, of the right calculator",
    "converted": "Slots that need another unit and have it, of the right calculator",
    "result": "Right result, of the right calculator",
    "call": "Name and all arguments right",
}
#: Words for yes and no in a slot.
_TRUTH = {"true": 1.0, "yes": 1.0, "是": 1.0, "false": 0.0, "no": 0.0, "否": 0.0}
#: Share by which a converted value may differ.
_CONVERTED = 0.01


class RightSlot(msgspec.Struct, frozen=True):
    """A slot; ``given`` is the unit of the case where it is another than the slot's."""

    value: bool | int | float | str | None
    unit: str | None = None
    given: str | None = None


class Right(msgspec.Struct, frozen=True):
    """The target of an example. ``names`` are all names of the calculator."""

    names: tuple[str, ...]
    slots: Mapping[str, RightSlot]
    result: int | float | str


class CalculatorScoring(Scoring):
    """Right is the right calculator with the right result; with another calculator it is 0.

    ``slots``, ``converted`` and ``result`` are over the answers with the right calculator: slots of
    another one cannot be compared. A result rounds to the right one, as that is written.
    """

    shares = (OVERALL, PARSED, "calculator", "result", "call")

    def score(self, graded: Graded) -> Score:
        response = graded.response
        if response is None or response.failure is not None:
            names = (OVERALL, PARSED, "calculator", "call")
            return missing(graded, dict.fromkeys(names, (0.0, 1.0)))
        right, said = msgspec.convert(graded.example.target, Right), _finish(response)
        chosen = said is not None and _named(said.calculator) in map(_named, right.names)
        values = {OVERALL: 0.0, "calculator": float(chosen), "call": 0.0}
        if said is not None and chosen:
            values |= _stages(said, right)
        return scored(graded, values, None if said is None else msgspec.to_builtins(said))


def _stages(said: Finish, right: Right) -> dict[str, float]:
    given = {slot.name: slot for slot in said.parameters}
    filled = {name: _fits(given.get(name), name, slot) for name, slot in right.slots.items()}
    result = _same_result(said.result, right.result)
    values = {OVERALL: float(result), "result": float(result)}
    values["call"] = float(all(filled.values()) and given.keys() <= right.slots.keys())
    if filled:
        values["slots"] = sum(filled.values()) / len(filled)
    needed = {name: slot for name, slot in right.slots.items() if slot.given is not None}
    if needed:
        # A unit that is not stated is the slot's own.
        done = [
            filled[name] and (not given[name].unit or same_unit(given[name].unit, slot.unit))
            for name, slot in needed.items()
        ]
        values["converted"] = sum(done) / len(done)
    return values


def _finish(response: Response) -> Finish | None:
    """What the system ended with: in the state, else in its last call; None where it did not."""
    found: Any = response.state.get(FINISH) if isinstance(response.state, dict) else None
    if found is None:
        parts = [part for turn in response.turns for part in turn.message.parts]
        calls = [part for part in parts if isinstance(part, ToolCall) and part.name == FINISH]
        found = calls[-1].parsed if calls else None
    try:
        return msgspec.convert(found, Finish)
    except msgspec.ValidationError:
        return None


def _named(name: str) -> str:
    return "".join(name.casefold().split())


def _fits(said: Slot | None, name: str, right: RightSlot) -> bool:
    """Whether a slot has the right value, in its unit or in another of the same quantity."""
    value, wanted = _plain(None if said is None else said.value), _plain(right.value)
    if said is None or isinstance(value, str) or isinstance(wanted, str):
        return value == wanted
    if value is None or wanted is None:
        return value is wanted
    if not said.unit or not right.unit or same_unit(said.unit, right.unit):
        return same_value(value, wanted, near=_CONVERTED if right.given else 0.0)
    made = converted(value, said.unit, right.unit, name)
    return made is not None and same_value(made, wanted, near=_CONVERTED)


def _plain(value: bool | int | float | str | None) -> float | str | None:
    """A number, also where it is written as a text; yes as 1; a text in one spelling."""
    if value is None or isinstance(value, bool | int | float):
        return None if value is None else float(value)
    text = value.strip().casefold()
    try:
        return float(text)
    except ValueError:
        return _TRUTH.get(text, read_date(text) or text.replace("/", "-"))


def _same_result(said: int | float | str, right: int | float | str) -> bool:
    if isinstance(right, str):
        return read_date(right) is not None and read_date(str(said)) == read_date(right)
    number = _plain(said)
    return isinstance(number, float) and same_value(number, float(right))


CALCULATORS = Protocol("calculators", environment=Calculators(), scoring=CalculatorScoring())
