"""Where a cheap grader may decide in a cascade: from two runs with the same answers."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import msgspec

from preceptor.analysis.correcting import matched
from preceptor.errors import InputError, shorten
from preceptor.graders import read_address
from preceptor.graders.thresholds import Thresholds, calibrate
from preceptor.records import examples_of
from preceptor.results.pool import Side
from preceptor.scoring.units import units

__all__ = ["CascadePlan", "plan_cascade"]


class CascadePlan(msgspec.Struct, frozen=True):
    """Thresholds for a cascade of two graders.

    Attributes
    ----------
    verdicts, prompts
        Verdicts that both graders gave, and the prompts that they are of.
    wanted
        The agreement that was asked for, 0 to 1.
    thresholds
        And what they were worth on held-out prompts.
    grader, parameters
        What ``--grader`` and each ``--grader-param`` of a run are to say. ``grader`` is None where
        the cheap grader may decide nothing, or the two cannot be a cascade.
    options
        The part of a command line that says it; None as above.
    """

    cheap_side: str
    strong_side: str
    verdicts: int
    prompts: int
    wanted: float
    thresholds: Thresholds
    grader: str | None
    parameters: list[str]
    options: str | None


def plan_cascade(cheap: Side, strong: Side, *, agreement: float = 0.95) -> CascadePlan:
    """Choose the thresholds of a cascade, by the verdicts of the strong grader.

    Parameters
    ----------
    cheap
        By a grader that gives probabilities, ``yesno:`` or ``distilled:``.
    strong
        The same answers, or some of them, judged by the strong grader.
    agreement
        Wanted share of the cheap grader's decisions that agree with the strong one, 0 to 1.

    Raises
    ------
    InputError
        Different benchmarks, a cheap side without probabilities, a rubric that differs, no answer
        in common; beside what :func:`preceptor.graders.thresholds.calibrate` raises.
    """
    if not 0 < agreement < 1:
        raise InputError(f"--agreement: expected a share between 0 and 1, found {agreement:g}")
    names = {side.result.info.benchmark for side in (cheap, strong)}
    if len(names) > 1:
        raise InputError(f"thresholds: expected one benchmark, found {', '.join(sorted(names))}")
    # A cascade has probabilities only where its cheap grader was sure: not what is asked here.
    several = cheap.result.info.grader.startswith(("cascade:", "jury:"))
    given = [v for item in cheap.result.graded for v in item.verdicts if v is not None]
    if several or all(verdict.probability is None for verdict in given):
        raise InputError(
            f"{shorten(cheap.label)}: its grader gives no probabilities: judge the answers by "
            "yesno:ADDRESS or distilled:FILE"
        )
    probabilities: list[float] = []
    labels: list[int] = []
    drawn: list[str] = []
    unit_of = units(examples_of(cheap.result.graded).values())
    for item, other in matched(cheap, strong)[0]:
        for mine, label in zip(item.verdicts, other.verdicts if other else (), strict=False):
            if mine is None or mine.probability is None or label is None or label.met is None:
                continue
            probabilities.append(mine.probability)
            labels.append(int(label.met))
            drawn.append(unit_of[item.example.id])
    if not labels:
        raise InputError(
            f"{shorten(strong.label)} has no verdict on the answers of {shorten(cheap.label)}: it "
            "must have judged the same texts (export them and grade them with replay:FILE)"
        )
    found = calibrate(probabilities, labels, drawn, agreement=agreement)
    decides = found.agreement is not None
    grader = _address(cheap.result.info.grader, strong.result.info.grader) if decides else None
    parameters = [f"low={_exact(found.low)}", f"high={_exact(found.high)}"] if decides else []
    return CascadePlan(
        cheap_side=cheap.label,
        strong_side=strong.label,
        verdicts=len(labels),
        prompts=len(set(drawn)),
        wanted=agreement,
        thresholds=found,
        grader=grader,
        parameters=parameters,
        options=None if grader is None else _options(grader, parameters),
    )


def _options(grader: str, parameters: Sequence[str]) -> str:
    return shlex.join(["--grader", grader, *(word for pair in parameters for word in ("-P", pair))])


def _address(cheap: str, strong: str) -> str | None:
    """The address of the cascade of two graders; None where they cannot be one."""
    mark = ">" if "," in cheap + strong else ","
    try:
        return read_address(f"cascade:{cheap}{mark}{strong}").address
    except InputError:
        return None


def _exact(number: float) -> str:
    """As a command line takes it: one digit less, and the verdict at the threshold is sent on."""
    return repr(number).removesuffix(".0")
