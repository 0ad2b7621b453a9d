"""chi-bench: long tasks of healthcare administration, run by its own runner and imported."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from preceptor.benchmarks.base import Benchmark
from preceptor.errors import Unavailable
from preceptor.protocols.base import Protocol
from preceptor.protocols.trials import TRIAL_LABELS, Trial, TrialScoring
from preceptor.records import Example, Message, Slice

__all__ = ["BENCHMARKS", "Trial", "task"]


def task(name: str, domain: str) -> Example:
    """A task by its name alone: its text is with those who ran it."""
    message = Message("user", f"The task {name}, run elsewhere.")
    return Example(name, (message,), (), (f"domain:{domain}",))


def _read(path: Path) -> NoReturn:
    """Its tasks are given to those who ask for them, with 20 apps that only its runner has."""
    raise Unavailable(
        f"{path}: chi-bench is run by its own runner: import its results with "
        f"`preceptor import chi-bench FOLDER/trials.csv`"
    )


BENCHMARKS = (
    Benchmark(
        name="chi-bench",
        title="chi-bench",
        family="agents",
        summary="an agent in healthcare administration: trials run elsewhere, imported",
        licence="Apache-2.0 (results); the tasks on request",
        citation="Actava AI 2026, arXiv:2605.16679",
        n_examples=75,
        read=_read,
        protocol=Protocol("trials", scoring=TrialScoring()),
        url="https://github.com/actava-ai/leaderboard",
        brings="`trials.csv`, with `preceptor import chi-bench`",
        labels={
            **TRIAL_LABELS,
            "domain:cm": "Care management",
            "domain:pa_provider": "Prior authorisation, provider",
            "domain:pa_um": "Prior authorisation, payer",
        },
        slices=(Slice("domain", ("pa_provider", "pa_um", "cm")),),
        measures="Whether an agent finishes long tasks of care management and prior "
        "authorisation so that every check holds.",
        faults=(
            "The leaderboard counts a trial that left no reward as failed; 831 of its 7,750 "
            "trials ended with an exception of the agent or its surroundings.",
            "Scorecards are published for 1,225 trials: partial credit is known of these alone.",
        ),
        verified="Of the 182 published rows 181 come out exactly; the other differs in its stated "
        "number of trials alone.",
    ),
)
