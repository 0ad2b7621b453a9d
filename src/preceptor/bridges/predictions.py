"""``preceptor import predictions``: answers from elsewhere, in a table of one or more runs."""

from __future__ import annotations

import hashlib
import re
import tempfile
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from preceptor.benchmarks import Benchmark
from preceptor.benchmarks.base import Fields
from preceptor.benchmarks.manifest import manifest_of
from preceptor.bridges.answer_files import (
    MODELS,
    PARTS,
    Columns,
    answer_rows,
    find_columns,
)
from preceptor.bridges.imported import Answer, ImportedRun, imported_response
from preceptor.bridges.matching import Matched, QuestionIndex, Row
from preceptor.bridges.prediction_rows import (
    Prediction,
    contents_of,
    option_columns,
    prediction_of,
    text_of,
)
from preceptor.bridges.pricing import listed_price
from preceptor.cells import is_missing
from preceptor.errors import InputError, shorten
from preceptor.records import NO_GRADER, Example, Response, RunSettings
from preceptor.scoring.places import in_terms_of, options_in, places, plain, question_of
from preceptor.systems.content import Tally, replied
from preceptor.systems.prices import Price

__all__ = ["Prediction", "Predictions"]

#: Words of a program that could not read an answer, in lower case and without punctuation.
_FAILED_READING = {
    *("", "none", "nan", "null", "n a", "na", "invalid", "invalid answer", "no answer", "error"),
    *("not found", "no match", "unparseable", "unparsed", "parse error", "undefined", "failed"),
    "unknown",
}


class _Group(msgspec.Struct):
    """Rows of one run: their offsets in the spool, and a hash of them all.

    ``fallback_ids`` has the ids of rows whose answer is not in the first answer column.
    """

    name: str
    values: dict[str, str]
    places: Any
    digest: Any
    answers: tuple[str, ...] = ()
    tally: Tally = msgspec.field(default_factory=Tally)
    fallback_ids: list[str] = []


_spooled = msgspec.msgpack.Decoder(tuple[Prediction, dict[str, str] | None])


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
        try:
            self.columns = self._read(id, answer, by)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._spool.close()

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
        if benchmark.protocol.judging.judged:
            raise InputError(
                f"{benchmark.name}: its answers are judged by a grader; have them judged with "
                f"`preceptor run {benchmark.name} --system replay:FILE`"
            )
        known = QuestionIndex(benchmark.load(data).examples)
        groups = self._groups.values()
        first, needed = known.counted_from(
            [row for _, row in self._rows(group)] for group in groups
        )
        if needed and first is None:
            raise InputError(
                f"{self.path}: the answers are numbers of options, and the right answers do not "
                f"show whether they count from 0 or from 1; add a column with the right answers "
                f"counted the same way (answer_idx), or use letters"
            )
        return (self._run(benchmark, group, known, first) for group in groups)

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
            prediction = prediction_of(fields, columns, contents)
            options = options_in(option_columns(row, columns))
            said = next((each for each in contents if (each.text or "").strip()), contents[0])
            group.tally.add(number, said)
            if said is not contents[0]:
                group.fallback_ids.append(prediction.id)
            group.digest.update(msgspec.msgpack.encode(prediction))
            if options or any(places(text) for text in prediction.texts or ()):
                # Earlier versions did not read options: such a run must have another hash.
                group.digest.update(msgspec.msgpack.encode(options))
            encoded = msgspec.msgpack.encode((prediction, options))
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

    def _run(
        self, benchmark: Benchmark, group: _Group, known: QuestionIndex, first: int | None
    ) -> ImportedRun:
        rows = self._rows(group)
        matched = known.match([row for _, row in rows], first)
        return _imported(benchmark, group, rows, known, matched)

    def _rows(self, group: _Group) -> list[tuple[Prediction, Row]]:
        """Read the rows of a run, each with what identifies its question and option."""
        values = tuple(group.values.values())
        named = (*re.split(r"[\W_]+", self.path.stem), *plain(self.path.stem).split("_"))
        rows = []
        for place in group.places:
            row, options = self._row(place)
            about, hints = (*values, *row.about), (*row.others, *named)
            rows.append((row, Row(row.id, row.right, about, hints, options, row.texts or ())))
        return rows

    def _row(self, place: int) -> tuple[Prediction, dict[str, str] | None]:
        self._spool.seek(place)
        size = int.from_bytes(self._spool.read(4), "big")
        return _spooled.decode(self._spool.read(size))


def _imported(
    benchmark: Benchmark,
    group: _Group,
    rows: Sequence[tuple[Prediction, Row]],
    known: QuestionIndex,
    matched: Matched,
) -> ImportedRun:
    seen: Counter[str] = Counter()
    answers, moved = [], 0
    unpriced = all(row.cost_usd is None for row, _ in rows)
    unpriced = unpriced and any(row.usage.total for row, _ in rows)
    price = listed_price(_model(group)) if unpriced else None
    fallback_ids = [*group.fallback_ids]
    for (row, stated), example in zip(rows, matched.examples, strict=True):
        if example is not None:
            text = _answer(row, example, matched.first)
            if row.texts and text != row.texts[0]:
                fallback_ids.append(row.id)
            said = text and _in_letters(text, stated, example, matched.first)
            moved += said != text
            response = imported_response(group.name, example, seen[example.id], said)
            answers.append(Answer(example, _measured(response, row, price), ()))
            seen[example.id] += 1
    wrong = benchmark.protocol.scoring.missing_is_wrong
    if answers and wrong:
        answers += [
            Answer(example, imported_response(group.name, example, 0, None), ())
            for example in known.examples
            if example.id not in seen
        ]
    return ImportedRun(
        name=group.name,
        benchmark=benchmark.name,
        manifest=manifest_of(benchmark),
        system=_system(group),
        grader=NO_GRADER,
        answers=answers,
        settings=RunSettings(
            columns=group.values,
            notes=[
                "Imported: asked elsewhere.",
                *matched.in_words(moved),
                *group.tally.in_words(),
                *_fallback_notes(group, fallback_ids),
                *_coverage_notes(seen, len(known.examples), wrong),
                *([f"Cost: the file's tokens at the {price.source}."] if price else []),
            ],
            left_out=matched.unknown,
        ),
    )


def _measured(response: Response, row: Prediction, price: Price | None) -> Response:
    cost = row.cost_usd if price is None else price.cost(row.usage)
    return msgspec.structs.replace(response, usage=row.usage, latency_s=row.seconds, cost_usd=cost)


def _in_letters(text: str, row: Row, example: Example, first: int | None) -> str:
    question = question_of(example.target)
    return text if question is None else in_terms_of(text, row.stated, question, first)


def _fallback_notes(group: _Group, ids: Sequence[str]) -> list[str]:
    """Note the rows whose answer is not in the first answer column."""
    if not ids:
        return []
    first, *others = group.answers
    return [
        f"{len(ids):,} rows have no answer in {first}, first {shorten(ids[0])}: taken from "
        f"{', else '.join(others)}."
    ]


def _answer(row: Prediction, example: Example, first: int | None) -> str | None:
    """The first text that a program read successfully; the first of all if there is none.

    A failed reading is a single character that is not an option's letter, or a word such as
    ``None`` or ``[invalid]`` that is not an option's text.
    """
    if row.texts is None:
        return None
    options = example.target.get("options", ()) if isinstance(example.target, dict) else ()
    counted = first is not None
    known = {str(each).strip().casefold() for each in options} if options else set()
    if isinstance(options, dict):
        known |= {str(each).strip().casefold() for each in options.values()}
    read = (
        text
        for text in row.texts
        if text.strip().casefold() in known
        or (counted and places(text))
        or not (len(text.strip()) < 2 or _failed_reading(text))
    )
    return next(read, row.texts[0] if row.texts else "")


def _failed_reading(text: str) -> bool:
    """Whether a program wrote this text because it could not read an answer."""
    word = " ".join(re.sub(r"[\W_]+", " ", text).split()).casefold()
    return is_missing(text) or word in _FAILED_READING or text.strip() == "-1"


def _model(group: _Group) -> str:
    by = {plain(name): value for name, value in group.values.items()}
    return next((by[name] for name in MODELS if by.get(name)), group.name.split("/")[0])


def _system(group: _Group) -> str:
    """``gpt-4o [cot, blind]``: the model, and other columns on how it was asked."""
    by = {plain(name): value for name, value in group.values.items()}
    how = [value for name, value in by.items() if name not in (*MODELS, *PARTS) and value]
    return f"{_model(group)} [{', '.join(how)}]" if how else _model(group)


def _coverage_notes(seen: Counter[str], examples: int, missing_is_wrong: bool) -> list[str]:
    said = []
    several = sum(count > 1 for count in seen.values())
    if several and len(set(seen.values())) > 1:
        said.append(f"Examples with more answers than others: {several:,}, scored by their mean.")
    if len(seen) < examples:
        rest = "; the others count as wrong" if missing_is_wrong else ""
        said.append(f"Answers to {len(seen):,} of the {examples:,} examples{rest}.")
    return said
