"""What is remembered: one SQLite file by default."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from preceptor.store.rows import Vote
    from preceptor.store.spent import Spent
    from preceptor.store.store import Store

__all__ = ["Spent", "Store", "Vote"]

_HOMES = {"Spent": "spent", "Store": "store", "Vote": "rows"}


def __getattr__(name: str) -> Any:
    """Import on first use: what only lists runs needs no SQLAlchemy, which takes long to import."""
    if name not in _HOMES:
        raise AttributeError(f"module 'preceptor.store' has no attribute {name!r}")
    return getattr(importlib.import_module(f"preceptor.store.{_HOMES[name]}"), name)
