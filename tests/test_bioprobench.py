"""BioProBench: stated confidence, order of steps, and errors in steps."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, precision_recall_fscore_support

from preceptor.benchmarks import Benchmark, get
from preceptor.errors import DataError
from preceptor.protocols.confident import read_confidence
from preceptor.protocols.detection import DetectionScoring, detection_example
from preceptor.protocols.ordering import kendall_tau, ordering_example, read_order
from preceptor.records import Example, Graded, Metric, Response, Score

FOLDER = Path(os.environ.get("PRECEPTOR_TEST_DATA") or "nowhere") / "bioprobench"
needs_data = pytest.mark.skipif(
    not FOLDER.exists(), reason="real data: set PRECEPTOR_TEST_DATA to a folder with bioprobench"
)
PQA, ORD, ERR = (get(f"bioprobench-{task}") for task in ("pqa", "ord", "err"))
STEPS = ["Spin the tube.", "Thaw the cells.", "Discard the supernatant.", "Count the cells."]

ROWS: dict[str, dict[str, Any]] = {
    "bioprobench-pqa": {
        "id": "1",
        "type": "reagent",
        "question": "Add ____ ml of a made-up buffer.",
        "choices": ["1", "2", "3"],
        "answer": "2",
    },
    "bioprobench-ord": {
        "id": "1",
        "type": "top",
        "question": "Sort these made-up steps.",
        "wrong_steps": STEPS[:2],
        "correct_steps": [STEPS[1], STEPS[0]],
    },
    "bioprobench-err": {
        "id": "1",
        "type": "operation",
        "context": {"purpose": "Made up", "prior_step": None, "next_step": "Go on"},
        "corrupted_text": "Freeze the plate.",
        "corrected_text": "Warm the plate.",
        "is_correct": False,
    },
}


def load(benchmark: Benchmark, folder: Path, **changed: Any) -> Example:
    path = folder / "made.json"
    path.write_text(json.dumps([{**ROWS[benchmark.name], **changed}]))
    return benchmark.load(path).examples[0]


def score(benchmark: Benchmark, example: Example, text: str | None) -> Score:
    failure = None if text is not None else "timeout"
    response = Response("k", text or "", failure=failure)
    return benchmark.protocol.score(Graded(example, 0, response, ()))


def run(benchmark: Benchmark, examples: list[Example], said: list[str | None]) -> dict[str, Metric]:
    scores = [score(benchmark, *pair) for pair in zip(examples, said, strict=True)]
    return benchmark.protocol.summarise(scores, examples)


# Rows


def test_rows_become_questions(tmp_path: Path) -> None:
    """Choices get letters; a faulty step is shown as it is in the protocol, with what is around."""
    question = load(PQA, tmp_path)
    assert question.target == {"options": {"A": "1", "B": "2", "C": "3"}, "answer": "B"}
    assert question.tags == ("type:reagent",)
    fault = load(ERR, tmp_path)
    assert (fault.target["answer"], fault.tags) == ("A", ("type:operation",))
    assert "The step: Freeze the plate." in fault.messages[0].content
    assert "Step before" not in fault.messages[0].content
    fine = load(ERR, tmp_path, is_correct=True, corrupted_text=None)
    assert fine.target["answer"] == "B"
    assert "The step: Warm the plate." in fine.messages[0].content
    assert "1. Spin the tube.\n2. Thaw the cells." in load(ORD, tmp_path).messages[0].content


@pytest.mark.parametrize(
    ("benchmark", "changed", "said"),
    [
        (PQA, {"answer": "9"}, "answer: expected one of the choices, found '9'"),
        (PQA, {"choices": "1"}, "choices: expected a list of texts"),
        (PQA, {"question": ""}, "question: expected a text"),
        (ORD, {"wrong_steps": ["a", "b"]}, "wrong_steps: expected the steps of correct_steps"),
        (ORD, {"correct_steps": None}, "wrong_steps: expected the steps of correct_steps"),
        (ERR, {"is_correct": "no"}, "is_correct: expected true or false"),
        (ERR, {"corrupted_text": None}, "corrupted_text: expected a text"),
        (ERR, {"context": "none"}, "context: expected an object"),
    ],
)
def test_wrong_rows_are_named(
    tmp_path: Path, benchmark: Benchmark, changed: dict[str, Any], said: str
) -> None:
    """File, row and field of what is wrong in a row."""
    with pytest.raises(DataError) as raised:
        load(benchmark, tmp_path, **changed)
    assert str(raised.value).startswith(f"{tmp_path / 'made.json'}:1: {said}")


# Confidence


@pytest.mark.parametrize(
    ("text", "confidence"),
    [
        ("Answer: B\nConfidence: 80", 0.8),
        ("**Answer: B**\n**Confidence:** 80%", 0.8),
        ("B (confidence: 95 %)", 0.95),
        ("B & 70", 0.7),
        ("B, 70%", 0.7),
        ("Answer: B\nconfidence = 0.85", 0.85),
        ("Confidence: 20. On second thought B. Confidence: 90", 0.9),
        ("Answer: B\nConfidence: 100", 1.0),
        ("Answer: B\nConfidence: 1", 0.01),
        ("Answer: B\nConfidence: 180", None),
        ("Answer: B\nConfidence: high", None),
        ("B", None),
        ("The 5 % solution, so B.", None),
    ],
)
def test_confidence_is_read(text: str, confidence: float | None) -> None:
    """The last stated confidence, in percent or as a share; none where none can be read."""
    assert read_confidence(text)[1] == confidence


def test_brier_is_that_of_scikit_learn(tmp_path: Path) -> None:
    """Mean squared distance of confidence and right, over answers that state one; lower is better.

    An answer that cannot be read is wrong, and neither in Brier nor in the accuracy of the others.
    """
    example = load(PQA, tmp_path)
    said = ["Answer: B\nConfidence: 90", "Answer: A\nConfidence: 60", "Answer: C", "no idea", None]
    examples = [
        Example(str(n), example.messages, (), example.tags, target=example.target)
        for n in range(len(said))
    ]
    metrics = run(PQA, examples, said)
    assert metrics["brier"].value == pytest.approx(brier_score_loss([1, 0], [0.9, 0.6]))
    assert (metrics["brier"].n, metrics["brier"].higher_is_better) == (2, False)
    assert metrics["brier"].unit == "of 1"
    assert metrics["brier"].coverage == pytest.approx(2 / 3)
    assert metrics["overall_score"].value == pytest.approx(1 / 4)
    assert metrics["accuracy_of_read"].value == pytest.approx(1 / 3)
    assert metrics["parse_rate"].value == pytest.approx(3 / 4)
    assert score(PQA, example, said[0]).length == len(said[0] or "")


def test_confidence_is_asked_for(tmp_path: Path) -> None:
    """The system is told to say how sure it is."""
    asked = PQA.protocol.messages(load(PQA, tmp_path))[-1].content
    assert "Confidence:" in asked


# Order


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("[2, 1, 4, 3]", [1, 0, 3, 2]),
        ("The order is 2, 1, 4, 3.", [1, 0, 3, 2]),
        ("2 -> 1 -> 4 -> 3", [1, 0, 3, 2]),
        ("2 → 1 → 4 → 3", [1, 0, 3, 2]),
        ("2\n1\n4\n3", [1, 0, 3, 2]),
        ("[1, 0, 3, 2]", [1, 0, 3, 2]),
        ("First [1, 2, 3, 4]? No: [2, 1, 4, 3]", [1, 0, 3, 2]),
        ("[2, 1, 4]", None),
        ("[2, 1, 4, 4]", None),
        ("[2, 1, 4, 5]", None),
        ("I cannot tell.", None),
        ("", None),
        ("1. Thaw the cells.\n2. Spin the tube.\n3. Count the cells.\n4. Discard the supernatant.",
         [1, 0, 3, 2]),
        ("- thaw the cells\n- Spin the tube", None),
        ("2-1-4-3", [1, 0, 3, 2]),
        ("2, 1, 4 and 3", [1, 0, 3, 2]),
        ("2、1、4、3", [1, 0, 3, 2]),
        ("[2][1][4][3]", [1, 0, 3, 2]),
        ('["2", "1", "4", "3"]', [1, 0, 3, 2]),
        ("Step 2, step 1, step 4, and finally step 3", [1, 0, 3, 2]),
        ("1. Step 2\n2. Step 1\n3. Step 4\n4. Step 3", [1, 0, 3, 2]),
        ("2.\n1.\n4.\n3.", [1, 0, 3, 2]),
        ("Step 1: see above\nStep 2: as before\nStep 3: wait\nStep 4: end", None),
        ("Thaw the cells > Spin the tube > Count the cells > Discard the supernatant",
         [1, 0, 3, 2]),
        ('["Thaw the cells", "Spin the tube", "Count the cells", "Discard the supernatant"]',
         [1, 0, 3, 2]),
        ("Thaw the cells after you Spin the tube, Count the cells, Discard the supernatant", None),
    ],
)  # fmt: skip
def test_orders_are_read(text: str, order: list[int] | None) -> None:
    """Lists of numbers from 1 or 0 in any dress, the last complete one; or the steps themselves."""
    assert read_order(text, STEPS) == order


@given(st.permutations(range(7)))
def test_every_order_is_read_back(order: list[int]) -> None:
    """Any order, written as a list from 1, is read as it was meant."""
    steps = [f"Made-up step {letter}" for letter in "abcdefg"]
    assert read_order(str([place + 1 for place in order]), steps) == list(order)
    assert read_order("\n".join(steps[place] for place in order), steps) == list(order)


@pytest.mark.parametrize(
    ("given_", "tau"),
    [("abcd", 1.0), ("dcba", -1.0), ("bacd", 4 / 6), ("abdc", 4 / 6), ("cdab", -2 / 6)],
)
def test_tau_counts_pairs(given_: str, tau: float) -> None:
    """(pairs in order − pairs in the wrong order) / pairs."""
    assert kendall_tau(given_, "abcd") == pytest.approx(tau)


def test_like_steps_stand_for_each_other() -> None:
    """Two steps of one text may be given in either order; then the list is exactly right."""
    example = ordering_example("1", "Sort.", ["wash", "spin", "wash"], ["wash", "spin", "wash"])
    for text in ("[1, 2, 3]", "[3, 2, 1]"):
        assert score(ORD, example, text).values["overall_score"] == 1.0
    assert kendall_tau(["wash", "spin", "wash"], ["wash", "spin", "wash"]) == 1.0


def test_ordering_metrics() -> None:
    """Exact match counts what cannot be read as wrong; tau is over the others, by list or pair."""
    short = ordering_example("s", "Sort.", ["b", "a"], ["a", "b"])
    long = [ordering_example(str(n), "Sort.", [*"dcba"], [*"abcd"]) for n in range(4)]
    said = ["[1, 2]", "[4, 3, 2, 1]", "[3, 4, 2, 1]", "sorry", None]
    metrics = run(ORD, [short, *long], said)
    assert metrics["overall_score"].value == pytest.approx(1 / 4)
    assert metrics["exact_of_read"].value == pytest.approx(1 / 3)
    assert metrics["parse_rate"].value == pytest.approx(3 / 4)
    assert metrics["kendall_tau"].value == pytest.approx(np.mean([-1, 1, 4 / 6]))
    assert metrics["kendall_tau_pooled"].value == pytest.approx((-1 + 6 + 4) / 13)
    assert metrics["kendall_tau"].n == 3
    assert metrics["kendall_tau"].coverage == pytest.approx(3 / 5)


# Errors


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from(["yes", "no", "hm"])), min_size=1, max_size=9)
)
def test_detection_metrics_are_those_of_scikit_learn(pairs: list[tuple[bool, str]]) -> None:
    """Precision, recall and F1 of the finding over the answers that can be read."""
    examples = [detection_example(str(n), "Fault?", truth) for n, (truth, _) in enumerate(pairs)]
    metrics = run(ERR, examples, [said for _, said in pairs])
    read = [(truth, said == "yes") for truth, said in pairs if said != "hm"]
    right = sum(truth is said for truth, said in read)
    assert metrics["overall_score"].value == pytest.approx(right / len(pairs))
    if not read:
        assert metrics["f1"].value is None
        return
    expected = precision_recall_fscore_support(*zip(*read, strict=True), labels=[True],
                                               zero_division=np.nan)  # fmt: skip
    for name, value in zip(("precision", "recall", "f1"), expected[:3], strict=True):
        found = metrics[name].value
        assert found == pytest.approx(value[0]) if not np.isnan(value[0]) else found is None


def test_detection_in_another_order_of_the_options() -> None:
    """A rotated question has yes under another letter: the finding is the text, not the letter."""
    plain = detection_example("1", "Fault?", finding=True)
    assert isinstance(ERR.protocol.scoring, DetectionScoring)
    rotated = ERR.protocol.asking.orders(plain)[1]
    assert rotated.target["options"][rotated.target["answer"]] == "yes"
    metrics = run(ERR, [plain, rotated], ["A", rotated.target["answer"]])
    assert metrics["f1"].value == 1.0
    assert (metrics["f1"].n, metrics["f1"].units) == (2, 1)


# Real data


@needs_data
@pytest.mark.parametrize("benchmark", [PQA, ORD, ERR], ids=["pqa", "ord", "err"])
def test_real_rows_are_read_and_right_answers_score(benchmark: Benchmark) -> None:
    """As many as published, from the pinned files; the right answer scores 1, and is read."""
    dataset = benchmark.load(FOLDER / Path(benchmark.sources[0].filename).name)
    assert dataset.official
    assert len(dataset.examples) == benchmark.n_examples
    for example in dataset.examples:
        if benchmark is ORD:
            steps, order = example.target["steps"], list(example.target["order"])
            said, left = [], list(enumerate(steps, start=1))
            for step in order:
                place = next(pair for pair in left if pair[1] == step)
                left.remove(place)
                said.append(place[0])
            text = str(said)
        else:
            text = f"Answer: {example.target['answer']}\nConfidence: 100"
        found = score(benchmark, example, text)
        assert found.values["overall_score"] == 1.0
        assert found.prediction is not None


@needs_data
def test_real_errors_are_half_of_the_steps() -> None:
    """598 of 1,200 steps have an error; 66 of these differ in nothing from their correction."""
    examples = ERR.load(FOLDER / "ERR_test.json").examples
    assert sum(example.target["answer"] == "A" for example in examples) == 598
    rows = json.loads((FOLDER / "ERR_test.json").read_text())
    same = [row for row in rows if row["corrupted_text"] == row["corrected_text"]]
    assert sum(not row["is_correct"] for row in same) == 66
