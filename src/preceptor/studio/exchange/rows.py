"""A task as the rows of the files in which it is released."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from preceptor.studio.exchange.gathered import Baseline, Task

__all__ = ["SLICES", "baseline_row", "healthbench_row", "professional_row", "tags_of"]

#: Fields of a row that are slices, with the order of their values.
SLICES: dict[str, tuple[str, ...]] = {
    "use_case": ("consult", "writing", "research"),
    "type": ("good_faith", "red_teaming"),
    "difficulty": ("typical", "difficult"),
    "specialty": (),
    "language": (),
    "previewed": ("no", "yes"),
}


def tags_of(task: Task) -> tuple[str, ...]:
    """Every tag of a task: what it says of itself, then what its file said."""
    said = list(task.version.content.example(task.id, task.difficult).tags)
    said += [f"previewed:{task.previewed}"] * bool(task.previewed)
    names = {each.partition(":")[0] for each in said}
    more = (each for each in task.tags if each.partition(":")[0] not in names & SLICES.keys())
    return tuple(dict.fromkeys([*said, *more]))


def professional_row(
    task: Task, baselines: Sequence[Baseline], weights: Mapping[str, float], canary: str
) -> dict[str, Any]:
    """With the keys of HealthBench Professional, and ids, tags, version and weight of our own."""
    content, tags = task.version.content, tags_of(task)
    fields = dict(each.split(":", 1) for each in tags if each.partition(":")[0] in SLICES)
    return {
        "id": task.id,
        "conversation": {"messages": _messages(task)},
        "rubric_items": [
            {
                "id": each.id,
                "criterion_text": each.text,
                "points": each.points,
                "tags": list(each.tags),
            }
            for each in content.criteria
        ],
        **fields,
        "physician_response": baselines[0].answer.text if baselines else None,
        "tags": [each for each in tags if each.partition(":")[0] not in SLICES],
        "version": task.version.number,
        "weight": weights.get(task.id, 1.0),
        "canary": canary,
    }


def healthbench_row(task: Task, baselines: Sequence[Baseline], canary: str) -> dict[str, Any]:
    """With the keys of HealthBench."""
    ideal = None
    if baselines:
        answer = baselines[0].answer
        ideal = {
            "ideal_completion": answer.text,
            "ideal_completions_group": answer.group,
            "ideal_completions_ref_completions": list(answer.references) or None,
        }
    return {
        "prompt_id": task.id,
        "prompt": _messages(task),
        "rubrics": [
            {"criterion": each.text, "points": each.points, "tags": list(each.tags)}
            for each in task.version.content.criteria
        ],
        "example_tags": list(tags_of(task)),
        "ideal_completions_data": ideal,
        "canary": canary,
    }


def baseline_row(baseline: Baseline, alias: str | None, canary: str) -> dict[str, Any]:
    answer = baseline.answer
    return {
        "id": baseline.item,
        "response": answer.text,
        "group": answer.group,
        "references": list(answer.references),
        "writer": alias,
        "canary": canary,
    }


def _messages(task: Task) -> list[dict[str, str]]:
    turns = task.version.content.messages
    return [{"role": each.role, "content": each.text} for each in turns]
