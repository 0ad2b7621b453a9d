"""Sets of codes by level, synthetic tables, embeddings, joints: figures, oracles, wrong files."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from data_fixtures import isolate
from preceptor.cli import main
from preceptor.statistics.table_likeness import Pooled, correlations, total_variation
from test_outcome_files import asked


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


def table(name: str, header: str, rows: Sequence[Sequence[Any]]) -> str:
    with Path(name).open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header.split(","), *rows])
    return name


ADMISSIONS = [
    ("a", "E08.3293;I10;N17.9", "E08.3299, I11.9 N179 J44.9"),
    ("b", '["S12.000A", "J44.9"]', ""),
]


def test_levels_of_codes_have_the_figures_computed_elsewhere() -> None:
    """Two admissions, one of them silent: ours at five levels, above them, and the published."""
    metrics = asked("measure", "codes", table("codes.csv", "id,true,pred", ADMISSIONS))["metrics"]
    levels = ("chapter", "block", "category", "subcategory", "code")

    def at(name: str) -> list[float]:
        return [round(metrics[f"{level}:{name}"]["value"], 6) for level in levels]

    assert at("micro_f1") == [0.666667, 0.666667, 0.444444, 0.444444, 0.222222]
    assert at("macro_f1") == [0.428571, 0.428571, 0.285714, 0.285714, 0.142857]
    published = [0.857143, 0.857143, 0.571429, 0.571429, 0.285714]
    assert at("published_macro_f1") == at("published_micro_f1") == published
    assert metrics["code:published_macro_f1"]["n"] == 1
    assert round(metrics["codes and all above them:micro_f1"]["value"], 6) == 0.545455
    mean = metrics["mean of the levels:micro_f1"]["value"]
    assert mean == pytest.approx(np.mean(at("micro_f1")), abs=1e-6)


def test_codes_have_levels_by_their_beginnings_or_by_a_table() -> None:
    """Spanish codes go by prefix, others by the user's parents; an unknown code is only itself."""
    rows = [("a", "r60.0 I10", "R60.9;I10;foo"), ("b", "", "")]
    said = asked("measure", "codes", table("es.csv", "id,true,pred", rows), "--hierarchy", "prefix")
    f1 = {
        level: said["metrics"][f"{level}:micro_f1"]["value"]
        for level in ("category", "subcategory", "code")
    }
    assert f1 == pytest.approx({"category": 0.8, "subcategory": 0.4, "code": 0.4})
    assert said["metrics"]["code:macro_f1"]["value"] == pytest.approx((0.4 + 1) / 2)
    assert any("1 of 3 predicted codes" in sentence for sentence in said["definitions"])
    parents = table("up.csv", "code,parent", [("x1", "x"), ("x2", "x"), ("y1", "y")])
    mine = table("mine.csv", "id,true,pred", [("a", "x1", "x2"), ("b", "y1", "y1")])
    metrics = asked("measure", "codes", mine, "--hierarchy", parents)["metrics"]
    assert metrics["level 1:micro_f1"]["value"] == 1.0
    assert metrics["code:micro_f1"]["value"] == 0.5


@pytest.mark.parametrize(
    ("header", "rows", "words", "said"),
    [
        ("id,true", [("a", "I10")], [], "codes.csv:2: pred: missing"),
        ("id,true,pred", [("a", "I10", ""), ("a", "I10", "")], [], "is already on line"),
        ("id,true,pred", [("", "I10", "")], [], "expected a value"),
        ("id,true,pred", [], [], "expected admissions"),
        ("id,true,pred", [("a", "[1, 2]", "")], [], "expected codes"),
        ("id,true,pred", ADMISSIONS, ["--hierarchy", "none.csv"], "none.csv"),
        ("code,parent", [("a", "b"), ("b", "a")], ["--hierarchy", "codes.csv"], "a circle"),
        ("code,parent", [("a", "b"), ("a", "c")], ["--hierarchy", "codes.csv"], "another parent"),
    ],
)
def test_wrong_codes_get_one_line(
    header: str,
    rows: list[tuple[str, ...]],
    words: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The line says the file, the row, the column and what was expected."""
    assert main(["measure", "codes", table("codes.csv", header, rows), *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_distances_of_distributions_are_scipys() -> None:
    """KS and Wasserstein of weighted draws are those of the rows copied; correlations numpy's."""
    rng = np.random.default_rng(2)
    one, two = rng.normal(size=60).round(1), rng.normal(0.4, 1.5, 45).round(1)
    pooled = Pooled(one, two)
    for _ in range(3):
        weights = [rng.integers(0, 3, len(each)).astype(float) for each in (one, two)]
        ks, wasserstein = pooled.apart(*weights)
        copies = [
            np.repeat(each, w.astype(int)) for each, w in zip((one, two), weights, strict=True)
        ]
        assert float(ks) == pytest.approx(stats.ks_2samp(*copies).statistic)
        assert float(wasserstein) == pytest.approx(stats.wasserstein_distance(*copies))
    assert float(total_variation(np.array([3.0, 1]), np.array([1.0, 3]))) == 0.5
    rows = rng.normal(size=(30, 4)) @ rng.normal(size=(4, 4))
    weight = rng.integers(1, 4, 30).astype(float)
    found = correlations(rows, weight)
    assert found == pytest.approx(np.corrcoef(np.repeat(rows, weight.astype(int), 0).T))


def test_a_synthetic_table_is_like_its_real_one_or_not(capsys: pytest.CaptureFixture[str]) -> None:
    """A bootstrap of the rows is copies; shuffled columns are told apart by what goes together."""
    rng = np.random.default_rng(7)

    def drawn(n: int) -> list[tuple[Any, ...]]:
        age = rng.normal(60, 12, n)
        pressure = age + rng.normal(60, 4, n)
        return [
            (
                place,
                round(a, 2),
                round(p, 2),
                "FM"[int(p > 122)],
                "" if place % 9 == 0 else round(a / 2, 3),
            )
            for place, (a, p) in enumerate(zip(age, pressure, strict=True))
        ]

    rows, kept_out = drawn(150), drawn(100)
    shuffled = [
        rng.permutation(np.array(column, dtype=object)) for column in zip(*rows, strict=True)
    ]
    header = "id,age,pressure,sex,other"
    table("real.csv", header, rows)
    table("holdout.csv", header, kept_out)
    table("copies.csv", header, [rows[place] for place in rng.integers(0, 150, 150)])
    table("shuffled.csv", header, list(zip(*shuffled, strict=True)))
    words = ["--holdout", "holdout.csv", "--ignore", "id"]
    copies, apart = (
        asked("measure", "tables", "real.csv", f"{name}.csv", *words)
        for name in ("copies", "shuffled")
    )

    def value(found: dict[str, Any], name: str) -> float:
        return float(found["metrics"][name]["value"])

    assert value(copies, "nearest:copies") == 1.0
    assert copies["alike"]["nearest:copies"] == 0.0
    assert value(copies, "ks_mean") < copies["alike"]["ks_mean"]
    assert value(copies, "correlation_difference") < copies["alike"]["correlation_difference"]
    assert value(copies, "discriminator_auroc") < 0.5
    assert value(apart, "ks_mean") == value(apart, "tv:sex") == 0.0
    assert value(apart, "correlation_difference") > 1.5 * apart["alike"]["correlation_difference"]
    assert apart["metrics"]["discriminator_auroc"]["ci95"][0] > 0.8
    assert value(apart, "nearest:ratio") > 1.2
    for metric in apart["metrics"].values():
        low, high = metric["ci95"] or (metric["value"], metric["value"])
        assert low <= metric["value"] <= high
    capsys.readouterr()
    assert main(["measure", "tables", "real.csv", "copies.csv", "--ignore", "name"]) == 2
    assert main(["measure", "tables", "real.csv", table("b.csv", "id,age", [(1, 2)] * 12)]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert "no such column" in errors[0]
    assert "no column pressure" in errors[1]
    assert len(errors) == 2
    assert json.dumps(apart)


def test_a_probe_reads_what_is_in_embeddings(capsys: pytest.CaptureFixture[str]) -> None:
    """Each patient is predicted from the others as scikit-learn does; constant targets count."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(0)
    x, patients = rng.normal(size=(60, 12)), np.repeat(["p", "q", "r"], 20)
    y = x[:, :2] + rng.normal(size=(60, 2))
    np.save("x.npy", x)
    rows = [(who, *values, 1) for who, values in zip(patients, y.tolist(), strict=True)]
    table("y.csv", "patient,one,two,flat", rows)
    metrics = asked("measure", "embedding", "x.npy", "y.csv", "--components", "5")["metrics"]
    expected = []
    for who in "pqr":
        train, whole = patients != who, np.column_stack([y, np.ones(60)])
        scale = StandardScaler().fit(x[train])
        pca = PCA(5, svd_solver="full").fit(scale.transform(x[train]))
        parts = [pca.transform(scale.transform(x[some])) for some in (train, ~train)]
        said = Ridge(alpha=100 / (5 * 3)).fit(parts[0], whole[train]).predict(parts[1])
        expected.append([np.corrcoef(said[:, at], y[~train, at])[0, 1] for at in (0, 1)])
    assert metrics["pearson"]["value"] == pytest.approx(np.mean(expected))
    assert metrics["target:one"]["value"] == pytest.approx(np.mean(expected, axis=0)[0])
    assert metrics["patient:q"]["value"] == pytest.approx(np.mean(expected, axis=1)[1])
    assert metrics["constant"]["value"] == pytest.approx(1 / 3)
    assert (metrics["target:flat"]["value"], metrics["target:flat"]["n"]) == (None, 0)
    capsys.readouterr()
    for size, said in ((30, "expected 60 rows"), (9, "two patients or more")):
        short = table("y.csv", "patient,one,two,flat", rows[:size])
        assert main(["measure", "embedding", "x.npy", short]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1


def test_angles_of_joints_have_their_error(capsys: pytest.CaptureFixture[str]) -> None:
    """RMSE of each joint and trial; the file of all values has a row of each."""
    frames = [(trial, frame, frame * 2, 40 - frame) for trial in "ab" for frame in range(4)]
    table("truth.csv", "trial,frame,hip,knee", frames)
    off = [(t, f, knee - 3, hip + (1 if t == "a" else 2)) for t, f, hip, knee in reversed(frames)]
    table("net.csv", "trial,frame,knee,hip", off)
    found = asked("measure", "pose", "truth.csv", "net.csv", "-o", "all.csv")["measured"]
    means = {row["structure"]: row["mean"]["value"] for row in found}
    assert means == pytest.approx({"hip": 1.5, "knee": 3.0, "all joints": 2.25})
    assert len(Path("all.csv").read_text("utf-8").splitlines()) == 1 + 2 * 3
    capsys.readouterr()
    for header, rows, said in (
        ("trial,frame,hip", [r[:3] for r in frames], "'knee' differs"),
        ("trial,frame,hip,knee", frames[:4], "trials of truth.csv: 'b' differs"),
        ("trial,frame,hip,knee", frames[:7], "frames of truth.csv"),
        ("trial,frame,hip,knee", [*frames, frames[0]], "each frame of a trial once"),
        ("trial,frame,hip,knee", [("a", 0, "", 1)], "expected an angle"),
        ("hip,knee", [(1, 2)], "expected frame"),
    ):
        assert main(["measure", "pose", "truth.csv", table("net.csv", header, rows)]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1


def test_the_front_has_who_none_beats(capsys: pytest.CaptureFixture[str]) -> None:
    """A beaten model is named with one that beats it; ours is the mean of the scaled columns."""
    rows = [("u", 0.8, 31), ("v", 0.84, 120), ("w", 0.78, 4), ("x", 0.77, 40), ("y", "", 3)]
    words = [table("models.csv", "model,dice,params", rows), "--more", "dice", "--less", "params"]
    found = {row["name"]: row for row in asked("measure", "efficiency", *words)["models"]}
    assert [name for name, row in found.items() if row["on_front"]] == ["u", "w", "v"]
    assert found["x"]["beaten_by"] in {"u", "w"}
    scaled = ((0.8 - 0.77) / 0.07) * ((120 - 31) / 116)
    assert found["u"]["ours"] == pytest.approx(scaled**0.5)
    assert (found["v"]["ours"], found["y"]["ours"]) == (0.0, None)
    capsys.readouterr()
    for more, said in ((["dice"], "two columns or more"), (["dice,speed"], "a column 'speed'")):
        assert main(["measure", "efficiency", words[0], "--more", *more]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
