"""What of a run's scores cannot be computed from the run alone, recorded when it ends."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from math import isfinite
from typing import NamedTuple

import msgspec

from preceptor import benchmarks
from preceptor.benchmarks import Benchmark
from preceptor.errors import Unavailable, UnknownName, shorten
from preceptor.plugins import named, plugins
from preceptor.protocols.base import Protocol, fingerprint
from preceptor.protocols.recorded import Recorded, RecordedProtocol
from preceptor.records import Example, Graded, Metric, RunInfo, RunSettings, Score
from preceptor.scoring.added import MetricSpec, add
from preceptor.scoring.answers import merged
from preceptor.store import Store
from preceptor.store.graded import read_worded

__all__ = ["find_metric", "record_scores", "scored_by"]


class _Kept(msgspec.Struct, frozen=True):
    """Scores by fingerprint, in the run's order, and the metrics of the whole run."""

    scores: dict[str, Score]
    metrics: dict[str, Metric]


def record_scores(store: Store, run: RunInfo) -> None:
    """Keep the scores of a run whose benchmark another package brings, or that a model measures.

    Others are computed from the run's answers and verdicts whenever they are asked for.
    """
    benchmark = benchmarks.of(run)
    protocol = benchmark.protocol
    foreign = benchmark.package is not None
    try:
        specs = {name: find_metric(name) for name in run.settings.metrics or ()}
    except (UnknownName, Unavailable):  # what was recorded before stands
        return
    if isinstance(protocol, RecordedProtocol) or not (foreign or protocol.measuring or specs):
        return
    with store.reading() as connection:
        measured = [
            (item, add(protocol.measure(item), item, specs))
            for item in read_worded(connection, run)
        ]
    scores = {fingerprint(item): score for item, score in measured}
    kept = _Kept(scores, {})
    if foreign:
        examples = list({item.example.id: item.example for item, _ in measured}.values())
        own = protocol.summarise([protocol.measure(item) for item, _ in measured], examples)
        kept = _Kept(scores, own)
        _describe(store, run, protocol, kept, examples)
    sha256 = store.keep_blob("application/msgpack", msgspec.msgpack.encode(kept))
    store.add_settings(run, RunSettings(recorded_scores=sha256))


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
    sha256 = run.settings.recorded_scores
    if sha256 is None:
        return Scoring(benchmark, benchmark.protocol.score, benchmark.protocol.scores)
    with store.words():
        kept = msgspec.msgpack.decode(store.blob(sha256), type=_Kept)
    protocol = copy.copy(benchmark.protocol)
    protocol.recorded = kept.scores
    if isinstance(protocol, RecordedProtocol):
        protocol.metrics = kept.metrics
    benchmark = msgspec.structs.replace(benchmark, protocol=protocol)
    added = run.settings.metrics
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
    manifest = run.settings.manifest
    if manifest is None:
        return
    lowest = {name: low for name, low in protocol.lowest(examples).items() if isfinite(low)}
    about = {**manifest["protocol"], "lowest": lowest}
    plain_protocol = RecordedProtocol(msgspec.convert(about, Recorded))
    plain = Protocol.summarise(plain_protocol, list(kept.scores.values()), examples)
    about["means"] = [name for name, metric in kept.metrics.items() if plain.get(name) == metric]
    store.add_settings(run, RunSettings(manifest={**manifest, "protocol": about}))
