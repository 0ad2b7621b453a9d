"""Answers that exist already: in a file, or written by physicians."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from preceptor.errors import DataError, EndpointError, InputError, shorten
from preceptor.files import file_sha256, id_text, read_rows
from preceptor.records import Completion, Example, closing
from preceptor.records.episodes import Episode, episode_in
from preceptor.scoring.places import (
    Stated,
    agrees,
    counted_from,
    in_terms_of,
    names_number,
    question_of,
    stated_in,
    terms_in_words,
)
from preceptor.systems.base import EVERY, Ask, System
from preceptor.systems.content import NO_ANSWER, Content, Tally, read_content, replied
from preceptor.systems.prices import FREE

__all__ = ["Collected", "Physician", "Replay"]

#: ``custom_id`` and ``key`` are those of batches, whose lines have an ``id`` of their own.
_IDS = ("custom_id", "key", "id", "prompt_id", "example_id")
_TEXTS = ("response", "completion", "answer", "text")


class _Recorded(msgspec.Struct, frozen=True):
    """One answer of the file, and its line."""

    line: int
    content: Content
    stated: Stated
    episode: Episode | None = None


class _GivenAnswers(System):
    """Answers given earlier: nothing is asked, and nothing costs."""

    price = FREE
    concurrency = 64
    uses_example = True
    recorded = True
    may_be_empty = True
    capabilities = EVERY


class Replay(_GivenAnswers):
    """``replay:answers.jsonl``: one answer a line, ``{"id": …, "response": …}``.

    ``prompt_id`` or ``example_id`` do for the id; ``completion``, ``answer`` or ``text`` for the
    answer, in any shape that :func:`preceptor.systems.content.read_content` knows; or a line is
    one of a provider's batch, a whole reply, a chat log, or of our own export, with its transcript.
    Several lines with one id are its
    repeats. A line without an answer is a failed one.

    Answers by number, or in another order of options, are mapped to the benchmark's letters:
    :meth:`compare` finds out how, and ``first`` is then the number of the first option.
    """

    def __init__(self, address: str, path: Path) -> None:
        self.address = address
        self.path = path
        self.first: int | None = None
        self._answers = _read_answers(path)
        self._sha256 = file_sha256(path)

    def identity(self) -> dict[str, Any]:
        known = {"recorded": self._sha256}
        rows = (row for rows in self._answers.values() for row in rows)
        if any(row.stated.options or names_number(row.content.text or "") for row in rows):
            return {**known, "options": "translated", "first": self.first}
        return known

    def compare(self, examples: Sequence[Example]) -> list[str]:
        """Find out how the file numbers options, and return notes on its own right answers.

        Raises
        ------
        InputError
            Answers are numbers of options, and nothing shows whether they count from 0 or from 1.
        """
        asked = ((each.id, question_of(each.target)) for each in examples)
        pairs = [
            (row.stated, question)
            for id, question in asked
            if question is not None
            for row in self._answers.get(id, ())
        ]
        self.first, needed = counted_from(pairs)
        if needed and self.first is None:
            raise InputError(
                f"{self.address}: the answers are numbers of options, and its right answers do not "
                f"show whether they count from 0 or from 1: add the right answers, counted alike, "
                f"under target, or write letters"
            )
        alike = [agrees(row, question, self.first) for row, question in pairs]
        moved = sum(
            in_terms_of(row.answers[0], row, question, self.first) != row.answers[0]
            for row, question in pairs
        )
        return terms_in_words(moved, self.first, alike)

    def notes(self, ids: Collection[str]) -> list[str]:
        unknown = {id: rows for id, rows in self._answers.items() if id not in ids}
        if len(unknown) == len(self._answers):
            id, rows = next(iter(unknown.items()))
            problem = f"none of its ids is among the {len(ids):,} of the benchmark"
            raise DataError(str(self.path), rows[0].line, "id", f"{problem}, as {shorten(id)}")
        tally = Tally()
        for id, rows in self._answers.items():
            for row in rows if id in ids else ():
                tally.add(row.line, row.content)
        said = tally.in_words()
        if unknown:
            id, rows = next(iter(unknown.items()))
            lines = sum(map(len, unknown.values()))
            said.append(
                f"{lines:,} recorded answers have an id that the benchmark lacks, first "
                f"{shorten(id)} on line {rows[0].line}: left out."
            )
        return said

    def files(self) -> dict[str, str]:
        return {self.address: self._sha256}

    async def answer(self, ask: Ask) -> Completion:
        assert ask.example is not None
        answers = self._answers.get(ask.example.id, [])
        if ask.repeat >= len(answers):
            raise EndpointError(
                NO_ANSWER, f"{self.address}: has {len(answers)} answers to {ask.example.id}"
            )
        recorded, question = answers[ask.repeat], question_of(ask.example.target)
        text = recorded.content.text
        if text is None:
            place = f"{self.path}:{recorded.line}"
            raise EndpointError(NO_ANSWER, f"{place}: no answer: {recorded.content.reason}")
        if question is not None:
            text = in_terms_of(text, recorded.stated, question, self.first)
        completion = Completion(text, cost_usd=0.0)
        return completion if recorded.episode is None else _with(recorded.episode, completion, ask)


def _with(episode: Episode, completion: Completion, ask: Ask) -> Completion:
    """The answer with how it came about; of a dialogue, with all that was said before."""
    end = len(episode.turns) - 1 - len(closing(episode.turns))
    before = tuple(turn.message for turn in episode.turns[:end])
    dialogue = any(message.role == "user" for message in before)
    return msgspec.structs.replace(
        completion,
        sent=(*ask.messages, *before) if dialogue else None,
        **{name: getattr(episode, name) for name in episode.__struct_fields__},
    )


def _read_answers(path: Path) -> dict[str, list[_Recorded]]:
    answers: dict[str, list[_Recorded]] = {}
    for number, row in read_rows(path):
        key = next((row[name] for name in _IDS if row.get(name) is not None), None)
        id = id_text(key)
        if id is None:
            expected, found = "a text or a whole number", shorten(key)
            if key is None:
                expected, found = f"one of {', '.join(_IDS)}", shorten(list(row))
            problem = f"expected {expected}, found {found}"
            raise DataError(str(path), number, "id", problem)
        content = _content(row)
        if content is None:
            problem = (
                f"expected an answer under one of {', '.join(_TEXTS)}, found {shorten(list(row))}"
            )
            raise DataError(str(path), number, "response", problem)
        if content.unknown:
            problem = (
                f"expected a text, a reply or a chat log, found an object: {shorten(list(row))}"
            )
            raise DataError(str(path), number, "response", problem)
        used = next((name for name in _TEXTS if row.get(name) is not None), None)
        beside = {name: value for name, value in row.items() if name not in (used, *_IDS)}
        stated = stated_in(beside, content.text or "")
        try:
            episode = episode_in(row)
        except ValueError as error:
            raise DataError(str(path), number, "turns", f"expected {error}") from None
        answers.setdefault(id, []).append(_Recorded(number, content, stated, episode))
    if not answers:
        raise InputError(f"{path}: expected recorded answers, found an empty file")
    return answers


def _content(row: Mapping[str, Any]) -> Content | None:
    """The answer of a row; None where it has no field for one."""
    named = [row[name] for name in _TEXTS if name in row]
    there = next((value for value in named if value is not None), None)
    if there is None or "custom_id" in row:
        return replied(row) or (Content(None, "null") if named else None)
    return read_content(there)


class Collected(_GivenAnswers):
    """Answers that came with the benchmark, under the name of the system that gave them.

    Parameters
    ----------
    collection
        Id of an example → its answers, as JSON.
    """

    def __init__(self, address: str, collection: bytes) -> None:
        self.address, self.collection = address, collection
        self._sha256 = hashlib.sha256(collection).hexdigest()
        self._answers = msgspec.json.decode(collection, type=dict[str, tuple[str, ...]])

    def identity(self) -> dict[str, Any]:
        return {"collected": self._sha256}

    def covers(self, example: Example) -> int | None:
        return len(self._answers.get(example.id, ()))

    def notes(self, ids: Collection[str]) -> list[str]:
        """A name may be that of a model that could be asked."""
        asked = f"The answers came with the tasks: {self.address} was not asked."
        return [asked] if re.search("[/:]", self.address) else []

    async def answer(self, ask: Ask) -> Completion:
        assert ask.example is not None
        return Completion(self._answers[ask.example.id][ask.repeat], cost_usd=0.0)


class Physician(_GivenAnswers):
    """The physicians' own answers, as the benchmark holds them.

    ``physician`` takes all; ``physician:1`` to ``physician:3`` HealthBench's groups: without
    references, improving four answers of models of September 2024, and of April 2025.
    ``physician:references`` (or ``physician:2:references``) takes those four answers themselves,
    as four repeats of one system.
    """

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
