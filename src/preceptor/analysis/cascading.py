"""What the strong grader of a cascade would have given: from the run's own audit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from preceptor.errors import InputError, shorten
from preceptor.graders import Method, Settings, read_address
from preceptor.graders.thresholds import agreement_bound
from preceptor.records import Graded, RunInfo, Verdict, examples_of, reading_settings
from preceptor.results.pool import Side
from preceptor.results.values import matrix, mean_of, values_of
from preceptor.scoring import OVERALL
from preceptor.scoring.units import units
from preceptor.statistics.correction import Corrected, cascade_estimate

__all__ = ["CascadeCorrection", "Voted", "correct_cascade"]


class CascadeCorrection(msgspec.Struct, frozen=True):
    """The score of a cascade, corrected for what its cheap grader gets wrong. On the 0–1 scale.

    Attributes
    ----------
    examples, answers
        Examples with a complete score, and their answers.
    mean, ci95
        As the run has it: the cheap grader's verdict where it was sure.
    corrected
        What the strong grader would have given; see
        :func:`preceptor.statistics.correction.cascade_estimate`.
    verdicts, decided, audited
        All verdicts of these answers, those that the cheap grader decided, and those of them that
        the strong one judged too.
    failed
        Verdicts that were drawn for the audit and that the strong grader failed at.
    audit_share
        Share, above 0 to 1, of the decided that were drawn.
    agreement, bound
        Share of the audited on which both agree, and its lower bound with a confidence of 95 %, by
        prompt.
    """

    side: str
    cheap: str
    strong: str
    examples: int
    answers: int
    mean: float
    ci95: tuple[float, float] | None
    corrected: Corrected
    verdicts: int
    decided: int
    audited: int
    failed: int
    audit_share: float
    agreement: float | None
    bound: float | None


class Voted(Protocol):
    """What is read of a vote: see :class:`preceptor.store.Vote`."""

    @property
    def position(self) -> int: ...
    @property
    def repeat(self) -> int: ...
    @property
    def criterion(self) -> int: ...
    @property
    def role(self) -> str: ...
    @property
    def verdict(self) -> Verdict: ...


class _Row(msgspec.Struct, frozen=True):
    """One criterion of one answer. ``label`` is NaN where the strong grader gave none.

    ``drawn`` says that it was to be audited, whether or not that went well.
    """

    key: str
    example: int
    unit: int
    probability: float
    label: float
    weight: float
    sure: bool
    drawn: bool


def correct_cascade(side: Side, votes: Sequence[Voted]) -> CascadeCorrection:
    """Correct the score of a cascade by the verdicts of its audit.

    Parameters
    ----------
    side
        One run, by a cascade with an audit share.
    votes
        Of that run, as :meth:`preceptor.store.Store.votes` gives them.

    Raises
    ------
    InputError
        Another grader, no audit share, no votes, no complete answer, or an audit that failed
        altogether.

    Notes
    -----
    An audit that the strong grader failed at leaves a verdict without a label: the chance of having
    one is the audit share times the share of the drawn that have one.
    """
    if len(side.runs) != 1:
        raise InputError(
            f"{shorten(side.label)}: without --labels expected one run, found {len(side.runs)}"
        )
    method = _method(side.result.info)
    if not votes:
        raise InputError(
            f"{shorten(side.label)}: the votes of its graders are not in this store: correct it "
            "where it was run, or with --labels"
        )
    rows = list(_rows(side, votes, method))
    if not rows:
        raise InputError(f"{shorten(side.label)}: no answer is graded completely")
    drawn = [row for row in rows if row.sure and row.drawn]
    audited = [row for row in drawn if not np.isnan(row.label)]
    if drawn and not audited:
        raise InputError(
            f"{shorten(side.label)}: the strong grader failed at all {len(drawn)} verdicts of the "
            "audit: run it again"
        )
    share = method.audit_share * (len(audited) / len(drawn) if drawn else 1.0)
    corrected = _estimate(rows, share)
    wrong = np.array([row.label != (row.probability >= method.high) for row in audited])
    values = values_of(side.result)
    unit_of = units(examples_of(side.result.graded).values())
    labels = np.unique([unit_of[name] for name in values], return_inverse=True)[1]
    mean, interval = mean_of(side.result, OVERALL, matrix(values), labels)
    form = read_address(side.result.info.grader)
    return CascadeCorrection(
        side=side.label,
        cheap=form.leaves[0].address,
        strong=form.leaves[1].address,
        examples=len(values),
        answers=sum(len(each) for each in values.values()),
        mean=mean,
        ci95=interval,
        corrected=corrected,
        verdicts=len(rows),
        decided=sum(row.sure for row in rows),
        audited=len(audited),
        failed=len(drawn) - len(audited),
        audit_share=method.audit_share,
        agreement=float(1 - wrong.mean()) if audited else None,
        bound=agreement_bound(wrong, np.array([row.unit for row in audited])),
    )


def _method(info: RunInfo) -> Method:
    """How the cascade went about it."""
    name, again = shorten(info.name), "a cascade with -P audit_share=0.1"
    told = info.settings.grader_parameters
    if not info.grader.startswith("cascade:") or told is None:
        raise InputError(
            f"{name}: was not judged by a cascade: name a run with labels for some of its answers "
            f"with --labels, or judge it by {again}"
        )
    with reading_settings(f"run {name}"):
        method = Settings.decode(told).method
    if method.audit_share == 0:
        raise InputError(
            f"{name}: its cascade has no audit, so nothing tells where the cheap grader is wrong: "
            f"judge the answers again by {again}, which pays for the audit alone"
        )
    return method


def _rows(side: Side, votes: Sequence[Voted], method: Method) -> Iterator[_Row]:
    """The verdicts of completely graded answers."""
    first: dict[tuple[int, int, int], Verdict] = {}
    second: dict[tuple[int, int, int], Voted] = {}
    for vote in votes:
        place = (vote.position, vote.repeat, vote.criterion)
        if vote.role == "cheap":
            first[place] = vote.verdict
        else:
            second[place] = vote
    result = side.result
    complete = {(s.example_id, s.repeat) for s in result.scores if OVERALL in s.values}
    # An example's position is its place among the examples, however often each was answered.
    positions = {
        name: i for i, name in enumerate(dict.fromkeys(g.example.id for g in result.graded))
    }
    graded = [item for item in result.graded if (item.example.id, item.repeat) in complete]
    answers: dict[str, int] = {}
    for item in graded:
        answers[item.example.id] = answers.get(item.example.id, 0) + 1
    unit_of = units(examples_of(result.graded).values())
    numbers: dict[str, int] = {}
    for item in graded:
        unit = numbers.setdefault(unit_of[item.example.id], len(numbers))
        position = positions[item.example.id]
        for index, weight in enumerate(_weights(item)):
            place = (position, item.repeat, index)
            yield _row(
                first[place],
                second.get(place),
                method,
                example=position,
                unit=unit,
                weight=weight / answers[item.example.id],
            )


def _weights(item: Graded) -> list[float]:
    points = [criterion.points for criterion in item.example.criteria]
    attainable = sum(each for each in points if each > 0)
    return [each / attainable for each in points]


def _row(
    cheap: Verdict, vote: Voted | None, method: Method, *, example: int, unit: int, weight: float
) -> _Row:
    chance = cheap.probability if cheap.met is not None else None
    sure = chance is not None and (chance <= method.low or chance >= method.high)
    drawn = vote is not None and vote.role == "audit"
    # A strong vote beside a sure cheap one is what is left of an earlier, failed attempt.
    met = vote.verdict.met if vote is not None and (drawn or not sure) else None
    return _Row(
        key=cheap.key,
        example=example,
        unit=unit,
        # Where the cheap grader failed, the strong one was sure to be asked, and p cancels out.
        probability=0.5 if chance is None else chance,
        label=np.nan if met is None else float(met),
        weight=weight,
        sure=sure,
        drawn=drawn,
    )


def _estimate(rows: Sequence[_Row], share: float) -> Corrected:
    """The estimate over examples, an example being the mean of its answers.

    The audit is drawn by the key of the cheap verdict: an answer that was given twice is audited
    with both or neither. Such verdicts are one draw, of their common weight.
    """
    merged: dict[tuple[int, str], _Row] = {}
    for row in rows:
        known = merged.get((row.example, row.key))
        weight = row.weight + (known.weight if known is not None else 0.0)
        merged[row.example, row.key] = msgspec.structs.replace(row, weight=weight)
    columns = _columns(list(merged.values()), share)
    found = cascade_estimate(
        columns["probability"],
        columns["label"],
        columns["weight"],
        columns["chance"],
        columns["example"],
        clusters=columns["unit"],
    )
    assert found is not None  # there are rows
    return found


def _columns(rows: Sequence[_Row], share: float) -> Mapping[str, NDArray[np.float64]]:
    names = ("probability", "label", "weight", "example", "unit")
    columns = {name: np.array([getattr(row, name) for row in rows], dtype=float) for name in names}
    columns["chance"] = np.array([share if row.sure else 1.0 for row in rows])
    return columns
