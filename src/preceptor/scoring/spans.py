"""Named entities: spans of tokens, how answers give them, and how many are right."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import msgspec

from preceptor.installation import MissingExtra
from preceptor.patterns import late
from preceptor.reasoning import said_in
from preceptor.scoring.reading import json_in

__all__ = [
    "Span",
    "Tally",
    "Text",
    "read_spans",
    "read_tags",
    "spans_of_characters",
    "spans_of_tags",
    "tags_of_spans",
    "tally",
]

#: First token, last token (both in it), type.
Span = tuple[int, int, str]


class Text(msgspec.Struct, frozen=True):
    """A text, the tokens it is made of in order, and the types of entity that are looked for."""

    text: str
    tokens: list[str]
    labels: list[str]

    def label(self, name: object) -> str | None:
        """The type that is meant, in the benchmark's spelling; None for one that is not asked."""
        plain = str(name).strip().casefold()
        return next((label for label in self.labels if label.casefold() == plain), None)


def spans_of_tags(tags: Sequence[str]) -> list[Span]:
    """The entities of IOB tags.

    As conlleval and seqeval read them: ``I-X`` begins an entity where none of type X goes on.
    """
    spans: list[Span] = []
    inside = ""
    for place, tag in enumerate(tags):
        prefix, _, label = tag.partition("-")
        if prefix not in ("B", "I") or not label:
            inside = ""
        elif prefix == "I" and label == inside:
            first, _, _ = spans[-1]
            spans[-1] = (first, place, label)
        else:
            spans.append((place, place, label))
            inside = label
    return spans


def tags_of_spans(spans: Sequence[Span], length: int) -> list[str]:
    """The entities as IOB tags; of two that overlap the first is kept."""
    tags = ["O"] * length
    for first, last, label in spans:
        if all(tag == "O" for tag in tags[first : last + 1]):
            tags[first : last + 1] = [f"B-{label}", *[f"I-{label}"] * (last - first)]
    return tags


def spans_of_characters(
    text: str, tokens: Sequence[str], found: Sequence[tuple[int, int, str]]
) -> list[Span]:
    """Spans of characters (start, end after the last one, type) as spans of the tokens they touch.

    One that touches no token is left out.
    """
    begins, place = [], 0
    for token in tokens:
        place = text.index(token, place)
        begins.append(place)
        place += len(token)
    ends = [begin + len(token) for begin, token in zip(begins, tokens, strict=True)]
    spans = []
    for start, end, label in found:
        touched = [i for i in range(len(tokens)) if begins[i] < end and ends[i] > start]
        if touched:
            spans.append((touched[0], touched[-1], label))
    return spans


def read_spans(answer: str, source: Text) -> list[Span] | None:
    """The entities that an answer names, in order and each once; None where it cannot be read.

    Read are a JSON list of ``{"text": …, "label": …}``, or of ``{"start": …, "end": …, "label":
    …}`` in characters, or of one IOB tag a token; a JSON object of type → texts; lines of token and
    IOB tag; and the text itself with ``<Type>…</Type>`` around entities. Of several places where a
    text stands, it is the next after the mention named before it; a text that does not stand there,
    and a type that was not asked for, count for nothing.
    """
    answer = said_in(answer)
    for read in (_from_tags, _from_markup, _from_json):
        spans = read(answer, source)
        if spans is not None:
            return sorted(set(spans))
    if "".join(source.tokens) in "".join(answer.split()):  # given back without a mark
        return []
    return [] if re.fullmatch(r"\W*(none|нет|no entities)\W*", answer.casefold()) else None


def _from_json(answer: str, source: Text) -> list[Span] | None:
    found = json_in(answer)
    if isinstance(found, dict):
        if any(key in found for key in ("text", "start")):
            found = [found]
        else:
            lists = {key: value for key, value in found.items() if isinstance(value, list)}
            if not lists or len(lists) < len(found):
                return None if found else []
            if any(source.label(key) for key in lists):
                found = [
                    {"text": each, "label": key} if isinstance(each, str) else each
                    for key, values in lists.items()
                    for each in values
                ]
            elif len(lists) == 1:
                (found,) = lists.values()
            else:
                return None
    if not isinstance(found, list):
        return None
    if not all(isinstance(each, dict) for each in found):
        return None
    return list(_named(found, source))


def _named(items: Sequence[dict[str, Any]], source: Text) -> Iterator[Span]:
    used: set[Span] = set()
    reached = 0
    for item in items:
        label = source.label(item.get("label", item.get("type", item.get("entity"))))
        if label is None:
            continue
        start, end, text = item.get("start"), item.get("end"), item.get("text")
        if isinstance(text, str):
            spans = [(first, last, label) for first, last in _places(text, source.tokens)]
        elif isinstance(start, int) and isinstance(end, int):
            spans = spans_of_characters(source.text, source.tokens, [(start, end, label)])
        else:
            continue
        free = [span for span in spans if span not in used]
        if free:
            chosen = next((span for span in free if span[0] >= reached), free[0])
            used.add(chosen)
            reached = chosen[0]
            yield chosen


def _places(text: str, tokens: Sequence[str]) -> list[tuple[int, int]]:
    """Where a text stands among the tokens, spaces and case aside, from left to right.

    Where it stands at no token's edges, the tokens that it touches.
    """
    wanted = "".join(text.split()).casefold()
    if not wanted:
        return []
    squeezed = [token.casefold() for token in tokens]
    ends = list(accumulate(len(token) for token in squeezed))
    begins = [0, *ends[:-1]]
    whole, found, place = "".join(squeezed), [], 0
    while (place := whole.find(wanted, place)) >= 0:
        found.append((place, place + len(wanted)))
        place += 1
    edges = frozenset(begins), frozenset(ends)
    exact = [(a, b) for a, b in found if a in edges[0] and b in edges[1]]
    return [(bisect_right(ends, a), bisect_left(ends, b)) for a, b in exact or found]


_TAG = late(r"O|[BI]-\S+")


def read_tags(answer: str, source: Text) -> list[str] | None:
    """The IOB tags of an answer that gives one for each token, as JSON list or as lines."""
    found = json_in(answer)
    if isinstance(found, list) and found and all(isinstance(each, str) for each in found):
        whole = len(found) == len(source.tokens) and all(_TAG.fullmatch(each) for each in found)
        return found if whole else None
    pairs = [line.split() for line in answer.splitlines()]
    lines = [pair for pair in pairs if len(pair) == 2 and _TAG.fullmatch(pair[1])]
    named = [token for token, _ in lines] == list(source.tokens)
    return [tag for _, tag in lines] if named else None


def _from_tags(answer: str, source: Text) -> list[Span] | None:
    tags = read_tags(answer, source)
    if tags is None:
        return None
    named = [(first, last, source.label(label)) for first, last, label in spans_of_tags(tags)]
    return [(first, last, label) for first, last, label in named if label is not None]


def _from_markup(answer: str, source: Text) -> list[Span] | None:
    labels = "|".join(re.escape(label) for label in source.labels)
    pieces = re.split(rf"<(/?)({labels})>", answer, flags=re.IGNORECASE)
    whole = "".join(source.tokens)
    begin = "".join("".join(pieces[::3]).split()).find(whole)
    if begin < 0 or len(pieces) == 1:
        return None
    spans, open_at, label, place = [], None, None, -begin
    for number, piece in enumerate(pieces):
        if number % 3 == 0:
            place += len("".join(piece.split()))
        elif number % 3 == 2:
            closing = pieces[number - 1] == "/"
            if not closing:
                open_at, label = place, source.label(piece)
            elif open_at is not None and label is not None:
                spans.append((open_at, place, label))
                open_at = None
    return spans_of_characters(whole, source.tokens, spans)


class Tally(msgspec.Struct, frozen=True):
    """Counts of one text and one type of entity; F1 is 2·hits / total, summed over texts.

    Attributes
    ----------
    exact, partial, tokens
        (hits, said + gold): spans with both ends right; the same, and half a hit for each that
        overlaps; tokens of that type.
    """

    exact: tuple[float, float]
    partial: tuple[float, float]
    tokens: tuple[float, float]


def tally(gold: Sequence[Span], said: Sequence[Span], label: str) -> Tally:
    """Compare the spans of one type in one text.

    ``exact`` and ``partial`` are nervaluate's (Batista & Upson, after SemEval-2013 task 9.1,
    Segura-Bedmar et al. 2013), asked for each type alone, so that a wrong type is no match.

    Raises Unavailable without nervaluate.
    """
    try:
        from nervaluate.entities import Entity
        from nervaluate.strategies import ExactEvaluation, PartialEvaluation
    except ImportError:
        raise MissingExtra("comparing entities needs nervaluate", "entities") from None
    right, shown = ([span for span in spans if span[2] == label] for spans in (gold, said))
    entities = [
        [Entity(label=kind, start=first, end=last) for first, last, kind in spans]
        for spans in (right, shown)
    ]
    total = float(len(right) + len(shown))
    exact, _ = ExactEvaluation().evaluate(*entities, [label])
    partial, _ = PartialEvaluation().evaluate(*entities, [label])
    inside, outside = (
        {token for first, last, _ in spans for token in range(first, last + 1)}
        for spans in (right, shown)
    )
    return Tally(
        (2.0 * exact.correct, total),
        (2.0 * partial.correct + partial.partial, total),
        (2.0 * len(inside & outside), float(len(inside) + len(outside))),
    )
