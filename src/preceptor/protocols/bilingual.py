"""Multiple choice in two languages, question by question."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from preceptor.protocols.choice import ChoiceProtocol
from preceptor.records import Example, Metric, Score
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.sets import set_metric

__all__ = ["BilingualChoice", "language_kappa"]

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


def _by_question(metrics: dict[str, Metric], examples: Sequence[Example]) -> dict[str, Metric]:
    """Metrics over both languages have the interval of a bootstrap that draws questions, in which
    the two answers to one go together: a formula for answers that are independent is too narrow.
    """
    languages: dict[str, set[str]] = {OVERALL: set()}
    for example in examples:
        for tag in (OVERALL, *example.tags):
            languages.setdefault(tag, set()).update(
                each for each in example.tags if each.startswith("language:")
            )
    found = {}
    for name, metric in metrics.items():
        pair = metric.bootstrap_ci95
        both = len(languages.get(name, languages[OVERALL])) > 1
        found[name] = (
            msgspec.structs.replace(metric, ci95=pair, raw_ci95=pair, wilson_ci95=None)
            if both and pair is not None
            else metric
        )
    return found


class BilingualChoice(ChoiceProtocol):
    """Multiple choice, every question in two languages: the gap and the agreement between them.

    Ids are paths: that of a question in English has ``english`` where its twin has ``local``.
    Beside the metrics of :class:`ChoiceProtocol` there are, for questions that were answered in
    both, ``language_gap`` (English minus local accuracy) and ``language_kappa``.
    """

    name = "choice-bilingual"

    def summarise(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        metrics = _by_question(super().summarise(scores, examples), examples)
        given = {(s.example_id, s.repeat): s for s in scores if OVERALL in s.values}
        pairs = [
            (score, english)
            for (id, repeat), score in given.items()
            if (english := given.get((id.replace("/local/", "/english/"), repeat))) is not None
            and "/local/" in id
        ]
        if not pairs:
            return metrics
        # The orders of the options of a question are one question.
        clusters = {each.id: each.cluster for each in examples}
        units = [clusters[local.example_id] for local, _ in pairs]
        gaps = np.array([e.values[OVERALL] - s.values[OVERALL] for s, e in pairs])
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

        metrics["language_gap"] = set_metric(lambda rows: float(gaps[rows].mean()), units)
        metrics["language_kappa"] = set_metric(kappa, units, unit="κ")
        return metrics
