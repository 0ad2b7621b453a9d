"""``preceptor measure forms``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from preceptor.cli.measure_sets import app
from preceptor.cli.options import Json, whole_number
from preceptor.cli.output import note, print_json, show

__all__ = ["app"]


@app.command("forms")
def forms(
    first: Annotated[
        Path,
        typer.Argument(
            metavar="FIRST",
            help="Ratings: response, criterion, rater, label; if known prompt, points, seconds.",
        ),
    ],
    second: Annotated[
        Path, typer.Argument(metavar="SECOND", help="Ratings of the same answers by another form.")
    ],
    seed: Annotated[
        int, typer.Option("--seed", parser=whole_number, metavar="N", help="Another draw.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Two forms of rating, such as yes-or-no questions and a scale: agreement and time."""
    import msgspec

    from preceptor.audit.forms import compare_forms
    from preceptor.reports.forms import forms_sentences, forms_table

    found = compare_forms(first, second, seed=seed)
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    show(forms_table(found))
    for sentence in forms_sentences(found):
        note(f"  • {sentence}")
