"""The store as the pages see it: runs, how far they are, and what was computed of them."""

from __future__ import annotations

import functools
import os
import queue
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import msgspec
import sqlalchemy as sa

from preceptor.benchmarks import Benchmark
from preceptor.errors import PreceptorError, StoreError, UnknownName, did_you_mean, shorten
from preceptor.records import Example, Graded, Metric, Result, RunInfo
from preceptor.results.load import load_result, scored_columns
from preceptor.scoring.columns import Scores
from preceptor.store import Store
from preceptor.store.read_connection import ReadConnection
from preceptor.store.standing import Standing, standings
from preceptor.view.cache import Cache

__all__ = ["Headline", "Known", "Workspace"]

T = TypeVar("T")
#: Answers whose scores are kept in memory.
_ANSWERS = 600_000
#: Headlines, comparisons, and results of searches by thousands of answers.
_SMALL = 2_000


class Known(msgspec.Struct, frozen=True):
    """A run, how far it is, and the mark by which a change of it is seen."""

    info: RunInfo
    standing: Standing
    mark: bytes

    @property
    def under_way(self) -> bool:
        return self.info.status == "running"


class Headline(msgspec.Struct, frozen=True):
    """The score of a run for a list; ``metric`` is None where the run has none."""

    title: str
    metric: Metric | None


class Workspace:
    """Reads a store. All methods may be called by several threads.

    Parameters
    ----------
    address
        As for :class:`preceptor.store.Store`.

    Raises
    ------
    StoreError
        There is no such store, or it has an older format.
    """

    def __init__(self, address: str) -> None:
        self.store = Store(address, read_only=True)
        self._file = _file_of(self.store)
        self._large, self.small = Cache(_ANSWERS), Cache(_SMALL)
        self._looking = ReadConnection(self.store.engine)
        self._runs: tuple[Hashable, list[Known]] = (None, [])
        self._wanted: queue.SimpleQueue[Known] = queue.SimpleQueue()
        self._queued: set[bytes] = set()
        threading.Thread(target=self._work, daemon=True).start()

    def runs(self) -> list[Known]:
        """All runs, the newest first."""
        version = self._version()
        if self._runs[0] != version:
            infos = self.store.runs()[::-1]
            with self.store.reading() as connection:
                found = standings(connection, infos)
            known = [
                Known(info, each, msgspec.msgpack.encode((info, each)))
                for info, each in zip(infos, found, strict=True)
            ]
            self._runs = (version, known)
        return self._runs[1]

    def run(self, name: str) -> Known:
        """The run of exactly that name. Raises UnknownName with the nearest that there is."""
        runs = self.runs()
        found = next((each for each in runs if each.info.name == name), None)
        if found is None:
            names = [each.info.name for each in runs]
            hint = did_you_mean(name, names) or "see the list of runs"
            raise UnknownName(f"run {shorten(name)}: no such run in this store; {hint}")
        return found

    def columns(self, run: Known) -> tuple[Benchmark, Sequence[Graded], Scores]:
        """A run's answers without words, and their scores."""
        known = self._examples(run)
        return self.of_run(run, "columns", lambda: scored_columns(self.store, run.info, known))

    def result(self, run: Known) -> Result:
        """A run with its metrics, without words."""
        return self.of_run(run, "result", lambda: load_result(self.store, run.info, words=False))

    def scored(self, run: Known) -> Result:
        """The same, perhaps without metrics, which what pools runs computes anew."""
        known: Result | None = self._large.peek(("result", run.info.id), run.mark)
        if known is not None:
            return known
        shared = self._examples(run)
        load = functools.partial(load_result, metrics=False, words=False, known=shared)
        return self.of_run(run, "scored", lambda: load(self.store, run.info))

    def headline(self, run: Known, *, wait: bool = False) -> Headline | None:
        """The run's score; None while it is computed in the background, unless one waits for it."""
        known: Headline | None = self.small.peek(("headline", run.info.id), run.mark)
        if known is not None or not wait:
            if known is None and run.mark not in self._queued:
                self._queued.add(run.mark)
                self._wanted.put(run)
            return known

        def make() -> Headline:
            result = self.result(run)
            return Headline(result.title, result.metrics.get("overall_score"))

        return self.small.get(("headline", run.info.id), run.mark, make, changing=run.under_way)

    def of_run(self, run: Known, what: str, make: Callable[[], T]) -> T:
        """What ``make`` makes of a run, kept while the run is as it is and there is room."""
        key, weight = (what, run.info.id), run.standing.answers_asked + 1
        return self._large.get(key, run.mark, make, weight=weight, changing=run.under_way)

    def _examples(self, run: Known) -> dict[str, Example]:
        """Those of the runs of one benchmark are in memory once."""
        key = ("examples", run.info.benchmark)
        return self._large.get(key, None, dict, weight=0)

    def _work(self) -> None:
        while True:
            run = self._wanted.get()
            try:
                self.headline(run, wait=True)
            except PreceptorError:  # the run's own page says what is wrong
                self.small.get(("headline", run.info.id), run.mark, lambda: Headline("", None))
            finally:
                self._queued.discard(run.mark)

    def _version(self) -> Hashable:
        """Another value after each change by another process; on PostgreSQL each second.

        Raises StoreError where the file is no longer the one that was opened.
        """
        if self.store.engine.dialect.name != "sqlite":
            return int(time.monotonic())
        if _file_of(self.store) != self._file:
            raise StoreError(
                f"store {self.store.where}: was moved, deleted or replaced: start preceptor view "
                f"again"
            )
        with self._looking as connection:
            return connection.execute(sa.text("PRAGMA data_version")).scalar()


def _file_of(store: Store) -> tuple[int, int] | None:
    """What tells a file of SQLite from another at its place; None without one."""
    try:
        found = os.stat(store.engine.url.database or "")
    except OSError:
        return None
    return found.st_dev, found.st_ino
