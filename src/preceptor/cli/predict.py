"""``preceptor predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.cohorts import (
    GroupColumns,
    IdColumn,
    LeftOut,
    Outcome,
    PatientColumn,
    listed,
    read_cohort,
)
from preceptor.cli.dry_run import print_estimates
from preceptor.cli.options import Json, StorePath, whole_number
from preceptor.cli.output import printable
from preceptor.cli.run import finish
from preceptor.cli.run_options import (
    Address,
    Batch,
    DryRun,
    MaxCost,
    MaxTokens,
    MinCoverage,
    Processes,
    SystemParam,
)

__all__ = ["predict"]


def predict(  # noqa: PLR0917
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="A table with a row a patient, or a folder of stays: as `preceptor baseline` "
            "reads them.",
        ),
    ],
    system: Address,
    outcome: Outcome = "",
    question: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="What is asked of a row, which yes, no or a class answers; {outcome} stands for "
            "the outcome.",
        ),
    ] = None,
    dictionary: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A table of the columns in words: column, name, unit."),
    ] = None,
    columns: Annotated[
        str,
        typer.Option(
            metavar="COLUMN[,COLUMN]",
            help="What a record has, in this order. Default: all that the baselines use.",
        ),
    ] = "",
    text: Annotated[
        str,
        typer.Option(
            metavar="COLUMN[,COLUMN]",
            help="Of a table: columns of free text, which a record has beside them.",
        ),
    ] = "",
    id_column: IdColumn = None,
    patient: PatientColumn = None,
    group: GroupColumns = "",
    leave_out: LeftOut = "",
    limit: Annotated[
        int | None,
        typer.Option(parser=whole_number, metavar="N", help="A fixed random sample of N rows."),
    ] = None,
    show_prompt: Annotated[
        bool, typer.Option("--show-prompt", help="Print the first row's prompt, and call nothing.")
    ] = False,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="The run's name.")] = None,
    max_cost: MaxCost = None,
    max_total_tokens: MaxTokens = None,
    min_coverage: MinCoverage = 1.0,
    system_param: SystemParam = None,
    batch: Batch = False,
    dry_run: DryRun = False,
    processes: Processes = None,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> int:
    """Ask a system for each row's outcome: the prediction is the probability of its first token."""
    from preceptor import api
    from preceptor.baselines.asked import AskedRows, asked_benchmark
    from preceptor.baselines.dictionary import read_dictionary
    from preceptor.baselines.tables import Columns
    from preceptor.cli.progress import Display

    named = Columns(
        outcome=listed(outcome),
        id=id_column,
        patient=patient,
        groups=listed(group),
        leave_out=listed(leave_out),
    )
    cohort = read_cohort(data, named)
    rows = AskedRows(
        question=question,
        columns=listed(columns),
        texts=listed(text),
        words={} if dictionary is None else read_dictionary(dictionary),
        limit=limit,
        outcome=outcome,
    )
    benchmark = asked_benchmark(cohort, data, rows)
    if show_prompt:
        print(printable(benchmark.load().examples[0].messages[-1].text))
        return 0
    options: dict[str, Any] = {
        "name": name,
        "store": store,
        "max_cost": max_cost,
        "max_total_tokens": max_total_tokens,
        "min_coverage": min_coverage,
        "system_params": tuple(system_param or ()),
        "batch": batch,
    }
    if dry_run:
        estimate = api.dry_run(benchmark, system=system, **options)
        return print_estimates({"": estimate}, as_json)
    with Display() as display:
        done = api.run(
            benchmark, system=system, watch=display.update, processes=processes, **options
        )
    return finish(done, store, as_json)
