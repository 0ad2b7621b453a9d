"""Feature vectors of real and generated images → FID, KID, precision, recall, density, coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from preceptor.records import Metric
from preceptor.scoring.sets import mean_metric
from preceptor.statistics.feature_sets import (
    frechet_distance,
    jackknife_interval,
    kernel_distance,
    neighbours,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["FEATURE_LABELS", "feature_metrics"]

FEATURE_LABELS = {
    "fid": "FID",
    "kid": "KID",
    "precision": "Precision",
    "recall": "Recall",
    "density": "Density",
    "coverage": "Coverage",
}
#: Subsets of KID, and their largest size.
_SUBSETS, _LARGEST = 100, 1000


def feature_metrics(
    real: Floats, generated: Floats, *, k: int = 5, seed: int = 0
) -> dict[str, Metric]:
    """Metrics of two sets of one size, shapes (n, d).

    KID is the mean over 100 subsets of at most 1,000 rows. The intervals of FID and KID are those
    of the delete-a-group jackknife; those of the others are over rows, with the neighbourhoods as
    they are.
    """
    if len(real) != len(generated):
        raise ValueError("FID, KID and their kin compare sets of one size")
    fid = frechet_distance(real, generated)
    kid = _kid(real, generated, seed)
    found = {
        "fid": _distance(fid, jackknife_interval(frechet_distance, real, generated, fid), real),
        "kid": _distance(kid, jackknife_interval(kernel_distance, real, generated, kid), real),
    }
    near = neighbours(real, generated, k)
    ids = [str(row) for row in range(len(real))]
    for name in ("precision", "recall", "density", "coverage"):
        found[name] = mean_metric(getattr(near, name), ids, share=name != "density", lowest=0.0)
    found["density"] = msgspec.structs.replace(found["density"], unit="")
    return found


def _kid(real: Floats, generated: Floats, seed: int) -> float:
    size = min(len(real), _LARGEST)
    if size == len(real):  # all subsets are the whole set
        return kernel_distance(real, generated)
    rng = np.random.default_rng(seed)

    def drawn(rows: Floats) -> Floats:
        chosen: Floats = rows[rng.choice(len(rows), size, replace=False)]
        return chosen

    values = [kernel_distance(drawn(real), drawn(generated)) for _ in range(_SUBSETS)]
    return float(np.mean(values))


def _distance(value: float, interval: tuple[float, float] | None, rows: Floats) -> Metric:
    return Metric(
        value,
        value,
        len(rows),
        interval,
        interval,
        None,
        1.0,
        unit="",
        higher_is_better=False,
        units=len(rows),
    )
