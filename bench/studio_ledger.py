"""How long verifying a studio takes, as a ratio to reading and hashing the same rows.

    python bench/studio_ledger.py            # 100,000 events
    python bench/studio_ledger.py 1000000

Half of the events are of tasks (begun, handed in, queued, reviewed, decided), half are labels. The
first ratio is of the chain: order, hashes, payloads, erasures. The second has the projections in
it, too, which are rebuilt in memory and compared row by row. The goal is at most 3, which the chain
meets and all does not: what SQLite takes to write and to read the rows anew is the larger part of
what the last line shows.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial

import sqlalchemy as sa

from preceptor.studio.database import Studio
from preceptor.studio.ids import new_id
from preceptor.studio.items import acts
from preceptor.studio.items.content import (
    DIMENSIONS,
    Content,
    CriterionReview,
    ItemCriterion,
    Rating,
    Review,
    Turn,
)
from preceptor.studio.labelling.acts import Labelled
from preceptor.studio.ledger.acts import Act, Who, read_act
from preceptor.studio.ledger.chain import BLOCK, append, recorded, rows_of
from preceptor.studio.ledger.rebuild import differences, fresh
from preceptor.studio.ledger.verify import verify

ROUNDS = 3
AT_ONCE = 5000
PEOPLE = [Who(new_id(), new_id()) for _ in range(100)]
#: Labels to a task, as many as there are other events of one.
LABELS = 5
CRITERIA = 8


def content() -> Content:
    """About 2,000 characters."""
    criteria = tuple(
        ItemCriterion(
            new_id(), "Says at which dose of the drug the patient has to stop at once.", 5
        )
        for _ in range(CRITERIA)
    )
    turn = Turn("user", "The patient asks about a drug that he takes for his heart. " * 10)
    return Content(messages=(turn,), criteria=criteria, specialty="cardiology", language="en")


def happened(draw: random.Random) -> Iterator[tuple[Act, str, str]]:
    """Act, subject and outcome of one event after the other."""
    while True:
        task, item = content(), new_id()
        rated = Rating(answer="The dose is safe. " * 20, overall=4, dimensions={DIMENSIONS[0]: 4})
        said = tuple(CriterionReview(criterion=each.id) for each in task.criteria)
        yield acts.Created(specialty="cardiology", language="en"), item, "draft"
        yield acts.Submitted(content=task, rating=rated), item, "submitted"
        yield acts.Moved(move="queue"), item, "in_review"
        review = Review(realistic=True, flaw=False, criteria=said, approve=True)
        yield acts.Reviewed(review=review), item, "adjudicating"
        yield acts.Adjudicated(content=task, rating=rated), item, "accepted"
        for _ in range(LABELS):
            yield Labelled(), new_id(), draw.choice(("met", "not_met", "cannot_tell"))


def fill(studio: Studio, events: int) -> None:
    draw = random.Random(0)
    waiting = itertools.islice(happened(draw), events)

    def some(part: list[tuple[Act, str, str]], connection: sa.Connection) -> None:
        for act, subject, outcome in part:
            append(connection, act, by=draw.choice(PEOPLE), subject=subject, outcome=outcome)

    while part := list(itertools.islice(waiting, AT_ONCE)):
        studio.write_now(partial(some, part))


def read_and_hash(studio: Studio) -> None:
    with studio.read() as connection:
        for row in rows_of(connection):
            hashlib.sha256("".join(map(str, row)).encode()).hexdigest()


def parts(studio: Studio) -> tuple[float, float, float]:
    """CPU seconds of the projections: payloads decoded, acts applied, tables compared."""
    decoded = applied = 0.0
    with studio.read() as connection, fresh() as made:
        rows = recorded(connection)
        while block := list(itertools.islice(rows, BLOCK)):
            start = time.process_time()
            found = [(event, read_act(event.kind, body)) for event, _, body in block]
            between = time.process_time()
            for event, act in found:
                act.apply(made, event)
            decoded += between - start
            applied += time.process_time() - between
        compared = seconds(lambda: list(differences(connection, made)))
    return decoded, applied, compared


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main(events: int) -> None:
    def checked(projections: bool) -> None:
        assert verify(studio, projections=projections).faults == ()

    with tempfile.TemporaryDirectory() as folder, Studio.open(f"{folder}/s", create=True) as studio:
        took = seconds(lambda: fill(studio, events))
        print(f"{events:,} events, written in {took:.1f} s of CPU")
        works = (
            lambda: read_and_hash(studio),
            partial(checked, False),
            partial(checked, True),
        )
        split = parts(studio)
        rounds = [[seconds(work) for work in works] for _ in range(ROUNDS)]
    plain, chain, both = (statistics.median(each) for each in zip(*rounds, strict=True))
    print(f"medians of {ROUNDS}: read and hash {plain:.2f} s of CPU")
    print(f"verify the chain {chain:.2f} s: {chain / plain:.1f} x")
    print(f"verify all {both:.2f} s: {both / plain:.1f} x")
    words = ("decoding payloads", "applying acts", "comparing tables")
    print(", ".join(f"{each} {took:.2f} s" for each, took in zip(words, split, strict=True)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
