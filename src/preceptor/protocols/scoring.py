"""One response → its scores; the scores of a run → its metrics."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from preceptor.records import Example, Graded, Metric, Score, content_key
from preceptor.scoring.answers import PARSED
from preceptor.scoring.length import LengthRule
from preceptor.scoring.names import beside
from preceptor.scoring.ratings import Scale, in_points
from preceptor.scoring.summary import summarise
from preceptor.scoring.units import units

__all__ = ["Scoring", "fingerprint"]


class Scoring:
    """What answers and verdicts are worth. A family states `score`, and what is not the default."""

    #: A missing answer scores 0; imported runs are then padded to all examples.
    missing_is_wrong = False
    #: Whether a value is read out of an answer; otherwise its whole text is scored.
    reads = True
    #: Metric that is 0 where nothing could be read out of an answer.
    read_metric = PARSED
    #: Whether scores are made from the answer's text; otherwise its length and verdicts will do.
    reads_text = True
    #: How length is priced; None where it is not.
    length_rule: LengthRule | None = None
    #: Metrics whose every score is 0 or 1, by name or by namespace: `scoring.summary.summarise`.
    shares: Collection[str] = ()
    #: Name of the units, in the plural: see `scoring.units.units`.
    units_are = "prompts"
    #: Metric → the scale that it is given in; others are from 0 to 1, 1 the good end.
    scales: Mapping[str, Scale] = {}
    #: Whether systems are only ever compared on the examples that all of them have a score for.
    common_only = False
    #: Whether paired scores are tested by their signed ranks, as is the custom of the field.
    rank_tests = False
    #: What an example is called in a report, and what was done with it.
    called: tuple[str, str] = ("question", "answered")
    #: How a score comes about, in one sentence, where no grader says it and no answer is compared.
    method: str | None = None
    #: Scores that a run recorded, by `fingerprint`: for what cannot be computed from the run again.
    recorded: Mapping[str, Score] = {}

    #: Whether examples may have tags, by which scores are shown: one without any is noted.
    sliced_by_tags = True
    #: Whether a run's metrics take so long that they are computed once, and kept with the run.
    keeps_metrics = False
    #: Those that were kept, and the examples that they are of, in their order.
    kept: Mapping[str, Metric] = {}
    kept_for: Sequence[str] = ()

    @property
    def measuring(self) -> bool:
        """Whether `measure` knows more than `score`."""
        return False

    def unscorable(self, example: Example) -> str | None:
        """Why the example can have no score; None where it can."""
        return None

    def wants_list(self, example: Example) -> bool:
        """Whether one answer is a list; elsewhere an imported list is repeats."""
        target = example.target
        return isinstance(target, Mapping) and any(isinstance(v, list) for v in target.values())

    def score(self, graded: Graded) -> Score:
        """One response, and its verdicts if it is judged → its scores."""
        raise NotImplementedError

    def scores(self, graded: Sequence[Graded]) -> Sequence[Score]:
        """The scores of all answers of a run."""
        return [self.score(item) for item in graded]

    def measure(self, graded: Graded) -> Score:
        """The scores at the end of a run, which keeps them: also those by a model of the user's."""
        return self.score(graded)

    def lowest(self, examples: Sequence[Example]) -> Mapping[str, float]:
        """Metric → its lowest possible score on these examples; 0 for a metric not listed."""
        return {}

    def means(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        """The mean of each score, and of the overall score by example tag."""
        tags = {example.id: example.tags for example in examples}
        return self.means_by(scores, tags, units(examples), self.lowest(examples))

    def means_by(
        self,
        scores: Sequence[Score],
        tags: Mapping[str, Sequence[str]],
        unit_of: Mapping[str, str],
        lowest: Mapping[str, float],
    ) -> dict[str, Metric]:
        """The same by these tags and units of examples: see `scoring.summary.summarise`."""
        metrics = summarise(
            scores,
            tags,
            self.length_rule,
            unit_of,
            shares=self.shares,
            units_are=self.units_are,
            lowest=lowest,
        )
        return in_points(metrics, self.scales)

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        """Metrics that are no means of scores, such as macro-F1."""
        return {}

    def notes(self, graded: Sequence[Graded], scores: Sequence[Score]) -> list[str]:
        """What belongs beside the metrics of these answers, one sentence each."""
        return []

    def of_verdicts(self, graded: Sequence[Graded]) -> dict[str, Metric]:
        """Metrics that verdicts say and scores do not."""
        return {}

    def summarise(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        """Scores of all responses → the run's metrics."""
        return beside(self.means(scores, examples), self.whole_set(scores, examples))


def fingerprint(graded: Graded) -> str:
    """What a recorded score is found by: the answer's place, whether it is there, its verdicts."""
    response = graded.response
    there = None if response is None else response.failure or ""
    said = [None if v is None else (v.met, v.label) for v in graded.verdicts]
    return content_key(graded.example.id, graded.repeat, there, said)
