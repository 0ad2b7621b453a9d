"""What a model says, apart from what it thought before: the one reader of reasoning marks.

Models mark reasoning with tags (``<think>…</think>``), with special tokens of their chat template
(``<unused94>…<unused95>``, harmony's channels), or with a heading. Some templates write the opening
mark into the prompt, so that a text begins with reasoning and has the closing mark alone. A mark
that is quoted, in code, or talked about is part of the answer.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

import msgspec

from preceptor.patterns import late

__all__ = ["Said", "said_in", "split_reasoning", "without_fence"]


class Said(msgspec.Struct, frozen=True):
    """A model's text, taken apart.

    Attributes
    ----------
    text
        What was said; the whole text, unchanged, where it has no mark of reasoning.
    reasoning
        What was thought, without its marks; empty where nothing was.
    complete
        False where the text ends within reasoning: it was cut off there.
    start
        Where the answer begins in the whole text; None where nothing was said.
    """

    text: str
    reasoning: str = ""
    complete: bool = True
    start: int | None = None


#: Names of tags: ``think``, ``seed:think``, ``inner_monologue``, ``think_fast``, …
_NAME = (
    r"(?:[a-z]{1,12}[:_-]){0,3}(?:ant)?"
    r"(?:thinking|think|thoughts?|reasoning|reflection|deliberation|scratch_?pad|monologue|cot"
    r"|思考|思维链?|推理)(?:[:_-]\w{1,60}|过程)?"
)
_LESS, _GREATER = "(?:<|＜|&lt;)", "(?:>|＞|&gt;)"
_CHANNEL = r"(?:(?:<\|start\|>)?assistant[^<]{0,60})?<\|channel\|>\s{0,2}(?:%s)\b[^<]{0,80}"
_MESSAGE = r"(?:<\|constrain\|>[^<]{0,40})?<\|message\|>"
#: Family → what opens its reasoning, what closes it.
_PAIRS = {
    "tag": (
        rf"(?i:{_LESS}\s{{0,2}}(?!end_)(?P<opened>{_NAME})(?:\s[^<>]{{0,200}}?)?(?<!/){_GREATER})",
        rf"(?i:{_LESS}\s{{0,2}}(?:\\?[/／]|end_of_)\s{{0,2}}(?P<closed>{_NAME})\s{{0,2}}{_GREATER})",
    ),
    "brackets": (r"\[THINK\]", r"\[/THINK\]"),
    "triangles": ("◁think▷", "◁/think▷"),
    "paired": (rf"(?i:[\[{{【]{_NAME}[\]}}】])", rf"(?i:[\[{{【][/／]{_NAME}[\]}}】])"),
    "special": (
        rf"(?i:<[|｜](?!end[_▁]|/)(?:begin▁of▁)?{_NAME}(?<!_end)[|｜]>)",
        rf"(?i:<[|｜](?:/|end[_▁](?:of[_▁])?){_NAME}[|｜]>|<[|｜]{_NAME}(?<=_end)[|｜]>)"
        r"|<\|begin_of_solution\|>|<\|START_(?:RESPONSE|TEXT)\|>|<\|content\|>",
    ),
    "inner": (r"<\|inner_prefix\|>", r"<\|inner_suffix\|>"),
    "roles": (r"<\|im_start\|>think\b", r"<\|im_start\|>answer\b"),
    "unused": (r"<(?:unused|ctrl)94>(?:thought\b)?", r"<(?:unused|ctrl)95>"),
    "turns": (r"<\|channel>(?:thought\b)?", r"<channel\|>"),
    "channels": (
        _CHANNEL % "analysis|commentary" + _MESSAGE + "|assistantcommentary(?= to=)",
        _CHANNEL % "final" + _MESSAGE + "|assistantfinal",
    ),
    "details": (
        r"""<details\s[^<>]{0,100}type=["']reasoning["'][^<>]{0,100}>"""
        r"|<details\b[^<>]{0,100}>\s{0,9}<summary>\s{0,9}(?:Thinking|Thought)\b[^<]{0,60}</summary>",
        "</details>",
    ),
}
#: What opens reasoning only at the beginning of a text → what closes it.
_HEADS = (
    (r"analysis(?=[A-Z\"'])", r"assistantfinal"),
    (r"#{1,4} ?Thinking\s*\n", r"(?m:^#{1,4} ?Final (?:Response|Answer)\b:?)"),
    (r"Here(?:'s| is) my thought process:", r"Here(?:'s| is) my response:"),
    (r"Here are my reasoning steps:", r"\[BEGIN FINAL RESPONSE\]"),
    (r"Thinking\.\.\.\n", r"(?m:^\.\.\.done thinking\.)"),
)
#: Marks around an answer that follows reasoning: they are no part of it.
_AROUND = (
    r"<\|(?:im_start|begin)\|>assistant\b|<\|(?:end_of_solution|END_RESPONSE|END_TEXT|END_OF_TURN_TOKEN|end|return|call"
    r"|im_end|eot_id|endoftext|assistant_end|assistant)\|>|</s>|<｜end▁of▁sentence｜>"
    rf"|<end_of_turn>|<turn\|>|\[END FINAL RESPONSE\]|(?i:<{_NAME}\s?/>)"
)
_TOKEN = late(
    # How each begins: the other characters, nearly all, are passed over at once.
    r"(?=[<&＜\[{【◁a`])(?:"
    + "|".join(f"(?P<o_{name}>{pair[0]})|(?P<c_{name}>{pair[1]})" for name, pair in _PAIRS.items())
    + rf"|(?P<around>{_AROUND})|(?P<ticks>`+))"
)
_HEAD = late(r"\s{0,20}(?:" + "|".join(f"({opens})" for opens, _ in _HEADS) + ")")
_ENDS = [late(closes) for _, closes in _HEADS]
#: A text without any of these, and without a head, has no mark.
_SIGNS = ("<", "&lt;", "＜", "[", "{/", "【/", "【／", "◁", "assistantfinal")

_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "„": "“", "「": "」", "`": "`"}
_QUOTES |= {"(": ")"}
#: Words for a mark that is only talked about.
_KINDS = r"(?:tags?|tokens?|blocks?|elements?|markers?|marks?|delimiters?|sections?)"
_OF_A_MARK = late(
    rf":|[ \t](?:{_KINDS}|and|or|opens|closes|begins|starts|ends|means)\b", re.IGNORECASE
)
_BEFORE_A_MARK = late(rf"\b{_KINDS} \Z", re.IGNORECASE)
#: Text between two marks that are only named.
_BETWEEN = frozenset(
    ("", "and", "or", "to", "und", "et", "y", "e", "и", "和", "/", ",", "...", "…")
)
_LONGEST_QUOTED = 200
_SENTENCE_ENDS = late(r"[.?!\n]")
#: What follows a mark within a sentence.
_GOES_ON = frozenset(" ,.;:)!?")
_LINE_BEGINS, _LINE_ENDS = late(r"(?:\A|\n)[ \t>]{0,3}\Z"), late(r"[ \t]*(?:\n|\Z)")


class _Mark(msgspec.Struct):
    """A mark where it stands; ``closing`` is the index of the one that closes it.

    Its family is that of ``_PAIRS``, of a tag ``<`` and its name, else ``around`` or ``ticks``.
    """

    start: int
    end: int
    family: str
    opens: bool = False
    closing: int | None = None


@functools.lru_cache(maxsize=4)  # a reply is taken apart where it is read, kept and judged
def split_reasoning(text: str) -> Said:
    """What a text says and what it only thinks, in time proportional to its length.

    >>> split_reasoning("<think>5? No.</think>7").text
    '7'
    """
    head = _HEAD.match(text)
    if head is None and not any(map(text.__contains__, _SIGNS)):
        return Said(text, start=0)
    said = _Reader(text).read(head)
    if said.text != text and _is_json(text) and not _is_json(said.text):
        return Said(text, start=0)
    return said


def said_in(text: str) -> str:
    """What a text says, without what it thinks."""
    return split_reasoning(text).text


def without_fence(text: str) -> str:
    """Content of a Markdown fence, one end of which may be missing; else the whole text."""
    # No regular expression: some take minutes for a reply of a hundred thousand newlines.
    inner = text.strip()
    if inner.startswith("```"):
        inner = inner[3:]
        inner = inner[4:] if inner[:4].lower() == "json" else inner
    return inner.removesuffix("```").strip()


def _is_json(text: str) -> bool:
    """Whether a text as a whole is an object or array of JSON."""
    inner = without_fence(text)
    try:
        return inner.startswith(("{", "[")) and msgspec.json.decode(inner) is not None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False


class _Reader:
    """One pass through a text: what is said and what is thought, piece by piece."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.ends = len(text.rstrip())
        self.said: list[tuple[int, int]] = []
        self.thought: list[tuple[int, int]] = []
        self.place = 0
        self.complete, self.marked = True, False
        # Pieces said before the last block, and how many more marks of its kind opened within it.
        self.before, self.nested = 0, 0

    def read(self, head: re.Match[str] | None) -> Said:
        if head is not None:
            self.marked = True
            end = _ENDS[(head.lastindex or 1) - 1].search(self.text, head.end())
            self._think(head.end(), None if end is None else end.span())
        marks = _marks(self.text, self.place)
        index = 0
        while self.complete and index < len(marks):
            index = self._mark(marks, index)
        if not self.marked:
            return Said(self.text, start=0)
        if self.complete:
            self.said.append((self.place, len(self.text)))
        return self._taken_apart()

    def _mark(self, marks: Sequence[_Mark], index: int) -> int:
        """Read one mark; the index of the next."""
        mark = marks[index]
        closing = None if mark.closing is None else marks[mark.closing]
        following = index + 1 if mark.closing is None else mark.closing + 1
        if mark.family == "ticks":
            return following  # the code that they open is part of the answer
        if mark.family == "around":
            self._keep(mark)
        elif mark.opens:
            if not self._is_named(mark, closing):
                self._opened(mark, closing, marks[index + 1 : mark.closing])
            return following
        elif mark.family != "details" and not self._is_named(mark, mark):
            self._orphan(mark)
        return following

    def _keep(self, mark: _Mark) -> None:
        """Count the text before a mark as said."""
        self.said.append((self.place, mark.start))
        self.place = mark.end

    def _think(self, start: int, end: tuple[int, int] | None) -> None:
        """Count the text up to a closing mark, or up to its end, as thought."""
        self.complete = end is not None
        until, self.place = end or (len(self.text), len(self.text))
        self.thought.append((start, until))

    def _opened(self, mark: _Mark, closing: _Mark | None, within: Sequence[_Mark]) -> None:
        self.marked = True
        self._keep(mark)
        self.before = len(self.said)
        if closing is None:
            self._think(mark.end, self._answer(mark.end))
            return
        again = [each for each in within if each.opens and each.family == mark.family]
        self.nested = len(again)
        if again and not self.text[mark.end : again[0].start].strip():
            self.nested -= 1  # the same mark twice is one
        self._think(mark.end, (closing.start, closing.end))

    def _answer(self, start: int) -> tuple[int, int] | None:
        """Where the answer begins at the end of a text whose reasoning was never closed."""
        folded = self.text.lower()
        begin = folded.rfind("<answer>", start)
        return (begin, begin) if begin >= 0 and folded.rstrip().endswith("</answer>") else None

    def _orphan(self, mark: _Mark) -> None:
        """Count the text before a closing mark without an opening one as thought."""
        self.marked = True
        self._keep(mark)
        if self.thought and not self.nested and mark.end >= self.ends:
            return  # a second one at the end closes nothing
        before = self.before if self.nested else 0
        self.nested = max(self.nested - 1, 0)
        self.thought += self.said[before:]
        del self.said[before:]

    def _is_named(self, mark: _Mark, closing: _Mark | None) -> bool:
        """Whether a mark is quoted or talked about. One without an opening is its own closing."""
        text = self.text
        if (
            _quoted(text, mark.start, mark.end)
            or _OF_A_MARK.match(text, mark.end)
            or _BEFORE_A_MARK.search(text, max(mark.start - 12, 0), mark.start)
        ):
            return True
        before = text[max(mark.start - 2, 0) : mark.start]
        in_prose = before[-1:] == " " and (before[0].isalnum() or before[0] in ",;(")
        if closing is None:  # in brackets it may be a heading
            follows = text[mark.end : mark.end + 1] in _GOES_ON
            return mark.family == "paired" or (in_prose and follows)
        if closing is mark:
            return in_prose and self._goes_on(mark.end)
        if closing.start - mark.end > _LONGEST_QUOTED:
            return False
        between = text[mark.end : closing.start]
        word = between.strip().casefold()
        quoted = before[-1:] != "(" and _quoted(text, mark.start, closing.end)
        # Or both stand as words of one sentence.
        as_words = in_prose and between[:1] == between[-1:] == " " and self._goes_on(closing.end)
        as_words = as_words and before[0].isalnum() and not _SENTENCE_ENDS.search(between)
        return quoted or as_words or (word in _BETWEEN and bool(word or in_prose))

    def _goes_on(self, place: int) -> bool:
        """Whether a sentence goes on behind a mark."""
        after = self.text[place : place + 2]
        return after[:1] in _GOES_ON and (after[:1] != " " or after[1:].islower())

    def _taken_apart(self) -> Said:
        parts: list[str] = []
        start = None
        for begin, end in self.said:
            part = self.text[begin:end]
            if not part or part.isspace():
                continue
            if start is None:
                start = begin + len(part) - len(part.lstrip())
            elif parts[-1][-1].isalnum() and part[0].isalnum():
                part = " " + part  # 5 and 7 are not 57
            parts.append(part)
        thought = (self.text[begin:end].strip() for begin, end in sorted(self.thought))
        reasoning = "\n\n".join(filter(None, thought))
        return Said("".join(parts).strip(), reasoning, self.complete, start)


def _quoted(text: str, start: int, end: int) -> bool:
    """Whether quotes stand right around this part of a text."""
    return start > 0 and end < len(text) and _QUOTES.get(text[start - 1]) == text[end]


def _marks(text: str, place: int) -> list[_Mark]:
    """The marks from a place on, each opening mark with the index of its closing one."""
    marks = [_as_mark(found) for found in _TOKEN.finditer(text, place)]
    if all(mark.family == "ticks" for mark in marks):
        return []
    lines = _lines(text, marks)
    # The next that closes, by family; the next ticks, by their number, on a line or as a fence.
    following: dict[str, int] = {}
    code: dict[tuple[int, ...], int] = {}
    ahead: int | None = None  # the next mark, where it is one that closes
    for index in reversed(range(len(marks))):
        mark = marks[index]
        if mark.family == "ticks":
            count = mark.end - mark.start
            fence = count > 2 and _LINE_BEGINS.search(text, max(mark.start - 4, 0), mark.start)
            key = (count,) if fence else (count, lines[index])
            mark.closing = code.get(key)
            if fence and mark.closing is not None and ahead is not None and ahead < mark.closing:
                mark.closing = None  # the reasoning that ends within it had begun before it
            if not fence or _LINE_ENDS.match(text, mark.end):
                code[key] = index
        elif mark.opens:
            mark.closing = following.get(mark.family)
            if mark.closing is None and mark.family != "paired":
                mark.closing = following.get("any")
            ahead = None
        elif mark.family != "around" and not _quoted(text, mark.start, mark.end):
            following[mark.family] = index
            if mark.family != "details":
                following["any"] = ahead = index
    return marks


def _as_mark(found: re.Match[str]) -> _Mark:
    kind, _, family = (found.lastgroup or "").partition("_")
    if family == "tag":
        family = "<" + (found["opened"] or found["closed"]).casefold()
    return _Mark(found.start(), found.end(), family or kind, kind == "o")


def _lines(text: str, marks: Sequence[_Mark]) -> list[int]:
    """The number of the line on which each mark begins."""
    numbers, number, place = [], 0, 0
    for mark in marks:
        number += text.count("\n", place, mark.start)
        place = mark.start
        numbers.append(number)
    return numbers
