"""``preceptor run`` and ``preceptor resume``."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.dry_run import print_estimates
from preceptor.cli.options import Data, Json, RunName, StorePath, number, whole_number
from preceptor.cli.output import note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from preceptor.api import Run
    from preceptor.records import Result

__all__ = [
    "Address",
    "Batch",
    "BenchmarkArgument",
    "DryRun",
    "Grader",
    "GraderParam",
    "Limit",
    "MaxCost",
    "MaxTokens",
    "MinCoverage",
    "Repeats",
    "SystemParam",
    "Template",
    "elsewhere",
    "finish",
    "resume",
    "run",
    "spent",
]

BenchmarkArgument = Annotated[
    str,
    typer.Argument(
        metavar="BENCHMARK", help="Its name (see `preceptor list benchmarks`), or its folder."
    ),
]
Address = Annotated[
    str,
    typer.Option(
        "--system",
        "-s",
        metavar="ADDRESS",
        help="What is under test, e.g. openai/gpt-5.4; see `preceptor list systems`.",
    ),
]
Grader = Annotated[
    str | None,
    typer.Option(
        "--grader",
        "-g",
        metavar="ADDRESS",
        help="What judges; without it, the grader of the benchmark's authors.",
    ),
]
MaxCost = Annotated[
    float | None,
    typer.Option(
        "--max-cost",
        parser=number,
        metavar="DOLLARS",
        help="Stop cleanly when this much is spent.",
    ),
]
MaxTokens = Annotated[
    int | None,
    typer.Option(
        "--max-total-tokens",
        parser=whole_number,
        metavar="N",
        help="Stop cleanly after this many tokens.",
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
    typer.Option("--repeats", parser=whole_number, metavar="N", help="Answers to each example."),
]
MinCoverage = Annotated[
    float,
    typer.Option(
        "--min-coverage",
        parser=number,
        metavar="SHARE",
        help="Exit with 1 if less of the criteria is graded.",
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
        help="The same for the grader. Of batched:, criteria_per_call; of jury:, rule, quorum, "
        "weights, tie; of cascade:, low, high, audit_share, audit_seed; cheap.KEY, strong.KEY, "
        "1.KEY, 2.KEY, … for one member.",
    ),
]
Batch = Annotated[
    bool,
    typer.Option(
        "--batch",
        help="Ask through the batch APIs of OpenAI and Anthropic: half the price, within a day.",
    ),
]
Processes = Annotated[
    int | None,
    typer.Option(
        "--processes",
        parser=whole_number,
        metavar="N",
        help="Share the work among N processes; with a backend, N workers there.",
    ),
]
Backend = Annotated[
    str | None,
    typer.Option(
        "--backend", metavar="NAME", help="`ray`: the workers are on a Ray cluster (RAY_ADDRESS)."
    ),
]
Template = Annotated[
    str | None,
    typer.Option(
        "--grader-template",
        metavar="WHICH",
        help="`reference`, `preceptor`, or a file with the grader's prompt.",
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
SelfConsistency = Annotated[
    int | None,
    typer.Option(
        "--self-consistency",
        parser=whole_number,
        metavar="K",
        help="Multiple choice: K answers to each question, and the majority's.",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Call nothing: print calls, tokens, cost and time, and what is assumed."
    ),
]


def run(  # noqa: PLR0917
    benchmark: BenchmarkArgument,
    system: Address,
    grader: Grader = None,
    limit: Limit = None,
    stratify: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT=FACTOR",
            help="Draw examples with a tag, or those with a run's lowest scores, FACTOR times as "
            "often; with --limit.",
        ),
    ] = None,
    repeats: Repeats = 1,
    circular: Circular = False,
    shots: Shots = 0,
    self_consistency: SelfConsistency = None,
    data: Data = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="The run's name.")] = None,
    max_cost: MaxCost = None,
    max_total_tokens: MaxTokens = None,
    min_coverage: MinCoverage = 1.0,
    system_param: SystemParam = None,
    grader_param: GraderParam = None,
    grader_template: Template = None,
    batch: Batch = False,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A metric that another package brings; repeatable."),
    ] = None,
    dry_run: DryRun = False,
    processes: Processes = None,
    backend: Backend = None,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> int:
    """Ask a system every example, have each criterion judged, and print the score."""
    from preceptor import api
    from preceptor.cli.progress import Display

    asked: dict[str, Any] = {
        "system": system,
        "grader": grader,
        "store": store,
        "limit": limit,
        "stratify": stratify,
        "repeats": self_consistency or repeats,
        "circular": circular,
        "shots": shots,
        "data": data,
        "name": name,
        "max_cost": max_cost,
        "max_total_tokens": max_total_tokens,
        "min_coverage": min_coverage,
        "system_params": tuple(system_param or ()),
        "grader_params": tuple(grader_param or ()),
        "grader_template": grader_template,
        "batch": batch,
        "metrics": tuple(metric or ()),
    }
    if dry_run:
        return print_estimates({"": api.dry_run(benchmark, **asked)}, as_json)
    with Display() as display:
        finished = api.run(
            benchmark, watch=display.update, processes=processes, backend=backend, **asked
        )
    return finish(finished, store, as_json)


def resume(  # noqa: PLR0917
    run: RunName,
    max_cost: MaxCost = None,
    max_total_tokens: MaxTokens = None,
    processes: Processes = None,
    backend: Backend = None,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> int:
    """Go on with a run where it stopped; no finished call is made again."""
    from preceptor import api
    from preceptor.cli.progress import Display

    with Display() as display:
        finished = api.resume(
            run,
            store=store,
            watch=display.update,
            processes=processes,
            backend=backend,
            max_cost=max_cost,
            max_total_tokens=max_total_tokens,
        )
    return finish(finished, store, as_json)


def finish(finished: Run, store: str, as_json: bool) -> int:
    """Print the score, say what is missing and what to do; returns the exit code."""
    from preceptor.cli.score import print_score
    from preceptor.scoring.answers import share_read

    result = finished.scored()
    print_score([result], as_json)
    outcome = finished.outcome
    assert outcome is not None
    name = shlex.quote(finished.info.name) + elsewhere(store)
    if outcome.status == "interrupted":
        left = " (its batches go on at the provider)" if finished.info.settings.get("batch") else ""
        note(f"interrupted{left}{spent([result])}; go on with: preceptor resume {name}")
        return 130
    if outcome.status == "incomplete":
        if failed := [f"{kind}: {words}" for kind, words in finished.failures() if _shown(kind)]:
            note(f"  • for example, {failed[0]}")
        why = f" ({outcome.why})" if outcome.why else ""
        first = f"{outcome.first}, then " if outcome.first else ""
        note(f"incomplete{why}{spent([result])}; {first}go on with: preceptor resume {name}")
        return 1
    if share_read(result.scores) == 0:
        note(
            f"done, but no answer could be read; look at some: preceptor export {name} -o out.jsonl"
        )
        return 1
    note(f"done; see it with: preceptor report {name} -o report.html")
    return 0


def _shown(kind: str) -> bool:
    """Whether the words of a failure neither quote a reply nor stand in the notes already."""
    return kind not in ("", "unparseable", "malformed", "no_answer")


def spent(results: Sequence[Result]) -> str:
    """The runs' cost by the store, as a part of a sentence."""
    costs = [result.cost_usd for result in results]
    if None not in costs:
        return f"; ${sum(cost for cost in costs if cost is not None):,.4f} spent"
    bills = [bill for result in results for bill in result.bills if bill.part != "example"]
    return f"; {sum(bill.usage.total for bill in bills):,} tokens used"


def elsewhere(store: str) -> str:
    """What a command needs to find the store, where it would not find it by itself."""
    usual = store == os.environ.get("PRECEPTOR_STORE", DEFAULT_STORE)
    if usual:
        return ""
    from preceptor.store.postgres import redacted

    return f" --store {redacted(store)}"
