"""Our benchmarks as tasks of Inspect AI: ``inspect eval preceptor/healthbench_professional``.

Only Inspect imports this module, by the entry point group ``inspect_ai``.

Dataset, grading prompt, parsing of verdicts and statistics are ours; Inspect calls the model under
test and writes the log.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from inspect_ai import Task, task
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import Model, get_model, model_roles
from inspect_ai.scorer import Metric, SampleScore, Scorer, Target, metric, scorer
from inspect_ai.scorer import Score as InspectScore
from inspect_ai.solver import TaskState, generate

from preceptor import benchmarks
from preceptor.benchmarks import Benchmark
from preceptor.bridges.inspect_layout import (
    criteria_of,
    example_metadata,
    explanation,
    metric_values,
    metrics_of,
    score_metadata,
    score_value,
    slice_values,
    task_name,
)
from preceptor.errors import InputError, PreceptorError
from preceptor.graders import Grader, find_template, read_address, read_settings, resolve_grader
from preceptor.graders.base import Call, Case, together
from preceptor.graders.rubric import RubricGrader
from preceptor.records import Example, Graded, Message, Response, Verdict, as_answer
from preceptor.records import Metric as OurMetric
from preceptor.scoring.units import units
from preceptor.store.rows import storable
from preceptor.systems.base import Parameters, System
from preceptor.systems.inspect_ai.model import InspectModel
from preceptor.systems.inspect_ai.turns import chat_messages

__all__ = [
    "healthbench",
    "healthbench_consensus",
    "healthbench_hard",
    "healthbench_professional",
    "rubric",
    "rubric_metrics",
    "rubric_slices",
    "starter",
]

#: Role that ``inspect eval --model-role grader=…`` binds to a model.
ROLE = "grader"


@task
def healthbench_professional(
    grader: str | None = None, limit: int | None = None, data: str | None = None
) -> Task:
    """HealthBench Professional."""
    return _task("healthbench-professional", grader, limit, data)


@task
def healthbench(
    grader: str | None = None, limit: int | None = None, data: str | None = None
) -> Task:
    """HealthBench."""
    return _task("healthbench", grader, limit, data)


@task
def healthbench_hard(
    grader: str | None = None, limit: int | None = None, data: str | None = None
) -> Task:
    """HealthBench Hard."""
    return _task("healthbench-hard", grader, limit, data)


@task
def healthbench_consensus(
    grader: str | None = None, limit: int | None = None, data: str | None = None
) -> Task:
    """HealthBench Consensus."""
    return _task("healthbench-consensus", grader, limit, data)


@task
def starter(grader: str | None = None, limit: int | None = None, data: str | None = None) -> Task:
    """Made-up tasks for learning the tool."""
    return _task("starter", grader, limit, data)


def _task(name: str, grader: str | None, limit: int | None, data: str | None) -> Task:
    """Make a benchmark's task.

    Parameters
    ----------
    grader
        A grader's address; None for the model in the role ``grader``, else the reference grader.
    limit
        Number of examples to sample, as the reference implementation does.
    data
        A copy of the benchmark's file.
    """
    try:
        benchmark = benchmarks.get(name)
        dataset = benchmark.load(None if data is None else Path(data))
        if grader is not None:
            _resolve(benchmark, grader)  # raises before any call is made
    except PreceptorError as error:
        _refuse(error)
    if limit is not None and limit < 1:
        raise PrerequisiteError(f"limit: expected a whole number from 1, found {limit}")
    chosen = dataset.sample(limit)
    unit_of = units(chosen)
    samples = [
        Sample(
            id=example.id,
            input=chat_messages(example.messages),
            metadata=example_metadata(name, example, place, unit_of[example.id]),
        )
        for place, example in enumerate(chosen)
    ]
    notes = [benchmark.caution] if benchmark.caution else []
    departures = dataset.departures(benchmark.n_examples, len(samples))
    return Task(
        dataset=MemoryDataset(samples, name=name),
        solver=generate(),
        scorer=rubric(name, grader),
        name=task_name(name),
        metadata={"preceptor": {"benchmark": name, "notes": notes, "departures": departures}},
    )


def _refuse(error: PreceptorError) -> NoReturn:
    raise PrerequisiteError(str(error).replace("[", "\\[")) from None


def _resolve(benchmark: Benchmark, address: str) -> Grader:
    form = read_address(address)
    settings = read_settings(
        form, (), benchmark.protocol.judging.reference(benchmark.name).parameters
    )
    template = find_template(benchmark.protocol.judging.prompt_choice(None))
    return resolve_grader(form.address, settings, template)


class _RoleModel(InspectModel):
    """The model that the user has bound to the grader's role."""

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(f"inspect/{get_model(role=ROLE, required=True)}", parameters)

    def _make(self) -> Model:
        # The user's settings of the role override the reference's parameters.
        return get_model(role=ROLE, required=True, config=self._config)

    async def close(self) -> None:
        """Leave the model open: Inspect owns it."""


def _role_grader(benchmark: Benchmark) -> Grader:
    parameters = benchmark.protocol.judging.reference(benchmark.name).parameters
    settings = read_settings(read_address("inspect/role/model"), (), parameters)
    system = _RoleModel(settings.members[0])
    template = find_template(benchmark.protocol.judging.prompt_choice(None))
    return RubricGrader(system.address, system, template)


class _SharedGrader:
    """Grader of a scorer, open while any answer is being judged."""

    def __init__(self, benchmark: Benchmark, address: str | None) -> None:
        self._benchmark, self._address = benchmark, address
        self._users = 0
        self._opening: asyncio.Future[tuple[Grader, _Slots]] | None = None

    @contextlib.asynccontextmanager
    async def grader(self) -> AsyncIterator[tuple[Grader, _Slots]]:
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._open())
        opening = self._opening
        self._users += 1
        try:
            yield await asyncio.shield(opening)
        finally:
            self._users -= 1
            if self._users == 0:
                # The next answer opens a new one, so that none is used while closing.
                self._opening = None
                if opening.done() and not opening.cancelled() and opening.exception() is None:
                    for system in opening.result()[1]:
                        await system.close()

    async def _open(self) -> tuple[Grader, _Slots]:
        if self._address is None and ROLE in model_roles():
            grader = _role_grader(self._benchmark)
        else:
            reference = self._benchmark.protocol.judging.reference(self._benchmark.name)
            address = self._address or reference.address
            grader = _resolve(self._benchmark, address)
        slots = {system: asyncio.Semaphore(system.concurrency) for system in grader.systems}
        for system in slots:
            await system.open()
        return grader, slots


_Slots = dict[System, asyncio.Semaphore]


class _DirectRecorder:
    """Recorder that makes a grader's calls without looking up or storing verdicts."""

    def __init__(self, slots: _Slots) -> None:
        self._slots = slots

    async def judge(self, calls: Sequence[Call]) -> dict[int, Verdict]:
        """See :class:`preceptor.graders.base.Recorder`."""
        verdicts: dict[int, Verdict] = {}
        for call, given in zip(calls, await together(*map(self._make, calls)), strict=True):
            for verdict in given:
                verdicts |= dict.fromkeys(call.about.get(verdict.key, ()), verdict)
        return verdicts

    async def _make(self, call: Call) -> Sequence[Verdict]:
        async with contextlib.nullcontext() if call.system is None else self._slots[call.system]:
            return await call.judge()

    def member(self, number: int, grader: str, roles: Mapping[int, str]) -> _DirectRecorder:
        return self

    async def rule(self, verdicts: Mapping[int, Verdict]) -> None:
        """Ignore decided verdicts: the grader also returns them."""


@metric(scores="unreduced")
def rubric_metrics() -> Metric:
    """Overall score, clipped, with intervals, length adjustment, n and coverage."""

    def compute(scores: list[SampleScore]) -> dict[str, float]:
        return metric_values(_metrics(scores))

    return compute


@metric(scores="unreduced")
def rubric_slices() -> Metric:
    """Scores of slices and rubric tags."""

    def compute(scores: list[SampleScore]) -> dict[str, float]:
        return slice_values(_metrics(scores))

    return compute


def _metrics(scores: Sequence[SampleScore]) -> dict[str, OurMetric]:
    if not scores:
        return {}
    rows = [
        (
            str(one.sample_id),
            one.sample_metadata or {},
            one.score.metadata or {},
            one.score.answer or "",
        )
        for one in scores
    ]
    return metrics_of(benchmarks.get(rows[0][1]["preceptor"]["benchmark"]), rows)


@scorer(metrics=[rubric_metrics(), rubric_slices()])
def rubric(benchmark: str, grader: str | None = None) -> Scorer:
    """Scorer of a benchmark, which judges each criterion of the rubric alone.

    Parameters
    ----------
    grader
        A grader's address; None for the model in the role ``grader``, else the reference grader.
    """
    known = benchmarks.get(benchmark)
    shared = _SharedGrader(known, grader)

    async def score(state: TaskState, target: Target) -> InspectScore:
        graded, by = await _judged(shared, state)
        result = known.protocol.score(graded)
        reference = known.protocol.judging.reference(benchmark)
        departures = [*reference.departures(by.address), *by.departures()]
        return InspectScore(
            value=score_value(result),
            answer=state.output.completion,
            explanation=explanation(graded),
            metadata=score_metadata(graded, result, by.address, departures),
        )

    return score


async def _judged(shared: _SharedGrader, state: TaskState) -> tuple[Graded, Grader]:
    example = _example(state)
    response = as_answer(Response("", text=storable(state.output.completion)))
    system = [message.text for message in state.messages if message.role == "system"]
    given = [message.text for message in example.messages]
    added = tuple(Message("system", text) for text in system if text not in given)
    conversation = (*added, *example.messages, Message("assistant", response.text))
    criteria = dict(enumerate(example.criteria))
    async with shared.grader() as (grader, slots):
        case = Case(conversation, criteria, run=f"inspect-{state.uuid}")
        wanted = list(criteria) if response.failure is None else []
        found = await grader.grade(case, wanted, _DirectRecorder(slots))
    verdicts = tuple(found.get(place) for place in criteria)
    return Graded(example, state.epoch - 1, response, verdicts), grader


def _example(state: TaskState) -> Example:
    """Read the example from the sample."""
    if "criteria" not in state.metadata:
        raise InputError(
            f"sample {state.sample_id}: expected criteria in its metadata, as in our tasks"
        )
    source = (
        state.input
        if not isinstance(state.input, str)
        else chat_messages((Message("user", state.input),))
    )
    return Example(
        str(state.sample_id),
        tuple(Message(message.role, message.text) for message in source),
        criteria_of(state.metadata["criteria"]),
        tuple(state.metadata.get("tags") or ()),
    )
