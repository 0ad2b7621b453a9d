"""The calls and cost of a preview, before it begins: `run --dry-run` for one task."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from preceptor.engine.keys import former_key, response_key
from preceptor.estimate.counter import CallCounter, Tally
from preceptor.estimate.dry_run import assumed_for, assumed_text
from preceptor.estimate.observed import ANSWER_CHARACTERS, exactly
from preceptor.estimate.parts import Load, Part, grader_part, part_of
from preceptor.graders import Grader
from preceptor.graders.base import Case
from preceptor.records import Message
from preceptor.store.lookup import Lookup
from preceptor.studio.people.project import PROTOCOL, Project, grader_of
from preceptor.studio.preview.findings import REPEATS
from preceptor.studio.preview.planning import Wanted
from preceptor.systems import resolve
from preceptor.systems.base import Ask, Parameters, System

__all__ = ["Quote", "quote"]


class Quote(msgspec.Struct, frozen=True):
    """How many answers a preview judges, how many of these are asked for, and calls to the grader.

    ``dollars`` is the expected cost; None where a price is not known.
    """

    answers: int
    asks: int
    calls: int
    dollars: float | None


async def quote(project: Project, found: Wanted, lookup: Lookup | None) -> Quote:
    """Estimate a preview. ``lookup`` finds what is in the run store already.

    Raises InputError, Unavailable where the grader or a system cannot be asked.
    """
    texts = [(each.text, False) for each in found.answers]
    parts: list[Part] = []
    for number, (address, before) in enumerate(found.systems):
        system = resolve(address, Parameters())
        text = _stored(system, Ask(found.messages, repeat=before), lookup)
        if text is None:
            parts.append(_answering(system, found))
            # Of different lengths: equal texts would count as one.
            text = assumed_text(int(ANSWER_CHARACTERS[1]) + number)
            texts.append((text, True))
        else:
            texts.append((text, False))
    asks = len(parts)
    for again in range(REPEATS):
        grader = grader_of(project.grader, project.grader_params, again=again)
        parts += await _judging(grader, found, texts, lookup)
    calls = round(sum(part.calls.expected for part in parts)) - asks
    known = [part.cost_usd.expected for part in parts if part.cost_usd is not None]
    priced = len(known) == len(parts) or not asks + calls  # no call costs nothing
    return Quote(len(texts), asks, calls, sum(known) if priced else None)


def _stored(system: System, ask: Ask, lookup: Lookup | None) -> str | None:
    """The answer in the run store, if any; that of a user's own code is never reused."""
    if lookup is None or not system.reusable:
        return None
    key = response_key(system, ask, None)
    known = lookup.responses({key: former_key(system, ask, None)}).get(key)
    return None if known is None else known.text or None


async def _judging(
    grader: Grader, found: Wanted, texts: Sequence[tuple[str, bool]], lookup: Lookup | None
) -> list[Part]:
    """What it takes to judge the answers once; texts marked True are assumed."""
    tallies: dict[int, Tally] = {}
    seen: set[str] = set()
    for text, assumed in texts:
        counter = CallCounter(grader.address, tallies, seen, lookup=lookup, assumed=assumed)
        conversation = (*PROTOCOL.messages(found.example), Message("assistant", text))
        case = Case(conversation, dict(enumerate(found.example.criteria)), "")
        await grader.grade(case, range(len(case.criteria)), counter)
    length = exactly(ANSWER_CHARACTERS[1])
    return [
        grader_part(each, each, 0.0, assumed_for(each.system, verdict=True, tally=each), length)
        for each in tallies.values()
    ]


def _answering(system: System, found: Wanted) -> Part:
    profile = assumed_for(system, verdict=False)
    characters = exactly(sum(len(message.text) for message in found.messages))
    given, one = characters * profile.tokens_per_character, exactly(1)
    load = Load("system", system, system.address, one, one, 0, given, profile.output_tokens)
    return part_of(load, profile)
