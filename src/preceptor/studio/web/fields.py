"""Reading a form whose faults stand beside its fields; what it holds while it is not handed in."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from preceptor.errors import InputError
from preceptor.studio.ids import new_id
from preceptor.studio.items.content import ItemCriterion
from preceptor.studio.web.forms import Given

__all__ = ["Fields", "NewRow", "body_of", "given_of", "new_rows"]

#: Of a form, but not of what is written in it.
_CONTROLS = ("do", "rev", "sign_email")
_MOST = 5_000


class NewRow(msgspec.Struct, frozen=True):
    """A criterion that is added, as it was typed; ``key`` ends the names of its fields."""

    key: str
    text: str = ""
    points: str = ""


class Fields:
    """Reads fields, and collects what is wrong: ``problems``, field → sentence."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.problems: dict[str, str] = {}

    def text(self, name: str, *, needed: str = "") -> str:
        """A text; empty where it is wrong. ``needed`` is said where there is none."""
        try:
            found = self.given.text(name, most=_MOST).strip()
        except InputError as error:
            self.problems[name] = str(error).partition(": ")[2]
            return ""
        if needed and not found:
            self.problems[name] = needed
        return found

    def choice(self, name: str, known: Collection[str], needed: str) -> str:
        """One of some words, or none: then ``needed`` is said."""
        found = self.given.raw(name)
        if found in known:
            return found
        self.problems[name] = needed
        return ""

    def points(self, name: str) -> int | None:
        """The points of a criterion."""
        try:
            found = self.given.whole(name, -10, 10)
        except InputError:
            found = 0
        if found == 0:
            self.problems[name] = "expected points from -10 to 10, other than 0"
            return None
        return found

    def score(self, name: str, most: int) -> int:
        """A rating from 1 on; 0 where it is wrong."""
        try:
            return self.given.whole(name, 1, most)
        except InputError:
            self.problems[name] = f"choose from 1 to {most}, or none"
            return 0

    def criterion(self, text: str, points: str) -> tuple[str, int | None]:
        """A text and its points."""
        return self.text(text, needed="write the criterion"), self.points(points)

    def added(self) -> tuple[ItemCriterion, ...]:
        """The criteria that the form adds; a row with nothing in it is none."""
        found = []
        for row in new_rows(self.given):
            if row.text.strip() or row.points.strip():
                text, points = self.criterion(f"nt-{row.key}", f"np-{row.key}")
                found.append(ItemCriterion(new_id(), text, points))
        return tuple(found)

    def raise_first(self, what: str, labels: Mapping[str, str]) -> None:
        """Raise InputError, with the first fault and the number of the others."""
        if not self.problems:
            return
        name, words = next(iter(self.problems.items()))
        more = len(self.problems) - 1
        rest = f" ({more} more {'is' if more == 1 else 'are'} marked below)" if more else ""
        raise InputError(f"{what}: {labels.get(name, name)}: {words}{rest}")


def new_rows(given: Given, *, more: int = 0) -> tuple[NewRow, ...]:
    """The rows for added criteria that a form has, and ``more`` empty ones."""
    keys = [name[3:] for name, _ in given.kept if name.startswith("nt-") and name[3:].isdecimal()]
    kept = [NewRow(key, given.raw(f"nt-{key}"), given.raw(f"np-{key}")) for key in keys[:100]]
    next_key = 1 + max((int(key) for key in keys), default=-1)
    return (*kept, *(NewRow(str(next_key + each)) for each in range(more)))


def body_of(given: Given) -> str:
    """What is written in a form, as the body of a draft."""
    fields: dict[str, list[str]] = {}
    for name, value in given.kept:
        if name not in _CONTROLS:
            fields.setdefault(name, []).append(value)
    return msgspec.json.encode(fields, order="deterministic").decode()


def given_of(body: str) -> Given:
    """The form of a draft."""
    return Given(msgspec.json.decode(body, type=dict[str, tuple[str, ...]]))
