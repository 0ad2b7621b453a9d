"""Regular expressions that are compiled when they are first used."""

from __future__ import annotations

import re
from typing import Any, cast

__all__ = ["late"]


class _Late:
    """See `late`."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._pattern, self._flags = pattern, flags

    def __getattr__(self, name: str) -> Any:
        method = getattr(re.compile(self._pattern, self._flags), name)
        setattr(self, name, method)  # found without this from now on
        return method


def late(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """A pattern that is compiled at its first use.

    Those with the words of all languages take long: a command that reads no answer skips them.
    """
    return cast("re.Pattern[str]", _Late(pattern, flags))
