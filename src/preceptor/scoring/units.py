"""What is drawn together: the one definition that intervals, tests, ranks and plans share."""

from __future__ import annotations

from collections.abc import Iterable

from preceptor.records import Example

__all__ = ["units"]

#: Keys of a target that name what several examples are about: a video, a meal, a scenario.
_NAMED = ("cluster", "subject", "pair")


def units(examples: Iterable[Example]) -> dict[str, str]:
    """Example id → its unit; examples of one unit are not independent of each other.

    A unit is what the target names under ``cluster``, ``subject`` or ``pair``, else a conversation.
    A variant (another order of options, a text with another patient) has the unit of the example
    that it is made of.
    """
    by_id = {example.id: example for example in examples}
    return {name: _unit(example, by_id) for name, example in by_id.items()}


def _unit(example: Example, by_id: dict[str, Example]) -> str:
    named = _named(example)
    if named is not None or not isinstance(example.of, str):
        return named or example.prompt_key
    origin = by_id.get(example.of)
    # Where its origin is not among the examples, the variants of it are still one unit.
    return f"of {example.of}" if origin is None else _named(origin) or origin.prompt_key


def _named(example: Example) -> str | None:
    target = example.target
    if not isinstance(target, dict):
        return None
    return next((str(target[key]) for key in _NAMED if target.get(key) is not None), None)
