"""Wrong passwords: each try after some waits longer, per account and per network address.

A try is counted before the password is looked at, so that many at once gain nothing.
"""

from __future__ import annotations

import sqlalchemy as sa

from preceptor.errors import InputError
from preceptor.studio.ids import digest
from preceptor.studio.people.tables import wrong_tries

__all__ = ["TooMany", "count", "forgive"]

#: Tries that cost no wait: of an account, and of an address that a whole hospital may share.
_FREE = {"account": 5, "address": 30}
_LONGEST_S = 900
#: Tries are forgotten after this time.
_KEPT_S = 86_400


class TooMany(InputError):
    """A password is not looked at before ``wait_s`` seconds have passed."""

    def __init__(self, wait_s: int) -> None:
        minutes = -(-wait_s // 60)
        words = f"{wait_s} s" if wait_s < 60 else f"{minutes} min"
        super().__init__(f"too many tries: wait {words}, then try again")
        self.wait_s = wait_s


def count(connection: sa.Connection, account: str, address: str, now: float) -> int | None:
    """Count a try; the seconds to wait if there were too many, and then this one is not counted."""
    connection.execute(wrong_tries.delete().where(wrong_tries.c.last < now - _KEPT_S))
    keys = {kind: _key(kind, name) for kind, name in (("account", account), ("address", address))}
    rows = connection.execute(
        sa.select(wrong_tries).where(wrong_tries.c.key.in_(keys.values()))
    ).all()
    found = {row.key: row for row in rows}
    waits = [
        found[key].last + _pause_s(found[key].times, _FREE[kind]) - now
        for kind, key in keys.items()
        if key in found and found[key].last <= now  # else the clock was set back since
    ]
    if (wait := max(waits, default=0.0)) > 0:
        return int(wait) + 1
    for key in keys.values():
        values = {"times": found[key].times + 1 if key in found else 1, "last": now}
        if key in found:
            row = wrong_tries.c.key == key
            connection.execute(wrong_tries.update().where(row).values(**values))
        else:
            connection.execute(wrong_tries.insert().values(key=key, **values))
    return None


def forgive(connection: sa.Connection, account: str, address: str) -> None:
    """The password was right: those of the account are forgotten, and one of the address."""
    mine = wrong_tries.c.key == _key("account", account)
    connection.execute(wrong_tries.delete().where(mine))
    here = wrong_tries.c.key == _key("address", address)
    connection.execute(wrong_tries.update().where(here).values(times=wrong_tries.c.times - 1))


def _pause_s(times: int, free: int) -> int:
    return 0 if times < free else min(_LONGEST_S, 2 ** min(times - free, 10))


def _key(kind: str, name: str) -> str:
    return digest(f"{kind} {name}".encode("utf-8", "replace"))
