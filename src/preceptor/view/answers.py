"""The explorer: the answers of one run or of many, a page at a time, and one of them open."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from starlette.datastructures import QueryParams

from preceptor.reports.format import interval, points, pretty
from preceptor.view.details import answer_of, question_of
from preceptor.view.finding import ORDERS, STATES, VERDICTS, Table, Wanted, tag_counts
from preceptor.view.searching import searcher
from preceptor.view.selection import Filter, chosen, run_tabs, url, whole
from preceptor.view.workspace import Known, Workspace

__all__ = ["PAGE", "Item", "Pager", "answers_page", "named", "selected"]

#: Rows of a list.
PAGE = 50
#: Other answers to the open example that are linked; tags that a row of the list names.
_OTHERS, _TAGS = 40, 4
_START = 160


class Item(msgspec.Struct, frozen=True):
    """A row of the list."""

    url: str
    start: str
    is_id: bool
    score: str
    about: str
    current: bool


class Pager(msgspec.Struct, frozen=True):
    """Where in a list the page is; the addresses of its neighbours, empty where there is none."""

    total: int
    first: int
    last: int
    number: int
    pages: int
    previous: str
    next: str


def pager(path: str, base: Sequence[tuple[str, object]], total: int, number: int) -> Pager:
    pages = max(1, -(-total // PAGE))
    number = min(number, pages)
    before = url(path, [*base, ("page", number - 1)]) if number > 1 else ""
    after = url(path, [*base, ("page", number + 1)]) if number < pages else ""
    first = min((number - 1) * PAGE + 1, total)
    return Pager(total, first, min(number * PAGE, total), number, pages, before, after)


def selected(runs: Sequence[Known], given: QueryParams) -> list[tuple[str, object]]:
    """The parameters that choose these runs again."""
    if given.getlist("run"):
        return [("run", run.info.name) for run in runs]
    return list(Filter.of(given).parameters().items())


def named(runs: Sequence[Known]) -> str:
    """What a selection is called."""
    if len(runs) == 1:
        return runs[0].info.name
    answers = sum(run.standing.answers_asked for run in runs)
    return f"{answers:,} answers of {len(runs)} runs"


def answers_page(workspace: Workspace, given: QueryParams) -> dict[str, Any]:
    """What the page of answers shows.

    Raises
    ------
    UnknownName, InputError
        An unknown run, or a value that a filter does not take.
    """
    runs = chosen(workspace, given)
    wanted, table = Wanted.of(given), Table.of(workspace, runs)
    marks = tuple(run.mark for run in runs)
    found = workspace.small.get(
        ("found", wanted, *(run.info.id for run in runs)),
        marks,
        lambda: table.find(wanted, searcher(workspace, table)),
        weight=1 + len(table.run) // 1000,
    )
    base = [*selected(runs, given), *wanted.parameters().items()]
    number = table.number(given.get("open", ""))
    places = {int(each): at for at, each in enumerate(found)}
    page = whole(given, "page", 0, least=1)
    if not page:
        page = places.get(number, 0) // PAGE + 1 if number is not None else 1
    pages = pager("/answers", base, len(found), page)
    shown = [int(each) for each in found[(pages.number - 1) * PAGE : pages.number * PAGE]]
    reading = number is not None
    if number is None and shown:
        number = shown[0]
    return {
        "title": f"Answers – {named(runs)}",
        "runs": runs,
        "named": named(runs),
        "tabs": run_tabs(runs[0].info.name, "Answers") if len(runs) == 1 else [],
        "selected": selected(runs, given),
        "wanted": wanted,
        "fields": {"order": ORDERS, "state": STATES, "verdict": VERDICTS},
        "tags": workspace.small.get(
            ("tags", *(run.info.id for run in runs)),
            marks,
            lambda: tag_counts(table),
        ),
        "judged": any(each.run.standing.verdicts_asked for each in table.parts),
        "clear": url("/answers", selected(runs, given)),
        "pager": pages,
        "all": len(table.run),
        "items": [_item(table, each, base, pages.number, each == number) for each in shown],
        "reading": reading,
        "back": url("/answers", [*base, ("page", pages.number)]),
        **_opened(workspace, table, number, base),
        **_steps(table, None if number is None else places.get(number), base, found),
    }


def _item(
    table: Table, number: int, base: Sequence[tuple[str, object]], page: int, current: bool
) -> Item:
    place, example = table.place(number), table.example(number)
    part = table.parts[place.run]
    last = example.messages[-1].text.strip() if example.messages else ""
    about = [pretty(tag, part.labels) for tag in example.tags[:_TAGS]]
    if len(table.parts) > 1:
        about.insert(0, part.run.info.name)
    if place.repeat:
        about.insert(0, f"repeat {place.repeat + 1}")
    if math.isnan(part.length[place.row]):
        about.insert(0, "no answer")
    elif "?" in part.signs[place.row]:
        about.insert(0, "has ungraded")
    return Item(
        url("/answers", [*base, ("page", page), ("open", place)]),
        last[:_START] or example.id,
        not last,
        _score(part.score[place.row], part.low[place.row], part.high[place.row]),
        " · ".join(about),
        current,
    )


def _score(score: float, low: float, high: float) -> str:
    if not math.isnan(score):
        return points(float(score))
    return interval((float(low), float(high))) if not math.isnan(low) else "–"


def _opened(
    workspace: Workspace, table: Table, number: int | None, base: Sequence[tuple[str, object]]
) -> dict[str, Any]:
    if number is None:
        return {"answer": None}
    return {
        "question": question_of(workspace, table, number),
        "answer": answer_of(workspace, table, number),
        "mark": 1 + table.place(number).run % 6,
        "others": _others(table, number, base),
    }


def _steps(
    table: Table, at: int | None, base: Sequence[tuple[str, object]], found: NDArray[np.intp]
) -> dict[str, Any]:
    """The place of the open answer among those found, and the addresses of its neighbours."""

    def address(index: int) -> str:
        if at is None or not 0 <= index < len(found):
            return ""
        place = table.place(int(found[index]))
        return url("/answers", [*base, ("page", index // PAGE + 1), ("open", place)])

    return {
        "at": at,
        "previous": "" if at is None else address(at - 1),
        "next": "" if at is None else address(at + 1),
    }


def _others(
    table: Table, number: int, base: Sequence[tuple[str, object]]
) -> list[tuple[str, str, str, bool]]:
    """Address, name, score of each answer to the same example, and whether it is the open one."""
    example, found = table.example(number), []
    for at, part in enumerate(table.parts):
        positions = [p for p, each in enumerate(part.examples) if each.id == example.id]
        for position in positions:
            for row in (part.example == position).nonzero()[0].tolist():
                name = part.run.info.name
                if part.run.info.repeats > 1:
                    name += f", repeat {int(part.repeat[row]) + 1}"
                place = f"{at}-{position}-{int(part.repeat[row])}"
                found.append(
                    (
                        url("/answers", [*base, ("open", place)]),
                        name,
                        _score(part.score[row], part.low[row], part.high[row]),
                        place == str(table.place(number)),
                    )
                )
    return found[:_OTHERS] if len(found) > 1 else []
