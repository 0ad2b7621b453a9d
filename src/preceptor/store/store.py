"""The workspace: what is asked, answered and judged, in one SQLite file (or another database)."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.cache import DEFAULT_STORE
from preceptor.errors import InputError, PreceptorError, StoreError, UnknownName, shorten
from preceptor.records import (
    Example,
    Graded,
    Message,
    Response,
    RunInfo,
    RunSettings,
    Verdict,
    lean,
)
from preceptor.store import schema as t
from preceptor.store.blobs import keep_media, read_media, with_media
from preceptor.store.column_types import key_bytes
from preceptor.store.database import UNREADABLE, explain, open_engine, prepare, writing
from preceptor.store.graded import read_graded
from preceptor.store.lease import Owner, release, take
from preceptor.store.listing import read_run
from preceptor.store.migrations import PLAN
from preceptor.store.names import check_name, free_name, free_scope
from preceptor.store.packs import find_packed
from preceptor.store.postgres import alone, redacted, retried
from preceptor.store.read_connection import ReadConnection
from preceptor.store.results import ANSWERS, GIVEN, any_fresh, rows_of, write_results
from preceptor.store.rows import (
    Vote,
    example_row,
    read_response,
    read_verdict,
    read_vote,
    system_rows,
)
from preceptor.store.spent import Spent, read_spent
from preceptor.store.statements import present, upsert

__all__ = ["Spent", "Store"]

#: Refusals of the database while writing. Another error is a value that it cannot take, no damage.
_REFUSALS = (sa.exc.DBAPIError, sqlite3.Error)


class Store:
    """Opens or creates a workspace.

    Parameters
    ----------
    where
        A path of a SQLite file, or a SQLAlchemy URL.
    create
        False: a missing file is an error, not an empty workspace.
    read_only
        The database refuses every write, and an older format stays as it is: an error.

    Raises
    ------
    StoreError
        It cannot be opened, is no workspace, or was written by a later version.
    """

    def __init__(
        self, where: str | Path = DEFAULT_STORE, *, create: bool = True, read_only: bool = False
    ) -> None:
        #: As it was given, perhaps with a password; ``where`` is for messages.
        self.address = str(where)
        self.where = redacted(self.address)
        create = create and not read_only
        self.engine = open_engine(PLAN, self.address, create, read_only=read_only)
        self._looking = ReadConnection(self.engine)
        try:
            with self._words():
                prepare(PLAN, self.engine, self.where, create, read_only=read_only)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._looking.close()
        self.engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _words(self, faults: tuple[type[Exception], ...] = UNREADABLE) -> Iterator[None]:
        try:
            yield
        except PreceptorError:
            raise
        except faults as error:
            raise StoreError(f"store {self.where}: {explain(error)}") from error

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that only reads, for a table's own file. Raises StoreError."""
        with self._words(), self.engine.connect() as connection:
            yield connection

    def words(self) -> contextlib.AbstractContextManager[None]:
        """Around what writes: a complaint of the database becomes a StoreError."""
        return self._words(_REFUSALS)

    def transaction(self) -> contextlib.AbstractContextManager[sa.Connection]:
        """A transaction that writes: all of it, or nothing."""
        return self._writing()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._words(_REFUSALS), writing(self.engine) as connection:
            yield connection

    def create_run(
        self,
        *,
        name: str | None,
        benchmark: str,
        system: str,
        grader: str,
        settings: RunSettings,
        examples: Sequence[tuple[Example, int]],
        repeats: int,
        status: str = "running",
        within: sa.Connection | None = None,
    ) -> RunInfo:
        """Remember a run and its examples, each with the number of answers asked for.

        ``within`` a transaction of the caller's, or in its own.
        """
        with self._writing() if within is None else contextlib.nullcontext(within) as connection:
            alone(connection)  # else two might find the same name free
            name = name or free_name(connection, benchmark, system)
            check_name(name)
            if _run_row(connection, name) is not None:
                raise InputError(f"run {shorten(name)}: exists already: choose another --name")
            if scope := free_scope(connection, name):
                settings = msgspec.structs.replace(settings, scope=scope)
            keep_media(connection, (each for example, _ in examples for each in example.messages))
            rows = [example_row(example) for example, _ in examples]
            upsert(connection, t.examples, list({row["key"]: row for row in rows}.values()))
            run_id = connection.execute(
                t.runs.insert().values(
                    name=name,
                    benchmark=benchmark,
                    system=system,
                    grader=grader,
                    status=status,
                    created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                    n_examples=len(examples),
                    repeats=repeats,
                    settings=msgspec.json.encode(settings.plain()).decode(),
                )
            ).inserted_primary_key[0]  # type: ignore[index]
            links = [
                {
                    "run_id": run_id,
                    "position": position,
                    "example_key": row["key"],
                    "repeats": count,
                    "criteria": len(example.criteria),
                }
                for position, (row, (example, count)) in enumerate(zip(rows, examples, strict=True))
            ]
            upsert(connection, t.run_examples, links)
            upsert(connection, t.run_systems, system_rows(run_id, system, grader, settings))
            return read_run(_run_row(connection, name) or {}, self.where)

    def runs(self, benchmark: str | None = None) -> list[RunInfo]:
        """All runs, oldest first."""
        query = sa.select(t.runs).order_by(t.runs.c.id)
        if benchmark is not None:
            query = query.where(t.runs.c.benchmark == benchmark)
        with self._words(), self.engine.connect() as connection:
            return [read_run(row, self.where) for row in connection.execute(query).mappings()]

    def run(self, name: str) -> RunInfo:
        """The run of that name, or whose name begins so, or ``latest``, a person's marks aside.

        Raises UnknownName where there is none or more than one.
        """
        known = self.runs()
        judged = [run for run in known if run.settings.marks is None]
        if name == "latest" and judged:
            return judged[-1]
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

    def add_settings(self, run: RunInfo, learnt: RunSettings) -> None:
        """Keep what was learnt later of a run's settings; ``run`` has it too."""
        self._settle(run, lambda _: learnt)

    def add_note(self, run: RunInfo, sentence: str) -> None:
        """Keep a note for the run's score, each once."""

        def noted(known: RunSettings) -> RunSettings:
            return RunSettings(notes=list(dict.fromkeys([*known.notes, sentence])))

        self._settle(run, noted)

    def _settle(self, run: RunInfo, learn: Callable[[RunSettings], RunSettings]) -> None:
        """Add to the settings in the store; what else is stated there stays as it is."""
        with self._writing() as connection:
            alone(connection)
            query = sa.select(t.runs.c.settings).where(t.runs.c.id == run.id)
            text = connection.execute(query).scalar_one()
            stated: dict[str, Any] = msgspec.json.decode(text)
            stated |= learn(RunSettings.of(stated)).plain()
            connection.execute(
                t.runs.update()
                .where(t.runs.c.id == run.id)
                .values(settings=msgspec.json.encode(stated).decode())
            )
        now = RunSettings.of(stated)
        for name in now.__struct_fields__:
            setattr(run.settings, name, getattr(now, name))

    def delete_run(self, run: RunInfo, within: sa.Connection | None = None) -> None:
        """Forget a run; its answers and verdicts stay for other runs.

        ``within`` a transaction of the caller's, or in its own.
        """
        with self._writing() if within is None else contextlib.nullcontext(within) as connection:
            for table in (t.run_votes, t.run_verdicts, t.run_responses, t.run_examples):
                connection.execute(table.delete().where(table.c.run_id == run.id))
            connection.execute(t.runs.delete().where(t.runs.c.id == run.id))

    @contextlib.contextmanager
    def lease(self, run: RunInfo) -> Iterator[Owner]:
        """Be the one process that works on a run. Raises StoreBusy if another does."""
        me = Owner.me()
        with self._writing() as connection:
            take(connection, run, me)
        try:
            with me.at_work():
                yield me
        finally:
            # Where that cannot be written, others see all the same that nobody works on it.
            with contextlib.suppress(StoreError), self._writing() as connection:
                release(connection, run, me)

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

    # Files of a run

    def keep_blob(self, media_type: str, data: bytes) -> str:
        """Keep bytes under their hash, and return that."""
        sha256 = hashlib.sha256(data).hexdigest()
        with self._writing() as connection:
            row = {"sha256": sha256, "media_type": media_type, "bytes": data}
            upsert(connection, t.blobs, [row])
        return sha256

    def blob(self, sha256: str) -> bytes:
        """The bytes of that hash. Raises StoreError where they are not there."""
        query = sa.select(t.blobs.c.bytes).where(t.blobs.c.sha256 == sha256)
        with self.reading() as connection:
            data = connection.execute(query).scalar_one_or_none()
        if data is None:
            raise StoreError(f"store {self.where}: {sha256[:12]}… is not there, and a run needs it")
        return bytes(data)

    # Answers and verdicts

    def find_responses(self, keys: Sequence[str]) -> dict[str, Response]:
        """Those of the responses that are answers; a failure is asked again."""
        rows = self._find(ANSWERS, "responses", keys)
        return {row["key"]: read_response(row) for row in rows}

    def find_verdicts(self, keys: Sequence[str]) -> dict[str, Verdict]:
        """Those of the verdicts that were given; an ungraded one is asked again."""
        found = {row["key"]: read_verdict(row) for row in self._find(GIVEN, "verdicts", keys)}
        rest = [key for key in keys if key not in found]
        if rest:
            with self._words(), self._looking as connection:
                found |= find_packed(connection, rest)
        return found

    def _find(self, query: sa.Select[Any], table: str, keys: Sequence[str]) -> list[sa.RowMapping]:
        if not keys:
            return []
        with self._words(), self._looking as connection:
            # Most are not there, and SQLAlchemy takes long to find out.
            stored = present(connection, table, "TRUE", list(map(key_bytes, keys)))
            there = [key for key in keys if key_bytes(key) in stored]
            return rows_of(connection, query, there)

    def write(
        self,
        run: RunInfo | None,
        answers: Sequence[tuple[int, int, Response, bool]],
        verdicts: Sequence[tuple[int, int, int, Verdict, bool]],
        votes: Sequence[Vote] = (),
        *,
        turns: Sequence[Response] = (),
    ) -> dict[str, Response]:
        """Keep answers (position, repeat, response, reused), verdicts (position, repeat, criterion,
        verdict, reused), votes, and earlier turns of dialogues: all of them, or none.

        Returns the answers of other processes that came first, by key: the run has those in place
        of its own. Without a run, answers and verdicts are kept under their keys alone.
        """
        if run is None and not answers and not any_fresh(verdicts, votes):
            return {}  # others need not wait for an empty transaction

        def once() -> dict[str, Response]:
            with writing(self.engine) as connection:
                return self.write_in(connection, run, answers, verdicts, votes, turns=turns)

        with self._words(_REFUSALS):
            return retried(once)

    def write_in(
        self,
        connection: sa.Connection,
        run: RunInfo | None,
        answers: Sequence[tuple[int, int, Response, bool]],
        verdicts: Sequence[tuple[int, int, int, Verdict, bool]],
        votes: Sequence[Vote] = (),
        *,
        turns: Sequence[Response] = (),
    ) -> dict[str, Response]:
        """The same within a transaction of the caller's."""
        return write_results(connection, run, answers, verdicts, votes, turns=turns)

    def media(self, wanted: Sequence[str]) -> dict[str, bytes]:
        """Hash → bytes of images and files, of those that are here."""
        with self.reading() as connection:
            return read_media(connection, wanted)

    def with_media(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """The messages with the bytes of their images and files, which the store keeps apart."""
        if lean(messages) is messages:  # texts alone
            return messages
        with self.reading() as connection:
            return with_media(connection, messages)

    def graded(self, run: RunInfo, only: Sequence[int] | None = None) -> list[Graded]:
        """Every response of a run with its verdicts, in the run's order, repeat by repeat.

        With ``only`` of the examples at these positions.
        """
        with self._words(), self.engine.connect() as connection:
            return read_graded(connection, run, only)

    def votes(self, run: RunInfo) -> list[Vote]:
        """What each member of the run's jury or cascade said, in the run's order."""
        link = t.run_votes
        query = sa.select(link, t.verdicts).join_from(link, t.verdicts)
        query = query.where(link.c.run_id == run.id).order_by(*link.primary_key)
        with self._words(), self.engine.connect() as connection:
            return [read_vote(row) for row in connection.execute(query).mappings()]

    def spent(self, run: RunInfo) -> Spent:
        """What this run has paid so far, for answers and verdicts."""
        with self._words(), self.engine.connect() as connection:
            return read_spent(connection, run)


def _run_row(connection: sa.Connection, name: str) -> sa.RowMapping | None:
    query = sa.select(t.runs).where(t.runs.c.name == name)
    return connection.execute(query).mappings().one_or_none()
