"""Two forms of rating the same answers: how far raters agree by each, and what it takes them."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from preceptor.audit.agreement import Estimate, estimates
from preceptor.audit.rating_rows import RatingColumns, rating_rows
from preceptor.audit.ratings import Ratings, read_ratings
from preceptor.cells import is_missing, read_number
from preceptor.errors import DataError, InputError, shorten
from preceptor.statistics.icc import agreement_icc, mean_icc
from preceptor.statistics.sums import Statistic, over

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Form", "FormComparison", "compare_forms"]

#: Columns of the time that a rating took; the second is Label Studio's.
_TIMES = ("seconds", "lead_time")


class Form(msgspec.Struct, frozen=True):
    """One form of rating, on the answers that all raters of both forms rated.

    Attributes
    ----------
    ratings
        Labels behind the scores of these answers.
    single, average
        ICC(2,1) = ICC(A,1) and ICC(3,k) = ICC(C,k) of the scores of an answer.
    seconds
        Mean time of one rater for one answer; None where no time is given.
    timed
        Pairs of rater and answer whose time is known.
    """

    source: str
    raters: list[str]
    ratings: int
    single: Estimate
    average: Estimate
    seconds: Estimate | None
    timed: int


class FormComparison(msgspec.Struct, frozen=True):
    """Two forms, and the first less the second; ``left_out`` are answers without every rating."""

    answers: int
    prompts: int
    left_out: int
    forms: list[Form]
    single: Estimate
    average: Estimate
    seconds: Estimate | None


class _Scores:
    """Each rater's score of each answer: the mean of their labels on it, in points' direction."""

    def __init__(self, path: Path) -> None:
        try:
            ratings = read_ratings(path, "met")
        except DataError as error:
            if error.field != "label":
                raise
            ratings = read_ratings(path, "interval")
        if len(ratings.raters) < 2:
            raise InputError(f"{path}: expected two raters or more, found {len(ratings.raters)}")
        self.source, self.raters = str(path), ratings.raters
        self.prompts = {item.response: item.prompt or item.response for item in ratings.items}
        self.labels: dict[str, list[Floats]] = defaultdict(list)
        for item, row in zip(ratings.items, ratings.table, strict=True):
            self.labels[item.response].append(_turned(row, item.points, ratings))
        self.seconds = _seconds(path)

    def of(self, answer: str) -> Floats:
        """Shape (raters,); NaN for a rater without a label."""
        table = np.array(self.labels[answer])
        given = (~np.isnan(table)).sum(axis=0)
        return over(np.nansum(table, axis=0), given)

    def times(self, answer: str) -> list[float]:
        found = (self.seconds.get((answer, rater)) for rater in self.raters)
        return [each for each in found if each is not None]


def _turned(row: Floats, points: float | None, ratings: Ratings) -> Floats:
    return 1 - row if ratings.kind == "met" and points is not None and points < 0 else row


def _seconds(path: Path) -> dict[tuple[str, str], float]:
    """(Answer, rater) → seconds of all their ratings; none where one of these has no time."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    for line, row in rating_rows(path, RatingColumns(), []):
        name = next((each for each in _TIMES if each in row), None)
        text = "" if name is None else row[name].strip()
        value = math.nan
        if name is not None and not is_missing(text):
            try:
                value = read_number(text, row)
            except ValueError:
                value = -1.0
            if not 0 <= value < math.inf:
                problem = f"expected seconds from 0, found {shorten(text)}"
                raise DataError(str(path), line, name, problem)
        found[row["response"], row["rater"].strip()] += value
    return {key: each for key, each in found.items() if not math.isnan(each)}


def compare_forms(first: Path, second: Path, *, seed: int = 0) -> FormComparison:
    """Compare two tables of ratings of the same answers.

    A table has the columns of `read_ratings`: labels are yes or no, or numbers. A rater's score of
    an answer is the mean of their labels on it; of a criterion with negative points no counts as
    yes. Only answers that every rater of both tables rated are taken, and intervals resample whole
    prompts, the same for both.

    Raises
    ------
    DataError, InputError
        As `read_ratings`; fewer than two raters; fewer than two answers in both.
    """
    forms = [_Scores(first), _Scores(second)]
    known = list(dict.fromkeys([*forms[0].labels, *forms[1].labels]))
    shared = [each for each in known if all(each in form.labels for form in forms)]
    tables = [np.array([form.of(each) for each in shared]) for form in forms]
    whole = [
        place
        for place in range(len(shared))
        if not any(np.isnan(table[place]).any() for table in tables)
    ]
    if len(whole) < 2:
        raise InputError(
            f"{second}: expected two answers or more that all raters of both files rated, found "
            f"{len(whole)}: the column response must have the same names in both"
        )
    answers = [shared[place] for place in whole]
    prompts = np.unique([forms[0].prompts[each] for each in answers], return_inverse=True)[1]
    statistics: list[Statistic] = []
    for form, table in zip(forms, tables, strict=True):
        statistics += [agreement_icc(table[whole]), mean_icc(table[whole]), _time(form, answers)]
    statistics += [_less(statistics[at], statistics[at + 3]) for at in range(3)]
    found = estimates(statistics, prompts.ravel(), seed=seed)
    made = [_form(form, answers, found[3 * at : 3 * at + 3]) for at, form in enumerate(forms)]
    apart = found[6:]
    return FormComparison(
        *(len(answers), len(np.unique(prompts)), len(known) - len(answers), made),
        *(apart[0], apart[1], _there(apart[2])),
    )


def _form(form: _Scores, answers: list[str], found: list[Estimate]) -> Form:
    ratings = sum(int((~np.isnan(row)).sum()) for each in answers for row in form.labels[each])
    timed = sum(len(form.times(each)) for each in answers)
    raters, (single, average, seconds) = list(form.raters), found
    return Form(form.source, raters, ratings, single, average, _there(seconds), timed)


def _there(estimate: Estimate) -> Estimate | None:
    return None if estimate.value is None else estimate


def _time(form: _Scores, answers: list[str]) -> Statistic:
    """Mean seconds of a rater for an answer."""
    times = [form.times(each) for each in answers]
    terms = np.array([[sum(each), len(each)] for each in times], dtype=np.float64)
    return Statistic(terms, lambda sums: over(sums[..., 0], sums[..., 1]))


def _less(one: Statistic, other: Statistic) -> Statistic:
    """One less the other, of the same units."""
    width = one.terms.shape[1]

    def formula(sums: Floats) -> Floats:
        found: Floats = one.formula(sums[..., :width]) - other.formula(sums[..., width:])
        return found

    return Statistic(np.hstack([one.terms, other.terms]), formula)
