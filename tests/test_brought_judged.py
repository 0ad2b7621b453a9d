"""Files that users bring, and a judge: ClinBench-HPB's cases, PubHealthBench in free form."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import preceptor
from preceptor.benchmarks import get
from preceptor.errors import DataError, InputError
from preceptor.graders.base import Case
from preceptor.graders.judge import NOT_ASKED
from preceptor.protocols.grounded import grounded_criteria
from preceptor.protocols.recall import RecallJudge, recall_criteria
from preceptor.records import Example, Graded, Message
from preceptor.statistics import wilson_interval
from suite_answers import graded

CASES, FREE = get("clinbench-hpb-cases"), get("pubhealthbench-freeform")
YES, NO = "included", "not included"
CASE = {
    "patient_info": "A made-up patient.",
    "laboratory_tests": "Made-up numbers.",
    "imaging_studies": "A made-up picture.",
    "diagnosis": "made-up stones\nmade-up cyst ",
}
#: File → a row of its schema, and the example's id and tags.
FILES: dict[str, tuple[dict[str, Any], str, tuple[str, ...]]] = {
    "Hospital.json": (
        {**CASE, "patient_id": 1, "imaging_impression": "A made-up conclusion."},
        "hospital/1",
        ("source:hospital", "language:zh"),
    ),
    "Website.json": (
        {**CASE, "patient_id": "28033", "data_source": "website"},
        "website/28033",
        ("source:website", "language:zh"),
    ),
    "Journal_part1.json": (
        {**CASE, "Index": "made-up-1"},
        "journal-1/1",
        ("source:journal", "language:en"),
    ),
    "Journal_part2.json": (
        {**CASE, "Index": "made-up-2"},
        "journal-2/1",
        ("source:journal", "language:zh"),
    ),
    "Journal_part3.json": (
        {**CASE, "question": "WHAT IS MADE UP?"},
        "journal-3/1",
        ("source:journal", "language:en", "asked:question"),
    ),
}
QUESTION = {
    "question_id": 12,
    "question": "A made-up question?",
    "options": ["rest", "water", "sleep", "N/A", "N/A"],
    "answer": "B",
    "answer_index": 1,
    "category": "made up",
    "retrieved_context_for_judge": "Made-up guidance: water.",
}


def written(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text(json.dumps(rows))
    return path


def test_each_file_of_cases_has_its_schema(tmp_path: Path) -> None:
    """A folder's files are read in order; each case is shown whole and asked in its language."""
    for name, (row, _, _) in FILES.items():
        written(tmp_path / name, row)
    written(tmp_path / "enqa.json", {"question": "of another benchmark"})
    examples = CASES.load(tmp_path).examples
    assert [(each.id, each.tags) for each in examples] == [part[1:] for part in FILES.values()]
    for example in examples:
        assert example.target["diagnoses"] == ["made-up stones", "made-up cyst"]
        assert example.criteria == recall_criteria(["made-up stones", "made-up cyst"])
    hospital, _, first, _, third = (CASES.protocol.messages(each)[0].text for each in examples)
    assert "影像结论:\nA made-up conclusion." in hospital
    assert hospital.endswith("不写其他内容。")
    assert "Laboratory tests:\nMade-up numbers.\n\nImaging:\nA made-up picture." in first
    assert "Which diseases" in first
    assert third.endswith("WHAT IS MADE UP?\n\nAnswer the question in as few words as it takes, "
                          "one point a line.")  # fmt: skip


def test_cases_of_one_article_are_one_unit(tmp_path: Path) -> None:
    """Two rows with one Index are drawn together; rows without one stand alone."""
    rows = [{**FILES["Journal_part2.json"][0], "patient_info": f"Patient {n}."} for n in range(3)]
    rows[2]["Index"] = "made-up-3"
    examples = CASES.load(written(tmp_path / "Journal_part2.json", *rows)).examples
    assert [each.id for each in examples] == [f"journal-2/{n}" for n in (1, 2, 3)]
    found = CASES.protocol.summarise(
        [CASES.protocol.score(found_all(each)) for each in examples], examples
    )
    assert (found["overall_score"].n, found["overall_score"].units) == (3, 2)
    assert (found["disease_recall"].n, found["disease_recall"].units) == (3, 2)


def found_all(example: Example) -> Graded:
    half = len(example.criteria) // 2
    return graded(example, "made up", [YES] * half + [NOT_ASKED] * half)


WRONG_CASES: list[tuple[str, str, object, str]] = [
    ("Hospital.json", "patient_id", None, "a text or a whole number"),
    ("Hospital.json", "patient_info", " ", "a text that is not empty"),
    ("Hospital.json", "laboratory_tests", 3, "a text"),
    ("Hospital.json", "imaging_studies", None, "a text"),
    ("Hospital.json", "imaging_impression", [], "a text"),
    ("Hospital.json", "diagnosis", "\n", "a text that is not empty"),
    ("Journal_part1.json", "Index", None, "a text"),
    ("Journal_part3.json", "question", "", "a text that is not empty"),
]


@pytest.mark.parametrize(("file", "field", "value", "expected"), WRONG_CASES)
def test_a_wrong_case_is_named(
    file: str, field: str, value: object, expected: str, tmp_path: Path
) -> None:
    """With file, row and column."""
    path = written(tmp_path / file, FILES[file][0], {**FILES[file][0], field: value})
    with pytest.raises(DataError, match=rf"{file}:2: {field}: expected {expected}"):
        CASES.load(path)
    row = {name: each for name, each in FILES[file][0].items() if name != field}
    with pytest.raises(DataError, match=rf"{file}:1: {field}: missing"):
        CASES.load(written(tmp_path / file, row))


def test_a_file_of_another_name_is_refused(tmp_path: Path) -> None:
    """The name says the schema: what is expected is listed, in a folder too."""
    path = written(tmp_path / "cases.json", CASE)
    with pytest.raises(InputError, match=r"expected Hospital.json, .*found .cases.json"):
        CASES.load(path)
    with pytest.raises(InputError, match=r"found none in the folder"):
        CASES.load(tmp_path)


def case(id: str, diseases: int, source: str = "hospital") -> Example:
    criteria = recall_criteria([f"made-up disease {n}" for n in range(diseases)])
    message = Message("user", f"made-up case {id}")
    return Example(id, (message,), criteria, (f"source:{source}",), target={})


def test_recall_counts_patients_and_diseases() -> None:
    """The second reading adds what it finds; a source has its own; the interval draws cases."""
    examples = [case("a", 2), case("b", 3), case("c", 1, "journal")]
    labels = [
        [YES, NO, NOT_ASKED, YES],
        [YES, YES, NO, NOT_ASKED, NOT_ASKED, NO],
        [NO, NO],
    ]
    answers = ["1. one\n2. two", "1. one\n2. two\n3. three\n4. four", "1. one"]
    scores = [
        CASES.protocol.score(graded(example, text, given))
        for example, text, given in zip(examples, answers, labels, strict=True)
    ]
    metrics = CASES.protocol.summarise(scores, examples)
    assert [score.values["overall_score"] for score in scores] == [1, 0, 0]
    found = {name: metrics[name].value for name in metrics}
    assert found["overall_score"] == pytest.approx(1 / 3)
    assert found["disease_recall"] == pytest.approx(4 / 6)
    assert found["disease_recall:hospital"] == pytest.approx(4 / 5)
    assert found["disease_recall:journal"] == 0
    assert found["first_reading"] == pytest.approx(3 / 6)
    assert found["named"] == pytest.approx(7 / 3)
    assert metrics["source:hospital"].value == 1 / 2
    assert metrics["disease_recall"].n == metrics["disease_recall"].units == 3
    low, high = metrics["disease_recall"].ci95 or (1, 0)
    assert 0 <= low <= 4 / 6 <= high <= 1
    assert metrics["overall_score"].wilson_ci95 == pytest.approx(wilson_interval(1, 3))


FIRST = st.sampled_from([YES, NO, None])


@settings(max_examples=40)
@given(st.lists(st.tuples(FIRST, FIRST), min_size=1, max_size=3))
def test_missing_verdicts_bound_recall(readings: list[tuple[str | None, str | None]]) -> None:
    """What is missing is open, never a miss: bounds are the extremes of all completions."""
    given_ = [(first, None if first is None else NOT_ASKED if first == YES else second)
              for first, second in readings]  # fmt: skip
    example = case("a", len(given_))

    def scored(pairs: list[tuple[str | None, str | None]]) -> Any:
        labels = [first for first, _ in pairs] + [second for _, second in pairs]
        score = CASES.protocol.score(graded(example, "made up", labels))
        return score, CASES.protocol.summarise([score], [example])

    score, metrics = scored(given_)
    wholes = [scored(list(each)) for each in itertools.product(*map(completions, given_))]
    values = {whole.values["overall_score"] for whole, _ in wholes}
    assert (score.low["overall_score"], score.high["overall_score"]) == (min(values), max(values))
    shares = [found["disease_recall"].value for _, found in wholes]
    pooled = metrics["disease_recall"]
    assert score.values.get("overall_score") == (min(values) if len(values) == 1 else None)
    if len(wholes) == 1:
        assert (pooled.value, pooled.coverage, pooled.bounds) == (shares[0], 1, None)
    else:
        assert metrics["overall_score"].coverage == pooled.coverage < 1
        assert pooled.bounds == pytest.approx((min(shares), max(shares)))


def completions(pair: tuple[str | None, str | None]) -> Iterator[tuple[str, str]]:
    first, second = pair
    for one in (YES, NO) if first is None else (first,):
        if one == YES:
            yield one, NOT_ASKED
        else:
            yield from ((one, each) for each in ((YES, NO) if second is None else (second,)))


def test_an_answer_that_failed_finds_nothing_and_misses_nothing() -> None:
    """Its case has no value and is in the bounds."""
    example = case("a", 2)
    score = CASES.protocol.score(graded(example, None))
    metrics = CASES.protocol.summarise([score], [example])
    assert score.values == {}
    assert (metrics["disease_recall"].value, metrics["disease_recall"].bounds) == (None, (0, 1))
    assert (metrics["overall_score"].value, metrics["overall_score"].bounds) == (None, (0, 1))


def test_the_second_reader_sees_the_first_ones_reason() -> None:
    """Verdict and reason stand in its question; braces in texts are texts."""
    judge, criteria = RecallJudge(), recall_criteria(["{answer} stones", "cyst"])
    talk = (Message("user", "q"), Message("assistant", "{criterion} {reason}"))
    whole = Case(talk, dict(enumerate(criteria)), "run")
    assert judge.due(whole, {}) == ((0, 1), {})
    assert judge.due(whole, {0: NO, 1: YES}) == ((0, 1, 2), {3: NOT_ASKED})
    first = judge.prompt(whole, criteria[0])
    assert "<disease>\n{answer} stones\n</disease>" in first
    assert "<answer>\n{criterion} {reason}\n</answer>" in first
    assert "first reader" not in first
    bare = judge.prompt(whole, criteria[2])
    assert "<finding>\nnot included\n</finding>" in bare
    said = Case(talk, dict(enumerate(criteria)), "run", explanations={0: "it says {answer}"})
    again = judge.prompt(said, criteria[2])
    assert again == bare.replace("\nnot included\n", "\nnot included: it says {answer}\n")
    assert judge.known(NOT_ASKED) == NOT_ASKED
    assert judge.known("Included") == YES
    with pytest.raises(ValueError, match="expected one of included, not included"):
        judge.read(json.dumps({"label": NOT_ASKED}))


ASKED: list[str] = []
BROKEN: set[str] = set()


def system(messages: Any) -> str:
    return "made-up stones\nanother thing"


def grader(messages: Any) -> str:
    """Finds the stones; of the cyst it says so only when it is asked again."""
    prompt = messages[-1]["content"]
    again = "first reader" in prompt
    ASKED.append(prompt)
    if again and BROKEN:
        return "no label at all"
    found = "<disease>\nmade-up stones" in prompt or again
    why = "there it is" if found else "a cyst is no stone"
    return json.dumps({"explanation": why, "label": YES if found else NO})


def test_a_run_reads_twice_and_resumes(tmp_path: Path, monkeypatch: Any) -> None:
    """A second reading that fails is ungraded; resumed, it alone is asked, with the same words."""
    monkeypatch.chdir(tmp_path)
    ASKED.clear()
    BROKEN.add("second")
    data = written(tmp_path / "Website.json", FILES["Website.json"][0])
    run = preceptor.run(
        "clinbench-hpb-cases",
        system="python:test_brought_judged:system",
        grader="python:test_brought_judged:grader",
        data=data,
    )
    before = run.result()
    assert before.metrics["overall_score"].value is None
    assert before.metrics["overall_score"].bounds == (0, 1)
    assert before.metrics["disease_recall"].coverage == 1 / 2
    BROKEN.clear()
    asked = set(ASKED)
    ASKED.clear()
    resumed = preceptor.resume(run.info.name).result()
    assert len(ASKED) == 1
    assert ASKED[0] in asked
    assert "not included: a cyst is no stone" in ASKED[0]
    assert resumed.metrics["overall_score"].value == 1
    assert resumed.metrics["first_reading"].value == 1 / 2
    assert resumed.coverage == 1
    labels = [verdict and verdict.label for verdict in resumed.graded[0].verdicts]
    assert labels == [YES, NO, NOT_ASKED, YES]
    assert any("own prompt" in each for each in resumed.departures)
    assert any("1 examples of 337" in each for each in resumed.departures)
    assert "Patient-level recall" in run.report("report.html").read_text()


def test_a_question_becomes_an_example(tmp_path: Path) -> None:
    """The judge has reference and passages; the system neither them nor the options."""
    rows = [QUESTION, {**QUESTION, "question_id": 13, "audience": "public"}]
    first, second = FREE.load(written(tmp_path / "reviewed.json", *rows)).examples
    assert (first.id, first.tags) == ("12", ("category:made up",))
    assert second.tags == ("category:made up", "audience:public")
    assert first.target == {
        "question": "A made-up question?",
        "reference": "water",
        "passages": "Made-up guidance: water.",
    }
    (asked,) = FREE.protocol.messages(first)
    assert asked.text.endswith("\n\nA made-up question?")
    assert "water" not in asked.text
    judge = FREE.protocol.judging.judge
    assert judge is not None
    whole = Case((asked, Message("assistant", "{target.reference}")), {}, "run", first.target)
    prompt = judge.prompt(whole, first.criteria[0])
    assert "<answer>\n{target.reference}\n</answer>" in prompt
    assert "<reference>\nwater\n</reference>" in prompt
    assert "<passages>\nMade-up guidance: water.\n</passages>" in prompt


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("question_id", None, "a text or a whole number"),
        ("question", "", "a text that is not empty"),
        ("options", "rest", "a list of texts"),
        ("options", ["N/A"], "a list of texts that is not empty"),
        ("answer_index", 3, "a number from 0 to 2"),
        ("answer_index", "1", "an integer"),
        ("answer", "A", "B, the letter of answer_index"),
        ("category", None, "a text or a whole number"),
        ("audience", 3, "a text"),
        ("retrieved_context_for_judge", " ", "a text that is not empty"),
    ],
)
def test_a_wrong_question_is_named(
    field: str, value: object, expected: str, tmp_path: Path
) -> None:
    """With file, row and column."""
    path = written(tmp_path / "reviewed.json", {**QUESTION, field: value})
    with pytest.raises(DataError, match=rf"reviewed.json:1: {field}: expected {expected}"):
        FREE.load(path)


def test_a_free_answer_is_right_or_has_a_fault() -> None:
    """Faults are shares of all answers; one without a verdict is in the bounds alone."""
    labels = ["correct", "correct", "omits", "adds", "contradicts", "omits", None]
    examples = [
        Example(
            str(n),
            (Message("user", f"made up {n}"),),
            grounded_criteria(),
            (f"category:{n % 2}",),
            target={},
        )
        for n in range(len(labels))
    ]
    scores = [
        FREE.protocol.score(graded(example, "made up", [label]))
        for example, label in zip(examples, labels, strict=True)
    ]
    metrics = FREE.protocol.summarise(scores, examples)
    right = metrics["overall_score"]
    assert right.value == pytest.approx(2 / 6)
    assert (right.n, right.coverage) == (6, 6 / 7)
    assert right.bounds == pytest.approx((2 / 7, 3 / 7))
    assert right.wilson_ci95 == pytest.approx(wilson_interval(2, 6))
    assert metrics["fault:omits"].value == pytest.approx(2 / 6)
    assert metrics["fault:omits"].higher_is_better is False
    faults = sum(metrics[f"fault:{name}"].value or 0 for name in ("contradicts", "omits", "adds"))
    assert right.value is not None
    assert faults + right.value == pytest.approx(1)
    assert metrics["category:0"].value == pytest.approx(1 / 3)
