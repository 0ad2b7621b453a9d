"""What a strong grader, or physicians, would have given: cheap verdicts on all, theirs on some.

The two sides hold the same answers: the cheap side all of them, the strong one those that were
drawn to be judged again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from preceptor.errors import InputError, shorten
from preceptor.records import Graded, Score, examples_of
from preceptor.results.pool import Side, rubric
from preceptor.results.values import mean_of
from preceptor.scoring import OVERALL
from preceptor.scoring.units import units
from preceptor.statistics.calibration import Prevalence, isotonic, rogan_gladen
from preceptor.statistics.correction import Corrected, prediction_powered
from preceptor.statistics.labelling import labels_needed, most_telling

__all__ = ["Correction", "NextItem", "Share", "correct", "matched"]

_RESAMPLES = 300


class Share(msgspec.Struct, frozen=True):
    """The share of criteria that are met, of those with positive points or of those with negative.

    ``cheap`` as the cheap grader says, ``corrected`` by Rogan and Gladen from its sensitivity and
    specificity on the labelled; None where it is no better than chance there.
    """

    positive: bool
    judged: int
    cheap: float
    corrected: Prevalence | None


class NextItem(msgspec.Struct, frozen=True):
    """A verdict to have labelled next: criterion is its place in the example's rubric, from 0."""

    example_id: str
    repeat: int
    criterion: int
    probability: float
    points: int


class Correction(msgspec.Struct, frozen=True):
    """The score of a run, corrected for what its grader gets wrong. Scores on the 0–1 scale.

    Attributes
    ----------
    examples, labelled
        Examples with a complete cheap score, and those of them that are labelled completely.
    cheap, cheap_ci95
        The mean by the cheap grader, uncorrected.
    labels_alone
        The mean over the labelled examples, without the cheap grader.
    corrected
        Prediction-powered: the cheap mean plus the error that the labelled show.
    calibrated, calibrated_ci95
        The expected score, each cheap verdict replaced by the chance that it is met (isotonic, from
        the labelled); bootstrap by unit.
    agreement
        Share of the labelled verdicts on which both graders agree.
    shares
        Of criteria met, by sign of points.
    needed
        Examples to label for a 95 % interval of ± ``half_width``, None where all are not enough.
    next_items
        Verdicts to label next, the most telling first.
    unmatched
        Labelled answers that the cheap side does not have.
    """

    cheap_side: str
    strong_side: str
    examples: int
    labelled: int
    cheap: float
    cheap_ci95: tuple[float, float] | None
    labels_alone: Corrected | None
    corrected: Corrected | None
    calibrated: float | None
    calibrated_ci95: tuple[float, float] | None
    agreement: float | None
    shares: list[Share]
    half_width: float | None
    needed: int | None
    next_items: list[NextItem]
    unmatched: int


class _Verdicts(msgspec.Struct, frozen=True):
    """Single verdicts of the cheap side; ``strong`` is NaN where there is no label."""

    cheap: NDArray[np.float64]
    chance: NDArray[np.float64]
    strong: NDArray[np.float64]
    points: NDArray[np.float64]
    weight: NDArray[np.float64]
    example: NDArray[np.intp]
    unit: NDArray[np.intp]
    place: list[tuple[str, int, int]]


def correct(
    cheap: Side, strong: Side, *, half_width: float | None = None, count: int = 0
) -> Correction:
    """Correct the score of ``cheap`` by the verdicts of ``strong`` on some of the same answers.

    Parameters
    ----------
    cheap, strong
        Two sides with the same answers and rubrics. Which answers ``strong`` has must have been
        drawn at random, as ``--limit`` does; ``--stratify`` by a tag is allowed for.
    half_width
        Also say how many examples to label for an interval of plus or minus this, 0–1 scale.
    count
        Number of verdicts to name that should be labelled next.

    Raises
    ------
    InputError
        Different benchmarks, a rubric that differs, no answer in common, or nothing labelled
        completely.
    """
    names = {side.result.info.benchmark for side in (cheap, strong)}
    if len(names) > 1:
        raise InputError(f"correct: expected one benchmark, found {', '.join(sorted(names))}")
    if half_width is not None and not half_width > 0:
        raise InputError(f"--half-width: expected points above 0, found {100 * half_width:g}")
    pairs, unmatched = matched(cheap, strong)
    if not any(other is not None for _, other in pairs):
        raise InputError(
            f"{shorten(strong.label)} has none of the answers of {shorten(cheap.label)}: it must "
            "have judged the same texts (export them and grade them with replay:FILE)"
        )
    scores = {(score.example_id, score.repeat): score for score in cheap.result.scores}
    theirs = {(score.example_id, score.repeat): score for score in strong.result.scores}
    unit_of = units(examples_of(cheap.result.graded).values())
    table = _by_example(pairs, scores, theirs, unit_of)
    if np.isnan(table.true).all():
        raise InputError(
            f"{shorten(strong.label)}: no example has complete verdicts on all of its answers"
        )
    chances = _chances(cheap, strong, table)
    corrected = prediction_powered(table.cheap, table.true, chances=chances, clusters=table.unit)
    verdicts = _verdicts(pairs, scores, unit_of)
    known = ~np.isnan(verdicts.strong)
    calibrated, bounds = _calibrated(verdicts)
    mean, interval = mean_of(cheap.result, OVERALL, table.cheap[:, None], table.unit)
    return Correction(
        cheap_side=cheap.label,
        strong_side=strong.label,
        examples=len(table.cheap),
        labelled=int((~np.isnan(table.true)).sum()),
        cheap=mean,
        cheap_ci95=interval,
        labels_alone=prediction_powered(
            table.cheap, table.true, chances=chances, clusters=table.unit, weight=0.0
        ),
        corrected=corrected,
        calibrated=calibrated,
        calibrated_ci95=bounds,
        agreement=(
            float((verdicts.cheap[known] == verdicts.strong[known]).mean()) if known.any() else None
        ),
        shares=[share for positive in (True, False) if (share := _share(verdicts, positive))],
        half_width=half_width,
        needed=None if half_width is None else _needed(table, corrected, half_width),
        next_items=_next(verdicts, count),
        unmatched=unmatched,
    )


def matched(cheap: Side, strong: Side) -> tuple[list[tuple[Graded, Graded | None]], int]:
    """Each cheap answer with the strong one of the same text, and how many of these are over."""
    known: dict[tuple[str, str], list[Graded]] = {}
    for item in strong.result.graded:
        if item.response is not None and item.response.failure is None:
            known.setdefault((item.example.id, item.response.text), []).append(item)
    pairs: list[tuple[Graded, Graded | None]] = []
    for item in cheap.result.graded:
        text = item.response.text if item.response is not None else ""
        same = known.get((item.example.id, text), [])
        other = same.pop(0) if same else None
        if other is not None and rubric(other.example) != rubric(item.example):
            raise InputError(
                f"{shorten(strong.label)}: example {shorten(item.example.id)} has another rubric "
                f"than in {shorten(cheap.label)}"
            )
        pairs.append((item, other))
    return pairs, sum(len(rest) for rest in known.values())


class _Table(msgspec.Struct, frozen=True):
    """Means over the answers of each example; ``true`` is NaN where not all are labelled."""

    ids: list[str]
    cheap: NDArray[np.float64]
    true: NDArray[np.float64]
    unit: NDArray[np.intp]


_Scores = dict[tuple[str, int], Score]


def _by_example(
    pairs: list[tuple[Graded, Graded | None]],
    scores: _Scores,
    theirs: _Scores,
    unit_of: Mapping[str, str],
) -> _Table:
    found: dict[str, list[tuple[float, float]]] = {}
    for item, other in pairs:
        score = scores[item.example.id, item.repeat].values.get(OVERALL)
        if score is None:
            continue
        label = (
            None if other is None else theirs[other.example.id, other.repeat].values.get(OVERALL)
        )
        found.setdefault(item.example.id, []).append((score, np.nan if label is None else label))
    means = np.array([np.mean(each, axis=0) for each in found.values()]).reshape(-1, 2)
    _, unit = np.unique([unit_of[name] for name in found], return_inverse=True)
    return _Table(list(found), means[:, 0], means[:, 1], unit)


def _chances(cheap: Side, strong: Side, table: _Table) -> NDArray[np.float64] | None:
    """How likely each example was to be labelled; None for a simple random sample."""
    drawn = strong.result.info.settings.stratify
    if drawn is None:
        return None
    if drawn.kind != "tag":
        raise InputError(
            f"{shorten(strong.label)}: was drawn by the scores of a run, and which other examples "
            "were as likely is not kept: draw by --limit alone, or by a tag"
        )
    graded = cheap.result.graded
    rich = {item.example.id for item in graded if drawn.by in item.example.tags}
    stratum = np.array([name in rich for name in table.ids])
    labelled = ~np.isnan(table.true)
    # As it came out, not as it was asked for: a label that is missing makes its stratum thinner.
    share = {part: labelled[stratum == part].mean() for part in set(stratum.tolist())}
    if not all(share.values()):
        raise InputError(f"{shorten(strong.label)}: one of its strata has no complete label")
    return np.array([share[part] for part in stratum.tolist()])


def _verdicts(
    pairs: list[tuple[Graded, Graded | None]], scores: _Scores, unit_of: Mapping[str, str]
) -> _Verdicts:
    """All verdicts of completely graded cheap answers."""
    rows: list[tuple[float, float, float, float, float, int, int]] = []
    place: list[tuple[str, int, int]] = []
    numbers: dict[str, int] = {}
    number = 0
    for item, other in pairs:
        if OVERALL not in scores[item.example.id, item.repeat].values:
            continue
        attainable = sum(c.points for c in item.example.criteria if c.points > 0)
        unit = numbers.setdefault(unit_of[item.example.id], len(numbers))
        labels = other.verdicts if other is not None else (None,) * len(item.verdicts)
        for index, (mine, label) in enumerate(zip(item.verdicts, labels, strict=True)):
            assert mine is not None
            met = float(bool(mine.met))
            points = item.example.criteria[index].points
            strong = np.nan if label is None or label.met is None else float(label.met)
            chance = met if mine.probability is None else mine.probability
            rows.append((met, chance, strong, points, points / attainable, number, unit))
            place.append((item.example.id, item.repeat, index))
        number += 1
    table = np.array(rows, dtype=np.float64).reshape(-1, 7)
    return _Verdicts(
        cheap=table[:, 0],
        chance=table[:, 1],
        strong=table[:, 2],
        points=table[:, 3],
        weight=table[:, 4],
        example=table[:, 5].astype(np.intp),
        unit=table[:, 6].astype(np.intp),
        place=place,
    )


def _calibrated(
    verdicts: _Verdicts,
) -> tuple[float | None, tuple[float, float] | None]:
    """The expected score by isotonic calibration, and its bootstrap interval by unit."""
    known = ~np.isnan(verdicts.strong)
    value = _expected(verdicts, np.ones(len(known)))
    if value is None:
        return None, None
    rng = np.random.default_rng(0)
    size = int(verdicts.unit.max()) + 1
    drawn = [
        _expected(verdicts, np.bincount(rng.integers(0, size, size), minlength=size)[verdicts.unit])
        for _ in range(_RESAMPLES)
    ]
    several = np.array([each for each in drawn if each is not None])
    if len(several) < 0.9 * _RESAMPLES or size < 2:
        return value, None
    low, high = np.quantile(several, (0.025, 0.975))
    return value, (float(low), float(high))


def _expected(verdicts: _Verdicts, counts: NDArray[Any]) -> float | None:
    """Mean expected score, each verdict ``counts`` times; calibrated by sign of points."""
    times = counts.astype(np.float64)
    known = ~np.isnan(verdicts.strong) & (times > 0)
    total, chances = 0.0, np.zeros(len(times))
    for sign in (verdicts.points > 0, verdicts.points < 0):
        if not sign.any():
            continue
        part = known & sign
        if not part.any():
            return None
        curve = isotonic(verdicts.chance[part], verdicts.strong[part], weights=times[part])
        chances[sign] = curve(verdicts.chance[sign])
    total = float((times * verdicts.weight * chances).sum())
    # An answer counts as often as any verdict of it.
    answers = np.zeros(int(verdicts.example.max()) + 1)
    answers[verdicts.example] = times
    return total / float(answers.sum()) if answers.sum() else None


def _share(verdicts: _Verdicts, positive: bool) -> Share | None:
    part = (verdicts.points > 0) == positive
    known = part & ~np.isnan(verdicts.strong)
    if not part.any():
        return None
    met, true = verdicts.cheap[known] == 1, verdicts.strong[known] == 1
    counts = Counter(zip(met.tolist(), true.tolist(), strict=True))
    truly, falsely = int(true.sum()), int((~true).sum())
    rest = part & ~known
    judged = rest if rest.any() else part
    corrected = None
    if truly and falsely:
        corrected = rogan_gladen(
            (int(verdicts.cheap[judged].sum()), int(judged.sum())),
            (counts[True, True], truly),
            (counts[False, False], falsely),
        )
    return Share(positive, int(judged.sum()), float(verdicts.cheap[judged].mean()), corrected)


def _needed(table: _Table, corrected: Corrected | None, half_width: float) -> int | None:
    known = ~np.isnan(table.true)
    if corrected is None or known.sum() < 2:
        return None
    error = table.true[known] - corrected.weight * table.cheap[known]
    return labels_needed(half_width, float(error.std(ddof=1)), len(table.cheap))


def _next(verdicts: _Verdicts, count: int) -> list[NextItem]:
    """Of the verdicts without a label, those whose label would say most of the score."""
    open_ = np.flatnonzero(np.isnan(verdicts.strong))
    if not count or not len(open_):
        return []
    known = ~np.isnan(verdicts.strong)
    chances = verdicts.chance.copy()
    if known.any():
        chances = isotonic(verdicts.chance[known], verdicts.strong[known])(verdicts.chance)
    chosen = most_telling(chances[open_], verdicts.weight[open_], count)
    found = []
    for position in open_[chosen].tolist():
        example_id, repeat, criterion = verdicts.place[position]
        points = int(verdicts.points[position])
        found.append(NextItem(example_id, repeat, criterion, float(chances[position]), points))
    return found
