"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["BenchmarkName", "Data", "Json", "RunName", "StorePath"]

StorePath = Annotated[
    str,
    typer.Option(
        "--store",
        envvar="PRECEPTOR_STORE",
        metavar="PATH",
        help="The workspace: a SQLite file, or a database URL.",
    ),
]
RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's name, the beginning of it, or `latest`.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON with stable keys.")]
BenchmarkName = Annotated[
    str | None, typer.Option("--benchmark", metavar="NAME", help="Only this benchmark.")
]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="PATH", help="A local copy of the benchmark's data."),
]
