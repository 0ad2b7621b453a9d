"""What happens when tasks leave the studio."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from preceptor.studio.exchange.tables import releases
from preceptor.studio.ledger.acts import Act, Event
from preceptor.studio.ledger.chain import Head

__all__ = ["Released"]


class Released(Act, frozen=True, kw_only=True):
    """Accepted tasks were written to a folder; the subject is the release.

    Attributes
    ----------
    filters
        Field of a task → the values that were asked for.
    seed
        Of the order of the tasks.
    items
        Id of a task → its version, in their order.
    weights
        Id of a task → what it stands for in the whole, where that is not 1.
    files
        Name of a file → its SHA-256.
    head
        The last event that the release knows of.
    """

    says = "Release {} written"

    name: str = ""
    version: str = ""
    canary: str = ""
    filters: dict[str, tuple[str, ...]] = {}  # noqa: RUF012  copied by msgspec
    seed: int = 0
    items: dict[str, int] = {}  # noqa: RUF012  copied by msgspec
    weights: dict[str, float] = {}  # noqa: RUF012  copied by msgspec
    files: dict[str, str] = {}  # noqa: RUF012  copied by msgspec
    head: Head = Head()

    def apply(self, connection: sa.Connection, event: Event) -> None:
        connection.execute(
            releases.insert().values(
                id=event.subject,
                seq=event.seq,
                name=self.name,
                version=self.version,
                items=msgspec.json.encode(self.items).decode(),
            )
        )
