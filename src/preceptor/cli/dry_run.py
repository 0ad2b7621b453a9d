"""``--dry-run``: what a run would cost, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from preceptor.cli.output import note, print_json, show

if TYPE_CHECKING:
    from rich.table import Table

    from preceptor.estimate.observed import Range
    from preceptor.estimate.parts import Cap, Estimate, Part

__all__ = ["duration", "estimate_json", "print_estimates", "print_suite_estimate"]


#: Caps on dollars and on tokens.
Caps = tuple[float | None, float | None]
#: The parts of an estimate, and what their calls bring.
_PARTS = {"system": "answers", "patient": "patient turns", "grader": "verdicts"}


def print_estimates(
    estimates: Mapping[str, Estimate], as_json: bool, caps: Caps = (None, None)
) -> int:
    """Print a table and its notes, or JSON, for each cell of a sweep; returns the exit code.

    ``caps`` are those on all cells together.
    """
    found = list(estimates.values())
    if as_json:
        several = [{"cell": name, **estimate_json(each)} for name, each in estimates.items()]
        print_json(several if "" not in estimates else estimate_json(found[0]))
        return 0
    for name, each in estimates.items():
        show(_table(each, name))
    for sentence in _all_sentences(found, caps):
        note(f"  • {sentence}")
    return 0


def print_suite_estimate(
    group: str,
    estimates: Mapping[str, Estimate],
    skipped: Mapping[str, str],
    as_json: bool,
    caps: Caps,
) -> int:
    """Print a row for each benchmark and one for all, or JSON; returns the exit code."""
    found = list(estimates.values())
    if as_json:
        every = [estimate_json(each) for each in found]
        print_json({"group": group, "benchmarks": every, "skipped": dict(skipped)})
        return 0
    show(_suite_table(group, found))
    for sentence in _all_sentences(found, caps):
        note(f"  • {sentence}")
    for benchmark, why in skipped.items():
        note(f"skipped {benchmark}: {why}")
    return 0


def estimate_json(estimate: Estimate) -> dict[str, Any]:
    """The documented form of an estimate: docs/cost.md lists the keys."""
    import msgspec

    found: dict[str, Any] = msgspec.to_builtins(estimate)
    return found


def _table(estimate: Estimate, name: str) -> Table:
    """One row for the system and each grader, and one for all."""
    from rich.table import Table

    table = Table(
        title=f"{name or estimate.benchmark}: what a run would take", title_justify="left"
    )
    table.add_column("")
    for heading in ("calls", "in store", "tokens in", "tokens out", "cost", "time"):
        table.add_column(heading, justify="right")
    for part in estimate.parts:
        table.add_row(
            f"{part.part} {part.address}",
            _numbers(part.calls),
            f"{part.reused:,}",
            _numbers(part.input_tokens),
            _numbers(part.output_tokens),
            _dollars(part.cost_usd),
            _durations(part.seconds),
        )
    table.add_section()
    ends = (_dollars(estimate.cost_usd), _durations(estimate.seconds))
    table.add_row("all", "", "", "", "", *ends, style="bold")
    return table


def _suite_table(group: str, estimates: Sequence[Estimate]) -> Table:
    """What each benchmark takes: calls for answers, and for the verdicts of all graders."""
    from rich.table import Table

    table = Table(title=f"{group}: what a suite would take", title_justify="left")
    table.add_column("benchmark")
    asked = {part.part for each in estimates for part in each.parts} | {"system", "grader"}
    shown = {part: heading for part, heading in _PARTS.items() if part in asked}
    for heading in ("examples", *shown.values(), "tokens", "cost", "time"):
        table.add_column(heading, justify="right")
    for each in estimates:
        parts = {name: [p.calls for p in each.parts if p.part == name] for name in shown}
        calls = [_numbers(sum(given[1:], given[0])) if given else "–" for given in parts.values()]
        ends = (_numbers(each.tokens), _dollars(each.cost_usd), _durations(each.seconds))
        table.add_row(each.benchmark, f"{each.examples:,}", *calls, *ends)
    table.add_section()
    costs = [each.cost_usd for each in estimates]
    times = [each.seconds for each in estimates]  # benchmarks run in sequence
    tokens = [each.tokens for each in estimates]
    whole = _sum(tokens)
    assert whole is not None
    ends = (_numbers(whole), _dollars(_sum(costs)), _durations(_sum(times)))
    table.add_row(
        "all",
        f"{sum(each.examples for each in estimates):,}",
        *("" for _ in shown),
        *ends,
        style="bold",
    )
    return table


def _sum(values: Sequence[Range | None]) -> Range | None:
    """The sum; None where one of them is unknown."""
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known and len(known) == len(values) else None


def _all_sentences(estimates: Sequence[Estimate], caps: Caps) -> list[str]:
    """What the numbers rest on, what they are priced with, and where a cap would be reached."""
    from preceptor.estimate.parts import caps_on

    found = [sentence for estimate in estimates for sentence in _sentences(estimate)]
    cost = _sum([each.cost_usd for each in estimates])
    tokens = _sum([each.tokens for each in estimates])
    if tokens is not None:
        found += [_cap(cap) for cap in caps_on(cost, tokens, *caps)]
    return list(dict.fromkeys(found))


def _sentences(estimate: Estimate) -> Iterator[str]:
    for part in estimate.parts:
        yield f"{part.part} {part.address}: " + "; ".join((*part.basis, _how(part))) + "."
    unknown = [part.address for part in estimate.parts if part.cost_usd is None]
    if unknown:
        names = ", ".join(dict.fromkeys(unknown))
        yield f"No price is known for {names}: see `preceptor list prices`."
    for cap in estimate.caps:
        yield _cap(cap)


def _how(part: Part) -> str:
    from preceptor.reports.spending import price_words

    price = "" if part.price is None else f"; priced at {price_words(part.price)}"
    at_once = "time not known" if part.seconds is None else f"{part.concurrency:,} calls at once"
    return at_once + price


def _cap(cap: Cap) -> str:
    amount = f"${cap.cap:g}" if cap.option == "--max-cost" else f"{cap.cap:,.0f} tokens"
    share = cap.share
    if share.low >= 1:
        return f"The cap of {amount} is not reached."
    if share.expected >= 1:
        return f"The cap of {amount} may be reached, after {share.low:.0%} of the run at the least."
    end = "the end" if share.high >= 1 else f"{share.high:.0%}"
    return (
        f"The cap of {amount} is reached after about {share.expected:.0%} of the run "
        f"(between {share.low:.0%} and {end})."
    )


def _numbers(value: Range) -> str:
    return _range(value, [f"{_rounded(n):,}" for n in (value.low, value.expected, value.high)])


def _rounded(number: float) -> int:
    """Three significant digits: more would claim precision."""
    whole = round(number)
    return round(whole, 3 - len(str(whole))) if whole >= 100_000 else whole


def _dollars(value: Range | None) -> str:
    from preceptor.reports.spending import dollars

    if value is None:
        return "–"
    return _range(value, [dollars(n) for n in (value.low, value.expected, value.high)])


def _durations(value: Range | None) -> str:
    if value is None:
        return "–"
    return _range(value, [duration(n) for n in (value.low, value.expected, value.high)])


def _range(value: Range, words: Sequence[str]) -> str:
    low, expected, high = words
    return expected if low == high else f"{expected}\n({low} to {high})"


def duration(seconds: float) -> str:
    """``0.3 s``, ``45 s``, ``12 min``, ``3.5 h``."""
    if seconds < 99.5:
        return f"{seconds:.0f} s" if seconds >= 1 or seconds == 0 else f"{seconds:.1g} s"
    return f"{seconds / 60:.0f} min" if seconds < 5970 else f"{seconds / 3600:.1f} h"
