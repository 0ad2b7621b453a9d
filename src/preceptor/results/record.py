"""What of a run's scores cannot be computed from the run alone, recorded when it ends."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from math import isfinite

import msgspec

from preceptor import benchmarks
from preceptor.benchmarks import MANIFEST, Benchmark
from preceptor.protocols.base import Protocol, fingerprint
from preceptor.protocols.recorded import Recorded, RecordedProtocol
from preceptor.records import Example, Metric, RunInfo, Score
from preceptor.store import Store
from preceptor.store.graded import read_worded

__all__ = ["record_scores", "scored_by"]

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
    benchmark = benchmarks.of(run)
    protocol = benchmark.protocol
    foreign = benchmark.package is not None
    if isinstance(protocol, RecordedProtocol) or not (foreign or protocol.measuring):
        return
    with store.reading() as connection:
        measured = [(item, protocol.measure(item)) for item in read_worded(connection, run)]
    scores = {fingerprint(item): score for item, score in measured}
    kept = _Kept(scores, {})
    if foreign:
        examples = list({item.example.id: item.example for item, _ in measured}.values())
        kept = _Kept(scores, protocol.summarise(list(scores.values()), examples))
        _describe(store, run, protocol, kept, examples)
    sha256 = store.keep_blob("application/msgpack", msgspec.msgpack.encode(kept))
    store.set_setting(run, _SETTING, sha256)


def scored_by(store: Store, run: RunInfo) -> Benchmark:
    """The run's benchmark, with what the run recorded. Raises StoreError where that is damaged."""
    benchmark = benchmarks.of(run)
    sha256 = run.settings.get(_SETTING)
    if sha256 is None:
        return benchmark
    with store.words():
        kept = msgspec.msgpack.decode(store.blob(sha256), type=_Kept)
    protocol = copy.copy(benchmark.protocol)
    protocol.recorded = kept.scores
    if isinstance(protocol, RecordedProtocol):
        protocol.metrics = kept.metrics
    return msgspec.structs.replace(benchmark, protocol=protocol)


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
