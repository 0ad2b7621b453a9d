"""The tables of the workspace. They are documented in docs/store.md and meant to be queried."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from preceptor.store.column_types import Compressed, Key, Truth
from preceptor.store.listing import FORMAT

__all__ = [
    "FORMAT",
    "TOOK",
    "answered",
    "batches",
    "blobs",
    "calls",
    "examples",
    "given",
    "judged",
    "metadata",
    "packed_keys",
    "packed_verdicts",
    "responses",
    "run_examples",
    "run_responses",
    "run_systems",
    "run_verdicts",
    "run_votes",
    "runs",
    "stored",
    "templates",
    "turns",
    "verdicts",
]

metadata = MetaData()
#: An endpoint may claim any number of tokens. SQLite's integers have 64 bits anyway.
Count = Integer().with_variant(BigInteger, "postgresql")


def _number() -> Column[int]:
    """The number of a row, in the order of writing."""
    return Column("id", Integer().with_variant(BigInteger, "postgresql"), primary_key=True)


def _place() -> list[Column[int]]:
    """An answer of a run: position of the example and repeat, from 0."""
    return [
        Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
        Column("position", Integer, nullable=False),
        Column("repeat", Integer, nullable=False),
    ]


def _tokens() -> list[Column[int]]:
    names = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")
    return [Column(name, Count, nullable=False, default=0) for name in names]


def _origin() -> list[Column[str]]:
    return [
        Column("served_model", Text),  # that the reply names
        Column("created_at", Text),  # UTC, ISO 8601; NULL where that was not recorded
    ]


#: What verdicts took together: how many they are, dollars, how many have no price, tokens.
TOOK = ("asked", "cost_usd", "unpriced", *(column.name for column in _tokens()))


def _took(prefix: str) -> list[Column[Any]]:
    return [
        Column(prefix + name, Float if name == "cost_usd" else Count, nullable=False)
        for name in TOOK
    ]


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
    _number(),
    Column("key", Key, nullable=False, unique=True),  # of prompt, system, parameters, repeat
    Column("text", Compressed, nullable=False),
    Column("finish_reason", Text, nullable=False),
    Column("sent", Text),  # JSON messages, where they differ from the example's
    Column("failure", Text),  # NULL for an answer
    Column("detail", Text, nullable=False),
    *_tokens(),
    Column("latency_s", Float, nullable=False),
    Column("cost_usd", Float),
    Column("reasoning_length", Count),  # characters; NULL where no reasoning text came
    Column("length", Count),  # characters of the answer; NULL where its text must be read for that
    Column("state", Text),  # JSON: what the environment was left in
    Column("stop_reason", Text),
    *_origin(),
)

verdicts = Table(
    "verdicts",
    metadata,
    _number(),
    Column("key", Key, nullable=False, unique=True),  # of rendered prompt, grader, parameters
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
    *_origin(),
)

#: Whether a response is an answer, and whether a verdict says anything: if not, it is asked again.
answered = responses.c.failure.is_(None)
given = verdicts.c.met.is_not(None) | verdicts.c.label.is_not(None)

turns = Table(
    "turns",
    metadata,
    Column("response_id", ForeignKey("responses.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),  # from 0
    Column("data", Text, nullable=False),  # JSON: message, party, usage, cost_usd, latency_s, at
    PrimaryKeyConstraint("response_id", "number"),
    sqlite_with_rowid=False,
)

blobs = Table(
    "blobs",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("bytes", LargeBinary, nullable=False),
)

calls = Table(
    "calls",
    metadata,
    Column("key", Key, primary_key=True),  # of the answer or verdict that is asked for
    Column("owner", Text, nullable=False),  # JSON: the process that asks
    Column("since", Float, nullable=False),  # its last sign of life, seconds since 1970
)

run_systems = Table(
    "run_systems",
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("role", Text, nullable=False),  # system, patient, grader
    Column("address", Text, nullable=False),
    Column("parameters", Text, nullable=False),  # JSON
    PrimaryKeyConstraint("run_id", "role"),
    sqlite_with_rowid=False,
)

run_examples = Table(
    "run_examples",
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("example_key", ForeignKey("examples.key"), nullable=False),
    Column("repeats", Integer, nullable=False),  # answers asked for
    Column("criteria", Integer, nullable=False),  # how many the example has
    PrimaryKeyConstraint("run_id", "position"),
    sqlite_with_rowid=False,
)

run_responses = Table(
    "run_responses",
    metadata,
    *_place(),
    Column("response_id", ForeignKey("responses.id"), nullable=False),
    Column("reused", Truth, nullable=False),  # taken from an earlier run, not paid for again
    PrimaryKeyConstraint("run_id", "position", "repeat"),
    sqlite_with_rowid=False,
)

run_verdicts = Table(
    "run_verdicts",
    metadata,
    *_place(),
    Column("criterion", Integer, nullable=False),  # index in the example's criteria
    Column("verdict_id", ForeignKey("verdicts.id"), nullable=False, index=True),
    Column("reused", Truth, nullable=False),
    PrimaryKeyConstraint("run_id", "position", "repeat", "criterion"),
    sqlite_with_rowid=False,
)

judged = Table(
    "judged",
    metadata,
    *_place(),
    Column("met", Text, nullable=False),  # a character for each criterion: 1, 0, or - for a label
    Column("more", Text),  # JSON: label, reason and probability of each; NULL where none has any
    *_took(""),  # what the run paid for
    *_took("reused_"),
    Column("pack_id", ForeignKey("packed_verdicts.id")),  # NULL: the verdicts are rows
    Column("first", Integer),  # place in the pack of the first verdict
    Column("reused", Text),  # of a packed answer, 1 or 0 for each criterion; NULL: all are 0
    PrimaryKeyConstraint("run_id", "position", "repeat"),
    sqlite_with_rowid=False,
)

packed_verdicts = Table(
    "packed_verdicts",
    metadata,
    _number(),
    Column("data", LargeBinary, nullable=False),  # zlib of JSON: the verdicts of some answers
)

packed_keys = Table(
    "packed_keys",
    metadata,
    Column("key", Key, primary_key=True),  # as in verdicts
    Column("pack_id", ForeignKey("packed_verdicts.id"), nullable=False),
    Column("place", Integer, nullable=False),  # in the pack, from 0
    sqlite_with_rowid=False,
)

run_votes = Table(
    "run_votes",
    metadata,
    *_place(),
    Column("criterion", Integer, nullable=False),
    Column("member", Integer, nullable=False),  # of the jury or cascade, from 0
    Column("role", Text, nullable=False),  # juror, cheap, strong, audit
    Column("grader", Text, nullable=False),  # the member's address
    Column("verdict_id", ForeignKey("verdicts.id"), nullable=False, index=True),
    Column("reused", Truth, nullable=False),
    PrimaryKeyConstraint("run_id", "position", "repeat", "criterion", "member"),
    sqlite_with_rowid=False,
)
