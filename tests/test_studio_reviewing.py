"""Reviewing, adjudicating and the lead's board: forms, blindness, and who may open what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from preceptor.studio.items import commands
from preceptor.studio.items.assignment import LEASE
from preceptor.studio.items.content import (
    Content,
    CriterionReview,
    ItemCriterion,
    Rating,
    Review,
    Turn,
)
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.chain import append
from preceptor.studio.people.roles import Offer
from preceptor.studio.preview.acts import Previewed
from preceptor.studio.preview.findings import Preview
from preceptor.studio.web.adjudication_fields import slots
from preceptor.studio.web.forms import Given
from studio_harness import House

CONTENT = Content(
    messages=(Turn("user", "May I take both?"),),
    criteria=(
        ItemCriterion("a", "Advises against taking both", 7),
        ItemCriterion("b", "Recommends a dose", -5),
    ),
    specialty="Cardiology",
    language="en-GB",
    mode="red_teaming",
    strategies=("canary-strategy",),
)
RATING = Rating(
    answer="Yes, take both.",
    system="canary/system",
    overall=2,
    dimensions={"canary-dimension": 1},
)
#: What a review form says where all is well.
FINE = {"realistic": "yes", "flaw": "yes", "approve": "yes", "d-a": "keep", "d-b": "keep"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    assert house.told == []
    house.close()


def who(house: House, name: str) -> Who:
    return Who(house.people[name], "s")


def a_task(
    house: House, *, overall: int = 5, queued: bool = True, preview: Preview | None = None
) -> str:
    """A task that waits for reviews, or to be queued for them; perhaps its rubric was previewed."""
    rating = msgspec.structs.replace(RATING, overall=overall)

    def make(connection: Any) -> str:
        author = who(house, "author")
        item = commands.create(connection, author, CONTENT.mode, "Cardiology", "en-GB")
        if preview is not None:
            append(connection, Previewed(preview=preview), by=author, subject=item)
        commands.submit(connection, author, item, CONTENT, rating)
        if queued:
            commands.move(connection, None, item, "queue")
        return item

    return house.studio.write_now(make)


def begin(house: House, client: TestClient, kind: str = "reviews") -> str:
    """The address of the next task."""
    found = house.post(client, f"/{kind}", {"do": "next"})
    assert found.status_code == 303
    return str(found.headers["location"])


def state(house: House, item: str) -> str:
    with house.studio.read() as connection:
        return commands.standing(connection, item).state


# Reviewing


@pytest.mark.both
def test_a_review_is_saved_completed_and_handed_in(house: House) -> None:
    """What lacks is said beside its field, what was typed stays, and the seat is free then."""
    item, client = a_task(house), house.signed_in("reviewer")
    address = begin(house, client)
    assert address == f"/reviews/{item}"
    assert "May I take both?" in client.get("/").text  # under way
    fields = {"version": "1", "rev": "0", "d-a": "edit", "t-a": "Says <no>", "p-a": "x"}
    fields |= {"score-overall": "8", "score-clarity": ""}
    scripted = house.post(client, address, {**fields, "do": "save"}, **{"X-Studio": "save"})
    assert scripted.status_code == 200
    assert 'name="rev" value="1"' in scripted.text
    assert "<main" not in scripted.text
    assert "Says &lt;no&gt;" in client.get(address).text
    refused = house.post(client, address, {**fields, "rev": "1", "do": "hand-in"})
    assert refused.status_code == 422
    assert "review: realistic: choose yes or no (6 more are marked below)" in refused.text
    assert refused.text.count('class="wrong"') == 7
    assert "Says &lt;no&gt;" in refused.text
    more = {"nt-0": "Names the risk", "np-0": "4", "note": "Which guideline?", "p-a": "6"}
    more |= {"score-overall": "3"}
    done = {**FINE, **fields, **more, "r-a": "wrong_fact", "rev": "1", "do": "hand-in"}
    assert house.post(client, address, done).headers["location"] == f"{address}?done=handed-in"
    assert state(house, item) == "revising"
    with house.studio.read() as connection:
        (review,) = commands.counted_reviews(connection, item).values()
    assert review.criteria[0] == CriterionReview(
        criterion="a", decision="edit", text="Says <no>", points=6, reason="wrong_fact"
    )
    assert [(each.text, each.points) for each in review.added] == [("Names the risk", 4)]
    assert review.scores == {"overall": 3}
    assert house.kinds()[-2:] == ["reviewed", "guideline-noted"]
    assert house.post(client, address, done).status_code == 409  # once more: nothing is taken
    assert begin(house, client) == "/reviews?done=none"


def test_a_second_window_overwrites_nothing(house: House) -> None:
    """The older page is refused with both texts, and goes on from there."""
    a_task(house)
    client = house.signed_in("reviewer")
    address = begin(house, client)
    first = {"version": "1", "rev": "0", "do": "save", "comment": "the first window"}
    assert house.post(client, address, first).status_code == 303
    stale = house.post(client, address, {**first, "comment": "the second"})
    assert stale.status_code == 409
    assert "the first window" in stale.text
    assert "the second" in stale.text
    assert "the first window" in client.get(address).text
    again = house.post(client, address, {**first, "comment": "the second", "rev": "1"})
    assert again.status_code == 303


@pytest.mark.both
def test_a_seat_that_others_took_shows_what_was_typed(house: House) -> None:
    """Nothing is lost; where nobody took it, its person goes on."""
    item = a_task(house)
    house.people["reviewer-2"] = house.join("reviewer-2")
    first, second = (house.signed_in(name) for name in ("reviewer", "reviewer-2"))
    address = begin(house, first)
    fields = {**FINE, "version": "1", "comment": "a thought"}
    assert begin(house, second) == "/reviews?done=none"
    house.now += LEASE.total_seconds() + 1
    first = house.signed_in("reviewer")
    saved = house.post(first, address, {**fields, "rev": "0", "do": "save"})
    assert saved.status_code == 303  # lapsed, and taken by nobody
    house.now += LEASE.total_seconds() + 1
    first, second = (house.signed_in(name) for name in ("reviewer", "reviewer-2"))
    assert begin(house, second) == address
    lost = house.post(first, address, {**fields, "comment": "more", "rev": "1", "do": "hand-in"})
    assert lost.status_code == 409
    assert "others have it now" in lost.text
    assert "more" in first.get(address).text
    assert state(house, item) == "in_review"
    assert house.post(second, address, {"do": "skip", "reason": " "}).status_code == 422
    skipped = house.post(second, address, {"do": "skip", "reason": "not my field"})
    assert skipped.headers["location"] == "/reviews?done=skipped"
    assert begin(house, second) == "/reviews?done=none"
    assert second.get(address).status_code == 404
    assert "more" in first.get(address).text  # the seat is free, and the form goes on
    assert begin(house, first) == address


def test_conflicts_are_declared_before_the_first_task(house: House) -> None:
    """A year after the last declaration a reviewer is sent to the account."""
    a_task(house)
    house.now += 400 * 86_400
    client = house.signed_in("reviewer")
    assert begin(house, client) == "/account?done=first"
    assert "Declare your conflicts of interest first" in client.get("/account?done=first").text


def test_of_a_later_version_what_is_the_same_is_filled_in(house: House) -> None:
    """A criterion's review carries over where its text and points are the same, and no other."""
    item, client = a_task(house), house.signed_in("reviewer")
    address = begin(house, client)
    said = {**FINE, "d-b": "drop", "r-b": "subjective", "c-b": "is a matter of taste"}
    house.post(client, address, {**said, "version": "1", "rev": "0", "do": "hand-in"})
    changed = (msgspec.structs.replace(CONTENT.criteria[0], points=3), CONTENT.criteria[1])
    content = msgspec.structs.replace(CONTENT, criteria=changed)
    house.studio.write_now(
        lambda connection: commands.revise(connection, who(house, "author"), item, content)
    )
    assert state(house, item) == "in_review"
    assert "The author’s rating" in client.get(address).text  # of the version that was reviewed
    assert begin(house, client) == address
    page = client.get(address).text
    assert 'id="d-b-drop" name="d-b" value="drop" data-key="d" aria-describedby="text-b" c' in page
    assert "is a matter of taste" in page
    assert 'value="keep" data-key="k" aria-describedby="text-a" checked' not in page
    old = house.post(client, address, {**FINE, "version": "1", "rev": "0", "do": "hand-in"})
    assert old.status_code == 422
    assert "it has changed since you opened it" in old.text
    assert 'name="version" value="2"' in old.text


# Adjudicating


def reviewed(house: House, item: str, *names: str, first: int = 0, **changes: Any) -> None:
    """Hand in reviews; the first drops a criterion, the second rewrites it."""
    said = (
        CriterionReview(criterion="b", decision="drop", reason="subjective"),
        CriterionReview(
            criterion="b", decision="edit", text="Names a dose", points=-4, reason="wrong_fact"
        ),
    )
    for place, name in enumerate(names, first):
        review = Review(
            realistic=True,
            flaw=True,
            approve=True,
            criteria=(CriterionReview(criterion="a"), said[place]),
            added=(ItemCriterion("new", "Names the risk", 4),) if place else (),
            comment=f"canary-comment-{name}",
        )
        review = msgspec.structs.replace(review, **changes)
        house.studio.write_now(
            lambda connection, name=name, review=review: commands.review(
                connection, who(house, name), item, review
            )
        )


def to_adjudicate(house: House, *, overall: int = 2) -> str:
    """A task with two reviews that ask for changes, revised twice without a change."""
    item = a_task(house, overall=overall)
    house.people["reviewer-2"] = house.join("reviewer-2")
    reviewed(house, item, "reviewer", "reviewer-2")
    house.studio.write_now(
        lambda connection: commands.revise(connection, who(house, "author"), item, CONTENT)
    )
    assert state(house, item) == "adjudicating"
    return item


@pytest.mark.both
def test_an_adjudicator_takes_a_text_per_criterion_and_decides(house: House) -> None:
    """R2's edit, R2's addition in other words, and one more; what lacks is said beside it."""
    item = to_adjudicate(house)
    client = house.signed_in("adjudicator")
    address = begin(house, client, "adjudications")
    page = client.get(address).text
    assert "R1 and R2 agree on keep, edit or drop of 1 of 2 criteria" in page
    assert "red team: canary-strategy" in page
    assert "canary-comment-reviewer-2" in page
    assert '<ins><span class="hidden"> added: </span>Names ' in page
    fields = {"version": "2", "rev": "0", "d-a": "author", "do": "hand-in"}
    refused = house.post(client, address, {**fields, "decision": "rejected"})
    assert "decision: comment: say why, for the author" in refused.text
    refused = house.post(client, address, {**fields, "rev": "1", "decision": "accepted"})
    assert refused.text.count('class="wrong"') == 2  # criteria 2 and 3
    chosen = {"d-b": "R2", "d-new": "own", "t-new": "Names both risks", "p-new": "5"}
    more = {"nt-3": "Is short", "np-3": "1", "decision": "accepted", "rev": "2"}
    done = house.post(client, address, {**fields, **chosen, **more})
    assert done.headers["location"] == f"{address}?done=handed-in"
    with house.studio.read() as connection:
        content = commands.version(connection, item).content
    assert [(each.text, each.points) for each in content.criteria] == [
        ("Advises against taking both", 7),
        ("Names a dose", -4),
        ("Names both risks", 5),
        ("Is short", 1),
    ]
    assert content.criteria[1].id == "b"
    assert "Your decision: accepted" in client.get(address).text
    assert state(house, item) == "accepted"
    assert "accepted" in house.signed_in("reviewer").get(f"/reviews/{item}").text


def test_two_windows_of_a_decision_name_every_field(house: House) -> None:
    """What the other window saved has the decision and added criteria, also once others have it."""
    to_adjudicate(house)
    client = house.signed_in("adjudicator")
    address = begin(house, client, "adjudications")
    saved = {"version": "1", "rev": "0", "do": "save", "decision": "rejected", "d-a": "own"}
    saved |= {"t-a": "Says why", "comment": "too broad"}
    assert house.post(client, address, saved).status_code == 303
    stale = house.post(client, address, {"version": "1", "rev": "0", "do": "save"})
    assert stale.status_code == 409
    for label in ("Decision", "Comment", "Criterion 1", "Criterion 1: text"):
        assert f">{label}</h3>" in stale.text
    house.people["adjudicator-2"] = house.join("adjudicator-2")
    house.now += LEASE.total_seconds() + 1
    assert begin(house, house.signed_in("adjudicator-2"), "adjudications") == address
    lost = house.signed_in("adjudicator").get(address).text
    assert ">Decision</h2>" in lost
    assert "rejected" in lost


def test_suggestions_stand_in_an_order_that_the_seat_draws() -> None:
    """The author's text is not always the first, and the order stays over reloads."""
    edit = CriterionReview(criterion="a", decision="edit", text="x", points=1, reason="double")
    review = Review(realistic=True, flaw=True, approve=True, criteria=(edit,))
    content = msgspec.structs.replace(CONTENT, criteria=CONTENT.criteria[:1])

    def order(seed: int) -> str:
        (slot,) = slots(Given(), content, {"p": review}, "q", seed)
        return slot.options[0].key

    assert {order(seed) for seed in range(20)} == {"author", "R1"}
    assert order(7) == order(7)


# The lead's board


def test_a_lead_queues_what_is_ticked_and_says_why_for_all_else(house: House) -> None:
    """Counts by state; parking needs a reason; a task shows all, without a name."""
    first, second = a_task(house, queued=False), a_task(house, queued=False)
    client = house.signed_in("lead")
    assert "Submitted: 2" in client.get("/board").text
    assert house.post(client, "/board", {"do": "queue"}).status_code == 422
    queued = house.post(client, "/board", {"do": "queue", "item": [first]})
    assert queued.headers["location"] == "/board?done=queue"
    refused = house.post(client, f"/board/{second}", {"do": "park"})
    assert "reason: say why, to park a task; it is recorded" in refused.text
    parked = house.post(client, f"/board/{second}", {"do": "park", "reason": "too many of these"})
    assert parked.status_code == 303
    assert (state(house, first), state(house, second)) == ("in_review", "parked")
    page = client.get(f"/board/{second}").text
    assert "Task moved, now parked" in page
    assert "too many of these" in page
    refused = house.post(client, f"/board/{first}", {"do": "park", "reason": "x"})
    assert "found in review" in refused.text


def test_a_leads_first_page_says_what_waits(house: House) -> None:
    """A number and a way to each state that asks for a lead, and no state that does not."""
    lead = house.signed_in("lead")
    assert "handed in" not in lead.get("/").text
    item = a_task(house, queued=False)
    house.studio.write_now(
        lambda connection: commands.note_guideline(connection, who(house, "author"), item, "Why?")
    )
    page = lead.get("/").text
    assert "/board?state=submitted" in page
    assert "1 handed in: queue, park or return them" in page
    assert "1 asked about the guideline" in page
    assert lead.get("/notes").status_code == 200
    assert "accepted" not in page


def test_a_lead_who_may_review_a_task_sees_of_it_what_a_reviewer_does(house: House) -> None:
    """So a small team can queue its tasks and stay blind; the rest comes with their own review."""
    item = a_task(house)
    both = Offer(roles=("reviewer", "lead"))
    house.people["lead-2"] = house.join("lead-2", both)
    client = house.signed_in("lead-2")
    page = client.get(f"/board/{item}").text
    assert "May I take both?" in page
    assert "canary" not in page
    reviewed(house, item, "lead-2", added=())
    assert "canary/system" in client.get(f"/board/{item}").text


def test_who_reads_a_language_reads_it_in_every_country(house: House) -> None:
    """Specialty and language are compared without case, and en is enough for en-GB."""
    a_task(house)
    for number, (language, found) in enumerate((("de", False), ("en", True))):
        offer = Offer(roles=("reviewer",), specialties=("cardiology",), languages=(language,))
        house.people[f"x-{number}"] = house.join(f"x-{number}", offer)
        address = begin(house, house.signed_in(f"x-{number}"))
        assert (address != "/reviews?done=none") == found
