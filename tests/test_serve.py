"""Rewards over HTTP: who is let in, what is bounded, how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import re
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import children
import preceptor
import preceptor.rewards.server
from children import Child
from preceptor import cli
from preceptor.rewards.server import Limits, application
from preceptor.testing import FakeEndpoint
from test_endpoint import serving

pytestmark = pytest.mark.usefixtures("bare")

TOKEN = "a-token-of-some-length"
KEY = {"Authorization": f"Bearer {TOKEN}"}
SECRET = "the patient's secret text"
TASK = {
    "messages": [{"role": "user", "content": f"What about {SECRET}?"}],
    "criteria": [{"text": f"Says {SECRET}.", "points": 5}, {"text": "Is rude.", "points": -3}],
}
Client = TestClient[Any, Any]


@contextlib.asynccontextmanager
async def served(
    address: str, store: Path, limits: Limits | None = None, **options: Any
) -> AsyncIterator[tuple[Client, list[str]]]:
    """A client of a server within this process, and the lines that it logs."""
    lines: list[str] = []
    rewarder = preceptor.Rewarder(grader=address, store=store, benchmark="starter", **options)
    async with (
        rewarder,
        TestClient(
            TestServer(application(rewarder, TOKEN, limits or Limits(), lines.append))
        ) as client,
    ):
        yield client, lines


async def ask(client: Client, path: str = "/v1/reward", **body: Any) -> tuple[int, Any]:
    async with client.post(path, json=body, headers=KEY) as reply:
        assert reply.content_type == "application/json"
        return reply.status, await reply.json()


# What it answers


async def test_rewards_are_those_of_the_library(fake: FakeEndpoint, tmp_path: Path) -> None:
    """The same example and answers earn the same over HTTP; NaN becomes null with its reason."""
    async with served(fake.address("judge"), tmp_path / "a.db") as (client, _):
        status, body = await ask(client, example=TASK, responses=["a", None, "b"])
    assert status == 200
    options: dict[str, Any] = {"benchmark": "starter", "store": tmp_path / "b.db"}
    one, _, two = preceptor.reward(TASK, ["a", None, "b"], grader=fake.address("judge"), **options)
    assert body["rewards"] == [one, None, two]
    assert [each["reason"] for each in body["details"]] == [None, "no_answer", None]


async def test_an_example_of_the_benchmark_goes_by_its_id(
    fake: FakeEndpoint, tmp_path: Path
) -> None:
    """`id` names an example of the benchmark that is served; another is not found."""
    async with served(fake.address("judge"), tmp_path / "a.db") as (client, _):
        async with client.get("/v1/benchmarks", headers=KEY) as reply:
            listed = await reply.json()
        assert [each["name"] for each in listed["benchmarks"] if each["served"]] == ["starter"]
        example = (
            preceptor.Rewarder(grader=fake.address("judge"), benchmark="starter")
            .benchmark.load()
            .examples[3]
        )
        status, body = await ask(client, id=example.id, responses=["a"])
        assert (status, len(body["rewards"])) == (200, 1)
        status, body = await ask(client, id="nope", responses=["a"])
    assert (status, body["error"]["kind"]) == (404, "not_found")


async def test_verdicts_come_with_grade(tmp_path: Path) -> None:
    """/v1/grade has a verdict for each criterion; a failed one is null with its reason."""
    with FakeEndpoint(script=["prose"] * 4) as fake:
        options: dict[str, Any] = {"grader_params": ["concurrency=1"]}
        async with served(fake.address("judge"), tmp_path / "a.db", **options) as (client, _):
            status, body = await ask(client, "/v1/grade", example=TASK, responses=["a"])
    assert status == 200
    first, second = body["graded"][0]["verdicts"]
    assert (first["met"], first["reason"]) == (None, "unparseable")
    assert isinstance(second["met"], bool)
    assert body["graded"][0]["earned"]["reward"] is None
    assert body["graded"][0]["earned"]["reason"] == "unparseable"


async def test_the_description_is_of_what_is_served(fake: FakeEndpoint, tmp_path: Path) -> None:
    """/openapi.json names every path, and a reply has exactly the keys of its schema."""
    async with served(fake.address("judge"), tmp_path / "a.db") as (client, _):
        async with client.get("/openapi.json", headers=KEY) as reply:
            api = await reply.json()
        routes = {r.resource.canonical for r in client.app.router.routes() if r.resource}
        _, body = await ask(client, example=TASK, responses=["a"])
    assert set(api["paths"]) | {"/openapi.json"} == routes
    schemas = api["components"]["schemas"]
    assert set(body) == set(schemas["RewardReply"]["properties"])
    assert set(body["details"][0]) == set(schemas["Earned"]["properties"])
    assert set(TASK) <= set(schemas["InlineExample"]["properties"])


# Who is let in


@pytest.mark.parametrize(
    "header", [None, "", "Bearer ", "Bearer wrong", TOKEN, f"bearer{TOKEN}", f"Bearer {TOKEN}x"]
)
async def test_nobody_is_let_in_without_the_token(
    header: str | None, fake: FakeEndpoint, tmp_path: Path
) -> None:
    """Every path but /health answers 401 to a wrong token, before it reads a body."""
    given = {} if header is None else {"Authorization": header}
    async with served(fake.address("judge"), tmp_path / "a.db") as (client, _):
        for method, path in (
            ("POST", "/v1/reward"),
            ("POST", "/v1/grade"),
            ("GET", "/v1/benchmarks"),
            ("GET", "/openapi.json"),
            ("GET", "/nope"),
        ):
            async with client.request(method, path, headers=given, data=b"{") as reply:
                assert reply.status == 401
                assert reply.headers["WWW-Authenticate"] == "Bearer"
                assert (await reply.json())["error"]["kind"] == "unauthorized"
        async with client.get("/health", headers=given) as reply:
            assert (await reply.json())["status"] == "ok"
    assert fake.calls.total() == 0


# What is bounded


async def test_requests_under_way_are_bounded(tmp_path: Path) -> None:
    """Beyond the limit a request gets 429 with Retry-After; the others are answered."""
    with FakeEndpoint(latency=0.4) as fake:
        async with served(fake.address("judge"), tmp_path / "a.db", Limits(requests=2)) as (
            client,
            _,
        ):
            first = [
                asyncio.create_task(ask(client, example=TASK, responses=[f"{i}"])) for i in range(2)
            ]
            while len(fake.calls) < 4:
                await asyncio.sleep(0.01)
            async with client.post(
                "/v1/reward", json={"example": TASK, "responses": ["x"]}, headers=KEY
            ) as reply:
                assert reply.status == 429
                assert int(reply.headers["Retry-After"]) >= 1
                assert (await reply.json())["error"]["kind"] == "busy"
            assert [status for status, _ in await asyncio.gather(*first)] == [200, 200]
            status, _ = await ask(client, example=TASK, responses=["x"])
            assert status == 200


async def test_bodies_and_responses_are_bounded(fake: FakeEndpoint, tmp_path: Path) -> None:
    """A body too long, too many responses, a compressed body: each is turned away unread."""
    limits = Limits(body_bytes=2000, responses=3)
    async with served(fake.address("judge"), tmp_path / "a.db", limits) as (client, _):
        status, body = await ask(client, example=TASK, responses=["x" * 3000])
        assert (status, body["error"]["kind"]) == (413, "too_large")
        status, body = await ask(client, example=TASK, responses=["x"] * 4)
        assert (status, body["error"]["message"]) == (
            400,
            "responses: expected at most 3, found 4; send several requests",
        )
        few = Limits(prompt_characters=2 * 500)
        async with served(fake.address("judge"), tmp_path / "b.db", few) as (other, _):
            status, body = await ask(other, example=TASK, responses=["a", "x" * 500])
            assert (status, body["error"]["kind"]) == (413, "too_large")
            assert "characters of criteria × conversation, found 2 × 53" in body["error"]["message"]
        bomb = gzip.compress(b" " * 10_000_000)[:1900]
        async with client.post(
            "/v1/reward", data=bomb, headers={**KEY, "Content-Encoding": "gzip"}
        ) as reply:
            assert reply.status == 415
    assert fake.calls.total() == 0


async def test_a_request_that_takes_too_long_can_be_asked_again(tmp_path: Path) -> None:
    """504 at the time limit; the grading goes on, so that asking again costs no further call."""
    with FakeEndpoint(latency=0.4) as fake:
        async with served(fake.address("judge"), tmp_path / "a.db", Limits(timeout_s=0.1)) as (
            client,
            _,
        ):
            status, body = await ask(client, example=TASK, responses=["a"])
            assert (status, body["error"]["kind"]) == (504, "timeout")
            while status != 200:
                status, body = await ask(client, example=TASK, responses=["a"])
    assert fake.calls.total() == 2


# What goes wrong


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "body: input data was truncated"),
        (b'{"responses": NaN}', "body: expected `array`, got `null`"),
        (b"[" * 100_000, "body: "),
        (b'{"responses": ["a"]}', "expected either `id` or `example`"),
        (b'{"responses": [], "id": "x"}', "length >= 1"),
        (
            b'{"responses": [1], "id": "x"}',
            "expected `str | null`, got `int` - at `$.responses[0]`",
        ),
        (b'{"responses": ["a"], "id": "x", "colour": 1}', "unknown field `colour`"),
        (b'{"responses": ["\xff"], "id": "x"}', "body: "),
        (
            b'{"responses": ["a"], "example": {"messages": [{"role": "user", "content": "x"}],'
            b' "criteria": [{"text": "x", "points": 11}]}}',
            "<= 10",
        ),
        (
            b'{"responses": ["a"], "example": {"messages": [{"role": "user", "content": "x"}],'
            b' "criteria": [{"text": "x", "points": -1}]}}',
            "one of them above 0",
        ),
    ],
)
async def test_a_wrong_body_is_named(
    body: bytes, words: str, fake: FakeEndpoint, tmp_path: Path
) -> None:
    """400 with one line that says where and what; nothing was asked."""
    async with (
        served(fake.address("judge"), tmp_path / "a.db") as (client, _),
        client.post("/v1/reward", data=body, headers=KEY) as reply,
    ):
        assert reply.status == 400
        said = (await reply.json())["error"]
    assert said["kind"] == "bad_request"
    assert words in said["message"]
    assert fake.calls.total() == 0


async def test_half_a_character_is_no_wrong_body(fake: FakeEndpoint, tmp_path: Path) -> None:
    """A trainer that cuts answers at tokens sends one now and then; it is read as U+FFFD."""
    body = json.dumps({"example": TASK, "responses": ["Rest. \ud83d"]})
    async with (
        served(fake.address("judge"), tmp_path / "a.db") as (client, _),
        client.post("/v1/reward", data=body, headers=KEY) as reply,
    ):
        assert reply.status == 200
    assert "Rest. \ufffd" in fake.log[0].payload["messages"][-1]["content"]


async def test_unknown_paths_and_methods_have_the_same_shape(
    fake: FakeEndpoint, tmp_path: Path
) -> None:
    """404 and 405 are JSON as every error; 405 says what is allowed."""
    async with served(fake.address("judge"), tmp_path / "a.db") as (client, lines):
        async with client.get("/\x1b[31m", headers=KEY) as reply:
            assert (reply.status, (await reply.json())["error"]["kind"]) == (404, "not_found")
        async with client.get("/v1/reward", headers=KEY) as reply:
            assert (reply.status, (await reply.json())["error"]["kind"]) == (405, "method")
            assert reply.headers["Allow"] == "POST"
    assert [line.rpartition(" 4")[0] for line in lines] == [
        "GET (no such path)",
        "GET (no such path)",
    ]


async def test_a_cap_and_a_refusal_have_their_own_status(tmp_path: Path) -> None:
    """402 when the cap is reached, 502 when the grader refuses every call."""
    with FakeEndpoint() as fake:
        options: dict[str, Any] = {"max_total_tokens": 1}
        async with served(fake.address("judge"), tmp_path / "a.db", **options) as (client, lines):
            await ask(client, example=TASK, responses=["a"])
            status, body = await ask(client, example=TASK, responses=["b"])
    assert (status, body["error"]["kind"]) == (402, "budget")
    assert "resume" not in body["error"]["message"]
    assert any("the cap of 1 tokens is reached" in line for line in lines)
    with FakeEndpoint(api_key="right") as fake:
        async with served(fake.address("judge"), tmp_path / "b.db") as (client, lines):
            status, body = await ask(client, example=TASK, responses=["a"])
    assert (status, body["error"]["kind"]) == (502, "grader_refused")
    assert any("401" in line for line in lines)


async def test_a_refusal_that_quotes_the_request_is_not_logged(tmp_path: Path) -> None:
    """Address and status are logged; what the endpoint says is not, for it may repeat a prompt."""

    async def refuse(request: web.Request) -> web.Response:
        return web.json_response({"error": {"message": await request.text()}}, status=404)

    async with (
        serving(refuse) as url,
        served(f"{url}#judge", tmp_path / "a.db") as (client, lines),
    ):
        await ask(client, example=TASK, responses=[SECRET])
    assert lines[0] == f"the grader refuses every call: {url}: HTTP 404"


async def test_an_error_of_ours_is_one_line_without_text(
    fake: FakeEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unforeseen error is 500 for the client and its class for the log, and quotes nothing."""

    async def broken(*_: object) -> None:
        raise RuntimeError(SECRET)

    async with served(fake.address("judge"), tmp_path / "a.db") as (client, lines):
        monkeypatch.setattr(preceptor.Rewarder, "agrade", broken)
        status, body = await ask(client, example=TASK, responses=["a"])
    assert (status, body["error"]["kind"]) == (500, "internal")
    assert lines[0] == "internal error: RuntimeError"
    assert SECRET not in "".join(lines) + str(body)


async def test_no_text_and_no_token_is_logged(fake: FakeEndpoint, tmp_path: Path) -> None:
    """A line for each request: method, path, status, seconds."""
    async with served(fake.address("judge"), tmp_path / "a.db") as (client, lines):
        await ask(client, example=TASK, responses=[SECRET, SECRET])
        await ask(client, example=TASK, responses=[SECRET, 3])
        async with client.get(f"/v1/benchmarks?q={SECRET}", headers=KEY) as reply:
            assert reply.status == 200
    assert lines[0].startswith("POST /v1/reward 200 ")
    assert lines[1].startswith("POST /v1/reward 400 ")
    assert lines[2].startswith("GET /v1/benchmarks 200 ")
    assert SECRET not in "".join(lines)
    assert TOKEN not in "".join(lines)


# The command


class Served:
    """``preceptor serve`` in a process of its own."""

    def __init__(self, *options: str, **environment: str) -> None:
        self.process = Child(
            *("serve", "--port", "0", *options), environment={**os.environ, **environment}
        )
        self.lines: list[str] = []
        self.url = self.wait("listening on ").rpartition(" ")[2]

    def wait(self, beginning: str) -> str:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))
            if line.startswith(beginning):
                return self.lines[-1]
        raise AssertionError(self.lines)

    def end(self) -> int:
        assert self.process.stderr is not None
        self.lines += self.process.stderr.read().splitlines()
        self.process.close()
        return self.process.wait()


@pytest.fixture
def at(tmp_path: Path) -> tuple[str, str]:
    return "--store", str(tmp_path / "serve.db")


async def test_the_command_serves_and_finishes_what_is_under_way(at: tuple[str, str]) -> None:
    """A token is made and printed once; SIGTERM lets the request under way have its answer."""
    with FakeEndpoint(latency=0.5) as fake:
        server = Served("--grader", fake.address("judge"), "--benchmark", "starter", *at)
        token = next(line for line in server.lines if line.startswith("token: ")).split()[1]
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            body = {"example": TASK, "responses": ["a"]}
            asked = asyncio.create_task(session.post(f"{server.url}/v1/reward", json=body))
            while not fake.calls:
                await asyncio.sleep(0.01)
            server.process.send_signal(signal.SIGTERM)
            server.wait("finishing the requests under way")
            reply = await asked
            assert reply.status == 200
            assert len((await reply.json())["rewards"]) == 1
    assert server.end() == 0
    assert sum(token in line for line in server.lines) == 1


async def test_a_second_signal_drops_what_is_under_way(at: tuple[str, str]) -> None:
    """SIGINT twice ends the server at once, with exit code 130."""
    with FakeEndpoint(latency=30) as fake:
        server = Served("--grader", fake.address("judge"), "--token-env", "TOK", *at, TOK=TOKEN)
        assert not any(TOKEN in line for line in server.lines)
        async with aiohttp.ClientSession(headers=KEY) as session:
            body = {"example": TASK, "responses": ["a"]}
            asked = asyncio.create_task(session.post(f"{server.url}/v1/reward", json=body))
            while not fake.calls:
                await asyncio.sleep(0.01)
            server.process.send_signal(signal.SIGINT)
            server.wait("finishing the requests under way")
            server.process.send_signal(signal.SIGINT)
            assert server.end() == 130
            with pytest.raises(aiohttp.ClientError):
                await asked


def test_it_listens_on_this_machine_alone(fake: FakeEndpoint, at: tuple[str, str]) -> None:
    """Without --host, the address is 127.0.0.1."""
    server = Served("--grader", fake.address("judge"), *at)
    server.process.terminate()
    assert server.url.startswith("http://127.0.0.1:")
    assert server.end() == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--token-env", "NO_SUCH"], "expected a token of 16 characters or more"),
        (["--token-env", "SHORT"], "found 5"),
        (["--max-requests", "0"], "--max-requests: expected a whole number from 1"),
        (["--timeout", "0"], "--timeout: expected a number above 0"),
        (["--port", "70000"], "--port: expected 0 to 65535"),
        (["--benchmark", "helthbench"], "did you mean healthbench?"),
    ],
)
def test_wrong_options_are_one_line(
    options: list[str],
    words: str,
    at: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit code 2, and nothing is opened."""
    monkeypatch.setenv("SHORT", "abcde")
    assert cli.main(["serve", "--grader", "http://127.0.0.1:9/v1#m", *at, *options]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("error: ")
    assert words in said
    assert "abcde" not in said
    assert not Path(at[1]).exists()


def test_a_port_in_use_is_one_line(
    fake: FakeEndpoint, at: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It says which, and exits with 2."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert cli.main(["serve", "--grader", fake.address("m"), "--port", port, *at]) == 2
    assert f"--port {port}: " in capsys.readouterr().err


def test_the_reply_is_decoded_by_its_own_types() -> None:
    """What the server sends is what its types say, to the last key."""
    from preceptor.rewards.wire import RewardReply, reward_reply

    encoded = msgspec.json.encode(reward_reply([]))
    assert msgspec.json.decode(encoded, type=RewardReply) == RewardReply([], [])


# The page


def blocks_of(language: str) -> list[str]:
    page = (Path(__file__).parent.parent / "docs" / "serve.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


async def test_the_exchange_of_the_page_is_real(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request that docs/serve.md shows gets the reply that it shows, from a sound judge."""
    judge = """\
def judge(messages):
    text = messages[-1]["content"]
    return '{"criteria_met": %s}' % str("[-" not in text).lower()
"""
    (tmp_path / "serve_judge.py").write_text(judge, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    asked, expected = (json.loads(block) for block in blocks_of("json"))
    async with served("python:serve_judge:judge", tmp_path / "a.db") as (client, _):
        status, body = await ask(client, **asked)
    assert (status, body) == (200, expected)


def test_the_program_of_the_page_works(fake: FakeEndpoint, at: tuple[str, str]) -> None:
    """The client in docs/serve.md talks to the command as it stands there, but for the port."""
    (program,) = blocks_of("python")
    options = ["--benchmark", "starter", "--token-env", "TOK"]
    server = Served("--grader", fake.address("judge"), *options, *at, TOK=TOKEN)
    done = children.run(
        code=program.replace("http://127.0.0.1:8710", server.url),
        environment={**os.environ, "PRECEPTOR_TOKEN": TOKEN},
    )
    server.process.terminate()
    assert server.end() == 0
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) == 2


def test_the_page_names_every_kind_of_error_and_limit() -> None:
    """The table of docs/serve.md has each status and kind that the source gives."""
    source = (Path(preceptor.rewards.server.__file__)).read_text("utf-8")
    page = (Path(__file__).parent.parent / "docs" / "serve.md").read_text("utf-8")
    kinds = set(re.findall(r"_Refusal\(\s*(\d{3}), \"(\w+)\"", source))
    kinds |= {(s, k) for s, k in re.findall(r", (\d{3}), \"(\w+)\"\)", source)}
    assert len(kinds) > 8
    for status, kind in kinds:
        row = next(line for line in page.splitlines() if line.startswith(f"| {status} "))
        assert f"`{kind}`" in row, (status, kind)
    limits = Limits()
    assert f"| {limits.body_bytes // 2**20} MiB" in page.replace("than ", "| ")
    for number in (limits.requests, limits.responses, f"{limits.timeout_s:g}"):
        assert str(number) in page
