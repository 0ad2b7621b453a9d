"""Where a text names options: by their letters, or by what they say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from preceptor.patterns import late
from preceptor.scoring import cues
from preceptor.scoring.alphabets import CJK, letters
from preceptor.scoring.languages.replies import REPLIES, REPLY
from preceptor.scoring.plain import unmarked

__all__ = ["AROUND", "Found", "Mentions", "Place", "folded"]

#: Labels; and a place in the text where their mention begins or ends, with them.
Found = frozenset[str]
Place = tuple[int, Found]

#: Signs around a letter that is the whole answer.
AROUND = " \t\r\n\"'“”‘’«»「」『』()[]{}<>.:;,?!。、।۔።،؟፦\\"

#: Items of a list of options that are read; so a place costs no more than these.
_MOST = 26

_OPENING = late(r"[\s\"'“‘«「『\[({<]*")
_BETWEEN = late(r"[\s).\]:,\-–—\"']*")
_ARTICLE = late(r"(?:an?|the|une?|el|la|le) ", re.IGNORECASE)
_ONE_CJK = late(f"[{CJK}]")
#: Endings that are written after a sign: "B'dir" in Turkish, "B-dir" in Azerbaijani.
_SUFFIX = late(r"['’-](?:[dt][ıiuü]r|y[ıiuü]|n[ıiuü]n|s[ıiuü])\b")
_RUN = late(r"[A-Z]{2,}\b")
_ABBREVIATED = late(r"\. ?([a-z]{3,})")


def folded(text: str) -> str:
    """A text in the form for comparing: without markup, case, doubled spaces and full stop."""
    return " ".join(unmarked(text).casefold().split()).rstrip(".。 ")


class Mentions:
    """One answer and the options that may be named in it.

    Parameters
    ----------
    forms
        Label → the words that mean it, where these are all that is said, and no letters.
    """

    def __init__(
        self,
        text: str,
        options: Mapping[str, str],
        several: bool = False,
        forms: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.text, self.several = text, several
        self.texts = {label: folded(option) for label, option in options.items()}
        self.wordings = (
            [*self.texts.items()]
            if forms is None
            else [(label, folded(word)) for label, words in forms.items() for word in words]
        )
        if all(wording in REPLY for _, wording in self.wordings):
            self.wordings = [
                (label, word)
                for label, reply in {(label, REPLY[word]) for label, word in self.wordings}
                for word in REPLIES[reply].split("|")
            ]
        self.longest = max((len(wording) for _, wording in self.wordings), default=0)
        numbers = any(re.search(r"\d", option) for option in options.values())
        self.letters = letters(tuple(options), not numbers)
        self.labels = frozenset(options)

    def after_links(self, place: int) -> int:
        """End of the words that may stand between an announcement and a letter."""
        link = cues.LINK.match(self.text, place)
        empty = cues.EMPTY_BOX.search(self.text, place, link.end() + 1) if link else None
        return empty.start() if empty else link.end() if link else place

    def named_at(self, place: int, most: int = _MOST) -> Place | None:
        """(end, labels) of what begins at this place: letters, or the text of an option.

        Parameters
        ----------
        most
            Items of a list that are read.
        """
        by_text, by_letter = self.texts_at(place), self.labels_at(place)
        if by_letter is None or (by_text is not None and by_text[0] > by_letter[0] + 1):
            return by_text
        end, labels = by_letter
        if cues.REJECTED.match(self.text, end):
            return None
        beside = self.text_beside(end)
        if beside is None or len(beside[1]) > 1:
            return by_letter
        link = cues.ADDS.match(self.text, beside[0]) if self.several and most > 1 else None
        more = self.named_at(link.end(), most - 1) if link else None
        own = labels & beside[1]
        return (more[0], own | more[1]) if more else (beside[0], own)

    def texts_at(self, place: int) -> Place | None:
        """The same for the text of an option, or some with "or" or "and" between."""
        found = self.text_at(place)
        for _ in range(_MOST):
            link = cues.ADDS.match(self.text, found[0]) if found else None
            more = self.text_at(link.end()) if link else None
            if found is None or more is None:
                break
            found = more[0], found[1] | more[1]
        return found

    def text_beside(self, end: int) -> Place | None:
        """The text of an option that follows a letter."""
        between = _BETWEEN.match(self.text, end)
        return self.text_at(between.end() if between else end)

    def text_at(self, place: int) -> Place | None:
        """(end, labels) of the longest option's text that stands here as a whole."""
        best: Place | None = None
        opening = _OPENING.match(self.text, place)
        begin = opening.end() if opening else place
        article = _ARTICLE.match(self.text, begin)
        if article and not any(
            wording.startswith(article[0].lower()) for _, wording in self.wordings
        ):
            begin = article.end()
        window = self.text[begin : begin + 2 * self.longest + 40].partition("\n")[0]
        rest = " ".join(window.casefold().split())
        for label, option in self.wordings:
            if not option or option.upper() in self.labels or not rest.startswith(option):
                continue
            after = rest[len(option) :].lstrip()
            listed = self.several and cues.ADDS.match(rest, len(option))
            ends = not after or after[0] in cues.ENDS + ".(-–—'" or listed
            if not ends and not self._goes_on(after):
                continue
            end = begin + len(option)
            if best is None or end > best[0]:
                best = (end, frozenset([label]))
            elif end == best[0]:
                best = (end, best[1] | {label})
        return best

    def _goes_on(self, after: str) -> bool:
        return bool(_ONE_CJK.match(after) or (after[0] > "\u0590" and cues.GOES_ON.match(after)))

    def labels_at(self, place: int) -> Place | None:
        """(end, labels) of one letter or a list of them."""
        opening = _OPENING.match(self.text, place)
        begin = opening.end() if opening else place
        run = _RUN.match(self.text, begin)
        if self.several and run and set(run[0]) <= self.labels:
            return run.end(), frozenset(run[0])
        token = self.letters.token.match(self.text, begin)
        if token is None:
            return None
        meant, end = self.letters.meant(token[0]), token.end()
        if self.several and len(meant) > 1:
            return None
        for _ in range(_MOST):
            link = cues.ADDS.match(self.text, end)
            if link is None:
                break
            more = self.letters.token.match(self.text, link.end())
            if more is None or not (self._listed(more.end()) or self._alone(more.end(), more[0])):
                break
            other = self.letters.meant(more[0])
            if self.several and len(other) > 1:
                return None
            meant, end = meant | other, more.end()
        listed = end > token.end()
        return (end, meant) if listed or self._alone(end, token[0]) else None

    def _listed(self, end: int) -> bool:
        """Whether another letter follows that is meant as well."""
        link = cues.ADDS.match(self.text, end)
        return link is not None and self.letters.token.match(self.text, link.end()) is not None

    def _alone(self, end: int, written: str) -> bool:
        """Whether what follows shows a letter of its own, not a part of a word or name."""
        rest = self.text[end : end + 60]
        first, second = rest[:1], rest[1:2]
        if not rest.strip() or first in cues.ENDS:
            return True
        if first in ".'’׳(-–—":
            return self._alone_at_sign(end, written, first, second)
        if _ONE_CJK.match(rest.lstrip()):
            return bool(cues.GOES_ON_CJK.match(rest.lstrip())) or self._own_text(end, written)
        return first.isspace() and self._alone_before(rest.lstrip(" \t"), end, written)

    def _alone_at_sign(self, end: int, written: str, sign: str, after: str) -> bool:
        """The same where a sign that may join words follows."""
        if sign == ".":
            return not after.isdigit() and not self.abbreviates(end, written)
        if sign == "(":
            return self._own_text(end, written)
        if sign in "-–—":
            return sign != "-" or after.isspace() or _SUFFIX.match(self.text, end) is not None
        return not after.isalnum() or _SUFFIX.match(self.text, end) is not None

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

    def abbreviates(self, end: int, written: str) -> bool:
        """Whether a letter is part of a name such as "E. coli"."""
        name = _ABBREVIATED.match(self.text, end)
        if name is None or cues.GOES_ON.match(name[1]):
            return False
        return all(
            not self.texts[label].startswith(name[1]) for label in self.letters.meant(written)
        )

    def _own_text(self, end: int, written: str) -> bool:
        beside = self.text_at(end)
        return beside is not None and bool(beside[1] & self.letters.meant(written))
