"""The HTML report: what it says, what a share-safe one does not, and that no text can break it."""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import html
import json
import random
import re
import shutil
import struct
import sys
import zlib
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from preceptor import benchmarks
from preceptor.analysis.comparison import compare
from preceptor.analysis.length import lengths
from preceptor.analysis.reliability import reliability
from preceptor.errors import InputError
from preceptor.records import (
    Criterion,
    Example,
    File,
    Graded,
    Image,
    Message,
    PhysicianAnswer,
    Response,
    Result,
    RunInfo,
    RunSettings,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    Usage,
    Verdict,
)
from preceptor.reports.charts import Axis, axis_for, bin_counts, histogram, longest_shown, scatter
from preceptor.reports.comparison import headline
from preceptor.reports.explorer import embed, payload
from preceptor.reports.figures import csv, figures, svg
from preceptor.reports.format import (
    days,
    interval,
    p_value,
    percent,
    points,
    pretty,
    signed,
)
from preceptor.reports.html import render
from preceptor.reports.missed_criteria import most_missed
from preceptor.reports.pictures import Pictures
from preceptor.reports.settings import flatten
from preceptor.reports.view import run_views, sections
from preceptor.results.pool import Side
from preceptor.scoring import LengthRule, score_rubric, summarise

_WORDS = (
    *("amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "harbour", "inlet", "juniper"),
    *("kestrel", "lagoon", "meadow", "nimbus", "orchid", "pebble", "quartz", "river", "saffron"),
    *("thicket", "umbra", "valley", "willow", "xenon", "yarrow", "zephyr"),
)
_VOID = {"meta", "link", "br", "input", "hr", "img"}


# --- synthetic runs


def prose(rng: random.Random, words: int = 18) -> str:
    return " ".join(rng.choice(_WORDS) for _ in range(words)).capitalize() + "."


def an_example(
    number: int, rng: random.Random, tags: Sequence[str], *, shared: str | None = None
) -> Example:
    criteria = [
        Criterion(prose(rng), rng.randint(3, 10), ("level:example", "axis:accuracy")),
        Criterion(prose(rng), rng.randint(1, 8), ("level:example", "axis:completeness")),
        Criterion(prose(rng), -rng.randint(1, 10), ("level:example", "axis:accuracy")),
    ]
    if shared is not None:
        criteria.append(Criterion(shared, 5, ("level:cluster", "cluster:hedging_safe")))
    return Example(
        id=f"ex-{number:04d}",
        messages=(Message("user", prose(rng)),),
        criteria=tuple(criteria),
        tags=tuple(tags),
        physician=PhysicianAnswer(prose(rng), "Group 1") if number % 3 == 0 else None,
    )


def the_examples(count: int, seed: int = 0) -> list[Example]:
    rng = random.Random(seed)
    shared = prose(rng, 60)
    themes = ("hedging", "communication", "complex_responses")
    return [
        an_example(
            number,
            rng,
            (f"theme:{themes[number % 3]}", f"specialty:field_{number % 14}", "use_case:consult"),
            shared=shared if number % 2 else None,
        )
        for number in range(count)
    ]


def answered(
    example: Example, rng: random.Random, *, met: float = 0.6, repeat: int = 0, text: str = ""
) -> Graded:
    verdicts = tuple(
        Verdict(f"{example.id}-{index}", rng.random() < met, prose(rng))
        for index in range(len(example.criteria))
    )
    answer = text or prose(rng, rng.randint(20, 60))
    return Graded(example, repeat, Response(f"r-{example.id}", answer), verdicts)


SLICES = (
    *benchmarks.get("healthbench-professional").slices[:-1],
    *benchmarks.get("healthbench").slices,
)


def a_result(
    graded: Sequence[Graded],
    *,
    name: str = "first-run",
    departures: Sequence[str] = (),
    notes: Sequence[str] = (),
    settings: dict[str, Any] | None = None,
    grader: str = "openai/some-judge",
    title: str = "Synthetic Bench",
    date: str = "2026-01-14T10:00:00+00:00",
    repeats: int = 1,
) -> Result:
    scores = [score_rubric(item) for item in graded]
    tags = {item.example.id: item.example.tags for item in graded}
    ungraded: dict[str, int] = {}
    for item in graded:
        for verdict in item.verdicts:
            if verdict is None or verdict.met is None:
                reason = "not graded yet" if verdict is None else verdict.reason or "unknown"
                ungraded[reason] = ungraded.get(reason, 0) + 1
    asked = sum(len(item.verdicts) for item in graded)
    info = RunInfo(
        name=name,
        benchmark="healthbench-professional",
        system=f"openai/{name}-model",
        grader=grader,
        status="complete",
        created_at=date,
        settings=RunSettings.of(
            settings or {"data_sha256": "ab" * 32, "system_parameters": {"temperature": 0.5}}
        ),
        n_examples=len(tags),
        repeats=repeats,
    )
    return Result(
        info=info,
        title=title,
        labels={"theme:hedging": "Responding under uncertainty"},
        graded=list(graded),
        scores=scores,
        metrics=summarise(scores, tags, LengthRule(1.47)),
        departures=list(departures),
        notes=list(notes),
        coverage=1 - sum(ungraded.values()) / asked if asked else 0.0,
        verdicts=asked,
        ungraded=ungraded,
        cost_usd=1.5,
        system_usage=Usage(100, 200),
        grader_usage=Usage(3000, 400),
        slices=SLICES,
    )


def a_run(count: int = 30, *, seed: int = 1, met: float = 0.6, **options: Any) -> Result:
    rng = random.Random(seed)
    return a_result([answered(item, rng, met=met) for item in the_examples(count)], **options)


# --- reading a page


class Page(HTMLParser):
    """The elements of a page, and whether every one that is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.raw: dict[str, list[str]] = {"style": [], "script": []}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.raw:
            self.raw[self.open[-1]].append(data)
        else:
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.pieces))

    def attributes(self, name: str) -> list[str]:
        return [found[name] or "" for _, found in self.elements if name in found]


def data_of(page: str) -> tuple[str, str]:
    """The explorer's JSON as text, and how it was embedded."""
    found = re.search(
        r'<script type="application/json" id="data" data-encoding="(\w+)">(.*?)</script>', page
    )
    assert found is not None
    if found[1] == "json":
        return found[2], "json"
    return gzip.decompress(base64.b64decode(found[2])).decode(), "gzip"


@pytest.fixture(autouse=True)
def _undrawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes a second a page: only the tests that ask for `drawn` wait for it."""
    if "drawn" not in request.fixturenames:  # `unpainted` asks for it
        monkeypatch.setattr("preceptor.reports.html.pictures", lambda *_: Pictures([], ""))


@pytest.fixture
def drawn() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")


# --- the page as a whole


def test_the_page_parses_and_its_references_resolve() -> None:
    """Every element is closed, ids are unique, and labels and links point at something."""
    for results in ([a_run()], [a_run(), a_run(seed=2, name="second-run")]):
        page = Page(render(results))
        ids = page.attributes("id")
        assert len(ids) == len(set(ids))
        assert set(page.attributes("aria-labelledby")) <= set(ids)
        assert {href[1:] for href in page.attributes("href")} <= set(ids)


def test_nothing_is_loaded_from_anywhere() -> None:
    """No reference leaves the page, and the policy allows only the page's own style and script."""
    text = render([a_run()])
    page = Page(text)
    assert all(href.startswith("#") for href in page.attributes("href"))
    for name in ("src", "srcset", "action", "data", "poster", "style"):
        assert page.attributes(name) == []
    assert not [key for _, found in page.elements for key in found if key.startswith("on")]
    assert "@import" not in text
    assert "url(" not in text

    policy = next(
        found["content"] or ""
        for tag, found in page.elements
        if tag == "meta" and found.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    style, script = page.raw["style"], page.raw["script"][-1:]
    for directive, content in (("style-src", style), ("script-src", script)):
        digest = hashlib.sha256("".join(content).encode()).digest()
        assert f"{directive} 'sha256-{base64.b64encode(digest).decode()}';" in policy


def test_the_same_runs_give_the_same_page() -> None:
    """Nothing in a report depends on when it was rendered."""
    assert render([a_run(400)]) == render([a_run(400)])


def test_a_report_of_nothing_is_refused() -> None:
    """One line says what is missing."""
    with pytest.raises(InputError, match="at least one run"):
        render([])


# --- what it says


def test_a_score_stands_with_interval_n_and_coverage() -> None:
    """In the headline of one run, and in each row of the breakdown."""
    result = a_run(40)
    text = Page(render([result])).text
    metric = result.metrics["overall_score"]
    assert f"{points(metric.value)} of 100" in text
    assert f"95 % interval {interval(metric.ci95)}" in text
    assert "n = 40 · coverage 100 %" in text
    assert points(result.metrics["overall_score_length_adjusted"].value) in text
    assert "Coverage is 100 % in every row." in text
    row = result.metrics["theme:hedging"]
    assert (
        f"Responding under uncertainty {points(row.value)} {interval(row.ci95)} "
        f"{points(result.metrics['theme:hedging_length_adjusted'].value)}" in text
    )


def test_rows_of_several_runs_have_their_units() -> None:
    """Forty examples of ten videos say as much as ten, in the first table, too."""
    result = a_run(40)
    overall = msgspec.structs.replace(result.metrics["overall_score"], units=10, units_are="videos")
    result = msgspec.structs.replace(result, metrics=result.metrics | {"overall_score": overall})
    text = Page(render([result, a_run(40, seed=2, name="second-run")])).text
    assert text.count("10 videos") == 1


def test_several_runs_have_a_row_each() -> None:
    """With system, score, interval, n and coverage, in the order given."""
    results = [a_run(40), a_run(40, seed=2, name="second-run", grader="openai/other-judge")]
    text = Page(render(results)).text
    for result in results:
        metric = result.metrics["overall_score"]
        assert f"{result.info.name}openai/{result.info.name}-model" in text
        assert f"{points(metric.value)}{interval(metric.ci95)}" in text
    assert text.index("first-runopenai") < text.index("second-runopenai")
    assert "graded by different graders" in text


def test_a_negative_mean_is_shown_before_clipping() -> None:
    """The printed score is 0; the mean stands beside it, and the axis reaches down to it."""
    result = a_run(40, met=0.0)
    graded = [
        msgspec.structs.replace(
            item,
            verdicts=tuple(
                Verdict("v", criterion.points < 0) for criterion in item.example.criteria
            ),
        )
        for item in result.graded
    ]
    result = a_result(graded)
    metric = result.metrics["overall_score"]
    assert metric.raw_mean is not None
    assert metric.raw_mean < 0
    text = Page(render([result])).text
    assert "0.0 of 100" in text
    assert f"Mean before clipping {points(metric.raw_mean)} ({interval(metric.raw_ci95)})" in text
    assert axis_for(result.metrics.values()).low <= metric.raw_mean


def test_an_incomplete_run_says_what_is_missing_and_its_bounds() -> None:
    """Coverage below 1 is a banner with reasons and bounds, and a column of the breakdown."""
    graded = list(a_run(30).graded)
    graded[0] = msgspec.structs.replace(graded[0], response=None, verdicts=(None,) * 3)
    lost = Verdict("v", None, reason="rate_limit", detail="refused six times")
    graded[1] = msgspec.structs.replace(graded[1], verdicts=(lost, lost, *graded[1].verdicts[2:]))
    result = a_result(graded)
    text = Page(render([result])).text
    bounds = result.metrics["overall_score"].bounds
    assert f"{percent(result.coverage)} of the verdicts were given" in text
    assert "missing: 3 not graded yet, 2 rate limit" in text
    assert bounds is not None
    assert f"lies between {points(bounds[0])} and {points(bounds[1])}." in text
    assert "n = 28 complete of 30" in text
    assert f"{percent(result.metrics['use_case:consult'].coverage)} {interval(bounds)}" in text
    assert "Coverage is 100 %" not in text


def test_departures_and_notes_are_banners() -> None:
    """Each sentence once, with the runs that it is about where it is not about all."""
    results = [
        a_run(12, departures=["Own grader template: not comparable."], notes=["Said of both."]),
        a_run(12, seed=2, name="second-run", notes=["Said of both."]),
    ]
    text = Page(render(results)).text
    assert "Departs from the reference protocol. Own grader template: not comparable." in text
    assert "In first-run." in text
    assert text.count("Said of both.") == 1
    assert "In first-run, second-run" not in text


def test_more_runs_than_marks_stay_usable() -> None:
    """All are in the table, best first; charts and explorer have six."""
    results = [a_run(12, seed=seed, met=seed / 10, name=f"run-{seed}") for seed in range(1, 10)]
    page = render(results)
    text = Page(page).text
    assert "All 9 runs" in text
    order = sorted(results, key=lambda result: -(result.metrics["overall_score"].raw_mean or 0.0))
    places = [text.index(f"{result.info.name}openai/") for result in order]
    assert places == sorted(places)
    assert len(json.loads(data_of(page)[0])["runs"]) == 6


def test_sections_follow_the_papers_and_fold_what_is_long() -> None:
    """Use case before specialty before theme; beyond ten rows the rest is folded; few are grey."""
    result = a_run(30)
    axis = Axis()
    found = sections([result], run_views([result], [1], axis), axis)
    assert [part.title for part in found] == [
        "Use case",
        "Specialty",
        "Theme",
        "Axis of behaviour",
        "Level of criterion",
        "Consensus criterion",
    ]
    specialty, theme = found[1], found[2]
    assert (len(specialty.first), len(specialty.rest)) == (10, 4)
    assert [row.name for row in theme.first] == [
        "Responding under uncertainty",
        "Communication",
        "Complex responses",
    ]
    page = render([result])
    assert "4 more" in page
    assert 'class="small"' in page
    assert "Grey: fewer than 10 examples." in page


def test_charts_of_answers_count_every_answer() -> None:
    """The bars add up to the answers, the ones below the axis included; dots are one an answer."""
    values = [-2.4, -1.0, -0.05, 0.0, 0.3, 0.999, 1.0]
    bins = bin_counts(values, Axis(-1.0))
    assert sum(bins) == len(values)
    assert bins[0] == 2
    assert bins[-1] == 2
    assert bins[13] == 1
    result = a_run(30)
    assert len(scatter(result.scores, Axis(-1.0), longest_shown([result.scores])).dots) == 30
    chart = histogram(result.scores, Axis(-1.0), 30)
    assert chart.summary.startswith("30 answers: median ")
    assert "too few for a chart" in render([a_run(8)])
    assert "too few for a chart" not in render([result])


def test_costliest_criteria_count_points_and_recurrence() -> None:
    """Positive ones not met and negative ones met, by points × times, the same text as one."""
    example = the_examples(2)[1]
    twin = msgspec.structs.replace(example, id="ex-twin")

    def graded(of: Example, *met: bool | None) -> Graded:
        return Graded(of, 0, Response("r", "text"), tuple(Verdict("v", value) for value in met))

    result = a_result(
        [graded(example, False, True, True, False), graded(twin, None, True, False, False)]
    )
    tables = most_missed([result], share=False)
    shared = next(row for row in tables.omitted if row.points == 5 and row.missed == 2)
    assert (shared.lost, shared.judged, shared.tags) == (10, 2, ["Hedging safe"])
    first = next(row for row in tables.omitted if row.text == example.criteria[0].text)
    assert (first.missed, first.judged, first.lost) == (1, 1, example.criteria[0].points)
    assert [row.text for row in tables.committed] == [example.criteria[2].text]
    assert tables.total_committed == -example.criteria[2].points
    assert all(row.text is None for row in most_missed([result], share=True).omitted)


def sides_of(*labels: str, **options: Any) -> list[Side]:
    """Sides of 30 common examples each, labelled so."""
    found = []
    for seed, label in enumerate(labels, start=1):
        family, _, harness = label.rpartition("/")
        result = a_run(30, seed=seed, met=0.3 + 0.1 * seed, name=label, **options)
        found.append(Side(label, family, harness, result, (label,)))
    return found


def test_the_method_names_the_interval_that_was_computed() -> None:
    """Mean ± 1.96 standard errors is said of many examples only."""
    text = Page(render([a_run(12)])).text
    assert "With 30 independent examples or more" in text
    assert "Otherwise it is a t interval, widened for skewness" in text
    assert "interval is mean ± 1.96" not in text


def test_several_runs_are_compared() -> None:
    """Each with the first: the claim in a sentence, the methods folded, each slice in a forest."""
    sides = sides_of("plain", "guided", "long")
    page = render(sides)
    text = Page(page).text
    comparison = compare(sides)
    assert [contrast.contender for contrast in comparison.contrasts] == ["guided", "long"]
    for contrast in comparison.contrasts:
        assert headline(contrast) in text
        for item in contrast.slices:
            assert f"{signed(item.difference)} {interval(item.ci95)}" in text
    assert "The same difference by other methods" in text
    assert "30 common examples; none left out." in text
    assert render([side.result for side in sides]) == page


def test_a_family_is_compared_within() -> None:
    """With its first as the reader named it, also where the table is sorted by score."""
    names = ("b/plain", "b/guided", "a/plain", "a/guided", "c/plain", "c/guided", "alone")
    text = Page(render(sides_of(*names))).text
    assert re.search(r"a/guided (against|scored \w+ than) a/plain", text)
    assert re.search(r"c/guided (against|scored \w+ than) c/plain", text)
    assert "against b/" not in text
    assert "Not compared, without another of its family here: b/plain, alone." in text
    apart = Page(render(sides_of("a/plain", "b/plain"))).text
    assert "b/plain against a/plain" in apart


def test_what_cannot_be_compared_says_why() -> None:
    """Other graders, other benchmarks, one name twice, no common example; one run says nothing."""
    first, second = sides_of("plain", "guided")
    result = second.result

    def other(**changes: Any) -> str:
        info = msgspec.structs.replace(result.info, **changes)
        return Page(render([first.result, msgspec.structs.replace(result, info=info)])).text

    assert "Not compared: the runs were graded by different graders" in other(grader="another")
    assert "Not compared: the runs are of different benchmarks." in other(benchmark="healthbench")
    assert "Not compared: 'plain': two sides have this name" in other(name="plain")
    moved = [
        msgspec.structs.replace(
            item, example=msgspec.structs.replace(item.example, id=f"moved-{item.example.id}")
        )
        for item in result.graded
    ]
    apart = Page(render([first.result, a_result(moved, name="guided")])).text
    assert "Not compared: 'plain' and 'guided' have no example in common." in apart
    assert "omparison" not in Page(render([result])).text


def test_more_runs_than_marks_are_compared_with_the_highest() -> None:
    """Only the charted six."""
    results = [a_run(12, seed=seed, met=seed / 10, name=f"run-{seed}") for seed in range(1, 10)]
    results.sort(key=lambda result: -(result.metrics["overall_score"].raw_mean or 0.0))
    text = Page(render(results[::-1])).text
    for result in results[1:6]:
        assert f"{result.info.name} against {results[0].info.name}" in text
    assert f"{results[6].info.name} against" not in text


def several_times(seed: int, repeats: int = 3, **options: Any) -> Result:
    rng = random.Random(seed)
    examples = the_examples(20)
    graded = [answered(item, rng, repeat=k) for item in examples for k in range(repeats)]
    return a_result(graded, repeats=repeats, **options)


def test_repeated_examples_show_reliability() -> None:
    """Worst and best of k with intervals, and in how many examples the score changes."""
    result = several_times(1)
    side = Side("first-run", "", "first-run", result, ("first-run",))
    found = reliability(side)
    assert found is not None
    assert found.k == [1, 2, 3]
    text = Page(render([result])).text
    for at, k in enumerate(found.k):
        row = (
            f"{k} {points(found.worst[at])} {interval(found.worst_ci95[at])} "
            f"{points(found.best[at])} {interval(found.best_ci95[at])} 20"
        )
        assert row in text
    assert f"20 of 20 20 {percent(found.changed)} {points(found.within_sd)}" in text
    assert "Worst of k" not in Page(render([a_run(20)])).text


def test_length_has_slopes_and_prices() -> None:
    """The slopes with intervals, the benchmark's price, and the one that a sweep gives."""
    results = [
        several_times(
            seed,
            name=f"run-{seed}",
            settings={"sweep": {"setting": {"effort": "low"}, "cell": {"at": str(seed)}}},
        )
        for seed in (1, 2)
    ]
    sides = [Side(r.info.name, "", r.info.name, r, (r.info.name,)) for r in results]
    found = lengths(sides)
    text = Page(render(results)).text
    for one in found.sides:
        for fit in (one.across_examples, one.within_examples):
            assert fit is not None
            assert f"{signed(fit.per_500)}{interval(fit.ci95)}p {p_value(fit.p)}" in text
    assert "takes off 1.5 points for each further 500 characters" in text
    assert not re.search(r"(\d+) examples to \1 examples", text)
    assert found.penalty is None
    assert "cannot be derived" in text
    one_system = [
        msgspec.structs.replace(r, info=msgspec.structs.replace(r.info, system="openai/one"))
        for r in results
    ]
    penalty = lengths(
        [msgspec.structs.replace(s, result=r) for s, r in zip(sides, one_system, strict=True)]
    ).penalty
    assert penalty is not None
    swept = Page(render(one_system)).text
    assert f"gives for these runs {signed(penalty.per_500)} points" in swept
    assert "openai/one: effort=low" in swept


def test_pooled_runs_are_counted_and_named() -> None:
    """A side of several runs says how many answers of how many runs it has, and which."""
    result = several_times(1, name="pooled")
    side = Side("pooled", "", "pooled", result, ("seed-1", "seed-2", "seed-3"))
    for sides in ([side], [side, *sides_of("other")]):
        text = Page(render(sides)).text
        assert "60 answers of 3 runs" in text
        assert "seed-1seed-2seed-3" in text


# --- figures


def data_urls(page: str) -> list[str]:
    """The files that the page holds, unpacked."""
    return [
        base64.b64decode(found).decode()
        for found in re.findall(r"data:[a-z/+]+;base64,([A-Za-z0-9+/=]+)", page)
    ]


@functools.cache
def page_of_two() -> tuple[list[Side], str]:
    """Two sides and their page with its figures, for the tests that ask for `drawn`."""
    sides = sides_of("plain", "guided")
    return sides, render(sides)


@pytest.fixture
def unpainted(drawn: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every figure has its numbers, and in the place of its drawing an empty one."""
    monkeypatch.setattr("preceptor.reports.pictures.svg", lambda *_, bare: f"<svg>{bare}</svg>")


def test_figures_are_in_the_page(drawn: None) -> None:
    """As pictures and tables that are data of the page itself, with what they say in words."""
    sides, text = page_of_two()
    page = Page(text)
    comparison = compare(sides)
    expected = figures(sides, comparison, [])
    assert expected
    assert page.attributes("src") == [
        f"data:image/svg+xml;base64,{base64.b64encode(svg(figure, bare=True).encode()).decode()}"
        for figure in expected
    ]
    assert page.attributes("alt") == [figure.title for figure in expected]
    for figure in expected:
        assert re.sub(r"\s+", " ", figure.caption) in page.text
        assert csv(figure) in data_urls(text)
    outside = [href for href in page.attributes("href") if not href.startswith("#")]
    assert len(outside) == len(expected)
    assert all(href.startswith("data:text/csv;base64,") for href in outside)
    assert "; img-src data:; " in page.attributes("content")[0]
    assert "unsafe" not in page.attributes("content")[0]


def test_a_page_with_figures_is_the_same_again(drawn: None) -> None:
    """The drawings have no date and no random name."""
    assert render([a_run(20)]) == render([a_run(20)])


def test_without_matplotlib_the_page_says_so(drawn: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence on how to get it; all else is there."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    page = Page(render([a_run(20)]))
    assert "figures need matplotlib (preceptor doctor says how to get it)." in page.text
    assert page.attributes("src") == []
    assert "Costliest criteria" in page.text


def test_runs_that_no_figure_can_show_together_say_so(drawn: None) -> None:
    """Of two benchmarks: a sentence, no error."""
    first, second = (a_run(12, name=name) for name in ("first", "second"))
    info = msgspec.structs.replace(second.info, benchmark="healthbench")
    text = Page(render([first, msgspec.structs.replace(second, info=info)])).text
    assert "None: expected runs of one benchmark" in text


def test_score_against_length_is_of_all_runs(unpainted: None) -> None:
    """Beyond six too, where all else is of the charted six."""
    names = [f"run-{number}" for number in range(8)]
    files = data_urls(render(sides_of(*names)))
    whole = next(file for file in files if file.startswith("side,setting,"))
    assert all(f"\n{name}," in whole for name in names)
    others = [file for file in files if file.startswith("side,metric,")]
    assert others
    assert not any(all(f"\n{name}," in file for name in names) for file in others)


def test_pictures_have_a_limit(unpainted: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is beyond it is named, with the command that writes it; a long table is cut."""
    with monkeypatch.context() as limited:
        limited.setattr("preceptor.reports.pictures._MOST_PICTURES", 1)
        page = Page(render([a_run(20)]))
    assert page.attributes("src") == []
    assert re.search(
        r"Too large for this page: scores, .*; preceptor figures writes them\.", page.text
    )
    monkeypatch.setattr("preceptor.reports.pictures._ROWS", 2)
    monkeypatch.setattr("preceptor.reports.pictures._MOST_TABLE", 1)
    cut = render([a_run(20)])
    assert "The first 2 of" in cut
    assert "data:text/csv" not in cut


def test_figures_of_a_share_safe_report_have_no_text(drawn: None) -> None:
    """Nor have comparison, reliability and length: no 25 characters of any text, also unpacked."""
    rng = random.Random(8)
    telling = a_telling_result()
    again = [answered(item.example, rng, repeat=1) for item in telling.graded]
    repeated = a_result(
        [*telling.graded, *again], settings=telling.info.settings.plain(), name="first", repeats=2
    )
    other = a_result(again, settings=telling.info.settings.plain(), name="second")
    texts = [text for result in (repeated, other) for text in shared_texts([result])]
    windows = {text[at : at + 25] for text in texts for at in range(len(text) - 24)}
    page = render([repeated, other], share=True)
    unpacked = data_urls(page)
    assert len(unpacked) > 10
    assert "Worst of k" in page
    for document in (page, html.unescape(page), Page(page).text, *unpacked):
        assert not windows & {document[at : at + 25] for at in range(len(document) - 24)}


@pytest.mark.parametrize("kind", ["script", "attribute", "controls", "surrogate", "style"])
def test_hostile_texts_stay_texts_in_figures(drawn: None, kind: str) -> None:
    """The page has the elements that it has for a harmless text, pictures included."""
    text = HOSTILE[kind]

    def page(word: str) -> str:
        return render([a_hostile_result(word)])

    found, harmless = page(text), Page(page("harm:less" if ":" in text else "harmless"))
    found.encode("utf-8")
    assert [tag for tag, _ in Page(found).elements] == [tag for tag, _ in harmless.elements]


def test_the_explorer_holds_each_answer_of_each_run() -> None:
    """One entry an example, with the answers of all runs and repeats, points and verdicts."""
    examples = the_examples(4)
    rng = random.Random(5)
    first = a_result([answered(item, rng, repeat=k) for item in examples for k in (0, 1)])
    second = a_result([answered(item, rng) for item in examples], name="second-run")
    data = payload([first, second], share=False)
    shown = list(data["examples"])
    assert [entry["id"] for entry in shown] == [item.id for item in examples]
    entry = shown[1]
    assert [(answer["run"], answer["repeat"]) for answer in entry["answers"]] == [
        (0, 0),
        (0, 1),
        (1, 0),
    ]
    assert [item["points"] for item in entry["criteria"]] == [
        criterion.points for criterion in examples[1].criteria
    ]
    assert entry["messages"] == [["user", examples[1].messages[0].content]]
    assert set(entry["answers"][0]["verdicts"]) <= {"0", "1"}


def test_an_ungraded_answer_keeps_its_reasons() -> None:
    """Why, in one word, and between which scores the answer lies."""
    example = the_examples(1)[0]
    half = Graded(
        example,
        0,
        Response("r", "an answer"),
        (Verdict("v", True), Verdict("v", None, reason="timeout", detail="300 s"), None),
    )
    silent = Graded(example, 1, Response("r", failure="rate_limit", detail="429"), (None,) * 3)
    answers = next(payload([a_result([half, silent])], share=False)["examples"])["answers"]
    assert answers[0]["verdicts"] == "1??"
    assert answers[0]["reasons"] == {1: "timeout", 2: "not graded yet"}
    assert answers[0]["bounds"][0] < answers[0]["bounds"][1]
    assert "score" not in answers[0]
    assert answers[1]["failure"] == "no answer: rate_limit"


def test_settings_are_flat_and_without_secrets() -> None:
    """Nested keys are joined with dots; keys are hidden in every edition."""
    settings = {
        "system": {"max_tokens": 10, "api_key": "sk-very-secret", "stop": ["a", "b"]},
        "headers": [{"authorization": "Bearer abc"}],
        "empty": {},
        "limit": None,
        "exact": True,
    }
    assert dict(flatten(settings, share=False)) == {
        "system.max_tokens": "10",
        "system.api_key": "(hidden)",
        "system.stop": "a, b",
        "headers[0].authorization": "(hidden)",
        "limit": "none",
        "exact": "yes",
    }


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (percent(0.99996), "99.9 %"),
        (percent(1.0), "100 %"),
        (percent(0.00001), "0.1 %"),
        (points(-0.0001), "0.0"),
        (points(-0.052), "−5.2"),
        (points(None), "–"),
        (interval((-0.01, 0.5)), "−1.0 to 50.0"),
        (interval((0.1, 0.5)), "10.0–50.0"),
        (days(["2026-01-14T10:00:00", "2026-01-16T10:00:00"]), "14–16 January 2026"),
        (days(["2025-12-31", "2026-01-01"]), "31 December 2025 to 1 January 2026"),
        (days(["not a date"]), "not a date"),
        (pretty("theme:data_tasks", {}), "Data tasks"),
        (pretty("theme:data_tasks", {"theme:data_tasks": "Tasks"}), "Tasks"),
        (pretty("physician_agreed_category:not-enough-context", {}), "Not enough context"),
    ],
)
def test_wording(found: str, expected: str) -> None:
    """What is incomplete never prints as complete, and minus signs are minus signs."""
    assert found == expected


# --- runs at the edge


def test_runs_with_almost_nothing_still_render() -> None:
    """No answer, no verdict, no positive criterion, no tags, one example: each gives a page."""
    bare = Example("only", (Message("user", "Hello"),), (Criterion("Never says this", -3),))
    unasked = a_result(
        [Graded(item, 0, None, (None,) * len(item.criteria)) for item in the_examples(3)]
    )
    failed = a_result(
        [Graded(item, 0, Response("r", failure="timeout"), (None,) * 3) for item in the_examples(1)]
    )
    negative = a_result([Graded(bare, 0, Response("r", ""), (Verdict("v", True),))])
    one = a_run(1)
    for results in ([unasked], [failed], [negative], [one], [unasked, failed, negative, one]):
        Page(render(results))
        Page(render(results, share=True))
    assert "95 % interval not estimable from n = 1" in Page(render([one])).text


# --- share-safe


def shared_texts(results: Sequence[Result]) -> list[str]:
    texts: list[str] = []
    for result in results:
        texts.append(result.info.settings.system_parameters["system_prompt"])
        for item in result.graded:
            texts += [message.content for message in item.example.messages]
            texts += [criterion.text for criterion in item.example.criteria]
            if item.example.physician is not None:
                texts += [item.example.physician.text, *item.example.physician.references]
            if item.response is not None:
                texts += [item.response.text, item.response.detail]
                texts += [message.content for message in item.response.sent or ()]
            for verdict in item.verdicts:
                texts += [verdict.explanation, verdict.detail] if verdict else []
    return texts


def a_telling_result() -> Result:
    """Every place of a result that can hold a text holds one."""
    rng = random.Random(3)
    graded = [answered(item, rng) for item in the_examples(60)]
    first = graded[0]
    graded[0] = msgspec.structs.replace(
        first,
        example=msgspec.structs.replace(
            first.example, physician=PhysicianAnswer(prose(rng), "Group 2", (prose(rng),))
        ),
        response=Response("r", failure="refused", detail=prose(rng)),
        verdicts=(Verdict("v", None, prose(rng), prose(rng), prose(rng)), None, None),
    )
    graded[1] = msgspec.structs.replace(
        graded[1],
        response=Response("r", prose(rng), prose(rng), (Message("system", prose(rng)),)),
    )
    settings = {
        "system_parameters": {
            "system_prompt": prose(rng),
            "extra_body": {
                "messages": [{"role": "system", "content": prose(rng)}],
                "x": prose(rng),
            },
            "temperature": 0.25,
        },
        "data_sha256": "0123456789abcdef" * 4,
    }
    return a_result(graded, settings=settings)


def test_a_share_safe_report_has_no_text() -> None:
    """No 25 characters in a row of any text are in the page, nor in its data once unpacked."""
    result = a_telling_result()
    texts = shared_texts([result])
    texts += [
        result.info.settings.system_parameters["extra_body"]["messages"][0]["content"],
        result.info.settings.system_parameters["extra_body"]["x"],
    ]
    windows = {text[at : at + 25] for text in texts for at in range(len(text) - 24)}
    assert len(windows) > 10_000

    def leaks(document: str) -> list[str]:
        pieces = (document[at : at + 25] for at in range(len(document) - 24))
        return [piece for piece in pieces if piece in windows]

    page = render([result], share=True)
    data, _ = data_of(page)
    readable = json.dumps(json.loads(data), ensure_ascii=False)
    for document in (page, html.unescape(page), Page(page).text, data, readable):
        assert leaks(document) == []
    full = render([result])
    assert leaks(full)
    assert leaks(data_of(full)[0])


def test_a_share_safe_report_keeps_the_numbers() -> None:
    """Ids, tags, points, verdicts, scores, and settings that are not prose stay."""
    result = a_telling_result()
    page = render([result], share=True)
    data = json.loads(data_of(page)[0])
    assert data["share"] is True
    entry, graded = data["examples"][5], result.graded[5]
    assert entry["id"] == graded.example.id
    assert [item["points"] for item in entry["criteria"]] == [
        criterion.points for criterion in graded.example.criteria
    ]
    assert entry["answers"][0]["verdicts"] == "".join(
        str(int(bool(verdict and verdict.met))) for verdict in graded.verdicts
    )
    assert entry["answers"][0]["score"] == pytest.approx(result.scores[5].values["overall_score"])
    text = Page(page).text
    assert "0123456789abcdef" * 4 in text
    assert "system_parameters.temperature0.25" in text
    assert "Share-safe edition" in text


def test_short_prompts_are_withheld_too() -> None:
    """A system prompt of three words is a text all the same."""
    settings = {"system_prompt": "Be brief.", "grader": {"template": "No."}}
    assert dict(flatten(settings, share=True)) == {
        "system_prompt": "(text of 9 characters, withheld)",
        "grader.template": "(text of 3 characters, withheld)",
    }


# --- hostile texts

HOSTILE = {
    "script": "<script>window.pwned = 1</script>",
    "end": "</script><script>window.pwned = 2</script>",
    "comment": "<!--<script>",
    "image": '<img src=x onerror="window.pwned = 3">',
    "link": "[here](javascript:window.pwned=4) javascript:alert(1)",
    "attribute": '" autofocus onfocus="window.pwned = 5" \'x',
    "entity": "&lt;b&gt; &amp; &#x27;",
    "controls": "a\x00b\x07c\x1bd\x7fe\x85f\x0cg",
    "surrogate": "lone \ud800 and \udfff here",
    "override": "abc \u202edesrever\u202c \u2066isolated",
    "separators": "line\u2028paragraph\u2029end \ufeff\ufffe",
    "template": "{{ 7 * 7 }} {% raw %} ${1} `x`",
    "style": "</style><style>*{display:none}</style>",
    "cdata": "]]> <![CDATA[ <?xml ?>",
}


def a_hostile_result(text: str, name: str = "first-run") -> Result:
    """The text is everywhere where a text can be."""
    example = Example(
        id=f"id {text}",
        messages=(Message("user", text), Message("assistant", text), Message("user", text)),
        criteria=(
            Criterion(text, 5, (f"axis:{text}", text)),
            Criterion(text + "!", -5, (f"cluster:{text}",)),
        ),
        tags=(f"theme:{text}", text),
        physician=PhysicianAnswer(text, text, (text,)),
    )
    verdicts = (Verdict("v", True, text), Verdict("v", None, text, text, text))
    response = Response("r", text, text, (Message("system", text),), detail=text)
    result = a_result(
        [Graded(example, 0, response, verdicts)],
        name=name + text,
        departures=[text],
        notes=[text],
        settings={text: {text: [text, {text: text}]}},
        grader=text,
        title=text,
        date=text,
    )
    return msgspec.structs.replace(result, labels={f"theme:{text}": text, "theme": text})


@functools.cache
def a_harmless_page(text: str, runs: int, share: bool) -> Page:
    names = ("first-run", "other")[:runs]
    return Page(render([a_hostile_result(text, name) for name in names], share=share))


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_texts_stay_texts(kind: str, share: bool) -> None:
    """The page has the elements that it has for a harmless text, and can be written as UTF-8."""
    # A tag with a colon has a namespace, and so a section of its own.
    plain = "harm:less" if ":" in HOSTILE[kind] else "harmless"
    for results in (
        [a_hostile_result(HOSTILE[kind])],
        [a_hostile_result(HOSTILE[kind]), a_hostile_result(HOSTILE[kind], "other")],
    ):
        text = render(results, share=share)
        text.encode("utf-8")
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", text)
        found, harmless = Page(text), a_harmless_page(plain, len(results), share)
        assert [tag for tag, _ in found.elements] == [tag for tag, _ in harmless.elements]
        assert found.attributes("href") == harmless.attributes("href")
        json.loads(data_of(text)[0])


def test_data_cannot_end_its_element() -> None:
    """No <, >, & or line separator is left in the JSON, and it reads back as it was."""
    data = {"texts": list(HOSTILE.values())}
    island = embed(data)
    assert island.encoding == "json"
    assert not re.search("[<>&\u2028\u2029\x00-\x1f\ud800-\udfff]", island.text)
    assert json.loads(island.text) == data


def test_much_data_is_compressed() -> None:
    """And then still reads back."""
    data = {"texts": ["amber basin " * 20_000, "\ud800 <"]}
    island = embed(data)
    assert island.encoding == "gzip"
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", island.text)
    assert json.loads(gzip.decompress(base64.b64decode(island.text))) == data


def test_an_enormous_answer_is_cut_and_says_so() -> None:
    """Ten million characters do not make the page unusable; their length is still reported."""
    rng = random.Random(0)
    example = the_examples(1)[0]
    letters = "".join(rng.choice("abcdefgh <>&") for _ in range(100_000))
    page = render([a_result([answered(example, rng, text=letters * 100)])])
    assert len(page) < 1_000_000
    answer = json.loads(data_of(page)[0])["examples"][0]["answers"][0]
    assert answer["length"] == 10_000_000
    assert answer["text"].endswith("[… 9,800,000 more characters, not shown here]")


def test_a_thousand_examples_stay_small() -> None:
    """One run of a thousand examples is a few megabytes."""
    rng = random.Random(0)
    graded = [
        answered(an_example(number, rng, ["theme:hedging"]), rng, text=prose(rng, 300))
        for number in range(1000)
    ]
    page = render([a_result(graded)])
    assert data_of(page)[1] == "gzip"
    assert len(page.encode()) < 5_000_000


# --- in a browser


class Browser:
    """One page of a browser for one file after another: a new one takes a process of its own."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.address = ""
        self.complaints: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))

    def _asked(self, url: str) -> None:
        if url != self.address:
            self.complaints.append(f"asked for {url}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    with api.sync_playwright() as playwright:
        try:
            found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except api.Error as error:
            pytest.skip(f"no Chromium to open the page with: {str(error).splitlines()[0]}")
        yield Browser(found.new_page())
        found.close()


class Opened:
    """A report in a browser, with everything that the browser complained about."""

    def __init__(
        self,
        browser: Browser,
        file: Path,
        text: str,
        width: int = 1400,
        ready: str = "#explorer:not([hidden])",
    ) -> None:
        file.write_text(text, encoding="utf-8", newline="")
        self.page = browser.page
        browser.address = file.as_uri()
        browser.complaints = self.complaints = []
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.goto(browser.address)
        self.page.wait_for_selector(ready)

    def scrolls_sideways(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def test_browser_filters_and_opens_examples(browser: Browser, tmp_path: Path) -> None:
    """Search, tag, score range, order and pages work, without complaint or a request."""
    results = [a_run(120), a_run(120, seed=2, name="second-run")]
    opened = Opened(browser, tmp_path / "report.html", render(results))
    page = opened.page
    assert page.inner_text("#matches") == "120 examples"
    assert page.locator("#list li").count() == 50
    page.click("#more")
    assert page.locator("#list li").count() == 100

    target = results[0].graded[7]
    page.fill("#filter-text", target.response.text[10:40].upper() if target.response else "")
    page.wait_for_selector("#matches:has-text('1 of 120')")
    page.click("#list button")
    detail = page.locator("#detail")
    for shown in (target.example.id, target.example.messages[0].content):
        assert shown in detail.inner_text()
    assert target.response is not None
    assert target.response.text in detail.inner_text()
    assert detail.locator("tbody tr").count() == len(target.example.criteria)
    verdict = target.verdicts[0]
    assert verdict is not None
    assert detail.locator("tbody tr").first.locator(".pill").inner_text() == (
        "Met" if verdict.met else "Not met"
    )
    page.locator(".choices button").nth(1).click()
    other = results[1].graded[7].response
    assert other is not None
    assert other.text in detail.inner_text()

    page.click("button[type=reset]")
    page.wait_for_selector("#matches:has-text('120 examples')")
    page.select_option("#filter-tag", label="Responding under uncertainty (40)")
    page.fill("#filter-low", "50")
    page.wait_for_selector("#matches:has-text(' of 120')")
    page.wait_for_timeout(300)
    scores = [float(text) for text in page.locator("#list .score").all_inner_texts()]
    assert scores
    assert scores == sorted(scores)
    assert min(scores) >= 50
    assert opened.complaints == []


def test_browser_shows_and_saves_figures(drawn: None, browser: Browser, tmp_path: Path) -> None:
    """Every picture is drawn under the policy, and both of its files can be saved."""
    sides, text = page_of_two()
    opened = Opened(browser, tmp_path / "report.html", text, 390)
    expected = figures(sides, compare(sides), [])
    page = opened.page
    widths = page.locator(".picture img").evaluate_all("all => all.map((one) => one.naturalWidth)")
    assert len(widths) == len(expected)
    assert all(width > 100 for width in widths)
    page.locator(".picture summary").first.click()
    for number, content in ((0, svg(expected[0], bare=True)), (1, csv(expected[0]))):
        with page.expect_download() as download:
            page.locator(".picture .files").first.locator("a").nth(number).click()
        assert Path(download.value.path()).read_bytes().decode() == content
        assert download.value.suggested_filename == f"{expected[0].name}.{('svg', 'csv')[number]}"
    assert not opened.scrolls_sideways()
    assert opened.complaints == []


def test_browser_picture_keeps_its_own_style(drawn: None, browser: Browser, tmp_path: Path) -> None:
    """The page's policy does not strip a drawing of its colours."""
    opened = Opened(browser, tmp_path / "report.html", render([a_run(30)]))
    colours = opened.page.locator(".picture img").first.evaluate(
        """image => {
          const canvas = document.createElement("canvas");
          [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
          const context = canvas.getContext("2d");
          context.drawImage(image, 0, 0);
          const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
          const found = new Set();
          for (let at = 0; at < data.length; at += 4) found.add(data.slice(at, at + 3).join());
          return [...found];
        }"""
    )
    assert "27,95,166" in colours
    assert "255,255,255" in colours


def test_browser_keyboard(browser: Browser, tmp_path: Path) -> None:
    """The list is walked with arrows, an example opened with Enter and left with Escape."""
    opened = Opened(browser, tmp_path / "report.html", render([a_run(20)]), width=400)
    page = opened.page
    page.focus("#list button")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "detail"
    assert page.locator("#list li").nth(1).locator("button").get_attribute("aria-current") == "true"
    assert not page.locator("#list").is_visible()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.getAttribute('aria-current')") == "true"
    assert page.locator("#list").is_visible()
    assert opened.complaints == []


def test_browser_finds_what_is_ungraded(browser: Browser, tmp_path: Path) -> None:
    """The box keeps the examples with a missing verdict; the reason stands in the table."""
    graded = list(a_run(20).graded)
    lost = Verdict("v", None, reason="rate_limit", detail="refused six times")
    graded[4] = msgspec.structs.replace(graded[4], verdicts=(lost, *graded[4].verdicts[1:]))
    opened = Opened(browser, tmp_path / "report.html", render([a_result(graded)]))
    opened.page.check("#filter-ungraded")
    opened.page.wait_for_selector("#matches:has-text('1 of 20')")
    opened.page.click("#list button")
    row = opened.page.locator("#detail tbody tr").first.inner_text()
    for shown in ("Ungraded", "rate limit", "refused six times"):
        assert shown in row
    assert opened.complaints == []


@pytest.mark.parametrize("share", [False, True])
def test_browser_fits_the_screen(browser: Browser, tmp_path: Path, share: bool) -> None:
    """No sideways scrolling, wide or narrow, list or example, one run or several."""
    many = [a_run(60, seed=seed, name=f"a-run-with-a-rather-long-name-{seed}") for seed in range(3)]
    for results in (many[:1], many):
        text = render(results, share=share)
        for width in (1400, 800, 400):
            opened = Opened(browser, tmp_path / "report.html", text, width)
            assert not opened.scrolls_sideways()
            opened.page.click("#list button")
            assert not opened.scrolls_sideways()
            assert opened.complaints == []


@pytest.mark.parametrize("kind", HOSTILE)
def test_browser_shows_hostile_texts_as_texts(browser: Browser, tmp_path: Path, kind: str) -> None:
    """Nothing of a text runs, loads or is markup; it is all there to read."""
    text = HOSTILE[kind]
    opened = Opened(browser, tmp_path / "report.html", render([a_hostile_result(text)]))
    page = opened.page
    page.click("#list button")
    shown = page.locator("#detail .turn.answer .prose").evaluate("node => node.textContent")
    # The parser and the wire replace a lone surrogate; everything else arrives as it was.
    assert re.sub("[\ud800-\udfff]", "\ufffd", shown) == re.sub("[\ud800-\udfff]", "\ufffd", text)
    assert page.evaluate("window.pwned") is None
    assert page.locator("img, iframe, object, embed, link, a:not([href^='#'])").count() == 0
    assert opened.complaints == []


def test_browser_keeps_direction_overrides_inside(browser: Browser, tmp_path: Path) -> None:
    """A text that turns the writing direction does so in its own element only."""
    opened = Opened(
        browser, tmp_path / "report.html", render([a_hostile_result(HOSTILE["override"])])
    )
    for selector in ("#detail .prose", "h1 bdi", ".banners bdi"):
        found = opened.page.locator(selector).first.evaluate(
            "node => getComputedStyle(node).unicodeBidi"
        )
        assert found in ("plaintext", "isolate")


def test_browser_shows_a_long_answer_in_parts(browser: Browser, tmp_path: Path) -> None:
    """Layout stays quick: the rest comes on demand."""
    rng = random.Random(0)
    text = "amber basin " * 5_000
    opened = Opened(
        browser,
        tmp_path / "report.html",
        render([a_result([answered(the_examples(1)[0], rng, text=text)])]),
    )
    answer = opened.page.locator("#detail .turn.answer")
    assert len(answer.locator(".prose").inner_text()) <= 20_000
    answer.get_by_role("button", name="Show more").click()
    assert len(answer.locator(".prose").evaluate("node => node.textContent")) == len(text)
    assert opened.complaints == []


def test_browser_shows_a_transcript_folded(browser: Browser, tmp_path: Path) -> None:
    """Turns, tool calls and their results are there, folded; nothing of a tool's text is markup."""
    turns = (
        Turn(Message("assistant", (Text("I look."), ToolCall("1", "look_up", '{"a":1}')))),
        Turn(Message("tool", (ToolResult("1", "look_up", "<b>7</b>"),)), "environment"),
        Turn(Message("assistant", "It is 7.")),
    )
    one = answered(the_examples(1)[0], random.Random(0), text="It is 7.")
    assert one.response is not None
    with_turns = msgspec.structs.replace(
        one, response=msgspec.structs.replace(one.response, turns=turns)
    )
    page = tmp_path / "report.html"
    opened = Opened(browser, page, render([a_result([with_turns])]))
    steps = opened.page.locator("#detail .steps")
    assert steps.locator("> summary").inner_text() == "Transcript (3 turns, 1 tool call)"
    parties = steps.locator("> .turn .role").evaluate_all(
        "all => all.map(each => each.textContent)"
    )
    assert parties == ["system", "environment", "system"]
    steps.locator("> summary").click()
    opened.page.screenshot(path=str(tmp_path / "steps.png"), full_page=True)
    result = steps.locator("details", has_text="Result of look_up")
    assert result.locator(".prose").evaluate("node => node.textContent") == "<b>7</b>"
    assert opened.complaints == []
    shared = render([a_result([with_turns])], share=True)
    assert "look_up" not in shared


def a_png(width: int, height: int) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x99" * width) * height)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", rows), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_browser_shows_images_small_and_files_by_name(browser: Browser, tmp_path: Path) -> None:
    """An image is enlarged by a click; a shared report has neither images nor names."""
    picture = Image.of(a_png(900, 600), "image/png", "<i>")
    letter = File.of(b"%PDF made up" * 200, "application/pdf", "letter.pdf")
    asked = (Message("user", (Text("What is this?"), picture, letter)),)
    gave = ToolResult("1", "look_up", "here", media=(picture,))
    turns = (
        Turn(Message("assistant", (ToolCall("1", "look_up", "no <b>JSON</b>"),))),
        Turn(Message("tool", (gave,)), "environment"),
        Turn(Message("assistant", "It is 7.")),
    )
    one = answered(the_examples(1)[0], random.Random(0), text="It is 7.")
    assert one.response is not None
    replace = msgspec.structs.replace
    made = replace(
        one,
        example=replace(one.example, messages=asked),
        response=replace(one.response, turns=turns, stop_reason="max_turns", state={"x": "<u>"}),
    )
    opened = Opened(browser, tmp_path / "report.html", render([a_result([made])]))
    page = opened.page
    shown = page.locator("#detail .turn > .media")
    assert shown.nth(1).inner_text() == "letter.pdf (application/pdf, 2 kB)"
    thumb = shown.nth(0).locator(".thumb")
    small = thumb.bounding_box()
    thumb.click()
    assert thumb.get_attribute("aria-expanded") == "true"
    assert small["width"] <= 12 * 16 + 2
    assert small["height"] <= 9 * 16 + 2
    page.locator("#detail .steps > summary").click()
    steps = page.locator("#detail .steps")
    assert "Ended by max turns" in steps.inner_text()
    assert steps.locator(".thumb").count() == 1
    assert steps.locator("i, b, u").count() == 0
    assert opened.complaints == []
    shared = render([a_result([made])], share=True)
    assert "letter.pdf" not in shared
    assert base64.b64encode(picture.data).decode() not in shared
