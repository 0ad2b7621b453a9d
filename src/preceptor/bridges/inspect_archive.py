"""What is refused of a log of Inspect (``.eval``), a zip archive, before it is read."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

from preceptor.errors import InputError, PreceptorError, shorten

__all__ = ["check_archive"]

#: Of one part of a log, unpacked. An agent's transcript with its tools has some MB.
MAX_PART_BYTES = 256 * 2**20
#: Unpacked to packed bytes of one part. Text is packed to a twentieth at the best.
MAX_RATIO = 1000
MAX_PARTS = 1_000_000
_CHUNK = 2**20


def check_archive(path: Path) -> None:
    """Refuse what would fill the memory before any of it is unpacked, and what is damaged."""
    import inspect_ai.log  # noqa: F401  (teaches zipfile the compression of its logs)

    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS:
                raise InputError(
                    f"{path}: expected at most {MAX_PARTS:,} parts, found {len(parts):,}"
                )
            for part in parts:
                _check_part(path, archive, part)
    except PreceptorError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        problem = f"expected a log of Inspect (.eval), found something else ({shorten(str(error))})"
        raise InputError(f"{path}: {problem}") from None


def _check_part(path: Path, archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    if part.file_size > MAX_PART_BYTES or part.file_size > MAX_RATIO * (part.compress_size + 1):
        raise InputError(
            f"{path}: {shorten(part.filename)}: {part.file_size:,} bytes unpacked from "
            f"{part.compress_size:,}: too much for a sample"
        )
    # The size may be a lie: then reading no more than that ends with a wrong checksum.
    with archive.open(part) as stream:
        while stream.read(_CHUNK):
            pass
