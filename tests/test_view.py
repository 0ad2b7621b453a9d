"""`preceptor view`: the pages over a store, who may see them, and what a browser makes of them."""

from __future__ import annotations

import base64
import re
import shutil
import signal
import socket
import sqlite3
import sys
import threading
import urllib.request
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.testclient import TestClient

from children import Child
from preceptor.analysis.comparison import compare
from preceptor.cli import main
from preceptor.errors import StoreError
from preceptor.records import (
    Criterion,
    Example,
    Image,
    Message,
    Response,
    RunInfo,
    RunSettings,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    Verdict,
)
from preceptor.reports.comparison import headline
from preceptor.results.pool import Side
from preceptor.store import Store
from preceptor.view.app import application
from preceptor.view.cache import Cache
from preceptor.view.live import Pace
from preceptor.view.workspace import Workspace
from preceptor.web import serving
from preceptor.web.serving import listen, url_of

HOSTILE = '</p><script>alert("h")</script><img src=x onerror=alert(1)>\x00\u202e'
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
N = 120


def an_example(number: int) -> Example:
    said = f"question number {number}" + (HOSTILE if number == 3 else "")
    content: Any = said
    if number == 5:
        content = (Text(said), Image.of(PNG, "image/png"), Image.of(SVG, "image/svg+xml"))
    return Example(
        id=f"e{number}",
        messages=(Message("user", content),),
        criteria=(
            Criterion("names the red flag", 6, ("axis:accuracy",)),
            Criterion(f"invents a dose {number}", -4, ("axis:safety",)),
        ),
        tags=(f"theme:{'even' if number % 2 == 0 else 'odd'}",),
    )


def a_response(run: str, number: int) -> Response:
    key = f"{run}-{number}"
    if number == 7:
        return Response(key, failure="timeout", detail="no reply in 60 s", finish_reason="error")
    turns: tuple[Turn, ...] = ()
    if number == 9:
        call = ToolCall("c1", "look_up", '{"drug": "aspirin"}')
        turns = (
            Turn(Message("assistant", (call,)), "system"),
            Turn(Message("tool", (ToolResult("c1", "look_up", "325 mg"),)), "environment"),
            Turn(Message("assistant", "take 325 mg"), "system"),
        )
    text = f"answer {number} of {run}" + (" zebra" if number % 10 == 0 else "")
    return Response(key, text=text + (HOSTILE if number == 3 else ""), cost_usd=0.001, turns=turns)


def verdicts(run: str, number: int, met: tuple[bool | None, bool | None]) -> Iterator[Any]:
    for place, each in enumerate(met):
        reason = None if each is not None else "malformed"
        words = f"why {number}" + (HOSTILE if number == 3 else "")
        yield (
            *(number, 0, place),
            Verdict(f"{run}-{number}-{place}", each, words, reason, cost_usd=0.002),
            False,
        )


def a_run(store: Store, name: str, n: int = N, met: int = 2, **changes: Any) -> RunInfo:
    """Every ``met``-th answer names the red flag; every fifth invents a dose; one is ungraded."""
    given = {
        "benchmark": "healthbench",
        "system": f"system-of-{name}",
        "grader": "a-grader",
        "settings": RunSettings(),
        "examples": [(an_example(number), 1) for number in range(n)],
        "repeats": 1,
        "status": "done",
    } | changes
    run = store.create_run(name=name, **given)
    store.write(
        run,
        [(number, 0, a_response(name, number), False) for number in range(n)],
        [
            row
            for number in range(n)
            if number != 7
            for row in verdicts(
                name, number, (number % met == 0, None if number == 11 else number % 5 == 0)
            )
        ],
    )
    return run


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("view") / "view.db"
    with Store(found) as store:
        a_run(store, "first/run #1 & more", met=2)
        a_run(store, "second", met=3)
        a_run(store, HOSTILE.replace("\x00", ""), n=4, grader="another-grader")
        store.keep_blob("image/png", b"<html><script>alert(1)</script></html>")
    return found


@pytest.fixture(scope="module")
def client(path: Path) -> TestClient:
    return TestClient(application(Workspace(str(path))), base_url="http://localhost:8711")


def ids(page: str) -> list[int]:
    """Numbers of the questions that the list of a page shows."""
    shown = re.findall(r'<span class="start"[^>]*>question number (\d+)', page)
    return [int(number) for number in shown]


def words(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


FIRST = "/answers?run=first%2Frun+%231+%26+more"
PAGES = (
    *("/", "/?q=second", FIRST, f"{FIRST}&open=0-3-0", f"{FIRST}&open=0-9-0", "/answers"),
    *("/run?name=second", "/run?name=first%2Frun+%231+%26+more", "/live?name=second"),
    *("/compare?run=second&run=first%2Frun+%231+%26+more", "/leaderboard"),
    "/compare/answers?run=second&run=first%2Frun+%231+%26+more&open=3-3",
)


@pytest.mark.parametrize("url", PAGES)
def test_a_page_lets_nothing_foreign_run(url: str, client: TestClient) -> None:
    """Every page escapes what models and users wrote, and its policy has no unsafe word."""
    reply = client.get(url)
    assert reply.status_code == 200, words(reply.text)
    policy = reply.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cache-control"] == "no-store"
    assert re.findall(r"<script(?![^>]* src=\"/assets/)", reply.text) == []
    assert not re.search(r"<img(?! src=\"/image/)|\son\w+=\"|\sstyle=|javascript:", reply.text)
    assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", reply.text)
    assert "\x00" not in reply.text


def test_runs_are_searched_and_filtered(client: TestClient) -> None:
    """The list has the newest first, and keeps those that words and fields leave."""
    names = re.findall(r'<a href="/run\?name=[^"]*"><bdi>([^<]*)', client.get("/").text)
    assert names[1:] == ["second", "first/run #1 &amp; more"]
    assert "1 of 3 runs" in client.get("/?q=SYSTEM-of-second").text
    assert "1 of 3 runs" in client.get("/?grader=another-grader").text
    assert "No run is left" in client.get("/?q=nothing").text


def test_a_list_of_runs_has_their_scores(path: Path) -> None:
    """A score is computed in the background, and is that of the report."""
    workspace = Workspace(str(path))
    run = workspace.run("second")
    headline = workspace.headline(run, wait=True)
    assert headline is not None
    assert headline.metric == workspace.result(run).metrics["overall_score"]
    page = TestClient(application(workspace), base_url="http://localhost").get("/").text
    assert f"{100 * (headline.metric.value or 0):.1f}" in words(page)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("order=given", list(range(50))),
        ("order=given&page=3", list(range(100, N))),
        ("order=given&tag=theme:odd&text=number+11", [11, *range(111, N, 2)]),
        ("order=given&text=ZEBRA", list(range(0, N, 10))),
        ("order=given&text=e7", [7, *range(70, 80)]),
        ("state=failed", [7]),
        ("state=ungraded", [7, 11]),
        ("verdict=met&criterion=red+flag&order=given&page=2", list(range(100, N, 2))),
        ("verdict=met&tag=axis:safety&order=given", list(range(0, N, 5))),
        (
            "verdict=unmet&criterion=dose+11&order=given",
            [n for n in range(110, N) if n % 5],  # of 11 it is ungraded
        ),
        ("low=100&order=given&page=9", [n for n in range(0, N, 2) if n % 5]),
        ("low=33&high=34&order=given", list(range(0, N, 10))),
        ("high=-60&order=given", list(range(5, N, 10))),
    ],
)
def test_answers_are_found(query: str, expected: list[int], client: TestClient) -> None:
    """A filter leaves exactly the answers that it names, fifty a page, in the order asked for."""
    assert ids(client.get(f"{FIRST}&{query}").text) == expected


def test_the_worst_come_first_and_those_without_a_score_last(client: TestClient) -> None:
    """Sorted by score, what has none is at the end, whichever way."""
    low = ids(client.get(f"{FIRST}&page=1").text)
    assert low[:12] == list(range(5, N, 10))
    for order in ("low", "high"):
        assert sorted(ids(client.get(f"{FIRST}&order={order}&page=3").text)[-2:]) == [7, 11]


def test_an_open_answer_has_all_that_is_known_of_it(client: TestClient) -> None:
    """Conversation, answer, verdicts with explanations, grader and cost, and both neighbours."""
    page = client.get(f"{FIRST}&order=given&open=0-4-0").text
    text = words(page)
    for expected in (
        *("question number 4", "answer 4 of first/run #1 & more", "why 4", "Judged by a-grader"),
        *("names the red flag", "+6", "−4", "score 100.0", "$0.0010", "$0.0040", "+6 of 6"),
    ):
        assert expected in text, expected
    previous, after = (
        unescape(re.search(rf'rel="{rel}" href="([^"]+)">{name}<', page)[1])  # type: ignore[index]
        for rel, name in (("prev", "Previous"), ("next", "Next"))
    )
    assert "question number 3" in words(client.get(previous).text).partition("5 of 120")[0]
    assert "6 of 120" in client.get(after).text
    assert "no answer: timeout. no reply in 60 s" in words(client.get(f"{FIRST}&open=0-7-0").text)
    assert "malformed" in words(client.get(f"{FIRST}&open=0-11-0").text)


def test_tool_calls_are_folded(client: TestClient) -> None:
    """A transcript is folded, with each call and result in it."""
    page = client.get(f"{FIRST}&open=0-9-0").text
    steps = page.partition('<details class="steps">')[2]
    assert "Transcript (3 turns, 1 tool call)" in words(steps)
    assert "aspirin" in words(steps)
    assert "325 mg" in words(steps)


def test_images_are_shown_and_nothing_active_is(client: TestClient) -> None:
    """An image is sent with the type that its bytes have; SVG, HTML and anything else is not."""
    page = client.get(f"{FIRST}&open=0-5-0").text
    sources = re.findall(r'<img src="([^"]+)"', page)
    kinds = sorted(
        (client.get(each).headers["content-type"], client.get(each).status_code) for each in sources
    )
    assert kinds[0] == ("image/png", 200)
    assert all(code == 404 for kind, code in kinds[1:])
    assert client.get("/image/" + "0" * 64).status_code == 404


def test_runs_are_one_list_of_answers(client: TestClient) -> None:
    """Several runs are one list, and an open answer links those of the others to its example."""
    page = client.get("/answers?run=second&run=first%2Frun+%231+%26+more&open=0-4-0").text
    assert "240 answers" in page
    assert "Answers to this example" in page
    assert len(re.findall(r'<ul class="others">(.*?)</ul>', page, re.DOTALL)[0].split("<li>")) == 3


def test_a_comparison_says_what_compare_says(path: Path, client: TestClient) -> None:
    """The page of two runs has the claim of `preceptor compare`."""
    workspace = Workspace(str(path))
    names = ("second", "first/run #1 & more")
    results = [workspace.result(workspace.run(name)) for name in names]
    sides = [Side(n, "", n, result, (n,)) for n, result in zip(names, results, strict=True)]
    page = client.get("/compare?run=second&run=first%2Frun+%231+%26+more").text
    assert headline(compare(sides).contrasts[0]) in words(page)


def test_answers_stand_side_by_side(client: TestClient) -> None:
    """Examples of two runs are sorted by difference, and both answers of one are shown."""
    base = "/compare/answers?run=second&run=first%2Frun+%231+%26+more"
    # The second run meets what the first does not in multiples of three that are odd.
    worse = ids(client.get(f"{base}&order=worse").text)
    assert set(worse[:18]) == set(range(3, N, 6)) - {7, 11} - set(worse[18:20])
    page = words(client.get(f"{base}&open=3-3").text)
    assert "answer 3 of second" in page
    assert "answer 3 of first/run #1 & more" in page
    assert "expected two runs, found 1" in words(client.get("/compare?run=second").text)
    third = client.get("/compare", params={"run": ["second", HOSTILE.replace("\x00", "")]})
    assert "graded by different graders" in words(third.text)


@pytest.mark.parametrize(
    ("url", "status", "said"),
    [
        ("/run?name=secnd", 404, "did you mean second?"),
        ("/answers?run=nothing-like-it-at-all", 404, "no such run in this store"),
        ("/nothing", 404, "no such page"),
        (f"{FIRST}&low=x", 400, "expected a number, found 'x'"),
        (f"{FIRST}&order=sideways", 400, "order: expected low, high, given, long"),
        (f"{FIRST}&page=0", 400, "page: expected a whole number from 1"),
        ("/answers?q=nothing", 404, "no run is left"),
        ("/assets/0/nothing.css", 404, "no such file"),
    ],
)
def test_an_error_is_a_page_of_one_line(
    url: str, status: int, said: str, client: TestClient
) -> None:
    """What is wrong, and what to do, with the way back; a wrong place of an answer opens none."""
    reply = client.get(url)
    assert reply.status_code == status
    assert said in words(reply.text)
    assert "All runs" in reply.text
    assert client.get(f"{FIRST}&open=9-9-9").status_code == 200


def test_an_internal_error_tells_no_text(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of ours is a page without its words, and a line in the terminal with its place."""
    told: list[str] = []
    client = TestClient(
        application(Workspace(str(path)), tell=told.append), base_url="http://[::1]"
    )
    monkeypatch.setattr(Workspace, "runs", lambda _: 1 / 0)
    reply = client.get("/")
    assert reply.status_code == 500
    assert "division" not in reply.text
    assert [line.partition(" in ")[0] for line in told] == ["internal error: ZeroDivisionError"]


def test_only_names_of_this_server_are_answered(client: TestClient) -> None:
    """A name that an attacker points at this address is refused; addresses are not."""
    for host, status in (
        *(("localhost", 200), ("127.0.0.1:8711", 200), ("[::1]:80", 200), ("192.168.3.4", 200)),
        *(("evil.example", 421), ("localhost.evil.example:8711", 421), ("", 421)),
    ):
        assert client.get("/?q=second", headers={"Host": host}).status_code == status, host


def test_nothing_but_reading_is_answered(client: TestClient) -> None:
    """Another method, and a large body, are refused."""
    assert client.post("/", content=b"x").status_code == 405
    large = {"Content-Length": str(10**9)}
    assert client.request("GET", "/", headers=large, content=b"").status_code == 413


def test_a_token_is_exchanged_for_a_cookie(path: Path) -> None:
    """Without the token no page and no file is sent; with it once, the browser has a cookie."""
    client = TestClient(
        application(Workspace(str(path)), host="0.0.0.0", token="a-long-token-of-ours"),
        base_url="http://127.0.0.1",
        follow_redirects=False,
    )
    for url in ("/", "/?token=wrong", "/?token=", "/answers", "/image/0", "/assets/0/view.js"):
        refused = client.get(url)
        assert refused.status_code == 401, url
        assert "second" not in refused.text
    entered = client.get("/?q=second&token=a-long-token-of-ours")
    assert entered.status_code == 303
    assert entered.headers["location"] == "/?q=second"
    cookie = entered.headers["set-cookie"]
    assert "a-long-token-of-ours" not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert client.get("/?q=second").status_code == 200


# A run under way


def test_a_run_under_way_is_followed(tmp_path: Path) -> None:
    """Progress, cost, failures and latest answers come from the store, and the score follows."""
    path = tmp_path / "live.db"
    with Store(path) as store:
        examples = [(an_example(number), 1) for number in range(20)]
        run = a_run(
            store,
            "live",
            n=8,
            examples=examples,
            status="running",
            settings=RunSettings(max_cost=0.5),
        )
        workspace = Workspace(str(path))
        client = TestClient(application(workspace), base_url="http://localhost")
        with store.lease(run):
            page = client.get("/run?name=live").text
            text = words(page)
            assert "Under way" in text
            assert "7 of 20" in text
            assert "14 of 40" in text
            assert "$0.04 of $0.5" in text
            assert "no answer: timeout 1" in text
            assert "answer 6 of live" in text
            assert 'data-poll="/live?name=live"' in page
            before = workspace.headline(workspace.run("live"), wait=True)
            store.write(
                run,
                [(8, 0, a_response("live", 8), False)],
                list(verdicts("live", 8, (True, False))),
            )
            text = words(client.get("/live?name=live").text)
            assert "8 of 20" in text
            assert "answer 8 of live" in text
            store.set_status(run, "done")
            after = workspace.headline(workspace.run("live"), wait=True)
            assert before is not None
            assert after is not None
            assert before.metric != after.metric
        store.set_status(run, "running")
        text = words(client.get("/live?name=live").text)
        assert "no process is working on it; preceptor resume live continues it" in text
        assert "data-poll" not in text


def test_the_rate_is_taken_from_what_was_seen() -> None:
    """Two looks at a run give its rate; one gives none."""
    pace = Pace()
    assert pace.rate(1, 100, now=0.0) is None
    assert pace.rate(1, 150, now=10.0) == 5.0
    assert pace.rate(2, 0, now=10.0) is None


def test_what_was_computed_is_kept_until_the_run_changes() -> None:
    """The same state is not made again; another is; what was used longest ago goes first."""
    cache, made = Cache(2), iter(range(9))
    assert [cache.get("a", state, lambda: next(made)) for state in (1, 1, 2)] == [0, 0, 1]
    cache.get("b", 1, lambda: next(made))
    cache.get("c", 1, lambda: next(made))
    assert cache.get("a", 2, lambda: next(made)) == 4


# The store is only read


def test_looking_writes_nothing(path: Path, client: TestClient) -> None:
    """The store refuses what would write, and its file stays as it is."""
    before = path.read_bytes()
    with Store(path, read_only=True) as store, pytest.raises(StoreError, match="readonly"):
        store.delete_run(store.run("second"))
    client.get("/answers")
    assert path.read_bytes() == before


def test_a_store_that_was_replaced_is_not_shown_any_more(path: Path, tmp_path: Path) -> None:
    """Runs of a file that is gone are nobody's: the page says what to do."""
    copy = tmp_path / "copy.db"
    shutil.copyfile(path, copy)
    client = TestClient(application(Workspace(str(copy))), base_url="http://localhost:8711")
    assert client.get("/").status_code == 200
    shutil.copyfile(path, tmp_path / "other.db")
    for change in (lambda: (tmp_path / "other.db").replace(copy), copy.unlink):
        change()
        page = client.get("/")
        assert page.status_code == 503
        assert "was moved, deleted or replaced: start preceptor view again" in words(page.text)


def test_an_older_store_is_not_brought_up_to_date(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A store of another format, and one that is not there, are one line, and nothing is made."""
    path = tmp_path / "old.db"
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE preceptor SET value = '6' WHERE key = 'format'")
    connection.close()
    assert main(["view", "--store", str(path)]) == 2
    assert "has format 6" in capsys.readouterr().err
    assert main(["view", "--store", str(tmp_path / "none.db")]) == 2
    assert "no such file" in capsys.readouterr().err
    assert not (tmp_path / "none.db").exists()


def test_a_port_that_is_taken_is_one_line(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The port in use, a wrong port and a wrong host each are one line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["view", "--store", str(path), "--port", port]) == 2
    assert "another program has that port" in capsys.readouterr().err
    assert main(["view", "--store", str(path), "--port", "70000"]) == 2
    assert main(["view", "--store", str(path), "--host", "not a host"]) == 2
    assert capsys.readouterr().err.count("\n") == 2


def test_the_command_serves_until_it_is_interrupted(path: Path) -> None:
    """It prints the address, answers there without a token, and ends at once."""
    child = Child("view", "--store", path, "--port", "0")
    assert child.stdout is not None
    url = child.stdout.readline().strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", url)
    with urllib.request.urlopen(url, timeout=30) as reply:
        assert b"second" in reply.read()
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=30) == 0


def test_beyond_this_machine_a_token_is_asked_for(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On another address a token is made and printed once; one of the environment is not shown."""
    served: list[Any] = []
    monkeypatch.setattr(serving, "serve", lambda app, listener: served.append(app))
    monkeypatch.setenv("MINE", "a-token-of-my-own")
    command = ["view", "--store", str(path), "--port", "0"]
    assert main([*command, "--host", "0.0.0.0"]) == 0
    assert re.search(r":\d+/\?token=\S{43}\n", capsys.readouterr().out)
    assert main([*command, "--token-env", "MINE"]) == 0
    assert "token" not in capsys.readouterr().out
    for app in served:
        assert TestClient(app, base_url="http://localhost").get("/").status_code == 401


def test_a_missing_package_is_one_line(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the extra the command says what to install."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "preceptor.web.serving")
    assert main(["view", "--store", str(path)]) == 2
    assert "pip install 'starlette" in capsys.readouterr().err


# In a browser


@pytest.fixture(scope="module")
def address(path: Path) -> Iterator[str]:
    """A server of its own, in a thread."""
    listener = listen("127.0.0.1", 0)
    config = uvicorn.Config(
        application(Workspace(str(path))), log_config=None, log_level="critical", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    yield url_of(listener)
    server.should_exit = True
    thread.join()


def test_browser_goes_through_answers(chromium: Any, address: str) -> None:
    """Filters, keys, links and the back button work without a new page, complaint or other host."""
    page = chromium.new_page(viewport={"width": 1400, "height": 900})
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: request.url.startswith(address) or wrong.append(request.url))
    page.goto(f"{address}{FIRST[1:]}&order=given")
    page.evaluate("window.same = true")
    page.locator("#list a").nth(1).click()
    page.wait_for_selector("#detail >> text=answer 1 of")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#detail >> text=answer 2 of")
    assert page.evaluate("document.activeElement.id") == "detail"
    assert "open=0-2-0" in page.url
    page.fill('#filters [name="text"]', "number 11")
    page.wait_for_selector("text=11 of 120 answers")
    assert "text=number+11" in page.url
    assert page.evaluate("window.same")
    page.go_back()
    page.wait_for_selector("#detail >> text=answer 2 of")
    assert page.input_value('#filters [name="text"]') == ""
    assert not wrong
    page.set_viewport_size({"width": 390, "height": 900})
    for url in (FIRST, f"{FIRST}&open=0-3-0", *PAGES[-5:]):
        page.goto(address + url[1:])
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), url
    page.close()


def test_browser_needs_no_script(chromium: Any, address: str) -> None:
    """With scripts off, filters, pages and answers work as forms and links."""
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    page.check('[name="run"][value="second"]')
    page.click("text=Open their answers")
    page.select_option('[name="order"]', "given")
    page.fill('#filters [name="criterion"]', "red flag")
    page.click("#filters button")
    page.click("text=Next page")
    page.locator("#list a").nth(1).click()
    assert "answer 51 of second" in page.inner_text("#detail")
    page.click("#detail >> text=Previous")
    assert "answer 50 of second" in page.inner_text("#detail")
    context.close()
