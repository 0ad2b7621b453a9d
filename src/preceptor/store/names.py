"""Names of runs: those that a user may give, and the default ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec
import sqlalchemy as sa

from preceptor.errors import InputError, shorten
from preceptor.store.schema import runs

__all__ = ["check_name", "free_name", "free_scope", "free_sweep_name"]


def check_name(name: str) -> None:
    """Raise InputError for a name that no run can have."""
    if name.splitlines() != [name] or not name.strip() or name == "latest":
        raise InputError(f"run {shorten(name)}: expected a name on one line, other than latest")


def free_name(connection: sa.Connection, benchmark: str, system: str) -> str:
    """``BENCHMARK-SYSTEM-N`` with the lowest free number."""
    stem = f"{benchmark}-{_slug(system)}"
    taken = set(connection.scalars(sa.select(runs.c.name).where(runs.c.name.startswith(stem))))
    number = 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"


def free_scope(connection: sa.Connection, name: str) -> str | None:
    """A scope for a new run where one that was renamed has the name for its own; else None."""
    settings = connection.scalars(
        sa.select(runs.c.settings).where(runs.c.settings.contains("scope"))
    )
    taken = {msgspec.json.decode(text).get("scope") for text in settings}
    scope = name
    while scope in taken:
        scope += "'"
    return None if scope == name else scope


def free_sweep_name(taken: Iterable[str], benchmark: str, system: str, kind: str = "sweep") -> str:
    """``sweep-BENCHMARK-SYSTEM-N`` with the lowest number that no run's name begins with."""
    stem = f"{kind}-{benchmark}-{_slug(system)}"
    begun = {name.partition("/")[0] for name in taken}
    number = 1
    while f"{stem}-{number}" in begun:
        number += 1
    return f"{stem}-{number}"


def _slug(address: str) -> str:
    """A short name of a system for the names of runs, without what a shell would mind."""
    tail = (
        address.rsplit("#", maxsplit=1)[-1]
        if "#" in address
        else re.sub(r"^[a-z]+[:/]", "", address)
    )
    if address.startswith("replay:"):
        tail = Path(tail).stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", tail).strip("-.")[:40] or "system"
