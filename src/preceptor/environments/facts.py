"""A patient without a model: it tells the facts of the case that a question is about."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from preceptor.environments.patient import spoken
from preceptor.records import Completion, Example
from preceptor.systems.base import Ask, System
from preceptor.systems.prices import FREE

__all__ = ["FACTS", "UNKNOWN", "CaseFacts", "facts_of", "sentences", "told"]

#: Its address.
FACTS = "facts"
#: What it says where no fact is about the question.
UNKNOWN = "I cannot say anything about that."
#: Facts that one answer tells at the most, and the share of the best one's weight that each needs.
_MOST, _NEAR = 3, 0.7
#: Share of a fact's words, by weight, of a text that tells it.
_TOLD = 0.6
_WORD = re.compile(r"[^\W_]+")
#: Between two sentences.
_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\d])")
#: Letters by which words are compared: enough to tell them apart, few enough for their endings.
_STEM = 5
_COMMON = frozenset(
    _WORD.findall(
        """
        a about all also am an and any are as at be been being both but by can could did do does
        doing each even ever feel felt few for from get give had has have having he her hers him
        his how i if in into is it its just kind let man many may me mention might more most much
        my no not now of on or other our out own patient patients please recent recently report
        reported she should so some such tell than that the their them then there these they this
        those time to too up us very was we were what when where which while who why will with
        woman would yes you your
        """
    )
)

#: Stems of the words that an open question may have beside those.
_OPEN = frozenset(
    _WORD.findall(
        """
        anyth brin bring compl descr else hello help here hi matte probl somet sympt today troub
        wrong happe
        """
    )
)


class CaseFacts(System):
    """Answers the last question with the facts of the example that have most words in common.

    The facts are a list of texts in the example's target, under ``facts``. Words are compared by
    their first letters and weigh more the fewer facts have them. What was told already is told
    again only where nothing else fits. An open question ("What brings you here?") is answered with
    the first fact that was not told yet. The same conversation has the same answer.
    """

    address = FACTS
    price = FREE
    uses_example = True
    sampled = False
    concurrency = 64

    def identity(self) -> dict[str, Any]:
        return {"system": FACTS, "version": 2}

    def covers(self, example: Example) -> int | None:
        return None if facts_of(example) else 0

    async def answer(self, ask: Ask) -> Completion:
        facts = () if ask.example is None else facts_of(ask.example)
        last = next((m.text for m in reversed(ask.messages) if m.role == "user"), "")
        asked = spoken(last)
        before = "\n".join(m.text for m in ask.messages if m.role == "assistant")
        if _words(asked) <= _OPEN:
            next_fact = next((fact for fact in facts if fact not in before), UNKNOWN)
            return Completion(next_fact, cost_usd=0.0)
        found = _about(asked, facts)
        fresh = [fact for fact in found if fact not in before]
        return Completion(" ".join(fresh or found) or UNKNOWN, cost_usd=0.0)


def sentences(text: str) -> list[str]:
    """The sentences of a case: each is a fact."""
    return _END.split(text)


def facts_of(example: Example) -> tuple[str, ...]:
    """The facts of a case; none where it has no such list."""
    target = example.target
    return tuple(target.get("facts", ())) if isinstance(target, dict) else ()


def _about(question: str, facts: Sequence[str]) -> list[str]:
    """The facts that a question is about, in the order of the case."""
    asked = _words(question)
    held, weigh = _weighed(facts)
    weights = [sum(weigh[word] for word in words & asked) for words in held]
    best = max(weights, default=0.0)
    if not best:
        return []
    near = [at for at, weight in enumerate(weights) if weight >= _NEAR * best]
    chosen = sorted(near, key=lambda at: (-weights[at], at))[:_MOST]
    return [facts[at] for at in sorted(chosen)]


def _words(text: str) -> set[str]:
    found = (word.casefold() for word in _WORD.findall(text))
    return {word[:_STEM] for word in found if word not in _COMMON}


def _weighed(facts: Sequence[str]) -> tuple[list[set[str]], dict[str, float]]:
    """The words of each fact; and the weight of each word, more the fewer facts have it."""
    held = [_words(fact) for fact in facts]
    times = Counter(word for words in held for word in words)
    return held, {word: math.log(1 + len(facts) / count) for word, count in times.items()}


def told(facts: Sequence[str], said: str) -> list[int]:
    """Places of the facts of which a text has most of the words, by weight."""
    words, (held, weigh) = _words(said), _weighed(facts)
    wholes = [sum(weigh[word] for word in each) for each in held]
    return [
        at
        for at, (each, whole) in enumerate(zip(held, wholes, strict=True))
        if whole and sum(weigh[word] for word in each & words) >= _TOLD * whole
    ]
