"""Caps on what a run may spend."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import AsyncIterator, Callable

from preceptor.errors import BudgetExceeded
from preceptor.records import Completion, Usage
from preceptor.systems.base import Ask, System
from preceptor.systems.prices import FREE
from preceptor.systems.reserving import (
    Calls,
    Outlook,
    Reserved,
    Room,
    Size,
    prompt_bytes,
    prompt_tokens,
)

__all__ = ["Budget"]

#: Output tokens assumed for a system's first call, and the most of any call. ``max_tokens`` bounds
#: both.
_ASSUMED_OUTPUT, _MOST_OUTPUT = 1000, 65_536
_RESUME = ("resume with a higher --max-cost", "resume with a higher --max-total-tokens")


class Budget:
    """Counts cost and tokens, and keeps both below their caps.

    Under a cap, a call reserves its estimate until it ends. A call that does not fit waits for
    others to end below theirs; if none is under way, the cap is reached. A call fits in either of
    two cases:

    - All calls under way fit at the most that each can take.
    - They fit at what they are likely to take together, and all but one of those that may take more
      than any that has ended fit at the most that they can take.

    So a run exceeds its cap by no more than the error of one call's estimate.

    Parameters
    ----------
    remedies
        What to do about a cap on cost, or on tokens, that is reached.

    Attributes
    ----------
    elsewhere
        Reserved by others, such as batches.
    may_start
        Raises if no further call may start for another reason.
    """

    def __init__(
        self,
        *,
        max_cost: float | None = None,
        max_tokens: int | None = None,
        cost: float = 0.0,
        tokens: int = 0,
        remedies: tuple[str, str] = _RESUME,
    ) -> None:
        self.max_cost, self.max_tokens = max_cost, max_tokens
        self.cost, self.tokens = cost, tokens
        self.elsewhere: Callable[[], Size] = Size
        self.may_start: Callable[[], None] = lambda: None
        self._remedies = remedies
        self._calls: dict[System, Calls] = {}
        self._waiting: deque[tuple[Calls, Reserved, asyncio.Future[None]]] = deque()

    def add(self, usage: Usage, cost: float | None) -> None:
        self.tokens += usage.total
        self.cost += cost or 0.0

    @property
    def reached(self) -> bool:
        """Whether a cap is reached to the last cent or token."""
        if self.max_cost is not None and self.cost >= self.max_cost:
            return True
        return self.max_tokens is not None and self.tokens >= self.max_tokens

    @property
    def waiting(self) -> int:
        """Calls that wait until there is room for them."""
        return len(self._waiting)

    def check(self) -> None:
        """Raises BudgetExceeded when a cap is reached."""
        if self.reached:
            raise BudgetExceeded(self._why(Size()))

    async def answer(self, system: System, ask: Ask) -> Completion:
        """Ask a system once the caps have room, and count the dollars and tokens.

        Raises
        ------
        BudgetExceeded
            The caps have no room, and no call under way may free any.
        """
        if self._is_free(system):  # without the context, a twentieth of a call's CPU
            completion = await system.answer(ask)
            self._count(completion)
            return completion
        async with self.call(system, ask) as count:
            completion = await system.answer(ask)
            count(completion)
            return completion

    @contextlib.asynccontextmanager
    async def call(self, system: System, ask: Ask) -> AsyncIterator[Callable[[Completion], None]]:
        """Wait until the caps have room for a call, and keep it; gives what counts its completion.

        Raises
        ------
        BudgetExceeded
            As :meth:`answer` does.
        """
        if self._is_free(system):
            yield self._count
            return
        calls, call = self._reserved(system, ask)
        await self._admitted(calls, call)

        def learn(completion: Completion) -> None:
            self._count(completion)
            took = Size(completion.cost_usd or 0.0, completion.usage.total)
            calls.learn(call, took, _now())

        try:
            yield learn
        finally:
            self._end(calls, call)

    def _is_free(self, system: System) -> bool:
        """Whether its calls need no room: there is no cap, or it batches, which reserves itself."""
        return (self.max_cost is None and self.max_tokens is None) or system.slow

    def _count(self, completion: Completion) -> None:
        self.add(completion.usage, completion.cost_usd)

    def room(self) -> Room:
        """Room left for others, such as batches."""
        return self._left() - self._outlook().likely

    def wake(self) -> None:
        """Start the waiting calls that fit; refuse those that never will."""
        while self._waiting and self._has_room(*self._waiting[0][:2]):
            calls, call, turn = self._waiting.popleft()
            if not turn.done():
                calls.begin(call, _now())
                turn.set_result(None)
        if self._waiting and not self._left().pending:
            why = self._why(self._outlook(*self._waiting[0][:2]).likely)
            while self._waiting:
                *_, turn = self._waiting.popleft()
                if not turn.done():
                    turn.set_exception(BudgetExceeded(why))

    def _reserved(self, system: System, ask: Ask) -> tuple[Calls, Reserved]:
        size, most = prompt_bytes(ask.messages, ask.tools), system.max_tokens or _MOST_OUTPUT
        media = system.media_tokens(ask.messages)
        if system not in self._calls:
            self._calls[system] = Calls(_size(system, 0, min(most, _ASSUMED_OUTPUT)))
        prompt = _size(system, prompt_tokens(size) + media, 0)
        return self._calls[system], Reserved(prompt, _size(system, size + media, most))

    async def _admitted(self, calls: Calls, call: Reserved) -> None:
        if not self._waiting and self._has_room(calls, call):
            calls.begin(call, _now())
            return
        if not self._left().pending:
            raise BudgetExceeded(self._why(self._outlook(calls, call).likely))
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((calls, call, turn))
        try:
            await turn
            self.may_start()
        except BaseException:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._end(calls, call)  # let in, and dropped before it began
            raise

    def _end(self, calls: Calls, call: Reserved) -> None:
        calls.end(call)
        self.wake()

    def _has_room(self, calls: Calls, call: Reserved) -> bool:
        left = self._left()
        bounds = (each.bound(*([call] if each is calls else ())) for each in self._calls.values())
        return left.fits(sum(bounds, Size())) or left.fits(self._outlook(calls, call).reserved)

    def _outlook(self, calls: Calls | None = None, *more: Reserved) -> Outlook:
        """Estimate of all calls under way, and of ``more`` to one system."""
        now = _now()
        each = (kind.outlook(now, *more if kind is calls else ()) for kind in self._calls.values())
        return sum(each, Outlook())

    def _left(self) -> Room:
        """What is neither spent nor reserved elsewhere."""
        elsewhere = self.elsewhere()
        under_way = any(calls.under_way for calls in self._calls.values())
        return Room(
            None if self.max_cost is None else self.max_cost - self.cost - elsewhere.dollars,
            None if self.max_tokens is None else self.max_tokens - self.tokens - elsewhere.tokens,
            pending=under_way or elsewhere.tokens > 0,
        )

    def _why(self, next_call: Size) -> str:
        """Message that a cap is reached, with its amount."""
        left, (for_cost, for_tokens) = self._left(), self._remedies
        if left.dollars is not None and (left.dollars <= 0 or next_call.dollars > left.dollars):
            words, remedy = f"${self.max_cost:g}", for_cost
            need = f"${max(0.0, left.dollars):.4g} left, ${next_call.dollars:.4g} needed"
        else:
            words, remedy = f"{self.max_tokens:,} tokens", for_tokens
            tokens = max(0, round(left.tokens or 0))
            need = f"{tokens:,} left, {math.ceil(next_call.tokens):,} needed"
        need = f" ({need} for the next call)" if next_call.tokens else ""
        return f"the cap of {words} is reached{need}: {remedy}"


def _size(system: System, given: float, made: float) -> Size:
    """Dollars and tokens for ``given`` tokens of prompts and ``made`` tokens of answers."""
    price = system.price or FREE
    return Size((given * price.input + made * price.output) / 1e6, given + made)


def _now() -> float:
    return asyncio.get_running_loop().time()
