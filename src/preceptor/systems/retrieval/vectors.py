"""Vectors in the cache folder, by model and text."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor.cache import alone, cache_dir
from preceptor.errors import InputError
from preceptor.records import content_key

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Vectors"]

_KEY_BYTES = 16
#: Vectors that are in memory at once.
_BLOCK = 16_384


class Vectors:
    """The vectors of one model: two files that only grow, one with keys and one with vectors.

    Neither is in memory: of a key there are its first eight bytes, of vectors those that are asked
    for. A process that dies between the two leaves vectors without keys, which are cut off.

    Parameters
    ----------
    identity
        All that a vector depends on beside the text.
    half
        Numbers have 16 bits, with which a cosine is off by some 1e-5; else 32.
    """

    def __init__(self, identity: dict[str, Any], *, half: bool = False) -> None:
        self._bytes = 2 if half else 4
        name = content_key({"float16": identity} if half else identity)
        self.folder = cache_dir() / "vectors" / name
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "model.json").write_bytes(msgspec.json.encode(identity))
        self._keys, self._vectors = (
            self.folder / "keys.bin",
            self.folder / f"vectors.f{8 * self._bytes}",
        )
        self._size = self.folder / "dimensions"
        self.dimensions = 0
        self._known = _Keys()
        self._read()

    @staticmethod
    def key(kind: str, text: str) -> bytes:
        whole = f"{kind}\0{text}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(whole, digest_size=_KEY_BYTES).digest()

    def __len__(self) -> int:
        return len(self._known)

    def rows(self, keys: Sequence[bytes]) -> NDArray[np.int64]:
        """The row of each key; −1 where there is no vector yet."""
        return self._known.rows(keys)

    def at(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors, (rows, dimensions), read from the file: rows that follow each other in one."""
        import numpy as np

        found = np.empty((len(rows), self.dimensions), np.float32)
        breaks = set((np.flatnonzero(np.diff(rows) != 1) + 1).tolist())
        ends = sorted(breaks | set(range(_BLOCK, len(rows), _BLOCK)) | {len(rows)})
        part = np.empty((min(len(rows), _BLOCK), self.dimensions), f"f{self._bytes}")
        width = self._bytes * self.dimensions
        with self._vectors.open("rb", buffering=0) as stream:
            start = 0
            for end in ends:
                stream.seek(int(rows[start]) * width)
                if stream.readinto(part[: end - start].data) != (end - start) * width:
                    raise InputError(f"{self._vectors}: is cut off: remove {self.folder}")
                found[start:end] = part[: end - start]
                start = end
        return found

    def products(self, rows: NDArray[np.int64], wanted: NDArray[np.float32]) -> NDArray[np.float32]:
        """The scalar product of each row with a vector; a block of vectors is in memory at once."""
        import numpy as np

        order = np.argsort(rows, kind="stable")  # those that follow each other are read in one
        found = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _BLOCK):
            some = order[start : start + _BLOCK]
            found[some] = self.at(rows[some]) @ wanted
        return found

    def add(self, keys: Sequence[bytes], vectors: NDArray[np.float32]) -> None:
        """Keep vectors, each under its key. Other processes may do so at the same time."""
        import numpy as np

        with alone(self._keys):
            self._read()
            new = np.flatnonzero(self.rows(keys) < 0).tolist()
            if self._size.exists():
                self._check(vectors.shape[1])
                self._cut()
            else:
                self._size.write_text(str(vectors.shape[1]))
            with self._vectors.open("ab") as stream:
                stream.write(vectors[new].astype(f"f{self._bytes}").tobytes())
                os.fsync(stream.fileno())
            with self._keys.open("ab") as stream:
                stream.write(b"".join(keys[place] for place in new))
            self._read()

    def _check(self, dimensions: int) -> None:
        if (known := int(self._size.read_text())) != dimensions:
            raise InputError(
                f"{self._size.parent}: has vectors of {known} numbers, and the model now gives "
                f"{dimensions}: another model has its name: remove the folder"
            )

    def _cut(self) -> None:
        """Cut off what a process that died left unfinished."""
        width = self._bytes * int(self._size.read_text())
        for path, size in ((self._keys, _KEY_BYTES), (self._vectors, width)):
            if path.exists() and path.stat().st_size != len(self) * size:
                os.truncate(path, len(self) * size)

    def _read(self) -> None:
        """Learn the keys that were added, by whomever, since the last time."""
        if not self._keys.exists():
            return
        self.dimensions = int(self._size.read_text())
        there = self._vectors.stat().st_size // (self._bytes * self.dimensions)
        with self._keys.open("rb") as stream:
            stream.seek(len(self) * _KEY_BYTES)
            added = stream.read((there - len(self)) * _KEY_BYTES)
        self._known.extend(added[: len(added) - len(added) % _KEY_BYTES])


class _Keys:
    """Keys in the order of their rows, and found by bisection: 36 bytes for each."""

    def __init__(self) -> None:
        import numpy as np

        self._all: NDArray[np.uint64] = np.zeros((0, 2), np.uint64)
        self._count = 0
        self._heads = np.zeros(0, np.uint64)
        self._order = np.zeros(0, np.int32)
        #: Keys that are not sorted in yet → row.
        self._late: dict[bytes, int] = {}

    def __len__(self) -> int:
        return self._count

    def extend(self, added: bytes) -> None:
        import numpy as np

        new = np.frombuffer(added, np.uint64).reshape(-1, 2)
        if not len(new):
            return
        end = self._count + len(new)
        if end > len(self._all):
            grown = np.empty((max(end, len(self._all) * 5 // 4), 2), np.uint64)
            grown[: self._count] = self._all[: self._count]
            self._all = grown
        self._all[self._count : end] = new
        first, self._count = self._count, end
        if len(self._late) + len(new) > max(_BLOCK, first // 8):
            self._sort()
            return
        for place in range(len(new)):
            key = added[place * _KEY_BYTES : (place + 1) * _KEY_BYTES]
            self._late.setdefault(key, first + place)

    def _sort(self) -> None:
        import numpy as np

        heads = self._all[: self._count, 0]
        self._order = np.argsort(heads, kind="stable").astype(np.int32)
        self._heads = heads[self._order]
        self._late = {}

    def rows(self, keys: Sequence[bytes]) -> NDArray[np.int64]:
        """−1 for a key that is not there."""
        import numpy as np

        asked = np.frombuffer(b"".join(keys), np.uint64).reshape(-1, 2)
        found = np.array([self._late.get(key, -1) for key in keys], np.int64)
        at = np.searchsorted(self._heads, asked[:, 0])
        # Of keys with one head, as good as never more than one, each is looked at.
        left = np.flatnonzero(found < 0)
        while len(left := left[at[left] < len(self._heads)]):
            left = left[self._heads[at[left]] == asked[left, 0]]
            row = self._order[at[left]]
            right = self._all[row, 1] == asked[left, 1]
            found[left[right]] = row[right]
            left = left[~right]
            at[left] += 1
        return found
