"""Output files of batch APIs: OpenAI's, Anthropic's and Gemini's, their error files included.

A line is a request's id with the body of a reply, or with an error. Sources:
https://platform.openai.com/docs/guides/batch,
https://platform.claude.com/docs/en/build-with-claude/batch-processing,
https://ai.google.dev/gemini-api/docs/batch-api.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from preceptor.bridges.pricing import listed_price
from preceptor.bridges.tool_runs import Asked, Start, ToolAnswer, ToolRun, Unread, response_of
from preceptor.errors import InputError, shorten
from preceptor.files import id_text, read_rows
from preceptor.records import Completion, Response, Usage
from preceptor.systems.anthropic import parse_message
from preceptor.systems.batch.model import in_batch
from preceptor.systems.batch.wire import Wire, failure
from preceptor.systems.content import NO_ANSWER
from preceptor.systems.endpoint import ErrorInReply
from preceptor.systems.gemini import parse_generated
from preceptor.systems.openai_replies import parse_chat
from preceptor.systems.responses_replies import parse_responses
from preceptor.systems.wire import parsed

__all__ = ["is_mine", "read"]

_IDS = ("custom_id", "key")
_OUTCOMES = ("response", "error", "result", "status")
_KNOWN = {"id", *_IDS, *_OUTCOMES}
#: Fields of a body that hold what was said → what reads it.
_PARSERS: dict[str, Callable[[bytes], Completion]] = {
    "choices": parse_chat,
    "output": parse_responses,
    "content": lambda body: parse_message(None, body),
    "candidates": parse_generated,
    "promptFeedback": parse_generated,
}
_SHARED = ("usage", "usageMetadata")


def is_mine(start: Start) -> bool:
    """Whether a line has a request's id, an outcome, and no field of another tool."""
    row = start.row
    outcome = [row[name] for name in _OUTCOMES if name in row]
    plain = all(each is None or isinstance(each, dict | str) for each in outcome)
    inside = any(isinstance(each, dict) for each in outcome)
    return any(name in row for name in _IDS) and not row.keys() - _KNOWN and plain and inside


def read(files: Sequence[Path], asked: Asked) -> Iterator[ToolRun]:
    """Yield a run for each file; files of errors alone belong to the file that is named alike."""
    runs = [_run(file) for file in files]
    answered = [run for run in runs if any(each.response.failure is None for each in run.answers)]
    for run in runs:
        if run not in answered and answered:
            _home(run, answered).answers += run.answers
    for run in answered or runs:
        _leave_out_retried(run)
        yield run


def _home(errors: ToolRun, answered: Sequence[ToolRun]) -> ToolRun:
    """The run that failed requests belong to: one that has no answer to them, named most alike.

    Raises
    ------
    InputError
        Several are as likely.
    """
    failed = {each.id for each in errors.answers}

    def likely(run: ToolRun) -> tuple[bool, int]:
        done = {each.id for each in run.answers if each.response.failure is None}
        alike = os.path.commonprefix([run.name, errors.name])  # noqa: RUF071 (of names)
        return failed.isdisjoint(done), len(alike)

    best = max(map(likely, answered))
    found = [run for run in answered if likely(run) == best]
    if len(found) > 1:
        raise InputError(
            f"{errors.path}: holds errors of a batch that its name does not tell: import it with "
            f"the output of its batch alone, not with {found[0].path.name} and "
            f"{found[1].path.name}"
        )
    return found[0]


def _run(file: Path) -> ToolRun:
    unread, answers = Unread(), []
    models: Counter[str] = Counter()
    for line, row in read_rows(file):
        unread.fields(row.keys() - _KNOWN)
        id = id_text(next((row[name] for name in _IDS if row.get(name) is not None), None))
        if not id:
            unread.row(line, "without the id of a request")
            continue
        for response in _responses(id, row):
            answers.append(ToolAnswer(id=id, response=response, line=line))
            models[response.served_model or ""] += response.failure is None
    model = next((name for name, _ in models.most_common() if name), "unnamed system")
    notes = [_priced(answers, model)] if model else []
    named = sorted(name for name, count in models.items() if name and count)
    if len(named) > 1:
        notes.append(f"Answers are of several models: {', '.join(named)}.")
    return ToolRun(
        name=file.name.removesuffix(".gz").removesuffix(".jsonl"),
        tool="",
        path=file,
        system=model,
        answers=answers,
        notes=[note for note in notes if note],
        unread=unread,
    )


def _priced(answers: list[ToolAnswer], model: str) -> str:
    """Price the answers as batches are; returns a note, empty if no price is known."""
    listed = listed_price(model)
    price = in_batch(listed, Wire.share)
    if listed is None or price is None:
        return ""
    for place, answer in enumerate(answers):
        if answer.response.usage.total:
            cost = price.cost(answer.response.usage)
            response = msgspec.structs.replace(answer.response, cost_usd=cost)
            answers[place] = msgspec.structs.replace(answer, response=response)
    return f"Cost: the file's tokens at the {listed.source}, at the share that a batch costs."


def _leave_out_retried(run: ToolRun) -> None:
    """Leave out failed requests that were made again and answered."""
    done = {each.id for each in run.answers if each.response.failure is None}
    kept = [each for each in run.answers if each.response.failure is None or each.id not in done]
    if dropped := len(run.answers) - len(kept):
        run.notes.append(
            f"Failed requests that were answered in another line: {dropped:,}, left out."
        )
        run.answers = kept


def _responses(id: str, row: Mapping[str, Any]) -> list[Response]:
    """What came of a request: an answer for each choice, or one failure."""
    result, response, error = row.get("result"), row.get("response"), row.get("error")
    if isinstance(result, dict):  # Anthropic's
        kind = result.get("type")
        if kind == "succeeded":
            return _answers(id, result.get("message"))
        inner = result.get("error")
        inner = inner.get("error", inner) if isinstance(inner, dict) else inner
        return [_failed(id, 500, {"error": inner or kind}, str(kind))]
    if isinstance(response, dict) and "body" in response:
        status = response.get("status_code")
        if isinstance(status, int) and status != 200:
            return [_failed(id, status, response["body"])]
        return _answers(id, response["body"])
    if isinstance(response, dict) and not error:
        return _answers(id, response)
    error = error or row.get("status")
    code = error.get("code") if isinstance(error, dict) else None
    status = code if isinstance(code, int) and 400 <= code < 600 else 500
    return [_failed(id, status, {"error": error or "no reply"}, str(code or ""))]


def _answers(id: str, body: object) -> list[Response]:
    """The answers in a body; tokens of all choices are counted with the first."""
    if not isinstance(body, dict):
        return [_failed(id, 500, {"error": f"no reply: {shorten(body, 60)}"})]
    field = next((name for name in _PARSERS if body.get(name) is not None), None)
    choices = body.get(field or "")
    if field not in ("choices", "candidates") or not isinstance(choices, list) or not choices:
        return [_answer(id, body, field)]
    bare = {name: value for name, value in body.items() if name not in _SHARED}
    heads = [body, *[bare] * (len(choices) - 1)]
    singles = [{**choice, "index": 0} if isinstance(choice, dict) else choice for choice in choices]
    return [
        _answer(id, {**head, field: [choice]}, field)
        for head, choice in zip(heads, singles, strict=True)
    ]


def _answer(id: str, body: dict[str, Any], field: str | None) -> Response:
    if field == "choices" and isinstance(body["choices"], list) and body["choices"]:
        choice = body["choices"][0]
        if isinstance(choice, dict) and isinstance(choice.get("text"), str):
            said = {"content": choice["text"]}  # the older API of completions
            body = {**body, "choices": [{**choice, "message": said}]}
    try:
        parse = _PARSERS[field or "choices"]
        return response_of(parsed(msgspec.json.encode(body), parse))
    except ErrorInReply as error:
        return _failure(id, error.status, error.content)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return Response("", failure="malformed", detail=f"expected a reply, found {shorten(error)}")


def _failed(id: str, status: int, body: object, code: str = "") -> Response:
    if any(word in code for word in ("expired", "cancel")):
        return Response("", failure=NO_ANSWER, detail=f"the request was not made: {code}")
    return _failure(id, status, msgspec.json.encode(body))


def _failure(id: str, status: int, content: bytes) -> Response:
    outcome = failure(id, status, content)
    if outcome.kind == "content_filter":
        return response_of(Completion("", finish_reason="content_filter", usage=Usage()))
    return Response("", failure=outcome.kind, detail=outcome.words)
