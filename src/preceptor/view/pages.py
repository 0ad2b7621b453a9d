"""The pages about whole runs: their list, one run, a comparison, the leaderboard."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import QueryParams

from preceptor.analysis.comparison import Comparison, compare
from preceptor.analysis.leaderboard import Leaderboard, leaderboard
from preceptor.records import Metric, Result
from preceptor.reports.comparison_page import comparison_context
from preceptor.reports.format import interval, measured, measured_interval, points, sample_size
from preceptor.reports.html import report_context
from preceptor.reports.leaderboard import leaderboard_sentences
from preceptor.results.pool import Side
from preceptor.view.answers import PAGE, pager
from preceptor.view.finding import Table, tag_counts
from preceptor.view.live import Pace, live_page
from preceptor.view.pairs import two
from preceptor.view.selection import FIELDS, Filter, chosen, pair_tabs, run_tabs, url, whole
from preceptor.view.workspace import Headline, Known, Workspace
from preceptor.wording import count

__all__ = ["compare_page", "leaderboard_page", "run_page", "runs_page"]

#: Benchmarks' runs that are ranked; more take minutes.
_RANKED = 200


def runs_page(workspace: Workspace, given: QueryParams) -> dict[str, Any]:
    """The runs that a filter leaves, newest first."""
    everything = workspace.runs()
    wanted = Filter.of(given)
    found = [run for run in everything if wanted.leaves(run)]
    base = list(wanted.parameters().items())
    pages = pager("/", base, len(found), whole(given, "page"))
    shown = found[(pages.number - 1) * PAGE : pages.number * PAGE]
    headlines = [workspace.headline(run) for run in shown]
    return {
        "title": "Runs",
        "wanted": wanted,
        "fields": FIELDS,
        "options": wanted.options(everything),
        "all": len(everything),
        "pager": pages,
        "rows": [_row(run, found) for run, found in zip(shown, headlines, strict=True)],
        "computing": headlines.count(None),
        "answers": url("/answers", base),
        "refresh": any(run.under_way for run in shown) or None in headlines,
    }


def _row(run: Known, headline: Headline | None) -> dict[str, Any]:
    info, standing = run.info, run.standing
    missing = sum(standing.failed.values()) + sum(standing.ungraded.values())
    return {
        "name": info.name,
        "url": url("/run", {"name": info.name}),
        "benchmark": info.benchmark,
        "system": info.system,
        "grader": info.grader,
        "status": info.status,
        "examples": count(info.n_examples) + (f" × {info.repeats}" if info.repeats > 1 else ""),
        "started": info.created_at[:16].replace("T", " "),
        "progress": f"{100 * standing.done / standing.asked:.0f} %"
        if run.under_way and standing.asked
        else "",
        "missing": f"{count(missing)} missing" if missing else "",
        **_number(headline),
    }


def _number(headline: Headline | None) -> dict[str, str]:
    metric: Metric | None = None if headline is None else headline.metric
    if metric is None:
        return {"score": "…" if headline is None else "–", "interval": ""}
    return {
        "score": measured(metric.value, metric.unit),
        "interval": measured_interval(metric.raw_ci95, metric.unit) if metric.raw_ci95 else "",
    }


def run_page(workspace: Workspace, pace: Pace, given: QueryParams) -> dict[str, Any]:
    """One run: how far it is, then what its report says. Raises UnknownName."""
    run = workspace.run(given.get("name", ""))
    name = run.info.name
    names = [("run", name)]

    def link(**wanted: str) -> str:
        return url("/answers", [*names, *wanted.items()])

    return {
        **workspace.of_run(run, "report", lambda: _report(workspace, run)),
        "run_name": name,
        **live_page(workspace, pace, given),
        "tabs": run_tabs(name, "Score"),
        "links": [
            ("Worst first", link()),
            ("Best first", link(order="high")),
            ("Longest first", link(order="long")),
            ("Without an answer", link(state="failed")),
            ("With ungraded verdicts", link(state="ungraded")),
        ],
        "tags": workspace.of_run(run, "tags", lambda: tag_counts(Table.of(workspace, [run]))),
        "names": names,
        "others": [
            (each.info.name, url("/compare", [*names, ("run", each.info.name)]))
            for each in workspace.runs()
            if each.info.benchmark == run.info.benchmark and each.info.name != name
        ][:PAGE],
        "refresh": run.under_way,
    }


def _report(workspace: Workspace, run: Known) -> dict[str, object]:
    return report_context([_side(workspace.result(run))], alone=False)


def _side(result: Result) -> Side:
    name = result.info.name
    return Side(name, "", name, result, (name,))


def compare_page(workspace: Workspace, given: QueryParams) -> dict[str, Any]:
    """Two runs by the analysis of ``preceptor compare``; other graders are said on the page.

    Raises InputError, UnknownName.
    """
    runs = two(workspace, given)

    def make() -> dict[str, object]:
        sides = [_side(workspace.result(run)) for run in runs]
        found: Comparison = compare(sides, across_graders=True)
        return comparison_context(found, sides)

    marks = tuple(run.mark for run in runs)
    key = ("comparison", *(run.info.id for run in runs))
    return {
        **workspace.small.get(key, marks, make, changing=any(run.under_way for run in runs)),
        "tabs": pair_tabs([run.info.name for run in runs], "Comparison"),
        "refresh": False,
    }


def leaderboard_page(workspace: Workspace, given: QueryParams) -> dict[str, Any]:
    """Systems by rank over their benchmarks. Raises InputError where there is nothing to rank."""
    runs = chosen(workspace, given)[:_RANKED]
    adjusted = given.get("adjusted") == "1"

    def make() -> Leaderboard:
        return leaderboard([workspace.scored(run) for run in runs], adjusted=adjusted)

    wanted = Filter.of(given)
    key = ("leaderboard", adjusted, *(run.info.id for run in runs))
    marks = tuple(run.mark for run in runs)
    changing = any(run.under_way for run in runs)
    board = workspace.small.get(key, marks, make, changing=changing)
    everything = workspace.runs()
    return {
        "title": "Leaderboard",
        "wanted": wanted,
        "fields": {"benchmark": FIELDS["benchmark"]},
        "options": wanted.options(everything),
        "adjusted": adjusted,
        "board": board,
        "rows": [
            {
                "rank": "–" if each.rank is None else str(each.rank),
                "ranks": ""
                if each.rank_ci95 is None
                else f"{each.rank_ci95[0]}–{each.rank_ci95[1]}",
                "system": each.system,
                "url": url("/", {"system": each.system}),
                "cells": [
                    None
                    if (cell := each.cells.get(column.benchmark)) is None
                    else {
                        "score": points(cell.raw_mean),
                        "interval": "" if cell.raw_ci95 is None else interval(cell.raw_ci95),
                        "n": sample_size(cell.n, cell.units, cell.units_are),
                    }
                    for column in board.columns
                ],
            }
            for each in board.standings
        ],
        "sentences": leaderboard_sentences(board),
        "left_out": len(chosen(workspace, given)) - len(runs),
    }
