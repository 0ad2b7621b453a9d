"""Signing in to the studio with an account at a provider of OpenID Connect."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

pytest.importorskip("authlib", reason="needs the extra studio-oidc")
pytest.importorskip("joserfc", reason="needs the extra studio-oidc")

from oidc_provider import CLIENT, SECRET, FakeProvider, served_provider
from preceptor.cli import main
from preceptor.errors import InputError
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.chain import append
from preceptor.studio.ledger.verify import verify
from preceptor.studio.people import invitations
from preceptor.studio.people.acts import Declared
from preceptor.studio.people.claims import NotProven
from preceptor.studio.people.members import deactivate, reactivate
from preceptor.studio.people.project import change, project
from preceptor.studio.people.provider import Provider, Settings
from preceptor.studio.people.roles import Conflicts
from preceptor.studio.web.entering import BACK
from studio_harness import ADDRESS, House
from test_studio_authoring import DECLARED, Author, fill

PERSON = "person-1@hospital.example"


class Clinic:
    """A studio, its provider, and the way from one to the other."""

    def __init__(self, house: House, fake: FakeProvider, provider: Provider) -> None:
        self.house, self.fake, self.provider = house, fake, provider

    def leave(self, client: Any, path: str = "/login", **fields: str) -> dict[str, str]:
        """To the provider, where one signs in: with what one comes back."""
        page = self.house.post(client, path, {"do": "provider", **fields})
        assert page.status_code == 200, page.text
        address = page.headers["refresh"].removeprefix("0; url=")
        assert address.startswith(f"{self.fake.issuer}/authorization?")
        return self.fake.authorize(address)

    def sign_in(self, path: str = "/login", **fields: str) -> Any:
        client = self.house.client()
        return client.get(BACK, params=self.leave(client, path, **fields))

    def refused(self, words: str, path: str = "/login") -> None:
        page = self.sign_in(path)
        assert page.status_code in (400, 422)
        assert words in page.text
        assert "canary" not in page.text


@pytest.fixture(scope="module")
def kept_clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    now = [0.0]
    with served_provider(lambda: now[0]) as fake:
        settings = Settings(
            issuer=fake.issuer,
            client=CLIENT,
            secret=SECRET,
            domains=("hospital.example",),
            back=ADDRESS + BACK,
        )
        provider = Provider(settings, clock=lambda: now[0])
        house = House(tmp_path_factory.mktemp("oidc"), provider=provider)
        now[0] = house.now
        clinic = Clinic(house, fake, provider)
        page = clinic.sign_in(house.invite("author"))
        assert (page.status_code, page.headers["location"]) == (303, "/")
        yield clinic
        assert house.told == []
        house.close()


@pytest.fixture
def clinic(kept_clinic: Clinic) -> Clinic:
    """With ``Person-1``, who joined with an account at the provider."""
    kept_clinic.fake.reset()
    kept_clinic.provider._read = None
    with kept_clinic.house.studio.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM wrong_try"))
    return kept_clinic


def sent_again(page: Any) -> dict[str, Any]:
    """The fields that a page keeps."""
    fields: dict[str, Any] = {}
    for name, value in re.findall(
        r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text
    ):
        fields.setdefault(name, []).append(unescape(value))
    return {name: found for name, found in fields.items() if name != "token"} | {
        name: found[0] for name, found in fields.items() if len(found) == 1 and name != "token"
    }


def rows(house: House, query: str) -> list[Any]:
    with house.studio.read() as connection:
        return list(connection.execute(sa.text(query)))


def test_who_joined_by_the_provider_signs_in_with_it(clinic: Clinic) -> None:
    """The name and the verified e-mail address are the provider's; the session is a new one."""
    client = clinic.house.client()
    back = clinic.leave(client, next="/account")
    before = client.cookies[clinic.house.cookie]
    page = client.get(BACK, params=back)
    assert (page.status_code, page.headers["location"]) == (303, "/account")
    assert client.cookies[clinic.house.cookie] != before
    account = client.get("/account").text
    assert PERSON in account
    assert "Canary-name Ada" in account
    assert 'name="present"' not in account  # no password to change
    clinic.house.post(client, "/sign-out", {"do": "out"})
    assert client.get("/account").status_code == 303


def test_the_binding_is_an_event_without_personal_data(clinic: Clinic) -> None:
    """No event has the account's id, name or address; erased, the account opens nothing."""
    house = clinic.house
    found = str(rows(house, "SELECT * FROM event"))
    payloads = str(
        rows(
            house, "SELECT body FROM payload p JOIN event USING (seq) WHERE kind = 'identity-bound'"
        )
    )
    assert "identity-bound" in found
    for secret in ("Person-1", PERSON, "Ada", clinic.fake.issuer):
        assert secret not in found
        assert secret not in payloads
    assert clinic.sign_in(house.invite("reviewer")).status_code == 400  # bound already
    clinic.fake.subject = "Person-2"
    assert clinic.sign_in(house.invite("reviewer")).status_code == 303
    [(seq,)] = rows(house, "SELECT max(seq) FROM event WHERE kind = 'identity-bound'")
    house.studio.erase([seq], None, "asked for")
    clinic.refused("nobody of this project has it")
    assert verify(house.studio).faults == ()


def test_a_form_that_waits_for_the_sign_in_is_not_lost(clinic: Clinic) -> None:
    """What it had sent is asked about after the provider's yes, and kept at its no."""
    client = clinic.house.client()
    fields = {"next": "/account", "kept:employer": "Canary Ltd", "kept:do": "declared"}
    back = clinic.leave(client, **fields)
    no = client.get(BACK, params={"state": back["state"], "error": "access_denied"})
    assert no.status_code == 422
    assert "said no" in no.text
    assert "Canary Ltd" in no.text
    page = client.get(BACK, params=clinic.leave(client, **fields))
    assert page.status_code == 200
    assert "Send it now?" in page.text
    assert "Canary Ltd" in page.text


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"email_verified": "true"}, "not verified"),
        ({"email_verified": None}, "not verified"),
        ({"email_verified": 1}, "not verified"),
        ({"email": None}, "gives none"),
        ({"email": "a@sub.hospital.example"}, "expected an address of hospital.example"),
        ({"email": "a@hospital.example@evil.example"}, "expected an address of"),
        ({"email": "a@\uff48ospital.example"}, "expected an address of"),
        ({"sub": "Person-9"}, "of another person"),
    ],
)
def test_only_a_verified_address_of_the_domains_counts(
    clinic: Clinic, said: dict[str, Any], words: str
) -> None:
    """Userinfo has to say ``true`` itself, of the person of the ID token."""
    clinic.fake.userinfo = said
    clinic.refused(words)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"aud": "another"}, "aud"),
        ({"aud": [CLIENT, "another"]}, "azp"),
        ({"azp": "another"}, "azp"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"exp": 1_799_999_000}, "exp"),
        ({"auth_time": 1_800_000_000 - 13 * 3600}, "auth_time: too long ago"),
        ({"auth_time": None}, "auth_time: missing"),
        ({"auth_time": "1800000000"}, "auth_time: missing"),
        ({"auth_time": 1_800_009_000}, "auth_time: later"),
    ],
)
def test_each_claim_of_the_id_token_is_checked(
    clinic: Clinic, said: dict[str, Any], words: str
) -> None:
    """A signed token that is another's, old, or of an old sign-in opens nothing."""
    clinic.fake.claims = said
    clinic.refused(words)


def test_a_state_is_used_once_and_in_its_browser(clinic: Clinic) -> None:
    """A replayed reply, another browser's, one without a state, and a late one are refused."""
    client, other = clinic.house.client(), clinic.house.client()
    other.get("/login")
    back = clinic.leave(client)
    assert other.get(BACK, params=back).status_code == 400
    assert client.get(BACK, params=back).status_code == 303
    assert "begin again" in client.get(BACK, params=back).text
    assert client.get(BACK).status_code == 400
    back = clinic.leave(other)
    clinic.house.now += 601
    late = other.get(BACK, params=back)
    clinic.house.now -= 601
    assert late.status_code == 400


def test_who_has_no_password_signs_by_signing_in_there_anew(clinic: Clinic) -> None:
    """With the same account, once, in the session that left; an earlier sign-in is not enough."""
    house = clinic.house
    house.studio.write_now(lambda c: change(c, replace(project(c), signatures=True), None))
    client = house.client()
    assert client.get(BACK, params=clinic.leave(client)).status_code == 303
    [(person,)] = rows(house, f"SELECT id FROM person WHERE email = '{PERSON}'")
    declared = Declared(conflicts=Conflicts())
    house.studio.write_now(lambda c: append(c, declared, by=None, subject=person))
    house.people["Person-1"] = person
    author = Author(house, "Person-1", client)
    fill(author)
    page = author.do("submit", attested=DECLARED)
    assert 'value="provider"' in page.text
    assert 'name="password"' not in page.text
    path = f"/tasks/{author.item}"
    sent = sent_again(page)

    def left() -> dict[str, str]:
        gone = house.post(client, path, {**sent, "prove": "provider"})
        address = gone.headers["refresh"].removeprefix("0; url=")
        assert "max_age=0" in address
        return clinic.fake.authorize(address)

    for said, subject in (({"auth_time": house.now - 300}, "Person-1"), ({}, "Person-9")):
        clinic.fake.claims, clinic.fake.subject = said, subject
        wrong = client.get(BACK, params=left())
        assert wrong.status_code == 422
        assert "Three days of fever" in wrong.text
        assert 'name="proof"' not in wrong.text
        assert re.search("too long ago|not the one you are signed in with", wrong.text)
    clinic.fake.reset()
    page = client.get(BACK, params=left())
    proof = sent_again(page)["proof"]
    assert author.state() == "draft"
    other = house.client()
    assert other.get(BACK, params=clinic.leave(other)).status_code == 303
    other.get("/account")
    assert client.get(BACK, params={"state": proof, "code": "x"}).status_code in (400, 422)
    proof = sent_again(client.get(BACK, params=left()))["proof"]
    refused = house.post(client, path, {**sent, "proof": proof[::-1]})
    assert refused.status_code == 422
    refused = house.post(other, path, {**sent, "proof": proof})
    assert refused.status_code == 422
    done = house.post(client, path, {**sent, "proof": proof})
    assert done.headers["location"].endswith("done=submitted")
    assert author.state() == "submitted"
    [(signature,)] = rows(house, "SELECT signature FROM event WHERE signature != ''")
    assert signature == "authorship by account at 127.0.0.1"
    again = Author(house, "Person-1", client)
    fill(again)
    page = again.do("submit", attested=DECLARED)
    used = house.post(client, f"/tasks/{again.item}", {**sent_again(page), "proof": proof})
    assert used.status_code == 422
    assert again.state() == "draft"
    house.studio.write_now(lambda c: change(c, replace(project(c), signatures=False), None))


def test_the_reply_is_the_issuers(clinic: Clinic) -> None:
    """A reply of another issuer, or of none where the provider says who it is, is refused."""
    for named in ({"iss": "https://evil.example"}, {"iss": ""}):
        client = clinic.house.client()
        page = client.get(BACK, params=clinic.leave(client) | named)
        assert "of another issuer" in page.text
    assert "/token" not in clinic.fake.asked


def test_who_has_no_invitation_is_told_so(clinic: Clinic) -> None:
    """Also one who has left; a used invitation lets nobody in."""
    house = clinic.house
    [(person,)] = rows(house, f"SELECT id FROM person WHERE email = '{PERSON}'")
    lead = Who(house.people["lead"], "s")
    house.studio.write_now(lambda c: deactivate(c, person, by=lead, reason="left"))
    clinic.refused("nobody of this project has it")
    house.studio.write_now(lambda c: reactivate(c, person, by=lead))
    clinic.fake.subject = "Person-7"
    clinic.refused("nobody of this project has it")
    link, client = house.invite("author"), house.client()
    back = clinic.leave(client, link)
    assert clinic.sign_in(link).status_code == 303
    clinic.fake.subject = "Person-8"
    assert "used already" in client.get(BACK, params=back).text


def test_a_link_for_a_password_takes_an_account_instead(clinic: Clinic) -> None:
    """The account is bound to the person; the password opens nothing more."""
    house = clinic.house
    person = house.people["writer"]
    lead = Who(house.people["lead"], "s")
    link = house.studio.write_now(lambda c: invitations.reset(c, person, by=lead, now=house.now))
    old = house.signed_in("writer")
    clinic.fake.subject = "Writer"
    clinic.fake.userinfo = {"email": "w@hospital.example"}
    assert clinic.sign_in(f"/join/{link}").status_code == 303
    assert clinic.sign_in().status_code == 303
    assert old.get("/account").status_code == 303
    assert not rows(house, f"SELECT 1 FROM credential WHERE person = '{person}'")


def test_many_tries_make_one_wait(clinic: Clinic) -> None:
    """As wrong passwords do; no request goes to the provider meanwhile."""
    client = clinic.house.client()
    clinic.fake.userinfo = {"email_verified": False}
    for _ in range(5):
        client.get(BACK, params=clinic.leave(client))
    clinic.fake.asked.clear()
    page = clinic.house.post(client, "/login", {"do": "provider"})
    assert page.status_code == 429
    assert "wait" in page.text
    assert clinic.fake.asked == []


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ({"code_challenge_methods_supported": ["plain"]}, "PKCE"),
        ({"issuer": "https://evil.example"}, "expected a configuration of"),
        ({"token_endpoint": "http://10.0.0.1/token"}, "expected addresses with https://"),
        ({"jwks_uri": "file:///etc/passwd"}, "expected addresses with https://"),
        ({"userinfo_endpoint": None}, "refused or not valid"),
    ],
)
def test_a_configuration_that_is_not_safe_is_refused(
    clinic: Clinic, configuration: dict[str, Any], words: str
) -> None:
    """Nobody is sent there; the page for signing in says why."""
    clinic.fake.configuration = configuration
    page = clinic.house.post(clinic.house.client(), "/login", {"do": "provider"})
    assert page.status_code == 422
    assert words in page.text
    assert clinic.fake.asked == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/token", b"<h1>canary</h1>"),
        ("/token", b"{}"),
        ("/jwks", b" " * 300_000),
        ("/jwks", b'{"keys": [{"kty": "RSA", "n": 5}]}'),
        ("/userinfo", b"[]"),
    ],
)
def test_a_reply_that_is_none_is_one_line(clinic: Clinic, path: str, body: bytes) -> None:
    """Also a very long one; nothing of it is shown."""
    clinic.fake.bodies[path] = body
    client = clinic.house.client()
    page = client.get(BACK, params=clinic.leave(client))
    assert page.status_code == 422
    assert re.search("refused or not valid|of another person", page.text)
    assert "canary" not in page.text


def test_a_signature_by_another_key_is_refused(clinic: Clinic) -> None:
    """Also where the header names the provider's key."""
    own = clinic.fake.key
    client = clinic.house.client()
    back = clinic.leave(client)
    clinic.fake.bodies["/jwks"] = b'{"keys": []}'
    assert "the ID token" in client.get(BACK, params=back).text
    clinic.fake.reset()
    page = clinic.house.client()
    back = clinic.leave(page)
    published = own.as_dict(private=False)
    clinic.fake.key = type(own).generate_key(2048, {"kid": "k1"})
    clinic.fake.bodies["/jwks"] = json.dumps({"keys": [published]}).encode()
    assert "the ID token" in page.get(BACK, params=back).text
    clinic.fake.key = own


async def test_a_remote_issuer_cannot_steer_to_this_machine() -> None:
    """Addresses of this machine are for an issuer on this machine alone."""
    common = {"client": "c", "secret": "s", "domains": ("h.example",), "back": ADDRESS + BACK}
    remote = Provider(Settings(issuer="https://idp.example", **common))
    for address in ("https://127.0.0.1/token", "http://localhost/", "https://a@idp.example/"):
        with pytest.raises(InputError, match="expected addresses with https"):
            remote._expect_safe(address)
    with pytest.raises(InputError, match="expected addresses with https"):
        Provider(Settings(issuer="http://idp.example", **common))
    with pytest.raises(NotProven, match="no reply"):
        await Provider(Settings(issuer="http://127.0.0.1:9", **common)).ask(1)


def test_serve_says_what_an_option_lacks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An id, domains and a secret, each in one line, before anything is opened."""
    oidc = ["studio", "serve", "--oidc", "https://idp.example"]
    monkeypatch.delenv("PRECEPTOR_OIDC_SECRET", raising=False)
    for options, words in (
        (oidc, "--oidc-client-id"),
        ([*oidc, "--oidc-client-id", "c", "--oidc-domain", "@h.example"], "expected a name such"),
        ([*oidc, "--oidc-client-id", "c", "--oidc-domain", "h.example"], "PRECEPTOR_OIDC_SECRET"),
        (["studio", "serve", "--oidc-domain", "h.example"], "expected --oidc"),
    ):
        assert main(options) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert words in line
