"""``preceptor baseline``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from preceptor.cli.imports import keep_runs
from preceptor.cli.options import Json, StorePath
from preceptor.cli.output import note, printable
from preceptor.errors import InputError, shorten

if TYPE_CHECKING:
    from preceptor.baselines.cohort import Cohort
    from preceptor.baselines.fitting import Options
    from preceptor.bridges.imported import Incoming

__all__ = ["baseline"]


_MADE = "Fitted by `preceptor baseline`, never on the row that is predicted; no setting was tuned."


def baseline(  # noqa: PLR0917
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA...",
            help="A folder with sta.parquet, dyn.parquet and outc.parquet as YAIB makes it, or a "
            "table with a row a patient (CSV, TSV, JSONL, parquet, xlsx). Several with --transfer.",
        ),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Classes and labels: logistic, boosting, prevalence. Amounts: ridge, "
            "quantile-boosting, carry-forward, median. Survival: cox. Repeatable. Default: all.",
        ),
    ] = None,
    outcome: Outcome = "",
    time: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Of a table: time to the event.")
    ] = None,
    event: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Of a table: 1 for an event, else 0.")
    ] = None,
    horizons: Annotated[
        str,
        typer.Option(
            metavar="TIME[,TIME]",
            help="Times at which survival is predicted. Default: quartiles of the events' times.",
        ),
    ] = "",
    id_column: IdColumn = None,
    patient: PatientColumn = None,
    group: GroupColumns = "",
    leave_out: LeftOut = "",
    last: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The last known value of the amount, such as crea."),
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, max=100, help="Draw the folds so often.")] = 1,
    few_shot: Annotated[
        bool,
        typer.Option("--few-shot", help="Fit on 1 to 32 examples of each class, drawn 5 times."),
    ] = False,
    transfer: Annotated[
        bool, typer.Option("--transfer", help="Fit on each of DATA and predict each.")
    ] = False,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where files are written.")
    ] = Path("baselines"),
    no_import: Annotated[
        bool, typer.Option("--no-import", help="Write the files, and make no runs.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace runs of the same names.")
    ] = False,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Fit simple models out of fold, as a floor for others; each is a run of predictions."""
    from preceptor.baselines.fitting import Options, horizons_of
    from preceptor.baselines.models import check_models
    from preceptor.baselines.tables import Columns

    _check(data, few_shot=few_shot, transfer=transfer, repeats=repeats)
    columns = Columns(
        outcome=listed(outcome),
        time=time,
        event=event,
        id=id_column,
        patient=patient,
        groups=listed(group),
        leave_out=listed(leave_out),
        last=last,
    )
    cohorts = [read_cohort(path, columns) for path in data]
    models = check_models(cohorts[0], list(dict.fromkeys(model or ())))
    options = Options(
        repeats=repeats,
        horizons=_times(horizons) or horizons_of(cohorts[0]),
    )
    files = _fit(cohorts, models, options, output, few_shot)
    for cohort in cohorts:
        for remark in cohort.remarks:
            note(f"  • {printable(cohort.name)}: {printable(remark)}")
        if cohort.dropped:
            named = ", ".join(shorten(name, 40).strip("'") for name in cohort.dropped[:10])
            words = f"no features, for they are texts of many values: {named}"
            note(f"  • {printable(cohort.name)}: {printable(words)}")
    if no_import:
        for file in files.values():
            print(printable(str(file)))
        return
    kind = "-few-shot" if few_shot else ""
    _import(files, cohorts, kind, store, as_json=as_json, replace=replace)


def _check(data: Sequence[Path], *, few_shot: bool, transfer: bool, repeats: int) -> None:
    if few_shot and (transfer or repeats > 1):
        raise InputError("--few-shot: give it without --transfer and --repeats")
    if transfer and repeats > 1:
        raise InputError("--transfer: give it without --repeats")
    if transfer and len(data) < 2:
        raise InputError("--transfer: expected two data sets or more, found one")
    if not transfer and len(data) > 1:
        raise InputError(f"DATA: expected one data set, found {len(data)}: add --transfer")


def _times(text: str) -> tuple[float, ...]:
    try:
        found = tuple(sorted(float(each) for each in listed(text)))
    except ValueError:
        found = (0.0,)
    if any(not 0 < each < float("inf") for each in found):
        raise InputError(f"--horizons {shorten(text)}: expected times above 0, such as 365,730")
    return found


def _fit(
    cohorts: Sequence[Cohort], models: Sequence[str], options: Options, output: Path, few: bool
) -> dict[str, Path]:
    """Model → the file with its predictions; one file for all where it names models itself."""
    from preceptor.baselines.fitting import few_shot, out_of_fold, transfer, write

    name = "-to-".join(cohort.name for cohort in cohorts) + ("-few-shot" if few else "")
    files = {}
    if len(cohorts) > 1:
        path = output / f"{name}.csv"
        write(path, (row for model in models for row in transfer(model, cohorts, options)))
        return {name: path}
    fit = few_shot if few else out_of_fold
    for model in models:
        files[model] = output / f"{name}-{model}.csv"
        write(files[model], fit(model, cohorts[0], options))
    return files


def _import(
    files: dict[str, Path],
    cohorts: Sequence[Cohort],
    kind: str,
    store: str,
    *,
    as_json: bool,
    replace: bool,
) -> None:
    """Make the runs. Those of a transfer are on the benchmark of their target."""
    from preceptor.bridges.outcome_columns import OutcomeColumns
    from preceptor.bridges.outcome_files import outcome_runs

    incoming: list[Incoming] = []
    for model, path in files.items():
        for cohort in cohorts:
            asked = OutcomeColumns(
                groups=list(cohort.groups),
                classes=cohort.classes if cohort.kind == "multiclass" else (),
                where={"target": cohort.name} if len(cohorts) > 1 else {},
            )
            incoming += outcome_runs(path, asked, f"{cohort.name}{kind}", model, _MADE)
    keep_runs(incoming, store, as_json=as_json, replace=replace)
