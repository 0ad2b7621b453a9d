"""``preceptor export --format inspect``: a run as a log of Inspect AI, for ``inspect view``.

Like other exports, the log holds the texts of tasks, answers and verdicts.
"""

from __future__ import annotations

import datetime
import functools
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor.bridges.inspect_layout import (
    SCORER,
    example_metadata,
    explanation,
    metric_values,
    response_row,
    score_metadata,
    score_value,
    slice_values,
    task_name,
)
from preceptor.graders.base import whole_conversation
from preceptor.records import (
    Example,
    Graded,
    Metric,
    Response,
    Result,
    RunSettings,
    Score,
    Usage,
    Verdict,
    closing,
)
from preceptor.results.media import media_in, read_media, with_bytes
from preceptor.scoring import OVERALL
from preceptor.scoring.answers import share_read
from preceptor.scoring.places import question_of
from preceptor.scoring.units import units
from preceptor.systems.inspect_ai.turns import chat_messages
from preceptor.systems.inspect_ai.words import need_inspect
from preceptor.version import VERSION

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample, EvalSpec
    from inspect_ai.log import EvalMetric as InspectMetric
    from inspect_ai.model import ChatMessage, ModelOutput, ModelUsage
    from inspect_ai.scorer import Score as InspectScore

__all__ = ["inspect_log", "log_bytes"]

#: Finish reasons of the chat API → Inspect's stop reasons.
_STOP = {
    "stop": "stop",
    "length": "max_tokens",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "tool_calls": "tool_calls",
}
_METRICS, _SLICES = "rubric_metrics", "rubric_slices"
#: Settings of a system that Inspect logs as model configuration.
_CONFIG = ("temperature", "max_tokens", "reasoning_effort", "seed")


def log_bytes(result: Result) -> bytes:
    """Make the content of the ``.eval`` file.

    Raises
    ------
    Unavailable
        inspect-ai is not installed.
    """
    need_inspect("--format inspect")
    from inspect_ai.log import write_eval_log

    log = inspect_log(result)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.eval"
        write_eval_log(log, path, format="eval")
        return path.read_bytes()


def inspect_log(result: Result) -> EvalLog:
    """Make the log: one sample per answer, with our scores."""
    from inspect_ai.log import EvalLog, EvalResults, EvalStats

    info = result.info
    ids = dict.fromkeys(item.example.id for item in result.graded)
    places = {name: place for place, name in enumerate(ids)}
    unit_of = units(graded.example for graded in result.graded)
    known = read_media(result, media_in(result))
    samples = [
        _sample(
            result,
            _whole(graded, known),
            score,
            places[graded.example.id],
            unit_of[graded.example.id],
        )
        for graded, score in zip(result.graded, result.scores, strict=True)
        if graded.response is not None
    ]
    created = _time(info.created_at)
    usage = _usages(result, result.system_usage, result.grader_usage)
    failed = sum(sample.error is not None for sample in samples)
    return EvalLog(
        # A run without some verdicts has ended too; its coverage shows them.
        status="success" if len(samples) == len(result.graded) else "cancelled",
        eval=_spec(result, created),
        plan=_plan(),
        results=EvalResults(
            total_samples=len(result.graded),
            completed_samples=len(samples) - failed,
            scores=_scores(result),
        ),
        stats=EvalStats(
            # The duration is unknown, but the viewer needs both times.
            started_at=created,
            completed_at=created,
            model_usage=usage,
            role_usage={"grader": _usage(result.grader_usage, None)},
        ),
        samples=samples,
    )


def _whole(graded: Graded, known: dict[str, bytes]) -> Graded:
    """The answer with the bytes of its images and files."""
    response, replace = graded.response, msgspec.structs.replace
    if not known or response is None:
        return graded
    messages = with_bytes(tuple(turn.message for turn in response.turns), known)
    turns = zip(response.turns, messages, strict=True)
    example = replace(graded.example, messages=with_bytes(graded.example.messages, known))
    response = replace(
        response,
        turns=tuple(replace(turn, message=message) for turn, message in turns),
        sent=None if response.sent is None else with_bytes(response.sent, known),
    )
    return replace(graded, example=example, response=response)


def _plan() -> Any:
    from inspect_ai.log import EvalPlan, EvalPlanStep

    return EvalPlan(name="plan", steps=[EvalPlanStep(solver="generate")])


def _spec(result: Result, created: str) -> EvalSpec:
    from inspect_ai.log import EvalConfig, EvalDataset, EvalSpec
    from inspect_ai.log._log import EvalScorer
    from inspect_ai.model import GenerateConfig, ModelConfig

    info = result.info
    parameters = info.settings.system_parameters or {}
    ids = list(dict.fromkeys(item.example.id for item in result.graded))
    return EvalSpec(
        created=created,
        run_id=info.name,
        task_id=f"preceptor-{info.name}",
        task=task_name(info.benchmark),
        task_registry_name=f"preceptor/{task_name(info.benchmark)}",
        task_display_name=result.title,
        dataset=EvalDataset(name=info.benchmark, samples=len(ids), sample_ids=ids),
        model=info.system,
        model_generate_config=GenerateConfig.model_construct(
            **{name: parameters[name] for name in _CONFIG if parameters.get(name) is not None},
            system_message=parameters.get("system_prompt"),
        ),
        model_roles={"grader": ModelConfig(model=info.grader)},
        config=EvalConfig(epochs=info.repeats),
        packages={"preceptor": VERSION},
        scorers=[EvalScorer(name=f"preceptor/{SCORER}", options={"benchmark": info.benchmark})],
        metadata={
            "preceptor": {
                "run": info.name,
                "benchmark": info.benchmark,
                "departures": result.departures,
                "notes": result.notes,
                "ungraded": result.ungraded,
                "share_read": share_read(result.scores),
                "cost_usd": result.cost_usd,
                "settings": _settings(info.settings),
            }
        },
    )


def _settings(settings: RunSettings) -> dict[str, Any]:
    """The settings of a run, without the names of the user's files."""
    return {name: each for name, each in settings.plain().items() if name != "files"}


def _sample(result: Result, graded: Graded, score: Score, place: int, unit: str) -> EvalSample:
    from inspect_ai.log import EvalError, EvalSample
    from inspect_ai.scorer import Score as InspectScore

    info, example, response = result.info, graded.example, graded.response
    assert response is not None
    answered = response.failure is None
    output = _output(info.system, response)
    error = None
    if not answered:
        words = f"{response.failure}: {response.detail}" if response.detail else response.failure
        error = EvalError(message=words or "", traceback="", traceback_ansi="")
    sent = chat_messages(response.sent or example.messages)
    choices, target = _choices(example)
    score_given = InspectScore(
        value=score_value(score),
        answer=response.text if answered else None,
        explanation=explanation(graded),
        metadata=score_metadata(graded, score, info.grader) | {"response": response_row(response)},
    )
    used = sum((verdict.usage for verdict in graded.verdicts if verdict), Usage())
    return EvalSample(
        id=example.id,
        epoch=graded.repeat + 1,
        input=chat_messages(example.messages),
        choices=choices,
        target=target,
        messages=_messages(response, example, output) if answered else sent,
        output=output,
        scores={SCORER: score_given},
        metadata=example_metadata(info.benchmark, example, place, unit) | _rest_of(example),
        model_usage=_usages(result, response.usage, used),
        role_usage={"grader": _usage(used, _cost(graded.verdicts))},
        total_time=response.latency_s,
        working_time=response.latency_s,
        events=_events(sent, output, score_given, _time(info.created_at)),
        uuid=f"{info.name}-{example.id}-{graded.repeat}",
        error=error,
    )


def _choices(example: Example) -> tuple[list[str] | None, str | list[str]]:
    """An exam's options and the letters of the right ones, which Inspect counts in that order."""
    question = question_of(example.target)
    if question is None:
        answer = example.target.get("answer") if isinstance(example.target, dict) else None
        return None, answer if isinstance(answer, str) else ""
    letters = {label: chr(ord("A") + place) for place, label in enumerate(question.options)}
    right = [letters[label] for label in letters if label in question.right]
    return [*question.options.values()], right if question.several else "".join(right[:1])


def _rest_of(example: Example) -> dict[str, Any]:
    """What an example has beside its conversation, rubric, tags and target."""
    known: dict[str, Any] = msgspec.to_builtins(example)
    names = ("physician", "of")
    return {"example": {name: known[name] for name in names if known.get(name) is not None}}


def _messages(response: Response, example: Example, output: ModelOutput) -> list[ChatMessage]:
    """The conversation, in which the answer is the output's own message."""
    whole = whole_conversation(response, example.messages)
    place = -1 - len(closing(response.turns))
    messages = chat_messages(whole)
    if isinstance(whole[place].content, str):
        messages[place] = output.message
    return messages


def _events(
    sent: list[ChatMessage], output: ModelOutput, score: InspectScore, created: str
) -> list[Any]:
    """Make the transcript's events: the call and the score."""
    from inspect_ai.event import ModelEvent, ScoreEvent
    from inspect_ai.model import GenerateConfig

    moment = datetime.datetime.fromisoformat(created)
    call = ModelEvent(
        timestamp=moment,
        model=output.model,
        input=sent,
        tools=[],
        tool_choice="none",
        config=GenerateConfig(),
        output=output,
        error=output.error,
        working_time=output.time,
    )
    return [call, ScoreEvent(timestamp=moment, score=score, scorer=SCORER)]


def _output(system: str, response: Response) -> ModelOutput:
    from inspect_ai.model import ModelOutput

    if response.failure is not None:
        return ModelOutput(model=system, error=response.detail or response.failure)
    output = ModelOutput.from_content(
        system,
        response.text,
        stop_reason=_STOP.get(response.finish_reason, "unknown"),  # type: ignore[arg-type]
    )
    output.usage = _usage(response.usage, response.cost_usd)
    output.time = response.latency_s
    return output


def _usage(usage: Usage, cost: float | None) -> ModelUsage:
    from inspect_ai.model import ModelUsage

    return ModelUsage(
        input_tokens=max(0, usage.input_tokens - usage.cached_tokens),
        output_tokens=usage.output_tokens,
        total_tokens=usage.total,
        input_tokens_cache_read=usage.cached_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        total_cost=cost,
    )


def _usages(result: Result, system: Usage, grader: Usage) -> dict[str, ModelUsage]:
    """Usage by model; a model that judges itself has one sum."""
    info = result.info
    if info.system == info.grader:
        return {info.system: _usage(system + grader, None)}
    return {info.system: _usage(system, None), info.grader: _usage(grader, None)}


def _cost(verdicts: Iterable[Verdict | None]) -> float | None:
    costs = [verdict.cost_usd for verdict in verdicts if verdict is not None]
    return None if None in costs else sum(cost for cost in costs if cost is not None)


def _scores(result: Result) -> list[Any]:
    from inspect_ai.log import EvalScore

    complete = sum("overall_score" in score.values for score in result.scores)
    metric = functools.partial(_metric, result.metrics)
    groups = {_METRICS: metric_values(result.metrics), _SLICES: slice_values(result.metrics)}
    return [
        EvalScore(
            name=SCORER,
            scorer=SCORER,
            scored_samples=complete,
            unscored_samples=len(result.scores) - complete,
            params={"benchmark": result.info.benchmark},
            metrics={
                name: metric(name, group, value)
                for group, values in groups.items()
                for name, value in values.items()
            },
        )
    ]


def _metric(metrics: dict[str, Metric], name: str, group: str, value: float) -> InspectMetric:
    from inspect_ai.log import EvalMetric

    beside = None
    if group == _SLICES or name == OVERALL:  # a tag may be called n or coverage
        found = metrics[name]
        beside = {"n": found.n, "coverage": found.coverage, "ci95": found.raw_ci95}
    return EvalMetric(name=name, group=group, value=value, metadata=beside)


def _time(text: str) -> str:
    """Add the zone to a time of the store, which is in UTC."""
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return moment.isoformat()
