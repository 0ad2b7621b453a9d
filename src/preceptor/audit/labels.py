"""Rows of the meta-evaluation: verdicts of physicians and graders on the same answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from preceptor.benchmarks.base import Fields
from preceptor.benchmarks.own_rows import message
from preceptor.cells import listed
from preceptor.errors import DataError, InputError, shorten
from preceptor.files import read_rows
from preceptor.reasoning import said_in
from preceptor.records import Message, content_key

__all__ = ["THEMES", "Judged", "Labels", "choose_grader", "previewed", "read_meta_eval", "theme_of"]

#: Grader of a row's own verdict if the row does not name one.
UNNAMED = "grader"

#: HealthBench's themes, in the order of its table 5; each starts a consensus category's name.
THEMES = (
    "emergency_referrals",
    "communication",
    "hedging",
    "complex_responses",
    "health_data_tasks",
    "global_health",
    "context_seeking",
)


class Judged(msgspec.Struct, frozen=True):
    """Labels and verdicts for one criterion on one answer.

    Attributes
    ----------
    prompt
        Key of the conversation; rows with the same prompt are not independent.
    category
        ``cluster:…`` in HealthBench; empty if none.
    points
        Points of the criterion, if known.
    model
        Model that wrote the answer; empty if unknown.
    labels, physicians
        Each physician's label and name, in the same order; a name may be empty.
    verdicts
        Grader → met; no entry if the grader gave no verdict.
    conversation
        Ends with the answer under review; empty if the file has no text.
    probabilities
        Grader → its probability of met, 0 to 1, if it gave one.
    weight
        How much its labels count: above 1 where rows like it are rarer among the labelled than in
        the whole.
    previewed
        ``yes`` or ``no``: whether the author saw a grader's verdicts on the criterion while writing
        it; empty if unknown.
    """

    prompt: str
    criterion: str
    category: str
    labels: tuple[bool, ...]
    physicians: tuple[str, ...]
    verdicts: Mapping[str, bool]
    points: float | None = None
    model: str = ""
    conversation: tuple[Message, ...] = ()
    probabilities: Mapping[str, float] = {}
    weight: float = 1.0
    previewed: str = ""


class Labels(msgspec.Struct, frozen=True):
    """Rows of one file, and the graders with a verdict, in order of appearance."""

    source: str
    rows: list[Judged]
    graders: tuple[str, ...]


def read_meta_eval(path: Path) -> Labels:
    """Read rows of HealthBench's meta-evaluation, with their stored verdicts if any.

    A row has ``prompt``, ``completion``, ``rubric``, ``category``, ``binary_labels`` and
    ``anonymized_physician_ids``. Verdicts are under ``graders``, {name: {"criteria_met": …}} or
    {name: true}; or the row has one ``criteria_met``, by its ``grader``.

    Raises
    ------
    DataError
        A field is missing or malformed; the message names line and field.
    InputError
        The file is empty or cannot be read.
    """
    rows = [_judged(Fields(row, str(path), number)) for number, row in read_rows(path)]
    if not rows:
        raise InputError(f"{path}: expected rows of the meta-evaluation, found an empty file")
    graders = tuple(dict.fromkeys(name for row in rows for name in row.verdicts))
    return Labels(str(path), rows, graders)


def choose_grader(labels: Labels, name: str | None) -> str:
    """Choose the named grader, or the only one. Raises InputError with the known names."""
    known = labels.graders
    if name is None and len(known) == 1:
        return known[0]
    if name in known:
        assert name is not None
        return name
    if not known:
        raise InputError(f"{labels.source}: no row has a grader's verdict (graders, criteria_met)")
    listed = ", ".join(shorten(each, 60) for each in known)
    if name is None:
        raise InputError(
            f"{labels.source}: has several graders; choose one with --grader: {listed}"
        )
    raise InputError(f"--grader {shorten(name)}: not in {labels.source}, which has {listed}")


def theme_of(category: str) -> str | None:
    """The theme of a consensus category: ``cluster:hedging_…`` → ``hedging``."""
    name = category.removeprefix("cluster:")
    return next((theme for theme in THEMES if name.startswith(f"{theme}_")), None)


def _judged(fields: Fields) -> Judged:
    physicians, labels = _physician_labels(fields)
    messages = tuple(message(turn) for turn in fields.items("prompt"))
    answer = said_in(fields.text("completion", empty=True))
    return Judged(
        # The text, not its id: one prompt may have several ids.
        prompt=content_key(messages),
        criterion=fields.text("rubric"),
        category=fields.optional_text("category") or "",
        labels=labels,
        physicians=physicians,
        verdicts=_verdicts(fields),
        points=_points(fields),
        model=fields.optional_text("model") or "",
        conversation=(*messages, Message("assistant", answer)),
        probabilities=_probabilities(fields),
        previewed=previewed(fields.texts("example_tags") or ()),
    )


def previewed(tags: Iterable[str]) -> str:
    """The value of a task's tag ``previewed:``; empty without one."""
    told = (tag.partition(":") for tag in tags)
    return next((value for name, _, value in told if name == "previewed"), "")


def _physician_labels(fields: Fields) -> tuple[tuple[str, ...], tuple[bool, ...]]:
    """Read the physicians who gave a label, and their labels."""
    field, expected = "binary_labels", "a list of true and false that is not empty"
    value = listed(fields.need(field, expected))
    if not isinstance(value, list) or not value:
        raise fields.fault(field, expected, value)
    labels = [fields.met(f"{field}[{place}]", each) for place, each in enumerate(value)]
    names = fields.texts("anonymized_physician_ids") or ("",) * len(labels)
    if len(names) != len(labels):
        expected = f"{len(labels)} texts, one per label"
        raise fields.fault("anonymized_physician_ids", expected, len(names))
    there = [(name, met) for name, met in zip(names, labels, strict=True) if met is not None]
    if not there:
        raise fields.fault(field, "a label that is not null", value)
    return tuple(name for name, _ in there), tuple(met for _, met in there)


def _verdicts(fields: Fields) -> dict[str, bool]:
    if fields.row.get("graders") is None:
        if "criteria_met" not in fields:
            return {}
        return _without_missing(
            {fields.optional_text("grader") or UNNAMED: fields.met("criteria_met")}
        )
    stored = fields.nested("graders")
    return _without_missing(
        {
            name: stored.met(name)
            if not isinstance(stored.row[name], dict)
            else stored.nested(name).met("criteria_met")
            for name in stored.row
        }
    )


def _probabilities(fields: Fields) -> dict[str, float]:
    """Read ``graders``.NAME.``probability`` of stored verdicts, unless absent or null."""
    if fields.row.get("graders") is None:
        return {}
    stored, found = fields.nested("graders"), {}
    for name, said in stored.row.items():
        value = said.get("probability") if isinstance(said, dict) else None
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise stored.nested(name).fault("probability", "a number from 0 to 1", value)
        found[name] = float(value)
    return found


def _without_missing(verdicts: dict[str, bool | None]) -> dict[str, bool]:
    return {name: met for name, met in verdicts.items() if met is not None}


def _points(fields: Fields) -> float | None:
    value = fields.row.get("points")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value == 0:
        raise DataError(
            fields.where, fields.line, "points", f"expected points, not 0, found {shorten(value)}"
        )
    return float(value)
