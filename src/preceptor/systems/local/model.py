"""Small models on this machine, in a process of their own: ``local/NAME``, ``local:/FILE.gguf``."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor.errors import EndpointError, InputError, Unavailable
from preceptor.installation import MissingExtra, installed
from preceptor.records import Completion, Example
from preceptor.systems.base import Ask, Capability, Parameters, System
from preceptor.systems.local import weights
from preceptor.systems.prices import FREE
from preceptor.systems.streaming import Heard, running

if TYPE_CHECKING:
    from preceptor.systems.openai import ChatModel

__all__ = ["LocalModel"]

#: Seconds that loading a model may take, from a slow disk.
START_LIMIT_S = 300.0
#: Tokens of prompt and answer together for a file that is not in the table of known models.
DEFAULT_CONTEXT = 8192
#: What of a model's settings its answers depend on.
_TELLING = (
    "system_prompt",
    "temperature",
    "max_tokens",
    "reasoning_effort",
    "verbosity",
    "seed",
    "extra_body",
)
_LOG_BYTES, _LOG_LINES = 8192, 20
_STOP_LIMIT_S = 5.0


class LocalModel(System):
    """A GGUF model served by llama.cpp in a child process, on one thread.

    ``open`` starts the server, ``close`` ends it; it also ends when this process dies in whatever
    way. ``parameters.concurrency`` is the number of prompts that it keeps and works on at once,
    each with the whole context; the default is one.

    Raises
    ------
    UnknownName, InputError
        The address names no known model, or no file.
    """

    price = FREE
    capabilities = frozenset[Capability](("token_probabilities",))

    def __init__(self, address: str, parameters: Parameters) -> None:
        self.address = address
        self.parameters = parameters
        self.concurrency = max(1, parameters.concurrency or 1)
        self.sampled = parameters.temperature != 0
        self._known: weights.Weights | None = None
        self._file: Path | None = None
        self._sha256: str | None = None
        if address.startswith("local/"):
            self._known = weights.known(address.removeprefix("local/"))
            self._sha256 = self._known.sha256
        elif path := address.removeprefix("local:"):
            self._file = Path(path).expanduser()
        else:
            raise InputError(
                "local: expected local/NAME or local:/path/to/model.gguf, found no path"
            )
        self._server: _Server | None = None
        self._chat: ChatModel | None = None

    def identity(self) -> dict[str, Any]:
        """The weights' SHA-256 and the settings. Reads a file of the user's own once, whole."""
        if self._sha256 is None:
            path = self._path()
            try:
                self._sha256 = weights.sha256_of(path)
            except OSError as error:
                raise Unavailable(f"{self.address}: cannot be read: {error}") from error
        values = {name: getattr(self.parameters, name) for name in _TELLING}
        shown = {name: value for name, value in values.items() if value is not None}
        return {"local": self._sha256, "parameters": shown}

    def covers(self, example: Example) -> int | None:
        return None

    async def open(self) -> None:
        """Start the model's server and wait until it is ready.

        Raises
        ------
        Unavailable
            xllamacpp or the weights are not here, or the server does not start.
        """
        if self._server is not None:
            return
        if not installed("local"):
            raise MissingExtra(f"{self.address}: needs xllamacpp", "local")
        from preceptor.systems.openai import ChatModel

        context = self._known.context if self._known else DEFAULT_CONTEXT
        # The name in replies is that of the address: else each would seem to be another model's.
        name = self._known.name if self._known else self._path().stem
        server = _Server(self.address, self._path(), name, context, self.concurrency)
        url = await server.start()
        parameters = msgspec.structs.replace(self.parameters, concurrency=self.concurrency)
        self._chat = ChatModel(self.address, url, name, server.key, parameters)
        self._server = server

    async def answer(self, ask: Ask) -> Completion:
        """Answer one question; ``cost_usd`` is 0.

        Raises
        ------
        EndpointError
            ``bad_request`` where the prompt does not fit into the context, ``system_failed`` where
            the server died.
        """
        return await self._watched(lambda chat: chat.answer(ask))

    async def hear(self, ask: Ask, heard: Heard) -> Completion:
        return await self._watched(lambda chat: chat.hear(ask, heard))

    async def _watched(
        self, ask_chat: Callable[[ChatModel], Coroutine[Any, Any, Completion]]
    ) -> Completion:
        if self._server is None or self._chat is None:
            raise RuntimeError(f"{self.address}: answer() before open()")
        async with running(ask_chat(self._chat)) as call:
            await asyncio.wait({call, self._server.ended}, return_when=asyncio.FIRST_COMPLETED)
            if not call.done():
                raise EndpointError("system_failed", self._server.obituary())
            try:
                completion = call.result()
            except EndpointError as error:
                if error.kind == "connection" and await self._server.ends_soon():
                    raise EndpointError("system_failed", self._server.obituary()) from error
                raise
        return msgspec.structs.replace(completion, cost_usd=0.0)

    async def close(self) -> None:
        chat, self._chat = self._chat, None
        server, self._server = self._server, None
        try:
            if chat is not None:
                await chat.close()
        finally:
            if server is not None:
                await server.stop()

    def _path(self) -> Path:
        if self._known is not None:
            found = weights.find(self._known.name)
            if found is None:
                raise Unavailable(
                    f"{self.address}: its weights are not here "
                    f"({self._known.size / 1e6:,.0f} MB): preceptor fetch {self.address}"
                )
            return found
        assert self._file is not None
        if not self._file.is_file():
            raise Unavailable(f"{self.address}: expected a GGUF file, found none there")
        return self._file


class _Server:
    """The child process: started, watched, and stopped."""

    def __init__(self, address: str, model: Path, name: str, context: int, slots: int) -> None:
        self.address = address
        #: Other users of the machine, and pages in a browser, must not reach the model.
        self.key = secrets.token_urlsafe(24)
        self._options = [str(model), f"--alias={name}"]
        self._options += [f"--context={context}", f"--slots={slots}"]
        self._log = b""

    async def start(self) -> str:
        """Start it and return its base URL. Raises :class:`Unavailable`; nothing is left then."""
        # As a file and not with -m: it then starts in a blink, however this package was found.
        script = Path(__file__).with_name("llama_server.py")
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", str(script), *self._options, f"--parent={os.getpid()}"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us: what is under way can then be finished
        )
        self._drained = asyncio.create_task(self._drain())
        self.ended = asyncio.create_task(self._process.wait())
        try:
            async with asyncio.timeout(START_LIMIT_S):
                return await self._ready()
        except TimeoutError:
            await self.stop()
            raise Unavailable(
                f"{self.address}: the model was not loaded within {START_LIMIT_S:g} s"
            ) from None
        except BaseException:
            await self.stop()
            raise

    async def _ready(self) -> str:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        with contextlib.suppress(ConnectionError):
            stdin.write(f"{self.key}\n".encode())
            await stdin.drain()
        line = await stdout.readline()
        if not line:
            await self.ended
            raise Unavailable(self.obituary())
        url = f"http://127.0.0.1:{int(line)}"
        await self._healthy(url)
        return f"{url}/v1"

    async def _healthy(self, url: str) -> None:
        import aiohttp

        async with aiohttp.ClientSession() as session:
            while not self.ended.done():
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"{url}/health") as response:
                        if response.status == 200:
                            return
                await asyncio.sleep(0.05)
        raise Unavailable(self.obituary())

    async def ends_soon(self) -> bool:
        """Whether it is dead, or found to be within a second: a broken connection tells first."""
        await asyncio.wait({self.ended}, timeout=1.0)
        return self.ended.done()

    def obituary(self) -> str:
        """How it ended, on one line, and below that the end of its log."""
        code = self._process.returncode
        how = f"exit code {code}"
        if code is not None and code < 0:
            how = f"signal {-code}"
            if -code == getattr(signal, "SIGKILL", None):
                how += ", perhaps for lack of memory"
        lines = self._log.decode("utf-8", "replace").splitlines()[-_LOG_LINES:]
        return "\n    ".join([f"{self.address}: the model's server ended ({how})", *lines])

    async def stop(self) -> None:
        """End the process, politely first. Safe to call twice."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        await asyncio.wait({self.ended}, timeout=_STOP_LIMIT_S)
        if not self.ended.done():
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await asyncio.gather(self.ended, self._drained, return_exceptions=True)

    async def _drain(self) -> None:
        """Keep the end of what it prints; a full pipe would stop it."""
        stream = self._process.stderr
        assert stream is not None
        while chunk := await stream.read(4096):
            self._log = (self._log + chunk)[-_LOG_BYTES:]
