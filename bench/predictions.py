"""Cluster bootstraps of predictions against the plain loop over scikit-learn's functions.

    python bench/predictions.py
    python bench/predictions.py --file yaib_aki_eicu_lr.csv.gz --loop 20

Without a file, hourly rows of stays are made up: as many as the AKI task of YAIB's eICU demo has.
Prints, in one run, the CPU time of AUROC, average precision and Brier over 1,000 resamples of whole
stays here, and of the same resamples by the loop (of which ``--loop`` are timed, and multiplied);
the largest difference of their numbers; and the time of one AUROC by both.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import time
from collections.abc import Callable

import numpy as np
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from preceptor.statistics.prediction import calibrating, discrimination
from preceptor.statistics.prediction.outcomes import Outcomes
from preceptor.statistics.prediction.resampling import Measures, draws, resampled

_ROWS, _STAYS = 78_205, 1_988


def made_up() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    stay = np.sort(rng.integers(0, _STAYS, _ROWS))
    risk = rng.beta(1, 8, _STAYS)[stay]
    score = np.clip(risk + rng.normal(0, 0.05, _ROWS), 0.001, 0.999)
    return (rng.random(_ROWS) < risk).astype(float), score, stay


def read(path: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    opened = gzip.open if path.endswith(".gz") else open
    with opened(path, "rt") as stream:
        rows = list(csv.DictReader(stream))
    y, score = (np.array([float(row[name]) for row in rows]) for name in ("y_true", "y_score"))
    stay = np.unique([row["group_id"] for row in rows], return_inverse=True)[1]
    return y, score, stay


def seconds(function: Callable[[], object], repeats: int = 1) -> float:
    """CPU seconds of one call, the best of some."""
    best = np.inf
    for _ in range(repeats):
        start = time.process_time()
        function()
        best = min(best, time.process_time() - start)
    return float(best)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file")
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--loop", type=int, default=20)
    options = parser.parse_args()
    y, score, stay = read(options.file) if options.file else made_up()
    stays = int(stay.max()) + 1
    print(f"{len(y):,} rows of {stays:,} stays, {int(y.sum()):,} positive")

    def ours() -> np.ndarray:
        rows = Outcomes(y, score, stay)
        functions = (discrimination.auroc, discrimination.average_precision, calibrating.brier)

        def of(drawn: np.ndarray | None) -> list[np.ndarray]:
            sums = rows.sums(drawn)
            return [function(sums) for function in functions]

        measures = Measures(("auroc", "ap", "brier"), of, len(y))
        return resampled([measures], stays, resamples=options.resamples)[0]

    found: list[np.ndarray] = []
    mine = seconds(lambda: found.append(ours()))
    order = np.argsort(stay, kind="stable")
    places = np.split(order, np.cumsum(np.bincount(stay, minlength=stays))[:-1])
    counts = next(draws(stays, options.loop, 0, options.loop))

    def loop() -> np.ndarray:
        numbers = []
        for count in counts:
            drawn = np.repeat(np.arange(stays), count.astype(int))
            rows = np.concatenate([places[each] for each in drawn])
            numbers.append(
                (
                    roc_auc_score(y[rows], score[rows]),
                    average_precision_score(y[rows], score[rows]),
                    brier_score_loss(y[rows], score[rows]),
                )
            )
        return np.array(numbers)

    plain: list[np.ndarray] = []
    theirs = seconds(lambda: plain.append(loop())) * options.resamples / options.loop
    apart = float(np.abs(found[0][: options.loop] - plain[0]).max())
    print(f"{options.resamples:,} resamples here: {mine:.2f} s CPU")
    print(f"the loop over scikit-learn: {theirs:.1f} s CPU (by {options.loop} resamples)")
    print(f"ratio 1 : {theirs / mine:.1f}; largest difference {apart:.1e}")
    one = seconds(lambda: discrimination.auroc(Outcomes(y, score).sums()), 7)
    other = seconds(lambda: roc_auc_score(y, score), 7)
    print(f"one AUROC: {1000 * one:.1f} ms here, {1000 * other:.1f} ms by scikit-learn")


if __name__ == "__main__":
    main()
