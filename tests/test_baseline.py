"""Baselines: features, folds, models and files, on made-up tables and against published refits."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.suite_answers import DATA, needs

from preceptor.baselines.cohort import Cohort
from preceptor.baselines.cox import Cox
from preceptor.baselines.fitting import Options, few_shot, out_of_fold, transfer
from preceptor.baselines.stays import read_stays
from preceptor.baselines.tables import Columns, read_table
from preceptor.cli import main

_STAYS = DATA / "yaib-demo" / "demo_data"


def _reference(name: str) -> list[dict[str, str]]:
    path = DATA / "predictions-ref" / name
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        return list(csv.DictReader(file))


def _furthest(
    rows: list[dict[str, str]],
    found: dict[tuple[str, ...], dict[str, str]],
    column: str,
    key: tuple[str, ...] = ("id",),
) -> float:
    """The largest difference from the reference, whose rows must all be there."""
    mine = [found[tuple(row[name] for name in key)] for row in rows]
    return max(abs(float(a[column]) - float(b[column])) for a, b in zip(rows, mine, strict=True))


def _by(rows: object, key: tuple[str, ...] = ("id",)) -> dict[tuple[str, ...], dict[str, str]]:
    return {tuple(str(row[name]) for name in key): row for row in rows}  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def mortality() -> tuple[Cohort, Cohort]:
    if not _STAYS.exists():
        pytest.skip("real data: set PRECEPTOR_TEST_DATA to a folder with yaib-demo")
    return tuple(read_stays(_STAYS / "mortality24" / name) for name in ("eicu_demo", "mimic_demo"))  # type: ignore[return-value]


def test_logistic_regression_of_stays_is_the_reference(mortality: tuple[Cohort, Cohort]) -> None:
    """Two repeats of five folds give the reference's folds and scores within 5e-9."""
    rows = [row for row in _reference("yaib_mortality24_eicu_lr.csv") if row["repeat"] in "01"]
    found = _by(out_of_fold("logistic", mortality[0], Options(repeats=2)), ("id", "repeat"))
    assert len(found) == len(rows) == 2734
    assert _furthest(rows, found, "fold", ("id", "repeat")) == 0
    assert _furthest(rows, found, "y_score", ("id", "repeat")) < 5e-9
    for row in rows:
        mine = found[row["id"], row["repeat"]]
        assert (mine["age_group"] or "unknown", mine["sex"]) == (row["age_group"], row["sex"])


def test_few_examples_and_another_hospital_are_the_reference(
    mortality: tuple[Cohort, Cohort],
) -> None:
    """Draws of k examples, and models fitted on one source for another, as the reference has."""
    key = ("k", "replicate", "id")
    found = _by(few_shot("logistic", mortality[0], Options()), key)
    rows = _reference("yaib_mortality24_fewshot_lr.csv")
    assert len(found) == len(rows) == 12240
    assert _furthest(rows, found, "y_score", key) < 6e-9
    names = {"eicu": "eicu_demo", "mimic": "mimic_demo"}
    pairs = ("source", "target", "id")
    rows = _reference("yaib_mortality24_transfer_lr.csv")
    for row in rows:
        row |= {side: f"mortality24-{names[row[side]]}" for side in ("source", "target")}
    found = _by(transfer("logistic", mortality, Options()), pairs)
    assert len(found) == len(rows) == 2932
    assert _furthest(rows, found, "y_score", pairs) < 5e-9


@needs("survival-open")
def test_tables_are_the_reference() -> None:
    """Labels of xlabel and survival of GBSG2, out of fold, are those of the reference."""
    labels = ("DM", "HTN", "CKD", "DLP")
    table = DATA / "xlabel" / "NCD_synthetic_labeled.csv"
    cohort = read_table(table, Columns(outcome=tuple(f"{name}_label" for name in labels)))
    rows = _reference("xlabel_multilabel.csv")
    found = _by(out_of_fold("logistic", cohort, Options()))
    for name in labels:
        mine = [
            abs(float(row[f"p:{name}"]) - float(found[(row["id"],)][f"p:{name}_label"]))
            for row in rows
        ]
        assert max(mine) < 5e-9
    cohort = read_table(DATA / "survival-open" / "gbsg2.csv", Columns(time="time", event="cens"))
    found = _by(out_of_fold("cox", cohort, Options(horizons=(365, 730, 1095, 1825))))
    rows = _reference("survival_gbsg2_cox.csv")
    for row in rows:  # it counts from 0, and the lines of the table from 1
        row["id"] = str(int(row["id"]) + 1)
    assert _furthest(rows, found, "fold") == 0
    assert _furthest(rows, found, "risk") < 1e-6
    assert _furthest(rows, found, "s@730") < 1e-7


def test_cox_is_that_of_statsmodels() -> None:
    """Coefficients with tied times agree with statsmodels' PHReg under Breslow's ties."""
    from statsmodels.duration.hazard_regression import PHReg

    state = np.random.default_rng(3)
    x = state.normal(size=(120, 3))
    time = np.ceil(state.exponential(np.exp(-x[:, 0])) * 5)
    event = (state.random(120) < 0.7).astype(float)
    fitted = Cox(penalty=0).fit(x, time, event)
    expected = PHReg(time, x, status=event, ties="breslow").fit().params
    assert np.allclose(fitted.beta, expected, atol=1e-6)
    survival = np.array([fitted.survival(x, at) for at in (0, 1, 3, 9)])
    assert (survival[0] == 1).all()
    assert (np.diff(survival, axis=0) <= 0).all()


def _stays(folder: Path, *, hourly: bool) -> Path:
    """Two stays out of order, with values missing."""
    folder.mkdir(parents=True)
    time = pa.array([7200, 0, 3600, 3600, 0], pa.duration("s"))
    stay = pa.array([9, 9, 9, 10, 10], pa.int32())
    lactate = pa.array([None, 2.0, 4.0, None, None], pa.float64())
    pq.write_table(
        pa.table({"stay_id": stay, "time": time, "lact": lactate}), folder / "dyn.parquet"
    )
    static = {
        "stay_id": pa.array([10, 9], pa.int32()),
        "age": [70.0, 40.0],
        "sex": ["Male", "Female"],
    }
    static |= {"height": [170.0, None], "weight": [80.0, 60.0]}
    pq.write_table(pa.table(static), folder / "sta.parquet")
    label = {"stay_id": pa.array([10, 9], pa.int32()), "label": [True, False]}
    if hourly:
        label = {"stay_id": stay, "time": time, "label": [True, False, False, False, False]}
    pq.write_table(pa.table(label), folder / "outc.parquet")
    return folder


def test_features_of_stays_and_of_hours(tmp_path: Path) -> None:
    """A stay has last, least, greatest, mean and count; an hour only what was known by then."""
    cohort = read_stays(_stays(tmp_path / "task" / "a", hourly=False))
    assert (cohort.name, cohort.kind, cohort.id) == ("task-a", "binary", ["9", "10"])
    nan = np.nan
    expected = [[4, 2, 4, 3, 2, 40, 0, nan, 60], [nan, nan, nan, nan, 0, 70, 1, 170, 80]]
    np.testing.assert_array_equal(cohort.x, expected)
    assert cohort.y["y_true"].tolist() == [0, 1]
    assert cohort.groups == {"sex": ["Female", "Male"], "age_group": ["<65", "65+"]}
    cohort = read_stays(_stays(tmp_path / "task" / "b", hourly=True))
    assert cohort.hour == [0, 1, 2, 0, 1]
    np.testing.assert_array_equal(cohort.x[:, 0], [2, 4, 4, nan, nan])
    np.testing.assert_array_equal(cohort.x[:, 1], [1, 2, 2, 0, 0])
    assert cohort.y["y_true"].tolist() == [0, 0, 1, 0, 0]


def _table(path: Path, patients: int = 40) -> Path:
    """Two rows a patient; creatinine decides the outcome."""
    state = np.random.default_rng(1)
    lines = ["id,patient,ward,age,creatinine,before,note,died,amount,months"]
    for row in range(2 * patients):
        high = state.normal()
        died = int(high + state.normal() > 0.5)
        lines.append(
            f"{row},p{row // 2},{'AB'[row % 2]},{state.integers(20, 90)},"
            f"{'' if row % 7 == 0 else round(high, 3)},{'' if row == 3 else round(high, 2)},"
            f"free text {row},{died},{round(2 * high + state.normal(), 3)},{1 + row % 9}"
        )
    path.write_text("\n".join(lines) + "\n")
    return path


def test_no_row_helps_to_predict_itself_or_its_patient(tmp_path: Path) -> None:
    """Rows of a patient share a fold, and their outcomes leave their own predictions alone."""
    table = _table(tmp_path / "t.csv")
    left_out = ("died", "months", "before")
    columns = Columns(outcome=("amount",), patient="patient", leave_out=left_out)
    cohort = read_table(table, columns)
    assert cohort.features == ["ward=B", "age", "creatinine"]
    assert cohort.dropped == ("note",)
    first = list(out_of_fold("ridge", cohort, Options()))
    assert all(a["fold"] == b["fold"] for a, b in zip(first[::2], first[1::2], strict=True))
    mine = [row for row, said in enumerate(first) if said["fold"] == 0]
    cohort.y["y_true"][mine] += 5
    again = list(out_of_fold("ridge", cohort, Options()))
    same = [a["y_pred"] == b["y_pred"] for a, b in zip(first, again, strict=True)]
    assert [row for row, equal in enumerate(same) if equal] == mine
    classes = read_table(table, msgspec.structs.replace(columns, outcome=("died",)))
    rows = list(out_of_fold("prevalence", classes, Options()))
    assert {row["fold"] for row in rows} == {0, 1, 2, 3, 4}
    for row in rows:
        known = [each["y_true"] for each in rows if each["fold"] != row["fold"]]
        assert float(row["y_score"]) == pytest.approx(known.count("1") / len(known))


def test_runs_are_scored_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command writes files, makes runs of one benchmark, and they compare on all rows."""
    monkeypatch.chdir(tmp_path)
    table = str(_table(tmp_path / "t.csv"))
    where = ["--store", "s.db"]
    words = ["--patient", "patient", "--leave-out", "months"]
    binary = ["baseline", table, "--outcome", "died", *words, "--leave-out", "amount,before"]
    assert main([*binary, "--model", "logistic", "--model", "prevalence", *where]) == 0
    assert main([*binary, "--model", "logistic", *where]) == 0
    assert "was there already" in capsys.readouterr().out
    assert main(["compare", "t-prevalence", "t-logistic", *where, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["contrasts"][0]["n"], said["contrasts"][0]["units"]) == (80, 40)
    amount = ["baseline", table, "--outcome", "amount", *words, "--leave-out", "died"]
    assert main([*amount, "--last", "before", "-o", "out", "--replace", *where]) == 0
    names = ["ridge", "quantile-boosting", "carry-forward", "median"]
    assert sorted(path.name for path in Path("out").iterdir()) == sorted(
        f"t-{n}.csv" for n in names
    )
    assert main(["compare", "t-ridge", "t-quantile-boosting", *where]) == 0
    assert main(["score", "t-ridge", *where]) == 0
    assert "Fitted by `preceptor baseline`" in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "name its outcome"),
        (["--outcome", "dead"], "has the columns id, patient"),
        (["--outcome", "note"], "2 to 10 classes"),
        (["--outcome", "died", "--model", "cox"], "for a binary outcome there are logistic"),
        (["--outcome", "died,months"], "expected 0 or 1"),
        (["--time", "months"], "name its outcome"),
        (["--time", "amount", "--event", "died"], "expected a time above 0"),
        (["--time", "months", "--event", "died", "--horizons", "soon"], "expected times above 0"),
        (["--outcome", "amount", "--model", "carry-forward"], "--last COLUMN"),
        (["--outcome", "amount", "--few-shot"], "expected a binary outcome"),
        (["--outcome", "died", "--transfer"], "two data sets or more"),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: str
) -> None:
    """A wrong column, outcome, model or option is one line, and writes nothing."""
    out = tmp_path / "out"
    command = ["baseline", str(_table(tmp_path / "t.csv", 10)), *words, "-o", str(out)]
    assert main([*command, "--no-import"]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("error: ")
    assert expected in said
    assert "\n" not in said
    assert not list(tmp_path.rglob("out/*"))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("1,inf,0", "t.csv:2: x: expected a number, finite"),
        ("1,-1e308,0", "t.csv:2: x: expected a number, finite"),
        ("1,2,inf", "t.csv:2: y: expected a number, finite"),
        ("1,2,0\n1,3,1", "t.csv:3: id: '1' is already on line 2"),
    ],
)
def test_a_wrong_cell_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: str, expected: str
) -> None:
    """A number that no model takes, or an id that is there twice, is one line with its place."""
    table = tmp_path / "t.csv"
    table.write_text(f"id,x,y\n{rows}\n")
    assert main(["baseline", str(table), "--outcome", "y", "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err.strip()
    assert expected in said
    assert "\n" not in said
