"""Every page of the studio as each role in each state: our own checks, axe, the focus, pictures.

    python bench/studio_pages.py
    python bench/studio_pages.py --axe node_modules/axe-core/axe.min.js --shots /tmp/pages

Made-up people and tasks, those of `preceptor studio demo` and an Arabic one in each state, in
Chromium at 1,280 and 320 pixels, light and dark. Prints each fault with its page, and exits with 1
where there is one. axe-core is not ours and not here: `npm install axe-core` brings the file.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from data_fixtures import row, write_rows
from preceptor.audit.marks import criteria_of
from preceptor.cli import main as preceptor
from preceptor.store import Store
from preceptor.studio.consensus.acts import Category
from preceptor.studio.consensus.commands import set_categories
from preceptor.studio.demo.project import _bring, _taken, fill
from preceptor.studio.demo.tasks import TASKS
from preceptor.studio.items import assignment, commands
from preceptor.studio.items.content import CriterionReview, Review
from preceptor.studio.items.tables import items
from preceptor.studio.labelling.drawing import pull
from preceptor.studio.people.project import change, project
from preceptor.testing import FakeEndpoint
from studio_checks import faults, tab_faults
from studio_harness import CHEAP, House, served

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
Steps = Callable[[Any], None]


class Shown(msgspec.Struct, frozen=True):
    """A page in a state: who opens which address, and what they do there."""

    name: str
    who: str
    path: str
    steps: Steps | None = None


def the_house(folder: Path, fake: FakeEndpoint) -> tuple[House, Store]:
    """A project with every state, units to label, categories, and systems and a grader to ask."""
    rows = [
        row(f"e{number}")
        | {"model": "openai/a", "grader": "openai/g", "response": f"An answer, made up: {number}"}
        | {"criteria_met": [True, False], "explanations": ["", ""]}
        for number in range(8)
    ]
    file, store = write_rows(folder / "board.jsonl", rows), folder / "runs.db"
    command = ["import", "graded", str(file), "--benchmark", "healthbench", "--store", str(store)]
    assert preceptor(command) == 0
    opened = Store(store)
    found = criteria_of(opened, opened.run("board"))

    def begin(connection: sa.Connection) -> dict[str, str]:
        password = CHEAP.hash("not a password that anybody knows")
        people = fill(connection, password, 1_800_000_000.0, opened)
        named = {each.name.split()[0].casefold(): each.id for each in people}
        arabic = next(each for each in TASKS if each.content.language == "ar")
        for state in ("draft", "submitted", "in_review", "revising", "adjudicating", "rejected"):
            # One review of two that it needs leaves it in review.
            rating = replace(arabic.rating, overall=2 if state == "in_review" else 5)
            _bring(connection, replace(arabic, state=state, rating=rating), people)
        # The one to be decided about has been reviewed, and is to be revised before that.
        query = sa.select(items.c.id).where(
            (items.c.state == "revising") & (items.c.language == "ar")
        )
        author = commands.Who(named["amal"], "s")
        commands.revise(
            connection, author, connection.scalars(query).all()[-1], _taken(arabic.content)
        )
        pull(connection, None, found, way="audit", count=12)
        kinds = (("emergency", "Somebody has to act within the hour."), ("lay_person", ""))
        categories = tuple(Category(name=name, about=about) for name, about in kinds)
        set_categories(connection, None, categories)
        return named

    house = House(folder, systems=(fake.address("m"),), begin=begin, store=store)
    grader = fake.address("judge")
    house.studio.write_now(lambda c: change(c, replace(project(c), grader=grader), None))
    newcomers = ("author", "author-2", "reviewer", "labeller")
    house.people |= {name: house.join(name) for name in newcomers}
    return house, opened


def tasks(house: House, author: str) -> Iterator[tuple[str, str, str]]:
    """State, language and id of each task of a person."""
    with house.studio.read() as connection:
        mine = sa.select(items).where(items.c.author == house.people[author])
        for each in connection.execute(mine.order_by(items.c.since)).all():
            yield each.state, each.language, each.id


def press(button: str, **fields: str) -> Steps:
    """Fill fields, by id, and press a button, by its value."""

    def steps(page: Any) -> None:
        for name, value in fields.items():
            page.fill(f"#{name}", value)
        found = page.locator(f"main button[value='{button}'], main button:text-is('{button}')")
        if found.count():  # else an earlier look has pressed it
            found.last.click()
            page.wait_for_timeout(250)

    return steps


def tick(*selectors: str) -> Steps:
    def steps(page: Any) -> None:
        for each in selectors:
            page.click(each)
        page.wait_for_timeout(100)

    return steps


def held(house: House, kind: Any, person: str, state: str, language: str) -> str:
    """The id of a task in that state, which that person has now."""

    def hold(connection: sa.Connection) -> str:
        asked = (items.c.state == state) & (items.c.language == language)
        item = connection.scalars(sa.select(items.c.id).where(asked)).first()
        at, draw = datetime.fromtimestamp(house.now, UTC), random.Random(0)
        assignment.hold(connection, house.people[person], kind, item, now=at, draw=draw)
        return str(item)

    return house.studio.write_now(hold)


def pages(house: House) -> Iterator[Shown]:
    yield Shown("sign-in", "", "/login")
    yield Shown("sign-in-wrong", "", "/login", press("Sign in", email="a@b.cd", password="x"))
    yield Shown("join", "", house.invite("author", "reviewer"))
    yield Shown("no-link", "", "/join/used")
    yield from _authors(house)
    yield from _judges(house)
    yield from _others(house)
    yield from _leads(house)


def _authors(house: House) -> Iterator[Shown]:
    yield Shown("home-author", "amal", "/")
    yield Shown("tasks", "amal", "/tasks")
    yield Shown("tasks-none", "author-2", "/tasks")
    yield Shown("new-task", "amal", "/tasks/new")
    yield Shown("not-found", "amal", "/tasks/none")
    yield Shown("not-mine", "amal", "/board")
    for person in ("amal", "jonas"):
        for state, language, item in tasks(house, person):
            yield Shown(f"task-{state}-{language}", person, f"/tasks/{item}")
            if state in ("draft", "revising"):
                yield Shown(
                    f"task-{state}-{language}-wrong", person, f"/tasks/{item}", press("submit")
                )
    client = house.signed_in("author")
    fields = {"mode": "red_teaming", "specialty": "cardiology", "language": "en"}
    address = house.post(client, "/tasks/new", fields).headers["location"]
    yield Shown("task-blank", "author", address)
    yield Shown("task-blank-wrong", "author", address, press("submit"))

    def chat(page: Any) -> None:
        page.fill("#t-0", "Is this mole harmless? It grew within a month.")
        page.click("button[value=ask]")
        page.wait_for_selector("text=the answer that you rate")
        page.fill("textarea[id^=c-]", "Appropriately advises a visit and explains why")
        page.wait_for_selector("text=cannot be checked")

    yield Shown("task-chat", "author", address, chat)

    def preview(page: Any) -> None:
        page.fill("#t-0", "Is this mole harmless? It grew within a month.")
        page.fill("textarea[id^=c-]", "Advises that a doctor looks at the mole within days.")
        page.fill("input[id$=-points]", "5")
        page.click("button[value=preview]")
        page.click("button:has-text('Wrong')", timeout=60_000)
        page.wait_for_selector("text=you:")

    yield Shown("task-preview", "author", address, preview)


def _judges(house: House) -> Iterator[Shown]:
    yield Shown("home-reviewer", "tomás", "/")
    yield Shown("reviews", "ruth", "/reviews")
    yield Shown("reviews-none", "reviewer", "/reviews")
    yield Shown("decisions", "ingrid", "/adjudications")
    for language in ("de", "ar"):
        item = held(house, "review", "tomás", "in_review", language)
        path = f"/reviews/{item}"
        yield Shown(f"review-{language}", "tomás", path)
        yield Shown(f"review-{language}-wrong", "tomás", path, press("hand-in:approve=no"))
        changed = tick("[value=edit] >> nth=0", "[value=drop] >> nth=1", "button[value=more]")
        yield Shown(f"review-{language}-changed", "tomás", path, changed)
    for state, language, item in [*tasks(house, "amal"), *tasks(house, "jonas")]:
        if state in ("revising", "accepted", "in_review"):
            yield Shown(f"reviewed-{state}-{language}", "ruth", f"/reviews/{item}")
        if state in ("accepted", "rejected"):
            yield Shown(f"decided-{state}-{language}", "ingrid", f"/adjudications/{item}")
    for language in ("en", "ar"):
        item = held(house, "adjudicate", "ingrid", "adjudicating", language)
        path = f"/adjudications/{item}"
        yield Shown(f"decision-{language}", "ingrid", path)
        yield Shown(
            f"decision-{language}-wrong", "ingrid", path, press("hand-in:decision=rejected")
        )
        own = tick("[value=own] >> nth=0", "button[value=more]")
        yield Shown(f"decision-{language}-own", "ingrid", path, own)
    yield Shown("agreement-own", "ruth", "/agreement")


def _others(house: House) -> Iterator[Shown]:
    yield Shown("home-writer", "wen", "/")
    yield Shown("answers", "wen", "/answers")
    yield Shown("answer", "wen", "/answers", press("next"))
    yield Shown(
        "answer-wrong",
        "wen",
        "/answers",
        lambda page: (press("next")(page), press("submit")(page), None)[-1],
    )
    yield Shown("home-labeller", "noor", "/")
    yield Shown("labels", "noor", "/labels")
    yield Shown("label", "noor", "/labels", press("next"))
    yield Shown("label-second", "noor", "/labels", press("met"))
    yield Shown("label-why", "noor", "/labels", press("cannot_tell"))
    yield Shown("label-off", "noor", "/labels?keys=off")
    yield Shown("categories", "noor", "/categories")
    yield Shown("category", "noor", "/categories", press("next"))
    yield Shown("categories-none", "labeller", "/categories")
    yield Shown("account", "noor", "/account")
    yield Shown("score", "ruth", "/score")


def _leads(house: House) -> Iterator[Shown]:
    yield Shown("home-lead", "lena", "/")
    for state in ("draft", "submitted", "in_review", "accepted", "retired"):
        yield Shown(f"board-{state}", "lena", f"/board?state={state}")
    yield Shown("board-nothing-ticked", "lena", "/board", press("park"))
    for state, language, item in [*tasks(house, "amal"), *tasks(house, "jonas")]:
        if state != "withdrawn":
            yield Shown(f"board-task-{state}-{language}", "lena", f"/board/{item}")
    yield Shown("people", "lena", "/people")
    yield Shown(
        "invited",
        "lena",
        "/people",
        lambda page: (tick("[value=author]")(page), press("Make a link")(page), None)[-1],
    )
    yield Shown("person", "lena", f"/people/{house.people['ruth']}")
    yield Shown("sampling", "lena", "/sampling")
    yield Shown("sampling-preview", "lena", "/sampling", press("preview"))
    yield Shown("agreement", "lena", "/agreement")
    yield Shown("log", "lena", "/log")
    yield Shown("log-none", "lena", "/log?about=nothing")
    yield Shown("notes", "lena", "/notes")
    yield Shown("project", "lena", "/project")
    yield Shown("known", "lena", "/known")
    yield Shown("known-adjudicator", "ingrid", "/known")

    def sign(page: Any) -> None:
        house.studio.write_now(lambda c: change(c, replace(project(c), signatures=True), None))
        press("hand-in:approve=yes")(page)
        page.wait_for_selector("text=What you wrote is saved")

    item = held(house, "review", "tomás", "in_review", "de")

    def reviewed(page: Any) -> None:
        tick("#realistic-yes", "#flaw-yes")(page)
        for each in page.locator("[value=keep]").all():
            each.check()
        sign(page)

    yield Shown("sign", "tomás", f"/reviews/{item}", reviewed)


def more_reviews(house: House) -> None:
    """Enough of them that the page of agreement has figures."""
    people = ["ruth", "tomás"]

    def act(connection: sa.Connection) -> None:
        made = next(each for each in TASKS if each.rating.difficult)
        for _ in range(6):
            author = commands.Who(house.people["jonas"], "s")
            content = made.content
            item = commands.create(connection, author, content.mode, "neurology", "de")
            commands.submit(connection, author, item, content, made.rating)
            commands.move(connection, None, item, "queue")
            for name in people:
                said = [CriterionReview(criterion=each.id) for each in content.criteria]
                if name == "ruth":
                    said[1] = CriterionReview(criterion="c2", decision="drop", reason="preference")
                review = Review(realistic=True, flaw=True, approve=True, criteria=tuple(said))
                commands.review(connection, commands.Who(house.people[name], "s"), item, review)

    house.studio.write_now(act)


def foreign(url: str, address: str) -> list[str]:
    return [] if url.startswith(address) else [f"a request to another host: {url}"]


def refused(words: str) -> list[str]:
    """What the page's policy refused; with axe, which needs to run, it refuses nothing."""
    return [words] if "Content Security Policy" in words else []


def look(options: argparse.Namespace, house: House, address: str, browser: Any) -> int:
    axe = options.axe.read_text() if options.axe else ""
    wrong = seen = 0
    for shown in list(pages(house)):
        if not re.search(options.only, shown.name):
            continue
        context = browser.new_context(
            viewport={"width": 1280, "height": 900},
            reduced_motion="reduce",  # else the focus is looked at while the page scrolls
            bypass_csp=bool(axe),
        )
        if shown.who:
            secret = house.signed_in(shown.who).cookies.get(house.cookie)
            context.add_cookies([{"name": house.cookie, "value": secret, "url": address}])
        page = context.new_page()
        said: list[str] = []
        page.on("pageerror", lambda error, said=said: said.append(str(error)))
        page.on("request", lambda sent, said=said: said.extend(foreign(sent.url, address)))
        page.on("console", lambda message, said=said: said.extend(refused(message.text)))
        page.goto(address.rstrip("/") + shown.path)
        if shown.steps:
            shown.steps(page)
        if axe:
            page.evaluate(axe)
        for width, scheme in ((1280, "light"), (1280, "dark"), (320, "dark"), (320, "light")):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 900 if width > 400 else 640})
            if options.shots:
                name = f"{shown.name}-{width}-{scheme}.png"
                page.screenshot(path=options.shots / name, full_page=True)
            said += faults(page)
            if axe:  # in the dark only colours are others
                said += page.evaluate(AXE, TAGS if scheme == "light" else None)
            if scheme == "light" and not options.no_tabs:
                said += tab_faults(page)[1]
            seen, wrong = seen + 1, wrong + len(said)
            for each in said:
                print(f"{shown.name}, {width}, {scheme}: {each}", flush=True)
            said.clear()
        print(f"{seen} looked at: {shown.name}", file=sys.stderr, flush=True)
        context.close()
    print(f"{seen} pages, {wrong} faults; {'with' if axe else 'without'} axe")
    return wrong


COLOURS = ["color-contrast", "link-in-text-block"]
AXE = f"""(tags) => axe.run({{ runOnly: tags || {COLOURS} }}).then((found) =>
  found.violations.flatMap((rule) =>
    rule.nodes.map((node) => `axe ${{rule.id}}: ${{node.html.slice(0, 100)}}`)))"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--axe", type=Path, metavar="FILE", help="axe.min.js of axe-core")
    parser.add_argument("--shots", type=Path, metavar="FOLDER", help="keep a picture of each page")
    parser.add_argument("--only", metavar="PATTERN", default="", help="pages whose name has it")
    parser.add_argument("--no-tabs", action="store_true", help="leave out the walk by Tab")
    options = parser.parse_args()
    if options.shots:
        options.shots.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        fake = stack.enter_context(FakeEndpoint())
        house, store = the_house(folder, fake)
        stack.callback(store.close)
        stack.callback(house.close)
        more_reviews(house)
        address = stack.enter_context(served(house))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        wrong = look(options, house, address, browser)
        wrong += len(house.told)
        print(*house.told, sep="\n")
        browser.close()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
