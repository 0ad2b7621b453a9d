"""A simulated patient: who plays it, what it costs, what happens where it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import preceptor
from preceptor.environments.facts import UNKNOWN, CaseFacts, told
from preceptor.errors import InputError
from preceptor.records import Example, Message
from preceptor.store import Store
from preceptor.systems.base import Ask
from preceptor.testing import CHAOS, FakeEndpoint

FACTS = (
    "The patient is 40 years old.",
    "The patient has had a fever for three days.",
    "The fever is worse at night.",
    "Nobody else in the house is ill.",
    "A culture of the blood grew nothing.",
)
DOCTOR = """
def asks(messages):
    asked = sum(message["role"] == "assistant" for message in messages)
    questions = ["Have you a fever?", "What did the blood culture show?", "Do you smoke?"]
    return questions[asked] if asked < len(questions) else "Answer: B"

def never(messages):
    return "And then?"

def silent(messages):
    raise ValueError("no voice")
"""


def case(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "question": f"What is wrong with patient {number}?",
        "context": [f"Patient {number} is 40 years old.", "The rest is to be asked."],
        "options": {"A": "Malaria", "B": "Influenza"},
        "answer": "Influenza",
        "answer_idx": "B",
        "facts": [f"1. Patient {number} is 40 years old.", *(f"2. {fact}" for fact in FACTS[1:])],
    }


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Options of a run over four cases, with a doctor who asks three questions."""
    rows = [json.dumps(case(number)) + "\n" for number in range(4)]
    (tmp_path / "all_dev_good.jsonl").write_text("".join(rows))
    (tmp_path / "doctor.py").write_text(DOCTOR)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return {"data": tmp_path, "store": "s.db", "system": "python:doctor:asks"}


async def ask(question: str, *before: Message) -> str:
    example = Example("e", (Message("user", "?"),), (), target={"facts": list(FACTS)})
    return (await CaseFacts().answer(Ask((*before, Message("user", question)), example))).text


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Have you a fever?", f"{FACTS[1]} {FACTS[2]}"),
        ("What did the culture show?", FACTS[4]),
        ("How old are you, and is anyone ill at home?", f"{FACTS[0]} {FACTS[3]}"),
        ("Do you smoke?", UNKNOWN),
        ("What brings you here today?", FACTS[0]),
    ],
)
async def test_facts_tell_what_a_question_is_about(question: str, answer: str) -> None:
    """The facts with most words in common, rare ones first; nothing where none has any."""
    assert await ask(question) == answer


async def test_facts_are_told_once_where_others_fit() -> None:
    """What was told comes again only where nothing else is about the question."""
    first = await ask("Have you a fever?")
    before = (Message("user", "Have you a fever?"), Message("assistant", first))
    assert await ask("Have you a fever?", *before) == first
    before = (Message("user", "?"), Message("assistant", FACTS[1]))
    assert await ask("Have you a fever?", *before) == FACTS[2]


def test_told_needs_most_of_a_facts_words() -> None:
    """Words count by their beginnings, in any order."""
    assert told(FACTS, "It is worst during nights, my fever: worse at night") == [2]
    assert told(FACTS, "") == []
    assert told((), "anything") == []


def test_a_talk_is_scored_with_what_it_brought_to_light(asked: dict[str, Any]) -> None:
    """Right or wrong, the questions, the facts told; the transcript names the patient's turns."""
    result = preceptor.run("mediq", patient="facts", **asked).result()
    metrics = result.metrics
    assert metrics["overall_score"].value == 1
    assert metrics["questions"].value == pytest.approx(3)
    # Of four facts that the case does not begin with, three were told.
    assert metrics["facts_told"].value == pytest.approx(3 / 4)
    assert metrics["facts_per_question"].value == pytest.approx(1)
    assert metrics["committed"].value == 1
    assert metrics["answer_told"].value == 0
    response = result.graded[0].response
    assert response is not None
    assert [turn.party for turn in response.turns] == ["system", "patient"] * 3 + ["system"]
    assert "facts played the patient." in result.notes


def test_a_system_that_only_asks_is_made_to_answer(asked: dict[str, Any]) -> None:
    """After the last question it is told so, and its next words are its answer."""
    asked["system"] = "python:doctor:never"
    result = preceptor.run("mediq", patient="facts", **asked).result()
    assert result.metrics["questions"].value == 10
    assert result.metrics["committed"].value == 0
    assert result.metrics["overall_score"].value == 0
    response = result.graded[0].response
    assert response is not None
    assert response.stop_reason == "last_question"
    assert "That was the last question" in response.turns[-2].message.text


def test_a_patients_model_has_its_own_bill_and_cap(asked: dict[str, Any]) -> None:
    """Its tokens are not the system's; what is foreseen is what is paid; the cap holds for it."""
    with FakeEndpoint() as fake:
        asked["patient"] = fake.address("p")
        asked["patient_params"] = ["price=1/1", "max_tokens=50"]
        foreseen = preceptor.dry_run("mediq", **asked)
        run = preceptor.run("mediq", **asked)
        calls = fake.calls.total()
        assert [part.part for part in foreseen.parts] == ["system", "patient"]
        again = preceptor.run("mediq", **asked)
        assert fake.calls.total() == calls == 12
        asked["max_cost"] = 1e-9
        asked["patient"] = fake.address("other")
        capped = preceptor.run("mediq", **asked)
    parts = {bill.part: bill for bill in run.result().bills}
    assert parts["patient"].usage == run.result().patient_usage
    assert parts["patient"].usage.total > 0
    assert parts["patient"].cost_usd == pytest.approx(run.result().cost_usd)
    assert parts["system"].usage.total == 0
    assert again.result().cost_usd == 0
    assert capped.outcome is not None
    assert capped.outcome.status == "incomplete"


def test_a_patients_failure_is_not_the_systems(asked: dict[str, Any]) -> None:
    """The answer is ungraded, and asked again by resume, where no turn is paid twice."""
    asked["limit"] = 1
    asked["patient_params"] = ["price=1/1"]
    with FakeEndpoint(script=[None, "bad_request"]) as fake:
        run = preceptor.run("mediq", patient=fake.address("p"), **asked)
        [graded] = run.result().graded
        assert graded.response is not None
        assert graded.response.failure == "environment_failed"
        assert "had no answer of its patient: bad_request" in graded.response.detail
        assert run.result().metrics["overall_score"].value is None
        whole = preceptor.resume("latest", store="s.db").result()
        assert fake.calls.total() == 4
    assert whole.metrics["overall_score"].value == 1
    assert whole.coverage == 1
    # Turns from before are on the patient's bill, too.
    parts = {bill.part: bill for bill in whole.bills}
    assert parts["system"].usage.total == 0
    assert parts["patient"].cost_usd == pytest.approx(whole.cost_usd)
    turns = (turn for turn in whole.graded[0].response.turns if turn.party == "patient")
    assert parts["patient"].usage.total == sum(turn.usage.total for turn in turns)


def test_another_patient_makes_another_talk(asked: dict[str, Any]) -> None:
    """An answer depends on who played the patient, and with what parameters."""
    with FakeEndpoint() as fake:
        preceptor.run("mediq", patient=fake.address("p"), **asked)
        before = fake.calls.total()
        asked["patient_params"] = ["temperature=1"]
        preceptor.run("mediq", patient=fake.address("p"), **asked)
        assert fake.calls.total() == 2 * before
    with Store("s.db") as store:
        first, second = store.runs()
    assert first.settings.patient == second.settings.patient
    assert second.settings.patient_parameters == {"temperature": 1.0}


def test_runs_on_the_same_cases_are_compared_case_by_case(asked: dict[str, Any]) -> None:
    """What asking costs against the whole case, as a paired difference."""
    talk = preceptor.run("mediq", patient="facts", name="talk", **asked)
    full = preceptor.run("mediq-full", name="full", **asked)
    found = preceptor.compare([full.info.name, talk.info.name], store="s.db")
    assert found.contrasts[0].common == 4
    assert any("same cases in other ways: mediq, mediq-full" in note for note in found.notes)


def test_who_may_play_the_patient_is_checked_first(asked: dict[str, Any]) -> None:
    """No patient where one is needed, one where none is, facts where there are none."""
    with pytest.raises(InputError, match="name who plays the patient of mediq"):
        preceptor.run("mediq", **asked)
    with pytest.raises(InputError, match="mediq-full has no patient: leave it out"):
        preceptor.run("mediq-full", patient="facts", **asked)
    with pytest.raises(InputError, match="--patient-param"):
        preceptor.run("mediq", patient="facts", patient_params=["temperature=1"], **asked)
    rows = [json.dumps({**case(number), "facts": []}) + "\n" for number in range(4)]
    (asked["data"] / "all_dev_good.jsonl").write_text("".join(rows))
    with pytest.raises(InputError, match="4 of 4 examples of mediq list no facts"):
        preceptor.run("mediq", patient="facts", **asked)
    assert not Path("s.db").exists()


def test_faults_of_system_and_patient_change_no_score(asked: dict[str, Any]) -> None:
    """With a fifth of all calls failing, in either, each score is that of the quiet run."""

    def talk(fake: FakeEndpoint, store: str) -> preceptor.Run:
        asked.update(system=fake.address("doctor"), patient=fake.address("p"), store=store, limit=2)
        soon = ["timeout=1"]
        return preceptor.run("mediq", system_params=soon, patient_params=soon, **asked)

    with FakeEndpoint() as fake:
        quiet = talk(fake, "quiet.db").result()
    with FakeEndpoint(faults=CHAOS, rate=0.2, seed=3) as fake:
        noisy = talk(fake, "noisy.db").result()
        assert fake.met.total() > 0
    values = [score.values for score in quiet.scores]
    assert [score.values for score in noisy.scores] == values
    assert len(values) == 2
    assert quiet.metrics["questions"].value == noisy.metrics["questions"].value
