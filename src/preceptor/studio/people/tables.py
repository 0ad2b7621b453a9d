"""Tables of people. Projections are ``project``, ``person``, ``membership`` and ``identity``.

The others prove who somebody is, and are not chained: they are worth nothing once they have
lapsed, and a copy of the events must not hold them.
"""

from __future__ import annotations

import sqlalchemy as sa

from preceptor.studio.ledger.tables import metadata, projection

__all__ = [
    "credentials",
    "identities",
    "invitations",
    "memberships",
    "persons",
    "projects",
    "sessions",
    "sign_ins",
    "spendings",
    "wrong_tries",
]

projects = projection(
    sa.Table(
        "project",
        metadata,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        # JSON lists of addresses: those that authors may ask, and all that they could ever ask;
        # aliases go by the second.
        sa.Column("systems", sa.Text, nullable=False),
        sa.Column("known", sa.Text, nullable=False),
        # Of previews; empty for none.
        sa.Column("grader", sa.Text, nullable=False),
        sa.Column("grader_params", sa.Text, nullable=False),  # JSON list of KEY=VALUE
        sa.Column("previews", sa.Text, nullable=False),  # all, half, none
        # Null for no cap.
        sa.Column("cap_usd", sa.Float),
        # Units with a known answer that a labeller does first; the share to get right.
        sa.Column("qualify", sa.Integer, nullable=False),
        sa.Column("pass_share", sa.Float, nullable=False),
        # Whether what people hand in is signed.
        sa.Column("signatures", sa.Boolean, nullable=False),
    )
)

persons = projection(
    sa.Table(
        "person",
        metadata,
        sa.Column("id", sa.Text, primary_key=True),
        # Both are empty once they are erased.
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False, index=True),
        sa.Column("joined", sa.Text, nullable=False),
    )
)

memberships = projection(
    sa.Table(
        "membership",
        metadata,
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("active", sa.Boolean, nullable=False),
        # Each a list in JSON.
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("specialties", sa.Text, nullable=False),
        sa.Column("languages", sa.Text, nullable=False),
        # JSON of Conflicts, and when they were declared; empty before.
        sa.Column("conflicts", sa.Text, nullable=False),
        sa.Column("declared", sa.Text, nullable=False),
    )
)

identities = projection(
    sa.Table(
        "identity",
        metadata,
        sa.Column("person", sa.Text, primary_key=True),
        # Digest of a provider's issuer and of the id that it has for the person.
        sa.Column("account", sa.Text, nullable=False, index=True),
    )
)

credentials = sa.Table(
    "credential",
    metadata,
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("password", sa.Text, nullable=False),  # argon2id with its parameters and salt
)

sessions = sa.Table(
    "session",
    metadata,
    # Shown, and named in events. What the browser has is kept as its digest alone.
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False, unique=True),
    sa.Column("person", sa.Text, nullable=False, index=True),
    # Seconds since 1970.
    sa.Column("begun", sa.Float, nullable=False),
    sa.Column("seen", sa.Float, nullable=False),
)

invitations = sa.Table(
    "invitation",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False, unique=True),
    # Whose password it sets anew; empty for somebody who is to join.
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("offer", sa.Text, nullable=False),  # JSON of Offer
    sa.Column("lapses", sa.Float, nullable=False),
)

#: What live answers and previews cost. Not chained: a sum that grows with each call.
spendings = sa.Table(
    "spending",
    metadata,
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("dollars", sa.Float, nullable=False),
)

#: Those who are at their provider, and come back with the state.
sign_ins = sa.Table(
    "sign_in",
    metadata,
    sa.Column("state", sa.Text, primary_key=True),  # digest
    sa.Column("browser", sa.Text, nullable=False),  # digest of its secret
    sa.Column("nonce", sa.Text, nullable=False),
    sa.Column("verifier", sa.Text, nullable=False),
    sa.Column("attempt", sa.Text, nullable=False),  # JSON of Attempt
    sa.Column("begun", sa.Float, nullable=False),
)

wrong_tries = sa.Table(
    "wrong_try",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),  # digest of an account's or a network address
    sa.Column("times", sa.Integer, nullable=False),
    sa.Column("last", sa.Float, nullable=False),
)
