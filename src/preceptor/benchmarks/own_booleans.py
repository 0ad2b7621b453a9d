"""Rows of yes-or-no questions in a folder, and the questions that all rows share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import msgspec

from preceptor.benchmarks.fields import Fields
from preceptor.benchmarks.own_rows import IDS, asked, first_of, labelled, unpacked
from preceptor.cells import decoded
from preceptor.files import read_rows
from preceptor.protocols.boolean import Filter, boolean_criteria, without_filters
from preceptor.records import Criterion, Example

__all__ = ["boolean_row", "without_filters"]

_RUBRICS, _TEXTS = ("rubric", "questions", "criteria"), ("criterion", "question", "text")
_ANSWERS = ("yes", "no")


class _Asked(msgspec.Struct, frozen=True):
    """A question, and the tags of examples that it is for; none where it is for all."""

    criterion: Criterion
    tags: tuple[str, ...]

    def settled(self, tags: Sequence[str], *, rules: bool) -> bool | None:
        """Whether a rule says that it applies; None where the judge is asked."""
        if self.tags and not set(self.tags) & set(tags):
            return False
        return True if rules else None


def boolean_row(
    slices: Sequence[str], shared: str | None, filtered: Filter
) -> Callable[[Fields], Example]:
    """Reads ``id``, ``question`` or ``messages``, ``tags``, and ``rubric``: yes-or-no questions.

    Each has ``criterion``, and may have ``wanted`` (yes or no), ``for`` (tags of examples) and
    ``tags``. Those of the file ``shared`` come before a row's own.
    """
    read_shared = cache(lambda: _shared(Path(shared)) if shared else ())

    def parse(row: Fields) -> Example:
        row = unpacked(row)
        named = first_of(row, _RUBRICS)
        own = row.items(named) if row.row.get(named) or not shared else []
        questions = (*read_shared(), *map(_question, own))
        tags = labelled(row, slices)
        rules = [each.settled(tags, rules=filtered == "rules") for each in questions]
        return Example(
            id=row.id(first_of(row, IDS)),
            messages=asked(row),
            criteria=boolean_criteria([each.criterion for each in questions], rules),
            tags=tags,
        )

    return parse


def _shared(path: Path) -> tuple[_Asked, ...]:
    return tuple(_question(Fields(row, str(path), line)) for line, row in read_rows(path))


def _question(row: Fields) -> _Asked:
    lists = {name: decoded(row.row[name]) for name in ("for", "tags") if name in row}
    row = Fields({**row.row, **lists}, row.where, row.line, row.prefix)
    if row.row.get("points") not in (None, ""):
        expected = 'no points, for every question counts the same: say `"wanted": "no"` of a fault'
        raise row.fault("points", expected, row.row["points"])
    wanted = row.row.get("wanted") or "yes"
    if isinstance(wanted, bool):  # as YAML and spreadsheets read these words
        wanted = _ANSWERS[not wanted]
    if wanted not in _ANSWERS:
        raise row.fault("wanted", "yes or no", wanted)
    text = row.text(first_of(row, _TEXTS))
    points = 1 if wanted == "yes" else -1
    return _Asked(Criterion(text, points, row.texts("tags")), row.texts("for"))
