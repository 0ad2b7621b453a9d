"""Parts of a sample in an Inspect log: example, prompt, turns, failure and verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor.benchmarks.base import Fields
from preceptor.benchmarks.own_rows import criterion, message
from preceptor.bridges.inspect_layout import SCORER
from preceptor.bridges.tool_runs import finite
from preceptor.errors import shorten
from preceptor.records import Example, File, Image, Message, Response, Turn, Usage
from preceptor.store.rows import storable, storable_message
from preceptor.systems.content import NO_ANSWER, Content, read_content
from preceptor.systems.inspect_ai.turns import message_of, turns_of
from preceptor.systems.inspect_ai.words import completion_of

if TYPE_CHECKING:
    from inspect_ai.log import EvalSample, ProvenanceData
    from inspect_ai.scorer import Score as InspectScore

__all__ = [
    "by_whom",
    "edits_in",
    "example_in",
    "id_of",
    "response_in",
    "told_by",
    "verdict_rows",
]

_ROLES = {"system", "user", "assistant", "tool"}


def id_of(sample: EvalSample) -> str:
    """The example's id, from the metadata in logs of inspect-evals."""
    given = sample.metadata.get("prompt_id")
    return given if isinstance(given, str) and given else str(sample.id)


def example_in(fields: Fields, sample: EvalSample, example_id: str) -> Example | None:
    """The example within the sample, in our layout or that of inspect-evals; None if absent."""
    if "criteria" in fields:
        items = fields.items("criteria") if fields.row["criteria"] else []
        example = Example(
            example_id,
            _conversation(sample),
            tuple(criterion(item, "criterion", empty=True) for item in items),
            fields.texts("tags"),
            target=fields.row.get("target", msgspec.UNSET),
        )
        rest = fields.row.get("example")
        try:
            known = {"id": example_id, "messages": [], "criteria": []}
            more = msgspec.convert({**known, **(rest or {})}, Example)
        except (msgspec.ValidationError, TypeError):
            return example
        return msgspec.structs.replace(example, physician=more.physician, of=more.of)
    if "rubrics" in fields and "conversation" in fields:
        asked = tuple(message(item) for item in fields.items("conversation"))
        rubrics = tuple(criterion(item, "criterion") for item in fields.items("rubrics"))
        return Example(example_id, asked, rubrics, fields.texts("example_tags"))
    return None


def _conversation(sample: EvalSample) -> tuple[Message, ...]:
    if isinstance(sample.input, str):
        return (Message("user", storable(sample.input)),)
    return _messages(sample.input)


def _messages(messages: Iterable[Any]) -> tuple[Message, ...]:
    return tuple(
        storable_message(message_of(message)) for message in messages if message.role in _ROLES
    )


def told_by(role: str, messages: Iterable[Any]) -> str:
    """The texts of one party's messages, in a row."""
    return storable("\n\n".join(message.text for message in messages if message.role == role))


def response_in(
    sample: EvalSample, score: InspectScore | None, usage: Usage, cost: float | None
) -> tuple[Response, Content]:
    """The answer or its failure, and how its content was read."""
    ours = _record_in(score)
    failed = _failure_in(sample, score)
    if failed is not None:
        response = Response("", failure=failed[0], detail=failed[1], usage=usage, cost_usd=cost)
        return _restored(response, ours), Content(None, failed[0])
    said = completion_of(sample.output, str(sample.id))
    calls = sample.output.message.tool_calls
    content = read_content({"role": "assistant", "content": said.whole, "tool_calls": calls})
    if said.reasoning_length is not None:
        left_out = (*content.left_out, "reasoning")
        content = msgspec.structs.replace(content, left_out=left_out)
    if content.text is None:
        response = Response(
            "",
            failure=NO_ANSWER,
            detail=content.reason,
            finish_reason=said.finish_reason,
            usage=usage,
            cost_usd=cost,
        )
        return response, content
    text = storable(content.text)
    if said.finish_reason == "content_filter" and sample.output.usage is None and not ours:
        text = ""  # Inspect has the provider's error message as the text
    turns = _agent_turns(sample)
    seconds = (sample.working_time if len(turns) > 1 else None) or sample.output.time
    response = Response(
        "",
        text=text,
        finish_reason=said.finish_reason,
        sent=_sent_in(sample),
        usage=usage,
        cost_usd=cost,
        latency_s=max(finite(seconds) or 0.0, 0.0),
        reasoning_length=said.reasoning_length,
        turns=turns,
        **_told_in(sample, score),
    )
    return _restored(response, ours), content


def _record_in(score: InspectScore | None) -> dict[str, Any]:
    """What our export has of the response beside its text."""
    found = (score.metadata or {}).get("response") if score is not None else None
    return found if isinstance(found, dict) else {}


def _restored(response: Response, ours: Mapping[str, Any]) -> Response:
    """The response with the fields of our export's record; as it is if that is of another shape."""
    if not ours:
        return response
    media = any(_has_media(turn.message) for turn in response.turns)
    if media or any(map(_has_media, response.sent or ())):  # whose bytes are in the messages alone
        ours = {name: each for name, each in ours.items() if name not in ("turns", "sent")}
    text = {"text": response.text} if response.failure is None else {"text": ""}
    known = {name: getattr(response, name) for name in ("turns", "sent", "failure")}
    try:
        restored = msgspec.convert({"key": "", **text, **ours}, Response)
    except msgspec.ValidationError:
        return response
    kept = {name: each for name, each in known.items() if name not in ours}
    return msgspec.structs.replace(restored, **kept)


def _has_media(message: Message) -> bool:
    return any(isinstance(part, Image | File) for part in message.parts)


def _agent_turns(sample: EvalSample) -> tuple[Turn, ...]:
    """Turns of an agent after the conversation that it was given."""
    given = 1 if isinstance(sample.input, str) else sum(m.role != "system" for m in sample.input)
    return turns_of([m for m in sample.messages if m.role != "system"][given:])


def _sent_in(sample: EvalSample) -> tuple[Message, ...] | None:
    """The messages sent, if a system message was added to the conversation; else None."""
    asked = _conversation(sample)
    known = {message.text for message in asked}
    added = [
        one for one in _messages(sample.messages) if one.role == "system" and one.text not in known
    ]
    return (*added, *asked) if added else None


def _told_in(sample: EvalSample, score: InspectScore | None) -> dict[str, Any]:
    """Final state, stop reason, the model that answered, and when: as we wrote them, or Inspect."""
    ours = (score.metadata or {}) if score is not None else {}
    limit = None if sample.limit is None else f"max_{sample.limit.type}"
    given = {
        "state": ours.get("state", sample.store or None),
        "stop_reason": ours.get("stop_reason", limit),
        "served_model": ours.get("served_model", sample.output.model or None),
        "created_at": ours.get("created_at", sample.completed_at),
    }
    kept = {name: each for name, each in given.items() if name == "state" or isinstance(each, str)}
    return {name: storable(each) if isinstance(each, str) else each for name, each in kept.items()}


def _failure_in(sample: EvalSample, score: InspectScore | None) -> tuple[str, str] | None:
    """Kind and description of a failed answer; None if it did not fail."""
    if (why := sample.invalidation) is not None:
        return "invalidated", by_whom(why)
    given = (score.metadata or {}).get("failure") if score is not None else None
    if sample.error is None and not isinstance(given, str) and not sample.output.empty:
        return None
    words = sample.error.message if sample.error is not None else "the log has no answer here"
    if sample.error is None and sample.limit is not None:
        words = f"stopped by the limit: {sample.limit.type}"
    kind = given if isinstance(given, str) else "system_failed" if sample.error else "no_answer"
    return shorten(kind, 40).strip("'"), shorten(words, 300)


def edits_in(sample: EvalSample) -> Iterator[str]:
    """What people changed in a sample's scores, each in words, with author and reason."""
    for name, score in (sample.scores or {}).items():
        before: object = None
        for edit in score.history:
            after = before if edit.value == "UNCHANGED" else edit.value
            if (who := edit.provenance) is not None:
                change = f" {_shown(before)} to {_shown(after)}" if after != before else ""
                yield f"{_shown(sample.id)} {name}{change}, {by_whom(who)}"
            before = after


def by_whom(who: ProvenanceData) -> str:
    """Who changed a log, and why, in words."""
    return f"by {_shown(who.author)}" + (f" ({_shown(who.reason)})" if who.reason else "")


def _shown(value: object) -> str:
    return shorten(str(value), 120).strip("'")


def verdict_rows(sample: EvalSample) -> tuple[InspectScore | None, list[Mapping[str, Any]]]:
    """The score that has verdicts, with one row per criterion."""
    scores = sample.scores or {}
    named = [scores[SCORER]] if SCORER in scores else []
    for score in [*named, *scores.values()]:
        for field in ("verdicts", "detailed_results"):
            rows = (score.metadata or {}).get(field)
            if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
                return score, rows
    return None, []
