"""``--dry-run``: what a run would ask and what that would cost, with nothing called or written."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from preceptor.engine.interaction import interact
from preceptor.engine.keys import former_key, response_key
from preceptor.engine.plan import Plan
from preceptor.environments.base import Session
from preceptor.errors import EndpointError, StoreError
from preceptor.estimate.counter import CallCounter, Tally, characters
from preceptor.estimate.observed import (
    FEWEST,
    MOST_LOOKED_AT,
    CallProfile,
    answers_like,
    assumed_profile,
    exactly,
    profile_of_grader,
    profile_of_system,
)
from preceptor.estimate.parts import (
    Estimate,
    Load,
    Part,
    caps_on,
    grader_part,
    part_of,
    together,
)
from preceptor.graders.base import Case
from preceptor.graders.cascade import CascadeGrader
from preceptor.records import Example, Message, Response
from preceptor.store import Store
from preceptor.store.lookup import Lookup
from preceptor.store.rows import storable
from preceptor.store.sample import sample_answers
from preceptor.systems import RECORDED, reasons
from preceptor.systems.base import Ask, System

__all__ = ["STRONG_SHARE", "estimate", "existing"]

#: Share of the criteria that a cascade's strong grader is assumed to judge.
STRONG_SHARE = 0.5
#: Items of the list that an answer is assumed to be.
_ITEMS = 10


class _Answers(msgspec.Struct):
    """Questions to the system: those to ask, those in the store, and what the prompts have:
    characters, and tokens of images and files.
    """

    calls: int = 0
    reused: int = 0
    characters: int = 0
    media: int = 0


class _Text(NamedTuple):
    """An answer and the conversation before it; ``times`` as many alike, where it is assumed."""

    messages: tuple[Message, ...]
    text: str
    times: int = 1
    assumed: bool = False


def existing(where: str | Path) -> Store | None:
    """The store, if there is one: an estimate makes none."""
    if "://" not in str(where) and not Path(where).exists():
        return None
    try:
        return Store(where, create=False)
    except StoreError as error:
        if "is empty" in str(error):
            return None
        raise


def estimate(plan: Plan, store: Store | None) -> Estimate:
    """Count the calls of a plan, less those whose results the store has, and price them.

    Nothing is called and nothing is written. docs/cost.md says what is assumed where the store
    holds no earlier calls of a model, and how far off that was on real answers.
    """
    found: list[Estimate] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            found.append(asyncio.run(_Estimating(plan, store).estimate()))
        except BaseException as error:  # raised again in the caller's thread
            failed.append(error)

    # In a thread of its own, since a notebook's thread has a running loop already.
    thread = threading.Thread(target=work, name="preceptor-estimate")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]


class _Estimating:
    """The work on one estimate."""

    def __init__(self, plan: Plan, store: Store | None) -> None:
        self.plan, self.store = plan, store
        self.lookup = None if store is None else Lookup(store)
        self.protocol, self.grader = plan.benchmark.protocol, plan.grader
        self.run = plan.request.name or ""
        kind = plan.system.address.partition(":")[0]
        self.recorded = kind in RECORDED

    async def estimate(self) -> Estimate:
        plan = self.plan
        asked = sum(repeats for _, repeats in plan.examples)
        criteria = sum(len(example.criteria) * repeats for example, repeats in plan.examples)
        own = self._habits_of_system(asked)
        sure = self._probability_of_sure()
        answers, most = await self._count(own, None)
        own = self._habits_of_system(answers.calls)  # as certain as that many more can be
        least = most if sure is None else (await self._count(own, sure))[1]
        history = await self._history()
        share, words = _strong_share(history) if sure is not None else (1.0, None)
        parts = [] if self.recorded else [self._system_part(answers, own)]
        for number in sorted(most):
            low = least.get(number, Tally(most[number].address))
            profile = self._habits_of_grader(most[number], history.get(number))
            part = grader_part(low, most[number], share, profile, own.length)
            if number == 1 and words is not None:
                part = msgspec.structs.replace(part, basis=(words, *part.basis))
            parts.append(part)
        return self._whole(asked, criteria, parts)

    # Counting

    async def _count(
        self, own: CallProfile, probability: float | None
    ) -> tuple[_Answers, dict[int, Tally]]:
        answers, tallies, seen = _Answers(), dict[int, Tally](), set[str]()
        for example, repeats in self.plan.examples:
            asks = [
                Ask(self.protocol.messages(example), example, repeat) for repeat in range(repeats)
            ]
            for likely in await self._texts(asks, answers, seen, own):
                recorder = CallCounter(
                    self.grader.address,
                    tallies,
                    seen,
                    lookup=None if likely.assumed else self.lookup,
                    times=likely.times,
                    assumed=likely.assumed,
                    probability=probability,
                )
                await self._grade(example, likely.messages, likely.text, recorder)
        return answers, tallies

    async def _texts(
        self, asks: Sequence[Ask], answers: _Answers, seen: set[str], own: CallProfile
    ) -> list[_Text]:
        """The answers that there are; and those to ask for, by what is known of their length."""
        if self.recorded:
            pairs = [await self._recorded(ask) for ask in asks]
            return [_Text(*pair) for pair in pairs if pair is not None]
        assumed = _assumed_text(round(own.length.expected))
        environment = self.protocol.environment
        if environment is not None:
            return [
                await self._interaction(ask, environment.open(ask.example), answers, seen, assumed)
                for ask in asks
                if ask.example is not None
            ]
        keys = [response_key(self.plan.system, ask, self.run) for ask in asks]
        former = [former_key(self.plan.system, ask, self.run) for ask in asks]
        named = dict(zip(keys, former, strict=True))
        found = {} if self.lookup is None else self.lookup.responses(named)
        answers.reused += sum(key in found for key in keys)
        fresh = [key for key in keys if key not in found and key not in seen]
        seen.update(fresh)
        sent = self._sent(asks[0].messages)
        answers.calls += len(fresh)
        answers.characters += len(fresh) * characters(sent)
        answers.media += len(fresh) * self.plan.system.media_tokens(sent)
        texts = [
            _Text(found[key].sent or ask.messages, found[key].text)
            for key, ask in zip(keys, asks, strict=True)
            if key in found and found[key].failure is None
        ]
        missing = sum(key not in found for key in keys)
        return [*texts, _Text(sent, assumed, missing, True)] if missing else texts

    async def _interaction(
        self, ask: Ask, session: Session, answers: _Answers, seen: set[str], assumed: str
    ) -> _Text:
        """An interaction, turn by turn: one call for each that is not in the store."""
        guessed = False

        async def turn(ask: Ask) -> Response:
            nonlocal guessed
            key = response_key(self.plan.system, ask, self.run)
            if self.store is not None and not guessed:
                known = self.store.find_responses([key]).get(key)
                if known is not None:
                    answers.reused += 1
                    return known
            guessed = True
            sent = self._sent(ask.messages)
            if key not in seen:
                seen.add(key)
                answers.calls += 1
                answers.characters += characters(sent)
                answers.media += self.plan.system.media_tokens(sent)
            return Response(key, assumed, sent=sent)

        whole = await interact("", ask, session, turn)
        return _Text(whole.sent or ask.messages, whole.text, 1, guessed)

    async def _recorded(self, ask: Ask) -> tuple[tuple[Message, ...], str] | None:
        try:
            completion = await self.plan.system.answer(ask)
        except EndpointError:  # there is no such answer: the run will say so
            return None
        if completion.only_thought is not None:
            return None
        return ask.messages, storable(completion.text)

    def _sent(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        prompt = self.plan.settings["system_parameters"].system_prompt
        return messages if prompt is None else (Message("system", prompt), *messages)

    async def _grade(
        self,
        example: Example,
        messages: Sequence[Message],
        text: str,
        recorder: CallCounter,
        run: str | None = None,
    ) -> None:
        if not example.criteria:
            return
        conversation = (*messages, Message("assistant", text))
        criteria = dict(enumerate(example.criteria))
        case = Case(conversation, criteria, self.run if run is None else run, example.target)
        await self.grader.grade(case, list(case.criteria), recorder)

    def _probability_of_sure(self) -> float | None:
        """At which a cascade's cheap grader decides; None for other graders."""
        if not isinstance(self.grader, CascadeGrader):
            return None
        return 1.0 if self.grader.method.high <= 1 else 0.0

    # What is known of earlier calls

    async def _history(self) -> dict[int, Tally]:
        """What this grader said, of answers of earlier runs that it graded."""
        tallies: dict[int, Tally] = {}
        if self.store is None:
            return tallies
        runs = [run for run in reversed(self.store.runs()) if run.grader == self.grader.address]
        runs.sort(key=lambda run: run.benchmark != self.plan.benchmark.name)
        for each in sample_answers(self.store, runs, MOST_LOOKED_AT):
            recorder = CallCounter(self.grader.address, tallies, set(), lookup=self.lookup)
            sent = each.response.sent or self.protocol.messages(each.example)
            # A grader that is the user's own code has its verdicts under the name of its run.
            await self._grade(each.example, sent, each.response.text, recorder, each.run.name)
        return tallies

    def _habits_of_system(self, asked: int) -> CallProfile:
        system, parameters = self.plan.system, self.plan.settings["system_parameters"]
        assumed = _assumed(system, verdict=False)
        if self.store is None or self.recorded:
            return assumed
        name = self.plan.benchmark.name
        found = answers_like(self.store, system.address, parameters, name)
        return assumed if found is None else profile_of_system(*found, assumed, asked)

    def _habits_of_grader(self, tally: Tally, before: Tally | None) -> CallProfile:
        assumed = _assumed(tally.system, verdict=True)
        if before is None:
            return assumed
        return profile_of_grader(before.made, assumed, tally.calls)

    # Sums

    def _system_part(self, answers: _Answers, own: CallProfile) -> Part:
        # What an image takes is the provider's rule, of which the most is counted.
        tokens = exactly(answers.characters) * own.tokens_a_character + exactly(answers.media)
        calls = exactly(answers.calls)
        made = calls * own.output_tokens
        system = self.plan.system
        load = Load("system", system, system.address, calls, calls, answers.reused, tokens, made)
        return part_of(load, own)

    def _whole(self, asked: int, criteria: int, parts: list[Part]) -> Estimate:
        costs = [part.cost_usd for part in parts]
        cost = None if None in costs else sum((c for c in costs if c is not None), exactly(0.0))
        tokens = sum((part.input_tokens + part.output_tokens for part in parts), exactly(0.0))
        request = self.plan.request
        return Estimate(
            self.plan.benchmark.name,
            len(self.plan.examples),
            asked,
            criteria,
            parts,
            cost,
            tokens,
            together(parts),
            caps_on(cost, tokens, request.max_cost, request.max_total_tokens),
        )


def _assumed_text(length: int) -> str:
    """A text of a given length, numbered: what a judge is asked may be the items of a list."""
    rest = "." * (length // _ITEMS)
    return "\n".join(f"{item}. item {item} {rest}" for item in range(1, _ITEMS + 1))[:length]


def _assumed(system: System | None, *, verdict: bool) -> CallProfile:
    # A model in batches is another's, with its parameters.
    parameters = getattr(getattr(system, "inner", system), "parameters", None)
    effort = getattr(parameters, "reasoning_effort", None)
    thinks = effort not in (None, "none") or (system is not None and reasons(system.address))
    most = getattr(parameters, "max_tokens", None)
    return assumed_profile(verdict=verdict, reasons=thinks, max_tokens=most)


def _strong_share(history: dict[int, Tally]) -> tuple[float, str]:
    """Share of the criteria that a cascade's strong grader judges, and how that is known."""
    cheap, strong = history.get(0), history.get(1)
    if cheap is None or strong is None or cheap.reused < FEWEST:
        return STRONG_SHARE, f"assumed to judge {STRONG_SHARE:.0%} of the criteria (0 to 100 %)"
    share = strong.reused / cheap.reused
    return share, f"judges {share:.0%} of the criteria, measured on {cheap.reused:,} in the store"
