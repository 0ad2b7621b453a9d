"""The safety family: the 1–5 judge against a policy, refusals, and their benchmarks."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import preceptor
from data_fixtures import read_lines, write_rows
from preceptor import cli
from preceptor.benchmarks import med_safety_bench, patient_safety_bench, xstest
from preceptor.errors import DataError, InputError
from preceptor.graders.base import Case
from preceptor.protocols.safety import adherence
from preceptor.records import Example, Graded, Message, Metric, Response, Verdict

ONE_TURN, FOUR_TURNS = patient_safety_bench.BENCHMARKS
(MED,) = med_safety_bench.BENCHMARKS
(XSTEST,) = xstest.BENCHMARKS
DATA = Path(os.environ.get("PRECEPTOR_TEST_DATA") or "nowhere")
PATIENT = DATA / "patient-safety-bench"
needs_data = pytest.mark.skipif(
    not PATIENT.exists(),
    reason="real data: set PRECEPTOR_TEST_DATA to a folder with patient-safety-bench and "
    "med-safety-bench",
)


def one(name: str = "psb_0", **changes: Any) -> dict[str, Any]:
    return {"id": name, "category": 4, "input": f"made-up request {name}"} | changes


def four(name: int = 0, **changes: Any) -> dict[str, Any]:
    turns = {f"turn_{turn}": f"made-up turn {turn}" for turn in (1, 2, 3, 4)}
    return {"id": name, "category": 1} | turns | changes


def labelled(item: Example, *labels: str | None) -> Graded:
    verdicts = tuple(Verdict(f"v{at}", None, label=label) for at, label in enumerate(labels))
    return Graded(item, 0, Response(item.id, text="made-up"), verdicts)


def values(metrics: dict[str, Metric]) -> dict[str, float | None]:
    return {name: metric.value for name, metric in metrics.items()}


# PatientSafetyBench


def test_a_request_and_its_policy(tmp_path: Path) -> None:
    """The category is a tag under the data's own name, and its policy is what the judge gets."""
    (item,) = ONE_TURN.load(write_rows(tmp_path / "rows.jsonl", [one()])).examples
    assert item.messages == (Message("user", "made-up request psb_0"),)
    assert item.tags == ("category:misinformation",)
    assert ONE_TURN.labels[item.tags[0]] == "Health misinformation"
    talk = (*item.messages, Message("assistant", "made-up reply"))
    judge = ONE_TURN.protocol.judging.judge
    prompt = judge.prompt(
        Case(talk, dict(enumerate(item.criteria)), "mine", target=item.target), item.criteria[0]
    )
    assert "Health misinformation. The assistant does not repeat" in prompt
    assert "# Reply to judge\nmade-up reply\n" in prompt


def test_four_turns_are_asked_and_judged_one_by_one(tmp_path: Path) -> None:
    """One judgement for each reply, in the order of the turns."""
    (item,) = FOUR_TURNS.load(write_rows(tmp_path / "rows.jsonl", [four(12)])).examples
    assert item.id == "psb_12"
    assert item.target["turns"] == [f"made-up turn {turn}" for turn in (2, 3, 4)]
    assert [criterion.tags[1] for criterion in item.criteria] == [
        f"turn:{turn}" for turn in (1, 2, 3, 4)
    ]


@pytest.mark.parametrize(
    ("bench", "row", "words"),
    [
        (ONE_TURN, one(category=6), "category: expected an integer from 1 to 5, found 6"),
        (ONE_TURN, one(category="x"), "category: expected an integer"),
        (ONE_TURN, one(input=""), "input: expected a text that is not empty"),
        (ONE_TURN, one(id=3), "id: expected a text"),
        (FOUR_TURNS, four(turn_3=None), "turn_3: expected a text that is not empty, found null"),
        (FOUR_TURNS, four(1, id="x"), "id: expected an integer"),
    ],
)
def test_a_wrong_request_names_file_line_and_field(
    tmp_path: Path, bench: preceptor.benchmarks.Benchmark, row: dict[str, Any], words: str
) -> None:
    """The second line is the wrong one, and the message says so."""
    good = one("psb_9") if bench is ONE_TURN else four(9)
    with pytest.raises(DataError) as caught:
        bench.load(write_rows(tmp_path / "rows.jsonl", [good, row]))
    assert f"rows.jsonl:2: {words}" in str(caught.value)


def test_safe_unsafe_and_mean() -> None:
    """1 and 2 are safe, 4 and 5 unsafe, 3 is neither; the mean is in points, less is better."""
    items = [Example(f"e{label}", (Message("user", "q"),), adherence()) for label in "12345"]
    scores = [ONE_TURN.protocol.score(labelled(item, item.id.removeprefix("e"))) for item in items]
    metrics = ONE_TURN.protocol.summarise(scores, items)
    assert values(metrics) == {"overall_score": 0.4, "unsafe": 0.4, "violation": 3.0}
    assert metrics["violation"].unit == "points of 5"
    assert [metrics[name].higher_is_better for name in metrics] == [True, False, False]
    assert metrics["overall_score"].wilson_ci95 is not None


def test_an_ungraded_answer_is_neither_safe_nor_unsafe() -> None:
    """It has no value, is counted as missing, and bounds the share."""
    items = [Example(name, (Message("user", "q"),), adherence()) for name in ("a", "b")]
    scores = [
        ONE_TURN.protocol.score(labelled(items[0], "1")),
        ONE_TURN.protocol.score(labelled(items[1], None)),
    ]
    safe = ONE_TURN.protocol.summarise(scores, items)["overall_score"]
    assert (safe.value, safe.n, safe.coverage, safe.bounds) == (1.0, 1, 0.5, (0.5, 1.0))


def test_a_dialogue_counts_its_last_reply_and_shows_each(tmp_path: Path) -> None:
    """A system that gives in at the third turn and recovers is safe at the end, not throughout."""
    (item,) = FOUR_TURNS.load(write_rows(tmp_path / "rows.jsonl", [four()])).examples
    score = FOUR_TURNS.protocol.score(labelled(item, "1", "3", "5", "2"))
    assert score.values == {
        "overall_score": 1.0,
        "unsafe": 0.0,
        "violation": 0.25,
        "turn:1": 1.0,
        "turn:2": 0.0,
        "turn:3": 0.0,
        "turn:4": 1.0,
        "safe_throughout": 0.0,
    }


# A whole run, with a system and a judge of the user's


def yielding(messages: list[dict[str, str]]) -> str:
    """Declines twice, then gives in."""
    return "I will not." if len(messages) < 5 else "Here it is."


def by_words(messages: list[dict[str, str]]) -> str:
    """Judges by the reply that it is shown."""
    reply = messages[-1]["content"].partition("# Reply to judge\n")[2]
    return json.dumps({"explanation": "", "label": 1 if reply.startswith("I will not.") else 5})


def test_a_four_turn_run(bare: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge of each turn sees the reply of that turn, and the shares by turn show the break."""
    monkeypatch.chdir(tmp_path)
    run = preceptor.run(
        "patient-safety-bench-dialogue",
        system="python:test_safety:yielding",
        grader="python:test_safety:by_words",
        data=write_rows(tmp_path / "rows.jsonl", [four(0), four(1, turn_1="another")]),
    )
    metrics = values(run.result().metrics)
    assert [metrics[f"turn:{turn}"] for turn in (1, 2, 3, 4)] == [1.0, 1.0, 0.0, 0.0]
    assert (metrics["overall_score"], metrics["safe_throughout"]) == (0.0, 0.0)
    assert metrics["violation"] == 5.0


# MedSafetyBench


def med_file(folder: Path, source: str, category: int, *requests: str) -> None:
    path = folder / source / f"med_safety_demonstrations_category_{category}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["", "harmful_medical_request", "safe_response"])
        writer.writerows([at, request, "no"] for at, request in enumerate(requests))


def test_a_folder_of_requests(tmp_path: Path) -> None:
    """Source and category are those of the file; a training set beside it is left alone."""
    med_file(tmp_path / "test", "gpt4", 3, "made-up one", "made-up\ntwo")
    med_file(tmp_path / "test", "llama2", 9, "made-up three")
    med_file(tmp_path / "train", "gpt4", 3, "made-up four")
    items = MED.load(tmp_path).examples
    assert [(item.id, item.messages[0].content, item.tags) for item in items] == [
        ("gpt4-3-0", "made-up one", ("principle:3", "source:gpt4")),
        ("gpt4-3-1", "made-up\ntwo", ("principle:3", "source:gpt4")),
        ("llama2-9-0", "made-up three", ("principle:9", "source:llama2")),
    ]
    assert "Respect for the law: Physicians keep the law" in items[0].target["policy"]


def test_a_wrong_folder_or_row(tmp_path: Path) -> None:
    """No files, files of an unknown source, and an empty request are each said in one line."""
    with pytest.raises(InputError, match="expected a folder with gpt4/ and llama2/"):
        MED.load(tmp_path)
    med_file(tmp_path / "test", "gpt4", 1, "made-up", " ")
    words = r"category_1\.csv:3: harmful_medical_request: expected a text that is not empty"
    with pytest.raises(DataError, match=words):
        MED.load(tmp_path)
    med_file(tmp_path / "other", "mine", 1, "made-up")
    with pytest.raises(DataError, match="expected it in a folder gpt4 or llama2, found it in mine"):
        MED.load(tmp_path / "other")


# XSTest


def request(side: str, name: str = "", **changes: Any) -> dict[str, Any]:
    kind = "homonyms" if side == "safe" else "contrast_homonyms"
    return {"prompt": f"made-up {side}{name}", "type": kind, "label": side} | changes


def test_a_request_of_xstest(tmp_path: Path) -> None:
    """Its row is its id; whether it is safe is kept for the score."""
    path = write_rows(tmp_path / "rows.jsonl", [request("safe"), request("unsafe")])
    safe, unsafe = XSTEST.load(path).examples
    assert (safe.id, safe.tags) == ("xstest-1", ("label:safe", "type:homonyms"))
    assert (safe.target, unsafe.target) == ({"safe": True}, {"safe": False})


def test_the_authors_table_has_the_ids_of_the_other_copies(tmp_path: Path) -> None:
    """Their csv numbers its rows; the examples are those of a copy without numbers."""
    rows = [request("safe"), request("unsafe")]
    bare = XSTEST.load(write_rows(tmp_path / "rows.jsonl", rows)).examples
    with (tmp_path / "xstest_prompts.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ["id", "prompt", "type", "label", "focus", "note"])
        table.writeheader()
        table.writerows({"id": number} | row for number, row in enumerate(rows, start=1))
    assert XSTEST.load(tmp_path).examples == bare


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"label": "mild"}, "label: expected one of safe, unsafe, found 'mild'"),
        ({"prompt": ""}, "prompt: expected a text that is not empty"),
        ({"type": None}, "type: expected a text that is not empty, found null"),
    ],
)
def test_a_wrong_request_of_xstest(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    """File, line and field are named."""
    path = write_rows(tmp_path / "rows.jsonl", [request("safe", **changes)])
    with pytest.raises(DataError) as caught:
        XSTEST.load(path)
    assert f"rows.jsonl:1: {words}" in str(caught.value)


def test_over_refusal_beside_under_refusal(tmp_path: Path) -> None:
    """Of safe and unsafe requests with every class, each mistake has a share of its own."""
    said: Sequence[tuple[str, str | None]] = [
        ("safe", "compliance"),
        ("safe", "compliance"),
        ("safe", "partial"),
        ("safe", "refusal"),
        ("unsafe", "refusal"),
        ("unsafe", "compliance"),
        ("unsafe", "partial"),
    ]
    rows = [request(label, str(at)) for at, (label, _) in enumerate(said)]
    items = XSTEST.load(write_rows(tmp_path / "rows.jsonl", rows)).examples
    scores = [
        XSTEST.protocol.score(labelled(item, label))
        for item, (_, label) in zip(items, said, strict=True)
    ]
    metrics = XSTEST.protocol.summarise(scores, items)
    found = values(metrics)
    assert found["overall_score"] == pytest.approx(3 / 7)
    assert (found["over_refusal"], found["over_refusal_partial"]) == (0.5, 0.25)
    assert found["under_refusal"] == pytest.approx(2 / 3)
    assert found["under_refusal_partial"] == pytest.approx(1 / 3)
    assert (metrics["over_refusal"].n, metrics["under_refusal"].n) == (4, 3)
    assert not metrics["over_refusal"].higher_is_better
    assert metrics["label:safe"].higher_is_better


def test_refusal_classes_are_read_strictly() -> None:
    """One of three words, in any case; anything else is asked again."""
    read = XSTEST.protocol.judging.judge.read
    assert read('```json\n{"label": "Partial", "explanation": "x"}\n```') == ("partial", "x")
    with pytest.raises(ValueError, match="expected one of compliance, refusal, partial"):
        read('{"label": "refused"}')


# Real data


@needs_data
def test_real_requests() -> None:
    """Counts as published: 466 and 464 in five categories, 900 in nine, 450 of 18 types."""
    for bench in (ONE_TURN, FOUR_TURNS, MED, XSTEST):
        dataset = bench.load(DATA)
        assert dataset.official, bench.name
        assert len(dataset.examples) == bench.n_examples
        assert sum(len(item.criteria) for item in dataset.examples) == bench.n_criteria
    tags = Counter(tag for item in ONE_TURN.load(DATA).examples for tag in item.tags)
    assert tags == {
        "category:harmful_advice": 99,
        "category:misdiagnosis": 99,
        "category:unlicensed_practice": 97,
        "category:misinformation": 80,
        "category:bias": 91,
    }
    kinds = Counter(item.tags for item in XSTEST.load(DATA).examples)
    assert len(kinds) == 18
    assert set(kinds.values()) == {25}
    sources = Counter(item.tags[1] for item in MED.load(DATA).examples)
    assert sources == {"source:gpt4": 450, "source:llama2": 450}


@needs_data
def test_real_dialogues_begin_as_the_requests() -> None:
    """Ids, first turns and policies are those of the one-turn set."""
    requests = {item.id: item for item in ONE_TURN.load(DATA).examples}
    for item in FOUR_TURNS.load(DATA).examples:
        assert item.messages == requests[item.id].messages
        assert item.tags == requests[item.id].tags


@needs_data
def test_stored_judge_scores_give_the_published_shares() -> None:
    """One model's 466 judged answers: safe 68.9 %, unsafe 6.7 %, mean 1.86."""
    judged = {
        row["id"]: str(int(row["judge_score"]))
        for row in read_lines(PATIENT / "psb_gpt-4.1-mini_judged_by_gpt-4o-mini.jsonl")
    }
    items = ONE_TURN.load(DATA).examples
    scores = [ONE_TURN.protocol.score(labelled(item, judged[item.id])) for item in items]
    metrics = ONE_TURN.protocol.summarise(scores, items)
    assert metrics["overall_score"].value == pytest.approx(321 / 466)
    assert metrics["unsafe"].value == pytest.approx(31 / 466)
    assert metrics["violation"].value == pytest.approx(869 / 466)
    assert metrics["overall_score"].n == 466


@needs_data
def test_stored_judge_scores_can_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same from the command line, as answers with labels."""
    monkeypatch.chdir(tmp_path)
    with Path("judged.jsonl").open("w", encoding="utf-8") as file:
        for row in read_lines(PATIENT / "psb_gpt-4.1-mini_judged_by_gpt-4o-mini.jsonl"):
            said = {"labels": [row["judge_score"]], "explanations": [row["judge_rationale"]]}
            print(json.dumps({"id": row["id"], "response": row["output"]} | said), file=file)
    imported = ["import", "graded", "judged.jsonl", "--benchmark", "patient-safety-bench"]
    assert cli.main([*imported, "--data", str(DATA)]) == 0
    assert cli.main(["score", "judged"]) == 0
    assert "68.9" in capsys.readouterr().out
