"""Differential diagnosis: five places, a judge of each, and the codes."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

import preceptor
from preceptor.benchmarks.ddx import BENCHMARKS
from preceptor.errors import DataError
from preceptor.graders.base import Case
from preceptor.protocols.ranking import DIFFERENTIAL
from preceptor.records import Example, Message
from preceptor.scoring.ranks import icd10_chapter, icd10_code
from preceptor.scoring.reading import list_in
from suite_answers import DATA, graded, needs, run

MEDFOUND, RARE = BENCHMARKS
PROTOCOL = DIFFERENTIAL

ROW = {
    "qid": "7",
    "context": "A made-up record of a cough.",
    "diagnosis": "Whooping cough",
    "diagnosis_code": "A37.901",
}
ANSWER = json.dumps(
    [
        {"diagnosis": "Common cold", "icd10": "J00"},
        {"diagnosis": "Pertussis", "icd10": "A37.9"},
        {"diagnosis": "Deficiency of vitamin B12", "icd10": None},
    ]
)


def example(tmp_path: Path, **changed: Any) -> Example:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(ROW | changed))
    return MEDFOUND.load(path).examples[0]


def test_the_archive_that_is_fetched_is_read(tmp_path: Path) -> None:
    """MedFound's records are published in a .zip, under a name of their own."""
    with zipfile.ZipFile(tmp_path / "test.zip", "w") as archive:
        archive.writestr("test.jsonl", json.dumps(ROW))
    bare = example(tmp_path)
    assert MEDFOUND.load(tmp_path / "test.zip").examples == [bare]
    assert MEDFOUND.load(tmp_path).examples == [bare]


@pytest.mark.parametrize(
    ("answer", "items"),
    [
        ('["A", "B"]', ["A", "B"]),
        ('```json\n{"diagnoses": ["A", "B"]}\n```', ["A", "B"]),
        ('{"1": "A", "2": "B"}', ["A", "B"]),
        ('[{"name": "A", "icd10": "J00"}, {"diagnosis": "B"}]', ["A (J00)", "B"]),
        ('[{"disease": "A", "omim": 261600}]', ["A (OMIM:261600)"]),
        ("1. **A**\n2) B", ["A", "B"]),
        ("First thoughts:\n1. X\n2. Y\n\nIn the end:\n1. A\n2. B", ["A", "B"]),
        ("- A\n- B", ["A", "B"]),
        ("The most likely are:\nA\nB", ["A", "B"]),
        ("A", ["A"]),
        ("I am sorry, I cannot say that.", None),
        ("", None),
        ("Gout > Lupus > Lyme disease", ["Gout", "Lupus", "Lyme disease"]),
        ("Most to least likely: Gout > Lupus", ["Gout", "Lupus"]),
        ("1. Gout 2. Lupus 3. Lyme disease", ["Gout", "Lupus", "Lyme disease"]),
        ("① Gout ② Lupus", ["Gout", "Lupus"]),
        ("#1 Gout\n#2 Lupus", ["Gout", "Lupus"]),
        ("First: Gout\nSecond: Lupus", ["Gout", "Lupus"]),
        ("Hypertension (BP > 140)", ["Hypertension (BP > 140)"]),
    ],
)
def test_lists_are_read_in_many_forms(answer: str, items: list[str] | None) -> None:
    """JSON, numbers, bullets or lines: the items come best first; prose is no list."""
    assert list_in(answer) == items


def test_a_ranking_of_one_line_is_divided() -> None:
    """A heading before it and "in that order" after it are no part of its items."""
    text = "From most to least likely: gout, lupus, sarcoidosis in that order"
    assert list_in(text, separator="[,;]") == ["gout", "lupus", "sarcoidosis"]


def test_codes_are_found_where_they_are_codes() -> None:
    """A code stands in brackets, after "ICD" or at the end; vitamin B12 is none."""
    assert icd10_code("Pertussis (A37.9)") == "A379"
    assert icd10_code("Pertussis, ICD-10: A37") == "A37"
    assert icd10_code("Pertussis A37.90") == "A3790"
    assert icd10_code("Deficiency of vitamin B12") is None
    expected = {"A37.9": "I", "D48": "II", "D50": "III", "H59": "VII", "H60": "VIII", "U07": "XXII"}
    expected |= {"T98": "XIX", "V01": "XX", "Y98": "XX", "Z00": "XXI"}
    assert {code: icd10_chapter(code) for code in expected} == expected


def test_top_1_and_top_5(tmp_path: Path) -> None:
    """Only a 2 is right: in the first place for Top-1, in any for Top-5."""
    case = example(tmp_path)

    def values(*labels: str) -> tuple[float, float]:
        score = PROTOCOL.score(graded(case, ANSWER, labels))
        return score.values["overall_score"], score.values["top5"]

    assert values("0", "2", "0", "0", "0") == (0, 1)
    assert values("2", "0", "0", "0", "0") == (1, 1)
    assert values("1", "1", "1", "0", "0") == (0, 0)


def test_a_place_that_holds_nothing_is_no_hit(tmp_path: Path) -> None:
    """A judge who says 2 of an empty place is not believed, nor is one needed there."""
    case = example(tmp_path)
    score = PROTOCOL.score(graded(case, ANSWER, ("0", "0", "0", "2", None)))
    assert (score.values["overall_score"], score.values["top5"]) == (0, 0)


def test_a_missing_verdict_is_not_a_wrong_diagnosis(tmp_path: Path) -> None:
    """Without a word on one place Top-5 is open; where another is right it is bound to be 1."""
    case = example(tmp_path)
    open_score = PROTOCOL.score(graded(case, ANSWER, ("0", None, "0", "0", "0")))
    assert "top5" not in open_score.values
    assert (open_score.low["top5"], open_score.high["top5"]) == (0, 1)
    settled = PROTOCOL.score(graded(case, ANSWER, ("2", None, "0", "0", "0")))
    assert "top5" not in settled.values  # hits alone are settled so: their share would be too high
    assert (settled.low["top5"], settled.high["top5"]) == (1, 1)
    failed = PROTOCOL.score(graded(case, None))
    assert failed.values == {}


def test_codes_are_compared_by_chapter_and_by_characters(tmp_path: Path) -> None:
    """The first diagnosis and any of five are compared with the code at four depths."""
    score = PROTOCOL.score(graded(example(tmp_path), ANSWER, "00000"))
    names = ("icd10_chapter", "icd10_category", "icd10_subcategory", "icd10_code")
    assert [score.values[name] for name in names] == [0, 0, 0, 0]
    assert [score.values[f"{name}_top5"] for name in names] == [1, 1, 1, 0]


def test_the_judge_sees_one_diagnosis_and_the_truth(tmp_path: Path) -> None:
    """A prompt holds the diagnosis at its place, the known one, and no other."""
    case = example(tmp_path)
    criteria = dict(enumerate(case.criteria))
    conversation = (*case.messages, Message("assistant", ANSWER))
    prompts = [
        PROTOCOL.judging.judge.prompt(Case(conversation, criteria, "run", case.target), criterion)
        for criterion in case.criteria
    ]
    assert "Pertussis (A37.9)" in prompts[1]
    assert "Common cold" not in prompts[1]
    assert "Whooping cough" in prompts[1]
    assert prompts[3] == prompts[4]
    assert PROTOCOL.judging.judge.read('{"explanation": "same", "label": 2}') == ("2", "same")
    with pytest.raises(ValueError, match="expected one of"):
        PROTOCOL.judging.judge.read('{"label": "3"}')


def guessing(messages: list[dict[str, str]]) -> str:
    return ANSWER


def strict(messages: list[dict[str, str]]) -> str:
    """Takes pertussis, and nothing else, for whooping cough."""
    shown = messages[-1]["content"].partition("<proposed>")[2].partition("</proposed>")[0]
    return json.dumps({"explanation": "", "label": 2 if "Pertussis" in shown else 0})


def test_a_run_from_asking_to_top_5(
    bare: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run asks for five diagnoses and has each judged on its own; empty places cost one call."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROW))
    run = preceptor.run(
        "ddx-medfound",
        system="python:test_ddx:guessing",
        grader="python:test_ddx:strict",
        data=tmp_path / "rows.jsonl",
    )
    result = run.result()
    assert (result.metrics["overall_score"].value, result.metrics["top5"].value) == (0, 1)
    assert result.coverage == 1
    keys = {verdict.key for item in result.graded for verdict in item.verdicts if verdict}
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("field", "value"),
    [("qid", ""), ("context", None), ("diagnosis", " "), ("diagnosis_code", "A3")],
)
def test_a_wrong_field_is_named(tmp_path: Path, field: str, value: Any) -> None:
    """A wrong row is refused with its file, line and field."""
    with pytest.raises(DataError, match=rf"rows\.jsonl:1: {field}: expected"):
        example(tmp_path, **{field: value})


@needs("medfound")
def test_the_362_records_of_medfound() -> None:
    """All records load with a code; the WHO's part of it, given back, matches four characters."""
    dataset = MEDFOUND.load(DATA)
    assert len(dataset.examples) == 362

    def answer(case: Example) -> str:
        code = case.target["icd10"][:5]
        return json.dumps([{"diagnosis": case.target["diagnosis"], "icd10": code}])

    _, metrics = run(MEDFOUND, dataset.examples, answer)
    assert metrics["icd10_subcategory"].value == 1
    assert metrics["parse_rate"].value == 1
    assert metrics["overall_score"].n == 0
    assert metrics["chapter:IV"].bounds == (0, 1)


@needs("rarebench")
def test_rarebench_cases_as_differential_diagnoses() -> None:
    """All but the patient without a diagnosis have five places to judge."""
    examples = RARE.load(DATA).examples
    assert len(examples) == 1197
    assert sum(len(each.criteria) for each in examples) == RARE.n_criteria
    (unknown,) = [each for each in examples if not each.criteria]
    assert PROTOCOL.score(graded(unknown, ANSWER)).values == {"parse_rate": 1.0}
