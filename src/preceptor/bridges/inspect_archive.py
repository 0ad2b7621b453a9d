"""Check of an Inspect log (``.eval``, a zip archive) before it is read."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

from preceptor.errors import InputError, PreceptorError, shorten

__all__ = ["check_archive"]

#: Limit of one unpacked part. An agent's transcript with its tools has some MB.
MAX_PART_BYTES = 256 * 2**20
#: Limit of unpacked to packed bytes of one part. Text reaches about 20.
MAX_RATIO = 1000
MAX_PARTS = 1_000_000
_CHUNK = 2**20


def check_archive(path: Path) -> None:
    """Refuse a damaged archive, and one that would fill the memory, before unpacking it."""
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
        problem = f"expected an Inspect log (.eval), found something else ({shorten(str(error))})"
        raise InputError(f"{path}: {problem}") from None


def _check_part(path: Path, archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    if part.file_size > MAX_PART_BYTES or part.file_size > MAX_RATIO * (part.compress_size + 1):
        raise InputError(
            f"{path}: {shorten(part.filename)}: expected at most {MAX_PART_BYTES:,} bytes and "
            f"{MAX_RATIO:,} times the packed size, found {part.file_size:,} from "
            f"{part.compress_size:,}"
        )
    # zipfile reads no more than the stated size; if that is false, the checksum fails.
    with archive.open(part) as stream:
        while stream.read(_CHUNK):
            pass
