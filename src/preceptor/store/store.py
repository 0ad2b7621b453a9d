"""The workspace: what is asked, answered and judged, in one SQLite file (or another database)."""

from __future__ import annotations

import contextlib
import datetime
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.cache import DEFAULT_STORE
from preceptor.errors import InputError, StoreBusy, StoreError, UnknownName, shorten
from preceptor.records import Example, Graded, Response, RunInfo, Usage, Verdict
from preceptor.store import schema as t
from preceptor.store.database import explain, open_engine, prepare, upsert
from preceptor.store.lease import Owner
from preceptor.store.rows import (
    example_row,
    read_example,
    read_response,
    read_run,
    read_verdict,
    response_row,
    verdict_row,
)

__all__ = ["Spent", "Store"]

_CHUNK = 500
#: What a failed call had cost stays counted when a later one takes its place.
_PAID = (*Usage.__struct_fields__, "cost_usd")


class Spent(msgspec.Struct, frozen=True):
    """What a run has paid itself (not what earlier runs had paid for the same calls)."""

    cost_usd: float
    tokens: int
    priced: bool


class Store:
    """Opens or creates a workspace.

    Parameters
    ----------
    where
        A path of a SQLite file, or a SQLAlchemy URL.
    create
        False: a missing file is an error, not an empty workspace.

    Raises
    ------
    StoreError
        It cannot be opened, is no workspace, or was written by a later version.
    """

    def __init__(self, where: str | Path = DEFAULT_STORE, *, create: bool = True) -> None:
        self.where = str(where)
        self.engine = open_engine(self.where, create)
        with self._words():
            prepare(self.engine, self.where, create)

    def close(self) -> None:
        self.engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _words(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise StoreError(f"store {self.where}: {explain(error)}") from error

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._words(), self.engine.begin() as connection:
            yield connection

    # Runs

    def create_run(
        self,
        *,
        name: str | None,
        benchmark: str,
        system: str,
        grader: str,
        settings: Mapping[str, Any],
        examples: Sequence[tuple[Example, int]],
        repeats: int,
    ) -> RunInfo:
        """Remember a run and its examples, each with the number of answers asked for."""
        encoded = msgspec.json.encode(settings).decode()
        with self._writing() as connection:
            name = name or _free_name(connection, f"{benchmark}-{_slug(system)}")
            if _run_row(connection, name) is not None:
                raise InputError(f"run {shorten(name)}: exists already: choose another --name")
            rows = {example.key: example_row(example) for example, _ in examples}
            upsert(connection, t.examples, list(rows.values()))
            run_id = connection.execute(
                t.runs.insert().values(
                    name=name,
                    benchmark=benchmark,
                    system=system,
                    grader=grader,
                    status="running",
                    created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                    n_examples=len(examples),
                    repeats=repeats,
                    settings=encoded,
                )
            ).inserted_primary_key[0]  # type: ignore[index]
            links = [
                {"run_id": run_id, "position": i, "example_key": key, "repeats": count}
                for i, (key, count) in enumerate(
                    zip(
                        (example.key for example, _ in examples),
                        (n for _, n in examples),
                        strict=True,
                    )
                )
            ]
            connection.execute(t.run_examples.insert(), links)
            return read_run(_run_row(connection, name) or {})

    def runs(self, benchmark: str | None = None) -> list[RunInfo]:
        """All runs, oldest first."""
        query = sa.select(t.runs).order_by(t.runs.c.id)
        if benchmark is not None:
            query = query.where(t.runs.c.benchmark == benchmark)
        with self._words(), self.engine.connect() as connection:
            return [read_run(row) for row in connection.execute(query).mappings()]

    def run(self, name: str) -> RunInfo:
        """The run of that name, or whose name begins so, or ``latest``.

        Raises UnknownName where there is none or more than one.
        """
        known = self.runs()
        if name == "latest" and known:
            return known[-1]
        exact = [run for run in known if run.name == name]
        fitting = exact or [run for run in known if run.name.startswith(name)]
        if len(fitting) == 1:
            return fitting[0]
        names = ", ".join(run.name for run in (fitting or known)[-5:]) or "none"
        problem = "names several runs" if fitting else "no such run"
        raise UnknownName(f"run {shorten(name)}: {problem} in {self.where}; the last are: {names}")

    def set_status(self, run: RunInfo, status: str) -> None:
        with self._writing() as connection:
            connection.execute(t.runs.update().where(t.runs.c.id == run.id).values(status=status))

    def delete_run(self, run: RunInfo) -> None:
        """Forget a run; its answers and verdicts stay for other runs."""
        with self._writing() as connection:
            for table in (t.run_verdicts, t.run_responses, t.run_examples):
                connection.execute(table.delete().where(table.c.run_id == run.id))
            connection.execute(t.runs.delete().where(t.runs.c.id == run.id))

    @contextlib.contextmanager
    def lease(self, run: RunInfo) -> Iterator[Owner]:
        """Be the one process that works on a run. Raises StoreBusy if another does."""
        me = Owner.me()
        with self._writing() as connection:
            # Writing first takes the lock, so that no other process reads the same free lease.
            connection.execute(
                t.runs.update().where(t.runs.c.id == run.id).values(status=t.runs.c.status)
            )
            row = connection.execute(
                sa.select(t.runs.c.owner, t.runs.c.heartbeat).where(t.runs.c.id == run.id)
            ).one()
            if row.owner is not None:
                other = msgspec.json.decode(row.owner, type=Owner)
                if other.alive(row.heartbeat):
                    raise StoreBusy(
                        f"run {run.name}: process {other.pid} on {other.host} is working on it: "
                        f"wait for it, or stop it and resume"
                    )
            connection.execute(
                t.runs.update()
                .where(t.runs.c.id == run.id)
                .values(owner=me.encode(), heartbeat=time.time(), status="running")
            )
        try:
            yield me
        finally:
            with self._writing() as connection:
                connection.execute(
                    t.runs.update()
                    .where(t.runs.c.id == run.id, t.runs.c.owner == me.encode())
                    .values(owner=None, heartbeat=None)
                )

    # Texts of templates

    def keep_template(self, sha256: str, name: str, text: str) -> None:
        with self._writing() as connection:
            upsert(connection, t.templates, [{"sha256": sha256, "name": name, "text": text}])

    def template(self, sha256: str) -> tuple[str, str] | None:
        """(name, text) of a template that a run used, or None."""
        query = sa.select(t.templates.c.name, t.templates.c.text).where(
            t.templates.c.sha256 == sha256
        )
        with self._words(), self.engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else (row.name, row.text)

    # Answers and verdicts

    def find_responses(self, keys: Sequence[str]) -> dict[str, Response]:
        """Those of the responses that are answers; a failure is asked again."""
        rows = self._find(t.responses, keys, t.responses.c.failure.is_(None))
        return {row["key"]: read_response(row) for row in rows}

    def find_verdicts(self, keys: Sequence[str]) -> dict[str, Verdict]:
        """Those of the verdicts that were given; an ungraded one is asked again."""
        rows = self._find(t.verdicts, keys, t.verdicts.c.met.is_not(None))
        return {row["key"]: read_verdict(row) for row in rows}

    def _find(
        self, table: sa.Table, keys: Sequence[str], usable: sa.ColumnElement[bool]
    ) -> list[sa.RowMapping]:
        found: list[sa.RowMapping] = []
        with self._words(), self.engine.connect() as connection:
            for start in range(0, len(keys), _CHUNK):
                query = sa.select(table).where(
                    table.c.key.in_(keys[start : start + _CHUNK]), usable
                )
                found.extend(connection.execute(query).mappings())
        return found

    def write(
        self,
        run: RunInfo,
        answers: Sequence[tuple[int, int, Response, bool]],
        verdicts: Sequence[tuple[int, int, int, Verdict, bool]],
    ) -> None:
        """Keep answers (position, repeat, response, reused) and verdicts (position, repeat,
        criterion, verdict, reused) in one transaction: all of them, or none."""
        with self._writing() as connection:
            self.write_in(connection, run, answers, verdicts)

    def write_in(
        self,
        connection: sa.Connection,
        run: RunInfo,
        answers: Sequence[tuple[int, int, Response, bool]],
        verdicts: Sequence[tuple[int, int, int, Verdict, bool]],
    ) -> None:
        """The same within a transaction of the caller's."""
        upsert(
            connection,
            t.responses,
            [response_row(response) for _, _, response, reused in answers if not reused],
            replace=t.responses.c.failure.is_not(None),
            add=_PAID,
        )
        upsert(
            connection,
            t.verdicts,
            [verdict_row(verdict) for *_, verdict, reused in verdicts if not reused],
            replace=t.verdicts.c.met.is_(None),
            add=(*_PAID, "attempts"),
        )
        upsert(
            connection,
            t.run_responses,
            [
                {
                    "run_id": run.id,
                    "position": position,
                    "repeat": repeat,
                    "response_key": response.key,
                    "reused": reused,
                }
                for position, repeat, response, reused in answers
            ],
            replace=sa.true(),
        )
        upsert(
            connection,
            t.run_verdicts,
            [
                {
                    "run_id": run.id,
                    "position": position,
                    "repeat": repeat,
                    "criterion": criterion,
                    "verdict_key": verdict.key,
                    "reused": reused,
                }
                for position, repeat, criterion, verdict, reused in verdicts
            ],
            replace=sa.true(),
        )

    def graded(self, run: RunInfo) -> list[Graded]:
        """Every response of a run with its verdicts, in the run's order, repeat by repeat."""
        with self._words(), self.engine.connect() as connection:
            examples = connection.execute(
                sa.select(t.run_examples.c.position, t.run_examples.c.repeats, t.examples.c.data)
                .join(t.examples)
                .where(t.run_examples.c.run_id == run.id)
                .order_by(t.run_examples.c.position)
            ).all()
            answers = {
                (row["position"], row["repeat"]): read_response(row)
                for row in connection.execute(
                    sa.select(t.run_responses.c.position, t.run_responses.c.repeat, t.responses)
                    .join(t.responses)
                    .where(t.run_responses.c.run_id == run.id)
                ).mappings()
            }
            judged: dict[tuple[int, int], dict[int, Verdict]] = {}
            for row in connection.execute(
                sa.select(
                    t.run_verdicts.c.position,
                    t.run_verdicts.c.repeat,
                    t.run_verdicts.c.criterion,
                    t.verdicts,
                )
                .join(t.verdicts)
                .where(t.run_verdicts.c.run_id == run.id)
            ).mappings():
                place = judged.setdefault((row["position"], row["repeat"]), {})
                place[row["criterion"]] = read_verdict(row)
        return [
            _graded(read_example(data), repeat, answers, judged, position)
            for position, repeats, data in examples
            for repeat in range(repeats)
        ]

    def spent(self, run: RunInfo) -> Spent:
        """What this run has paid so far, for answers and verdicts."""
        cost, tokens, unpriced = 0.0, 0, 0
        pairs = ((t.run_responses, t.responses), (t.run_verdicts, t.verdicts))
        with self._words(), self.engine.connect() as connection:
            for link, table in pairs:
                total = sa.func.sum(table.c.input_tokens + table.c.output_tokens)
                row = connection.execute(
                    sa.select(
                        sa.func.sum(table.c.cost_usd),
                        total,
                        sa.func.sum(sa.case((table.c.cost_usd.is_(None), 1), else_=0)),
                    )
                    .join_from(link, table)
                    .where(link.c.run_id == run.id, link.c.reused.is_(False))
                ).one()
                cost, tokens = cost + (row[0] or 0.0), tokens + (row[1] or 0)
                unpriced += row[2] or 0
        return Spent(cost, tokens, unpriced == 0)


def _graded(
    example: Example,
    repeat: int,
    answers: Mapping[tuple[int, int], Response],
    judged: Mapping[tuple[int, int], Mapping[int, Verdict]],
    position: int,
) -> Graded:
    verdicts = judged.get((position, repeat), {})
    aligned = tuple(verdicts.get(index) for index in range(len(example.criteria)))
    return Graded(example, repeat, answers.get((position, repeat)), aligned)


def _run_row(connection: sa.Connection, name: str) -> sa.RowMapping | None:
    query = sa.select(t.runs).where(t.runs.c.name == name)
    return connection.execute(query).mappings().one_or_none()


def _slug(address: str) -> str:
    """A short name of a system for the names of runs, without what a shell would mind."""
    tail = (
        address.rsplit("#", maxsplit=1)[-1]
        if "#" in address
        else re.sub(r"^[a-z]+[:/]", "", address)
    )
    if address.startswith("replay:"):
        tail = Path(tail).stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", tail).strip("-.")[:40] or "system"


def _free_name(connection: sa.Connection, stem: str) -> str:
    taken = set(connection.scalars(sa.select(t.runs.c.name).where(t.runs.c.name.startswith(stem))))
    number = 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"
