"""What a run depends on outside of it, servers and files of the user's, and what changed since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from preceptor.graders import Grader
from preceptor.store.lookup import SERVERS
from preceptor.systems import System

__all__ = ["changes", "surroundings"]

#: Among a run's settings: file or module of the user's → SHA-256.
_FILES = "files"


def surroundings(system: System, grader: Grader) -> dict[str, dict[str, str]]:
    """Entries of a run's settings: the servers that are asked, and the files that are used."""
    systems = (system, *grader.systems)
    return {
        SERVERS: {each.address: each.server for each in systems if each.server is not None},
        _FILES: {**system.files(), **grader.files()},
    }


def changes(settings: Mapping[str, Any], system: System, grader: Grader) -> list[str]:
    """What is otherwise than when the run was begun, one sentence each: its notes."""
    now, found = surroundings(system, grader), []
    if SERVERS in settings:
        for address in dict.fromkeys((*settings[SERVERS], *now[SERVERS])):
            before, after = settings[SERVERS].get(address), now[SERVERS].get(address)
            if before != after:
                own = "its provider's own server"
                found.append(
                    f"{address} was asked at {before or own}, and after the run was resumed at "
                    f"{after or own}."
                )
    for name, before in settings.get(_FILES, {}).items():
        if now[_FILES].get(name) != before:
            found.append(
                f"{name} was changed after the run was begun: what came before and after the run "
                f"was resumed is of two versions."
            )
    return found
