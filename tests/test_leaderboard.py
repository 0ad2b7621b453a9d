"""Leaderboards of made-up runs against enumeration, and of real ones against their files."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from data_fixtures import HEALTHBENCH, graded, needs_data, read_lines, write_rows
from preceptor import benchmarks
from preceptor.analysis.leaderboard import Leaderboard, Standing, leaderboard
from preceptor.benchmarks import published
from preceptor.cli import main
from preceptor.errors import InputError
from preceptor.records import Criterion, Example, Message, Result, RunInfo, RunSettings, Usage
from preceptor.reports.leaderboard import (
    leaderboard_json,
    leaderboard_sentences,
    leaderboard_tables,
    published_rows,
)
from preceptor.statistics import score_interval

PAGE = Path(__file__).parent.parent / "docs" / "leaderboard.md"
KNOWN = {"system_parameters": {}, "grader_parameters": {}}


def task(name: str, prompt: str | None = None) -> Example:
    """Ten wanted things of one point each, so that a score is a tenth of what is met."""
    criteria = tuple(Criterion(f"made-up thing {index}", 1) for index in range(10))
    return Example(name, (Message("user", prompt or f"made-up question {name}"),), criteria)


def made_run(
    system: str,
    scores: Mapping[str, Sequence[int | None]],
    benchmark: str = "healthbench",
    *,
    grader: str = "openai/gpt-4.1-2025-04-14",
    name: str = "",
    prompts: Mapping[str, str] | None = None,
    lengths: Mapping[str, int] | None = None,
    departures: Sequence[str] = (),
    **settings: Any,
) -> Result:
    """Example → criteria met of ten, repeat by repeat; None is an answer without any verdict."""
    items = [
        graded(
            task(key, (prompts or {}).get(key)),
            [None] * 10 if met is None else [index < met for index in range(10)],
            repeat,
            "x" * (lengths or {}).get(key, 2000),
        )
        for key, each in scores.items()
        for repeat, met in enumerate(each)
    ]
    protocol = benchmarks.get(benchmark).protocol
    made = [protocol.score(item) for item in items]
    examples = [item.example for item in items if item.repeat == 0]
    missing = 10 * sum(met is None for each in scores.values() for met in each)
    info = RunInfo(
        name or f"{benchmark}-{system}-{grader}",
        benchmark,
        system,
        grader,
        "done",
        "2026-01-01T00:00:00+00:00",
        RunSettings.of({**KNOWN, **settings}),
        len(scores),
    )
    return Result(
        info=info,
        title=benchmarks.get(benchmark).title,
        labels={},
        graded=items,
        scores=made,
        metrics=protocol.summarise(made, examples),
        departures=list(departures),
        notes=[],
        coverage=1 - missing / (10 * len(items)),
        verdicts=10 * len(items),
        ungraded={"timeout": missing} if missing else {},
        cost_usd=None,
        system_usage=Usage(),
        grader_usage=Usage(),
        slices=benchmarks.get(benchmark).slices,
    )


def plain(scores: Sequence[int], first: int = 0) -> dict[str, list[int]]:
    return {f"e{index}": [score] for index, score in enumerate(scores, start=first)}


def ranked(board: Leaderboard) -> list[str]:
    return [standing.system for standing in board.standings]


def said(board: Leaderboard, *words: str) -> bool:
    return any(all(word in text for word in words) for text in board.sentences)


def of(board: Leaderboard, system: str) -> Standing:
    return next(standing for standing in board.standings if standing.system == system)


# Scores


def test_runs_of_one_system_are_repeats() -> None:
    """Two runs are pooled: the cell is the mean over examples of the mean of the repeats."""
    first = made_run("a", {"e0": [2], "e1": [6], "e2": [9]}, name="r1")
    second = made_run("a", {"e0": [4], "e1": [6]}, name="r2")
    board = leaderboard([first, second, made_run("b", plain([1, 1, 1]))], resamples=100)
    cell = of(board, "a").cells["healthbench"]
    table = np.array([[0.2, 0.4], [0.6, 0.6], [0.9, np.nan]])
    mean, interval = score_interval(table, span=(0.0, 1.0))
    assert cell.raw_mean == pytest.approx(mean)
    assert cell.raw_ci95 == pytest.approx(interval)
    assert (cell.n, cell.answers, cell.runs) == (3, 5, ("r1", "r2"))
    assert ranked(board) == ["a", "b"]


def test_length_adjusted_scores_can_be_ranked() -> None:
    """A long answer loses 2.99 points for each 500 characters; the order turns round."""
    runs = [
        made_run("long", plain([6, 7, 8]), lengths={f"e{i}": 4000 for i in range(3)}),
        made_run("short", plain([6, 6, 7])),
    ]
    assert ranked(leaderboard(runs, resamples=100)) == ["long", "short"]
    board = leaderboard(runs, adjusted=True, resamples=100)
    assert ranked(board) == ["short", "long"]
    assert board.metric == "overall_score_length_adjusted"
    cell = of(board, "long").cells["healthbench"]
    assert cell.raw_mean == pytest.approx(0.7 - 4 * 0.0299)


def test_an_example_with_an_open_verdict_is_not_in_the_score() -> None:
    """Only complete scores count; how much was graded is said."""
    runs = [
        made_run("a", {"e0": [2], "e1": [None], "e2": [4]}),
        made_run("b", plain([1, 10, 1])),
    ]
    board = leaderboard(runs, resamples=100)
    cell = of(board, "a").cells["healthbench"]
    assert (cell.n, cell.raw_mean, cell.coverage) == pytest.approx((2, 0.3, 2 / 3))
    assert of(board, "b").cells["healthbench"].raw_mean == pytest.approx(0.1)
    assert said(board, "compared on the 2 examples", "of 3")
    assert said(board, "completely graded answers only", "a on healthbench", "66.7%")


def test_departures_and_cautions_stand_beside_the_scores() -> None:
    """Each once, with the number of systems of which it is true."""
    runs = [
        made_run("a", plain([1, 2]), "starter", departures=["Made-up departure.", "Both."]),
        made_run("b", plain([1, 3]), "starter", departures=["Both."]),
    ]
    board = leaderboard(runs, resamples=100)
    assert "starter, 1 of 2 systems: Made-up departure." in board.sentences
    assert "starter: Both." in board.sentences
    assert said(board, "Starter was not written by physicians")


# Who is compared with whom


def test_graders_are_never_mixed() -> None:
    """A benchmark is compared under the grader of most systems; the others' scores are listed."""
    runs = [
        made_run("a", plain([1, 2, 3]), grader="kind"),
        made_run("b", plain([2, 2, 3]), grader="kind"),
        made_run("b", plain([9, 9, 9]), grader="openai/gpt-4.1-2025-04-14"),
        made_run("c", plain([8, 9, 9]), grader="strict"),
    ]
    board = leaderboard(runs, resamples=100)
    assert ranked(board) == ["b", "a"]
    assert [column.grader for column in board.columns] == ["kind"]
    assert {(item.system, item.grader, item.reason) for item in board.left_out} == {
        ("b", "openai/gpt-4.1-2025-04-14", "other grader"),
        ("c", "strict", "other grader"),
    }
    assert board.left_out[1].value == pytest.approx(26 / 30)
    assert said(board, "left out", "graded by strict", ": c.")


def test_results_need_no_metrics_to_be_ranked() -> None:
    """The board is the same without them: pooled runs, single runs, and those left out."""
    runs = [
        made_run("a", plain([1, 2, 3]), name="r1"),
        made_run("a", plain([2, 2, 3]), name="r2"),
        made_run("b", plain([4, 4, 5])),
        made_run("c", plain([8, 9, 9]), grader="strict"),
        made_run("d", plain([1, 2], first=50)),
    ]
    bare = [msgspec.structs.replace(run, metrics={}) for run in runs]
    board = leaderboard(runs, resamples=100)
    assert len(board.left_out) == 2
    assert leaderboard(bare, resamples=100) == board


def test_of_two_graders_with_as_many_systems_the_authors_is_taken() -> None:
    """The reference grader of the benchmark decides, not the order or the number of answers."""
    runs = [
        made_run("a", plain([1, 2, 3]), grader="zealous"),
        made_run("a", plain([2, 2]), grader="openai/gpt-4.1-2025-04-14"),
    ]
    board = leaderboard(runs, resamples=100)
    assert board.columns[0].grader == "openai/gpt-4.1-2025-04-14"


def test_another_grading_prompt_is_another_grader() -> None:
    """The same address with another prompt or parameter, or with unstated ones, is not mixed."""
    one = {"template": {"name": "reference", "sha256": "a" * 64}}
    two = {"template": {"name": "preceptor", "sha256": "b" * 64}}
    runs = [
        made_run("a", plain([1, 2]), name="r1", **one),
        made_run("b", plain([2, 2]), name="r2", **one),
        made_run("c", plain([9, 9]), name="r3", **two),
        made_run("d", plain([9, 9]), name="r4", grader_parameters={"temperature": 0}, **one),
    ]
    board = leaderboard(runs, resamples=100)
    assert ranked(board) == ["b", "a"]
    assert board.columns[0].grader == "openai/gpt-4.1-2025-04-14 [prompt=reference aaaaaaaa]"
    assert [item.system for item in board.left_out] == ["c", "d"]
    imported = msgspec.structs.replace(runs[0].info, settings=RunSettings(), system="e", name="r5")
    board = leaderboard([*runs[:2], msgspec.structs.replace(runs[0], info=imported)], resamples=100)
    assert [item.grader for item in board.left_out] == [
        "openai/gpt-4.1-2025-04-14 [parameters=not stated]"
    ]


def test_other_parameters_are_another_system() -> None:
    """Where runs on one benchmark differ in parameters they are rows of their own, named by them;
    where the parameters differ between benchmarks only, the system is one row."""
    low = {"system_parameters": {"reasoning_effort": "low", "seed": 1}}
    high = {"system_parameters": {"reasoning_effort": "high", "seed": 1, "system_prompt": "y" * 99}}
    runs = [
        made_run("a", plain([1, 2]), name="r1", **low),
        made_run("a", plain([7, 8]), name="r2", **high),
        made_run("b", plain([3, 4]), name="r3", **low),
        made_run("b", plain([3, 4]), "healthbench-hard", name="r4", **high),
    ]
    board = leaderboard(runs, resamples=100)
    assert ranked(board) == [
        f"a [reasoning_effort=high, system_prompt={'y' * 23}…]",
        "b",
        "a [reasoning_effort=low]",
    ]
    assert list(of(board, "b").cells) == ["healthbench", "healthbench-hard"]


def test_runs_with_other_rubrics_are_not_pooled() -> None:
    """One error that names the runs, and what to do."""
    other = made_run("a", plain([1, 2]), name="r2", prompts={"e0": "another made-up question"})
    with pytest.raises(InputError, match=r"'r2' has another rubric.*name the runs that belong"):
        leaderboard([made_run("a", plain([1, 2]), name="r1"), other])
    with pytest.raises(InputError, match="at least one run"):
        leaderboard([])


# On which examples


def test_systems_are_compared_on_common_examples() -> None:
    """At least half of the examples are common: the scores of all systems are over them."""
    runs = [made_run("a", plain([1, 2, 3, 9])), made_run("b", plain([2, 3, 4], first=0))]
    board = leaderboard(runs, resamples=100)
    assert of(board, "a").cells["healthbench"].raw_mean == pytest.approx(0.2)
    column = board.columns[0]
    assert (column.examples, column.common, column.compared) == (4, 3, "common")
    assert said(board, "compared on the 3 examples that all 2 systems have, of 4")


def test_with_few_common_examples_each_is_on_its_own() -> None:
    """Less than half are common: each score is over what the system has, and that is said."""
    runs = [made_run("a", plain([1, 2, 3, 4])), made_run("b", plain([6, 6, 6, 6], first=3))]
    board = leaderboard(runs, resamples=100)
    assert of(board, "a").cells["healthbench"].raw_mean == pytest.approx(0.25)
    column = board.columns[0]
    assert (column.examples, column.common, column.compared) == (7, 1, "own")
    assert said(board, "1 of 7 examples in common", "differ in difficulty")


def test_a_system_with_few_examples_does_not_take_those_of_the_others() -> None:
    """Two systems have all ten; one with two would leave two in common: it is left out."""
    runs = [
        made_run("a", plain([1] * 10)),
        made_run("b", plain([2] * 10)),
        made_run("c", plain([10] * 2)),
    ]
    board = leaderboard(runs, resamples=100)
    assert ranked(board) == ["b", "a"]
    assert [(item.system, item.reason, item.n) for item in board.left_out] == [
        ("c", "few examples", 2)
    ]
    assert said(board, "less than half of the examples", "c")
    more = leaderboard([*runs, *(made_run(f"d{i}", plain([5] * 2)) for i in range(3))])
    assert (more.columns[0].compared, len(more.standings)) == ("own", 6)


def test_runs_of_own_tasks_leave_the_others_where_they_are() -> None:
    """Two systems also ran more and longer tasks of their own: the others keep their scores."""
    full = [
        made_run(name, plain([score] * 4)) for name, score in zip("abc", (1, 2, 3), strict=True)
    ]
    own = [made_run(name, plain([9] * 40, first=100), name=f"{name}-own") for name in "ab"]
    board = leaderboard([*own, *full], resamples=100)
    assert ranked(board) == ["c", "b", "a"]
    assert [standing.cells["healthbench"].raw_mean for standing in board.standings] == (
        pytest.approx([0.3, 0.2, 0.1])
    )
    assert [(item.runs, item.reason) for item in board.left_out] == [
        (("a-own",), "other examples"),
        (("b-own",), "other examples"),
    ]
    assert said(board, "asked other examples", "a, b")


def test_own_tasks_under_the_same_ids_are_other_examples() -> None:
    """A user's own file may count its tasks from 1 as the release does."""
    prompts = {f"e{number}": f"own made-up task {number}" for number in range(4)}
    own = made_run("a", plain([9] * 4), name="own", prompts=prompts)
    board = leaderboard([made_run("a", plain([1] * 4)), made_run("b", plain([2] * 4)), own])
    assert ranked(board) == ["b", "a"]


def test_a_run_without_verdicts_has_no_say_in_what_is_compared() -> None:
    """Three systems whose grader failed do not make it the grader of the benchmark."""
    failed = [made_run(name, {"e0": [None]}, grader="broken") for name in "cde"]
    board = leaderboard([*failed, made_run("a", plain([1, 2])), made_run("b", plain([2, 3]))])
    assert ranked(board) == ["b", "a"]


def test_one_id_with_two_texts_is_two_examples() -> None:
    """A system that was asked another question under the same id is not compared on it."""
    runs = [
        made_run("a", plain([1, 2, 3])),
        made_run("b", plain([2, 3, 9]), prompts={"e2": "another made-up question"}),
    ]
    board = leaderboard(runs, resamples=100)
    assert (board.columns[0].examples, board.columns[0].common) == (4, 2)
    assert of(board, "b").cells["healthbench"].raw_mean == pytest.approx(0.25)


# Ranks


def test_intervals_of_ranks_are_those_of_all_resamples() -> None:
    """Four examples have 256 resamples: their enumeration gives the same 95 % interval."""
    scores = {"a": [5, 6, 4, 7], "b": [4, 6, 6, 5], "c": [1, 7, 2, 5], "d": [0, 1, 0, 1]}
    table = np.array(list(scores.values())) / 10
    drawn = np.array(
        [table[:, list(d)].mean(axis=1) for d in itertools.product(range(4), repeat=4)]
    )
    drawn = drawn.round(9)
    places = 1 + (drawn[:, None, :] > drawn[:, :, None]).sum(axis=2)
    shared = places + ((drawn[:, None, :] == drawn[:, :, None]).sum(axis=2) - 1) / 2
    board = leaderboard([made_run(s, plain(each)) for s, each in scores.items()], resamples=20_000)
    for index, system in enumerate(scores):
        standing = of(board, system)
        # No probability of the enumeration is so near to 2.5 % that it could fall either way.
        low, high = np.quantile(places[:, index], [0.025, 0.975], method="inverted_cdf")
        assert standing.rank_ci95 == (low, high)
        low, high = np.quantile(shared[:, index], [0.025, 0.975], method="inverted_cdf")
        point = standing.mean_rank
        assert point is not None
        mirror = (2 * point - high, 2 * point - low)
        assert standing.mean_rank_ci95 == (
            max(1, min(low, mirror[0])),
            min(4, max(high, mirror[1])),
        )
    assert ranked(board) == ["a", "b", "c", "d"]


def test_the_draw_is_the_same_for_all_systems() -> None:
    """b is always a little ahead of a, whatever is drawn, though their intervals overlap."""
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 10, size=60).tolist()
    runs = [made_run("a", plain(scores)), made_run("b", plain([score + 1 for score in scores]))]
    board = leaderboard(runs)
    low_b = of(board, "b").cells["healthbench"].raw_ci95
    high_a = of(board, "a").cells["healthbench"].raw_ci95
    assert low_b is not None
    assert high_a is not None
    assert low_b[0] < high_a[1]
    assert of(board, "b").rank_ci95 == (1, 1)
    assert of(board, "a").mean_rank_ci95 == (2, 2)


def test_examples_of_one_prompt_are_drawn_together() -> None:
    """With four examples of one prompt there is nothing to resample: ranks without interval."""
    one = {f"e{i}": "the same made-up question" for i in range(4)}
    runs = [
        made_run("a", plain([1, 9, 1, 9]), prompts=one),
        made_run("b", plain([5] * 4), prompts=one),
    ]
    board = leaderboard(runs, resamples=100)
    assert {standing.rank_ci95 for standing in board.standings} == {None}
    assert said(board, "no interval", "single prompt")
    two = one | {"e3": "another made-up question"}
    runs = [
        made_run("a", plain([9, 9, 9, 1]), prompts=two),
        made_run("b", plain([5] * 4), prompts=two),
    ]
    board = leaderboard(runs, resamples=2000)
    # A quarter of the resamples has the second prompt alone, so b is first in more than 2.5 %.
    assert of(board, "a").rank_ci95 == (1, 2)


def test_equal_systems_share_the_rank() -> None:
    """The same answers twice: the same rank, strength and interval, whatever is drawn."""
    rng = np.random.default_rng(1)
    scores = plain(rng.integers(0, 11, size=30).tolist())
    runs = [made_run(name, scores) for name in "ab"] + [made_run("c", plain([0] * 30))]
    board = leaderboard(runs)
    first, second, third = board.standings
    assert (first.rank, second.rank, third.rank) == (1, 1, 3)
    assert first.rank_ci95 == second.rank_ci95 == (1, 1)
    assert first.mean_rank == second.mean_rank == 1.5
    assert first.strength == second.strength
    assert first.cells["healthbench"].place == 1.5


def test_a_win_over_the_strong_counts_for_more() -> None:
    """c beats the winner of another benchmark; d beats its loser. By strength c is ahead of d."""
    runs = [
        *(made_run(s, plain(each)) for s, each in {"a": [9, 9], "b": [5, 5], "e": [1, 1]}.items()),
        *(
            made_run(s, plain(each), "healthbench-hard")
            for s, each in {"c": [6, 6], "a": [5, 5]}.items()
        ),
        *(made_run(s, plain(each), "starter") for s, each in {"d": [6, 6], "e": [5, 5]}.items()),
    ]
    board = leaderboard(runs, resamples=100)
    c, d = of(board, "c"), of(board, "d")
    assert c.rank is not None
    assert d.rank is not None
    assert c.rank < d.rank
    assert c.mean_rank == d.mean_rank == 1
    assert said(board, "5 of 10 pairs of systems share no benchmark")


def test_systems_that_never_met_are_not_ranked_together() -> None:
    """Two parts have ranks of their own, the larger first; a system alone has none."""
    runs = [
        made_run("a", plain([1, 2]), "starter"),
        made_run("b", plain([3, 4]), "starter"),
        made_run("c", plain([1, 2])),
        made_run("d", plain([3, 4])),
        made_run("e", plain([3, 5])),
        made_run("f", plain([3, 5]), "healthbench-hard"),
    ]
    board = leaderboard(runs, resamples=100)
    found = [(s.system, s.part, s.rank) for s in board.standings]
    assert found == [
        ("e", 1, 1),
        ("d", 1, 2),
        ("c", 1, 3),
        ("b", 2, 1),
        ("a", 2, 2),
        ("f", 3, None),
    ]
    lonely = of(board, "f")
    assert (lonely.strength, lonely.mean_rank, lonely.rank_ci95) == (None, None, None)
    assert lonely.cells["healthbench-hard"].place == 1
    assert said(board, "2 groups without a benchmark in common")
    assert said(board, "Not ranked", "f")


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"),
            st.sampled_from(["healthbench", "starter", "healthbench-hard"]),
            st.lists(st.integers(0, 10), min_size=1, max_size=4),
        ),
        min_size=1,
        max_size=7,
        unique_by=lambda run: run[:2],
    )
)
def test_every_board_is_in_order_and_within_its_intervals(
    runs: list[tuple[str, str, list[int]]],
) -> None:
    """Whatever is missing: ranks rise within a part, and no interval misses its point."""
    board = leaderboard([made_run(s, plain(each), b) for s, b, each in runs], resamples=50)
    found = [(s.system, name) for s in board.standings for name in s.cells]
    found += [(item.system, item.benchmark) for item in board.left_out]
    assert sorted(found) == sorted((system, name) for system, name, _ in runs)
    keys = [(s.part, s.rank or 0) for s in board.standings]
    assert keys == sorted(keys)
    for standing in board.standings:
        for point, interval in (
            (standing.rank, standing.rank_ci95),
            (standing.strength, standing.strength_ci95),
            (standing.mean_rank, standing.mean_rank_ci95),
        ):
            if point is not None and interval is not None:
                assert interval[0] <= point <= interval[1]


def test_the_order_of_the_runs_and_the_seed_do_not_matter() -> None:
    """The same board again; with another seed the same ranks and scores."""
    runs = [made_run(s, plain([i, 9 - i, 3, i])) for i, s in enumerate("abcd")]
    board, again = leaderboard(runs, resamples=300), leaderboard(runs[::-1], resamples=300)
    assert board.standings == again.standings
    other = leaderboard(runs, resamples=300, seed=1)
    assert [(s.system, s.rank) for s in board.standings] == [
        (s.system, s.rank) for s in other.standings
    ]


# What others published


def test_published_scores_are_of_our_benchmarks_and_complete() -> None:
    """Every row has a known benchmark, a score from 0 to 1 and a source; none is there twice."""
    rows = published.rows()
    known = {benchmark.name for benchmark in benchmarks.all_benchmarks()}
    assert {row.benchmark for row in rows} <= known
    assert all(0 < row.score < 1 and row.source for row in rows)
    keys = [(row.system, row.benchmark, row.metric, row.source) for row in rows]
    assert len(keys) == len(set(keys))
    professional = {
        row.system: row.score
        for row in published.rows("healthbench-professional")
        if "2604.27470" in row.source
    }
    assert professional["Physicians"] == 0.437
    assert professional["ChatGPT for Clinicians (GPT-5.4)"] == 0.59
    assert published.rows("no such benchmark") == []


@needs_data
def test_published_scores_are_those_of_the_tables() -> None:
    """Each number of the transcribed tables is there, and no other from these sources."""
    tables = msgspec.json.decode((HEALTHBENCH / "published_tables.json").read_bytes())
    cards = tables["system_cards_pct"]["rows_adjusted_unadjusted_meanchars"]
    names = {"HealthBench": "healthbench"} | {
        name: f"healthbench-{name.lower()}" for name in ("Hard", "Consensus", "Professional")
    }
    expected = {
        (system, names[benchmark], metric): value
        for system, each in cards.items()
        for benchmark, (adjusted, raw, _) in each.items()
        for metric, value in (("adjusted", adjusted), ("raw", raw))
    }
    found: dict[str, dict[tuple[str, str, str], float]] = defaultdict(dict)
    for row in published.rows():
        found[row.source][row.system, row.benchmark, row.metric] = 100 * row.score
    assert found["OpenAI system cards"] == pytest.approx(expected)
    paper = tables["healthbench"]
    means = {s: 100 * v["mean"] for s, v in paper["table7_16_runs"].items()}
    for source, benchmark, values in (
        ("arXiv 2505.08775, table 7 (mean of 16 runs)", "healthbench", means),
        (
            "arXiv 2505.08775, table 8",
            "healthbench-consensus",
            {s: 100 * v for s, v in paper["table8_consensus"]["overall"].items()},
        ),
    ):
        assert found[source] == pytest.approx({(s, benchmark, "raw"): v for s, v in values.items()})


# What is printed


def text_of(board: Leaderboard, width: int, rows: Sequence[published.PublishedScore] = ()) -> str:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        for table in leaderboard_tables(board, rows, width=width):
            console.print(table)
    return console.export_text()


def wide_board() -> Leaderboard:
    names = ["healthbench", "healthbench-hard", "healthbench-consensus", "starter"]
    systems = ["http://gpu-host-12:8000/v1#organisation/model-70b [bold]", "b\x1b[31m", "c", "d"]
    rng = np.random.default_rng(2)
    return leaderboard(
        [
            made_run(system, plain(rng.integers(0, 11, size=12).tolist()), name)
            for system in systems
            for name in names
            if (system, name) != ("c", "starter")
        ],
        resamples=100,
    )


@pytest.mark.parametrize("width", [60, 80, 140, 250])
def test_tables_fit_and_lose_nothing(width: int) -> None:
    """Every score, interval, n and rank is printed in full at any width, and no name is markup."""
    board = wide_board()
    text = text_of(board, width, published_rows(board))
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    squeezed = re.sub(r"[\s│┃]+", "", text)
    for standing in board.standings:
        assert standing.rank_ci95 is not None
        low, high = standing.rank_ci95
        assert f"{standing.rank}({low}–{high})" in squeezed
        for cell in standing.cells.values():
            assert f"{100 * cell.raw_mean:.1f}" in squeezed
            assert f"n{cell.n}" in squeezed
    assert "\x1b" not in text
    assert "[bold]" in squeezed or width < 250
    assert "Published, protocol may differ: not ranked" in text
    assert all(row.system in text for row in published_rows(board)) or width < 140


def test_a_negative_mean_is_shown_as_it_is() -> None:
    """What is ranked is the mean before clipping; a sentence says so."""
    items = Example("e0", (Message("user", "q"),), (Criterion("good", 1), Criterion("bad", -2)))
    other = Example("e1", (Message("user", "p"),), items.criteria)
    base = made_run("a", plain([1, 1]))
    protocol = benchmarks.get("healthbench").protocol
    answers = [graded(each, [False, True]) for each in (items, other)]
    scores = [protocol.score(answer) for answer in answers]
    board = leaderboard([msgspec.structs.replace(base, graded=answers, scores=scores)])
    assert "−200.0" in text_of(board, 140)
    assert board.standings[0].cells["healthbench"].value == 0
    assert any("before clipping" in text for text in leaderboard_sentences(board))


def test_sentences_hold_no_control_characters() -> None:
    """A system's name reaches a terminal in printable signs only."""
    runs = [made_run("a\x1b[2J", plain([1, 2])), made_run("b", plain([1, 2]), "starter")]
    for text in leaderboard_sentences(leaderboard(runs, resamples=100)):
        assert text.isprintable()


def test_the_page_lists_the_keys_of_the_json() -> None:
    """Each table of docs/leaderboard.md has exactly the keys that are printed, in order."""
    runs = [
        made_run("a", plain([1, 2])),
        made_run("b", plain([1, 3])),
        made_run("b", plain([1]), grader="x"),
    ]
    board = leaderboard(runs, resamples=100)
    whole = msgspec.json.decode(msgspec.json.encode(leaderboard_json(board, published_rows(board))))
    real = {
        "leaderboard": whole,
        "column": whole["columns"][0],
        "standing": whole["standings"][0],
        "cell": whole["standings"][0]["cells"]["healthbench"],
        "left out": whole["left_out"][0],
        "published": whole["published"][0],
    }
    parts = re.split(r"^<!-- keys: ([\w ]+) -->$", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    described = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert list(described) == list(real)
    for name, section in described.items():
        table = section[section.index("|---") :].split("\n\n", 1)[0]
        assert re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE) == list(real[name]), name


# The command


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three systems on healthbench and two on starter, imported."""
    folder = tmp_path_factory.mktemp("leaderboard")
    for benchmark, systems in (("healthbench", "abc"), ("starter", "ab")):
        rows = [
            {
                "run": f"pilot/{benchmark}-{system}",
                "model": f"model-{system}",
                "grader": "made-up-grader",
                "prompt_id": f"e{index}",
                "prompt": [{"role": "user", "content": f"made-up question {index}"}],
                "rubrics": [
                    {"criterion": f"made-up thing {i}", "points": 1, "tags": []} for i in range(4)
                ],
                "example_tags": [],
                "response": f"made-up answer {system}{index}",
                "criteria_met": [i < (index + place) % 5 for i in range(4)],
            }
            for place, system in enumerate(systems)
            for index in range(6)
        ]
        path = write_rows(folder / f"{benchmark}.jsonl", rows)
        at = str(folder / "preceptor.db")
        assert main(["import", "graded", str(path), "--benchmark", benchmark, "--store", at]) == 0
    return at


def test_the_command_ranks_all_runs_or_those_named(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without names all; with a pattern, a name or its beginning, and --benchmark, those."""
    capsys.readouterr()

    def printed(*arguments: str) -> Any:
        assert main(["leaderboard", *arguments, "--store", store, "--json"]) == 0
        return msgspec.json.decode(capsys.readouterr().out)

    def runs(board: Any) -> set[str]:
        cells = [cell for s in board["standings"] for cell in s["cells"].values()]
        return {name for cell in cells for name in cell["runs"]}

    assert len(runs(printed())) == 5
    assert printed()["published"] == []
    assert runs(printed("pilot/starter*")) == {"pilot/starter-a", "pilot/starter-b"}
    assert runs(printed("*-a", "pilot/healthbench-a")) == {"pilot/starter-a", "pilot/healthbench-a"}
    assert runs(printed("pilot/healthbench-c")) == {"pilot/healthbench-c"}
    only = printed("--benchmark", "starter")
    assert [column["benchmark"] for column in only["columns"]] == ["starter"]
    reference = printed("--published")["published"]
    assert {(row["benchmark"], row["metric"]) for row in reference} == {("healthbench", "raw")}
    adjusted = printed("--published", "--adjusted")
    assert {row["metric"] for row in adjusted["published"]} == {"adjusted"}


def test_the_command_prints_a_table_and_what_must_be_said(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table on standard output; sentences on standard error."""
    capsys.readouterr()
    assert main(["leaderboard", "--published", "--store", store]) == 0
    out, err = capsys.readouterr()
    assert "model-c" in out
    assert "protocol may differ" in out
    assert "graded by made-up-grader" in err
    assert "Imported: asked and graded elsewhere." in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing*"], "'nothing*': fits no run"),
        (["nothing"], "no such run"),
        (["pilot"], "names several runs"),
        (["--benchmark", "healthbench-hard"], "no runs of healthbench-hard"),
        (["--benchmark", "helthbench"], "did you mean healthbench"),
        (["pilot/starter*", "--benchmark", "healthbench"], "no runs of healthbench"),
    ],
)
def test_what_fits_no_run_is_one_line(
    arguments: list[str], words: str, store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 2 and the line says what was not found."""
    capsys.readouterr()
    assert main(["leaderboard", *arguments, "--store", store]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.count("\n") == 1


# Real runs


@needs_data
def test_real_runs_rank_as_computed_from_their_file(
    hard_store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """36 runs of Hard: four systems on the examples that all have, the short one left out; means
    agree with the file's verdicts and points."""
    data, answers = HEALTHBENCH / "hard_892.jsonl", HEALTHBENCH / "graded_responses_hard.jsonl.gz"
    assert main(["leaderboard", "--store", hard_store, "--json"]) == 0
    board = msgspec.json.decode(capsys.readouterr().out)
    points = {r["prompt_id"]: [i["points"] for i in r["rubrics"]] for r in read_lines(data)}
    scores: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in read_lines(answers):
        each = points[row["prompt_id"]]
        met = sum(p for p, m in zip(each, row["criteria_met"], strict=True) if m)
        condition = "" if row["condition"] == "baseline" else f" [{row['condition']}]"
        system = row["model"] + condition
        scores[system][row["prompt_id"]].append(met / sum(p for p in each if p > 0))
    full = {name: each for name, each in scores.items() if len(each) >= 446}
    common = set.intersection(*(set(each) for each in full.values()))
    expected = {n: np.mean([np.mean(each[i]) for i in common]) for n, each in full.items()}
    found = {s["system"]: s["cells"]["healthbench-hard"] for s in board["standings"]}
    assert {n: cell["raw_mean"] for n, cell in found.items()} == pytest.approx(expected)
    assert {cell["n"] for cell in found.values()} == {len(common)} == {662}
    order = [s["system"] for s in board["standings"]]
    assert order == sorted(expected, key=lambda name: -expected[name])
    assert [item["system"] for item in board["left_out"]] == ["gpt-4o-mini [tta]"]
    # 2.6 against 1.7 points: closer than a resample can tell.
    assert [s["rank_ci95"] for s in board["standings"]] == [[1, 1], [2, 3], [2, 3], [4, 4]]
