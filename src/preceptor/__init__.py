"""Preceptor measures health AI the way a physician supervises a trainee.

>>> import preceptor
>>> run = preceptor.run("starter", system="physician", grader="openai/gpt-5.4-mini")
... # doctest: +SKIP
>>> run.score()["metrics"]["overall_score"]  # doctest: +SKIP
>>> run.report("report.html")  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from preceptor.version import VERSION as __version__

if TYPE_CHECKING:
    from preceptor.analysis.comparison import Comparison
    from preceptor.api import Run, compare, dry_run, load, resume, run, runs, sides, suite, sweep
    from preceptor.errors import (
        BudgetExceeded,
        DataError,
        EndpointError,
        EndpointRefused,
        InputError,
        PreceptorError,
        StoreBusy,
        StoreError,
        Unavailable,
        UnknownName,
    )
    from preceptor.records import (
        Criterion,
        Example,
        Graded,
        Message,
        Metric,
        Response,
        Result,
        Score,
        Verdict,
    )
    from preceptor.results.pool import Side
    from preceptor.rewards.records import Reward
    from preceptor.rewards.rewarder import Rewarder, reward

_HOMES = {
    "preceptor.api": (
        "Run",
        "compare",
        "dry_run",
        "load",
        "resume",
        "run",
        "runs",
        "sides",
        "suite",
        "sweep",
    ),
    "preceptor.analysis.comparison": ("Comparison",),
    "preceptor.results.pool": ("Side",),
    "preceptor.errors": (
        "BudgetExceeded",
        "DataError",
        "EndpointError",
        "EndpointRefused",
        "InputError",
        "PreceptorError",
        "StoreBusy",
        "StoreError",
        "Unavailable",
        "UnknownName",
    ),
    "preceptor.records": (
        "Criterion",
        "Example",
        "Graded",
        "Message",
        "Metric",
        "Response",
        "Result",
        "Score",
        "Verdict",
    ),
    "preceptor.rewards.records": ("Reward",),
    "preceptor.rewards.rewarder": ("Rewarder", "reward"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BudgetExceeded",
    "Comparison",
    "Criterion",
    "DataError",
    "EndpointError",
    "EndpointRefused",
    "Example",
    "Graded",
    "InputError",
    "Message",
    "Metric",
    "PreceptorError",
    "Response",
    "Result",
    "Reward",
    "Rewarder",
    "Run",
    "Score",
    "Side",
    "StoreBusy",
    "StoreError",
    "Unavailable",
    "UnknownName",
    "Verdict",
    "__version__",
    "compare",
    "dry_run",
    "load",
    "resume",
    "reward",
    "run",
    "runs",
    "sides",
    "suite",
    "sweep",
]


def __getattr__(name: str) -> Any:
    """Import on first use: `import preceptor` alone costs next to nothing."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'preceptor' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
