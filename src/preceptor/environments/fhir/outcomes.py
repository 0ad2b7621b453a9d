"""What a FHIR server says of a request that it refuses."""

from __future__ import annotations

from typing import Any, Literal

__all__ = ["Refusal", "outcome"]

#: The codes of R4's value set ``issue-type`` that are used here.
IssueCode = Literal["invalid", "not-found", "not-supported", "required", "structure", "value"]


class Refusal(Exception):
    """A request that is answered with an OperationOutcome.

    Attributes
    ----------
    status
        The HTTP status, 400 to 499.
    """

    def __init__(self, status: int, code: IssueCode, words: str) -> None:
        super().__init__(words)
        self.status, self.code = status, code

    @property
    def body(self) -> dict[str, Any]:
        return outcome("error", self.code, str(self))


def outcome(severity: str, code: str, words: str) -> dict[str, Any]:
    """An OperationOutcome with one issue."""
    issue = {"severity": severity, "code": code, "diagnostics": words}
    return {"resourceType": "OperationOutcome", "issue": [issue]}
