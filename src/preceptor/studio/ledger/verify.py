"""Whether the events are whole, and the projections what they make."""

from __future__ import annotations

import contextlib
import itertools
from typing import Protocol

import msgspec
import sqlalchemy as sa

from preceptor.errors import InputError, StoreError, shorten
from preceptor.store.database import UNREADABLE, explain
from preceptor.studio.ids import digest
from preceptor.studio.ledger.acts import Event, read_act
from preceptor.studio.ledger.chain import BLOCK, SALT, Head, chained, recorded
from preceptor.studio.ledger.erase import Erased
from preceptor.studio.ledger.rebuild import differences_of, fresh, ordered
from preceptor.studio.ledger.tables import anchor as anchors
from preceptor.studio.ledger.tables import event as events
from preceptor.studio.ledger.tables import payload

__all__ = ["Verified", "read_anchor", "verify"]

#: Most faults that are put into words.
_SHOWN = 20


class Verified(msgspec.Struct, frozen=True):
    """What was found; without faults, all is as it was written."""

    events: int
    erased: int
    head: Head
    faults: tuple[str, ...]


class _Readable(Protocol):
    def read(self) -> contextlib.AbstractContextManager[sa.Connection]: ...


def read_anchor(line: str) -> Head:
    """Raises InputError for what is not a line of ``anchor``."""
    try:
        return msgspec.json.decode(line, type=Head)
    except msgspec.MsgspecError:
        raise InputError(
            f"anchor: expected the line of JSON that `studio anchor` printed, found {shorten(line)}"
        ) from None


def verify(studio: _Readable, anchor: str | None = None, *, projections: bool = True) -> Verified:
    """Go through every event, and compare the projections with those that the events make.

    Found is each change, loss, insertion or exchange of events, payloads and rows of projections;
    that the last events were cut off, or all from one on written anew, only with an ``anchor``.
    """
    given = read_anchor(anchor) if anchor is not None else None
    with studio.read() as connection:
        check = _Check(connection)
        if given is not None:
            check.expect(given, "the anchor")
        with fresh() if projections else contextlib.nullcontext() as made:
            check.chain(made)
            if made is not None:
                check.projections(made)
    return Verified(check.count, len(check.missing), check.last, tuple(check.worded()))


class _Check:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._faults: list[str] = []
        self._more = 0
        self.last, self.count = Head(), 0
        #: Events without a payload, and those that an event erased → that event.
        self.missing: set[int] = set()
        self._erased: dict[int, int] = {}
        #: Hashes that events must have, and who says so.
        self._heads: dict[int, list[tuple[str, str]]] = {}

    def fault(self, words: str) -> None:
        if len(self._faults) < _SHOWN:
            self._faults.append(words)
        else:
            self._more += 1

    def worded(self) -> list[str]:
        return [*self._faults, *([f"and {self._more:,} more"] if self._more else [])]

    def expect(self, head: Head, who: str) -> None:
        if head != Head():
            self._heads.setdefault(head.seq, []).append((head.hash, who))

    def chain(self, made: sa.Connection | None) -> None:
        try:
            for seq, mark, at in self._connection.execute(sa.select(anchors)):
                self.expect(Head(seq, mark), f"the anchor given out at {at}")
            rows = recorded(self._connection)
            # One kind of work for many events, then the next: faster by a third, by the caches.
            while block := list(itertools.islice(rows, BLOCK)):
                for row in block:
                    self._event(*row)
                for event, _, body in block:
                    if made is not None or event.kind == Erased.kind:
                        self._apply(made, event, body)
            stray = sa.select(payload.c.seq).where(payload.c.seq.not_in(sa.select(events.c.seq)))
            for seq in self._connection.scalars(stray):
                self.fault(f"payload {seq}: there is no such event")
        except UNREADABLE as error:
            self.fault(f"events after {self.last.seq}: {explain(error)}")
        for seq in sorted(self.missing - self._erased.keys()):
            self.fault(f"event {seq}: its payload is missing, and no event says that it was erased")
        for seq in sorted(self._erased.keys() - self.missing):
            by = self._erased[seq]
            self.fault(f"event {seq}: its payload is there, and event {by} says that it was erased")
        for seq, heads in sorted(self._heads.items()):
            for _, who in heads:
                self.fault(
                    f"event {seq}: is missing: {who} has it; the last one is {self.last.seq}"
                )

    def _event(self, event: Event, salt: str | None, body: str | None) -> None:
        seq, last = event.seq, self.last
        if seq != last.seq + 1:
            self.fault(f"event {last.seq + 1}: is missing: the next one is {seq}")
        elif event.prev != last.hash:
            before = f"event {last.seq}" if last.seq else "the start"
            self.fault(f"event {seq}: does not continue {before}: its prev is another hash")
        if chained(event) != event.hash:
            self.fault(f"event {seq}: was changed: its hash is that of another")
        if salt is None or body is None:
            self.missing.add(seq)
        elif len(salt) != SALT or digest(salt, body) != event.payload_hash:
            self.fault(f"event {seq}: its payload was changed")
        for mark, who in self._heads.pop(seq, ()):
            if mark != event.hash:
                self.fault(f"event {seq}: was written anew: {who} has another hash")
        self.last = Head(seq, event.hash)
        self.count += 1

    def _apply(self, made: sa.Connection | None, event: Event, body: str | None) -> None:
        try:
            act = read_act(event.kind, body)
            if isinstance(act, Erased):
                self._erased |= dict.fromkeys(act.seqs, event.seq)
            if made is not None:
                act.apply(made, event)
        except Exception as error:  # of a payload that was changed, whatever it makes of it
            words = str(error) if isinstance(error, StoreError) else type(error).__name__
            self.fault(f"event {event.seq} ({event.kind}): cannot be applied: {words}")

    def projections(self, made: sa.Connection) -> None:
        for table in ordered():
            try:
                for difference in differences_of(table, self._connection, made):
                    self.fault(str(difference))
            except UNREADABLE as error:
                self.fault(f"table {table.name}: {explain(error)}")
