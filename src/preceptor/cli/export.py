"""``preceptor export``."""

from __future__ import annotations

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
            help="jsonl, csv or parquet; else by the name of FILE, or jsonl.",
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
        output = Path(f"{loaded.info.name.replace('/', '_')}.{format}")
    print(loaded.export(output, format))
