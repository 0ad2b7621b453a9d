"""``preceptor report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import StorePath

__all__ = ["report"]


def report(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="One run, or several to compare side by side."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The HTML file to write.")
    ] = Path("report.html"),
    share: Annotated[
        bool, typer.Option("--share", help="Leave out every text of examples and answers.")
    ] = False,
    store: StorePath = DEFAULT_STORE,
) -> None:
    """One HTML file with scores, slices, criteria missed, and an explorer of the examples."""
    from preceptor import api
    from preceptor.reports.html import render
    from preceptor.reports.writing import write_text

    results = [api.load(run, store=store).result() for run in runs]
    print(write_text(output, render(results, share=share)))
