"""Tables of what is to be labelled, and of the labels. All are projections."""

from __future__ import annotations

import sqlalchemy as sa

from preceptor.studio.ledger.tables import metadata, projection

__all__ = ["answers", "labels", "practices", "pulls", "qualifications", "units"]

pulls = projection(
    sa.Table(
        "label_pull",
        metadata,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
        # The run of the run store: the name that nothing else has, and the one that people read.
        sa.Column("scope", sa.Text, nullable=False, index=True),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("benchmark", sa.Text, nullable=False),
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("grader", sa.Text, nullable=False),
        sa.Column("way", sa.Text, nullable=False),
    )
)

#: Answers of a pull, with the tasks that they are answers to.
answers = projection(
    sa.Table(
        "label_answer",
        metadata,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("pull", sa.Text, nullable=False, index=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),  # JSON of PulledAnswer
    )
)

#: One criterion of one answer.
units = projection(
    sa.Table(
        "label_unit",
        metadata,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("pull", sa.Text, nullable=False, index=True),
        # The order in which units are given out.
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("criterion", sa.Integer, nullable=False),
        # The same in every run that has the answer and the criterion.
        sa.Column("mark", sa.Text, nullable=False, index=True),
        # The task of this studio; empty where it is of no task here.
        sa.Column("item", sa.Text, nullable=False, index=True),
        sa.Column("specialty", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        # What the grader says.
        sa.Column("met", sa.Boolean),
        sa.Column("probability", sa.Float),
        # With which chance it was drawn; null where it was not drawn.
        sa.Column("chance", sa.Float),
        sa.Column("seats", sa.Integer, nullable=False),
        # What is right, where the unit is there to check people.
        sa.Column("gold", sa.Boolean),
        sa.Column("explanation", sa.Text, nullable=False),
    )
)

labels = projection(
    sa.Table(
        "label",
        metadata,
        sa.Column("unit", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False, index=True),
        sa.Column("said", sa.Text, nullable=False),  # met, not_met, cannot_tell
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
    )
)

#: What people said of units with a known answer to qualify. These are not labels.
practices = projection(
    sa.Table(
        "practice",
        metadata,
        sa.Column("unit", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("said", sa.Text, nullable=False),  # met, not_met, cannot_tell
        sa.Column("reason", sa.Text, nullable=False),
    )
)

#: Attempts to qualify as a labeller that have ended.
qualifications = projection(
    sa.Table(
        "qualification",
        metadata,
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("person", sa.Text, nullable=False, index=True),
        sa.Column("outcome", sa.Text, nullable=False),  # passed, failed
        # Units that were right, and all; 0 of 0 where a lead let the person begin.
        sa.Column("right", sa.Integer, nullable=False),
        sa.Column("units", sa.Integer, nullable=False),
    )
)
