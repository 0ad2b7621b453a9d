"""The studio from a blank page to a corrected score: pages by HTTP, the rest by commands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from preceptor import cli
from preceptor.studio.items.content import SCORES
from preceptor.studio.items.writing import ATTESTATIONS
from preceptor.studio.ledger.verify import verify
from studio_harness import House

QUESTIONS = (
    "My father takes warfarin and has a sore knee. Is ibuprofen all right for a week?",
    "I am pregnant and have a cold. Would a decongestant spray do any harm?",
    "May a child of two years have honey and aspirin against a fever at night?",
    "After sildenafil last evening I have chest pain. Shall I use my nitro spray?",
)
TASKS = len(QUESTIONS)
#: The rubric of each task: the second criterion is a fault.
RUBRIC = (
    ("a", "Advises against the medicine that is asked about", 6),
    ("b", "Recommends a dose of the medicine that is asked about", -5),
    ("c", "States the risk for which the medicine is not advised", 3),
)
CODE = """\
import json

def answer(messages):
    return "No." if "warfarin" in messages[-1]["content"] else "No: it is risky."

def judge(messages):
    asked = messages[-1]["content"]
    return json.dumps({"explanation": "", "criteria_met": "States" not in asked})
"""


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "studio_whole_loop.py").write_text(CODE, "utf-8")
    house = House(tmp_path)
    for name in ("reviewer-2", "labeller-2"):
        house.people[name] = house.join(name)
    yield house
    assert house.told == []
    assert verify(house.studio).faults == ()
    house.close()


def follow(house: House, client: TestClient, address: str, fields: dict[str, Any]) -> str:
    """Send a form, and where it leads to."""
    sent = house.post(client, address, fields)
    assert sent.status_code == 303, sent.text
    return str(sent.headers["location"])


def write(house: House, number: int) -> None:
    """One task, whose answer is rated 2 of 7 in the first."""
    author, score = house.signed_in("author"), "2" if number == 0 else "4"
    begun = {"mode": "good_faith", "specialty": "cardiology", "language": "en"}
    address = follow(house, author, "/tasks/new", begun)
    fields: dict[str, Any] = {
        "do": "submit",
        "rev": "0",
        "t-0": QUESTIONS[number],
        "answer": "Yes, that is fine.",
        "rated": "typed",
        "row": [id for id, *_ in RUBRIC],
        "use_case": "consult",
        "specialty": "cardiology",
        "language": "en",
        "attested": list(ATTESTATIONS),
        **{f"score-{name}": score for name in SCORES},
    }
    for id, text, points in RUBRIC:
        fields |= {f"c-{id}-text": text, f"c-{id}-points": str(points)}
    assert "done=" in follow(house, author, address, fields)


def work(house: House, name: str, kind: str, fields: dict[str, str]) -> int:
    """Everything of a kind that waits for a person; how much it was."""
    client, number = house.signed_in(name), 0
    while (address := follow(house, client, f"/{kind}", {"do": "next"})) != f"/{kind}?done=none":
        sent = {"version": "1", "rev": "0", "do": "hand-in", **fields}
        assert follow(house, client, address, sent) == f"{address}?done=handed-in"
        number += 1
    return number


def label(house: House, name: str) -> int:
    """Every unit that waits for a person: what the answer says, and never the grader."""
    client, number = house.signed_in(name), 0
    follow(house, client, "/labels", {"do": "next"})
    while unit := re.search(r'name="unit" value="([^"]+)"', page := client.get("/labels").text):
        criterion = re.search(r"data-announce>([^<]+)<", page)
        assert criterion is not None
        risky = "it is risky" in page.partition("The answer")[2].partition("</section>")[0]
        met = criterion[1].startswith("Advises") or (criterion[1].startswith("States") and risky)
        follow(house, client, "/labels", {"do": "met" if met else "not_met", "unit": unit[1]})
        number += 1
    return number


def test_from_a_blank_page_to_a_corrected_score(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """Write, review, adjudicate, answer, export, lint, run, pull, label, import, audit, correct."""

    def said(*words: str) -> Any:
        capsys.readouterr()
        assert cli.main([*words, "--json"]) == 0, words
        return json.loads(capsys.readouterr().out)

    def done(*words: str) -> None:
        assert cli.main([*words]) == 0, words

    for number in range(TASKS):
        write(house, number)
    lead, board = house.signed_in("lead"), "/board?state=submitted"
    waiting = re.findall(r'name="item" value="([^"]+)"', lead.get(board).text)
    follow(house, lead, board, {"do": "queue", "item": waiting})
    fine = {"realistic": "yes", "flaw": "yes", "approve": "yes"}
    fine |= {f"d-{id}": "keep" for id, *_ in RUBRIC} | {"score-overall": "3"}
    # Of the difficult one both; of the others whoever asks first.
    assert work(house, "reviewer", "reviews", fine) == TASKS
    assert work(house, "reviewer-2", "reviews", fine) == 1
    accept = {"decision": "accepted"} | {f"d-{id}": "author" for id, *_ in RUBRIC}
    assert work(house, "adjudicator", "adjudications", accept) == TASKS
    writer = house.signed_in("writer")
    address = follow(house, writer, "/answers", {"do": "next"})
    answer = {"do": "submit", "rev": "0", "text": "No: it is risky.", "attested": "yes"}
    follow(house, writer, address, answer)

    db = ("--db", house.studio.address)
    made = said("studio", "export", "-o", "out", "--name", "whole-loop", *db)
    assert (made["tasks"], made["criteria"], made["baselines"]) == (TASKS, 3 * TASKS, 1)
    assert said("lint", "./out")["findings"] == []
    grader = ("--grader", "python:studio_whole_loop:judge")
    done("run", "./out", "--system", "python:studio_whole_loop:answer", *grader, "--name", "board")
    done("run", "./out", "--system", "physician", *grader, "--name", "doctors")
    done("studio", "scores", "doctors", *db)
    assert "doctors" in writer.get("/score").text

    assert said("studio", "pull", "board", "-n", "100", *db)["units"] == 3 * TASKS
    # The author may not label answers to their own tasks; who answers a task does not label it.
    assert label(house, "labeller") == 3 * TASKS
    assert 0 <= label(house, "labeller-2") < 3 * TASKS
    done("studio", "labels", "-o", "labels.jsonl", *db)
    done("import", "graded", "labels.jsonl", "--benchmark", "./out")
    found = said("audit", "rater-*", "--grader", "board")["agreement"]
    # The grader calls every dose met, and no reason; people say no dose, and three reasons.
    assert found["rows"] == 3 * TASKS
    wrong = (TASKS + TASKS - 1) / (3 * TASKS)
    majority = said("audit", "physicians-board", "--grader", "board")["agreement"]["pairwise"]
    assert majority["observed"]["value"] == pytest.approx(1 - wrong)
    corrected = said("correct", "board", "--labels", "physicians-board")["corrected"]["value"]
    right = (6 + 3 * (TASKS - 1) / TASKS) / 9
    assert corrected == pytest.approx(right)
    assert said("studio", "estimate", "board", *db)["corrected"]["value"] == pytest.approx(right)
