"""The words of figures: names made harmless, and what a caption must say of its numbers."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from preceptor.records import Metric, Result, replies_of
from preceptor.reports.format import interval, percent, points
from preceptor.results.pool import Side
from preceptor.scoring import OVERALL
from preceptor.wording import count

__all__ = [
    "between",
    "clean",
    "estimate",
    "evidence",
    "joined",
    "metric_of",
    "names",
    "physicians",
    "spread",
    "without",
]

_LONGEST = 56


def clean(text: str, most: int = _LONGEST) -> str:
    """One line of at most ``most`` visible characters; the middle of a longer one is left out.

    Control, format and private characters and lone surrogates go: they could turn the reading
    direction, break the line or have no shape at all.
    """
    # Cut first: what is far beyond the limit need not be looked at.
    text = text if len(text) <= 4 * most else text[: 2 * most] + text[-2 * most :]
    kept = "".join(" " if sign.isspace() else sign for sign in text if _visible(sign))
    line = " ".join(kept.split())
    if len(line) <= most:
        return line or "–"
    tail = most // 2
    return f"{line[: most - 1 - tail].rstrip()}…{line[-tail:].lstrip()}"


def _visible(sign: str) -> bool:
    return sign.isspace() or not unicodedata.category(sign).startswith("C")


def names(sides: Sequence[Side], most: int = _LONGEST) -> list[str]:
    """The sides' labels as they are printed; those that look alike get a number."""
    texts = [clean(side.label, most) for side in sides]
    seen: Counter[str] = Counter()
    total = Counter(texts)
    found = []
    for text in texts:
        seen[text] += 1
        found.append(text if total[text] == 1 else f"{clean(text, most - 4)} #{seen[text]}")
    return found


def physicians(side: Side) -> bool:
    """Whether the side is the physicians' own answers, which systems are measured against."""
    return side.result.info.system.startswith("physician")


def metric_of(result: Result, name: str = OVERALL) -> Metric | None:
    """The metric, if it has a mean."""
    metric = result.metrics.get(name)
    return None if metric is None or metric.raw_mean is None else metric


def estimate(metric: Metric) -> str:
    """``41.3 (39.0 to 43.7)``: the mean before clipping and its interval."""
    if metric.raw_ci95 is None:
        return points(metric.raw_mean)
    return f"{points(metric.raw_mean)} ({interval(metric.raw_ci95)})"


def between(numbers: Iterable[int]) -> str:
    """``12`` or ``12–34``; a dash for none."""
    found = sorted(set(numbers))
    if len(found) < 2:
        return count(found[0]) if found else "–"
    return f"{count(found[0])}–{count(found[-1])}"


def spread(numbers: Iterable[float]) -> str:
    """``12`` or ``12 to 34``."""
    low_high = [count(number) for number in sorted(numbers)]
    first, last = low_high[0], low_high[-1]
    return first if first == last else f"{first} to {last}"


def evidence(sides: Sequence[Side]) -> str:
    """n, answers and coverage of these sides, in one or two sentences."""
    metrics = [side.result.metrics.get(OVERALL) for side in sides]
    n = spread(0 if metric is None else metric.n for metric in metrics)
    answers = spread(list(replies_of(side.result.graded).failure).count(None) for side in sides)
    each = " per side" if len(sides) > 1 else ""
    whole = f"{n} {'example' if n == '1' else 'examples'}"
    drawn = [m for m in metrics if m is not None and m.units not in (0, m.n)]
    if drawn:
        whole += f" ({spread(m.units for m in drawn)} {drawn[0].units_are})"
    text = f"n = {whole}, {answers} {'answer' if answers == '1' else 'answers'}{each}."
    lowest = min(side.result.coverage for side in sides)
    if lowest >= 1:
        text += " Every verdict was given."
    else:
        text += f" At least {percent(lowest)} of the verdicts{each} were given."
    graders = list(dict.fromkeys(clean(side.result.info.grader) for side in sides))
    return f"{text} {'Grader' if len(graders) == 1 else 'Different graders'}: {joined(graders)}."


def without(sides: Sequence[Side], reason: str) -> str:
    """The sentence that names the sides left out; "" where there are none."""
    if not sides:
        return ""
    return f"Left out, {reason}: {joined(names(sides))}."


def joined(texts: Sequence[str], most: int = 6) -> str:
    """``a, b and c``; of many, the first."""
    shown = list(texts[:most])
    if len(texts) > most:
        return f"{', '.join(shown)} and {len(texts) - most:,} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
