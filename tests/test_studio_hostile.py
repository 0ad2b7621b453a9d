"""Hostile text in every field of every form as each role: refused in a line, or shown as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from preceptor.store import Store
from preceptor.studio.consensus.acts import Category
from preceptor.studio.consensus.commands import set_categories
from preceptor.studio.demo.project import fill
from preceptor.studio.ledger.verify import verify
from studio_harness import CHEAP, SAME_SITE, House

MARK = "&lt;script&gt;alert("
#: Markup, a formula, text that turns its direction and does not turn back, and a template's sign.
STORED = '=1+1|</textarea><script>alert("h")</script><img src=x onerror=alert(1)>\u202e{{7*7}}'
#: Neither is a text of ours: a zero, half of a pair, and what is longer than any field.
REFUSED = ("a\x00b", "\ud800", "x" * 1_000_000)
#: Buttons that take somebody out of the project, or end the session of who presses them.
ENDS = ("out", "everywhere", "left")


class Form(msgspec.Struct):
    """A form of a page: where it goes, its fields as they stand, which can be typed; buttons."""

    action: str
    fields: dict[str, list[str]] = msgspec.field(default_factory=dict)
    typed: set[str] = msgspec.field(default_factory=set)
    buttons: list[str] = msgspec.field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._in: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._in = Form(of["action"]) if of.get("method") == "post" else None
            self.forms += [self._in] if self._in else []
        name = of.get("name", "")
        if self._in is None or not name:
            return
        if tag == "button":
            self._in.buttons.append(of.get("value", ""))
        elif tag in ("input", "textarea", "select"):
            kind = of.get("type", "text") if tag == "input" else tag
            self._in.fields.setdefault(name, []).append(of.get("value", ""))
            if kind not in ("hidden", "checkbox", "radio", "select"):
                self._in.typed.add(name)

    def handle_endtag(self, tag: str) -> None:
        self._in = None if tag == "form" else self._in


def forms_of(page: str) -> list[Form]:
    parser = _Forms()
    parser.feed(page)
    return parser.forms


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Everybody of the demo, with tasks in every state."""

    def begin(connection: Any) -> dict[str, str]:
        with Store(folder / "runs.db") as runs:
            people = fill(connection, CHEAP.hash("nobody knows it"), 1_800_000_000.0, runs)
        set_categories(connection, None, (Category(name="emergency", about=STORED),))
        return {each.name.split()[0].casefold(): each.id for each in people}

    folder = tmp_path_factory.mktemp("hostile")
    house = House(folder, begin=begin)
    yield house
    house.close()


def pages(house: House, client: Any) -> dict[str, str]:
    """Each page that a person reaches by links and by the buttons for the next task."""
    found: dict[str, str] = {}
    waiting = ["/", "/login", "/reviews", "/adjudications", "/answers", "/labels", "/categories"]
    waiting.append(house.invite("author"))
    while waiting:
        address = waiting.pop()
        if address in found:
            continue
        response = client.get(address)
        found[address] = response.text if response.status_code == 200 else ""
        links = re.findall(r'href="(/[^"#]*)"', found[address])
        waiting += [each for each in links if not re.match("/assets|/log[?]|/active", each)]
        if 'value="next"' in found[address]:
            gone = house.post(client, address, {"do": "next"}).headers.get("location", "")
            waiting += [gone.partition("?")[0]] if gone else []
            found[address] = client.get(address).text
    return found


def send(house: House, client: Any, form: Form, button: str, value: str) -> Any:
    """Send a form as its page would, with that value in each field that can be typed."""
    fields = {n: [value] * len(v) if n in form.typed else v for n, v in form.fields.items()}
    sent = {
        name: [each.encode("utf-8", "surrogatepass").decode("latin-1") for each in values]
        for name, values in fields.items()
    }
    return client.post(form.action, data={**sent, "do": button}, headers=SAME_SITE)


@pytest.mark.parametrize("name", ["", "amal", "jonas", "tomás", "ingrid", "wen", "noor", "lena"])
def test_hostile_text_in_every_field_of_every_form(house: House, name: str) -> None:
    """By every button: kept and shown as text, or refused in a sentence; nothing breaks."""
    client = house.signed_in(name) if name else house.client()
    tried: set[str] = set()
    shown = 0
    for address, page in pages(house, client).items():
        for form in forms_of(page):
            for button in dict.fromkeys(form.buttons or [""]):
                kind = re.sub(r"/[\w-]{12}(?![\w-])|/join/.*|\d+", "…", f"{form.action} {button}")
                if button in ENDS or kind in tried or form.action == "/session":
                    continue
                tried.add(kind)
                first = button in form.buttons[:1] or not form.buttons
                for value in (*(REFUSED if first else ()), STORED):
                    response = send(house, client, form, button, value)
                    assert response.status_code < 500, (address, button, value[:9])
                    assert "<script>alert" not in response.text, (address, button)
                    if value in REFUSED and form.typed and response.status_code == 422:
                        assert 'role="alert"' in response.text
                    shown += MARK in response.text
    for address, page in pages(house, client).items():
        assert "<script>alert" not in page, address
        shown += MARK in page
        assert "onerror=alert" not in page.replace("&lt;img src=x onerror=alert", ""), address
    assert shown, sorted(tried)
    assert house.told == []
    assert verify(house.studio).faults == ()
