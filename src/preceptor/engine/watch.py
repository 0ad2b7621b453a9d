"""What shows while a run goes on that its score will mean nothing."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from preceptor.protocols.base import Protocol
from preceptor.records import Graded, Response
from preceptor.scoring.answers import PARSED

__all__ = ["Watch"]

#: Answers in a row out of which nothing could be read.
_UNREADABLE = 20


class Watch:
    """Looks at each answer as it comes, where answers are read and nobody judges.

    Parameters
    ----------
    say
        Has a sentence shown while the run goes on.
    """

    def __init__(self, protocol: Protocol, say: Callable[[str], None]) -> None:
        self._protocol, self._say = protocol, say
        self._unread = 0

    def answered(self, response: Response, graded: Graded) -> None:
        """An answer is there, from the system or from the store."""
        judged = bool(graded.example.criteria) or not self._protocol.reads
        if judged or self._unread >= _UNREADABLE:
            return
        item = msgspec.structs.replace(graded, response=response)
        parsed = self._protocol.score(item).values.get(PARSED)
        self._unread = self._unread + 1 if parsed == 0 else 0
        if self._unread == _UNREADABLE:
            self._say(
                f"{_UNREADABLE} answers in a row could not be read: stop and look at some of them "
                f"with preceptor report before you pay for more"
            )
