"""Parts of a sample in an Inspect log: example, prompt, turns, failure and verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor.benchmarks.base import Fields
from preceptor.benchmarks.own_rows import criterion, message
from preceptor.bridges.inspect_layout import SCORER
from preceptor.errors import shorten
from preceptor.records import Example, Message, Turn
from preceptor.store.rows import storable, storable_message
from preceptor.systems.inspect_ai.turns import message_of, turns_of

if TYPE_CHECKING:
    from inspect_ai.log import EvalSample
    from inspect_ai.scorer import Score as InspectScore

__all__ = [
    "agent_turns",
    "dollars",
    "example_in",
    "failure_in",
    "id_of",
    "sent_in",
    "told_in",
    "verdict_rows",
]

_ROLES = {"system", "user", "assistant", "tool"}


def dollars(sample: EvalSample) -> float | None:
    cost = sample.output.usage.total_cost if sample.output.usage is not None else None
    return cost if cost is not None and cost >= 0 else None


def id_of(sample: EvalSample) -> str:
    """The example's id, from the metadata in logs of inspect-evals."""
    given = sample.metadata.get("prompt_id")
    return given if isinstance(given, str) and given else str(sample.id)


def example_in(fields: Fields, sample: EvalSample, example_id: str) -> Example | None:
    """The example within the sample, in our layout or that of inspect-evals; None if absent."""
    if "criteria" in fields:
        items = fields.items("criteria") if fields.row["criteria"] else []
        return Example(
            example_id,
            _conversation(sample),
            tuple(criterion(item, "criterion", empty=True) for item in items),
            fields.texts("tags"),
            target=fields.row.get("target", msgspec.UNSET),
        )
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


def agent_turns(sample: EvalSample) -> tuple[Turn, ...]:
    """Turns of an agent after the conversation that it was given."""
    given = 1 if isinstance(sample.input, str) else sum(m.role != "system" for m in sample.input)
    return turns_of([m for m in sample.messages if m.role != "system"][given:])


def sent_in(sample: EvalSample, example: Example) -> tuple[Message, ...] | None:
    """The messages sent, if a system message was added to the conversation; else None."""
    known = {message.text for message in example.messages}
    added = [
        one for one in _messages(sample.messages) if one.role == "system" and one.text not in known
    ]
    return (*added, *example.messages) if added else None


def told_in(sample: EvalSample, score: InspectScore | None) -> dict[str, Any]:
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


def failure_in(sample: EvalSample, score: InspectScore | None) -> tuple[str, str] | None:
    """Kind and description of a failed answer; None if it did not fail."""
    given = (score.metadata or {}).get("failure") if score is not None else None
    if sample.error is None and not isinstance(given, str) and not sample.output.empty:
        return None
    words = sample.error.message if sample.error is not None else "the log has no answer here"
    kind = given if isinstance(given, str) else "system_failed" if sample.error else "no_answer"
    return shorten(kind, 40).strip("'"), shorten(words, 300)


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
