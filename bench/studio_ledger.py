"""How long verifying a studio takes, as a ratio to reading and hashing the same rows.

    python bench/studio_ledger.py            # 100,000 events
    python bench/studio_ledger.py 1000000

The first ratio is of the chain: order, hashes, payloads, erasures. The second has the projections
in it, too, which are rebuilt in memory and compared row by row: two statements for an event, here.
The goal of both is at most 3.
"""

from __future__ import annotations

import hashlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from preceptor.studio.database import Studio
from preceptor.studio.ledger.chain import rows_of
from preceptor.studio.ledger.verify import verify
from studio_notes import note

ROUNDS = 3
#: Characters of a payload: an item with its rubric has about so many.
LONG = 2000
AT_ONCE = 5000


def fill(studio: Studio, events: int) -> None:
    text = "The patient asks about a drug. " * (LONG // 31)

    def some(connection: sa.Connection, start: int) -> None:
        for number in range(start, min(start + AT_ONCE, events)):
            note(text, subject=f"n{number:09}")(connection)

    for start in range(0, events, AT_ONCE):
        studio.write_now(lambda connection, start=start: some(connection, start))


def read_and_hash(studio: Studio) -> None:
    with studio.read() as connection:
        for row in rows_of(connection):
            hashlib.sha256("".join(map(str, row)).encode()).hexdigest()


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main(events: int) -> None:
    def checked(projections: bool) -> None:
        assert verify(studio, projections=projections).faults == ()

    with tempfile.TemporaryDirectory() as folder, Studio.open(f"{folder}/s", create=True) as studio:
        took = seconds(lambda: fill(studio, events))
        print(f"{events:,} events of {LONG:,} characters, written in {took:.1f} s of CPU")
        rounds = [
            (seconds(lambda: read_and_hash(studio)), seconds(lambda: checked(False)))
            for _ in range(ROUNDS)
        ]
        plain, chain = (statistics.median(each) for each in zip(*rounds, strict=True))
        both = seconds(lambda: checked(True))
    print(f"read and hash {plain:.2f} s of CPU, median of {ROUNDS}")
    print(f"verify the chain {chain:.2f} s: {chain / plain:.1f} x")
    print(f"verify all {both:.2f} s: {both / plain:.1f} x")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
