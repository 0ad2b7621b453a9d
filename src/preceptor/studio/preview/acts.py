"""Acts of previews.

The outcome of a preview is ``complete`` or ``incomplete``; that of a mark is what the author says:
``met``, ``not_met``, or nothing where it is taken back.
"""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from preceptor.store.statements import Prepared
from preceptor.studio.ledger.acts import Act, Event
from preceptor.studio.preview.findings import Preview
from preceptor.studio.preview.tables import marks, previews

__all__ = ["PreviewMarked", "Previewed"]

_PREVIEW, _MARK = Prepared(previews.insert()), Prepared(marks.insert())
_KEY = ("preview", "answer", "criterion", "person")
_UNMARK = Prepared(
    marks.delete().where(*(marks.c[name] == sa.bindparam(f"of_{name}") for name in _KEY))
)


class Previewed(Act, frozen=True, kw_only=True):
    """The grader judged a rubric while its author wrote it."""

    says = "Rubric of task {} previewed"

    preview: Preview = Preview()

    def apply(self, connection: sa.Connection, event: Event) -> None:
        body = msgspec.json.encode(self.preview).decode()
        _PREVIEW(connection, {"seq": event.seq, "item": event.subject, "body": body})


class PreviewMarked(Act, frozen=True, kw_only=True):
    """An author called a verdict of the grader wrong, or took that back.

    ``preview`` is the event of the preview, ``answer`` the place of the answer among those judged.
    """

    says = "A verdict of the grader on task {} checked by its author"
    outcome_says = ": it should be {}"

    preview: int = 0
    answer: int = 0
    criterion: str = ""

    def apply(self, connection: sa.Connection, event: Event) -> None:
        key = {
            "preview": self.preview,
            "answer": self.answer,
            "criterion": self.criterion,
            "person": event.person or "",
        }
        _UNMARK(connection, {f"of_{name}": value for name, value in key.items()})
        if event.outcome:
            _MARK(connection, {**key, "seq": event.seq, "said": event.outcome})
