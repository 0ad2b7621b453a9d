"""Kill a process under load, fifty times: nothing that it acknowledged is lost, the chain is whole.

    python bench/studio_kill.py
    python bench/studio_kill.py 50 postgresql://USER@HOST/EMPTY
    python bench/studio_kill.py 50 --served

Two hundred writers append events; with ``--served`` two hundred authors save their forms in a
server (studio_load.py), and each form is looked at again after each kill.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import sqlalchemy as sa
from studio_load import Author, authors, fill, served

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from preceptor.studio.database import Studio
from preceptor.studio.ledger.verify import verify
from studio_notes import NOTES

WRITERS = 200
WRITE = f"""
import sys
sys.path.insert(0, {sys.path[0]!r})
from studio_notes import save
save(sys.argv[1], writers={WRITERS})
"""


def life(where: str, acknowledged: int) -> set[str]:
    """What a process acknowledged, until it is killed after so many."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITE, where], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        told = [child.stdout.readline().strip() for _ in range(acknowledged)]
        child.kill()
        whole, _, _ = child.stdout.read().rpartition("\n")
    return {*told, *whole.split()}


def main(kills: int, where: str) -> None:
    moments = random.Random(9)
    told: set[str] = set()
    with Studio.open(where, create=True) as studio:
        for number in range(kills):
            told |= life(where, moments.randrange(1, 1000))
            with studio.read() as connection:
                kept = set(connection.scalars(sa.select(NOTES.c.id)))
            assert told <= kept, f"kill {number}: {len(told - kept)} lost"
            checked = verify(studio)
            assert checked.faults == (), checked.faults
            print(f"kill {number + 1}: {len(told):,} acknowledged, {len(kept):,} kept, whole")
    print("0 lost")


async def typing(users: list[Author], server: subprocess.Popen[str], seconds: float) -> int:
    """All save as fast as they are answered, until the server is killed; saves acknowledged."""

    async def work(user: Author, chance: random.Random) -> int:
        saved = 0
        await asyncio.sleep(chance.uniform(0, seconds / 2))
        try:
            while True:
                await user.save(user.rev + 1)
                saved += 1
        except (OSError, asyncio.IncompleteReadError):
            return saved

    chance = random.Random(0)
    under_way = asyncio.gather(*(work(each, chance) for each in users))
    await asyncio.sleep(seconds)
    server.kill()
    saved = sum(await under_way)
    for each in users:
        each.close()
    return saved


async def reloaded(users: list[Author]) -> None:
    """Each form has what was acknowledged, or what was under way; nothing else."""
    for user in users:
        page = await user.page()
        shown = re.search(r'<textarea[^>]*id="t-0"[^>]*>\n?(.*?)</textarea>', page, re.DOTALL)
        rev = re.search(r'name="rev" value="(\d+)"', page)
        assert shown is not None
        assert rev is not None
        text = html.unescape(shown[1]).strip()
        assert text in (user.acknowledged.strip(), user.text.strip()), "a form lost what was saved"
        user.rev, user.acknowledged = int(rev[1]), text
        user.close()


def under_load(kills: int, people: int) -> None:
    moments = random.Random(9)
    with tempfile.TemporaryDirectory() as folder:
        where, complaints = f"{folder}/studio.db", Path(folder) / "complaints"
        made, users = fill(where, people), []
        for number in range(kills + 1):
            with served(where, complaints) as (server, port):
                before, users = users, authors(where, made, port)
                for user, old in zip(users, before, strict=False):
                    user.rev, user.text, user.acknowledged = old.rev, old.text, old.acknowledged
                if before:
                    asyncio.run(reloaded(users))
                if number == kills:
                    break
                saved = asyncio.run(typing(users, server, moments.uniform(1, 4)))
            with Studio.open(where) as studio:
                checked = verify(studio)
            assert checked.faults == (), checked.faults
            print(f"kill {number + 1}: {saved:,} saves acknowledged, whole", flush=True)
        assert not complaints.read_text(), complaints.read_text()
    print(f"0 lost; after each kill {people} forms had what was saved last")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("kills", type=int, nargs="?", default=50)
    options.add_argument("where", nargs="?")
    options.add_argument("--served", action="store_true")
    options.add_argument("--people", type=int, default=200)
    given = options.parse_args()
    if given.served:
        under_load(given.kills, given.people)
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(given.kills, given.where or f"{folder}/studio.db")
