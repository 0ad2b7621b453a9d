"""The models of a run that are asked in batches: what they must know of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from preceptor.engine.budget import Budget
from preceptor.engine.progress import Progress
from preceptor.engine.runner import STOPPED
from preceptor.records import RunInfo
from preceptor.store import Store
from preceptor.store.batches import Batches
from preceptor.store.writer import Writer
from preceptor.systems.base import System
from preceptor.systems.batch.model import BatchModel
from preceptor.systems.batch.work import Work
from preceptor.systems.http_model import HttpModel
from preceptor.systems.reserving import Size

__all__ = ["InBatches"]


class InBatches:
    """Those of a run's systems that are asked in batches; often none.

    Parameters
    ----------
    answers
        The system under test; the others judge.
    failed
        Whether the run cannot go on.

    Attributes
    ----------
    writer
        Of the run, once it is at work.
    """

    def __init__(
        self,
        systems: Iterable[System],
        *,
        answers: System,
        store: Store,
        run: RunInfo,
        budget: Budget,
        progress: Progress,
        failed: Callable[[], bool],
    ) -> None:
        systems = list(systems)
        self._models = [each for each in systems if isinstance(each, BatchModel)]
        # What calls nobody, such as recorded answers, is left out.
        self._others = [each.address for each in systems if isinstance(each, HttpModel)]
        self._budget, self._progress = budget, progress
        budget.elsewhere = self._reserved
        self.writer: Writer | None = None
        ledger = Batches(store, run)
        for model in self._models:
            model.role = "answers" if model is answers else "verdicts"
            model.join(
                Work(
                    ledger=ledger,
                    room=budget.room,
                    freed=budget.wake,
                    busy=self._busy,
                    stopping=lambda: progress.stopping is not None or failed(),
                    leaving=lambda: progress.stopping == STOPPED or failed(),
                )
            )
        if self._models:
            progress.batches = self._describe

    def finished(self) -> None:
        """Every question of the run has been put, and what came back is kept."""
        for model in self._models:
            model.finished()

    def _describe(self) -> list[str]:
        lines = [line for model in self._models for line in model.describe()]
        return lines + [f"{each}: no batch API, asked as usual" for each in self._others]

    def _busy(self) -> bool:
        waiting = sum(model.waiting for model in self._models)
        reading = any(model.post.collecting for model in self._models)
        writing = self.writer is not None and self.writer.under_way > 0
        return reading or writing or self._progress.in_flight > waiting + self._budget.waiting

    def _reserved(self) -> Size:
        return sum((model.reserved for model in self._models), Size())
