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
            help="jsonl, csv, parquet or inspect; croissant for metadata of the benchmark; else by "
            "the name of FILE, or jsonl.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Else RUN.FORMAT here.")
    ] = None,
    store: StorePath = DEFAULT_STORE,
) -> None:
    """A run's answers and verdicts for other tools; jsonl can be imported again."""
    from preceptor import api

    loaded = api.load(run, store=store)
    if output is None:
        format = format or "jsonl"
        suffix = {"inspect": "eval", "croissant": "croissant.json"}.get(format, format)
        output = Path(f"{_file_name(loaded.info.name)}.{suffix}")
    print(loaded.export(output, format))


def _file_name(run: str) -> str:
    """The name of a run as that of a file in this folder, whatever it holds."""
    return re.sub(r"[^\w.,=+@ -]", "_", run)
