"""Physicians' own answers in the studio, and the categories that they give tasks."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from preceptor.cli import main
from preceptor.errors import InputError
from preceptor.records import Example, Message, PhysicianAnswer
from preceptor.studio.baselines import commands as baselines
from preceptor.studio.baselines.acts import Answer
from preceptor.studio.baselines.commands import Written, baseline_rows
from preceptor.studio.baselines.workflow import written
from preceptor.studio.consensus import commands as consensus
from preceptor.studio.exchange import gathered
from preceptor.studio.items import commands
from preceptor.studio.items.assignment import Worker
from preceptor.studio.items.content import Content, ItemCriterion, Rating, Review, Turn
from preceptor.studio.items.content import CriterionReview as Said
from preceptor.studio.items.workflow import Refused, Standing
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.verify import verify
from preceptor.studio.people.roles import Offer
from studio_harness import House, crawl
from studio_places import place

CONTENT = Content(
    messages=(Turn("user", "May I take both?"),),
    criteria=(ItemCriterion("a", "canary-criterion", 7),),
    specialty="cardiology",
    language="en",
)
RATING = Rating(answer="canary-rated", system="openai/canary-system", overall=4)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    for name in ("writer-2", "labeller-2", "labeller-3"):
        house.people[name] = house.join(name)
    house.people["writer-other"] = house.join(
        "writer-other", Offer(roles=("writer",), specialties=("oncology",))
    )
    yield house
    assert house.told == []
    house.close()


@pytest.fixture
def item(house: House) -> str:
    """An accepted task."""

    def work(connection: sa.Connection) -> str:
        author, reviewer, adjudicator = (
            Who(house.people[name], "s") for name in ("author", "reviewer", "adjudicator")
        )
        item = commands.create(connection, author, "good_faith", "cardiology", "en")
        commands.submit(connection, author, item, CONTENT, RATING)
        commands.move(connection, None, item, "queue")
        review = Review(realistic=True, flaw=True, approve=True, criteria=(Said(criterion="a"),))
        commands.review(connection, reviewer, item, review)
        commands.adjudicate(connection, adjudicator, item, "accepted", CONTENT, policy="default")
        return item

    return house.studio.write_now(work)


def test_an_answer_is_written_saved_and_handed_in(house: House, item: str) -> None:
    """A second window overwrites nothing, a declaration is asked for, and no rubric is shown."""
    client = house.signed_in("writer")
    address = f"/answers/{item}"

    def do(button: str, to: str = address, **fields: str) -> Any:
        return house.post(client, to, {"do": button, **fields})

    assert client.get(address).status_code == 404
    assert do("next", "/answers").headers["location"] == address
    assert "May I take both?" in client.get(address).text
    assert "May I take both?" in client.get("/").text
    for name, where, response in crawl(house, lambda _: item):
        if name.startswith("writer"):
            assert "canary-" not in response.text, (name, where)
    assert do("save", text="No <b>", rev="0").status_code == 303
    stale = do("save", text="Yes", rev="0")
    assert stale.status_code == 409
    assert "No &lt;b&gt;" in stale.text
    assert "Yes" in stale.text
    refused = do("submit", text="No.", rev="1")
    assert refused.status_code == 422
    assert "without any AI" in refused.text
    assert "No." in refused.text
    typed = {"text": "No.", "sources": "A leaflet\n\nA label", "web": "yes", "attested": "yes"}
    assert do("submit", rev="1", **typed).headers["location"] == "/answers?done=handed-in"
    assert do("next", "/answers").headers["location"].endswith("none")
    with house.studio.read() as connection:
        (row,) = baseline_rows(connection)
        (released,) = gathered.baselines(connection, {item})
        assert released.answer == PhysicianAnswer("No.", "Group 1")
    assert row["sources"] == ["A leaflet", "A label"]
    assert row["web"]
    assert row["number"] == 1
    assert (row["writer"], row["group"]) == (house.people["writer"], "Group 1")
    assert verify(house.studio).faults == ()


def test_groups_two_and_three_see_answers_of_systems(house: House, item: str) -> None:
    """One writer answers a task once; another sees references; a third field is offered nothing."""
    example = Example("elsewhere", (Message("user", "May I take both?"),), ())
    now = datetime.fromtimestamp(house.now, UTC)

    def take(connection: sa.Connection, name: str) -> str | None:
        offer = frozenset({"oncology"}) if name == "writer-other" else frozenset({"Cardiology"})
        worker = Worker(person=house.people[name], specialties=offer)
        return baselines.next_task(connection, worker, now=now, draw=random.Random(0))

    def work(connection: sa.Connection) -> None:
        with pytest.raises(InputError, match="expected 2 or 3"):
            baselines.set_references(connection, None, "1", [])
        shown = [(example, "An answer", "openai/canary-system"), (example, "Another", "b")]
        assert baselines.set_references(connection, None, "2", shown) == 1
        for name, text in (("writer", "Mine"), ("writer-2", "Better")):
            assert take(connection, name) == item
            typed = Written(text=text, attested=True)
            baselines.hand_in(connection, Who(house.people[name], "s"), item, typed, now)
            assert take(connection, name) is None
        assert take(connection, "writer-other") is None
        rows = list(baseline_rows(connection))
        assert [(row["group"], row["number"]) for row in rows] == [("Group 1", 1), ("Group 2", 2)]
        assert rows[1]["references"] == ["An answer", "Another"]
        released = gathered.baselines(connection, {item})
        assert [each.answer.text for each in released] == ["Mine", "Better"]

    house.studio.write_now(work)


def test_each_group_is_a_system_of_a_release_and_a_score_is_its_writers(
    house: House, item: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--system physician:2`` runs the second answer; who wrote it sees its score, and no lead."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "kind_grader.py").write_text(KIND, "utf-8")
    example = Example("elsewhere", (Message("user", "May I take both?"),), ())
    now = datetime.fromtimestamp(house.now, UTC)

    def work(connection: sa.Connection) -> None:
        baselines.set_references(connection, None, "2", [(example, "An answer", "b")])
        for name, text in (("writer", "Mine"), ("writer-2", "Better")):
            worker, draw = Worker(person=house.people[name]), random.Random(0)
            assert baselines.next_task(connection, worker, now=now, draw=draw) == item
            typed = Written(text=text, attested=True)
            baselines.hand_in(connection, Who(house.people[name], "s"), item, typed, now)

    house.studio.write_now(work)
    db = house.studio.address
    assert main(["studio", "export", "-o", "out", "--name", "ward", "--db", db]) == 0
    for group, grade in (("1", 0.0), ("2", 1.0)):
        system = ["--system", f"physician:{group}", "--grader", "python:kind_grader:judge"]
        assert main(["run", "./out", *system, "--name", f"of-{group}"]) == 0
        assert main(["studio", "scores", f"of-{group}", "--db", db]) == 0
        with house.studio.read() as connection:
            name = {"1": "writer", "2": "writer-2"}[group]
            found = baselines.own_scores(connection, house.people[name])
        assert found == [(item, f"of-{group}", grade)]
    own = house.signed_in("writer-2").get("/score").text
    assert "May I take both?" in own
    assert "of-2" in own
    assert "of-1" not in own
    assert "of-2" not in house.signed_in("lead").get(f"/scores/{house.people['writer-2']}").text
    assert main(["run", "./out", "--system", "physician", *system[2:], "--name", "all"]) == 0
    assert main(["studio", "scores", "all", "--db", db]) == 0
    other = ["run", "./out", "--system", "python:kind_grader:other", *system[2:], "--name", "o"]
    assert main(other) == 0
    assert main(["studio", "scores", "o", "--db", db]) == 2
    assert verify(house.studio).faults == ()


KIND = """\
import json

def judge(messages):
    return json.dumps({"explanation": "", "criteria_met": "Better" in messages[-1]["content"]})

def other(messages):
    return "Not a physician's"
"""


def test_nobody_answers_a_task_that_they_worked_on() -> None:
    """Its author, reviewers, adjudicators and labellers have seen the rubric."""
    task = Standing(item="t", author="ann", state="accepted", reviewed=("bob",))
    answer = Answer(text="No.")
    for person in ("ann", "bob", "cleo"):
        with pytest.raises(Refused, match="so you cannot answer it"):
            written(task, person, {"cleo"}, answer, attested=True)
    written(task, "dan", {"cleo"}, answer, attested=True)
    with pytest.raises(Refused, match="expected a text"):
        written(task, "dan", (), Answer(text=" "), attested=True)


@pytest.mark.both
def test_categories_by_votes_bring_their_criteria(house: House, item: str, tmp_path: Path) -> None:
    """Two people vote, a third where they differ; more than half and two must agree."""
    table = tmp_path / "categories.csv"
    table.write_text(
        "category,about,criterion,points\nhedging,Unsure,Says that it is unsure,5\n"
        "hedging,,Gives a range,3\nurgent,Cannot wait,Sends to a hospital,8\n",
        encoding="utf-8",
    )
    assert main(["studio", "categories", str(table), "--db", place(tmp_path)]) == 0

    def vote(name: str, *names: str, **fields: str) -> Any:
        client = house.signed_in(name)
        house.post(client, "/categories", {"do": "next"})
        sent = {"do": "vote", "item": item, "names": list(names), **fields}
        return house.post(client, "/categories", sent)

    def texts() -> list[str]:
        with house.studio.read() as connection:
            return [each.text for each in consensus.consensus_criteria(connection, item)]

    assert "Sort tasks into categories" in house.signed_in("labeller").get("/").text
    refused = vote("labeller")
    assert refused.status_code == 422
    assert "Gives a range" not in refused.text
    assert vote("labeller", "hedging").headers["location"] == "/categories?done=none"
    assert texts() == []
    vote("labeller-2", none="yes")
    assert texts() == []
    vote("labeller-3", "hedging", "urgent")
    assert texts() == ["Says that it is unsure", "Gives a range"]
    with house.studio.read() as connection:
        (task,) = gathered.tasks(connection, {})
        assert [each.points for each in task.version.content.criteria] == [7, 5, 3]
        (first, _) = consensus.consensus_criteria(connection, item)
    assert first.tags == ("level:cluster", "cluster:hedging")
    assert vote("labeller-3", "urgent").status_code == 404
    with pytest.raises(InputError, match="line 2: points"):
        consensus.read_categories([(2, {"category": "a", "criterion": "b", "points": "0"})])
    assert verify(house.studio).faults == ()
