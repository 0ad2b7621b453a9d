"""Systems that are the user's own code, and answers that exist already."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from preceptor import benchmarks
from preceptor.cli.app import main
from preceptor.engine.resolve import check_capabilities
from preceptor.errors import DataError, EndpointError, InputError, UnknownName
from preceptor.records import Example, Image, Message, PhysicianAnswer, Text, ToolCall, ToolResult
from preceptor.systems import Ask, Parameters, System, resolve, user_code
from preceptor.systems.steps import read_steps
from preceptor.testing import FakeEndpoint

pytestmark = pytest.mark.usefixtures("bare")

ASK = Ask((Message("user", "I fell. \u2014 痛い"),))
HANGING = threading.Event()

# Functions for `python:`


def length(messages: list[dict[str, str]]) -> str:
    return f"{len(messages)} {messages[-1]['role']} {messages[-1]['content']}"


async def slowly(messages: list[dict[str, str]]) -> str:
    await asyncio.sleep(0.01)
    return length(messages)


class Agent:
    async def __call__(self, messages: list[dict[str, str]]) -> str:
        return "from an object"


agent = Agent()
a_number = 3


def spoils(messages: list[dict[str, str]]) -> str:
    messages[0]["content"] = "spoiled"
    messages.clear()
    return "done"


def raises(_: object) -> str:
    raise KeyError("no\nkey")


def met(_: object) -> str:
    return json.dumps({"explanation": "", "criteria_met": True})


def stops(_: object) -> str:
    raise StopIteration


def exits(_: object) -> str:
    sys.exit(3)


def gives_none(_: object) -> None:
    return None


def hangs(_: object) -> str:
    HANGING.wait()
    return "too late"


async def hangs_too(_: object) -> str:
    await asyncio.sleep(3600)
    return ""


def python(name: str, **values: object) -> System:
    return resolve(f"python:test_user_code:{name}", Parameters(**values))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["length", "slowly"])
async def test_function_gets_messages_and_gives_text(name: str) -> None:
    """Plain or async, with the conversation as role and content; it costs nothing."""
    completion = await python(name).answer(ASK)
    assert completion.text == "1 user I fell. \u2014 痛い"
    assert completion.cost_usd == 0


async def test_callable_object_with_an_async_call() -> None:
    assert (await python("agent").answer(ASK)).text == "from an object"


async def test_function_cannot_spoil_the_conversation() -> None:
    await python("spoils").answer(ASK)
    assert ASK.messages[0].content.startswith("I fell.")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("raises", "raised KeyError"),
        ("stops", "StopIteration"),
        ("exits", "SystemExit"),
        ("gives_none", "expected a str, got None"),
    ],
)
async def test_function_that_fails(name: str, words: str) -> None:
    """Whatever user code does is the failure of that call, in one line."""
    system = python(name)
    with pytest.raises(EndpointError) as caught:
        await system.answer(ASK)
    assert caught.value.kind == "system_failed"
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert system.failures == {"system_failed": 1}


async def test_many_hanging_functions_stop_nothing_else() -> None:
    """A thread cannot be stopped; but it takes no thread from the rest of the program."""
    system = python("hangs", timeout=0.02, concurrency=60)
    try:
        for found in await asyncio.gather(
            *(system.answer(ASK) for _ in range(60)), return_exceptions=True
        ):
            assert isinstance(found, EndpointError)
            assert "no answer within 0.02 s" in str(found)
        async with asyncio.timeout(30):
            assert await asyncio.to_thread(lambda: "free") == "free"
    finally:
        HANGING.set()
    while any(t.name == "preceptor-function" for t in threading.enumerate()):
        await asyncio.sleep(0.01)


async def test_hanging_coroutine_is_given_up() -> None:
    with pytest.raises(EndpointError, match=r"no answer within 0\.02 s"):
        await python("hangs_too", timeout=0.02).answer(ASK)


@pytest.mark.parametrize(
    ("address", "error", "words"),
    [
        ("python:", InputError, "expected python:package.module:function"),
        ("python:test_user_code", InputError, "expected python:package.module:function"),
        ("python:no_such_module:f", UnknownName, "is its folder the current one"),
        ("python:test_user_code:no_such", UnknownName, "has no no_such"),
        ("python:test_user_code:a_number", InputError, "expected a function, found 3"),
        ("python:broken_one:f", InputError, "importing it raised SyntaxError"),
        ("python:broken_two:f", InputError, "importing it raised AttributeError"),
        ("python:broken_three:f", InputError, "importing it raised ZeroDivisionError"),
    ],
)
def test_function_that_cannot_be_found(
    address: str,
    error: type[Exception],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An address that names nothing, or a module that does not import, is the user's to mend."""
    (tmp_path / "broken_one.py").write_text("def f(:\n")
    (tmp_path / "broken_two.py").write_text("import os\nos.gone()\n")
    (tmp_path / "broken_three.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(error, match=words):
        resolve(address)


def test_function_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_agent_here.py").write_text("def answer(messages):\n    return 'x'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    assert resolve("python:my_agent_here:answer").identity()


# Commands


def script(folder: Path, source: str) -> str:
    path = folder / "agent.py"
    path.write_text(textwrap.dedent(source))
    return f"command:{sys.executable} {path}"


async def test_command_gets_json_and_prints_the_answer(tmp_path: Path) -> None:
    address = script(
        tmp_path,
        """
        import json, sys
        question = json.loads(sys.stdin.buffer.read())
        text = f"{question['messages'][-1]['content']} {sys.argv[1:]}\\n\\n"
        sys.stdout.buffer.write(text.encode())
        """,
    )
    completion = await resolve(f"{address} --style 'very brief'").answer(ASK)
    assert completion.text == "I fell. \u2014 痛い ['--style', 'very brief']"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("raise SystemExit(3)", "exit status 3: no message"),
        ("import sys; sys.exit('out of\\nmemory')", "exit status 1: memory"),
        ("import os; os.kill(os.getpid(), 9)", "exit status -9"),
    ],
)
async def test_command_that_fails(source: str, words: str, tmp_path: Path) -> None:
    """The last line of its complaints says why."""
    system = resolve(script(tmp_path, source))
    with pytest.raises(EndpointError, match=words) as caught:
        await system.answer(ASK)
    assert caught.value.kind == "system_failed"


async def test_command_need_not_read_its_input(tmp_path: Path) -> None:
    """More text than a pipe holds, for a command that does not look at it."""
    long = Ask((Message("user", "x" * 1_000_000),))
    system = resolve(script(tmp_path, "import os; os.close(0); print('fine')"))
    assert (await system.answer(long)).text == "fine"


async def test_command_that_says_much_on_both_streams(tmp_path: Path) -> None:
    system = resolve(
        script(
            tmp_path,
            """
            import sys
            for _ in range(300):
                print("e" * 1000, file=sys.stderr)
                print("o" * 1000)
            """,
        )
    )
    assert len((await system.answer(ASK)).text) == 300 * 1001 - 1


async def test_output_without_end_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read no further than the bound, and the command ended."""
    monkeypatch.setattr(user_code, "MAX_BODY_BYTES", 2**18)
    source = f"""
        import os, pathlib
        pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(os.getpid()))
        while True:
            print("y" * 1000)
        """
    with pytest.raises(EndpointError, match="printed more than 262,144 bytes"):
        await resolve(script(tmp_path, source)).answer(ASK)
    await gone(int((tmp_path / "pid").read_text()))


async def test_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    """Even where it has gone itself and only a child still holds its output open."""
    source = f"""
        import pathlib, subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(child.pid))
        """
    with pytest.raises(EndpointError, match="no answer within 2 s"):
        await resolve(script(tmp_path, source), Parameters(timeout=2.0)).answer(ASK)
    await gone(int((tmp_path / "pid").read_text()))


async def test_cancelled_command_is_ended(tmp_path: Path) -> None:
    """A second Ctrl-C drops calls under way: nothing of theirs may go on."""
    source = f"""
        import os, pathlib, time
        path = pathlib.Path({str(tmp_path / "pid")!r})
        path.with_suffix(".new").write_text(str(os.getpid()))
        path.with_suffix(".new").rename(path)
        time.sleep(600)
        """
    task = asyncio.ensure_future(resolve(script(tmp_path, source)).answer(ASK))
    while not (tmp_path / "pid").exists():
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(int((tmp_path / "pid").read_text()))


async def gone(pid: int) -> None:
    """Wait until a process is no more, or only its exit status is."""
    async with asyncio.timeout(30):
        while _alive(pid):
            await asyncio.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"


async def test_file_that_is_no_program(tmp_path: Path) -> None:
    """Something executable that the system cannot run is the failure of a call, not a crash."""
    path = tmp_path / "agent"
    path.write_bytes(b"\x7fNOT")
    path.chmod(0o755)
    with pytest.raises(EndpointError, match="cannot be started"):
        await resolve(f"command:{path}").answer(ASK)


@pytest.mark.parametrize("address", ["command:", "command:no-such-program-here", "command:'open"])
def test_command_that_cannot_be_found(address: str) -> None:
    with pytest.raises(InputError):
        resolve(address)


async def test_commands_run_at_most_so_many_at_once(tmp_path: Path) -> None:
    source = f"""
        import os, pathlib, time
        folder = pathlib.Path({str(tmp_path)!r})
        mine = folder / f"{{os.getpid()}}.run"
        mine.touch()
        time.sleep(0.1)
        print(len(list(folder.glob("*.run"))))
        mine.unlink()
        """
    system = resolve(script(tmp_path, source), Parameters(concurrency=2))
    answers = await asyncio.gather(*(system.answer(ASK) for _ in range(6)))
    assert max(int(answer.text) for answer in answers) <= 2


# Recorded answers


def example(identifier: str = "a", physician: PhysicianAnswer | None = None) -> Example:
    return Example(identifier, ASK.messages, (), physician=physician)


def recorded(folder: Path, *rows: object) -> str:
    path = folder / "answers.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return f"replay:{path}"


async def test_replay_gives_each_repeat_its_line(tmp_path: Path) -> None:
    """Under any of the usual names; messages as simple-evals writes them; an empty text is one."""
    system = resolve(
        recorded(
            tmp_path,
            {"id": "a", "response": "one"},
            {"prompt_id": "a", "completion": [{"role": "assistant", "content": "two"}]},
            {"example_id": "b", "answer": ""},
        )
    )
    texts = [
        (await system.answer(Ask(ASK.messages, example(name), repeat))).text
        for name, repeat in (("a", 0), ("a", 1), ("b", 0))
    ]
    assert texts == ["one", "two", ""]
    with pytest.raises(EndpointError, match="has 2 answers to a") as caught:
        await system.answer(Ask(ASK.messages, example(), 2))
    assert caught.value.kind == "no_answer"


def test_replay_is_known_by_its_content(tmp_path: Path) -> None:
    """A changed file is another system; the same file elsewhere is not."""
    one = resolve(recorded(tmp_path, {"id": "a", "response": "x"})).identity()
    (tmp_path / "copy").mkdir()
    assert resolve(recorded(tmp_path / "copy", {"id": "a", "response": "x"})).identity() == one
    assert resolve(recorded(tmp_path, {"id": "a", "response": "y"})).identity() != one


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"response": "x"}], r"answers\.jsonl:1: id: expected one of"),
        ([{"id": "a", "response": "x"}, {"id": "a"}], r"answers\.jsonl:2: response: expected"),
        ([{"id": 3.5, "response": "x"}], r"answers\.jsonl:1: id: expected a text or a whole"),
    ],
)
def test_replay_says_which_line_is_wrong(rows: list[object], words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        resolve(recorded(tmp_path, *rows))


def test_replay_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="empty"):
        resolve(recorded(tmp_path))
    with pytest.raises(InputError):
        resolve(f"replay:{tmp_path / 'none.jsonl'}")


async def test_physicians_answer_by_group_and_reference() -> None:
    written = PhysicianAnswer("Rest.", "Group 2", ("model one", "model two"))
    one, none = example(physician=written), example()
    assert (await resolve("physician").answer(Ask(ASK.messages, one))).text == "Rest."
    covered = {
        address: [resolve(address).covers(each) for each in (one, none)]
        for address in ("physician", "physician:2", "physician:1", "physician:2:references")
    }
    assert covered == {
        "physician": [1, 0],
        "physician:2": [1, 0],
        "physician:1": [0, 0],
        "physician:2:references": [2, 0],
    }
    references = resolve("physician:references")
    assert (await references.answer(Ask(ASK.messages, one, 1))).text == "model two"


@pytest.mark.parametrize("address", ["physician:4", "physician:", "physician:1:2"])
def test_physicians_that_there_are_not(address: str) -> None:
    with pytest.raises(InputError, match="expected physician"):
        resolve(address)


@pytest.mark.parametrize("address", ["", "gpt-5", "replay:", "ftp://h/v1#m", "openai", "local"])
def test_address_of_no_known_form(address: str) -> None:
    """The message lists the forms that there are."""
    with pytest.raises(UnknownName, match=r"expected one of openai/MODEL"):
        resolve(address)


STEPS = [
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "7"},
    {"role": "assistant", "content": "It is 7."},
]


def steps(_: object) -> object:
    return STEPS


def test_a_function_may_return_its_steps() -> None:
    """The last message is the answer; all are its transcript, tool calls included."""
    system = resolve(f"python:{__name__}:steps", Parameters())
    completion = asyncio.run(system.answer(ASK))
    assert completion.text == "It is 7."
    call, result, last = (turn.message for turn in completion.turns)
    assert call.parts == (ToolCall("c1", "look"),)
    assert result.parts == (ToolResult("c1", "look", "7"),)
    assert last == Message("assistant", "It is 7.")


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ([], "expected messages, found none"),
        ([{"role": "assistant"}, {"role": "user", "content": "x"}], "assistant's message last"),
        ([{"role": "nurse", "content": "x"}], "message 0: expected an object whose role is"),
        (["x"], "message 0: expected an object whose role is"),
    ],
)
def test_steps_that_are_none_are_refused(returned: list[object], words: str) -> None:
    """One line says what was expected."""
    with pytest.raises(ValueError, match=words):
        read_steps(returned)


def test_a_program_may_print_its_steps(tmp_path: Path) -> None:
    """As an object that has messages and nothing else; any other JSON is an answer as it stands."""
    for printed, text, steps in (
        ({"messages": STEPS}, "It is 7.", 3),
        ({"messages": STEPS, "x": 1}, None, 0),
        ({"answer": 1}, None, 0),
    ):
        path = tmp_path / "said.json"
        path.write_text(json.dumps(printed))
        system = resolve(f"command:cat {path}", Parameters())
        completion = asyncio.run(system.answer(ASK))
        assert completion.text == (path.read_text() if text is None else text)
        assert len(completion.turns) == steps


class WordsAlone(System):
    address = "words"


def test_images_need_a_system_that_takes_them() -> None:
    """A run that cannot work says so before the first call."""
    picture = Message("user", (Text("What is this?"), Image.of(b"made up", "image/png")))
    examples = [Example("a", (picture,), ()), Example("b", (Message("user", "x"),), ())]
    benchmark = benchmarks.get("starter")
    check_capabilities(benchmark, resolve("physician", Parameters()), examples)
    words = "takes no images, which 1 of 2 examples of starter need"
    with pytest.raises(InputError, match=words):
        check_capabilities(benchmark, WordsAlone(), examples)


def test_a_run_says_what_went_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the kind of a failure stand the words of one, so that nobody has to look for them."""
    words = ["run", "starter", "--limit=2", "--system=physician", f"--store={tmp_path / 's.db'}"]
    assert main([*words, "--grader=python:test_user_code:raises"]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "for example, system_failed: python:test_user_code:raises: " in said
    assert "raised KeyError" in said
    assert "go on with: preceptor resume" in said


def test_resuming_is_not_said_to_help_where_requests_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a server refuses as it is would be refused again, until the server is another."""
    refusals = [None, *["bad_request"] * 2]
    with FakeEndpoint(script=refusals) as fake:
        system = fake.address("model-a")
        words = ["run", "starter", "--limit=3", f"--store={tmp_path / 's.db'}"]
        parameters = ["-p", "concurrency=1", "--grader=python:test_user_code:met"]
        assert main([*words, f"--system={system}", *parameters]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "the server refused" in said
    assert "have it take them, then go on with: preceptor resume" in said
