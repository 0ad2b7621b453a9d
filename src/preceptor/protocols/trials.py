"""Trials of an agent that were run and judged elsewhere: reward, checks, exception, cost, time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from preceptor.protocols.scoring import Scoring
from preceptor.records import Example, Graded, Metric, Score
from preceptor.scoring.attempts import ATTEMPT_LABELS, all_of_k
from preceptor.scoring.bounds import scored
from preceptor.scoring.judged import count_metric
from preceptor.scoring.ratings import Scale
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.units import units

__all__ = ["TRIAL_LABELS", "Trial", "TrialScoring"]

_SOUND, _FAILED, _CHECKS = "sound", "failed", "checks"
#: Metric → what it is counted in.
_COUNTED = {"cost": "dollars", "minutes": "minutes"}
#: Display names of the family's metrics, for a benchmark's ``labels``.
TRIAL_LABELS = {
    OVERALL: "Passed (pass@1)",
    _SOUND: "Passed, of trials without an exception",
    _FAILED: "Trials that ended with an exception",
    _CHECKS: "Checks that hold",
    "cost": "Cost of a trial",
    "minutes": "Time of a trial",
    **ATTEMPT_LABELS,
}


class Trial(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of a response that is a trial.

    Attributes
    ----------
    reward
        0 or 1; None where the trial left none.
    exception
        Its name in the tool that ran the trial; None where it ended as it should.
    checks
        Named checks that apply: name → whether it holds.
    """

    reward: float | None = None
    exception: str | None = None
    checks: Mapping[str, bool] = {}


class TrialScoring(Scoring):
    """pass@1 as leaderboards count: the mean reward, 0 where a trial left none.

    Infrastructure is apart: ``failed`` is the share of trials with an exception, and ``sound`` the
    mean reward of the others. ``checks`` is the share of a trial's checks that hold: partial
    credit.
    """

    missing_is_wrong = True
    reads = False
    shares = (OVERALL, _SOUND, _FAILED, "check")
    units_are = "tasks"
    scales: Mapping[str, Scale] = {_FAILED: Scale(0, 1, higher_is_better=False)}

    def score(self, graded: Graded) -> Score:
        response = graded.response
        if response is None:
            return scored(graded, {}, {OVERALL: 0.0}, {OVERALL: 1.0}, {OVERALL: (0, 1)})
        trial = msgspec.convert(response.state or {}, Trial)
        values = {OVERALL: trial.reward or 0.0, _FAILED: float(trial.exception is not None)}
        if trial.exception is None:
            values[_SOUND] = values[OVERALL]
        if trial.checks:
            values[_CHECKS] = sum(trial.checks.values()) / len(trial.checks)
        values |= {f"check:{name}": float(holds) for name, holds in trial.checks.items()}
        if response.cost_usd is not None:
            values["cost"] = response.cost_usd
        if response.latency_s:
            values["minutes"] = response.latency_s / 60
        return scored(graded, values, values, values, dict.fromkeys(values, (1, 1)))

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        unit_of = units(examples)
        known = [name for name in _COUNTED if any(name in score.values for score in scores)]
        counted = {name: count_metric(scores, name, unit_of, unit=_COUNTED[name]) for name in known}
        return {**all_of_k(scores, unit_of), **counted}
