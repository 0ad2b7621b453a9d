"""Agreement on ratings from 1 to 7 of the same answers, such as an author's and a reviewer's.

Weighted kappa and alpha are those of ``preceptor audit --kind ordinal``. Each unit has its first
person in the first column, which is the author where the author rated it. Intervals resample whole
tasks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from preceptor.audit.agreement import Estimate, estimates
from preceptor.statistics.agreement import cohen_kappa, krippendorff_alpha, observed_agreement
from preceptor.statistics.icc import agreement_icc
from preceptor.studio.items.content import HIGHEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ScaleAgreement", "scale_agreement"]


class ScaleAgreement(msgspec.Struct, frozen=True):
    """Agreement over pairs of ratings; ``prompts`` are the tasks.

    ``kappa`` has quadratic weights, ``icc`` is ICC(2,1), ``alpha`` that of the ordinal level.
    """

    pairs: int
    prompts: int
    observed: Estimate
    kappa: Estimate
    icc: Estimate
    alpha: Estimate


def scale_agreement(pairs: Iterable[tuple[str, float, float]], *, seed: int = 0) -> ScaleAgreement:
    """All measures of pairs of ratings, each with its task."""
    listed = list(pairs)
    tasks = np.unique([task for task, *_ in listed], return_inverse=True)[1].ravel()
    ratings: NDArray[np.float64] = np.array([pair for _, *pair in listed], dtype=np.float64)
    statistics = [
        observed_agreement(ratings),
        cohen_kappa(ratings, "quadratic", range(1, HIGHEST + 1)),
        agreement_icc(ratings),
        krippendorff_alpha(ratings, "ordinal"),
    ]
    found = estimates(statistics, tasks, seed=seed)
    return ScaleAgreement(len(ratings), len(np.unique(tasks)), *found)
