"""A provider of Inspect that speaks chat completions over HTTP, for tests with the fake endpoint.

Inspect's own OpenAI provider needs the package of OpenAI, which is not always here.
"""

from __future__ import annotations

import gc
import json
import os
import warnings
from pathlib import Path
from typing import Any

import httpx
import inspect_ai
from inspect_ai.log import EvalLog
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessageAssistant,
    GenerateConfig,
    Logprob,
    Logprobs,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    TopLogprob,
    modelapi,
)
from inspect_ai.model._call_tools import parse_tool_call
from inspect_ai.model._model_output import as_stop_reason

URL = "INSPECT_WIRE_URL"


@modelapi(name="wire")
class Wire(ModelAPI):
    """``inspect/wire/MODEL``: the model at the address in INSPECT_WIRE_URL."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig | None = None,
        **_: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config or GenerateConfig())

    async def generate(
        self, input: Any, tools: Any, tool_choice: Any, config: GenerateConfig
    ) -> ModelOutput:
        body: dict[str, Any] = {
            "model": self.model_name,
            "messages": [_message(one) for one in input],
            **({"tools": [_tool(tool) for tool in tools]} if tools else {}),
            **(config.extra_body or {}),
        }
        names = (
            "temperature",
            "max_tokens",
            "seed",
            "reasoning_effort",
            "logprobs",
            "top_logprobs",
        )
        for name in names:
            if getattr(config, name) is not None:
                body[name] = getattr(config, name)
        headers = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        async with httpx.AsyncClient() as client:
            # Asked anew each time: Inspect keeps its models, and each test has an endpoint.
            url = f"{os.environ[URL]}/chat/completions"
            reply = (await client.post(url, json=body, headers=headers)).raise_for_status().json()
        choice, usage = reply["choices"][0], reply["usage"]
        return ModelOutput(
            model=self.model_name,
            choices=[
                ChatCompletionChoice(
                    message=ChatMessageAssistant(
                        content=choice["message"]["content"] or "",
                        tool_calls=[
                            parse_tool_call(each["id"], *each["function"].values())
                            for each in choice["message"].get("tool_calls", ())
                        ]
                        or None,
                    ),
                    stop_reason=as_stop_reason(choice["finish_reason"]),
                    logprobs=_logprobs(choice.get("logprobs")),
                )
            ],
            usage=ModelUsage(
                input_tokens=usage["prompt_tokens"] - 1,
                input_tokens_cache_read=1,
                output_tokens=usage["completion_tokens"],
                total_tokens=usage["prompt_tokens"] + usage["completion_tokens"],
            ),
        )

    def tool_result_images(self) -> bool:
        return False  # Inspect puts them into a message of the user

    def should_retry(self, ex: Exception) -> bool:
        return isinstance(ex, httpx.HTTPStatusError) and ex.response.status_code == 429


def _tool(tool: Any) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description}
    parameters = tool.parameters.model_dump(exclude_none=True)
    return {"type": "function", "function": {**function, "parameters": parameters}}


def _message(one: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"role": one.role, "content": one.text}
    if one.role == "user" and not isinstance(one.content, str):
        said["content"] = [_part(part) for part in one.content]
    if one.role == "tool":
        said["tool_call_id"] = one.tool_call_id
    if getattr(one, "tool_calls", None):
        said["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function, "arguments": json.dumps(call.arguments)},
            }
            for call in one.tool_calls
        ]
    return said


def _part(part: Any) -> dict[str, Any]:
    if part.type == "image":
        return {"type": "image_url", "image_url": {"url": part.image}}
    if part.type == "document":
        return {"type": "file", "file": {"filename": part.filename, "file_data": part.document}}
    return {"type": "text", "text": part.text}


def evaluate(task: Any, folder: Path, **options: Any) -> EvalLog:
    """What `inspect eval` does. Streams that Inspect leaves open are cleared away at once."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Unclosed <MemoryObject", ResourceWarning)
        try:
            options = {"model": "wire/model-a", "display": "none", **options}
            [log] = inspect_ai.eval(task, log_dir=str(folder / "logs"), **options)
        finally:
            gc.collect()
    return log


def _logprobs(found: Any) -> Logprobs | None:
    if not found:
        return None
    return Logprobs(
        content=[
            Logprob(
                token=one["token"],
                logprob=one["logprob"],
                top_logprobs=[
                    TopLogprob(token=top["token"], logprob=top["logprob"])
                    for top in one["top_logprobs"]
                ],
            )
            for one in found["content"]
        ]
    )
