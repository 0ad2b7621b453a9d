"""A comparison as a page of its own, and as a section of the report.

It has names of runs, tags and numbers only. The texts of examples, criteria, answers and system
prompts never reach it, so that it can always be given away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from preceptor.analysis.comparison import Comparison, Contrast
from preceptor.analysis.paired import FEWEST, SliceDifference
from preceptor.records import Result
from preceptor.reports.banners import banners, explain, kind_of
from preceptor.reports.charts import Span, axis_for
from preceptor.reports.comparison import headline, ways
from preceptor.reports.format import days, interval, p_value, points, pretty, signed
from preceptor.reports.page import fill
from preceptor.reports.scale import Scale, scale_for
from preceptor.reports.settings import flatten
from preceptor.reports.view import RunView, run_views, sorted_slices
from preceptor.results.pool import Side
from preceptor.scoring import LENGTH_SUFFIX, OVERALL
from preceptor.wording import count, plural

__all__ = [
    "MARKS",
    "ComparisonView",
    "comparison_context",
    "comparison_view",
    "pools",
    "render_comparison",
]

#: So many sides have a mark of their own; more would not be told apart.
MARKS = 6
_SCORES = (OVERALL, OVERALL + LENGTH_SUFFIX)
#: A difference smaller than this is not drawn as if it were large.
_LEAST = 0.05
#: The interval of a slice of fewer examples does not stretch the axis: its edge cuts it.
_ENOUGH = 3 * FEWEST
_SHOWN = 10

#: What a method does, and when it misleads; by the beginning of its name.
_MEANINGS = {
    "Paired t-test": (
        "Averages the answers to each example, takes the difference example by example, and "
        "asks whether their mean could be chance. It misleads with few examples of which some "
        "differ enormously."
    ),
    "Permutation of signs": (
        "Swaps the two sides at random and counts how often the difference is as large as this: "
        "no bell curve is assumed. It tells whether there is a difference, not how large it may "
        "be."
    ),
    "Bootstrap": (
        "Draws the examples anew thousands of times and corrects for bias and skewness. It "
        "misleads below some tens of examples, which cannot stand for those that were not "
        "asked."
    ),
    "Answers, clustered": (
        "Counts each pair of answers, and allows for what answers to one prompt share. A prompt "
        "asked more often weighs more, so it estimates another mean than by example."
    ),
    "Answers, as if": (
        "Counts each pair of answers as evidence of its own. That is wrong where prompts "
        "repeat: the interval is too narrow and p too small. It is here because it is often "
        "reported."
    ),
    "Length-adjusted": (
        "The first test, of scores from which the benchmark’s price of length was taken off. It "
        "misleads where that price does not fit these systems."
    ),
    "Effect size": (
        "The mean difference in standard deviations of the differences. It is larger where "
        "examples vary less or are repeated more often, so it does not compare between "
        "benchmarks."
    ),
    "Win rate, lengths": (
        "The win rate among pairs of answers of nearly the same length only. It misleads where "
        "such pairs are few or of a kind."
    ),
    "Win rate": (
        "How often an answer of {contender} scores higher than one of {reference} to the same "
        "example, ties left out. It says "
        "nothing of by how much: many small wins can outnumber a few grave losses."
    ),
    "Equivalent": (
        "Two one-sided tests of whether the difference is smaller than this margin, which must "
        "be chosen before looking. “Not shown” does not mean different."
    ),
    "McNemar": (
        "For scores that are all 0 or 1: an exact test on the examples that one side alone met. "
        "Where both agree it learns nothing."
    ),
}


class Gap(msgspec.Struct, frozen=True):
    """A difference as it is printed and drawn; positions are percent of the axis."""

    value: str
    interval: str
    levels: str
    n: str
    p: str
    holm: str
    bh: str
    small: bool
    at: str | None
    beyond: bool
    span: Span | None
    allowed: None = None

    @property
    def passes(self) -> bool:
        """Whether the edge of the axis cuts it."""
        return self.beyond or (self.span is not None and any(self.span[2:]))


class Way(msgspec.Struct, frozen=True):
    """The difference by one method, and what that does."""

    name: str
    difference: str
    interval: str
    p: str
    n: str
    meaning: str


class ContrastView(msgspec.Struct, frozen=True):
    """One side against its reference. ``run`` is the contender in the head of the page."""

    run: RunView
    reference: str
    claim: str
    ways: list[Way]
    common: str
    dropped: list[str]


class ForestRow(msgspec.Struct, frozen=True):
    name: str
    gaps: list[tuple[ContrastView, Gap]]


class Part(msgspec.Struct, frozen=True):
    """The differences of one kind of slice: ``first`` is seen at once, ``rest`` on demand."""

    title: str
    first: list[ForestRow]
    rest: list[ForestRow]


class Family(msgspec.Struct, frozen=True):
    """The contrasts of one model's harnesses, or all where there are no families."""

    title: str
    contrasts: list[ContrastView]


class Pool(msgspec.Struct, frozen=True):
    """The runs that one side is made of, and how many answers they have together."""

    runs: list[str]
    answers: str


class ComparisonView(msgspec.Struct, frozen=True):
    """Everything that the templates print of a comparison.

    ``forests`` are the slices, six contrasts at a time: the first is seen at once.
    """

    metric: str
    adjusted: bool
    families: list[Family]
    axis: Scale
    overall: Part
    forests: list[list[Part]]
    tests: list[str]
    repeated: bool
    small: bool
    beyond: bool
    differing: list[tuple[str, list[tuple[str, str]]]]
    notes: list[str]

    @property
    def contrasts(self) -> list[ContrastView]:
        return [contrast for family in self.families for contrast in family.contrasts]


def render_comparison(comparison: Comparison, sides: Sequence[Side]) -> str:
    """One self-contained page of a comparison; it has no text of any example or answer.

    Parameters
    ----------
    comparison
        What :func:`preceptor.analysis.comparison.compare` made of ``sides``.
    sides
        In the same order. The first six have a mark of their own.

    Returns
    -------
    str
        The page; it can be encoded as UTF-8 whatever the names contain.
    """
    context = comparison_context(comparison, sides)
    return fill("comparison_page.html.jinja", context, scripted=False)


def comparison_context(comparison: Comparison, sides: Sequence[Side]) -> dict[str, object]:
    """What the page's template is given."""
    results = [side.result for side in sides]
    marks = [index if index <= MARKS else 0 for index in range(1, len(sides) + 1)]
    axis = axis_for(r.metrics[name] for r in results for name in _SCORES if name in r.metrics)
    views = run_views(results, marks, axis)
    return {
        "title": comparison.title,
        "date": days([result.info.created_at for result in results]),
        "sentence": explain(results),
        "kinds": [kind_of(results)],
        "banners": banners(results),
        "runs": views,
        "sides": sides,
        "axis": axis,
        "pooled": pools(sides),
        "comparison": comparison_view(comparison, sides, views),
    }


def pools(sides: Sequence[Side]) -> dict[str, Pool]:
    """By name, those of several runs."""
    return {
        side.result.info.name: Pool(list(side.runs), count(len(side.result.graded)))
        for side in sides
        if len(side.runs) > 1
    }


def comparison_view(
    comparison: Comparison, sides: Sequence[Side], runs: Sequence[RunView]
) -> ComparisonView:
    """A comparison in finished words and positions; ``runs`` are the sides in the page's head."""
    known = {side.label: run for side, run in zip(sides, runs, strict=True)}
    pairs = [(one, _contrast(one, known[one.contender])) for one in comparison.contrasts]
    axis = _axis(comparison.contrasts)
    titles = {
        one.family: f"{one.family}: gain of the harness" if one.family else "" for one, _ in pairs
    }
    results = [side.result for side in sides]
    chunks = [pairs[at : at + MARKS] for at in range(0, len(pairs), MARKS)]
    overall = Part("Overall", list(_overall(pairs, comparison, axis)), [])
    forests = [list(_parts(chunk, comparison, results, axis)) for chunk in chunks]
    gaps = [gap for parts in forests for part in parts for gap in _gaps(part)]
    return ComparisonView(
        metric=pretty(comparison.metric, comparison.labels),
        adjusted=comparison.metric != OVERALL,
        families=[
            Family(title, [view for one, view in pairs if one.family == name])
            for name, title in titles.items()
        ],
        axis=axis,
        overall=overall,
        forests=[parts for parts in forests if parts],
        tests=comparison.families,
        repeated=any(one.tests.as_if_independent is not None for one, _ in pairs),
        small=any(gap.small for gap in gaps),
        beyond=any(gap.passes for gap in [*gaps, *_gaps(overall)]),
        differing=[
            (item.setting, _values(item.setting, item.values)) for item in comparison.differing
        ],
        notes=comparison.notes,
    )


def _contrast(contrast: Contrast, run: RunView) -> ContrastView:
    common = plural(contrast.common, "common example")
    if contrast.prompts < contrast.common:
        common += f" on {plural(contrast.prompts, 'prompt')}"
    return ContrastView(
        run=run,
        reference=contrast.reference,
        claim=headline(contrast),
        ways=[Way(*row, meaning=_meaning(row[0], contrast)) for row in ways(contrast)],
        common=common,
        dropped=[f"{count(item.n)} {item.reason}" for item in contrast.dropped],
    )


def _meaning(name: str, contrast: Contrast) -> str:
    text = next((text for start, text in _MEANINGS.items() if name.startswith(start)), "")
    return text.format(contender=contrast.contender, reference=contrast.reference)


def _axis(contrasts: Sequence[Contrast]) -> Scale:
    """From the lowest to the highest difference that is tested, and the whole, however few there
    are; at least five points each way."""
    seen = [-_LEAST, _LEAST]
    for contrast in contrasts:
        for item in (contrast.overall, contrast.adjusted, *contrast.slices):
            if item is None or item.difference is None:
                continue
            whole = item is contrast.overall
            if item.n >= FEWEST or whole:
                seen.append(item.difference)
            if item.ci95 is not None and (item.n >= _ENOUGH or whole):
                seen += item.ci95
    return scale_for(seen, signs=True)


def _overall(
    pairs: Sequence[tuple[Contrast, ContrastView]], comparison: Comparison, axis: Scale
) -> Iterable[ForestRow]:
    whole = [(view, _gap(one.overall, axis)) for one, view in pairs]
    yield ForestRow(pretty(comparison.metric, comparison.labels), whole)
    adjusted = [(view, _gap(one.adjusted, axis)) for one, view in pairs if one.adjusted is not None]
    if adjusted:
        yield ForestRow(pretty(OVERALL + LENGTH_SUFFIX, comparison.labels), adjusted)


def _parts(
    pairs: Sequence[tuple[Contrast, ContrastView]],
    comparison: Comparison,
    results: Sequence[Result],
    axis: Scale,
) -> Iterable[Part]:
    """One for each kind of slice, in the order in which they were compared."""
    slices: dict[str, dict[str, list[tuple[ContrastView, Gap]]]] = {}
    for contrast, view in pairs:
        for item in contrast.slices:
            name = item.metric.removesuffix(LENGTH_SUFFIX)
            kind = slices.setdefault(name.partition(":")[0], {})
            kind.setdefault(name, []).append((view, _gap(item, axis)))
    for space, found in slices.items():
        names = sorted_slices(space, list(found), results)
        rows = [ForestRow(pretty(name, comparison.labels), found[name]) for name in names]
        cut = _SHOWN if len(rows) > _SHOWN + 2 else len(rows)
        yield Part(pretty(space, comparison.labels), rows[:cut], rows[cut:])


def _gap(item: SliceDifference, axis: Scale) -> Gap:
    difference, span = item.difference, item.ci95
    return Gap(
        value=signed(difference),
        interval=interval(span),
        levels=f"{points(item.reference)} → {points(item.contender)}",
        n=count(item.n),
        p=p_value(item.p),
        holm=p_value(item.p_holm),
        bh=p_value(item.p_bh),
        small=item.p is None,
        at=None if difference is None else axis.at(difference),
        beyond=difference is not None and not axis.low <= difference <= axis.high,
        span=axis.span(span),
    )


def _gaps(part: Part) -> list[Gap]:
    return [gap for row in part.first + part.rest for _, gap in row.gaps]


def _values(setting: str, values: Mapping[str, str]) -> list[tuple[str, str]]:
    """Value → the sides that have it. Prose, which a prompt is, is withheld in every edition."""
    found: dict[str, list[str]] = {}
    for label, value in values.items():
        shown = dict(flatten({setting: value}, share=True)).values()
        found.setdefault(", ".join(shown), []).append(label)
    return [(value, ", ".join(labels)) for value, labels in found.items()]
