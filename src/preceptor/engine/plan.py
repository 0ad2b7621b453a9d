"""From what a user asks for to a run that the pipeline can work on, and back again to resume it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from preceptor import benchmarks
from preceptor.benchmarks import Benchmark, Dataset
from preceptor.benchmarks.manifest import manifest_of
from preceptor.engine.budget import Budget
from preceptor.engine.image_controls import dicom_view, image_control
from preceptor.engine.passages import said, with_passages
from preceptor.engine.patients import check_patient, everyone, patient_of, played_by
from preceptor.engine.pipeline import Pipeline
from preceptor.engine.resolve import (
    asked_in_batches,
    check_capabilities,
    check_price,
    grader_of,
    prices_of,
    system_of,
    undefined_scores,
)
from preceptor.engine.sampling import enrich, sentence
from preceptor.engine.surroundings import surroundings
from preceptor.engine.variants import sentences, varied
from preceptor.environments.base import Environment
from preceptor.errors import InputError
from preceptor.graders import Grader, Settings, Template, read_address
from preceptor.records import (
    Example,
    RunInfo,
    RunSettings,
    Strata,
    TemplateName,
    Variant,
)
from preceptor.results.record import find_metric
from preceptor.store import Spent, Store
from preceptor.systems import System, parse_parameters, reasons
from preceptor.systems.base import Parameters, first_token_parameters
from preceptor.systems.batch.model import batched
from preceptor.version import VERSION

__all__ = ["NOTHING", "Plan", "Request", "check", "loaded"]

#: Of a run that has not begun.
NOTHING = Spent(0.0, 0, True)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What the user of `run` asks for.

    Attributes
    ----------
    patient
        Who plays the patient, where the benchmark has one; default: that of its authors.
    system_params, grader_params, patient_params
        ``key=value`` texts; see :class:`preceptor.systems.base.Parameters`.
    max_cost
        Dollars; ``max_total_tokens`` in tokens; both over system and grader.
    min_coverage
        Share of criteria that must be graded for the run to count as complete.
    stratify
        ``TAG=FACTOR`` or ``RUN=FACTOR``: see :mod:`preceptor.engine.sampling`.
    circular, shots, images
        See :class:`preceptor.records.Variant`.
    window, frame
        Of DICOM files: centre and width, and the number of the frame, from 1.
    retriever, corpus, passages
        Address of a search, the documents that it searches, and how many of them stand before each
        question.
    batch
        Ask models through their providers' batch APIs, where they have one.
    metrics
        Names of metrics that other packages bring, beside the benchmark's own.
    """

    benchmark: str
    system: str
    grader: str | None = None
    patient: str | None = None
    data: Path | None = None
    limit: int | None = None
    stratify: str | None = None
    repeats: int = 1
    circular: bool = False
    shots: int = 0
    retriever: str | None = None
    corpus: Path | None = None
    passages: int | None = None
    images: str | None = None
    window: str | None = None
    frame: int | None = None
    name: str | None = None
    system_params: Sequence[str] = ()
    grader_params: Sequence[str] = ()
    patient_params: Sequence[str] = ()
    grader_template: str | None = None
    max_cost: float | None = None
    max_total_tokens: int | None = None
    min_coverage: float = 1.0
    batch: bool = False
    metrics: Sequence[str] = ()


class Plan(msgspec.Struct, frozen=True):
    """A validated request."""

    request: Request
    benchmark: Benchmark
    system: System
    grader: Grader
    template: Template | None
    examples: list[tuple[Example, int]]
    parameters: Parameters
    settings: RunSettings
    materials: Callable[[], bytes] | None = None
    patient: System | None = None

    @property
    def environment(self) -> Environment | None:
        """What answers the system's turns, with what it needs."""
        found = self.benchmark.protocol.environment
        return found if found is None or not self.materials else found.furnished(self.materials())

    def create(self, store: Store, paid: Spent = NOTHING) -> Pipeline:
        """Make the run. Nothing is called yet. What was paid already counts for the caps."""
        request, template = self.request, self.template
        if template is not None:  # first: a process may die in between, and a run needs its prompt
            store.keep_template(template.sha256, template.name, template.text)
        if self.system.collection is not None:
            self.settings.answers = store.keep_blob("application/json", self.system.collection)
        if self.materials is not None:
            self.settings.materials = store.keep_blob("application/octet-stream", self.materials())
        run = store.create_run(
            name=request.name,
            benchmark=self.benchmark.name,
            system=request.system,
            grader=self.grader.address,
            settings=self.settings,
            examples=self.examples,
            repeats=request.repeats,
        )
        return self.pipeline(store, run, paid)

    def pipeline(self, store: Store, run: RunInfo, paid: Spent) -> Pipeline:
        """The work on a run that was made by this plan, now or earlier."""
        return Pipeline(
            store,
            run,
            protocol=self.benchmark.protocol,
            system=self.system,
            grader=self.grader,
            budget=self.budget(paid),
            patient=self.patient,
        )

    def budget(self, paid: Spent) -> Budget:
        """The caps, and what counts for them already."""
        return Budget(
            max_cost=self.request.max_cost,
            max_tokens=self.request.max_total_tokens,
            cost=paid.cost_usd,
            tokens=paid.tokens,
        )


def check(
    request: Request,
    *,
    where: str | Path | None = None,
    parameters: Parameters | None = None,
    dataset: Dataset | None = None,
    benchmark: Benchmark | None = None,
) -> Plan:
    """Find everything that can be wrong before anything is made or called.

    Parameters
    ----------
    where
        The store in which a run that ``stratify`` names is looked for.
    parameters, dataset
        Of the system, and the benchmark's, where they have been read already.
    benchmark
        The one that the request names, where it is made and not found by its name.

    Raises
    ------
    InputError, Unavailable
        With what is wrong.
    """
    from preceptor.systems.recorded import Replay  # it reads answers in many languages

    _check_numbers(request)
    benchmark = benchmark or benchmarks.get(request.benchmark)
    _ = benchmark.protocol.scoring.measuring  # raises where the user's model cannot be opened
    parameters = parameters or _parameters(benchmark, request)
    through = batched if request.batch else None
    system = system_of(benchmark, request, parameters, through)
    grader, template, called = grader_of(benchmark, request, through)
    as_patient = parse_parameters(
        request.patient_params, "--patient-param", address=request.patient or ""
    )
    patient = patient_of(benchmark, request, as_patient)
    in_batches = asked_in_batches(request.batch, system, grader)
    check_price(request.max_cost, system, grader, patient)
    dataset = dataset or loaded(benchmark, request)
    chosen, strata = _chosen(benchmark, dataset, system, request, where)
    check_patient(benchmark, patient, [example for example, _ in chosen])
    undefined = undefined_scores(benchmark, [example for example, _ in chosen])
    departures = _departures(benchmark, dataset, len(chosen), grader, called, request)
    another, usual = played_by(benchmark, patient)
    departures += another
    if isinstance(system, Replay):
        departures += system.compare(dataset.examples)
    variant = Variant(request.circular, request.shots, image_control(request.images))
    chosen = varied(chosen, dataset.examples, benchmark, variant)
    check_capabilities(benchmark, system, [example for example, _ in chosen])
    departures += sentences(variant, chosen)
    chosen, passages = with_passages(chosen, benchmark, request)
    departures += said(passages)
    departures += [] if strata is None else [sentence(strata)]
    ids = {example.id for example in dataset.examples} | {example.id for example, _ in chosen}
    notes = [*benchmark.remarks, *dataset.pictures, *system.notes(ids), *usual]
    notes += [] if undefined is None else [undefined]
    if benchmark.own:  # there is no publication to depart from
        departures, notes = [], [*departures, *notes]
    settings = _settings(request, dataset, template, parameters)
    if template:
        told = called.encode(read_address(grader.address))
        settings.grader_parameters = msgspec.to_builtins(told)
    settings.manifest = msgspec.to_builtins(manifest_of(benchmark))
    settings.metrics = {name: find_metric(name).about() for name in request.metrics} or None
    settings.departures, settings.notes, settings.batch = departures, notes, in_batches
    if isinstance(system, Replay):
        settings.options_count_from = system.first
    settings.variant, settings.stratify, settings.passages = variant, strata, passages
    systems = everyone(system, patient, grader)
    if patient is not None:
        settings.patient = patient.address
        settings.patient_parameters = msgspec.to_builtins(as_patient)
    settings.prices = prices_of(systems)
    settings.servers, settings.files = surroundings(systems, grader)
    return Plan(
        request,
        benchmark,
        system,
        grader,
        template,
        chosen,
        parameters,
        settings,
        dataset.materials,
        patient,
    )


def _parameters(benchmark: Benchmark, request: Request) -> Parameters:
    """Those of the system, with what the benchmark's way of asking needs."""
    given = parse_parameters(request.system_params, "--system-param", address=request.system)
    if not benchmark.protocol.asking.first_token:
        return given
    return first_token_parameters(given, greedy=not reasons(request.system))


def loaded(benchmark: Benchmark, request: Request) -> Dataset:
    """The benchmark's data. Raises InputError for a window or frame of DICOM files without any."""
    view = dicom_view(request.window, request.frame)
    dataset = benchmark.load(request.data, view)
    if view is not None and not dataset.pictures:
        option = "--frame" if view.window is None else "--window"
        raise InputError(f"{option}: no DICOM file in the data of {benchmark.name}: leave it out")
    return dataset


def _settings(
    request: Request, dataset: Dataset, template: Template | None, parameters: Parameters
) -> RunSettings:
    return RunSettings(
        preceptor=VERSION,
        data_sha256=dataset.sha256,
        limit=request.limit,
        system_parameters=msgspec.to_builtins(parameters),
        template=None if template is None else TemplateName(template.name, template.sha256),
        max_cost=request.max_cost,
        max_total_tokens=request.max_total_tokens,
        min_coverage=request.min_coverage,
        dicom=dicom_view(request.window, request.frame),
        grader_parameters={},
    )


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


def _chosen(
    benchmark: Benchmark,
    dataset: Dataset,
    system: System,
    request: Request,
    where: str | Path | None,
) -> tuple[list[tuple[Example, int]], Strata | None]:
    """The examples to ask, each with the number of answers asked for, and how they were drawn."""
    if request.stratify is None:
        return _covered(dataset.sample(request.limit), benchmark, system, request), None
    # Drawn from what can be answered: else the strata would not be as large as they say.
    covered = _covered(dataset.examples, benchmark, system, request)
    counts = {example.id: count for example, count in covered}
    examples = [example for example, _ in covered]
    drawn, strata = enrich(examples, request.stratify, request.limit, benchmark, where)
    return [(example, counts[example.id]) for example in drawn], strata


def _covered(
    examples: Sequence[Example], benchmark: Benchmark, system: System, request: Request
) -> list[tuple[Example, int]]:
    """The examples that the system can answer at all, each with the number of answers asked for."""
    counted = [(example, system.covers(example)) for example in examples]
    chosen = [
        (example, request.repeats if has is None else has) for example, has in counted if has != 0
    ]
    if not chosen:
        raise InputError(
            f"system {request.system}: none of the {len(examples)} examples of "
            f"{benchmark.name} has such an answer"
        )
    return chosen


def _departures(  # noqa: PLR0917
    benchmark: Benchmark,
    dataset: Dataset,
    asked: int,
    grader: Grader,
    settings: Settings,
    request: Request,
) -> list[str]:
    """Where the run departs from the reference protocol, one sentence each."""
    reference = benchmark.protocol.judging.grader
    found = dataset.departures(benchmark.n_examples, asked)
    if reference is None:
        return found
    other = reference.departures(grader.address)
    found.extend(other)
    if not other and settings.members != (reference.parameters,):
        found.append("The grader was called with other parameters than the reference's.")
    if not benchmark.own or request.grader_template is not None:
        found.extend(grader.departures())
    return found
