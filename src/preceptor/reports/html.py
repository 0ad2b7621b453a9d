"""Results → one HTML file that needs nothing else: no network, no other file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from preceptor.analysis.comparison import Comparison, compare
from preceptor.analysis.reliability import reliability
from preceptor.audit.card import GraderCard
from preceptor.errors import InputError
from preceptor.records import Result
from preceptor.reports.banners import banners
from preceptor.reports.card import cards_for
from preceptor.reports.charts import (
    axis_for,
    bin_counts,
    histogram,
    longest_shown,
    overall_of,
    response_axis,
    scatter,
)
from preceptor.reports.comparison_page import (
    MARKS,
    comparison_view,
    pools,
    render_comparison,
)
from preceptor.reports.evidence import length_views, reliability_view
from preceptor.reports.explorer import embed, payload
from preceptor.reports.format import SHARE, days, paragraphs, pretty
from preceptor.reports.harmful import harm_of
from preceptor.reports.missed_criteria import most_missed
from preceptor.reports.page import fill
from preceptor.reports.pictures import pictures
from preceptor.reports.settings import settings_tables
from preceptor.reports.spending import spending_views
from preceptor.reports.summary import summaries, unchecked
from preceptor.reports.view import RunView, columns, run_views, sections
from preceptor.results.pool import Side
from preceptor.scoring import OVERALL

__all__ = ["render", "render_comparison", "report_context"]

_FEWEST_FOR_SCATTER = 10


def render(
    runs: Sequence[Result] | Sequence[Side],
    *,
    share: bool = False,
    cards: Sequence[GraderCard] = (),
    title: str = "",
    about: str = "",
) -> str:
    """One self-contained page that reports these runs, compared where there are several.

    Parameters
    ----------
    runs
        Runs, or sides of pooled runs, in the order in which they are to be shown. Of more than
        six, all are in the table of scores, sorted, and the six highest in all else.
    share
        Leave out every text of examples, criteria, answers, explanations, physicians' answers,
        failures and system prompts: ids, tags, points, verdicts and scores stay.
    cards
        Of graders; those of the runs' own graders are shown beside the score.
    title
        The page's heading; without one, the names of the benchmarks.
    about
        A text of the author on purpose and circumstances. It is in the share-safe edition, too.

    Returns
    -------
    str
        The page; it can be encoded as UTF-8 whatever the texts contain.

    Raises
    ------
    InputError
        There is no run.
    """
    sides = [run if isinstance(run, Side) else _side(run) for run in runs]
    if not sides:
        raise InputError("a report needs at least one run, found none: name a run that has results")
    context = report_context(sides, share, cards)
    context |= {"title": title or context["title"], "about": paragraphs(about)}
    return fill("report.html.jinja", context, scripted=True)


def _side(result: Result) -> Side:
    name = result.info.name
    return Side(name, "", name, result, (name,))


def report_context(
    sides: Sequence[Side],
    share: bool = False,
    cards: Sequence[GraderCard] = (),
    *,
    alone: bool = True,
) -> dict[str, object]:
    """What the report's template is given.

    ``alone``: the page is one file, with its figures and examples in it.
    """
    given, sides = sides, list(sides)
    if len(sides) > MARKS:
        sides.sort(key=lambda side: _overall(side.result), reverse=True)
    runs = [side.result for side in sides]
    marks = [index if index <= MARKS else 0 for index in range(1, len(runs) + 1)]
    charted = runs[:MARKS]
    drawn = [metric for result in charted for metric in result.metrics.values()]
    drawn += [result.metrics[OVERALL] for result in runs if OVERALL in result.metrics]
    axis = axis_for([metric for metric in drawn if metric.unit == SHARE])
    views = run_views(runs, marks, axis)
    parts = sections(charted, views[:MARKS], axis)
    harm = [harm_of(*pair, share=share) for pair in zip(charted, views, strict=False)]
    claims = _claims(given, sides[:MARKS], views[:MARKS], alone=alone)
    compared = claims["comparison"]
    differences = [] if compared is None else [each.claim for each in compared.contrasts[:MARKS]]
    found = summaries(sides, views, harm, cards, differences)
    pointed = {each.title for each in found if each.kind == "points"}
    rubrics = [pair for pair in zip(charted, views, strict=False) if pair[0].title in pointed]
    return {
        "share": share,
        "about": [],
        "title": " · ".join(dict.fromkeys(result.title for result in runs)),
        "date": days([result.info.created_at for result in runs]),
        "summaries": found,
        "unchecked": unchecked(runs, cards),
        "harm": [each for each in harm if each.worst],
        "headline": pretty(OVERALL, runs[0].labels),
        "banners": banners(runs),
        "runs": views,
        "cards": cards_for(cards, [result.info.grader for result in runs]),
        "pooled": pools(sides),
        "charted": views[:MARKS],
        "axis": axis,
        "sections": parts,
        "columns": columns(parts),
        "answers": _answers(charted, views),
        "missed": most_missed([result for result, _ in rubrics], share=share),
        "rubrics": [view for _, view in rubrics],
        "settings": settings_tables(runs, marks, share=share),
        "island": embed(payload(charted, share=share)) if alone else None,
        "lengths": length_views(sides, views),
        "spending": spending_views(charted, views),
        **claims,
    }


def _claims(
    given: Sequence[Side], charted: Sequence[Side], views: Sequence[RunView], *, alone: bool
) -> dict[str, Any]:
    """What may be said of the charted sides: comparison, reliability, figures."""
    # A family's reference is the one that the reader named first, not the first in the table.
    named = [side for side in given if side in charted] if _families(given) else list(charted)
    comparison, remark = _comparison(named)
    repeated = [
        (view, found)
        for view, found in zip(views, map(reliability, charted), strict=True)
        if found is not None
    ]
    return {
        "comparison": None if comparison is None else comparison_view(comparison, charted, views),
        "remark": remark,
        "reliability": reliability_view(repeated),
        "pictures": pictures(named, comparison, [found for _, found in repeated], given)
        if alone
        else [],
    }


def _families(sides: Sequence[Side]) -> list[str]:
    """Of two sides or more; the empty name is a family where others are."""
    counts = Counter(side.family for side in sides)
    return [name for name, number in counts.items() if number > 1] if any(counts) else []


def _comparison(sides: Sequence[Side]) -> tuple[Comparison | None, str]:
    """The comparison, with the sides that are not in it; or the sentence that says why not."""
    if len(sides) < 2:
        return None, ""
    if len({side.result.info.benchmark for side in sides}) > 1:
        return None, "Not compared: the runs are of different benchmarks."
    if len({side.result.info.grader for side in sides}) > 1:
        return None, (
            "Not compared: the runs were graded by different graders, so that a difference may be "
            "theirs; preceptor compare --across-graders compares them all the same."
        )
    families = _families(sides)
    if families:
        alone = [side.label for side in sides if side.family not in families]
        sides = [side for side in sides if side.family in families]
    else:
        alone, sides = [], [msgspec.structs.replace(side, family="") for side in sides]
    try:
        comparison = compare(sides)
    except InputError as error:
        return None, f"Not compared: {str(error).removeprefix('compare: ')}."
    return (
        comparison,
        f"Not compared, without another of its family here: {', '.join(alone)}." if alone else "",
    )


def _answers(results: Sequence[Result], views: Sequence[object]) -> list[dict[str, object]]:
    """The charts of single answers, one pair a run, all on the same scales."""
    everything = [result.scores for result in results]
    axis, longest = response_axis(everything), longest_shown(everything)
    values = [overall_of(scores) for scores in everything]
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
