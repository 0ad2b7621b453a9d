"""Conditions on runs, such as ``benchmark=starter``, ``system=*gpt*`` or ``score>60``."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from preceptor.errors import InputError, did_you_mean, shorten
from preceptor.records import Result, RunInfo

__all__ = ["SCORED", "Condition", "measures", "read_condition", "split"]

#: What the list of runs says of each, by the words of its columns.
_STATED: Mapping[str, Callable[[RunInfo], str | float]] = {
    "run": lambda run: run.name,
    "benchmark": lambda run: run.benchmark,
    "system": lambda run: run.system,
    "grader": lambda run: run.grader,
    "status": lambda run: run.status,
    "started": lambda run: run.created_at,
    "n": lambda run: run.n_examples,
    "repeats": lambda run: run.repeats,
}
#: What only a run's answers tell: points of 100, percent, dollars.
SCORED = ("score", "coverage", "cost")
_COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FORM = re.compile(r"\s*(\w+)\s*(!=|<=|>=|=|<|>)\s*(.*?)\s*", re.DOTALL)


class Condition(NamedTuple):
    """A field, a comparison and a value as the user typed it."""

    field: str
    sign: str
    value: str

    def of_run(self, run: RunInfo) -> bool:
        """Whether it holds for what the list of runs says."""
        return self._holds(_STATED[self.field](run))

    def of_measures(self, found: Mapping[str, float | None]) -> bool:
        """Whether it holds for a score, coverage or cost; never for one that is undefined."""
        value = found[self.field]
        return value is not None and self._holds(value)

    def _holds(self, found: str | float) -> bool:
        if not isinstance(found, str):
            return _COMPARED[self.sign](found, float(self.value))
        found, value = found.casefold(), self.value.casefold()
        if self.sign in ("=", "!="):
            texts = {found, self._model(found)}
            return any(fnmatchcase(text, value) for text in texts) == (self.sign == "=")
        # Of a time, `<=2026-11-30` is true until that day ends.
        part = found[: len(value)] if self.field == "started" else found
        return bool(_COMPARED[self.sign](part, value))  # type: ignore[arg-type]

    def _model(self, address: str) -> str:
        """``gpt-5.4`` of ``openai/gpt-5.4``: what is typed for a system or grader."""
        if self.field not in ("system", "grader"):
            return address
        return re.split(r"[/#]", address)[-1]


def read_condition(text: str) -> Condition:
    """A condition of ``FIELD=VALUE``, with ``!=``, ``<``, ``<=``, ``>`` or ``>=`` in its place.

    A text is compared in any case; with ``=`` and ``!=`` its value may have ``*``, ``?`` and
    ``[…]``, and of a system or grader the name of its model is enough.

    Raises
    ------
    InputError
        No such field, or no number where one is needed.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise InputError(
            f"--where {shorten(text)}: expected FIELD=VALUE, such as benchmark=starter or score>60"
        )
    condition = Condition(*found.groups())
    known = (*_STATED, *SCORED)
    if condition.field not in known:
        near = did_you_mean(condition.field, known)
        raise InputError(f"--where {shorten(text)}: {near}the fields are {', '.join(known)}")
    if condition.field in ("n", "repeats", *SCORED):
        try:
            number = float(condition.value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise InputError(
                f"--where {shorten(text)}: expected a number, found {shorten(condition.value)}"
            )
    return condition


def measures(result: Result) -> dict[str, float | None]:
    """The values of SCORED, as rounded as they are printed."""
    from preceptor.scoring import OVERALL  # a list of runs needs no numpy

    overall = result.metrics.get(OVERALL)
    value = None if overall is None else overall.value
    share = overall is not None and overall.unit == "share"
    return {
        "score": None if value is None else round(100 * value if share else value, 1),
        "coverage": round(100 * result.coverage, 1),
        "cost": result.cost_usd,
    }


def split(conditions: Sequence[Condition]) -> tuple[list[Condition], list[Condition]]:
    """Those on what the list of runs says, and those on what must be computed."""
    stated = [each for each in conditions if each.field not in SCORED]
    return stated, [each for each in conditions if each.field in SCORED]
