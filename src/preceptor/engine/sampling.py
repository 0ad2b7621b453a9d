"""An enriched sample: examples of one kind are drawn more often than their share.

HealthBench Professional draws difficult examples 3.5 times as often as others. The plain mean over
such a sample is not that of the benchmark; the sizes of the strata, which the run keeps, are what
the reweighted mean is computed from: an example of a stratum weighs population / sampled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from preceptor.errors import InputError, StoreError, UnknownName, shorten
from preceptor.records import Example, Strata, Stratum
from preceptor.scoring import OVERALL

if TYPE_CHECKING:
    from preceptor.benchmarks import Benchmark

__all__ = ["enrich", "sentence"]

_RICH, _OTHER = "rich", "other"
#: The lowest third of a run's scores counts as difficult.
_PARTS = 3
_SHOWN = 8


def enrich(
    examples: Sequence[Example],
    asked: str,
    limit: int | None,
    benchmark: Benchmark,
    where: str | Path | None = None,
) -> tuple[list[Example], Strata]:
    """Draw ``limit`` examples, those of one kind more often than others. Always the same ones.

    Parameters
    ----------
    asked
        ``TAG=FACTOR``: examples with that tag; or ``RUN=FACTOR``: the third of the run's examples
        with the lowest score, an example without a score being none of them.
    where
        The store with that run.

    Raises
    ------
    InputError
        The text is not of that form, names neither tag nor run, or leaves nothing to draw.
    """
    by, factor = _read(asked)
    limit = _check_limit(limit, len(examples))
    rich, kind, by = _rich(examples, by, benchmark, where)
    population = {_RICH: len(rich), _OTHER: len(examples) - len(rich)}
    if not all(population.values()):
        which = "every example" if rich else "no example"
        raise InputError(f"--stratify: {which} is of {shorten(by)}: there is nothing to enrich")
    from preceptor.statistics.subsets import enriched_sample

    names = [_RICH if example.id in rich else _OTHER for example in examples]
    drawn = enriched_sample(names, _RICH, factor, limit, seed=0)
    sampled = {name: sum(names[index] == name for index in drawn) for name in population}
    if not all(sampled.values()):
        empty = next(name for name, count in sampled.items() if not count)
        raise InputError(
            f"--stratify: of {limit} examples none is of the {empty} stratum: choose a larger "
            f"--limit or another factor"
        )
    strata = Strata(
        by=by,
        factor=factor,
        strata={name: Stratum(population[name], sampled[name]) for name in population},
        rich=[examples[index].id for index in drawn if names[index] == _RICH],
        kind=kind,
    )
    return [examples[index] for index in drawn], strata


def sentence(drawn: Strata) -> str:
    """Where the run departs from the benchmark, with the ratio that was really reached."""
    share = {name: each.sampled / each.population for name, each in drawn.strata.items()}
    ratio = share[_RICH] / share[_OTHER]
    which = drawn.by
    if drawn.kind == "run":
        which = f"the lowest third of the scores of run {drawn.by}"
    return (
        f"Examples with {which} were drawn {ratio:.3g} times as often as others: the plain "
        f"mean is not that of the benchmark; see the reweighted score."
    )


def _check_limit(limit: int | None, n: int) -> int:
    if limit is None:
        raise InputError("--stratify: goes with --limit: without it all examples are asked")
    if limit >= n:
        raise InputError(f"--stratify: --limit {limit} takes all {n:,} examples: nothing is drawn")
    return limit


def _read(asked: str) -> tuple[str, float]:
    by, equals, text = asked.rpartition("=")
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not equals or not by or not 0 < factor < math.inf:
        raise InputError(
            f"--stratify {shorten(asked)}: expected TAG=FACTOR or RUN=FACTOR with a factor above "
            f"0, such as difficulty:difficult=3.5"
        )
    return by, factor


def _rich(
    examples: Sequence[Example], by: str, benchmark: Benchmark, where: str | Path | None
) -> tuple[set[str], str, str]:
    """(ids of the rich stratum, tag or run, the name in full)."""
    tagged = {example.id for example in examples if by in example.tags}
    if tagged:
        return tagged, "tag", by
    from preceptor.store import Store

    try:
        if where is None:
            raise UnknownName("no store was named")
        with Store(where, create=False) as store:
            run = store.run(by)
            scores: dict[str, list[float]] = {}
            for item in store.graded(run):
                score = benchmark.protocol.score(item)
                if OVERALL in score.values:
                    scores.setdefault(score.example_id, []).append(score.values[OVERALL])
    except (UnknownName, StoreError):
        raise InputError(_neither(examples, by, where)) from None
    known = {example.id for example in examples}
    means = {name: sum(each) / len(each) for name, each in scores.items() if name in known}
    return _lowest(means, run.name), "run", run.name


def _lowest(means: Mapping[str, float], run: str) -> set[str]:
    """The third with the lowest score; of equal ones those whose id comes first."""
    if len(means) < _PARTS:
        raise InputError(
            f"--stratify: run {run}: expected scores of at least {_PARTS} examples of this "
            f"benchmark, found {len(means)}"
        )
    ranked = sorted(means, key=lambda name: (means[name], name))
    return set(ranked[: len(ranked) // _PARTS])


def _neither(examples: Sequence[Example], by: str, where: str | Path | None) -> str:
    tags = sorted({tag for example in examples for tag in example.tags})
    shown = ", ".join(tags[:_SHOWN]) + (", …" if len(tags) > _SHOWN else "")
    from preceptor.store.postgres import redacted

    place = "" if where is None else f" and no run in {redacted(str(where))}"
    return f"--stratify {shorten(by)}: no tag of an example{place}; tags: {shown or 'none'}"
