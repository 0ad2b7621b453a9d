"""What comes back over HTTP: bounded, read, and a failure named by its kind."""

from __future__ import annotations

import email.utils
import math
import re
import time
import urllib.parse
import urllib.request
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import msgspec

from preceptor.errors import EndpointError, shorten

if TYPE_CHECKING:
    import aiohttp

__all__ = [
    "CROWDED",
    "MAX_BODY_BYTES",
    "NO_IMAGES",
    "NO_LOGPROBS",
    "PATIENCE_S",
    "ContentFiltered",
    "ErrorInReply",
    "NotThere",
    "TooLong",
    "Transient",
    "beginning",
    "chunks",
    "error_words",
    "is_filtered",
    "kind_of",
    "of_this_prompt",
    "parsed",
    "proxy_for",
    "refuses_images",
    "refuses_logprobs",
    "retry_after",
    "takes_no_images",
]

T = TypeVar("T")

#: A completion beyond this is not one; reading stops there.
MAX_BODY_BYTES = 32 * 2**20
#: How much of an error page is read: enough to find words in.
_MAX_ERROR_BYTES = 64 * 2**10
#: How long a call may be put off by rate limits alone before it counts as failed.
PATIENCE_S = 900.0
#: A server that says "again in 0 seconds" is not asked in a tight loop.
_LEAST_WAIT_S = 0.05
#: Codes of an error body that say that the provider's filter stopped the prompt.
_FILTERED = (
    "content_filter",
    "content_policy_violation",
    "invalid_prompt",
    "ResponsibleAIPolicyViolation",
)
#: Words that say so where the code does not: Anthropic's, and the LiteLLM proxy's.
_FILTERED_WORDS = ("blocked by content filtering policy", "ContentPolicyViolationError")
#: Codes that say whatever the status: nothing is left to pay with, or the key is wrong.
_REFUSED = ("insufficient_quota", "billing_error", "budget_exceeded", "API_KEY_INVALID")
#: What Anthropic says of an account without credit, with the code of any bad request.
_UNPAID_WORDS = "credit balance is too low"
#: What OpenAI says, as a rate limit, of one request with more tokens than a whole minute may have.
_BEYOND_LIMIT_WORDS = "Request too large"
#: Statuses that say: too many at once. 503 is what nginx's limits say, 529 what Anthropic says.
CROWDED = (429, 503, 529)
#: How the various servers say that a prompt is too long for the model.
_TOO_LONG = re.compile(
    r"context.?(length|size|window)|too (long|large|many tokens)"
    r"|(maximum|input).{0,20}(tokens|token count|length)",
    re.IGNORECASE,
)
#: What to do where a model takes no images.
NO_IMAGES = (
    "the model takes no images as it is served: name one that does, or ask with --images without"
)
#: What to do where a model gives no log-probabilities.
NO_LOGPROBS = "it gives no log-probabilities of tokens: name a model or server that does"
#: How the various servers say that a model takes no images, whichever: llama.cpp, vLLM, Ollama,
#: LM Studio, OpenAI, OpenRouter, Anthropic, Google, Mistral, and those that know texts alone.
_NO_IMAGES = re.compile(
    r"mmproj|unknown variant .image|not a multi-?modal|at most 0 image|no endpoints .{0,30}image"
    r"|missing data required for image"
    r"|(image|vision|multi-?modal).{0,60}(not (supported|enabled|allowed)|only supported by)"
    r"|(n.t|not|no) (support|accept|take|allow)\w*.{0,40}(image|vision|multi-?modal)"
    r"|invalid (value|content type)\W{1,3}.?image_url"
    r"|content\W{0,3} ?(must|should) be a .{0,12}string"
    r"|unsupported content.?\[?\]?.{0,3}type",
    re.IGNORECASE,
)
#: Words that say that one image is at fault.
_THIS_IMAGE = re.compile(
    r"format|media.?type|mime|corrupt|damaged|decod|process|download|fetch|dimension|pixel"
    r"|too (large|many|big)|exceed|size|invalid image|base64",
    re.IGNORECASE,
)
#: How an image stands in a request, by provider.
_IMAGE_PARTS = (
    b'"image_url"',
    b'"input_image"',
    b'"type":"image"',
    b'"inline_data"',
    b'"inlineData"',
)
#: Escapes of JSON: a pair of surrogates, half of one, any other.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
#: A string of JSON, or a number that JSON lacks, as Python writes it.
_NO_NUMBER = re.compile(rb'"(?:[^"\\]|\\.)*+"|-?\b(?P<number>NaN|Infinity)\b', re.DOTALL)


class Transient(Exception):
    """One attempt failed in a way that another may not."""

    def __init__(
        self,
        kind: str,
        message: str,
        wait: float | None = None,
        *,
        unreached: bool = False,
        crowded: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind, self.wait = kind, wait
        self.unreached, self.crowded = unreached, crowded


class ContentFiltered(Exception):
    """The provider's filter refused this prompt: what the system does, not a failed call."""


class NotThere(EndpointError):
    """What was asked for by its id is not, or no longer, at the provider."""


class ErrorInReply(ValueError):
    """A body of status 200, or an event of a stream, that is the provider's error.

    Parameters
    ----------
    status
        The HTTP status that the provider gives to such an error.
    content
        The error as a body: ``{"error": …}``.
    """

    def __init__(self, status: int, content: bytes) -> None:
        super().__init__("an error in the place of a completion")
        self.status, self.content = status, content


class TooLong(Exception):
    """A body is longer than what was to be read of it."""


class _ErrorBody(msgspec.Struct):
    code: object = None
    type: object = None
    message: object = None
    details: object = None
    # Azure's, and OpenRouter's, word for a prompt that a filter stopped.
    innererror: object = None
    metadata: object = None


class _ErrorReply(msgspec.Struct):
    error: _ErrorBody | str | None = None
    # Older vLLM: the error's fields are the body's own.
    code: object = None
    type: object = None
    message: object = None


def of_this_prompt(status: int, code: str, words: str) -> bool:
    """Whether a bad request is bad for its length, which says nothing of other prompts."""
    return status == 413 or _TOO_LONG.search(f"{code} {words}") is not None


def refuses_images(status: int, words: str, sent: bytes) -> bool:
    """Whether an error says that the model, as it is served, takes no images.

    Parameters
    ----------
    sent
        The body of the request.
    """
    if status not in (400, 404, 415, 422, 500, 501) or not any(p in sent for p in _IMAGE_PARTS):
        return False
    return takes_no_images(words)


def refuses_logprobs(status: int, words: str, sent: bytes) -> bool:
    """Whether an error says that the model gives no log-probabilities, which were asked for."""
    asked = status in (400, 422) and b'"logprobs"' in sent
    return asked and "logprob" in words.casefold()


def takes_no_images(words: str) -> bool:
    """Whether an error's words say so of a model, and not of one image."""
    return bool(_NO_IMAGES.search(words)) and not _THIS_IMAGE.search(words)


def parsed(content: bytes, parse: Callable[[bytes], T]) -> T:
    r"""A body parsed; half of a surrogate pair (``\ud83d``) is read as U+FFFD, NaN as null.

    Some servers cut a text between the two halves of a character, or write NaN for a probability:
    the rest of the reply is still right.
    """
    try:
        return parse(content)
    except (msgspec.MsgspecError, ValueError):
        mended = _ESCAPE.sub(lambda found: rb"\ufffd" if found["half"] else found[0], content)
        mended = _NO_NUMBER.sub(lambda found: b"null" if found["number"] else found[0], mended)
        if mended == content:
            raise
        return parse(mended)


def is_filtered(code: str, words: str) -> bool:
    """Whether an error says that the provider's filter stopped the prompt."""
    return code in _FILTERED or any(known in words for known in _FILTERED_WORDS)


def kind_of(status: int, code: str, *, proven: bool) -> str:
    """The kind of a failure by its HTTP status; ``proven``: this endpoint has answered before."""
    if status in (401, 402) or code in _REFUSED:
        return "refused"
    if status == 429 and code != "request_too_large":
        return "rate_limit"
    if status in (403, 404, 405) or 300 <= status < 400:
        # Once it has answered, this is some gateway's bad moment.
        return "server_error" if proven else "refused"
    return "server_error" if status in (408, 409, 425) or status >= 500 else "bad_request"


def proxy_for(url: str) -> str | None:
    """The proxy that the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY) names for a URL."""
    parts = urllib.parse.urlsplit(url)
    if parts.hostname in (None, "127.0.0.1", "::1", "localhost"):
        return None  # a server on this machine, such as a local model's, is behind no proxy
    if urllib.request.proxy_bypass(parts.netloc):
        return None
    proxy = urllib.request.getproxies().get(parts.scheme)
    return proxy if proxy and proxy.startswith(("http://", "https://")) else None


async def chunks(response: aiohttp.ClientResponse, limit: int) -> AsyncIterator[bytes]:
    """The body, decompressed if the server compressed it unasked; raises TooLong."""
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("identity", "", "gzip", "deflate"):
        raise Transient("malformed", f"unexpected Content-Encoding {shorten(coding)}")
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32) if coding in ("gzip", "deflate") else None
    length = 0
    async for chunk in response.content.iter_any():
        try:
            plain = inflate.decompress(chunk, limit + 1 - length) if inflate else chunk
        except zlib.error as error:
            raise Transient("malformed", f"compressed body is damaged: {error}") from None
        length += len(plain)
        if length > limit:
            response.close()
            raise TooLong
        yield plain


async def beginning(response: aiohttp.ClientResponse) -> bytes:
    """What an error page says, as far as it is worth reading."""
    try:
        return b"".join([chunk async for chunk in chunks(response, _MAX_ERROR_BYTES)])
    except TooLong:
        return b"a long page"


def retry_after(headers: Mapping[str, str], content: bytes = b"") -> float | None:
    """Seconds until another attempt, as the server says; None where it does not.

    From OpenAI's ``retry-after-ms``, a Retry-After header, which holds seconds or a date, or the
    ``retryDelay`` in the body of an error of Google's, such as ``"3.5s"``.
    """
    precise, value = headers.get("retry-after-ms", ""), headers.get("Retry-After", "").strip()
    try:
        wait = float(precise) / 1000 if precise else float(value or _delay(content))
    except ValueError:
        try:
            wait = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return None if math.isnan(wait) else min(max(wait, _LEAST_WAIT_S), PATIENCE_S)


def _delay(content: bytes) -> str:
    error = _decoded(content).error
    details = error.details if isinstance(error, _ErrorBody) else None
    return _detail(details, "retryDelay").removesuffix("s")


def _detail(details: object, name: str) -> str:
    """A word in the details of an error of Google's; empty without it."""
    for item in details if isinstance(details, list) else []:
        if isinstance(item, dict) and isinstance(item.get(name), str):
            return str(item[name])
    return ""


def _decoded(content: bytes) -> _ErrorReply:
    try:
        return msgspec.json.decode(content, type=_ErrorReply)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _ErrorReply()


def _code(error: _ErrorBody) -> str:
    """What names an error: a word in its code or type, or what stands beside them."""
    if _UNPAID_WORDS in str(error.message):
        return "billing_error"
    if str(error.message).startswith(_BEYOND_LIMIT_WORDS):
        return "request_too_large"
    if isinstance(error.metadata, dict) and "flagged_input" in error.metadata:
        return "content_filter"
    inner = error.innererror.get("code") if isinstance(error.innererror, dict) else None
    if inner in _FILTERED:
        return str(inner)
    for word in (error.code, error.type):
        # LiteLLM puts the status there, and the word into the type.
        if isinstance(word, str) and word and not word.isdigit():
            return word
    return _detail(error.details, "reason")


def error_words(content: bytes) -> tuple[str, str]:
    """(code, message) of an error body in any of the common shapes; bounded, on one line."""
    reply = _decoded(content)
    error = reply.error
    if error is None and isinstance(reply.message, str):
        error = _ErrorBody(reply.code, reply.type, reply.message)
    if isinstance(error, _ErrorBody):
        code = _code(error)
        return code, shorten(str(error.message or code), 200)
    text = error or content[:300].decode("utf-8", "replace").strip()
    return "", shorten(" ".join(text.split()), 200)
