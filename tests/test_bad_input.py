"""Bad input: one line that says where, what was expected, what was found; nothing left behind."""

from __future__ import annotations

import gzip
import json
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import preceptor
from data_fixtures import graded_row, isolate, professional_row, row, write_rows
from preceptor.cli import main
from preceptor.store import Store

SECRET = "made-up-key-123"
#: Resolved, but never called: the input is refused before.
NO_GRADER = ["-s", "http://127.0.0.1:9/v1#system", "-g", "http://127.0.0.1:9/v1#judge"]


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str], *fragments: str) -> str:
    """Run, and check: exit code 2, one line of error with the fragments, nothing left behind."""
    before = {path: path.stat().st_size for path in Path().rglob("*") if path.suffix != ".db"}
    runs = count_runs()
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert said.err.endswith("\n")
    assert said.err.rstrip("\n").isprintable()
    assert len(said.err) < 600
    for fragment in fragments:
        assert fragment in said.err
    for technical in ("Traceback", "0x", "msgspec", "sqlalchemy", "sqlite3", "<class", "Errno"):
        assert technical not in said.err
    after = {path: path.stat().st_size for path in Path().rglob("*") if path.suffix != ".db"}
    assert {p: n for p, n in after.items() if not p.name.endswith(("-wal", "-shm"))} == before
    assert count_runs() == runs
    return said.err


def count_runs() -> int:
    if not Path("preceptor.db").exists():
        return 0
    with sqlite3.connect("preceptor.db") as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        found = 0
        if "runs" in tables:
            (found,) = connection.execute("SELECT count(*) FROM runs").fetchone()
    connection.close()
    return int(found)


# Rows of a benchmark


def rubric(**changes: Any) -> dict[str, Any]:
    """The second of three rows, with a change in its second criterion."""
    bad = row("bad")
    bad["rubrics"][1] |= changes
    return bad


def without(field: str) -> dict[str, Any]:
    bad = row("bad")
    del bad[field]
    return bad


USER = {"role": "user", "content": "made-up"}

ROWS = {
    "missing field": (without("rubrics"), "rubrics: missing", "a list of objects", "prompt_id"),
    "missing id": (without("prompt_id"), "prompt_id: missing", "a text"),
    "missing prompt": (without("prompt"), "prompt: missing"),
    "points 0": (rubric(points=0), "rubrics[1].points", "from -10 to 10 and not 0", "found 0"),
    "points 11": (rubric(points=11), "rubrics[1].points", "from -10 to 10", "found 11"),
    "points as text": (rubric(points="5"), "rubrics[1].points", "an integer", "found '5'"),
    "points true": (rubric(points=True), "rubrics[1].points", "an integer", "found true"),
    "points 2.5": (rubric(points=2.5), "rubrics[1].points", "an integer", "found 2.5"),
    "points null": (rubric(points=None), "rubrics[1].points", "an integer", "found null"),
    "criterion empty": (rubric(criterion=" "), "rubrics[1].criterion", "not empty", "found ' '"),
    "criterion a list": (rubric(criterion=["x"]), "rubrics[1].criterion", "a text"),
    "tags a text": (rubric(tags="axis:x"), "rubrics[1].tags", "a list of texts", "'axis:x'"),
    "rubric empty": (row("bad", rubrics=[]), "rubrics", "not empty", "found []"),
    "rubric a text": (row("bad", rubrics="x"), "rubrics", "a list of objects", "found 'x'"),
    "criterion a number": (row("bad", rubrics=[5]), "rubrics[0]", "an object", "found 5"),
    "uneven columns": (
        row("bad", rubrics={"criterion": ["x", "y"], "points": [5]}),
        "rubrics",
        "lists of one length",
    ),
    "role unknown": (
        row("bad", prompt=[{"role": "doctor", "content": "x"}, USER]),
        "prompt[0].role",
        "one of user, assistant",
        "found 'doctor'",
    ),
    "ends with the assistant": (
        row("bad", prompt=[USER, {"role": "assistant", "content": "x"}]),
        "prompt",
        "ends with the user",
        "found 'assistant'",
    ),
    "content null": (
        row("bad", prompt=[{"role": "user", "content": None}]),
        "prompt[0].content",
        "a text",
        "found null",
    ),
    "prompt a text": (row("bad", prompt="x"), "prompt", "a list of objects", "found 'x'"),
    "id a fraction": (row("bad", prompt_id=7.5), "prompt_id", "a text", "found 7.5"),
    "id empty": (row(""), "prompt_id", "not empty"),
    "duplicate id": (row("first"), "'first'", "already on line 1"),
    "another benchmark's row": (professional_row("bad"), "prompt: missing", "conversation"),
    "physician a text": (
        row("bad", ideal_completions_data="x"),
        "ideal_completions_data",
        "an object",
    ),
}


@pytest.mark.parametrize("case", ROWS)
def test_a_bad_row(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    """File, line, field, what was expected and what was found."""
    bad, *fragments = ROWS[case]
    write_rows(Path("data.jsonl"), [row("first"), bad, row("last")])
    arguments = ["run", "healthbench", *NO_GRADER, "--data", "data.jsonl"]
    refused(arguments, capsys, "data.jsonl:2: ", *fragments)


def test_a_bad_row_of_professional(capsys: pytest.CaptureFixture[str]) -> None:
    """The same in the other schema."""
    bad = professional_row("bad")
    bad["rubric_items"][0]["points"] = 0
    write_rows(Path("p.jsonl"), [professional_row("first"), bad])
    arguments = ["run", "healthbench-professional", *NO_GRADER, "--data", "p.jsonl"]
    refused(arguments, capsys, "p.jsonl:2: rubric_items[0].points", "found 0")


# Files


def put(name: str, content: bytes | str) -> None:
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)


def put_zip(name: str) -> None:
    with zipfile.ZipFile(name, "w") as archive:
        archive.writestr("readme.txt", "x")


GOOD = json.dumps(row("good")).encode()

FILES: dict[str, tuple[str, Callable[[str], object], tuple[str, ...]]] = {
    "missing": ("none.jsonl", lambda _: None, ("none.jsonl", "no such file")),
    "a folder": ("folder", lambda n: Path(n).mkdir(), ("folder", "expected a file", ".jsonl")),
    "empty": ("e.jsonl", lambda n: put(n, ""), ("e.jsonl", "empty file")),
    "blank lines only": ("e.jsonl", lambda n: put(n, "\n \n"), ("e.jsonl", "empty file")),
    "not JSON": (
        "t.jsonl",
        lambda n: put(n, GOOD + b"\nid,prompt\n"),
        ("t.jsonl:2: ", "expected a JSON object", "id,prompt"),
    ),
    "a list a line": (
        "l.jsonl",
        lambda n: put(n, "[1]\n"),
        ("l.jsonl:1: ", "a JSON object", "[1]"),
    ),
    "cut off": ("c.jsonl", lambda n: put(n, GOOD[:50]), ("c.jsonl:1: ", "a JSON object")),
    "invalid UTF-8": (
        "u.jsonl",
        lambda n: put(n, GOOD + b"\n" + GOOD.replace(b"question good", b"question \xff\xfe")),
        ("u.jsonl:2: ", "expected UTF-8", "ff fe"),
    ),
    "UTF-16": (
        "w.jsonl",
        lambda n: put(n, GOOD.decode().encode("utf-16")),
        ("w.jsonl:1: ", "expected UTF-8, found UTF-16"),
    ),
    "nested too deeply": (
        "d.jsonl",
        lambda n: put(n, '{"a":' * 100_000),
        ("d.jsonl:1: ", "nested too deeply"),
    ),
    "nested too deeply, in JSON": (
        "d.json",
        lambda n: put(n, "[" * 100_000),
        ("d.json: ", "nested too deeply"),
    ),
    "JSON of another shape": (
        "o.json",
        lambda n: put(n, '{"a": 1}'),
        ("o.json: ", "expected a list of rows", ".jsonl"),
    ),
    "JSON Lines named JSON": (
        "n.json",
        lambda n: put(n, GOOD + b"\n" + GOOD),
        ("n.json: ", "expected JSON", ".jsonl"),
    ),
    "JSON with a number for a row": (
        "r.json",
        lambda n: put(n, b"[" + GOOD + b", 5]"),
        ("r.json:2: ", "expected an object", "found 5"),
    ),
    "gzip that is none": ("x.jsonl.gz", lambda n: put(n, GOOD), ("x.jsonl.gz", "cannot be read")),
    "gzip cut off": (
        "y.jsonl.gz",
        lambda n: put(n, gzip.compress(GOOD)[:-12]),
        ("y.jsonl.gz", "cannot be read"),
    ),
    "gzip damaged": (
        "z.jsonl.gz",
        lambda n: put(n, gzip.compress(GOOD)[:10] + b"\xff" * 40),
        ("z.jsonl.gz", "cannot be read"),
    ),
    "zip that is none": ("x.zip", lambda n: put(n, GOOD), ("x.zip", "cannot be read")),
    "zip of other files": ("y.zip", put_zip, ("y.zip", "oss_eval.jsonl inside", "readme.txt")),
    "parquet that is none": ("x.parquet", lambda n: put(n, GOOD), ("x.parquet", "parquet file")),
    "a name too long": ("x" * 300, lambda _: None, ("x" * 80, "too long")),
}


@pytest.mark.parametrize("case", FILES)
def test_a_bad_file(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The file, the line where it has lines, and what it should be."""
    name, make, fragments = FILES[case]
    make(name)
    refused(["run", "healthbench", *NO_GRADER, "--data", name], capsys, *fragments)


def test_a_line_over_the_limit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line beyond any real row is refused before it fills the memory."""
    monkeypatch.setattr("preceptor.files.MAX_LINE_BYTES", 2000)
    write_rows(Path("big.jsonl"), [row("a"), row("b", note="x" * 3000)])
    arguments = ["run", "healthbench", *NO_GRADER, "--data", "big.jsonl"]
    refused(arguments, capsys, "big.jsonl:2: ", "longer than 2,000 bytes")


def test_the_limit_is_far_above_real_rows() -> None:
    """The limit protects memory; the longest real row has 0.3 MB."""
    from preceptor.files import MAX_LINE_BYTES

    assert 2**22 < MAX_LINE_BYTES < 2**27


def test_control_characters_of_a_name_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An escape sequence in a file's name or content is shown, not executed."""
    put("e\x1b[31m\n.jsonl", b'\x1b[2J"x"\n')
    arguments = ["run", "healthbench", *NO_GRADER, "--data", "e\x1b[31m\n.jsonl"]
    assert "\x1b" not in refused(arguments, capsys, "expected a JSON object")


# Options of run


RUN = ["run", "starter"]
OPTIONS: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "unknown benchmark": (
        ["run", "helthbench", *NO_GRADER],
        ("unknown benchmark 'helthbench'", "did you mean healthbench?"),
    ),
    "missing data": (
        ["run", "healthbench", *NO_GRADER],
        ("healthbench: ", "not on this machine", "preceptor fetch healthbench", "--data"),
    ),
    "no system": (RUN, ("--system: name a system, such as", "preceptor list systems")),
    "unknown system": (
        [*RUN, "-s", "gpt-4"],
        ("unknown system 'gpt-4'", "expected one of", "openai/MODEL"),
    ),
    "unknown grader": ([*RUN, *NO_GRADER[:2], "-g", "judge"], ("'judge'", "expected one of")),
    "physician group": (
        [*RUN, "-s", "physician:4", *NO_GRADER[2:]],
        ("'physician:4'", "expected physician, physician:1"),
    ),
    "no key": (
        [*RUN, "-s", "openai/gpt-5.4", *NO_GRADER[2:]],
        ("openai/gpt-5.4", "no key", "OPENAI_API_KEY"),
    ),
    "no key for the reference grader": (
        [*RUN, *NO_GRADER[:2]],
        ("openai/gpt-5.4-2026-03-05", "no key", "OPENAI_API_KEY"),
    ),
    "no key in the variable named": (
        [*RUN, *NO_GRADER, "-p", "api_key_env=MADE_UP_KEY"],
        ("no key", "MADE_UP_KEY"),
    ),
    "http without model": (
        [*RUN, "-s", "http://127.0.0.1:9/v1", *NO_GRADER[2:]],
        ("http://127.0.0.1:9/v1", "expected http://HOST:PORT/v1#MODEL"),
    ),
    "http without host": ([*RUN, "-s", "http://#m", *NO_GRADER[2:]], ("expected http://HOST",)),
    "key in the address": (
        [*RUN, "-s", f"http://{SECRET}@127.0.0.1:9/v1#m", *NO_GRADER[2:]],
        ("a key in the address", "api_key_env=NAME"),
    ),
    "parameter unknown": (
        [*RUN, *NO_GRADER, "-p", "temprature=1"],
        ("--system-param", "temprature", "temperature"),
    ),
    "parameter without value": (
        [*RUN, *NO_GRADER, "-p", "temperature"],
        ("--system-param", "expected KEY=VALUE"),
    ),
    "parameter of the wrong kind": (
        [*RUN, *NO_GRADER, "-p", "temperature=hot"],
        ("--system-param", "temperature"),
    ),
    "parameter of the grader": (
        [*RUN, *NO_GRADER, "-P", "max_tokens=many"],
        ("--grader-param", "max_tokens"),
    ),
    "parameter that is no JSON": (
        [*RUN, *NO_GRADER, "-p", "extra_body={x"],
        ("--system-param", "extra_body", "expected JSON", "'{x'"),
    ),
    "parameter from a missing file": (
        [*RUN, *NO_GRADER, "-p", "system_prompt=@none.txt"],
        ("--system-param", "system_prompt", "none.txt"),
    ),
    "price": (
        [*RUN, *NO_GRADER, "-p", "price=cheap"],
        ("price", "expected IN/OUT", "found 'cheap'"),
    ),
    "cap without a price": (
        [*RUN, *NO_GRADER, "--max-cost", "5"],
        ("--max-cost", "no price is known", "127.0.0.1", "price=IN/OUT"),
    ),
    "cap of 0": ([*RUN, *NO_GRADER, "--max-cost", "0"], ("--max-cost", "above 0", "found 0")),
    "cap not a number": (
        [*RUN, *NO_GRADER, "--max-cost", "much"],
        ("--max-cost", "expected a number", "found 'much'"),
    ),
    "cap nan": ([*RUN, *NO_GRADER, "--max-cost", "nan"], ("--max-cost", "above 0", "found nan")),
    "tokens of 0": (
        [*RUN, *NO_GRADER, "--max-total-tokens", "0"],
        ("--max-total-tokens", "found 0"),
    ),
    "limit 0": ([*RUN, *NO_GRADER, "--limit", "0"], ("--limit", "from 1", "found 0")),
    "limit not a number": (
        [*RUN, *NO_GRADER, "--limit", "few"],
        ("--limit", "expected a whole number", "found 'few'"),
    ),
    "repeats 0": ([*RUN, *NO_GRADER, "--repeats", "0"], ("--repeats", "from 1", "found 0")),
    "coverage 2": (
        [*RUN, *NO_GRADER, "--min-coverage", "2"],
        ("--min-coverage", "expected 0 to 1", "found 2"),
    ),
    "coverage nan": ([*RUN, *NO_GRADER, "--min-coverage", "nan"], ("--min-coverage", "found nan")),
    "template missing": (
        [*RUN, *NO_GRADER, "--grader-template", "none.txt"],
        ("--grader-template", "none.txt"),
    ),
    "template not fetched": (
        [*RUN, *NO_GRADER, "--grader-template", "reference"],
        ("grader prompt", "preceptor fetch grader-template"),
    ),
    "nobody answers": (
        [*RUN, "-s", "physician:1", *NO_GRADER[2:]],
        ("physician:1", "none of the", "starter"),
    ),
    "recorded answers missing": (
        [*RUN, "-s", "replay:none.jsonl", *NO_GRADER[2:]],
        ("none.jsonl", "no such file"),
    ),
    "unknown option": (
        [*RUN, *NO_GRADER, "--frobnicate"],
        ("no such option", "--frobnicate", "preceptor run --help"),
    ),
    "option without value": ([*RUN, "--system"], ("--system", "requires an argument")),
    "unknown command": (["scroe"], ("no such command 'scroe'", "preceptor --help")),
    "missing command": (["list"], ("preceptor list", "missing command")),
    "fetch of nothing known": (["fetch", "helthbench"], ("helthbench", "did you mean")),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_a_bad_option(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The option, what was expected, what was found; and no key ever."""
    arguments, fragments = OPTIONS[case]
    assert SECRET not in refused(arguments, capsys, *fragments)


def test_a_template_without_a_slot(capsys: pytest.CaptureFixture[str]) -> None:
    """The file and the slot that it lacks."""
    put("judge.txt", "Judge <<conversation>>.")
    arguments = [*RUN, *NO_GRADER, "--grader-template", "judge.txt"]
    refused(arguments, capsys, "--grader-template judge.txt", "<<rubric_item>>", "exactly once")


def test_recorded_answers_without_an_id(capsys: pytest.CaptureFixture[str]) -> None:
    """The file, the line and the fields that would do."""
    write_rows(Path("answers.jsonl"), [{"id": "a", "response": "x"}, {"response": "x"}])
    arguments = [*RUN, "-s", "replay:answers.jsonl", *NO_GRADER[2:]]
    refused(arguments, capsys, "answers.jsonl:2: id", "prompt_id")


# Stores


@pytest.fixture
def store() -> None:
    """A store in the working folder with two runs, `one` and `other`."""
    write_rows(Path("data.jsonl"), [row("a")])
    rows = [graded_row("a", run="one"), graded_row("a", run="other")]
    write_rows(Path("good.jsonl"), rows)
    arguments = ["good.jsonl", "--benchmark", "healthbench", "--data", "data.jsonl", "--json"]
    assert main(["import", "graded", *arguments]) == 0


ON_A_STORE: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "unknown run": (["score", "nope"], ("run 'nope'", "no such run", "one, other")),
    "ambiguous run": (["score", "o"], ("run 'o'", "names several runs", "one, other")),
    "unknown run to show": (["show", "nope"], ("run 'nope'", "no such run")),
    "unknown run to report": (["report", "one", "nope"], ("run 'nope'", "no such run")),
    "unknown run to export": (["export", "nope"], ("run 'nope'", "no such run")),
    "unknown run to resume": (["resume", "nope"], ("run 'nope'", "no such run")),
    "imported run to resume": (["resume", "one"], ("run one", "imported", "nothing to resume")),
    "score without RUN": (["score"], ("score", "either a RUN or --all")),
    "score with both": (["score", "one", "--all"], ("score", "either a RUN or --all")),
    "score of a RUN and benchmark": (
        ["score", "one", "--benchmark", "healthbench"],
        ("--benchmark", "--all"),
    ),
    "score of an unknown benchmark": (
        ["score", "--all", "--benchmark", "helthbench"],
        ("helthbench", "did you mean"),
    ),
    "runs of an unknown benchmark": (["runs", "--benchmark", "x"], ("unknown benchmark 'x'",)),
    "report without RUN": (["report"], ("SIDE", "missing")),
    "report into no folder": (
        ["report", "one", "-o", "none/report.html"],
        ("none/report.html", "cannot be written"),
    ),
    "report onto a folder": (["report", "one", "-o", "."], ("cannot be written", "folder")),
    "export into no folder": (
        ["export", "one", "-o", "none/out.csv"],
        ("none/out.csv", "cannot be written"),
    ),
    "export of an unknown format": (
        ["export", "one", "-f", "xlsx"],
        ("--format 'xlsx'", "jsonl, csv, parquet"),
    ),
    "export by an unknown suffix": (
        ["export", "one", "-o", "out.xlsx"],
        ("out.xlsx", "jsonl, csv, parquet"),
    ),
    "export without suffix": (["export", "one", "-o", "out"], ("out", "jsonl, csv, parquet")),
    "run of a name that exists": (
        [*RUN, *NO_GRADER, "--name", "one"],
        ("run 'one'", "exists already", "--name"),
    ),
}


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("case", ON_A_STORE)
def test_a_bad_request_of_a_store(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What was asked for, what there is, what to do; no file is made."""
    capsys.readouterr()
    arguments, fragments = ON_A_STORE[case]
    refused(arguments, capsys, *fragments)


@pytest.mark.parametrize("command", [["score", "x"], ["runs"], ["show", "x"], ["export", "x"]])
def test_a_store_that_is_not_there(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Reading does not make an empty store; the message names the file and what makes one."""
    refused([*command, "--store", "none.db"], capsys, "none.db", "no such file", "import")
    assert not Path("none.db").exists()


def test_a_store_from_the_future(store: None, capsys: pytest.CaptureFixture[str]) -> None:
    """A later version's store is left alone; the message says to upgrade."""
    with sqlite3.connect("preceptor.db") as connection:
        connection.execute("UPDATE preceptor SET value = '99' WHERE key = 'format'")
    connection.close()
    capsys.readouterr()
    refused(["runs"], capsys, "preceptor.db", "format 99", "pip install --upgrade preceptor")


def test_a_store_that_is_another_programs_database(capsys: pytest.CaptureFixture[str]) -> None:
    """It gets no tables of ours, and not a byte is changed."""
    with sqlite3.connect("theirs.db") as connection:
        connection.execute("CREATE TABLE music (title TEXT)")
    connection.close()
    content = Path("theirs.db").read_bytes()
    for arguments in (["runs"], [*RUN, *NO_GRADER]):
        refused(
            [*arguments, "--store", "theirs.db"],
            capsys,
            "theirs.db",
            "another program's",
            "--store",
        )
    assert Path("theirs.db").read_bytes() == content


def test_a_store_that_is_no_database(capsys: pytest.CaptureFixture[str]) -> None:
    """A text file is not overwritten."""
    put("notes.txt", "made-up notes, long enough to be taken for a header of SQLite " * 20)
    text = Path("notes.txt").read_bytes()
    refused(["runs", "--store", "notes.txt"], capsys, "notes.txt", "not a SQLite file", "--store")
    assert Path("notes.txt").read_bytes() == text


@pytest.mark.parametrize("place", [".", "none/preceptor.db"])
def test_a_store_that_cannot_be_made(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder, a missing folder."""
    refused([*RUN, *NO_GRADER, "--store", place], capsys, f"store {place}")


def test_a_store_of_an_unknown_kind(capsys: pytest.CaptureFixture[str]) -> None:
    """A URL of a database that cannot be opened is one line, too."""
    assert main(["runs", "--store", "nosuch://host/db"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: --store 'nosuch://host/db': not a database URL")
    assert said.count("\n") == 1


# Imports


def test_imports_of_files_from_windows_are_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    """A BOM, CRLF and a blank last line are no fault."""
    write_rows(Path("data.jsonl"), [row("a")])
    lines = json.dumps(graded_row("a")).encode()
    put("w.jsonl", b"\xef\xbb\xbf" + lines + b"\r\n\r\n")
    put("data.jsonl", b"\xef\xbb\xbf" + Path("data.jsonl").read_bytes().replace(b"\n", b"\r\n"))
    arguments = ["w.jsonl", "--benchmark", "healthbench", "--data", "data.jsonl", "--json"]
    assert main(["import", "graded", *arguments]) == 0
    assert json.loads(capsys.readouterr().out) == [{"run": "w", "n": 1, "new": True}]
    assert preceptor.load().score()["metrics"]["overall_score"]["value"] == 1


GRADED: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "too few verdicts": (
        graded_row("a", [True]),
        ("criteria_met", "expected 2 verdicts, one per criterion, found 1"),
    ),
    "too many verdicts": (graded_row("a", [True] * 3), ("criteria_met", "expected 2", "found 3")),
    "verdict as prose": (
        graded_row("a", ["mostly", False]),
        ("criteria_met[0]", "expected true, false or null", "found 'mostly'"),
    ),
    "verdict as share": (graded_row("a", [True, 0.5]), ("criteria_met[1]", "found 0.5")),
    "no verdicts": (
        {"prompt_id": "a", "response": "x"},
        ("criteria_met: missing", "a list of true, false or null"),
    ),
    "verdicts of another form": (
        {"prompt_id": "a", "response": "x", "verdicts": [{"met": True}, {"met": True}]},
        ("verdicts[0].criteria_met: missing",),
    ),
    "no answer": ({"prompt_id": "a", "criteria_met": [True, True]}, ("response: missing",)),
    "answer a number": (graded_row("a", response=5), ("response", "a text", "found 5")),
    "no id": ({"response": "x", "criteria_met": []}, ("prompt_id: missing",)),
    "unknown id": (graded_row("zz"), ("prompt_id", "'zz' is not among the 1 examples", "data")),
    "explanations of another length": (
        graded_row("a", explanations=["x"]),
        ("explanations", "a list of 2"),
    ),
    "explanations not texts": (graded_row("a", explanations=[1, 2]), ("explanations", "found 1")),
    "run a number": (graded_row("a", run=5), ("run", "a text", "found 5")),
}


@pytest.mark.parametrize("case", GRADED)
def test_a_bad_row_of_graded_answers(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    """File, line and field; the good row before it is not kept either, and no store is made."""
    bad, fragments = GRADED[case]
    write_rows(Path("data.jsonl"), [row("a")])
    write_rows(Path("g.jsonl"), [graded_row("a"), bad])
    arguments = ["g.jsonl", "--benchmark", "healthbench", "--data", "data.jsonl"]
    refused(["import", "graded", *arguments], capsys, "g.jsonl:2: ", *fragments)
    assert not Path("preceptor.db").exists()


IMPORTS: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "graded without benchmark": (["graded", "g.jsonl"], ("--benchmark NAME",)),
    "graded of an unknown benchmark": (
        ["graded", "g.jsonl", "--benchmark", "helthbench"],
        ("helthbench", "did you mean"),
    ),
    "graded of a missing file": (
        ["graded", "none.jsonl", "--benchmark", "healthbench", "--data", "g.jsonl"],
        ("none.jsonl", "no such file"),
    ),
    "graded of an empty file": (
        ["graded", "empty.jsonl", "--benchmark", "healthbench"],
        ("empty.jsonl", "empty file"),
    ),
    "graded without data": (
        ["graded", "g.jsonl", "--benchmark", "healthbench"],
        ("preceptor fetch healthbench", "--data"),
    ),
    "simple-evals without benchmark in its name": (
        ["simple-evals", "output.json"],
        ("output.json", "healthbench_hard_MODEL_allresults.json", "--benchmark"),
    ),
    "simple-evals of JSON Lines": (
        ["simple-evals", "g.jsonl", "--benchmark", "healthbench"],
        ("g.jsonl", "expected a *_allresults.json"),
    ),
    "simple-evals of a folder": (
        ["simple-evals", ".", "--benchmark", "healthbench"],
        ("output.json", "example_level_metadata"),
    ),
    "simple-evals of a missing file": (["simple-evals", "none.json"], ("none.json", "No such")),
    "simple-evals without rows": (
        ["simple-evals", "output.json", "--benchmark", "healthbench"],
        ("output.json", "example_level_metadata", "not empty"),
    ),
    "simple-evals nested too deeply": (
        ["simple-evals", "deep.json", "--benchmark", "healthbench"],
        ("deep.json", "nested too deeply"),
    ),
}


@pytest.mark.parametrize("case", IMPORTS)
def test_a_bad_import(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What the file is not; no store is made."""
    write_rows(Path("g.jsonl"), [graded_row("a")])
    put("empty.jsonl", "")
    put("output.json", '{"metadata": {"example_level_metadata": []}}')
    put("deep.json", "[" * 100_000)
    arguments, fragments = IMPORTS[case]
    refused(["import", *arguments], capsys, *fragments)
    assert not Path("preceptor.db").exists()


def test_an_import_onto_another_run_of_the_name(
    store: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names the run; the run that is there stays as it is."""
    capsys.readouterr()
    write_rows(Path("again.jsonl"), [graded_row("a", [False, False], run="other")])
    arguments = ["again.jsonl", "--benchmark", "healthbench", "--data", "data.jsonl"]
    refused(["import", "graded", *arguments], capsys, "'other'", "exists already", "--replace")
    with Store("preceptor.db") as opened:
        assert len(opened.runs()) == 2
