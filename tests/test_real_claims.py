"""Claims on real runs, against computations written here from the raw file."""

from __future__ import annotations

import gzip
import itertools
import json
import shutil
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm

import preceptor
from data_fixtures import HEALTHBENCH, isolate, needs_data
from preceptor.analysis.comparison import Comparison
from preceptor.analysis.estimating import estimate
from preceptor.analysis.length import lengths
from preceptor.analysis.reliability import reliability
from preceptor.cli import main
from preceptor.results.pool import Side

pytestmark = needs_data

STORE = "real.db"
SIDES = {
    "gpt-4o-mini/baseline": "results-5-seeds-200rss-chatgpt4o-mini/baseline*",
    "gpt-4o-mini/bodhi": "results-5-seeds-200rss-chatgpt4o-mini/bodhi*",
    "gpt-4.1-mini/baseline": "results-5-seeds-200rss-gpt41mini/baseline*",
    "gpt-4.1-mini/bodhi": "results-5-seeds-200rss-gpt41mini/bodhi*",
}
#: (score, characters) of the answers to each prompt, in the order of the file.
Raw = dict[str, list[tuple[float, int]]]


@pytest.fixture(scope="module", autouse=True)
def _store(hard_store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, tmp_path_factory.mktemp("real"))
        shutil.copy(hard_store, STORE)
        yield


@pytest.fixture(scope="module")
def sides() -> list[Side]:
    return preceptor.sides([f"{label}={runs}" for label, runs in SIDES.items()], store=STORE)


@pytest.fixture(scope="module")
def comparison(sides: list[Side]) -> Comparison:
    return preceptor.compare(sides)


@pytest.fixture(scope="module")
def raw() -> dict[str, Raw]:
    """Scores straight from the file, by side."""
    rows = (HEALTHBENCH / "hard_892.jsonl").read_text("utf-8").splitlines()
    points = {
        row["prompt_id"]: [item["points"] for item in row["rubrics"]]
        for row in map(json.loads, rows)
    }
    found: dict[str, Raw] = {label: defaultdict(list) for label in SIDES}
    with gzip.open(HEALTHBENCH / "graded_responses_hard.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            for label, pattern in SIDES.items():
                if row["run"].startswith(pattern.rstrip("*")):
                    worth = points[row["prompt_id"]]
                    got = sum(p for p, met in zip(worth, row["criteria_met"], strict=True) if met)
                    score = got / sum(p for p in worth if p > 0)
                    found[label][row["prompt_id"]].append((score, len(row["response"])))
    return found


def pairs(raw: dict[str, Raw], model: str) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    base, bodhi = raw[f"{model}/baseline"], raw[f"{model}/bodhi"]
    for name, answers in base.items():
        yield name, np.array([b[0] - a[0] for a, b in zip(answers, bodhi[name], strict=True)])


@pytest.mark.parametrize(("place", "model"), [(0, "gpt-4o-mini"), (1, "gpt-4.1-mini")])
def test_the_harness_gain_by_example_by_answer_and_clustered(
    comparison: Comparison, raw: dict[str, Raw], place: int, model: str
) -> None:
    """The gain of the harness: paired by example, naive by answer, and clustered by prompt."""
    contrast = comparison.contrasts[place]
    assert (contrast.family, contrast.common) == (model, 662)
    each = dict(pairs(raw, model))
    means = np.array([values.mean() for values in each.values()])
    oracle = scipy.stats.ttest_1samp(means, 0)
    tests = contrast.tests
    assert tests.paired is not None
    assert tests.paired.mean == pytest.approx(means.mean())
    assert tests.paired.p == pytest.approx(oracle.pvalue)
    flat = np.concatenate(list(each.values()))
    naive = scipy.stats.ttest_1samp(flat, 0)
    assert tests.as_if_independent is not None
    assert tests.as_if_independent.n == 1000
    assert tests.as_if_independent.p == pytest.approx(naive.pvalue)
    groups = np.repeat(np.arange(len(each)), [len(values) for values in each.values()])
    fit = sm.OLS(flat, np.ones((len(flat), 1))).fit(
        cov_type="cluster", cov_kwds={"groups": groups}, use_t=True
    )
    assert tests.clustered is not None
    assert tests.clustered.clusters == 662
    assert tests.clustered.mean == pytest.approx(flat.mean())
    # statsmodels' correction for few clusters is another (CR1); with 662 they agree closely.
    ours = tests.clustered.ci95[1] - tests.clustered.ci95[0]
    low, high = fit.conf_int()[0]
    assert ours == pytest.approx(high - low, rel=0.01)
    naive_bounds = naive.confidence_interval()
    assert ours > 1.1 * (naive_bounds.high - naive_bounds.low)


def test_the_harness_gains_for_both_models_after_holm(comparison: Comparison) -> None:
    """What the real runs show: the harness helps both models, and costs communication quality."""
    first, second = comparison.contrasts
    assert first.overall.difference == pytest.approx(0.0813, abs=5e-4)
    assert second.overall.difference == pytest.approx(0.1713, abs=5e-4)
    for contrast in comparison.contrasts:
        assert contrast.overall.p_holm is not None
        assert contrast.overall.p_holm < 1e-9
        quality = next(s for s in contrast.slices if s.metric == "axis:communication_quality")
        assert quality.difference is not None
        assert quality.difference < -0.1
        assert quality.p_holm is not None
        assert quality.p_holm < 0.01


@pytest.mark.parametrize("place", range(4))
def test_worst_at_k_of_the_repeated_samples(
    sides: list[Side], raw: dict[str, Raw], place: int
) -> None:
    """Worst-at-2 and at-3 by enumeration of all choices among the answers to one prompt."""
    side = sides[place]
    for k in (2, 3):
        found = reliability(side, k)
        answers = [
            [score for score, _ in each] for each in raw[side.label].values() if len(each) >= k
        ]
        worst = [np.mean([min(c) for c in itertools.combinations(each, k)]) for each in answers]
        best = [np.mean([max(c) for c in itertools.combinations(each, k)]) for each in answers]
        assert found is not None
        assert found.n == len(answers) == {2: 258, 3: 71}[k]
        assert found.worst[-1] == pytest.approx(np.mean(worst))
        assert found.best[-1] == pytest.approx(np.mean(best))
        interval = found.worst_ci95[-1]
        assert interval is not None
        assert interval[0] < found.worst[-1] < interval[1]


@pytest.mark.parametrize("place", range(4))
def test_the_slope_of_score_on_length(sides: list[Side], raw: dict[str, Raw], place: int) -> None:
    """Within a prompt: least squares with a dummy for each prompt, errors clustered by prompt."""
    found = lengths(sides).sides[place]
    each = {name: a for name, a in raw[sides[place].label].items() if len({n for _, n in a}) > 1}
    group = np.repeat(np.arange(len(each)), [len(a) for a in each.values()])
    score = np.array([s for a in each.values() for s, _ in a])
    length = np.array([n for a in each.values() for _, n in a]) / 500
    design = np.column_stack([length, group[:, None] == np.arange(len(each))])
    fit = sm.OLS(score, design.astype(float)).fit()
    assert found.within_examples is not None
    assert found.within_examples.per_500 == pytest.approx(fit.params[0])
    # The jackknife by hand: the slope without each prompt.
    x = length - np.array([length[group == g].mean() for g in range(len(each))])[group]
    y = score - np.array([score[group == g].mean() for g in range(len(each))])[group]
    without = [
        (x @ y - x[group == g] @ y[group == g]) / (x @ x - x[group == g] @ x[group == g])
        for g in range(len(each))
    ]
    count = len(each)
    error = np.sqrt((count - 1) / count * ((np.array(without) - fit.params[0]) ** 2).sum())
    quantile = scipy.stats.t.ppf(0.975, count - 1)
    bounds = fit.params[0] - quantile * error, fit.params[0] + quantile * error
    assert found.within_examples.ci95 == pytest.approx(bounds, rel=1e-6)


def test_a_control_makes_a_sample_say_more(sides: list[Side]) -> None:
    """200 examples of the harness, with the baseline on all 662 as control: a narrower interval."""
    sample = preceptor.sides(["results-5-seeds-200rss-gpt41mini/bodhiv0.1.3-seed42*"], store=STORE)
    found = estimate(sample[0], sides[2])
    assert (found.n, found.n_total) == (200, 662)
    assert found.plain.se is not None
    assert found.controlled.se is not None
    assert found.controlled.se < found.plain.se


def test_comparison_json_is_complete(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command prints what the library returns."""
    texts = [f"{label}={runs}" for label, runs in list(SIDES.items())[:2]]
    capsys.readouterr()
    assert main(["compare", *texts, "--json", "--store", STORE]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["contrasts"][0]["overall"]["n"] == 662
    assert printed["contrasts"][0]["tests"]["as_if_independent"]["n"] == 1000
