"""Training of a distilled grader on verdicts, with measures on held-out prompts.

There are two stages. A logistic regression on the criterion's hashed words, crossed with whether
the answer has them, learns which criteria are usually met; boosted trees combine its score with
similarity, lengths and points. Folds split prompts, so every score that feeds the trees (Wolpert
1992), the isotonic calibration or the measures comes from a fit without that prompt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from preceptor.distil.features import TERMS, Weights, answer_of, inverse_frequencies
from preceptor.distil.measures import measure
from preceptor.distil.model import (
    FORMAT,
    LOWEST,
    Card,
    Distilled,
    Measures,
    linear_score,
    rows_of,
)
from preceptor.distil.texts import text
from preceptor.distil.trees import from_predictors
from preceptor.errors import InputError
from preceptor.installation import MissingExtra
from preceptor.records import Graded
from preceptor.statistics.calibration import isotonic
from preceptor.version import VERSION

__all__ = ["FOLDS", "LEAST_PROMPTS", "LEAST_VERDICTS", "Examined", "distil", "examine"]

FOLDS = 5
LEAST_VERDICTS = 500
LEAST_PROMPTS = 20

Floats = NDArray[np.float64]
Say = Callable[[str], None]


class Examined(msgspec.Struct, frozen=True):
    """Verdicts with their features, one row each.

    Attributes
    ----------
    rows, terms
        Features, and buckets of the linear part.
    met
        0 or 1.
    weights
        Points over the attainable points of the example; 0 if none are attainable.
    prompts, runs, answers
        Index of the prompt, the run and the answer of each verdict.
    """

    rows: Floats
    terms: list[NDArray[np.int64]]
    met: Floats
    weights: Floats
    prompts: NDArray[np.int64]
    runs: NDArray[np.int64]
    answers: NDArray[np.int64]


def distil(
    graded: Mapping[str, Sequence[Graded]],
    *,
    grader: str,
    benchmarks: Sequence[str] = (),
    seed: int = 0,
    say: Say | None = None,
) -> Distilled:
    """Train on all verdicts of some runs, with measures on held-out prompts.

    Parameters
    ----------
    graded
        Run → its answers with verdicts by the grader to distil; ungraded ones are left out.
    grader, benchmarks
        Source of the verdicts, for the file's card.
    seed
        Seed of the folds and the trees.
    say
        Called with each step of the work.

    Raises
    ------
    InputError
        Fewer than LEAST_VERDICTS verdicts or LEAST_PROMPTS prompts, or all verdicts are equal.
    Unavailable
        scikit-learn is not installed.
    """
    _require_sklearn()
    tell = say or (lambda _: None)
    tell("counting words")
    weights = inverse_frequencies(_texts(graded))
    data = examine(graded, weights)
    n_prompts = len(np.unique(data.prompts))
    if len(data.met) < LEAST_VERDICTS or n_prompts < LEAST_PROMPTS:
        raise InputError(
            f"distil: expected at least {LEAST_VERDICTS:,} verdicts on {LEAST_PROMPTS} prompts, "
            f"found {len(data.met):,} on {n_prompts}"
        )
    if data.met.min() == data.met.max():
        raise InputError("distil: expected verdicts of met and of not met, found one kind only")
    folds = _folds(data.prompts, seed)
    tell(f"linear part on {len(data.met):,} verdicts of {n_prompts:,} prompts")
    scores, linear, first = _linear(data, folds)
    table = np.column_stack([data.rows, scores])
    raw = np.zeros(len(data.met))
    for fold in range(FOLDS):
        tell(f"trees, fold {fold + 1} of {FOLDS}")
        train, test = folds != fold, folds == fold
        raw[test] = _trees(table[train], data.met[train], seed).predict_proba(table[test])[:, 1]
    curve = isotonic(raw, data.met)
    tell("trees on all")
    booster = _trees(table, data.met, seed)
    held_out = measure(_cross_calibrated(raw, data.met, folds), data, folds=FOLDS, seed=seed)
    card = _card(data, seed, held_out, list(graded), list(benchmarks), grader)
    return Distilled(
        card,
        weights=weights,
        linear=linear,
        intercepts=(first, float(np.ravel(booster._baseline_prediction)[0])),
        trees=from_predictors([each[0].nodes for each in booster._predictors]),
        curve=(np.array(curve.scores), np.array(curve.probabilities)),
    )


def examine(graded: Mapping[str, Sequence[Graded]], weights: Weights) -> Examined:
    """Compute the features of every verdict, run by run."""
    rows, terms = [], []
    met, shares, answers, runs = [], [], [], []
    prompts: dict[str, int] = {}
    prompt_of = []
    count = 0
    for number, items in enumerate(graded.values()):
        for item in items:
            given = [each is not None and each.met is not None for each in item.verdicts]
            if item.response is None or item.response.failure is not None or not any(given):
                continue
            criteria = item.example.criteria
            # As a grader sees it: with the system prompt, if one was sent.
            asked = item.response.sent or item.example.messages
            answer = answer_of(asked, item.response.text, weights)
            pairs = [(each.text, float(each.points)) for each in criteria]
            kept = [pair for pair, known in zip(pairs, given, strict=True) if known]
            found, words = rows_of(answer, kept, weights)
            rows.append(found)
            terms += words
            met += [
                float(bool(each.met)) for each in item.verdicts if each and each.met is not None
            ]
            attainable = sum(max(0.0, points) for _, points in pairs)
            shares += [points / attainable if attainable else 0.0 for _, points in kept]
            place = prompts.setdefault(item.example.prompt_key, len(prompts))
            prompt_of += [place] * len(kept)
            runs += [number] * len(kept)
            answers += [count] * len(kept)
            count += 1
    return Examined(
        rows=np.concatenate(rows) if rows else np.zeros((0, 0)),
        terms=terms,
        met=np.array(met),
        weights=np.array(shares),
        prompts=np.array(prompt_of, dtype=np.int64),
        runs=np.array(runs, dtype=np.int64),
        answers=np.array(answers, dtype=np.int64),
    )


def _require_sklearn() -> None:
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise MissingExtra("distil: needs scikit-learn", "distil") from None


def _texts(graded: Mapping[str, Sequence[Graded]]) -> Any:
    """Count each distinct criterion, conversation and answer."""
    distinct: dict[str, None] = {}
    for items in graded.values():
        for item in items:
            distinct["\n".join(message.text for message in item.example.messages)] = None
            distinct.update((each.text, None) for each in item.example.criteria)
            if item.response is not None:
                distinct[item.response.text] = None
    return (text(content) for content in distinct)


def _folds(prompts: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Assign each row to a fold by its prompt."""
    numbers = np.unique(prompts)
    of_prompt = np.random.default_rng(seed).permutation(len(numbers)) % FOLDS
    return np.asarray(of_prompt[np.searchsorted(numbers, prompts)], dtype=np.int64)


def _linear(data: Examined, folds: NDArray[np.int64]) -> tuple[Floats, NDArray[np.float32], float]:
    """Score each fold by a fit on the others; also return coefficients and intercept of all."""
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    sizes = np.array([len(each) for each in data.terms])
    values = np.repeat(1 / np.sqrt(np.maximum(sizes, 1)), sizes)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    matrix = csr_matrix((values, np.concatenate(data.terms), ends), shape=(len(sizes), TERMS))

    def fit(chosen: NDArray[np.bool_]) -> tuple[NDArray[np.float32], float]:
        model = LogisticRegression(C=1.0, solver="liblinear", random_state=0, max_iter=200)
        model.fit(matrix[chosen], data.met[chosen])
        return model.coef_[0].astype(np.float32), float(model.intercept_[0])

    scores = np.zeros(len(sizes))
    for fold in range(FOLDS):
        part = fit(folds != fold)
        for row in np.flatnonzero(folds == fold):
            scores[row] = linear_score(*part, data.terms[row])
    return scores, *fit(np.ones(len(sizes), dtype=bool))


def _trees(table: Floats, met: Floats, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    large = len(met) > 10_000
    return HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_iter=300 if large else 100,
        max_leaf_nodes=31 if large else 7,
        min_samples_leaf=40,
        l2_regularization=5.0,
        max_features=0.3,
        early_stopping=False,
        random_state=seed,
    ).fit(table, met)


def _cross_calibrated(raw: Floats, met: Floats, folds: NDArray[np.int64]) -> Floats:
    """Calibrate each fold by the curve of the others."""
    found = np.zeros(len(raw))
    for fold in range(FOLDS):
        test = folds == fold
        found[test] = isotonic(raw[~test], met[~test])(raw[test])
    return np.clip(found, LOWEST, 1 - LOWEST)


def _card(  # noqa: PLR0917
    data: Examined,
    seed: int,
    held_out: Measures,
    runs: list[str],
    benchmarks: list[str],
    grader: str,
) -> Card:
    digest = hashlib.sha256()
    for array in (data.rows, data.met, data.weights, data.prompts):
        digest.update(np.ascontiguousarray(array).tobytes())
    return Card(
        format=FORMAT,
        version=VERSION,
        runs=runs,
        benchmarks=benchmarks,
        grader=grader,
        verdicts=len(data.met),
        answers=len(np.unique(data.answers)),
        prompts=len(np.unique(data.prompts)),
        met=float(data.met.mean()),
        data_hash=digest.hexdigest(),
        seed=seed,
        held_out=held_out,
    )
