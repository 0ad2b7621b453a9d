"""The answers of a selection of runs that fit a filter, in order: arrays, no text of an answer."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from starlette.datastructures import QueryParams

from preceptor.errors import InputError, shorten
from preceptor.records import Answers, Example, Graded
from preceptor.reports.explorer import signs_of
from preceptor.reports.format import pretty
from preceptor.scoring import OVERALL
from preceptor.scoring.columns import NO_SCORES
from preceptor.view.workspace import Known, Workspace

__all__ = ["ORDERS", "STATES", "VERDICTS", "Place", "Table", "Wanted", "tag_counts", "warm"]

#: Longest text that is looked for; tags that can be chosen, the most frequent.
_LONGEST, _TAGS = 200, 500
ORDERS = {
    "low": "Worst first",
    "high": "Best first",
    "given": "Benchmark’s order",
    "long": "Longest first",
}
STATES = {"": "All", "failed": "Without an answer", "ungraded": "With ungraded verdicts"}
VERDICTS = {"": "Any", "met": "Met", "unmet": "Not met", "ungraded": "Ungraded"}
_SIGNS = {"met": "1", "unmet": "0", "ungraded": "?"}


class Wanted(msgspec.Struct, frozen=True):
    """What answers are looked for; an empty field asks for nothing."""

    text: str = ""
    tag: str = ""
    criterion: str = ""
    verdict: str = ""
    state: str = ""
    low: float | None = None
    high: float | None = None
    order: str = "low"

    @classmethod
    def of(cls, given: QueryParams) -> Wanted:
        """Raises InputError for a value that none of the fields takes."""
        texts = {name: given.get(name, "").strip()[:_LONGEST] for name in ("text", "criterion")}
        return cls(
            **texts,
            tag=given.get("tag", "")[:500],
            verdict=_one_of(given, "verdict", VERDICTS, ""),
            state=_one_of(given, "state", STATES, ""),
            low=_score(given, "low"),
            high=_score(given, "high"),
            order=_one_of(given, "order", ORDERS, "low"),
        )

    def parameters(self) -> dict[str, str]:
        """As of the query that it was read from."""
        default = Wanted()
        return {
            name: f"{value:g}" if isinstance(value, float) else str(value)
            for name in self.__struct_fields__
            if (value := getattr(self, name)) != getattr(default, name)
        }


def _one_of(given: QueryParams, name: str, known: Iterable[str], default: str) -> str:
    value = given.get(name, default) or default
    if value not in known:
        expected = ", ".join(filter(None, known))
        raise InputError(f"{name}: expected {expected}, found {shorten(value, 40)}")
    return value


def _score(given: QueryParams, name: str) -> float | None:
    text = given.get(name, "").strip().replace(",", ".").replace("−", "-")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"score, {name}: expected a number, found {shorten(text, 20)}")
    return value


class Place(msgspec.Struct, frozen=True):
    """An answer: number of its run in the selection, row in the run, and place in the store."""

    run: int
    row: int
    position: int
    repeat: int

    def __str__(self) -> str:
        return f"{self.run}-{self.position}-{self.repeat}"


def warm(workspace: Workspace, answers: int) -> None:
    """Read the newest runs, up to a number of answers, before their first page asks."""
    for run in workspace.runs():
        answers -= run.standing.answers_asked
        if answers < 0:
            return
        workspace.of_run(run, "part", functools.partial(Part.of, workspace, run))


class Part(msgspec.Struct, frozen=True):
    """One run's answers. ``signs`` has a character a criterion: 1, 0, L a label, ? ungraded."""

    run: Known
    examples: Sequence[Example]
    example: NDArray[np.intp]
    repeat: NDArray[np.intp]
    score: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    length: NDArray[np.float64]
    signs: Sequence[str]
    labels: dict[str, str]

    @classmethod
    def of(cls, workspace: Workspace, run: Known) -> Part:
        benchmark, graded, scores = workspace.columns(run)
        examples, example = _examples(graded)
        column = scores.columns.get(OVERALL, NO_SCORES)
        score, low, high = (np.full(len(graded), np.nan) for _ in range(3))
        score[column.rows] = np.where(column.known, column.value, np.nan)
        low[column.rows], high[column.rows] = column.low, column.high
        return cls(
            run,
            examples,
            example,
            repeat=scores.repeat,
            score=score,
            low=low,
            high=high,
            length=scores.length,
            signs=signs_of(graded),
            labels=dict(benchmark.labels),
        )


def _examples(graded: Sequence[Graded]) -> tuple[Sequence[Example], NDArray[np.intp]]:
    """The run's examples by position, and the position of each answer."""
    if isinstance(graded, Answers):
        return graded.examples, graded.example
    examples: list[Example] = []
    places = np.empty(len(graded), dtype=np.intp)
    for row, item in enumerate(graded):
        if item.repeat == 0:
            examples.append(item.example)
        places[row] = len(examples) - 1
    return examples, places


class Table(msgspec.Struct, frozen=True):
    """The answers of several runs, one after the other."""

    parts: Sequence[Part]
    run: NDArray[np.intp]
    row: NDArray[np.intp]
    #: Each example once, and the number of that of each answer.
    examples: Sequence[Example]
    asked: NDArray[np.intp]

    @classmethod
    def of(cls, workspace: Workspace, runs: Sequence[Known]) -> Table:
        parts = [
            workspace.of_run(run, "part", functools.partial(Part.of, workspace, run))
            for run in runs
        ]
        sizes = [len(part.example) for part in parts]
        examples = {id(each): each for part in parts for each in part.examples}
        number = {key: at for at, key in enumerate(examples)}
        return cls(
            parts,
            np.repeat(np.arange(len(parts)), sizes),
            np.concatenate([np.arange(size) for size in sizes]),
            list(examples.values()),
            np.concatenate(
                [
                    np.array([number[id(each)] for each in part.examples], np.intp)[part.example]
                    for part in parts
                ]
            ),
        )

    @property
    def labels(self) -> dict[str, str]:
        return {name: label for part in self.parts for name, label in part.labels.items()}

    def place(self, number: int) -> Place:
        run, row = int(self.run[number]), int(self.row[number])
        part = self.parts[run]
        return Place(run, row, int(part.example[row]), int(part.repeat[row]))

    def number(self, text: str) -> int | None:
        """The number of the answer that :class:`Place` writes so."""
        try:
            run, position, repeat = map(int, text.split("-"))
            part = self.parts[run]
        except (ValueError, IndexError):
            return None
        rows = np.flatnonzero((part.example == position) & (part.repeat == repeat))
        if not len(rows) or run < 0:
            return None
        return int(np.flatnonzero((self.run == run) & (self.row == rows[0]))[0])

    def example(self, number: int) -> Example:
        return self.examples[int(self.asked[number])]

    def column(self, name: str) -> NDArray[np.float64]:
        """``score``, ``low``, ``high`` or ``length`` of every answer."""
        return np.concatenate([getattr(part, name) for part in self.parts])

    def where(self, test: Callable[[Example], bool]) -> NDArray[np.bool_]:
        """Of each answer whether its example passes; each example is tested once."""
        return np.array([test(example) for example in self.examples], np.bool_)[self.asked]

    def find(
        self, wanted: Wanted, contains: Callable[[str], NDArray[np.bool_]]
    ) -> NDArray[np.intp]:
        """Numbers of the answers that fit, in the order that is wanted.

        Parameters
        ----------
        contains
            Tells of each answer whether a text is in it.
        """
        score = self.column("score")
        fits = np.ones(len(score), np.bool_)
        if wanted.state == "failed":
            fits &= np.isnan(self.column("length"))
        elif wanted.state == "ungraded":
            fits &= np.array(["?" in signs for part in self.parts for signs in part.signs], bool)
        if wanted.tag and not wanted.verdict:
            fits &= self.where(lambda example: wanted.tag in _all_tags(example))
        if wanted.criterion or wanted.verdict:
            fits &= self._with_criterion(wanted)
        if wanted.text:
            fits &= contains(wanted.text)
        shown = np.round(100 * score, 1)  # as it is printed
        if wanted.low is not None:
            fits &= shown >= wanted.low
        if wanted.high is not None:
            fits &= shown <= wanted.high
        found = np.flatnonzero(fits)
        if wanted.order == "given":
            return found
        key = {"low": score, "high": -score, "long": -self.column("length")}[wanted.order][found]
        return found[np.argsort(key, kind="stable")]  # what has none comes last

    def _with_criterion(self, wanted: Wanted) -> NDArray[np.bool_]:
        """Whether a criterion, among those that words and tag leave, has the verdict."""
        words = wanted.criterion.casefold()

        def places(example: Example) -> list[int]:
            whole = not wanted.tag or wanted.tag in example.tags
            return [
                place
                for place, each in enumerate(example.criteria)
                if words in each.text.casefold() and (whole or wanted.tag in each.tags)
            ]

        if not wanted.verdict:
            return self.where(lambda example: bool(places(example)))
        among = list(map(places, self.examples))
        sign = _SIGNS[wanted.verdict]
        every = (signs for part in self.parts for signs in part.signs)
        return np.array(
            [
                any(signs[place] == sign for place in among[at])
                for at, signs in zip(self.asked.tolist(), every, strict=True)
            ],
            dtype=np.bool_,
        )


def _all_tags(example: Example) -> set[str]:
    return {*example.tags, *(tag for each in example.criteria for tag in each.tags)}


def tag_counts(table: Table) -> list[tuple[str, list[tuple[str, str, int]]]]:
    """Namespace → its tags with their names, and how many examples have each."""
    counts = Counter(tag for example in table.examples for tag in _all_tags(example))
    counts = Counter(dict(counts.most_common(_TAGS)))
    labels = table.labels
    groups: dict[str, list[tuple[str, str, int]]] = {}
    for tag, number in sorted(counts.items()):
        space = pretty(tag.partition(":")[0], labels) if ":" in tag else "Other tags"
        groups.setdefault(space, []).append((tag, pretty(tag, labels), number))
    return sorted(groups.items())
