"""Server logs: no text of a request, and few lines for requests without the token."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["Seldom", "without_texts"]

#: Seconds between two lines that say the same.
_EVERY_S = 60.0


class Seldom:
    """Logs each kind of line at most once a minute, with how often it occurred."""

    def __init__(
        self, tell: Callable[[str], None], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell, self._now = tell, now
        #: Line → when it was logged last, and how often it was held back since.
        self._said: dict[str, tuple[float, int]] = {}

    def __call__(self, line: str) -> None:
        now = self._now()
        then, kept_back = self._said.get(line, (-_EVERY_S, 0))
        if now - then < _EVERY_S:
            self._said[line] = then, kept_back + 1
            return
        self._said[line] = now, 0
        self._tell(f"{line} ({kept_back:,} more before)" if kept_back else line)


class _Names(logging.Handler):
    """Names of a record's logger and exception: its message may quote a request."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0] if record.exc_info else None
        what = record.levelname.lower() if error is None else error.__name__
        self._tell(f"{record.name}: {what}")


@contextlib.contextmanager
def without_texts(tell: Callable[[str], None]) -> Iterator[None]:
    """Hide the messages of all that libraries log, warn of or raise in this process."""
    root = logging.getLogger()
    known = logging.root.manager.loggerDict.values()
    others = [one for one in known if isinstance(one, logging.Logger)]
    kept = [(one, one.handlers, one.propagate) for one in (root, *others)]
    hooks = threading.excepthook, sys.unraisablehook
    for one in others:
        one.handlers, one.propagate = [], True
    root.handlers = [_Names(tell)]
    logging.captureWarnings(True)

    def lost(found: Any) -> None:
        tell(f"internal error: {found.exc_type.__name__}")

    threading.excepthook = sys.unraisablehook = lost
    try:
        yield
    finally:
        logging.captureWarnings(False)
        threading.excepthook, sys.unraisablehook = hooks
        for one, handlers, propagate in kept:
            one.handlers, one.propagate = handlers, propagate
