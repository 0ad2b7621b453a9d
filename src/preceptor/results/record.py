"""What of a run's scores cannot be computed from the run alone, recorded when it ends."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from math import isfinite
from typing import NamedTuple

import msgspec

from preceptor import benchmarks
from preceptor.benchmarks import Benchmark
from preceptor.errors import (
    InputError,
    PreceptorError,
    Unavailable,
    UnknownName,
    shorten,
)
from preceptor.plugins import named, plugins
from preceptor.protocols.recorded import Recorded, RecordedScoring
from preceptor.protocols.scoring import Scoring, fingerprint
from preceptor.records import Example, Graded, Metric, RunInfo, RunSettings, Score
from preceptor.scoring.added import MetricSpec, add
from preceptor.scoring.answers import merged
from preceptor.store import Store
from preceptor.store.graded import read_worded

__all__ = ["ScoredBy", "find_metric", "foreign_code", "record_scores", "scored_by"]


class _Kept(msgspec.Struct, frozen=True):
    """Scores by fingerprint, in the run's order, and the metrics of the whole run.

    ``examples`` are those that the metrics are of, where no score is kept.
    """

    scores: dict[str, Score]
    metrics: dict[str, Metric]
    examples: list[str] = []


def record_scores(store: Store, run: RunInfo) -> None:
    """Keep the scores of a run whose benchmark another package brings, or that a model measures;
    and metrics that take long.

    Others are computed from the run's answers and verdicts whenever they are asked for.
    """
    try:
        benchmark = benchmarks.of(run)
        specs = {name: find_metric(name) for name in run.settings.metrics or ()}
    except (UnknownName, Unavailable):  # it is not for scores, or what was recorded before stands
        return
    scoring = benchmark.protocol.scoring
    foreign = benchmark.package is not None
    if isinstance(scoring, RecordedScoring):
        return
    if scoring.keeps_metrics:
        _keep_metrics(store, run, scoring)
        return
    if not (foreign or scoring.measuring or specs):
        return
    with store.reading() as connection:
        graded = list(read_worded(connection, run))
    with foreign_code(run, benchmark.package):
        own = [scoring.measure(item) for item in graded]
        scores = {
            fingerprint(item): add(score, item, specs)
            for item, score in zip(graded, own, strict=True)
        }
        kept = _Kept(scores, {})
        if foreign:
            examples = list({item.example.id: item.example for item in graded}.values())
            kept = _Kept(scores, scoring.summarise(own, examples))
            _describe(store, run, scoring, kept, examples)
    sha256 = store.keep_blob("application/msgpack", msgspec.msgpack.encode(kept))
    store.add_settings(run, RunSettings(recorded_scores=sha256))


def _keep_metrics(store: Store, run: RunInfo, scoring: Scoring) -> None:
    if run.settings.recorded_scores is not None:
        return
    with store.reading() as connection:
        graded = list(read_worded(connection, run))
    examples = list({item.example.id: item.example for item in graded}.values())
    found = scoring.summarise([scoring.score(item) for item in graded], examples)
    kept = _Kept({}, found, [item.example.id for item in graded])
    sha256 = store.keep_blob("application/msgpack", msgspec.msgpack.encode(kept))
    store.add_settings(run, RunSettings(recorded_scores=sha256))


@contextlib.contextmanager
def foreign_code(run: RunInfo, package: str | None) -> Iterator[None]:
    """Say whose fault it is where another package's scoring raises. Raises InputError."""
    try:
        yield
    except PreceptorError:
        raise
    except Exception as error:
        if package is None:
            raise
        said = shorten(f"{type(error).__name__}: {error}", 200)
        raise InputError(
            f"run {run.name}: the scoring of {run.benchmark} (package {package}) failed: {said}; "
            f"all answers are kept: mend it, then `preceptor resume {run.name}`"
        ) from error


def find_metric(name: str) -> MetricSpec:
    """The metric of that name that a package brings. Raises UnknownName, Unavailable."""
    spec = named("metrics", name)
    if spec is None:
        known = ", ".join(entry.name for entry in plugins("metrics")) or "no package brings any"
        raise UnknownName(f"unknown metric {shorten(name)}: {known}")
    if not isinstance(spec, MetricSpec):
        raise Unavailable(f"metric {name}: expected a MetricSpec, found {type(spec).__name__}")
    return spec


class ScoredBy(NamedTuple):
    """The run's benchmark with what the run recorded, and what scores one answer, or all."""

    benchmark: Benchmark
    one: Callable[[Graded], Score]
    all: Callable[[Sequence[Graded]], Sequence[Score]]


def scored_by(store: Store, run: RunInfo) -> ScoredBy:
    """How the run is scored.

    Raises StoreError where what was recorded is damaged.
    """
    benchmark = benchmarks.of(run)
    sha256 = run.settings.recorded_scores
    if sha256 is None:
        scoring = benchmark.protocol.scoring
        return ScoredBy(benchmark, scoring.score, scoring.scores)
    with store.words():
        kept = msgspec.msgpack.decode(store.blob(sha256), type=_Kept)
    protocol = copy.copy(benchmark.protocol)
    protocol.scoring = scoring = copy.copy(protocol.scoring)
    scoring.recorded = kept.scores
    scoring.kept, scoring.kept_for = kept.metrics, kept.examples
    if isinstance(scoring, RecordedScoring):
        scoring.metrics = kept.metrics
    benchmark = msgspec.structs.replace(benchmark, protocol=protocol)
    added = run.settings.metrics
    if not added:
        return ScoredBy(benchmark, scoring.score, scoring.scores)

    def one(graded: Graded) -> Score:
        own, recorded = scoring.score(graded), kept.scores.get(fingerprint(graded))
        return own if recorded is None else merged(own, recorded, added)

    return ScoredBy(benchmark, one, lambda graded: [one(item) for item in graded])


def _describe(
    store: Store, run: RunInfo, scoring: Scoring, kept: _Kept, examples: Sequence[Example]
) -> None:
    """Carry what is known only now: the lowest scores, and which metrics are plain means."""
    manifest = run.settings.manifest
    if manifest is None:
        return
    lowest = {name: low for name, low in scoring.lowest(examples).items() if isfinite(low)}
    about = {**manifest["protocol"], "lowest": lowest}
    recorded = RecordedScoring(msgspec.convert(about, Recorded))
    plain = recorded.means(list(kept.scores.values()), examples)
    about["means"] = [name for name, metric in kept.metrics.items() if plain.get(name) == metric]
    store.add_settings(run, RunSettings(manifest={**manifest, "protocol": about}))
