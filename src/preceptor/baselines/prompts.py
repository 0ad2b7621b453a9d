"""A row of a table as a question to a system. A change of the words is a new VERSION."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from preceptor.baselines.cohort import Cohort
from preceptor.baselines.dictionary import Column

__all__ = ["NO", "VERSION", "YES", "question_of", "record", "shown"]

VERSION = 1
YES, NO = "yes", "no"
_SEX = "male"

_STAY = "Each value is the last one, then the lowest and the highest so far where they differ."


def shown(cohort: Cohort, also: Sequence[str] = ()) -> list[str]:
    """The columns of a record: the features, and texts that are none; of a stay its age first."""
    names: dict[str, None] = {}
    for feature in cohort.features:
        base, kind = _parts(cohort, feature)
        if kind != "count":
            names["sex" if cohort.series and base == _SEX else base] = None
    ordered = sorted(names, key=lambda name: name in cohort.series)
    return [*ordered, *(name for name in also if name not in names)]


def record(cohort: Cohort, row: int, columns: Sequence[str], words: Mapping[str, Column]) -> str:
    """A line for each column with its value and unit, and one that names those without a value."""
    lines, missing = [], []
    for name in columns:
        said = words.get(name, Column(name))
        value = _value(cohort, row, name)
        if value is None:
            missing.append(said.name)
        else:
            lines.append(f"- {said.name}: {value}{f' {said.unit}' if said.unit else ''}")
    if missing:
        lines.append(f"- missing: {', '.join(missing)}")
    about = f" {_STAY}" if cohort.series and cohort.hour is None else ""
    return f"The record of one patient.{about}\n\n" + "\n".join(lines)


def question_of(cohort: Cohort, stated: str | None, outcome: str) -> tuple[str, tuple[str, ...]]:
    """The question in words, and the words of which one is the answer.

    Parameters
    ----------
    stated
        The user's own words, in which ``{outcome}`` stands for the outcome.
    """
    if cohort.kind == "multiclass":
        letters = tuple("ABCDEFGHIJ"[: len(cohort.classes)])
        listed = [f"{letter}: {name}" for letter, name in zip(letters, cohort.classes, strict=True)]
        asked = stated or "Which of these is the {outcome} of this patient?"
        told = "Answer with the letter alone."
        return "\n".join([asked.replace("{outcome}", outcome), *listed, told]), letters
    asked = stated or "Is this true of the patient: {outcome}?"
    return f"{asked.replace('{outcome}', outcome)}\nAnswer with one word: {YES} or {NO}.", (YES, NO)


def _parts(cohort: Cohort, feature: str) -> tuple[str, str]:
    """The column that a feature is made of, and which value of it."""
    if cohort.series:
        base, _, kind = feature.rpartition("_")
        return (base, kind) if base in cohort.series else (feature, "")
    base = feature.partition("=")[0]
    return (base if base in cohort.texts else feature), ""


def _value(cohort: Cohort, row: int, name: str) -> str | None:
    if name in cohort.texts:
        text = cohort.texts[name][row]
        return None if text is None else " ".join(text.split())
    if cohort.series and name == "sex":
        sex = cohort.groups["sex"][row]
        return None if sex is None else sex.lower()
    numbers = [cohort.x[row, place] for place in _places(cohort, name)]
    digits = 4 if cohort.series else 10
    said = [None if math.isnan(number) else _written(number, digits) for number in numbers]
    last, *span = said
    if last is None or not span or span[0] == span[1]:
        return last
    return f"{last} ({span[0]} to {span[1]})"


def _written(number: float, digits: int) -> str:
    """The number with so many digits, and no exponent for those of usual size."""
    return f"{float(f'{number:.{digits}g}'):.10g}"


def _places(cohort: Cohort, name: str) -> Iterator[int]:
    """Where the values of a column are: itself; of a series the last, least and greatest."""
    if name not in cohort.series:
        yield cohort.features.index(name)
        return
    for kind in ("last",) if cohort.hour is not None else ("last", "min", "max"):
        yield cohort.features.index(f"{name}_{kind}")
