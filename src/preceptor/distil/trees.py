"""Boosted trees as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Trees", "check_trees", "from_predictors"]

_BATCH_ROWS = 2_000
#: Limit of a tree's levels; trained trees have far fewer.
_MAX_DEPTH = 64


class Trees(msgspec.Struct, frozen=True):
    """Nodes of all trees in shared arrays; a leaf is its own child.

    Attributes
    ----------
    feature, threshold
        A row goes left if its feature is at most the threshold.
    left, right
        Indices of the children, greater than their parent's.
    value
        Log-odds that a leaf adds.
    roots
        Index of each tree's root.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    roots: NDArray[np.int32]

    def total(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum the trees' values, shape (n,), for rows of features, shape (n, features)."""
        out = np.empty(len(features))
        children = np.column_stack([self.right, self.left]).ravel()
        for start in range(0, len(features), _BATCH_ROWS):
            part = np.ascontiguousarray(features[start : start + _BATCH_ROWS])
            row = np.arange(0, part.size, part.shape[1])[:, None]
            node = np.repeat(self.roots[None, :], len(part), axis=0)
            for _ in range(_MAX_DEPTH):
                left = part.take(row + self.feature.take(node)) <= self.threshold.take(node)
                below = children.take(2 * node + left)
                if np.array_equal(below, node):
                    break
                node = below
            out[start : start + len(part)] = self.value.take(node).sum(axis=1)
        return out


def from_predictors(trees: Sequence[Any]) -> Trees:
    """Convert the node tables of scikit-learn's ``HistGradientBoostingClassifier``."""
    sizes = [len(nodes) for nodes in trees]
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32)
    nodes = np.concatenate(list(trees))
    base = np.repeat(roots, sizes)
    own = np.arange(len(nodes), dtype=np.int32)
    leaf = nodes["is_leaf"].astype(bool)
    return Trees(
        feature=np.where(leaf, 0, nodes["feature_idx"]).astype(np.int32),
        threshold=np.where(leaf, 0.0, nodes["num_threshold"]),
        left=np.where(leaf, own, nodes["left"].astype(np.int64) + base).astype(np.int32),
        right=np.where(leaf, own, nodes["right"].astype(np.int64) + base).astype(np.int32),
        value=np.where(leaf, nodes["value"], 0.0),
        roots=roots,
    )


def check_trees(trees: Trees, features: int) -> str | None:
    """Find a fault in trees from a file; if None, evaluation ends and stays in bounds."""
    n = len(trees.feature)
    own = np.arange(n)
    if not n or not len(trees.roots):
        return "no trees"
    if not (np.isfinite(trees.value).all() and not np.isnan(trees.threshold).any()):
        return "a value that is not finite"
    if trees.feature.min() < 0 or trees.feature.max() >= features:
        return f"a feature outside 0 to {features - 1}"
    if trees.roots.min() < 0 or trees.roots.max() >= n:
        return "a root outside the nodes"
    inner = (trees.left != own) | (trees.right != own)
    children = np.concatenate([trees.left[inner], trees.right[inner]])
    if len(children) and (children.max() >= n or (children <= np.tile(own[inner], 2)).any()):
        return "a child before its parent"
    return None
