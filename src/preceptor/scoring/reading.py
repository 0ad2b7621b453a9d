"""Reading what a free answer holds: JSON somewhere in it, a list of items, one of some words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from preceptor.patterns import late
from preceptor.reasoning import said_in
from preceptor.scoring.json_text import json_in, values_in
from preceptor.scoring.qualifiers import DENIED
from preceptor.scoring.turns import first_turn

__all__ = ["field_of", "json_in", "list_in", "plain", "word_in"]


def field_of(text: str, names: Sequence[str]) -> Any | None:
    """The value of the first of these keys, in the last JSON of an answer that has one.

    Case does not count. Where there is none, or it is broken, what stands between the key and the
    next comma, brace or line end is the value, as text.
    """
    text = said_in(text)
    for value in reversed(list(values_in(text))):
        found = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(found, dict):
            by_name = {str(key).casefold(): value for key, value in found.items()}
            for name in names:
                if name in by_name:
                    return by_name[name]
    for name in names:
        pattern = rf"""["']?\b{name}\b["']?\s*[:=]\s*["']?([^"',}}\n]{{1,200}})"""
        if broken := re.search(pattern, text, re.IGNORECASE):
            return broken[1].strip()
    return None


# Line by line: over a whole reply of newlines such expressions take minutes.
_NUMBERED = late(r"(?:\*\*|#{1,6})?\s{0,3}(\d{1,2})(?:[.):]|(?<=#\d)\b)\s*(\S.*)")
#: The next number within a line, after a space.
_INLINE = late(r"\s(?=\d{1,2}[.)]\s?[^\W\d])")
_CIRCLED = late(r"([①-⑳])\s*")
_RANKED = late(r"\s(?:>{1,3}|->|[→⇒])\s(?!\d)")
_HEADING = late(r"[^:,;>]{1,60}:\s+(?=\S)")
_IN_ORDER = late(r",?\s{1,3}in (?:that|this) order\W*\Z", re.IGNORECASE)
_BULLET = late(
    r"(?:[-*•–]\s+|(?:first|second|third|fourth|fifth|sixth|\d(?:st|nd|rd|th))\s?:\s+)(\S.*)",
    re.IGNORECASE,
)
#: No item is longer; what comes after is not looked at.
_LONGEST = 500
_PROSE = late(r"[.?!:]$")
_NAMES = ("diagnosis", "name", "disease", "condition", "answer", "symptom", "code", "icd10")


def list_in(text: str, *, separator: str | None = None) -> list[str] | None:
    """The items of a ranked list, best first; None where there is none.

    A JSON list (of texts, or of objects with a name and perhaps a code), a numbered list, bullets,
    one item a line, or "gout > lupus". Of several numbered lists the last counts. What has a code
    besides its name comes as ``name (code)``.

    Parameters
    ----------
    separator
        Regular expression that divides the items of an answer of one line; None: such an answer is
        one item.
    """
    text = first_turn(said_in(text))
    found = _json_items(json_in(text))
    if found is not None:
        return _cleaned(found)
    lines = [line.strip() for line in _lines(text) if line.strip()]
    numbered = [match.groups() for line in lines if (match := _NUMBERED.match(line))]
    starts = [place for place, (number, _) in enumerate(numbered) if int(number) == 1]
    if starts:
        return _cleaned([item for _, item in numbered[starts[-1] :]])
    bullets = [match[1] for line in lines if (match := _BULLET.match(line))]
    lines = bullets or lines
    if not bullets and any(_PROSE.search(line) or len(line) > 150 for line in lines):
        # A sentence is no item; what follows it may be.
        lines = [line for line in lines if not (_PROSE.search(line) or len(line) > 150)]
        lines = lines if len(lines) > 1 else []
    if len(lines) == 1:
        lines = _of_one_line(_IN_ORDER.sub("", lines[0]), separator)
    return _cleaned(lines) or None


def _lines(text: str) -> Iterator[str]:
    """The lines of a text; items that are numbered within a line are lines of their own."""
    text = _CIRCLED.sub(lambda found: f"\n{unicodedata.digit(found[1])}. ", text)
    for line in text.splitlines():
        parts = _INLINE.split(line)
        numbers = [found[1] for part in parts if (found := _NUMBERED.match(part.lstrip()))]
        in_turn = numbers == [str(place) for place in range(1, len(numbers) + 1)]
        yield from parts if in_turn and len(numbers) > 1 else [line]


def _of_one_line(line: str, separator: str | None) -> list[str]:
    """The items of an answer of one line: "Ranking: gout > lupus"."""
    for form in (_RANKED.pattern, separator):
        if form is not None and re.search(form, line):
            heading = _HEADING.match(line)
            return re.split(form, line[heading.end() if heading else 0 :])
    return [line]


def _cleaned(items: Sequence[str]) -> list[str]:
    return [item for item in (plain(each[:_LONGEST]) for each in items) if item]


def _json_items(found: Any) -> list[str] | None:
    if isinstance(found, dict):
        lists = [value for value in found.values() if isinstance(value, list)]
        if len(lists) == 1:
            found = lists[0]
        elif found and all(str(key).isdigit() for key in found):
            found = [found[key] for key in sorted(found, key=int)]
        elif any(str(key).casefold() in _NAMES for key in found):
            found = [found]
    if not isinstance(found, list):
        return None
    items = [_item(each) for each in found]
    return None if None in items else [item for item in items if item is not None]


def _item(each: Any) -> str | None:
    if isinstance(each, str | int):
        return str(each)
    if not isinstance(each, dict):
        return None
    by_name = {str(key).casefold(): value for key, value in each.items()}
    name = next((by_name[key] for key in _NAMES if isinstance(by_name.get(key), str)), None)
    if name is None:
        return None
    codes = [_code(key, value) for key, value in by_name.items() if value and value != name]
    given = ", ".join(code for code in codes if code)
    return f"{name} ({given})" if given else name


def _code(key: str, value: object) -> str | None:
    kind = next((each for each in ("omim", "orpha", "icd", "code") if each in key), None)
    if kind is None or not isinstance(value, str | int):
        return None
    return f"{kind.upper()}:{value}" if str(value).isdigit() else str(value)


_QUOTES = {'"': '"', "'": "'", "“": "”", "«": "»", "„": "“"}


def plain(text: str) -> str:
    """Without Markdown's emphasis, the quotes around all of it, and what ends an item."""
    bare = re.sub(r"[*_`]{1,3}", "", text).strip().rstrip(",;").strip()
    if len(bare) > 1 and _QUOTES.get(bare[0]) == bare[-1] and bare[-1] not in bare[1:-1]:
        bare = bare[1:-1].strip()
    return bare


def word_in(text: str, forms: Mapping[str, Sequence[str]]) -> str | None:
    """Which label an answer says: the only one of which a form stands in it and is not denied.

    Where the whole text has several or none, its last line decides, if that says exactly one.

    Parameters
    ----------
    forms
        Label → the words that mean it.
    """
    text = said_in(text)
    for part in (text, text.strip().rsplit("\n", 1)[-1]):
        said = [label for label, words in forms.items() if _says(part, words)]
        if len(said) == 1:
            return said[0]
    return None


def _says(text: str, words: Sequence[str]) -> bool:
    either = "|".join(re.escape(word) for word in words)
    found = re.finditer(rf"(?<![\w\-−.])(?:{either})(?!\w)", text, re.IGNORECASE)
    return any(
        DENIED.search(text[max(0, each.start() - 60) : each.start()]) is None for each in found
    )
