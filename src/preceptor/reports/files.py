"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from preceptor.errors import InputError

__all__ = ["whole_file", "write_text"]


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A binary file that appears at ``path`` when the block ends without an error.

    Raises InputError where the place cannot be written; then nothing is left behind.
    """
    if not path.name:
        raise InputError(f"{path}: cannot be written: expected the name of a file, found a folder")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "expected the name of a file, found a folder")
        try:
            with unfinished.open("wb") as stream:
                yield stream
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text; lone surrogates become question marks."""
    with whole_file(path) as stream:
        stream.write(text.encode("utf-8", "replace"))
    return path
