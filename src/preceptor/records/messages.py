"""Turns of a conversation."""

from __future__ import annotations

from typing import Literal

import msgspec

from preceptor.billing import Usage

__all__ = ["Message", "Role", "Turn"]

Role = Literal["system", "developer", "user", "assistant", "tool"]


class Message(msgspec.Struct, frozen=True, gc=False):
    """One turn of a conversation."""

    role: Role
    content: str


class Turn(msgspec.Struct, frozen=True, gc=False):
    """One turn of what happened between a system and its environment.

    Attributes
    ----------
    party
        Who gave it: ``system``, ``environment`` or ``patient``.
    usage, cost_usd, latency_s
        What the call behind it took; zero for a turn without a call. ``cost_usd`` is None where
        no price is known.
    at
        When it ended: UTC, ISO 8601; None where that was not recorded.
    """

    message: Message
    party: str = "system"
    usage: Usage = Usage()
    cost_usd: float | None = None
    latency_s: float = 0.0
    at: str | None = None
