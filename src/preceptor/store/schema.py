"""The tables of the workspace. They are documented in docs/store.md and meant to be queried."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

__all__ = [
    "FORMAT",
    "batches",
    "examples",
    "metadata",
    "responses",
    "run_examples",
    "run_responses",
    "run_verdicts",
    "run_votes",
    "runs",
    "stored",
    "templates",
    "truth",
    "verdicts",
]

#: Version of the tables. A change of them is a new number and an entry in MIGRATIONS.
FORMAT = 5

metadata = MetaData()
#: An endpoint may claim any number of tokens. SQLite's integers have 64 bits anyway.
Count = Integer().with_variant(BigInteger, "postgresql")


def truth(value: object) -> bool | None:
    """A truth value of a database. SQLite takes any value in any column.

    Raises
    ------
    ValueError
        Neither 0 nor 1.
    """
    if value is None:
        return None
    if value not in (0, 1):
        raise ValueError(value)
    return bool(value)


class Truth(Boolean):
    """A column of truth values that are checked when they are read."""

    cache_ok = True

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[object], bool | None] | None:
        del coltype
        return None if dialect.supports_native_boolean else truth


def _tokens() -> list[Column[int]]:
    names = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")
    return [Column(name, Count, nullable=False, default=0) for name in names]


stored = Table(
    "preceptor",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("benchmark", Text, nullable=False),
    Column("system", Text, nullable=False),
    Column("grader", Text, nullable=False),
    Column("status", Text, nullable=False),  # running, interrupted, incomplete, done
    Column("created_at", Text, nullable=False),  # UTC, ISO 8601
    Column("n_examples", Integer, nullable=False),
    Column("repeats", Integer, nullable=False),
    Column("settings", Text, nullable=False),  # JSON
    Column("owner", Text),  # the process at work on it
    Column("heartbeat", Float),  # its last sign of life, seconds since 1970
)

batches = Table(
    "batches",
    metadata,
    Column("mark", Text, primary_key=True),  # our name for it
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("provider", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("batch_id", Text),  # the provider's name for it; NULL until that is known
    Column("state", Text, nullable=False),  # intended, open, cancelled, failed, settled
    Column("requests", Integer, nullable=False),
    Column("submitted_at", Text, nullable=False),  # UTC, ISO 8601
    Column("preceding", Text, nullable=False),  # the provider's latest batch before, or ''
    Column("custom_ids", Text, nullable=False),  # JSON: requests whose results are not kept yet
)

examples = Table(
    "examples",
    metadata,
    Column("key", Text, primary_key=True),  # hash of the content
    Column("example_id", Text, nullable=False, index=True),
    Column("data", Text, nullable=False),  # JSON: messages, criteria, tags, physician
)

templates = Table(
    "templates",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("text", Text, nullable=False),
)

responses = Table(
    "responses",
    metadata,
    Column("key", Text, primary_key=True),  # hash of prompt, system, parameters, repeat
    Column("text", Text, nullable=False),
    Column("finish_reason", Text, nullable=False),
    Column("sent", Text),  # JSON messages, where they differ from the example's
    Column("failure", Text),  # NULL for an answer
    Column("detail", Text, nullable=False),
    *_tokens(),
    Column("latency_s", Float, nullable=False),
    Column("cost_usd", Float),
    Column("reasoning_length", Count),  # characters; NULL where no reasoning text came
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("key", Text, primary_key=True),  # hash of rendered prompt, grader, parameters
    Column("met", Truth),  # NULL: ungraded, see reason
    Column("explanation", Text, nullable=False),
    Column("reason", Text),
    Column("detail", Text, nullable=False),
    Column("probability", Float),
    *_tokens(),
    Column("latency_s", Float, nullable=False),
    Column("cost_usd", Float),
    Column("attempts", Integer, nullable=False),
    Column("label", Text),  # of graders that give labels or ordinals; met is then NULL
)

run_examples = Table(
    "run_examples",
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("example_key", ForeignKey("examples.key"), nullable=False),
    Column("repeats", Integer, nullable=False),  # answers asked for
    PrimaryKeyConstraint("run_id", "position"),
    sqlite_with_rowid=False,
)

run_responses = Table(
    "run_responses",
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("response_key", ForeignKey("responses.key"), nullable=False),
    Column("reused", Truth, nullable=False),  # taken from an earlier run, not paid for again
    PrimaryKeyConstraint("run_id", "position", "repeat"),
    sqlite_with_rowid=False,
)

run_verdicts = Table(
    "run_verdicts",
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("criterion", Integer, nullable=False),  # index in the example's criteria
    Column("verdict_key", ForeignKey("verdicts.key"), nullable=False),
    Column("reused", Truth, nullable=False),
    PrimaryKeyConstraint("run_id", "position", "repeat", "criterion"),
    sqlite_with_rowid=False,
)

run_votes = Table(
    "run_votes",
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("criterion", Integer, nullable=False),
    Column("member", Integer, nullable=False),  # of the jury or cascade, from 0
    Column("role", Text, nullable=False),  # juror, cheap, strong, audit
    Column("grader", Text, nullable=False),  # the member's address
    Column("verdict_key", ForeignKey("verdicts.key"), nullable=False),
    Column("reused", Truth, nullable=False),
    PrimaryKeyConstraint("run_id", "position", "repeat", "criterion", "member"),
    sqlite_with_rowid=False,
)

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
    JOIN verdicts d ON d.key = v.verdict_key
    JOIN run_responses a
      ON a.run_id = v.run_id AND a.position = v.position AND a.repeat = v.repeat
    JOIN responses p ON p.key = a.response_key
    """,
    """
    CREATE VIEW votes AS
    SELECT r.name AS run, e.example_id, v.repeat, v.criterion, v.member, v.role, v.grader,
           d.met, d.reason, d.probability, d.explanation, d.label
    FROM runs r
    JOIN run_votes v ON v.run_id = r.id
    JOIN run_examples x ON x.run_id = v.run_id AND x.position = v.position
    JOIN examples e ON e.key = x.example_key
    JOIN verdicts d ON d.key = v.verdict_key
    """,
)


def create_tables(connection: Connection) -> None:
    """Make an empty workspace: tables, views and the version of the format."""
    metadata.create_all(connection)
    create_views(connection)
    connection.execute(stored.insert().values(key="format", value=str(FORMAT)))


def create_views(connection: Connection) -> None:
    """Make the views that users query, also in place of older ones."""
    on_sqlite = connection.dialect.name == "sqlite"
    for view in (_CRITERIA_ON_SQLITE if on_sqlite else _CRITERIA_ON_POSTGRESQL, *_VIEWS):
        if on_sqlite:
            connection.exec_driver_sql(f"DROP VIEW IF EXISTS {view.split()[2]}")
            connection.exec_driver_sql(view)
        else:  # takes new columns at the end
            connection.exec_driver_sql(view.replace("CREATE VIEW", "CREATE OR REPLACE VIEW"))
