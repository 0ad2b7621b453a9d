"""What no page may show: every hidden field holds a canary, and each person opens each page.

Looked at is what a view holds, too, whatever its template shows of it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from preceptor.studio.items import assignment, commands
from preceptor.studio.preview.findings import Preview, Tried
from preceptor.studio.web import reviewing, screens
from preceptor.studio.web.reviewing import ReviewForm
from preceptor.studio.web.screens import Screen
from studio_harness import SAME_SITE, TOKEN, House
from test_studio_reviewing import CONTENT, FINE, RATING, a_task, reviewed, who

#: What is hidden → signs of it, in a page or in what a view holds.
SIGNS = {
    "rating": ("canary-dimension", "rated(", "difficult="),
    "mode": ("canary-strategy", "red team", "red_team"),
    "system": ("canary/system",),
    "R1": ("canary-comment-reviewer|",),
    "R2": ("canary-comment-reviewer-2|",),
    "preview": ("canary-answer", "canary-failure"),
}
EVERYTHING = set(SIGNS)
#: State → who sees what of a task in it (section 7 of the brief). All else is hidden from all.
SEES: dict[str, dict[str, set[str]]] = {
    "submitted": {},
    "no review": {},
    "one of two reviews": {"reviewer": {"R1"}},
    "revising": dict.fromkeys(["reviewer", "reviewer-2"], EVERYTHING - {"system"}),
    "adjudicating": dict.fromkeys(
        ["reviewer", "reviewer-2", "adjudicator"], EVERYTHING - {"system"}
    ),
    "accepted": dict.fromkeys(["reviewer", "reviewer-2"], EVERYTHING - {"system"}),
}
#: What the author saw before handing in.
PREVIEW = Preview(
    criteria=CONTENT.criteria,
    answers=(
        Tried(
            alias="canary-alias",
            system=RATING.system,
            text="canary-answer",
            verdicts=(("met", "canary-failure"),) * 2,
            scores=(None, None),
        ),
    ),
)
#: Their author sees their own rating and mode, and what reviewers say from the revision on.
AUTHOR = {"rating", "mode", "preview"}
AUTHOR_LATER = {"revising", "accepted"}
#: State → who has a part in a task in it, by the first part of the address.
PARTS: dict[str, dict[str, set[str]]] = {
    "submitted": {},
    "no review": {"reviews": {"reviewer-3"}},
    "one of two reviews": {"reviews": {"reviewer", "reviewer-3"}},
    "revising": {"reviews": {"reviewer", "reviewer-2"}},
    "adjudicating": {"reviews": {"reviewer", "reviewer-2"}, "adjudications": {"adjudicator"}},
    "accepted": {"reviews": {"reviewer", "reviewer-2"}, "adjudications": {"adjudicator"}},
}


class Street:
    """A house with a task in each state; ``views`` has what the last page was made of."""

    def __init__(self, house: House) -> None:
        self.house = house
        for name in ("reviewer-2", "reviewer-3"):
            house.people[name] = house.join(name)
        self.items = {state: self._make(state) for state in SEES}
        self.views: list[str] = []

    def _make(self, state: str) -> str:
        house, commented = self.house, {"comment": ""}
        item = a_task(house, overall=2, queued=state != "submitted", preview=PREVIEW)
        names = {"submitted": 0, "no review": 0, "one of two reviews": 1}.get(state, 2)
        for place, name in enumerate(("reviewer", "reviewer-2")[:names]):
            commented["comment"] = f"canary-comment-{name}|"
            reviewed(house, item, name, first=place, **commented)

        def act(connection: Any) -> None:
            if state in ("adjudicating", "accepted"):
                commands.revise(connection, who(house, "author"), item, CONTENT)
            if state == "accepted":
                dan = who(house, "adjudicator")
                commands.adjudicate(connection, dan, item, "accepted", CONTENT, policy="default")
            kind, person = {
                "no review": ("review", "reviewer-3"),
                "one of two reviews": ("review", "reviewer-3"),
                "adjudicating": ("adjudicate", "adjudicator"),
            }.get(state, ("", ""))
            if kind:
                at, draw = datetime.fromtimestamp(house.now, UTC), random.Random(0)
                assignment.hold(connection, house.people[person], kind, item, now=at, draw=draw)  # type: ignore[arg-type]

        house.studio.write_now(act)
        return item

    def routes(self) -> Iterator[Screen]:
        """The screens of one task."""
        for route in self.house.routes:
            if isinstance(route, Screen) and route.path.endswith("/{item:str}"):
                yield route

    def _lists(self) -> list[str]:
        """Every other page, but those with names, which are for leads and for oneself."""
        return [
            route.path
            for route in self.house.routes
            if isinstance(route, Screen)
            and "GET" in (route.methods or ())
            and "{" not in route.path
            and route.path not in ("/people", "/account")
        ]

    def hits(self, *names: str) -> list[tuple[str, str, str]]:
        """Person, address and sign of everything that is shown against the table."""
        found = []
        for name in names or self.house.people:
            client = self.house.signed_in(name)
            for state, item in self.items.items():
                allowed = SEES[state].get(name, set())
                allowed = EVERYTHING if name == "lead" else allowed
                if name == "author":
                    allowed = AUTHOR | ({"R1", "R2"} if state in AUTHOR_LATER else set())
                for route in self.routes():
                    address = route.path.replace("{item:str}", item)
                    for text in self._texts(client, address, has_form=name == "reviewer-3"):
                        found += [
                            (name, address, sign) for sign in self._signs(name, text, allowed)
                        ]
            # Whoever begins a task chooses its mode.
            allowed = {"lead": EVERYTHING, "author": {"mode"}, "author-2": {"mode"}}.get(
                name, set()
            )
            for address in self._lists():
                for text in self._texts(client, address):
                    found += [(name, address, sign) for sign in self._signs(name, text, allowed)]
        return found

    def _texts(self, client: Any, address: str, *, has_form: bool = False) -> Iterator[str]:
        """What answers hold: to opening a page, and to its form, saved and refused."""
        self.views.clear()
        seen = client.get(address)
        yield f"{seen.text} {seen.headers} {self.views}"
        if not has_form or seen.status_code != 200:
            return
        for does, rev, script in (
            ("save", "0", "save"),
            ("save", "1", "1"),
            ("hand-in", "9", "1"),
            ("x", "", "1"),
        ):
            sent = {"do": does, "rev": rev, "version": "1", "d-a": "keep", "comment": "mine"}
            seen = self.house.post(client, address, sent, **{"X-Studio": script})
            yield f"{seen.text} {seen.headers} {self.views}"

    def _signs(self, name: str, text: str, allowed: set[str]) -> Iterator[str]:
        for what, signs in SIGNS.items():
            if what not in allowed:
                yield from (sign for sign in signs if sign in text.lower())
        others = (each for each in self.house.people if each != name)
        yield from (each for each in others if re.search(rf"Canary-name {each}(?![-\w])", text))


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    house = House(tmp_path_factory.mktemp("blindness"))
    street, real = Street(house), screens.render

    def render(pages: Any, view: Any, frame: Any, *, status: int = 200) -> Any:
        street.views.append(repr(view))
        return real(pages, view, frame, status=status)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(screens, "render", render)
        yield street
    assert house.told == []
    house.close()


def test_no_page_holds_what_its_reader_may_not_see(street: Street) -> None:
    """Every person, every screen of a task, every state: no canary against the table."""
    assert street.hits() == []


def test_those_who_may_see_it_do(street: Street) -> None:
    """The canaries are there to be found: the crawl is not blind itself."""
    seen = {}
    for name, state, path in (
        ("reviewer", "revising", "reviews"),
        ("adjudicator", "adjudicating", "adjudications"),
        ("lead", "accepted", "board"),
    ):
        page = street.house.signed_in(name).get(f"/{path}/{street.items[state]}").text
        seen[name] = {
            what for what, signs in SIGNS.items() if any(each in page.lower() for each in signs)
        }
    assert seen == {
        "reviewer": EVERYTHING - {"system"},
        "adjudicator": EVERYTHING - {"system"},
        "lead": EVERYTHING,
    }


def test_a_view_with_one_more_field_is_caught(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where no template shows it."""
    kind = msgspec.defstruct(
        "ReviewForm", [("system", str)], bases=(ReviewForm,), frozen=True, kw_only=True
    )
    real = reviewing._form

    def leaky(*args: Any) -> Any:
        view = real(*args)
        fields = {name: getattr(view, name) for name in view.__struct_fields__}
        return kind(**fields, system=RATING.system)

    monkeypatch.setattr(reviewing, "_form", leaky)
    assert {hit[0] for hit in street.hits("reviewer-3", "reviewer")} == {"reviewer-3"}


def test_a_task_is_open_to_those_who_have_a_part_in_it_and_to_no_other(street: Street) -> None:
    """Screen × person × state, for opening and for each button: 403, or 404 as for a guessed id."""
    house, before = street.house, street.house.kinds()
    states = ("submitted", "one of two reviews", "adjudicating", "accepted")
    ids = {"guessed": "abcdefghijkl", **{state: street.items[state] for state in states}}
    for name in house.people:
        client, role = house.signed_in(name), name.partition("-")[0]
        found = TOKEN.search(client.get("/account").text)
        assert found is not None
        token = {"token": found.group(1)}
        for state, item in ids.items():
            for route in street.routes():
                part = route.path.split("/")[1]
                owners = {"board": {"lead"}, "tasks": {"author"}}.get(part, set())
                owners = owners | PARTS.get(state, {}).get(part, set())
                expected = 403 if role not in route.roles else 404
                if name in owners and state != "guessed":
                    expected = 200
                address = route.path.replace("{item:str}", item)
                assert client.get(address).status_code == expected, (name, state, address)
                if expected == 200 or part == "tasks":
                    continue
                for doing in ("save", "hand-in", "skip") if expected == 404 else ("save",):
                    sent = {**FINE, "version": "1", "rev": "0", "do": doing, "reason": "x"}
                    answer = client.post(address, data={**sent, **token}, headers=SAME_SITE)
                    assert answer.status_code == expected, (name, state, address)
    assert house.kinds() == before
