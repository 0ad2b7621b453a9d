"""A ranked list of documents, and the text that it is as an answer."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import msgspec

__all__ = ["DEPTH", "Ranked", "in_order", "ranked_text", "read_ranked"]

#: Documents of a list at the most: no more count.
DEPTH = 1000
_HEAD = "rank\tdocument\tscore"


class Ranked(msgspec.Struct, frozen=True, gc=False):
    """A document that was found, by its id, and its score: more is better."""

    id: str
    score: float


def in_order(found: Iterable[Ranked]) -> list[Ranked]:
    """By score, the highest first; equal scores by id ascending."""
    return sorted(found, key=lambda each: (-each.score, each.id))


def ranked_text(found: Iterable[Ranked]) -> str:
    """A table with rank, document and score, divided by tabs; empty where nothing was found.

    Scores have as many digits as they need to be read again as they are.
    """
    lines = [f"{rank}\t{each.id}\t{each.score!r}" for rank, each in enumerate(found, start=1)]
    return "\n".join([_HEAD, *lines]) if lines else ""


def read_ranked(text: str) -> list[Ranked] | None:
    """The list in an answer, in its order; None where there is none.

    That of `ranked_text`, or JSON: a list of ids, or of ``{"id": …, "score": …}``. Without scores
    the order counts.
    """
    if not text.strip():
        return []
    head, *lines = text.strip("\n").split("\n")
    try:
        return _rows(lines) if head == _HEAD else _decoded(msgspec.json.decode(text))
    except (ValueError, TypeError, KeyError, msgspec.MsgspecError, RecursionError):
        return None


def _rows(lines: Iterable[str]) -> list[Ranked]:
    found = []
    for line in lines:
        _, id, score = line.split("\t")
        found.append(_ranked(id, float(score)))
    return found


def _decoded(said: Any) -> list[Ranked]:
    if not isinstance(said, list):
        raise TypeError
    last = float(len(said))
    return [
        _ranked(each["id"], float(each.get("score", last - place)))
        if isinstance(each, dict)
        else _ranked(each, last - place)
        for place, each in enumerate(said)
    ]


def _ranked(id: object, score: float) -> Ranked:
    if not isinstance(id, str) or not math.isfinite(score):
        raise ValueError
    return Ranked(id, score)
