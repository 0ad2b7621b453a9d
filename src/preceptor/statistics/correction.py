"""What the strong grader would have said, from cheap scores of all and strong verdicts on some.

A cheap grader judges everything, a strong one (or a physician) a part that was drawn at random with
known chances. The cheap scores may be biased: that costs width, not truth, because each estimate is
the cheap mean plus the mean error that the labelled part shows. Two targets are kept apart:

- *the run*: the score that the strong grader would have given to these very answers. Only the draw
  of the labelled part is random (``run_se``, ``run_ci95``); with all labelled it has no error.
- *the system*: the mean over all such examples, these being a sample of them (``se``, ``ci95``);
  robust to several answers of one prompt.

Sources: Robins, Rotnitzky & Zhao (1994), J. Am. Stat. Assoc. 89:846 (augmented inverse-probability
weighting); Cassel, Särndal & Wretman (1976), Biometrika 63:615 (the same for a finite population);
Angelopoulos et al. (2023), Science 382:669 (prediction-powered inference) and arXiv 2311.01453
(PPI++: the weight of the cheap scores tuned).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import scipy  # its parts are imported where they are first used

from preceptor.statistics.comparisons import clustered_difference

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "Corrected",
    "cascade_estimate",
    "cascade_scores",
    "prediction_powered",
]


class Corrected(msgspec.Struct, frozen=True):
    """A mean score, estimated from cheap scores of all and strong ones of some.

    Attributes
    ----------
    value
        Unclipped.
    se, ci95
        Of the mean over all such examples, robust to examples of one cluster; None for fewer than
        two clusters or too few labels.
    run_se, run_ci95
        Of the score that labelling everything would have given; None for too few labels.
    weight
        λ of the cheap scores: 0 leaves them out, 1 trusts their differences fully.
    labelled, items
        How many were labelled, of how many that could be.
    n, clusters
        Examples, and clusters among them.
    """

    value: float
    se: float | None
    ci95: tuple[float, float] | None
    run_se: float | None
    run_ci95: tuple[float, float] | None
    weight: float
    labelled: int
    items: int
    n: int
    clusters: int


def prediction_powered(
    cheap: ArrayLike,
    true: ArrayLike,
    *,
    chances: ArrayLike | None = None,
    clusters: NDArray[Any] | None = None,
    weight: float | None = None,
) -> Corrected | None:
    """The mean of an expensive score, helped by a cheap one that every example has (PPI++).

    With L marking the labelled, π their chances, d = y − λf and d̄ its mean over the labelled with
    weights 1/π, each example gets a corrected score ::

        φ = λf + d̄ + (L/π)·(d − d̄)

    and the estimate is their mean. For a simple random sample that is λ·mean(f) + mean(d), PPI++
    exactly; its λ for a labelled set *apart* from the N unlabelled is this λ/(1 + n/N). λ is tuned
    by least squares over the labelled, weighted by (1 − π)/π²: the smallest variance that the
    labelled show. It is not held within 0 and 1: a cheap score on another scale helps as much.

    Parameters
    ----------
    cheap
        Shape (n,), finite: the cheap score of each example.
    true
        Shape (n,): the expensive score, NaN where there is none.
    chances
        Shape (n,), above 0 to 1: how likely each example was to be labelled, independently of the
        others. None for a simple random sample.
    clusters
        Shape (n,): labels of the prompts; None where each example is its own.
    weight
        λ, fixed beforehand; None tunes it.

    Returns
    -------
    None without a labelled example.

    Raises
    ------
    ValueError
        Shapes differ, a cheap score is not finite, a chance is not within (0, 1], or an example
        with chance 1 has no label.

    Notes
    -----
    The bias of the tuned λ and of d̄ is of the order 1/labels: from some 20 labels on intervals are
    right. `cascade_estimate` has none, at any number.
    """
    f, y, pi = _checked(cheap, true, chances)
    known = ~np.isnan(y)
    labelled = int(known.sum())
    if labelled == 0:
        return None
    # What is surely labelled has no error to spread; with everything sure, nothing is left to fit.
    drawn = known & (pi < 1)
    scale = np.where(drawn, (1 - pi) / pi**2, 0.0)
    tuned = weight is None
    inverse = np.where(drawn, 1 / pi, 0.0)
    slope, pull = _slope(f, y, scale, inverse) if weight is None else (float(weight), 1.0)
    d = np.where(known, y - slope * f, 0.0)
    shift = float(np.average(d, weights=inverse)) if drawn.any() else 0.0
    scores = slope * f + shift + np.where(known, (d - shift) / pi, 0.0)
    count = int(drawn.sum())
    sure, alike = bool((pi == 1).all()), bool(np.ptp(pi) == 0)
    draw = _Draw(scale * (pull * (d - shift)) ** 2, count, count - (2 if tuned else 1), alike, sure)
    return _corrected(scores, draw, clusters, weight=slope, labelled=labelled, items=len(f))


def cascade_estimate(
    probabilities: ArrayLike,
    verdicts: ArrayLike,
    weights: ArrayLike,
    chances: ArrayLike,
    examples: NDArray[Any],
    *,
    clusters: NDArray[Any] | None = None,
    together: NDArray[Any] | None = None,
) -> Corrected | None:
    """The mean score of a cascade: a cheap grader everywhere, the strong one where it was asked.

    Augmented inverse-probability weighting of single verdicts. For verdict k of example i with
    weight w = points / attainable points, the cheap grader's probability p of *met* and the chance
    π of asking the strong one (1 where the cheap one is unsure, the audit share elsewhere)::

        score_i = Σ_k w·(p + (L/π)·(v − p)),   se²(run) = Σ_L (1 − π)/π²·w²·(v − p)² / n²

    Both are unbiased over the draws whatever p is; p only makes the error small.

    Parameters
    ----------
    probabilities
        Shape (m,), 0 to 1: the cheap grader's, calibrated or not. A yes/no grader's 0 and 1 do.
    verdicts
        Shape (m,): the strong grader's, 0 or 1; NaN where it was not asked.
    weights
        Shape (m,): points over the sum of the example's positive points.
    chances
        Shape (m,), above 0 to 1: how likely each was to be asked, independently of the others.
    examples
        Shape (m,): the example (one answer) of each verdict.
    clusters
        Shape (m,): its prompt; None where each example is its own.
    together
        Shape (m,): labels of verdicts that may have been drawn as one, such as those of an answer:
        in se²(run) their errors are added before they are squared. None where each was drawn on
        its own.

    Returns
    -------
    None without an example.

    Raises
    ------
    ValueError
        As `prediction_powered`; or an example lies in two clusters.
    """
    p, v, pi = _checked(probabilities, verdicts, chances)
    w = np.asarray(weights, dtype=np.float64)
    if len(p) == 0:
        return None
    scores = cascade_scores(p, v, w, pi, examples)
    asked = ~np.isnan(v)
    drawn = asked & (pi < 1)
    errors: NDArray[Any] = np.sqrt(1 - pi[drawn]) / pi[drawn] * w[drawn] * (v[drawn] - p[drawn])
    if together is not None:
        errors = np.bincount(np.unique(together[drawn], return_inverse=True)[1], weights=errors)
    terms = errors**2
    groups = None
    if clusters is not None:
        _, first, inverse = np.unique(examples, return_index=True, return_inverse=True)
        groups = np.asarray(clusters)[first]
        if not np.array_equal(groups[inverse], np.asarray(clusters)):
            raise ValueError("cascade_estimate: the verdicts of one example are in two clusters")
    # No mean is taken off the errors, so no degree of freedom is paid.
    count = len(terms)
    draw = _Draw(terms, count, count, alike=False, sure=bool((pi == 1).all()))
    return _corrected(scores, draw, groups, weight=1.0, labelled=int(asked.sum()), items=len(p))


def cascade_scores(
    probabilities: ArrayLike,
    verdicts: ArrayLike,
    weights: ArrayLike,
    chances: ArrayLike,
    examples: NDArray[Any],
) -> Floats:
    """The corrected score of each example, in the order of its label: see `cascade_estimate`.

    Each is unbiased for the strong grader's score of that answer, though a single one may be far
    off. So two systems are compared on them as on scores: the mean of paired differences, and its
    interval, are right.
    """
    p, v, pi = _checked(probabilities, verdicts, chances)
    w = np.asarray(weights, dtype=np.float64)
    if w.shape != p.shape or np.shape(examples) != p.shape or not np.isfinite(w).all():
        raise ValueError("cascade_scores: expected one finite weight and one example a verdict")
    asked = ~np.isnan(v)
    corrected = w * (p + np.where(asked, (np.where(asked, v, 0.0) - p) / pi, 0.0))
    _, inverse = np.unique(examples, return_inverse=True)
    return np.bincount(inverse, weights=corrected).astype(np.float64)


class _Draw(msgspec.Struct, frozen=True):
    """What the labelled part says of its own error.

    ``terms`` add up to n² times the variance; ``drawn`` were labelled by chance; ``spare`` of them
    are left after what was fitted; ``alike`` where all had one chance, ``sure`` where it was 1.
    """

    terms: Floats
    drawn: int
    spare: int
    alike: bool
    sure: bool


def _checked(
    cheap: ArrayLike, true: ArrayLike, chances: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    f, y = np.asarray(cheap, dtype=np.float64), np.asarray(true, dtype=np.float64)
    if f.ndim != 1 or f.shape != y.shape or not np.isfinite(f).all() or np.isinf(y).any():
        raise ValueError("expected cheap scores, all finite, and as many true ones, NaN for none")
    known = ~np.isnan(y)
    if chances is None:
        pi = np.full(len(f), known.mean() if known.any() else 0.5)
    else:
        pi = np.asarray(chances, dtype=np.float64)
    if pi.shape != f.shape or not ((pi > 0) & (pi <= 1)).all():
        raise ValueError("expected one chance of being labelled for each, above 0 and up to 1")
    if (~known & (pi == 1)).any():
        raise ValueError("one that was sure to be labelled (chance 1) has no label")
    return f, y, pi


def _slope(f: Floats, y: Floats, scale: Floats, inverse: Floats) -> tuple[float, Floats | float]:
    """λ by least squares with an intercept, and how much more each error counts for its fitting.

    The second is Särndal's g (Model Assisted Survey Sampling 1992, section 6.6): above 1 for the
    labelled on the side where the rest lies. 0 and 1 where the labelled cannot tell a slope.
    """
    drawn = inverse > 0
    if drawn.sum() < 3:
        return 0.0, 1.0
    x = f - np.average(f, weights=inverse)
    t = np.where(drawn, y - np.average(y[drawn], weights=inverse[drawn]), 0.0)
    below = float(scale @ x**2)
    if below <= 1e-12 * float(scale.sum()):
        return 0.0, 1.0
    leverage = (
        x.mean() * inverse.sum() * np.where(drawn, scale * x / np.where(drawn, inverse, 1), 0)
    )
    return float(scale @ (x * t)) / below, 1 + leverage / below


def _error(draw: _Draw, n: int) -> tuple[float, float] | None:
    """Standard error of the draw, and its degrees of freedom; None for too few labels."""
    if draw.sure:
        return 0.0, 1.0
    if draw.spare < 1:
        return None
    variance = float(draw.terms.sum()) / n**2 * draw.drawn / draw.spare
    terms = draw.terms[draw.terms > 0]
    return math.sqrt(variance), draw.spare if draw.alike else _freedom(terms, draw.spare)


def _corrected(
    scores: Floats,
    draw: _Draw,
    clusters: NDArray[Any] | None,
    *,
    weight: float,
    labelled: int,
    items: int,
) -> Corrected:
    n, value = len(scores), float(scores.mean())
    groups = np.arange(n) if clusters is None else clusters
    error, found = _error(draw, n), clustered_difference(scores, groups)
    run_se = run_ci95 = se = ci95 = None
    if error is not None:
        run_se, run_ci95 = error[0], _interval(value, *error)
    if error is not None and found is not None:
        # The draw's error is a part of the spread between clusters, with fewer degrees of freedom.
        spread = (found.ci95[1] - found.mean) / float(scipy.special.stdtrit(found.df, 0.975))
        se = max(spread, error[0])
        rest = se**2 - error[0] ** 2
        parts = error[0] ** 4 / error[1] + rest**2 / found.df
        ci95 = _interval(value, se, se**4 / parts if parts > 0 else found.df)
    units = n if clusters is None else len(np.unique(clusters))
    return Corrected(value, se, ci95, run_se, run_ci95, weight, labelled, items, n, units)


def _freedom(terms: Floats, spare: int) -> float:
    """Degrees of freedom of a sum of squares: fewer than ``spare`` where a few terms carry it.

    Satterthwaite: 2·V²/Var(V), with Var(V) = Σ t² − (Σ t)²/m from the terms themselves; for
    normal errors of one spread it is their number.
    """
    if len(terms) < 2:
        return 1.0
    total = float(terms.sum())
    varies = float((terms**2).sum()) - total**2 / len(terms)
    return float(np.clip(2 * total**2 / varies, 1.0, spare)) if varies > 0 else float(spare)


def _interval(value: float, se: float, df: float) -> tuple[float, float]:
    half = float(scipy.special.stdtrit(df, 0.975)) * se if se > 0 else 0.0
    return value - half, value + half
