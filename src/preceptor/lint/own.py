"""Shapes of users' own files, recognised by their columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.cells import decoded
from preceptor.errors import DataError, InputError
from preceptor.files import read_rows
from preceptor.lint.rows import Finding, Row, known_shape, malformed
from preceptor.records import Criterion, Example, Message

__all__ = ["OwnShape", "own_shape", "shape_of"]

# Names of columns, in lower case with _ between words.
_IDS = ("id", "example_id", "question_id", "prompt_id", "item_id", "qid", "uid", "idx", "index")
_ASKED = (
    *("question", "prompt", "messages", "conversation", "query", "stem", "input", "text"),
    *("sentence", "dialogue", "note", "abstract", "case", "vignette", "instruction"),
)
#: Without a known name, the question is the longest text of at least this many words.
_MIN_WORDS = 5
#: Context shown with the question.
_CONTEXT = ("context", "contexts", "passage")
_OPTIONS = ("options", "choices")
_OPTION = re.compile(r"(?:(?:option|choice|op|answer)_?)?([a-j])|(?:option|choice)_?(\d)")
_KEYS = (
    *("answer_idx", "answer_index", "correct_option", "correct_answer", "correct_index", "correct"),
    *("answer_key", "cop", "right", "right_answer", "gold", "label", "target", "answer"),
)
_LABELS = (
    *("label", "labels", "class", "category", "target", "gold", "answer", "reference"),
    *("gold_label", "true_label", "y", "stance", "diagnosis", "sentiment", "outcome"),
    *("reference_answer", "ideal_answer", "response", "summary", "note", "output", "completion"),
)
_RUBRICS = ("rubrics", "rubric", "criteria")
_CRITERION = ("criterion", "text", "description", "requirement", "title")
_POINTS = ("points", "weight", "score", "value")


class OwnShape(msgspec.Struct, frozen=True):
    """Roles of the columns in a user's own file.

    Attributes
    ----------
    name
        ``choice``, ``rubric``, or ``label`` (the right answer is a label or a text).
    id
        Column of ids; None if rows have none and the line number is used.
    asked
        Columns with the question and its context.
    options
        One column of all options, or one column per option.
    right
        Column of the right option, the label, the rubric, or the criterion's text if each row is
        one criterion.
    points
        Column of points if each row is one criterion; else None.
    first
        Number of the first option if right options are given as numbers.
    """

    name: str
    id: str | None
    asked: tuple[str, ...]
    options: tuple[str, ...]
    right: str
    points: str | None = None
    first: int = 0

    def read(self, path: Path) -> Iterator[Row | Finding]:
        """Read every row, or the fault of a malformed one.

        If each row is one criterion, all criteria of a question become one row, at the first line.
        """
        rubrics: dict[str, Row] = {}
        for line, row in read_rows(path):
            try:
                example = self._example(Fields(row, str(path), line))
            except DataError as error:
                yield malformed(error)
                continue
            asked = "\n".join(message.text for message in example.messages)
            if self.points is None:
                yield Row(int(line), example, asked)
            elif (before := rubrics.get(asked)) is None:
                rubrics[asked] = Row(int(line), example, asked)
            else:
                criteria = (*before.example.criteria, *example.criteria)
                whole = msgspec.structs.replace(before.example, criteria=criteria)
                rubrics[asked] = Row(before.line, whole, asked)
        yield from rubrics.values()

    def _example(self, row: Fields) -> Example:
        id = str(row.line) if self.id is None else str(row.need(self.id, "an id")).strip()
        if not id:
            raise row.fault(self.id or "", "an id", "")
        said = [_cell_text(row, name) for name in self.asked]
        if not any(said):
            raise row.fault(self.asked[0], "a text that is not empty", row.row.get(self.asked[0]))
        content = "\n".join(filter(None, said))
        criteria: tuple[Criterion, ...] = ()
        target: Any = msgspec.UNSET
        if self.name == "choice":
            options = self._options(row)
            target = {"options": options, "answer": self._letter(row, options)}
            lines = (f"{letter}. {text}" for letter, text in options.items())
            content = "\n".join([content, *lines])
        elif self.name == "rubric":
            criteria = self._criteria(row)
        else:
            value = _decoded(row.need(self.right, "a label or a text"))
            if value is None or value in ("", [], {}):
                raise row.fault(self.right, "a label or a text", row.row[self.right])
            target = {"answer": value}
        return Example(id, (Message("user", content),), criteria, target=target)

    def _options(self, row: Fields) -> dict[str, str]:
        if len(self.options) > 1:
            texts = [row.row.get(name) for name in self.options]
            given: Any = [text for text in texts if text not in (None, "")]
        else:
            given = _decoded(row.need(self.options[0], "options"))
        if isinstance(given, list) and given and all(isinstance(each, dict) for each in given):
            given = [each.get("text", each.get("value", "")) for each in given]
        if isinstance(given, list):
            given = dict(zip("ABCDEFGHIJ", given, strict=False))
        if not isinstance(given, dict) or len(given) < 2:
            raise row.fault(self.options[0], "two options or more", row.row.get(self.options[0]))
        return {str(letter).strip().upper(): str(text) for letter, text in given.items()}

    def _letter(self, row: Fields, options: Mapping[str, str]) -> str:
        value = _decoded(row.need(self.right, "the right option"))
        letter = right_letter(value, options, self.first)
        if letter is None:
            raise row.fault(self.right, f"one of {', '.join(options)}", value)
        return letter

    def _criteria(self, row: Fields) -> tuple[Criterion, ...]:
        if self.points is not None:
            return (Criterion(row.text(self.right), _points(row, self.points)),)
        items = Fields({self.right: _decoded(row.row.get(self.right))}, row.where, row.line)
        return tuple(
            Criterion(
                item.text(_first_of(item.row, _CRITERION) or _CRITERION[0]),
                _points(item, _first_of(item.row, _POINTS) or _POINTS[0]),
            )
            for item in items.items(self.right)
        )


def _points(row: Fields, field: str) -> int:
    """Points within the limits of a run; for other weights 1 or -1, since only the sign counts."""
    value = row.number(field)
    if _plain(field) == _POINTS[0] and value.is_integer():
        return Fields({field: int(value)}, row.where, row.line, row.prefix).points(field)
    return 1 if value > 0 else -1


def right_letter(value: object, options: Mapping[str, str], first: int) -> str | None:
    """Letter of an option given by letter, text, or number from ``first``; None if unknown."""
    said = str(value).strip()
    if said.upper().rstrip(".)") in options and not isinstance(value, int | float):
        return said.upper().rstrip(".)")
    for letter, text in options.items():
        if said == text.strip():
            return letter
    number = re.fullmatch(r"(\d+)(?:\.0)?", said)
    letters = list(options)
    place = int(number[1]) - first if number else -1
    return letters[place] if 0 <= place < len(letters) else None


def shape_of(path: Path) -> Benchmark | OwnShape:
    """The benchmark that the file's rows fit best, else the shape of a user's own file.

    Raises
    ------
    InputError
        Neither fits, or the file cannot be read.
    """
    shape = known_shape(path) or own_shape(path)
    if shape is None:
        raise InputError(
            f"{path}: expected a column with the question (question, prompt, text, …) and one with "
            "the right answer (answer, label, rubrics, …), found no such pair; name the file's "
            "benchmark with --benchmark"
        )
    return shape


def own_shape(path: Path) -> OwnShape | None:
    """The shape of a file's rows by the names of its columns; None if no shape fits.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    _, row = next(iter(read_rows(path)), (0, {}))
    names = {_plain(name): name for name in row}
    ending = [name for key, name in names.items() if key.endswith("_id")]
    id = next((names[key] for key in _IDS if key in names), ending[0] if ending else None)
    asked = next((names[key] for key in _ASKED if key in names), None) or _longest_column(row)
    if asked is None:
        return None
    shown = (*(names[key] for key in _CONTEXT if key in names), asked)
    rubric = next((names[key] for key in _RUBRICS if key in names), None)
    if rubric is not None and isinstance(_decoded(row[rubric]), list | dict):
        return OwnShape("rubric", id, shown, (), rubric)
    points = next((names[key] for key in _POINTS if key in names), None)
    if "criterion" in names and points is not None:
        return OwnShape("rubric", id, shown, (), names["criterion"], points)
    options = _option_columns(names)
    keys = [names[key] for key in _KEYS if key in names and names[key] not in options]
    if options and keys:
        return _choice(path, row, OwnShape("choice", id, shown, options, keys[0]), keys)
    label = next((names[key] for key in _LABELS if key in names and names[key] != asked), None)
    return None if label is None else OwnShape("label", id, shown, (), label)


def _longest_column(row: Mapping[str, Any]) -> str | None:
    """Column of the longest text; None if it has fewer than `_MIN_WORDS` words."""
    texts = {name: value for name, value in row.items() if isinstance(value, str)}
    name = max(texts, key=lambda each: len(texts[each]), default=None)
    return name if name is not None and len(texts[name].split()) >= _MIN_WORDS else None


def _choice(
    path: Path, row: Mapping[str, Any], shape: OwnShape, keys: Sequence[str]
) -> OwnShape | None:
    """Complete the shape: the first column that names an option, counted from 0 or from 1."""
    try:
        options = shape._options(Fields(row, str(path), 1))
    except DataError:
        return shape
    fits = (key for key in keys if right_letter(_decoded(row[key]), options, 0) is not None)
    shape = msgspec.structs.replace(shape, right=next(fits, keys[0]))
    numbers = {str(each.get(shape.right)) for _, each in read_rows(path)}
    whole = all(re.fullmatch(r"\d+(?:\.0)?", number) for number in numbers)
    counted = whole and not numbers & {"0", "0.0"}
    return msgspec.structs.replace(shape, first=1 if counted else 0)


def _option_columns(names: Mapping[str, str]) -> tuple[str, ...]:
    whole = [names[key] for key in _OPTIONS if key in names]
    if whole:
        return (whole[0],)
    single = [name for key, name in names.items() if _OPTION.fullmatch(key)]
    return tuple(single) if len(single) > 1 else ()


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+|(?<=[a-z])(?=[A-Z])", "_", name).strip("_").casefold()


def _first_of(row: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((name for name in names if name in row), None)


def _decoded(value: Any) -> Any:
    """Decode a list or object written as text in a cell; strip other texts."""
    found = decoded(value)
    return found.strip() if isinstance(found, str) else found


def _cell_text(row: Fields, name: str) -> str:
    """Text of a cell; messages are joined by line breaks."""
    value = _decoded(row.row.get(name))
    if isinstance(value, list):
        parts = (each.get("content") if isinstance(each, dict) else each for each in value)
        return "\n".join(str(part) for part in parts if part)
    return "" if value is None else str(value)
