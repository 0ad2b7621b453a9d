"""A benchmark as data: what a folder says of itself, and what a run carries of its benchmark."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from preceptor.benchmarks.base import Benchmark
from preceptor.benchmarks.own_booleans import boolean_row
from preceptor.benchmarks.own_insights import insight_row
from preceptor.benchmarks.own_rows import (
    choice_row,
    extractive_row,
    grounded_row,
    quantity_row,
    rubric_row,
)
from preceptor.environments import Absent, resolve_environment
from preceptor.errors import UnknownName
from preceptor.protocols.base import Protocol
from preceptor.protocols.boolean import BOOLEAN_LABELS, Filter, boolean
from preceptor.protocols.cases import cases
from preceptor.protocols.choice import CHOICE_LABELS, ChoiceProtocol
from preceptor.protocols.extractive import EXTRACTIVE_LABELS, extractive
from preceptor.protocols.insights import INSIGHT_LABELS, insights
from preceptor.protocols.judging import ReferenceGrader
from preceptor.protocols.predictions import predictions
from preceptor.protocols.quantity import QUANTITY_LABELS, quantity
from preceptor.protocols.recorded import Recorded, RecordedProtocol, described
from preceptor.protocols.retrieval import RETRIEVAL_LABELS, retrieval
from preceptor.protocols.rubric import RubricProtocol
from preceptor.protocols.supported import SUPPORTED_LABELS, supported
from preceptor.records import Slice
from preceptor.records.results import PREDICTIONS
from preceptor.scoring import LengthRule
from preceptor.scoring.case_examples import CASES

__all__ = ["OWN_PROTOCOLS", "Manifest", "Own", "manifest_of"]

#: The protocols that a folder may name; beside them ``like = NAME`` of a benchmark.
OWN_PROTOCOLS = ("rubric", "boolean", "choice", "extractive", "grounded", "insights", "quantity")

_ROWS = {
    "rubric": rubric_row,
    "choice": choice_row,
    "extractive": extractive_row,
    "grounded": grounded_row,
    "insights": insight_row,
    "quantity": quantity_row,
}
#: What needs no grader; but for ``choice``, of what is imported, or searched.
_UNJUDGED: Mapping[str, Callable[[], Protocol]] = {
    "choice": ChoiceProtocol,
    "retrieval": retrieval,
    CASES: cases,
    PREDICTIONS: predictions,
    "quantity": quantity,
    "extractive": extractive,
}
_LABELS = {
    "boolean": BOOLEAN_LABELS,
    "extractive": EXTRACTIVE_LABELS,
    "insights": INSIGHT_LABELS,
    "retrieval": RETRIEVAL_LABELS,
    "supported": SUPPORTED_LABELS,
    "quantity": QUANTITY_LABELS,
}


class Own(msgspec.Struct, frozen=True, tag="own", tag_field="kind", omit_defaults=True):
    """The protocol of a folder: one of OWN_PROTOCOLS, ``retrieval``, or that of ``like``.

    ``cases`` is that of imported scores of cases, ``predictions`` that of an imported file of them.
    """

    protocol: str = "rubric"
    like: str | None = None
    grader: ReferenceGrader | None = None
    #: Path of the grader's prompt; None for ours.
    template: str | None = None
    length: LengthRule | None = None
    #: Address of what answers the system's turns; None for a single question.
    environment: str | None = None
    #: Of ``boolean``: path of the questions that all rows share, and what says which apply.
    rubric: str | None = None
    filter: Filter = "answer"


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A benchmark without its code and data. Fields as those of :class:`Benchmark`."""

    name: str
    title: str
    summary: str = "tasks of your own"
    version: str | None = None
    licence: str = "none stated"
    citation: str = "not stated"
    url: str | None = None
    languages: tuple[str, ...] = ("en",)
    measures: str | None = None
    caution: str | None = None
    faults: tuple[str, ...] = ()
    verified: str | None = None
    labels: Mapping[str, str] = {}
    slices: tuple[Slice, ...] = ()
    datasheet: Mapping[str, str] = {}
    examples: int = 0
    criteria: int | None = None
    protocol: Own | Recorded = Own()

    def benchmark(self, rows: Path | None = None) -> Benchmark:
        """The benchmark, with its rows at that place. Raises UnknownName of ``like``."""
        about = self.protocol
        like = _like(about.like) if isinstance(about, Own) and about.like else None
        protocol = _protocol(about, like)
        labels = {} if like is None else dict(like.labels)
        if isinstance(about, Own) and protocol.name == "choice":
            labels = {**CHOICE_LABELS, **labels}
        if protocol.name in _LABELS:
            labels = {**_LABELS[protocol.name], **labels}
        parse = None
        if isinstance(about, Own) and like is None and about.protocol in OWN_PROTOCOLS:
            slices = [each.name for each in self.slices]
            if about.protocol == "boolean":
                parse = boolean_row(slices, about.rubric, about.filter)
            else:
                parse = _ROWS[about.protocol](slices)
        return Benchmark(
            name=self.name,
            title=self.title,
            family=protocol.name,
            summary=self.summary,
            licence=self.licence,
            citation=self.citation,
            n_examples=self.examples,
            n_criteria=self.criteria,
            protocol=protocol,
            parse=parse if like is None else like.parse,
            read=None if like is None else like.read,
            url=self.url,
            rows=rows,
            labels={**labels, **self.labels},
            slices=self.slices or (() if like is None else like.slices),
            caution=self.caution,
            languages=self.languages,
            measures=self.measures,
            faults=self.faults,
            verified=self.verified,
            version=self.version,
            datasheet=self.datasheet,
            own=isinstance(about, Own),
            package=about.package if isinstance(about, Recorded) else None,
            manifest=self,
        )


def manifest_of(benchmark: Benchmark) -> Manifest | None:
    """What a run must carry of its benchmark; None where this package brings it."""
    if benchmark.manifest is not None:
        about = benchmark.manifest.protocol
        if isinstance(about, Own):  # the run keeps the prompt and the criteria themselves
            about = msgspec.structs.replace(about, template=None, rubric=None)
        return msgspec.structs.replace(benchmark.manifest, protocol=about)
    if benchmark.package is None:
        return None
    return Manifest(
        name=benchmark.name,
        title=benchmark.title,
        summary=benchmark.summary,
        version=benchmark.version,
        licence=benchmark.licence,
        citation=benchmark.citation,
        url=benchmark.url,
        languages=benchmark.languages,
        measures=benchmark.measures,
        caution=benchmark.caution,
        faults=benchmark.faults,
        verified=benchmark.verified,
        labels=dict(benchmark.labels),
        slices=benchmark.slices,
        examples=benchmark.n_examples,
        criteria=benchmark.n_criteria,
        protocol=described(benchmark.protocol, benchmark.package),
    )


def _like(name: str) -> Benchmark:
    from preceptor.benchmarks import get

    return get(name)


def _protocol(about: Own | Recorded, like: Benchmark | None) -> Protocol:
    if isinstance(about, Recorded):
        return RecordedProtocol(about)
    protocol = _family(about, like)
    if about.environment is not None:
        try:
            protocol.environment = resolve_environment(about.environment)
        except UnknownName:  # known when the run was made
            protocol.environment = Absent(about.environment)
    return protocol


def _family(about: Own, like: Benchmark | None) -> Protocol:
    if like is not None:
        protocol = copy.copy(like.protocol)
        if about.grader is not None:
            protocol.judging = msgspec.structs.replace(protocol.judging, grader=about.grader)
        return protocol
    if about.protocol == "grounded":
        return supported(about.grader)
    if about.protocol == "boolean":
        return boolean(about.grader, about.filter)
    if about.protocol == "insights":
        return insights(about.grader)
    if about.protocol in _UNJUDGED:
        return _UNJUDGED[about.protocol]()
    return RubricProtocol(about.grader, about.length, prompt=about.template or "preceptor")
