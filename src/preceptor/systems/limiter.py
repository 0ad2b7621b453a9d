"""How many calls an endpoint gets at once: a ceiling, and below it what turns out to pay.

What is measured, in windows of a few calls for each that may be under way, is throughput X and mean
latency R; by Little's law their product is the number of calls under way, L. From those:

- More calls are tried while throughput rises with them: a step from L to s·L stays if X grows by
  at least s**0.25. (Where X/R, Kleinrock's "power", is greatest, the exponent is 1/2; throughput
  matters more than latency to a run, which is X**3/R and an exponent of 1/4. L. Kleinrock, "Power
  and deterministic rules of thumb for probabilistic problems in computer communications", ICC
  1979.) A step that does not pay goes back to L·X'/X: throughput times unhurried latency, the
  bandwidth-delay product that BBR aims for (N. Cardwell et al., "BBR: congestion-based congestion
  control", ACM Queue 14(5), 2016).
- When latency rises by half, as many calls are tried as would have the old latency (as TCP Vegas
  does: L. Brakmo, L. Peterson, IEEE JSAC 13(8), 1995), and kept if throughput does not suffer.
- A call that is turned away (429, 503, 529) takes a fifth off at once, once for all calls that were
  sent before; then the limit keeps 5 % below where that was, and only after a while tries a little
  more (as CUBIC does: S. Ha et al., ACM SIGOPS Operating Systems Review 42(5), 2008).
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Callable

import msgspec

__all__ = ["Limiter", "most_connections"]

#: Where it starts, without a ceiling of the user's.
_START = 32
#: Calls at once beyond which nobody without a ceiling of their own is taken.
_MOST = 1000
#: Files that a process has open besides connections.
_OTHER_FILES = 100
#: Throughput must grow by this power of the growth in calls.
_ELASTICITY = 0.25
_RISE, _STEP, _PAST_WALL = 2.0, 1.5, 1.1
_SLOWER, _FASTER = 1.5, 1.25
_CUT, _BELOW_WALL = 0.8, 0.95
#: Rejections rarer than this share do not depend on us below this many calls at once: with a limit
#: under that they would be more.
_RARE, _FEW, _LATELY = 0.1, 8, 256
#: Windows between two trials, and until a limit that was met is tried again.
_PATIENCE, _LONGEST_PATIENCE = 4, 16
_WALL_LASTS, _WALL_LASTS_LONGEST = 8, 16
#: Calls in a window at the least, while the limit is doubled and later.
_FEWEST, _ENOUGH = 32, 100

_held: contextvars.ContextVar[Limiter | None] = contextvars.ContextVar("held", default=None)


class _Gate:
    """So many may be inside at once; the rest wait in the order in which they came."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.inside = 0
        self.waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        if self.inside < self.limit and not self.waiting:
            self.inside += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # admitted and dropped in the same moment
                self.leave()
            raise

    def leave(self) -> None:
        self.inside -= 1
        self.admit()

    def admit(self) -> None:
        while self.waiting and self.inside < self.limit:
            turn = self.waiting.popleft()
            if not turn.done():
                self.inside += 1
                turn.set_result(None)


class _Turn:
    """What :meth:`Limiter.turn` gives: a generator would take a fiftieth of a call's CPU."""

    def __init__(self, limiter: Limiter, turns: _Gate) -> None:
        self._limiter, self._turns = limiter, turns
        self._token: contextvars.Token[Limiter | None] | None = None

    async def __aenter__(self) -> None:
        if _held.get() is not self._limiter:
            await self._turns.enter()
            self._token = _held.set(self._limiter)

    async def __aexit__(self, *_: object) -> None:
        if self._token is not None:
            _held.reset(self._token)
            self._turns.leave()


class _Measure(msgspec.Struct):
    """What a window showed: calls answered a second, and seconds that one took."""

    limit: int
    rate: float
    latency: float


class Limiter:
    """How many calls to one endpoint may be under way.

    A *turn* is for one call with all its attempts; an *attempt* is what is on the wire. Both are
    at most ``limit``; while that is lowered, turns that were given stay, and their attempts wait.

    Parameters
    ----------
    ceiling
        The user's: calls at once at the most, and at first; only rejections lower it. None to start
        with 32 and look for what pays, up to 1,000.
    now
        The clock that latency and throughput are measured with.

    Attributes
    ----------
    limit
        Calls at once for now, 1 to ``ceiling``.
    """

    def __init__(self, ceiling: int | None, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.searching = ceiling is None
        self.ceiling = most_connections() if ceiling is None else ceiling
        self.limit = min(_START, self.ceiling) if self.searching else self.ceiling
        self._turns, self._attempts = _Gate(self.limit), _Gate(self.limit)
        self._rejected = 0.0  # share of attempts, lately
        self._epoch = 0  # how often the limit was cut
        self._wall: int | None = None
        self._wall_age, self._wall_lasts = 0, _WALL_LASTS
        self._base: _Measure | None = None
        self._trial = False
        self._rising = self.searching
        self._patience, self._quiet, self._upward = _PATIENCE, 0, True
        self._begin_window()

    # Turns

    def turn(self) -> _Turn:
        """A turn for one call; nothing more where the caller's task has one already."""
        return _Turn(self, self._turns)

    # Attempts

    async def begin(self) -> int:
        """Wait for room on the wire. Returns what :meth:`end` is told again."""
        await self._attempts.enter()
        return self._epoch

    def end(self) -> None:
        """The attempt is over."""
        self._attempts.leave()

    def answered(self, seconds: float, *, well: bool) -> None:
        """An attempt got its answer, or none in time (``well`` is False)."""
        self._rejected -= self._rejected / _LATELY
        if self._settling > 0:
            self._settling -= 1
            if self._settling == 0:
                self._since = self._now()
            return
        self._count += 1
        self._well += well
        self._seconds += seconds
        self._full += bool(self._turns.waiting)
        if self._count >= self._enough:
            self._decide()

    def turned_away(self, begun: int) -> None:
        """An attempt was rejected because there are too many."""
        self._rejected += (1 - self._rejected) / _LATELY
        if begun != self._epoch:  # sent before the last cut: the answer to what was, not to what is
            return
        self._epoch += 1
        at = min(self.limit, self._attempts.inside)
        again = self._wall is not None and at > 0.9 * self._wall
        self._wall_lasts = min(2 * self._wall_lasts, _WALL_LASTS_LONGEST) if again else _WALL_LASTS
        self._wall, self._wall_age = at, 0
        least = 1 if self._rejected > _RARE else _FEW
        self._rising = self._trial = False
        self._base, self._quiet = None, 0
        self._set(min(self.limit, max(round(at * _CUT), least)))

    # Windows

    def _begin_window(self) -> None:
        """Begin a window: first those calls end that were under way at another limit."""
        self._settling = max(self.limit, self._attempts.inside, _FEWEST // 2)
        self._enough = max(self.limit, _FEWEST) if self._rising else max(2 * self.limit, _ENOUGH)
        self._count = self._well = self._full = 0
        self._seconds = 0.0
        self._since = self._now()

    def _set(self, limit: int) -> None:
        self.limit = max(1, min(limit, self.ceiling))
        self._begin_window()
        for gate in (self._turns, self._attempts):
            gate.limit = self.limit
            gate.admit()

    def _decide(self) -> None:
        elapsed = max(self._now() - self._since, 1e-6)
        now = _Measure(self.limit, self._well / elapsed, self._seconds / self._count)
        used = self._full >= 0.8 * self._count
        self._wall_age += 1
        if not used or now.rate == 0:  # fewer calls than there might be: nothing to learn
            self._back_from_trial()
        elif self._trial and self._base is not None:
            self._judge(now, self._base)
        else:
            self._cruise(now)

    def _back_from_trial(self) -> None:
        limit = self._base.limit if self._trial and self._base is not None else self.limit
        self._trial, self._base = False, None
        self._set(limit)

    def _judge(self, now: _Measure, base: _Measure) -> None:
        """Whether a trial paid."""
        self._trial = False
        step, growth = now.limit / base.limit, now.rate / base.rate
        pays = growth >= step**_ELASTICITY or not self.searching
        if step > 1:
            self._rising = pays
            if pays:
                self._patience, self._base = _PATIENCE, now
                if self._wall is not None and now.limit > self._wall:
                    self._wall = None  # it is gone
                return self._next(now)
            self._patience = min(2 * self._patience, _LONGEST_PATIENCE)
            growth = min(max(growth, 1.0), step)
            limit = round(base.limit * growth)
            self._base = _Measure(limit, base.rate * growth, base.latency)
            return self._set(limit)
        if growth < step**_ELASTICITY:  # fewer get less done
            self._patience = min(2 * self._patience, _LONGEST_PATIENCE)
            self._base = base
            return self._set(base.limit)
        self._patience, self._base = _PATIENCE, now
        return self._next(now)

    def _cruise(self, now: _Measure) -> None:
        base = self._base
        if base is None or base.limit != now.limit:
            self._base = base = now
        elif self.searching and now.latency > _SLOWER * base.latency:
            self._base, self._patience = now, _PATIENCE
            return self._try(now, now.limit * max(0.5, base.latency / now.latency))
        elif self.searching and now.latency < base.latency / _FASTER:
            self._base, self._rising = now, True
        else:
            base.rate += 0.3 * (now.rate - base.rate)
            base.latency += 0.3 * (now.latency - base.latency)
        return self._next(base)

    def _next(self, base: _Measure) -> None:
        """Go on as it is, or try more or fewer calls."""
        self._quiet += 1
        if self._rising:
            return self._try(base, base.limit * _RISE)
        near = self._wall is not None and base.limit < _below(self._wall)
        if self._quiet < (1 if near else self._patience):
            return self._begin_window()
        self._quiet = 0
        self._upward = near or not self._upward or not self.searching
        step = _STEP if self._upward else 1 / _STEP
        return self._try(base, base.limit * step)

    def _try(self, base: _Measure, wanted: float) -> None:
        if self._wall is not None and wanted > base.limit:
            below = _below(self._wall)
            if base.limit < below:
                wanted = min(wanted, below)
            elif self._wall_age < self._wall_lasts:
                wanted = base.limit
            else:
                wanted = max(base.limit + 1, min(wanted, base.limit * _PAST_WALL))
        limit = max(1, min(round(wanted), self.ceiling))
        if limit == base.limit:
            self._rising = False
            return self._begin_window()
        self._trial = True
        return self._set(limit)


def _below(wall: int) -> int:
    """Where calls were rejected, a little less; one at the least."""
    return max(1, min(wall - 1, round(wall * _BELOW_WALL)))


def most_connections() -> int:
    """The ceiling where the user gives none: two endpoints must fit into the open files."""
    try:
        import resource
    except ImportError:  # not on Windows
        return _MOST // 2
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return max(_START, min(_MOST, (files - _OTHER_FILES) // 2)) if files > 0 else _MOST
