"""What must be said beside a run's score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from preceptor.records import Graded

__all__ = ["run_notes"]


def run_notes(
    graded: Sequence[Graded],
    given: Iterable[str] = (),
    caution: str | None = None,
    *,
    sliced: bool = True,
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
    """
    notes = list(dict.fromkeys(given))
    if caution:
        notes.append(caution[:1].upper() + caution[1:] + ".")
    answers = [item.response for item in graded if item.response and not item.response.failure]
    ends = Counter(answer.finish_reason for answer in answers)
    for reason, words in (
        ("length", "were cut off at the token limit"),
        ("content_filter", "were refused by the provider's filter"),
        ("refusal", "were refusals"),
    ):
        if ends[reason]:
            notes.append(
                f"{ends[reason]:,} of {len(graded):,} answers {words}; graded as they are."
            )
    thought = sum(answer.raw is not None for answer in answers)
    if thought:
        notes.append(
            f"{thought:,} of {len(graded):,} answers have reasoning in their text: it is neither "
            f"graded nor counted in their length."
        )
    untagged = len({item.example.id for item in graded if not item.example.tags})
    if untagged and sliced:
        notes.append(f"{untagged:,} examples carry no tags in the data: they are in no slice.")
    return notes
