"""Counter of the calls that a grader would make, without making them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from preceptor.engine.prompt_cache import LEAST_TOKENS, common_prefix
from preceptor.graders.base import Call
from preceptor.records import Message, Usage, Verdict
from preceptor.store.lookup import Lookup
from preceptor.systems.base import Ask, System
from preceptor.systems.tokens import CHARS_PER_TOKEN

__all__ = ["TOP", "VERDICT_TOKENS", "CallCounter", "PastCall", "Tally", "characters"]

#: Low, expected and high tokens of a verdict with an explanation, without its reasoning.
VERDICT_TOKENS = (30.0, 85.0, 170.0)

#: Number of the run's own grader; members of a jury or cascade count from 0.
TOP = -1


class PastCall(msgspec.Struct, frozen=True):
    """An earlier call, with the usage and time of all its attempts."""

    characters: int
    verdicts: int
    usage: Usage
    latency_s: float
    attempts: int


class Tally(msgspec.Struct):
    """Counts of the calls of one grader.

    Attributes
    ----------
    system
        System that the grader calls; None if it calls nothing.
    calls, verdicts
        Calls to make, and the verdicts that they return.
    reused
        Verdicts already in the store.
    characters
        Characters of the prompts of the calls; ``repeated`` are those shared with the beginning of
        an earlier prompt about the same answer, if long enough for a provider's cache.
    about_assumed
        Calls about an answer whose length is assumed.
    made
        Earlier calls whose verdicts are all in the store.
    tokens
        Low, expected and high tokens of all the verdicts that the calls return.
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
    tokens: tuple[float, float, float] = (0.0, 0.0, 0.0)


class CallCounter:
    """Recorder that calls nothing and assumes each verdict missing from the store.

    Parameters
    ----------
    tallies
        Counts by number of the member, updated here.
    seen
        Keys of calls already counted: the same question is asked once.
    lookup
        Source of stored verdicts; None for none.
    times
        Number of equal answers that this one stands for.
    assumed
        Whether only the length of the answer is assumed.
    probability
        Probability of assumed verdicts, which decides what a cascade does with them.
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
        """Ignore verdicts that follow from votes: they cost nothing."""

    async def judge(self, calls: Sequence[Call]) -> dict[int, Verdict]:
        """Return stored or assumed verdicts by index of the criterion."""
        keys = {key: old for call in calls for key, old in call.keys().items()}
        found = {} if self.lookup is None else self.lookup.verdicts(keys)
        tally = self.tallies.setdefault(self.number, Tally(self.address))
        first: Ask | None = None
        verdicts: dict[int, Verdict] = {}
        for call in calls:
            if any(key in found for key in call.about):
                self._count_reused(tally, call, found)
            elif not self.seen.issuperset(call.about):
                first = self._count_call(tally, call, first)
            unsure = _doubtful(call)
            for key, places in call.about.items():
                given = found.get(key) or Verdict(key, True, probability=self.probability)
                if key in unsure and key not in found:
                    given = Verdict(key, None, reason="doubtful")
                verdicts |= dict.fromkeys(places, given)
        return verdicts

    def _count_reused(self, tally: Tally, call: Call, found: Mapping[str, Verdict]) -> None:
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

    def _count_call(self, tally: Tally, call: Call, first: Ask | None) -> Ask | None:
        self.seen.update(call.about.keys() - _doubtful(call))
        tally.system = call.system
        tally.calls += self.times
        tally.verdicts += self.times * len(call.about)
        least, usual, most = (
            known + self.times * len(call.about) * each
            for known, each in zip(tally.tokens, call.tokens or VERDICT_TOKENS, strict=True)
        )
        tally.tokens = least, usual, most
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


def _doubtful(call: Call) -> set[str]:
    """Keys of the verdicts that are assumed to be asked for again."""
    return set(list(call.about)[: call.doubtful])


def characters(messages: Iterable[Message]) -> int:
    """Total characters of all messages."""
    return sum(len(message.text) for message in messages)
