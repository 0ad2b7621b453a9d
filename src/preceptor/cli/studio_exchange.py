"""``preceptor studio export`` and the other commands for what comes in and goes out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from preceptor.cli.options import Json, whole_number
from preceptor.cli.output import note, print_json, show
from preceptor.cli.studio import DEFAULT, Database, open_studio
from preceptor.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from preceptor.studio.exchange.imports import Taken
    from preceptor.studio.ledger.verify import Verified

__all__ = ["COMMANDS"]

#: Tasks of a file that are printed; --json has all.
_SHOWN = 20


def export(  # noqa: PLR0917
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="The new folder of the release.")
    ],
    licence: Annotated[
        str, typer.Option("--licence", metavar="NAME", help="Such as CC BY 4.0.")
    ] = "none stated",
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Of the benchmark. Default: the project's."),
    ] = None,
    use_case: Annotated[
        list[str] | None,
        typer.Option("--use-case", metavar="NAME", help="Only tasks of this one; repeatable."),
    ] = None,
    specialty: Annotated[
        list[str] | None,
        typer.Option("--specialty", metavar="NAME", help="Only tasks of this one; repeatable."),
    ] = None,
    language: Annotated[
        list[str] | None,
        typer.Option("--language", metavar="TAG", help="Only tasks in this one; repeatable."),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(
            "--sample",
            parser=whole_number,
            metavar="N",
            help="Draw N tasks, difficult ones 3.5 times as likely; each row has its weight.",
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            "--seed", parser=whole_number, metavar="N", help="Seed of the sample and of the order."
        ),
    ] = 0,
    as_json: Json = False,
    db: Database = DEFAULT,
) -> None:
    """Write the accepted tasks to a new folder, which `preceptor run` takes as a benchmark."""
    from preceptor.studio.exchange.release import release

    filters = {
        "use_case": tuple(use_case or ()),
        "specialty": tuple(specialty or ()),
        "language": tuple(language or ()),
    }
    with open_studio(db) as studio:
        made = release(
            studio,
            output,
            name=name,
            licence=licence,
            filters=filters,
            sample=sample,
            seed=seed,
        )
    if as_json:
        print_json(made)
        return
    print(made.folder)
    note(
        f"{made.benchmark} {made.version}: {made.tasks:,} tasks, {made.criteria:,} criteria, "
        f"{made.baselines:,} answers by physicians. Next: "
        f"preceptor run {_as_folder(output)} --system ADDRESS --grader ADDRESS"
    )


def _as_folder(path: Path) -> str:
    """As ``run`` knows it for a folder."""
    return str(path) if path.is_absolute() else f"./{path.as_posix()}"


def import_tasks(  # noqa: PLR0917
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Rows of HealthBench or HealthBench Professional, a workbook or a table of tasks.",
        ),
    ],
    state: Annotated[
        str,
        typer.Option("--state", metavar="STATE", help="draft, submitted or accepted."),
    ] = "submitted",
    author: Annotated[
        str,
        typer.Option("--author", metavar="PERSON", help="Whose they are: an id or e-mail address."),
    ] = "",
    language: Annotated[
        str, typer.Option("--language", metavar="TAG", help="Of tasks that say none.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would come in, and what is wrong with it.")
    ] = False,
    as_json: Json = False,
    db: Database = DEFAULT,
) -> int:
    """Take tasks of a file into the studio: all of them, or none where a row is wrong."""
    from preceptor.studio.exchange.imports import STATES, look_at, take_in
    from preceptor.studio.exchange.leaving import find_person

    target = next((each for each in STATES if each == state), None)
    if target is None:
        hint = did_you_mean(state, STATES)
        raise InputError(f"--state: {hint}expected {', '.join(STATES)}, found {state!r}")
    with open_studio(db) as studio:
        with studio.read() as connection:
            person = find_person(connection, author) if author else ""
        if dry_run:
            found = look_at(studio, file, target, language=language)
        else:
            found = take_in(studio, file, target, language=language, author=person)
    if as_json:
        print_json(found)
    else:
        _print_taken(found, dry_run)
    return 1 if found.faults else 0


def _print_taken(found: Taken, dry_run: bool) -> None:
    from rich.table import Table

    table = Table("task", "criteria", "language", "specialty", "from")
    for row in found.tasks[:_SHOWN] if dry_run else ():
        table.add_row(
            row.id or "a new id", str(row.criteria), row.language, row.specialty, row.place
        )
    if table.rows:
        show(table)
    for fault in found.faults:
        note(f"error: {fault}")
    criteria = sum(row.criteria for row in found.tasks)
    answers = sum(row.physician for row in found.tasks)
    would = "would come in" if dry_run else "came in"
    print(
        f"{len(found.tasks):,} tasks with {criteria:,} criteria and {answers:,} answers by "
        f"physicians {would}, {found.state}; left out as there already: {found.doubles:,}"
    )
    if found.faults:
        note("nothing comes in until this is corrected")


def verify_events(
    anchor: Annotated[
        Path | None,
        typer.Option(
            "--anchor", metavar="FILE", help="What `studio anchor` printed, kept elsewhere."
        ),
    ] = None,
    as_json: Json = False,
    db: Database = DEFAULT,
) -> int:
    """Check that no event was changed or lost, and that the tables are what the events make."""
    from preceptor.studio.ledger.verify import verify

    line = None
    if anchor is not None:
        try:
            line = anchor.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "is no text"
            raise InputError(f"--anchor {anchor}: cannot be read: {why}") from None
    with open_studio(db) as studio:
        return _print_verified(verify(studio, line), as_json)


def _print_verified(found: Verified, as_json: bool) -> int:
    if as_json:
        print_json(found)
    else:
        for fault in found.faults:
            note(f"error: {fault}")
        erased = f", {found.erased:,} of them erased" if found.erased else ""
        state = f"{len(found.faults):,} faults" if found.faults else "whole"
        print(f"{found.events:,} events{erased}: {state}; the last has hash {found.head.hash}")
    return 1 if found.faults else 0


def anchor(db: Database = DEFAULT) -> None:
    """Print the last event's number and hash: kept elsewhere, it shows later what was cut off."""
    with open_studio(db) as studio:
        print(studio.anchor())


def backup(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The new file.")],
    as_json: Json = False,
    db: Database = DEFAULT,
) -> int:
    """Copy the database to a new file while people work, and verify the copy."""
    with open_studio(db) as studio:
        found = studio.backup(path)
    return _print_verified(found, as_json)


def withdraw(
    person: Annotated[
        str, typer.Argument(metavar="PERSON", help="The person's id or e-mail address.")
    ],
    erase: Annotated[
        bool,
        typer.Option("--erase", help="Remove name, address and declared interests for good, too."),
    ] = False,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Kept for ever: no name in it.")
    ] = "withdrawn at the command line",
    as_json: Json = False,
    db: Database = DEFAULT,
) -> None:
    """Sign a person out for good and take their work back; what lacks a review then is reopened."""
    from preceptor.studio.exchange.leaving import withdraw_person

    with open_studio(db) as studio:
        found = withdraw_person(studio, person, reason=reason, erase=erase)
    if as_json:
        print_json(found)
        return
    for task in found.tasks:
        before, after = (each.replace("_", " ") for each in (task.before, task.after))
        same = "stays" if before == after else f"was {before}, is"
        print(f"task {task.task}: {same} {after}")
    for released in found.releases:
        note(f"release {released} holds tasks of these: it stays as it is")
    if found.named:
        note(f"others wrote that name or address, and it stays: {', '.join(found.named)}")
    erased = f"; {found.erased:,} payloads erased, backups are not" if erase else ""
    note(f"person {found.person}: takes part no more{erased}")


COMMANDS: dict[str, Callable[..., int | None]] = {
    "import": import_tasks,
    "export": export,
    "verify": verify_events,
    "anchor": anchor,
    "backup": backup,
    "withdraw-person": withdraw,
}
