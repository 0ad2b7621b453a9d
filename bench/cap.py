"""How near its cap does a run end, with few and with many calls at once?

    python bench/cap.py [--cap DOLLARS]

A fake endpoint answers after 20 to 200 ms; system and judge are asked by 8, 100 and 500
connections each. Printed for each: the cap, what the store holds, their ratio, and the calls.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import preceptor
from preceptor.testing import FakeEndpoint

AT_ONCE = (8, 100, 500)


def spent(at_once: int, cap: float, folder: Path) -> tuple[float, int]:
    """(dollars in the store, calls) of a run that its cap stops."""
    with FakeEndpoint(latency=(0.02, 0.2)) as fake:
        run = preceptor.run(
            "starter",
            system=fake.address("model"),
            grader=fake.address("judge"),
            grader_template="preceptor",
            repeats=20,
            store=folder / f"{at_once}.db",
            system_params=["price=3/15", f"concurrency={at_once}"],
            grader_params=["price=3/15", f"concurrency={at_once}"],
            max_cost=cap,
        )
        return run.result().cost_usd or 0.0, fake.calls.total()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cap", type=float, action="append", metavar="DOLLARS")
    caps = parser.parse_args().cap or [0.05, 0.5]
    print("cap      at once    spent     ratio    calls")
    with tempfile.TemporaryDirectory() as folder:
        for cap in caps:
            (place := Path(folder) / f"{cap}").mkdir()
            for at_once in AT_ONCE:
                dollars, calls = spent(at_once, cap, place)
                print(
                    f"${cap:<8g}{at_once:>3} + {at_once:<5}${dollars:<9.4f}"
                    f"{dollars / cap:<9.2f}{calls}"
                )


if __name__ == "__main__":
    main()
