"""A run under way, read from the store: another process works on it."""

from __future__ import annotations

import datetime
import threading
import time
from collections import deque
from typing import Any

import msgspec
from starlette.datastructures import QueryParams

from preceptor.reports.format import percent
from preceptor.store.lease import working
from preceptor.store.spent import read_spent
from preceptor.store.standing import Standing, latest
from preceptor.view.selection import url
from preceptor.view.workspace import Known, Workspace
from preceptor.wording import count

__all__ = ["Pace", "live_page", "live_view"]

#: Seconds over which the rate is taken, and answers that are shown.
_WINDOW_S, _LATEST = 120.0, 6
_START = 200
_WORDS = {
    "done": "Done",
    "incomplete": "Finished, but incomplete",
    "interrupted": "Interrupted",
    "running": "Under way",
}


class Bar(msgspec.Struct, frozen=True):
    """Done of all that is asked; ``share`` is for a progress element, 0 to 1."""

    name: str
    done: int
    total: int

    @property
    def words(self) -> str:
        return f"{count(self.done)} of {count(self.total)}"


class Pace:
    """How fast runs get on, from what was seen of them a little while ago."""

    def __init__(self) -> None:
        self._seen: dict[int, deque[tuple[float, int]]] = {}
        self._lock = threading.Lock()

    def rate(self, run: int, done: int, now: float | None = None) -> float | None:
        """Answers and verdicts a second; None until two moments are known."""
        now = time.monotonic() if now is None else now
        with self._lock:
            seen = self._seen.setdefault(run, deque())
            if not seen or now - seen[-1][0] >= 0.5:
                seen.append((now, done))
            while len(seen) > 2 and now - seen[0][0] > _WINDOW_S:
                seen.popleft()
            (first, before), (last, after) = seen[0], seen[-1]
        return None if last == first else (after - before) / (last - first)


def live_page(workspace: Workspace, pace: Pace, given: QueryParams) -> dict[str, Any]:
    """The part of a run's page that changes while it is under way. Raises UnknownName."""
    name = given.get("name", "")
    live = live_view(workspace, pace, workspace.run(name))
    return {"live": live, "live_url": url("/live", {"name": name})}


def live_view(workspace: Workspace, pace: Pace, run: Known) -> dict[str, Any]:
    """State, progress, rate, cost, failures and the latest answers of a run."""
    info, standing = run.info, run.standing
    with workspace.store.reading() as connection:
        owner = working(connection, info)
        spent = read_spent(connection, info)
        newest = latest(connection, info, _LATEST)
    alive = owner is not None
    rate = pace.rate(info.id, standing.done) if alive else None
    return {
        "alive": alive,
        "state": _state(run, alive),
        "bars": _bars(standing),
        "facts": [
            *_speed(standing, rate),
            ("Cost", _cost(run, spent.cost_usd, spent.priced)),
            ("Tokens", _tokens(run, spent.tokens)),
        ],
        "failures": _failures(standing),
        "latest": [
            (
                url("/answers", [("run", info.name), ("open", f"0-{each.position}-{each.repeat}")]),
                each.example_id,
                each.response.text.strip()[:_START] or (each.response.failure or "empty"),
            )
            for each in newest
        ],
    }


def _state(run: Known, alive: bool) -> str:
    words = _WORDS.get(run.info.status, run.info.status)
    if run.under_way and not alive:
        return (
            f"Stopped: no process is working on it; preceptor resume {run.info.name} continues it"
        )
    if run.info.status in ("incomplete", "interrupted") and not alive:
        return f"{words}; preceptor resume {run.info.name} continues it"
    return words


def _bars(standing: Standing) -> list[Bar]:
    bars = [Bar("Answers", standing.answers, standing.answers_asked)]
    if standing.verdicts_asked:
        bars.append(Bar("Verdicts", standing.verdicts, standing.verdicts_asked))
    return bars


def _speed(standing: Standing, rate: float | None) -> list[tuple[str, str]]:
    if rate is None:
        return []
    left = standing.asked - standing.done
    time_left = str(datetime.timedelta(seconds=round(left / rate))) if rate > 0 else "unknown"
    return [("Rate", f"{rate:,.1f} answers and verdicts a second"), ("Time left", time_left)]


def _cost(run: Known, cost: float, priced: bool) -> str:
    cap = run.info.settings.max_cost
    words = f"${cost:,.2f}" + (f" of ${cap:g} ({percent(cost / cap)})" if cap else "")
    return words if priced else f"{words}, without calls that have no known price"


def _tokens(run: Known, tokens: int) -> str:
    cap = run.info.settings.max_total_tokens
    return count(tokens) + (f" of {count(cap)}" if cap else "")


def _failures(standing: Standing) -> list[tuple[str, str]]:
    """Kind and number of what could not be had."""
    found = [(f"no answer: {kind}", number) for kind, number in standing.failed.items()]
    found += list(standing.ungraded.items())
    found.sort(key=lambda each: -each[1])
    return [(kind.replace("_", " ")[:200], count(number)) for kind, number in found[:8]]
