"""From what a user asks for to a run that the pipeline can work on, and back again to resume it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from preceptor import benchmarks
from preceptor.benchmarks import Benchmark, Dataset
from preceptor.engine.budget import Budget
from preceptor.engine.pipeline import Pipeline
from preceptor.errors import InputError, StoreError
from preceptor.graders import OWN, Grader, Template, find_template, resolve_grader
from preceptor.records import Example, RunInfo
from preceptor.store import Store
from preceptor.systems import System, parse_parameters, reasons, resolve
from preceptor.systems.base import Parameters
from preceptor.version import VERSION

__all__ = ["Plan", "Request", "check", "reopen"]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What the user of `run` asks for.

    Attributes
    ----------
    system_params, grader_params
        ``key=value`` texts; see :class:`preceptor.systems.base.Parameters`.
    max_cost
        Dollars; ``max_total_tokens`` likewise in tokens, both over system and grader.
    min_coverage
        Share of criteria that must be graded for the run to count as complete.
    """

    benchmark: str
    system: str
    grader: str | None = None
    data: Path | None = None
    limit: int | None = None
    repeats: int = 1
    name: str | None = None
    system_params: Sequence[str] = ()
    grader_params: Sequence[str] = ()
    grader_template: str | None = None
    max_cost: float | None = None
    max_total_tokens: int | None = None
    min_coverage: float = 1.0


class Plan(msgspec.Struct, frozen=True):
    """A request in which nothing is wrong, ready to be made a run."""

    request: Request
    benchmark: Benchmark
    system: System
    grader: Grader
    template: Template
    examples: list[tuple[Example, int]]
    settings: dict[str, Any]

    def create(self, store: Store) -> Pipeline:
        """Make the run. Nothing is called yet."""
        request, template = self.request, self.template
        run = store.create_run(
            name=request.name,
            benchmark=self.benchmark.name,
            system=request.system,
            grader=self.grader.address,
            settings=self.settings,
            examples=self.examples,
            repeats=request.repeats,
        )
        store.keep_template(template.sha256, template.name, template.text)
        return Pipeline(
            store,
            run,
            protocol=self.benchmark.protocol,
            system=self.system,
            grader=self.grader,
            budget=Budget(max_cost=request.max_cost, max_tokens=request.max_total_tokens),
        )


def check(request: Request) -> Plan:
    """Find everything that can be wrong before anything is made or called.

    Raises
    ------
    InputError, Unavailable
        With what is wrong.
    """
    _check_numbers(request)
    benchmark = benchmarks.get(request.benchmark)
    parameters = parse_parameters(request.system_params, "--system-param", address=request.system)
    system = resolve(request.system, parameters)
    grader, template, grader_parameters = _grader(benchmark, request)
    _check_price(request.max_cost, system, grader)
    dataset = benchmark.load(request.data)
    chosen = _covered(dataset.sample(request.limit), system, request)
    settings = {
        "preceptor": VERSION,
        "data_sha256": dataset.sha256,
        "limit": request.limit,
        "system_parameters": parameters,
        "grader_parameters": grader_parameters,
        "template": {"name": template.name, "sha256": template.sha256},
        "max_cost": request.max_cost,
        "max_total_tokens": request.max_total_tokens,
        "min_coverage": request.min_coverage,
        "departures": _departures(
            benchmark,
            dataset,
            len(chosen),
            grader=grader,
            parameters=grader_parameters,
            template=template,
        ),
    }
    return Plan(request, benchmark, system, grader, template, chosen, settings)


def reopen(
    store: Store, run: RunInfo, *, max_cost: float | None = None, max_tokens: int | None = None
) -> Pipeline:
    """The pipeline of an existing run, with its own settings; the caps may be given anew."""
    settings = run.settings
    if "template" not in settings:
        raise InputError(f"run {run.name}: was imported: there is nothing to resume")
    sha256 = settings["template"]["sha256"]
    kept = store.template(sha256)
    if kept is None:
        raise StoreError(f"store {store.where}: the grader prompt {sha256[:12]}… is missing")
    system = resolve(run.system, msgspec.convert(settings["system_parameters"], Parameters))
    grader = resolve_grader(
        run.grader, msgspec.convert(settings["grader_parameters"], Parameters), Template(*kept)
    )
    cap = settings["max_cost"] if max_cost is None else max_cost
    _check_price(cap, system, grader)
    spent = store.spent(run)
    budget = Budget(
        max_cost=cap,
        max_tokens=settings["max_total_tokens"] if max_tokens is None else max_tokens,
        cost=spent.cost_usd,
        tokens=spent.tokens,
    )
    protocol = benchmarks.get(run.benchmark).protocol
    return Pipeline(store, run, protocol=protocol, system=system, grader=grader, budget=budget)


def _check_numbers(request: Request) -> None:
    for option, value in (("--limit", request.limit), ("--repeats", request.repeats)):
        if value is not None and value < 1:
            raise InputError(f"{option}: expected a whole number from 1, found {value}")
    for option, cap in (
        ("--max-cost", request.max_cost),
        ("--max-total-tokens", request.max_total_tokens),
    ):
        if cap is not None and not cap > 0:
            raise InputError(f"{option}: expected a number above 0, found {cap:g}")
    if not 0 <= request.min_coverage <= 1:
        raise InputError(f"--min-coverage: expected 0 to 1, found {request.min_coverage:g}")


def _grader(benchmark: Benchmark, request: Request) -> tuple[Grader, Template, Parameters]:
    reference = benchmark.protocol.reference_grader
    address = request.grader or reference.address
    defaults = reference.parameters
    # What a model does not know it refuses: the rest of the reference's settings is kept.
    if not reasons(address):
        defaults = msgspec.structs.replace(defaults, api=None, reasoning_effort=None)
    elif defaults.reasoning_effort is None:
        defaults = msgspec.structs.replace(defaults, temperature=None)
    parameters = parse_parameters(
        request.grader_params, "--grader-param", address=address, defaults=defaults
    )
    template = find_template(request.grader_template)
    return resolve_grader(address, parameters, template), template, parameters


def _check_price(max_cost: float | None, system: System, grader: Grader) -> None:
    if max_cost is None:
        return
    for part, option in ((system, "--system-param"), (grader.system, "--grader-param")):
        if part.price is None:
            raise InputError(
                f"--max-cost: no price is known for {part.address}: give one with "
                f"{option} price=IN/OUT in dollars per million tokens, or price=free"
            )


def _covered(
    examples: Sequence[Example], system: System, request: Request
) -> list[tuple[Example, int]]:
    """The examples that the system can answer at all, each with the number of answers asked for."""
    counted = [(example, system.covers(example)) for example in examples]
    chosen = [
        (example, request.repeats if has is None else has) for example, has in counted if has != 0
    ]
    if not chosen:
        raise InputError(
            f"system {request.system}: none of the {len(examples)} examples of "
            f"{request.benchmark} has such an answer"
        )
    return chosen


def _departures(
    benchmark: Benchmark,
    dataset: Dataset,
    asked: int,
    *,
    grader: Grader,
    parameters: Parameters,
    template: Template,
) -> list[str]:
    """Where the run departs from the reference protocol, one sentence each."""
    reference = benchmark.protocol.reference_grader
    found: list[str] = []
    if not dataset.official:
        found.append(
            f"The data is not the pinned release: {len(dataset.examples):,} examples "
            f"of {benchmark.n_examples:,}."
        )
    if asked < len(dataset.examples):
        found.append(f"Asked on {asked:,} of {len(dataset.examples):,} examples.")
    if grader.address != reference.address:
        found.append(f"Graded by {grader.address}; the reference grader is {reference.address}.")
    elif parameters != reference.parameters:
        found.append("The grader was called with other parameters than the reference's.")
    found.extend(_template_departure(grader, template))
    return found


def _template_departure(grader: Grader, template: Template) -> list[str]:
    if grader.address.startswith("yesno:"):
        return ["Graded by the chance of a yes, not with the reference prompt."]
    if template.name == OWN.name:
        return [
            "Graded with Preceptor's own prompt, not the reference prompt: "
            "not comparable with published scores."
        ]
    if template.name != "reference":
        return ["Graded with a prompt of the user's, not the reference prompt."]
    return []
