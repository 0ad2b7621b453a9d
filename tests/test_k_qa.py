"""K-QA: statements that an answer entails, leaves open or contradicts."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_fixtures import write_rows
from preceptor.audit.panel import panel_audit
from preceptor.audit.ratings import read_ratings
from preceptor.benchmarks.base import Fields
from preceptor.benchmarks.k_qa import BENCHMARKS, parse
from preceptor.errors import DataError
from preceptor.graders.base import Case
from preceptor.records import Example, Graded, Message, Response, Verdict

KQA = Path(os.environ.get("PRECEPTOR_TEST_DATA") or "nowhere") / "k-qa"
needs_kqa = pytest.mark.skipif(
    not KQA.exists(), reason="real data: set PRECEPTOR_TEST_DATA to a folder with k-qa"
)
(BENCHMARK,) = BENCHMARKS
PROTOCOL = BENCHMARK.protocol


def row(must: int = 2, nice: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "Question": "made-up question",
        "Free_form_answer": "made-up answer of a physician",
        "Must_have": [f"made-up need {number}" for number in range(must)],
        "Nice_to_have": [f"made-up extra {number}" for number in range(nice)],
        "Sources": "https://example.org",
        "ICD_10_diag": None,
    } | changes


def example(must: int = 2, nice: int = 1, line: int = 1) -> Example:
    return parse(Fields(row(must, nice, Question=f"made-up question {line}"), "rows", line))


def labelled(item: Example, *labels: str | None, repeat: int = 0) -> Graded:
    verdicts = tuple(
        Verdict("v", None, label=label, reason=None if label else "timeout") for label in labels
    )
    return Graded(item, repeat, Response("r", text="made-up answer"), verdicts)


def test_a_row_becomes_an_example(tmp_path: Path) -> None:
    """Each statement is a criterion with its kind; the physicians' own answer is kept."""
    path = write_rows(tmp_path / "rows.jsonl", [row(), row(1, 0, Free_form_answer=None)])
    first, second = BENCHMARK.load(path).examples
    assert (first.id, second.id) == ("1", "2")
    assert first.messages == (Message("user", "made-up question"),)
    assert [(each.text, each.tags) for each in first.criteria] == [
        ("made-up need 0", ("statement:must_have",)),
        ("made-up need 1", ("statement:must_have",)),
        ("made-up extra 0", ("statement:nice_to_have",)),
    ]
    assert first.physician is not None
    assert first.physician.text == "made-up answer of a physician"
    assert second.physician is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"Question": " "}, "Question"),
        ({"Must_have": []}, "Must_have"),
        ({"Must_have": "one"}, "Must_have"),
        ({"Nice_to_have": [3]}, "Nice_to_have"),
        ({"Free_form_answer": 1}, "Free_form_answer"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, changes: dict[str, Any], field: str) -> None:
    """File, line and field are in the message."""
    path = write_rows(tmp_path / "rows.jsonl", [row(), row(**changes)])
    with pytest.raises(DataError, match=rf"rows\.jsonl:2: {field}: expected"):
        BENCHMARK.load(path)


def test_comprehensiveness_and_hallucinations() -> None:
    """Needs count where entailed; every contradicted statement counts, extras included."""
    score = PROTOCOL.score(
        labelled(
            example(3, 2), *["entailed", "neutral", "contradicted"], "entailed", "contradicted"
        )
    )
    assert score.values == {"overall_score": pytest.approx(1 / 3), "hallucinations": 2.0}
    assert score.counts == {"overall_score": (3, 3), "hallucinations": (5, 5)}
    assert score.length == len("made-up answer")


@pytest.mark.parametrize("missing", [None, "perhaps"])
def test_an_ungraded_statement_leaves_the_score_open(missing: str | None) -> None:
    """No value, but bounds: a judge's failure is not a statement that is missing."""
    score = PROTOCOL.score(labelled(example(2, 1), "entailed", missing, "neutral"))
    assert score.values == {}
    assert (score.low["overall_score"], score.high["overall_score"]) == (0.5, 1.0)
    assert (score.low["hallucinations"], score.high["hallucinations"]) == (0.0, 1.0)
    assert score.counts == {"overall_score": (1, 2), "hallucinations": (2, 3)}


def test_an_ungraded_extra_leaves_comprehensiveness_as_it_is() -> None:
    """What is only nice to have does not touch what must be there."""
    score = PROTOCOL.score(labelled(example(2, 1), "entailed", "neutral", None))
    assert score.values == {"overall_score": 0.5}
    assert (score.low["hallucinations"], score.high["hallucinations"]) == (0.0, 1.0)


def test_an_answer_that_is_not_there_has_no_score() -> None:
    """A failed call gives the widest bounds and no length."""
    item = example(2, 1)
    failed = Graded(item, 0, Response("r", failure="timeout"), (None, None, None))
    score = PROTOCOL.score(failed)
    assert (score.values, score.length) == ({}, None)
    assert (score.low["overall_score"], score.high["overall_score"]) == (0.0, 1.0)
    assert (score.low["hallucinations"], score.high["hallucinations"]) == (0.0, 3.0)


def test_the_number_of_hallucinations_is_not_clipped() -> None:
    """It is a count per answer, lower is better, with interval, coverage and bounds."""
    items = [example(2, 1, line) for line in range(1, 5)]
    wrong = ["contradicted"] * 3
    graded = [labelled(item, *wrong) for item in items[:2]]
    graded += [labelled(items[2], *["neutral"] * 3), labelled(items[3], "neutral", "neutral", None)]
    found = PROTOCOL.summarise([PROTOCOL.score(each) for each in graded], items)
    metric = found["hallucinations"]
    assert (metric.value, metric.n) == (2.0, 3)
    assert (metric.unit, metric.higher_is_better) == ("per answer", False)
    assert metric.coverage == pytest.approx(11 / 12)
    assert metric.bounds == (1.5, 1.75)
    assert metric.ci95 is not None
    assert 0 <= metric.ci95[0] <= 2 <= metric.ci95[1]
    assert found["overall_score"].value == 0.0
    assert found["overall_score"].n == 4


def test_repeats_of_a_question_are_one_question() -> None:
    """Two answers to one question count as their mean."""
    one, two = example(1, 0, 1), example(1, 0, 2)
    graded = [
        labelled(one, "contradicted"),
        labelled(one, "neutral", repeat=1),
        labelled(two, "neutral"),
    ]
    found = PROTOCOL.summarise([PROTOCOL.score(each) for each in graded], [one, two])
    assert found["hallucinations"].value == 0.25
    assert found["hallucinations"].n == 2


def test_the_judge_is_shown_question_answer_and_statement_only() -> None:
    """The physicians' answer is not in the prompt, and slots in texts are not filled."""
    item = example()
    conversation = (*item.messages, Message("assistant", "made-up {criterion}"))
    assert PROTOCOL.judging.judge is not None
    prompt = PROTOCOL.judging.judge.prompt(
        Case(conversation, dict(enumerate(item.criteria)), "run"), item.criteria[0]
    )
    for text in ("made-up question 1", "made-up {criterion}", "made-up need 0"):
        assert prompt.count(text) == 1
    assert "answer of a physician" not in prompt


def test_the_judge_says_one_of_three_labels() -> None:
    """Case does not count; anything else is no verdict."""
    assert PROTOCOL.judging.judge is not None
    said = PROTOCOL.judging.judge.read('```json\n{"explanation": "why", "label": "Entailed"}\n```')
    assert said == ("entailed", "why")
    for reply in ('{"label": "entails"}', "entailed", "{}", ""):
        with pytest.raises(ValueError, match=r"label|JSON|Input|malformed|truncated"):
            PROTOCOL.judging.judge.read(reply)


# Real data

SAID = {"Entailment": "entailed", "Neutral": "neutral", "Contradiction": "contradicted"}


def judgements() -> list[dict[str, str]]:
    with (KQA / "NLI_medical_annotator.csv").open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def blind(row: dict[str, str]) -> str:
    """What a judge says who is right with the majority, but never sees a contradiction."""
    return SAID[row["majority_label"]].replace("contradicted", "neutral")


@needs_kqa
def test_the_release_is_read_whole() -> None:
    """201 questions with 892 needs and 697 extras, and the file is the pinned one."""
    data = BENCHMARK.load(KQA.parent)
    tags = Counter(each.tags[0] for item in data.examples for each in item.criteria)
    assert len(data.examples) == BENCHMARK.n_examples == 201
    assert tags == {"statement:must_have": 892, "statement:nice_to_have": 697}
    assert sum(tags.values()) == BENCHMARK.n_criteria
    assert data.official
    lines = (KQA / "questions_w_answers.jsonl").read_text().splitlines()
    assert [json.loads(line)["Question"] for line in lines] == [
        item.messages[0].content for item in data.examples
    ]


@needs_kqa
def test_the_physicians_judgements_as_verdicts() -> None:
    """Scores from 399 majority labels are those that plain counting gives."""
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    for each in judgements():
        rows[each["Question"]].append(each)
    graded, shares, contradicted = [], [], []
    for line, (question, group) in enumerate(rows.items(), start=1):
        group.sort(key=lambda each: each["category_x"])  # Must_have, then Nice_to_have.
        must = [each for each in group if each["category_x"] == "Must_have"]
        if not must:
            continue
        texts = {"Must_have": [each["claim"] for each in must]}
        texts["Nice_to_have"] = [each["claim"] for each in group[len(must) :]]
        item = parse(Fields({"Question": question} | texts, "rows", line))
        graded.append(labelled(item, *(SAID[each["majority_label"]] for each in group)))
        shares.append(np.mean([each["majority_label"] == "Entailment" for each in must]))
        contradicted.append(sum(each["majority_label"] == "Contradiction" for each in group))
    found = PROTOCOL.summarise(
        [PROTOCOL.score(each) for each in graded], [each.example for each in graded]
    )
    assert found["overall_score"].value == pytest.approx(np.mean(shares))
    assert found["hallucinations"].value == pytest.approx(np.mean(contradicted))
    assert found["overall_score"].n == len(graded) >= 40
    assert found["overall_score"].coverage == 1.0


@needs_kqa
def test_the_physicians_calibrate_a_judge(tmp_path: Path) -> None:
    """A judge's labels beside those of three physicians: its agreement is theirs to measure."""
    path = tmp_path / "ratings.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["response", "criterion", "rater", "label", "prompt"])
        for number, each in enumerate(judgements()):
            judge = blind(each)
            said = [SAID[each[f"label_{place}"]] for place in range(3)]
            for rater, label in zip(("a", "b", "c", "judge"), (*said, judge), strict=True):
                writer.writerow([number, "statement", rater, label, each["Question"]])
    found = panel_audit(read_ratings(path, "nominal"), "judge")
    assert found.items == 399
    (agreement,) = found.raters
    pairs = [
        SAID[each[f"label_{place}"]]
        == SAID[each["majority_label"]].replace("contradicted", "neutral")
        for each in judgements()
        for place in range(3)
    ]
    assert agreement.observed is not None
    assert agreement.observed.value == pytest.approx(np.mean(pairs))
    assert agreement.kappa is not None
    assert agreement.kappa.value is not None
    assert 0.7 < agreement.kappa.value < 1
