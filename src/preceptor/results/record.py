"""What of a run's scores cannot be computed from the run alone, recorded when it ends."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from math import isfinite
from typing import NamedTuple

import msgspec

from preceptor import benchmarks
from preceptor.benchmarks import MANIFEST, Benchmark
from preceptor.errors import (
    InputError,
    PreceptorError,
    Unavailable,
    UnknownName,
    shorten,
)
from preceptor.plugins import named, plugins
from preceptor.protocols.base import Protocol, fingerprint
from preceptor.protocols.recorded import Recorded, RecordedProtocol
from preceptor.records import Example, Graded, Metric, RunInfo, Score
from preceptor.scoring.added import MetricSpec, add
from preceptor.scoring.answers import merged
from preceptor.store import Store
from preceptor.store.graded import read_worded

__all__ = ["METRICS", "find_metric", "record_scores", "scored_by"]

#: The setting of a run with its metrics of other packages, by name.
METRICS = "metrics"

#: The setting of a run with the hash of what was recorded.
_SETTING = "recorded_scores"


class _Kept(msgspec.Struct, frozen=True):
    """Scores by fingerprint, in the run's order, and the metrics of the whole run."""

    scores: dict[str, Score]
    metrics: dict[str, Metric]


def record_scores(store: Store, run: RunInfo) -> None:
    """Keep the scores of a run whose benchmark another package brings, or that a model measures.

    Others are computed from the run's answers and verdicts whenever they are asked for.
    """
    try:
        benchmark = benchmarks.of(run)
        specs = {name: find_metric(name) for name in run.settings.get(METRICS, ())}
    except (UnknownName, Unavailable):  # it is not for scores, or what was recorded before stands
        return
    protocol = benchmark.protocol
    foreign = benchmark.package is not None
    if isinstance(protocol, RecordedProtocol) or not (foreign or protocol.measuring or specs):
        return
    with store.reading() as connection:
        graded = list(read_worded(connection, run))
    with _foreign_code(run, benchmark.package):
        own = [protocol.measure(item) for item in graded]
        scores = {
            fingerprint(item): add(score, item, specs)
            for item, score in zip(graded, own, strict=True)
        }
        kept = _Kept(scores, {})
        if foreign:
            examples = list({item.example.id: item.example for item in graded}.values())
            kept = _Kept(scores, protocol.summarise(own, examples))
            _describe(store, run, protocol, kept, examples)
    sha256 = store.keep_blob("application/msgpack", msgspec.msgpack.encode(kept))
    store.set_setting(run, _SETTING, sha256)


@contextlib.contextmanager
def _foreign_code(run: RunInfo, package: str | None) -> Iterator[None]:
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


class Scoring(NamedTuple):
    """The run's benchmark with what the run recorded, and what scores one answer, or all."""

    benchmark: Benchmark
    one: Callable[[Graded], Score]
    all: Callable[[Sequence[Graded]], Sequence[Score]]


def scored_by(store: Store, run: RunInfo) -> Scoring:
    """How the run is scored.

    Raises StoreError where what was recorded is damaged.
    """
    benchmark = benchmarks.of(run)
    sha256 = run.settings.get(_SETTING)
    if sha256 is None:
        return Scoring(benchmark, benchmark.protocol.score, benchmark.protocol.scores)
    with store.words():
        kept = msgspec.msgpack.decode(store.blob(sha256), type=_Kept)
    protocol = copy.copy(benchmark.protocol)
    protocol.recorded = kept.scores
    if isinstance(protocol, RecordedProtocol):
        protocol.metrics = kept.metrics
    benchmark = msgspec.structs.replace(benchmark, protocol=protocol)
    added = run.settings.get(METRICS)
    if not added:
        return Scoring(benchmark, protocol.score, protocol.scores)

    def one(graded: Graded) -> Score:
        own, recorded = protocol.score(graded), kept.scores.get(fingerprint(graded))
        return own if recorded is None else merged(own, recorded, added)

    return Scoring(benchmark, one, lambda graded: [one(item) for item in graded])


def _describe(
    store: Store, run: RunInfo, protocol: Protocol, kept: _Kept, examples: Sequence[Example]
) -> None:
    """Carry what is known only now: the lowest scores, and which metrics are plain means."""
    manifest = run.settings.get(MANIFEST)
    if manifest is None:
        return
    lowest = {name: low for name, low in protocol.lowest(examples).items() if isfinite(low)}
    about = {**manifest["protocol"], "lowest": lowest}
    plain_protocol = RecordedProtocol(msgspec.convert(about, Recorded))
    plain = Protocol.summarise(plain_protocol, list(kept.scores.values()), examples)
    about["means"] = [name for name, metric in kept.metrics.items() if plain.get(name) == metric]
    store.set_setting(run, MANIFEST, {**manifest, "protocol": about})
