"""``preceptor rename`` and ``preceptor rm``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import RunName, RunNames, StorePath
from preceptor.cli.output import note, printable
from preceptor.errors import InputError

__all__ = ["remove", "rename"]


def rename(
    run: RunName,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new name.")],
    store: StorePath = DEFAULT_STORE,
) -> None:
    """Give a run another name."""
    from preceptor import api

    found = api.load(run, store=store)
    before = found.info.name
    found.rename(name)
    print(printable(f"{before} is now {name}"))


def remove(
    runs: RunNames,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    store: StorePath = DEFAULT_STORE,
) -> None:
    """Remove runs, with the answers and verdicts that no other run has."""
    from preceptor.results.select import named_runs
    from preceptor.store import Store
    from preceptor.store.deletion import held, reclaim, refuse_busy
    from preceptor.store.deletion import remove as remove_run
    from preceptor.wording import plural

    with Store(store, create=False) as opened:
        found = named_runs(runs, opened)
        with opened.transaction() as connection:
            for run in found:
                refuse_busy(connection, run)
        for run in found:
            has = held(opened, run)
            what = f"{plural(has.answers, 'answer')}, {plural(has.verdicts, 'verdict')}"
            if has.shared_answers or has.shared_verdicts:
                what += (
                    f"; {has.shared_answers:,} and {has.shared_verdicts:,} of these stay, "
                    "for other runs have them too"
                )
            if not yes and not _confirmed(printable(f"Remove {run.name} ({what})?")):
                note("not removed")
                continue
            remove_run(opened, run)
            print(printable(f"{run.name}: removed ({what})"))
        reclaim(opened)


def _confirmed(question: str) -> bool:
    """Ask on standard error. Raises InputError without an answer."""
    print(question, "[y/N] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer:
        raise InputError("rm: nobody answered, so nothing more is removed; --yes does not ask")
    return answer.strip().lower() in ("y", "yes")
