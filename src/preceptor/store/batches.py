"""Batches at providers: what was submitted, so that it is found again and not submitted twice."""

from __future__ import annotations

import datetime
from collections.abc import Collection

import msgspec
import sqlalchemy as sa

from preceptor.billing import BatchInfo
from preceptor.records import RunInfo
from preceptor.store.schema import batches
from preceptor.store.store import Store

__all__ = ["OPEN", "Batches", "oldest_kept"]

#: Days after which a provider may have deleted the results (Anthropic: 29, OpenAI: 30).
_KEPT_DAYS = 29
#: States in which there may be results that nobody has kept yet.
OPEN = ("intended", "open", "cancelled")


class Batches:
    """The table ``batches``, as a run at work reads and writes it. Raises StoreError."""

    def __init__(self, store: Store, run: RunInfo) -> None:
        self._store, self._run = store, run

    def intend(self, info: BatchInfo) -> None:
        """Before it is submitted: whatever happens then, it can be looked for."""
        with self._store.transaction() as connection:
            connection.execute(
                batches.insert().values(
                    mark=info.mark,
                    run_id=self._run.id,
                    provider=info.provider,
                    base_url=info.base_url,
                    batch_id=None,
                    state="intended",
                    requests=info.size,
                    submitted_at=info.submitted_at,
                    preceding=info.after,
                    custom_ids=_encode(info.custom_ids),
                )
            )

    def opened(self, mark: str, batch_id: str) -> None:
        """The provider has it, under that id."""
        self._set(mark, batch_id=batch_id, state="open")

    def end(self, mark: str, state: str) -> None:
        """``cancelled`` at the provider, or ``failed``: it never ran, or is gone."""
        self._set(mark, state=state)

    def needed(self, mark: str, custom_ids: Collection[str]) -> None:
        """Requests whose results have not been kept; where there are none, it is settled."""
        values = {"custom_ids": _encode(custom_ids)}
        if not custom_ids:
            values["state"] = "settled"
        still = (batches.c.mark == mark, batches.c.state.in_(OPEN))
        with self._store.transaction() as connection:
            connection.execute(batches.update().where(*still).values(**values))

    def unsettled(self, provider: str, base_url: str) -> list[BatchInfo]:
        """Those whose results may still be needed, in the order of their submission."""
        table = batches.c
        query = (
            sa.select(batches)
            .where(table.provider == provider, table.base_url == base_url)
            .where(table.state.in_(OPEN), table.submitted_at > oldest_kept())
            .order_by(table.submitted_at)
        )
        with self._store.reading() as connection:
            return [self._read(row) for row in connection.execute(query)]

    def known(self) -> set[str]:
        """The provider's ids of all batches."""
        query = sa.select(batches.c.batch_id).where(batches.c.batch_id.is_not(None))
        with self._store.reading() as connection:
            return set(connection.scalars(query))

    def _set(self, mark: str, **values: str) -> None:
        with self._store.transaction() as connection:
            connection.execute(batches.update().where(batches.c.mark == mark).values(**values))

    def _read(self, row: sa.Row[tuple[object, ...]]) -> BatchInfo:
        return BatchInfo(
            mark=row.mark,
            provider=row.provider,
            base_url=row.base_url,
            custom_ids=msgspec.json.decode(row.custom_ids, type=tuple[str, ...]),
            size=row.requests,
            submitted_at=row.submitted_at,
            after=row.preceding,
            batch_id=row.batch_id,
            state=row.state,
            own=row.run_id == self._run.id,
        )


def oldest_kept() -> str:
    """When a batch was submitted, at the earliest, whose results a provider still has."""
    oldest = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=_KEPT_DAYS)
    return oldest.isoformat()


def _encode(custom_ids: Collection[str]) -> str:
    return msgspec.json.encode(list(custom_ids)).decode()
