"""Runs and what is known of them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from preceptor.billing import Bill, Usage
from preceptor.records.examples import Slice
from preceptor.records.scores import Metric, Score
from preceptor.records.settings import RunSettings
from preceptor.records.verdicts import Graded

__all__ = ["NO_GRADER", "PREDICTIONS", "PREDICTOR", "Result", "RunInfo"]

#: In the place of a grader's address where nothing is judged.
NO_GRADER = "none"

#: The protocol of a file of predictions that have their outcomes.
PREDICTIONS = "predictions"
#: The protocol of rows that a system is asked for a prediction of.
PREDICTOR = "predictor"


class RunInfo(msgspec.Struct, frozen=True):
    """One system on one benchmark under one set of settings: the unit one names and resumes.

    ``grader`` is ``none`` where nothing is judged.
    """

    name: str
    benchmark: str
    system: str
    grader: str
    status: str
    created_at: str
    settings: RunSettings
    n_examples: int
    repeats: int = 1
    id: int = 0

    @property
    def size(self) -> int:
        """Number of examples; of predictions, whose examples are no rows, that of rows."""
        if not self.holds_predictions:
            return self.n_examples
        return int((self.settings.manifest or {}).get("examples", self.n_examples))

    @property
    def holds_predictions(self) -> bool:
        """Whether it has predictions with their outcomes: of an imported file, or asked for."""
        protocol = (self.settings.manifest or {}).get("protocol", {})
        return protocol.get("protocol") in (PREDICTIONS, PREDICTOR)

    @property
    def scope(self) -> str:
        """What is in the keys of answers and verdicts of user code, which may change."""
        return self.settings.scope or self.name


class Result(msgspec.Struct, frozen=True):
    """A run with everything that is known of it: what tables, reports and exports are made from.

    Attributes
    ----------
    title
        The benchmark's display name.
    labels
        Display names of metrics and tags; a name without an entry is shown as it is.
    slices
        The kinds of slices that the benchmark states, in its order.
    departures
        Where the run departs from the benchmark's reference protocol, one sentence each.
    notes
        Warnings that belong beside the score, one sentence each.
    coverage
        Share of all criteria × responses that have a verdict, 0 to 1; where nothing is judged, of
        the responses that are there.
    verdicts
        How many verdicts were asked for; ``ungraded`` counts those missing, by reason.
    cost_usd
        What this run paid, None where a price is unknown.
    system_usage, grader_usage, patient_usage
        Tokens behind its answers, verdicts and patients, those reused from earlier runs included.
    bills
        What the system took, its patient, each grader or member of one, and each example.
    store
        Address of the store that it was read from, perhaps with a password; None for none. It has
        the bytes of images and files.
    """

    info: RunInfo
    title: str
    labels: dict[str, str]
    graded: Sequence[Graded]
    scores: Sequence[Score]
    metrics: dict[str, Metric]
    departures: list[str]
    notes: list[str]
    coverage: float
    verdicts: int
    ungraded: dict[str, int]
    cost_usd: float | None
    system_usage: Usage
    grader_usage: Usage
    bills: tuple[Bill, ...] = ()
    slices: tuple[Slice, ...] = ()
    store: str | None = None
    patient_usage: Usage = Usage()
