"""Whether a system gives the probabilities of tokens, where a run reads nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from preceptor.errors import EndpointRefused
from preceptor.protocols.asking import Asking
from preceptor.records import Response
from preceptor.records.responses import CANDIDATES
from preceptor.systems.base import DECLINED, System

__all__ = ["TokenCheck"]


class TokenCheck:
    """Stops a run whose first answer lists no candidates for its first token.

    Many servers drop the request for them in silence. Once an answer had them, a later one without
    is that answer's failure alone.

    Parameters
    ----------
    known
        What the run has of earlier attempts.
    """

    def __init__(self, system: System, asking: Asking, known: Iterable[Response | None]) -> None:
        self._system = system
        self._settled = not asking.first_token or any(each and _listed(each) for each in known)

    def answered(self, answer: Response) -> None:
        """Check an answer. Raises EndpointRefused."""
        if self._settled or answer.finish_reason in DECLINED:
            return
        if not _listed(answer):
            raise EndpointRefused(
                "no_logprobs",
                f"{self._system.address}: expected log-probabilities (logprobs) with the first "
                f"answer, found none: name a model or server that gives them",
            )
        self._settled = True


def _listed(answer: Response) -> bool:
    return isinstance(answer.state, dict) and bool(answer.state.get(CANDIDATES))
