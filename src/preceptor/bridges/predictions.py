"""``preceptor import predictions``: answers from elsewhere, in a table of one or more runs."""

from __future__ import annotations

import functools
import hashlib
import re
import tempfile
import weakref
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from preceptor.benchmarks import Benchmark, all_benchmarks
from preceptor.benchmarks.base import Fields
from preceptor.bridges.answer_files import MODELS, PARTS, Columns, answer_rows, find_columns
from preceptor.bridges.imported import ImportedRun, Incoming
from preceptor.bridges.outcome_columns import has_outcomes
from preceptor.bridges.outcome_files import outcome_runs
from preceptor.bridges.prediction_rows import (
    Beside,
    Prediction,
    beside_of,
    contents_of,
    prediction_of,
    text_of,
)
from preceptor.bridges.pricing import listed_price
from preceptor.bridges.resolve import Resolver
from preceptor.bridges.tool_runs import Asked, Start, ToolAnswer, ToolRun
from preceptor.errors import InputError
from preceptor.records import Response, RunSettings
from preceptor.scoring.places import places, plain
from preceptor.systems.content import NO_ANSWER, Content, Tally, replied
from preceptor.systems.prices import Price

__all__ = ["Prediction", "Predictions", "is_mine", "read"]


class _Group(msgspec.Struct):
    """Rows of one run: their offsets in the spool, and a hash of them all.

    ``fallbacks`` has the places of rows whose answer is not in the first answer column.
    """

    name: str
    values: dict[str, str]
    places: Any
    digest: Any
    answers: tuple[str, ...] = ()
    tally: Tally = msgspec.field(default_factory=Tally)
    fallbacks: list[int] = []


_spooled = msgspec.msgpack.Decoder(tuple[Prediction, Beside])


class Predictions:
    """A file of answers, read once; its rows are spooled to disk by run, in order.

    Parameters
    ----------
    path
        ``.csv``, ``.tsv``, ``.jsonl``, ``.json``, ``.parquet`` or ``.xlsx``.
    id, answer, by
        Columns, as in :func:`find_columns`.

    Raises
    ------
    InputError, DataError
        The file is wrong; the message names line and field. Nothing was imported.
    """

    def __init__(
        self,
        path: Path,
        *,
        id: str | None = None,
        answer: Sequence[str] = (),
        by: Sequence[str] | None = None,
    ) -> None:
        self.path = path
        self._groups: dict[tuple[str, ...], _Group] = {}
        self._spool: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self.close = weakref.finalize(self, self._spool.close)
        self.columns = self._read(id, answer, by)

    def __enter__(self) -> Predictions:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def digests(self) -> dict[str, str]:
        """Hash of each run's rows, by name."""
        return {group.name: group.digest.hexdigest() for group in self._groups.values()}

    def runs(self, benchmark: Benchmark, data: Path | None = None) -> Iterator[ImportedRun]:
        """Yield the runs; one without any known question has no answers.

        Raises
        ------
        InputError
            The benchmark's answers need a grader.
        """
        made = self.makers(benchmark, data)
        return (make() for make in made.values())

    def makers(
        self, benchmark: Benchmark, data: Path | None = None, system: str | None = None
    ) -> dict[str, Callable[[], ImportedRun]]:
        """What makes each run, by name, so that one at a time is in memory; raises as :meth:`runs`.

        ``system`` is the model if the file does not name it.
        """
        if benchmark.protocol.judging.judged:
            raise InputError(
                f"{benchmark.name}: its answers are judged by a grader; have them judged with "
                f"`preceptor run {benchmark.name} --system replay:FILE`"
            )
        resolver = Resolver(benchmark, data)
        groups = self._groups.values()
        resolver.count_options((self._answers(group) for group in groups), self.path)
        return {
            group.name: functools.partial(self._run, resolver, group, system) for group in groups
        }

    def _read(self, id: str | None, answer: Sequence[str], by: Sequence[str] | None) -> Columns:
        columns = None
        for number, row in answer_rows(self.path):
            if columns is None:
                reply = replied(row) is not None
                columns = find_columns(
                    list(row), self.path, id=id, answer=answer, by=by, reply=reply
                )
            fields = Fields(row, str(self.path), number)
            values = tuple(text_of(row.get(name)) or "" for name in columns.by)
            group = self._groups.get(values)
            if group is None:
                group = self._groups[values] = self._group(values, columns)
            contents = contents_of(fields, columns)
            beside = beside_of(row, columns, contents)
            if beside.failure is not None:
                contents = [Content(None, beside.failure[1])]
            prediction = prediction_of(fields, columns, contents)
            said = next((each for each in contents if (each.text or "").strip()), contents[0])
            group.tally.add(number, said)
            if said is not contents[0]:
                group.fallbacks.append(len(group.places))
            group.digest.update(msgspec.msgpack.encode(prediction))
            if beside.options or any(places(text) for text in prediction.texts or ()):
                # Earlier versions did not read options: such a run must have another hash.
                group.digest.update(msgspec.msgpack.encode(beside.options))
            if beside.failure or beside.question or beside.finish not in ("", "stop"):
                group.digest.update(msgspec.msgpack.encode(beside))
            encoded = msgspec.msgpack.encode((prediction, beside))
            group.places.append(self._spool.tell())
            self._spool.write(len(encoded).to_bytes(4, "big") + encoded)
        if columns is None:
            raise InputError(f"{self.path}: expected answers, found an empty file")
        return columns

    def _group(self, values: tuple[str, ...], columns: Columns) -> _Group:
        stem = self.path.name.removesuffix(self.path.suffix) or self.path.name
        # Commas, = and * have a meaning in names of runs.
        parts = [re.sub(r"[^\w.+-]+", "_", value) or "-" for value in values]
        name = "/".join([stem, *parts])
        taken = {group.name for group in self._groups.values()}
        if name in taken:
            name += f"#{len(taken)}"
        by = dict(zip(columns.by, values, strict=True))
        digest = hashlib.blake2b(digest_size=16)
        return _Group(name, by, array("Q"), digest, columns.answers)

    def _run(self, resolver: Resolver, group: _Group, system: str | None) -> ImportedRun:
        answers = self._answers(group)
        unpriced = all(each.response.cost_usd is None for each in answers)
        unpriced = unpriced and any(each.response.usage.total for each in answers)
        model = _model(group, system)
        price = listed_price(model) if unpriced else None
        if price is not None:
            answers = [_priced(each, price) for each in answers]
        return resolver.run(
            ToolRun(
                name=group.name,
                tool="",
                path=self.path,
                system=_system(group, model),
                answers=answers,
                columns=group.answers,
                tally=group.tally,
                notes=[f"Cost: the file's tokens at the {price.source}."] if price else [],
                settings=RunSettings(columns=group.values),
                remarks=[self.columns.in_words()],
            )
        )

    def _answers(self, group: _Group) -> list[ToolAnswer]:
        """Read the rows of a run, each with what identifies its question and option."""
        values, fallbacks = tuple(group.values.values()), {*group.fallbacks}
        named = (*re.split(r"[\W_]+", self.path.stem), *plain(self.path.stem).split("_"))
        answers = []
        for nth, place in enumerate(group.places):
            row, beside = self._row(place)
            missing = (NO_ANSWER, "the file has no answer here") if row.texts is None else None
            failure, detail = beside.failure or missing or (None, "")
            answers.append(
                ToolAnswer(
                    id=row.id,
                    response=Response(
                        "",
                        failure=failure,
                        detail=detail,
                        finish_reason=beside.finish or "stop",
                        usage=row.usage,
                        latency_s=row.seconds,
                        cost_usd=row.cost_usd,
                    ),
                    texts=row.texts or (),
                    fallback=nth in fallbacks,
                    repeats=beside.repeats,
                    question=beside.question,
                    options=beside.options,
                    right=row.right,
                    about=(*values, *row.about),
                    hints=(*row.others, *named),
                )
            )
        return answers

    def _row(self, place: int) -> tuple[Prediction, Beside]:
        self._spool.seek(place)
        size = int.from_bytes(self._spool.read(4), "big")
        return _spooled.decode(self._spool.read(size))


def is_mine(start: Start) -> bool:
    """Whether a file is a table with an id and an answer, or an outcome, in each row."""
    if has_outcomes(list(start.row)):
        return True
    try:
        find_columns(list(start.row), start.path, reply=replied(start.row) is not None)
    except InputError:
        return False
    return True


def read(files: Sequence[Path], asked: Asked) -> Iterator[Incoming]:
    """Yield the runs of tables; a file without an answer to a known question is an error."""
    for file in files:
        if not _of_texts(file, asked):
            yield from outcome_runs(file, asked.outcomes, asked.benchmark, asked.system)
            continue
        if asked.benchmark is None:
            _check_readable(file)
        benchmark = asked.ours(file)
        found = Predictions(file, id=asked.id, answer=asked.answer, by=asked.by)
        makers, digests = found.makers(benchmark, asked.data, asked.system), found.digests()
        for name, make in makers.items():
            yield Incoming(name, file, digests[name], make)


def _check_readable(file: Path) -> None:
    """A file that holds no row is a fault of its own, before the missing name of the benchmark.

    Raises InputError, DataError.
    """
    if next(iter(answer_rows(file)), None) is None:
        raise InputError(f"{file}: expected rows of predictions, found none")


def _of_texts(file: Path, asked: Asked) -> bool:
    """Whether a table holds text answers to a benchmark's questions, not predictions of outcomes.

    So it is where the user names such a benchmark, or the column of the answer.
    """
    if asked.answer or not has_outcomes(list(Start(file).row)):
        return True
    return any(each.name == asked.benchmark for each in all_benchmarks())


def _priced(answer: ToolAnswer, price: Price) -> ToolAnswer:
    cost = price.cost(answer.response.usage)
    response = msgspec.structs.replace(answer.response, cost_usd=cost)
    return msgspec.structs.replace(answer, response=response)


def _model(group: _Group, system: str | None) -> str:
    by = {plain(name): value for name, value in group.values.items()}
    named = next((by[name] for name in MODELS if by.get(name)), None)
    return named or system or group.name.split("/")[0]


def _system(group: _Group, model: str) -> str:
    """``gpt-4o [cot, blind]``: the model, and other columns on how it was asked."""
    by = {plain(name): value for name, value in group.values.items()}
    how = [value for name, value in by.items() if name not in (*MODELS, *PARTS) and value]
    return f"{model} [{', '.join(how)}]" if how else model
