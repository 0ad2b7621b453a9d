"""The keys of a run's answers, in a third of the memory that strings take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from preceptor.store.column_types import key_bytes, key_text

__all__ = ["Keys"]


class Keys(Sequence[str]):
    """Keys as they are stored, concatenated; a text is made when it is read."""

    def __init__(self, data: bytes, sizes: NDArray[np.int32]) -> None:
        self._data, self._sizes = data, sizes
        self._ends = np.cumsum(sizes)

    @classmethod
    def of(cls, stored: Sequence[bytes]) -> Keys:
        return cls(b"".join(stored), np.fromiter(map(len, stored), np.int32, len(stored)))

    @classmethod
    def joined(cls, parts: Sequence[Sequence[str]]) -> Keys:
        some = [
            part if isinstance(part, Keys) else cls.of(list(map(key_bytes, part))) for part in parts
        ]
        data = b"".join(part._data for part in some)
        return cls(data, np.concatenate([part._sizes for part in some]))

    def __len__(self) -> int:
        return len(self._sizes)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        end = self._ends[index]
        return key_text(self._data[end - self._sizes[index] : end])
