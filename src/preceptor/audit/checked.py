"""What people's marks say of a run's grader: agreement over the whole run, and the score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec
import numpy as np

from preceptor.audit.agreement import Estimate
from preceptor.audit.card import Check, Cost, GraderCard, card
from preceptor.audit.failures import confusion
from preceptor.audit.labels import Judged, Labels, previewed
from preceptor.audit.marks import Mark, item_id, marks_on
from preceptor.audit.report import audit
from preceptor.audit.stored import category_of
from preceptor.records import NO_GRADER, Graded, Result, Verdict, examples_of
from preceptor.results.pool import Side
from preceptor.scoring import OVERALL
from preceptor.scoring.units import units
from preceptor.statistics.correction import Corrected, cascade_estimate
from preceptor.statistics.intervals import stratified_share
from preceptor.store import Store

__all__ = ["Disagreement", "checked_cards", "corrected_by", "disagreements", "known_of_grader"]

#: With fewer wrong verdicts among the marked the corrected score's interval says nothing.
LEAST_WRONG = 5


class Disagreement(msgspec.Struct, frozen=True):
    """A criterion of an answer on which a rater and the grader differ."""

    example: str
    repeat: int
    criterion: str
    grader: bool
    rater: str
    mark: bool
    comment: str
    explanation: str


class _Row(msgspec.Struct, frozen=True):
    """One verdict of the run, with the marks on it, by rater. ``id`` is that of the marks."""

    id: str
    item: Graded
    index: int
    verdict: Verdict
    unit: str
    marks: Mapping[str, Mark]

    @property
    def labels(self) -> dict[str, bool]:
        """Rater → label, of those who could tell."""
        return {name: mark.met for name, mark in self.marks.items() if mark.met is not None}


def checked_cards(store: Store, sides: Sequence[Side]) -> list[GraderCard]:
    """The cards of the graders of these sides that people have checked, in their order."""
    found = (
        known_of_grader(
            store,
            side.result,
            runs=side.runs,
            # A label that is no run's name stands for the system.
            system="" if side.label in side.runs else side.label,
        )
        for side in sides
    )
    return [one for one in found if one is not None]


def known_of_grader(
    store: Store,
    result: Result,
    *,
    raters: Collection[str] | None = None,
    runs: Sequence[str] = (),
    system: str = "",
) -> GraderCard | None:
    """The card of a run's grader by the marks of people on the run's answers; None without any.

    Every number is of the whole run: what the grader met and what it did not are weighted by how
    often they occur, whatever was drawn. Intervals take a conversation's answers as one unit.

    Parameters
    ----------
    raters
        Those whose marks count; None for all.
    runs
        Names of the runs, where the result has a label or is several pooled.
    system
        What the system is called in place of its address.
    """
    info = result.info
    if info.grader == NO_GRADER:
        return None
    rows = _rows(store, result, raters)
    marked = [row for row in rows if row.labels]
    abstained = sum(mark.met is None for row in rows for mark in row.marks.values())
    if not marked:
        return None
    sizes = {met: sum(row.verdict.met is met for row in rows) for met in (True, False)}
    weights = _weights(marked, sizes)
    labels = [_judged(row, info.grader, info.system, weights) for row in marked]
    name = ", ".join(runs) or info.name
    source = f"run {name}" if "/" not in name else "1 run"  # pages show what follows a slash
    found = card(audit(Labels(source, labels, (info.grader,)), info.grader), _cost(result))
    check = _check(result, rows, marked, sizes, abstained)
    check = msgspec.structs.replace(check, run=name, system=system or info.system)
    return msgspec.structs.replace(found, rows=len(rows), check=check)


def disagreements(
    store: Store, result: Result, raters: Collection[str] | None = None
) -> list[Disagreement]:
    """Where a rater says other than the grader, in the run's order."""
    return [
        Disagreement(
            row.item.example.id,
            row.item.repeat,
            row.item.example.criteria[row.index].text,
            bool(row.verdict.met),
            rater,
            label,
            row.marks[rater].comment,
            row.verdict.explanation,
        )
        for row in _rows(store, result, raters)
        for rater, label in row.labels.items()
        if label is not row.verdict.met
    ]


def corrected_by(
    result: Result, by_rater: Mapping[str, Mapping[str, Mark]], drawn: Mapping[str, float]
) -> Corrected | None:
    """The score if the raters' majority had judged everything, from marks on what was drawn.

    Parameters
    ----------
    by_rater
        Rater → id → mark.
    drawn
        Id → with which chance it was drawn and marked, of all that were.

    Returns
    -------
    None where the score is no sum of points over the criteria that are met, or where the marks
    show too little.
    """
    return _corrected(result, list(_verdicts(result, by_rater)), drawn)


def _rows(store: Store, result: Result, raters: Collection[str] | None) -> list[_Row]:
    """Every verdict of met or not met."""
    keys = (item.response.key for item in result.graded if item.response is not None)
    by_rater = {
        rater: marks
        for rater, marks in marks_on(store, result.info, keys).items()
        if raters is None or rater in raters
    }
    if not by_rater:
        return []
    return list(_verdicts(result, by_rater))


def _verdicts(result: Result, by_rater: Mapping[str, Mapping[str, Mark]]) -> Iterator[_Row]:
    unit_of = units(examples_of(result.graded).values())
    for item in result.graded:
        if item.response is None:
            continue
        for index, verdict in enumerate(item.verdicts):
            if verdict is None or verdict.met is None:
                continue
            key = item_id(item.response, item.example.criteria[index].text)
            marks = {rater: each[key] for rater, each in by_rater.items() if key in each}
            yield _Row(key, item, index, verdict, unit_of[item.example.id], marks)


def _weights(marked: Sequence[_Row], sizes: Mapping[bool, int]) -> dict[bool, float]:
    """Weight of a label by what the grader said; 1 on average."""
    labels = {met: sum(len(r.labels) for r in marked if r.verdict.met is met) for met in sizes}
    whole = sum(size for met, size in sizes.items() if labels[met])
    return {
        met: size / whole * sum(labels.values()) / labels[met]
        for met, size in sizes.items()
        if labels[met]
    }


def _judged(row: _Row, grader: str, system: str, weights: Mapping[bool, float]) -> Judged:
    criterion, met = row.item.example.criteria[row.index], bool(row.verdict.met)
    labels = row.labels
    probability = row.verdict.probability
    return Judged(
        prompt=row.unit,
        criterion=criterion.text,
        category=category_of(criterion),
        labels=tuple(labels.values()),
        physicians=tuple(labels),
        verdicts={grader: met},
        points=float(criterion.points),
        model=system,
        probabilities={} if probability is None else {grader: probability},
        weight=weights[met],
        previewed=previewed(row.item.example.tags),
    )


def _check(
    result: Result,
    rows: Sequence[_Row],
    marked: Sequence[_Row],
    sizes: Mapping[bool, int],
    abstained: int,
) -> Check:
    pairs = [(row, label) for row in marked for label in row.labels.values()]
    ratings = np.array([(row.verdict.met, label) for row, label in pairs], dtype=float)
    hits, strata = ratings[:, 0] == ratings[:, 1], ratings[:, 0] == 1
    share = Estimate(None, None)
    if all((strata == met).any() for met, size in sizes.items() if size):
        clusters = np.array([row.unit for row, _ in pairs])
        share = Estimate(*stratified_share(hits, strata, sizes, clusters))
    return Check(
        run=result.info.name,
        system=result.info.system,
        benchmark=result.title,
        raters=len({rater for row in marked for rater in row.labels}),
        verdicts=len(rows),
        met=sizes[True],
        marked=len(marked),
        marks=len(pairs),
        agreed=int(hits.sum()),
        agreement=share,
        confusion=confusion(ratings),
        cannot_tell=abstained,
        score=_score(result),
        corrected=_corrected(result, rows),
    )


def _score(result: Result) -> float | None:
    metric = result.metrics.get(OVERALL)
    return None if metric is None else metric.raw_mean


def _corrected(
    result: Result, rows: Sequence[_Row], drawn: Mapping[str, float] | None = None
) -> Corrected | None:
    """As `corrected_by`; without chances, each of what the grader met is as likely to be marked."""
    complete = {(s.example_id, s.repeat) for s in result.scores if OVERALL in s.values}
    counted = [row for row in rows if (row.item.example.id, row.item.repeat) in complete]
    labels = np.array([_majority(row) for row in counted])
    met = np.array([bool(row.verdict.met) for row in counted], dtype=bool)
    known = ~np.isnan(labels)
    if int((labels[known] != met[known]).sum()) < LEAST_WRONG and not known.all():
        return None
    if drawn is None:
        chances = np.empty(len(counted))
        for each in (True, False):
            if (met == each).any():
                chances[met == each] = known[met == each].mean()
    else:  # the chance of what was not drawn has no part in the estimate
        chances = np.array([drawn.get(row.id, 0.5) for row in counted])
    if not (chances > 0).all():
        return None
    ids = [row.item.example.id for row in counted]
    answers = Counter(example_id for example_id, _ in complete)
    weights = np.array([_weight(row) / answers[row.item.example.id] for row in counted])
    score = _score(result)
    if score is None or not np.isclose(weights @ met / len(answers), score):
        return None
    places = np.unique(ids, return_inverse=True)[1]
    clusters = np.array([row.unit for row in counted])
    return cascade_estimate(
        met.astype(float),
        labels,
        weights,
        chances,
        places,
        clusters=clusters,
        together=clusters,
    )


def _majority(row: _Row) -> float:
    """What most of the raters say; NaN without labels, or at a tie."""
    labels = row.labels.values()
    twice = 2 * sum(labels)
    return np.nan if twice == len(labels) else float(twice > len(labels))


def _weight(row: _Row) -> float:
    criteria = row.item.example.criteria
    attainable = sum(each.points for each in criteria if each.points > 0)
    return criteria[row.index].points / attainable if attainable else np.nan


def _cost(result: Result) -> Cost | None:
    """What 1,000 verdicts took, those of earlier runs included."""
    bills = [bill for bill in result.bills if bill.part == "grader"]
    count = sum(bill.paid + bill.reused for bill in bills)
    tokens = result.grader_usage
    if not count or not tokens.input_tokens + tokens.output_tokens:
        return None
    prices = [each for bill in bills for each in (bill.cost_usd, bill.reused_cost_usd)]
    usd = None if None in prices else sum(each for each in prices if each is not None)
    scale = 1_000 / count
    return Cost(
        count,
        tokens.input_tokens * scale,
        tokens.output_tokens * scale,
        None if usd is None else usd * scale,
    )
