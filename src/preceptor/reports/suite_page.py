"""One system on several benchmarks: a table over all, languages side by side, a page for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor import benchmarks
from preceptor.errors import InputError
from preceptor.records import Metric, Result
from preceptor.reports.banners import Banner, kind_of
from preceptor.reports.charts import axis_for
from preceptor.reports.files import write_text
from preceptor.reports.format import (
    days,
    marked,
    points,
    pretty,
    printed_interval,
    read_cell,
    sample_size,
)
from preceptor.reports.html import render
from preceptor.reports.page import fill
from preceptor.reports.score import remarks, said_once, score_json, sentences
from preceptor.reports.spending import spent
from preceptor.reports.summary import unchecked
from preceptor.reports.view import Number, RunView, number, run_views
from preceptor.results.pool import Side
from preceptor.results.select import named
from preceptor.scoring import OVERALL
from preceptor.scoring.answers import share_read
from preceptor.wording import plural

if TYPE_CHECKING:
    from rich.table import Table

__all__ = [
    "by_language",
    "language_table",
    "suite_json",
    "suite_sentences",
    "suite_table",
    "write_suite",
]

_LANGUAGE = "language:"
_NONE = "–"


class _Line(msgspec.Struct, frozen=True):
    """A benchmark in the table of the page.

    ``measured`` is what its score is called; ``remarks`` is how much must be said beside it.
    """

    title: str
    page: str
    measured: str
    run: RunView
    score: Number
    remarks: int


def suite_json(name: str, results: Sequence[Result], skipped: Mapping[str, str]) -> dict[str, Any]:
    """The documented form: docs/suite.md lists the keys."""
    return {
        "suite": name,
        "runs": [score_json(result) for result in results],
        "languages": {
            result.info.benchmark: msgspec.to_builtins(by_language(result)) for result in results
        },
        "skipped": dict(skipped),
    }


def by_language(result: Result) -> dict[str, Metric]:
    """Language → score: of a benchmark's slices, or its whole where it is in one language.

    Empty for a benchmark that is in English alone.
    """
    slices = {
        name.removeprefix(_LANGUAGE): metric
        for name, metric in result.metrics.items()
        if name.startswith(_LANGUAGE)
    }
    languages = benchmarks.of(result.info).languages
    if languages == ("en",):
        return {}
    if not slices and len(languages) == 1 and OVERALL in result.metrics:
        return {languages[0]: result.metrics[OVERALL]}
    return slices


def _languages(results: Sequence[Result]) -> list[str]:
    """Those that occur, English first."""
    found = dict.fromkeys(name for result in results for name in by_language(result))
    return sorted(found, key=lambda name: (name != "en", name))


def suite_table(name: str, results: Sequence[Result]) -> Table:
    """One row a benchmark, on the 0–100 scale; intervals as in a run's own table."""
    from rich.table import Table

    table = Table(title=name, title_justify="left")
    table.add_column("benchmark", overflow="fold")
    table.add_column("score is", overflow="fold")
    for heading in ("score", "95 % interval", "n", "coverage", "read", "cost"):
        table.add_column(heading, justify="right", no_wrap=True)
    for result in results:
        metric, share = result.metrics.get(OVERALL), share_read(result.scores)
        table.add_row(
            result.info.benchmark,
            pretty(OVERALL, result.labels),
            marked(points(metric.value if metric else None), share),
            _NONE if metric is None else printed_interval(metric),
            _NONE if metric is None else sample_size(metric.n, metric.units, metric.units_are),
            _NONE if metric is None else f"{metric.coverage:.1%}",
            read_cell(share),
            spent(result.cost_usd),
        )
    return table


def language_table(results: Sequence[Result]) -> Table | None:
    """Benchmarks by language, score and n; None where all are in English alone."""
    from rich.table import Table

    languages = _languages(results)
    if not languages:
        return None
    table = Table(title="By language", title_justify="left")
    table.add_column("benchmark", overflow="fold")
    for language in languages:
        table.add_column(language, justify="right", no_wrap=True)
    for result in results:
        found = by_language(result)
        cells = [found.get(language) for language in languages]
        if any(cells):
            table.add_row(result.info.benchmark, *map(_cell, cells))
    return table


def _cell(metric: Metric | None) -> str:
    if metric is None:
        return ""
    return f"{points(metric.value)} (n {sample_size(metric.n, metric.units, metric.units_are)})"


def suite_sentences(results: Sequence[Result]) -> list[str]:
    """What must be said beside the scores, each sentence once, with its benchmarks."""
    return remarks({result.info.benchmark: sentences(result) for result in results})


def write_suite(
    name: str,
    results: Sequence[Result],
    skipped: Mapping[str, str],
    folder: Path,
    *,
    share: bool = False,
    labels: Sequence[str] = (),
) -> Path:
    """Write ``index.html`` and a page for each benchmark into a folder; returns the first.

    Parameters
    ----------
    skipped
        Name of each benchmark that was not run → why.
    share
        As in :func:`preceptor.reports.html.render`.
    labels
        As in :func:`preceptor.results.select.named`.

    Raises
    ------
    InputError
        There is no run, or the folder cannot be written to.
    """
    if not results:
        raise InputError(f"suite {name}: a report needs at least one run, found none")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made: {error.strerror or error}") from None
    sides = [side for result in results for side in named([_side(result)], labels)]
    for side in sides:
        write_text(folder / _page(side.result), render([side], share=share))
    return write_text(folder / "index.html", _index(name, sides, skipped, share))


def _side(result: Result) -> Side:
    name = result.info.name
    return Side(name, "", name, result, (name,))


def _page(result: Result) -> str:
    return f"{result.info.benchmark}.html"


def _index(name: str, sides: Sequence[Side], skipped: Mapping[str, str], share: bool) -> str:
    results = [side.result for side in sides]
    said = {result.info.benchmark: sentences(result) for result in results}
    titles = {result.info.benchmark: result.title for result in results}
    drawn = [result.metrics[OVERALL] for result in results if OVERALL in result.metrics]
    axis = axis_for(drawn)
    views = run_views(results, [1] * len(results), axis)
    lines = [
        _Line(
            title=result.title,
            page=_page(result),
            measured=pretty(OVERALL, result.labels),
            run=view,
            score=view.score,
            remarks=len(said[result.info.benchmark]),
        )
        for result, view in zip(results, views, strict=True)
    ]
    languages = _languages(results)
    systems = dict.fromkeys(
        side.result.info.system if side.label in side.runs else side.label for side in sides
    )
    context: dict[str, object] = {
        "title": f"Suite {name}",
        "runs": [{"name": view.system} for view in views[:1]],
        "systems": list(systems),
        "date": days([result.info.created_at for result in results]),
        "share": share,
        "banners": [
            Banner("incomplete", f"{name} was not run: {why}.", "") for name, why in skipped.items()
        ],
        "lines": lines,
        "remarks": [(text, [titles[each] for each in names]) for text, names in said_once(said)],
        "unchecked": unchecked(results, ()),
        "kinds": list(dict.fromkeys(kind_of([result]) for result in results)),
        "axis": axis,
        "languages": languages,
        "by_language": [
            (
                line,
                [
                    found[each] and number(found[each], axis) if each in found else None
                    for each in languages
                ],
            )
            for line, found in zip(lines, map(by_language, results), strict=True)
            if found
        ],
        "size": plural(len(results), "benchmark"),
    }
    return fill("suite.html.jinja", context, scripted=False)
