"""Questions that are ready before their turn: enough to keep an endpoint busy, and no more."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable

__all__ = ["Backlog"]


class Backlog:
    """Lets in the criteria of as many answers as an endpoint has use for; the rest wait in order.

    A grader's prompt holds a whole conversation: at thousands of connections, prompts that only
    wait for their turn would take most of the memory of a run.

    Parameters
    ----------
    most
        How many questions may be ready at once, asked each time: limits change. A single answer
        with more criteria than that is let in alone.
    """

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._ready = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @contextlib.asynccontextmanager
    async def room(self, questions: int) -> AsyncIterator[None]:
        """Context of a number of questions that are ready or under way."""
        if self._waiting or not self._fits(questions):
            await self._queue(questions)
        else:
            self._ready += questions
        try:
            yield
        finally:
            self._leave(questions)

    async def _queue(self, questions: int) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((questions, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # let in and dropped in the same moment
                self._leave(questions)
            raise

    def _fits(self, questions: int) -> bool:
        return not self._ready or self._ready + questions <= self._most()

    def _leave(self, questions: int) -> None:
        self._ready -= questions
        while self._waiting and self._fits(self._waiting[0][0]):
            ready, turn = self._waiting.popleft()
            if not turn.done():
                self._ready += ready
                turn.set_result(None)
