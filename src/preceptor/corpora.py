"""A corpus of documents in a file: ids in memory, texts where they are."""

from __future__ import annotations

import functools
import gzip
import hashlib
import re
import shutil
import zlib
from array import array
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import IO

import msgspec

from preceptor.cache import alone, cache_dir, publish, workshop
from preceptor.errors import DataError, InputError, shorten
from preceptor.rows import MAX_LINE_BYTES

__all__ = ["Corpus", "open_corpus", "pointed", "pointer"]

#: What would break a table with an id in a cell.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class _Row(msgspec.Struct):
    own: str | int | None = msgspec.field(name="_id", default=None)
    id: str | int | None = None
    title: str | None = None
    text: str | None = None
    contents: str | None = None

    @property
    def whole(self) -> str:
        """Title and text, divided by a blank, as BEIR has them."""
        parts = (self.title, self.contents if self.text is None else self.text)
        return " ".join(part for part in parts if part).strip()


class Corpus:
    """Documents of a ``.jsonl`` file, each known by its place.

    Attributes
    ----------
    source
        The user's file; ``path`` is where it is unpacked.
    sha256
        Of the file, unpacked.
    ids
        Of the documents, in the order of the file; of those with one id the first alone.
    duplicates
        Documents that are left out for that.
    """

    def __init__(self, path: Path, source: Path) -> None:
        self.path, self.source = path, source
        self.ids: list[str] = []
        self.duplicates = 0
        self._starts = array("Q")
        self._place: dict[str, int] = {}
        digest = hashlib.sha256()
        start = 0
        with path.open("rb") as stream:
            for number, line in enumerate(_lines(stream, source), start=1):
                digest.update(line)
                if line.strip():
                    self._add(_identity(_row(line, source, number), source, number), start)
                start += len(line)
        if not self.ids:
            raise InputError(f"{source}: expected a document a line, found an empty file")
        self.sha256 = digest.hexdigest()

    def _add(self, id: str, start: int) -> None:
        if id in self._place:
            self.duplicates += 1
            return
        self._place[id] = len(self.ids)
        self.ids.append(id)
        self._starts.append(start)

    def __len__(self) -> int:
        return len(self.ids)

    def place(self, id: str) -> int | None:
        """The place of a document; None where there is none of that id."""
        return self._place.get(id)

    def lacks(self, ids: Collection[str]) -> int:
        """How many of these there are not."""
        return sum(id not in self._place for id in ids)

    def texts(self, places: Collection[int] | None = None) -> Iterator[str]:
        """Title and text of all documents, or of those at these places, in their order."""
        with self.path.open("rb") as stream:
            for place in range(len(self)) if places is None else places:
                if stream.tell() != self._starts[place]:
                    stream.seek(self._starts[place])
                yield _row(stream.readline(), self.source, place + 1).whole


def open_corpus(path: Path) -> Corpus:
    """The corpus of a ``.jsonl`` or ``.jsonl.gz`` file. One that was read already is not again.

    Raises
    ------
    InputError, DataError
        The file is missing or damaged; a line is no document; an id would not fit into a table.
    """
    try:
        state = path.stat()
        return _opened(path.resolve(), state.st_size, state.st_mtime_ns)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        words = getattr(error, "strerror", None) or "it is damaged or cut off"
        raise InputError(f"{path}: cannot be read: {words}") from None


class _Pointer(msgspec.Struct, frozen=True):
    sha256: str
    path: str


def pointer(corpora: Iterable[Corpus]) -> bytes:
    """Places and hashes of the corpora of a benchmark: what a run keeps of them."""
    return msgspec.json.encode(
        [_Pointer(each.sha256, str(each.source.resolve())) for each in corpora]
    )


def pointed(kept: bytes) -> list[Corpus]:
    """The corpora of a run. Raises InputError where one is there no more, or is another one."""
    try:
        known = msgspec.json.decode(kept, type=list[_Pointer])
    except msgspec.ValidationError:  # a run of a release in which there was one
        known = [msgspec.json.decode(kept, type=_Pointer)]
    return [_known(each) for each in known]


def _known(known: _Pointer) -> Corpus:
    corpus = open_corpus(Path(known.path))
    if corpus.sha256 != known.sha256:
        raise InputError(
            f"{known.path}: changed after the run began: expected SHA-256 {known.sha256[:12]}…, "
            f"found {corpus.sha256[:12]}…: put the file back, or begin a new run"
        )
    return corpus


@functools.lru_cache(maxsize=8)
def _opened(path: Path, size: int, changed: int) -> Corpus:
    if path.suffix != ".gz":
        return Corpus(path, path)
    # Documents are looked up by their place in the file, which a packed one does not have.
    name = hashlib.sha256(f"{path.resolve()}\0{size}\0{changed}".encode()).hexdigest()[:32]
    target = cache_dir() / "corpora" / f"{name}.jsonl"
    target.parent.mkdir(parents=True, exist_ok=True)
    with alone(target):
        if not target.exists():
            with workshop(target) as folder:
                made = folder / target.name
                with gzip.open(path, "rb") as packed, made.open("wb") as stream:
                    shutil.copyfileobj(packed, stream, 2**20)
                publish(made, target)
    return Corpus(target, path)


def _lines(stream: IO[bytes], path: Path) -> Iterator[bytes]:
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            problem = f"expected a document a line, found one longer than {MAX_LINE_BYTES:,} bytes"
            raise DataError(str(path), number, "", problem)
        yield line


_decode = msgspec.json.Decoder(_Row).decode


def _row(line: bytes, path: Path, number: int) -> _Row:
    try:
        return _decode(line.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        words = str(error).replace("`", "")
        raise DataError(str(path), number, "", f"expected a document as JSON: {words}") from None


def _identity(row: _Row, path: Path, number: int) -> str:
    id = row.id if row.own is None else row.own
    if id is None or (row.text is None and row.contents is None):
        lacking = "_id" if id is None else "text"
        problem = 'missing; expected {"_id": …, "text": …}'
        raise DataError(str(path), number, lacking, problem)
    if not str(id).strip() or _CONTROL.search(str(id)):
        problem = f"expected a text without tabs and line ends, found {shorten(id)}"
        raise DataError(str(path), number, "_id", problem)
    return str(id)
