"""Files of predictions with outcomes: imported, scored, compared, ranked, reported, exported."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_fixtures import isolate
from preceptor.bridges.outcome_columns import OutcomeColumns
from preceptor.bridges.outcome_files import outcome_runs
from preceptor.cli import main
from preceptor.scoring.predicted.metrics import measures_of
from preceptor.scoring.predicted.table import Block, Predicted

DATA = Path(os.environ.get("PRECEPTOR_TEST_DATA") or "nowhere") / "predictions-ref"
needs_data = pytest.mark.skipif(
    not DATA.exists(), reason="real data: set PRECEPTOR_TEST_DATA to a folder with predictions-ref"
)


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


def rows_of(seed: int, n: int = 80, strength: float = 0.5) -> list[dict[str, Any]]:
    """Made-up risks of 40 patients, two days each."""
    rng = np.random.default_rng(seed)
    truth = np.random.default_rng(99)
    found = []
    for number in range(n):
        ill = int(truth.random() < 0.3)
        p = float(np.clip(0.3 + strength * (ill - 0.3) + 0.2 * rng.normal(), 0.01, 0.99))
        found.append(
            {
                "id": f"p{number // 2}",
                "day": number % 2,
                "y_true": ill,
                "y_score": round(p, 4),
                "sex": "FM"[number % 3 == 0],
            }
        )
    return found


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def asked(*words: str) -> Any:
    """What a command prints as JSON."""
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = main([*words, "--json"])
    assert code == 0, out.getvalue()
    return json.loads(out.getvalue())


def test_a_file_is_a_benchmark_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Two files are imported, scored by patient, compared on common rows, ranked and reported."""
    write(Path("weak.csv"), rows_of(1, strength=0.15))
    write(Path("good.csv"), rows_of(2, 78))
    for name in ("weak", "good"):
        words = ["import", "predictions", f"{name}.csv", "--name", name, "--benchmark", "mine"]
        assert main(words) == 0
    assert "weak: 80 rows" in capsys.readouterr().out
    score = asked("score", "weak")
    whole = score["metrics"]["overall_score"]
    assert (whole["n"], whole["units"], whole["units_are"]) == (80, 40, "patients")
    assert whole["ci95"][0] < whole["value"] < whole["ci95"][1]
    assert {"sex:F", "sex:M", "sex_fairness:es_auroc", "by_patient:auroc"} <= {*score["metrics"]}
    compared = asked("compare", "weak", "good")["contrasts"][0]
    assert (compared["n"], compared["left_out"]) == (78, [2, 0])
    assert compared["changes"][0]["difference"] > 0
    board = asked("leaderboard")[0]
    assert [place["run"] for place in board["places"]] == ["good", "weak"]
    capsys.readouterr()
    assert main(["report", "weak", "good", "-o", "page.html"]) == 0
    page = Path("page.html").read_text("utf-8")
    assert page.count('class="picture"') == 4
    assert "p12" not in page
    assert main(["score", "weak"]) == 0
    assert "AUROC by sex" in capsys.readouterr().out


def test_what_is_exported_is_imported_again(capsys: pytest.CaptureFixture[str]) -> None:
    """An export has the rows, and gives the same numbers when it is read again."""
    rows = rows_of(1, 40)
    # A spreadsheet would run these; CSV has a sign before them, and before that sign's own.
    signs = {"p1": "=p1", "p2": "-p2", "p3": "'p3", "p4": "@p4"}
    rows = [{**row, "id": signs.get(row["id"], row["id"]), "sex": f"+{row['sex']}"} for row in rows]
    write(Path("mine.csv"), rows)
    assert main(["import", "predictions", "mine.csv", "--name", "a"]) == 0
    for ending in ("csv", "jsonl"):
        assert main(["export", "a", "-o", f"out.{ending}"]) == 0
        capsys.readouterr()
        words = ["import", "predictions", f"out.{ending}", "--name", ending]
        assert main(words) == 0
    scores = [asked("score", name)["metrics"]["overall_score"] for name in ("a", "csv", "jsonl")]
    assert scores[0] == scores[1] == scores[2]
    compared = asked("compare", "a", "csv")["contrasts"][0]
    assert (compared["n"], compared["left_out"]) == (40, [0, 0])
    assert "sex:+F" in asked("score", "csv")["metrics"]


def test_a_missing_score_has_no_value(tmp_path: Path) -> None:
    """A row without a score is in no metric and lowers the coverage; it is no 0."""
    rows = rows_of(1, 40)
    rows[3]["y_score"] = ""
    table = table_of(write(tmp_path / "a.csv", rows))
    assert int(table.known.sum()) == 39
    whole = measures_of(table).values()[0]
    del rows[3]
    assert whole == measures_of(table_of(write(tmp_path / "b.csv", rows))).values()[0]


def table_of(path: Path, **options: Any) -> Predicted:
    """The rows of the only run of a file."""
    run = next(outcome_runs(path, OutcomeColumns(**options), None, None)).make()
    import msgspec

    blocks = [msgspec.convert(answer.example.target, Block) for answer in run.answers]
    return Predicted(blocks, [json.loads(answer.response.text) for answer in run.answers])


def test_a_packed_table_is_read(tmp_path: Path) -> None:
    """A .csv.gz file is read like the .csv in it."""
    plain = write(tmp_path / "a.csv", rows_of(1, 20))
    packed = tmp_path / "b.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert measures_of(table_of(packed)).values() == measures_of(table_of(plain)).values()


GOOD = {"id": "a", "y_true": "1", "y_score": "0.5"}
CLASSES = {"id": "a", "y_true": "x", "p:x": "0.5", "p:y": "0.5"}
SURVIVAL = {"id": "a", "time": "5", "event": "1", "risk": "1", "s@2": "0.9", "s@3": "0.8"}
SPAN = {"id": "a", "start": "0", "stop": "2", "event": "1", "risk": "1"}
LABELS = {"id": "a", "y:k": "1", "p:k": "0.5"}
AMOUNT = {"id": "a", "y_true": "1.5", "y_pred": "2"}
FAULTS: list[tuple[dict[str, str], dict[str, str], dict[str, Any], str]] = [
    (GOOD, {"y_true": "2"}, {}, "y_true: expected 0 or 1"),
    (GOOD, {"y_true": ""}, {}, "y_true: expected an outcome, found"),
    (GOOD, {"y_score": "1.2"}, {}, "y_score: expected a probability from 0 to 1, or --score-is"),
    (GOOD, {"y_score": "high"}, {}, "y_score: expected a probability from 0 to 1, found 'high'"),
    (GOOD, {"y_score": "inf"}, {"rank": True}, "finite, found 'inf'"),
    (GOOD, {"y_score": "0,5"}, {}, "a number with a decimal point and no comma"),
    (GOOD, {"id": ""}, {}, "id: expected a value"),
    (GOOD, {}, {"groups": ["sex"]}, "--group 'sex': found the columns id, y_true, y_score"),
    (GOOD, {}, {"where": {"fold": "1"}}, "--where 'fold': found the columns"),
    (GOOD, {}, {"where": {"id": "zz"}}, "--where id=zz: fits none of its 1 rows"),
    (CLASSES, {"p:y": "0.7"}, {}, "p:x: expected probabilities that sum to 1"),
    (CLASSES, {"y_true": "z"}, {}, "y_true: expected one of the classes x, y, found 'z'"),
    (CLASSES, {}, {"classes": ["x", "z"]}, "--classes x,z: the columns p:… are of x, y"),
    (SURVIVAL, {"time": "0"}, {}, "time: expected a time above 0, found '0'"),
    (SURVIVAL, {"event": "maybe"}, {}, "event: expected 0 or 1"),
    (SURVIVAL, {"s@3": "0.95"}, {}, "s@3: expected a survival of at most 0.9"),
    (SURVIVAL, {"time": "2"}, {}, "column s@2: expected a horizon below"),
    (SPAN, {"stop": "0"}, {}, "stop: expected a time after its start 0"),
    (LABELS, {"p:k": "-1"}, {}, "p:k: expected a probability from 0 to 1"),
    (AMOUNT, {"y_true": "nan"}, {}, "y_true: expected a number"),
    (AMOUNT, {"y_pred": "two"}, {}, "y_pred: expected a number, found 'two'"),
]


@pytest.mark.parametrize(("row", "change", "options", "words"), FAULTS)
def test_a_fault_is_one_line(
    tmp_path: Path,
    row: dict[str, str],
    change: dict[str, str],
    options: dict[str, Any],
    words: str,
) -> None:
    """A wrong cell, column or option is one line with file, expected and found."""
    from preceptor.errors import InputError

    path = write(tmp_path / "wrong.csv", [row | change])
    with pytest.raises(InputError) as error:
        table_of(path, **options)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_row_twice_is_named_with_both_lines(tmp_path: Path) -> None:
    """The same id at the same time is refused, with the line of the first."""
    from preceptor.errors import InputError

    path = write(tmp_path / "twice.csv", [GOOD, GOOD | {"id": "b"}, GOOD])
    with pytest.raises(InputError, match=r"twice\.csv:4: id: 'a' is already on line 2"):
        table_of(path)


def test_runs_of_other_outcomes_are_not_compared(capsys: pytest.CaptureFixture[str]) -> None:
    """Rows whose outcome differs between two files end the comparison with the row's id."""
    rows = rows_of(1, 40)
    write(Path("a.csv"), rows)
    write(Path("b.csv"), [{**rows[0], "y_true": 1 - rows[0]["y_true"]}, *rows[1:]])
    for name in "ab":
        assert main(["import", "predictions", f"{name}.csv", "--name", name]) == 0
    capsys.readouterr()
    assert main(["compare", "a", "b"]) == 2
    assert "has another y_true" in capsys.readouterr().err


def test_a_ranking_leaves_out_what_cannot_be_ranked(capsys: pytest.CaptureFixture[str]) -> None:
    """Another headline, or another outcome of a row, is a reason; it is no end of the ranking."""
    rng = np.random.default_rng(5)
    rows, called = [], []
    for number in range(60):
        truth = "abc"[int(rng.integers(3))]
        shares = rng.dirichlet([1, 1, 1])
        said = {f"p:{name}": float(share) for name, share in zip("abc", shares, strict=True)}
        rows.append({"id": f"p{number}", "y_true": truth, **said})
        called.append({"id": f"p{number}", "y_true": truth, "y_pred": "abc"[int(shares.argmax())]})
    other = [{**rows[0], "y_true": "abc".replace(rows[0]["y_true"], "")[0]}, *rows[1:]]
    for name, table in (("one", rows), ("two", rows), ("called", called), ("other", other)):
        write(Path(f"{name}.csv"), table)
        words = [f"{name}.csv", "--benchmark", "mine", "--name", name, "--classes", "a,b,c"]
        assert main(["import", "predictions", *words]) == 0
    capsys.readouterr()
    assert main(["leaderboard", "--benchmark", "mine"]) == 0
    said_of = capsys.readouterr().err.replace("\n", " ")
    assert "called is left out: another headline" in said_of
    assert "other is left out: another y_true of row 'p0'" in said_of
    assert main(["compare", "one", "two"]) == 0
    assert "DeLong" not in capsys.readouterr().err


def test_too_many_pairs_have_no_interval_anywhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a score says that none is computed, a comparison and a ranking compute none either."""
    monkeypatch.setattr("preceptor.scoring.predicted.kinds.MOST_FOR_INTERVALS", 20)
    rng = np.random.default_rng(6)
    for name in "ab":
        rows = [
            {"id": f"p{n}", "time": n + 1, "event": n % 2, "risk": float(rng.normal())}
            for n in range(40)
        ]
        write(Path(f"{name}.csv"), rows)
        words = [f"{name}.csv", "--benchmark", "mine", "--name", name]
        assert main(["import", "predictions", *words]) == 0
    capsys.readouterr()
    contrast = asked("compare", "a", "b")["contrasts"][0]["changes"][0]
    assert (contrast["ci95"], contrast["p"]) == (None, None)
    assert main(["leaderboard", "--benchmark", "mine", "--json"]) == 0
    assert '"rank_ci95": null' in capsys.readouterr().out


def test_text_answers_keep_their_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    """A table with y_true beside text answers to a known benchmark is read as answers."""
    write(Path("a.csv"), [{"id": "none", "y_true": "A", "y_pred": "B", "prediction": "B"}])
    assert main(["import", "predictions", "a.csv", "--benchmark", "medqa"]) == 2
    assert "medqa" in capsys.readouterr().err


#: File of predictions-ref, rows that are read, and metric → the reference number of its recipe.
REFERENCES: list[tuple[str, dict[str, str], dict[str, float]]] = [
    (
        "yaib_mortality24_eicu_lr.csv",
        {"repeat": "0"},
        {
            "overall_score": 0.747472,
            "auprc": 0.181500,
            "auprc_trapezoid": 0.172392,
            "brier": 0.048329,
            "brier_scaled": 0.005268,
            "log_loss": 0.193777,
            "ece": 0.011487,
            "ece_mass": 0.018073,
            "ece_15": 0.017326,
            "observed_expected": 0.971409,
            "min_precision_sensitivity": 0.271429,
            "sensitivity_at_specificity_95": 0.285714,
            "net_benefit:0.05": 0.019174,
            "net_benefit:0.1": 0.011135,
            "net_benefit:0.2": 0.005486,
            "treat_all:0.05": 0.001271,
            "treat_all:0.1": -0.054214,
            "treat_all:0.2": -0.185991,
            "at_prevalence:sensitivity": 0.6,
            "at_prevalence:specificity": 0.774865,
        },
    ),
    (
        "yaib_mortality24_transfer_lr.csv",
        {"source": "eicu", "target": "mimic"},
        {"overall_score": 0.706960, "auprc": 0.458538},
    ),
    ("yaib_mortality24_fewshot_lr.csv", {"k": "4"}, {"overall_score": 0.584090}),
    (
        "tjh_records_lr.csv",
        {},
        {
            "overall_score": 0.984784,
            "auprc": 0.977288,
            "auprc_trapezoid": 0.977268,
            "min_precision_sensitivity": 0.916149,
        },
    ),
    (
        "yaib_los3_eicu_lr.csv",
        {},
        {
            "accuracy": 0.467630,
            "balanced_accuracy": 0.434383,
            "macro_f1": 0.431902,
            "kappa": 0.151855,
            "overall_score": 0.623014,
            "log_loss": 1.053228,
            "class:>3d": 0.691899,
        },
    ),
    (
        "xlabel_multilabel.csv",
        {},
        {
            "overall_score": 0.987387,
            "auroc_micro": 0.992578,
            "ap_macro": 0.965937,
            "macro_f1": 0.972229,
            "micro_f1": 0.967086,
            "subset_accuracy": 0.973,
            "hamming_loss": 0.006875,
            "lrap": 0.997250,
            "samples_f1": 0.9826,
        },
    ),
    (
        "yaib_kidney_eicu.csv",
        {},
        {
            "overall_score": 0.344157,
            "rmse": 0.578331,
            "r2": 0.827527,
            "spearman": 0.868064,
            "naive:mae": 0.271998,
            "naive:r2": 0.845293,
        },
    ),
    (
        "survival_gbsg2_cox.csv",
        {},
        {
            "overall_score": 0.678685,
            "uno": 0.668279,
            "auc:365": 0.750988,
            "auc:730": 0.724324,
            "auc:1095": 0.730819,
            "auc:1825": 0.735527,
            "brier:365": 0.076606,
            "brier:730": 0.172274,
            "brier:1095": 0.198659,
            "brier:1825": 0.211865,
            "ibs": 0.180108,
            "ibs_null": 0.205647,
            "predicted_risk:730": 0.253305,
            "observed_risk:730": 0.253769,
        },
    ),
    ("survival_stanford_heart_tv.csv", {}, {"overall_score": 0.635760}),
]


@needs_data
@pytest.mark.parametrize(("file", "where", "expected"), REFERENCES, ids=lambda v: str(v)[:24])
def test_reference_numbers_come_out(
    file: str, where: dict[str, str], expected: dict[str, float]
) -> None:
    """The numbers that scikit-learn, scikit-survival and lifelines gave for these files."""
    measures = measures_of(table_of(DATA / file, where=where))
    found = dict(zip(measures.names, measures.values(), strict=True))
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-6)


@needs_data
def test_groups_folds_and_calibration_are_the_references() -> None:
    """By sex, over folds, DeLong's error, slope and intercepts, of the mortality file."""
    from preceptor.scoring.predicted.binary import binary_metrics

    table = table_of(DATA / "yaib_mortality24_eicu_lr.csv", where={"repeat": "0"})
    found = binary_metrics(table, resamples=20)
    expected = {
        "sex:Female": 0.798424,
        "sex:Male": 0.714464,
        "sex_fairness:es_auroc": 0.689575,
        "sex_fairness:equalised_odds_gap": 0.108527,
        "sex_fairness:demographic_parity_gap": 0.010104,
        "age_group:<65": 0.782978,
        "age_group:65+": 0.714801,
        "calibration_slope": 0.567904,
        "calibration_intercept": -1.165239,
        "calibration_in_the_large": -0.037689,
    }
    values = {name: found[name].value for name in expected}
    assert values == pytest.approx(expected, abs=1e-6)
    assert found["overall_score"].bootstrap_std == pytest.approx(0.031484, abs=1e-6)
    unknown = found["age_group:unknown"]
    assert (unknown.value, unknown.n) == (None, 1)
    table = table_of(DATA / "yaib_mortality24_eicu_lr.csv")
    folds = binary_metrics(table, resamples=1)["over_folds:auroc"]
    assert (folds.value, folds.bootstrap_std, folds.n) == pytest.approx(
        (0.752277, 0.053037, 25), abs=1e-6
    )
