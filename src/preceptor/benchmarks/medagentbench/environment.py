"""The record of MedAgentBench: its patients, and the series that its tasks have answers from."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self

import msgspec

from preceptor.benchmarks.medagentbench.facts import Facts, wanted
from preceptor.benchmarks.medagentbench.labs import series
from preceptor.environments.base import Environment, Session
from preceptor.environments.fhir.elements import at, codes
from preceptor.environments.fhir.held import HealthRecords, patient_of, read_records
from preceptor.environments.fhir.host import RecordHost
from preceptor.environments.fhir.search import Fidelity
from preceptor.environments.fhir.served import ServedRecord
from preceptor.environments.fhir.server import FhirServer
from preceptor.environments.fhir.text import FhirText, Replies
from preceptor.environments.fhir.tools import FhirTools
from preceptor.environments.tools import FINISH
from preceptor.records import Example
from preceptor.systems.base import Capability

__all__ = ["HABITS", "VERSION", "Form", "Record", "packed"]

#: How an agent works: it writes requests, it calls tools, or it works by itself.
Form = Literal["text", "tools", "served"]

#: Counts the changes of what `packed` gives: answers of another chart are not reused.
VERSION = 2

#: As in the benchmark's own loop.
_ROUNDS = 8
_BASE = "http://localhost:8080/fhir"
_NEEDS: dict[Form, frozenset[Capability]] = {
    "text": frozenset(),
    "tools": frozenset({"tools"}),
    "served": frozenset({"addresses"}),
}
#: Of recorded runs, 100 of text and 177 with tools: 2.2 and 2.9 in the mean.
_USUAL: dict[Form, int] = {"text": 2, "tools": 3, "served": 1}
_TOOLS = (
    "patient_search",
    "observation_search",
    "condition_search",
    "medication_request_search",
    "procedure_search",
    "service_request_search",
    "vitals_create",
    "medication_request_create",
    "service_request_create",
    FINISH,
)


#: What is not R4's but this hospital's, and the benchmark's checks want.
HABITS: Mapping[str, str] = {
    "vitals_create": "An Observation has the status final and one category, whose one coding has "
    "the system http://hl7.org/fhir/observation-category, the code vital-signs and the display "
    "Vital Signs; its code is an object with the flowsheet ID as its text, and nothing else; the "
    "reading is a valueString with its unit, the effectiveDateTime is now.",
    "medication_request_create": "A MedicationRequest has the status active, the intent order and "
    "an authoredOn, which is now; the first dosageInstruction has the route as its text, and one "
    "doseAndRate: a doseQuantity and, of an infusion, a rateQuantity, which is its hours.",
    "service_request_create": "A ServiceRequest has the status active, the intent order, the "
    "priority stat and an authoredOn, which is now; when it is to be done is the "
    "occurrenceDateTime, and free text is a note.",
}


class _Materials(msgspec.Struct):
    """What a run keeps of the record."""

    resources: list[Any]
    replies: Replies


def packed(paths: Iterable[Path], tasks: Sequence[Facts], replies: Replies) -> bytes:
    """The resources of the files, and a series for each laboratory value that a task is about."""
    resources = list(read_records(sorted(paths)))
    there = {
        (patient_of(each), code.code)
        for each in resources
        if isinstance(each, dict) and each.get("resourceType") == "Observation"
        for element in at(each, "code")
        for code in codes(element)
    }
    now = datetime.fromisoformat(max(task.now for task in tasks))
    for (patient, lab), form in sorted(wanted(list(tasks)).items()):
        if (patient, lab) not in there:
            resources += series(patient, lab, form, now)
    return zlib.compress(msgspec.json.encode(_Materials(resources, replies)), 6)


class Record(Environment):
    """A server of its own for each task, over records that all tasks share.

    Parameters
    ----------
    form
        ``text`` is the benchmark's own loop; with ``tools`` an agent calls functions, with
        ``served`` it works by itself, over HTTP or MCP: what it writes is then checked.
    """

    def __init__(self, form: Form) -> None:
        self.form, self.replies = form, Replies()
        self.records: HealthRecords | None = None
        self._host = RecordHost()
        self.needs = _NEEDS[form]
        self.usual_turns = _USUAL[form]

    def furnished(self, materials: bytes) -> Self:
        made = copy.copy(self)
        made._host = RecordHost()
        found = msgspec.json.decode(zlib.decompress(materials), type=_Materials)
        made.records, made.replies = HealthRecords(found.resources), found.replies
        return made

    def open(self, example: Example) -> Session:
        assert self.records is not None
        fidelity: Fidelity = "official" if self.form == "text" else "strict"
        server = FhirServer(self.records, base=_BASE, fidelity=fidelity)
        if self.form == "text":
            return FhirText(server, self.replies, rounds=_ROUNDS)
        if self.form == "tools":
            return FhirTools(server, _TOOLS, HABITS, rounds=_ROUNDS)
        return ServedRecord(server, self._host, _TOOLS, HABITS)

    async def start(self) -> None:
        if self.form == "served":
            await self._host.start()

    async def stop(self) -> None:
        await self._host.stop()
