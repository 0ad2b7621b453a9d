"""Tasks that were tried several times: how often all of k attempts are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from preceptor.records import Metric, Score
from preceptor.scoring.columns import Scores, repeats_of
from preceptor.scoring.names import OVERALL
from preceptor.scoring.sets import mean_metric
from preceptor.statistics.reliability import expected_extreme

__all__ = ["ATTEMPT_LABELS", "all_of_k"]

#: Most attempts that have a metric of their own.
_MOST = 5
#: Display names of what `all_of_k` gives.
ATTEMPT_LABELS = {f"pass^{k}": f"All of {k} attempts right (pass^{k})" for k in range(2, _MOST + 1)}


def all_of_k(scores: Sequence[Score], units: Mapping[str, str]) -> dict[str, Metric]:
    """``pass^k`` for each k from 2 to the number of attempts: whether all of k are right.

    Over tasks with k scored attempts or more, c right of n, the mean of C(c, k)/C(n, k), which is
    unbiased (Yao et al. 2024, τ-bench, arXiv:2406.12045). It is the expected lowest score of k
    attempts. Intervals are over ``units``: the attempts at a task are not independent.
    """
    table = Scores.of(scores)
    column = table.columns.get(OVERALL)
    if column is None or not column.known.any():
        return {}
    rows, values = column.rows[column.known], column.value[column.known]
    examples, matrix = repeats_of(table.example[rows], values)
    attempts = (matrix == matrix).sum(axis=1)  # noqa: PLR0124 (NaN is no attempt)
    found = {}
    for k in range(2, min(_MOST, int(attempts.max())) + 1):
        enough = attempts >= k
        passed = expected_extreme(matrix[enough], k)
        ids = [table.ids[number] for number in examples[enough].tolist()]
        share = bool(((passed == 0) | (passed == 1)).all())
        found[f"pass^{k}"] = mean_metric(passed, ids, units, share=share, lowest=0.0)
    return found
