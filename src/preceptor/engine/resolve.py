"""Who takes part in a run: its system and its grader, what they cost, and how they are reached."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from preceptor.benchmarks import Benchmark
from preceptor.engine.interaction import NEEDED
from preceptor.errors import InputError, StoreError, Unavailable, UnknownName, shorten
from preceptor.graders import (
    Grader,
    Method,
    NoGrader,
    Settings,
    Template,
    find_template,
    read_address,
    read_settings,
    resolve_grader,
)
from preceptor.records import NO_GRADER, Example, RunInfo
from preceptor.store import Store
from preceptor.systems import System, resolve
from preceptor.systems.base import Capability, Parameters
from preceptor.systems.batch.model import BATCHED, BatchModel
from preceptor.systems.prices import Price

if TYPE_CHECKING:
    from preceptor.engine.plan import Request

__all__ = [
    "asked_in_batches",
    "check_capabilities",
    "check_price",
    "grader_as_before",
    "grader_of",
    "keep_prices",
    "prices_of",
    "system_as_before",
    "system_of",
    "undefined_scores",
    "wrap",
]


def grader_as_before(
    store: Store,
    run: RunInfo,
    benchmark: Benchmark,
    called: Settings,
    through: Callable[[System], System] | None,
) -> Grader:
    """The grader of a run, with the very prompt that it was begun with."""
    named = run.settings.template
    assert named
    kept = store.template(named.sha256)
    if kept is None:
        raise StoreError(f"store {store.where}: the grader prompt {named.sha256[:12]}… is missing")
    template, judge = Template(*kept), benchmark.protocol.judging.judge
    if judge is not None and judge.text != template.text:
        raise InputError(
            f"run {run.name}: was begun with another version's prompt for the judge of "
            f"{benchmark.name}: begin a new run"
        )
    return resolve_grader(run.grader, called, template, judge=judge, through=through)


def wrap(system: System, through: Callable[[System], System] | None) -> System:
    return system if through is None else through(system)


def system_of(
    benchmark: Benchmark,
    request: Request,
    parameters: Parameters,
    through: Callable[[System], System] | None,
) -> System:
    """The system at an address; answers that come with the benchmark are one by their name."""
    answers = benchmark.answers_of(request.system, request.data)
    if answers is None:
        try:
            return wrap(resolve(request.system, parameters), through)
        except UnknownName as error:
            named = [*benchmark.answers, *benchmark.recordings]
            if not named:
                raise
            names = ", ".join(named)
            raise UnknownName(f"{error}; {benchmark.name} has answers of {names}") from None
    from preceptor.systems.recorded import Collected

    if request.system_params:
        raise InputError(
            f"--system-param: the answers of {request.system} are recorded: leave it out"
        )
    return Collected(request.system, msgspec.json.encode(answers))


def system_as_before(
    store: Store,
    run: RunInfo,
    parameters: Parameters,
    through: Callable[[System], System] | None,
) -> System:
    """The system of a run; answers that came with its benchmark are in the store."""
    if run.settings.answers is None:
        return wrap(resolve(run.system, parameters), through)
    from preceptor.systems.recorded import Collected

    return Collected(run.system, store.blob(run.settings.answers))


def asked_in_batches(asked: bool, system: System, grader: Grader) -> list[str]:
    """The addresses that are asked in batches. Raises InputError if that is wanted and none can."""
    systems = (system, *grader.systems)
    found = dict.fromkeys(each.address for each in systems if isinstance(each, BatchModel))
    if asked and not found:
        raise InputError(
            f"--batch: neither {system.address} nor {grader.address} has a batch API: "
            f"{' and '.join(BATCHED)} have"
        )
    return list(found)


def grader_of(
    benchmark: Benchmark, request: Request, through: Callable[[System], System] | None
) -> tuple[Grader, Template | None, Settings]:
    judging = benchmark.protocol.judging
    reference = judging.grader
    if not judging.judged:
        given = request.grader or request.grader_params or request.grader_template
        if given and request.grader != NO_GRADER:
            raise InputError(f"--grader: nothing is judged in {benchmark.name}: leave it out")
        return NoGrader(), None, Settings(Method(), ())
    address = request.grader or (None if reference is None else reference.address)
    if address is None:
        raise InputError(
            f"--grader: {benchmark.name} states no grader: name one, such as openai/gpt-5.4-mini"
        )
    form = read_address(address)
    own = Parameters() if reference is None else reference.parameters
    settings = read_settings(form, request.grader_params, own)
    if judging.judge is None:
        template = find_template(judging.prompt_choice(request.grader_template))
    elif request.grader_template is not None:
        raise InputError(
            f"--grader-template: {benchmark.name} has prompts of its own: leave it out"
        )
    else:
        template = Template(benchmark.protocol.name, judging.judge.text)
    try:
        grader = resolve_grader(
            form.address, settings, template, judge=judging.judge, through=through
        )
    except Unavailable as error:
        if request.grader is not None:
            raise
        words = f"{error}; it is the grader that {benchmark.name} has unless --grader names another"
        raise Unavailable(words) from None
    return grader, template, settings


def check_price(
    max_cost: float | None, system: System, grader: Grader, patient: System | None
) -> None:
    if max_cost is None:
        return
    options = dict.fromkeys(grader.systems, "--grader-param") | {system: "--system-param"}
    if patient is not None:
        options.setdefault(patient, "--patient-param")
    for part, option in options.items():
        if part.price is None:
            raise InputError(
                f"--max-cost: no price is known for {part.address}: give one with "
                f"{option} price=IN/OUT in dollars per million tokens, or price=free"
            )


_IN_WORDS = {
    "tool_media": "images or files from tools",
    "addresses": "address of a record to work in",
}
_PROBABILITIES = (
    "name a local model, or a server with OpenAI's chat completions (`preceptor list systems`)"
)
_OTHER = {"addresses": "name an agent, such as command:./agent"}


def check_capabilities(benchmark: Benchmark, system: System, examples: Sequence[Example]) -> None:
    """Raise InputError where the system cannot take what the examples hold.

    And Unavailable where the environment cannot be opened here.
    """
    environment = benchmark.protocol.environment
    if environment is not None:
        environment.check(benchmark.name)
    if system.searches and (benchmark.family != "retrieval" or benchmark.materials is None):
        raise InputError(
            f"--system {system.address}: searches a corpus, which {benchmark.name} has not: name "
            f"another system, or a folder with corpus.jsonl"
        )
    if benchmark.protocol.asking.first_token and "token_probabilities" not in system.capabilities:
        remedy = system.remedies.get("token_probabilities", _PROBABILITIES)
        raise InputError(
            f"--system {system.address}: gives no log-probabilities of tokens, from which "
            f"{benchmark.name} is predicted: {remedy}"
        )
    needed: Counter[Capability] = Counter()
    for example in examples:
        kinds = {type(part) for turn in example.messages for part in turn.parts}
        needed.update(NEEDED[kind] for kind in kinds & NEEDED.keys())
        needed.update(() if environment is None else environment.needs)
    for what, times in needed.items():
        if what not in system.capabilities:
            named = _IN_WORDS.get(what, what)
            other = _OTHER.get(what, "name a system that does")
            remedy = system.remedies.get(what, other)
            raise InputError(
                f"--system {system.address}: takes no {named}, which {times:,} of "
                f"{len(examples):,} examples of {benchmark.name} need: {remedy}"
            )


def undefined_scores(benchmark: Benchmark, examples: Sequence[Example]) -> str | None:
    """Note on examples that can have no score. Raises InputError if none can have one."""
    why = [(e.id, reason) for e in examples if (reason := benchmark.protocol.scoring.unscorable(e))]
    if not why:
        return None
    name, reason = why[0]
    if len(why) == len(examples):
        raise InputError(
            f"{benchmark.name}: no example can have a score: example {shorten(name)} has {reason}: "
            f"give each example one"
        )
    return (
        f"{len(why):,} of {len(examples):,} examples have {reason}: their score is undefined, and "
        f"they are in no mean."
    )


def prices_of(systems: Iterable[System]) -> dict[str, Price]:
    """What each address costs, where that is known and not nothing."""
    known = {system.address: system.price for system in systems if system.price is not None}
    return {address: price for address, price in known.items() if price.input or price.output}


def keep_prices(systems: Iterable[System], prices: Mapping[str, Price]) -> None:
    """A resumed run keeps the prices that it was begun with."""
    for system in systems:
        if system.address in prices:
            system.price = prices[system.address]
