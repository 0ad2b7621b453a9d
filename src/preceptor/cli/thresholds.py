"""``preceptor thresholds``."""

from __future__ import annotations

from typing import Annotated

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import Json, StorePath, number
from preceptor.cli.output import note, print_json, show
from preceptor.errors import InputError

__all__ = ["thresholds"]


def thresholds(
    cheap: Annotated[
        str,
        typer.Argument(
            metavar="[LABEL=]CHEAP",
            help="A run by a grader that gives probabilities, yesno: or distilled:.",
        ),
    ],
    labels: Annotated[
        str,
        typer.Option(
            "--labels",
            metavar="[LABEL=]STRONG",
            help="A run with the same answers, judged by the strong grader.",
        ),
    ],
    agreement: Annotated[
        float,
        typer.Option(
            parser=number,
            metavar="SHARE",
            help="Share of the cheap grader's decisions that must agree with the strong one.",
        ),
    ] = 0.95,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Choose where a cheap grader decides in a cascade, and what goes to the strong one."""
    from preceptor import api
    from preceptor.analysis.thresholds import plan_cascade
    from preceptor.reports.correction import cascade_plan_sentences, cascade_plan_table

    gathered = api.sides([cheap, labels], store=store)
    if len(gathered) != 2:
        raise InputError("thresholds: a pattern names several runs: pool them with LABEL='…'")
    found = plan_cascade(*gathered, agreement=agreement)
    if as_json:
        print_json(found)
        return
    show(cascade_plan_table(found))
    if found.options is not None:
        # Not through the console, which would fold it: users copy this line.
        typer.echo(found.options)
    for sentence in cascade_plan_sentences(found):
        note(f"  • {sentence}")
