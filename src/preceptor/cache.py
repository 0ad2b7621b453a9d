"""The directory of fetched files, shared by all stores of a user."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["DEFAULT_STORE", "alone", "cache_dir", "publish", "workshop"]

#: The store, in the current folder, unless another is named.
DEFAULT_STORE = "preceptor.db"


def cache_dir() -> Path:
    """The directory of fetched files; the first write creates it.

    ``PRECEPTOR_CACHE`` if it is set and not empty (``~`` is expanded), else the platform's folder
    for user caches.
    """
    chosen = os.environ.get("PRECEPTOR_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("preceptor"))


@contextlib.contextmanager
def alone(target: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Let one process at a time make this file; ``waiting`` is called if another one does.

    The system frees the lock of a process that dies; its unfinished work is removed. The directory
    must exist; a file ``….lock`` stays in it. Raises :class:`OSError`.
    """
    import filelock

    lock = filelock.FileLock(target.with_name(f"{target.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        waiting()
        lock.acquire()
    try:
        for leftover in target.parent.glob(f".{target.name}-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def workshop(target: Path) -> Iterator[Path]:
    """A directory for unfinished work beside the target, on its disk; always removed."""
    path = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def publish(file: Path, target: Path) -> None:
    """Move a finished file to its name, atomically, so that it survives a power cut."""
    with file.open("rb+") as handle:
        os.fsync(handle.fileno())
    file.replace(target)
    if os.name == "posix":
        directory = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
