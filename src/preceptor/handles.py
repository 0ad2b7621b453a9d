"""Handles that the public functions return: a run, a sweep or a suite in a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from preceptor.errors import InputError
from preceptor.records import Result, RunInfo
from preceptor.store import Store

if TYPE_CHECKING:
    from preceptor.engine.runner import Outcome
    from preceptor.reports.export import Answers

__all__ = ["Run", "Suite", "Sweep"]


class Run:
    """A run in a store.

    Attributes
    ----------
    info
        Name, benchmark, system, grader, settings.
    outcome
        How the call ended that returned it; None for a loaded run.
    """

    def __init__(self, store: str | Path, info: RunInfo, outcome: Outcome | None = None) -> None:
        self.store = store
        self.info = info
        self.outcome = outcome

    def __repr__(self) -> str:
        return f"<Run {self.info.name}: {self.info.system} on {self.info.benchmark}>"

    def result(self) -> Result:
        """The whole run: answers, verdicts, scores, metrics."""
        from preceptor.results.load import load_result

        with Store(self.store, create=False) as store:
            return load_result(store, store.run(self.info.name))

    def scored(self) -> Result:
        """The run without the words, tokens and costs of single verdicts: what scores need."""
        from preceptor.results.load import load_result

        with Store(self.store, create=False) as store:
            return load_result(store, store.run(self.info.name), words=False)

    def failures(self) -> list[tuple[str, str]]:
        """Kinds and messages of failures, the most frequent first."""
        from preceptor.store.failures import failures

        with Store(self.store, create=False) as store, store.reading() as connection:
            found = failures(connection, store.run(self.info.name))
        return [(kind, words) for kind, words in found if words]

    def score(self, *, at_least: Sequence[str] = (), cutoff: str | None = None) -> dict[str, Any]:
        """The run's score, as ``preceptor score RUN --json`` prints it.

        ``at_least`` and ``cutoff`` are its options of these names: ``["8", "80%"]``, ``"2025-06"``.
        """
        from preceptor.reports.score import score_json
        from preceptor.results.asked import asked_for

        return score_json(asked_for(self.scored(), at_least, cutoff))

    def report(self, path: str | Path, *, share: bool = False) -> Path:
        """Write the HTML report; with ``share``, without any text of examples or answers."""
        from preceptor.audit.checked import known_of_grader
        from preceptor.reports.files import write_text
        from preceptor.reports.html import render
        from preceptor.results.pool import Side

        result = self.result()
        if self.info.holds_predictions:
            from preceptor.reports.predicted.page import render_predictions

            side = Side(self.info.name, "", self.info.name, result, (self.info.name,))
            return write_text(Path(path), render_predictions([side]))
        with Store(self.store, create=False) as store:
            card = known_of_grader(store, result)
        cards = [] if card is None else [card]
        return write_text(Path(path), render([result], share=share, cards=cards))

    def export(self, path: str | Path, format: str | None = None) -> Path:
        """Write answers and verdicts as jsonl, csv, parquet, or a log of Inspect AI.

        ``format`` is ``jsonl``, ``csv``, ``parquet``, ``inspect`` or, for metadata of the
        benchmark, ``croissant``. Default: by the suffix (``.eval`` is Inspect's).
        """
        return export_together([self], path, format)

    def to_frame(self, rows: str = "answers", library: str | None = None) -> Any:
        """Answers or verdicts as a data frame, with what each took.

        Parameters
        ----------
        rows
            ``answers`` for a row an answer, ``verdicts`` for a row a verdict, which has the
            columns of its answer too.
        library
            ``pandas`` or ``polars``. Default: the first of them that is installed.
        """
        from preceptor.reports.frames import frame

        with Store(self.store, create=False) as store:
            return frame([_answers(store, self.info.name)], rows, library)

    def rename(self, name: str) -> None:
        """Give the run another name. Raises InputError where another run has it."""
        from preceptor.store.deletion import rename

        with Store(self.store, create=False) as store:
            self.info = rename(store, store.run(self.info.name), name)

    def remove(self) -> None:
        """Remove the run, with the answers and verdicts that no other run has."""
        from preceptor.store.deletion import reclaim, remove

        with Store(self.store, create=False) as store:
            remove(store, store.run(self.info.name))
            reclaim(store)


def load_finished(name: str, store: str | Path) -> Run | None:
    """The run of that name where nothing of it is left to do; None where it is to be resumed."""
    from msgspec import UNSET

    from preceptor.engine.runner import Outcome
    from preceptor.results.record import record_scores
    from preceptor.store.standing import standings

    with Store(store, create=False) as opened:
        info = opened.run(name)
        if info.status != "done" or info.settings.template is UNSET:
            return None
        with opened.reading() as connection:
            [there] = standings(connection, [info])
        if there.answers + there.verdicts != there.asked:
            return None
        record_scores(opened, info)
        return Run(store, info, Outcome("done"))


def export_together(runs: Sequence[Run], path: str | Path, format: str | None = None) -> Path:
    """Write the answers and verdicts of several runs of one store to one file, as jsonl, csv or
    parquet; the column ``run`` tells them apart.
    """
    from preceptor.analysis.predictions import are_predictions
    from preceptor.reports.export import STREAMED, export, export_runs, format_of

    path = Path(path)
    chosen = format_of(path, format)
    if chosen in STREAMED and are_predictions([run.info for run in runs]):
        from preceptor.reports.predicted.rows import export_rows

        return export_rows([run.result() for run in runs], path, chosen)
    if chosen not in STREAMED:
        if len(runs) > 1:
            raise InputError(
                f"{path}: {chosen} holds one run, found {len(runs)}: choose jsonl, csv or parquet"
            )
        return export(runs[0].result(), path, chosen)
    with Store(runs[0].store, create=False) as store:
        return export_runs((_answers(store, run.info.name) for run in runs), path, chosen)


def _answers(store: Store, name: str) -> Answers:
    from preceptor.results.load import scored_answers

    run = store.run(name)
    departures = list(dict.fromkeys(run.settings.departures or ()))
    return run, scored_answers(store, run), departures


class Sweep:
    """The runs of a sweep.

    Attributes
    ----------
    name
        The sweep's name; its runs are called ``NAME/key=value,…``.
    runs
        The runs, in the order of the grid.
    outcome
        ``done`` if all cells are done, else ``incomplete`` or ``interrupted``.
    """

    def __init__(self, name: str, runs: Sequence[Run], outcome: Outcome) -> None:
        self.name = name
        self.runs = runs
        self.outcome = outcome

    def __repr__(self) -> str:
        return f"<Sweep {self.name}: {len(self.runs)} runs, {self.outcome.status}>"

    def score(self) -> list[dict[str, Any]]:
        """The cells' scores, as ``preceptor sweep --json`` prints them."""
        from preceptor.reports.sweep import cell_json

        return [cell_json(run.result()) for run in self.runs]


class Suite(Sweep):
    """The runs of a suite, one for each benchmark, called ``NAME/BENCHMARK``.

    Attributes
    ----------
    name, runs, outcome
        As in :class:`Sweep`; the outcome is ``incomplete`` if a benchmark was skipped.
    skipped
        Name of each benchmark whose data is not on this machine → how to get it.
    """

    def __init__(
        self, name: str, runs: Sequence[Run], outcome: Outcome, skipped: Mapping[str, str]
    ) -> None:
        super().__init__(name, runs, outcome)
        self.skipped = skipped

    def __repr__(self) -> str:
        return f"<Suite {self.name}: {len(self.runs)} runs, {self.outcome.status}>"

    def score(self) -> list[dict[str, Any]]:
        """The runs' scores, as ``preceptor suite run --json`` prints them under ``runs``."""
        return [run.score() for run in self.runs]

    def report(
        self, folder: str | Path, *, share: bool = False, labels: Sequence[str] = ()
    ) -> Path:
        """Write a page over all runs and one for each run into a folder; returns the first.

        ``labels`` are ``SYSTEM=NAME``: what the pages call the system.
        """
        from preceptor.reports.suite_page import write_suite

        results = [run.result() for run in self.runs]
        return write_suite(
            self.name, results, self.skipped, Path(folder), share=share, labels=labels
        )
