"""``preceptor suite``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.dry_run import print_suite_estimate
from preceptor.cli.groups import Group
from preceptor.cli.options import Json, Label, StorePath
from preceptor.cli.output import note, print_json, show
from preceptor.cli.run import elsewhere, spent
from preceptor.cli.run_options import (
    Address,
    DryRun,
    Grader,
    GraderParam,
    Limit,
    MaxCost,
    MaxTokens,
    MinCoverage,
    Patient,
    PatientParam,
    Repeats,
    SystemParam,
)
from preceptor.cli.sweep import again
from preceptor.installation import program

if TYPE_CHECKING:
    from preceptor.api import Suite

__all__ = ["app"]

app = typer.Typer(cls=Group, help="Run one system on a group of benchmarks.")

Share = Annotated[
    bool, typer.Option("--share", help="Leave out every text of examples and answers.")
]


@app.command("run")
def run(  # noqa: PLR0917
    context: typer.Context,
    group: Annotated[
        str,
        typer.Argument(
            metavar="GROUP",
            help="exams, open, safety, notes, extraction, agents, patients, languages or all: "
            "docs/suite.md.",
        ),
    ],
    system: Address,
    grader: Grader = None,
    limit: Limit = None,
    repeats: Repeats = 1,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="FOLDER",
            help="A folder with one folder per benchmark; other data is where fetch put it.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="The suite's name; an existing one is resumed.",
        ),
    ] = None,
    max_cost: MaxCost = None,
    max_total_tokens: MaxTokens = None,
    min_coverage: MinCoverage = 1.0,
    system_param: SystemParam = None,
    grader_param: GraderParam = None,
    patient: Patient = None,
    patient_param: PatientParam = None,
    dry_run: DryRun = False,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> int:
    """Run each benchmark of a group, as NAME/BENCHMARK; caps are for all together."""
    from preceptor import api
    from preceptor.cli.progress import Display
    from preceptor.errors import PreceptorError

    asked: dict[str, Any] = {
        "system": system,
        "grader": grader,
        "store": store,
        "limit": limit,
        "repeats": repeats,
        "data": data,
        "max_cost": max_cost,
        "max_total_tokens": max_total_tokens,
        "min_coverage": min_coverage,
        "system_params": tuple(system_param or ()),
        "grader_params": tuple(grader_param or ()),
        "patient": patient,
        "patient_params": tuple(patient_param or ()),
    }
    if dry_run:
        caps = (max_cost, max_total_tokens)
        return print_suite_estimate(group, *api.dry_run_suite(group, **asked), as_json, caps)
    words, said = ("preceptor", "suite", "run"), list[str]()

    def tell(line: str) -> None:
        said.append(line)
        note(line)

    try:
        with Display() as display:
            suite = api.suite(group, name=name, watch=display.update, tell=tell, **asked)
    except PreceptorError:
        if said:  # some runs may have begun
            note(f"go on with: {again(context, words, said[0].rpartition('/')[0])}")
        raise
    return _finish(suite, store, as_json, again(context, words, suite.name))


def _finish(suite: Suite, store: str, as_json: bool, goes_on: str) -> int:
    """Print the tables, what is missing and what to do; returns the exit code."""
    from preceptor.reports.suite_page import (
        language_table,
        suite_json,
        suite_sentences,
        suite_table,
    )

    results = [each.scored() for each in suite.runs]
    if as_json:
        print_json(suite_json(suite.name, results, suite.skipped))
    else:
        tables = (suite_table(suite.name, results), language_table(results))
        for table in filter(None, tables):
            show(table)
        for sentence in suite_sentences(results):
            note(f"  • {sentence}")
    for benchmark, why in suite.skipped.items():
        note(f"skipped {benchmark}: {why}")
    outcome = suite.outcome
    if outcome.status != "done":
        why = f" ({outcome.why})" if outcome.status == "incomplete" else ""
        note(f"{outcome.status}{why}{spent(results)}; go on with: {goes_on}")
        return 130 if outcome.status == "interrupted" else 1
    note(f"done; see it with: {program()} suite report {suite.name}{elsewhere(store)} -o report")
    return 0


@app.command("report")
def report(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The suite's name.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="The folder for index.html and the pages."
        ),
    ] = Path("report"),
    share: Share = False,
    label: Label = None,
    store: StorePath = DEFAULT_STORE,
) -> None:
    """Write HTML: a table over all benchmarks, languages side by side, and a page for each."""
    from preceptor import api

    print(api.load_suite(name, store=store).report(output, share=share, labels=label or ()))
