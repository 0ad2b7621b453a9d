"""A family whose code is not here: what it gave when its runs were made is what there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

import msgspec

from preceptor.errors import Unavailable
from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.judging import Judging, ReferenceGrader
from preceptor.protocols.scoring import Scoring, fingerprint
from preceptor.records import Example, Graded, Metric, Score
from preceptor.scoring.length import LengthRule

__all__ = ["Recorded", "RecordedProtocol", "RecordedScoring", "described"]


class Recorded(msgspec.Struct, frozen=True, tag="recorded", tag_field="kind", omit_defaults=True):
    """What reports need to know of a protocol, as a run carries it.

    ``means`` are the metrics that are plain means of scores: those can be computed of any answers.
    The others stand for the whole run alone.
    """

    name: str
    package: str
    reference_grader: ReferenceGrader | None = None
    judged: bool = False
    length_rule: LengthRule | None = None
    reads: bool = True
    shares: tuple[str, ...] = ()
    units_are: str = "prompts"
    lowest: Mapping[str, float] = {}
    means: tuple[str, ...] = ()

    def missing(self, what: str) -> NoReturn:
        """Raises Unavailable: ``what`` needs the package."""
        raise Unavailable(
            f"{what}: needs the package {self.package}, which is not here: install it"
        )


def described(protocol: Protocol, package: str) -> Recorded:
    """A protocol of another package, without its code."""
    return Recorded(
        name=protocol.name,
        package=package,
        reference_grader=protocol.judging.grader,
        judged=protocol.judging.judged,
        length_rule=protocol.scoring.length_rule,
        reads=protocol.scoring.reads,
        shares=tuple(protocol.scoring.shares),
        units_are=protocol.scoring.units_are,
    )


class RecordedScoring(Scoring):
    """The scores and metrics that a run recorded when it ended. Nothing new can be asked."""

    reads_text = False

    def __init__(self, about: Recorded) -> None:
        self.about, self.reads, self.shares = about, about.reads, about.shares
        self.length_rule, self.units_are = about.length_rule, about.units_are
        #: Of the run as a whole.
        self.metrics: Mapping[str, Metric] = {}

    def score(self, graded: Graded) -> Score:
        found = self.recorded.get(fingerprint(graded))
        if found is None:
            self.about.missing(
                f"example {graded.example.id}: its score was not recorded: scoring it"
            )
        return found

    def lowest(self, examples: Sequence[Example]) -> Mapping[str, float]:
        return self.about.lowest

    def summarise(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        if list(scores) == list(self.recorded.values()):
            return dict(self.metrics)
        found = super().summarise(scores, examples)
        return {name: metric for name, metric in found.items() if name in self.about.means}


class RecordedProtocol(Protocol):
    """What a run carries of a protocol, without its code."""

    def __init__(self, about: Recorded) -> None:
        self.about = about
        super().__init__(
            about.name,
            asking=Asking(lambda example: about.missing(f"asking example {example.id}")),
            judging=Judging(about.reference_grader, judged=about.judged),
            scoring=RecordedScoring(about),
        )
