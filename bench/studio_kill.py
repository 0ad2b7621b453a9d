"""Kill a process under load, fifty times: nothing that it acknowledged is lost, the chain is whole.

python bench/studio_kill.py
python bench/studio_kill.py 50 postgresql://USER@HOST/EMPTY
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from pathlib import Path

import sqlalchemy as sa

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


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        kills = int(sys.argv[1]) if len(sys.argv) > 1 else 50
        main(kills, sys.argv[2] if len(sys.argv) > 2 else f"{folder}/studio.db")
