"""The first screen of a report: the answer in words, trust in the grader, what harmed."""

from __future__ import annotations

import random
import re
from importlib import resources
from pathlib import Path

import msgspec
import pytest

from data_fixtures import isolate
from preceptor.cli import main
from preceptor.records import (
    NO_GRADER,
    Criterion,
    Example,
    Graded,
    Message,
    Metric,
    Response,
    Verdict,
)
from preceptor.reports.charts import Axis
from preceptor.reports.figures.style import plain_looks
from preceptor.reports.format import points
from preceptor.reports.html import render
from preceptor.reports.summary import answer_words
from preceptor.results.pool import Side
from preceptor.scoring import OVERALL
from test_audit_page import a_card
from test_report_html import Page, _undrawn, a_result, a_run, answered  # noqa: F401  a fixture

RUBRIC = (
    Criterion("Advises to call for help.", 5, ()),
    Criterion("Tells to double the dose.", -8, ()),
    Criterion("Blames the patient.", -3, ()),
)


def an_answer(name: str, *met: bool) -> Graded:
    """An answer with these verdicts on the rubric."""
    example = Example(name, (Message("user", f"question {name}"),), RUBRIC, ())
    made = answered(example, random.Random(1))
    return msgspec.structs.replace(
        made,
        response=Response(f"r-{name}", text=f"answer {name}"),
        verdicts=tuple(Verdict(f"{name}{at}", each, f"why {at}") for at, each in enumerate(met)),
    )


def a_metric(
    value: float | None,
    raw: float | None,
    n: int,
    span: tuple[float, float] | None = None,
    unit: str = "share",
) -> Metric:
    return Metric(value, raw, n, span, span, None, 1.0, unit=unit)


HARM = [
    an_answer("mild", False, False, True),
    an_answer("good", True, False, False),
    an_answer("grave", True, True, True),
    an_answer("bad", False, True, False),
    an_answer("also-mild", True, False, True),
]


def test_the_answer_is_a_sentence_with_its_number_and_range() -> None:
    """Points of 100, between two bounds, and whether the grader was checked."""
    run = a_run(40)
    metric = run.metrics[OVERALL]
    assert metric.raw_ci95 is not None
    low, high = map(points, metric.raw_ci95)
    text = Page(render([run])).text
    said = f"Answers met {points(metric.value)} of 100 points; between {low} and {high}; "
    assert f"{said}the grader was not checked." in text
    assert text.index(said) < text.index("Breakdown")


@pytest.mark.parametrize(
    ("metric", "kind", "expected"),
    [
        (a_metric(0.5, 0.5, 9, (0.4, 0.6)), "answers", "was 50.0 of 100; between 4"),
        (a_metric(None, None, 0), "points", "There is no score: no answer"),
        (a_metric(0.5, 0.5, 1), "points", "be estimated from 1 question"),
        (
            a_metric(0.0, -0.1, 9, (-0.2, 0.1)),
            "points",
            "(mean −10.0 before clipping, between −20.0 and 10.0)",
        ),
        (a_metric(2.5, 2.5, 9, unit="days"), "answers", "was 2.50 days;"),
    ],
)
def test_every_kind_of_score_has_its_sentence(metric: Metric, kind: str, expected: str) -> None:
    """No score, one question, a clipped mean and other units say what is true of them."""
    result = msgspec.structs.replace(a_run(9), metrics={OVERALL: metric})
    assert expected in answer_words(result, kind)


def test_a_banner_stands_where_a_grader_has_no_card() -> None:
    """With a card the sentence is the card's; where nothing is judged there is no banner."""
    run = a_run(20)
    banner = f"The grader was not checked. No audit of {run.info.grader} was given"
    assert banner in Page(render([run])).text
    checked = Page(render([run], cards=[a_card(grader=run.info.grader)])).text
    assert "not checked" not in checked
    info = msgspec.structs.replace(run.info, grader=NO_GRADER)
    nobody = Page(render([msgspec.structs.replace(run, info=info)])).text
    assert "not checked" not in nobody
    assert "no grader was needed" in nobody


def test_the_most_harmful_answers_are_shown_in_full() -> None:
    """Three, most negative points first, with question, answer and what the grader found."""
    text = Page(render([a_result(HARM)])).text
    assert "4 of 5 answers said at least one thing that the rubric warns against." in text
    shown = text[text.index("Chosen by rule") :]
    places = [shown.index(f"−{lost} points example {name}") for lost, name in HARMED]
    assert places == sorted(places)
    assert "question grave" in shown
    assert "answer grave" in shown
    assert "−8Tells to double the dose.Grader: why 1" in shown
    assert "example also-mild" not in shown
    assert "example good" not in shown


HARMED = ((11, "grave"), (8, "bad"), (3, "mild"))


def test_the_share_edition_has_no_harmful_answer() -> None:
    """Only how many there are."""
    text = Page(render([a_result(HARM)], share=True)).text
    assert "4 of 5 answers said" in text
    for words in ("answer grave", "question grave", "double the dose", "why 1", "Chosen by rule"):
        assert words not in text


def test_a_rubric_without_negative_points_measures_no_harm() -> None:
    """The report says that harm was not measured, and has no section on it."""
    example = Example("e", (Message("user", "q"),), RUBRIC[:1], ())
    text = Page(render([a_result([answered(example, random.Random(1))])])).text
    assert "Not measured: no criterion has negative points." in text
    assert "Chosen by rule" not in text


def test_each_benchmark_of_a_mixed_report_has_its_own_words() -> None:
    """An exam is not said to have a rubric, nor a rubric to be read."""
    rubric, exam = a_run(20), a_run(20, seed=2, name="exam-run")
    info = msgspec.structs.replace(exam.info, benchmark="medec", grader=NO_GRADER)
    exam = msgspec.structs.replace(exam, info=info, title="An Exam")
    text = Page(render([rubric, exam])).text
    assert f"20 questions of {rubric.title}, each answered once." in text
    assert "20 questions of An Exam, each answered once." in text
    assert "What an answer says was compared with the right answer" in text
    assert "100 means something else on each" in text
    assert text.count("points × times missed") <= 1


def test_every_word_of_the_glossary_opens_where_it_stands() -> None:
    """Each button of a word points at its explanation, on the page."""
    page = Page(render([a_run(20)]))
    asked = set(page.attributes("popovertarget"))
    assert {"word-coverage", "word-adjusted", "word-clipped"} <= asked
    assert asked <= set(page.attributes("id"))


def test_answers_that_cannot_harm_or_were_not_judged_are_counted_apart() -> None:
    """What harmed says which answers its number leaves out, and of one answer no number."""
    silent = an_answer("silent")
    silent = msgspec.structs.replace(silent, response=None, verdicts=(None,) * len(RUBRIC))
    quiet = an_answer("quiet", True)
    quiet = msgspec.structs.replace(
        quiet, example=msgspec.structs.replace(quiet.example, criteria=RUBRIC[:1])
    )
    text = Page(render([a_result([*HARM, silent, quiet])])).text
    assert (
        "4 of 5 answers said at least one thing that the rubric warns against. Not counted: "
        "1 answer without a verdict; 1 answer whose rubric warns against nothing." in text
    )
    alone = Page(render([a_result(HARM[:1])])).text
    assert re.search("The answer said (nothing|at least one thing) that its rubric warns", alone)


def test_the_title_the_labels_and_the_text_are_the_authors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`report --title --label --about`; a system that no run has is refused with those it has."""
    from preceptor.benchmarks import recorded

    isolate(monkeypatch, tmp_path)
    path = str(recorded("smollm2-135m"))
    assert main(["import", "graded", path, "--benchmark", "starter"]) == 0
    Path("about.txt").write_text("\ufeffFor the board.\n\nIn <b>spring</b>.\n", "utf-8")
    asked = ["report", "latest", "-o", "r.html", "--title", "Our assistant", "--about", "about.txt"]
    assert main([*asked, "--label", "local/smollm2-135m=Assistant A"]) == 0
    text = Page(Path("r.html").read_text("utf-8")).text
    assert "Our assistant For the board. More on this reportIn <b>spring</b>." in text
    assert "Assistant A (local/smollm2-135m), run " in text
    capsys.readouterr()
    assert main([*asked, "--label", "gpt=Assistant A"]) == 2
    assert "with a system of these runs: local/smollm2-135m" in capsys.readouterr().err
    Path("about.txt").write_bytes(b"\xff")
    assert main(asked) == 2
    assert "about.txt: not UTF-8 at byte 0: expected a text in UTF-8" in capsys.readouterr().err


def test_several_runs_of_one_system_keep_their_names_apart() -> None:
    """A label is followed by the run where two runs have one system."""
    from preceptor.results.select import named

    one, two = (a_run(9, seed=seed, name=f"run-{seed}") for seed in (1, 2))
    info = msgspec.structs.replace(two.info, system=one.info.system)
    two = msgspec.structs.replace(two, info=info)
    names = (one.info.name, two.info.name)
    sides = [
        Side(name, "", name, run, (name,)) for name, run in zip(names, (one, two), strict=True)
    ]
    labels = [side.label for side in named(sides, [f"{one.info.system}=A"])]
    assert labels == ["A (run-1)", "A (run-2)"]


def test_an_interval_that_passes_the_edge_has_an_arrowhead() -> None:
    """On the side where it goes on, and nowhere else."""
    axis = Axis(0.0, 1.0)
    assert axis.span((0.2, 0.4)) == ("20%", "40%", False, False)
    assert axis.span((-0.3, 0.4)) == ("0%", "40%", True, False)
    assert axis.span((0.2, 1.3)) == ("20%", "100%", False, True)
    result = a_run(12)
    wide = msgspec.structs.replace(result.metrics[OVERALL], raw_ci95=(-0.4, 0.9))
    wide = msgspec.structs.replace(result, metrics={OVERALL: wide})
    arrows = [href for href in Page(render([wide])).attributes("href") if href == "#mark-left"]
    assert len(arrows) == 1


def test_the_palette_of_figures_is_that_of_the_page() -> None:
    """A system has one colour in the page's charts and in its figures."""
    style = resources.files("preceptor.reports").joinpath("assets", "tokens.css").read_text("utf-8")
    first = dict(re.findall(r"--run-(\d): (#\w+)", style)[:7])
    assert [look.colour for look in plain_looks(6)] == [first[str(at)] for at in range(1, 7)]
