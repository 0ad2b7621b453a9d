"""``preceptor import``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import Data, Json, StorePath
from preceptor.cli.output import note, print_json, printable
from preceptor.cli.run import elsewhere

if TYPE_CHECKING:
    from preceptor.bridges.imported import ImportedRun

__all__ = ["app"]

app = typer.Typer(help="Import results made elsewhere.")

Benchmark = Annotated[
    str | None,
    typer.Option("--benchmark", metavar="NAME", help="The benchmark. Default: by the file's name."),
]


@app.command("simple-evals")
def simple_evals(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="One file is one run.")],
    benchmark: Benchmark = None,
    data: Data = None,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Import runs of the reference implementation: its *_allresults.json files."""
    from preceptor.bridges.simple_evals import read_simple_evals

    _keep([(read_simple_evals(file, benchmark, data), file) for file in files], store, as_json)


@app.command("graded")
def graded(  # noqa: PLR0917
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="One answer with its verdicts per line.")
    ],
    benchmark: Annotated[
        str, typer.Option("--benchmark", metavar="NAME", help="The benchmark that was answered.")
    ],
    data: Data = None,
    system: Annotated[
        str | None, typer.Option(metavar="NAME", help="The system, if the file does not name it.")
    ] = None,
    grader: Annotated[
        str | None, typer.Option(metavar="NAME", help="The grader, if the file does not name it.")
    ] = None,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Import answers with verdicts (jsonl, jsonl.gz): a run for each value of the field `run`."""
    from preceptor.benchmarks import get
    from preceptor.bridges.graded import read_graded

    runs = read_graded(file, get(benchmark), data, system=system, grader=grader)
    _keep([(run, file) for run in runs], store, as_json)


@app.command("inspect")
def inspect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="One log is one run.")],
    benchmark: Annotated[
        str | None,
        typer.Option(
            "--benchmark", metavar="NAME", help="The benchmark. Default: as the log says."
        ),
    ] = None,
    data: Data = None,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Import logs of Inspect AI (.eval): Preceptor's, inspect-evals' HealthBench, or answers."""
    from preceptor.bridges.inspect_import import read_inspect

    _keep([(read_inspect(file, benchmark, data), file) for file in files], store, as_json)


@app.command("predictions")
def predictions(  # noqa: PLR0917
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Answers, one per row: csv, tsv, jsonl, json, parquet, xlsx, ods or txt.",
        ),
    ],
    benchmark: Annotated[
        str, typer.Option("--benchmark", metavar="NAME", help="The benchmark that was answered.")
    ],
    data: Data = None,
    id_column: Annotated[
        str | None,
        typer.Option(
            "--id", metavar="COLUMN", help="Column of the question's id. Default: found by name."
        ),
    ] = None,
    answer: Annotated[
        str,
        typer.Option(
            metavar="COLUMN[,COLUMN]",
            help="Columns of the answer; the first non-empty one counts. Default: found by name.",
        ),
    ] = "",
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN[,COLUMN]",
            help="One run for each combination of their values; '' for one run. Default: found by "
            "name (model, method, dataset, split, language, …).",
        ),
    ] = None,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Import answers, of any number of systems, to a benchmark that needs no grader."""
    from preceptor.benchmarks import get
    from preceptor.bridges.imported import existing_runs, keep_one
    from preceptor.bridges.predictions import Predictions
    from preceptor.errors import InputError, shorten
    from preceptor.store import Store

    chosen = get(benchmark)
    lines: list[dict[str, object]] = []
    left_out = 0
    with Predictions(
        file, id=id_column, answer=_names(answer) or (), by=None if by is None else _names(by)
    ) as found:
        note(f"  • {found.columns.in_words()}")
        runs, digests = found.runs(chosen, data), found.digests()
        with Store(store) as opened:
            there = existing_runs(opened, digests)
            for run in runs:
                left_out += run.settings.left_out or 0
                if run.answers:
                    known = there.get(run.name)
                    info, new = keep_one(opened, run, file, digests[run.name], known)
                    lines.append({"run": info.name, "n": len(run.answers), "new": new})
    if not lines:
        like = shorten(chosen.load(data).examples[0].id)
        raise InputError(
            f"{file}: none of its {left_out:,} rows has the id of a question of {benchmark}, such "
            f"as {like}: name the column with --id"
        )
    _tell(lines, store, as_json)
    if left_out:
        note(f"  • {left_out:,} rows left out: {benchmark} has no question of their id")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _keep(runs: list[tuple[ImportedRun, Path]], where: str, as_json: bool) -> None:
    from preceptor.bridges.imported import keep_all
    from preceptor.store import Store

    with Store(where) as store:
        kept = keep_all(store, runs)
    _tell(
        [
            {"run": info.name, "n": len(run.answers), "new": new}
            for (info, new), (run, _) in zip(kept, runs, strict=True)
        ],
        where,
        as_json,
    )


def _tell(lines: Sequence[Mapping[str, object]], store: str, as_json: bool) -> None:
    if as_json:
        print_json(lines)
        return
    for line in lines:
        there = "" if line["new"] else " (was there already)"
        print(printable(f"{line['run']}: {line['n']:,} answers{there}"))
    if len(lines) == 1:
        name = shlex.quote(str(lines[0]["run"]))
        note(f"see it with: preceptor score {name}{elsewhere(store)}")
    else:
        note(f"{len(lines)} runs; see them with: preceptor score --all{elsewhere(store)}")
