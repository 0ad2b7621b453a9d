"""What MedAgentBench's own checkers ask for, check by check, and what its schemas ask for.

The checkers are written from a description of them, not copied: `docs/agents.md` says what each
check is. Where the benchmark's schema and its checker disagree, both are checks of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from preceptor.benchmarks.medagentbench.facts import Facts
from preceptor.environments.fhir.search import Fidelity
from preceptor.protocols.episodes import Conduct, EpisodeScoring
from preceptor.records import Example

__all__ = ["TaskScoring"]

#: Checks that a verdict does not have: what the server takes is another shape.
_BESIDE: dict[Fidelity, tuple[str, ...]] = {
    "official": ("route_as_schema", "note_as_schema", "wrote_nothing"),
    "strict": ("route_as_checker", "note_as_checker", "no_post"),
}
_REQUEST = {"status": "active", "intent": "order"}


class TaskScoring(EpisodeScoring):
    """The ten types of MedAgentBench.

    Parameters
    ----------
    fidelity
        Of the server: ``official`` wants a route that is a word, as the benchmark's checker does,
        and takes the letters POST in any turn for an order; ``strict`` wants what R4 allows, and
        counts what was written.
    """

    def __init__(self, fidelity: Fidelity) -> None:
        self.beside = _BESIDE[fidelity]

    def due(self, example: Example) -> bool:
        return _facts(example).order

    def branch(self, example: Example) -> tuple[str, str]:
        task = _facts(example)
        return str(task.kind), task.branch

    def checks(self, example: Example, done: Conduct) -> dict[str, bool]:
        task = _facts(example)
        found = {"finished": done.answers is not None}
        if task.order:
            found.update(_ORDERS[task.kind](task, done))
        else:
            found["no_post"] = not done.writes and not any("POST" in text for text in done.said)
            found["wrote_nothing"] = not done.writes
        if task.answers:
            found["answer"] = _answered(task, done.answers)
        return found


def _facts(example: Example) -> Facts:
    return msgspec.convert(example.target, Facts)


def _answered(task: Facts, answers: str | None) -> bool:
    try:
        given = msgspec.json.decode(answers or "")
    except msgspec.DecodeError:
        return False
    if task.kind == 6:
        number = given[0] if isinstance(given, list) and len(given) == 1 else None
        right = task.answers[0][0]
        return _is_number(number) and abs(number - right) < 0.1
    return any(_equal(given, right) for right in task.answers)


def _equal(given: Any, right: list[Any]) -> bool:
    return isinstance(given, list) and given == right


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _body(done: Conduct, place: int, kind: str, count: int) -> dict[str, Any] | None:
    """What was written in a place, where exactly ``count`` things were; else None."""
    if len(done.writes) != count:
        return None
    address, body = done.writes[place]
    rightly = address.rstrip("/").endswith(kind) and isinstance(body, Mapping)
    return dict(body) if rightly else None


def _value(body: Any, *path: str | int) -> Any:
    """What stands at a path of keys and places; None where nothing does."""
    for step in path:
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            return None
    return body


def _about(task: Facts, body: Any) -> bool:
    return bool(_value(body, "subject") == {"reference": f"Patient/{task.patient}"})


def _states(body: Any, words: Mapping[str, str]) -> bool:
    return all(_value(body, name) == word for name, word in words.items())


def _vitals(task: Facts, done: Conduct) -> dict[str, bool]:
    body = _body(done, 0, "Observation", 1)
    coding = _value(body, "category", 0, "coding", 0)
    category = {
        "system": "http://hl7.org/fhir/observation-category",
        "code": "vital-signs",
        "display": "Vital Signs",
    }
    return {
        "one_post": body is not None,
        "category": len(_value(body, "category") or ()) == 1
        and len(_value(body, "category", 0, "coding") or ()) == 1
        and coding == category,
        "code": _value(body, "code") == {"text": task.codes.get("flowsheet", "BP")},
        "time": _value(body, "effectiveDateTime") == task.now,
        "status": _value(body, "status") == "final",
        "value": _value(body, "valueString") == task.words,
        "subject": _about(task, body),
    }


def _minute(task: Facts, body: Any, name: str = "authoredOn") -> bool:
    """Whether the time is now, to the minute."""
    return task.now[:16] in str(_value(body, name))


def _infusion(task: Facts, done: Conduct) -> dict[str, bool]:
    body = _body(done, 0, "MedicationRequest", 1)
    dose = _value(body, "dosageInstruction", 0, "doseAndRate", 0)
    assert task.value is not None
    # The range that is named up to and including its end is the mildest.
    *severe, mildest = sorted(task.steps)
    grams, hours = next((step[1:] for step in severe if task.value < step[0]), mildest[1:])
    return {
        "one_post": body is not None,
        "medication": _value(body, "medicationCodeableConcept", "coding", 0, "code")
        == task.codes.get("ndc"),
        "time": _minute(task, body),
        "dose": _value(dose, "doseQuantity", "value") == grams,
        "rate": _value(dose, "rateQuantity", "value") == hours,
        "state": _states(body, _REQUEST),
        "subject": _about(task, body),
        **_route(body, "IV", lambda text: text == "IV"),
    }


def _route(body: Any, word: str, fits: Callable[[str], bool]) -> dict[str, bool]:
    """The checker wants a word, the schema an object with a text."""
    route = _value(body, "dosageInstruction", 0, "route")
    text = _value(route, "text")
    return {
        "route_as_checker": isinstance(route, str) and fits(route),
        "route_as_schema": isinstance(text, str) and text.strip().lower() == word.lower(),
    }


def _referral(task: Facts, done: Conduct) -> dict[str, bool]:
    body = _body(done, 0, "ServiceRequest", 1)
    return {
        "one_post": body is not None,
        "code": _value(body, "code", "coding", 0, "code") == task.codes.get("snomed"),
        "time": _value(body, "authoredOn") == task.now,
        "state": _states(body, {**_REQUEST, "priority": "stat"}),
        "note_as_checker": task.words in str(_value(body, "note", "text")),
        "note_as_schema": task.words in str(_value(body, "note", 0, "text")),
        "subject": _about(task, body),
    }


def _potassium(task: Facts, done: Conduct) -> dict[str, bool]:
    first = _body(done, 0, "MedicationRequest", 2)
    second = _body(done, 1, "ServiceRequest", 2)
    dose = _value(first, "dosageInstruction", 0, "doseAndRate", 0, "doseQuantity", "value")
    assert task.slope is not None
    assert task.value is not None
    step, each, goal = task.slope
    due = (goal - task.value) / step * each
    tomorrow = datetime.fromisoformat(task.now) + timedelta(days=1)
    return {
        "two_posts": first is not None and second is not None,
        "medication": _value(first, "medicationCodeableConcept", "coding", 0, "code")
        == task.codes.get("ndc"),
        "dose": _is_number(dose) and abs(dose - due) <= 0.1,
        "time": _minute(task, first),
        "state": _states(first, _REQUEST),
        "subject": _about(task, first) and _about(task, second),
        "lab": _value(second, "code", "coding", 0, "code") == task.codes.get("loinc"),
        "lab_state": _states(second, {**_REQUEST, "priority": "stat"}),
        "lab_time": f"{tomorrow:%Y-%m-%d}T08:" in str(_value(second, "occurrenceDateTime")),
        **_route(first, "oral", lambda text: text.lower().strip() == "oral"),
    }


def _new_lab(task: Facts, done: Conduct) -> dict[str, bool]:
    body = _body(done, 0, "ServiceRequest", 1)
    return {
        "one_post": body is not None,
        "lab": _value(body, "code", "coding", 0, "code") == task.codes.get("loinc"),
        "time": _minute(task, body),
        "state": _states(body, {**_REQUEST, "priority": "stat"}),
        "subject": _about(task, body),
    }


_ORDERS: dict[int, Callable[[Facts, Conduct], dict[str, bool]]] = {
    3: _vitals,
    5: _infusion,
    8: _referral,
    9: _potassium,
    10: _new_lab,
}
