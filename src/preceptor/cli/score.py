"""``preceptor score``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import BenchmarkName, Json, Slices, StorePath
from preceptor.cli.output import note, print_json, show
from preceptor.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from preceptor.records import Result

__all__ = ["print_score", "score"]


def score(  # noqa: PLR0917
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="A run's name, the beginning of it, or `latest`."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All runs of the store.")] = False,
    benchmark: BenchmarkName = None,
    slices: Slices = False,
    at_least: Annotated[
        str,
        typer.Option(
            metavar="K[,K%]",
            help="Also the share of answers that meet at least K desirable criteria, or K percent "
            "of them: `8,80%`.",
        ),
    ] = "",
    cutoff: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="Also the scores of examples from before and after a date, such as the system's "
            "cut-off: by tags date:…, month:… or year:….",
        ),
    ] = None,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Print a run's metrics with interval, n and coverage; --all for every run."""
    from preceptor.results.asked import asked_for
    from preceptor.results.load import load_result
    from preceptor.results.runs import runs_of
    from preceptor.store import Store

    if every == (run is not None):
        raise InputError("score: expected either a RUN or --all (see `preceptor runs`)")
    if benchmark is not None and not every:
        raise InputError("--benchmark: goes with --all only; a RUN has one benchmark")
    if every and (at_least or cutoff is not None):
        raise InputError("score: --at-least and --cutoff go with a RUN, not with --all")
    if every:
        with Store(store, create=False) as opened:
            runs = [run for run in runs_of(opened, benchmark) if run.settings.marks is None]
            results = [load_result(opened, each, words=False) for each in runs]
        if as_json:
            from preceptor.reports.score import score_json

            print_json([score_json(result, examples=False) for result in results])
        else:
            from preceptor.reports.format import read_sentence
            from preceptor.reports.score import overview_table

            show(overview_table(results))
            for result in results:
                if (sentence := read_sentence(result.scores)) is not None:
                    note(f"  • {result.info.name}: {sentence}")
        return
    assert run is not None
    with Store(store, create=False) as opened:
        result = load_result(opened, opened.run(run), words=False)
    result = asked_for(result, [part for part in at_least.split(",") if part], cutoff)
    print_score([result], as_json, slices=slices)


def print_score(results: Sequence[Result], as_json: bool, *, slices: bool = False) -> None:
    """Print results one by one, with the notes beside each score."""
    from preceptor.reports.score import score_json, sentences

    for result in results:
        if as_json:
            print_json(score_json(result))
            continue
        table, rest = _table(result, slices)
        show(table)
        for sentence in [*([rest] if rest else []), *sentences(result)]:
            note(f"  • {sentence}")


def _table(result: Result, slices: bool) -> tuple[Table, str]:
    if result.info.holds_predictions:
        from preceptor.reports.predicted.tables import score_table
    else:
        from preceptor.reports.score import score_table

    return score_table(result, every=slices)
