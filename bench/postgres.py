"""What do PostgreSQL, a second process and Ray cost, and what do they bring?

    python bench/postgres.py [--examples 4000] [--repeats 3] [--ray] [--json FILE]

First the store alone: verdicts a second that one connection writes, and four at once, in
transactions of 2,000 with the answers they are about; and bytes on disk for a verdict with its
share of an answer (texts of 300 and 3,000 characters).

Then whole runs of made-up work of HealthBench's size (speed/work.py) against a fake server in a
process of its own (speed/server.py, 50 ms, 256 connections), by turns: one and two processes, on
SQLite and on PostgreSQL, and with --ray on a local Ray cluster, which is there already. Printed are
calls a second, the start of the workers included, the ratio to one process on SQLite, and the
processor time that the run took for a call, in this process and its workers (not in actors of Ray's
or in the database). The server, the database and all workers share the machine: two cores they take
from each other, so what several processes bring with cores of their own is to be read from the
processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parent / "speed"))
import work
from throughput import server

from preceptor import api
from preceptor.engine.workers import cluster
from preceptor.records import Criterion, Example, Message, Response, RunSettings, Usage, Verdict
from preceptor.store import Store
from preceptor.testing.postgres import PostgresServer

CONNECTIONS, LATENCY_S = 256, 0.05
ANSWERS, CRITERIA, BATCH = 4000, 11, 180


def fill(where: str, first: int, answers: int) -> int:
    """Write so many answers, each with its verdicts; returns the number of verdicts."""
    example = Example(f"e{first}", (Message("user", "x"),), (Criterion("c", 5),) * CRITERIA)
    with Store(where) as store:
        run = store.create_run(
            name=None,
            benchmark="b",
            system="s",
            grader="g",
            settings=RunSettings(),
            examples=[(example, answers)],
            repeats=answers,
        )
        for begin in range(0, answers, BATCH):
            places = range(begin, min(begin + BATCH, answers))
            store.write(
                run,
                [(0, n, Response(f"r{first + n}", "t" * 3000), False) for n in places],
                [
                    (0, n, c, Verdict(f"v{first + n}-{c}", True, "e" * 300, usage=USAGE), False)
                    for n in places
                    for c in range(CRITERIA)
                ],
            )
    return answers * CRITERIA


USAGE = Usage(1500, 120)


def write_rate(where: str, connections: int) -> float:
    """Verdicts a second that so many connections write together."""
    share = ANSWERS // connections
    Store(where).close()
    threads = [
        threading.Thread(target=fill, args=(where, number * share, share))
        for number in range(connections)
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return connections * share * CRITERIA / (time.perf_counter() - started)


def size(where: str) -> int:
    """Bytes of the database."""
    with Store(where) as store, store.engine.connect() as connection:
        if store.engine.dialect.name == "sqlite":
            pages = connection.scalar(sa.text("PRAGMA page_count"))
            return int(pages * connection.scalar(sa.text("PRAGMA page_size")))
        return int(connection.scalar(sa.text("SELECT pg_database_size(current_database())")))


def compare_stores(folder: Path, database: PostgresServer) -> list[dict[str, Any]]:
    rows = []
    for name, connections in (("sqlite", 1), ("postgresql", 1), ("postgresql", 4)):
        label = f"store{name}{connections}"
        where = str(folder / label) if name == "sqlite" else database.url(label)
        with Store(where):
            pass
        empty = size(where)
        rate = write_rate(where, connections)
        verdicts = ANSWERS // connections * connections * CRITERIA
        each = (size(where) - empty) / verdicts
        rows.append({"store": name, "connections": connections, "rate": rate, "bytes": each})
        ratio = rate / rows[0]["rate"]
        print(
            f"{name:<12} {connections:>2} writing {rate:10,.0f} verdicts/s {ratio:6.2f} × "
            f"{each:8,.0f} bytes a verdict",
            flush=True,
        )
    return rows


def busy() -> float:
    """Seconds of processor time so far, of this process and of those that it has waited for."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def timed(
    where: str, file: Path, port: int, processes: int, backend: str | None
) -> tuple[float, float]:
    """Calls a second of a whole run, and milliseconds of processor time for a call."""
    address = f"http://127.0.0.1:{port}/v1#m"
    started, used = time.perf_counter(), busy()
    run = api.run(
        "healthbench",
        system=address,
        grader=address,
        data=file,
        store=where,
        grader_template="preceptor",
        system_params={"concurrency": CONNECTIONS},
        grader_params={"concurrency": CONNECTIONS},
        processes=processes,
        backend=backend,
    )
    seconds, used = time.perf_counter() - started, busy() - used
    assert run.outcome is not None
    assert run.outcome.status == "done", run.outcome
    with Store(where) as store:
        graded = store.graded(store.run(run.info.name))
    calls = sum(1 + len(item.verdicts) for item in graded)
    return calls / seconds, 1000 * used / calls


def compare_runs(
    folder: Path, database: PostgresServer, examples: int, repeats: int, ray: bool
) -> list[dict[str, Any]]:
    file = folder / "work.jsonl"
    work.write(file, examples)
    kinds: list[tuple[str, int, str | None]] = [
        (store, processes, None) for store in ("sqlite", "postgresql") for processes in (1, 2)
    ]
    kinds += [("postgresql", 2, "ray")] if ray else []
    rates: dict[Any, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    with server(LATENCY_S, LATENCY_S) as port:
        for turn in range(repeats):
            for number, kind in enumerate(kinds):
                store, processes, backend = kind
                label = f"run{turn}x{number}"
                where = str(folder / label)
                if store == "postgresql":
                    where = database.url(label).replace(f":{database.password}@", "@")
                rates[kind].append(timed(where, file, port, processes, backend))
    rows = []
    for kind, found in rates.items():
        store, processes, backend = kind
        rate, used = (statistics.median(column) for column in zip(*found, strict=True))
        rows.append({"store": store, "processes": processes, "backend": backend, "rate": rate})
        rows[-1]["cpu_ms"] = used if backend is None else None
        ratio = rate / rows[0]["rate"]
        place = backend or "here"
        cpu = "" if backend else f"{used:6.2f} ms of processor a call"
        print(f"{store:<12} {processes:>2} {place:<5} {rate:10,.0f} calls/s {ratio:6.2f} × {cpu}")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=4000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--ray", action="store_true", help="also on a local Ray cluster")
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder, PostgresServer() as database:
        os.environ["PGPASSWORD"] = database.password
        if options.ray:
            cluster.connect()
        stores = compare_stores(Path(folder), database)
        runs = compare_runs(Path(folder), database, options.examples, options.repeats, options.ray)
    if options.json:
        options.json.write_text(json.dumps({"stores": stores, "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
