"""How much of a strong grader can a distilled one replace, and what becomes of the scores?

    PRECEPTOR_TEST_DATA=… python bench/cascade.py [--full] [--json FILE]

Real verdicts by GPT-4.1 on 20 runs of 200 answers; --full takes all 32, and more draws. A grader is
distilled on one half of the prompts and measured on the other, then the other way round, so every
verdict is judged by a model that has not seen its prompt. Then the strong grader's verdicts are
revealed for a share of the criteria:

- thresholded: the least sure are sent on, the rest is cut at ½;
- expected: the same are sent on, the rest counts with its probability;
- labels alone, PPI++: whole answers drawn at random, without and with the cheap scores;
- AIPW unsure + audit: three quarters of the calls for the most telling verdicts, one quarter drawn
  at random from the rest, weighted by its chance;
- AIPW Neyman: each verdict drawn with a chance in proportion to its expected spread;
- … + others' verdicts: the same, the probability also knowing what the strong grader said of the
  *other* systems' answers to the same prompt. That needs those to be graded already.

The truth for each run is its score with all of GPT-4.1's verdicts. Printed: agreement, error of the
run's score in points (0–100), coverage of 95 % intervals over repeated draws, whether a comparison
of baseline and harness comes out the wrong way round, and what error the number of verdicts allows.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from preceptor import benchmarks
from preceptor.bridges.graded import read_graded
from preceptor.distil.measures import macro_f1
from preceptor.distil.model import LOWEST
from preceptor.distil.train import distil
from preceptor.records import Graded
from preceptor.statistics.calibration import auroc, calibration_error
from preceptor.statistics.comparisons import clustered_difference
from preceptor.statistics.correction import (
    Corrected,
    cascade_estimate,
    cascade_scores,
    prediction_powered,
)
from preceptor.statistics.labelling import audit_chances, planned_error

SHARES = (0.05, 0.1, 0.2, 0.3, 0.5)
MAIN_SHARE = 0.2
Array = np.ndarray


class Runs(msgspec.Struct):
    """Every verdict of every run, one row each; ``keys`` number prompt and criterion together."""

    names: list[str]
    systems: list[str]
    p: Array
    y: Array
    w: Array
    run: Array
    answer: Array
    prompt: Array
    keys: Array


class Run(msgspec.Struct):
    """The rows of one run, or of several pooled."""

    p: Array
    y: Array
    w: Array
    answer: Array
    prompt: Array
    keys: Array

    @property
    def n(self) -> int:
        return len(np.unique(self.answer))

    @property
    def truth(self) -> float:
        return float((self.w * self.y).sum()) / self.n

    @property
    def spread(self) -> Array:
        return np.abs(self.w) * np.sqrt(self.p * (1 - self.p))


def load(folder: Path, full: bool) -> dict[str, tuple[str, list[Graded]]]:
    """Run → system and answers: 200 answers each, of one sampling or of all."""
    runs = read_graded(
        folder / "graded_responses_hard.jsonl.gz",
        benchmarks.get("healthbench-hard"),
        folder / "hard_892.jsonl",
    )
    return {
        run.name: (
            run.system,
            [Graded(each.example, 0, each.response, each.verdicts) for each in run.answers],
        )
        for run in runs
        if len(run.answers) >= 200 and (full or "-200rss-" in run.name)
    }


def cross_fitted(runs: dict[str, tuple[str, list[Graded]]], seed: int) -> Runs:
    """Probabilities for each half of the prompts by a grader distilled on the other half."""
    prompts = sorted({item.example.prompt_key for _, items in runs.values() for item in items})
    order = np.random.default_rng(seed).permutation(len(prompts))
    half = {prompts[place]: int(rank) % 2 for rank, place in enumerate(order)}
    models = []
    for side in (0, 1):
        train = {
            name: [item for item in items if half[item.example.prompt_key] == side]
            for name, (_, items) in runs.items()
        }
        begun = time.monotonic()
        models.append(distil(train, grader="GPT-4.1", seed=seed))
        measured = models[-1].card.held_out
        print(
            f"half {side + 1}: {measured.verdicts:,} verdicts on {measured.prompts} prompts, "
            f"AUROC {measured.auroc:.3f} within it, {time.monotonic() - begun:.0f} s",
            flush=True,
        )
    columns: dict[str, list[Any]] = {name: [] for name in Runs.__struct_fields__[2:]}
    known: dict[tuple[str, str], int] = {}
    number = {prompt: place for place, prompt in enumerate(prompts)}
    count = 0
    for place, (_, items) in enumerate(runs.values()):
        for item in items:
            key, criteria = item.example.prompt_key, item.example.criteria
            assert item.response is not None
            model = models[1 - half[key]]
            p = model.probabilities(item.example.messages, item.response.text, criteria)
            attainable = sum(max(0, each.points) for each in criteria)
            columns["p"] += p.tolist()
            columns["y"] += [float(bool(each and each.met)) for each in item.verdicts]
            columns["w"] += [each.points / attainable for each in criteria]
            columns["keys"] += [known.setdefault((key, c.text), len(known)) for c in criteria]
            for name, value in (("run", place), ("answer", count), ("prompt", number[key])):
                columns[name] += [value] * len(criteria)
            count += 1
    arrays = {name: np.array(values) for name, values in columns.items()}
    return Runs(list(runs), [system for system, _ in runs.values()], **arrays)


def with_others(data: Runs) -> Array:
    """Probabilities that also know the strong grader's verdicts on other systems' answers.

    A logistic regression of the verdict on the distilled log-odds and on the others' share of met
    for the same criterion; for each system fitted on the rest, whose "others" do not include it.
    """
    from sklearn.linear_model import LogisticRegression

    kinds = np.array(data.systems)[data.run]
    names, size = sorted(set(data.systems)), int(data.keys.max()) + 1
    met = {s: np.bincount(data.keys[kinds == s], data.y[kinds == s], size) for s in names}
    seen = {s: np.bincount(data.keys[kinds == s], minlength=size) for s in names}

    def table(rows: Array, others: list[str]) -> Array:
        k = data.keys[rows]
        odds = np.log(data.p[rows] / (1 - data.p[rows]))
        counts = sum((seen[s][k] for s in others), np.zeros(len(k)))
        shares = (sum((met[s][k] for s in others), np.zeros(len(k))) + data.p[rows]) / (counts + 1)
        known = counts / (counts + 1)
        prior = np.log(np.clip(shares, 0.02, 0.98) / np.clip(1 - shares, 0.02, 0.98))
        return np.column_stack([odds, odds * known, prior * known, np.sign(data.w[rows])])

    found = np.zeros(len(data.p))
    for target in names:
        rest = [name for name in names if name != target]
        parts = [
            (np.flatnonzero(kinds == name), [other for other in rest if other != name])
            for name in rest
        ]
        x = np.concatenate([table(*part) for part in parts])
        y = np.concatenate([data.y[rows] for rows, _ in parts])
        model = LogisticRegression().fit(x, y)
        rows = np.flatnonzero(kinds == target)
        found[rows] = model.predict_proba(table(rows, rest))[:, 1]
    return np.clip(found, LOWEST, 1 - LOWEST)


def part(data: Runs, rows: Array, p: Array | None = None) -> Run:
    q = data.p if p is None else p
    return Run(q[rows], *(getattr(data, name)[rows] for name in Run.__struct_fields__[1:]))


# What is done with a share of the strong grader's calls


def sent_on(run: Run, share: float) -> Array:
    """The least sure verdicts."""
    chosen = np.zeros(len(run.p), dtype=bool)
    chosen[np.argsort(np.abs(run.p - 0.5), kind="stable")[: round(share * len(run.p))]] = True
    return chosen


def unsure_and_audit(run: Run, share: float) -> Array:
    """Chance 1 for the most telling, with three quarters of the calls; the rest audited evenly."""
    m = len(run.p)
    sure = round(0.75 * share * m)
    chances = np.full(m, (share * m - sure) / (m - sure))
    chances[np.argsort(-run.spread, kind="stable")[:sure]] = 1.0
    return chances


def neyman(run: Run, share: float) -> Array:
    return audit_chances(run.spread, share * len(run.p), least=min(0.02, share / 4))


def by_verdict(
    run: Run, chances: Array, rng: np.random.Generator, common: Array | None = None
) -> tuple[Array, Array]:
    """Verdicts that a draw reveals; with ``common`` random numbers for prompt and criterion."""
    u = rng.random(len(run.p)) if common is None else common[run.keys]
    return np.where(u < chances, run.y, np.nan), chances


def by_answer(run: Run, share: float, rng: np.random.Generator, weight: float | None) -> Corrected:
    _, at = np.unique(run.answer, return_inverse=True)
    cheap, true = np.bincount(at, run.w * run.p), np.bincount(at, run.w * run.y)
    asked = np.isin(np.arange(run.n), rng.choice(run.n, round(share * run.n), replace=False))
    found = prediction_powered(cheap, np.where(asked, true, np.nan), weight=weight)
    assert found is not None
    return found


Way = Callable[[Run, float, np.random.Generator], Corrected]


def cascade(plan: Callable[[Run, float], Array]) -> Way:
    def way(run: Run, share: float, rng: np.random.Generator) -> Corrected:
        seen, chances = by_verdict(run, plan(run, share), rng)
        found = cascade_estimate(run.p, seen, run.w, chances, run.answer)
        assert found is not None
        return found

    return way


WAYS: dict[str, Way] = {
    "labels alone": lambda run, share, rng: by_answer(run, share, rng, 0.0),
    "PPI++": lambda run, share, rng: by_answer(run, share, rng, None),
    "AIPW unsure + audit": cascade(unsure_and_audit),
    "AIPW Neyman": cascade(neyman),
}
OTHERS = "AIPW Neyman + others' verdicts"


# Measuring


def agreement(data: Runs) -> list[dict[str, Any]]:
    """Agreement with the strong grader after the least sure are sent on, over all runs."""
    every = part(data, np.arange(len(data.p)))
    rows = []
    for share in (0.0, *SHARES, 0.7):
        chosen = sent_on(every, share)
        right = chosen | ((every.p >= 0.5) == (every.y > 0.5))
        found = clustered_difference(right.astype(float), every.prompt)
        assert found is not None
        cut = np.where(chosen, every.y, every.p)
        rows.append(
            {
                "share": share,
                "agreement": found.mean,
                "ci95": found.ci95,
                "macro_f1": macro_f1(cut, every.y),
            }
        )
    return rows


def fixed_errors(runs: list[Run], share: float, expected: bool) -> Array:
    """Estimate − truth of each run for the two ways without a random draw."""
    errors = []
    for run in runs:
        chosen = sent_on(run, share)
        rest = run.p if expected else (run.p >= 0.5).astype(float)
        errors.append(float((run.w * (np.where(chosen, run.y, rest) - run.y)).sum()) / run.n)
    return np.array(errors)


def drawn_errors(
    runs: list[Run], share: float, way: Way, draws: int, seed: int
) -> tuple[Array, Array, Array]:
    """Errors, hits of the interval, and half-widths, each of shape (runs, draws)."""
    rng = np.random.default_rng(seed)
    table = np.full((3, len(runs), draws), np.nan)
    for i, run in enumerate(runs):
        for j in range(draws):
            found = way(run, share, rng)
            table[0, i, j] = found.value - run.truth
            if found.run_ci95 is not None:
                low, high = found.run_ci95
                table[1, i, j] = low <= run.truth <= high
                table[2, i, j] = (high - low) / 2
    return table[0], table[1], table[2]


def summary(
    errors: Array, hits: Array | None = None, halves: Array | None = None
) -> dict[str, Any]:
    """In points; the run that comes off worst is that of the largest root mean square error."""
    points = 100 * np.atleast_2d(errors.T).T
    return {
        "mean_abs_error": float(np.abs(points).mean()),
        "bias_spread": float(points.mean(axis=1).std()),
        "worst_run": float(np.sqrt((points**2).mean(axis=1)).max()),
        "within_1_point": float((np.abs(points) <= 1).mean()),
        "coverage": None if hits is None else float(np.nanmean(hits)),
        "worst_coverage": None if hits is None else float(np.nanmean(hits, axis=1).min()),
        "half_width": None if halves is None else float(100 * np.nanmean(halves)),
    }


def score_errors(
    runs: list[Run], others: list[Run], draws: int, seed: int
) -> dict[str, dict[str, dict[str, Any]]]:
    """Share → way → summary."""
    table: dict[str, dict[str, dict[str, Any]]] = {}
    for share in SHARES:
        found = {
            "thresholded": summary(fixed_errors(runs, share, False)),
            "expected": summary(fixed_errors(runs, share, True)),
        }
        for name, way in WAYS.items():
            found[name] = summary(*drawn_errors(runs, share, way, draws, seed))
        found[OTHERS] = summary(*drawn_errors(others, share, WAYS["AIPW Neyman"], draws, seed))
        table[str(share)] = found
    return table


def pairs_of(names: list[str]) -> list[tuple[int, int]]:
    """Baseline and harness of one model, sampling and seed."""
    kinds = {}
    for place, name in enumerate(names):
        if not name.startswith("results-5-seeds"):
            continue
        sampling, condition = name.split("/")[:2]
        seed = re.findall(r"seed\d+", condition)[0]
        kinds[sampling, seed, condition.startswith("baseline")] = place
    return [
        (place, kinds[sampling, seed, False])
        for (sampling, seed, base), place in kinds.items()
        if base
    ]


def comparisons(
    pairs: list[tuple[Run, Run]], share: float, draws: int, seed: int
) -> dict[str, dict[str, float | None]]:
    """How often harness − baseline has the wrong sign, or an interval on the wrong side of 0."""
    rng = np.random.default_rng(seed)
    truths = np.array([b.truth - a.truth for a, b in pairs])
    size = max(int(each.keys.max()) for pair in pairs for each in pair) + 1
    found: dict[str, dict[str, float | None]] = {}
    for name, expected in (("thresholded", False), ("expected", True)):
        sides = [fixed_errors([pair[k] for pair in pairs], share, expected) for k in (0, 1)]
        found[name] = _reversals((truths + sides[1] - sides[0])[:, None], truths, None)
    for name, shared in (("AIPW Neyman, own draws", False), ("AIPW Neyman, common draws", True)):
        values, wrong = np.zeros((len(pairs), draws)), np.zeros((len(pairs), draws))
        for i, (a, b) in enumerate(pairs):
            plans = [neyman(a, share), neyman(b, share)]
            for j in range(draws):
                common = rng.random(size) if shared else None
                scores = []
                for run, plan in zip((a, b), plans, strict=True):
                    seen, chances = by_verdict(run, plan, rng, common)
                    scores.append(cascade_scores(run.p, seen, run.w, chances, run.answer))
                # Both runs answer the same prompts in one order.
                tested = clustered_difference(scores[1] - scores[0], _prompts(a))
                assert tested is not None
                values[i, j] = tested.mean
                low, high = tested.ci95
                wrong[i, j] = (low > 0 > truths[i]) or (high < 0 < truths[i])
        found[name] = _reversals(values, truths, wrong)
    return found


def _prompts(run: Run) -> Array:
    _, first = np.unique(run.answer, return_index=True)
    return run.prompt[first]


def _reversals(values: Array, truths: Array, wrong: Array | None) -> dict[str, float | None]:
    turned = np.sign(values) != np.sign(truths)[:, None]
    return {
        "reversed": float(turned.mean()),
        "pairs_ever_reversed": int(turned.any(axis=1).sum()),
        "falsely_significant": None if wrong is None else float(wrong.mean()),
        "rms_error": float(100 * np.sqrt(((values - truths[:, None]) ** 2).mean())),
    }


def arithmetic(runs: list[Run], share: float) -> dict[str, float]:
    """What error the verdicts' own variance allows, and what it would take for ± 1 point."""
    n = runs[0].n
    errors = 100 * np.array([planned_error(r.spread, neyman(r, share), r.n) for r in runs])
    se = float(np.sqrt((errors**2).mean()))
    flat = [planned_error(r.spread, np.full(len(r.p), share), r.n) for r in runs]
    left = []
    for run in runs:
        top = np.argsort(-run.spread)[: round(share * len(run.p))]
        rest = np.delete(run.spread, top)
        left.append(float(np.sqrt((rest**2).sum())) / run.n)
    return {
        "examples": n,
        "squared_weights_per_example": float(np.mean([(r.w**2).sum() / r.n for r in runs])),
        "left_variance": float(np.mean([(r.p * (1 - r.p)).mean() for r in runs])),
        "se_even_chances": 100 * float(np.sqrt(np.mean(np.square(flat)))),
        "se_neyman": se,
        "sd_if_perfectly_calibrated": 100 * float(np.sqrt(np.mean(np.square(left)))),
        "examples_for_1_point": n * (1.96 * se) ** 2,
    }


# Printing


def show(result: dict[str, Any]) -> None:
    print("\nAgreement with GPT-4.1 on unseen prompts (interval clustered by prompt)")
    print("  sent on   agreement            macro F1")
    for row in result["agreement"]:
        low, high = row["ci95"]
        print(
            f"{100 * row['share']:7.0f} %   {100 * row['agreement']:.1f} % "
            f"[{100 * low:.1f}, {100 * high:.1f}]   {row['macro_f1']:.3f}"
        )
    for title, key in (
        (f"Error of a run's score, points; {result['runs']} runs of 200 answers", "by_run"),
        ("The same with the runs of one system and sampling pooled (1,000 answers)", "pooled"),
    ):
        print(f"\n{title}")
        print(
            f"{'calls':>7}  {'way':32}{'mean |error|':>13}{'worst rms':>11}{'within 1':>10}"
            f"{'cover':>8}{'worst':>8}{'±':>7}"
        )
        for share, ways in result[key].items():
            for name, row in ways.items():
                cells = ["–", "–", "–"]
                if row["coverage"] is not None:
                    cells = [
                        f"{100 * row['coverage']:.1f}",
                        f"{100 * row['worst_coverage']:.1f}",
                        f"{row['half_width']:.1f}",
                    ]
                print(
                    f"{100 * float(share):5.0f} %  {name:32}{row['mean_abs_error']:13.2f}"
                    f"{row['worst_run']:11.2f}{100 * row['within_1_point']:8.0f} %"
                    f"{cells[0]:>8}{cells[1]:>8}{cells[2]:>7}"
                )
    print(f"\nHarness against baseline, {100 * MAIN_SHARE:.0f} % of the calls")
    for key, n in (("comparisons", "seed by seed"), ("comparisons_pooled", "seeds pooled")):
        for name, row in result[key].items():
            false = row["falsely_significant"]
            print(
                f"  {n}, {name:28} reversed {100 * row['reversed']:5.1f} %  "
                f"(ever: {row['pairs_ever_reversed']} of {row['pairs']})  "
                f"rms error {row['rms_error']:.2f}"
                + ("" if false is None else f"  falsely significant {100 * false:.1f} %")
            )
    print(f"\nThe arithmetic at {100 * MAIN_SHARE:.0f} % of the calls")
    for name, row in result["arithmetic"].items():
        print(f"  {name}:")
        print(
            f"    Σw² an example {row['squared_weights_per_example']:.2f}, p(1−p) left "
            f"{row['left_variance']:.3f}; standard error {row['se_neyman']:.2f} points "
            f"(even chances {row['se_even_chances']:.2f}); "
            f"± 1 point needs {row['examples_for_1_point']:,.0f} examples"
        )
        print(
            "    without any audit, were every probability exactly right: sd "
            f"{row['sd_if_perfectly_calibrated']:.2f} points"
        )


def verdict(result: dict[str, Any]) -> None:
    ways = result["by_run"][str(MAIN_SHARE)]
    own, more = ways["AIPW Neyman"], ways[OTHERS]
    near, cover = own["within_1_point"], own["coverage"]
    print(
        f"\nAim, every run within 1 point at {100 * MAIN_SHARE:.0f} % of the calls with intervals "
        f"that cover: {'reached' if near == 1 and cover >= 0.935 else 'not reached'}. Intervals "
        f"cover {100 * cover:.1f} %; {100 * near:.0f} % of the draws are within 1 point "
        f"({100 * more['within_1_point']:.0f} % with others' verdicts): a run of 200 answers has "
        "too few verdicts for more, see the arithmetic."
    )


def measure(data: Runs, draws: int, seed: int) -> dict[str, Any]:
    q = with_others(data)
    rows = [np.flatnonzero(data.run == place) for place in range(len(data.names))]
    runs, others = [part(data, each) for each in rows], [part(data, each, q) for each in rows]
    groups: dict[tuple[str, str], list[int]] = {}
    for place, name in enumerate(data.names):
        if name.startswith("results-5-seeds"):
            groups.setdefault((name.split("/")[0], data.systems[place]), []).append(place)
    together = [np.concatenate([rows[place] for place in places]) for places in groups.values()]
    pooled = [part(data, each) for each in together]
    kinds = list(groups)
    harness = [
        (a, b)
        for a, (sampling, system) in enumerate(kinds)
        for b, other in enumerate(kinds)
        if other[0] == sampling and other[1] == f"{system} [bodhi]"
    ]
    pairs = pairs_of(data.names)
    result: dict[str, Any] = {
        "runs": len(runs),
        "draws": draws,
        "auroc": auroc(data.p, data.y),
        "auroc_with_others": auroc(q, data.y),
        "macro_f1": macro_f1(data.p, data.y),
        "macro_f1_with_others": macro_f1(q, data.y),
        "calibration_error": calibration_error(data.p, data.y),
        "agreement": agreement(data),
        "expected_error_by_system": by_system(data),
        "by_run": score_errors(runs, others, draws, seed),
        "pooled": score_errors(pooled, [part(data, each, q) for each in together], draws, seed),
        "comparisons": comparisons([(runs[a], runs[b]) for a, b in pairs], MAIN_SHARE, draws, seed),
        "comparisons_pooled": comparisons(
            [(pooled[a], pooled[b]) for a, b in harness], MAIN_SHARE, draws, seed
        ),
        "arithmetic": {
            "a run of 200 answers": arithmetic(runs, MAIN_SHARE),
            "a run of 200 answers, with others' verdicts": arithmetic(others, MAIN_SHARE),
        },
    }
    for key, count in (("comparisons", len(pairs)), ("comparisons_pooled", len(harness))):
        for row in result[key].values():
            row["pairs"] = count
    return result


def by_system(data: Runs) -> dict[str, float]:
    """Expected − true score without any call of the strong grader, points: the systems' bias."""
    kinds = np.array(data.systems)[data.run]
    found = {}
    for system in sorted(set(data.systems)):
        here = kinds == system
        n = len(np.unique(data.answer[here]))
        found[system] = 100 * float((data.w * (data.p - data.y))[here].sum()) / n
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--full", action="store_true", help="All runs, 150 draws; 10 minutes.")
    parser.add_argument("--draws", type=int, help="Draws of each run and way.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="Write all numbers to this file.")
    options = parser.parse_args()
    folder = Path(os.environ.get("PRECEPTOR_TEST_DATA") or "nowhere") / "healthbench"
    if not (folder / "graded_responses_hard.jsonl.gz").exists():
        print("real data needed: set PRECEPTOR_TEST_DATA to a folder with healthbench/")
        return 0
    begun = time.monotonic()
    data = cross_fitted(load(folder, options.full), options.seed)
    draws = options.draws or (150 if options.full else 40)
    result = measure(data, draws, options.seed)
    print(
        f"\nOn unseen prompts: AUROC {result['auroc']:.3f}, macro F1 {result['macro_f1']:.3f}, "
        f"calibration error {100 * result['calibration_error']:.1f} %; with others' verdicts AUROC "
        f"{result['auroc_with_others']:.3f}, macro F1 {result['macro_f1_with_others']:.3f}"
    )
    print("Expected − true score without any strong call, points, by system:")
    for system, error in result["expected_error_by_system"].items():
        print(f"  {system:24}{error:+6.1f}")
    show(result)
    verdict(result)
    print(f"{time.monotonic() - begun:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
