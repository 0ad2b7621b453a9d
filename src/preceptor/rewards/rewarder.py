"""Rewards of answers by rubric, over thousands of calls."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from preceptor import benchmarks
from preceptor.cache import DEFAULT_STORE
from preceptor.engine.budget import Budget
from preceptor.engine.progress import Progress
from preceptor.errors import InputError, Unavailable, UnknownName, shorten
from preceptor.graders import find_template, read_address, read_settings, resolve_grader
from preceptor.protocols.base import Protocol
from preceptor.records import Example, Response, as_answer
from preceptor.rewards.judging import Judging
from preceptor.rewards.records import Reward, inline_example, no_answer, to_reward
from preceptor.scoring import LengthRule
from preceptor.store.rows import storable

__all__ = ["AnyExample", "Rewarder", "reward"]

T = TypeVar("T")
#: An example, the id of one in the benchmark, or a mapping with ``messages`` and ``criteria``.
AnyExample = Example | str | Mapping[str, Any]
_Pair = tuple[AnyExample, str | None]
_CAP_REMEDIES = (
    "open another Rewarder with a higher max_cost",
    "open another Rewarder with a higher max_total_tokens",
)


def reward(example: AnyExample, responses: Sequence[str | None], **options: Any) -> list[float]:
    """Reward each response to an example by its rubric; NaN if the reward is unknown.

    Opens a :class:`Rewarder` for one call; for several calls, keep one open.

    Parameters
    ----------
    example
        An :class:`Example`, the id of an example of ``benchmark``, or a mapping with ``messages``
        and ``criteria``.
    responses
        Answers to the example; None for a missing one.
    **options
        Options of :class:`Rewarder`.

    Returns
    -------
    list of float
        Aligned with ``responses``. Values may be negative. NaN is an answer that could not be
        graded: mask it, do not count it as 0.
    """
    with Rewarder(**options) as rewarder:
        return rewarder.reward(example, responses)


class Rewarder:
    """Grader that scores answers by rubric and stores every verdict.

    Its event loop, connections, store and limits live in a separate thread, so it may be called
    from any thread or event loop, also in a notebook. It does not survive a fork: open one in each
    process.

    Parameters
    ----------
    grader
        An address; by default the grader that the benchmark's authors used.
    benchmark
        Sets how the grader is called, how verdicts are scored, the length adjustment, and the
        examples known by id. Verdicts are shared with runs of this benchmark.
    data
        A local copy of the benchmark's data, for examples by id.
    store
        The store; created if it does not exist. Processes may share one.
    grader_params
        ``key=value`` texts, or a mapping.
    grader_template
        ``reference``, ``preceptor``, or a file with the grader's prompt.
    length_adjusted
        Apply the benchmark's length adjustment to the score.
    min_coverage
        Share of an answer's criteria that must be graded, 0 to 1. Below 1, an answer with missing
        verdicts is scored by its other criteria.
    max_cost, max_total_tokens
        Caps in dollars and in tokens while this is open.

    Attributes
    ----------
    departures
        Differences from the benchmark's reference protocol, one sentence each.

    Raises
    ------
    InputError, Unavailable
        An option is wrong; nothing was opened.

    Examples
    --------
    >>> with preceptor.Rewarder(grader="openai/gpt-4.1") as rewarder:
    ...     for example, answers in batches:
    ...         values = rewarder.reward(example, answers)
    """

    def __init__(
        self,
        *,
        grader: str | None = None,
        benchmark: str = "healthbench",
        data: str | Path | None = None,
        store: str | Path = DEFAULT_STORE,
        grader_params: Sequence[str] | Mapping[str, object] = (),
        grader_template: str | None = None,
        length_adjusted: bool = False,
        min_coverage: float = 1.0,
        max_cost: float | None = None,
        max_total_tokens: int | None = None,
    ) -> None:
        self.benchmark = benchmarks.get(benchmark)
        protocol = self.benchmark.protocol
        reference = protocol.judging.reference(f"rewards on {benchmark}")
        if isinstance(grader_params, Mapping):
            grader_params = [f"{key}={value}" for key, value in grader_params.items()]
        form = read_address(grader or reference.address)
        settings = read_settings(form, grader_params, reference.parameters)
        template = find_template(protocol.judging.prompt_choice(grader_template))
        self.grader = resolve_grader(form.address, settings, template)
        _check_share(min_coverage)
        _check_caps(max_cost, max_total_tokens)
        if max_cost is not None and any(each.price is None for each in self.grader.systems):
            raise InputError(
                f"max_cost: no price is known for {form.address}; give one with the grader's "
                f"parameter price=IN/OUT in dollars per million tokens, or price=free"
            )
        self._length_rule = _length_rule(protocol, benchmark) if length_adjusted else None
        self._min_coverage = min_coverage
        self._data = None if data is None else Path(data)
        self._known: dict[str, Example] | None = None
        self._budget = Budget(
            max_cost=max_cost, max_tokens=max_total_tokens, remedies=_CAP_REMEDIES
        )
        self._where = str(store)
        self._lock = threading.Lock()
        self._loop: _Loop | None = None
        self._closed = False
        self.departures = [*reference.departures(form.address), *self._departures()]

    def _departures(self) -> list[str]:
        found = self.grader.departures()
        if self._min_coverage < 1:
            found.append(
                f"An answer with at least {100 * self._min_coverage:g} % of its verdicts is scored "
                f"by these."
            )
        return found

    # Public methods

    def reward(self, example: AnyExample, responses: Sequence[str | None]) -> list[float]:
        """Reward each response to one example; see :func:`preceptor.reward`."""
        return [float(one) for one in self.grade(_paired(example, responses))]

    async def areward(self, example: AnyExample, responses: Sequence[str | None]) -> list[float]:
        """Reward each response to one example asynchronously."""
        graded = await self.agrade(_paired(example, responses))
        return [float(one) for one in graded]

    def grade(self, pairs: Iterable[_Pair]) -> list[Reward]:
        """Grade each (example, response); rewards with their verdicts.

        Raises
        ------
        InputError
            An example or response is wrong; nothing was judged.
        BudgetExceeded, EndpointRefused, StoreError
            Grading cannot continue; verdicts so far are in the store.
        """
        checked = self._check(pairs)
        running = self._opened_loop()
        future = running.submit(self._grade(running.judging, checked))
        try:
            return future.result()
        except BaseException:
            future.cancel()  # Ctrl-C: calls under way still finish and are stored
            raise

    async def agrade(self, pairs: Iterable[_Pair]) -> list[Reward]:
        """Grade asynchronously. If cancelled, calls under way still finish and are stored."""
        checked = self._check(pairs)
        running = (
            await asyncio.to_thread(self._opened_loop)
            if self._loop is None
            else self._opened_loop()
        )
        return await asyncio.wrap_future(running.submit(self._grade(running.judging, checked)))

    @property
    def progress(self) -> Progress:
        """Counters since opening: calls, verdicts, ungraded criteria by reason, cost."""
        return self._opened_loop().judging.progress

    def example(self, example_id: str) -> Example:
        """Find an example of the benchmark by id.

        Raises
        ------
        UnknownName
            No example has this id.
        Unavailable
            The benchmark's data is not on this machine.
        """
        with self._lock:
            if self._known is None:
                found = self.benchmark.load(self._data).examples
                self._known = {example.id: example for example in found}
        if example_id not in self._known:
            raise UnknownName(f"example {shorten(example_id)}: not in {self.benchmark.name}")
        return self._known[example_id]

    # Checking and grading

    def _check(self, pairs: Iterable[_Pair]) -> list[tuple[Example, str | None]]:
        checked: list[tuple[Example, str | None]] = []
        # Holds each given object, so that its id() is not reused.
        seen: dict[int, tuple[AnyExample, Example]] = {}
        for number, (given, response) in enumerate(pairs):
            if response is not None and not isinstance(response, str):
                kind = type(response).__name__
                raise InputError(f"responses[{number}]: expected a text or None, found {kind}")
            if id(given) not in seen:
                seen[id(given)] = given, self._resolve(given)
            checked.append((seen[id(given)][1], response))
        return checked

    def _resolve(self, given: AnyExample) -> Example:
        if isinstance(given, str):
            given = self.example(given)
        elif isinstance(given, Mapping):
            given = inline_example(given)
        elif not isinstance(given, Example):
            raise InputError(
                f"example: expected an Example, an id or a mapping, found {type(given).__name__}"
            )
        points = [criterion.points for criterion in given.criteria]
        if 0 in points or not any(point > 0 for point in points):
            raise InputError(
                f"example {shorten(given.id)}: expected points other than 0, one of them above 0, "
                f"found {shorten(points)}; the score would be undefined"
            )
        return given

    async def _grade(
        self, judging: Judging, pairs: Sequence[tuple[Example, str | None]]
    ) -> list[Reward]:
        # As read back from the store in a run: the question, and so its key, must be the same.
        responses = [
            Response("", failure="no_answer")
            if text is None
            else as_answer(Response("", storable(text)))
            for _, text in pairs
        ]
        answered = [
            (example, response.text)
            for (example, _), response in zip(pairs, responses, strict=True)
            if response.failure is None
        ]
        judged = iter(await judging.all(answered))
        return [
            no_answer(example, response.failure)
            if response.failure is not None
            else to_reward(
                example,
                response,
                next(judged),
                protocol=self.benchmark.protocol,
                rule=self._length_rule,
                min_coverage=self._min_coverage,
            )
            for (example, _), response in zip(pairs, responses, strict=True)
        ]

    # Opening and closing

    def _opened_loop(self) -> _Loop:
        loop = self._loop
        if loop is not None and loop.pid != os.getpid():
            raise InputError("a Rewarder does not survive a fork: open one in each process")
        if loop is not None and not self._closed:
            return loop
        with self._lock:
            if self._closed:
                raise Unavailable("the rewarder is closed: open another")
            if self._loop is None:
                judging = Judging(self.grader, self.benchmark.protocol, self._budget, self._where)
                self._loop = _Loop(judging)
            return self._loop

    def open(self) -> None:
        """Open the store and the grader's systems; the first call does this by itself.

        Raises
        ------
        StoreError, Unavailable
            One of them cannot be opened.
        """
        self._opened_loop()

    def close(self) -> None:
        """Finish and store the calls under way, and close everything."""
        with self._lock:
            closed, self._closed = self._closed, True
        if self._loop is not None and not closed and self._loop.pid == os.getpid():
            self._loop.close()

    def __enter__(self) -> Rewarder:
        self._opened_loop()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Rewarder:
        await asyncio.to_thread(self._opened_loop)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.close)


class _Loop:
    """Event loop in a separate thread, with an open :class:`Judging`."""

    def __init__(self, judging: Judging) -> None:
        self.judging = judging
        self.pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="preceptor-rewards", daemon=True)
        self._thread.start()
        try:
            self.submit(judging.open()).result()
        except BaseException:
            self._stop()
            raise

    def _run(self) -> None:
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:  # closed between the check and the call
            work.close()
            raise Unavailable("the rewarder is closed: open another") from None

    def close(self) -> None:
        try:
            self.submit(self.judging.close()).result()
        finally:
            self._stop()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


def _paired(example: AnyExample, responses: Sequence[str | None]) -> list[_Pair]:
    if isinstance(responses, str):  # else each character would be an answer
        raise InputError("responses: expected a list of texts, found one text; put it in a list")
    return [(example, each) for each in responses]


def _length_rule(protocol: Protocol, benchmark: str) -> LengthRule:
    if protocol.scoring.length_rule is None:
        raise InputError(f"length_adjusted: {benchmark} has no length adjustment")
    return protocol.scoring.length_rule


def _check_share(share: float) -> None:
    if not 0 <= share <= 1:
        raise InputError(f"min_coverage: expected 0 to 1, found {share:g}")


def _check_caps(max_cost: float | None, max_tokens: int | None) -> None:
    for name, cap in (("max_cost", max_cost), ("max_total_tokens", max_tokens)):
        if cap is not None and not cap > 0:
            raise InputError(f"{name}: expected a number above 0, found {cap:g}")
