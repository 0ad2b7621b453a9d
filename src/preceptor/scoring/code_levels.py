"""Sets of codes of admissions, predicted against true ones, at each level of their hierarchy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from preceptor.records import Metric
from preceptor.scoring.predicted.numbers import metric
from preceptor.statistics.prediction.outcomes import divided
from preceptor.statistics.prediction.resampling import Measures, averaged, resampled, spread_of
from preceptor.terminology.hierarchy import Hierarchy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["CODE_LABELS", "Admission", "code_notes", "code_set_metrics"]

_MEAN, _ABOVE = "mean of the levels", "codes and all above them"
CODE_LABELS = {
    "precision": "Precision (micro)",
    "recall": "Recall (micro)",
    "micro_f1": "F1 (micro)",
    "macro_f1": "F1 (mean over admissions)",
    "published_micro_f1": "Published: F1 (micro), silent admissions skipped",
    "published_macro_f1": "Published: F1 (mean), silent admissions skipped",
}


class Admission(msgspec.Struct, frozen=True):
    """The true and the predicted codes of an admission, and whose it is."""

    id: str
    unit: str
    true: frozenset[str]
    predicted: frozenset[str]


def code_set_metrics(
    admissions: Sequence[Admission],
    hierarchy: Hierarchy,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Metric]:
    """``LEVEL:METRIC``, with intervals by unit.

    An admission without true and predicted codes has F1 1 and adds nothing to the micro counts.
    A code that the hierarchy does not have is itself at each level. The published scorer of
    CliBench (Ma et al. 2024, arXiv 2406.09923) leaves out admissions without a predicted code, so
    that silence helps: it stands beside ours.
    """
    names = [*dict.fromkeys(each.unit for each in admissions)]
    number = {name: place for place, name in enumerate(names)}
    unit = np.array([number[each.unit] for each in admissions], dtype=np.intp)
    spaces: dict[str, Measures] = {}
    for place, level in enumerate(hierarchy.levels):
        spaces[level] = _measures(_counts(admissions, hierarchy, place), unit, len(names))
    spaces[_MEAN] = averaged(list(spaces.values()))
    spaces[_ABOVE] = _measures(_counts(admissions, hierarchy, None), unit, len(names))
    drawn = resampled(list(spaces.values()), len(names), resamples=resamples, seed=seed)
    found = {}
    silent = sum(not each.predicted for each in admissions)
    for (space, measures), values in zip(spaces.items(), drawn, strict=True):
        for name, value, column in zip(measures.names, measures.values(), values.T, strict=True):
            spread = spread_of(column)
            n = len(admissions) - silent * name.startswith("published")
            found[f"{space}:{name}"] = metric(
                value, spread.ci95, n, len(names), n / len(admissions), "admissions", sd=spread.sd
            )
    return found


def code_notes(admissions: Sequence[Admission], hierarchy: Hierarchy) -> list[str]:
    """What counts how, and which codes are not known."""
    silent = sum(not each.predicted for each in admissions)
    said = [
        f"Levels of {hierarchy.name}: a code with fewer levels above it stands in for those it "
        "lacks. Sets are compared: a chapter counts once an admission.",
        f"{silent:,} of {len(admissions):,} admissions have no predicted code: they count as "
        "missed; the published rule skips them. With no true code either, F1 is 1.",
    ]
    for word, sets in (
        ("true", [each.true for each in admissions]),
        ("predicted", [each.predicted for each in admissions]),
    ):
        every = {code for codes in sets for code in codes}
        unknown = sorted(code for code in every if hierarchy.path(code) is None)
        if unknown:
            shown = ", ".join(unknown[:5]) + (", …" if len(unknown) > 5 else "")
            said.append(
                f"{len(unknown):,} of {len(every):,} {word} codes are not in {hierarchy.name} and "
                f"stand for themselves: {shown}."
            )
    return said


def _counts(admissions: Sequence[Admission], hierarchy: Hierarchy, level: int | None) -> Floats:
    """Right, predicted and true codes of each admission, and whether something was predicted.

    Without a level all that is above a code counts beside it.
    """
    known: dict[str, frozenset[str]] = {}

    def of(code: str) -> frozenset[str]:
        if code not in known:
            path = hierarchy.path(code) if level is None else hierarchy.at(code)
            whole = (code,) if path is None else path
            known[code] = frozenset(whole if level is None or path is None else (path[level],))
        return known[code]

    rows = []
    for each in admissions:
        true = {name for code in each.true for name in of(code)}
        said = {name for code in each.predicted for name in of(code)}
        rows.append((len(true & said), len(said), len(true), bool(said)))
    return np.array(rows, dtype=np.float64)


def _measures(counts: Floats, unit: NDArray[np.intp], units: int) -> Measures:
    right, said, true, spoke = counts.T
    both = said + true
    each = np.where(both > 0, divided(2 * right, both), 1.0)
    columns = [right, said, true, np.ones(len(counts)), each]
    columns += [right * spoke, said * spoke, true * spoke, spoke, each * spoke]
    table = np.stack([np.bincount(unit, column, units) for column in columns], axis=1)

    def of(drawn: Floats | None) -> list[Floats]:
        sums = np.moveaxis(table.sum(axis=0) if drawn is None else drawn @ table, -1, 0)
        right, said, true, n, f1 = sums[:5]
        shown, told, there, spoken, mean = sums[5:]
        return [
            divided(right, said),
            divided(right, true),
            divided(2 * right, said + true),
            divided(f1, n),
            divided(2 * shown, told + there),
            divided(mean, spoken),
        ]

    return Measures([*CODE_LABELS], of, len(counts))
