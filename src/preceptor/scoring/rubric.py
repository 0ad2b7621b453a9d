"""A rubric's verdicts → the scores of one response.

Source: HealthBench (arXiv 2505.08775), equations 1 to 4. For response i with criteria j of points
p_j and verdicts r_j in {0, 1}::

    s_i = Σ_j r_j·p_j / Σ_j max(0, p_j)

which may be negative and is never clipped. For a rubric tag (axis, level, cluster) both sums run
over the criteria with that tag; without a positive one among them the score is undefined.
"""

from __future__ import annotations

from collections.abc import Iterable

from preceptor.records import Criterion, Example, Graded, Score, Verdict
from preceptor.scoring.bounds import Bounds, bounded
from preceptor.scoring.names import OVERALL, free_name

__all__ = ["OVERALL", "lowest_scores", "score_rubric"]


def score_rubric(graded: Graded) -> Score:
    """Score one response, over all its criteria and by each rubric tag.

    A name is in ``values`` only if it is defined and every verdict under it was given: a missing
    verdict is not "not met". ``low`` and ``high`` say what the missing verdicts allow.

    Raises
    ------
    ValueError
        If there is not exactly one verdict (or None) for each criterion.
    """
    metrics: dict[str, Bounds] = {}
    pairs = list(zip(graded.example.criteria, graded.verdicts, strict=True))
    for name, part in _by_name(pairs).items():
        attainable = sum(criterion.points for criterion, _ in part if criterion.points > 0)
        if attainable <= 0:
            continue
        certain, gain, loss, given = 0, 0, 0, 0
        for criterion, verdict in part:
            if verdict is not None and verdict.met is not None:
                given += 1
                certain += criterion.points if verdict.met else 0
            elif criterion.points > 0:
                gain += criterion.points
            else:
                loss += criterion.points
        low, high = (certain + loss) / attainable, (certain + gain) / attainable
        metrics[name] = Bounds(given, len(part), low, high)
    return bounded(graded, metrics)


def lowest_scores(examples: Iterable[Example]) -> dict[str, float]:
    """Metric → the lowest score of any of these: all that is undesirable met, and nothing else."""
    lowest: dict[str, float] = {}
    for example in examples:
        for name, part in _by_name((criterion, None) for criterion in example.criteria).items():
            attainable = sum(criterion.points for criterion, _ in part if criterion.points > 0)
            if attainable > 0:
                lost = sum(criterion.points for criterion, _ in part if criterion.points < 0)
                lowest[name] = min(lowest.get(name, 0.0), lost / attainable)
    return lowest


_Pair = tuple[Criterion, Verdict | None]


def _by_name(pairs: Iterable[_Pair]) -> dict[str, list[_Pair]]:
    pairs = list(pairs)
    names: dict[str, list[_Pair]] = {}
    for pair in pairs:
        for tag in dict.fromkeys(pair[0].tags):
            names.setdefault(free_name(tag, "criterion"), []).append(pair)
    return {OVERALL: pairs} | names
