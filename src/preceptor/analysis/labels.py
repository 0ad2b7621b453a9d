"""Who is a system and who is a grader: names that differ where the settings do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from preceptor.records import Result, content_key

__all__ = ["grader_labels", "system_labels"]

Kind = tuple[str, Mapping[str, object]]


def grader_labels(results: Sequence[Result]) -> list[str]:
    """One for each result: the grader's address, and its prompt and parameters where the results
    of one benchmark differ in them.

    What an imported run does not state is not taken to be the same.
    """
    kinds: list[Kind] = []
    for result in results:
        settings = result.info.settings
        parameters = _stated(settings.grader_parameters)
        if template := settings.template:
            parameters["prompt"] = f"{template.name} {template.sha256[:8]}"
        kinds.append((result.info.grader, parameters))
    return _labels(kinds, [result.info.benchmark for result in results])


def system_labels(results: Sequence[Result], graders: Sequence[str]) -> list[str]:
    """One for each result: the system's address, and its parameters where the results of one
    benchmark by one grader differ in them.
    """
    kinds = [(r.info.system, _stated(r.info.settings.system_parameters)) for r in results]
    fields = [f"{r.info.benchmark}\n{grader}" for r, grader in zip(results, graders, strict=True)]
    return _labels(kinds, fields)


def _stated(parameters: Mapping[str, object] | None) -> dict[str, object]:
    return {"parameters": "not stated"} if parameters is None else dict(parameters)


def _labels(kinds: Sequence[Kind], fields: Sequence[str]) -> list[str]:
    """The address of each; with the parameters that differ, if they do so within one field."""
    variants: dict[str, dict[str, Mapping[str, object]]] = {}
    within: dict[tuple[str, str], set[str]] = {}
    for (address, parameters), field in zip(kinds, fields, strict=True):
        key = content_key(parameters)
        variants.setdefault(address, {})[key] = parameters
        within.setdefault((address, field), set()).add(key)
    split = {address for (address, _), keys in within.items() if len(keys) > 1}
    labels: dict[tuple[str, str], str] = {}
    for address, by_key in variants.items():
        for key, parameters in by_key.items():
            label = address
            if address in split:
                label += _differing(parameters, list(by_key.values()))
                label += f" #{key[:4]}" if label in labels.values() else ""
            labels[address, key] = label
    return [labels[address, content_key(parameters)] for address, parameters in kinds]


def _differing(mine: Mapping[str, object], variants: Sequence[Mapping[str, object]]) -> str:
    told = [
        f"{key}={_short(value)}"
        for key, value in mine.items()
        if any(other.get(key) != value for other in variants)
    ]
    return f" [{', '.join(told) or 'default'}]"


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 24 else text[:23] + "…"
