"""What reviewers and the author said of a task, for those who may see it: nobody has a name."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from preceptor.studio.differences import Piece, differences
from preceptor.studio.items.commands import Version
from preceptor.studio.items.content import Content, CriterionReview, ItemCriterion, Review
from preceptor.studio.web.review_fields import REASON_WORDS

__all__ = ["Judged", "Opinion", "Rated", "Said", "judged", "opinions", "rated"]

_YES_NO = {True: "yes", False: "no", None: "not said"}
_MODES = {"good_faith": "good faith", "red_teaming": "red team"}


class Rated(msgspec.Struct, frozen=True, kw_only=True):
    """The author's rating of the answer, and how the task was meant."""

    overall: int
    dimensions: tuple[tuple[str, int], ...]
    mode: str
    strategies: tuple[str, ...]


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What one reviewer says of one criterion; ``pieces`` are the words of an edit."""

    label: str
    mine: bool
    decision: str
    pieces: tuple[Piece, ...]
    points: int | None
    reason: str
    comment: str


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A criterion, and what each reviewer says of it."""

    number: int
    text: str
    points: int | None
    said: tuple[Said, ...]


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """What one reviewer says of the whole."""

    label: str
    mine: bool
    realistic: str
    flaw: str
    approve: str
    comment: str
    added: tuple[ItemCriterion, ...]
    scores: tuple[tuple[str, int], ...]


def rated(version: Version) -> Rated:
    """The rating of a version's answer."""
    rating, content = version.rating, version.content
    return Rated(
        overall=rating.overall,
        dimensions=_scores(rating.dimensions),
        mode=_MODES[content.mode],
        strategies=tuple(each.replace("_", " ") for each in content.strategies),
    )


def _scores(found: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple((name.replace("_", " "), value) for name, value in found.items())


def opinions(reviews: Mapping[str, Review], reader: str) -> tuple[Opinion, ...]:
    """R1, R2, … in the order in which they came."""
    return tuple(
        Opinion(
            label=f"R{number}",
            mine=person == reader,
            realistic=_YES_NO[review.realistic],
            flaw=_YES_NO[review.flaw],
            approve=_YES_NO[review.approve],
            comment=review.comment,
            added=review.added,
            scores=_scores(review.scores),
        )
        for number, (person, review) in enumerate(reviews.items(), 1)
    )


def judged(content: Content, reviews: Mapping[str, Review], reader: str) -> tuple[Judged, ...]:
    """Each criterion, with what R1, R2, … say of it."""
    return tuple(
        Judged(
            number=number,
            text=each.text,
            points=each.points,
            said=tuple(
                _said(f"R{place}", person == reader, each, found)
                for place, (person, review) in enumerate(reviews.items(), 1)
                for found in review.criteria
                if found.criterion == each.id
            ),
        )
        for number, each in enumerate(content.criteria, 1)
    )


def _said(label: str, mine: bool, criterion: ItemCriterion, review: CriterionReview) -> Said:
    edits = review.decision == "edit"
    return Said(
        label=label,
        mine=mine,
        decision=review.decision,
        pieces=tuple(differences(criterion.text, review.text)) if edits else (),
        points=review.points if edits else None,
        reason=REASON_WORDS.get(review.reason, ""),
        comment=review.comment,
    )
