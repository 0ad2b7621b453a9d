"""What a task asks, and what is right, from its words and the answers that the user has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from preceptor.benchmarks.base import Fields
from preceptor.benchmarks.medagentbench.labs import Wanted

__all__ = [
    "ACTIONS",
    "LAB_OF_TYPE",
    "LOW_MAGNESIUM",
    "Facts",
    "facts",
    "kind_of",
    "now_of",
    "wanted",
]

#: Types whose tasks write into the record.
ACTIONS = (3, 5, 8, 9, 10)
#: Type of a task → the laboratory value that it is about.
LAB_OF_TYPE = {4: "MG", 5: "MG", 6: "GLU", 7: "GLU", 9: "K", 10: "A1C"}
_NUMBER = r"(-?\d+(?:\.\d+)?)"
_STEP = re.compile(
    rf"(?:{_NUMBER} to <?{_NUMBER}|<{_NUMBER}) mg/dL\):\s*IV: {_NUMBER} g over {_NUMBER} hour"
)
_STEP_IN_WORDS = re.compile(
    rf"(?:less than {_NUMBER}, order|otherwise) {_NUMBER} g IV over {_NUMBER} hour"
)
#: Up to here magnesium is low, in mg/dL: so say the tasks that are published.
LOW_MAGNESIUM = 1.9


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """The target of an example.

    Attributes
    ----------
    kind
        1 to 10.
    now
        Where the task says it.
    branch
        Which way the record makes the task go.
    answers
        The right answers, each a list; empty where any will do.
    order
        Whether something must be written.
    value
        The laboratory value that decides.
    codes
        What the task gives for what is to be ordered or recorded: name → code.
    steps
        Of a replacement by infusion: (below or up to, grams, hours), the mildest first.
    slope
        Of a replacement by mouth: (step, mEq for each step, goal).
    words
        What is to be recorded, or said in a referral.
    records
        Hash of the records that the task is about.
    """

    kind: int
    patient: str
    now: str
    branch: str
    answers: list[list[Any]]
    order: bool = False
    value: float | None = None
    codes: dict[str, str] = {}
    steps: list[tuple[float, float, float]] = []
    slope: tuple[float, float, float] | None = None
    words: str = ""
    records: str = ""


def kind_of(task: Fields) -> int:
    """The type that the id of a task names."""
    kind = int(_found(task, "id", r"task(\d+)_"))
    if kind not in range(1, 11):
        raise task.fault("id", "one of the ten types, such as task1_1", task.text("id"))
    return kind


def now_of(task: Fields) -> str:
    """The time at which it is asked; empty where it does not say."""
    return _search(task.optional_text("context") or "", r"It's (\S+) now") or ""


def facts(task: Fields, answer: Fields | None) -> Facts:
    """What is asked in a task's words; what is right by its answer.

    Raises
    ------
    DataError
        The words are not those of the benchmark, or the answer is not there.
    """
    kind, now = kind_of(task), now_of(task)
    context = task.optional_text("context") or ""
    # A patient who is looked for, and not there, has no number.
    patient = task.optional_text("eval_MRN") if kind == 1 else task.text("eval_MRN")
    whole = Facts(kind, patient or "", now, "", [])
    more: dict[str, Any] = {"codes": _codes(context)}
    if kind == 3:
        more["words"] = _found(task, "instruction", r'it is "?(\d+/\d+ mmHg)"?')
    elif kind == 8:
        more["words"] = _found(task, "instruction", r'referral, "([^"]+)"')
    elif kind == 5:
        more["steps"] = _steps(context)
    elif kind == 9:
        rule = rf"every {_NUMBER} .*? order {_NUMBER} mEq .*? goal of {_NUMBER}"
        match = re.search(rule, context, re.DOTALL)
        more["slope"] = None if match is None else tuple(map(float, match.groups()))
    if kind in (3, 8):
        right: dict[str, Any] = {"branch": "order", "order": True, "answers": []}
    elif kind == 1:
        solution = list(task.texts("sol"))
        unknown = not re.fullmatch(r"S\d+", solution[0])
        right = {"branch": "unknown" if unknown else "known", "answers": [solution]}
    elif kind == 2:
        right = {"branch": "age", "answers": []}
    elif answer is None:
        raise task.fault("id", "an answer to it among the reference answers", task.text("id"))
    else:
        right = _right(kind, answer)
    return msgspec.structs.replace(whole, **more, **right)


def _right(kind: int, answer: Fields) -> dict[str, Any]:
    branch = answer.text("branch")
    if kind in (4, 6, 7):
        name = "live_ref_sol" if kind == 4 else "live_ref_sol_approx"
        return {"branch": branch, "answers": [_solution(answer, name)]}
    if kind == 10:
        solution = _solution(answer, "live_ref_sol")
        fresh = branch.startswith("fresh")
        value = None if solution == [-1] else solution[0]
        return {"branch": branch, "answers": [solution, []], "order": not fresh, "value": value}
    name = "live_latest_24h" if kind == 5 else "live_latest_K"
    value = None if answer.need(name, "a number or null") is None else answer.number(name)
    if kind == 9 and value is None:
        known: list[list[Any]] = [[-1], []]
    else:
        known = [] if value is None else [[value], []]
    return {"branch": branch, "answers": known, "order": "required" in branch, "value": value}


def _solution(answer: Fields, name: str) -> list[Any]:
    found = answer.need(name, "a list that begins with a number")
    if not isinstance(found, list) or not found or isinstance(found[0], bool):
        raise answer.fault(name, "a list that begins with a number", found)
    if not isinstance(found[0], int | float):
        raise answer.fault(name, "a list that begins with a number", found)
    return found


def _codes(context: str) -> dict[str, str]:
    forms = {
        "flowsheet": r"flowsheet ID for [^.]*? is (\w+)",
        "lab": r'The code for [^.]*? is "(\w+)"',
        "ndc": r"The NDC for [^.]*? is ([\d-]+)",
        "loinc": r"The LOINC code for [^.]*? is:? ([\d-]+)",
        "snomed": r"The SNOMED code for [^.]*? is (\d+)",
    }
    found = {name: _search(context, form) for name, form in forms.items()}
    return {name: code for name, code in found.items() if code is not None}


def _steps(context: str) -> list[tuple[float, float, float]]:
    """In either form of the words; the mildest is up to what the first form says."""
    found = []
    for match in _STEP.finditer(context):
        _, upper, below, grams, hours = match.groups()
        found.append((float(upper or below), float(grams), float(hours)))
    for match in _STEP_IN_WORDS.finditer(context):
        below, grams, hours = match.groups()
        found.append((float(below or LOW_MAGNESIUM), float(grams), float(hours)))
    return found


def _search(text: str, form: str) -> str | None:
    match = re.search(form, text)
    return None if match is None else match[1]


def _found(task: Fields, name: str, form: str) -> str:
    text = task.text(name)
    found = _search(text, form)
    if found is None:
        raise task.fault(name, "the words of MedAgentBench", text)
    return found


def wanted(known: list[Facts]) -> dict[tuple[str, str], Wanted]:
    """(patient, laboratory value) → what the series must give, from all tasks about them."""
    found: dict[tuple[str, str], Wanted] = {}
    for each in known:
        lab = LAB_OF_TYPE.get(each.kind)
        if lab is None:
            continue
        key = each.patient, lab
        found[key] = _joined(found.get(key, Wanted()), each)
    return found


def _joined(before: Wanted, task: Facts) -> Wanted:
    change: Mapping[str, Any]
    if task.kind in (4, 6):
        value = task.answers[0][0]
        absent = value == -1
        name = "newest" if task.kind == 4 else "mean"
        change = {"recent": False} if absent else {name: value}
    elif task.kind == 5:
        change = {"recent": False} if task.value is None else {"newest": task.value}
    elif task.kind == 7:
        change = {"newest": task.answers[0][0]}
    elif task.kind == 9:
        change = {"newest": task.value}
    elif task.value is None:
        change = {"none": True}
    else:
        change = {"newest": task.value, "at": task.answers[0][1]}
    return msgspec.structs.replace(before, **change)
