"""A checklist compared both ways: what a judge is asked, and how its labels add up."""

from __future__ import annotations

import csv
import json
import os
import re
from itertools import product
from pathlib import Path

import pytest

import preceptor
from data_fixtures import isolate
from preceptor import benchmarks
from preceptor.benchmarks.clear_note import containment_labels
from preceptor.errors import DataError
from preceptor.graders.base import Case
from preceptor.protocols.checklist import (
    ABSENT,
    CONTAINED,
    MISSING,
    ChecklistScoring,
    checklist_criteria,
)
from preceptor.records import Example, Graded, Message, Response, Score, Verdict

DATA = Path(os.environ.get("PRECEPTOR_TEST_DATA") or "nowhere")
needs_data = pytest.mark.skipif(
    not (DATA / "expertlongbench").is_dir() or not (DATA / "aci-bench").is_dir(),
    reason="real data: set PRECEPTOR_TEST_DATA to a folder with expertlongbench/ and aci-bench/",
)

BENCH = benchmarks.get("clear-note")
PROTOCOL = BENCH.protocol
assert isinstance(PROTOCOL.scoring, ChecklistScoring)
ITEMS = {"Onset": "when it began", "Severity": "how bad it is"}
TALK = (Message("user", "made-up dialogue"),)
EXAMPLE = Example("v1", TALK, checklist_criteria(ITEMS), target={"reference": "made-up reference"})


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


def judged(*labels: str | None) -> Score:
    """Labels in the order of the criteria: recall and precision of each item."""
    verdicts = tuple(
        Verdict(f"v{at}", None, label=label, reason=None if label else "timeout")
        for at, label in enumerate(labels)
    )
    return PROTOCOL.score(Graded(EXAMPLE, 0, Response("r", text="made-up note"), verdicts))


# Asking


def test_each_item_is_judged_both_ways() -> None:
    """Two criteria an item: the reference's words in the note, and the note's in the reference."""
    first, second, *rest = EXAMPLE.criteria
    assert first.tags == ("item:Onset", "direction:recall")
    assert "First-named note: REFERENCE. Other note: NOTE." in first.text
    assert second.tags == ("item:Onset", "direction:precision")
    assert "First-named note: NOTE. Other note: REFERENCE." in second.text
    assert len(rest) == 2


def test_the_judge_sees_both_notes_and_not_the_dialogue() -> None:
    """What is compared is what was written; braces in it fill no other slot."""
    judge = PROTOCOL.judging.judge
    assert judge is not None
    said = Message("assistant", "a note with {criterion} in it")
    case = Case((*TALK, said), dict(enumerate(EXAMPLE.criteria)), "run", target=EXAMPLE.target)
    prompt = judge.prompt(case, EXAMPLE.criteria[0])
    assert "<REFERENCE>\nmade-up reference\n</REFERENCE>" in prompt
    assert "<NOTE>\na note with {criterion} in it\n</NOTE>" in prompt
    assert prompt.count(EXAMPLE.criteria[0].text) == 1
    assert "made-up dialogue" not in prompt
    assert judge.read('```json\n{"explanation": "why", "label": "Contained"}\n```') == (
        CONTAINED,
        "why",
    )
    with pytest.raises(ValueError, match="expected one of contained, missing, absent"):
        judge.read('{"explanation": "why", "label": "Yes"}')


# Scoring


def test_precision_recall_and_f1_follow_from_the_labels() -> None:
    """One item is right both ways; of the other, the note says more than the reference."""
    found = judged(CONTAINED, CONTAINED, CONTAINED, MISSING).values
    assert (found["recall"], found["precision"]) == (1.0, 0.5)
    assert found["overall_score"] == pytest.approx(2 / 3)
    assert found["item:Onset"] == 1
    assert (found["item:Severity:recall"], found["item:Severity:precision"]) == (1, 0)
    assert found["item:Severity"] == 0


def test_an_item_that_neither_note_has_is_right() -> None:
    """As published: both silent is 1, one silent is 0, whatever the other label says."""
    assert judged(ABSENT, ABSENT, CONTAINED, CONTAINED).values["overall_score"] == 1
    for one in (CONTAINED, MISSING):
        for labels in ((ABSENT, one), (one, ABSENT)):
            found = judged(*labels, CONTAINED, CONTAINED).values
            assert (found["item:Onset:precision"], found["item:Onset:recall"]) == (0, 0)
            assert found["overall_score"] == 0.5


def test_nothing_contained_is_a_score_of_0() -> None:
    """Where precision and recall are 0, so is their F1."""
    assert judged(MISSING, MISSING, MISSING, MISSING).values["overall_score"] == 0


def test_a_missing_judgement_is_no_label() -> None:
    """Its item and the whole have no value, and bounds that hold for every label it could be."""
    found = judged(CONTAINED, CONTAINED, CONTAINED, None)
    assert found.values == {
        "item:Onset": 1,
        "item:Onset:precision": 1,
        "item:Onset:recall": 1,
    }
    assert found.counts["overall_score"] == (3, 4)
    for label in (CONTAINED, MISSING, ABSENT):
        whole = judged(CONTAINED, CONTAINED, CONTAINED, label).values
        for name, value in whole.items():
            assert found.low[name] <= value <= found.high[name]
    assert (found.low["overall_score"], found.high["overall_score"]) == (0.5, 1)


def test_bounds_hold_whatever_is_missing() -> None:
    """Of all 81 labellings, with any one or two labels taken out."""
    for labels in product((CONTAINED, MISSING, ABSENT), repeat=4):
        values = judged(*labels).values
        for gone in ({0}, {3}, {0, 1}, {1, 2}):
            part = judged(*(None if at in gone else label for at, label in enumerate(labels)))
            assert all(part.low[name] <= values[name] <= part.high[name] for name in values)


# The whole way

NOTE = "Patient Age: 50\nOnset: last week\nSeverity: 7 of 10"


def knows_what_is_written(messages: list[dict[str, str]]) -> str:
    """A judge that compares lines such as "Onset: last week"."""
    prompt = messages[-1]["content"]
    match = re.search(r"Item: (.+?) \(.*\nFirst-named note: (\w+)\. Other note: (\w+)\.", prompt)
    assert match is not None
    item, first, other = match.groups()
    notes = dict(re.findall(r"<(\w+)>\n(.*?)\n</", prompt, re.DOTALL))
    said = [
        next((line for line in notes[name].splitlines() if line.startswith(f"{item}:")), None)
        for name in (first, other)
    ]
    label = ABSENT if said[0] is None else CONTAINED if said[0] == said[1] else MISSING
    return json.dumps({"explanation": f"{first} says {said[0]}", "label": label})


def writes_a_note(messages: list[dict[str, str]]) -> str:
    """A note with one item right, one otherwise, one left out and one more."""
    assert "made-up talk" in messages[-1]["content"]
    return "Patient Age: 50\nOnset: yesterday\nDuration: a day"


def visits(path: Path) -> Path:
    row = {"dataset": "aci", "encounter_id": "V1", "dialogue": "made-up talk", "note": NOTE}
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(row))
        writer.writeheader()
        writer.writerow(row)
    return path


def test_a_note_is_asked_judged_and_scored(tmp_path: Path) -> None:
    """58 judgements of one note: 25 items that neither has, 1 that both have, 3 that differ."""
    run = preceptor.run(
        "clear-note",
        system="python:test_clear_note:writes_a_note",
        grader="python:test_clear_note:knows_what_is_written",
        data=visits(tmp_path / "visits.csv"),
    )
    found = run.result().metrics
    assert run.result().verdicts == 58
    assert found["recall"].value == found["precision"].value == pytest.approx(26 / 29)
    assert found["overall_score"].value == pytest.approx(26 / 29)
    for name, value in {"Patient Age": 1, "Onset": 0, "Severity": 0, "Duration": 0}.items():
        assert found[f"item:{name}"].value == value
    assert found["item:Vital Signs"].value == 1


# Data


def test_labelled_judgements_become_cases(tmp_path: Path) -> None:
    """Yes and No of the file are the judge's labels for the direction of recall."""
    path = tmp_path / "labels.json"
    rows = [
        {"reference": "Onset: made up", "answer": "Onset: made up, too", "label": "Yes"},
        {"reference": "Drugs: none", "answer": "Drugs: some", "label": "No"},
    ]
    path.write_text(json.dumps({"instruction": "", "examples": rows}))
    (one, answer, label), (_, _, other) = containment_labels(path)
    assert (answer, label, other) == ("Onset: made up, too", CONTAINED, MISSING)
    assert one.target == {"reference": "Onset: made up"}
    (criterion,) = one.criteria
    assert criterion.tags == ("item:Onset", "direction:recall")
    path.write_text(json.dumps({"examples": [{**rows[0], "label": "Maybe"}]}))
    with pytest.raises(DataError, match=r"examples\[0\]\.label: expected one of Yes, No"):
        containment_labels(path)


@needs_data
def test_real_items_and_judgements() -> None:
    """120 notes, 29 items with the published names, 7 labelled judgements."""
    examples = BENCH.load(DATA).examples
    assert len(examples) == BENCH.n_examples
    assert sum(len(example.criteria) for example in examples) == BENCH.n_criteria
    folder = DATA / "expertlongbench"
    published = json.loads((folder / "T06HealthCNG_checklist.json").read_text())
    ours = {criterion.tags[0].removeprefix("item:") for criterion in examples[0].criteria}
    assert ours == {row["item"] for row in published}
    labels = [label for _, _, label in containment_labels(folder / "containment_judge_prompt.json")]
    assert (labels.count(CONTAINED), labels.count(MISSING)) == (4, 3)


def test_the_page_asks_a_judge_for_the_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The block of docs/numbers-and-text.md runs, and counts where judge and label agree."""
    path = tmp_path / "labels.json"
    rows = [
        {"reference": "Onset: made up", "answer": "Onset: made up", "label": label}
        for label in ("Yes", "No", "Yes")
    ]
    path.write_text(json.dumps({"examples": rows}))
    page = Path(__file__).parent.parent / "docs" / "numbers-and-text.md"
    (block,) = re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
    shown = ('"containment_judge_prompt.json"', '"openai/gpt-5.4"')
    ours = (json.dumps(str(path)), '"python:test_clear_note:knows_what_is_written"')
    for one, other in zip(shown, ours, strict=True):
        assert block.count(one) == 1
        block = block.replace(one, other)
    exec(compile(block, str(page), "exec"), {})
    assert capsys.readouterr().out == "(2, 3)\n"
