"""``preceptor demo``: a real run with small models on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from preceptor.cli.output import note
from preceptor.errors import PreceptorError, Unavailable
from preceptor.installation import install, installed, program

__all__ = ["demo"]

SYSTEM, GRADER = "smollm2-135m", "qwen2.5-1.5b"
#: As many of the 36 examples as two small models get through in about three minutes.
EXAMPLES = 12
ANSWER_TOKENS = 160


def demo(
    folder: Annotated[
        Path, typer.Option("--folder", metavar="DIR", help="The folder for its files.")
    ] = Path("demo"),
) -> int:
    """Evaluate a small local model on starter, graded by another; write the report."""
    note("The demo takes three to five minutes on two cores; the first time it fetches 1.2 GB.")
    folder.mkdir(parents=True, exist_ok=True)
    store = folder / "preceptor.db"
    grader_here, system_here = _weights(GRADER), _weights(SYSTEM)
    name = _graded_here(store, live=system_here) if grader_here else _recorded(store)
    report = _report(store, name, folder / "report.html")
    _next_steps(store, name, report)
    return 0


def _weights(name: str) -> bool:
    """Whether a model's weights are on this machine, after trying to fetch them."""
    from preceptor.systems.local.weights import MODELS, fetch, find

    if not installed("local"):
        note(f"local/{name} needs xllamacpp: run {install('local')}")
        return False
    if find(name) is not None:
        return True
    note(f"fetching local/{name}: {MODELS[name].title}, {MODELS[name].size / 1e6:,.0f} MB, once")
    try:
        fetch(name, note)
    except Unavailable as error:
        note(f"note: {error}")
        return False
    return True


def _graded_here(store: Path, *, live: bool) -> str:
    """Run with verdicts made now, and answers made now or, without weights, recorded."""
    from preceptor import api
    from preceptor.benchmarks import recorded
    from preceptor.cli.progress import Display

    address = f"local/{SYSTEM}" if live else f"replay:{recorded(SYSTEM)}"
    answers = "answers now" if live else "its weights are not available: recorded answers are used"
    note(
        f"{SYSTEM} ({answers}) on {EXAMPLES} examples of starter; {GRADER} judges each criterion, "
        f"by the chance of a yes.\n"
        f"Both run on this machine. The grader is a small model for code: its verdicts show how "
        f"things work and say little about the system."
    )
    with Display() as display:
        run = api.run(
            "starter",
            system=address,
            grader=f"yesno:local/{GRADER}",
            store=store,
            watch=display.update,
            limit=EXAMPLES,
            system_params=(f"max_tokens={ANSWER_TOKENS}", "temperature=0") if live else (),
        )
    if run.outcome is None or run.outcome.status != "done":
        raise PreceptorError(
            f"the demo was stopped; resume it with: {program()} demo --folder {store.parent}"
        )
    return run.info.name


def _recorded(store: Path) -> str:
    """Import a run of recorded answers and recorded verdicts."""
    from preceptor.benchmarks import get, recorded
    from preceptor.bridges.graded import read_graded
    from preceptor.bridges.imported import keep
    from preceptor.store import Store

    note(
        "No grader is available here, so nothing is judged now. These are recorded answers of "
        f"{SYSTEM} with recorded verdicts of {GRADER}."
    )
    path = recorded(SYSTEM)
    (run,) = read_graded(path, get("starter"))
    with Store(store) as opened:
        return keep(opened, run, path)[0].name


def _report(store: Path, name: str, path: Path) -> Path:
    from preceptor import api
    from preceptor.cli.score import print_score

    run = api.load(name, store=store)
    print_score([run.result()], as_json=False)
    return run.report(path)


def _next_steps(store: Path, name: str, report: Path) -> None:
    typed, with_key = program(), bool(os.environ.get("OPENAI_API_KEY"))
    key = "" if with_key else "  (needs OPENAI_API_KEY)"
    note(
        f"\nThe report is {report}: open it in a browser.\n"
        f"Next:\n"
        f"  {typed} show {name} --store {store}\n"
        f"  {typed} doctor\n"
        f"  {typed} list benchmarks\n"
        f"  {typed} run starter --system openai/gpt-5.4 --grader openai/gpt-5.4-mini --limit 5{key}"
    )
