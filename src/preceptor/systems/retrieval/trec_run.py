"""``replay:run.trec``: ranked lists that were made elsewhere, in TREC's format."""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

from preceptor.errors import DataError, InputError, shorten
from preceptor.files import file_sha256
from preceptor.records import Completion
from preceptor.records.ranked import DEPTH, Ranked, in_order, ranked_text
from preceptor.systems.base import EVERY, Ask, System
from preceptor.systems.prices import FREE

__all__ = ["SUFFIXES", "TrecRun"]

#: What a file of this kind may end in.
SUFFIXES = (".trec", ".run", ".res")


class TrecRun(System):
    """Each line is query, ``Q0``, document, rank, score and the run's name.

    The order is by score and then by document: the rank does not count. A query that the file
    lacks has the empty list.
    """

    price = FREE
    concurrency = 64
    uses_example = True
    recorded = True
    may_be_empty = True
    sampled = False
    capabilities = EVERY

    def __init__(self, address: str, path: Path) -> None:
        self.address, self.path = address, path
        self._found = _read(path)
        self._sha256 = file_sha256(path)

    def identity(self) -> dict[str, Any]:
        return {"recorded": self._sha256, "depth": DEPTH}

    def files(self) -> dict[str, str]:
        return {self.address: self._sha256}

    def notes(self, ids: Collection[str]) -> list[str]:
        known = set(ids)
        unknown = [id for id in self._found if id not in known]
        if len(unknown) == len(self._found):
            raise InputError(
                f"{self.path}: none of its {len(unknown):,} queries is among the {len(known):,} of "
                f"the benchmark, as {shorten(unknown[0])}"
            )
        said = []
        if lacking := len(known) - (len(self._found) - len(unknown)):
            said.append(f"{lacking:,} of {len(known):,} queries are not in the run: they score 0.")
        if unknown:
            said.append(f"{len(unknown):,} queries of the run are not asked here: left out.")
        longer = sum(len(found) > DEPTH for id, found in self._found.items() if id in known)
        if longer:
            said.append(f"{longer:,} lists are longer than {DEPTH:,} documents: cut there.")
        return said

    async def answer(self, ask: Ask) -> Completion:
        assert ask.example is not None
        found = in_order(self._found.get(ask.example.id, ()))[:DEPTH]
        return Completion(ranked_text(found), cost_usd=0.0)


def _read(path: Path) -> dict[str, list[Ranked]]:
    found: dict[str, list[Ranked]] = {}
    try:
        with path.open(encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, start=1):
                cells = line.split()
                if not cells:
                    continue
                if len(cells) != 6:
                    problem = (
                        f"expected query, Q0, document, rank, score and name, found "
                        f"{len(cells)} columns"
                    )
                    raise DataError(str(path), number, "", problem)
                score = _number(cells[4])
                if score is None:
                    problem = f"expected a number, found {shorten(cells[4])}"
                    raise DataError(str(path), number, "score", problem)
                found.setdefault(cells[0], []).append(Ranked(cells[2], score))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    if not found:
        raise InputError(f"{path}: expected a run in TREC's format, found an empty file")
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
