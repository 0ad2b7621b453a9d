"""Getting a benchmark's data from its public home."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from preceptor.benchmarks.base import Benchmark
from preceptor.errors import Unavailable, shorten
from preceptor.files import file_sha256

__all__ = ["fetch_data"]


def fetch_data(benchmark: Benchmark) -> Path:
    """Download the pinned file, verify its SHA-256, and put it where ``load`` looks.

    What is there already and has the right hash is kept.

    Raises
    ------
    Unavailable
        No network, or another file than the pinned one; says which file to get and where to put it.
    """
    path, source = benchmark.path(), benchmark.source
    if source is None or (path.exists() and file_sha256(path) == source.sha256):
        return path
    page = f"https://huggingface.co/datasets/{source.repo}/blob/{source.revision}/{source.filename}"
    by_hand = f"get {page} by hand and put it at {path}, or name it with --data"
    try:
        downloaded = _download(source.repo, source.revision, source.filename)
    except Exception as error:  # whatever the hub's client raises, the way out is the same
        raise Unavailable(
            f"{benchmark.name}: could not be downloaded ({type(error).__name__}: "
            f"{shorten(str(error).splitlines()[0] if str(error) else '', 80)}): {by_hand}"
        ) from None
    digest = file_sha256(downloaded)
    if digest != source.sha256:
        raise Unavailable(
            f"{benchmark.name}: the downloaded file has SHA-256 {digest[:12]}…, expected "
            f"{source.sha256[:12]}…: it is not the pinned release; nothing was kept"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    shutil.copyfile(downloaded, unfinished)
    unfinished.replace(path)
    return path


def _download(repo: str, revision: str, filename: str) -> Path:
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(repo, filename, revision=revision, repo_type="dataset"))
