"""The folder of a trained search: plain arrays, texts, and a card. Nothing in it is executed.

Every file's hash is in the card. An array is mapped, so that no header makes more memory than its
file has bytes; trees are checked before one is evaluated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from preceptor.cache import workshop
from preceptor.errors import InputError, shorten
from preceptor.files import check_free, file_sha256

__all__ = [
    "CARD",
    "FORMAT",
    "Card",
    "Known",
    "Row",
    "Said",
    "Trained",
    "lines",
    "read_array",
    "read_card",
    "read_lines",
    "read_text",
    "write_folder",
]

#: Version of the folder; others are refused.
FORMAT = 1
CARD = "card.json"
_MAX_CARD = 2**20
_MAX_TEXT = 512 * 2**20
_MAX_DIMENSIONS = 4096

_Line = TypeVar("_Line")


class Row(msgspec.Struct, frozen=True):
    """A code of the list: a line of ``codes.jsonl``."""

    code: str
    title: str
    others: tuple[str, ...] = ()


class Said(msgspec.Struct, frozen=True):
    """A coded mention in the index: a line of ``mentions.jsonl``."""

    text: str
    code: str


class Trained(msgspec.Struct, frozen=True):
    """What the maps and trees were trained on.

    Attributes
    ----------
    files
        Name of each file → its SHA-256.
    codes, further_terms
        Of the list that was trained with, and further terms of its codes.
    mentions, documents
        Coded mentions, and the documents that they are from.
    listed, backed_off
        Mentions whose very code is in the list, and those whose code is longer than a listed one,
        which stands for it in the maps. Others are not used.
    """

    files: dict[str, str]
    list_name: str
    language: str
    codes: int
    further_terms: int
    mentions: int
    documents: int
    listed: int
    backed_off: int
    seed: int


class Card(msgspec.Struct, frozen=True):
    """The model card.

    Attributes
    ----------
    product
        ``descriptions``, or ``with exemplars``: coded mentions are in the index too.
    encoder, encoder_identity
        Its address, and all that its vectors depend on.
    index_name, index_language, index_codes, index_exemplars
        The list that is searched now, and coded mentions beside it.
    files
        Name of each file of the folder → its SHA-256.
    """

    format: int
    version: str
    product: str
    encoder: str
    encoder_identity: dict[str, Any]
    trained: Trained
    index_name: str
    index_language: str
    index_codes: int
    index_exemplars: int
    files: dict[str, str] = {}
    purpose: str = (
        "Proposes codes for the words of a clinician. A person who codes decides: it is not a "
        "medical device, and nothing in it knows the patient."
    )


class Known:
    """Whether a text is among some, without their words: by a digest of each."""

    def __init__(self, digests: NDArray[np.uint64]) -> None:
        self.digests = digests
        self._all = frozenset(digests.tolist())

    @classmethod
    def of(cls, texts: Iterable[str]) -> Known:
        return cls(np.array(sorted(set(map(_digest, texts))), np.uint64))

    def __contains__(self, text: object) -> bool:
        return isinstance(text, str) and _digest(text) in self._all


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def write_folder(
    target: Path, card: Card, files: dict[str, bytes | NDArray[Any]], *, again: bool = False
) -> Card:
    """Write a folder as a whole, or nothing; returns the card with the files' hashes.

    Parameters
    ----------
    again
        The folder exists, and is replaced.
    """
    if not again:
        check_free(target)
    if not target.parent.is_dir():
        raise InputError(f"{target}: expected an existing folder above it, found none")
    with workshop(target) as place:
        made = place / "made"
        made.mkdir()
        for name, content in files.items():
            if isinstance(content, bytes):
                (made / name).write_bytes(content)
            else:
                np.save(made / name, content, allow_pickle=False)
        hashes = {name: file_sha256(made / name) for name in files}
        card = msgspec.structs.replace(card, files=hashes)
        text = msgspec.json.format(msgspec.json.encode(card), indent=1)
        (made / CARD).write_bytes(text)
        if again:
            target.replace(place / "before")
        made.replace(target)
    return card


def read_card(folder: Path) -> Card:
    """The card of a folder, whose files have the hashes that it says.

    Raises InputError where the folder is none, of another version, or changed.
    """
    path = folder / CARD
    if not path.is_file():
        found = "a folder without card.json" if folder.is_dir() else "no folder"
        raise InputError(
            f"{folder}: expected a search made by `preceptor codes train`, found {found}"
        )
    try:
        plain = msgspec.json.decode(_bounded(path, _MAX_CARD))
        version = plain.get("format") if isinstance(plain, dict) else None
        if version != FORMAT:
            raise InputError(
                f"{folder}: has format {shorten(version)}, but this version reads {FORMAT}: train "
                f"it again"
            )
        card = msgspec.convert(plain, Card)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: is no model card: {_line(error)}") from None
    for name, known in card.files.items():
        if Path(name).name != name or not (folder / name).is_file():
            raise InputError(f"{folder}: expected the file {shorten(name)}, found none")
        if file_sha256(folder / name) != known:
            raise InputError(
                f"{folder / name}: changed after training: its SHA-256 is not that of the card"
            )
    return card


def read_array(folder: Path, name: str, kind: str, columns: int | None) -> NDArray[Any]:
    """An array of a folder, (rows, columns) or (rows,) where ``columns`` is 0; None: any number."""
    path = folder / name
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: is no array: {_line(error)}") from None
    fits = (
        isinstance(found, np.memmap)
        and found.dtype.str == kind
        and found.ndim == (1 if columns == 0 else 2)
        and (columns in (0, None) or found.shape[1] == columns)
        and (columns == 0 or 0 < found.shape[1] <= _MAX_DIMENSIONS)
    )
    if not fits:
        raise InputError(
            f"{path}: expected {kind} with {columns or 'as many'} columns as the maps have, found "
            f"{found.dtype.str} of shape {found.shape}"
        )
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise InputError(f"{path}: expected finite numbers, found others")
    return np.array(found)


def read_lines(folder: Path, name: str, kind: type[_Line]) -> list[_Line]:
    """The lines of a ``.jsonl`` file of a folder."""
    path = folder / name
    try:
        found = msgspec.json.Decoder(kind).decode_lines(_bounded(path, _MAX_TEXT))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read: {_line(error)}") from None
    if not found:
        raise InputError(f"{path}: expected lines, found none")
    return found


def read_text(folder: Path, name: str, most: int) -> str:
    return _bounded(folder / name, most).decode("utf-8", "replace")


def _bounded(path: Path, most: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > most:
            raise InputError(f"{path}: expected at most {most:,} bytes, found {size:,}")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def lines(rows: Sequence[msgspec.Struct]) -> bytes:
    """The content of a ``.jsonl`` file."""
    return msgspec.json.Encoder().encode_lines(rows)
