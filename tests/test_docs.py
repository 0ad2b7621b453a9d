"""The reference pages of docs/ say what is: columns, keys, queries, reasons, commands, names."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

import preceptor
from preceptor import cli
from preceptor.analysis import efficiency, paired
from preceptor.analysis.comparison import Comparison, Contrast, SideSummary
from preceptor.analysis.estimating import SampleEstimate
from preceptor.analysis.length import Lengths, SideLength
from preceptor.analysis.planning import PowerPlan
from preceptor.analysis.reliability import Reliability
from preceptor.errors import InputError
from preceptor.graders.base import Case
from preceptor.statistics.win_rates import WinRate
from preceptor.store.schema import metadata
from preceptor.systems import ADDRESSES, Parameters

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
EXAMPLES = DOCS / "examples"

JUDGES = """\
def strict(messages):
    return '{"criteria_met": false, "explanation": "strict"}'

def kind(messages):
    if "[-" in messages[-1]["content"]:
        return "I would rather not say."
    return '{"criteria_met": true, "explanation": "kind"}'
"""


def text_of(page: str) -> str:
    return (DOCS / page).read_text("utf-8")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two runs of one system by two graders, one of which fails at every negative criterion."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "docs_judges.py").write_text(JUDGES, "utf-8")
    sys.path.insert(0, str(folder))
    path = folder / "preceptor.db"
    try:
        for judge in ("strict", "kind"):
            preceptor.run(
                "starter",
                system="physician",
                grader=f"python:docs_judges:{judge}",
                grader_template="preceptor",
                limit=4,
                store=path,
            )
        yield path
    finally:
        sys.path.remove(str(folder))


# The store


def test_every_column_of_every_table_is_described() -> None:
    """docs/store.md has a section for each table, with exactly its columns."""
    page = text_of("store.md").partition("## Tables")[2].partition("## Views")[0]
    sections = {s.split("\n", 1)[0].strip(): s for s in page.split("### ")[1:]}
    assert set(sections) == set(metadata.tables)
    for name, table in metadata.tables.items():
        assert first_cells(sections[name]) == [column.name for column in table.columns], name


def test_every_column_of_every_view_is_described(store: Path) -> None:
    """The views criteria and graded have the columns that docs/store.md lists."""
    page = text_of("store.md").partition("## Views")[2].partition("## Five queries")[0]
    tables = {part[0]: first_cells(part) for part in split_views(page)}
    with sqlite3.connect(store) as connection:
        for view, columns in (("criteria", tables["c"]), ("graded", tables["g"])):
            found = connection.execute(f"SELECT * FROM {view}")
            assert [column[0] for column in found.description] == columns
    connection.close()


def split_views(page: str) -> list[str]:
    return [part.lstrip("`") for part in re.split(r"^(?=`\w+`:)", page, flags=re.MULTILINE)[1:]]


@pytest.mark.parametrize("number", range(5))
def test_each_query_of_the_page_finds_something(number: int, store: Path) -> None:
    """The five queries run as they stand, on a store with two runs, and return rows."""
    queries = re.findall(r"^```sql\n(.*?)^```$", text_of("store.md"), re.MULTILINE | re.DOTALL)
    assert len(queries) == 5
    connection = sqlite3.connect(store)
    try:
        assert connection.execute(queries[number]).fetchall()
    finally:
        connection.close()


def test_the_query_for_scores_gives_the_scores(store: Path) -> None:
    """The mean of the SQL query for scores is the run's unclipped mean."""
    queries = re.findall(r"^```sql\n(.*?)^```$", text_of("store.md"), re.MULTILINE | re.DOTALL)
    query = next(query for query in queries if "AS score" in query)
    connection = sqlite3.connect(store)
    try:
        scores = [row[2] for row in connection.execute(query)]
    finally:
        connection.close()
    metric = preceptor.load("starter-physician-1", store=store).score()["metrics"]["overall_score"]
    assert metric["n"] == len(scores) == 4
    assert metric["raw_mean"] == pytest.approx(sum(scores) / len(scores))


# JSON


def test_keys_of_json_output_are_those_documented(
    store: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Each table of docs/score-json.md has exactly the keys that the command prints, in order."""

    def printed(*arguments: str) -> Any:
        assert cli.main([*arguments, "--json"]) == 0
        return msgspec.json.decode(capsys.readouterr().out)

    at = ("--store", str(store))
    score, show = printed("score", "latest", *at), printed("show", "latest", *at)
    new = ("--benchmark", "healthbench", "--store", str(tmp_path / "new.db"))
    real = {
        "score": score,
        "metric": score["metrics"]["overall_score"],
        "spending": score["spending"],
        "bill": score["spending"]["graders"][0],
        "runs": printed("runs", *at)[0],
        "show": show,
        "usage": show["system_usage"],
        "settings": show["settings"],
        "list benchmarks": printed("list", "benchmarks")[0],
        "list models": printed("list", "models")[0],
        "import": printed("import", "graded", str(EXAMPLES / "graded-with-rubrics.jsonl"), *new)[0],
    }
    parts = re.split(r"^<!-- keys: ([\w ]+) -->$", text_of("score-json.md"), flags=re.MULTILINE)
    described = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert set(described) == set(real)
    for name, section in described.items():
        assert first_cells(section) == list(real[name]), name


def test_keys_of_claims_are_those_documented() -> None:
    """Each table of docs/comparing.md has exactly the fields of what is printed, in order."""
    real = {
        "compare": Comparison,
        "side": SideSummary,
        "contrast": Contrast,
        "difference": paired.SliceDifference,
        "tests": paired.Tests,
        "win_rate": WinRate,
        "reliability": Reliability,
        "length": Lengths,
        "length side": SideLength,
        "efficiency": efficiency.Efficiency,
        "efficiency side": efficiency.SideEfficiency,
        "taken": efficiency.Taken,
        "ratio": efficiency.Ratio,
        "power": PowerPlan,
        "estimate": SampleEstimate,
    }
    parts = re.split(r"^<!-- keys: ([\w ]+) -->$", text_of("comparing.md"), flags=re.MULTILINE)
    described = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert set(described) == set(real)
    for name, section in described.items():
        assert first_cells(section) == list(real[name].__struct_fields__), name


# Graders and systems


def test_every_reason_of_the_code_is_explained() -> None:
    """Each kind of failure that the source names is in the tables of docs/graders.md."""
    source = "".join(
        path.read_text("utf-8")
        for room in ("engine", "graders", "systems", "bridges")
        for path in (ROOT / "src" / "preceptor" / room).glob("*.py")
    )
    kinds = set(re.findall(r"_Transient\(\s*\"(\w+)\"", source))
    kinds |= set(re.findall(r"EndpointError\(\s*\"(\w+)\"", source))
    kinds |= set(re.findall(r"reason=\"(\w+)\"", source))
    kinds |= {"empty", "cut_off", "unparseable", "refusal", "content_filter", "not_given"}
    page = text_of("graders.md")
    assert {kind for kind in kinds if f"`{kind}`" not in page} == set()


def test_every_parameter_and_address_is_described() -> None:
    """docs/systems.md has each key of --system-param and each form of an address."""
    page = text_of("systems.md")
    described = first_cells(page.partition("## Parameters\n")[2])
    assert described == list(Parameters.__struct_fields__)
    for form in ADDRESSES:
        beginning = re.split(r"[A-Z\[./]", form)[0]
        assert f"`{beginning}" in page, form


# Importing


def test_the_example_files_are_what_the_importers_read(tmp_path: Path) -> None:
    """Every file that docs/importing.md and docs/systems.md show is read without a complaint."""
    at = ["--store", str(tmp_path / "preceptor.db")]
    files = {
        "graded-by-id.jsonl": ["import", "graded", "--benchmark", "starter"],
        "graded-with-rubrics.jsonl": ["import", "graded", "--benchmark", "healthbench"],
        "healthbench_my-model_allresults.json": ["import", "simple-evals"],
    }
    for name, command in files.items():
        assert cli.main([*command, *at, str(EXAMPLES / name)]) == 0
    scores = {run.info.name: run.score() for run in preceptor.runs(store=tmp_path / "preceptor.db")}
    assert set(scores) == {"graded-by-id", "pilot-a", "pilot-b", "healthbench_my-model"}
    assert scores["pilot-b"]["metrics"]["overall_score"]["value"] == pytest.approx((1 / 7 + 1) / 2)
    assert scores["graded-by-id"]["ungraded"] == {"not_sure": 1}
    pages = (
        "importing.md",
        "systems.md",
        "audit.md",
        "reading.md",
        "outcomes.md",
        "baselines.md",
        "predict.md",
    )
    shown = "".join(map(text_of, pages))
    for path in EXAMPLES.iterdir():
        assert f"examples/{path.name}" in shown


def test_recorded_answers_of_the_page_can_be_replayed(tmp_path: Path) -> None:
    """docs/examples/answers.jsonl is read as a system; its two answers are there."""
    run = preceptor.run(
        "starter",
        system=f"replay:{EXAMPLES / 'answers.jsonl'}",
        grader="python:json:dumps",
        store=tmp_path / "preceptor.db",
        min_coverage=0,
    )
    answered = [g for g in run.result().graded if g.response and g.response.failure is None]
    assert len(answered) == 2


# Names


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_cli", DOCS / "generate_cli.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_command_line_reference_is_up_to_date() -> None:
    """docs/cli.md is what docs/generate_cli.py writes today."""
    message = "docs/cli.md is stale: run python docs/generate_cli.py"
    assert text_of("cli.md") == generator().page(), message


def test_every_command_and_option_has_a_help_text() -> None:
    """A command, argument or option without words would be an empty cell in the reference."""
    made = generator()
    root = made.typer.main.get_command(made.app)
    for path, command in made.leaves(root, ("preceptor",)):
        assert command.help, path
        for parameter in command.params:
            assert parameter.help, (path, parameter.name)


def test_every_public_name_is_in_the_reference() -> None:
    """docs/api.md documents exactly the names of preceptor.__all__."""
    described = set(re.findall(r"^\.\. \w+:: preceptor\.(\w+)$", text_of("api.md"), re.MULTILINE))
    assert described == set(preceptor.__all__)


def test_the_map_of_rooms_is_true() -> None:
    """CONTRIBUTING.md names every room, and each imports only what its row names, all above it."""
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rows = re.findall(r"^\| (`.*?) \| .*? \| (.*?) \|$", page, re.MULTILINE)
    allowed: dict[str, set[str]] = {}
    ground = set(re.findall(r"`(\w+)", rows[0][0]))
    for names, may in rows:
        above = set(allowed) | ground
        named = set(re.findall(r"`(\w+)", may)) | ground
        assert named <= above, f"{names} may import {named - above}, which is below it"
        own = set(re.findall(r"`(\w+?)(?:\.py|/)`", names))
        allowed |= dict.fromkeys(own, own | (above if may.startswith("everything") else named))
    package = ROOT / "src" / "preceptor"
    for path in package.rglob("*.py"):
        room = path.relative_to(package).parts[0].removesuffix(".py")
        assert room in allowed, f"{room} is not in the map of rooms of CONTRIBUTING.md"
        source = path.read_text("utf-8")
        used = set(re.findall(r"^\s*from preceptor\.(\w+)", source, re.MULTILINE))
        used |= set(re.findall(r"^\s*from preceptor import (\w+)", source, re.MULTILINE))
        assert used <= allowed[room], path


def test_the_rooms_of_the_studio_do_not_import_upward() -> None:
    """CONTRIBUTING.md lists them from the lowest, and only the command line imports the studio."""
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    line = re.search(r"^Inside `studio/`[^:]*: ([^.]*)\.$", page, re.MULTILINE)
    assert line is not None
    rooms = re.findall(r"`(\w+)`", line[1])
    package = ROOT / "src" / "preceptor"
    for path in package.rglob("*.py"):
        used = re.findall(
            r"^\s*from preceptor\.studio(?:\.| import )(\w+)", path.read_text("utf-8"), re.M
        )
        room, *inside = path.relative_to(package).parts
        if room != "studio":
            assert not used or room == "cli", path
        elif inside != ["__init__.py"]:
            own = inside[0].removesuffix(".py")
            assert own in rooms, f"{path} is in no room that CONTRIBUTING.md lists"
            assert set(used) <= set(rooms[: rooms.index(own) + 1]), path


@pytest.mark.parametrize("page", ["extending.md", "new-benchmark.md", "own-benchmark.md"])
def test_extensions_import_public_names_alone(page: str) -> None:
    """What a reader writes into a package of their own uses preceptor.extend and nothing else."""
    used = re.findall(r"^\s*(?:from|import) (preceptor[\w.]*)", text_of(page), re.MULTILINE)
    assert set(used) <= {"preceptor.extend"}


def test_the_extensions_of_the_page_work() -> None:
    """The benchmark, the system and the grader of docs/extending.md do what their words say."""
    blocks = re.findall(
        r"^```python\n(.*?)^```$", text_of("extending.md"), re.MULTILINE | re.DOTALL
    )
    made: dict[str, Any] = {}
    for block in blocks:
        exec(block, made)
    row = {
        "id": "a",
        "ward": "7B",
        "messages": [{"role": "user", "content": "YES"}],
        "rubric": [{"text": "Agrees.", "points": 3}],
    }
    (benchmark,) = made["BENCHMARKS"]
    example = benchmark.parse(made["Fields"](row, "tasks.jsonl", 1))
    assert example.tags == ("ward:7B",)
    parrot = made["Parrot"]("parrot", made["Parameters"]())
    said = asyncio.run(parrot.answer(made["Ask"](example.messages)))
    assert said.text == "YES"
    grader = made["OneWord"]("oneword:parrot", parrot)
    question = grader.question(Case(example.messages, {}, "a-run"), example.criteria[0])
    verdict = asyncio.run(grader.judge(question))
    assert (verdict.met, verdict.reason, verdict.attempts) == (None, "unparseable", 4)
    yes = msgspec.structs.replace(question, ask=made["Ask"](example.messages))
    assert asyncio.run(grader.judge(yes)).met is True


def test_a_wrong_row_of_ones_own_is_named(tmp_path: Path) -> None:
    """As docs/importing.md says: file, line and field, and no run is made."""
    rows = (EXAMPLES / "own-tasks.jsonl").read_text("utf-8").replace('"points": 4', '"points": 0')
    (tmp_path / "tasks.jsonl").write_text(rows, "utf-8")
    at = tmp_path / "preceptor.db"
    with pytest.raises(InputError, match=r"tasks\.jsonl:2: rubrics\[1\]\.points"):
        preceptor.run(
            "healthbench",
            data=tmp_path / "tasks.jsonl",
            system="physician",
            grader="python:json:dumps",
            store=at,
        )
    assert not at.exists() or not preceptor.runs(store=at)


def first_cells(text: str) -> list[str]:
    """The names in the first column of the first table in a text."""
    table = text[text.index("|---") :].split("\n\n", 1)[0]
    return re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
