"""Matching of the rows of a file with a benchmark's questions."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from preceptor.bridges.question_texts import QuestionTexts, words_in
from preceptor.records import Example
from preceptor.scoring.dates import read_date
from preceptor.scoring.places import (
    Question,
    Stated,
    agrees,
    counted_from,
    names_number,
    question_of,
    same_options,
    terms_in_words,
)
from preceptor.wording import plural

__all__ = ["Matched", "QuestionIndex", "Row"]

#: Share of a question's words in a row's text below which that is another question.
_ALIKE = 0.5


class Row(msgspec.Struct, frozen=True):
    """A row: its id, its right answer, and what it is about (``brazil``).

    ``hints`` are other words that may be part of the id, from other columns or the file's name;
    ``options`` and ``answers`` are those of the row, and ``question`` is its text, if it has one.
    """

    id: str
    right: str | None
    about: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    options: dict[str, str] | None = None
    answers: tuple[str, ...] = ()
    question: str = ""

    @property
    def stated(self) -> Stated:
        return Stated(self.options, self.right, self.answers)


class Matched(msgspec.Struct, frozen=True):
    """Questions of the rows of one run.

    Attributes
    ----------
    examples
        Question of each row; None if the benchmark has none.
    by_place
        Whether ids are indices into the set, from 0 or 1.
    placed
        Number of rows with an unknown id that were matched by position, since all others are in the
        set's order.
    unknown, contradicted
        Number of rows without a question, and with another right answer than their question.
    by_text, differing
        Number of rows whose question was found by its text; and of rows whose text is not that of
        the question with their id.
    alike, foreign
        Whether each row with a question has its right answer; and number of rows with other
        options.
    first
        Number of the first option if options are given as numbers.
    """

    examples: list[Example | None]
    by_place: bool
    unknown: int
    contradicted: int
    placed: int = 0
    by_text: int = 0
    differing: int = 0
    alike: Sequence[bool | None] = ()
    foreign: int = 0
    first: int | None = None

    def in_words(self, moved: int = 0) -> list[str]:
        """Notes for the score; ``moved`` answers were mapped to the benchmark's letters."""
        said = []
        if self.by_place:
            said.append("Its ids are positions of the questions in their set, not their own ids.")
        if self.placed:
            what = plural(self.placed, "answer has", "answers have")
            said.append(
                f"{what} the id of no question, or of several: matched by their order, which is "
                f"that of the data."
            )
        if self.by_text:
            what = plural(self.by_text, "answer was", "answers were")
            said.append(f"{what} matched by the text of their question.")
        if self.differing:
            what = plural(self.differing, "answer has", "answers have")
            said.append(f"{what} the id of a question whose text is another: matched by id.")
        if self.unknown:
            what = plural(self.unknown, "answer")
            said.append(f"{what} to questions missing in the data: left out.")
        return [*said, *terms_in_words(moved, self.first, self.alike, self.foreign)]


class QuestionIndex:
    """Index of a benchmark's questions by id.

    Ids may be paths (``brazil/english/7``): a row may then have the last part as its id and the
    others in ``about``; these may be missing if only one question has that last part and it is not
    a bare number. If several questions of a set have the same number, the second has the id
    ``7~2``: each row of a run with that number gets the question whose right answer it states.
    """

    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples = examples
        self._by_id = {example.id: example for example in examples}
        self._folders: dict[str, list[Example]] = {}
        self._by_last: dict[str, list[Example]] = {}
        for example in examples:
            folder, _, last = example.id.rpartition("/")
            self._folders.setdefault(folder, []).append(example)
            self._by_last.setdefault(last, []).append(example)
        self._prefixes: dict[tuple[str, ...], str] = {}
        self._tags = {tag.partition(":")[2] for example in examples for tag in example.tags}

    def match(self, rows: Sequence[Row], first: int | None = None) -> Matched:
        """Find the questions of one run's rows; ``first`` is the number of the first option."""
        found = self._by_name(rows, first)
        if (found.unknown or found.contradicted) and len({row.about for row in rows}) == 1:
            found = self._by_place(rows, first) or found
        if any(row.question for row in rows):
            found = self._by_text(found, rows, first)
        return self._by_order(found, rows, first) if found.unknown else found

    def counted_from(self, runs: Iterable[Sequence[Row]]) -> tuple[int | None, bool]:
        """Find the number of the first option in the runs of one file, and whether it is needed.

        See :func:`preceptor.scoring.places.counted_from`.
        """
        if not any(question_of(example.target) for example in self.examples):
            return None, False
        return counted_from(pair for rows in runs for pair in self._pairs(rows))

    def _pairs(self, rows: Sequence[Row]) -> Iterator[tuple[Stated, Question]]:
        """Yield a run's rows with their questions, if right answers or most answers are numbers."""
        said = [row.answers[0] for row in rows if row.answers]
        numbered = 2 * sum(map(names_number, said)) > len(said)
        if not numbered and not any(row.right and names_number(row.right) for row in rows):
            return
        tried = (self.match(rows, first) for first in (0, 1))
        found = min(tried, key=lambda each: (each.unknown, each.contradicted))
        for row, example in zip(rows, found.examples, strict=True):
            question = question_of(example.target) if example is not None else None
            if question is not None:
                given = row.answers[:1] if numbered else ()
                yield Stated(row.options, row.right, given), question

    def _prefix(self, about: tuple[str, ...]) -> str:
        """Folder of ids that these words name; "" if none."""
        known = self._prefixes.get(about)
        if known is None:
            named = [each for each in self._folders if each and set(each.split("/")) <= set(about)]
            known = self._prefixes[about] = max(named, key=len, default="")
        return known

    def _by_name(self, rows: Sequence[Row], first: int | None) -> Matched:
        left: dict[str, list[Example]] = {}
        examples = []
        added = _common_start([row.id for row in rows])
        for row in rows:
            example = self._named(self._prefix(row.about), row.id) or self._last(row)
            if example is None and added:
                bare = msgspec.structs.replace(row, id=row.id[added:])
                example = self._named(self._prefix(row.about), bare.id) or self._last(bare)
            if example is not None and f"{example.id}~2" in self._by_id:
                number = example.id
                twins = left.get(number) or self._twins(example)
                example = next((each for each in twins if _agrees(each, row, first)), twins[0])
                left[number] = [each for each in twins if each is not example]
            examples.append(example)
        return _with_counts(Matched(examples, False, examples.count(None), 0), rows, first)

    def _twins(self, example: Example) -> list[Example]:
        """All questions with the same number."""
        names = (f"{example.id}~{number}" for number in itertools.count(2))
        others = itertools.takewhile(lambda name: name in self._by_id, names)
        return [example, *(self._by_id[name] for name in others)]

    def _named(self, prefix: str, stated: str) -> Example | None:
        names = [stated]
        if stated.endswith(".0"):  # a table of floats
            names.append(stated[:-2])
        whole = [f"{prefix}/{name}" for name in names] if prefix else []
        return next((self._by_id[name] for name in (*whole, *names) if name in self._by_id), None)

    def _last(self, row: Row) -> Example | None:
        """The only question whose id ends in the row's, under folders that the row's words name."""
        found = self._by_last.get(row.id, [])
        if len(found) > 1:
            words = {word.casefold() for word in (*row.about, *row.hints)}
            found = [each for each in found if {*each.id.casefold().split("/")[:-1]} <= words]
        elif row.id.replace(".", "").isdigit():
            return None  # it may count the rows
        return found[0] if len(found) == 1 else None

    def _by_text(self, found: Matched, rows: Sequence[Row], first: int | None) -> Matched:
        """Match rows by their question's text if their id is unknown, or of another question.

        A row whose id names a question of another text is left out if most texts are the
        questions': it is about another set. Otherwise the file words all questions differently.
        """
        examples, by_text = [*found.examples], 0
        alike, differing = 0, []
        for place, (row, example) in enumerate(zip(rows, examples, strict=True)):
            words = words_in(row.question)
            share = None if example is None else self._texts.share(words, example)
            if share == 1:
                alike += 1
            elif words and (other := self._texts.find(words, row.stated)) is not None:
                examples[place], by_text = other, by_text + 1
            elif share is not None and share < _ALIKE:
                differing.append(place)
        if len(differing) <= alike + by_text:
            for place in differing:
                examples[place] = None
            differing = []
        found = msgspec.structs.replace(
            found,
            examples=examples,
            unknown=examples.count(None),
            by_text=by_text,
            differing=len(differing),
        )
        return _with_counts(found, rows, first)

    @functools.cached_property
    def _texts(self) -> QuestionTexts:
        return QuestionTexts(self.examples)

    def _by_order(self, found: Matched, rows: Sequence[Row], first: int | None) -> Matched:
        """Match rows without a question by position, if all others are in the set's order.

        Each folder of questions is handled separately; the file must have as many rows about it.
        """
        here = {example.id.rpartition("/")[0] for example in found.examples if example is not None}
        only = next(iter(here)) if len(here) == 1 else None
        parts: dict[str, list[int]] = {}
        for place, (row, example) in enumerate(zip(rows, found.examples, strict=True)):
            stated = (row.id if example is None else example.id).rpartition("/")[0]
            folder = stated if stated in here else None if stated else only
            if folder is not None:
                parts.setdefault(folder, []).append(place)
        examples, placed = [*found.examples], 0
        for folder, places in parts.items():
            wanted = self._folders[folder]
            pairs = [(place, wanted[at]) for at, place in enumerate(places[: len(wanted)])]
            if len(places) == len(wanted) and all(
                examples[place] in (None, each) and _agrees(each, rows[place], first) is not False
                for place, each in pairs
            ):
                lacking = [pair for pair in pairs if examples[pair[0]] is None]
                # Most must be known, or nothing shows that the order is the set's.
                if 2 * len(lacking) < len(places):
                    examples = [*examples]
                    for place, each in lacking:
                        examples[place] = each
                    placed += len(lacking)
        found = msgspec.structs.replace(
            found, examples=examples, unknown=found.unknown - placed, placed=placed
        )
        return _with_counts(found, rows, first) if placed else found

    def _by_place(self, rows: Sequence[Row], first: int | None) -> Matched | None:
        """Match by position, if ids count the rows and every stated right answer agrees."""
        stated = [row.id for row in rows]
        counts = any(stated == [str(n + i) for i in range(len(rows))] for n in (0, 1))
        if not counts or any(row.right is None for row in rows):
            return None
        prefix, wanted = self._prefix(rows[0].about), self._tags.intersection(rows[0].about)
        here = [
            example
            for example in self.examples
            if example.id.rpartition("/")[0] == prefix
            and wanted <= {tag.partition(":")[2] for tag in example.tags}
        ][: len(rows)]
        if len(here) < len(rows):
            return None
        agreed = all(_agrees(each, row, first) for each, row in zip(here, rows, strict=True))
        return _with_counts(Matched([*here], True, 0, 0), rows, first) if agreed else None


def _common_start(ids: Sequence[str]) -> int:
    """Length of what all ids begin with, up to a separator (``request-q1``, ``request-q2``)."""
    common = os.path.commonprefix(ids)  # noqa: RUF071 (of ids)
    return 0 if len({*ids}) < 2 else max(map(common.rfind, "-_:/|#. ")) + 1


def _with_counts(found: Matched, rows: Sequence[Row], first: int | None) -> Matched:
    """Add counts of rows whose right answer or options differ from the benchmark's."""
    alike, foreign = [], 0
    for example, row in zip(found.examples, rows, strict=True):
        if example is not None:
            alike.append(_agrees(example, row, first))
            question = question_of(example.target)
            foreign += question is not None and same_options(row.stated, question) is False
    return msgspec.structs.replace(
        found,
        contradicted=alike.count(False),
        alike=alike,
        first=first,
        foreign=foreign,
    )


def _agrees(example: Example, row: Row, first: int | None) -> bool | None:
    """Whether the row's right answer is the question's; None if they cannot be compared."""
    question = question_of(example.target)
    if question is not None:
        return agrees(row.stated, question, first)
    target = example.target
    answer = target.get("answer") if isinstance(target, Mapping) else None
    if not isinstance(answer, str) or row.right is None:
        return None
    said = row.right.strip().casefold()
    # The benchmark has dates in one form; files may have others.
    return said == answer.casefold() or read_date(said) == answer
