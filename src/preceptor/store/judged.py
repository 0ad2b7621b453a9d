"""One row for each answer that has all its verdicts: what scores are made from, without a join.

A verdict that was given never changes, so a row holds as long as its answer has those verdicts.
"""

from __future__ import annotations

import functools
from collections.abc import Collection

import sqlalchemy as sa

from preceptor.store.schema import TOOK
from preceptor.store.statements import plain

__all__ = ["pack", "pack_all"]

_SUMS = ", ".join(
    f"sum(CASE WHEN reused THEN {reused} ELSE {fresh} END)"
    for values in (("{}", "0"), ("0", "{}"))
    for what in (
        *("1", "coalesce(cost_usd, 0.0)", "CASE WHEN cost_usd IS NULL THEN 1 ELSE 0 END"),
        *("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"),
    )
    for fresh, reused in ([value.format(what) for value in values],)
)
_TOOK = ", ".join(prefix + name for prefix in ("", "reused_") for name in TOOK)
_PACK = """
    INSERT INTO judged (run_id, position, repeat, met, more, {took})
    SELECT s.run_id, s.position, s.repeat, {concat}(said, ''),
           CASE WHEN count(more) > 0 THEN '[' || {concat}(coalesce(more, 'null'), ',') || ']' END,
           {sums}
    FROM (
        SELECT v.run_id, v.position, v.repeat, v.reused, d.cost_usd, d.input_tokens,
               d.output_tokens, d.cached_tokens, d.reasoning_tokens, d.met, d.label,
               CASE WHEN d.met IS NULL THEN '-' WHEN d.met THEN '1' ELSE '0' END AS said,
               CASE WHEN d.label IS NOT NULL OR d.reason IS NOT NULL OR d.probability IS NOT NULL
               THEN CAST({json_array}(d.label, d.reason, d.probability) AS TEXT) END AS more
        FROM run_verdicts v JOIN verdicts d ON d.id = v.verdict_id
        {where}
        ORDER BY v.run_id, v.position, v.repeat, v.criterion
    ) s
    JOIN run_examples x ON x.run_id = s.run_id AND x.position = s.position
    GROUP BY s.run_id, s.position, s.repeat, x.criteria
    HAVING count(*) = x.criteria AND count(*) = count(coalesce(CAST(s.met AS TEXT), s.label))
"""
_DELETE = "DELETE FROM judged WHERE run_id = :run AND position = :position AND repeat = :repeat"
#: The count is a look at one page: most verdicts are not their answer's last.
_OF_PLACE = """
    WHERE v.run_id = :run AND v.position = :position AND v.repeat = :repeat
      AND (SELECT count(*) FROM run_verdicts
           WHERE run_id = :run AND position = :position AND repeat = :repeat)
        = (SELECT criteria FROM run_examples WHERE run_id = :run AND position = :position)
"""


def pack(connection: sa.Connection, run: int, places: Collection[tuple[int, int]]) -> None:
    """After verdicts of these answers (position, repeat) were written: their rows, if complete."""
    if not places:
        return
    rows = [{"run": run, "position": at, "repeat": number} for at, number in sorted(places)]
    packing = _packing(connection.dialect.name, _OF_PLACE)
    raw = plain(connection)
    for text in (_DELETE, packing):
        if raw is not None:
            raw.executemany(text, rows)
        else:
            connection.execute(sa.text(text), rows)


def pack_all(connection: sa.Connection) -> None:
    """The rows of all runs, where there are none yet."""
    connection.execute(sa.text(_packing(connection.dialect.name, "")))


@functools.cache
def _packing(dialect: str, where: str) -> str:
    on_sqlite = dialect == "sqlite"
    return _PACK.format(
        sums=_SUMS,
        took=_TOOK,
        where=where,
        concat="group_concat" if on_sqlite else "string_agg",
        json_array="json_array" if on_sqlite else "json_build_array",
    )
