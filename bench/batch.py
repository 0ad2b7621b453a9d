"""How much memory and time of its own does a run in batches take?

    python bench/batch.py [--verdicts 57237]

A fake of OpenAI's batch API in a process of its own ends every batch at the third look. The
examples are made up: prompts of about 4 kB with 6 to 17 criteria each. Printed are resident memory
every few seconds, its peak, and the seconds in all, of which the pauses are a few.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import resource
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import preceptor
from preceptor.engine.progress import Progress
from preceptor.systems.batch.model import BatchModel
from preceptor.systems.batch.work import Pace
from preceptor.testing.batches import FakeBatches

WORDS = ("fever", "pain", "rest", "doctor", "please", "urgent", "water", "safe", "dose", "child")


def serve(connection: Connection) -> None:
    with FakeBatches(looks=3) as fake:
        connection.send(fake.variables)
        connection.recv()
        connection.send([len(job.requests) for job in fake.jobs])


def rows(verdicts: int) -> list[dict[str, Any]]:
    chance = random.Random(1)
    made: list[dict[str, Any]] = []

    def text(words: int) -> str:
        return " ".join(chance.choices(WORDS, k=words))

    while verdicts > 0:
        count = min(verdicts, chance.randint(6, 17))
        verdicts -= count
        turns = [("user", 130), ("assistant", 220), ("user", 70)]
        made.append(
            {
                "prompt": [{"role": role, "content": text(words)} for role, words in turns],
                "prompt_id": f"p{len(made)}",
                "rubrics": [
                    {"criterion": f"{text(25)} {i}", "points": 5, "tags": ["level:example"]}
                    for i in range(count)
                ],
                "example_tags": ["theme:hedging"],
                "ideal_completions_data": None,
            }
        )
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--verdicts", type=int, default=57_237)
    verdicts = parser.parse_args().verdicts
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    context.Process(target=serve, args=(theirs,), daemon=True).start()
    os.environ.update(ours.recv())
    BatchModel.pace = Pace(gather=1.0, first_look=0.2, longest_look=0.5)
    started = said = time.monotonic()

    def watch(progress: Progress) -> None:
        nonlocal said
        if time.monotonic() - said > 3:
            said = time.monotonic()
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            megabytes = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
            print(f"{said - started:6.1f} s {megabytes:6.0f} MB", *progress.batches(), sep="  ")

    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data.jsonl")
        data.write_text("".join(json.dumps(row) + "\n" for row in rows(verdicts)), "utf-8")
        done = preceptor.run(
            "healthbench",
            data=data,
            system="openai/gpt-4.1-mini",
            grader="openai/gpt-4.1",
            grader_template="preceptor",
            store=Path(folder, "bench.db"),
            batch=True,
            watch=watch,
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"{verdicts:,} verdicts, {done.outcome}: {time.monotonic() - started:.0f} s")
    print(f"peak {peak:,.0f} MB, {peak * 1e3 / verdicts:.1f} kB a verdict")
    ours.send(None)
    print("batches:", ours.recv())


if __name__ == "__main__":
    main()
