"""The help of a command that has commands: under headings, each with its whole sentence."""

from __future__ import annotations

from typing import Any

import typer.core

__all__ = ["Group"]


class Group(typer.core.TyperGroup):
    """Lists its commands by their ``rich_help_panel``, in order, and wraps what others cut."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        by_heading: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            panel = getattr(command, "rich_help_panel", None)
            heading = panel if isinstance(panel, str) else "Commands"
            said = " ".join((command.help or "").split())
            by_heading.setdefault(heading, []).append((name, said))
        widest = max(len(name) for name in self.commands)
        for heading, rows in by_heading.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(widest), said) for name, said in rows])
