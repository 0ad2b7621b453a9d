"""The head of a log of Inspect AI: settings, status, graders, scores, and who used which tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor.bridges.tool_runs import finite
from preceptor.errors import shorten
from preceptor.records import RunSettings, ToolScore, Usage
from preceptor.systems.inspect_ai.words import usage_of

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample
    from inspect_ai.model import ModelUsage

__all__ = ["Header", "Spent"]

#: Settings of calls that are not the model's.
_OF_CALLS = {"max_retries", "timeout", "attempt_timeout", "max_connections", "system_message"}
#: Settings of the evaluation that bear on its answers.
_CONFIG = (
    *("limit", "sample_id", "sample_shuffle", "epochs", "epochs_reducer", "fail_on_error"),
    *("message_limit", "token_limit", "turn_limit", "time_limit", "working_limit", "cost_limit"),
)
#: Settings of a run that do not go with it into another store.
_OWN_STORE = ("recorded_scores", "import_digest", "imported_from", "sweep", "manifest", "left_out")
_ENDS = {
    "cancelled": "was cancelled",
    "error": "was ended by an error",
    "started": "had not finished",
}


class Spent(msgspec.Struct, frozen=True):
    """What a sample's system and graders used; a cost is None if unknown."""

    system: Usage
    cost_usd: float | None
    grader: Usage
    grader_cost_usd: float | None


class Header:
    """What a log says of all its samples."""

    def __init__(self, log: EvalLog) -> None:
        self.log = log
        found = (log.eval.metadata or {}).get("preceptor")
        #: What our export or task wrote; empty in other logs.
        self.own: Mapping[str, Any] = found if isinstance(found, dict) else {}
        #: Models that have a role beside the one under test.
        self._roles = {
            role: name
            for role, one in (log.eval.model_roles or {}).items()
            if isinstance(name := getattr(one, "model", None), str)
        }

    @property
    def tool(self) -> str:
        version = self.log.eval.packages.get("inspect_ai")
        return f"inspect-ai {version}" if version else "inspect-ai"

    @property
    def grader(self) -> str:
        """The grader's name, if the log has it in a usual place."""
        judge = self.log.eval.task_args.get("judge_model")
        if isinstance(judge, str):
            return judge
        return self._roles.get("grader", "not stated")

    @property
    def scores(self) -> list[ToolScore]:
        """The log's own metrics; none in our logs, whose metrics are ours."""
        results = self.log.results
        if self.own or results is None:
            return []
        named = Counter(score.name for score in results.scores)
        return [
            ToolScore(
                "/".join(
                    [
                        *([score.name] if len(named) > 1 else []),
                        *([score.reducer or ""] if named[score.name] > 1 else []),
                        name,
                    ]
                ),
                value,
                results.completed_samples if score.scored_samples is None else score.scored_samples,
            )
            for score in results.scores
            for name, metric in score.metrics.items()
            if (value := finite(metric.value)) is not None
        ]

    def notes(self, samples: int) -> list[str]:
        """How the evaluation ended, if not well."""
        said = []
        if (end := _ENDS.get(self.log.status)) is not None:
            dataset, epochs = self.log.eval.dataset, self.log.eval.config.epochs or 1
            ids = len(dataset.sample_ids or ()) or dataset.samples or 0
            of = f" of {ids * epochs:,}" if ids else ""
            why = f" ({shorten(self.log.error.message, 120)})" if self.log.error else ""
            said.append(f"The evaluation {end}{why}: the log has {samples:,}{of} samples.")
        return said

    def settings(self, departures: Iterable[object], prompts: Counter[str]) -> RunSettings:
        """The run's settings: those of our export, or those that the log states."""
        spec, own = self.log.eval, self.own.get("settings")
        try:
            kept = {key: each for key, each in own.items() if key not in _OWN_STORE} if own else {}
            settings = RunSettings.of(kept)
        except (msgspec.ValidationError, AttributeError):
            settings, own = RunSettings(), None
        stated = self.own.get("departures")
        known = [*(stated if isinstance(stated, list) else ()), *departures]
        if known:
            settings.departures = list(dict.fromkeys(map(str, known)))
        if not own:
            settings.system_parameters = self._parameters(prompts) or None
            limit = spec.config.limit
            settings.limit = limit if isinstance(limit, int) else msgspec.UNSET
            config = spec.config.model_dump(mode="json", include={*_CONFIG}, exclude_none=True)
            settings.other = {**settings.other, "inspect_config": config} if config else {}
        settings.inspect_task, settings.inspect_status = spec.task, self.log.status
        return settings

    def _parameters(self, prompts: Counter[str]) -> dict[str, Any]:
        """Settings of the model's calls, and the system prompt if all samples have the same."""
        given: dict[str, Any] = {}
        for config in (self.log.eval.model_generate_config, self.log.plan.config):
            given |= config.model_dump(mode="json", exclude_none=True, exclude=_OF_CALLS)
        if len(prompts) == 1 and (prompt := next(iter(prompts))):
            given["system_prompt"] = prompt
        return given

    def spent_on(self, sample: EvalSample) -> Spent:
        """What a sample used over all its calls.

        A role's calls, and those of other models than the one under test, are the graders'.
        """
        model = self.log.eval.model
        roles = [used for role, used in sample.role_usage.items() if self._roles.get(role) == model]
        others = [used for name, used in sample.model_usage.items() if name != model]
        whole = sample.model_usage.get(model) or sample.output.usage
        if whole is None:
            return Spent(Usage(), None, *_sum([*others, *roles]))
        usage, cost = usage_of(whole), _dollars(whole)
        for used in roles:
            usage = _less(usage, usage_of(used))
            part = _dollars(used)
            cost = None if cost is None or part is None else max(cost - part, 0.0)
        return Spent(usage, cost, *_sum([*others, *roles]))


def _sum(used: list[ModelUsage]) -> tuple[Usage, float | None]:
    costs = [_dollars(each) for each in used]
    known = [cost for cost in costs if cost is not None]
    total = sum(known) if used and len(known) == len(used) else None
    return sum(map(usage_of, used), Usage()), total


def _less(one: Usage, other: Usage) -> Usage:
    pairs = zip(msgspec.structs.astuple(one), msgspec.structs.astuple(other), strict=True)
    return Usage(*(max(a - b, 0) for a, b in pairs))


def _dollars(usage: ModelUsage) -> float | None:
    cost = finite(usage.total_cost)
    return cost if cost is not None and cost >= 0 else None
