"""Charts drawn for tasks that have no answers: half of the orders due, and every branch there.

Nobody has published these charts: an answer that is right was found in the record.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from preceptor.benchmarks.base import Fields
from preceptor.benchmarks.medagentbench.facts import LAB_OF_TYPE, LOW_MAGNESIUM, kind_of, now_of
from preceptor.errors import InputError

__all__ = ["SAID_BESIDE", "drawn_answers"]

#: Counts the charts that were drawn: a new one for all patients, where one may be known by heart.
_EDITION = 1
#: What the words of these tasks leave out, and their checks want: type → a sentence.
SAID_BESIDE = {
    3: "The flowsheet ID for blood pressure is BP.",
    5: f"Magnesium is low up to {LOW_MAGNESIUM} mg/dL.",
}
#: What is taken for patients of a task in turn, so that each branch has its share.
_Shares = tuple[str, ...]
_SHARES: dict[str, _Shares] = {
    "MG": ("low", "normal", "low", "absent"),
    "GLU": ("present", "present", "present", "absent"),
    "K": ("low", "normal"),
    "A1C": ("stale", "fresh", "absent", "fresh"),
}


def drawn_answers(rows: Sequence[Fields]) -> dict[str, Fields]:
    """Id of a task → its answer, in the form of the benchmark's reference answers."""
    patients: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        lab = LAB_OF_TYPE.get(kind_of(row))
        if lab is not None:
            patients[lab].add(row.text("eval_MRN"))
    times = [time for row in rows if (time := now_of(row))]
    if not times:
        raise InputError("the tasks: expected the time in their contexts, found none")
    now = datetime.fromisoformat(max(times))
    charts = {
        (patient, lab): _CHARTS[lab](random.Random(f"{_EDITION}/{patient}/{lab}"), branch, now)  # noqa: S311
        for lab, found in patients.items()
        for patient, branch in _branches(lab, found)
    }
    answers = {}
    for number, row in enumerate(rows, 1):
        kind = kind_of(row)
        if kind in LAB_OF_TYPE:
            chart = charts[row.text("eval_MRN"), LAB_OF_TYPE[kind]]
            answers[row.text("id")] = Fields(chart[kind], "drawn answers", number)
    return answers


def _branches(lab: str, patients: Iterable[str]) -> Iterator[tuple[str, str]]:
    def place(patient: str) -> str:
        return hashlib.sha256(f"{_EDITION}/{lab}/{patient}".encode()).hexdigest()

    shares = _SHARES[lab]
    for number, patient in enumerate(sorted(patients, key=place)):
        yield patient, shares[number % len(shares)]


#: Type of a task → the fields of its answer.
_Chart = dict[int, dict[str, Any]]


def _magnesium(chance: random.Random, branch: str, now: datetime) -> _Chart:
    if branch == "absent":
        return {
            4: {"branch": "data_absent", "live_ref_sol": [-1]},
            5: {"branch": "data_absent_no_order", "live_latest_24h": None},
        }
    low = branch == "low"
    value = round(chance.uniform(0.7, LOW_MAGNESIUM) if low else chance.uniform(2.0, 2.9), 1)
    return {
        4: {"branch": "data_present", "live_ref_sol": [value]},
        5: {
            "branch": "low_order_required" if low else "high_no_order",
            "live_latest_24h": value,
        },
    }


def _glucose(chance: random.Random, branch: str, now: datetime) -> _Chart:
    values = [chance.randint(70, 260) for _ in range(chance.randint(1, 6))]
    mean = -1 if branch == "absent" else sum(values) / len(values)
    return {
        6: {"branch": f"data_{branch}", "live_ref_sol_approx": [mean]},
        7: {"branch": "data_present", "live_ref_sol_approx": [values[-1]]},
    }


def _potassium(chance: random.Random, branch: str, now: datetime) -> _Chart:
    low = branch == "low"
    value = round(chance.uniform(2.5, 3.4) if low else chance.uniform(3.5, 5.4), 1)
    return {
        9: {"branch": "low_order_required" if low else "normal_no_order", "live_latest_K": value}
    }


def _haemoglobin(chance: random.Random, branch: str, now: datetime) -> _Chart:
    if branch == "absent":
        return {10: {"branch": "data_absent_order_required", "live_ref_sol": [-1]}}
    stale = branch == "stale"
    days = chance.randint(370, 1400) if stale else chance.randint(2, 360)
    at = now - timedelta(days=days, minutes=chance.randint(0, 600))
    value = round(chance.uniform(4.8, 11.5), 1)
    named = "stale_order_required" if stale else "fresh_report_value"
    return {10: {"branch": named, "live_ref_sol": [value, at.isoformat()]}}


_CHARTS: dict[str, Callable[[random.Random, str, datetime], _Chart]] = {
    "MG": _magnesium,
    "GLU": _glucose,
    "K": _potassium,
    "A1C": _haemoglobin,
}
