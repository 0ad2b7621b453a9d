"""When a call may start: there is room for it, and no other process is asking the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from preceptor.engine.progress import Progress
from preceptor.store.writer import Writer
from preceptor.systems.limiter import Limiter

__all__ = ["Turn", "claimed"]

T = TypeVar("T")
#: Seconds between two looks for what another process asks for.
_LOOK_S = 0.2


async def claimed(
    writer: Writer,
    keys: Collection[str],
    find: Callable[[], Mapping[str, T]],
    go_on: Callable[[], None],
) -> Mapping[str, T]:
    """Claim the keys, so that nobody else asks; or what another process got for them.

    Parameters
    ----------
    find
        Looks into the store.
    go_on
        Raises where nothing more is to be done.
    """
    while not await writer.claim(keys):
        if found := find():
            return found
        await asyncio.sleep(_LOOK_S)
        go_on()
    return {}


class Turn:
    """Around a call that may start: there is room for it, and nothing speaks against it.

    Parameters
    ----------
    limiter
        The system's; None for work without a call.
    go_on
        Raises where no further call may start.
    """

    def __init__(
        self, limiter: Limiter | None, go_on: Callable[[], None], progress: Progress
    ) -> None:
        self._turn = None if limiter is None else limiter.turn()
        self._go_on, self._progress = go_on, progress

    async def __aenter__(self) -> None:
        if self._turn is not None:
            await self._turn.__aenter__()
        self._progress.in_flight += 1
        try:
            self._go_on()
        except BaseException:
            await self.__aexit__()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._progress.in_flight -= 1
        if self._turn is not None:
            await self._turn.__aexit__()
