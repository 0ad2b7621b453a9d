"""Scores of a whole run in columns are those of its answers one by one."""

from __future__ import annotations

import random

import numpy as np
import pytest

from preceptor.records import Answers, Criterion, Example, Graded, Replies, Response, Verdict
from preceptor.results.values import Table
from preceptor.scoring.columns import Scores, means_of, repeats_of
from preceptor.scoring.rubric import lowest_scores, score_rubric, score_rubrics
from preceptor.statistics.bootstrap import bootstrap_std, bootstrap_stds
from preceptor.store.column_types import key_bytes
from preceptor.store.keys import Keys

TAGS = ("axis:a", "axis:b", "level:x", "overall_score", "c_length_adjusted")
PLAIN = {"1": Verdict("", True), "0": Verdict("", False)}
OPEN = (None, Verdict("", None, reason="timeout"), Verdict("", None, label="entailed"))


def drawn(seed: int, examples: int) -> Answers:
    """Answers with missing verdicts, failed calls, and examples without answers or criteria."""
    draw = random.Random(seed)
    asked = [
        Example(
            f"e{place if draw.random() < 0.9 else 0}",
            (),
            tuple(
                Criterion("c", draw.choice((-9, -1, 1, 5)), tuple(draw.choices(TAGS, k=n)))
                for n in draw.choices(range(4), k=draw.randrange(7))
            ),
        )
        for place in range(examples)
    ]
    places = [(place, n) for place in range(examples) for n in range(draw.randrange(4))]
    signs = [
        "".join(draw.choice("10" if draw.random() < 0.9 else "-") for _ in asked[place].criteria)
        for place, _ in places
    ]
    replies = [
        Response("", "a" * draw.randrange(9), failure=draw.choice((None, None, "timeout")))
        for _ in places
    ]
    return Answers(
        asked,
        example=np.array([place for place, _ in places], dtype=np.intp),
        repeat=np.array([repeat for _, repeat in places], dtype=np.intp),
        signs=signs,
        told={
            row: tuple(PLAIN.get(sign) or draw.choice(OPEN) for sign in some)
            for row, some in enumerate(signs)
            if "-" in some
        },
        replies=Replies.of(replies),
        reply=np.array([draw.choice((-1, row, row)) for row in range(len(places))], dtype=np.intp),
        plain=PLAIN,
    )


@pytest.mark.parametrize("seed", range(60))
def test_rubrics_are_scored_together_as_one_by_one(seed: int) -> None:
    """The same values, bounds, counts and lengths, and metrics in the same order."""
    answers = drawn(seed, 450 if seed % 20 == 0 else seed % 9)
    together, singly = score_rubrics(answers), [score_rubric(item) for item in answers]
    assert list(together) == singly
    assert [together[row] for row in range(len(together))] == singly
    assert list(together.columns) == list(dict.fromkeys(name for s in singly for name in s.low))
    assert Scores.of(singly) == together


def test_answers_are_a_sequence() -> None:
    """They can be counted, sliced and compared as a list of them."""
    answers = drawn(7, 9)
    assert all(isinstance(item, Graded) for item in answers)
    assert answers == list(answers)
    assert answers[1:3] == list(answers)[1:3]
    assert answers[-1] == list(answers)[-1]


def test_the_lowest_score_is_that_of_the_worst_rubric() -> None:
    """All that is undesirable is met and nothing else; 0 where nothing is undesirable."""
    bad = Example("a", (), (Criterion("x", 4, ("axis:a",)), Criterion("y", -6, ("axis:a",))))
    good = Example("b", (), (Criterion("z", 5, ("axis:b",)),))
    expected = {"overall_score": -1.5, "axis:a": -1.5, "axis:b": 0.0}
    assert lowest_scores([bad, good]) == expected


def test_repeats_stand_in_the_order_of_the_answers() -> None:
    """Examples as they are first seen; a row is shorter where an example has fewer."""
    example, values = np.array([4, 1, 4, 4]), np.array([0.1, 0.2, 0.3, 0.5])
    examples, rows = repeats_of(example, values)
    assert examples.tolist() == [4, 1]
    np.testing.assert_array_equal(rows, [[0.1, 0.3, 0.5], [0.2, np.nan, np.nan]])
    assert means_of(rows).tolist() == [np.mean([0.1, 0.3, 0.5]), 0.2]
    scores = Scores(
        ["p", "q", "r", "s", "t"],
        example=example,
        repeat=np.zeros(4, dtype=np.intp),
        length=np.ones(4),
        columns={},
    )
    table = Table.of(scores, np.arange(4), values)
    assert table.of_examples(["q"]).tolist() == [[0.2]]
    assert table.of_examples([]).shape == (0, 0)


def test_spreads_of_many_means_are_those_of_each() -> None:
    """Shared draws change no digit."""
    rng = np.random.default_rng(1)
    columns = [rng.normal(size=n) for n in (5, 300, 5, 0, 300)]
    expected = [bootstrap_std(means) if len(means) else None for means in columns]
    assert bootstrap_stds(columns) == expected


def test_keys_kept_together_are_each_the_key_that_was_stored() -> None:
    """Keys behind each other, hashes and other texts, are given back one by one and in slices."""
    hashes, others = ["0" * 32, "ab" * 16, "1f" * 16], ["answer 7", "é", "0" * 31]
    keys = Keys.joined([Keys.of(list(map(key_bytes, hashes))), others])
    assert list(keys) == [*hashes, *others]
    assert (keys[-1], keys[1:4]) == (others[-1], [*hashes[1:], others[0]])


@pytest.mark.parametrize("seed", range(5))
def test_the_signs_of_an_example_are_those_of_its_answers(seed: int) -> None:
    """Each example that has answers comes once, in the run's order, with the signs of each."""
    answers = drawn(seed, 30)
    found = [(id(example), sign) for example, signs in answers.by_example() for sign in signs]
    assert found == [
        (id(answers.examples[place]), sign)
        for place, sign in zip(answers.example, answers.signs, strict=True)
    ]
    assert len(list(answers.by_example())) == len(set(answers.example.tolist()))
    assert not list(drawn(seed, 0).by_example())
