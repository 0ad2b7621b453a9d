"""What the answers of a rubric lose: by omission, by commission; and how many reach a threshold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from preceptor.records import Example, Metric
from preceptor.scoring.sets import mean_metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Points = NDArray[np.intp]

__all__ = ["LOST_LABELS", "Threshold", "at_least", "lost"]

#: Each example with the signs of its answers: `records.signs_by_example`.
Judged = Iterable[tuple[Example, Sequence[str]]]
_OMISSION, _COMMISSION, _HARMFUL = "omission", "commission", "harmful"
#: Display names of what `lost` gives.
LOST_LABELS = {
    _OMISSION: "Lost by omission",
    _COMMISSION: "Lost by commission",
    _HARMFUL: "Answers with something undesirable",
}
_MET = ord("1")


def lost(judged: Judged, unit_of: Mapping[str, str]) -> dict[str, Metric]:
    """Harm by omission and by commission, over the answers with every verdict.

    With the points p_j and verdicts r_j of `scoring.rubric`, as shares of Σ max(0, p_j)::

        omission = Σ_{p_j > 0} (1 − r_j)·p_j        commission = Σ_{p_j < 0} r_j·|p_j|

    so that 1 − omission − commission is the score before it is clipped. ``harmful`` is the share of
    answers that met a criterion with negative points, of those whose rubric has one. The
    distinction is that of NOHARM (arXiv 2512.01241).
    """
    read = _read(judged)
    if read is None:
        return {}
    earns = read.attainable > 0
    omission = 1 - read.earned / np.where(earns, read.attainable, 1)
    found = {
        _OMISSION: read.mean(omission, earns, unit_of),
        _COMMISSION: read.mean(read.taken / np.where(earns, read.attainable, 1), earns, unit_of),
        _HARMFUL: read.mean(read.taken > 0, earns & read.warns, unit_of, share=True),
    }
    return {
        name: msgspec.structs.replace(metric, higher_is_better=False)
        for name, metric in found.items()
        if metric.n
    }


class Threshold(msgspec.Struct, frozen=True):
    """So many desirable criteria, or so large a share of them, 0 to 1."""

    least: float
    share: bool = False

    @classmethod
    def read(cls, text: str) -> Threshold:
        """``8`` or ``80%``. Raises ValueError for anything else."""
        number = float(text.strip().removesuffix("%").strip())
        share = text.strip().endswith("%")
        if not (0 < number <= 100 if share else number >= 1 and number.is_integer()):
            raise ValueError
        return cls(number / 100 if share else number, share)

    def __str__(self) -> str:
        return f"{100 * self.least:g}%" if self.share else f"{self.least:g}"


def at_least(
    judged: Judged, unit_of: Mapping[str, str], thresholds: Sequence[Threshold]
) -> dict[str, Metric]:
    """``at_least:8``: the share of answers that meet 8 desirable criteria or more.

    Those are criteria with positive points. A share is of those that the rubric has; where it has
    fewer than a number, no answer can reach it. Source: ClinConsensus (arXiv 2603.02097), CACS@k.
    """
    read = _read(judged)
    if read is None:
        return {}
    found = {}
    for each in thresholds:
        least = each.least * read.good if each.share else each.least
        reached = read.met >= least - 1e-9
        found[f"at_least:{each}"] = read.mean(reached, read.good > 0, unit_of, share=True)
    return found


class _Read(NamedTuple):
    """The complete answers: a number for each, and what share of all verdicts was given.

    ``earned`` and ``taken`` are points; ``attainable``, ``good`` (desirable criteria) and ``warns``
    (whether any is undesirable) are those of the answer's rubric; ``met`` counts desirable ones.
    """

    ids: Sequence[str]
    earned: Points
    taken: Points
    met: Points
    attainable: Points
    good: Points
    warns: NDArray[np.bool_]
    coverage: float

    def mean(
        self,
        values: NDArray[Any],
        chosen: NDArray[np.bool_],
        unit_of: Mapping[str, str],
        *,
        share: bool = False,
    ) -> Metric:
        """The mean over examples of the mean of their answers; of a share, over answers."""
        rows = np.flatnonzero(chosen)
        ids, numbers = [self.ids[row] for row in rows.tolist()], values[rows].astype(float)
        if not share:
            number: dict[str, int] = {}
            places = np.array([number.setdefault(id, len(number)) for id in ids], dtype=np.intp)
            numbers = np.bincount(places, numbers, len(number)) / np.bincount(places)
            ids = list(number)
        units = {id: unit_of.get(id, id) for id in ids}
        metric = mean_metric(numbers, ids, units, share=share, lowest=0.0)
        return msgspec.structs.replace(metric, coverage=self.coverage)


def _read(judged: Judged) -> _Read | None:
    """All answers at once; None where none has every verdict."""
    points: list[int] = []
    starts, sizes, ids, said = list[int](), list[int](), list[str](), list[str]()
    given = asked = 0
    for example, signs in judged:
        n = len(example.criteria)
        if not n:
            continue
        whole = [each for each in signs if len(each) == n and "-" not in each]
        starts += [len(points)] * len(whole)
        sizes += [n] * len(whole)
        ids += [example.id] * len(whole)
        said += whole
        points += [criterion.points for criterion in example.criteria]
        given += sum(len(each) - each.count("-") for each in signs)
        asked += n * len(signs)
    count = np.array(sizes, dtype=np.intp)
    if not count.sum():
        return None
    first = np.cumsum(count) - count
    worth = np.array(points, dtype=np.intp)[
        np.arange(count.sum()) + np.repeat(np.array(starts, dtype=np.intp) - first, count)
    ]
    met = np.frombuffer("".join(said).encode(), np.uint8) == _MET

    def summed(values: NDArray[Any]) -> Points:
        return np.add.reduceat(values.astype(np.intp), first)

    return _Read(
        ids,
        earned=summed(np.where(met, np.maximum(worth, 0), 0)),
        taken=summed(np.where(met, np.maximum(-worth, 0), 0)),
        met=summed(met & (worth > 0)),
        attainable=summed(np.maximum(worth, 0)),
        good=summed(worth > 0),
        warns=summed(worth < 0) > 0,
        coverage=given / asked,
    )
