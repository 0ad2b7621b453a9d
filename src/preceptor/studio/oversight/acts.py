"""What a lead decides about many tasks at once."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from preceptor.studio.ledger.acts import Act, Event
from preceptor.studio.oversight.tables import sample_weights

__all__ = ["Sampled"]


class Sampled(Act, frozen=True, kw_only=True):
    """Tasks were drawn; an event for each moves it.

    Attributes
    ----------
    ratio
        How many times as likely a difficult task was drawn as another.
    items
        All tasks that the draw was from.
    weights
        Task → how many it stands for: those drawn, and earlier ones whose weight changes.
    """

    seed: int = 0
    ratio: float = 1.0
    size: int = 0
    items: tuple[str, ...] = ()
    weights: dict[str, float] = msgspec.field(default_factory=dict)

    def apply(self, connection: sa.Connection, event: Event) -> None:
        if not self.weights:
            return
        table = sample_weights
        connection.execute(table.delete().where(table.c.item.in_(self.weights)))
        rows = [
            {"item": item, "weight": weight, "seq": event.seq}
            for item, weight in self.weights.items()
        ]
        connection.execute(table.insert(), rows)

    def sentence(self, event: Event) -> str:
        drawn = (
            f"Sampled: {self.size} of {len(self.items)} tasks, difficult ones {self.ratio:g} times "
            f"as likely, seed {self.seed}"
        )
        return f"{drawn}, by {event.person or 'the command line'}"
