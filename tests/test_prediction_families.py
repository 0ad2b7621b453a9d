"""Risks along a stay, numbers in quartiles, forecasts: figures of the data, rules, wrong files."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_fixtures import isolate
from preceptor.bridges.outcome_columns import OutcomeColumns
from preceptor.cli import main
from preceptor.scoring.predicted.metrics import measures_of, metrics_of
from preceptor.scoring.predicted.notes import notes_of
from preceptor.statistics.prediction.difficulty import adjusted
from preceptor.statistics.prediction.early import early_scores, stay_errors, stays_of
from test_outcome_files import DATA, asked, needs_data, table_of, write


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


@needs_data
def test_death_foreseen_early_has_the_figures_computed_elsewhere() -> None:
    """ES of the TJH records; calling death always scores 1 and has no specificity."""
    table = table_of(DATA / "tjh_records_lr.csv")

    def early() -> dict[str, float]:
        measures = measures_of(table)
        values = zip(measures.names, measures.values(), strict=True)
        return {name[6:]: value for name, value in values if name.startswith("early:")}

    found = early()
    known = {"es_0.5": 0.810204, "es_1": 0.766659, "es_1.5": 0.730351, "los_mae": 5.145312}
    assert {name: round(found[name], 6) for name in known} == known
    assert "T = 8.322287" in " ".join(notes_of(table, resamples=20))
    metrics = metrics_of(table, resamples=25)
    assert (metrics["early:es_1"].units, metrics["early:specificity"].units) == (164, 195)
    table.said["y_score"] = np.ones(len(table))
    found = early()
    assert [found[f"es_{part}"] for part in ("0.5", "1", "1.5")] == [1.0] * 3
    assert found["specificity"] == 0.0
    table.said["y_score"] = np.zeros(len(table))
    found = early()
    worst = [round(found[f"es_{part}"], 6) for part in ("0.5", "1", "1.5")]
    assert worst == [-0.40952, -0.723479, -0.856159]


def test_scores_along_a_stay_by_hand() -> None:
    """Two patients die and one lives; each number is what the formula gives."""
    y = np.array([1.0, 1.0, 1.0, 0.0])
    los = np.array([4.0, 1.0, 2.0, 3.0])
    patient = np.array([0, 0, 1, 2])
    score = np.array([0.9, 0.2, 0.2, 0.7])
    of = stays_of(y, los, patient, 3)
    assert (of.of_dead, of.long) == (3.0, float(np.percentile([4, 2, 3], 95)))
    # Patient 0: 1 for the hit, 1/3 − 1 for the miss, of 4/3; patient 1: −1/3 of 2/3.
    early = early_scores(y, score, los, patient, 3, {"1": 3.0})
    assert early.values() == pytest.approx([((1 / 3) / (4 / 3) - 0.5) / 2, 0.0])
    said = np.array([3.0, 1.0, 2.0, 3.0])
    stay = stay_errors(y, score, los, said, patient, 3, {"1": 2.0}, 5.0)
    # A wrong outcome costs what both stays lack of 5, less where the true one is above 2.
    assert stay.values() == pytest.approx([1 / 4, (1 / 3 + 8 + 6 + 2 / 3 * 4) / 4])
    drawn = early.of(np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]))
    assert drawn[0][0] == pytest.approx(0.25)
    assert np.isnan(drawn[0][1])


def test_rows_are_measured_by_quartile(capsys: pytest.CaptureFixture[str]) -> None:
    """Each quartile has its AUROC, Brier score and n; the slope falls where the risks get worse."""
    rng = np.random.default_rng(3)
    rows = [
        {
            "id": number,
            "y_true": (y := int(rng.random() < 0.4)),
            "y_score": round(float(np.clip(0.5 + (y - 0.5) * 0.5 + noise * rng.normal(), 0, 1)), 4),
            "length": "" if number < 4 else number,
        }
        for number in range(204)
        for noise in [0.05 + number / 300]
    ]
    write(Path("mine.csv"), rows)
    words = ["import", "predictions", "mine.csv", "--quartiles", "length"]
    assert main(words) == 0
    metrics = asked("score", "mine")["metrics"]
    quartiles = [name for name in metrics if name.startswith("length_quartile:")]
    assert quartiles == [
        f"length_quartile:{name}"
        for name in ("1 (4 to 53)", "2 (54 to 103)", "3 (104 to 153)", "4 (154 to 203)")
    ]
    assert [metrics[name]["n"] for name in quartiles] == [50] * 4
    first, last = (metrics[name.replace("quartile:", "quartile_brier:")] for name in quartiles[::3])
    assert first["value"] < last["value"]
    for name, sign in (("overall_score", -1), ("brier", 1)):
        slope = metrics[f"length_quartile_slope:{name}"]
        assert all(sign * end > 0 for end in (slope["value"], *slope["ci95"]))
    low, high = (metrics[name]["value"] for name in quartiles[::3])
    line = np.polyfit([1, 2, 3, 4], [metrics[name]["value"] for name in quartiles], 1)[0]
    assert metrics["length_quartile_slope:overall_score"]["value"] == pytest.approx(line)
    assert low > high
    assert main(["export", "mine", "-o", "out.csv"]) == 0
    assert main([*words[:2], "out.csv", *words[3:], "--name", "again"]) == 0
    assert asked("score", "again")["metrics"] == metrics
    capsys.readouterr()
    assert main([*words[:4], "width"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_difficulty_of_questions_is_allowed_for() -> None:
    """Who answered the hard half alone is not worse; with all answered it is the plain mean."""
    rng = np.random.default_rng(0)
    hard = np.repeat([0.0, 0.4], 30)
    scores = hard[:, None] + np.array([0.1, 0.2, 0.3]) + 0.01 * rng.normal(size=(60, 3))
    own = np.arange(60)
    assert adjusted(scores, own, 60).values() == pytest.approx(scores.mean(axis=0).tolist())
    part = scores.copy()
    part[:30, 0] = np.nan
    part[50:, 1] = np.nan
    found = adjusted(part, own, 60)
    assert found.values() == pytest.approx([0.3, 0.4, 0.5], abs=0.01)
    assert np.nanmean(part[:, 0]) > np.nanmean(part[:, 1])
    # Against least squares with a column for each question and each forecaster.
    where, who = np.nonzero(np.isfinite(part))
    design = np.zeros((len(where), 63))
    design[np.arange(len(where)), where] = 1
    design[np.arange(len(where)), 60 + who] = 1
    fitted = np.linalg.lstsq(design, part[where, who], rcond=None)[0]
    assert found.values() == pytest.approx((fitted[:60].mean() + fitted[60:]).tolist())
    drawn = found.of(np.ones((2, 60)))
    assert drawn[1].tolist() == pytest.approx([found.values()[1]] * 2)
    apart = np.full((4, 2), np.nan)
    apart[:2, 0], apart[2:, 1] = 0.1, 0.2
    assert np.isnan(adjusted(apart, np.arange(4), 4).values()).all()


def forecast_files(**changes: Any) -> list[str]:
    """Three made-up questions: a market, another one that is open, and a series of two dates."""
    questions = [
        {"id": "m1", "source": "market", "freeze_datetime_value": "0.8", "resolution_dates": "N/A"},
        {"id": "m2", "source": "market", "freeze_datetime_value": "0.3", "resolution_dates": "N/A"},
        {"id": "s", "source": "data", "freeze_datetime_value": "71.5", "resolution_dates": ["a"]},
    ]
    resolutions = [
        {"id": "m1", "resolution_date": "2025-01-20", "resolved_to": 1.0, "resolved": True},
        {"id": "m2", "resolution_date": "2025-06-01", "resolved_to": 0.4, "resolved": False},
        {"id": "s", "resolution_date": "2025-01-08", "resolved_to": 0.0, "resolved": True},
        {"id": "s", "resolution_date": "2025-01-31", "resolved_to": 1.0, "resolved": True},
    ]
    for row in resolutions:
        row |= {"source": "data" if row["id"] == "s" else "market", "direction": None}
    forecasts = [
        {"id": "m1", "source": "market", "forecast": 0.9, "resolution_date": None},
        {"id": "m2", "source": "market", "forecast": 0.6, "resolution_date": None},
        {"id": "s", "source": "data", "forecast": 0.5, "resolution_date": "2025-01-31"},
    ]
    about = {"forecast_due_date": "2025-01-01", "question_set": "made-up"}
    named: dict[str, Any] = {
        "questions": {**about, "questions": questions},
        "resolutions": {**about, "resolutions": resolutions},
        "mine": {"organization": "us", "model": "m", **about, "forecasts": forecasts},
    }
    for place, value in changes.items():
        file, field = place.split("__")
        number, _, key = field.partition("_")
        list_ = named[file]["forecasts" if file == "mine" else file]
        if number == "drop":
            del named[file][key]
        elif number == "again":
            list_.append(list_[0])
        else:
            list_[int(number)][key] = value
    for name, content in named.items():
        Path(f"{name}.json").write_text(json.dumps(content), "utf-8")
    return [f"{name}.json" for name in named]


def test_forecasts_are_measured_beside_the_market(capsys: pytest.CaptureFixture[str]) -> None:
    """A file of forecasts has its Brier score by source and horizon; open rows are kept apart."""
    assert main(["import", *forecast_files()]) == 0
    out = capsys.readouterr().out
    assert "questions/us/m: 3 rows" in out
    score = asked("score", "questions/us/m")
    metrics = score["metrics"]
    assert metrics["overall_score"]["value"] == pytest.approx((0.01 + 0.25) / 2)
    assert metrics["overall_score"]["coverage"] == pytest.approx(2 / 3)
    assert metrics["crowd:skill"]["value"] == pytest.approx(1 - 0.01 / 0.04)
    assert metrics["crowd:skill"]["n"] == 1
    assert {"question_source:data", "horizon:8 to 30 days"} <= {*metrics}
    assert any("1 of 4 rows are not resolved" in note for note in score["notes"])
    assert any("0.2000 from the market" in note for note in score["notes"])
    board = asked("leaderboard")[0]
    assert board["lower_is_better"]
    assert board["places"][0]["run"] == "questions/us/m"
    assert all(place["adjusted"] is not None for place in board["places"])
    page = ["report", "questions/us/m", "questions/market", "-o", "page.html"]
    assert main(page) == 0


def test_sources_and_targets_are_a_matrix_and_ks_a_curve() -> None:
    """Each cell has n, events and its difference to the target's own model on the same rows."""
    rng = np.random.default_rng(5)
    truth = {target: rng.random(150 - 60 * (target == "b")) < 0.3 for target in "ab"}
    rows = [
        {
            "source": source,
            "target": target,
            "id": f"{target}{number}",
            "y_true": int(ill),
            "y_score": round(
                float(np.clip(0.5 + (ill - 0.5) * pull + 0.2 * rng.normal(), 0, 1)), 4
            ),
        }
        for source in "ab"
        for target in "ab"
        for pull in [0.5 if source == target else 0.1]
        for number, ill in enumerate(truth[target])
    ]
    write(Path("moved.csv"), rows)
    few = [
        {**row, "k": k, "replicate": replicate, "y_score": round(float(rng.random()), 3)}
        for k in (1, 4, 16)
        for replicate in range(2)
        for row in rows[:80]
    ]
    for row in few:
        del row["source"], row["target"]
    write(Path("few.csv"), few)
    assert main(["import", "predictions", "moved.csv", "few.csv"]) == 0
    names = [f"moved/{source}/{target}" for source in "ab" for target in "ab"]
    assert main(["figures", *names, "-o", "drawn", "-f", "csv"]) == 0
    with Path("drawn/transfer.csv").open(newline="", encoding="utf-8") as stream:
        cells = {(row["source"], row["target"]): row for row in csv.DictReader(stream)}
    away = cells["b", "a"]
    assert (away["n"], int(away["events"])) == ("150", int(truth["a"].sum()))
    difference = asked("compare", "moved/a/a", "moved/b/a")["contrasts"][0]["changes"][0]
    assert float(away["difference"]) == pytest.approx(difference["difference"])
    assert float(away["p"]) == pytest.approx(difference["p"])
    assert float(away["difference_high"]) < 0
    assert cells["a", "a"]["difference"] == ""
    assert main(["report", *names, "-o", "page.html"]) == 0
    page = Path("page.html").read_text("utf-8")
    assert "2 cells of fewer than 100 rows" in page
    assert "target&#39;s own model" in page or "target's own model" in page
    assert main(["figures", *(f"few/{k}" for k in (1, 4, 16)), "-o", "drawn", "-f", "csv"]) == 0
    with Path("drawn/few-shot.csv").open(newline="", encoding="utf-8") as stream:
        curve = list(csv.DictReader(stream))
    spread = asked("score", "few/4")["metrics"]["over_repeats:auroc"]["bootstrap_std"]
    assert [row["k"] for row in curve] == ["1.0", "4.0", "16.0"]
    assert float(curve[1]["sd_over_replicates"]) == pytest.approx(spread)


@needs_data
def test_forecastbench_has_the_figures_computed_elsewhere() -> None:
    """1,089 of 1,208 rows are resolved; .5 scores .25 and the market .043508 on its 112 rows."""
    folder = DATA.parent / "forecastbench"
    files = ["2025-10-26-llm.json", "2025-10-26_resolution_set.json"]
    assert main(["import", "forecasts", *(str(folder / name) for name in files)]) == 0
    half, market = (
        asked("score", f"2025-10-26-llm/{name}")["metrics"] for name in ("always-0.5", "market")
    )
    assert (half["overall_score"]["n"], half["overall_score"]["value"]) == (1089, 0.25)
    assert market["overall_score"]["n"] == 112
    assert round(market["overall_score"]["value"], 6) == 0.043508
    assert round(half["observed_expected"]["value"] * 0.5, 6) == 0.35629


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"resolutions__0_resolved": "yes"}, "resolutions[0].resolved: expected true or false"),
        ({"resolutions__1_resolved_to": 7}, "resolutions[1].resolved_to: expected 0 to 1"),
        ({"resolutions__2_resolution_date": "soon"}, "expected a date such as"),
        ({"resolutions__2_id": None}, "expected source and id as texts"),
        ({"questions__0_freeze_datetime_value": "high"}, "expected 0 to 1, found 'high'"),
        ({"mine__2_forecast": 1.2}, "forecasts[2].forecast: expected 0 to 1, found 1.2"),
        ({"mine__again": 1}, "is there twice"),
        ({"resolutions__drop_forecast_due_date": 1}, "expected a date such as"),
    ],
)
def test_wrong_forecasts_get_one_line(
    changes: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line says the file, the place, what was expected and what was found."""
    assert main(["import", "forecasts", *forecast_files(**changes)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"los_true": "-1"}, "los_true: expected what is left of the stay"),
        ({"los_true": ""}, "los_true: expected what is left of the stay"),
        ({"los_pred": ""}, "los_pred: expected a number where there is a y_score"),
    ],
)
def test_a_wrong_stay_is_one_line(row: dict[str, str], said: str, tmp_path: Path) -> None:
    """A stay below 0, without a number or without a prediction is named with its line."""
    from preceptor.errors import DataError

    good = {"id": "a", "y_true": "1", "y_score": "0.5", "los_true": "2", "los_pred": "3"}
    with pytest.raises(DataError, match=said):
        table_of(write(tmp_path / "a.csv", [good | row]))
    assert OutcomeColumns().forecast is False
