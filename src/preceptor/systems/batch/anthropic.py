"""Anthropic's Message Batches API: the requests in one body, the results in one file.

https://platform.claude.com/docs/en/api/messages/batches; half the price of single calls:
https://platform.claude.com/docs/en/build-with-claude/batch-processing.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import msgspec

from preceptor.systems.anthropic import STATUS
from preceptor.systems.batch.wire import Look, Outcome, Spool, Wire, failure
from preceptor.systems.http_model import Exchange

__all__ = ["AnthropicBatches"]

#: Pages of the list of batches that are looked through for one of ours.
_MOST_PAGES = 50


class _Tally(msgspec.Struct):
    processing: int = 0
    succeeded: int = 0
    errored: int = 0
    canceled: int = 0
    expired: int = 0

    @property
    def total(self) -> int:
        return self.processing + self.succeeded + self.errored + self.canceled + self.expired


class _MessageBatch(msgspec.Struct):
    id: str
    processing_status: str = ""
    request_counts: _Tally = msgspec.field(default_factory=_Tally)


class _MessageBatches(msgspec.Struct):
    data: list[_MessageBatch]
    has_more: bool = False


class _Error(msgspec.Struct):
    type: str = ""
    message: str = ""


class _ErrorBody(msgspec.Struct):
    error: _Error = msgspec.field(default_factory=_Error)


class _Result(msgspec.Struct):
    type: str
    message: msgspec.Raw = msgspec.Raw(b"null")
    error: _ErrorBody | None = None


class _ResultLine(msgspec.Struct):
    custom_id: str
    result: _Result


class AnthropicBatches(Wire):
    """``POST /messages/batches``."""

    most_requests = 100_000
    #: 256 MB.
    most_bytes = 255_000_000
    marked = False

    @property
    def _path(self) -> str:
        return f"{self.path}/batches"

    def spool(self, mark: str) -> Spool:
        return Spool(b'{"requests":[', b",\n", b"]}")

    def line(self, custom_id: str, exchange: Exchange) -> bytes:
        return msgspec.json.encode({"custom_id": custom_id, "params": exchange.payload})

    async def newest(self) -> str:
        page = await self.json("GET", f"{self._path}?limit=1", _MessageBatches)
        return page.data[0].id if page.data else ""

    async def create(self, mark: str, spool: Spool) -> str:
        size = {"Content-Length": str(spool.size)}
        return (await self.json("POST", self._path, _MessageBatch, spool.read(), size)).id

    async def find(self, mark: str, after: str, count: int, known: Collection[str]) -> str | None:
        # A batch here carries no mark of its client's: what is newer than the newest before it and
        # has as many requests is taken for it, and the ids in its results must then be ours.
        query = f"{self._path}?limit=100"
        for _ in range(_MOST_PAGES):
            page = await self.json("GET", query, _MessageBatches)
            for batch in page.data:
                if batch.id == after:
                    return None
                if batch.request_counts.total == count and batch.id not in known:
                    return batch.id
            if not page.has_more or not page.data:
                break
            query = f"{self._path}?limit=100&after_id={page.data[-1].id}"
        return None

    async def look(self, batch: str) -> Look:
        found = await self.json("GET", f"{self._path}/{batch}", _MessageBatch)
        counts = found.request_counts
        if found.processing_status != "ended":
            return Look("under_way", counts.total - counts.processing)
        state: Literal["ended", "cancelled"] = "cancelled" if counts.canceled else "ended"
        # Not from its `results_url`: the key would go to whatever host stands there.
        return Look(state, counts.total, (f"{self._path}/{batch}/results",))

    def outcome(self, line: bytes) -> Outcome:
        found = msgspec.json.decode(line, type=_ResultLine)
        result = found.result
        if result.type == "succeeded":
            return Outcome(found.custom_id, "ok", bytes(result.message))
        if result.type in ("expired", "canceled"):
            kind = "expired" if result.type == "expired" else "cancelled"
            return Outcome(found.custom_id, kind)
        error = (result.error or _ErrorBody()).error
        status = STATUS.get(error.type, 500)
        return failure(found.custom_id, status, msgspec.json.encode({"error": error}))
