"""Trials of chi-bench's leaderboard: ``trials.csv``, with scorecards and published rows beside it.

A row is a trial of a task by a submission; ``checks.jsonl`` (or ``.gz``) has the named checks of
some trials, ``leaderboard.csv`` the published rates and what a submission is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from preceptor.benchmarks.base import Fields
from preceptor.benchmarks.chi_bench import Trial, task
from preceptor.bridges.tool_runs import Asked, Start, ToolAnswer, ToolRun, mapping
from preceptor.files import read_rows
from preceptor.records import Response, ToolScore, Usage
from preceptor.records.responses import ENVIRONMENT_FAILED

__all__ = ["is_mine", "read"]

_TRIALS = {"submission_dir", "domain", "task", "trial", "reward", "exception"}
_BOARD = {"submission_dir", "domain", "pass_at_1", "n_trials"}
_CARDS = {"submission_dir", "trial", "checks"}
_TOKENS = ("n_input_tokens", "n_output_tokens")
_NAME = "chi-bench"


class _Beside(msgspec.Struct):
    """What stands beside the trials, by submission."""

    checks: dict[tuple[str, str], dict[str, bool]] = {}
    scores: dict[str, list[ToolScore]] = {}
    systems: dict[str, str] = {}


def is_mine(start: Start) -> bool:
    """Whether a row is a trial, a scorecard or a line of the leaderboard."""
    names = start.row.keys()
    return any(kind <= names for kind in (_TRIALS, _BOARD, _CARDS))


def read(files: Sequence[Path], asked: Asked) -> Iterator[ToolRun]:
    """Yield a run for each submission of each file of trials."""
    for file in files:
        if not Start(file).row.keys() >= _TRIALS:
            continue
        beside = _beside(file)
        trials: dict[str, list[Fields]] = {}
        for number, row in read_rows(file):
            fields = Fields(row, str(file), number)
            trials.setdefault(fields.text("submission_dir"), []).append(fields)
        for name, rows in trials.items():
            yield _run(name, rows, file, beside)


def _run(name: str, rows: Sequence[Fields], file: Path, beside: _Beside) -> ToolRun:
    answers = [_answer(row, beside.checks.get((name, row.text("trial")), {})) for row in rows]
    exceptions = Counter(filter(None, (row.optional_text("exception") for row in rows)))
    said = ", ".join(f"{kind} {number:,}" for kind, number in exceptions.most_common())
    return ToolRun(
        name=name,
        tool=_NAME,
        path=file,
        system=beside.systems.get(name, name),
        benchmark=_NAME,
        answers=answers,
        scores=beside.scores.get(name, []),
        notes=[f"Trials that ended with an exception: {said}."] if said else [],
    )


def _answer(row: Fields, checks: Mapping[str, bool]) -> ToolAnswer:
    name, exception = row.text("task"), row.optional_text("exception") or None
    reward = _number(row, "reward")
    if reward not in (None, 0, 1):
        raise row.fault("reward", "0, 1 or nothing", reward)
    response = Response(
        "",
        text="" if reward is None else f"Reward {reward:.0f}.",
        failure=ENVIRONMENT_FAILED if reward is None else None,
        detail="" if reward is not None else f"no reward: {exception or 'not stated'}",
        usage=Usage(*(round(_number(row, name) or 0) for name in _TOKENS)),
        cost_usd=_number(row, "cost_usd"),
        latency_s=_seconds(row),
        state=msgspec.to_builtins(Trial(reward, exception, checks)),
    )
    example = task(name, row.text("domain"))
    return ToolAnswer(id=name, response=response, line=row.line, example=example)


def _number(row: Fields, name: str) -> float | None:
    return None if row.row.get(name) in (None, "") else row.number(name)


def _seconds(row: Fields) -> float:
    moments = []
    for name in ("started_at", "finished_at"):
        said = row.optional_text(name)
        if not said:
            return 0.0
        try:
            moments.append(datetime.fromisoformat(said))
        except ValueError:
            raise row.fault(name, "a time, ISO 8601", said) from None
    try:
        return max(0.0, (moments[1] - moments[0]).total_seconds())
    except TypeError:
        expected = "a time zone in both times or in neither"
        raise row.fault("finished_at", expected, said) from None


def _beside(file: Path) -> _Beside:
    """Scorecards and published rows, from the files of the same folder that have them."""
    found = _Beside()
    for other in sorted(file.parent.iterdir()):
        if other == file or other.suffix not in (".csv", ".jsonl", ".gz"):
            continue
        names = Start(other).row.keys()
        for number, row in read_rows(other) if names >= _CARDS or names >= _BOARD else ():
            fields = Fields(row, str(other), number)
            name = fields.text("submission_dir")
            if names >= _CARDS:
                cards = mapping(row["checks"]).items()
                held = {check: value for check, value in cards if isinstance(value, bool)}
                found.checks[name, fields.text("trial")] = held
                continue
            found.systems[name] = f"{fields.text('model')} [{fields.text('agent')}]"
            score = ToolScore(
                f"pass@1 {fields.text('domain')}",
                fields.number("pass_at_1"),
                int(fields.number("n_trials")),
            )
            found.scores.setdefault(name, []).append(score)
    return found
