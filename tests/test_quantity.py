"""Quantities: the closed table of units, values that are one, and a folder that asks for them."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preceptor import api
from preceptor.benchmarks.folder import counted, read_benchmark
from preceptor.cli import main
from preceptor.errors import DataError
from preceptor.protocols.numeric import agrees, read_answer
from preceptor.scoring.clinical_units import leading_unit, read_unit, scaled
from preceptor.scoring.equivalence import Rule, compared, read_quantities, stated_quantities
from preceptor.scoring.quantities import converted
from suite_answers import DATA, needs

#: One kind of unit a line: how many of the first is one of it, by NIST SP 811 or by definition.
ALIKE: Sequence[dict[str, float]] = (
    {"mg/dL": 1, "mg/100 mL": 1, "g/L": 100, "mg dL-1": 1, "mg·dL⁻¹": 1, "µg/mL": 0.1},
    {"mmol/L": 1, "mM": 1, "µmol/L": 1e-3, "millimoles per liter": 1, "nmol/mL": 1e-3},
    {"mcg/kg/min": 1, "µg/(kg·min)": 1, "mg/kg/h": 1000 / 60, "mg per kg per hour": 1000 / 60},
    {"mL/min/1.73 m2": 1, "ml/min/1.73m²": 1, "L/min/1.73m^2": 1000, "mL/min/m2": 1.73},
    {"10^9/L": 1, "×10⁹/L": 1, "10*9/L": 1, "/µL": 1e-3, "cells/mm3": 1e-3, "10^3/uL": 1},
    {"mmHg": 1, "mm Hg": 1, "kPa": 7.500616, "cmH2O": 0.735559},
    {"kg": 1, "lb": 0.45359237, "ounces": 0.028349523, "grams": 1e-3},
    {"cm": 1, "inches": 2.54, "ft": 30.48, "mm": 0.1},
    {"mg/day": 1, "mg daily": 1, "mg/24 h": 1, "mg a week": 1 / 7, "g/d": 1000},
    {"kcal": 1, "kJ": 1 / 4.184},
    {"U/L": 1, "IU/L": 1, "mIU/mL": 1, "units per liter": 1, "kU/L": 1000},
    {"MBq": 1, "mCi": 37},
    {"years": 1, "months": 1 / 12, "岁": 1},
    {"%": 1, "‰": 0.1, "mmol/mol": 0.1},
)


def verdict(answer: str, *right: str, unit: str | None = None, **rule: Any) -> str | None:
    """As a row would have it; None where nothing can be read."""
    wanted = [each for text in right for each in stated_quantities(text, unit)]
    said = read_quantities(answer, several=len(wanted) > 1)
    return compared(said, wanted, Rule(**rule)) if said and not isinstance(said, str) else None


@pytest.mark.parametrize("kinds", ALIKE, ids=lambda kinds: next(iter(kinds)))
def test_units_have_the_sizes_of_their_definitions(kinds: dict[str, float]) -> None:
    """Spellings and prefixes of one kind convert into each other; no other kind does."""
    first = read_unit(next(iter(kinds)))
    assert first is not None
    for name, size in kinds.items():
        unit = read_unit(name)
        assert unit is not None, name
        assert scaled(1, unit, first) == pytest.approx(size, rel=1e-6), name
        others = [next(iter(each)) for each in ALIKE if each is not kinds]
        assert [each for each in others if scaled(1, unit, read_unit(each)) is not None] == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["", "glorps", "mg/foo", "mmol/L NaCl", "7", "mg/0", "in the", "FEU", "x" * 60, "mg%%L"]
)
def test_what_the_table_lacks_is_not_understood(text: str) -> None:
    """Nothing is guessed of a word, of a unit with one beside it, or of no unit."""
    assert read_unit(text) is None


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ALIKE), st.data(), st.floats(0.01, 1e4))
def test_a_conversion_there_and_back_changes_nothing(
    kinds: dict[str, float], data: st.DataObject, value: float
) -> None:
    """Between any two units of a kind; and what stands behind a number is read as it is."""
    one, other = (data.draw(st.sampled_from(sorted(kinds))) for _ in range(2))
    first, second = read_unit(one), read_unit(other)
    assert first is not None
    assert second is not None
    there = scaled(value, first, second)
    assert there is not None
    assert scaled(there, second, first) == pytest.approx(value)
    assert leading_unit(f" {one}, as expected") == (one, first)


def test_temperatures_and_molar_masses() -> None:
    """Degrees have two zeros; masses become moles by g/mol, and equivalents by a charge."""
    assert converted(98.6, "°F", "°C") == pytest.approx(37)
    assert converted(90, "mg/dL", "mmol/L") is None
    assert converted(90, "mg/dL", "mmol/L", "glucose") == pytest.approx(4.9956, abs=1e-4)
    assert converted(1, "mg/dL", "µmol/L", "creatinine") == pytest.approx(88.4, abs=0.01)
    assert converted(140, "mEq/L", "mmol/L", "sodium") == 140


@pytest.mark.parametrize(
    ("answer", "right", "rule", "expected"),
    [
        ("Answer: 5.6 mmol/L", "5.6 mmol/L", {}, "right"),
        ("Answer: 101 mg/dL", "5.6 mmol/L", {"molar_mass": 180.16}, "right"),
        ("Answer: 101 mg/dL", "5.6 mmol/L", {}, "other unit"),
        ("Answer: 10 mg/dL", "2.5 mmol/L", {"molar_mass": 40.08}, "right"),
        ("Answer: 5 mEq/L", "2.5 mmol/L", {"charge": 2}, "right"),
        ("Answer: 5 mEq/L", "10.0 mg/dL", {"charge": 2, "molar_mass": 40.08}, "right"),
        ("So it is 5.6.", "5.6 mmol/L", {}, "unit missing"),
        ("Answer: 5.6 glorps", "5.6 mmol/L", {}, "unit not understood"),
        ("Answer: 5.6 mg", "5.6 mmol/L", {}, "other unit"),
        ("Answer: 56 mmol/L", "5.6 mmol/L", {}, "other value"),
        ("Answer: 6 mmol/L", "5.6 mmol/L", {}, "other value"),
        ("Answer: 6 mmol/L", "5.6 mmol/L", {"tolerance": 0.1}, "right"),
        ("Answer: 5.64 mmol/L", "5.6 mmol/L", {}, "right"),
        ("Answer: 5.66 mmol/L", "5.6 mmol/L", {}, "other value"),
        ("Answer: 5.1e9 /L", "5.13 × 10^9/L", {}, "other value"),
        ("Answer: 5130 /µL", "5.1 × 10^9/L", {}, "right"),
        ("Answer: 0.34 mg", "1/3 mg", {}, "other value"),
        ("Answer: 4.9 mmol/L", "5 mmol/L", {"lower": 4.75, "upper": 5.25}, "right"),
        ("Answer: 4.7 mmol/L", "5 mmol/L", {"lower": 4.75, "upper": 5.25}, "other value"),
        ("Answer: 3.5-5.0 mEq/L", "3.5-5.0 mmol/L", {"charge": 1}, "right"),
        ("between 3.5 and 5.0 mmol/L", "3.5-5.0 mmol/L", {}, "right"),
        ("Answer: 3.5", "3.5-5.0 mmol/L", {}, "other value"),
        ("Answer: 25 %", "0.25", {}, "right"),
        ("Answer: 0.25", "25 %", {}, "right"),
        ("Answer: 25", "25 %", {}, "unit missing"),
        ("Answer: 14 points", "14", {}, "right"),
        ("Answer: 98.6 °F", "37.0 °C", {}, "right"),
        ("Answer: > 5 mg", "5 mg", {}, None),
        ("It cannot be calculated.", "5 mg", {}, None),
    ],
)
def test_one_quantity(answer: str, right: str, rule: dict[str, Any], expected: str | None) -> None:
    """Value and unit after conversion, by the row's rule; a unit that is missing is said so."""
    assert verdict(answer, right, **rule) == expected


def test_sets_are_compared_in_any_order() -> None:
    """Each member once and no other; a unit counts for those before it; the worst one counts."""
    assert verdict("Answer: 20 mg; 0.01 g", "10 mg", "20 mg") == "right"
    assert verdict("Answer: 10, 20 mg", "20 mg", "10 mg") == "right"
    assert verdict("Answer: 10 and 20", "20 mg", "10 mg") == "unit missing"
    assert verdict("Answer: 10 mg, 20 mg, 30 mg", "10 mg", "20 mg") == "other value"
    assert verdict("Answer: 10 mg, 10 mg", "10 mg", "20 mg") == "other value"
    # The first may be either, the second only one of them: a pairing that takes turns fails.
    assert verdict("Answer: 10.4 mg; 10 mg", "10 mg", "10.9 mg", tolerance=0.05) == "right"
    assert verdict("Answer: 5 mg", "5", unit="1") == "other unit"


def row(**changed: Any) -> dict[str, Any]:
    return {"id": "a", "question": "How much?", "answer": "5.6 mmol/L", **changed}


def folder(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.mkdir(exist_ok=True)
    (path / "benchmark.toml").write_text('name = "doses"\nprotocol = "quantity"\n')
    (path / "examples.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    return path


@pytest.mark.parametrize(
    ("changed", "field", "said"),
    [
        ({"answer": None}, "answer", "expected a value with its unit"),
        ({"answer": True}, "answer", "expected a value with its unit"),
        ({"answer": []}, "answer", "a list of these"),
        ({"answer": "five"}, "answer", "expected a number with its unit"),
        ({"answer": "5 glorps"}, "answer", "a unit of the table"),
        ({"answer": "about 5 mg"}, "answer", "no other words"),
        ({"unit": "mmol/L"}, "answer", "the unit in one place"),
        ({"answer": 5, "unit": "glorps"}, "unit", "a unit of the table, or 1 for none"),
        ({"tolerance": 5}, "tolerance", "a share below 1"),
        ({"tolerance": -0.1}, "tolerance", "a number above 0"),
        ({"molar_mass": 0}, "molar_mass", "a number above 0"),
        ({"released": "2025-13"}, "released", "a date such as 2025-03-14"),
        ({"released": "March 2025"}, "released", "a date such as 2025-03-14"),
        ({"lower": 5}, "lower", "both `lower` and `upper`"),
        ({"lower": 5, "upper": 4}, "upper", "no less than `lower`"),
        ({"lower": 5, "upper": 6, "tolerance": 0.1}, "lower", "limits alone"),
    ],
)
def test_a_wrong_row_is_named(
    tmp_path: Path, changed: dict[str, Any], field: str, said: str
) -> None:
    """File, line and field, and what was expected there."""
    benchmark = read_benchmark(folder(tmp_path / "doses", [row(id="b"), row(**changed)]))
    with pytest.raises(DataError, match=said) as error:
        counted(benchmark)
    assert f"examples.jsonl:2: {field}" in str(error.value)


def test_a_folder_asks_for_quantities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run, scored and exported: each verdict is a share, and a failed call is none of them."""
    monkeypatch.chdir(tmp_path)
    days = ("2025-03-14", "2025-04", "2024", "2025-06-01", "2025-07", "")
    rows = [
        row(id=id, molar_mass=180.16, released=day) for id, day in zip("abcdef", days, strict=True)
    ]
    folder(tmp_path / "doses", rows)
    said = ["101 mg/dL", "5.6", "5.6 glorps", "5.6 mmol/g", "7 mmol/L", None]
    answers = [
        {"id": id, "response": None if text is None else f"Answer: {text}"}
        for id, text in zip("abcdef", said, strict=True)
    ]
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(x) + "\n" for x in answers))
    assert main(["run", "./doses", "--system", "replay:answers.jsonl", "--name", "first"]) == 1
    metrics = api.load("first").score()["metrics"]
    for name in ("overall_score", "unit_missing", "unit_unknown", "unit_other", "other_value"):
        assert (metrics[name]["value"], metrics[name]["n"]) == (0.2, 5), name
    assert metrics["equal_value"]["value"] == 0.4
    dated = api.load("first").score(cutoff="2025-06")["metrics"]
    assert (dated["cutoff:before"]["n"], dated["cutoff:after"]["n"]) == (3, 2)
    assert dated["cutoff_gap"]["value"] == pytest.approx(1 / 3)
    assert metrics["unit_missing"]["higher_is_better"] is False
    assert main(["export", "first", "-o", "out.jsonl"]) == 0
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["prediction"] for line in lines][:2] == ["101 mg/dL", "5.6"]
    capsys.readouterr()


def test_the_page_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The files of docs/numbers-and-text.md are read, and the command prints what it shows."""
    page = (Path(__file__).parent.parent / "docs" / "numbers-and-text.md").read_text("utf-8")
    page = page.partition("## Quantities of your own")[2].partition("\n## ")[0]
    monkeypatch.chdir(tmp_path)
    for name, text in re.findall(r"`([\w./]+)`[^`\n]*:\n\n```\w+\n(.*?)^```$", page, re.S | re.M):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text, "utf-8")
    (console,) = re.findall(r"^```console\n(.*?)^```$", page, re.S | re.M)
    command, *shown = console.splitlines()
    assert main(command.removeprefix("$ preceptor ").split()) == 0
    printed = capsys.readouterr().out
    assert [line for line in shown if line.rstrip(" …") not in printed] == []


@needs("medcalc_bench")
def test_published_answers_of_medcalc_bench_get_the_verdicts_of_its_rule() -> None:
    """945 answers to equations, whose rows have limits: right here where they are right there."""
    home = DATA / "medcalc_bench"
    with (home / "test_data_v1.0.csv").open(encoding="utf-8", newline="") as stream:
        rows = {each["Row Number"]: each for each in csv.DictReader(stream)}
    compared_answers = 0
    for file in sorted(home.glob("predictions_*.jsonl")):
        for line in map(json.loads, file.read_text("utf-8").splitlines()):
            about, text = rows[str(line["Row Number"])], str(line["LLM Answer"])
            if about["Output Type"] != "decimal":
                continue
            ends = sorted(float(about[name]) for name in ("Lower Limit", "Upper Limit"))
            said = read_quantities(text, asked=about["Question"])
            right = stated_quantities(about["Ground Truth Answer"])
            found = isinstance(said, list) and said and compared(said, right, Rule(None, *ends))
            label = {"lower": ends[0], "upper": ends[1]}
            theirs = agrees("decimal", read_answer("decimal", text, about["Question"]), label)
            assert (found == "right") == theirs, text
            compared_answers += 1
    assert compared_answers == 945
