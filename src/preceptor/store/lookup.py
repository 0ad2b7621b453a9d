"""Answers and verdicts by key, or by an older key, which names no server.

Under older keys, two servers behind one address shared a key. A run that records its servers
(``servers`` in its settings) shows that what it paid for came from them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import sqlalchemy as sa

from preceptor.records import Response, Verdict
from preceptor.store import schema as t
from preceptor.store.store import Store

__all__ = ["Lookup"]

T = TypeVar("T")


class Lookup:
    """Finds by key; else by the older key, unless a run shows which server was asked.

    A result under its older key may come from another server: the caller adds a note.

    Attributes
    ----------
    in_vain
        There was no result when this was made. Who claims a key before asking need not look for it:
        the claim finds what has come since.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.reading() as connection:
            tables = (t.responses, t.verdicts, t.packed_keys)
            self.in_vain = not any(
                connection.scalar(sa.select(sa.exists().select_from(each))) for each in tables
            )

    def responses(self, keys: Mapping[str, str | None]) -> dict[str, Response]:
        """Key → answer. ``keys`` has the former key of each, None where it had no other."""
        return self._find(self._store.find_responses, keys)

    def verdicts(self, keys: Mapping[str, str | None]) -> dict[str, Verdict]:
        """Key → verdict, as in :meth:`responses`."""
        return self._find(self._store.find_verdicts, keys)

    def _find(
        self, find: Callable[[Sequence[str]], dict[str, T]], keys: Mapping[str, str | None]
    ) -> dict[str, T]:
        found = find(list(keys))
        former = {key: old for key, old in keys.items() if old is not None and key not in found}
        former = {key: old for key, old in former.items() if old in self._open}
        kept = find(list(former.values())) if former else {}
        return found | {key: kept[old] for key, old in former.items() if old in kept}

    @functools.cached_property
    def _open(self) -> frozenset[str]:
        """Keys paid for only by runs that do not record their servers."""
        links = (
            (t.run_responses, t.responses),
            (t.run_verdicts, t.verdicts),
            (t.run_votes, t.verdicts),
        )
        named = t.runs.c.settings.contains('"servers":')
        packed, place = t.judged.c, t.packed_keys.c.place - t.judged.c.first

        def paid(said: sa.ColumnElement[bool]) -> set[str]:
            queries = [
                sa.select(results.c.key)
                .join_from(link, results)
                .join(t.runs)
                .where(link.c.reused.is_(False), said)
                for link, results in links
            ]
            queries.append(
                sa.select(t.packed_keys.c.key)
                .join_from(t.packed_keys, t.judged, packed.pack_id == t.packed_keys.c.pack_id)
                .join(t.runs)
                .where(
                    place.between(0, sa.func.length(packed.met) - 1),
                    sa.or_(
                        packed.reused.is_(None), sa.func.substr(packed.reused, place + 1, 1) == "0"
                    ),
                    said,
                )
            )
            with self._store.reading() as connection:
                return {key for query in queries for key in connection.scalars(query)}

        return frozenset((old := paid(~named)) and old - paid(named))
