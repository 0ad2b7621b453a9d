"""Replies of the fake endpoint: functions of the prompt, in OpenAI's two formats."""

from __future__ import annotations

import hashlib
import math
import re
from typing import Any

import msgspec

__all__ = [
    "Reply",
    "as_object",
    "called",
    "chat_body",
    "is_judgement",
    "prompt_key",
    "reply_to",
    "responses_body",
    "tokens",
]

_TEXT = """\
please see your doctor soon if the fever stays above 39 or you feel worse; until then rest, drink \
enough and take paracetamol as the leaflet says. I cannot examine you from here, but these signs \
need urgent care today: trouble breathing, confusion, chest pain or a stiff neck."""
_WORDS = _TEXT.split()
_MEAN_VERDICT = 0.6
#: How a prompt asks for several numbered verdicts.
_SEVERAL = re.compile(r"every number from 1 to (\d{1,2})\b")
#: Factor on the length of an answer or its reasoning.
_VERBOSITY = {"low": 0.5, "medium": 1.0, "high": 2.0}
_EFFORT = {"minimal": 0.5, "low": 1.0, "medium": 2.0, "high": 4.0}


class Reply(msgspec.Struct, frozen=True):
    """A text and how it ended, before it is put into an API's format."""

    text: str | None
    finish_reason: str = "stop"
    refusal: str | None = None
    top_logprobs: dict[str, float] | None = None
    reasoning: str | None = None
    #: Name and arguments of each tool that is called.
    calls: tuple[tuple[str, str], ...] = ()


def prompt_key(payload: dict[str, Any]) -> str:
    """The identity of a question: model, conversation and seed."""
    messages = payload.get("messages", payload.get("input"))
    parts = [payload.get("model"), msgspec.to_builtins(messages), payload.get("seed")]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:32]


def is_judgement(payload: dict[str, Any]) -> bool:
    """Whether the request asks for verdicts: in JSON, or by the probability of a yes."""
    return bool(payload.get("logprobs")) or "criteria_met" in _last_text(payload)


def reply_to(payload: dict[str, Any]) -> Reply:
    """The reply without a fault: always the same to the same prompt."""
    digest = hashlib.sha256(prompt_key(payload).encode()).digest()
    chance = int.from_bytes(digest[:4], "big") / 2**32
    if payload.get("logprobs"):
        return _yes_or_no(chance)
    if is_judgement(payload):
        if count := _asked_at_once(payload):
            return Reply(_batch(digest, count, _last_text(payload)))
        return Reply(_verdict(met=chance < _MEAN_VERDICT, fenced=digest[4] % 2 == 0))
    start, length = digest[4] % len(_WORDS), 5 + int.from_bytes(digest[5:7], "big") % 150
    words = _words(start, length * _VERBOSITY.get(_verbosity(payload), 1.0))
    words.append(f"(case {digest[:3].hex()})")
    effort = _effort(payload)
    thought = None
    if effort is not None:
        thought = " ".join(_words(start + 1, 2 * length * _EFFORT.get(effort, 1.0)))
    limit = _limit(payload)
    if limit is not None and len(words) > limit:
        return Reply(" ".join(words[:limit]), "length", reasoning=thought)
    return Reply(" ".join(words), reasoning=thought)


def _words(start: int, count: float) -> list[str]:
    return [_WORDS[(start + i) % len(_WORDS)] for i in range(round(count))]


def _verbosity(payload: dict[str, Any]) -> str:
    return payload.get("verbosity") or (payload.get("text") or {}).get("verbosity") or "medium"


def _effort(payload: dict[str, Any]) -> str | None:
    effort = payload.get("reasoning_effort") or (payload.get("reasoning") or {}).get("effort")
    return None if effort == "none" else effort


def _verdict(*, met: bool, fenced: bool) -> str:
    said = {"explanation": "Judged by the fake endpoint.", "criteria_met": met}
    text = msgspec.json.encode(said).decode()
    return f"```json\n{text}\n```" if fenced else text


def _asked_at_once(payload: dict[str, Any]) -> int | None:
    """Number of verdicts that one reply should have; None for a single verdict."""
    found = _SEVERAL.search(_last_text(payload))
    return int(found[1]) if found else None


def _batch(digest: bytes, count: int, prompt: str) -> str:
    """Verdicts in the form that the prompt shows: with a reason each, or some as bare booleans."""
    asked = prompt.rpartition("around it:")[2]
    chances = (hashlib.sha256(digest + bytes([number])).digest() for number in range(count))
    items: dict[str, object] = {}
    for number, chance in enumerate(chances, 1):
        met = chance[0] < 154
        if "unsure" in asked and chance[1] < 64:
            items[str(number)] = "unsure"
        elif '"1": <true' in asked or (met and '"1": true' in asked):
            items[str(number)] = met
        else:
            items[str(number)] = {"explanation": f"Item {number}.", "criteria_met": met}
    return msgspec.json.encode(items).decode()


def _yes_or_no(chance: float) -> Reply:
    mass = {"Yes": 0.9 * chance, " yes": 0.05 * chance, "No": 0.95 * (1 - chance), "The": 0.05}
    logprobs = {token: math.log(max(share, 1e-9)) for token, share in mass.items()}
    return Reply(max(mass, key=lambda token: mass[token]), top_logprobs=logprobs)


def _limit(payload: dict[str, Any]) -> int | None:
    names = ("max_completion_tokens", "max_tokens", "max_output_tokens")
    return next((payload[name] for name in names if payload.get(name) is not None), None)


def _last_text(payload: dict[str, Any]) -> str:
    messages = payload.get("messages", payload.get("input"))
    if isinstance(messages, str):
        return messages
    content = messages[-1].get("content") if messages else ""
    return content if isinstance(content, str) else msgspec.json.encode(content).decode()


def tokens(payload: dict[str, Any], reply: Reply) -> tuple[int, int, int, int]:
    """Token counts (input, output, cached, reasoning), plausible as a provider's."""
    given = len(msgspec.json.encode(payload.get("messages", payload.get("input")))) // 4 + 1
    if payload.get("tools"):
        given += len(msgspec.json.encode(payload["tools"])) // 4
    thought = 64 if _effort(payload) is not None else 0
    made = len((reply.text or reply.refusal or "").split()) + 1 + thought
    cached = given // 128 * 64 if given >= 256 else 0
    return given, made, cached, thought


def as_object(arguments: str) -> dict[str, Any]:
    """The arguments of a call, for providers whose models cannot write anything else."""
    try:
        return msgspec.json.decode(arguments, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}


def called(payload: dict[str, Any], reply: Reply) -> list[tuple[str, str, str]]:
    """(id, name, arguments) of each call; no two of a conversation have one id."""
    prefix = f"call_{prompt_key(payload)[:12]}"
    return [(f"{prefix}{n}", name, words) for n, (name, words) in enumerate(reply.calls)]


def chat_body(
    payload: dict[str, Any], reply: Reply, reasoning_field: str | None = None
) -> dict[str, Any]:
    """A body of ``POST /chat/completions``, with the reasoning under ``reasoning_field``."""
    given, made, cached, thought = tokens(payload, reply)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": reply.text,
        "refusal": reply.refusal,
    }
    if reasoning_field is not None:
        message[reasoning_field] = reply.reasoning
    if reply.calls:
        message["tool_calls"] = [
            {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}
            for id_, name, arguments in called(payload, reply)
        ]
    ends = {"malformed_call": "stop"}
    choice: dict[str, Any] = {
        "index": 0,
        "message": message,
        "finish_reason": ends.get(reply.finish_reason, reply.finish_reason),
        "logprobs": None,
    }
    if reply.top_logprobs is not None and payload.get("logprobs"):
        ranked = sorted(reply.top_logprobs.items(), key=lambda item: -item[1])
        top = [
            {"token": token, "logprob": logprob, "bytes": list(token.encode())}
            for token, logprob in ranked[: payload.get("top_logprobs") or 0]
        ]
        first = {"token": ranked[0][0], "logprob": ranked[0][1], "bytes": None}
        choice["logprobs"] = {"content": [{**first, "top_logprobs": top}], "refusal": None}
    return {
        "id": f"chatcmpl-{prompt_key(payload)}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": payload.get("model"),
        "choices": [choice],
        "usage": {
            "prompt_tokens": given,
            "completion_tokens": made,
            "total_tokens": given + made,
            "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": thought},
        },
        "system_fingerprint": None,
    }


def responses_body(
    payload: dict[str, Any], reply: Reply, reasoning_field: str | None = None
) -> dict[str, Any]:
    """A body of ``POST /responses``.

    With a ``reasoning_field`` the reasoning is shown, as vLLM does; a summary of it where the
    request asks for one, as OpenAI does.
    """
    given, made, cached, thought = tokens(payload, reply)
    if reply.refusal is not None:
        part: dict[str, Any] = {"type": "refusal", "refusal": reply.refusal}
    else:
        part = {"type": "output_text", "text": reply.text or "", "annotations": []}
    whole = reply.finish_reason in ("stop", "refusal", "tool_calls", "malformed_call")
    reasons = {"length": "max_output_tokens"}
    why = None if whole else {"reason": reasons.get(reply.finish_reason, reply.finish_reason)}
    message = {"type": "message", "role": "assistant", "id": "msg_0", "content": [part]}
    before = [_reasoning_item(payload, reply, reasoning_field)] if thought else []
    for id_, name, arguments in called(payload, reply):
        call = {"call_id": id_, "name": name, "arguments": arguments, "status": "completed"}
        before.append({"type": "function_call", "id": f"fc_{id_}", **call})
    return {
        "id": f"resp_{prompt_key(payload)}",
        "object": "response",
        "status": "completed" if whole else "incomplete",
        "incomplete_details": why,
        "error": None,
        "model": payload.get("model"),
        "output": [*before, *([] if reply.text is None and not reply.refusal else [message])],
        "usage": {
            "input_tokens": given,
            "output_tokens": made,
            "total_tokens": given + made,
            "input_tokens_details": {"cached_tokens": cached},
            "output_tokens_details": {"reasoning_tokens": thought},
        },
    }


def _reasoning_item(
    payload: dict[str, Any], reply: Reply, reasoning_field: str | None
) -> dict[str, Any]:
    text = reply.reasoning or ""
    item: dict[str, Any] = {"type": "reasoning", "id": "rs_0", "summary": []}
    if "reasoning.encrypted_content" in (payload.get("include") or ()):
        item["encrypted_content"] = "c2VjcmV0"
    if reasoning_field is not None:
        item["content"] = [{"type": "reasoning_text", "text": text}]
    if (payload.get("reasoning") or {}).get("summary") is not None:
        item["summary"] = [{"type": "summary_text", "text": text[: len(text) // 4]}]
    return item
