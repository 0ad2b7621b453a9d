"""What must be said beside a run's score."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from preceptor.errors import shorten
from preceptor.records import Graded, examples_of, replies_of

__all__ = ["run_notes"]


def run_notes(
    graded: Sequence[Graded],
    given: Iterable[str] = (),
    caution: str | None = None,
    *,
    sliced: bool = True,
    cut: bool = True,
    system: str = "",
) -> list[str]:
    """The run's own notes, the benchmark's caution, and what its answers show.

    Parameters
    ----------
    graded
        All answers of a run, or of several pooled.
    given
        Notes that the run was made with.
    caution
        What must be said beside every score of the benchmark.
    sliced
        Whether the benchmark has tags to slice its examples by.
    cut
        Whether it matters that an answer was cut off.
    system
        Address of the system: a reply from another model than this one is noted.
    """
    notes = list(dict.fromkeys(given))
    if caution:
        notes.append(caution[:1].upper() + caution[1:] + ".")
    replies = replies_of(graded)
    there = [failure is None for failure in replies.failure]
    ends = Counter(itertools.compress(replies.finish_reason, there))
    for reason, words in (
        ("length", "were cut off at the token limit"),
        ("content_filter", "were refused by the provider's filter"),
        ("refusal", "were refusals"),
    ):
        if ends[reason] and (cut or reason != "length"):
            notes.append(
                f"{ends[reason]:,} of {len(graded):,} answers {words}; graded as they are."
            )
    served = Counter(itertools.compress(replies.served_model, there))
    others = {
        name: times for name, times in served.items() if name and not _same_model(name, system)
    }
    if others:
        names = ", ".join(f"{shorten(name, 60)} ({times:,})" for name, times in others.items())
        notes.append(
            f"{sum(others.values()):,} of {len(graded):,} answers came from another model than "
            f"asked for, by the server's word: {names}."
        )
    thought = int(replies.thought[there].sum())
    if thought:
        notes.append(
            f"{thought:,} of {len(graded):,} answers have reasoning in their text: it is neither "
            f"graded nor counted in their length."
        )
    untagged = sum(not example.tags for example in examples_of(graded).values())
    if untagged and sliced:
        notes.append(f"{untagged:,} examples carry no tags in the data: they are in no slice.")
    return notes


def _same_model(served: str, system: str) -> bool:
    """Whether a server's name for a model may be that of the address: often it has a date more.

    A deployment at Azure has a name of its user's own.
    """
    asked = system.partition("#")[2] or system.partition("/")[2]
    one, other = (re.sub(r"[^a-z0-9]+", "-", name.lower()) for name in (served, asked))
    return system.startswith("azure/") or one in other or other in one
