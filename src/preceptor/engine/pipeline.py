"""The run loop: an example's criteria are graded as soon as its answer is there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterator, Sequence
from typing import Any, TypeVar

from preceptor.engine.budget import Budget
from preceptor.engine.progress import Progress
from preceptor.errors import BudgetExceeded, EndpointError, EndpointRefused
from preceptor.graders.base import Grader, Question
from preceptor.protocols.base import Protocol
from preceptor.records import Graded, Message, Response, RunInfo, Verdict, content_key
from preceptor.store import Store
from preceptor.store.rows import storable
from preceptor.store.writer import Batch, Writer
from preceptor.systems.base import Ask, System

__all__ = ["Pipeline"]

T = TypeVar("T")
#: Position of the example in the run, and repeat.
_Place = tuple[int, int]


class _Stopping(Exception):
    """No further call may start."""


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
    ) -> None:
        self.store, self.run = store, run
        self.protocol, self.system, self.grader = protocol, system, grader
        self.budget = budget
        self._todo = _places(store.graded(run))
        criteria = sum(len(graded.example.criteria) for _, graded in self._todo)
        self.progress = Progress(len(self._todo), criteria, budget)
        self.progress.retries = [system.failures, grader.system.failures]
        # Calls wait for their turn here and not in the endpoint, where a stop could not reach them.
        self._system_slots = asyncio.Semaphore(system.concurrency)
        self._grader_slots = asyncio.Semaphore(grader.system.concurrency)
        self._answering: dict[str, asyncio.Task[Response]] = {}
        self._judging: dict[str, asyncio.Task[Verdict]] = {}
        self._error: Exception | None = None

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
        with self.store.lease(self.run) as owner:
            async with contextlib.AsyncExitStack() as opened:
                for system in (self.system, self.grader.system):
                    opened.push_async_callback(system.close)
                    await system.open()
                writer = Writer(self.store, self.run, owner)
                opened.push_async_callback(writer.close)
                await self._work_all(writer)
        if self._error is not None:
            raise self._error

    async def _work_all(self, writer: Writer) -> None:
        items = iter(self._todo)
        # As many examples at once as keep both endpoints busy: memory stays bounded.
        workers = min(self.system.concurrency + self.grader.system.concurrency, len(self._todo))
        await asyncio.gather(*(self._worker(items, writer) for _ in range(workers)))

    async def _worker(self, items: Iterator[tuple[int, Graded]], writer: Writer) -> None:
        for position, graded in items:
            try:
                await self._item((position, graded.repeat), graded, writer)
            except _Stopping:
                return
            except Exception as error:  # whatever it is, the others finish what they have begun
                self._error = self._error or error
                if isinstance(error, BudgetExceeded):
                    self.stop(str(error))
                return

    async def _item(self, place: _Place, graded: Graded, writer: Writer) -> None:
        response = graded.response
        if response is None or response.failure is not None:
            response = await self._respond(place, graded, writer)
        if response.failure is not None:
            self.progress.ungraded["no answer: " + response.failure] += 1
            self.progress.ungraded["no verdict without an answer"] += len(graded.verdicts)
            return
        self.progress.answers += 1
        await self._grade(place, graded, response, writer)

    # Answers

    async def _respond(self, place: _Place, graded: Graded, writer: Writer) -> Response:
        ask = Ask(self.protocol.messages(graded.example), graded.example, graded.repeat)
        key = self._response_key(ask)
        # From the look into the store to the task nothing may be awaited: else two could ask.
        under_way = self._answering.get(key)
        known = None if under_way else self.store.find_responses([key]).get(key)
        if under_way is None and known is None:
            work = self._ask_system(key, ask, place, writer)
            return await _only(self._answering, key, work)
        response = known or await under_way  # type: ignore[misc]
        await writer.put(Batch(answers=((*place, response, True),)))
        return response

    def _response_key(self, ask: Ask) -> str:
        """What the answer depends on. User code may change, so its answers stay in their run."""
        whole = ask.example.key if self.system.uses_example and ask.example else None
        scope = None if self.system.reusable else self.run.name
        return content_key(
            "response", self.system.identity(), ask.messages, ask.repeat, whole, scope
        )

    async def _ask_system(self, key: str, ask: Ask, place: _Place, writer: Writer) -> Response:
        async with self._call(self._system_slots):
            response = await self._answer(key, ask)
        elsewhere = await writer.put(Batch(answers=((*place, response, False),)))
        self.progress.fresh += 1
        return elsewhere.get(key, response)

    async def _answer(self, key: str, ask: Ask) -> Response:
        try:
            completion = await self.system.answer(ask)
        except EndpointRefused:
            raise
        except EndpointError as error:
            return Response(key, failure=error.kind, detail=str(error), cost_usd=0.0)
        self.budget.add(completion.usage, completion.cost_usd)
        return Response(
            key,
            # As it will be read again: the grader must be shown the same text after a resume.
            text=storable(completion.text),
            finish_reason=completion.finish_reason,
            sent=completion.sent,
            usage=completion.usage,
            latency_s=completion.latency_s,
            cost_usd=completion.cost_usd,
            reasoning_length=completion.reasoning_length,
        )

    # Verdicts

    async def _grade(
        self, place: _Place, graded: Graded, response: Response, writer: Writer
    ) -> None:
        missing = [i for i, verdict in enumerate(graded.verdicts) if not _given(verdict)]
        self.progress.verdicts += len(graded.verdicts) - len(missing)
        if not missing:
            return
        questions = self._questions(graded, response, missing)
        # From the look into the store to the tasks nothing may be awaited: else two could ask.
        known = self.store.find_verdicts([key for key in questions if key not in self._judging])
        found = [(known[key], questions[key][1]) for key in known]
        works: list[Awaitable[object]] = [self._keep(writer, place, found, True)]
        for key, (question, indices) in questions.items():
            if key in known:
                continue
            if key in self._judging:
                works.append(self._follow(self._judging[key], indices, place, writer))
            else:
                task = _only(self._judging, key, self._judge(question, indices, place, writer))
                works.append(task)
        outcomes = await asyncio.gather(*works, return_exceptions=True)
        for outcome in outcomes:  # only now, so that the others are finished and kept
            if isinstance(outcome, BaseException):
                raise outcome

    def _questions(
        self, graded: Graded, response: Response, missing: Sequence[int]
    ) -> dict[str, tuple[Question, list[int]]]:
        """Key → question and the criteria that it is about: an item may stand twice in a rubric."""
        sent = response.sent or self.protocol.messages(graded.example)
        conversation = (*sent, Message("assistant", response.text))
        questions: dict[str, tuple[Question, list[int]]] = {}
        for index in missing:
            criterion = graded.example.criteria[index]
            question = self.grader.question(conversation, criterion, self.run.name)
            questions.setdefault(question.key, (question, []))[1].append(index)
        return questions

    async def _follow(
        self, under_way: asyncio.Task[Verdict], indices: list[int], place: _Place, writer: Writer
    ) -> None:
        await self._keep(writer, place, [(await under_way, indices)], True)

    async def _judge(
        self, question: Question, indices: list[int], place: _Place, writer: Writer
    ) -> Verdict:
        async with self._call(self._grader_slots):
            verdict = await self.grader.judge(question)
            self.budget.add(verdict.usage, verdict.cost_usd)
        await self._keep(writer, place, [(verdict, indices)], False)
        self.progress.fresh += 1
        return verdict

    async def _keep(
        self,
        writer: Writer,
        place: _Place,
        verdicts: Sequence[tuple[Verdict, list[int]]],
        reused: bool,
    ) -> None:
        rows = tuple(
            (*place, index, verdict, reused or index != indices[0])
            for verdict, indices in verdicts
            for index in indices
        )
        if not rows:
            return
        await writer.put(Batch(verdicts=rows))
        for verdict, indices in verdicts:
            if _given(verdict):
                self.progress.verdicts += len(indices)
            else:
                self.progress.ungraded[verdict.reason or "ungraded"] += len(indices)

    @contextlib.asynccontextmanager
    async def _call(self, slots: asyncio.Semaphore) -> AsyncIterator[None]:
        """A call that may start: there is room for it, and nothing speaks against it."""
        async with slots:
            if self.progress.stopping is not None or self._error is not None:
                raise _Stopping
            self.budget.check()
            self.progress.in_flight += 1
            try:
                yield
            finally:
                self.progress.in_flight -= 1


def _only(
    under_way: dict[str, asyncio.Task[T]], key: str, work: Coroutine[Any, Any, T]
) -> asyncio.Task[T]:
    """Start work that others with the same key may wait for until it is done."""
    task = asyncio.ensure_future(work)
    under_way[key] = task
    task.add_done_callback(lambda _: under_way.pop(key))
    return task


def _given(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.met is not None


def _places(graded: Sequence[Graded]) -> list[tuple[int, Graded]]:
    """(position of the example in the run, item), repeats behind each other."""
    places: list[tuple[int, Graded]] = []
    position = -1
    for item in graded:
        position += item.repeat == 0
        places.append((position, item))
    return places
