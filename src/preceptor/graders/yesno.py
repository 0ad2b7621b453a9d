"""A yes/no grader by token probability: one token a criterion, for small models."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from preceptor.errors import shorten
from preceptor.graders.base import Question, render_conversation
from preceptor.graders.model import ModelGrader
from preceptor.graders.rubric import Unreadable, ask_until_parsed
from preceptor.reasoning import split_reasoning
from preceptor.records import Completion, Criterion, Message, Verdict
from preceptor.systems.base import System
from preceptor.systems.first_token import token_text

__all__ = ["SYSTEM_PROMPT", "YesNoGrader", "probability_of_yes"]

#: Below this share of probability on yes and no together, the model did not answer the question.
LEAST_MASS = 0.2
#: Some servers give a certain token a little more than 0.
_ROUNDING = 1e-3
#: A yes or no with the quotes, the markup or the full stop around it.
_WORD = re.compile(r"[\W_]*(yes|y|no|n)[\W_]*", re.IGNORECASE)


SYSTEM_PROMPT = (
    "You check what a text says. You are shown a conversation, the response to its last message, "
    "and a statement about that response. Judge only whether the response really does what the "
    "statement says, not whether that would be good or bad. Answer with one word: Yes or No."
)


class YesNoGrader(ModelGrader):
    """Asks whether a statement is true of the answer, and reads the chance of "Yes".

    The conversation stands first and the criterion last, so that a server that caches prompts
    reads the conversation once for all criteria. The points are not shown: what a negative
    criterion describes is true or not, whatever it costs.
    """

    def __init__(self, address: str, system: System) -> None:
        self.address = address
        self.system = system

    def departures(self) -> list[str]:
        return ["Graded by the chance of a yes, not with the reference prompt."]

    def prompt(self, conversation: Sequence[Message], criterion: Criterion) -> str:
        return (
            f"# Conversation\n\n{render_conversation(conversation[:-1])}\n\n"
            f"# Response to be judged\n\n{render_conversation(conversation[-1:])}\n\n"
            f"# Statement\n\nThe response does the following: {criterion.text}\n\n"
            "Is this statement true of the response above? Answer Yes or No."
        )

    async def judge(self, question: Question) -> Verdict:
        def read(completion: Completion) -> Verdict:
            if completion.only_thought is not None:
                words = "the reply begins with reasoning: turn the model's reasoning off"
                raise Unreadable("reasoning_only", words)
            if not completion.first_token:
                words = "the endpoint gives no token probabilities (logprobs)"
                raise Unreadable("no_logprobs", words)
            chance = probability_of_yes(completion.first_token)
            return Verdict(question.key, chance >= 0.5, probability=round(chance, 6))

        return await ask_until_parsed(self.system, question, read)


def probability_of_yes(first_token: Mapping[str, float]) -> float:
    """P(yes) / (P(yes) + P(no)) from the log-probabilities of the first token's candidates.

    Spellings of one word (``Yes``, ``▁yes``, ``"YES.``) are added up.

    Raises
    ------
    Unreadable
        ``unparseable``: yes and no together have less than LEAST_MASS, or the numbers are no
        log-probabilities. ``reasoning_only``: the reply begins with reasoning.
    """
    if any(logprob > _ROUNDING for logprob in first_token.values()):
        raise Unreadable("unparseable", "expected log-probabilities, found numbers above 0")
    mass = {"y": 0.0, "n": 0.0}
    for token, logprob in first_token.items():
        word = _WORD.fullmatch(token_text(token))
        if word is not None:
            mass[word[1][0].lower()] += math.exp(logprob)
    total = mass["y"] + mass["n"]
    if total < LEAST_MASS:
        best = max(first_token, key=lambda token: first_token[token], default="")
        begun = not split_reasoning(token_text(best)).complete
        words = f"expected Yes or No as the first word, found {shorten(best, 40)}"
        if total > 0:
            words = f"expected a chance of {LEAST_MASS:.0%} for Yes or No, found {total:.1%}"
        if not begun:
            raise Unreadable("unparseable", words)
        raise Unreadable("reasoning_only", f"{words}: turn the model's reasoning off")
    return mass["y"] / total
