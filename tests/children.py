"""Processes of their own that start at once: forks of one that has Preceptor imported.

A fresh interpreter spends more on its imports than most of what the tests want of it. What runs is
the program's own ``main``, or a script as of ``python -c``, with arguments, environment, folder,
signals and exit of its own; that fresh interpreters can do the same, `test_cli` says.

Started as a program, this is the process that forks.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import relay

__all__ = ["Child", "commands", "run"]

_LONGEST = 1 << 17


class Child:
    """A process, as `subprocess.Popen` with texts and pipes has them.

    Parameters
    ----------
    words
        Of the command line; with ``code``, the script's own arguments.
    code
        A script to run in the place of the command line.
    alone
        In a session of its own.
    quiet
        What it prints goes nowhere.
    environment
        In the place of this process's.
    """

    def __init__(
        self,
        *words: str | Path,
        code: str | None = None,
        alone: bool = False,
        quiet: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        ours, theirs = [], []
        for name, mode in (("stdin", "w"), ("stdout", "r"), ("stderr", "r")):
            if quiet:
                theirs.append(os.open(os.devnull, os.O_RDWR))
                continue
            read, write = os.pipe()
            theirs.append(read if name == "stdin" else write)
            ours.append(open(write if name == "stdin" else read, mode))  # noqa: SIM115
        self.stdin, self.stdout, self.stderr = ours or (None, None, None)
        self.returncode: int | None = None
        request = {
            "words": list(map(str, words)),
            "code": code,
            "alone": alone,
            "environment": dict(os.environ if environment is None else environment),
            "folder": os.getcwd(),
        }
        self._line = relay.ask(_place(), request, theirs)
        for each in theirs:
            os.close(each)
        self.pid = int(self._line.recv(64))

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        if self._ended(timeout) is None:
            raise subprocess.TimeoutExpired("child", timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """All that it says to its end."""
        assert self.stdin is not None
        self.stdin.close()
        said = ["", ""]

        def read(place: int, source: Any) -> None:
            said[place] = source.read()

        readers = [
            threading.Thread(target=read, args=each, daemon=True)
            for each in enumerate((self.stdout, self.stderr))
        ]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader in readers:
            reader.join(timeout)
        self.close()
        return said[0], said[1]

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        for each in (self.stdin, self.stdout, self.stderr):
            if each is not None:
                each.close()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self.wait()

    def __del__(self) -> None:
        self.close()
        self._line.close()

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            self._line.settimeout(timeout)
            try:
                self.returncode = int(self._line.recv(64))
            except (TimeoutError, BlockingIOError):
                return None
        return self.returncode


def run(
    *words: str | Path, timeout: float = 120, **options: Any
) -> subprocess.CompletedProcess[str]:
    """The command line to its end."""
    child = Child(*words, **options)
    try:
        out, err = child.communicate(timeout)
    finally:
        child.kill()
    return subprocess.CompletedProcess(words, child.wait(), out, err)


def commands(folder: Path) -> dict[str, str]:
    """Puts ``preceptor`` into a new folder for PATH; returns what a shell's environment needs."""
    folder.mkdir()
    program = folder / "preceptor"
    program.write_text(f"#!{sys.executable} -IS\n{Path(relay.__file__).read_text()}")
    program.chmod(0o755)
    return {relay.VARIABLE: _place()}


@functools.cache
def _place() -> str:
    """The address of the process that forks, which is started here and ends with this one."""
    folder = tempfile.mkdtemp(prefix="preceptor-children-")
    place = str(Path(folder, "line"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(place)
        listening.listen(64)
        server = subprocess.Popen(
            [sys.executable, __file__, str(listening.fileno())],
            stdin=subprocess.PIPE,
            pass_fds=[listening.fileno()],
            start_new_session=True,
        )

    def end() -> None:
        assert server.stdin is not None
        server.stdin.close()
        server.wait()
        Path(place).unlink()
        Path(folder).rmdir()

    atexit.register(end)
    return place


# The process that forks


def _serve(number: int) -> None:
    import gc
    import importlib
    import selectors

    from preceptor.engine.collector import rare_collections

    for name in (
        *("api", "cli.app", "engine.pipeline", "engine.workers.driver", "testing"),
        *("analysis.comparison", "analysis.leaderboard", "analysis.reliability"),
        *("reports.comparison", "reports.leaderboard", "reports.score", "results.select"),
    ):
        importlib.import_module(f"preceptor.{name}")
    for name in (
        "aiohttp",
        "rich.progress",
        "rich.table",
        "scipy.special",
        "filelock",
        "platformdirs",
    ):
        importlib.import_module(name)
    _warm_up()
    gc.freeze()  # no fork goes through all of that once more
    with rare_collections:  # nor counts it
        pass
    listening = socket.socket(fileno=number)
    watched = selectors.DefaultSelector()
    watched.register(listening, selectors.EVENT_READ)
    watched.register(0, selectors.EVENT_READ)
    while True:
        ready = {key.fileobj for key, _ in watched.select()}
        if 0 in ready:  # who started us has gone
            return
        line, _ = listening.accept()
        said, files, _, _ = socket.recv_fds(line, _LONGEST, 3)
        request = json.loads(said) if said else None
        if request:
            _at_hand(request["words"])
        if request and not os.fork():
            watched.close()
            listening.close()
            _keep(line, request, files)
        line.close()
        for each in files:
            os.close(each)
        while _reaped():
            pass


def _warm_up() -> None:
    """What the first command imports on its way, with the prices of hosted systems."""
    from preceptor.cli.app import main
    from preceptor.systems.prices import listed_addresses

    assert listed_addresses()
    with contextlib.redirect_stderr(io.StringIO()):
        for words in (["runs", "--store", "none/none"], ["run", "none", "--system", "physician"]):
            assert main(words) != 0


def _at_hand(words: Sequence[str]) -> None:
    """What pages and sheets need takes longer to import than all else: only where they are made."""
    if any(word.endswith(".html") for word in words) or words[:1] in (["report"], ["figures"]):
        _pages_at_hand()
    if any(word.endswith(".xlsx") for word in words):
        _sheets_at_hand()
    if words[:1] == ["studio"]:
        _studio_at_hand()


@functools.cache
def _sheets_at_hand() -> None:
    with contextlib.suppress(ImportError):
        import openpyxl  # noqa: F401


@functools.cache
def _studio_at_hand() -> None:
    """What opening one imports."""
    from preceptor.cli.app import main

    with contextlib.redirect_stderr(io.StringIO()):
        assert main(["studio", "settings", "--db", "none/none"]) != 0


@functools.cache
def _pages_at_hand() -> None:
    from preceptor.reports import html, pictures  # noqa: F401
    from preceptor.reports.page import environment

    with contextlib.suppress(ImportError):
        import matplotlib.backends.backend_svg
        import matplotlib.figure  # noqa: F401
    templates = environment("preceptor.reports")
    for name in templates.list_templates():
        templates.get_template(name)


def _reaped() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def _keep(line: socket.socket, request: dict[str, Any], files: list[int]) -> None:
    """Fork once more, and say how that one ends, to whom it may no longer concern."""
    child = os.fork()
    if not child:
        line.close()
        _live(request, files)
    for each in (0, 1, 2, *files):
        os.close(each)
    try:
        line.send(str(child).encode())
        _, status = os.waitpid(child, 0)
        line.send(str(os.waitstatus_to_exitcode(status)).encode())
    finally:
        os._exit(0)


def _live(request: dict[str, Any], files: list[int]) -> None:
    import warnings

    if request["alone"]:
        os.setsid()
    for place, each in enumerate(files):
        os.dup2(each, place)
        os.close(each)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    kept: dict[str, Any] = {"encoding": "utf-8", "closefd": False}
    sys.stdin = open(0, **kept)  # noqa: SIM115
    sys.stdout = open(1, "w", **kept)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", **kept)  # noqa: SIM115
    if request["environment"].get("PYTHONWARNINGS") == "error":
        warnings.simplefilter("error")
    if request["code"] is not None:
        sys.argv = ["-c", *request["words"]]
        _end(lambda: exec(compile(request["code"], "<string>", "exec"), {"__name__": "__main__"}))
    from preceptor.cli.app import main

    sys.argv = ["preceptor", *request["words"]]
    _end(main)


def _end(program: Callable[[], int | None]) -> NoReturn:
    """Run it and end as an interpreter does, without freeing each object: half a fork's time."""
    try:
        status: Any = program()
    except SystemExit as end:
        status = end.code
    if status is not None and not isinstance(status, int):
        sys.exit(status)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # nobody reads: what that means is the interpreter's to say
        sys.exit(status)
    os._exit((status or 0) & 0xFF)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
