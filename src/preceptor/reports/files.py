"""Reading texts, and writing files whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from preceptor.errors import InputError

__all__ = ["read_text", "whole_file", "write_text"]

#: Characters of a text for the top of a page.
_MOST = 20_000


def read_text(path: Path) -> str:
    """A text for the top of a page, in UTF-8.

    Raises InputError where the file cannot be read, is in another encoding, empty or too long.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 at byte {error.start}: expected a text in UTF-8"
        ) from None
    if not text.strip() or len(text) > _MOST:
        found = f"{len(text):,} characters" if text.strip() else "none"
        raise InputError(f"{path}: expected a text of 1 to {_MOST:,} characters, found {found}")
    return text


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
