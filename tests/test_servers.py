"""One address at two servers: each is asked itself, whatever the store has from the other."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import preceptor
from preceptor.engine.keys import former_key, response_key
from preceptor.errors import InputError
from preceptor.graders import OWN, resolve_grader
from preceptor.graders.base import Case
from preceptor.graders.model import ModelGrader
from preceptor.records import Criterion, Message
from preceptor.systems import Ask, Parameters, resolve
from preceptor.systems.servers import from_environment, server_of
from preceptor.testing import FakeEndpoint

pytestmark = pytest.mark.usefixtures("bare")

PROVIDERS = {
    "openai/gpt-4.1": "OPENAI_BASE_URL",
    "anthropic/claude-haiku-4-5": "ANTHROPIC_BASE_URL",
    "google/gemini-3-flash": "GOOGLE_GEMINI_BASE_URL",
    "openrouter/some/model": "OPENROUTER_BASE_URL",
    "azure/mine": "AZURE_OPENAI_ENDPOINT",
}
ASK = Ask((Message("user", "What now?"),))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "work.db"


def at(fake: FakeEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """The providers' addresses lead to this endpoint."""
    for name, value in fake.environment().items():
        monkeypatch.setenv(name, value)


def run(path: Path, system: str, **options: Any) -> preceptor.Run:
    options = {"grader": system, "limit": 4, "grader_template": "preceptor", **options}
    return preceptor.run("starter", system=system, store=path, **options)


@pytest.mark.parametrize("address", PROVIDERS)
def test_second_server_is_asked_itself(
    path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers and verdicts of one server never stand as another's; its own are found."""
    with FakeEndpoint() as one, FakeEndpoint() as two:
        at(one, monkeypatch)
        run(path, address)
        asked = one.calls.total()
        at(two, monkeypatch)
        second = run(path, address)
        assert two.calls.total() == asked > 4
        at(one, monkeypatch)
        run(path, address)
        assert one.calls.total() == asked
    assert not [note for note in second.score()["notes"] if "server" in note]


def test_own_server_has_the_keys_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key names a server only where that is not the provider's own, in whatever spelling."""
    for name, value in {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}.items():
        monkeypatch.setenv(name, value)
    for address, own in (
        ("openai/gpt-4.1", "HTTPS://API.OpenAI.com:443/v1/"),
        ("anthropic/claude-haiku-4-5", "https://api.anthropic.com/"),
    ):
        monkeypatch.delenv(PROVIDERS[address], raising=False)
        plain = resolve(address)
        monkeypatch.setenv(PROVIDERS[address], own)
        assert resolve(address).identity() == plain.identity()
        assert former_key(plain, ASK, "run") is None
        monkeypatch.setenv(PROVIDERS[address], "http://10.0.0.7:8000")
        other = resolve(address)
        assert other.identity() == {**plain.identity(), "server": "http://10.0.0.7:8000"}
        assert former_key(other, ASK, "run") == response_key(plain, ASK, "run")


@pytest.mark.parametrize(
    ("address", "answer", "verdict"),
    [
        ("openai/gpt-4.1", "69c78ff963772d82", "8a92fc886c2bf85e"),
        ("anthropic/claude-haiku-4-5", "434ab7ebb6cb7855", "0ce85dabaeba5a4e"),
        ("google/gemini-3-flash", "c9fc572db06dea04", "9bf7474b3405ff94"),
        ("http://h:1/v1#m", "003e8b15a46ea675", "d7ee296288622b2e"),
    ],
)
def test_stores_of_before_are_reused(
    address: str, answer: str, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keys of answers and verdicts of a provider's own server are those of version 0.1."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.setenv(name, "k")
    grader, criterion = resolve_grader(address, Parameters(), OWN), Criterion("t", 1)
    assert isinstance(grader, ModelGrader)
    question = grader.question(Case(ASK.messages, {0: criterion}, "run"), criterion)
    assert response_key(resolve(address), ASK, "run").startswith(answer)
    assert question.key.startswith(verdict)
    assert question.former is None


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("http://Host:80/v1", "http://host"),
        (" https://host/v1/ ", "https://host"),
        ("https://host:443", "https://host"),
        ("https://host:80/a//v1//", "https://host:80/a"),
        ("http://[::1]:8000/v1", "http://[::1]:8000"),
        ("http://host/Path", "http://host/Path"),
    ],
)
def test_one_server_has_one_spelling(url: str, server: str) -> None:
    """Case of the host, default port, slashes and /v1 make no other server."""
    assert server_of(url, "X_BASE_URL") == server


@pytest.mark.parametrize(
    "url",
    [
        "http://me:hidden@host/v1",
        "https://host/v1?key=hidden",
        "host/v1#hidden",
        "hidden",
        "ftp://h",
    ],
)
@pytest.mark.parametrize("address", PROVIDERS)
def test_url_with_a_secret_is_refused(
    url: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the variable and shows nothing of its value."""
    with FakeEndpoint() as fake:
        at(fake, monkeypatch)
    monkeypatch.setenv(PROVIDERS[address], url)
    with pytest.raises(InputError, match=PROVIDERS[address]) as raised:
        resolve(address)
    assert "hidden" not in str(raised.value)


def test_what_was_kept_before_is_found_and_said(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys without a server are looked up for another server too, where no run says whose."""
    with FakeEndpoint() as one:
        at(one, monkeypatch)
        with monkeypatch.context() as before:
            before.setattr(sys.modules["preceptor.systems.hosted"], "elsewhere", lambda *_: None)
            run(path, "openai/gpt-4.1", name="old")
        asked = one.calls.total()
        with closing(sqlite3.connect(path)) as store, store:
            store.execute("UPDATE runs SET settings = json_remove(settings, '$.servers')")
        again = run(path, "openai/gpt-4.1", watch=(seen := []).append)
        assert one.calls.total() == asked
    note = (
        "Some answers or verdicts of openai/gpt-4.1 were stored before keys named the server: they "
        f"may come from another server than {one.url.removesuffix('/v1')}."
    )
    assert [text for text in again.score()["notes"] if "server" in text] == [note]
    assert list(seen[-1].warnings) == [note]


def test_run_resumed_at_another_server_says_so(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rest is asked at the new server, and a note names both servers."""
    from preceptor.cli.app import main

    with FakeEndpoint() as one, FakeEndpoint() as two:
        at(one, monkeypatch)
        run(path, "openai/gpt-4.1", name="mine", max_total_tokens=300)
        at(two, monkeypatch)
        code = main(["resume", "mine", f"--store={path}", "--max-total-tokens=9000000", "--json"])
        assert two.calls.total() > 0
    out, err = capsys.readouterr()
    assert code == 0
    [note] = [text for text in json.loads(out)["notes"] if "resumed" in text]
    assert [server.url.removesuffix("/v1") in note for server in (one, two)] == [True, True]
    assert f"warning: {note}" in err.splitlines()


def test_inspects_servers_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that Inspect's providers read count; those of others, and their own, do not."""
    monkeypatch.setenv("TOGETHER_BASE_URL", "http://a/v1")
    monkeypatch.setenv("AZUREAI_OPENAI_BASE_URL", "http://b/")
    assert from_environment(("together",), None) == "http://a"
    assert from_environment(("openai", "azure"), None) == "http://b"
    assert from_environment(("groq",), None) is None
    monkeypatch.setenv("GROQ_BASE_URL", "https://api.groq.com/")
    assert from_environment(("groq",), "https://api.groq.com") is None
    monkeypatch.setenv("INSPECT_EVAL_MODEL_BASE_URL", "http://c")
    assert from_environment(("groq",), None) == "http://c https://api.groq.com"
    monkeypatch.setenv("GROQ_BASE_URL", "https://key@host")
    with pytest.raises(InputError, match="GROQ_BASE_URL"):
        from_environment(("groq",), None)


def test_inspect_model_names_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key has the server, and is unchanged without one."""
    pytest.importorskip("inspect_ai")
    plain = resolve("inspect/mockllm/model")
    monkeypatch.setenv("MOCKLLM_BASE_URL", "http://10.0.0.7:8000/v1")
    other = resolve("inspect/mockllm/model")
    assert plain.identity() == {"model": "inspect/mockllm/model"}
    assert other.identity() == {**plain.identity(), "server": "http://10.0.0.7:8000"}
