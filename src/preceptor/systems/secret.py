"""A key, and how it stays out of what an endpoint says: replies, errors, our own messages."""

from __future__ import annotations

import functools
import re

__all__ = ["Secret"]

#: A key shorter than this may be an ordinary word ("EMPTY", "ollama") and stays where an answer has
#: it.
_TELLING = 16
_MARK = "[key]"


class Secret:
    """A key, or None where there is none. It is never shown, by ``repr`` neither."""

    def __init__(self, key: str | None) -> None:
        self._key = (key or "").strip()

    def out_of_error(self, content: bytes) -> bytes:
        """An error page without it, however it is escaped; before anything is cut from the page."""
        if not self._key:
            return content
        text = content.replace(self._key.encode(), _MARK.encode()).decode("latin-1")
        return self._pattern.sub(_MARK, text).encode("latin-1")

    def out_of_reply(self, content: bytes) -> bytes:
        """A reply's body without it, where it stands unescaped: that costs next to nothing."""
        if len(self._key) < _TELLING:
            return content
        return content.replace(self._key.encode(), _MARK.encode())

    def out_of_answer(self, text: str) -> str:
        """What was read out of a reply, where the key may have been escaped or in two pieces."""
        if len(self._key) < _TELLING:
            return text
        if self._key in text:
            text = text.replace(self._key, _MARK)
        # A grader's answer is JSON again.
        return self._pattern.sub(_MARK, text) if "\\" in text else text

    def out_of_beginning(self, text: str) -> str:
        """An unfinished answer without it, nor its beginning at the end."""
        if len(self._key) < _TELLING:
            return text
        text = self.out_of_answer(text)
        longest = min(len(self._key) - 1, len(text))
        begun = (n for n in range(longest, 0, -1) if text.endswith(self._key[:n]))
        return text[: len(text) - next(begun, 0)]

    def out_of_message(self, words: str) -> str:
        """A message of ours without it."""
        return words.replace(self._key, _MARK) if self._key else words

    @functools.cached_property
    def _pattern(self) -> re.Pattern[str]:
        """It as JSON may have it: each character as it is, behind ``\\`` or as ``\\uXXXX``."""
        each = [rf"(?:{re.escape(c)}|[uU]00(?i:{ord(c):02x}))" for c in self._key]
        # As many backslashes as a text has that is quoted thrice, and only at their beginning: a
        # reply of nothing but backslashes takes no longer than another.
        first = rf"(?:{re.escape(self._key[0])}|(?<!\\)\\{{1,8}}{each[0]})"
        return re.compile(first + "".join(rf"\\{{0,8}}{one}" for one in each[1:]))
