"""A model's code in bubblewrap: no network, no files of the host, limits; never on the host itself.

See `bwrap(1)`: every namespace is its own, the interpreter and its packages are read-only, and
what is written is in memory and gone afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

from preceptor.errors import Unavailable

__all__ = ["Ran", "check_sandbox", "run_python"]

_TOOL = "bwrap"
_SECONDS, _BYTES, _MEMORY, _DISK, _PROCESSES = 30.0, 100_000, 4 * 2**30, 64 * 2**20, 64
#: What an interpreter of the system needs beside /usr.
_SYSTEM = ("/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/alternatives")
_ENVIRON = {
    "HOME": "/tmp",  # noqa: S108 - within the sandbox, where it is its own
    "PATH": "/usr/bin:/bin",
    "PYTHONHASHSEED": "0",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}
#: Limits are set before the interpreter starts that reads the code: it cannot raise them.
_START = (
    "import os, resource as r, sys\n"
    f"for what, most in ((r.RLIMIT_AS, {_MEMORY}), (r.RLIMIT_FSIZE, {_DISK}), "
    f"(r.RLIMIT_CPU, {int(_SECONDS)}), (r.RLIMIT_NPROC, {_PROCESSES}), (r.RLIMIT_CORE, 0)):\n"
    "    r.setrlimit(what, (most, most))\n"
    "os.execv(sys.executable, [sys.executable, '-I', '-B', '-'])\n"
)


class Ran(msgspec.Struct, frozen=True):
    """What a program printed, errors included, and how it ended: None where it was stopped."""

    output: str
    code: int | None
    stopped: str | None = None


def check_sandbox(what: str) -> None:
    """Raise Unavailable where bubblewrap is not here, or a program in it does not start."""
    command = _command(_found(what))
    try:
        ran = subprocess.run(  # noqa: S603 - our own command
            command, input=b"", capture_output=True, env={}, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        why = f"no end after {_SECONDS:g} s"
    else:
        why = (ran.stderr or ran.stdout).decode("utf-8", "replace").strip().rpartition("\n")[2]
        if ran.returncode == 0:
            return
    raise Unavailable(
        f"{what}: needs a sandbox, and bubblewrap ({_TOOL}) cannot make one here: {why[:200]}; "
        f"code is never run without it"
    )


def _found(what: str) -> str:
    found = shutil.which(_TOOL)
    if found is None:
        raise Unavailable(
            f"{what}: needs bubblewrap ({_TOOL}), in which a model's code is run, and it is not "
            f"here: install the package bubblewrap (Linux); code is never run without it"
        )
    return found


def _roots() -> list[str]:
    """Folders of the interpreter and its packages, outside /usr."""
    folders = dict.fromkeys(str(Path(each).resolve()) for each in (sys.base_prefix, sys.prefix))
    return [each for each in folders if each not in ("/", "/usr") and not each.startswith("/usr/")]


def _command(tool: str) -> list[str]:
    command = [tool, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    command += ["--clearenv"]
    for name, value in _ENVIRON.items():
        command += ["--setenv", name, value]
    command += ["--ro-bind", "/usr", "/usr"]
    for each in _SYSTEM:
        command += ["--ro-bind-try", each, each]
    command += ["--proc", "/proc", "--dev", "/dev"]
    command += ["--size", str(_DISK), "--tmpfs", "/tmp"]  # noqa: S108
    for each in _roots():
        command += ["--ro-bind", each, each]
    return [*command, "--chdir", "/tmp", sys.executable, "-I", "-B", "-c", _START]  # noqa: S108


async def run_python(code: str) -> Ran:
    """Run a program in a sandbox of its own, within bounds of time and output.

    Raises Unavailable where there is no sandbox.
    """
    process = await asyncio.create_subprocess_exec(
        *_command(_found("a model's code")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    said, stopped = b"", None
    try:
        async with asyncio.timeout(_SECONDS):
            with contextlib.suppress(ConnectionError):
                process.stdin.write(code.encode("utf-8", "surrogatepass"))
                await process.stdin.drain()
            process.stdin.close()
            while part := await process.stdout.read(2**16):
                said += part
                if len(said) > _BYTES:
                    stopped = f"more than {_BYTES:,} bytes of output"
                    break
            if stopped is None:
                await process.wait()
    except TimeoutError:
        stopped = f"no end after {_SECONDS:g} s"
    finally:
        if process.returncode is None:
            process.kill()
            while await process.stdout.read(2**16):  # an end of output that nobody reads is no end
                pass
            await process.wait()
    text = said[:_BYTES].decode("utf-8", "replace")
    return Ran(text, None if stopped else process.returncode, stopped)
