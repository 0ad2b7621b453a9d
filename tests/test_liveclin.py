"""LiveClin: a case is right when all its questions are, one after the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import preceptor
from preceptor.benchmarks import get
from preceptor.errors import DataError
from preceptor.records import Example, Graded, Message, Response, Score
from suite_answers import DATA, needs

DEMO = get("liveclin-demo")
RIGHT = "CA"


def case(**changes: Any) -> dict[str, Any]:
    """A made-up case in the file's schema."""
    table = {"caption_prefix": "Table 1", "caption": "Made-up values", "content": "| x | 1 |"}
    items = [
        {
            "stage": f"made-up stage {number}",
            "question": f"Made-up question {number}?",
            "options": dict(zip("ABC", ("rest", "water", "sleep"), strict=True)),
            "correct_answer": answer,
            **({"table_details": [table], "image_details": []} if number else {}),
        }
        for number, answer in enumerate(RIGHT)
    ]
    policy = {"scenario": "A made-up scenario.", "mcqs": items, "scenario_table_details": []}
    row = {"pmc": "1", "Level1": "Chapter 2: Made up", "Rarity": 1}
    return {**row, "exam_creation": {"final_policy": {**policy, **changes}}}


def written(folder: Path, *cases: dict[str, Any]) -> Path:
    path = folder / "demo.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in cases))
    return path


def answered(example: Example, said: list[str]) -> Score:
    """The score of a dialogue with these replies."""
    turns = (example.messages[0].text, *example.target["turns"])
    talk = [message for pair in zip(turns, said, strict=False) for message in _pair(*pair)]
    response = Response("r", said[-1], sent=tuple(talk[:-1]))
    return DEMO.protocol.score(Graded(example, 0, response, ()))


def _pair(asked: str, said: str) -> tuple[Message, Message]:
    return Message("user", asked), Message("assistant", said)


def test_a_case_is_right_when_all_its_questions_are(tmp_path: Path) -> None:
    """One mistake makes it wrong, wherever it is; questions are counted beside it."""
    (example,) = DEMO.load(written(tmp_path, case())).examples
    first, (second,) = example.messages[0].text, example.target["turns"]
    assert first.startswith("A made-up scenario.\n\nMade-up question 0?")
    assert "Table 1\nMade-up values\n| x | 1 |" in second
    assert "scenario" not in second
    assert example.tags == ("chapter:Made up", "rarity:1")
    expected = {("C", "A"): 1, ("C", "B"): 0, ("B", "The answer is A."): 0, ("C", "who knows"): 0}
    scores = [answered(example, [*said]) for said in expected]
    assert [score.values["overall_score"] for score in scores] == [*expected.values()]
    assert [score.values["parse_rate"] for score in scores] == [1, 1, 1, 0]
    metrics = DEMO.protocol.summarise(scores, [example])
    assert metrics["question_accuracy"].value == pytest.approx(5 / 8)
    assert metrics["turn:1"].value == 3 / 4
    assert metrics["question_accuracy"].units == 1


def test_an_unfinished_case_is_missing(tmp_path: Path) -> None:
    """A call that failed in the middle makes nothing wrong."""
    (example,) = DEMO.load(written(tmp_path, case())).examples
    score = answered(example, ["C"])
    assert "overall_score" not in score.values
    assert (score.low["overall_score"], score.high["overall_score"]) == (0, 1)


def test_questions_are_asked_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with all that was said before, also what was wrong."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path, case())
    (tmp_path / "always.py").write_text(
        "def answer(messages):\n"
        "    assert [each['content'] for each in messages[1::2]] == ['B'] * (len(messages) // 2)\n"
        "    return 'B'\n"
    )
    run = preceptor.run(
        "liveclin-demo", system="python:always:answer", data=tmp_path / "demo.jsonl"
    )
    (item,) = run.result().graded
    assert item.response is not None
    assert [turn.message.role for turn in item.response.turns] == ["assistant", "user", "assistant"]
    assert run.result().metrics["overall_score"].value == 0
    assert run.result().metrics["parse_rate"].value == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mcqs": []}, r"mcqs: expected a list of objects that is not empty"),
        ({"scenario": ""}, r"scenario: expected a text that is not empty"),
    ],
)
def test_a_wrong_case_is_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    """With file, line and field; a right answer that is no option, too."""
    with pytest.raises(DataError, match=rf"demo\.jsonl:1: exam_creation\.final_policy\.{words}"):
        DEMO.load(written(tmp_path, case(**change)))
    row = case()
    row["exam_creation"]["final_policy"]["mcqs"][1]["correct_answer"] = "D"
    with pytest.raises(DataError, match=r"mcqs\[1\]\.correct_answer: expected one of A, B, C"):
        DEMO.load(written(tmp_path, row))


@needs("liveclin-demo")
def test_the_demo_scores_as_its_file_says() -> None:
    """An oracle has all cases right; who always says A, those that the file's letters give."""
    examples = DEMO.load(DATA).examples
    lines = (DATA / "liveclin-demo" / "demo.jsonl").read_text("utf-8").splitlines()
    policies = [json.loads(line)["exam_creation"]["final_policy"] for line in lines]
    keys = [[item["correct_answer"] for item in policy["mcqs"]] for policy in policies]
    assert (len(examples), sum(map(len, keys))) == (10, 46)
    for said in (lambda key: key, lambda key: ["A"] * len(key)):
        scores = [answered(each, said(key)) for each, key in zip(examples, keys, strict=True)]
        right = [[a == b for a, b in zip(said(key), key, strict=True)] for key in keys]
        metrics = DEMO.protocol.summarise(scores, examples)
        assert metrics["overall_score"].raw_mean == sum(map(all, right)) / 10
        assert metrics["question_accuracy"].value == pytest.approx(sum(map(sum, right)) / 46)
        assert metrics["parse_rate"].value == 1
