"""What a project spends on live answers and previews, kept below its cap over restarts."""

from __future__ import annotations

import asyncio
import datetime
from functools import partial

import sqlalchemy as sa

from preceptor.engine.budget import Budget
from preceptor.errors import StoreError
from preceptor.records import Usage
from preceptor.studio.chat.jobs import Keeper
from preceptor.studio.people.tables import spendings

__all__ = ["Spending"]

_REMEDY = "a lead sets a higher one"


class Spending(Budget):
    """A budget whose sum is in the studio's database, and is saved as it grows."""

    def __init__(self, keeper: Keeper) -> None:
        with keeper.read() as connection:
            before = connection.scalar(sa.select(sa.func.sum(spendings.c.dollars))) or 0.0
        super().__init__(cost=before, remedies=(_REMEDY, _REMEDY))
        self._keeper = keeper
        self._unsaved = 0.0
        self._saving: asyncio.Task[None] | None = None

    def add(self, usage: Usage, cost: float | None) -> None:
        super().add(usage, cost)
        self._unsaved += cost or 0.0
        if self._unsaved and (self._saving is None or self._saving.done()):
            self._saving = asyncio.ensure_future(self._save())

    async def close(self) -> None:
        """Save what is not saved yet."""
        if self._saving is not None:
            await self._saving
        await self._save()

    async def _save(self) -> None:
        """Save what was added, and what is added meanwhile."""
        while self._unsaved:
            dollars, self._unsaved = self._unsaved, 0.0
            day = datetime.datetime.now(datetime.UTC).date().isoformat()
            try:
                await self._keeper.write(partial(_note, day=day, dollars=dollars))
            except StoreError:  # saved with the next call, or at close
                self._unsaved += dollars
                return


def _note(connection: sa.Connection, *, day: str, dollars: float) -> None:
    today = spendings.c.day == day
    more = spendings.update().where(today).values(dollars=spendings.c.dollars + dollars)
    if connection.execute(more).rowcount == 0:
        connection.execute(spendings.insert().values(day=day, dollars=dollars))
