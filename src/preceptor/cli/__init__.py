"""The command line: one thin file per command."""

from preceptor.cli.app import main

__all__ = ["main"]
