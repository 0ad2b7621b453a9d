"""What Inspect's providers raise, in our words."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator

from preceptor.errors import EndpointError, EndpointRefused
from preceptor.systems.wire import NO_IMAGES, takes_no_images

__all__ = ["Failures", "in_words"]

#: Bad requests with nothing ever answered that show a wrong parameter and not a bad task.
_HOPELESS = 3
_SECRET = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD)")
_SHORTEST_SECRET = 8
_LONGEST = 300
#: Marks of rich's mark-up in messages that are meant for a terminal.
_MARKUP = re.compile(r"\[/?[a-z][a-z ]*\]")


class Failures:
    """Reads what was raised as a failure with a kind, and knows whether anything ever worked.

    Attributes
    ----------
    counts
        Failures so far, by kind.
    proven
        Whether a call has succeeded: after that no failure counts for all calls, but a wrong key.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.counts: Counter[str] = Counter()
        self.proven = False

    def read(self, error: Exception, *, own_code: bool = False) -> EndpointError:
        """The failure that an exception is.

        With ``own_code`` what says nothing of an endpoint is the fault of the user's program.
        """
        error = _bare(error)
        if isinstance(error, EndpointError):
            self.counts[error.kind] += 1
            return error
        kind = next(filter(None, map(_kind, _chain(error))), "system_failed")
        first, theirs = not self.proven, not own_code
        if kind == "denied":
            kind = "refused" if first and theirs else "server_error"
        without = theirs and kind in ("bad_request", "server_error")
        without = without and takes_no_images(in_words(error))
        kind = "refused" if without else kind
        self.counts[kind] += 1
        raised = "raised " if own_code else ""
        words = f"{self.address}: {raised}{type(error).__name__}: {in_words(error)}"
        hopeless = kind == "bad_request" and self.counts[kind] >= _HOPELESS
        # A program of the user's may meet a refusal of some other server than its model's.
        refused = kind == "refused" and (first or theirs)
        if refused or (first and theirs and (hopeless or kind == "connection")):
            advice = NO_IMAGES if without else "check key, credit, model and address"
            return EndpointRefused(kind, f"{words.rstrip('.')}: {advice}")
        return EndpointError(kind, words)


def _bare(error: Exception) -> Exception:
    """The failure of the last attempt, where it is wrapped in one that says it was the last."""
    last = getattr(error, "last_attempt", None)
    inner = last.exception() if type(error).__name__ == "RetryError" and last else None
    return inner if isinstance(inner, Exception) else error


def in_words(error: BaseException) -> str:
    """What an exception says, on one line, bounded, without any key or mark-up for a terminal."""
    words = _MARKUP.sub("", str(getattr(error, "message", None) or error)).strip()
    for name, value in os.environ.items():
        if _SECRET.search(name) and len(value.strip()) >= _SHORTEST_SECRET:
            words = words.replace(value.strip(), "[key]")
    words = "".join(sign if sign.isprintable() else " " for sign in words)
    line = " ".join(words.split()).removeprefix("ERROR: ") or type(error).__name__
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception, what it was raised from, and the first of a group."""
    seen: list[BaseException] = []
    found: BaseException | None = error
    while found is not None and found not in seen:
        seen.append(found)
        yield found
        inner = found.exceptions[0] if isinstance(found, BaseExceptionGroup) else None
        found = inner or found.__cause__


def _kind(error: BaseException) -> str | None:
    """The kind by HTTP status where there is one, else by what the exception is called."""
    status = _status(error)
    if status is not None:
        return _kind_of_status(status)
    name = type(error).__name__
    if isinstance(error, TimeoutError) or "Timeout" in name:
        return "timeout"
    if name == "PrerequisiteError":
        return "refused"
    if isinstance(error, ConnectionError) or "Connect" in name:
        return "connection"
    return None


def _status(error: BaseException) -> int | None:
    """The HTTP status, by whatever name the provider's package has for it."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore
        response = response.get("ResponseMetadata")
        status = response.get("HTTPStatusCode") if isinstance(response, dict) else None
        return status if isinstance(status, int) else None
    candidates = [getattr(error, name, None) for name in ("status_code", "status", "code")]
    candidates.append(getattr(response, "status_code", None))
    return next((one for one in candidates if isinstance(one, int) and 300 <= one < 600), None)


def _kind_of_status(status: int) -> str:
    if status in (401, 402):
        return "refused"
    if status in (403, 404, 405) or status < 400:
        return "denied"
    if status == 429:
        return "rate_limit"
    if status == 413:
        return "too_large"
    return "server_error" if status in (408, 409, 425) or status >= 500 else "bad_request"
