"""The studio's script: pages are swapped, drafts saved, and nothing written is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from preceptor.studio.people.sessions import begin, end_all
from studio_harness import PASSWORD, House, served


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("script"))
    yield house
    house.close()


@pytest.fixture(scope="module")
def address(house: House) -> Iterator[str]:
    with served(house) as address:
        yield address


class Tab:
    """A page of somebody who is signed in, with what the browser complained about."""

    def __init__(self, chromium: Any, house: House, address: str, person: str) -> None:
        self.house, self.person = house, house.people[person]
        secret, _ = house.studio.write_now(
            lambda connection: begin(connection, self.person, house.now, house.accounts.limits)
        )
        self.context = chromium.new_context()
        self.context.add_cookies([{"name": house.cookie, "value": secret, "url": address}])
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.goto(f"{address}account")
        self.page.evaluate("window.same = true")

    def autosave(self) -> None:
        """Let the form of the declaration save itself; ``save`` is its ``declared``."""
        form = "document.querySelector('[name=employer]').form"
        self.page.evaluate(f"{form}.dataset.autosave = 50")

        def as_declared(route: Any) -> None:
            sent = re.sub(r"\bdo=save\b", "do=declared", route.request.post_data or "")
            route.continue_(post_data=sent)

        self.page.route(re.compile("/account$"), as_declared)

    def sign_out(self) -> None:
        """As if the session had lapsed."""
        self.house.studio.write_now(lambda connection: end_all(connection, self.person))


@pytest.fixture
def tab(chromium: Any, house: House, address: str) -> Iterator[Tab]:
    tab = Tab(chromium, house, address, "author")
    yield tab
    tab.context.close()


def test_a_form_is_sent_and_the_answer_swapped_in(tab: Tab) -> None:
    """By keyboard, without a new page; what was done is announced and the focus is in <main>."""
    page = tab.page
    page.focus("#employer")
    page.keyboard.type("St Mary")
    page.keyboard.press("Enter")
    page.wait_for_selector("main >> text=Your declaration is saved.")
    assert page.evaluate("window.same")
    assert page.evaluate("document.activeElement.id") == "employer"
    assert page.text_content("#announce") == "Your declaration is saved."
    assert page.url.endswith("/account")
    page.fill("#employer", "x\u0001")
    page.press("#employer", "Enter")
    page.wait_for_selector("[role=alert] >> text=employer: a control character (U+0001)")
    assert page.evaluate("document.activeElement.id") == "problem"
    assert [each for each in tab.wrong if "422" not in each] == []


def test_what_is_typed_is_saved_after_a_pause(tab: Tab) -> None:
    """Without a click; the field keeps the focus, and the page says when."""
    tab.autosave()
    tab.page.focus("#employer")
    tab.page.keyboard.type(" Hospital")
    tab.page.wait_for_selector("#saving >> text=/Saved at/")
    assert tab.page.evaluate("document.activeElement.id") == "employer"
    assert tab.house.kinds()[-1] == "declared"
    assert not tab.wrong


def test_without_a_network_it_is_said_and_tried_again(tab: Tab) -> None:
    """Nothing claims to be saved before it is; with the network back it is saved by itself."""
    tab.autosave()
    tab.context.set_offline(True)
    before = len(tab.house.kinds())
    tab.page.focus("#employer")
    tab.page.keyboard.type("!")
    tab.page.wait_for_selector("#saving.bad >> text=/Not saved: no connection/")
    assert len(tab.house.kinds()) == before
    tab.context.set_offline(False)
    tab.page.wait_for_selector("#saving >> text=/Saved at/")
    assert len(tab.house.kinds()) == before + 1


def test_a_lapsed_session_asks_to_sign_in_and_then_sends(tab: Tab) -> None:
    """A dialog over the page; a wrong password is said there; the same text is sent afterwards."""
    page = tab.page
    page.fill("#employer", "Kept over a lapse")
    tab.sign_out()
    page.press("#employer", "Enter")
    page.wait_for_selector("dialog[open] #again-email")
    page.fill("#again-email", "author@example.org")
    page.fill("#again-password", "not the password")
    page.press("#again-password", "Enter")
    page.wait_for_selector("dialog[open] >> text=not right")
    assert page.input_value("#employer") == "Kept over a lapse"
    page.fill("#again-password", PASSWORD)
    page.press("#again-password", "Enter")
    page.wait_for_selector("main >> text=Your declaration is saved.")
    assert page.evaluate("window.same")
    assert page.input_value("#employer") == "Kept over a lapse"
    assert not page.query_selector("dialog[open]")


def test_another_person_does_not_send_what_the_first_wrote(tab: Tab) -> None:
    """Who signs in as somebody else gets the own first page."""
    page = tab.page
    page.fill("#employer", "The author's")
    tab.sign_out()
    page.press("#employer", "Enter")
    page.wait_for_selector("dialog[open] #again-email")
    page.fill("#again-email", "reviewer@example.org")
    page.fill("#again-password", PASSWORD)
    before = tab.house.kinds()
    page.press("#again-password", "Enter")
    page.wait_for_selector("h2 >> text=Reviewer")
    assert tab.house.kinds() == before


def test_a_page_warns_before_a_session_ends(tab: Tab) -> None:
    """Two minutes before; staying closes the warning and extends the session."""
    tab.house.now += 1_700
    tab.page.evaluate("checkIdle()")
    tab.page.wait_for_selector("#idle[open] >> text=2 minutes")
    tab.page.click("#idle button")
    tab.page.wait_for_selector("#idle", state="hidden")
    left = tab.page.evaluate("fetch('/session').then((answer) => answer.json())")
    assert left == {"left": 1_800}
    assert not tab.wrong


def test_all_works_without_script(chromium: Any, house: House, address: str) -> None:
    """Signing in, declaring, a session that lapsed while writing, and signing out."""
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}account")
    assert "/login?next=" in page.url
    page.fill("#email", "writer@example.org")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.fill("#employer", "No script")
    house.studio.write_now(lambda connection: end_all(connection, house.people["writer"]))
    page.press("#employer", "Enter")
    page.fill("#email", "writer@example.org")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.click("button >> text=Send it now")
    assert "Your declaration is saved." in page.text_content("main")
    assert page.input_value("#employer") == "No script"
    page.click("text=Sign out >> nth=0")
    assert "You are signed out." in page.text_content("main")
    context.close()


def test_a_page_in_use_says_so_and_one_that_is_not_does_not(tab: Tab) -> None:
    """Every 15 seconds for a minute after the last key, with the address of the page."""
    page, sent = tab.page, list[str]()
    page.clock.install()
    page.reload()

    def note(request: Any) -> None:
        if request.url.endswith("/active"):
            sent.append(request.post_data)

    page.on("request", note)
    page.clock.run_for(100_000)
    assert len(sent) == 4
    assert all(each.startswith("path=%2Faccount&token=") for each in sent)
    page.keyboard.press("Tab")
    page.clock.run_for(10_000)
    assert len(sent) == 5
    assert tab.wrong == []
