"""Parts of an estimate: tokens, dollars and seconds, each as an expected value and a range."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from preceptor.estimate.counter import Tally
from preceptor.estimate.observed import CallProfile, Range, exactly, latency
from preceptor.systems.base import System
from preceptor.systems.prices import FREE, Price

__all__ = ["Cap", "Estimate", "Load", "Part", "caps_on", "grader_part", "part_of", "total_seconds"]

_USER_CODE = ("python", "command")
_NONE = exactly(0.0)


class Part(msgspec.Struct, frozen=True):
    """Calls, cost and time of one system, grader or member of a grader.

    Attributes
    ----------
    part
        ``system``, ``patient`` or ``grader``.
    results
        Answers or verdicts that the calls return; ``reused`` are already in the store.
    cost_usd, seconds
        None if no price is known, or if the duration of a call is unknown.
    concurrency
        Concurrent calls that the time assumes.
    basis
        Measurements and assumptions, one sentence each.
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
    """A cap, and the share of the run, 0 to 1, done when it is reached; 1 if never."""

    option: str
    cap: float
    share: Range


class Estimate(msgspec.Struct, frozen=True):
    """Estimate of a run.

    Attributes
    ----------
    examples, answers, verdicts
        Numbers requested, including those in the store.
    cost_usd, seconds
        Totals over all parts; None if one is unknown.
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
    """Calls and tokens of one model; ``repeated`` is the share of prompts that a cache may hold."""

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
    """Compute the cost and time of a load."""
    system = load.system
    if system is not None and system.slow:
        words = (*profile.basis, "in batches: done within a day")
        profile = msgspec.structs.replace(profile, basis=words, latency_s=None)
    why = "runs on this machine" if system is None else "the user's own code"
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
        concurrency=1 if system is None else _initial_concurrency(system),
        price=price,
        basis=profile.basis,
    )


def _seconds(load: Load, profile: CallProfile) -> Range | None:
    """Seconds of all calls; None for local models and the user's own code if not measured."""
    system, calls = load.system, load.calls
    if system is None or calls.high == 0:
        return _NONE
    if profile.latency_s is None and not hasattr(system, "endpoint"):
        return None
    each = latency(profile, load.results.expected / max(calls.expected, 1))
    # The limiter may raise the concurrency during the run, up to `system.concurrency`.
    least = _rounds(calls.low, system.concurrency)
    usual, most = (_rounds(n, _initial_concurrency(system)) for n in (calls.expected, calls.high))
    return each * Range(least, usual, most)


def _initial_concurrency(system: System) -> int:
    """Concurrent calls at the start of a run."""
    return system.concurrency if system.limiter is None else system.limiter.limit


def _rounds(calls: float, at_once: int) -> float:
    """Sequential rounds of calls."""
    return max(1.0, calls / at_once) if calls else 0.0


def grader_part(low: Tally, high: Tally, share: float, profile: CallProfile, length: Range) -> Part:
    """Estimate a grader or a member of one, between its least and most work.

    Parameters
    ----------
    share
        Expected position between ``low`` and ``high``, 0 to 1.
    length
        Characters of an answer; the prompts were counted at the expected length.
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
    tokens = prompts * profile.tokens_per_character * exactly(profile.attempts)
    # At best the cache holds the common beginning of all but the first prompt about an answer.
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


def total_seconds(parts: Sequence[Part]) -> Range | None:
    """Total seconds of the parts: at best all at the same time, at worst in sequence."""
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
    """Estimate where the given caps will be reached; a cap in dollars needs prices."""
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
