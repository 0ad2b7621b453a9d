"""What other packages bring, by their entry points ``preceptor.systems``, ``.graders``, …"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from preceptor.errors import Unavailable

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["load", "named", "package_of", "plugins"]


def plugins(group: str) -> Iterator[EntryPoint]:
    """The entry points of a group: see :mod:`preceptor.extend`."""
    from importlib.metadata import entry_points  # takes long, and is seldom needed

    yield from entry_points(group=f"preceptor.{group}")


def named(group: str, name: str) -> Any:
    """What an entry point of that name holds; None where there is none. Raises Unavailable."""
    found = next((entry for entry in plugins(group) if entry.name == name), None)
    return None if found is None else load(found)


def load(entry: EntryPoint) -> Any:
    """What an entry point holds. Raises Unavailable, with the package to repair."""
    try:
        return entry.load()
    except Exception as error:  # whatever is wrong with it is not ours
        raise Unavailable(
            f"{package_of(entry)}: cannot be loaded ({type(error).__name__}): repair or "
            f"uninstall {entry.dist.name if entry.dist else entry.value}"
        ) from error


def package_of(entry: EntryPoint) -> str:
    """Where an entry point comes from, for messages."""
    return f"entry point {entry.name} of the package {entry.dist.name if entry.dist else '?'}"
