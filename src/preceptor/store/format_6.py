"""Format 6: answers and verdicts are numbered, and their keys are bytes.

What a migration makes is written out here: tables of later formats are others.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from preceptor.reasoning import said_in
from preceptor.store.column_types import key_bytes
from preceptor.store.judged import pack_all

__all__ = ["number_results"]

_OLD = ("run_votes", "run_verdicts", "run_responses", "run_examples", "verdicts", "responses")
_USAGE = """
    input_tokens {count} NOT NULL, output_tokens {count} NOT NULL, cached_tokens {count} NOT NULL,
    reasoning_tokens {count} NOT NULL, latency_s FLOAT NOT NULL, cost_usd FLOAT"""
_PLACE = """
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE, position INTEGER NOT NULL"""
_NUMBERED = """
CREATE TABLE responses (
    id {serial}, key {bytes} NOT NULL UNIQUE, text TEXT NOT NULL, finish_reason TEXT NOT NULL,
    sent TEXT, failure TEXT, detail TEXT NOT NULL, {usage}, reasoning_length {count},
    length {count}, state TEXT, stop_reason TEXT, served_model TEXT, created_at TEXT);
CREATE TABLE verdicts (
    id {serial}, key {bytes} NOT NULL UNIQUE, met BOOLEAN, explanation TEXT NOT NULL,
    reason TEXT, detail TEXT NOT NULL, probability FLOAT, {usage}, attempts INTEGER NOT NULL,
    label TEXT, served_model TEXT, created_at TEXT);
INSERT INTO responses (id, key, text, finish_reason, sent, failure, detail, input_tokens,
    output_tokens, cached_tokens, reasoning_tokens, latency_s, cost_usd, reasoning_length, length)
SELECT {id}, {key}, text, finish_reason, sent, failure, detail, input_tokens,
    output_tokens, cached_tokens, reasoning_tokens, latency_s, cost_usd, reasoning_length, {length}
FROM old_responses ORDER BY {id};
INSERT INTO verdicts (id, key, met, explanation, reason, detail, probability, input_tokens,
    output_tokens, cached_tokens, reasoning_tokens, latency_s, cost_usd, attempts, label)
SELECT {id}, {key}, met, explanation, reason, detail, probability, input_tokens,
    output_tokens, cached_tokens, reasoning_tokens, latency_s, cost_usd, attempts, label
FROM old_verdicts ORDER BY {id};
"""
_TOOK = """
    {0}asked {count} NOT NULL, {0}cost_usd FLOAT NOT NULL, {0}unpriced {count} NOT NULL,
    {0}input_tokens {count} NOT NULL, {0}output_tokens {count} NOT NULL,
    {0}cached_tokens {count} NOT NULL, {0}reasoning_tokens {count} NOT NULL"""
_LINKS = """
CREATE TABLE run_examples ({place}, example_key TEXT NOT NULL REFERENCES examples (key),
    repeats INTEGER NOT NULL, criteria INTEGER NOT NULL, PRIMARY KEY (run_id, position)){rowid};
CREATE TABLE run_responses ({place}, repeat INTEGER NOT NULL,
    response_id {count} NOT NULL REFERENCES responses (id), reused BOOLEAN NOT NULL,
    PRIMARY KEY (run_id, position, repeat)){rowid};
CREATE TABLE run_verdicts ({place}, repeat INTEGER NOT NULL, criterion INTEGER NOT NULL,
    verdict_id {count} NOT NULL REFERENCES verdicts (id), reused BOOLEAN NOT NULL,
    PRIMARY KEY (run_id, position, repeat, criterion)){rowid};
CREATE TABLE run_votes ({place}, repeat INTEGER NOT NULL, criterion INTEGER NOT NULL,
    member INTEGER NOT NULL, role TEXT NOT NULL, grader TEXT NOT NULL,
    verdict_id {count} NOT NULL REFERENCES verdicts (id), reused BOOLEAN NOT NULL,
    PRIMARY KEY (run_id, position, repeat, criterion, member)){rowid};
INSERT INTO run_examples SELECT l.run_id, l.position, l.example_key, l.repeats,
    {criteria} FROM old_run_examples l JOIN examples e ON e.key = l.example_key;
INSERT INTO run_responses SELECT l.run_id, l.position, l.repeat, n.{id}, l.reused
    FROM old_run_responses l JOIN old_responses n ON n.key = l.response_key;
INSERT INTO run_verdicts SELECT l.run_id, l.position, l.repeat, l.criterion, n.{id}, l.reused
    FROM old_run_verdicts l JOIN old_verdicts n ON n.key = l.verdict_key;
INSERT INTO run_votes
SELECT l.run_id, l.position, l.repeat, l.criterion, l.member, l.role, l.grader, n.{id}, l.reused
    FROM old_run_votes l JOIN old_verdicts n ON n.key = l.verdict_key;
"""
_NEW = """
CREATE TABLE turns (response_id {count} NOT NULL REFERENCES responses (id) ON DELETE CASCADE,
    number INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (response_id, number)){rowid};
CREATE TABLE judged ({place}, repeat INTEGER NOT NULL, met TEXT NOT NULL, more TEXT, {took},
    {took_reused}, PRIMARY KEY (run_id, position, repeat));
CREATE TABLE blobs (
    sha256 TEXT NOT NULL PRIMARY KEY, media_type TEXT NOT NULL, bytes {bytes} NOT NULL);
CREATE TABLE calls (key {bytes} NOT NULL PRIMARY KEY, owner TEXT NOT NULL, since FLOAT NOT NULL);
CREATE TABLE run_systems (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE, role TEXT NOT NULL,
    address TEXT NOT NULL, parameters TEXT NOT NULL, PRIMARY KEY (run_id, role)){rowid};
INSERT INTO run_systems SELECT id, 'system', system, {system_parameters} FROM runs;
INSERT INTO run_systems SELECT id, 'grader', grader, {grader_parameters} FROM runs
    WHERE grader <> 'none';
"""

_SQLITE = {
    "serial": "INTEGER NOT NULL PRIMARY KEY",
    "bytes": "BLOB",
    "count": "INTEGER",
    "rowid": " WITHOUT ROWID",
    "id": "rowid",
    "key": "key_bytes(key)",
    "length": "answer_length(text)",
    "criteria": "CASE WHEN json_valid(e.data) "
    "THEN coalesce(json_array_length(e.data, '$.criteria'), 0) ELSE 0 END",
    "system_parameters": "CASE WHEN json_valid(settings) "
    "THEN coalesce(json_extract(settings, '$.system_parameters'), '{}') ELSE '{}' END",
    "grader_parameters": "CASE WHEN json_valid(settings) "
    "THEN coalesce(json_extract(settings, '$.grader_parameters'), '{}') ELSE '{}' END",
}
_JSONB = "CAST(replace({}, '\\u0000', '\\ufffd') AS jsonb)"
_POSTGRESQL = {
    "serial": "BIGSERIAL PRIMARY KEY",
    "bytes": "BYTEA",
    "count": "BIGINT",
    "rowid": "",
    "id": "id",
    "length": "CAST(NULL AS BIGINT)",
    "key": "CASE WHEN key ~ '^[0-9a-f]{32}$' THEN decode(key, 'hex') ELSE convert_to(key, 'UTF8') "
    "|| decode(repeat('00', greatest(0, 17 - octet_length(key))), 'hex') END",
    "criteria": f"jsonb_array_length({_JSONB.format('e.data')} -> 'criteria')",
    "system_parameters": f"coalesce({_JSONB.format('settings')} ->> 'system_parameters', '{{}}')",
    "grader_parameters": f"coalesce({_JSONB.format('settings')} ->> 'grader_parameters', '{{}}')",
}


def _answer_length(text: object) -> int | None:
    """Characters of an answer; None where its text must be read for that."""
    if not isinstance(text, str) or not text.strip() or said_in(text) != text:
        return None
    return len(text)


def number_results(connection: sa.Connection) -> None:
    """Number answers and verdicts in the order of writing; make the tables that are new."""
    on_sqlite = connection.dialect.name == "sqlite"
    if on_sqlite:
        raw: Any = connection.connection.dbapi_connection
        raw.create_function("key_bytes", 1, key_bytes, deterministic=True)
        raw.create_function("answer_length", 1, _answer_length, deterministic=True)
        # Otherwise a rename fails on a user's view of a table that is gone.
        connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")
    for table in _OLD:
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO old_{table}")
        if not on_sqlite:
            connection.exec_driver_sql(f"ALTER INDEX {table}_pkey RENAME TO old_{table}_pkey")
    if not on_sqlite:
        for table in ("responses", "verdicts"):
            connection.exec_driver_sql(f"ALTER TABLE old_{table} ADD COLUMN id BIGSERIAL")
    words = dict(_SQLITE if on_sqlite else _POSTGRESQL)
    words |= {
        "place": _PLACE,
        "usage": _USAGE.format_map(words),
        "took": _TOOK.format("", **words),
        "took_reused": _TOOK.format("reused_", **words),
    }
    for statement in (_NUMBERED + _LINKS + _NEW).format_map(words).split(";"):
        if statement.strip():
            connection.exec_driver_sql(statement)
    pack_all(connection)
    for table in _OLD:
        connection.exec_driver_sql(f"DROP TABLE old_{table}")
    if on_sqlite:
        connection.exec_driver_sql("PRAGMA legacy_alter_table = OFF")
        return
    for table in ("responses", "verdicts"):
        last = (
            sa.select(sa.func.max(sa.column("id"))).select_from(sa.table(table)).scalar_subquery()
        )
        connection.execute(sa.select(sa.func.setval(f"{table}_id_seq", last)))
