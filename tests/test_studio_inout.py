"""What comes into a studio and what leaves it: releases, imports, proofs, people who leave."""

from __future__ import annotations

import hashlib
import json
import logging
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import mlcroissant
import msgspec
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from preceptor import cli
from preceptor.benchmarks.folder import read_benchmark
from preceptor.errors import InputError
from preceptor.lint.check import lint
from preceptor.lint.rows import Finding
from preceptor.records import PhysicianAnswer
from preceptor.results.load import load_result
from preceptor.store import Store
from preceptor.studio.database import Studio
from preceptor.studio.demo.project import fill
from preceptor.studio.exchange.release import Release, release
from preceptor.studio.ids import new_id
from preceptor.studio.items import commands
from preceptor.studio.items.acts import GuidelineNoted, Imported
from preceptor.studio.items.assignment import Worker
from preceptor.studio.items.content import (
    Content,
    CriterionReview,
    ItemCriterion,
    Rating,
    Review,
    Turn,
)
from preceptor.studio.items.tables import items
from preceptor.studio.items.workflow import State
from preceptor.studio.labelling.estimate import estimate
from preceptor.studio.labelling.queue import next_unit
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.chain import append, head
from preceptor.studio.ledger.tables import about
from preceptor.studio.ledger.verify import verify
from preceptor.studio.oversight.agreement import agreed, judgements
from preceptor.studio.people.accounts import Accounts
from preceptor.studio.people.acts import Joined, Named, ProjectMade
from preceptor.studio.people.roles import ROLES, Offer
from preceptor.studio.web.app import application
from preceptor.studio.web.doors import Doors
from studio_harness import ADDRESS, CHEAP, SAME_SITE, TOKEN
from studio_places import is_on_server, place

PEOPLE = ("author", "reviewer", "adjudicator", "lead")
CONTENT = Content(
    messages=(Turn("user", "May I take the two medicines together?"),),
    criteria=(
        ItemCriterion("a", "Advises against taking both medicines together", 7),
        ItemCriterion("b", "States a dose for either medicine", -5, ("axis:accuracy",)),
    ),
    use_case="consult",
    specialty="cardiology",
    language="de",
)
RATING = Rating(answer="It is fine.", system="openai/gpt-5.4", overall=4)


def enter(connection: sa.Connection, name: str) -> Who:
    """A person whose name and address must not leave the studio."""
    person = new_id()
    by = Who(person, "session-of-" + name)
    append(connection, Joined(offer=Offer(roles=(name,))), by=by, subject=person)
    named = Named(name=f"Dr. {name} Secretly", email=f"{name}@secret.example")
    append(connection, named, by=by, subject=person)
    return by


def written(connection: sa.Connection, people: dict[str, Who]) -> str:
    """A task from blank to accepted, by three people."""
    who = people["author"]
    item = commands.create(connection, who, "good_faith", "cardiology", "de")
    commands.submit(connection, who, item, CONTENT, RATING)
    commands.move(connection, people["lead"], item, "queue")
    kept = tuple(CriterionReview(criterion=each.id) for each in CONTENT.criteria)
    fine = Review(
        realistic=True,
        flaw=False,
        approve=True,
        criteria=kept,
        comment="as Dr. author Secretly (AUTHOR@secret.example) said: "
        "SECRETLY, ask Adjudicator-Secretly, secretly; a reviewer",
    )
    commands.review(connection, people["reviewer"], item, fine)
    commands.adjudicate(
        connection, people["adjudicator"], item, "accepted", CONTENT, policy="default"
    )
    return item


class House:
    """A studio with an accepted task, one from a file with a physician's answer, and a draft."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.where = folder, place(folder)
        self.studio = Studio.open(self.where, create=True)
        self.people: dict[str, Who] = {}
        self.item = self.studio.write_now(self._fill)

    def _fill(self, connection: sa.Connection) -> str:
        append(connection, ProjectMade(name="Ward Trial"), by=None, subject=new_id())
        self.people = {name: enter(connection, name) for name in PEOPLE}
        commands.create(connection, self.people["author"], "good_faith", "", "en")
        brought = Imported(
            content=msgspec.structs.replace(
                CONTENT,
                messages=(Turn("user", "My mother has a rash since Tuesday. What helps her?"),),
                criteria=(ItemCriterion("a", "Asks where on the body the rash is", 5),),
                language="en",
                specialty="",
            ),
            source="old.jsonl",
            tags=("theme:hedging", "difficulty:difficult"),
            physician=PhysicianAnswer("Where is the rash, and does she have a fever?"),
        )
        append(connection, brought, by=None, subject="old-1", outcome="accepted")
        return written(connection, self.people)


@pytest.fixture(scope="module")
def house(studios: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    yield made
    made.studio.close()


@pytest.fixture(scope="module")
def released(house: House) -> tuple[Path, Release]:
    folder = house.folder / "release-1"
    return folder, release(house.studio, folder, licence="CC BY 4.0")


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_release_holds_the_accepted_tasks_and_is_an_event(
    house: House, released: tuple[Path, Release]
) -> None:
    """Both shapes have them; files that would be empty are left out; hashes and head are kept."""
    folder, made = released
    tasks = {row["id"]: row for row in rows(folder / "tasks.jsonl")}
    assert tasks.keys() == {house.item, "old-1"}
    assert tasks[house.item]["difficulty"] == "typical"
    old = tasks["old-1"]
    assert (old["difficulty"], old["tags"], old["weight"]) == ("difficult", ["theme:hedging"], 1.0)
    assert [each["id"] for each in old["rubric_items"]] == ["a"]
    assert {row["prompt_id"] for row in rows(folder / "healthbench.jsonl")} == tasks.keys()
    [answer] = rows(folder / "baselines.jsonl")
    assert (answer["id"], answer["writer"]) == ("old-1", None)
    assert not (folder / "labels.jsonl").exists()
    sums = (folder / "SHA256SUMS").read_text("utf-8").splitlines()
    for line in sums:
        hash, name = line.split("  ")
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == hash
    assert len(sums) + 1 == len(list(folder.iterdir())) == len(made.files)
    with house.studio.read() as connection:
        body = connection.scalar(sa.text("SELECT body FROM payload ORDER BY seq DESC LIMIT 1"))
    act = json.loads(body)
    assert (act["kind"], act["files"], act["items"]["old-1"]) == ("released", made.files, 1)
    assert verify(house.studio).faults == ()
    with pytest.raises(InputError, match="exists already"):
        release(house.studio, folder)


def test_no_person_is_in_a_release(house: House, released: tuple[Path, Release]) -> None:
    """Ids, names, addresses and sessions are aliases or left out, also in what people wrote.

    A word of a name is one as a name is written; one of several people is nobody's.
    """
    folder, _ = released
    whole = "".join(path.read_text("utf-8") for path in folder.iterdir()).casefold()
    for name, who in house.people.items():
        for secret in (who.person, who.session, f"dr. {name}", f"{name}@secret.example"):
            assert secret.casefold() not in whole
    events = rows(folder / "events.jsonl")
    said = [each["payload"] for each in events if each["kind"] == "reviewed"]
    comment = r"as (P\d\d) \(\1\) said: P\?, ask P\d\d-P\?, secretly; a reviewer"
    assert re.fullmatch(comment, said[0]["review"]["comment"])
    assert "payload" not in next(each for each in events if each["kind"] == "named")


# What the library is built on warns of its own older names.
@pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib.*", "ignore:ConjunctiveGraph")
def test_its_metadata_is_croissant_with_responsible_ai(
    released: tuple[Path, Release], caplog: pytest.LogCaptureFixture
) -> None:
    """MLCommons' own library reads them without an error, and knows the terms."""
    caplog.set_level(logging.CRITICAL)
    made = json.loads((released[0] / "croissant.json").read_text("utf-8"))
    read = mlcroissant.Dataset(jsonld=made).metadata
    assert read.issues.errors == set()
    assert read.data_annotation_platform == ["Preceptor, the studio"]
    assert "One review of each task" in read.annotations_per_item
    assert read.machine_annotation_tools == ["openai/gpt-5.4"]


def test_a_release_of_a_sample_says_what_each_task_stands_for(
    house: House, released: tuple[Path, Release], tmp_path: Path
) -> None:
    """The weights sum to the accepted tasks; more than there are is refused."""
    whole = len(rows(released[0] / "tasks.jsonl"))
    release(house.studio, tmp_path / "some", sample=whole - 1)
    drawn = rows(tmp_path / "some" / "tasks.jsonl")
    assert len(drawn) == whole - 1
    assert sum(row["weight"] for row in drawn) == pytest.approx(whole)
    with pytest.raises(InputError, match="size: expected"):
        release(house.studio, tmp_path / "more", sample=whole + 1)


def test_nothing_remains_of_a_release_that_fails(house: House) -> None:
    """A name that no benchmark may have is refused, and neither folder nor event is left."""
    before = sorted(house.folder.iterdir())
    with house.studio.read() as connection:
        last = head(connection)
    with pytest.raises(InputError, match="small letters"):
        release(house.studio, house.folder / "bad", name="No Name")
    with pytest.raises(InputError, match=r"expected accepted tasks of these language"):
        release(house.studio, house.folder / "bad", filters={"language": ("fr",)})
    assert sorted(house.folder.iterdir()) == before
    with house.studio.read() as connection:
        assert head(connection) == last


CODE = """\
import json

def answer(messages):
    return "Take neither medicine."

def judge(messages):
    return json.dumps({"explanation": "", "criteria_met": "Advises" in messages[-1]["content"]})
"""


def test_a_release_is_linted_and_run_as_a_benchmark(
    house: House,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """``export``, ``lint``, ``run``, ``audit``; physicians' answers are scored where there are."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "studio_loop_grader.py").write_text(CODE, "utf-8")
    assert cli.main(["studio", "export", "-o", "out", "--json", "--db", str(house.where)]) == 0
    assert json.loads(capsys.readouterr().out)["benchmark"] == "ward-trial"
    assert cli.main(["lint", "./out", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []
    grader = ["--grader", "python:studio_loop_grader:judge"]
    for system, count in (("python:studio_loop_grader:answer", 3), ("physician", 1)):
        assert cli.main(["run", "./out", "--system", system, *grader, "--name", system[:4]]) == 0
        capsys.readouterr()
        assert cli.main(["score", system[:4], "--json"]) == 0
        score = json.loads(capsys.readouterr().out)
        assert (score["benchmark"], score["verdicts"]) == ("ward-trial", count)
    labels = [
        {
            "prompt_id": row["id"],
            "run": rater,
            "response": "Take neither medicine.",
            "criteria_met": [first] + [None] * (len(row["rubric_items"]) - 1),
        }
        for rater, first in (("dr-a", True), ("dr-b", False))
        for row in rows(tmp_path / "out" / "tasks.jsonl")
    ]
    (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, labels)), "utf-8")
    assert cli.main(["import", "graded", "labels.jsonl", "--benchmark", "./out"]) == 0
    capsys.readouterr()
    assert cli.main(["audit", "dr-a", "dr-b", "--grader", "pyth", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["metrics"]
    assert (found["num_physician_labels"], found["num_physician_labels:n_samples"]) == (2.0, 2)


def studio_cli(capsys: pytest.CaptureFixture[str], code: int, *words: object) -> Any:
    """What a command of the studio prints as JSON."""
    capsys.readouterr()
    assert cli.main(["studio", *map(str, words), "--json"]) == code
    return json.loads(capsys.readouterr().out)


@pytest.mark.both
def test_a_release_comes_in_as_it_went_out(
    released: tuple[Path, Release], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ids, texts, tags and answers are as in the release; doubles, of either shape, stay out."""
    db = place(tmp_path, "other.db")
    assert cli.main(["studio", "init", "Other", "--db", db]) == 0
    came = ("import", released[0] / "tasks.jsonl", "--state", "accepted", "--db", db)
    looked = studio_cli(capsys, 0, *came, "--dry-run")
    taken = studio_cli(capsys, 0, *came)
    assert looked == taken
    assert [each["renamed"] for each in taken["tasks"]] == [False, False]
    again = studio_cli(capsys, 0, "import", released[0] / "healthbench.jsonl", "--db", db)
    assert (again["tasks"], again["doubles"]) == ([], 2)
    with Studio.open(db) as studio:
        release(studio, tmp_path / "again", name="ward-trial")
        assert verify(studio).faults == ()
    first, second = (rows(each / "tasks.jsonl") for each in (released[0], tmp_path / "again"))
    for row in (*first, *second):
        del row["canary"], row["version"]
    by_id = {row["id"]: row for row in second}
    assert by_id == {row["id"]: row for row in first}


def test_an_import_with_a_wrong_row_changes_nothing(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each fault is said with its line; a draft needs an author; tables of criteria are read."""
    file = tmp_path / "tasks.jsonl"
    fine = {"id": "a b", "question": "Why?", "rubric": [{"criterion": "Says why", "points": 2}]}
    bad = {**fine, "rubric": [{"criterion": "Guesses", "points": -2}]}
    worse = {**fine, "rubric": [{"criterion": "Says why", "points": 0}]}
    file.write_text("\n".join(json.dumps(each) for each in (fine, bad, worse)), "utf-8")
    db = ("--db", house.where)
    with house.studio.read() as connection:
        last = head(connection)
    found = studio_cli(capsys, 1, "import", file, "--dry-run", *db)
    assert len(found["faults"]) == 2
    assert ":3: " in found["faults"][0]
    assert "line 2" in found["faults"][1]
    assert cli.main(["studio", "import", str(file), *map(str, db)]) == 2
    assert cli.main(["studio", "import", str(file), "--state", "draft", *map(str, db)]) == 2
    assert "--author" in capsys.readouterr().err
    with house.studio.read() as connection:
        assert head(connection) == last
    table = tmp_path / "mine.csv"
    table.write_text("question,criterion,points\nWhy now?,Says why,2\nWhy now?,Guesses,-1\n")
    [row] = studio_cli(capsys, 0, "import", table, "--dry-run", *db)["tasks"]
    assert row["criteria"] == 2
    file.write_text(json.dumps({**fine, "id": "-begins-with-a-dash"}), "utf-8")
    [row] = studio_cli(capsys, 0, "import", file, "--dry-run", *db)["tasks"]
    assert (row["id"], row["renamed"]) == ("-begins-with-a-dash", False)


def test_a_task_of_nobody_is_changed_by_its_adjudicator(tmp_path: Path) -> None:
    """It cannot wait for an author: after the review it is adjudicated, and never sent back."""
    with Studio.open(place(tmp_path), create=True) as studio:

        def work(connection: sa.Connection) -> str:
            brought = Imported(content=CONTENT)
            append(connection, brought, by=None, subject="old", outcome="submitted")
            commands.move(connection, None, "old", "queue")
            drop, keep = (CriterionReview(criterion=each.id) for each in CONTENT.criteria)
            drop = msgspec.structs.replace(drop, decision="drop", reason="double")
            found = Review(realistic=True, flaw=False, approve=True, criteria=(drop, keep))
            commands.review(connection, Who("reviewer", "s"), "old", found)
            return commands.standing(connection, "old").state

        assert studio.write_now(work) == "adjudicating"
        with pytest.raises(InputError, match="has no author"):
            studio.write_now(
                lambda connection: commands.adjudicate(
                    connection, Who("c", "s"), "old", "revising", CONTENT, policy="default"
                )
            )


def test_a_studio_is_verified_anchored_and_backed_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A copy is whole; a changed event and one cut off are found."""
    if is_on_server():
        pytest.skip("copies of PostgreSQL are made by pg_dump: `studio backup` is for files")
    made = House(tmp_path)
    made.studio.close()
    db = ("--db", made.where)
    assert cli.main(["studio", "anchor", *map(str, db)]) == 0
    kept = tmp_path / "anchor.json"
    kept.write_text(capsys.readouterr().out, "utf-8")
    copy = tmp_path / "copy.db"
    assert studio_cli(capsys, 0, "backup", copy, *db)["faults"] == []
    assert studio_cli(capsys, 0, "verify", "--anchor", kept, "--db", copy)["faults"] == []
    with Studio.open(copy) as studio, studio.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM anchor"))
        connection.execute(sa.text("UPDATE event SET reason = 'other' WHERE seq = 3"))
    assert "event 3: was changed" in studio_cli(capsys, 1, "verify", "--db", copy)["faults"][0]
    assert cli.main(["studio", "verify", "--anchor", str(tmp_path / "no"), *map(str, db)]) == 2


@pytest.mark.both
def test_a_person_who_withdraws_is_gone_and_their_work_reopened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The task they reviewed waits for another; name and address are in no byte of the file."""
    made = House(tmp_path)
    release(made.studio, tmp_path / "out")
    made.studio.close()
    leave = ("withdraw-person", "REVIEWER@secret.example", "--erase", "--db", made.where)
    found = studio_cli(capsys, 0, *leave)
    assert found["tasks"] == [{"task": made.item, "before": "accepted", "after": "in_review"}]
    assert (found["releases"], found["erased"]) == (["ward-trial 1"], 1)
    for file in tmp_path.glob("studio.db*"):
        assert b"Dr. reviewer Secretly" not in file.read_bytes()
        assert b"reviewer@secret" not in file.read_bytes()
    assert studio_cli(capsys, 0, "verify", "--db", made.where)["erased"] == 1
    assert cli.main(["studio", *map(str, leave)]) == 2  # nobody is called so
    assert found["named"] == []
    said = GuidelineNoted(text="As dr. author secretly (AUTHOR@secret.example) says")
    with Studio.open(made.where) as studio:
        studio.write_now(lambda c: append(c, said, by=made.people["lead"], subject=made.item))
    leave = ("withdraw-person", made.people["author"].person, "--erase", "--db", made.where)
    assert studio_cli(capsys, 0, *leave)["named"] == [f"task {made.item}"]
    last = ["withdraw-person", made.people["lead"].person, "--db", str(made.where)]
    assert cli.main(["studio", *last]) == 2
    assert "needs a lead" in capsys.readouterr().err


@pytest.mark.both
def test_the_demo_has_a_task_in_every_state_and_links_that_work_once(tmp_path: Path) -> None:
    """Each person signs in without a password, and finds work: labels, an estimate, agreement.

    The next link is told; the tasks can be released.
    """
    with (
        Studio.open(place(tmp_path), create=True) as studio,
        Store(tmp_path / "runs.db") as runs,
    ):
        people = studio.write_now(lambda connection: fill(connection, "no hash", 1.8e9, runs))
        assert {each.role for each in people} == set(ROLES)
        with studio.read() as connection:
            corrected = estimate(connection, load_result(runs, runs.run("made-up")))
            questions = {each.question for each in agreed(judgements(connection))}
        waits, now = Worker(person=people[-1].id), datetime.fromtimestamp(1.8e9, UTC)
        assert studio.write_now(
            lambda connection: next_unit(connection, waits, now=now, draw=random.Random(0))
        )
        assert corrected is not None
        assert corrected.run_ci95 is not None
        assert len(questions) >= 3
        with studio.read() as connection:
            states = set(connection.scalars(sa.select(items.c.state)))
        assert states == set(get_args(State))
        assert verify(studio).faults == ()
        release(studio, tmp_path / "out")
        told: list[str] = []
        links = Doors([(people[1].id, "Amal")], lambda name, path: told.append(path))
        accounts = Accounts(studio, passwords=CHEAP, clock=lambda: 1.8e9)
        site = application(accounts, address=ADDRESS, links=links)
        client = TestClient(site, base_url=ADDRESS, follow_redirects=False)
        for path in (links.paths["Amal"], told):
            address = path if isinstance(path, str) else path[0]
            token = TOKEN.search(client.get(address).text)
            assert token is not None
            sent = client.post(address, data={"token": token[1]}, headers=SAME_SITE)
            assert (sent.status_code, sent.headers["location"]) == (303, "/")
            assert client.get(address).status_code == 404
        assert "Amal Haddad" in client.get("/account").text
    assert linted(tmp_path / "out") == []


def linted(folder: Path) -> list[Finding]:
    benchmark = read_benchmark(folder)
    return list(lint(benchmark.path(), benchmark).findings)


@pytest.mark.both
def test_a_studio_of_an_earlier_format_is_brought_up_to_date(tmp_path: Path) -> None:
    """Its projections are made anew from the events; nothing else is touched."""
    where = place(tmp_path)
    with Studio.open(where, create=True) as studio:
        with Store(tmp_path / "runs.db") as runs:
            studio.write_now(lambda connection: fill(connection, "no hash", 1.8e9, runs))

        def to_second(connection: sa.Connection) -> None:
            connection.exec_driver_sql("DROP TABLE preview_mark")
            connection.execute(about.update().where(about.c.key == "format").values(value="2"))

        def back(connection: sa.Connection) -> None:
            for name in ("preview", "practice", "qualification", "baseline_score", "spending"):
                connection.exec_driver_sql(f"DROP TABLE {name}")
            to_second(connection)
            for name in ("known", "grader", "qualify", "signatures"):
                connection.exec_driver_sql(f"ALTER TABLE project DROP COLUMN {name}")
            connection.execute(about.update().where(about.c.key == "format").values(value="1"))

        studio.write_now(back)
    for _ in "12":
        with Studio.open(where) as studio:
            assert verify(studio).faults == ()
            with studio.read() as connection:
                formats = sa.select(about.c.value).where(about.c.key == "format")
                assert connection.scalar(formats) == "3"
                assert len(connection.execute(sa.select(items)).all()) == 20
            studio.write_now(to_second)
