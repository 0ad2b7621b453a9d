"""A free answer to a multiple-choice question → the letter that it states."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from preceptor.patterns import late
from preceptor.scoring import cues
from preceptor.scoring.announced import Announcements, Statement
from preceptor.scoring.languages.replies import REPLY
from preceptor.scoring.mentions import AROUND, Found, Mentions, folded
from preceptor.scoring.plain import plain_text
from preceptor.scoring.qualifiers import WRONG_ASKED
from preceptor.scoring.reading import word_in
from preceptor.scoring.turns import first_turn, keyed, questions

__all__ = ["read_choice", "read_label"]

#: Characters at the end of an answer that are read: the answer is stated there.
_LONGEST = 20_000
#: Longest answer of which what it states is kept for the next one alike.
_SHORT = 100
#: Characters at the end of a question that are read.
_LONGEST_ASKED = 300
#: Tags end what stands before them, and those of an answer announce one.
_TAG = late(
    r"</[\w-]{1,30}>|<(?!(?:final_)?answer|ans|option|choice|response|result|output)[\w-]{1,30}>"
)
#: Runs of a sign or of spaces are shortened: they mean nothing and cost time.
_RUNS = late(r"([^\w\s])\1{3,}|[^\S\n]{2,}|\n\s*\n")
_CELL = late(r"(\d)\.0")
_HEAD = late(r"\s*(?:\.(?!\d)|[):\]}])|\s[-–—]\s")
_NAMED = late(
    r"(?:opt(?:ion)?|choice|choose|select|pick)(?:\.?\s*[(:]?\s*\b|(?=\d))(\w)\b\)?", re.IGNORECASE
)
_LINE = late(r"^[ \t|(\[•*-]*(?P<letter>\w)(?!\w)[^\n]*", re.MULTILINE)
_ONLY = late(
    r"(?:only|just|both|nur|sowohl|solo|sólo|só(?: a| o)?|solamente|seulement|soltanto|apenas"
    r"|somente|alleen|только|tylko)\s+(?:option\s+)?|仅|只有",
    re.IGNORECASE,
)
#: All options, or all but some.
_ALL = late(
    r"(?:the )?(?:answer(?: is)?:?\s*)?(?:(?:all|every(?:thing)?)(?: (?:of|the|these"
    r"|them|four|five|above"
    r"|options?|answers?|statements?|are|is|correct|right|true)){0,6}|alle(?: genannten"
    r"| antworten| sind"
    r"| richtig){0,4}|todas(?: las anteriores| as anteriores)?|toutes(?: les réponses)?"
    r"|tutte(?: le precedenti)?|все(?: перечисленное)?|以上(?:全部|都是|皆是|都对)|全部)"
    r"(?:,? (?:except|but|apart from|außer|excepto|exceto|sauf|tranne"
    r"|кроме) (?P<but>[^\n]{1,40}?))?[\s.!]*\Z",
    re.IGNORECASE,
)
_NEXT_HEAD = late(r"[.;!]\s\(?(\w)(?:[):]|\s[–—-]\s)")
_ASKED = late(r"(?<=[.!?؟])\s+|(?<=[。？])|\n")
_REPLIED = late(r"[^\W\d_][\w'’\u0300-\u036f\u0900-\u0dff]*(?=[,.;:!\n،。、，।]| [-–—])")
#: The number of a question before its answer.
_NUMBERED = late(r"(?:Q(?:uestion)?\s*)?\d{1,4}\s*[.):\-]\s*(\D+)", re.IGNORECASE)


def read_choice(
    text: str, options: Mapping[str, str], *, several: bool = False, question: str = ""
) -> str | list[str] | None:
    """The option that an answer states, or None where it states none, or not one.

    Read are: a letter alone, however bracketed; ``The answer is B``, ``Answer: B) …``,
    ``\\boxed{B}``, ``{"answer": "B"}`` and their like in other languages; the text of an option in
    place of its letter; letters of other scripts (Arabic, Cyrillic, Devanagari, Greek, Hebrew,
    Chinese, Japanese, Korean, Thai) by their place in the alphabet, or by looking like a Latin one.
    The last statement counts, or the one marked as final. Earlier thoughts, qualified statements
    (second best, wrong, "if", a question) and questions that a model goes on to ask do not. A
    letter is never taken out of a word or a name ("A patient", "B cells", "I do not know").

    Parameters
    ----------
    text
        The answer; reasoning in it is left out.
    options
        Label as printed before the option → its text.
    several
        More than one option may be right: the result is a list, in the order of the options.
    question
        What was asked: where that is the wrong or least likely option, "The incorrect one is B"
        answers it.

    Returns
    -------
    None also where the last statement names several options and ``several`` is False; where a
    letter may stand for two options (a Cyrillic В is the third and looks like the second); and
    where beside the letter stands the text of another option.
    """

    wrong_asked = _wrong_asked(question[-_LONGEST_ASKED:])
    read: Callable[..., Found] = _choices if len(text) <= _SHORT else _choices.__wrapped__
    found = read(text, tuple(options.items()), several, wrong_asked)
    if several:
        return [label for label in options if label in found] or None
    return next(iter(found)) if len(found) == 1 else None


def read_label(text: str, forms: Mapping[str, Sequence[str]]) -> str | None:
    """The label that an answer states, or the only one that it mentions and does not deny.

    Parameters
    ----------
    forms
        Label → the words that mean it; yes, no and maybe are known in other languages too.
    """
    found = _stated(text, lambda part: Mentions(part, {}, forms=forms))
    if found:
        return next(iter(found)) if len(found) == 1 else None
    return next(filter(None, (word_in(part, forms) for part in questions(first_turn(text)))), None)


@functools.lru_cache(10_000)
def _choices(
    text: str, options: tuple[tuple[str, str], ...], several: bool, wrong_asked: bool
) -> Found:
    """The options that an answer states; of short ones kept, which many systems give alike."""
    named = dict(options)
    return _stated(text, lambda part: Mentions(part, named, several), wrong_asked=wrong_asked)


def _stated(text: str, mentions: Callable[[str], Mentions], *, wrong_asked: bool = False) -> Found:
    """The labels that an answer states, in the first of its parts that states one."""
    plain = keyed(_TAG.sub("\n", first_turn(_RUNS.sub(_shortened, plain_text(text)))))
    found: Found = frozenset()
    for part in questions(plain):
        if not found and part.strip():
            at = mentions(part.strip()[-_LONGEST:])
            found = _Reader(at, wrong_asked=wrong_asked).read()
    return found


@functools.lru_cache(10_000)
def _wrong_asked(question: str) -> bool:
    """Whether the sentence that asks, the last one with its mark or the last one, asks for what is
    wrong.
    """
    sentences = [each for each in _ASKED.split(question) if each.strip()]
    asking = [each for each in sentences if each.rstrip().endswith(("?", "？", "؟", ":"))]
    return WRONG_ASKED.search([*sentences, *asking][-1] if sentences else "") is not None


def _shortened(run: re.Match[str]) -> str:
    return run[1] * 3 if run[1] else " " if "\n" not in run[0] else "\n\n"


def _inside(form: re.Pattern[str], bare: str) -> str:
    found = form.fullmatch(bare)
    return found[1].strip(AROUND) if found else ""


class _Reader:
    """The order in which an answer's evidence counts."""

    def __init__(self, mentions: Mentions, *, wrong_asked: bool) -> None:
        self.at, self.text = mentions, mentions.text
        self.announced = Announcements(mentions, wrong_asked=wrong_asked)

    def read(self) -> Found:
        if (whole := self._whole()) is not None:
            return whole
        announced = [*self.announced]
        stated = [each for each in announced if each.plain] + [*self._bare_lines()]
        if stated:
            return self._decisive(sorted(stated, key=lambda each: each.start)).labels
        found = (
            self._judged()
            or self._affirmed()
            or self._replied()
            or self._line_heads()
            or self._cited()
        )
        return found or frozenset[str]().union(*(each.labels for each in announced))

    def _decisive(self, stated: list[Statement]) -> Statement:
        """The last one, unless it is a remark in passing after a final one."""
        last = stated[-1]
        final = next((each for each in reversed(stated) if each.final), last)
        rethought = cues.RETHOUGHT.search(self.text, final.start, last.start)
        return last if rethought else final

    def _replied(self) -> Found:
        """ "Yes, because …", where the options are yes, no and maybe."""
        first = _REPLIED.match(self.text)
        if first is None or not all(word in REPLY for _, word in self.at.wordings):
            return frozenset()
        word = first[0].casefold()
        return frozenset(label for label, wording in self.at.wordings if wording == word)

    def _whole(self) -> Found | None:
        """Where there is nothing but letters, or nothing but the text of an option."""
        text = cell[1] if (cell := _CELL.fullmatch(self.text)) else self.text
        bare = text.strip(AROUND)
        if self.at.several and bare and set(bare.upper()) <= self.at.labels:
            return frozenset(bare.upper())
        for form in (bare, _inside(_NUMBERED, bare), _inside(_NAMED, bare)):
            if form and self.at.letters.token.fullmatch(form):
                return self.at.letters.meant(form)
        wholes = (folded(text), folded(self.text))  # "4.0" may be the text of an option
        same = frozenset(label for label, wording in self.at.wordings if wording in wholes)
        return same or self._letters_alone(text)

    def _letters_alone(self, text: str) -> Found | None:
        """Letters, perhaps with the text of their option ("C, Vitamin C") or with "not A"."""
        if self.at.several and (every := _ALL.match(text)):
            if not every["but"]:
                return self.at.labels
            but = self.at.labels_at(self.at.after_links(every.start("but")))
            return self.at.labels - but[1] if but else None
        only = _ONLY.match(text)
        start = self.at.after_links(only.end() if only else 0)
        found = self.at.named_at(start) if self.at.several else self.at.labels_at(start)
        if found is None:
            return None
        rather = cues.RATHER.match(text, found[0])
        other = self.at.labels_at(self.at.after_links(rather.end())) if rather else None
        end = found[0] if other is None or other[1] & found[1] else other[0]
        rest = text[end:].strip(AROUND + "=/|&–—-")
        own = len(found[1]) == 1 and folded(rest) == self.at.texts[next(iter(found[1]))]
        return found[1] if own or not rest else None

    def _affirmed(self) -> Found:
        """The letters that are said to be right: "B is correct"."""
        found: Found = frozenset()
        said = cues.affirmed(wrong_asked=self.announced.wrong_asked)
        place = 0
        for token in self.at.letters.token.finditer(self.text):
            if token[0].islower() or token.start() < place:
                continue
            alone = token.end(), self.at.letters.meant(token[0])
            end, labels = self.at.labels_at(token.start()) or alone
            affirmed = said.match(self.text, end)
            if affirmed is None:
                continue
            place = end
            start, stop = self.announced.sentence(token.start(), affirmed.end())
            before = self.text[max(start, token.start() - 300) : token.start()].lstrip()
            words = self.announced.qualifiers((affirmed.lastgroup or "en").replace("_", " "))
            if cues.INTRODUCED.search(self.text[max(0, token.start() - 24) : token.start()]) and (
                not self.announced.supposed(words, before, affirmed.end(), stop)
            ):
                found |= labels
        return found

    def _judged(self) -> Found:
        """The options that are said to be right where line after line judges one of them."""
        said: dict[str, set[str]] = {"right": set(), "wrong": set()}
        for line in _LINE.finditer(self.text):
            named = self.at.named_at(line.start("letter"))
            token = self.at.letters.token.match(self.text, line.start("letter"))
            verdict = cues.VERDICT.match(self.text, named[0], line.end()) if named else None
            if named and token and verdict and verdict.lastgroup:
                said[verdict.lastgroup] |= named[1]
        right, wrong = said["right"], said["wrong"]
        if self.announced.wrong_asked:
            right, wrong = wrong, right
        return frozenset(right) if wrong and not right & wrong else frozenset()

    def _bare_lines(self) -> Iterator[Statement]:
        """Lines with nothing but a letter; several in a row are one statement."""
        place = 0
        block: Statement | None = None
        for line in self.text.splitlines(keepends=True):
            bare = line.strip(AROUND + "-*•")
            unticked = cues.EMPTY_BOX.search(line)
            if bare and not unticked and self.at.letters.token.fullmatch(bare):
                block = block or Statement(place, frozenset())
                block = block._replace(labels=block.labels | self.at.letters.meant(bare))
            elif bare and block:
                yield block
                block = None
            place += len(line)
        if block:
            yield block

    def _line_heads(self) -> Found:
        """The letter that lines begin with, if they all begin with the same."""
        found: Found = frozenset()
        place, listed = 0, True
        for line in self.text.splitlines(keepends=True):
            begin = place + len(line) - len(line.lstrip(" \t([{\"'-•"))
            token = self.at.letters.token.match(self.text, self.at.after_links(begin))
            if (
                token
                and _HEAD.match(self.text, token.end())
                and not self.at.abbreviates(token.end(), token[0])
            ):
                meant, beside = self.at.letters.meant(token[0]), self.at.text_beside(token.end())
                if beside is not None and not beside[1] & meant:
                    return frozenset()
                alone = self.text[token.end() : place + len(line)].strip(AROUND)
                if (
                    self.at.letters.token.fullmatch(alone)
                    and not self.at.letters.meant(alone) & meant
                ):
                    return frozenset()  # "A: B" may be an answer to a question, or two of them
                heads = _NEXT_HEAD.findall(self.text, token.end(), place + len(line))
                if any(
                    self.at.letters.meant(head) - meant for head in heads if head in self.at.labels
                ):
                    return frozenset()  # the options one after the other
                found |= meant
                rest = folded(self.text[token.end() : place + len(line)].strip(AROUND))
                ends = place + len(line) == len(self.text) and rest in {
                    "",
                    *(self.at.texts[label] for label in meant),
                }
                listed = listed and place > 0 and not ends
            place += len(line)
        if listed and self._may_be_a_list(found):
            return frozenset()
        return found if self.at.several or len(found) == 1 else frozenset()

    def _cited(self) -> Found:
        """The option that is named with both its letter and its text, if it is one."""
        found: Found = frozenset()
        inside = True
        for token in self.at.letters.token.finditer(self.text):
            after = re.compile(r"[).\]:\s]{1,4}").match(self.text, token.end())
            beside = self.at.text_at(after.end()) if after else None
            verdict = cues.VERDICT.match(self.text, beside[0]) if beside else None
            denied = verdict is not None and verdict["wrong"] is not None
            if beside and not denied and not cues.REJECTED.match(self.text, beside[0]):
                found |= beside[1] & self.at.letters.meant(token[0])
                ends = not self.text[beside[0] :].strip(AROUND)
                inside = inside and token.start() > 0 and not ends
        return frozenset() if inside and self._may_be_a_list(found) else found

    def _may_be_a_list(self, found: Found) -> bool:
        """Whether only the first option is named: the options may have been gone through, and the
        answer cut off after the first."""
        return found == {next(iter(self.at.texts), None)}
