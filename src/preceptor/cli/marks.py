"""``preceptor tasks review``, ``preceptor tasks read`` and ``preceptor check-grader``."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import Json, RunName, StorePath, whole_number
from preceptor.cli.output import note, print_json, printable, show
from preceptor.cli.run import elsewhere
from preceptor.errors import DataError, InputError, shorten
from preceptor.installation import program

if TYPE_CHECKING:
    from preceptor.audit.marks import Item, Mark, Saved
    from preceptor.records import RunInfo
    from preceptor.reports.mark_sheet import Marked
    from preceptor.store import Store

__all__ = ["check_grader", "marked_items", "read", "review"]

#: Disagreements that are printed.
_SHOWN = 20
_KEYS = {"m": "met", "n": "not met", "c": "cannot tell", "s": "skip", "b": "back", "q": "quit"}
_MET = {"m": True, "n": False, "c": None}

Rater = Annotated[
    str | None,
    typer.Option(
        "--rater",
        metavar="NAME",
        help="Who marked. Default: the file's name; in a terminal, the user's.",
    ),
]
Seed = Annotated[
    int, typer.Option("--seed", parser=whole_number, metavar="N", help="Another draw and order.")
]


def review(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN...", help="Runs whose answers are to be marked.")
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="The sheet to write: .xlsx or .csv."),
    ],
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", parser=whole_number, metavar="N", help="N answers drawn at random, not all."
        ),
    ] = None,
    seed: Seed = 0,
    store: StorePath = DEFAULT_STORE,
) -> None:
    """Give a person the answers and criteria of a run to mark, without what the grader said."""
    from preceptor.audit.marks import criteria_of, draw_answers
    from preceptor.reports.mark_sheet import write_marks
    from preceptor.store import Store

    _above_0(limit)
    with Store(store, create=False) as opened:
        found = [item for name in runs for item in criteria_of(opened, opened.run(name))]
    items = draw_answers(list({item.id: item for item in found}.values()), limit, seed)
    _written(output, items, write_marks(items, output, drawn=False), store)


def read(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Marked sheets, one of each person."),
    ],
    rater: Rater = None,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Take a person's marks, and print how far the grader agrees with them."""
    from preceptor.reports.mark_sheet import read_marks
    from preceptor.store import Store

    if rater is not None and len(files) > 1:
        raise InputError("--rater: names who marked one file; several are named by their files")
    sheets = [(rater or path.stem, read_marks(path)) for path in files]
    if twice := [name for name in {n for n, _ in sheets} if [n for n, _ in sheets].count(name) > 1]:
        raise InputError(f"two files are of rater {shorten(twice[0])}: read them one after another")
    with Store(store, create=False) as opened:
        found = [marked_items(opened, sheet) for _, sheet in sheets]
        saved = [
            _save(opened, name, sheet, items)
            for (name, sheet), items in zip(sheets, found, strict=True)
        ]
        runs = {item.run.id: item.run for items in found for item in items.values()}
        if as_json:
            print_json(_as_json(opened, sheets, saved, runs.values()))
            return
        for (name, sheet), each in zip(sheets, saved, strict=True):
            for sentence in _received(name, sheet, each):
                note(sentence)
        for run in runs.values():
            _print_check(opened, run, store)


def check_grader(  # noqa: PLR0917
    run: RunName,
    limit: Annotated[
        int, typer.Option("--limit", parser=whole_number, metavar="N", help="Draw N verdicts.")
    ] = 50,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write a sheet to mark in: .xlsx or .csv."
        ),
    ] = None,
    rater: Rater = None,
    seed: Seed = 0,
    store: StorePath = DEFAULT_STORE,
) -> None:
    """Mark verdicts drawn from a run, and learn how far its grader agrees with you."""
    from preceptor.audit.marks import criteria_of, draw_verdicts, marks_on
    from preceptor.reports.mark_sheet import write_marks
    from preceptor.store import Store

    _above_0(limit)
    if output is None and not _at_terminal():
        raise InputError(
            "check-grader: marks are asked for in a terminal, and this is none: write a sheet with "
            "-o marks.xlsx, and read it with `preceptor tasks read marks.xlsx`"
        )
    with Store(store, create=False) as opened:
        info = opened.run(run)
        items = draw_verdicts(criteria_of(opened, info), limit, seed)
        if not items:
            raise InputError(f"run {shorten(info.name)}: has no verdict yet")
        if output is not None:
            _written(output, items, write_marks(items, output, drawn=True), store)
            return
        name = rater or _user()
        known = marks_on(opened, info, {item.response.key for item in items}).get(name, {})
        if _mark(items, known, lambda item, mark: _keep(opened, name, item, mark)):
            _print_check(opened, info, store, name)


def _above_0(limit: int | None) -> None:
    if limit is not None and limit < 1:
        raise InputError(f"--limit: expected 1 or more, found {limit}")


def _written(output: Path, items: Sequence[Item], remarks: Iterable[str], store: str) -> None:
    from preceptor.wording import plural

    answers = len({item.response.key for item in items})
    print(output)
    for remark in remarks:
        note(remark)
    note(
        f"{plural(len(items), 'criterion', 'criteria')} on {plural(answers, 'answer')}. Mark them, "
        f"save the file, then: {program()} tasks read {output}{elsewhere(store)}"
    )


# Marks of a file


def marked_items(store: Store, sheet: Marked) -> dict[str, Item]:
    """The criteria of a sheet. Raises DataError where the store has none of them, or others."""
    from preceptor.audit.marks import find_items

    found = find_items(store, sheet.marks)
    for key, line in sheet.lines.items():
        if key not in found:
            problem = (
                f"no run of {store.where} has this answer and criterion: read the file where the "
                "run is, or with its --store"
            )
            raise DataError(str(sheet.path), line, "id", problem)
        if (column := sheet.changed(found[key])) is not None:
            problem = (
                "is not the text that the id of its row belongs to: sort whole rows only, leave "
                "the texts as they are, or write the sheet anew"
            )
            raise DataError(str(sheet.path), line, column, problem)
    return found


def _save(store: Store, rater: str, sheet: Marked, items: dict[str, Item]) -> list[Saved]:
    from preceptor.audit.marks import save_marks

    drawn = bool(sheet.drawn)
    return save_marks(store, rater, sheet.marks, items.values(), drawn=drawn)


def _received(rater: str, sheet: Marked, saved: Sequence[Saved]) -> list[str]:
    """What was read and how, where it is kept, and what it replaced."""
    from preceptor.wording import plural

    abstained = sum(mark.met is None for mark in sheet.marks.values())
    said = [
        f"{sheet.path}: {plural(len(sheet.marks) - abstained, 'mark')} and {abstained:,} of cannot "
        f"tell, by {rater}; {plural(sheet.blank, 'row')} without a mark."
    ]
    if sheet.words:
        read_as = (f"{shorten(w)} as {to} ({n:,})" for (w, to), n in sheet.words.items())
        said.append(f"{sheet.path}: read {', '.join(read_as)}.")
    for each in saved:
        changed = f", {each.changed:,} in place of former ones" if each.changed else ""
        said.append(
            f"Kept as run {each.run}: {each.new:,} new{changed}, {each.same:,} as they were."
        )
    return said


def _as_json(
    store: Store,
    sheets: Sequence[tuple[str, Marked]],
    saved: Sequence[Sequence[Saved]],
    runs: Iterable[RunInfo],
) -> dict[str, Any]:
    from preceptor.audit.checked import disagreements, known_of_grader
    from preceptor.results.load import load_result

    results = [load_result(store, run) for run in runs]
    return {
        "files": [
            {
                "file": str(sheet.path),
                "rater": rater,
                "marks": len(sheet.marks),
                "cannot_tell": sum(mark.met is None for mark in sheet.marks.values()),
                "blank": sheet.blank,
                "words": [[*key, n] for key, n in sheet.words.items()],
                "kept": each,
            }
            for (rater, sheet), each in zip(sheets, saved, strict=True)
        ],
        "runs": [
            {
                "run": result.info.name,
                "card": known_of_grader(store, result),
                "disagreements": disagreements(store, result),
            }
            for result in results
        ],
    }


def _print_check(store: Store, run: RunInfo, where: str, rater: str | None = None) -> None:
    """How far the grader agrees, and where not; with everyone, or with one rater."""
    from preceptor.audit.checked import disagreements, known_of_grader
    from preceptor.reports.checking import check_sentences, disagreement_table
    from preceptor.results.load import load_result

    result = load_result(store, run)
    raters = None if rater is None else [rater]
    card = known_of_grader(store, result, raters=raters)
    if card is None:
        note(f"{run.name}: nothing is marked that the grader judged, so nothing is known of it.")
        return
    differ = disagreements(store, result, raters)
    if differ:
        show(disagreement_table(differ[:_SHOWN]))
    if len(differ) > _SHOWN:
        note(f"{len(differ) - _SHOWN:,} more: {program()} tasks read FILE --json lists all")
    for sentence in check_sentences(card, you=rater is not None):
        print(printable(sentence))
    note(f"The report has it from now on: {program()} report {run.name}{elsewhere(where)}")


# Marks in the terminal


def _at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for this user, as in some containers
        return "me"


def _keep(store: Store, rater: str, item: Item, mark: Mark) -> None:
    from preceptor.audit.marks import save_marks

    save_marks(store, rater, {item.id: mark}, [item], drawn=True)


def _mark(
    items: Sequence[Item], marks: dict[str, Mark], keep: Callable[[Item, Mark], None]
) -> bool:
    """Ask for each missing mark, and keep it before asking for the next.

    False where the person left before the end: the grader's verdicts stay hidden from
    a person who still marks.
    """
    from preceptor.audit.marks import Mark

    def open_after(place: int) -> int:
        """The next one without a mark; after the last, the skipped ones come again."""
        rest = [*range(place + 1, len(items)), *range(min(place + 1, len(items)))]
        return next((each for each in rest if items[each].id not in marks), len(items))

    place = open_after(-1)
    if place < len(items):
        note("Mark what the answer says. Nothing shows what the grader said of it.")
    while place < len(items):
        item = items[place]
        _show_item(item, f"{place + 1} of {len(items)}", marks.get(item.id))
        key = _key()
        if key == "q":
            done = sum(each.id in marks for each in items)
            note(f"{done} of {len(items)} are marked and kept; the same command continues here.")
            return False
        if key in _MET:
            marks[item.id] = Mark(_MET[key])
            keep(item, marks[item.id])
        place = max(0, place - 1) if key == "b" else open_after(place)
    return True


def _show_item(item: Item, place: str, mark: Mark | None) -> None:
    from preceptor.reports.mark_sheet import asked_and_answered

    question, answer = asked_and_answered(item)
    parts = (("Question", question), ("Answer", answer), ("Criterion", item.criterion))
    typer.echo(f"\n──── {place} ────")
    for heading, text in parts:
        typer.echo(f"\n{typer.style(heading, bold=True)}\n{printable(text)}")
    if mark is not None:
        said = next(key for key, met in _MET.items() if met is mark.met)
        typer.echo(f"\nMarked: {_KEYS[said]}")


def _key() -> str:
    """The key of one of the answers; asks until there is one."""
    typer.echo("\n" + "  ".join(f"[{key}] {word}" for key, word in _KEYS.items()))
    while True:
        try:
            key = typer.getchar().lower()
        except EOFError:
            return "q"
        if key in _KEYS:
            typer.echo(f"→ {_KEYS[key]}")
            return key
        if key in ("\x04", ""):
            return "q"
