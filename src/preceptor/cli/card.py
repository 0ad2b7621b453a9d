"""``preceptor card``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from preceptor.cli.options import Json
from preceptor.cli.output import print_json, show
from preceptor.errors import InputError, shorten

__all__ = ["card"]


def card(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A benchmark (see `preceptor list benchmarks`), or its folder."
        ),
    ],
    format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="markdown; croissant for data catalogues (JSON-LD); datasheet for the questions "
            "that a folder's manifest answers (TOML).",
        ),
    ] = "markdown",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The file to write."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print a benchmark's card: what it measures, source, licence, size, protocol, faults."""
    import msgspec
    from rich.markdown import Markdown

    from preceptor import benchmarks
    from preceptor.reports.benchmark_card import card_markdown, card_of
    from preceptor.reports.files import write_text

    if format not in ("markdown", "croissant", "datasheet"):
        expected = "markdown, croissant or datasheet"
        raise InputError(f"--format: expected {expected}, found {shorten(format)}")
    if as_json and format == "datasheet":
        raise InputError("--json: is the card as JSON; --format datasheet is TOML")
    if as_json and format == "croissant":
        raise InputError("--json: is the card as JSON; --format croissant is JSON already")
    benchmark = benchmarks.get(name)
    if format == "datasheet":
        from preceptor.benchmarks.datasheet import as_toml

        questions = as_toml(benchmark.datasheet)
        print(questions if output is None else write_text(output, questions))
        return
    made: Any = card_of(benchmark)
    if format == "croissant":
        from preceptor.reports.croissant import croissant

        made = croissant(benchmark)
    plain = not as_json and format == "markdown"
    if output is not None:
        encoded = b"" if plain else msgspec.json.format(msgspec.json.encode(made), indent=2)
        text = card_markdown(made) if plain else encoded.decode() + "\n"
        print(write_text(output, text))
    elif plain:
        show(Markdown(card_markdown(made)))
    else:
        print_json(made)
