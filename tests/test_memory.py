"""What keeps a run small: questions wait unmade, and the collector leaves them alone."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.engine.backlog import Backlog
from preceptor.engine.collector import RareCollections
from preceptor.graders.base import Call, Case, Recorder
from preceptor.graders.rubric import RubricGrader
from preceptor.graders.template import OWN
from preceptor.records import Completion, Criterion, Message, Verdict
from preceptor.systems.base import Ask, System


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 5)), max_size=30),
    st.integers(1, 50),
    st.randoms(use_true_random=False),
)
def test_no_more_questions_are_ready_than_there_is_use_for(
    answers: list[tuple[int, int]], most: int, random: object
) -> None:
    """Whatever comes and is cancelled: within the limit, or one answer alone; all get in."""
    inside: list[int] = []
    entered = []

    async def one(backlog: Backlog, number: int, questions: int, moments: int) -> None:
        async with backlog.room(questions):
            inside.append(questions)
            entered.append(number)
            assert sum(inside) <= most or len(inside) == 1
            for _ in range(moments):
                await asyncio.sleep(0)
            inside.remove(questions)

    async def main() -> None:
        backlog = Backlog(lambda: most)
        tasks = [asyncio.ensure_future(one(backlog, i, *each)) for i, each in enumerate(answers)]
        dropped = {i for i in range(len(tasks)) if random.random() < 0.2}  # type: ignore[attr-defined]
        await asyncio.sleep(0)
        for i in dropped - set(entered):
            tasks[i].cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        waiting = [i for i in range(len(tasks)) if not tasks[i].cancelled()]
        assert entered == waiting  # in the order in which they came
        async with backlog.room(most):  # nothing of the dropped is left
            pass

    asyncio.run(main())


async def test_room_follows_a_limit_that_grows() -> None:
    """The limit is asked each time: what waits gets in as soon as something leaves."""
    limit = 1
    backlog = Backlog(lambda: limit)
    async with contextlib.AsyncExitStack() as first:
        await first.enter_async_context(backlog.room(1))
        others = [asyncio.ensure_future(backlog.room(1).__aenter__()) for _ in range(3)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in others)
        limit = 2
    await asyncio.sleep(0)
    assert [task.done() for task in others] == [True, True, False]
    others[2].cancel()


class Waiting(System):
    """Answers when it is told to, and remembers how many wait."""

    address = "waiting"

    def __init__(self, *, slow: bool) -> None:
        self.slow = slow
        self.failures = Counter()
        self.go = asyncio.Event()
        self.asked: list[int] = []

    def identity(self) -> dict[str, str]:
        return {}

    async def answer(self, ask: Ask) -> Completion:
        self.asked.append(len(ask.messages[0].content))
        del ask
        await self.go.wait()
        return Completion('{"criteria_met": true}')


class AllAtOnce:
    """A desk that makes every call."""

    async def judge(self, calls: Sequence[Call]) -> dict[int, Verdict]:
        made = await asyncio.gather(*(call.judge() for call in calls))
        return {call.about[one.key][0]: one for call, (one,) in zip(calls, made, strict=True)}


@pytest.mark.parametrize("slow", [True, False])
async def test_prompts_that_wait_for_a_batch_are_not_kept(slow: bool) -> None:
    """A prompt holds the whole conversation, and a batch as many of them as a run has criteria."""
    long, count = "x" * 100_000, 100
    criteria = {i: Criterion(f"Says {i}.", 1) for i in range(count)}
    case = Case((Message("user", long), Message("assistant", "Rest.")), criteria, "run")
    system = Waiting(slow=slow)
    grader = RubricGrader("waiting", system, OWN)
    tracemalloc.start()
    grading = asyncio.ensure_future(grader.grade(case, range(count), cast("Recorder", AllAtOnce())))
    while len(system.asked) < count:
        await asyncio.sleep(0)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    system.go.set()
    assert [verdict.met for verdict in (await grading).values()] == [True] * count
    assert min(system.asked) > len(long)
    assert (kept < 10 * len(long)) is slow


@pytest.fixture
def _thawed() -> Iterator[None]:
    """What the tests' own start froze is not, as in a program of a user's."""
    gc.unfreeze()
    yield
    gc.freeze()


@pytest.mark.usefixtures("_thawed")
def test_collector_is_as_before_when_the_last_run_ends() -> None:
    """Within runs, side by side or one in the other, it is rare; behind them it is as it was."""
    before = gc.get_threshold()
    rare = RareCollections()
    with contextlib.ExitStack() as outer:
        outer.enter_context(rare)
        with rare:
            assert gc.get_threshold()[0] > before[0]
            assert gc.get_freeze_count() > 0
        assert gc.get_threshold()[0] > before[0]
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


@pytest.mark.usefixtures("_thawed")
def test_what_the_user_froze_stays_frozen() -> None:
    """A program that has frozen its objects finds them frozen after each of two runs."""
    gc.freeze()
    rare = RareCollections()
    for _ in range(2):
        with rare:
            pass
        assert gc.get_freeze_count() > 1000
