"""Getting a benchmark's data from its public home."""

from __future__ import annotations

import os
import shutil
import urllib.parse
import urllib.request
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Source
from preceptor.errors import Unavailable, shorten
from preceptor.files import file_sha256

__all__ = ["fetch_data"]

#: No benchmark of texts is larger; a host that sends more is not the one that was meant.
_MOST_BYTES = 2**31


def fetch_data(benchmark: Benchmark) -> Path:
    """Download the pinned files, verify their SHA-256, and put them where ``load`` looks.

    What is there already and has the right hash is kept.

    Raises
    ------
    Unavailable
        No network, or another file than the pinned one; says which file to get and where to put it.
    """
    path = benchmark.path()
    if benchmark.rows is not None:
        raise Unavailable(f"{benchmark.name}: there is nothing to fetch: its rows are {path}")
    if benchmark.contained is None and not benchmark.sources:
        raise Unavailable(
            f"{benchmark.name}: no file of it is pinned: get it from {benchmark.url} and name it "
            f"with --data"
        )
    for source in benchmark.sources:
        one = path if len(benchmark.sources) == 1 else path / source.filename
        _fetch(benchmark.name, source, one)
    return path


def _fetch(name: str, source: Source, path: Path) -> None:
    if path.exists() and file_sha256(path) == source.sha256:
        return
    by_hand = f"get {source.page} by hand and put it at {path}, or name it with --data"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _download(source, unfinished)
        digest = file_sha256(unfinished)
        if digest == source.sha256:
            unfinished.replace(path)
            return
    except Exception as error:  # whatever the hub's client raises, the way out is the same
        said = str(error).splitlines()
        raise Unavailable(
            f"{name}: could not be downloaded ({type(error).__name__}: "
            f"{shorten(said[0] if said else '', 80)}): {by_hand}"
        ) from None
    finally:
        unfinished.unlink(missing_ok=True)
    raise Unavailable(
        f"{name}: the downloaded file has SHA-256 {digest[:12]}…, expected "
        f"{source.sha256[:12]}…: it is not the pinned release; nothing was kept"
    )


def _download(source: Source, path: Path) -> None:
    if source.host == "github":
        whole = f"{source.repo}/{source.revision}/{urllib.parse.quote(source.filename)}"
        address = f"https://raw.githubusercontent.com/{whole}"
        with urllib.request.urlopen(address, timeout=60) as reply, path.open("wb") as out:
            copied = 0
            while piece := reply.read(2**20):
                copied += len(piece)
                if copied > _MOST_BYTES:
                    raise ValueError(f"longer than {_MOST_BYTES:,} bytes")
                out.write(piece)
        return
    from huggingface_hub import hf_hub_download

    found = hf_hub_download(
        source.repo, source.filename, revision=source.revision, repo_type="dataset"
    )
    shutil.copyfile(found, path)
