"""Boosted trees as plain arrays, and their evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Trees", "check_trees", "from_predictors"]

_ROWS_AT_ONCE = 2_000
#: Of any tree; a sound one has far fewer levels.
_DEEPEST = 64


class Trees(msgspec.Struct, frozen=True):
    """All nodes of all trees in one row; a leaf is its own child.

    Attributes
    ----------
    feature, threshold
        Go left where the feature is at most the threshold.
    left, right
        Positions of the children, behind their parent.
    value
        What a leaf adds to the log-odds.
    roots
        Where each tree begins.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    roots: NDArray[np.int32]

    def total(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum over the trees, shape (n,), of rows of features, shape (n, features)."""
        out = np.empty(len(features))
        for start in range(0, len(features), _ROWS_AT_ONCE):
            part = features[start : start + _ROWS_AT_ONCE]
            rows = np.arange(len(part))[:, None]
            node = np.repeat(self.roots[None, :], len(part), axis=0)
            for _ in range(_DEEPEST):
                left = part[rows, self.feature[node]] <= self.threshold[node]
                below = np.where(left, self.left[node], self.right[node])
                if np.array_equal(below, node):
                    break
                node = below
            out[start : start + len(part)] = self.value[node].sum(axis=1)
        return out


def from_predictors(trees: Sequence[Any]) -> Trees:
    """From the node tables of scikit-learn's ``HistGradientBoostingClassifier``, tree by tree."""
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
    """What is wrong with trees from a file, or None: then evaluating them ends, and in bounds."""
    n = len(trees.feature)
    own = np.arange(n)
    if not n or not len(trees.roots):
        return "no tree"
    if not (np.isfinite(trees.value).all() and not np.isnan(trees.threshold).any()):
        return "a value that is not a number"
    if trees.feature.min() < 0 or trees.feature.max() >= features:
        return f"a feature outside 0 to {features - 1}"
    if trees.roots.min() < 0 or trees.roots.max() >= n:
        return "a root outside the nodes"
    inner = (trees.left != own) | (trees.right != own)
    children = np.concatenate([trees.left[inner], trees.right[inner]])
    if len(children) and (children.max() >= n or (children <= np.tile(own[inner], 2)).any()):
        return "a child that is not behind its parent"
    return None
