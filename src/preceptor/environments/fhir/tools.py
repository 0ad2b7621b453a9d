"""The record as tools: a search for each kind of resource, what may be written, and the end."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET

from preceptor.environments.fhir.parameters import PARAMETERS
from preceptor.environments.fhir.server import FhirServer, Reply
from preceptor.environments.tools import FINISH, FinishSession, ToolError, taken, tool_spec
from preceptor.systems.base import ToolSpec

__all__ = ["SEARCHES", "WRITES", "FhirTools"]


class _Strict(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a tool takes: nothing else, and nothing of another type."""


class _Observation(_Strict, kw_only=True):
    status: str
    code: dict[str, Any]
    subject: dict[str, Any]
    effectiveDateTime: str
    category: list[dict[str, Any]] = []
    valueString: str | msgspec.UnsetType = UNSET
    valueQuantity: dict[str, Any] | msgspec.UnsetType = UNSET
    note: list[dict[str, Any]] | dict[str, Any] | msgspec.UnsetType = UNSET


class _Request(_Strict, kw_only=True):
    status: str
    intent: str
    subject: dict[str, Any]
    authoredOn: str
    priority: str | msgspec.UnsetType = UNSET
    note: list[dict[str, Any]] | dict[str, Any] | msgspec.UnsetType = UNSET


class _MedicationRequest(_Request, kw_only=True):
    medicationCodeableConcept: dict[str, Any]
    dosageInstruction: list[dict[str, Any]]


class _ServiceRequest(_Request, kw_only=True):
    code: dict[str, Any]
    occurrenceDateTime: str | msgspec.UnsetType = UNSET


class _Finish(_Strict):
    answers: list[str | int | float]


_Values = str | Annotated[list[str], msgspec.Meta(min_length=1, max_length=20)]
_Count = Annotated[int, msgspec.Meta(ge=1, le=1000)]
_Offset = Annotated[int, msgspec.Meta(ge=0)]


def _search_arguments(kind: str) -> type[msgspec.Struct]:
    """Each parameter of the kind; several values of one must all be fulfilled."""
    types: dict[str, Any] = {
        name: _Values if found.kind in ("date", "quantity") else str
        for name, found in PARAMETERS[kind].items()
        if name != "_lastUpdated"
    }
    types |= {"_sort": str, "_count": _Count, "_offset": _Offset}
    wire = {_field(name): name for name in types}
    fields = [(_field(n), each | msgspec.UnsetType, UNSET) for n, each in types.items()]
    return msgspec.defstruct(f"{kind}Search", fields, bases=(_Strict,), rename=wire)


def _field(name: str) -> str:
    plain = name.strip("_").replace("-", "_")
    return f"{plain}_" if plain == "class" else plain


def _snake(kind: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).lower()


#: Name of a tool → the kind of resource it searches.
SEARCHES = {f"{_snake(kind)}_search": kind for kind in PARAMETERS}
#: Name of a tool → the kind of resource it writes.
WRITES = {
    "vitals_create": "Observation",
    "medication_request_create": "MedicationRequest",
    "service_request_create": "ServiceRequest",
}
_FIXED: dict[str, type[msgspec.Struct]] = {
    "vitals_create": _Observation,
    "medication_request_create": _MedicationRequest,
    "service_request_create": _ServiceRequest,
    FINISH: _Finish,
}


@functools.cache
def _arguments(name: str) -> type[msgspec.Struct]:
    return _search_arguments(SEARCHES[name]) if name in SEARCHES else _FIXED[name]


def _description(name: str) -> str:
    if name in SEARCHES:
        return (
            f"Search {SEARCHES[name]} resources in the FHIR R4 record. A date may have a prefix "
            f"(ge2023-11-12T10:15:00Z); several values of a parameter must all be fulfilled, of "
            f"values between commas one. The order of the results means nothing unless _sort "
            f"says so (-date: latest first). The reply is a Bundle; where it has a next link, "
            f"there are more: ask again with its _offset."
        )
    if name in WRITES:
        return f"Create a {WRITES[name]} in the FHIR R4 record. The elements are those of R4."
    return "End the task with its answers, in the order asked; an empty list where none is asked."


def _specs(names: Iterable[str], beside: Mapping[str, str]) -> tuple[ToolSpec, ...]:
    """What a system is offered; ``beside`` is said of a tool behind its description."""
    return tuple(_spec(name, beside.get(name)) for name in names)


@functools.cache
def _spec(name: str, beside: str | None) -> ToolSpec:
    words = " ".join(filter(None, (_description(name), beside)))
    return tool_spec(name, words, _arguments(name))


class FhirTools(FinishSession):
    """Answers the calls of an agent until it finishes.

    Parameters
    ----------
    names
        Of the tools that are offered.
    beside
        Name of a tool → what is said behind its description: what this hospital wants.
    rounds
        Turns of the agent, after which the interaction is ended.
    """

    def __init__(
        self,
        server: FhirServer,
        names: Iterable[str],
        beside: Mapping[str, str],
        *,
        rounds: int | None,
    ) -> None:
        self.server, self.max_turns = server, rounds
        self.tools = _specs(names, beside)
        self.answers: list[Any] | None = None

    async def call(self, name: str, arguments: Mapping[str, Any]) -> str:
        given = taken(name, arguments, _arguments(name))
        if isinstance(given, _Finish):
            self.answers = given.answers
            return "The task has ended."
        made = msgspec.to_builtins(given)
        if name in WRITES:
            kind = WRITES[name]
            return _said(self.server.post(kind, {"resourceType": kind, **made}))
        pairs = [
            (key, str(each))
            for key, value in made.items()
            for each in (value if isinstance(value, list) else (value,))
        ]
        return _said(self.server.get(f"{SEARCHES[name]}?{urlencode(pairs)}"))

    @property
    def state(self) -> Any:
        return {"requests": msgspec.to_builtins(self.server.log), "answers": self.answers}


def _said(reply: Reply) -> str:
    if reply.status >= 400:
        raise ToolError(reply.text)
    return reply.text
