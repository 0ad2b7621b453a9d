"""RareBench: names and codes of a disease, its rank, and the patients most like one."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import preceptor
from preceptor.benchmarks.rarebench import BENCHMARKS
from preceptor.errors import DataError, InputError
from preceptor.graders.base import Case
from preceptor.protocols.ranking import RANKING
from preceptor.records import Example, Message
from preceptor.scoring.ranks import aliases, disease_codes, name_key, nearest, rank_of
from suite_answers import DATA, graded, needs, run

(RARE,) = BENCHMARKS
PROTOCOL = RANKING

DISEASES = {
    "OMIM:1": "Blue toe disease, type 2/Toe blueness",
    "ORPHA:9": "Toe blueness",
    "OMIM:3": "Blue toe disease",
}
PHENOTYPES = {"HP:1": "Blue toe", "HP:2": "Cold foot", "HP:3": "Fever"}
CONTENT = {"HP:1": 6.0, "HP:2": 3.0, "HP:3": 0.5}
ROW = {
    "id": 4,
    "dataset": "HMS",
    "phenotypes": ["Blue toe", "Cold foot"],
    "golden_diagnosis": "Blue toe disease, type 2,  BTD",
}


def folder(path: Path, *rows: dict[str, Any]) -> Path:
    (path / "disease_mapping.json").write_text(json.dumps(DISEASES))
    (path / "phenotype_mapping.json").write_text(json.dumps(PHENOTYPES))
    (path / "ic_dict.json").write_text(json.dumps(CONTENT))
    lines = "\n".join(json.dumps(row) for row in rows)
    (path / "rarebench_public_1197.jsonl").write_text(lines)
    return path


def load(path: Path, *rows: dict[str, Any]) -> list[Example]:
    return RARE.load(folder(path, *rows)).examples


def test_a_fragment_of_a_name_is_no_name() -> None:
    """Of names that have commas the longest known one counts, never its first words."""
    known = {name_key("Blue toe disease, type 2"), name_key("Blue toe disease"), "toe blueness"}
    found = aliases("Blue toe disease, type 2, Toe blueness,  BTD", known)
    assert found == {
        "blue toe disease type 2",
        "toe blueness",
        "blue toe disease type 2 toe blueness btd",
    }


def test_the_rank_is_that_of_any_name_or_code() -> None:
    """A name, one in parentheses or before an explanation, and a code are all found."""
    names, codes = {"toe blueness"}, {"OMIM:1"}
    assert rank_of(["Gout", "Toe-Blueness"], names, codes) == 2
    assert rank_of(["BTD (toe blueness)"], names, codes) == 1
    assert rank_of(["Toe blueness - because of the toe"], names, codes) == 1
    assert rank_of(["Gout", "Gout", "Something (OMIM 1)"], names, codes) == 3
    assert rank_of(["Toe", "OMIM:12"], names, codes) is None
    assert disease_codes("A (ORPHA:716, MIM #261600)") == {"ORPHA:716", "OMIM:261600"}


def test_the_names_of_a_disease_are_those_of_its_codes(tmp_path: Path) -> None:
    """A truth found in the map of diseases is known by all names of its codes."""
    (case,) = load(tmp_path, ROW)
    assert case.target["codes"] == ["OMIM:1"]
    assert "toe blueness" in case.target["names"]
    assert "blue toe disease" not in case.target["names"]
    assert case.target["phenotypes"] == {"Blue toe": 6.0, "Cold foot": 3.0}


def test_recall_comes_from_names_and_else_from_the_judge(tmp_path: Path) -> None:
    """A name settles the rank whatever the judge says; without one the judge does."""
    (case,) = load(tmp_path, ROW)

    def values(answer: str, label: str | None) -> tuple[float, ...]:
        score = PROTOCOL.score(graded(case, answer, [label]))
        return tuple(score.values[name] for name in ("overall_score", "recall@3", "recall@10"))

    assert values("1. Gout\n2. Toe blueness", "0") == (0, 1, 1)
    assert values("1. Gout\n2. Blue foot", "1") == (1, 1, 1)
    assert values("1. Gout\n2. Blue foot", "0") == (0, 0, 0)
    assert values("1. Gout\n2. Blue foot", "9") == (0, 0, 0)


def test_without_a_verdict_the_rank_is_open(tmp_path: Path) -> None:
    """A list without a known name and without a verdict has no score, but was read."""
    (case,) = load(tmp_path, ROW)
    score = PROTOCOL.score(graded(case, "1. Gout", [None]))
    assert score.values == {"parse_rate": 1.0}
    assert (score.low["recall@10"], score.high["recall@10"]) == (0, 1)
    assert score.counts["overall_score"] == (0, 1)
    unread = PROTOCOL.score(graded(case, "I cannot say that.", [None]))
    assert (unread.values["overall_score"], unread.values["parse_rate"]) == (0, 0)


def test_the_median_rank_counts_an_absent_truth_as_11(tmp_path: Path) -> None:
    """Ranks 1 and 11 have the median 6, in places, where fewer is better."""
    other = ROW | {"id": 5, "phenotypes": ["Fever"]}
    cases = load(tmp_path, ROW, other)
    said = {"HMS/4": "1. Toe blueness", "HMS/5": "I cannot say that."}
    _, metrics = run(RARE, cases, lambda case: said[case.id])
    median = metrics["median_rank"]
    assert (median.value, median.unit, median.higher_is_better) == (6, "place", False)


def test_the_median_rank_covers_what_the_recall_covers(tmp_path: Path) -> None:
    """Patients are counted one by one, those without a truth not at all; what is missing bounds."""
    rows = [ROW | {"id": number} for number in (4, 5, 6)]
    cases = load(tmp_path, *rows, ROW | {"id": 7, "golden_diagnosis": ""})
    said = {"HMS/4": "1. Toe blueness", "HMS/5": "1. Toe blueness", "HMS/7": "1. Gout"}
    _, metrics = run(RARE, cases, lambda case: said.get(case.id))
    median = metrics["median_rank"]
    assert (median.value, median.n, median.coverage) == (1, 2, pytest.approx(2 / 3))
    assert median.bounds == (1, 1)
    _, metrics = run(RARE, cases, lambda case: said["HMS/4"] if case.id == "HMS/4" else None)
    assert metrics["median_rank"].bounds == (1, 11)


def test_a_patient_without_a_diagnosis_is_asked_but_not_scored(tmp_path: Path) -> None:
    """There is nothing to judge, and only that the answer could be read is counted."""
    (case,) = load(tmp_path, ROW | {"golden_diagnosis": ""})
    assert case.criteria == ()
    assert PROTOCOL.score(graded(case, "1. Gout")).values == {"parse_rate": 1.0}
    assert set(PROTOCOL.score(graded(case, None)).low) == {"parse_rate"}


def test_the_nearest_patients_share_what_is_telling(tmp_path: Path) -> None:
    """A shared rare finding outweighs a shared common one, and nobody is like themselves."""
    rows = [
        ROW,
        ROW | {"id": 5, "phenotypes": ["Fever", "Cold foot"]},
        ROW | {"id": 6, "phenotypes": ["Blue toe", "Fever"]},
        ROW | {"id": 7, "phenotypes": ["Fever"]},
        ROW | {"id": 8, "golden_diagnosis": ""},  # what it has is not known: nothing to learn
    ]
    cases = load(tmp_path, *rows)
    found = PROTOCOL.asking.nearest(cases[0], cases, 3)
    assert [case.id for case in found] == ["HMS/6", "HMS/5", "HMS/7"]
    assert nearest([], {"x": ["a"]}, {"a": 1.0}, 1) == ["x"]
    turns = PROTOCOL.asking.shots(found[:1])
    assert [turn.role for turn in turns] == ["user", "assistant"]
    assert turns[1].content == "1. Blue toe disease, type 2,  BTD"


def test_the_judge_is_shown_the_list_with_numbers(tmp_path: Path) -> None:
    """The prompt has the list as it was read, and the names of the disease; no braces of either."""
    (case,) = load(tmp_path, ROW)
    answer = Message("assistant", '["Gout {known}", "Blue foot"]')
    prompt = PROTOCOL.judging.judge.prompt(
        Case((*case.messages, answer), dict(enumerate(case.criteria)), "run", case.target),
        case.criteria[0],
    )
    assert "1. Gout {known}\n2. Blue foot" in prompt
    assert "Blue toe disease, type 2" in prompt
    assert PROTOCOL.judging.judge.read('{"label": 10}') == ("10", "")
    with pytest.raises(ValueError, match="expected one of"):
        PROTOCOL.judging.judge.read('{"label": 11}')


def ranking(messages: list[dict[str, str]]) -> str:
    """Names the disease of one patient by another name, and of the other not at all."""
    return "1. Gout\n2. " + ("Toe blueness" if "Cold foot" in messages[-1]["content"] else "Flu")


def specialist(messages: list[dict[str, str]]) -> str:
    """Finds the truth in the first place of every list."""
    assert "1. Gout\n2. " in messages[-1]["content"]
    return '{"explanation": "the same", "label": 1}'


def test_a_run_from_asking_to_the_median(
    bare: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run asks, has the lists judged, and its metrics take names before the judge's word."""
    monkeypatch.chdir(tmp_path)
    folder(tmp_path, ROW, ROW | {"id": 5, "dataset": "MME", "phenotypes": ["Fever"]})
    run = preceptor.run(
        "rarebench",
        system="python:test_rarebench:ranking",
        grader="python:test_rarebench:specialist",
        data=tmp_path,
    )
    metrics = run.result().metrics
    assert (metrics["cohort:HMS"].value, metrics["cohort:MME"].value) == (0, 1)
    assert metrics["recall@3"].value == 1
    assert metrics["median_rank"].value == 1.5


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "four"),
        ("dataset", "XYZ"),
        ("phenotypes", []),
        ("phenotypes", "Fever"),
        ("golden_diagnosis", 3),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, field: str, value: Any) -> None:
    """A wrong row is refused with its file, line and field."""
    with pytest.raises(DataError, match=rf"\.jsonl:1: {field}: expected"):
        load(tmp_path, ROW | {field: value})


def test_the_maps_belong_to_the_data(tmp_path: Path) -> None:
    """Without the map of diseases the error says which file is missing."""
    path = folder(tmp_path, ROW)
    (path / "disease_mapping.json").unlink()
    with pytest.raises(InputError, match=r"disease_mapping\.json: no such file"):
        RARE.load(path)


@needs("rarebench")
def test_the_five_cohorts() -> None:
    """1,197 patients in cohorts of 624, 40, 88, 370 and 75; every known truth has a code."""
    examples = RARE.load(DATA).examples
    sizes = Counter(tag for example in examples for tag in example.tags)
    cohorts = ("RAMEDIS", "MME", "HMS", "LIRICAL", "PUMCH_ADM")
    assert [sizes[f"cohort:{name}"] for name in cohorts] == [624, 40, 88, 370, 75]
    assert sum(len(example.criteria) for example in examples) == RARE.n_criteria == 1196
    assert all(example.target["codes"] for example in examples if example.criteria)

    def answer(case: Example) -> str:
        codes = [code for code in case.target["codes"] if code[0] == "O"]
        return f"1. Gout\n2. Rickets ({codes[0]})" if codes else "1. Gout"

    _, metrics = run(RARE, examples, answer)
    assert (metrics["overall_score"].value, metrics["recall@3"].value) == (0, 1)
    assert metrics["median_rank"].value == 2
    assert metrics["overall_score"].n == 1196
