"""What may be written: the shape by R4's definitions, and what those leave open by our own."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import msgspec

from preceptor.environments.fhir.elements import at, codes
from preceptor.environments.fhir.held import Workspace, patient_of
from preceptor.environments.fhir.outcomes import Refusal
from preceptor.environments.fhir.search import Fidelity
from preceptor.installation import MissingExtra

__all__ = ["WRITABLE", "accepted"]

#: Kinds that an agent may write → elements that R4 requires or binds, and their codes.
WRITABLE: dict[str, dict[str, tuple[str, ...]]] = {
    "MedicationRequest": {
        "status": (
            "active",
            "on-hold",
            "cancelled",
            "completed",
            "entered-in-error",
            "stopped",
            "draft",
            "unknown",
        ),
        "intent": (
            "proposal",
            "plan",
            "order",
            "original-order",
            "reflex-order",
            "filler-order",
            "instance-order",
            "option",
        ),
    },
    "Observation": {
        "status": (
            "registered",
            "preliminary",
            "final",
            "amended",
            "corrected",
            "cancelled",
            "entered-in-error",
            "unknown",
        ),
    },
    "ServiceRequest": {
        "status": (
            "draft",
            "active",
            "on-hold",
            "revoked",
            "completed",
            "entered-in-error",
            "unknown",
        ),
        "intent": (
            "proposal",
            "plan",
            "directive",
            "order",
            "original-order",
            "reflex-order",
            "filler-order",
            "instance-order",
            "option",
        ),
    },
}
#: Kind → the element that says what it is about, which R4 lets be empty in part.
_CODED = {
    "MedicationRequest": "medicationCodeableConcept",
    "Observation": "code",
    "ServiceRequest": "code",
}


def accepted(held: Workspace, kind: str, body: Any, fidelity: Fidelity) -> Mapping[str, Any]:
    """The resource as it is kept, or as it was sent where nothing is.

    Raises
    ------
    Refusal
        400 for what is no such resource, 422 for what R4 or this record does not allow.
    """
    if fidelity == "official":
        return body if isinstance(body, Mapping) else {"value": body}
    if kind not in WRITABLE:
        known = ", ".join(sorted(WRITABLE))
        raise Refusal(405, "not-supported", f"{kind} cannot be written here: {known} can")
    if not isinstance(body, Mapping) or body.get("resourceType") != kind:
        raise Refusal(400, "structure", f"expected an object whose resourceType is {kind!r}")
    _check_shape(kind, body)
    _check_words(held, kind, body)
    return held.add(body)


def _check_shape(kind: str, body: Mapping[str, Any]) -> None:
    try:
        module = importlib.import_module(f"fhir.resources.R4B.{kind.lower()}")
        from pydantic import ValidationError
    except ImportError:
        raise MissingExtra("What is written is checked by fhir.resources", "fhir") from None

    try:
        kept = getattr(module, kind).model_validate(dict(body))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(each) for each in first["loc"]) or kind
        # A text where an object belongs is read as JSON first, and fails as that.
        words = "expected an object" if first["type"] == "json_invalid" else first["msg"]
        raise Refusal(422, "structure", f"{where}: {words}") from None
    _check_types(body, msgspec.json.decode(kept.model_dump_json()), kind)


def _check_types(given: Any, kept: Any, where: str) -> None:
    """What was given is of the type it is kept as: fhir.resources makes objects and numbers of
    texts (findings/fhir_resources_coerces.sh), which FHIR's JSON does not allow."""
    if isinstance(given, Mapping) and isinstance(kept, Mapping):
        for name in given.keys() & kept.keys():
            _check_types(given[name], kept[name], f"{where}.{name}")
    elif isinstance(given, list) and isinstance(kept, list):
        for place, pair in enumerate(zip(given, kept, strict=False)):
            _check_types(*pair, f"{where}.{place}")
    elif (found := _type(given)) != (expected := _type(kept)):
        raise Refusal(422, "structure", f"{where}: expected {expected}, got {found}")


def _type(value: Any) -> str:
    names = {bool: "true or false", str: "a text", list: "a list", type(None): "null"}
    if isinstance(value, Mapping):
        return "an object"
    return names.get(type(value), "a number")


def _check_words(held: Workspace, kind: str, body: Mapping[str, Any]) -> None:
    for element, known in WRITABLE[kind].items():
        if body.get(element) not in known:
            words = f"{element}: expected one of {', '.join(known)}, got {body.get(element)!r}"
            raise Refusal(422, "value", words[:500])
    if not any(
        each.code or each.words for value in at(body, _CODED[kind]) for each in codes(value)
    ):
        raise Refusal(422, "required", f"{_CODED[kind]}: neither a code nor a text is given")
    patient = patient_of(body)
    if patient is None or held.find("Patient", patient) is None:
        raise Refusal(422, "not-found", f"subject: no patient {patient or ''!r} in this record")
