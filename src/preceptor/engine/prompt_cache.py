"""Calls whose prompts begin alike: the first goes ahead, so that the others find it in the cache.

Providers bill the beginning of a prompt that they have just read at a fraction of its price. They
know it only when a request that began so has been answered: of ten sent at once, none finds it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from preceptor.graders.base import Call
from preceptor.systems.base import Ask, System
from preceptor.systems.tokens import CHARS_PER_TOKEN, LEAST_CACHED, common_length

__all__ = ["LEAST_TOKENS", "CacheLeader", "common_prefix"]

LEAST_TOKENS = LEAST_CACHED
_LEAST_CHARACTERS = round(LEAST_TOKENS * CHARS_PER_TOKEN)


class CacheLeader:
    """Which call of those of one answer goes ahead for which others."""

    def __init__(self) -> None:
        self._ahead: dict[System, tuple[Ask, asyncio.Task[Any]]] = {}

    def before(self, call: Call) -> asyncio.Task[Any] | None:
        """What the call should wait for; None where waiting would save nothing."""
        if call.system is None or call.ask is None or call.system not in self._ahead:
            return None
        ask, task = self._ahead[call.system]
        return task if common_prefix(ask, call.ask) >= _LEAST_CHARACTERS else None

    def began(self, call: Call, task: asyncio.Task[Any]) -> None:
        """The first call to a system that has a discount is the one that goes ahead."""
        system = call.system
        if system is None or call.ask is None or system in self._ahead or system.slow:
            return
        if system.price is not None and system.price.discounts:
            self._ahead[system] = (call.ask, task)


def common_prefix(one: Ask, other: Ask) -> int:
    """How many characters the conversations have in common at their beginning."""
    total = 0
    for first, second in zip(one.messages, other.messages, strict=False):
        if first.role != second.role:
            break
        if first.content != second.content:
            return total + common_length(first.text, second.text)
        total += len(first.text)
    return total
