"""Two sets of feature vectors, of real and of generated images: FID, KID, PRDC."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import scipy  # its parts are imported where they are first used

from preceptor.statistics.intervals import Z95

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Neighbours", "frechet_distance", "jackknife_interval", "kernel_distance", "neighbours"]

#: Parts that the jackknife leaves out one by one.
_PARTS = 20


class Neighbours(msgspec.Struct, frozen=True):
    """What each row says of the four metrics, whose values are their means.

    Attributes
    ----------
    precision, density
        Of each generated row: whether it is in the neighbourhood of a real one, and of how many,
        divided by k.
    recall, coverage
        Of each real row: whether it is in the neighbourhood of a generated one, and whether its own
        has a generated one.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    density: NDArray[np.float64]
    coverage: NDArray[np.float64]


def frechet_distance(real: Floats, generated: Floats) -> float:
    """Squared Fréchet distance of two Gaussians with the sets' means and sample covariances.

    Heusel et al. (arXiv 1706.08500): |μ₁ − μ₂|² + tr(C₁ + C₂ − 2·√(C₁C₂)). Rows are images; it
    falls with the number of rows, so that only sets of one size can be compared.
    """
    apart = real.mean(axis=0) - generated.mean(axis=0)
    first, second = (np.atleast_2d(np.cov(each, rowvar=False)) for each in (real, generated))
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    # √(C₁C₂) has the eigenvalues of √(√C₁ C₂ √C₁), which is symmetric.
    shared = np.linalg.eigvalsh(root @ second @ root)
    trace = float(np.sqrt(np.clip(shared, 0, None)).sum())
    return float(apart @ apart + np.trace(first) + np.trace(second) - 2 * trace)


def kernel_distance(real: Floats, generated: Floats) -> float:
    """Unbiased squared maximum mean discrepancy under the kernel (x·y/d + 1)³.

    Bińkowski et al. (arXiv 1801.01401). It may be below 0, and is for a set with itself.
    """
    m, n, d = len(real), len(generated), real.shape[1]

    def kernel(a: Floats, b: Floats) -> Floats:
        found: Floats = (a @ b.T / d + 1) ** 3
        return found

    own, theirs = kernel(real, real), kernel(generated, generated)
    within = (own.sum() - np.trace(own)) / (m * (m - 1))
    within += (theirs.sum() - np.trace(theirs)) / (n * (n - 1))
    return float(within - 2 * kernel(real, generated).mean())


def jackknife_interval(
    statistic: Callable[[Floats, Floats], float],
    real: Floats,
    generated: Floats,
    value: float,
    *,
    seed: int = 0,
) -> tuple[float, float] | None:
    """The 95 % interval of a statistic of two sets, by the delete-a-group jackknife.

    Each set is split into 20 parts at random, and each part is left out in turn. Resamples would
    have rows twice, which both distances take for a difference of the sets. None of sets with fewer
    than 40 rows.
    """
    if min(len(real), len(generated)) < 2 * _PARTS:
        return None
    rng = np.random.default_rng(seed)
    variance = 0.0
    for place, rows in enumerate((real, generated)):
        parts = np.array_split(rng.permutation(len(rows)), _PARTS)
        without = []
        for part in parts:
            kept = np.delete(rows, part, axis=0)
            without.append(statistic(*((kept, generated) if place == 0 else (real, kept))))
        variance += (_PARTS - 1) * float(np.var(without))
    half = Z95 * variance**0.5
    return (value - half, value + half) if half > 0 else None


def neighbours(real: Floats, generated: Floats, k: int = 5) -> Neighbours:
    """Improved precision and recall, density and coverage.

    Kynkäänniemi et al. (arXiv 1904.06991), Naeem et al. (arXiv 2002.09797). The neighbourhood of a
    row is the ball that ends at the k-th nearest other row of its set; its edge is not in it.
    """
    distance = scipy.spatial.distance.cdist(real, generated)
    of_real, of_generated = _radii(real, k), _radii(generated, k)
    inside = distance < of_real[:, None]
    return Neighbours(
        precision=inside.any(axis=0).astype(np.float64),
        recall=(distance < of_generated[None, :]).any(axis=1).astype(np.float64),
        density=inside.sum(axis=0) / k,
        coverage=(distance.min(axis=1) < of_real).astype(np.float64),
    )


def _radii(rows: Floats, k: int) -> Floats:
    """Distance to the k-th nearest other row."""
    if len(rows) <= k:
        raise ValueError(f"a set must have more than {k} rows")
    distance = scipy.spatial.distance.cdist(rows, rows)
    found: Floats = np.partition(distance, k, axis=1)[:, k]
    return found
