"""Grading of one answer: each call is looked up, made, paid and recorded once."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from preceptor.engine.budget import Budget
from preceptor.engine.calls import claimed
from preceptor.engine.progress import Progress
from preceptor.engine.prompt_cache import CacheLeader
from preceptor.engine.watch import PromptWatch
from preceptor.graders.base import Call, together
from preceptor.records import Usage, Verdict
from preceptor.store import Store, Vote
from preceptor.store.lookup import Lookup
from preceptor.store.writer import Batch, Writer
from preceptor.systems.base import System

__all__ = ["GradingContext", "VerdictRecorder", "given", "older_server"]

#: Position of the example in the run, and repeat.
Place = tuple[int, int]
#: Verdicts by key.
_Found = Mapping[str, Verdict]
#: Keeps verdicts, given the places that wait for each, and whether the run did not pay for them.
_Keep = Callable[[_Found, Mapping[str, tuple[int, ...]], bool], Awaitable[None]]


class GradingContext:
    """What the grading of all answers of a run shares.

    Parameters
    ----------
    turn
        Context of one call to a system, or of work without a call.
    go_on
        Raises where no further call may start.
    warn
        Shows a warning while the run goes on, and keeps it with the run.
    """

    def __init__(
        self,
        store: Store,
        writer: Writer,
        budget: Budget,
        progress: Progress,
        *,
        turn: Callable[[System | None], AbstractAsyncContextManager[None]],
        go_on: Callable[[], None],
        warn: Callable[[str], None],
    ) -> None:
        self.lookup, self.writer = Lookup(store), writer
        self.budget, self.progress = budget, progress
        self.turn, self.go_on, self.warn = turn, go_on, warn
        self.prompts = PromptWatch(warn)
        self.under_way: dict[str, asyncio.Task[dict[str, Verdict]]] = {}

    def begin(
        self,
        call: Call,
        keep: _Keep,
        claim: asyncio.Future[bool] | None,
        after: asyncio.Task[Any] | None,
    ) -> asyncio.Task[dict[str, Verdict]]:
        """Start a call that others who want the same may wait for until its verdicts are kept.

        ``claim`` is that on all calls about an answer. With ``after``, not before that has ended.
        """
        task = asyncio.ensure_future(self._make(call, keep, claim, after))
        for key in call.about:
            self.under_way[key] = task
        task.add_done_callback(lambda _: self._ended(call))
        return task

    def _ended(self, call: Call) -> None:
        for key in call.about:
            self.under_way.pop(key)

    async def _make(
        self,
        call: Call,
        keep: _Keep,
        claim: asyncio.Future[bool] | None,
        after: asyncio.Task[Any] | None,
    ) -> dict[str, Verdict]:
        if after is not None:
            await asyncio.wait([after])
        if call.system is not None and not (claim is not None and await claim):
            find = functools.partial(self.lookup.verdicts, call.keys())
            theirs = await claimed(self.writer, tuple(call.about), find, self.go_on)
            if theirs:
                await keep(theirs, call.about, True)
                return dict(theirs)
        try:
            async with self.turn(call.system):
                if call.system is not None:
                    call.system.meter = self.budget
                verdicts = {verdict.key: verdict for verdict in await call.judge()}
        except BaseException:
            self.writer.give_back(call.about)
            raise
        await keep(verdicts, call.about, False)
        self.progress.calls += call.system is not None
        return verdicts


class _Recorder:
    """Base of the recorders of a run's grader and of its members: only what is recorded differs."""

    def __init__(self, context: GradingContext, place: Place) -> None:
        self.context, self.place = context, place

    async def keep(
        self, verdicts: Mapping[str, Verdict], about: Mapping[str, tuple[int, ...]], reused: bool
    ) -> None:
        raise NotImplementedError

    async def judge(self, calls: Sequence[Call]) -> dict[int, Verdict]:
        """See :class:`preceptor.graders.base.Recorder`."""
        context = self.context
        # No await between lookup and task creation, or the same call could be made twice.
        sought = [each for each in calls if not (context.lookup.in_vain and each.system)]
        found = context.lookup.verdicts(
            {k: v for call in sought for k, v in call.keys().items() if k not in context.under_way}
        )
        for call in calls:
            if call.system and any(key in found and found[key].key != key for key in call.about):
                context.warn(older_server(call.system))
        about = {key: places for call in calls for key, places in call.about.items()}
        works: list[Awaitable[_Found]] = [self._file(found, about)] if found else []
        leader, under_way = CacheLeader(), context.under_way
        new = [c for c in calls if not any(key in found or key in under_way for key in c.about)]
        asked = [key for call in new if call.system for key in call.about]
        claim = context.writer.claim(asked) if asked else None
        for call in calls:
            waiting = {under_way[key] for key in call.about if key in under_way}
            works += [self._follow(task, call) for task in waiting]
            if not waiting and not any(key in found for key in call.about):
                task = context.begin(call, self.keep, claim, leader.before(call))
                leader.began(call, task)
                works.append(task)
        verdicts: dict[str, Verdict] = dict(found)
        for gave in await together(*works):
            verdicts |= gave
        for call in calls:
            self._compare(call, verdicts)
        return {place: verdicts[key] for key in about if key in verdicts for place in about[key]}

    def _compare(self, call: Call, verdicts: _Found) -> None:
        """The call's prompt with the tokens counted for it, which its verdicts share."""
        given = [verdicts[key] for key in call.about if key in verdicts]
        if call.ask is not None and call.system is not None and len(given) == len(call.about):
            ask, usage = call.ask, sum((verdict.usage for verdict in given), Usage())
            calls = max(verdict.attempts for verdict in given)
            self.context.prompts.asked(call.system.address, lambda: ask.messages, usage, calls)

    async def _file(
        self, found: Mapping[str, Verdict], about: Mapping[str, tuple[int, ...]]
    ) -> Mapping[str, Verdict]:
        await self.keep(found, about, True)
        return found

    async def _follow(
        self, task: asyncio.Task[dict[str, Verdict]], call: Call
    ) -> Mapping[str, Verdict]:
        verdicts = await task
        return await self._file({k: verdicts[k] for k in call.about if k in verdicts}, call.about)


class VerdictRecorder(_Recorder):
    """Records the verdicts of the run's grader."""

    def __init__(self, context: GradingContext, place: Place) -> None:
        super().__init__(context, place)
        self._ungraded: dict[int, str] = {}

    def member(self, number: int, grader: str, roles: Mapping[int, str]) -> _VoteRecorder:
        return _VoteRecorder(self.context, self.place, number, grader, roles)

    async def rule(self, verdicts: Mapping[int, Verdict]) -> None:
        for_each = {f"{place}": (place,) for place in verdicts}
        await self.keep({f"{place}": v for place, v in verdicts.items()}, for_each, False)

    async def keep(
        self, verdicts: Mapping[str, Verdict], about: Mapping[str, tuple[int, ...]], reused: bool
    ) -> None:
        rows = tuple(
            (*self.place, place, verdict, reused or place != about[key][0])
            for key, verdict in verdicts.items()
            for place in about[key]
        )
        if not rows:
            return
        await self.context.writer.put(Batch(verdicts=rows))
        self.context.progress.fresh += 0 if reused else len(rows)
        for _, _, place, verdict, _ in rows:
            if given(verdict):
                self.context.progress.verdicts += 1
                self._ungraded.pop(place, None)
            else:
                self._ungraded[place] = verdict.reason or "ungraded"

    def close(self) -> None:
        """Count what stayed without a verdict: only now is it certain."""
        self.context.progress.ungraded.update(self._ungraded.values())


class _VoteRecorder(_Recorder):
    """Records the votes of a member of a jury or cascade."""

    def __init__(
        self,
        context: GradingContext,
        place: Place,
        number: int,
        grader: str,
        roles: Mapping[int, str],
    ) -> None:
        super().__init__(context, place)
        self.number, self.grader, self.roles = number, grader, roles

    def member(self, number: int, grader: str, roles: Mapping[int, str]) -> _VoteRecorder:
        raise TypeError("a member of a jury or cascade has no members")

    async def rule(self, verdicts: Mapping[int, Verdict]) -> None:
        raise TypeError("a member of a jury or cascade does not rule")

    async def keep(
        self, verdicts: Mapping[str, Verdict], about: Mapping[str, tuple[int, ...]], reused: bool
    ) -> None:
        votes = tuple(self._votes(verdicts, about, reused))
        if votes:
            await self.context.writer.put(Batch(votes=votes))

    def _votes(
        self, verdicts: Mapping[str, Verdict], about: Mapping[str, tuple[int, ...]], reused: bool
    ) -> Iterable[Vote]:
        for key, verdict in verdicts.items():
            for place in about[key]:
                yield Vote(
                    *self.place,
                    criterion=place,
                    member=self.number,
                    role=self.roles[place],
                    grader=self.grader,
                    verdict=verdict,
                    reused=reused or place != about[key][0],
                )


def older_server(system: System) -> str:
    """Note on answers or verdicts found under a key that names no server."""
    return (
        f"Some answers or verdicts of {system.address} were stored before keys named the server: "
        f"they may come from another server than {system.server}."
    )


def given(verdict: Verdict | None) -> bool:
    """Whether it is there and says anything."""
    return verdict is not None and verdict.given
