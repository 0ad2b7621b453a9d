"""OpenAI's Batch API: a file of requests, and files of results.

https://platform.openai.com/docs/api-reference/batch; half the price of single calls:
https://platform.openai.com/docs/guides/batch.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

import msgspec

from preceptor.errors import shorten
from preceptor.systems.batch.wire import Look, Outcome, Spool, Wire, failure
from preceptor.systems.http_model import Exchange

__all__ = ["OpenAIBatches"]

#: Pages of the list of batches that are looked through for one of ours.
_MOST_PAGES = 50


class _Error(msgspec.Struct):
    code: str | None = None
    message: str | None = None


class _Answer(msgspec.Struct):
    status_code: int
    body: msgspec.Raw = msgspec.Raw(b"null")


class _Line(msgspec.Struct):
    custom_id: str
    response: _Answer | None = None
    error: _Error | None = None


class _Counts(msgspec.Struct):
    total: int = 0
    completed: int = 0
    failed: int = 0


class _Errors(msgspec.Struct):
    data: list[_Error] | None = None


class _Batch(msgspec.Struct):
    id: str
    status: str = ""
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: _Errors | None = None
    request_counts: _Counts | None = None
    metadata: dict[str, Any] | None = None


class _Page(msgspec.Struct):
    data: list[_Batch]
    has_more: bool = False


class _File(msgspec.Struct):
    id: str


class OpenAIBatches(Wire):
    """``POST /files`` and ``POST /batches``, for chat completions and the Responses API."""

    most_requests = 50_000
    #: 200 MB, less what goes around the lines.
    most_bytes = 199_000_000

    def spool(self, mark: str) -> Spool:
        part = f'--{mark}\r\nContent-Disposition: form-data; name="'
        head = (
            f'{part}purpose"\r\n\r\nbatch\r\n{part}file"; filename="preceptor-{mark}.jsonl"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        )
        return Spool(head.encode(), b"\n", f"\n\r\n--{mark}--\r\n".encode())

    def line(self, custom_id: str, exchange: Exchange) -> bytes:
        # The path in a line begins with /v1, whatever the base URL is.
        whole = {"custom_id": custom_id, "method": "POST", "url": f"/v1{exchange.path}"}
        return msgspec.json.encode({**whole, "body": exchange.payload})

    async def create(self, mark: str, spool: Spool) -> str:
        form = {"Content-Type": f"multipart/form-data; boundary={mark}"}
        form["Content-Length"] = str(spool.size)
        file = await self.json("POST", "/files", _File, spool.read(), form)
        order = {
            "input_file_id": file.id,
            "endpoint": f"/v1{self.path}",
            "completion_window": "24h",
            "metadata": {"preceptor": mark},
        }
        return (await self.json("POST", "/batches", _Batch, msgspec.json.encode(order))).id

    async def find(self, mark: str, after: str, count: int, known: Collection[str]) -> str | None:
        query = "/batches?limit=100"
        for _ in range(_MOST_PAGES):
            page = await self.json("GET", query, _Page)
            for batch in page.data:
                if (batch.metadata or {}).get("preceptor") == mark:
                    return batch.id
            if not page.has_more or not page.data:
                break
            query = f"/batches?limit=100&after={page.data[-1].id}"
        return None

    async def look(self, batch: str) -> Look:
        found = await self.json("GET", f"/batches/{batch}", _Batch)
        counts = found.request_counts or _Counts()
        ids = (found.output_file_id, found.error_file_id)
        done, files = counts.completed + counts.failed, [f"/files/{i}/content" for i in ids if i]
        if found.status == "failed":
            errors = (found.errors and found.errors.data) or [_Error(message="no reason given")]
            why = shorten(errors[0].message, 200)
            return Look("failed", why=why, code=errors[0].code or "")
        ends: dict[str, Literal["ended", "expired", "cancelled"]] = {
            "completed": "ended",
            "expired": "expired",
            "cancelled": "cancelled",
        }
        state = ends.get(found.status)
        return Look("under_way", done) if state is None else Look(state, done, tuple(files))

    def outcome(self, line: bytes) -> Outcome:
        found = msgspec.json.decode(line, type=_Line)
        if found.response is not None and found.response.status_code == 200:
            return Outcome(found.custom_id, "ok", bytes(found.response.body))
        if found.response is not None:
            return failure(found.custom_id, found.response.status_code, found.response.body)
        error = found.error or _Error()
        if error.code in ("batch_expired", "batch_cancelled"):
            return Outcome(found.custom_id, error.code.removeprefix("batch_"))
        return failure(found.custom_id, 500, msgspec.json.encode({"error": error}))
