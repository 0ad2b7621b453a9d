"""Accounts of the studio: invitations, passwords, waits after wrong ones, sessions, roles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import argon2
import pytest
import sqlalchemy as sa

import children
from preceptor.cli import main
from preceptor.errors import InputError, StoreError, UnknownName
from preceptor.studio.database import Studio
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.verify import verify
from preceptor.studio.people import invitations, members, sessions
from preceptor.studio.people.accounts import Accounts
from preceptor.studio.people.passwords import Passwords
from preceptor.studio.people.project import project
from preceptor.studio.people.roles import Conflicts, Offer
from preceptor.studio.people.sessions import Limits
from preceptor.studio.people.tables import credentials
from preceptor.studio.people.tries import TooMany
from studio_harness import CHEAP, PASSWORD, House


@pytest.fixture(scope="module")
def house(studios: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("people"))
    yield house
    house.close()


def lead(house: House) -> Who:
    return Who(house.people["lead"], "s")


@pytest.mark.both
async def test_ten_wrong_passwords_make_one_wait_and_the_wait_ends(house: House) -> None:
    """The right password is not looked at before the wait is over; then it is, as the first."""
    accounts = house.accounts
    refused = []
    for _ in range(10):
        with pytest.raises(InputError) as error:
            await accounts.sign_in("author@example.org", "wrong password!", "10.0.0.1")
        refused.append(isinstance(error.value, TooMany))
    assert refused[:5] == [False] * 5
    assert any(refused)
    with pytest.raises(TooMany, match="wait"):
        await accounts.sign_in("author@example.org", PASSWORD, "10.0.0.2")
    house.now += 900
    assert await accounts.sign_in("AUTHOR@example.org ", PASSWORD, "10.0.0.2")
    with pytest.raises(InputError, match="not right"):
        await accounts.sign_in("author@example.org", "wrong password!", "10.0.0.1")


async def test_a_network_address_waits_whatever_the_names(house: House) -> None:
    """One that tries a password on many accounts is slowed down; others are not."""
    refused = []
    for number in range(40):
        with pytest.raises(InputError) as error:
            await house.accounts.sign_in(f"n{number}@example.org", "password1234", "10.9.9.9")
        refused.append(isinstance(error.value, TooMany))
    assert not refused[0]
    assert refused[-1]
    assert await house.accounts.sign_in("reviewer@example.org", PASSWORD, "10.0.0.3")


async def test_an_unknown_name_takes_the_same_way(house: House) -> None:
    """As many hashes are checked, with the same parameters, and the same is said."""
    checked: list[str] = []

    class Counted(Passwords):
        def check(self, password: str, found: str | None) -> bool:
            checked.append((found or self._nobody).rpartition("$")[0].rpartition("$")[0])
            return super().check(password, found)

    hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    accounts = Accounts(house.studio, passwords=Counted(hasher), clock=lambda: house.now)
    said = []
    for name in ("writer@example.org", "nobody@example.org", "no address", ""):
        with pytest.raises(InputError) as error:
            await accounts.sign_in(name, "wrong password!", "10.0.0.4")
        said.append(str(error.value))
    assert len(set(said)) == 1
    assert len(checked) == 4
    assert len(set(checked)) == 1


async def test_a_hash_of_other_parameters_is_made_anew_at_sign_in(house: House) -> None:
    """The next sign-in leaves a hash with the parameters that hold now."""
    better = Passwords(argon2.PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    accounts = Accounts(house.studio, passwords=better, clock=lambda: house.now)
    await accounts.sign_in("adjudicator@example.org", PASSWORD, "10.0.0.5")
    person = house.people["adjudicator"]
    with house.studio.read() as connection:
        row = sa.select(credentials.c.password).where(credentials.c.person == person)
        assert "m=16,t=2" in str(connection.scalar(row))


@pytest.mark.parametrize(
    "password", ["short", "a" * 20, "eleven char", "writer@example.org!", "x" * 600]
)
def test_a_weak_password_is_refused(password: str) -> None:
    """Fewer than 12 characters, few different ones, or one's own address."""
    with pytest.raises(InputError, match="password: "):
        CHEAP.hash(password, email="writer@example.org")


def test_a_password_is_one_whatever_the_keyboard() -> None:
    """Composed and decomposed accents are the same password."""
    assert CHEAP.check("cafe\u0301 au lait chaud", CHEAP.hash("caf\u00e9 au lait chaud"))


async def test_a_clock_that_is_set_back_keeps_nobody_in_or_out(tmp_path: Path) -> None:
    """Sessions from after it are over, ones in use are noted anew, and tries cost no wait."""
    house = House(tmp_path)
    person, limits, day = house.people["author"], house.accounts.limits, 86_400
    for _ in range(8):
        with pytest.raises(InputError):
            await house.accounts.sign_in("author@example.org", "wrong password!", "10.0.0.9")
    late, _ = house.studio.write_now(lambda c: sessions.begin(c, person, house.now + day, limits))
    soon, _ = house.studio.write_now(lambda c: sessions.begin(c, person, house.now + 60, limits))
    with house.studio.read() as connection:
        assert sessions.find(connection, late, house.now, limits) is None
        kept = sessions.find(connection, soon, house.now, limits)
        listed = [row.id for row in sessions.of(connection, person, house.now, limits)]
    assert kept is not None
    assert kept.is_due(house.now)
    assert listed == [kept.id]
    house.now -= day
    assert await house.accounts.sign_in("author@example.org", PASSWORD, "10.0.0.9")
    house.close()


WITHOUT_FORMS = """
import sys
for name in [name for name in sys.modules if name.startswith("preceptor.studio.web")]:
    del sys.modules[name]
sys.modules["python_multipart"] = None
from preceptor.cli import main
sys.exit(main(["studio", "serve"]))
"""


def test_a_studio_without_the_package_for_forms_does_not_start() -> None:
    """One line says how to install it: else the first form would be an internal error."""
    found = children.run(code=WITHOUT_FORMS)
    assert found.returncode == 2
    assert found.stderr.startswith("error: preceptor studio needs python_multipart: ")
    assert "python-multipart" in found.stderr
    assert found.stderr.count("\n") == 1


@pytest.mark.both
async def test_an_invitation_is_good_once_and_for_a_week(house: House) -> None:
    """The second use, one after seven days, and a made-up link are refused alike."""
    link = house.invite("author").rpartition("/")[2]
    fields = {"name": "New", "email": "new@example.org", "password": PASSWORD}
    assert await house.accounts.join(link, **fields)
    late = house.invite("author").rpartition("/")[2]
    house.now += invitations.LASTS_S
    for used in (link, late, "made-up"):
        with pytest.raises(UnknownName, match="used already, or older than 7 days"):
            await house.accounts.join(used, **{**fields, "email": "other@example.org"})
    fresh = house.invite("author").rpartition("/")[2]
    with pytest.raises(InputError, match="somebody of this project has that address"):
        await house.accounts.join(fresh, **fields)


async def test_a_link_for_a_password_signs_out_everywhere(house: House) -> None:
    """It sets the password, ends each session, and nobody joins with it."""
    person = house.people["labeller"]
    before = await house.accounts.sign_in("labeller@example.org", PASSWORD, "10.0.0.6")
    link = house.studio.write_now(
        lambda connection: invitations.reset(connection, person, by=lead(house), now=house.now)
    )
    with pytest.raises(InputError, match="nobody joins with it"):
        await house.accounts.join(link, name="X", email="x@example.org", password=PASSWORD)
    await house.accounts.renew(link, password="another good one")
    assert found(house, before) is None
    with pytest.raises(InputError):
        await house.accounts.sign_in("labeller@example.org", PASSWORD, "10.0.0.6")
    assert await house.accounts.sign_in("labeller@example.org", "another good one", "10.0.0.6")


def found(house: House, secret: str, limits: Limits = Limits()) -> Any:  # noqa: B008
    with house.studio.read() as connection:
        return sessions.find(connection, secret, house.now, limits)


@pytest.mark.parametrize(("used_every", "lasts"), [(10_000, 1_800), (1_000, 43_200)])
def test_a_session_ends_when_unused_and_after_twelve_hours(
    used_every: int, lasts: int, house: House
) -> None:
    """Thirty minutes without use; with use, half a day."""
    person, began = house.people["writer"], house.now
    secret, identity = house.studio.write_now(
        lambda connection: sessions.begin(connection, person, house.now, Limits())
    )
    while found(house, secret) is not None:
        if (house.now - began) % used_every == 0:
            house.studio.write_now(
                lambda connection: sessions.mark(connection, identity, house.now)
            )
        house.now += 200
    assert house.now - began == lasts


def test_the_database_has_no_secret(house: House) -> None:
    """Neither a session's, nor a link's, nor a password is in any table."""
    secret, _ = house.studio.write_now(
        lambda connection: sessions.begin(connection, house.people["writer"], house.now, Limits())
    )
    link = house.invite("author").rpartition("/")[2]
    with house.studio.read() as connection:
        for name in sa.inspect(connection).get_table_names():
            rows = str(connection.execute(sa.text(f'SELECT * FROM "{name}"')).all())
            for kept in (secret, link, PASSWORD):
                assert kept not in rows, name


def test_who_has_left_is_signed_out_and_may_return(house: House) -> None:
    """A session ends at once, and the roles are there again later."""
    person = house.people["author-2"]
    secret, _ = house.studio.write_now(
        lambda connection: sessions.begin(connection, person, house.now, Limits())
    )
    house.studio.write_now(lambda c: members.deactivate(c, person, by=lead(house), reason="moved"))
    assert found(house, secret) is None
    house.studio.write_now(lambda c: members.reactivate(c, person, by=lead(house)))
    assert found(house, secret).member.offer.roles == ("author",)


def test_a_project_keeps_a_lead(house: House) -> None:
    """The last lead neither leaves nor gives up the role."""
    by = lead(house)
    with pytest.raises(InputError, match="needs a lead"):
        house.studio.write_now(lambda c: members.deactivate(c, by.person, by=by))
    with pytest.raises(InputError, match="needs a lead"):
        house.studio.write_now(
            lambda c: members.set_roles(c, by.person, Offer(roles=("author",)), by=by)
        )


def test_conflicts_are_declared_for_a_year(house: House) -> None:
    """After 365 days they have to be declared again."""
    by = lead(house)
    wanted = Conflicts(employer="Clinic", vendors=("A", "A", " "))
    house.studio.write_now(lambda c: members.declare(c, wanted, by=by))
    with house.studio.read() as connection:
        member = members.person(connection, by.person).member
    assert member.conflicts == Conflicts(employer="Clinic", vendors=("A",))
    at = members.datetime.fromisoformat(member.declared).timestamp()
    assert member.has_declared(at + 364 * 86_400)
    assert not member.has_declared(at + 366 * 86_400)


@pytest.mark.both
def test_an_erased_name_leaves_roles_and_chain(tmp_path: Path) -> None:
    """Name and address are gone from the person, who is still an author."""
    house = House(tmp_path)
    person = house.people["author"]
    with house.studio.read() as connection:
        words = "SELECT seq FROM event WHERE kind = 'named' AND subject = :person"
        seq = connection.scalar(sa.text(words), {"person": person})
    house.studio.erase([seq], lead(house), "asked for it")
    with house.studio.read() as connection:
        found = members.person(connection, person)
    assert (found.name, found.email, found.member.offer.roles) == ("", "", ("author",))
    assert verify(house.studio).faults == ()
    house.close()
    for file in tmp_path.iterdir():
        assert b"author@example.org" not in file.read_bytes().replace(b"author-2@", b"")


def test_the_command_line_makes_a_studio_and_invites(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``init`` and ``invite`` print a link; a second ``init`` and an unknown role are one line."""
    db = str(tmp_path / "s.db")
    assert main(["studio", "init", "Trial", "--policy", "small", "--db", db]) == 0
    assert capsys.readouterr().out.startswith("http://127.0.0.1:8712/join/")
    asked = ["studio", "invite", "author", "--language", "AR", "--db", db]
    assert main([*asked, "--address", "https://s.example.org/"]) == 0
    link = capsys.readouterr().out.strip()
    with Studio.open(db) as studio, studio.read() as connection:
        assert project(connection).policy == "small"
        offer = invitations.look(connection, link.rpartition("/")[2], 0.0).offer
    assert link.startswith("https://s.example.org/join/")
    assert offer == Offer(roles=("author",), languages=("ar",))
    for wrong, said in (
        (["init", "Trial", "--db", db], "exists already"),
        (["invite", "boss", "--db", db], "role: expected author"),
        (["init", "T", "--policy", "x", "--db", db + "2"], "expected default or small"),
        (["serve", "--tls-cert", "x", "--db", db], "give both, or none"),
        (["serve", "--behind-proxy", "--db", db], "the proxy's https:// address, found none"),
        (["serve", "--address", "x", "--db", db], "expected an address such as"),
        (["serve", "--host", "0.0.0.0", "--port", "0", "--db", db], "in the clear"),
        (["serve", "--db", db + "3"], "preceptor studio init"),
    ):
        assert main(["studio", *wrong]) == 2
        assert said in capsys.readouterr().err


def test_a_database_without_a_project_is_said(tmp_path: Path) -> None:
    """One that `preceptor studio init` did not make cannot be served."""
    with (
        Studio.open(tmp_path / "s.db", create=True) as studio,
        studio.read() as connection,
        pytest.raises(StoreError, match="studio init"),
    ):
        project(connection)
