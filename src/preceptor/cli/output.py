"""Printing: tables for people, JSON for programs, progress for whoever waits."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["console", "note", "print_json", "show"]


def console() -> Console:
    from rich.console import Console

    class Piped(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # main() knows what to do; rich would exit with 1

    # Without a terminal a table must not be folded to 80 columns: a pipe has no width.
    width = None if sys.stdout.isatty() else 140
    return Piped(width=width, highlight=False, markup=False, emoji=False)


def show(item: RenderableType) -> None:
    """Print a table or text to standard output."""
    console().print(item)


def print_json(value: Any) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def note(text: str) -> None:
    """Say something beside the result, on standard error."""
    print(text, file=sys.stderr)
