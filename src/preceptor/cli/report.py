"""``preceptor report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import Label, Sides, StorePath
from preceptor.cli.output import note
from preceptor.errors import shorten

__all__ = ["report"]


def report(  # noqa: PLR0917
    sides: Sides,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The HTML file to write.")
    ] = Path("report.html"),
    share: Annotated[
        bool, typer.Option("--share", help="Leave out every text of examples and answers.")
    ] = False,
    card: Annotated[
        list[Path] | None,
        typer.Option(
            "--card",
            metavar="FILE",
            help="The grader's card, from `preceptor audit --card`; may be repeated.",
        ),
    ] = None,
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="The page's heading.")] = "",
    label: Label = None,
    about: Annotated[
        Path | None,
        typer.Option(
            "--about",
            metavar="FILE",
            help="A text (UTF-8) on purpose and circumstances, for the top of the page.",
        ),
    ] = None,
    store: StorePath = DEFAULT_STORE,
) -> None:
    """Write one HTML file: scores, slices, comparison, figures, missed criteria, examples."""
    from preceptor.analysis.predictions import are_predictions
    from preceptor.audit.checked import checked_cards
    from preceptor.reports.card import is_card_of, read_card
    from preceptor.reports.files import read_text, write_text
    from preceptor.reports.html import render
    from preceptor.results.select import gather, named
    from preceptor.store import Store

    words = "" if about is None else read_text(about)
    cards = [read_card(path) for path in card or []]
    with Store(store, create=False) as opened:
        gathered = named(gather(sides, opened, words=not share), label or [])
        if are_predictions([side.result.info for side in gathered]):
            from preceptor.reports.predicted.page import render_predictions

            print(write_text(output, render_predictions(gathered, title=title, about=words)))
            return
        checked = checked_cards(opened, gathered)
    graders = list(dict.fromkeys(side.result.info.grader for side in gathered))
    for path, one in zip(card or [], cards, strict=True):
        if not any(is_card_of(one, grader) for grader in graders):
            note(
                f"--card {path}: not shown: it is of {shorten(one.grader)}, and the runs were "
                f"graded by {', '.join(graders)}"
            )
    known = [*checked, *cards]
    page = render(gathered, share=share, cards=known, title=title, about=words)
    print(write_text(output, page))
