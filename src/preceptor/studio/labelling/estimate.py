"""The score of a run if labellers had judged everything, from what was drawn and labelled."""

from __future__ import annotations

import sqlalchemy as sa

from preceptor.audit.checked import corrected_by
from preceptor.audit.marks import Mark
from preceptor.errors import InputError, shorten
from preceptor.records import Result
from preceptor.statistics.correction import Corrected
from preceptor.studio.labelling.tables import labels, pulls, units

__all__ = ["estimate"]

_MET = {"met": True, "not_met": False}


def estimate(connection: sa.Connection, result: Result) -> Corrected | None:
    """The corrected score of a run, on the 0–1 scale; None where the labels show too little.

    Units are given out in random order: so what is labelled so far is a random part of what was
    drawn, and its chance is the smaller by that part. What nobody can tell is taken to be like the
    rest.

    Raises InputError where nothing of the run was drawn.
    """
    scope = result.info.scope
    rows = connection.execute(
        sa.select(units.c.mark, units.c.chance, labels.c.person, labels.c.said)
        .join(pulls, pulls.c.id == units.c.pull)
        .outerjoin(labels, labels.c.unit == units.c.id)
        .where(pulls.c.scope == scope, units.c.chance.is_not(None))
    ).all()
    if not rows:
        name = shorten(result.info.name)
        raise InputError(f"run {name}: nothing of it was drawn: preceptor studio pull {name}")
    by_rater: dict[str, dict[str, Mark]] = {}
    votes = {row.mark: 0 for row in rows}
    for row in rows:
        if row.said in _MET:
            by_rater.setdefault(row.person, {})[row.mark] = Mark(_MET[row.said])
            votes[row.mark] += 1 if _MET[row.said] else -1
    told = {mark for marks in by_rater.values() for mark in marks if votes[mark]}
    share = len(told) / len(votes)
    drawn = {row.mark: row.chance * share for row in rows if row.mark in told}
    return corrected_by(result, by_rater, drawn)
