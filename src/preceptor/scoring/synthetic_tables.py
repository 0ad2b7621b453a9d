"""A synthetic table against the real one that it should be like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from preceptor.records import Metric
from preceptor.scoring.predicted.numbers import metric
from preceptor.statistics.intervals import Z95
from preceptor.statistics.prediction.delong import delong
from preceptor.statistics.prediction.discrimination import auroc
from preceptor.statistics.prediction.outcomes import Outcomes, divided
from preceptor.statistics.prediction.resampling import spread_of
from preceptor.statistics.table_likeness import (
    Pooled,
    correlations,
    discriminator_scores,
    nearest,
    total_variation,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["TABLE_LABELS", "Column", "Likeness", "limited_tables", "table_metrics"]

TABLE_LABELS = {
    "ks_mean": "Mean KS distance of the columns of numbers",
    "tv_mean": "Mean total variation of the columns of categories",
    "correlation_difference": "Correlations: Frobenius norm of the difference",
    "correlation_mean": "Correlations: mean absolute difference of a pair",
    "discriminator_auroc": "AUROC of a discriminator",
    "ks": "KS distance, 0 to 1",
    "wasserstein": "Wasserstein distance, in standard deviations of the real column",
    "tv": "Total variation, 0 to 1",
    "missing": "Share missing: synthetic less real",
    "nearest": "Nearest real record",
    "nearest:ratio": "Median distance: synthetic / reference",
    "nearest:closer": "Synthetic no further than the reference's 5th percentile",
    "nearest:copies": "Synthetic equal to a real record",
}
_RESAMPLES, _SHUFFLES, _PARTS = 200, 100, 20
_AT_ONCE = 500_000
_FEW = 5
#: Rows of a table that are looked at.
_MOST = 5000


class Column(msgspec.Struct, frozen=True):
    """A column of both tables: numbers with NaN, or places of ``categories``, −1 where missing."""

    name: str
    real: Any
    other: Any
    categories: tuple[str, ...] | None = None


def limited_tables(
    columns: Sequence[Column], holdout: Sequence[Column] | None, *, seed: int = 0
) -> tuple[list[Column], list[Column] | None, list[str]]:
    """The columns, cut to 5,000 rows of each table at random, and how they are read."""
    rng = np.random.default_rng(seed)
    said = []
    chosen: list[dict[str, NDArray[np.intp]]] = []
    for which in (columns, holdout or ()):
        places = {}
        for side in ("real", "other") if which else ():
            size = len(getattr(which[0], side))
            places[side] = np.sort(rng.choice(size, min(size, _MOST), replace=False))
            if size > _MOST and which is columns:
                word = "real" if side == "real" else "synthetic"
                said.append(
                    f"{_MOST:,} of {size:,} {word} rows were drawn at random (seed {seed})."
                )
        chosen.append(places)
    cut = [_cut(columns, chosen[0])]
    cut.append(_cut(holdout, chosen[1] | {"real": chosen[0]["real"]}) if holdout else [])
    numbers = [column.name for column in columns if column.categories is None]
    said.append(
        f"{len(numbers)} columns of numbers, {len(columns) - len(numbers)} of categories (texts, "
        "or at most 10 different numbers). Distances have columns of numbers in standard "
        "deviations of the real ones; a category is 1 from another."
    )
    reference = "real records that were kept out" if holdout else "each real record, to the others"
    said.append(
        f"Reference of distances: {reference}. Discriminator: gradient boosting, five folds; rows "
        "that are copies of each other fall into other folds and push its AUROC below .5."
    )
    said.append(
        "Two equal tables: the 95th percentile of 100 shuffles of the rows between the tables; of "
        "nearest records what the reference has. Intervals of distances: jackknife, 20 parts."
    )
    return cut[0], cut[1] or None, said


def _cut(columns: Sequence[Column], places: Mapping[str, NDArray[np.intp]]) -> list[Column]:
    return [
        msgspec.structs.replace(
            column, real=column.real[places["real"]], other=column.other[places["other"]]
        )
        for column in columns
    ]


class Likeness(msgspec.Struct, frozen=True):
    """Metrics, and what two tables of one source would give: ``alike`` is the 95th percentile of
    distances between them, or the value that is expected."""

    metrics: dict[str, Metric]
    alike: dict[str, float]


def table_metrics(
    columns: Sequence[Column], holdout: Sequence[Column] | None = None, *, seed: int = 0
) -> Likeness:
    """All metrics of a synthetic table.

    A distance is biased upwards in each resample, so its interval is that of the jackknife over 20
    parts of each table, and beside it stands what the same rows give when they are shuffled between
    the tables.

    Parameters
    ----------
    holdout
        The same columns, with real rows that the synthetic ones were not made from as ``other``:
        the reference of distances. Without it that is each real row against the other real ones.
    """
    rng = np.random.default_rng(seed)
    n, m = len(columns[0].real), len(columns[0].other)
    whole = _statistics(columns, np.ones((1, n)), np.ones((1, m)))
    without = [_left_out(size, rng) for size in (n, m)]
    parts = [
        _statistics(columns, without[0], np.ones((_PARTS, m))),
        _statistics(columns, np.ones((_PARTS, n)), without[1]),
    ]
    found = {}
    for name, values in whole.items():
        value = float(values[0])
        variance = sum((_PARTS - 1) * float(np.var(part[name])) for part in parts)
        half = Z95 * variance**0.5
        low = value - half if name.startswith("missing") else max(0.0, value - half)
        interval = (low, value + half) if half > 0 else None
        found[name] = metric(value, interval, m, m, 1.0, "rows", higher_is_better=False)
    alike = _shuffled(columns, rng)
    found["discriminator_auroc"] = _told_apart(columns, seed)
    near, expected = _nearest(columns, holdout, rng)
    found |= near
    alike |= expected | {"discriminator_auroc": 0.5}
    return Likeness({name: found[name] for name in sorted(found, key=lambda n: ":" in n)}, alike)


def _left_out(size: int, rng: np.random.Generator) -> Floats:
    """How often each row is there, with each of the parts left out: (parts, rows)."""
    part = rng.permutation(size) % _PARTS
    left: Floats = (part != np.arange(_PARTS)[:, None]).astype(np.float64)
    return left


def _shuffled(columns: Sequence[Column], rng: np.random.Generator) -> dict[str, float]:
    """The 95th percentile of each distance when rows are shuffled between the tables."""
    n, m = len(columns[0].real), len(columns[0].other)
    both = [np.concatenate([column.real, column.other]) for column in columns]
    pooled = [
        msgspec.structs.replace(column, real=values, other=values)
        for column, values in zip(columns, both, strict=True)
    ]
    drawn: dict[str, list[Floats]] = {}
    size = max(1, _AT_ONCE // (n + m))
    for start in range(0, _SHUFFLES, size):
        number = min(size, _SHUFFLES - start)
        one = rng.permuted(np.tile(np.arange(n + m) < n, (number, 1)), axis=1).astype(np.float64)
        for name, values in _statistics(pooled, one, 1 - one).items():
            drawn.setdefault(name, []).append(np.abs(values))
    return {
        name: float(np.quantile(known, 0.95))
        for name, values in drawn.items()
        for known in [_known(np.concatenate(values))]
        if len(known)
    }


def _known(values: Floats) -> Floats:
    return values[~np.isnan(values)]


def _statistics(columns: Sequence[Column], one: Floats, two: Floats) -> dict[str, Floats]:
    """Of rows that are there so often: shapes (resamples, n) and (resamples, m)."""
    found: dict[str, Floats] = {}
    kinds: dict[str, list[Floats]] = {"ks": [], "tv": []}
    later: dict[str, Floats] = {}
    for column in columns:
        there = [_there(column, values) for values in (column.real, column.other)]
        gone = [1 - (w @ t) / w.sum(axis=1) for w, t in zip((one, two), there, strict=True)]
        if not (there[0].all() and there[1].all()):
            later[f"missing:{column.name}"] = gone[1] - gone[0]
        if column.categories is not None:
            counts = [
                np.stack(
                    [w @ (values == place) for place in range(len(column.categories))], axis=-1
                )
                for w, values in ((one, column.real), (two, column.other))
            ]
            later[f"tv:{column.name}"] = total_variation(*counts)
            kinds["tv"].append(later[f"tv:{column.name}"])
            continue
        if not (there[0].any() and there[1].any()):
            continue
        pooled = Pooled(column.real[there[0]], column.other[there[1]])
        ks, wasserstein = pooled.apart(one[:, there[0]], two[:, there[1]])
        later[f"ks:{column.name}"] = ks
        kinds["ks"].append(ks)
        spread = float(np.std(column.real[there[0]]))
        if spread > 0:
            later[f"wasserstein:{column.name}"] = wasserstein / spread
    for kind, values in kinds.items():
        if values:
            found[f"{kind}_mean"] = _mean(np.stack(values))
    found |= _correlated(columns, one, two)
    order = ("ks", "wasserstein", "tv", "missing")
    return found | {
        name: later[name] for name in sorted(later, key=lambda n: order.index(n.split(":")[0]))
    }


def _mean(values: Floats) -> Floats:
    """Over columns; one without a value in a table has no distance."""
    known = ~np.isnan(values)
    return divided(np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0).astype(np.float64))


def _there(column: Column, values: Any) -> NDArray[np.bool_]:
    there: NDArray[np.bool_] = np.isfinite(values) if column.categories is None else values >= 0
    return there


def _correlated(columns: Sequence[Column], one: Floats, two: Floats) -> dict[str, Floats]:
    """Numbers, and categories of two as 0 and 1."""
    chosen = [c for c in columns if c.categories is None or len(c.categories) == 2]
    if len(chosen) < 2:
        return {}
    sides = _plain(chosen)
    gaps = np.stack(
        [
            correlations(sides[1], other) - correlations(sides[0], real)
            for real, other in zip(one, two, strict=True)
        ]
    )
    pairs = np.triu_indices(len(chosen), 1)
    return {
        "correlation_difference": np.sqrt((gaps**2).sum(axis=(1, 2))),
        "correlation_mean": np.abs(gaps[:, pairs[0], pairs[1]]).mean(axis=1),
    }


def _plain(columns: Sequence[Column]) -> list[Floats]:
    """The rows of both tables in numbers, NaN where missing."""
    return [
        np.stack(
            [
                np.where(_there(column, values), values, np.nan)
                for column in columns
                for values in [getattr(column, side)]
            ],
            axis=1,
        )
        for side in ("real", "other")
    ]


def _told_apart(columns: Sequence[Column], seed: int) -> Metric:
    sides = _plain(columns)
    if min(map(len, sides)) < _FEW:
        return metric(None, None, 0, 0, 0.0, "rows", higher_is_better=False)
    scores = discriminator_scores(*sides, seed=seed)
    y = np.repeat([0.0, 1.0], [len(each) for each in sides])
    exact = delong(y, scores)
    value = float(auroc(Outcomes(y, scores, probability=False).sums()))
    interval = None if exact is None else exact.ci95
    return metric(value, interval, len(y), len(y), 1.0, "rows", higher_is_better=False)


def _nearest(
    columns: Sequence[Column], holdout: Sequence[Column] | None, rng: np.random.Generator
) -> tuple[dict[str, Metric], dict[str, float]]:
    """Distances to the nearest real record, and what those of the reference are."""
    real = _coordinates(columns, "real", columns)
    away = nearest(_coordinates(columns, "other", columns), real)
    if holdout is None:
        reference = nearest(real, real, themselves=True)
    else:
        reference = nearest(_coordinates(holdout, "other", columns), real)
    n, m = len(away), len(reference)
    names = ("nearest:ratio", "nearest:closer", "nearest:copies")
    drawn = np.array(
        [
            _compared(away[rng.integers(0, n, n)], reference[rng.integers(0, m, m)])
            for _ in range(_RESAMPLES)
        ]
    )
    found = {
        name: metric(
            value,
            spread_of(column).ci95,
            n,
            n,
            1.0,
            "rows",
            higher_is_better=name == "nearest:ratio",
        )
        for name, value, column in zip(names, _compared(away, reference), drawn.T, strict=True)
    }
    return found, dict(zip(names, (1.0, *_compared(reference, reference)[1:]), strict=True))


def _compared(away: Floats, reference: Floats) -> tuple[float, float, float]:
    """Ratio of medians, share no further than the reference's 5th percentile, share of copies."""
    middle = float(np.median(reference))
    return (
        float(np.median(away)) / middle if middle > 0 else np.nan,
        float((away <= np.quantile(reference, 0.05)).mean()),
        float((away == 0).mean()),
    )


def _coordinates(columns: Sequence[Column], side: str, scale: Sequence[Column]) -> Floats:
    """Rows in a space: numbers in standard deviations of the real ones, a category 1 from another.

    A missing number is the mean, one away along an axis of its own.
    """
    axes: list[Floats] = []
    for column, about in zip(columns, scale, strict=True):
        values, there = getattr(column, side), _there(column, getattr(column, side))
        if about.categories is not None:
            axes += [(values == place) / np.sqrt(2) for place in range(len(about.categories))]
            continue
        known = about.real[_there(about, about.real)]
        mean, spread = (float(known.mean()), float(known.std())) if len(known) else (0.0, 1.0)
        axes.append(np.where(there, (values - mean) / (spread or 1.0), 0.0))
        axes.append((~there).astype(np.float64))
    return np.stack(axes, axis=1)
