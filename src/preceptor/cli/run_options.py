"""Options of the commands that run a benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from preceptor.cli.options import number, whole_number

__all__ = [
    "Address",
    "Backend",
    "Batch",
    "BenchmarkArgument",
    "Circular",
    "DryRun",
    "Frame",
    "Grader",
    "GraderParam",
    "Images",
    "Limit",
    "MaxCost",
    "MaxTokens",
    "MinCoverage",
    "Patient",
    "PatientParam",
    "Processes",
    "Repeats",
    "SelfConsistency",
    "Shots",
    "SystemParam",
    "Template",
    "Window",
]

BenchmarkArgument = Annotated[
    str,
    typer.Argument(
        metavar="BENCHMARK",
        help="A benchmark (see `preceptor list benchmarks`), a workbook of tasks, or a folder.",
    ),
]
Address = Annotated[
    str,
    typer.Option(
        "--system",
        "-s",
        metavar="ADDRESS",
        help="The system under test, e.g. openai/gpt-5.4; see `preceptor list systems`.",
    ),
]
Grader = Annotated[
    str | None,
    typer.Option(
        "--grader",
        "-g",
        metavar="ADDRESS",
        help="The grader. Default: that of the benchmark's authors.",
    ),
]
MaxCost = Annotated[
    float | None,
    typer.Option(
        "--max-cost",
        parser=number,
        metavar="DOLLARS",
        help="Cap on dollars: the run stops cleanly.",
    ),
]
MaxTokens = Annotated[
    int | None,
    typer.Option(
        "--max-total-tokens",
        parser=whole_number,
        metavar="N",
        help="Cap on tokens: the run stops cleanly.",
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit", parser=whole_number, metavar="N", help="A fixed random sample of N examples."
    ),
]
Repeats = Annotated[
    int,
    typer.Option("--repeats", parser=whole_number, metavar="N", help="Answers per example."),
]
MinCoverage = Annotated[
    float,
    typer.Option(
        "--min-coverage",
        parser=number,
        metavar="SHARE",
        help="Share of criteria to be graded; exit code 1 below it.",
    ),
]
SystemParam = Annotated[
    list[str] | None,
    typer.Option(
        "--system-param",
        "-p",
        metavar="KEY=VALUE",
        help="system_prompt, temperature, max_tokens, reasoning_effort, verbosity, seed, api, "
        "extra_body, api_key_env, stream, timeout, concurrency, retries, price.",
    ),
]
GraderParam = Annotated[
    list[str] | None,
    typer.Option(
        "--grader-param",
        "-P",
        metavar="KEY=VALUE",
        help="A parameter of the grader: those of `run --system-param`; for batched: "
        "criteria_per_call, explain; for jury: rule, quorum, weights, tie; for cascade: low, high, "
        "audit_share, audit_seed; for one member cheap.KEY, strong.KEY, 1.KEY, 2.KEY, …",
    ),
]
Patient = Annotated[
    str | None,
    typer.Option(
        "--patient",
        metavar="ADDRESS",
        help="Who plays the patient: a model, or facts, which gives the facts of the case. "
        "Default: that of the benchmark's authors.",
    ),
]
PatientParam = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="A parameter of the patient's model: those of `run --system-param`.",
    ),
]
Batch = Annotated[
    bool,
    typer.Option(
        "--batch",
        help="Use the batch APIs of OpenAI and Anthropic: half the price, within a day.",
    ),
]
Processes = Annotated[
    int | None,
    typer.Option(
        "--processes",
        parser=whole_number,
        metavar="N",
        help="Share the work among N processes, or N workers of the backend.",
    ),
]
Backend = Annotated[
    str | None,
    typer.Option(
        "--backend", metavar="NAME", help="`ray` for workers on a Ray cluster (RAY_ADDRESS)."
    ),
]
Template = Annotated[
    str | None,
    typer.Option(
        "--grader-template",
        metavar="WHICH",
        help="The grading prompt: `reference`, `preceptor`, or a file.",
    ),
]

Circular = Annotated[
    bool,
    typer.Option("--circular", help="Multiple choice: ask with the options in every order."),
]
Shots = Annotated[
    int,
    typer.Option(
        "--shots",
        parser=whole_number,
        metavar="N",
        help="Put N other questions with their answers before each.",
    ),
]
Retriever = Annotated[
    str | None,
    typer.Option(
        "--retriever",
        metavar="ADDRESS",
        help="Put passages that this search finds before each question: bm25, tfidf, encoder:….",
    ),
]
CorpusPath = Annotated[
    Path | None,
    typer.Option(
        "--corpus", metavar="PATH", help="With --retriever: the passages, a corpus.jsonl."
    ),
]
PassageCount = Annotated[
    int | None,
    typer.Option(
        "--passages",
        parser=whole_number,
        metavar="N",
        help="With --retriever: how many passages. Default: 5.",
    ),
]
Images = Annotated[
    str | None,
    typer.Option(
        "--images",
        metavar="HOW",
        help="A control: ask `without` the images, with those of `another` question, `blank`, or "
        "`reversed`.",
    ),
]
Window = Annotated[
    str | None,
    typer.Option(
        metavar="CENTRE,WIDTH", help="The window of DICOM images. Default: the first of the file."
    ),
]
Frame = Annotated[
    int | None,
    typer.Option(
        parser=whole_number,
        metavar="N",
        help="The frame of DICOM images. Default: all, or eight of more.",
    ),
]
SelfConsistency = Annotated[
    int | None,
    typer.Option(
        "--self-consistency",
        parser=whole_number,
        metavar="K",
        help="Multiple choice: K answers to each question, and their majority vote.",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Call nothing; print the expected calls, tokens, cost and time."
    ),
]
