"""``preceptor report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import Sides, StorePath

__all__ = ["report"]


def report(
    sides: Sides,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The HTML file to write.")
    ] = Path("report.html"),
    share: Annotated[
        bool, typer.Option("--share", help="Leave out every text of examples and answers.")
    ] = False,
    store: StorePath = DEFAULT_STORE,
) -> None:
    """One HTML file: scores, slices, comparison, figures, criteria missed, every example."""
    from preceptor import api
    from preceptor.reports.html import render
    from preceptor.reports.writing import write_text

    print(write_text(output, render(api.sides(sides, store=store), share=share)))
