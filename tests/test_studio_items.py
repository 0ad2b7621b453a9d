"""Tasks in the studio: from blank to accepted, and what a hundred people do to them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from preceptor.errors import UnknownName
from preceptor.studio.baselines import commands as baselines
from preceptor.studio.baselines.commands import Written
from preceptor.studio.baselines.tables import baselines as written
from preceptor.studio.database import Studio
from preceptor.studio.items import assignment, commands
from preceptor.studio.items.assignment import LEASE, Kind, Worker
from preceptor.studio.items.content import (
    Content,
    CriterionReview,
    ItemCriterion,
    Rating,
    Review,
    Turn,
)
from preceptor.studio.items.drafts import Stale, draft_of, save
from preceptor.studio.items.tables import items, leases
from preceptor.studio.items.workflow import Refused
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.chain import recorded
from preceptor.studio.ledger.tables import metadata
from preceptor.studio.ledger.verify import verify
from studio_places import is_on_server, place

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
CONTENT = Content(
    messages=(Turn("user", "May I take both?"),),
    criteria=(
        ItemCriterion("a", "Advises against taking both", 7),
        ItemCriterion("b", "Recommends a dose", -5),
    ),
    specialty="cardiology",
    language="en",
)
BAD = Rating(answer="Yes, take both.", system="openai/gpt-5.4", overall=2)


def who(name: str) -> Who:
    return Who(name, "s")


def a_review(content: Content, *, changes: bool = False, confirms: bool = True) -> Review:
    first = CriterionReview(criterion=content.criteria[0].id)
    if changes:
        first = msgspec.structs.replace(first, decision="drop", reason="subjective")
    rest = tuple(CriterionReview(criterion=each.id) for each in content.criteria[1:])
    return Review(realistic=True, flaw=confirms, approve=not changes, criteria=(first, *rest))


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with Studio.open(place(tmp_path), create=True) as opened:
        yield opened


@pytest.fixture
def connection(studio: Studio) -> Iterator[sa.Connection]:
    with studio.engine.begin() as opened:
        yield opened


def in_review(connection: sa.Connection, rating: Rating = BAD) -> str:
    item = commands.create(connection, who("ann"), "good_faith", "cardiology", "en")
    commands.submit(connection, who("ann"), item, CONTENT, rating)
    commands.move(connection, None, item, "queue")
    return item


@pytest.mark.both
def test_a_task_goes_from_blank_to_accepted(studio: Studio) -> None:
    """Every step is an event; what the events make is what the tables hold."""

    def work(connection: sa.Connection) -> str:
        item = in_review(connection)
        for person in ("bob", "cleo"):
            commands.review(connection, who(person), item, a_review(CONTENT))
        commands.adjudicate(connection, who("dan"), item, "accepted", CONTENT, policy="default")
        return item

    item = studio.write_now(work)
    with studio.read() as connection:
        standing = commands.standing(connection, item)
        assert (standing.state, standing.difficult) == ("accepted", True)
        assert standing.reviewers == ("bob", "cleo")
        assert commands.version(connection, item).content == CONTENT
        assert commands.version(connection, item).rating == BAD
        outcomes = [event.outcome for event, *_ in recorded(connection)]
    assert outcomes == ["draft", "submitted", "in_review", "in_review", "adjudicating", "accepted"]
    assert verify(studio).faults == ()


def test_a_revision_is_reviewed_again_but_for_what_a_reviewer_proposed(
    connection: sa.Connection,
) -> None:
    """The first review counts no more where the author wrote something of their own."""
    fair = msgspec.structs.replace(BAD, overall=4)
    item = in_review(connection, fair)
    commands.review(connection, who("bob"), item, a_review(CONTENT, changes=True))
    assert commands.standing(connection, item).state == "revising"
    own = msgspec.structs.replace(CONTENT, criteria=(ItemCriterion("a", "Says no", 5),))
    commands.revise(connection, who("ann"), item, own, "I saw it otherwise")
    assert commands.standing(connection, item).reviewers == ()
    commands.review(connection, who("bob"), item, a_review(own))
    assert commands.standing(connection, item).state == "adjudicating"
    assert [commands.version(connection, item, n).number for n in (1, 2)] == [1, 2]
    with pytest.raises(UnknownName):
        commands.version(connection, item, 3)


@pytest.mark.both
def test_two_servers_give_one_seat_to_one_person(studio: Studio, tmp_path: Path) -> None:
    """Of many who ask both for the next task at once, one gets it; the others are told of none."""
    fine = msgspec.structs.replace(BAD, overall=6)
    item = studio.write_now(lambda connection: in_review(connection, fine))

    def claims(server: Studio, person: str) -> str | None:
        worker, draw = Worker(person=person), random.Random(person)
        found = server.write_now(
            lambda connection: assignment.next_item(
                connection, worker, "review", policy="default", now=NOON, draw=draw
            )
        )
        return None if found is None else found.person

    with Studio.open(place(tmp_path)) as other, ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(claims, (studio, other)[n % 2], f"p{n}") for n in range(16)]
        given = [each.result() for each in asked if each.result() is not None]
    with studio.read() as connection:
        held = connection.execute(sa.select(leases.c.subject, leases.c.person)).all()
    assert held == [(item, *given)]


def test_a_seat_lapses_whether_the_clock_goes_on_or_back(connection: sa.Connection) -> None:
    """After four hours, and where its end is further off than that; a minute apart is none."""
    in_review(connection, msgspec.structs.replace(BAD, overall=6))
    draw, steps = random.Random(1), (timedelta(), timedelta(minutes=-1), -LEASE, LEASE)

    def given(person: str, now: datetime) -> bool:
        worker = Worker(person=person)
        return (
            assignment.next_item(connection, worker, "review", policy="default", now=now, draw=draw)
            is not None
        )

    assert given("bob", NOON)
    assert [given(f"p{n}", NOON + step) for n, step in enumerate(steps)] == [
        False,
        False,
        True,
        True,
    ]


@pytest.mark.both
def test_what_a_person_did_is_taken_back_everywhere(connection: sa.Connection) -> None:
    """Their tasks are out, and what they reviewed or decided waits for others."""
    own, reviewed = in_review(connection), in_review(connection)
    for person in ("bob", "cleo"):
        commands.review(connection, who(person), reviewed, a_review(CONTENT))
    commands.adjudicate(connection, who("dan"), reviewed, "accepted", CONTENT, policy="default")
    commands.take_back(connection, None, "bob")
    assert commands.standing(connection, reviewed).state == "in_review"
    assert commands.standing(connection, reviewed).reviewers == ("cleo",)
    commands.take_back(connection, None, "ann")
    assert commands.standing(connection, own).state == "withdrawn"


@pytest.mark.both
def test_a_draft_is_never_overwritten_by_an_older_page(connection: sa.Connection) -> None:
    """The second of two windows is refused with both texts; one that repeats itself is not."""
    at = NOON.isoformat()
    first = save(connection, "t", "ann", "author", rev=0, body="one", at=at)
    assert save(connection, "t", "ann", "author", rev=0, body="one", at=at) == first
    second = save(connection, "t", "ann", "author", rev=first.rev, body="two", at=at)
    with pytest.raises(Stale) as stale:
        save(connection, "t", "ann", "author", rev=first.rev, body="three", at=at)
    assert (stale.value.saved, stale.value.mine) == (second, "three")
    assert draft_of(connection, "t", "ann", "author") == second
    assert draft_of(connection, "t", "bob", "author") is None


@pytest.mark.both
def test_work_is_of_a_persons_specialty_language_and_no_conflict(
    connection: sa.Connection,
) -> None:
    """Nor is it what they wrote, skipped, or what others have the seats of."""
    item = in_review(connection, msgspec.structs.replace(BAD, overall=5))
    draw = random.Random(0)

    def offered(worker: Worker, now: datetime = NOON) -> str | None:
        lease = assignment.next_item(
            connection, worker, "review", policy="default", now=now, draw=draw
        )
        return None if lease is None else lease.subject

    other = Worker(person="x", specialties=frozenset({"oncology"}))
    assert offered(other) is None
    assert not other.takes("internal medicine", "en")
    assert other.takes("Internal medicine / Oncology", "en")
    parent = Worker(person="x", specialties=frozenset({"Internal Medicine"}))
    assert parent.takes("internal medicine/oncology", "en")
    assert not parent.takes("surgery / oncology", "en")
    both = Worker(person="x", specialties=frozenset({"internal medicine/ oncology"}))
    assert both.takes("Internal medicine / oncology", "en")
    assert not both.takes("internal medicine / cardiology", "en")
    assert offered(Worker(person="x", languages=frozenset({"de"}))) is None
    assert offered(Worker(person="x", vendors=frozenset({"OpenAI"}))) is None
    assert offered(Worker(person="ann")) is None
    bob, cleo = Worker(person="bob", languages=frozenset({"en"})), Worker(person="cleo")
    assert offered(bob) == item
    assert offered(bob) == item  # goes on with it
    assert offered(cleo) is None  # one seat
    assert offered(cleo, NOON + LEASE) == item  # bob's lapsed
    assignment.skip(connection, who("cleo"), "review", item, "not my field")
    assert offered(cleo, NOON + LEASE) is None
    assert offered(bob, NOON + LEASE) == item


def test_who_answered_a_task_has_no_other_part_once_it_is_reopened(
    connection: sa.Connection,
) -> None:
    """Neither its review nor its decision is offered to them."""
    item, draw = in_review(connection, msgspec.structs.replace(BAD, overall=5)), random.Random(0)
    commands.review(connection, who("bob"), item, a_review(CONTENT, confirms=False))
    commands.adjudicate(connection, who("dan"), item, "accepted", CONTENT, policy="default")
    assert baselines.next_task(connection, Worker(person="eve"), now=NOON, draw=draw) == item
    baselines.hand_in(connection, who("eve"), item, Written(text="No.", attested=True), NOON)
    for move in ("retire", "reopen"):
        commands.move(connection, None, item, move, "the advice has changed")
    new = ItemCriterion("c", "Says why", 3)
    content = msgspec.structs.replace(CONTENT, criteria=(*CONTENT.criteria, new))
    commands.revise(connection, who("ann"), item, content)

    def offered(person: str, kind: Kind) -> bool:
        task = commands.standing(connection, item)
        return assignment.is_free(connection, task, person, kind, policy="default", now=NOON)

    assert (offered("eve", "review"), offered("fay", "review")) == (False, True)
    commands.review(connection, who("fay"), item, a_review(content, confirms=False))
    assert (offered("eve", "adjudicate"), offered("gil", "adjudicate")) == (False, True)


PEOPLE = [f"p{number:02}" for number in range(100)]


class Project(RuleBasedStateMachine):
    """A hundred people who write, review, adjudicate, answer, skip, leave, and fall asleep."""

    @initialize(seed=st.integers(0, 2**32), policy=st.sampled_from(["default", "small"]))
    def open(self, seed: int, policy: str) -> None:
        self.random = random.Random(seed)
        self.policy = policy
        self.now = NOON
        self.gone: set[str] = set()
        if is_on_server():
            with Studio.open(place(Path("stateful")), create=True) as studio:
                self.engine = sa.create_engine(studio.engine.url)
        else:
            self.engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
            metadata.create_all(self.engine)
        self.connection = self.engine.connect()  # what it writes is never committed

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self.finish()
            self.connection.close()
            self.engine.dispose()

    def someone(self) -> str:
        return self.random.choice([each for each in PEOPLE if each not in self.gone])

    def one(self, *states: str) -> str | None:
        query = sa.select(items.c.id).where(items.c.state.in_(states))
        found = sorted(self.connection.scalars(query))
        return self.random.choice(found) if found else None

    @rule(overall=st.integers(1, 7), red=st.booleans())
    def write(self, overall: int, red: bool) -> None:
        author = self.someone()
        mode = "red_teaming" if red else "good_faith"
        item = commands.create(self.connection, who(author), mode, "cardiology", "en")  # type: ignore[arg-type]
        content = msgspec.structs.replace(CONTENT, mode=mode)
        rating = msgspec.structs.replace(BAD, overall=overall)
        commands.submit(self.connection, who(author), item, content, rating)
        commands.move(self.connection, None, item, "queue")

    @rule(kind=st.sampled_from(["review", "adjudicate"]), choice=st.integers(0, 9))
    def work(self, kind: Kind, choice: int) -> None:
        self.act(self.someone(), kind, choice)

    def act(self, person: str, kind: Kind, choice: int) -> bool:
        lease = assignment.next_item(
            self.connection,
            Worker(person=person),
            kind,
            policy=self.policy,  # type: ignore[arg-type]
            now=self.now,
            draw=self.random,
        )
        if lease is None:
            return False
        self.check(lease.subject)
        if choice == 0:
            return True  # falls asleep
        if choice == 1:
            assignment.skip(self.connection, who(person), kind, lease.subject, "not my field")
            return True
        content = commands.version(self.connection, lease.subject).content
        if kind == "review":
            found = a_review(content, changes=choice < 4, confirms=choice != 5)
            commands.review(self.connection, who(person), lease.subject, found)
        else:
            decision = "revising" if choice == 2 else "rejected" if choice == 3 else "accepted"
            try:
                self.decide(person, lease.subject, decision, content)
            except Refused:  # an unconfirmed red-team task
                self.decide(person, lease.subject, "rejected", content)
        assignment.release(self.connection, kind, lease.subject, person)
        self.check(lease.subject)
        return True

    @rule(hands_in=st.booleans())
    def answer(self, hands_in: bool) -> None:
        """A physician answers an accepted task, or falls asleep over it."""
        person = self.someone()
        worker, now = Worker(person=person), self.now
        item = baselines.next_task(self.connection, worker, now=now, draw=self.random)
        if item is None:
            return
        self.check(item)
        if hands_in:
            text = Written(text="No.", attested=True)
            baselines.hand_in(self.connection, who(person), item, text, now)
            self.check(item)

    @rule()
    def reopen(self) -> None:
        """A lead finds an accepted task wrong: it is revised, reviewed and decided again."""
        item = self.one("accepted")
        if item is not None:
            for move in ("retire", "reopen"):
                commands.move(self.connection, None, item, move, "the advice has changed")

    def decide(self, person: str, item: str, decision: str, content: Content) -> None:
        commands.adjudicate(
            self.connection,
            who(person),
            item,
            decision,  # type: ignore[arg-type]
            content,
            policy=self.policy,  # type: ignore[arg-type]
        )

    @rule()
    def revise(self) -> None:
        item = self.one("revising")
        if item is None:
            return
        author = commands.standing(self.connection, item).author
        content = commands.version(self.connection, item).content
        if self.random.random() < 0.5:
            new = ItemCriterion("c", f"Says why, {self.random.random()}", 3)
            content = msgspec.structs.replace(content, criteria=(*content.criteria, new))
        commands.revise(self.connection, who(author), item, content)

    @rule(hours=st.integers(1, 6))
    def sleep(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def leave(self) -> None:
        if len(self.gone) < 20:
            person = self.someone()
            self.gone.add(person)
            for event in commands.take_back(self.connection, None, person):
                self.check(event.subject)

    def check(self, item: str) -> None:
        """Nobody has two parts in a task, and no seat of it is taken twice."""
        task = commands.standing(self.connection, item)
        rows = sa.select(written.c.person).where(written.c.item == item)
        writers = set(self.connection.scalars(rows))
        assert writers.isdisjoint({task.author, task.adjudicator, *task.reviewed})
        assert task.author not in task.reviewed
        assert task.adjudicator != task.author
        if self.policy == "default":
            assert task.adjudicator not in task.reviewed
        # A task that two found less difficult than its author needs one from then on.
        assert len(set(task.reviewers)) == len(task.reviewers) <= 2
        if task.state in ("accepted", "adjudicating"):
            assert len(task.reviewers) >= task.needed
        taken = (leases.c.subject == item) & (
            leases.c.until > self.now.isoformat("T", "milliseconds")
        )
        for kind, seats in (("review", 2), ("adjudicate", 1), ("baseline-1", 1)):
            held = sa.select(sa.func.count()).where(taken & (leases.c.kind == kind))
            assert (self.connection.scalar(held) or 0) <= seats

    def finish(self) -> None:
        """Those who are left bring every task to an end."""
        for _ in range(100_000):
            open_ = self.one("in_review", "revising", "adjudicating")
            if open_ is None:
                return
            self.now += LEASE
            state = commands.standing(self.connection, open_).state
            if state == "revising":
                content = commands.version(self.connection, open_).content
                author = commands.standing(self.connection, open_).author
                commands.revise(self.connection, who(author), open_, content)
                continue
            kind: Kind = "review" if state == "in_review" else "adjudicate"
            people = [each for each in PEOPLE if each not in self.gone]
            self.random.shuffle(people)
            assert any(self.act(each, kind, 9) for each in people), f"nobody is left for {open_}"
        raise AssertionError("a task does not end")


TestProject = Project.TestCase
TestProject.settings = settings(
    max_examples=5,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
