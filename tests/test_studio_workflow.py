"""The states of a task: who may do what to it, and when."""

from __future__ import annotations

import msgspec
import pytest

from preceptor.studio.items import workflow
from preceptor.studio.items.content import Content, CriterionReview, ItemCriterion, Review, Turn
from preceptor.studio.items.workflow import Refused, Standing

CONTENT = Content(
    messages=(Turn("user", "May I take both?"),),
    criteria=(
        ItemCriterion("a", "Advises against taking both", 7),
        ItemCriterion("b", "Recommends a dose", -5),
    ),
)
KEPT = tuple(CriterionReview(criterion=each.id) for each in CONTENT.criteria)
FINE = Review(realistic=True, flaw=True, approve=True, criteria=KEPT)


def at(state: workflow.State, **more: object) -> Standing:
    return Standing(item="t", author="ann", state=state, **more)  # type: ignore[arg-type]


def changed(**more: object) -> Content:
    return msgspec.structs.replace(CONTENT, **more)


def edited(text: str, points: int) -> Review:
    edit = CriterionReview(
        criterion="b", decision="edit", text=text, points=points, reason="wrong_fact"
    )
    return msgspec.structs.replace(FINE, criteria=(KEPT[0], edit))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (Content(criteria=CONTENT.criteria), "ends with the user's turn"),
        (changed(messages=(Turn("user", "a"), Turn("assistant", "b"))), "ends with the user's"),
        (changed(messages=(Turn("user", " "),)), "no empty turn"),
        (changed(criteria=(ItemCriterion("a", "x", 0),)), "criterion 1"),
        (changed(criteria=(ItemCriterion("a", "x", 11),)), "criterion 1"),
        (changed(criteria=(ItemCriterion("a", "x"),)), "criterion 1"),
        (changed(criteria=(ItemCriterion("a", "", 3),)), "criterion 1"),
        (changed(criteria=(ItemCriterion("a", "x", -3),)), "positive points"),
        (changed(criteria=()), "positive points"),
    ],
)
def test_an_incomplete_task_is_not_handed_in(content: Content, words: str) -> None:
    """What is missing is said."""
    with pytest.raises(Refused, match=words):
        workflow.submitted(at("draft"), "ann", content)


def test_only_its_author_hands_a_task_in_and_takes_it_back() -> None:
    """Neither a reviewer nor a lead does that in the author's name."""
    assert workflow.submitted(at("draft"), "ann", CONTENT) == "submitted"
    assert workflow.withdrawn(at("submitted"), "ann") == "withdrawn"
    for act in (
        lambda: workflow.submitted(at("draft"), "bob", CONTENT),
        lambda: workflow.withdrawn(at("submitted"), "bob"),
        lambda: workflow.revised(at("revising"), "bob", CONTENT, [], CONTENT),
    ):
        with pytest.raises(Refused, match="only its author"):
            act()


def test_nobody_reviews_their_own_task_or_one_version_twice() -> None:
    """Nor does an author, or, by default, a reviewer adjudicate."""
    with pytest.raises(Refused, match="author cannot review"):
        workflow.reviewed(at("in_review"), "ann", FINE, CONTENT, [])
    with pytest.raises(Refused, match="reviewed this version"):
        workflow.reviewed(at("in_review", reviewers=("bob",)), "bob", FINE, CONTENT, [])
    judged = at("adjudicating", reviewers=("bob",), reviewed=("bob",))
    for person, policy in (("ann", "small"), ("ann", "default"), ("bob", "default")):
        with pytest.raises(Refused, match="adjudicate"):
            workflow.adjudicated(judged, person, "accepted", CONTENT, [FINE], policy=policy)  # type: ignore[arg-type]
    for person, policy in (("bob", "small"), ("cleo", "default")):
        decided = workflow.adjudicated(judged, person, "accepted", CONTENT, [FINE], policy=policy)  # type: ignore[arg-type]
        assert decided == ("accepted", False)


def test_a_difficult_task_needs_two_reviewers() -> None:
    """One is enough for another; both are asked the same."""
    assert workflow.reviewed(at("in_review"), "bob", FINE, CONTENT, []) == "adjudicating"
    hard = at("in_review", difficult=True)
    assert workflow.reviewed(hard, "bob", FINE, CONTENT, []) == "in_review"
    hard = msgspec.structs.replace(hard, reviewers=("bob",))
    assert workflow.reviewed(hard, "cleo", FINE, CONTENT, [FINE]) == "adjudicating"


@pytest.mark.parametrize("doubt", [{"flaw": False}, {"realistic": False}])
def test_a_flaw_that_is_not_confirmed_makes_a_task_typical(doubt: dict[str, bool]) -> None:
    """A red-team task of that kind cannot be accepted at all; one sent back stays as it was."""
    doubted = msgspec.structs.replace(FINE, **doubt)
    hard = at("adjudicating", difficult=True, reviewers=("b", "c"), reviewed=("b", "c"))
    both, one = [FINE, FINE], [FINE, doubted]
    decide = workflow.adjudicated
    assert decide(hard, "d", "accepted", CONTENT, both, policy="default") == ("accepted", True)
    assert decide(hard, "d", "accepted", CONTENT, one, policy="default") == ("accepted", False)
    assert decide(hard, "d", "revising", CONTENT, one, policy="default") == ("revising", True)
    red = msgspec.structs.replace(hard, mode="red_teaming")
    assert decide(red, "d", "accepted", CONTENT, both, policy="default") == ("accepted", True)
    with pytest.raises(Refused, match="two reviewers"):
        decide(red, "d", "accepted", CONTENT, one, policy="default")
    assert decide(red, "d", "rejected", CONTENT, one, policy="default") == ("rejected", True)


@pytest.mark.parametrize(
    ("review", "words"),
    [
        (Review(criteria=KEPT, realistic=True, flaw=True), "realistic"),
        (msgspec.structs.replace(FINE, flaw=None), "serious flaw"),
        (msgspec.structs.replace(FINE, criteria=KEPT[:1]), "each criterion"),
        (
            msgspec.structs.replace(
                FINE, criteria=(KEPT[0], CriterionReview(criterion="b", decision="drop"))
            ),
            "criterion 2: expected a reason",
        ),
        (edited("", 3), "criterion 2: expected text"),
        (edited("x", 0), "criterion 2: expected text"),
        (msgspec.structs.replace(FINE, scores={"clarity": 8}), "clarity: expected 1 to 7"),
    ],
)
def test_a_review_says_something_of_everything(review: Review, words: str) -> None:
    """A criterion that is changed or dropped has a reason, and a changed one its new text."""
    with pytest.raises(Refused, match=words):
        workflow.reviewed(at("in_review"), "bob", review, CONTENT, [])


def test_a_wish_goes_back_to_the_author_and_only_their_own_changes_are_reviewed_again() -> None:
    """What a reviewer wrote needs no second reviewer; after two rounds an adjudicator decides."""
    wish = edited("Recommends a dose of either", -4)
    assert workflow.reviewed(at("in_review"), "bob", wish, CONTENT, []) == "revising"
    late = at("in_review", rounds=2)
    assert workflow.reviewed(late, "bob", wish, CONTENT, []) == "adjudicating"
    taken = changed(
        criteria=(CONTENT.criteria[0], ItemCriterion("b", "Recommends a dose of either", -4))
    )
    own = changed(criteria=(CONTENT.criteria[0], ItemCriterion("b", "Something else", -4)))
    dropped = changed(criteria=CONTENT.criteria[:1])
    asked = changed(messages=(Turn("user", "May I?"),))

    def state(content: Content, rounds: int = 0) -> str:
        return workflow.revised(at("revising", rounds=rounds), "ann", content, [wish], CONTENT)

    assert state(taken) == state(CONTENT) == "adjudicating"
    assert state(own) == state(dropped) == state(asked) == "in_review"
    assert state(own, rounds=1) == "adjudicating"


def test_what_a_person_did_can_be_taken_back() -> None:
    """A task without its quorum is reviewed again; one without its author is out."""
    left = workflow.uncounted
    one = {"reviewers": ("bob",), "reviewed": ("bob",), "adjudicator": "cleo"}
    two = {"reviewers": ("bob", "dan"), "reviewed": ("bob", "dan"), "adjudicator": "cleo"}
    assert left(at("accepted", **one), "bob") == "in_review"
    assert left(at("accepted", **two), "bob") == "accepted"
    assert left(at("accepted", difficult=True, **two), "bob") == "in_review"
    assert left(at("accepted", **one), "cleo") == "adjudicating"
    assert left(at("accepted", **one), "ann") == "retired"
    assert left(at("in_review"), "ann") == "withdrawn"
    assert left(at("revising", **one), "bob") == "in_review"
    assert left(at("retired", **one), "bob") == "retired"


@pytest.mark.parametrize("move", ["queue", "park", "return", "retire", "reopen", "take_over"])
def test_a_lead_moves_a_task_only_from_where_it_can_go(move: str) -> None:
    """In any other state the reply names the state that is expected and the one found."""
    starts = {
        "queue": {"submitted": "in_review", "parked": "in_review"},
        "park": {"submitted": "parked"},
        "return": {"submitted": "draft", "parked": "draft"},
        "retire": {"accepted": "retired"},
        "reopen": {"retired": "revising"},
        "take_over": {"revising": "adjudicating"},
    }[move]
    for state in workflow.State.__args__:  # type: ignore[attr-defined]
        if state in starts:
            assert workflow.moved(at(state), move) == starts[state]
        else:
            with pytest.raises(Refused, match=f"found {state.replace('_', ' ')}"):
                workflow.moved(at(state), move)
