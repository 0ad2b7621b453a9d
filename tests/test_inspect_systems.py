"""Models and agents of Inspect AI as systems and graders, over real HTTP."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("inspect_ai", reason="needs the extra inspect: pip install -e '.[inspect]'")

import inspect_wire
import preceptor
from preceptor.errors import (
    EndpointError,
    EndpointRefused,
    InputError,
    PreceptorError,
    Unavailable,
    UnknownName,
)
from preceptor.records import Message
from preceptor.systems import Ask, Parameters, resolve
from preceptor.systems.inspect_ai.model import InspectAgent, InspectModel
from preceptor.testing import FakeEndpoint
from preceptor.testing.replies import reply_to

#: Inspect's use of what its own dependencies no longer want.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

QUESTION = Ask((Message("user", "Is a fever of 39 bad?"),))

AGENTS = """
from inspect_ai.agent import Agent, AgentState, agent
from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, get_model
from inspect_ai.solver import chain, generate, solver, system_message
from inspect_ai.util import store

@agent
def twice() -> Agent:
    async def run(state: AgentState) -> AgentState:
        for words in ("Again, shorter.", "Once more."):
            state.output = await get_model().generate(state.messages)
            state.messages.append(state.output.message)
            state.messages.append(ChatMessageUser(content=words))
        return state
    return run

@solver
def careful():
    return chain(system_message("Be careful."), generate())

@agent
def in_record() -> Agent:
    async def run(state: AgentState) -> AgentState:
        words = store().get("PRECEPTOR_FHIR_URL")
        state.messages.append(ChatMessageAssistant(content=words))
        return state
    return run

@solver
def forgetful():
    async def solve(state, generate):
        seen = store().get("seen", 0) + 1
        store().set("seen", seen)
        state.output.completion = f"call {seen} of this conversation"
        state.output.choices = []
        from inspect_ai.model import ModelOutput
        state.output = ModelOutput.from_content("none", f"call {seen} of this conversation")
        return state
    return solve

@solver
def broken():
    async def solve(state, generate):
        raise ValueError("the tool box is empty")
    return solve

@solver
def silent():
    async def solve(state, generate):
        return state
    return solve

@solver
def sleepy():
    async def solve(state, generate):
        import asyncio
        await asyncio.sleep(60)
    return solve
"""


@pytest.fixture(autouse=True)
def wire(fake: FakeEndpoint, monkeypatch: pytest.MonkeyPatch) -> FakeEndpoint:
    monkeypatch.setenv(inspect_wire.URL, fake.url)
    monkeypatch.delenv("INSPECT_EVAL_MODEL", raising=False)
    return fake


@pytest.fixture
def agents(tmp_path: Path) -> Path:
    path = tmp_path / "agents.py"
    path.write_text(AGENTS, "utf-8")
    return path


# Models


async def test_parameters_arrive_at_the_endpoint(fake: FakeEndpoint) -> None:
    """Temperature, limit, effort, seed, body and the system prompt are in the request's JSON."""
    parameters = Parameters(
        system_prompt="Be brief.",
        temperature=0.25,
        max_tokens=40,
        reasoning_effort="low",
        seed=7,
        extra_body={"top_p": 0.5},
    )
    system = resolve("inspect/wire/model-a", parameters)
    completion = await system.answer(Ask(QUESTION.messages, repeat=2))
    await system.close()
    sent = fake.log[-1].payload
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    assert sent["messages"][1]["content"] == "Is a fever of 39 bad?"
    expected = {"temperature": 0.25, "max_tokens": 40, "reasoning_effort": "low", "top_p": 0.5}
    assert {name: sent[name] for name in expected} == expected
    assert sent["seed"] == 9  # that of the third repeat
    assert completion.sent == (Message("system", "Be brief."), *QUESTION.messages)


async def test_an_answer_is_what_the_same_endpoint_gives_without_inspect(
    fake: FakeEndpoint,
) -> None:
    """Text, finish reason and tokens are those of our own client."""
    ours = resolve(fake.address("model-a"), Parameters(max_tokens=8))
    theirs = resolve("inspect/wire/model-a", Parameters(max_tokens=8))
    try:
        one, other = await ours.answer(QUESTION), await theirs.answer(QUESTION)
    finally:
        await ours.close()
        await theirs.close()
    assert other.text == one.text
    assert other.finish_reason == one.finish_reason == "length"
    assert other.usage.input_tokens == one.usage.input_tokens
    assert other.usage.output_tokens == one.usage.output_tokens
    assert other.usage.cached_tokens == 1
    assert other.sent is None


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("error_500", "server_error"),
        ("error_503", "server_error"),
        ("bad_request", "bad_request"),
        ("rate_limit", "rate_limit"),
    ],
)
async def test_a_failure_has_the_kind_that_it_has_with_our_own_client(
    fault: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the provider raises becomes an EndpointError with the kind of the HTTP status."""
    with FakeEndpoint(script=[fault]) as fake:
        monkeypatch.setenv(inspect_wire.URL, fake.url)
        system = resolve("inspect/wire/model-a", Parameters(retries=0))
        with pytest.raises(EndpointError) as caught:
            await system.answer(QUESTION)
        await system.close()
    assert caught.value.kind == kind
    assert not isinstance(caught.value, EndpointRefused)
    assert system.failures[kind] == 1


@pytest.mark.parametrize("fault", ["unauthorized", "forbidden", "not_found"])
async def test_what_no_call_can_get_past_stops_the_run(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong key, or a model that is not there before anything worked, is EndpointRefused."""
    with FakeEndpoint(script=[fault]) as fake:
        monkeypatch.setenv(inspect_wire.URL, fake.url)
        system = resolve("inspect/wire/model-a", Parameters(retries=0))
        with pytest.raises(EndpointRefused):
            await system.answer(QUESTION)
        await system.close()


async def test_a_place_that_is_gone_later_is_one_failed_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """404 after a right answer is a server's bad moment and does not stop the run."""
    with FakeEndpoint(script=[None, "not_found"]) as fake:
        monkeypatch.setenv(inspect_wire.URL, fake.url)
        system = resolve("inspect/wire/model-a", Parameters(retries=0))
        await system.answer(QUESTION)
        with pytest.raises(EndpointError) as caught:
            await system.answer(QUESTION)
        await system.close()
    assert caught.value.kind == "server_error"
    assert not isinstance(caught.value, EndpointRefused)


async def test_nobody_listening_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that was never reached is EndpointRefused with the kind connection."""
    monkeypatch.setenv(inspect_wire.URL, "http://127.0.0.1:9/v1")
    system = resolve("inspect/wire/model-a", Parameters(retries=0))
    with pytest.raises(EndpointRefused) as caught:
        await system.answer(QUESTION)
    await system.close()
    assert caught.value.kind == "connection"


async def test_a_stalled_call_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The timeout of the parameters holds for an attempt."""
    with FakeEndpoint(script=["stall"]) as fake:
        monkeypatch.setenv(inspect_wire.URL, fake.url)
        system = resolve("inspect/wire/model-a", Parameters(retries=0, timeout=1))
        with pytest.raises(EndpointError) as caught:
            await system.answer(QUESTION)
        await system.close()
    assert caught.value.kind == "timeout"


async def test_the_key_is_sent_and_never_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of api_key_env reaches the endpoint; no message repeats it."""
    monkeypatch.setenv("CLINIC_KEY", "sk-very-secret-1")
    parameters = Parameters(api_key_env="CLINIC_KEY", retries=0)
    with FakeEndpoint(api_key="sk-very-secret-1") as fake:
        monkeypatch.setenv(inspect_wire.URL, fake.url)
        system = resolve("inspect/wire/model-a", parameters)
        assert (await system.answer(QUESTION)).text
        await system.close()
    monkeypatch.setenv(inspect_wire.URL, "http://127.0.0.1:9/sk-very-secret-1[")
    system = resolve("inspect/wire/model-a", parameters)
    with pytest.raises(EndpointError) as caught:
        await system.answer(QUESTION)
    await system.close()
    assert "sk-very-secret-1" not in f"{caught.value}{caught.value.__cause__}{system.identity()}"


async def test_yesno_reads_the_chance_of_the_first_token(fake: FakeEndpoint) -> None:
    """What the yes-no grader asks for in the body are settings of Inspect, and come back."""
    body = {"logprobs": True, "top_logprobs": 20}
    system = resolve("inspect/wire/judge", Parameters(extra_body=body))
    completion = await system.answer(QUESTION)
    await system.close()
    assert completion.first_token is not None
    assert {"Yes", "No"} <= set(completion.first_token)


@pytest.mark.parametrize(
    ("address", "parameters", "error", "words"),
    [
        ("inspect/nobody/model", {}, UnknownName, "nobody"),
        ("inspect/wire", {}, InputError, "inspect/PROVIDER/MODEL"),
        ("inspect/wire/m", {"reasoning_effort": "giant"}, InputError, "reasoning_effort"),
        ("inspect/wire/m", {"api": "responses"}, InputError, "api"),
        ("inspect/wire/m", {"stream": True}, InputError, "stream"),
        ("inspect/wire/m", {"api_key_env": "NO_SUCH_KEY"}, Unavailable, "NO_SUCH_KEY"),
        ("inspect:nothing.py@agent", {}, UnknownName, "nothing.py"),
        ("inspect:agents.txt@agent", {}, InputError, "FILE.py"),
    ],
)
def test_what_is_wrong_is_known_before_a_run(
    address: str, parameters: dict[str, Any], error: type[PreceptorError], words: str
) -> None:
    """An unknown provider, setting, key or file is one line when the address is resolved."""
    with pytest.raises(error, match=words) as caught:
        resolve(address, Parameters(**parameters))
    assert "\n" not in str(caught.value)


def test_without_inspect_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where inspect-ai is not installed, both classes name the pip line."""
    monkeypatch.setitem(__import__("sys").modules, "inspect_ai", None)
    for make in (InspectModel, InspectAgent):
        with pytest.raises(Unavailable, match="pip install 'inspect-ai"):
            make("inspect/wire/m", Parameters())


def test_two_runs_in_one_process_give_the_scores_of_our_own_client(
    fake: FakeEndpoint, tmp_path: Path
) -> None:
    """System and grader through Inspect, each run in its own loop: the same verdicts as ours."""
    scores = []
    for name, prefix in (("a", "inspect/wire/"), ("b", "inspect/wire/"), ("c", f"{fake.url}#")):
        run = preceptor.run(
            "starter",
            system=f"{prefix}model-a",
            grader=f"{prefix}judge",
            grader_template="preceptor",
            limit=3,
            store=tmp_path / f"{name}.db",
        )
        assert run.outcome is not None
        assert run.outcome.status == "done"
        scores.append(run.score()["metrics"])
    assert scores[0] == scores[1] == scores[2]


@pytest.mark.skipif(
    importlib.util.find_spec("openai") is None, reason="needs OpenAI's package: pip install openai"
)
async def test_inspects_own_provider_speaks_to_the_endpoint(
    fake: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """inspect/openai/MODEL asks the endpoint, and its words and tokens come back."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0000")
    monkeypatch.setenv("OPENAI_BASE_URL", fake.url)
    try:
        system = resolve("inspect/openai/model-a", Parameters(temperature=0.5))
    except Unavailable as error:
        if "requires at least version" not in str(error):
            raise
        pytest.skip(f"needs a newer version of OpenAI's package: {error}")
    completion = await system.answer(QUESTION)
    await system.close()
    payload = fake.log[-1].payload
    assert payload["temperature"] == 0.5
    assert QUESTION.messages[0].content in str(payload)
    assert completion.text == reply_to(payload).text
    assert completion.usage.output_tokens > 0
    assert completion.finish_reason == "stop"


# Agents


async def test_an_agents_last_words_are_the_answer(fake: FakeEndpoint, agents: Path) -> None:
    """An @agent is asked with the conversation; all that it calls is counted."""
    system = resolve(f"inspect:{agents}@twice#wire/model-a", Parameters())
    completion = await system.answer(QUESTION)
    await system.close()
    calls = list(fake.log)
    assert len(calls) == 2
    assert [one["content"] for one in calls[1].payload["messages"]][::2] == [
        "Is a fever of 39 bad?",
        "Again, shorter.",
    ]
    first = calls[1].payload["messages"][1]["content"]
    assert completion.text not in ("", first)
    # Its steps are kept, with who took each.
    assert [turn.party for turn in completion.turns] == ["system", "environment"] * 2
    assert [turn.message.text for turn in completion.turns] == [
        first,
        "Again, shorter.",
        completion.text,
        "Once more.",
    ]
    assert completion.usage.output_tokens > 0
    assert completion.usage.input_tokens > 0


async def test_what_an_agent_calls_is_priced(agents: Path) -> None:
    """A price that the user gives is that of all tokens of the conversation."""
    system = resolve(f"inspect:{agents}@twice#wire/model-a", Parameters(price="2/4/1"))
    completion = await system.answer(QUESTION)
    await system.close()
    used = completion.usage
    assert used.cached_tokens == 2  # one of each of its two calls
    fresh = used.input_tokens - used.cached_tokens
    cost = (fresh * 2 + used.cached_tokens + used.output_tokens * 4) / 1e6
    assert completion.cost_usd == pytest.approx(cost)


async def test_a_solver_and_the_model_of_the_environment(
    fake: FakeEndpoint, agents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A @solver works too; without #MODEL it is the one of INSPECT_EVAL_MODEL, and that is kept."""
    monkeypatch.setenv("INSPECT_EVAL_MODEL", "wire/model-b")
    system = resolve(f"inspect:{agents}@careful", Parameters())
    completion = await system.answer(QUESTION)
    await system.close()
    assert fake.log[-1].payload["model"] == "model-b"
    assert fake.log[-1].payload["messages"][0] == {"role": "system", "content": "Be careful."}
    assert completion.text
    assert system.identity()["agent_model"] == "wire/model-b"
    assert not system.reusable


async def test_conversations_do_not_see_each_others_store(agents: Path) -> None:
    """What an agent keeps for one conversation is not there in the next."""
    system = resolve(f"inspect:{agents}@forgetful#wire/model-a", Parameters())
    texts = [(await system.answer(QUESTION)).text for _ in range(2)]
    await system.close()
    assert texts == ["call 1 of this conversation"] * 2


async def test_an_agent_finds_the_record_that_it_works_in(agents: Path) -> None:
    """In its store: the addresses, by the names that a program has them under."""
    system = resolve(f"inspect:{agents}@in_record#wire/model-a", Parameters())
    addresses = {"PRECEPTOR_FHIR_URL": "http://127.0.0.1:1/e/x/fhir"}
    there = Ask(QUESTION.messages, addresses=addresses)
    assert (await system.answer(there)).text == addresses["PRECEPTOR_FHIR_URL"]
    assert "addresses" in system.capabilities
    await system.close()


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("broken", "system_failed", "the tool box is empty"),
        ("silent", "system_failed", "without an answer"),
        ("sleepy", "timeout", "no answer within"),
    ],
)
async def test_an_agent_that_fails_is_one_failed_call(
    agents: Path, name: str, kind: str, words: str
) -> None:
    """An exception, no answer, or too long a time is a failure with its kind, not an answer."""
    timeout = 0.2 if name == "sleepy" else 30
    system = resolve(f"inspect:{agents}@{name}#wire/model-a", Parameters(timeout=timeout))
    with pytest.raises(EndpointError, match=words) as caught:
        await system.answer(QUESTION)
    await system.close()
    assert caught.value.kind == kind
    assert not isinstance(caught.value, EndpointRefused)


def test_a_file_without_that_agent_is_an_error_of_the_user(agents: Path) -> None:
    """A name that the file does not have is an InputError when the address is resolved."""
    with pytest.raises(InputError, match="nobody"):
        resolve(f"inspect:{agents}@nobody", Parameters())


def test_a_refusal_is_told_from_an_answer() -> None:
    """Inspect's providers mark the text of one, and give an ordinary end beside it."""
    from inspect_ai.model import ChatMessageAssistant, ContentText, ModelOutput

    from preceptor.systems.inspect_ai.words import completion_of

    def end(*parts: ContentText) -> str:
        output = ModelOutput.from_message(ChatMessageAssistant(content=list(parts)))
        return completion_of(output, "inspect/m").finish_reason

    assert end(ContentText(text="I cannot.", refusal=True)) == "refusal"
    assert end(ContentText(text="Rest."), ContentText(text="No.", refusal=True)) == "stop"
    assert end(ContentText(text="Rest.")) == "stop"
