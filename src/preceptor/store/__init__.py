"""What is remembered: one SQLite file by default."""

from preceptor.store.store import DEFAULT, Spent, Store

__all__ = ["DEFAULT", "Spent", "Store"]
