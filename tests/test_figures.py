"""The figures: what they show, that their texts never touch, and that no name can harm them."""

from __future__ import annotations

import csv as tables
import functools
import io
import random
import re
import subprocess
import sys
import xml.etree.ElementTree as xml
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import preceptor
from data_fixtures import graded_row, isolate, write_rows
from data_fixtures import row as data_row
from preceptor import benchmarks
from preceptor.analysis.comparison import compare
from preceptor.analysis.leaderboard import leaderboard
from preceptor.analysis.reliability import reliability
from preceptor.cli import main
from preceptor.errors import InputError, Unavailable
from preceptor.records import (
    Criterion,
    Example,
    Graded,
    Message,
    Response,
    Result,
    RunInfo,
    RunSettings,
    Usage,
    Verdict,
)
from preceptor.reports.figures import Figure, csv, figures, png, ranking, svg, write
from preceptor.reports.figures.base import drawn, svg_of
from preceptor.reports.figures.missed import share
from preceptor.reports.figures.page import WIDTH, text_width, wrap
from preceptor.reports.figures.words import clean, names
from preceptor.results.pool import Side
from preceptor.results.values import values_of

pytest.importorskip("matplotlib")

LONG = "an-organisation-a-very-long-model-name-with-many-parts-2026-11-21-preview"
HOSTILE = "=cmd|' /C calc'!A0 $\\frac{1}{0}$ <script>\u202e\x00\n{x} % \ud800 & \U0001f4a5"
THEMES = ("hedging", "communication", "global_health")
AXES = ("completeness", "accuracy", "communication_quality")


def tags_of_professional(index: int) -> tuple[str, ...]:
    """Use cases, types and 60 specialties of very different sizes."""
    place = int(60 * (index / 150) ** 2) % 60
    return (
        f"use_case:{('consult', 'writing', 'research')[index % 3]}",
        f"type:{('good_faith', 'red_teaming')[index % 2]}",
        f"specialty:Speciality of rather long name number {place}",
    )


def tags_of_themes(index: int) -> tuple[str, ...]:
    return (f"theme:{THEMES[index % 3]}",)


def graded(
    index: int, repeat: int, rng: random.Random, tags: tuple[str, ...], options: dict[str, Any]
) -> Graded:
    """Three criteria, the last one with negative points; the last axis is only in every third."""
    axes = options.get("axes", True)
    criteria = tuple(
        Criterion(
            f"made-up criterion {index}/{number}",
            points,
            (f"axis:{AXES[(number + index) % 3]}",) if axes else (),
        )
        for number, points in enumerate((7, 4, -6))
    )
    example = Example(f"e{index}", (Message("user", f"made-up {index}"),), criteria, tags)
    quality = options.get("quality", 0.5)
    chances = (quality, quality, 1 - quality)
    met = [rng.random() < chance for chance in chances]
    verdicts = tuple(Verdict(f"v{number}", each) for number, each in enumerate(met))
    length = max(1, round(rng.gauss(options.get("length", 1500), 300)))
    response = Response(
        f"r{index}-{repeat}",
        text="a" * length,
        usage=Usage(100, 100, 0, options.get("tokens", 0)),
        cost_usd=options.get("cost"),
        latency_s=options.get("seconds", 0.0),
        reasoning_length=options.get("reasoning"),
    )
    return Graded(example, repeat, response, verdicts)


def side(
    label: str,
    *,
    n: int = 40,
    repeats: int = 1,
    tags: Callable[[int], tuple[str, ...]] = tags_of_themes,
    system: str | None = None,
    seed: int = 0,
    **options: Any,
) -> Side:
    """A made-up side; ``options`` are quality, length, cost, seconds, …"""
    rng = random.Random(f"{len(label)}{label[-3:]}{seed}")
    items = [
        graded(index, repeat, rng, tags(index), options)
        for index in range(n)
        for repeat in range(repeats)
    ]
    if options.get("unparseable"):
        items = [
            Graded(i.example, i.repeat, i.response, (Verdict("v", None), *i.verdicts[1:]))
            if number % 4 == 0
            else i
            for number, i in enumerate(items)
        ]
    protocol = benchmarks.get("starter").protocol
    scores = [protocol.score(item) for item in items]
    examples = [item.example for item in items if item.repeat == 0]
    asked = sum(len(item.verdicts) for item in items)
    missing = sum(verdict is None or verdict.met is None for i in items for verdict in i.verdicts)
    settings = RunSettings.of({"sweep": options["sweep"]} if "sweep" in options else {})
    name = system or label
    info = RunInfo(label, "starter", name, "a grader", "done", "", settings, n, repeats)
    result = Result(
        info=info,
        title="Made-up",
        labels=dict(benchmarks.get("starter").labels),
        graded=items,
        scores=scores,
        metrics=protocol.summarise(scores, examples),
        departures=[],
        notes=[],
        coverage=1 - missing / asked,
        verdicts=asked,
        ungraded={"unparseable": missing} if missing else {},
        cost_usd=None,
        system_usage=Usage(),
        grader_usage=Usage(),
        slices=(*benchmarks.get("starter").slices[:-1], *benchmarks.get("healthbench").slices),
    )
    family, _, harness = label.rpartition("/")
    return Side(label, family, harness or label, result, (label,))


@functools.cache
def grid() -> list[Side]:
    """A sweep of three efforts by three verbosities, with reasoning that was shown."""
    return [
        side(
            f"sweep-x/reasoning_effort={effort},instruction={words}",
            system="openai/model",
            n=30,
            repeats=2,
            quality=0.3 + 0.1 * e + 0.05 * w,
            length=700 + 900 * w,
            reasoning=500 * (e + 1) ** 2 + 150 * w * (e + 1),
            sweep={
                "name": "sweep-x",
                "cell": {"reasoning_effort": effort, "instruction": words},
                "setting": {"reasoning_effort": effort},
            },
        )
        for e, effort in enumerate(("low", "medium", "high"))
        for w, words in enumerate(("brief", "normal", "thorough"))
    ]


@functools.cache
def crossed() -> list[Side]:
    """Two harnesses of two models, twice asked."""
    return [
        side(
            f"{model}/{harness}",
            n=60,
            repeats=3,
            quality=quality,
            cost=0.001 * (1 + index),
            seconds=9 - 2.0 * index,
        )
        for index, (model, harness, quality) in enumerate(
            (
                ("gpt-4o-mini", "baseline", 0.4),
                ("gpt-4o-mini", "bodhi", 0.6),
                ("gpt-4.1-mini", "baseline", 0.5),
                ("gpt-4.1-mini", "bodhi", 0.7),
            )
        )
    ]


@functools.cache
def many() -> list[Side]:
    """Twelve systems of long names with 60 specialties, prices from cents to dollars."""
    return [
        side(
            f"{LONG}-{index}",
            n=150,
            repeats=1 + index % 2,
            tags=tags_of_professional,
            quality=0.2 + 0.06 * index,
            length=800 + 250 * index,
            cost=None if index == 3 else 0.0005 * 3**index,
            tokens=0 if index % 3 else 200 * index,
        )
        for index in range(12)
    ]


@functools.cache
def doctors() -> list[Side]:
    """Physicians among three systems, on tasks without axes."""
    return [
        side("Physicians", n=90, tags=tags_of_professional, system="physician", axes=False),
        *(
            side(
                f"system {index}",
                n=90,
                tags=tags_of_professional,
                quality=0.3 + 0.2 * index,
                axes=False,
                cost=0.01 * (index + 1),
            )
            for index in range(3)
        ),
    ]


@functools.cache
def negative() -> list[Side]:
    """Scores far below zero, and incomplete grading."""
    return [
        side("bad", quality=0.05, unparseable=True),
        side("worse", quality=0.0),
        side("a little better", quality=0.15, n=25),
    ]


@functools.cache
def single() -> list[Side]:
    """One side with one example."""
    return [side("one", n=1)]


@functools.cache
def hostile() -> list[Side]:
    """Names that are formulas, markup, mathematics and control characters."""
    return [
        side(f"{HOSTILE}{end}", tags=lambda index: (f"theme:{HOSTILE}{index % 2}",), repeats=2)
        for end in ("", "2", "3" * 200)
    ]


CASES: dict[str, Callable[[], list[Side]]] = {
    "grid": grid,
    "crossed": crossed,
    "many": many,
    "doctors": doctors,
    "negative": negative,
    "single": single,
    "hostile": hostile,
}


def everything(sides: Sequence[Side]) -> list[Figure]:
    families: dict[str, int] = {}
    for each in sides:
        families[each.family] = families.get(each.family, 0) + 1
    comparison = compare(sides) if min(families.values()) > 1 else None
    curves = [curve for each in sides if (curve := reliability(each)) is not None]
    return figures(sides, comparison, curves)


@functools.cache
def shown(name: str) -> list[Figure]:
    """All figures of a case."""
    return everything(CASES[name]())


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


# The check that no text touches another


class Written:
    """A text on the page, and its box in pixels."""

    def __init__(self, text: str, box: Any) -> None:
        self.text, self.box = text, box


def written(canvas: Any) -> list[Written]:
    """Every text that is seen: of the page, of axes, and the labels of their ticks."""
    canvas.draw_without_rendering()
    renderer = canvas.canvas.get_renderer()
    seen = []
    for axes in canvas.axes:
        items = list(axes.texts)
        if axes.axison:
            for axis in (axes.xaxis, axes.yaxis):
                if axis.get_visible():
                    low, high = sorted(axis.get_view_interval())
                    items += [axis.label]
                    items += [
                        tick.label1
                        for tick in axis.get_major_ticks()
                        if low - 1e-9 <= tick.get_loc() <= high + 1e-9 and tick.label1.get_visible()
                    ]
        seen += [
            Written(item.get_text(), item.get_window_extent(renderer))
            for item in items
            if item.get_text()
        ]
    return seen


def clashes(canvas: Any) -> list[str]:
    """Pairs of texts that overlap by more than a pixel either way, and texts beyond the page."""
    items = written(canvas)
    width, height = canvas.canvas.get_width_height()
    found = [
        f"{one.text!r} touches {other.text!r}"
        for one, other in combinations(items, 2)
        if min(one.box.x1, other.box.x1) - max(one.box.x0, other.box.x0) > 1
        and min(one.box.y1, other.box.y1) - max(one.box.y0, other.box.y0) > 1
    ]
    return found + [
        f"{item.text!r} leaves the page"
        for item in items
        if item.box.x0 < 0 or item.box.y0 < 0 or item.box.x1 > width or item.box.y1 > height
    ]


class Seen(NamedTuple):
    """A figure, drawn once: its clashes, its width in inches and its SVG."""

    clashes: list[str]
    width: float
    svg: str


@functools.cache
def seen(name: str) -> dict[str, Seen]:
    """The figures of a case by name."""
    found = {}
    for figure in shown(name):
        with drawn(figure) as canvas:
            width = canvas.get_size_inches()[0]
            found[figure.name] = Seen(clashes(canvas), width, svg_of(canvas, figure))
    return found


def test_no_text_touches_another_or_leaves_the_page(case: str) -> None:
    """Whatever the names, the number of systems and the scores, every label can be read."""
    for name, each in seen(case).items():
        assert each.clashes == [], name
        assert each.width == WIDTH


def test_the_check_finds_what_touches() -> None:
    """Two texts at one place, and one beyond the edge, are found."""

    def draw(page: Any) -> None:
        page.text(1, 1, "one")
        page.text(1.05, 1, "two")
        page.text(6.9, 2, "far beyond the edge")

    with drawn(Figure("x", "Title", "Caption", [], draw)) as canvas:
        found = clashes(canvas)
    assert found == ["'one' touches 'two'", "'far beyond the edge' leaves the page"]


# What the figures show


def named(figures_: Sequence[Figure]) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures_}


def test_each_figure_appears_where_there_is_something_to_show() -> None:
    """Slices by the examples' tags, specialties, sweeps, prices, repeats and families decide."""
    common = {"scores", "difficulty", "missed"}
    assert set(named(shown("single"))) == common | {"slices-axis"}
    assert set(named(shown("doctors"))) == common | {
        "slices-type",
        "specialties",
        "differences",
        "length",
        "length-of-answers",
        "cost",
    }
    assert {"harnesses", "reliability", "cost", "time"} <= set(named(shown("crossed")))
    assert "harnesses" not in named(shown("grid"))


def test_rows_are_the_metrics_of_the_sides(case: str) -> None:
    """Every figure has rows, of one shape, and every caption says n or what is counted."""
    for figure in shown(case):
        assert figure.rows, figure.name
        assert len({tuple(row) for row in figure.rows}) == 1, figure.name
        assert "n = " in figure.caption, figure.name
        assert "95 %" in figure.caption or figure.name == "difficulty", figure.name


def test_scores_are_those_of_the_metrics() -> None:
    """The rows of `scores` repeat mean, interval, clipped value and n of each metric, unclipped."""
    sides = negative()
    rows = named(figures(sides))["scores"].rows
    for each in sides:
        metric = each.result.metrics["overall_score"]
        (row,) = (
            r
            for r in rows
            if r["side"] == each.label
            and r["metric"] == "overall_score"
            and not r["length_adjusted"]
        )
        assert (row["mean"], row["clipped"], row["n"]) == (metric.raw_mean, metric.value, metric.n)
        assert (row["low"], row["high"]) == (metric.raw_ci95 or (None, None))
    assert any(isinstance(row["mean"], float) and row["mean"] < 0 for row in rows)


def test_specialties_are_the_ten_largest_and_all_in_the_rows() -> None:
    """Of sixty specialties the table has all, and the title says how many are drawn."""
    figure = named(figures(doctors()[1:]))["specialties"]
    first = doctors()[1]
    tags = {tag for item in first.result.graded for tag in item.example.tags}
    specialties = {tag for tag in tags if tag.startswith("specialty:")}
    assert {row["metric"] for row in figure.rows} == specialties
    assert figure.title == "Score in the 10 largest specialties"
    sizes = [row["n"] for row in figure.rows if row["side"] == first.label]
    assert sizes == sorted(sizes, reverse=True)  # type: ignore[type-var]
    assert f"{len(specialties) - 10} more" in figure.caption


def test_physicians_are_a_band_and_no_point() -> None:
    """Systems have marks; the physicians have none, and their score is in the caption."""
    figure = named(figures(doctors()))["scores"]
    with drawn(figure) as canvas:
        panel = canvas.axes[1]
        marked = [line for line in panel.lines if line.get_marker() not in ("", "None", None)]
        groups = 4
        assert len(marked) == 3 * groups
        assert len(panel.patches) == groups
    metric = doctors()[0].result.metrics["overall_score"]
    assert f"physicians, overall {100 * metric.raw_mean:.1f}" in figure.caption  # type: ignore[operator]


def test_small_slices_are_grey() -> None:
    """Fewer than ten examples: the mark is grey, and the caption says so."""
    figure = named(figures([side("one", n=29)]))["scores"]
    with drawn(figure) as canvas:
        colours = {line.get_color() for line in canvas.axes[1].lines if line.get_marker() == "o"}
    assert "#9a9a9a" in colours
    assert "#1b5fa6" in colours
    assert "Grey: fewer than 10 examples" in figure.caption


def test_missed_shares_add_up_to_what_the_pooled_score_lacks() -> None:
    """The points lost over axes and signs are 1 − Σ points / Σ attainable points."""
    (one,) = sides = [side("one", n=37, repeats=2)]
    rows = named(figures(sides))["missed"].rows
    gained = attainable = 0
    for item in one.result.graded:
        for criterion, verdict in zip(item.example.criteria, item.verdicts, strict=True):
            attainable += max(0, criterion.points)
            gained += criterion.points if verdict and verdict.met else 0
    lost = sum(row["points_lost"] for row in rows)  # type: ignore[misc]
    assert lost == pytest.approx(1 - gained / attainable)
    assert sum(row["criteria_judged"] for row in rows) == 37 * 2 * 3  # type: ignore[misc]


def test_interval_of_a_share_is_the_cluster_robust_one() -> None:
    """Linearisation equals weighted least squares of the rate with errors clustered by example."""
    sm = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(3)
    judged = rng.integers(1, 12, size=60)
    missing = rng.binomial(judged, 0.3)
    met = np.concatenate([[1] * k + [0] * (n - k) for k, n in zip(missing, judged, strict=True)])
    clusters = np.repeat(np.arange(60), judged)
    fit = sm.OLS(met, np.ones((len(met), 1))).fit(
        cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": True}
    )
    found = share(missing.tolist(), judged.tolist())
    assert found.value == pytest.approx(fit.params[0])
    assert found.interval is not None
    assert found.interval[1] - found.value == pytest.approx(1.96 * fit.bse[0])


def test_share_without_variation_has_no_interval() -> None:
    """One example, or all criteria missed: an interval of no width would claim too much."""
    assert share([1], [2]).interval is None
    assert share([2, 3], [2, 3]).interval is None
    assert share([0, 0], [2, 3]).interval is None


def test_cost_marks_the_front_and_names_what_has_no_price() -> None:
    """What is dearer and no better is not on the front; unpriced sides are in the caption."""
    sides = [
        side("cheap and good", cost=0.01, quality=0.9),
        side("dear and bad", cost=0.5, quality=0.1),
        side("without price", quality=0.5),
    ]
    figure = named(figures(sides))["cost"]
    assert {row["side"]: row["on_front"] for row in figure.rows} == {
        "cheap and good": True,
        "dear and bad": False,
    }
    assert "without price" in figure.caption
    assert [row["usd_per_answer"] for row in figure.rows] == pytest.approx([0.01, 0.5])
    with drawn(figure) as canvas:
        assert canvas.axes[1].get_xscale() == "log"
    assert "cost" not in named(figures(sides[:1] + sides[2:]))


def test_lines_of_a_sweep_join_one_setting_each() -> None:
    """Three efforts by three verbosities are three lines of three points."""
    figure = named(figures(grid()))["length"]
    assert {row["cell"] for row in figure.rows} == {"brief", "normal", "thorough"}
    with drawn(figure) as canvas:
        panels = canvas.axes[1:]
        assert len(panels) == 4
        lines = [line for line in panels[0].lines if len(line.get_xdata()) == 3]
        assert len(lines) == 3
        assert len({line.get_color() for line in lines}) == 3
    reasoning = [row["mean_reasoning_length"] for row in figure.rows]
    assert None not in reasoning


def test_difficulty_counts_every_example_once() -> None:
    """The bars of each side hold all its examples; the last panel the common ones."""
    sides = [side("one", n=30, repeats=3), side("two", n=20)]
    rows = named(figures(sides))["difficulty"].rows
    totals: dict[Any, int] = {}
    for row in rows:
        totals[row["side"]] = totals.get(row["side"], 0) + int(row["examples"])  # type: ignore[arg-type]
    assert totals == {"one": 30, "two": 20, "Mean over all sides": 20}
    low = [row for row in rows if row["side"] == "two" and row["from"] == 0.0]
    means = [np.mean(values) for values in values_of(sides[1].result).values()]
    assert low[0]["examples"] == sum(0 <= mean < 0.1 for mean in means)


def test_differences_repeat_the_comparison() -> None:
    """Rows have each contrast's difference, interval and adjusted p, overall and by slice."""
    sides = crossed()
    comparison = compare(sides)
    found = named(figures(sides, comparison))
    for name in ("differences", "harnesses"):
        rows = found[name].rows
        assert len(rows) == sum(1 + len(each.slices) for each in comparison.contrasts)
        first = comparison.contrasts[0].overall
        assert rows[0]["difference"] == first.difference
        assert (rows[0]["low"], rows[0]["high"]) == first.ci95
        assert rows[0]["p_holm"] == first.p_holm


def test_curves_are_those_of_reliability() -> None:
    """Worst and best of k, with intervals, for every k."""
    sides = crossed()
    curves = [curve for each in sides if (curve := reliability(each)) is not None]
    rows = named(figures(sides, None, curves))["reliability"].rows
    assert len(rows) == sum(2 * len(curve.k) for curve in curves)
    worst = [
        row["mean"] for row in rows if row["side"] == curves[0].label and row["order"] == "worst"
    ]
    assert worst == curves[0].worst


# Files


def test_the_same_input_gives_the_same_bytes() -> None:
    """Two drawings of one figure are equal, whatever the user's own style."""
    import matplotlib

    again = named(everything(crossed.__wrapped__()))
    for name, first in seen("crossed").items():
        assert first.svg == svg(again[name]), name
    plain = png(again["scores"])
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red"}):
        assert png(again["scores"]) == plain
        assert matplotlib.rcParams["font.size"] == 20


def test_pictures_are_well_formed(case: str) -> None:
    """An SVG parses, contains no script and no text of its own; a PNG is 1,400 dots wide."""
    for name, each in seen(case).items():
        tree = xml.fromstring(each.svg)
        kinds = {part.tag.rpartition("}")[2] for part in tree.iter()}
        assert not kinds & {"script", "text", "foreignObject", "image", "a"}, name
        assert tree.get("width") == "504pt"
    first = shown(case)[0]
    assert first.rows
    picture = png(first)
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(picture[16:20], "big") == 1400


def test_bare_leaves_title_and_caption_to_the_page() -> None:
    """A page that prints them itself gets the drawing alone, with both in the metadata."""
    figure = named(figures([side("one")]))["scores"]
    with drawn(figure) as framed, drawn(figure, bare=True) as bare:
        assert figure.title in [item.text for item in written(framed)]
        assert figure.title not in [item.text for item in written(bare)]
        assert clashes(bare) == []
    assert figure.title in svg(figure, bare=True)


def test_no_formula_reaches_a_spreadsheet() -> None:
    """A text that a spreadsheet would run has an apostrophe before it; numbers stay numbers."""
    for figure in shown("hostile"):
        for row in tables.DictReader(io.StringIO(csv(figure))):
            for value in row.values():
                assert not value.startswith(("=", "+", "@")), figure.name
                if value.startswith("-"):
                    float(value)


def test_ranking_draws_a_leaderboard() -> None:
    """Ranks and mean ranks with their intervals, a row for each system; none without rivals."""
    sides = [side(f"system {index}", quality=0.2 + 0.3 * index) for index in range(3)]
    board = leaderboard([each.result for each in sides], resamples=50)
    figure = ranking(board)
    assert figure is not None
    assert [row["system"] for row in figure.rows] == ["system 2", "system 1", "system 0"]
    assert [row["rank"] for row in figure.rows] == [1, 2, 3]
    with drawn(figure) as canvas:
        assert clashes(canvas) == []
        assert canvas.axes[1].get_xlim()[1] < 10
    assert ranking(leaderboard([sides[0].result], resamples=50)) is None


def test_names_are_shown_and_never_interpreted() -> None:
    """No mathematics, no control character, nothing that turns the reading direction."""
    figure = named(shown("hostile"))["scores"]
    with drawn(figure) as canvas:
        texts = " ".join(item.text for item in written(canvas))
    assert "$" in texts
    assert not any(sign in texts for sign in "\u202e\x00\n\ud800")


@given(st.text(max_size=300))
def test_a_clean_text_is_one_short_visible_line(text: str) -> None:
    """Whatever comes in, what is printed is printable, on one line and bounded."""
    shown = clean(text, 40)
    assert 0 < len(shown) <= 40
    assert shown.isprintable()
    shown.encode()


def test_wrapped_lines_keep_every_letter_and_fit() -> None:
    """Wrapping loses nothing but blanks, and no line of more than one sign is too wide."""

    @given(st.text(min_size=1, max_size=80), st.floats(0.3, 3))
    def keeps_and_fits(text: str, width: float) -> None:
        text = clean(text, 80)
        lines = wrap(text, width)
        assert all(text_width(line) <= width for line in lines if len(line) > 1)
        assert "".join("".join(lines).split()) == "".join(text.split())

    # Measured as it is drawn: with the fonts and settings of a figure.
    with drawn(Figure("x", "Title", "Caption", [], lambda page: None)):
        keeps_and_fits()


def test_names_that_look_alike_get_numbers() -> None:
    """Two labels that differ only in what is left out are still told apart."""
    sides = [side("a" * 40 + middle + "b" * 40, n=2) for middle in ("x", "y")]
    shown = names(sides)
    assert len(set(shown)) == 2
    assert shown[0].endswith("#1")


def test_files_are_written_whole_and_listed(tmp_path: Path) -> None:
    """One file for each figure and format, in a folder that is made; nothing half-written."""
    found = figures([side("one")])
    paths = write(found, tmp_path / "new" / "folder", ("svg", "png", "csv", "svg"))
    assert len(paths) == 3 * len(found)
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(
        path.name for path in paths
    )
    assert all(path.stat().st_size for path in paths)


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    """An unknown format, a file in place of the folder, two labels alike, two benchmarks."""
    found = figures([side("one")])
    with pytest.raises(InputError, match="--format: expected svg, png, csv, found 'pdf'"):
        write(found, tmp_path, ("pdf",))
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        write(found, blocked, ("csv",))
    with pytest.raises(InputError, match="two sides have this name"):
        figures([side("one"), side("one")])
    with pytest.raises(InputError, match="at least one side"):
        figures([])


def test_without_matplotlib_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Pictures are unavailable; the numbers are not."""
    found = figures([side("one")])
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(Unavailable, match="pip install 'matplotlib"):
        write(found, tmp_path, ("svg",))
    assert write(found, tmp_path, ("csv",))


def test_figures_are_imported_without_matplotlib() -> None:
    """Importing the package, and the program with its commands, does not import matplotlib."""
    code = (
        "import sys, preceptor.cli.app, preceptor.reports.figures;"
        "sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# The command


@pytest.fixture
def store(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Path:
    """Two runs of twelve examples, made elsewhere, in a store."""
    isolate(monkeypatch, tmp_path)
    ids = [f"e{index}" for index in range(12)]
    data = write_rows(tmp_path / "data.jsonl", [data_row(each, (5, 3, -3)) for each in ids])
    place = tmp_path / "s.db"
    for name, met in (("first", [True, False, True]), ("second", [True, True, False])):
        rows = [
            graded_row(each, [met[0] ^ (index % 3 == 0), *met[1:]])
            for index, each in enumerate(ids)
        ]
        file = write_rows(tmp_path / f"{name}.jsonl", rows)
        arguments = ["--benchmark", "healthbench", "--data", str(data), "--store", str(place)]
        assert main(["import", "graded", str(file), *arguments, "--grader", "a grader"]) == 0
    capsys.readouterr()
    return place


def test_the_command_writes_files_and_prints_their_paths(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pictures and numbers of both sides, differences included, one path a line."""
    runs = [run.info.name for run in preceptor.runs(store=store)]
    sides = [f"m/{harness}={run}" for harness, run in zip("ab", runs, strict=True)]
    folder = tmp_path / "out"
    arguments = ["-o", str(folder), "-f", "svg, csv", "--store", str(store)]
    assert main(["figures", *sides, *arguments]) == 0
    printed = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert {path.suffix for path in printed} == {".svg", ".csv"}
    assert {"scores", "differences", "missed"} <= {path.stem for path in printed}
    assert all(path.parent == folder and path.stat().st_size for path in printed)
    assert sorted(folder.iterdir()) == sorted(printed)


def test_a_wrong_format_is_told_before_anything_is_read(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, exit code 2, and no folder."""
    folder = tmp_path / "out"
    arguments = ["-o", str(folder), "-f", "pdf", "--store", str(store)]
    assert main(["figures", "no-such-run", *arguments]) == 2
    assert capsys.readouterr().err == "error: --format: expected svg, png, csv, found 'pdf'\n"
    assert not folder.exists()


def test_the_page_lists_every_figure_and_its_columns() -> None:
    """docs/figures.md has each file, and exactly the columns of its table, in order."""
    page = (Path(__file__).parent.parent / "docs" / "figures.md").read_text("utf-8")
    drawn_part, numbers = page.split("## The numbers")
    files = set(re.findall(r"^\| `([\w-]+)` \|", drawn_part, re.MULTILINE))
    columns = {
        name: re.findall(r"`(\w+)`", cells)
        for heads, cells in re.findall(r"^\| (`.*?) \| (.*) \|$", numbers, re.MULTILINE)
        for name in re.findall(r"`([\w-]+)`", heads)
    }
    assert files == set(columns)
    listed = set()
    for figure in [*shown("crossed"), *shown("doctors")]:
        name = "slices-KIND" if figure.name.startswith("slices-") else figure.name
        assert list(figure.rows[0]) == columns[name], name
        listed.add(name)
    assert listed == files
