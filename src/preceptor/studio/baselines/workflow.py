"""Who may answer a task, and what an answer must have. Pure: no database, no clock."""

from __future__ import annotations

from collections.abc import Collection

from preceptor.studio.baselines.acts import Answer
from preceptor.studio.items.workflow import Refused, Standing

__all__ = ["ATTESTATION", "GROUPS", "may_write", "written"]

#: 1: nothing is shown; 2 and 3: answers of systems, of two times (HealthBench, section 6).
GROUPS = ("1", "2", "3")
ATTESTATION = "I wrote this answer myself, without any AI; I may have searched the web."


def may_write(standing: Standing, person: str, involved: Collection[str]) -> bool:
    """Whether the task can be answered by this person, who must not have seen its rubric.

    ``involved`` are those who decided about it, or labelled answers to it.
    """
    seen = {standing.author, *standing.reviewed, *involved}
    return standing.state == "accepted" and person not in seen


def written(
    standing: Standing, person: str, involved: Collection[str], answer: Answer, *, attested: bool
) -> None:
    """Raise Refused unless the person may hand this answer in."""
    standing.expect("answer", "accepted")
    if not may_write(standing, person, involved):
        raise Refused(
            f"task {standing.item}: answer: you worked on this task, so you cannot answer it"
        )
    if not answer.text.strip():
        raise Refused("answer: expected a text, found none")
    if not attested:
        raise Refused("declaration: declare that you wrote the answer yourself, without any AI")
