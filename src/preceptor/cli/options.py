"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from preceptor.errors import shorten

__all__ = ["BenchmarkName", "Data", "Json", "RunName", "StorePath", "number", "whole_number"]


def whole_number(text: str | int) -> int:
    """Parser of an option: 12."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"expected a whole number, found {shorten(text)}") from None


def number(text: str | float) -> float:
    """Parser of an option: 0.5."""
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"expected a number, found {shorten(text)}") from None


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
