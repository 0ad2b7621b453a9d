"""The key of a stored answer: a hash of all that it depends on."""

from __future__ import annotations

from typing import Any

from preceptor.records import content_key, lean
from preceptor.systems.base import Ask, System
from preceptor.systems.servers import without_server

__all__ = ["former_key", "response_key"]


def response_key(
    system: System,
    ask: Ask,
    run: str | None,
    *,
    whole: bool = False,
    patient: System | None = None,
) -> str:
    """What an answer depends on: for user code, which may change, also the run.

    A ``whole`` interaction also depends on the rest of the example, which its environment reads,
    and on who plays its patient.
    """
    return _key(system, system.identity(), ask, run, whole, patient)


def former_key(
    system: System,
    ask: Ask,
    run: str | None,
    *,
    whole: bool = False,
    patient: System | None = None,
) -> str | None:
    """The older key, which names no server; None where it is the same."""
    identity = without_server(system.identity())
    return None if identity is None else _key(system, identity, ask, run, whole, patient)


def _key(  # noqa: PLR0917
    system: System,
    identity: dict[str, Any],
    ask: Ask,
    run: str | None,
    whole: bool,
    patient: System | None,
) -> str:
    example = ask.example.key if (system.uses_example or whole) and ask.example else None
    scope = None if all(each.reusable for each in (system, patient) if each) else run
    parts = ["response", identity, lean(ask.messages), ask.repeat, example, scope]
    # Keys made before there were tools and patients stay as they were.
    parts += [ask.tools] if ask.tools or patient else []
    parts += [patient.identity()] if patient else []
    return content_key(*parts)
