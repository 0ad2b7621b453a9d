"""Opening, scoring, reporting and exporting a store of a million verdicts.

    python bench/scale.py [--against SRC] [--examples N] [--json FILE] [--keep FOLDER] [--only NAME]

One run of 5,000 made-up examples with 16 repeats (915,792 verdicts) and one with 2 (114,474) are
written as the pipeline writes them, in transactions of 2,000, with keys and texts of the length of
real ones. Then each command is timed as a user types it, in a process of its own, beside the same
on a run of a tenth of the size. With ``--against`` the ``src`` of another version of Preceptor,
that one does the same on a store of its own, command by command: ratios of CPU time are printed.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "speed"))
import work

from preceptor import records
from preceptor.benchmarks import get
from preceptor.records import Example, Response, Usage, Verdict
from preceptor.store import Store

EXAMPLES = 5_000
#: Characters of an explanation and of an answer, as graders and systems write them.
WHY, ANSWER = 390, 1_724
_SYLLABLES = ("ra", "ti", "on", "me", "lo", "di", "ca", "ver", "su", "pen", "ta", "gri", "ol", "ex")
_AT_ONCE = 2_000


def runs(examples: int) -> dict[str, tuple[int, int]]:
    """Name of the run → examples, repeats."""
    return {"tenth": (examples // 5, 8), "large": (examples, 16), "second": (examples, 2)}


class Words:
    """Texts whose words are about as often as those of a language."""

    def __init__(self, seed: str) -> None:
        draw = self._draw = random.Random(seed)
        self._words = ["".join(draw.choices(_SYLLABLES, k=1 + n // 900)) for n in range(3_000)]
        self._weights = list(itertools.accumulate(1 / (n + 3) for n in range(3_000)))

    def __call__(self, length: int) -> str:
        count = round(length * self._draw.uniform(0.6, 1.4) / 6)
        return " ".join(self._draw.choices(self._words, cum_weights=self._weights, k=count))


def results(examples: list[Example], repeats: int, run: str) -> Iterator[tuple[tuple, list]]:
    draw, words = random.Random(run), Words(run)
    for position, example in enumerate(examples):
        for repeat in range(repeats):
            key = hashlib.md5(f"{run} {position} {repeat}".encode()).hexdigest()
            text = words(ANSWER)
            usage = Usage(300, len(text) // 4)
            answer = Response(key, text=text, usage=usage, latency_s=1.0, cost_usd=0.001)
            verdicts = [
                Verdict(
                    hashlib.md5(f"{key} {place}".encode()).hexdigest(),
                    draw.random() < 0.6,
                    words(WHY),
                    usage=Usage(1500, 60),
                    latency_s=0.5,
                    cost_usd=0.002,
                    attempts=1,
                )
                for place in range(len(example.criteria))
            ]
            yield (
                (position, repeat, answer, False),
                [(position, repeat, place, each, False) for place, each in enumerate(verdicts)],
            )


def build(path: Path, data: Path, examples: int) -> None:
    """Write the runs."""
    work.write(data, examples)
    dataset = get("healthbench").load(data)
    kind = getattr(records, "RunSettings", dict)  # that of earlier versions
    settings = kind(departures=[], system_parameters={}, grader_parameters={})
    with Store(path) as store:
        for name, (count, repeats) in runs(examples).items():
            some = dataset.examples[:count]
            run = store.create_run(
                name=name,
                benchmark="healthbench",
                system=f"http://127.0.0.1/v1#{name}",
                grader="http://127.0.0.1/v1#judge",
                settings=settings,
                examples=[(example, repeats) for example in some],
                repeats=repeats,
            )
            answers, verdicts = [], []
            for answer, judged in results(list(some), repeats, name):
                answers.append(answer)
                verdicts += judged
                if len(verdicts) >= _AT_ONCE:
                    store.write(run, answers, verdicts)
                    answers, verdicts = [], []
            store.write(run, answers, verdicts)
            store.set_status(run, "done")


def timed(command: list[str], source: str | None, folder: Path) -> tuple[float, float]:
    """CPU seconds and megabytes of a command of that version."""
    for made in folder.glob("again.db*"):  # else an import finds its runs there already
        made.unlink()
    # Modules are compiled once, wherever the sources lie, as for a user who has installed them.
    environment = dict(os.environ) | {"PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment |= {"PYTHONPATH": source} if source else {}
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        assert process.stderr is not None
        raise SystemExit(f"{command}: {process.stderr.read().decode()[-2000:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def commands() -> dict[str, list[list[str]]]:
    """What is timed: on the run of a tenth of the size, and on the large one."""
    both = ("tenth", "large")
    exports = {
        f"export {kind}": [["export", run, "-o", f"{run}.{kind}"] for run in both]
        for kind in ("csv", "parquet", "jsonl")
    }
    return {
        "runs": [["runs"], ["runs"]],
        "score": [["score", run] for run in both],
        "compare": [["compare", run, "second"] for run in both],
        "report": [["report", run, "--share", "-o", f"{run}.html"] for run in both],
        "leaderboard": [["leaderboard", run] for run in both],
        **exports,
        "import graded": [  # of the files that "export jsonl" wrote
            ["import", "graded", f"{run}.jsonl", "--benchmark=healthbench", "--store=again.db"]
            for run in both
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--against", help="the folder src of another version")
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    parser.add_argument("--times", type=int, default=1, help="how often: the middle one counts")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--only", nargs="+", help="these commands")
    parser.add_argument("--keep", type=Path, help="make the stores there, or use those that are")
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build:
        build(options.build / "preceptor.db", options.build / "work.jsonl", options.examples)
        return
    sides = {"here": None} | ({"there": options.against} if options.against else {})
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folders = {side: (options.keep or Path(name)).resolve() / side for side in sides}
        make = [str(Path(__file__).resolve()), f"--examples={options.examples}", "--build"]
        for side, folder in folders.items():
            path = folder / "preceptor.db"
            if not path.exists():
                folder.mkdir(parents=True)
                seconds, _ = timed([*make, str(folder)], sides[side], folder)
                print(f"{side}: built in {seconds:.0f} s of CPU")
            print(f"{side}: the store has {path.stat().st_size / 2**20:,.0f} MB", flush=True)
        print("\ncommand          tenth      large    ratio       MB   of there")
        for command, pair in commands().items():
            if options.only and command not in options.only:
                continue
            for side, folder in folders.items():
                timed(["-m", "preceptor.cli", *pair[0]], sides[side], folder)  # it compiles
                runs = [
                    [timed(["-m", "preceptor.cli", *words], sides[side], folder) for words in pair]
                    for _ in range(options.times)
                ]
                small, large = (statistics.median(run[n][0] for run in runs) for n in (0, 1))
                megabytes = max(run[1][1] for run in runs)
                found[f"{command}, {side}"] = {"tenth": small, "large": large, "mb": megabytes}
            here = found[f"{command}, here"]
            there = found.get(f"{command}, there")
            of_there = f"{here['large'] / there['large']:10.2f}" if there else ""
            print(
                f"{command:<14} {here['tenth']:6.1f} s {here['large']:8.1f} s "
                f"{here['large'] / here['tenth']:8.1f} {here['mb']:8,.0f} {of_there}",
                flush=True,
            )
    if options.json:
        options.json.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
