"""Values with their spread → metrics."""

from __future__ import annotations

import math

from preceptor.records import Metric

__all__ = ["metric"]


def metric(  # noqa: PLR0917
    value: float | None,
    ci95: tuple[float, float] | None,
    n: int,
    units: int,
    coverage: float,
    units_are: str = "patients",
    *,
    unit: str = "",
    higher_is_better: bool = True,
    sd: float | None = None,
) -> Metric:
    """One metric of predictions; undefined (NaN) is None, with its n.

    ``unit`` is empty for a plain number: nothing is clipped or multiplied by 100.
    """
    known = None if value is None or not math.isfinite(value) else value
    interval = ci95 if known is not None else None
    return Metric(
        value=known,
        raw_mean=known,
        n=n,
        ci95=interval,
        raw_ci95=interval,
        bootstrap_std=sd,
        coverage=coverage,
        bootstrap_ci95=interval,
        unit=unit,
        higher_is_better=higher_is_better,
        units=units,
        units_are=units_are,
    )
