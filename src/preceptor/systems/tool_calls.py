"""Tool calls in replies, whole or in the pieces of a stream."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from preceptor.records import Reasoning, ToolCall

__all__ = [
    "CHAT_THOUGHTS",
    "calls_of_chat",
    "is_made",
    "joined_calls",
    "thought",
    "tool_call",
    "wanted_back",
    "written_call",
]

#: Fields of a chat message's reasoning that servers want back with the results of its calls.
CHAT_THOUGHTS = ("reasoning_details", "reasoning_content", "reasoning")
#: How chat templates mark a call, where a server hands it on as text.
_MARKS = re.compile(
    r"<tool_call>|<function=\w|\[TOOL_CALLS\]|<\|tool_call\|>|<｜tool▁call▁begin｜>"
)
_FENCED = re.compile(r"```\w*\n(.*?)```", re.DOTALL)
#: An id that we made for a call that came without one.
_MADE = re.compile(r"call_\d{1,3}")


def is_made(id_: str) -> bool:
    """Whether a call came without an id, and was given this one."""
    return _MADE.fullmatch(id_) is not None


def thought(text: str, form: Mapping[str, Any]) -> Reasoning:
    """Reasoning that goes back to its provider, in the form that this wants."""
    return Reasoning(text, msgspec.json.encode(form).decode())


def wanted_back(part: Reasoning, *names: str) -> dict[str, Any]:
    """What goes back with a thought by these names; nothing of another provider's thought."""
    found = msgspec.json.decode(part.signature) if part.signature else {}
    return {name: found[name] for name in names if name in found}


def tool_call(id_: object, name: object, arguments: object, number: int) -> ToolCall | None:
    """A call from a reply's fields; None without a name. An id that is missing is made."""
    if not isinstance(name, str) or not name:
        return None
    if not isinstance(arguments, str):
        arguments = msgspec.json.encode({} if arguments is None else arguments).decode()
    return ToolCall(id_ if isinstance(id_, str) and id_ else f"call_{number}", name, arguments)


def calls_of_chat(tool_calls: object, function_call: object) -> tuple[ToolCall, ...]:
    """Those of a chat message; ``function_call`` is the older form, of one call."""
    listed: list[Any] = tool_calls if isinstance(tool_calls, list) else []
    if not listed and isinstance(function_call, Mapping):
        listed = [{"function": function_call}]
    found = []
    for number, each in enumerate(listed):
        if not isinstance(each, Mapping) or not isinstance(each.get("function"), Mapping):
            continue
        called = each["function"]
        call = tool_call(each.get("id"), called.get("name"), called.get("arguments"), number)
        found += [] if call is None else [call]
    return tuple(found)


def joined_calls(pieces: Iterable[object]) -> list[Any]:
    """Calls in the form of a whole chat message, from the ``tool_calls`` of its chunks.

    A call's arguments come in pieces with the same ``index``; servers that leave it out send each
    call in one piece.
    """
    calls: dict[object, dict[str, Any]] = {}
    for piece in pieces:
        for each in piece if isinstance(piece, list) else [{"function": piece}]:
            if not isinstance(each, Mapping):
                continue
            place = each.get("index", each.get("id") or len(calls))
            call = calls.setdefault(place, {"id": None, "function": {"name": "", "arguments": ""}})
            call["id"] = call["id"] or each.get("id")
            said: Any = each.get("function")
            for name in ("name", "arguments") if isinstance(said, Mapping) else ():
                value = said.get(name)
                if isinstance(value, str):
                    call["function"][name] += value
    return list(calls.values())


def written_call(text: str, names: Collection[str]) -> bool:
    """Whether a text has the form of a call of one of these tools, which nobody has made."""
    if not names:
        return False
    return bool(_MARKS.search(text)) or any(
        _is_call(each, names) for each in (text, *_FENCED.findall(text))
    )


def _is_call(text: str, names: Collection[str]) -> bool:
    try:
        found = msgspec.json.decode(text.strip())
    except (msgspec.DecodeError, RecursionError):
        return False
    if isinstance(found, Mapping) and isinstance(found.get("tool_calls"), list):
        found = found["tool_calls"]
    for each in found if isinstance(found, list) else (found,):
        called = each.get("function", each) if isinstance(each, Mapping) else None
        if not isinstance(called, Mapping) or called.get("name") not in names:
            continue
        if {"arguments", "parameters"} & called.keys():
            return True
    return False
