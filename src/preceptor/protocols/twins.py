"""Questions with twins that mislead: how much worse the same question is answered."""

from __future__ import annotations

from collections.abc import Sequence

from preceptor.protocols.choice import ChoiceScoring
from preceptor.records import Example, Metric, Score
from preceptor.scoring.names import OVERALL
from preceptor.scoring.paired import Pair, changes

__all__ = ["TWIN_LABELS", "TwinScoring"]

_PLAIN, _MISLEADING, _DROP = "asked:plainly", "asked:misleading", "drop"
#: Display names of the family's metrics, for a benchmark's ``labels``.
TWIN_LABELS = {
    "asked": "How the question is asked",
    _PLAIN: "Plainly",
    _MISLEADING: "With misleading words",
    _DROP: "Accuracy lost to misleading words",
    f"{_DROP}_p": "p: misleading words change what is right (McNemar)",
}


class TwinScoring(ChoiceScoring):
    """``drop``: the accuracy of questions less that of their twins, the two of one ``cluster``.

    Tests and groups are those of `scoring.paired.changes`.

    Parameters
    ----------
    groups
        Namespace of the tags that groups of twins have.
    """

    def __init__(self, groups: str) -> None:
        super().__init__()
        self.groups = groups

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        by_id = {example.id: example for example in examples}
        right: dict[tuple[str, str, int], float] = {}
        group_of: dict[str, str] = {}
        for score in scores:
            example = by_id[score.example_id]
            way = _MISLEADING if _MISLEADING in example.tags else _PLAIN
            question = example.target["cluster"]
            own = (tag for tag in example.tags if tag.startswith(f"{self.groups}:"))
            group_of[question] = next(own, "").partition(":")[2]
            if OVERALL in score.values:
                right[question, way, score.repeat] = score.values[OVERALL]
        pairs = [
            Pair(question, group_of[question], before, right[question, _MISLEADING, repeat])
            for (question, way, repeat), before in right.items()
            if way == _PLAIN and (question, _MISLEADING, repeat) in right
        ]
        return changes(pairs, _DROP)
