"""Rows of our own for numbers and dates, JSON behind brackets, and what reading costs."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from preceptor.protocols.confident import read_confidence
from preceptor.protocols.numeric import CalculationScoring, read_answer
from preceptor.protocols.ordering import read_order
from preceptor.records import Example, Graded, Message, Response
from preceptor.scoring import json_text
from preceptor.scoring.json_text import json_in
from preceptor.scoring.languages.patterns import Phrases
from preceptor.scoring.numbers import ABSTAINED, read_amount
from preceptor.scoring.reading import field_of

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "readings_numbers.jsonl")
    .read_text("utf-8")
    .splitlines()
]


def said(row: dict[str, Any]) -> Any:
    kind = {"number": "decimal", "date": "weeks" if row["asked"] == "weeks" else "date"}[
        row["kind"]
    ]
    value = read_answer(kind, row["output"], row["asked"])
    return "none" if value in (None, ABSTAINED) else value


def test_the_rows_cover_many_languages() -> None:
    """At least 120 rows, 30 languages, each id once."""
    assert len(ROWS) >= 120
    assert len({row["language"] for row in ROWS}) >= 30
    assert len({row["id"] for row in ROWS}) == len(ROWS)


def test_numbers_and_dates_are_read_rightly() -> None:
    """At least 97 % of the rows; no plain announcement is read as anything else than it says."""
    wrong = [row for row in ROWS if said(row) != pytest.approx(row["expected"])]
    assert len(wrong) <= 0.03 * len(ROWS), wrong
    assert not [row for row in wrong if row["case"] == "plain" and said(row) != "none"]


def test_of_two_units_the_question_names_the_one_that_counts() -> None:
    """The protocol hands the question to the reader, and not the note before it."""
    note = "Patient note:\n\nCalcium was 2.1 mmol/L."
    asked = {"mg/dL": 1.0, "mmol/L": 0.0}
    for unit, right in asked.items():
        message = Message("user", f"{note}\n\nQuestion: What is the corrected calcium in {unit}?")
        target = {"kind": "decimal", "answer": 9.2, "lower": 9.0, "upper": 9.4}
        example = Example("c", (message,), (), target=target)
        answer = Response("r", text="Answer: 9.2 mg/dL = 2.3 mmol/L")
        score = CalculationScoring().score(Graded(example, 0, answer, ()))
        assert score.values["overall_score"] == right


@pytest.mark.parametrize(
    "text",
    [
        "He is 67, but the score cannot be calculated.",
        "Ohne das Gewicht (67 Jahre) ist keine Berechnung möglich.",
        "Impossible de calculer le score ; âge 54 ans.",
        "Пациенту 67 лет, данных недостаточно.",
        "患者67岁,但体重未知,因此无法计算。",
        "67 yaşındaki hasta için veriler yetersiz.",
    ],
)
def test_an_abstention_is_read_in_many_languages(text: str) -> None:
    """Whatever numbers of the case stand beside it; a date and weeks have the same reader."""
    assert read_answer("decimal", text) in (ABSTAINED, None)
    if "He is" not in text:
        assert read_answer("decimal", text) == ABSTAINED
        assert read_answer("date", text) == ABSTAINED


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("The score is 24.\nIt is high (stage 2, 60 of 90).", 24),
        ("This will result in 21 mg/10 dL = 2.1 mg/dL.\nHence the clearance is 25.0.", 25.0),
        ("As a result 3 drugs were stopped.\nThe score is 24.", 24),
        ("It equals minus 4 mmHg.", -4),
    ],
)
def test_the_result_is_what_the_answer_comes_to(text: str, number: float) -> None:
    """What is said in passing, and "result" as a verb, announce none."""
    assert read_answer("decimal", text) == number


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ('{"nutrition": {"carbs": 35}}', 35),
        ("between 30 and 40 g", 35),
        ("5 g to 7 g", 6),
        ('{"carbs": "> 35"}', None),
        ('{"carbs": {"min": 30, "max": 40}}', None),
        ("500 kJ = 120 kcal", 120),
    ],
)
def test_an_amount_is_one_number_or_a_range(text: str, amount: float | None) -> None:
    """A bound and an object of several numbers are none; the unit that is asked for counts."""
    assert read_amount(text, "carb", unit="kcal") == amount


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[" * 5000 + ' so {"answer": 1}', {"answer": 1}),
        ("{" * 5000 + "[1, 2]", [1, 2]),
        ('He wrote "{" and then {"answer": 5}', {"answer": 5}),
        ('{"a": [1, {"b": 2}', {"b": 2}),
        ('[1] and {"a": "]}"} and [oops', {"a": "]}"}),
        ("[[1], [2], x", [2]),
        ('["\\"[1]", 2', [1]),
        ("{'a': 1}", None),
        ("no brackets", None),
    ],
)
def test_the_last_json_is_found_behind_any_brackets(text: str, found: Any) -> None:
    """However many open before it, inside what is broken, and inside what was no string."""
    assert json_in(text) == found


def test_a_field_is_read_before_other_json() -> None:
    """A reference in brackets after the answer does not hide it."""
    assert field_of('{"label": "include"} as in [1]', ("label",)) == "include"


HOSTILE = ("[", "{", "[0,", '{"a":', '["', '{"', '[" \\"', '"[', "[[]", "[1 ", '{"a":[', '\\"[')


@pytest.mark.parametrize("unit", HOSTILE)
def test_json_is_looked_for_once(monkeypatch: pytest.MonkeyPatch, unit: str) -> None:
    """Twice the text takes at most about twice the steps, and no more than two a character."""
    steps = [0]
    step = json_text._Scanner._step

    def counted(*args: Any) -> int | None:
        steps[0] += 1
        return step(*args)

    monkeypatch.setattr(json_text._Scanner, "_step", counted)
    taken = []
    for length in (2000, 4000):
        steps[0] = 0
        json_in((unit * length)[:length])
        taken.append(steps[0])
    assert taken[1] <= 2 * 4000
    assert taken[1] <= 2.1 * taken[0] + 10


@pytest.mark.parametrize("kind", ["decimal", "integer", "date", "weeks"])
@pytest.mark.parametrize(
    "unit", ["=", "5 mg = ", "\\boxed{", '"answer": [', " ", "1 or ", "(a", "½"]
)
def test_a_ruler_is_read_like_any_text(kind: str, unit: str) -> None:
    """Ten thousand signs before an answer leave it as it is."""
    answer = {"date": "2014-09-23", "weeks": "34 weeks"}.get(kind, "12 mg")
    wanted = {"date": "2014-09-23", "weeks": [34, 0]}.get(kind, 12)
    text = (unit * 10_000)[:10_000]
    assert read_answer(kind, f"{text}\nAnswer: {answer}") in (wanted, None)
    if unit in "= ":
        assert read_answer(kind, f"{text}\nAnswer: {answer}") == wanted


def test_an_order_and_a_confidence_are_read_behind_rulers() -> None:
    """Digits and signs in any number are no list and no confidence."""
    assert read_order("1" * 20_000 + " [2, 1, 3]", ["a", "b", "c"]) == [1, 0, 2]
    assert read_confidence("& " * 10_000 + "\nConfidence: 80")[1] == 0.8


MODULES = ("numerals", "statements", "numbers", "dates", "json_text", "reading", "spans", "steps")


def patterns(module: str) -> Iterator[re.Pattern[str]]:
    for value in vars(importlib.import_module(f"preceptor.scoring.{module}")).values():
        found = value if isinstance(value, tuple) else (value,)
        firsts = (each[0] if isinstance(each, tuple) else each for each in found)
        yield from (each for each in firsts if isinstance(each, re.Pattern))


def unbounded_inside(tree: Any, inside: bool = False) -> bool:
    """Whether a repeat without a bound, which may give back, stands in another one."""
    for operator, argument in tree:
        repeat = (
            str(operator) in ("MAX_REPEAT", "MIN_REPEAT") and argument[1] == re._constants.MAXREPEAT
        )
        if repeat and inside:
            return True
        parts = argument if isinstance(argument, tuple | list) else (argument,)
        for part in parts:
            for tree_ in part if isinstance(part, list) else (part,):
                is_tree = isinstance(tree_, re._parser.SubPattern)
                if is_tree and unbounded_inside(tree_, inside or repeat):
                    return True
    return False


@pytest.mark.parametrize("module", MODULES)
def test_no_expression_repeats_a_repeat(module: str) -> None:
    """What could take exponential time: ``(a+)*`` without possessive signs."""
    nested = [
        each.pattern
        for each in patterns(module)
        if unbounded_inside(re._parser.parse(each.pattern, each.flags))
    ]
    assert nested == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("it cannot be; she can not", ["cannot", "can not"]),
        ("scan not", []),
        ("لا يمكن ولا يمكن", ["لا يمكن", "لا يمكن"]),
        ("由于无法", ["无法"]),
        ("unable, inable", ["unable"]),
        ("a < b", ["<"]),
    ],
)
def test_phrases_are_found_where_a_word_begins(text: str, found: list[str]) -> None:
    """Not within a word, but behind an Arabic "and", and anywhere in scripts without spaces."""
    phrases = Phrases("can ?not|(?:un|dis)?able|لا يمكن|无法|<")
    assert [each[0] for each in phrases.finditer(text)] == found
