"""Cards of benchmarks: complete, the same everywhere, and valid Croissant."""

from __future__ import annotations

import importlib.util
import json
import logging
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import mlcroissant
import msgspec
import pytest

from preceptor import benchmarks, cli
from preceptor.files import file_sha256
from preceptor.reports.benchmark_card import BenchmarkCard, card_markdown, card_of
from preceptor.reports.croissant import croissant

DOCS = Path(__file__).parent.parent / "docs"
NAMES = [benchmark.name for benchmark in benchmarks.all_benchmarks()]


def generator(name: str = "generate_cards") -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_are_up_to_date() -> None:
    """docs/benchmarks has what docs/generate_cards.py writes today, and nothing else."""
    assert generator().stale() == [], "stale: run python docs/generate_cards.py"


def test_the_table_of_systems_is_up_to_date_and_names_what_is_there() -> None:
    """It has 138 systems, as the program and the cards are today; a wrong name ends it."""
    table = generator("generate_systems")
    made = table.page()
    assert (DOCS / "systems-table.md").read_text("utf-8") == made, "run docs/generate_systems.py"
    rows = [line.split(" | ") for line in made.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 138
    assert {len(row) for row in rows} == {6}
    for name, about, works, lacks, verified, _ in rows:
        assert about, name
        assert bool(verified) == (works != "–"), name
        assert lacks.startswith("not here") == (works == "–"), name
    said = tomllib.loads((DOCS / "systems_table.toml").read_text("utf-8"))
    first, method = said["system"][0], said["methods"]["cases"]
    for wrong, expected in (
        ({"system": [{**first, "benchmarks": ["medqua"]}]}, "no such benchmark: medqua"),
        ({"system": [{**first, "methods": ["magic"]}]}, "no such method: magic"),
        ({"system": [first, first]}, "twice in the table"),
        ({"methods": {"cases": {**method, "command": "import casus F"}}}, "no such command"),
        ({"methods": {"cases": {**method, "command": "import cases --all"}}}, "no such option"),
        ({"methods": {"cases": {**method, "proof": "tests/test_none.py"}}}, "no such file"),
    ):
        with pytest.raises(table.Wrong, match=expected):
            table.page({**said, **wrong})


@pytest.mark.parametrize("name", NAMES)
def test_every_card_says_what_a_reader_needs(name: str) -> None:
    """What it measures, licence, size, languages, protocol, source, and what was verified here."""
    benchmark = benchmarks.get(name)
    card = card_of(benchmark)
    assert card.licence
    assert card.examples > 0 or card.own
    assert card.languages
    assert card.citation
    assert card.protocol_summary.endswith(".")
    if benchmark.contained is None:
        assert card.home
        assert card.measures
        assert card.verified
        assert benchmark.sources or card.brings or not benchmark.url
    for text in filter(None, [card.measures, card.verified, card.caution, *card.faults]):
        assert text[0] == text[0].upper()
        assert text.endswith("."), text


def test_a_card_is_printed_in_three_forms(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the terminal, as JSON with the same facts, and in a file."""
    assert cli.main(["card", "healthbench"]) == 0
    said = capsys.readouterr().out
    assert "HealthBench" in said
    assert "5,000, with 57,237 criteria" in said
    assert "by default openai/gpt-4.1-2025-04-14" in said
    assert cli.main(["card", "healthbench", "--json"]) == 0
    card = msgspec.json.decode(capsys.readouterr().out, type=BenchmarkCard)
    assert card == card_of(benchmarks.get("healthbench"))
    at = tmp_path / "card.md"
    assert cli.main(["card", "healthbench", "-o", str(at)]) == 0
    assert at.read_text("utf-8") == card_markdown(card)
    assert cli.main(["card", "healthbench", "--json", "-o", str(at)]) == 0
    assert msgspec.json.decode(at.read_bytes(), type=BenchmarkCard) == card


def test_texts_with_a_bar_stay_in_their_cell() -> None:
    """A licence or a label may have the sign that divides cells of Markdown."""
    card = msgspec.structs.replace(
        card_of(benchmarks.get("starter")), licence="a | b", metrics={"x": "y | z"}
    )
    page = card_markdown(card)
    assert "| Licence | a \\| b |" in page
    assert "| `x` | y \\| z |" in page


# What the library is built on warns of its own older names.
@pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib.*", "ignore:ConjunctiveGraph")
@pytest.mark.parametrize("name", NAMES)
def test_croissant_is_valid(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """MLCommons' own library reads it without an error, with every file, its hash and its home."""
    caplog.set_level(logging.CRITICAL)
    benchmark = benchmarks.get(name)
    made: dict[str, Any] = croissant(benchmark)
    read = mlcroissant.Dataset(jsonld=json.loads(json.dumps(made))).metadata
    assert read.issues.errors == set()
    assert read.name == name
    expected = {source.filename: source.sha256 for source in benchmark.sources}
    if benchmark.contained is not None:
        expected = {benchmark.contained: file_sha256(benchmark.path())}
    assert {each.name: each.sha256 for each in read.distribution} == expected
    assert all(
        each.content_url.startswith("https://") or benchmark.contained for each in read.distribution
    )


def test_croissant_leaves_out_what_is_not_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No licence is not the licence "none stated"; a known one is a link."""
    silent = msgspec.structs.replace(benchmarks.get("starter"), licence="none stated")
    assert "license" not in croissant(silent)
    at = tmp_path / "croissant.json"
    assert cli.main(["card", "healthbench", "--format", "croissant", "-o", str(at)]) == 0
    made = json.loads(at.read_text("utf-8"))
    assert made["license"] == "https://spdx.org/licenses/MIT.html"
    [file] = made["distribution"]
    assert "/resolve/" in file["contentUrl"]
    assert file["encodingFormat"] == "application/jsonlines"
    capsys.readouterr()
    assert cli.main(["card", "healthbench", "--format", "pdf"]) == 2
    assert "expected markdown, croissant or datasheet, found 'pdf'" in capsys.readouterr().err
