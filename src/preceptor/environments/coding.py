"""Python as a tool: a model writes programs, sees what they print, and ends with a number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from preceptor.environments.base import Environment, Session
from preceptor.environments.sandbox import check_sandbox, run_python
from preceptor.environments.tools import FINISH, FinishSession, ToolError, taken, tool_spec
from preceptor.records import Example

__all__ = ["Coding"]

_RUN = "run_python"
_MOST_TURNS, _SHOWN = 16, 8_000


class _Run(msgspec.Struct, forbid_unknown_fields=True):
    code: str


class _Finish(msgspec.Struct, forbid_unknown_fields=True):
    answer: int | float


class _Session(FinishSession):
    """Runs each program in a sandbox of its own, until the system finishes."""

    max_turns = _MOST_TURNS
    tools = (
        tool_spec(
            _RUN,
            "Run a Python 3 program and read what it prints. It starts anew each time, without "
            "network or files; numpy, scipy and what else is installed can be imported.",
            _Run,
        ),
        tool_spec(FINISH, "End with the answer, a number.", _Finish),
    )

    def __init__(self) -> None:
        self.answer: float | None = None
        self.programs = 0

    async def call(self, name: str, arguments: Mapping[str, Any]) -> str:
        if name == FINISH:
            self.answer = taken(name, arguments, _Finish).answer
            return "The task has ended."
        given = taken(name, arguments, _Run)
        self.programs += 1
        ran = await run_python(given.code)
        shown = ran.output[-_SHOWN:] or "(it printed nothing)"
        if ran.code != 0:
            raise ToolError(f"{shown}\n\nstopped: {ran.stopped or f'exit code {ran.code}'}")
        return shown

    @property
    def state(self) -> Any:
        return {FINISH: self.answer, "programs": self.programs}


class Coding(Environment):
    """A session for each task; refused where there is no sandbox."""

    needs = frozenset({"tools"})
    usual_turns = 3

    def check(self, what: str) -> None:
        check_sandbox(what)

    def open(self, example: Example) -> Session:
        return _Session()
