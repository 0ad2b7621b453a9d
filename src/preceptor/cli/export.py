"""``preceptor export``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import RunName, StorePath

__all__ = ["export"]


def export(
    run: RunName,
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
            "--output", "-o", metavar="FILE", help="The file to write. Default: RUN.FORMAT."
        ),
    ] = None,
    store: StorePath = DEFAULT_STORE,
) -> None:
    """Write a run's answers and verdicts for other tools; jsonl can be imported again."""
    from preceptor.handles import Run
    from preceptor.store import Store

    with Store(store, create=False) as opened:
        loaded = Run(store, opened.run(run))
    if output is None:
        format = format or "jsonl"
        suffix = {"inspect": "eval", "croissant": "croissant.json"}.get(format, format)
        output = Path(f"{_file_name(loaded.info.name)}.{suffix}")
    print(loaded.export(output, format))


def _file_name(run: str) -> str:
    """A run's name as a safe file name in this folder."""
    return re.sub(r"[^\w.,=+@ -]", "_", run)
