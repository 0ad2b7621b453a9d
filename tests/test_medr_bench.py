"""MedR-Bench: the conclusion, and the steps that lead to it."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_fixtures import read_lines
from preceptor.benchmarks.medr_bench import BENCHMARKS
from preceptor.errors import DataError, InputError
from preceptor.graders.base import Case
from preceptor.protocols.diagnosis import reasoning_criteria
from preceptor.records import Example, Graded, Message, Response, Score, Verdict
from preceptor.scoring.steps import read_conclusion, read_steps, solution_steps

MEDR = Path(os.environ.get("PRECEPTOR_TEST_DATA") or "nowhere") / "medr-bench"
needs_medr = pytest.mark.skipif(
    not MEDR.exists(), reason="real data: set PRECEPTOR_TEST_DATA to a folder with medr-bench"
)
DIAGNOSIS, TREATMENT = BENCHMARKS
PROTOCOL = DIAGNOSIS.protocol
JUDGE = PROTOCOL.judging.judge
assert JUDGE is not None


def case(**changes: Any) -> dict[str, Any]:
    return {
        "generate_case": {
            "case_summary": "made-up case",
            "differential_diagnosis": "1. **First:**\n   - made-up point\n2. Second: made-up\n---",
            "final_diagnosis": "made-up disease, confirmed",
            "diagnosis_results": "made-up disease",
        }
        | changes.pop("generate_case", {}),
        "body_category": ["Made-up System"],
        "disorder_category": ["Made-up Disorder"],
        "checked_rare_disease": [],
    } | changes


def written(path: Path, cases: Any) -> Path:
    path.write_text(json.dumps(cases), encoding="utf-8")
    return path


def answer(steps: int, conclusion: str | None = "made-up disease") -> str:
    lines = [f"Step {number}: made-up thought" for number in range(1, steps + 1)]
    return "\n".join([*lines, *([f"Answer: {conclusion}"] if conclusion else [])])


def judged(
    text: str, accuracy: str | None, kinds: str | None, truth: str | None, hits: Sequence[Any] = ()
) -> Score:
    """The score of an answer whose verdicts have these labels."""
    labels = [accuracy, kinds, truth, *hits]
    item = Example(
        id="e",
        messages=(Message("user", "made-up case"),),
        criteria=reasoning_criteria([f"made-up step {number}" for number in range(len(hits))]),
    )
    verdicts = tuple(Verdict("v", None, label=label) for label in labels)
    return PROTOCOL.score(Graded(item, 0, Response("r", text=text), verdicts))


# Rows


def test_a_case_becomes_an_example(tmp_path: Path) -> None:
    """The case is asked, its diagnosis is the target, the written solution gives the steps."""
    path = written(tmp_path / "cases.json", {"PMC1": case(checked_rare_disease=["made-up"])})
    (item,) = DIAGNOSIS.load(path).examples
    assert item.id == "PMC1"
    assert "made-up case" in item.messages[0].content
    assert "made-up disease" not in item.messages[0].content
    assert item.target == {"answer": "made-up disease"}
    assert item.tags == ("body:Made-up System", "disorder:Made-up Disorder", "rare_disease:yes")
    assert [each.tags[0] for each in item.criteria[:3]] == [
        "aspect:accuracy",
        "aspect:efficiency",
        "aspect:factuality",
    ]
    assert [each.text for each in item.criteria[3:]] == [
        "First: made-up point",
        "Second: made-up",
        "Final diagnosis: made-up disease, confirmed",
    ]


def test_a_plan_becomes_an_example(tmp_path: Path) -> None:
    """The plan of treatment is the target, its rationale gives the steps."""
    plan = {"treatment_planning_analysis": "- one\n- two", "treatment_plan_results": "made-up plan"}
    path = written(tmp_path / "cases.json", {"PMC1": case(generate_case=plan)})
    (item,) = TREATMENT.load(path).examples
    assert item.target == {"answer": "made-up plan"}
    assert [each.text for each in item.criteria[3:]] == ["one", "two"]
    assert item.tags[-1] == "rare_disease:no"


@pytest.mark.parametrize(
    ("cases", "field"),
    [
        ([], "expected an object of cases"),
        ({"a": 1}, "expected an object of cases"),
        ({"a": {}}, "generate_case"),
        ({"a": case(generate_case={"case_summary": ""})}, "generate_case.case_summary"),
        ({"a": case(generate_case={"diagnosis_results": None})}, "generate_case.diagnosis_results"),
        ({"a": case(generate_case={"final_diagnosis": 1})}, "generate_case.final_diagnosis"),
        ({"a": case(body_category="one")}, "body_category"),
    ],
)
def test_a_wrong_case_is_named(tmp_path: Path, cases: Any, field: str) -> None:
    """File, place and field are in the message."""
    with pytest.raises(DataError, match=rf"cases\.json.*{field}"):
        DIAGNOSIS.load(written(tmp_path / "cases.json", cases))


def test_a_folder_without_cases_is_named(tmp_path: Path) -> None:
    """The message says which file is expected in it."""
    with pytest.raises(InputError, match=r"diagnosis_957_cases_with_rare_disease_491\.json"):
        DIAGNOSIS.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("one line", ["one line"]),
        ("- a\n- b\n\n---", ["a", "b"]),
        ("1. **A:**\n   - x\n   - y\n2. **B:** z", ["A: x", "A: y", "B: z"]),
        ("1. A:\n- x\n- y\n2. B:\n- z", ["A: x", "A: y", "B: z"]),
        ("- A:\n- b", ["b"]),
        ("Plan:\n1. x\n2. y", ["Plan: x", "Plan: y"]),
        ("- A:\n  - B:\n    - x\n  - y\n- z", ["A: B: x", "A: y", "z"]),
        ("- A:\n  free text", ["A: free text"]),
        ("", []),
    ],
)
def test_a_written_solution_has_steps(text: str, steps: list[str]) -> None:
    """Each entry of its list is one, with the headings above it."""
    assert solution_steps(text) == steps


# Answers


@pytest.mark.parametrize(
    ("text", "steps", "conclusion"),
    [
        ("Step 1: a\nStep 2: b\nAnswer: c", ["a", "b"], "c"),
        ("### Reasoning:\n<step 1> a\n<step 2> b\n\n### Answer:\nc\n```", ["a", "b"], "c"),
        ("**Step 1:** a\nmore\n**Step 2:** b\n**Answer:** c", ["a\nmore", "b"], "c"),
        ("a\n\nb\n\nFinal diagnosis: c", ["a", "b"], "c"),
        ("a\nb", ["a", "b"], None),
        ("Answer: c", [], "c"),
        ("Answer: x\nStep 1: a\nAnswer: c", ["a"], "c"),
        ("The answer is c", ["The answer is c"], None),
        ("Step 1: a\nAnswer:", ["a"], None),
        ("", [], None),
    ],
)
def test_steps_and_conclusion_are_read(text: str, steps: list[str], conclusion: str | None) -> None:
    """Marked steps, else paragraphs, else lines; the conclusion is what the last mark has."""
    assert read_steps(text) == steps
    assert read_conclusion(text) == conclusion


@pytest.mark.parametrize("filler", [" ", "*", "#", "1", "\n", "step ", "Answer: "])
@pytest.mark.parametrize("begin", ["Reasoning", "Step 1", "Answer", ""])
def test_a_degenerate_answer_is_read_at_once(begin: str, filler: str) -> None:
    """A system that repeats itself without end does not stop the evaluation."""
    text = begin + filler * 100_000 + "x"
    assert len(read_steps(text)) <= 10
    assert read_conclusion(text) is None or "nswer" in text


def test_ten_steps_are_judged() -> None:
    """As published: of a long answer the first ten."""
    assert len(read_steps(answer(14))) == 10


# Scores


def test_all_four_scores() -> None:
    """Shares of steps: what is no reasoning counts against efficiency, not against factuality."""
    score = judged(
        answer(4),
        "right",
        "reasoning, citation, reasoning, repetition",
        "sound, unsound, unsound, sound",
        ["covered", "missing", "covered"],
    )
    assert score.values == {
        "overall_score": 1.0,
        "reasoning_completeness": pytest.approx(2 / 3),
        "reasoning_efficiency": 0.5,
        "reasoning_factuality": 0.5,
        "parse_rate": 1.0,
    }
    assert score.prediction == "made-up disease"


def test_no_reasoning_is_nothing_true() -> None:
    """As published, 0 where there is no step, and where none of the steps is reasoning."""
    none = judged("Answer: made-up", "wrong", None, None, ["missing"])
    cited = judged(answer(2), "wrong", "citation, citation", "sound, sound", ["missing"])
    for score in (none, cited):
        assert score.values["reasoning_efficiency"] == 0.0
        assert score.values["reasoning_factuality"] == 0.0


@pytest.mark.parametrize("kinds", [None, "reasoning", "reasoning, sound", "right", "none"])
def test_labels_that_do_not_fit_the_steps_are_no_verdict(kinds: str | None) -> None:
    """Two steps need two labels of the right kind: else the score stays open, and is not 0."""
    score = judged(answer(2), "right", kinds, "sound, sound", ["covered"])
    for name in ("reasoning_efficiency", "reasoning_factuality"):
        assert name not in score.values
        assert (score.low[name], score.high[name]) == (0.0, 1.0)
        assert score.counts[name] == (0, 1)
    assert score.values["overall_score"] == 1.0


def test_an_ungraded_conclusion_leaves_accuracy_open() -> None:
    """No value, low 0, high 1; the reasoning keeps its scores."""
    score = judged(answer(1), None, "reasoning", "sound", ["covered", None])
    assert score.values == {
        "reasoning_efficiency": 1.0,
        "reasoning_factuality": 1.0,
        "parse_rate": 1.0,
    }
    assert (score.low["overall_score"], score.high["overall_score"]) == (0.0, 1.0)
    assert (score.low["reasoning_completeness"], score.high["reasoning_completeness"]) == (0.5, 1.0)


def test_an_answer_without_conclusion_is_judged_whole() -> None:
    """It is counted as not read; whether it is right is the judge's to say."""
    score = judged(answer(2, None), "right", "reasoning, reasoning", "sound, sound")
    assert (score.prediction, score.values["parse_rate"]) == (None, 0.0)
    assert score.values["overall_score"] == 1.0


def test_an_answer_that_is_not_there_has_no_score() -> None:
    """A failed call is missing, neither wrong nor unreadable."""
    item = Example("e", (Message("user", "made-up"),), reasoning_criteria(["one"]))
    failed = Graded(item, 0, Response("r", failure="timeout"), (None,) * 4)
    score = PROTOCOL.score(failed)
    assert (score.values, score.prediction, score.length) == ({}, None, None)
    assert "parse_rate" not in score.low
    assert set(score.low.values()) == {0.0}
    assert set(score.high.values()) == {1.0}


# The judge


def asked(place: int, text: str) -> str:
    item = Example(
        "e",
        (Message("user", "made-up case"),),
        reasoning_criteria(["made-up solution step"]),
        target={"answer": "made-up truth"},
    )
    conversation = (*item.messages, Message("assistant", text))
    criteria = dict(enumerate(item.criteria))
    assert JUDGE is not None
    return JUDGE.prompt(Case(conversation, criteria, "run", item.target), item.criteria[place])


def test_each_judgement_is_shown_what_it_needs() -> None:
    """Accuracy the two conclusions, the steps by number, completeness one step; no truth to two."""
    accuracy, efficiency, factuality, completeness = (
        asked(place, "Step 1: made-up a\nStep 2: made-up b\nAnswer: made-up c")
        for place in range(4)
    )
    assert "made-up truth" in accuracy
    assert "made-up c" in accuracy
    assert "made-up a" not in accuracy
    for prompt in (efficiency, factuality, completeness):
        assert "1. made-up a\n\n2. made-up b" in prompt
        assert "made-up c\n" not in prompt
    for prompt in (efficiency, factuality):
        assert '"labels": ["<of step 1>", "<of step 2>"]' in prompt
    assert "made-up truth" in efficiency
    assert "made-up truth" not in factuality + completeness
    assert "made-up solution step" in completeness
    assert "made-up case" in efficiency
    assert "made-up case" in factuality


@pytest.mark.parametrize(
    ("reply", "label"),
    [
        ('{"explanation": "why", "label": "Right"}', "right"),
        ('```json\n{"label": "missing"}\n```', "missing"),
        ('{"labels": ["Reasoning", " citation "]}', "reasoning, citation"),
        ('{"labels": ["sound"]}', "sound"),
        ('{"labels": []}', "none"),
    ],
)
def test_a_verdict_is_read(reply: str, label: str) -> None:
    """One label, or one for each step."""
    assert JUDGE is not None
    assert JUDGE.read(reply)[0] == label


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "right",
        "{}",
        '{"label": "incorrect"}',
        '{"labels": ["sound", "reasoning"]}',
        '{"labels": "sound"}',
        '{"label": "right", "labels": ["sound"]}',
        '{"label": "sound"}',
    ],
)
def test_what_is_no_verdict_is_asked_again(reply: str) -> None:
    """Nothing is guessed: that "incorrect" contains "correct" makes nothing right."""
    assert JUDGE is not None
    with pytest.raises(ValueError, match=r"label|JSON|Input|malformed|Expected"):
        JUDGE.read(reply)


# Real data


@needs_medr
def test_the_release_is_read_whole() -> None:
    """957 cases to diagnose, 491 of rare diseases, and 100 to treat."""
    diagnoses = DIAGNOSIS.load(MEDR.parent).examples
    assert len(diagnoses) == DIAGNOSIS.n_examples == 957
    assert sum("rare_disease:yes" in item.tags for item in diagnoses) == 491
    assert all(len(item.criteria) > 4 for item in diagnoses)
    assert len(TREATMENT.load(MEDR.parent).examples) == TREATMENT.n_examples == 100


@needs_medr
def test_stored_verdicts_give_the_stored_accuracies() -> None:
    """3,721 verdicts on twelve sets of answers: each accuracy is the share that is right."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in read_lines(MEDR / "judge_verdicts.jsonl"):
        groups[row["run"], row["judge_dir"], row["model"]].append(row)
    examples = {item.id: item for item in DIAGNOSIS.load(MEDR.parent).examples}
    assert sum(map(len, groups.values())) == 3721
    right = {}
    for name, rows in groups.items():
        scores = []
        for row in rows:
            item = examples[row["case_id"]]
            assert item.target == {"answer": row["gold"]}
            said = Verdict("v", None, label="right" if row["correct"] else "wrong")
            verdicts = (said, *[None] * (len(item.criteria) - 1))
            text = f"Answer: {row['predicted_answer']}"
            scores.append(PROTOCOL.score(Graded(item, 0, Response("r", text=text), verdicts)))
        metric = PROTOCOL.summarise(scores, list(examples.values()))["overall_score"]
        assert metric.raw_mean is not None
        assert metric.n == len({row["case_id"] for row in rows}) == len(rows)
        assert metric.raw_mean == pytest.approx(np.mean([row["correct"] for row in rows]))
        assert metric.wilson_ci95 is not None
        right[name] = round(metric.raw_mean * len(rows), 6)
    assert right["Stage1", "acc_results", "deepseek-r1"] == 95
    assert right["Stage2", "acc_results_gemma", "deepseek-r1"] == 337
    assert right["Evaluation", "acc_results_qwen_judge_paper_957", "gemini2-ft"] == 776
    assert len(right) == 12


@needs_medr
def test_stored_judgements_give_the_stored_reasoning_scores() -> None:
    """2,940 judged answers: efficiency, factuality and completeness of each, and their means."""
    truth = {True: "sound", False: "unsound", None: "sound"}
    groups: dict[tuple[str, str], list[tuple[dict[str, Any], Score]]] = defaultdict(list)
    for row in read_lines(MEDR / "reasoning_scores.jsonl"):
        score = judged(
            answer(len(row["step_efficiency"])),
            "right",
            ", ".join(row["step_efficiency"]).lower() or "none",
            ", ".join(truth[each] for each in row["step_factuality"]) or "none",
            ["covered" if hit else "missing" for hit in row["gt_hits"]],
        )
        for name in ("efficiency", "factuality", "completeness"):
            assert score.values[f"reasoning_{name}"] == row[name]
        groups[row["judge_dir"], row["model"]].append((row, score))
    assert sum(map(len, groups.values())) == 2940
    for pairs in groups.values():
        for name in ("efficiency", "factuality", "completeness"):
            mean = np.mean([score.values[f"reasoning_{name}"] for _, score in pairs])
            assert mean == np.mean([row[name] for row, _ in pairs])
    paper = "reasoning_results_qwen_judge_paper_957"
    means = [
        round(float(np.mean([row["completeness"] for row, _ in groups[paper, model]])), 4)
        for model in ("deepseek-r1", "gemini2-ft", "qwq")
    ]
    assert means == [0.4946, 0.3147, 0.7355]
