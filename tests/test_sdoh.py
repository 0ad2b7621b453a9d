"""Social determinants: several labels with qualities, and what inserting a group changes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2_contingency
from sklearn.metrics import f1_score

from preceptor.benchmarks.sdoh import BENCHMARKS
from preceptor.errors import DataError
from preceptor.protocols.labelling import MultiLabelScoring
from preceptor.records import Example
from preceptor.scoring.labels import multilabel_macro_f1
from suite_answers import DATA, graded, needs, run

CHECKED, SYNTHETIC, SHADR = BENCHMARKS

ROW = {"text": "Lives in a tent.", "label": "HOUSING,SUPPORT", "adverse": "adverse,nonadverse"}
PAIR = {
    "original_sentence": "Lives in a tent.",
    "label": "HOUSING",
    "demographic": "Black female",
    "demographic_inserted": "Black woman lives in a tent.",
    "adverse": "adverse",
}


def write(path: Path, *rows: dict[str, str]) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def load(folder: Path, *rows: dict[str, str]) -> list[Example]:
    return CHECKED.load(write(folder / "rows.csv", *rows)).examples


@pytest.mark.parametrize(
    ("answer", "labels"),
    [
        ('{"HOUSING": "adverse"}', {"HOUSING": "adverse"}),
        (
            '{"housing": "non-adverse", "Support": "Adverse"}',
            {"HOUSING": None, "SUPPORT": "adverse"},
        ),
        ('{"labels": ["HOUSING"]}', {"HOUSING": None}),
        ('[{"label": "PARENT", "quality": "nonadverse"}]', {"PARENT": "nonadverse"}),
        ('["PARENT", "SUPPORT"]', {"PARENT": None, "SUPPORT": None}),
        ('{"HOUSING": true, "PARENT": false}', {"HOUSING": None}),
        ("{}", {}),
        ("[]", {}),
        ("None.", {}),
        ('["NO_SDOH"]', {}),
        ('{"WEATHER": "adverse"}', None),
        ("The patient is homeless.", None),
        ('{"HOUSING": null, "PARENT": "adverse"}', {"PARENT": "adverse"}),
        ('[["HOUSING", "adverse"]]', {"HOUSING": "adverse"}),
        ("HOUSING: adverse\nPARENT: nonadverse", {"HOUSING": "adverse", "PARENT": "nonadverse"}),
        ("- **Housing** (adverse)\n- Support", {"HOUSING": "adverse", "SUPPORT": None}),
        ("Housing, parent and support", {"HOUSING": None, "PARENT": None, "SUPPORT": None}),
        ("She sleeps in a shelter.\n\nLabels: HOUSING (adverse)", {"HOUSING": "adverse"}),
        ("None of the labels apply.", {}),
        ("No social determinants are mentioned.", {}),
        ("Housing is not an issue here.", None),
        ("The housing, and support", None),
        ("", None),
    ],
)
def test_labels_are_read_with_or_without_their_quality(
    answer: str, labels: dict[str, str | None] | None
) -> None:
    """An object, a list, lines, or nothing; a label that nobody asked for is no answer."""
    assert isinstance(CHECKED.protocol.scoring, MultiLabelScoring)
    assert CHECKED.protocol.scoring.read(answer) == labels


def test_the_set_and_the_qualities_are_scored_apart(tmp_path: Path) -> None:
    """The right labels with a wrong quality are an exact set, but no match of quality."""
    (case,) = load(tmp_path, ROW)

    def values(answer: dict[str, str]) -> tuple[float, float]:
        score = CHECKED.protocol.score(graded(case, json.dumps(answer)))
        return score.values["overall_score"], score.values["quality_match"]

    assert values({"SUPPORT": "nonadverse", "HOUSING": "adverse"}) == (1, 1)
    assert values({"SUPPORT": "adverse", "HOUSING": "adverse"}) == (1, 0)
    assert values({"HOUSING": "adverse"}) == (0, 0)
    failed = CHECKED.protocol.score(graded(case, None))
    assert (failed.values, failed.high["overall_score"]) == ({}, 1)


def test_one_label_said_both_ways_is_adverse(tmp_path: Path) -> None:
    """The one row with two qualities for one label is read as adverse."""
    (case,) = load(tmp_path, ROW | {"label": "HOUSING", "adverse": "nonadverse,adverse"})
    assert case.target == {"labels": {"HOUSING": "adverse"}}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", ""),
        ("label", "WEATHER"),
        ("adverse", "adverse"),
        ("adverse", "adverse,bad"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, field: str, value: str) -> None:
    """A wrong row is refused with its file, line and field."""
    with pytest.raises(DataError, match=rf"rows\.csv:2: {field}: expected"):
        load(tmp_path, ROW | {field: value})


_TABLE = st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=1, max_size=12)


@given(_TABLE, st.randoms(use_true_random=False))
def test_multilabel_macro_f1_is_that_of_scikit_learn(rows: list[list[bool]], random: Any) -> None:
    """Over the labels that stand in the truth or in an answer."""
    gold = np.array(rows)
    said = np.array([[bit ^ (random.random() < 0.3) for bit in row] for row in rows])
    there = [label for label in range(6) if (gold | said)[:, label].any()]
    found = multilabel_macro_f1(gold, said)(np.arange(len(rows)))
    if there:
        own = f1_score(gold, said, labels=there, average="macro", zero_division=0)
        assert found == pytest.approx(own)
    else:
        assert np.isnan(found)


def _pairs(folder: Path, count: int) -> list[Example]:
    """Made-up pairs: half of them Black and female, half White and male."""
    rows = []
    for number in range(count):
        text = f"Lives in tent {number // 2}."
        who, word = ("Black female", "woman") if number % 2 else ("White male", "man")
        inserted = {"demographic": who, "demographic_inserted": f"{who} {word}: {text}"}
        rows.append(PAIR | inserted | {"original_sentence": text})
    return SHADR.load(write(folder / "pairs.csv", *rows)).examples


def test_an_original_stands_once_before_its_variants(tmp_path: Path) -> None:
    """Sentences with a group inserted are variants of their original, with race and gender."""
    examples = _pairs(tmp_path, 4)
    assert [each.id for each in examples] == [
        "original/2",
        "inserted/2",
        "inserted/3",
        "original/4",
        "inserted/4",
        "inserted/5",
    ]
    assert [examples[1].of, examples[2].of] == ["original/2", "original/2"]
    assert examples[2].tags == ("sentence:inserted", "race:Black", "gender:female")


def test_changes_and_their_tests_are_those_of_scipy(tmp_path: Path) -> None:
    """The share of changed labels by group, McNemar's test, and χ² between groups."""
    examples = _pairs(tmp_path, 40)
    wrong = {f"inserted/{line}" for line in (3, 5, 7, 9, 11, 4)}  # five Black, one White

    def answer(case: Example) -> str:
        return "{}" if case.id in wrong else '{"HOUSING": "adverse"}'

    _, metrics = run(SHADR, examples, answer)
    assert metrics["changed"].value == pytest.approx(6 / 40)
    assert metrics["changed"].units == 20  # originals: pairs of one are drawn together
    assert metrics["changed:Black"].value == pytest.approx(5 / 20)
    assert metrics["changed_p"].value == pytest.approx(binomtest(6, 6).pvalue)
    table = [[5, 15], [1, 19]]
    expected = chi2_contingency(table, correction=False).pvalue
    assert metrics["race_p"].value == pytest.approx(expected)
    assert (metrics["race_p"].unit, metrics["race_p"].n) == ("p", 40)


def test_without_a_change_there_is_nothing_to_test(tmp_path: Path) -> None:
    """Where no answer changes the share is 0 and the tests are undefined, not 1 or 0."""
    _, metrics = run(SHADR, _pairs(tmp_path, 8), lambda _: '{"HOUSING": "adverse"}')
    assert metrics["changed"].value == 0
    assert metrics["changed_p"].value is None
    assert metrics["race_p"].value is None


def test_a_pair_needs_both_answers(tmp_path: Path) -> None:
    """An unreadable or failed answer takes its pairs out, and coverage says so."""
    said = {"original/2": None, "inserted/4": "Who knows?"}
    examples = _pairs(tmp_path, 4)
    _, metrics = run(SHADR, examples, lambda case: said.get(case.id, '{"HOUSING": "adverse"}'))
    assert metrics["changed_p"].n == 1
    assert metrics["changed"].coverage == pytest.approx(1 / 4)


@needs("sdoh_synthetic")
def test_the_real_sentences_have_their_counts() -> None:
    """480 checked, 900 and 900 synthetic, 446 pairs of 344 originals; the files are pinned."""
    found = [benchmark.load(DATA) for benchmark in BENCHMARKS]
    assert [len(dataset.examples) for dataset in found] == [480, 1800, 344 + 446]
    assert all(dataset.official for dataset in found)
    pairs = found[2].examples
    assert sum(isinstance(each.of, str) for each in pairs) == 446
    assert sum("race:Black" in each.tags for each in pairs) == 117
    _, metrics = run(CHECKED, found[0].examples, lambda each: json.dumps(each.target["labels"]))
    for name in ("overall_score", "quality_match", "macro_f1", "marked_macro_f1"):
        assert metrics[name].value == 1
