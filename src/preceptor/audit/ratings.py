"""Tables of ratings as CSV: one line for what one rater said of one criterion of one answer."""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from preceptor.audit.labels import Judged, Labels
from preceptor.errors import DataError, InputError, shorten

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["KINDS", "Item", "Kind", "Ratings", "as_labels", "read_ratings"]

Kind = Literal["met", "nominal", "ordinal", "interval"]
KINDS: tuple[Kind, ...] = ("met", "nominal", "ordinal", "interval")

_NEEDED = ("response", "criterion", "rater", "label")
_OPTIONAL = ("category", "prompt", "points", "model")
_MET = {"1": 1.0, "true": 1.0, "met": 1.0, "yes": 1.0}
_NOT_MET = {"0": 0.0, "false": 0.0, "not met": 0.0, "not_met": 0.0, "no": 0.0}


class Item(msgspec.Struct, frozen=True):
    """What was rated: one criterion of one response. Optional columns are empty where absent."""

    response: str
    criterion: str
    category: str = ""
    prompt: str = ""
    points: float | None = None
    model: str = ""


class Ratings(msgspec.Struct, frozen=True):
    """A table of ratings.

    Attributes
    ----------
    table
        Shape (items, raters); NaN where a rater did not rate.
    names
        What the numbers 0, 1, … stand for where the labels are words; else empty.
    """

    source: str
    kind: Kind
    items: list[Item]
    raters: tuple[str, ...]
    table: NDArray[np.float64]
    names: tuple[str, ...] = ()

    def column(self, rater: str, option: str = "--grader") -> int:
        """The place of a rater. Raises InputError that lists those there are."""
        if rater not in self.raters:
            listed = ", ".join(shorten(each, 60) for each in self.raters[:20])
            raise InputError(f"{option} {shorten(rater)}: not in {self.source}, which has {listed}")
        return self.raters.index(rater)

    def prompts(self) -> NDArray[np.int64]:
        """Shape (items,): which of them share a prompt, or without prompts a response."""
        labels = [item.prompt or item.response for item in self.items]
        return np.unique(labels, return_inverse=True)[1].ravel()


def read_ratings(path: Path, kind: Kind = "met") -> Ratings:
    """Read a CSV file with the columns response, criterion, rater, label.

    Optional columns: ``prompt`` (items with one prompt are not independent; without it, those with
    one response), ``category``, ``points`` (of the criterion), ``model`` (who wrote the response).
    Labels are 0/1, true/false, met/not met (``met``); any text (``nominal``); numbers (``ordinal``,
    ``interval``). An empty label is a missing one.

    Raises
    ------
    DataError
        With line and column: a missing column, a label that is none, a rater who rated one item
        twice, an item with two prompts.
    InputError
        The file is missing, empty or not CSV.
    """
    found: dict[tuple[str, str], Item] = {}
    labels: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    raters: dict[str, None] = {}
    for line, row in _lines(path):
        item = _item(row, path, line)
        key = (item.response, item.criterion)
        rater = _filled(row, "rater", path, line)
        if found.setdefault(key, item) != item:
            problem = "the same response and criterion stand elsewhere with other columns"
            raise DataError(str(path), line, "response", problem)
        if rater in labels[key]:
            problem = f"{shorten(rater)} has already rated this response by this criterion"
            raise DataError(str(path), line, "rater", problem)
        raters[rater] = None
        labels[key][rater] = row["label"].strip()
        _checked(row["label"].strip(), kind, path, line)
    if not found:
        raise InputError(f"{path}: expected ratings, found an empty table")
    names = sorted({text for each in labels.values() for text in each.values() if text})
    known = names if kind == "nominal" else []
    table = np.array(
        [[_number(labels[key].get(rater, ""), kind, known) for rater in raters] for key in found]
    )
    return Ratings(str(path), kind, list(found.values()), tuple(raters), table, tuple(known))


def as_labels(ratings: Ratings, graders: Sequence[str]) -> Labels:
    """Ratings of kind ``met`` as rows in which all but the graders are physicians.

    Items that no physician rated are left out.

    Raises
    ------
    InputError
        A grader is not among the raters, or all raters are graders.
    """
    columns = [ratings.column(name) for name in graders]
    others = [place for place in range(len(ratings.raters)) if place not in columns]
    if not others:
        raise InputError(f"{ratings.source}: expected raters beside the grader, found none")
    rows = []
    for item, given in zip(ratings.items, ratings.table, strict=True):
        here = [place for place in others if not math.isnan(given[place])]
        if here:
            rows.append(_judged(item, ratings.raters, given, columns, here))
    return Labels(ratings.source, rows, tuple(graders))


def _judged(
    item: Item,
    raters: Sequence[str],
    given: NDArray[np.float64],
    graders: Sequence[int],
    physicians: Sequence[int],
) -> Judged:
    return Judged(
        prompt=item.prompt or item.response,
        criterion=item.criterion,
        category=item.category,
        labels=tuple(bool(given[place]) for place in physicians),
        physicians=tuple(raters[place] for place in physicians),
        verdicts={
            raters[place]: bool(given[place]) for place in graders if not math.isnan(given[place])
        },
        points=item.points,
        model=item.model,
    )


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or "it is not UTF-8"
        raise InputError(f"{path}: cannot be read: {said}") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise DataError(str(path), reader.line_num, "", f"is not CSV: {error}") from None
        if cells is None:
            return
        if not header:
            header = _header(cells, path)
        elif cells:
            if len(cells) != len(header):
                problem = f"expected {len(header)} columns, found {len(cells)}"
                raise DataError(str(path), reader.line_num, "", problem)
            yield reader.line_num, dict(zip(header, cells, strict=True))


def _header(cells: Sequence[str], path: Path) -> list[str]:
    header = [cell.strip().lower() for cell in cells]
    for name in _NEEDED:
        if header.count(name) != 1:
            found = shorten(", ".join(header))
            problem = f"expected one column {name}, found the columns {found}"
            raise DataError(str(path), 1, name, problem)
    return header


def _filled(row: Mapping[str, str], name: str, path: Path, line: int) -> str:
    value = row[name].strip()
    if not value:
        raise DataError(str(path), line, name, "expected a text that is not empty")
    return value


def _item(row: Mapping[str, str], path: Path, line: int) -> Item:
    points = row.get("points", "").strip()
    value = _finite(points) if points else None
    if points and not value:
        raise DataError(
            str(path), line, "points", f"expected a number, not 0, found {shorten(points)}"
        )
    return Item(
        response=_filled(row, "response", path, line),
        criterion=_filled(row, "criterion", path, line),
        category=row.get("category", "").strip(),
        prompt=row.get("prompt", "").strip(),
        points=value,
        model=row.get("model", "").strip(),
    )


def _finite(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


_EXPECTED = {"met": "0 or 1, true or false, met or not met", "ordinal": "a number"}


def _checked(text: str, kind: Kind, path: Path, line: int) -> None:
    if not text or kind == "nominal":
        return
    if math.isnan(_number(text, kind, [])):
        expected = _EXPECTED.get(kind, "a number")
        problem = f"expected {expected}, found {shorten(text)}"
        if kind == "met":
            problem += " (other labels: --kind nominal, ordinal or interval)"
        raise DataError(str(path), line, "label", problem)


def _number(text: str, kind: Kind, names: Sequence[str]) -> float:
    """NaN for what is missing, and for what is no label of the kind."""
    if not text:
        return math.nan
    if kind == "nominal":
        return float(names.index(text))
    if kind == "met":
        return (_MET | _NOT_MET).get(text.lower(), math.nan)
    value = _finite(text)
    return math.nan if value is None else value
