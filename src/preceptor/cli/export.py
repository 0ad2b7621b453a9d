"""``preceptor export``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import RunNames, StorePath

__all__ = ["export"]


def export(
    runs: RunNames,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="jsonl, csv, parquet or inspect; croissant for metadata of the benchmark. "
            "Default: by the name of FILE, or jsonl.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The file to write. Default: RUN.FORMAT, or runs.FORMAT for several.",
        ),
    ] = None,
    store: StorePath = DEFAULT_STORE,
) -> None:
    """Write answers and verdicts of runs for other tools; jsonl can be imported again."""
    from preceptor.handles import Run, export_together
    from preceptor.results.select import named_runs
    from preceptor.store import Store

    with Store(store, create=False) as opened:
        chosen = [Run(store, info) for info in named_runs(runs, opened)]
    if output is None:
        format = format or "jsonl"
        suffix = {"inspect": "eval", "croissant": "croissant.json"}.get(format, format)
        name = _file_name(chosen[0].info.name) if len(chosen) == 1 else "runs"
        output = Path(f"{name}.{suffix}")
    print(export_together(chosen, output, format))


def _file_name(run: str) -> str:
    """A run's name as a safe file name in this folder."""
    return re.sub(r"[^\w.,=+@ -]", "_", run)
