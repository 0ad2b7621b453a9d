"""The states of a task, and who may take it from one to the next. Pure: no database, no clock.

    draft → submitted → in_review → revising ⇄ in_review → adjudicating → accepted | rejected

One person has one role on a task: nobody reviews or adjudicates their own, and an adjudicator is no
reviewer of it (the policy ``small`` lets a reviewer adjudicate). An answer that its author rated 1
or 2 needs two reviewers who confirm, each without the other, that the answer is flawed and the
question realistic (HealthBench Professional, section 3).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, get_args

import msgspec

from preceptor.errors import InputError
from preceptor.studio.items.content import HIGHEST, SCORES, Content, Mode, Review

__all__ = [
    "MOST_ROUNDS",
    "Decision",
    "Policy",
    "Refused",
    "Standing",
    "State",
    "adjudicated",
    "imported",
    "moved",
    "moves",
    "reviewed",
    "revised",
    "submitted",
    "uncounted",
    "withdrawn",
]

State = Literal[
    "draft",
    "submitted",
    "parked",
    "in_review",
    "revising",
    "adjudicating",
    "accepted",
    "rejected",
    "withdrawn",
    "retired",
]
Policy = Literal["default", "small"]
Decision = Literal["accepted", "revising", "rejected"]
#: Revisions before an adjudicator has to decide.
MOST_ROUNDS = 2

#: What a lead or the sampler does → the states it starts in, and the one it ends in.
_MOVES: dict[str, tuple[tuple[State, ...], State]] = {
    "queue": (("submitted", "parked"), "in_review"),
    "park": (("submitted",), "parked"),
    "return": (("submitted", "parked"), "draft"),
    "retire": (("accepted",), "retired"),
    "reopen": (("retired",), "revising"),
    # Its author is gone, or does not answer: the adjudicator makes the changes.
    "take_over": (("revising",), "adjudicating"),
}


class Refused(InputError):
    """The task's state, or the person's part in it, does not allow this."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a task stands.

    Attributes
    ----------
    difficult
        Whether its author rated the answer 1 or 2, and nobody has found otherwise.
    reviewers
        Those whose reviews count for the text as it is.
    reviewed
        Everybody who has reviewed any version.
    adjudicator
        Who decided last; None before.
    rounds
        Revisions so far.
    """

    item: str
    author: str
    state: State = "draft"
    mode: Mode = "good_faith"
    difficult: bool = False
    version: int = 0
    reviewers: tuple[str, ...] = ()
    reviewed: tuple[str, ...] = ()
    adjudicator: str | None = None
    rounds: int = 0

    @property
    def needed(self) -> int:
        """Reviews that the present version must have."""
        return 2 if self.difficult else 1

    def expect(self, what: str, *states: State) -> None:
        """Raise Refused unless the task is in one of these states."""
        if self.state not in states:
            raise Refused(
                f"task {self.item}: {what}: expected one that is {_either(states)}, "
                f"found {_words(self.state)}: open it again to see where it stands"
            )


def submitted(standing: Standing, person: str, content: Content) -> State:
    """An author hands in a draft; what the content must have is checked by the linter."""
    standing.expect("submit", "draft")
    _own(standing, person, "submit")
    _is_complete(standing, content)
    return "submitted"


def moves(state: State) -> tuple[str, ...]:
    """What a lead can do with a task in that state."""
    return tuple(name for name, (states, _) in _MOVES.items() if state in states)


def imported(item: str, state: State, content: Content) -> State:
    """A task comes from a file; only as a draft may it lack anything."""
    if state != "draft":
        _is_complete(Standing(item=item, author=""), content)
    return state


def moved(standing: Standing, move: str) -> State:
    """A lead or the sampler queues, parks, returns, retires, reopens or takes over a task."""
    states, target = _MOVES[move]
    standing.expect(move, *states)
    return _revising(standing) if target == "revising" else target


def withdrawn(standing: Standing, person: str) -> State:
    """An author takes back what nobody has been asked to review."""
    standing.expect("withdraw", "draft", "submitted", "parked")
    _own(standing, person, "withdraw")
    return "withdrawn"


def reviewed(
    standing: Standing, person: str, review: Review, content: Content, earlier: Sequence[Review]
) -> State:
    """The state after one more review; ``earlier`` are the others of this version."""
    standing.expect("review", "in_review")
    if person == standing.author:
        raise Refused(f"task {standing.item}: review: its author cannot review it")
    if person in standing.reviewers:
        raise Refused(f"task {standing.item}: review: you have reviewed this version already")
    _is_whole(standing, review, content)
    if len(standing.reviewers) + 1 < standing.needed:
        return "in_review"
    asked = any(each.changes for each in (*earlier, review))
    return _revising(standing) if asked and standing.rounds < MOST_ROUNDS else "adjudicating"


def revised(
    standing: Standing, person: str, content: Content, reviews: Sequence[Review], before: Content
) -> State:
    """The state after a revision: only what a reviewer proposed needs no reviewer again."""
    standing.expect("revise", "revising")
    _own(standing, person, "revise")
    _is_complete(standing, content)
    settled = (
        reviews and content.messages == before.messages and _is_proposed(content, reviews, before)
    )
    return "adjudicating" if settled or standing.rounds + 1 >= MOST_ROUNDS else "in_review"


def adjudicated(
    standing: Standing,
    person: str,
    decision: Decision,
    content: Content,
    reviews: Sequence[Review],
    *,
    policy: Policy,
) -> tuple[State, bool]:
    """The state after a decision, and whether the task is still a difficult one.

    A difficult task whose flaw and realism were not both confirmed by all who reviewed it becomes
    a typical one; a red-team task of that kind can only be rejected.
    """
    standing.expect("adjudicate", "adjudicating")
    if person == standing.author:
        raise Refused(f"task {standing.item}: adjudicate: its author cannot adjudicate it")
    if person in standing.reviewed and policy != "small":
        raise Refused(
            f"task {standing.item}: adjudicate: you reviewed it, and this project's policy asks "
            f"for a third person"
        )
    if decision not in get_args(Decision):
        raise Refused(f"task {standing.item}: adjudicate: expected a decision")
    if decision == "revising" and _revising(standing) != decision:
        raise Refused(
            f"task {standing.item}: send back: it came from a file and has no author: accept it "
            f"with your changes, or reject it"
        )
    confirmed = len(reviews) >= standing.needed and all(each.confirms for each in reviews)
    difficult = standing.difficult and (confirmed or decision != "accepted")
    if decision == "accepted":
        _is_complete(standing, content)
        if standing.difficult and not difficult and standing.mode == "red_teaming":
            raise Refused(
                f"task {standing.item}: accept: a red-team task needs two reviewers who find its "
                f"answer flawed and its question realistic: reject it, or send it back"
            )
    return decision, difficult


def uncounted(standing: Standing, person: str) -> State:
    """The state of a task when all that a person did for it is taken back."""
    done = standing.state in ("accepted", "rejected")
    judged = done or standing.state in ("revising", "adjudicating")
    if person == standing.author:
        return "retired" if standing.state in ("accepted", "retired") else "withdrawn"
    left = [each for each in standing.reviewers if each != person]
    if person in standing.reviewers and len(left) < standing.needed:
        return "in_review" if judged else standing.state
    return "adjudicating" if done and person == standing.adjudicator else standing.state


def _revising(standing: Standing) -> State:
    """The state in which a task is changed: a task of nobody is the adjudicator's to change."""
    return "revising" if standing.author else "adjudicating"


def _own(standing: Standing, person: str, what: str) -> None:
    if person != standing.author:
        raise Refused(f"task {standing.item}: {what}: only its author can")


def _is_complete(standing: Standing, content: Content) -> None:
    """What no task can be without; the linter says more."""
    if not content.messages or content.messages[-1].role != "user":
        raise Refused(
            f"task {standing.item}: conversation: expected one that ends with the user's turn"
        )
    if any(not each.text.strip() for each in content.messages):
        raise Refused(f"task {standing.item}: conversation: expected no empty turn")
    for number, each in enumerate(content.criteria, 1):
        if not each.text.strip() or not each.points or not -10 <= each.points <= 10:
            raise Refused(
                f"task {standing.item}: criterion {number}: expected a text, and points from "
                f"-10 to 10 other than 0"
            )
    if not any((each.points or 0) > 0 for each in content.criteria):
        raise Refused(f"task {standing.item}: rubric: expected a criterion with positive points")


def _is_whole(standing: Standing, review: Review, content: Content) -> None:
    """A review says something of everything it is asked."""
    if review.realistic is None or review.flaw is None or review.approve is None:
        raise Refused(
            f"task {standing.item}: review: expected an answer to whether it is realistic, whether "
            f"the answer shown has a serious flaw, and whether it can go on"
        )
    if [each.criterion for each in review.criteria] != [each.id for each in content.criteria]:
        raise Refused(f"task {standing.item}: review: expected a decision on each criterion")
    for number, each in enumerate(review.criteria, 1):
        if each.decision != "keep" and not each.reason:
            raise Refused(f"task {standing.item}: criterion {number}: expected a reason")
        if each.decision == "edit" and (not each.text.strip() or not each.points):
            raise Refused(f"task {standing.item}: criterion {number}: expected text and points")
    for name, score in review.scores.items():
        if name not in SCORES or not 1 <= score <= HIGHEST:
            raise Refused(f"task {standing.item}: review: {name}: expected 1 to {HIGHEST}")


def _is_proposed(content: Content, reviews: Sequence[Review], before: Content) -> bool:
    """Whether each criterion stands as it was reviewed, or as a reviewer wrote it."""
    known: set[tuple[str, int | None]] = {(each.text, each.points) for each in before.criteria}
    dropped: set[str] = set()
    for review in reviews:
        known |= {(each.text, each.points) for each in review.added}
        known |= {(each.text, each.points) for each in review.criteria if each.decision == "edit"}
        dropped |= {each.criterion for each in review.criteria if each.decision == "drop"}
    left = {each.id for each in content.criteria}
    missing = {each.id for each in before.criteria} - left
    now = {(each.text, each.points) for each in content.criteria}
    return missing <= dropped and now <= known


def _either(states: Collection[State]) -> str:
    return " or ".join(_words(each) for each in states)


def _words(state: State) -> str:
    return state.replace("_", " ")
