"""A free answer to a multiple-choice question → the letter that it states."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from preceptor.scoring import cues
from preceptor.scoring.alphabets import CJK, letters
from preceptor.scoring.plain import plain_text

__all__ = ["read_choice"]

Found = frozenset[str]
Place = tuple[int, Found]

#: Characters of the end of an answer that are read: what it states, it states there.
_LONGEST = 20_000
_CELL = re.compile(r"(\d)\.0")
_OPENING = re.compile(r"[\s\"'“‘«「『\[({<]*")
_BETWEEN = re.compile(r"[\s).\]:,\-–—\"']*")
_HEAD = re.compile(r"\s*(?:\.(?!\d)|[):\]}])|\s[-–—]\s")
_SENTENCE = re.compile(r"[^.\n。;!?]{0,120}")
_ARTICLE = re.compile(r"(?:an?|the|une?|el|la|le) ", re.IGNORECASE)
_NAMED = re.compile(
    r"(?:opt(?:ion)?|choice|choose|select|pick)(?:\.?\s*[(:]?\s*\b|(?=\d))(\w)\b\)?", re.IGNORECASE
)
#: The number of a question before its answer.
_NUMBERED = re.compile(r"(?:Q(?:uestion)?\s*)?\d{1,4}\s*[.):\-]\s*(\D+)", re.IGNORECASE)
#: Texts of options that are words of a reply, so that "Yes, …" is an answer.
_REPLIES = frozenset(("yes", "no", "maybe"))
_ONE_CJK = re.compile(f"[{CJK}]")
_AROUND = " \t\r\n\"'“”‘’«»「」『』()[]{}<>.:;,?!。、\\"


def read_choice(
    text: str, options: Mapping[str, str], *, several: bool = False
) -> str | list[str] | None:
    """The option that an answer states, or None where it states none, or not one.

    Read are: a letter alone, however bracketed; ``The answer is B``, ``Answer: B) …``,
    ``\\boxed{B}``, ``{"answer": "B"}`` and their like in other languages; the text of an option in
    place of its letter; letters of other scripts (Arabic, Cyrillic, Devanagari, Greek, Hebrew,
    Chinese, Japanese, Korean, Thai) by their place in the alphabet, or by looking like a Latin one.
    The last statement counts: what was thought of before does not. A letter is never taken out of
    a word or a name ("A patient", "B cells", "I do not know").

    Parameters
    ----------
    text
        The answer; reasoning in ``<think>`` tags is left out.
    options
        Label as printed before the option → its text.
    several
        More than one option may be right: the result is a list, in the order of the options.

    Returns
    -------
    None also where the last statement names several options and ``several`` is False; where a
    letter may stand for two options (a Cyrillic В is the third and looks like the second); and
    where beside the letter stands the text of another option.
    """
    plain = plain_text(text)[-_LONGEST:]
    if not plain:
        return None
    found = _Reader(plain, options, several).read()
    if several:
        return [label for label in options if label in found] or None
    return next(iter(found)) if len(found) == 1 else None


def _folded(text: str) -> str:
    return " ".join(plain_text(text).casefold().split()).rstrip(".。 ")


def _inside(form: re.Pattern[str], bare: str) -> str:
    found = form.fullmatch(bare)
    return found[1].strip(_AROUND) if found else ""


class _Reader:
    """One answer and the options it is read for."""

    def __init__(self, text: str, options: Mapping[str, str], several: bool) -> None:
        self.text, self.several = text, several
        self.texts = {label: _folded(option) for label, option in options.items()}
        self.longest = max(map(len, self.texts.values()), default=0)
        numbers = any(re.search(r"\d", option) for option in options.values())
        self.letters = letters(tuple(options), not numbers)
        self.labels = frozenset(options)

    def read(self) -> Found:
        if (whole := self._whole()) is not None:
            return whole
        stated = sorted([*self._statements(), *self._bare_lines()], key=lambda each: each[0])
        if stated:
            return stated[-1][1]
        return self._affirmed() or self._replied() or self._line_heads() or self._cited()

    def _replied(self) -> Found:
        """ "Yes, because …", where the options are yes, no and maybe."""
        first = re.match(r"\w+(?=[,.;:!\n]| [-–—])", self.text)
        if first is None or not set(self.texts.values()) <= _REPLIES:
            return frozenset()
        return frozenset(each for each, text in self.texts.items() if text == first[0].casefold())

    def _whole(self) -> Found | None:
        """Where there is nothing but letters, or nothing but the text of an option."""
        text = cell[1] if (cell := _CELL.fullmatch(self.text)) else self.text
        bare, folded = text.strip(_AROUND), _folded(text)
        if self.several and bare and set(bare.upper()) <= self.labels:
            return frozenset(bare.upper())
        for form in (bare, _inside(_NUMBERED, bare), _inside(_NAMED, bare)):
            if form and self.letters.token.fullmatch(form):
                return self.letters.meant(form)
        wholes = (folded, _folded(self.text))  # "4.0" may be the text of an option
        same = frozenset(label for label, option in self.texts.items() if option in wholes)
        return same or self._letters_alone(text)

    def _letters_alone(self, text: str) -> Found | None:
        """Letters, perhaps with the text of their option ("C, Vitamin C") or with "not A"."""
        found = self._labels_at(self._after_links(0))
        if found is None:
            return None
        rather = cues.RATHER.match(text, found[0])
        other = self._labels_at(self._after_links(rather.end())) if rather else None
        end = found[0] if other is None or other[1] & found[1] else other[0]
        rest = text[end:].strip(_AROUND + "=/|&–—-")
        own = len(found[1]) == 1 and _folded(rest) == self.texts[next(iter(found[1]))]
        return found[1] if own or not rest else None

    def _statements(self) -> Iterator[Place]:
        """(place, labels) of everything that says which answer is given."""
        for cue in cues.CUE.finditer(self.text):
            place = self._after_links(cue.end())
            if cue["noun"] and self._spoken_of(cue.end(), place):
                continue
            found = self._named_at(place)
            if found is None:
                found = self._named_within(cue.end(), place)
            if found is None:
                found = self._named_later(place)
            if found is not None:
                yield cue.start(), found
        yield from self._contrasts()

    def _contrasts(self) -> Iterator[Place]:
        """ "Not A but B", "It is B." as a sentence, and ticked boxes."""
        for contrast in cues.CONTRAST.finditer(self.text):
            rejected = contrast["rejected"].split()[-1].strip(_AROUND)
            found = self._labels_at(self._after_links(contrast.end()))
            if found and self.letters.token.fullmatch(rejected):
                yield contrast.start(), found[1]
        for start in cues.IT_IS.finditer(self.text):
            found = self._labels_at(start.end())
            letter = self.text[start.end() :].lstrip("([")[:1]
            if (
                found
                and not letter.islower()
                and re.compile(r"[)\]]?(?:[.!]|\s*\n|\s*\Z)").match(self.text, found[0])
            ):
                yield start.start(), found[1]
        for box in cues.TICKED.finditer(self.text):
            ticked = self._named_at(box.end())
            if ticked is not None:
                yield box.start(), ticked

    def _spoken_of(self, end: int, place: int) -> bool:
        """Whether "answer B" goes on, as in "answer B would be for children"."""
        found = self._labels_at(place)
        if found is None or not cues.WEAK.fullmatch(self.text, end, place):
            return False
        return not cues.LINE_ENDS.match(self.text, found[0])

    def _affirmed(self) -> Found:
        """The letters that are said to be right: "B is correct"."""
        found: Found = frozenset()
        for token in self.letters.token.finditer(self.text):
            if token[0].islower() or not cues.AFFIRMED.match(self.text, token.end()):
                continue
            if cues.INTRODUCED.search(self.text[max(0, token.start() - 24) : token.start()]):
                found |= self.letters.meant(token[0])
        return found

    def _after_links(self, place: int) -> int:
        link = cues.LINK.match(self.text, place)
        empty = cues.EMPTY_BOX.search(self.text, place, link.end() + 1) if link else None
        return empty.start() if empty else link.end() if link else place

    def _named_within(self, start: int, end: int) -> Found | None:
        """Where a word that may stand before an answer is one: "The answer is maybe."."""
        words = re.compile(r"\w[^\s]*").finditer(self.text, start, end)
        named = [text for word in words if (text := self._text_at(word.start())) is not None]
        return named[-1][1] if named else None

    def _named_later(self, place: int) -> Found | None:
        """Later in the sentence: "the answer for this patient would be B"."""
        sentence = _SENTENCE.match(self.text, place)
        part = sentence[0] if sentence else ""
        for copula in cues.BEGINS.finditer(part):
            if cues.NEGATED.search(part, 0, copula.end()):
                return None
            found = self._named_at(self._after_links(place + copula.end()))
            if found is not None:
                return found
        return None

    def _named_at(self, place: int) -> Found | None:
        """What begins at this place: letters, or the text of an option."""
        by_text, by_letter = self._texts_at(place), self._labels_at(place)
        if by_letter is None or (by_text is not None and by_text[0] > by_letter[0] + 1):
            return by_text[1] if by_text is not None else None
        end, labels = by_letter
        if cues.REJECTED.match(self.text, end):
            return None
        beside = self._text_beside(end)
        return labels if beside is None or len(beside) > 1 else labels & beside

    def _texts_at(self, place: int) -> Place | None:
        """The same for the text of an option, or two of them with an "or" between."""
        first = self._text_at(place)
        link = cues.ADDS.match(self.text, first[0]) if first else None
        second = self._text_at(link.end()) if link else None
        return (second[0], first[1] | second[1]) if first and second else first

    def _text_beside(self, end: int) -> Found | None:
        between = _BETWEEN.match(self.text, end)
        found = self._text_at(between.end() if between else end)
        return None if found is None else found[1]

    def _text_at(self, place: int) -> Place | None:
        """(end, labels) of the longest option's text that stands here as a whole."""
        best: Place | None = None
        opening = _OPENING.match(self.text, place)
        begin = opening.end() if opening else place
        article = _ARTICLE.match(self.text, begin)
        if article and not any(text.startswith(article[0].lower()) for text in self.texts.values()):
            begin = article.end()
        window = self.text[begin : begin + 2 * self.longest + 40].partition("\n")[0]
        rest = " ".join(window.casefold().split())
        for label, option in self.texts.items():
            if not option or option.upper() in self.labels or not rest.startswith(option):
                continue
            after = rest[len(option) :].lstrip()
            if after and after[0] not in cues.ENDS + ".(-–—'" and not _ONE_CJK.match(after):
                continue
            end = begin + len(option)
            if best is None or end > best[0]:
                best = (end, frozenset([label]))
            elif end == best[0]:
                best = (end, best[1] | {label})
        return best

    def _labels_at(self, place: int) -> Place | None:
        """(end, labels) of one letter or a list of them."""
        opening = _OPENING.match(self.text, place)
        begin = opening.end() if opening else place
        run = re.compile(r"[A-Z]{2,}\b").match(self.text, begin)
        if self.several and run and set(run[0]) <= self.labels:
            return run.end(), frozenset(run[0])
        token = self.letters.token.match(self.text, begin)
        if token is None:
            return None
        meant, end = self.letters.meant(token[0]), token.end()
        while link := cues.ADDS.match(self.text, end):
            more = self.letters.token.match(self.text, link.end())
            if more is None or not self._alone(more.end(), more[0]):
                break
            meant, end = meant | self.letters.meant(more[0]), more.end()
        listed = end > token.end()
        return (end, meant) if listed or self._alone(end, token[0]) else None

    def _alone(self, end: int, written: str) -> bool:
        """Whether what follows leaves a letter a letter, and not a word or a part of a name."""
        rest = self.text[end : end + 60]
        first, second = rest[:1], rest[1:2]
        if not rest.strip() or first in cues.ENDS:
            return True
        if first == ".":
            return not second.isdigit() and not self._abbreviates(end, written)
        if first in "'׳":
            return not second.isalnum()
        if first in "-–—":
            return first != "-" or second.isspace()
        if _ONE_CJK.match(rest.lstrip()):
            return bool(cues.GOES_ON_CJK.match(rest.lstrip())) or self._own_text(end, written)
        return first.isspace() and self._alone_before(rest.lstrip(" \t"), end, written)

    def _alone_before(self, word: str, end: int, written: str) -> bool:
        """The same where a space and then this word follow."""
        if word[:1] in ("", "\n", "\r") or self._own_text(end, written):
            return True
        if written.islower():
            return not word[0].isalnum() and word[0] not in "-–"
        if cues.GOES_ON.match(word):
            return written != "I" or not word.startswith(("would", "was"))
        # "The answer is B This is because": a sentence that begins without a full stop before.
        begins = word[0].isupper() and word[1:2].islower() and written not in "AI"
        return begins or not (word[0].isalnum() or word[0] in "'\"")

    def _abbreviates(self, end: int, written: str) -> bool:
        """Whether a letter is part of a name such as "E. coli"."""
        name = re.compile(r"\. ?([a-z]{3,})").match(self.text, end)
        if name is None or cues.GOES_ON.match(name[1]):
            return False
        return all(
            not self.texts[label].startswith(name[1]) for label in self.letters.meant(written)
        )

    def _own_text(self, end: int, written: str) -> bool:
        beside = self._text_at(end)
        return beside is not None and bool(beside[1] & self.letters.meant(written))

    def _bare_lines(self) -> Iterator[Place]:
        """Lines with nothing but a letter; several in a row are one statement."""
        place = 0
        block: Place | None = None
        for line in self.text.splitlines(keepends=True):
            bare = line.strip(_AROUND)
            if bare and self.letters.token.fullmatch(bare):
                start, labels = block or (place, frozenset())
                block = (start, labels | self.letters.meant(bare))
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
            token = self.letters.token.match(self.text, self._after_links(begin))
            if (
                token
                and _HEAD.match(self.text, token.end())
                and not self._abbreviates(token.end(), token[0])
            ):
                meant, beside = self.letters.meant(token[0]), self._text_beside(token.end())
                if beside is not None and not beside & meant:
                    return frozenset()
                alone = self.text[token.end() : place + len(line)].strip(_AROUND)
                if self.letters.token.fullmatch(alone) and not self.letters.meant(alone) & meant:
                    return frozenset()  # "A: B" may be an answer to a question, or two of them
                found |= meant
                rest = _folded(self.text[token.end() : place + len(line)].strip(_AROUND))
                ends = place + len(line) == len(self.text) and rest in {
                    "",
                    *(self.texts[label] for label in meant),
                }
                listed = listed and place > 0 and not ends
            place += len(line)
        if listed and self._may_be_a_list(found):
            return frozenset()
        return found if self.several or len(found) == 1 else frozenset()

    def _cited(self) -> Found:
        """The option that is named with both its letter and its text, if it is one."""
        found: Found = frozenset()
        inside = True
        for token in self.letters.token.finditer(self.text):
            after = re.compile(r"[).\]:\s]{1,4}").match(self.text, token.end())
            beside = self._text_at(after.end()) if after else None
            if beside and not cues.REJECTED.match(self.text, beside[0]):
                found |= beside[1] & self.letters.meant(token[0])
                ends = not self.text[beside[0] :].strip(_AROUND)
                inside = inside and token.start() > 0 and not ends
        return frozenset() if inside and self._may_be_a_list(found) else found

    def _may_be_a_list(self, found: Found) -> bool:
        """Whether only the first option is named: the options may have been gone through, and the
        answer cut off after the first."""
        return found == {next(iter(self.texts))}
