"""Three wire formats against a server that is not ours: llama.cpp's speaks them all."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from preceptor.records import Message
from preceptor.systems import Ask, Parameters, resolve
from preceptor.systems.http_model import HttpModel
from preceptor.systems.local import weights
from preceptor.systems.local.model import LocalModel

SMALL = "smollm2-135m"
TURNS = (Message("user", "Say hello in five words."),)
pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("xllamacpp") is None,
        reason="needs xllamacpp: pip install 'preceptor[local]'",
    ),
    pytest.mark.skipif(
        weights.find(SMALL) is None, reason=f"needs weights: preceptor fetch local/{SMALL}"
    ),
]


async def test_a_real_server_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chat, Responses and Messages give one text and its tokens, whole and in a stream."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    settings: dict[str, Any] = {"temperature": 0.0, "max_tokens": 4, "system_prompt": "Be brief."}
    server = LocalModel(f"local/{SMALL}", Parameters(**settings))
    await server.open()
    try:
        assert server._chat is not None
        assert server._server is not None
        url = server._chat.endpoint.base_url
        for provider, base in (("OPENAI", url), ("ANTHROPIC", url.removesuffix("/v1"))):
            monkeypatch.setenv(f"{provider}_BASE_URL", base)
            monkeypatch.setenv(f"{provider}_API_KEY", server._server.key)
        said = []
        for address, own in (
            ("openai/gpt-4.1", {"api": "chat"}),
            ("openai/gpt-4.1", {"api": "responses"}),
            ("anthropic/claude-haiku-4-5", {}),
        ):
            for stream in (False, True):
                model = resolve(address, Parameters(**settings, **own, stream=stream, retries=0))
                assert isinstance(model, HttpModel)
                completion = await model.answer(Ask(TURNS))
                await model.close()
                usage = completion.usage
                said.append((completion.text, usage.input_tokens, usage.output_tokens))
    finally:
        await server.close()
    assert said[0][0]
    assert said[0][2] == 4
    assert said == said[:1] * len(said)
