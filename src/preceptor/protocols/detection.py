"""Is there a fault, yes or no: a question with two options, one of which is the finding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from preceptor.protocols.choice import ChoiceScoring, choice_example
from preceptor.protocols.confident import ACCURACY_READ, with_values
from preceptor.records import Example, Graded, Metric, Score
from preceptor.scoring.labels import ratio
from preceptor.scoring.names import OVERALL
from preceptor.scoring.sets import mean_metric, set_metric
from preceptor.scoring.units import units

__all__ = ["DetectionScoring", "detection_example"]

_YES = "yes"


def detection_example(id: str, stem: str, finding: bool, tags: Sequence[str] = ()) -> Example:
    """The Example of one yes/no question; ``finding``: the right answer is yes."""
    answer = "A" if finding else "B"
    return choice_example(id, stem, {"A": _YES, "B": "no"}, answer, tags)


class DetectionScoring(ChoiceScoring):
    """Multiple choice between yes and no, yes being the finding.

    Beside those of :class:`ChoiceScoring` there are precision, recall and F1 of the finding and
    the accuracy, each over the answers that could be read::

        precision = TP / (TP + FP),   recall = TP / (TP + FN),   F1 = 2·TP / (2·TP + FP + FN)
    """

    def score(self, graded: Graded) -> Score:
        score = super().score(graded)
        if score.prediction is None:
            return score
        return with_values(score, {ACCURACY_READ: score.values[OVERALL]})

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        by_id = {example.id: example for example in examples}
        read = [score for score in scores if score.prediction is not None]
        ids, unit_of = [score.example_id for score in read], units(examples)
        said = np.array([_is_yes(by_id[s.example_id], s.prediction) for s in read], dtype=bool)
        true = np.array(
            [_is_yes(by_id[s.example_id], by_id[s.example_id].target["answer"]) for s in read],
            dtype=bool,
        )
        coverage = len(read) / len(scores) if scores else 0.0

        def share_of(hits: NDArray[np.bool_], rows: NDArray[np.bool_]) -> Metric:
            there = [id for id, row in zip(ids, rows, strict=True) if row]
            return mean_metric(hits[rows], there, unit_of, share=True, coverage=coverage)

        return {
            "precision": share_of(true, said),
            "recall": share_of(said, true),
            "f1": set_metric(
                ratio(2 * (said & true), 1 * said + true), ids, unit_of, coverage=coverage
            ),
        }


def _is_yes(example: Example, letter: str) -> bool:
    """By its text: in another order of the options the letter is another."""
    text: str = example.target["options"][letter]
    return text == _YES
