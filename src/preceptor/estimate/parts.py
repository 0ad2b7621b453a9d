"""What calls would take: tokens, dollars and seconds, each with what is expected and a range."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from preceptor.estimate.counter import Tally
from preceptor.estimate.observed import CallProfile, Range, exactly, latency
from preceptor.systems.base import System
from preceptor.systems.prices import FREE, Price

__all__ = ["Cap", "Estimate", "Load", "Part", "caps_on", "grader_part", "part_of", "together"]

_USER_CODE = ("python", "command")
_NONE = exactly(0.0)


class Part(msgspec.Struct, frozen=True):
    """What is asked of one system, or of one grader or member of one.

    Attributes
    ----------
    part
        ``system`` or ``grader``.
    results
        Answers or verdicts that the calls bring; ``reused`` are in the store already.
    cost_usd, seconds
        None where no price is known, and where nothing says how long a call takes.
    concurrency
        Calls at once that the time is computed with.
    basis
        What is measured and what is assumed, one sentence each.
    """

    part: str
    address: str
    calls: Range
    results: Range
    reused: int
    input_tokens: Range
    output_tokens: Range
    cost_usd: Range | None
    seconds: Range | None
    concurrency: int
    price: Price | None
    basis: tuple[str, ...]


class Cap(msgspec.Struct, frozen=True):
    """A cap and the share of the run, 0 to 1, that is done when it is reached; 1 for never."""

    option: str
    cap: float
    share: Range


class Estimate(msgspec.Struct, frozen=True):
    """What a run would take.

    Attributes
    ----------
    examples, answers, verdicts
        Asked for, those in the store included.
    cost_usd, seconds
        Of all parts; None where one is not known.
    """

    benchmark: str
    examples: int
    answers: int
    verdicts: int
    parts: list[Part]
    cost_usd: Range | None
    tokens: Range
    seconds: Range | None
    caps: list[Cap]


class Load(msgspec.Struct, frozen=True):
    """What is asked of one model; ``repeated``: share of the prompts that a cache may know."""

    part: str
    system: System | None
    address: str
    calls: Range
    results: Range
    reused: int
    input_tokens: Range
    output_tokens: Range
    repeated: Range = Range(0.0, 0.0, 0.0)


def part_of(load: Load, profile: CallProfile) -> Part:
    """Its cost and time."""
    system = load.system
    if system is not None and system.slow:
        words = (*profile.basis, "in batches: done within a day")
        profile = msgspec.structs.replace(profile, basis=words, latency_s=None)
    why = "runs here" if system is None else "the user's own code"
    if system is None or load.address.partition(":")[0] in _USER_CODE:
        load = msgspec.structs.replace(load, input_tokens=_NONE, output_tokens=_NONE)
        profile = msgspec.structs.replace(profile, basis=(f"{why}: no tokens are counted",))
    price = FREE if system is None else system.price
    repeated = load.repeated if profile.cached is None else exactly(profile.cached)
    return Part(
        part=load.part,
        address=load.address,
        calls=_NONE if system is None else load.calls,
        results=load.results,
        reused=load.reused,
        input_tokens=load.input_tokens,
        output_tokens=load.output_tokens,
        cost_usd=_cost(price, load.input_tokens, load.output_tokens, repeated),
        seconds=_seconds(load, profile),
        concurrency=1 if system is None else _at_first(system),
        price=price,
        basis=profile.basis,
    )


def _seconds(load: Load, profile: CallProfile) -> Range | None:
    """None where nothing says how long a call takes: of local models and of the user's own code."""
    system, calls = load.system, load.calls
    if system is None or calls.high == 0:
        return _NONE
    if profile.latency_s is None and not hasattr(system, "endpoint"):
        return None
    each = latency(profile, load.results.expected / max(calls.expected, 1))
    # An endpoint that turns out to take more calls at once gets them, and is done sooner.
    least = _rounds(calls.low, system.concurrency)
    usual, most = (_rounds(n, _at_first(system)) for n in (calls.expected, calls.high))
    return each * Range(least, usual, most)


def _at_first(system: System) -> int:
    """Calls at once with which its run starts."""
    return system.concurrency if system.limiter is None else system.limiter.limit


def _rounds(calls: float, at_once: int) -> float:
    """Sequential rounds of calls."""
    return max(1.0, calls / at_once) if calls else 0.0


def grader_part(low: Tally, high: Tally, share: float, profile: CallProfile, length: Range) -> Part:
    """A grader or a member of one, between as little and as much as it may have to do.

    Parameters
    ----------
    share
        Of the way from ``low`` to ``high``, 0 to 1, that is expected.
    length
        Characters of an answer; the prompts were counted with as many as are expected.
    """

    def between(least: float, most: float) -> Range:
        return Range(least, least + share * (most - least), most)

    calls = between(low.calls, high.calls)
    verdicts = between(low.verdicts, high.verdicts)
    prompts = Range(
        low.characters + low.about_assumed * (length.low - length.expected),
        between(low.characters, high.characters).expected,
        high.characters + high.about_assumed * (length.high - length.expected),
    )
    tokens = prompts * profile.tokens_a_character * exactly(profile.attempts)
    # At best the cache knows the beginning of all prompts about an answer but the first.
    repeated = Range(low.repeated / max(low.characters, 1), 0.0, 0.0)
    load = Load(
        "grader",
        high.system,
        high.address,
        calls,
        verdicts,
        high.reused,
        tokens,
        verdicts * profile.output_tokens,
        repeated,
    )
    return part_of(load, profile)


def _cost(price: Price | None, given: Range, made: Range, repeated: Range) -> Range | None:
    if price is None:
        return None
    cached = price.input if price.cached is None else price.cached

    def dollars(tokens_in: float, tokens_out: float, share: float) -> float:
        fresh, known = tokens_in * (1 - share), tokens_in * share
        return (fresh * price.input + known * cached + tokens_out * price.output) / 1e6

    return Range(
        dollars(given.low, made.low, repeated.low),
        dollars(given.expected, made.expected, repeated.expected),
        dollars(given.high, made.high, repeated.high),
    )


def together(parts: Sequence[Part]) -> Range | None:
    """Seconds of all: at best at the same time, at worst one after the other."""
    each = [part.seconds for part in parts]
    known = [seconds for seconds in each if seconds is not None]
    if len(known) < len(each):
        return None
    return Range(
        max((seconds.low for seconds in known), default=0.0),
        max((seconds.expected for seconds in known), default=0.0),
        sum(seconds.high for seconds in known),
    )


def caps_on(
    cost: Range | None, tokens: Range, max_cost: float | None, max_tokens: float | None
) -> list[Cap]:
    """Where the caps that were given will be reached; one of dollars needs prices."""
    found = []
    if max_cost is not None and cost is not None:
        found.append(_cap("--max-cost", max_cost, cost))
    if max_tokens is not None:
        found.append(_cap("--max-total-tokens", max_tokens, tokens))
    return found


def _cap(option: str, cap: float, spent: Range) -> Cap:
    def share(of: float) -> float:
        return 1.0 if of <= cap else cap / of

    return Cap(option, cap, Range(share(spent.high), share(spent.expected), share(spent.low)))
