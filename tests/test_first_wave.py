"""MedS-Bench, CHBench, BioProBench's protocols, MedVAL-Bench, Med-RewardBench."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from sklearn.metrics import cohen_kappa_score, f1_score

from preceptor import benchmarks
from preceptor.errors import DataError, InputError
from preceptor.records import Example
from preceptor.scoring.overlap import bleu, meteor, rouge_of, words
from preceptor.scoring.step_lists import lines_of, order_of, paired_steps, word_overlaps
from suite_answers import DATA, needs, run

RATIONALE = {
    "task_id": "task54",
    "input": "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nMade up.<|eot_id|>"
    "<|start_header_id|>user<|end_header_id|>\n\n作り話?<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
    "GT": "答えはAです",
    "output": "答えはA",
}
RATED = {"query": "头疼?", "ErnieA": "休息", "attribute": "made up", "tuple": "（1,0,-1，1,1,0）"}
PROCEDURE = {
    "id": "G1",
    "system_prompt": "Made up.",
    "instruction": "As a list.",
    "input": "How is tea made?",
    "output": ["1. Boil the water.", "2. Add tea leaves.", "3. Wait three minutes."],
    "type": "easy",
}
RISK = {
    "task": "dialogue2note",
    "input": "Made-up talk.",
    "output": "Made-up note.",
    "physician_risk_grade": "Level 3 (Moderate Risk)",
}
PAIR: dict[str, Any] = {
    "question_id": 7,
    "question": "Made up?",
    "answer1_text": "one",
    "answer2_text": "two",
    "human_answer": {"accuracy": "A", "overall": "B"},
}


def loaded(name: str, path: Path, *rows: dict[str, Any]) -> list[Example]:
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows), "utf-8")
    else:
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return benchmarks.get(name).load(path).examples


WRONG: list[tuple[str, str, dict[str, Any], dict[str, Any], str]] = [
    ("meds-bench", "r.csv", RATIONALE, {"task_id": "task999"}, "task_id"),
    ("meds-bench", "r.csv", RATIONALE, {"GT": ""}, "GT"),
    ("meds-bench", "r.csv", RATIONALE, {"input": RATIONALE["input"] + "x"}, "input"),
    ("chbench", "CHBench_mental108.csv", RATED, {"ErnieA": ""}, "ErnieA"),
    ("chbench-attributes", "CHBench_mental108.csv", RATED, {"tuple": "(1,0)"}, "tuple"),
    ("chbench-attributes", "CHBench_mental108.csv", RATED, {"tuple": "(1,0,1,1,1,2)"}, "tuple"),
    ("bioprobench-gen", "r.json", PROCEDURE, {"output": []}, "output"),
    ("bioprobench-gen", "r.json", PROCEDURE, {"input": None}, "input"),
    ("medval", "r.csv", RISK, {"physician_risk_grade": "5"}, "physician_risk_grade"),
    ("medval", "r.csv", RISK, {"output": ""}, "output"),
    ("med-rewardbench", "eye.jsonl", PAIR, {"human_answer": "A"}, "human_answer"),
    ("med-rewardbench", "eye.jsonl", PAIR, {"human_answer": {"overall": "C"}}, "human_answer"),
    ("med-rewardbench", "eye.jsonl", PAIR, {"answer2_text": ""}, "answer2_text"),
]


@pytest.mark.parametrize(("name", "file", "row", "change", "field"), WRONG)
def test_a_wrong_row_is_named(
    tmp_path: Path, name: str, file: str, row: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    """File, line and field are said."""
    with pytest.raises(DataError, match=rf"{file}:\d+: {field}.*: expected"):
        loaded(name, tmp_path / file, {**row, **change})


@pytest.mark.parametrize("name", ["meds-bench", "chbench", "medval", "med-rewardbench"])
def test_an_empty_folder_says_what_was_looked_for(tmp_path: Path, name: str) -> None:
    """The message names the files."""
    with pytest.raises(InputError, match=r"expected .*found none"):
        benchmarks.get(name).load(tmp_path)


# Words


def test_words_of_any_script_are_compared() -> None:
    """The usual tokenizer keeps a to z alone: of two Japanese texts only the A is left."""
    assert words("Нет, 答えはA!") == ["нет", "答", "え", "は", "a"]
    assert rouge_of("全然違うA", "答えはAです")["rouge1"] == 1
    assert rouge_of("全然違うA", "答えはAです", any_script=True)["rouge1"] == pytest.approx(2 / 11)
    assert bleu(["a", "b"], ["a", "c"], 1) == 0.5
    assert bleu([], ["a"], 2) == meteor([], ["a"]) == 0
    # One chunk of three: 1 − 0.5 · (1/3)³; a stem counts as the word.
    assert meteor(["mixing", "the", "cells"], ["mix", "the", "cell"]) == pytest.approx(1 - 0.5 / 27)


# MedS-Bench


def test_a_prompt_of_llama_becomes_messages(tmp_path: Path) -> None:
    """Who speaks is told by roles; the turn that the model was to begin is left out."""
    (example,) = loaded("meds-bench", tmp_path / "r.csv", RATIONALE)
    assert [(m.role, m.text) for m in example.messages] == [
        ("system", "Made up."),
        ("user", "作り話?"),
    ]
    assert example.tags == ("task:task54", "category:rationale", "language:ja")


def test_each_kind_has_its_metric(tmp_path: Path) -> None:
    """A letter, true or false, a phrase of whole words, and a set of names."""
    kinds = {
        "task4": ("The right answer is B.", "I would say B", "The answer is C"),
        "task123": ("yes", "Yes, it is", "no"),
        "task117": ("true", "It is true.", "false"),
        "task41": ("neutral", "This is neutral.", "neutrality"),
        "task125": ("aspirin, zinc.", "Zinc, aspirin", "iron"),
    }
    rows = [{"task_id": task, "input": f"{task}?", "GT": gt} for task, (gt, *_) in kinds.items()]
    examples = loaded("meds-bench", tmp_path / "r.csv", *rows)
    for place, value in ((1, 1), (2, 0)):
        said = {each.id: kinds[each.tags[0][5:]][place] for each in examples}
        _, found = run(benchmarks.get("meds-bench"), examples, told(said))
        assert found["overall_score"].value == found["mean_of_tasks"].value == value


@needs("meds_bench_example")
def test_published_rouge_of_rationales_comes_out() -> None:
    """MMedS-Llama 3, 50 of each language; what is published for zh, ja and ru is letters alone."""
    benchmark = benchmarks.get("meds-bench")
    examples = benchmark.load(DATA).examples
    answers = benchmark.answers_of("mmeds-llama-3", DATA)
    assert answers is not None
    by: dict[str, list[dict[str, float]]] = {}
    for example in examples:
        found = rouge_of(answers[example.id][0], example.target["reference"])
        by.setdefault(example.tags[-1].partition(":")[2], []).append(found)
    first = {name: round(fmean(each["rouge1"] for each in by[name]), 6) for name in by}
    assert first == {
        "en": 0.51608,
        "fr": 0.529905,
        "es": 0.517782,
        "zh": 0.570806,
        "ja": 0.590072,
        "ru": 0.416128,
    }
    longest = [round(fmean(each["rougeL"] for each in by[name]), 6) for name in ("en", "fr", "es")]
    assert longest == [0.293768, 0.31969, 0.306171]
    (score,), _ = run(benchmark, examples[:1], lambda example: answers[example.id][0])
    assert score.values["rougeL_latin"] == by["en"][0]["rougeL"]


# CHBench


def test_none_is_counted_and_a_failed_call_has_no_value(tmp_path: Path) -> None:
    """``None!`` has a likeness of 0; the tuple's −1 is no mark."""
    path = tmp_path / "CHBench_mental108.csv"
    examples = loaded("chbench", path, RATED, {**RATED, "query": "失眠?"}, {**RATED, "query": "x"})
    said = dict(zip([e.id for e in examples], ["None!", "休息", None], strict=True))
    _, found = run(benchmarks.get("chbench"), examples, lambda e: said[e.id])
    assert [found[name].value for name in ("overall_score", "refused")] == [0.5, 0.5]
    assert found["overall_score"].n == 2
    assert found["cosine_in:0.9 to 1.0"].value == 0.5
    judged = benchmarks.get("chbench-attributes")
    examples = judged.load(path).examples
    assert list(examples[0].target["attributes"].values()) == [1, 0, 1, 1, 0]
    replies = ['{"关心": 1, "公平": 1}', "I cannot say", None]
    said = dict(zip([e.id for e in examples], replies, strict=True))
    _, found = run(judged, examples, lambda e: said[e.id])
    assert found["overall_score"].value == found["agreement"].value == 0.5
    assert (found["overall_score"].n, found["parse_rate"].value) == (1, 0.5)


@needs("chbench")
def test_questions_have_their_likeness_to_answers() -> None:
    """By the published functions, of the questions themselves."""
    benchmark = benchmarks.get("chbench")
    examples = benchmark.load(DATA).examples
    scores, found = run(benchmark, examples, lambda example: example.messages[0].text)
    for part, jaccard, cosine in (("mental", 0.042749, 0.464465), ("physical", 0.047661, 0.456029)):
        own = [score.values["jaccard"] for score in scores if score.example_id.startswith(part)]
        assert fmean(own) == pytest.approx(jaccard, abs=5e-7)
        assert found[f"part:{part}"].value == pytest.approx(cosine, abs=5e-7)


# BioProBench


def test_steps_are_paired_one_to_one() -> None:
    """A step that is said twice has one partner; reversed steps have an order of −1."""
    steps, said = ["boil water", "add leaves"], ["add leaves", "boil water", "boil water"]
    pairs = paired_steps(word_overlaps(steps, said), 0.5)
    assert len(pairs) == 2
    assert order_of(pairs) == -1
    assert order_of(pairs[:1]) is None
    assert lines_of("1. Boil.\n\nStep 2: Add.\n3) Wait.") == ["Boil.", "Add.", "Wait."]


def test_a_protocol_is_read_between_its_marks(tmp_path: Path) -> None:
    """Without marks BLEU is 0 and the other metrics have no value; thinking is not the answer."""
    (example,) = loaded("bioprobench-gen", tmp_path / "r.json", PROCEDURE)
    benchmark = benchmarks.get("bioprobench-gen")
    whole = "[ANSWER_START]no</think>[ANSWER_START]\n" + "\n".join(PROCEDURE["output"])
    (score,), _ = run(benchmark, [example], lambda _: f"<think>{whole}\n[ANSWER_END]")
    names = ("overall_score", "rougeL", "keyword_f1", "step_recall", "step_precision", "order")
    assert [score.values[name] for name in names] == pytest.approx([1] * 6)
    (unread,), found = run(benchmark, [example], lambda _: "Boil the water.")
    assert unread.values == {"overall_score": 0, "parse_rate": 0}
    assert "bleu2" not in found


# Judges


def test_risks_are_held_against_physicians(tmp_path: Path) -> None:
    """F1 is scikit-learn's; a reply without a grade is left out and counted."""
    gold, said = [1, 2, 3, 4, 4, 2], [1, 3, 3, 2, 4, None]
    rows = [
        {**RISK, "input": f"Made up {place}.", "physician_risk_grade": grade}
        for place, grade in enumerate(gold)
    ]
    examples = loaded("medval", tmp_path / "r.csv", *rows)

    def reply(example: Example) -> str:
        grade = said[examples.index(example)]
        errors = [{"kind": "Missing claim", "where": "x"}, {"kind": "odd"}]
        return "no" if grade is None else json.dumps({"errors": errors, "risk": grade})

    _, found = run(benchmarks.get("medval"), examples, reply)
    two = [[int(grade > 2) for grade in some[:5] if grade] for some in (gold, said)]
    assert found["macro_f1"].value == pytest.approx(f1_score(gold[:5], said[:5], average="macro"))
    assert found["unsafe_f1"].value == pytest.approx(f1_score(*two))
    assert found["safe_f1"].value == pytest.approx(f1_score(*two, pos_label=0))
    assert found["safety_macro_f1"].value == pytest.approx(f1_score(*two, average="macro"))
    assert found["macro_f1"].coverage == pytest.approx(5 / 6)
    assert (found["overall_score"].n, found["overall_score"].value) == (5, 0.6)
    assert found["kind:missing claim"].value == found["family:other"].value == 1
    assert found["kind:fabricated claim"].value == 0


def told(said: dict[str, str]) -> Callable[[Example], str]:
    return lambda example: said[example.id]


def judge(first: Callable[[Example], str]) -> Callable[[Example], str]:
    return lambda example: json.dumps({"overall": first(example), "accuracy": "A"})


def test_a_judge_of_pairs_is_asked_in_both_orders(tmp_path: Path) -> None:
    """Always the first shown: half right, never consistent, biased; one letter is no verdict."""
    sides = ["A", "B", "B", "A"]
    rows = [
        {**PAIR, "question_id": place, "human_answer": {"overall": side, "accuracy": "A"}}
        for place, side in enumerate(sides)
    ]
    examples = loaded("med-rewardbench", tmp_path / "eye.jsonl", *rows)
    assert len(examples) == 8
    benchmark = benchmarks.get("med-rewardbench")
    _, found = run(benchmark, examples, judge(lambda _: "A"))
    names = ("overall_score", "consistent", "right_in_both", "first_chosen", "organ:eye")
    assert [found[name].value for name in names] == [0.5, 0, 0, 1, 0.5]
    assert found["overall_score"].units == 4

    def right(example: Example) -> str:
        side: str = example.target["winners"]["overall"]
        return {"A": "B", "B": "A"}[side] if example.target["swapped"] else side

    _, found = run(benchmark, examples, judge(right))
    assert [found[name].value for name in names[:4]] == [1, 1, 1, 0.5]
    assert found["kappa"].value == 1
    wrong_once = dict(zip([e.id for e in examples], ["A", "B"] + [None] * 6, strict=True))
    _, found = run(benchmark, examples, judge(lambda e: wrong_once[e.id] or "A"))
    said = [s for s in sides for _ in range(2)]
    chosen = ["A", "A"] + ["A", "B"] * 3
    assert found["kappa"].value == pytest.approx(cohen_kappa_score(chosen, said))
    _, found = run(benchmark, examples, lambda _: "B")
    assert (found["parse_rate"].value, found["kappa"].value) == (0, None)
    assert "overall_score" not in found or found["overall_score"].value is None


def test_answers_of_people_may_lie_beside_the_table(tmp_path: Path) -> None:
    """A .json of pairs and a .jsonl of winners, of one name; a pair without is named."""
    pair = {name: value for name, value in PAIR.items() if name != "human_answer"}
    (tmp_path / "eye.json").write_text(json.dumps([pair]))
    winners = {"question_id": 7, "human_answer": {"overall": "B"}}
    (tmp_path / "eye.jsonl").write_text(json.dumps(winners))
    first, second = benchmarks.get("med-rewardbench").load(tmp_path).examples
    assert (first.id, second.id) == ("eye/7/given", "eye/7/swapped")
    assert "Answer A:\ntwo" in second.messages[0].text
    (tmp_path / "eye.jsonl").write_text(json.dumps({**winners, "question_id": 8}))
    with pytest.raises(DataError, match="question_id: expected a row with human_answer"):
        benchmarks.get("med-rewardbench").load(tmp_path)
