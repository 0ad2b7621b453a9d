"""What the linter says of a task while it is written, and what its author does about it. Pure."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from preceptor.lint.rubrics import rubric_findings
from preceptor.studio.ids import digest
from preceptor.studio.items.content import ItemCriterion
from preceptor.studio.items.writing import Row, Writing, number_of

__all__ = ["Advice", "advice", "confirm", "dismiss", "heed", "left_aside", "mend"]

#: What the form's own fields say already.
_OF_FIELDS = frozenset({"empty-criterion", "invalid-points", "no-positive-points"})
#: A fault that the author may confirm to be meant so.
_CONFIRMED = "wrong-sign"


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """A finding of the linter.

    Attributes
    ----------
    key
        Of the finding on this text: it changes with the text.
    criterion
        Id; empty for the conversation and the rubric as a whole.
    blocks
        Whether the task cannot be handed in so.
    fix
        Text in place of the criterion's, a line for each of several; "" removes it; None: no
        proposal.
    dismissed
        Whether the author does not take it.
    """

    key: str
    criterion: str
    rule: str
    problem: str
    blocks: bool = False
    fix: str | None = None
    dismissed: bool = False

    @property
    def can_confirm(self) -> bool:
        return self.rule == _CONFIRMED


def advice(writing: Writing) -> list[Advice]:
    """What the linter says, by criterion; what blocks comes first."""
    rows = writing.rows
    numbers = [number for number, row in enumerate(rows, 1) if _sign_key(row) in writing.confirmed]
    criteria = [ItemCriterion(row.id, row.text, number_of(row.points)) for row in rows]
    found = []
    for each in rubric_findings(writing.messages, criteria, writing.language, numbers):
        if each.rule in _OF_FIELDS:
            continue
        row = rows[each.criterion - 1] if each.criterion else None
        about = (row.id, row.text) if row else ("", each.problem)
        key = f"{each.rule}.{about[0]}.{digest(*about)[:8]}"
        found.append(
            Advice(
                key=key,
                criterion=about[0],
                rule=each.rule,
                problem=each.problem,
                blocks=not each.advice,
                fix=each.fix,
                dismissed=each.advice and key in writing.dismissed,
            )
        )
    return found


def mend(writing: Writing, key: str) -> Writing:
    """Do what a finding proposes."""
    for each in advice(writing):
        if each.key == key and each.fix is not None:
            lines = each.fix.split("\n")
            return (
                writing.write(each.criterion, *lines)
                if each.fix
                else writing.remove(each.criterion)
            )
    return writing


def dismiss(writing: Writing, key: str) -> Writing:
    """Leave an advice aside, as long as the text is the same."""
    known = {each.key for each in advice(writing) if not each.blocks}
    kept = tuple(each for each in writing.dismissed if each in known and each != key)
    return replace(writing, dismissed=(*kept, key) if key in known else kept)


def heed(writing: Writing, key: str) -> Writing:
    """Show an advice again."""
    return replace(writing, dismissed=tuple(each for each in writing.dismissed if each != key))


def confirm(writing: Writing, id: str) -> Writing:
    """Say that the sign of a criterion's points is meant so; another text is asked about again."""
    keys = [_sign_key(row) for row in writing.rows if row.id == id]
    kept = tuple(each for each in writing.confirmed if each not in keys)
    return replace(writing, confirmed=(*kept, *keys))


def left_aside(writing: Writing) -> tuple[str, ...]:
    """Rules that the author was told of and did not take, each with its criterion."""
    dismissed = [f"{each.rule} {each.criterion}" for each in advice(writing) if each.dismissed]
    meant = [
        f"{_CONFIRMED} {row.id}" for row in writing.rows if _sign_key(row) in writing.confirmed
    ]
    return tuple(each.strip() for each in (*dismissed, *meant))


def _sign_key(row: Row) -> str:
    return f"{row.id}.{digest(row.points.strip(), ' ', row.text)[:8]}"
