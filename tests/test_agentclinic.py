"""AgentClinic: turns, tests that are looked up, no diagnosis, and biases as pairs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import preceptor
from preceptor.benchmarks import get
from preceptor.environments.measurements import NORMAL, look_up, shown
from preceptor.errors import DataError
from preceptor.protocols.osce import MOST_TURNS
from preceptor.scoring.names import OVERALL
from suite_answers import graded

FINDINGS: dict[str, Any] = {
    "Physical_Examination_Findings": {
        "Vital_Signs": {"Blood_Pressure": "120/80", "Heart_Rate": "70"},
        "Neurological_Examination": {"Reflexes": "brisk"},
    },
    "Test_Results": {
        "Complete_Blood_Count": {"WBC": "12,000"},
        "Imaging": {"Chest_X-Ray": {"Findings": "a shadow"}},
        "Serum_Electrolytes": {"Sodium": "140"},
        "Electrocardiogram": "sinus rhythm",
    },
}


def case(number: int) -> dict[str, Any]:
    return {
        "OSCE_Examination": {
            "Objective_for_Doctor": f"Find out what patient {number} has.",
            "Patient_Actor": {
                "Demographics": "A sailor",
                "Symptoms": {"Primary_Symptom": "Bleeding gums", "Secondary_Symptoms": ["Tired"]},
                "Social_History": "Eats biscuits. Smokes a pipe.",
            },
            **FINDINGS,
            "Correct_Diagnosis": "Scurvy",
        }
    }


#: What each party of a talk was asked.
asked: dict[str, list[list[dict[str, str]]]] = {"patient": [], "judge": []}


def doctor(messages: list[dict[str, str]]) -> str:
    """Asks, tests, tells, concludes."""
    said = sum(each["role"] == "assistant" for each in messages)
    talk = ["How are you?", "REQUEST TEST: Chest X-ray", "The picture is back. Do you smoke?"]
    return [*talk, "DIAGNOSIS READY: scurvy"][said]


def endless(messages: list[dict[str, str]]) -> str:
    return "Go on, please."


def patient(messages: list[dict[str, str]]) -> str:
    asked["patient"].append(messages)
    return "My gums bleed."


def judge(messages: list[dict[str, str]]) -> str:
    asked["judge"].append(messages)
    prompt = messages[-1]["content"]
    right = "<answer>" in prompt and "scurvy" in prompt.split("<answer>")[1]
    return json.dumps({"explanation": "", "label": "yes" if right else "no"})


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for each in asked.values():
        each.clear()
    path = tmp_path / "cases.jsonl"
    path.write_text("".join(json.dumps(case(number)) + "\n" for number in range(6)))
    return path


def _run(name: str, data: Path, doctor: str = "doctor", **more: Any) -> preceptor.Run:
    return preceptor.run(
        name,
        system=f"python:test_agentclinic:{doctor}",
        patient="python:test_agentclinic:patient",
        grader="python:test_agentclinic:judge",
        data=data,
        **more,
    )


def test_the_doctor_talks_tests_and_concludes(data: Path) -> None:
    """The patient does not hear of a request, and of its result only when spoken to again."""
    result = _run("agentclinic", data, limit=1).result()
    turns = [(turn.party, turn.message.text) for turn in result.graded[0].response.turns]
    assert turns == [
        ("system", "How are you?"),
        ("patient", "My gums bleed."),
        ("system", "REQUEST TEST: Chest X-ray"),
        ("environment", "[Chest X-Ray: Findings: a shadow]"),
        ("system", "The picture is back. Do you smoke?"),
        ("patient", "My gums bleed."),
        ("system", "DIAGNOSIS READY: scurvy"),
    ]
    heard = [each["content"] for each in asked["patient"][-1] if each["role"] == "user"]
    told = "The picture is back. Do you smoke?\n\n[Results: Chest X-Ray: Findings: a shadow]"
    assert heard == ["How are you?", told]
    assert "Eats biscuits" in asked["patient"][0][0]["content"]
    found = {name: metric.value for name, metric in result.metrics.items()}
    assert (found[OVERALL], found["committed"]) == (1, 1)
    assert (found["tests"], found["questions"]) == pytest.approx((1, 2))


def test_no_diagnosis_is_wrong_without_a_call(data: Path) -> None:
    """The last turn is announced; after it the system is wrong, and only the patient is judged."""
    result = _run("agentclinic", data, "endless", limit=1).result()
    response = result.graded[0].response
    assert response.stop_reason == "max_turns"
    assert sum(turn.party == "system" for turn in response.turns) == MOST_TURNS
    assert "your last" in response.turns[-2].message.text
    assert (result.metrics[OVERALL].value, result.metrics[OVERALL].coverage) == (0, 1)
    assert result.metrics["committed"].value == 0
    assert all("<conversation>" in each[-1]["content"] for each in asked["judge"])
    assert len(asked["judge"]) == len(result.graded[0].example.criteria) - 1


def test_biases_are_pairs_with_the_case_alone(data: Path) -> None:
    """Six cases lost by one bias: McNemar's p is 2/64, times the twelve biases by Holm."""
    benchmark = get("agentclinic-doctor-bias")
    examples = benchmark.load(data).examples
    labels = {each.id: "no" if each.tags == ("bias:race",) else "yes" for each in examples}
    scores = [
        benchmark.protocol.score(graded(each, "DIAGNOSIS READY: scurvy", [labels[each.id]]))
        for each in examples
    ]
    metrics = benchmark.protocol.summarise(scores, examples)
    assert (metrics["bias:none"].value, metrics["bias:race"].value) == (1, 0)
    assert (metrics["effect:race"].value, metrics["effect:recency"].value) == (-1, 0)
    assert metrics["effect_p:race"].value == pytest.approx(12 * 2 / 64)
    assert metrics["effect_p:recency"].value == 1
    assert metrics["effect:race"].n == 6


def test_a_patient_has_a_bias_of_its_own(data: Path) -> None:
    """The sentence is in what the patient's model is told, and the doctor's task is the same."""
    examples = get("agentclinic-patient-bias").load(data).examples
    plain, biased = examples[0], next(each for each in examples if each.tags == ("bias:race",))
    assert plain.messages == biased.messages
    assert "another race" in biased.target["manner"]
    _run("agentclinic-patient-bias", data, limit=12)
    told = [each[0]["content"] for each in asked["patient"]]
    assert any("another race" in each for each in told)


def test_personas_are_patients_of_several_kinds(data: Path) -> None:
    """The same case, told by nine patients, each beside the plain one."""
    benchmark = get("agentclinic-personas")
    examples = benchmark.load(data).examples
    assert len(examples) == 6 * 9
    scores = [
        benchmark.protocol.score(graded(each, "DIAGNOSIS READY: x", ["no"])) for each in examples
    ]
    metrics = benchmark.protocol.summarise(scores, examples)
    assert {"persona:none", "persona:choleric", "effect:reserved"} <= set(metrics)


def test_a_limit_keeps_pairs_together(data: Path) -> None:
    """A case and its variants are drawn as one."""
    drawn = get("agentclinic-patient-bias").load(data).sample(24)
    assert len(drawn) == 24
    assert len({each.target["cluster"] for each in drawn}) == 2


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        ("vitals", {"Vital Signs": FINDINGS["Physical_Examination_Findings"]["Vital_Signs"]}),
        ("blood pressure", {"Blood Pressure": "120/80"}),
        ("a full neurologic exam", {"Neurological Examination": {"Reflexes": "brisk"}}),
        ("CBC with differential", {"Complete Blood Count": {"WBC": "12,000"}}),
        ("[Chest radiograph]", {"Chest X-Ray": {"Findings": "a shadow"}}),
        ("electrolytes", {"Serum Electrolytes": {"Sodium": "140"}}),
        ("ECG and MRI", {"Electrocardiogram": "sinus rhythm", "MRI": NORMAL}),
        ("blood culture", {"blood culture": NORMAL}),
        ("MRI of the knee", {"MRI of the knee": NORMAL}),
    ],
)
def test_a_test_is_found_by_its_words(request_: str, found: dict[str, Any]) -> None:
    """By usual names and abbreviations; what a case does not have is normal."""
    assert look_up(FINDINGS, request_) == found


def test_results_are_lines() -> None:
    """Names without underscores, parts in a row."""
    found = {"Vital Signs": {"Blood_Pressure": "120/80", "Others": ["a", "b"]}}
    assert shown(found) == "Vital Signs: Blood Pressure: 120/80; Others: a, b"


@pytest.mark.parametrize("field", ["Objective_for_Doctor", "Correct_Diagnosis", "Test_Results"])
def test_a_wrong_field_is_named(data: Path, field: str) -> None:
    """With file and line."""
    row = case(1)
    row["OSCE_Examination"][field] = 5
    data.write_text(json.dumps(row))
    with pytest.raises(DataError, match=rf"cases\.jsonl:1: OSCE_Examination\.{field}: expected"):
        get("agentclinic").load(data)
