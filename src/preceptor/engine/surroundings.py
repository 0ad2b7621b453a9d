"""Servers and user files that a run depends on, and what changed since it began."""

from __future__ import annotations

from collections.abc import Collection

from preceptor.graders import Grader
from preceptor.records import RunSettings
from preceptor.systems import System

__all__ = ["changes", "surroundings"]


def surroundings(
    systems: Collection[System], grader: Grader
) -> tuple[dict[str, str], dict[str, str]]:
    """Settings of a run, ``servers`` and ``files``: the servers that it asks, the user's files.

    Parameters
    ----------
    systems
        The system, its patient's and the grader's.
    """
    servers = {each.address: each.server for each in systems if each.server is not None}
    others = [each for each in systems if each not in grader.systems]
    files = {name: sha256 for each in others for name, sha256 in each.files().items()}
    return servers, files | grader.files()


def changes(settings: RunSettings, systems: Collection[System], grader: Grader) -> list[str]:
    """Notes on what changed since the run began, one sentence each."""
    servers, files = surroundings(systems, grader)
    found = []
    if settings.servers is not None:
        for address in dict.fromkeys((*settings.servers, *servers)):
            before, after = settings.servers.get(address), servers.get(address)
            if before != after:
                own = "its provider's own server"
                found.append(
                    f"{address} was asked at {before or own}, and after the run was resumed, at "
                    f"{after or own}."
                )
    for name, sha256 in (settings.files or {}).items():
        if files.get(name) != sha256:
            found.append(
                f"{name} changed after the run began: results from before and after it was resumed "
                f"are of two versions."
            )
    return found
