"""A faithful fake of two batch APIs on this machine: OpenAI's and Anthropic's, with faults.

    with FakeBatches() as fake, fake.environment():
        preceptor.run("starter", system="openai/a", grader="anthropic/b", batch=True)

Replies, also to single calls, are those of :class:`FakeEndpoint`. Results come in another order.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any
from unittest import mock

import msgspec
from aiohttp import web

from preceptor.testing.batch_faults import answered
from preceptor.testing.batch_replies import (
    ANSWERED,
    BODIES,
    KEY,
    STAGES,
    Job,
    authorized,
    error,
    line_of,
    message_body,
    problem_of,
    result_line,
)
from preceptor.testing.replies import chat_body, prompt_key, reply_to, responses_body
from preceptor.testing.tool_use import Plan

__all__ = ["FakeBatches", "Job"]

_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class FakeBatches:
    """Fake batch APIs on a port of 127.0.0.1, served from a thread while entered.

    Parameters
    ----------
    looks
        Number of looks at a batch before it has ended.
    outcome
        (number of the batch from 1, payload) → outcome of a request; see :class:`Job`.
    most_enqueued
        A larger batch fails with ``token_limit_exceeded``.
    tools
        As ``tools`` of :class:`FakeEndpoint`.

    Attributes
    ----------
    jobs
        Batches in the order in which they were submitted.
    paid
        Requests that were answered, by :func:`prompt_key`.
    single
        Calls outside batches.
    faults
        Route (``upload``, ``create``, ``list``, ``look``, ``results``) → faults of its next
        calls: ``error_500``, ``hang_up`` before anything is done, ``lost`` when all is done,
        ``html``, ``rate_limit``, ``not_found``, ``truncated`` results; ``stall``, ``stall_after``
        and ``stall_half`` hang before, after or within the work.
    stalled
        Set when a call stalls.
    held
        Number, from 1, of the first batch that never ends; None if all end.
    """

    def __init__(
        self,
        *,
        looks: int = 2,
        outcome: Callable[[int, dict[str, Any]], str] = lambda *_: "ok",
        most_enqueued: int | None = None,
        tools: Plan = (),
    ) -> None:
        self.jobs: list[Job] = []
        self.paid: Counter[str] = Counter()
        self.single = 0
        self.faults: defaultdict[str, deque[str]] = defaultdict(deque)
        self.met: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.held: int | None = None
        self.stalled = threading.Event()
        self._looks, self._outcome, self._most = looks, outcome, most_enqueued
        self._tools = tools
        self._files: dict[str, bytes] = {}
        self._random = random.Random(0)  # noqa: S311
        self._port = 0
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    # Life

    def __enter__(self) -> FakeBatches:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._runner is not None:
            asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables that lead ``openai/…`` and ``anthropic/…`` to this fake."""
        host = f"http://127.0.0.1:{self._port}"
        return {
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": f"{host}/v1",
            "ANTHROPIC_API_KEY": KEY,
            "ANTHROPIC_BASE_URL": host,
        }

    @contextlib.contextmanager
    def environment(self) -> Iterator[None]:
        """Context in which those variables are set."""
        with mock.patch.dict(os.environ, self.variables):
            yield

    async def _start(self) -> None:
        application = web.Application(client_max_size=2**30)
        for method, path, route, answer in (
            ("POST", "/v1/files", "upload", self._upload),
            ("GET", "/v1/files/{id}/content", "results", self._content),
            ("POST", "/v1/batches", "create", self._create),
            ("GET", "/v1/batches", "list", self._list),
            ("GET", "/v1/batches/{id}", "look", self._look),
            ("POST", "/v1/messages/batches", "create", self._create_messages),
            ("GET", "/v1/messages/batches", "list", self._list_messages),
            ("GET", "/v1/messages/batches/{id}", "look", self._look_messages),
            ("GET", "/v1/messages/batches/{id}/results", "results", self._results),
            ("POST", "/v1/chat/completions", "single", self._single),
            ("POST", "/v1/responses", "single", self._single),
            ("POST", "/v1/messages", "single", self._single),
        ):
            application.router.add_route(method, path, self._guarded(route, answer))
        self._runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]

    def _guarded(self, route: str, answer: Any) -> Any:
        async def respond(request: web.Request) -> web.StreamResponse:
            self.calls[route] += 1
            if not authorized(request):
                return error(401, "invalid_api_key", "Incorrect API key provided")
            fault = self.faults[route].popleft() if self.faults[route] else ""
            self.met[fault] += 1
            return await answered(request, answer, fault, self.stalled)

        return respond

    # OpenAI

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        file = form.get("file")
        if form.get("purpose") != "batch" or not isinstance(file, web.FileField):
            return error(400, "invalid_request_error", "purpose and file are required")
        content = file.file.read()
        if len(content) > 200_000_000:
            return error(413, "file_too_large", "File exceeds 200 MB")
        name = f"file-{len(self._files)}"
        self._files[name] = content
        return web.json_response({"id": name, "object": "file", "purpose": "batch"})

    async def _create(self, request: web.Request) -> web.Response:
        order = msgspec.json.decode(await request.read(), type=dict[str, Any])
        metadata = order.get("metadata") or {}
        if order.get("completion_window") != "24h" or order.get("endpoint") not in BODIES:
            return error(400, "invalid_request_error", "endpoint or completion_window is wrong")
        if any(len(key) > 64 or len(value) > 512 for key, value in metadata.items()):
            return error(400, "invalid_request_error", "metadata is too long")
        content = self._files.get(str(order.get("input_file_id")))
        if content is None:
            return error(400, "invalid_request_error", "no such input file")
        job = Job(f"batch_{len(self.jobs)}", "openai", {}, order["endpoint"], metadata)
        for number, text in enumerate(content.splitlines()):
            line = msgspec.json.decode(text, type=dict[str, Any])
            wrong = line["method"] != "POST" or line["url"] != job.endpoint
            if wrong or line["custom_id"] in job.requests or number >= 50_000:
                job.state, job.error = "failed", ("invalid_request", f"line {number + 1}")
            job.requests[line["custom_id"]] = line["body"]
        if self._most is not None and len(job.requests) > self._most:
            words = "Enqueued token limit reached for the model"
            job.state, job.error = "failed", ("token_limit_exceeded", words)
        self.jobs.append(job)
        return web.json_response(self._batch(job))

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response(self._page(request, "openai", "after", self._batch))

    async def _look(self, request: web.Request) -> web.Response:
        job = self._job(request)
        if job is None:
            return error(404, "invalid_request_error", "No such batch")
        self._age(job)
        return web.json_response(self._batch(job))

    def _batch(self, job: Job) -> dict[str, Any]:
        done = Counter("ok" if each == "ok" else "failed" for each in job.outcomes.values())
        some = set(job.outcomes.values()) - {"missing"}
        errors = None
        if job.error is not None:
            code, words = job.error
            errors = {"object": "list", "data": [{"code": code, "message": words, "line": None}]}
        return {
            "id": job.id,
            "object": "batch",
            "endpoint": job.endpoint,
            "status": job.state,
            "errors": errors,
            "metadata": job.metadata,
            "output_file_id": f"out-{job.id}" if some & ANSWERED else None,
            "error_file_id": f"err-{job.id}" if some - ANSWERED else None,
            "request_counts": {
                "total": len(job.requests),
                "completed": done["ok"],
                "failed": done["failed"],
            },
        }

    async def _content(self, request: web.Request) -> web.Response:
        kind, _, name = request.match_info["id"].partition("-")
        job = next((job for job in self.jobs if job.id == name), None)
        if job is None:
            return error(404, "invalid_request_error", "No such file")
        whole = [
            line_of(job.endpoint, custom_id, job.requests[custom_id], outcome, self._tools)
            for custom_id, outcome in self._shuffled(job)
            if (outcome in ANSWERED) == (kind == "out") and outcome != "missing"
        ]
        return web.Response(body=b"".join(whole), content_type="application/octet-stream")

    # Anthropic

    async def _create_messages(self, request: web.Request) -> web.Response:
        order = msgspec.json.decode(await request.read(), type=dict[str, Any])
        job = Job(f"msgbatch_{len(self.jobs)}", "anthropic", {}, "/v1/messages")
        for each in order.get("requests") or []:
            name = each.get("custom_id", "")
            if not _CUSTOM_ID.fullmatch(name) or name in job.requests or len(each) != 2:
                return error(400, "invalid_request_error", "requests: custom_id")
            if "max_tokens" not in each["params"]:
                return error(400, "invalid_request_error", "max_tokens: Field required")
            job.requests[name] = each["params"]
        if not 0 < len(job.requests) <= 100_000:
            return error(400, "invalid_request_error", "requests: from 1 to 100,000")
        self.jobs.append(job)
        return web.json_response(self._message_batch(job))

    async def _list_messages(self, request: web.Request) -> web.Response:
        page = self._page(request, "anthropic", "after_id", self._message_batch)
        return web.json_response(page)

    async def _look_messages(self, request: web.Request) -> web.Response:
        job = self._job(request)
        if job is None:
            return error(404, "not_found_error", "No such batch")
        self._age(job)
        return web.json_response(self._message_batch(job))

    def _message_batch(self, job: Job) -> dict[str, Any]:
        names = {"ok": "succeeded", "expired": "expired", "cancelled": "canceled"}
        counts = Counter(names.get(each, "errored") for each in job.outcomes.values())
        if not job.over:
            counts = Counter(processing=len(job.requests))
        kinds = ("processing", "succeeded", "errored", "canceled", "expired")
        here = f"http://127.0.0.1:{self._port}/v1/messages/batches/{job.id}/results"
        return {
            "id": job.id,
            "type": "message_batch",
            "processing_status": "ended" if job.over else "in_progress",
            "request_counts": {kind: counts[kind] for kind in kinds},
            "results_url": here if job.over else None,
        }

    async def _results(self, request: web.Request) -> web.Response:
        job = self._job(request)
        if job is None or not job.over:
            return error(404, "not_found_error", "No results yet")
        whole = [
            result_line(custom_id, outcome, job.requests[custom_id], self._tools)
            for custom_id, outcome in self._shuffled(job)
            if outcome != "missing"
        ]
        return web.Response(body=b"".join(whole), content_type="application/x-jsonl")

    # Both

    async def _single(self, request: web.Request) -> web.Response:
        payload = msgspec.json.decode(await request.read(), type=dict[str, Any])
        self.single += 1
        shape = {
            "/v1/chat/completions": chat_body,
            "/v1/responses": responses_body,
            "/v1/messages": message_body,
        }[request.path]
        body = msgspec.json.encode(shape(payload, reply_to(payload)))
        return web.Response(body=body, content_type="application/json")

    def _job(self, request: web.Request) -> Job | None:
        name = request.match_info["id"]
        return next((job for job in self.jobs if job.id == name), None)

    def _page(
        self, request: web.Request, api: str, cursor: str, shape: Callable[[Job], dict[str, Any]]
    ) -> dict[str, Any]:
        """Batches, newest first, as both providers list them."""
        jobs = [job for job in reversed(self.jobs) if job.api == api]
        limit, after = int(request.query.get("limit", 20)), request.query.get(cursor)
        names = [job.id for job in jobs]
        start = names.index(after) + 1 if after in names else 0
        data = [shape(job) for job in jobs[start : start + limit]]
        return {"object": "list", "data": data, "has_more": start + limit < len(jobs)}

    def _age(self, job: Job) -> None:
        if job.over:
            return
        job.looks += 1
        number = self.jobs.index(job) + 1
        if job.looks < self._looks or (self.held is not None and number >= self.held):
            job.state = STAGES[min(job.looks, len(STAGES) - 1)]
            return
        self.end(job)

    def end(self, job: Job, state: str = "completed") -> None:
        """End a batch now; if ``cancelled`` or ``expired``, half of it did not run."""
        number = self.jobs.index(job) + 1
        for place, (custom_id, payload) in enumerate(job.requests.items()):
            refused = problem_of(job.endpoint, payload)
            outcome = "bad_request" if refused else self._outcome(number, payload)
            if state != "completed" and place % 2:
                outcome = state
            job.outcomes[custom_id] = outcome
            if outcome in ANSWERED:
                self.paid[prompt_key(payload)] += 1
        if state == "completed" and "expired" in job.outcomes.values():
            state = "expired"
        job.state = state

    def _shuffled(self, job: Job) -> list[tuple[str, str]]:
        pairs = list(job.outcomes.items())
        self._random.shuffle(pairs)
        return pairs
