"""Where the tests' studios are: in files of their folders, or on a PostgreSQL server.

A test marked ``both`` runs on each. ``PRECEPTOR_TEST_STUDIO=postgresql`` runs every test of the
studio on the server alone, ``sqlite`` on files alone.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from preceptor.testing.postgres import PostgresServer

__all__ = ["BOTH", "CHOSEN", "is_on_server", "move_to", "place"]

BOTH = ("sqlite", "postgresql")
#: What is asked for; empty: files, and the server for tests marked ``both``.
CHOSEN = os.environ.get("PRECEPTOR_TEST_STUDIO", "")
if CHOSEN not in ("", *BOTH):
    raise ValueError(f"PRECEPTOR_TEST_STUDIO: expected {' or '.join(BOTH)}, found {CHOSEN!r}")

_server: PostgresServer | None = None


def move_to(server: PostgresServer | None) -> None:
    """Have the studios of the tests that follow on a server; None: in files."""
    global _server  # noqa: PLW0603
    _server = server


def is_on_server() -> bool:
    """Whether the studios of this test are on a server: then no file has their bytes."""
    return _server is not None


def place(folder: Path, name: str = "studio.db") -> str:
    """The address of a folder's studio: always the same one."""
    if _server is None:
        return str(folder / name)
    import psycopg

    # A schema of its own is made in a hundredth of a database's time.
    name, url = f"s{sha256(str(folder / name).encode()).hexdigest()[:20]}", _server.url("studios")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name}".encode())
    return f"{url}?options=-csearch_path%3D{name}"
