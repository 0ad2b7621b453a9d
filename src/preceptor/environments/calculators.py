"""Calculators as tools: what they take, units, and the end with a choice, its slots and a result.

A calculator is described, not computed: its rule is read, and the system computes.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Self

import msgspec

from preceptor.environments.base import Environment, Session
from preceptor.environments.tools import FINISH, FinishSession, ToolError, taken, tool_spec
from preceptor.records import Example
from preceptor.scoring.quantities import converted

__all__ = ["Calculators", "Finish", "Slot"]

_READ, _CONVERT = "read_calculator", "convert_unit"
#: Turns of a system, after which the interaction is ended.
_MOST_TURNS = 16


class _Strict(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a tool takes: nothing else, and nothing of another type."""


class _Named(_Strict, frozen=True):
    name: str


class _Conversion(_Strict, frozen=True):
    quantity: str
    value: int | float
    unit: str
    to: str


class Slot(_Strict, frozen=True):
    """One parameter of a calculator, with its unit where it has one."""

    name: str
    value: bool | int | float | str | None = None
    unit: str | None = None


class Finish(_Strict, frozen=True):
    """What a system ends with."""

    calculator: str
    parameters: tuple[Slot, ...]
    result: int | float | str


_TAKES: dict[str, tuple[type[_Strict], str]] = {
    _READ: (_Named, "Read what a calculator takes, in which units, and its rule."),
    _CONVERT: (
        _Conversion,
        "Convert the value of a quantity (creatinine, body weight, …) from its unit to another.",
    ),
    FINISH: (
        Finish,
        "End with the calculator, each parameter that it takes with its value and unit (null where "
        "it is not known), and the result: a number, or a date.",
    ),
}


class _Session(FinishSession):
    """Answers calls until the system finishes."""

    max_turns = _MOST_TURNS
    tools = tuple(tool_spec(name, words, takes) for name, (takes, words) in _TAKES.items())

    def __init__(self, described: Mapping[str, str]) -> None:
        self.described = described
        self.finish: Finish | None = None

    async def call(self, name: str, arguments: Mapping[str, Any]) -> str:
        given = taken(name, arguments, _TAKES[name][0])
        if isinstance(given, Finish):
            self.finish = given
            return "The task has ended."
        if isinstance(given, _Conversion):
            made = converted(given.value, given.unit, given.to, given.quantity)
            if made is None:
                words = f"from {given.unit} to {given.to} for {given.quantity}"
                raise ToolError(f"{name}: there is no conversion {words}")
            return f"{made:.6g} {given.to}"
        assert isinstance(given, _Named)
        known = {title.casefold().strip(): words for title, words in self.described.items()}
        words = known.get(given.name.casefold().strip(), "")
        if not words:
            raise ToolError(f"{name}: there is no calculator {given.name[:100]}: see the list")
        return words

    @property
    def state(self) -> Any:
        return {FINISH: None if self.finish is None else msgspec.to_builtins(self.finish)}


class Calculators(Environment):
    """A benchmark's materials are its calculators: name → what it takes, and its rule."""

    needs = frozenset({"tools"})
    usual_turns = 3
    described: Mapping[str, str] = {}

    def furnished(self, materials: bytes) -> Self:
        made = copy.copy(self)
        made.described = msgspec.json.decode(materials, type=dict[str, str])
        return made

    def open(self, example: Example) -> Session:
        return _Session(self.described)
