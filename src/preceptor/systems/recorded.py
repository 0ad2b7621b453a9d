"""Answers that exist already: in a file, or written by physicians."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from preceptor.errors import DataError, EndpointError, InputError, shorten
from preceptor.files import file_sha256, id_text, read_rows
from preceptor.records import Completion, Example
from preceptor.systems.base import Ask, System
from preceptor.systems.prices import FREE

__all__ = ["Physician", "Replay"]

_IDS = ("id", "prompt_id", "example_id")
_TEXTS = ("response", "completion", "answer", "text")


class Replay(System):
    """``replay:answers.jsonl``: one answer a line, ``{"id": …, "response": …}``.

    ``prompt_id`` or ``example_id`` do for the id; ``completion``, ``answer`` or ``text`` for the
    answer. Several lines with one id are its repeats.
    """

    price = FREE
    concurrency = 64
    uses_example = True

    def __init__(self, address: str, path: Path) -> None:
        self.address = address
        self._answers = _read_answers(path)
        self._sha256 = file_sha256(path)

    def identity(self) -> dict[str, Any]:
        return {"recorded": self._sha256}

    def files(self) -> dict[str, str]:
        return {self.address: self._sha256}

    async def answer(self, ask: Ask) -> Completion:
        assert ask.example is not None
        answers = self._answers.get(ask.example.id, [])
        if ask.repeat >= len(answers):
            raise EndpointError(
                "no_answer", f"{self.address}: has {len(answers)} answers to {ask.example.id}"
            )
        return Completion(answers[ask.repeat], cost_usd=0.0)


def _read_answers(path: Path) -> dict[str, list[str]]:
    answers: dict[str, list[str]] = {}
    for number, row in read_rows(path):
        key = _first(row, _IDS)
        text = _first(row, _TEXTS)
        if isinstance(text, list):  # messages, as simple-evals writes a completion
            text = "".join(str(part.get("content", "")) for part in text if isinstance(part, dict))
        name = id_text(key)
        if name is None:
            expected, found = "a text or a whole number", shorten(key)
            if key is None:
                expected, found = f"one of {', '.join(_IDS)}", shorten(list(row))
            problem = f"expected {expected}, found {found}"
            raise DataError(str(path), number, "id", problem)
        if not isinstance(text, str):
            problem = (
                f"expected a text under one of {', '.join(_TEXTS)}, found {shorten(list(row))}"
            )
            raise DataError(str(path), number, "response", problem)
        answers.setdefault(name, []).append(text)
    if not answers:
        raise InputError(f"{path}: expected recorded answers, found an empty file")
    return answers


def _first(row: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)


class Physician(System):
    """The physicians' own answers, as the benchmark holds them.

    ``physician`` takes all; ``physician:1`` to ``physician:3`` HealthBench's groups: without
    references, improving four answers of models of September 2024, and of April 2025.
    ``physician:references`` (or ``physician:2:references``) takes those four answers themselves,
    as four repeats of one system.
    """

    price = FREE
    concurrency = 64
    uses_example = True

    def __init__(self, address: str) -> None:
        self.address = address
        options = address.split(":")[1:]
        self.references = "references" in options
        groups = [option for option in options if option != "references"]
        if len(groups) > 1 or any(group not in ("1", "2", "3") for group in groups):
            raise InputError(
                f"system {shorten(address)}: expected physician, physician:1, physician:2, "
                f"physician:3 or physician[:GROUP]:references"
            )
        self.group = f"Group {groups[0]}" if groups else None

    def identity(self) -> dict[str, Any]:
        return {"model": self.address}

    def covers(self, example: Example) -> int | None:
        return len(self._answers(example))

    def _answers(self, example: Example) -> tuple[str, ...]:
        written = example.physician
        if written is None or (self.group is not None and written.group != self.group):
            return ()
        return written.references if self.references else (written.text,)

    async def answer(self, ask: Ask) -> Completion:
        assert ask.example is not None
        return Completion(self._answers(ask.example)[ask.repeat], cost_usd=0.0)
