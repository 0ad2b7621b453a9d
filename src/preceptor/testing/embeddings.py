"""``POST /v1/embeddings`` of the fake endpoint, as OpenAI has it."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from preceptor.testing.replies import Reply, tokens
from preceptor.testing.wires import Wire

__all__ = ["OpenAIEmbeddings"]

_DIMENSIONS = 64
#: Texts of one request at the most.
_MOST = 2048


def _embedding(text: str, dimensions: int = _DIMENSIONS) -> list[float]:
    """A vector of length 1 by the words of a text: texts with common words are near."""
    counts = [0.0] * dimensions
    for word in re.findall(r"\w+", text.casefold()) or [text]:
        counts[int.from_bytes(hashlib.sha256(word.encode()).digest()[:4]) % dimensions] += 1.0
    length = math.sqrt(sum(value * value for value in counts))
    return [value / length for value in counts]


class OpenAIEmbeddings(Wire):
    """Vectors of a text or of a list of texts; an empty text is refused, as is a list too long."""

    def problem(self, request: web.Request, payload: dict[str, Any]) -> str | None:
        if not isinstance(payload.get("model"), str):
            return "you must provide a model parameter"
        texts = _texts(payload)
        if not texts or len(texts) > _MOST:
            return f"'input' must be a text, or a list of 1 to {_MOST} texts"
        if not all(isinstance(text, str) and text for text in texts):
            return "'$.input' is invalid. Please check the API reference."
        if payload.get("encoding_format", "float") != "float":
            return "this fake knows encoding_format 'float' alone"
        return None

    def streams(self, request: web.Request, payload: dict[str, Any]) -> bool:
        return False

    def asked(self, request: web.Request, payload: dict[str, Any]) -> dict[str, Any]:
        texts = _texts(payload)
        return {**payload, "messages": [{"role": "user", "content": "\n".join(texts)}]}

    def body(self, asked: dict[str, Any], reply: Reply) -> dict[str, Any]:
        texts, dimensions = _texts(asked), asked.get("dimensions", _DIMENSIONS)
        used, *_ = tokens(asked, reply)
        data = [
            {"object": "embedding", "index": index, "embedding": _embedding(text, dimensions)}
            for index, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": used, "total_tokens": used}
        return {"object": "list", "data": data, "model": asked["model"], "usage": usage}

    def events(self, asked: dict[str, Any], body: dict[str, Any]) -> Iterator[bytes]:
        raise NotImplementedError


def _texts(payload: dict[str, Any]) -> list[str]:
    given = payload.get("input")
    return [given] if isinstance(given, str) else given if isinstance(given, list) else []
