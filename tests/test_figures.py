"""The figures: what they show, that their texts never touch, and that no name can harm them."""

from __future__ import annotations

import csv as tables
import io
import random
import subprocess
import sys
import xml.etree.ElementTree as xml
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor import benchmarks
from preceptor.claims.comparison import compare
from preceptor.claims.reliability import reliability
from preceptor.claims.sides import Side, values_of
from preceptor.errors import InputError, Unavailable
from preceptor.records import (
    Criterion,
    Example,
    Graded,
    Message,
    Response,
    Result,
    RunInfo,
    Usage,
    Verdict,
)
from preceptor.reports.figures import Figure, csv, figures, png, svg, write
from preceptor.reports.figures.base import drawn
from preceptor.reports.figures.missed import share
from preceptor.reports.figures.page import WIDTH, wrap
from preceptor.reports.figures.words import clean, names

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
    """A made-up side; ``options`` are quality, length, cost, reasoning, tokens, axes, sweep."""
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
    settings = {"sweep": options["sweep"]} if "sweep" in options else {}
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
    )
    family, _, harness = label.rpartition("/")
    return Side(label, family, harness or label, result, (label,))


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


def crossed() -> list[Side]:
    """Two harnesses of two models, twice asked."""
    return [
        side(f"{model}/{harness}", n=60, repeats=3, quality=quality, cost=0.001 * (1 + index))
        for index, (model, harness, quality) in enumerate(
            (
                ("gpt-4o-mini", "baseline", 0.4),
                ("gpt-4o-mini", "bodhi", 0.6),
                ("gpt-4.1-mini", "baseline", 0.5),
                ("gpt-4.1-mini", "bodhi", 0.7),
            )
        )
    ]


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


def negative() -> list[Side]:
    """Scores far below zero, and incomplete grading."""
    return [
        side("bad", quality=0.05, unparseable=True),
        side("worse", quality=0.0),
        side("a little better", quality=0.15, n=25),
    ]


def single() -> list[Side]:
    """One side with one example."""
    return [side("one", n=1)]


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


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> list[Figure]:
    return everything(CASES[request.param]())


# The check that no text touches another


class Written:
    """A text on the page, and its box in pixels."""

    def __init__(self, text: str, box: Any) -> None:
        self.text, self.box = text, box


def written(canvas: Any) -> list[Written]:
    """Every text that is seen: of the page, of axes, and the labels of their ticks."""
    canvas.canvas.draw()
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


def test_no_text_touches_another_or_leaves_the_page(case: list[Figure]) -> None:
    """Whatever the names, the number of systems and the scores, every label can be read."""
    for figure in case:
        with drawn(figure) as canvas:
            assert clashes(canvas) == [], figure.name
            assert canvas.get_size_inches()[0] == WIDTH


def test_the_check_finds_what_touches() -> None:
    """Two texts at one place, and one beyond the edge, are found."""

    def draw(page: Any) -> None:
        page.text(1, 1, "one")
        page.text(1.05, 1, "two")
        page.text(6.9, 2, "far beyond the edge")

    with drawn(Figure("x", "Title", "Caption", [], draw)) as canvas:
        found = clashes(canvas)
    assert found == ["'one' touches 'two'", "'far beyond the edge' leaves the page"]
