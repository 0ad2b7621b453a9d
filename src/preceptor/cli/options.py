"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from preceptor.errors import InputError, shorten

__all__ = [
    "BenchmarkName",
    "Data",
    "Json",
    "Label",
    "RunName",
    "RunNames",
    "Sides",
    "Slices",
    "StorePath",
    "number",
    "whole_number",
]


_Number = TypeVar("_Number", int, float)


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


def numbers(option: str, text: str, kind: Callable[[str], _Number]) -> list[_Number]:
    """Parser of an option with several numbers: 1,2,4."""
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        raise InputError(
            f"{option}: expected numbers such as 1,2,4, found {shorten(text)}"
        ) from None


StorePath = Annotated[
    str,
    typer.Option(
        "--store",
        envvar="PRECEPTOR_STORE",
        metavar="PATH",
        help="The store: a SQLite file or a database URL.",
    ),
]
RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's name, the beginning of it, or `latest`.")
]
RunNames = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN...",
        help="Names of runs, their beginnings, `latest`, or patterns such as 'gpt-*'.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON with stable keys.")]
Label = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        metavar="SYSTEM=NAME",
        help="What the page calls the system at an address; may be repeated.",
    ),
]
Slices = Annotated[bool, typer.Option("--slices", help="Print all slices, not only the main ones.")]
BenchmarkName = Annotated[
    str | None, typer.Option("--benchmark", metavar="NAME", help="Only this benchmark.")
]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="PATH", help="A local copy of the benchmark's data."),
]
Sides = Annotated[
    list[str],
    typer.Argument(
        metavar="SIDE...",
        help="A run, or a pattern such as 'gpt-*'; LABEL=RUN,RUN or LABEL='gpt-*' pools runs into "
        "one side. LABEL may be MODEL/HARNESS.",
    ),
]
