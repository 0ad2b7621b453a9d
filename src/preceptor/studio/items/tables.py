"""Tables of tasks. All but ``answer``, ``draft`` and ``lease`` are projections of the events."""

from __future__ import annotations

import sqlalchemy as sa

from preceptor.studio.ledger.tables import metadata, projection

__all__ = [
    "answers",
    "decisions",
    "drafts",
    "imports",
    "items",
    "leases",
    "notes",
    "reviews",
    "skips",
    "versions",
]

items = projection(
    sa.Table(
        "item",
        metadata,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("author", sa.Text, nullable=False, index=True),
        sa.Column("state", sa.Text, nullable=False, index=True),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("use_case", sa.Text, nullable=False),
        sa.Column("specialty", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        # Address of the system whose answer is rated; empty before.
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("difficult", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("rounds", sa.Integer, nullable=False),
        # Event of the last change of state.
        sa.Column("since", sa.Integer, nullable=False),
    )
)

versions = projection(
    sa.Table(
        "item_version",
        metadata,
        sa.Column("item", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("person", sa.Text),
        sa.Column("seq", sa.Integer, nullable=False),
        # JSON of Content and of Rating.
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("rating", sa.Text, nullable=False),
    )
)

reviews = projection(
    sa.Table(
        "review",
        metadata,
        sa.Column("item", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),  # JSON of Review
        sa.Column("counts", sa.Boolean, nullable=False),
    )
)

decisions = projection(
    sa.Table(
        "decision",
        metadata,
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("item", sa.Text, nullable=False, index=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("person", sa.Text),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
    )
)

#: Tasks that came from a file, with what their content has no place for.
imports = projection(
    sa.Table(
        "imported",
        metadata,
        sa.Column("item", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        # JSON: a list, and PhysicianAnswer or null.
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("physician", sa.Text, nullable=False),
    )
)

#: Tasks that a person was offered and does not want.
skips = projection(
    sa.Table(
        "skip",
        metadata,
        sa.Column("item", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("work", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
    )
)

notes = projection(
    sa.Table(
        "guideline_note",
        metadata,
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("item", sa.Text, nullable=False),
        sa.Column("person", sa.Text),
        sa.Column("text", sa.Text, nullable=False),
    )
)

#: What is not handed in yet: of one person, on one task, for one kind of work.
drafts = sa.Table(
    "draft",
    metadata,
    sa.Column("item", sa.Text, primary_key=True),
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("rev", sa.Integer, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)

#: Live answers to what authors wrote: what is rated of them is in the version.
answers = sa.Table(
    "answer",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # of the job
    sa.Column("item", sa.Text, nullable=False, index=True),
    sa.Column("asked", sa.Text, nullable=False),  # digest of the conversation
    sa.Column("alias", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),  # in the run store
    sa.Column("system", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
)

#: Seats that are taken. Not a projection: a lease lapses, and nothing is lost with it.
leases = sa.Table(
    "lease",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("until", sa.Text, nullable=False, index=True),
    # Of the order in which answers and suggestions are shown.
    sa.Column("seed", sa.Integer, nullable=False),
)
