"""What a system is sent: the question, instructions beside it, other examples worked before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from preceptor.records import Example, Message

__all__ = ["Asking", "PatientFirst"]


class Asking:
    """How a question is put. Without anything given, the example's messages are sent as they are.

    Parameters
    ----------
    instructions
        What the system is told, or example → what it is told.
    place
        Where that stands: after the last message's text or before it, or after the text of every
        message of the user.
    answer
        Example → its right answer as a system would give it: examples can then be worked before a
        question (``--shots``).
    nearest
        (example, pool, count) → the examples of the pool that are worked before this one; without
        it, any at random.
    orders
        The question with its options in every order (``--circular``), the given one first.
    first_token
        Whether only the first token of an answer is wanted, with the probabilities of the
        candidates for it.
    """

    def __init__(
        self,
        instructions: str | Callable[[Example], str] | None = None,
        place: Literal["after", "before", "every"] = "after",
        *,
        answer: Callable[[Example], str] | None = None,
        nearest: Callable[[Example, Sequence[Example], int], list[Example]] | None = None,
        orders: Callable[[Example], list[Example]] | None = None,
        first_token: bool = False,
    ) -> None:
        self.instructions, self.place = instructions, place
        self.answer, self.nearest, self.orders = answer, nearest, orders
        self.first_token = first_token

    def messages(self, example: Example) -> tuple[Message, ...]:
        """The conversation that a system is asked to continue."""
        if self.instructions is None:
            return example.messages
        told = self.instructions
        told = told if isinstance(told, str) else told(example)
        if self.place == "every":
            return tuple(
                each.with_text(f"{each.text}\n\n{told}") if each.role == "user" else each
                for each in example.messages
            )
        *before, last = example.messages
        parts = (told, last.text) if self.place == "before" else (last.text, told)
        return (*before, last.with_text("\n\n".join(parts)))

    def shots(self, examples: Sequence[Example]) -> tuple[Message, ...] | None:
        """These with their answers, as turns before another; None where that is not done."""
        if self.answer is None:
            return None
        return tuple(
            turn
            for example in examples
            for turn in (*self.messages(example), Message("assistant", self.answer(example)))
        )


class PatientFirst(Asking):
    """Nothing is sent before the patient speaks: an example's messages are for readers alone."""

    def messages(self, example: Example) -> tuple[Message, ...]:
        return ()
