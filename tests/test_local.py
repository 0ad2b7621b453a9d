"""Local models: a server process that starts, answers like any endpoint, and never outlives us."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import math
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from preceptor import installation
from preceptor.errors import EndpointError, InputError, Unavailable, UnknownName
from preceptor.records import Completion, Message
from preceptor.systems.base import Ask, Parameters, System
from preceptor.systems.local import weights
from preceptor.systems.local.model import LocalModel

SMALL = "smollm2-135m"
LOGPROBS = {"logprobs": True, "top_logprobs": 20}
#: Starts the small model, says the server's process id, and waits to be killed.
PARENT = f"""
import asyncio, signal

# A shell that starts the tests in the background takes this signal away from them.
signal.signal(signal.SIGINT, signal.default_int_handler)
from preceptor.systems.base import Parameters
from preceptor.systems.local.model import LocalModel

async def main():
    model = LocalModel("local/{SMALL}", Parameters())
    await model.open()
    print(model._server._process.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""

needs_llama = pytest.mark.skipif(
    importlib.util.find_spec("xllamacpp") is None,
    reason="needs xllamacpp: pip install 'preceptor[local]'",
)


@pytest.fixture(scope="session")
def small() -> str:
    """The smallest model's address, with its weights in the user's cache (100 MB)."""
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("needs xllamacpp: pip install 'preceptor[local]'")
    if weights.find(SMALL) is None:
        try:
            weights.fetch(SMALL)
        except Unavailable as error:
            pytest.skip(f"the weights of the smallest model cannot be had: {error}")
    return f"local/{SMALL}"


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy between us and this machine."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@asynccontextmanager
async def opened(address: str, **parameters: object) -> AsyncIterator[LocalModel]:
    model = LocalModel(address, Parameters(**parameters))  # type: ignore[arg-type]
    await model.open()
    try:
        yield model
    finally:
        await model.close()


def asking(text: str) -> Ask:
    return Ask((Message("user", text),))


def process_id(model: LocalModel) -> int:
    assert model._server is not None
    return model._server._process.pid


def lives(process: int) -> bool:
    """Whether a process runs; one that has ended but is not yet collected does not."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    try:
        return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that has to happen; fail where it has not after a long time."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.05)


def test_it_is_a_system() -> None:
    model = LocalModel(f"local/{SMALL}", Parameters())
    assert isinstance(model, System)
    assert model.concurrency == 1
    assert LocalModel(f"local/{SMALL}", Parameters(concurrency=3)).concurrency == 3


async def test_its_answer_comes_in_pieces(small: str) -> None:
    """Joined they are the text of the completion, which is that of an answer in one piece."""
    async with opened(small, temperature=0, max_tokens=24) as model:
        *pieces, streamed = [each async for each in model.stream(asking("Name three fruits."))]
        whole = await model.answer(asking("Name three fruits."))
    assert isinstance(streamed, Completion)
    assert len(pieces) > 1
    assert "".join(map(str, pieces)) == streamed.text == whole.text
    assert streamed.usage.output_tokens == whole.usage.output_tokens > 0
    assert streamed.cost_usd == 0.0


def test_its_identity_is_the_weights_and_what_changes_answers(tmp_path: Path) -> None:
    known = LocalModel(f"local/{SMALL}", Parameters(temperature=0.0, concurrency=4, timeout=9))
    assert known.identity() == {
        "local": weights.MODELS[SMALL].sha256,
        "parameters": {"temperature": 0.0},
    }
    path = tmp_path / "own.gguf"
    path.write_bytes(b"GGUF and so on")
    own = LocalModel(f"local:{path}", Parameters())
    assert own.identity() == {
        "local": hashlib.sha256(b"GGUF and so on").hexdigest(),
        "parameters": {},
    }


def test_addresses_that_name_nothing() -> None:
    with pytest.raises(UnknownName, match=SMALL):
        LocalModel("local/gpt-17", Parameters())
    with pytest.raises(InputError, match="found no path"):
        LocalModel("local:", Parameters())


async def test_missing_package_says_how_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "find_spec", lambda _: None)
    with pytest.raises(Unavailable, match="needs xllamacpp: run uv pip install"):
        await LocalModel(f"local/{SMALL}", Parameters()).open()


@needs_llama
async def test_missing_weights_say_how_to_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRECEPTOR_CACHE", str(tmp_path))
    with pytest.raises(Unavailable, match=rf"98 MB.*preceptor fetch local/{SMALL}"):
        await LocalModel(f"local/{SMALL}", Parameters()).open()
    absent = LocalModel(f"local:{tmp_path}/absent.gguf", Parameters())
    with pytest.raises(Unavailable, match="found none there"):
        await absent.open()
    with pytest.raises(Unavailable, match="found none there"):
        absent.identity()


@needs_llama
async def test_a_file_that_is_no_model_is_refused_with_the_reason(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.gguf"
    path.write_text("this is not a model")
    model = LocalModel(f"local:{path}", Parameters())
    with pytest.raises(Unavailable, match="server ended") as caught:
        await model.open()
    first, *log = str(caught.value).splitlines()
    assert first == f"local:{path}: the model's server ended (exit code 1)"
    assert 0 < len(log) <= 20
    assert "magic" in str(log)
    assert capfd.readouterr() == ("", "")
    await model.close()


async def test_it_answers_at_no_cost_and_quietly(
    small: str, capfd: pytest.CaptureFixture[str]
) -> None:
    async with opened(small, temperature=0.0, max_tokens=12) as model:
        await model.open()  # a second time changes nothing
        completion = await model.answer(asking("Say hello."))
        again = await model.answer(asking("Say hello."))
        pid = process_id(model)
    assert completion.text
    assert completion.cost_usd == 0.0
    assert 0 < completion.usage.output_tokens <= 12
    assert again.text == completion.text
    assert completion.served_model == SMALL  # another name is noted beside the score
    assert not lives(pid)
    assert capfd.readouterr() == ("", "")


async def test_a_file_of_ones_own_answers_likewise(small: str) -> None:
    path = weights.find(SMALL)
    async with opened(f"local:{path}", max_tokens=3) as model:
        completion = await model.answer(asking("Hi"))
    assert completion.usage.output_tokens <= 3
    assert completion.served_model == Path(str(path)).stem


async def test_a_cached_beginning_does_not_change_the_chances(small: str) -> None:
    """The same question gets the same numbers whatever was asked before it."""
    story = "A patient has had a cough for three weeks. " * 8
    questions = [
        asking(f"{story}\nIs this statement true? {n} weeks. Yes or No?") for n in range(4)
    ]
    chances = {}
    for cached in (True, False):
        body = LOGPROBS | {"cache_prompt": cached}
        async with opened(small, temperature=0.0, max_tokens=1, extra_body=body) as model:
            replies = [await model.answer(question) for question in questions]
        chances[cached] = [reply.first_token for reply in replies]
        assert all(reply.usage.cached_tokens > 50 for reply in replies[1:]) == cached
    for one, other in zip(chances[True], chances[False], strict=True):
        assert one is not None
        assert one == pytest.approx(other, abs=1e-4)


async def test_grammar_and_the_chances_before_it(small: str) -> None:
    """What a grammar forbids is not said, but the chances are those of the free model."""
    body = LOGPROBS | {"grammar": 'root ::= "Yes" | "No"'}
    async with opened(small, temperature=0.0, max_tokens=1, extra_body=body) as model:
        completion = await model.answer(asking("Is the sky blue? Yes or No?"))
    assert completion.text in ("Yes", "No")
    assert completion.first_token is not None
    assert len(completion.first_token) == 20
    assert 0 < sum(math.exp(chance) for chance in completion.first_token.values()) <= 1.001


async def test_too_long_a_prompt_is_a_bad_request(small: str) -> None:
    async with opened(small, max_tokens=1) as model:
        await model.answer(asking("Hi"))
        with pytest.raises(EndpointError, match="exceeds the available context") as caught:
            await model.answer(asking("word " * 9000))
        assert caught.value.kind == "bad_request"
        await model.answer(asking("Hi"))


async def test_several_at_once_each_with_the_whole_context(small: str) -> None:
    async with opened(small, concurrency=2, max_tokens=2) as model, aiohttp.ClientSession() as http:
        completions = await asyncio.gather(
            *(model.answer(asking(text)) for text in ("A", "B", "C"))
        )
        assert model._chat is not None
        assert model._server is not None
        async with http.get(
            model._chat.endpoint.base_url.replace("/v1", "/slots"),
            headers={"Authorization": f"Bearer {model._server.key}"},
        ) as response:
            slots = await response.json()
    assert all(completion.usage.output_tokens for completion in completions)
    assert [slot["n_ctx"] for slot in slots] == [weights.MODELS[SMALL].context] * 2


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
async def test_a_server_that_dies_is_a_failure_of_the_system(small: str) -> None:
    async with opened(small, extra_body={"ignore_eos": True}, max_tokens=5000) as model:
        answers = [asyncio.create_task(model.answer(asking(text))) for text in ("One", "Two")]
        await asyncio.sleep(0.5)
        os.kill(process_id(model), signal.SIGKILL)
        for answer in [*answers, model.answer(asking("Three"))]:
            with pytest.raises(EndpointError, match="signal 9") as caught:
                await answer
            assert caught.value.kind == "system_failed"


async def test_an_answer_that_is_given_up_does_not_block_the_next(small: str) -> None:
    async with opened(small, max_tokens=5000, extra_body={"ignore_eos": True}) as model:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(model.answer(asking("Talk.")), 0.3)
        model._chat.parameters = Parameters(max_tokens=1)  # type: ignore[union-attr]
        assert (await model.answer(asking("Hi"))).usage.output_tokens == 1


async def test_only_who_has_the_key_is_answered(small: str) -> None:
    """Another user of the machine, or a page in a browser, might find the port."""
    async with opened(small) as model, aiohttp.ClientSession() as session:
        url = f"{model._chat.endpoint.base_url}/chat/completions"  # type: ignore[union-attr]
        question = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
        async with session.post(url, json=question) as response:
            assert response.status == 401


@pytest.mark.skipif(os.name != "posix", reason="kills as POSIX does")
@pytest.mark.parametrize("sign", ["SIGKILL", "SIGTERM", "SIGINT"])
async def test_the_server_ends_with_its_parent_however_that_ends(small: str, sign: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
    assert lives(child)
    parent.send_signal(getattr(signal, sign))
    parent.wait()
    await until(lambda: not lives(child))


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
async def test_the_server_ends_when_its_input_does(small: str) -> None:
    """Where there is no signal for a dead parent, the end of its input has to do."""
    script = Path(weights.__file__).with_name("llama_server.py")
    path = weights.find(SMALL)
    server = subprocess.Popen(
        [sys.executable, str(script), str(path), "--alias=local/x"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    with server.stdout:
        server.stdin.write("a key\n")
        server.stdin.flush()
        assert 0 < int(server.stdout.readline()) < 65536
        server.stdin.close()
        await until(lambda: server.poll() is not None)
    assert server.returncode == 0
