"""Two masks of one grid: what they share, and how far their surfaces are apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import scipy  # its parts are imported where they are first used

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

__all__ = ["Distances", "Overlap", "cropped", "diagonal", "overlap", "surface_distances"]


class Overlap(msgspec.Struct, frozen=True):
    """Voxels in both masks, in the predicted one alone, and in the reference alone."""

    both: int
    predicted: int
    reference: int

    @property
    def dice(self) -> float | None:
        """2·TP / (2·TP + FP + FN), 0 to 1; None where both masks are empty."""
        return _ratio(2 * self.both, 2 * self.both + self.predicted + self.reference)

    @property
    def iou(self) -> float | None:
        return _ratio(self.both, self.both + self.predicted + self.reference)

    @property
    def sensitivity(self) -> float | None:
        return _ratio(self.both, self.both + self.reference)

    @property
    def precision(self) -> float | None:
        return _ratio(self.both, self.both + self.predicted)


class Distances(msgspec.Struct, frozen=True):
    """From each surface voxel of one mask to the nearest of the other, in the spacing's unit.

    Attributes
    ----------
    forth
        From the reference's surface to the predicted one, shape (voxels,); ``back`` the other way.
    """

    forth: Any
    back: Any

    @property
    def hausdorff(self) -> float:
        """The largest distance of both directions."""
        return float(max(self.forth.max(), self.back.max()))

    @property
    def hausdorff95(self) -> float:
        """The larger of the two directed 95th percentiles."""
        return float(max(np.percentile(self.forth, 95), np.percentile(self.back, 95)))

    @property
    def hausdorff95_pooled(self) -> float:
        """The 95th percentile of the distances of both directions together."""
        return float(np.percentile(self.pooled, 95))

    @property
    def average(self) -> float:
        """Average symmetric surface distance: the mean over the voxels of both surfaces."""
        return float(self.pooled.mean())

    @property
    def pooled(self) -> Floats:
        return np.concatenate([self.forth, self.back])

    def within(self, tolerance: float) -> float:
        """Share of the voxels of both surfaces that are at most ``tolerance`` from the other."""
        return float((self.pooled <= tolerance).mean())


def overlap(reference: Mask, predicted: Mask) -> Overlap:
    """Count voxels."""
    both = int(np.count_nonzero(reference & predicted))
    return Overlap(
        both, int(np.count_nonzero(predicted)) - both, int(np.count_nonzero(reference)) - both
    )


def surface_distances(reference: Mask, predicted: Mask, spacing: Sequence[float]) -> Distances:
    """Distances between the surfaces of two masks, of which neither is empty.

    The surface of a mask is what an erosion takes away, with 4 neighbours in two dimensions and 6
    in three; beyond the image there is nothing.

    Parameters
    ----------
    spacing
        Distance of neighbours along each axis of the arrays, in their order.
    """
    ours, theirs = _surface(reference), _surface(predicted)
    transform = scipy.ndimage.distance_transform_edt
    return Distances(
        transform(~theirs, sampling=spacing)[ours], transform(~ours, sampling=spacing)[theirs]
    )


def diagonal(shape: Sequence[int], spacing: Sequence[float]) -> float:
    """Length of an image's diagonal, in the spacing's unit."""
    return float(np.linalg.norm(np.array(shape) * np.array(spacing)))


def cropped(reference: Mask, predicted: Mask) -> tuple[Mask, Mask]:
    """Both masks within the smallest box that has all of both."""
    union = reference | predicted
    box = []
    for axis in range(union.ndim):
        others = tuple(other for other in range(union.ndim) if other != axis)
        places = np.flatnonzero(union.any(axis=others))
        box.append(slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, 0))
    return reference[tuple(box)], predicted[tuple(box)]


def _surface(mask: Mask) -> Mask:
    inner: Mask = scipy.ndimage.binary_erosion(mask)
    return mask & ~inner


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
