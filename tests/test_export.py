"""A run as files: nothing is lost, nothing is harmful, and it can be imported again."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import msgspec
import pyarrow.parquet
import pytest

import preceptor
from data_fixtures import graded_row, isolate, row, write_rows
from preceptor import benchmarks
from preceptor.bridges.graded import read_graded
from preceptor.bridges.imported import keep
from preceptor.cli import main
from preceptor.errors import InputError
from preceptor.records import Result
from preceptor.reports.croissant import croissant
from preceptor.reports.export import COLUMNS, FORMATS, OF_ANSWER, export
from preceptor.reports.files import whole_file, write_text
from preceptor.store import Store
from preceptor.testing import FakeEndpoint

FORMULAS = ("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "'quoted'")
HOSTILE = 'a "quoted", text;\r\nwith\nlines, \u2028, \\n, emoji 🙂, <b>&amp;</b>, {braces} and \x01'


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


@pytest.fixture
def result(tmp_path: Path) -> Result:
    """Three examples, one with two repeats; ungraded verdicts, a failed and an empty answer."""
    return stored(
        tmp_path,
        [row("a"), row("b", (1, 2, 3), example_tags=["theme:x", "theme:y"]), row("c")],
        [
            graded_row("a", [True, True]),
            graded_row("a", [True, None], response=HOSTILE),
            graded_row("b", [False, True, None], reasons=[None, None, "timeout"]),
            graded_row("c", [None, None], response=None, failure="rate_limit"),
            graded_row("a", [False, False], response=""),
        ],
    )


def stored(folder: Path, examples: list[dict], answers: list[dict], store: str = "s.db") -> Result:
    data = write_rows(folder / "data.jsonl", examples)
    file = write_rows(folder / "made-up.jsonl", answers)
    (run,) = read_graded(file, benchmarks.get("healthbench"), data, system="s", grader="g")
    with Store(folder / store) as opened:
        keep(opened, run, file)
    return preceptor.load(run.name, store=folder / store).result()


def imported_again(file: Path, folder: Path) -> Result:
    (run,) = read_graded(file, benchmarks.get("healthbench"))
    with Store(folder / "again.db") as opened:
        keep(opened, run, file)
    return preceptor.load(run.name, store=folder / "again.db").result()


# Round trip


def test_jsonl_comes_back_with_equal_scores(result: Result, tmp_path: Path) -> None:
    """Exported and imported again: the same scores, metrics, missing verdicts and failures."""
    again = imported_again(export(result, tmp_path / "out.jsonl"), tmp_path)
    assert again.scores == result.scores
    assert again.metrics == result.metrics
    assert (again.coverage, again.ungraded) == (result.coverage, result.ungraded)
    assert again.ungraded == {"not_given": 1, "timeout": 1, "no answer: rate_limit": 2}
    assert again.info.name == result.info.name
    assert (again.info.system, again.info.grader) == ("s", "g")
    for before, after in zip(result.graded, again.graded, strict=True):
        assert after.example == before.example
        assert (after.response.text, after.repeat) == (before.response.text, before.repeat)
        assert [v and (v.met, v.reason, v.explanation) for v in after.verdicts] == [
            v and (v.met, v.reason, v.explanation) for v in before.verdicts
        ]


def test_departures_and_ends_travel_too(tmp_path: Path) -> None:
    """What is to be read beside a score is there in another store, and which answers were cut."""
    with FakeEndpoint() as fake:
        run = preceptor.run(
            "starter",
            system=fake.address("m"),
            grader=fake.address("judge"),
            system_params={"max_tokens": 3},
            limit=3,
            store=tmp_path / "own.db",
        )
    result = run.result()
    file = run.export(tmp_path / "out.jsonl")
    (there,) = read_graded(file, benchmarks.get("starter"))
    with Store(tmp_path / "again.db") as opened:
        keep(opened, there, file)
    again = preceptor.load(there.name, store=tmp_path / "again.db").result()
    assert again.departures == result.departures
    assert "Asked on 3 of 36 examples." in again.departures
    ends = [item.response.finish_reason for item in again.graded if item.response]
    assert ends == [item.response.finish_reason for item in result.graded if item.response]
    assert "length" in ends


def test_a_second_round_trip_gives_the_same_file(result: Result, tmp_path: Path) -> None:
    """What was exported, imported and exported again is byte for byte the same."""
    first = export(result, tmp_path / "one.jsonl")
    again = imported_again(first, tmp_path)
    assert export(again, tmp_path / "two.jsonl").read_bytes() == first.read_bytes()


def test_an_answer_not_asked_for_yet_is_no_answer(result: Result, tmp_path: Path) -> None:
    """A run that was interrupted can be exported; what is open stays open."""
    open_ = msgspec.structs.replace(result.graded[0], response=None, verdicts=(None, None))
    part = msgspec.structs.replace(result, graded=[open_, *result.graded[1:]])
    again = imported_again(export(part, tmp_path / "out.jsonl"), tmp_path)
    assert again.ungraded["no answer: no_answer"] == 2


def test_jsonl_has_one_answer_a_line(result: Result, tmp_path: Path) -> None:
    """Whatever stands in the texts, a line is an answer, with everything needed to judge it."""
    lines = export(result, tmp_path / "out.jsonl").read_bytes().split(b"\n")
    assert lines.pop() == b""
    rows = [json.loads(line) for line in lines]
    assert [(each["prompt_id"], each["repeat"]) for each in rows] == [
        ("a", 0),
        ("a", 1),
        ("a", 2),
        ("b", 0),
        ("c", 0),
    ]
    assert rows[0].keys() == {
        "run",
        "benchmark",
        "model",
        "grader",
        "prompt_id",
        "repeat",
        "prompt",
        "example_tags",
        "rubrics",
        "response",
        "failure",
        "finish_reason",
        "stop_reason",
        "state",
        "served_model",
        "created_at",
        "turns",
        "departures",
        "criteria_met",
        "explanations",
        "reasons",
        "labels",
        "target",
        "prediction",
        "read",
        "score",
    }
    assert rows[1]["response"] == HOSTILE
    assert (rows[4]["response"], rows[4]["failure"]) == (None, "rate_limit")


# Tables


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_csv_and_parquet_have_one_row_a_verdict(result: Result, tmp_path: Path) -> None:
    """Each criterion of each answer, graded or not, with the same columns in both."""
    in_csv = read_csv(export(result, tmp_path / "out.csv"))
    table = pyarrow.parquet.read_table(export(result, tmp_path / "out.parquet"))
    rows = table.to_pylist()
    assert len(rows) == len(in_csv) == result.verdicts == 11
    assert list(in_csv[0]) == table.column_names
    assert [r["met"] for r in rows] == [
        v and v.met for item in result.graded for v in item.verdicts
    ]
    for text, typed in zip(in_csv, rows, strict=True):
        assert text.keys() == typed.keys()
        for name, value in typed.items():
            expected = "" if value is None else str(value)
            assert text[name].removeprefix("'") == expected.removeprefix("'"), name
    assert {r["example_tags"] for r in rows} == {"theme:hedging", "theme:x theme:y"}
    assert {r["points"] for r in rows} == {5, -3, 1, 2, 3}


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames_have_the_rows_of_the_table(
    result: Result, tmp_path: Path, library: str
) -> None:
    """A row a verdict with its answer's columns, or a row an answer; what is unknown is missing."""
    pytest.importorskip(library)
    run = preceptor.load(result.info.name, store=tmp_path / "s.db")
    table = pyarrow.parquet.read_table(run.export(tmp_path / "out.parquet")).to_pydict()
    verdicts, answers = (run.to_frame(rows, library) for rows in ("verdicts", "answers"))
    columns = {name: verdicts[name].to_list() for name in verdicts.columns}
    assert list(columns) == list(table)
    for name, values in columns.items():
        known = [None if str(value) in ("<NA>", "nan") else value for value in values]
        assert known == table[name], name
    assert (len(answers), list(answers.columns)) == (5, list(OF_ANSWER))
    assert answers["repeat"].to_list() == [0, 1, 2, 0, 0]


def test_answers_and_verdicts_have_what_they_took(tmp_path: Path) -> None:
    """Tokens, seconds, finish reason and served model, as they are in the run."""
    with FakeEndpoint() as fake:
        run = preceptor.run(
            "starter",
            system=fake.address("m"),
            grader=fake.address("judge"),
            limit=2,
            store=tmp_path / "own.db",
        )
    pairs = [(item.response, each) for item in run.result().graded for each in item.verdicts]
    rows = run.to_frame("verdicts").to_dict("records")
    for found, (answer, verdict) in zip(rows, pairs, strict=True):
        tokens = (answer.usage.output_tokens, verdict.usage.input_tokens)
        assert (found["output_tokens"], found["grader_input_tokens"]) == tokens
        assert (found["seconds"], found["grader_seconds"]) == (answer.latency_s, verdict.latency_s)
        assert (found["finish_reason"], found["served_model"]) == ("stop", answer.served_model)
        assert min(tokens) > 0


def test_a_frame_that_cannot_be_made_says_why(result: Result, tmp_path: Path) -> None:
    """Another library, other rows, or nothing installed."""
    run = preceptor.load(result.info.name, store=tmp_path / "s.db")
    with pytest.raises(InputError, match="expected pandas or polars, found 'dask'"):
        run.to_frame(library="dask")
    with pytest.raises(InputError, match="expected answers or verdicts, found 'rows'"):
        run.to_frame("rows")


def test_every_column_is_explained() -> None:
    """The manual has each column of csv, parquet and data frames, and no other."""
    page = (Path(__file__).parent.parent / "docs" / "frames.md").read_text("utf-8")
    table = page.partition("<!-- columns: frame -->")[2].partition("\n\n")[0]
    first = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {name for cell in first for name in re.findall(r"`(\w+)`", cell)} == set(COLUMNS)


def test_several_runs_in_one_file(result: Result, tmp_path: Path) -> None:
    """The column `run` tells them apart, and jsonl comes back as as many runs."""
    store = tmp_path / "s.db"
    stored(tmp_path, [row("a")], [graded_row("a", [True, False], run="other")])
    out = str(tmp_path / "both.jsonl")
    names = (result.info.name, "other")
    assert main(["export", *names, "--store", str(store), "-o", out]) == 0
    again = read_graded(Path(out), benchmarks.get("healthbench"))
    assert [(run.name, len(run.answers)) for run in again] == [(names[0], 5), ("other", 1)]
    for end in ("csv", "parquet"):
        assert main(["export", *names, "--store", str(store), "-o", f"{out}.{end}"]) == 0
    in_csv = read_csv(Path(f"{out}.csv"))
    table = pyarrow.parquet.read_table(f"{out}.parquet").to_pydict()
    assert [each["run"] for each in in_csv] == table["run"] == [names[0]] * 11 + ["other"] * 2
    assert main(["export", *names, "--store", str(store), "-o", f"{out}.eval"]) == 2


def test_numbers_below_zero_stay_numbers_in_csv(result: Result, tmp_path: Path) -> None:
    """Only texts are guarded against formulas: points of −3 read as −3."""
    rows = read_csv(export(result, tmp_path / "out.csv"))
    assert {row["points"] for row in rows} == {"5", "-3", "1", "2", "3"}


def test_hostile_texts_survive(tmp_path: Path) -> None:
    """Quotes, line ends, separators and control characters come back from every format as they
    are; a NUL becomes a replacement character on its way into the store."""
    answer = graded_row("a", response=HOSTILE + "\x00", explanations=[HOSTILE, "="])
    result = stored(tmp_path, [row("a")], [answer])
    kept = HOSTILE + "\ufffd"
    line = json.loads(export(result, tmp_path / "o.jsonl").read_text("utf-8"))
    assert (line["response"], line["explanations"][0]) == (kept, HOSTILE)
    rows = read_csv(export(result, tmp_path / "o.csv"))
    assert (rows[0]["response"], rows[0]["explanation"]) == (kept, HOSTILE)
    rows = pyarrow.parquet.read_table(export(result, tmp_path / "o.parquet")).to_pylist()
    assert (rows[0]["response"], rows[0]["explanation"]) == (kept, HOSTILE)


@pytest.mark.parametrize("text", FORMULAS)
def test_csv_runs_nothing_in_a_spreadsheet(text: str, tmp_path: Path) -> None:
    """A text that a spreadsheet would take for a formula is led by an apostrophe, which can be
    dropped again; the other formats hold the text as it is."""
    result = stored(
        tmp_path,
        [row("a", example_tags=[text], rubrics=[{"criterion": text + "x", "points": 5}])],
        [graded_row("a", [True], response=text, explanations=[text], run=text.strip())],
    )
    (cell,) = read_csv(export(result, tmp_path / "o.csv"))
    for name in ("run", "criterion_text", "example_tags", "explanation", "response"):
        assert cell[name].startswith("'"), name
        assert not cell[name].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cell["response"][1:] == cell["explanation"][1:] == text
    (typed,) = pyarrow.parquet.read_table(export(result, tmp_path / "o.parquet")).to_pylist()
    assert typed["response"] == text
    assert json.loads(export(result, tmp_path / "o.jsonl").read_text("utf-8"))["response"] == text


# Files


@pytest.mark.parametrize("name", ["o.JSONL", "o.csv", "o.Parquet"])
def test_the_suffix_chooses_the_format(name: str, result: Result, tmp_path: Path) -> None:
    """Without --format the name of the file decides; --format has the last word."""
    path = export(result, tmp_path / name)
    start = path.read_bytes()[:4]
    assert start == {"o.J": b'{"ru', "o.c": b"run,", "o.P": b"PAR1"}[name[:3]]
    assert export(result, path, "jsonl").read_bytes()[:4] == b'{"ru'


def test_croissant_is_that_of_the_benchmark(result: Result, tmp_path: Path) -> None:
    """Metadata of what was asked, valid, and without any text of examples or answers."""
    path = export(result, tmp_path / "m.json", "croissant")
    made = json.loads(path.read_text("utf-8"))
    assert made == croissant(benchmarks.get(result.info.benchmark))
    assert made["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    assert result.graded[0].example.messages[0].content not in path.read_text("utf-8")


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "croissant"])
def test_a_file_is_written_whole_or_not_at_all(
    format: str, result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault in the middle leaves the old file as it was, and no other behind."""
    path = tmp_path / "folder" / f"o.{format}"
    path.parent.mkdir()
    path.write_text("old")
    broken = msgspec.structs.replace(result.graded[-1], verdicts=(object(),))
    part = msgspec.structs.replace(result, graded=[*result.graded[:-1], broken])
    with pytest.raises((TypeError, ValueError, AttributeError)):
        export(part, path)
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("place", ["missing/o.csv", ".", "x" * 300 + ".csv"])
def test_a_place_that_cannot_be_written_is_an_error_of_one_line(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folder missing, a folder itself, a name too long: InputError with the path."""
    with pytest.raises(InputError, match="cannot be written") as caught, whole_file(Path(place)):
        pytest.fail("must not come here")
    assert str(caught.value).startswith(place[:20])


def test_text_is_written_as_utf8_whatever_it_holds(tmp_path: Path) -> None:
    """A lone surrogate does not lose a report."""
    path = write_text(tmp_path / "t.txt", "é \ud800 🙂")
    assert path.read_text("utf-8") == "é ? 🙂"


def test_the_command_names_the_file_after_the_run(
    result: Result, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without -o a file RUN.jsonl appears in the working folder, and its path is printed."""
    store = ["--store", str(tmp_path / "s.db")]
    assert main(["export", "latest", *store]) == 0
    assert capsys.readouterr().out == "made-up.jsonl\n"
    assert Path("made-up.jsonl").exists()
    assert main(["export", "latest", "-f", "csv", *store]) == 0
    assert main(["export", "latest", "-o", "x.parquet", *store]) == 0
    assert Path("made-up.csv").read_bytes().startswith(b"run,")
    assert Path("x.parquet").read_bytes().startswith(b"PAR1")


def test_a_run_with_slashes_in_its_name_is_one_file(tmp_path: Path) -> None:
    """A run's name is not a path."""
    stored(tmp_path, [row("a")], [graded_row("a", run="../up/x")])
    assert main(["export", "latest", "--store", str(tmp_path / "s.db")]) == 0
    assert [path.name for path in Path().iterdir()] == [".._up_x.jsonl"]
