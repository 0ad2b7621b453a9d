"""``python -m preceptor.testing.fake_endpoint``: the fake endpoint in its own process.

It prints its base URL, then serves until it is interrupted. ``GET /counts`` tells what it did.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import threading
from collections.abc import Sequence

from preceptor.testing.endpoint import FakeEndpoint
from preceptor.testing.faults import CHAOS, FAULTS

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m preceptor.testing.fake_endpoint",
        description="An OpenAI-compatible endpoint for tests, with faults.",
    )
    parser.add_argument("--port", type=int, default=0, help="0 for any that is free")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        choices=["chaos", *FAULTS],
        metavar="NAME",
        help=f"may be given several times; chaos, or {', '.join(FAULTS)}",
    )
    parser.add_argument("--rate", type=float, default=0.3, help="share of attempts with a fault")
    parser.add_argument("--most-faults", type=int, default=2, help="per prompt at the most")
    parser.add_argument(
        "--latency", type=float, nargs="+", default=[0.0], metavar="SECONDS", help="one or a range"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    names = [name for name in options.fault if name != "chaos"]
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with FakeEndpoint(
        faults=[*names, *(CHAOS if "chaos" in options.fault else ())],
        rate=options.rate,
        most_faults=options.most_faults,
        latency=(options.latency[0], options.latency[-1]),
        seed=options.seed,
        port=options.port,
    ) as fake:
        print(fake.url, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            stop.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
