"""People's marks of a run: the sheet, the terminal, and what they say of the grader."""

from __future__ import annotations

import csv
import json
import random
import re
import shlex
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score

import preceptor
from data_fixtures import isolate, row, write_rows
from preceptor.audit.checked import known_of_grader
from preceptor.audit.mark_words import read_mark
from preceptor.audit.marks import Item, Mark, criteria_of, draw_verdicts, marks_on, save_marks
from preceptor.cli import main
from preceptor.records import Result, RunInfo
from preceptor.results.load import load_result
from preceptor.statistics.correction import cascade_estimate
from preceptor.statistics.intervals import stratified_share
from preceptor.store import Store

EXAMPLES, POINTS = 40, (5, -3, 2, 4)
JUDGE, SYSTEM = "openai/judge-made-up", "system-made-up"
REASON = "made-up reason of the grader"
FIRST = '=HYPERLINK("x") is how this answer begins'

Person = Callable[[Item], bool | None]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a run of one system and one of another, by a grader."""
    folder = tmp_path_factory.mktemp("marks")
    rng = random.Random(0)
    rows: list[dict[str, Any]] = []
    for run, system in (("board", SYSTEM), ("rival", "system-of-a-rival")):
        for number in range(EXAMPLES):
            answer = FIRST if number == 0 else f"made-up answer of {run} to {number}\nsecond line"
            rows.append(
                row(f"e{number}", POINTS)
                | {
                    "run": run,
                    "model": system,
                    "grader": JUDGE,
                    "response": answer,
                    "criteria_met": [rng.random() < 0.7 for _ in POINTS],
                    "explanations": [REASON] * len(POINTS),
                }
            )
    file, store = write_rows(folder / "in.jsonl", rows), folder / "p.db"
    assert (
        main(["import", "graded", str(file), "--benchmark", "healthbench", "--store", str(store)])
        == 0
    )
    return store


@pytest.fixture
def store(made: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Store]:
    """A copy of it, as the usual store of an empty working folder."""
    isolate(monkeypatch, tmp_path)
    shutil.copy(made, "p.db")
    monkeypatch.setenv("PRECEPTOR_STORE", "p.db")
    with Store("p.db") as opened:
        yield opened


def items_of(store: Store, run: str = "board") -> list[Item]:
    return criteria_of(store, store.run(run))


def person(seed: int = 1, agrees: float = 0.8) -> Person:
    """Somebody who mostly says what the grader says; the same each time they are asked."""

    def said(item: Item) -> bool | None:
        rng = random.Random(f"{seed} {item.id}")
        return item.met if rng.random() < agrees else not item.met

    return said


def fill(path: Path, mark: Callable[[str], Any], to: Path | None = None) -> Path:
    """Fill in a sheet by id, as a person would."""
    book = openpyxl.load_workbook(path)
    sheet = book["marks"]
    head = [cell.value for cell in sheet[1]]
    for number in range(2, sheet.max_row + 1):
        found = sheet.cell(number, head.index("id") + 1).value.partition(".")[2]
        sheet.cell(number, head.index("mark") + 1).value = mark(found)
    book.save(to or path)
    return to or path


def by_id(store: Store, said: Person, run: str = "board") -> Callable[[str], str]:
    known = {item.id: said(item) for item in items_of(store, run)}
    words = {True: "met", False: "not met", None: "cannot tell"}
    return lambda found: words[known[found]]


def result_of(store: Store, run: str = "board") -> Result:
    return load_result(store, store.run(run))


# The sheet


def test_a_sheet_is_blind_and_holds_every_text_as_text(store: Store) -> None:
    """It has question, answer and criterion, and nothing of the grader, nor of two systems."""
    assert main(["tasks", "review", "board", "rival", "-o", "marks.xlsx"]) == 0
    book = openpyxl.load_workbook("marks.xlsx")
    assert book.sheetnames == ["marks", "how to"]
    cells = [cell for sheet in book for line in sheet.iter_rows() for cell in line]
    everything = "\n".join(str(cell.value) for cell in cells)
    for secret in (JUDGE, REASON, SYSTEM, "system-of-a-rival", "score"):
        assert secret not in everything
    first = [cell for cell in cells if cell.value == FIRST]
    assert len(first) == 2 * len(POINTS)
    assert all(cell.data_type == "s" and cell.quotePrefix for cell in first)
    sheet = book["marks"]
    (choice,) = sheet.data_validations.dataValidation
    assert choice.formula1 == '"met,not met,cannot tell"'
    assert str(choice.sqref) == f"E2:E{2 * EXAMPLES * len(POINTS) + 1}"
    ids = [line[-1].value for line in sheet.iter_rows(min_row=2)]
    assert len(set(ids)) == len(ids) == 2 * EXAMPLES * len(POINTS)
    answers = [line[2].value for line in sheet.iter_rows(min_row=2)]
    assert answers[:4] == [answers[0]] * 4, "criteria of one answer stay together"
    assert main(["tasks", "review", "board", "--limit", "3", "-o", "few.csv"]) == 0
    with open("few.csv", encoding="utf-8-sig", newline="") as stream:
        table = list(csv.reader(stream))
    assert len(table) == 1 + 3 * len(POINTS)
    assert not any(cell.startswith(("=", "+", "-", "@")) for line in table for cell in line)


def test_a_long_text_goes_on_in_a_second_column(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is cut at the 32,767 units of a cell, and the command says where it goes on."""
    answer = "🙂word " * 10_000
    rows = [row("long", (5,)) | {"response": answer, "criteria_met": [True], "run": "long"}]
    file = str(write_rows(Path("long.jsonl"), rows))
    assert main(["import", "graded", file, "--benchmark", "healthbench"]) == 0
    assert main(["tasks", "review", "long", "-o", "long.xlsx"]) == 0
    assert "continued in further columns: answer (3 columns)" in capsys.readouterr().err
    head, line = openpyxl.load_workbook("long.xlsx")["marks"].iter_rows(values_only=True)
    parts = [text for name, text in zip(head, line, strict=True) if name.startswith("answer")]
    assert head[2:5] == ("answer", "answer (2)", "answer (3)")
    assert "".join(parts) == answer
    assert all(len(part.encode("utf-16-le")) / 2 <= 32_000 for part in parts)


def test_a_sheet_is_read_back_sorted_filtered_and_shortened(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ids carry the rows, columns the sheet; other words are matched; blanks are counted."""
    main(["tasks", "review", "board", "-o", "marks.xlsx"])
    said = by_id(store, person())
    words = {"met": "Erfüllt", "not met": "nein"}
    fill(Path("marks.xlsx"), lambda found: words[said(found)], Path("dr-a.xlsx"))
    book = openpyxl.load_workbook("dr-a.xlsx")
    sheet = book["marks"]
    lines = [[cell.value for cell in line] for line in sheet.iter_rows(min_row=2)]
    random.Random(0).shuffle(lines)
    for number, line in enumerate(lines, start=2):
        for column, value in enumerate(line, start=1):
            cell = sheet.cell(number, column)
            cell.value = value
            cell.data_type = "s" if value == FIRST else cell.data_type
    sheet.delete_rows(100, 50)
    sheet["E2"], sheet["E3"], sheet["F3"] = None, "weiß nicht", "which dose?"
    sheet.row_dimensions[4].hidden = True
    book.move_sheet("how to", -1)
    book.save("dr-a.xlsx")
    capsys.readouterr()
    assert main(["tasks", "read", "dr-a.xlsx"]) == 0
    shown = capsys.readouterr()
    assert "108 marks and 1 of cannot tell, by dr-a; 1 row without a mark" in shown.err
    assert "'Erfüllt' as met" in shown.err
    assert "'weiß nicht' as cannot tell (1)" in shown.err
    assert "Kept as run marks-dr-a-board: 109 new" in shown.err
    assert "1 mark of “cannot tell” counts for neither" in shown.out
    marks = marks_on(store, store.run("board"), {i.response.key for i in items_of(store)})["dr-a"]
    assert len(marks) == 109
    assert Mark(None, "which dose?") in marks.values()
    assert all(mark.met is None or mark.met is (said(key) == "met") for key, mark in marks.items())


@pytest.mark.parametrize("command", ["tasks review", "check-grader"])
def test_a_sheet_that_is_there_is_not_overwritten(
    store: Store, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may hold a person's marks."""
    assert main([*command.split(), "board", "-o", "mine.xlsx"]) == 0
    before = Path("mine.xlsx").read_bytes()
    assert main([*command.split(), "board", "-o", "mine.xlsx"]) == 2
    assert "mine.xlsx: exists already" in capsys.readouterr().err
    assert Path("mine.xlsx").read_bytes() == before


@pytest.mark.parametrize("column", ["criterion", "answer"])
def test_a_mark_beside_another_text_is_refused(
    store: Store, column: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where some columns were sorted alone, the id belongs to another row: nothing is kept."""
    main(["tasks", "review", "board", "-o", "mine.xlsx"])
    fill(Path("mine.xlsx"), by_id(store, person()))
    book = openpyxl.load_workbook("mine.xlsx")
    sheet = book["marks"]
    place = [cell.value for cell in sheet[1]].index(column) + 1
    sheet.cell(3, place).value = "The text of quite another row, moved here"
    book.save("mine.xlsx")
    capsys.readouterr()
    assert main(["tasks", "read", "mine.xlsx"]) == 2
    said = capsys.readouterr().err
    assert f"{'BCD'[place - 2]}3" in said or "line 3" in said or "mine.xlsx:3" in said
    assert f"{column}: is not the text that the id of its row belongs to" in said
    assert not [run for run in store.runs() if run.settings.marks is not None]


def test_a_file_read_twice_changes_nothing_and_a_changed_mark_replaces(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of one rater only the last mark on a criterion counts; the command says what it replaced."""
    main(["tasks", "review", "board", "--limit", "5", "-o", "dr-a.xlsx"])
    said = by_id(store, person())
    fill(Path("dr-a.xlsx"), said)
    assert main(["tasks", "read", "dr-a.xlsx"]) == 0
    run = store.run("marks-dr-a-board")
    assert main(["tasks", "read", "dr-a.xlsx"]) == 0
    assert "0 new, 20 as they were" in capsys.readouterr().err
    assert store.run("marks-dr-a-board") == run
    assert main(["rename", "board", "board-1"]) == 0
    flipped = {"met": "not met", "not met": "met"}
    first = min(ids("dr-a.xlsx"))
    fill(Path("dr-a.xlsx"), lambda found: flipped[said(found)] if found == first else said(found))
    assert main(["tasks", "read", "dr-a.xlsx"]) == 0
    assert "0 new, 1 in place of former ones, 19 as they were" in capsys.readouterr().err
    assert [each.name for each in store.runs() if each.settings.marks] == ["marks-dr-a-board"]


def ids(path: str) -> set[str]:
    sheet = openpyxl.load_workbook(path)["marks"]
    return {line[-1].partition(".")[2] for line in sheet.iter_rows(min_row=2, values_only=True)}


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("E", "perhaps", "cell E3: mark: expected met, not met or cannot tell, or a blank cell"),
        ("G", "all.unknown.12345678", "cell G3: id: no run of p.db has this answer"),
        ("G", "e7", "cell G3: id: expected the id that the row was written with, found 'e7'"),
        ("G", "twin", "cell E3: mark: this answer and criterion has another mark"),
        ("E", "=A1", "cell E3: mark: has a formula that was never calculated"),
    ],
)
def test_a_faulty_cell_is_one_line(
    column: str, value: str, problem: str, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line names sheet and cell, what was expected and what was found; nothing is kept."""
    main(["tasks", "review", "board", "--limit", "2", "-o", "a.xlsx"])
    fill(Path("a.xlsx"), lambda _: "met")
    book = openpyxl.load_workbook("a.xlsx")
    sheet = book["marks"]
    if value == "twin":
        value, sheet["E3"] = sheet["G2"].value, "not met"
    sheet[f"{column}3"] = value
    book.save("a.xlsx")
    capsys.readouterr()
    assert main(["tasks", "read", "a.xlsx"]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith(f"error: a.xlsx: sheet marks, {problem}")
    assert "\n" not in error
    assert not any(run.settings.marks for run in store.runs())


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        *[
            (each, "met")
            for each in ("ja", "OUI", "x", "erfüllt", 1, 1.0, True, "1,0", "✓", "はい")
        ],
        *[(each, "not met") for each in ("nein", "Not  Met", 0, False, "NON", "no cumple", "否")],
        *[(each, "cannot tell") for each in ("?", "Cannot tell.", "unklar", "n/a", "não sei")],
        *[(each, None) for each in (None, "", "  ", float("nan"))],
    ],
)
def test_marks_in_other_words(said: object, choice: str | None) -> None:
    """What spreadsheets and people write for a mark in several languages is matched."""
    assert read_mark(said) == choice


# What it says of the grader


def test_the_report_carries_the_card_by_itself(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two people's marks are in both editions; the grader of the other run stays unchecked."""
    main(["tasks", "review", "board", "--limit", "20", "-o", "m.xlsx"])
    for name, seed in (("dr-a", 1), ("dr-b", 2)):
        fill(Path("m.xlsx"), by_id(store, person(seed)), Path(f"{name}.xlsx"))
    assert main(["tasks", "read", "dr-a.xlsx", "dr-b.xlsx", "--json"]) == 0
    found = json.loads(capsys.readouterr().out.partition("\n")[2])
    (run,) = found["runs"]
    page = (Path(__file__).parents[1] / "docs" / "check-grader.md").read_text("utf-8")
    tables = page.split("<!-- keys: ")[1:]
    for table, real in zip(tables, (found["files"][0], run, run["disagreements"][0]), strict=True):
        assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(real)
    check = run["card"]["check"]
    assert (check["raters"], check["marked"], check["marks"]) == (2, 80, 160)
    assert check["marks"] - check["agreed"] == len(run["disagreements"])
    assert main(["report", "board", "--share", "-o", "share.html"]) == 0
    assert main(["report", "latest", "-o", "latest.html"]) == 0
    preceptor.load("board", store="p.db").report("full.html")
    words = f"agreed with 2 people on {check['agreed']} of 160 marks"
    for page in ("full.html", "share.html"):
        text = Path(page).read_text("utf-8")
        assert words in text
        assert f"on the answers of {SYSTEM} to HealthBench (run board), as 2 people saw" in text
        assert "The grader was not checked" not in text
        assert "dr-a" not in text
    assert main(["report", "board", "--label", f"{SYSTEM}=Vendor A", "-o", "named.html"]) == 0
    named = Path("named.html").read_text("utf-8")
    assert "on the answers of Vendor A to HealthBench (run board), as 2 people saw" in named
    assert "The grader was not checked" in Path("latest.html").read_text("utf-8"), "it is rival"


def test_a_narrow_terminal_shows_disagreements_whole() -> None:
    """Texts are wrapped at words and not cut."""
    from rich.console import Console

    from preceptor.audit.checked import Disagreement
    from preceptor.reports.checking import disagreement_table

    words = "recommends paracetamol instead of another analgesic after anticoagulation " * 4
    one = Disagreement("a-name-of-an-example", 0, words, True, "dr-a", False, "why", words)
    console = Console(width=80)
    with console.capture() as caught:
        console.print(disagreement_table([one]))
    assert Counter(re.findall("[a-z]+", caught.get())) >= Counter(2 * words.split())


def test_marks_are_a_run_that_other_commands_take(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """`audit` and `correct` read them as labels; patterns and `score --all` leave them out."""
    main(["tasks", "review", "board", "-o", "dr-a.xlsx"])
    fill(Path("dr-a.xlsx"), by_id(store, person()))
    main(["tasks", "read", "dr-a.xlsx", "--rater", "Dr. A"])
    said = capsys.readouterr().out
    assert main(["audit", "marks-Dr.-A-board", "--grader", "board", "--json"]) == 0
    audited = json.loads(capsys.readouterr().out)["agreement"]["pairwise"]
    found = known_of_grader(store, result_of(store))
    assert found is not None
    assert found.check is not None
    assert audited["observed"]["value"] == pytest.approx(found.check.agreement.value)
    assert audited["kappa"]["value"] == pytest.approx(found.kappa.value)
    assert main(["correct", "board", "--labels", "marks-Dr.-A-board", "--json"]) == 0
    corrected = json.loads(capsys.readouterr().out)["labels_alone"]["value"]
    assert found.check.corrected is not None
    assert found.check.corrected.value == pytest.approx(corrected)
    assert f"The score is {100 * corrected:.1f} by these marks" in said
    names = [side.label for side in preceptor.sides(["*"], store="p.db")]
    assert names == ["board", "rival"]
    assert main(["score", "--all"]) == 0
    assert "marks-" not in capsys.readouterr().out


def marked(store: Store, run: RunInfo, items: Sequence[Item], said: Person) -> None:
    """Save a person's marks of drawn verdicts, in place of all former ones."""
    for each in store.runs():
        if each.settings.marks is not None:
            store.delete_run(each)
    marks = {item.id: Mark(said(item)) for item in items}
    save_marks(store, "somebody", marks, items, drawn=True)


def test_a_draw_holds_both_kinds_and_a_larger_one_goes_on(store: Store) -> None:
    """Half are met; each verdict of a half is as likely; 100 drawn hold the 50 drawn before."""
    items = items_of(store)
    few, many = draw_verdicts(items, 30, 0), draw_verdicts(items, 60, 0)
    assert sum(item.met is True for item in few) == 15
    assert {item.id for item in few} < {item.id for item in many}
    assert len(draw_verdicts(items, 10_000, 0)) == len(items)
    unmet = sum(item.met is False for item in items)
    assert sum(item.met is False for item in draw_verdicts(items, 2 * unmet + 20, 0)) == unmet
    drawn = [item.id for seed in range(300) for item in draw_verdicts(items, 30, seed) if item.met]
    counts = np.unique(drawn, return_counts=True)[1]
    expected = 300 * 15 / sum(item.met is True for item in items)
    assert counts.mean() == pytest.approx(expected, rel=0.01)
    assert counts.std() < 1.5 * np.sqrt(expected)


def test_the_estimate_is_of_the_run_and_not_of_the_sample(store: Store) -> None:
    """Drawn half and half, agreement, kappa and score come out as marking everything gives them."""
    run, result, items = store.run("board"), result_of(store), items_of(store)
    # Too kind by far, and never too strict: what half and half must not be taken for.
    kind = {item.id: item.met is True and hash_share(item.id) < 0.6 for item in items}
    truth = np.array([kind[item.id] for item in items], dtype=float)
    judge = np.array([item.met for item in items], dtype=float)
    weights = np.array([item.example.criteria[item.index].points for item in items]) / 11
    agreement, score = (truth == judge).mean(), weights @ truth / EXAMPLES
    found = []
    for seed in range(25):
        drawn = draw_verdicts(items, 50, seed)
        marked(store, run, drawn, lambda item: kind[item.id])
        card = known_of_grader(store, result)
        assert card is not None
        assert card.check is not None
        check = card.check
        assert check.corrected is not None
        assert check.corrected.run_ci95 is not None
        assert check.agreement.ci95 is not None
        low, high = check.corrected.run_ci95
        found.append(
            (
                check.agreement.value,
                check.agreed / check.marks,
                check.corrected.value,
                low <= score <= high,
                check.agreement.ci95[0] <= agreement <= check.agreement.ci95[1],
            )
        )
    means = np.array(found, dtype=float).mean(axis=0)
    assert means[0] == pytest.approx(agreement, abs=0.02)
    assert means[1] > agreement + 0.05, "the sample alone flatters the grader"
    assert means[2] == pytest.approx(score, abs=0.02)
    assert result.metrics["overall_score"].raw_mean > score + 0.1
    assert means[3] >= 0.9
    assert means[4] >= 0.9
    # The last draw, against an independent implementation of weighted kappa and F1.
    pairs = [(bool(item.met), kind[item.id]) for item in drawn]
    share = judge.mean()
    weight = [share if met else 1 - share for met, _ in pairs]
    ours, theirs = zip(*pairs, strict=True)
    assert card.kappa.value == pytest.approx(cohen_kappa_score(ours, theirs, sample_weight=weight))
    macro = f1_score(ours, theirs, average="macro", sample_weight=weight)
    assert card.macro_f1.value == pytest.approx(macro)


def hash_share(text: str) -> float:
    return random.Random(text).random()


def test_a_share_of_strata_covers_the_truth() -> None:
    """The interval is never of width zero, respects clusters, and covers over simulated samples."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        unit = np.repeat(np.arange(60), 8)
        met = rng.random(480) < 0.8
        good = rng.random(60) < 0.8
        hit = rng.random(480) < np.where(good[unit], 0.95, 0.5)
        drawn = np.concatenate(
            [rng.choice(np.flatnonzero(met == each), 25, replace=False) for each in (True, False)]
        )
        sizes = {True: int(met.sum()), False: int((~met).sum())}
        share, (low, high) = stratified_share(hit[drawn], met[drawn], sizes, unit[drawn])
        parts = [hit[drawn][met[drawn] == each].mean() * sizes[each] / 480 for each in sizes]
        assert share == pytest.approx(sum(parts))
        covered += low <= hit.mean() <= high
    assert covered >= 0.95 * 300
    share, (low, high) = stratified_share(
        np.ones(10, dtype=bool), np.array([True] * 5 + [False] * 5), {True: 50, False: 50}
    )
    assert (share, high) == (1.0, 1.0)
    assert low == pytest.approx(0.025 ** (1 / 10))
    with pytest.raises(ValueError, match="no row of stratum False"):
        stratified_share(np.ones(3, dtype=bool), np.ones(3, dtype=bool), {True: 9, False: 9})


# The terminal


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys that a person will press, in a terminal."""
    pressed: list[str] = []
    monkeypatch.setattr("preceptor.cli.marks._at_terminal", lambda: True)
    monkeypatch.setattr("typer.getchar", lambda: pressed.pop(0))
    return pressed


CHECK = ["check-grader", "board", "--limit", "10", "--rater", "me"]


def test_marks_in_the_terminal_are_kept_one_by_one_and_gone_on_with(
    store: Store, keys: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A second call goes on where the first stopped; skipped ones come again; back corrects."""
    items = draw_verdicts(items_of(store), 10, 0)
    keys += ["m", "z", "n", "b", "c", "s", "q"]
    assert main(CHECK) == 0
    shown = capsys.readouterr()
    assert "2 of 10 are marked and kept" in shown.err
    for secret in (JUDGE, REASON):
        assert secret not in shown.out + shown.err
    assert items[0].response.text in shown.out
    assert items[0].criterion in shown.out
    assert "Marked: not met" in shown.out
    kept = marks_on(store, store.run("board"), {item.response.key for item in items})["me"]
    assert kept == {items[0].id: Mark(True), items[1].id: Mark(None)}
    keys += ["m" if item.met else "n" for item in items[2:-1]]  # and the terminal is closed
    with pytest.raises(IndexError):
        main(CHECK)
    assert "3 of 10" in capsys.readouterr().out
    keys += ["s", "n" if items[-1].met else "m"]  # the skipped one comes again at once
    assert main(CHECK) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("\n──── 10 of 10 ────"), "one is left"
    agreed = 7 + bool(items[0].met)
    assert f"The grader agreed with you on {agreed} of 9 marks, which stands for" in shown.out
    assert "too few to tell how far it is off" in shown.out
    assert main(CHECK) == 0, "all are marked: nothing is asked"


def test_without_a_terminal_one_line_says_what_to_do(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sheet of the draw can be written instead; its marks count for the grader it is drawn by."""
    assert main(["check-grader", "board"]) == 2
    error = capsys.readouterr().err.strip()
    assert "\n" not in error
    assert "-o marks.xlsx, and read it with `preceptor tasks read marks.xlsx`" in error
    assert main(["check-grader", "board", "-o", "drawn.xlsx"]) == 0
    fill(Path("drawn.xlsx"), by_id(store, person()))
    assert main(["tasks", "read", "drawn.xlsx"]) == 0
    about = store.run("marks-drawn-board").settings.marks
    assert about is not None
    assert about.drawn
    found = known_of_grader(store, result_of(store))
    assert found is not None
    assert found.check is not None
    assert (found.check.marked, found.check.verdicts) == (50, 160)
    other = result_of(store)
    other.info.settings.notes = []
    info = preceptor.load("board", store="p.db").info
    assert not marks_on(
        store,
        type(info)(**{n: getattr(info, n) for n in info.__struct_fields__} | {"grader": "another"}),
        [i.response.key for i in items_of(store)],
    )


def test_a_run_without_met_or_not_met_is_refused(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Marks of people, and names that are a system's or a grader's, are one line each."""
    main(["tasks", "review", "board", "--limit", "1", "-o", "a.xlsx"])
    fill(Path("a.xlsx"), lambda _: "met")
    assert main(["tasks", "read", "a.xlsx"]) == 0
    for arguments, problem in (
        (["tasks", "review", "marks-a-board", "-o", "b.xlsx"], "has a person's marks"),
        (["tasks", "read", "a.xlsx", "--rater", JUDGE], "expected the name of a person"),
        (["tasks", "read", "a.xlsx", "a.xlsx"], "two files are of rater 'a'"),
        (["tasks", "review", "board", "-o", "b.docx"], "ends in .xlsx or .csv"),
        (["tasks", "review", "board", "-o", "b.csv", "--limit", "0"], "expected 1 or more"),
    ):
        capsys.readouterr()
        assert main(arguments) == 2
        error = capsys.readouterr().err.strip()
        assert problem in error
        assert "\n" not in error


def test_the_page_says_what_works(
    store: Store, keys: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command of docs/check-grader.md is typed in its order, the sheets filled between."""
    page = (Path(__file__).parent.parent / "docs" / "check-grader.md").read_text("utf-8")
    commands = re.findall(r"^\$ preceptor (.+)$", page, re.MULTILINE)
    assert len(commands) == 7
    keys += "mncm" * 12 + "mn"
    for command in commands:
        words = shlex.split(command)
        for name in [word for word in words if word.endswith(".xlsx") and words[1] == "read"]:
            written = "marks.xlsx" if name == "marks.xlsx" else "review.xlsx"
            fill(Path(written), by_id(store, person(ord(name[3]))), Path(name))
        assert main(words) == 0, command
    assert not keys
    shown = capsys.readouterr().out
    assert "The grader agreed with you on" in shown
    assert "People with each other" in shown


def test_criteria_of_an_answer_that_are_drawn_together_are_one_draw() -> None:
    """Where a grader errs by whole answers, and whole answers are marked, the interval covers."""
    rng = np.random.default_rng(0)
    unit = np.repeat(np.arange(100), 10)
    weights = np.full(1000, 0.1)
    covered: dict[bool, int] = {True: 0, False: 0}
    for _ in range(200):
        truth = rng.random(1000) < 0.6
        kind = np.where(rng.random(100) < 0.3, 0.6, 0.05)[unit]
        judge = truth | (rng.random(1000) < kind)
        drawn = np.isin(unit, rng.choice(100, 20, replace=False))
        chances = np.where(judge, drawn[judge].mean(), drawn[~judge].mean())
        said = np.where(drawn, truth.astype(float), np.nan)
        for together in covered:
            found = cascade_estimate(
                judge, said, weights, chances, unit, together=unit if together else None
            )
            assert found is not None
            assert found.run_ci95 is not None
            low, high = found.run_ci95
            covered[together] += low <= weights @ truth / 100 <= high
    assert covered[True] >= 0.93 * 200 > covered[False]
