"""How well does a part of the examples tell the score on all, and what helps?

    PRECEPTOR_TEST_DATA=… python bench/subset_error.py

Takes the score of real runs on all N examples, with real verdicts, as the truth, and estimates it
from 10, 20 and 40 % of the examples, again and again: by a simple random sample; with strata by
a helper's score, allocated in proportion or by Neyman's rule with a pilot's spread; with the helper
as control variate, alone and with strata; and by a sample enriched with the helper's hardest third,
reweighted. The helper is another system's run on the same examples, the same system's other seed,
or a cheaper grader of the same answers. That grader is SIMULATED: the real verdicts with 2, 4 or
6 % flipped at random, scored anew; a real one errs with a pattern.

Printed for each: the root mean square error in points (0–100 scale), its ratio to the simple random
sample's, and how many of the 95 % intervals held the truth. Below a ratio of 1 the helper saves
examples; the last table says how many.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np

from preceptor import benchmarks
from preceptor.bridges.graded import read_graded
from preceptor.bridges.imported import Answer
from preceptor.records import Graded
from preceptor.scoring import OVERALL, score_rubric
from preceptor.statistics.stratified import Estimate, control_variate_estimate, stratified_mean
from preceptor.statistics.subsets import (
    enriched_sample,
    quantile_strata,
    stratified_sample,
    stratum_spread,
)

BINS = 5
Scores = dict[str, list[float]]


class Case(msgspec.Struct, frozen=True):
    """Scores of the same N examples: the truth, the helper's, and a pilot's for Neyman's rule."""

    title: str
    truth: np.ndarray
    helper: np.ndarray
    pilot: np.ndarray | None = None


def score_of(answer: Answer, flips: float = 0.0, rng: np.random.Generator | None = None) -> float:
    """Score of an answer, after some of its verdicts are turned round."""
    verdicts = answer.verdicts
    if rng is not None:
        turned = rng.random(len(verdicts)) < flips
        verdicts = tuple(
            msgspec.structs.replace(verdict, met=not verdict.met) if turn else verdict
            for verdict, turn in zip(verdicts, turned, strict=True)
        )
    return score_rubric(Graded(answer.example, 0, answer.response, verdicts)).values[OVERALL]


def by_example(answers: list[Answer], score: Callable[[Answer], float]) -> Scores:
    """Example id → the scores of its answers, in order."""
    scores: Scores = defaultdict(list)
    for answer in answers:
        scores[answer.example.id].append(score(answer))
    return scores


def means(scores: Scores, names: list[str]) -> np.ndarray:
    return np.array([np.mean(scores[name]) for name in names])


def hard(folder: Path) -> dict[str, list[Answer]]:
    """System → its answers over five seeds of one sampling; 662 distinct examples each."""
    runs = read_graded(
        folder / "graded_responses_hard.jsonl.gz",
        benchmarks.get("healthbench-hard"),
        folder / "hard_892.jsonl",
    )
    systems: dict[str, list[Answer]] = defaultdict(list)
    for run in runs:
        if run.name.startswith("results-5-seeds-200rss-"):
            systems[run.system] += run.answers
    return systems


def cases(folder: Path, rng: np.random.Generator) -> Iterator[Case]:
    systems = hard(folder)
    scores = {name: by_example(answers, score_of) for name, answers in systems.items()}
    better, cheaper = scores["gpt-4.1-mini"], scores["gpt-4o-mini"]
    harness, pilot = scores["gpt-4.1-mini [bodhi]"], scores["gpt-4o-mini [bodhi]"]
    names = list(better)
    yield Case(
        "Hard, gpt-4.1-mini; helper: gpt-4o-mini",
        means(better, names),
        means(cheaper, names),
        means(pilot, names),
    )
    yield Case(
        "Hard, gpt-4.1-mini [bodhi]; helper: gpt-4.1-mini without harness",
        means(harness, names),
        means(better, names),
        means(pilot, names),
    )
    twice = [name for name in names if len(better[name]) > 1]
    yield Case(
        "Hard, gpt-4.1-mini, one seed; helper: its other seed",
        np.array([better[name][0] for name in twice]),
        np.array([better[name][1] for name in twice]),
        means(cheaper, twice),
    )
    answers = systems["gpt-4.1-mini"]
    for flips in (0.02, 0.06):
        noisy = by_example(answers, lambda each, share=flips: score_of(each, share, rng))
        yield Case(
            f"Hard, gpt-4.1-mini; helper: SIMULATED grader, {100 * flips:.0f} % verdicts flipped",
            means(better, names),
            means(noisy, names),
            means(cheaper, names),
        )
    (main,) = read_graded(folder / "graded_responses_main_100.jsonl", benchmarks.get("healthbench"))
    yield Case(
        "Main, 100 examples; helper: SIMULATED grader, 4 % verdicts flipped",
        np.array([score_of(each) for each in main.answers]),
        np.array([score_of(each, 0.04, rng) for each in main.answers]),
    )


def ways(case: Case) -> dict[str, Callable[[int, int], Estimate]]:
    """Name → an estimate from a sample of a size and a seed."""
    y, x, n_total = case.truth, case.helper, len(case.truth)
    strata = quantile_strata(x, BINS)
    population = Counter(strata)
    hardest = quantile_strata(x, 3)
    sides = [third == 0 for third in hardest]

    def random(size: int, seed: int) -> list[int]:
        return [int(i) for i in np.random.default_rng(seed).choice(n_total, size, replace=False)]

    def simple(size: int, seed: int) -> Estimate:
        return stratified_mean(y[random(size, seed)], [0] * size, {0: n_total})

    def stratified(size: int, seed: int) -> Estimate:
        chosen = stratified_sample(strata, size, seed=seed)
        return stratified_mean(y[chosen], [strata[i] for i in chosen], population)

    def neyman(size: int, seed: int) -> Estimate:
        assert spread is not None
        chosen = stratified_sample(strata, size, spread=spread, seed=seed)
        return stratified_mean(y[chosen], [strata[i] for i in chosen], population)

    def variate(size: int, seed: int) -> Estimate:
        chosen = random(size, seed)
        return control_variate_estimate(y[chosen], x[chosen], x)

    def both(size: int, seed: int) -> Estimate:
        chosen = stratified_sample(strata, size, seed=seed)
        labels = [strata[i] for i in chosen]
        return control_variate_estimate(y[chosen], x[chosen], x, strata=labels, strata_all=strata)

    def enriched(size: int, seed: int) -> Estimate:
        chosen = enriched_sample(hardest, 0, 3.5, size, seed)
        return stratified_mean(y[chosen], [sides[i] for i in chosen], Counter(sides))

    spread = None if case.pilot is None else stratum_spread(case.pilot, strata)
    found = {"simple random": simple, "strata, proportional": stratified}
    if spread is not None:
        found["strata, Neyman"] = neyman
    found |= {"control variate": variate, "strata + control variate": both}
    return found | {"hardest third ×3.5, reweighted": enriched}


def measure(case: Case, replications: int) -> float:
    """Print the case's table; the ratio of the control variate's error at 20 %."""
    n_total, truth = len(case.truth), float(case.truth.mean())
    r = float(np.corrcoef(case.truth, case.helper)[0, 1])
    print(f"\n{case.title}")
    print(
        f"N = {n_total}, score {100 * truth:.1f}, r = {r:.2f}, √(1−r²) = {(1 - r * r) ** 0.5:.2f}"
    )
    print(f"{'':32}" + "".join(f"{f'{share} %: rmse  ratio  cover':>30}" for share in (10, 20, 40)))
    plain: dict[int, float] = {}
    ratios: dict[tuple[str, int], float] = {}
    for name, estimate in ways(case).items():
        cells = []
        for share in (10, 20, 40):
            size = round(n_total * share / 100)
            found = [estimate(size, seed) for seed in range(replications)]
            errors = np.array([each.value - truth for each in found])
            rmse = float(np.sqrt((errors**2).mean()))
            plain.setdefault(share, rmse)
            ratios[name, share] = rmse / plain[share]
            given = [each.ci95 for each in found if each.ci95 is not None]
            cover = np.mean([low <= truth <= high for low, high in given]) if given else np.nan
            cells.append(f"{100 * rmse:14.2f}  {rmse / plain[share]:5.2f}  {100 * cover:5.1f} %")
        print(f"{name:32}" + "".join(f"{cell:>30}" for cell in cells))
    return ratios["control variate", 20]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--replications", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    folder = Path(os.environ.get("PRECEPTOR_TEST_DATA") or "nowhere") / "healthbench"
    if not (folder / "graded_responses_hard.jsonl.gz").exists():
        print("real data needed: set PRECEPTOR_TEST_DATA to a folder with healthbench/")
        return 0
    gains = {
        case.title: measure(case, options.replications)
        for case in cases(folder, np.random.default_rng(options.seed))
    }
    print("\nThe error of a simple random 20 % is reached with the control variate by")
    print("this share of all examples, as the variance goes with 1/n − 1/N:")
    for title, ratio in gains.items():
        print(f"{100 / (4 / ratio**2 + 1):5.1f} %  {title}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
