"""Records ↔ rows."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from preceptor.reasoning import said_in
from preceptor.records import (
    NO_GRADER,
    Example,
    Message,
    Response,
    RunSettings,
    Turn,
    Usage,
    Verdict,
    as_answer,
    lean,
)
from preceptor.store import schema as t
from preceptor.store.column_types import key_text, unpacked_text

__all__ = [
    "ANSWER",
    "VERDICT",
    "VerdictRow",
    "Vote",
    "example_row",
    "now",
    "read_example",
    "read_response",
    "read_verdict",
    "read_vote",
    "response_of",
    "response_row",
    "storable",
    "storable_message",
    "storable_part",
    "system_rows",
    "turn_rows",
    "verdict_of",
    "verdict_row",
    "verdict_values",
    "vote_row",
]

T = TypeVar("T", bound=msgspec.Struct)
_TOKENS = Usage.__struct_fields__
_TURNS = (
    sa.select(t.turns.c.data)
    .where(t.turns.c.response_id == t.responses.c.id)
    .order_by(t.turns.c.number)
    .correlate(t.responses)
    .subquery()
)


class ResponseRow(msgspec.Struct, array_like=True, gc=False):
    """The columns ANSWER, checked when read."""

    key: str
    text: str
    finish_reason: str
    sent: str | None
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    latency_s: float
    cost_usd: float | None
    failure: str | None
    detail: str
    reasoning_length: int | None
    state: str | None
    stop_reason: str | None
    served_model: str | None
    created_at: str | None
    turns: str | None


#: Columns of an answer in the order of ResponseRow, with its turns as one text.
ANSWER = (
    *(t.responses.c[name] for name in ResponseRow.__struct_fields__[:-1]),
    sa.select(sa.func.aggregate_strings(_TURNS.c.data, ",")).scalar_subquery().label("turns"),
)


class VerdictRow(msgspec.Struct, array_like=True, gc=False):
    """The columns VERDICT. SQLite takes any value in any column: they are checked when read."""

    key: str
    met: bool | None
    explanation: str
    reason: str | None
    detail: str
    probability: float | None
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    latency_s: float
    cost_usd: float | None
    attempts: int
    label: str | None
    served_model: str | None
    created_at: str | None

    def verdict(self, key: str) -> Verdict:
        # One by one, which is fastest: a run may have a million.
        return Verdict(
            key,
            self.met,
            self.explanation,
            self.reason,
            self.detail,
            self.probability,
            Usage(self.input_tokens, self.output_tokens, self.cached_tokens, self.reasoning_tokens),
            self.latency_s,
            self.cost_usd,
            self.attempts,
            self.label,
            self.served_model,
            self.created_at,
        )


#: Columns of a verdict in the order of the record's fields.
VERDICT = VerdictRow.__struct_fields__


class Vote(msgspec.Struct, frozen=True):
    """What one member of a jury or cascade said of one criterion of one answer.

    Attributes
    ----------
    position, repeat, criterion
        Place of the example in the run, of the answer, and of the criterion in the rubric, from 0.
    member
        Number of the member, from 0; ``grader`` is its address.
    role
        ``juror``; ``cheap`` and ``strong``; ``audit`` for a strong grader's verdict on what the
        cheap one had decided.
    reused
        Taken from the store, not paid for by this run.
    """

    position: int
    repeat: int
    criterion: int
    member: int
    role: str
    grader: str
    verdict: Verdict
    reused: bool


#: Fields that somebody else wrote.
_TEXTS = {
    *("key", "text", "finish_reason", "failure", "detail", "stop_reason"),
    *("explanation", "reason", "label", "served_model", "created_at"),
}


def _flat(record: Response) -> dict[str, Any]:
    row: dict[str, Any] = {
        name: value if value is None or name not in _TEXTS else storable(value)
        for name, value in msgspec.structs.asdict(record).items()
    }
    del row["usage"]
    row |= msgspec.structs.asdict(record.usage)
    row["created_at"] = row["created_at"] or now()
    return row


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def response_row(response: Response) -> dict[str, Any]:
    row = _flat(response) | {"text": storable(response.whole)}
    del row["raw"], row["turns"]
    row["length"] = len(row["text"]) if response.raw is None else None
    row["sent"] = None if response.sent is None else _json(lean(response.sent))
    row["state"] = None if response.state is None else _json(response.state)
    return row


def turn_rows(response: Response) -> list[dict[str, Any]]:
    return [
        {"of": response.key, "number": number, "data": _json(_lean(turn))}
        for number, turn in enumerate(response.turns)
    ]


def _lean(turn: Turn) -> Turn:
    [message] = lean((turn.message,))
    return msgspec.structs.replace(turn, message=message)


def _json(value: object) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return msgspec.json.encode(_mended(msgspec.to_builtins(value))).decode()


def _mended(value: Any) -> Any:
    """JSON whose texts every database takes."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list | tuple):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {storable(str(name)): _mended(item) for name, item in value.items()}
    return value


def verdict_row(verdict: Verdict) -> dict[str, Any]:
    return dict(zip(VERDICT, verdict_values(verdict), strict=True))


def verdict_values(verdict: Verdict, at: str | None = None) -> tuple[Any, ...]:
    """The columns VERDICT of a row of ``verdicts``, by place, as a run may have a million.

    ``at`` is when it was made, where it does not say so itself; now if that is not given.
    """
    usage, chance, cost = verdict.usage, verdict.probability, verdict.cost_usd
    reason, label, model = verdict.reason, verdict.label, verdict.served_model
    return (
        verdict.key,
        verdict.met,
        storable(verdict.explanation),
        None if reason is None else storable(reason),
        storable(verdict.detail),
        None if chance is None else float(chance),
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_tokens,
        usage.reasoning_tokens,
        float(verdict.latency_s),
        None if cost is None else float(cost),
        verdict.attempts,
        None if label is None else storable(label),
        None if model is None else storable(model),
        storable(verdict.created_at) if verdict.created_at else at or now(),
    )


def vote_row(run_id: int, vote: Vote) -> dict[str, Any]:
    row = {name: getattr(vote, name) for name in Vote.__struct_fields__ if name != "verdict"}
    return {"run_id": run_id, **row, "of": vote.verdict.key}


def read_vote(row: Mapping[Any, Any]) -> Vote:
    known = {name: row[name] for name in Vote.__struct_fields__ if name != "verdict"}
    return Vote(**known, verdict=read_verdict(row))


def storable(text: str) -> str:
    """Text that every database takes: no NUL, no lone surrogate (models do produce both)."""
    if text.isascii() and "\x00" not in text:
        return text
    clean = text.replace("\x00", "\ufffd")
    try:
        clean.encode()
    except UnicodeEncodeError:
        return clean.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return clean


def storable_message(message: Message) -> Message:
    """The message as it will be read again, so that its key stays the same."""
    if isinstance(message.content, str):
        return Message(message.role, storable(message.content))
    return Message(message.role, tuple(map(storable_part, message.content)))


def storable_part(part: T) -> T:
    """A part whose texts every database takes."""
    values = {name: getattr(part, name) for name in part.__struct_fields__}
    texts = {name: storable(text) for name, text in values.items() if isinstance(text, str)}
    return msgspec.structs.replace(part, **texts)


def example_row(example: Example) -> dict[str, Any]:
    lean_one = msgspec.structs.replace(example, messages=lean(example.messages))
    data = msgspec.json.encode(lean_one).decode()
    return {"key": example.key, "example_id": example.id, "data": data}


def system_rows(
    run_id: int, system: str, grader: str, settings: RunSettings
) -> list[dict[str, Any]]:
    """The systems of a run, by their role in it."""
    return [
        {
            "run_id": run_id,
            "role": role,
            "address": address,
            "parameters": _json(parameters or {}),
        }
        for role, address, parameters in (
            ("system", system, settings.system_parameters),
            ("patient", settings.patient, settings.patient_parameters),
            ("grader", grader, settings.grader_parameters),
        )
        if address not in (None, NO_GRADER)
    ]


def read_example(data: str) -> Example:
    return msgspec.json.decode(data, type=Example)


def read_response(row: Mapping[Any, Any]) -> Response:
    return _response([row[name] for name in ResponseRow.__struct_fields__])


def response_of(values: Sequence[Any]) -> Response:
    """The answer of the columns ANSWER as the driver gives them: a run may have many."""
    key, text, *rest = values
    return _response((key_text(key), unpacked_text(text), *rest))


def _response(values: Sequence[Any]) -> Response:
    row = msgspec.convert(values, ResponseRow)
    state, turns, sent = row.state, row.turns, row.sent
    return as_answer(
        Response(
            row.key,
            row.text,
            row.finish_reason,
            None if sent is None else _without_reasoning(sent),
            Usage(row.input_tokens, row.output_tokens, row.cached_tokens, row.reasoning_tokens),
            row.latency_s,
            row.cost_usd,
            row.failure,
            row.detail,
            row.reasoning_length,
            None,
            msgspec.json.decode(f"[{turns}]", type=tuple[Turn, ...]) if turns else (),
            None if state is None else msgspec.json.decode(state),
            row.stop_reason,
            row.served_model,
            row.created_at,
        )
    )


def _without_reasoning(sent: str) -> tuple[Message, ...]:
    """The messages sent, with reasoning taken out of the system's earlier turns."""
    return tuple(
        Message(message.role, said_in(message.content))
        if message.role == "assistant" and isinstance(message.content, str)
        else message
        for message in msgspec.json.decode(sent, type=tuple[Message, ...])
    )


def read_verdict(row: Mapping[Any, Any]) -> Verdict:
    return verdict_of(tuple(row[name] for name in VERDICT))


def verdict_of(values: Sequence[Any]) -> Verdict:
    """The verdict of the values of the columns VERDICT: by place, as a run may have a million."""
    row = msgspec.convert(values, VerdictRow)
    return row.verdict(row.key)
