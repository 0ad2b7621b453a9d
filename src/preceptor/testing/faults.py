"""Named faults between a client and a model."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

import msgspec

__all__ = ["CHAOS", "CONTENT", "FAULTS", "Fault", "Schedule"]

#: Faults of a grader's reply, not of the transport → description.
CONTENT = {
    "prose": "a sentence instead of the verdict's JSON",
    "met_text": 'criteria_met is "true"',
    "met_number": "criteria_met is 1",
    "met_null": "criteria_met is null",
    "met_missing": "criteria_met is not there",
    "empty": "an empty text",
    "null": "content is null",
    "tool_calls": "nothing but the call of a tool",
    "malformed_call": "nothing, where a call of a tool could not be read",
    "refusal": "the model refuses",
    "filtered": "stopped by the provider's filter, with half a text",
    "cut_off": "cut off at the token limit, with half a text",
    "item_missing": "of several verdicts in one reply, the first is not there",
    "item_text": "of several verdicts in one reply, the first is a text",
    "no_logprobs": "token probabilities were asked for and are not given",
    "other_words": "most of the probability is on a token that begins none of the words asked for",
}

#: Name of a fault → what happens.
FAULTS = {
    "rate_limit": "429 with Retry-After in seconds",
    "rate_limit_date": "429 with Retry-After as an HTTP date",
    "rate_limit_bare": "429 without Retry-After",
    "quota": "429 with code insufficient_quota",
    "error_500": "500 with an error in JSON",
    "error_502": "502 with a page of HTML",
    "error_503": "503 with Retry-After in seconds",
    "no_images": "what a model without vision says of an image",
    "bad_request": "400 with an error in JSON",
    "unauthorized": "401",
    "forbidden": "403",
    "not_found": "404",
    "content_filter": "400 with code content_filter",
    "redirect": "307 to another place",
    "reset": "the connection is reset in the middle of the body",
    "hang_up": "the connection is closed before any answer",
    "stall": "no answer until the client gives up",
    "stall_midway": "half of the body, and no more until the client gives up",
    "bad_event": "what is no JSON in the midst of a stream, or half of the JSON body",
    "slow": "a right answer, late",
    "truncated": "half of the JSON body",
    "html": "200 with a page of HTML",
    "nested": "200 with JSON nested a hundred thousand levels deep",
    "endless": "a body without an end",
    "echo_key": "500 with a message that repeats the key, as some gateways do",
    "error_in_reply": "200 with an error in the place of the answer, or in the midst of a stream",
    "gzip_bomb": "a small compressed body that becomes a giant one",
    "gzip": "a right answer, compressed though nobody asked for it",
    **CONTENT,
}

#: Faults of transport that another attempt may not meet, for any call; and of content, for graders
#: only, since a system's empty or refused answer is its answer.
CHAOS = (
    "rate_limit",
    "rate_limit_bare",
    "error_500",
    "error_502",
    "error_503",
    "reset",
    "hang_up",
    "stall",
    "slow",
    "truncated",
    "html",
    "prose",
    "met_text",
    "met_number",
    "met_null",
    "met_missing",
    "empty",
    "null",
    "refusal",
    "content_filter",
    "filtered",
    "cut_off",
)
_OF_GRADERS = (*CONTENT, "content_filter")


class Fault(msgspec.Struct, frozen=True):
    """One kind of fault.

    Attributes
    ----------
    kind
        A key of FAULTS.
    on
        ``system``, ``grader`` or ``any``: the calls for which it may be drawn. None: any calls for
        a fault of transport, else a grader's.
    most
        The most occurrences over all calls.
    seconds
        Seconds of Retry-After, or of a slow answer.
    """

    kind: str
    on: str | None = None
    most: int | None = None
    seconds: float = 0.1

    def __post_init__(self) -> None:
        if self.kind not in FAULTS:
            raise ValueError(f"fault {self.kind!r}: expected one of {', '.join(FAULTS)}")

    def meets(self, *, judgement: bool) -> bool:
        on = self.on or ("grader" if self.kind in _OF_GRADERS else "any")
        return on in ("any", "grader" if judgement else "system")


class Schedule:
    """Schedule of faults by attempt: drawn by seed, prompt and number of the attempt.

    No prompt meets more than ``most`` faults, all in its first ``most`` attempts: a client that
    retries more often gets every answer. The draws do not depend on the order of arrival, unless a
    fault has its own ``most``.
    """

    def __init__(
        self,
        faults: Iterable[str | Fault],
        script: Iterable[str | Fault | None],
        *,
        rate: float,
        most: int,
        seed: int,
    ) -> None:
        self._faults = [_fault(fault) for fault in faults]
        self._script = [None if fault is None else _fault(fault) for fault in script]
        self._rate, self._most, self._seed = rate, most, seed
        self._attempts: Counter[str] = Counter()
        self._used: Counter[Fault] = Counter()

    def draw(self, prompt: str, *, judgement: bool) -> Fault | None:
        """The fault of the next attempt at a prompt, or None."""
        attempt = self._attempts[prompt]
        self._attempts[prompt] += 1
        if self._script:
            return self._script.pop(0)
        digest = hashlib.sha256(f"{self._seed} {prompt} {attempt}".encode()).digest()
        unlucky = int.from_bytes(digest[:4], "big") / 2**32 < self._rate
        fitting = [fault for fault in self._faults if fault.meets(judgement=judgement)]
        if attempt >= self._most or not unlucky or not fitting:
            return None
        fault = fitting[int.from_bytes(digest[4:8], "big") % len(fitting)]
        if fault.most is not None and self._used[fault] >= fault.most:
            return None
        self._used[fault] += 1
        return fault


def _fault(fault: str | Fault) -> Fault:
    return Fault(fault) if isinstance(fault, str) else fault
