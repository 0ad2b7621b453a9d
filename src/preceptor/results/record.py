"""What of a run's scores cannot be computed from the run alone, recorded when it ends."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from math import isfinite
from typing import NamedTuple

import msgspec

from preceptor import benchmarks
from preceptor.benchmarks import MANIFEST, Benchmark
from preceptor.errors import Unavailable, UnknownName, shorten
from preceptor.plugins import named, plugins
from preceptor.protocols.recorded import Recorded, RecordedScoring
from preceptor.protocols.scoring import Scoring, fingerprint
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
    except (UnknownName, Unavailable):  # an audit's; or what was recorded before stands
        return
    scoring = benchmark.protocol.scoring
    foreign = benchmark.package is not None
    if isinstance(scoring, RecordedScoring) or not (foreign or scoring.measuring or specs):
        return
    with store.reading() as connection:
        measured = [
            (item, add(scoring.measure(item), item, specs)) for item in read_worded(connection, run)
        ]
    scores = {fingerprint(item): score for item, score in measured}
    kept = _Kept(scores, {})
    if foreign:
        examples = list({item.example.id: item.example for item, _ in measured}.values())
        own = scoring.summarise([scoring.measure(item) for item, _ in measured], examples)
        kept = _Kept(scores, own)
        _describe(store, run, scoring, kept, examples)
    sha256 = store.keep_blob("application/msgpack", msgspec.msgpack.encode(kept))
    store.set_setting(run, _SETTING, sha256)


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
    sha256 = run.settings.get(_SETTING)
    if sha256 is None:
        scoring = benchmark.protocol.scoring
        return ScoredBy(benchmark, scoring.score, scoring.scores)
    with store.words():
        kept = msgspec.msgpack.decode(store.blob(sha256), type=_Kept)
    protocol = copy.copy(benchmark.protocol)
    protocol.scoring = scoring = copy.copy(protocol.scoring)
    scoring.recorded = kept.scores
    if isinstance(scoring, RecordedScoring):
        scoring.metrics = kept.metrics
    benchmark = msgspec.structs.replace(benchmark, protocol=protocol)
    added = run.settings.get(METRICS)
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
    manifest = run.settings.get(MANIFEST)
    if manifest is None:
        return
    lowest = {name: low for name, low in scoring.lowest(examples).items() if isfinite(low)}
    about = {**manifest["protocol"], "lowest": lowest}
    recorded = RecordedScoring(msgspec.convert(about, Recorded))
    plain = recorded.means(list(kept.scores.values()), examples)
    about["means"] = [name for name, metric in kept.metrics.items() if plain.get(name) == metric]
    store.set_setting(run, MANIFEST, {**manifest, "protocol": about})
