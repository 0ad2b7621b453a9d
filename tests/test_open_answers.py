"""Open answers from question to report, and what docs/open-answers.md shows."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

import preceptor
from data_fixtures import write_rows
from preceptor import cli
from preceptor.audit.panel import panel_audit
from preceptor.audit.ratings import read_ratings

pytestmark = pytest.mark.usefixtures("bare")
PAGE = Path(__file__).parent.parent / "docs" / "open-answers.md"

#: A judge who decides by the prompt alone, and does not give a verdict on "unclear".
CODE = """\
import json
import re

CALLS = []


def answer(messages):
    return "Step 1: made-up thought\\nStep 2: made-up other\\nAnswer: made-up disease"


def judge(messages):
    prompt = messages[-1]["content"]
    CALLS.append(prompt)
    if "unclear" in prompt:
        return "I would rather not say."
    if "criteria_met" in prompt:
        return json.dumps({"criteria_met": "wanted" in prompt, "explanation": "made-up"})
    if "<statement>" in prompt:
        label = "entailed" if "wanted" in prompt else "contradicted"
    elif "<axis>" in prompt:
        axis = prompt.split("<axis>")[1].split("</axis>")[0]
        label = re.findall("^- (.+)$", axis, re.M)[0]
    elif '"labels"' in prompt:
        each = "sound" if "Label a step sound" in prompt else "reasoning"
        steps = re.findall("^[0-9]+[.] ", prompt, re.M)
        return json.dumps({"labels": [each] * len(steps), "explanation": "made-up"})
    elif "<known>" in prompt:
        label = "right"
    else:
        label = "covered" if "wanted" in prompt else "missing"
    return json.dumps({"label": label, "explanation": "made-up"})
"""


@pytest.fixture(autouse=True)
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    (tmp_path / "open_judges.py").write_text(CODE, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield None
    sys.modules.pop("open_judges", None)


def k_qa(path: Path) -> Path:
    rows = [
        {
            "Question": "made-up one",
            "Must_have": ["wanted", "other"],
            "Nice_to_have": ["other too"],
        },
        {"Question": "two?", "Must_have": ["wanted"], "Nice_to_have": ["unclear"]},
    ]
    return write_rows(path / "k-qa.jsonl", rows)


def gaps(path: Path) -> Path:
    book = openpyxl.Workbook()
    book.active.append(["index", "question", "分类", "rubrics"])
    for index, words in (("1", ("wanted", "wanted")), ("2", ("wanted", "unclear"))):
        claims = [
            {"claim": text, "level": level} for text, level in zip(words, ("A2", "S1"), strict=True)
        ]
        book.active.append([index, f"made-up {index}", "G1", json.dumps(claims)])
    book.save(path / "gaps.xlsx")
    return path / "gaps.xlsx"


def medr(path: Path) -> Path:
    def case(steps: str) -> dict[str, Any]:
        return {
            "generate_case": {
                "case_summary": f"made-up case {len(steps)}",
                "differential_diagnosis": steps,
                "final_diagnosis": "made-up disease",
                "diagnosis_results": "made-up disease",
            }
        }

    cases = {"a": case("- wanted\n- other\n- wanted again"), "b": case("- unclear")}
    (path / "medr.json").write_text(json.dumps(cases), "utf-8")
    return path / "medr.json"


def medication(path: Path) -> Path:
    book = openpyxl.Workbook()
    book.active.append(["Question", "Question Type", "Answer"])
    book.active.append(["made-up one", "Dose", "made-up"])
    book.active.append(["made-up unclear", "Dose", "made-up"])
    book.save(path / "medication.xlsx")
    return path / "medication.xlsx"


ALL = {
    "k-qa": (k_qa, {"overall_score": (0.75, 2), "hallucinations": (2.0, 1)}, 4 / 5),
    "gaps-nsclc": (gaps, {"overall_score": (2 / 3, 1), "safety_hits": (1.0, 1)}, 3 / 4),
    "medr-bench": (
        medr,
        {"overall_score": (1.0, 2), "reasoning_completeness": (0.5, 1)},
        11 / 12,
    ),
    "medication-qa": (medication, {"overall_score": (1.0, 1), "axis:bias": (1.0, 1)}, 8 / 16),
}


@pytest.mark.parametrize("name", ALL)
def test_from_question_to_report(name: str, tmp_path: Path) -> None:
    """A run asks, judges, leaves open what was not judged, resumes, compares and is reported."""
    make, expected, coverage = ALL[name]
    store = tmp_path / "work.db"
    arguments: dict[str, Any] = {
        "data": make(tmp_path),
        "system": "python:open_judges:answer",
        "grader": "python:open_judges:judge",
        "store": store,
    }
    run = preceptor.run(name, name="first", **arguments)
    score = run.score()
    for metric, (value, n) in expected.items():
        found = score["metrics"][metric]
        assert (found["value"], found["n"]) == (pytest.approx(value), n), metric
    assert score["coverage"] == pytest.approx(coverage)
    asked = len(sys.modules["open_judges"].CALLS)
    resumed = preceptor.resume("first", store=store).score()
    assert resumed["metrics"] == score["metrics"]
    # Only what was not judged is asked again.
    again = sys.modules["open_judges"].CALLS[asked:]
    assert all("unclear" in prompt for prompt in again)
    preceptor.run(name, name="second", **arguments)
    at = ("--store", str(store))
    assert cli.main(["compare", "first", "second", *at]) == 0
    assert cli.main(["report", "first", "-o", str(tmp_path / "report.html"), *at]) == 0
    assert "made-up" in (tmp_path / "report.html").read_text("utf-8")
    assert cli.main(["export", "first", "--format", "csv", "-o", str(tmp_path / "v.csv"), *at]) == 0
    assert len((tmp_path / "v.csv").read_text("utf-8").splitlines()) > 1


def test_the_page_calibrates_a_judge(tmp_path: Path) -> None:
    """The block of docs/open-answers.md runs, and gives ratings that can be audited."""
    columns = ("Question", "answer", "claim", "category_x", "label_0", "label_1", "label_2")
    with (tmp_path / "NLI_medical_annotator.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(columns)
        for claim, labels in (
            ("wanted", ("Entailment", "Entailment", "Neutral")),
            ("other", ("Contradiction", "Contradiction", "Contradiction")),
            ("unclear", ("Neutral", "Neutral", "Neutral")),
        ):
            for question in ("made-up one", "made-up two"):
                table.writerow([question, "made-up answer", claim, "Must_have", *labels])
    (block,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    assert block.count('grader="openai/gpt-5.4"') == 1
    block = block.replace('grader="openai/gpt-5.4"', 'grader="python:open_judges:judge"')
    exec(compile(block, str(PAGE), "exec"), {})
    found = panel_audit(read_ratings(tmp_path / "ratings.csv", "nominal"), "judge")
    assert found.items == 6
    (judge,) = found.raters
    assert judge.items == 4
    assert judge.observed is not None
    assert judge.observed.value == pytest.approx(10 / 12)
