"""What is remembered: one SQLite file by default."""

from preceptor.store.rows import Vote
from preceptor.store.store import Spent, Store

__all__ = ["Spent", "Store", "Vote"]
