"""The author's page with its script: saved while it is typed, an answer read as it comes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from preceptor.studio.people.sessions import begin
from preceptor.testing import FakeEndpoint
from studio_harness import House, served
from test_studio_authoring import Author


def until(page: Any, done: Callable[[], bool]) -> None:
    """Wait for something, for ten seconds at most."""
    for _ in range(500):
        if done():
            return
        page.wait_for_timeout(20)
    raise AssertionError("it never happened")


def emptied(page: Any) -> None:
    """Wait until the browser keeps nothing more of what was typed."""
    until(page, lambda: page.evaluate("localStorage.length") == 0)


def test_a_task_is_written_by_keyboard_while_a_system_answers(
    chromium: Any, tmp_path: Path
) -> None:
    """Each pause is saved, the answer comes by itself, what is not sent is kept encrypted; what is
    typed while a button's form is on its way is not lost."""
    with FakeEndpoint(pace=0.2) as fake:
        house = House(tmp_path, systems=(fake.address("m"),), store=tmp_path / "runs.db")
        author = Author(house)
        secret, _ = house.studio.write_now(
            lambda connection: begin(
                connection, house.people["author"], house.now, house.accounts.limits
            )
        )
        with served(house) as address:
            context = chromium.new_context()
            context.add_cookies([{"name": house.cookie, "value": secret, "url": address}])
            page, wrong = context.new_page(), []
            page.on("console", lambda message: wrong.append(message.text))
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.goto(address.rstrip("/") + author.address)
            page.evaluate("window.same = true")
            page.focus("#t-0")
            page.keyboard.type("Name every number from 1 to 9.")
            page.wait_for_selector("#saving:has-text('Saved at')")
            first = "Name every number from 1 to 9."
            until(page, lambda: author.written().lines[0].text == first)
            page.focus("button[value=ask]")
            page.keyboard.press("Enter")
            page.wait_for_selector("[data-stream] [role=log]:not(:empty)")
            page.focus("#add")
            page.keyboard.press("Enter")
            page.wait_for_selector("textarea[id^=c-]:focus")
            page.keyboard.type("Appropriately names them.")
            page.wait_for_selector("text=the answer that you rate")
            page.wait_for_selector("text=“appropriately” cannot be checked")
            assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"
            page.focus("#score-overall")
            page.keyboard.press("2")
            until(page, lambda: author.written().scores == {"overall": "2"})
            assert [row.text for row in author.written().rows] == ["Appropriately names them."]
            page.focus("textarea[id^=c-]")
            page.keyboard.press("ControlOrMeta+a")
            page.keyboard.type("Names every one of them.")
            page.wait_for_selector("text=“appropriately” cannot be checked", state="detached")
            assert page.evaluate("window.same")
            kept = "JSON.stringify(localStorage)"
            emptied(page)
            held: list[Any] = []

            def hold(route: Any) -> None:
                held.append(route)

            page.route("**/tasks/*", hold)
            page.focus("#add")
            page.keyboard.press("Enter")
            until(page, lambda: bool(held))
            page.focus("#specialty")
            page.keyboard.press("End")
            page.keyboard.type(", typed while it was sent")
            page.unroute("**/tasks/*")
            until(page, lambda: len(author.written().rows) == 2)
            until(page, lambda: author.written().specialty == "cardiology, typed while it was sent")
            emptied(page)
            context.set_offline(True)
            page.focus("#specialty")
            page.keyboard.press("End")
            page.keyboard.type(" and Canary-text")
            page.wait_for_selector("#saving:has-text('Not saved')")
            assert "outbox" in page.evaluate(kept)
            assert "Canary" not in page.evaluate(kept)
            page.close(run_before_unload=False)  # still offline: else it would send it itself
            context.set_offline(False)
            page = context.new_page()
            page.goto(address.rstrip("/") + author.address)
            page.wait_for_selector("text=What was typed and not sent before is saved.")
            assert author.written().specialty.endswith(" and Canary-text")
            emptied(page)
            wrong = [each for each in wrong if "ERR_INTERNET_DISCONNECTED" not in each]
            assert wrong == []
            context.close()
        house.close()
