"""What differs between two versions of a task. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from preceptor.studio.differences import Piece, differences
from preceptor.studio.items.content import Content

__all__ = ["Changed", "changes"]


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a task that is not as it was.

    Attributes
    ----------
    kind
        Whether the part is in one version alone, or in both.
    before, after
        Points, for a criterion that has some.
    """

    label: str
    kind: str
    pieces: tuple[Piece, ...]
    before: int | None = None
    after: int | None = None


def changes(before: Content, after: Content) -> Iterator[Changed]:
    """The parts that differ: turns, then criteria in their later order, then what they are of."""
    for number in range(max(len(before.messages), len(after.messages))):
        old, new = ("".join(t.text for t in c.messages[number:][:1]) for c in (before, after))
        if old != new:
            yield _changed(f"Turn {number + 1}", old, new)
    was = {each.id: (number, each) for number, each in enumerate(before.criteria, 1)}
    for number, criterion in enumerate(after.criteria, 1):
        earlier = was.pop(criterion.id, None)
        if earlier is None:
            yield _changed(f"Criterion {number}", "", criterion.text, None, criterion.points)
        elif not criterion.same_as(earlier[1]):
            said = (earlier[1].text, criterion.text, earlier[1].points, criterion.points)
            yield _changed(f"Criterion {number}", *said)
    for number, criterion in was.values():
        yield _changed(f"Criterion {number} of before", criterion.text, "", criterion.points)
    for name in ("use_case", "specialty", "language"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield _changed(name.replace("_", " ").capitalize(), old, new)


def _changed(
    label: str, old: str, new: str, before: int | None = None, after: int | None = None
) -> Changed:
    kind = "changed" if old and new else "added" if new else "dropped"
    return Changed(
        label=label,
        kind=kind,
        pieces=tuple(differences(old, new)),
        before=before,
        after=after,
    )
