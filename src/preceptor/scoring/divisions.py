"""The parts of a clinical note, by its headings."""

from __future__ import annotations

import re

from preceptor.patterns import late

__all__ = ["DIVISIONS", "divisions"]

#: Kind of part → display name.
DIVISIONS = {
    "subjective": "Subjective",
    "exam": "Examination",
    "results": "Results",
    "plan": "Assessment and plan",
}
_HEADINGS = {
    "subjective": r"chief complaint|cc|reason for visit|history of present illness|hpi|subjective"
    r"|review of systems|review of symptoms|ros|interval history|current medications|medications"
    r"|allergies|(?:(?:past|family|social|medical|surgical) )+history",
    "exam": r"physical examination|physical exam|vitals reviewed|vital signs|vitals|exam",
    "results": r"results",
    "plan": r"assessment(?: and | & |/| / )plan|assessment|plan|impression|instructions|orders",
}
_WORDS = "|".join(_HEADINGS.values())
# A heading begins a line, and a colon or the line's end is behind it; in capitals and with a colon
# it may stand anywhere.
_HEADING = late(
    rf"^[ \t#*<>_-]*((?i:{_WORDS}))[ \t*>_]*(?::|$)|(?<![A-Za-z])({_WORDS.upper()}):", re.MULTILINE
)


def divisions(note: str) -> dict[str, str]:
    """The note's text under each of four kinds of headings, in the order of their appearance.

    The kinds are those of the paper's evaluation (Yim et al. 2023, arXiv 2306.02022):
    ``subjective``, ``exam``, ``results``, ``plan``; the headings that are known are our list. What
    stands before the first heading belongs to none.
    """
    found = list(_HEADING.finditer(note))
    texts: dict[str, list[str]] = {}
    for place, heading in enumerate(found, start=1):
        end = found[place].start() if place < len(found) else len(note)
        kind = next(
            kind
            for kind, words in _HEADINGS.items()
            if re.fullmatch(words, heading[1] or heading[2], re.IGNORECASE)
        )
        texts.setdefault(kind, []).append(note[heading.end() : end].strip(" \n*>"))
    return {kind: "\n".join(filter(None, parts)) for kind, parts in texts.items()}
