"""Server logs without texts of requests, and with few lines for requests without the token."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["ThrottledLog", "without_texts"]

#: Minimum seconds between two equal lines.
_EVERY_S = 60.0


class ThrottledLog:
    """Log that writes each line at most once a minute, with the number of suppressed repeats."""

    def __init__(
        self, tell: Callable[[str], None], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell, self._now = tell, now
        #: Line → time of its last log, and number of repeats suppressed since.
        self._logged: dict[str, tuple[float, int]] = {}

    def __call__(self, line: str) -> None:
        now = self._now()
        then, suppressed = self._logged.get(line, (-_EVERY_S, 0))
        if now - then < _EVERY_S:
            self._logged[line] = then, suppressed + 1
            return
        self._logged[line] = now, 0
        self._tell(f"{line} ({suppressed:,} more before)" if suppressed else line)


class _NameHandler(logging.Handler):
    """Handler that logs only names of logger and exception: a message may quote a request."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0] if record.exc_info else None
        what = record.levelname.lower() if error is None else error.__name__
        self._tell(f"{record.name}: {what}")


@contextlib.contextmanager
def without_texts(tell: Callable[[str], None]) -> Iterator[None]:
    """Hide the messages that libraries log, warn or raise in this process."""
    root = logging.getLogger()
    known = logging.root.manager.loggerDict.values()
    others = [one for one in known if isinstance(one, logging.Logger)]
    kept = [(one, one.handlers, one.propagate) for one in (root, *others)]
    hooks = threading.excepthook, sys.unraisablehook
    for one in others:
        one.handlers, one.propagate = [], True
    root.handlers = [_NameHandler(tell)]
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
