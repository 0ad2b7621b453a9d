"""The key of a stored answer: a hash of all that it depends on."""

from __future__ import annotations

from typing import Any

from preceptor.records import content_key, lean
from preceptor.systems.base import Ask, System
from preceptor.systems.servers import without_server

__all__ = ["former_key", "response_key"]


def response_key(system: System, ask: Ask, run: str | None, *, whole: bool = False) -> str:
    """What an answer depends on: for user code, which may change, also the run.

    A ``whole`` interaction also depends on the rest of the example, which its environment reads.
    """
    return _key(system, system.identity(), ask, run, whole)


def former_key(system: System, ask: Ask, run: str | None, *, whole: bool = False) -> str | None:
    """The older key, which names no server; None where it is the same."""
    identity = without_server(system.identity())
    return None if identity is None else _key(system, identity, ask, run, whole)


def _key(system: System, identity: dict[str, Any], ask: Ask, run: str | None, whole: bool) -> str:
    example = ask.example.key if (system.uses_example or whole) and ask.example else None
    scope = None if system.reusable else run
    parts = ["response", identity, lean(ask.messages), ask.repeat, example, scope]
    # Keys made before tools were there stay as they were.
    return content_key(*parts, *([ask.tools] if ask.tools else []))
