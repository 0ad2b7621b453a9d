"""The server that an agent sees: what it reads and writes in one interaction, and a log of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from preceptor.environments.fhir.held import HealthRecords, Workspace
from preceptor.environments.fhir.outcomes import Refusal
from preceptor.environments.fhir.parameters import PARAMETERS
from preceptor.environments.fhir.search import Fidelity, search
from preceptor.environments.fhir.writing import WRITABLE, accepted

__all__ = ["LONGEST_BODY", "Exchange", "FhirServer", "Reply"]

#: Most characters of an address, and of a body that is sent.
_LONGEST_ADDRESS, LONGEST_BODY = 8_000, 100_000


class Reply(NamedTuple):
    """What the server answers: a status, and a Bundle, a resource or an OperationOutcome."""

    status: int
    body: Mapping[str, Any]
    text: str

    @property
    def failed(self) -> bool:
        return self.status >= 400

    @classmethod
    def of(cls, status: int, body: Mapping[str, Any]) -> Reply:
        return cls(status, body, msgspec.json.encode(body).decode())


class Exchange(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request of an agent, as it is kept.

    Attributes
    ----------
    address
        After the server's own: ``Observation?patient=S1``.
    status
        Of HTTP.
    sent
        What was to be written, where that is JSON.
    issue
        Of what is refused: R4's code and the words.
    created
        Kind and id of what was written.
    """

    method: str
    address: str
    status: int
    sent: Any = None
    issue: tuple[str, str] | None = None
    created: str | None = None


class FhirServer:
    """Answers requests about shared records; what is written stays in this server.

    Parameters
    ----------
    base
        Its address, without a slash at the end. Other addresses are refused.
    fidelity
        ``official`` accepts every JSON object and keeps none, as the benchmark's own loop does;
        ``strict`` checks what is written, keeps it, and finds it again.
    """

    def __init__(self, records: HealthRecords, *, base: str, fidelity: Fidelity = "strict") -> None:
        self.base, self.fidelity = base.rstrip("/"), fidelity
        self.held = Workspace(records)
        self.log: list[Exchange] = []

    def request(self, method: str, address: str, body: bytes = b"") -> Reply:
        """A request as it comes over HTTP; what is no request of this server is refused too."""
        try:
            if method == "GET":
                return self.get(address)
            if method != "POST":
                raise Refusal(405, "not-supported", f"{method} is not possible here: GET and POST")
            if len(body) > LONGEST_BODY:
                raise _too_long()
            return self.post(address, msgspec.json.decode(body))
        except msgspec.DecodeError as error:
            refusal = Refusal(400, "structure", f"the body is no JSON: {error}")
        except Refusal as error:
            refusal = error
        return self.refuse(method, address, refusal)

    def refuse(self, method: str, address: str, refusal: Refusal, **more: Any) -> Reply:
        """Answer with what is wrong, and keep that it was asked."""
        reply = Reply.of(refusal.status, refusal.body)
        self._keep(method, address, reply, issue=(refusal.code, str(refusal)), **more)
        return reply

    def get(self, address: str) -> Reply:
        """Search, or read one resource."""
        try:
            path, query = self._taken_apart(address)
            reply = Reply.of(200, self._found(path, query))
        except Refusal as refusal:
            return self.refuse("GET", address, refusal)
        self._keep("GET", address, reply)
        return reply

    def post(self, address: str, body: Any) -> Reply:
        """Write a resource of the kind that the address names."""
        created = None
        try:
            path, _ = self._taken_apart(address)
            if len(path) != 1:
                raise Refusal(
                    405, "not-supported", "POST goes to a kind of resource, without an id"
                )
            if len(msgspec.json.encode(body)) > LONGEST_BODY:
                raise _too_long()
            reply = Reply.of(201, accepted(self.held, path[0], body, self.fidelity))
            if self.fidelity == "strict":
                created = f"{path[0]}/{reply.body['id']}"
        except Refusal as refusal:
            return self.refuse("POST", address, refusal, sent=body)
        self._keep("POST", address, reply, sent=body, created=created)
        return reply

    def _taken_apart(self, address: str) -> tuple[list[str], list[tuple[str, str]]]:
        if len(address) > _LONGEST_ADDRESS:
            raise Refusal(414, "invalid", f"an address has at most {_LONGEST_ADDRESS} characters")
        relative = address.removeprefix(self.base)
        if "://" in relative.partition("?")[0] or (
            relative is not address and relative[:1] not in ("", "/", "?")
        ):
            raise Refusal(404, "not-found", f"{self.base} is the only server here")
        parts = urlsplit(relative)
        path = [unquote(part) for part in parts.path.split("/") if part]
        return path, parse_qsl(parts.query, keep_blank_values=True, max_num_fields=100)

    def _found(self, path: list[str], query: list[tuple[str, str]]) -> Mapping[str, Any]:
        match path:
            case ["metadata"]:
                return _capabilities(self.base)
            case [kind]:
                return search(self.held, kind, query, base=self.base, fidelity=self.fidelity)
            case [kind, key]:
                resource = self.held.find(kind, key)
                if resource is not None:
                    return resource
                raise Refusal(404, "not-found", f"{kind}/{key} is not known")
            case _:
                raise Refusal(404, "not-supported", "expected KIND?… or KIND/ID after the address")

    def _keep(self, method: str, address: str, reply: Reply, **more: Any) -> None:
        short = address.removeprefix(self.base).lstrip("/")[:_LONGEST_ADDRESS]
        self.log.append(Exchange(method, short, reply.status, **more))


def _too_long() -> Refusal:
    return Refusal(413, "invalid", f"a resource has at most {LONGEST_BODY} characters")


def _capabilities(base: str) -> Mapping[str, Any]:
    """R4's CapabilityStatement, which many clients read first."""
    kinds = [
        {
            "type": kind,
            "interaction": [
                {"code": code}
                for code in ("read", "search-type", "create")
                if code != "create" or kind in WRITABLE
            ],
            "searchParam": [{"name": name, "type": found.kind} for name, found in names.items()],
        }
        for kind, names in PARAMETERS.items()
    ]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-01",
        "kind": "instance",
        "implementation": {"description": "A record for one task", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{"mode": "server", "resource": kinds}],
    }
