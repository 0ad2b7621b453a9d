"""Surface elements of a mask: the pieces of surface between eight neighbouring voxels.

A piece lies within the cube of eight voxel centres. Its corners are the middles of those edges of
the cube that join a voxel inside with one outside. Where opposite corners of a face are alike, the
corners of the smaller side (inside, where both have four) are cut off one by one. Pieces of more
than three corners are cut into triangles so that their area is largest in a cube of sides 1; other
spacings keep these triangles. These are the areas of Lorensen & Cline's marching cubes (1987) as
Nikolov et al. (arXiv 1809.04430) use them for the surface Dice.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import scipy  # its parts are imported where they are first used

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

__all__ = ["area_within", "element_areas"]

_CORNERS = tuple(itertools.product((0, 1), repeat=3))
_EDGES = tuple(
    (a, b)
    for a, b in itertools.combinations(range(8), 2)
    if sum(x != y for x, y in zip(_CORNERS[a], _CORNERS[b], strict=True)) == 1
)
_MIDDLES = np.array([(np.array(_CORNERS[a]) + _CORNERS[b]) / 2 for a, b in _EDGES])
_Triangle = tuple[int, int, int]


def area_within(
    reference: Mask, predicted: Mask, spacing: Sequence[float], tolerances: Sequence[float]
) -> list[float]:
    """Share of the area of both surfaces that is at most each tolerance from the other, 0 to 1.

    The distance of an element is that of the cubes' centres. Both masks have three dimensions, and
    neither is empty.
    """
    areas = element_areas(tuple(spacing))
    ours, theirs = _codes(reference), _codes(predicted)
    near, total = np.zeros(len(tolerances)), 0.0
    for one, other in ((ours, theirs), (theirs, ours)):
        at = _cut(one)
        away = scipy.ndimage.distance_transform_edt(~_cut(other), sampling=spacing)[at]
        area = areas[one[at]]
        near += [float(area[away <= tolerance].sum()) for tolerance in tolerances]
        total += float(area.sum())
    return [float(each) for each in near / total]


@functools.cache
def element_areas(spacing: tuple[float, ...]) -> Floats:
    """Area of the piece of surface of each of the 256 cubes; bit i of a number is corner i."""
    scale = np.array(spacing)
    return np.array([_area(_triangles(code), scale) for code in range(256)])


def _codes(mask: Mask) -> NDArray[np.uint8]:
    """The number of each cube of eight neighbours, those half beyond the image included."""
    wide = np.pad(mask, 1)
    shape = tuple(size - 1 for size in wide.shape)
    codes = np.zeros(shape, dtype=np.uint8)
    for bit, corner in enumerate(_CORNERS):
        part = tuple(slice(c, c + size) for c, size in zip(corner, shape, strict=True))
        codes |= wide[part].astype(np.uint8) << bit
    return codes


def _cut(codes: NDArray[np.uint8]) -> Mask:
    found: Mask = (codes != 0) & (codes != 255)
    return found


def _area(triangles: Sequence[_Triangle], scale: Floats) -> float:
    total = 0.0
    for a, b, c in triangles:
        p, q, r = (_MIDDLES[edge] * scale for edge in (a, b, c))
        total += float(np.linalg.norm(np.cross(q - p, r - p))) / 2
    return total


@functools.cache
def _triangles(code: int) -> tuple[_Triangle, ...]:
    """The triangles of one cube, each by the edges that its corners are the middles of."""
    inside = [bool(code >> bit & 1) for bit in range(8)]
    if sum(inside) > 4:
        inside = [not each for each in inside]
    one = np.ones(3)
    found: list[_Triangle] = []
    for loop in _loops(inside):
        ways = [[(loop[i], loop[k], loop[j]) for i, k, j in cut] for cut in _cuts(0, len(loop) - 1)]
        largest = max(ways, key=lambda way: round(_area(way, one), 9))
        found += largest
    return tuple(found)


def _loops(inside: Sequence[bool]) -> list[list[int]]:
    """The outlines of the pieces, as edges in their order."""
    beside: dict[int, list[int]] = {}
    for face in _faces():
        for a, b in _lines(face, inside):
            beside.setdefault(a, []).append(b)
            beside.setdefault(b, []).append(a)
    loops = []
    while beside:
        loop = [next(iter(beside))]
        while True:
            ahead = next((each for each in beside.pop(loop[-1]) if each in beside), None)
            if ahead is None:
                break
            loop.append(ahead)
        loops.append(loop)
    return loops


def _lines(face: Sequence[int], inside: Sequence[bool]) -> list[tuple[int, int]]:
    """Where pieces meet a face: lines from edge to edge."""
    sides = [tuple(sorted((face[i], face[(i + 1) % 4]))) for i in range(4)]
    cut = [_EDGES.index((a, b)) for a, b in sides if inside[a] != inside[b]]
    if len(cut) < 4:
        return [(cut[0], cut[1])] if cut else []
    # Opposite corners are alike; face[1] lies between the first two sides.
    if inside[face[1]]:
        return [(cut[0], cut[1]), (cut[2], cut[3])]
    return [(cut[1], cut[2]), (cut[3], cut[0])]


def _faces() -> Iterator[list[int]]:
    for axis, side in itertools.product(range(3), (0, 1)):
        face = []
        for u, v in ((0, 0), (0, 1), (1, 1), (1, 0)):
            corner = [u, v]
            corner.insert(axis, side)
            face.append(_CORNERS.index((corner[0], corner[1], corner[2])))
        yield face


def _cuts(first: int, last: int) -> list[tuple[_Triangle, ...]]:
    """All ways to cut a polygon of these corners into triangles."""
    if last - first < 2:
        return [()]
    return [
        (*left, *right, (first, middle, last))
        for middle in range(first + 1, last)
        for left in _cuts(first, middle)
        for right in _cuts(middle, last)
    ]
