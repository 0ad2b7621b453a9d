"""The views that users query. They are documented in docs/store.md."""

from __future__ import annotations

from sqlalchemy import Connection

__all__ = ["create_views", "drop_views"]

_CRITERIA_ON_SQLITE = """
    CREATE VIEW criteria AS
    SELECT e.key AS example_key, e.example_id, j.key AS criterion,
           json_extract(j.value, '$.text') AS text,
           json_extract(j.value, '$.points') AS points,
           json_extract(j.value, '$.tags') AS tags
    FROM examples e, json_each(e.data, '$.criteria') j
    """
# No NUL can be in a text of PostgreSQL's, not even written as in JSON.
_CRITERIA_ON_POSTGRESQL = """
    CREATE VIEW criteria AS
    SELECT e.key AS example_key, e.example_id, CAST(j.number - 1 AS integer) AS criterion,
           j.value ->> 'text' AS text,
           CAST(j.value ->> 'points' AS double precision) AS points,
           j.value ->> 'tags' AS tags
    FROM examples e
    CROSS JOIN LATERAL jsonb_array_elements(
        CAST(replace(e.data, '\\u0000', '\\ufffd') AS jsonb) -> 'criteria'
    ) WITH ORDINALITY j (value, number)
    """
_VIEWS = (
    """
    CREATE VIEW graded AS
    SELECT r.name AS run, c.example_id, v.repeat, v.criterion, c.text, c.points, c.tags,
           d.met, d.reason, d.explanation, p.text AS response, d.label
    FROM runs r
    JOIN run_verdicts v ON v.run_id = r.id
    JOIN run_examples x ON x.run_id = v.run_id AND x.position = v.position
    JOIN criteria c ON c.example_key = x.example_key AND c.criterion = v.criterion
    JOIN verdicts d ON d.id = v.verdict_id
    JOIN run_responses a
      ON a.run_id = v.run_id AND a.position = v.position AND a.repeat = v.repeat
    JOIN responses p ON p.id = a.response_id
    """,
    """
    CREATE VIEW votes AS
    SELECT r.name AS run, e.example_id, v.repeat, v.criterion, v.member, v.role, v.grader,
           d.met, d.reason, d.probability, d.explanation, d.label
    FROM runs r
    JOIN run_votes v ON v.run_id = r.id
    JOIN run_examples x ON x.run_id = v.run_id AND x.position = v.position
    JOIN examples e ON e.key = x.example_key
    JOIN verdicts d ON d.id = v.verdict_id
    """,
)


def create_views(connection: Connection) -> None:
    """Make the views that users query."""
    on_sqlite = connection.dialect.name == "sqlite"
    for view in (_CRITERIA_ON_SQLITE if on_sqlite else _CRITERIA_ON_POSTGRESQL, *_VIEWS):
        connection.exec_driver_sql(view)


def drop_views(connection: Connection) -> None:
    """Take them away, such as before their tables are changed."""
    for name in ("votes", "graded", "criteria"):
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
