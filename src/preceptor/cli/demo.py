"""``preceptor demo``."""

from __future__ import annotations

__all__ = ["demo"]


def demo() -> int:
    """Evaluate a small local model on the starter tasks, here and now."""
    raise NotImplementedError
