"""The first token of an answer among those that a server lists, and a token's text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from preceptor.reasoning import said_in, split_reasoning

__all__ = ["first_said", "token_text"]

#: How vocabularies write white space, and servers bytes that form no character.
_MARKS = {"▁": " ", "Ġ": " ", "Ċ": "\n", "ĉ": "\t", "</w>": " "}
_MARK = re.compile("|".join(map(re.escape, _MARKS)))
_BYTE = re.compile(r"\\x([0-9a-fA-F]{2})|<0x([0-9a-fA-F]{2})>")


def token_text(token: str) -> str:
    r"""The text of a token: Yes for ``▁Yes``, ``ĠYes`` and ``bytes:\x59es``.

    >>> token_text(r"bytes:\x59\x65\x73")
    'Yes'
    """
    if token.startswith("bytes:") or _BYTE.fullmatch(token):
        said = _BYTE.sub(
            lambda byte: chr(int(byte[1] or byte[2], 16)), token.removeprefix("bytes:")
        )
        try:
            return said.encode("latin-1").decode("utf-8", "replace")
        except UnicodeEncodeError:
            return said
    return _MARK.sub(lambda mark: _MARKS[mark[0]], token)


def first_said(
    tokens: Sequence[tuple[str, Mapping[str, float]]], text: str
) -> dict[str, float] | None:
    """Candidates for the first token of an answer; None where there are none.

    The answer begins after reasoning, markup and quotes. If the tokens end before it, the last one
    counts.

    Parameters
    ----------
    tokens
        (token, candidates → log-probability), from the first.
    text
        The answer's text, where the server gives it.
    """
    if not tokens:
        return None
    texts = [token_text(token) for token, _ in tokens]
    whole, said = "".join(texts), said_in(text).strip()
    place = whole.rfind(said) if said else -1
    begin = place if place >= 0 else split_reasoning(whole).start
    end = 0
    for token, (_, candidates) in zip(texts, tokens, strict=True):
        end += len(token)
        if begin is not None and end > begin and any(map(str.isalnum, token)):
            return dict(candidates) or None
    return dict(tokens[-1][1]) or None
