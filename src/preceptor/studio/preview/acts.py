"""The act of a preview; its outcome is ``complete`` or ``incomplete``."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from preceptor.studio.ledger.acts import Act, Event
from preceptor.studio.preview.findings import Preview
from preceptor.studio.preview.tables import previews

__all__ = ["Previewed"]


class Previewed(Act, frozen=True, kw_only=True):
    """The grader judged a rubric while its author wrote it."""

    says = "Rubric of task {} previewed"

    preview: Preview = Preview()

    def apply(self, connection: sa.Connection, event: Event) -> None:
        body = msgspec.json.encode(self.preview).decode()
        connection.execute(previews.insert().values(seq=event.seq, item=event.subject, body=body))
