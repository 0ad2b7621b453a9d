"""Agreement of a panel of raters, and of one rater with the others, on any scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from preceptor.audit.agreement import Estimate, estimate, estimates
from preceptor.audit.families import family
from preceptor.audit.ratings import Ratings
from preceptor.errors import InputError, shorten
from preceptor.statistics.agreement import (
    Level,
    cohen_kappa,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
    observed_agreement,
)
from preceptor.statistics.icc import ICC, icc
from preceptor.statistics.rank_correlation import MOST_CELLS, kendall_tau, spearman_rho
from preceptor.statistics.sums import mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Panel", "PanelAudit", "RaterAgreement", "panel_audit"]


#: Limit of distinct labels: tables are labels × labels, and no practical scale has more.
_MAX_LABELS = 30


class Panel(msgspec.Struct, frozen=True):
    """Agreement of several raters with each other.

    Attributes
    ----------
    items
        Number of items rated by at least two of them.
    unanimous, majority
        Number of these items on which all agree, and on which more than half agree.
    counts
        Number of ratings by label.
    fleiss, ac1
        Fleiss' kappa and Gwet's AC1; None on an interval scale.
    alpha
        Krippendorff's alpha at the level of the scale.
    icc
        Computed on items that all rated; None on a nominal scale.
    """

    raters: list[str]
    items: int
    unanimous: int
    majority: int
    counts: dict[str, int]
    fleiss: Estimate | None
    ac1: Estimate | None
    alpha: Estimate
    icc: ICC | None


class RaterAgreement(msgspec.Struct, frozen=True):
    """Agreement of one rater with the others.

    Attributes
    ----------
    name
        The rater, or the subset of items: a category or a model.
    items
        Number of items rated by this rater and at least one other.
    observed
        Share of pairs with another rater that agree; None on an interval scale.
    kappa
        Cohen's kappa over these pairs: unweighted (nominal), quadratic weights (ordinal), None
        (interval).
    alpha
        Krippendorff's alpha over these pairs.
    bias, absolute
        Mean difference from the others' mean, and mean absolute difference. These and the rest are
        None on a nominal scale.
    spearman, kendall
        Rank correlations with the others' mean; None for over 1,000 distinct pairs of values.
    icc
        Computed with the others' mean as second rater.
    """

    name: str
    items: int
    observed: Estimate | None
    kappa: Estimate | None
    alpha: Estimate
    bias: Estimate | None
    absolute: Estimate | None
    spearman: Estimate | None
    kendall: Estimate | None
    icc: ICC | None


class PanelAudit(msgspec.Struct, frozen=True):
    """Audit of a table of ratings.

    Attributes
    ----------
    grader
        The rater compared with the others; None if each is in turn.
    panel
        Agreement of the raters without the grader; None if only one remains.
    raters
        The grader with the others; without a grader, each rater with the others.
    categories, models
        The grader's agreement on each category, and on the answers of each model.
    own, without_own
        The grader's agreement on answers of its own family, and of others; None if models are
        unknown or the file has no answer of that family.
    """

    source: str
    kind: str
    grader: str | None
    items: int
    prompts: int
    panel: Panel | None
    raters: list[RaterAgreement]
    categories: list[RaterAgreement]
    models: list[RaterAgreement]
    own: RaterAgreement | None
    without_own: RaterAgreement | None


def panel_audit(ratings: Ratings, grader: str | None = None, *, seed: int = 0) -> PanelAudit:
    """Audit raters on a nominal, ordinal or interval scale.

    Raises InputError for an unknown grader, no item with two raters, or too many distinct labels.
    """
    if not ((~np.isnan(ratings.table)).sum(axis=1) >= 2).any():
        raise InputError(f"{ratings.source}: expected items with two raters or more, found none")
    work = _PanelMeasures(ratings, seed)
    if work.level != "interval" and len(work.values) > _MAX_LABELS:
        raise InputError(
            f"{ratings.source}: expected at most {_MAX_LABELS} different labels, found "
            f"{len(work.values):,}; for numbers on a fine scale use --kind interval"
        )
    if grader is None:
        everyone = list(range(len(ratings.raters)))
        rest = [work.rater(name, place) for place, name in enumerate(ratings.raters)]
        return work.audit(None, work.panel(everyone), [one for one in rest if one is not None])
    own = ratings.column(grader)
    alone = work.rater(grader, own)
    if alone is None:
        raise InputError(f"--grader {shorten(grader)}: no item has its rating and another rater's")
    others = [place for place in range(len(ratings.raters)) if place != own]
    return work.audit(grader, work.panel(others), [alone])


def _steps(values: Sequence[float]) -> list[float] | None:
    """Every step of a scale of whole numbers, used or not; None for other scales."""
    low, high = min(values), max(values)
    if high - low >= _MAX_LABELS or any(value % 1 for value in values):
        return None
    return np.arange(low, high + 1).tolist()


class _PanelMeasures:
    """Measures of one table of ratings, with what they share."""

    def __init__(self, ratings: Ratings, seed: int) -> None:
        self.ratings, self.seed = ratings, seed
        self.prompts = ratings.prompts()
        self.level: Level = "nominal" if ratings.kind == "met" else ratings.kind
        self.values = np.unique(ratings.table[~np.isnan(ratings.table)]).tolist()
        self.steps = _steps(self.values) if self.level == "ordinal" else None

    def audit(
        self, grader: str | None, panel: Panel | None, raters: list[RaterAgreement]
    ) -> PanelAudit:
        items = self.ratings.items
        own = np.array(
            [bool(item.model) and family(item.model) == family(grader or "") for item in items]
        )
        named = np.array([bool(item.model) for item in items])
        split = grader is not None and (own & named).any()
        return PanelAudit(
            source=self.ratings.source,
            kind=self.ratings.kind,
            grader=grader,
            items=len(items),
            prompts=len(np.unique(self.prompts)),
            panel=panel,
            raters=raters,
            categories=self.parts(grader, [item.category for item in items]),
            models=self.parts(grader, [item.model for item in items]),
            own=self.part(grader, "own family", own) if split else None,
            without_own=self.part(grader, "other families", named & ~own) if split else None,
        )

    def parts(self, grader: str | None, labels: Sequence[str]) -> list[RaterAgreement]:
        if grader is None:
            return []
        known = sorted(set(labels) - {""})
        found = (self.part(grader, name, np.array(labels) == name) for name in known)
        return [one for one in found if one is not None]

    def part(self, grader: str | None, name: str, rows: NDArray[np.bool_]) -> RaterAgreement | None:
        assert grader is not None
        return self.rater(name, self.ratings.column(grader), rows)

    def panel(self, columns: Sequence[int]) -> Panel | None:
        table = self.ratings.table[:, columns]
        several = (~np.isnan(table)).sum(axis=1) >= 2
        if not several.any():
            return None
        table, prompts = table[several], self.prompts[several]
        counts = np.stack([(table == value).sum(axis=1) for value in self.values], axis=1)
        each, most = counts.sum(axis=1), counts.max(axis=1)
        statistics = [krippendorff_alpha(table, self.level)]
        if self.level != "interval":
            statistics += [fleiss_kappa(table), gwet_ac1(table, self.values)]
        found = estimates(statistics, prompts, seed=self.seed)
        return Panel(
            raters=[self.ratings.raters[place] for place in columns],
            items=len(table),
            unanimous=int((most == each).sum()),
            majority=int((2 * most > each).sum()),
            counts={} if self.level == "interval" else self._by_name(counts.sum(axis=0)),
            fleiss=found[1] if len(found) > 1 else None,
            ac1=found[2] if len(found) > 1 else None,
            alpha=found[0],
            icc=None if self.level == "nominal" else icc(table),
        )

    def _by_name(self, totals: NDArray[Any]) -> dict[str, int]:
        names = self.ratings.names
        return {
            names[int(value)] if names else f"{value:g}": int(total)
            for value, total in zip(self.values, totals, strict=True)
        }

    def rater(
        self, name: str, column: int, rows: NDArray[np.bool_] | None = None
    ) -> RaterAgreement | None:
        """Compare one rater with the others on all or some rows; None if they share no item."""
        table = self.ratings.table
        others = np.delete(table, column, axis=1)
        both = ~np.isnan(table[:, column]) & (~np.isnan(others)).any(axis=1)
        both = both if rows is None else both & rows
        if not both.any():
            return None
        mine, others, prompts = table[both, column], others[both], self.prompts[both]
        row, other = np.nonzero(~np.isnan(others))
        pairs = np.column_stack([mine[row], others[row, other]])
        paired = [krippendorff_alpha(pairs, self.level)]
        if self.level != "interval":
            paired.append(observed_agreement(pairs))
            weights: Literal["quadratic"] | None = "quadratic" if self.level == "ordinal" else None
            paired.append(cohen_kappa(pairs, weights, self.steps))
        found = estimates(paired, prompts[row], seed=self.seed)
        scaled = self._scaled(np.column_stack([mine, np.nanmean(others, axis=1)]), prompts)
        alpha, observed, kappa = (*found, None, None)[:3]
        assert alpha is not None
        return RaterAgreement(name, len(mine), observed, kappa, alpha, *scaled)

    def _scaled(
        self, ratings: Floats, prompts: NDArray[np.int64]
    ) -> tuple[Estimate | None, Estimate | None, Estimate | None, Estimate | None, ICC | None]:
        """Compute bias, absolute, spearman, kendall and icc of a rater and the others' mean."""
        if self.level == "nominal":
            return None, None, None, None, None
        apart = ratings[:, 0] - ratings[:, 1]
        bias, absolute = estimates([mean(apart), mean(np.abs(apart))], prompts, seed=self.seed)
        spearman = kendall = None
        if len(np.unique(ratings, axis=0)) <= MOST_CELLS:
            spearman = estimate(spearman_rho(ratings), prompts, seed=self.seed)
            kendall = estimate(kendall_tau(ratings), prompts, seed=self.seed)
        return bias, absolute, spearman, kendall, icc(ratings)
