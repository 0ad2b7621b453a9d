"""Scores of cases: tables in two forms, groups, comparisons by signed ranks, common cases."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from preceptor import api
from preceptor.analysis.leaderboard import leaderboard
from preceptor.bridges.case_tables import read_wide
from preceptor.cli import main
from preceptor.statistics.prediction.equity import equity_scaled
from preceptor.statistics.ranks import (
    mann_whitney,
    median_interval,
    signed_rank,
    signed_rank_p,
    undivided,
)
from suite_answers import DATA, needs

Cells = Sequence[Sequence[object]]
#: Two organs, four cases; the second case has no spleen, the last has neither.
NET_A = [("name", "liver", "spleen"), ("c1", 0.9, 0.8), ("c2", 0.7, ""), ("c3", 0.6, 0.5)]
NET_A += [("c4", "", "")]
NET_B = [("name", "liver", "spleen"), ("c1", 0.8, 0.8), ("c2", 0.6, ""), ("c4", "", "")]


def table(path: Path, rows: Cells) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return path


@pytest.fixture(autouse=True)
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def fault(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that a wrong input gets."""
    capsys.readouterr()
    assert main(["import", *words]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_a_table_of_each_algorithm_is_a_run() -> None:
    """The score of a case is its mean over the organs that are there; absent ones are counted."""
    table(Path("organs/net-a.csv"), NET_A)
    table(Path("organs/net-b.csv"), NET_B)
    assert main(["import", "organs"]) == 0
    result = api.load("organs/net-a").result()
    found = result.metrics
    assert found["overall_score"].value == pytest.approx((0.85 + 0.7 + 0.55) / 3)
    assert found["overall_score"].n == 3
    assert found["median_score"].value == pytest.approx(0.7)
    assert found["score:liver"].n == 3
    assert found["score:spleen"].value == pytest.approx(0.65)
    assert found["score_median:spleen"].n == 2
    assert any("3 of 8 cells of score are empty" in note for note in result.notes)
    assert any("1 case with no structure and no score" in note for note in result.notes)


def test_a_long_table_has_several_metrics_of_several_algorithms() -> None:
    """Dice is the score; a distance stands beside it in its unit, less being better."""
    rows: list[Sequence[object]] = [("case", "algorithm", "structure", "metric", "value")]
    for case, dice, far in (("c1", 0.9, 2.0), ("c2", 0.5, 10.0), ("c3", "", "")):
        for name in ("net-a", "net-b"):
            rows += [(case, name, "liver", "hd95", far), (case, name, "liver", "dice", dice)]
    table(Path("t.csv"), rows)
    assert main(["import", "cases", "t.csv", "--benchmark", "livers"]) == 0
    found = api.load("livers/net-b").result().metrics
    assert found["overall_score"].value == pytest.approx(0.7)
    assert (found["hd95:liver"].value, found["hd95:liver"].unit) == (6.0, "mm")
    assert not found["hd95:liver"].higher_is_better
    assert found["hd95:liver"].n == 2


def test_two_files_of_an_algorithm_are_two_metrics() -> None:
    """A folder for an algorithm, a file for a metric, as Touchstone has them."""
    table(Path("bench/net/dsc.csv"), NET_A)
    table(Path("bench/net/nsd.csv"), [NET_A[0], ("c1", 0.5, 0.5)])
    assert main(["import", "bench"]) == 0
    found = api.load("bench/net").result().metrics
    assert found["overall_score"].n == 3
    assert found["nsd_mean"].value == 0.5


def test_systems_are_only_compared_on_common_cases() -> None:
    """An algorithm that has few of the cases takes part all the same, and the others on its own."""
    rng = np.random.default_rng(0)
    names = [f"c{row}" for row in range(30)]
    a = [
        ("name", "liver"),
        *((name, float(v)) for name, v in zip(names, rng.random(30), strict=True)),
    ]
    b = [("name", "liver"), *a[1:9]]
    table(Path("few/a.csv"), a)
    table(Path("few/b.csv"), b)
    assert main(["import", "few"]) == 0
    board = leaderboard([api.load(f"few/{name}").result() for name in "ab"])
    assert (board.columns[0].common, board.columns[0].compared) == (8, "common")
    cells = [cell for standing in board.standings for cell in standing.cells.values()]
    assert {cell.n for cell in cells} == {8}
    assert cells[0].median == pytest.approx(np.median([value for _, value in a[1:9]]))


def test_pairs_are_tested_by_signed_ranks_with_holm_over_all() -> None:
    """Scipy's p of each pair; one that repeats another is not told apart from it."""
    rng = np.random.default_rng(1)
    base = rng.uniform(0.3, 0.6, 40)
    values = {"a": base, "b": base, "c": base + rng.uniform(-0.02, 0.3, 40)}
    for name, column in values.items():
        rows = [(f"c{row}", float(value)) for row, value in enumerate(column)]
        table(Path(f"three/{name}.csv"), [("name", "liver"), *rows])
    assert main(["import", "three"]) == 0
    found = api.compare([f"three/{name}" for name in "abc"], all_pairs=True)
    p = {(c.reference[-1], c.contender[-1]): c.overall.p for c in found.contrasts}
    expected = stats.wilcoxon(values["c"] - values["a"]).pvalue
    assert p == {("a", "b"): 1.0, ("a", "c"): pytest.approx(expected), ("b", "c"): p["a", "c"]}
    assert found.contrasts[1].overall.p_holm == pytest.approx(3 * expected)
    assert found.undivided == [["three/a", "three/b"]]
    rank = found.contrasts[1].tests.signed_rank
    assert rank is not None
    assert rank.ci95 is not None
    assert rank.ci95[0] < rank.shift < rank.ci95[1]
    assert main(["compare", "three/*", "--all-pairs"]) == 0
    assert main(["compare", "three/a", "three/c", "--methods"]) == 0


def test_groups_have_gaps_tests_and_an_equity_scaled_score() -> None:
    """Mann–Whitney with Holm over the pairs; a group of fewer than 10 cases is not compared."""
    rng = np.random.default_rng(2)
    value, sex = rng.uniform(0.2, 0.9, 44), ["f"] * 20 + ["m"] * 20 + ["x"] * 4
    rows = [(f"c{row}", float(each)) for row, each in enumerate(value)]
    table(Path("g/net.csv"), [("name", "liver"), *rows])
    table(Path("meta.csv"), [("id", "sex"), *((f"c{row}", each) for row, each in enumerate(sex))])
    assert main(["import", "g", "--metadata", "meta.csv"]) == 0
    found = api.load("g/net").result().metrics
    women, men = value[:20], value[20:40]
    assert found["sex:x"].n == 4
    assert {name for name in found if name.startswith("sex_test")} == {"sex_test:f – m"}
    assert found["sex_test:f – m"].value == pytest.approx(stats.mannwhitneyu(women, men).pvalue)
    assert found["sex_fairness:gap"].value == pytest.approx(abs(women.mean() - men.mean()))
    overall = value.mean()
    apart = abs(overall - women.mean()) + abs(overall - men.mean())
    assert found["sex_fairness:equity_scaled"].value == pytest.approx(overall / (1 + apart))


def test_cases_of_one_patient_are_one_unit() -> None:
    """A column of patients widens the interval, and no test takes their cases as independent."""
    rows = [(f"c{row}", 0.2 + 0.1 * (row // 4) + 0.001 * row) for row in range(24)]
    table(Path("p/a.csv"), [("name", "liver"), *rows])
    table(Path("p/b.csv"), [("name", "liver"), *((case, value / 2) for case, value in rows)])
    whose = [(f"c{row}", f"p{row // 4}") for row in range(24)]
    table(Path("meta.csv"), [("name", "patient_id"), *whose])
    assert main(["import", "p", "--metadata", "meta.csv"]) == 0
    found = api.load("p/a").result().metrics["overall_score"]
    assert (found.n, found.units) == (24, 6)
    assert api.compare(["p/a", "p/b"]).contrasts[0].tests.signed_rank is None


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("name", "liver"), ("c1", 0.5), ("c1", 0.6)], "t.csv:3: name: 'c1' is already on line 2"),
        ([("name", "liver"), ("c1", 95)], "expected score of 0 to 1, found 95: divide percentages"),
        ([("name", "liver"), ("c1", -0.5)], "expected score of 0 to 1, found -0.5"),
        ([("name", "liver"), ("c1", "nan")], "an absent structure is an empty cell, a missed one"),
        ([("name", "liver"), ("c1", "good")], "expected a number or an empty cell, found 'good'"),
        ([("name", "liver"), ("", 0.5)], "t.csv:2: name: expected a name, found an empty cell"),
        ([("organ", "liver"), ("c1", 0.5)], "expected a column of cases (name, case, case_id, or"),
        ([("name",), ("c1",)], "and one for each structure"),
        ([("name", "liver")], "expected a row for each case, found an empty file"),
    ],
)
def test_a_wrong_table_gets_one_line(
    rows: Cells, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where, what was expected, what was found."""
    table(Path("t.csv"), rows)
    assert said in fault(capsys, "cases", "t.csv")


def test_wrong_options_get_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Metrics, groups and structures that do not fit."""
    table(Path("o/a.csv"), NET_A)
    table(Path("o/b.csv"), [("name", "liver", "lung"), ("c1", 0.5, 0.5)])
    table(Path("d/hd95.csv"), [("name", "liver"), ("c1", 3.5)])
    table(Path("meta.csv"), [("name", "sex"), ("z1", "f")])
    assert "expected the structures of 'a' in score, found others (lung" in fault(capsys, "o")
    one = ("cases", "o/a.csv")
    assert "expected --metadata FILE" in fault(capsys, *one, "--group", "sex")
    meta = ("--metadata", "meta.csv")
    assert "has none of the 4 cases" in fault(capsys, *one, *meta)
    table(Path("meta.csv"), [("name", "sex"), ("c1", "f"), ("c1", "m")])
    assert "'c1' is already on line 2" in fault(capsys, *one, *meta)
    table(Path("meta.csv"), [("name", "sex"), ("c1", "f")])
    assert "--group 'age': expected one of its" in fault(capsys, *one, *meta, "--group", "age")
    assert "expected a metric from 0 to 1 to rank by" in fault(capsys, "d")
    two = [("case", "structure", "metric", "value"), ("c1", "liver", "dice", 0.5)]
    table(Path("t.csv"), [*two, ("c1", "liver", "hd95", 3.5)])
    said = "--metric 'hd95': expected one from 0 to 1 that the files have (dice)"
    assert said in fault(capsys, "t.csv", "--metric", "hd95")
    long = [("case", "structure", "metric", "value"), *[("c1", "liver", "dice", 0.5)] * 2]
    table(Path("t.csv"), long)
    assert "dice of 'liver' for 'c1' is already on line 2" in fault(capsys, "t.csv")


def test_an_empty_cell_where_another_has_a_value_is_noted() -> None:
    """A structure that was missed has Dice 0: leaving it empty raises the mean."""
    table(Path("e/a.csv"), [("name", "liver"), ("c1", 0.5), ("c2", 0.7)])
    table(Path("e/b.csv"), [("name", "liver"), ("c1", ""), ("c2", 0.7)])
    assert main(["import", "e"]) == 0
    notes = api.load("e/b").result().notes
    assert any("1 cell of b are empty where another algorithm has a value" in n for n in notes)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-6, 6), min_size=1, max_size=70), st.booleans())
def test_signed_ranks_agree_with_scipy(values: list[int], ties: bool) -> None:
    """With zeros and ties, and without."""
    d = (
        np.array(values) / 7
        if ties
        else np.array(values) / 7 + np.arange(len(values)) * 1e-3 + 5e-4
    )
    found = signed_rank(d)
    assert found is not None
    if not d.any():
        assert found.p == 1
        return
    exact = len(d) <= 50 and len(np.unique(np.abs(d))) == len(d) and d.all()
    expected = stats.wilcoxon(d, method="exact" if exact else "asymptotic").pvalue
    assert found.p == signed_rank_p(d) == pytest.approx(expected, abs=1e-12)
    turned = signed_rank(-d)
    assert turned is not None
    assert (turned.p, turned.shift) == (pytest.approx(found.p), pytest.approx(-found.shift))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=12),
    st.lists(st.integers(0, 9), min_size=1, max_size=30),
    st.booleans(),
)
def test_rank_sums_agree_with_scipy(first: list[int], second: list[int], ties: bool) -> None:
    """Exact for few values, else approximate."""
    a, b = np.array(first, float), np.array(second, float)
    if not ties:
        a, b = a + np.arange(len(a)) * 1e-3, b + np.arange(len(b)) * 1e-3 + 5e-4
    whole = np.concatenate([a, b])
    tied = len(np.unique(whole)) < len(whole)
    if len(np.unique(whole)) == 1:
        assert mann_whitney(a, b).p == 1  # type: ignore[union-attr]
        return
    method = "exact" if min(len(a), len(b)) <= 8 and not tied else "asymptotic"
    found = mann_whitney(a, b)
    assert found is not None
    assert found.p == pytest.approx(stats.mannwhitneyu(a, b, method=method).pvalue, abs=1e-12)


def test_intervals_of_medians_and_shifts_cover() -> None:
    """Of 400 samples of a skewed distribution about 95 of 100 intervals hold the median."""
    rng = np.random.default_rng(3)
    samples = rng.exponential(size=(400, 25))
    found = [median_interval(sample) for sample in samples]
    held = np.mean([low <= np.log(2) <= high for low, high in filter(None, found)])
    assert 0.93 <= held <= 0.99
    symmetric = rng.normal(0.3, 1, size=(400, 25))
    shifts = [signed_rank(sample) for sample in symmetric]
    held = np.mean([s.ci95[0] <= 0.3 <= s.ci95[1] for s in shifts if s and s.ci95])
    assert 0.92 <= held <= 0.98
    assert median_interval([1, 2, 3]) is None


def test_runs_that_no_test_divides() -> None:
    """Neighbours in the order; a run within another is left out."""
    apart = np.zeros((4, 4), dtype=bool)
    apart[0, 2] = apart[2, 0] = apart[0, 3] = apart[3, 0] = True
    assert undivided(4, apart) == [[0, 1], [1, 2, 3]]
    assert undivided(2, np.ones((2, 2), dtype=bool)) == []
    assert float(equity_scaled(np.float64(0.8), list(np.array([0.7, 0.9])))) == pytest.approx(
        0.8 / 1.2
    )


TOUCHSTONE = DATA / "touchstone_per_case" / "totalsegmentator_results"


@needs("touchstone_per_case")
def test_touchstone_comes_out_as_computed_elsewhere() -> None:
    """Medians of case means on own and on common cases, means of organs, and three tests."""
    tables = {}
    for file in TOUCHSTONE.glob("*/dsc.csv"):
        of = read_wide(file, "dsc").values["dsc"]
        cases: dict[str, list[float]] = {}
        for values in of.values():
            for case, value in values.items():
                cases.setdefault(case, []).append(value)
        tables[file.parent.name] = (of, {c: float(np.mean(v)) for c, v in cases.items()})
    own = {name: float(np.median([*cases.values()])) for name, (_, cases) in tables.items()}
    common = set.intersection(*(set(cases) for _, cases in tables.values()))
    assert len(common) == 529

    def on_common(name: str) -> list[float]:
        return [tables[name][1][case] for case in sorted(common)]

    first = sorted(own, key=lambda name: -own[name])[:6]
    assert [round(own[name], 6) for name in first[:3]] == [0.871388, 0.871142, 0.870740]
    assert first[3:] == ["nnU-Net_MedNeXt", "nnU-Net_ResEncL", "_MedFormer"]
    medians = {name: float(np.median(on_common(name))) for name in tables}
    ranked = sorted(medians, key=lambda name: -medians[name])[:5]
    expected = [0.875090, 0.871388, 0.870740, 0.860079, 0.860075]
    assert [round(medians[name], 6) for name in ranked] == expected
    assert round(float(np.mean(on_common("nnU-Net_ResEncL"))), 6) == 0.790914
    organs = tables["nnU-Net_ResEncL"][0]
    other = tables["nnU-Net_U-Net"][0]
    means = {"aorta": 0.738378, "gall_bladder": 0.779873, "liver": 0.916996}
    means |= {"pancreas": 0.762824, "spleen": 0.917789, "stomach": 0.789142}
    for organ, mean in means.items():
        assert round(float(np.mean([*organs[organ].values()])), 6) == mean
    tests = {"liver": (443, -0.017040, 0.999999), "pancreas": (295, 0.011069, 0.056186)}
    for organ, (n, shift, one_sided) in (tests | {"aorta": (614, 0.027984, 0.000305)}).items():
        d = [organs[organ][case] - other[organ][case] for case in organs[organ]]
        found = signed_rank(d)
        assert found is not None
        assert (found.n, round(float(np.mean(d)), 6)) == (n, shift)
        half = found.p / 2
        assert round(1 - half if organ == "liver" else half, 6) == one_sided


@needs("touchstone_per_case")
def test_two_of_touchstone_are_imported_and_compared() -> None:
    """As a user does: both metrics, common cases, Wilcoxon's p by organ."""
    Path("ts").mkdir()
    for name in ("nnU-Net_ResEncL", "nnU-Net_U-Net"):
        (Path("ts") / name).symlink_to(TOUCHSTONE / name)
    files = [str(file) for file in sorted(Path("ts").glob("*/dsc.csv"))]
    assert main(["import", "cases", *files, "--benchmark", "ts"]) == 0
    found = api.compare(["ts/nnU-Net_U-Net", "ts/nnU-Net_ResEncL"]).contrasts[0]
    by_organ = {each.metric: each for each in found.slices}
    assert round(by_organ["dsc:pancreas"].p / 2, 6) == 0.056186
    assert round(by_organ["dsc:aorta"].difference, 6) == 0.027984
    assert by_organ["dsc:liver"].n == 443
