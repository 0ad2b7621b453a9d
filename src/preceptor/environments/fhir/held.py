"""Health records in memory: what many interactions share, and what one of them adds."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from preceptor.environments.fhir.elements import reference
from preceptor.files import decode_json, read_rows

__all__ = ["HealthRecords", "Resource", "Workspace", "drawn", "patient_of", "read_records"]

Resource = Mapping[str, Any]


class HealthRecords:
    """Resources that nobody changes, by kind and by patient.

    Their order says nothing of time: an agent that takes the first for the newest is found out.

    Attributes
    ----------
    left_out
        Why something was no resource → how often.
    """

    def __init__(self, resources: Iterable[Any]) -> None:
        self.left_out: Counter[str] = Counter()
        self._by_id: dict[tuple[str, str], Resource] = {}
        for each in resources:
            self._take(each)
        self._by_kind: dict[str, list[Resource]] = defaultdict(list)
        self._by_patient: dict[tuple[str, str], list[Resource]] = defaultdict(list)
        for (kind, key), each in sorted(self._by_id.items(), key=lambda item: drawn(*item[0])):
            self._by_kind[kind].append(each)
            patient = key if kind == "Patient" else patient_of(each)
            if patient is not None:
                self._by_patient[kind, patient].append(each)

    def _take(self, resource: Any) -> None:
        if not isinstance(resource, Mapping):
            self.left_out["not an object"] += 1
            return
        kind, key = resource.get("resourceType"), resource.get("id")
        if not isinstance(kind, str) or not isinstance(key, str):
            self.left_out["without a resourceType or an id"] += 1
        elif (kind, key) in self._by_id and self._by_id[kind, key] != resource:
            self.left_out["of an id that another resource has"] += 1
        else:
            self._by_id[kind, key] = resource

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, kind: str, key: str) -> Resource | None:
        return self._by_id.get((kind, key))

    def of_kind(self, kind: str) -> Sequence[Resource]:
        return self._by_kind.get(kind, ())

    def of_patient(self, kind: str, patient: str) -> Sequence[Resource]:
        return self._by_patient.get((kind, patient), ())

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(self._by_kind)


def drawn(kind: str, key: str) -> bytes:
    """What resources are ordered by."""
    return hashlib.sha256(f"{kind}/{key}".encode()).digest()


def patient_of(resource: Resource) -> str | None:
    """The id of the patient that a resource is about; None where it names none."""
    for element in ("subject", "patient"):
        led = reference(resource.get(element))
        if led is not None and led[0] in (None, "Patient"):
            return led[1]
    return None


class Workspace:
    """Shared records, and what one interaction wrote: its own, and gone with it."""

    def __init__(self, shared: HealthRecords) -> None:
        self.shared = shared
        self.written: list[Resource] = []

    def add(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        """Keep a resource under an id of our own; the same writes have the same ids."""
        stored = {**resource, "id": f"new-{len(self.written) + 1}"}
        self.written.append(stored)
        return stored

    def find(self, kind: str, key: str) -> Resource | None:
        for each in self._own(kind):
            if each["id"] == key:
                return each
        return self.shared.find(kind, key)

    def of_kind(self, kind: str) -> list[Resource]:
        return [*self.shared.of_kind(kind), *self._own(kind)]

    def of_patient(self, kind: str, patient: str) -> list[Resource]:
        own = (each for each in self._own(kind) if patient_of(each) == patient)
        return [*self.shared.of_patient(kind, patient), *own]

    def _own(self, kind: str) -> Iterator[Resource]:
        return (each for each in self.written if each["resourceType"] == kind)


def read_records(paths: Iterable[Path]) -> Iterator[Any]:
    """The resources of files: a line each, or a Bundle or one resource (``.json``).

    Raises DataError where a file holds no JSON.
    """
    for path in paths:
        if path.suffix != ".json":
            yield from (row for _, row in read_rows(path))
            continue
        found = decode_json(path)
        if not isinstance(found, Mapping) or found.get("resourceType") != "Bundle":
            yield found
            continue
        entries = found.get("entry")
        for entry in entries if isinstance(entries, list) else ():
            yield entry.get("resource") if isinstance(entry, Mapping) else entry
