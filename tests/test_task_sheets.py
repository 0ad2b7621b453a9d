"""A clinician's own tasks in a workbook: read as a person sees them, run under their own name."""

from __future__ import annotations

import csv
import datetime
import json
import re
import shutil
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest

from preceptor import benchmarks, cli
from preceptor.errors import DataWarning, Faults, InputError, Unavailable
from preceptor.files import read_rows

openpyxl = pytest.importorskip("openpyxl", reason="needs the extra excel")

TASKS: list[list[Any]] = [["id", "question"], ["t1", "What helps?"], ["t2", "What harms?"]]
RUBRIC: list[list[Any]] = [
    ["task id", "criterion", "points"],
    ["t1", "Names rest.", 5],
    [None, "Names surgery.", -3],
    ["t2", "Names smoke.", 4],
]
ANSWERS: list[list[Any]] = [["task id", "system", "answer"], ["t1", "Ward bot", "Rest."]]
CODE = """\
import json
from pathlib import Path

def judge(messages):
    if Path("silent").exists():
        return ""
    met = messages[-1]["content"].lower().count("rest.") > 1
    return json.dumps({"explanation": "", "criteria_met": met})
"""
ZEROS = "numbers that are shown with leading zeros are read as shown:"
GRADER = ("--grader", "python:made_up_grader:judge")


def book(path: Path, **sheets: list[list[Any]]) -> Any:
    """A workbook that is saved; what is changed later is saved again by the test."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in {"tasks": TASKS, "rubric": RUBRIC, **sheets}.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    made.save(path)
    return made


def said(path: Path) -> list[str]:
    """The warnings of reading it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        benchmarks.get(str(path))
    return [str(each.message).removeprefix(f"{path}: ") for each in caught]


def faults(path: Path) -> list[str]:
    """The faults of reading it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        with pytest.raises(InputError) as caught:
            benchmarks.get(str(path))
    found = caught.value.lines if isinstance(caught.value, Faults) else [str(caught.value)]
    return [line.removeprefix(f"{path}: ") for line in found]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("made_up_grader.py").write_text(CODE, "utf-8")
    return tmp_path / "ward.xlsx"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert cli.main([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("bare")
def test_a_workbook_is_run_under_its_own_name(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each system of its answers is a run that outlives the workbook; nothing is departed from."""
    more = [["t1", "Ward bot", "Rest."], ["t2", None, "Smoke."], ["t1", "Dr B", "Surgery."]]
    about = [["Titel", "Visite für Ärzte"], ["Version", 2], ["Zweck", "made up"]]
    book(path, answers=[ANSWERS[0], *more], about=about)
    assert cli.main(["run", "ward.xlsx", *GRADER, "--name", "one"]) == 0
    out = capsys.readouterr()
    assert "HealthBench" not in out.out + out.err
    assert "preceptor compare one/ward-bot one/dr-b" in out.err
    before = printed(capsys, "score", "one/ward-bot")
    path.unlink()
    assert printed(capsys, "score", "one/ward-bot") == before
    assert (before["benchmark"], before["system"]) == ("visite-fur-arzte", "Ward bot")
    assert (before["departures"], before["notes"], before["n_examples"]) == ([], [], 2)
    assert not [name for name in before["metrics"] if "length_adjusted" in name]
    other = printed(capsys, "score", "one/dr-b")
    assert other["notes"] == ["Asked on 1 of 2 examples."]
    compared = printed(capsys, "compare", "one/ward-bot", "one/dr-b")
    assert [each["setting"] for each in compared["differing"]] == []
    for command in ("report one/ward-bot -o r.html", "export one/dr-b -o r.jsonl", "show one/dr-b"):
        assert cli.main(command.split()) == 0
    assert "Visite für Ärzte" in Path("r.html").read_text("utf-8")


@pytest.mark.usefixtures("bare")
def test_a_run_is_resumed_where_the_workbook_is_gone(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The answers are in the store, also those that were not graded yet."""
    Path("silent").touch()
    book(path, answers=[*ANSWERS, ["t2", "Ward bot", "Smoke."]])
    assert cli.main(["run", "ward.xlsx", *GRADER, "--name", "one"]) == 1
    path.unlink()
    Path("silent").unlink()
    assert cli.main(["resume", "one"]) == 0
    assert printed(capsys, "score", "one")["coverage"] == 1


@pytest.mark.usefixtures("bare")
def test_systems_are_asked_for_by_name(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One of the answers, the ideal ones, or an error that says whose there are."""
    ideal = [[*TASKS[0], "ideal answer"], [*TASKS[1], "Rest."], TASKS[2]]
    book(path, tasks=ideal, answers=ANSWERS)
    dry = printed(capsys, "run", "ward.xlsx", *GRADER, "--system", "Ward bot", "--dry-run")
    assert (dry["benchmark"], dry["examples"]) == ("ward", 1)
    (graded,) = dry["parts"]
    assert (graded["part"], graded["input_tokens"]["high"] < 400) == ("grader", True), (
        "known length"
    )
    own = printed(capsys, "run", "ward.xlsx", *GRADER, "--system", "physician")
    assert own["metrics"]["overall_score"]["value"] == 1
    book(path, tasks=ideal, answers=[*ANSWERS, ["t2", "openai/gpt-5.4", "Smoke."]])
    live = printed(capsys, "run", "ward.xlsx", *GRADER, "--system", "openai/gpt-5.4")
    assert "The answers came with the tasks: openai/gpt-5.4 was not asked." in live["notes"]
    book(path, tasks=ideal, answers=ANSWERS)
    assert cli.main(["run", "ward.xlsx", *GRADER, "--system", "Ward robot"]) == 2
    assert capsys.readouterr().err.strip().endswith("; ward has answers of Ward bot")
    book(path, tasks=ideal)
    assert cli.main(["run", "ward.xlsx", *GRADER]) == 2
    assert "ward.xlsx has no answers: name physician for the ideal" in capsys.readouterr().err


@pytest.mark.usefixtures("bare")
def test_the_caps_are_for_all_systems_together(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the first run takes is not there for the second."""
    book(path, answers=[*ANSWERS, ["t1", "Dr B", "Surgery."]])
    scores = printed(capsys, "run", "ward.xlsx", *GRADER, "--max-cost", "1")
    assert [each["system"] for each in scores] == ["Ward bot", "Dr B"]


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("name", ["tasks.xlsx", "ward", "ward.csv"])
def test_the_template_runs_as_it_is(
    name: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a workbook and as a folder, which are the same tasks; nothing is overwritten."""
    assert cli.main(["tasks", "template", "-o", name]) == 0
    made = capsys.readouterr().err.split()[7]
    assert cli.main(["tasks", "template", "-o", name]) == 2
    assert "exists already" in capsys.readouterr().err
    assert cli.main(["lint", made]) == 0
    found = benchmarks.get(made)
    assert (found.name, found.n_examples, found.n_criteria) == ("discharge-advice-example", 3, 9)
    assert [each.name for each in found.slices] == ["specialty", "difficulty", "tag"]
    fever = found.load().examples[1]
    assert [turn.role for turn in fever.messages] == ["user", "assistant", "user"]
    assert {system: len(tasks) for system, tasks in found.answers.items()} == {
        "Assistant A": 3,
        "Assistant B": 3,
    }
    if name == "tasks.xlsx":
        sheet = openpyxl.load_workbook(name)["rubric"]
        assert sheet.freeze_panes == "A2"
        assert sheet["C1"].comment.text.startswith("A whole number from -10 to 10")


@pytest.mark.parametrize(
    ("sheet", "cell", "value", "fault"),
    [
        (
            "rubric",
            "C2",
            "2,5",
            "expected a whole number from -10 to 10 and not 0, found '2,5' with",
        ),
        ("rubric", "C2", 2.5, "expected a whole number from -10 to 10 and not 0, found 2.5"),
        ("rubric", "C2", 0, "expected a whole number from -10 to 10 and not 0, found 0"),
        ("rubric", "C2", True, "expected a whole number from -10 to 10 and not 0, found true"),
        ("rubric", "C2", None, "expected a whole number from -10 to 10 and not 0, found an empty"),
        ("rubric", "C2", datetime.date(2026, 5, 2), "found the date 2026-05-02: format the cell"),
        ("rubric", "C2", "=2+3", "has a formula that was never calculated: open the file"),
        ("rubric", "C2", "#N/A", "shows the error #N/A"),
        ("rubric", "B2", "#NV", "shows the error #NV"),
        ("rubric", "B2", None, "expected a criterion, found an empty cell"),
        ("rubric", "A2", "T1", "no task has the id 'T1': did you mean t1?"),
        ("rubric", "A2", None, "expected the id of a task, found an empty cell"),
        ("tasks", "B2", datetime.timedelta(days=1), "expected a text, found the time 24:00"),
        ("tasks", "B2", datetime.time(8, 30), "expected a text, found the time 08:30"),
        ("tasks", "B2", 0.5, "expected a text, found the number 0.5"),
        ("tasks", "B2", None, "expected a question, found an empty cell"),
        ("tasks", "A3", "t1", "is a second question of one task"),
        ("tasks", "A3", 1.1, "expected a text, found the number 1.1"),
        ("tasks", "A3", "t3", "task 't3' has no criterion"),
        ("about", "B1", "MedQA", "there is a benchmark medqa already: choose another name"),
        ("about", "B1", datetime.date(2026, 11, 1), "expected a text, found the date 2026-11-01"),
        ("answers", "A2", "t9", "no task has the id 't9'"),
        ("answers", "C2", False, "expected a text, found false"),
    ],
)
def test_a_wrong_cell_is_named(
    path: Path, sheet: str, cell: str, value: object, fault: str
) -> None:
    """Sheet and cell as the person sees them, and what stands there: never a silent value."""
    made = book(path, answers=ANSWERS, about=[["name", "Ward"]])
    made[sheet][cell] = value
    made.save(path)
    at = "B3" if value == "t1" else cell  # the id is right, its question is one too many
    assert any(f"sheet {sheet}, cell {at}: " in line and fault in line for line in faults(path))


def test_a_criterion_that_stands_twice_is_named(path: Path) -> None:
    """It would count twice; in another task it is another criterion."""
    book(path, rubric=[RUBRIC[0], ["t1", "x", 5], ["t2", "x", 1], ["t1", "x", 5]])
    (line,) = faults(path)
    assert "sheet rubric, cell B4: criterion: is that of row 2 again" in line


def test_a_workbook_without_tasks_has_one_fault(path: Path) -> None:
    """Rows of the other sheets are not held against ids that nobody gave."""
    book(path, tasks=[["id", "question"]], answers=ANSWERS)
    (line,) = faults(path)
    assert "expected tasks below the names, found none" in line


def test_all_faults_are_named_at_once(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Up to twenty lines, and how many more there are."""
    book(path, rubric=[RUBRIC[0], *([f"t{n % 2 + 1}", "x", n / 2] for n in range(1, 60, 2))])
    assert cli.main(["run", str(path), *GRADER]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 21
    assert all(line.startswith("error: ") for line in lines)
    assert re.search(r"sheet rubric, cell C2: points: .* found 0\.5$", lines[0])
    assert lines[-1] == "error: and 11 more"


def test_lint_lists_the_faults_of_a_workbook(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As malformed rows, with sheet and cell, and exit code 1."""
    book(path, rubric=[RUBRIC[0], ["t1", "x", "2,5"], ["t2", None, 1]])
    found = printed(capsys, "lint", str(path), code=1)["findings"]
    assert [(each["rule"], each["line"]) for each in found] == [
        ("malformed-row", 2),
        ("malformed-row", 3),
    ]
    assert found[0]["problem"].startswith("sheet rubric, cell C2: points: expected a whole number")


@pytest.mark.parametrize("value", ["5", "+5", " 5 ", "５", 5.0, "5.0"])
def test_points_that_are_sure_are_read(path: Path, value: object) -> None:
    """A whole number that is a text, also in full width; a minus as Word writes it."""
    made = book(path)
    made["rubric"]["C2"], made["rubric"]["C3"] = value, "−3"
    made.save(path)
    criteria = benchmarks.get(str(path)).load().examples[0].criteria
    assert [each.points for each in criteria] == [5, -3]


def test_what_is_read_and_may_be_meant_otherwise(path: Path) -> None:
    """Struck-out text, cut cells, zeros in front and merged cells give a warning with the cell."""
    from openpyxl.cell.rich_text import CellRichText, TextBlock
    from openpyxl.cell.text import InlineFont
    from openpyxl.styles import Font

    made = book(path)
    tasks, rubric = made["tasks"], made["rubric"]
    tasks["B2"] = "x" * 32_767
    tasks["A3"], rubric["A4"] = 7, 7
    tasks["A3"].number_format = rubric["A4"].number_format = "000"
    rubric["B2"] = CellRichText("Does ", TextBlock(InlineFont(strike=True), "not"), " rest.")
    rubric["B4"].font = Font(strike=True)
    rubric.merge_cells("A2:A3")
    made.save(path)
    assert said(path) == [
        "sheet tasks: probably cut at 32,767 characters, the most that a cell holds: B2",
        f"sheet tasks: {ZEROS} A3 (007): format the column as text to keep them",
        "sheet rubric: struck out, and read as if it were not: B2 (“not”), B4 (“Names smoke.”): "
        "delete what is not meant",
        f"sheet rubric: {ZEROS} A4 (007): format the column as text to keep them",
        "sheet rubric: merged cells count for each of their rows: A2:A3",
    ]
    assert [each.id for each in benchmarks.get(str(path)).load().examples] == ["t1", "007"]


def test_spellings_of_a_name_are_one(path: Path) -> None:
    """Case and spaces make no second specialty, tag or system; a warning names the spellings."""
    names = ("specialty", "Heart  care", "heart care")
    tasks = [[*row, name] for row, name in zip(TASKS, names, strict=True)]
    tags = ("tag", "Safety; form", "SAFETY", "safety")
    rubric = [[*row, tag] for row, tag in zip(RUBRIC, tags, strict=True)]
    book(path, tasks=tasks, rubric=rubric, answers=[*ANSWERS, ["t2", "ward\u00a0bot", "Rest."]])
    assert said(path) == [
        "sheet tasks: specialty: 'Heart  care' is also spelled 'heart care': read as one",
        "sheet rubric: tag: 'Safety' is also spelled 'SAFETY', 'safety': read as one",
        "sheet answers: system: 'Ward bot' is also spelled 'ward\\xa0bot': read as one",
    ]
    made = benchmarks.get(str(path))
    assert {each.tags for each in made.load().examples} == {("specialty:Heart  care",)}


def test_what_is_hidden_is_counted_and_not_read(path: Path) -> None:
    """Rows, columns and sheets, by name."""
    made = book(path, answers=ANSWERS)
    made["rubric"].row_dimensions[3].hidden = True
    made["tasks"]["C1"], made["tasks"]["C2"] = "specialty", "Cardiology"
    made["tasks"].column_dimensions["C"].hidden = True
    made["answers"].sheet_state = "hidden"
    made.save(path)
    lines = said(path)
    assert lines[0].startswith("sheet answers: hidden, and not read")
    assert "sheet tasks: 1 hidden or filtered column (C) is not read: show it" in lines[1]
    assert "sheet rubric: 1 hidden or filtered row (3) is not read: show it" in lines[2]
    found = benchmarks.get(str(path))
    assert (found.n_criteria, len(found.slices), found.answers) == (2, 1, {})


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ("B2:B3", "sheet rubric, cell B2: criterion: B2:B3 is merged over rows"),
        ("B2:C2", "sheet rubric, cell B2: criterion: B2:C2 is merged over columns: split it"),
    ],
)
def test_merged_cells_that_are_not_sure_are_faults(path: Path, cells: str, fault: str) -> None:
    """A criterion for two rows, or one with its points."""
    made = book(path)
    made["rubric"].merge_cells(cells)
    made.save(path)
    assert any(line.startswith(fault) for line in faults(path))


HEADERS = {
    "de": ("Aufgaben", "Nr. Frage Fachgebiet", "Kriterien", "Aufgabe Kriterium Punkte"),
    "fr": ("Tâches", "N° Énoncé Spécialité", "Grille", "Question Critère Barème"),
    "pt": ("Perguntas", "ID Pergunta Especialidade", "Critérios", "Pergunta Critério Pontuação"),
    "es": ("Preguntas", "Número Pregunta Especialidad", "Rúbrica", "Pregunta Criterio Puntos"),
    "ja": ("課題", "番号 質問文 診療科", "採点基準", "課題番号 評価項目 配点"),
    "sheets without names": ("Sheet1", "id Text Specality", "Sheet2", "task CRITERION points(±)"),
}


@pytest.mark.parametrize("language", HEADERS)
def test_columns_are_found_by_their_usual_names(path: Path, language: str) -> None:
    """In six languages, below a title, with slips; what was read from where is said."""
    tasks, first, rubric, second = HEADERS[language]
    made = openpyxl.Workbook()
    made.active.title = tasks
    for row in (["Ward 2026"], [], [*first.split(), "XYZ"], ["t1", "q?", "ICU", "z"]):
        made.active.append(row)
    sheet = made.create_sheet(rubric)
    for row in (second.split(), ["t1", "c", 5]):
        sheet.append(row)
    made.save(path)
    found = benchmarks.get(str(path))
    (example,) = found.load().examples
    assert (example.messages[0].text, example.criteria[0].points) == ("q?", 5)
    assert example.tags == ("specialty:ICU",)
    assert f"sheet {tasks}: read as tasks: id = A" in found.reading[1]
    assert found.reading[1].endswith("not read: D “XYZ”; rows above row 3 are not read")


@pytest.mark.parametrize(
    ("sheets", "message"),
    [
        (
            {"rubric": [["task", "Kriterium", "Criterion 2", "Criterion 3", "points"]]},
            None,
        ),
        (
            {"rubric": [["task", "points", "Kriterium", "Kriterien"]]},
            "sheet rubric, cells C1 and D1: both may be the criterion: “Kriterium” and “Kriterien”",
        ),
        (
            {"rubric": [["task", "criterion"]]},
            "sheet rubric, row 1: expected the names of columns for the task's id, the criterion "
            "and the points; found A 'task', B 'criterion'",
        ),
        (
            {"rubric": []},
            "expected a sheet rubric with task id, criterion and points, found the sheets tasks",
        ),
        (
            {"tasks": []},
            "expected a sheet with tasks, with columns such as id and question, found the sheets",
        ),
        ({"Fragen": TASKS}, "both the sheet tasks and Fragen may be the tasks: rename one of them"),
    ],
)
def test_columns_that_are_not_sure_are_one_line(
    path: Path, sheets: dict[str, Any], message: str | None
) -> None:
    """Two that may be one field, one that is missing: the sheet and the cell."""
    book(path, **sheets)
    if message is not None:
        (line,) = faults(path)
        assert line.startswith(message)


def test_words_of_texts_are_no_names_of_columns(path: Path) -> None:
    """Tasks may speak of questions, and answers of answers."""
    asked = ["t1", "Which question, and which case?", "This question is a case of the task."]
    book(
        path,
        tasks=[["Questions of a task, by case"], [*TASKS[0], "notes"], asked, ["t2", "Case text?"]],
        rubric=[*RUBRIC[:2], ["t1", "The criterion has points.", 1], ["t2", "Criteria: tag", 2]],
    )
    assert benchmarks.get(str(path)).n_criteria == 3


def test_one_sheet_may_hold_all(path: Path) -> None:
    """A row for each criterion, the task merged over them or left blank; answers side by side."""
    made = openpyxl.Workbook()
    rows = [
        ["Nr", "Frage", "Fach", "Kriterium", "Punkte"],
        [1, "q1?", "ICU", "a", 5],
        [None, None, None, "b", -2],
        [2, "q2?", None, "c", 3],
        [2, "q2?", None, "d", 1],
    ]
    for row in rows:
        made.active.append(row)
    for column in "ABC":
        made.active.merge_cells(f"{column}2:{column}3")
    wide = made.create_sheet("Antworten")
    for row in (["Aufgabe", "Bot A", "Bot B"], [1, "x", "y"], [2, "z", None]):
        wide.append(row)
    made.save(path)
    assert len(said(path)) == 2
    found = benchmarks.get(str(path))
    assert [len(example.criteria) for example in found.load().examples] == [2, 2]
    assert found.answers == {"Bot A": {"1": ("x",), "2": ("z",)}, "Bot B": {"1": ("y",)}}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("id;question;criterion;points\nt1;q, or?;c;5\n", None),
        ("sep=;\nid;question;criterion;points\nt1;q, or?;c;5\n", None),
        ("\ufeffid\tquestion\tcriterion\tpoints\nt1\tq, or?\tc\t5\n", None),
        ('id,question,criterion,points\nt1,"q, or?",c,5\n\n,,"None",-2\n', None),
        (
            'id;question;criterion;points\nt1;"q,\n\nor?";c;5\n;;d;2,5\n',
            "cell D3: points: expected a whole number from -10 to 10 and not 0, found '2,5' with a",
        ),
        (
            "id,question,criterion,points\nt1,#REF!,c,5\n",
            "cell B2: question: shows the error #REF!",
        ),
        ("id,question,criterion\nt1,q,c\n", "has no column for the points"),
    ],
)
def test_tables_of_text_are_read_alike(tmp_path: Path, text: str, fault: str | None) -> None:
    """Commas, semicolons, tabs, a mark or ``sep=`` in front; rows are counted as in a sheet."""
    path = tmp_path / "ward.csv"
    path.write_text(text, "utf-8")
    if fault is None:
        (example,) = benchmarks.get(str(path)).load().examples
        assert (example.messages[0].text, example.criteria[0].points) == ("q, or?", 5)
    else:
        assert faults(path)[0].startswith(fault)


ODS = """\
<?xml version="1.0"?>
<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"
 xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0">
<office:automatic-styles>
<style:style style:name="T1" style:family="text"><style:text-properties
 style:text-line-through-type="single"/></style:style>
<style:style style:name="hid" style:family="table"><style:table-properties
 table:display="false"/></style:style>
</office:automatic-styles>
<office:body><office:spreadsheet>
<table:table table:name="tasks">{tasks}</table:table>
<table:table table:name="rubric">{rubric}
<table:table-row table:number-rows-repeated="1048570"><table:table-cell
 table:number-columns-repeated="1024"/></table:table-row></table:table>
<table:table table:name="about" table:style-name="hid">{tasks}</table:table>
</office:spreadsheet></office:body></office:document-content>
"""


def row(*cells: str, attributes: str = "") -> str:
    made = (
        each
        if each.startswith("<")
        else f"<table:table-cell><text:p>{each}</text:p></table:table-cell>"
        for each in cells
    )
    return f"<table:table-row {attributes}>{''.join(made)}</table:table-row>"


def ods(path: Path, *rubric: str) -> Path:
    asked = '<text:tab/>b<text:s text:c="2"/>c</text:p><text:p>d<text:line-break/>e'
    tasks = row("id", "question") + row("t1", f"a{asked}")
    rows = row("task", "criterion", "points") + "".join(rubric)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", ODS.format(tasks=tasks, rubric=rows))
    return path


def number(value: float, shown: str, kind: str = "float", attribute: str = "value") -> str:
    return (
        f'<table:table-cell office:value-type="{kind}" office:{attribute}="{value}">'
        f"<text:p>{shown}</text:p></table:table-cell>"
    )


def test_an_ods_keeps_tabs_and_line_breaks(tmp_path: Path) -> None:
    """Also runs of spaces and repeated cells; comments are no text; hidden and struck is said."""
    path = ods(
        tmp_path / "ward.ods",
        row(
            "t1",
            "<table:table-cell><office:annotation><text:p>note</text:p></office:annotation>"
            '<text:p>Does <text:span text:style-name="T1">not</text:span> rest.</text:p>'
            "</table:table-cell>",
            number(5, "5"),
        ),
        row("t1", "hidden", number(1, "1"), attributes='table:visibility="filter"'),
    )
    lines = said(path)
    assert [line[:9] for line in lines] == ["sheet abo", "sheet rub", "sheet rub"]
    assert "1 hidden or filtered row (3)" in lines[1]
    assert "B2 (“not”)" in lines[2]
    (example,) = benchmarks.get(str(path)).load().examples
    assert example.messages[0].text == "a\tb  c\nd\ne"
    assert [each.text for each in example.criteria] == ["Does not rest."]


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        (number(0.5, "50 %", "percentage"), "found the percentage 50 %"),
        (
            '<table:table-cell office:value-type="date" office:date-value="2026-05-02">'
            "<text:p>02.05.26</text:p></table:table-cell>",
            "found the date 02.05.26",
        ),
        (
            '<table:table-cell office:value-type="string" calcext:value-type="error" '
            'table:formula="of:=1/0"><text:p>#DIV/0!</text:p></table:table-cell>',
            "shows the error #DIV/0!",
        ),
        ('<table:table-cell table:formula="of:=1+1"/>', "has a formula that was never calculated"),
        (number(2.5, "2,5"), "found 2.5"),
    ],
)
def test_a_wrong_cell_of_an_ods_is_named(tmp_path: Path, cell: str, fault: str) -> None:
    """As in an .xlsx file; a date as it is shown."""
    (line,) = faults(ods(tmp_path / "ward.ods", row("t1", "c", cell)))
    assert line.startswith("sheet rubric, cell C2: points: ")
    assert fault in line


@pytest.mark.parametrize("name", ["visite.ods", "visite.xlsx"])
def test_files_of_libreoffice_are_read_alike(name: str) -> None:
    """Merged, hidden, struck-out and zero-padded cells as that program writes them."""
    path = Path(__file__).parent / "data" / "sheets" / name
    assert said(path) == [
        "sheet Kriterien: 1 hidden or filtered row (5) is not read: show it to have it read",
        f"sheet Aufgaben: {ZEROS} A3 (001), A4 (002): format the column as text to keep them",
        "sheet Kriterien: struck out, and read as if it were not: B3 (“kein”): delete what is not "
        "meant",
        f"sheet Kriterien: {ZEROS} A2 (001), A4 (002): format the column as text to keep them",
        "sheet Kriterien: merged cells count for each of their rows: A2:A3",
        f"sheet Antworten: {ZEROS} A2 (001), A3 (002): format the column as text to keep them",
    ]
    found = benchmarks.get(str(path))
    first, second = found.load().examples
    assert first.messages[0].text == "Welches Elektrolyt prüfen Sie\nvor Digoxin?"
    assert [each.points for each in first.criteria] == [5, -2]
    assert (second.id, len(second.criteria)) == ("002", 1)
    assert found.answers == {"Stationshilfe": {"001": ("Kalium.",), "002": ("Glukose.",)}}


def test_labels_and_other_rows_are_read_alike(path: Path) -> None:
    """Every spreadsheet is read by the same rules: faults with sheet and cell, and warnings."""
    made = book(path, tasks=[["id", "met"], ["a", True], ["b", "#N/A"]])
    del made["rubric"]
    made.save(path)
    with pytest.raises(InputError, match=r"ward\.xlsx: sheet tasks, cell B3: met: shows the err"):
        list(read_rows(path))
    made["tasks"]["B3"] = "no"
    made["tasks"].row_dimensions[2].hidden = True
    made.save(path)
    with pytest.warns(DataWarning, match=r"1 hidden or filtered row \(2\) is not read"):
        rows = list(read_rows(path))
    assert [row for _, row in rows] == [{"id": "b", "met": "no"}]


def test_facts_may_stand_below_their_names(path: Path) -> None:
    """Or beside them; what is not known is said not to be read."""
    book(path, about=[["name", "version", "colour"], ["Ward", "2"], []])
    found = benchmarks.get(str(path))
    assert (found.title, found.version) == ("Ward", "2")
    book(path, about=[["name", "Ward"], ["colour", "red"], ["version", None]])
    found = benchmarks.get(str(path))
    assert (found.title, found.version, found.licence) == ("Ward", None, "none stated")
    assert found.reading[-1] == f"{path}: sheet about: name; not read: B2"


def test_a_missing_package_is_one_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install."""
    book(path)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(Unavailable, match=r"needs openpyxl: run .* pip install 'openpyxl"):
        benchmarks.get(str(path))


@pytest.mark.parametrize("name", ["old.xls", "a.numbers", "b.xlsb"])
def test_other_workbooks_are_refused(tmp_path: Path, name: str) -> None:
    """With what to do; so is one with a password."""
    path = tmp_path / name
    path.write_bytes(b"x")
    assert faults(path) == [f"{path.suffix} files are not read: save it as .xlsx"]
    locked = tmp_path / "locked.xlsx"
    locked.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    assert "save it as .xlsx without a password" in faults(locked)[0]


def test_a_folder_is_read_by_the_names_of_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In any language; other files are not touched; a benchmark of ours is not hidden by one."""
    known = tmp_path / "medqa"
    known.mkdir()
    (known / "tasks.csv").write_text("id,question,criterion,points\n1,q,c,5\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    assert not benchmarks.get("medqa").own
    assert benchmarks.get("./medqa").name == "own-medqa"
    for name, text in (
        ("Fragen.csv", "Nr;Frage\n1;q?\n"),
        ("Ward-Kriterien.csv", "Frage;Kriterium;Punkte\n1;c;5\n"),
        ("other.csv", "no,table\n"),
    ):
        (tmp_path / name).write_text(text, "utf-8")
    found = benchmarks.get(str(tmp_path))
    assert (found.title, found.n_criteria) == (tmp_path.name, 1)
    assert benchmarks.get(str(tmp_path / "Fragen.csv")).load().examples == found.load().examples
    shutil.copy(tmp_path / "Fragen.csv", tmp_path / "tasks.csv")
    assert faults(tmp_path) == ["both Fragen.csv and tasks.csv may be the tasks"]


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        (
            "answers",
            "task id,system,answer\nt1,Bot,Rest, then fluids.\n",
            "answers.csv: cell D2: has no name above it: put texts with a separator in quotes",
        ),
        (
            "answers",
            "task id,Bot,Other,Bot\nt1,Rest.,No.,Smoke.\n",
            "answers.csv: cell D1: Bot: is the system of column B too: rename one of them",
        ),
    ],
)
def test_no_answer_is_cut_or_covered_by_another(
    tmp_path: Path, name: str, rows: str, expected: str
) -> None:
    """A separator in a text without quotes, and two columns of one system, are faults."""
    tables = {"tasks": TASKS, "rubric": [*RUBRIC[:1], ["t1", "Rest.", 5], ["t2", "No.", 5]]}
    for part, cells in tables.items():
        lines = "\n".join(",".join(map(str, row)) for row in cells)
        (tmp_path / f"{part}.csv").write_text(lines, "utf-8")
    (tmp_path / f"{name}.csv").write_text(rows, "utf-8")
    with pytest.raises(InputError) as caught:
        benchmarks.get(str(tmp_path))
    assert str(caught.value).endswith(expected)


def test_columns_without_a_name_and_of_systems_are_said(path: Path) -> None:
    """What is not read is named; a column of answers is not among it."""
    wide = [["task id", "Bot A", "Bot B"], ["t1", "Rest.", "No.", "a remark"], ["t2", "No.", "No."]]
    book(path, answers=wide)
    reading = benchmarks.get(str(path)).reading
    said = "answers of Bot A = B, answers of Bot B = C; not read: D (no name)"
    assert f"{path}: sheet answers: task id = A, {said}" in reading


def test_infinite_points_are_a_fault_and_accents_match_in_both_forms(path: Path) -> None:
    """A number that no cell shows is not a whole one; é is one letter, however it is written."""
    made = book(path, tasks=[TASKS[0], ["e\u0301", "What?"]], rubric=[RUBRIC[0], ["é", "Rest.", 5]])
    assert benchmarks.get(str(path)).load().examples[0].id == "é"
    made["rubric"]["C2"] = 10.0**308 * 10
    made["rubric"]["C2"].data_type = "n"
    made.save(path)
    assert "cell C2: points: expected a whole number" in faults(path)[0]


@pytest.mark.usefixtures("bare")
def test_lint_reads_the_licence_of_a_workbook_from_its_about(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says nothing of sheets that it did read, and where to state a licence that is missing."""
    book(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = printed(capsys, "lint", "ward.xlsx", code=1)["findings"]
    assert [each["rule"] for each in found] == ["missing-licence"]
    assert "state it in the sheet about" in found[0]["problem"]


def test_a_folder_says_what_it_lacks_and_what_is_not_read(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty folder is the fault, not the missing system; a table that is no part is named."""
    Path("ward").mkdir()
    assert cli.main(["run", "ward"]) == 2
    assert "error: ward: has no benchmark.toml" in capsys.readouterr().err
    for name, rows in {"tasks": TASKS, "rubric": RUBRIC, "extra": [["a", "b"]]}.items():
        with (path.parent / "ward" / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    assert "ward/extra.csv: not read" in benchmarks.get("ward").reading
