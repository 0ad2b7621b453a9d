"""The sides of a comparison: each is one run, or several of one kind pooled into one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from preceptor import benchmarks
from preceptor.billing import Bill
from preceptor.errors import InputError, shorten
from preceptor.records import Example, Graded, Result, RunSettings, content_key
from preceptor.results.assemble import assemble

__all__ = ["Side", "pool", "rubric"]


class Side(msgspec.Struct, frozen=True):
    """What is compared.

    Attributes
    ----------
    label
        How tables and figures call it; unique in a comparison.
    family, harness
        The parts of a label ``MODEL/HARNESS``: sides of one family are compared with its first.
        Without that form the family is "" and the harness the whole label.
    result
        Its runs as one: the answers of a second run are further repeats.
    runs
        The names of the runs.
    """

    label: str
    family: str
    harness: str
    result: Result
    runs: tuple[str, ...]


def pool(results: Sequence[Result], label: str) -> Result:
    """Several runs of one system as one: where they asked the same example, they repeat it.

    Parameters
    ----------
    results
        In the order in which their answers are to be counted as repeats; with or without metrics.
    label
        The name of the pooled run.

    Raises
    ------
    InputError
        The runs have not one benchmark, system and grader, with the same parameters but for the
        seed, or have different rubrics for one example: their scores are no repeats of one
        quantity.
    """
    if len(results) == 1:
        only = results[0]
        info = msgspec.structs.replace(only.info, name=label)
        if only.metrics:
            return msgspec.structs.replace(only, info=info)
        return assemble(
            benchmarks.of(info),
            info,
            only.graded,
            only.scores,
            only.bills,
            departures=only.departures,
            notes=info.settings.notes,
        )
    first = results[0]
    for field in ("benchmark", "system", "grader"):
        found = list(dict.fromkeys(getattr(result.info, field) for result in results))
        if len(found) > 1:
            raise InputError(
                f"{shorten(label)}: runs to pool must have one {field}, "
                f"found {', '.join(shorten(name) for name in found)}"
            )
    asked = [_asked(result) for result in results]
    for what in asked[0]:
        if len({each[what] for each in asked}) > 1:
            names = ", ".join(shorten(result.info.name) for result in results[:4])
            raise InputError(
                f"{shorten(label)}: runs to pool must have the same {what}, "
                f"which differ between {names}"
            )
    graded = _renumbered(results, label)
    each = (score for result in results for score in result.scores)
    scores = [
        msgspec.structs.replace(score, repeat=item.repeat)
        for score, item in zip(each, graded, strict=True)
    ]
    stated = [result.info.settings.plain() for result in results]
    common = [
        (key, value)
        for key, value in stated[0].items()
        if all(key in each and each[key] == value for each in stated)
    ]
    info = msgspec.structs.replace(
        first.info,
        name=label,
        status=next((r.info.status for r in results if r.info.status != "done"), "done"),
        settings=RunSettings.of(dict(common)),
        n_examples=len({item.example.id for item in graded}),
        repeats=max(Counter(item.example.id for item in graded).values(), default=1),
    )
    return assemble(
        benchmarks.of(info),
        info,
        graded,
        scores,
        _bills(results),
        departures=(text for result in results for text in result.departures),
        notes=(text for result in results for text in result.info.settings.notes),
    )


def _bills(results: Sequence[Result]) -> tuple[Bill, ...]:
    """One for each system, grader and example, over all runs."""
    found: dict[tuple[str, str], Bill] = {}
    for bill in (bill for result in results for bill in result.bills):
        known = found.get((bill.part, bill.name))
        found[bill.part, bill.name] = bill if known is None else known + bill
    return tuple(found.values())


def _asked(result: Result) -> dict[str, str]:
    """What runs to pool have in common, as hashes: another seed is what makes a repeat."""
    settings = result.info.settings
    return {
        "system parameters": _seedless(settings.system_parameters),
        "grader parameters": _seedless(settings.grader_parameters),
        "patient": content_key(settings.patient, _seedless(settings.patient_parameters)),
        "template": content_key(settings.template or None),
    }


def _seedless(parameters: Mapping[str, object] | None) -> str:
    kept = parameters and {name: value for name, value in parameters.items() if name != "seed"}
    return content_key(kept)


def _renumbered(results: Sequence[Result], label: str) -> list[Graded]:
    """All answers, those of one example numbered through."""
    known: dict[str, Example] = {}
    count: Counter[str] = Counter()
    graded = []
    for result in results:
        for item in result.graded:
            example = known.setdefault(item.example.id, item.example)
            if rubric(example) != rubric(item.example):
                raise InputError(
                    f"{shorten(label)}: run {shorten(result.info.name)} has another rubric for "
                    f"example {shorten(example.id)}: runs to pool must have the same examples"
                )
            repeat = count[example.id]
            count[example.id] += 1
            graded.append(msgspec.structs.replace(item, example=example, repeat=repeat))
    return graded


def rubric(example: Example) -> tuple[tuple[str, int], ...]:
    """What is graded of an example: its conversation's hash, and each criterion with its points."""
    return (
        (example.prompt_key, 0),
        *((criterion.text, criterion.points) for criterion in example.criteria),
    )
