"""Where Preceptor keeps what it has fetched: one directory, shared by all workspaces of a user."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["DEFAULT_STORE", "cache_dir"]

#: The workspace, in the current folder, unless another is named.
DEFAULT_STORE = "preceptor.db"


def cache_dir() -> Path:
    """The directory of fetched files; whoever writes there creates it.

    ``PRECEPTOR_CACHE`` where that is set and not empty (``~`` is expanded), else the platform's
    usual place for the user's caches.
    """
    chosen = os.environ.get("PRECEPTOR_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("preceptor"))
