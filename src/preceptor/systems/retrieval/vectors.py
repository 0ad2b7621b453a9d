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

    A process that dies between the two leaves vectors without keys, which are cut off.

    Parameters
    ----------
    identity
        All that a vector depends on beside the text.
    """

    def __init__(self, identity: dict[str, Any]) -> None:
        folder = cache_dir() / "vectors" / content_key(identity)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.json").write_bytes(msgspec.json.encode(identity))
        self._keys, self._vectors = folder / "keys.bin", folder / "vectors.f32"
        self._size = folder / "dimensions"
        self._row: dict[bytes, int] = {}
        self._memory: NDArray[np.float32] | None = None
        self._read()

    @staticmethod
    def key(kind: str, text: str) -> bytes:
        whole = f"{kind}\0{text}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(whole, digest_size=_KEY_BYTES).digest()

    def __contains__(self, key: bytes) -> bool:
        return key in self._row

    def __len__(self) -> int:
        return len(self._row)

    def rows(self, keys: Sequence[bytes]) -> NDArray[np.int64]:
        import numpy as np

        return np.array([self._row[key] for key in keys], dtype=np.int64)

    def at(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        assert self._memory is not None
        return self._memory[rows]

    def products(self, rows: NDArray[np.int64], wanted: NDArray[np.float32]) -> NDArray[np.float32]:
        """The scalar product of each row with a vector; a block of vectors is in memory at once."""
        import numpy as np

        parts = [
            self.at(rows[start : start + _BLOCK]) @ wanted for start in range(0, len(rows), _BLOCK)
        ]
        return np.concatenate(parts)

    def add(self, keys: Sequence[bytes], vectors: NDArray[np.float32]) -> None:
        """Keep vectors, each under its key. Other processes may do so at the same time."""
        import numpy as np

        with alone(self._keys):
            self._read()
            new = [place for place, key in enumerate(keys) if key not in self._row]
            if self._size.exists():
                self._check(vectors.shape[1])
                self._cut()
            else:
                self._size.write_text(str(vectors.shape[1]))
            with self._vectors.open("ab") as stream:
                stream.write(np.ascontiguousarray(vectors[new], dtype=np.float32).tobytes())
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
        width = 4 * int(self._size.read_text())
        for path, size in ((self._keys, _KEY_BYTES), (self._vectors, width)):
            if path.exists() and path.stat().st_size != len(self) * size:
                os.truncate(path, len(self) * size)

    def _read(self) -> None:
        import numpy as np

        if not self._keys.exists():
            return
        with self._keys.open("rb") as stream:
            stream.seek(len(self) * _KEY_BYTES)
            added = stream.read()
        dimensions = int(self._size.read_text())
        there = self._vectors.stat().st_size // (4 * dimensions)
        for start in range(0, len(added) - _KEY_BYTES + 1, _KEY_BYTES):
            if len(self) < there:
                self._row[added[start : start + _KEY_BYTES]] = len(self)
        if len(self):
            shape = (len(self), dimensions)
            self._memory = np.memmap(self._vectors, np.float32, "r", shape=shape)
