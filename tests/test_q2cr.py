"""Screening: which questions a record is screened for, votes, recall and work saved."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_score, recall_score

from preceptor.benchmarks.q2cr_screening import BENCHMARKS
from preceptor.errors import DataError, InputError
from preceptor.records import Example, Message
from suite_answers import DATA, graded, needs, run

(Q2CR,) = BENCHMARKS
PROTOCOL = Q2CR.protocol

QUESTIONS = [
    {"Index": "12a", "Question": "Does tinol help toes?", "P": "Toes", "I": "Tinol", "C": ["Tea"]},
    {"Index": "13", "Question": "Does tinol help feet?", "P": "Feet", "I": "Tinol", "C": ["Tea"]},
    {"Index": "a1", "Question": "Does a cast help?", "P": "Toes", "I": "Cast", "S": "Trials only"},
]
RECORD = {
    "Title": "Tinol and toes",
    "Abstract": "We gave tinol.",
    "Paper_Index": "1",
    "Record_Screening": "Included",
    "Full-text_Assessment": "Excluded",
}


def load(folder: Path, records: dict[str, list[dict[str, Any]]]) -> list[Example]:
    place = folder / "2020_Toes"
    (place / "Screened").mkdir(parents=True, exist_ok=True)
    (place / "PICO_Information.json").write_text(json.dumps(QUESTIONS))
    for name, rows in records.items():
        (place / "Screened" / f"PICO{name}(9_samples).json").write_text(json.dumps(rows))
    return Q2CR.load(folder).examples


def cases(labels: list[bool], guidelines: tuple[str, ...] = ("A",)) -> list[Example]:
    """Made-up records, relevant or not, of these guidelines in turn."""
    return [
        Example(
            id=f"r{number}",
            messages=(Message("user", f"Record {number}"),),
            criteria=(),
            tags=(f"guideline:{guidelines[number % len(guidelines)]}",),
            target={"label": "include" if label else "exclude"},
        )
        for number, label in enumerate(labels)
    ]


def test_a_record_is_shown_with_the_questions_of_its_file(tmp_path: Path) -> None:
    """A file for 12-13 has both questions, one for a1 has one; what the panel kept is the truth."""
    unseen = RECORD | {"Record_Screening": None, "Paper_Index": "2"}
    found = load(tmp_path, {"12-13": [RECORD, unseen], "a1": [RECORD]})
    assert [each.id for each in found] == [
        "2020_Toes/12-13/1",
        "2020_Toes/12-13/2",
        "2020_Toes/a1/1",
    ]
    assert [each.target["label"] for each in found] == ["include", "exclude", "include"]
    shown = found[0].messages[0].content
    assert "help toes?" in shown
    assert "help feet?" in shown
    assert "cast" not in shown
    assert "Studies: Trials only" in found[2].messages[0].content
    assert found[0].tags == ("guideline:2020 Toes", "truth:first look")
    assert found[1].tags == ("guideline:2020 Toes", "truth:full text")


@pytest.mark.parametrize(
    ("field", "value"),
    [("Title", ""), ("Abstract", None), ("Paper_Index", 7), ("Record_Screening", "Maybe")],
)
def test_a_wrong_field_is_named(tmp_path: Path, field: str, value: Any) -> None:
    """A wrong row is refused with its file, line and field."""
    with pytest.raises(DataError, match=rf"samples\)\.json:1: {field}: expected"):
        load(tmp_path, {"a1": [RECORD | {field: value}]})


def test_records_without_a_question_are_refused(tmp_path: Path) -> None:
    """A file whose name is no question says so; so does a folder without questions."""
    with pytest.raises(InputError, match="no question 77"):
        load(tmp_path, {"77": [RECORD]})
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"PICO_Information\.json, found none"):
        Q2CR.load(tmp_path / "empty")


_ROWS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30)


@settings(max_examples=20)
@given(_ROWS)
def test_recall_and_precision_are_those_of_scikit_learn(rows: list[tuple[bool, bool]]) -> None:
    """And work saved is the share left out less the recall lost; undefined stays undefined."""
    gold, kept = [a for a, _ in rows], [b for _, b in rows]
    examples = cases(gold)
    said = {
        each.id: "include" if keep else "exclude" for each, keep in zip(examples, kept, strict=True)
    }
    _, metrics = run(Q2CR, examples, lambda each: said[each.id])
    recall = recall_score(gold, kept, zero_division=0) if any(gold) else None
    precision = precision_score(gold, kept, zero_division=0) if any(kept) else None
    assert metrics["recall"].value == pytest.approx(recall)
    assert metrics["precision"].value == pytest.approx(precision)
    left = kept.count(False) / len(kept)
    expected = None if recall is None else left - (1 - recall)
    assert metrics["work_saved"].value == pytest.approx(expected)


def test_k_of_n_votes(tmp_path: Path) -> None:
    """Three answers are three votes: one include keeps the record at 1/3, two at the majority."""
    examples = cases([True, True, False, False])
    votes = {"r0": "iii", "r1": "iee", "r2": "iee", "r3": "eee"}
    scores = [
        PROTOCOL.score(graded(each, "include" if vote == "i" else "exclude", repeat=repeat))
        for each in examples
        for repeat, vote in enumerate(votes[each.id])
    ]
    metrics = PROTOCOL.summarise(scores, examples)
    figures = {
        name: metrics[name].value for name in ("recall", "recall@1/3", "recall@2/3", "recall@3/3")
    }
    assert figures == {"recall": 0.5, "recall@1/3": 1, "recall@2/3": 0.5, "recall@3/3": 0.5}
    assert metrics["precision@1/3"].value == pytest.approx(2 / 3)
    assert metrics["work_saved@1/3"].value == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ('{"decision": "exclude"}', "exclude"),
        ("Included.", "include"),
        ("One could exclude it for its design.\n\nDecision: include", "include"),
        ("I would not include this record.", "exclude"),
        ("Yes", None),
    ],
)
def test_a_decision_is_read_where_it_is_plain(answer: str, said: str | None) -> None:
    """JSON, a word, or the last line says it; a negation is not taken for its opposite."""
    (case,) = cases([True])
    assert PROTOCOL.score(graded(case, answer)).prediction == said


def test_figures_by_guideline() -> None:
    """Each guideline has its own recall, precision and work saved."""
    examples = cases([True, True, False, False], ("A", "B"))
    _, metrics = run(Q2CR, examples, lambda each: "include" if each.id == "r0" else "exclude")
    assert (metrics["recall:A"].value, metrics["recall:B"].value) == (1, 0)
    assert metrics["recall:A"].n == 1  # of two records one is relevant
    assert metrics["guideline:B"].value == 0.5


def test_an_unreadable_answer_keeps_the_record() -> None:
    """It scores 0 and counts as unparsed, but nobody loses a record by it; a failed one is out."""
    examples = cases([True, False])
    _, unread = run(Q2CR, examples, lambda _: "Hard to say.")
    assert (unread["overall_score"].value, unread["parse_rate"].value) == (0, 0)
    assert unread["recall"].value == 1
    _, failed = run(Q2CR, examples, lambda each: None if each.id == "r0" else "exclude")
    assert failed["recall"].value is None
    assert failed["precision"].coverage == 0.5


@needs("q2crbench3")
def test_the_real_records_have_their_counts() -> None:
    """1,920 records of three guidelines, 152 of them kept."""
    examples = Q2CR.load(DATA).examples
    assert len(examples) == 1920
    found = Counter((each.tags[0], each.target["label"]) for each in examples)
    kept = {tag: count for (tag, label), count in found.items() if label == "include"}
    assert kept == {
        "guideline:2020 EAN Dementia": 72,
        "guideline:2021 ACR RA": 32,
        "guideline:2024 KDIGO CKD": 48,
    }
