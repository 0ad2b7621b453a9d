"""Google's Gemini API, as the fake endpoint serves it.

Sources: https://ai.google.dev/api/generate-content, https://ai.google.dev/gemini-api/docs/troubleshooting.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import web

from preceptor.testing.replies import Reply, as_object, called, prompt_key, tokens
from preceptor.testing.tool_use import gemini_problem
from preceptor.testing.wires import Errors, Wire, event, pieces

__all__ = ["GeminiGenerate"]

_KNOWN = {
    "contents", "systemInstruction", "generationConfig", "safetySettings", "tools", "toolConfig",
    "cachedContent",
}  # fmt: skip
_KNOWN_CONFIG = {
    "temperature", "maxOutputTokens", "seed", "thinkingConfig", "topP", "topK", "stopSequences",
    "candidateCount", "responseMimeType", "responseSchema", "responseLogprobs", "logprobs",
    "presencePenalty", "frequencyPenalty",
}  # fmt: skip
_ENDS = {
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "malformed_call": "MALFORMED_FUNCTION_CALL",
}


_ERRORS: Errors = {
    "rate_limit": (429, "RESOURCE_EXHAUSTED", None, "Resource has been exhausted"),
    "quota": (429, "RESOURCE_EXHAUSTED", None, "You exceeded your current quota"),
    "server_error": (500, "INTERNAL", None, "An internal error has occurred"),
    "overloaded": (503, "UNAVAILABLE", None, "The model is overloaded"),
    "no_images": (400, "INVALID_ARGUMENT", None, "Image input modality is not enabled"),
    "bad_request": (400, "INVALID_ARGUMENT", None, "Request contains an invalid argument"),
    "unauthorized": (400, "INVALID_ARGUMENT", "API_KEY_INVALID", "API key not valid."),
    "forbidden": (403, "PERMISSION_DENIED", None, "Your key lacks the permission"),
    "not_found": (404, "NOT_FOUND", None, "The model is not found for API version v1beta"),
}


class GeminiGenerate(Wire):
    """``POST /v1beta/models/MODEL:generateContent`` and ``…:streamGenerateContent?alt=sse``."""

    errors = _ERRORS

    def key(self, request: web.Request) -> str | None:
        return request.headers.get("x-goog-api-key")

    def streams(self, request: web.Request, payload: dict[str, Any]) -> bool:
        return request.match_info["method"] == "streamGenerateContent"

    def problem(self, request: web.Request, payload: dict[str, Any]) -> str | None:
        config = payload.get("generationConfig") or {}
        for field in [*(payload.keys() - _KNOWN), *(config.keys() - _KNOWN_CONFIG)]:
            return f'Invalid JSON payload received. Unknown name "{field}": Cannot find field.'
        if not payload.get("contents"):
            return "* GenerateContentRequest.contents: contents is not specified"
        for turn in payload["contents"]:
            if turn["role"] not in ("user", "model"):
                return "Please use a valid role: user, model."
        if problem := gemini_problem(request.match_info["model"], payload["contents"]):
            return problem
        if self.streams(request, payload) and request.query.get("alt") != "sse":
            return "this server only streams as events: alt=sse"
        return None

    def asked(self, request: web.Request, payload: dict[str, Any]) -> dict[str, Any]:
        config = payload.get("generationConfig") or {}
        system = payload.get("systemInstruction")
        first = [] if system is None else [{"role": "system", "content": _text(system)}]
        roles = {"user": "user", "model": "assistant"}
        turns = [
            {"role": roles[turn["role"]], "content": _text(turn)} for turn in payload["contents"]
        ]
        optional = {
            "seed": config.get("seed"),
            "max_tokens": config.get("maxOutputTokens"),
            "reasoning_effort": (config.get("thinkingConfig") or {}).get("thinkingLevel"),
            "thoughts": (config.get("thinkingConfig") or {}).get("includeThoughts"),
        }
        asked = {"model": request.match_info["model"], "messages": [*first, *turns]}
        return asked | {name: value for name, value in optional.items() if value is not None}

    def body(self, asked: dict[str, Any], reply: Reply) -> dict[str, Any]:
        given, made, cached, thought = tokens(asked, reply)
        parts: list[dict[str, Any]] = []
        if asked.get("thoughts"):
            parts.append({"text": reply.reasoning or "", "thought": True})
        if reply.text is not None:
            parts.append({"text": reply.text})
        later = asked["model"].startswith("gemini-3")
        for number, (id_, name, arguments) in enumerate(called(asked, reply)):
            call = {"name": name, "args": as_object(arguments), **({"id": id_} if later else {})}
            signed = {"thoughtSignature": "c2ln"} if later and number == 0 else {}
            parts.append({"functionCall": call, **signed})
        content = {"role": "model", **({"parts": parts} if parts else {})}
        refused = reply.refusal is not None
        end = "PROHIBITED_CONTENT" if refused else _ENDS.get(reply.finish_reason, "STOP")
        usage = {
            "promptTokenCount": given,
            "candidatesTokenCount": made - thought,
            "totalTokenCount": given + made,
            **({"cachedContentTokenCount": cached} if cached else {}),
            **({"thoughtsTokenCount": thought} if thought else {}),
        }
        return {
            "candidates": [{"content": content, "finishReason": end, "index": 0}],
            "usageMetadata": usage,
            "modelVersion": asked["model"],
            "responseId": prompt_key(asked),
        }

    def events(self, asked: dict[str, Any], body: dict[str, Any]) -> Iterator[bytes]:
        candidate, usage = body["candidates"][0], body["usageMetadata"]
        early = {"promptTokenCount": usage["promptTokenCount"], "totalTokenCount": 1}
        for part in candidate["content"].get("parts", ()):
            texts = [{**part, "text": piece} for piece in pieces(part.get("text"))]
            for piece in texts if "text" in part else [part]:
                content = {"role": "model", "parts": [piece]}
                some = {"candidates": [{"content": content, "index": 0}], "usageMetadata": early}
                yield event({**body, **some})
        last = {"role": "model", "parts": [{"text": ""}]}
        yield event({**body, "candidates": [{**candidate, "content": last}]})

    def error_body(self, name: str, words: str | None = None) -> dict[str, Any]:
        code, status, reason, usual = self.errors[name]
        error: dict[str, Any] = {"code": code, "message": words or usual, "status": status}
        if reason is not None:
            kind = "type.googleapis.com/google.rpc.ErrorInfo"
            error["details"] = [{"@type": kind, "reason": reason, "domain": "googleapis.com"}]
        return {"error": error}

    def filtered(self, streaming: bool) -> web.Response:
        """The reply to a filtered prompt: no error, but no candidates."""
        usage = {"promptTokenCount": 7, "totalTokenCount": 7}
        body = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": usage}
        if streaming:
            return web.Response(body=event(body), content_type="text/event-stream")
        return web.json_response(body)


def _text(content: Mapping[str, Any]) -> str:
    return "".join(
        part["text"] if "text" in part else json.dumps(part) for part in content["parts"]
    )
