"""Names of metrics. Tags are data: none may take the name of a metric or of another tag's slice."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping

import msgspec

from preceptor.records import Metric

__all__ = ["LENGTH_SUFFIX", "OVERALL", "beside", "free_name", "is_adjusted"]

OVERALL = "overall_score"

#: ``overall_score`` → ``overall_score_length_adjusted``; also for slices by example tag.
LENGTH_SUFFIX = "_length_adjusted"


def free_name(tag: str, kind: str, taken: Collection[str] = ()) -> str:
    """The name of a tag's slice: the tag, or ``tag:TAG (KIND)`` where that name is taken.

    Parameters
    ----------
    kind
        What has the tag: ``example`` or ``criterion``.
    taken
        Names of other metrics; the slice's length-adjusted twin needs a free name, too.
    """
    ending = f" ({kind})"
    name = tag
    if tag == OVERALL or tag.endswith((LENGTH_SUFFIX, ending)):
        name = f"tag:{tag}{ending}"
    while name in taken or name + LENGTH_SUFFIX in taken:
        name = f"tag:{name}{ending}"
    return name


def is_adjusted(name: str, metrics: Container[str]) -> bool:
    """Whether it is the length-adjusted twin of another of these metrics."""
    return name.endswith(LENGTH_SUFFIX) and name.removesuffix(LENGTH_SUFFIX) in metrics


def beside(metrics: Mapping[str, Metric], own: Mapping[str, Metric]) -> dict[str, Metric]:
    """All metrics with a protocol's own: a tag's slice with one of their names is renamed."""
    units_are = next((metric.units_are for metric in metrics.values()), "units")
    return dict(_kept(metrics, own)) | {
        name: msgspec.structs.replace(metric, units_are=units_are) for name, metric in own.items()
    }


def _kept(metrics: Mapping[str, Metric], own: Mapping[str, Metric]) -> Iterator[tuple[str, Metric]]:
    taken = {*metrics, *own}
    for name, metric in metrics.items():
        if metric.tag is None:
            yield name, metric
            continue
        adjusted = is_adjusted(name, metrics)
        base = name.removesuffix(LENGTH_SUFFIX) if adjusted else name
        if base in own or base + LENGTH_SUFFIX in own:
            base = free_name(metric.tag, "example", taken)
        yield base + (LENGTH_SUFFIX if adjusted else ""), metric
