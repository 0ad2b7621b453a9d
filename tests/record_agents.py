"""Agents for the tasks of MedAgentBench: one that does what a task says, and careless ones."""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from preceptor.environments.base import Environment
from preceptor.environments.fhir.tools import FINISH, SEARCHES, WRITES
from preceptor.records import Example, Message, Response, ToolCall, ToolResult, Turn

BASE = "http://localhost:8080/fhir"
Step = tuple[str, dict[str, Any]]
Agent = Generator[Step, Any, None]


async def play(environment: Environment, example: Example, agent: Agent) -> Response:
    """An interaction without an engine: by tools where the session has some, else as text."""
    session = environment.open(example)
    turns: list[Turn] = []
    step = next(agent)
    for place in range(100):
        called = (ToolCall(str(place), step[0], json.dumps(step[1])),)
        said = Message("assistant", called if session.tools else _as_text(*step))
        turns.append(Turn(said))
        reply = await session.reply(said)
        if reply is None:
            break
        turns.append(Turn(reply, "environment"))
        results = [part.text for part in reply.parts if isinstance(part, ToolResult)]
        text = results[0] if results else reply.text
        body = text[text.find("{") : text.rfind("}") + 1]
        step = agent.send(json.loads(body) if body else None)
    await session.close()
    return Response("key", "", turns=tuple(turns), state=session.state)


def _as_text(name: str, arguments: dict[str, Any]) -> str:
    """The same step in the text protocol."""
    if name == FINISH:
        return f"FINISH({json.dumps(arguments['answers'])})"
    if name in WRITES:
        body = {"resourceType": WRITES[name], **arguments}
        return f"POST {BASE}/{WRITES[name]}\n{json.dumps(body)}"
    return f"GET {BASE}/{SEARCHES[name]}?{urlencode(arguments)}"


def says(*answers: Any) -> Agent:
    """Ends at once."""
    yield FINISH, {"answers": list(answers)}


def _readings(patient: str, lab: str, **more: Any) -> Generator[Step, Any, list[tuple[str, float]]]:
    """All of them, page by page: (time, value), the latest first."""
    found: list[tuple[str, float]] = []
    while True:
        asked = {"patient": patient, "code": lab, "_sort": "-date", "_offset": len(found), **more}
        page = yield "observation_search", asked
        for entry in page.get("entry", []):
            held = entry["resource"]
            found.append((held["effectiveDateTime"], held["valueQuantity"]["value"]))
        if not any(link["relation"] == "next" for link in page["link"]):
            return found


def careful(example: Example, *, as_checker: bool = False) -> Agent:
    """Reads the task's own words and the record, and nothing of the target.

    ``as_checker`` writes what the benchmark's checker wants, else what R4 allows.
    """
    words = example.messages[-1].text
    kind = int(example.id.rpartition("task")[2].partition("_")[0])
    now = datetime.fromisoformat(_in(words, r"It's (\S+) now") or "2023-11-13T10:15:00+00:00")
    patient = _in(words, r"\b(S\d{7})\b") or ""
    day = f"ge{(now - timedelta(days=1)).isoformat()}"
    if kind == 1:
        yield from _number(words)
    elif kind == 2:
        page = yield "patient_search", {"identifier": patient}
        born = date.fromisoformat(page["entry"][0]["resource"]["birthDate"])
        age = now.year - born.year - ((now.month, now.day) < (born.month, born.day))
        yield "finish", {"answers": [age]}
    elif kind == 3:
        yield "vitals_create", _vitals(words, patient, now)
        yield "finish", {"answers": []}
    elif kind == 4:
        found = yield from _readings(patient, "MG", date=day)
        yield "finish", {"answers": [found[0][1] if found else -1]}
    elif kind == 5:
        yield from _magnesium(patient, now, day, as_checker)
    elif kind == 6:
        found = yield from _readings(patient, "GLU", date=day)
        mean = sum(value for _, value in found) / len(found) if found else -1
        yield "finish", {"answers": [mean]}
    elif kind == 7:
        found = yield from _readings(patient, "GLU")
        yield "finish", {"answers": [found[0][1]]}
    elif kind == 8:
        quoted = _in(words, r'referral, "([^"]+)"')
        code = _in(words, r"The SNOMED code for [^.]*? is (\d+)")
        note = {"text": quoted}
        asked = _request(patient, now, code, note=note if as_checker else [note])
        yield "service_request_create", asked
        yield "finish", {"answers": []}
    elif kind == 9:
        yield from _potassium(patient, now, as_checker)
    else:
        yield from _glucose(patient, now)


def _in(words: str, form: str) -> str | None:
    match = re.search(form, words)
    return None if match is None else match[1]


def _number(words: str) -> Agent:
    named = re.search(r"name (.+?) and DOB of (\d{4}-\d\d-\d\d)", words)
    assert named is not None
    given, family = named[1].split()
    asked = {"given": given, "family": family, "birthdate": named[2]}
    page = yield "patient_search", asked
    entries = page.get("entry", [])
    known = [entry["resource"]["identifier"][0]["value"] for entry in entries]
    yield "finish", {"answers": known or ["Patient not found"]}


def _vitals(words: str, patient: str, now: datetime) -> dict[str, Any]:
    coding = {
        "system": "http://hl7.org/fhir/observation-category",
        "code": "vital-signs",
        "display": "Vital Signs",
    }
    return {
        "category": [{"coding": [coding]}],
        "code": {"text": "BP"},
        "effectiveDateTime": now.isoformat(),
        "status": "final",
        "valueString": _in(words, r'it is "?(\d+/\d+ mmHg)"?'),
        "subject": {"reference": f"Patient/{patient}"},
    }


def _request(patient: str, now: datetime, code: str | None, **more: Any) -> dict[str, Any]:
    return {
        "code": {"coding": [{"code": code}]},
        "authoredOn": now.isoformat(),
        "status": "active",
        "intent": "order",
        "priority": "stat",
        "subject": {"reference": f"Patient/{patient}"},
        **more,
    }


def _order(patient: str, now: datetime, code: str, route: Any, rate: Any) -> dict[str, Any]:
    return {
        "medicationCodeableConcept": {"coding": [{"code": code}]},
        "authoredOn": now.isoformat(),
        "dosageInstruction": [{"route": route, "doseAndRate": [rate]}],
        "status": "active",
        "intent": "order",
        "subject": {"reference": f"Patient/{patient}"},
    }


def _magnesium(patient: str, now: datetime, day: str, as_checker: bool) -> Agent:
    found = yield from _readings(patient, "MG", date=day)
    if found and found[0][1] <= 1.9:
        value = found[0][1]
        dose = 4 if value < 1 else 2 if value < 1.5 else 1
        rate = {
            "doseQuantity": {"value": dose, "unit": "g"},
            "rateQuantity": {"value": dose, "unit": "h"},
        }
        route = "IV" if as_checker else {"text": "IV"}
        order = _order(patient, now, "0338-1715-40", route, rate)
        yield "medication_request_create", order
    yield "finish", {"answers": [found[0][1]] if found else []}


def _potassium(patient: str, now: datetime, as_checker: bool) -> Agent:
    found = yield from _readings(patient, "K")
    value = found[0][1]
    if value < 3.5:
        dose = round((3.5 - value) / 0.1 * 10, 6)
        rate = {"doseQuantity": {"value": dose, "unit": "mEq"}}
        route = "oral" if as_checker else {"text": "oral"}
        yield "medication_request_create", _order(patient, now, "40032-917-01", route, rate)
        later = now.replace(hour=8, minute=0) + timedelta(days=1)
        again = _request(patient, now, "2823-3", occurrenceDateTime=later.isoformat())
        yield "service_request_create", again
    yield "finish", {"answers": [value]}


def _glucose(patient: str, now: datetime) -> Agent:
    found = yield from _readings(patient, "A1C")
    stale = not found or datetime.fromisoformat(found[0][0]) < now.replace(year=now.year - 1)
    if stale:
        yield "service_request_create", _request(patient, now, "4548-4")
    yield "finish", {"answers": [found[0][1], found[0][0]] if found else [-1]}


def first_page(example: Example) -> Agent:
    """As the careful one, but takes what a search gives first for all there is, and the latest."""
    inner = careful(example)
    step = next(inner)
    while True:
        name, asked = step
        if name == "observation_search":
            asked = {key: value for key, value in asked.items() if key not in ("_sort", "_offset")}
        reply = yield name, asked
        if name == "observation_search":
            reply = {**reply, "link": reply["link"][:1]}
        step = inner.send(reply)
