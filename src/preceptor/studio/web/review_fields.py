"""The form of a review: from fields to a review and back, and to the next version. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from preceptor.studio.items.content import (
    HIGHEST,
    REASONS,
    SCORES,
    Content,
    CriterionReview,
    ItemCriterion,
    Review,
)
from preceptor.studio.web.fields import Fields
from preceptor.studio.web.forms import Given

__all__ = [
    "REASON_WORDS",
    "Row",
    "Score",
    "Typed",
    "carried",
    "fields_of",
    "labels",
    "read_review",
    "rows",
    "score_fields",
    "typed",
]

#: Why a criterion is changed or dropped, in words.
REASON_WORDS = {
    "subjective": "Subjective",
    "preference": "A preference, not a standard",
    "not_self_contained": "Not self-contained",
    "double": "Asks two things, or is there twice",
    "wrong_sign": "Wrong sign",
    "wrong_fact": "Wrong fact",
    "unrealistic": "Unrealistic",
}
_DECISIONS = ("keep", "edit", "drop")
_ANSWERS = {"yes": True, "no": False}
_QUESTIONS = {"realistic": "realistic", "flaw": "serious flaw", "approve": "can go on"}


class Score(msgspec.Struct, frozen=True):
    """A part of the rating of an answer, and what the form says of it; empty without a rating."""

    name: str
    words: str
    value: str


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A criterion in the form of a review; what the reviewer wrote is as it was typed."""

    id: str
    number: int
    text: str
    points: int | None
    decision: str
    own_text: str
    own_points: str
    reason: str
    comment: str


class Typed(msgspec.Struct, frozen=True):
    """A field that has something in it."""

    label: str
    text: str


def rows(given: Given, content: Content) -> tuple[Row, ...]:
    """The criteria, each with what the form says of it."""
    return tuple(
        Row(
            id=each.id,
            number=number,
            text=each.text,
            points=each.points,
            decision=given.raw(f"d-{each.id}"),
            own_text=given.raw(f"t-{each.id}", each.text),
            own_points=given.raw(f"p-{each.id}", str(each.points or "")),
            reason=given.raw(f"r-{each.id}"),
            comment=given.raw(f"c-{each.id}"),
        )
        for number, each in enumerate(content.criteria, 1)
    )


def score_fields(given: Given) -> tuple[Score, ...]:
    """The rating of the answer, as the form says it."""
    return tuple(
        Score(each, each.replace("_", " ").capitalize(), given.raw(f"score-{each}"))
        for each in SCORES
    )


def read_review(given: Given, content: Content) -> tuple[Review, Fields]:
    """The review that a form says, and what is wrong with it."""
    fields = Fields(given)
    said = {
        name: _ANSWERS.get(fields.choice(name, _ANSWERS, "choose yes or no"))
        for name in ("realistic", "flaw")
    }
    review = Review(
        **said,
        criteria=tuple(_criterion(fields, each) for each in content.criteria),
        added=fields.added(),
        approve=_ANSWERS.get(fields.choice("approve", _ANSWERS, "choose yes or no")),
        comment=fields.text("comment"),
        scores={
            each.name: fields.score(f"score-{each.name}", HIGHEST)
            for each in score_fields(given)
            if each.value
        },
    )
    return review, fields


def _criterion(fields: Fields, criterion: ItemCriterion) -> CriterionReview:
    id = criterion.id
    decision = fields.choice(f"d-{id}", _DECISIONS, "choose keep, edit or drop")
    comment = fields.text(f"c-{id}")
    if decision not in ("edit", "drop"):
        return CriterionReview(criterion=id, comment=comment)
    reason = fields.choice(f"r-{id}", REASONS, "choose a reason")
    if decision == "drop":
        return CriterionReview(criterion=id, decision="drop", reason=reason, comment=comment)
    text, points = fields.criterion(f"t-{id}", f"p-{id}")
    if (text, points) == (criterion.text, criterion.points):
        fields.problems[f"t-{id}"] = "as it was: change the text or the points, or keep it"
    return CriterionReview(
        criterion=id, decision="edit", text=text, points=points, reason=reason, comment=comment
    )


def fields_of(review: Review) -> Given:
    """The form that says a review, but for what it added and remarked on the whole."""
    words = {True: "yes", False: "no", None: ""}
    fields = {"realistic": words[review.realistic], "flaw": words[review.flaw]}
    fields |= {f"score-{name}": str(score) for name, score in review.scores.items()}
    for each in review.criteria:
        fields[f"d-{each.criterion}"] = each.decision
        fields[f"r-{each.criterion}"] = each.reason
        fields[f"c-{each.criterion}"] = each.comment
        if each.decision == "edit":
            fields[f"t-{each.criterion}"] = each.text
            fields[f"p-{each.criterion}"] = str(each.points)
    return Given({name: (value,) for name, value in fields.items() if value})


def carried(given: Given, before: Content, now: Content) -> Given:
    """What a form about one version says of the next: of what is the same there, it holds still."""
    old = {each.id: each for each in before.criteria}
    changed = {
        each.id for each in now.criteria if each.id not in old or not each.same_as(old[each.id])
    }
    gone = {f"{field}-{id}" for id in changed for field in "dtpr"} | {"approve", "version"}
    if before.messages != now.messages:
        gone |= {"realistic", "flaw", *(f"score-{name}" for name in SCORES)}
    return Given({name: given.raws(name) for name, _ in given.kept if name not in gone})


def labels(content: Content) -> dict[str, str]:
    """What each field is called in a sentence."""
    named = dict(_QUESTIONS)
    named |= {f"score-{name}": f"rating: {name.replace('_', ' ')}" for name in SCORES}
    parts = {"d": "", "t": ": text", "p": ": points", "r": ": reason", "c": ": comment"}
    for number, each in enumerate(content.criteria, 1):
        named |= {f"{key}-{each.id}": f"criterion {number}{part}" for key, part in parts.items()}
    for number in range(100):
        named[f"nt-{number}"] = f"added criterion {number + 1}"
        named[f"np-{number}"] = f"added criterion {number + 1}: points"
    return {**named, "comment": "comment", "note": "question about the guideline"}


def typed(given: Given, named: Mapping[str, str], *, but: Given | None = None) -> tuple[Typed, ...]:
    """What stands in the fields of a form, in their order; or only what ``but`` has otherwise.

    ``named`` has what each field is called: :func:`labels`, or that of another form.
    """
    return tuple(
        Typed(label[:1].upper() + label[1:], given.raw(name))
        for name, label in named.items()
        if not _is_unused(given, name)
        and given.raw(name).strip()
        and (but is None or given.raw(name) != but.raw(name))
    )


def _is_unused(given: Given, name: str) -> bool:
    """Whether it is the new text or points of a criterion that stays as it is."""
    field, _, id = name.partition("-")
    return field in ("t", "p") and given.raw(f"d-{id}") not in ("edit", "own")
