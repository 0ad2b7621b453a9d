"""``preceptor figures``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import Sides, StorePath
from preceptor.cli.output import note
from preceptor.errors import InputError

if TYPE_CHECKING:
    from preceptor.analysis.comparison import Comparison
    from preceptor.results.pool import Side

__all__ = ["figures"]


def figures(
    sides: Sides,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="The folder to write to.")
    ] = Path("figures"),
    format: Annotated[
        str,
        typer.Option(
            "--format", "-f", metavar="FORMAT,…", help="svg, png, or csv for the numbers."
        ),
    ] = "svg,csv",
    store: StorePath = DEFAULT_STORE,
) -> None:
    """Draw figures for a paper, each with the numbers behind it."""
    from preceptor import api
    from preceptor.analysis.predictions import are_predictions
    from preceptor.analysis.reliability import reliability
    from preceptor.reports import figures as drawing

    formats = drawing.check_formats(format.split(","))
    gathered = api.sides(sides, store=store)
    if are_predictions([side.result.info for side in gathered]):
        from preceptor.reports.predicted.page import prediction_figures

        for path in drawing.write(prediction_figures(gathered), output, formats):
            print(path)
        return
    curves = [curve for side in gathered if (curve := reliability(side)) is not None]
    found = drawing.figures(gathered, _comparison(gathered), curves)
    if not found:
        raise InputError("figures: nothing to draw: no side has a completely graded answer")
    for path in drawing.write(found, output, formats):
        print(path)


def _comparison(sides: Sequence[Side]) -> Comparison | None:
    """Compare the sides that have a rival in their family; without any, all."""
    from preceptor.analysis.comparison import compare

    if len(sides) < 2:
        return None
    sizes = Counter(side.family for side in sides)
    chosen = [side for side in sides if sizes[side.family] > 1]
    if not chosen:
        chosen = [msgspec.structs.replace(side, family="") for side in sides]
    elif len(chosen) < len(sides):
        alone = [side.label for side in sides if sizes[side.family] < 2]
        note(f"without differences, alone in its family: {', '.join(alone)}")
    try:
        return compare(chosen)
    except InputError as error:
        note(f"no differences are drawn: {error}")
        return None
