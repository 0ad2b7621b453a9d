"""What docs/security.md promises: each of its notes names a test, here or elsewhere."""

from __future__ import annotations

import ast
import asyncio
import gzip
import json
import os
import pickle
import re
import stat
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

import children
import preceptor
from preceptor import benchmarks
from preceptor.cli.app import main
from preceptor.cli.output import printable
from preceptor.errors import DataError, EndpointError, EndpointRefused
from preceptor.files import MAX_LINE_BYTES, read_rows
from preceptor.graders import template
from preceptor.records import Message
from preceptor.reports.audit_page import render_audit
from preceptor.reports.pictures import Pictures
from preceptor.store import Store
from preceptor.systems import Ask, Parameters, resolve
from preceptor.systems.http_model import HttpModel
from preceptor.systems.local import weights
from preceptor.testing import FakeEndpoint, Fault
from test_audit_page import an_audit
from test_endpoint import serving
from test_report_html import Opened, browser  # noqa: F401  a fixture

pytestmark = pytest.mark.usefixtures("bare")

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says in /proc")
ROOT = Path(__file__).parent.parent
KEY = "sk-" + "0123456789abcdef" * 4
ASK = Ask((Message("user", "My ear hurts."),))
HOSTED = ("openai/gpt-4.1", "anthropic/claude-x", "google/gemini-x", "azure/mine", "openrouter/a/b")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "work.db"


def test_each_note_names_a_test_that_exists() -> None:
    """The page is a list of promises; a promise without a test is none."""
    page = (ROOT / "docs" / "security.md").read_text("utf-8")
    named = re.findall(r"`(test_\w+)\.py::(test_\w+)`", page)
    assert len(named) > 25
    for file, test in named:
        tree = ast.parse((ROOT / "tests" / f"{file}.py").read_text("utf-8"))
        names = {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert test in names, f"{file}.py::{test}"
    paragraphs = [part for part in page.split("\n\n") if part.startswith("**")]
    assert all("::test_" in part or "(no test" in part for part in paragraphs)


# Keys


@pytest.fixture
def hosted(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEndpoint]:
    """Every provider, each with a gateway that repeats the key in one reply of two."""
    with FakeEndpoint(api_key=KEY, faults=[Fault("echo_key")], rate=0.5, most_faults=99) as fake:
        for name, value in fake.environment().items():
            monkeypatch.setenv(name, value)
        yield fake


@pytest.mark.parametrize("address", HOSTED)
def test_key_is_nowhere(
    address: str, hosted: FakeEndpoint, path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not in the store, what is printed, a report, a page of figures or any export."""
    options = ("--system-param=retries=0", "--grader-param=retries=0", "--limit=6", "--name=mine")
    who = (f"--system={address}", f"--grader={address}", "--grader-template=preceptor")
    assert main(["run", "starter", *who, *options, f"--store={path}"]) == 1
    assert hosted.met["echo_key"] > 2
    at = f"--store={path}"
    for words in (
        ["show", "mine", at, "--json"],
        ["score", "mine", at, "--json"],
        ["score", "mine", at],
        ["runs", at],
        ["report", "mine", at, "-o", "report.html"],
        *(["export", "mine", at, "--format", f, "-o", f"mine.{f}"] for f in ("jsonl", "csv")),
    ):
        assert main(words) == 0, words
    said = "".join(capfd.readouterr())
    files = [file for file in path.parent.rglob("*") if file.is_file()]
    assert {"work.db", "report.html", "mine.jsonl", "mine.csv"} <= {file.name for file in files}
    assert KEY[:12] not in said
    for file in files:
        assert KEY[:12].encode() not in file.read_bytes(), file
    assert b"[key]" in path.read_bytes() + b"".join(f.read_bytes() for f in files)


@pytest.mark.parametrize("address", HOSTED)
async def test_key_is_in_no_traceback(address: str, hosted: FakeEndpoint) -> None:
    """Not even in one with the values of all local variables, as some tools print them."""
    model = resolve(address, Parameters(retries=0))
    assert isinstance(model, HttpModel)
    met: list[EndpointError] = []
    try:
        for number in range(8):
            try:
                await model.answer(Ask((Message("user", f"question {number}"),)))
            except EndpointError as error:
                met.append(error)
    finally:
        await model.close()
    assert met
    for caught in met:
        shown = traceback.TracebackException.from_exception(caught, capture_locals=True)
        assert KEY[:12] not in "".join(shown.format(chain=True))
        assert KEY[:12] not in f"{caught!r} {caught.args} {caught.__context__!r}"
    assert KEY[:12] not in f"{model!r} {model.endpoint!r} {model.identity()} {model.failures}"


async def test_key_that_no_header_can_hold_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key with a line break inside would be two headers: it is refused, without being said."""
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY[:30]}\r\nX-Other: {KEY[30:]}")
    model = resolve("openai/gpt-4.1", Parameters())
    with pytest.raises(EndpointRefused, match="line break") as caught:
        await model.answer(ASK)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert KEY[:12] not in "".join(shown.format())


def test_answer_that_repeats_the_key_is_kept_without_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An echo of the request's headers, as a debugging gateway's 200, does not reach the store."""

    async def serve(request: web.Request) -> web.Response:
        said = f"You sent {request.headers['Authorization']}"
        return web.json_response({"choices": [{"message": {"content": said}}]})

    async def ask() -> str:
        async with serving(serve) as url:
            model = resolve(f"{url}#m", Parameters(api_key_env="MY_KEY"))
            try:
                return (await model.answer(ASK)).text
            finally:
                await model.close()

    monkeypatch.setenv("MY_KEY", KEY)
    assert asyncio.run(ask()) == "You sent Bearer [key]"
    monkeypatch.setenv("MY_KEY", "EMPTY")  # what one gives to a server without keys
    assert asyncio.run(ask()) == "You sent Bearer EMPTY"


def slashed(key: str) -> str:
    """As PHP writes JSON."""
    return key.replace("/", r"\/")


def numbered(key: str) -> str:
    """Every letter as its number."""
    return "".join(rf"\u{ord(sign):04X}" if sign.isalnum() else sign for sign in key)


@pytest.mark.parametrize("split", [False, True])
def test_key_that_is_escaped_or_split_is_found_too(
    path: Path, monkeypatch: pytest.MonkeyPatch, split: bool
) -> None:
    """In an answer, in a verdict within it, and in the pieces of a stream."""
    key = "sk-proj/abcdefgh+0123456789/ABCDEFGH"

    async def serve(_: web.Request) -> web.Response:
        if not split:
            # The last is a verdict's: JSON within JSON.
            ways = (slashed(key), numbered(key), numbered(key).replace("\\", "\\\\"))
            said = '{"choices": [{"message": {"content": "KEYS"}}]}'.replace(
                "KEYS", "; ".join(ways)
            )
            return web.Response(text=said, content_type="application/json")
        pieces = [{"delta": {"content": part}} for part in (key[:9], key[9:])]
        events = [{"choices": [piece]} for piece in (*pieces, {"finish_reason": "stop"})]
        text = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
        return web.Response(text=f"{text}data: [DONE]\n\n", content_type="text/event-stream")

    async def ask() -> str:
        async with serving(serve) as url:
            model = resolve(f"{url}#m", Parameters(api_key_env="MY_KEY", stream=split))
            try:
                return (await model.answer(ASK)).text
            finally:
                await model.close()

    monkeypatch.setenv("MY_KEY", key)
    assert asyncio.run(ask()) == ("[key]" if split else "[key]; [key]; [key]")


@pytest.mark.parametrize("before", range(150, 200, 7))
def test_no_part_of_an_escaped_key_is_in_a_message(
    monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    """It is taken out before the words of a server are cut."""
    key = "sk-proj/abcdefgh+0123456789/ABCDEFGH"

    async def serve(_: web.Request) -> web.Response:
        words = f"{'x' * before} {slashed(key)}"
        text = '{"error": {"message": "WORDS"}}'.replace("WORDS", words)
        return web.Response(status=400, text=text, content_type="application/json")

    async def ask() -> str:
        async with serving(serve) as url:
            model = resolve(f"{url}#m", Parameters(api_key_env="MY_KEY", retries=0))
            try:
                with pytest.raises(EndpointError) as caught:
                    await model.answer(ASK)
                return str(caught.value)
            finally:
                await model.close()

    monkeypatch.setenv("MY_KEY", key)
    assert "sk-" not in asyncio.run(ask())


@LINUX
def test_key_is_in_no_command_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither ours nor that of a process that we start: `ps` shows those to everybody."""
    monkeypatch.setenv("MY_KEY", KEY)
    with FakeEndpoint(api_key=KEY, latency=0.05) as fake:
        seen: set[str] = set()

        def watch(_: object) -> None:
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    words = (process / "cmdline").read_bytes()
                except OSError:  # it has just ended
                    continue
                seen.add(words.decode("utf-8", "replace"))

        finished = preceptor.run(
            "starter",
            system=fake.address("m"),
            grader=fake.address("judge"),
            grader_template="preceptor",
            store=path,
            limit=8,
            processes=2,
            watch=watch,
            system_params=["api_key_env=MY_KEY"],
            grader_params=["api_key_env=MY_KEY"],
        )
    assert finished.result().coverage == 1
    assert any("preceptor" in words for words in seen)
    assert not any(KEY[:12] in words for words in seen)


@pytest.mark.parametrize(
    "words",
    [
        [f"--system=http://user:{KEY}@127.0.0.1:1/v1#m"],
        [f"--system=http://user:{KEY}@127.0.0.1:1/v1"],
        [f"--system=http://127.0.0.1:1/v1?key={KEY}#m"],
        ["--system=http://127.0.0.1:1/v1#m", f"--system-param=api_key={KEY}"],
    ],
)
def test_key_in_an_address_is_refused(
    words: list[str], capsys: pytest.CaptureFixture[str], path: Path
) -> None:
    """It would be stored with the run; the message does not repeat it."""
    assert main(["run", "starter", *words, "--grader", "openai/x"]) == 2
    assert KEY[:12] not in "".join(capsys.readouterr())
    assert not path.exists()


def test_plan_of_a_run_can_be_sent_without_a_key(path: Path, hosted: FakeEndpoint) -> None:
    """What is stored of a run, and sent to workers elsewhere, names variables only."""
    finished = preceptor.run(
        "starter",
        system=HOSTED[0],
        grader=HOSTED[0],
        grader_template="preceptor",
        store=path,
        limit=2,
        system_params=["retries=0"],
        grader_params=["retries=0"],
    )
    with Store(path) as store:
        info = store.run(finished.info.name)
    assert KEY.encode() not in pickle.dumps((info, finished.result()))


# A hostile endpoint

CLIENT = """
import asyncio, json, sys
from pathlib import Path
from preceptor.errors import EndpointError
from preceptor.graders import template
from preceptor.records import Message
from preceptor.systems import Ask, Parameters, resolve
from preceptor.systems.local import weights
import aiohttp

def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024

async def main():
    before = peak()
    model = resolve(sys.argv[1], Parameters(timeout=float(sys.argv[2]), retries=0))
    try:
        await model.answer(Ask((Message("user", "My ear hurts."),)))
        kind, words = None, ""
    except EndpointError as error:
        kind, words = error.kind, str(error)
    await model.close()
    print(json.dumps([kind, words, peak() - before, model.failures.total()]))

asyncio.run(main())
"""


@LINUX
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("trickle", "timeout"),
        ("endless", "too_large"),
        ("ten_gigabytes", "too_large"),
        ("huge_error", "bad_request"),
        ("bomb", "too_large"),
        ("nested", "malformed"),
        ("headers", "malformed"),
        ("long_header", "malformed"),
        ("interim", "timeout"),
        ("elsewhere", "refused"),
    ],
)
def test_hostile_endpoint_costs_one_bounded_failure(kind: str, expected: str) -> None:
    """Whatever it sends: one failed call, one line, in bounded time and less than 150 MB."""
    server = subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "hostile_server.py"), kind],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        url = f"http://127.0.0.1:{port}/v1#m"
        # What is too large is so on a busy machine too, however long it takes to unpack.
        patience = 2 if expected == "timeout" else 60
        done = children.run(url, str(patience), code=CLIENT, timeout=90)
    finally:
        server.kill()
        server.communicate()
    assert done.returncode == 0, done.stderr
    found, words, megabytes, attempts = json.loads(done.stdout)
    assert found == expected, words
    assert "\n" not in words
    assert len(words) < 400
    assert megabytes < 150
    assert attempts <= 1
    assert "Traceback" not in done.stderr


# Files of others


@LINUX
def test_compressed_bomb_is_read_in_pieces(tmp_path: Path) -> None:
    """A gigabyte of one line in a megabyte of gzip is given up at the bound of a line."""
    file = tmp_path / "bomb.jsonl.gz"
    with gzip.open(file, "wb", compresslevel=1) as stream:
        for _ in range(256):
            stream.write(b" " * 2**22)
    code = (
        "import sys; from pathlib import Path; from preceptor.files import read_rows\n"
        "try: print(sum(1 for _ in read_rows(Path(sys.argv[1]))))\n"
        "except ValueError as error: print(error)\n"
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True
    )
    words, kilobytes = done.stdout.strip().splitlines()
    assert f"a line longer than {MAX_LINE_BYTES:,} bytes" in words
    assert int(kilobytes) < 100_000


def test_nested_line_is_one_error(tmp_path: Path) -> None:
    file = tmp_path / "nested.jsonl"
    file.write_bytes(b"[" * 1_000_000 + b"\n")
    with pytest.raises(DataError, match=r"nested too deeply|expected a JSON object"):
        list(read_rows(file))


def test_no_code_can_come_with_data() -> None:
    """Nothing in the package unpickles, evaluates or runs a text."""
    forbidden = re.compile(
        r"\bpickle\b(?!=False)|\bmarshal\b|\bshelve\b|(?<![.\w])(eval|exec)\(|yaml\.load|allow_pickle=True"
        r"|shell=True|os\.system"
    )
    files = sorted((ROOT / "src").rglob("*.py"))
    assert len(files) > 150
    for file in files:
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            assert not forbidden.search(line), f"{file}:{number}: {line}"


def test_downloads_are_pinned() -> None:
    """Every file that can be fetched has its SHA-256, and its revision where there is one."""
    sources = [source for each in benchmarks.all_benchmarks() for source in each.sources]
    assert len(sources) >= 4
    for source in sources:
        assert re.fullmatch("[0-9a-f]{64}", source.sha256)
        assert re.fullmatch("[0-9a-f]{40}", source.revision)
    hashes = [each.sha256 for each in weights.MODELS.values()] + [template.REFERENCE_SHA256]
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in hashes)
    getters = re.compile(
        r"hf_hub_download\(|\bpip\b.*download|urlopen\(|requests\.get|urlretrieve\("
    )
    files = (ROOT / "src").rglob("*.py")
    found = {file.name for file in files if getters.search(file.read_text("utf-8"))}
    assert found == {"download.py", "weights.py", "template.py"}


# The workspace


def test_store_is_for_its_owner_alone(path: Path) -> None:
    """The file, its log and its index have mode 0600 while a run works on them, and after it."""
    modes: dict[str, set[int]] = {}

    def watch(_: object) -> None:
        for file in path.parent.iterdir():
            modes.setdefault(file.name, set()).add(stat.S_IMODE(file.stat().st_mode))

    before = os.umask(0o000)
    try:
        with FakeEndpoint(latency=0.05) as fake:
            preceptor.run(
                "starter",
                system=fake.address("m"),
                grader=fake.address("judge"),
                grader_template="preceptor",
                store=path,
                watch=watch,
            )
    finally:
        os.umask(before)
    assert {"work.db", "work.db-wal", "work.db-shm"} <= set(modes)
    assert modes["work.db"] == modes["work.db-wal"] == modes["work.db-shm"] == {0o600}


@pytest.mark.skipif(sys.platform == "win32", reason="file modes")
def test_exports_have_the_usual_permissions(path: Path) -> None:
    """They are made to be given away: the umask decides, and the store's mode does not."""
    with FakeEndpoint() as fake:
        finished = preceptor.run(
            "starter",
            system=fake.address("m"),
            grader=fake.address("judge"),
            grader_template="preceptor",
            store=path,
            limit=2,
        )
    before = os.umask(0o027)
    try:
        finished.export(path.with_name("answers.jsonl"))
        finished.report(path.with_name("report.html"))
    finally:
        os.umask(before)
    for name in ("answers.jsonl", "report.html"):
        assert stat.S_IMODE(path.with_name(name).stat().st_mode) == 0o640


EVIL_NAMES = (
    "../../evil",
    "/tmp/evil-absolute",
    "'; DROP TABLE runs; --",
    '" OR 1=1 --',
    "a%b_c\\",
    "-rf",
    "$(touch evil)",
    "<script>alert(1)</script>",
    "\x1b[31mred\x1b]0;title\x07\x9b2J",
)


@pytest.mark.parametrize("name", EVIL_NAMES)
def test_name_of_a_run_is_only_a_name(
    name: str,
    path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No path, no SQL, no command, no markup and no order to the terminal."""
    # Names in figures: `test_figures` and `test_report_html`.
    monkeypatch.setattr("preceptor.reports.html.pictures", lambda *_: Pictures([], ""))
    here = path.parent / "deeper" / "work"
    here.mkdir(parents=True)
    os.chdir(here)
    with FakeEndpoint() as fake:
        who: dict[str, Any] = {"system": fake.address("m"), "grader": fake.address("judge")}
        for each in (name, "other"):
            preceptor.run(
                "starter", grader_template="preceptor", name=each, limit=2, store=path, **who
            )
    at = f"--store={path}"
    assert [run.info.name for run in preceptor.runs(store=path)].count(name) == 1
    assert len(preceptor.runs(store=path)) == 2
    for words in (["score", at, "--", name], ["runs", at], ["show", at, "--", name]):
        assert main(words) == 0
    assert main(["export", at, "--", name]) == 0
    assert main(["report", at, "-o", "report.html", "--", name]) == 0
    out, err = capfd.readouterr()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", out.replace("\r", "") + err)
    assert len(list(here.iterdir())) == 2
    made = {file.name for file in path.parent.iterdir()} - {"work.db-wal", "work.db-shm"}
    assert made <= {"work.db", "deeper", "cache"}
    assert not Path("/tmp/evil-absolute.jsonl").exists()
    assert "<script>alert" not in (here / "report.html").read_text("utf-8")


def test_terminal_is_given_no_orders_by_a_model(
    path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """An answer full of escape sequences is shown, in tables and as JSON, without them."""
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202ebad"
    file = path.with_name("evil.jsonl")
    assert printable(f"a{evil}\nb\tc") == "a]0;owned[2J31mbad\nb\tc"
    ids = [example.id for example in benchmarks.get("starter").load(None).examples]
    file.write_text(json.dumps({"id": ids[0], "response": evil}))
    with FakeEndpoint() as fake:
        command = ["run", "starter", f"--system=replay:{file}", f"--grader={fake.address('j')}"]
        template = "--grader-template=preceptor"
        assert main([*command, template, f"--store={path}", "--name", evil]) == 1
    assert main(["show", evil, f"--store={path}", "--json"]) == 0
    out, err = capfd.readouterr()
    assert "owned" in out + err
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", out + err)


def test_own_code_is_said_to_be_unconfined(capsys: pytest.CaptureFixture[str]) -> None:
    """Where the forms of an address are listed, and in the docs."""
    assert main(["list", "systems"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for form in ("python:", "command:"):
        [line] = [each for each in lines if form in each]
        assert "your rights" in line
    assert "outside any sandbox" in (ROOT / "docs" / "security.md").read_text("utf-8")


# Pages


def test_every_template_escapes_and_has_a_policy() -> None:
    """What a model wrote cannot be markup on any page, and no page may run or load anything."""
    from preceptor.reports import page

    templates = sorted((ROOT / "src/preceptor").glob("*/templates/*.jinja"))
    assert templates
    for file in templates:
        text = file.read_text("utf-8")
        assert "autoescape false" not in text
        if "<html" in text:
            assert "head.html.jinja" in text or "Content-Security-Policy" in text, file
    for packages in (("preceptor.reports",), ("preceptor.view", "preceptor.reports")):
        made = page.environment(*packages).from_string("{{ text }}")
        assert made.render(text='<b>&"') == "&lt;b&gt;&amp;&#34;"


PAYLOADS = (
    "<script>window.pwned = 1</script>",
    "<img src=x onerror='window.pwned=1'>",
    '"><svg onload=window.pwned=1>',
    "</title></script><script>window.pwned=1</script>",
    "javascript:window.pwned=1//{{7*7}}${7*7}",
)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_browser_runs_nothing_of_an_audit(
    payload: str,
    browser: Any,  # noqa: F811
    tmp_path: Path,
) -> None:
    """A grader's name that is markup, in the page, its title and its figures."""
    text = render_audit(an_audit(rows=40, again=False, grader=payload))
    opened = Opened(browser, tmp_path / "audit.html", text, ready="#card")
    assert opened.page.evaluate("window.pwned") is None
    assert opened.page.locator("iframe, object, embed, link, a[href^='javascript']").count() == 0
    assert opened.complaints == []
