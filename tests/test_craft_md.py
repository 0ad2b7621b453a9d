"""CRAFT-MD: a talk with a patient, its end, what is judged of it, and the published figures."""

from __future__ import annotations

import csv
import functools
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

import pytest
from openpyxl import load_workbook

import preceptor
from preceptor.audit.agreement import agreement, grader_pairs
from preceptor.audit.labels import Judged
from preceptor.benchmarks import get
from preceptor.errors import DataError, InputError
from preceptor.protocols.consultation import GREETING, MOST
from preceptor.protocols.fidelity import FIDELITY_LABELS
from preceptor.records import Score
from preceptor.scoring.names import OVERALL
from preceptor.testing import FakeEndpoint
from suite_answers import DATA, graded, needs

FOLDER = DATA / "craft-md"
SETTINGS = ("vignette", "multiturn", "singleturn", "summarized")
CASE = (
    "A 40-year-old man presents with a cough. He has had night sweats for two months. "
    "He kept pigeons for years."
)
ROWS = [
    {
        "case_id": f"case_{number}",
        "case_vignette": CASE.replace("40", str(40 + number)),
        "choice_1": "Asthma",
        "choice_2": answer,
        "choice_3": "Gout",
        "choice_4": "Scabies",
        "answer": answer,
        "category": "Other",
        "dataset": "MedQA_USMLE",
    }
    for number, answer in enumerate(["Pigeon lung", "Acute pigeon lung", "Lung disease"])
]
#: Behind each address of this module, what it was asked.
asked: dict[str, list[list[dict[str, str]]]] = {"doctor": [], "patient": [], "judge": []}


def doctor(messages: list[dict[str, str]]) -> str:
    """Asks twice, and takes a pigeon for the cause."""
    asked["doctor"].append(messages)
    last = messages[-1]["content"]
    if "Which option" in last:
        return "B"
    if "summed" in last or "What came out" in last or len(messages) == 1:
        return "Final Diagnosis: Pigeon lung"
    said = sum(each["role"] == "assistant" for each in messages)
    return ["Do you sweat?", "Do you have pets?", "Final Diagnosis: Pigeon lung"][said - 1]


def chatty(messages: list[dict[str, str]]) -> str:
    """Never concludes of its own accord."""
    return "B" if "That was the last question" in messages[-1]["content"] else "And what else?"


def patient(messages: list[dict[str, str]]) -> str:
    asked["patient"].append(messages)
    if "one paragraph" in messages[0]["content"]:
        return "A man with pigeons coughs."
    return {"pets": "Yes, pigeons, so it must be pigeon lung.", "sweat": "At night."}.get(
        next((word for word in ("pets", "sweat") if word in messages[-1]["content"]), ""),
        "I cough.",
    )


def judge(messages: list[dict[str, str]]) -> str:
    """Knows the three diagnoses; the patient invents and is otherwise true."""
    asked["judge"].append(messages)
    prompt = messages[-1]["content"]
    if "<conversation>" in prompt:
        label = "yes" if "that the case neither says" in prompt else "no"
    else:
        known = re.search(r"<known>\n(.*)\n</known>", prompt)
        assert known is not None
        labels = {"Pigeon lung": "same", "Acute pigeon lung": "wider", "Lung disease": "narrower"}
        label = labels[known[1]] if "Pigeon lung" in prompt.split("<answer>")[1] else "none"
    return json.dumps({"explanation": "", "label": label})


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for each in asked.values():
        each.clear()
    path = tmp_path / "cases.csv"
    _write(path, ROWS)
    return path


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _run(name: str, data: Path, **more: object) -> preceptor.Run:
    options = {
        "system": "python:test_craft_md:doctor",
        "patient": "python:test_craft_md:patient",
        "grader": "python:test_craft_md:judge",
        **more,
    }
    return preceptor.run(name, data=data, **options)  # type: ignore[arg-type]


def test_a_talk_ends_with_a_diagnosis_that_may_be_wider(data: Path) -> None:
    """The doctor greets, asks and concludes; a wider diagnosis is right, a narrower one is not."""
    result = _run("craft-md", data).result()
    found = {name: metric.value for name, metric in result.metrics.items()}
    turns = result.graded[0].response.turns
    assert [(turn.party, turn.message.text) for turn in turns] == [
        ("patient", "I cough."),
        ("system", "Do you sweat?"),
        ("patient", "At night."),
        ("system", "Do you have pets?"),
        ("patient", "Yes, pigeons, so it must be pigeon lung."),
        ("system", "Final Diagnosis: Pigeon lung"),
    ]
    assert asked["doctor"][0][1]["content"] == GREETING
    assert found[OVERALL] == pytest.approx(2 / 3)
    assert found["questions"] == pytest.approx(3)
    assert found["answer_told"] == pytest.approx(1 / 3)


def test_the_patient_is_judged_apart_from_the_doctor(data: Path) -> None:
    """A grader sees the talk and the case; what it says of the patient is in no doctor's score."""
    result = _run("craft-md", data, limit=1).result()
    found = {name: metric.value for name, metric in result.metrics.items()}
    about = {name: value for name, value in found.items() if name.startswith("patient:")}
    assert about == dict.fromkeys(about, 0.0) | {"patient:invented": 1.0}
    assert len(about) == 7
    assert found[OVERALL] == 1
    assert not result.metrics["patient:invented"].higher_is_better
    prompt = next(each[-1]["content"] for each in asked["judge"] if "<conversation>" in str(each))
    assert "Doctor: Do you sweat?\n\nPatient: At night." in prompt
    assert CASE[10:] in prompt


def test_settings_end_in_their_own_way(data: Path) -> None:
    """Options come after the talk; a summary is all that is seen; first words are the only ones."""
    chosen = _run("craft-md-choices", data, grader=None).result()
    assert chosen.metrics[OVERALL].value == 1
    assert chosen.graded[0].response.turns[-2].party == "environment"
    summed = _run("craft-md-summary", data).result()
    assert [each["role"] for each in asked["doctor"][-1]] == ["user"]
    assert "A man with pigeons coughs." in asked["doctor"][-1][0]["content"]
    assert summed.metrics["questions"].value == pytest.approx(3)
    first = _run("craft-md-first", data).result()
    assert [turn.party for turn in first.graded[0].response.turns] == ["patient", "system"]
    assert len(first.graded[0].example.criteria) == 1


def test_the_same_talk_is_paid_once(data: Path) -> None:
    """A patient who was asked the same in another setting is not asked again."""
    with FakeEndpoint() as fake:
        _run("craft-md-choices", data, grader=None, patient=fake.address("p"))
        calls = fake.calls.total()
        _run("craft-md-first-choices", data, grader=None, patient=fake.address("p"))
        assert fake.calls.total() == calls


def test_the_gap_to_the_whole_case_is_compared(data: Path) -> None:
    """Runs of a vignette and of a talk about the same cases are pairs."""
    whole = _run("craft-md-vignette", data, patient=None)
    talk = _run("craft-md", data, system="python:test_craft_md:chatty")
    contrast = preceptor.compare([whole.info.name, talk.info.name]).contrasts[0]
    assert (contrast.common, contrast.overall.difference) == (3, pytest.approx(-2 / 3))


def test_an_estimate_has_talks_of_the_usual_length(data: Path) -> None:
    """Eleven turns and a choice for each case: talks with other patients are other questions."""
    with FakeEndpoint() as fake:
        estimate = preceptor.dry_run(
            "craft-md-choices", system=fake.address("m"), patient=fake.address("p"), data=data
        )
    assert {part.part: part.calls.expected for part in estimate.parts} == {
        "system": 12 * len(ROWS),
        "patient": 11 * len(ROWS),
    }


def test_a_doctor_who_never_concludes_is_told_to(data: Path) -> None:
    """After the last question the options follow at once, and the run says why it ended."""
    result = _run(
        "craft-md-choices", data, grader=None, system="python:test_craft_md:chatty", limit=1
    ).result()
    response = result.graded[0].response
    assert response.stop_reason == "last_question"
    assert len(response.turns) == 2 * MOST + 3 - 1
    assert result.metrics["committed"].value == 0
    assert result.metrics[OVERALL].value == 1


def test_facts_of_the_case_play_the_patient(data: Path) -> None:
    """Without a model: an open question gets the first fact, others what they are about."""
    result = _run("craft-md-choices", data, grader=None, patient="facts", limit=1).result()
    said = [t.message.text for t in result.graded[0].response.turns if t.party == "patient"]
    assert said[:2] == [
        "A 41-year-old man presents with a cough.",
        "He has had night sweats for two months.",
    ]
    assert result.metrics["facts_told"].value == pytest.approx(2 / 3)
    with pytest.raises(InputError, match="list no facts: name a model"):
        _run("craft-md-summary", data, patient="facts")


@pytest.mark.parametrize(
    ("field", "value"), [("answer", ""), ("dataset", "elsewhere"), ("choice_3", " ")]
)
def test_a_wrong_field_is_named(data: Path, field: str, value: str) -> None:
    """With file and line."""
    _write(data, [ROWS[0] | {field: value}])
    with pytest.raises(DataError, match=rf"cases\.csv:2: {field}: expected"):
        get("craft-md").load(data)


# The authors' results


def _verdicts() -> Iterator[dict[str, str]]:
    with gzip.open(FOLDER / "verdicts.csv.gz", "rt") as stream:
        yield from csv.DictReader(stream)


#: Rates of vignette, dialogue, first words and summary.
RATES = {
    "gpt4_1106": (0.486, 0.264, 0.133, 0.272),
    "gpt3_1106": (0.375, 0.169, 0.123, 0.174),
    "llama2-7b": (0.170, 0.066, 0.065, 0.081),
    "mistral-v1": (0.174, 0.078, 0.062, 0.083),
    "mistral-v2": (0.223, 0.066, 0.056, 0.056),
}


@needs("craft-md")
def test_published_rates_follow_from_the_verdicts() -> None:
    """50,100 trials in four settings: the mean over cases of the mean over five trials."""
    benchmark = get("craft-md-vignette")
    examples = {each.id: each for each in benchmark.load(DATA).examples}
    labels = {"1": "same", "0": "other", "-1": "none"}

    @functools.cache
    def score(case: str, trial: int, verdict: str) -> Score:
        given = graded(examples[case], "an answer", [labels[verdict]], repeat=trial)
        return benchmark.protocol.score(given)

    scores: dict[tuple[str, str], list[Score]] = {}
    for row in _verdicts():
        for setting in SETTINGS:
            verdict = score(row["case_id"], int(row["trial"]), row[f"{setting}_frq_correct"])
            scores.setdefault((row["model"], setting), []).append(verdict)
    for (model, setting), found in scores.items():
        value = fmean(fmean(each) for each in _by_case(found).values())
        assert value == pytest.approx(RATES[model][SETTINGS.index(setting)], abs=6e-4)
    metric = benchmark.protocol.summarise(scores["gpt4_1106", "vignette"], [*examples.values()])[
        OVERALL
    ]
    assert round(metric.value or 0, 3) == 0.486
    assert metric.n == 2004


def _by_case(scores: list[Score]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for score in scores:
        found.setdefault(score.example_id, []).append(score.values[OVERALL])
    return found


@needs("craft-md")
def test_published_choices_are_read_as_they_were() -> None:
    """Whether an answer names the right option: the authors looked for its text in the answer."""
    protocol = get("craft-md-vignette-choices").protocol
    examples = {each.id: each for each in get("craft-md-vignette-choices").load(DATA).examples}
    values: dict[tuple[str, str], dict[str, list[float]]] = {}

    @functools.cache
    def right(case: str, text: str) -> float:
        return protocol.score(graded(examples[case], text)).values[OVERALL]

    for row in _verdicts():
        # Some answers came with what they cost.
        case = row["case_id"]
        if row["model"] != "gpt4_1106" or case not in examples:
            continue
        for setting in SETTINGS:
            text = re.sub(r"^\['(.*)', [\d.e-]+\]$", r"\1", row[f"{setting}_mcq"])
            values.setdefault(setting, {}).setdefault(case, []).append(right(case, text))
    found = [fmean(fmean(each) for each in values[setting].values()) for setting in SETTINGS]
    assert found == pytest.approx([0.824, 0.628, 0.521, 0.671], abs=0.005)


@needs("craft-md")
def test_their_grader_agrees_with_a_dermatologist() -> None:
    """In the 200 cases whose five answers are those that the expert saw: .698 and .700."""
    with (FOLDER / "expert_annotations" / "validation_graderai.csv").open(newline="") as stream:
        columns = list(zip(*(row[1:] for row in list(csv.reader(stream))[2:10]), strict=True))
    seen = {case: (answers, count) for case, *answers, _, count in columns}
    trials: dict[str, list[dict[str, str]]] = {}
    for row in _verdicts():
        if row["model"] == "gpt4_1106" and row["case_id"] in seen:
            trials.setdefault(row["case_id"], []).append(row)
    expert, grader, rows = [], [], []
    for case, given in trials.items():
        answers, count = seen[case]
        if not count or [each["vignette_frq_extracted"] for each in given] != list(answers):
            continue
        right = [each["vignette_frq_correct"] == "1" for each in given]
        expert.append(int(count))
        grader.append(sum(right))
        if count in ("0", "5"):
            rows += [
                Judged(case, "diagnosis", "", (count == "5",), ("dr",), {"g": each})
                for each in right
            ]
    assert len(expert) == 200
    assert (fmean(expert) / 5, fmean(grader) / 5) == pytest.approx((0.698, 0.700), abs=5e-4)
    assert sum(a == b for a, b in zip(expert, grader, strict=True)) == 170
    found = agreement(grader_pairs(rows, "g"))
    assert found.pairs == 830
    assert found.observed.value == pytest.approx(0.927, abs=5e-4)


@needs("craft-md")
def test_two_dermatologists_are_the_ceiling_of_who_judges_patients() -> None:
    """What experts said of 60 talks: the questions that a grader is asked of the patient too."""
    sheets: list[dict[tuple[str, str], tuple[str, ...]]] = []
    for each in ("d1", "d2"):
        path = FOLDER / "expert_annotations" / f"validation_clinicalllm_patientai_{each}.xlsx"
        found: dict[tuple[str, str], tuple[str, ...]] = {}
        for sheet in load_workbook(path).worksheets:
            for row in sheet.iter_rows(max_col=9, max_row=60, values_only=True):
                said = tuple(str(cell).strip() for cell in row[6:9])
                if set(said) <= {"Yes", "No"}:
                    found[sheet.title, str(row[0])] = said
        sheets.append(found)
    both = sorted(set(sheets[0]) & set(sheets[1]))
    assert len(both) == 60
    expected = {"reachable": (0.82, 0.62), "key_information": (0.80, 0.58)}
    expected["medical_terms"] = (0.93, 0.47)
    for place, (name, values) in enumerate(expected.items()):
        assert f"patient:{name}" in FIDELITY_LABELS
        said = [[sheet[each][place] == "Yes" for sheet in sheets] for each in both]
        rows = [
            Judged(case, name, "", (one,), ("d1",), {"d2": other})
            for (_, case), (one, other) in zip(both, said, strict=True)
        ]
        found = agreement(grader_pairs(rows, "d2"))
        assert (found.observed.value, found.kappa.value) == pytest.approx(values, abs=6e-3)


@needs("craft-md")
def test_a_grader_is_measured_against_the_experts() -> None:
    """It is asked what it is asked of a patient; who always says no is right where yes is rare."""
    benchmark = get("craft-md-experts")
    examples = benchmark.load(DATA).examples
    prompt = examples[0].messages[0].text
    assert "\n\nPatient: I" in prompt
    assert "-AI" not in prompt
    scores = [benchmark.protocol.score(graded(each, '{"label": "no"}')) for each in examples]
    metrics = benchmark.protocol.summarise(scores, examples)
    found = {name: metrics[f"patient:{name}"].value for name in ("medical_terms", "reachable")}
    assert found == pytest.approx({"medical_terms": 167 / 180, "reachable": 121 / 180})
