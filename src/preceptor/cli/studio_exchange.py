"""``preceptor studio export`` and the other commands for what comes in and goes out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from preceptor.cli.options import Json, whole_number
from preceptor.cli.output import note, print_json
from preceptor.cli.studio import DEFAULT, Database, open_studio

__all__ = ["export"]


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
    seed: Annotated[
        int,
        typer.Option("--seed", parser=whole_number, metavar="N", help="Of the order of the tasks."),
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
        made = release(studio, output, name=name, licence=licence, filters=filters, seed=seed)
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
