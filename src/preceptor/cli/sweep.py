"""``preceptor sweep``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.dry_run import print_estimates
from preceptor.cli.options import Data, Json, StorePath
from preceptor.cli.output import note, print_json, show
from preceptor.cli.run import elsewhere, spent
from preceptor.cli.run_options import (
    Address,
    Batch,
    BenchmarkArgument,
    DryRun,
    Grader,
    GraderParam,
    Limit,
    MaxCost,
    MaxTokens,
    MinCoverage,
    Repeats,
    SystemParam,
    Template,
)
from preceptor.installation import program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from preceptor.api import Sweep

__all__ = ["again", "sweep"]

_WORDS = ("preceptor", "sweep")


def sweep(  # noqa: PLR0917
    context: typer.Context,
    benchmark: BenchmarkArgument,
    system: Address,
    vary: Annotated[
        list[str],
        typer.Option(
            "--vary",
            metavar="KEY=V1,V2,…",
            help="A key of --system-param, or `instruction` (brief, normal, thorough), with its "
            "values; @FILE for a value in a file.",
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="The sweep's name; an existing one is resumed.",
        ),
    ] = None,
    grader: Grader = None,
    limit: Limit = None,
    repeats: Repeats = 1,
    data: Data = None,
    max_cost: MaxCost = None,
    max_total_tokens: MaxTokens = None,
    min_coverage: MinCoverage = 1.0,
    system_param: SystemParam = None,
    grader_param: GraderParam = None,
    grader_template: Template = None,
    batch: Batch = False,
    dry_run: DryRun = False,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> int:
    """Run each combination of settings, as NAME/key=value; caps are for all together."""
    from preceptor import api
    from preceptor.cli.progress import Display
    from preceptor.errors import PreceptorError
    from preceptor.experiments.grid import read_vary

    asked: dict[str, Any] = {
        "system": system,
        "vary": read_vary(vary),
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
        "grader_template": grader_template,
        "batch": batch,
    }
    if dry_run:
        cells = api.dry_run_sweep(benchmark, **asked)
        return print_estimates(cells, as_json, (max_cost, max_total_tokens))
    said: list[str] = []

    def tell(line: str) -> None:
        said.append(line)
        note(line)

    try:
        with Display() as display:
            swept = api.sweep(benchmark, name=name, watch=display.update, tell=tell, **asked)
    except PreceptorError:
        if said:  # some runs may have begun
            note(f"go on with: {again(context, _WORDS, said[0].rpartition('/')[0])}")
        raise
    return _finish(swept, store, as_json, again(context, _WORDS, swept.name))


def _finish(swept: Sweep, store: str, as_json: bool, again: str) -> int:
    """Print the table, what is missing and what to do; returns the exit code."""
    from preceptor.reports.sweep import cell_json, sweep_sentences, sweep_table

    results = [run.result() for run in swept.runs]
    if as_json:
        print_json([cell_json(result) for result in results])
    else:
        show(sweep_table(swept.name, results))
        for sentence in sweep_sentences(results):
            note(f"  • {sentence}")
    outcome = swept.outcome
    if outcome.status == "interrupted":
        note(f"interrupted{spent(results)}; go on with: {again}")
        return 130
    if outcome.status == "incomplete":
        note(f"incomplete ({outcome.why}){spent(results)}; go on with: {again}")
        return 1
    pattern = shlex.quote(f"{swept.name}/*")
    note(f"done; see it with: {program()} report {pattern}{elsewhere(store)} -o report.html")
    return 0


def again(context: typer.Context, called: Sequence[str], name: str) -> str:
    """The command as given, with the sweep's name added, so that it resumes the sweep."""
    words = [*called]
    for parameter in context.command.params:
        source = context.get_parameter_source(str(parameter.name))
        if source is None or source.name != "COMMANDLINE" or parameter.name == "name":
            continue
        words += _words(parameter, context.params[str(parameter.name)])
    return shlex.join([*words, "--name", name])


def _words(parameter: Any, value: object) -> list[str]:
    if parameter.param_type_name == "argument":
        return [str(value)]
    option = parameter.opts[0]
    if value is True:
        return [option]
    values = value if isinstance(value, list | tuple) else [value]
    return [word for each in values for word in (option, str(each))]
