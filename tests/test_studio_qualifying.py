"""Qualifying as a labeller, and settling what is right: pages, results, who sees what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from preceptor.audit.marks import Item, Mark, criteria_of
from preceptor.store import Store
from preceptor.studio.labelling.drawing import pull
from preceptor.studio.labelling.qualifying import stage
from preceptor.studio.labelling.tables import labels, units
from preceptor.studio.ledger.rebuild import rebuild
from preceptor.studio.people.project import change, project
from preceptor.studio.people.roles import Offer
from studio_harness import House
from test_studio_labelling import made

__all__ = ["made"]

#: Criteria whose answer is known; each is met.
KNOWN = 5


@pytest.fixture
def house(tmp_path: Path, made: Path) -> Iterator[House]:
    house = House(tmp_path)
    with Store(made) as store:
        found: list[Item] = criteria_of(store, store.run("board"))
    right = {item.id: Mark(True, f"canary-why {item.id}") for item in found[:KNOWN]}

    def draw(connection: sa.Connection) -> None:
        pull(connection, None, found, way="audit", count=12, gold=right)
        change(connection, replace(project(connection), qualify=2, pass_share=0.5), None)

    house.studio.write_now(draw)
    yield house
    assert house.told == []
    house.close()


class Labelling:
    """A labeller's browser."""

    def __init__(self, house: House, name: str = "labeller") -> None:
        self.house, self.client, self.name = house, house.signed_in(name), name
        self.at = self.do("next")

    def do(self, button: str, **more: str) -> str:
        """Press a button; where that leads to."""
        sent = {"do": button, **more}
        found = self.house.post(self.client, "/labels", sent)
        assert found.status_code == 303, found.text
        return str(found.headers["location"])

    def say(self, *said: str) -> str:
        """Label the unit that is shown, and so on."""
        for each in said:
            (unit,) = re.findall(r'name="unit" value="(\w+)"', self.page())
            self.at = self.do(each, unit=unit)
        return self.at

    def page(self) -> str:
        return str(self.client.get("/labels").text)

    def state(self) -> str:
        with self.house.studio.read() as connection:
            return stage(connection, self.house.people[self.name]).state


def labelled(house: House) -> int:
    with house.studio.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(labels)) or 0


def test_who_passes_reads_what_was_right_and_begins(house: House) -> None:
    """Half is enough here; nothing of it is a label, and those units come no more."""
    one = Labelling(house)
    assert "Qualification: 1 of 2" in one.page()
    assert "Undo" not in one.page()
    assert one.say("met", "not_met") == "/labels/qualification"
    assert one.state() == "passed"
    page = one.client.get("/labels/qualification").text
    assert "Passed: 1 of 2 right" in page
    assert "the right answer is <strong>met</strong>" in page
    assert page.count("canary-why") == 2
    assert labelled(house) == 0
    one.do("next")
    one.say("met")
    assert labelled(house) == 1
    assert house.studio.write_now(rebuild) == 0


def test_two_attempts_then_a_lead_decides(house: House) -> None:
    """Each has other units; leads see numbers by id, and nobody else sees anything."""
    one, lead = Labelling(house), house.signed_in("lead")
    one.say("not_met", "not_met")
    assert one.state() == "open"
    assert "another attempt, with other units" in one.client.get("/labels/qualification").text
    one.do("next")
    one.say("not_met", "not_met")
    assert one.state() == "failed"
    assert one.client.get("/labels/qualification").text.count("canary-why") == 4
    refused = house.post(one.client, "/labels", {"do": "next"})
    assert refused.status_code == 422
    assert "a lead may let you begin" in refused.text
    person = house.people["labeller"]
    page = lead.get("/qualification").text
    assert "failed, 0 of 2 right; failed, 0 of 2 right" in page
    assert "canary-why" not in page
    assert "Canary-name" not in page
    assert one.client.get("/qualification").status_code == 403
    sent = {"person": person, "reason": ""}
    assert "reason: say why" in house.post(lead, "/qualification", sent).text
    house.post(lead, "/qualification", {**sent, "reason": "Talked it through"})
    assert one.state() == "passed"
    one.do("next")
    one.say("met")
    assert labelled(house) == 1


def test_too_few_known_units_are_said(house: House) -> None:
    """A round is whole, or none: the labeller reads what is missing."""
    house.studio.write_now(lambda c: change(c, replace(project(c), qualify=9), None))
    refused = house.post(house.signed_in("labeller"), "/labels", {"do": "next"})
    assert refused.status_code == 422
    assert f"expected 9 units with a known answer for you, found {KNOWN}" in refused.text


def test_what_labellers_differ_on_is_settled_and_then_checks_people(house: House) -> None:
    """By a lead or adjudicator, not by who may still label it; votes have no names."""
    house.studio.write_now(lambda c: change(c, replace(project(c), qualify=0), None))
    both = Offer(roles=("labeller", "adjudicator"))
    house.people |= {"labeller-2": house.join("labeller-2"), "both": house.join("both", both)}
    first = units.c.gold.is_(None) & (units.c.chance.is_not(None))

    def twice(connection: sa.Connection) -> None:
        connection.execute(units.update().where(first).values(seats=2))

    house.studio.write_now(twice)
    for name, said in (("labeller", "met"), ("labeller-2", "not_met")):
        Labelling(house, name).say(*[said] * 6)
    client = house.signed_in("adjudicator")
    listed = re.findall(r'href="(/known/\w+)"', client.get("/known").text)
    assert listed
    page = client.get(listed[0]).text
    assert "<strong>Met</strong>" in page
    assert "<strong>Not met</strong>" in page
    assert "Canary-name" not in page
    assert "canary-grader" not in page
    other = house.signed_in("both")
    assert "/known/" not in other.get("/known").text
    assert other.get(listed[0]).status_code == 404
    assert house.signed_in("labeller").get("/known").status_code == 403
    refused = house.post(client, listed[0], {"said": "met", "explanation": ""})
    assert refused.status_code == 422
    sent: dict[str, Any] = {"said": "met", "explanation": "The dose is named"}
    assert house.post(client, listed[0], sent).headers["location"] == "/known?done=settled"
    assert listed[0] not in client.get("/known").text
    assert listed[0] in client.get("/known?every=1").text
    with house.studio.read() as connection:
        unit = units.c.id == listed[0].rpartition("/")[2]
        assert connection.execute(
            sa.select(units.c.gold, units.c.explanation).where(unit)
        ).one() == (
            True,
            "The dose is named",
        )
