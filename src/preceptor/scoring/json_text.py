"""JSON somewhere in a text: every object and array, found in time in proportion to the text."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from typing import Any

from preceptor.patterns import late
from preceptor.reasoning import said_in

__all__ = ["json_in", "pairs_in", "values_in"]

_OPENING = late(r"[\[{]")
#: A value without parts, or one sign of JSON, as Python's ``json`` reads them.
_TOKEN = late(
    r"[ \t\n\r]*+(?:"
    r'(?P<text>"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+")'
    r"|(?P<plain>-?(?:0|[1-9]\d*+)(?:\.\d++)?+(?:[eE][-+]?\d++)?+|true|false|null|NaN|-?Infinity)"
    r"|(?P<sign>[\[\]{},:]))"
)
#: What may come next, after what came before, in an array and in an object.
_FIRST, _VALUE, _AFTER, _KEY, _COLON = range(5)


class _Open:
    """An array or object that is not closed yet."""

    __slots__ = ("expects", "is_object", "start")

    def __init__(self, start: int, is_object: bool) -> None:
        self.start, self.is_object, self.expects = start, is_object, _FIRST

    def takes_value(self, is_text: bool) -> bool:
        """Go on after a value; False where none may stand."""
        if self.is_object and self.expects in (_FIRST, _KEY):
            self.expects = _COLON
            return is_text
        if self.expects not in (_FIRST, _VALUE):
            return False
        self.expects = _AFTER
        return True

    def takes_sign(self, sign: str) -> bool:
        """Go on after a comma or colon; False where it may not stand."""
        wanted = _COLON if sign == ":" else _AFTER
        if self.expects != wanted:
            return False
        self.expects = _KEY if sign == "," and self.is_object else _VALUE
        return True

    def closes(self, sign: str) -> bool:
        return sign == "]}"[self.is_object] and self.expects in (_FIRST, _AFTER)


class _Scanner:
    """Where the arrays and objects of a text end.

    Text is read again only where it was taken for a string; the ends of inner arrays and objects
    are kept.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._ends: dict[int, int | None] = {}

    def end(self, start: int) -> int | None:
        """Where the array or object that opens at ``start`` ends; None where it is none."""
        if start not in self._ends:
            self._scan(start)
        return self._ends[start]

    def _scan(self, start: int) -> None:
        open_ = [_Open(start, self.text[start] == "{")]
        place = start + 1
        while open_:
            token = _TOKEN.match(self.text, place)
            after = None if token is None else self._step(open_, token)
            if after is None:
                break
            place = after
        self._ends.update((each.start, None) for each in open_)

    def _step(self, open_: list[_Open], token: re.Match[str]) -> int | None:
        """Take one token; where the next begins, or None where this one cannot stand here."""
        top, sign, after = open_[-1], token["sign"], token.end()
        if sign is None:
            fits = top.takes_value(token["text"] is not None)
        elif sign in ",:":
            fits = top.takes_sign(sign)
        elif sign in "]}":
            fits = top.closes(sign)
            if fits:
                self._ends[open_.pop().start] = after
        else:
            fits = top.takes_value(is_text=False)
            if fits and after - 1 in self._ends:
                return self._ends[after - 1]
            if fits:
                open_.append(_Open(after - 1, sign == "{"))
        return after if fits else None


def values_in(text: str) -> Iterator[Any]:
    """The JSON objects and arrays in a text, in order; those within another one are parts of it.

    Nesting deeper than Python reads is skipped.
    """
    text = said_in(text)
    scanner, place = _Scanner(text), 0
    while opening := _OPENING.search(text, place):
        end = scanner.end(opening.start())
        place = opening.start() + 1 if end is None else end
        if end is not None:
            try:
                yield json.loads(text[opening.start() : end])
            except (ValueError, RecursionError):
                continue


def json_in(text: str) -> Any | None:
    """The last JSON object or array in a text, with or without a Markdown fence; None without one.

    The last, since reasoning comes before the answer.
    """
    found = deque(values_in(text), maxlen=1)
    return found[0] if found else None


def pairs_in(text: str) -> list[tuple[str, Any]]:
    """The keys and values of all JSON objects in a text: the deepest first, else in order.

    So the last value of a key is that of the outermost objects that have it.
    """
    found: list[tuple[int, str, Any]] = []
    waiting = [(0, value) for value in values_in(text)][::-1]
    while waiting:
        depth, value = waiting.pop()
        parts = value if isinstance(value, list) else []
        if isinstance(value, dict):
            found += [(depth, key, each) for key, each in value.items()]
            parts = list(value.values())
        waiting += [(depth + isinstance(value, dict), each) for each in reversed(parts)]
    return [(key, value) for _, key, value in sorted(found, key=lambda each: -each[0])]
