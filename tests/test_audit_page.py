"""The page of an audit and the grader's card: what they say, and that they hold no text."""

from __future__ import annotations

import csv as tables
import io
import random
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from data_fixtures import HEALTHBENCH, isolate, needs_data, write_rows
from preceptor.audit.agreement import Estimate
from preceptor.audit.calibration import calibrated
from preceptor.audit.card import Cost, GraderCard, card
from preceptor.audit.labels import Judged, Labels, read_meta_eval
from preceptor.audit.report import Audit, audit
from preceptor.cli import main
from preceptor.errors import DataError, InputError
from preceptor.records import Message
from preceptor.reports.agreement_view import (
    decimal,
    decimals,
    name_of,
    signed_decimal,
    with_interval,
)
from preceptor.reports.audit import agreement_words
from preceptor.reports.audit_page import render_audit
from preceptor.reports.card import (
    card_sentence,
    card_view,
    cards_for,
    is_card_of,
    read_card,
    write_card,
)
from preceptor.reports.figures.agreement import SMALL_SLICE, agreement_figures
from preceptor.reports.figures.base import csv, svg
from preceptor.reports.format import interval, signed
from preceptor.reports.html import render
from preceptor.testing import FakeEndpoint
from test_frontier import macro_f1, meta_row
from test_report_html import Opened, Page, a_run, browser, data_urls  # noqa: F401  a fixture

HOSTILE = "<script>alert(1)</script> $x^2$ \u202e =1+1"
SECRET = "SECRET-TEXT"


def some_labels(
    rows: int = 360,
    *,
    seed: int = 1,
    right: float = 0.8,
    grader: str = "model-x",
    physicians: int = 2,
    certain: float | None = None,
) -> Labels:
    """Rows of two themes and four categories, judged by a few physicians and a grader.

    With ``certain`` the grader gives probabilities, shifted by so much from what they should be.
    """
    rng = random.Random(seed)
    found = []
    for number in range(rows):
        chance = rng.random()
        truth = rng.random() < chance
        theme = ("hedging", "global_health")[number % 2]
        met = truth if rng.random() < right else not truth
        found.append(
            Judged(
                prompt=f"p{number // 2}",
                criterion=f"{SECRET} criterion {number}" + " x" * (number % 5) * 80,
                category=f"cluster:{theme}_part-{number % 4}",
                labels=tuple(truth ^ (rng.random() < 0.15) for _ in range(physicians)),
                physicians=tuple(f"d{(number + each) % 3}" for each in range(physicians)),
                verdicts={grader: met, "again": met ^ (rng.random() < 0.1)},
                points=5.0 if number % 3 else -5.0,
                model=("gpt-a", "model-y")[number % 2],
                conversation=(
                    Message("user", f"{SECRET} question {number}"),
                    Message("assistant", f"{SECRET} answer {number}"),
                ),
                probabilities={}
                if certain is None
                else {grader: min(1.0, max(0.0, chance + certain))},
            )
        )
    return Labels(f"/home/somebody/{SECRET}-folder/labels.jsonl", found, (grader, "again"))


def an_audit(again: bool = True, **options: Any) -> Audit:
    labels = some_labels(**options)
    return audit(labels, labels.graders[0], "again" if again else None)


@pytest.fixture(scope="module")
def found() -> Audit:
    return an_audit()


@pytest.fixture(scope="module")
def text(found: Audit) -> str:
    cost = Cost(10, 300_000.0, 20_000.0, 1.5)
    levels = calibrated(some_labels(certain=0.0).rows, "model-x")
    return render_audit(found, calibration=levels, cost=cost)


# --- the page


def test_the_page_parses_and_runs_nothing(text: str) -> None:
    """Elements are closed, ids unique, links inside; no script runs, only its pictures load."""
    page = Page(text)
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    assert set(page.attributes("aria-labelledby")) <= set(ids)
    for href in page.attributes("href"):
        assert href[1:] in ids or href.startswith("data:")
    assert "script" not in {tag for tag, _ in page.elements}
    assert page.attributes("style") == []
    policy = page.attributes("content")[0]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "img-src data:" in policy
    assert "script-src" not in policy
    assert all(source.startswith("data:image/svg+xml") for source in page.attributes("src"))


def test_the_page_has_no_text_of_examples(text: str, found: Audit) -> None:
    """No criterion, question, answer or folder, in the page or in the files that it holds."""
    for document in (text, *data_urls(text)):
        assert SECRET not in document
    figures = agreement_figures(found.agreement)
    for figure in figures:
        assert SECRET not in csv(figure) + figure.caption + svg(figure)
    assert "it can be shared" in Page(text).text


def test_the_same_audit_gives_the_same_page() -> None:
    """Nothing depends on when it was rendered."""
    assert render_audit(an_audit(rows=40)) == render_audit(an_audit(rows=40))


def test_the_card_says_what_it_rests_on(text: str, found: Audit) -> None:
    """Agreement with interval, physicians, chance, tested on, repeats, cost."""
    shown, one = Page(text).text, found.agreement
    assert one.among_physicians is not None
    for expected in (
        decimal(one.pairwise.macro_f1.value),
        decimals(one.pairwise.macro_f1.ci95),
        with_interval(one.among_physicians.macro_f1),
        f"{signed_decimal(one.gap.value)} ({decimals(one.gap.ci95)})",
        f"By chance {decimal(one.chance)}",
        "720 labels by 3 physicians on 180 prompts",
        f"kappa {with_interval(one.pairwise.kappa)}",
        f"AC1 {with_interval(one.pairwise.ac1)}",
        "of the verdicts change on 360 rows (again)",
        "$1.50; 300,000 tokens in, 20,000 out (from 10 verdicts)",
    ):
        assert expected in shown


def test_every_measure_band_and_slice_is_on_the_page(text: str, found: Audit) -> None:
    """With its interval and n, as the audit has it; what is small is grey."""
    shown, one = Page(text).text, found.agreement
    assert one.majority is not None
    for measures in (one.pairwise, one.majority, one.among_physicians):
        assert measures is not None
        for value in (measures.macro_f1, measures.kappa, measures.ac1, measures.alpha):
            assert f"{decimal(value.value)}{decimals(value.ci95)}" in shown
    assert one.themes
    for band in (*one.themes, *one.categories):
        kind = "theme" if band in one.themes else "category"
        assert name_of(kind, band.name) in shown
        assert band.percentile is not None
        assert f"{decimal(band.average)} {band.percentile:.0f} " in shown
    for part in one.slices:
        if part.kind != "category":
            assert f"{signed(part.bias.value)} {interval(part.bias.ci95)}" in shown
    small = sum(part.pairs < SMALL_SLICE for part in one.slices)
    assert text.count('class="small"') == small
    assert {part.kind for part in one.slices} >= {"points", "length", "theme", "category", "model"}


def test_long_lists_are_folded() -> None:
    """Ten categories are seen at once, the others on demand."""
    labels = some_labels(400)
    rows = [
        msgspec.structs.replace(row, category=f"cluster:hedging_part-{number % 20}")
        for number, row in enumerate(labels.rows)
    ]
    page = render_audit(audit(msgspec.structs.replace(labels, rows=rows), "model-x"))
    assert "<summary>10 more</summary>" in page


def test_figures_are_in_the_page_as_files(text: str) -> None:
    """Each as a picture with its SVG and CSV to be saved, without a script."""
    page = Page(text)
    names = ["agreement", "confusions", "calibration"]
    saved = page.attributes("download")
    assert saved == [f"{name}.{kind}" for name in names for kind in ("svg", "csv")]
    assert len(page.attributes("src")) == 3
    assert "hidden" not in {name for _, attributes in page.elements for name in attributes}


def test_without_matplotlib_the_page_says_so(found: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence on how to get it; all else is there."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    page = Page(render_audit(found))
    assert "figures need matplotlib (preceptor doctor says how to get it)." in page.text
    assert "In which direction it errs" in page.text


def test_hostile_names_stay_texts() -> None:
    """In the page, its figures, and the title."""
    text = render_audit(an_audit(rows=60, again=False, grader=HOSTILE))
    page = Page(text)
    assert "<script>alert(1)</script>" in page.text
    assert "script" not in {tag for tag, _ in page.elements}


@pytest.mark.parametrize("physicians", [1, 2])
def test_labels_of_almost_nothing_still_render(physicians: int) -> None:
    """One row of one class, without categories, points or colleagues."""
    row = Judged(
        prompt="p",
        criterion="c",
        category="",
        labels=(True,) * physicians,
        physicians=("",) * physicians,
        verdicts={"g": True},
    )
    text = render_audit(audit(Labels("l.csv", [row], ("g",)), "g"))
    assert "Nothing can be said: on 1 row of l.csv one of the classes never occurs." in text
    assert "Among physicians" not in text


# --- figures


def rows_of(figure: Any) -> list[dict[str, str]]:
    return list(tables.DictReader(io.StringIO(csv(figure))))


def test_the_numbers_of_the_figures_are_those_of_the_audit(found: Audit) -> None:
    """Agreement by theme and category; the four cells of each slice, which add up."""
    one = found.agreement
    agreement, confusions = agreement_figures(one)
    rows = rows_of(agreement)
    assert float(rows[0]["macro_f1"]) == one.pairwise.macro_f1.value
    expected = {(band.name): band for band in (*one.themes, *one.categories)}
    assert {row["name"] for row in rows[1:]} == set(expected)
    for row in rows[1:]:
        assert float(row["macro_f1"]) == expected[row["name"]].macro_f1
        assert float(row["physicians_mean"]) == expected[row["name"]].average
        assert float(row["percentile"]) == expected[row["name"]].percentile
    assert "n = 360 rows, 720 labels, 180 prompts. Grader: model-x." in agreement.caption
    for row, part in zip(
        rows_of(confusions), [part for part in one.slices if part.kind != "category"], strict=True
    ):
        assert (row["kind"], row["name"]) == (part.kind, part.name)
        cells = [int(row[name]) for name in ("both", "only_grader", "only_physician", "neither")]
        assert sum(cells) == int(row["pairs"]) == part.pairs
        assert float(row["bias"]) == pytest.approx((cells[1] - cells[2]) / part.pairs)


def test_a_mean_over_physicians_with_few_pairs_is_not_drawn() -> None:
    """The reference's procedure gives no percentile below 50 pairs, and we no mean."""
    found = an_audit(rows=30, again=False)
    assert any(band.average is not None for band in found.agreement.categories)
    (figure, _) = agreement_figures(found.agreement)
    assert "No physician has more than 50 pairs" in figure.caption
    text = render_audit(found)
    assert 'class="percentile"' not in text
    assert "has no percentile among them" in Page(text).text


# --- probabilities


def test_levels_are_means_of_equally_many_pairs() -> None:
    """Shares and mean probabilities of the sorted pairs, by brute force."""
    labels = some_labels(certain=0.1)
    levels = calibrated(labels.rows, "model-x")
    assert levels is not None
    pairs = sorted(
        ((row.probabilities["model-x"], label) for row in labels.rows for label in row.labels),
        key=lambda pair: pair[0],
    )
    assert (levels.rows, levels.pairs) == (360, 720)
    assert [level.pairs for level in levels.levels] == [72] * 10
    for place, level in enumerate(levels.levels):
        part = pairs[72 * place : 72 * (place + 1)]
        assert level.probability == pytest.approx(np.mean([p for p, _ in part]))
        assert level.met.ci95 is not None
        assert level.met.value is not None
        assert level.met.ci95[0] <= level.met.value <= level.met.ci95[1]
    met = sum((level.met.value or 0.0) * level.pairs for level in levels.levels)
    assert met == pytest.approx(sum(label for _, label in pairs))
    assert levels.brier == pytest.approx(np.mean([(p - y) ** 2 for p, y in pairs]))


def test_probabilities_that_are_shifted_have_a_larger_error() -> None:
    """Calibration error grows, the order and so the area under the curve does not change."""
    one = calibrated(some_labels(certain=0.0).rows, "model-x")
    other = calibrated(some_labels(certain=0.3).rows, "model-x")
    assert one is not None
    assert other is not None
    assert other.error > one.error + 0.1
    assert one.auroc is not None
    assert one.auroc > 0.6


def test_few_pairs_make_few_levels() -> None:
    """At least 20 pairs each; without probabilities there is no figure."""
    few = calibrated(some_labels(25, certain=0.0).rows, "model-x")
    assert few is not None
    assert [level.pairs for level in few.levels] == [25, 25]
    assert calibrated(some_labels(25).rows, "model-x") is None


def test_a_stored_probability_is_read(tmp_path: Path) -> None:
    """From graders.NAME.probability; null is none, and what is no probability is an error."""
    labels = some_labels(2)

    def path(value: object) -> Path:
        said = {"g": {"criteria_met": True, "probability": value}, "h": True}
        return write_rows(tmp_path / "m.jsonl", [meta_row(labels, 0, graders=said)])

    assert read_meta_eval(path(0.25)).rows[0].probabilities == {"g": 0.25}
    assert read_meta_eval(path(None)).rows[0].probabilities == {}
    for wrong in (1.5, -0.1, True, "0.5"):
        with pytest.raises(DataError, match="probability"):
            read_meta_eval(path(wrong))


# --- the card


def a_card(**changes: Any) -> GraderCard:
    made = card(an_audit(rows=60, again=False))
    return msgspec.structs.replace(made, **changes)


@pytest.mark.parametrize(
    ("ci95", "expected"),
    [
        ((-0.2, -0.1), "It agrees with physicians less than they do with each other."),
        ((0.1, 0.2), "It agrees with physicians more than they do with each other."),
        ((-0.1, 0.2), "is not shown: it may lie anywhere from −0.100 to +0.200."),
        (None, "Whether it agrees less than they do cannot be said."),
    ],
)
def test_the_claim_follows_the_interval(ci95: tuple[float, float] | None, expected: str) -> None:
    """Less or more only where the interval of the difference excludes zero."""
    sentence = card_sentence(a_card(gap=Estimate(0.0, ci95)))
    assert sentence.endswith(expected)
    assert "labels.jsonl" in sentence
    assert SECRET not in sentence


def test_without_colleagues_there_is_nothing_to_measure_by() -> None:
    """One physician a row gives agreement, but no band."""
    made = card(an_audit(rows=60, again=False, physicians=1))
    assert "No two physicians judged one row" in card_sentence(made)
    assert card_view(made).physicians == ""


def test_which_way_it_errs_is_said_of_each_slice() -> None:
    """The share of the errors that are too kind."""
    made = a_card()
    part = made.by_points[0]
    wrong = part.confusion.only_grader + part.confusion.only_physician
    expected = f"{100 * part.confusion.only_grader / wrong:.0f} % of errors too kind"
    facts = dict(card_view(made).facts)
    assert facts["Points of the criterion"][0].endswith(expected)
    cells = msgspec.structs.replace(part.confusion, only_grader=0, only_physician=0)
    faultless = msgspec.structs.replace(part, confusion=cells)
    shown = dict(card_view(a_card(by_points=[faultless])).facts)
    assert shown["Points of the criterion"][0].endswith("no errors")


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        (None, "unknown: stored without tokens and price"),
        (Cost(5, 1e5, 2e4, None), "100,000 tokens in, 20,000 out (from 5 verdicts)"),
        (Cost(1, 1e5, 2e4, 3.0), "$3.00; 100,000 tokens in, 20,000 out (from 1 verdict)"),
    ],
)
def test_an_unknown_cost_is_said_to_be_unknown(cost: Cost | None, expected: str) -> None:
    """Dollars where they are known, tokens where only these are."""
    assert dict(card_view(a_card(cost=cost)).facts)["1,000 verdicts cost"] == [expected]


def test_a_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    """But for the folders of its file, which are nobody's business."""
    made = a_card(cost=Cost(5, 1e5, 2e4, None))
    path = write_card(made, tmp_path / "card.json")
    assert SECRET not in path.read_text("utf-8")
    assert read_card(path) == msgspec.structs.replace(made, source="labels.jsonl")


@pytest.mark.parametrize("content", ["{}", "[]", '{"grader": 1}', "{", "\xff"])
def test_what_is_no_card_is_refused(content: str, tmp_path: Path) -> None:
    """In one line that says what makes one."""
    path = tmp_path / "card.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises((InputError, DataError), match=r"card\.json"):
        read_card(path)
    with pytest.raises(InputError, match="No such file"):
        read_card(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("name", "grader", "expected"),
    [
        ("gpt-4.1", "gpt-4.1", True),
        ("gpt-4.1", "openai/gpt-4.1", True),
        ("llama", "http://localhost:8000/v1#llama", True),
        ("llama3:8b", "http://localhost:11434/v1#llama3:8b", True),
        ("openai/gpt-4.1", "openai/gpt-4.1", True),
        ("gpt-4.1", "openai/gpt-4.1-mini", False),
        ("gpt-4.1", "yesno:openai/gpt-4.1", False),
        ("gpt-4.1", "batched:http://host/v1#gpt-4.1", False),
        ("yesno:openai/gpt-4.1", "yesno:openai/gpt-4.1", True),
        ("c", "jury:a/b+b/c", False),
        ("other/gpt-4.1", "openai/gpt-4.1", False),
    ],
)
def test_a_card_is_of_one_grader(name: str, grader: str, expected: bool) -> None:
    """By the address or the model's name; a method makes another grader."""
    assert is_card_of(a_card(grader=name), grader) is expected


def test_a_card_is_shown_once() -> None:
    """In the order of the graders, however often it is given."""
    one, two = a_card(grader="one"), a_card(grader="two")
    shown = cards_for([one, two, one], ["x/two", "x/one", "x/two"])
    assert [view.grader for view in shown] == ["two", "one"]


# --- the report


def test_a_report_shows_the_card_of_its_grader() -> None:
    """Beside the score; that of another grader it does not show."""
    run = a_run(20)
    mine, other = a_card(grader=run.info.grader), a_card(grader="somebody-else")
    page = Page(render([run], cards=[mine, other]))
    assert page.text.count("How far this grader can be trusted") == 1
    assert card_sentence(mine) in page.text
    assert "How far this grader can be trusted" not in Page(render([run], cards=[other])).text
    assert render([run]) == render([run], cards=[other])


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    isolate(monkeypatch, tmp_path)
    labels = some_labels(60)
    return write_rows(tmp_path / "m.jsonl", [meta_row(labels, number) for number in range(60)])


def test_the_command_writes_page_figures_and_card(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside what it prints; the card is read by `preceptor report`."""
    where: Mapping[str, Path] = {name: tmp_path / name for name in ("a.html", "figs", "c.json")}
    arguments = ["audit", str(file), "--grader", "model-x"]
    assert main([*arguments, "-o", str(where["a.html"]), "--card", str(where["c.json"])]) == 0
    assert Page(where["a.html"].read_text("utf-8")).text.count("model-x")
    assert read_card(where["c.json"]).grader == "model-x"
    assert main([*arguments, "-o", str(where["figs"])]) == 0
    assert {path.suffix for path in where["figs"].iterdir()} == {".svg", ".png", ".csv"}
    assert str(where["a.html"]) in capsys.readouterr().err


def test_a_grader_asked_now_has_probabilities_and_a_cost(
    file: Path, tmp_path: Path, fake: FakeEndpoint
) -> None:
    """The page draws what a grader with probabilities says, and the card counts its tokens."""
    address = f"yesno:{fake.address('judge')}"
    page, path = tmp_path / "a.html", tmp_path / "c.json"
    arguments = ["audit", str(file), "--grader", address, "--store", str(tmp_path / "p.db")]
    assert main([*arguments, "-o", str(page), "--card", str(path)]) == 0
    text = page.read_text("utf-8")
    assert "calibration.svg" in Page(text).attributes("download")
    cost = read_card(path).cost
    assert cost is not None
    assert cost.input_tokens > 0
    assert f"out (from {cost.verdicts} verdicts)" in Page(text).text


def test_output_of_a_panel_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page is of one grader."""
    path = tmp_path / "r.csv"
    path.write_text("response,criterion,rater,label\nr,c,a,1\nr,c,b,0\n", "utf-8")
    for option in ("--output", "--card"):
        assert main(["audit", str(path), option, str(tmp_path / "x.html")]) == 2
        assert "--output and --card need a --grader" in capsys.readouterr().err


def test_the_report_command_says_whose_card_it_leaves_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The card of another grader is named with the grader that the run had."""
    import preceptor
    from preceptor.benchmarks import recorded

    isolate(monkeypatch, tmp_path)
    store = str(tmp_path / "p.db")
    path = recorded("smollm2-135m")
    assert main(["import", "graded", str(path), "--benchmark", "starter", "--store", store]) == 0
    grader = preceptor.load("latest", store=store).info.grader
    mine = write_card(a_card(grader=grader), tmp_path / "mine.json")
    other = write_card(a_card(grader="other"), tmp_path / "other.json")
    page = tmp_path / "report.html"
    capsys.readouterr()
    cards = ["--card", str(mine), "--card", str(other)]
    assert main(["report", "latest", "--store", store, "-o", str(page), *cards]) == 0
    error = capsys.readouterr().err
    assert f"--card {other}: not shown: it is of 'other', and the runs were graded by" in error
    assert str(mine) not in error
    assert "How far this grader can be trusted" in page.read_text("utf-8")


# --- in a browser


def test_browser_shows_the_page_at_any_width(text: str, browser: Any, tmp_path: Path) -> None:  # noqa: F811
    """No complaint, no request, nothing wider than the window; the card is on one screen."""
    for width in (1280, 390):
        opened = Opened(browser, tmp_path / "a.html", text, width, ready="#card")
        assert not opened.scrolls_sideways()
        assert opened.complaints == []
        if width == 1280:
            box = opened.page.locator("#card").bounding_box()
            assert box is not None
            assert box["height"] < 900


# --- real data


@needs_data
def test_the_page_of_real_labels_holds_their_numbers_and_no_text() -> None:
    """Agreement as published; no question, criterion or answer of any row."""
    labels = read_meta_eval(HEALTHBENCH / "meta_eval_100_reconstructed.jsonl")
    text = render_audit(audit(labels, "llama-3.1-8b-instruct-turbo"))
    shown = Page(text).text
    assert "Macro F1 0.543 (0.4" in shown
    assert "208 labels by 97 physicians on 100 prompts" in shown
    documents = (shown, *(re.sub(r"\s+", " ", each) for each in data_urls(text)))
    for row in labels.rows:
        for private in (row.criterion, *(turn.content for turn in row.conversation)):
            start = re.sub(r"\s+", " ", private)[:60]
            if len(start) == 60:
                assert not any(start in document for document in documents)


def test_macro_f1_of_the_page_is_that_of_the_pairs(found: Audit) -> None:
    """By its definition, from the labels themselves."""
    labels = some_labels()
    pairs = [(row.verdicts["model-x"], label) for row in labels.rows for label in row.labels]
    assert found.agreement.pairwise.macro_f1.value == pytest.approx(macro_f1(pairs))


@pytest.mark.parametrize(
    ("ci95", "expected"),
    [
        ((-0.2, -0.1), "agrees with them less than they do with each other."),
        ((0.1, 0.2), "agrees with them more than they do with each other."),
        ((-0.1, 0.2), "allowing for chance, no difference was shown."),
    ],
)
def test_agreement_is_said_in_words(found: Audit, ci95: tuple[float, float], expected: str) -> None:
    """Of how many cases the grader and a physician, and two physicians, say the same."""
    gap = msgspec.structs.replace(found.agreement.gap, ci95=ci95)
    said = agreement_words(msgspec.structs.replace(found.agreement, gap=gap))
    assert said.startswith("The grader and a physician say the same in ")
    assert " of 100 cases, two physicians in " in said
    assert said.endswith(expected)
