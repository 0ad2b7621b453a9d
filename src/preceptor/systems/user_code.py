"""The user's own code as a system: a Python function, or a command.

Both run with the user's rights, outside any sandbox: they are the user's own code.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import os
import shlex
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from preceptor.engine.endpoint import MAX_BODY_BYTES
from preceptor.engine.prices import FREE
from preceptor.errors import EndpointError, InputError, UnknownName, shorten
from preceptor.records import Completion
from preceptor.systems.base import Ask, Parameters, System

__all__ = ["Command", "PythonFunction"]


class PythonFunction(System):
    """``python:package.module:function``, called with the messages, returning the answer's text.

    The function takes a list of ``{"role": …, "content": …}`` and returns a str; it may be async.
    A plain function runs in a thread, one call at a time unless ``concurrency`` says more.
    """

    price = FREE
    reusable = False

    def __init__(self, address: str, parameters: Parameters) -> None:
        self.address = address
        self.failures = Counter()
        self.parameters = parameters
        self._function = _import(address)
        self._asynchronous = inspect.iscoroutinefunction(self._function)
        self.concurrency = parameters.concurrency or (32 if self._asynchronous else 1)
        self._slots = asyncio.Semaphore(self.concurrency)

    def identity(self) -> dict[str, Any]:
        return {"model": self.address}

    async def answer(self, ask: Ask) -> Completion:
        messages = msgspec.to_builtins(ask.messages)
        async with self._slots:
            try:
                async with asyncio.timeout(self.parameters.timeout):
                    if self._asynchronous:
                        text = await self._function(list(messages))
                    else:
                        text = await asyncio.to_thread(self._function, list(messages))
            except TimeoutError:
                raise _failed(self, f"no answer within {self.parameters.timeout:g} s") from None
            except Exception as error:
                raise _failed(self, f"raised {type(error).__name__}: {error}") from error
        if not isinstance(text, str):
            raise _failed(self, f"expected a str, got {shorten(text)}")
        return Completion(text, cost_usd=0.0)


def _failed(system: System, problem: str) -> EndpointError:
    system.failures["system_failed"] += 1
    return EndpointError("system_failed", f"{system.address}: {shorten(problem, 300)}")


def _import(address: str) -> Callable[[list[dict[str, str]]], Any]:
    module_name, _, name = address.removeprefix("python:").partition(":")
    if not module_name or not name:
        raise InputError(f"{shorten(address)}: expected python:package.module:function")
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        function = getattr(importlib.import_module(module_name), name)
    except ModuleNotFoundError as error:
        raise UnknownName(f"{address}: {error}: is its folder the current one?") from None
    except AttributeError:
        raise UnknownName(f"{address}: module {module_name} has no {name}") from None
    if not callable(function):
        raise InputError(f"{address}: expected a function, found {shorten(function)}")
    return function  # type: ignore[no-any-return]


class Command(System):
    """``command:./agent --flag``: gets ``{"messages": […]}`` on standard input, prints the answer.

    No shell is involved. A status other than 0 is a failure of that call.
    """

    price = FREE
    reusable = False

    def __init__(self, address: str, parameters: Parameters) -> None:
        self.address = address
        self.failures = Counter()
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

    async def answer(self, ask: Ask) -> Completion:
        question = msgspec.json.encode({"messages": ask.messages})
        async with self._slots:
            process = await asyncio.create_subprocess_exec(
                *self._words,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
                limit=MAX_BODY_BYTES,
            )
            try:
                async with asyncio.timeout(self.parameters.timeout):
                    out, err = await process.communicate(question)
            except TimeoutError:
                raise _failed(self, f"no answer within {self.parameters.timeout:g} s") from None
            finally:
                _kill_group(process)
        if process.returncode:
            last = err.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no message"]
            raise _failed(self, f"exit status {process.returncode}: {last[0]}")
        if len(out) > MAX_BODY_BYTES:
            raise _failed(self, f"printed more than {MAX_BODY_BYTES:,} bytes")
        return Completion(out.decode("utf-8", "replace").strip("\n"), cost_usd=0.0)


def _kill_group(process: asyncio.subprocess.Process) -> None:
    """A timeout or Ctrl-C must not leave the command's children behind."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
