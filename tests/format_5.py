"""A store as format 5 had it: with text keys in the place of numbers."""

from __future__ import annotations

import sqlalchemy as sa

from preceptor.store.packs import unpack

__all__ = ["to_format_5"]

_PLACE = "run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE, position INTEGER NOT NULL"
_USAGE = (
    "input_tokens BIGINT NOT NULL, output_tokens BIGINT NOT NULL, cached_tokens BIGINT NOT NULL, "
    "reasoning_tokens BIGINT NOT NULL, latency_s FLOAT NOT NULL, cost_usd FLOAT"
)
#: Table → its columns, and where the present tables have what was in them.
_TABLES = {
    "responses": (
        "key TEXT NOT NULL PRIMARY KEY, text TEXT NOT NULL, finish_reason TEXT NOT NULL, "
        f"sent TEXT, failure TEXT, detail TEXT NOT NULL, {_USAGE}, reasoning_length BIGINT",
        "SELECT {key}, text, finish_reason, sent, failure, detail, input_tokens, output_tokens, "
        "cached_tokens, reasoning_tokens, latency_s, cost_usd, reasoning_length "
        "FROM new_responses ORDER BY id",
    ),
    "verdicts": (
        "key TEXT NOT NULL PRIMARY KEY, met BOOLEAN, explanation TEXT NOT NULL, reason TEXT, "
        f"detail TEXT NOT NULL, probability FLOAT, {_USAGE}, attempts INTEGER NOT NULL, label TEXT",
        "SELECT {key}, met, explanation, reason, detail, probability, input_tokens, output_tokens, "
        "cached_tokens, reasoning_tokens, latency_s, cost_usd, attempts, label "
        "FROM new_verdicts ORDER BY id",
    ),
    "run_examples": (
        f"{_PLACE}, example_key TEXT NOT NULL REFERENCES examples (key), repeats INTEGER NOT NULL, "
        "PRIMARY KEY (run_id, position)",
        "SELECT run_id, position, example_key, repeats FROM new_run_examples",
    ),
    "run_responses": (
        f"{_PLACE}, repeat INTEGER NOT NULL, "
        "response_key TEXT NOT NULL REFERENCES responses (key), reused BOOLEAN NOT NULL, "
        "PRIMARY KEY (run_id, position, repeat)",
        "SELECT run_id, position, repeat, {key}, reused "
        "FROM new_run_responses JOIN new_responses ON id = response_id",
    ),
    "run_verdicts": (
        f"{_PLACE}, repeat INTEGER NOT NULL, criterion INTEGER NOT NULL, "
        "verdict_key TEXT NOT NULL REFERENCES verdicts (key), reused BOOLEAN NOT NULL, "
        "PRIMARY KEY (run_id, position, repeat, criterion)",
        "SELECT run_id, position, repeat, criterion, {key}, reused "
        "FROM new_run_verdicts JOIN new_verdicts ON id = verdict_id",
    ),
    "run_votes": (
        f"{_PLACE}, repeat INTEGER NOT NULL, criterion INTEGER NOT NULL, member INTEGER NOT NULL, "
        "role TEXT NOT NULL, grader TEXT NOT NULL, "
        "verdict_key TEXT NOT NULL REFERENCES verdicts (key), reused BOOLEAN NOT NULL, "
        "PRIMARY KEY (run_id, position, repeat, criterion, member)",
        "SELECT run_id, position, repeat, criterion, member, role, grader, {key}, reused "
        "FROM new_run_votes JOIN new_verdicts ON id = verdict_id",
    ),
}
_KEY = {"sqlite": "lower(hex(key))", "postgresql": "encode(key, 'hex')"}


def to_format_5(connection: sa.Connection) -> None:
    """Turn a store of the present format into the one that format 5 would have been."""
    on_sqlite = connection.dialect.name == "sqlite"
    packed = "SELECT run_id, position, repeat FROM judged WHERE pack_id IS NOT NULL"
    for run, *place in connection.exec_driver_sql(packed).all():
        unpack(connection, run, [tuple(place)])
    for name in ("votes", "explained", "graded", "criteria"):
        connection.exec_driver_sql(f"DROP VIEW {name}")
    tables = sa.inspect(connection).get_table_names()
    for name in reversed(_TABLES):
        connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO new_{name}")
        if not on_sqlite:
            connection.exec_driver_sql(f"ALTER INDEX {name}_pkey RENAME TO new_{name}_pkey")
    for name, (columns, origin) in _TABLES.items():
        end = " WITHOUT ROWID" if on_sqlite and name.startswith("run_") else ""
        connection.exec_driver_sql(f"CREATE TABLE {name} ({columns}){end}")
        query = origin.format(key=_KEY[connection.dialect.name])
        connection.exec_driver_sql(f"INSERT INTO {name} {query}")
    kept = ("preceptor", "runs", "examples", "templates", "batches")
    newer = [name for name in tables if name not in _TABLES and name not in kept]
    for name in (*newer, *(f"new_{name}" for name in reversed(_TABLES))):
        cascade = "" if on_sqlite else " CASCADE"
        connection.exec_driver_sql(f"DROP TABLE {name}{cascade}")
    connection.exec_driver_sql("UPDATE preceptor SET value = '5' WHERE key = 'format'")
