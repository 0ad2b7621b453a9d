"""Rollouts of verifiers (0.4): the ``traces.jsonl`` of ``vf-eval``.

A line is an episode with a trace for each agent; a trace has its messages as a graph of nodes. A
rollout that failed has no answer, unless only its scoring did.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from preceptor import benchmarks
from preceptor.bridges.tool_runs import (
    Asked,
    Start,
    ToolAnswer,
    ToolRun,
    Unread,
    finite,
    mapping,
    mappings,
)
from preceptor.errors import PreceptorError
from preceptor.files import id_text, read_rows
from preceptor.records import (
    NO_GRADER,
    Criterion,
    Example,
    Message,
    Response,
    ToolScore,
    Usage,
    Verdict,
)
from preceptor.scoring.places import options_in
from preceptor.systems.content import read_content

__all__ = ["is_mine", "read"]

_KNOWN = {
    *("version", "id", "verifiers", "task", "agent", "tools", "nodes", "calls", "timing"),
    *("mm_token_type_id_map", "request_rewrites", "response_rewrites", "rewards", "metrics"),
    *("info", "root_reply", "extra_usage", "is_completed", "ok", "stop_condition", "is_timeout"),
    *("errors", "num_input_tokens", "num_output_tokens", "num_total_tokens"),
}
_ASKED = ("system", "developer", "user")


class _Run(msgspec.Struct):
    """The traces of one model, as one agent."""

    answers: list[ToolAnswer] = []
    unread: Unread = msgspec.field(default_factory=Unread)
    scores: dict[str, list[float]] = {}
    benchmark: str | None = None
    version: str = ""
    failed: int = 0


def is_mine(start: Start) -> bool:
    """Whether a row is an episode with its task and traces."""
    return {"env", "task", "traces"} <= start.row.keys() and isinstance(start.row["traces"], list)


def read(files: Sequence[Path], asked: Asked) -> Iterator[ToolRun]:
    """Yield a run for each model of each file, and for each agent where an episode has several."""
    for file in files:
        yield from _runs(file)


def _runs(file: Path) -> Iterator[ToolRun]:
    runs: dict[tuple[str, str], _Run] = {}
    for line, row in read_rows(file):
        for trace in mappings(row.get("traces")):
            about = mapping(trace.get("agent"))
            model = str(mapping(about.get("config")).get("model") or "unnamed system")
            run = runs.setdefault((model, str(about.get("name") or "agent")), _Run())
            _add(run, trace, line)
    several = {name for _, name in runs}
    name = file.parent.name if file.stem == "traces" and file.parent.name else file.stem
    for (model, agent), run in runs.items():
        judged = any(answer.verdicts for answer in run.answers)
        parts = [model] if len(runs) > len(several) else []
        parts += [agent] if len(several) > 1 else []
        notes = [f"Failed rollouts, which have no answer: {run.failed:,}."] if run.failed else []
        yield ToolRun(
            name="/".join([name, *parts]),
            tool=f"verifiers {run.version}".strip(),
            path=file,
            system=model,
            grader="not stated" if judged else NO_GRADER,
            benchmark=run.benchmark,
            answers=run.answers,
            scores=[
                ToolScore(each, sum(values) / len(values), len(values))
                for each, values in run.scores.items()
            ],
            notes=notes,
            unread=run.unread,
        )


def _add(run: _Run, trace: Mapping[str, Any], line: int) -> None:
    """Add a trace's answer, rewards and metrics."""
    run.unread.fields(trace.keys() - _KNOWN)
    run.version = str(mapping(trace.get("verifiers")).get("version") or run.version)
    task = mapping(trace.get("task"))
    data = task.get("data")
    if not isinstance(data, dict):
        run.unread.row(line, "a trace without the data of its task")
        return
    run.benchmark = data["benchmark"] if isinstance(data.get("benchmark"), str) else run.benchmark
    ids = (data.get("id"), data.get("example_id"), data.get("idx"), task.get("key"))
    id = next((text for each in ids if (text := id_text(each))), str(line - 1))
    response = _response(trace)
    run.failed += response.failure is not None
    example = _example(id, data)
    verdicts = _verdicts(trace)
    if verdicts and (example is None or len(verdicts) != len(example.criteria)):
        run.unread.row(line, "verdicts that are not on each criterion")
        verdicts = ()
    run.answers.append(
        ToolAnswer(
            id=id,
            response=response,
            line=line,
            verdicts=verdicts if response.failure is None else (),
            question=next((m.text for m in reversed(_messages(data)) if m.role == "user"), ""),
            options=options_in(data),
            right=data["answer"] if isinstance(data.get("answer"), str) else None,
            example=example,
        )
    )
    for name, value in {**mapping(trace.get("metrics")), **_rewards(trace)}.items():
        if (number := finite(value)) is not None:
            run.scores.setdefault(name, []).append(number)


def _rewards(trace: Mapping[str, Any]) -> dict[str, float]:
    """The rewards by name, and their weighted sum where there are several; none if it failed."""
    found, total = {}, 0.0
    for name, reward in mapping(trace.get("rewards")).items():
        score = finite(reward.get("score") if isinstance(reward, dict) else reward)
        if score is not None:
            found[name] = score
            weight = finite(reward.get("weight", 1.0)) if isinstance(reward, dict) else 1.0
            total += score * (1.0 if weight is None else weight)
    return {**found, "reward": total} if len(found) > 1 else found


def _response(trace: Mapping[str, Any]) -> Response:
    """The last reply of the model, what all its calls took, or why there is none."""
    calls = mappings(trace.get("calls"))
    usage = Usage()
    for call in calls:
        used = mapping(call.get("usage"))
        names = ("prompt_tokens", "completion_tokens", "cached_input_tokens", "reasoning_tokens")
        usage += Usage(*(max(0, int(finite(used.get(name)) or 0)) for name in names))
    ends = [call["finish_reason"] for call in calls if call.get("finish_reason")]
    response = Response(
        "",
        usage=usage,
        latency_s=_seconds(mapping(trace.get("timing")).get("agent")),
        finish_reason=str(ends[-1]) if ends else "stop",
    )
    said = reply if isinstance(reply := trace.get("root_reply"), str) else None
    nodes = [node for node in mappings(trace.get("nodes")) if node.get("sampled")]
    messages = [mapping(node.get("message")) for node in nodes]
    replies = [message for message in messages if message.get("role") == "assistant"]
    if said is None and replies:
        said = read_content(replies[-1].get("content")).text
    errors = mappings(trace.get("errors"))
    failed = trace.get("ok") is False and not (said is not None and _only_scoring(errors))
    if failed or said is None:
        kind, detail = _failure(trace, errors)
        return msgspec.structs.replace(response, failure=kind, detail=detail)
    return msgspec.structs.replace(response, text=said)


def _only_scoring(errors: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the rollout itself went well and its scoring failed."""
    return bool(errors) and all(
        error.get("type") == "TaskError" and " scoring" in str(error.get("message"))
        for error in errors
    )


def _failure(trace: Mapping[str, Any], errors: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Kind and words of a failed rollout."""
    last = errors[-1] if errors else {}
    detail = str(last.get("message") or trace.get("stop_condition") or "no reply")[:500]
    status = last.get("status_code")
    if trace.get("is_timeout"):
        return "timeout", detail
    if isinstance(status, int):
        if status == 429:
            return "rate_limit", detail
        return ("server_error" if status >= 500 else "bad_request"), detail
    return ("system_failed" if errors else "no_answer"), detail


def _seconds(span: object) -> float:
    if not isinstance(span, dict):
        return 0.0
    start, end = finite(span.get("start")), finite(span.get("end"))
    return max(0.0, end - start) if start is not None and end is not None else 0.0


def _verdicts(trace: Mapping[str, Any]) -> tuple[Verdict, ...]:
    """Those that Preceptor's own environment keeps in a trace."""
    about = mapping(mapping(trace.get("info")).get("preceptor"))
    return tuple(
        Verdict("", each["met"], explanation=str(each.get("explanation") or ""))
        if isinstance(each.get("met"), bool)
        else Verdict("", None, reason=str(each.get("reason") or "not_given"), attempts=0)
        for each in mappings(about.get("verdicts"))
    )


def _messages(data: Mapping[str, Any]) -> list[Message]:
    prompt = data.get("prompt")
    if isinstance(prompt, str):
        return [Message("user", prompt)]
    return [
        Message(turn["role"], read_content(turn.get("content")).text or "")
        for turn in mappings(prompt)
        if turn.get("role") in (*_ASKED, "assistant")
    ]


def _example(id: str, data: Mapping[str, Any]) -> Example | None:
    """The task of Preceptor's own environment: the benchmark's, or as the trace has it."""
    if not isinstance(data.get("benchmark"), str) or not isinstance(data.get("criteria"), list):
        return None
    try:
        criteria = msgspec.convert(data["criteria"], tuple[Criterion, ...])
        tags = msgspec.convert(data.get("tags") or (), tuple[str, ...])
    except msgspec.ValidationError:
        return None
    known = _known(data["benchmark"]).get(id)
    if known is not None and known.criteria == criteria and not data.get("system_prompt"):
        return known
    messages = _messages(data)
    if data.get("system_prompt"):
        messages.insert(0, Message("system", str(data["system_prompt"])))
    return Example(id, tuple(messages), criteria, tags)


@functools.lru_cache(1)
def _known(benchmark: str) -> dict[str, Example]:
    """The benchmark's examples, where its data is on this machine."""
    try:
        return {example.id: example for example in benchmarks.get(benchmark).load().examples}
    except PreceptorError:
        return {}
