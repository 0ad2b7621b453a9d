"""What can happen in a studio: acts, and the events that they become."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, ClassVar

import msgspec
import sqlalchemy as sa

from preceptor.errors import StoreError, shorten

__all__ = ["ACTS", "Act", "Event", "Who", "body_of", "read_act"]


class Who(msgspec.Struct, frozen=True):
    """A person, and the session in which they act."""

    person: str
    session: str


class Event(msgspec.Struct, frozen=True, gc=False):
    """An act that happened."""

    seq: int
    #: UTC, to the millisecond.
    at: str
    #: None: the command line.
    person: str | None
    session: str | None
    kind: str
    #: What it is about: an id, or several with a space between. It outlives the payload.
    subject: str
    #: The state that it brings, where it brings one. It outlives the payload.
    outcome: str
    payload_hash: str
    reason: str
    signature: str
    prev: str
    hash: str


#: By kind.
ACTS: dict[str, type[Act]] = {}


def _kind(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


class Act(msgspec.Struct, frozen=True, kw_only=True, tag=_kind, tag_field="kind"):
    """One kind of what happens; its fields are the payload, its class name the kind.

    Every field has a default: where the payload was erased, the act is applied as ``Cls()``. What
    must outlive that is in the event's ``subject`` and ``outcome``.
    """

    kind: ClassVar[str]
    #: What happened, in words, with {} for the subject; empty: the kind and the subject.
    says: ClassVar[str] = ""
    #: What the event's outcome is, in words, with {} for it.
    outcome_says: ClassVar[str] = ", now {}"

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.kind = _kind(cls.__name__)
        known = ACTS.setdefault(cls.kind, cls)
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"act {cls.kind}: {known.__module__} has one of that name")
        ACTS[cls.kind] = cls

    def apply(self, connection: sa.Connection, event: Event) -> None:
        """Write to the projections what follows, from this, the event and the projections alone."""

    def sentence(self, event: Event) -> str:
        """What happened, for people to read."""
        who = event.person or "the command line"
        reason = f": {event.reason}" if event.reason else ""
        return f"{self.happened(event)}, by {who}{_signed(event)}{reason}"

    @classmethod
    def happened(cls, event: Event) -> str:
        """What happened and what came of it, without who did it and why."""
        return cls._words(event).format(event.subject).rstrip() + cls._then(event)

    @classmethod
    def happened_here(cls, event: Event) -> str:
        """The same on the page of the task that it is about, with the signature."""
        words = cls._words(event).replace("Task {}", "Task").replace("task {}", "the task")
        return words.replace("{}", "").rstrip() + cls._then(event) + _signed(event)

    @classmethod
    def _words(cls, event: Event) -> str:
        return cls.says or event.kind.replace("-", " ").capitalize() + " {}"

    @classmethod
    def _then(cls, event: Event) -> str:
        outcome = event.outcome.replace("_", " ")
        return cls.outcome_says.format(outcome) if outcome else ""


def _signed(event: Event) -> str:
    return f", signed ({event.signature})" if event.signature else ""


def body_of(act: Act) -> str:
    """The payload as it is stored and hashed: JSON with sorted keys and no spaces."""
    return msgspec.json.encode(act, order="sorted").decode()


def read_act(kind: str, body: str | None) -> Act:
    """The act of a payload, or of one that was erased.

    Raises
    ------
    StoreError
        A kind that this version does not know.
    msgspec.MsgspecError
        Not a payload of that kind.
    """
    cls = ACTS.get(kind)
    if cls is None:
        raise StoreError(
            f"an event {shorten(kind)} is of a later Preceptor: pip install --upgrade preceptor"
        )
    return cls() if body is None else _decoder(cls)(body)


@functools.cache
def _decoder(cls: type[Act]) -> Callable[[str], Act]:
    return msgspec.json.Decoder(cls).decode
