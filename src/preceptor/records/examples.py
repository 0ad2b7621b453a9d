"""Tasks: what a system is given, and what graders look for."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from preceptor.records.keys import content_key
from preceptor.records.messages import Message, lean
from preceptor.records.parts import Part

__all__ = ["Criterion", "Example", "PhysicianAnswer", "Slice"]


class Criterion(msgspec.Struct, frozen=True, gc=False):
    """One rubric item.

    Attributes
    ----------
    text
        What is looked for.
    points
        Signed weight, an integer from −10 to 10 and never 0. A criterion with negative points
        describes an undesirable behaviour: *met* means that the behaviour is present.
    tags
        With namespace: ``axis:accuracy``, ``level:cluster``, ``cluster:…``.
    """

    text: str
    points: int
    tags: tuple[str, ...] = ()


class Slice(msgspec.Struct, frozen=True, omit_defaults=True):
    """A kind of slices of a benchmark.

    Attributes
    ----------
    name
        The namespace of their tags: ``theme``.
    order
        The tags' values in the order in which they are shown (``hedging``, …); others follow.
        Without it the largest is first.
    compared
        Whether a comparison of runs has them unless told otherwise.
    """

    name: str
    order: tuple[str, ...] = ()
    compared: bool = True


class PhysicianAnswer(msgspec.Struct, frozen=True, gc=False):
    """An answer that a physician wrote, and the model answers that they saw while writing it."""

    text: str
    group: str | None = None
    references: tuple[str, ...] = ()


class Example(msgspec.Struct, frozen=True, gc=False):
    """One task: the conversation to answer, and what the graders look for.

    Attributes
    ----------
    id
        The benchmark's own identifier, unique within it.
    messages
        The conversation, ending with the turn to answer.
    criteria
        The rubric, in the benchmark's order.
    tags
        With namespace: ``theme:hedging``, ``use_case:consult``.
    physician
        The physician's own answer, where there is one.
    target
        What is right, as JSON that the family's protocol reads; not there where a rubric says all.
    of
        Id of the question that this is a variant of, such as one with its options in another order:
        variants are one question in all statistics.
    """

    id: str
    messages: tuple[Message, ...]
    criteria: tuple[Criterion, ...]
    tags: tuple[str, ...] = ()
    physician: PhysicianAnswer | None = None
    # Left out where unset, so that the keys of examples without them are as they always were.
    target: Any = msgspec.UNSET
    of: str | msgspec.UnsetType = msgspec.UNSET

    @property
    def key(self) -> str:
        """Hash of the content: the same example in two files has the same key."""
        return content_key(msgspec.structs.replace(self, messages=lean(self.messages)))

    @property
    def prompt_key(self) -> str:
        """Hash of the conversation: examples with one prompt are not independent."""
        digest = hashlib.blake2b(digest_size=16)
        for message in lean(self.messages):
            # Not as JSON: a text made in Python may hold what JSON cannot, a lone surrogate.
            digest.update(message.role.encode() + b"\x00")
            digest.update(_bytes(message.content) + b"\x00")
        return digest.hexdigest()


def _bytes(content: str | tuple[Part, ...]) -> bytes:
    if isinstance(content, str):
        return content.encode("utf-8", "surrogatepass")
    return content_key(content).encode()
