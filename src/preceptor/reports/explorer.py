"""What the explorer of examples shows, as JSON inside the page.

A share-safe payload is built from ids, tags, points, verdicts and numbers alone: texts are not
removed from it, they are never put in.
"""

from __future__ import annotations

import base64
import itertools
import json
import math
import re
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from preceptor.records import (
    Answers,
    Example,
    File,
    Graded,
    Image,
    Message,
    Part,
    Reasoning,
    Response,
    Result,
    Score,
    ToolCall,
    ToolResult,
    Verdict,
)
from preceptor.reports.format import cut, pretty
from preceptor.reports.media import sizes_and_images
from preceptor.scoring import OVERALL
from preceptor.scoring.columns import NO_SCORES, Scores
from preceptor.wording import count

__all__ = ["Island", "answer_entry", "embed", "example_entry", "payload", "signs_of"]

#: Characters of a verdict's label that are shown.
_LABEL = 200
#: Above this the JSON is compressed.
_PLAIN = 100_000
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,40}")
# What could end the script element, start a comment, or not survive as UTF-8.
_UNSAFE = re.compile("[<>&\u2028\u2029\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")

Json = dict[str, Any]
#: Hash → bytes of each image and file that is known.
Sizes = dict[str, int]


class Island(msgspec.Struct, frozen=True):
    """A data block of the page: JSON, or its gzip in base64."""

    text: str
    encoding: str


def payload(results: Sequence[Result], *, share: bool) -> Json:
    """Examples in the order of the first run, each with the answers of all runs.

    An example is made when its turn comes: there may be a hundred thousand answers.
    """
    labels = {name: label for result in results for name, label in result.labels.items()}
    sizes, images = ({}, {}) if share else sizes_and_images(results)
    asked = _asked(results)
    tags: dict[str, int] = {}
    for example, _ in asked:
        for tag in itertools.chain(example.tags, *(each.tags for each in example.criteria)):
            tags.setdefault(tag, len(tags))
    return {
        **({"images": images} if images else {}),
        "share": share,
        "runs": [{"name": result.info.name, "system": result.info.system} for result in results],
        "tags": [[tag, pretty(tag, labels), _namespace(tag, labels)] for tag in tags],
        "examples": _examples(results, asked, tags, share, sizes),
    }


def example_entry(example: Example, sizes: Sizes) -> Json:
    """An example with all its texts; its tags are as in the benchmark."""
    known = {*example.tags, *(tag for each in example.criteria for tag in each.tags)}
    return _example(example, {tag: tag for tag in known}, False, sizes)


def answer_entry(graded: Graded, prediction: Any, sizes: Sizes) -> Json:
    """An answer with its verdicts and all texts."""
    return _worded(graded, prediction, False, sizes)


def signs_of(graded: Sequence[Graded]) -> list[str]:
    """Of each answer, a character a criterion: 1 met, 0 not met, L a label, ? ungraded."""
    if not isinstance(graded, Answers):
        return [_verdicts(item.verdicts) for item in graded]
    signs = list(graded.signs)
    for row, told in graded.told.items():
        signs[row] = _verdicts(told)
    return signs


def _asked(results: Sequence[Result]) -> Collection[tuple[Example, list[list[int]]]]:
    """Each example with the rows of its answers in each run."""
    examples: dict[tuple[object, ...], tuple[Example, list[list[int]]]] = {}
    for run, result in enumerate(results):
        graded = result.graded
        known: dict[int, list[int]] = {}
        for row, example in enumerate(
            map(graded.examples.__getitem__, graded.example.tolist())
            if isinstance(graded, Answers)
            else (item.example for item in graded)
        ):
            rows = known.get(id(example))
            if rows is None:
                key = (example.id, example.messages, example.criteria, example.tags)
                found = examples.setdefault(key, (example, [[] for _ in results]))
                rows = known[id(example)] = found[1][run]
            rows.append(row)
    return examples.values()


def _examples(
    results: Sequence[Result],
    asked: Iterable[tuple[Example, list[list[int]]]],
    tags: Mapping[str, int],
    share: bool,
    sizes: Sizes,
) -> Iterator[Json]:
    numbers = [_numbers(result.scores) for result in results]
    for example, rows in asked:
        answers = [
            _answer(run, results[run], row, numbers[run](row), share, sizes=sizes)
            for run, some in enumerate(rows)
            for row in some
        ]
        yield _example(example, tags, share, sizes) | {"answers": answers}


def _namespace(tag: str, labels: dict[str, str]) -> str:
    return pretty(tag.split(":", 1)[0], labels) if ":" in tag else "Other tags"


def _example(example: Example, tags: Mapping[str, Any], share: bool, sizes: Sizes) -> Json:
    entry: Json = {
        "id": example.id,
        "tags": [tags[tag] for tag in example.tags],
        "criteria": [
            {
                "points": criterion.points,
                "tags": [tags[tag] for tag in criterion.tags],
            }
            for criterion in example.criteria
        ],
    }
    if share:
        return entry
    entry["messages"] = [_message(message, sizes) for message in example.messages]
    for item, criterion in zip(entry["criteria"], example.criteria, strict=True):
        item["text"] = cut(criterion.text)
    if example.target is not msgspec.UNSET:
        entry["target"] = _value(example.target)
    if example.physician is not None:
        entry["physician"] = cut(example.physician.text)
        if example.physician.group is not None:
            entry["group"] = example.physician.group
    return entry


def _numbers(scores: Sequence[Score]) -> Callable[[int], Json]:
    """Length and score of the answer of a row, or between what its score lies."""
    table = Scores.of(scores)
    part = table.columns.get(OVERALL, NO_SCORES)
    place = np.full(len(table), -1)
    place[part.rows] = np.arange(len(part.rows))

    def of(row: int) -> Json:
        length, at = table.length[row], place[row]
        numbers: Json = {"length": None if math.isnan(length) else int(length)}
        if at >= 0 and part.known[at]:
            numbers["score"] = round(float(part.value[at]), 6)
        elif at >= 0:
            numbers["bounds"] = [round(float(each[at]), 6) for each in (part.low, part.high)]
        return numbers

    return of


def _answer(
    run: int, result: Result, row: int, numbers: Json, share: bool, *, sizes: Sizes
) -> Json:
    answers = result.graded
    if share and isinstance(answers, Answers) and answers.is_plain(row):
        place = {"run": run, "repeat": int(answers.repeat[row])}
        return {**place, "verdicts": answers.signs[row], **numbers}
    graded = answers[row]
    said = _worded(graded, result.scores[row].prediction, share, sizes)
    place = {"run": run, "repeat": graded.repeat}
    return {**place, "verdicts": said["verdicts"], **numbers} | said


def _worded(graded: Graded, prediction: Any, share: bool, sizes: Sizes) -> Json:
    """What was said in an answer and of it; to share, nothing that can be a text."""
    response = graded.response
    answer: Json = {"verdicts": _verdicts(graded.verdicts)}
    reasons = {
        index: _reason(response, verdict)
        for index, verdict in enumerate(graded.verdicts)
        if verdict is None or not verdict.given
    }
    if reasons:
        answer["reasons"] = reasons
    labels = {
        index: verdict.label
        for index, verdict in enumerate(graded.verdicts)
        if verdict is not None and verdict.label is not None
    }
    if labels:  # in what is shared only those that cannot be a text
        answer["labels"] = {
            index: _word(label) if share else label[:_LABEL] for index, label in labels.items()
        }
    if response is None:
        answer["failure"] = "not asked yet"
    elif response.failure is not None:
        answer["failure"] = "no answer: " + _word(response.failure)
    if share:
        return answer
    if prediction is not None:
        answer["prediction"] = _value(prediction)
    return answer | _texts(graded.example, response, graded.verdicts, sizes)


def _texts(
    example: Example,
    response: Response | None,
    verdicts: Sequence[Verdict | None],
    sizes: Sizes,
) -> Json:
    texts: Json = {
        "explanations": [
            "" if verdict is None else cut(verdict.explanation) for verdict in verdicts
        ]
    }
    details = {
        index: cut(verdict.detail)
        for index, verdict in enumerate(verdicts)
        if verdict is not None and not verdict.given and verdict.detail
    }
    if details:
        texts["details"] = details
    if response is not None:
        texts["text"] = cut(response.text)
        if thought := response.reasoning:
            texts["reasoning"] = cut(thought)
        if response.detail:
            texts["detail"] = cut(response.detail)
        if response.finish_reason != "stop":
            texts["finish"] = response.finish_reason
        if response.turns:
            texts["steps"] = [[turn.party, _parts(turn.message, sizes)] for turn in response.turns]
            if response.stop_reason is not None:
                texts["stop"] = cut(response.stop_reason)
            if response.state is not None:
                texts["state"] = _value(response.state)
        elif response.sent is not None:
            added = [message for message in response.sent if message not in example.messages]
            texts["sent"] = [_message(message, sizes) for message in added]
    return texts


def _verdicts(verdicts: Sequence[Verdict | None]) -> str:
    """One character a criterion: 1 met, 0 not met, L a label, ? ungraded."""
    return "".join(
        "?"
        if verdict is None or not verdict.given
        else "L"
        if verdict.met is None
        else str(int(verdict.met))
        for verdict in verdicts
    )


def _value(value: Any) -> str:
    """JSON as a reader wants it: a text without quotation marks."""
    if isinstance(value, str):
        return cut(value)
    return cut(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def _reason(response: Response | None, verdict: Verdict | None) -> str:
    if response is None or response.failure is not None:
        return "no answer"
    return "not graded yet" if verdict is None else _word(verdict.reason or "unknown")


def _word(reason: str) -> str:
    """A kind of failure is one word; anything else is text, and stays out."""
    return reason if _WORD.fullmatch(reason) else "other"


def _message(message: Message, sizes: Sizes) -> list[Any]:
    """Role, text, and the parts where it has others than text."""
    plain = isinstance(message.content, str)
    return [message.role, cut(message.text), *([] if plain else [_parts(message, sizes)])]


def _parts(message: Message, sizes: Sizes) -> list[list[Any]]:
    return [_part(part, sizes) for part in message.parts if _said(part)]


def _said(part: Part) -> bool:
    """Whether there is something to show: of some reasoning only a signature is known."""
    return not isinstance(part, Reasoning) or bool(part.text)


def _part(part: Part, sizes: Sizes) -> list[Any]:
    """Kind, title and text of a part; an image's or file's hash, a result's images and files."""
    if isinstance(part, ToolCall):
        return ["call", part.name, _arguments(part)]
    if isinstance(part, ToolResult):
        media = [_part(each, sizes) for each in part.media]
        return ["failure" if part.failed else "result", part.name, _result(part.text), media]
    if isinstance(part, Image | File):
        kind = "image" if isinstance(part, Image) else "file"
        size = f", {_bytes(sizes[part.sha256])}" if part.sha256 in sizes else ""
        return [kind, part.name or kind, f"{part.media_type}{size}", part.sha256]
    return ["reasoning" if isinstance(part, Reasoning) else "text", "", cut(part.text)]


def _arguments(call: ToolCall) -> str:
    """Indented where they are an object; else as the model wrote them."""
    found = call.parsed
    return cut(call.arguments) if found is None else _value(found) if found else ""


def _result(text: str) -> str:
    """What a tool gave: indented where it is JSON."""
    try:
        found = msgspec.json.decode(text) if text[:1] in ("{", "[") else None
    except msgspec.DecodeError:
        found = None
    return cut(text) if found is None else _value(found)


def _bytes(size: int) -> str:
    return f"{count(size)} bytes" if size < 1000 else f"{count(round(size / 1000))} kB"


def embed(data: Json) -> Island:
    """JSON that is safe between script tags, compressed when there is much of it.

    The same data gives the same bytes: the time is left out of the gzip header.
    """
    text, rest = "", _pieces(data)
    for piece in rest:
        text += piece
        if len(text) > _PLAIN:
            break
    else:
        return Island(text, "json")
    gzip = zlib.compressobj(level=7, wbits=16 + zlib.MAX_WBITS)
    packed = [gzip.compress(piece.encode()) for piece in itertools.chain([text], rest)]
    return Island(base64.b64encode(b"".join([*packed, gzip.flush()])).decode("ascii"), "gzip")


def _pieces(value: Any) -> Iterator[str]:
    """JSON of an object, and of each element of the iterators in it, one after the other."""
    for number, (name, each) in enumerate(value.items()):
        yield f"{',' if number else '{'}{_json(name)}:"
        if not isinstance(each, Iterator):
            yield _json(each)
            continue
        for place, element in enumerate(each):
            yield f"{',' if place else '['}{_json(element)}"
        yield "]"
    yield "}"


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
