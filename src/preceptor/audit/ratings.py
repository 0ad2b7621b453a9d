"""Tables of ratings as CSV: one line per rater, answer and criterion."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from preceptor.audit.labels import Judged, Labels
from preceptor.audit.rating_rows import RatingColumns, rating_rows
from preceptor.cells import is_missing, read_met, read_number
from preceptor.errors import DataError, InputError, shorten

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["KINDS", "Item", "Kind", "Ratings", "as_labels", "read_ratings"]

Kind = Literal["met", "nominal", "ordinal", "interval"]
#: Squares of larger numbers, or of numbers closer to 0 than its inverse, leave the float range.
_MAX_SIZE = 1e30
#: Limit of a table's cells, one per item and rater.
_MAX_CELLS = 50_000_000
KINDS: tuple[Kind, ...] = ("met", "nominal", "ordinal", "interval")

_NEEDED = ("response", "criterion", "rater", "label")


class Item(msgspec.Struct, frozen=True):
    """A rated item: one criterion of one response. Absent optional columns are empty."""

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
        Shape (items, raters); NaN for a missing rating.
    names
        Labels that the numbers 0, 1, … stand for; empty if labels are numbers.
    left_out
        Sentences on rows that hold no label.
    """

    source: str
    kind: Kind
    items: list[Item]
    raters: tuple[str, ...]
    table: NDArray[np.float64]
    names: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def column(self, rater: str, option: str = "--grader") -> int:
        """Column of a rater. Raises InputError with the known names."""
        if rater not in self.raters:
            listed = ", ".join(shorten(each, 60) for each in self.raters[:20])
            raise InputError(f"{option} {shorten(rater)}: not in {self.source}, which has {listed}")
        return self.raters.index(rater)

    def prompts(self) -> NDArray[np.int64]:
        """Cluster of each item, shape (items,): its prompt, or its response if none is given."""
        labels = [item.prompt or item.response for item in self.items]
        return np.unique(labels, return_inverse=True)[1].ravel()


def read_ratings(path: Path, kind: Kind = "met", columns: RatingColumns | None = None) -> Ratings:
    """Read ratings with the columns response, criterion, rater, label, or Label Studio's export.

    ``columns`` has other names for them.

    Optional columns: ``prompt`` (clusters items; default: the response), ``category``, ``points``
    (of the criterion), ``model`` (that wrote the response).
    Labels are 0/1, true/false, met/not met, yes/no, pass/fail (``met``); any text (``nominal``);
    numbers (``ordinal``, ``interval``). An empty label is missing.

    Raises
    ------
    DataError
        A missing column, an unknown label, a rater who rated one item twice, an item with two
        prompts; the message names line and column.
    InputError
        The file is missing, empty or not CSV.
    """
    found: dict[tuple[str, str], Item] = {}
    labels: dict[tuple[str, str], dict[str, str | float]] = defaultdict(dict)
    raters: dict[str, None] = {}
    rated: set[tuple[str, str, str]] = set()
    left_out: list[str] = []
    read: dict[tuple[str | None, ...], Item] = {}
    for line, row in _lines(path, columns or RatingColumns(), left_out):
        said = tuple(map(row.get, Item.__struct_fields__))
        # Each rater of an item has a line of their own, with the same words.
        item = read.get(said) or read.setdefault(said, _item(row, path, line))
        key = (item.response, item.criterion)
        rater = _filled(row, "rater", path, line)
        if found.setdefault(key, item) != item:
            problem = (
                "expected the same prompt, category, points and model in all lines of one "
                "response and criterion, found others"
            )
            raise DataError(str(path), line, "response", problem)
        if (*key, rater) in rated:
            problem = f"{shorten(rater)} has already rated this response by this criterion"
            raise DataError(str(path), line, "rater", problem)
        rated.add((*key, rater))
        raters[rater] = None
        label = _label(row, kind, path, line)
        if label is not None:
            labels[key][rater] = label
    if not found:
        raise InputError(f"{path}: expected ratings, found an empty table")
    if len(found) * len(raters) > _MAX_CELLS:
        raise InputError(
            f"{path}: expected at most {_MAX_CELLS:,} pairs of item and rater, found "
            f"{len(found):,} items and {len(raters):,} raters; audit parts of the file"
        )
    given = {label for each in labels.values() for label in each.values()}
    names = sorted(label for label in given if isinstance(label, str))
    places = {name: float(place) for place, name in enumerate(names)}
    columns_of = {rater: place for place, rater in enumerate(raters)}
    table = np.full((len(found), len(raters)), math.nan)
    for item_place, key in enumerate(found):
        for rater, label in labels[key].items():
            value = places[label] if isinstance(label, str) else label
            table[item_place, columns_of[rater]] = value
    return Ratings(
        *(str(path), kind, list(found.values()), tuple(raters), table, tuple(names)),
        left_out=tuple(left_out),
    )


def as_labels(ratings: Ratings, graders: Sequence[str]) -> Labels:
    """Convert ratings of kind ``met`` to rows in which all but the graders are physicians.

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


def _lines(
    path: Path, columns: RatingColumns, left_out: list[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    checked = False
    for line, row in rating_rows(path, columns, left_out):
        if not checked:
            _check_columns(row, path)
            checked = True
        yield line, row


def _check_columns(columns: Collection[str], path: Path) -> None:
    for name in _NEEDED:
        if name not in columns:
            found = shorten(", ".join(columns))
            problem = f"expected one column {name}, found the columns {found}"
            raise DataError(str(path), 1, name, problem)


def _filled(row: Mapping[str, str], name: str, path: Path, line: int) -> str:
    value = row[name].strip()
    if not value:
        raise DataError(str(path), line, name, "expected a text that is not empty")
    return value


def _item(row: Mapping[str, str], path: Path, line: int) -> Item:
    points = row.get("points", "").strip()
    value = None if is_missing(points) else _finite(points, row, "points", path, line)
    if value == 0:
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


def _finite(text: str, row: Mapping[str, Any], name: str, path: Path, line: int) -> float:
    try:
        value = read_number(text, row)
    except ValueError as error:
        raise DataError(str(path), line, name, f"expected {error}, found {shorten(text)}") from None
    if not math.isfinite(value):
        raise DataError(str(path), line, name, f"expected a number, found {shorten(text)}")
    if value != 0 and not 1 / _MAX_SIZE <= abs(value) <= _MAX_SIZE:
        expected = f"expected 0, or a number from {1 / _MAX_SIZE:.0e} to {_MAX_SIZE:.0e} in size"
        raise DataError(str(path), line, name, f"{expected}, found {shorten(text)}")
    return value


def _label(row: Mapping[str, str], kind: Kind, path: Path, line: int) -> str | float | None:
    """Read the label as its kind requires; None if missing."""
    text = row["label"].strip()
    if not text:
        return None
    if kind == "nominal":
        return text
    if kind != "met":
        return _finite(text, row, "label", path, line)
    try:
        met = read_met(text)
    except ValueError:
        expected = "0 or 1, true or false, met or not met, yes or no, pass or fail"
        other = "(other labels: --kind nominal, ordinal or interval)"
        problem = f"expected {expected}, found {shorten(text)} {other}"
        raise DataError(str(path), line, "label", problem) from None
    return None if met is None else float(met)
