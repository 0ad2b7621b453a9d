"""Signatures: asked for again, bound to the event, and never in the way of what was typed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient

from preceptor.cli import main
from preceptor.studio.ledger.verify import verify
from preceptor.studio.people.project import change, project
from studio_harness import PASSWORD, House
from test_studio_authoring import DECLARED, SCORES, Author, fill
from test_studio_reviewing import FINE, a_task, begin, state


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    house.studio.write_now(lambda c: change(c, replace(project(c), signatures=True), None))
    yield house
    assert house.told == []
    house.close()


def signing(house: House, client: TestClient, page: Any, **proofs: str) -> Any:
    """Send the page's own form, with these proofs."""
    assert "<h1>Sign</h1>" in page.text
    (address,) = re.findall(r'<form method="post" action="([^"]+)" class="narrow">', page.text)
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text)
    fields: dict[str, Any] = {}
    for name, value in hidden:
        if name != "token":
            fields.setdefault(name, []).append(unescape(value))
    return house.post(client, address, {**fields, **proofs})


def signatures(house: House, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    assert main(["studio", "signatures", "--json", "--db", house.studio.address]) == 0
    return list(json.loads(capsys.readouterr().out))


def test_an_author_signs_what_is_handed_in(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """After all is right, with address and password first, then the password; no page has it."""
    author = Author(house)
    fill(author)
    refused = author.do("submit", t__0="My MRN: AB12345. What now?", attested=DECLARED)
    assert refused.status_code == 422
    assert "<h1>Sign</h1>" not in refused.text
    page = author.do("submit", t__0="My ear hurts.", attested=DECLARED, **SCORES)
    assert "Canary-name author" in page.text
    assert author.state() == "draft"
    assert author.written().lines[0].text == "My ear hurts."
    for proofs in (
        {"password": PASSWORD},
        {"password": "wrong", "sign_email": "author@example.org"},
        {"password": PASSWORD, "sign_email": "reviewer@example.org"},
    ):
        wrong = signing(house, author.client, page, **proofs)
        assert wrong.status_code == 422
        assert "<h1>Sign</h1>" in wrong.text
        assert PASSWORD not in wrong.text
        assert author.state() == "draft"
    done = signing(house, author.client, wrong, password=PASSWORD, sign_email="author@example.org")
    assert done.headers["location"].endswith("done=submitted")
    again = Author(house, client=author.client)
    fill(again)
    page = again.do("submit", attested=DECLARED)
    assert 'name="sign_email"' not in page.text
    assert signing(house, again.client, page, password=PASSWORD).status_code == 303
    first, second = signatures(house, capsys)
    assert (first["signature"], first["name"]) == ("authorship by password", "Canary-name author")
    assert (first["subject"], second["subject"]) == (author.item, again.item)
    assert verify(house.studio).faults == ()


def test_reviews_and_decisions_are_signed(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its meaning; too many wrong passwords wait, and the review stays as it was."""
    item = a_task(house)
    for kind, name, sent in (
        ("reviews", "reviewer", FINE),
        (
            "adjudications",
            "adjudicator",
            {"d-a": "author", "d-b": "author", "decision": "accepted"},
        ),
    ):
        client = house.signed_in(name)
        address = begin(house, client, kind)
        before = state(house, item)
        page = house.post(client, address, {**sent, "do": "hand-in", "version": "1", "rev": "0"})
        if kind == "reviews":
            for _ in range(6):
                wrong = signing(house, client, page, password="no", sign_email="x")
            assert "too many tries" in wrong.text
            house.now += 3600
            client = house.signed_in(name)
        assert state(house, item) == before
        proofs = {"password": PASSWORD, "sign_email": f"{name}@example.org"}
        done = signing(house, client, page, **proofs)
        assert done.status_code == 303, done.text
    assert state(house, item) == "accepted"
    found = signatures(house, capsys)
    assert [each["signature"] for each in found] == ["review by password", "approval by password"]
    board = house.signed_in("lead").get(f"/board/{item}").text
    assert "signed (approval by password)" in board
