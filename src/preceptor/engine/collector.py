"""Python's garbage collector, kept from going through a run's data again and again."""

from __future__ import annotations

import gc
import threading

__all__ = ["RareCollections", "rare_collections"]

#: Objects that come on top of those that go before the youngest are looked at, and how often the
#: older are. A call leaves almost no cycles behind, and a few hundred live objects.
_THRESHOLDS = (50_000, 20, 50)


class RareCollections:
    """Collect rarely, and leave out what is there already: examples, modules, the user's own.

    With Python's own thresholds two fifths of a run's time at full speed go into looking at objects
    that stay. All is as before when the last that is within leaves.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = gc.get_threshold()
        self._frozen = False
        self._is_theirs = False

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside > 1:
                return
            self._before = gc.get_threshold()
            # What is frozen already is not ours to thaw; to count it takes longer than a command.
            self._is_theirs = self._is_theirs or gc.get_freeze_count() > 0
            self._frozen = not self._is_theirs
            if self._frozen:
                gc.freeze()
            gc.set_threshold(*_THRESHOLDS)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside:
                return
            gc.set_threshold(*self._before)
            if self._frozen:
                gc.unfreeze()


#: ``with rare_collections:``. There is one collector in a process, so there is one of these.
rare_collections = RareCollections()
