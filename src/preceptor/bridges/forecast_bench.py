"""ForecastBench: a question set, its resolutions and files of forecasts → a run of each forecaster.

A row is a question at a resolution date. Rows that are not resolved hold the market's value and no
outcome: they are in no metric. Two forecasters are added: .5 for everything, and the market's value
at the freeze, where there is a market.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from preceptor.bridges.imported import ImportedRun, Incoming
from preceptor.bridges.outcome_columns import OutcomeColumns
from preceptor.bridges.outcome_files import runs_of_rows
from preceptor.bridges.tool_runs import Asked, Start
from preceptor.errors import InputError, shorten
from preceptor.files import decode_json

__all__ = ["is_mine", "read"]

_LISTS = ("questions", "resolutions", "forecasts")
#: Days until the resolution: the last one of each group.
_HORIZONS = (7, 30, 90, 180)
_AT_ALL_DATES = ""

#: Source, id or ids, and directions of a question of several.
_Question = tuple[str, tuple[str, ...], tuple[str, ...]]


class _Row(NamedTuple):
    """A question at a resolution date; ``value`` is the outcome where it is ``resolved``."""

    question: _Question
    at: str
    value: float
    resolved: bool
    crowd: float | None
    days: int


def is_mine(start: Start) -> bool:
    """Whether a file is one of the three kinds."""
    return "question_set" in start.object and any(name in start.object for name in _LISTS)


def read(files: Sequence[Path], asked: Asked) -> Iterator[Incoming]:
    """Yield the runs of .5, of the market, and of each file of forecasts.

    Raises
    ------
    InputError
        The questions or their resolutions are missing or there twice, or a field is wrong.
    """
    kinds: dict[str, list[tuple[Path, Mapping[str, Any]]]] = {name: [] for name in _LISTS}
    for file in files:
        content = decode_json(file)
        kind = next((k for k in _LISTS if isinstance(content, dict) and k in content), None)
        if kind is None:
            raise InputError(f"{file}: expected questions, resolutions or forecasts, found neither")
        kinds[kind].append((file, content))
    for kind in _LISTS[:2]:
        if len(kinds[kind]) != 1:
            found = f"{len(kinds[kind])} files"
            raise InputError(
                f"{files[0]}: expected one file with {kind} beside it, found {found}: name the "
                "question set, its resolution set, and files of forecasts"
            )
    (path, questions), (where, resolutions) = kinds["questions"][0], kinds["resolutions"][0]
    rows = _rows(where, resolutions, _crowds(path, questions))
    about = asked.benchmark or path.name.removesuffix(".json")
    half = {(row.question, _AT_ALL_DATES): 0.5 for row in rows}
    market = {(row.question, _AT_ALL_DATES): row.crowd for row in rows if row.crowd is not None}
    made: list[tuple[Path, str, Mapping[tuple[_Question, str], float]]] = [
        (where, "always-0.5", half),
        (where, "market", market),
    ]
    for file, content in kinds["forecasts"]:
        made.append((file, _forecaster(file, content), _forecasts(file, content)))
    names = [name for _, name, _ in made]
    for file, name, said in made:
        if names.count(name) > 1:
            raise InputError(f"{file}: another file has forecasts of {shorten(name)}")
        yield _run(file, name, rows, said, asked, about)


def _run(  # noqa: PLR0917
    file: Path,
    name: str,
    rows: Sequence[_Row],
    said: Mapping[tuple[_Question, str], float],
    asked: Asked,
    about: str,
) -> Incoming:
    forecast = {row: _said(row, said) for row in rows}
    given = [
        (
            number + 1,
            {
                "id": "/".join(row.question[0:1] + row.question[1] + row.question[2]),
                "time_index": row.at,
                "y_true": row.value,
                "y_score": forecast[row],
                "crowd": row.crowd,
                "question_source": row.question[0],
                "horizon": _horizon(row.days),
            },
        )
        for number, row in enumerate(rows)
        if row.resolved and row.value in (0.0, 1.0)
    ]
    columns = OutcomeColumns(forecast=True, groups=("question_source", "horizon"))
    (made,) = runs_of_rows(given, file, columns, about, asked.system or name, f"{about}/{name}")
    return Incoming(
        made.name, file, made.digest, functools.partial(_with_notes, made, rows, forecast)
    )


def _with_notes(
    made: Incoming, rows: Sequence[_Row], forecast: Mapping[_Row, float | None]
) -> ImportedRun:
    """The run, with what is said of the rows that have no outcome."""
    run = made.make()
    open_ = [row for row in rows if not row.resolved]
    shares = sum(row.resolved and row.value not in (0.0, 1.0) for row in rows)
    notes = []
    if open_:
        note = f"{len(open_):,} of {len(rows):,} rows are not resolved: they are in no metric."
        away = [abs(p - row.value) for row in open_ if (p := forecast[row]) is not None]
        if away:
            note += (
                f" {len(away):,} forecasts of them are {sum(away) / len(away):.4f} from the "
                "market's last value on average."
            )
        notes.append(note)
    if shares:
        notes.append(f"{shares:,} rows were resolved to a share and are left out.")
    settings = msgspec.structs.replace(run.settings, notes=[*run.settings.notes, *notes])
    return msgspec.structs.replace(run, settings=settings)


def _said(row: _Row, said: Mapping[tuple[_Question, str], float]) -> float | None:
    """The forecast for this date, else the one for all dates."""
    return said.get((row.question, row.at), said.get((row.question, _AT_ALL_DATES)))


def _horizon(days: int) -> str:
    before = 0
    for last in _HORIZONS:
        if days <= last:
            return f"{before} to {last} days"
        before = last + 1
    return f"over {_HORIZONS[-1]} days"


def _items(path: Path, content: Mapping[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    """Each object of a list, with where it is."""
    listed = content[name]
    if not isinstance(listed, list):
        raise InputError(f"{path}: {name}: expected a list, found {shorten(listed, 40)}")
    for number, item in enumerate(listed):
        where = f"{path}: {name}[{number}]"
        if not isinstance(item, dict):
            raise InputError(f"{where}: expected an object, found {shorten(item, 40)}")
        yield where, item


def _question(where: str, item: Mapping[str, Any]) -> _Question:
    source, id = item.get("source"), item.get("id")
    ids = id if isinstance(id, list) else [id]
    if not isinstance(source, str) or not all(isinstance(each, str) and each for each in ids):
        raise InputError(
            f"{where}: expected source and id as texts, found {shorten(source, 40)} and "
            f"{shorten(id, 40)}"
        )
    direction = item.get("direction") or []
    ways = direction if isinstance(direction, list) else [direction]
    return source, tuple(ids), tuple(map(str, ways))


def _share(where: str, name: str, value: object) -> float:
    """A number from 0 to 1, which may be written as a text."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (OverflowError, TypeError, ValueError):
        number = -1.0
    if isinstance(value, bool) or not 0 <= number <= 1:
        raise InputError(f"{where}.{name}: expected 0 to 1, found {shorten(value, 40)}")
    return number


def _day(where: str, name: str, value: object) -> date:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise InputError(
            f"{where}{name}: expected a date such as 2025-10-26, found {shorten(value, 40)}"
        ) from None


def _crowds(path: Path, content: Mapping[str, Any]) -> dict[_Question, float | None]:
    """The market's value at the freeze; None of questions that have no market."""
    found: dict[_Question, float | None] = {}
    for where, item in _items(path, content, "questions"):
        # A question about data has dates of its own, and the last value of the series.
        value = item.get("freeze_datetime_value")
        has = item.get("resolution_dates") == "N/A" and value not in (None, "N/A")
        question = _question(where, item)
        found[question] = _share(where, "freeze_datetime_value", value) if has else None
    return found


def _rows(
    path: Path, content: Mapping[str, Any], crowds: Mapping[_Question, float | None]
) -> list[_Row]:
    due = _day(f"{path}: ", "forecast_due_date", content.get("forecast_due_date"))
    found: dict[tuple[_Question, str], _Row] = {}
    for where, item in _items(path, content, "resolutions"):
        question, resolved = _question(where, item), item.get("resolved")
        if not isinstance(resolved, bool):
            raise InputError(f"{where}.resolved: expected true or false, found {resolved!r}")
        at = _day(where, ".resolution_date", item.get("resolution_date"))
        value = _share(where, "resolved_to", item.get("resolved_to"))
        key = (question, at.isoformat())
        if key in found:
            raise InputError(f"{where}: {shorten('/'.join(question[1]))} at {at} is there twice")
        crowd = crowds.get(question)
        found[key] = _Row(*key, value, resolved, crowd, (at - due).days)
    return list(found.values())


def _forecaster(path: Path, content: Mapping[str, Any]) -> str:
    parts = [content.get(name) for name in ("organization", "model")]
    known = [part for part in parts if isinstance(part, str) and part.strip()]
    return "/".join(known) or path.name.removesuffix(".json")


def _forecasts(path: Path, content: Mapping[str, Any]) -> dict[tuple[_Question, str], float]:
    found: dict[tuple[_Question, str], float] = {}
    for where, item in _items(path, content, "forecasts"):
        at = item.get("resolution_date")
        when = _AT_ALL_DATES
        if at not in (None, "N/A"):
            when = _day(where, ".resolution_date", at).isoformat()
        key = (_question(where, item), when)
        if key in found:
            raise InputError(f"{where}: {shorten('/'.join(key[0][1]))} is there twice")
        if item.get("forecast") is not None:
            found[key] = _share(where, "forecast", item["forecast"])
    return found
