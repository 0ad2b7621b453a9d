"""The command line: one thin file per command."""

from __future__ import annotations

import sys

from preceptor.cli.app import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
