"""Judgements of criteria."""

from __future__ import annotations

import msgspec

from preceptor.billing import Usage
from preceptor.records.examples import Example
from preceptor.records.responses import Response

__all__ = ["Graded", "Verdict"]


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """One grader's judgement of one criterion against one response.

    ``met`` is True, False, or None for *ungraded*; then ``reason`` says why in one word
    (``unparseable``, ``no_response``, ``timeout``, …) and ``detail`` in more. A grader's failure
    is never "not met". ``probability`` is the grader's own probability of *met*, where it
    gives one. ``label`` is what a grader says whose verdicts are labels or ordinals (``entailed``,
    ``2``); ``met`` is then None. ``served_model`` is the model that the grader's reply names, and
    ``created_at`` when it was made (UTC, ISO 8601); None where that was not recorded.
    """

    key: str
    met: bool | None
    explanation: str = ""
    reason: str | None = None
    detail: str = ""
    probability: float | None = None
    usage: Usage = Usage()
    latency_s: float = 0.0
    cost_usd: float | None = None
    attempts: int = 1
    label: str | None = None
    served_model: str | None = None
    created_at: str | None = None

    @property
    def given(self) -> bool:
        """Whether it says anything: if not, it is ungraded."""
        return self.met is not None or self.label is not None


class Graded(msgspec.Struct, frozen=True, gc=False):
    """One response of a run with its verdicts, aligned with ``example.criteria``.

    ``response`` is None where the system has not been asked yet; a verdict is None where the
    grader has not been asked yet. ``length`` is that of the answer, in characters, where its text
    was not read.
    """

    example: Example
    repeat: int
    response: Response | None
    verdicts: tuple[Verdict | None, ...]
    length: int | None = None
