"""The benchmark's own words, read from recorded runs of it: they are not in this package."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from preceptor.environments.fhir.text import Replies
from preceptor.errors import DataError
from preceptor.files import read_rows

__all__ = ["Wording", "recorded_runs", "wording"]


class Wording(msgspec.Struct, frozen=True):
    """What an agent is told before a task, and around the server's answers."""

    told: str
    replies: Replies


def recorded_runs(path: Path) -> Iterator[dict[str, Any]]:
    """The runs of a file, one a line: ``task_data``, ``turns`` with role and content, ``correct``.

    Raises
    ------
    DataError
        A line is none.
    """
    for number, run in read_rows(path):
        try:
            turns = [(str(turn["role"]), str(turn["content"])) for turn in run["turns"]]
        except (KeyError, TypeError):
            problem = "expected a run with turns of role and content"
            raise DataError(str(path), number, "turns", problem) from None
        yield {**run, "turns": turns}


def wording(path: Path) -> Wording:
    """The prompt up to its context, and the replies to a GET and a POST.

    Raises
    ------
    DataError
        No run has them.
    """
    told, replies = "", Replies()
    for run in recorded_runs(path):
        turns = run["turns"]
        told = told or turns[0][1].rpartition("\n\nContext:")[0]
        for (_, asked), (_, said) in pairwise(turns):
            if asked.startswith("GET") and "{" in said:
                found = said[: said.index("{")] + "{}" + said[said.rindex("}") + 1 :]
                replies = msgspec.structs.replace(replies, found=found)
            elif asked.startswith("POST"):
                replies = msgspec.structs.replace(replies, accepted=said)
    if not told:
        problem = "expected runs whose first turn is the benchmark's prompt, with Context: in it"
        raise DataError(str(path), None, "turns", problem)
    return Wording(told, replies)
