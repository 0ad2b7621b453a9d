"""Several graders of the same rows: agreement against cost, from a file, the store and prices."""

from __future__ import annotations

import csv as tables
import io
import itertools
import json
import random
import re
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import preceptor
from data_fixtures import HEALTHBENCH, isolate, needs_data, unpacked, write_rows
from preceptor.audit.card import Cost
from preceptor.audit.frontier import (
    CHARACTERS_PER_TOKEN,
    Frontier,
    Point,
    Spent,
    amount,
    estimated_tokens,
    frontier,
    reply_characters,
    with_stored,
)
from preceptor.audit.labels import Judged, Labels, read_meta_eval
from preceptor.cli import main
from preceptor.errors import InputError
from preceptor.records import Criterion, Example, Graded, Message, Response, Verdict
from preceptor.reports.audit_page import render_frontier
from preceptor.reports.figures.base import csv, svg
from preceptor.reports.figures.frontier import frontier as figure
from test_report_html import Opened, Page, browser  # noqa: F401  a fixture

DOCS = Path(__file__).parent.parent / "docs"
GRADERS = ("cheap", "middling", "dear")


def some_labels(rows: int = 60, seed: int = 1, graders: Sequence[str] = GRADERS) -> Labels:
    """Two or three physicians a row; each grader of the list errs less than the one before."""
    rng = random.Random(seed)
    found = []
    for number in range(rows):
        truth = rng.random() < 0.6
        labels = tuple(rng.random() < (0.85 if truth else 0.2) for _ in range(rng.choice((2, 3))))
        verdicts = {
            name: truth if rng.random() < 0.6 + 0.15 * place else not truth
            for place, name in enumerate(graders)
        }
        found.append(
            Judged(
                prompt=f"p{number // 2}",
                criterion=f"Says {number}",
                category=f"cluster:hedging_part-{number % 3}",
                labels=labels,
                physicians=tuple(f"d{number % 5 + each}" for each in range(len(labels))),
                verdicts=verdicts,
                points=5.0 if number % 3 else -5.0,
                conversation=(
                    Message("user", f"Question {number // 2}"),
                    Message("assistant", f"Answer {number}"),
                ),
            )
        )
    return Labels("folder/labels.jsonl", found, tuple(graders))


def spent(usd: float | None = None, tokens: float = 1000.0, estimated: bool = False) -> Spent:
    return Spent(Cost(10, tokens, tokens / 10, usd), estimated)


def macro_f1(pairs: Sequence[tuple[bool, bool]]) -> float:
    """By its definition."""
    both = []
    for kind in (True, False):
        hits = sum(a is kind and b is kind for a, b in pairs)
        both.append(2 * hits / sum((a is kind) + (b is kind) for a, b in pairs))
    return sum(both) / 2


# --- the numbers


def test_agreement_is_pairwise_with_each_physician() -> None:
    """Macro F1 of a grader and of physicians among themselves follow from the pairs."""
    labels = some_labels()
    found = frontier(labels)
    assert [point.grader for point in found.points] == ["dear", "middling", "cheap"]
    for point in found.points:
        pairs = [(row.verdicts[point.grader], label) for row in labels.rows for label in row.labels]
        assert point.macro_f1.value == pytest.approx(macro_f1(pairs))
        assert point.pairs == len(pairs)
        assert point.macro_f1.ci95 is not None
        assert point.macro_f1.ci95[0] < point.macro_f1.value < point.macro_f1.ci95[1]
    own = [pair for row in labels.rows for pair in itertools.permutations(row.labels, 2)]
    assert found.physicians is not None
    assert found.physicians.value == pytest.approx(macro_f1(own))
    for point in found.points:
        assert point.gap.value == pytest.approx(point.macro_f1.value - macro_f1(own))  # type: ignore[operator]


def test_a_coin_has_the_expected_f1_of_its_expected_counts() -> None:
    """Half of each class is hit: F1 from those counts, of both classes."""
    labels = some_labels()
    given_ = [label for row in labels.rows for label in row.labels]
    q = sum(given_) / len(given_)
    expected = (2 * (q / 2) / (0.5 + q) + 2 * ((1 - q) / 2) / (1.5 - q)) / 2
    assert frontier(labels).coin == pytest.approx(expected)


def test_rows_without_a_chosen_grader_are_not_counted() -> None:
    """The physicians' band is of rows that a grader judged; who judged fewer is marked."""
    labels = some_labels()
    rows = [
        msgspec.structs.replace(
            row,
            verdicts={
                name: met
                for name, met in row.verdicts.items()
                if number < {"cheap": 40, "dear": 20}.get(name, 60)
            },
        )
        for number, row in enumerate(labels.rows)
    ]
    part = msgspec.structs.replace(labels, rows=rows)
    found = frontier(part, ["cheap", "dear"], {"cheap": spent(1.0), "dear": spent(0.5)})
    assert found.rows == 40
    by_name = {point.grader: point for point in found.points}
    assert (by_name["cheap"].rows, by_name["cheap"].every_row) == (40, True)
    assert (by_name["dear"].rows, by_name["dear"].every_row) == (20, False)
    assert by_name["cheap"].on_front
    assert not by_name["dear"].on_front
    own = frontier(msgspec.structs.replace(labels, rows=rows[:40]), ["cheap"])
    assert found.physicians == own.physicians


def test_an_unknown_grader_is_refused() -> None:
    """The message lists those there are; without any verdict it says so."""
    labels = some_labels(6)
    with pytest.raises(InputError, match=r"--grader nobody: not in .*cheap, middling, dear"):
        frontier(labels, ["nobody"])
    rows = [msgspec.structs.replace(row, verdicts={}) for row in labels.rows]
    with pytest.raises(InputError, match="no row has a grader's verdict"):
        frontier(msgspec.structs.replace(labels, rows=rows, graders=()))


@pytest.mark.parametrize(
    ("costs", "unit", "amounts"),
    [
        ({}, None, [None, None, None]),
        ({"dear": spent(None, 500)}, "tokens", [550, None, None]),
        ({"dear": spent(None, 500), "cheap": spent(0.2)}, "usd", [None, None, 0.2]),
        ({"dear": spent(0.0), "cheap": spent(0.2)}, "usd", [0.0, None, 0.2]),
    ],
)
def test_dollars_are_compared_where_any_are_known(
    costs: dict[str, Spent], unit: str | None, amounts: list[float | None]
) -> None:
    """Else tokens; a grader without them has no place on the scale."""
    found = frontier(some_labels(), None, costs)
    assert found.unit == unit
    assert [amount(point, found.unit) for point in found.points] == amounts


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.one_of(st.none(), st.integers(0, 4))),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 99),
)
def test_nobody_on_the_front_is_surpassed(graders: list[tuple[int, int | None]], seed: int) -> None:
    """None is as cheap and better, or cheaper and as good; whoever is off it is."""
    rng = random.Random(seed)
    names = [f"g{place}" for place in range(len(graders))]
    rows = [
        Judged(
            prompt=str(number),
            criterion="c",
            category="",
            labels=(number % 2 == 0,),
            physicians=("",),
            verdicts={
                name: (number % 2 == 0) ^ (number < errors)
                for name, (errors, _) in zip(names, graders, strict=True)
            },
        )
        for number in range(12)
    ]
    rng.shuffle(names)
    costs = {
        f"g{place}": spent(float(usd)) for place, (_, usd) in enumerate(graders) if usd is not None
    }
    found = frontier(Labels("f", rows, tuple(names)), None, costs)
    priced = [(amount(p, "usd"), p.macro_f1.value, p) for p in found.points if p.cost is not None]
    for cost, f1, point in priced:
        better = [
            other
            for at, value, other in priced
            if (at < cost and value >= f1) or (at <= cost and value > f1)  # type: ignore[operator]
        ]
        twins = [other for at, value, other in priced if (at, value) == (cost, f1)]
        if better:
            assert not point.on_front
        else:
            assert sum(twin.on_front for twin in twins) == 1
    assert not any(point.on_front for point in found.points if point.cost is None)


# --- the store


def graded(labels: Labels, number: int, *verdicts: Verdict | None, text: str = "") -> Graded:
    """An answer of the store to the row's conversation, judged by the row's criterion."""
    row = labels.rows[number]
    criteria = (Criterion("Something else", 1), Criterion(row.criterion, 5))
    return Graded(
        Example(f"e{number}", row.conversation[:-1], criteria),
        0,
        Response("r", text or row.conversation[-1].content),
        verdicts or (Verdict("v", True), Verdict("w", False, probability=0.25)),
    )


def test_verdicts_of_the_store_join_on_the_same_answer_and_criterion() -> None:
    """Another answer, another criterion and an ungraded one do not; a probability comes along."""
    labels = some_labels(6)
    run = [
        graded(labels, 0),
        graded(labels, 1, text="Another answer"),
        graded(labels, 2, Verdict("x", True), Verdict("y", None, reason="timeout")),
        graded(labels, 3, None, None),
        Graded(graded(labels, 4).example, 0, None, (None, None)),
    ]
    joined, verdicts = with_stored(labels, [("openai/new", run)])
    assert joined.graders == (*GRADERS, "openai/new")
    assert [row.verdicts.get("openai/new") for row in joined.rows] == [False] + [None] * 5
    assert joined.rows[0].probabilities == {"openai/new": 0.25}
    assert [verdict.key for verdict in verdicts["openai/new"]] == ["w"]
    assert [row.verdicts["cheap"] for row in joined.rows] == [
        row.verdicts["cheap"] for row in labels.rows
    ]


def test_a_grader_of_both_names_the_store() -> None:
    """The file's verdicts stay its own; of several runs the first verdict on a row counts."""
    labels = some_labels(4)
    first = graded(labels, 0, None, Verdict("a", True))
    second = graded(labels, 0, None, Verdict("b", False))
    joined, verdicts = with_stored(labels, [("cheap", [first]), ("cheap", [second])])
    assert joined.graders == (*GRADERS, "cheap (store)")
    assert joined.rows[0].verdicts["cheap (store)"] is True
    assert joined.rows[0].verdicts["cheap"] is labels.rows[0].verdicts["cheap"]
    assert [verdict.key for verdict in verdicts["cheap (store)"]] == ["a"]


def test_nothing_in_common_changes_nothing() -> None:
    """Runs of other questions, and rows without a conversation, add no grader."""
    labels = some_labels(4)
    bare = [msgspec.structs.replace(row, conversation=()) for row in labels.rows]
    without = msgspec.structs.replace(labels, rows=bare)
    assert with_stored(without, [("new", [graded(labels, 0)])]) == (without, {})


# --- tokens that nobody counted


def test_tokens_follow_from_the_lengths_of_texts() -> None:
    """What a grader is shown, as `render_conversation` writes it, and what it replied."""
    from preceptor.graders.base import render_conversation

    labels = some_labels(8)
    found = estimated_tokens(labels, "cheap", prompt=100, reply=40.0)
    shown = [
        100 + len(row.criterion) + len(render_conversation(row.conversation)) for row in labels.rows
    ]
    assert found == pytest.approx(
        (1000 * sum(shown) / 8 / CHARACTERS_PER_TOKEN, 1000 * 40 / CHARACTERS_PER_TOKEN)
    )
    bare = [msgspec.structs.replace(row, conversation=()) for row in labels.rows]
    nothing = msgspec.structs.replace(labels, rows=bare)
    assert estimated_tokens(nothing, "cheap", prompt=100, reply=40.0) is None


def meta_row(labels: Labels, number: int, **said: Any) -> dict[str, Any]:
    """A row of the meta-evaluation's file."""
    row = labels.rows[number]
    *prompt, answer = row.conversation
    stored = {name: {"criteria_met": met, "raw": "x" * 80} for name, met in row.verdicts.items()}
    return {
        "prompt": [{"role": turn.role, "content": turn.content} for turn in prompt],
        "completion": answer.content,
        "rubric": row.criterion,
        "category": row.category,
        "binary_labels": list(row.labels),
        "anonymized_physician_ids": list(row.physicians),
        "graders": stored,
        **said,
    }


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The rows as a file, in an empty working folder."""
    isolate(monkeypatch, tmp_path)
    labels = some_labels()
    return write_rows(
        tmp_path / "meta.jsonl", [meta_row(labels, number) for number in range(len(labels.rows))]
    )


def test_replies_are_measured_where_the_file_has_them(tmp_path: Path) -> None:
    """Mean characters of each grader's; a bare verdict has none."""
    labels = some_labels(2)
    path = write_rows(
        tmp_path / "m.jsonl",
        [
            meta_row(labels, 0, graders={"a": {"criteria_met": True, "raw": "xx"}, "b": True}),
            meta_row(labels, 1, graders={"a": {"criteria_met": True, "raw": "xxxx"}}),
        ],
    )
    assert reply_characters(path) == {"a": 3.0}


# --- figure and page


def three(costs: dict[str, Spent] | None = None) -> Frontier:
    priced = {"cheap": spent(0.1), "middling": spent(2.0, estimated=True), "dear": spent(9.0)}
    return frontier(some_labels(), None, priced if costs is None else costs)


@pytest.mark.parametrize(
    "costs",
    [
        None,
        {},
        {"dear": spent(3.0)},
        {"dear": spent(0.0), "cheap": spent(0.0)},
        {"dear": spent(None, 3e5), "cheap": spent(None, 2e3)},
    ],
)
def test_the_figure_holds_every_grader(costs: dict[str, Spent] | None) -> None:
    """Its numbers are those of the graders, drawn with and without costs."""
    found = three(costs)
    drawn = figure(found)
    assert drawn is not None
    assert svg(drawn).startswith("<?xml")
    rows = list(tables.DictReader(io.StringIO(csv(drawn))))
    assert [row["grader"] for row in rows] == ["dear", "middling", "cheap"]
    for row, point in zip(rows, found.points, strict=True):
        assert float(row["macro_f1"]) == point.macro_f1.value
        assert row["on_front"] == str(point.on_front)
        usd = None if point.cost is None else point.cost.usd
        assert row["usd_per_1000"] == ("" if usd is None else str(usd))
    listed = re.search(r"has `grader`.*?\.\n", (DOCS / "audit-page.md").read_text("utf-8"), re.S)
    assert listed is not None
    assert re.findall(r"`(\w+)`", listed[0]) == list(rows[0])


def test_the_caption_says_what_is_estimated_and_what_is_partial() -> None:
    """Whose tokens are guessed, who judged fewer rows, the band and the coin."""
    labels = some_labels()
    rows = [
        msgspec.structs.replace(
            row, verdicts={n: m for n, m in row.verdicts.items() if n != "dear" or number < 30}
        )
        for number, row in enumerate(labels.rows)
    ]
    part = msgspec.structs.replace(labels, rows=rows)
    drawn = figure(frontier(part, None, {"middling": spent(2.0, estimated=True)}))
    assert drawn is not None
    assert "four characters a token: middling." in drawn.caption
    assert "judged fewer rows than 60, so not comparable: dear (30)." in drawn.caption
    assert "physicians with each other, 0." in drawn.caption
    assert "toss of a coin, 0." in drawn.caption


def test_without_both_classes_there_is_no_figure() -> None:
    """Macro F1 is undefined, and a page is made all the same."""
    rows = [
        msgspec.structs.replace(row, labels=(True,), physicians=("d",), verdicts={"g": True})
        for row in some_labels(4).rows
    ]
    found = frontier(Labels("f.jsonl", rows, ("g",)))
    assert figure(found) is None
    assert "1 grader of f.jsonl" in Page(render_frontier(found)).text


def test_the_page_has_each_grader_and_no_script() -> None:
    """Numbers as printed, estimates marked, hostile names as text, and no text of an example."""
    hostile = "<script>alert(1)</script>"
    labels = some_labels(graders=("cheap", hostile))
    found = frontier(labels, None, {"cheap": spent(0.1234, 2e6, estimated=True)})
    text = render_frontier(found, ["A note."])
    page = Page(text)
    assert "script" not in {tag for tag, _ in page.elements}
    assert "script-src" not in page.attributes("content")[0]
    assert hostile in page.text
    assert "≈ $0.12" in page.text
    assert "≈ 2,200,000 tokens" in page.text
    assert "A note." in page.text
    for row in labels.rows:
        for private in (row.criterion, *(turn.content for turn in row.conversation)):
            assert f">{private}<" not in text
    assert "folder/" not in text
    assert text == render_frontier(found, ["A note."])


def test_browser_shows_the_page_at_any_width(browser: Any, tmp_path: Path) -> None:  # noqa: F811
    """No complaint, no request, nothing wider than the window."""
    text = render_frontier(three())
    for width in (1280, 390):
        opened = Opened(browser, tmp_path / "f.html", text, width, ready="#graders")
        assert not opened.scrolls_sideways()
        assert opened.complaints == []


# --- the command


def test_the_keys_of_json_are_documented(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """docs/audit-page.md lists exactly the keys of `preceptor frontier --json`."""
    assert main(["frontier", str(file), "--price", "cheap=1/2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    keys = set(found) | {key for point in found["points"] for key in point}
    keys |= {key for point in found["points"] for key in point["cost"] or {}} | {"value", "ci95"}
    table = (DOCS / "audit-page.md").read_text("utf-8").partition("`--json` has these keys:")[2]
    rows = [line for line in table.partition("\n\nThe CSV")[0].splitlines() if line[:3] == "| `"]
    said = set(re.findall(r"`(\w+)`", " ".join(rows))) - {"usd", "tokens"} | {"usd"}
    assert keys == said
    assert Frontier.__struct_fields__ == tuple(found)
    assert Point.__struct_fields__ == tuple(found["points"][0])


def test_a_price_gives_an_estimated_cost(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Dollars follow from the estimated tokens and the price; the note says what was assumed."""
    assert main(["frontier", str(file), "--price", "dear=2/8", "--json"]) == 0
    (cost,) = [p["cost"] for p in json.loads(capsys.readouterr().out)["points"] if p["cost"]]
    assert cost["output_tokens"] == 1000 * 80 / CHARACTERS_PER_TOKEN
    assert cost["usd"] == pytest.approx(
        (2 * cost["input_tokens"] + 8 * cost["output_tokens"]) / 1e6
    )
    assert main(["frontier", str(file), "--price", "dear=2/8"]) == 0
    printed = capsys.readouterr()
    assert "≈ $" in printed.out
    assert "Tokens of dear were not counted: estimated" in printed.err
    assert "Physicians with each other: 0." in printed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--price", "dear"], "--price: expected NAME=IN/OUT, found 'dear'"),
        (["--price", "=1/2"], "--price: expected NAME=IN/OUT"),
        (["--price", "dear=cheap"], "price: expected IN/OUT"),
        (["--price", "nobody=1/2"], "--price 'nobody': no such grader here: 'cheap'"),
        (["--grader", "dear", "--price", "cheap=1/2"], "--price 'cheap': no such grader here"),
        (["--grader", "nobody"], "--grader nobody: not in"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    arguments: list[str], message: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and what was expected."""
    assert main(["frontier", str(file), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_price_without_replies_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Output tokens cannot be guessed from nothing."""
    isolate(monkeypatch, tmp_path)
    labels = some_labels(4)
    rows = [meta_row(labels, number, graders={"g": number % 2 == 0}) for number in range(4)]
    path = write_rows(tmp_path / "bare.jsonl", rows)
    assert main(["frontier", str(path), "--price", "g=1/2"]) == 2
    assert "has no replies of it (graders.NAME.raw)" in capsys.readouterr().err


def test_output_is_a_page_or_a_folder_of_figures(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the name's end; the written files are named."""
    page, folder = tmp_path / "f.html", tmp_path / "figures"
    assert main(["frontier", str(file), "-o", str(page)]) == 0
    assert "3 graders of meta.jsonl" in Page(page.read_text("utf-8")).text
    assert main(["frontier", str(file), "-o", str(folder)]) == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        f"frontier.{kind}" for kind in ("csv", "png", "svg")
    ]
    assert str(page) in capsys.readouterr().err


JUDGE = """\
def kind(messages):
    return '{"criteria_met": true, "explanation": ""}'

def answer(messages):
    return "An answer."
"""


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A store with a run of the starter tasks, and its answers as rows with physicians' labels."""
    isolate(monkeypatch, tmp_path)
    (tmp_path / "frontier_judges.py").write_text(JUDGE, "utf-8")
    sys.path.insert(0, str(tmp_path))
    try:
        run = preceptor.run(
            "starter",
            system="python:frontier_judges:answer",
            grader="python:frontier_judges:kind",
            grader_template="preceptor",
            limit=3,
            store=tmp_path / "p.db",
        )
    finally:
        sys.path.remove(str(tmp_path))
    rows = []
    for item in run.result().graded:
        assert item.response is not None
        for place, criterion in enumerate(item.example.criteria):
            rows.append(
                {
                    "prompt": msgspec.to_builtins(item.example.messages),
                    "completion": item.response.text,
                    "rubric": criterion.text,
                    "category": "",
                    "binary_labels": [place % 2 == 0, place % 3 == 0],
                    "graders": {"old": {"criteria_met": place % 2 == 1, "raw": "no"}},
                }
            )
    return write_rows(tmp_path / "rows.jsonl", rows)


def test_graders_of_the_store_are_compared_with_what_they_cost(
    judged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their verdicts on the file's answers are found, with tokens and dollars for 1,000."""
    where = str(tmp_path / "p.db")
    unpacked(Path(where))
    connection = sqlite3.connect(where)
    with connection:
        connection.execute("UPDATE verdicts SET input_tokens=300, output_tokens=20, cost_usd=0.002")
    connection.close()
    assert main(["frontier", str(judged), "--store", where, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (point,) = [one for one in found["points"] if one["grader"] != "old"]
    assert point["grader"] == "python:frontier_judges:kind"
    assert point["every_row"] is True
    assert point["cost"] == {
        "verdicts": point["rows"],
        "input_tokens": 300_000.0,
        "output_tokens": 20_000.0,
        "usd": pytest.approx(2.0),
    }
    assert found["unit"] == "usd"
    assert main(["frontier", str(judged), "--store", str(tmp_path / "none.db"), "--json"]) == 0
    assert [p["grader"] for p in json.loads(capsys.readouterr().out)["points"]] == ["old"]


def test_an_address_judges_the_rows(
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It joins those of the file on every row, under its address."""
    (tmp_path / "frontier_judges.py").write_text(JUDGE, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    address = "python:frontier_judges:kind"
    arguments = ["frontier", str(file), "--store", str(tmp_path / "p.db"), "--json"]
    assert main([*arguments, "--grader", address, "--grader", "dear"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {p["grader"]: p["every_row"] for p in found["points"]} == {"dear": True, address: True}


# --- real data


@needs_data
def test_the_four_stored_graders_have_their_published_agreement() -> None:
    """0.658, 0.633 and 0.543 on 100 rows, 0.654 on the 50 of a second run."""
    found = frontier(read_meta_eval(HEALTHBENCH / "meta_eval_100_reconstructed.jsonl"))
    values = {point.grader: (point.rows, point.macro_f1.value) for point in found.points}
    expected = {
        "llama-3.1-70b-instruct-turbo": (100, 0.658),
        "llama-3.3-70b-instruct-turbo-free (run 2)": (50, 0.654),
        "llama-3.3-70b-instruct-turbo-free": (100, 0.633),
        "llama-3.1-8b-instruct-turbo": (100, 0.54296875),
    }
    assert list(values) == list(expected)
    for name, (rows, value) in expected.items():
        assert values[name][0] == rows
        assert values[name][1] == pytest.approx(value, abs=5e-4)
    assert found.physicians is not None
    assert found.physicians.value == pytest.approx(0.6479, abs=1e-4)
