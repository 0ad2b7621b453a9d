"""Verdicts → scores → metrics, by properties and against brute force."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_fixtures import example, graded, verdict
from preceptor.records import Example, Graded, Response
from preceptor.scoring import LENGTH_SUFFIX, OVERALL, LengthRule, score_rubric, summarise

TAGS = ("axis:accuracy", "axis:completeness", "level:example", "level:cluster")
POINTS = st.integers(-10, 10).filter(bool)
MET = st.sampled_from((True, False, None))


@st.composite
def rubrics(draw: st.DrawFn, most: int = 8, met: st.SearchStrategy[bool | None] = MET) -> Graded:
    """A response to an example with at least one positive criterion, some verdicts missing."""
    points = draw(st.lists(POINTS, max_size=most - 1))
    points.insert(draw(st.integers(0, len(points))), draw(st.integers(1, 10)))
    tags = [tuple(draw(st.sets(st.sampled_from(TAGS)))) for _ in points]
    return graded(example(points, criteria_tags=tags), [draw(met) for _ in points])


def completions(item: Graded) -> list[Graded]:
    """Every way in which the missing verdicts could have been given."""
    missing = [i for i, v in enumerate(item.verdicts) if v is None or v.met is None]
    found = []
    for choice in itertools.product((False, True), repeat=len(missing)):
        verdicts = list(item.verdicts)
        for index, met in zip(missing, choice, strict=True):
            verdicts[index] = verdict(met, index)
        found.append(msgspec.structs.replace(item, verdicts=tuple(verdicts)))
    return found


def by_hand(item: Graded, tag: str | None = None) -> float | None:
    """The formula of the paper, written out."""
    reached = attainable = 0
    for criterion, given_ in zip(item.example.criteria, item.verdicts, strict=True):
        if tag is not None and tag not in criterion.tags:
            continue
        attainable += max(0, criterion.points)
        assert given_ is not None
        reached += criterion.points * bool(given_.met)
    return reached / attainable if attainable else None


def metrics_of(items: Sequence[Graded], rule: LengthRule | None = None) -> dict:
    tags = {item.example.id: item.example.tags for item in items}
    return summarise([score_rubric(item) for item in items], tags, rule)


# One response


@given(rubrics(met=st.booleans()))
def test_the_score_is_points_met_over_positive_points(item: Graded) -> None:
    """With every verdict given, the overall score and each tag's follow the paper's formula."""
    score = score_rubric(item)
    assert score.values[OVERALL] == by_hand(item)
    for tag in TAGS:
        assert score.values.get(tag) == by_hand(item, tag)


@given(rubrics())
def test_no_score_is_above_one(item: Graded) -> None:
    """All positive criteria met and no negative one is the best there is: 1."""
    score = score_rubric(item)
    assert all(value <= 1 for value in (*score.values.values(), *score.high.values()))


@given(rubrics(), st.randoms(use_true_random=False))
def test_the_order_of_criteria_is_irrelevant(item: Graded, rng: random.Random) -> None:
    """Shuffling criteria with their verdicts changes no number."""
    pairs = list(zip(item.example.criteria, item.verdicts, strict=True))
    rng.shuffle(pairs)
    shuffled = Graded(
        msgspec.structs.replace(item.example, criteria=tuple(c for c, _ in pairs)),
        item.repeat,
        item.response,
        tuple(v for _, v in pairs),
    )
    assert score_rubric(shuffled) == score_rubric(item)


@given(rubrics())
def test_meeting_a_criterion_moves_the_score_by_its_sign(item: Graded) -> None:
    """Flipping "not met" to "met" never lowers a score for positive points, and never raises it
    for negative ones."""
    before = score_rubric(item)
    for index, (criterion, given_) in enumerate(
        zip(item.example.criteria, item.verdicts, strict=True)
    ):
        if given_ is None or given_.met is not False:
            continue
        verdicts = (*item.verdicts[:index], verdict(True, index), *item.verdicts[index + 1 :])
        after = score_rubric(msgspec.structs.replace(item, verdicts=verdicts))
        for numbers in ("values", "low", "high"):
            for name, value in getattr(after, numbers).items():
                change = value - getattr(before, numbers)[name]
                assert change >= 0 if criterion.points > 0 else change <= 0


@given(rubrics())
def test_low_and_high_enclose_the_value_and_are_it_where_nothing_is_missing(item: Graded) -> None:
    """A complete score has no spread; an incomplete one has no value, but bounds."""
    score = score_rubric(item)
    assert score.low.keys() == score.high.keys() == score.counts.keys()
    for name, (given_, asked) in score.counts.items():
        assert score.low[name] <= score.high[name]
        if given_ == asked:
            assert score.low[name] == score.values[name] == score.high[name]
        else:
            assert name not in score.values
            assert score.low[name] < score.high[name]


@given(rubrics(most=6))
def test_bounds_are_those_of_all_completions(item: Graded) -> None:
    """Low and high are the extremes over every way the missing verdicts could have been given."""
    score = score_rubric(item)
    complete = [score_rubric(each).values for each in completions(item)]
    for name in score.low:
        assert score.low[name] == min(each[name] for each in complete)
        assert score.high[name] == max(each[name] for each in complete)


@given(rubrics())
def test_a_tag_without_a_positive_criterion_is_undefined(item: Graded) -> None:
    """No positive points, no score: the tag is nowhere, not 0."""
    score = score_rubric(item)
    for tag in TAGS:
        positive = any(tag in c.tags and c.points > 0 for c in item.example.criteria)
        assert (tag in score.low) == positive
        assert (tag in score.values) <= positive


def test_a_score_below_zero_stays_below_zero() -> None:
    """An example's score is never clipped."""
    score = score_rubric(graded(example([1, -10]), [False, True]))
    assert score.values[OVERALL] == -10


@pytest.mark.parametrize("missing", [None, verdict(None)], ids=["not asked", "ungraded"])
def test_a_missing_verdict_is_not_not_met(missing: object) -> None:
    """Neither a verdict that was not asked for nor one that failed counts as "not met"."""
    item = graded(example([5, 5]), [True, False])
    assert score_rubric(item).values[OVERALL] == 0.5
    item = msgspec.structs.replace(item, verdicts=(item.verdicts[0], missing))
    score = score_rubric(item)
    assert OVERALL not in score.values
    assert (score.low[OVERALL], score.high[OVERALL]) == (0.5, 1.0)
    assert score.counts[OVERALL] == (1, 2)


def test_verdicts_must_match_the_criteria() -> None:
    """One verdict too few is an error of the caller, not a silent truncation."""
    with pytest.raises(ValueError, match="argument"):
        score_rubric(graded(example([5, 5]), [True]))


def test_a_rubric_of_negative_points_only_has_no_score() -> None:
    """Without positive points a whole example is undefined, too."""
    score = score_rubric(graded(example([-5]), [True]))
    assert score.values == score.low == score.high == {}
    assert metrics_of([graded(example([-5]), [True])])[OVERALL].value is None


def test_a_tag_repeated_or_named_like_the_overall_score_counts_once() -> None:
    """Odd tags of foreign data cannot count a criterion or an example twice."""
    odd = example(
        [5, 3],
        tags=(OVERALL, "theme:a", "theme:a"),
        criteria_tags=[("axis:a", "axis:a"), (OVERALL,)],
    )
    metrics = metrics_of([graded(odd, [True, False]), graded(example([1], "e2"), [False])])
    assert metrics[OVERALL].raw_mean == (5 / 8 + 0) / 2
    assert metrics[OVERALL].n == 2
    assert metrics["axis:a"].value == 1
    assert (metrics["theme:a"].value, metrics["theme:a"].n) == (5 / 8, 1)
    assert metrics_of([graded(odd, [True, None]), graded(example([1], "e2"), [False])])[
        OVERALL
    ].coverage == pytest.approx(2 / 3)


def test_length_is_that_of_the_answer_and_none_without_one() -> None:
    """Length counts characters, not bytes; a failed answer has none, an empty one has 0."""
    item = graded(example([1]), [True], text="é🙂x")
    assert score_rubric(item).length == 3
    failed = msgspec.structs.replace(item, response=Response("r", failure="timeout"))
    assert score_rubric(failed).length is None
    assert score_rubric(msgspec.structs.replace(item, response=None)).length is None
    assert score_rubric(msgspec.structs.replace(item, response=Response("r"))).length == 0


# A run


def test_the_mean_is_clipped_and_not_its_parts() -> None:
    """mean(1, −2) = −0.5 → 0; clipped one by one it would be 0.5."""
    items = [graded(example([5], "a"), [True]), graded(example([5, -10], "b"), [False, True])]
    overall = metrics_of(items)[OVERALL]
    assert (overall.raw_mean, overall.value) == (-0.5, 0.0)
    assert overall.raw_ci95 is not None
    assert overall.raw_ci95[0] < -0.5 < overall.raw_ci95[1]
    assert overall.ci95 == (0.0, min(1.0, max(0.0, overall.raw_ci95[1])))


def test_repeats_are_averaged_within_their_example_first() -> None:
    """An example answered three times weighs as much as one answered once."""
    first, second = example([5], "a"), example([5], "b")
    items = [graded(first, [met], repeat) for repeat, met in enumerate((True, True, True))]
    items.append(graded(second, [False]))
    overall = metrics_of(items)[OVERALL]
    assert (overall.raw_mean, overall.n) == (0.5, 2)


def test_an_incomplete_repeat_leaves_the_complete_ones() -> None:
    """The example's mean is over its complete repeats; coverage and bounds tell of the other."""
    one = example([4, 4], "a")
    items = [graded(one, [True, True]), graded(one, [True, None], 1), graded(example([1]), [False])]
    overall = metrics_of(items)[OVERALL]
    assert (overall.raw_mean, overall.n) == (0.5, 2)
    assert overall.coverage == 4 / 5
    assert overall.bounds == (0.375, 0.5)


@given(st.lists(rubrics(most=3), min_size=1, max_size=3))
def test_bounds_of_a_run_are_those_of_all_completions(items: list[Graded]) -> None:
    """The run's bounds are the extremes of the clipped mean over every completion of all its
    missing verdicts; None where nothing is missing."""
    tagged = [
        msgspec.structs.replace(
            item,
            example=msgspec.structs.replace(
                item.example, id=f"e{i}", tags=(f"theme:{'ab'[i % 2]}",)
            ),
        )
        for i, item in enumerate(items)
    ]
    metrics = metrics_of(tagged)
    complete = [metrics_of(choice) for choice in itertools.product(*map(completions, tagged))]
    for name, metric in metrics.items():
        values = [each[name].value for each in complete]
        if metric.coverage == 1:
            assert metric.bounds is None
            assert {metric.value} == set(values)
        else:
            assert metric.bounds == pytest.approx((min(values), max(values)), abs=1e-12)


@given(
    st.lists(rubrics(met=st.booleans()), min_size=1, max_size=4),
    st.lists(st.integers(0, 6000), min_size=4, max_size=4),
)
def test_length_adjustment_is_the_rule_applied_to_each_response(
    items: list[Graded], lengths: list[int]
) -> None:
    """Adjusting each response or the mean by the mean length is the same, before clipping."""
    rule = LengthRule(2.99)
    items = [
        Graded(
            msgspec.structs.replace(item.example, id=f"e{i}", tags=("theme:a",)),
            0,
            Response(f"r{i}", text="x" * length),
            item.verdicts,
        )
        for i, (item, length) in enumerate(zip(items, lengths, strict=False))
    ]
    metrics = metrics_of(items, rule)
    mean_length = float(np.mean(lengths[: len(items)]))
    expected = metrics[OVERALL].raw_mean - 0.0299 * (mean_length - 2000) / 500
    for name in (OVERALL, "theme:a"):
        adjusted = metrics[name + LENGTH_SUFFIX]
        assert adjusted.raw_mean == pytest.approx(expected, abs=1e-9)
        assert adjusted.value == pytest.approx(min(1, max(0, expected)), abs=1e-9)
    assert not any(name.startswith("axis:") and name.endswith(LENGTH_SUFFIX) for name in metrics)


def test_an_adjusted_score_may_leave_the_unit_interval_until_the_mean_is_taken() -> None:
    """A short perfect answer is worth more than 1 while it is averaged."""
    rule = LengthRule(10)
    items = [
        graded(example([1], "a"), [True], text="x" * 1000),
        graded(example([1], "b"), [False], text="x" * 3000),
    ]
    adjusted = metrics_of(items, rule)[OVERALL + LENGTH_SUFFIX]
    assert adjusted.raw_mean == pytest.approx((1.2 - 0.2) / 2)


def test_the_length_of_a_missing_answer_widens_the_adjusted_bounds() -> None:
    """A missing answer may be as long as the longest and as short as the shortest of the run."""
    rule = LengthRule(10)
    lost = msgspec.structs.replace(
        graded(example([1], "c"), [None]), response=Response("c", failure="timeout")
    )
    items = [
        graded(example([1], "a"), [True], text="x" * 1500),
        graded(example([1], "b"), [False], text="x" * 2500),
        lost,
    ]
    adjusted = metrics_of(items, rule)[OVERALL + LENGTH_SUFFIX]
    assert adjusted.n == 2
    assert adjusted.bounds == pytest.approx(((1.1 - 0.1 - 0.1) / 3, (1.1 - 0.1 + 1.1) / 3))


def test_nothing_scored_is_none_and_not_zero() -> None:
    """A run without a single complete example has no score, but bounds and a coverage."""
    overall = metrics_of([graded(example([5, -5]), [None, None])])[OVERALL]
    assert (overall.value, overall.raw_mean, overall.ci95, overall.n) == (None, None, None, 0)
    assert (overall.coverage, overall.bounds) == (0.0, (0.0, 1.0))


def test_a_single_example_has_no_interval() -> None:
    """One example says nothing about others."""
    overall = metrics_of([graded(example([5]), [True])])[OVERALL]
    assert (overall.value, overall.ci95, overall.raw_ci95, overall.bootstrap_std) == (
        1.0,
        None,
        None,
        0.0,
    )


def test_metrics_come_in_the_same_order_in_every_process() -> None:
    """Tables and JSON do not depend on the hash seed: names follow the data."""
    names = [f"axis:{letter}" for letter in "qwertyuiop"]
    item: Example = example([1] * 10, criteria_tags=[(name, "level:x") for name in names])
    found = list(metrics_of([graded(item, [True] * 10)]))
    assert found == [OVERALL, names[0], "level:x", *names[1:]]
