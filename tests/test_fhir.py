"""The FHIR server in process: what a search finds, what is refused, what may be written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import data_fixtures  # noqa: F401 - its profile of hypothesis
from preceptor.environments.fhir.dates import COMPARISONS, Span, span
from preceptor.environments.fhir.held import HealthRecords, read_records
from preceptor.environments.fhir.server import FhirServer
from preceptor.errors import DataError

BASE = "http://record.example/fhir"


def _lab(key: str, patient: str, at: str, value: float, code: str = "K") -> dict[str, Any]:
    words = {"K": "Potassium", "NA": "Sodium"}[code]
    coding = {"system": "http://loinc.org", "code": code, "display": words}
    return {
        "resourceType": "Observation",
        "id": key,
        "status": "final",
        "code": {"coding": [coding], "text": f"Serum {code}"},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": at,
        "valueQuantity": {
            "value": value,
            "unit": "mmol/L",
            "system": "http://unitsofmeasure.org",
            "code": "mmol/L",
        },
    }


RECORDS = [
    {
        "resourceType": "Patient",
        "id": "p1",
        "name": [{"family": "Müller", "given": ["Ana", "María"]}],
        "birthDate": "1960-05-02",
        "gender": "female",
        "identifier": [{"system": "http://h.example/mrn", "value": "A1"}],
        "address": [{"city": "Córdoba"}],
    },
    {
        "resourceType": "Patient",
        "id": "p2",
        "name": [{"family": "Mullen", "given": ["Jo"]}],
        "birthDate": "1960",
        "gender": "male",
        "identifier": [{"value": "A2"}],
    },
    {"resourceType": "Patient", "id": "p3", "name": [{"text": "Old, Name"}], "active": True},
    _lab("o1", "p1", "2023-11-12T23:30:00-05:00", 3.4),
    _lab("o2", "p1", "2023-11-13", 4.0),
    _lab("o3", "p1", "2023-11", 5.25),
    _lab("o4", "p2", "2023-11-13T10:15:00Z", 5.4, "NA"),
    _lab("o5", "p2", "2023-11-13T10:15:30.250Z", 5.44),
    {
        "resourceType": "Observation",
        "id": "o6",
        "status": "amended",
        "code": {"text": "BP"},
        "subject": {"reference": "http://other.example/fhir/Patient/p1"},
        "effectivePeriod": {"start": "2023-11-13T10:00:00Z", "end": "2023-11-13T11:00:00Z"},
        "valueString": "118/77 mmHg",
    },
    {"resourceType": "Observation", "id": "o7", "status": "final", "code": {"text": "none"}},
    {
        "resourceType": "Condition",
        "id": "c1",
        "code": {"coding": [{"code": "I10"}]},
        "subject": {"reference": "urn:uuid:p1"},
        "onsetDateTime": "2019",
        "clinicalStatus": {"coding": [{"code": "active"}]},
    },
]


@pytest.fixture
def server() -> FhirServer:
    return FhirServer(HealthRecords(RECORDS), base=BASE)


def found(server: FhirServer, query: str) -> str:
    """The ids that a search gives, in alphabetical order."""
    reply = server.get(query)
    assert reply.status == 200, reply.body
    return " ".join(sorted(each["resource"]["id"] for each in reply.body.get("entry", [])))


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        # Texts: from the beginning of any part, without case and accents.
        ("Patient?name=mul", "p1 p2"),
        ("Patient?family=MULLER", "p1"),
        ("Patient?family:exact=Muller", ""),
        ("Patient?family:exact=Müller", "p1"),
        ("Patient?given=maria", "p1"),
        ("Patient?name:contains=ame", "p3"),
        ("Patient?name=Old\\, N", "p3"),
        ("Patient?address=cordoba", "p1"),
        # Codes: of any system, of a system, without one; each of several, none of them.
        ("Patient?gender=male,female", "p1 p2"),
        ("Patient?gender:not=male", "p1 p3"),
        ("Patient?identifier=A1", "p1"),
        ("Patient?identifier=http://h.example/mrn|A1", "p1"),
        ("Patient?identifier=|A1", ""),
        ("Patient?identifier=|A2", "p2"),
        ("Patient?identifier=http://h.example/mrn|", "p1"),
        ("Patient?active=true", "p3"),
        ("Observation?code=BP", ""),
        ("Observation?code:text=bp", "o6"),
        ("Observation?code:text=potassium", "o1 o2 o3 o5"),
        ("Observation?status=amended&code:text=bp", "o6"),
        # References, whichever way they are written.
        ("Observation?patient=p1", "o1 o2 o3 o6"),
        ("Observation?subject=Patient/p1", "o1 o2 o3 o6"),
        ("Observation?subject:Patient=p1", "o1 o2 o3 o6"),
        ("Observation?patient=p1,p2&code=NA", "o4"),
        ("Condition?patient=p1", "c1"),
        ("Observation?patient.family=mullen", "o4 o5"),
        ("Patient?_has:Observation:patient:code=NA", "p2"),
        # Dates are spans: of the search, and of the resource.
        ("Patient?birthdate=1960", "p1 p2"),
        ("Patient?birthdate=1960-05-02", "p1"),
        ("Patient?birthdate:missing=true", "p3"),
        ("Observation?date=2023-11-13", "o1 o2 o4 o5 o6"),
        ("Observation?date=2023-11", "o1 o2 o3 o4 o5 o6"),
        ("Observation?date=2023-11-13T10:15", "o4 o5"),
        ("Observation?date=eq2023-11-13T10:15:00Z", "o4"),
        ("Observation?date=ne2023-11-13", "o3"),
        ("Observation?date=gt2023-11-13", "o3"),
        ("Observation?date=lt2023-11-13", "o3"),
        ("Observation?date=sa2023-11-13T09:00:00Z", "o4 o5 o6"),
        ("Observation?date=eb2023-11-13T05:00:00Z", "o1"),
        ("Observation?date=ap2023-11-13T10:30:00Z", "o2 o3 o6"),
        ("Observation?date=ge2023-11-13T10:15:00Z&date=lt2023-11-13T10:16:00Z", "o2 o3 o4 o5 o6"),
        ("Observation?date=ge2023-11-13T11:15:10%2B01:00&code=K&patient=p2", "o5"),
        # A plus that was not escaped came as a space.
        ("Observation?date=ge2023-11-13T11:15:10+01:00&code=K&patient=p2", "o5"),
        # A number is as precise as it is written; with a prefix it is exact.
        ("Observation?value-quantity=5.4", "o4 o5"),
        ("Observation?value-quantity=5.40", "o4"),
        ("Observation?value-quantity=gt5.4", "o5"),
        ("Observation?value-quantity=ge5.4|http://unitsofmeasure.org|mmol/L", "o4 o5"),
        ("Observation?value-quantity=5.4||mg/dL", ""),
        ("Observation?_id=o1,o7", "o1 o7"),
    ],
)
def test_a_search_finds(server: FhirServer, query: str, ids: str) -> None:
    """What R4 says of each kind of parameter, modifier and prefix."""
    assert found(server, query) == ids


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("Observation?frobnicate=1", 400, "no parameter 'frobnicate'; it has _count"),
        ("Observation?date=yesterday", 400, "date: 'yesterday' is no date such as"),
        ("Observation?date=2023-02-30", 400, "no date: day is out of range"),
        ("Observation?status:above=final", 400, "status has the modifiers :not, :text, :missing"),
        ("Observation?value-quantity=high", 400, "value-quantity: 'high' is no number"),
        ("Observation?patient=", 400, "patient: no value is given"),
        ("Observation?_count=many", 400, "_count is a whole number from 0, not 'many'"),
        ("Observation?_sort=colour", 400, "no parameter 'colour'"),
        ("Observation?_format=xml", 400, "_format is json"),
        ("Observation?subject.name=x", 400, "subject leads to no one kind of resource"),
        ("Patient?birthdate:missing=perhaps", 400, "true or false"),
        ("Starship?name=x", 404, "no such kind of resource here"),
        ("Patient/nobody", 404, "Patient/nobody is not known"),
        ("http://elsewhere.example/fhir/Patient", 404, f"{BASE} is the only server here"),
        (f"{BASE}.elsewhere.example/Patient", 404, f"{BASE} is the only server here"),
        ("Patient?" + "x" * 9000, 414, "at most 8000 characters"),
    ],
)
def test_a_wrong_request_is_refused(
    server: FhirServer, query: str, status: int, words: str
) -> None:
    """With an OperationOutcome that says why: an agent can tell it from a record without data."""
    reply = server.get(query)
    assert reply.status == status
    assert reply.body["resourceType"] == "OperationOutcome"
    assert words in reply.body["issue"][0]["diagnostics"]
    assert server.log[-1].issue is not None


def test_pages_lead_to_all_resources_once() -> None:
    """In an order that says nothing of time, unless it is asked for; the total stands with them."""
    labs = [_lab(f"x{n}", "p1", f"2023-01-{n + 1:02}", n) for n in range(25)]
    records = HealthRecords([*RECORDS, *labs])
    server, official = (
        FhirServer(records, base=BASE, fidelity=fidelity) for fidelity in ("strict", "official")
    )
    seen: list[str] = []
    query: str | None = "Observation?patient=p1&code=K&_count=10"
    while query:
        page = server.get(query).body
        assert page["total"] == 28
        seen += [each["resource"]["id"] for each in page["entry"]]
        query = next((each["url"] for each in page["link"] if each["relation"] == "next"), None)
    assert len(seen) == len(set(seen)) == 28
    assert seen != sorted(seen)
    latest = server.get("Observation?patient=p1&code=K&_sort=-date&_count=3").body["entry"]
    assert [each["resource"]["id"] for each in latest] == ["o1", "o2", "o3"]
    first = official.get("Observation?patient=p1&code=K").body
    assert ("total" in first, len(first["entry"])) == (False, 20)
    assert official.get("Observation?patient=p1&code=K&_total=accurate").body["total"] == 28
    assert official.get("Observation?patient=p1&_summary=count").body["total"] == 29


BP = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"text": "BP"},
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2023-11-13T10:15:00+00:00",
    "valueString": "118/77 mmHg",
}


def test_what_is_written_is_found_in_its_own_server_alone() -> None:
    """The shared records stay as they were."""
    records = HealthRecords(RECORDS)
    one, other = FhirServer(records, base=BASE), FhirServer(records, base=BASE)
    reply = one.post("Observation", BP)
    assert (reply.status, reply.body["id"]) == (201, "new-1")
    assert found(one, "Observation?patient=p1&code:text=BP") == "new-1 o6"
    assert found(other, "Observation?patient=p1&code:text=BP") == "o6"
    assert one.log[0].created == "Observation/new-1"
    assert BP.keys() & {"id"} == set()


PART = {"code": {"text": "systolic"}, "valueQuantity": {"value": "118"}}


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"status": "finished"}, 422, "status: expected one of registered"),
        ({"code": "BP"}, 422, "code: expected an object"),
        ({"code": {}}, 422, "code: neither a code nor a text"),
        ({"subject": {"reference": "Patient/nobody"}}, 422, "no patient 'nobody'"),
        ({"subject": "Patient/p1"}, 422, "subject: expected an object"),
        ({"effectiveDateTime": "noon"}, 422, "effectiveDateTime"),
        ({"colour": "red"}, 422, "colour"),
        ({"code": '{"text": "BP"}'}, 422, "Observation.code: expected an object, got a text"),
        ({"component": [PART]}, 422, "component.0.valueQuantity.value: expected a number"),
        ({"effectiveDateTime": 1699870500}, 422, "DateTime: expected a text, got a number"),
        ({"category": [{"coding": [{"userSelected": "yes"}]}]}, 422, "expected true or false"),
        ({"resourceType": "Patient"}, 400, "resourceType is 'Observation'"),
    ],
)
def test_what_r4_does_not_allow_is_refused(
    server: FhirServer, change: dict[str, Any], status: int, words: str
) -> None:
    """And nothing is kept of it; the official server takes it all, and keeps nothing either."""
    reply = server.post("Observation", {**BP, **change})
    assert reply.status == status
    assert words in reply.body["issue"][0]["diagnostics"]
    assert not server.held.written
    official = FhirServer(HealthRecords(RECORDS), base=BASE, fidelity="official")
    assert official.post("Observation", {**BP, **change}).status == 201
    assert not official.held.written


def test_only_some_kinds_are_written_and_nothing_is_changed(server: FhirServer) -> None:
    """A patient is not made, a resource is not replaced."""
    assert server.post("Patient", {"resourceType": "Patient"}).status == 405
    assert server.post("Observation/o1", BP).status == 405
    assert not server.held.written


def test_files_are_read_as_they_come(tmp_path: Path) -> None:
    """Lines and Bundles; what is no resource is left out and counted, no JSON is an error."""
    (tmp_path / "a.ndjson").write_text('{"resourceType":"Patient","id":"a"}\n\n{"id":"b"}\n')
    entries = '[{"resource":{"resourceType":"Patient","id":"a"}},{"resource":null}]'
    (tmp_path / "b.json").write_text(f'{{"resourceType":"Bundle","entry":{entries}}}')
    records = HealthRecords(read_records(sorted(tmp_path.iterdir())))
    assert len(records) == 1
    assert records.left_out == {"not an object": 1, "without a resourceType or an id": 1}
    (tmp_path / "c.ndjson").write_text("{")
    with pytest.raises(DataError, match=r"c\.ndjson"):
        list(read_records([tmp_path / "c.ndjson"]))


def _generated(folder: Path, patients: int) -> None:
    """A record in the form of clinosim 0.6.5: a file for each kind, and two that are no resources;
    and a patient in the form of Synthea's bundles, whose references are URNs."""
    kinds: dict[str, list[dict[str, Any]]] = {}

    def add(kind: str, key: str, **elements: Any) -> None:
        named = {"system": f"urn:generator:{kind}", "value": key}
        row = {"resourceType": kind, "id": key, "identifier": [named], **elements}
        kinds.setdefault(kind, []).append(row)

    for n in range(patients):
        subject = {"subject": {"reference": f"Patient/pt-{n}"}}
        visit = {"encounter": {"reference": f"Encounter/enc-{n}"}}
        day = f"2026-04-{n + 1:02}"
        add("Patient", f"pt-{n}", name=[{"use": "official", "family": "Quill", "given": [f"A{n}"]}])
        add(
            "Encounter", f"enc-{n}", status="finished", period={"start": day, "end": day}, **subject
        )
        coding = {"system": "http://loinc.org", "code": "2823-3", "display": "Potassium"}
        add(
            "Observation",
            f"lab-{n}",
            code={"coding": [coding]},
            valueQuantity={"value": 3 + n / 2, "code": "mmol/L"},
            effectiveDateTime=f"{day}T09:46:00Z",
            **subject,
            **visit,
        )
        add(
            "MedicationAdministration",
            f"given-{n}",
            status="completed",
            medicationCodeableConcept={"text": "Potassium chloride"},
            effectiveDateTime=f"{day}T11:00:00Z",
            context=visit["encounter"],
            **subject,
        )
        add("Composition", f"note-{n}", title="Discharge summary", date=day, **subject, **visit)
        add("FamilyMemberHistory", f"kin-{n}", patient=subject["subject"], status="completed")
        taken = {"collectedDateTime": f"{day}T09:30:00Z"}
        add("Specimen", f"tube-{n}", collection=taken, **subject)
    for kind, rows in kinds.items():
        lines = "".join(f"{msgspec.json.encode(row).decode()}\n" for row in rows)
        (folder / f"{kind}.ndjson").write_text(lines)
    (folder / "manifest.json").write_text('{"output": []}')
    (folder / "_generator_metadata.json").write_text('{"country": "US"}')
    person = {"resourceType": "Patient", "id": "s-1", "name": [{"family": "Reed"}]}
    seen = {"reference": "urn:uuid:s-1"}
    visited = {"resourceType": "Encounter", "id": "s-2", "subject": seen, "status": "finished"}
    entries = [
        {"fullUrl": f"urn:uuid:{each['id']}", "resource": each} for each in (person, visited)
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    (folder / "reed.json").write_bytes(msgspec.json.encode(bundle))


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("Observation?patient=pt-1&code=http://loinc.org|2823-3", "lab-1"),
        ("Observation?value-quantity=ge4&code=2823-3", "lab-2"),
        ("MedicationAdministration?patient=pt-2&effective-time=2026-04-03", "given-2"),
        ("Composition?title=discharge&date=lt2026-04-02", "note-0"),
        ("FamilyMemberHistory?patient=Patient/pt-1", "kin-1"),
        ("Specimen?patient=pt-0&collected=2026-04-01", "tube-0"),
        ("Encounter?patient=s-1", "s-2"),
        ("Patient?_has:Observation:patient:value-quantity=3.5", "pt-1"),
    ],
)
def test_records_of_generators_are_found(query: str, ids: str, tmp_path: Path) -> None:
    """A file for each kind, or a bundle for each patient: what is no resource is counted."""
    _generated(tmp_path, 3)
    records = HealthRecords(read_records(sorted(tmp_path.iterdir())))
    assert len(records) == 7 * 3 + 2
    assert records.left_out == {"without a resourceType or an id": 2}
    assert found(FhirServer(records, base=BASE), query) == ids


_TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
_SPANS = st.builds(
    lambda start, minutes: Span(start, start + timedelta(minutes=minutes)),
    _TIMES,
    st.integers(1, 10**6),
)


@given(held=_SPANS, asked=_SPANS)
def test_prefixes_agree_with_each_other(held: Span, asked: Span) -> None:
    """As R4 defines them: one of before, overlapping and after; ge is gt or eq; ne is not eq."""
    is_so = {name: compare(held, asked) for name, compare in COMPARISONS.items()}
    assert is_so["sa"] + is_so["eb"] + is_so["ap"] == 1
    assert is_so["ge"] == (is_so["gt"] or is_so["eq"])
    assert is_so["le"] == (is_so["lt"] or is_so["eq"])
    assert is_so["ne"] != is_so["eq"]
    assert not is_so["eq"] or is_so["ap"]
    assert not is_so["sa"] or (is_so["gt"] and not is_so["lt"])


@given(time=_TIMES, digits=st.sampled_from((4, 7, 10, 16, 19)))
def test_a_text_stands_for_the_time_that_begins_with_it(time: datetime, digits: int) -> None:
    """Every moment is in the span of its own text, however much of that is written."""
    text = time.isoformat()[:digits]
    whole = span(text + "Z" if digits > 10 else text)
    assert whole.start <= time < whole.end


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_request_breaks_the_server(name: str, value: str) -> None:
    """Whatever is asked, the answer is FHIR."""
    server = FhirServer(HealthRecords(RECORDS), base=BASE)
    for query in (f"Observation?{name}={value}", f"Observation?date={value}", value):
        reply = server.get(query)
        assert reply.body["resourceType"]
        assert reply.status in (200, 400, 404)
