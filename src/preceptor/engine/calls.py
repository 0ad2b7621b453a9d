"""Questions that another process may be asking at this moment: its result is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from preceptor.store.writer import Writer

__all__ = ["claimed"]

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
