"""Where downloaded data, templates and weights lie on this machine."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_dir"]


def cache_dir() -> Path:
    """``$PRECEPTOR_CACHE``, else the platform's cache folder. Not created here."""
    if chosen := os.environ.get("PRECEPTOR_CACHE"):
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_cache_dir("preceptor", appauthor=False))
