"""The answer in recorded or received content: a text, parts, a whole reply, a chat log.

One reader serves recorded answers, imports, and parts in replies. Turns of the user, tool calls,
pictures and reasoning are no part of the answer.

Sources: https://platform.openai.com/docs/api-reference/chat, …/responses and …/batch,
https://platform.claude.com/docs/en/api/messages and …/messages/batches,
https://ai.google.dev/api/generate-content, and the files that lm-eval 0.4 writes.
"""

from __future__ import annotations

import datetime
import decimal
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from preceptor.cells import quoted

__all__ = ["NO_ANSWER", "Content", "Tally", "read_content", "replied", "text_of_parts"]

#: Kind of the failure where a file has no answer.
NO_ANSWER = "no_answer"
_TEXT_TYPES = ("text", "output_text", "input_text")
_REASONING_TYPES = ("thinking", "redacted_thinking", "reasoning", "reasoning_text", "summary_text")
_ASSISTANT = ("assistant", "model", "ai", "gpt", "bot", "chatgpt")
_USER = ("user", "human")
_REPLIES = {"messages", "choices", "candidates"}
_ROLES = (*_ASSISTANT, "user", "human", "system", "developer", "tool", "function", "ipython")
_TOOLS = ("tool_calls", "function_call", "functionCall", "tool_use", "tool_call", "toolUse")
_OTHER_TYPES = (
    *_REASONING_TYPES,
    *_TOOLS,
    *("refusal", "message", "image", "image_url", "input_image", "output_image", "input_audio"),
    *("audio", "output_audio", "video", "file", "input_file", "document", "tool_result"),
    *("function_call_output", "server_tool_use", "web_search_call", "web_search_tool_result"),
    *("custom_tool_call", "code_interpreter_call", "mcp_call"),
)
#: Deepest level of lists and objects that is read.
_DEEPEST = 12
_QUOTED = re.compile(r"\s*[\[{]\s*[\[{\"'(]")
_json = msgspec.json.Encoder(enc_hook=str, decimal_format="number")
#: A probability's distance from 1 that rounding explains.
_ROUNDING = 0.02


class Content(msgspec.Struct, frozen=True):
    """The text of an answer, or why there is none.

    Attributes
    ----------
    text
        None where there is no answer; ``reason`` then says why.
    left_out
        Kinds of content that are not part of the answer, such as ``reasoning``, ``image``,
        ``tool call`` or ``turn of the tool behind it``.
    unknown
        Whether it was an object of no known shape; ``text`` is its JSON.
    """

    text: str | None
    reason: str = ""
    left_out: tuple[str, ...] = ()
    unknown: bool = False


def read_content(value: object) -> Content:
    """The text of an answer in any of the shapes in which programs write one.

    Of a chat log it is the last turn of the assistant. Log-likelihoods or probabilities by option
    give the letter of the best. A text that a table made of a list or an object of one of these
    shapes is read as what it was. A list or object of another shape is an answer too: its JSON.
    """
    return _read(value, 0)


def text_of_parts(parts: Sequence[Any]) -> str:
    """The text of a message's parts, in a reply that can have no other shape."""
    there = [part for part in map(_lean, parts) if isinstance(part, Mapping)]
    return _joined(there, 0).text or ""


def replied(row: Mapping[str, Any]) -> Content | None:
    """The answer in a row that is a reply, a chat log or a line of a batch; else None."""
    return _object({name: each for name, each in row.items() if each is not None}, 0)


class Tally:
    """Notes on a file's answers: rows without one, and what was left out."""

    def __init__(self) -> None:
        self._rows = 0
        self._without: list[tuple[int, str]] = []
        self._left_out: dict[str, list[int]] = {}

    def add(self, line: int, content: Content) -> None:
        self._rows += 1
        if content.text is None:
            self._without.append((line, content.reason))
        else:
            for kind in dict.fromkeys(content.left_out):
                self._left_out.setdefault(kind, []).append(line)

    def in_words(self, rows: str = "rows", line: str = "line") -> list[str]:
        """Sentences for a run's notes; ``rows`` and ``line`` are what the file has."""
        said = []
        if self._without:
            first, reason = self._without[0]
            said.append(
                f"{len(self._without):,} of {self._rows:,} {rows} have no answer, first {line} "
                f"{first} ({reason}): they count as failed."
            )
        if self._left_out:
            kinds = ", ".join(f"{kind} in {len(at):,}" for kind, at in self._left_out.items())
            first = min(at[0] for at in self._left_out.values())
            said.append(f"Left out of the answers: {kinds} {rows}, first {line} {first}.")
        return said


def _read(value: object, depth: int) -> Content:
    if depth > _DEEPEST:
        return Content(None, "nested too deeply")
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return Content(None, "null")
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return _unquoted(value, depth) or Content(value)
    found = None
    if isinstance(value, Mapping):
        there = {str(name): each for name, each in value.items() if each is not None}
        if not there and value:
            return Content(None, "null")
        found = _object(there, depth)
    elif isinstance(value, Sequence):
        found = _list(value, depth)
    return found or Content(_plain(value), unknown=isinstance(value, Mapping))


def _plain(value: object) -> str:
    """A number, a date, or a structure that is itself the answer."""
    if isinstance(value, decimal.Decimal | datetime.date | datetime.time):
        return str(value)
    return _json.encode(value).decode()


def _unquoted(text: str, depth: int) -> Content | None:
    """A structure of a known shape in a text, as JSON or as Python prints it."""
    if not _QUOTED.match(text):
        return None
    try:
        value = quoted(text)
    except ValueError:
        return None
    if isinstance(value, Mapping):
        there = {str(name): each for name, each in value.items() if each is not None}
        # A model's own JSON is its answer, and may well have a field such as `content` or `error`.
        known = _role(there) or there.get("type") in _TEXT_TYPES or there.keys() & _REPLIES
        return _object(there, depth + 1) if known else _best(list(there.items()))
    return _list(value, depth + 1) if isinstance(value, list | tuple) else None


# Objects


def _object(value: Mapping[str, Any], depth: int) -> Content | None:
    """A reply, a message or a part by its fields; None for an object of another shape.

    Fields that are null are left out of ``value``.
    """
    for name, inside in _WRAPPED:
        if isinstance(value.get(name), inside):
            return _wrapped(value, name, depth + 1)
    if value.get("error") and not isinstance(value.get("content"), str):
        return Content(None, f"an error: {_words(value['error'])}")
    if _role(value) or value.keys() & {"content", "parts", "tool_calls", "refusal"}:
        return _message(value, depth)
    if value.get("type") in (*_TEXT_TYPES, *_OTHER_TYPES) or value.keys() == {"text"}:
        return _joined([value], depth)
    return _best(list(value.items()))


#: Fields that hold a reply's content, and the kind of each.
_WRAPPED: tuple[tuple[str, type | tuple[type, ...]], ...] = (
    ("messages", list),
    ("conversations", list),
    ("conversation", list),
    ("choices", list),
    ("candidates", list),
    ("generated_text", (str, list)),
    ("output", list),
    ("result", dict),
    ("response", dict),
    ("body", dict),
    ("message", dict),
)


def _wrapped(value: Mapping[str, Any], name: str, depth: int) -> Content | None:
    inside = value[name]
    if not inside:
        return Content(None, "a reply without an answer")
    if name == "result" and "message" not in inside:  # of Anthropic's batches
        return Content(None, f"an error: {_words(inside.get('error', inside.get('type')))}")
    if name in ("choices", "candidates"):
        first = inside[0]
        if isinstance(first, Mapping) and isinstance(first.get("text"), str):
            return Content(first["text"])  # the older API of completions
        if isinstance(first, Mapping) and not (first.get("message") or first.get("content")):
            return Content(None, f"a reply without a text ({_words(first.get('finishReason'))})")
        return _read(first, depth)
    return _read(inside, depth)


def _words(error: object) -> str:
    """What an error says, in at most a few words."""
    for _ in range(3):
        if not isinstance(error, Mapping):
            break
        inner = error.get("error")
        error = inner or error.get("message") or error.get("code") or error.get("type")
    return " ".join(str(error).split())[:100]


def _role(value: object) -> str | None:
    """Role of a message; None for anything else."""
    if not isinstance(value, Mapping):
        return None
    role = value.get("role") or (value.get("from") if "value" in value else None)
    return role.lower() if isinstance(role, str) and role.lower() in _ROLES else None


def _message(value: Mapping[str, Any], depth: int) -> Content:
    said = value.get("content", value.get("parts", value.get("value")))
    if said is None or said == []:
        content = Content(None, "empty")
    elif isinstance(said, list) and "parts" in value and "content" not in value:
        content = _joined([part for part in said if isinstance(part, Mapping)], depth + 1)
    else:
        content = _read(said, depth + 1)
    left = [*content.left_out]
    left += ["reasoning"] * any(value.get(name) for name in ("reasoning", "reasoning_content"))
    left += ["tool call"] * any(value.get(name) for name in _TOOLS)
    if (content.text or "").strip():
        return Content(content.text, left_out=tuple(left))
    if isinstance(value.get("refusal"), str):
        return Content(value["refusal"], left_out=(*left, "refusal"))
    if content.text is None or "tool call" in left:
        return Content(None, _nothing(left) if left else content.reason, tuple(left))
    return content


# Lists


def _list(value: Sequence[Any], depth: int) -> Content | None:
    """A chat log, parts, or likelihoods by option; None for a list that is itself the answer."""
    items = [item for item in map(_lean, value) if item not in (None, {})]
    if not items:
        return Content(None, "null") if value else None
    objects = [item for item in items if isinstance(item, Mapping)]
    if len(objects) == len(items):
        return _objects(objects, depth)
    if len(items) == 1 and isinstance(items[0], list | tuple):
        return _list(items[0], depth + 1) if depth < _DEEPEST else None
    if len(items) == 1 and depth and isinstance(items[0], str):
        return Content(items[0])
    pairs = [_pair(item) for item in items]
    return _best([pair for pair in pairs if pair]) if all(pairs) else None


def _objects(items: Sequence[Mapping[str, Any]], depth: int) -> Content | None:
    """A chat log, parts, or what a pipeline of transformers returns."""
    if len(items) == 1 and "generated_text" in items[0]:
        return _object(items[0], depth)
    roles = {_role(item) for item in items} - {None}
    typed = any("type" in item for item in items)
    if roles.difference(_ASSISTANT) or (roles and not typed):
        return _log(items, depth)
    return _joined(items, depth) if all(map(_is_part, items)) else None


def _lean(item: object) -> object:
    """A struct of a table without the fields that other rows have."""
    if isinstance(item, Mapping):
        return {name: each for name, each in item.items() if each is not None}
    return item


def _is_part(item: Mapping[str, Any]) -> bool:
    kind = item.get("type")
    return kind in (*_TEXT_TYPES, *_OTHER_TYPES) or (kind is None and item.keys() == {"content"})


def _log(items: Sequence[Any], depth: int) -> Content:
    """The last turn of the assistant. Before a turn of the user it is a part of the prompt."""
    place = next((n for n in range(len(items) - 1, -1, -1) if _role(items[n]) in _ASSISTANT), None)
    if place is None:
        return Content(None, "a chat log without a turn of the assistant")
    behind = {_role(item) for item in items[place + 1 :]}
    if not behind.isdisjoint(_USER):
        return Content(None, "a chat log without a turn of the assistant after the user's last")
    content = _message(items[place], depth)
    left = [*content.left_out, *(f"turn of the {role} behind it" for role in behind if role)]
    return msgspec.structs.replace(content, left_out=tuple(left))


def _joined(parts: Sequence[Mapping[str, Any]], depth: int) -> Content:
    """The joined texts of the parts; the refusal where there are none."""
    texts: list[str] = []
    refusals: list[str] = []
    left: list[str] = []
    for part in parts:
        kind = str(part.get("type") or "")
        if part.get("thought") is True or kind in _REASONING_TYPES:
            left.append("reasoning")
        elif kind == "refusal":
            refusals.append(str(part.get("refusal") or part.get("text") or ""))
        elif kind in _TEXT_TYPES or (not kind and "text" in part):
            said = part.get("text", part.get("content"))
            said = said.get("value") if isinstance(said, Mapping) else said
            texts.append(said if isinstance(said, str) else "")
        elif kind == "message" or (not kind and ("content" in part or "parts" in part)):
            inner = _message(part, depth + 1) if depth < _DEEPEST else Content(None)
            left += inner.left_out
            texts += [inner.text] if inner.text is not None else []
        else:
            tool = kind.endswith(("_call", "_use")) or "functionCall" in part
            left.append("tool call" if tool else kind.replace("_", " ") or "part without a text")
    if not "".join(texts).strip() and any(refusals):
        return Content("".join(refusals), left_out=(*left, "refusal"))
    if not texts:
        return Content(None, _nothing(left), tuple(left))
    return Content("".join(texts), left_out=tuple(left))


def _nothing(left: Sequence[str]) -> str:
    return f"only {', '.join(dict.fromkeys(left))}" if left else "empty"


# Likelihoods of options


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str | decimal.Decimal):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _pair(item: object) -> tuple[str | None, object] | None:
    """(option, number) of a pair; (None, number) of lm-eval's (log-likelihood, whether greedy)."""
    while isinstance(item, list | tuple) and len(item) == 1:
        item = item[0]
    if not isinstance(item, list | tuple) or len(item) != 2:
        return None
    first, second = item
    if isinstance(second, bool) or str(second) in ("True", "False"):
        return None, first
    return (first, second) if isinstance(first, str) and _number(first) is None else None


def _best(chances: Sequence[tuple[str | None, object]]) -> Content | None:
    """The option with the highest log-likelihood or probability; None where these are neither."""
    values = [
        _number(each[0] if isinstance(each, list | tuple) and each else each) for _, each in chances
    ]
    known = [value for value in values if value is not None and not math.isnan(value)]
    options = [option for option, _ in chances]
    if len(chances) < 2 or len(chances) > 26 or None in values or not _options(options):
        return None
    logs = all(value <= 0 for value in known) and any(value < 0 for value in known)
    shares = all(value >= 0 for value in known) and abs(math.fsum(known) - 1) <= _ROUNDING
    if known and not (logs or shares):
        return None
    top = [place for place, value in enumerate(values) if known and value == max(known)]
    if len(top) != 1 or math.isinf(max(known)):
        return Content(None, "no single likeliest option")
    option = options[top[0]]
    return Content(chr(ord("A") + top[0]) if option is None else option.strip(" ▁Ġ().:"))


def _options(names: Sequence[str | None]) -> bool:
    """Whether all are places, or letters of options, or a yes and a no."""
    if all(name is None for name in names):
        return True
    plain = [(name or "").strip(" ▁Ġ().:").casefold() for name in names]
    letters = all(len(name) == 1 and name.isalnum() for name in plain)
    return len({*plain}) == len(plain) and (letters or {*plain} <= {"yes", "no", "maybe"})
