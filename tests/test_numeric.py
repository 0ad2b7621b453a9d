"""Numbers, dates and times out of free answers, and the benchmarks that ask for them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import preceptor
from data_fixtures import isolate
from preceptor import benchmarks, cli
from preceptor.benchmarks.base import Benchmark
from preceptor.errors import DataError, InputError
from preceptor.protocols.numeric import AmountScoring, CalculationScoring, agrees, read_answer
from preceptor.records import Example, Graded, Message, Metric, Response, Score
from preceptor.scoring.dates import read_date, read_weeks
from preceptor.scoring.numbers import ABSTAINED, read_amount, read_number

DATA = Path(os.environ.get("PRECEPTOR_TEST_DATA") or "nowhere")
needs_data = pytest.mark.skipif(
    not (DATA / "medcalc_bench" / "test_data_v1.0.csv").exists(),
    reason="real data: set PRECEPTOR_TEST_DATA to a folder with medcalc_bench/test_data_v1.0.csv",
)


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


# Reading


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("25.2", 25.2),
        ("Answer: 25.2 mL/min/1.73 m²", 25.2),
        ("**Final Answer:**\n\n25.2 mL/min\n\nNote: a weight of 70 kg was used.", 25.2),
        ('{"steps": "the answer is 7 \\frac{1}{2}", "answer": "1,204.5"}', 1204.5),
        ('```json\n{"answer": 25.2, "unit": "mg/dL"}\n```', 25.2),
        ("{'final_answer': '-0.83 L'}", -0.83),
        ("The FIB-4 index is 3.2", 3.2),
        ("Answer: The CHA2DS2-VASc score is 4.", 4),
        ("Answer: 98 + 12 = 110 mg/dL (≈ 6.1 mmol/L)", 110),
        (r"Hence $\boxed{25.2\text{ mL/min}}$.", 25.2),
        ("First 140 - 80 = 60.\nHence the rate is 67.5 mL/min. Rounded, it is 67.", 67),
        ("The result of step 1 is 3.\nAnswer: 12", 12),
        ("The answer is 5.\nWait. The answer is 6.", 6),
        ("The answer is not obvious.\n2 + 2 = 4", 4),
        ("−5.5", -5.5),
        ("Answer: 1.2 × 10^3", 1200),
        ("Answer: 25,3", 25.3),
        ("Answer: 3/4", 0.75),
        ("Answer: 1 1/2 tablets", 1.5),
        (r"Answer: $\frac{3}{4}$", 0.75),
        ("<think>The answer is 3.</think>4", 4),
        ("Total: 5 points (2 for age 65, 3 for sex)", 5),
        ("Answer: .5", 0.5),
        ("Adding up the points of age and sex comes to 3 points for the patient.", 3),
    ],
)
def test_the_stated_number_is_read(text: str, number: float) -> None:
    """Units, separators, fractions, LaTeX, JSON and reasoning before the answer."""
    assert read_number(text) == pytest.approx(number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no idea",
        "name 'N' is not defined",
        "Answer: 10-12\nSo 10.",
        "Answer: 4 or 5",
        "(4.31, 2.70)",
        '{"answer": "(4.31, 2.70)"}',
        "1e999",
        "Answer: 7/0",
    ],
)
def test_what_is_no_single_number_is_not_read(text: str) -> None:
    """A range, two results, an error message, infinity: None, not a guess."""
    assert read_number(text) is None


@pytest.mark.parametrize(
    "text",
    ['{"answer": null}', "Answer: N/A", "It cannot be calculated: the age of 70 is all there is."],
)
def test_an_abstention_is_read_as_one(text: str) -> None:
    """That there is no result is a statement too, apart from what cannot be read."""
    assert read_number(text) == ABSTAINED
    assert read_answer("date", text) == ABSTAINED


def test_points_of_points_are_points() -> None:
    """14/15 is a fraction, or 14 points of 15."""
    assert read_number("Answer: 14/15") == pytest.approx(14 / 15)
    assert read_number("Answer: 14/15", whole=True) == 14


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("09/23/2014", "2014-09-23"),
        ("Answer: 2014-09-23", "2014-09-23"),
        ("The last period was 01/02/2014. The due date is 23 September 2014.", "2014-09-23"),
        ("Answer: Sept. 23rd, 2014 (40 weeks after 12/17/2013)", "2014-09-23"),
        ("23/09/2014", "2014-09-23"),
        ("02/30/2014", None),
        ("soon", None),
    ],
)
def test_the_stated_date_is_read(text: str, date: str | None) -> None:
    """Month first, unless it can only be the day; names of months; no day that is none."""
    assert read_date(text) == date


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("34 weeks and 3 days", (34, 3)),
        ("('34 weeks', '3 days')", (34, 3)),
        ('{"answer": ["34 weeks", "3 days"]}', (34, 3)),
        ("(34, 3)", (34, 3)),
        ("34w3d", (34, 3)),
        ("34+3", (34, 3)),
        ("34 3/7 weeks", (34, 3)),
        ("34 weeks", (34, 0)),
        ("241 days", (34, 3)),
        ("soon", None),
    ],
)
def test_the_stated_weeks_and_days_are_read(text: str, time: tuple[int, int] | None) -> None:
    """In words, as a pair, as obstetricians write them."""
    assert read_weeks(text) == time


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ('{"total_carbohydrates": 66.5}', 66.5),
        ('{"total_carbohydrates": "30-40"}', 35),
        ('{"total_carbohydrates": [30, 40]}', 35),
        ('{"total_fat": 3, "total_carbohydrates": 12.0}', 12),
        ("I would say 30 to 40 g of carbohydrate.", 35),
        ("35 g", 35),
        ('Output: {"total_carbohydrates": -1}', -1),
        ('{"total_carbohydrates": -5}', None),
        ("I cannot tell.", None),
    ],
)
def test_the_stated_amount_is_read(text: str, amount: float | None) -> None:
    """A range is its mean, −1 a refusal, another negative amount nothing."""
    assert read_amount(text, "carb") == amount


@given(st.text(alphabet="0123456789.,-/=()[]{}\"' aenrsw:\n\\x×^", max_size=60))
def test_reading_never_fails(text: str) -> None:
    """Whatever a system says, reading it gives a value or None."""
    assert read_amount(text, "carb") != float("inf")
    for kind in ("decimal", "integer", "date", "weeks"):
        read_answer(kind, text)


@given(st.floats(min_value=-1e9, max_value=1e9).map(lambda x: round(x, 3)))
def test_what_python_writes_is_read_back(number: float) -> None:
    """A number as Python writes it, alone, as JSON and with separators."""
    for text in (str(number), json.dumps({"answer": number}), f"Answer: {number:,.3f}"):
        assert read_number(text) == pytest.approx(number, abs=1e-9)


# Scoring

EQUATION = {"kind": "decimal", "answer": 10.0, "lower": 9.5, "upper": 10.5}
CALCULATION = CalculationScoring()


def calculated(text: str | None, target: dict[str, Any]) -> Score:
    item = Example("c1", (Message("user", "made-up case"),), (), ("category:lab",), target=target)
    response = Response("r", text=text) if text is not None else Response("r", failure="timeout")
    return CALCULATION.score(Graded(item, 0, response, ()))


def test_an_equation_is_right_between_both_limits() -> None:
    """The limits are joined with "and": a number far above the upper one is wrong."""
    right = {said: agrees("decimal", said, EQUATION) for said in (9.4, 9.5, 10.5, 10.6, 1e6, -1e6)}
    assert [said for said, is_right in right.items() if is_right] == [9.5, 10.5]


def test_a_rule_is_right_after_rounding() -> None:
    """A score of points has no tolerance."""
    found = [agrees("integer", said, {"answer": 3.0}) for said in (2.4, 2.6, 3.4, 4.0, ABSTAINED)]
    assert found == [False, True, True, False, False]


def test_dates_and_times_are_right_when_equal() -> None:
    """One day off is wrong; 13 weeks and 8 days are 14 weeks and 1 day."""
    assert agrees("date", "2014-09-23", {"answer": "2014-09-23"})
    assert not agrees("date", "2014-09-24", {"answer": "2014-09-23"})
    assert agrees("weeks", [13, 8], {"answer": [14, 1]})
    assert not agrees("weeks", [14, 2], {"answer": [14, 1]})


def test_corrected_labels_are_beside_the_original_ones() -> None:
    """One answer has a value under each; where there is no answer, only abstaining is right."""
    other = {"answer": 20.0, "lower": 19.0, "upper": 21.0}
    found = calculated("Answer: 20", {**EQUATION, "corrected": other})
    assert (found.values["overall_score"], found.values["original_accuracy"]) == (0, 0)
    assert found.values["corrected_accuracy"] == 1
    none = {**EQUATION, "corrected": ABSTAINED}
    assert calculated("Answer: N/A", none).values["abstention_rate"] == 1
    guessed = calculated("Answer: 10", none)
    assert (guessed.values["overall_score"], guessed.values["abstention_rate"]) == (1, 0)
    assert "corrected_accuracy" not in guessed.values


def test_an_unreadable_answer_is_wrong_and_a_failed_call_is_missing() -> None:
    """Both are counted, and not as the same."""
    unread = calculated("I do not know", EQUATION)
    assert (unread.values["overall_score"], unread.values["parse_rate"]) == (0, 0)
    assert unread.prediction is None
    failed = calculated(None, EQUATION)
    assert failed.values == {}
    assert (failed.low["overall_score"], failed.high["overall_score"]) == (0, 1)


AMOUNT = AmountScoring("carb", 7.5, "g")


def meal(name: str, amount: float, serving: str, subject: str) -> Example:
    return Example(
        name,
        (Message("user", f"made-up meal {name}"),),
        (),
        (f"serving:{serving}",),
        target={"amount": amount, "subject": subject},
    )


MEALS = [
    meal("a", 5.0, "natural", "1"),
    meal("b", 5.0, "metric", "1"),
    meal("c", 50.0, "natural", "2"),
    meal("d", 50.0, "metric", "2"),
]


def estimated(answers: Sequence[str | None]) -> dict[str, Metric]:
    scores = [
        AMOUNT.score(Graded(item, 0, Response("r", text=text) if text is not None else None, ()))
        for item, text in zip(MEALS, answers, strict=True)
    ]
    return AMOUNT.summarise(scores, MEALS)


def test_an_amount_is_right_within_the_tolerance() -> None:
    """Less than 7.5 g off; the error is the mean of those amounts that were given."""
    found = estimated(["12.4", "12.5", "47", "60"])
    assert found["overall_score"].value == pytest.approx(2 / 4)
    error = found["mae"]
    assert error.value == pytest.approx((7.4 + 7.5 + 3 + 10) / 4)
    assert (error.unit, error.higher_is_better, error.n, error.coverage) == ("g", False, 4, 1.0)
    assert found["mae:serving:natural"].value == pytest.approx((7.4 + 3) / 2)
    assert error.ci95 is not None
    assert error.ci95[0] <= error.value <= error.ci95[1]


def test_a_refusal_is_neither_right_nor_an_error() -> None:
    """−1 for a meal of 5 g is not 6 g off: it is no amount at all."""
    found = estimated(['{"total_carbohydrates": -1}', "no", "50", None])
    assert found["overall_score"].value == pytest.approx(1 / 3)
    assert found["answer_rate"].value == pytest.approx(1 / 3)
    assert found["parse_rate"].value == pytest.approx(2 / 3)
    assert (found["mae"].value, found["mae"].n, found["mae"].coverage) == (0, 1, 1 / 4)


def test_no_amount_at_all_leaves_the_error_undefined() -> None:
    """Undefined is null, not 0."""
    assert estimated(["-1", "-1", "-1", "-1"])["mae"].value is None


# Loading

ROW = {
    "Row Number": "7",
    "Calculator ID": "6",
    "Category": "physical",
    "Output Type": "decimal",
    "Patient Note": "made-up note",
    "Question": "made-up question?",
    "Ground Truth Answer": "20",
    "Lower Limit": "19",
    "Upper Limit": "21",
}


def table(path: Path, *rows: dict[str, str]) -> Path:
    lines = [",".join(f'"{cell}"' for cell in line) for line in (rows[0], *map(dict.values, rows))]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_calculation_is_asked_in_three_ways(tmp_path: Path) -> None:
    """Directly, with reasoning, and after the worked example of the same calculator."""
    table(tmp_path / "test_data.csv", ROW)
    shown = {
        "6": {
            "Patient Note": "another note",
            "Response": {"step_by_step_thinking": "made-up steps", "answer": 22.5},
        }
    }
    (tmp_path / "one_shot_exemplars.json").write_text(json.dumps(shown))
    asked = {}
    for name in ("medcalc-bench", "medcalc-bench-direct", "medcalc-bench-one-shot"):
        benchmark = benchmarks.get(name)
        (example,) = benchmark.load(tmp_path).examples
        asked[name] = benchmark.protocol.messages(example)
        assert (example.id, example.tags) == ("7", ("category:physical",))
    direct, reasoned, one_shot = (
        asked["medcalc-bench-direct"],
        asked["medcalc-bench"],
        asked["medcalc-bench-one-shot"],
    )
    assert "step by step" in reasoned[0].content
    assert "step by step" not in direct[0].content
    assert [message.role for message in one_shot] == ["user", "assistant", "user"]
    assert one_shot[1].content == 'made-up steps\n{"answer":22.5}'
    assert one_shot[2] == reasoned[0]


def test_one_shot_without_its_file_says_so(tmp_path: Path) -> None:
    """The worked examples are a second file of the folder."""
    with pytest.raises(InputError, match=r"expected a folder with one_shot_exemplars\.json"):
        benchmarks.get("medcalc-bench-one-shot").load(table(tmp_path / "test_data.csv", ROW))


def test_corrected_labels_are_read_from_the_folder(tmp_path: Path) -> None:
    """A date is a date, weeks and days are given as days, N/A is no answer."""
    kinds = [
        ("1", "date", "09/23/2014"),
        ("2", "integer", "('14 weeks', '1 days')"),
        ("3", "integer", "3"),
        ("4", "decimal", "20"),
    ]
    rows = [
        {**ROW, "Row Number": name, "Output Type": kind, "Ground Truth Answer": answer}
        for name, kind, answer in kinds
    ]
    table(tmp_path / "test_data.csv", *rows)
    table(
        tmp_path / "corrected_labels_v1_887.csv",
        *(
            {"Row Number": name, "Ground Truth Answer": answer, "Lower Limit": "0"}
            | {"Upper Limit": "99"}
            for name, answer in [("1", "09/22/2014"), ("2", "100"), ("3", "N/A")]
        ),
    )
    found = [e.target for e in benchmarks.get("medcalc-bench").load(tmp_path).examples]
    assert found[0] == {
        "kind": "date",
        "answer": "2014-09-23",
        "corrected": {"answer": "2014-09-22"},
    }
    assert found[1] == {"kind": "weeks", "answer": [14, 1], "corrected": {"answer": [14, 2]}}
    assert found[2]["corrected"] == ABSTAINED
    assert "corrected" not in found[3]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Output Type", "colour"),
        ("Ground Truth Answer", "many"),
        ("Lower Limit", ""),
        ("Patient Note", " "),
        ("Question", ""),
        ("Category", ""),
        ("Row Number", ""),
    ],
)
def test_a_malformed_calculation_names_file_line_and_field(
    tmp_path: Path, field: str, value: str
) -> None:
    """Each field is checked where it is read."""
    path = table(tmp_path / "test_data.csv", ROW, {**ROW, "Row Number": "8", field: value})
    with pytest.raises(DataError, match=rf"test_data\.csv:3: {field}: expected"):
        benchmarks.get("medcalc-bench").load(path)


def test_a_meal_has_its_slices_from_its_file(tmp_path: Path) -> None:
    """Source and serving are in the file's name; row 1 of both servings is one meal."""
    row = {"meal_description": "made-up meal", "carb": "10.5"}
    row |= {"protein": "2", "fat": "0", "energy": "50"}
    for serving in ("natural", "metric"):
        table(tmp_path / f"who_meal_{serving}.csv", row)
    metric, natural = benchmarks.get("nutribench").load(tmp_path).examples
    assert metric.id == "who-metric-1"
    assert metric.tags == ("source:who", "serving:metric")
    assert metric.target == {"amount": 10.5, "subject": "who-1"}
    assert natural.target["subject"] == metric.target["subject"]
    (energy, _) = benchmarks.get("nutribench-energy").load(tmp_path).examples
    assert energy.target["amount"] == 50


@pytest.mark.parametrize("value", ["", "some", "-3"])
def test_a_malformed_meal_names_file_line_and_field(tmp_path: Path, value: str) -> None:
    """An amount is a number that is not negative."""
    path = table(tmp_path / "who_meal_natural.csv", {"meal_description": "made up", "fat": value})
    with pytest.raises(DataError, match=r"who_meal_natural\.csv:2: fat: expected"):
        benchmarks.get("nutribench-fat").load(path)


# The whole way


def gives_grams(messages: list[dict[str, str]]) -> str:
    """30 g for one meal, a refusal for the other."""
    return '{"total_carbohydrates": "25-35 g"}' if "oats" in messages[-1]["content"] else "-1"


def test_meals_are_asked_scored_and_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No grader is needed; share and grams are beside one another, and two runs compare."""
    words = ("made-up oats", "made-up soup", "made-up oats with milk")
    meals = [{"meal_description": text, "carb": "36"} for text in words]
    data = table(tmp_path / "who_meal_natural.csv", *meals)
    store = tmp_path / "work.db"
    for name in ("first", "second"):
        run = preceptor.run(
            "nutribench",
            system="python:test_numeric:gives_grams",
            data=data,
            store=store,
            name=name,
        )
    found = run.result().metrics
    assert found["overall_score"].value == found["answer_rate"].value == pytest.approx(2 / 3)
    assert (found["mae"].value, found["mae"].unit, found["mae"].n) == (6, "g", 2)
    at = ("--store", str(store))
    assert cli.main(["score", "first", *at]) == 0
    assert "6.00 g" in capsys.readouterr().out
    assert cli.main(["compare", "first", "second", *at]) == 0
    assert cli.main(["report", "first", "-o", str(tmp_path / "report.html"), *at]) == 0
    assert "Mean absolute error" in (tmp_path / "report.html").read_text("utf-8")


# Real data


def stored(benchmark: Benchmark, name: str) -> list[tuple[dict[str, Any], Score]]:
    by_id = {example.id: example for example in benchmark.load(DATA).examples}
    lines = (DATA / "medcalc_bench" / name).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [
        (
            row,
            benchmark.protocol.score(
                Graded(
                    by_id[str(row["Row Number"])], 0, Response("r", text=str(row["LLM Answer"])), ()
                )
            ),
        )
        for row in rows
    ]


@needs_data
@pytest.mark.parametrize(
    ("name", "published", "correct"),
    [
        ("predictions_gpt-4o-mini_direct_answer_v1.0.jsonl", 523, 111),
        ("predictions_gpt-4_code_exec_v1.0_partial353.jsonl", 353, 182),
        ("predictions_gpt-3.5-turbo_one_shot_v1.0_partial114.jsonl", 114, 50),
    ],
)
def test_published_verdicts_come_out(name: str, published: int, correct: int) -> None:
    """Each stored answer of three systems is right or wrong as its authors said."""
    known = [
        (row, score)
        for row, score in stored(benchmarks.get("medcalc-bench"), name)
        if "Result" in row
    ]
    assert len(known) == published
    ours = [score.values["overall_score"] == 1 for _, score in known]
    assert ours == [row["Result"] == "Correct" for row, _ in known]
    assert sum(ours) == correct


@needs_data
def test_all_stored_answers_of_one_system_are_scored() -> None:
    """1,047 answers of gpt-4o-mini: accuracy, and both kinds of labels over 818 questions."""
    benchmark = benchmarks.get("medcalc-bench")
    scores = [s for _, s in stored(benchmark, "predictions_gpt-4o-mini_direct_answer_v1.0.jsonl")]
    found = benchmark.protocol.summarise(scores, benchmark.load(DATA).examples)
    assert found["overall_score"].value == pytest.approx(216 / 1047)
    assert found["overall_score"].n == 1047
    assert (found["corrected_accuracy"].n, found["original_accuracy"].n) == (818, 818)
    assert found["abstention_rate"].n == 69
    slices = {name: metric.n for name, metric in found.items() if name.startswith("category:")}
    assert len(slices) == 7
    assert sum(slices.values()) == 1047


@needs_data
def test_real_meals_with_their_own_amounts_are_all_right() -> None:
    """11,857 meals in four slices; the exact amount has no error."""
    benchmark = benchmarks.get("nutribench")
    examples = benchmark.load(DATA).examples
    assert len(examples) == benchmark.n_examples
    scores = [
        benchmark.protocol.score(
            Graded(item, 0, Response("r", text=json.dumps({"c": item.target["amount"]})), ())
        )
        for item in examples
    ]
    found = benchmark.protocol.summarise(scores, examples)
    assert (found["overall_score"].value, found["mae"].value) == (1, 0)
    names = ("source:wweia", "source:who", "serving:natural", "serving:metric")
    assert [found[name].n for name in names] == [11064, 793, 5798, 6059]
