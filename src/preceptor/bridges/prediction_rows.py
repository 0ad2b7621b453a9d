"""Rows of a table of predictions: answer, other columns, tokens, seconds and dollars."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from preceptor.benchmarks.base import Fields
from preceptor.bridges.answer_files import Columns
from preceptor.cells import at_path, decoded, is_missing
from preceptor.errors import DataError, shorten
from preceptor.records import Usage
from preceptor.scoring.places import options_in
from preceptor.systems.content import NO_ANSWER, Content, read_content, replied

__all__ = ["Beside", "Prediction", "beside_of", "contents_of", "prediction_of", "text_of"]

#: Limit of tokens, seconds and dollars: more is a fault of the file.
_MAX_NUMBER = 10**12


class Prediction(msgspec.Struct, frozen=True, array_like=True):
    """One row. ``texts`` are those of the answer columns that are not empty; None if all are null,
    which means that there is no answer.
    """

    id: str
    texts: tuple[str, ...] | None
    about: tuple[str, ...]
    others: tuple[str, ...]
    right: str | None
    usage: Usage
    seconds: float
    cost_usd: float | None


class Beside(msgspec.Struct, frozen=True, array_like=True):
    """What a row has beside its :class:`Prediction`.

    ``repeats`` are the texts of a list of several, None for one that is missing; ``failure`` is
    the kind and words of a failed call.
    """

    options: dict[str, str] | None
    repeats: tuple[str | None, ...]
    failure: tuple[str, str] | None
    question: str
    finish: str


def beside_of(row: dict[str, Any], columns: Columns, contents: Sequence[Content]) -> Beside:
    """Read a row's options, repeats, failure, question and end."""
    question, finish = (
        said if name is not None and isinstance(said := row.get(name), str) else ""
        for name in (columns.question, columns.finish)
    )
    return Beside(
        options=options_in(_option_columns(row, columns)),
        repeats=_repeats_in(row, columns),
        failure=_failure_in(row, columns, contents),
        question=question.strip(),
        finish=finish.strip(),
    )


def _failure_in(
    row: Mapping[str, Any], columns: Columns, contents: Sequence[Content]
) -> tuple[str, str] | None:
    """Kind and words of a failed call: an error where no answer is, or in its place."""
    stated = row.get(columns.failure) if columns.failure and columns.answers else None
    said = "" if is_missing(stated) or stated in (False, 0) else (text_of(stated) or "").strip()
    texts = {(content.text or "").strip() for content in contents}
    if not said or texts - {"", "[]", said}:
        return None
    kind = said if re.fullmatch(r"[a-z_]{3,40}", said) else NO_ANSWER
    return kind, shorten(said, 200).strip("'")


def _option_columns(row: dict[str, Any], columns: Columns) -> dict[str, Any]:
    """Columns that may hold options: all except those of the id and the answers."""
    used = {columns.id, columns.right, *columns.answers}
    return {name: value for name, value in row.items() if name not in used}


def contents_of(fields: Fields, columns: Columns) -> list[Content]:
    """Read the answer columns, of which at least one must be present; or the row as a reply."""
    if not columns.answers:
        return [replied(fields.row) or Content(None, "null")]
    if not any(_head(name, fields.row) in fields.row for name in columns.answers):
        fields.need(columns.answers[0], "an answer")
    return [_content(fields, name) for name in columns.answers]


def _head(path: str, row: Mapping[str, Any]) -> str:
    """The column that a dotted path begins in."""
    return path if path in row else path.partition(".")[0]


def _content(fields: Fields, name: str) -> Content:
    value = at_path(fields.row, name)
    content = read_content(value)
    if content.unknown:
        names = [f"{name}.{key}" for key in value][:5]
        problem = f"expected a text, found an object: name the text in it (--answer {names[0]})"
        raise DataError(fields.where, fields.line, name, f"{problem}; it has {', '.join(names)}")
    return content


def _repeats_in(row: Mapping[str, Any], columns: Columns) -> tuple[str | None, ...]:
    """The texts in the answer's column, if it is a list of several; None for a missing one."""
    values = (decoded(at_path(row, name)) for name in columns.answers)
    value = next((each for each in values if each not in (None, "", [])), None)
    if not isinstance(value, list) or len(value) < 2:
        return ()
    texts = any(isinstance(each, str) for each in value)
    return tuple(value) if texts and all(isinstance(each, str | None) for each in value) else ()


def prediction_of(fields: Fields, columns: Columns, contents: Sequence[Content]) -> Prediction:
    row = fields.row
    stated = at_path(row, columns.id)
    id = text_of(fields.need(columns.id, "the id of a question") if stated is None else stated)
    if id is None or not id.strip():
        raise fields.fault(columns.id, "the id of a question", stated)
    there = [content.text for content in contents if content.text is not None]
    # An empty cell of a table is an unreadable answer; null is no answer.
    filled = tuple(text for text in there if text.strip())
    numbers = {key: _number(fields, name) for key, name in columns.numbers.items()}
    tokens = {key: int(numbers.get(key) or 0) for key in Usage.__struct_fields__}
    return Prediction(
        id=id.strip(),
        texts=filled if there else None,
        about=tuple(text_of(row.get(name)) or "" for name in columns.about),
        others=tuple(filter(_may_be_in_id, (text_of(row.get(name)) for name in columns.others))),  # type: ignore[arg-type]
        right=None if columns.right is None else text_of(row.get(columns.right)),
        usage=Usage(**tokens),
        seconds=numbers.get("seconds") or 0.0,
        cost_usd=numbers.get("cost_usd"),
    )


def text_of(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and math.isnan(value):
        return None  # null in tables of floats and texts
    return read_content(value).text


def _may_be_in_id(text: str | None) -> bool:
    """Whether a text may be part of an id."""
    return text is not None and 0 < len(text) <= 40


def _number(fields: Fields, name: str) -> float | None:
    value = fields.row.get(name)
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    number = fields.number(name)
    if not 0 <= number <= _MAX_NUMBER:
        expected = "a number from 0" if number < 0 else f"a number up to {_MAX_NUMBER:,}"
        raise fields.fault(name, expected, value)
    return number
