"""What two sides have in common, and in what they differ besides the system."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from preceptor.protocols.fidelity import about_patient
from preceptor.records import Example, Result, examples_of
from preceptor.results.pool import Side, rubric
from preceptor.scoring.units import units

__all__ = ["Alignment", "Dropped", "SettingDifference", "align", "differing_settings"]

_NOT_SETTINGS = frozenset(
    # What differs between any two runs, or says the same as another setting.
    (
        "max_cost",
        "max_total_tokens",
        "min_coverage",
        "departures",
        "notes",
        "sweep",
        "condition",
        "answers",
        "files",
    )
)


class Dropped(msgspec.Struct, frozen=True):
    """Examples that a comparison leaves out, and why."""

    n: int
    reason: str


class Alignment(msgspec.Struct, frozen=True):
    """The examples that both sides were asked, with one rubric.

    Attributes
    ----------
    ids
        In the reference's order.
    units
        Example id → what it is drawn together with, for these: `preceptor.scoring.units.units`.
    dropped
        Those left out.
    """

    ids: tuple[str, ...]
    units: dict[str, str]
    dropped: list[Dropped]


class SettingDifference(msgspec.Struct, frozen=True):
    """A setting that is not the same on all sides: label of the side → its value, as text."""

    setting: str
    values: dict[str, str]


def align(reference: Side, contender: Side) -> Alignment:
    """Find the common examples."""
    left, right = _examples(reference.result), _examples(contender.result)
    # Other benchmarks may ask about the same cases in another way.
    names = {side.result.info.benchmark for side in (reference, contender)}
    alike = rubric if len(names) == 1 else _criteria
    if len(names) == 1 and len({_images(side.result) for side in (reference, contender)}) > 1:
        alike = _words
    shared = [name for name in left if name in right]
    ids = tuple(
        name
        for name in shared
        if left[name] is right[name] or alike(left[name]) == alike(right[name])
    )
    unit_of = units(left.values())
    dropped = [
        Dropped(len(left) - len(shared), f"only asked of {reference.label}"),
        Dropped(len(right) - len(shared), f"only asked of {contender.label}"),
        Dropped(len(shared) - len(ids), "has another prompt or rubric on the other side"),
    ]
    return Alignment(
        ids=ids,
        units={name: unit_of[name] for name in ids},
        dropped=[item for item in dropped if item.n],
    )


def _images(result: Result) -> object:
    """The control that a run is: its questions have other images, and the same words."""
    variant = result.info.settings.variant
    return None if variant is None else variant.images


def _words(example: Example) -> object:
    return _criteria(example), [(turn.role, turn.text) for turn in example.messages]


def _criteria(example: Example) -> object:
    criteria = (each for each in example.criteria if not about_patient(each))
    return [(each.text, each.points) for each in criteria]


def _examples(result: Result) -> dict[str, Example]:
    return examples_of(result.graded)


def differing_settings(sides: Sequence[Side]) -> list[SettingDifference]:
    """Grader, prompt of the grader, parameters, data, version: what is not the same everywhere."""
    flat = {side.label: dict(_settings(side.result)) for side in sides}
    names = dict.fromkeys(name for told in flat.values() for name in told)
    found = []
    for name in names:
        values = {label: told.get(name, "–") for label, told in flat.items()}
        if len(set(values.values())) > 1:
            found.append(SettingDifference(name, values))
    return found


def _settings(result: Result) -> Iterable[tuple[str, str]]:
    yield "grader", result.info.grader
    for key, value in result.info.settings.plain().items():
        if key in _NOT_SETTINGS or key.startswith("import"):
            continue
        if isinstance(value, dict):
            for inner, content in value.items():
                yield f"{key}.{inner}", _text(content)
        else:
            yield key, _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
