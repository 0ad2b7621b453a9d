"""How fast is a run, beside a bare loop and beside the framework that most people use?

    python bench/throughput.py [--quick] [--against CHECKOUT] [--json FILE]

A fake OpenAI-compatible server in a process of its own (speed/server.py) answers the same made-up
work of HealthBench's size (speed/work.py) for each client (speed/sides.py), itself in a process of
its own, one after the other:

- a bare aiohttp loop, which posts and decodes and does nothing else;
- the same loop over a protocol written by hand: the limit of one process of Python;
- Preceptor: a whole run, from reading the file to the score with its intervals, every answer and
  verdict on disk before it counts;
- inspect-evals' HealthBench on inspect-ai, from PyPI in an environment of its own
  (.venv-inspect-evals, made here when it is not there).

Printed for each: calls a second, the ratio to the bare loop and to inspect-evals, processor time a
call as a ratio to the bare loop's, and the most memory that the process had. Then Preceptor alone
on the full size, 57,237 verdicts: what ten times the work takes. The server and the client share
the machine: with two cores, a client has one.

``--against`` times the Preceptor of another checkout too, "before", each time next to this one, and
leaves inspect-evals out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "speed"))
import work

ROOT = Path(__file__).parent.parent
SPEED = ROOT / "bench" / "speed"
INSPECT = ROOT / ".venv-inspect-evals"
#: Connections, and the ends of the latency in seconds.
SETTINGS = ((64, 0.02, 0.02), (256, 0.05, 0.05), (2000, 0.25, 0.75))
EXAMPLES, FULL = 500, 5000
#: What the issues that this settles ask for.
OF_BARE, CPU_OF_BARE, OF_INSPECT, MEGABYTES, GROWTH = 0.6, 1.1, 15.0, 300, 11.0


def inspect_python() -> Path | None:
    """The interpreter of an environment with inspect-evals, made where there is none."""
    python = INSPECT / "bin" / "python"
    if not python.exists():
        print("installing inspect-ai and inspect-evals (once) …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", INSPECT], check=True)
        packages = ["inspect-ai", "inspect-evals", "openai"]
        done = subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=False)
        if done.returncode:
            return None
    return python


@contextmanager
def server(low: float, high: float) -> Iterator[int]:
    command = [sys.executable, str(SPEED / "server.py"), "--latency", str(low), str(high)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def timed(
    side: str,
    python: Path,
    port: int,
    file: Path,
    connections: int,
    before: Path | None = None,
) -> dict[str, Any]:
    environment = dict(os.environ)
    paths = environment.pop("PYTHONPATH", "")  # of ours, nothing gets into that of another client
    if side != "inspect":
        source = (before if side == "before" and before else ROOT) / "src"
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(source), paths)))
    here = "preceptor" if side == "before" else side
    command = [str(python), str(SPEED / "sides.py"), here, str(port), str(file), str(connections)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{side}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found | {"side": side, "rate": found["calls"] / found["seconds"]}


def middle(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The run with the median rate."""
    rate = statistics.median_low(run["rate"] for run in runs)
    return next(run for run in runs if run["rate"] == rate)


def compare(
    folder: Path, repeats: int, python: Path | None, before: Path | None
) -> list[dict[str, Any]]:
    file = folder / "some.jsonl"
    work.write(file, EXAMPLES)
    rows = []
    for connections, low, high in SETTINGS:
        with server(low, high) as port:
            here: dict[str, list[dict[str, Any]]] = {"bare": [], "hand": [], "preceptor": []}
            if before is not None:
                here["before"] = []
            for _ in range(repeats):  # by turns: what else the machine does meets them alike
                for side, runs in here.items():
                    runs.append(timed(side, Path(sys.executable), port, file, connections, before))
            if python is not None:
                here["inspect"] = [timed("inspect", python, port, file, connections)]
        found = {side: middle(runs) for side, runs in here.items()}
        for run in found.values():
            of_bare = run["rate"] / found["bare"]["rate"]
            rest = run["rate"] / found["inspect"]["rate"] if python is not None else None
            cpu = run["cpu"] / run["calls"] * found["bare"]["calls"] / found["bare"]["cpu"]
            run |= {"connections": connections, "latency": (low, high), "cpu_of_bare": cpu}
            rows.append(run | {"of_bare": of_bare, "of_inspect": rest})
            show(rows[-1])
    return rows


def show(row: dict[str, Any]) -> None:
    low, high = row["latency"]
    latency = f"{low * 1000:.0f} ms" if low == high else f"{low * 1000:.0f}–{high * 1000:.0f} ms"
    rest = "" if row["of_inspect"] is None else f"{row['of_inspect']:8.1f} ×"
    print(
        f"{row['connections']:>11,}  {latency:>10}  {row['side']:<10} {row['rate']:8,.0f} "
        f"{row['of_bare']:8.0%} {row['cpu_of_bare']:8.2f} {rest:>10} {row['megabytes']:7,.0f}",
        flush=True,
    )


def grow(folder: Path) -> list[dict[str, Any]]:
    """Preceptor on a tenth of the full size and on all of it."""
    small, full = folder / "some.jsonl", folder / "full.jsonl"
    work.write(full, FULL)
    connections, low, high = SETTINGS[1]
    with server(low, high) as port:
        runs = [
            timed("preceptor", Path(sys.executable), port, file, connections)
            for file in (small, full, small)
        ]
    return [middle([runs[0], runs[2]]), runs[1]]


def machine() -> str:
    model = "unknown"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(": ")[2] if names else model
    return f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="once each, and without inspect-evals")
    parser.add_argument("--against", type=Path, help="another checkout, timed beside this one")
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    print(f"{machine()}; {EXAMPLES:,} examples, {round(EXAMPLES * work.CRITERIA):,} verdicts\n")
    print("connections     latency  client      calls/s  of bare      CPU of inspect      MB")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = None if options.quick or options.against else inspect_python()
        before = options.against and options.against.resolve()
        rows = compare(folder, 1 if options.quick else 3, python, before)
        small, full = grow(folder)
    ours = [row for row in rows if row["side"] == "preceptor"]
    ratio = full["seconds"] / small["seconds"]
    print(
        f"\n57,237 verdicts: {full['rate']:,.0f} calls/s, {full['seconds']:.1f} s, "
        f"{full['megabytes']:.0f} MB; ten times the work in {ratio:.1f} times the time"
    )
    # The framework at the number of connections that suits it best, Preceptor likewise.
    best = {
        side: max((row["rate"] for row in rows if row["side"] == side), default=None)
        for side in ("preceptor", "inspect")
    }
    cpu = statistics.geometric_mean(row["cpu_of_bare"] for row in ours)
    goals = {
        f"at least {OF_BARE:.0%} of the bare loop everywhere": min(row["of_bare"] for row in ours)
        >= OF_BARE,
        f"at most {CPU_OF_BARE} of the bare loop's processor time a call ({cpu:.2f})": cpu
        <= CPU_OF_BARE,
        f"under {MEGABYTES} MB for 57,237 verdicts": full["megabytes"] < MEGABYTES,
        "10 times the work in at most 11 times the time": ratio <= GROWTH,
    }
    if before is not None:
        speedup = statistics.geometric_mean(
            row["rate"] / other["rate"]
            for row, other in zip(ours, [r for r in rows if r["side"] == "before"], strict=True)
        )
        goals[f"no fewer calls a second than before ({speedup:.2f} times as many)"] = speedup >= 1
    if best["inspect"]:
        times = best["preceptor"] / best["inspect"]
        goals[f"at least {OF_INSPECT:.0f} times inspect-evals (best of each: {times:.1f})"] = (
            times >= OF_INSPECT
        )
    for goal, reached in goals.items():
        print(f"{'reached' if reached else 'NOT reached':>12}: {goal}")
    if options.json:
        options.json.write_text(
            json.dumps({"machine": machine(), "rows": rows, "growth": [small, full]})
        )


if __name__ == "__main__":
    main()
