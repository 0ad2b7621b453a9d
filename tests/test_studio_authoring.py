"""Writing a task in the studio: the author's page, its drafts, revising, and the outcome."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from preceptor.studio.differences import Piece, differences
from preceptor.studio.items import authoring, commands
from preceptor.studio.items.acts import Submitted
from preceptor.studio.items.content import Content, CriterionReview, ItemCriterion, Review, Turn
from preceptor.studio.items.writing import ATTESTATIONS, USE_CASES, Writing
from preceptor.studio.ledger.acts import Who, read_act
from preceptor.studio.ledger.chain import recorded
from preceptor.testing import FakeEndpoint
from studio_harness import House, crawl


def test_differences_are_those_of_words() -> None:
    """What was removed stands before what was added; a sign is a word, spaces are not compared."""
    assert differences("Names aspirin, 81 mg daily.", "Names aspirin 75 mg once  daily.") == [
        Piece("same", "Names aspirin "),
        Piece("removed", ", 81 "),
        Piece("added", "75 "),
        Piece("same", "mg "),
        Piece("added", "once  "),
        Piece("same", "daily."),
    ]
    assert differences("发热三天", "发热五天") == [
        Piece("same", "发热"),
        Piece("removed", "三"),
        Piece("added", "五"),
        Piece("same", "天"),
    ]
    assert differences("a  b\n", "a b") == [Piece("same", "a b")]
    assert differences("", "") == []


@given(*[st.text(st.sampled_from("ab ,\n\u064e热"))] * 2)
def test_no_text_is_lost_in_differences(before: str, after: str) -> None:
    """The same and the added make the later text; the same and the removed the words before."""
    pieces = differences(before, after)
    assert "".join(each.text for each in pieces if each.kind != "removed") == after
    words = "".join(each.text for each in pieces if each.kind != "added")
    assert words.split() == before.split() or "".join(words.split()) == "".join(before.split())


@pytest.fixture(scope="module")
def house(studios: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("authoring"))
    yield house
    assert house.told == []
    house.close()


class Author:
    """A browser of an author, with a task of theirs, and the fields of its form."""

    def __init__(self, house: House, name: str = "author", client: Any = None) -> None:
        self.house, self.client, self.name = house, client or house.signed_in(name), name
        fields = {"mode": "red_teaming", "specialty": "cardiology", "language": "en"}
        self.address = house.post(self.client, "/tasks/new", fields).headers["location"]
        self.item = self.address.rpartition("/")[2]

    def page(self) -> str:
        return str(self.client.get(self.address).text)

    def fields(self) -> dict[str, Any]:
        """What a browser would send of the page."""
        return fields_of(self.page())

    def do(self, button: str, *, script: str = "", **changes: Any) -> Any:
        """Press a button of the page, with these fields typed before; or have its script do it."""
        named = {name.replace("__", "-"): value for name, value in changes.items()}
        sent = {**self.fields(), **named, "do": button}
        headers = {"X-Studio": script} if script else {}
        return self.house.post(self.client, self.address, sent, **headers)

    def saves(self, **changes: Any) -> None:
        """Have the page's script save: its answer is what changes in the page, and no more."""
        answer = self.do("save", script="save", **changes)
        assert answer.status_code == 200
        page = self.page()
        assert live_of(answer.text) == {id: said for id, said in live_of(page).items() if said}
        assert len(answer.text) < len(page) / 3

    def written(self) -> Writing:
        with self.house.studio.read() as connection:
            return authoring.written(connection, self.item, self.house.people[self.name]).writing

    def state(self) -> str:
        with self.house.studio.read() as connection:
            return commands.standing(connection, self.item).state


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self._name, self._inside, self._depth = "", False, ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = of.get("id") == "task"
        if not self._inside:
            return
        if tag == "input" and (of.get("type") not in ("checkbox", "radio") or "checked" in of):
            self.found.setdefault(of["name"], []).append(of.get("value", ""))
        if tag in ("textarea", "select"):
            self._name = of["name"]
            self.found.setdefault(self._name, []).append("")
        if tag == "option" and "selected" in of:
            self.found[self._name][-1] = of.get("value", "\0")
        self._depth = tag

    def handle_data(self, data: str) -> None:
        if self._inside and self._depth == "textarea":
            self.found[self._name][-1] += data
        if self._inside and self._depth == "option" and self.found[self._name][-1] == "\0":
            self.found[self._name][-1] = data

    def handle_endtag(self, tag: str) -> None:
        self._depth = ""
        if tag == "form":
            self._inside = False


def fields_of(page: str) -> dict[str, Any]:
    """The fields of the author's form, as a browser would send them."""
    parser = _Fields()
    parser.feed(page)
    return {name: values for name, values in parser.found.items() if name != "token"}


class _Live(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self._inside: list[str] = []
        self._id = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        if "data-live" in of and not self._inside:
            self._id = of["id"]
            self.found[self._id] = []
        if "data-live" in of or self._inside:
            self.found[self._id] += [of["value"]] if "value" in of else []
            self._inside += [tag] if tag != "input" else []

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found[self._id] += data.split()

    def handle_endtag(self, tag: str) -> None:
        if self._inside:
            assert self._inside.pop() == tag


def live_of(page: str) -> dict[str, list[str]]:
    """Id → words and values of what each save brings anew."""
    parser = _Live()
    parser.feed(page)
    return parser.found


SCORES = {f"score__{name}": "2" for name in ("overall", "accuracy", "completeness", "clarity")} | {
    "score__instruction_following": "3",
    "score__overall_impact": "2",
}


def fill(author: Author) -> str:
    """Write a whole task but for the declarations; the id of its criterion."""
    author.do("add")
    (row,) = author.written().rows
    author.do(
        "save",
        t__0="Three days of fever in a child of two. What now?",
        answer="Wait a week.",
        use_case="consult",
        **{f"c__{row.id}__text": "Asks how the child drinks and wets its nappies."},
        **{f"c__{row.id}__points": "7"},
        **SCORES,
    )
    return row.id


@pytest.mark.both
def test_a_task_is_written_saved_and_handed_in(house: House) -> None:
    """By forms alone: what is typed is in the draft, and what is handed in is the version."""
    author = Author(house)
    row = fill(author)
    refused = author.do("submit")
    assert refused.status_code == 422
    assert "one place says why" in refused.text
    assert "tick both, if it is so" in refused.text
    done = author.do("submit", attested=["no_patient_data", "own_work"])
    assert done.headers["location"] == f"{author.address}?done=submitted"
    with house.studio.read() as connection:
        version = commands.version(connection, author.item)
    assert version.content.messages == (
        Turn("user", "Three days of fever in a child of two. What now?"),
    )
    assert version.content.criteria == (
        ItemCriterion(row, "Asks how the child drinks and wets its nappies.", 7),
    )
    assert (version.content.use_case, version.content.language) == ("consult", "en")
    assert version.rating.difficult
    assert version.rating.dimensions["instruction_following"] == 3
    assert author.state() == "submitted"
    assert "Wait a week." in author.page()


def test_each_button_of_the_rubric_keeps_what_was_typed(house: House) -> None:
    """Add, up, down, remove and put back act on the form as it was sent, not as it was saved."""
    author = Author(house)
    author.do("add")
    author.do("add")
    one, two = (row.id for row in author.written().rows)
    typed = {f"c__{one}__text": "One", f"c__{two}__text": "Two", f"c__{two}__points": "five"}
    author.do(f"down-{one}", **typed)
    assert [row.text for row in author.written().rows] == ["Two", "One"]
    author.do(f"down-{one}")
    author.do(f"remove-{two}")
    assert [row.text for row in author.written().rows] == ["One"]
    author.do(f"back-{two}")
    assert [(row.text, row.points) for row in author.written().rows] == [
        ("One", ""),
        ("Two", "five"),
    ]
    refused = author.do("submit")
    assert (
        "expected a whole number from -10 to 10 other than 0, found &#39;five&#39;" in refused.text
    )
    assert 'value="five"' in refused.text


def test_a_conversation_is_taken_up_again_at_a_turn(house: House) -> None:
    """What came after the turn is another way, which can be taken again."""
    author = Author(house)
    author.do("turn", t__0="First", answer="Said")
    author.do("save", t__2="Second", answer="Said again")
    author.do("fork-0")
    assert [line.text for line in author.written().lines] == ["First"]
    assert author.written().answer == "Said"
    author.do("save", t__0="First, but otherwise")
    author.do("switch-0")
    assert [line.text for line in author.written().lines] == ["First", "Said", "Second"]
    assert author.written().answer == "Said again"
    author.do("switch-0")
    assert [line.text for line in author.written().lines] == ["First, but otherwise"]


@pytest.mark.both
def test_an_older_window_overwrites_nothing(house: House) -> None:
    """Its save is refused with both texts; saved again, its text is in the other's place."""
    author = Author(house)
    old = author.fields()
    author.do("save", t__0="Written in the newer window", use_case="consult", attested=DECLARED)
    stale = house.post(author.client, author.address, {**old, "t-0": "Of the older", "do": "save"})
    assert stale.status_code == 409
    assert "nothing was overwritten" in stale.text
    assert '<dd class="prose" dir="auto">Written in the newer window</dd>' in stale.text
    assert f'dir="auto">{USE_CASES["consult"]}</dd>' in stale.text  # as the form says it
    assert "; ".join(ATTESTATIONS.values()) in html.unescape(stale.text)
    assert "data-autosave" not in stale.text
    assert author.written().lines[0].text == "Written in the newer window"
    again = fields_of(stale.text)
    assert again["t-0"] == ["Of the older"]
    house.post(author.client, author.address, {**again, "do": "save"})
    assert author.written().lines[0].text == "Of the older"


def test_a_refused_text_comes_back_and_is_not_saved(house: House) -> None:
    """A control character: one sentence with its place, every field as it was typed."""
    author = Author(house)
    refused = author.do("save", t__0="a\x00b", specialty="typed too")
    assert refused.status_code == 422
    assert "turn 1: a control character (U+0000) at place 2: delete it" in refused.text
    assert fields_of(refused.text)["specialty"] == ["typed too"]
    assert author.written().lines[0].text == ""


def test_a_task_is_its_authors_alone(house: House) -> None:
    """Another author gets 404 for the page and for its form, and 403 without the role."""
    author = Author(house)
    author.do("save", t__0="Canary-text of the author")
    for name, status in (("author-2", 404), ("reviewer", 403), ("lead", 403)):
        client = house.signed_in(name)
        sent = house.post(client, author.address, {"do": "save", "t-0": "Mine now"})
        assert (client.get(author.address).status_code, sent.status_code) == (status, status)
    for _, address, response in crawl(house, lambda name: author.item):
        if response.request.url.path not in ("/", "/tasks", author.address):
            assert "Canary-text" not in response.text, address
    assert author.written().lines[0].text == "Canary-text of the author"


def test_home_leads_to_the_task_worked_on_last(house: House) -> None:
    """Continue, the list of what is under way, and the list of all with their states."""
    first, last = Author(house, "author-2"), Author(house, "author-2")
    first.do("save", t__0="The one that was begun first")
    last.do("save", t__0="The other")
    page = last.client.get("/").text
    assert f'<a class="button main" href="{last.address}">' in page
    assert 'The one that was begun first</a> <span class="aside">not handed in yet</span>' in page
    last.do("withdraw", reason="A double")
    assert last.state() == "withdrawn"
    listed = last.client.get("/tasks").text
    assert "withdrawn" in listed
    assert f'<a class="button main" href="{first.address}">' in last.client.get("/").text


DECLARED = ["no_patient_data", "own_work"]


def handed_in(house: House, overall: str = "4") -> tuple[Author, str, str]:
    """A task in review with two criteria; their ids."""
    author = Author(house)
    one = fill(author)
    author.do("add")
    two = author.written().rows[1].id
    typed = {f"c__{two}__text": "Gives an antibiotic at once.", f"c__{two}__points": "3"}
    author.do("submit", attested=DECLARED, score__overall=overall, **typed)
    house.studio.write_now(lambda connection: commands.move(connection, None, author.item, "queue"))
    return author, one, two


def reviewed(house: House, author: Author, name: str, *said: CriterionReview, **more: Any) -> None:
    review = Review(realistic=True, flaw=True, approve=True, criteria=said, **more)
    who = Who(house.people[name], "")
    house.studio.write_now(lambda connection: commands.review(connection, who, author.item, review))


def adjudicated(house: House, author: Author, decision: Any, content: Content, words: str) -> None:
    who = Who(house.people["adjudicator"], "")
    house.studio.write_now(
        lambda connection: commands.adjudicate(
            connection, who, author.item, decision, content, policy="default", comment=words
        )
    )


def test_a_revision_shows_the_reviewers_words_and_takes_them(house: House) -> None:
    """R1 and no name, differences word by word, one button each; taken words need no review."""
    author, one, two = handed_in(house)
    edit = CriterionReview(
        criterion=one,
        decision="edit",
        text="Asks how much the child drinks and wets its nappies.",
        points=5,
        reason="subjective",
        comment="More exact",
    )
    drop = CriterionReview(criterion=two, decision="drop", reason="wrong_fact")
    new = ItemCriterion("added-1", "Names two signs of danger.", 4)
    reviewed(house, author, "reviewer", edit, drop, added=(new,), comment="Good so far")
    page = author.page()
    assert "Revise the task" in page
    assert "Good so far" in page
    assert "how <ins>much </ins>the child" in page
    assert "Points: +5" in page
    assert "R1" in page
    assert "Canary-name" not in page
    assert house.people["reviewer"] not in page
    for button in (f"take-0-{one}", f"take-0-{two}", "take-0-added-1"):
        assert f'value="{button}"' in author.page()
        author.do(button)
        assert f'value="{button}"' not in author.page()
    done = author.do("submit", reply="Thank you")
    assert done.headers["location"].endswith("done=revised")
    assert author.state() == "adjudicating"
    with house.studio.read() as connection:
        content = commands.version(connection, author.item).content
    assert [(each.text, each.points) for each in content.criteria] == [
        ("Asks how much the child drinks and wets its nappies.", 5),
        ("Names two signs of danger.", 4),
    ]


def test_the_outcome_says_what_the_adjudicator_changed(house: House) -> None:
    """Sent back: the words stand above the form. Accepted: each change, and the reviews."""
    author, one, two = handed_in(house)
    keep = tuple(CriterionReview(criterion=each) for each in (one, two))
    reviewed(house, author, "reviewer", *keep)
    with house.studio.read() as connection:
        content = commands.version(connection, author.item).content
    adjudicated(house, author, "revising", content, "Name the dose")
    page = author.page()
    assert "Sent back by the adjudicator:" in page
    assert "Name the dose" in page
    author.do("submit", **{f"c__{two}__text": "Gives amoxicillin, 50 mg per kg, at once."})
    reviewed(house, author, "reviewer", *keep)
    with house.studio.read() as connection:
        content = commands.version(connection, author.item).content
    first, second = content.criteria
    better = replace(first, text="Asks how the child drinks and wets nappies.", points=6)
    adjudicated(house, author, "accepted", replace(content, criteria=(better,)), "Well done")
    page = author.page()
    assert "Task: accepted" in page
    assert "Well done" in page
    assert "wets <del>its </del>nappies" in page
    assert "(+7 → +6 points)" in page
    assert f"<del>{second.text}</del>" in page
    assert "a typical task" in page
    assert house.people["adjudicator"] not in page


def test_the_linter_speaks_beside_each_criterion(house: House) -> None:
    """Advice is done or dismissed by a button; what blocks is mended, or confirmed as meant."""
    author = Author(house)
    row = fill(author)
    vague = {f"c__{row}__text": "Appropriately explains what to watch for at home."}
    author.do("save", **vague)
    page = author.page()
    (key,) = re.findall(r'value="fix-(vague-word[^"]*)"', page)
    author.do(f"dismiss-{key}")
    assert f"dismiss-{key}" not in author.page()
    author.do(f"heed-{key}")
    author.do(f"fix-{key}")
    assert author.written().rows[0].text == "Explains what to watch for at home."
    author.do("save", **{f"c__{row}__text": "Fails to ask how the child drinks."})
    refused = author.do("submit", attested=DECLARED)
    assert refused.status_code == 422
    assert "describes a fault and has +7 points" in refused.text
    author.do(f"confirm-{row}")
    author.do("add")
    other = author.written().rows[1].id
    text = {f"c__{other}__text": "Too short", f"c__{other}__points": "2"}
    author.do("save", **text)
    (key,) = re.findall(r'value="dismiss-(short-criterion[^"]*)"', author.page())
    author.do(f"dismiss-{key}")
    assert author.do("submit", attested=DECLARED).status_code == 303
    with house.studio.read() as connection:
        (body,) = [
            body
            for event, _, body, *_ in recorded(connection)
            if event.subject == author.item and event.kind == "submitted"
        ]
    act = read_act("submitted", body)
    assert isinstance(act, Submitted)
    assert act.dismissed == (f"short-criterion {other}", f"wrong-sign {row}")


@pytest.mark.both
def test_a_save_by_the_script_is_answered_with_what_changes(house: House) -> None:
    """Its number and what the linter says, as the whole page would have it; that stays away."""
    author = Author(house)
    row = fill(author)
    author.saves(t__0="My child has fever.")
    author.saves(**{f"c__{row}__text": "Appropriately explains what to watch for at home."})
    (key,) = re.findall(r'value="dismiss-(vague-word[^"]*)"', author.page())
    author.do(f"dismiss-{key}")
    author.saves(t__0="My child has fever. Reach me at 030 901820.")
    author.saves(**{f"c__{row}__text": "Explains what to watch for at home."})
    old = author.fields()
    author.do("save", specialty="dermatology")
    stale = house.post(author.client, author.address, old, **{"X-Studio": "save"})
    assert stale.status_code == 409
    assert 'id="main"' in stale.text
    refused = author.do("save", script="save", t__0="a\x00b")
    assert refused.status_code == 422
    assert "turn 1: a control character" in refused.text


def test_a_registers_number_blocks_a_task(house: House) -> None:
    """A number that names a person is found in the conversation, too."""
    author = Author(house)
    fill(author)
    refused = author.do("submit", t__0="My MRN: AB12345. What now?", attested=DECLARED)
    assert refused.status_code == 422
    assert "message 1: contains a medical record number" in refused.text


# Live answers


class Chatting(Author):
    """An author of a project with two systems."""

    def ended(self) -> str:
        """The page once no answer is on its way."""
        for _ in range(500):
            if "data-stream" not in (page := self.page()):
                return page
            time.sleep(0.01)
        raise AssertionError("an answer did not end")

    def aliases(self) -> list[str]:
        return re.findall(r"<option(?: selected)?>(System [A-Z])</option>", self.page())


@pytest.fixture
def fake(request: pytest.FixtureRequest) -> Iterator[FakeEndpoint]:
    with FakeEndpoint(**getattr(request, "param", {"pace": 0.001})) as endpoint:
        yield endpoint


@pytest.fixture
def chatting(tmp_path: Path, fake: FakeEndpoint) -> Iterator[Chatting]:
    systems = fake.address("m-one"), fake.address("m-two")
    house = House(tmp_path, systems=systems, store=tmp_path / "runs.db")
    with house.signed_in("author") as client:
        yield Chatting(house, client=client)
    assert house.told == []
    house.close()


def test_a_system_is_asked_and_its_answer_rated(chatting: Chatting) -> None:
    """Under an alias, by forms alone; the version names response and system, no page does."""
    one, two = chatting.aliases()
    refused = chatting.do("ask", system=one)
    assert refused.status_code == 422
    assert "expected a text in each turn before a system is asked" in refused.text
    chatting.do("ask", system=two, t__0="My ear hurts.")
    page = chatting.ended()
    assert f"{two}: the answer that you rate" in page
    chatting.do("turn", **SCORES)
    chatting.do("ask", system=one, t__2="And now?")
    chatting.ended()
    fill_rubric(chatting)
    done = chatting.do("submit", use_case="consult", attested=DECLARED, **SCORES)
    assert done.status_code == 303
    with chatting.house.studio.read() as connection:
        version = commands.version(connection, chatting.item)
    assert [turn.role for turn in version.content.messages] == ["user", "assistant", "user"]
    assert version.content.messages[1].text
    assert version.rating.answer
    assert version.rating.response_key
    assert version.rating.system.endswith(("m-one", "m-two"))
    assert "m-one" not in page + chatting.page()
    assert "m-two" not in page + chatting.page()


def fill_rubric(author: Author) -> None:
    author.do("add")
    (row,) = author.written().rows
    text = "Asks how the child drinks and wets its nappies."
    author.do("save", **{f"c__{row.id}__text": text, f"c__{row.id}__points": "7"})


def test_another_answer_to_the_same_turn_leaves_the_first(chatting: Chatting) -> None:
    """Both can be rated; a changed conversation has none of them."""
    (alias, _) = chatting.aliases()
    chatting.do("ask", system=alias, t__0="My ear hurts.")
    first = fields_of(chatting.ended())["rated"][0]
    chatting.do("ask", system=alias)
    page = chatting.ended()
    second = fields_of(page)["rated"][0]
    assert first != second
    assert f'value="choose-{first}"' in page
    chatting.do(f"choose-{first}")
    assert fields_of(chatting.page())["rated"] == [first]
    chatting.saves(t__0="My other ear hurts.")
    assert "There is no answer to this conversation yet" in chatting.page()
    chatting.do("save", t__0="My ear hurts.")
    assert fields_of(chatting.page())["rated"] == [first]


def test_a_returned_task_shows_the_answer_that_was_rated(chatting: Chatting) -> None:
    """Not the one asked for last; what a system said in the conversation cannot be rewritten."""
    alias = chatting.aliases()[0]
    chatting.do("ask", system=alias, t__0="My ear hurts.")
    chatting.ended()
    chatting.do("turn")
    chatting.do("ask", system=alias, t__2="And now?")
    first = fields_of(chatting.ended())["rated"][0]
    chatting.do("ask", system=alias)
    chatting.ended()
    fill_rubric(chatting)
    chatting.do(f"choose-{first}")
    chatting.do("submit", use_case="consult", attested=DECLARED, **SCORES)
    chatting.house.studio.write_now(
        lambda connection: commands.move(connection, None, chatting.item, "return")
    )
    fields = fields_of(chatting.page())
    assert fields["rated"] == [first]
    assert fields["score-overall"] == ["2"]
    assert "t-1-live" in fields
    assert "t-1" not in fields


def test_an_answer_is_read_as_it_comes_by_its_author_alone(chatting: Chatting) -> None:
    """Server-sent events and polling say the same; another author gets 404."""
    chatting.do("ask", system=chatting.aliases()[0], t__0="Name every number from 1 to 30.")
    found = re.search(r'data-stream="([^"]+)"', chatting.page())
    assert found is not None, "the answer came too soon"
    streamed = chatting.client.get(found[1])
    assert streamed.headers["content-type"].startswith("text/event-stream")
    sent = [json.loads(line[6:]) for line in streamed.text.split("\n") if line[:6] == "data: "]
    text = ""
    for each in sent:
        text = each["text"] if each["anew"] else text + each["text"]
    assert sent[-1]["state"] == "done"
    polled = chatting.client.get(found[1], params={"poll": "1"}).json()
    assert polled["text"] == text != ""
    assert text in chatting.page()
    other = chatting.house.signed_in("author-2").cookies
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in other.items())}
    chatting.client.cookies.clear()
    assert chatting.client.get(found[1], headers=cookie).status_code == 404


@pytest.mark.parametrize("fake", [{"script": ["bad_request"]}], indirect=True)
def test_a_failure_has_words_and_is_tried_again(chatting: Chatting, fake: FakeEndpoint) -> None:
    """Nothing typed is lost, no empty answer counts, and what blocks a task goes to no system."""
    alias = chatting.aliases()[0]
    refused = chatting.do("ask", system=alias, t__0="My MRN: AB12345. What now?")
    assert "take it out before a system is asked" in refused.text
    assert not fake.calls
    chatting.do("ask", system=alias, t__0="My ear hurts.")
    page = chatting.ended()
    assert f"{alias} gave no answer." in page
    found = re.search(r'value="(retry-[^"]+)"', page)
    assert found is not None
    chatting.do(found[1])
    assert f"{alias}: the answer that you rate" in chatting.ended()


@pytest.mark.parametrize("fake", [{"pace": 0.2}], indirect=True)
def test_an_answer_is_stopped(chatting: Chatting) -> None:
    """It counts as none, and the conversation can be asked again."""
    chatting.do("ask", system=chatting.aliases()[0], t__0="Name every number from 1 to 30.")
    found = re.search(r'value="(stop-[^"]+)"', chatting.page())
    assert found is not None
    chatting.do(found[1])
    assert "Stopped." in chatting.page()
    assert "rated" not in fields_of(chatting.page())
