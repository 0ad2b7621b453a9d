"""Two masks of a structure → its metrics, with a rule for masks without a voxel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from preceptor.statistics.masks import cropped, diagonal, overlap, surface_distances
from preceptor.statistics.surface_elements import area_within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

__all__ = ["MaskRules", "definitions", "mask_metrics"]

_DISTANCES = ("hd", "hd95", "hd95_pooled", "assd")


class MaskRules(msgspec.Struct, frozen=True):
    """How masks are measured.

    Attributes
    ----------
    tolerances
        Of the normalised surface Dice, in mm.
    surfel
        Add it by area of surface elements (three dimensions), beside that by voxels.
    undefined
        Both masks empty: nothing is defined. Otherwise that is a perfect answer.
    penalty
        The distance where one of the masks is empty; None for the image's diagonal.
    """

    tolerances: tuple[float, ...] = (1.0,)
    surfel: bool = False
    undefined: bool = False
    penalty: float | None = None

    @property
    def nsd_names(self) -> list[str]:
        kinds = ("nsd_voxel", "nsd_surfel") if self.surfel else ("nsd_voxel",)
        return [f"{kind}@{tolerance:g}" for kind in kinds for tolerance in self.tolerances]


def mask_metrics(
    reference: Mask, predicted: Mask, spacing: Sequence[float], rules: MaskRules
) -> dict[str, float | None]:
    """All metrics of one structure in one case; None where one is not defined.

    ``missed`` is of structures that are there, ``false`` of those that are not; distances in mm.
    """
    if reference.shape != predicted.shape or len(spacing) != reference.ndim:
        raise ValueError("masks and spacing must have the same dimensions")
    found: dict[str, float | None] = {}
    small, other = cropped(reference, predicted)
    shared = overlap(small, other)
    there, said = bool(small.any()), bool(other.any())
    if there and said:
        found |= {"dice": shared.dice, "iou": shared.iou}
        found |= _surfaces(small, other, spacing, rules)
    elif there or said:
        far = diagonal(reference.shape, spacing) if rules.penalty is None else rules.penalty
        found |= {"dice": 0.0, "iou": 0.0, **dict.fromkeys(_DISTANCES, far)}
        found |= dict.fromkeys(rules.nsd_names, 0.0)
    else:
        good, near = (None, None) if rules.undefined else (1.0, 0.0)
        found |= {"dice": good, "iou": good, **dict.fromkeys(_DISTANCES, near)}
        found |= dict.fromkeys(rules.nsd_names, good)
    found |= {"sensitivity": shared.sensitivity, "precision": shared.precision}
    found["missed"] = float(not said) if there else None
    found["false"] = None if there else float(said)
    return found


def _surfaces(
    reference: Mask, predicted: Mask, spacing: Sequence[float], rules: MaskRules
) -> dict[str, float]:
    apart = surface_distances(reference, predicted, spacing)
    found = {
        "hd": apart.hausdorff,
        "hd95": apart.hausdorff95,
        "hd95_pooled": apart.hausdorff95_pooled,
        "assd": apart.average,
    }
    found |= {f"nsd_voxel@{each:g}": apart.within(each) for each in rules.tolerances}
    if rules.surfel:
        shares = area_within(reference, predicted, spacing, rules.tolerances)
        names = [f"nsd_surfel@{each:g}" for each in rules.tolerances]
        found |= dict(zip(names, shares, strict=True))
    return found


def definitions(rules: MaskRules) -> list[str]:
    """What the numbers mean, one sentence each."""
    far = "the image's diagonal" if rules.penalty is None else f"{rules.penalty:g} mm"
    both = "nothing is defined" if rules.undefined else "Dice 1 and distances 0"
    said = [
        "hd95 is the larger of the two directed 95th percentiles; hd95_pooled that of both.",
        f"Both masks empty: {both}. One empty: Dice 0 and {far}, counted as missed or false.",
        "nsd_voxel is the share of the voxels of both surfaces within the tolerance in mm.",
    ]
    if rules.surfel:
        said.append("nsd_surfel is the same by area of surface elements between voxels.")
    return said
