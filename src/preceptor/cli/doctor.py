"""``preceptor doctor``: what is here, and what to type next."""

from __future__ import annotations

import os
import platform
from typing import Any

from preceptor.cache import DEFAULT_STORE, cache_dir
from preceptor.cli.options import Json, StorePath
from preceptor.cli.output import print_json, printable, show
from preceptor.installation import EXTRAS, install, installed, program
from preceptor.version import VERSION

__all__ = ["doctor"]


def doctor(store: StorePath = DEFAULT_STORE, as_json: Json = False) -> None:
    """Say which extras, keys, data and weights are here, and what to type next."""
    from preceptor.store.postgres import redacted

    keys = _keys()
    facts: dict[str, Any] = {
        "version": VERSION,
        "python": platform.python_version(),
        "store": redacted(store),
        "runs": None,
        "store_problem": None,
        "cache": str(cache_dir()),
        "keys": keys,
        "extras": {name: installed(name) for name in EXTRAS},
        "benchmarks": _benchmarks(),
        "grading_prompt": _prompt(),
        "models": _models(),
    }
    facts["runs"], facts["store_problem"] = _runs(store)
    facts["next"] = _next(facts)
    if as_json:
        print_json(facts)
    else:
        _print(facts)


def _keys() -> dict[str, bool]:
    """Name of a variable → whether it is set; its value is not looked at."""
    from preceptor.systems.hosted import AZURE_KEY, HOSTS

    names = [*(name for host in HOSTS.values() for name in host.keys), AZURE_KEY]
    return {name: bool(os.environ.get(name, "").strip()) for name in names}


def _benchmarks() -> dict[str, bool]:
    from preceptor.benchmarks import all_benchmarks

    return {each.name: each.path().exists() for each in all_benchmarks()}


def _prompt() -> bool:
    """Whether HealthBench's own grading prompt is here."""
    from preceptor.errors import PreceptorError
    from preceptor.graders.template import find_template

    try:
        find_template("reference")
    except PreceptorError:
        return False
    return True


def _models() -> dict[str, bool]:
    from preceptor.systems.local.weights import MODELS, find

    return {f"local/{name}": find(name) is not None for name in MODELS}


def _runs(store: str) -> tuple[list[str] | None, str | None]:
    """The names of the store's runs, or what is wrong with the store; neither without one."""
    from preceptor import api
    from preceptor.errors import PreceptorError

    if "://" not in store and not os.path.exists(store):
        return None, None
    try:
        return [run.info.name for run in api.runs(store=store)], None
    except PreceptorError as error:
        return None, str(error)


def _next(facts: dict[str, Any]) -> list[str]:
    """Commands that work with what is here."""
    typed = program()
    here = "" if facts["store"] == DEFAULT_STORE else f" --store {facts['store']}"
    commands = []
    if facts["runs"]:
        commands.append(f"{typed} report latest -o report.html{here}")
    elif facts["store_problem"] is None:
        commands.append(f"{typed} demo")
    if facts["keys"]["OPENAI_API_KEY"]:
        commands.append(
            f"{typed} run starter --system openai/gpt-5.4 --grader openai/gpt-5.4-mini --limit 5"
            f" --max-cost 1{here}"
        )
    return commands


def _print(facts: dict[str, Any]) -> None:
    from rich.table import Table

    if facts["store_problem"] is not None:
        runs = facts["store_problem"]
    elif facts["runs"] is None:
        runs = f"{facts['store']}: no such store yet; the first run makes it"
    else:
        runs = f"{facts['store']}: {len(facts['runs']):,} run(s)"
    data, models, keys = (facts[name] for name in ("benchmarks", "models", "keys"))
    lacking = [name for name, here in models.items() if not here]
    rows = [
        ("preceptor", f"{facts['version']}, Python {facts['python']}"),
        ("store", runs),
        ("fetched files", facts["cache"]),
        (
            "benchmarks",
            f"{sum(data.values())} of {len(data)} have their data here"
            f" ({program()} list benchmarks)",
        ),
        (
            "grading prompt",
            "the reference prompt is here"
            if facts["grading_prompt"]
            else f"the reference prompt is not here: {program()} fetch grader-template",
        ),
        (
            "models here",
            (", ".join(name for name in models if name not in lacking) or "none")
            + (f"; not here: {program()} fetch {', '.join(lacking)}" if lacking else ""),
        ),
        ("keys set", ", ".join(name for name, here in keys.items() if here) or "none"),
        ("keys not set", ", ".join(name for name, here in keys.items() if not here) or "none"),
    ]
    about = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in rows:
        about.add_row(name, printable(str(value)))
    show(about)
    extras = Table("extra", "for", "installed, or the command")
    extras.columns[0].no_wrap = True
    for name, (_, what) in EXTRAS.items():
        extras.add_row(name, what, "installed" if facts["extras"][name] else install(name))
    show(extras)
    if facts["next"]:
        show("Next:")
        for command in facts["next"]:
            print(f"  {command}")
