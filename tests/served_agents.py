"""Agents that work by themselves: the careful one of record_agents over HTTP, and over MCP."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp

from preceptor.environments.fhir.tools import SEARCHES, WRITES
from preceptor.records import Example, Message
from record_agents import careful

#: A word of a task → its type, the first that is found.
_KINDS = {"DOB": 1, "age": 2, "mmHg": 3, "referral": 8, "IV": 5, "potassium": 9, "A1C": 10}
_KINDS |= {"average": 6, "CBG": 7, "magnesium": 4}
_NOW = "It's 2023-11-13T10:15:00+00:00 now."
#: Made-up tasks in the schema, with the words that it has to be read by.
TASKS = [
    {
        "id": "task1_1",
        "instruction": "Which number has the patient with name Ada Quill and DOB of 1950-01-02?",
        "context": "",
        "eval_MRN": "S1000001",
        "sol": ["S1000001"],
    },
    {
        "id": "task2_1",
        "instruction": "Say the age of S1000001.",
        "context": _NOW,
        "eval_MRN": "S1000001",
    },
    {
        "id": "task3_1",
        "instruction": 'The pressure of S1000001 was taken, and it is "131/82 mmHg". Keep it.',
        "context": f"{_NOW} The flowsheet ID for it is BP.",
        "eval_MRN": "S1000001",
    },
    {
        "id": "task9_1",
        "instruction": "Is the potassium of S1000001 low? Then replace it, and measure it again.",
        "context": f"{_NOW} The NDC for potassium is 40032-917-01. The LOINC code for it is 2823-3."
        " For every 0.1 that is missing (by mouth), order 10 mEq potassium, up to a goal of 3.5.",
        "eval_MRN": "S1000001",
    },
]
_PATIENT = {
    "resourceType": "Patient",
    "id": "S1000001",
    "identifier": [{"value": "S1000001"}],
    "name": [{"family": "Quill", "given": ["Ada"]}],
    "birthDate": "1950-01-02",
}


def made_up(folder: Path) -> Path:
    """A folder with the tasks, their patient, and the answer to the last."""
    folder.mkdir()
    context = str(TASKS[3]["context"]).replace("For every", "for every")
    tasks = [*TASKS[:3], {**TASKS[3], "context": context}]
    answer = {"id": "task9_1", "branch": "low_order_required", "live_latest_K": 3.1}
    (folder / "test_data_v2.json").write_text(json.dumps(tasks))
    (folder / "reference_answers_300.json").write_text(json.dumps([answer]))
    (folder / "patients.ndjson").write_text(json.dumps(_PATIENT) + "\n")
    return folder


async def _play(messages: list[Any], ask: Callable[[str, Any], Awaitable[str]]) -> list[Any]:
    """Do the task; what it ends with."""
    words = messages[-1]["content"]
    kind = next(kind for word, kind in _KINDS.items() if re.search(rf"\b{word}\b", words))
    agent = careful(Example(f"task{kind}_1", (Message("user", words),), ()))
    step = next(agent)
    while step[0] != "finish":
        step = agent.send(json.loads(await ask(*step)))
    answers: list[Any] = step[1]["answers"]
    return answers


async def over_http(messages: list[Any], addresses: dict[str, str]) -> str:
    """Ends with the answers as its last line."""
    base = addresses["PRECEPTOR_FHIR_URL"]
    async with aiohttp.ClientSession() as session:

        async def ask(name: str, arguments: Any) -> str:
            if name in WRITES:
                body = {"resourceType": WRITES[name], **arguments}
                request = session.post(f"{base}/{WRITES[name]}", json=body)
            else:
                request = session.get(f"{base}/{SEARCHES[name]}?{urlencode(arguments)}")
            async with request as reply:
                return await reply.text()

        answers = await _play(messages, ask)
    return f"I looked it up.\n\n{json.dumps(answers)}"


async def over_mcp(messages: list[Any], addresses: dict[str, str]) -> str:
    """Ends with the tool."""
    from mcp import Client

    async with Client(addresses["PRECEPTOR_MCP_URL"]) as client:

        async def ask(name: str, arguments: Any) -> str:
            result = await client.call_tool(name, arguments)
            [block] = result.content
            return str(block.text)

        answers = await _play(messages, ask)
        await client.call_tool("finish", {"answers": answers})
    return "Done."
