"""Models and agents of Inspect AI as systems and graders.

``inspect/PROVIDER/MODEL`` asks any model that Inspect has a provider for;
``inspect:FILE.py@AGENT[#PROVIDER/MODEL]`` runs an agent or solver of a user's file.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Collection
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor.errors import EndpointError, InputError, UnknownName, shorten
from preceptor.files import file_sha256
from preceptor.records import Completion, Message, Usage
from preceptor.systems.base import EVERY, MODEL, Ask, Parameters, System
from preceptor.systems.hosted import HOSTS
from preceptor.systems.inspect_ai.failures import Failures, in_words
from preceptor.systems.inspect_ai.turns import chat_messages, tools_for, turns_of
from preceptor.systems.inspect_ai.words import (
    DEFAULT_CONCURRENCY,
    SETTINGS,
    completion_of,
    generate_config,
    make_model,
    need_inspect,
    usage_of,
)
from preceptor.systems.media_tokens import tokens_of_media
from preceptor.systems.prices import FREE, Price, known_price, parse_price
from preceptor.systems.servers import SERVER, from_environment

if TYPE_CHECKING:
    from inspect_ai.model import Model, ModelUsage
    from inspect_ai.solver import Solver, TaskState

__all__ = ["InspectAgent", "InspectModel"]

#: Providers whose models are loaded into this process or a server of theirs: not before they are
#: needed.
_HEAVY = ("hf", "vllm", "sglang", "transformer_lens", "nnterp", "llama-cpp-python")
#: Other names that providers go by in Inspect's variables.
_ALIASES = {"grok": "XAI", "google": "VERTEX", "azureai": "AZURE"}


class InspectModel(System):
    """``inspect/PROVIDER/MODEL``: a model as Inspect's provider calls it, with Inspect's retries.

    The key is looked for where the provider looks for it (``ANTHROPIC_API_KEY``, …), or in the
    variable that ``api_key_env`` names. ``timeout`` is for one attempt.
    """

    capabilities = MODEL | {"token_probabilities"}

    def __init__(self, address: str, parameters: Parameters) -> None:
        need_inspect(address)
        self.address = address
        self.parameters = parameters
        self.name = address.removeprefix("inspect/")
        provider, _, model = self.name.partition("/")
        if not provider or not model:
            raise InputError(f"{shorten(address)}: expected inspect/PROVIDER/MODEL")
        self.server = _server(self.name)
        self.concurrency = parameters.concurrency or DEFAULT_CONCURRENCY
        self.price = _price(parameters, provider, model)
        self.max_tokens = parameters.max_tokens
        self.sampled = parameters.temperature != 0
        self._failures = Failures(address)
        self.failures = self._failures.counts
        self._config = generate_config(address, parameters)
        # A missing key or package is to be known before a run is made.
        self._model = None if provider in _HEAVY else self._make()

    def identity(self) -> dict[str, Any]:
        return _identity(self.address, self.parameters, self.server)

    def media_tokens(self, messages: Collection[Message]) -> int:
        provider, _, model = self.name.partition("/")
        return tokens_of_media(provider, model, messages)

    def _make(self) -> Model:
        return make_model(self.address, self.name, self.parameters, self._config)

    async def open(self) -> None:
        if self._model is None:
            self._model = self._make()

    async def close(self) -> None:
        if self._model is not None:
            model, self._model = self._model, None
            await model.__aexit__(None, None, None)

    async def answer(self, ask: Ask) -> Completion:
        from inspect_ai.model import GenerateConfig

        await self.open()
        assert self._model is not None
        sent = _with_system_prompt(ask.messages, self.parameters)
        # Repeats of one question must differ though the run is seeded.
        seed = None if self.parameters.seed is None else self.parameters.seed + ask.repeat
        started = time.monotonic()
        try:
            # In a task of its own: what Inspect notes down beside a call ends with it.
            output = await asyncio.create_task(
                self._model.generate(
                    chat_messages(sent), tools_for(ask.tools), config=GenerateConfig(seed=seed)
                )
            )
        except Exception as error:
            raise self._failures.read(error) from None
        self._failures.proven = True
        completion = completion_of(output, self.address)
        cost = None if self.price is None else self.price.cost(completion.usage)
        if cost is None and output.usage is not None:
            cost = output.usage.total_cost
        return msgspec.structs.replace(
            completion,
            latency_s=round(time.monotonic() - started if output.time is None else output.time, 4),
            cost_usd=cost,
            sent=None if sent == ask.messages else sent,
        )


class InspectAgent(System):
    """``inspect:FILE.py@AGENT[#PROVIDER/MODEL]``: an ``@agent`` or ``@solver`` of a user's file.

    It is given the conversation, works with its tools on this machine, with the user's rights, and
    its last words are the answer. What it calls is paid and counted together. An agent that needs
    one of Inspect's sandboxes cannot run here: run it with ``inspect eval`` and import the log.
    The addresses of a record that it works in are in its store: ``store().get(NAME)``.
    """

    capabilities = EVERY - {"tools", "tool_media"}
    remedies = MappingProxyType({"tools": "an agent has its own: name a model"})
    reusable = False

    def __init__(self, address: str, parameters: Parameters) -> None:
        need_inspect(address)
        self.address = address
        self.parameters = parameters
        place, _, self.name = address.removeprefix("inspect:").partition("#")
        self.name = self.name or os.environ.get("INSPECT_EVAL_MODEL", "").partition(",")[0]
        self.concurrency = parameters.concurrency or DEFAULT_CONCURRENCY
        self.server = _server(self.name)
        provider, _, model = self.name.partition("/")
        self.price = _price(parameters, provider, model)
        self.max_tokens = parameters.max_tokens
        self.sampled = parameters.temperature != 0
        self._failures = Failures(address)
        self.failures = self._failures.counts
        self._config = generate_config(address, parameters)
        self._solver = _load(address, place)
        self._model = None if provider in _HEAVY else self._make()

    def identity(self) -> dict[str, Any]:
        told = _identity(self.address, self.parameters, self.server)
        return {**told, "agent_model": self.name}

    def files(self) -> dict[str, str]:
        place = self.address.removeprefix("inspect:").partition("@")[0]
        return {place: file_sha256(Path(place))}

    def _make(self) -> Model:
        # Without a name the agent has to name its model itself: this one answers with an error.
        return make_model(self.address, self.name or "none/none", self.parameters, self._config)

    async def open(self) -> None:
        if self._model is None:
            self._model = self._make()

    async def close(self) -> None:
        if self._model is not None:
            model, self._model = self._model, None
            await model.__aexit__(None, None, None)

    async def answer(self, ask: Ask) -> Completion:
        await self.open()
        sent = _with_system_prompt(ask.messages, self.parameters)
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.parameters.timeout):
                # In a task of its own: an agent's variables are those of its conversation.
                state, usages = await asyncio.create_task(self._work(sent, ask))
        except TimeoutError:
            self.failures["timeout"] += 1
            words = f"{self.address}: no answer within {self.parameters.timeout:g} s"
            raise EndpointError("timeout", words) from None
        except Exception as error:
            raise self._failures.read(error, own_code=True) from None
        self._failures.proven = True
        completion = _last_words(state, self.address)
        usage = sum((usage_of(one) for one in usages.values()), Usage())
        return msgspec.structs.replace(
            completion,
            usage=usage,
            latency_s=round(time.monotonic() - started, 4),
            cost_usd=self._cost(usages),
            sent=None if sent == ask.messages else sent,
            turns=turns_of(state.messages[len(sent) :]),
        )

    async def _work(
        self, sent: tuple[Message, ...], ask: Ask
    ) -> tuple[TaskState, dict[str, ModelUsage]]:
        from inspect_ai._eval.context import init_model_context
        from inspect_ai._eval.task.generate import task_generate
        from inspect_ai.model import GenerateConfig, ModelName
        from inspect_ai.model._model import init_sample_model_data, sample_model_usage
        from inspect_ai.solver import TaskState
        from inspect_ai.solver._task_state import set_sample_state
        from inspect_ai.util._store import init_subtask_store

        assert self._model is not None
        model = self._model
        messages = chat_messages(sent)
        state = TaskState(
            model=ModelName(model),
            sample_id="preceptor" if ask.example is None else ask.example.id,
            epoch=ask.repeat + 1,
            input=list(messages),
            messages=messages,
        )
        init_model_context(model, config=self._config)
        init_sample_model_data()
        set_sample_state(state)
        for name, address in ask.addresses.items():
            state.store.set(name, address)
        init_subtask_store(state.store)

        async def generate(
            state: TaskState, tool_calls: Any = "loop", cache: Any = False, **settings: Any
        ) -> TaskState:
            return await task_generate(model, state, tool_calls, cache, GenerateConfig(**settings))

        return await self._solver(state, generate), sample_model_usage()

    def _cost(self, usages: dict[str, ModelUsage]) -> float | None:
        """Of all models that it called; one price that the user gives is for all of them."""
        costs: list[float | None] = []
        for name, used in usages.items():
            provider, _, model = name.partition("/")
            price = _price(self.parameters, provider, model)
            costs.append(used.total_cost if price is None else price.cost(usage_of(used)))
        return None if None in costs else sum(cost for cost in costs if cost is not None)


def _identity(address: str, parameters: Parameters, server: str | None) -> dict[str, Any]:
    values = {name: getattr(parameters, name) for name in ("system_prompt", *SETTINGS)}
    values[SERVER] = server
    return {"model": address, **{key: value for key, value in values.items() if value is not None}}


def _server(name: str) -> str | None:
    """Base URL at which Inspect asks a model, by its variables; see its ``model_base_url``."""
    words = tuple(name.split("/")[:-1])
    host = HOSTS.get(words[0]) if words else None
    more = tuple(_ALIASES[word] for word in words if word in _ALIASES)
    return from_environment((*words, *more), None if host is None else host.base_url[1])


def _price(parameters: Parameters, provider: str, model: str) -> Price | None:
    if parameters.price is not None:
        return FREE if parameters.price == "free" else parse_price(parameters.price)
    return known_price(provider, model) if model else None


def _with_system_prompt(
    messages: tuple[Message, ...], parameters: Parameters
) -> tuple[Message, ...]:
    if parameters.system_prompt is None:
        return messages
    return (Message("system", parameters.system_prompt), *messages)


def _load(address: str, place: str) -> Solver:
    from inspect_ai._eval.loader import solver_from_spec
    from inspect_ai.solver import SolverSpec

    file = Path(place.partition("@")[0])
    if file.suffix != ".py":
        raise InputError(f"{shorten(address)}: expected inspect:FILE.py@AGENT")
    if not file.is_file():
        raise UnknownName(f"{shorten(address)}: no such file: {file}")
    try:
        return solver_from_spec(SolverSpec(place))
    except Exception as error:
        words = in_words(error)
        raise InputError(f"{shorten(address)}: cannot be loaded: {words}") from error


def _last_words(state: TaskState, address: str) -> Completion:
    """The answer that an agent ends with: its output, or the last that it said."""
    from inspect_ai.model import ModelOutput

    if not state.output.empty:
        return completion_of(state.output, address)
    said = [message for message in state.messages if message.role == "assistant"]
    if not said:
        raise EndpointError("system_failed", f"{address}: ended without an answer")
    return completion_of(ModelOutput.from_message(said[-1]), address)
