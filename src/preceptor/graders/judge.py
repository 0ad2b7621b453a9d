"""A judge who gives labels or ordinals: what it is asked, and how its reply is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

import msgspec

from preceptor.errors import shorten
from preceptor.graders.base import Case, render_conversation
from preceptor.graders.rubric import in_words
from preceptor.reasoning import said_in, without_fence
from preceptor.records import Criterion

__all__ = ["Judge", "LabelJudge"]


class Judge:
    """What a family's grader is asked about one criterion of one answer."""

    #: All the words of its prompts: kept with the run.
    text: str

    def prompt(self, case: Case, criterion: Criterion) -> str:
        """The text that the model is shown. ``case.conversation`` ends with the answer."""
        raise NotImplementedError

    def read(self, text: str) -> tuple[str, str]:
        """(label, explanation) from a reply. Raises ValueError, then it is asked again."""
        raise NotImplementedError

    def objection(self, label: str, case: Case, criterion: Criterion) -> str | None:
        """Why a label is none for this criterion of this answer: then it is asked again."""
        return None

    def settled(self, case: Case, criterion: Criterion) -> str | None:
        """The label where no model need be asked, such as for an answer that has none."""
        return None

    def known(self, label: str) -> str:
        """A label that was given elsewhere, as :meth:`read` has it. Raises ValueError."""
        return self.read(msgspec.json.encode({"label": label}).decode())[0]


class _Reply(msgspec.Struct):
    label: str | int | float
    explanation: object = ""


_decoder = msgspec.json.Decoder(_Reply)
_LABEL = '"label"'
_SLOT = re.compile(r"\{(conversation|answer|criterion|target\.\w+)\}")


class LabelJudge(Judge):
    """A judge who replies ``{"explanation": "…", "label": …}``.

    Parameters
    ----------
    template
        The prompt, with the slots ``{conversation}`` (up to the answer), ``{answer}``,
        ``{criterion}`` and ``{target.NAME}`` for a part of the example's target. What is put into
        a slot is never looked into for others.
    labels
        What it may say; an integer counts as its digits, case does not count.
    allowed
        Those of them that it may say of a criterion, where that is not all.
    """

    def __init__(
        self,
        template: str,
        labels: tuple[str, ...],
        allowed: Callable[[Criterion], Collection[str]] | None = None,
    ) -> None:
        self.text, self.labels = template, labels
        self._allowed = allowed
        self._known = {label.casefold(): label for label in labels}

    def prompt(self, case: Case, criterion: Criterion) -> str:
        def filled(slot: re.Match[str]) -> str:
            name = slot[1]
            if name == "conversation":
                return render_conversation(case.conversation[:-1])
            if name == "answer":
                return case.conversation[-1].text
            if name == "criterion":
                return criterion.text
            return _in_words(case.target[name.removeprefix("target.")])

        return _SLOT.sub(filled, self.text)

    def read(self, text: str) -> tuple[str, str]:
        try:
            reply = _reply(text)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise ValueError(f"{error}; the reply was {shorten(text[:200].strip(), 120)}") from None
        except RecursionError:
            raise ValueError("JSON nested too deeply") from None
        said = reply.label
        whole = isinstance(said, float) and said.is_integer()
        name = str(int(said) if whole else said).strip().casefold()
        if name not in self._known:
            allowed = ", ".join(self.labels)
            raise ValueError(f"label {shorten(name, 40)}: expected one of {allowed}")
        return self._known[name], in_words(reply.explanation)

    def objection(self, label: str, case: Case, criterion: Criterion) -> str | None:
        if self._allowed is None or label in (allowed := self._allowed(criterion)):
            return None
        return f"label {label}: expected one of {', '.join(allowed)} of this criterion"


def _reply(text: str) -> _Reply:
    """The reply alone, or the only one in a text that thinks aloud before it."""
    text = said_in(text)
    try:
        return _decoder.decode(without_fence(text))
    except msgspec.DecodeError:
        label = text.find(_LABEL)
        begin, end = text.rfind("{", 0, max(label, 0)), text.rfind("}") + 1
        if begin < 0 or text.count(_LABEL) > 1:  # two are ambiguous
            raise
        return _decoder.decode(text[begin:end])


def _in_words(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(f"- {item}" for item in value)
    return str(value)
