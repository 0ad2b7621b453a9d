"""Servers and user files that a run depends on, and what changed since it began."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from preceptor.graders import Grader
from preceptor.store.lookup import SERVERS
from preceptor.systems import System

__all__ = ["changes", "surroundings"]

#: Setting of a run: the user's file or module → SHA-256.
_FILES = "files"


def surroundings(system: System, grader: Grader) -> dict[str, dict[str, str]]:
    """Settings of a run: the servers that it asks, and the user's files."""
    systems = (system, *grader.systems)
    return {
        SERVERS: {each.address: each.server for each in systems if each.server is not None},
        _FILES: {**system.files(), **grader.files()},
    }


def changes(settings: Mapping[str, Any], system: System, grader: Grader) -> list[str]:
    """Notes on what changed since the run began, one sentence each."""
    now, found = surroundings(system, grader), []
    if SERVERS in settings:
        for address in dict.fromkeys((*settings[SERVERS], *now[SERVERS])):
            before, after = settings[SERVERS].get(address), now[SERVERS].get(address)
            if before != after:
                own = "its provider's own server"
                found.append(
                    f"{address} was asked at {before or own}, and after the run was resumed, at "
                    f"{after or own}."
                )
    for name, before in settings.get(_FILES, {}).items():
        if now[_FILES].get(name) != before:
            found.append(
                f"{name} changed after the run began: results from before and after it was resumed "
                f"are of two versions."
            )
    return found
