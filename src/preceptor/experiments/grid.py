"""Grid of a sweep: the settings of each cell, from ``KEY=V1,V2`` texts."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from preceptor.errors import InputError, shorten
from preceptor.systems import parse_parameters
from preceptor.systems.base import Parameters

__all__ = ["INSTRUCTION", "INSTRUCTIONS", "Cell", "grid", "read_vary"]

INSTRUCTION = "instruction"
#: Instructions on verbosity, in our own words; None adds no instruction.
INSTRUCTIONS: dict[str, str | None] = {
    "brief": "Keep your answer short: a few sentences with what matters most, and nothing else.",
    "normal": None,
    "thorough": "Answer thoroughly: explain what lies behind your advice, go through the "
    "possibilities that matter, say what to do in each case and what to watch for.",
}
#: Keys that answers depend on.
KEYS = (
    "system_prompt",
    "temperature",
    "max_tokens",
    "reasoning_effort",
    "verbosity",
    "seed",
    "api",
    "extra_body",
    INSTRUCTION,
)
#: Keys that change the length of answers; comparisons of length hold all others fixed.
LENGTH_KEYS = ("verbosity", INSTRUCTION, "max_tokens")
_MAX_NAME = 40


class Cell(msgspec.Struct, frozen=True):
    """One combination of values.

    Attributes
    ----------
    values
        Key → short name of the value; for a file its stem, not its text.
    parameters
        Parameters of the system.
    """

    values: dict[str, str]
    parameters: Parameters

    @property
    def name(self) -> str:
        """``key=value,key=value``."""
        return ",".join(f"{key}={value}" for key, value in self.values.items())

    @property
    def setting(self) -> dict[str, str]:
        """Values of the keys that do not change the length of answers."""
        return {key: value for key, value in self.values.items() if key not in LENGTH_KEYS}


def read_vary(texts: Sequence[str]) -> dict[str, list[str]]:
    """Read ``KEY=V1,V2`` texts as key → values. Raises InputError for another form."""
    found: dict[str, list[str]] = {}
    for text in texts:
        key, equals, values = text.partition("=")
        if not equals or not key:
            raise InputError(f"--vary {shorten(text)}: expected KEY=VALUE,VALUE")
        if key in found:
            raise InputError(f"--vary {key}: given twice; list all its values in one option")
        found[key] = values.split(",")
    return found


def grid(vary: Mapping[str, Sequence[str]], system: str, given: Sequence[str] = ()) -> list[Cell]:
    """List every combination of the values, the last key varying fastest.

    Parameters
    ----------
    vary
        Key → values; ``@FILE`` is the text in a file.
    system
        Address of the system, which decides what keys are allowed.
    given
        Fixed parameters, as ``key=value`` texts.

    Raises
    ------
    InputError
        A key or value is not allowed, or two cells are the same.
    """
    if not vary:
        raise InputError("--vary: expected at least one KEY=VALUE,VALUE")
    fixed = parse_parameters(given, "--system-param", address=system)
    twice = {text.partition("=")[0] for text in given} & set(vary)
    if twice:
        name = min(twice)
        raise InputError(f"--vary {name}: also given with --system-param; give only one of them")
    axes = {key: _axis(key, values, system) for key, values in vary.items()}
    cells = [
        Cell(dict(zip(axes, names, strict=True)), _parameters(axes, names, fixed))
        for names in itertools.product(*axes.values())
    ]
    seen: dict[bytes, Cell] = {}
    for cell in cells:
        other = seen.setdefault(msgspec.json.encode(cell.parameters), cell)
        if other is not cell:
            raise InputError(f"--vary: the cells {other.name} and {cell.name} are the same")
    return cells


def _axis(key: str, values: Sequence[str], system: str) -> dict[str, Parameters]:
    """Map the short name of each value to parameters that hold only this value."""
    if key not in KEYS:
        raise InputError(f"--vary {shorten(key)}: expected one of {', '.join(KEYS)}")
    axis: dict[str, Parameters] = {}
    for value in values:
        if not value.strip():
            raise InputError(f"--vary {key}: expected VALUE,VALUE, found an empty one")
        name = _value_name(value)
        if name in axis:
            raise InputError(f"--vary {key}: two values are called {name}; rename one")
        axis[name] = _value(key, value, system)
    if not axis:
        raise InputError(f"--vary {key}: expected VALUE,VALUE, found none")
    return axis


def _value_name(value: str) -> str:
    stem = Path(value[1:]).stem if value.startswith("@") else value
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", stem).strip("-")[:_MAX_NAME] or "value"


def _value(key: str, value: str, system: str) -> Parameters:
    if key == INSTRUCTION:
        # Refuses systems that take no system prompt.
        parse_parameters(["system_prompt=x"], f"--vary {key}:", address=system)
        if value.startswith("@"):
            return Parameters(system_prompt=_read(key, value))
        if value not in INSTRUCTIONS:
            known = ", ".join(INSTRUCTIONS)
            raise InputError(f"--vary {key}: expected {known} or @FILE, found {shorten(value)}")
        return Parameters(system_prompt=INSTRUCTIONS[value])
    if key == "system_prompt" and value.startswith("@"):
        parse_parameters(["system_prompt=x"], "--vary", address=system)
        return Parameters(system_prompt=_read(key, value))
    text = _read(key, value).strip() if value.startswith("@") else value
    return parse_parameters([f"{key}={text}"], "--vary", address=system)


def _read(key: str, value: str) -> str:
    try:
        return Path(value[1:]).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        words = getattr(error, "strerror", None) or "not UTF-8 text"
        raise InputError(f"--vary {key}: {value[1:]}: {words}") from None


def _parameters(
    axes: Mapping[str, Mapping[str, Parameters]], names: Sequence[str], fixed: Parameters
) -> Parameters:
    chosen = {key: axis[name] for (key, axis), name in zip(axes.items(), names, strict=True)}
    instruction = chosen.pop(INSTRUCTION, Parameters()).system_prompt
    changes = {key: getattr(value, key) for key, value in chosen.items()}
    made = msgspec.structs.replace(fixed, **changes)
    if instruction is None:
        return made
    # An instruction follows the user's own system prompt.
    prompt = "\n\n".join(text for text in (made.system_prompt, instruction) if text)
    return msgspec.structs.replace(made, system_prompt=prompt)
