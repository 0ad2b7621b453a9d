"""Short answers to questions: yes or no, a choice, a phrase."""

from __future__ import annotations

import re
from collections import Counter

from preceptor.reasoning import said_in

__all__ = ["phrase", "token_f1", "token_recall", "yes_or_no"]

_YES_NO = re.compile(r"(yes|no)(?=$|[.,;:!\n])")


def phrase(text: str) -> str:
    """An answer without case, marks, articles and spaces too many, for an exact comparison.

    As SQuAD's script does it (Rajpurkar et al. 2016, EMNLP).
    """
    plain = re.sub(r"[^\w\s]", "", said_in(text).casefold())
    return " ".join(word for word in plain.split() if word not in ("a", "an", "the"))


def yes_or_no(text: str) -> str | None:
    """``yes`` or ``no`` where an answer is that, or begins with it and a mark; else None.

    A no inside a sentence is none: to "Is it normal?", "No abnormality" means yes.
    """
    found = _YES_NO.match(re.sub(r"[*_`\"']", "", said_in(text)).strip().casefold())
    return found[1] if found else None


def _tokens(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", said_in(text).casefold()))


def token_recall(said: str, reference: str) -> float:
    """Share of the reference's words that the answer has, 0 to 1, each as often as it has it."""
    wanted = _tokens(reference)
    return (wanted & _tokens(said)).total() / max(wanted.total(), 1)


def token_f1(said: str, reference: str) -> float:
    """Harmonic mean of the shares of words that both have, 0 to 1 (Rajpurkar et al. 2016)."""
    wanted, given = _tokens(reference), _tokens(said)
    return 2 * (wanted & given).total() / max(wanted.total() + given.total(), 1)
