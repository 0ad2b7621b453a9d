"""The scores of a whole run in columns: an array for each metric, no object for each answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

from preceptor.records import Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

__all__ = ["NO_SCORES", "Column", "Scores", "first_seen", "means_of", "repeats_of"]


class Column(NamedTuple):
    """One metric of the answers that have it, by their number in the run.

    ``value`` holds where ``known``; what is not known lies between ``low`` and ``high``.
    """

    rows: Places
    value: Floats
    known: NDArray[np.bool_]
    low: Floats
    high: Floats
    given: Places
    asked: Places

    def take(self, chosen: NDArray[Any]) -> Column:
        return Column(*(part[chosen] for part in self))


#: Of a metric that no answer has.
NO_SCORES = Column(*(np.empty(0, kind) for kind in (int, float, bool, float, float, int, int)))


class Scores(Sequence[Score]):
    """The scores of a run, in columns; a :class:`Score` is made where one is asked for.

    Attributes
    ----------
    ids
        Of the examples, in the order in which they are first answered.
    example, repeat
        Of each answer: the number of its example in ``ids``, and which repeat it is.
    length
        Characters of each answer, NaN where there is none.
    columns
        Metric → its scores.
    predictions
        What was read out of each answer; None where nothing is.
    """

    def __init__(
        self,
        ids: Sequence[str],
        *,
        example: Places,
        repeat: Places,
        length: Floats,
        columns: Mapping[str, Column],
        predictions: Sequence[Any] | None = None,
    ) -> None:
        self.ids = ids
        self.example = example
        self.repeat = repeat
        self.length = length
        self.columns = columns
        self.predictions = predictions

    @classmethod
    def of(cls, scores: Sequence[Score]) -> Scores:
        """These scores in columns."""
        if isinstance(scores, Scores):
            return scores
        number: dict[str, int] = {}
        found: dict[str, list[tuple[int, Score]]] = {}
        for row, score in enumerate(scores):
            number.setdefault(score.example_id, len(number))
            for name in score.low:
                found.setdefault(name, []).append((row, score))
        some = any(score.prediction is not None for score in scores)
        return cls(
            list(number),
            example=np.array([number[score.example_id] for score in scores], dtype=np.intp),
            repeat=np.array([score.repeat for score in scores], dtype=np.intp),
            length=np.array([score.length for score in scores], dtype=np.float64),
            columns={name: _column(name, part) for name, part in found.items()},
            predictions=[score.prediction for score in scores] if some else None,
        )

    @property
    def lengths(self) -> Floats:
        """Of the answers that there are."""
        there: Floats = self.length[~np.isnan(self.length)]
        return there

    def __len__(self) -> int:
        return len(self.example)

    @overload
    def __getitem__(self, index: int) -> Score: ...
    @overload
    def __getitem__(self, index: slice) -> list[Score]: ...
    def __getitem__(self, index: int | slice) -> Score | list[Score]:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        row = range(len(self))[index]
        places = {name: int(np.searchsorted(c.rows, row)) for name, c in self.columns.items()}
        return self._score(
            row,
            [
                (name, *(part[place].item() for part in column[1:]))
                for name, column in self.columns.items()
                if (place := places[name]) < len(column.rows) and column.rows[place] == row
            ],
        )

    def __iter__(self) -> Iterator[Score]:
        parts = {
            name: zip(*(part.tolist() for part in column), strict=True)
            for name, column in self.columns.items()
        }
        ahead = {name: next(part, None) for name, part in parts.items()}
        for row in range(len(self)):
            here = []
            for name, values in ahead.items():
                if values is not None and values[0] == row:
                    here.append((name, *values[1:]))
                    ahead[name] = next(parts[name], None)
            yield self._score(row, here)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def _score(self, row: int, values: Sequence[tuple[Any, ...]]) -> Score:
        length = self.length[row]
        return Score(
            self.ids[self.example[row]],
            int(self.repeat[row]),
            {name: value for name, value, known, *_ in values if known},
            {name: low for name, _, _, low, *_ in values},
            {name: high for name, _, _, _, high, *_ in values},
            {name: (given, asked) for name, *_, given, asked in values},
            None if np.isnan(length) else int(length),
            None if self.predictions is None else self.predictions[row],
        )


def _column(name: str, scores: Sequence[tuple[int, Score]]) -> Column:
    values = [score.values.get(name) for _, score in scores]
    counts = np.array([score.counts[name] for _, score in scores], dtype=np.intp)
    return Column(
        np.array([row for row, _ in scores], dtype=np.intp),
        np.array(values, dtype=np.float64),
        np.array([value is not None for value in values], dtype=np.bool_),
        np.array([score.low[name] for _, score in scores], dtype=np.float64),
        np.array([score.high[name] for _, score in scores], dtype=np.float64),
        counts[:, 0],
        counts[:, 1],
    )


def first_seen(labels: NDArray[Any]) -> tuple[Places, Places]:
    """The labels numbered in the order in which they are first seen; and where each is."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[inverse], first[order]


def repeats_of(example: Places, values: Floats) -> tuple[Places, Floats]:
    """The examples in the order in which they are first seen, and a row of values for each.

    A row has as many as the example with most, NaN where it has fewer.
    """
    number, first = first_seen(example)
    counts = np.bincount(number, minlength=len(first))
    order = np.argsort(number, kind="stable")
    place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = np.full((len(first), counts.max(initial=0)), np.nan)
    rows[number[order], place] = values[order]
    return example[first], rows


def means_of(rows: Floats) -> Floats:
    """The mean of each of the rows of :func:`repeats_of`."""
    counts = (~np.isnan(rows)).sum(axis=1)
    means = np.empty(len(rows))
    for count in np.unique(counts):
        # Cut to what is there, so that a row is added up as NumPy adds up a list of that length.
        some = counts == count
        means[some] = np.ascontiguousarray(rows[some, :count]).mean(axis=1)
    return means
