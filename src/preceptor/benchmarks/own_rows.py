"""The rows of a benchmark in a folder, under the names that such fields usually have."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from preceptor.benchmarks.fields import Fields
from preceptor.cells import decoded
from preceptor.records import Criterion, Example, Message, PhysicianAnswer

__all__ = [
    "IDS",
    "asked",
    "choice_row",
    "criterion",
    "extractive_row",
    "first_of",
    "grounded_row",
    "labelled",
    "message",
    "quantity_row",
    "rubric_row",
    "unpacked",
]

IDS = ("id", "prompt_id", "example_id")
_ASKED = ("question", "messages", "prompt", "conversation")
_TAGS = ("tags", "example_tags")
_RUBRICS = ("rubric", "rubrics", "criteria", "rubric_items")
_TEXTS = ("criterion", "text", "criterion_text")
_IDEAL = ("ideal_answer", "physician_response")
_PACKED = (*_RUBRICS, *_TAGS, "messages", "conversation", "options", "turns", "target")
#: Of a quantity: when a value is right, each a number above 0 but for the limits.
_RULES = ("tolerance", "molar_mass", "charge", "lower", "upper")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ROLES = ("user", "assistant", "system", "developer")


def message(fields: Fields) -> Message:
    """``{"role": …, "content": …}``."""
    role = fields.one_of("role", _ROLES)
    return Message(role, fields.text("content", empty=True))  # type: ignore[arg-type]


def criterion(fields: Fields, text_field: str, *, empty: bool = False) -> Criterion:
    """One with its text in that field, ``points`` and ``tags``."""
    text = fields.text(text_field, empty=empty)
    return Criterion(text, fields.points("points"), fields.texts("tags"))


def rubric_row(slices: Sequence[str]) -> Callable[[Fields], Example]:
    """Reads ``id``, ``question`` or ``messages``, ``rubric``, ``tags``, ``ideal_answer``; what an
    environment reads is ``target``, or ``turns`` for the user's later ones.

    The names that HealthBench and HealthBench Professional have for these are read too. A field
    with the name of one of the slices is a tag.
    """

    def parse(row: Fields) -> Example:
        row = unpacked(row)
        rubric = first_of(row, _RUBRICS)
        items = row.items(rubric) if row.need(rubric, "a list of criteria") else []
        if not items:
            raise row.fault(rubric, "a list of criteria that is not empty", row.row[rubric])
        ideal = first_of(row, _IDEAL)
        answer, turns = row.optional_text(ideal), row.texts("turns")
        target = {"turns": list(turns)} if turns else row.row.get("target", msgspec.UNSET)
        return Example(
            id=row.id(first_of(row, IDS)),
            messages=asked(row),
            criteria=tuple(criterion(item, first_of(item, _TEXTS)) for item in items),
            tags=labelled(row, slices),
            physician=PhysicianAnswer(answer) if answer else None,
            target=target,
        )

    return parse


def grounded_row(slices: Sequence[str]) -> Callable[[Fields], Example]:
    """Reads ``id``, ``question`` or ``messages``, ``tags``: what is judged is the same for all."""
    from preceptor.protocols.supported import supported_criteria

    def parse(row: Fields) -> Example:
        row = unpacked(row)
        return Example(
            id=row.id(first_of(row, IDS)),
            messages=asked(row),
            criteria=supported_criteria(),
            tags=labelled(row, slices),
        )

    return parse


def choice_row(slices: Sequence[str]) -> Callable[[Fields], Example]:
    """Reads ``id``, ``question``, ``options`` (a list, or letter → text), ``answer``, ``tags``.

    The answer is a letter, or the text of an option.
    """
    from preceptor.protocols.choice import choice_example  # rubrics need nothing that reads letters

    def parse(row: Fields) -> Example:
        row = unpacked(row)
        options = _options(row)
        said = row.text("answer")
        right = said if said in options else None
        right = right or next((a for a, text in options.items() if text == said), None)
        if right is None:
            raise row.fault("answer", f"one of {', '.join(options)} or an option's text", said)
        tags = labelled(row, slices)
        return choice_example(
            row.id(first_of(row, IDS)), row.text("question"), options, right, tags
        )

    return parse


def quantity_row(slices: Sequence[str]) -> Callable[[Fields], Example]:
    """Reads ``id``, ``question`` or ``messages``, ``answer`` (a value with its unit, a range, or a
    list of these), ``unit``, ``tolerance`` or ``lower`` and ``upper``, ``molar_mass``, ``charge``.
    """

    def parse(row: Fields) -> Example:
        row = unpacked(row)
        return Example(
            id=row.id(first_of(row, IDS)),
            messages=asked(row),
            criteria=(),
            tags=labelled(row, slices),
            target=_quantity(row),
        )

    return parse


def extractive_row(slices: Sequence[str]) -> Callable[[Fields], Example]:
    """Reads ``id``, ``context``, ``question``, ``answer`` (a text, a list of any of which is right,
    or null where the context has none), ``tags``.
    """

    def parse(row: Fields) -> Example:
        row = unpacked(row)
        said = decoded(row.need("answer", "a text, a list of texts, or null for none"))
        texts = said if isinstance(said, list) else [said] if said not in (None, "") else []
        if not all(isinstance(each, str) and each.strip() for each in texts):
            raise row.fault("answer", "a text, a list of texts, or null for none", said)
        asked = f"{row.text('context')}\n\n{row.text('question')}"
        return Example(
            id=row.id(first_of(row, IDS)),
            messages=(Message("user", asked),),
            criteria=(),
            tags=labelled(row, slices),
            target={"answers": texts},
        )

    return parse


def _quantity(row: Fields) -> dict[str, Any]:
    from preceptor.protocols.quantity import reference  # rubrics need nothing that reads numbers
    from preceptor.scoring.clinical_units import NO_UNIT, read_unit

    expected = "a value with its unit, or a list of these"
    said = decoded(row.need("answer", expected))
    parts = said if isinstance(said, list) else [said]
    texts = [str(each) for each in parts if isinstance(each, str | int | float)]
    if not texts or len(texts) < len(parts) or any(isinstance(each, bool) for each in parts):
        raise row.fault("answer", expected, said)
    target: dict[str, Any] = {"answer": texts if len(texts) > 1 else texts[0]}
    if row.row.get("unit") not in (None, ""):
        target["unit"] = row.id("unit")
        if target["unit"] != NO_UNIT and read_unit(target["unit"]) is None:
            raise row.fault("unit", f"a unit of the table, or {NO_UNIT} for none", target["unit"])
    target |= {name: row.number(name) for name in _RULES if row.row.get(name) not in (None, "")}
    _check_rule(row, target)
    try:
        reference(target)
    except ValueError as error:
        raise row.fault("answer", str(error), said) from None
    return target


def _check_rule(row: Fields, target: Mapping[str, Any]) -> None:
    for name in ("tolerance", "molar_mass", "charge"):
        if name in target and target[name] <= 0:
            raise row.fault(name, "a number above 0", target[name])
    if target.get("tolerance", 0) >= 1:
        raise row.fault("tolerance", "a share below 1, such as 0.05", target["tolerance"])
    limits = [name for name in ("lower", "upper") if name in target]
    if len(limits) == 1:
        raise row.fault(limits[0], "both `lower` and `upper`, or neither", target[limits[0]])
    if limits and ("tolerance" in target or isinstance(target["answer"], list)):
        raise row.fault("lower", "limits alone, for a single value", target["lower"])
    if limits and target["lower"] > target["upper"]:
        raise row.fault("upper", "no less than `lower`", target["upper"])


def unpacked(row: Fields) -> Fields:
    """The row with the lists and objects that stand as texts in the cells of a table."""
    packed = {name: decoded(row.row[name]) for name in _PACKED if name in row}
    return Fields({**row.row, **packed}, row.where, row.line, row.prefix)


def first_of(row: Fields, names: Sequence[str]) -> str:
    """The first of the names that the row has; the usual one where it has none."""
    return next((name for name in names if name in row), names[0])


def asked(row: Fields) -> tuple[Message, ...]:
    """The messages of a row, which end with the user."""
    named = first_of(row, _ASKED)
    if isinstance(row.need(named, "a question, or a list of messages"), str):
        return (Message("user", row.text(named)),)
    if isinstance(row.row[named], dict):  # HealthBench Professional: {"messages": […]}
        row, named = row.nested(named), "messages"
    messages = tuple(message(item) for item in row.items(named))
    if messages[-1].role != "user":
        raise row.fault(named, "a conversation that ends with the user", messages[-1].role)
    return messages


def _options(row: Fields) -> dict[str, str]:
    value: Any = row.need("options", "a list of texts, or an object of letters and texts")
    if isinstance(value, dict):
        nested = row.nested("options")
        options = {letter: nested.text(letter) for letter in value}
    else:
        options = dict(zip(_LETTERS, row.texts("options"), strict=False))
    if len(options) < 2:
        raise row.fault("options", "two options or more", value)
    return options


def labelled(row: Fields, slices: Sequence[str]) -> tuple[str, ...]:
    """The tags of a row, those of its fields that are slices and its date included."""
    own = [f"{name}:{row.id(name)}" for name in slices if row.row.get(name) is not None]
    return tuple(dict.fromkeys([*row.texts(first_of(row, _TAGS)), *own, *_released(row)]))


def _released(row: Fields) -> Iterator[str]:
    """``date:2025-03-14``, ``month:2025-03`` or ``year:2025``, as exact as the row has it."""
    value = row.row.get("released")
    if value in (None, ""):
        return
    said = str(value).strip().partition("T")[0].partition(" ")[0]
    kind = {4: "year", 7: "month", 10: "date"}.get(len(said))
    try:
        datetime.date.fromisoformat(f"{said}-01-01"[:10])
    except ValueError:
        kind = None
    if kind is None:
        raise row.fault("released", "a date such as 2025-03-14, 2025-03 or 2025", value)
    yield f"{kind}:{said}"
