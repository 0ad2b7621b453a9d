"""A record that is served: agents that work by themselves, over HTTP and MCP, and their log."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

import preceptor
import served_agents
from preceptor.engine.keys import response_key
from preceptor.environments.fhir.held import HealthRecords
from preceptor.environments.fhir.host import RecordHost
from preceptor.environments.fhir.served import ServedRecord, last_answers
from preceptor.environments.fhir.server import FhirServer
from preceptor.errors import InputError
from preceptor.records import Message, Response, ToolCall, ToolResult
from preceptor.systems import resolve
from preceptor.systems.base import Ask, Parameters
from suite_answers import DATA, needs
from test_fhir import BASE, RECORDS

SERVED = "medagentbench-served"
NAMES = ("observation_search", "service_request_create", "finish")
ORDER = {
    "status": "active",
    "intent": "order",
    "subject": {"reference": "Patient/p1"},
    "authoredOn": "2023-11-13",
    "code": {"text": "Potassium"},
}


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Options of a run over four made-up tasks."""
    monkeypatch.chdir(tmp_path)
    return {"data": served_agents.made_up(tmp_path / "data"), "store": "s.db"}


def responses(run: preceptor.Run) -> list[Response]:
    found = [graded.response for graded in run.result().graded]
    assert all(each is not None for each in found)
    return [each for each in found if each is not None]


def results(response: Response) -> list[ToolResult]:
    parts = [part for turn in response.turns for part in turn.message.parts]
    return [part for part in parts if isinstance(part, ToolResult)]


# Whole runs


@pytest.mark.parametrize("way", ["over_http", "over_mcp"])
def test_an_agent_that_works_by_itself_is_graded_by_what_it_did(
    way: str, asked: dict[str, Any]
) -> None:
    """Its requests are the transcript, and its orders are checked as those of a model are."""
    run = preceptor.run(SERVED, system=f"python:served_agents:{way}", **asked)
    assert run.result().metrics["overall_score"].value == 1
    last = responses(run)[-1]
    assert any("new-1" in each.text for each in results(last))
    assert not any("127.0.0.1" in each.text for each in results(last))
    made = [each["created"] for each in last.state["requests"] if "created" in each]
    assert made == ["MedicationRequest/new-1", "ServiceRequest/new-2"]
    assert last.turns[-1].message == Message("assistant", last.text)


AGENT = """
import json, os, sys, urllib.request
asked = json.load(sys.stdin)["messages"][-1]["content"]
with open("asked.txt", "a") as log:
    print(os.environ["PRECEPTOR_EPISODE"], file=log)
if "age" in asked and not os.path.exists("healthy"):
    sys.exit("no model is loaded")
assert os.environ["PRECEPTOR_EPISODE"] in os.environ["PRECEPTOR_MCP_URL"]
address = os.environ["PRECEPTOR_FHIR_URL"] + "/Patient?identifier=S1000001"
found = json.load(urllib.request.urlopen(address))["entry"][0]["resource"]
print("FINISH([73])" if "age" in asked else json.dumps([found["id"]]))
"""


def test_a_command_finds_the_record_by_its_environment(asked: dict[str, Any]) -> None:
    """One that fails is ungraded; resumed, it alone is asked again, in a record of its own."""
    Path("agent.py").write_text(AGENT)
    command = f"command:{sys.executable} agent.py"
    run = preceptor.run(SERVED, system=command, **asked)
    number, age, *_ = responses(run)
    assert (number.failure, age.failure) == (None, "system_failed")
    assert not run.result().scores[1].values
    [call, _, last] = number.turns
    assert call.message.content == (
        ToolCall("1", "http", '{"method":"GET","address":"Patient?identifier=S1000001"}'),
    )
    assert last.message.text == '["S1000001"]'
    Path("healthy").touch()
    again = preceptor.resume("latest", store="s.db")
    episodes = Path("asked.txt").read_text().split()
    assert len(episodes) == len(set(episodes)) == 5
    values = [score.values["overall_score"] for score in again.result().scores]
    assert values[:2] == [1, 1]


def test_a_model_cannot_work_by_itself(asked: dict[str, Any]) -> None:
    """It is refused before the first call, and told what to name; so is a function without room."""
    with pytest.raises(InputError, match=r"takes no address .* name an agent, such as command:"):
        preceptor.run(SERVED, system="http://127.0.0.1:9/v1#m", **asked)
    Path("deaf.py").write_text("def agent(messages):\n    return '[]'\n")
    with pytest.raises(InputError, match="give the function a parameter addresses"):
        preceptor.run(SERVED, system="python:deaf:agent", **asked)


def test_no_key_depends_on_an_address() -> None:
    """The address is another in each attempt: an answer is found again all the same."""
    system = resolve(f"command:{sys.executable} -V", Parameters())
    ask = Ask((Message("user", "q"),))
    there = msgspec.structs.replace(ask, addresses={"PRECEPTOR_FHIR_URL": "http://127.0.0.1:1"})
    assert response_key(system, ask, "run") == response_key(system, there, "run")


def test_a_record_that_fails_is_no_fault_of_the_agent(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the server raises leaves the answer ungraded, whatever the agent made of it."""

    def broken(*_: Any) -> None:
        raise KeyError("chart")

    monkeypatch.setattr(FhirServer, "get", broken)
    run = preceptor.run(SERVED, system="python:served_agents:over_http", limit=1, **asked)
    [response] = responses(run)
    assert response.failure == "environment_failed"
    assert "raised KeyError: 'chart'" in response.detail
    assert not run.result().scores[0].values


@needs("medagentbench")
def test_all_tasks_are_done_over_http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by tools: what HTTP gives, and takes, is the same record."""
    monkeypatch.chdir(tmp_path)
    run = preceptor.run(SERVED, system="python:served_agents:over_http", data=DATA)
    assert run.result().metrics["overall_score"].value == 1


# The server


@pytest.fixture
async def host() -> AsyncIterator[RecordHost]:
    made = RecordHost()
    await made.start()
    yield made
    await made.stop()


async def served(host: RecordHost) -> tuple[ServedRecord, str, str]:
    """A record, and its addresses over HTTP and MCP."""
    server = FhirServer(HealthRecords(RECORDS), base=BASE)
    record = ServedRecord(server, host, NAMES, {})
    addresses = await record.serve()
    return record, addresses["PRECEPTOR_FHIR_URL"], addresses["PRECEPTOR_MCP_URL"]


async def send(method: str, url: str, **options: Any) -> tuple[int, Any, Any]:
    """Status, headers and JSON of a reply."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, **options) as reply,
    ):
        text = await reply.text()
        body = json.loads(text) if text.startswith("{") else text
        return reply.status, reply.headers, body


async def test_requests_that_are_wrong_are_answered_and_kept(host: RecordHost) -> None:
    """With an OperationOutcome each; what is too long is not read to its end."""
    record, fhir, _ = await served(host)
    wrong = [
        await send("PUT", f"{fhir}/Patient/p1", json={}),
        await send("POST", f"{fhir}/ServiceRequest", data="{no JSON"),
        await send("POST", f"{fhir}/ServiceRequest", data=b" " * 200_000),
        await send("GET", f"{fhir}/Patient?smell=x"),
        await send("GET", f"{fhir}/Patient/none"),
    ]
    assert [status for status, _, _ in wrong] == [405, 400, 413, 400, 404]
    assert {body["resourceType"] for _, _, body in wrong} == {"OperationOutcome"}
    assert [each["status"] for each in record.state["requests"]] == [405, 400, 413, 400, 404]
    assert len(record.turns) == 10
    status, _, found = await send("GET", f"{fhir}/metadata")
    assert (status, found["fhirVersion"]) == (200, "4.0.1")


async def test_an_episode_is_its_own(host: RecordHost) -> None:
    """What one writes no other sees; when it has ended, or under another name, nothing is there."""
    record, fhir, _ = await served(host)
    _, other, _ = await served(host)
    status, headers, body = await send(
        "POST", f"{fhir}/ServiceRequest", json={"resourceType": "ServiceRequest", **ORDER}
    )
    assert (status, headers["Location"]) == (201, f"{fhir}/ServiceRequest/{body['id']}")
    counted = [(await send("GET", f"{url}/ServiceRequest"))[2]["total"] for url in (fhir, other)]
    assert counted == [1, 0]
    assert (await send("GET", f"{fhir}/Patient", headers={"Host": "evil.example"}))[0] == 400
    await record.close()
    assert (await send("GET", f"{fhir}/Patient"))[0] == 404


async def test_what_is_sent_again_is_done_once(host: RecordHost) -> None:
    """By the key of HTTP, and by the id of a call in a session of MCP."""
    record, fhir, mcp = await served(host)
    for key in ("a", "a", "b"):
        body = {"resourceType": "ServiceRequest", **ORDER}
        headers = {"Idempotency-Key": key}
        assert (await send("POST", f"{fhir}/ServiceRequest", json=body, headers=headers))[0] == 201
    assert len(record.state["requests"]) == 2
    headers = {"Accept": "application/json, text/event-stream"}
    who = {"name": "test", "version": "1"}
    opening = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": who}
    said = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": opening}
    _, told, _ = await send("POST", mcp, json=said, headers=headers)
    headers["mcp-session-id"] = told["mcp-session-id"]
    done = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    await send("POST", mcp, json=done, headers=headers)
    params = {"name": "service_request_create", "arguments": ORDER}
    for number in (1, 1, 2):
        call = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
        _, _, reply = await send("POST", mcp, json=call, headers=headers)
        assert not reply["result"]["isError"]
    assert len(record.state["requests"]) == 4


async def test_tools_over_mcp_are_as_strict_as_in_the_run(host: RecordHost) -> None:
    """Each reply is one text; what is of another type, or unknown, is refused and not done."""
    from mcp import Client

    record, _, mcp = await served(host)
    async with Client(mcp) as client:
        listed = (await client.list_tools()).tools
        assert [each.name for each in listed] == list(NAMES)
        assert not any(each.input_schema["additionalProperties"] for each in listed)

        async def call(name: str, arguments: Any) -> tuple[bool, str]:
            result = await client.call_tool(name, arguments)
            [block] = result.content
            return result.is_error, block.text

        failed, text = await call("observation_search", {"patient": "p1", "code": "none"})
        assert (failed, json.loads(text)["total"]) == (False, 0)
        wrong = [
            await call("observation_search", {"_count": "5"}),
            await call("observation_search", {"_count": True}),
            await call("observation_search", {"smell": "x"}),
            await call("service_request_create", {**ORDER, "code": "2823-3"}),
            await call("patient_search", {}),
            await call("finish", {"answers": [float("nan")]}),
        ]
        assert all(failed for failed, _ in wrong)
        assert len(record.state["requests"]) == 1
        assert record.state["finish"] is None
        assert await call("finish", {"answers": [4]}) == (False, "The task has ended.")
        assert (await call("service_request_create", ORDER))[0]
    await record.reply(Message("assistant", "[5]"))
    assert record.state["finish"] == "[4]"
    assert len(record.state["requests"]) == 1


async def test_tools_are_handed_on(host: RecordHost) -> None:
    """To an agent that starts its server itself: what it calls is in the record's log."""
    from mcp import Client

    from preceptor.environments.fhir.stdio import handed_on

    record, _, mcp = await served(host)
    async with Client(mcp) as there, Client(handed_on(there)) as one:
        assert len((await one.list_tools()).tools) == len(NAMES)
        result = await one.call_tool("observation_search", {"patient": "p1"})
        assert json.loads(result.content[0].text)["total"] == 4
        assert (await one.call_tool("observation_search", {"smell": "x"})).is_error
    assert len(record.state["requests"]) == 1
    assert len(record.turns) == 4


async def test_an_episode_is_bounded(host: RecordHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit nothing is done or kept, and the stop reason says so."""
    monkeypatch.setattr("preceptor.environments.fhir.served._MOST_REQUESTS", 2)
    record, fhir, _ = await served(host)
    statuses = [(await send("GET", f"{fhir}/Patient"))[0] for _ in range(4)]
    assert statuses == [200, 200, 429, 429]
    assert record.stop_reason == "max_tool_calls"
    assert len(record.turns) == 4


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("[1, 2]", "[1, 2]"),
        ("It is low.\n\n[3.1]\n", "[3.1]"),
        ("```json\n[3.1]\n```", "[3.1]"),
        ('So:\nFINISH(["S1"])', '["S1"]'),
        ("[\n  1\n]", "[\n  1\n]"),
        ("It is 3.1.", None),
        ('{"answers": [1]}', None),
        ("", None),
    ],
)
def test_the_last_words_are_the_answers(text: str, answers: str | None) -> None:
    """A list, alone or as the last line; other words are no answers."""
    assert last_answers(text) == answers
