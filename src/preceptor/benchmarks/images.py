"""Images of a benchmark's rows: bytes, base64, or names of files beside the rows."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from preceptor.benchmarks.dicom import Undrawable, is_dicom, pictures_of
from preceptor.benchmarks.fields import Fields
from preceptor.cells import decoded
from preceptor.errors import DataError, InputError, shorten
from preceptor.records import Message
from preceptor.records.parts import Image, Text

__all__ = ["asked_about", "images_of", "media_type", "rows_in"]

#: Bytes of an image at most.
_LARGEST = 50 * 2**20
#: A cell that is shorter is the number of the row that has the image, as VLMEvalKit writes it.
_SHORTEST = 64
#: Where images lie beside the rows.
_FOLDERS = ("images", "figures", "imgs")
_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_KNOWN = "a PNG, JPEG, GIF, WebP or DICOM image"


def media_type(data: bytes) -> str | None:
    """By the first bytes, whatever a file is called; None where providers take no such image."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None)


def asked_about(images: Sequence[Image], text: str) -> Message:
    """A question about images, which stand before it."""
    return Message("user", (*images, Text(text)))


def rows_in(path: Path, patterns: Sequence[str]) -> list[Path]:
    """The file itself; of a folder, the files with the first name that is there.

    Raises InputError where a folder has none.
    """
    if not path.is_dir():
        return [path]
    found = (sorted(path.glob(pattern)) for pattern in patterns)
    files = next((each for each in found if each), [])
    if not files:
        raise InputError(f"{path}: expected {' or '.join(patterns)}, found none")
    return files


def images_of(
    row: Fields, field: str, rows: Path, root: Path, earlier: Mapping[str, list[Image]]
) -> list[Image]:
    """The images of a cell, in order.

    A cell is bytes, base64, a struct of bytes and path, the name of a file beside the rows or in
    the folder ``images``, ``figures`` or ``imgs`` there, or a list of these, also as a text. A
    DICOM file is its frames.

    Parameters
    ----------
    rows
        The folder that the rows are in.
    root
        The folder that the user named: nothing outside it is read.
    earlier
        Id of a row → its images, where a cell may name another row instead.

    Raises
    ------
    DataError
        No file of that name, or no image that models are sent.
    """
    cell = decoded(row.need(field, _KNOWN))
    found: list[Image] = []
    for each in cell if isinstance(cell, list) else [cell]:
        named = str(each)
        if isinstance(each, str | int) and len(named) <= _SHORTEST and named in earlier:
            found += earlier[named]
        else:
            found += _images(row, field, each, rows, root)
    if not found:
        raise row.fault(field, _KNOWN, cell)
    return found


def _images(row: Fields, field: str, value: Any, rows: Path, root: Path) -> list[Image]:
    name, data = "", None
    if isinstance(value, dict):
        name, value = str(value.get("path") or ""), value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        data = value
    elif isinstance(value, str) and value:
        path = _file(value, rows, root)
        if path is not None:
            name, data = path.name, _bytes(row, field, path)
        elif len(value) > _SHORTEST:
            data = _unpacked(value)
    if data is None:
        raise row.fault(field, f"{_KNOWN}, or the name of one in {root}", value)
    if len(data) <= _LARGEST and is_dicom(data, name):
        return _frames(row, field, data, Path(name).name)
    kind = media_type(data)
    if kind is None or len(data) > _LARGEST:
        raise row.fault(field, f"{_KNOWN} of at most {_LARGEST >> 20} MiB", name or data[:12])
    return [Image.of(data, kind, Path(name).name)]


def _frames(row: Fields, field: str, data: bytes, name: str) -> list[Image]:
    """The pictures of a DICOM file."""
    try:
        drawn = pictures_of(data)
    except Undrawable as error:
        problem = f"{shorten(name or 'a DICOM file')} {error}"
        raise DataError(row.where, row.line, row.prefix + field, problem) from None
    return [Image.of(each, "image/png", f"{Path(name).stem}.png" if name else "") for each in drawn]


def _file(name: str, rows: Path, root: Path) -> Path | None:
    if len(name) > 1_000 or "\0" in name:
        return None
    for path in (rows / name, *(rows / folder / name for folder in _FOLDERS)):
        if path.resolve().is_relative_to(root.resolve()) and path.is_file():
            return path
    return None


def _bytes(row: Fields, field: str, path: Path) -> bytes:
    if path.stat().st_size > _LARGEST:
        raise row.fault(field, f"{_KNOWN} of at most {_LARGEST >> 20} MiB", path.name)
    return path.read_bytes()


def _unpacked(text: str) -> bytes | None:
    """The bytes of base64, also in a ``data:`` URL, or of hexadecimal digits: our tables' form."""
    try:
        if re.fullmatch(r"(?:[0-9a-f]{2})+", text):
            return bytes.fromhex(text)
        return base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text)
    except binascii.Error:
        return None
