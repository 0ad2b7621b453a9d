"""Which answers a rubric is tried on. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from preceptor.errors import InputError
from preceptor.records import Example, Message
from preceptor.studio.items.authoring import Written
from preceptor.studio.items.content import Content
from preceptor.studio.items.writing import Answer, problems

__all__ = ["ANSWERS", "Wanted", "wanted"]

#: Answers that a rubric is tried on, if the project's systems give that many.
ANSWERS = 3


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The task, rubric and answers that a preview judges.

    Attributes
    ----------
    answers
        Answers of the draft.
    systems
        Addresses to ask for the rest, each with the number of answers that it has given.
    """

    item: str
    asked: str
    content: Content
    answers: tuple[Answer, ...]
    systems: tuple[tuple[str, int], ...]

    @property
    def example(self) -> Example:
        """The task as the runner reads it."""
        return self.content.example(self.item, None)

    @property
    def messages(self) -> tuple[Message, ...]:
        return self.example.messages


def wanted(found: Written, systems: Sequence[str]) -> Wanted:
    """What a preview of a draft is of: answers of the chat, and of systems that gave none.

    The answer that is rated comes first, then those of other systems; then systems that were not
    asked, and then those that were, once more. Raises InputError where the rubric is not complete.
    """
    writing, item = found.writing, found.standing.item
    faults = problems(writing, found.live, revising=True)
    for field, words in faults.items():
        if field.startswith(("t-", "c-")) or field == "rubric":
            where = "conversation" if field.startswith("t-") else "rubric"
            raise InputError(f"complete the {where}, then preview it: {words}")
    there = [each for each in found.answers if each.asked == writing.asked]
    known = _order(there, found.live)
    if found.live is None and writing.answer.strip():
        known = [Answer(id="typed", alias="The answer you typed", text=writing.answer), *known]
    kept = known[:ANSWERS]
    given, use = Counter(each.system for each in there), Counter(each.system for each in kept)
    more: list[tuple[str, int]] = []
    while len(kept) + len(more) < ANSWERS and systems:
        system = min(systems, key=lambda each: use[each])  # the first of those used least
        more.append((system, given[system]))
        given[system] += 1
        use[system] += 1
    if not kept and not more:
        raise InputError("answer: expected one to preview the rubric on, found none: write one")
    return Wanted(
        item=item,
        asked=writing.asked,
        content=writing.content(found.standing.mode),
        answers=tuple(kept),
        systems=tuple(more),
    )


def _order(there: Sequence[Answer], live: Answer | None) -> list[Answer]:
    """The rated one, then one of each other system, then the rest."""
    rated = [each for each in there if live is not None and each.id == live.id]
    rest = [each for each in there if each not in rated]
    seen = {each.system for each in rated}
    first: list[Answer] = []
    for each in rest:
        if each.system not in seen:
            first.append(each)
            seen.add(each.system)
    return [*rated, *first, *(each for each in rest if each not in first)]
