"""EquityMedQA's three rubrics: one answer, two answers, a pair of questions; pairs and orders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import preceptor
from preceptor.benchmarks import get
from preceptor.errors import DataError, InputError
from preceptor.graders.base import Case
from preceptor.records import Example, Message
from preceptor.testing import FakeEndpoint
from suite_answers import graded

ONE, VERSUS, PAIRED = (get(f"equitymedqa{kind}") for kind in ("", "-versus", "-paired"))
NO_KINDS = ["no"] * 6


def folder(path: Path, pairs: int = 1) -> Path:
    (path / "omaq.csv").write_text('"Made-up question, with a comma?"\nAnother made-up one?\n')
    asked = "How is {} measured?,How is {} measured in made-up people?\n"
    rows = "".join(asked.format(n, n) for n in range(pairs))
    (path / "cc_manual.csv").write_text(rows)
    (path / "cc_llm.csv").write_text(rows)
    return path


def test_files_without_a_header_are_questions_and_pairs(tmp_path: Path) -> None:
    """The first row is a question, too; the two of a pair are drawn together."""
    examples = ONE.load(folder(tmp_path)).examples
    assert [each.id for each in examples] == [
        *("omaq/1", "omaq/2", "cc_manual/1/1", "cc_manual/1/2", "cc_llm/1/1", "cc_llm/1/2")
    ]
    assert examples[0].messages[0].text == "Made-up question, with a comma?"
    assert len(examples[0].criteria) == 7
    assert examples[3].target == {"pair": "cc_manual/1", "side": 2}
    with pytest.raises(InputError, match=r"expected files named omaq\.csv, .*found none"):
        ONE.load(tmp_path.parent)
    (tmp_path / "cc_llm.csv").write_text("Only one?\n")
    with pytest.raises(DataError, match=r"cc_llm\.csv:1"):
        ONE.load(tmp_path)


def test_bias_and_its_kinds_are_shares(tmp_path: Path) -> None:
    """None is without bias; severe and each kind count apart; what is missing stays open."""
    example = ONE.load(folder(tmp_path)).examples[0]
    score = ONE.protocol.score(graded(example, "made up", ["minor", "yes", *NO_KINDS[1:]]))
    assert score.values["overall_score"] == score.values["severe"] == 0
    assert score.values["kind:inaccurate"] == 1
    assert score.values["kind:withheld"] == 0
    score = ONE.protocol.score(graded(example, "made up", [None, *NO_KINDS]))
    assert "overall_score" not in score.values
    assert (score.low["overall_score"], score.high["overall_score"]) == (0, 1)


def test_pairs_are_tested_by_mcnemar_and_holm(tmp_path: Path) -> None:
    """Whether the second question of a pair gets more bias, over all and by data set."""
    examples = ONE.load(folder(tmp_path, pairs=8)).examples
    scores = [
        ONE.protocol.score(graded(each, "x", ["severe" if _biased(each) else "none", *NO_KINDS]))
        for each in examples
    ]
    metrics = ONE.protocol.summarise(scores, examples)
    assert metrics["more_biased"].value == pytest.approx(9 / 16)
    assert metrics["more_biased"].units == 16
    assert metrics["more_biased_p"].value == pytest.approx(2 / 2**9)
    assert metrics["more_biased:cc_manual"].value == 1
    assert metrics["more_biased_p:cc_manual"].value == pytest.approx(2 * 2 / 2**8)
    assert metrics["more_biased_p:cc_llm"].value == 1
    assert metrics["dataset:omaq"].value == 1


def _biased(example: Example) -> bool:
    """All second questions of cc_manual, and one of cc_llm."""
    side = example.target.get("side")
    return side == 2 and (example.id.startswith("cc_manual") or example.id == "cc_llm/1/2")


def written(path: Path, **row: str) -> Path:
    path.write_text(json.dumps({"id": "1", "question": "Made up?", **row}) + "\n")
    return path


@pytest.mark.parametrize(
    ("said", "score", "consistent"),
    [
        (("first", "second"), 0, 1),
        (("second", "first"), 1, 1),
        (("equal", "equal"), 0.5, 1),
        (("first", "first"), 0.5, 0),
    ],
)
def test_two_answers_are_judged_in_both_orders(
    tmp_path: Path, said: tuple[str, str], score: float, consistent: int
) -> None:
    """A judge that always prefers the first decides nothing, and is found out."""
    (example,) = VERSUS.load(written(tmp_path / "two.jsonl", other_answer="other")).examples
    values = VERSUS.protocol.score(graded(example, "own", said)).values
    assert (values["overall_score"], values["order_consistent"]) == (score, consistent)
    open_ = VERSUS.protocol.score(graded(example, "own", [said[0]]))
    assert "overall_score" not in open_.values


def test_the_second_order_swaps_what_is_shown(tmp_path: Path) -> None:
    """Questions and answers change places together."""
    row = {"other_question": "Another?", "other_answer": "other"}
    (example,) = PAIRED.load(written(tmp_path / "two.jsonl", **row)).examples
    judge = PAIRED.protocol.judging.judge
    assert judge is not None
    talk = (*example.messages, Message("assistant", "own {first_answer}"))
    case = Case(talk, {}, "run", example.target)
    first, second = (judge.prompt(case, example.criteria[place]) for place in (0, 3))
    assert first.index("own {first_answer}") < first.index("Another?") < first.index("other\n")
    assert second.index("Another?") < second.index("other\n") < second.index("own {first_answer}")
    assert judge.objection("first", case, example.criteria[0]) is not None
    assert judge.objection("same", case, example.criteria[0]) is None


def test_answers_of_a_pair_should_differ_where_the_best_do(tmp_path: Path) -> None:
    """Needless and missing differences, bias and consistency, over both orders."""
    row = {"other_question": "Another?", "other_answer": "other", "axis": "age"}
    (example,) = PAIRED.load(written(tmp_path / "two.jsonl", **row)).examples
    assert example.tags == ("axis:age",)
    labels = ["same", "different", "none", "different", "different", "severe"]
    values = PAIRED.protocol.score(graded(example, "own", labels)).values
    assert values == {
        "overall_score": 0.5,
        "severe": 0.5,
        "needless": 0.5,
        "missing": 0,
        "order_consistent": pytest.approx(1 / 3),
    }


def test_answers_in_the_file_are_judged_without_a_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--system physician`` takes the column answer; each order is a call of the grader."""
    monkeypatch.chdir(tmp_path)
    data = written(tmp_path / "two.jsonl", other_answer="other", answer="own")
    with FakeEndpoint() as fake:
        run = preceptor.run(
            "equitymedqa-versus", system="physician", grader=fake.address("judge"), data=data
        )
        shown = [str(call.payload["messages"][-1]["content"]) for call in fake.log]
    assert len({*shown}) == 2
    assert all("own" in text and "other" in text for text in shown)
    (item,) = run.result().graded
    assert item.response is not None
    assert item.response.text == "own"
