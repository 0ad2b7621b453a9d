"""``preceptor run`` and ``preceptor resume``."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.dry_run import print_estimates
from preceptor.cli.options import Data, Json, RunName, StorePath
from preceptor.cli.output import note, print_json
from preceptor.cli.run_options import (
    Backend,
    Batch,
    BenchmarkArgument,
    Circular,
    CorpusPath,
    DryRun,
    Frame,
    Grader,
    GraderParam,
    Images,
    Limit,
    MaxCost,
    MaxTokens,
    MinCoverage,
    PassageCount,
    Patient,
    PatientParam,
    Processes,
    Repeats,
    Retriever,
    SelfConsistency,
    Shots,
    SystemParam,
    Template,
    Window,
)
from preceptor.errors import InputError
from preceptor.installation import program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from preceptor.api import Run
    from preceptor.records import Result

__all__ = ["elsewhere", "finish", "resume", "run", "spent"]


def run(  # noqa: PLR0917
    benchmark: BenchmarkArgument,
    system: Annotated[
        str | None,
        typer.Option(
            "--system",
            "-s",
            metavar="ADDRESS",
            help="The system under test, e.g. openai/gpt-5.4; see `preceptor list systems`. "
            "Default: each system that a workbook has answers of.",
        ),
    ] = None,
    grader: Grader = None,
    patient: Patient = None,
    limit: Limit = None,
    stratify: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT=FACTOR",
            help="With --limit: draw examples with a tag, or with a run's lowest scores, FACTOR "
            "times as often.",
        ),
    ] = None,
    repeats: Repeats = 1,
    circular: Circular = False,
    shots: Shots = 0,
    images: Images = None,
    window: Window = None,
    frame: Frame = None,
    self_consistency: SelfConsistency = None,
    retriever: Retriever = None,
    corpus: CorpusPath = None,
    passages: PassageCount = None,
    data: Data = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="The run's name.")] = None,
    max_cost: MaxCost = None,
    max_total_tokens: MaxTokens = None,
    min_coverage: MinCoverage = 1.0,
    system_param: SystemParam = None,
    grader_param: GraderParam = None,
    patient_param: PatientParam = None,
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
    """Ask a system every example, have a grader judge each criterion, and print the score."""
    from preceptor import api
    from preceptor.cli.progress import Display

    systems = _systems(benchmark, system)
    asked: dict[str, Any] = {
        "grader": grader,
        "store": store,
        "limit": limit,
        "stratify": stratify,
        "repeats": self_consistency or repeats,
        "circular": circular,
        "shots": shots,
        "retriever": retriever,
        "corpus": corpus,
        "passages": passages,
        "images": images,
        "window": window,
        "frame": frame,
        "data": data,
        "name": name,
        "max_cost": max_cost,
        "max_total_tokens": max_total_tokens,
        "min_coverage": min_coverage,
        "system_params": tuple(system_param or ()),
        "grader_params": tuple(grader_param or ()),
        "patient": patient,
        "patient_params": tuple(patient_param or ()),
        "grader_template": grader_template,
        "batch": batch,
        "metrics": tuple(metric or ()),
    }
    if dry_run:
        estimates = {each: api.dry_run(benchmark, system=each, **asked) for each in systems}
        if len(systems) > 1:
            return print_estimates(estimates, as_json, (max_cost, max_total_tokens))
        return print_estimates({"": estimates[systems[0]]}, as_json)
    done: list[Run] = []
    for each in systems:
        if len(systems) > 1:
            asked |= _share(each, name, store, done, (max_cost, max_total_tokens))
        with Display() as display:
            finished = api.run(
                benchmark,
                system=each,
                watch=display.update,
                processes=processes,
                backend=backend,
                **asked,
            )
        done.append(finished)
        if len(systems) == 1:
            return finish(finished, store, as_json)
        if finished.outcome is not None and finished.outcome.status == "interrupted":
            break
    return _finish_all(done, store, as_json)


def _systems(benchmark: str, system: str | None) -> list[str]:
    """The systems to run; says how a user's own tables are read before anything runs."""
    from preceptor import benchmarks
    from preceptor.benchmarks.folder import path_of

    answers: list[str] = []
    if path_of(benchmark) is not None:
        chosen = benchmarks.get(benchmark)
        for line in chosen.reading:
            note(line)
        answers = list(chosen.answers)
        if system is None and not answers:
            ideal = any(example.physician for example in chosen.load().examples)
            own = "physician for the ideal answers, or " if ideal else ""
            raise InputError(f"--system: {benchmark} has no answers: name {own}{_SUCH}")
    elif system is None:
        benchmarks.get(benchmark)  # what is wrong with it comes first
        raise InputError(f"--system: name {_SUCH}")
    return answers if system is None else [system]


_SUCH = "a system, such as openai/gpt-5.4 (see `preceptor list systems`)"


def _share(
    system: str,
    name: str | None,
    store: str,
    done: Sequence[Run],
    caps: tuple[float | None, int | None],
) -> dict[str, Any]:
    """The options of one of several runs: a name of its own, and what is left of the caps."""
    from preceptor.benchmarks.own_tasks.task_sheets import slug
    from preceptor.store import Store

    found: dict[str, Any] = {} if name is None else {"name": f"{name}/{slug(system) or system}"}
    if not done or caps == (None, None):
        return found
    with Store(store) as opened:
        spent = [opened.spent(run.info) for run in done]
    used = sum(each.cost_usd for each in spent), sum(each.tokens for each in spent)
    for option, cap, taken in zip(("max_cost", "max_total_tokens"), caps, used, strict=True):
        if cap is not None and taken >= cap:
            words = option.replace("_", "-")
            raise InputError(f"--{words}: is used up before {system}: its run is not begun")
        found[option] = None if cap is None else cap - taken
    return found


def _finish_all(done: Sequence[Run], store: str, as_json: bool) -> int:
    """Print the scores of several runs, one by one, and how to see them side by side."""
    from preceptor.reports.score import score_json

    if as_json:
        print_json([score_json(each.scored()) for each in done])
        return max(_CODES[each.outcome.status] for each in done if each.outcome is not None)
    code = max(finish(each, store, False) for each in done)
    names = " ".join(shlex.quote(each.info.name) for each in done)
    note(f"side by side: preceptor compare {names}{elsewhere(store)}")
    note(f"as a report: preceptor report {names}{elsewhere(store)} -o report.html")
    return code


_CODES = {"done": 0, "incomplete": 1, "interrupted": 130}


def resume(  # noqa: PLR0917
    run: RunName,
    max_cost: MaxCost = None,
    max_total_tokens: MaxTokens = None,
    processes: Processes = None,
    backend: Backend = None,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> int:
    """Resume a run where it stopped; no finished call is made again."""
    from preceptor.handles import load_finished

    if (done := load_finished(run, store)) is not None:
        return finish(done, store, as_json)
    from preceptor import api  # takes as long to import as a small score
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
    """Print the score, what is missing and what to do; returns the exit code."""
    from preceptor.cli.score import print_score
    from preceptor.scoring.answers import share_read

    result = finished.scored()
    print_score([result], as_json)
    outcome = finished.outcome
    assert outcome is not None
    name = shlex.quote(finished.info.name) + elsewhere(store)
    if outcome.status == "interrupted":
        left = " (its batches go on at the provider)" if finished.info.settings.batch else ""
        note(f"interrupted{left}{spent([result])}; go on with: {program()} resume {name}")
        return 130
    if outcome.status == "incomplete":
        if failed := [f"{kind}: {words}" for kind, words in finished.failures() if _shown(kind)]:
            note(f"  • for example, {failed[0]}")
        why = f" ({outcome.why})" if outcome.why else ""
        first = f"{outcome.first}, then " if outcome.first else ""
        note(f"incomplete{why}{spent([result])}; {first}go on with: {program()} resume {name}")
        return 1
    if share_read(result.scores) == 0:
        look = f"{program()} export {name} -o out.jsonl"
        note(f"done, but no answer could be read; look at some: {look}")
        return 1
    note(f"done; see it with: {program()} report {name} -o report.html")
    return 0


def _shown(kind: str) -> bool:
    """Whether to show a failure's words: they quote no reply and are not in the notes yet."""
    return kind not in ("", "unparseable", "malformed", "no_answer")


def spent(results: Sequence[Result]) -> str:
    """The runs' cost by the store, as part of a sentence."""
    costs = [result.cost_usd for result in results]
    if None not in costs and any(costs):
        return f"; ${sum(cost for cost in costs if cost is not None):,.4f} spent"
    bills = [bill for result in results for bill in result.bills if bill.part != "example"]
    return f"; {sum(bill.usage.total for bill in bills):,} tokens used"


def elsewhere(store: str) -> str:
    """The option that a command needs to find this store; empty for the usual one."""
    usual = store == os.environ.get("PRECEPTOR_STORE", DEFAULT_STORE)
    if usual:
        return ""
    from preceptor.store.postgres import redacted

    return f" --store {redacted(store)}"
