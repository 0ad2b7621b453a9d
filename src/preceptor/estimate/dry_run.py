"""``--dry-run``: estimate of a run's calls and cost, without calling or writing anything."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from preceptor.engine.interaction import interact
from preceptor.engine.keys import former_key, response_key
from preceptor.engine.plan import Plan
from preceptor.environments.base import Environment
from preceptor.errors import EndpointError, StoreError
from preceptor.estimate.counter import CallCounter, Tally, characters
from preceptor.estimate.observed import (
    MAX_SAMPLE,
    MIN_SAMPLE,
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
    total_seconds,
)
from preceptor.graders.base import Case
from preceptor.graders.cascade import CascadeGrader
from preceptor.records import Example, Message, Response
from preceptor.store import Store
from preceptor.store.lookup import Lookup
from preceptor.store.rows import storable
from preceptor.store.sample import sample_answers
from preceptor.systems import reasons
from preceptor.systems.base import Ask, System

__all__ = ["STRONG_SHARE", "assumed_for", "assumed_text", "estimate", "estimates", "existing"]

#: Share of the criteria that a cascade's strong grader is assumed to judge.
STRONG_SHARE = 0.5
#: Number of list items in an assumed answer.
_ITEMS = 10
#: Characters of what a tool gives: the mean of recorded runs in a health record.
_RESULT = 1_600


class _Asked(msgspec.Struct):
    """Counts of calls and stored answers; characters of the prompts, tokens of their media."""

    calls: int = 0
    reused: int = 0
    characters: int = 0
    media: int = 0


class _AnswerTally(_Asked):
    """Those of the system, and of its patient."""

    patient: _Asked = msgspec.field(default_factory=_Asked)


class _LikelyAnswer(NamedTuple):
    """An answer and the messages before it; an assumed one stands for ``times`` answers."""

    messages: tuple[Message, ...]
    text: str
    times: int = 1
    assumed: bool = False


def existing(where: str | Path) -> Store | None:
    """Open the store; None if it does not exist, since an estimate creates none."""
    if "://" not in str(where) and not Path(where).exists():
        return None
    try:
        return Store(where, create=False)
    except StoreError as error:
        if "is empty" in str(error):
            return None
        raise


def estimate(plan: Plan, store: Store | None) -> Estimate:
    """Count and price the calls of a plan, without those whose results are stored.

    Nothing is called and nothing is written. docs/cost.md lists the assumptions for models without
    earlier calls in the store, and their errors on real answers.
    """
    found: list[Estimate] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            found.append(asyncio.run(_Estimator(plan, store).estimate()))
        except BaseException as error:  # raised again in the caller's thread
            failed.append(error)

    # A separate thread, since a notebook's thread already has a running loop.
    thread = threading.Thread(target=work, name="preceptor-estimate")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]


def estimates(plans: Mapping[str, Plan], where: str | Path) -> dict[str, Estimate]:
    """The same for several plans; without a store nothing is known."""
    opened = existing(where)
    with opened or contextlib.nullcontext():
        return {name: estimate(plan, opened) for name, plan in plans.items()}


class _Estimator:
    """State of one estimate."""

    def __init__(self, plan: Plan, store: Store | None) -> None:
        self.plan, self.store = plan, store
        self.lookup = None if store is None else Lookup(store)
        self.protocol, self.grader = plan.benchmark.protocol, plan.grader
        self._environment = plan.environment
        self.run = plan.request.name or ""
        self.recorded = plan.system.recorded

    async def estimate(self) -> Estimate:
        plan = self.plan
        asked = sum(repeats for _, repeats in plan.examples)
        criteria = sum(len(example.criteria) * repeats for example, repeats in plan.examples)
        own = self._system_profile(asked)
        sure = self._decisive_probability()
        answers, most = await self._count(own, None)
        own = self._system_profile(answers.calls)  # the range depends on the number of calls
        least = most if sure is None else (await self._count(own, sure))[1]
        history = await self._history()
        share, words = _strong_share(history) if sure is not None else (1.0, None)
        parts = [] if self.recorded else [self._part("system", plan.system, answers, own)]
        if plan.patient is not None and not self.recorded:
            profile = assumed_for(plan.patient, verdict=False)
            parts.append(self._part("patient", plan.patient, answers.patient, profile))
        for number in sorted(most):
            low = least.get(number, Tally(most[number].address))
            profile = self._grader_profile(most[number], history.get(number))
            part = grader_part(low, most[number], share, profile, own.length)
            if number == 1 and words is not None:
                part = msgspec.structs.replace(part, basis=(words, *part.basis))
            parts.append(part)
        return self._whole(asked, criteria, parts)

    # Counting

    async def _count(
        self, own: CallProfile, probability: float | None
    ) -> tuple[_AnswerTally, dict[int, Tally]]:
        answers, tallies, seen = _AnswerTally(), dict[int, Tally](), set[str]()
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
        self, asks: Sequence[Ask], answers: _AnswerTally, seen: set[str], own: CallProfile
    ) -> list[_LikelyAnswer]:
        """List stored answers, and assumed ones of the expected length for those to ask for."""
        if self.recorded:
            pairs = [await self._recorded(ask) for ask in asks]
            return [_LikelyAnswer(*pair) for pair in pairs if pair is not None]
        assumed = assumed_text(round(own.length.expected))
        environment = self._environment
        if environment is not None:
            return [
                await self._interaction(ask, environment, answers, seen, assumed)
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
            _LikelyAnswer(found[key].sent or ask.messages, found[key].text)
            for key, ask in zip(keys, asks, strict=True)
            if key in found and found[key].failure is None
        ]
        missing = sum(key not in found for key in keys)
        return [*texts, _LikelyAnswer(sent, assumed, missing, True)] if missing else texts

    async def _interaction(
        self,
        ask: Ask,
        environment: Environment,
        answers: _AnswerTally,
        seen: set[str],
        assumed: str,
    ) -> _LikelyAnswer:
        """Play an interaction, counting one call per turn that is not in the store.

        An assumed text begins with the key of its question, so that what is said after it is one
        question where it would be; and it asks something until a talk has its usual length. It
        calls no tool: usual turns that are missing are added, each with a result before it.
        """
        guessed, turns = False, 0
        assert ask.example is not None
        session, usual = environment.open(ask.example), environment.usual_turns
        offered = len(msgspec.json.encode(session.tools)) if session.tools else 0

        async def asked(system: System, ask: Ask, count: _Asked) -> Response:
            nonlocal guessed
            key = response_key(system, ask, self.run)
            if self.store is not None and not guessed:
                known = self.store.find_responses([key]).get(key)
                if known is not None:
                    count.reused += 1
                    return known
            guessed = True
            sent = self._sent(ask.messages) if system is self.plan.system else ask.messages
            if key not in seen:
                seen.add(key)
                count.calls += 1
                count.characters += characters(sent) + (offered if ask.tools else 0)
                count.media += system.media_tokens(sent)
            text = f"{key}{assumed}"[: len(assumed)]
            return Response(key, f"{text[:-1]}?" if turns < usual else text, sent=sent)

        async def turn(ask: Ask) -> Response:
            nonlocal turns
            turns += 1
            return await asked(self.plan.system, ask, answers)

        async def say(messages: tuple[Message, ...]) -> Response:
            assert self.plan.patient is not None
            said = Ask(messages, ask.example, ask.repeat)
            return await asked(self.plan.patient, said, answers.patient)

        whole = await interact("", ask, session, turn, patient=say)
        if guessed:
            sent = characters(self._sent(whole.sent or ask.messages)) + offered
            for more in range(1, usual - turns + 1):
                answers.calls += 1
                answers.characters += sent + more * (len(assumed) + _RESULT)
        return _LikelyAnswer(whole.sent or ask.messages, whole.text, 1, guessed)

    async def _recorded(self, ask: Ask) -> tuple[tuple[Message, ...], str] | None:
        try:
            completion = await self.plan.system.answer(ask)
        except EndpointError:  # no recorded answer; the run will report it
            return None
        if completion.only_thought is not None:
            return None
        return ask.messages, storable(completion.text)

    def _sent(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        prompt = self.plan.parameters.system_prompt
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

    def _decisive_probability(self) -> float | None:
        """Probability at which a cascade's cheap grader decides; None for other graders."""
        if not isinstance(self.grader, CascadeGrader):
            return None
        return 1.0 if self.grader.method.high <= 1 else 0.0

    # Earlier calls

    async def _history(self) -> dict[int, Tally]:
        """Count this grader's earlier calls, on a sample of answers that it graded."""
        tallies: dict[int, Tally] = {}
        if self.store is None:
            return tallies
        runs = [run for run in reversed(self.store.runs()) if run.grader == self.grader.address]
        runs.sort(key=lambda run: run.benchmark != self.plan.benchmark.name)
        for each in sample_answers(self.store, runs, MAX_SAMPLE):
            recorder = CallCounter(self.grader.address, tallies, set(), lookup=self.lookup)
            sent = each.response.sent or self.protocol.messages(each.example)
            # Verdicts of the user's own code are stored under the name of their run.
            await self._grade(each.example, sent, each.response.text, recorder, each.run.name)
        return tallies

    def _system_profile(self, asked: int) -> CallProfile:
        system, parameters = self.plan.system, self.plan.parameters
        assumed = assumed_for(system, verdict=False)
        if self.store is None or self.recorded:
            return assumed
        name = self.plan.benchmark.name
        found = answers_like(self.store, system.address, parameters, name)
        return assumed if found is None else profile_of_system(*found, assumed, asked)

    def _grader_profile(self, tally: Tally, before: Tally | None) -> CallProfile:
        assumed = assumed_for(tally.system, verdict=True, tally=tally)
        if before is None:
            return assumed
        return profile_of_grader(before.made, assumed, tally.calls)

    # Sums

    def _part(self, part: str, system: System, answers: _Asked, own: CallProfile) -> Part:
        # What an image takes is the provider's rule, of which the most is counted.
        if answers.media:
            most = f"images and files: {answers.media:,} tokens at most, by the provider's rule"
            own = msgspec.structs.replace(own, basis=(*own.basis, most))
        tokens = exactly(answers.characters) * own.tokens_per_character + exactly(answers.media)
        calls = exactly(answers.calls)
        made = calls * own.output_tokens
        load = Load(part, system, system.address, calls, calls, answers.reused, tokens, made)
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
            total_seconds(parts),
            caps_on(cost, tokens, request.max_cost, request.max_total_tokens),
        )


def assumed_text(length: int) -> str:
    """Make a numbered list of a given length, since some graders ask about the items of a list."""
    rest = "." * (length // _ITEMS)
    return "\n".join(f"{item}. item {item} {rest}" for item in range(1, _ITEMS + 1))[:length]


def assumed_for(system: System | None, *, verdict: bool, tally: Tally | None = None) -> CallProfile:
    # A batch system wraps the model that has the parameters.
    parameters = getattr(getattr(system, "inner", system), "parameters", None)
    effort = getattr(parameters, "reasoning_effort", None)
    thinks = effort not in (None, "none") or (system is not None and reasons(system.address))
    most = getattr(parameters, "max_tokens", None)
    if tally is None or not tally.verdicts:
        return assumed_profile(verdict=verdict, reasons=thinks, max_tokens=most)
    least, usual, high = (each / tally.verdicts for each in tally.tokens)
    tokens = (least, usual, high)
    return assumed_profile(verdict=verdict, reasons=thinks, max_tokens=most, tokens=tokens)


def _strong_share(history: dict[int, Tally]) -> tuple[float, str]:
    """Share of the criteria that a cascade's strong grader judges, and its source in words."""
    cheap, strong = history.get(0), history.get(1)
    if cheap is None or strong is None or cheap.reused < MIN_SAMPLE:
        return STRONG_SHARE, f"assumed to judge {STRONG_SHARE:.0%} of the criteria (0 to 100 %)"
    share = strong.reused / cheap.reused
    return share, f"judges {share:.0%} of the criteria, measured on {cheap.reused:,} in the store"
