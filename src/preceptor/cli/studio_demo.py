"""``preceptor studio demo``."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from preceptor.cli.options import whole_number
from preceptor.cli.output import note
from preceptor.cli.serve import port_number
from preceptor.cli.studio import PORT, missing, open_studio
from preceptor.errors import InputError

__all__ = ["demo"]


def demo(
    port: Annotated[
        int,
        typer.Option(
            "--port", parser=whole_number, metavar="N", help="The port; 0 for any free one."
        ),
    ] = PORT,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            metavar="FILE",
            help="Keep the database in this new file, and its run in FILE-runs.db.",
        ),
    ] = None,
    fill_only: Annotated[
        bool, typer.Option("--fill-only", help="Make the database of --keep, and do not serve it.")
    ] = False,
) -> None:
    """Try the studio with made-up people and tasks, on this machine, without a network."""
    port_number(port)
    if fill_only and keep is None:
        raise InputError("--fill-only: the database would be gone at once: name a file with --keep")
    try:
        from preceptor.store import Store
        from preceptor.studio.demo.project import fill
        from preceptor.studio.people.accounts import Accounts
        from preceptor.studio.people.passwords import Passwords
        from preceptor.studio.web.app import application
        from preceptor.studio.web.doors import Doors
        from preceptor.web import serving
    except ModuleNotFoundError as error:
        raise missing(error) from None
    hashed = Passwords().hash(secrets.token_urlsafe(32))  # of a password that nobody knows
    with _files(keep) as (file, runs), open_studio(str(file), create=True) as studio:
        with Store(runs) as store:
            people = studio.write_now(
                lambda connection: fill(connection, hashed, time.time(), store)
            )
        if fill_only:
            note(f"{file}: made-up people and tasks, which `preceptor studio` commands take")
            note(f"{runs}: a made-up run on these tasks, for --store")
            return
        with serving.listen("127.0.0.1", port) as listener:
            address = serving.url_of(listener).rstrip("/")
            named = [(each.id, f"{each.name} ({each.role})") for each in people]
            links = Doors(named, lambda name, path: print(f"{name}: {address}{path}", flush=True))
            for name, path in links.paths.items():
                print(f"{name}: {address}{path}", flush=True)
            note("open a link in a browser to sign in as that person; each works once; Ctrl-C ends")
            site = application(Accounts(studio), address=address, links=links, tell=note)
            serving.serve(site, listener)


@contextlib.contextmanager
def _files(keep: Path | None) -> Iterator[tuple[Path, Path]]:
    """The database, and the store of its run."""
    if keep is not None:
        runs = keep.with_name(f"{keep.stem}-runs.db")
        for each in (keep, runs):
            if each.exists():
                raise InputError(f"--keep {keep}: {each} exists already: name another file")
        yield keep, runs
        return
    with tempfile.TemporaryDirectory(prefix="preceptor-demo-") as folder:
        yield Path(folder) / "studio.db", Path(folder) / "runs.db"
