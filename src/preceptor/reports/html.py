"""Results → one HTML file that needs nothing else: no network, no other file.

The page carries texts that models and users wrote. Nothing of it is ever markup: the templates
escape, the data of the explorer is JSON that cannot end its element, the script sets text only,
and a Content-Security-Policy lets run and load nothing but the page's own style and script.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources

import jinja2
from markupsafe import Markup

from preceptor.errors import InputError
from preceptor.records import Result, Score
from preceptor.reports.banners import banners, explain
from preceptor.reports.charts import (
    axis_for,
    bin_counts,
    histogram,
    longest_shown,
    response_axis,
    scatter,
)
from preceptor.reports.explorer import embed, payload
from preceptor.reports.missed import most_missed
from preceptor.reports.settings import settings_tables
from preceptor.reports.view import columns, run_views, sections
from preceptor.reports.wording import days
from preceptor.scoring import OVERALL
from preceptor.version import VERSION

__all__ = ["render"]

#: So many runs have a mark of their own; more would not be told apart.
_MARKS = 6
_FEWEST_FOR_SCATTER = 10
# Not allowed in HTML, invisible, or not UTF-8 at all.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def render(results: Sequence[Result], *, share: bool = False) -> str:
    """One self-contained page that reports these runs, compared where there are several.

    Parameters
    ----------
    results
        In the order in which they are to be shown. Of more than six, all are in the table of
        scores, sorted, and the six highest in the charts and the explorer.
    share
        Leave out every text of examples, criteria, answers, explanations, physicians' answers,
        failures and system prompts: ids, tags, points, verdicts and scores stay.

    Returns
    -------
    str
        The page; it can be encoded as UTF-8 whatever the texts contain.

    Raises
    ------
    InputError
        There is no result.
    """
    if not results:
        raise InputError("a report needs at least one run, found none: name a run that has results")
    page = _environment().get_template("report.html.jinja").render(_context(results, share))
    return _CONTROL.sub("\ufffd", page)


def _context(results: Sequence[Result], share: bool) -> dict[str, object]:
    runs = list(results)
    if len(runs) > _MARKS:
        runs.sort(key=_overall, reverse=True)
    marks = [index if index <= _MARKS else 0 for index in range(1, len(runs) + 1)]
    charted = runs[:_MARKS]
    drawn = [metric for result in charted for metric in result.metrics.values()]
    drawn += [result.metrics[OVERALL] for result in runs if OVERALL in result.metrics]
    axis = axis_for(drawn)
    views = run_views(runs, marks, axis)
    parts = sections(charted, views[:_MARKS], axis)
    style, script = _asset("report.css"), _asset("report.js")
    return {
        "policy": _policy(style, script),
        "style": style,
        "script": script,
        "share": share,
        "title": " · ".join(dict.fromkeys(result.title for result in runs)),
        "date": days([result.info.created_at for result in runs]),
        "sentence": explain(runs),
        "banners": banners(runs),
        "runs": views,
        "charted": views[:_MARKS],
        "axis": axis,
        "sections": parts,
        "columns": columns(parts),
        "answers": _answers(charted, views),
        "missed": most_missed(charted, share=share),
        "settings": settings_tables(runs, marks, share=share),
        "island": embed(payload(charted, share=share)),
        "version": VERSION,
    }


def _answers(results: Sequence[Result], views: Sequence[object]) -> list[dict[str, object]]:
    """The charts of single answers, one pair a run, all on the same scales."""
    everything: list[Score] = [score for result in results for score in result.scores]
    axis, longest = response_axis(everything), longest_shown(everything)
    values = [
        [score.values[OVERALL] for score in result.scores if OVERALL in score.values]
        for result in results
    ]
    top = max((max(bin_counts(part, axis)) for part in values), default=0) or 1
    return [
        {
            "run": view,
            "histogram": histogram(result.scores, axis, top),
            "scatter": scatter(result.scores, axis, longest)
            if len(part) >= _FEWEST_FOR_SCATTER
            else None,
        }
        for result, view, part in zip(results, views, values, strict=False)
    ]


def _overall(result: Result) -> float:
    metric = result.metrics.get(OVERALL)
    return -2.0 if metric is None or metric.raw_mean is None else metric.raw_mean


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


@cache
def _asset(name: str) -> Markup:
    text = resources.files("preceptor.reports").joinpath("assets", name).read_text("utf-8")
    return Markup(text)  # noqa: S704  ours, and hashed into the policy


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("preceptor.reports", "templates"),
        autoescape=jinja2.select_autoescape(enabled_extensions=("jinja",), default=True),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
