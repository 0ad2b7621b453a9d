"""What a grader would ask, without asking it: each call is counted and not made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from preceptor.engine.prompt_cache import LEAST_TOKENS, common_prefix
from preceptor.graders.base import Call
from preceptor.records import Message, Usage, Verdict
from preceptor.store.lookup import Lookup
from preceptor.systems.base import Ask, System
from preceptor.systems.tokens import CHARS_PER_TOKEN

__all__ = ["TOP", "CallCounter", "PastCall", "Tally", "characters"]

#: Number of the run's own grader, where it has no members.
TOP = -1


class PastCall(msgspec.Struct, frozen=True):
    """A call that was made earlier, and what it took: all its attempts together."""

    characters: int
    verdicts: int
    usage: Usage
    latency_s: float
    attempts: int


class Tally(msgspec.Struct):
    """What is to be asked of one grader.

    Attributes
    ----------
    system
        What it calls; None for one that calls nothing.
    calls, verdicts
        Calls to make, and the verdicts that they bring.
    reused
        Verdicts that the store has.
    characters
        Of the prompts of the calls; ``repeated`` are those that stood at the beginning of an
        earlier prompt about the same answer, where that is long enough for a provider's cache.
    about_assumed
        How many of the calls are about an answer of which only the length is assumed.
    made
        Calls that the store knows, as far as it has all of their verdicts.
    """

    address: str
    system: System | None = None
    calls: int = 0
    verdicts: int = 0
    reused: int = 0
    characters: int = 0
    repeated: int = 0
    about_assumed: int = 0
    made: list[PastCall] = []


class CallCounter:
    """A recorder that calls nothing: a verdict that the store does not have is assumed.

    Parameters
    ----------
    tallies
        By number of the member; where this one counts.
    seen
        Keys of the calls that are counted already: the same question is asked once.
    lookup
        Where verdicts are looked up; None to look up none.
    times
        Number of equal answers that this one stands for.
    assumed
        Whether the answer is there only by its length.
    probability
        Of the verdicts that are assumed: it decides what a cascade does with them.
    """

    def __init__(
        self,
        address: str,
        tallies: dict[int, Tally],
        seen: set[str],
        *,
        lookup: Lookup | None = None,
        times: int = 1,
        assumed: bool = False,
        probability: float | None = None,
        number: int = TOP,
    ) -> None:
        self.address, self.tallies, self.seen, self.lookup = address, tallies, seen, lookup
        self.times, self.assumed, self.probability = times, assumed, probability
        self.number = number

    def member(self, number: int, grader: str, roles: Mapping[int, str]) -> CallCounter:
        del roles
        return CallCounter(
            grader,
            self.tallies,
            self.seen,
            lookup=self.lookup,
            times=self.times,
            assumed=self.assumed,
            probability=self.probability,
            number=number,
        )

    async def rule(self, verdicts: Mapping[int, Verdict]) -> None:
        """A verdict that follows from votes costs nothing."""

    async def judge(self, calls: Sequence[Call]) -> dict[int, Verdict]:
        """Verdicts by place: those of the store, and assumed ones."""
        keys = {key: old for call in calls for key, old in call.keys().items()}
        found = {} if self.lookup is None else self.lookup.verdicts(keys)
        tally = self.tallies.setdefault(self.number, Tally(self.address))
        first: Ask | None = None
        verdicts: dict[int, Verdict] = {}
        for call in calls:
            if any(key in found for key in call.about):
                self._known(tally, call, found)
            elif not self.seen.issuperset(call.about):
                first = self._to_make(tally, call, first)
            for key, places in call.about.items():
                given = found.get(key) or Verdict(key, True, probability=self.probability)
                verdicts |= dict.fromkeys(places, given)
        return verdicts

    def _known(self, tally: Tally, call: Call, found: Mapping[str, Verdict]) -> None:
        tally.reused += sum(len(places) for key, places in call.about.items() if key in found)
        if call.ask is None or any(key not in found for key in call.about):
            return
        given = [found[key] for key in call.about]
        tally.system = call.system
        tally.made.append(
            PastCall(
                characters(call.ask.messages),
                len(given),
                sum((verdict.usage for verdict in given), Usage()),
                sum(verdict.latency_s for verdict in given),
                max(verdict.attempts for verdict in given),
            )
        )

    def _to_make(self, tally: Tally, call: Call, first: Ask | None) -> Ask | None:
        self.seen.update(call.about)
        tally.system = call.system
        tally.calls += self.times
        tally.verdicts += self.times * len(call.about)
        tally.about_assumed += self.times if self.assumed else 0
        if call.ask is None:
            return first
        tally.characters += self.times * characters(call.ask.messages)
        if first is None or (call.system is not None and call.system.slow):
            return call.ask
        shared = common_prefix(first, call.ask)
        if shared >= LEAST_TOKENS * CHARS_PER_TOKEN:
            tally.repeated += self.times * shared
        return first


def characters(messages: Iterable[Message]) -> int:
    """Of all messages together."""
    return sum(len(message.text) for message in messages)
