"""One client, timed in a process of its own: ``python bench/speed/sides.py SIDE PORT FILE N``.

Prints one line of JSON: calls made, seconds, seconds of the processor (all threads), and the most
memory that the process had. What is timed begins when everything is imported.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

Timed = tuple[int, float, float]


def _now() -> tuple[float, float]:
    """The clock, and what the process has used of its processor."""
    return time.perf_counter(), time.process_time()


def _since(calls: int, started: tuple[float, float]) -> Timed:
    seconds, cpu = (now - then for now, then in zip(_now(), started, strict=True))
    return calls, seconds, cpu


#: Posts a prompt; gives the reply's text.
Post = Callable[[str], Awaitable[str]]


async def _all(examples: Iterable[Any], post: Post, workers: int) -> int:
    """Ask for the answer to each example, then for each verdict; returns the number of calls."""
    from preceptor.graders.template import OWN

    items = iter(examples)

    async def worker() -> int:
        calls = 0
        for example in items:
            text = example.messages[0].content
            answer = await post(text)
            calls += 1 + len(example.criteria)
            asked = f"user: {text}\n\nassistant: {answer}"
            await asyncio.gather(
                *(
                    post(OWN.render(asked, f"[{criterion.points}] {criterion.text}"))
                    for criterion in example.criteria
                )
            )
        return calls

    return sum(await asyncio.gather(*(worker() for _ in range(workers))))


def _sent(text: str) -> str:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]})


def _said(reply: bytes) -> str:
    text: str = json.loads(reply)["choices"][0]["message"]["content"]
    return text


def bare(port: int, path: Path, connections: int) -> Timed:
    """A loop that posts with aiohttp and decodes, and does nothing else."""
    import aiohttp

    from preceptor.benchmarks import get

    examples = get("healthbench").load(path).examples
    url = f"http://127.0.0.1:{port}/v1/chat/completions"

    async def run() -> int:
        connector = aiohttp.TCPConnector(limit=connections)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def post(text: str) -> str:
                async with session.post(url, data=_sent(text)) as response:
                    return _said(await response.read())

            return await _all(examples, post, connections)

    started = _now()
    return _since(asyncio.run(run()), started)


class _Wire(asyncio.Protocol):
    """A connection that reads what this server sends, and nothing else."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def ask(self, request: bytes) -> asyncio.Future[bytes]:
        self.buffer, self.reply = bytearray(), asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.reply

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        length = self.buffer.find(b"Content-Length: ", 0, end) + 16
        whole = end + 4 + int(self.buffer[length : self.buffer.find(b"\r", length)])
        if end > 0 and len(self.buffer) >= whole:
            self.reply.set_result(bytes(self.buffer[end + 4 :]))


def hand(port: int, path: Path, connections: int) -> Timed:
    """The same over connections written by hand: the limit of one process of Python."""
    from preceptor.benchmarks import get

    examples = get("healthbench").load(path).examples

    async def run() -> int:
        loop, room = asyncio.get_running_loop(), asyncio.Semaphore(connections)
        idle: list[_Wire] = []

        async def post(text: str) -> str:
            body = _sent(text).encode()
            head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
            async with room:
                made = None if idle else await loop.create_connection(_Wire, "127.0.0.1", port)
                wire = idle.pop() if made is None else made[1]
                reply = await wire.ask(head % len(body) + body)
                idle.append(wire)
            return _said(reply)

        return await _all(examples, post, connections)

    started = _now()
    return _since(asyncio.run(run()), started)


def preceptor(port: int, path: Path, connections: int) -> Timed:
    """A whole run: rendered, asked, parsed, stored, shown, scored, as the command does it."""
    import scipy.special  # noqa: F401  # of the intervals, behind the run

    from preceptor import api
    from preceptor.cli.progress import Display

    try:
        from preceptor.engine.collector import rare_collections
    except ImportError:  # a checkout whose library sees to it
        rare_collections = contextlib.nullcontext()

    address = f"http://127.0.0.1:{port}/v1#m"
    with rare_collections, tempfile.TemporaryDirectory() as folder, Display() as display:
        started = _now()
        run = api.run(
            "healthbench",
            system=address,
            grader=address,
            data=path,
            store=Path(folder) / "store.db",
            watch=display.update,
            grader_template="preceptor",
            system_params=(f"concurrency={connections}",),
            grader_params=(f"concurrency={connections}",),
        )
        result = run.result()
        assert result.coverage == 1
        return _since(len(result.graded) + result.verdicts, started)


def inspect(port: int, path: Path, connections: int) -> Timed:
    """The same work by inspect-evals' HealthBench, as its documentation says to run it."""
    from inspect_ai import eval as run
    from inspect_ai.model import get_model
    from inspect_evals.healthbench import healthbench

    os.environ["OPENAI_API_KEY"] = "none"
    url = f"http://127.0.0.1:{port}/v1"
    model = get_model("openai/gpt-4o-mini", base_url=url, responses_api=False)
    with tempfile.TemporaryDirectory() as folder:
        started = _now()
        (log,) = run(
            healthbench(local_path=str(path), judge_model=model),
            model=model,
            max_connections=connections,
            max_samples=connections,
            log_dir=folder,
            display="none",
            cache=False,
        )
        taken = _since(0, started)
        assert log.status == "success", log.error
        # Read from its file only now.
        rubrics = sum(len(sample.metadata["rubrics"]) for sample in log.samples)
        return len(log.samples) + rubrics, *taken[1:]


if __name__ == "__main__":
    sides = {"bare": bare, "hand": hand, "preceptor": preceptor, "inspect": inspect}
    side, port, path, connections = sys.argv[1:]
    calls, seconds, cpu = sides[side](int(port), Path(path), int(connections))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"calls": calls, "seconds": seconds, "cpu": cpu, "megabytes": peak}))
