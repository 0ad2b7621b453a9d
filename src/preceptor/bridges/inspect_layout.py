"""Layout of our examples, verdicts and metrics in a log of Inspect AI.

The tasks of :mod:`preceptor.bridges.inspect_tasks` and the export write it; the import reads it.

A sample's metadata has ``preceptor`` (benchmark and unit), ``tags``, ``criteria`` and, if the
example has one, ``target``. Its score is called ``rubric``; the value has ``score`` (null if a
verdict is missing) and ``coverage``; the metadata has ``verdicts``, one per criterion, with ``met``
true, false or null, or with a ``label``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from preceptor.benchmarks import Benchmark
from preceptor.records import (
    Criterion,
    Example,
    Graded,
    Metric,
    Response,
    Score,
    Usage,
    Verdict,
    as_answer,
    lean,
)
from preceptor.records.episodes import episode_of
from preceptor.scoring import LENGTH_SUFFIX, OVERALL
from preceptor.scoring.names import is_adjusted

__all__ = [
    "DETAILS",
    "SCORER",
    "criteria_of",
    "criterion_row",
    "example_metadata",
    "explanation",
    "metric_values",
    "metrics_of",
    "response_row",
    "score_metadata",
    "score_value",
    "slice_values",
    "task_name",
]

#: Fields of a verdict that are written where they have a value.
DETAILS = ("detail", "usage", "latency_s", "cost_usd", "attempts", "served_model", "created_at")
_BLANK = (None, "", 0.0, Usage())
#: Name of the scorer, and of the score in a sample.
SCORER = "rubric"
#: Maximum characters of a grader's explanation in the list for people.
_MAX_SHOWN = 300
#: Characters with a meaning in Markdown. The viewer does not interpret HTML.
_MARKUP = re.compile(r"([\\`*_{}\[\]#|~!$])")


def task_name(benchmark: str) -> str:
    """Name of a benchmark's Inspect task, a Python identifier."""
    return benchmark.replace("-", "_")


def criterion_row(criterion: Criterion) -> dict[str, Any]:
    """Encode one criterion as in HealthBench's files."""
    return {"criterion": criterion.text, "points": criterion.points, "tags": list(criterion.tags)}


def example_metadata(benchmark: str, example: Example, place: int, unit: str) -> dict[str, Any]:
    """Make a sample's metadata, enough to grade its answer again without the benchmark.

    ``place`` is the index of the example in the run: Inspect passes scores on in the order of
    completion, but a repeatable bootstrap needs a fixed one. ``unit`` is the cluster of examples
    that are resampled together.
    """
    target = {} if example.target is msgspec.UNSET else {"target": example.target}
    return {
        "preceptor": {"benchmark": benchmark, "prompt": unit, "place": place},
        "tags": list(example.tags),
        "criteria": [criterion_row(criterion) for criterion in example.criteria],
        **target,
    }


def criteria_of(rows: Sequence[Mapping[str, Any]]) -> tuple[Criterion, ...]:
    """Decode criteria from rows that we wrote."""
    return tuple(
        Criterion(row["criterion"], row["points"], tuple(row.get("tags") or ())) for row in rows
    )


def score_value(score: Score) -> dict[str, float | None]:
    """A sample's score, None if a verdict is missing, and its share of verdicts."""
    given, asked = score.counts.get(OVERALL, (0, 0))
    return {"score": score.values.get(OVERALL), "coverage": given / asked if asked else 0.0}


def score_metadata(
    graded: Graded, score: Score, grader: str, departures: Sequence[str] = ()
) -> dict[str, Any]:
    """Make a score's metadata: each verdict, and the bounds that missing ones leave."""
    response = graded.response
    metadata: dict[str, Any] = {
        "repeat": graded.repeat,
        "verdicts": [
            {**criterion_row(criterion), **_verdict_row(verdict)}
            for criterion, verdict in zip(graded.example.criteria, graded.verdicts, strict=True)
        ],
        "grader": grader,
        "low": score.low.get(OVERALL),
        "high": score.high.get(OVERALL),
    }
    if departures:
        metadata["departures"] = list(departures)
    if response is not None and response.failure is not None:
        metadata["failure"] = response.failure
    if response is not None:
        names = ("state", "stop_reason", "served_model", "created_at")
        known = {name: getattr(response, name) for name in names}
        metadata |= {name: value for name, value in known.items() if value is not None}
    return metadata


def response_row(response: Response) -> dict[str, Any]:
    """What Inspect has no field for in a response; images and files are by their hash alone."""
    sent = None if response.sent is None else lean(response.sent)
    row: dict[str, Any] = msgspec.to_builtins(
        msgspec.structs.replace(response, text="", sent=sent, turns=episode_of(response).turns)
    )
    written = {name: each for name, each in row.items() if each is not None}
    return {name: each for name, each in written.items() if name not in ("key", "text")}


def _verdict_row(verdict: Verdict | None) -> dict[str, Any]:
    if verdict is None:
        return {"met": None, "reason": "not_graded"}
    row: dict[str, Any] = {"met": verdict.met, "explanation": verdict.explanation}
    if verdict.label is not None:
        row["label"] = verdict.label
    elif verdict.met is None:
        row |= {"reason": verdict.reason, "detail": verdict.detail}
    if verdict.probability is not None:
        row["probability"] = verdict.probability
    known = msgspec.to_builtins(verdict)
    return row | {name: known[name] for name in DETAILS if getattr(verdict, name) not in _BLANK}


def explanation(graded: Graded) -> str:
    """Format the verdicts as a Markdown list."""
    lines = []
    for criterion, verdict in zip(graded.example.criteria, graded.verdicts, strict=True):
        met = None if verdict is None else verdict.met
        mark = "ungraded" if met is None else "**met**" if met else "not met"
        if verdict is not None and verdict.label is not None:
            mark = _one_line(verdict.label)
        lines.append(f"- {criterion.points:+d} {mark}: {_one_line(criterion.text)}")
        said = "" if verdict is None else verdict.explanation or verdict.reason or ""
        if said:
            lines.append(f"  - {_one_line(said)}")
    return "\n".join(lines)


def _one_line(text: str) -> str:
    """Put a model's text on one line, shortened and with Markdown escaped."""
    line = " ".join(text.split())
    line = line if len(line) <= _MAX_SHOWN else f"{line[: _MAX_SHOWN - 1]}…"
    return _MARKUP.sub(r"\\\1", line)


def metric_values(metrics: Mapping[str, Metric]) -> dict[str, float]:
    """The overall score with its interval, coverage and adjustments; undefined values are left out.

    Intervals are those of the mean before clipping.
    """
    values: dict[str, float | None] = {}
    overall, adjusted = metrics.get(OVERALL), metrics.get(OVERALL + LENGTH_SUFFIX)
    if overall is not None:
        values = {OVERALL: overall.value, **_interval("ci95", overall.raw_ci95)}
        values |= {"coverage": overall.coverage, "n": overall.n}
    if adjusted is not None:
        values["length_adjusted"] = adjusted.value
        values |= _interval("length_adjusted_ci95", adjusted.raw_ci95)
    if overall is not None:
        values |= {"unclipped_mean": overall.raw_mean, **_interval("bounds", overall.bounds)}
    return {name: float(value) for name, value in values.items() if value is not None}


def _interval(name: str, ends: tuple[float, float] | None) -> dict[str, float | None]:
    low, high = ends or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}


def slice_values(metrics: Mapping[str, Metric]) -> dict[str, float]:
    """Scores of slices and rubric tags, by name."""
    return {
        name: metric.value
        for name, metric in metrics.items()
        if metric.value is not None and ":" in name and not is_adjusted(name, metrics)
    }


class _HashedExample(Example, frozen=True):
    """An example without its conversation; ``prompt`` is the unit to resample by."""

    prompt: str = ""

    @property
    def prompt_key(self) -> str:
        return self.prompt


def metrics_of(
    benchmark: Benchmark, rows: Sequence[tuple[str, Mapping[str, Any], Mapping[str, Any], str]]
) -> dict[str, Metric]:
    """Compute the metrics of a log from its scores.

    Parameters
    ----------
    rows
        Of each answer, the sample's id and metadata, the score's metadata, and the answer.
    """
    rows = sorted(rows, key=_position)
    scores, examples = [], {}
    repeats: dict[str, int] = {}
    for sample_id, sample, beside, answer in rows:
        known = sample.get("preceptor") or {}
        verdicts = beside.get("verdicts") or ()
        example = _HashedExample(
            sample_id,
            (),
            criteria_of(verdicts),
            tuple(sample.get("tags") or ()),
            prompt=str(known.get("prompt", sample_id)),
        )
        failure = beside.get("failure")
        response = as_answer(Response("", text=answer, failure=failure))
        repeat = repeats[sample_id] = repeats.get(sample_id, -1) + 1
        given = tuple(Verdict("", row.get("met")) for row in verdicts)
        scores.append(benchmark.protocol.score(Graded(example, repeat, response, given)))
        examples[sample_id] = example
    return benchmark.protocol.summarise(scores, list(examples.values()))


def _position(row: tuple[str, Mapping[str, Any], Mapping[str, Any], str]) -> tuple[int, int]:
    """Position of an answer in the run: its example and repeat."""
    return (row[1].get("preceptor") or {}).get("place", 0), row[2].get("repeat", 0)
