"""Printing: tables for people, JSON for programs, notes on standard error."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

__all__ = ["console", "note", "print_json", "printable", "show"]

#: Control characters, C1 included, and marks that change the writing direction.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """A text of a model or server without the control characters that a terminal obeys."""
    return _OBEYED.sub("", text)


def console() -> Console:
    from rich.console import Console

    class Piped(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # main() handles it; rich would exit with 1

        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                if segment.control is None and _OBEYED.search(segment.text):
                    yield segment._replace(text=printable(segment.text))
                else:
                    yield segment

    # A pipe has no width: a table must not be folded to 80 columns.
    width = None if sys.stdout.isatty() else 140
    return Piped(width=width, highlight=False, markup=False, emoji=False)


def show(item: RenderableType) -> None:
    """Print a table or text to standard output. No cell is cut: it can be copied."""
    from rich.table import Table

    if isinstance(item, Table):
        for column in item.columns:
            column.overflow = "fold"
    console().print(item)


def print_json(value: Any) -> None:
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    # Controls that are left are inside strings, where JSON can escape them.
    sys.stdout.write(_OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def note(text: str) -> None:
    """Print a note on standard error."""
    print(printable(text), file=sys.stderr)
