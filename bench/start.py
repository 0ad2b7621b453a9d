"""What starting takes: commands on a small run, in CPU time, as ratios to ``--help``.

    python bench/start.py [--against SRC] [--times N]

Each version (``SRC`` is the folder src of another one) makes a store with one finished run of
`starter` at a fake endpoint, and each command is a process of its own. Medians.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from scale import timed

COMMANDS = {
    "--help": ["--help"],
    "--version": ["--version"],
    "list": ["list", "benchmarks"],
    "runs": ["runs"],
    "score": ["score", "small"],
    "resume": ["resume", "small"],
}
MAKE = """
import preceptor
from preceptor.testing import FakeEndpoint

with FakeEndpoint() as fake:
    system, grader = fake.address("m"), fake.address("judge")
    preceptor.run("starter", system=system, grader=grader, store="preceptor.db", name="small")
"""


def measured(source: str | None, folder: Path, times: int) -> dict[str, float]:
    """CPU seconds of each command of that version."""
    folder.mkdir()
    timed(["-c", MAKE], source, folder)
    lines = {name: ["-m", "preceptor.cli", *words] for name, words in COMMANDS.items()}
    for line in lines.values():
        timed(line, source, folder)  # it compiles
    found: dict[str, list[float]] = {name: [] for name in lines}
    for _ in range(times):  # by turns: what else the machine does meets them alike
        for name, line in lines.items():
            found[name].append(timed(line, source, folder)[0])
    return {name: statistics.median(each) for name, each in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--against", help="the folder src of another version")
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    sides = {"here": None} | ({"there": options.against} if options.against else {})
    with tempfile.TemporaryDirectory() as name:
        for side, source in sides.items():
            found = measured(source, Path(name) / side, options.times)
            print(f"{side}:")
            for command, seconds in found.items():
                print(f"  {command:<10} {seconds:6.2f} s {seconds / found['--help']:6.2f}")


if __name__ == "__main__":
    main()
