"""A PostgreSQL server for tests and measurements, from the system's packages."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from preceptor.errors import Unavailable

__all__ = ["PostgresServer"]

#: Seconds. After a crash it first syncs every file to disk; each database has hundreds.
_PATIENCE_S = 300.0
_NAME = "preceptor"


class PostgresServer:
    """A real server on 127.0.0.1, with its own process and temporary folder.

    The programs are searched on PATH and in Debian's folders. PostgreSQL refuses to run as root, so
    under root it runs as the user ``postgres`` or ``nobody``.

    Raises
    ------
    Unavailable
        The server is not installed, or there is no user to run it.

    Examples
    --------
    >>> with PostgresServer() as server:
    ...     run = preceptor.run("starter", system="physician", store=server.url("work"))
    """

    def __init__(self) -> None:
        self.password = secrets.token_hex(12)
        self._programs = _programs()
        self._user = _user()
        self._folder = Path(tempfile.mkdtemp(prefix="preceptor-postgres-"))
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> PostgresServer:
        try:
            self._initialise()
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop(crash=True)  # nothing is kept, so nothing has to reach the disk
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """The address of a database for ``--store``, created empty if it is missing."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
            if known.fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        return self._address(database)

    def start(self) -> None:
        """Start or restart the server and wait until it answers."""
        import psycopg

        # A crash is one of the server and not of the machine: what it wrote, the system still has.
        unsynced = ("-c", "fsync=off", "-c", "full_page_writes=off")
        place = (f"-p{self._port}", "-hlocalhost", "-k", str(self._folder))
        self._process = self._launch("postgres", *place, *unsynced)
        give_up = time.monotonic() + _PATIENCE_S
        while True:
            try:
                psycopg.connect(self._address("postgres"), connect_timeout=5).close()
                return
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > give_up:
                    raise Unavailable(f"PostgreSQL does not start: {error}") from None
                time.sleep(0.05)

    def stop(self, *, crash: bool = False) -> None:
        """Shut the server down; with ``crash``, at once, as if it were killed."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if crash else signal.SIGINT)
            self._process.wait(_PATIENCE_S)
            self._process = None

    def _address(self, database: str) -> str:
        return f"postgresql://{_NAME}:{self.password}@localhost:{self._port}/{database}"

    def _initialise(self) -> None:
        word = self._folder / "password"
        word.write_text(self.password)
        for path in (self._folder, word):
            path.chmod(0o700)
            if self._user is not None:
                shutil.chown(path, self._user)
        process = self._launch(
            "initdb",
            f"--username={_NAME}",
            f"--pwfile={word}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        )
        if process.wait(_PATIENCE_S) != 0:
            log = (self._folder / "log").read_text()
            raise Unavailable(f"initdb failed: {log.strip()[-200:]}")

    def _launch(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603
                [self._programs / program, "-D", self._folder / "data", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self._user,
                group=None if self._user is None else pwd.getpwnam(self._user).pw_gid,
                extra_groups=None if self._user is None else [],
                cwd=self._folder,
                # Ctrl-C in the terminal must reach the tests only.
                start_new_session=True,
            )


def _programs() -> Path:
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not packaged:
        raise Unavailable("PostgreSQL is not here: on Debian, apt install postgresql")
    return packaged[-1].parent


def _user() -> str | None:
    """The user that runs the server; None for the current one."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in known:
            return name
    raise Unavailable("PostgreSQL does not run as root, and there is no user postgres or nobody")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
