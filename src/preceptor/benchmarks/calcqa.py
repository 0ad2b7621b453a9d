"""CalcQA: choose a clinical calculator for a Chinese case, fill it, convert units, compute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.calculators import CALCULATOR_LABELS, CALCULATORS, Right, RightSlot
from preceptor.records import Example, Message, Slice
from preceptor.scoring.quantities import same_unit

__all__ = ["BENCHMARKS"]

_CASES, _TOOLS = "clinical_case.json", ("tool_scale_nocode.json", "tool_scale.json")
_ROLE = (
    "You help a physician with clinical calculators. Choose the one that the question asks for, "
    "read what it takes, find its parameters in the case, convert them where they have another "
    "unit, compute by its rule, and end with the tool finish. The calculators are:\n"
)


def _tools(path: Path) -> list[Fields]:
    file = next((path / name for name in _TOOLS if (path / name).exists()), None)
    if file is None:
        raise InputError(f"{path}: expected a folder with {_CASES} and {_TOOLS[0]}, found none")
    return [Fields(row, str(file), number) for number, row in read_rows(file)]


def _read(path: Path) -> Iterator[Example]:
    tools = {tool.text("tool_name"): tool for tool in _tools(path)}
    role = Message("system", _ROLE + "\n".join(f"- {name}" for name in tools))
    for number, row in read_rows(path / _CASES):
        case = Fields(row, str(path / _CASES), number)
        name = case.one_of("calculator_name", tuple(tools))
        slots = _slots(case)
        asked = f"{case.text('patient_case')}\n\n{case.text('doctor_query')}"
        right = Right((name, tools[name].text("function_name")), slots, _result(case))
        units = "converted" if any(slot.given for slot in slots.values()) else "as given"
        yield Example(
            id=case.id("index"),
            messages=(role, Message("user", asked)),
            criteria=(),
            tags=(f"units:{units}", f"calculator:{name}"),
            target=msgspec.to_builtins(right),
        )


def _slots(case: Fields) -> dict[str, RightSlot]:
    stated, changed = (
        _object(case, name) for name in ("calculator_parameters", "calculator_converted_parameters")
    )
    found = {}
    for name, slot in stated.items():
        given = changed.get(name)
        if not isinstance(slot, dict) or not {"Value", "Unit"} <= slot.keys():
            raise case.fault("calculator_parameters", "Value and Unit of each", slot)
        before = given[0] if isinstance(given, list) and given else None
        # Some are listed though the case has the calculator's own unit.
        before = None if same_unit(before, slot["Unit"]) else before
        found[name] = RightSlot(slot["Value"], slot["Unit"], before)
    return found


def _object(case: Fields, name: str) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(case.text(name), type=dict[str, Any])
    except msgspec.MsgspecError:
        raise case.fault(name, "a JSON object", case.row[name]) from None


def _result(case: Fields) -> int | float | str:
    value = case.need("calculator_score", "a number, or a date")
    if isinstance(value, str):
        return case.text("calculator_score")
    number = case.number("calculator_score")
    return int(number) if number.is_integer() else number


def _materials(path: Path) -> bytes:
    parts = ("docstring", "formula")
    described = {
        tool.text("tool_name"): "\n\n".join(filter(None, map(tool.optional_text, parts)))
        for tool in _tools(path)
    }
    return msgspec.json.encode(described)


BENCHMARKS = (
    Benchmark(
        name="calcqa",
        title="CalcQA",
        family="agents",
        summary="100 Chinese cases: choose a clinical calculator, fill it, convert units, compute",
        licence="MIT",
        citation="Zhu et al. 2024 (MeNTi), arXiv:2410.13610",
        n_examples=100,
        read=_read,
        materials=_materials,
        protocol=CALCULATORS,
        url="https://github.com/shzyk/MENTI",
        brings="a folder with `clinical_case.json` and `tool_scale_nocode.json`",
        folder="calcqa",
        languages=("zh",),
        labels={**CALCULATOR_LABELS, "units:converted": "A unit has to be converted"},
        slices=(Slice("units"), Slice("calculator", compared=False)),
        caution="the calculators are read and not run, and the conversion of units is ours: not "
        "comparable with published rates",
        measures="Whether an agent finds the calculator that a question needs, the values that it "
        "takes, in its units, and the result.",
        faults=(
            "21 of the 44 calculators are ever right.",
            "A case may state a value twice: the notes of one case give two mean arterial "
            "pressures.",
        ),
        verified="All 679 slots of the 100 cases are compared: an agent that fills them from the "
        "file is right in all cases, in the units of the case as in the calculator's.",
    ),
)
