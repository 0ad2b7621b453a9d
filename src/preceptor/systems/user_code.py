"""The user's own code as a system: a Python function, or a command.

Both run with the user's rights, outside any sandbox: they are the user's own code.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import inspect
import os
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from preceptor.errors import EndpointError, InputError, UnknownName, shorten
from preceptor.files import file_sha256
from preceptor.records import Completion
from preceptor.systems.base import EVERY, Ask, Capability, Parameters, System
from preceptor.systems.endpoint import MAX_BODY_BYTES
from preceptor.systems.prices import FREE
from preceptor.systems.steps import completion_of, messages_for, tools_for

__all__ = ["Command", "PythonFunction"]

_CHUNK = 65_536


class PythonFunction(System):
    """``python:package.module:function``, called with the messages, returning the answer's text.

    The function takes a list of ``{"role": …, "content": …}`` and returns a str, a message, or the
    messages of its steps, the answer last; it may be async. One with a parameter ``tools`` is given
    those that it may ask for by ``tool_calls`` in the message that it returns; one with a parameter
    ``addresses`` is given those of a record that it works in by itself.
    A plain function runs in a thread, one call at a time unless ``concurrency`` says more. A call
    that takes longer than ``timeout`` is given up; its thread cannot be stopped and is left behind.
    """

    price = FREE
    reusable = False
    may_be_empty = True
    remedies = MappingProxyType(
        {name: f"give the function a parameter {name}" for name in ("tools", "addresses")}
    )

    def __init__(self, address: str, parameters: Parameters) -> None:
        self.address = address
        self.parameters = parameters
        self._function = _import(address)
        self._takes_tools = _takes(self._function, "tools")
        self._takes_addresses = _takes(self._function, "addresses")
        lacking: set[Capability] = set() if self._takes_tools else {"tools", "tool_media"}
        self.capabilities = EVERY - (lacking if self._takes_addresses else lacking | {"addresses"})
        self._asynchronous = inspect.iscoroutinefunction(self._function)
        self.concurrency = parameters.concurrency or (32 if self._asynchronous else 1)
        self._slots = asyncio.Semaphore(self.concurrency)

    def identity(self) -> dict[str, Any]:
        return {"model": self.address}

    def files(self) -> dict[str, str]:
        """Its module, and those of the same folder or package imported with it."""
        return _modules(self.address.removeprefix("python:").partition(":")[0])

    async def answer(self, ask: Ask) -> Completion:
        messages = messages_for(ask)
        options: dict[str, Any] = {"tools": tools_for(ask)} if self._takes_tools else {}
        if self._takes_addresses:
            options["addresses"] = dict(ask.addresses)
        async with self._slots:
            try:
                async with asyncio.timeout(self.parameters.timeout):
                    if self._asynchronous:
                        returned = await self._function(messages, **options)
                    else:
                        call = functools.partial(self._function, messages, **options)
                        returned = await _in_thread(call)
                        if inspect.isawaitable(returned):  # a callable object's async __call__
                            returned = await returned
            except TimeoutError:
                raise _failed(self, f"no answer within {self.parameters.timeout:g} s") from None
            except Exception as error:
                raise _failed(self, f"raised {type(error).__name__}: {error}") from error
        return _completion(self, returned)


def _takes(function: Callable[..., Any], name: str) -> bool:
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):  # some of those written in C do not say
        return False


def _completion(system: System, returned: object) -> Completion:
    try:
        return completion_of(returned)
    except ValueError as error:
        raise _failed(system, str(error)) from None


async def _in_thread(function: Callable[[], Any]) -> Any:
    """Call a function in a thread of its own, which does not keep the program from ending.

    `asyncio.to_thread` has few threads for all, and a function that hangs would keep one of them.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Any] = loop.create_future()

    def settle(value: Any, error: BaseException | None) -> None:
        if outcome.done():  # given up meanwhile
            return
        if error is None:
            outcome.set_result(value)
        else:
            # Only an ordinary exception can pass through a future.
            plain = isinstance(error, Exception) and not isinstance(error, StopIteration)
            outcome.set_exception(error if plain else RuntimeError(repr(error)))

    def call() -> None:
        value, error = None, None
        try:
            value = function()
        except BaseException as raised:  # the waiting side must hear of it, whatever it is
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=call, name="preceptor-function", daemon=True).start()
    return await outcome


def _failed(system: System, problem: str) -> EndpointError:
    system.failures["system_failed"] += 1
    return EndpointError("system_failed", f"{system.address}: {shorten(problem, 300)}")


def _import(address: str) -> Callable[..., Any]:
    module_name, _, name = address.removeprefix("python:").partition(":")
    if not module_name or not name:
        raise InputError(f"{shorten(address)}: expected python:package.module:function")
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        function = getattr(importlib.import_module(module_name), name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if f"{module_name}.".startswith(f"{missing}."):
            words = f"{address}: {error}: is its folder the current one?"
            raise UnknownName(words) from None
        words = f"{address}: module {module_name} imports {missing}, which is missing: install it"
        raise UnknownName(words) from None
    except AttributeError as error:
        if module_name not in sys.modules:  # raised by the module's own code
            raise InputError(f"{address}: importing it raised AttributeError: {error}") from error
        raise UnknownName(f"{address}: module {module_name} has no {name}") from None
    except Exception as error:
        words = f"{address}: importing it raised {type(error).__name__}: {error}"
        raise InputError(words) from error
    if not callable(function):
        raise InputError(f"{address}: expected a function, found {shorten(function)}")
    return function  # type: ignore[no-any-return]


def _modules(name: str) -> dict[str, str]:
    """A module and those imported from the same folder or package, each with its file's SHA-256."""
    top = name.partition(".")[0]
    files = {key: file for key, m in sys.modules.items() if (file := getattr(m, "__file__", None))}
    if name not in files:  # a notebook's own functions have no file
        return {}
    own = Path(files[name])
    root = own.parents[name.count(".") + (own.name == "__init__.py")]
    theirs = {"preceptor", *sys.stdlib_module_names}

    def belongs(key: str, file: str) -> bool:
        first = key.partition(".")[0]
        if first == top or first in theirs or "-packages" in file:  # most are told without a path
            return first == top
        return Path(file).is_relative_to(root)

    mine = {key: Path(file) for key, file in files.items() if belongs(key, file)}
    return {
        key: file_sha256(path)
        for key, path in sorted(mine.items())
        if path.suffix == ".py" and path.is_file()
    }


class Command(System):
    """``command:./agent --flag``: gets ``{"messages": […]}`` on standard input, prints the answer.

    Where tools are offered, they stand under ``tools``; a program that asks for one prints the
    message with ``tool_calls``, or ``{"messages": […]}``, and is started again with the results.
    The addresses of a record that it works in by itself are in its environment.
    No shell is involved. A status other than 0 is a failure of that call.
    """

    price = FREE
    reusable = False
    may_be_empty = True
    capabilities = EVERY

    def __init__(self, address: str, parameters: Parameters) -> None:
        self.address = address
        self.parameters = parameters
        try:
            self._words = shlex.split(address.removeprefix("command:"))
        except ValueError as error:
            raise InputError(f"{shorten(address)}: {error}") from None
        if not self._words or shutil.which(self._words[0]) is None:
            raise UnknownName(f"{shorten(address)}: no such program: give a path or a name on PATH")
        self.concurrency = parameters.concurrency or os.cpu_count() or 1
        self._slots = asyncio.Semaphore(self.concurrency)

    def identity(self) -> dict[str, Any]:
        return {"model": self.address}

    def files(self) -> dict[str, str]:
        """The program, and the files among its arguments."""
        program = shutil.which(self._words[0])
        named = {word: Path(word) for word in self._words[1:] if Path(word).is_file()}
        if program is not None:
            named[self._words[0]] = Path(program)
        return {word: file_sha256(path) for word, path in named.items()}

    async def answer(self, ask: Ask) -> Completion:
        tools = {"tools": tools_for(ask)} if ask.tools else {}
        question = msgspec.json.encode({"messages": messages_for(ask), **tools})
        async with self._slots:
            try:
                async with asyncio.timeout(self.parameters.timeout):
                    status, out, err = await self._talk(question, ask.addresses)
            except TimeoutError:
                raise _failed(self, f"no answer within {self.parameters.timeout:g} s") from None
            except OSError as error:
                raise _failed(self, f"cannot be started: {error}") from None
        if status:
            last = err.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no message"]
            raise _failed(self, f"exit status {status}: {last[0]}")
        text = out.decode("utf-8", "replace").strip("\n")
        return _completion(self, _messages(text) or text)

    async def _talk(
        self, question: bytes, addresses: Mapping[str, str]
    ) -> tuple[int, bytes, bytes]:
        """(exit status, what it printed, the end of its complaints) of one call."""
        process = await asyncio.create_subprocess_exec(
            *self._words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, **addresses},
        )
        stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
        assert stdin is not None
        assert stdout is not None
        assert stderr is not None
        try:
            _, out, err = await asyncio.gather(
                _feed(stdin, question), self._printed(stdout), _last_words(stderr)
            )
            return await process.wait(), out, err
        except BaseException:
            # Neither a timeout nor Ctrl-C may leave the command or its children behind.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await process.wait()
            # What was not read to its end stays open else, and asyncio has no public way to it.
            process._transport.close()  # type: ignore[attr-defined]
            await asyncio.sleep(0)
            raise

    async def _printed(self, stream: asyncio.StreamReader) -> bytes:
        whole = bytearray()
        while chunk := await stream.read(_CHUNK):
            whole += chunk
            if len(whole) > MAX_BODY_BYTES:
                raise _failed(self, f"printed more than {MAX_BODY_BYTES:,} bytes")
        return bytes(whole)


def _messages(text: str) -> list[Any] | None:
    """The message that was printed, or the messages of an object that has nothing else."""
    if not text.startswith("{"):
        return None
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    if isinstance(found, dict) and found.get("role") == "assistant":
        return [found]
    whole = isinstance(found, dict) and found.keys() == {"messages"}
    return found["messages"] if whole and isinstance(found["messages"], list) else None


async def _feed(stream: asyncio.StreamWriter, text: bytes) -> None:
    """Send the question; a command that does not read it is no failure."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stream.write(text)
        await stream.drain()
    stream.close()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        await stream.wait_closed()


async def _last_words(stream: asyncio.StreamReader) -> bytes:
    end = b""
    while chunk := await stream.read(_CHUNK):
        end = (end + chunk)[-_CHUNK:]
    return end
