"""The studio's pages: who sees them, which forms are taken, and what is kept of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from preceptor.errors import InputError, StoreError
from preceptor.studio.people.members import reactivate
from preceptor.studio.people.roles import ROLES
from preceptor.studio.web import app
from preceptor.studio.web.forms import Given
from preceptor.studio.web.screens import EVERYBODY, NOBODY, Screen
from studio_harness import PASSWORD, SAME_SITE, TOKEN, House, addresses, crawl

HOSTILE = '</p><script>alert("h")</script><img src=x onerror=alert(1)>\u202e رعاية'


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("web"))
    yield house
    assert house.told == []
    house.close()


def sign_in(house: House, client: TestClient, **fields: str) -> Any:
    given = {"email": "author@example.org", "password": PASSWORD, **fields}
    return house.post(client, "/login", given)


# Who sees what


def test_each_page_is_for_those_whose_it_is(house: House) -> None:
    """Each screen as each role: 403 for others, the page for login for nobody, never an error."""
    by_path = {route.path: route for route in house.routes if isinstance(route, Screen)}
    paths = [route.path for route in house.routes if "GET" in (route.methods or ())]
    seen = 0
    for (name, address, response), path in zip(
        crawl(house, lambda _: house.people["author"]),
        paths * len(house.people),
        strict=True,
    ):
        screen = by_path.get(path)
        allowed = screen is None or screen.roles & {*EVERYBODY, *NOBODY, name.partition("-")[0]}
        assert (response.status_code != 403) == bool(allowed), (name, address)
        assert response.status_code < 500
        seen += 1
    assert seen == len(paths) * (len(ROLES) + 1)
    for address in addresses(house):
        response = house.client().get(address)
        assert response.status_code in (200, 303, 404), address
        if response.status_code == 303:
            assert response.headers["location"].startswith("/login")


def test_every_route_is_a_screen_or_a_file(house: House) -> None:
    """No page goes round the check of session, role and form."""
    others = [route.path for route in house.routes if not isinstance(route, Screen)]
    assert others == ["/assets/{hash:str}/{name:str}"]


def test_names_are_for_leads_alone_and_each_look_is_an_event(house: House) -> None:
    """No other role gets another person's name on any page; a lead's look is recorded."""
    before = house.kinds().count("names-read")
    looks = 0
    for name, address, response in crawl(house, lambda _: house.people["author"]):
        others = [each for each in house.people if each != name]
        names = [each for each in others if f"Canary-name {each}<" in response.text]
        names += [
            each for each in others if f"{each}@example.org" in response.text and each != "author"
        ]
        assert not names or (name == "lead" and address.startswith("/people")), (name, address)
        looks += bool(name == "lead" and address.startswith("/people"))
    assert house.kinds().count("names-read") - before == looks == 2


# Forms


def test_a_form_of_another_site_is_refused_everywhere(house: House) -> None:
    """Every POST route, from another origin, without a token, or with another browser's."""
    client = house.signed_in("lead")
    own = TOKEN.search(client.get("/").text)
    foreign = TOKEN.search(house.signed_in("author").get("/").text)
    assert own is not None
    assert foreign is not None
    before = house.kinds()
    posts = [
        re.sub(r"{(\w+):\w+}", house.people["author"], route.path)
        for route in house.routes
        if "POST" in (route.methods or ())
    ]
    assert len(posts) >= 6
    good, fields = {"token": own.group(1)}, {"do": "left"}
    for path in posts:
        for headers in (
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "https://evil.example.org"},
            {"Origin": "null"},
            {},
        ):
            response = client.post(path, data={**fields, **good}, headers=headers)
            assert response.status_code == 403, (path, headers)
        for token in ({}, {"token": ""}, {"token": foreign.group(1)}):
            response = client.post(path, data={**fields, **token}, headers=SAME_SITE)
            assert response.status_code in (401, 403, 404), path
    assert house.kinds() == before


def test_a_browser_that_names_no_site_is_known_by_its_origin(house: House) -> None:
    """Safari before 16.4 sends no Sec-Fetch-Site: Origin is compared with the host."""
    client = house.client()
    token = TOKEN.search(client.get("/login").text)
    assert token is not None
    fields = {"email": "author@example.org", "password": PASSWORD, "token": token.group(1)}
    response = client.post("/login", data=fields, headers={"Origin": house.address})
    assert response.status_code == 303


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("a\x00b", "a control character (U+0000) at place 2: delete it"),
        ("\x1b[2J", "U+001B"),
        ("x" * 201, "expected at most 200 characters, found 201"),
    ],
)
def test_a_field_is_bounded_and_without_control_characters(value: str, said: str) -> None:
    """One line says the field, the sign and its place; new lines are one kind."""
    with pytest.raises(InputError, match=re.escape(said)):
        Given({"name": (value,)}).line("name")
    assert Given({"a": ("one\r\ntwo\rthree\t",)}).text("a") == "one\ntwo\nthree\t"


def test_a_refused_form_comes_back_with_what_was_written(house: House) -> None:
    """Status 422, one sentence, and the fields as they were."""
    client = house.signed_in("writer")
    fields = {"do": "declared", "employer": "A\x00", "vendors": "One\nTwo"}
    response = house.post(client, "/account", fields)
    assert response.status_code == 422
    assert "employer: a control character (U+0000) at place 2" in response.text
    assert ">One\nTwo</textarea>" in response.text


def test_a_large_or_endless_body_and_a_file_are_refused(house: House) -> None:
    """One line, before anything is read into memory."""
    client = house.signed_in("writer")
    large = client.post("/account", data={"x": "y" * 1_100_000}, headers=SAME_SITE)
    assert large.status_code == 413
    file = client.post("/account", files={"f": ("n", b"x")}, headers=SAME_SITE)
    assert file.status_code == 400


@pytest.mark.parametrize("value", [HOSTILE, "\x00", "\ud800", "=1+1", "9" * 30_000, ""])
def test_hostile_text_in_any_field_is_no_error(value: str, house: House) -> None:
    """Each form of each page, each field and button: never a fault of ours, never markup."""
    client, path = house.signed_in("lead"), f"/people/{house.people['author']}"
    for page in ("/account", "/people", path):
        text = client.get(page).text
        names = set(re.findall(r'name="(\w+)"', text)) - {"token", "do"}
        for do in {*re.findall(r'name="do" value="(\w+)"', text), value} - {"out", "everywhere"}:
            fields = {**dict.fromkeys(names, value), "do": do}
            fields = {
                n: v.encode("utf-8", "surrogatepass").decode("latin-1") for n, v in fields.items()
            }
            response = house.post(client, page, fields)
            assert response.status_code < 500, (page, do)
            assert '<script>alert("h")' not in response.text
    house.studio.write_now(lambda c: reactivate(c, house.people["author"], by=None))


def test_a_database_that_fails_is_said_without_its_place(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 503 and one sentence for the browser; the terminal has the database's own words."""

    async def broken(_: object) -> None:
        raise StoreError("studio /secret/place.db: disk full")

    client = house.signed_in("writer")
    monkeypatch.setattr(house.studio, "write", broken)
    response = house.post(client, "/account", {"do": "declared"})
    assert response.status_code == 503
    assert "keep this page open" in response.text
    assert "/secret/place.db" not in response.text
    assert house.told == ["studio /secret/place.db: disk full"]
    house.told.clear()


# Signing in and out


def test_a_session_fixed_before_signing_in_is_not_kept(house: House) -> None:
    """The cookie is another after signing in, and the old one is nobody's."""
    client = house.client()
    client.cookies.set(house.cookie, "f" * 43, domain="localhost.local", path="/")
    response = sign_in(house, client)
    assert response.status_code == 303
    secret = response.cookies[house.cookie]
    assert secret != "f" * 43
    other = house.client()
    other.cookies.set(house.cookie, "f" * 43, domain="localhost.local", path="/")
    assert other.get("/").status_code == 303
    assert client.get("/").status_code == 200


def test_wrong_passwords_are_429_in_the_end(house: House) -> None:
    """The page says how long to wait, and so does a header; the password is not shown again."""
    client = house.client()
    last = [
        sign_in(house, client, email="adjudicator@example.org", password="secret-guess-1")
        for _ in range(7)
    ][-1]
    assert last.status_code == 429
    assert int(last.headers["retry-after"]) >= 1
    assert "too many tries: wait" in last.text
    assert "secret-guess-1" not in last.text
    assert 'value="adjudicator@example.org"' in last.text


@pytest.mark.parametrize(
    "wanted", ["//evil.example.org", "https://evil.example.org", "/\\evil", "/a\r\nX: y", "login"]
)
def test_signing_in_leads_to_no_other_site(wanted: str, house: House) -> None:
    """What is no path of ours leads to the first page."""
    assert sign_in(house, house.client(), next=wanted).headers["location"] == "/"
    assert sign_in(house, house.client(), next="/account?a=1").headers["location"] == "/account?a=1"


def test_sign_out_everywhere_ends_every_browser(house: House) -> None:
    """One browser does it, and the others are signed out."""
    one, two = house.signed_in("labeller"), house.signed_in("labeller")
    response = house.post(one, "/sign-out", {"do": "everywhere"})
    assert response.headers["location"] == "/login?done=everywhere"
    assert two.get("/").status_code == 303
    assert one.get("/").status_code == 303


def test_one_browser_is_signed_out_from_another(house: House) -> None:
    """Its row has a button; the session of another person cannot be named."""
    one, two, other = (house.signed_in(name) for name in ("writer", "writer", "reviewer"))
    ids = re.findall(r'name="session" value="([\w-]+)"', one.get("/account").text)
    for identity in ids:
        house.post(other, "/account", {"do": "ended", "session": identity})
    assert two.get("/").status_code == 200
    for identity in ids:
        house.post(one, "/account", {"do": "ended", "session": identity})
    assert two.get("/").status_code == 303
    assert one.get("/").status_code == 200


def test_an_expired_session_keeps_what_was_written(house: House) -> None:
    """Our script gets 401; a browser alone the page for signing in, and then what to send."""
    client = house.signed_in("reviewer")
    token = TOKEN.search(client.get("/account").text)
    assert token is not None
    house.now += 1_800
    before = house.kinds()
    fields = {
        "do": "declared",
        "employer": f"St Mary {HOSTILE}",
        "token": token.group(1),
        "password": "not to be shown",
    }
    scripted = client.post("/account", data=fields, headers={**SAME_SITE, "X-Studio": "1"})
    assert scripted.status_code == 401
    page = client.post("/account", data=fields, headers=SAME_SITE)
    assert page.status_code == 401
    assert "not to be shown" not in page.text
    kept = {name: value for name, value in hidden(page.text) if name != "token"}
    assert kept["kept:employer"] == fields["employer"]
    again = house.post(
        client, "/login", {"email": "reviewer@example.org", "password": PASSWORD, **kept}
    )
    assert "reviewer@example.org" not in again.text
    assert house.kinds().count("declared") == before.count("declared")
    sent = client.post("/account", data=dict(hidden(again.text)), headers=SAME_SITE)
    assert sent.headers["location"] == "/account?done=declared"
    assert house.kinds()[-1] == "declared"
    assert "St Mary &lt;/p&gt;&lt;script" in client.get("/account").text


def test_a_page_of_before_another_sign_in_asks_first(house: House) -> None:
    """The form of an old page is not sent under a new session without a word."""
    client = house.signed_in("reviewer")
    fields = {"do": "declared", "employer": "Old page", "token": "0" * 64}
    page = client.post("/account", data=fields, headers=SAME_SITE)
    assert page.status_code == 401
    assert "nothing is sent yet" in page.text
    assert 'action="/account"' in page.text


def hidden(page: str) -> list[tuple[str, str]]:
    """Hidden fields of the one form with what was kept."""
    found: list[tuple[str, str]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            given = dict(attrs)
            if tag == "input" and given.get("type") == "hidden":
                found.append((given["name"] or "", given["value"] or ""))

    Reader().feed(page.partition("<main")[2].partition("</main>")[0])
    return found


def test_asking_how_long_a_session_lasts_does_not_extend_it(house: House) -> None:
    """The page's warning counts down; staying does extend."""
    client = house.signed_in("author")
    house.now += 1_000
    assert client.get("/session").json() == {"left": 800}
    assert house.post(client, "/session", {}).status_code == 204
    assert client.get("/session").json() == {"left": 1_800}


def test_somebody_joins_by_a_link(house: House) -> None:
    """The link's page names the roles; a second use is one line and 404."""
    client, path = house.client(), house.invite("reviewer", "adjudicator")
    assert "reviewer and adjudicator" in client.get(path).text
    fields = {"name": HOSTILE, "email": "joined@example.org", "password": "a b c d e f g"}
    differ = house.post(client, path, {**fields, "again": "other"})
    assert differ.status_code == 422
    assert "the two are not the same" in differ.text
    joined = house.post(client, path, {**fields, "again": fields["password"]})
    assert joined.headers["location"] == "/"
    assert "Declare your conflicts of interest" in client.get("/").text
    assert house.client().get(path).status_code == 404


# A lead


def test_a_lead_invites_and_changes_roles(house: House) -> None:
    """The link is shown once; roles, leaving and returning are events with their reason."""
    client = house.signed_in("lead")
    asked = {"roles": ["author", "writer"], "languages": "AR\n", "specialties": "", "email": ""}
    page = house.post(client, "/people", asked)
    link = re.search(r'value="(http://localhost:8712/join/[\w-]{43})"', page.text)
    assert link is not None
    assert house.client().get(link.group(1)).status_code == 200
    path = f"/people/{house.people['author-2']}"
    no_role = house.post(client, path, {"do": "roles", "roles": [], "specialties": "Zz"})
    assert no_role.status_code == 422
    assert ">Zz</textarea>" in no_role.text
    for fields in (
        {"do": "roles", "roles": ["reviewer"], "reason": "asked"},
        {"do": "left"},
        {"do": "returned"},
    ):
        assert house.post(client, path, fields).status_code == 303
    kinds = [kind for kind in house.kinds() if kind != "names-read"]
    assert kinds[-3:] == ["roles-set", "person-left", "person-returned"]
    assert house.post(client, "/people/nobody", {"do": "left"}).status_code == 404
    reset = house.post(client, path, {"do": "reset"})
    assert "Link for a new password" in reset.text


# What a browser may do


def test_every_rule_of_the_stylesheet_has_a_selector_that_browsers_read() -> None:
    """A dot begins the name of a class: of another one browsers drop the whole rule."""
    text = Path(app.__file__).with_name("assets").joinpath("studio.css").read_text("utf-8")
    selectors = re.findall(r"[^{}]+(?=\{)", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))
    assert [each for each in selectors if re.search(r"\.(?![\w-])", each)] == []


def test_no_page_lets_anything_foreign_run(house: House) -> None:
    """Every page: the policy, no frame, no store; hostile names stay text."""
    client = house.signed_in("lead")
    for address in addresses(house):
        response = client.get(address)
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "trusted-types preceptor-studio" in policy
        assert "unsafe" not in policy
        assert response.headers["x-frame-options"] == "DENY"
        assert '<script>alert("h")' not in response.text
        assert not re.search(r"<script(?! src=\"/assets/)|<[^>]* (style|on\w+)=", response.text)
    assert response.headers["cache-control"] == "no-store" or "assets" in address


@pytest.mark.parametrize(
    ("address", "name"),
    [("https://studio.example.org", "__Host-studio-"), ("http://localhost:8712", "studio-")],
)
def test_the_cookie_is_kept_from_scripts_and_other_hosts(
    address: str, name: str, tmp_path: Path
) -> None:
    """HttpOnly and SameSite always; over TLS bound to the host, which nothing else reaches then."""
    house = House(tmp_path, address=address)
    headers = house.client().get("/login").headers
    cookie, encrypted = headers["set-cookie"], address.startswith("https")
    house.close()
    assert cookie.startswith(name)
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert ("Secure" in cookie) == encrypted
    assert "Domain" not in cookie
    assert ("strict-transport-security" in headers) == encrypted


def test_a_host_that_was_pointed_here_is_refused(house: House) -> None:
    """A name that is not the studio's is not answered."""
    client = TestClient(house.app, base_url="http://evil.example.org")
    assert client.get("/login").status_code == 421


async def test_behind_a_proxy_the_last_address_is_believed(tmp_path: Path) -> None:
    """What a browser writes before it makes no other address of it."""
    house = House(tmp_path, proxied=True)
    statuses = []
    for number in range(40):
        client = house.client()
        token = TOKEN.search(client.get("/login").text)
        assert token is not None
        fields = {"email": f"n{number}@x.org", "password": "w" * 12, "token": token.group(1)}
        said = {"X-Forwarded-For": f"1.1.1.{number}, 9.9.9.9"}
        statuses.append(
            client.post("/login", data=fields, headers={**SAME_SITE, **said}).status_code
        )
    house.close()
    assert statuses[0] == 422
    assert 429 in statuses
