"""Numbers with the word for what they count."""

from __future__ import annotations

__all__ = ["count", "plural"]


def count(number: float) -> str:
    """A whole number as people read it: ``1,234``, ``−5``."""
    return f"{number:,.0f}".replace("-", "\N{MINUS SIGN}")


def plural(number: int, one: str, many: str | None = None) -> str:
    """``1 answer``, ``2 answers``; ``many`` where it is not ``one`` with an s."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"
