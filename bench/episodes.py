"""What an episode of eight rounds costs beside eight single questions of the same length.

    python bench/episodes.py [--episodes 200]

The same conversations are asked twice: as episodes, whose user's turns come from a script, and as
single questions, each with the turns before it in its row. A fake server in a process of its own
(speed/server.py) answers both. Printed: CPU seconds of each run, from reading the file to the
score, the better of three, and their ratio.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROUNDS, GOAL = 8, 1.3
SERVER = Path(__file__).parent / "speed" / "server.py"
WORDS = "I have had this pain since the day before yesterday, and it is worse when I breathe in. "


def parse(row: Any) -> Any:
    """A conversation, and what the user says later; any answer is right."""
    from preceptor.extend import Example, message

    said = tuple(message(each) for each in row.items("messages"))
    target = {"options": {"A": "yes", "B": "no"}, "answer": "A", "turns": row.row["turns"]}
    return Example(row.text("id"), said, (), target=target)


def benchmark(name: str) -> Any:
    from preceptor.extend import Benchmark, ChoiceProtocol, Script

    protocol = ChoiceProtocol()
    if name == "episodes":
        protocol.environment = Script(lambda example: example.target["turns"])
    return Benchmark(
        name=name,
        title=name,
        family="choice",
        summary="made up",
        licence="none",
        citation="none",
        n_examples=0,
        protocol=protocol,
        parse=parse,
    )


def rows(folder: Path, episodes: int) -> None:
    """The same conversations as episodes, and as single questions."""
    from server import ANSWER  # what the server says: as the turns of a system

    whole, single = [], []
    for number in range(episodes):
        said = [f"{number}.{turn}: {WORDS * 5}" for turn in range(ROUNDS)]
        first = {"role": "user", "content": said[0]}
        whole.append({"id": str(number), "messages": [first], "turns": said[1:]})
        for turn in range(ROUNDS):
            before = [
                {"role": role, "content": text}
                for each in said[:turn]
                for role, text in (("user", each), ("assistant", ANSWER))
            ]
            messages = [*before, {"role": "user", "content": said[turn]}]
            single.append({"id": f"{number}.{turn}", "messages": messages, "turns": []})
    for name, some in (("episodes", whole), ("questions", single)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in some))


def run(folder: Path, name: str, port: int) -> float:
    """CPU seconds of a run in a process of its own."""
    command = [sys.executable, __file__, "--run", str(folder / name), "--port", str(port)]
    with tempfile.TemporaryDirectory() as place:
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return float(done.stdout.splitlines()[-1])


def one(file: str, port: int) -> None:
    import preceptor
    from preceptor import benchmarks

    made = benchmark(Path(file).name)
    benchmarks.all_benchmarks = lambda: (made,)
    before = resource.getrusage(resource.RUSAGE_SELF)
    found = preceptor.run(
        made.name,
        data=file,
        system=f"http://127.0.0.1:{port}/v1#m",
        system_params={"concurrency": 64},
        name="timed",
    )
    found.result()
    after = resource.getrusage(resource.RUSAGE_SELF)
    print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--run")
    parser.add_argument("--port", type=int)
    asked = parser.parse_args()
    if asked.run:
        one(asked.run, asked.port)
        return
    sys.path.insert(0, str(SERVER.parent))
    with (
        tempfile.TemporaryDirectory() as place,
        subprocess.Popen(
            [sys.executable, str(SERVER), "--latency", "0.01", "0.01"],
            stdout=subprocess.PIPE,
            text=True,
        ) as server,
    ):
        assert server.stdout is not None
        try:
            port = int(server.stdout.readline())
            folder = Path(place)
            rows(folder, asked.episodes)
            times = {
                name: min(run(folder, name, port) for _ in range(3))
                for name in ("questions", "episodes")
            }
        finally:
            server.kill()
    calls = asked.episodes * ROUNDS
    for name, seconds in times.items():
        print(f"{name:10} {calls:6,} calls {seconds:6.2f} s of CPU")
    ratio = times["episodes"] / times["questions"]
    print(f"an episode of {ROUNDS} rounds: {ratio:.2f} of {ROUNDS} questions (at most {GOAL})")


if __name__ == "__main__":
    main()
