"""What a score takes: points for tokens, seconds and dollars, ratios, the front."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_fixtures import isolate
from preceptor.cli import main

#: Of three models, eight examples: right or wrong, tokens.
MADE = {
    "plain": ([1, 1, 1, 1, 0, 0, 0, 0], [100, 110, 120, 130, 140, 150, 160, 170]),
    "careful": ([1, 1, 1, 1, 1, 1, 0, 0], [200, 330, 240, 520, 280, 300, 320, 340]),
    "curt": ([1, 1, 0, 0, 0, 0, 0, 0], [300, 330, 900, 900, 900, 900, 900, 11]),
}


@pytest.fixture
def _runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run of each, of made-up questions; careful has no time in one row, nobody a price."""
    isolate(monkeypatch, tmp_path)
    Path("sums").mkdir()
    Path("sums/benchmark.toml").write_text('name = "sums"\nprotocol = "quantity"\n')
    rows = [{"id": f"q{n}", "question": f"How much? {n}", "answer": f"{n} mg"} for n in range(8)]
    Path("sums/examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with Path("a.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("id", "model", "response", "input_tokens", "output_tokens", "time_s"))
        for model, (right, tokens) in MADE.items():
            for n in range(8):
                said = f"Answer: {n if right[n] else n + 40} mg"
                seconds = "" if (model, n) == ("careful", 3) else tokens[n] / 50
                writer.writerow((f"q{n}", model, said, 10, tokens[n] - 10, seconds))
    assert main(["import", "predictions", "a.csv", "--benchmark", "./sums"]) == 0
    capsys.readouterr()


def found(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["efficiency", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("_runs")
def test_points_for_what_an_answer_takes(capsys: pytest.CaptureFixture[str]) -> None:
    """Mean score over mean amount; who is beaten is off the front; what is unknown is absent."""
    made = found(capsys, "a/plain", "a/careful", "a/curt")
    assert made["common"] == made["units"] == 8
    sides = {side["label"].removeprefix("a/"): side for side in made["sides"]}
    for name, (right, tokens) in MADE.items():
        taken = sides[name]["taken"]["tokens"]
        assert taken["per_answer"] == pytest.approx(np.mean(tokens))
        assert taken["score_per_unit"] == pytest.approx(np.mean(right) / np.mean(tokens))
        low, high = taken["score_per_unit_ci95"]
        assert low < taken["score_per_unit"] < high
        assert taken["on_front"] is (name != "curt")
    assert {name: sorted(side["taken"]) for name, side in sides.items()} == {
        "plain": ["seconds", "tokens"],
        "careful": ["tokens"],
        "curt": ["seconds", "tokens"],
    }
    assert any("Seconds are not known of every answer of a/careful" in x for x in made["notes"])
    assert any(x.startswith("US dollars are not known") for x in made["notes"])


@pytest.mark.usefixtures("_runs")
def test_ratios_are_over_answers_that_are_right_on_both_sides(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The geometric mean over four, and over two: a short wrong answer makes nobody cheap."""
    ratios = found(capsys, "a/plain", "a/careful", "a/curt")["ratios"]
    tokens = {each["contender"]: each for each in ratios if each["measure"] == "tokens"}
    logs = [math.log(r) for r in (200 / 100, 330 / 110, 240 / 120, 520 / 130)]
    careful = tokens["a/careful"]
    assert (careful["n"], careful["common"]) == (4, 8)
    assert careful["ratio"] == pytest.approx(math.exp(np.mean(logs)))
    assert 2 <= careful["ci95"][0] < careful["ratio"] < careful["ci95"][1] <= 4
    # Both are three times as long where both are right: there is nothing that varies.
    assert (tokens["a/curt"]["n"], tokens["a/curt"]["ratio"]) == (2, pytest.approx(3))
    assert tokens["a/curt"]["ci95"] == pytest.approx([3, 3])


@pytest.mark.usefixtures("_runs")
def test_the_tables_say_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Score and amounts of each side, ratios, and sentences on what is left out."""
    assert main(["efficiency", "a/plain", "a/careful"]) == 0
    printed = capsys.readouterr()
    assert "on 8 common examples" in printed.out
    assert "both right" in printed.out
    assert "Right is a score of 100.0 or more" in printed.err
    assert main(["efficiency", "a/plain", "--right", "0"]) == 2
    assert "--right: expected points above 0 and up to 100, found 0" in capsys.readouterr().err
    assert main(["run", "starter", "--system", "physician", "--grader", "python:json:dumps"]) in (
        0,
        1,
    )
    capsys.readouterr()
    assert main(["efficiency", "a/plain", "latest"]) == 2
    assert "expected runs of one benchmark, found starter, sums" in capsys.readouterr().err
