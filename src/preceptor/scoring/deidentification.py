"""What identifies a person in a text: how answers name it, and how much of it stays."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

import msgspec

from preceptor.patterns import late
from preceptor.reasoning import said_in
from preceptor.scoring.reading import json_in

__all__ = ["Counts", "Mention", "compared", "read_mentions"]

#: More mentions than this are not read from one answer.
_MOST = 10_000
_TOKEN = late(r"\w+|[^\w\s]")
#: Keys of a mention's type, start and end.
_TYPES = ("label", "type", "entity_type", "entity")
_STARTS, _ENDS = ("start", "start_position"), ("end", "end_position")
_NOTHING = re.compile(r"\W*(none|no (entities|identifiers|phi))\W*")


class Mention(msgspec.Struct, frozen=True, array_like=True):
    """Characters from ``start`` up to ``end``, not in it; ``surrogate`` stands in their place."""

    start: int
    end: int
    type: str
    surrogate: str | None = None


def read_mentions(answer: str, text: str, types: Sequence[str]) -> list[Mention] | None:
    """What an answer says is to be removed, in order; None where it cannot be read.

    Read are a JSON list of ``{"text": …, "label": …}`` or of ``{"start": …, "end": …, "label": …}``
    in characters, each with or without a ``surrogate``; a JSON object of type → texts; and the text
    itself with ``<TYPE>…</TYPE>`` around mentions. A text that stands in several places is the next
    after the mention before it, and where it does not stand counts for nothing. A type of another
    name stays: what is removed under a wrong name is removed.
    """
    answer = said_in(answer)
    found = _marked(answer, text, types)
    if found is None:
        items = _items(json_in(answer))
        found = None if items is None else list(_placed(items, text, types))
    if found is None and (_same(answer, text) or _NOTHING.fullmatch(answer.casefold())):
        found = []
    return None if found is None else sorted(set(found), key=_order)


def _order(mention: Mention) -> tuple[int, int, str]:
    return mention.start, mention.end, mention.type


def _same(answer: str, text: str) -> bool:
    return "".join(text.split()) in "".join(answer.split())


def _items(found: Any) -> list[Mapping[str, Any]] | None:
    if isinstance(found, dict):
        if any(key in found for key in ("text", *_STARTS)):
            found = [found]
        elif all(isinstance(each, list) for each in found.values()):
            found = [
                {"text": each, "label": key} if isinstance(each, str) else each
                for key, values in found.items()
                for each in values
            ]
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        return None
    return found[:_MOST]


def _placed(
    items: Sequence[Mapping[str, Any]], text: str, types: Sequence[str]
) -> Iterator[Mention]:
    used: set[tuple[int, int]] = set()
    reached = 0
    for item in items:
        type = _spelled(_first(item, _TYPES), types)
        surrogate = item.get("surrogate")
        surrogate = surrogate if isinstance(surrogate, str) else None
        start, end, words = _first(item, _STARTS), _first(item, _ENDS), item.get("text")
        if _is_place(start) and _is_place(end):
            if 0 <= start < end <= len(text):
                yield Mention(start, end, type, surrogate)
        elif isinstance(words, str) and words.strip():
            place = _next(words.strip(), text, reached, used)
            if place is not None:
                used.add(place)
                reached = place[0]
                yield Mention(*place, type, surrogate)


def _first(item: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((item[name] for name in names if name in item), None)


def _is_place(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _spelled(name: object, types: Sequence[str]) -> str:
    """A type in the benchmark's spelling, where it is one of its."""
    plain = str(name).strip().casefold()
    return next((type for type in types if type.casefold() == plain), str(name).strip()[:100])


def _next(
    words: str, text: str, reached: int, used: set[tuple[int, int]]
) -> tuple[int, int] | None:
    """Where a text stands next, line breaks as spaces; else where it stands first."""
    pattern = re.compile(r"\s+".join(map(re.escape, words.split())))
    for begin in (reached, 0):
        for match in pattern.finditer(text, begin):
            if match.span() not in used:
                return match.span()
    return None


def _marked(answer: str, text: str, types: Sequence[str]) -> list[Mention] | None:
    """Mentions of the text that is given back with tags around them."""
    pieces = re.split(rf"<(/?)({'|'.join(map(re.escape, types))})>", answer, flags=re.IGNORECASE)
    bare = "".join(pieces[::3])
    begin = bare.find(text)
    if begin < 0 or len(pieces) == 1:
        return None
    found, opened, place = [], None, -begin
    for number, piece in enumerate(pieces):
        if number % 3 == 0:
            place += len(piece)
        elif number % 3 == 2 and not pieces[number - 1]:
            opened = place, _spelled(piece, types)
        elif number % 3 == 2 and opened is not None:
            start, type = opened
            if 0 <= start < place <= len(text):
                found.append(Mention(start, place, type))
            opened = None
    return found


class Counts(msgspec.Struct, frozen=True):
    """One text. Each pair is (part, whole), to be summed over texts before it is divided.

    Attributes
    ----------
    strict, binary
        Mentions with the same ends, with and without the same type: (hits, said, gold).
    tokens, tokens_binary
        Tokens, words and single marks, that have a character in a mention: of the same type, or of
        any: (hits, said, gold).
    overlapped, overlapping
        Gold mentions that something said touches; said mentions that touch gold.
    leaked
        Gold mentions that are not removed whole, by type.
    characters
        Characters of gold mentions that are not removed.
    over
        Other tokens that are removed.
    """

    strict: Mapping[str, tuple[int, int, int]]
    binary: tuple[int, int, int]
    tokens: tuple[int, int, int]
    tokens_binary: tuple[int, int, int]
    overlapped: tuple[int, int]
    overlapping: tuple[int, int]
    leaked: Mapping[str, tuple[int, int]]
    characters: tuple[int, int]
    over: tuple[int, int]


def compared(text: str, gold: Sequence[Mention], said: Sequence[Mention]) -> Counts:
    """Compare what is removed with what identifies somebody.

    Sources: strict and binary mentions as in i2b2/UTHealth 2014 (Stubbs, Kotfila & Uzuner 2015, J
    Biomed Inform 58:S11); tokens by type and of any type as NeuroNER's modes ``token`` and
    ``binary`` (Dernoncourt et al. 2017, JAMIA 24:596), there with their own tokens. What leaks is
    ours: a mention that is removed in part can still be read.
    """
    typed = [{(each.start, each.end, each.type) for each in side} for side in (gold, said)]
    ends = [{(start, end) for start, end, _ in side} for side in typed]
    hidden, real = _covered(text, said), _covered(text, gold)
    tokens = [match.span() for match in _TOKEN.finditer(text)]
    of_gold, of_said = _types_of(tokens, gold), _types_of(tokens, said)
    both = [(a, b) for a, b in zip(of_gold, of_said, strict=True) if a and b]
    said_tokens, gold_tokens = (sum(map(bool, side)) for side in (of_said, of_gold))
    in_gold, in_said = _sums(real), _sums(hidden)
    return Counts(
        strict={
            type: _hits(*({each for each in side if each[2] == type} for side in typed))
            for type in sorted({each[2] for side in typed for each in side})
        },
        binary=_hits(*ends),
        tokens=(sum(a == b for a, b in both), said_tokens, gold_tokens),
        tokens_binary=(len(both), said_tokens, gold_tokens),
        overlapped=_touching(ends[0], in_said),
        overlapping=_touching(ends[1], in_gold),
        leaked={
            type: _leaks([each for each in typed[0] if each[2] == type], in_said)
            for type in sorted({each[2] for each in typed[0]})
        },
        characters=(sum(a and not b for a, b in zip(real, hidden, strict=True)), sum(real)),
        over=(said_tokens - len(both), len(tokens) - gold_tokens),
    )


def _hits(gold: set[Any], said: set[Any]) -> tuple[int, int, int]:
    return len(gold & said), len(said), len(gold)


def _covered(text: str, mentions: Sequence[Mention]) -> list[bool]:
    covered = [False] * len(text)
    for each in mentions:
        covered[each.start : each.end] = [True] * (each.end - each.start)
    return covered


def _sums(flags: Sequence[bool]) -> list[int]:
    return [0, *accumulate(flags)]


def _touching(ends: set[tuple[int, int]], sums: Sequence[int]) -> tuple[int, int]:
    return sum(sums[end] > sums[start] for start, end in ends), len(ends)


def _leaks(mentions: Sequence[tuple[int, int, str]], sums: Sequence[int]) -> tuple[int, int]:
    whole = sum(sums[end] - sums[start] == end - start for start, end, _ in mentions)
    return len(mentions) - whole, len(mentions)


def _types_of(tokens: Sequence[tuple[int, int]], mentions: Sequence[Mention]) -> list[str | None]:
    """The type of each token: that of the first mention that has a character of it."""
    starts = [start for start, _ in tokens]
    types: list[str | None] = [None] * len(tokens)
    for each in sorted(mentions, key=_order):
        first = max(0, bisect_right(starts, each.start) - 1)
        for place in range(first, len(tokens)):
            start, end = tokens[place]
            if start >= each.end:
                break
            if end > each.start and types[place] is None:
                types[place] = each.type
    return types
