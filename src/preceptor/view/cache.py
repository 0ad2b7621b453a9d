"""What was made of a run, kept until the run is another."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, TypeVar

__all__ = ["Cache"]

T = TypeVar("T")
#: What changes all the time is made again when it is this many times as old as making it took.
_PATIENCE = 10


class _Entry(NamedTuple):
    state: Hashable
    value: Any
    weight: int
    made: float
    took: float


class Cache:
    """Values by key, each with the state that it was made of.

    Parameters
    ----------
    most
        Sum of the weights that are kept; what was used longest ago goes first.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(
        self,
        key: Hashable,
        state: Hashable,
        make: Callable[[], T],
        *,
        weight: int = 1,
        changing: bool = False,
    ) -> T:
        """The value, made anew where its state is another; by one thread, while others wait.

        Of what is ``changing`` an older value is good for a while.
        """
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            if (known := self._find(key, state, changing)) is not None:
                return known.value  # type: ignore[no-any-return]
            began = time.monotonic()
            value = make()
            now = time.monotonic()
            self._keep(key, _Entry(state, value, weight, now, now - began))
            return value

    def peek(self, key: Hashable, state: Hashable) -> Any:
        """The value of that state, None where there is none."""
        entry = self._find(key, state, changing=False)
        return None if entry is None else entry.value

    def _find(self, key: Hashable, state: Hashable, changing: bool) -> _Entry | None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            fresh = changing and time.monotonic() - entry.made < _PATIENCE * entry.took
            if entry.state != state and not fresh:
                return None
            self._entries.move_to_end(key)
            return entry

    def _keep(self, key: Hashable, entry: _Entry) -> None:
        with self._lock:
            self._entries[key] = entry
            self._entries.move_to_end(key)
            total = sum(each.weight for each in self._entries.values())
            while total > self._most and len(self._entries) > 1:
                gone, dropped = self._entries.popitem(last=False)
                self._making.pop(gone, None)
                total -= dropped.weight
