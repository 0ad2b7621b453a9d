"""Results of promptfoo (0.123): what ``promptfoo eval -o out.json`` writes.

A row is one test with one prompt and one provider. Its assertions of the type ``llm-rubric`` are
the criteria, with their weights as points; one of the type ``not-llm-rubric`` is a criterion with
negative points. ``error`` is filled for a failed assertion too: ``failureReason`` 2 is a failed
call. Repeats are rows with equal variables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from preceptor import benchmarks
from preceptor.benchmarks import Benchmark
from preceptor.benchmarks.manifest import Manifest
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
from preceptor.cells import decoded
from preceptor.files import decode_json, id_text
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
from preceptor.systems.content import read_content

__all__ = ["is_mine", "read"]

_KNOWN = {
    *("cost", "error", "gradingResult", "id", "latencyMs", "namedScores", "prompt", "promptId"),
    *("promptIdx", "provider", "response", "score", "success", "testCase", "testIdx"),
    *("tokenUsage", "vars", "metadata", "failureReason", "description"),
}
_FAILED_CALL = 2
_RUBRICS = ("llm-rubric", "agent-rubric", "model-graded-closedqa")
_IDS = ("id", "example_id", "prompt_id", "question_id", "task_id")
_QUESTIONS = ("question", "prompt", "query", "input", "message", "messages")
_MOST_POINTS = 10
_FAILURES = (
    ("rate_limit", r"\b429\b|rate limit"),
    ("content_filter", r"content.?filter|content management policy"),
    ("timeout", r"timed? ?out"),
    ("server_error", r"\b5\d\d\b"),
    ("bad_request", r"\b4\d\d\b"),
    ("connection", r"ECONN|fetch failed|network"),
)

#: Of an assertion: its criterion's text, whether a pass is *met*, and its weight.
_Asserted = tuple[str, bool, float]


class _Test(msgspec.Struct):
    """A test, as all providers and prompts are asked it."""

    id: str
    messages: tuple[Message, ...]
    criteria: dict[str, tuple[bool, float]]


def is_mine(start: Start) -> bool:
    """Whether it is an object with an evaluation's id and rows of results."""
    results = start.object.get("results")
    return isinstance(results, dict) and "evalId" in start.object and "results" in results


def read(files: Sequence[Path], asked: Asked) -> Iterator[ToolRun]:
    """Yield a run for each provider and prompt of each file."""
    for file in files:
        yield from _runs(file)


def _runs(file: Path) -> Iterator[ToolRun]:
    content = decode_json(file)
    rows = mappings(mapping(mapping(content).get("results")).get("results"))
    rows.sort(key=lambda row: (_count(row.get("testIdx")), _count(row.get("promptIdx"))))
    tests = _tests(rows)
    points, scaled = _points(tests.values())
    rubric = any(test.criteria for test in tests.values())
    own = _benchmark(content, file, tests) if rubric else None
    version = mapping(content.get("metadata")).get("promptfooVersion", "")
    prompts = list(dict.fromkeys(_label(row) for row in rows))
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((_provider(row), _label(row)), []).append(row)
    for (provider, label), group in groups.items():
        unread = Unread()
        answers = []
        for line, row in enumerate(group, 1):
            unread.fields(row.keys() - _KNOWN)
            test = tests[_key(row)]
            if rubric and not test.criteria:
                unread.row(f"test {row.get('testIdx')}", "a test without an llm-rubric")
                continue
            answers.append(_answer(row, line, test, points))
        for kind, test in _others(group):
            unread.row(f"test {test}", f"assertions of the type {kind}, which no model judged")
        parts = [provider] if len({one for one, _ in groups}) > 1 or len(prompts) == 1 else []
        parts += [label] if len(prompts) > 1 else []
        yield ToolRun(
            name="/".join([file.stem, *parts]) if len(groups) > 1 else file.stem,
            tool=f"promptfoo {version}".strip(),
            path=file,
            system=provider + (f" [{label}]" if len(prompts) > 1 else ""),
            grader=_grader(group) if rubric else NO_GRADER,
            benchmark=own,
            answers=answers,
            scores=_scores(group),
            notes=["The weights of assertions are scaled to points up to 10."] if scaled else [],
            unread=unread,
        )


def _tests(rows: Sequence[Mapping[str, Any]]) -> dict[str, _Test]:
    """The tests of the rows, those with equal variables being one."""
    tests: dict[str, _Test] = {}
    ids: set[str] = set()
    for row in rows:
        key = _key(row)
        if key not in tests:
            id = _id(row, len(tests))
            while id in ids:
                id += "'"
            ids.add(id)
            tests[key] = _Test(id, _messages(row), {})
        for component in (*_flat(_case(row).get("assert"), "assert"), *_components(row)):
            found = _asserted(component, row)
            if found is not None:
                text, met, weight = found
                tests[key].criteria.setdefault(text, (met, weight))
    return tests


def _key(row: Mapping[str, Any]) -> str:
    return json.dumps([mapping(row.get("vars")), _case(row).get("assert")], sort_keys=True)


def _id(row: Mapping[str, Any], place: int) -> str:
    """The test's id: of its variables, its metadata, its description, or else its place."""
    for where in (row.get("vars"), _case(row).get("metadata"), row.get("metadata")):
        for name in _IDS:
            if isinstance(where, dict) and (text := id_text(where.get(name))):
                return text
    return str(_case(row).get("description") or row.get("description") or place)


def _case(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(row.get("testCase"))


def _messages(row: Mapping[str, Any]) -> tuple[Message, ...]:
    """The question: a variable of that name, or else the prompt as it was sent."""
    variables = mapping(row.get("vars"))
    for name in _QUESTIONS:
        if isinstance(text := variables.get(name), str) and text.strip():
            return _chat(text)
    return _sent(row)


def _sent(row: Mapping[str, Any]) -> tuple[Message, ...]:
    prompt = row.get("prompt")
    return _chat(str(prompt.get("raw", "")) if isinstance(prompt, dict) else str(prompt))


def _chat(text: str) -> tuple[Message, ...]:
    turns = decoded(text)
    try:
        return (
            msgspec.convert(turns, tuple[Message, ...]) if isinstance(turns, list) else _one(text)
        )
    except msgspec.ValidationError:
        return _one(text)


def _one(text: str) -> tuple[Message, ...]:
    return (Message("user", text),)


def _answer(
    row: Mapping[str, Any], line: int, test: _Test, points: Mapping[float, int]
) -> ToolAnswer:
    verdicts: dict[str, Verdict] = {}
    for component in _components(row):
        found = _asserted(component, row)
        if found is not None:
            verdict = _verdict(component, passing=found[1])
            verdicts[found[0]] = _agreed(verdicts.get(found[0], verdict), verdict)
    criteria = tuple(
        Criterion(text, points[weight] if met else -points[weight])
        for text, (met, weight) in test.criteria.items()
    )
    response, sent = _response(row), _sent(row)
    if sent != test.messages:
        response = msgspec.structs.replace(response, sent=sent)
    return ToolAnswer(
        id=test.id,
        response=response,
        line=line,
        verdicts=tuple(verdicts.values()),
        criteria=tuple(verdicts),
        question=" ".join(message.text for message in test.messages),
        example=Example(test.id, test.messages, criteria) if criteria else None,
    )


def _response(row: Mapping[str, Any]) -> Response:
    reply = mapping(row.get("response"))
    error = reply.get("error") or row.get("error")
    content = read_content(reply.get("output"))
    tokens = mapping(reply.get("tokenUsage") or row.get("tokenUsage"))
    details = mapping(tokens.get("completionDetails"))
    usage = Usage(
        _count(tokens.get("prompt")),
        _count(tokens.get("completion")),
        _count(tokens.get("cached")),
        _count(details.get("reasoning")),
    )
    cost = finite(row.get("cost"))
    response = Response(
        "",
        usage=usage,
        latency_s=(finite(row.get("latencyMs")) or 0.0) / 1000,
        cost_usd=cost or None,  # 0 where the tool knows no price
        finish_reason=str(reply.get("finishReason") or "stop"),
    )
    if row.get("failureReason") == _FAILED_CALL or content.text is None:
        detail = str(error or content.reason or "no output")
        return msgspec.structs.replace(response, failure=_kind(detail), detail=detail[:500])
    if reply.get("isRefusal"):
        response = msgspec.structs.replace(response, finish_reason="refusal")
    return msgspec.structs.replace(response, text=content.text)


def _kind(detail: str) -> str:
    return next(
        (kind for kind, signs in _FAILURES if re.search(signs, detail, re.IGNORECASE)), "no_answer"
    )


def _verdict(component: Mapping[str, Any], *, passing: bool) -> Verdict:
    """Met or not; an unreadable grader's *failed* is none."""
    tokens = mapping(component.get("tokensUsed"))
    usage = Usage(_count(tokens.get("prompt")), _count(tokens.get("completion")))
    said, passed = str(component.get("reason") or ""), component.get("pass")
    if mapping(component.get("metadata")).get("graderError") or not isinstance(passed, bool):
        kind = _kind(said)
        reason = "unparseable" if "JSON" in said and "error" not in said else kind
        reason = "grader_failed" if reason == "no_answer" else reason
        return Verdict("", None, reason=reason, detail=said[:500], usage=usage)
    return Verdict("", passed == passing, explanation=said, usage=usage)


def _agreed(one: Verdict, other: Verdict) -> Verdict:
    """The verdict of two assertions of one text; none where they differ."""
    if one.met == other.met:
        return other
    return msgspec.structs.replace(other, met=None, reason="tie", detail="verdicts that differ")


def _asserted(component: Mapping[str, Any], row: Mapping[str, Any]) -> _Asserted | None:
    """The criterion of an assertion that a model judged; None for any other, or without weight."""
    stated = component.get("assertion", component)
    if not isinstance(stated, dict):
        return None
    kind = str(stated.get("type"))
    weight = finite(stated.get("weight", 1))
    if kind.removeprefix("not-") not in _RUBRICS or not weight or weight < 0:
        return None
    value = stated.get("value")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _rendered(text, mapping(row.get("vars"))), not kind.startswith("not-"), weight


def _rendered(text: str, variables: Mapping[str, Any]) -> str:
    """A template's text with its plain variables."""

    def value(found: re.Match[str]) -> str:
        return str(variables.get(found[1], found[0]))

    return re.sub(r"\{\{\s*(\w+)\s*\}\}", value, text)


def _components(row: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return _flat(mapping(row.get("gradingResult")).get("componentResults"), "componentResults")


def _flat(parts: Any, inside: str) -> Iterator[Mapping[str, Any]]:
    """The assertions, those of sets too."""
    for part in mappings(parts):
        if isinstance(part.get(inside), list) and part[inside]:
            yield from _flat(part[inside], inside)
        else:
            yield part


def _points(tests: Any) -> tuple[dict[float, int], bool]:
    """Weight → points from 1 to 10, and whether they had to be scaled."""
    weights = {weight for test in tests for _, weight in test.criteria.values()}
    if all(weight.is_integer() and weight <= _MOST_POINTS for weight in weights):
        return {weight: int(weight) for weight in weights}, False
    most = max(weights)
    return {each: max(1, round(_MOST_POINTS * each / most)) for each in weights}, True


def _others(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield the type and the test of each assertion of another type."""
    for row in rows:
        for component in _components(row):
            stated = component.get("assertion")
            if isinstance(stated, dict) and _asserted(component, row) is None:
                yield str(stated.get("type")), row.get("testIdx")


def _provider(row: Mapping[str, Any]) -> str:
    provider = row.get("provider")
    if isinstance(provider, dict):
        return str(provider.get("label") or provider.get("id") or "unnamed system")
    return str(provider or "unnamed system")


def _label(row: Mapping[str, Any]) -> str:
    prompt = row.get("prompt")
    label = " ".join(str(prompt.get("label") or "").split()) if isinstance(prompt, dict) else ""
    return label if label and len(label) <= 60 else str(row.get("promptId") or label)[:8]


def _grader(rows: Sequence[Mapping[str, Any]]) -> str:
    """The provider that judges, as an assertion or the options of prompt or test say."""
    for row in rows:
        config = mapping(row.get("prompt")).get("config")
        stated = [mapping(component.get("assertion")) for component in _components(row)]
        for options in (*stated, mapping(config), mapping(_case(row).get("options"))):
            provider = options.get("provider")
            name = provider.get("id") if isinstance(provider, dict) else provider
            if isinstance(name, str):
                return name
    return "not stated"


def _scores(rows: Sequence[Mapping[str, Any]]) -> list[ToolScore]:
    """The share of rows that passed, failed calls included, and their mean score."""
    count = len(rows)
    passed = sum(row.get("success") is True for row in rows)
    scores = [score for row in rows if (score := finite(row.get("score"))) is not None]
    mean = [ToolScore("mean score", sum(scores) / len(scores), len(scores))] if scores else []
    return [ToolScore("passed", passed / count, count), *mean]


def _benchmark(content: Mapping[str, Any], file: Path, tests: Mapping[str, _Test]) -> Benchmark:
    """The file's own tasks as a benchmark, which has the name that it is described by."""
    title = str(mapping(content.get("config")).get("description") or file.stem)
    name = re.sub(r"[^a-z0-9]+", "-", title.casefold()).strip("-")[:60] or "promptfoo"
    if any(each.name == name for each in benchmarks.all_benchmarks()):
        name += "-promptfoo"
    judged = [test for test in tests.values() if test.criteria]
    return Manifest(
        name=name,
        title=title,
        examples=len(judged),
        criteria=sum(len(test.criteria) for test in judged),
    ).benchmark()


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
