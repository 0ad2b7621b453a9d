"""The page of a comparison: what it claims, that it holds no text, and that none can break it."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.analysis.comparison import Comparison, Contrast, compare
from preceptor.analysis.paired import FEWEST
from preceptor.records import Criterion, Example, Graded, Message, Response, Result, Verdict
from preceptor.reports.comparison import headline, slices_table, ways
from preceptor.reports.comparison_page import MARKS
from preceptor.reports.format import interval, p_value, points, signed
from preceptor.reports.html import render_comparison
from preceptor.reports.scale import scale_for
from preceptor.reports.tables import left_out, main_kinds
from preceptor.results.pool import Side
from test_report_html import (
    HOSTILE,
    Opened,
    Page,
    a_hostile_result,
    a_result,
    a_run,
    a_telling_result,
    answered,
    browser,  # noqa: F401  a fixture
    shared_texts,
    the_examples,
)


def a_side(result: Result, label: str = "", runs: Sequence[str] = ()) -> Side:
    shown = label or result.info.name
    result = msgspec.structs.replace(result, info=msgspec.structs.replace(result.info, name=shown))
    family, _, harness = shown.rpartition("/")
    return Side(shown, family, harness, result, tuple(runs) or (shown,))


def two_sides(count: int = 40, **options: Any) -> list[Side]:
    return [
        a_side(a_run(count, met=0.5, **options), "plain"),
        a_side(a_run(count, seed=2, met=0.75, **options), "guided"),
    ]


def repeated(seed: int, met: float, repeats: int = 3) -> Result:
    rng = random.Random(seed)
    return a_result(
        [
            answered(example, rng, met=met, repeat=repeat)
            for example in the_examples(30)
            for repeat in range(repeats)
        ]
    )


def whole_or_nothing(seed: int) -> Result:
    """One criterion an example, so that every score is 0 or 1."""
    rng = random.Random(seed)
    graded = [
        Graded(
            Example(f"ex-{number}", (Message("user", f"Ask {number}"),), (Criterion("Says", 5),)),
            0,
            Response(f"r-{number}", "An answer."),
            (Verdict("v", rng.random() < 0.3 + 0.1 * seed),),
        )
        for number in range(40)
    ]
    return a_result(graded)


def page_of(sides: Sequence[Side], **options: Any) -> tuple[str, Comparison]:
    comparison = compare(sides, **options)
    return render_comparison(comparison, sides), comparison


def test_the_page_parses_and_loads_and_runs_nothing() -> None:
    """Elements are closed, ids unique, links inside; the policy lets no script run at all."""
    text, _ = page_of(two_sides())
    page = Page(text)
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    assert set(page.attributes("aria-labelledby")) <= set(ids)
    assert {href[1:] for href in page.attributes("href")} <= set(ids)
    assert "script" not in {tag for tag, _ in page.elements}
    for name in ("src", "srcset", "action", "data", "poster", "style"):
        assert page.attributes(name) == []
    policy = page.attributes("content")[0]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src" not in policy
    assert "img-src" not in policy
    assert "it can be shared" in page.text


def test_the_same_comparison_gives_the_same_page() -> None:
    """Nothing depends on when it was rendered."""
    assert page_of(two_sides())[0] == page_of(two_sides())[0]


def test_each_contrast_is_claimed_in_one_sentence() -> None:
    """In the words of the terminal, with difference, interval, n and p."""
    sides = [*two_sides(), a_side(a_run(40, seed=3), "third")]
    text, comparison = page_of(sides)
    shown = Page(text).text
    assert len(comparison.contrasts) == 2
    for contrast in comparison.contrasts:
        assert headline(contrast) in shown


def test_the_sides_stand_with_their_scores() -> None:
    """Each has its mean, interval, n, system and grader."""
    sides = two_sides()
    shown = Page(page_of(sides)[0]).text
    for side in sides:
        metric = side.result.metrics["overall_score"]
        assert f"{points(metric.value)}{interval(metric.ci95)}" in shown
        assert f"system {side.result.info.system}, graded by {side.result.info.grader}" in shown


def test_every_slice_has_difference_interval_n_and_adjusted_p() -> None:
    """As in the comparison; a slice of few examples is grey and has no p."""
    text, comparison = page_of(two_sides())
    shown = Page(text).text
    contrast = comparison.contrasts[0]
    assert {item.p is None for item in contrast.slices} == {True, False}
    for item in [contrast.overall, *contrast.slices]:
        row = (
            f"{signed(item.difference)} {interval(item.ci95)} "
            f"{points(item.reference)} → {points(item.contender)} {item.n} "
            f"{p_value(item.p)} {p_value(item.p_holm)} {p_value(item.p_bh)}"
        )
        assert row in shown
    small = sum(item.n < FEWEST for item in contrast.slices)
    assert text.count('class="small"') == small
    assert "Grey: fewer than 10 common examples; not tested." in shown
    for family in comparison.families:
        assert family in shown


def test_the_axis_reaches_the_whole_difference_of_few_examples() -> None:
    """The overall difference is never a hollow mark on the edge of the chart."""
    text, comparison = page_of(two_sides(3))
    (contrast,) = comparison.contrasts
    assert abs(contrast.overall.difference or 0) > 0.05
    row = text[text.index("#grid-difference") :].partition("</tr>")[0]
    assert 'class="mark"' in row
    assert "beyond" not in row


@pytest.mark.parametrize("kind", ["once", "repeated", "binary"])
def test_each_method_is_explained(kind: str) -> None:
    """Every line of the table of methods says what it does and when it misleads."""
    if kind == "once":
        sides = two_sides()
    elif kind == "repeated":
        sides = [a_side(repeated(1, 0.5), "plain"), a_side(repeated(2, 0.7), "guided")]
    else:
        sides = [a_side(whole_or_nothing(1), "plain"), a_side(whole_or_nothing(3), "guided")]
    text, comparison = page_of(sides, margin=0.05)
    found = list(ways(comparison.contrasts[0]))
    names = {row[0] for row in found}
    assert ("Answers, as if independent" in names) == (kind == "repeated")
    assert any(name.startswith("McNemar") for name in names) == (kind == "binary")
    rows = re.findall(
        r'<th role="rowheader" scope="row" class="name">([^<]+)<small>([^<]*)</small>', text
    )
    assert [name.replace("&lt;", "<") for name, _ in rows] == [row[0] for row in found]
    assert all(len(meaning) > 40 for _, meaning in rows)
    assert len({meaning for _, meaning in rows}) == len(rows)
    assert ("not several pieces of evidence" in text) == (kind == "repeated")


def test_families_are_gains_of_harnesses() -> None:
    """Sides MODEL/HARNESS stand under their model."""
    sides = [
        a_side(a_run(20, seed=seed), label)
        for seed, label in enumerate(("a/base", "a/guided", "b/base", "b/guided"))
    ]
    shown = Page(page_of(sides)[0]).text
    first, second = shown.index("a: gain of the harness"), shown.index("b: gain of the harness")
    assert first < shown.index("a/guided against a/base") < second
    assert second < shown.index("b/guided against b/base")


def test_left_out_examples_are_counted() -> None:
    """With the reason, in the words of the comparison."""
    sides = [a_side(a_run(40), "plain"), a_side(a_run(30, seed=2), "guided")]
    shown = Page(page_of(sides)[0]).text
    assert "30 common examples; left out: 10 only asked of plain." in shown


def test_pooled_runs_are_named() -> None:
    """How many a side is made of, and which."""
    first, second = two_sides()
    pooled = msgspec.structs.replace(second, runs=("guided-1", "guided-2"))
    shown = Page(page_of([first, pooled])[0]).text
    assert "2 runs pooled" in shown
    assert "guided-1guided-2" in shown
    assert "40 answers of 2 runs" in shown


def test_settings_that_differ_are_shown_and_prose_is_withheld() -> None:
    """A number as it is; a system prompt only by its length, though every edition is the same."""
    prompts = ("Answer at once.", "Think of the patient before you answer.")
    sides = [
        a_side(
            a_run(12, seed=at, settings={"system_prompt": prompts[at], "p": {"temperature": at}}),
            ("plain", "guided")[at],
        )
        for at in range(2)
    ]
    text = page_of(sides)[0]
    shown = Page(text).text
    assert "p.temperature0 (plain)1 (guided)" in re.sub(r"(?<=\)) (?=\d)", "", shown)
    assert f"(text of {len(prompts[1])} characters, withheld)" in shown
    assert not any(prompt in text for prompt in prompts)


def test_there_is_no_text_of_an_example() -> None:
    """No 25 characters in a row of any text of either side are in the page."""
    telling = a_telling_result()
    sides = [a_side(telling, "plain"), a_side(a_run(60, seed=9), "guided")]
    texts = shared_texts([telling])
    windows = {text[at : at + 25] for text in texts for at in range(len(text) - 24)}
    assert len(windows) > 10_000
    page = page_of(sides)[0]
    for document in (page, Page(page).text):
        assert not windows & {document[at : at + 25] for at in range(len(document) - 24)}


def test_many_sides_stay_bounded() -> None:
    """Beyond six, claims and slices are folded, marks are one, and the page is small."""
    sides = [a_side(a_run(40, seed=seed), f"side-{seed}") for seed in range(36)]
    text, comparison = page_of(sides)
    assert len(comparison.contrasts) == 35
    assert f"{35 - MARKS} more" in text
    assert "Slices of side-7, side-8" in text
    assert len(text) < 3_000_000


@given(
    st.lists(st.floats(-2, 2), max_size=8),
    st.booleans(),
)
def test_a_scale_holds_its_numbers(values: list[float], signs: bool) -> None:
    """Zero and every number lie on it, on few ticks at equal distances, in order."""
    scale = scale_for(values, signs=signs)
    for value in [0.0, *values]:
        assert scale.low - 1e-6 <= value <= scale.high + 1e-6
        assert 0 <= scale.share(value) <= 1
    marks = scale.marks
    assert 2 <= len(marks) <= 10
    assert marks[0] == pytest.approx(scale.low)
    assert marks[-1] == pytest.approx(scale.high)
    assert [tick.zero for tick in scale.ticks].count(True) == 1
    assert [float(tick.at.rstrip("%")) for tick in scale.ticks] == sorted(
        float(tick.at.rstrip("%")) for tick in scale.ticks
    )


def test_ticks_of_differences_have_signs() -> None:
    """And those of scores have not."""
    values = [-0.12, 0.31]
    assert [t.label for t in scale_for(values, signs=True).ticks] == [
        *("−20", "−10", "0", "+10", "+20", "+30", "+40"),
    ]
    assert [t.label for t in scale_for(values).ticks][-1] == "40"


def a_hostile_side(text: str, name: str, of: str | None = None) -> Side:
    """The text is in every name; ``of`` are the texts of its examples, which sides share."""
    shared = a_hostile_result(text if of is None else of)
    example = msgspec.structs.replace(
        shared.graded[0].example, messages=(Message("user", "Harmless."),)
    )
    graded = [
        msgspec.structs.replace(
            shared.graded[0],
            example=msgspec.structs.replace(example, id=f"{example.id} {number}"),
            verdicts=(Verdict("v", len(name) > number), Verdict("v", False)),
        )
        for number in range(12)
    ]
    # Settings are JSON in a store, which has no lone surrogate.
    said = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    result = a_result(
        graded,
        departures=[text],
        notes=[text],
        settings={said: {said: [said, {said: name}]}},
        grader=text if of is None else "judge",
        title=text,
        date=text,
    )
    labels = {f"theme:{text}": text, "theme": text}
    named = a_side(msgspec.structs.replace(result, labels=labels), f"{name} {text}")
    return msgspec.structs.replace(named, family="", runs=(text, f"{text}!"))


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_names_stay_texts(kind: str) -> None:
    """The page has the elements that it has for harmless names."""
    text = HOSTILE[kind]

    def page(word: str) -> str:
        return page_of([a_hostile_side(word, name) for name in ("first", "second")])[0]

    found, harmless = page(text), Page(page("harm:less" if ":" in text else "harmless"))
    found.encode("utf-8")
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", found)
    assert [tag for tag, _ in Page(found).elements] == [tag for tag, _ in harmless.elements]
    assert Page(found).attributes("href") == harmless.attributes("href")


def test_browser_fits_the_screen(browser: Any, tmp_path: Path) -> None:  # noqa: F811
    """No sideways scrolling, no complaint, no request, one contrast or several."""
    long = "a-side-with-a-rather-long-name-of-its-own"
    several = [a_side(a_run(40, seed=seed), f"{long}-{seed}") for seed in range(4)]
    for text in (page_of(sides)[0] for sides in (two_sides(), several)):
        for width in (1400, 800, 390):
            opened = Opened(browser, tmp_path / "page.html", text, width, ready="#basis")
            for node in opened.page.locator("summary").all():
                node.click()
            assert not opened.scrolls_sideways(), width
            assert opened.complaints == []


def test_browser_runs_no_hostile_name(browser: Any, tmp_path: Path) -> None:  # noqa: F811
    """Every hostile text at once, as the names of sides, systems, settings, runs and tags."""
    sides = [a_hostile_side(text, kind, HOSTILE["image"]) for kind, text in HOSTILE.items()]
    text = page_of(sides)[0]
    opened = Opened(browser, tmp_path / "page.html", text, ready="#basis")
    assert opened.page.evaluate("window.pwned") is None
    assert opened.page.locator("img, iframe, object, embed, script").count() == 0
    assert opened.page.locator("bdi", has_text="<script>").count() > 0
    assert opened.complaints == []


# --- conclusions


def a_contrast(difference: float, p: float | None, n: int = 36, **changes: Any) -> Contrast:
    """The first contrast of two runs, with another overall difference."""
    (found,) = compare(two_sides()).contrasts
    span = changes.pop("span", (difference - 0.05, difference + 0.05))
    overall = msgspec.structs.replace(
        found.overall, n=n, difference=difference, ci95=span, p=p, p_holm=changes.pop("holm", p)
    )
    return msgspec.structs.replace(
        found, reference="a", contender="b", overall=overall, common=n, prompts=n, **changes
    )


@pytest.mark.parametrize(
    ("contrast", "expected"),
    [
        ((-0.014, 0.84), "No difference was shown: −1.4, −6.4 to 3.6 points for b against a, on"),
        ((0.152, 0.0001), "b scored higher than a: +15.2, 10.2 to 20.2 points, on 36 common"),
        ((-0.152, 0.01), "b scored lower than a: −15.2, −20.2 to −10.2 points, on 36 common"),
        ((0.06, None, 4), "Too few examples for a conclusion: +6.0, 1.0 to 11.0 points for b"),
    ],
)
def test_a_comparison_concludes_in_words(contrast: tuple[Any, ...], expected: str) -> None:
    """Which side scored higher, that no difference was shown, or that examples are too few."""
    assert headline(a_contrast(*contrast)).startswith(expected)


def test_a_conclusion_allows_for_all_comparisons() -> None:
    """A p that several comparisons make large shows nothing, and both are printed."""
    said = headline(a_contrast(0.06, 0.03, holm=0.09))
    assert said.startswith("No difference was shown: +6.0")
    assert said.endswith("(p 0.030; 0.090 with all comparisons).")


def test_equal_differences_are_said_to_be_equal() -> None:
    """Without variance there is no test to speak of."""
    assert headline(a_contrast(0.0, None, span=None)).startswith("No difference: 0.0 points")
    assert headline(a_contrast(0.1, 0.0, span=None)).startswith("Every example differs by the same")


def test_short_tables_have_the_main_kinds_of_slices() -> None:
    """Overall, and kinds of few values while there is room; what is left out is said."""
    spaces = {"": [1], "theme": [1] * 7, "cluster": [1] * 30, "axis": [1] * 5, "level": [1] * 13}
    shown = main_kinds(spaces)
    assert shown == ["", "theme", "axis"]
    said = left_out(spaces, shown, {"cluster": "Cluster"})
    assert said == "Not shown: Cluster (30), Level of criterion (13); --slices shows all."
    assert left_out(spaces, list(spaces), {}) == ""


def test_a_sides_name_is_a_heading_and_a_word_of_the_page() -> None:
    """Neither the page nor the table speaks of a reference and a contender."""
    text, comparison = page_of(two_sides())
    (contrast,) = comparison.contrasts
    table, _ = slices_table(contrast, comparison.labels)
    assert table is not None
    headings = [str(column.header) for column in table.columns]
    assert headings[2:4] == [contrast.reference, contrast.contender]
    shown = Page(text).text.lower()
    assert "contender" not in shown
    assert f"{contrast.contender} minus {contrast.reference}" in shown
