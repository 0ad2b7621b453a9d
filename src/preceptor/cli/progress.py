"""Progress of a run: a live display on a terminal, a line every 15 seconds elsewhere."""

from __future__ import annotations

import datetime
import sys
import time
from typing import TYPE_CHECKING, Any

from preceptor.cli.output import printable

if TYPE_CHECKING:
    from preceptor.engine.progress import Progress

__all__ = ["Display", "describe"]

_EVERY_S, _EVERY_S_IN_BATCHES = 15.0, 120.0


class Display:
    """Display of what is done, the rate, the time left, the cost and the failures by kind."""

    def __init__(self) -> None:
        self._live: Any = None
        self._printed = time.monotonic()
        self._said_stopping = False
        self._warned: set[tuple[Progress, str]] = set()

    def __enter__(self) -> Display:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            console = Console(stderr=True, highlight=False, markup=False)
            self._live = Live(console=console, refresh_per_second=5, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, progress: Progress) -> None:
        """Show the progress as it is now, and each warning once."""
        self._warn(progress)
        if self._live is not None:
            self._live.update(_panel(progress))
        elif time.monotonic() - self._printed > _pause(progress) or self._must_say(progress):
            self._printed = time.monotonic()
            print(printable(describe(progress)), file=sys.stderr, flush=True)

    def _warn(self, progress: Progress) -> None:
        new = [(progress, sentence) for sentence in list(progress.warnings)]
        for key in [key for key in new if key not in self._warned]:
            self._warned.add(key)
            line = printable(f"warning: {key[1]}")
            if self._live is not None:
                self._live.console.print(line, style="yellow")
            else:
                print(line, file=sys.stderr, flush=True)

    def _must_say(self, progress: Progress) -> bool:
        if progress.stopping is None or self._said_stopping:
            return False
        self._said_stopping = True
        return True


def _pause(progress: Progress) -> float:
    """Seconds between two lines of a log; more for batches, which change seldom."""
    return _EVERY_S_IN_BATCHES if progress.batches() else _EVERY_S


def describe(progress: Progress) -> str:
    """One line for a log."""
    parts = [
        f"answers {progress.answers:,}/{progress.answers_total:,}",
        f"verdicts {progress.verdicts:,}/{progress.verdicts_total:,}",
        f"{progress.rate:.1f} calls/s{_at_once(progress)}",
        f"left {_span(progress.seconds_left)}",
        _cost(progress),
    ]
    parts += progress.batches()
    if progress.ungraded:
        parts.append("ungraded: " + _kinds(progress.ungraded))
    if retried := progress.failed_attempts():
        parts.append("failed attempts: " + _kinds(retried))
    if progress.stopping is not None:
        parts.append(f"stopping: {progress.stopping}; {progress.in_flight} calls under way")
    return " | ".join(parts)


def _at_once(progress: Progress) -> str:
    return "" if progress.room is None else f", {progress.in_flight} of {progress.room} at once"


def _cost(progress: Progress) -> str:
    budget = progress.budget
    cost = f"${budget.cost:,.4f}" + (f" of ${budget.max_cost:g}" if budget.max_cost else "")
    cap = f" of {budget.max_tokens:,}" if budget.max_tokens else ""
    tokens = f"{budget.tokens:,}{cap} tokens"
    return f"{cost}, {tokens}" if budget.cost or budget.max_cost else tokens


def _kinds(counts: Any) -> str:
    return ", ".join(f"{kind} {count:,}" for kind, count in counts.most_common(5))


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    return str(datetime.timedelta(seconds=round(seconds)))


def _panel(progress: Progress) -> Any:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1))
    for name, done, total in (
        ("answers", progress.answers, progress.answers_total),
        ("verdicts", progress.verdicts, progress.verdicts_total),
    ):
        bar = ProgressBar(total=max(total, 1), completed=done, width=32)
        table.add_row(f"{name:>8}", bar, f"{done:,}/{total:,}")
    facts = [
        f"{progress.rate:.1f} calls/s{_at_once(progress)}",
        f"{_span(progress.seconds_left)} left",
    ]
    lines: list[Any] = [table, Text("         " + " · ".join([*facts, _cost(progress)]))]
    lines += [Text("         " + line) for line in progress.batches()]
    if progress.ungraded:
        lines.append(Text("         ungraded: " + _kinds(progress.ungraded), style="yellow"))
    if retried := progress.failed_attempts():
        lines.append(Text("         failed attempts: " + _kinds(retried), style="dim"))
    if progress.stopping is not None:
        waiting = f"finishing {progress.in_flight} calls under way; Ctrl-C again drops them"
        lines.append(Text(f"         {printable(progress.stopping)}; {waiting}", style="bold"))
    return Group(*lines)
