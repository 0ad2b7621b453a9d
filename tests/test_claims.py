"""Sides, comparisons and what follows from them, on made-up runs whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

import preceptor
from data_fixtures import write_rows
from preceptor import api
from preceptor.analysis.comparison import Comparison
from preceptor.analysis.correcting import correct
from preceptor.analysis.estimating import estimate
from preceptor.analysis.length import lengths
from preceptor.analysis.planning import plan
from preceptor.analysis.reliability import reliability
from preceptor.cli import main
from preceptor.errors import InputError, UnknownName
from preceptor.records import Result, Strata, Stratum
from preceptor.reports.comparison import headline
from preceptor.results.pool import Side, pool
from preceptor.results.reweighting import reweighted
from preceptor.results.values import matrix, values_of

#: Points of the criteria of every example: 10 of them are attainable.
POINTS = (4, 3, 2, 1, -5)
Bits = tuple[bool | None, ...]
Answers = Mapping[str, Sequence[Bits]]


def bits(score: int) -> Bits:
    """Verdicts that are worth so many of the 10 points, −5 to 10."""
    penalty = score < 0
    rest, met = score + 5 * penalty, []
    for points in POINTS[:4]:
        met.append(rest >= points)
        rest -= points * (rest >= points)
    assert rest == 0, score
    return (*met, penalty)


def score_of(verdicts: Bits) -> float:
    return sum(p for p, met in zip(POINTS, verdicts, strict=True) if met) / 10


@pytest.fixture
def keep(tmp_path: Path) -> Callable[..., None]:
    """Imports runs with the given verdicts into the store of this test."""

    def import_runs(
        runs: Mapping[str, Answers],
        *,
        grader: str = "strict",
        prompts: Mapping[str, str] | None = None,
        themes: Mapping[str, str] | None = None,
        length: Mapping[str, int] | None = None,
        points: Sequence[int] = POINTS,
    ) -> None:
        rows: list[dict[str, Any]] = []
        for run, answers in runs.items():
            for name, repeats in answers.items():
                question = (prompts or {}).get(name, f"made-up question {name}")
                for verdicts in repeats:
                    rows.append(
                        {
                            "run": run,
                            "model": run.partition("-")[0],
                            "grader": grader,
                            "prompt_id": name,
                            "prompt": [{"role": "user", "content": question}],
                            "rubrics": [
                                {"criterion": f"c{i} of {name}", "points": p, "tags": [f"axis:{i}"]}
                                for i, p in enumerate(points)
                            ],
                            "example_tags": [f"theme:{(themes or {}).get(name, 'all')}"],
                            "response": "x" * (length or {}).get(run, 2000),
                            "criteria_met": list(verdicts),
                            "explanations": [""] * len(verdicts),
                        }
                    )
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.jsonl"
        write_rows(path, rows)
        store = str(tmp_path / "p.db")
        assert (
            main(["import", "graded", str(path), "--benchmark", "healthbench", "--store", store])
            == 0
        )

    return import_runs


def sides_of(folder: Path, *texts: str) -> list[Side]:
    return api.sides(texts, store=folder / "p.db")


def compared(folder: Path, *texts: str, **options: Any) -> Comparison:
    return preceptor.compare(texts, store=folder / "p.db", **options)


def drawn(
    seed: int, n: int, low: int = -5, high: int = 10, repeats: int = 1
) -> dict[str, list[Bits]]:
    rng = np.random.default_rng(seed)
    return {
        f"e{i:03}": [bits(int(value)) for value in rng.integers(low, high + 1, repeats)]
        for i in range(n)
    }


def means(answers: Answers) -> np.ndarray[Any, Any]:
    return np.array(
        [np.mean([score_of(each) for each in answers[name]]) for name in sorted(answers)]
    )


# Sides


def test_runs_of_one_text_are_pooled_as_repeats(keep: Any, tmp_path: Path) -> None:
    """Two runs that one pattern fits are one side, where an example asked twice has two answers."""
    first, second = drawn(1, 5), drawn(2, 3)
    keep({"a-1": first, "a-2": second})
    (side,) = sides_of(tmp_path, "model/plain=a-*")
    assert (side.label, side.family, side.harness) == ("model/plain", "model", "plain")
    assert side.runs == ("a-1", "a-2")
    values = values_of(side.result)
    assert {name: len(each) for name, each in values.items()} == {
        f"e{i:03}": 2 if i < 3 else 1 for i in range(5)
    }
    assert values["e000"] == [score_of(first["e000"][0]), score_of(second["e000"][0])]
    assert side.result.info.repeats == 2
    assert side.result.metrics["overall_score"].n == 5
    assert matrix(values).shape == (5, 2)
    assert np.isnan(matrix(values)[4, 1])


def test_pooling_is_the_same_as_one_run_with_repeats(keep: Any, tmp_path: Path) -> None:
    """The metrics of two pooled runs are those of one run with the same answers as repeats."""
    first, second = drawn(1, 12), drawn(2, 12)
    keep({"a-1": first, "a-2": second})
    keep({"b": {name: [*first[name], *second[name]] for name in first}})
    pooled, whole = sides_of(tmp_path, "p=a-1,a-2", "b")
    assert pooled.result.metrics == whole.result.metrics
    assert pooled.result.verdicts == whole.result.verdicts


def test_runs_that_are_no_repeats_are_not_pooled(keep: Any, tmp_path: Path) -> None:
    """Different graders, or another rubric for one example, are an error and not a mixture."""
    keep({"a-1": drawn(1, 3)}, grader="strict")
    keep({"a-2": drawn(1, 3)}, grader="kind")
    keep({"a-3": drawn(1, 3)}, points=(4, 3, 2, 1, -6))
    keep({"c-1": drawn(1, 3)})
    with pytest.raises(InputError, match="must have one grader, found 'strict', 'kind'"):
        sides_of(tmp_path, "x=a-*")
    with pytest.raises(InputError, match="must have one system, found 'a', 'c'"):
        sides_of(tmp_path, "x=a-1,c-1")
    with pytest.raises(InputError, match="another rubric"):
        sides_of(tmp_path, "x=a-1,a-3")


def test_a_pattern_without_a_label_is_a_side_for_each_run(keep: Any, tmp_path: Path) -> None:
    """Only a label, or commas, pool: the cells of a sweep stay apart."""
    keep({"a-1": drawn(1, 3), "a-2": drawn(2, 3)})
    assert [side.label for side in sides_of(tmp_path, "a-*")] == ["a-1", "a-2"]
    assert [side.runs for side in sides_of(tmp_path, "a-1,a-2")] == [("a-1", "a-2")]


@pytest.mark.parametrize(
    ("text", "says"),
    [("zzz*", "no run of .* fits"), ("zzz", "no such run"), ("x=", "an empty name")],
)
def test_a_side_that_names_nothing(keep: Any, tmp_path: Path, text: str, says: str) -> None:
    """A text that fits no run says so, with the runs that there are."""
    keep({"a-1": drawn(1, 3)})
    with pytest.raises((UnknownName, InputError), match=says):
        sides_of(tmp_path, text)


def test_a_run_may_be_called_like_a_pattern(keep: Any, tmp_path: Path) -> None:
    """The exact name of a run is that run, also with signs that mean something in a pattern."""
    keep({"a=b*,c": drawn(1, 3), "a=bx,c": drawn(2, 3)})
    (side,) = sides_of(tmp_path, "a=b*,c")
    assert side.runs == ("a=b*,c",)


# Comparisons


def test_the_reference_method_is_the_paired_t_test_on_example_means(
    keep: Any, tmp_path: Path
) -> None:
    """Difference, interval, p and permutation agree with scipy on the means over repeats."""
    left, right = drawn(1, 40, repeats=3), drawn(2, 40, low=0, repeats=2)
    keep({"a": left, "b": right})
    (contrast,) = compared(tmp_path, "a", "b").contrasts
    difference = means(right) - means(left)
    oracle = scipy.stats.ttest_rel(means(right), means(left))
    assert contrast.overall.difference == pytest.approx(difference.mean())
    assert contrast.overall.p == pytest.approx(oracle.pvalue)
    bounds = oracle.confidence_interval(0.95)
    assert contrast.overall.ci95 == pytest.approx((bounds.low, bounds.high))
    assert contrast.tests.permutation_p == pytest.approx(oracle.pvalue, abs=0.02)
    assert contrast.overall.reference == pytest.approx(means(left).mean())


def test_repeats_counted_as_independent_are_shown_and_are_surer(keep: Any, tmp_path: Path) -> None:
    """Where prompts repeat, the naive test on answers is shown beside the clustered one."""
    rng = np.random.default_rng(0)
    base = rng.integers(-3, 6, 30)
    left = {f"e{i}": [bits(int(v))] * 4 for i, v in enumerate(base)}
    right = {f"e{i}": [bits(int(v))] * 4 for i, v in enumerate(base + rng.integers(-2, 4, 30))}
    keep({"a": left, "b": right})
    comparison = compared(tmp_path, "a", "b")
    (contrast,) = comparison.contrasts
    naive, clustered, paired = (
        contrast.tests.as_if_independent,
        contrast.tests.clustered,
        contrast.tests.paired,
    )
    assert naive is not None
    assert clustered is not None
    assert paired is not None
    assert (naive.n, clustered.n, clustered.clusters, paired.n) == (120, 120, 30, 30)
    # Four copies of each answer are no new evidence: only the naive test takes them for it.
    assert clustered.ci95 == pytest.approx(paired.ci95, rel=0.02)
    naive_width = naive.ci95[1] - naive.ci95[0]
    assert naive_width == pytest.approx((paired.ci95[1] - paired.ci95[0]) / 2, rel=0.05)
    assert any("Prompts repeat" in note for note in comparison.notes)


def test_examples_with_one_prompt_are_one_cluster(keep: Any, tmp_path: Path) -> None:
    """Ten examples of two prompts are not ten independent examples."""
    prompts = {f"e{i:03}": f"made-up question {i // 5}" for i in range(30)}
    keep({"a": drawn(1, 30), "b": drawn(2, 30)}, prompts=prompts)
    comparison = compared(tmp_path, "a", "b")
    (contrast,) = comparison.contrasts
    assert (contrast.common, contrast.prompts) == (30, 6)
    assert "on 30 common examples (6 units)" in headline(contrast)
    assert contrast.tests.paired is not None
    assert contrast.overall.p != contrast.tests.paired.p
    assert any("clustered by prompt" in note for note in comparison.notes)


def test_common_and_dropped_examples_are_stated(keep: Any, tmp_path: Path) -> None:
    """An example of one side only, with another rubric, or ungraded is left out and counted."""
    left = drawn(1, 20)
    left["e001"] = [(None, True, True, True, False)]
    right = {name: each for name, each in drawn(2, 23).items() if name != "e000"}
    keep({"a": left, "b": right})
    keep({"c": {"e002": [(True,)]}}, points=(3,))
    (contrast,) = compared(tmp_path, "a", "b").contrasts
    assert contrast.common == 18
    assert {item.reason: item.n for item in contrast.dropped} == {
        "only asked of a": 1,
        "only asked of b": 3,
        "no completely graded answer on one of the sides": 1,
    }
    with pytest.raises(InputError, match="have no example in common"):
        compared(tmp_path, "a", "c")


def test_a_comparison_across_graders_must_be_asked_for(keep: Any, tmp_path: Path) -> None:
    """Different graders are refused in one line; asked for by name, the result says so."""
    keep({"a": drawn(1, 12)}, grader="strict")
    keep({"b": drawn(2, 12)}, grader="kind")
    with pytest.raises(InputError, match="--across-graders"):
        compared(tmp_path, "a", "b")
    comparison = compared(tmp_path, "a", "b", across_graders=True)
    assert any("different graders" in note for note in comparison.notes)
    assert {each.setting for each in comparison.differing} >= {"grader"}


def test_families_are_compared_with_their_own_first_side(keep: Any, tmp_path: Path) -> None:
    """MODEL/HARNESS: each model's harnesses against that model's first, in one family of tests."""
    keep({name: drawn(i, 15) for i, name in enumerate(("a", "b", "c", "d", "e"))})
    comparison = compared(tmp_path, "m/plain=a", "n/plain=b", "m/agent=c", "n/agent=d", "n/web=e")
    pairs = [(each.reference, each.contender) for each in comparison.contrasts]
    assert pairs == [("m/plain", "m/agent"), ("n/plain", "n/agent"), ("n/plain", "n/web")]
    p = [each.overall.p for each in comparison.contrasts]
    holm = multipletests(p, method="holm")[1]
    assert [each.overall.p_holm for each in comparison.contrasts] == pytest.approx(holm)
    with pytest.raises(InputError, match="two or more sides of 'n', found only 'n/plain'"):
        compared(tmp_path, "m/plain=a", "m/agent=c", "n/plain=b")


def test_slices_are_adjusted_over_all_slices_and_systems(keep: Any, tmp_path: Path) -> None:
    """Holm and Benjamini–Hochberg over slices × systems; a small slice has no test."""
    themes = {f"e{i:03}": ("big" if i < 25 else "mid" if i < 37 else "small") for i in range(40)}
    keep({name: drawn(i, 40, low=i) for i, name in enumerate(("a", "b", "c"))}, themes=themes)
    comparison = compared(tmp_path, "a", "b", "c", namespaces=("theme",))
    slices = [each for contrast in comparison.contrasts for each in contrast.slices]
    assert [each.metric for each in slices] == ["theme:big", "theme:mid", "theme:small"] * 2
    assert [each.n for each in slices] == [25, 12, 3] * 2
    tested = [each for each in slices if each.p is not None]
    assert len(tested) == 4
    p = [each.p for each in tested]
    assert [e.p_holm for e in tested] == pytest.approx(multipletests(p, method="holm")[1])
    assert [e.p_bh for e in tested] == pytest.approx(multipletests(p, method="fdr_bh")[1])
    assert slices[2].p_holm is None
    assert slices[2].ci95 is not None
    assert "4 tests; 2 with fewer than 10" in comparison.families[1]


def test_length_adjusted_differences_price_each_answer(keep: Any, tmp_path: Path) -> None:
    """500 characters more cost the benchmark's points, in the difference as in the score."""
    answers = drawn(1, 12)
    keep({"a": answers, "b": answers}, length={"a": 2000, "b": 2500})
    (contrast,) = compared(tmp_path, "a", "b").contrasts
    assert contrast.overall.difference == pytest.approx(0.0)
    assert contrast.adjusted is not None
    assert contrast.adjusted.difference == pytest.approx(-0.0299)
    (only,) = compared(tmp_path, "a", "b", adjusted=True).contrasts
    assert only.overall.difference == pytest.approx(-0.0299)
    assert only.adjusted is None
    assert only.slices[0].metric == "theme:all_length_adjusted"


def test_right_or_wrong_scores_get_mcnemar(keep: Any, tmp_path: Path) -> None:
    """Scores of 0 and 1 only: the discordant examples are counted for and against the contender."""
    left = {f"e{i:03}": [(i % 3 == 0,)] for i in range(30)}
    right = {f"e{i:03}": [(i % 3 == 0 or i % 2 == 0,)] for i in range(30)}
    keep({"a": left, "b": right}, points=(5,))
    (contrast,) = compared(tmp_path, "a", "b").contrasts
    found = contrast.mcnemar
    assert found is not None
    assert (found.only_a, found.only_b) == (10, 0)
    assert found.p == pytest.approx(scipy.stats.binomtest(0, 10).pvalue)
    metric = sides_of(tmp_path, "a")[0].result.metrics["overall_score"]
    assert metric.wilson_ci95 is None  # a rubric's score is no share, whatever its values are


def test_equivalence_needs_a_margin(keep: Any, tmp_path: Path) -> None:
    """The same answers are equivalent within a point; without margin nothing is claimed."""
    answers = drawn(1, 20)
    nearly = {**answers, "e000": [bits(0)], "e001": [bits(1)]}
    keep({"a": answers, "b": nearly})
    assert compared(tmp_path, "a", "b").contrasts[0].equivalence is None
    found = compared(tmp_path, "a", "b", margin=0.2).contrasts[0].equivalence
    assert found is not None
    assert found.equivalent
    with pytest.raises(InputError, match="--margin"):
        compared(tmp_path, "a", "b", margin=-1.0)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> list[Side]:
    """Runs with random verdicts, three on each number of examples from 2 to 20."""
    folder = tmp_path_factory.mktemp("imported")
    rng = np.random.default_rng(0)
    rows = [
        {
            "run": f"r{number:02}",
            "prompt_id": f"e{example}",
            "prompt": [{"role": "user", "content": f"q{example}"}],
            "rubrics": [{"criterion": "c", "points": p, "tags": []} for p in POINTS],
            "example_tags": [],
            "response": "x",
            "grader": "g",
            "criteria_met": [bool(x) for x in rng.integers(0, 2, len(POINTS))],
            "explanations": [""] * len(POINTS),
        }
        for number in range(57)
        for example in range(2 + number // 3)
    ]
    write_rows(folder / "f.jsonl", rows)
    command = ["import", "graded", str(folder / "f.jsonl"), "--benchmark", "healthbench"]
    assert main([*command, "--store", str(folder / "p.db")]) == 0
    return sides_of(folder, "r*")


@settings(max_examples=24)  # each is two comparisons
@given(first=st.integers(0, 56), second=st.integers(0, 56))
def test_a_comparison_turned_round_changes_sign(
    first: int, second: int, imported: list[Side]
) -> None:
    """A against B is minus B against A, with the same p and the win rates adding up to one."""
    assume(first != second)
    a, b = imported[first], imported[second]
    (one,) = preceptor.compare([a, b]).contrasts
    (other,) = preceptor.compare([b, a]).contrasts
    assert one.overall.difference == pytest.approx(-(other.overall.difference or 0.0))
    assert one.overall.p == pytest.approx(other.overall.p) if one.overall.p is not None else True
    if one.win_rate is not None and other.win_rate is not None:
        assert one.win_rate.rate + other.win_rate.rate == pytest.approx(1)


@pytest.mark.parametrize(
    ("texts", "options", "says"),
    [
        (["a"], {}, "expected two or more sides, found only 'a'"),
        (["x=a", "x=b"], {}, "two sides have this name"),
    ],
)
def test_bad_comparisons(
    keep: Any, tmp_path: Path, texts: list[str], options: dict[str, Any], says: str
) -> None:
    """One line says what is wrong with the sides."""
    keep({"a": drawn(1, 3), "b": drawn(2, 3)})
    with pytest.raises(InputError, match=says):
        compared(tmp_path, *texts, **options)


# Reliability, length, planning, estimating


def test_reliability_of_known_answers(keep: Any, tmp_path: Path) -> None:
    """Worst and best of k from three answers each, by hand."""
    answers = {"e0": [bits(0), bits(3), bits(6)], "e1": [bits(2)] * 3, "e2": [bits(9)]}
    keep({"a": answers})
    found = reliability(sides_of(tmp_path, "a")[0])
    assert found is not None
    assert (found.n, found.left_out, found.answers, found.repeated) == (2, 1, 6, 2)
    # e0: pairs (0, 3), (0, 6), (3, 6).
    assert found.worst == pytest.approx([0.25, (0.1 + 0.2) / 2, (0.0 + 0.2) / 2])
    assert found.best == pytest.approx([0.25, (0.5 + 0.2) / 2, (0.6 + 0.2) / 2])
    assert found.changed == 0.5
    assert found.within_sd == pytest.approx(np.sqrt((0.09 + 0) / 2))
    with pytest.raises(InputError, match="at most 3 answers to an example of 'a', found 4"):
        reliability(sides_of(tmp_path, "a")[0], 4)


def test_no_reliability_without_repeats(keep: Any, tmp_path: Path, capsys: Any) -> None:
    """One answer each: nothing is claimed, and the command says what to do."""
    keep({"a": drawn(1, 4)})
    assert reliability(sides_of(tmp_path, "a")[0]) is None
    assert main(["reliability", "a", "--store", str(tmp_path / "p.db")]) == 2
    assert "no example was answered twice" in capsys.readouterr().err


def test_the_price_of_length_from_levels(keep: Any, tmp_path: Path) -> None:
    """Two levels of verbosity 1,000 characters apart and 4 points: 2 points for each 500."""
    keep({"a": {"e0": [bits(1)]}, "b": {"e0": [bits(5)]}}, length={"a": 1000, "b": 2000})
    sides = sides_of(tmp_path, "m/brief=a", "m/long=b")
    assert lengths(sides).penalty is None
    found = lengths(sides, levels=True)
    assert found.penalty is not None
    assert found.penalty.per_500 == pytest.approx(0.2)
    assert found.rule_per_500 == pytest.approx(0.0299)
    assert (found.penalty_ci95, found.penalty_examples) == (None, 1)


def test_the_price_of_length_has_an_interval_over_examples(keep: Any, tmp_path: Path) -> None:
    """The slope of each resample of the examples, computed one by one, gives the same interval."""
    short, long = drawn(1, 40, high=4), drawn(2, 40)
    keep({"a": short, "b": long}, length={"a": 1000, "b": 2000})
    found = lengths(sides_of(tmp_path, "m/brief=a", "m/long=b"), levels=True)
    difference = means(long) - means(short)
    rng = np.random.default_rng(5)
    slopes = [difference[rng.integers(0, 40, 40)].mean() / 2 for _ in range(4000)]
    assert found.penalty_examples == 40
    assert found.penalty_ci95 == pytest.approx(np.quantile(slopes, (0.025, 0.975)), abs=0.006)


def test_a_plan_from_two_pilots_uses_their_differences(keep: Any, tmp_path: Path) -> None:
    """The pilot's own size shows the difference that is detectable, with the power asked for."""
    keep({"a": drawn(1, 50, repeats=2), "b": drawn(2, 50, repeats=2)})
    sides = sides_of(tmp_path, "a", "b")
    made = plan(sides, difference=0.05, repeats=[1, 2], powers=[0.8])
    assert [one.repeats for one in made.needed] == [1, 2]
    assert made.needed[0].examples is not None
    assert made.needed[1].examples is not None
    assert made.needed[0].examples > made.needed[1].examples
    again = plan(sides, difference=made.detectable[0].difference or 0, repeats=[1], powers=[0.8])
    assert again.needed[0].examples in (50, 51)
    alone = plan(sides[:1], difference=0.05, powers=[0.8])
    assert alone.correlation == 0.0
    assert "correlation of 0" in alone.notes[0]


def test_a_plan_from_single_answers_is_silent_on_repeats(keep: Any, tmp_path: Path) -> None:
    """What was asked once cannot tell what asking twice would gain."""
    keep({"a": drawn(1, 50)})
    made = plan(sides_of(tmp_path, "a"), difference=0.05)
    assert {one.repeats for one in made.needed} == {1}
    assert "unknown" in made.notes[-1]


def test_an_estimate_with_a_perfect_control_is_exact(keep: Any, tmp_path: Path) -> None:
    """A control that is the score itself gives the mean over all examples from a few."""
    whole = drawn(1, 60)
    keep({"all": whole, "some": {name: whole[name] for name in list(whole)[:9]}})
    some, all_ = sides_of(tmp_path, "some", "all")
    found = estimate(some, all_)
    assert (found.n, found.n_total) == (9, 60)
    assert found.controlled.value == pytest.approx(means(whole).mean())
    assert found.plain.value == pytest.approx(means(whole)[:9].mean())
    with pytest.raises(InputError, match="three common scored examples or more"):
        estimate(some, _with(all_, pool([all_.result], "x"), only=2))


def _with(side: Side, result: Result, only: int) -> Side:
    import msgspec

    few = msgspec.structs.replace(result, graded=result.graded[:only], scores=result.scores[:only])
    return msgspec.structs.replace(side, result=few)


def test_no_reweighting_without_enrichment(keep: Any, tmp_path: Path) -> None:
    """A run of a plain sample has no reweighted score."""
    keep({"a": drawn(1, 4)})
    result = sides_of(tmp_path, "a")[0].result
    assert reweighted(result) is None
    assert "overall_score_reweighted" not in result.metrics


def test_the_enrichment_of_a_sample_is_undone(keep: Any, tmp_path: Path) -> None:
    """Half of the sample is a tenth of the benchmark: reweighted, it counts a tenth."""
    answers = {f"e{i}": [bits(2 if i < 4 else 8)] for i in range(8)}
    keep({"a": answers})
    result = sides_of(tmp_path, "a")[0].result
    result.info.settings.stratify = Strata(
        by="theme:all",
        factor=9.0,
        strata={"rich": Stratum(10, 4), "other": Stratum(90, 4)},
        rich=[f"e{i}" for i in range(4)],
    )
    found = reweighted(result)
    assert found is not None
    assert found.raw_mean == pytest.approx(0.1 * 0.2 + 0.9 * 0.8)
    assert result.metrics["overall_score"].raw_mean == pytest.approx(0.5)
    assert found.n == 8


# Correcting


def judged(seed: int, n: int, kind: float, strict: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a strong grader says, and a cheap one that errs with these chances."""
    rng = np.random.default_rng(seed)
    strong, cheap = {}, {}
    for i in range(n):
        true = rng.random(len(POINTS)) < 0.55
        flip = rng.random(len(POINTS)) < np.where(true, strict, kind)
        strong[f"e{i:03}"] = [tuple(bool(x) for x in true)]
        cheap[f"e{i:03}"] = [tuple(bool(x) for x in true ^ flip)]
    return strong, cheap


def test_labels_on_some_answers_correct_a_lenient_grader(keep: Any, tmp_path: Path) -> None:
    """The corrected interval holds the strong grader's score; the lenient grader's does not."""
    strong, cheap = judged(3, 240, kind=0.35, strict=0.02)
    keep({"cheap": cheap}, grader="cheap")
    keep({"some": {name: strong[name] for name in list(strong)[::4]}}, grader="strong")
    some, all_ = sides_of(tmp_path, "some", "cheap")
    found = correct(all_, some, half_width=0.02, count=5)
    truth = means(strong).mean()
    assert (found.examples, found.labelled, found.unmatched) == (240, 60, 0)
    assert found.corrected is not None
    assert found.corrected.run_ci95 is not None
    assert found.labels_alone is not None
    assert found.labels_alone.run_ci95 is not None
    assert found.corrected.run_ci95[0] < truth < found.corrected.run_ci95[1]
    assert found.cheap_ci95 is not None
    assert not found.cheap_ci95[0] < truth < found.cheap_ci95[1]
    alone = found.labels_alone.run_ci95[1] - found.labels_alone.run_ci95[0]
    assert found.corrected.run_ci95[1] - found.corrected.run_ci95[0] < alone
    assert found.calibrated == pytest.approx(truth, abs=0.06)
    assert found.calibrated_ci95 is not None
    assert found.calibrated_ci95[0] < truth < found.calibrated_ci95[1]
    for share in found.shares:
        assert share.corrected is not None
        assert share.corrected.ci95[0] < 0.55 < share.corrected.ci95[1]
        assert share.cheap > 0.6
    assert found.needed is not None
    assert 60 < found.needed < 240
    labelled = set(list(strong)[::4])
    assert len(found.next_items) == 5
    assert all(item.example_id not in labelled for item in found.next_items)


def test_all_labelled_is_the_strong_score(keep: Any, tmp_path: Path) -> None:
    """With every answer labelled there is nothing to estimate: the strong score, without error."""
    strong, cheap = judged(4, 30, kind=0.3, strict=0.1)
    keep({"cheap": cheap}, grader="cheap")
    keep({"strong": strong}, grader="strong")
    found = correct(*sides_of(tmp_path, "cheap", "strong"))
    assert found.corrected is not None
    assert found.corrected.value == pytest.approx(means(strong).mean())
    assert found.corrected.run_se == pytest.approx(0.0, abs=1e-12)


def test_labels_of_other_answers_correct_nothing(keep: Any, tmp_path: Path, capsys: Any) -> None:
    """Another text is another answer: refused in one line that says how to get the same."""
    strong, cheap = judged(4, 5, kind=0.3, strict=0.1)
    keep({"cheap": cheap}, grader="cheap", length={"cheap": 100})
    keep({"strong": strong}, grader="strong", length={"strong": 200})
    store = str(tmp_path / "p.db")
    assert main(["correct", "cheap", "--labels", "strong", "--store", store]) == 2
    assert "replay:FILE" in capsys.readouterr().err


def test_the_table_of_a_correction(keep: Any, tmp_path: Path, capsys: Any) -> None:
    """The command prints the three scores, the next verdicts, and what it takes for granted."""
    strong, cheap = judged(5, 40, kind=0.3, strict=0.1)
    keep({"cheap": cheap}, grader="cheap")
    keep({"some": {name: strong[name] for name in list(strong)[:20]}}, grader="strong")
    capsys.readouterr()
    command = ["correct", "cheap", "--labels", "some", "--next", "3", "--half-width", "3"]
    assert main([*command, "--store", str(tmp_path / "p.db")]) == 0
    out, err = capsys.readouterr()
    assert "corrected (prediction-powered)" in out
    assert "To label next" in out
    assert "random sample" in err
