"""CalcQA: the calculator, its slots, their units, the result; and the tools an agent has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import preceptor
from preceptor.benchmarks import get
from preceptor.errors import DataError, InputError
from preceptor.records import Example, Graded, Message, Response, ToolCall, ToolResult, Turn
from preceptor.scoring.quantities import converted, same_unit, same_value
from preceptor.testing import FakeEndpoint
from suite_answers import DATA, needs

CALC = get("calcqa")
SLOTS = {
    "age": {"Value": 70, "Unit": "years"},
    "creatinine": {"Value": 1.02, "Unit": "mg/dL"},
    "smoker": {"Value": True, "Unit": None},
    "pao2": {"Value": None, "Unit": None},
}


def folder(path: Path, **changes: Any) -> Path:
    """Made-up rows in the schema of the files."""
    case = {
        "index": 1,
        "doctor_query": "A made-up question?",
        "patient_case": "A made-up case.",
        "doctor_diagnosis": "The Kidney Score is due.",
        "calculator_name": "Kidney Score",
        "calculator_parameters": json.dumps(SLOTS),
        "calculator_converted_parameters": json.dumps({"creatinine": ["µmol/L", "mg/dL"]}),
        "calculator_score": 12.5,
        **changes,
    }
    tools = [
        {"tool_name": name, "function_name": f"f_{n}", "docstring": f"Takes {n}.", "formula": "x"}
        for n, name in enumerate(("Kidney Score", "Liver Score"))
    ]
    (path / "clinical_case.json").write_text(json.dumps([case]))
    (path / "tool_scale_nocode.json").write_text(json.dumps(tools))
    return path


def finish(calculator: str = "Kidney Score", result: Any = 12.5, **slots: Any) -> dict[str, Any]:
    """The arguments of the last call; each slot a value, or a value and its unit."""
    given = {"age": 70, "creatinine": (1.02, "mg/dL"), "smoker": 1, **slots}
    parameters = [
        {"name": name, "value": each[0], "unit": each[1]}
        if isinstance(each, tuple)
        else {"name": name, "value": each}
        for name, each in given.items()
    ]
    return {"calculator": calculator, "parameters": parameters, "result": result}


def values(example: Example, said: dict[str, Any] | None) -> dict[str, float]:
    response = Response("r", state={"finish": said})
    return CALC.protocol.score(Graded(example, 0, response, ())).values


@pytest.mark.parametrize(
    ("said", "stages"),
    [
        (finish(), (1, 1, 1, 1)),
        (finish("f_0", "12.5", smoker="yes", age="70"), (1, 1, 1, 1)),
        (finish(creatinine=(90.17, "μmol/l")), (1, 1, 0, 1)),  # its value, in the case's unit
        (finish(creatinine=(90.17, "mg/dL"), result=3), (0, 3 / 4, 0, 0)),
        (finish(age=71), (1, 3 / 4, 1, 0)),
        (finish(more=1), (1, 1, 1, 0)),
        (finish(result=12.54), (1, 1, 1, 1)),  # rounds to 12.5
        (finish(result=12.6), (0, 1, 1, 1)),
    ],
)
def test_each_stage_is_scored(tmp_path: Path, said: Any, stages: tuple[float, ...]) -> None:
    """The result, the slots, those in another unit, and the call with its name and arguments."""
    (example,) = CALC.load(folder(tmp_path)).examples
    found = values(example, said)
    assert (found["calculator"], found["parse_rate"]) == (1, 1)
    names = ("overall_score", "slots", "converted", "call")
    assert tuple(found[name] for name in names) == pytest.approx(stages)


def test_another_calculator_is_wrong(tmp_path: Path) -> None:
    """Also with the right number; its slots are not compared. Who does not finish is wrong, too."""
    (example,) = CALC.load(folder(tmp_path)).examples
    found = values(example, finish("Liver Score"))
    assert found == {"overall_score": 0, "calculator": 0, "call": 0, "parse_rate": 1}
    assert values(example, None) == {**found, "parse_rate": 0}


def test_a_date_is_a_result(tmp_path: Path) -> None:
    """However it is written."""
    (example,) = CALC.load(folder(tmp_path, calculator_score="Sunday, Feb 23, 2020")).examples
    for said, right in (("2020-02-23", 1), ("Feb 23, 2020", 1), ("2020-02-24", 0), (7, 0)):
        assert values(example, finish(result=said))["overall_score"] == right


def test_the_last_call_is_read_where_there_is_no_state(tmp_path: Path) -> None:
    """As of an answer that was made elsewhere; arguments of another form are no end."""
    (example,) = CALC.load(folder(tmp_path)).examples
    for arguments, right in ((finish(), 1), ({"calculator": "Kidney Score"}, 0)):
        call = ToolCall("1", "finish", json.dumps(arguments))
        response = Response("r", turns=(Turn(Message("assistant", (call,))),))
        found = CALC.protocol.score(Graded(example, 0, response, ())).values
        assert (found["overall_score"], found["parse_rate"]) == (right, right)


def test_an_agent_reads_converts_and_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong call is answered and not the end; the text that names the score is not shown."""
    monkeypatch.chdir(tmp_path)
    calls = [
        ("read_calculator", {"name": "kidney score"}),
        ("read_calculator", {"name": "none"}),
        ("convert_unit", {"quantity": "creatinine", "value": 90, "unit": "µmol/L", "to": "mg/dL"}),
        ("convert_unit", {"quantity": "x", "value": 90, "unit": "µmol/L", "to": "mg/dL"}),
        ("convert_unit", {"quantity": "x", "value": "90", "unit": "g", "to": "kg"}),
        ("finish", {"calculator": "Kidney Score"}),
    ]
    plan = [
        [(name, json.dumps(given)) for name, given in calls],
        [("finish", json.dumps(finish()))],
    ]
    with FakeEndpoint(tools=plan) as fake:
        run = preceptor.run("calcqa", system=fake.address("m"), data=folder(tmp_path))
        asked = json.dumps(fake.log[0].payload["messages"])
    assert "Liver Score" in asked
    assert "is due" not in asked
    (item,) = run.result().graded
    assert item.response is not None
    results = [
        part
        for turn in item.response.turns
        for part in turn.message.parts
        if isinstance(part, ToolResult)
    ]
    assert [each.failed for each in results] == [False, True, False, True, True, True]
    assert results[0].text == "Takes 0.\n\nx"
    assert results[2].text == "1.01808 mg/dL"
    assert "no conversion from µmol/L to mg/dL for x" in results[3].text
    assert run.result().metrics["overall_score"].value == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"calculator_name": "Other"}, "calculator_name: expected one of Kidney Score, Liver"),
        ({"calculator_parameters": "[1]"}, "calculator_parameters: expected a JSON object"),
        ({"calculator_parameters": '{"a": 1}'}, "calculator_parameters: expected Value and Unit"),
        ({"calculator_score": [1]}, "calculator_score: expected a number"),
    ],
)
def test_a_wrong_case_is_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    """With file, line and field."""
    with pytest.raises(DataError, match=rf"clinical_case\.json:1: {words}"):
        CALC.load(folder(tmp_path, **change))


def test_a_folder_without_calculators_is_named(tmp_path: Path) -> None:
    """What is missing is said before the first call."""
    with pytest.raises(InputError, match=r"tool_scale_nocode\.json, found none"):
        CALC.load(tmp_path)


@pytest.mark.parametrize(
    ("value", "unit", "wanted", "name", "expected"),
    [
        (88.4, "umol/L".replace("u", "μ"), "mg/dl", "serum_creatinine", 1.0),
        (1.0, "mg/dL", "µmol/L", "creatinine", 88.4),
        (171, "μmol/L", "mg/dL", "bilirubin", 10.0),
        (35, "g/L", "g/dL", "albumin", 3.5),
        (5.2, "mmol/L", "mg/dL", "total_cholesterol", 201.1),
        (140, "mmol/L", "mEq/L", "sodium", 140),
        (98.6, "°F", "℃", "temperature", 37.0),
        (10.2, "×10⁹/L", "10^9 cells/L", "wbc", 10.2),
        (70, "次/分", "beats per minute", "heart_rate", 70),
        (1, "mmol/L", "mEq/L", "calcium", None),
        (1, "mmol/L", "mg/dL", "something", None),
    ],
)
def test_units_are_converted_by_a_closed_table(
    value: float, unit: str, wanted: str, name: str, expected: float | None
) -> None:
    """However they are spelt; what it does not have is not guessed."""
    found = converted(value, unit, wanted, name)
    assert found == (None if expected is None else pytest.approx(expected, rel=2e-3))


def test_values_round_to_what_is_written() -> None:
    """Half a unit of the last digit; no unit and no unit are one."""
    assert same_value(53.4, 53)
    assert not same_value(53.6, 53)
    assert same_value(0.795, 0.79)
    assert same_unit(None, "")
    assert not same_unit("g/L", "g/dL")


@needs("calcqa")
def test_an_agent_with_the_file_is_right_in_all_cases() -> None:
    """100 cases, 679 slots, 30 cases with a unit to convert: in either unit the slots are right."""
    examples = CALC.load(DATA).examples
    slots = [each.target["slots"] for each in examples]
    assert (len(slots), sum(map(len, slots))) == (100, 679)
    for as_given in (False, True):
        for example in examples:
            right = example.target
            parameters = []
            for name, slot in right["slots"].items():
                value, unit = slot["value"], slot["unit"]
                if as_given and slot["given"]:
                    value, unit = converted(value, unit, slot["given"], name), slot["given"]
                parameters.append({"name": name, "value": value, "unit": unit})
            said = {
                "calculator": right["names"][0],
                "parameters": parameters,
                "result": right["result"],
            }
            found = values(example, said)
            assert found["overall_score"] == found["call"] == found["slots"] == 1
            assert found.get("converted", 1) == (0 if as_given and "converted" in found else 1)
