"""The part of a completion that is the answer: its first turn, and its JSON's answer key."""

from __future__ import annotations

import re
from collections.abc import Iterator

from preceptor.patterns import late
from preceptor.scoring import cues
from preceptor.scoring.languages import LANGUAGES

__all__ = ["first_turn", "keyed", "questions"]

_ROLES = r"user|human|system|assistant|model|student|patient|usuario|用户|用戶"
#: Marks of chats: a turn ends, or another begins.
_TURN = late(
    r"<(?:\|(?:im_(?:start|end|sep)|eot_id|eom_id|end|endoftext|end_of_text|user|system|assistant"
    r"|start_header_id|end_of_turn|return)\|>|(?:start|end)_of_turn>|/?s>"
    r"|[｜|](?:User|Assistant|end▁of▁sentence)[｜|]>|\|(?:START|END)_OF_TURN_TOKEN\|>)|\[/?INST\]"
    rf"|^[ \t]*(?:(?:{_ROLES})(?:[ \t]*:|[ \t]*(?=\n))|patient note[ \t]*:"
    r"|instructions?(?:[ \t]*:|[ \t]*(?=\n))|input[ \t]*:)"
    r"|(?<=[.!?)\]])[ \t]+(?-i:User|USER|Human|HUMAN|Assistant|ASSISTANT):(?=\s)",
    re.MULTILINE | re.IGNORECASE,
)
_ROLE = late(rf"\s*(?:{_ROLES})\s*(?::|\n|<\|end_header_id\|>)|<\|end_header_id\|>", re.IGNORECASE)


def first_turn(text: str) -> str:
    """A text up to the next turn, of the user or of the model itself, that the model made up."""
    start = 0
    for mark in _TURN.finditer(text):
        said = text[start : mark.start()]
        if _ROLE.sub("", said, count=1).strip():
            return said
        start = mark.end()
    return text[start:]


#: A numbered question with the first of its options below it.
_ASKED = late(r"\n[ \t#*>]*\d{1,3}[.)][ \t][^\n]{1,2000}[?？؟:]\W{0,9}\n[^\w\n]{0,9}[Aa1][.):]")


def questions(text: str) -> Iterator[str]:
    """Candidates for the answer: the text before a later heading of a question, and all of it."""
    headings = (found.start() for form in (cues.HEADING, _ASKED) for found in form.finditer(text))
    first = min((start for start in headings if text[:start].strip()), default=None)
    if first is not None:
        yield text[:first]
    yield text


_SURE = "(?:(?:final|correct|best|selected|chosen|predicted|right|my|model|the)[_ -]?)"
_KIND = "(?:choice|option|letter|label|prediction|result|response|diagnosis|conclusion)"
_OTHERS = [words for name, words in LANGUAGES.items() if name != "en"]
_NOUNS = "|".join(filter(None, (f"{w.answer}|{w.choosing}".strip("|") for w in _OTHERS)))
_RIGHT = "|".join(words.right for words in _OTHERS)
#: Keys under which JSON has an answer, the most specific first.
_KEYS = tuple(
    late(key, re.IGNORECASE)
    for key in (
        rf"{_SURE}(?:answer|choice|option)(?:[_ -]?{_KIND})?",
        rf"answer(?:[_ -]?(?:{_KIND}|text|value))?|(?:{_NOUNS})(?:[_ -](?:{_RIGHT}|final))?",
        rf"{_SURE}?{_KIND}(?:[_ -]?{_KIND})?|selected|chosen|predicted|picked",
        rf"{_SURE}?(?:answer|option)[_ -]?(?:idx|index|id)",
    )
)
_PAIR = late(
    r"""(?P<quote>["'])(?P<key>[^"'\n]{1,40})(?P=quote)\s*:\s*(?:"""
    r""""(?P<double>(?:[^"\\]|\\.|"(?![ ]*(?:[,}\]\n]|\Z)))*)(?:"|\Z)"""
    r"""|'(?P<single>(?:[^'\\]|\\.|'(?![ ]*(?:[,}\]\n]|\Z)))*)(?:'|\Z)"""
    r"""|\[(?P<list>[^\[\]{}]{0,200})\]|(?P<bare>[^\s"'{\[,}\]][^,}\]\n]{0,200}))""",
    re.DOTALL,
)


def keyed(text: str) -> str:
    """A text with its JSON reduced to the value under an answer's key.

    Unchanged where there is no such key. Broken and cut-off JSON is read too.
    """
    pairs = list(_PAIR.finditer(text))
    ranks = [_rank(pair) for pair in pairs]
    best = min(ranks, default=None)
    if best is None or best >= len(_KEYS):
        return text
    parts, place = [], 0
    for pair, rank in zip(pairs, ranks, strict=True):
        said = f"\nFinal answer: {_value(pair)}\n" if rank == best else "\n"
        parts += [text[place : pair.start()], said]
        place = pair.end()
    return "".join([*parts, text[place:]])


def _rank(pair: re.Match[str]) -> int:
    """Rank of a key, 0 for the most specific; the last for other keys and keys without a value."""
    kinds = (rank for rank, key in enumerate(_KEYS) if key.fullmatch(pair["key"]))
    rank, value = next(kinds, len(_KEYS)), _value(pair)
    unsaid = value.casefold() in ("", "null", "none", "n/a")
    # A number under "answer_index" may count from 0 or from 1.
    counted = rank == len(_KEYS) - 1 and value.isdigit()
    return len(_KEYS) if unsaid or counted else rank


def _value(pair: re.Match[str]) -> str:
    value = next(
        pair[name] for name in ("double", "single", "list", "bare") if pair[name] is not None
    )
    return value.replace("\\n", "\n").replace('\\"', '"').strip()
