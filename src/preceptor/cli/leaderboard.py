"""``preceptor leaderboard``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import BenchmarkName, Json, StorePath
from preceptor.cli.output import console, note, print_json
from preceptor.errors import InputError, UnknownName, shorten

if TYPE_CHECKING:
    from preceptor.analysis.leaderboard import Leaderboard
    from preceptor.api import Run

__all__ = ["leaderboard"]


def leaderboard(  # noqa: PLR0917
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN_OR_PATTERN", help="Names of runs, or patterns with *. Default: all runs."
        ),
    ] = None,
    benchmark: BenchmarkName = None,
    published: Annotated[
        bool,
        typer.Option("--published", help="Add scores that others published; they are not ranked."),
    ] = False,
    adjusted: Annotated[
        bool, typer.Option("--adjusted", help="Rank by the length-adjusted scores.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Also draw the ranks: SVG, and CSV with the numbers.",
        ),
    ] = None,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Rank systems over all their benchmarks, with intervals of the ranks."""
    from preceptor import api, benchmarks
    from preceptor.analysis.leaderboard import leaderboard as make
    from preceptor.reports.leaderboard import (
        leaderboard_json,
        leaderboard_sentences,
        leaderboard_tables,
        published_rows,
    )
    from preceptor.results.load import load_result
    from preceptor.store import Store

    known = api.runs(store=store)
    if benchmark is not None:
        benchmark = benchmarks.named(benchmark, (run.info.benchmark for run in known))
    chosen = _chosen(runs or ["*"], known, store)
    if benchmark is not None:
        chosen = [run for run in chosen if run.info.benchmark == benchmark]
    if not chosen:
        of = "" if benchmark is None else f" of {benchmark}"
        from preceptor.store.postgres import redacted

        raise InputError(f"{redacted(store)}: no runs{of} to rank (see `preceptor runs`)")
    own, chosen = _split(chosen)
    if own:
        if adjusted or published or output is not None:
            raise InputError(
                "leaderboard: predictions have no --adjusted, --published or --output: leave them "
                "out"
            )
        _predictions(own, store, as_json=as_json and not chosen)
        if not chosen:
            return
    with Store(store, create=False) as opened:
        read = partial(load_result, opened, metrics=False, words=False, known={})
        board = make([read(run.info) for run in chosen], adjusted=adjusted)
    rows = published_rows(board) if published else []
    if output is not None:
        _draw(board, output)
    if as_json:
        print_json(leaderboard_json(board, rows))
        return
    screen = console()
    for table in leaderboard_tables(board, rows, width=screen.width):
        screen.print(table)
    for sentence in leaderboard_sentences(board):
        note(f"  • {sentence}")


def _split(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """Runs that are predictions with outcomes, and the others."""
    own = [run for run in runs if run.info.holds_predictions]
    return own, [run for run in runs if not run.info.holds_predictions]


def _predictions(runs: Sequence[Run], store: str, *, as_json: bool) -> None:
    """Predictions are ranked by their headline, each benchmark for itself."""
    import msgspec

    from preceptor.analysis.prediction_ranking import rank_predictions
    from preceptor.reports.predicted.tables import ranking_sentences, ranking_table
    from preceptor.results.load import load_result
    from preceptor.store import Store

    with Store(store, create=False) as opened:
        results = [load_result(opened, run.info, words=False) for run in runs]
    rankings = rank_predictions(results)
    if as_json:
        print_json(msgspec.to_builtins(rankings))
        return
    for ranking in rankings:
        console().print(ranking_table(ranking))
    for sentence in ranking_sentences(rankings):
        note(f"  • {sentence}")


def _draw(board: Leaderboard, folder: Path) -> None:
    from preceptor.reports import figures

    picture = figures.ranking(board)
    if picture is None:
        raise InputError("leaderboard: nothing to draw: fewer than two systems are ranked")
    for path in figures.write([picture], folder, ("svg", "csv")):
        note(str(path))


def _chosen(texts: Sequence[str], known: Sequence[Run], store: str) -> list[Run]:
    """The runs that the texts name, each once, oldest first."""
    from fnmatch import fnmatchcase

    from preceptor import api

    names: set[str] = set()
    for text in texts:
        fitting = {run.info.name for run in known if text == run.info.name}
        if not fitting and "*" in text:
            fitting = {run.info.name for run in known if fnmatchcase(run.info.name, text)}
            if not fitting and known:
                last = ", ".join(run.info.name for run in known[-5:])
                raise UnknownName(f"run {shorten(text)}: fits no run; the last are: {last}")
        elif not fitting:
            fitting = {api.load(text, store=store).info.name}
        names |= fitting
    return [run for run in known if run.info.name in names]
