"""Cases that are scored elsewhere, as Examples, and the names of their metrics for readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from preceptor.records import Example, Message
from preceptor.scoring.case_metrics import title_of
from preceptor.scoring.names import OVERALL

__all__ = ["CASES", "case_example", "case_labels"]

#: Name of the family.
CASES = "cases"


def case_example(
    id: str,
    metric: str,
    structures: Sequence[str],
    groups: Mapping[str, str] | None = None,
    patient: str | None = None,
) -> Example:
    """One case: its score is the mean of ``metric`` over its structures.

    Cases that are scored by another metric or on other structures are other cases.
    """
    about = f"{id}: {title_of(metric)} of {', '.join(structures)}"
    target = {"metric": metric}
    if patient is not None:
        target["cluster"] = patient
    return Example(
        id=id,
        messages=(Message("user", about),),
        criteria=(),
        tags=tuple(f"{kind}:{group}" for kind, group in (groups or {}).items()),
        target=target,
    )


def case_labels(metrics: Sequence[str], primary: str, kinds: Sequence[str]) -> dict[str, str]:
    """Display names, for a benchmark's ``labels``."""
    title = title_of(primary)
    labels = {OVERALL: f"{title}, mean over cases", "median_score": f"{title}, median over cases"}
    for metric in metrics:
        name = title_of(metric)
        _, at, tolerance = metric.partition("@")
        name += f" at {tolerance} mm" if at else ""
        labels |= {
            metric: name,
            f"{metric}_mean": f"{name}, mean over cases",
            f"{metric}_median": f"{name}, medians",
        }
    for kind in kinds:
        labels |= {
            f"{kind}_fairness": f"{kind}: differences between groups",
            f"{kind}_fairness:gap": "Widest gap between groups",
            f"{kind}_fairness:equity_scaled": "Equity-scaled score (sum of distances)",
            f"{kind}_test": f"{kind}: Mann–Whitney p, Holm over pairs",
        }
    return labels
