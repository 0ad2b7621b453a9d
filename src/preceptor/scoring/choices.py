"""Multiple choice: options in other orders, the vote of several answers, accuracy over orders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from preceptor.records import Example, Metric, Score
from preceptor.scoring.letters import read_choice
from preceptor.scoring.references import Mention, mentions
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.sets import set_metric

__all__ = [
    "circular_scores",
    "listed",
    "macro_f1",
    "majority_scores",
    "read_choice",
    "rotated",
]

Answer = str | Sequence[str]


def listed(options: Mapping[str, str]) -> str:
    """The options as they stand below a question, one a line."""
    return "\n\n" + "\n".join(f"{label}. {text}" for label, text in options.items())


def rotated(
    options: Mapping[str, str], answer: Answer
) -> list[tuple[dict[str, str], str | list[str]]]:
    """(options, answer) in every other circular order.

    Options that speak of others keep their place: see :func:`_moving`.
    """
    moving = _moving(options)
    orders: list[tuple[dict[str, str], str | list[str]]] = []
    for shift in range(1, len(moving)):
        place = {moving[(i - shift) % len(moving)]: moving[i] for i in range(len(moving))}
        texts = {label: options[place.get(label, label)] for label in options}
        now = {old: new for new, old in place.items()}
        if isinstance(answer, str):
            orders.append((texts, now.get(answer, answer)))
        else:
            orders.append((texts, sorted(now.get(each, each) for each in answer)))
    return orders


def _moving(options: Mapping[str, str]) -> list[str]:
    """The options that may move without changing what any option says.

    None where one names others by letter or number. Where one refers to "the above", only those
    before it.
    """
    found = mentions(options)
    if Mention.LABELS in found.values():
        return []
    labels = [*options]
    above = [place for place, each in enumerate(labels) if found.get(each) is Mention.ABOVE]
    return [each for each in labels[: min(above, default=len(labels))] if each not in found]


def majority_scores(scores: Sequence[Score], examples: Mapping[str, Example]) -> list[Score]:
    """One score for each example: whether the letter that most of its repeats state is right.

    Source: self-consistency, Wang et al. 2022, arXiv 2203.11171. An answer that cannot be read has
    no vote; of letters with as many votes the one stated first counts. Undefined while a repeat is
    missing.
    """
    by_example: dict[str, list[Score]] = {}
    for score in sorted(scores, key=lambda each: each.repeat):
        by_example.setdefault(score.example_id, []).append(score)
    return [
        _decided(id, _elected(examples[id], repeats), complete=_complete(repeats))
        for id, repeats in by_example.items()
        if not isinstance(examples[id].of, str)
    ]


def _elected(example: Example, repeats: Sequence[Score]) -> bool:
    said = [_as_set(each.prediction) for each in repeats if each.prediction is not None]
    return bool(said) and Counter(said).most_common(1)[0][0] == _as_set(example.target["answer"])


def _as_set(answer: Any) -> frozenset[str]:
    return frozenset([answer] if isinstance(answer, str) else answer)


def circular_scores(
    scores: Sequence[Score], question: Mapping[str, str]
) -> tuple[list[Score], list[Score]]:
    """(vanilla, circular): of each question and repeat, whether the given order, and whether every
    order of the options was answered right.

    Source: CircularEval, MMBench (Liu et al. 2023, arXiv 2307.06281). Both are over the questions
    whose options can be moved. One wrong order decides a question, whatever is missing.
    """
    moved = {of for id, of in question.items() if id != of}
    vanilla, groups = [], dict[tuple[str, int], list[Score]]()
    for score in scores:
        of = question[score.example_id]
        if of in moved:
            groups.setdefault((of, score.repeat), []).append(score)
            if of == score.example_id:
                vanilla.append(score)
    circular = []
    for (of, repeat), orders in groups.items():
        wrong = any(each.values.get(OVERALL) == 0 for each in orders)
        decided = _decided(of, not wrong, complete=wrong or _complete(orders))
        circular.append(msgspec.structs.replace(decided, repeat=repeat))
    return [_only_overall(score) for score in vanilla], circular


def _complete(scores: Sequence[Score]) -> bool:
    return all(OVERALL in score.values for score in scores)


def _only_overall(score: Score) -> Score:
    return msgspec.structs.replace(
        score,
        values={name: value for name, value in score.values.items() if name == OVERALL},
        low={OVERALL: score.low[OVERALL]},
        high={OVERALL: score.high[OVERALL]},
        counts={OVERALL: score.counts[OVERALL]},
    )


def _decided(id: str, right: bool, *, complete: bool) -> Score:
    value = float(right)
    return Score(
        example_id=id,
        repeat=0,
        values={OVERALL: value} if complete else {},
        low={OVERALL: value if complete else 0.0},
        high={OVERALL: value if complete else 1.0},
        counts={OVERALL: (int(complete), 1)},
        length=None,
    )


def macro_f1(
    scores: Sequence[Score],
    examples: Mapping[str, Example],
    question: Mapping[str, str],
    unit_of: Mapping[str, str],
    classes: Sequence[str],
) -> Metric:
    """The mean over classes of F1, an unreadable answer being of none of them.

    As ``sklearn.metrics.f1_score(average="macro", labels=…)`` over the classes that occur among
    the right answers or the predictions; counted here, because it is resampled.
    """
    rows = [score for score in scores if OVERALL in score.values]
    place = {name.casefold(): index for index, name in enumerate(classes)}

    def index(example: Example, letter: Any) -> int:
        if not isinstance(letter, str):
            return len(classes)
        text = example.target["options"][letter].strip().rstrip(".").casefold()
        return place.get(text, place.get(letter.casefold(), len(classes)))

    truth = np.array([index(each := examples[s.example_id], each.target["answer"]) for s in rows])
    said = np.array([index(examples[s.example_id], s.prediction) for s in rows])
    size = len(classes) + 1

    def statistic(picked: np.ndarray[Any, Any]) -> float:
        cells = np.bincount(truth[picked] * size + said[picked], minlength=size * size)
        table = cells.reshape(size, size)
        hits = np.diagonal(table)[:-1]
        both = (table.sum(axis=0) + table.sum(axis=1))[:-1]
        seen = both > 0
        return float(np.mean(2 * hits[seen] / both[seen])) if seen.any() else float("nan")

    coverage = len(rows) / len(scores) if scores else 0.0
    return set_metric(statistic, [question[s.example_id] for s in rows], unit_of, coverage=coverage)
