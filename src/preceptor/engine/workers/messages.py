"""What the driver of a run and its workers say to each other, and how it is written."""

from __future__ import annotations

from typing import Protocol

import msgspec

from preceptor.errors import EndpointError, PreceptorError

__all__ = [
    "Begin",
    "Channel",
    "Counts",
    "Drop",
    "Ended",
    "Grant",
    "More",
    "Stop",
    "encode",
    "read_from_driver",
    "read_from_worker",
]


class Begin(msgspec.Struct, frozen=True, tag=True):
    """Work on these examples of a run.

    Attributes
    ----------
    store
        As the user named it; a file's path is absolute.
    host
        The machine on which that file is; None for a server's database.
    owner
        The driver's lease.
    workers
        Among how many the run is shared.
    capped
        Whether cost and tokens have to be granted.
    """

    version: str
    store: str
    host: str | None
    run: str
    positions: tuple[int, ...]
    owner: str
    workers: int
    capped: tuple[bool, bool]


class Stop(msgspec.Struct, frozen=True, tag=True):
    """Start no further call."""

    why: str


class Drop(msgspec.Struct, frozen=True, tag=True):
    """Let go of the calls under way too."""


class Grant(msgspec.Struct, frozen=True, tag=True):
    """How much the worker may have spent in all, in dollars and tokens; None for no cap.

    ``refusal`` says why it is less than was asked for.
    """

    cost: float | None = None
    tokens: int | None = None
    refusal: str | None = None


class Counts(msgspec.Struct, frozen=True, tag=True):
    """What a worker has done so far: see :class:`preceptor.engine.progress.Progress`."""

    answers: int = 0
    verdicts: int = 0
    fresh: int = 0
    calls: int = 0
    in_flight: int = 0
    ungraded: dict[str, int] = {}
    failed: dict[str, int] = {}
    cost: float = 0.0
    tokens: int = 0
    warnings: tuple[str, ...] = ()


class More(msgspec.Struct, frozen=True, tag=True):
    """A call does not fit: what is spent, and what it and the calls under way need."""

    cost: float
    tokens: int
    needs_cost: float = 0.0
    needs_tokens: int = 0


class Ended(msgspec.Struct, frozen=True, tag=True):
    """The worker has ended; with the name of the exception and its words if one was why."""

    counts: Counts
    error: str | None = None
    words: str = ""
    kind: str = ""

    @classmethod
    def by(cls, counts: Counts, error: BaseException | None) -> Ended:
        if error is None:
            return cls(counts)
        if isinstance(error, PreceptorError):
            kind = error.kind if isinstance(error, EndpointError) else ""
            return cls(counts, type(error).__name__, str(error), kind)
        return cls(counts, "PreceptorError", f"a worker failed: {type(error).__name__}: {error}")

    def exception(self) -> PreceptorError | None:
        """The same exception, to be raised in the driver."""
        from preceptor import errors

        if self.error is None:
            return None
        if self.error == errors.DataError.__name__:  # its words name the place already
            return errors.InputError(self.words)
        found: type[PreceptorError] = getattr(errors, self.error, PreceptorError)
        return found(self.kind, self.words) if self.kind else found(self.words)


class Channel(Protocol):
    """The worker's end of the line to its driver."""

    def send(self, frame: bytes) -> None:
        """Say something; to a driver that is gone, in vain."""

    def receive(self) -> bytes | None:
        """Wait for what the driver says next; None if it is gone."""


encode = msgspec.msgpack.Encoder().encode
read_from_driver = msgspec.msgpack.Decoder(Begin | Stop | Drop | Grant).decode
read_from_worker = msgspec.msgpack.Decoder(Counts | More | Ended).decode
