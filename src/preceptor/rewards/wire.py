"""Requests and replies of ``preceptor serve``, and their OpenAPI description."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from preceptor.errors import InputError
from preceptor.records import Verdict
from preceptor.rewards.records import InlineExample, Reward, lower_first
from preceptor.systems.wire import parsed
from preceptor.version import VERSION

__all__ = [
    "Answered",
    "ErrorBody",
    "GradeReply",
    "Request",
    "RewardReply",
    "decode_request",
    "grade_reply",
    "openapi",
    "reward_reply",
]


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Responses to one example: by its ``id`` in the benchmark, or inline, but not both."""

    responses: Annotated[tuple[str | None, ...], msgspec.Meta(min_length=1)]
    id: str | None = None
    example: InlineExample | None = None


class Earned(msgspec.Struct, frozen=True):
    """Reward of one response; null if unknown, with the ``reason``."""

    reward: float | None
    reason: str | None
    low: float | None
    high: float | None
    coverage: float
    by_tag: dict[str, float]


class RewardReply(msgspec.Struct, frozen=True):
    """Rewards in the order of ``responses``, as numbers and with details."""

    rewards: list[float | None]
    details: list[Earned]


class Judged(msgspec.Struct, frozen=True):
    """Verdict on one criterion; ``met`` is null if ungraded."""

    met: bool | None
    reason: str | None
    explanation: str
    probability: float | None


class Answered(msgspec.Struct, frozen=True):
    """Reward of one response, and one verdict per criterion in order."""

    earned: Earned
    verdicts: list[Judged]


class GradeReply(msgspec.Struct, frozen=True):
    """Rewards and verdicts in the order of ``responses``."""

    graded: list[Answered]


class ErrorWords(msgspec.Struct, frozen=True):
    """Error as one word for programs and one line for people."""

    kind: str
    message: str


class ErrorBody(msgspec.Struct, frozen=True):
    """Body of every reply with a status of 400 or more."""

    error: ErrorWords


class BenchmarkEntry(msgspec.Struct, frozen=True):
    """A benchmark: whether its data is on the server, and whether the server grades by it."""

    name: str
    title: str
    n_examples: int
    available: bool
    served: bool


class BenchmarksReply(msgspec.Struct, frozen=True):
    """All known benchmarks, and how this server grades."""

    benchmarks: list[BenchmarkEntry]
    grader: str
    departures: list[str]


class Health(msgspec.Struct, frozen=True):
    """State of the server."""

    status: str = "ok"
    version: str = VERSION


_decoder = msgspec.json.Decoder(Request)


def decode_request(body: bytes, most: int) -> Request:
    """Decode the body of a request.

    Raises
    ------
    InputError
        The JSON is invalid, has both or neither of `id` and `example`, or more than ``most``
        responses.
    """
    try:
        # A trainer may have cut an answer between the two surrogates of a character.
        request = parsed(body, _decoder.decode)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise InputError(f"body: {lower_first(str(error))}") from None
    except RecursionError:
        raise InputError("body: JSON nested too deeply") from None
    if (request.id is None) == (request.example is None):
        raise InputError("body: expected either `id` or `example`")
    if len(request.responses) > most:
        raise InputError(
            f"responses: expected at most {most}, found {len(request.responses)}; send several "
            f"requests"
        )
    return request


def _earned(reward: Reward) -> Earned:
    return Earned(
        reward.value, reward.reason, reward.low, reward.high, reward.coverage, reward.by_tag
    )


def _judged(verdict: Verdict | None) -> Judged:
    if verdict is None:
        return Judged(None, "not_asked", "", None)
    return Judged(verdict.met, verdict.reason, verdict.explanation, verdict.probability)


def reward_reply(rewards: Sequence[Reward]) -> RewardReply:
    return RewardReply([one.value for one in rewards], [_earned(one) for one in rewards])


def grade_reply(rewards: Sequence[Reward]) -> GradeReply:
    return GradeReply(
        [Answered(_earned(one), [_judged(each) for each in one.verdicts]) for one in rewards]
    )


#: (method, path, summary, type of the request, type of the reply)
_OPERATIONS: tuple[tuple[str, str, str, type | None, type], ...] = (
    ("post", "/v1/reward", "Reward each response to an example.", Request, RewardReply),
    ("post", "/v1/grade", "Reward each response, with the verdicts.", Request, GradeReply),
    ("get", "/v1/benchmarks", "List benchmarks and the grader.", None, BenchmarksReply),
    ("get", "/health", "Report the server's state; needs no token.", None, Health),
)


def openapi() -> dict[str, Any]:
    """Build the OpenAPI 3.1 description of the server from the types above."""
    types = [ErrorBody, *(out for *_, out in _OPERATIONS), Request]
    _, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    paths: dict[str, Any] = {}
    for method, path, summary, given, out in _OPERATIONS:
        operation: dict[str, Any] = {
            "summary": summary,
            "responses": {
                "200": {"description": "Done.", "content": _json(out)},
                "default": {"description": "An error.", "content": _json(ErrorBody)},
            },
        }
        if given is not None:
            operation["requestBody"] = {"required": True, "content": _json(given)}
        if path == "/health":
            operation["security"] = []
        paths[path] = {method: operation}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Preceptor rewards", "version": VERSION},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _json(kind: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{kind.__name__}"}}}
