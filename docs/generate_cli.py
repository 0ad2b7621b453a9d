"""Writes docs/cli.md, the command line reference, from the program itself.

python docs/generate_cli.py            write the page
python docs/generate_cli.py --check    exit with 1 if the page is stale
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from preceptor.cli.app import app

PAGE = Path(__file__).parent / "cli.md"

HEAD = """\
# Command line

<!-- Written by docs/generate_cli.py. Do not edit: run `python docs/generate_cli.py`. -->

Results go to standard output; progress, notes and errors go to standard error. An error is one
line: place, what was expected, what was found, what to do.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | finished, but incomplete: less than `--min-coverage` of the criteria is graded, no answer could be \
read, or a suite skipped a benchmark; for `lint`: there are faults |
| 2 | wrong usage or input, or something needed is missing |
| 130 | interrupted; `preceptor resume RUN` continues |

The first Ctrl-C (or SIGTERM) stops cleanly: calls under way are finished and kept. A second one
drops them.

| environment variable | what it does |
|---|---|
| `OPENAI_API_KEY` | the key for `openai/…` addresses |
| `OPENAI_BASE_URL` | another base URL for `openai/…` addresses |
| `PRECEPTOR_STORE` | the store, instead of `preceptor.db` in the current folder |
| `PRECEPTOR_PRICES` | your own [table of prices](cost.md#prices), instead of `prices.toml` in your settings |
| `PRECEPTOR_CACHE` | where fetched data, prompts and weights are kept |

Proxies are taken from `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`.
"""


def leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its full name."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, child in inner.items():
        yield from leaves(child, (*path, name))


def page() -> str:
    """The whole page."""
    root = typer.main.get_command(app)
    parts = [HEAD]
    parts += [section(path, command) for path, command in leaves(root, ("preceptor",))]
    return "\n".join(parts)


def section(path: tuple[str, ...], command: Any) -> str:
    """One command: what it does, how it is called, its arguments and options."""
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    words = [*path]
    words += [o.opts[0] + " " + o.metavar for o in options if o.required]
    words += ["[OPTIONS]"] if len(options) > sum(o.required for o in options) else []
    words += [a.metavar if a.required else f"[{a.metavar}]" for a in arguments]
    lines = [f"## {' '.join(path)}", "", prose(command.help), "", "```text", " ".join(words), "```"]
    if command.params:
        lines += ["", "| argument or option | meaning |", "|---|---|"]
        lines += [f"| {spelling(p)} | {meaning(p)} |" for p in [*arguments, *options]]
    return "\n".join([*lines, ""])


def spelling(parameter: Any) -> str:
    """``-o``, ``--output FILE``."""
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar}`"
    names = sorted(parameter.opts, key=len)
    value = f" {parameter.metavar}" if parameter.metavar else ""
    return ", ".join(f"`{name}{value if name == names[-1] else ''}`" for name in names)


def meaning(parameter: Any) -> str:
    """The help text, and what holds without the option."""
    said = prose(parameter.help)
    default = parameter.default
    if parameter.required and parameter.param_type_name == "option":
        said += " Required."
    elif (
        default != ""
        and isinstance(default, str | int | float | Path)
        and not isinstance(default, bool)
    ):
        said += f" Default: `{default}`."
    if parameter.envvar:
        said += f" Also: `{parameter.envvar}`."
    return said


def prose(text: str | None) -> str:
    return " ".join((text or "").split()).replace("*_", r"\*_").replace("|", r"\|")


def main() -> int:
    if sys.argv[1:] == ["--check"]:
        if PAGE.exists() and PAGE.read_text("utf-8") == page():
            return 0
        print("docs/cli.md is stale: run python docs/generate_cli.py", file=sys.stderr)
        return 1
    PAGE.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
