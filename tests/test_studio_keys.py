"""From a blank page to an accepted task by the keyboard alone, with the script and without it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, get_args

import pytest

from preceptor.studio.items import commands
from preceptor.studio.people.roles import Offer, Policy, Role
from studio_checks import faults, tab_faults
from studio_harness import House, served
from test_studio_reviewing import a_task, begin

#: Non-text key presses, and decisions: controls that are set, and forms that are sent.
KEYS, DECISIONS = 120, 30
#: What one more reviewer adds: the next task, two questions, three criteria, the verdict.
REVIEW = (30, 7)
RUBRIC = (
    ("Advises against taking ibuprofen together with warfarin", "8"),
    ("Names bleeding as the danger of the two drugs together", "5"),
    ("Recommends a dose of ibuprofen", "-7"),
)
ROLES: dict[str, tuple[Role, ...]] = {
    "author-lead": ("author", "lead"),
    "judge": ("reviewer", "adjudicator"),
    "reviewer-2": ("reviewer",),
}
#: Counts in the page: pointers, keys that write nothing, what is set, and what is sent.
COUNTER = """
for (const kind of ["pointerdown", "pointermove", "mousedown", "touchstart", "wheel"])
  addEventListener(kind, () => count("pointer"), true);
addEventListener("keydown", ({ key, target }) => {
  const writes = target.matches("textarea, input:not([type=checkbox], [type=radio])");
  if (!(writes && key.length === 1)) count("keys");
}, true);
addEventListener("change", () => count("decisions"), true);
addEventListener("submit", () => count("decisions"), true);
"""


class Keyboard:
    """Somebody's browser with a keyboard and no mouse; ``counted`` is shared by all of a way.

    ``wrong`` has what the page's policy refused, its errors, and requests to any other host.

    Without the script a page counts nothing, so what is pressed is counted here.
    """

    def __init__(
        self, chromium: Any, house: House, address: str, person: str, *, script: bool
    ) -> None:
        secret = house.signed_in(person).cookies.get(house.cookie)
        self.script, self.wrong = script, list[str]()
        self.counted = dict.fromkeys(("pointer", "keys", "decisions"), 0)
        self.context = chromium.new_context(java_script_enabled=script)
        self.context.add_cookies([{"name": house.cookie, "value": secret, "url": address}])
        self.page = self.context.new_page()
        if script:
            self.page.expose_function("count", self._count)
            self.page.add_init_script(COUNTER)
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda sent: self._ours(sent.url, address))
        self.page.goto(address)
        self._is_top = True

    def _ours(self, url: str, address: str) -> None:
        if not url.startswith(address):
            self.wrong.append(f"a request to another host: {url}")

    def _count(self, what: str) -> None:
        self.counted[what] += 1

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        if not self.script:
            self._count("keys")

    def type(self, selector: str, text: str) -> None:
        self.to(selector)
        self.write(text)

    def write(self, text: str) -> None:
        self.page.keyboard.insert_text(text)
        self.decide()

    def decide(self) -> None:
        if not self.script:
            self._count("decisions")

    def to(self, selector: str) -> None:
        """Go to a control by Tab; from the top of a page past the links that each page has."""
        if self._is_top:
            self._is_top = False
            self.press("Tab")
            self.press("Enter")
        for _ in range(40):
            self.press("Tab")
            if self.page.evaluate("(s) => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"{selector}: Tab does not lead there")

    def set(self, selector: str, key: str) -> None:
        self.to(selector)
        self.press(key)
        self.decide()

    def go(self, selector: str, then: str) -> None:
        """Press a link or a button; then the next page is there, and without faults."""
        self.to(selector)
        is_link = self.page.evaluate("document.activeElement.tagName === 'A'")
        self.enter(then, decides=not is_link)
        self._is_top = is_link or not self.script

    def enter(self, then: str, *, decides: bool = True) -> None:
        self.press("Enter")
        if decides:
            self.decide()
        self.page.wait_for_selector(f'main:has-text("{then}"), #problem, #saving.bad')
        assert self.page.is_visible(f"main >> text={then}"), self.page.text_content(
            "#problem, #saving"
        )
        self._is_top = not self.script
        assert faults(self.page) == []


def write(author: Keyboard, rating: str) -> None:
    """Write a task, hand it in and queue it: its author is a lead, too."""
    author.go("a[href='/tasks/new']", "How do you ask the system?")
    author.to("#specialty")
    author.enter("The answer to the last turn")
    author.type("#t-0", "My patient takes warfarin. May he take ibuprofen for his knee?")
    author.type("#answer", "Yes, with food.")
    for name in ("overall", "accuracy", "completeness", "clarity", "instruction_following"):
        author.set(f"#score-{name}", rating)
    author.set("#score-overall_impact", rating)
    author.to("textarea[id^=c-]")
    for number, (text, points) in enumerate(RUBRIC):
        author.write(text)
        author.type("input[id$=-points]", points)
        if number < len(RUBRIC) - 1:
            if author.script:
                author.press("Enter")
            else:
                author.to("textarea[id^=c-]")
    author.set("#use_case", "c")
    for value in ("no_patient_data", "own_work"):
        author.set(f"[value={value}]", "Space")
    author.go("[value=submit]", "The task is handed in.")
    author.go("a[href^='/board/']", "Task: submitted")
    author.go("[value=queue]", "Queued for review.")


def review(reviewer: Keyboard, flaw: str) -> None:
    reviewer.go("[value=next]", "Is it realistic?")
    reviewer.set("#realistic-yes", "Space")
    reviewer.set("#flaw-yes", "Space" if flaw == "yes" else "ArrowDown")
    reviewer.to("[data-key=k]")
    for number in range(len(RUBRIC)):
        if reviewer.script:
            reviewer.press("k")
        else:
            if number:
                reviewer.to("[data-key=k]")
            reviewer.press("Space")
            reviewer.decide()
    reviewer.go("[value='hand-in:approve=yes']", "Your review is handed in.")


def decide(adjudicator: Keyboard, button: str = "[value=next]") -> None:
    adjudicator.go(button, "Write it anew")
    adjudicator.go("[value='hand-in:decision=accepted']", "Your decision is made.")


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Policy, tuple[House, str]]]:
    found: dict[Policy, tuple[House, str]] = {}
    with ExitStack() as stack:
        for policy in get_args(Policy):
            house = House(tmp_path_factory.mktemp("keys"), policy=policy)
            stack.callback(house.close)
            for name, roles in ROLES.items():
                offer = Offer(roles=roles, specialties=("cardiology",), languages=("en",))
                house.people[name] = house.join(name, offer)
            found[policy] = (house, stack.enter_context(served(house)))
        yield found
        assert [house.told for house, _ in found.values()] == [[], []]


@pytest.mark.parametrize(
    ("policy", "names", "script"),
    [
        ("small", ("judge",), True),
        ("default", ("reviewer",), True),
        ("default", ("reviewer", "reviewer-2"), False),
    ],
    ids=["two", "three", "difficult-without-script"],
)
def test_a_task_is_accepted_by_keyboard_alone(
    chromium: Any,
    houses: dict[Policy, tuple[House, str]],
    policy: Policy,
    names: tuple[str, ...],
    script: bool,
) -> None:
    """Within 30 decisions and 120 keys by two or three; a difficult task has a review more."""
    house, address = houses[policy]
    difficult = len(names) == 2
    everybody: dict[str, Keyboard] = {}

    def browser(name: str) -> Keyboard:
        if name not in everybody:
            everybody[name] = Keyboard(chromium, house, address, name, script=script)
        return everybody[name]

    write(browser("author-lead"), "2" if difficult else "5")
    for name in names:
        review(browser(name), "yes" if difficult else "no")
    if policy == "small":
        decide(browser("judge"), "form[action='/adjudications'] [value=next]")
    else:
        decide(browser("adjudicator"))
    item = browser("author-lead").page.url.rpartition("/")[2].partition("?")[0]
    with house.studio.read() as connection:
        assert commands.standing(connection, item).state == "accepted"
        assert len(commands.version(connection, item).content.criteria) == len(RUBRIC)
    total = {
        kind: sum(each.counted[kind] for each in everybody.values())
        for kind in ("pointer", "keys", "decisions")
    }
    assert total["pointer"] == 0
    assert [each.wrong for each in everybody.values() if each.wrong] == []
    assert total["keys"] <= KEYS + difficult * REVIEW[0]
    assert total["decisions"] <= DECISIONS + difficult * REVIEW[1]
    for each in everybody.values():
        each.context.close()


def test_letters_review_and_can_be_turned_off(
    chromium: Any, houses: dict[Policy, tuple[House, str]]
) -> None:
    """E leads to the text, D to the reason, and none does anything once they are off."""
    house, address = houses["default"]
    a_task(house)
    client = house.signed_in("reviewer")
    path = begin(house, client)
    context = chromium.new_context()
    secret = client.cookies.get(house.cookie)
    context.add_cookies([{"name": house.cookie, "value": secret, "url": address}])
    page = context.new_page()
    page.goto(address.rstrip("/") + path)
    for key, field in (("e", "t-a"), ("d", "r-a"), ("k", "d-b-keep")):
        page.focus("#d-a-keep")
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.id") == field
    assert page.is_checked("#d-a-keep")
    page.focus("[data-switch=keys]")
    page.keyboard.press("Space")
    page.focus("#d-a-keep")
    page.keyboard.press("d")
    assert page.is_checked("#d-a-keep")
    page.reload()
    assert not page.is_checked("[data-switch=keys]")
    context.close()


def test_pages_reflow_at_320_pixels_and_show_the_focus(
    chromium: Any, houses: dict[Policy, tuple[House, str]]
) -> None:
    """In dark colours, with an Arabic task: names, contrast, targets; each stop of Tab in sight.

    All pages of all roles are looked at by bench/studio_pages.py.
    """
    house, address = houses["small"]
    client = house.signed_in("author-lead")
    begun = {"mode": "red_teaming", "specialty": "cardiology", "language": "ar"}
    task = house.post(client, "/tasks/new", begun).headers["location"]
    house.post(client, task, {"t-0": "هل يمكنني تناول الدواءين معا؟", "rev": "0", "do": "submit"})
    context = chromium.new_context(
        viewport={"width": 320, "height": 640}, color_scheme="dark", reduced_motion="reduce"
    )
    secret = client.cookies.get(house.cookie)
    context.add_cookies([{"name": house.cookie, "value": secret, "url": address}])
    page = context.new_page()
    for path in (task, "/board", "/people", "/account"):
        page.goto(address.rstrip("/") + path)
        assert faults(page) == []
        stops, wrong = tab_faults(page)
        assert wrong == []
        assert stops > 10
    context.close()


def test_the_checks_find_what_is_wrong(chromium: Any) -> None:
    """Each by its name, so that a page without faults means something."""
    page = chromium.new_page(viewport={"width": 320, "height": 640})
    page.set_content(
        "<style>:focus { outline: 0 } p { color: #bbb } #wide { width: 500px }</style>"
        "<h1>A</h1><h3 id=wide>B</h3><p id=wide>faint</p><input><button></button>"
        "<a href=x aria-describedby=none style='display: inline-flex'>x</a>"
    )
    found = " ".join(faults(page))
    for each in ("no language", "no title", "0 main", "leaves out a level", "id twice", "no label"):
        assert each in found
    for each in ("contrast of 1.", "wide in a window of 320", "no name", "leads nowhere", "target"):
        assert each in found
    stops, wrong = tab_faults(page)
    assert (stops, len(wrong)) == (3, 3)
    page.close()
