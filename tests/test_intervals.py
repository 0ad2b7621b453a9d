"""Intervals that hold: units, shares, nothing of width zero; names of metrics that no tag takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import scipy.stats

from preceptor import benchmarks
from preceptor.protocols.choice import ChoiceProtocol, choice_example
from preceptor.records import Criterion, Example, Graded, Message, Metric, Response, Verdict
from preceptor.reports.format import printed_interval, sample_size
from preceptor.reports.score import namespaces
from preceptor.scoring import LENGTH_SUFFIX, OVERALL
from preceptor.scoring.sets import mean_metric, set_metric
from preceptor.scoring.units import units
from preceptor.statistics import mean_interval, score_interval, share_interval
from suite_answers import DATA, needs

RUBRIC = benchmarks.get("starter").protocol


def question(id: str, cluster: str | None = None, tags: Sequence[str] = ()) -> Example:
    return choice_example(
        id, f"Question {id}?", {"A": "yes", "B": "no"}, "A", tags, cluster=cluster
    )


def chosen(examples: Sequence[Example], letters: str) -> dict[str, Metric]:
    protocol = ChoiceProtocol()
    items = [
        Graded(example, 0, Response(example.id, f"Answer: {letter}"), ())
        for example, letter in zip(examples, letters, strict=True)
    ]
    return protocol.summarise([protocol.score(item) for item in items], examples)


def rubric_example(id: str, tags: Sequence[str] = (), of_criterion: Sequence[str] = ()) -> Example:
    criteria = (Criterion("says so", 5, tuple(of_criterion)), Criterion("says more", 5))
    return Example(id, (Message("user", f"made up {id}"),), criteria, tuple(tags))


def judged(examples: Sequence[Example], met: Sequence[tuple[bool, bool]]) -> dict[str, Metric]:
    items = [
        Graded(example, 0, Response(example.id, "x"), (Verdict("a", one), Verdict("b", two)))
        for example, (one, two) in zip(examples, met, strict=True)
    ]
    return RUBRIC.summarise([RUBRIC.score(item) for item in items], examples)


# Units


def test_a_unit_is_what_is_drawn_together() -> None:
    """A name in the target, else the conversation; a variant has the unit of its origin."""
    first, again = question("a", "video 1"), question("b", "video 1")
    plain, variant = question("c"), Example("d", (Message("user", "else"),), (), of="c")
    orphan, twin = (Example(id, (Message("user", id),), (), of="gone") for id in "ef")
    found = units([first, again, plain, variant, orphan, twin])
    assert found["a"] == found["b"] != found["c"] == found["d"] == plain.prompt_key
    assert found["e"] == found["f"] not in (found["a"], found["c"])


@needs("mythtriage")
def test_a_video_is_one_unit_however_many_myths_it_is_about() -> None:
    """2,360 examples, 295 videos: answers alike within a video widen the interval 2.8 times."""
    benchmark = benchmarks.get("mythtriage")
    examples = benchmark.load(DATA / "mythtriage").examples
    videos = sorted(set(units(examples).values()))
    lucky = set(videos[::2])
    unit_of = units(examples)
    scores = []
    for example in examples:
        label = example.target["label"] if unit_of[example.id] in lucky else "?"
        item = Graded(example, 0, Response(example.id, f'{{"label": "{label}"}}'), ())
        scores.append(benchmark.protocol.score(item))
    metric = benchmark.protocol.summarise(scores, examples)[OVERALL]
    assert sample_size(metric.n, metric.units, metric.units_are) == "2,360 examples, 295 videos"
    alone = share_interval(np.array([[score.values[OVERALL]] for score in scores]))[1]
    assert metric.raw_ci95 is not None
    wide, narrow = (pair[1] - pair[0] for pair in (metric.raw_ci95, alone))
    assert wide / narrow == pytest.approx(8**0.5, rel=0.03)


@needs("sdoh_synthetic")
def test_a_sentence_and_its_counterfactuals_are_one_unit() -> None:
    """344 units in the protocol's metrics, and in comparisons."""
    benchmark = benchmarks.get("shadr")
    examples = benchmark.load(DATA / benchmark.folder).examples
    items = [Graded(each, 0, Response(each.id, "{}"), ()) for each in examples]
    metrics = benchmark.protocol.summarise([benchmark.protocol.score(x) for x in items], examples)
    assert metrics[OVERALL].units == metrics["macro_f1"].units == 344
    assert len(set(units(examples).values())) == 344


def test_languages_of_one_question_are_no_evidence_of_their_own() -> None:
    """100 questions in four languages, answered alike, tell what 100 answers tell."""
    examples = [question(f"{n}/{k}", cluster=str(n)) for n in range(100) for k in range(4)]
    metric = chosen(examples, "".join("AB"[n % 2] * 4 for n in range(100)))[OVERALL]
    alone = chosen([question(str(n)) for n in range(100)], "AB" * 50)[OVERALL]
    assert (metric.n, metric.units, metric.units_are) == (400, 100, "questions")
    assert metric.raw_ci95 == pytest.approx(alone.raw_ci95, abs=0.003)
    for pair in (metric.bootstrap_ci95, metric.wilson_ci95):
        assert pair is not None
        assert pair[1] - pair[0] == pytest.approx(0.19, abs=0.015)


# Shares


def test_a_share_is_declared_and_not_guessed() -> None:
    """Rubric scores that happen to be 0 and 1 have no interval of a share; one answer has none."""
    examples = [rubric_example(str(n), [f"specialty:{n}"]) for n in range(3)]
    metrics = judged(examples, [(True, True), (False, False), (True, True)])
    assert metrics[OVERALL].wilson_ci95 is None
    assert metrics["specialty:0"].raw_ci95 is None
    assert printed_interval(metrics["specialty:0"]) == "not estimable from n = 1"
    assert chosen([question("a")], "A")[OVERALL].raw_ci95 == pytest.approx((0.025, 1.0))


@pytest.mark.parametrize(("hits", "n"), [(0, 20), (20, 20), (3, 20), (60, 100), (1, 1)])
def test_a_share_has_the_exact_interval(hits: int, n: int) -> None:
    """Clopper and Pearson's, as scipy has it: never of width zero."""
    column = (np.arange(n) < hits).astype(float)[:, None]
    exact = scipy.stats.binomtest(hits, n).proportion_ci(method="exact")
    assert share_interval(column) == (hits / n, pytest.approx((exact.low, exact.high)))


def test_units_that_are_all_alike_count_once_each() -> None:
    """0 of 160 answers to 20 videos leave as much open as 0 of 20."""
    labels = np.repeat(np.arange(20), 8)
    assert share_interval(np.zeros((160, 1)), labels) == share_interval(np.zeros((20, 1)))
    assert share_interval(np.zeros((20, 8))) == share_interval(np.zeros((20, 1)))


# Scores


def test_equal_scores_have_no_interval_and_say_so() -> None:
    """Ten examples at 50 are no proof that all others are at 50."""
    examples = [rubric_example(str(n)) for n in range(10)]
    metric = judged(examples, [(True, False)] * 10)[OVERALL]
    assert (metric.ci95, metric.raw_ci95, metric.bootstrap_ci95) == (None, None, None)
    assert printed_interval(metric) == "not estimable from n = 10, all equal"
    assert set_metric(lambda rows: 1.0, list("abc")).ci95 is None
    assert mean_metric([1.0, 1.0, 1.0], list("abc")).ci95 is None
    low, high = mean_metric([1.0, 1.0, 1.0], list("abc"), share=True).ci95 or (1.0, 1.0)
    assert low < 0.3
    assert high == 1.0


def test_lengths_do_not_make_an_interval_of_equal_scores() -> None:
    """Six scores of 50 whose answers differ by a few characters leave the adjusted score open."""
    examples = [rubric_example(str(n)) for n in range(6)]
    verdicts = (Verdict("a", True), Verdict("b", False))
    items = [
        Graded(example, 0, Response(example.id, "x" * place), verdicts)
        for place, example in enumerate(examples, start=1)
    ]
    metrics = RUBRIC.summarise([RUBRIC.score(item) for item in items], examples)
    adjusted = metrics[OVERALL + LENGTH_SUFFIX]
    assert adjusted.value != metrics[OVERALL].value
    assert (adjusted.ci95, adjusted.raw_ci95, adjusted.bootstrap_ci95) == (None, None, None)


def test_the_published_formula_stays_where_it_holds() -> None:
    """30 independent examples or more that are not very skewed, with repeats or without."""
    rng = np.random.default_rng(7)
    for n, repeats in ((30, 1), (200, 3)):
        table = rng.normal(0.4, 0.2, size=(n, repeats))
        assert score_interval(table) == mean_interval(table)
        assert score_interval(table, np.arange(n)) == mean_interval(table)


def test_few_or_skewed_scores_have_a_wider_interval() -> None:
    """Of ten at least the t interval; of skewed ones the end of the long tail is further out."""
    few = np.array([[0.1], [0.4], [0.5], [0.2], [0.9], [0.3], [0.6], [0.4], [0.5], [0.2]])
    mean, interval = score_interval(few)
    assert interval is not None
    t = scipy.stats.t.interval(0.95, 9, mean, scipy.stats.sem(few[:, 0]))
    assert interval[0] <= t[0] + 1e-12
    assert interval[1] >= t[1] - 1e-12
    mean, interval = score_interval((np.arange(40) == 0).astype(float)[:, None])
    assert interval is not None
    assert interval[1] - mean > 2 * (mean - interval[0])


def test_clustered_scores_have_the_cluster_robust_interval() -> None:
    """40 equal units of 5 equal rows are 40 rows."""
    values = np.random.default_rng(1).normal(size=40)
    alone = score_interval(values[:20, None])[1]
    labels = np.repeat(np.arange(20), 5)
    assert score_interval(np.repeat(values[:20], 5)[:, None], labels)[1] == pytest.approx(alone)


@pytest.mark.parametrize("alike", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("size", [1, 8])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.95])
def test_intervals_of_shares_cover(share: float, size: int, alike: float) -> None:
    """From 20 units up at least 93.5 %, whatever the share and however alike a unit's answers."""
    rng = np.random.default_rng(3)
    labels, hits, trials = np.repeat(np.arange(20), size), 0, 400
    for _ in range(trials):
        one = rng.random(20) < share
        rows = rng.random(len(labels)) < share
        same = (rng.random(20) < alike)[labels]
        values = np.where(same, one[labels], rows).astype(float)
        low, high = share_interval(values[:, None], labels)[1]
        hits += low <= share <= high
    assert hits / trials > 0.935 - 2.6 * (0.06 / trials) ** 0.5


# Names


RESERVED = [OVERALL, OVERALL + LENGTH_SUFFIX, "n", "axis:both", "axis:both" + LENGTH_SUFFIX]


def test_no_tag_takes_the_place_of_a_metric_or_of_another_slice() -> None:
    """Each tag of examples and of criteria has its own slice beside an untouched score."""
    met = [(True, False), (False, False), (True, True), (False, True)] * 3
    plain = judged([rubric_example(str(n)) for n in range(12)], met)
    tagged = [rubric_example(str(n), RESERVED if n < 6 else (), RESERVED) for n in range(12)]
    metrics = judged(tagged, met)
    for name in (OVERALL, OVERALL + LENGTH_SUFFIX):
        assert metrics[name] == plain[name]
    by_tag = {metric.tag: metric for metric in metrics.values() if metric.tag is not None}
    assert set(by_tag) == set(RESERVED)
    assert all(metric.n == 6 for metric in by_tag.values())
    assert "" not in namespaces({name: each for name, each in metrics.items() if each.tag})
    criteria = [n for n, each in metrics.items() if each.tag is None and not n.startswith(OVERALL)]
    assert len(criteria) == len(RESERVED)
    assert all(metrics[name].value == pytest.approx(0.5) for name in criteria)


def test_a_protocols_own_metric_is_not_a_tags() -> None:
    """A tag called above_pass_mark has a slice of its own."""
    protocol = ChoiceProtocol(pass_mark=0.6)
    examples = [question(str(n), tags=["above_pass_mark"]) for n in range(4)]
    items = [Graded(each, 0, Response(each.id, "Answer: A"), ()) for each in examples]
    metrics = protocol.summarise([protocol.score(item) for item in items], examples)
    assert metrics["above_pass_mark"].value == pytest.approx(0.4)
    assert metrics["tag:above_pass_mark (example)"].value == 1.0
