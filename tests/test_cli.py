"""The command line: help, JSON keys, exit codes, and how light it is."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import preceptor
from children import Child
from data_fixtures import graded_row, isolate, row, write_rows
from preceptor.cli import main
from preceptor.cli.app import app
from preceptor.testing import FakeEndpoint
from preceptor.version import VERSION


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


@pytest.fixture
def store(capsys: pytest.CaptureFixture[str]) -> None:
    """Two runs in the working folder's store: `first` on HealthBench, `hard` on Hard."""
    write_rows(Path("data.jsonl"), [row("a"), row("b", (1, 2, 3))])
    rows = [graded_row("a", run="first", model="m"), graded_row("b", [True, None, False])]
    write_rows(Path("first.jsonl"), [rows[0], rows[1] | {"run": "first"}])
    write_rows(Path("hard.jsonl"), [graded_row("a", [False, True])])
    for name, benchmark in (("first", "healthbench"), ("hard", "healthbench-hard")):
        arguments = [f"{name}.jsonl", "--benchmark", benchmark, "--data", "data.jsonl"]
        assert main(["import", "graded", *arguments]) == 0
    capsys.readouterr()


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """What a command prints as JSON; standard error must be empty."""
    assert main([*arguments, "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return json.loads(said.out)


# Help


def commands(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and group, as the words that one types."""
    command = command or typer.main.get_command(app)
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*path, name))


OPTIONS = {
    (): ("--version", "--help", "demo", "run", "import"),
    ("list",): ("benchmarks", "systems", "models"),
    ("import",): (
        "[TOOL]",
        "FILE...",
        "graded",
        "simple-evals",
        "--benchmark",
        "--data",
        "--system",
        "--grader",
        "--id",
        "--answer",
        "--by",
        "--name",
        "--replace",
        "--store",
        "--json",
    ),
    ("fetch",): ("NAME",),
    ("run",): (
        "BENCHMARK",
        "--system",
        "-s",
        "--grader",
        "-g",
        "--limit",
        "--repeats",
        "--data",
        "--name",
        "--max-cost",
        "--max-total-tokens",
        "--min-coverage",
        "--system-param",
        "-p",
        "--grader-param",
        "-P",
        "--grader-template",
        "--store",
        "--json",
    ),
    ("resume",): ("RUN", "--max-cost", "--max-total-tokens", "--store", "--json"),
    ("runs",): ("--benchmark", "--store", "--json"),
    ("show",): ("RUN", "--store", "--json"),
    ("score",): ("RUN", "--all", "--benchmark", "--store", "--json"),
    ("report",): ("RUN", "--output", "-o", "--share", "--store"),
    ("export",): ("RUN", "--format", "-f", "--output", "-o", "--store"),
    ("list", "benchmarks"): ("--json",),
    ("list", "systems"): ("--json",),
    ("list", "models"): ("--json",),
}


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_command_has_help(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """--help and -h print usage, a sentence, and every option of the command; exit code 0."""
    assert main([*path, "--help"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.startswith("Usage: preceptor")
    for name in OPTIONS.get(path, ("--help",)):
        assert name in said.out, name
    assert main([*path, "-h"]) == 0
    assert capsys.readouterr().out == said.out


def test_every_documented_command_exists() -> None:
    """The table above names no command that is gone."""
    assert OPTIONS.keys() <= set(commands())


def test_every_option_says_what_it_is() -> None:
    """No option or argument without a word of help beside those that the usage line explains."""
    root = typer.main.get_command(app)
    for path in commands():
        command: Any = root
        for name in path:
            command = command.commands[name]
        assert command.help, path
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert parameter.help, (path, parameter.name)


def test_without_a_command_it_prints_help(capsys: pytest.CaptureFixture[str]) -> None:
    """`preceptor` alone is a question, not a mistake."""
    assert main([]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("Usage: preceptor")
    assert said.err == ""


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version prints the version, and nothing else."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{VERSION}\n"


def loaded_by(code: str) -> set[str]:
    """The modules that a fresh interpreter holds after ``code``."""
    script = f"import sys\n{code}\nprint(*sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


HEAVY = {
    "aiohttp",
    "genai_prices",
    "huggingface_hub",
    "jinja2",
    "numpy",
    "pyarrow",
    "rich",
    "scipy",
    "sqlalchemy",
    "xllamacpp",
}


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"], ["scroe"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    """Help, version and typing errors come without the libraries that runs need."""
    loaded = loaded_by(f"from preceptor.cli import main\nmain({arguments!r})")
    assert "preceptor.cli.run" in loaded
    assert not HEAVY & loaded
    assert "pydantic" not in loaded or arguments not in (["--help"], ["--version"])


def test_listing_computes_nothing_and_knows_one_database() -> None:
    """What only scores or only a PostgreSQL store need is not imported for runs or benchmarks."""
    asked = "main(['list', 'benchmarks'])\nmain(['runs', '--store', 'none/none'])"
    loaded = loaded_by(f"from preceptor.cli import main\n{asked}")
    assert {"preceptor.store.database", "preceptor.benchmarks.catalogue"} <= loaded
    heavy = {"numpy", "preceptor.engine.plan", "sqlalchemy.dialects.postgresql", "genai_prices"}
    assert not heavy & loaded


def test_a_rubric_needs_no_reader_of_letters() -> None:
    """What reads options out of texts is not imported for a benchmark that a grader judges."""
    loaded = loaded_by("from preceptor.benchmarks import get\nget('healthbench')")
    assert "preceptor.benchmarks.healthbench" in loaded
    assert "preceptor.scoring.letters" not in loaded


# JSON

SCORE = {
    "run",
    "benchmark",
    "system",
    "grader",
    "status",
    "n_examples",
    "repeats",
    "coverage",
    "verdicts",
    "ungraded",
    "unparsed",
    "share_read",
    "seconds_per_answer",
    "cost_usd",
    "departures",
    "notes",
    "metrics",
    "spending",
}
METRIC = {
    "value",
    "raw_mean",
    "n",
    "ci95",
    "raw_ci95",
    "bootstrap_std",
    "coverage",
    "bounds",
    "bootstrap_ci95",
    "wilson_ci95",
    "unit",
    "higher_is_better",
    "units",
    "units_are",
    "tag",
}
RUNS = {
    "run",
    "benchmark",
    "system",
    "grader",
    "status",
    "created_at",
    "settings",
    "n_examples",
    "repeats",
    "id",
}
SHOW = {
    "run",
    "benchmark",
    "system",
    "grader",
    "status",
    "created_at",
    "n_examples",
    "repeats",
    "coverage",
    "verdicts",
    "ungraded",
    "cost_usd",
    "system_usage",
    "grader_usage",
    "patient_usage",
    "settings",
}


def test_json_of_benchmarks(capsys: pytest.CaptureFixture[str]) -> None:
    """Keys of `list benchmarks --json`."""
    rows = printed(capsys, "list", "benchmarks")
    assert {frozenset(each) for each in rows} == {
        frozenset(
            [
                "name",
                "family",
                "examples",
                "criteria",
                "licence",
                "source",
                "citation",
                "languages",
                "pinned",
                "summary",
                "here",
            ]
        )
    }
    here = {each["name"]: each["here"] for each in rows}
    assert here["starter"] is True
    assert here["healthbench"] is False


def test_json_of_systems(capsys: pytest.CaptureFixture[str]) -> None:
    """`list systems --json` maps the forms of an address to what they are."""
    forms = printed(capsys, "list", "systems")
    assert "openai/MODEL" in forms
    assert all(isinstance(meaning, str) and meaning for meaning in forms.values())


def test_json_of_models(capsys: pytest.CaptureFixture[str]) -> None:
    """Keys of `list models --json`."""
    rows = printed(capsys, "list", "models")
    assert rows
    for each in rows:
        assert each.keys() == {"name", "title", "licence", "megabytes", "here"}
        assert each["name"].startswith("local/")


@pytest.mark.usefixtures("store")
def test_json_of_a_score(capsys: pytest.CaptureFixture[str]) -> None:
    """Keys and kinds of `score RUN --json`; the library returns the same."""
    score = printed(capsys, "score", "first")
    assert score.keys() == SCORE
    assert score == json.loads(json.dumps(preceptor.load("first").score()))
    assert (score["run"], score["benchmark"], score["system"]) == ("first", "healthbench", "m")
    assert (score["n_examples"], score["repeats"], score["status"]) == (2, 1, "done")
    assert (score["verdicts"], score["coverage"]) == (5, 0.8)
    assert score["ungraded"] == {"not_given": 1}
    assert score["cost_usd"] is None
    metrics = score["metrics"]
    assert metrics.keys() == {
        "overall_score",
        "overall_score_length_adjusted",
        "theme:hedging",
        "theme:hedging_length_adjusted",
        "axis:accuracy",
        "level:example",
        "omission",
        "commission",
        "harmful",
    }
    for metric in metrics.values():
        assert metric.keys() == METRIC
    overall = metrics["overall_score"]
    assert (overall["value"], overall["raw_mean"], overall["n"]) == (1.0, 1.0, 1)
    assert (overall["ci95"], overall["raw_ci95"], overall["bootstrap_std"]) == (None, None, 0.0)
    assert overall["bounds"] == pytest.approx([(1 + 1 / 6) / 2, (1 + 3 / 6) / 2])


@pytest.mark.usefixtures("store")
def test_json_of_all_scores(capsys: pytest.CaptureFixture[str]) -> None:
    """`score --all` is a list, oldest first; --benchmark leaves the others out."""
    scores = printed(capsys, "score", "--all")
    assert [each["run"] for each in scores] == ["first", "hard"]
    assert {frozenset(each) for each in scores} == {frozenset(SCORE)}
    first = printed(capsys, "score", "first")
    assert first["spending"]["examples"]
    first["spending"]["examples"] = []
    assert scores[0] == first
    only = printed(capsys, "score", "--all", "--benchmark", "healthbench-hard")
    assert [each["run"] for each in only] == ["hard"]
    assert printed(capsys, "score", "--all", "--benchmark", "starter") == []


@pytest.mark.usefixtures("store")
def test_json_of_runs_and_show(capsys: pytest.CaptureFixture[str]) -> None:
    """Keys of `runs --json` and `show RUN --json`."""
    rows = printed(capsys, "runs")
    assert [each["run"] for each in rows] == ["first", "hard"]
    assert {frozenset(each) for each in rows} == {frozenset(RUNS)}
    only = printed(capsys, "runs", "--benchmark", "healthbench-hard")
    assert [each["run"] for each in only] == ["hard"]
    facts = printed(capsys, "show", "first")
    assert facts.keys() == SHOW
    assert facts["settings"]["imported_from"] == "first.jsonl"
    usage = {"input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"}
    assert facts["system_usage"].keys() == facts["grader_usage"].keys() == usage


def test_json_of_an_import(capsys: pytest.CaptureFixture[str]) -> None:
    """Keys of `import … --json`; the second time nothing is new."""
    write_rows(Path("data.jsonl"), [row("a")])
    write_rows(Path("g.jsonl"), [graded_row("a")])
    arguments = ("import", "graded", "g.jsonl", "--benchmark", "healthbench")
    arguments += ("--data", "data.jsonl")
    assert printed(capsys, *arguments) == [{"run": "g", "n": 1, "new": True}]
    assert printed(capsys, *arguments) == [{"run": "g", "n": 1, "new": False}]


def test_an_import_names_the_command_that_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    """With the store where that is not the usual one, so that the command works as it stands."""
    write_rows(Path("data.jsonl"), [row("a")])
    write_rows(Path("g.jsonl"), [graded_row("a", run="a run")])
    arguments = ["g.jsonl", "--benchmark", "healthbench", "--data", "data.jsonl"]
    assert main(["import", "graded", *arguments, "--store", "other.db"]) == 0
    line = capsys.readouterr().err.splitlines()[-1]
    assert line == "see it with: preceptor score 'a run' --store other.db"
    assert main([*shlex.split(line.partition("preceptor ")[2])]) == 0


# For people


@pytest.mark.usefixtures("store")
def test_tables_say_what_must_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A score for people has n, interval, coverage, what is missing, bounds and the grader."""
    assert main(["score", "first"]) == 0
    said = capsys.readouterr()
    assert "HealthBench: m" in said.out
    assert "95 % interval" in said.out
    assert "80.0%" in said.out
    assert "1 of 5 verdicts are missing: 1 not_given" in said.err
    assert "lies between 58.3 and 75.0" in said.err
    assert "Imported: asked and graded elsewhere." in said.err
    for arguments, expected in (
        (["score", "--all"], "first"),
        (["runs"], "healthbench-hard"),
        (["show", "latest"], "imported_from: hard.jsonl"),
        (["list", "benchmarks"], "HealthBench"),
        (["list", "systems"], "yesno:ADDRESS"),
        (["list", "models"], "local/"),
    ):
        assert main(arguments) == 0
        assert expected.lower() in capsys.readouterr().out.lower()


@pytest.mark.usefixtures("store")
def test_a_negative_mean_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A score of 0 that stands for a negative mean is not left to be taken for 0."""
    assert main(["score", "hard"]) == 0
    said = capsys.readouterr()
    assert "The mean is −60.0 before it is clipped to 0" in said.err


@pytest.mark.usefixtures("store")
def test_markup_in_names_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Square brackets in a system's name are no instructions to the terminal library."""
    write_rows(Path("odd.jsonl"), [graded_row("a", model="[red]m[/] :smile:")])
    arguments = ["odd.jsonl", "--benchmark", "healthbench", "--data", "data.jsonl"]
    assert main(["import", "graded", *arguments]) == 0
    assert main(["score", "odd"]) == 0
    assert "[red]m[/] :smile:" in capsys.readouterr().out


@pytest.mark.usefixtures("store")
def test_a_report_is_written_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    """`report` prints the path; --share leaves the texts out."""
    assert main(["report", "first", "hard", "-o", "full.html"]) == 0
    assert main(["report", "first", "-o", "share.html", "--share"]) == 0
    assert capsys.readouterr().out == "full.html\nshare.html\n"
    assert "made-up answer to a" in Path("full.html").read_text("utf-8")
    assert "made-up answer to a" not in Path("share.html").read_text("utf-8")


# Exit codes


def graded_by_fake(fake: FakeEndpoint, *options: str) -> int:
    """A run over two examples of which only one has a recorded answer."""
    write_rows(Path("data.jsonl"), [row("a"), row("b")])
    write_rows(Path("answers.jsonl"), [{"id": "a", "response": "made-up"}])
    arguments = ["-s", "replay:answers.jsonl", "-g", fake.address("judge"), *options]
    return main(["run", "healthbench", "--data", "data.jsonl", *arguments])


def test_exit_code_1_for_an_incomplete_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Coverage below what was asked for is 1, and says how to go on; with less asked for, 0."""
    with FakeEndpoint() as fake:
        assert graded_by_fake(fake, "--name", "half") == 1
        said = capsys.readouterr()
        assert "preceptor resume half" in said.err
        assert "2 of 4 verdicts are missing" in said.err
        assert graded_by_fake(fake, "--min-coverage", "0.5") == 0
        assert graded_by_fake(fake, "--min-coverage", "0.51") == 1
    runs = preceptor.runs()
    assert [run.info.status for run in runs] == ["incomplete", "done", "incomplete"]


def test_exit_code_0_for_a_complete_run(capsys: pytest.CaptureFixture[str]) -> None:
    """A finished run is 0, prints its score as JSON, and nothing but JSON on standard output."""
    write_rows(Path("data.jsonl"), [row("a"), row("b")])
    with FakeEndpoint() as fake:
        arguments = ["-s", fake.address("m"), "-g", fake.address("judge"), "--json"]
        assert main(["run", "healthbench", "--data", "data.jsonl", *arguments]) == 0
    score = json.loads(capsys.readouterr().out)
    assert score.keys() == SCORE
    assert (score["status"], score["coverage"]) == ("done", 1.0)
    assert any("not the pinned release" in sentence for sentence in score["departures"])


@pytest.mark.parametrize("error", [KeyboardInterrupt, typer.Abort])
def test_exit_code_130_for_an_interrupt(
    error: type[BaseException],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C is a word on standard error, not a traceback."""

    def interrupted(*_: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("preceptor.store.Store", interrupted)
    assert main(["runs"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_an_operating_systems_error_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, say: exit code 2 with the file and the reason."""

    def full(*_: object, **options: object) -> None:
        raise OSError(28, "No space left on device", "somewhere")

    monkeypatch.setattr("preceptor.store.Store", full)
    assert main(["runs"]) == 2
    assert capsys.readouterr().err == "error: somewhere: No space left on device\n"


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("arguments", ["runs", "score --all", "score --all --json", "--help"])
def test_a_broken_pipe_is_no_error(arguments: str) -> None:
    """`preceptor runs | head -0`: whoever read has gone, and that is all right."""
    with Child(*arguments.split()) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()
    assert (process.returncode, said) == (0, "")


def test_the_program_can_be_run_as_a_module() -> None:
    """`python -m preceptor` is the program, with its exit codes."""
    done = subprocess.run(
        [sys.executable, "-m", "preceptor", "score"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: score")
