"""Format 7: verdicts of complete answers are compressed together. Those that are rows stay so.

What a migration makes is written out here: tables of later formats are others.
"""

from __future__ import annotations

import sqlalchemy as sa

__all__ = ["add_packs"]

_STATEMENTS = """
CREATE TABLE packed_verdicts (id {serial}, data {bytes} NOT NULL);
CREATE TABLE packed_keys (key {bytes} NOT NULL PRIMARY KEY,
    pack_id {count} NOT NULL REFERENCES packed_verdicts (id), place INTEGER NOT NULL){rowid};
ALTER TABLE judged ADD COLUMN pack_id {count} REFERENCES packed_verdicts (id);
ALTER TABLE judged ADD COLUMN first INTEGER;
ALTER TABLE judged ADD COLUMN reused TEXT;
CREATE INDEX ix_run_verdicts_verdict_id ON run_verdicts (verdict_id);
CREATE INDEX ix_run_votes_verdict_id ON run_votes (verdict_id)
"""
_SQLITE = {
    "serial": "INTEGER NOT NULL PRIMARY KEY",
    "bytes": "BLOB",
    "count": "INTEGER",
    "rowid": " WITHOUT ROWID",
}
_POSTGRESQL = {"serial": "BIGSERIAL PRIMARY KEY", "bytes": "BYTEA", "count": "BIGINT", "rowid": ""}


def add_packs(connection: sa.Connection) -> None:
    """Make the tables of compressed verdicts."""
    words = _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL
    for statement in _STATEMENTS.format_map(words).split(";"):
        connection.exec_driver_sql(statement)
