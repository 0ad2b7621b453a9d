"""A benchmark in a folder, and runs of benchmarks whose folder or package is gone."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from outside_package import MODULE, POINTS, installed
from preceptor import benchmarks, cli
from preceptor.benchmarks.datasheet import QUESTIONS, as_toml
from preceptor.benchmarks.folder import _Stated
from preceptor.errors import DataError, InputError

pytestmark = pytest.mark.usefixtures("bare")

MANIFEST = """\
name = "ward-round"
title = "Ward round"
version = "2026-11"
licence = "CC BY 4.0"

[labels]
"ward:7B" = "Ward seven"

[[slices]]
name = "ward"
order = ["ICU", "7B"]
"""
ROWS: list[dict[str, Any]] = [
    {
        "id": "w1",
        "ward": "7B",
        "question": "Which electrolyte do you check before digoxin?",
        "rubric": [
            {"criterion": "Names potassium.", "points": 5},
            {"criterion": "Names chloride.", "points": -2},
        ],
        "ideal_answer": "Potassium.",
    },
    {
        "id": 2,
        "ward": "ICU",
        "messages": [{"role": "user", "content": "Which drug reverses an opioid?"}],
        "rubric": [{"criterion": "Names naloxone.", "points": 5}],
    },
    {
        "id": "w3",
        "ward": "ICU",
        "question": "What do you give at a glucose of 1.8?",
        "rubric": [{"criterion": "Gives glucose.", "points": 5}],
    },
]
CODE = """\
import json

def answer(messages):
    return "Potassium, I think."

def letter(messages):
    return "A"

def silent(messages):
    raise RuntimeError("made up")

def judge(messages):
    return json.dumps({"explanation": "", "criteria_met": "otassium" in messages[-1]["content"]})
"""
#: What every score of a rubric has beside it.
LOST = ("omission", "commission", "harmful")
JUDGED = ["--system", "python:made_up_code:answer", "--grader", "python:made_up_code:judge"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "made_up_code.py").write_text(CODE, "utf-8")
    return made(tmp_path / "my-benchmark")


def made(folder: Path, manifest: str = MANIFEST, rows: list[dict[str, Any]] = ROWS) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "benchmark.toml").write_text(manifest, "utf-8")
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / "examples.jsonl").write_text("\n".join(lines), "utf-8")
    return folder


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert cli.main([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_folder_is_run_under_its_own_name(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Name, title, labels and slices are its own; nothing is departed from, no length is priced."""
    assert cli.main(["run", "./my-benchmark", *JUDGED, "--limit", "2", "--name", "one"]) == 0
    out = capsys.readouterr()
    assert "HealthBench" not in out.out + out.err
    assert "Ward seven" in out.out or "ICU" in out.out
    score = said(capsys, "score", "one")
    assert (score["benchmark"], score["departures"]) == ("ward-round", [])
    assert "Asked on 2 of 3 examples." in score["notes"]
    assert not [name for name in score["metrics"] if "length_adjusted" in name]
    assert {"ward:7B", "ward:ICU", *LOST} >= set(score["metrics"]) - {"overall_score"}


def test_answers_in_a_folder_are_a_system_by_their_name(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``[answers]`` names files of answers; a wrong line is named, and so are the systems there."""
    made(folder, MANIFEST + '\n[answers]\n"ward/intern" = "intern.jsonl"\n')
    lines = [json.dumps({"id": row["id"], "response": "Potassium."}) for row in ROWS]
    (folder / "intern.jsonl").write_text("\n".join(lines), "utf-8")
    named = ["--system", "ward/intern", *JUDGED[2:], "--name", "intern"]
    assert cli.main(["run", "./my-benchmark", *named]) == 0
    assert said(capsys, "score", "intern")["system"] == "ward/intern"
    assert cli.main(["run", "./my-benchmark", "--system", "nobody/x", *JUDGED[2:]]) == 2
    assert "has answers of ward/intern" in capsys.readouterr().err
    (folder / "intern.jsonl").write_text('{"id": "x"}', "utf-8")
    assert cli.main(["run", "./my-benchmark", *named]) == 2
    assert "intern.jsonl:1: response" in capsys.readouterr().err


def test_a_run_outlives_its_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is scored, compared, exported, reported and resumed where the folder is gone."""
    for name, limit in (("one", "3"), ("two", "2")):
        assert cli.main(["run", "./my-benchmark", *JUDGED, "--limit", limit, "--name", name]) == 0
    before = said(capsys, "score", "one")
    shutil.rmtree(folder)
    assert said(capsys, "score", "one") == before
    assert said(capsys, "compare", "one", "two")["contrasts"]
    assert cli.main(["leaderboard", "--benchmark", "ward-round"]) == 0
    for command in (
        ["report", "one", "-o", "one.html"],
        ["export", "one", "-o", "one.jsonl"],
        ["runs", "--benchmark", "ward-round"],
        ["show", "one"],
        ["resume", "one"],
    ):
        assert cli.main(command) == 0, command
    page = Path("one.html").read_text("utf-8")
    assert "Ward round" in page
    assert "HealthBench" not in page
    (row, *_) = map(json.loads, Path("one.jsonl").read_text("utf-8").splitlines())
    assert row["prompt"]


def test_stated_slices_are_compared_in_their_order(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The manifest's kinds and their order; one with `compared = false` only where asked for."""
    own = MANIFEST + '\n[[slices]]\nname = "axis"\ncompared = false\n'
    rows = [{**row, "tags": ["axis:a"]} for row in ROWS]
    made(folder, own, rows)
    for name in ("one", "two"):
        assert cli.main(["run", "./my-benchmark", *JUDGED, "--name", name]) == 0
    (contrast,) = said(capsys, "compare", "one", "two")["contrasts"]
    assert {each["metric"] for each in contrast["slices"]} == {"ward:7B", "ward:ICU"}
    (contrast,) = said(capsys, "compare", "one", "two", "--by", "axis")["contrasts"]
    assert [each["metric"] for each in contrast["slices"]] == ["axis:a"]
    assert cli.main(["score", "one"]) == 0
    table = capsys.readouterr().out
    assert table.index("ICU") < table.index("Ward seven") < table.index("Axis")


def test_a_stated_grader_is_the_reference(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The manifest's grader, parameters, prompt and price of length are used and compared with."""
    own = MANIFEST.replace("[labels]", "points_per_500 = 2.0\n[labels]") + (
        '[grader]\naddress = "python:made_up_code:judge"\ntemplate = "prompt.txt"\n'
    )
    made(folder, own)
    (folder / "prompt.txt").write_text("<<conversation>> ? <<rubric_item>>", "utf-8")
    assert cli.main(["run", "./my-benchmark", *JUDGED[:2], "--name", "one"]) == 0
    score = said(capsys, "score", "one")
    assert score["grader"] == "python:made_up_code:judge"
    assert score["departures"] == []
    assert score["notes"] == []
    assert "overall_score_length_adjusted" in score["metrics"]
    settings = said(capsys, "show", "one")["settings"]
    assert settings["template"]["name"].endswith("prompt.txt")
    assert str(folder) not in json.dumps(settings["manifest"])


def test_without_a_grader_one_is_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says what to add."""
    assert cli.main(["run", "./my-benchmark", *JUDGED[:2]]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: --grader: ward-round states no grader: name one, such as")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"ward-round"', '"medqa"', r"benchmark\.toml:1: name: there is a benchmark medqa already"),
        ('"ward-round"', '"Ward Round"', r":1: name: expected small letters, .*found 'Ward Round'"),
        (
            "title =",
            "titel =",
            r"toml:2: titel: no such field: did you mean title\? there are name",
        ),
        ('"2026-11"', "3", r"toml:3: version: expected `str \| null`, got `int`: 3"),
        ('"2026-11"', "", r"toml:3: is no TOML: Invalid value"),
        ('name = "ward-round"\n', "", r"toml: name: missing; expected a name"),
        ("licence =", "examples =", r"toml: examples: no such file"),
        (
            'licence = "CC',
            'protocol = "CC',
            r"toml:4: protocol: expected rubric or boolean or choice or extractive or grounded or "
            "insights or quantity, or `like",
        ),
        ('licence = "CC', 'like = "CC', r"toml:4: like: expected the name of a benchmark"),
        (
            "[labels]",
            "[grader]\nadress = 1\n[labels]",
            r"toml:7: grader\.adress: no such field: did",
        ),
        (
            "[labels]",
            '[grader]\ntemplate = "no.txt"\n[labels]',
            r"toml:7: grader\.template: no such file: 'no\.txt'",
        ),
    ],
)
def test_a_wrong_manifest_is_named(folder: Path, old: str, new: str, message: str) -> None:
    """File, line where there is one, field, what was expected."""
    made(folder, MANIFEST.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        benchmarks.get(str(folder))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("id", None, r"examples\.jsonl:1: id: expected a text or a whole number, found null"),
        ("question", "", r":1: question: expected a text that is not empty"),
        ("rubric", [], r":1: rubric: expected a list of criteria that is not empty, found \[\]"),
        (
            "rubric",
            [{"criterion": "Yes.", "points": 0}],
            r":1: rubric\[0\]\.points: expected an integer from -10 to 10 and not 0, found 0",
        ),
    ],
)
def test_a_wrong_row_is_named(folder: Path, field: str, value: object, message: str) -> None:
    """File, line, field; lint finds the same."""
    made(folder, rows=[{**ROWS[0], field: value}, *ROWS[1:]])
    with pytest.raises(DataError, match=message):
        benchmarks.get(str(folder))
    assert cli.main(["lint", str(folder)]) == 1


def test_a_folder_without_a_manifest_says_what_is_needed(tmp_path: Path, folder: Path) -> None:
    """Also where there is none, or two files of rows."""
    with pytest.raises(InputError, match=r"nowhere: no such folder: a benchmark of your own is"):
        benchmarks.get(str(tmp_path / "nowhere"))
    (folder / "examples.csv").write_text("id\n1\n", "utf-8")
    with pytest.raises(DataError, match=r"found examples\.jsonl, examples\.csv: name one as"):
        benchmarks.get(str(folder))
    (folder / "benchmark.toml").unlink()
    with pytest.raises(InputError, match=r"my-benchmark: has no benchmark\.toml"):
        benchmarks.get(str(folder))


def test_a_folder_is_listed_linted_and_has_a_card(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a benchmark of ours."""
    (row,) = said(capsys, "list", "benchmarks", "./my-benchmark")
    assert (row["name"], row["examples"], row["criteria"], row["here"]) == (
        "ward-round",
        3,
        4,
        True,
    )
    card = said(capsys, "card", "./my-benchmark")
    assert (card["version"], card["licence"], card["judge"]) == ("2026-11", "CC BY 4.0", None)
    assert cli.main(["card", "./my-benchmark"]) == 0
    assert "in the benchmark's own folder" in capsys.readouterr().out
    assert said(capsys, "lint", "./my-benchmark")["findings"] == []
    assert cli.main(["fetch", "./my-benchmark"]) == 2
    assert "its rows are" in capsys.readouterr().err


def test_a_data_sheet_is_checked_and_shown(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All questions as TOML; those answered are counted, open needed ones are faults of lint."""
    assert cli.main(["card", "./my-benchmark", "--format", "datasheet", "-o", "sheet.toml"]) == 0
    asked = tomllib.loads(Path("sheet.toml").read_text("utf-8"))["datasheet"]
    assert asked == dict.fromkeys(QUESTIONS, "")
    needed = [key for key, question in QUESTIONS.items() if question.needed]
    answers = {key: f"Made up “{key}”, |<b>." for key in (*needed, "funding")}
    empty = {"contact": "n/a", "consent": " TODO ", "purpose": ""}
    made(folder, MANIFEST + as_toml({**answers, **empty}))
    found = said(capsys, "lint", "./my-benchmark", code=1)
    assert found["datasheet"] == {
        "answered": len(needed) - 2,
        "questions": len(QUESTIONS),
        "needed_answered": len(needed) - 3,
        "needed": len(needed),
    }
    faults = [
        each["problem"] for each in found["findings"] if each["rule"] == "unanswered-question"
    ]
    assert sorted(text.split()[1] for text in faults) == ["consent:", "contact:", "purpose:"]
    assert cli.main(["lint", "./my-benchmark"]) == 1
    assert f"data sheet: {len(needed) - 2} of 30 questions are answered" in capsys.readouterr().err
    assert cli.main(["card", "./my-benchmark", "-o", "card.md"]) == 0
    card = Path("card.md").read_text("utf-8")
    assert f"- {QUESTIONS['source'].text} Made up “source”" in card
    assert QUESTIONS["consent"].text not in card
    made(folder, MANIFEST + '[datasheet]\nporpose = "?"\n')
    assert cli.main(["lint", "./my-benchmark"]) == 2
    assert "datasheet.porpose: no such field: did you mean purpose" in capsys.readouterr().err


def test_an_exam_in_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Options are a list or have letters, also as texts in the cells of a table."""
    made(folder, '{"name": "small-exam", "protocol": "choice"}')
    (folder / "benchmark.toml").rename(folder / "benchmark.json")
    (folder / "examples.jsonl").unlink()
    (folder / "examples.csv").write_text(
        'id,question,options,answer\n1,Which?,"[""this"", ""that""]",this\n'
        '2,What?,"{""A"": ""x"", ""B"": ""y""}",B\n',
        "utf-8",
    )
    asked = ["run", "./my-benchmark", "--system", "python:made_up_code:letter", "--name", "exam"]
    assert cli.main(asked) == 0
    shutil.rmtree(folder)
    assert said(capsys, "score", "exam")["metrics"]["overall_score"]["value"] == 0.5


def test_a_folder_like_a_benchmark(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`like` takes the rows, protocol and slices of one of ours."""
    ours = benchmarks.get("starter")
    made(folder, 'name = "my-chats"\nlike = "starter"\n')
    shutil.copy(ours.path(), folder / "examples.jsonl")
    own = benchmarks.get(str(folder))
    assert own.load().examples == ours.load().examples
    assert (own.name, own.slices, own.n_examples) == ("my-chats", ours.slices, ours.n_examples)


def test_the_page_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every file of docs/own-benchmark.md is made, and every command works in order."""
    page = (Path(__file__).parent.parent / "docs" / "own-benchmark.md").read_text("utf-8")
    files = re.findall(
        r"^`([\w./-]+)`[^\n]*:\n\n```\w+\n(.*?)^```$", page, re.DOTALL | re.MULTILINE
    )
    monkeypatch.chdir(tmp_path)
    for name, text in files:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text, "utf-8")
    console = re.findall(r"^```console\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    for line in "".join(console).splitlines():
        capsys.readouterr()
        assert cli.main(line.removeprefix("$ preceptor ").split()) == 0, line
        if " score first " in line:
            score = json.loads(capsys.readouterr().out)
    assert set(score["metrics"]) == {"overall_score", "ward:ICU", "ward:7B", *LOST}
    known = set(re.findall(r"`(\w+)`", page.partition("## The rows")[0]))
    assert (
        set(_Stated.__struct_fields__) - {"grader", "answers", "labels", "slices", "datasheet"}
        <= known
    )


EXAM = [
    {
        "id": str(n),
        "question": "Which?",
        "options": ["this", "that"],
        "answer": "AB"[n % 2],
        "tags": ["ward:7B"],
    }
    for n in range(6)
]


def test_a_run_outlives_its_package(
    tmp_path: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where the package is gone, score, compare, report and export say what they said before."""
    rows = tmp_path / "exam.jsonl"
    rows.write_text("\n".join(map(json.dumps, EXAM)), "utf-8")
    system = ["--data", str(rows), "--system", "python:made_up_code:letter"]
    with installed(monkeypatch, tmp_path / "site", {"made_up_benchmarks.py": MODULE}, POINTS):
        for name in ("one", "two"):
            assert cli.main(["run", "made-up-exam", *system, "--name", name]) == 0
        before = said(capsys, "score", "one")
        compared = said(capsys, "compare", "one", "two")
        pooled = said(capsys, "compare", "both=one,two", "one")
        failing = [*system[:2], "--system", "python:made_up_code:silent", "--name", "open"]
        assert cli.main(["run", "made-up-exam", *failing]) == 1
    assert said(capsys, "score", "one") == before
    assert before["metrics"]["overall_score"]["value"] == 0.5
    assert said(capsys, "compare", "one", "two") == compared
    assert said(capsys, "compare", "both=one,two", "one") == pooled
    assert cli.main(["report", "one", "two", "-o", "both.html"]) == 0
    assert cli.main(["export", "one", "-o", "one.csv"]) == 0
    assert cli.main(["leaderboard", "--benchmark", "made-up-exam"]) == 0
    capsys.readouterr()
    assert cli.main(["run", "made-up-exam", *system]) == 2
    assert "unknown benchmark 'made-up-exam'" in capsys.readouterr().err
    assert cli.main(["resume", "one"]) == 0  # it is finished: nothing is asked
    capsys.readouterr()
    assert cli.main(["resume", "open"]) == 2
    assert "needs the package made-up, which is not here: install it" in capsys.readouterr().err


def test_imported_answers_outlive_their_package(
    tmp_path: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What a run carries, an imported one carries too; of a folder likewise."""
    rows, answers = tmp_path / "exam.jsonl", tmp_path / "answers.csv"
    rows.write_text("\n".join(map(json.dumps, EXAM)), "utf-8")
    answers.write_text("id,answer\n" + "\n".join(f"{n},A" for n in range(6)), "utf-8")
    with installed(monkeypatch, tmp_path / "site", {"made_up_benchmarks.py": MODULE}, POINTS):
        asked = ["import", "predictions", str(answers), "--benchmark", "made-up-exam"]
        assert cli.main([*asked, "--data", str(rows)]) == 0
        before = said(capsys, "score", "answers")
    assert said(capsys, "score", "answers") == before
    graded = {"id": "w3", "response": "Glucose.", "criteria_met": [True], "run": "by-hand"}
    (tmp_path / "graded.jsonl").write_text(json.dumps(graded), "utf-8")
    asked = ["import", "graded", "graded.jsonl", "--benchmark", "./my-benchmark"]
    assert cli.main(asked) == 0
    shutil.rmtree(folder)
    assert said(capsys, "score", "by-hand")["metrics"]["overall_score"]["value"] == 1


def test_scoring_of_a_package_that_raises_is_named(
    tmp_path: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The answers are kept, and with the package mended they are scored."""
    broken = MODULE.replace("protocol=ChoiceProtocol(),", "protocol=BROKEN,").replace(
        "def exam(",
        "from preceptor.extend import ChoiceScoring, Protocol, choice_asking\n\n\n"
        "class Broken(ChoiceScoring):\n"
        "    def summarise(self, scores, examples):\n"
        "        raise ArithmeticError('no mean today')\n\n\n"
        "BROKEN = Protocol('choice', scoring=Broken(), asking=choice_asking())\n\n\n"
        "def exam(",
    )
    rows = tmp_path / "exam.jsonl"
    rows.write_text("\n".join(map(json.dumps, EXAM)), "utf-8")
    asked = ["--data", str(rows), "--system", "python:made_up_code:letter", "--name", "one"]
    with installed(monkeypatch, tmp_path / "site", {"made_up_benchmarks.py": broken}, POINTS):
        assert cli.main(["run", "made-up-exam", *asked]) == 2
        said_ = capsys.readouterr().err.strip().splitlines()[-1]
    assert (
        "the scoring of made-up-exam (package made-up) failed: 'ArithmeticError: no mean" in said_
    )
    with installed(monkeypatch, tmp_path / "mended", {"made_up_benchmarks.py": MODULE}, POINTS):
        assert cli.main(["resume", "one"]) == 0
        assert said(capsys, "score", "one")["metrics"]["overall_score"]["value"] == 0.5
