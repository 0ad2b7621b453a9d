"""Announcements of an answer in a text, and how far each of them holds."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from preceptor.patterns import late
from preceptor.scoring import cues
from preceptor.scoring.announcing import Cue, announcing
from preceptor.scoring.mentions import AROUND, Found, Mentions, Place
from preceptor.scoring.qualifiers import OTHER_CASE, UNREAL, Qualifiers, qualifiers

__all__ = ["Announcements", "Statement"]

_SENTENCE = late(r"[^.\n。;!?]{0,120}")
#: Places of a sentence at which the answer may begin.
_COPULAS = 8
#: Announcements that are looked at, the last ones of a text.
_MOST = 300
_ENDED = late(r"[)\]]?(?: it is)?(?:[.!]|\s*\n|\s*\Z)")
_CLAUSE = late(r"[,;:(，；：、]")
#: A word of an option where a link may stand: "The answer is maybe."
_WORD = late(r"\w\S*")


class Statement(NamedTuple):
    """An announcement of the answer.

    Attributes
    ----------
    final
        Marked as final: "final answer", a box, a key of JSON.
    plain
        It holds without a qualification ("for pregnant women", "might be").
    """

    start: int
    labels: Found
    final: bool = False
    plain: bool = True


def _lower(text: str) -> str:
    """In lower case, each character in its place."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(low if len(low := each.lower()) == 1 else each for each in text)
    return lower


class Announcements:
    """The announcements in a text, in order.

    Parameters
    ----------
    wrong_asked
        The question asks for the wrong option.
    """

    def __init__(self, mentions: Mentions, *, wrong_asked: bool = False) -> None:
        self.wrong_asked = wrong_asked
        self.at, self.text = mentions, mentions.text
        self.ends = [end.end() for end in cues.SENTENCE_END.finditer(self.text)]
        cues_found = announcing(_lower(self.text), wrong_asked=wrong_asked)
        self.cues = [*deque(cues_found, maxlen=_MOST)]

    def __iter__(self) -> Iterator[Statement]:
        for cue in self.cues:
            found = self._named(cue)
            if found is not None:
                place, end, labels = found
                holds = self._holds(cue, place, end)
                if holds is not None:
                    final = cues.FINAL.search(self.text, max(0, cue.start - 14), place)
                    yield Statement(cue.start, labels, final is not None, holds)
        yield from self._contrasts()

    def _holds(self, cue: Cue, place: int, end: int) -> bool | None:
        """Whether an announcement holds without a qualification; None where it is none.

        "The wrong answer is B", "if the answer is B", "is the answer B?" announce nothing; "for
        pregnant women the answer is B" counts only where nothing else is announced.
        """
        words = self.qualifiers(cue.language)
        between = self.text[cue.end : place]
        start, stop = self.sentence(cue.start, end)
        before = self.text[max(start, cue.start - 300) : cue.start].lstrip()
        clause = _CLAUSE.split(before[-120:])[-1]
        if (
            words.other.search(clause)
            or words.beside.match(between)
            or words.negation.search(between)
            or words.reported.search(clause)
            or self.supposed(words, before, end, stop)
        ):
            return None
        after = self.text[end:stop].lstrip(" ,)")
        limited = words.group.search(
            f"{before} {self.text[cue.start : cue.end]} {between}"
        ) or words.group.match(after)
        return not limited and not cues.HEDGED.search(between)

    def qualifiers(self, language: str) -> Qualifiers:
        """The words of a language that qualify an announcement."""
        return qualifiers(language, wrong_asked=self.wrong_asked)

    def supposed(self, words: Qualifiers, before: str, end: int, stop: int) -> bool:
        """Whether a sentence asks, or states a condition before or right after the letter."""
        asked = self.text[end:stop].rstrip().endswith(("?", "？", "؟"))
        if asked or words.turned.match(self.text, end):
            return True
        if OTHER_CASE.match(before) and UNREAL.search(self.text, end - len(before), stop):
            return True
        condition = words.supposed.search(before)
        return condition is not None and not words.weighing.search(before, condition.start())

    def sentence(self, start: int, end: int) -> tuple[int, int]:
        """Begin and end of the sentence around two places."""
        first, last = bisect_left(self.ends, start + 1), bisect_left(self.ends, end + 1)
        begins = self.ends[first - 1] if first else 0
        return begins, self.ends[last] if last < len(self.ends) else len(self.text)

    def _named(self, cue: Cue) -> tuple[int, int, Found] | None:
        """(place, end, labels) of what a cue announces."""
        place = self.at.after_links(cue.end)
        if cue.noun and self._spoken_of(cue, place):
            return None
        found = self.at.named_at(place)
        if found is not None:
            return place, *found
        return self._named_within(cue.end, place) or self._named_later(place)

    def _spoken_of(self, cue: Cue, place: int) -> bool:
        """Whether "answer B" goes on, as in "answer B would be for children"."""
        found = self.at.labels_at(place)
        if found is None or not cues.WEAK.fullmatch(self.text, cue.end, place):
            return False
        if cues.LINE_ENDS.match(self.text, found[0]):
            return False
        return cue.start > 0 or self._goes_through(found)

    def _goes_through(self, first: Place) -> bool:
        """Whether the first "answer A." of a text is more than that, or others follow."""
        places = ((cue.end, self.at.after_links(cue.end)) for cue in self.cues if cue.noun)
        bare = (place for end, place in places if cues.WEAK.fullmatch(self.text, end, place))
        alone = all((self.at.labels_at(place) or first)[1] == first[1] for place in bare)
        return not alone or not cues.SENTENCE_ENDS.match(self.text, first[0])

    def _named_within(self, start: int, end: int) -> tuple[int, int, Found] | None:
        """Where a word that may stand before an answer is one: "The answer is maybe."."""
        words = _WORD.finditer(self.text, start, end)
        named = [
            (word.start(), *text)
            for word in words
            if (text := self.at.text_at(word.start())) is not None
        ]
        return named[-1] if named else None

    def _named_later(self, place: int) -> tuple[int, int, Found] | None:
        """Later in the sentence: "the answer for this patient would be B"."""
        sentence = _SENTENCE.match(self.text, place)
        for copula in islice(cues.BEGINS.finditer(sentence[0] if sentence else ""), _COPULAS):
            begins = self.at.after_links(place + copula.end())
            found = self.at.named_at(begins)
            if found is not None:
                return begins, *found
        return None

    def _contrasts(self) -> Iterator[Statement]:
        """ "Not A but B", "It is B." as a sentence, and ticked boxes."""
        for contrast in cues.CONTRAST.finditer(self.text):
            rejected = contrast[contrast.lastgroup or 0].split()[-1].strip(AROUND)
            found = self.at.labels_at(self.at.after_links(contrast.end()))
            if found and self.at.letters.token.fullmatch(rejected):
                yield Statement(contrast.start(), found[1])
        for start in cues.IT_IS.finditer(self.text):
            found = self.at.labels_at(start.end())
            letter = self.text[start.end() :].lstrip("([")[:1]
            if found and not letter.islower() and _ENDED.match(self.text, found[0]):
                yield Statement(start.start(), found[1])
        for box in cues.TICKED.finditer(self.text):
            ticked = self.at.named_at(box.end())
            if ticked is not None:
                yield Statement(box.start(), ticked[1])
