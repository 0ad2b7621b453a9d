"""The run loop: an example's criteria are graded as soon as its answer is there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from preceptor.engine.budget import Budget
from preceptor.engine.progress import Progress
from preceptor.errors import (
    BudgetExceeded,
    EndpointError,
    EndpointRefused,
    PreceptorError,
    StoreError,
)
from preceptor.graders.base import Grader, Question
from preceptor.protocols.base import Protocol
from preceptor.records import Graded, Message, Response, RunInfo, Verdict, content_key
from preceptor.store import Store
from preceptor.store.writer import Batch, Writer
from preceptor.systems.base import Ask, System

__all__ = ["Pipeline"]


class _Stopping(Exception):
    """No further call may start."""


class Pipeline:
    """Brings one run to its end, or to a clean stop from which it can be resumed.

    Every answer and verdict is on disk before it counts. A call is looked up in the store before it
    is made; what failed in an earlier attempt is asked again.
    """

    def __init__(
        self,
        store: Store,
        run: RunInfo,
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
        self._under_way: dict[str, asyncio.Task[Verdict]] = {}
        self._error: PreceptorError | None = None

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
            await self.system.open()
            await self.grader.system.open()
            writer = Writer(self.store, self.run, owner)
            try:
                await self._work_all(writer)
            finally:
                await writer.close()
                await self.system.close()
                await self.grader.system.close()
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
                await self._item(position, graded, writer)
            except _Stopping:
                return
            except (BudgetExceeded, EndpointRefused, StoreError) as error:
                self._error = self._error or error
                self.stop(str(error))
                return

    async def _item(self, position: int, graded: Graded, writer: Writer) -> None:
        response = graded.response
        if response is None or response.failure is not None:
            response = await self._respond(position, graded, writer)
        else:
            self.progress.answers += 1
        if response.failure is not None:
            self.progress.ungraded["no answer: " + response.failure] += 1
            self.progress.ungraded["no verdict without an answer"] += len(graded.verdicts)
            return
        await self._grade(position, graded, response, writer)

    async def _respond(self, position: int, graded: Graded, writer: Writer) -> Response:
        ask = Ask(self.protocol.messages(graded.example), graded.example, graded.repeat)
        key = self._response_key(ask)
        known = self.store.find_responses([key]).get(key)
        response = known or await self._ask_system(key, ask)
        place = (position, graded.repeat, response, known is not None)
        await writer.put(Batch(answers=(place,)))
        if response.failure is None:
            self.progress.answers += 1
        self.progress.fresh += known is None
        return response

    def _response_key(self, ask: Ask) -> str:
        """What the answer depends on. User code may change, so its answers stay in their run."""
        whole = ask.example.key if self.system.uses_example and ask.example else None
        scope = None if self.system.reusable else self.run.name
        return content_key(
            "response", self.system.identity(), ask.messages, ask.repeat, whole, scope
        )

    async def _ask_system(self, key: str, ask: Ask) -> Response:
        self._gate()
        self.progress.in_flight += 1
        try:
            completion = await self.system.answer(ask)
        except EndpointRefused:
            raise
        except EndpointError as error:
            return Response(key, failure=error.kind, detail=str(error))
        finally:
            self.progress.in_flight -= 1
        self.budget.add(completion.usage, completion.cost_usd)
        return Response(
            key,
            text=completion.text,
            finish_reason=completion.finish_reason,
            sent=completion.sent,
            usage=completion.usage,
            latency_s=completion.latency_s,
            cost_usd=completion.cost_usd,
        )

    async def _grade(
        self, position: int, graded: Graded, response: Response, writer: Writer
    ) -> None:
        missing = [i for i, verdict in enumerate(graded.verdicts) if not _given(verdict)]
        self.progress.verdicts += len(graded.verdicts) - len(missing)
        if not missing:
            return
        sent = response.sent or self.protocol.messages(graded.example)
        conversation = (*sent, Message("assistant", response.text))
        questions: dict[str, tuple[Question, list[int]]] = {}
        for index in missing:
            question = self.grader.question(conversation, graded.example.criteria[index])
            questions.setdefault(question.key, (question, []))[1].append(index)
        known = self.store.find_verdicts(list(questions))
        place = (position, graded.repeat)
        await self._keep(
            writer, place, [(known[key], questions[key][1]) for key in known], reused=True
        )
        outcomes = await asyncio.gather(
            *(
                self._judge(question, indices, place, writer)
                for key, (question, indices) in questions.items()
                if key not in known
            ),
            return_exceptions=True,  # so that the others are finished and kept
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _judge(
        self, question: Question, indices: list[int], place: tuple[int, int], writer: Writer
    ) -> None:
        under_way = self._under_way.get(question.key)
        if under_way is not None:  # another example asks the very same question at this moment
            await self._keep(writer, place, [(await under_way, indices)], reused=True)
            return
        task = asyncio.ensure_future(self._ask_and_keep(question, indices, place, writer))
        self._under_way[question.key] = task
        try:
            await task
        finally:
            del self._under_way[question.key]

    async def _ask_and_keep(
        self, question: Question, indices: list[int], place: tuple[int, int], writer: Writer
    ) -> Verdict:
        verdict = await self._ask_grader(question)
        await self._keep(writer, place, [(verdict, indices)], reused=False)
        return verdict

    async def _ask_grader(self, question: Question) -> Verdict:
        self._gate()
        self.progress.in_flight += 1
        try:
            verdict = await self.grader.judge(question)
        finally:
            self.progress.in_flight -= 1
        self.budget.add(verdict.usage, verdict.cost_usd)
        return verdict

    async def _keep(
        self,
        writer: Writer,
        place: tuple[int, int],
        verdicts: Sequence[tuple[Verdict, list[int]]],
        *,
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
        self.progress.fresh += 0 if reused else len(verdicts)
        for verdict, indices in verdicts:
            if _given(verdict):
                self.progress.verdicts += len(indices)
            else:
                self.progress.ungraded[verdict.reason or "ungraded"] += len(indices)

    def _gate(self) -> None:
        if self.progress.stopping is not None:
            raise _Stopping
        self.budget.check()


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
