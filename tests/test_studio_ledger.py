"""The studio's ledger: what is acknowledged is kept, what is changed is found, erased is gone."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import pkgutil
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from children import Child
from preceptor import studio as package
from preceptor.errors import InputError, StoreError
from preceptor.store import Store
from preceptor.store.statements import Question
from preceptor.studio.database import Studio
from preceptor.studio.ids import digest, new_id
from preceptor.studio.ledger.acts import ACTS, Event
from preceptor.studio.ledger.chain import append, recorded
from preceptor.studio.ledger.erase import erase
from preceptor.studio.ledger.rebuild import rebuild
from preceptor.studio.ledger.tables import PROJECTIONS, anchor, event, metadata, payload
from preceptor.studio.ledger.verify import verify
from studio_notes import ANN, COUNTS, NOTES, NoteMoved, NoteRemoved, note
from studio_places import is_on_server, place

SECRET = "Frau Ürsula Canary-4711"


@pytest.fixture
def path(tmp_path: Path) -> str:
    return place(tmp_path)


@pytest.fixture
def studio(path: str) -> Iterator[Studio]:
    with Studio.open(path, create=True) as opened:
        yield opened


def fill(studio: Studio) -> None:
    """Ten notes, two of them moved, one removed, one erased."""

    def command(connection: sa.Connection) -> None:
        for number in range(10):
            note(f"text {number}", subject=f"n{number}")(connection)
        for name, to in (("n1", "left"), ("n2", "right")):
            append(connection, NoteMoved(to=to), by=None, subject=name, reason="tidy")
        append(connection, NoteRemoved(), by=ANN, subject="n9")
        erase(connection, [4], ANN, "asked for")
        note("last", subject="last")(connection)

    studio.write_now(command)


@pytest.fixture(scope="module")
def written(studios: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with Studio.open(place(tmp_path_factory.mktemp("studio")), create=True) as opened:
        fill(opened)
        yield opened


class Tampered:
    """A studio inside a transaction that is never committed, with foreign keys off."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        yield self.connection


@contextlib.contextmanager
def tampering(studio: Studio) -> Iterator[Tampered]:
    sqlite = studio.engine.dialect.name == "sqlite"
    options: dict[str, Any] = {"preceptor_looks": True} if sqlite else {}
    with studio.engine.execution_options(**options).connect() as connection:
        if sqlite:
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        try:
            yield Tampered(connection)
        finally:
            connection.rollback()
            if sqlite:
                connection.exec_driver_sql("PRAGMA foreign_keys = ON")


# What is written


def test_a_new_id_is_of_letters_and_digits() -> None:
    """It is neither an option of a command nor split where fields of a form are named by it."""
    made = {new_id() for _ in range(500)}
    assert len(made) == 500
    assert all(len(each) == 12 and each.isascii() and each.isalnum() for each in made)


@pytest.mark.both
def test_event_is_chained_and_applied(studio: Studio) -> None:
    """The hashes are those of the documented formula."""
    fill(studio)
    with studio.read() as connection:
        rows = list(recorded(connection))
        texts = dict(connection.execute(sa.select(NOTES.c.id, NOTES.c.text)).all())
    prev = "0" * 64
    for number, (found, salt, body) in enumerate(rows, 1):
        row = msgspec.structs.asdict(found)
        assert row["seq"] == number
        if body is not None:
            assert row["payload_hash"] == digest(salt or "", body)
        rest = {name: value for name, value in row.items() if name not in ("prev", "hash")}
        assert row["prev"] == prev
        prev = digest(prev, msgspec.json.encode(rest, order="sorted"))
        assert row["hash"] == prev
    assert texts["n1"] == "text 1"
    assert texts["n3"] == ""
    assert "n9" not in texts
    assert verify(studio).faults == ()
    assert verify(studio).erased == 1


@pytest.mark.both
async def test_writes_of_many_are_one_chain(studio: Studio, path: str) -> None:
    """Two that serve one database continue each other's head; a refused command leaves nothing."""

    def refused(connection: sa.Connection) -> None:
        note("never")(connection)
        raise InputError("note: not like that")

    with Studio.open(path) as other:
        commands = [note(f"{number}") if number % 5 else refused for number in range(40)]
        found = await asyncio.gather(
            *((studio, other)[number % 2].write(each) for number, each in enumerate(commands)),
            return_exceptions=True,
        )
    assert [isinstance(each, InputError) for each in found] == [
        each is refused for each in commands
    ]
    checked = verify(studio)
    assert checked.faults == ()
    assert checked.events == 32
    assert checked.head.seq == 32


@pytest.mark.both
def test_questions_of_one_connection_are_of_one_state(studio: Studio) -> None:
    """A row has its columns by name, a truth value is one, and a later write is not seen."""
    late = (NOTES.c.seq > 0).label("late")
    named = sa.select(NOTES.c.id, late).where(NOTES.c.id == sa.bindparam("name")).limit(1)
    question = Question(named)
    studio.write_now(note("text", subject="n1"))
    with studio.read() as connection:
        (row,) = question(connection, {"name": "n1"})
        assert (row.id, row.late) == ("n1", True)
        assert row.late is True
        studio.write_now(lambda writer: append(writer, NoteRemoved(), by=ANN, subject="n1"))
        assert question.one(connection, {"name": "n1"}) == row
        assert question.one(connection, {"name": "n2"}) is None
    with studio.read() as connection:
        assert question.one(connection, {"name": "n1"}) is None


def test_every_act_can_be_applied_without_its_payload() -> None:
    """Each field of each act has a default: that is what an erased payload reads as."""
    for module in pkgutil.walk_packages(package.__path__, "preceptor.studio."):
        if module.name.endswith((".acts", ".erase")):
            importlib.import_module(module.name)
    for kind, act in ACTS.items():
        assert act().kind == kind
        assert act().sentence(Event(1, "", None, None, kind, "x", "", "", "", "", "", ""))


def test_sentence_says_what_happened(studio: Studio) -> None:
    """Kind, subject, person and reason, as people read them."""
    made = studio.write_now(
        lambda c: append(c, NoteMoved(to="left"), by=ANN, subject="n1", reason="tidy")
    )
    assert NoteMoved().sentence(made) == "Note moved n1, by ann: tidy"


# What is found


def expect_fault(studio: Any, *words: str) -> None:
    faults = verify(studio).faults
    assert any(all(word in fault for word in words) for fault in faults), faults


def change(connection: sa.Connection, draw: st.DrawFn) -> str:
    """Do one random thing that nobody may do; says what."""
    seqs = list(connection.scalars(sa.select(event.c.seq).order_by(event.c.seq)))
    paid = list(connection.scalars(sa.select(payload.c.seq).order_by(payload.c.seq)))
    one = draw(st.sampled_from(seqs))
    kind = draw(st.sampled_from(["edit", "delete", "swap", "insert"]))
    table = draw(st.sampled_from([event, payload, *(NOTES, COUNTS)]))
    key = next(iter(table.primary_key))
    rows = connection.execute(sa.select(table).order_by(key)).mappings().all()
    if kind == "edit":
        row = draw(st.sampled_from(rows))
        name = draw(st.sampled_from(table.columns.keys()))
        old = row[name]
        new = old + 100 if isinstance(old, int) else (old or "") + draw(st.sampled_from("0 é"))
        connection.execute(table.update().where(key == row[key.name]).values({name: new}))
        return f"edit {table.name} {row[key.name]} {name}"
    if kind == "delete":
        row = draw(st.sampled_from(rows))
        connection.execute(table.delete().where(key == row[key.name]))
        if table is event and draw(st.booleans()):
            connection.execute(payload.delete().where(payload.c.seq == row["seq"]))
        return f"delete {table.name} {row[key.name]}"
    if kind == "swap":
        table = table if table in (event, payload) else event
        key = table.c.seq
        rows = connection.execute(sa.select(table).order_by(key)).mappings().all()
        places = st.lists(st.integers(0, len(rows) - 1), min_size=2, max_size=2, unique=True)
        a, b = (rows[place] for place in draw(places))
        for into, source in ((a, b), (b, a)):
            values = {**source, "seq": into["seq"]}
            connection.execute(table.update().where(key == into["seq"]).values(values))
        return f"swap {table.name} {a['seq']} {b['seq']}"
    if table in (NOTES, COUNTS):
        row = {**rows[0], key.name: "new" + str(one)}
    elif table is event:
        row = {**draw(st.sampled_from(rows)), "seq": len(seqs) + 1}
    else:
        free = sorted({*seqs, len(seqs) + 1} - set(paid))
        row = {**draw(st.sampled_from(rows)), "seq": draw(st.sampled_from(free))}
    connection.execute(table.insert().values(dict(row)))
    return f"insert {table.name} {row[key.name]}"


@pytest.mark.both
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_every_change_is_found(written: Studio, data: st.DataObject) -> None:
    """Edits, deletions, swaps and insertions of events, payloads and rows of projections."""
    with tampering(written) as tampered:
        what = change(tampered.connection, data.draw)  # type: ignore[arg-type]
        assert verify(tampered).faults, what


@pytest.mark.both
def test_faults_say_where(written: Studio) -> None:
    """Each names the event, or the table, row and column, and what is wrong; never a text."""
    cases: list[tuple[sa.Executable, list[str]]] = [
        (event.update().where(event.c.seq == 3).values(subject="x"), ["event 3", "was changed"]),
        (event.delete().where(event.c.seq == 3), ["event 3", "is missing", "next one is 4"]),
        (payload.delete().where(payload.c.seq == 3), ["event 3", "no event says"]),
        (payload.insert().values(seq=4, salt="", body="{}"), ["event 4", "event 14 says"]),
        (event.delete().where(event.c.seq == 15), ["payload 15", "no such event"]),
        (
            NOTES.update().where(NOTES.c.id == "n5").values(text=SECRET),
            ["test_notes", "n5", "text"],
        ),
        (NOTES.delete().where(NOTES.c.id == "n5"), ["test_notes, row n5: is missing"]),
        (COUNTS.insert().values(person="b", notes=1), ["test_counts, row b", "no event made it"]),
    ]
    for statement, words in cases:
        with tampering(written) as tampered:
            tampered.connection.execute(statement)
            expect_fault(tampered, *words)
            assert SECRET not in " ".join(verify(tampered).faults)


def test_event_of_a_later_version_is_a_fault(
    written: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verifying says which event, and that a newer Preceptor knows it; nothing is rebuilt."""
    monkeypatch.delitem(ACTS, NoteMoved.kind)
    expect_fault(written, "event 11 (note-moved): cannot be applied", "of a later Preceptor")
    with tampering(written) as tampered, pytest.raises(StoreError, match="of a later Preceptor"):
        rebuild(tampered.connection)


@pytest.mark.both
def test_cut_tail_is_found_with_an_anchor(studio: Studio) -> None:
    """A whole chain that ends earlier, or is another from some event on, is not the anchor's."""
    fill(studio)
    line = studio.anchor()
    studio.write_now(note("after"))
    assert verify(studio, line).faults == ()

    def cut(connection: sa.Connection) -> None:
        for table in (payload, event, anchor):
            connection.execute(table.delete().where(table.c.seq >= 15))
        rebuild(connection)

    studio.write_now(cut)
    assert verify(studio).faults == ()
    assert "event 15: is missing: the anchor has it" in verify(studio, line).faults[0]
    for number in range(3):
        studio.write_now(note(f"other {number}"))
    assert verify(studio).faults == ()
    assert "event 15: was written anew: the anchor" in verify(studio, line).faults[0]
    with pytest.raises(InputError, match="expected the line of JSON"):
        verify(studio, "{}{")


@pytest.mark.both
def test_projections_are_rebuilt(written: Studio) -> None:
    """Whatever was done to them, they are then what they were."""
    with written.read() as connection:
        before = {t.name: connection.execute(sa.select(t)).all() for t in PROJECTIONS.values()}
    with tampering(written) as tampered:
        connection = tampered.connection
        assert rebuild(connection) == 0
        connection.execute(NOTES.update().values(text="all the same"))
        connection.execute(COUNTS.delete())
        connection.execute(NOTES.delete().where(NOTES.c.seq > 5))
        connection.execute(NOTES.insert().values(id="0", seq=1, text="", place=""))
        assert rebuild(connection) == 12
        for name, rows in before.items():
            found = connection.execute(sa.select(PROJECTIONS[name])).all()
            assert sorted(map(tuple, found)) == sorted(map(tuple, rows))


# What is erased


@pytest.mark.both
def test_erased_text_is_nowhere(studio: Studio, path: str) -> None:
    """In no table, no export, nor the bytes of the file and its log; the chain is whole."""
    for number in range(60):
        studio.write_now(note(f"{SECRET} {number} " * (1 + number % 7 * 40), subject=f"n{number}"))
        if number % 3 == 0:  # rows move within and between pages
            studio.write_now(
                lambda c, number=number: append(
                    c, NoteMoved(to="x" * 500), by=ANN, subject=f"n{number}"
                )
            )
    with studio.read() as connection:
        seqs = [found.seq for found, _, body in recorded(connection) if SECRET in (body or "")]
    assert len(seqs) == 60
    made = studio.erase(seqs, ANN, "asked for")
    assert studio.write_now(rebuild) == 0
    with studio.read() as connection:
        for table in metadata.sorted_tables:
            assert SECRET not in str(connection.execute(sa.select(table)).all())
        assert SECRET not in str(list(recorded(connection)))
        assert connection.scalar(sa.select(sa.func.count()).select_from(NOTES)) == 60
    assert verify(studio).faults == ()
    assert verify(studio).erased == 60
    with pytest.raises(InputError, match=rf"found \[1, {made.seq}, 9999\]"):
        studio.erase([1, made.seq, 9999], ANN, "once more")
    for file in Path(path).parent.glob("studio.db*") if "://" not in path else ():
        assert b"Canary-4711" not in file.read_bytes(), file.name


# What is kept


KILLED = """
import sys
sys.path.insert(0, sys.argv[1])
from studio_notes import save
save(sys.argv[2], writers=40)
"""


@pytest.mark.both
def test_killed_process_loses_nothing_that_it_acknowledged(studio: Studio, path: str) -> None:
    """kill -9 while forty write: each acknowledged note is there, and the chain is whole."""
    with Child(Path(__file__).parent, path, code=KILLED) as child:
        assert child.stdout is not None
        told = [child.stdout.readline().strip() for _ in range(100)]
        child.kill()
        assert child.wait(60) == -signal.SIGKILL
        whole, _, _ = child.stdout.read().rpartition("\n")
    told += whole.split()
    with studio.read() as connection:
        kept = set(connection.scalars(sa.select(NOTES.c.id)))
    assert set(told) <= kept
    assert verify(studio).faults == ()


@pytest.mark.both
def test_backup_is_a_verified_copy_for_its_owner_alone(studio: Studio, tmp_path: Path) -> None:
    """It opens as the studio did; a file is not written over; PostgreSQL has tools of its own."""
    fill(studio)
    copy = tmp_path / "copy.db"
    if is_on_server():
        with pytest.raises(InputError, match="is on PostgreSQL: back it up with `pg_dump`"):
            studio.backup(copy)
        assert not copy.exists()
        return
    found = studio.backup(copy)
    assert found.faults == ()
    assert found.events == 15
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with Studio.open(copy) as other:
        assert other.anchor().partition(',"at"')[0] == studio.anchor().partition(',"at"')[0]
    with pytest.raises(InputError, match="exists already"):
        studio.backup(copy)
    assert not list(tmp_path.glob(".copy*"))


def test_what_is_no_studio_is_not_opened(tmp_path: Path) -> None:
    """Neither a missing file, nor a store of runs, nor the other way round."""
    path = tmp_path / "a.db"
    with pytest.raises(StoreError, match=r"studio .*no such file: make it with `preceptor studio"):
        Studio.open(path)
    with Store(path), pytest.raises(StoreError, match=r"studio .*another program's database"):
        Studio.open(path)
    other = tmp_path / "b.db"
    with (
        Studio.open(other, create=True),
        pytest.raises(StoreError, match=r"store .*another program's database: name another with"),
    ):
        Store(other)
