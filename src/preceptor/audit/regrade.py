"""Grading of the answers in rows of the meta-evaluation by any grader."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from preceptor import benchmarks
from preceptor.audit.labels import Judged, Labels
from preceptor.engine.budget import Budget
from preceptor.engine.pipeline import Pipeline
from preceptor.engine.progress import Progress
from preceptor.engine.runner import Outcome, execute
from preceptor.errors import InputError, StoreBusy, shorten
from preceptor.graders import (
    Grader,
    Template,
    find_template,
    read_address,
    read_settings,
    resolve_grader,
)
from preceptor.graders.base import render_item
from preceptor.records import (
    Completion,
    Criterion,
    Example,
    RunInfo,
    RunSettings,
    Verdict,
    content_key,
)
from preceptor.store import Store
from preceptor.systems.base import Ask, System
from preceptor.systems.prices import FREE

__all__ = ["Regraded", "is_address", "regrade", "sample"]

#: Placeholder: criteria need points, and the meta-evaluation has none.
_POINTS = 1


class Regraded(msgspec.Struct, frozen=True):
    """Rows with the grader's new verdicts beside the stored ones.

    Attributes
    ----------
    verdicts
        All verdicts of the grader, failed ones included, with their cost.
    outcome
        How the run ended; rows not judged have no verdict.
    departures
        Differences of the grader from the reference prompt.
    """

    labels: Labels
    verdicts: list[Verdict]
    outcome: Outcome
    departures: list[str]


def sample(labels: Labels, limit: int | None) -> Labels:
    """Sample ``limit`` rows as the reference implementation does; None keeps all.

    Raises InputError for a limit below 1.
    """
    if limit is not None and limit < 1:
        raise InputError(f"--limit: expected a whole number from 1, found {limit}")
    if limit is None or limit >= len(labels.rows):
        return labels
    rows = random.Random(0).sample(labels.rows, limit)  # noqa: S311
    return msgspec.structs.replace(labels, rows=rows)


def regrade(
    labels: Labels,
    address: str,
    *,
    store: str | Path,
    watch: Callable[[Progress], None] | None = None,
    grader_params: Sequence[str] = (),
    grader_template: str | None = None,
    max_cost: float | None = None,
) -> Regraded:
    """Judge every row with the grader at an address; stored verdicts are reused.

    The criterion is shown without points, as in the reference's meta-evaluation (unless the grader
    asks for several at once or has its own form). The run is deleted at the end; its verdicts stay
    in the store, so the same command resumes.

    Raises
    ------
    InputError, Unavailable
        The rows have no text, or the grader cannot be used.
    """
    if not all(row.conversation for row in labels.rows):
        raise InputError(
            f"--grader {shorten(address)}: {labels.source} has no texts to judge; expected rows of "
            "the meta-evaluation (.jsonl)"
        )
    grader = _grader(address, grader_params, grader_template)
    if max_cost is not None and any(system.price is None for system in grader.systems):
        raise InputError(
            f"--max-cost: no price is known for {address}; give one with --grader-param "
            "price=IN/OUT in dollars per million tokens, or price=free"
        )
    examples = _examples(labels.rows)
    with Store(store) as opened:
        run = _run(opened, labels, grader, [example for example, _ in examples.values()])
        mine = True
        try:
            pipeline = Pipeline(
                opened,
                run,
                protocol=benchmarks.get("healthbench").protocol,
                system=_RecordedAnswers({example.id: text for example, text in examples.values()}),
                grader=grader,
                budget=Budget(max_cost=max_cost),
            )
            outcome = execute(pipeline, watch)
            graded = opened.graded(run)
        except StoreBusy:
            mine = False
            raise
        finally:
            if mine:
                opened.delete_run(run)
    given = [verdict for one in graded for verdict in one.verdicts if verdict is not None]
    found = {
        (one.example.id, criterion.text): verdict
        for one in graded
        for criterion, verdict in zip(one.example.criteria, one.verdicts, strict=True)
        if verdict is not None and verdict.met is not None
    }
    rows = [
        _with_verdict(row, address, found.get((_id(row), row.criterion))) for row in labels.rows
    ]
    graders = tuple(dict.fromkeys((*labels.graders, address)))
    return Regraded(Labels(labels.source, rows, graders), given, outcome, grader.departures())


class _RecordedAnswers(System):
    """System that returns the answers recorded in the rows."""

    address = "recorded answers"
    price = FREE
    concurrency = 64
    uses_example = True

    def __init__(self, answers: dict[str, str]) -> None:
        self._answers = answers

    def identity(self) -> dict[str, Any]:
        return {"recorded": "by the id of the example"}

    async def answer(self, ask: Ask) -> Completion:
        assert ask.example is not None
        return Completion(self._answers[ask.example.id], cost_usd=0.0)


class _WithoutPoints(Template, frozen=True):
    """Template that shows the criterion without points."""

    def render(self, conversation: str, rubric_item: str) -> str:
        points = render_item(Criterion("", _POINTS))
        return super().render(conversation, rubric_item.removeprefix(points))


def _grader(address: str, params: Sequence[str], template: str | None) -> Grader:
    reference = benchmarks.get("healthbench").protocol.judging.reference("grading")
    form = read_address(address)
    settings = read_settings(form, params, reference.parameters)
    found = find_template(template)
    return resolve_grader(form.address, settings, _WithoutPoints(found.name, found.text))


def _id(row: Judged) -> str:
    return content_key(row.conversation)


def _examples(rows: Sequence[Judged]) -> dict[str, tuple[Example, str]]:
    """Build one example per answer with all its criteria; returned with the answer, by id."""
    criteria: dict[str, dict[str, Criterion]] = {}
    first: dict[str, Judged] = {}
    for row in rows:
        first.setdefault(_id(row), row)
        criteria.setdefault(_id(row), {})[row.criterion] = Criterion(row.criterion, _POINTS)
    return {
        key: (
            Example(key, row.conversation[:-1], tuple(criteria[key].values())),
            row.conversation[-1].text,
        )
        for key, row in first.items()
    }


def _run(store: Store, labels: Labels, grader: Grader, examples: Sequence[Example]) -> RunInfo:
    """Create a temporary run, or take over the one that a killed process left."""
    # Verdicts of the user's own code stay in their run: the code may change before the next.
    own = "" if all(system.reusable for system in grader.systems) else secrets.token_hex(8)
    what = content_key(grader.address, [example.key for example in examples], own)
    name = f"audit-{what[:12]}"
    known = [run for run in store.runs() if run.name == name]
    if known:
        return known[0]
    return store.create_run(
        name=name,
        benchmark="audit",
        system=_RecordedAnswers.address,
        grader=grader.address,
        settings=RunSettings(source=labels.source, min_coverage=1.0),
        examples=[(example, 1) for example in examples],
        repeats=1,
    )


def _with_verdict(row: Judged, grader: str, given: Verdict | None) -> Judged:
    verdicts = {name: met for name, met in row.verdicts.items() if name != grader}
    probabilities = {name: one for name, one in row.probabilities.items() if name != grader}
    if given is not None and given.met is not None:
        verdicts[grader] = given.met
        if given.probability is not None:
            probabilities[grader] = given.probability
    return msgspec.structs.replace(row, verdicts=verdicts, probabilities=probabilities)


def is_address(name: str) -> bool:
    """Whether a name that is not a stored grader's is an address."""
    return ":" in name or "/" in name
