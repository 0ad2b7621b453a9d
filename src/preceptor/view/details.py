"""One answer as its page shows it: every word is finished here, every text is still a text."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from preceptor.records import Criterion, Example, Graded
from preceptor.records.parts import media_of
from preceptor.reports.explorer import answer_entry, example_entry
from preceptor.reports.format import interval, points, pretty
from preceptor.store.graded import read_graded
from preceptor.view.finding import Part, Table
from preceptor.view.workspace import Workspace
from preceptor.wording import count, plural

__all__ = ["Answer", "VerdictRow", "answer_of", "question_of"]

_LABEL = 200


class VerdictRow(msgspec.Struct, frozen=True):
    """A criterion with what one answer's grader said. ``look`` is good, bad, label or unknown."""

    number: int
    text: str
    tags: str
    points: str
    look: str
    verdict: str
    remark: str
    earned: str
    explanation: str


class Answer(msgspec.Struct, frozen=True):
    """An answer of a run. ``entry`` has its texts as :mod:`preceptor.reports.explorer` does."""

    run: str
    system: str
    grader: str
    repeat: int
    facts: list[str]
    judged: list[str]
    failure: str
    entry: dict[str, Any]
    rows: list[VerdictRow]
    total: str
    calls: int


def question_of(workspace: Workspace, table: Table, number: int) -> dict[str, Any]:
    """The example of an answer: conversation, tags, what is right, the physician's answer."""
    example = table.example(number)
    entry = example_entry(example, _sizes(workspace, example, None))
    return entry | {"tags": [pretty(tag, table.labels) for tag in example.tags]}


def answer_of(workspace: Workspace, table: Table, number: int) -> Answer:
    """Everything of one answer, read from the store now."""
    place = table.place(number)
    part = table.parts[place.run]
    info = part.run.info
    with workspace.store.reading() as connection:
        found = read_graded(connection, info, [place.position], keys=False)
    graded = next(item for item in found if item.repeat == place.repeat)
    _, _, scores = workspace.columns(part.run)
    predictions = scores.predictions
    prediction = None if predictions is None else predictions[place.row]
    entry = answer_entry(graded, prediction, _sizes(workspace, graded.example, graded))
    rows = [
        _row(at, criterion, graded, entry, table.labels)
        for at, criterion in enumerate(graded.example.criteria)
    ]
    steps = entry.get("steps", ())
    return Answer(
        run=info.name,
        system=info.system,
        grader=info.grader,
        repeat=place.repeat if info.repeats > 1 else -1,
        facts=list(_facts(part, place.row, graded, entry)),
        judged=list(_judged(graded)),
        failure=_failure(graded, entry),
        entry=entry,
        rows=rows,
        total=_total(graded, entry["verdicts"]),
        calls=sum(kind == "call" for _, parts in steps for kind, *_ in parts),
    )


def _sizes(workspace: Workspace, example: Example, graded: Graded | None) -> dict[str, int]:
    """Bytes of the images and files of a question and an answer."""
    response = None if graded is None else graded.response
    messages = [*example.messages, *(turn.message for turn in (response.turns if response else ()))]
    names = {
        media.sha256
        for message in messages
        if not isinstance(message.content, str)
        for part in message.content
        for media in media_of(part)
    }
    if not names:
        return {}
    return {name: len(data) for name, data in workspace.store.media(sorted(names)).items()}


def _facts(part: Part, row: int, graded: Graded, entry: dict[str, Any]) -> Sequence[str]:
    facts = []
    if not math.isnan(part.score[row]):
        facts.append(f"score {points(float(part.score[row]))}")
    elif not math.isnan(part.low[row]):
        between = interval((float(part.low[row]), float(part.high[row])))
        facts.append(f"score undecided, between {between}")
    response = graded.response
    if response is None:
        return facts
    if not math.isnan(part.length[row]):
        facts.append(plural(int(part.length[row]), "character"))
    if "prediction" in entry:
        facts.append(f"read as {entry['prediction'][:_LABEL]}")
    if "finish" in entry:
        facts.append(f"finished by {_words(entry['finish'])}")
    if response.usage.total:
        facts.append(f"{count(response.usage.total)} tokens")
    if response.latency_s:
        facts.append(f"{response.latency_s:.1f} s")
    if response.cost_usd:
        facts.append(_dollars(response.cost_usd))
    if response.served_model:
        facts.append(f"served as {response.served_model[:_LABEL]}")
    return facts


def _judged(graded: Graded) -> Sequence[str]:
    """What the verdicts took."""
    given = [verdict for verdict in graded.verdicts if verdict is not None]
    costs = [verdict.cost_usd for verdict in given]
    facts = [f"{len([each for each in given if each.given])} of {len(graded.verdicts)} verdicts"]
    if tokens := sum(verdict.usage.total for verdict in given):
        facts.append(f"{count(tokens)} tokens")
    if None not in costs and (cost := sum(cost or 0.0 for cost in costs)):
        facts.append(_dollars(cost))
    models = {verdict.served_model for verdict in given if verdict.served_model}
    return [*facts, *(f"served as {model[:_LABEL]}" for model in sorted(models)[:2])]


def _dollars(cost: float) -> str:
    return f"${cost:,.4f}" if cost < 1 else f"${cost:,.2f}"


def _failure(graded: Graded, entry: dict[str, Any]) -> str:
    if "failure" not in entry:
        return ""
    detail = graded.response.detail if graded.response is not None else ""
    return f"{_words(entry['failure'])}. {detail}" if detail else _words(entry["failure"])


def _words(reason: str) -> str:
    return re.sub("_+", " ", reason)


def _row(
    at: int, criterion: Criterion, graded: Graded, entry: dict[str, Any], labels: dict[str, str]
) -> VerdictRow:
    sign = entry["verdicts"][at]
    verdict = graded.verdicts[at]
    explanation = entry["explanations"][at] or entry.get("details", {}).get(at, "")
    look, said, remark = _said(sign, criterion.points, entry, at)
    earned = {"1": _signed(criterion.points), "0": "0"}.get(sign, "?")
    if verdict is not None and verdict.probability is not None:
        remark = ", ".join(filter(None, (remark, f"probability {verdict.probability:.2f}")))
    return VerdictRow(
        at + 1,
        criterion.text.strip(),
        " · ".join(pretty(tag, labels) for tag in criterion.tags),
        _signed(criterion.points),
        look,
        said,
        remark,
        "" if sign == "L" else earned,
        explanation,
    )


def _said(sign: str, worth: int, entry: dict[str, Any], at: int) -> tuple[str, str, str]:
    """Look, word and remark of a verdict."""
    if sign == "?":
        return "unknown", "Ungraded", _words(entry.get("reasons", {}).get(at, "unknown"))
    if sign == "L":
        return "label", entry["labels"][at], ""
    met = sign == "1"
    look = "good" if met == (worth > 0) else "bad"
    undesirable = f"undesirable, {'present' if met else 'absent'}" if worth < 0 else ""
    return look, "Met" if met else "Not met", undesirable


def _signed(number: int) -> str:
    return f"{'−' if number < 0 else '+' if number else ''}{abs(number)}"


def _total(graded: Graded, signs: str) -> str:
    criteria = graded.example.criteria
    if "L" in signs or not criteria:
        return ""
    earned = sum(each.points for each, sign in zip(criteria, signs, strict=True) if sign == "1")
    return f"{_signed(earned)} of {sum(max(0, each.points) for each in criteria)}"
