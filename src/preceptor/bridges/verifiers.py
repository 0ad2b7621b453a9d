"""Benchmarks as environments of ``verifiers`` (0.4 or later), with their rubric as the reward.

It relies on the package's documented contracts: a taskset yields tasks, a task's reward methods
score a finished trace, an error in them fails the rollout, and a harness may run in the process if
its model calls go through the given endpoint.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from preceptor import benchmarks
from preceptor.cache import DEFAULT_STORE
from preceptor.errors import EndpointError, PreceptorError, shorten
from preceptor.installation import MissingExtra
from preceptor.records import Criterion, Example, Message
from preceptor.rewards.records import Reward
from preceptor.rewards.rewarder import Rewarder
from preceptor.systems.content import read_content

try:
    import verifiers.v1 as vf
except ImportError:
    raise MissingExtra(
        "preceptor.bridges.verifiers: needs verifiers 0.4 or later", "verifiers"
    ) from None

__all__ = ["TASKSET", "RubricEnv", "RubricTaskset", "SingleTurnHarness", "load_environment"]

#: Id by which verifiers finds this taskset.
TASKSET = "preceptor-verifiers"
_TURNS = {
    "system": vf.SystemMessage,
    "developer": vf.SystemMessage,
    "user": vf.UserMessage,
    "assistant": vf.AssistantMessage,
}


def load_environment(
    benchmark: str = "healthbench",
    *,
    grader: str | None = None,
    data: str | Path | None = None,
    limit: int | None = None,
    store: str | Path = DEFAULT_STORE,
    **options: Any,
) -> vf.Env:
    """Make a verifiers environment of a benchmark's single-turn tasks, rewarded by rubric.

    Parameters
    ----------
    limit
        Size of the fixed sample, the same as for ``preceptor run --limit``.
    benchmark, grader, data, store, **options
        As in :class:`preceptor.Rewarder`.

    Raises
    ------
    pydantic.ValidationError
        An option is unknown or of the wrong type.
    """
    task = {"grader": grader, "store": str(store), **options}
    taskset = {"id": TASKSET, "benchmark": benchmark, "data": data, "limit": limit, "task": task}
    return vf.load_environment(vf.resolve_env_config({"taskset": taskset}))


class RubricTaskConfig(vf.TaskConfig):  # type: ignore[misc]
    """Options of :class:`preceptor.Rewarder`, which grades the answers."""

    grader: str | None = None
    grader_params: tuple[str, ...] = ()
    grader_template: str | None = None
    store: str = DEFAULT_STORE
    length_adjusted: bool = False
    min_coverage: float = 1.0
    max_cost: float | None = None
    max_total_tokens: int | None = None


class RubricTasksetConfig(vf.TasksetConfig):  # type: ignore[misc]
    """Choice of the examples that become tasks."""

    benchmark: str = "healthbench"
    data: Path | None = None
    limit: int | None = None
    task: RubricTaskConfig = RubricTaskConfig()


class RubricData(vf.TaskData):  # type: ignore[misc]
    """Data of one example; the rubric is not part of the prompt."""

    benchmark: str
    criteria: list[dict[str, Any]]
    tags: list[str]


class RubricTask(vf.Task[RubricData, vf.State, RubricTaskConfig]):  # type: ignore[misc]
    """One example, scored by its rubric."""

    @property
    def key(self) -> str:
        return f"{self.data.benchmark}/{self.data.id}"

    @vf.reward  # type: ignore[untyped-decorator]
    async def rubric(self, trace: vf.Trace) -> float:
        """Score of the answer, which may be negative.

        Raises
        ------
        Ungraded
            Verdicts are missing; verifiers then counts the rollout as failed, not as 0.
        """
        rewarder = _rewarder(self.data.benchmark, self.config.model_dump_json())
        (earned,) = await rewarder.agrade([(_example(self.data), _answer(trace))])
        trace.record_metric("coverage", earned.coverage)
        trace.info["preceptor"] = _trace_info(earned)
        if earned.value is None:
            raise Ungraded(f"no reward: {earned.reason}; {100 * earned.coverage:.0f} % is graded")
        return earned.value


class Ungraded(PreceptorError):
    """Error of an answer that could not be graded: its rollout has no reward."""


class RubricTaskset(vf.Taskset[RubricTask, RubricTasksetConfig]):  # type: ignore[misc]
    """Examples of a benchmark as tasks."""

    def load(self) -> Iterator[RubricTask]:
        """Yield the tasks. Raises Unavailable if the benchmark's data is not on this machine."""
        benchmark = benchmarks.get(self.config.benchmark)
        for example in benchmark.load(self.config.data).sample(self.config.limit):
            yield RubricTask(_data(benchmark.name, example), self.config.task)


class SingleTurnHarness(vf.Harness[vf.HarnessConfig]):  # type: ignore[misc]
    """Harness that calls the model once, in this process, without installing anything."""

    APPENDS_SYSTEM_PROMPT = True
    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    async def launch(  # noqa: PLR0917
        self,
        ctx: vf.ModelContext,
        trace: vf.Trace,
        runtime: vf.Runtime,
        endpoint: str,
        secret: str,
        mcp_urls: dict[str, str],
        data: vf.TaskData,
    ) -> vf.ProgramResult:
        """Post the conversation to the endpoint; the trace records the reply."""
        import aiohttp

        system, prompt = self.resolve_prompt(data)
        turns = [{"role": turn.role, "content": turn.content} for turn in prompt or []]
        if system is not None:
            turns.insert(0, {"role": "system", "content": system})
        headers = {"Authorization": f"Bearer {secret}"}
        # No timeout here: the environment limits the duration of a rollout.
        forever = aiohttp.ClientTimeout(total=None)
        async with (
            aiohttp.ClientSession(timeout=forever, headers=headers) as session,
            session.post(
                f"{endpoint}/chat/completions", json={"model": ctx.model, "messages": turns}
            ) as reply,
        ):
            body = await reply.text()
            if reply.status != 200:
                said = shorten(body, 200)
                raise EndpointError("system_failed", f"the model: HTTP {reply.status}: {said}")
        return vf.ProgramResult(0, "", "")


class RubricEnvConfig(vf.EnvConfig):  # type: ignore[misc]
    """Configuration of the only agent, whose harness needs no sandbox."""

    agent: vf.AgentConfig = vf.AgentConfig(runtime=vf.SubprocessConfig())


class RubricEnv(vf.Env[RubricEnvConfig]):  # type: ignore[misc]
    """Environment in which one agent answers once."""

    async def run(self, task: vf.Task, agents: vf.Agents) -> None:
        await agents.agent.run(task)

    async def stop(self) -> None:
        close_rewarders()


_opened: list[Rewarder] = []
_lock = threading.Lock()


@functools.cache
def _rewarder(benchmark: str, config: str) -> Rewarder:
    """Rewarder shared by all tasks of this process with the same configuration."""
    options = RubricTaskConfig.model_validate_json(config).model_dump()
    own = {key: options[key] for key in options if key not in vf.TaskConfig.model_fields}
    rewarder = Rewarder(benchmark=benchmark, **own)
    with _lock:
        _opened.append(rewarder)
    return rewarder


def close_rewarders() -> None:
    """Close all rewarders; calls under way finish and are stored."""
    with _lock:
        closing, _opened[:] = list(_opened), []
        _rewarder.cache_clear()
    for rewarder in closing:
        rewarder.close()


def _data(benchmark: str, example: Example) -> RubricData:
    return RubricData(
        id=example.id,
        prompt=[_TURNS[turn.role](content=turn.content) for turn in example.messages],
        benchmark=benchmark,
        criteria=msgspec.to_builtins(example.criteria),
        tags=list(example.tags),
    )


def _example(data: RubricData) -> Example:
    """The example as graded, with the trainer's system prompt as in a run."""
    turns = [Message(turn.role, turn.content) for turn in data.prompt]
    if data.system_prompt is not None:
        turns.insert(0, Message("system", data.system_prompt))
    criteria = msgspec.convert(data.criteria, tuple[Criterion, ...])
    return Example(data.id, tuple(turns), criteria, tuple(data.tags))


def _answer(trace: vf.Trace) -> str:
    """The answer as the model gave it; verifiers' `last_reply` strips outer spaces."""
    if trace.root_reply is not None:
        return str(trace.root_reply)
    turns = trace.assistant_messages
    content = turns[-1].content if turns else None
    if isinstance(content, list):
        content = [part if isinstance(part, str) else dict(part) for part in content]
    return read_content(content).text or ""


def _trace_info(earned: Reward) -> dict[str, Any]:
    verdicts = [
        {"met": each.met, "reason": each.reason, "explanation": each.explanation}
        for each in earned.verdicts
        if each is not None
    ]
    return {"by_tag": earned.by_tag, "low": earned.low, "high": earned.high, "verdicts": verdicts}
