"""The words that announce an answer, and those that qualify the announcement."""

from __future__ import annotations

import msgspec

__all__ = ["Words"]


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """The words of one language, or of neighbours that share them: alternatives between ``|``.

    They are regular expressions; word boundaries are added where the script has spaces. A leading
    ``^`` asks for the beginning of a clause.

    Attributes
    ----------
    answer
        Nouns after which the answer is named.
    choosing
        Verbs, and nouns that never are only spoken of.
    right, option
        Together they announce as well ("best option", "opción correcta"); ``right`` also after a
        letter ("B es correcta").
    link
        What may stand between announcement and letter.
    other
        What makes it not the answer: second best, alternative.
    wrong
        What makes it not the answer unless the question asks for it: wrong, least likely.
    negation
        What rejects the letter that follows.
    supposed
        Earlier in the sentence: a condition.
    weighing
        Verbs that make the condition one of the case at hand ("if we consider all findings").
    reported
        Earlier in the clause: that it is the view of others.
    turned
        Right after the letter: a negation or a condition.
    group
        Those for whom alone the announcement holds ("for pregnant women").
    follows
        What may follow a letter without making it a part of a name.
    question
        The heading of a question.
    """

    answer: str = ""
    choosing: str = ""
    right: str
    option: str
    link: str
    other: str
    wrong: str
    negation: str
    supposed: str = ""
    weighing: str = ""
    reported: str = ""
    group: str
    question: str
    turned: str = ""
    follows: str = ""
