"""The run loop: an example's criteria are graded as soon as its answer is there."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from preceptor.engine.backlog import Backlog
from preceptor.engine.batches import InBatches
from preceptor.engine.budget import Budget
from preceptor.engine.calls import claimed
from preceptor.engine.grading import GradingContext, VerdictRecorder, given, older_server
from preceptor.engine.interaction import attend, environment_failure, interact
from preceptor.engine.keys import former_key, response_key
from preceptor.engine.patients import everyone
from preceptor.engine.progress import Progress
from preceptor.engine.responses import answer_to
from preceptor.engine.surroundings import changes, surroundings
from preceptor.engine.token_check import TokenCheck
from preceptor.engine.tool_check import ToolCheck
from preceptor.engine.watch import Watch
from preceptor.environments.base import Environment
from preceptor.errors import BudgetExceeded
from preceptor.graders.base import Grader, case_of
from preceptor.protocols.base import Protocol
from preceptor.records import Graded, Message, Response, RunInfo, RunSettings, Usage
from preceptor.store import Store
from preceptor.store.lease import Owner
from preceptor.store.lookup import Lookup
from preceptor.store.results import UNFINISHED
from preceptor.store.writer import Batch, Writer
from preceptor.systems.base import Ask, Postponed, System
from preceptor.systems.limiter import Limiter

__all__ = ["Pipeline", "Share"]

T = TypeVar("T")
#: Questions that are ready for their turn, at the least.
_NEXT = 32
#: Position of the example in the run, and repeat.
_Place = tuple[int, int]


class Share(msgspec.Struct, frozen=True):
    """What one of several processes does of a run whose lease another one holds.

    Attributes
    ----------
    positions
        The examples, in the run's order.
    owner
        Who holds the lease.
    workers
        Among how many the run, and with it the concurrency that a user gave, is shared.
    """

    positions: tuple[int, ...]
    owner: Owner
    workers: int


class Pipeline:
    """Brings one run to its end, or to a clean stop from which it can be resumed.

    Every answer and verdict is on disk before it counts. A call is looked up in the store before it
    is made; what failed in an earlier attempt is asked again. The very same question is asked once,
    however many examples have it.
    """

    def __init__(
        self,
        store: Store,
        run: RunInfo,
        *,
        protocol: Protocol,
        system: System,
        grader: Grader,
        budget: Budget,
        patient: System | None = None,
        share: Share | None = None,
    ) -> None:
        self.store, self.run, self.share, self.patient = store, run, share, patient
        self.protocol, self.system, self.grader = protocol, system, grader
        self._environment = protocol.environment
        if run.settings.materials is not None:
            materials = store.blob(run.settings.materials)
            system.furnish(materials)
            if self._environment is not None:
                self._environment = self._environment.furnished(materials)
        self.budget = budget
        budget.may_start = self._check_going_on
        only = None if share is None else share.positions
        self.todo = _places(store.graded(run, only), only)
        criteria = sum(len(graded.example.criteria) for _, graded in self.todo)
        self.progress = Progress(len(self.todo), criteria, budget)
        self._systems = dict.fromkeys(everyone(system, patient, grader))
        self.progress.retries = [each.failures for each in self._systems]
        # Calls wait for their turn here and not in the endpoint, where a stop could not reach them.
        self._lookup = Lookup(store)
        self._watch = Watch(protocol, self.progress.warn)
        self._tool_check = ToolCheck(system, self._warn)
        known = (graded.response for _, graded in self.todo)
        self._token_check = TokenCheck(system, protocol.asking, known)
        self._limiters = {each: each.limiter or Limiter(each.concurrency) for each in self._systems}
        self._backlog = Backlog(self._most_ready)
        self.progress.limiters = [each.limiter for each in self._systems if each.limiter]
        self._workers: set[asyncio.Task[None]] = set()
        self._answering: dict[str, asyncio.Task[Response]] = {}
        self._error: Exception | None = None
        self._batches = InBatches(
            self._systems,
            answers=system,
            store=store,
            run=run,
            budget=budget,
            progress=self.progress,
            failed=self._cannot_go_on,
        )

    def stop(self, why: str) -> None:
        """Start no further call; those under way are finished and kept."""
        self.progress.stopping = self.progress.stopping or why

    async def execute(self) -> None:
        """Work until nothing is left or a stop is asked for.

        Raises
        ------
        BudgetExceeded, EndpointRefused, StoreError
            What stopped it, after the calls under way were finished and kept.
        """
        with self._lease() as owner:
            self._note_changes()
            async with contextlib.AsyncExitStack() as opened:
                for system in self._systems:
                    opened.push_async_callback(system.close)
                    await system.open()
                if self._environment is not None and self._answers_missing():
                    opened.push_async_callback(self._environment.stop)
                    await self._environment.start()
                writer = self._batches.writer = Writer(self.store, self.run, owner)
                opened.push_async_callback(writer.close)
                told = self.budget, self.progress
                context = GradingContext(
                    self.store,
                    writer,
                    *told,
                    turn=self._turn,
                    go_on=self._check_going_on,
                    warn=self._warn,
                )
                await self._work_all(context)
                if self._error is None and self.progress.stopping is None:
                    self._batches.finished()
        if self._error is not None:
            raise self._error

    def _answers_missing(self) -> bool:
        """Whether anything is to be done that is not recorded already."""
        answers = (graded.response for _, graded in self.todo)
        missing = any(each is None or each.failure is not None for each in answers)
        return missing and not self.system.recorded

    def _note_changes(self) -> None:
        """Warn where the rest of the run uses other servers or files than before."""
        settings = self.run.settings
        if all(_finished(graded) for _, graded in self.todo):
            return
        for sentence in changes(settings, self._systems, self.grader):
            self._warn(sentence)
        if settings.servers is None:
            # From here on, keys name the server.
            servers, _ = surroundings(self._systems, self.grader)
            self.store.add_settings(self.run, RunSettings(servers=servers))

    def _warn(self, sentence: str) -> None:
        """Warn while the run goes on, and keep the sentence as a note beside the score."""
        if sentence not in self.progress.warnings:
            self.progress.warn(sentence)
            self.store.add_note(self.run, sentence)

    def _cannot_go_on(self) -> bool:
        return self._error is not None and not isinstance(self._error, BudgetExceeded)

    def _lease(self) -> contextlib.AbstractContextManager[Owner]:
        if self.share is not None:
            return contextlib.nullcontext(self.share.owner)
        return self.store.lease(self.run)

    async def _work_all(self, context: GradingContext) -> None:
        items = iter(self.todo)
        self._hire(items, context)
        while self._workers:
            await asyncio.gather(*self._workers)

    def _hire(self, items: Iterator[tuple[int, Graded]], context: GradingContext) -> None:
        """As many examples at once as keep all endpoints busy for now: memory stays bounded."""
        wanted = sum(limiter.limit for limiter in self._limiters.values())
        for _ in range(len(self._workers), min(wanted, len(self.todo))):
            worker = asyncio.ensure_future(self._worker(items, context))
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    def _most_ready(self) -> int:
        """What the graders may be asked at once, and a quarter more: their next turns."""
        at_once = sum(self._limiters[each].limit for each in self.grader.systems)
        # Where one call about an answer goes ahead, the others are ready and wait for it.
        ahead = any(each.price is not None and each.price.discounts for each in self.grader.systems)
        return at_once * (3 if ahead else 1) + max(at_once // 4, _NEXT)

    async def _worker(self, items: Iterator[tuple[int, Graded]], context: GradingContext) -> None:
        for position, graded in items:
            try:
                await self._item((position, graded.repeat), graded, context)
                self._hire(items, context)
            except Postponed:
                return
            except Exception as error:  # whatever it is, the others finish what they have begun
                self._error = self._error or error
                if isinstance(error, BudgetExceeded):
                    self.stop(str(error))
                return

    async def _item(self, place: _Place, graded: Graded, context: GradingContext) -> None:
        response = graded.response
        if response is None or response.failure is not None:
            response = await self._respond(place, graded, context.writer)
        if response.failure is not None:
            self.progress.ungraded["no answer: " + response.failure] += 1
            self.progress.ungraded["no verdict without an answer"] += len(graded.verdicts)
            return
        self.progress.answers += 1
        self._watch.answered(response, graded)
        self._tool_check.answered(response)
        self._token_check.answered(response)
        sent = response.sent or self.protocol.messages(graded.example)
        context.prompts.asked(self.system.address, lambda: sent, response.usage)
        await self._grade(place, graded, response, context)

    # Answers

    async def _respond(self, place: _Place, graded: Graded, writer: Writer) -> Response:
        ask = Ask(self.protocol.messages(graded.example), graded.example, graded.repeat)
        whole = self._environment is not None
        key = response_key(self.system, ask, self.run.scope, whole=whole, patient=self.patient)
        # No await between lookup and task creation, or the same call could be made twice.
        under_way = self._answering.get(key)
        former = former_key(self.system, ask, self.run.scope, whole=whole, patient=self.patient)
        known = None if under_way else self._lookup.responses({key: former}).get(key)
        if known is not None and known.key != key:
            self._warn(older_server(self.system))
        if under_way is None and known is None:
            work = self._ask_system(key, ask, place, writer, begun=graded.response is not None)
            return await _only(self._answering, key, work)
        response = known or await under_way  # type: ignore[misc]
        await writer.put(Batch(answers=((*place, response, True),)))
        return response

    async def _ask_system(
        self, key: str, ask: Ask, place: _Place, writer: Writer, *, begun: bool
    ) -> Response:
        find = functools.partial(self._lookup.responses, {key: None})
        if theirs := await claimed(writer, (key,), find, self._check_going_on):
            await writer.put(Batch(answers=((*place, theirs[key], True),)))
            return theirs[key]
        environment = self._environment
        try:
            if environment is None or ask.example is None:
                response = await self._call(self.system, key, ask)
            else:
                response = await self._converse(key, ask, environment, place, writer, begun=begun)
        except BaseException:
            writer.give_back((key,))
            raise
        elsewhere = await writer.put(Batch(answers=((*place, response, False),)))
        self.progress.fresh += 1
        return elsewhere.get(key, response)

    async def _converse(
        self,
        key: str,
        ask: Ask,
        environment: Environment,
        place: _Place,
        writer: Writer,
        *,
        begun: bool,
    ) -> Response:
        """The response of an interaction.

        Each turn is kept under the key of its own question, so that one that was broken off goes on
        where it was; what it took is added to the whole at once.

        Parameters
        ----------
        begun
            Whether this run has asked before: the turns that are there were paid by it.
        """

        async def find(ask: Ask, system: System = self.system) -> Response:
            own = response_key(system, ask, self.run.scope)
            known = self.store.find_responses([own]).get(own)
            if known is not None and system is not self.system and not begun:
                # What the patient said to another system is not on this run's bill.
                return msgspec.structs.replace(known, usage=Usage(), cost_usd=0.0)
            if known is not None:
                return known
            made = await self._call(system, own, ask)
            part = msgspec.structs.replace(made, key=key, text="", failure=UNFINISHED)
            kept = Batch(turns=(made,), answers=((*place, part, False),))
            return (await writer.put(kept)).get(own, made)

        async def say(messages: tuple[Message, ...]) -> Response:
            assert self.patient is not None
            return await find(Ask(messages, ask.example, ask.repeat), self.patient)

        assert ask.example is not None
        try:
            session = environment.open(ask.example)
        except Exception as error:
            return environment_failure(key, error)
        system, turn = self.system, functools.partial(self._tool_check.turn, find=find)
        if "addresses" in environment.needs and not system.recorded:
            return await attend(key, ask, session, functools.partial(self._call, system, key))
        return await interact(
            key, ask, session, turn, system.capabilities, patient=say, recorded=system.recorded
        )

    async def _call(self, system: System, key: str, ask: Ask) -> Response:
        messages = self.store.with_media(ask.messages)
        if messages is not ask.messages:
            ask = msgspec.structs.replace(ask, messages=messages)
        async with self._turn(system):
            response = await answer_to(key, ask, system, self.budget, self._is_stopping)
        self.progress.calls += 1
        return response

    # Verdicts

    async def _grade(
        self, place: _Place, graded: Graded, response: Response, context: GradingContext
    ) -> None:
        missing = [i for i, verdict in enumerate(graded.verdicts) if not given(verdict)]
        self.progress.verdicts += len(graded.verdicts) - len(missing)
        if not missing:
            return
        asked = self.protocol.messages(graded.example)
        case = case_of(graded, response, asked, self.run.scope)
        recorder = VerdictRecorder(context, place)
        try:
            async with self._backlog.room(len(missing)):
                await self.grader.grade(case, missing, recorder)
        finally:
            recorder.close()

    def _is_stopping(self) -> bool:
        return self.progress.stopping is not None

    def _check_going_on(self) -> None:
        if self.progress.stopping is not None or self._error is not None:
            raise Postponed

    @contextlib.asynccontextmanager
    async def _turn(self, system: System | None) -> AsyncIterator[None]:
        """A call that may start: there is room for it, and nothing speaks against it."""
        async with self._limiters[system].turn() if system else contextlib.nullcontext():
            self._check_going_on()
            self.progress.in_flight += 1
            try:
                yield
            finally:
                self.progress.in_flight -= 1


def _finished(graded: Graded) -> bool:
    response = graded.response
    return response is not None and response.failure is None and all(map(given, graded.verdicts))


def _only(
    under_way: dict[str, asyncio.Task[T]], key: str, work: Coroutine[Any, Any, T]
) -> asyncio.Task[T]:
    """Start work that others with the same key may wait for until it is done."""
    task = asyncio.ensure_future(work)
    under_way[key] = task
    task.add_done_callback(lambda _: under_way.pop(key))
    return task


def _places(graded: Sequence[Graded], positions: Iterable[int] | None) -> list[tuple[int, Graded]]:
    """(position of the example in the run, item), repeats behind each other."""
    places: list[tuple[int, Graded]] = []
    position, numbers = -1, iter(itertools.count() if positions is None else positions)
    for item in graded:
        position = next(numbers) if item.repeat == 0 else position
        places.append((position, item))
    return places
