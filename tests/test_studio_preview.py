"""The preview of a rubric: what it judges, what it tells, and what it may cost."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from msgspec.structs import replace

import preceptor
from preceptor.audit.failures import slices
from preceptor.audit.labels import read_meta_eval
from preceptor.cli import main
from preceptor.records import Usage
from preceptor.scoring import OVERALL
from preceptor.studio.chat.spending import Spending
from preceptor.studio.exchange.release import release
from preceptor.studio.items import commands
from preceptor.studio.items.content import CriterionReview
from preceptor.studio.ledger.rebuild import rebuild
from preceptor.studio.ledger.verify import verify
from preceptor.studio.people.project import Project, change, project, spent
from preceptor.studio.preview.findings import Finding, Preview, Tried, finding
from preceptor.studio.preview.previewer import Previewer
from preceptor.studio.preview.tables import previews
from preceptor.testing import FakeEndpoint, Fault
from studio_harness import House
from test_studio_authoring import DECLARED, SCORES, Chatting, adjudicated, reviewed

TEXT = "Asks how the child drinks and wets its nappies."


@pytest.fixture
def fake(request: pytest.FixtureRequest) -> Iterator[FakeEndpoint]:
    with FakeEndpoint(**getattr(request, "param", {})) as endpoint:
        yield endpoint


@pytest.fixture
def chatting(tmp_path: Path, fake: FakeEndpoint) -> Iterator[Chatting]:
    systems = tuple(fake.address(each) for each in ("m-one", "m-two", "m-three"))
    house = House(tmp_path, systems=systems, store=tmp_path / "runs.db")
    house.studio.write_now(lambda c: set_to(c, grader=fake.address("judge")))
    with house.signed_in("author") as client:
        yield Chatting(house, client=client)
    assert house.told == []
    house.close()


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A studio without any store."""
    house = House(tmp_path_factory.mktemp("settings"))
    yield house
    assert house.told == []
    house.close()


def set_to(connection: sa.Connection, **values: Any) -> Project:
    return change(connection, replace(project(connection), **values), None)


def written(author: Chatting, **more: Any) -> str:
    """A conversation and two criteria; the id of the first."""
    author.do("save", t__0="My ear hurts.", **more)
    for text, points in ((TEXT, "7"), ("Gives an antibiotic at once.", "-4")):
        author.do("add")
        row = author.written().rows[-1].id
        author.do("save", **{f"c__{row}__text": text, f"c__{row}__points": points})
    return author.written().rows[0].id


def last(house: House) -> Preview:
    with house.studio.read() as connection:
        body = connection.scalar(sa.select(previews.c.body).order_by(previews.c.seq.desc()))
    return msgspec.json.decode(body, type=Preview)


def test_a_rubric_is_judged_on_three_answers_twice(chatting: Chatting, fake: FakeEndpoint) -> None:
    """Calls and cost are said before; each criterion has a line; no call is made a second time."""
    alias = chatting.aliases()[0]
    chatting.do("ask", system=alias, t__0="My ear hurts.")
    chatting.ended()
    row = written(chatting)
    assert "3 answers, 2 of which are asked for now; 12 calls to the grader" in chatting.page()
    answer = chatting.do("preview")
    assert answer.headers["location"].endswith("#preview")
    page = chatting.ended()
    found = last(chatting.house)
    assert [len(each.verdicts) for each in found.answers] == [2, 2, 2]
    assert len({each.text for each in found.answers}) == 3
    assert found.whole
    judged = [call for call in fake.log if "judge" in call.payload["model"]]
    assert (len(judged), len(fake.log)) == (12, 15)
    assert f'id="tried-{row}"' in page
    assert "<strong>Preview:</strong>" in page
    assert "m-one" not in page
    assert "judge" not in page.replace("judges each", "").replace("Judged", "")
    assert "0 calls to the grader" in page
    chatting.do("preview")
    chatting.ended()
    assert len(fake.log) == 15
    chatting.saves(specialty="pediatrics")
    chatting.saves(**{f"c__{row}__text": f"{TEXT} Twice."})
    assert "Changed since" in chatting.page()
    chatting.do("save", t__0="My other ear hurts.")
    assert "The conversation has changed since this preview" in chatting.page()
    assert verify(chatting.house.studio).faults == ()
    assert chatting.house.studio.write_now(rebuild) == 0


def test_the_first_verdict_is_the_first_that_was_given() -> None:
    """A failure in the first repeat hides none in the second."""
    tried = Tried(verdicts=(("timeout", "met", "timeout"), ("not_met", "not_met", "timeout")))
    assert [tried.first(place) for place in range(3)] == [False, True, None]


def test_what_verdicts_tell() -> None:
    """A verdict that failed is never "not met", and two that differ are no agreement."""
    met, unmet = ("met", "met"), ("not_met", "not_met")
    assert [finding(cells) for cells in ([met] * 3, [unmet] * 3)] == [
        Finding("all", "Met by all answers: it does not tell them apart."),
        Finding("none", "Met by none of the answers."),
    ]
    said = "Met by answers 1 and 3, not met by answer 2."
    assert finding([met, unmet, met]) == Finding("some", said)
    said = "The grader changes its mind on answer 2. Met by answer 1, not met by answer 3."
    assert finding([met, ("met", "not_met"), unmet]) == Finding("flips", said)
    said = "The grader changes its mind on answer 1. Not met by answer 2."
    assert finding([("met", "not_met"), unmet]) == Finding("flips", said)
    assert finding([met]) == Finding("all", "Met by the answer.")
    said = "No verdict in 3 of 4: rate limit, timeout."
    failed = [("timeout", "timeout"), ("not_met", "rate_limit")]
    assert finding(failed) == Finding("failed", said)


@pytest.mark.parametrize(
    "fake",
    [{"faults": [Fault("bad_request", on="grader", most=2)], "rate": 1.0}],
    indirect=True,
)
def test_a_verdict_that_failed_is_shown_and_asked_again(chatting: Chatting) -> None:
    """It is never "not met", and the score of that answer is open."""
    row = written(chatting)
    chatting.do("preview")
    page = chatting.ended()
    assert "No verdict in" in page
    assert f'id="tried-{row}"' in page
    assert "– " in page
    assert not last(chatting.house).whole
    chatting.do("preview")
    assert "No verdict in" not in chatting.ended()
    assert last(chatting.house).whole


def test_what_is_not_complete_or_has_a_persons_number_is_not_previewed(
    chatting: Chatting, fake: FakeEndpoint
) -> None:
    """The page says why in place of the cost, and nothing typed is lost."""
    refused = chatting.do("preview", t__0="My ear hurts.")
    assert refused.status_code == 422
    assert (
        "complete the rubric, then preview it: expected a criterion with positive" in refused.text
    )
    assert chatting.written().lines[0].text == "My ear hurts."
    row = written(chatting)
    refused = chatting.do("preview", t__0="My MRN: AB12345. What now?")
    assert "take it out before a system is asked" in refused.text
    named = {f"c__{row}__text": "Names the patient, MRN: AB12345, and the dose."}
    refused = chatting.do("preview", t__0="My ear hurts.", **named)
    assert "take it out before a system is asked" in refused.text
    chatting.house.studio.write_now(lambda c: set_to(c, previews="none"))
    assert chatting.do("preview", t__0="Mine").status_code == 422
    assert 'id="preview"' not in chatting.page()
    assert f"c-{row}-text" in chatting.page()
    assert not fake.log


def test_a_stopped_preview_goes_on_where_it_was(
    chatting: Chatting, fake: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was judged is in the run store, whatever becomes of the page or the process."""

    judged = threading.Event()

    async def never(*_: object) -> None:
        judged.set()
        await asyncio.sleep(3600)

    written(chatting)
    monkeypatch.setattr(Previewer, "_kept", never)
    chatting.do("preview")
    while not judged.is_set():
        chatting.page()
    monkeypatch.undo()
    (job,) = re.findall(r'value="(stop-[^"]+)"', chatting.page())
    chatting.do(job)
    page = chatting.page()
    assert "The preview did not finish." in page
    assert "Stopped." in page
    chatting.do("preview")
    chatting.ended()
    prompts = [call.prompt for call in fake.log if "judge" in call.payload["model"]]
    assert len(prompts) == 12
    assert last(chatting.house).whole


def test_a_release_says_what_was_previewed_and_its_run_has_the_verdicts(
    chatting: Chatting, fake: FakeEndpoint, tmp_path: Path
) -> None:
    """A slice, so that the grader's agreement with and without can be compared; no call is new."""
    chatting.do("ask", system=chatting.aliases()[0], t__0="My ear hurts.")
    chatting.ended()
    written(chatting)
    chatting.do("preview")
    chatting.ended()
    done = chatting.do("submit", use_case="consult", attested=DECLARED, **SCORES)
    assert done.status_code == 303, done.text
    house, item = chatting.house, chatting.item
    house.studio.write_now(lambda c: commands.move(c, None, item, "queue"))
    with house.studio.read() as connection:
        version = commands.version(connection, item)
    keep = tuple(CriterionReview(criterion=each.id) for each in version.content.criteria)
    for name in ("reviewer", "reviewer-2"):
        house.people[name] = house.people.get(name) or house.join(name)
        reviewed(house, chatting, name, *keep)
    adjudicated(house, chatting, "accepted", version.content, "")
    release(house.studio, tmp_path / "r1")
    (row,) = map(json.loads, (tmp_path / "r1" / "tasks.jsonl").read_text().splitlines())
    assert row["previewed"] == "yes"
    assert "judge" in (tmp_path / "r1" / "CARD.md").read_text()
    before = len(fake.log)
    run = preceptor.run(
        str(tmp_path / "r1"),
        system=version.rating.system,
        grader=fake.address("judge"),
        store=tmp_path / "runs.db",
    )
    assert len(fake.log) == before
    assert run.result().metrics[OVERALL].n == 1


def test_verdicts_that_an_author_calls_wrong_come_out_as_labels(
    chatting: Chatting, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once each, until taken back; with the grader's word, apart from labels that were drawn."""

    def exported(*more: str) -> list[dict[str, Any]]:
        file = tmp_path / "previews.jsonl"
        db = ["--db", chatting.house.studio.address]
        assert main(["studio", "labels", "--previews", "-o", str(file), *more, *db]) == 0
        assert "no sample" in capsys.readouterr().err
        return [json.loads(line) for line in file.read_text().splitlines()]

    house = chatting.house
    chatting.do("ask", system=chatting.aliases()[0], t__0="My ear hurts.")
    chatting.ended()
    row = written(chatting)
    chatting.do("preview")
    page = chatting.ended()
    said = last(house).answers[1].verdicts[0][0]
    (button,) = re.findall(rf'value="(mark-[a-z_]+-\d+-1-{row})"', page)
    assert button.startswith("mark-not_met" if said == "met" else "mark-met")
    wrong = said != "met"  # what the author says
    chatting.do(button)
    chatting.do(button)
    assert house.kinds().count("preview-marked") == 1
    assert f"; <strong>you: {'met' if wrong else 'not met'}</strong>" in chatting.page()
    _, _, place = button.split("-", 2)
    chatting.do(f"mark-undo-{place}")
    assert "<strong>you:" not in chatting.page()
    for other in (place.replace("-1-", "-7-"), f"9{place}", place + "x", "", "-", "--"):
        refused = chatting.do(f"mark-met-{other}")
        assert refused.status_code == 422
        assert "expected a verdict that it has" in refused.text
    chatting.do(button)
    db = ["--db", house.studio.address]
    file = str(tmp_path / "none.jsonl")
    assert main(["studio", "labels", "--previews", "-o", file, *db]) == 2
    assert "no author has called a verdict" in capsys.readouterr().err
    chatting.do("submit", use_case="consult", attested=DECLARED, **SCORES)
    (found,) = exported()
    assert found["run"] == "author-1-previews"
    assert (found["criteria_met"], found["reasons"]) == ([wrong, None], [None, "not_asked"])
    assert found["response"] == last(house).answers[1].text
    assert house.people["author"] not in json.dumps(found)
    exported("--meta-eval")
    (label,) = read_meta_eval(tmp_path / "previews.jsonl").rows
    assert (label.labels, list(label.verdicts.values())) == ((wrong,), [not wrong])
    assert main(["studio", "labels", "-o", file, *db]) == 2  # none of those were drawn
    assert house.studio.write_now(rebuild) == 0
    assert verify(house.studio).faults == ()


def test_a_cap_is_kept_and_said_plainly(
    chatting: Chatting, fake: FakeEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a price there is none; once it is reached nothing is asked, and nothing is lost."""
    house, lead = chatting.house, chatting.house.signed_in("lead")
    fields = {
        "systems": fake.address("m-one"),
        "grader": fake.address("judge"),
        "grader_params": "temperature=0",
        "previews": "half",
        "cap": "0,5",
        "qualify": "0",
        "pass_percent": "0",
    }
    refused = house.post(lead, "/project", fields)
    assert refused.status_code == 422
    assert "no price is known for" in refused.text
    assert "temperature=0" in refused.text
    table = tmp_path / "prices.toml"
    table.write_text('[[price]]\naddress = "*"\ninput = 1\noutput = 1\ndate = 2026-11-30\n')
    monkeypatch.setenv("PRECEPTOR_PRICES", str(table))
    assert house.post(lead, "/project", fields).headers["location"] == "/project?done=saved"
    house.studio.write_now(lambda c: set_to(c, previews="all"))
    written(chatting)
    assert "about $0.0" in chatting.page()
    chatting.do("preview")
    chatting.ended()
    with house.studio.read() as connection:
        dollars = sum(spent(connection).values())
    assert 0 < dollars < 0.5
    assert "$0.0" in lead.get("/project").text
    house.studio.write_now(lambda c: set_to(c, cap_usd=dollars / 2))
    before = len(fake.log)
    for button in ("ask", "preview"):
        refused = chatting.do(button, t__0="Mine now", system=chatting.aliases()[0])
        assert refused.status_code == 422
        assert "may spend no more on answers: tell its lead" in refused.text
    assert chatting.written().lines[0].text == "Mine now"
    house.studio.write_now(lambda c: set_to(c, cap_usd=dollars + 1e-7))
    chatting.do("ask", system=chatting.aliases()[0])
    assert "may spend no more on answers" in chatting.ended()
    assert len(fake.log) == before
    assert house.studio.write_now(rebuild) == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("systems", "command:touch /tmp/canary"),
        ("systems", "python:os:getcwd"),
        ("systems", "http://169.254.169.254/v1#m"),
        ("systems", "replay:/etc/passwd"),
        ("grader", "distilled:/etc/passwd"),
        ("grader", "jury:openai/gpt-4.1+command:true"),
        ("grader_params", "api_key_env=PRECEPTOR_OIDC_SECRET"),
    ],
)
def test_a_page_sets_no_address_that_runs_code_or_reads_the_server(
    rooms: House, field: str, value: str
) -> None:
    """Leads name models of providers; all else is set where the server runs."""
    rooms.studio.write_now(lambda c: set_to(c, grader="python:os:getcwd"))
    fields = {"grader": "python:os:getcwd", "previews": "all", "qualify": "0", "pass_percent": "0"}
    refused = rooms.post(rooms.signed_in("lead"), "/project", {**fields, field: value})
    assert refused.status_code == 422
    assert "person who runs the server sets" in unescape(refused.text)
    with rooms.studio.read() as connection:
        found = project(connection)
    assert (found.systems, found.grader, found.grader_params) == ((), "python:os:getcwd", ())


async def test_what_was_spent_is_known_after_a_restart(tmp_path: Path) -> None:
    """Each call adds to the sum of its day, also those that end at once."""
    house = House(tmp_path)
    first = Spending(house.studio)
    for dollars in (0.25, None, 0.5):
        first.add(Usage(), dollars)
        await asyncio.sleep(0)
    await first.close()
    assert Spending(house.studio).cost == 0.75
    house.close()


def test_settings_at_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They change alone what is named; an alias stays where its system is taken out."""
    db = str(tmp_path / "ward.db")
    assert main(["studio", "init", "Ward", "--system", "python:os:getcwd", "--db", db]) == 0
    said = ["--add-system", "python:os:getpid", "--remove-system", "python:os:getcwd"]
    said += ["--grader", "python:os:getcwd", "--previews", "half"]
    assert main(["studio", "settings", *said, "--json", "--db", db]) == 0
    found = json.loads(capsys.readouterr().out.partition("{")[2].join(["{", ""]))["project"]
    assert (found["systems"], found["known"]) == (
        ["python:os:getpid"],
        ["python:os:getcwd", "python:os:getpid"],
    )
    assert (found["grader"], found["previews"], found["cap_usd"]) == (
        "python:os:getcwd",
        "half",
        None,
    )
    whose = msgspec.convert(found, Project)
    assert whose.alias("t", "python:os:getcwd") != whose.alias("t", "python:os:getpid")
    assert 30 < sum(whose.previewed(str(n)) for n in range(100)) < 70
    assert main(["studio", "settings", "--remove-system", "other/one", "--db", db]) == 2
    assert "expected one of: python:os:getpid" in capsys.readouterr().err


def test_an_audit_compares_rubrics_with_and_without_a_preview(tmp_path: Path) -> None:
    """By the tag that a release gives; rows without it are in neither part."""
    file = tmp_path / "meta.jsonl"
    rows = [
        {
            "prompt": [{"role": "user", "content": f"Question {number}"}],
            "completion": "Rest.",
            "rubric": TEXT,
            "binary_labels": [number % 2 == 0],
            "graders": {"judge": True},
            **({} if said is None else {"example_tags": [f"previewed:{said}"]}),
        }
        for number, said in enumerate(["yes", "yes", "no", "no", None])
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = slices(read_meta_eval(file).rows, "judge")
    assert [(each.name, each.pairs) for each in found if each.kind == "preview"] == [
        ("rubric not previewed", 2),
        ("rubric previewed", 2),
    ]
