"""What stands in a de-identified text for a name, a date, a number: is it used rightly?"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

__all__ = ["Replaced", "SurrogateCounts", "judged"]

_DATES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y"),
    *("%d/%m/%y", "%m/%d/%y", "%d %B %Y", "%B %d, %Y", "%d %b %Y", "%b %d, %Y", "%B %d %Y"),
)
#: A longer text is no date.
_LONGEST_DATE = 40


class Replaced(msgspec.Struct, frozen=True):
    """One mention with what stands for it."""

    original: str
    type: str
    surrogate: str


class SurrogateCounts(msgspec.Struct, frozen=True):
    """All mentions of a patient, or of a document without one; pairs are (held, of how many).

    Attributes
    ----------
    consistent
        Originals that occur more than once: those with the same surrogate each time.
    distinct
        Originals: those whose surrogate stands for no other original of the same type.
    shifted
        Whether all dates moved by the same number of days; of none where two were not understood.
    form
        Mentions with a digit: those whose surrogate has digits, letters and marks at the same
        places, a run of letters for a run of letters.
    returned
        Mentions: those whose surrogate is one of the originals.
    """

    consistent: tuple[int, int]
    distinct: tuple[int, int]
    shifted: tuple[int, int]
    form: tuple[int, int]
    returned: tuple[int, int]


def judged(mentions: Sequence[Replaced]) -> SurrogateCounts:
    """Count what holds of the surrogates of one patient.

    Case and spaces do not tell two texts apart. Source of the properties: the surrogate rules of
    i2b2/UTHealth 2014 (Stubbs & Uzuner 2015, J Biomed Inform 58:S20).
    """
    by_original: dict[tuple[str, str], list[str]] = defaultdict(list)
    by_surrogate: dict[tuple[str, str], set[str]] = defaultdict(set)
    for each in mentions:
        original, surrogate = _plain(each.original), _plain(each.surrogate)
        by_original[each.type, original].append(surrogate)
        by_surrogate[each.type, surrogate].add(original)
    again = [set(found) for found in by_original.values() if len(found) > 1]
    alone = [
        all(len(by_surrogate[type, surrogate]) == 1 for surrogate in found)
        for (type, _), found in by_original.items()
    ]
    originals = {original for _, original in by_original}
    digits = [each for each in mentions if any(map(str.isdigit, each.original))]
    return SurrogateCounts(
        consistent=(sum(len(found) == 1 for found in again), len(again)),
        distinct=(sum(alone), len(alone)),
        shifted=_shifted(mentions),
        form=(sum(_form(a.original) == _form(a.surrogate) for a in digits), len(digits)),
        returned=(sum(_plain(each.surrogate) in originals for each in mentions), len(mentions)),
    )


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _form(text: str) -> str:
    digits = re.sub(r"\d", "9", " ".join(text.split()))
    return re.sub(r"[^\W\d_]+", "a", digits)


def _shifted(mentions: Sequence[Replaced]) -> tuple[int, int]:
    """An order of day and month that moves all dates alike is taken for the one that is meant."""
    moves = [found for each in mentions if (found := _moves(each))]
    if len(moves) < 2:
        return 0, 0
    return int(bool(set.intersection(*moves))), 1


def _moves(mention: Replaced) -> set[timedelta]:
    """By how much a date has moved, read in each way that both texts can be read in."""
    pairs = [
        [_date(text, form) for text in (mention.original, mention.surrogate)] for form in _DATES
    ]
    return {after - before for before, after in pairs if before is not None and after is not None}


def _date(text: str, form: str) -> datetime | None:
    if len(text) > _LONGEST_DATE:
        return None
    try:
        return datetime.strptime(" ".join(text.split()), form)
    except ValueError:
        return None
