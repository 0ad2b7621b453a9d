"""The exam benchmarks: rows as they are published, rows that are wrong, and whole runs of them."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import accuracy_score, f1_score

import preceptor
from data_fixtures import isolate
from preceptor.benchmarks import get
from preceptor.cli import main
from preceptor.errors import InputError
from preceptor.records import Example, Graded, Message, Response
from preceptor.scoring.letters import read_choice

DATA = Path(os.environ.get("PRECEPTOR_TEST_DATA", "nowhere"))
needs_exams = pytest.mark.skipif(
    not (DATA / "mirage-rawdata").exists(),
    reason="real data: set PRECEPTOR_TEST_DATA to a folder with mirage-rawdata, xmedbench, …",
)

Row = dict[str, Any]

MEDQA = {
    "question": "Made-up case?",
    "options": {"A": "one", "B": "two", "C": "three", "D": "four"},
    "answer": "two",
    "answer_idx": "B",
    "meta_info": "step2&3",
}
MEDMCQA = {
    "id": "made-up-1",
    "question": "Made-up question?",
    "opa": "one",
    "opb": "two",
    "opc": "three",
    "opd": "four",
    "cop": 2,
    "subject_name": "Dental",
    "exp": "An explanation that gives the answer away.",
}
PUBMEDQA = {
    "QUESTION": "Does it?",
    "CONTEXTS": ["Made-up background.", "Made-up results."],
    "final_decision": "maybe",
    "LONG_ANSWER": "A conclusion that gives the answer away.",
}
MHQA = {
    "id": "1",
    "topic": "Anxiety",
    "type": "Factoid",
    "question": "Made-up question?",
    "option1": "one",
    "option2": "two",
    "option3": "three",
    "option4": "four",
    "correct_option": "two",
    "correct_option_number": "2",
}
MEDXPERTQA = {
    "id": "Text-0",
    "question": "Made-up case?\nAnswer Choices: (A) one (B) two",
    "options": [{"letter": "A", "content": "one"}, {"letter": "B", "content": "two"}],
    "label": ["B"],
    "question_type": "Reasoning",
    "medical_task": "Diagnosis",
    "body_system": "Nervous",
}
SAFETY = {
    "id": 7,
    "question": "编造的问题？",
    "options": ["是。", "否。"],
    "category": "Mental Health",
}
XMED = {
    "question": "Made-up question?",
    "option": '(A) one.\n(B) two\n".',
    "anwer": "(B)",
    "source": "medqa-usmle",
}


def write_json(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def write_table(path: Path, rows: list[Row]) -> Path:
    with path.open("w", newline="") as stream:
        table = csv.DictWriter(stream, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


def write(name: str, folder: Path, row: Row) -> Path:
    """One made-up row in the layout of that benchmark."""
    if name == "pubmedqa":
        return write_json(folder / "test_set.json", {"11": row})
    if name == "mhqa":
        return write_table(folder / "mhqa.csv", [row])
    if name == "safetybench-zh":
        write_json(folder / "test_answers_zh_subset.json", {"7": {"answer": row.pop("key", 1)}})
        write_json(folder / "test_zh_subset.json", [row])
        return folder
    if name == "xmedbench":
        return write_json(folder / "en_medqa-usmle.jsonl", row)
    return write_json(folder / ("dev.json" if name == "medmcqa" else "rows.jsonl"), row)


ROWS: dict[str, Row] = {
    "medqa": MEDQA,
    "medmcqa": MEDMCQA,
    "pubmedqa": PUBMEDQA,
    "mhqa": MHQA,
    "medxpertqa": MEDXPERTQA,
    "safetybench-zh": SAFETY,
    "xmedbench": XMED,
}


def load(name: str, folder: Path, row: Row) -> Example:
    [example] = get(name).load(write(name, folder, dict(row))).examples
    return example


@pytest.mark.parametrize(
    ("name", "letter", "tags"),
    [
        ("medqa", "B", {"step:2&3"}),
        ("medmcqa", "B", {"subject:Dental"}),
        ("pubmedqa", "C", set()),
        ("mhqa", "2", {"topic:Anxiety", "type:Factoid", "topic_type:Anxiety, Factoid"}),
        (
            "medxpertqa",
            "B",
            {"question_type:Reasoning", "medical_task:Diagnosis", "body_system:Nervous"},
        ),
        ("safetybench-zh", "B", {"category:Mental Health", "slice:health"}),
        ("xmedbench", "B", {"language:en", "source:medqa-usmle"}),
    ],
)
def test_reads_a_row_as_it_is_published(
    name: str, letter: str, tags: set[str], tmp_path: Path
) -> None:
    """The right letter, the slices, and a question that has its options once and no answer."""
    example = load(name, tmp_path, ROWS[name])
    assert example.target["answer"] == letter
    assert set(example.tags) == tags
    assert example.criteria == ()
    asked = get(name).protocol.messages(example)[-1].content
    for label, text in example.target["options"].items():
        assert asked.count(f"\n{label}. {text}\n") == 1
    assert "away" not in asked
    assert "Answer Choices" not in asked


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("medqa", "question", ""),
        ("medqa", "options", {"A": "one"}),
        ("medqa", "options", ["one", "two"]),
        ("medqa", "answer_idx", "E"),
        ("medmcqa", "cop", 0),
        ("medmcqa", "opc", None),
        ("medmcqa", "subject_name", 3),
        ("pubmedqa", "CONTEXTS", []),
        ("pubmedqa", "final_decision", "perhaps"),
        ("mhqa", "correct_option_number", "5"),
        ("mhqa", "option3", ""),
        ("mhqa", "topic", " "),
        ("medxpertqa", "label", ["C"]),
        ("medxpertqa", "label", ["A", "B"]),
        ("medxpertqa", "options", []),
        ("safetybench-zh", "options", ["one"]),
        ("safetybench-zh", "id", 8),
        ("xmedbench", "anwer", "(C)"),
        ("xmedbench", "option", "one, two"),
        ("xmedbench", "option", "(A) one\n(A) two"),
    ],
)
def test_a_wrong_row_gives_file_line_and_field(
    name: str, field: str, value: object, tmp_path: Path
) -> None:
    """One line that says where it is, what was expected and what was found."""
    with pytest.raises(InputError) as caught:
        load(name, tmp_path, {**ROWS[name], field: value})
    said = str(caught.value)
    named = "8" if field == "id" else field
    assert f":1: {named}" in said or f":2: {named}" in said or f":1: 11.{named}" in said
    assert "expected" in said
    assert "\n" not in said


def test_a_wrong_key_of_safetybench_names_its_file(tmp_path: Path) -> None:
    """An answer beyond the options is a fault of the file with the answers."""
    with pytest.raises(InputError, match=r"test_answers_zh_subset\.json:1: 7\.answer: expected 0"):
        load("safetybench-zh", tmp_path, {**SAFETY, "key": 2})


def test_mmlu_has_cells_without_names(tmp_path: Path) -> None:
    """Six cells a row, the subject from the file's name; the fault of a row has its line."""
    file = tmp_path / "anatomy_test.csv"
    file.write_text('"Where, then?",one,two,three,four,D\nAnd here?,one,two,three,four,A\n')
    first, second = get("mmlu-medical").load(file).examples
    assert (first.id, first.tags) == ("anatomy-000", ("subject:anatomy",))
    assert (first.target["answer"], second.target["answer"]) == ("D", "A")
    file.write_text("Where?,one,two,three,four,D\nAnd here?,one,two,three,four,E\n")
    with pytest.raises(InputError, match=r"anatomy_test\.csv:2: answer: expected one of A, B, C"):
        get("mmlu-medical").load(file)
    with pytest.raises(InputError, match="found 1 of them"):
        get("mmlu-medical").load(tmp_path)


def test_pubmedqa_takes_the_ids_of_the_test(tmp_path: Path) -> None:
    """Of the 1,000 labelled rows those count whose ids the test has."""
    write_json(tmp_path / "ori_pqal.json", {"11": PUBMEDQA, "12": PUBMEDQA})
    with pytest.raises(InputError, match=r"found no test_ground_truth\.json"):
        get("pubmedqa").load(tmp_path)
    write_json(tmp_path / "test_ground_truth.json", {"12": "maybe"})
    [example] = get("pubmedqa").load(tmp_path).examples
    assert example.id == "12"


def test_xmedbench_reads_its_three_layouts(tmp_path: Path) -> None:
    """Keys spelt either way, a context, a stray mark, and sets of letters in one folder."""
    write_json(tmp_path / "en_pubmedqa.jsonl", {**XMED, "context": "Made-up abstract."})
    row = {"question": "?", "options": "(A) 甲.\n(B) 乙.\n(C) 丙.", "source": "s"}
    write_json(tmp_path / "zh.json", [{**row, "answer": "(A)"}, {**row, "answer": "(AC)"}])
    (tmp_path / "LICENSE").write_text("made up")
    english, one, several = get("xmedbench").load(tmp_path).examples
    assert english.messages[-1].content.startswith("Made-up abstract.\n\nMade-up question?")
    assert english.target["options"] == {"A": "one.", "B": "two"}
    assert one.target["answer"] == "A"
    assert several.target["answer"] == ["A", "C"]
    assert several.tags[0] == "answers:several"
    asked = [get("xmedbench").protocol.messages(each)[-1].content for each in (one, several)]
    assert [("所有" in text) for text in asked] == [False, True]


def test_a_folder_above_the_file_will_do(tmp_path: Path) -> None:
    """The data of many benchmarks, that of one of them, or the file itself."""
    folder = get("medqa").folder
    assert folder is not None
    file = tmp_path / folder
    file.parent.mkdir(parents=True)
    write_json(file, MEDQA)
    for data in (tmp_path, tmp_path / "mirage-rawdata", file):
        assert len(get("medqa").load(data).examples) == 1


def test_pubmedqa_takes_a_test_set_that_others_made(tmp_path: Path) -> None:
    """One file with the rows of the test, where the authors' two files are not."""
    (tmp_path / "data").mkdir()
    write_json(tmp_path / "data" / "test_set.json", {"11": PUBMEDQA})
    [example] = get("pubmedqa").load(tmp_path).examples
    assert example.id == "11"


def test_two_questions_of_one_abstract_are_two(tmp_path: Path) -> None:
    """MHQA gives questions the id of their abstract: the second is ID~2."""
    file = write_table(tmp_path / "mhqa.csv", [MHQA, {**MHQA, "question": "Another?"}])
    assert [each.id for each in get("mhqa").load(file).examples] == ["1", "1~2"]


# Whole runs


def picks_the_second(messages: list[Message]) -> str:
    """A system with a habit, that thinks aloud first."""
    return "Option A may come to mind. But no.\n\nThe answer is B."


def test_a_run_has_accuracy_in_every_order_and_by_vote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked in every order and three times, a habit is found out; the run needs no grader."""
    isolate(monkeypatch, tmp_path)
    file = tmp_path / "rows.jsonl"
    rows = [{**MEDQA, "question": f"Case {n}?", "answer_idx": "ABBC"[n]} for n in range(4)]
    file.write_text("\n".join(json.dumps(row) for row in rows))
    run = preceptor.run(
        "medqa",
        system="python:test_exams:picks_the_second",
        data=file,
        store=tmp_path / "p.db",
        circular=True,
        repeats=3,
    )
    metrics = run.result().metrics
    found = {name: (metric.value, metric.n) for name, metric in metrics.items()}
    assert found["overall_score"] == (0.25, 4)
    assert found["vanilla_accuracy"] == (0.5, 4)
    assert found["circular_accuracy"] == (0.0, 4)
    assert found["self_consistency"] == (0.5, 4)
    assert found["parse_rate"] == (1.0, 4)
    assert found["step:2&3"] == (0.25, 4)


def knows_half(messages: list[dict[str, str]]) -> str:
    """Right in any order to the first twenty questions, of which the last letter is known."""
    asked = messages[-1]["content"]
    number = int(asked.split("Case ")[1].split("?")[0])
    text = MEDQA["options"]["ABCD"[number % 4]]
    known = asked.split(f". {text}\n")[0][-1]
    return known if number < 20 else "ABCD"["ABCD".index(known) - 1]


def picks_b(messages: list[Message]) -> str:
    return "B"


def answers(
    right: str, folder: Path, monkeypatch: pytest.MonkeyPatch, system: str = "picks_b"
) -> preceptor.Run:
    """A run of a system that says B, on as many questions as there are right letters."""
    isolate(monkeypatch, folder)
    file = folder / "rows.jsonl"
    rows = [{**MEDQA, "question": f"Case {n}?", "answer_idx": a} for n, a in enumerate(right)]
    file.write_text("\n".join(json.dumps(row) for row in rows))
    return preceptor.run(
        "medqa", system=f"python:test_exams:{system}", data=file, store=folder / "p.db"
    )


def test_the_orders_of_a_question_are_one_question_in_a_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty questions in four orders are 160 answers, and evidence of forty questions."""
    isolate(monkeypatch, tmp_path)
    file = tmp_path / "rows.jsonl"
    rows = [{**MEDQA, "question": f"Case {n}?", "answer_idx": "ABCD"[n % 4]} for n in range(40)]
    file.write_text("\n".join(json.dumps(row) for row in rows))
    for system in ("picks_b", "knows_half"):
        preceptor.run(
            "medqa",
            system=f"python:test_exams:{system}",
            data=file,
            store=tmp_path / "p.db",
            circular=True,
            name=system,
        )
    compared = preceptor.compare(["picks_b", "knows_half"], store=tmp_path / "p.db")
    found = compared.contrasts[0]
    assert found.common == 160
    assert found.prompts == 40
    assert found.overall.difference == pytest.approx(0.25)
    # Half of the questions are right in all four orders, where one in four was: 0.75 and −0.25.
    half = 2.02 * (0.5 / 40**0.5)
    assert found.overall.ci95 == pytest.approx((0.25 - half, 0.25 + half), abs=0.01)


def test_the_usmle_is_passed_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How far the accuracy is above 60 %, with the intervals of the accuracy moved by it."""
    metrics = answers("BBBBBBBAAA", tmp_path, monkeypatch).result().metrics
    accuracy, above = metrics["overall_score"], metrics["above_pass_mark"]
    assert accuracy.value == pytest.approx(0.7)
    assert above.value == pytest.approx(0.1)
    assert above.n == 10
    assert accuracy.wilson_ci95 is not None
    assert above.wilson_ci95 == pytest.approx([each - 0.6 for each in accuracy.wilson_ci95])
    assert above.ci95 is not None
    assert above.ci95[0] < 0 < above.ci95[1]


def test_an_exported_table_can_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The letters stand in it as letters, and score as they did."""
    answers("BBBA", tmp_path, monkeypatch)
    file, store = tmp_path / "out.csv", tmp_path / "p.db"
    options = ["--store", str(store)]
    assert main(["export", "latest", "--format", "csv", "-o", str(file), *options]) == 0
    with file.open(newline="") as stream:
        assert [row["prediction"] for row in csv.DictReader(stream)] == ["B"] * 4
    command = ["import", "predictions", str(file), "--benchmark", "medqa", "--id", "example_id"]
    data = ["--data", str(tmp_path / "rows.jsonl")]
    assert main([*command, *data, "--by", "", *options]) == 0
    capsys.readouterr()
    assert main(["score", "out", "--json", *options]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["overall_score"]["value"] == 0.75


def test_a_share_has_one_interval_everywhere_also_where_nothing_varies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten right of ten: 100 to 100 alone would say that nothing is left to know."""
    run = answers("B" * 10, tmp_path, monkeypatch)
    monkeypatch.setenv("COLUMNS", "200")
    for arguments in (["score", "latest"], ["score", "--all"]):
        assert main([*arguments, "--store", str(tmp_path / "p.db")]) == 0
        said = capsys.readouterr().out
        assert "69.2–100.0" in said
    isolate(monkeypatch, tmp_path)
    preceptor.run(
        "medqa",
        system="python:test_exams:picks_b",
        data=tmp_path / "rows.jsonl",
        store=tmp_path / "circular.db",
        circular=True,
    )
    assert main(["score", "latest", "--store", str(tmp_path / "circular.db")]) == 0
    assert "0.0–30.8" in capsys.readouterr().out  # right in every order: none of ten
    page = tmp_path / "report.html"
    run.report(page)
    assert "69.2–100.0" in page.read_text()
    assert "all 0" not in page.read_text()


# Real data

COUNTS = {
    "medqa": 1273,
    "medqa-cot": 1273,
    "medmcqa": 4183,
    "pubmedqa": 500,
    "mmlu-medical": 1089,
    "xmedbench": 22326,
    "mhqa": 2475,
    "safetybench-zh": 2100,
    "medxpertqa": 244,
    "medxpertqa-mm": 2000,
}


@needs_exams
@pytest.mark.parametrize("name", COUNTS)
def test_the_real_data_has_the_published_counts(name: str) -> None:
    """Every row is read, the pinned hashes are those of the files, and an oracle scores 1."""
    benchmark = get(name)
    data = benchmark.load(DATA)
    assert len(data.examples) == benchmark.n_examples == COUNTS[name]
    assert data.official
    for example in data.examples[:: max(1, len(data.examples) // 200)]:
        right = example.target["answer"]
        text = f"Answer: {right if isinstance(right, str) else ', '.join(right)}"
        score = benchmark.protocol.score(Graded(example, 0, Response("r", text=text), ()))
        assert score.values == {"overall_score": 1.0, "parse_rate": 1.0}


@needs_exams
def test_the_real_slices_are_those_of_the_papers() -> None:
    """Languages, categories, subjects and tasks have the counts of their data."""
    tags = {
        name: Counter(tag for each in get(name).load(DATA).examples for tag in each.tags)
        for name in ("xmedbench", "safetybench-zh", "medmcqa", "mhqa", "medqa")
    }
    languages = {"zh": 8759, "es": 2742, "hi": 1089, "ar": 1088, "fr": 321, "en": 8327}
    for code, count in languages.items():
        assert tags["xmedbench"][f"language:{code}"] == count
    assert tags["xmedbench"]["answers:several"] == 62
    assert tags["safetybench-zh"]["slice:health"] == 600
    assert sum(tag.startswith("category:") for tag in tags["safetybench-zh"]) == 7
    assert tags["medmcqa"]["subject:Dental"] == 1318
    assert sum(tag.startswith("topic_type:") for tag in tags["mhqa"]) == 16
    assert tags["medqa"]["step:1"] == 679


@needs_exams
def test_the_published_answers_of_mhqa_score_as_scikit_learn_says() -> None:
    """Accuracy and macro-F1 of 1,599 stored answers, and their slices, are recomputed exactly."""
    file = DATA / "mhqa" / "results" / "llama_3_8b_fewshot.csv"
    with file.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    benchmark = get("mhqa")
    examples = benchmark.load(file).examples
    scores = [
        benchmark.protocol.score(Graded(each, 0, Response("r", text=row["predictions"]), ()))
        for each, row in zip(examples, rows, strict=True)
    ]
    metrics = benchmark.protocol.summarise(scores, examples)
    truth = [row["correct_option_number"] for row in rows]
    said = [str(int(float(row["predictions"]))) for row in rows]
    assert metrics["overall_score"].value == pytest.approx(accuracy_score(truth, said), abs=1e-12)
    assert metrics["overall_score"].value == pytest.approx(610 / 1599, abs=1e-12)
    expected = f1_score(truth, said, average="macro")
    assert metrics["macro_f1"].value == pytest.approx(expected, abs=1e-12)
    assert metrics["parse_rate"].value == 1.0
    part = [i for i, row in enumerate(rows) if (row["topic"], row["type"]) == ("Trauma", "Factoid")]
    assert metrics["topic_type:Trauma, Factoid"].value == pytest.approx(
        accuracy_score([truth[i] for i in part], [said[i] for i in part])
    )


@needs_exams
def test_real_free_answers_are_read_as_published() -> None:
    """Of 14,912 whole answers of real models 99 % are read, and as the published letters."""
    folder = DATA / "worldmedqa_v"
    options = {
        (*file.stem.split("_"), str(row["index"])): row["options"]
        for file in folder.glob("*_*.jsonl")
        for row in map(json.loads, file.read_text(encoding="utf-8").splitlines())
    }
    with (folder / "predictions.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if len(row["prediction_head"]) < 120]
    said = [
        read_choice(row["prediction_head"], options[row["country"], row["lang"], row["index"]])
        for row in rows
    ]
    assert len(said) == 14912
    assert sum(letter is not None for letter in said) / len(said) > 0.99
    published = [
        (row["extracted"], letter)
        for row, letter in zip(rows, said, strict=True)
        if row["extracted"] in ("A", "B", "C", "D")
    ]
    assert len(published) == 8088
    assert sum(theirs == ours for theirs, ours in published) / len(published) > 0.997
    assert sum(ours is not None and theirs != ours for theirs, ours in published) <= 5
