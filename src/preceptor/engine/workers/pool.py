"""How many work on a run, and where: from what a user asks for to the hiring of workers."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterable

import msgspec
import sqlalchemy as sa

from preceptor.engine.pipeline import Pipeline
from preceptor.engine.workers.driver import Transport, WorkerDriver
from preceptor.errors import InputError, shorten
from preceptor.graders import Settings, read_address
from preceptor.records import RunSettings
from preceptor.store import Store
from preceptor.systems.base import Parameters

__all__ = ["BACKENDS", "WorkerPool", "arrange"]

BACKENDS = ("ray",)
#: What begins an address → why several processes cannot share it.
_ALONE = {
    "local/": "a local model takes all of this machine's cores already",
    "local:": "a local model takes all of this machine's cores already",
    "python:__main__:": "a function of a notebook or script is not there in other processes: put "
    "it into a module",
}
#: Addresses of a file or program here, which the nodes of a cluster do not have.
_HERE = ("python:", "command:", "replay:", "distilled:", "inspect:")


class WorkerPool(msgspec.Struct, frozen=True):
    """Those who will work on a run.

    Attributes
    ----------
    hire
        Gives a worker; None where the pipeline does the work itself.
    workers
        How many.
    host
        The machine that they must be on; None for any.
    """

    hire: Callable[[], Awaitable[Transport]] | None = None
    workers: int = 1
    host: str | None = None

    def work(self, pipeline: Pipeline) -> Pipeline | WorkerDriver:
        """What brings the run to its end."""
        if self.hire is None:
            return pipeline
        return WorkerDriver(pipeline, self.hire, self.workers, host=self.host)


def arrange(
    store: Store,
    system: str,
    grader: str,
    settings: RunSettings,
    *,
    processes: int | None = None,
    backend: str | None = None,
) -> WorkerPool:
    """Find what is in the way of several workers before any is hired.

    Parameters
    ----------
    system, grader, settings
        Of the run.
    processes
        How many; with a backend one for each of its nodes if not given, else one.
    backend
        One of BACKENDS; None for this machine.

    Raises
    ------
    InputError, Unavailable
        With what is in the way.
    """
    if processes is not None and processes < 1:
        raise InputError(f"--processes: expected a whole number from 1, found {processes}")
    if backend is not None and backend not in BACKENDS:
        raise InputError(
            f"--backend {shorten(backend)}: expected {', '.join(BACKENDS)}, or no such option"
        )
    if backend is None and processes in (None, 1):
        return WorkerPool()
    option = f"--processes {processes}" if backend is None else f"--backend {backend}"
    if settings.batch:
        raise InputError(f"{option}: with --batch one process is enough: leave one of them out")
    leaves = read_address(grader).leaves
    models = [leaf.address if leaf.form == "distilled" else leaf.model for leaf in leaves]
    addresses = [system, *models, *([settings.patient] if settings.patient else [])]
    _check_addresses(option, addresses, [*_HERE] if backend else [])
    pool = _on_ray(store, processes) if backend else _here(store, option, processes or 1)
    called = Settings.decode(settings.grader_parameters or {})
    parameters = msgspec.convert(settings.system_parameters or {}, Parameters)
    as_patient = msgspec.convert(settings.patient_parameters or {}, Parameters)
    for each in (parameters, as_patient, *called.members):
        if each.concurrency is not None and each.concurrency < pool.workers:
            raise InputError(
                f"{option}: {pool.workers} workers cannot share concurrency={each.concurrency}: "
                f"give at least {pool.workers}, or fewer workers with --processes"
            )
    return pool


def _check_addresses(option: str, addresses: Iterable[str], files: Iterable[str]) -> None:
    for address in addresses:
        for begin, why in (*_ALONE.items(), *((each, "is on this machine only") for each in files)):
            if address.startswith(begin):
                raise InputError(f"{option}: {shorten(address)}: {why}")


def _here(store: Store, option: str, processes: int) -> WorkerPool:
    from preceptor.engine.workers import pipes

    _check_file(store, option)
    return WorkerPool(pipes.hire, processes)


def _on_ray(store: Store, workers: int | None) -> WorkerPool:
    from preceptor.engine.workers import cluster

    option = "--backend ray"
    _check_file(store, option)
    on_sqlite = store.engine.dialect.name == "sqlite"
    if not on_sqlite and (store.engine.url.password or _password_within(store.engine.url)):
        raise InputError(
            f"{option}: --store {store.where}: its password would travel through the cluster: "
            f"leave it out, and set PGPASSWORD or ~/.pgpass on every node"
        )
    cluster.connect()
    nodes = cluster.hosts()
    if on_sqlite and set(nodes) != {socket.gethostname()}:
        raise InputError(
            f"{option}: the cluster has {len(set(nodes))} machines, which cannot share the SQLite "
            f"file {store.where}: name a PostgreSQL database with --store"
        )
    return WorkerPool(
        cluster.hire, workers or len(nodes), socket.gethostname() if on_sqlite else None
    )


def _password_within(url: sa.URL) -> bool:
    return any(name.lower().endswith("password") for name in url.query)


def _check_file(store: Store, option: str) -> None:
    url = store.engine.url
    if store.engine.dialect.name == "sqlite" and url.database in (None, "", ":memory:"):
        raise InputError(f"{option}: a store in memory cannot be shared: name a file with --store")
