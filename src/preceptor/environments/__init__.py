"""What answers a system's turn."""

from __future__ import annotations

from typing import NoReturn

from preceptor.environments.base import Environment, Session
from preceptor.environments.scripted import Script
from preceptor.errors import Unavailable, UnknownName, shorten
from preceptor.plugins import named, plugins
from preceptor.records import Example

__all__ = ["Absent", "Environment", "Session", "resolve_environment"]

#: The user's later turns are in the example's target, under ``turns``.
_SCRIPT = "script"


class Absent(Environment):
    """One whose package is not here: what happened in it can be read, and nothing opened."""

    def __init__(self, address: str) -> None:
        self.address = address

    def open(self, example: Example) -> NoReturn:
        raise Unavailable(f"environment {self.address}: its package is not here: install it")


def resolve_environment(address: str) -> Environment:
    """``script``, or ``NAME`` or ``NAME:…`` of a package. Raises UnknownName, Unavailable."""
    if address == _SCRIPT:
        return Script(_turns)
    make = named("environments", address.partition(":")[0])
    if make is None:
        known = ", ".join([_SCRIPT, *(entry.name for entry in plugins("environments"))])
        raise UnknownName(f"unknown environment {shorten(address)}: expected one of {known}")
    made = make(address)
    if not isinstance(made, Environment):
        found = type(made).__name__
        raise Unavailable(f"environment {address}: expected an Environment, found {found}")
    return made


def _turns(example: Example) -> tuple[str, ...]:
    target = example.target
    return tuple(target.get("turns", ())) if isinstance(target, dict) else ()
