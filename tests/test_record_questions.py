"""Questions about health records, and notes against their tables: drawn, or of the user's files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.benchmarks.fhir_qa import BENCHMARKS, charts
from preceptor.benchmarks.fhir_qa.drawn import records
from preceptor.errors import DataError, InputError
from preceptor.protocols.health_records import NOTE_CHECK, RECORD_QUESTIONS, same_answer
from preceptor.records import Example, Message
from preceptor.scoring.rubric import OVERALL
from suite_answers import graded, run

QUESTIONS, NOTES = BENCHMARKS


def shown(example: Example) -> list[dict[str, Any]]:
    """The resources that a system sees."""
    lines = example.messages[0].text.splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def second_answer(example: Example) -> Any:
    """The answer to a question about readings, computed again from what is shown."""
    question = example.messages[0].text.rpartition("Question: ")[2]
    code = question.partition("LOINC ")[2].partition(",")[0].partition(")")[0]
    found = [
        (each["effectiveDateTime"], each["valueQuantity"]["value"])
        for each in shown(example)
        if each["resourceType"] == "Observation" and each["code"]["coding"][0]["code"] == code
    ]
    kind = example.id.partition("/")[2]
    if kind == "since":
        day = question.partition("after ")[2].rstrip("?")
        return sum(when > day for when, _ in found)
    if not found:
        return None
    values = [value for _, value in found]
    return {
        "latest": max(found)[1],
        "day": max(found)[0],
        "highest": max(values),
        "mean": sum(values) / len(values),
    }[kind]


def test_drawn_questions_have_the_answers_of_a_second_computation() -> None:
    """360 of nine kinds about 40 patients; the right ones score 1, and name their sources."""
    examples = QUESTIONS.load().examples
    assert len(examples) == 360
    again = [e for e in examples if e.id.partition("/")[2] in ("latest", "day", "mean", "highest")]
    again += [e for e in examples if e.id.endswith(("/since", "/absent"))]
    for example in again:
        assert same_answer(second_answer(example), example.target["answer"]), example.id
    ids = {f"{r['resourceType']}/{r['id']}" for r in shown(examples[0])}
    assert set(examples[0].target["sources"]) <= ids
    _, metrics = run(
        QUESTIONS,
        examples,
        lambda e: json.dumps({"answer": e.target["answer"], "resources": e.target["sources"]}),
    )
    assert (metrics[OVERALL].value, metrics["resource_f1"].value) == (1.0, 1.0)
    assert metrics[OVERALL].units == 40


def test_the_same_seed_draws_the_same_records() -> None:
    """And another draws others."""
    assert [*records(2, 1)] == [*records(2, 1)] != [*records(2, 2)]


@pytest.mark.parametrize(
    ("said", "right", "same"),
    [
        (6.8, 6.8, True),
        ("6.80 %", 6.8, True),
        ("7", 6.8, False),
        (5.1, 5.1234, True),
        (5.2, 5.1234, False),
        (3, 3, True),
        ("3.4", 3, False),
        (None, 3, False),
        (True, 1, False),
        (None, None, True),
        ("none", None, True),
        (0, None, False),
        ("on 2024-02-03", "2024-02-03", True),
        ("2024-02-04", "2024-02-03", False),
        (["B", "a"], ["a", "b"], True),
        (["a"], ["a", "b"], False),
        (["a", "b", "c"], ["a", "b"], False),
        ("a; b", ["a", "b"], True),
    ],
)
def test_an_answer_is_compared_by_its_kind(said: Any, right: Any, same: bool) -> None:
    """Numbers as far as they were written, days by the day, lists whole."""
    assert same_answer(said, right) is same


@given(st.floats(0.1, 500).map(lambda x: round(x, 2)), st.integers(0, 2))
def test_a_number_that_is_rounded_rightly_is_right(value: float, digits: int) -> None:
    """With decimals; without, only where nothing was rounded away."""
    written = f"{value:.{digits}f}"
    if digits:
        assert same_answer(written, value)
    elif float(written) != value:
        assert not same_answer(written, value)


def test_resources_that_are_not_the_sources_lower_precision() -> None:
    """An answer without JSON scores 0 throughout."""
    target = {"answer": 1, "sources": ["A/1", "A/2"], "cluster": "p"}
    example = Example(id="e", messages=(Message("user", "?"),), criteria=(), target=target)
    values = RECORD_QUESTIONS.score(
        graded(example, '{"answer": 1, "resources": ["A/1", "B/1"]}')
    ).values
    assert (values["resource_precision"], values["resource_recall"]) == (0.5, 0.5)
    assert RECORD_QUESTIONS.score(graded(example, "1")).values[OVERALL] == 0.0


def test_every_changed_statement_is_denied_by_the_tables_and_no_other() -> None:
    """By a second reading of the tables' rows."""
    examples = NOTES.load().examples
    assert len(examples) == 40
    seen: set[str] = set()
    for example in examples:
        tables, _, note = example.messages[0].text.partition("\n\nNote:\n")
        rows = {tuple(line.split(";")) for line in tables.splitlines() if ";" in line}
        for line, change in zip(note.splitlines(), example.target["changes"], strict=True):
            said = line.partition(". ")[2].rstrip(".")
            assert (change is None) == consistent(said, rows), (example.id, line, change)
            seen.add(str(change))
    assert seen == {"None", "value", "day", "dose", "status", "invented"}


def consistent(said: str, rows: set[tuple[str, ...]]) -> bool:
    if " was " in said and " on " in said:
        name, _, rest = said.partition(" was ")
        value, unit, _, day = rest.split(" ")
        return (day, name, value, unit) in rows
    if " mg " in said:
        about, _, rest = said.partition(" mg ")
        name, _, dose = about.partition(" ")
        status = "active" if rest.startswith("is ") else "stopped"
        return any(row[1:] == (name, dose, status) for row in rows)
    name, _, status = said.rpartition(": ")
    return any(row[1:] == (name, status) for row in rows)


def test_findings_are_counted_over_statements() -> None:
    """Precision and recall of what is inconsistent, and recall of each kind of change."""
    target = {"changes": [None, "dose", "day", None], "cluster": "p"}
    example = Example(id="e", messages=(Message("user", "?"),), criteria=(), target=target)
    said = '{"1": "inconsistent", "2": "Inconsistent", "3": "consistent"}'
    score = NOTE_CHECK.score(graded(example, said))
    metrics = NOTE_CHECK.summarise([score], [example])
    assert metrics[OVERALL].value == 0.25
    assert (metrics["precision"].value, metrics["recall"].value) == (0.5, 0.5)
    assert (metrics["recall:dose"].value, metrics["recall:day"].value) == (1.0, 0.0)
    assert NOTE_CHECK.score(graded(example, "All good.")).values["parse_rate"] == 0.0


def test_a_users_own_records_are_asked_about(tmp_path: Path) -> None:
    """A Bundle, or a line a resource; what has no value or day is no part of a question."""
    (patient,) = records(1, 7)
    broken = [
        {"resourceType": "Observation", "id": "x", "subject": {"reference": "Patient/p001"}},
        {"resourceType": "Condition", "id": "y", "subject": {"reference": "Patient/p001"}},
        {"resourceType": "Claim", "id": "z"},
        "text",
    ]
    entries = [{"resource": each} for each in [*patient, *broken]]
    bundle = {"resourceType": "Bundle", "entry": entries}
    (tmp_path / "bundle.json").write_text(json.dumps(bundle))
    (chart,) = charts(tmp_path)
    assert len(chart.readings) == sum("valueQuantity" in each for each in patient)
    kinds = [each.id for each in QUESTIONS.load(tmp_path).examples]
    assert "p001/conditions" in kinds
    assert "p001/absent" not in kinds  # no other patient has another value


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.draw.jsonl", '{"patients": 0, "seed": 1}', "patients: expected a number from 1 to"),
        (
            "a.ndjson",
            '{"resourceType": "Claim"}',
            "expected FHIR resources of patients, found none",
        ),
    ],
)
def test_a_file_without_patients_is_refused(
    name: str, text: str, message: str, tmp_path: Path
) -> None:
    """In one line."""
    (tmp_path / name).write_text(text)
    with pytest.raises((DataError, InputError), match=message):
        charts(tmp_path / name)
