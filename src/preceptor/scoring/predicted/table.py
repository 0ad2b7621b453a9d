"""The rows of a file of predictions, in columns, and the blocks in which a run keeps them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from preceptor.records import Example, Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

__all__ = ["KINDS", "NAIVE", "REPEATS", "Block", "Predicted", "Rows", "blocks_of", "unit_word"]

#: The kinds of outcomes.
KINDS = (
    *("binary", "forecast", "multiclass", "multilabel", "regression", "survival", "start_stop"),
)
#: Coordinates of predictions that were made several times for the same rows.
REPEATS = ("repeat", "seed", "replicate")


#: Column of what would be predicted without a model, such as the last value.
NAIVE = "naive"


def unit_word(kind: str) -> str:
    """What is drawn together: one patient's rows, or one question's."""
    return "question" if kind == "forecast" else "patient"


class Block(msgspec.Struct, omit_defaults=True):
    """Some rows, as an example's target has them: everything but what was predicted.

    Attributes
    ----------
    kind
        One of :data:`KINDS`.
    id, unit
        Of each row: what is predicted, and the patient whose rows are drawn together.
    outcome
        Column → values: ``y_true``; ``time`` and ``event``; ``y:LABEL``.
    at
        Hour, day or other time of each row, as a text; empty where there is none.
    within
        ``repeat``, ``seed``, ``replicate`` and ``fold`` of each row.
    groups
        Column → the row's group; None where it is missing.
    numbers
        Column → a number known of each row, such as its length; None where it is missing.
    labels
        Classes in their order, or labels.
    rank
        Scores are no probabilities.
    """

    kind: str
    id: list[str]
    unit: list[str]
    outcome: dict[str, list[Any]]
    at: list[str] = []
    within: dict[str, list[str]] = {}
    groups: dict[str, list[str | None]] = {}
    numbers: dict[str, list[float | None]] = {}
    labels: tuple[str, ...] = ()
    rank: bool = False


class Rows(msgspec.Struct):
    """All rows of a run, while its file is read: a block, and column → what was predicted."""

    block: Block
    said: dict[str, list[Any]]

    def parts(self, size: int) -> Iterator[Rows]:
        """The rows, so many at a time."""
        for start in range(0, len(self.block.id), size):
            here = slice(start, start + size)
            block = msgspec.structs.replace(
                self.block,
                id=self.block.id[here],
                unit=self.block.unit[here],
                at=self.block.at[here],
                outcome=_cut(self.block.outcome, here),
                within=_cut(self.block.within, here),
                groups=_cut(self.block.groups, here),
                numbers=_cut(self.block.numbers, here),
            )
            yield Rows(block, _cut(self.said, here))


def _cut(columns: Mapping[str, list[Any]], here: slice) -> dict[str, list[Any]]:
    return {name: values[here] for name, values in columns.items()}


def blocks_of(
    scores: Sequence[Score], examples: Sequence[Example]
) -> tuple[list[Block], list[dict[str, list[Any]]]]:
    """The blocks of a run, and what was predicted of each; labels may be asked one by one."""
    by_id = {example.id: example for example in examples}
    blocks: dict[str, Block] = {}
    said: dict[str, dict[str, list[Any]]] = {}
    for score in scores:
        if score.prediction is not None:
            example = by_id[score.example_id]
            row = example.of if isinstance(example.of, str) else example.id
            if row not in blocks:
                blocks[row] = msgspec.convert(example.target, Block)
            said.setdefault(row, {}).update(score.prediction)
    return list(blocks.values()), list(said.values())


class Predicted:
    """The rows of a run in arrays.

    Attributes
    ----------
    ids, at
        Of each row.
    unit
        Number of each row's patient; ``units`` are their names.
    outcome, said
        Column → numbers, NaN where missing; classes as numbers in ``labels``.
    numbers
        Column → numbers known of each row, NaN where missing.
    groups, within
        Column → texts.
    """

    def __init__(self, blocks: Sequence[Block], said: Sequence[Mapping[str, Sequence[Any]]]):
        first = blocks[0]
        self.kind, self.labels, self.rank = first.kind, first.labels, first.rank
        self.ids = [id for block in blocks for id in block.id]
        self.at = [at for block in blocks for at in block.at]
        names = [unit for block in blocks for unit in block.unit]
        self.units, self.unit = _coded(names)
        self.outcome = {
            name: self._numbers([b.outcome[name] for b in blocks]) for name in first.outcome
        }
        columns = list(dict.fromkeys(name for part in said for name in part))
        self.said = {name: self._numbers([part[name] for part in said]) for name in columns}
        self.numbers = {
            name: self._numbers([b.numbers[name] for b in blocks]) for name in first.numbers
        }
        self.groups = {
            name: [
                ("(missing)" if v is None else v) for block in blocks for v in block.groups[name]
            ]
            for name in first.groups
        }
        self.within = {
            name: [value for block in blocks for value in block.within[name]]
            for name in first.within
        }

    def _numbers(self, parts: Sequence[Sequence[Any]]) -> Floats:
        values = [value for part in parts for value in part]
        if any(isinstance(value, str) for value in values):
            number = {label: float(place) for place, label in enumerate(self.labels)}
            return np.array([number.get(value, np.nan) for value in values])
        return np.array(values, dtype=np.float64)

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, places: Sequence[int], *, renumbered: bool = True) -> Predicted:
        """Some of the rows, in this order; patients are ``renumbered`` as they are first seen."""
        some = copy.copy(self)
        some.ids = [self.ids[place] for place in places]
        some.at = [self.at[place] for place in places] if self.at else []
        chosen = np.asarray(places, dtype=np.intp)
        some.unit = self.unit[chosen]
        if renumbered:
            some.units, some.unit = _coded([self.units[each] for each in some.unit.tolist()])
        some.outcome = {name: values[chosen] for name, values in self.outcome.items()}
        some.said = {name: values[chosen] for name, values in self.said.items()}
        some.numbers = {name: values[chosen] for name, values in self.numbers.items()}
        some.groups, some.within = (
            {name: [values[place] for place in places] for name, values in columns.items()}
            for columns in (self.groups, self.within)
        )
        return some

    @property
    def known(self) -> NDArray[np.bool_]:
        """Rows that have a prediction in every column; a naive one beside it may be missing."""
        whole: NDArray[np.bool_] = np.all(
            [np.isfinite(values) for name, values in self.said.items() if name != NAIVE], axis=0
        )
        return whole

    def place(self, names: Sequence[str]) -> tuple[list[str], Places]:
        """The distinct values of these coordinates in their order, and each row's number."""
        there = [self.within[name] for name in names if name in self.within]
        if not there:
            return [""], np.zeros(len(self), dtype=np.intp)
        return _coded([", ".join(each) for each in zip(*there, strict=True)], ordered=True)

    @property
    def keys(self) -> list[tuple[str, ...]]:
        """What names each row: id, time, and which repeat it is."""
        extra = [self.within[name] for name in REPEATS if name in self.within]
        return list(zip(self.ids, *([self.at] if self.at else []), *extra, strict=True))


def _coded(values: Sequence[str], *, ordered: bool = False) -> tuple[list[str], Places]:
    """The distinct values, in the order in which they are seen or as numbers, and their places."""
    number = dict.fromkeys(values)
    names = sorted(number, key=_natural) if ordered else list(number)
    places = {name: place for place, name in enumerate(names)}
    return names, np.array([places[value] for value in values], dtype=np.intp)


def _natural(text: str) -> tuple[tuple[int, float, str], ...]:
    """Numbers by value, others as texts after them."""
    return tuple(
        (0, float(part), "") if part.replace(".", "", 1).isdecimal() else (1, 0.0, part)
        for part in text.split(", ")
    )
