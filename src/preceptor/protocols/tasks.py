"""Several tasks in one benchmark, each of its own family, and one figure over all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.extraction import SpanScoring
from preceptor.protocols.scoring import Scoring
from preceptor.records import Example, Graded, Message, Metric, Score
from preceptor.scoring.answers import PARSED
from preceptor.scoring.labels import Statistic, ratio
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.sets import set_metric
from preceptor.scoring.units import units

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TaskScoring", "several_tasks"]


def _task(tasks: Mapping[str, Protocol], example: Example) -> str:
    return next(tag for tag in tasks if tag in example.tags)


class _ByTask(Asking):
    """Each task asks in its own way."""

    def __init__(self, tasks: Mapping[str, Protocol]) -> None:
        super().__init__()
        self.tasks = tasks

    def messages(self, example: Example) -> tuple[Message, ...]:
        return self.tasks[_task(self.tasks, example)].messages(example)


class TaskScoring(Scoring):
    """Tasks, told apart by a tag of their examples; the mean over tasks beside that over answers.

    Parameters
    ----------
    tasks
        Tag → the task's own protocol, in which nothing is judged.
    figures
        Tag → the names of the task's figures, of which the mean is taken first: of scores of one
        response, ``exact_f1`` of the entities of all, and ``token_accuracy`` over all tokens.
    """

    def __init__(
        self, tasks: Mapping[str, Protocol], figures: Mapping[str, tuple[str, ...]]
    ) -> None:
        self.tasks, self.figures = tasks, figures
        right_or_wrong = [tag for tag, task in tasks.items() if OVERALL in task.scoring.shares]
        self.shares = (PARSED, *right_or_wrong)

    def wants_list(self, example: Example) -> bool:
        return self.tasks[_task(self.tasks, example)].scoring.wants_list(example)

    def score(self, graded: Graded) -> Score:
        return self.tasks[_task(self.tasks, graded.example)].score(graded)

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        by_id = {example.id: example for example in examples}
        there = [score for score in scores if score.values]
        of_task = [_task(self.tasks, by_id[score.example_id]) for score in there]
        asked = Counter(_task(self.tasks, by_id[score.example_id]) for score in scores)
        ids, unit_of = np.array([score.example_id for score in there], dtype=str), units(examples)
        own_figures: dict[str, Metric] = {}
        tasks: list[list[Statistic]] = []
        for tag in dict.fromkeys(of_task):
            rows = np.flatnonzero(np.array(of_task) == tag)
            figures = []
            for name in self.figures[tag]:
                cells = np.zeros((len(there), 2))  # nothing for the answers of other tasks
                for row in rows:
                    score = there[row]
                    cells[row] = self._cell(name, score, by_id[score.example_id])
                figures.append(ratio(cells[:, 0], cells[:, 1]))
                shown = f"{name.replace(OVERALL, 'accuracy')}:{tag.partition(':')[2]}"
                own = ratio(cells[rows, 0], cells[rows, 1])
                coverage = len(rows) / asked[tag]
                own_figures[shown] = set_metric(own, list(ids[rows]), unit_of, coverage=coverage)
            tasks.append(figures)

        def over_tasks(rows: NDArray[np.intp]) -> float:
            return float(np.mean([np.mean([each(rows) for each in task]) for task in tasks]))

        coverage = len(there) / len(scores) if scores else 0.0
        own_figures["mean_over_tasks"] = set_metric(
            over_tasks, list(ids), unit_of, coverage=coverage
        )
        return own_figures

    def _cell(self, name: str, score: Score, example: Example) -> tuple[float, float]:
        """What one response adds to both sides of a ratio."""
        task = self.tasks[_task(self.tasks, example)].scoring
        if isinstance(task, SpanScoring):
            if name == "exact_f1":
                return task.pair(task.tallies(score, example), "exact", None)
            if name == "token_accuracy":
                tokens = len(example.target["tokens"])
                return score.values[name] * tokens, float(tokens)
        return score.values[name], 1.0


def several_tasks(
    tasks: Mapping[str, Protocol], figures: Mapping[str, tuple[str, ...]]
) -> Protocol:
    """Each task asks and scores in its own way; parameters as in `TaskScoring`."""
    return Protocol("tasks", asking=_ByTask(tasks), scoring=TaskScoring(tasks, figures))
