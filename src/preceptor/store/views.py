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
#: Verdicts that are rows, and the answers that they are about.
_ROWS = """
    FROM runs r
    JOIN run_verdicts v ON v.run_id = r.id
    JOIN run_examples x ON x.run_id = v.run_id AND x.position = v.position
    JOIN criteria c ON c.example_key = x.example_key AND c.criterion = v.criterion
    JOIN verdicts d ON d.id = v.verdict_id
    JOIN run_responses a
      ON a.run_id = v.run_id AND a.position = v.position AND a.repeat = v.repeat
    JOIN responses p ON p.id = a.response_id
    """
#: Verdicts that are packed.
_PACKED = """
    FROM runs r
    JOIN judged j ON j.run_id = r.id AND j.pack_id IS NOT NULL
    JOIN run_examples x ON x.run_id = j.run_id AND x.position = j.position
    JOIN criteria c ON c.example_key = x.example_key
    JOIN run_responses a
      ON a.run_id = j.run_id AND a.position = j.position AND a.repeat = j.repeat
    JOIN responses p ON p.id = a.response_id
    """
_GRADED_ON_POSTGRESQL = f"""
    CREATE VIEW graded AS
    SELECT r.name AS run, c.example_id, v.repeat, v.criterion, c.text, c.points, c.tags,
           d.met, d.reason, d.explanation, p.text AS response, d.label
    {_ROWS}
    """
_GRADED_ON_SQLITE = f"""
    CREATE VIEW graded AS
    SELECT r.name AS run, c.example_id, v.repeat, v.criterion, c.text, c.points, c.tags,
           d.met, d.reason, d.explanation,
           CASE typeof(p.text) WHEN 'text' THEN p.text END AS response, d.label
    {_ROWS}
    UNION ALL
    SELECT r.name, c.example_id, j.repeat, c.criterion, c.text, c.points, c.tags,
           CASE substr(j.met, c.criterion + 1, 1) WHEN '1' THEN 1 WHEN '0' THEN 0 END,
           json_extract(j.more, '$[' || c.criterion || '][1]'), NULL,
           CASE typeof(p.text) WHEN 'text' THEN p.text END,
           json_extract(j.more, '$[' || c.criterion || '][0]')
    {_PACKED}
    """
_EXPLAINED_ON_POSTGRESQL = f"""
    CREATE VIEW explained AS
    SELECT r.name AS run, c.example_id, v.repeat, v.criterion, d.explanation, p.text AS response
    {_ROWS}
    """
#: A text is a blob where it is compressed, to no less than a thousandth.
_TEXT = (
    "CASE typeof({0}) WHEN 'text' THEN {0} "
    "ELSE CAST(sqlar_uncompress({0}, 1100 * length({0})) AS TEXT) END"
)
_EXPLAINED_ON_SQLITE = f"""
    CREATE VIEW explained AS
    SELECT r.name AS run, c.example_id, v.repeat, v.criterion, d.explanation,
           {_TEXT.format("p.text")} AS response
    {_ROWS}
    UNION ALL
    SELECT r.name, c.example_id, j.repeat, c.criterion,
           json_extract({_TEXT.format("k.data")}, '$[' || (j.first + c.criterion) || '][2]'),
           {_TEXT.format("p.text")}
    {_PACKED} JOIN packed_verdicts k ON k.id = j.pack_id
    """
_VOTES = """
    CREATE VIEW votes AS
    SELECT r.name AS run, e.example_id, v.repeat, v.criterion, v.member, v.role, v.grader,
           d.met, d.reason, d.probability, d.explanation, d.label
    FROM runs r
    JOIN run_votes v ON v.run_id = r.id
    JOIN run_examples x ON x.run_id = v.run_id AND x.position = v.position
    JOIN examples e ON e.key = x.example_key
    JOIN verdicts d ON d.id = v.verdict_id
    """
_ON_SQLITE = (_CRITERIA_ON_SQLITE, _GRADED_ON_SQLITE, _EXPLAINED_ON_SQLITE, _VOTES)
_ON_POSTGRESQL = (
    *(_CRITERIA_ON_POSTGRESQL, _GRADED_ON_POSTGRESQL, _EXPLAINED_ON_POSTGRESQL, _VOTES),
)


def create_views(connection: Connection) -> None:
    """Make the views that users query."""
    on_sqlite = connection.dialect.name == "sqlite"
    for view in _ON_SQLITE if on_sqlite else _ON_POSTGRESQL:
        connection.exec_driver_sql(view)


def drop_views(connection: Connection) -> None:
    """Take them away, such as before their tables are changed."""
    for name in ("votes", "explained", "graded", "criteria"):
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
