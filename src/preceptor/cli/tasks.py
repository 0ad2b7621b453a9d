"""``preceptor tasks``: tables of a clinician's own tasks."""

from __future__ import annotations

import typer

from preceptor.cli.groups import Group

__all__ = ["app"]

app = typer.Typer(cls=Group, help="Write tasks of your own in a workbook.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """Write tasks of your own in a workbook."""
