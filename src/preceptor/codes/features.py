"""What the reranker knows of a query and each of its candidates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from preceptor.codes.index import CANDIDATES, Candidates, Index
from preceptor.codes.texts import MODIFIERS, WORDINGS, modifiers, wordings
from preceptor.installation import MissingExtra

__all__ = ["features", "names"]

Matrix = NDArray[np.float32]
_EXEMPLAR_SOURCES = ("like", "near")
_RATIOS = ("ratio", "token_sort", "token_set", "partial")
_FACTS = ("title_length", "title_words", "code_length", "has_parent", "has_children")


def names(*, exemplars: bool) -> list[str]:
    """The features in their order."""
    sources = [name for name in CANDIDATES if exemplars or name not in _EXEMPLAR_SOURCES]
    found = [f"{name}_{part}" for name in sources for part in ("score", "gap", "rank")]
    found += [*_RATIOS, "query_covered", "title_covered", "query_length", "query_words"]
    found += [*_FACTS, *WORDINGS, *(f"{name}_of_both" for name in WORDINGS)]
    found += [f"{name}_agrees" for name in MODIFIERS]
    found += ["parent_is_candidate", "children_are_candidates"]
    if exemplars:
        found += ["same_text", "same_text_share", "exemplars_of_code", "best_likeness"]
    return found


def features(index: Index, folded: str, found: Candidates) -> Matrix:
    """Of each candidate, (candidates, features)."""
    titles, rows = index.titles, found.rows
    columns: list[Matrix] = []
    for name in CANDIDATES:
        if name in found.scores:
            score = found.scores[name]
            columns += [score, found.best[name] - score, found.ranks[name]]
    columns.append(_ratios(folded, [titles.folded[row] for row in rows]))
    columns.append(np.array(titles.coverage.both_ways(folded, rows.tolist()), np.float32))
    ones = np.ones(len(rows), np.float32)
    columns += [ones * len(folded), ones * (folded.count(" ") + 1), titles.facts[rows]]
    asked = wordings([folded])
    columns.append(asked * titles.facts[rows][:, len(_FACTS) :])
    columns.append(modifiers([folded]) * titles.modifiers[rows])
    columns.append(_relatives(index, rows))
    if index.exemplars is not None:
        columns.append(_exemplars(index, folded, found))
    whole: Matrix = np.column_stack(columns).astype(np.float32)
    return whole


def _ratios(folded: str, titles: list[str]) -> Matrix:
    try:
        from rapidfuzz import fuzz
    except ImportError:
        raise MissingExtra("preceptor codes needs rapidfuzz", "codes") from None
    measures = (fuzz.ratio, fuzz.token_sort_ratio, fuzz.token_set_ratio, fuzz.partial_ratio)
    found = [[measure(folded, title) for measure in measures] for title in titles]
    return np.array(found, np.float32).reshape(len(titles), len(measures))


def _relatives(index: Index, rows: NDArray[np.intp]) -> Matrix:
    """Whether a candidate's parent, and how many of its children, are candidates too."""
    parents = [index.titles.codes.parents[row] for row in rows]
    here = set(rows.tolist())
    children = dict.fromkeys(here, 0)
    for parent in parents:
        if parent in children:
            children[parent] += 1
    found = [
        (parent in here, children[row]) for row, parent in zip(rows.tolist(), parents, strict=True)
    ]
    return np.array(found, np.float32).reshape(len(rows), 2)


def _exemplars(index: Index, folded: str, found: Candidates) -> Matrix:
    assert index.exemplars is not None
    assert index.frequency is not None
    same = index.exemplars.by_text.get(folded, {})
    total = sum(same.values()) or 1.0
    counts = np.array([same.get(row, 0.0) for row in found.rows.tolist()], np.float32)
    likeness = np.full(len(found.rows), found.best["like"], np.float32)
    return np.column_stack([counts, counts / total, index.frequency[found.rows], likeness])
