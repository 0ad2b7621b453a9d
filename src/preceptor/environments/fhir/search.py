"""A FHIR search: the query's text → the page of resources that fulfil it.

Source: HL7 FHIR R4, Search, 3.1.1; in ``official`` fidelity what HAPI's server says of totals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple
from urllib.parse import urlencode

from preceptor.environments.fhir.dates import span_of_element
from preceptor.environments.fhir.elements import at, codes, folded, reference, strings
from preceptor.environments.fhir.held import Resource, Workspace
from preceptor.environments.fhir.matching import Matches, alternatives, condition
from preceptor.environments.fhir.outcomes import Refusal
from preceptor.environments.fhir.parameters import PARAMETERS, Parameter, parameter

__all__ = ["Fidelity", "search"]

#: Whether the server answers as the benchmark's own did, or as a strict one.
Fidelity = Literal["official", "strict"]
#: Resources of a page, where the query does not say.
PAGE = 20
MOST_OF_A_PAGE = 5000

Query = Sequence[tuple[str, str]]
_JSON = ("json", "application/json", "application/fhir+json", "application/json+fhir")


class _Asked(NamedTuple):
    """A query taken apart."""

    conditions: tuple[Matches, ...]
    patients: frozenset[str] | None
    sort: tuple[tuple[str, bool], ...]
    size: int
    offset: int
    summary: bool
    total: str
    include: tuple[tuple[str, Parameter], ...]


def search(
    held: Workspace, kind: str, query: Query, *, base: str, fidelity: Fidelity = "strict"
) -> dict[str, Any]:
    """The Bundle of a search.

    Parameters
    ----------
    query
        The parameters in their order, decoded.
    base
        The server's address, for links.

    Raises
    ------
    Refusal
        A parameter is unknown, or its value is none of its kind: never an empty Bundle.
    """
    if kind not in PARAMETERS and kind not in held.shared.kinds:
        raise Refusal(404, "not-supported", f"{kind}: no such kind of resource here")
    asked = _taken_apart(held, kind, query)
    found = [
        each
        for each in _candidates(held, kind, asked.patients)
        if all(fits(each) for fits in asked.conditions)
    ]
    for name, backwards in reversed(asked.sort):
        found = _sorted(found, kind, name, backwards)
    page = [] if asked.summary else found[asked.offset : asked.offset + asked.size]
    more = not asked.summary and asked.offset + asked.size < len(found)
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
    if asked.summary or _counted(asked, more, fidelity):
        bundle["total"] = len(found)
    bundle["link"] = _links(f"{base}/{kind}", query, asked, more)
    entries = [_entry(base, each, "match") for each in page]
    entries += [_entry(base, each, "include") for each in _included(held, page, asked.include)]
    if entries:
        bundle["entry"] = entries
    return bundle


def _counted(asked: _Asked, more: bool, fidelity: Fidelity) -> bool:
    """HAPI's server counts only what fits on the first page, unless it is asked to."""
    if fidelity == "official":
        return asked.total == "accurate" or not (more or asked.offset)
    return asked.total != "none"


def _taken_apart(held: Workspace, kind: str, query: Query) -> _Asked:
    conditions, patients, include = [], None, []
    results: dict[str, str] = {}
    for given, value in query:
        name, _, modifier = given.partition(":")
        if given in _RESULT:
            results[given] = value
        elif given == "_include":
            include.append(_include(kind, value))
        elif name == "_has":
            conditions.append(_has(held, kind, modifier, value))
        elif "." in given:
            conditions.append(_chained(held, kind, given, value))
        else:
            found = _known(kind, name)
            conditions.append(condition(name, modifier, found, value))
            if "Patient" in found.targets and not modifier:
                named = frozenset(_patients(value))
                patients = named if patients is None else patients & named
    for name, value in results.items():
        _RESULT[name](name, value)
    count = int(results.get("_count", PAGE))
    return _Asked(
        tuple(conditions),
        patients,
        _sorting(kind, results.get("_sort", "")),
        min(count, MOST_OF_A_PAGE),
        int(results.get("_offset", 0)),
        results.get("_summary") == "count" or count == 0,
        results.get("_total", ""),
        tuple(include),
    )


def _known(kind: str, name: str) -> Parameter:
    found = parameter(kind, name)
    if found is None:
        known = ", ".join(sorted((*PARAMETERS.get(kind, ()), *_RESULT)))
        raise Refusal(400, "not-supported", f"{kind} has no parameter {name!r}; it has {known}")
    return found


def _patients(value: str) -> Iterable[str]:
    for each in alternatives(value):
        led = reference({"reference": each})
        if led is not None:
            yield led[1]


def _candidates(held: Workspace, kind: str, patients: frozenset[str] | None) -> list[Resource]:
    if patients is None:
        return held.of_kind(kind)
    return [each for patient in sorted(patients) for each in held.of_patient(kind, patient)]


def _whole_number(name: str, value: str) -> None:
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise Refusal(400, "value", f"{name} is a whole number from 0, not {value!r}")


def _one_of(*known: str) -> Callable[[str, str], None]:
    def check(name: str, value: str) -> None:
        if value.partition(";")[0].strip().replace(" ", "+") not in known:
            raise Refusal(400, "not-supported", f"{name} is {' or '.join(known)}, not {value!r}")

    return check


#: Parameters that say nothing of the resources but how they are answered → the check of the value.
_RESULT: dict[str, Callable[[str, str], None]] = {
    "_count": _whole_number,
    "_offset": _whole_number,
    "_sort": lambda name, value: None,
    "_format": _one_of(*_JSON),
    "_pretty": _one_of("true", "false"),
    "_summary": _one_of("count", "false"),
    "_total": _one_of("none", "estimate", "accurate"),
}


def _sorting(kind: str, text: str) -> tuple[tuple[str, bool], ...]:
    named = tuple(
        (part.removeprefix("-"), part.startswith("-")) for part in text.split(",") if part
    )
    for name, _ in named:
        _known(kind, name)
    return named


def _sorted(found: list[Resource], kind: str, name: str, backwards: bool) -> list[Resource]:
    """In order of the earliest or first value, those without one last."""
    by = _known(kind, name)
    keyed = [(_key(each, by, backwards), each) for each in found]
    having = sorted((pair for pair in keyed if pair[0] is not None), key=lambda pair: pair[0])
    without = [each for key, each in keyed if key is None]
    return [each for _, each in (reversed(having) if backwards else having)] + without


def _key(resource: Resource, by: Parameter, backwards: bool) -> Any:
    values = [value for path in by.paths for value in at(resource, path)]
    keys: list[Any] = []
    for value in values:
        if by.kind == "date":
            held = span_of_element(value)
            keys += [] if held is None else [held]
        elif by.kind == "token":
            keys += [each.code for each in codes(value) if each.code is not None]
        elif by.kind == "string":
            keys += [folded(each) for each in strings(value)]
        elif by.kind == "reference":
            led = reference(value)
            keys += [] if led is None else [led[1]]
        elif isinstance(value, dict) and isinstance(value.get("value"), int | float):
            keys.append(value["value"])
    return (max(keys) if backwards else min(keys)) if keys else None


def _chained(held: Workspace, kind: str, given: str, value: str) -> Matches:
    """``patient.name=…``: of the resource that a reference leads to."""
    through, _, rest = given.partition(".")
    name, _, target = through.partition(":")
    link = _known(kind, name)
    targets = (target,) if target else link.targets
    if link.kind != "reference" or len(targets) != 1:
        raise Refusal(400, "not-supported", f"{given}: {name} leads to no one kind of resource")
    inner, _, modifier = rest.partition(":")
    fits = condition(inner, modifier, _known(targets[0], inner), value)

    def matches(resource: Resource) -> bool:
        for element in (each for path in link.paths for each in at(resource, path)):
            led = reference(element)
            other = held.find(targets[0], led[1]) if led else None
            if other is not None and fits(other):
                return True
        return False

    return matches


def _has(held: Workspace, kind: str, modifier: str, value: str) -> Matches:
    """``_has:Observation:patient:code=…``: those that such a resource leads to."""
    parts = modifier.split(":")
    if len(parts) < 3:
        raise Refusal(400, "not-supported", f"_has:{modifier}: expected _has:KIND:REFERENCE:NAME")
    other, through, name, *rest = parts
    link = _known(other, through)
    fits = condition(name, ":".join(rest), _known(other, name), value)
    led = (
        reference(element)
        for each in held.of_kind(other)
        if fits(each)
        for path in link.paths
        for element in at(each, path)
    )
    keys = {each[1] for each in led if each is not None and each[0] in (None, kind)}
    return lambda resource: resource["id"] in keys


def _include(kind: str, value: str) -> tuple[str, Parameter]:
    source, _, name = value.partition(":")
    name = name.partition(":")[0]
    if source != kind or _known(kind, name).kind != "reference":
        raise Refusal(400, "value", f"_include: expected {kind}:REFERENCE, got {value!r}")
    return name, _known(kind, name)


def _included(
    held: Workspace, page: Iterable[Resource], include: Iterable[tuple[str, Parameter]]
) -> list[Resource]:
    found: dict[tuple[str, str], Resource] = {}
    paths = [path for _, link in include for path in link.paths]
    for element in (value for each in page for path in paths for value in at(each, path)):
        led = reference(element)
        if led is not None and led[0] is not None:
            other = held.find(led[0], led[1])
            if other is not None:
                found[led[0], led[1]] = other
    return list(found.values())


def _entry(base: str, resource: Resource, mode: str) -> dict[str, Any]:
    address = f"{base}/{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": address, "resource": resource, "search": {"mode": mode}}


def _links(address: str, query: Query, asked: _Asked, more: bool) -> list[dict[str, str]]:
    links = [{"relation": "self", "url": _address(address, query)}]
    if more:
        kept = [pair for pair in query if pair[0] != "_offset"]
        following = [*kept, ("_offset", str(asked.offset + asked.size))]
        links.append({"relation": "next", "url": _address(address, following)})
    return links


def _address(address: str, query: Query) -> str:
    return f"{address}?{urlencode(query)}" if query else address
