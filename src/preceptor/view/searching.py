"""Which answers have a text in them, or in their question: read from the store once, then kept."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from preceptor.errors import InputError
from preceptor.records import Example
from preceptor.store.standing import answer_texts
from preceptor.view.finding import Part, Table
from preceptor.view.workspace import Workspace

__all__ = ["searcher"]

#: Answers whose texts are read for one question.
_MOST = 50_000


def searcher(workspace: Workspace, table: Table) -> Callable[[str], NDArray[np.bool_]]:
    """Looks for a text in answers as they are stored, with their reasoning, and in examples."""

    def contains(text: str) -> NDArray[np.bool_]:
        if len(table.run) > _MOST:
            raise InputError(
                f"search: expected at most {_MOST:,} answers, found {len(table.run):,}: "
                "choose fewer runs"
            )
        sought = text.casefold()
        answers = [
            workspace.small.get(
                ("search", part.run.info.id, sought),
                part.run.mark,
                functools.partial(_search, workspace, part, sought),
                weight=1 + len(part.example) // 1000,
            )
            for part in table.parts
        ]
        has = _finder(sought)
        return np.concatenate(answers) | table.where(lambda example: has(_words(example)))

    return contains


def _search(workspace: Workspace, part: Part, sought: str) -> NDArray[np.bool_]:
    rows = zip(part.example.tolist(), part.repeat.tolist(), strict=True)
    place = {key: row for row, key in enumerate(rows)}
    found = np.zeros(len(place), dtype=np.bool_)
    has = _finder(sought)
    with workspace.store.reading() as connection:
        for key, answer in answer_texts(connection, part.run.info):
            if key in place and has(answer):
                found[place[key]] = True
    return found


def _finder(sought: str) -> Callable[[bytes], bool]:
    """Whether a text has these words in any case. Bytes are lowered many times faster than text."""
    if not sought.isascii():
        return lambda text: sought in text.decode().casefold()
    letters = sought.encode()
    return lambda text: letters in text.lower()


def _words(example: Example) -> bytes:
    texts = (message.text for message in example.messages)
    return "\n".join((example.id, *example.tags, *texts)).encode("utf-8", "replace")
