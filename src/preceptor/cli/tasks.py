"""``preceptor tasks``: tables of a clinician's own tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from preceptor.cli.groups import Group
from preceptor.cli.output import note

__all__ = ["app"]

app = typer.Typer(cls=Group, help="Write tasks of your own in a workbook.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """Write tasks of your own in a workbook."""


@app.command("template")
def template(
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="A workbook (tasks.xlsx), or a folder for four .csv files (ward, ward.csv).",
        ),
    ],
) -> None:
    """Make a workbook to fill in, with made-up tasks that can be run as they are."""
    from preceptor.benchmarks.own_tasks.task_template import write_template

    made = write_template(output)
    for path in made:
        print(path)
    start = made[0] if len(made) == 1 else made[0].parent
    note(f"fill it in, then run: preceptor run {start} --grader ADDRESS")
