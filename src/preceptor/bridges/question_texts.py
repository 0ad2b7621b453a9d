"""Questions found by their words in a text, such as the prompt that a tool made of them."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence

from preceptor.records import Example
from preceptor.scoring.places import Stated, question_of, same_options

__all__ = ["QuestionTexts", "options_in_text", "words_in"]

#: Number of words by which questions are looked up.
_KEY = 6
#: Fewest words by which a question is told from others.
_FEWEST = 4
_OPTION = re.compile(r"^[ \t]*\(?([A-Z])[ \t]*[).:：．][ \t]*(\S.*?)[ \t]*$", re.MULTILINE)
_OPTIONS = re.compile(r"\n\s*\(?[A1]\s*[).:]\s")

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Words = tuple[str, ...]


def words_in(text: str) -> Words:
    """The words of a text, without capitals, punctuation and layout."""
    return tuple(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


def options_in_text(text: str) -> dict[str, str] | None:
    """The options at the end of a prompt (``A) rest``, a line each), by letter; None if none."""
    found = _OPTION.findall(text)
    start = max((n for n, (letter, _) in enumerate(found) if letter == "A"), default=None)
    if start is None:
        return None
    pairs = itertools.takewhile(
        lambda pair: pair[0] == pair[1][0], zip(_LETTERS, found[start:], strict=False)
    )
    options = {letter: text for letter, (_, text) in pairs}
    return options if len(options) > 1 else None


class QuestionTexts:
    """Index of questions by the words of the last message, without its options."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self._words: dict[str, Words] = {}
        self._starts: dict[Words, list[Example]] = {}
        for example in examples:
            words = self._words[example.id] = _words_of(example)
            if words:
                self._starts.setdefault(words[:_KEY], []).append(example)
        self._sizes = sorted({len(start) for start in self._starts}, reverse=True)

    def share(self, words: Words, example: Example) -> float | None:
        """Share of a question's words in a text; 1 only if they stand there in a row.

        None if either is too short to tell.
        """
        wanted = self._words.get(example.id) or _words_of(example)
        if len(wanted) < _FEWEST or not words:
            return None
        if _contains(words, wanted):
            return 1.0
        there = set(words)
        return min(sum(word in there for word in wanted) / len(wanted), 0.99)

    def find(self, words: Words, stated: Stated) -> Example | None:
        """The only question whose words stand in a text; of several the longest."""
        found: dict[str, Example] = {}
        for size in self._sizes:
            for start in range(len(words) - size + 1):
                for example in self._starts.get(words[start : start + size], ()):
                    own = self._words[example.id]
                    if words[start : start + len(own)] == own and _told_apart(own, words):
                        found[example.id] = example
        longest = max((len(self._words[id]) for id in found), default=0)
        fitting = [each for id, each in found.items() if len(self._words[id]) == longest]
        if len(fitting) > 1:
            fitting = [each for each in fitting if _same_options(each, stated)]
        return fitting[0] if len(fitting) == 1 else None


def _words_of(example: Example) -> Words:
    asked = next((m.text for m in reversed(example.messages) if m.role == "user"), "")
    return words_in(_OPTIONS.split(asked)[0]) or words_in(asked)


def _contains(words: Words, wanted: Words) -> bool:
    return f" {' '.join(wanted)} " in f" {' '.join(words)} "


def _told_apart(own: Words, words: Words) -> bool:
    return len(own) >= _FEWEST or own == words


def _same_options(example: Example, stated: Stated) -> bool:
    question = question_of(example.target)
    return question is not None and same_options(stated, question) is True
