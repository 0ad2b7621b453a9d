"""An answer while it is made: its pieces, and what becomes of those that do not count."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

import msgspec

from preceptor.reasoning import said_in

__all__ = ["Heard", "Restarted", "Shown", "running", "visible"]

T = TypeVar("T")

#: A text is looked at so many times while it doubles: often enough to read along.
_STEPS = 256
#: What may be the beginning of a mark of reasoning, at the end of a text.
_MARK = re.compile(r"[<＜&\[{【◁]")
_LONGEST_MARK = 48


class Restarted(msgspec.Struct, frozen=True):
    """A place in a stream before which nothing counts: the text begins again.

    ``why`` is the kind of the failure after which the system is asked again, or ``reasoning`` where
    what came looked like the answer.
    """

    why: str


#: Is told what a call says while it is under way.
Heard = Callable[[str | Restarted], None]


def visible(text: str) -> str:
    """What may be shown of an unfinished text: neither reasoning nor half a mark of it."""
    said = said_in(text)
    mark = _MARK.search(said, max(0, len(said) - _LONGEST_MARK))
    return said if mark is None else said[: mark.start()]


class Shown:
    """What has been shown of an answer.

    The pieces since the last :class:`Restarted`, joined, are the beginning of what is said, and
    after :meth:`end` all of it.

    Parameters
    ----------
    show
        Is given the pieces.
    visible
        A text so far → what may be shown of it.
    """

    def __init__(self, show: Heard, visible: Callable[[str], str]) -> None:
        self._show, self._visible = show, visible
        self._came: list[str] = []
        self._length = self._unseen = 0
        self._shown = ""

    def hear(self, piece: str | Restarted) -> None:
        """Show what a piece of the reply adds, if anything."""
        if isinstance(piece, Restarted):
            self._came, self._length, self._unseen = [], 0, 0
            self._restart(piece)
            return
        self._came.append(piece)
        self._length += len(piece)
        self._unseen += len(piece)
        if self._unseen * _STEPS > self._length:
            self._unseen = 0
            text = self._visible("".join(self._came))
            if not self._shown.startswith(text):
                self.end(text)

    def end(self, text: str) -> None:
        """Show what is missing of a text."""
        if not text.startswith(self._shown):
            self._restart(Restarted("reasoning"))
        if more := text[len(self._shown) :]:
            self._shown = text
            self._show(more)

    def _restart(self, why: Restarted) -> None:
        if self._shown:
            self._shown = ""
            self._show(why)


@contextlib.asynccontextmanager
async def running(work: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
    """A task that does not outlive the block."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
