"""The form of an adjudication: what is suggested per criterion, and the text as decided. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import msgspec

from preceptor.studio.differences import Piece, differences
from preceptor.studio.items.content import Content, ItemCriterion, Review
from preceptor.studio.web.fields import Fields
from preceptor.studio.web.forms import Given
from preceptor.studio.web.judgements import Judged, judged

__all__ = ["Change", "Option", "Slot", "agreement", "changes", "decided", "labels", "slots"]

#: What an adjudicator decides, in words.
DECISIONS = {"accepted": "Accept", "revising": "Send back", "rejected": "Reject"}


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """A text that a criterion may get; ``pieces`` are its differences from the author's."""

    key: str
    label: str
    text: str
    points: int | None
    pieces: tuple[Piece, ...] = ()


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """A criterion to decide about: of the author, or one that a reviewer adds."""

    criterion: ItemCriterion
    number: int
    added_by: str
    options: tuple[Option, ...]
    judged: Judged | None
    choice: str
    own_text: str
    own_points: str


class Change(msgspec.Struct, frozen=True):
    """What a version has otherwise than the one before."""

    label: str
    pieces: tuple[Piece, ...]
    points: str


def slots(
    given: Given, content: Content, reviews: Mapping[str, Review], reader: str, seed: int
) -> tuple[Slot, ...]:
    """Every criterion with its suggestions, in an order that the seed draws."""
    draw = random.Random(seed)  # noqa: S311  an order, no secret
    found: list[Slot] = []
    everything = judged(content, reviews, reader)
    for each, opinion in zip(content.criteria, everything, strict=True):
        options = [Option(key="author", label="A", text=each.text, points=each.points)]
        for place, review in enumerate(reviews.values(), 1):
            options += _edits(f"R{place}", each, review)
        draw.shuffle(options)
        agreed = all(said.decision == "keep" for said in opinion.said)
        default = "author" if agreed else ""
        found.append(_slot(given, each, len(found) + 1, options, opinion=opinion, default=default))
    known = {each.id for each in content.criteria} | {each.text for each in content.criteria}
    for place, review in enumerate(reviews.values(), 1):
        for each in review.added:
            if each.id not in known and each.text not in known:
                label = f"R{place}"
                option = Option(key=label, label=label, text=each.text, points=each.points)
                found.append(_slot(given, each, len(found) + 1, [option]))
    return tuple(found)


def _edits(label: str, criterion: ItemCriterion, review: Review) -> list[Option]:
    return [
        Option(
            key=label,
            label=label,
            text=each.text,
            points=each.points,
            pieces=tuple(differences(criterion.text, each.text)),
        )
        for each in review.criteria
        if each.criterion == criterion.id
        and each.decision == "edit"
        and (each.text, each.points) != (criterion.text, criterion.points)
    ]


def _slot(
    given: Given,
    criterion: ItemCriterion,
    number: int,
    options: Sequence[Option],
    *,
    opinion: Judged | None = None,
    default: str = "",
) -> Slot:
    id = criterion.id
    return Slot(
        criterion=criterion,
        number=number,
        added_by="" if opinion is not None else options[0].label,
        options=tuple(options),
        judged=opinion,
        choice=given.raw(f"d-{id}", default),
        own_text=given.raw(f"t-{id}", criterion.text),
        own_points=given.raw(f"p-{id}", str(criterion.points or "")),
    )


def decided(
    given: Given, content: Content, found: Sequence[Slot]
) -> tuple[str, str, Content, Fields]:
    """The decision, its comment, the text as decided, and what is wrong with the form.

    What is sent back or rejected needs a comment; a criterion about which nothing is said then
    stays as its author wrote it.
    """
    fields = Fields(given)
    criteria = [each for slot in found if (each := _chosen(fields, slot)) is not None]
    criteria += fields.added()
    decision = fields.choice("decision", DECISIONS, "choose one")
    comment = fields.text(
        "comment", needed="" if decision in ("accepted", "") else "say why, for the author"
    )
    return decision, comment, msgspec.structs.replace(content, criteria=tuple(criteria)), fields


def _chosen(fields: Fields, slot: Slot) -> ItemCriterion | None:
    id = slot.criterion.id
    options = {each.key: each for each in slot.options}
    choice = slot.choice
    if choice not in (*options, "drop", "own"):
        if fields.given.raw("decision") not in ("revising", "rejected"):
            fields.problems[f"d-{id}"] = "choose one"
        return None if slot.added_by else slot.criterion
    if choice == "drop":
        return None
    if choice == "own":
        text, points = fields.criterion(f"t-{id}", f"p-{id}")
    else:
        text, points = options[choice].text, options[choice].points
    return msgspec.structs.replace(slot.criterion, text=text, points=points)


def labels(found: Sequence[Slot]) -> dict[str, str]:
    """What each field is called in a sentence."""
    named = {"decision": "decision", "comment": "comment"}
    for each in found:
        id, name = each.criterion.id, f"criterion {each.number}"
        named |= {f"d-{id}": name, f"t-{id}": f"{name}: text", f"p-{id}": f"{name}: points"}
    for number in range(100):
        named[f"nt-{number}"] = f"added criterion {number + 1}"
        named[f"np-{number}"] = f"added criterion {number + 1}: points"
    return named


def agreement(reviews: Sequence[Review]) -> tuple[int, int] | None:
    """Criteria of which two reviewers say the same – keep, edit or drop – and all that both saw."""
    if len(reviews) != 2:
        return None
    one, two = ({each.criterion: each.decision for each in review.criteria} for review in reviews)
    both = one.keys() & two.keys()
    return sum(one[each] == two[each] for each in both), len(both)


def changes(before: Content, after: Content) -> tuple[Change, ...]:
    """What one version has otherwise than another, word by word."""
    found: list[Change] = []
    for number in range(max(len(before.messages), len(after.messages))):
        old, new = (
            each.messages[number].text if number < len(each.messages) else ""
            for each in (before, after)
        )
        if old != new:
            found.append(Change(f"Turn {number + 1}", tuple(differences(old, new)), ""))
    olds = {each.id: each for each in before.criteria}
    news = {each.id: each for each in after.criteria}
    for id in dict.fromkeys([*olds, *news]):
        one, two = olds.get(id, ItemCriterion(id)), news.get(id, ItemCriterion(id))
        if not one.same_as(two):
            kind = "removed" if id not in news else "added" if id not in olds else "changed"
            points = [
                f"{each.points:+}".replace("-", "\N{MINUS SIGN}")
                for each in (one, two)
                if each.points
            ]
            pieces = tuple(differences(one.text, two.text))
            found.append(
                Change(f"A criterion is {kind}", pieces, " → ".join(dict.fromkeys(points)))
            )
    return tuple(found)
