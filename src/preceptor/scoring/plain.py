"""Answers of models → plain text: without reasoning, markup, and forms of the same character."""

from __future__ import annotations

import re
import unicodedata

from preceptor.patterns import late
from preceptor.reasoning import said_in

__all__ = ["plain_text", "unmarked"]

#: What some prompts, such as BioProBench's, have put around the answer.
_FRAME = late(r"\[ANSWER_(?:START|END)\]")
_STRUCK = late(r"~~[^~\n]*~~|<(s|del|strike)>[^<\n]{0,300}</\1>")
_LATEX = late(r"\\(?:text|textbf|textit|mathrm|mathbf|bf|rm)\s*\{([^{}]{0,200})\}")
_MARKUP = late(
    r"[*`$\ufe0f\ufeff\u20e3\u200b-\u200f\u0640\u2066-\u2069]|__|^[ \t]*[#>]+"
    r"|</?(?:b|i|u|p|strong|em|br|div|span)\s*/?>|&nbsp;",
    re.MULTILINE,
)
_BARE = late(r"[A-Za-z0-9 ,.;:()%/'-]*")
_DIGITS = late("[\u0660-\u0669\u06f0-\u06f9\u0966-\u096f]")


def plain_text(text: str) -> str:
    """Without reasoning, Markdown and LaTeX; one form of each character."""
    return unmarked(said_in(text))


def unmarked(text: str) -> str:
    """The same for a text that is no completion of a model."""
    if _BARE.fullmatch(text):
        return text.strip()
    if "[" in text:
        text = _FRAME.sub(lambda tag: "\nAnswer: " if tag[0] == "[ANSWER_START]" else "\n", text)
    if "~" in text or "<" in text:
        text = _STRUCK.sub("", text)
    if "\\" in text:
        text = _LATEX.sub(r"\1", text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = _DIGITS.sub(lambda digit: str(unicodedata.decimal(digit[0])), text)
    return _MARKUP.sub(" " if "&nbsp;" in text else "", text).strip()
