"""Writes docs/systems-table.md, what of each published system works here, from systems_table.toml.

Links, what was verified and what a user brings are those of the cards of benchmarks. A name that is
no benchmark, no command or no option of one, and a proof that is no file, end it with an error.

python docs/generate_systems.py            write the page
python docs/generate_systems.py --check    exit with 1 if the page is stale
"""

from __future__ import annotations

import functools
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer.main

from preceptor.benchmarks import all_benchmarks
from preceptor.benchmarks.outside import outside
from preceptor.cli.app import app
from preceptor.reports.benchmark_card import BenchmarkCard, card_of

DOCS = Path(__file__).parent
DATA = DOCS / "systems_table.toml"
PAGE = DOCS / "systems-table.md"
_KEYS = {"name", "about", "benchmarks", "methods", "other", "lacks", "brings"}

HEAD = """\
# Published systems

<!-- Written by docs/generate_systems.py from systems_table.toml. Do not edit. -->

Find a published benchmark, method or model of health AI, and what of it works here.

{counts}

- **A name of a benchmark** links to its card; `preceptor run NAME` asks it. **A command** links to
  the page that describes it.
- **On other data**: the method works, on data of yours or of another benchmark and not on the
  system's own.
- **Not here** also says what is left out where the rest works.
- **Verified on** is what was computed again from real files, or else on made-up rows.
- **You bring**: where nothing stands, `preceptor fetch NAME` gets the data, or the package has it.

| system | what it is | works here | not here | verified on | you bring |
|---|---|---|---|---|---|
"""


class Wrong(ValueError):
    """The table names what is not there."""


@functools.cache
def cards() -> dict[str, BenchmarkCard]:
    """Those of this package, by name."""
    others = {benchmark.name for benchmark in outside(())}
    return {each.name: card_of(each) for each in all_benchmarks() if each.name not in others}


@functools.cache
def program() -> Any:
    """The command line, which takes a second to put together."""
    return typer.main.get_command(app)


def page(said: Mapping[str, Any] | None = None) -> str:
    """The whole page. Raises Wrong."""
    if said is None:
        said = tomllib.loads(DATA.read_text("utf-8"))
    methods, systems = said["methods"], said["system"]
    for name, method in methods.items():
        _check_method(name, method)
    names = [system["name"] for system in systems]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Wrong(f"twice in the table: {', '.join(twice)}")
    rows = [_row(system, methods) for system in sorted(systems, key=lambda s: s["name"].lower())]
    return HEAD.format(counts=_counts(systems)) + "\n".join(rows) + "\n"


def _counts(systems: Iterable[Mapping[str, Any]]) -> str:
    kinds = [_kind(system) for system in systems]
    own, other, none = (kinds.count(kind) for kind in ("own", "other", "none"))
    return (
        f"Of {len(kinds)} systems {own} work on their own data, in whole or in part; of {other} "
        f"the method works on other data; {none} are not here."
    )


def _kind(system: Mapping[str, Any]) -> str:
    if not system.get("benchmarks") and not system.get("methods"):
        return "none"
    return "other" if system.get("other") else "own"


def _check_method(name: str, method: Mapping[str, str]) -> None:
    """Its command and options are the program's; its page and proof are files."""
    for file in (DOCS / method["page"], DOCS.parent / method["proof"]):
        if not file.is_file():
            raise Wrong(f"methods.{name}: no such file: {file.name}")
    command = program()
    words = method["command"].split()
    while words and hasattr(command, "commands"):
        word = words.pop(0)
        if word not in command.commands:
            raise Wrong(f"methods.{name}: no such command: {method['command']}")
        command = command.commands[word]
    known = {option for each in command.params for option in each.opts}
    kinds = " ".join(each.help or "" for each in command.params if each.param_type_name != "option")
    for word in words:
        if word.startswith("--") and word not in known:
            raise Wrong(f"methods.{name}: no such option: {method['command']}")
        if (
            word == words[0]
            and word.isalpha()
            and word.islower()
            and word not in re.findall(r"[\w-]+", kinds)
        ):
            # The argument of `import`, whose help names all kinds of files.
            raise Wrong(f"methods.{name}: no such command: {method['command']}")


def _row(system: Mapping[str, Any], methods: Mapping[str, Mapping[str, str]]) -> str:
    name = system["name"]
    if unknown := sorted(set(system) - _KEYS):
        raise Wrong(f"{name}: no such key: {', '.join(unknown)}")
    own, used = system.get("benchmarks", []), system.get("methods", [])
    for each in own:
        if each not in cards():
            raise Wrong(f"{name}: no such benchmark: {each}")
    for each in used:
        if each not in methods:
            raise Wrong(f"{name}: no such method: {each}")
    ways = [f"[{each}](benchmarks/{each}.md)" for each in own]
    ways += [f"[`{methods[each]['command']}`]({methods[each]['page']})" for each in used]
    works = ", ".join(ways) if ways else "–"
    if system.get("other"):
        works += "; on other data"
    lacks = system.get("lacks", "")
    if not ways:
        lacks = f"not here{f': {lacks}' if lacks else ''}"
    verified = [cards()[each].verified for each in own]
    verified += [methods[each]["verified"] for each in used]
    brings = system.get("brings") or "; ".join(_brought(own, used, methods))
    cells = (name, system["about"], works, lacks, _unique(verified), brings)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _brought(
    own: Iterable[str], used: Iterable[str], methods: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    """What cards and methods say that a user brings, each once."""
    said = [cards()[each].brings for each in own]
    said += [methods[each].get("brings") for each in used]
    yield from dict.fromkeys(filter(None, said))


def _unique(sentences: Iterable[str | None]) -> str:
    return " ".join(dict.fromkeys(filter(None, sentences)))


def main() -> int:
    made = page()
    if sys.argv[1:] == ["--check"]:
        if PAGE.exists() and PAGE.read_text("utf-8") == made:
            return 0
        print(
            "docs/systems-table.md is stale: run python docs/generate_systems.py", file=sys.stderr
        )
        return 1
    PAGE.write_text(made, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
