"""What a lead steers by in the studio: samples, agreement, the log, active time, scores."""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from preceptor.audit.labels import read_meta_eval
from preceptor.audit.panel import panel_audit
from preceptor.audit.ratings import read_ratings
from preceptor.audit.report import audit
from preceptor.cli import main
from preceptor.errors import InputError
from preceptor.statistics.intervals import median_interval
from preceptor.studio.exchange import gathered
from preceptor.studio.items import assignment, commands
from preceptor.studio.items.content import (
    Content,
    CriterionReview,
    ItemCriterion,
    Rating,
    Review,
    Turn,
)
from preceptor.studio.items.tables import items
from preceptor.studio.items.workflow import Refused
from preceptor.studio.labelling.acts import Labelled, Pulled, PulledAnswer, PulledUnit
from preceptor.studio.labelling.rows import meta_eval_rows
from preceptor.studio.ledger.acts import ACTS, Event, Who
from preceptor.studio.ledger.chain import append
from preceptor.studio.ledger.verify import verify
from preceptor.studio.oversight import active_time, agreement, sampler, scores
from preceptor.studio.oversight.agreement import Judgement
from preceptor.studio.oversight.rated import ScaleAgreement
from preceptor.studio.oversight.sampler import Candidate, Plan
from preceptor.studio.oversight.scores import Measure
from preceptor.studio.people.roles import Offer
from studio_harness import SAME_SITE, House

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
FAIR = replace(BAD, overall=4)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("leading"))
    yield house
    assert house.told == []
    assert verify(house.studio).faults == ()
    house.close()


def who(house: House, name: str) -> Who:
    return Who(house.people[name], "s")


def handed_in(
    connection: sa.Connection, by: Who, rating: Rating = FAIR, content: Content = CONTENT
) -> str:
    item = commands.create(connection, by, content.mode, "cardiology", "en")
    commands.submit(connection, by, item, content, rating)
    return item


# Samples


def crowd(hard: int, easy: int) -> list[Candidate]:
    return [
        Candidate(str(i), "submitted", i < hard, "good_faith", "", "") for i in range(hard + easy)
    ]


@pytest.mark.parametrize(("hard", "easy", "size"), [(100, 900, 200), (37, 411, 90), (300, 300, 60)])
def test_difficult_tasks_are_drawn_three_and_a_half_times_as_often(
    hard: int, easy: int, size: int
) -> None:
    """The chances have that ratio but for one task of rounding, and the weights sum to all."""
    drawn = sampler.draw(crowd(hard, easy), size, 3.5, 1)
    rich = sum(int(item) < hard for item in drawn)
    assert len(drawn) == size
    assert abs(rich - size * 3.5 * hard / (3.5 * hard + easy)) < 1
    assert sum(drawn.values()) == pytest.approx(hard + easy)
    assert drawn == sampler.draw(crowd(hard, easy), size, 3.5, 1)


def test_the_weighted_mean_of_a_sample_is_that_of_all() -> None:
    """Over 1,000 seeds the mean error is within four standard errors; unweighted it is far off."""
    found = crowd(8, 32)
    truths = np.random.default_rng(0).random(40) + [
        0.0 if each.difficult else 1.0 for each in found
    ]
    weighted, plain = np.empty(1_000), np.empty(1_000)
    for seed in range(1_000):
        drawn = sampler.draw(found, 12, 3.5, seed)
        values = truths[[int(item) for item in drawn]]
        weighted[seed] = np.average(values, weights=list(drawn.values()))
        plain[seed] = values.mean()
    off = weighted - truths.mean()
    assert abs(off.mean()) < 4 * off.std() / np.sqrt(1_000)
    assert plain.mean() < truths.mean() - 0.1


def test_a_sample_that_cannot_be_drawn_is_refused() -> None:
    """Too many, too few for two kinds, and none at all; one kind alone is drawn evenly."""
    for found, size in ((crowd(2, 2), 5), (crowd(2, 2), 1), ([], 1)):
        with pytest.raises(InputError, match=r"expected|no task"):
            sampler.draw(found, size, 3.5, 0)
    for found in (crowd(4, 0), crowd(0, 4)):
        assert list(sampler.draw(found, 2, 3.5, 0).values()) == [2.0, 2.0]


def test_a_lead_draws_what_the_table_showed(house: House) -> None:
    """The drawn are queued and the rest parked, in one step; later tasks ask for another look."""
    by, client = who(house, "author"), house.signed_in("lead")

    def fill(connection: sa.Connection) -> None:
        for rating in (BAD,) * 4 + (FAIR,) * 8:
            handed_in(connection, by, rating)
        attack = replace(CONTENT, mode="red_teaming")
        handed_in(connection, by, FAIR, attack)

    house.studio.write_now(fill)
    fields = {"size": "6", "ratio": "3,5", "seed": "7", "only_hard_attacks": "1", "do": "preview"}
    page = house.post(client, "/sampling", fields)
    assert "6 of 12 tasks would be drawn" in page.text
    seen = re.search(r'name="seen" value="(\w+)"', page.text)
    assert seen is not None
    wanted = {**fields, "do": "draw", "seen": seen.group(1)}
    changed = house.post(client, "/sampling", {**wanted, "seed": "8"})
    assert changed.status_code == 422
    assert "look at the new table" in changed.text
    assert "6 of 12 tasks would be drawn" in changed.text
    assert house.post(client, "/sampling", wanted).headers["location"] == "/sampling?done=drawn"
    with house.studio.read() as connection:
        found = connection.execute(sa.select(items.c.id, items.c.state, items.c.difficult)).all()
        weights = sampler.weights(connection)
    assert {row.id for row in found if row.state == "in_review"} == set(weights)
    assert sum(row.difficult for row in found if row.state == "in_review") == 4
    assert sum(row.state == "parked" for row in found) == 7
    assert sum(weights.values()) == pytest.approx(12)
    assert house.kinds().count("sampled") == 1


def test_a_second_draw_from_the_parked_leaves_no_task_counted_twice(house: House) -> None:
    """Tasks of the first draw stand for themselves then, and the weights sum to all tasks."""
    by = who(house, "author")

    def again(connection: sa.Connection) -> None:
        plan = Plan(size=3, seed=1)
        with pytest.raises(Refused, match="look at the new table"):
            sampler.sample(connection, by, plan, "x")
        found = sampler.candidates(connection, plan)
        assert {each.state for each in found} == {"parked"}
        sampler.sample(connection, by, plan, sampler.preview(found, plan).seen)
        weights = sampler.weights(connection)
        assert sum(weights.values()) == pytest.approx(12)
        assert sorted(weights.values())[:6] == [1.0] * 6
        for item in weights:
            connection.execute(items.update().where(items.c.id == item).values(state="accepted"))
        released = sampler.release_sample(connection, list(weights), 9, 0)
        assert released == weights
        assert gathered.weights(connection, list(weights)[:2]) == dict(list(weights.items())[:2])
        raise InputError("undo")

    with pytest.raises(InputError, match="undo"):
        house.studio.write_now(again)


# Agreement


def a_review(
    content: Content,
    drops: Collection[str] = (),
    *,
    realistic: bool = True,
    scores: dict[str, int] | None = None,
) -> Review:
    return Review(
        scores=scores or {},
        realistic=realistic,
        flaw=True,
        approve=not drops,
        criteria=tuple(
            CriterionReview(criterion=each.id, decision="drop", reason="subjective")
            if each.id in drops
            else CriterionReview(criterion=each.id)
            for each in content.criteria
        ),
    )


@pytest.fixture(scope="module")
def reviewed(house: House) -> list[str]:
    """Twelve tasks of two criteria that two people reviewed, unlike each other in some."""
    draw, rate = random.Random(1), random.Random(3)
    second = house.people["adjudicator"]

    def fill(connection: sa.Connection) -> list[str]:
        made = []
        for number in range(12):
            said = {"accuracy": rate.randint(1, 6)}
            rating = replace(BAD, overall=rate.randint(1, 2), dimensions=said)
            item = handed_in(connection, who(house, "author-2"), rating)
            commands.move(connection, None, item, "queue")
            for person in (house.people["reviewer"], second):
                drops = [each for each in "ab" if draw.random() < 0.4]
                near = {"accuracy": max(1, said["accuracy"] - rate.randint(-1, 2))}
                found = a_review(
                    CONTENT,
                    drops,
                    realistic=number > 3 or person == second,
                    scores=near if person != second else {},
                )
                commands.review(connection, Who(person, "s"), item, found)
            made.append(item)
        return made

    return house.studio.write_now(fill)


@pytest.fixture(scope="module")
def labelled(house: House) -> None:
    """Answers to twelve tasks, a criterion each, with the labels of two people."""
    draw = random.Random(2)

    def fill(connection: sa.Connection) -> None:
        made = [
            PulledAnswer(
                example=replace(CONTENT, messages=(Turn("user", f"No. {n}"),)).example(
                    str(n), None
                ),
                text="Yes",
                key=str(n),
            )
            for n in range(12)
        ]
        units = [
            PulledUnit(id=f"u{n}", answer=n, criterion=n % 2, mark=str(n), met=True, chance=1.0)
            for n in range(12)
        ]
        act = Pulled(answers=tuple(made), units=tuple(units), grader="g", system="s", run="r")
        append(connection, act, by=None, subject="pull")
        for n in range(12):
            for person in ("labeller", "reviewer"):
                said = draw.choice(["met", "met", "not_met"]) if n else "cannot_tell"
                by = who(house, person)
                append(connection, Labelled(), by=by, subject=f"u{n}", outcome=said)

    house.studio.write_now(fill)


@pytest.mark.parametrize("of", ["labels", "reviews"])
def test_agreement_is_that_of_the_audit_on_the_same_labels(
    of: str, house: House, reviewed: list[str], labelled: None, tmp_path: Path
) -> None:
    """What `preceptor audit` says of the exported labels, intervals included, to the 12th digit."""
    with house.studio.read() as connection:
        rows: list[Any] = list(meta_eval_rows(connection))
        said = list(agreement.of_labels(rows))
        if of == "reviews":
            said = list(agreement.of_reviews(connection))
    found = next(each for each in agreement.agreed(said) if not each.group)
    if of == "reviews":
        rows = [
            {
                "prompt": [{"role": "user", "content": row.prompt}],
                "completion": "-",
                "rubric": row.criterion,
                "binary_labels": row.labels,
                "anonymized_physician_ids": row.physicians,
                "graders": {"g": True},
            }
            for row in agreement.judged(each for each in said if each.question == found.question)
        ]
    path = tmp_path / "labels.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    expected = audit(read_meta_eval(path), "g").agreement.among_physicians
    assert expected is not None
    assert (found.units, found.tasks) == ((11, 11) if of == "labels" else (12, 12))
    assert found.found.prompts == expected.prompts
    for name in ("observed", "macro_f1", "kappa", "ac1", "alpha"):
        ours, theirs = getattr(found.found, name), getattr(expected, name)
        assert ours.value == pytest.approx(theirs.value, abs=1e-12)
        assert ours.ci95 == pytest.approx(theirs.ci95, abs=1e-12)


def test_agreement_on_ratings_is_that_of_the_audit(
    house: House, reviewed: list[str], tmp_path: Path
) -> None:
    """Author and reviewer of one answer are two raters, also in the table that is exported."""
    with house.studio.read() as connection:
        said = list(agreement.judgements(connection))
    found = next(each for each in agreement.agreed(said) if "accuracy" in each.question)
    assert (found.units, found.tasks) == (12, 12)
    measured = found.found
    assert isinstance(measured, ScaleAgreement)
    file = tmp_path / "ratings.csv"
    assert (
        main(["studio", "labels", "--ratings", "-o", str(file), "--db", house.studio.address]) == 0
    )
    table = read_ratings(file, "ordinal")
    assert not set(house.people.values()) & set(table.raters)
    rows = list(csv.DictReader(file.read_text("utf-8").splitlines()))
    rater = next(row["rater"] for row in rows if row["criterion"] == "accuracy")
    audited = panel_audit(table, rater).raters[0]
    for name in ("observed", "kappa", "alpha"):
        ours, theirs = getattr(measured, name), getattr(audited, name)
        assert ours.value == pytest.approx(theirs.value, abs=1e-12)
        assert ours.ci95 == pytest.approx(theirs.ci95, abs=1e-12)
    assert audited.icc is not None
    assert measured.icc.value == pytest.approx(audited.icc.agreement.value, abs=1e-12)
    assert measured.icc.ci95 is not None
    page = house.signed_in("lead").get("/agreement").text
    assert "Weighted kappa" in page
    assert "1 to 7: accuracy" in page
    assert "1 to 7: overall" not in page  # the reviewers did not say it
    own = agreement.agreed_with(said, house.people["reviewer"])
    (mine,) = (each for each in own if "accuracy" in each.question and not each.group)
    assert mine.found.observed == measured.observed


def test_agreement_is_shown_by_thirds_of_the_criterions_length() -> None:
    """Each third has a third of what two people judged; what one alone judged moves no border."""
    said = [
        Judgement("q", f"t{n}", "u", person, person == "a" or n % 2 == 0, words=n + 1)
        for n in range(36)
        for person in "ab"
    ]
    said += [Judgement("q", f"x{n}", "u", "a", said=True, words=1) for n in range(50)]
    found = {each.group: each.units for each in agreement.agreed(said)}
    assert found == {"": 36, "Words: 1 to 12": 12, "Words: 13 to 24": 12, "Words: 25 or more": 12}
    assert list(found) == ["", "Words: 1 to 12", "Words: 13 to 24", "Words: 25 or more"]
    same = agreement.agreed(replace(each, words=4) for each in said)
    assert [each.group for each in same] == ["", "Words: 1 to 4"]


def test_agreement_is_of_first_words_and_of_ten_units() -> None:
    """What is said after another's review is seen does not count, nor does what one alone saw."""
    said = [
        Judgement("q", f"t{n}", "u", person, person == "a" or n < 5, ("Points above 0",))
        for n in range(10)
        for person in "ab"
    ]
    later = [replace(each, said=True) for each in said]
    alone = [Judgement("q", f"x{n}", "u", "a", said=True) for n in range(20)]
    (every, group) = agreement.agreed([*said, *later, *alone])
    assert (every.units, every.found.observed.value, group.group) == (10, 0.5, "Points above 0")
    assert agreement.agreed(said[2:]) == []
    (mine, _) = agreement.agreed_with(said, "b")
    assert mine.found.observed.value == 0.5
    assert agreement.agreed_with(said, "c") == []


def test_agreement_of_all_is_for_leads_and_ones_own_for_others(
    house: House, reviewed: list[str], labelled: None
) -> None:
    """A reviewer or labeller sees themselves with the others; what was taken back is left out."""
    lead = house.signed_in("lead").get("/agreement").text
    assert "Everybody with each other" in lead
    assert "You with the others" not in lead
    assert "24 in 12 tasks" in lead
    assert "Specialty: cardiology" in lead
    assert "Points below 0" in lead
    labels = house.signed_in("labeller").get("/agreement").text
    assert "11 in 11 tasks" in labels
    assert "The answer meets the criterion" in labels
    assert "realistic" not in labels
    own = house.signed_in("reviewer").get("/agreement").text
    assert "Everybody with each other" not in own
    assert "24 in 12 tasks" in own
    person = house.people["adjudicator"]

    def gone(connection: sa.Connection) -> None:
        commands.take_back(connection, None, person)
        assert agreement.agreed(agreement.of_reviews(connection)) == []
        raise InputError("undo")

    with pytest.raises(InputError, match="undo"):
        house.studio.write_now(gone)


# The log


def test_the_log_is_read_by_kind_and_by_what_it_is_about(house: House, reviewed: list[str]) -> None:
    """The latest come first, fifty a page; a number that is none is not an error."""
    client, task = house.signed_in("lead"), reviewed[0]
    page = client.get("/log").text
    numbers = [int(each) for each in re.findall(r"Event </span>(\d+)<", page)]
    assert numbers == list(range(numbers[0], numbers[0] - 50, -1))
    link = re.search(r'href="(/log[^"]*before=[^"]*)"', page)
    assert link is not None
    later = client.get(link.group(1).replace("&amp;", "&")).text
    assert f"Event </span>{numbers[-1] - 1}<" in later
    of_task = client.get("/log", params={"about": task}).text
    first, *_, last = re.findall(r"<td dir=\"auto\">([^<]+)", of_task)
    assert first == f"Task {task} reviewed, now revising, by {house.people['adjudicator']}"
    assert last == f"Task {task} begun, now draft, by {house.people['author-2']}"
    some = client.get("/log", params={"kind": "sampled", "before": "x"}).text
    assert "Sampled: 6 of 12 tasks, difficult ones 3.5 times as likely, seed 7" in some
    assert "No such event" in client.get("/log", params={"kind": "nothing"}).text


def test_a_lead_who_takes_part_reads_nothing_that_they_may_not_know(
    house: House, reviewed: list[str], labelled: None
) -> None:
    """Neither who wrote a task that they may review, nor another's label."""
    offer = Offer(roles=("lead", "reviewer", "labeller"))
    house.people["lead-2"] = house.join("lead-2", offer)
    for name, shown in (("lead", 5), ("lead-2", 0)):
        client = house.signed_in(name)
        of_task = client.get("/log", params={"about": reviewed[0]}).text
        assert of_task.count("Event </span>") == shown
        labels = client.get("/log", params={"kind": "labelled"}).text
        assert labels.count("Event </span>") == (24 if shown else 0)
    del house.people["lead-2"]


def test_every_kind_of_event_is_a_sentence() -> None:
    """Also where its payload was erased, and of a kind without words of its own."""
    every = [cls for cls in ACTS.values() if cls.__module__.startswith("preceptor.")]
    ours = [cls for cls in every if not cls.__name__.startswith("_")]
    assert len(ours) > 20
    for cls in ours:
        made = cls().sentence(Event(1, "", "ann", "s", cls.kind, "x", "", "", "", "", "", ""))
        assert made
        assert "{}" not in made


def test_notes_about_the_guideline_are_listed_for_leads(house: House, reviewed: list[str]) -> None:
    """With the task, and without who wrote them."""
    note = "How sure is <sure>?"
    by = who(house, "reviewer")
    house.studio.write_now(
        lambda connection: commands.note_guideline(connection, by, reviewed[0], note)
    )
    page = house.signed_in("lead").get("/notes").text
    assert "How sure is &lt;sure&gt;?" in page
    assert reviewed[0] in page
    assert by.person not in page


# Active time


def test_time_is_counted_once_and_up_to_a_limit(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two pages count once, a pause not at all; elsewhere than at one's own work it is other."""
    by, now = who(house, "author-2"), 1_800_000_000.0
    most = {"writing": 150.0, "other": 40.0, "labelling": 90.0, "categorising": 90.0}
    monkeypatch.setattr(active_time, "MOST_S", most)

    def work(connection: sa.Connection) -> None:
        item = commands.create(connection, by, "good_faith", "cardiology", "en")
        path, person = f"/tasks/{item}", by.person
        for second in (0, 15, 22, 30, 4_000):
            active_time.beat(connection, person, path, now + second)
        assert [each.seconds for each in active_time.slices(connection, person)] == [60.0]
        for beat in range(1, 9):
            active_time.beat(connection, person, path, now + 4_000 + 15 * beat)
        (found,) = active_time.totals(active_time.slices(connection, person))
        assert (found.work, found.tasks, found.seconds) == ("writing", 1, 150)
        for beat in range(4):
            for other in ("/tasks/of-nobody", "/reviews/x", "/account", "", "/tasks/" + item[:-1]):
                active_time.beat(connection, person, other, now + 50_000 + 15 * beat)
        other, _ = active_time.totals(active_time.slices(connection, person))
        at = datetime.fromtimestamp(now + 90_000, UTC)
        for kind, subject in (("label", "u"), ("categorise", "t")):
            assignment.hold(connection, person, kind, subject, now=at, draw=random.Random(0))
        for number, page in enumerate(("/labels", "/categories")):
            active_time.beat(connection, person, page, now + 90_000 + 15 * number)
        found = [(each.work, each.subject) for each in active_time.slices(connection, person)]
        assert {("labelling", "u"), ("categorising", "t")} <= set(found)
        assert (other.work, other.tasks, other.seconds) == ("other", 0, 40)
        raise InputError("undo")

    with pytest.raises(InputError, match="undo"):
        house.studio.write_now(work)


def test_active_time_is_for_the_person_and_for_leads(house: House) -> None:
    """A beat needs the form's token, and is no event; the account page and the table show it."""
    client, before = house.signed_in("author-2"), house.kinds()
    address = house.post(
        client, "/tasks/new", {"mode": "good_faith", "specialty": "x", "language": "en"}
    ).headers["location"]
    for _ in range(8):
        house.now += 15
        assert house.post(client, "/active", {"path": address}).status_code == 204
    assert client.post("/active", data={"path": address}, headers=SAME_SITE).status_code == 401
    assert house.kinds() == [*before, "created"]
    assert "2 min on 1 task<" in client.get("/account").text
    table = house.signed_in("lead").get("/active.csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    day, person, *rest = table.text.splitlines()[1].split(",")
    assert (len(day), person.strip("'"), rest[0], rest[2]) == (
        *(10, house.people["author-2"], "writing", "120"),
    )
    assert client.get("/active.csv").status_code == 403


# Scores


@pytest.fixture(scope="module")
def decided(house: House) -> None:
    """Ten tasks of two criteria, accepted without their second; the reviewer dropped it in six."""
    author, reviewer = who(house, "writer"), who(house, "labeller")

    def fill(connection: sa.Connection) -> None:
        for number in range(10):
            item = commands.create(connection, author, "good_faith", "cardiology", "en")
            dismissed = ("vague",) if number == 0 else ()
            commands.submit(connection, author, item, CONTENT, FAIR, dismissed=dismissed)
            commands.move(connection, None, item, "queue")
            commands.review(
                connection, reviewer, item, a_review(CONTENT, "b" if number < 6 else "")
            )
            left = replace(CONTENT, criteria=CONTENT.criteria[:1])
            if number < 6:
                commands.revise(connection, author, item, left)
            commands.adjudicate(connection, Who("x", "s"), item, "accepted", left, policy="default")

    house.studio.write_now(fill)


def test_a_score_is_shown_from_twenty_on_with_its_interval(house: House, decided: None) -> None:
    """Half of the author's criteria stand; 16 of the reviewer's 20 decisions were borne out."""
    with house.studio.read() as connection:
        stand, dismissed = scores.scores(connection, house.people["writer"])
        (right,) = scores.scores(connection, house.people["labeller"])
    assert (stand.n, stand.value) == (20, 0.5)
    assert (dismissed.n, dismissed.value, dismissed.ci95) == (10, None, None)
    assert (right.n, right.value) == (20, 0.8)
    assert right.ci95 is not None
    assert right.ci95[0] < 0.8 < right.ci95[1]


def test_the_share_right_on_gold_counts_in_tens(house: House) -> None:
    """From twenty on; who cannot tell is not right, and who is not of the field does not count."""
    by, person = who(house, "writer"), house.people["writer"]

    def share(connection: sa.Connection, marks: list[str]) -> Measure | None:
        answer = PulledAnswer(example=CONTENT.example("g", None), text="Yes", key="g")
        units = tuple(
            PulledUnit(id=f"g{n}", answer=0, criterion=0, mark=f"g{n}", gold=n % 2 == 0)
            for n in range(len(marks))
        )
        append(connection, Pulled(answers=(answer,), units=units), by=None, subject="gold")
        for n, mark in enumerate(marks):
            said, _, reason = mark.partition("-")
            append(connection, Labelled(reason=reason), by=by, subject=f"g{n}", outcome=said)
        found = scores.scores(connection, person)
        raise Shown(next((each for each in found if "known" in each.name), None))

    class Shown(Exception):
        pass

    def of(marks: list[str]) -> Measure | None:
        with pytest.raises(Shown) as shown:
            house.studio.write_now(lambda connection: share(connection, marks))
        return shown.value.args[0]  # type: ignore[no-any-return]

    right = ["met", "not_met"] * 20
    assert of(right[:9]) is None
    few = of(right[:19])
    assert few is not None
    assert (few.n, few.value) == (10, None)
    most = of(["cannot_tell", "met", *right[2:29], *["met-field"] * 3])
    assert most is not None
    assert (most.n, most.value) == (20, 0.9)
    assert most.ci95 is not None
    assert most.ci95[0] < 0.9 < most.ci95[1]


def test_a_score_is_for_the_person_and_leads_alone(house: House, decided: None) -> None:
    """Others have no address for it; a lead sees it by id, without a name."""
    page = house.signed_in("labeller").get("/score").text
    assert "80 %" in page
    path = f"/scores/{house.people['labeller']}"
    assert house.signed_in("reviewer").get(path).status_code == 403
    lead = house.signed_in("lead")
    seen = lead.get(path).text
    assert "80 %" in seen
    assert "Canary-name" not in seen
    assert lead.get("/scores/nobody").status_code == 404
    assert "too few yet" in house.signed_in("writer").get("/score").text


def test_the_interval_of_a_median_covers_it() -> None:
    """Nearly always at least 95 of 100 times, and of six values it is the range."""
    values = np.random.default_rng(0).exponential(size=(2_000, 25))
    bounds = np.array([median_interval(row)[1] for row in values])
    covered = (bounds[:, 0] <= np.log(2)) & (bounds[:, 1] >= np.log(2))
    assert 0.94 < covered.mean() < 0.98
    assert median_interval(np.arange(6.0)) == (2.5, (0.0, 5.0))
    assert median_interval(np.arange(5.0)) == (2.0, None)
