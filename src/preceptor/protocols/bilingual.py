"""Multiple choice in two languages, question by question."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from preceptor.protocols.choice import ChoiceScoring
from preceptor.records import Example, Metric, Score
from preceptor.scoring.names import OVERALL
from preceptor.scoring.sets import mean_metric, set_metric
from preceptor.scoring.units import units

__all__ = ["BilingualScoring", "language_kappa"]

#: What could not be read is an answer of its own kind.
_NOTHING = ""


def language_kappa(local: Sequence[object], english: Sequence[object]) -> float:
    """Cohen's kappa of the answers in two languages, by scikit-learn.

    From −1 to 1; NaN where all answers are the same letter. What could not be read is an answer
    of its own kind: a refusal in one language only is a disagreement.
    """
    from sklearn.metrics import cohen_kappa_score

    pairs = [[_NOTHING if one is None else str(one) for one in side] for side in (local, english)]
    if len({one for side in pairs for one in side}) < 2:
        return float("nan")
    return float(cohen_kappa_score(*pairs))


class BilingualScoring(ChoiceScoring):
    """Multiple choice, every question in two languages: the gap and the agreement between them.

    Ids are paths: that of a question in English has ``english`` where its twin has ``local``.
    Beside the metrics of :class:`ChoiceScoring` there are, for questions that were answered in
    both, ``language_gap`` (English minus local accuracy) and ``language_kappa``.
    """

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        given = {(s.example_id, s.repeat): s for s in scores if OVERALL in s.values}
        pairs = [
            (score, english)
            for (id, repeat), score in given.items()
            if (english := given.get((id.replace("/local/", "/english/"), repeat))) is not None
            and "/local/" in id
        ]
        if not pairs:
            return {}
        ids, unit_of = [local.example_id for local, _ in pairs], units(examples)
        gaps = [e.values[OVERALL] - s.values[OVERALL] for s, e in pairs]
        letters = [[str(each.prediction or _NOTHING) for each in pair] for pair in pairs]
        known, codes = np.unique(np.array(letters), return_inverse=True)
        codes = codes.reshape(-1, 2)

        def kappa(rows: NDArray[np.intp]) -> float:
            """As `language_kappa`, from a table: scikit-learn is too slow for the resamples."""
            flat = codes[rows, 0] * len(known) + codes[rows, 1]
            table = np.bincount(flat, minlength=len(known) ** 2).reshape(len(known), -1)
            total = table.sum()
            chance = float(table.sum(0) @ table.sum(1)) / total**2
            return float("nan") if chance == 1 else (table.trace() / total - chance) / (1 - chance)

        return {
            "language_gap": mean_metric(gaps, ids, unit_of),
            "language_kappa": set_metric(kappa, ids, unit_of, unit="κ"),
        }
