"""``preceptor correct``."""

from __future__ import annotations

from typing import Annotated

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import Json, StorePath, number, whole_number
from preceptor.cli.output import note, print_json, show
from preceptor.errors import InputError

__all__ = ["correct"]


def correct(  # noqa: PLR0917
    run: Annotated[
        str,
        typer.Argument(metavar="[LABEL=]RUN", help="A run judged by a grader that may be wrong."),
    ],
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            metavar="[LABEL=]RUN",
            help="A run with some of the same answers, judged by physicians or a strong grader; "
            "without it, the run's own audit, where a cascade judged it.",
        ),
    ] = None,
    half_width: Annotated[
        float | None,
        typer.Option(
            parser=number,
            metavar="POINTS",
            help="Also print how many examples to label for an interval of ± POINTS.",
        ),
    ] = None,
    next_items: Annotated[
        int,
        typer.Option(
            "--next", parser=whole_number, metavar="N", help="Also print N verdicts to label next."
        ),
    ] = 0,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Correct a run's score for its grader's errors, from labels on some of its answers."""
    if labels is None:
        if half_width is not None or next_items:
            raise InputError("correct: --half-width and --next need --labels")
        _by_audit(run, store, as_json)
        return
    from preceptor import api
    from preceptor.analysis.correcting import correct as make
    from preceptor.reports.correction import correction_sentences, correction_table, next_table

    gathered = api.sides([run, labels], store=store)
    if len(gathered) != 2:
        raise InputError("correct: a pattern names several runs: pool them with LABEL='…'")
    found = make(
        *gathered,
        half_width=None if half_width is None else half_width / 100,
        count=next_items,
    )
    if as_json:
        print_json(found)
        return
    show(correction_table(found))
    if found.next_items:
        show(next_table(found))
    for sentence in correction_sentences(found):
        note(f"  • {sentence}")


def _by_audit(run: str, store: str, as_json: bool) -> None:
    """Without labels: the audit of a cascade."""
    from preceptor import api
    from preceptor.analysis.cascading import correct_cascade
    from preceptor.reports.correction import cascade_sentences, cascade_table
    from preceptor.store import Store

    gathered = api.sides([run], store=store)
    if len(gathered) != 1:
        raise InputError("correct: a pattern names several runs: name one, or use --labels")
    with Store(store, create=False) as opened:
        votes = [vote for name in gathered[0].runs for vote in opened.votes(opened.run(name))]
    found = correct_cascade(gathered[0], votes)
    if as_json:
        print_json(found)
        return
    show(cascade_table(found))
    for sentence in cascade_sentences(found):
        note(f"  • {sentence}")
