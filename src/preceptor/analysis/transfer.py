"""Models that were made in one place and predict in another: source × target."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from preceptor.analysis.predictions import Change, compare_predictions, table_of
from preceptor.errors import InputError
from preceptor.records import Metric
from preceptor.results.pool import Side
from preceptor.scoring import OVERALL

__all__ = ["Cell", "Transfer", "transfer"]

_AP = "auprc"


class Cell(msgspec.Struct, frozen=True):
    """The model of a source on the rows of a target.

    ``events`` are the positive rows, None for outcomes that are not yes or no. ``change`` is its
    headline less that of the target's own model on the same rows, None on the diagonal and where
    there is no such model.
    """

    source: str
    target: str
    n: int
    events: int | None
    headline: Metric
    average_precision: Metric | None
    change: Change | None


class Transfer(msgspec.Struct, frozen=True):
    """All cells. ``missing`` says why a cell is without its change."""

    metric: str
    sources: list[str]
    targets: list[str]
    cells: dict[tuple[str, str], Cell]
    missing: list[str]


def transfer(sides: Sequence[Side], *, resamples: int = 1000, seed: int = 0) -> Transfer | None:
    """The matrix of runs of a file with the columns source and target.

    None where a run has no source or target, two runs share both, or there is one source only.
    """
    places = [side.result.info.settings.columns or {} for side in sides]
    keys = [(each.get("source", ""), each.get("target", "")) for each in places]
    sources, targets = ([*dict.fromkeys(part)] for part in zip(*keys, strict=True))
    if not all(map(all, keys)) or len(set(keys)) < len(keys) or len(sources) < 2:
        return None
    own = dict(zip(keys, sides, strict=True))
    cells, missing = {}, []
    for key, side in own.items():
        home, change = own.get((key[1], key[1])), None
        if home is not None and home is not side:
            try:
                found = compare_predictions([home, side], resamples=resamples, seed=seed)
                change = found.contrasts[0].changes[0]
            except InputError as error:
                missing.append(f"{key[0]} → {key[1]}: {error}")
        cells[key] = _cell(key, side, change)
    # A target comes first where it is a source too, in the order of the sources.
    targets.sort(key=lambda name: sources.index(name) if name in sources else len(sources))
    name = sides[0].result.labels.get(OVERALL, OVERALL)
    return Transfer(name, sources, targets, cells, missing)


def _cell(key: tuple[str, str], side: Side, change: Change | None) -> Cell:
    table, metrics = table_of(side.result), side.result.metrics
    known = table.known
    binary = table.kind in ("binary", "forecast")
    return Cell(
        source=key[0],
        target=key[1],
        n=int(known.sum()),
        events=int(table.outcome["y_true"][known].sum()) if binary else None,
        headline=metrics[OVERALL],
        average_precision=metrics.get(_AP) if binary else None,
        change=change,
    )
