"""Differences of two texts, word by word. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Literal

import msgspec

__all__ = ["Piece", "differences"]

#: A sign, a character of a script without spaces between words, or a word; then its spaces.
_TOKEN = re.compile(
    r"((?:[!-/:-@\[-`{-~،؛؟。、，：；！？]"
    r"|[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]"
    r"|[^\s!-/:-@\[-`{-~،؛؟。、，：；！？\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]+)?)"
    r"(\s*)"
)


class Piece(msgspec.Struct, frozen=True):
    """A stretch of text that both have, or one of them."""

    kind: Literal["same", "removed", "added"]
    text: str


def differences(before: str, after: str) -> list[Piece]:
    """The pieces of two texts, in reading order: what was removed stands before what was added.

    Spaces are not compared. The pieces that are the same or added make ``after``.
    """
    old, new = _tokens(before), _tokens(after)
    found: list[Piece] = []
    matcher = SequenceMatcher(None, [word for word, _ in old], [word for word, _ in new])
    for kind, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if kind == "equal":
            found.append(Piece("same", _text(new[new_start:new_end])))
            continue
        if gone := _text(old[old_start:old_end]):
            found.append(Piece("removed", gone))
        if come := _text(new[new_start:new_end]):
            found.append(Piece("added", come))
    return found


def _tokens(text: str) -> list[tuple[str, str]]:
    return [(word, space) for word, space in _TOKEN.findall(text) if word or space]


def _text(tokens: Sequence[tuple[str, str]]) -> str:
    return "".join(word + space for word, space in tokens)
