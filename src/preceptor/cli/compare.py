"""``preceptor compare``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import Json, Sides, Slices, StorePath, number
from preceptor.cli.output import note, print_json, show
from preceptor.errors import InputError

if TYPE_CHECKING:
    from preceptor.analysis.comparison import Comparison
    from preceptor.results.pool import Side

__all__ = ["compare"]


def compare(  # noqa: PLR0917
    sides: Sides,
    adjusted: Annotated[
        bool, typer.Option("--adjusted", help="Compare the length-adjusted scores.")
    ] = False,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            metavar="KIND",
            help="Compare slices of this kind only (theme, axis, cluster, …); may be repeated.",
        ),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(
            parser=number,
            metavar="POINTS",
            help="Also test whether the sides are equivalent within this many points.",
        ),
    ] = None,
    across_graders: Annotated[
        bool,
        typer.Option("--across-graders", help="Compare even if the graders differ."),
    ] = False,
    all_pairs: Annotated[
        bool,
        typer.Option("--all-pairs", help="Compare all pairs, not each with the first."),
    ] = False,
    methods: Annotated[
        bool, typer.Option("--methods", help="Print the difference by all methods.")
    ] = False,
    slices: Slices = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write an HTML page."),
    ] = None,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Does one system really beat another? Each SIDE against the first, on common examples."""
    from preceptor import api
    from preceptor.analysis.predictions import are_predictions
    from preceptor.reports.comparison import (
        comparison_json,
        pairs_table,
        sides_table,
        undivided_sentences,
    )
    from preceptor.results.select import gather
    from preceptor.store import Store

    with Store(store, create=False) as opened:
        gathered = gather(sides, opened, words=False)
    if are_predictions([side.result.info for side in gathered]):
        _refuse(adjusted or by or margin is not None or across_graders or methods or all_pairs)
        _predictions(gathered, output, as_json=as_json, slices=slices)
        return
    comparison = api.compare(
        gathered,
        adjusted=adjusted,
        namespaces=by,
        margin=None if margin is None else margin / 100,
        across_graders=across_graders,
        all_pairs=all_pairs,
    )
    if output is not None:
        from preceptor.reports.files import write_text
        from preceptor.reports.html import render_comparison

        note(str(write_text(output, render_comparison(comparison, gathered))))
    if as_json:
        print_json(comparison_json(comparison))
        return
    show(sides_table(comparison))
    if all_pairs:
        show(pairs_table(comparison))
        for sentence in undivided_sentences(comparison):
            show(sentence)
    else:
        _show_contrasts(comparison, methods=methods, slices=slices or by is not None)
    _notes(comparison)


def _notes(comparison: Comparison) -> None:
    """What differs, and what must be said beside it."""
    for difference in comparison.differing:
        values = "; ".join(f"{label}: {value}" for label, value in difference.values.items())
        note(f"  • {difference.setting} differs: {values}.")
    if comparison.families:
        note(f"  • p is adjusted within: {'; '.join(comparison.families)}.")
    for sentence in comparison.notes:
        note(f"  • {sentence}")


def _show_contrasts(comparison: Comparison, *, methods: bool, slices: bool) -> None:
    """Each contrast in words and tables, then what they leave out."""
    from preceptor.reports.comparison import (
        contrast_table,
        equivalence_sentence,
        headline,
        slices_table,
    )

    rest = ""
    for contrast in comparison.contrasts:
        show(f"\n{headline(contrast)}")
        if said := equivalence_sentence(contrast):
            show(said)
        if methods:
            show(contrast_table(contrast))
        table, rest = slices_table(contrast, comparison.labels, every=slices)
        if table is not None:
            show(table)
    if rest:
        note(f"  • {rest}")
    for contrast in comparison.contrasts:
        for item in contrast.dropped:
            note(f"  • {contrast.contender}: {item.n:,} examples left out: {item.reason}.")


def _refuse(asked: object) -> None:
    if asked:
        raise InputError(
            "compare: predictions have no --adjusted, --by, --margin, --across-graders, "
            "--methods or --all-pairs: leave them out"
        )


def _predictions(
    sides: Sequence[Side], output: Path | None, *, as_json: bool, slices: bool
) -> None:
    """Predictions with outcomes: each side against the first, on common rows."""
    import msgspec

    from preceptor.analysis.predictions import compare_predictions
    from preceptor.reports.predicted import tables

    comparison = compare_predictions(sides)
    if output is not None:
        from preceptor.reports.files import write_text
        from preceptor.reports.predicted.page import render_predictions

        note(str(write_text(output, render_predictions(sides, comparison))))
    if as_json:
        print_json(msgspec.to_builtins(comparison))
        return
    for contrast in comparison.contrasts:
        show(tables.headline(contrast, comparison.labels, comparison.lower_is_better))
        show(tables.contrast_table(contrast, comparison, every=slices))
        for name, rows in zip(
            (contrast.reference, contrast.contender), contrast.left_out, strict=True
        ):
            if rows:
                note(f"  • {name}: {rows:,} rows left out: the other side does not predict them.")
    for sentence in comparison.notes:
        note(f"  • {sentence}")
