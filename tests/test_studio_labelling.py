"""Labels in the studio: what is drawn, who gets it, the page, and what comes of it."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from data_fixtures import row, write_rows
from preceptor.audit.marks import Item, Mark, criteria_of
from preceptor.cli import main
from preceptor.errors import InputError
from preceptor.results.load import load_result
from preceptor.store import Store
from preceptor.studio.exchange import gathered
from preceptor.studio.items.assignment import Worker
from preceptor.studio.items.tables import items
from preceptor.studio.items.workflow import Refused
from preceptor.studio.labelling import queue, rows
from preceptor.studio.labelling.acts import Said
from preceptor.studio.labelling.drawing import chances_of, pull
from preceptor.studio.labelling.estimate import estimate
from preceptor.studio.labelling.tables import labels, units
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.verify import verify
from studio_harness import House, crawl, served
from studio_places import place

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
EXAMPLES, POINTS = 12, (5, -3, 2)
JUDGE, SYSTEM = "openai/canary-grader", "openai/canary-system"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a run of a grader's verdicts."""
    folder = tmp_path_factory.mktemp("run")
    rng = random.Random(0)
    answers: list[dict[str, Any]] = [
        row(f"e{number}", POINTS)
        | {
            "model": SYSTEM,
            "grader": JUDGE,
            "response": f"made-up answer {number}",
            "criteria_met": [rng.random() < 0.6 for _ in POINTS],
            "explanations": ["canary-explanation"] * len(POINTS),
        }
        for number in range(EXAMPLES)
    ]
    file, store = write_rows(folder / "board.jsonl", answers), folder / "p.db"
    run(["import", "graded", str(file), "--benchmark", "healthbench", "--store", str(store)])
    return store


def run(arguments: list[str]) -> None:
    assert main(arguments) == 0


@pytest.fixture(scope="module")
def found(made: Path) -> list[Item]:
    with Store(made) as store:
        return criteria_of(store, store.run("board"))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    assert house.told == []
    house.close()


@pytest.fixture
def connection(house: House) -> Iterator[sa.Connection]:
    with house.studio.engine.begin() as opened:
        yield opened


class Labeller:
    """Somebody who labels by commands, and answers as they are told to."""

    def __init__(self, connection: sa.Connection, name: str, says: Said = "met", **of: Any) -> None:
        self.connection, self.who, self.says = connection, Who(name, "s"), says
        self.worker, self.now = Worker(person=name, **of), NOON

    def next(self) -> str | None:
        draw = random.Random(0)
        return queue.next_unit(self.connection, self.worker, now=self.now, draw=draw)

    def say(self, unit: str, said: Said = "met", **more: str) -> None:
        queue.label(self.connection, self.worker, self.who, unit, said, now=self.now, **more)

    def all(self) -> list[str]:
        """Label until nothing is left."""
        done = []
        while (unit := self.next()) is not None:
            self.say(unit, self.says)
            done.append(unit)
        return done


def test_a_draw_keeps_the_chance_of_each_and_a_larger_one_has_all_of_it(
    connection: sa.Connection, found: list[Item]
) -> None:
    """What weighs more is likelier; chances add up to the number; the larger draw raises them."""
    chances = chances_of(found, "audit", 12)
    assert sum(chances) == pytest.approx(12)
    by_points = {
        abs(item.example.criteria[item.index].points): chance
        for item, chance in zip(found, chances, strict=True)
    }
    assert by_points[5] > by_points[3] > by_points[2]
    first = pull(connection, None, found, way="audit", count=12)
    assert {unit.chance for unit in first.units} <= set(chances)
    second = pull(connection, None, found, way="audit", count=len(found))
    assert len(first.units) + len(second.units) == len(found)
    assert first.units
    assert set(connection.scalars(sa.select(units.c.chance))) == {1.0}
    with pytest.raises(InputError, match="drawn before"):
        pull(connection, None, found, way="audit", count=len(found))
    with pytest.raises(InputError, match="do not make one sample"):
        pull(connection, None, found, way="answers", count=2)


def test_the_most_telling_and_whole_answers(connection: sa.Connection, found: list[Item]) -> None:
    """The most telling are chosen with chance 1; of whole answers every criterion is drawn."""
    assert sum(chances_of(found, "telling", 5)) == 5
    drawn = pull(connection, None, found, way="answers", count=6)
    assert len(drawn.units) == len(POINTS) * len(drawn.answers)
    assert {unit.chance for unit in drawn.units} == {0.5}


@pytest.mark.both
def test_a_unit_has_one_labeller_or_two_and_a_lease_of_fifteen_minutes(
    house: House, connection: sa.Connection, found: list[Item]
) -> None:
    """Nobody gets what others have or have labelled, until their fifteen minutes are over."""
    drawn = pull(connection, None, found, way="audit", count=len(found))
    seats = {unit.id: unit.seats for unit in drawn.units}
    assert 0 < sum(each > 1 for each in seats.values()) < len(seats)
    single = [unit for unit, number in seats.items() if number == 1]
    ann, bob, cleo = (Labeller(connection, name) for name in ("ann", "bob", "cleo"))
    held = ann.next()
    assert held is not None
    assert ann.next() == held
    assert held in bob.all() or seats[held] == 1
    given = dict.fromkeys(seats, 0)
    for person in (ann, cleo):
        for unit in person.all():
            given[unit] += 1
    assert set(connection.scalars(sa.select(labels.c.unit))) == set(seats)
    assert all(given[unit] <= 1 for unit in single)
    later = Labeller(connection, "dan")
    assert later.next() is None
    # What is undone is held for a quarter of an hour, then it is anybody's.
    last = queue.last_label(connection, "ann")
    assert last is not None
    queue.undo(connection, ann.who, last.unit, now=NOON, draw=random.Random(0))
    assert ann.next() == last.unit
    assert later.next() is None
    ann.now = later.now = NOON + timedelta(minutes=16)
    assert later.next() == last.unit
    with pytest.raises(Refused, match="others have it now"):
        ann.say(last.unit)


def test_a_label_is_said_once_and_only_the_last_is_undone(
    connection: sa.Connection, found: list[Item]
) -> None:
    """The same again is no second label, another is refused; cannot tell needs a reason."""
    pull(connection, None, found, way="audit", count=len(found))
    ann = Labeller(connection, "ann")
    one = ann.next()
    assert one is not None
    with pytest.raises(InputError, match="choose why"):
        ann.say(one, "cannot_tell")
    ann.say(one, "met")
    ann.say(one, "met")
    with pytest.raises(Refused, match="you said met before"):
        ann.say(one, "not_met")
    two = ann.next()
    assert two is not None
    ann.say(two, "cannot_tell", reason="field")
    draw = random.Random(0)
    with pytest.raises(Refused, match="labelled last"):
        queue.undo(connection, ann.who, one, now=NOON, draw=draw)
    queue.undo(connection, ann.who, two, now=NOON, draw=draw)
    assert ann.next() == two
    assert queue.done(connection, "ann") == 1


def test_nobody_labels_their_own_task_another_field_or_a_declared_vendor(
    house: House, connection: sa.Connection, found: list[Item]
) -> None:
    """The task is known by its id; what is not known of a unit keeps nobody from it."""
    pull(connection, None, found, way="audit", count=len(found))
    assert Labeller(connection, "ann", vendors=frozenset({"OpenAI"})).next() is None
    assert Labeller(connection, "bob", specialties=frozenset({"cardiology"})).next() is not None
    connection.execute(units.update().values(item="t1", language="pt-br"))
    texts = {"id": "t1", "author": "cleo", "state": "accepted", "mode": "good_faith"}
    texts |= {"use_case": "", "specialty": "", "language": "pt", "system": ""}
    numbers = {"difficult": False, "version": 1, "rounds": 0, "since": 1}
    connection.execute(items.insert().values(texts | numbers))
    assert Labeller(connection, "cleo").next() is None
    assert Labeller(connection, "dan", languages=frozenset({"en"})).next() is None
    eve = Labeller(connection, "eve", languages=frozenset({"pt"}))
    unit = eve.next()
    assert unit is not None
    eve.say(unit)
    assert gathered.contributors(connection, {"t1"})["labeller"] == {"eve"}
    given = gathered.labels(connection, {"t1"})  # the run's examples have other ids
    assert {each["prompt_id"] for each in given} == {"t1"}
    assert {each["grader"] for each in given} == {"eve", rows.MAJORITY}
    assert gathered.meta_eval(connection, {"t1"})[0]["prompt_id"] == "t1"
    assert gathered.labels(connection, {"t2"}) == []


@pytest.mark.both
def test_gold_is_mixed_in_for_everybody_and_is_in_no_estimate(
    connection: sa.Connection, found: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each labeller gets the same checks, in an order of their own, until there is no more."""
    right = {item.id: Mark(True, "canary-gold") for item in found[:3]}
    drawn = pull(connection, None, found, way="telling", count=1, gold=right)
    gold = {unit.id for unit in drawn.units if unit.gold is not None}
    assert len(gold) == 3
    monkeypatch.setattr(queue, "GOLD", 1.0)
    for name in ("ann", "bob"):
        assert gold <= set(Labeller(connection, name).all())
    only_gold = {unit.mark for unit in drawn.units if unit.chance is None}
    assert only_gold
    assert not [each for each in rows.meta_eval_rows(connection) if _mark(each) in only_gold]


def _mark(line: dict[str, Any]) -> str:
    from preceptor.records import content_key

    return f"{line['completion_id']}.{content_key(line['rubric'])[:8]}"


def test_the_estimate_weighs_labels_by_their_chance(
    connection: sa.Connection, found: list[Item], made: Path
) -> None:
    """Where all is labelled it is the labels' score; of a part, an interval that holds it."""
    with Store(made) as store:
        result = load_result(store, store.run("board"))
    with pytest.raises(InputError, match="nothing of it was drawn"):
        estimate(connection, result)
    pull(connection, None, found, way="audit", count=24)
    assert estimate(connection, result) is None
    score = result.metrics["overall_score"].raw_mean
    for name in ("ann", "bob"):
        Labeller(connection, name, says="not_met").all()
    part = estimate(connection, result)
    assert part is not None
    assert part.run_ci95 is not None
    assert 0 < part.labelled < len(found)
    assert part.run_ci95[0] <= 0 <= part.run_ci95[1] < score
    pull(connection, None, found, way="audit", count=len(found))
    for name in ("ann", "bob"):
        Labeller(connection, name, says="not_met").all()
    whole = estimate(connection, result)
    assert whole is not None
    assert (whole.value, whole.run_se) == (pytest.approx(0), 0)


def test_outside_my_field_leaves_the_seat_to_others(
    connection: sa.Connection, found: list[Item]
) -> None:
    """It is a label, and not the one that the unit waits for."""
    pull(connection, None, found, way="audit", count=len(found))
    ann, bob = Labeller(connection, "ann"), Labeller(connection, "bob")
    unit = ann.next()
    assert unit is not None
    ann.say(unit, "cannot_tell", reason="field")
    assert bob.next() == unit
    assert ann.next() != unit


# The page


def test_the_page_labels_by_one_button_and_shows_no_verdict(
    house: House, found: list[Item]
) -> None:
    """What the grader says, which system answered, and what checks people is on no page."""
    right = {found[0].id: Mark(True, "canary-gold")}
    house.studio.write_now(
        lambda connection: pull(connection, None, found, way="audit", count=36, gold=right)
    )
    client = house.signed_in("labeller")

    def page() -> str:
        return str(client.get("/labels").text)

    def do(button: str, **fields: str) -> Any:
        return house.post(client, "/labels", {"do": button, **fields})

    def shown() -> str:
        return page().split('name="unit" value="')[1].split('"')[0]

    assert "Label the next" in page()
    assert do("next").headers["location"] == "/labels"
    for _, address, response in crawl(house):
        for canary in ("canary-", "gold", "0.9", "probability"):
            assert canary not in response.text, (address, canary)
    one = shown()
    assert do("met", unit=one).status_code == 303
    assert "Undo the last" in page()
    # The keys work without a focus where a page has one group of them, and no two of a key.
    assert page().count('data-keys="on"') == 1
    assert sorted(re.findall('data-key="(.)"', page())) == ["1", "2", "3", "u"]
    assert "met." in page()
    two = shown()
    why = do("cannot_tell", unit=two, comment="Which dose?")
    assert why.status_code == 200
    assert "Why can you not tell?" in why.text
    assert "Which dose?" in why.text
    do("cannot_tell-criterion", unit=two, comment="Which dose?")
    assert shown() not in (one, two)
    refused = do("not_met", unit=one)
    assert refused.status_code == 422
    assert "undo that first" in refused.text
    do(f"undo-{two}", keys="off")
    assert shown() == two
    off = client.get("/labels?keys=off").text
    assert "data-key" not in off
    assert 'name="keys" value="off"' in off
    with house.studio.read() as connection:
        assert list(connection.execute(sa.select(labels.c.unit, labels.c.said))) == [(one, "met")]
    assert house.kinds()[-3:] == ["labelled", "labelled", "unlabelled"]
    assert verify(house.studio).faults == ()


def test_letters_label_and_can_be_turned_off(
    chromium: Any, house: House, found: list[Item]
) -> None:
    """1, 2, 3 with its reason, and U; none while a note is typed, and none once they are off."""
    house.studio.write_now(lambda c: pull(c, None, found, way="audit", count=36))

    def said() -> list[str]:
        with house.studio.read() as connection:
            return list(connection.scalars(sa.select(labels.c.said).order_by(labels.c.seq)))

    with served(house) as address:
        secret = house.signed_in("labeller").cookies.get(house.cookie)
        context = chromium.new_context()
        context.add_cookies([{"name": house.cookie, "value": secret, "url": address}])
        page = context.new_page()
        page.goto(f"{address}labels")
        page.press("button[value=next]", "Enter")

        def press(key: str, then: str) -> None:
            page.keyboard.press(key)
            page.wait_for_selector(f"main >> text={then}")

        page.wait_for_selector("[data-key='1']")
        press("1", "You have labelled 1.")
        press("2", "You have labelled 2.")
        press("3", "Why can you not tell?")
        press("0", "Does the answer meet this criterion?")
        page.wait_for_selector("[value=met]")
        press("3", "Why can you not tell?")
        press("2", "You have labelled 3.")
        assert said() == ["met", "not_met", "cannot_tell"]
        press("u", "You have labelled 2.")
        page.focus("#comment")
        page.keyboard.type("12u")
        assert page.input_value("#comment") == "12u"
        page.press("text=Turn the keys off", "Enter")
        page.wait_for_selector("text=The keys are off.")
        for key in "123u":
            page.keyboard.press(key)
        assert said() == ["met", "not_met"]
        page.press("button[value=met]", "Enter")
        page.wait_for_selector("text=You have labelled 3.")
        page.wait_for_selector("text=The keys are off.")
        context.close()


# What comes of it


@pytest.mark.both
def test_labels_go_to_audit_and_correct(
    house: House, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run is drawn, labelled by two people, imported, audited and corrected, by commands."""
    db, store = place(tmp_path), str(made)
    run(["studio", "pull", "board", "-n", "40", "--store", store, "--db", db, "--json"])
    assert json.loads(capsys.readouterr().out)["units"] == EXAMPLES * len(POINTS)

    def work(connection: sa.Connection) -> None:
        ann, bob = (Labeller(connection, house.people[name]) for name in ("labeller", "lead"))
        for number in range(12):
            unit = bob.next()
            assert unit is not None
            bob.say(unit, "not_met" if number % 3 else "met")
        unit = ann.next()
        assert unit is not None
        ann.say(unit, "cannot_tell", reason="other", comment="no unit")
        ann.all()

    house.studio.write_now(work)
    file = str(tmp_path / "labels.jsonl")
    run(["studio", "labels", "-o", file, "--db", db])
    lines = [json.loads(line) for line in Path(file).read_text("utf-8").splitlines()]
    assert {line["run"] for line in lines} == {"rater-1-board", "rater-2-board", "physicians-board"}
    assert house.people["labeller"] not in Path(file).read_text("utf-8")
    mine = [line for line in lines if line["grader"] == "rater-2"]
    told = [why for line in mine for why in zip(line["reasons"], line["explanations"], strict=True)]
    assert ("cannot_tell", "Another reason: no unit") in told
    assert {each for line in mine for each in line["inclusion_probabilities"]} == {1.0}
    run(["import", "graded", file, "--benchmark", "healthbench", "--store", store])
    capsys.readouterr()
    grader = ["--grader", "board", "--store", store, "--json"]
    run(["audit", "rater-1-board", "rater-2-board", *grader])
    assert json.loads(capsys.readouterr().out)["agreement"]["labels"] > 36
    run(["correct", "board", "--labels", "physicians-board", "--store", store, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["corrected"]["value"] is not None
    assert found["labelled"] >= EXAMPLES - 2
    run(["studio", "estimate", "board", "--store", store, "--db", db, "--json"])
    assert json.loads(capsys.readouterr().out)["corrected"]["labelled"] > 30
    meta = str(tmp_path / "meta.jsonl")
    run(["studio", "labels", "-o", meta, "--meta-eval", "--db", db])
    capsys.readouterr()
    run(["audit", meta, "--grader", JUDGE, "--json"])
    assert json.loads(capsys.readouterr().out)["score"] is not None
