"""Ratings in tables with other columns, and in exports of Label Studio."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from preceptor.audit.rating_rows import RatingColumns
from preceptor.audit.ratings import Ratings, read_ratings
from preceptor.cli import main
from preceptor.errors import DataError, InputError

FILES = Path(__file__).parent / "data" / "imports" / "label-studio"
EXPORTS = ("export.json", "export-min.json", "export.csv", "export-tab.csv")
VERDICT = RatingColumns("response_id", None, None, ("verdict",))


def labels(ratings: Ratings) -> dict[tuple[str, str, str], Any]:
    """The label that each rater gave by (response, criterion, rater)."""
    return {
        (item.response, item.criterion, rater): ratings.names[int(value)]
        if ratings.names
        else value
        for item, row in zip(ratings.items, ratings.table, strict=True)
        for rater, value in zip(ratings.raters, row, strict=True)
        if not math.isnan(value)
    }


@pytest.mark.parametrize("export", EXPORTS)
def test_every_export_of_label_studio_has_the_same_labels(export: str) -> None:
    """What nobody labelled and what was skipped is left out, and is no label."""
    ratings = read_ratings(FILES / export, "met", VERDICT)
    doctor, dose = "Says to see a doctor.", "Names a dose."
    assert labels(ratings) == {
        ("r1", doctor, "1"): 1.0,
        ("r1", doctor, "2"): 1.0,
        ("r2", doctor, "1"): 0.0,
        ("r2", doctor, "2"): 1.0,
        ("r3", doctor, "1"): 1.0,
        ("r5", dose, "1"): 0.0,
        ("r5", dose, "2"): 0.0,
    }
    assert {item.prompt for item in ratings.items} == {"p1", "p2", "p3"}
    assert ratings.left_out[0] == "Tasks without an annotation, left out: 1."


@pytest.mark.parametrize("export", EXPORTS)
def test_controls_of_every_kind_are_read(export: str) -> None:
    """Choices of which several may be made, levels of a taxonomy, stars, texts."""
    columns = RatingColumns("response_id", None, None, ("faults", "harm", "comment"))
    found = labels(read_ratings(FILES / export, "nominal", columns))
    assert found["r2", "Says to see a doctor.: faults", "1"] == "dose | tone"
    assert found["r2", "Says to see a doctor.: harm", "2"] == "drug / overdose | delay"
    assert found["r5", "Names a dose.: faults", "2"] == "dose"
    assert ("r1", "Says to see a doctor.: faults", "1") not in found
    stars = RatingColumns("response_id", None, None, ("quality",))
    assert (
        labels(read_ratings(FILES / export, "ordinal", stars))["r3", "Says to see a doctor.", "1"]
        == 3.0
    )
    with pytest.raises(DataError, match=r"expected 0 or 1.*dose \| tone"):
        read_ratings(FILES / export, "met", RatingColumns("response_id", label=("faults",)))


def task(number: int, annotations: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"id": number, "data": {"answer": "A"}, "annotations": annotations, **more}


def annotation(who: Any, verdict: str, when: str, **more: Any) -> dict[str, Any]:
    result = {"from_name": "verdict", "type": "choices", "value": {"choices": [verdict]}}
    return {"completed_by": who, "result": [result], "updated_at": when, **more}


def test_label_studio_of_other_shapes(tmp_path: Path) -> None:
    """People by e-mail, later labels, predictions of a model; the control as the criterion."""
    dr = {"id": 7, "email": "dr@example.org"}
    prediction = {"model_version": "judge-1", "result": annotation(0, "met", "")["result"]}
    tasks = [
        task(1, [annotation(dr, "met", "2026-01-02"), annotation(dr, "not met", "2026-01-01")]),
        task(2, [annotation({"id": 8}, "met", "")], predictions=[prediction, {"result": []}]),
        task(3, [annotation(dr, "met", "", was_cancelled=True)]),
    ]
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps(tasks))
    ratings = read_ratings(file, "met", RatingColumns(label=("verdict",)))
    assert labels(ratings) == {
        ("1", "verdict", "dr@example.org"): 1.0,
        ("2", "verdict", "8"): 1.0,
        ("2", "verdict", "judge-1"): 1.0,
    }
    assert ratings.left_out == (
        "Annotations that were skipped, left out: 1.",
        "Labels replaced by a later one of the same rater: 1.",
    )
    with pytest.raises(
        InputError, match="name the control with the labels, such as --label verdict"
    ):
        read_ratings(file)


def test_columns_of_any_table_may_be_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names or dotted paths, in any format; one that is not there is said with those that are."""
    rows = [
        {"answer": {"id": f"a{n}"}, "by": who, "what": "Is kind.", "said": said}
        for n in range(4)
        for who, said in (("dr", n % 2), ("judge", n < 3))
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["--response", "answer.id", "--criterion", "what", "--rater", "by", "--label", "said"]
    assert main(["audit", str(file), *words, "--grader", "judge", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["agreement"]["judged"] == 4
    words[-1] = "told"
    assert main(["audit", str(file), *words, "--grader", "judge"]) == 2
    assert "--label told: no such column; it has" in capsys.readouterr().err


def test_an_export_of_label_studio_is_audited(capsys: pytest.CaptureFixture[str]) -> None:
    """One annotator is the grader; what was left out is said."""
    words = ["--response", "response_id", "--label", "verdict", "--grader", "2"]
    assert main(["audit", str(FILES / "export.csv"), *words, "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["agreement"]["judged"] == 3
    assert "Tasks without an annotation, left out: 1." in printed.err
