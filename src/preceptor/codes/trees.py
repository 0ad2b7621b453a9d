"""LambdaMART (Burges 2010) by LightGBM, and its text file read as plain arrays.

The file is text that LightGBM itself reads. It is read here without LightGBM, whose parser trusts
what it is given: a search needs no LightGBM, and a damaged file is one line of complaint.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from preceptor.distil.trees import Trees, check_trees
from preceptor.errors import InputError
from preceptor.installation import MissingExtra

__all__ = ["MAX_TREES_BYTES", "ROUNDS", "parse_trees", "train_trees"]

ROUNDS = 250
#: Trained files have about 600 kB.
MAX_TREES_BYTES = 16 * 2**20
_SETTINGS: dict[str, Any] = {
    "objective": "lambdarank",
    "num_leaves": 15,
    "learning_rate": 0.06,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.6,
    "lambda_l2": 5.0,
    "lambdarank_truncation_level": 10,
    "deterministic": True,
    "force_row_wise": True,
    # One thread is as fast on two cores, and sums are then the same everywhere.
    "num_threads": 1,
    "verbosity": -1,
    "feature_pre_filter": False,
}
#: A node's kind: bit 0 categorical; bits 2 and 3 how a missing value is told from others.
_PLAIN_KINDS = {"0", "2"}


def train_trees(
    features: NDArray[np.float32],
    labels: NDArray[np.float32],
    groups: Sequence[int],
    *,
    names: Sequence[str],
    seed: int,
    weights: NDArray[np.float32] | None = None,
    rounds: int = ROUNDS,
) -> str:
    """Train; returns LightGBM's text.

    Parameters
    ----------
    features
        Of all candidates of all queries, (rows, features).
    labels
        1 for the right code.
    groups
        How many rows each query has, in order.
    weights
        Of each row.
    """
    try:
        import lightgbm
    except ImportError:
        raise MissingExtra("preceptor codes train needs lightgbm", "codes") from None
    data = lightgbm.Dataset(
        features, labels, weight=weights, group=list(groups), feature_name=list(names)
    )
    model = lightgbm.train({**_SETTINGS, "seed": seed}, data, num_boost_round=rounds)
    text: str = model.model_to_string()
    return text


def parse_trees(text: str, names: Sequence[str], called: str) -> Trees:
    """The trees of LightGBM's text, checked: evaluation ends and stays within its arrays.

    Raises InputError where the text is none, or was trained on other features.
    """
    head, *parts = re.split(r"^Tree=\d+$", text, flags=re.MULTILINE)
    known = re.search(r"^feature_names=(.*)$", head, re.MULTILINE)
    if known is None or not parts:
        raise InputError(f"{called}: expected trees as LightGBM writes them, found none")
    if known[1].split() != list(names):
        raise InputError(
            f"{called}: its features are not those of this version: train it again with "
            f"`preceptor codes train`"
        )
    try:
        trees = _joined([_tree(part) for part in parts])
        fault = check_trees(trees, len(names))
    except (ValueError, KeyError, IndexError, OverflowError) as error:
        raise InputError(f"{called}: a tree cannot be read: {error}") from None
    if fault is not None:
        raise InputError(f"{called}: expected whole trees, found {fault}")
    return trees


def _tree(text: str) -> dict[str, NDArray[Any]]:
    """One tree with its leaves as nodes behind its inner ones, each its own child."""
    lines = dict(
        line.split("=", 1)
        for line in text.split("end of trees", maxsplit=1)[0].split("\n")
        if "=" in line
    )
    leaves = int(lines["num_leaves"])
    values = np.array(lines["leaf_value"].split(), np.float64)
    inner = leaves - 1
    if not 1 <= leaves <= 4096 or len(values) != leaves or int(lines.get("num_cat", "0")):
        raise ValueError("its number of leaves, or a category")
    if not inner:
        return _whole(np.zeros(0, np.int32), np.zeros(0), np.zeros(0), np.zeros(0), values)
    if set(lines["decision_type"].split()) - _PLAIN_KINDS:
        raise ValueError("a node that is no plain threshold")
    feature = np.array(lines["split_feature"].split(), np.int32)
    threshold = np.array(lines["threshold"].split(), np.float64)
    given = [np.array(lines[name].split(), np.int32) for name in ("left_child", "right_child")]
    # A leaf is written as the complement of its number.
    left, right = (np.where(each < 0, inner + ~each, each) for each in given)
    if any(len(each) != inner for each in (feature, threshold, left, right)):
        raise ValueError("its lists are of different lengths")
    if any((each < 0).any() or (each >= inner + leaves).any() for each in (left, right)):
        raise ValueError("a child outside the tree")
    return _whole(feature, threshold, left, right, values)


def _whole(
    feature: NDArray[Any],
    threshold: NDArray[Any],
    left: NDArray[Any],
    right: NDArray[Any],
    values: NDArray[Any],
) -> dict[str, NDArray[Any]]:
    inner = len(feature)
    own = np.arange(inner, inner + len(values))
    return {
        "feature": np.concatenate([feature, np.zeros(len(values))]),
        "threshold": np.concatenate([threshold, np.zeros(len(values))]),
        "left": np.concatenate([left, own]),
        "right": np.concatenate([right, own]),
        "value": np.concatenate([np.zeros(inner), values]),
    }


def _joined(trees: list[dict[str, NDArray[Any]]]) -> Trees:
    sizes = [len(each["value"]) for each in trees]
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    shift = np.repeat(roots, sizes)
    whole = {name: np.concatenate([each[name] for each in trees]) for name in trees[0]}
    return Trees(
        feature=whole["feature"].astype(np.int32),
        threshold=whole["threshold"],
        left=(whole["left"] + shift).astype(np.int32),
        right=(whole["right"] + shift).astype(np.int32),
        value=whole["value"],
        roots=roots.astype(np.int32),
    )
