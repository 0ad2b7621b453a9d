"""Multiple choice: a question with lettered options; the letter is read out of a free answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.scoring import Scoring
from preceptor.records import Example, Graded, Message, Metric, Score
from preceptor.records.responses import ENVIRONMENT_FAILED
from preceptor.scoring.answers import PARSED, answered, missing, scored
from preceptor.scoring.choices import (
    circular_scores,
    listed,
    macro_f1,
    majority_scores,
    read_choice,
    rotated,
)
from preceptor.scoring.names import OVERALL, beside
from preceptor.scoring.summary import less
from preceptor.scoring.units import units

__all__ = [
    "ACCURACY_READ",
    "CHOICE_LABELS",
    "DIRECT",
    "WAYS",
    "ChoiceProtocol",
    "ChoiceScoring",
    "choice_asking",
    "choice_example",
    "circular",
]

#: Accuracy over the answers that could be read alone.
ACCURACY_READ = "accuracy_of_read"
#: What a system is told after the question: the letter alone, or with the reasoning before it.
DIRECT = "Which option is right? Reply with its letter only."
_REASONED = (
    "Which option is right? Think it through step by step, then end with a line of its own:\n"
    "Answer: <letter>"
)
#: (ending of a benchmark's name, the way in words, what a system is told).
WAYS = (("", "direct answer", DIRECT), ("-cot", "chain of thought", _REASONED))

#: Display names of the family's metrics, for a benchmark's ``labels``.
CHOICE_LABELS = {
    OVERALL: "Accuracy",
    PARSED: "Answers that could be read",
    "self_consistency": "Accuracy of the majority",
    "circular_accuracy": "Right in every order",
    "vanilla_accuracy": "Right in the given order",
}


def choice_example(
    id: str,
    stem: str,
    options: Mapping[str, str],
    answer: str | Sequence[str],
    tags: Sequence[str] = (),
    *,
    cluster: str | None = None,
) -> Example:
    """The Example of one question.

    Parameters
    ----------
    stem
        The question, with what belongs before it (a case, an abstract), without the options.
    options
        Letter (A, B, C, …) → text, in order.
    answer
        The right letter; several where exactly these must be named together.
    cluster
        What it has in common with questions that are not independent of it.
    """
    right = answer if isinstance(answer, str) else [*answer]
    target: dict[str, Any] = {"options": dict(options), "answer": right}
    if cluster is not None:
        target["cluster"] = cluster
    message = Message("user", stem.strip() + listed(options))
    return Example(id=id, messages=(message,), criteria=(), tags=tuple(tags), target=target)


def circular(example: Example) -> list[Example]:
    """The question with its options in every circular order, the given one first.

    Source: CircularEval, MMBench (Liu et al. 2023, arXiv 2307.06281). An option that speaks of
    those above it ("all of the above") stays where it is and the others move; where an option
    names another's letter ("both A and C") there is only the given order.
    """
    options: dict[str, str] = example.target["options"]
    *before, last = example.messages
    stem = last.text.removesuffix(listed(options))
    variants = [example]
    for number, (texts, answer) in enumerate(rotated(options, example.target["answer"]), 1):
        variants.append(
            msgspec.structs.replace(
                example,
                id=f"{example.id}#{number}",
                of=example.id,
                messages=(*before, last.with_text(stem + listed(texts))),
                target={**example.target, "options": texts, "answer": answer},
            )
        )
    return variants


def choice_asking(instructions: str | Mapping[str, str] = DIRECT) -> Asking:
    """Instructions after the question; a mapping gives them by tag, ``""`` for all others."""
    by_tag = {"": instructions} if isinstance(instructions, str) else instructions

    def told(example: Example) -> str:
        return next((by_tag[tag] for tag in example.tags if tag in by_tag), "") or by_tag[""]

    return Asking(told, answer=_letters, orders=circular)


def _letters(example: Example) -> str:
    answer = example.target["answer"]
    return f"Answer: {answer if isinstance(answer, str) else ', '.join(answer)}"


class ChoiceScoring(Scoring):
    """One question, some options, one letter (or the set of those that are right).

    Parameters
    ----------
    labels
        The classes of ``macro_f1``, where one option means the same in every question: their
        letters, or their texts (``yes``, ``no``, ``maybe``). None where they do not: no macro-F1.
    missing_is_wrong
        A call that failed counts as a wrong answer; else it is missing.
    pass_mark
        The accuracy with which the exam is passed, 0 to 1: how far the run is above it is the
        metric ``above_pass_mark``, −1 to 1. None where there is no such mark.
    """

    shares: Collection[str] = (OVERALL, PARSED, ACCURACY_READ)
    units_are = "questions"

    def __init__(
        self,
        labels: tuple[str, ...] | None = None,
        missing_is_wrong: bool = False,
        pass_mark: float | None = None,
    ) -> None:
        self.labels, self.pass_mark = labels, pass_mark
        self.missing_is_wrong = missing_is_wrong

    def score(self, graded: Graded) -> Score:
        text = answered(graded)
        if text is None:
            score = missing(graded, {OVERALL: (0.0, 1.0), PARSED: (0.0, 1.0)})
            failed = graded.response.failure if graded.response is not None else None
            if self.missing_is_wrong and failed != ENVIRONMENT_FAILED:
                wrong = {OVERALL: 0.0, PARSED: 0.0}
                return msgspec.structs.replace(score, values=wrong, low=wrong, high=wrong)
            return score
        target = graded.example.target
        right = target["answer"]
        several = not isinstance(right, str)
        question = graded.example.messages[-1].text.removesuffix(listed(target["options"]))
        said = read_choice(text, target["options"], several=several, question=question)
        correct = said is not None and set(said) == set(right)
        return scored(graded, {OVERALL: float(correct)}, said)

    def summarise(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        by_id = {example.id: example for example in examples}
        question = {id: of if isinstance(of := each.of, str) else id for id, each in by_id.items()}
        # The orders of one question are one question: like repeats of it.
        merged = [
            msgspec.structs.replace(score, example_id=question[score.example_id])
            for score in scores
        ]
        tags = {question[each.id]: each.tags for each in examples}
        unit_of = {question[id]: unit for id, unit in units(examples).items()}
        metrics, own = self.means_by(merged, tags, unit_of, {}), {}
        for name, part in self._derived(scores, by_id, question).items():
            own[name] = self.means_by(part, {}, unit_of, {})[OVERALL]
        if self.labels is not None:
            own["macro_f1"] = macro_f1(scores, by_id, question, unit_of, self.labels)
        if self.pass_mark is not None:
            own["above_pass_mark"] = less(metrics[OVERALL], self.pass_mark)
        own |= self.whole_set(scores, examples)
        return beside(metrics, own)

    def _derived(
        self, scores: Sequence[Score], by_id: Mapping[str, Example], question: Mapping[str, str]
    ) -> dict[str, list[Score]]:
        """Metric name → one score of 0 or 1 for each question, where the run has that metric."""
        found = {}
        if any(score.repeat > 0 for score in scores):
            found["self_consistency"] = majority_scores(scores, by_id)
        if any(id != of for id, of in question.items()):
            vanilla, circular = circular_scores(scores, question)
            found["vanilla_accuracy"], found["circular_accuracy"] = vanilla, circular
        return found


class ChoiceProtocol(Protocol):
    """Multiple choice: ``instructions`` as in `choice_asking`, the rest as in `ChoiceScoring`."""

    def __init__(
        self,
        instructions: str | Mapping[str, str] = DIRECT,
        labels: tuple[str, ...] | None = None,
        missing_is_wrong: bool = False,
        pass_mark: float | None = None,
    ) -> None:
        scoring = ChoiceScoring(labels, missing_is_wrong, pass_mark)
        super().__init__("choice", asking=choice_asking(instructions), scoring=scoring)
