"""Two hundred authors save as they type: a save's time, as a ratio to a form that does nothing.

    python bench/studio_load.py                  # three rounds of five minutes
    python bench/studio_load.py --seconds 30
    python bench/studio_load.py --seconds 60 --beside    # a run of 10,000 verdicts beside it

Each author posts the form of their task (about 5 kB) every one to three seconds, as the page's
script does, and after each a form of the same size to an address of the same server that only
reads it. The goals, as the median of the rounds: p95 at most 5 times, p99 at most 8 times; no save
is refused. With ``--beside`` each round is done twice, alone and beside the run: p95 at most
doubles.

The server is a process of its own, and so are the authors and the run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from preceptor.studio.database import Studio
from preceptor.studio.ids import new_id
from preceptor.studio.items import commands
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.chain import append
from preceptor.studio.ledger.verify import verify
from preceptor.studio.people import invitations, sessions
from preceptor.studio.people.acts import Declared, ProjectMade
from preceptor.studio.people.project import project
from preceptor.studio.people.roles import Conflicts, Offer
from preceptor.studio.people.sessions import Limits
from preceptor.studio.web.middleware import Cookie

NOTHING = "/nothing"
TURN = (
    "The patient asks whether both drugs can be taken on the same day, and what to look out for. "
)
RUBRIC = (
    "Advises against taking both drugs on the same day",
    "Names bleeding of the stomach as the danger",
    "Asks which dose of warfarin the patient takes",
    "Recommends paracetamol for the pain instead",
    "Says to see a doctor at once if the stool turns black",
    "Explains how the INR is checked, and how often",
    "Tells the patient to double the next dose",
    "Mentions that ibuprofen is sold without prescription",
    "Offers to write a note for the pharmacist",
    "States that age above 75 makes a bleeding likelier",
    "Claims that a glass of milk prevents all harm",
    "Answers in no more than two hundred words",
)
ROUNDS = 3


class Author:
    """A browser: its connection, its form, and what became of its saves."""

    def __init__(self, cookie: str, token: str, item: str, port: int) -> None:
        self.item, self._port = item, port
        self.rev, self.text, self.acknowledged = 0, "", ""
        self._head = (
            f"POST {{}} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nX-Studio: save\r\n"
            "Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            "Content-Length: {}\r\n\r\n"
        )
        self._token = token
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def form(self) -> bytes:
        fields: list[tuple[str, str]] = [("t-0", self.text)]
        for number, text in enumerate(RUBRIC):
            points = str(-4 if "Claims" in text or "double" in text else number % 5 + 1)
            fields += [("row", f"a{number}"), (f"c-a{number}-text", text)]
            fields += [(f"c-a{number}-points", points)]
        fields += [("rev", str(self.rev)), ("language", "en"), ("specialty", "cardiology")]
        return urlencode([*fields, ("do", "save"), ("token", self._token)]).encode()

    async def post(self, path: str, form: bytes) -> tuple[int, float]:
        """Status and seconds."""
        begun = time.perf_counter()
        status, _ = await self._sent(self._head.format(path, len(form)), form)
        return status, time.perf_counter() - begun

    async def page(self) -> str:
        """The page of the task, as a reload shows it."""
        head = self._head.format(f"/tasks/{self.item}", 0).replace("POST", "GET", 1)
        status, body = await self._sent(head.replace("X-Studio: save\r\n", ""), b"")
        assert status == 200, status
        return body.decode()

    async def _sent(self, head: str, body: bytes) -> tuple[int, bytes]:
        if self._stream is None:
            self._stream = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 22)
        reader, writer = self._stream
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        return int(answer[9:12]), await reader.readexactly(int(length or 0))

    async def save(self, number: int) -> float:
        """Type and save; raises AssertionError where it is refused."""
        self.text = f"{number} {TURN * 40}"
        status, took = await self.post(f"/tasks/{self.item}", self.form())
        assert status == 200, f"a save was answered {status}"
        self.rev, self.acknowledged = self.rev + 1, self.text
        return took

    async def work(
        self, until: float, times: dict[str, list[float]], chance: random.Random
    ) -> None:
        """Save every one to three seconds, each time also nothing."""
        await asyncio.sleep(chance.uniform(0, 2))
        number = self.rev
        while time.monotonic() < until:
            number += 1
            times["save"].append(await self.save(number))
            status, took = await self.post(NOTHING, self.form())
            assert status == 204, status
            times["nothing"].append(took)
            await asyncio.sleep(chance.uniform(1, 3))

    def close(self) -> None:
        if self._stream is not None:
            self._stream[1].close()
        self._stream = None


def fill(where: str, people: int) -> list[tuple[str, str]]:
    """A project with so many authors, each signed in and with a task: secrets and tasks."""

    def one(connection: sa.Connection, number: int) -> tuple[str, str]:
        offer, now = Offer(roles=("author",)), time.time()
        link = invitations.invite(connection, offer, by=None, now=now)
        name = f"a{number}"
        person = invitations.join(
            connection, link, name=name, email=f"{name}@example.org", password="-", now=now
        )
        append(connection, Declared(conflicts=Conflicts()), by=None, subject=person)
        secret, session = sessions.begin(connection, person, now, Limits())
        who = Who(person, session)
        return secret, commands.create(connection, who, "good_faith", "cardiology", "en")

    with Studio.open(where, create=True) as studio:
        made = ProjectMade(name="Load")
        studio.write_now(lambda connection: append(connection, made, by=None, subject=new_id()))
        return studio.write_now(lambda connection: [one(connection, n) for n in range(people)])


def serve(where: str, port: int) -> None:
    """The studio, and an address that reads a form and does nothing."""
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from preceptor.studio.people.accounts import Accounts
    from preceptor.studio.web.app import application
    from preceptor.web import serving

    async def nothing(request: Request) -> Response:
        await request.form()
        return Response(status_code=204)

    with Studio.open(where) as studio, serving.listen("127.0.0.1", port) as listener:
        guard = application(
            Accounts(studio),
            address="http://localhost",
            tell=lambda line: print(line, file=sys.stderr, flush=True),
        )
        guard._app.routes.append(Route(NOTHING, nothing, methods=["POST"]))  # type: ignore[attr-defined]
        print(serving.url_of(listener), flush=True)
        serving.serve(guard, listener, grace_s=5)


@contextlib.contextmanager
def served(where: str, complaints: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server in a process of its own, and its port."""
    with complaints.open("a") as log:
        command = [sys.executable, __file__, "--serve", where]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as server:
            assert server.stdout is not None
            port = int(server.stdout.readline().rstrip("/\n").rpartition(":")[2])
            try:
                yield server, port
            finally:
                server.send_signal(signal.SIGTERM)


def authors(where: str, made: list[tuple[str, str]], port: int) -> list[Author]:
    with Studio.open(where) as studio, studio.read() as connection:
        cookie = Cookie(project(connection).id, secure=False)
    return [
        Author(f"{cookie.name}={secret}", cookie.token(secret), item, port) for secret, item in made
    ]


@contextlib.contextmanager
def running(folder: str) -> Iterator[None]:
    """Runs beside the studio, one after the other, that write verdicts while this is open."""
    with (
        tempfile.TemporaryDirectory(dir=folder) as stores,
        subprocess.Popen([sys.executable, __file__, "--run", stores]) as run,
    ):
        try:
            yield
        finally:
            assert run.poll() is None, "the run beside the studio has failed"
            run.kill()
            run.wait()
            written = sum(map(answers, Path(stores).glob("*.db")))
            print(f"  beside it {written:,} answers were written and judged", flush=True)


def answers(store: Path) -> int:
    with contextlib.closing(sqlite3.connect(store)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM responses").fetchone()
    return int(count)


def run_beside(folder: str) -> None:
    """The 148 verdicts on 36 answers of the starter benchmark, 68 times; then into a new store."""
    import preceptor
    from preceptor.testing import FakeEndpoint

    with FakeEndpoint(latency=0.05) as fake:
        for number in itertools.count():
            preceptor.run(
                "starter",
                system=fake.address("model-a"),
                grader=fake.address("judge"),
                grader_template="preceptor",
                store=f"{folder}/{number}.db",
                repeats=68,
            )


def share(times: list[float], of: float) -> float:
    return sorted(times)[min(len(times) - 1, int(of * len(times)))]


async def measure(users: list[Author], seconds: float, seed: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {"save": [], "nothing": []}
    until, chance = time.monotonic() + seconds, random.Random(seed)
    await asyncio.gather(*(each.work(until, times, chance) for each in users))
    for each in users:
        each.close()
    return times


def worded(times: dict[str, list[float]]) -> list[float]:
    """Print a round; p95 and p99 as ratios, and p95 in seconds."""
    found = {name: [share(each, of) for of in (0.5, 0.95, 0.99)] for name, each in times.items()}
    for name, shares in found.items():
        ms = ", ".join(
            f"{of} {1000 * value:.1f} ms"
            for of, value in zip(("p50", "p95", "p99"), shares, strict=True)
        )
        print(f"  {len(times[name]):,} of {name}: {ms}", flush=True)
    save, nothing = found["save"], found["nothing"]
    return [save[1] / nothing[1], save[2] / nothing[2], save[1]]


def main(seconds: float, people: int, *, beside: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        where, complaints = f"{folder}/studio.db", Path(folder) / "complaints"
        made = fill(where, people)
        alone, both = [], []
        with served(where, complaints) as (_, port):
            users = authors(where, made, port)
            for number in range(ROUNDS):
                print(f"round {number + 1}, alone")
                alone.append(worded(asyncio.run(measure(users, seconds, number))))
                if beside:
                    print(f"round {number + 1}, beside a run")
                    with running(folder):
                        both.append(worded(asyncio.run(measure(users, seconds, number))))
        said = complaints.read_text()
        assert not said, said
        with Studio.open(where) as studio:
            assert verify(studio).faults == ()
    p95, p99, _ = (statistics.median(each) for each in zip(*alone, strict=True))
    print(f"{people} authors, no errors: p95 {p95:.1f} x, p99 {p99:.1f} x a form that does nothing")
    if beside:
        ratio = statistics.median(b[2] / a[2] for a, b in zip(alone, both, strict=True))
        print(f"beside a run p95 is {ratio:.1f} x its own alone")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=300.0)
    options.add_argument("--people", type=int, default=200)
    options.add_argument("--beside", action="store_true")
    options.add_argument("--serve", metavar="FILE", help=argparse.SUPPRESS)
    options.add_argument("--run", metavar="FOLDER", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.serve:
        serve(given.serve, 0)
    elif given.run:
        run_beside(given.run)
    else:
        main(given.seconds, given.people, beside=given.beside)
