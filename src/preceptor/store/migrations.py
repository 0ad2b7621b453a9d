"""What makes a store, and brings one of an older format up to date, one after the other."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from preceptor.store import schema
from preceptor.store.database import Plan
from preceptor.store.format_6 import number_results
from preceptor.store.format_7 import add_packs
from preceptor.store.views import create_views, drop_views

__all__ = ["MIGRATIONS", "PLAN"]


def _add_reasoning_length(connection: sa.Connection) -> None:
    """Format 2: how long the reasoning was. Of older answers nobody knows."""
    connection.execute(sa.text("ALTER TABLE responses ADD COLUMN reasoning_length INTEGER"))


def _add_votes(connection: sa.Connection) -> None:
    """Format 3: how each member of a jury or cascade voted. Older runs have neither."""
    on_sqlite = connection.dialect.name == "sqlite"
    connection.execute(
        sa.text(
            "CREATE TABLE run_votes ("
            "run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE, "
            "position INTEGER NOT NULL, repeat INTEGER NOT NULL, criterion INTEGER NOT NULL, "
            "member INTEGER NOT NULL, role TEXT NOT NULL, grader TEXT NOT NULL, "
            "verdict_key TEXT NOT NULL REFERENCES verdicts (key), reused BOOLEAN NOT NULL, "
            "PRIMARY KEY (run_id, position, repeat, criterion, member))"
            + (" WITHOUT ROWID" if on_sqlite else "")
        )
    )


def _add_batches(connection: sa.Connection) -> None:
    """Format 4: batches at providers. Older runs had none."""
    connection.execute(
        sa.text(
            "CREATE TABLE batches ("
            "mark TEXT NOT NULL PRIMARY KEY, "
            "run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE, "
            "provider TEXT NOT NULL, base_url TEXT NOT NULL, batch_id TEXT, state TEXT NOT NULL, "
            "requests INTEGER NOT NULL, submitted_at TEXT NOT NULL, preceding TEXT NOT NULL, "
            "custom_ids TEXT NOT NULL)"
        )
    )


def _add_label(connection: sa.Connection) -> None:
    """Format 5: verdicts that are labels. Older graders gave none."""
    connection.execute(sa.text("ALTER TABLE verdicts ADD COLUMN label TEXT"))


#: Format n → how to make it n + 1.
MIGRATIONS: dict[int, Callable[[sa.Connection], None]] = {
    1: _add_reasoning_length,
    2: _add_votes,
    3: _add_batches,
    4: _add_label,
    5: number_results,
    6: add_packs,
}

PLAN = Plan(
    noun="store",
    format=schema.FORMAT,
    about=schema.stored,
    create_tables=schema.metadata.create_all,
    migrations=MIGRATIONS,
    create_views=create_views,
    drop_views=drop_views,
    first="run or import something first",
    another="name another with --store",
    update="bring it up to date with `preceptor runs --store {}`",
)
