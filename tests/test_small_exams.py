"""HealthBench-BR and SCT-Bench: published answers, constant answers, wrong rows."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from preceptor.benchmarks import get
from preceptor.errors import DataError, InputError
from suite_answers import DATA, needs, run

BR, SCT = get("healthbench-br"), get("sct-bench")


@needs("healthbench-br")
@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("GPT_4.1", 739),
        ("GPT_5", 809),
        ("Maritaca_Sabia_3.1", 668),
        ("Maritaca_Sabiazinho_3", 621),
    ],
)
def test_published_answers_are_right_as_often_as_they_were(name: str, right: int) -> None:
    """Of 1,000 statements; the order of the statements is that of the file of questions."""
    path = next((DATA / "healthbench-br").glob(f"{name}_2*.csv"))
    with path.open(encoding="utf-8-sig") as lines:
        said = [row["pred"] for row in csv.DictReader(lines)]
    examples = BR.load(DATA).examples
    answers = dict(zip((each.id for each in examples), said, strict=True))
    _, metrics = run(BR, examples, lambda example: answers[example.id])
    assert round(metrics["overall_score"].raw_mean * 1000) == right
    assert metrics["parse_rate"].value == 1
    assert metrics["overall_score"].units == 100


@needs("sct-bench")
def test_constant_answers_score_as_computed_from_the_file() -> None:
    """The mean of votes by the most votes: .28, .30, .24, .42 and .40."""
    examples = SCT.load(DATA).examples
    floors = {"A": 0.2767, "B": 0.3031, "C": 0.2358, "D": 0.4232, "E": 0.3964}
    for letter, floor in floors.items():
        _, metrics = run(SCT, examples, lambda _, said=letter: said)  # type: ignore[misc]
        assert metrics["overall_score"].raw_mean == pytest.approx(floor, abs=5e-5)
        assert metrics[f"always:{letter}"].raw_mean == metrics["overall_score"].raw_mean
    _, metrics = run(SCT, examples, lambda _: "who knows")
    assert metrics["overall_score"].value == 0
    assert metrics["overall_score"].units == 75


def sheet(folder: Path, votes: str) -> Path:
    path = folder / "sct_public.csv"
    head = "question_id,sct_stem,question,additional_info,-2,-1,0,1,2,source"
    path.write_text(f"{head}\n1,A case,If you thought of,And you find,{votes},Made up\n")
    return path


def test_the_credit_is_the_share_of_the_most_frequent_answer(tmp_path: Path) -> None:
    """Two best answers are both whole; what nobody said, and what cannot be read, is 0."""
    (example,) = SCT.load(sheet(tmp_path, "0,4,4,1,0")).examples
    for said, credit in (
        ("B", 1),
        ("C", 1),
        ("D", 0.25),
        ("+1", 0.25),
        ("−1.", 1),
        ("A", 0),
        ("?", 0),
    ):
        (score,), _ = run(SCT, [example], lambda _, said=said: said)  # type: ignore[misc]
        assert score.values["overall_score"] == credit
    (score,), _ = run(SCT, [example], lambda _: None)
    assert "overall_score" not in score.values


@pytest.mark.parametrize("votes", ["0,0,0,0,0", "-1,2,0,0,0", "x,1,0,0,0"])
def test_votes_that_are_none_are_named(tmp_path: Path, votes: str) -> None:
    """With the file, the line and the column."""
    with pytest.raises(DataError, match=r"sct_public\.csv:2: -2"):
        SCT.load(sheet(tmp_path, votes))


def test_another_file_is_no_list_of_protocols(tmp_path: Path) -> None:
    """What is missing is named."""
    path = tmp_path / "benchmark_perguntas_unificado.json"
    path.write_text('{"a": 1}')
    with pytest.raises(InputError, match=r"unificado\.json"):
        BR.load(tmp_path)
    path.write_text('[{"arquivo": "x.pdf", "perguntas": "none"}]')
    with pytest.raises(DataError, match=r":1: perguntas: expected a list of texts"):
        BR.load(tmp_path)
