"""A suite: one ordinary run for each benchmark of a group, checked first, capped, gone on with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import preceptor
from data_fixtures import write_rows
from outside_package import MODULE, installed
from preceptor import api, benchmarks, cli
from preceptor.benchmarks import groups
from preceptor.benchmarks.groups import GROUPS, group
from preceptor.errors import DataError, InputError, Unavailable, UnknownName
from preceptor.reports.score import remarks, said_once
from preceptor.testing import FakeEndpoint

pytestmark = pytest.mark.usefixtures("bare")

DOCS = Path(__file__).parent.parent / "docs"
OTHER_SPLITS = {"liveclin-demo", "medec-validation", "ncer-ncbi-abstracts", "sdoh-synthetic"}
#: Those that are never asked here, or ask graders alone.
APART = {"chi-bench", "craft-md-experts", "vera-mh-rated"}
NAMES = ("made-up-exam", "made-up-examen", "made-up-ward")


def exam_row(name: str, *tags: str) -> dict[str, Any]:
    return {
        "id": name,
        "question": f"made-up question {name}",
        "options": ["this one", "that one"],
        "answer": "A",
        "tags": tags,
    }


WARD = {
    "id": "w1",
    "messages": [{"role": "user", "content": "made-up request"}],
    "rubric": [{"text": "made-up criterion", "points": 3}],
}
ROWS = {
    "made-up-exam": [exam_row("e1", "language:en"), exam_row("e2", "language:fr")],
    "made-up-examen": [exam_row("x1"), exam_row("x2")],
    "made-up-ward": [WARD],
}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the data of three made-up benchmarks, which are the group of notes here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PRECEPTOR_STORE", raising=False)
    folder = tmp_path / "data"
    for name, rows in ROWS.items():
        (folder / name).mkdir(parents=True)
        write_rows(folder / name / "rows.jsonl", rows)
    (tmp_path / "suite_systems.py").write_text(
        'def first(messages):\n    return "The answer is A."\n', "utf-8"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(groups._NAMED, "notes", NAMES)
    with installed(monkeypatch, tmp_path / "site", {"made_up_benchmarks.py": MODULE}):
        yield folder


def suite(data: Path, fake: FakeEndpoint, **options: Any) -> api.Suite:
    return preceptor.suite(
        "notes",
        **{
            "system": fake.address("m"),
            "grader": fake.address("judge"),
            "grader_template": "preceptor",
            "data": data,
            "name": "mine",
            **options,
        },
    )


def words(data: Path, fake: FakeEndpoint, *more: str) -> list[str]:
    """On the command line, with a system that says A to everything."""
    grader = fake.address("judge")
    asked = ["--system", "python:suite_systems:first", "--grader", grader]
    return ["suite", "run", "notes", *asked, "--data", str(data), "--name", "mine", *more]


def questions(fake: FakeEndpoint) -> int:
    return sum(call.payload["model"] == "m" for call in fake.log)


# The runs


def test_each_benchmark_is_an_ordinary_run(data: Path, fake: FakeEndpoint) -> None:
    """Named SUITE/BENCHMARK, with the grader where anything is judged and nobody elsewhere."""
    done = suite(data, fake)
    assert done.outcome.status == "done"
    assert done.skipped == {}
    assert [run.info.name for run in done.runs] == [f"mine/{name}" for name in NAMES]
    assert [run.info.benchmark for run in done.runs] == list(NAMES)
    exam, _, ward = (run.result() for run in done.runs)
    assert ward.info.grader == fake.address("judge")
    assert exam.info.grader != ward.info.grader
    assert exam.verdicts == 0
    assert ward.verdicts == 1
    assert api.load("mine/made-up-ward").info.status == "done"
    assert [each["benchmark"] for each in done.score()] == list(NAMES)


def test_a_suite_is_gone_on_with(data: Path, fake: FakeEndpoint) -> None:
    """What is done is skipped, and nothing is asked twice; other settings need another name."""
    suite(data, fake)
    asked, said = questions(fake), list[str]()
    again = suite(data, fake, tell=said.append)
    assert again.outcome.status == "done"
    assert questions(fake) == asked == 5
    assert said == [f"mine/{n} ({k} of 3): skipped, is done" for k, n in enumerate(NAMES, 1)]
    with pytest.raises(InputError, match="run mine/made-up-exam: exists with another limit"):
        suite(data, fake, limit=1)


def test_a_cap_is_for_all_runs_together(data: Path, fake: FakeEndpoint) -> None:
    """It stops the suite, and the same suite with a higher one asks what was not asked."""
    stopped = suite(data, fake, max_total_tokens=20)
    assert stopped.outcome.status == "incomplete"
    assert 0 < len(stopped.runs) < 3
    first = questions(fake)
    done = suite(data, fake, max_total_tokens=10**9)
    assert done.outcome.status == "done"
    assert first == 0  # no call is likely to fit
    assert questions(fake) == 5


def test_a_suite_is_estimated_as_a_whole(
    data: Path, fake: FakeEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each benchmark, a sum, the cap set against that; nothing asked or written."""
    system = ["--system", fake.address("m"), "-p", "price=1/2", "-P", "price=1/2"]
    asked = [*words(data, fake, "--max-cost", "0.001", "--dry-run"), *system]
    (data / "made-up-examen" / "rows.jsonl").unlink()
    assert cli.main(asked) == 0
    out, said = capsys.readouterr()
    table = [line.split("│")[1:-1] for line in out.splitlines() if line.startswith("│")]
    rows = {cells[0].strip(): [cell.strip() for cell in cells[1:4]] for cells in table}
    assert rows["made-up-exam"] == ["2", "2", "–"]
    assert rows["made-up-ward"] == ["1", "1", "1"]
    assert rows["all"][0] == "3"
    assert len(re.findall(r"The cap of \$0\.001", said)) == 1
    assert "skipped made-up-examen: its data is not on this machine" in said
    assert not fake.log
    assert not Path("preceptor.db").exists()
    assert cli.main([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["group", "benchmarks", "skipped"]
    assert [each["benchmark"] for each in found["benchmarks"]] == [NAMES[0], NAMES[2]]
    assert [each["caps"] for each in found["benchmarks"]] == [[], []]


def test_benchmarks_without_data_are_skipped(
    data: Path, fake: FakeEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are named with what to do, and the exit code is 1; once it is there they are added."""
    away = data.parent / "away.jsonl"
    rows = data / "made-up-examen" / "rows.jsonl"
    rows.rename(away)
    assert cli.main(words(data, fake)) == 1
    said = capsys.readouterr().err
    assert "skipped made-up-examen: its data is not on this machine: get it from" in said
    assert "incomplete (1 of 3 benchmarks were skipped: their data is missing)" in said
    assert "go on with: preceptor suite run notes" in said
    assert [run.info.benchmark for run in api.runs()] == [NAMES[0], NAMES[2]]
    away.rename(rows)
    assert cli.main(words(data, fake)) == 0
    assert {run.info.name for run in api.runs()} == {f"mine/{name}" for name in NAMES}


def test_nothing_is_begun_where_anything_is_wrong(data: Path, fake: FakeEndpoint) -> None:
    """A malformed row of the last benchmark is found before the first question."""
    write_rows(data / "made-up-ward" / "rows.jsonl", [WARD | {"rubric": []}])
    with pytest.raises(DataError, match=r"made-up-ward/rows\.jsonl:1: rubric"):
        suite(data, fake)
    assert questions(fake) == 0
    assert not Path("preceptor.db").exists()


def test_the_benchmark_without_its_judge_is_named(
    data: Path, fake: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --grader and without the key of the reference grader, it says whose judge that is."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    said = "made-up-ward needs a grader: openai/gpt-x: no key: .*, or name one with --grader"
    with pytest.raises(Unavailable, match=said):
        suite(data, fake, grader=None)
    assert questions(fake) == 0


def test_what_cannot_be_a_suite(data: Path, fake: FakeEndpoint) -> None:
    """No such group, no folder, no data at all, a name that is a pattern."""
    with pytest.raises(UnknownName, match="expected one of exams, open, safety"):
        api.suite("everything", system=fake.address("m"))
    with pytest.raises(InputError, match="expected a folder with the data of many"):
        suite(data / "made-up-exam" / "rows.jsonl", fake)
    with pytest.raises(Unavailable, match="the data of all 3 benchmarks is missing"):
        suite(data / "made-up-exam", fake)
    with pytest.raises(InputError, match="--name 'a\\*'"):
        suite(data, fake, name="a*")
    suite(data, fake, name="other")
    with pytest.raises(UnknownName, match="suite 'mine': has no runs"):
        api.load_suite("mine")


def test_suites_without_a_name_are_numbered(data: Path, fake: FakeEndpoint) -> None:
    """Each is a new one."""
    assert suite(data, fake, name=None).name == "suite-notes-m-1"
    assert suite(data, fake, name=None).name == "suite-notes-m-2"


# What is printed and written


def test_the_tables_are_printed(
    data: Path, fake: FakeEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    """All benchmarks, then those that are not in English alone by language."""
    assert cli.main(words(data, fake)) == 0
    said = capsys.readouterr()
    over_all, by_language = said.out.split("By language")
    assert re.search(r"made-up-exam +│ Overall score +│ +100\.0 │", over_all)
    assert "made-up-ward" in over_all
    assert re.search(r"benchmark +┃ +en ┃ +es ┃ +fr", by_language)
    assert re.search(r"made-up-examen │ +│ 100\.0 \(n 2\) │", by_language)
    assert "made-up-ward" not in by_language
    assert "done; see it with: preceptor suite report mine -o report" in said.err


def test_json_has_the_documented_keys(
    data: Path, fake: FakeEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of docs/suite.md; the runs as `score --json` prints them."""
    assert cli.main(words(data, fake, "--json")) == 0
    printed = json.loads(capsys.readouterr().out)
    page = (DOCS / "suite.md").read_text("utf-8").partition("<!-- keys: suite -->")[2]
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(printed)
    assert cli.main(["score", "mine/made-up-ward", "--json"]) == 0
    assert printed["runs"][2] == json.loads(capsys.readouterr().out)
    exam, examen = (printed["languages"][name] for name in NAMES[:2])
    assert {name: metric["n"] for name, metric in exam.items()} == {"en": 1, "fr": 1}
    assert {name: metric["n"] for name, metric in examen.items()} == {"es": 2}
    assert printed["languages"]["made-up-ward"] == {}


class Cells(HTMLParser):
    """The links of a page, and its rows as lists of texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "a" and not str(found["href"]).startswith("#"):
            self.links.append(str(found["href"]))
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"} and self.rows:
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1] and data.strip():
            self.rows[-1][-1] = f"{self.rows[-1][-1]} {data.strip()}".strip()


def test_the_report_is_a_page_over_all_and_one_for_each(
    data: Path, fake: FakeEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first links to the others; with --share none has a text of the examples."""
    assert cli.main(words(data, fake)) == 0
    assert cli.main(["suite", "report", "mine", "-o", "pages"]) == 0
    assert capsys.readouterr().out.endswith("pages/index.html\n")
    written = {path.name: path.read_text("utf-8") for path in Path("pages").iterdir()}
    page = Cells(written["index.html"])
    assert page.links == [f"{name}.html" for name in NAMES]
    assert set(written) == {"index.html", *page.links}
    assert [re.sub(r" \d remarks?$", "", row[0]) for row in page.rows] == [
        "Benchmark",
        "The made-up-exam Overall score",
        "The made-up-examen Overall score",
        "The ward Overall score",
        "Benchmark",
        "The made-up-exam",
        "The made-up-examen",
    ]
    assert page.rows[1][2].startswith("100.0")
    assert "the reference grader is openai/gpt-x" in written["index.html"]
    assert page.rows[4] == ["Benchmark", "en", "es", "fr"]
    assert page.rows[6][1] == ""
    assert page.rows[6][2].startswith("100.0")
    assert "made-up request" not in written["index.html"]
    assert cli.main(["suite", "report", "mine", "-o", "shared", "--share"]) == 0
    shared = "".join(path.read_text("utf-8") for path in Path("shared").iterdir())
    for text in ("made-up request", "made-up question", "made-up criterion", "The answer is A"):
        assert text not in shared


def test_a_remark_is_said_once_with_its_benchmarks() -> None:
    """What is true of all runs comes first, without names."""
    said = {"a": ["of a and b", "of all"], "b": ["of all", "of a and b"], "c": ["of all", "of c"]}
    assert said_once(said) == [("of all", []), ("of a and b", ["a", "b"]), ("of c", ["c"])]
    assert remarks(said) == ["of all", "a, b: of a and b", "c: of c"]


def test_the_suite_has_a_name_of_the_authors_for_its_system(
    data: Path, fake: FakeEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    """On every page; the share of answers read has a column of its own."""
    assert cli.main(words(data, fake)) == 0
    label = "python:suite_systems:first=Assistant A"
    assert cli.main(["suite", "report", "mine", "-o", "pages", "--label", label]) == 0
    for page in Path("pages").iterdir():
        assert "Assistant A" in page.read_text("utf-8")
    rows = Cells(Path("pages/index.html").read_text("utf-8")).rows
    assert (rows[0][-1], rows[1][-1], rows[3][-1][0]) == ("Read", "100 %", "–")


def test_the_report_says_what_was_skipped(data: Path, fake: FakeEndpoint) -> None:
    """Written from the suite itself, it names benchmarks that have no page."""
    (data / "made-up-exam" / "rows.jsonl").unlink()
    page = suite(data, fake).report("pages").read_text("utf-8")
    assert "made-up-exam was not run: its data is not on this machine" in page
    assert not Path("pages", "made-up-exam.html").exists()


def test_a_report_needs_a_place(data: Path, fake: FakeEndpoint) -> None:
    """A file where the folder should be is an error of one line."""
    Path("taken").touch()
    with pytest.raises(InputError, match="taken: cannot be made: File exists"):
        suite(data, fake).report("taken")


# The groups


def test_every_benchmark_is_in_a_group() -> None:
    """But those for learning, another split, another way to ask, importing, or graders."""
    parts = ("all", "agents", "patients", "images", "brought", "retrieval", "trials")
    chosen = {benchmark.name: benchmark for part in parts for benchmark in group(part)}
    for benchmark in benchmarks.all_benchmarks():
        out = benchmark.contained is not None or benchmark.name in OTHER_SPLITS | APART
        again = any(
            (benchmark.folder == other.folder and benchmark.n_examples == other.n_examples)
            or (benchmark.cases is not None and benchmark.cases == other.cases)
            for other in chosen.values()
        )
        assert benchmark.name in chosen or out or again, benchmark.name


def test_groups_are_those_documented() -> None:
    """docs/suite.md lists the benchmarks of each; languages are those not in English alone."""
    page = (DOCS / "suite.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (`[^;\n]*`)(?:;.*)? \|$", page, re.MULTILINE))
    assert (*rows, "languages", "all") == GROUPS
    for name, listed in rows.items():
        assert re.findall(r"`([^`]+)`", listed) == [each.name for each in group(name)]
    languages = group("languages")
    assert {"xmedbench", "rumedbench", "cmb-clin"} <= {each.name for each in languages}
    assert all(each.languages != ("en",) for each in languages)
