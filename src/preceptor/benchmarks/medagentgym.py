"""MedAgentGym's nPowerAI: sample sizes and powers of studies, computed by programs."""

from __future__ import annotations

import re

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.protocols.coding import CODING, CODING_LABELS
from preceptor.records import Example, Message, Slice

__all__ = ["BENCHMARKS"]

_ROLE = Message(
    "system",
    "You plan studies. Solve the task by Python programs, which you run with the tool run_python, "
    "and end with the tool finish. A sample size is a whole number; a power is from 0 to 1.",
)
#: Share by which a power may differ; a size is exact.
_POWER = 0.01


def _parse(row: Fields) -> Example:
    wanted = row.one_of("estimate_target", ("size", "power"))
    answer, asked = row.number("answer"), row.text("question")
    if wanted == "size" and not answer.is_integer():
        raise row.fault("answer", "a whole number of a size", answer)
    return Example(
        id=str(row.line),
        messages=(_ROLE, Message("user", asked)),
        criteria=(),
        tags=(f"wanted:{wanted}", f"test:{row.text('task_type')}"),
        target={
            "answer": answer,
            "tolerance": 0.0 if wanted == "size" else _POWER,
            # Many questions are one study with other numbers.
            "cluster": re.sub(r"[\d.,]+", "#", asked),
        },
    )


BENCHMARKS = (
    Benchmark(
        name="medagentgym-npower",
        title="MedAgentGym (nPowerAI)",
        family="agents",
        summary="sample sizes and powers of studies, by programs in a sandbox",
        licence="none stated",
        citation="Xu et al. 2025, arXiv:2506.04405",
        n_examples=343,
        parse=_parse,
        protocol=CODING,
        url="https://github.com/wshi83/MedAgentGym",
        folder="medagentgym/npowerai/test_tasks.jsonl",
        labels={
            **CODING_LABELS,
            "wanted": "What is asked for",
            "wanted:size": "Sample size (exact)",
            "wanted:power": "Power (within 1 %)",
            "test": "Test",
        },
        slices=(Slice("wanted", ("size", "power")), Slice("test")),
        measures="Whether an agent can compute the size or the power of a study, by programs.",
        faults=(
            "Many questions are one study with other numbers: intervals count studies.",
            "29 of the 180 powers are 1, to any number of digits.",
        ),
        verified="All 343 tasks are read; an agent with the file's answers is right in all, one "
        "that misses a size by one or a power by 2 % in none.",
    ),
)
