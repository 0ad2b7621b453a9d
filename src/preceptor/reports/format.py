"""Numbers, names and dates as a report prints them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime

from preceptor.records import Metric, Score
from preceptor.scoring.answers import poorly_read, share_read, unparsed
from preceptor.scoring.columns import Scores
from preceptor.scoring.lost import LOST_LABELS
from preceptor.wording import count, plural

__all__ = [
    "SHARE",
    "chance",
    "cut",
    "day",
    "days",
    "fewer_units",
    "interval",
    "marked",
    "measured",
    "measured_interval",
    "namespace",
    "p_value",
    "paragraphs",
    "percent",
    "points",
    "pretty",
    "printed_interval",
    "read_cell",
    "read_sentence",
    "sample_size",
    "short_name",
    "signed",
]

#: The unit of what goes from 0 to 1 and is printed times 100.
SHARE = "share"
#: One runaway answer must not make a page unusable.
_LONGEST = 200_000
_BLANK_LINES = re.compile(r"\n\s*\n")
_MINUS = "−"
_NONE = "–"

#: Namespaces and names whose plain spelling would be wrong or unclear.
_NAMES = {
    "use_case": "Use case",
    "type": "Type of task",
    "physician_agreed_category": "Category agreed by physicians",
    "cluster": "Consensus criterion",
    "level": "Level of criterion",
    "level:example": "Specific to the example",
    "level:cluster": "Consensus",
    "axis": "Axis of behaviour",
    "good_faith": "Good faith",
    "red_teaming": "Red teaming",
    "overall_score": "Overall score",
    "overall_score_length_adjusted": "Length-adjusted score",
    **LOST_LABELS,
}
_ACRONYMS = {"ent": "ENT", "ob/gyn": "OB/GYN", "obgyn": "OB/GYN", "icu": "ICU"}


def points(share: float | None) -> str:
    """0.4132 → ``41.3``: a score on the 0–100 scale, with a true minus sign."""
    if share is None or not math.isfinite(share):
        return _NONE
    text = f"{100 * share:.1f}"
    return text.replace("-", _MINUS) if text != "-0.0" else "0.0"


def measured(value: float | None, unit: str) -> str:
    """A metric's value: a share times 100, anything else as it is, with its unit if it has one."""
    if unit == SHARE or value is None or not math.isfinite(value):
        return points(value)
    if unit == "p":
        return p_value(value)
    if not unit:  # a plain number
        return f"{value:,.4f}".replace("-", _MINUS)
    return f"{value:,.2f} {unit}".replace("-", _MINUS)


def measured_interval(pair: tuple[float, float] | None, unit: str) -> str:
    """The interval of such a value, without the unit."""
    if unit == SHARE or pair is None:
        return interval(pair)
    digits = 2 if unit else 4
    return f"{pair[0]:,.{digits}f} to {pair[1]:,.{digits}f}".replace("-", _MINUS)


def printed_interval(metric: Metric) -> str:
    """The one interval of a metric: that of the mean before clipping; or why there is none."""
    if metric.raw_ci95 is not None:
        return measured_interval(metric.raw_ci95, metric.unit)
    if metric.raw_mean is None or metric.unit == "p":
        return _NONE
    said = f"not estimable from n = {count(metric.units or metric.n)}"
    return said if metric.units < 2 else f"{said}, all equal"


def sample_size(n: int, units: int, units_are: str) -> str:
    """``2,360``; where several are one unit, ``2,360 examples, 295 videos``."""
    several = fewer_units(n, units, units_are)
    return f"{plural(n, 'example')}, {several}" if several else count(n)


def fewer_units(n: int, units: int, units_are: str) -> str:
    """``295 videos`` where several of n examples are one; else nothing."""
    return "" if units in (0, n) else plural(units, units_are.removesuffix("s"), units_are)


def interval(pair: tuple[float, float] | None) -> str:
    """Two scores as ``39.0–43.7``; with a negative one as ``−1.0 to 3.7``."""
    if pair is None:
        return _NONE
    low, high = points(pair[0]), points(pair[1])
    return f"{low} to {high}" if _MINUS in low + high else f"{low}–{high}"


def signed(share: float | None) -> str:
    """A difference of scores with its sign: ``+4.1``."""
    text = points(share)
    return text if text[:1] in (_MINUS, _NONE) or text == "0.0" else f"+{text}"


def chance(p: float | None, holm: float | None) -> str:
    """A p-value, and the one that is adjusted for all comparisons where it is another."""
    adjusted = "" if holm in (None, p) else f"; {p_value(holm)} with all comparisons"
    return f"p {p_value(p)}{adjusted}"


def p_value(p: float | None) -> str:
    """Three decimals, or that it is smaller: ``0.031``, ``<0.0001``."""
    if p is None or not math.isfinite(p):
        return _NONE
    if p < 0.0001:
        return "<0.0001"
    return f"{p:.4f}" if p < 0.001 else f"{p:.3f}"


def percent(share: float) -> str:
    """Never rounded up: what is not complete does not print as 100 %."""
    whole = 100 * share
    if whole >= 100 or whole <= 0:
        return "100 %" if whole > 0 else "0 %"
    return f"{max(0.1, math.floor(whole * 10 + 1e-6) / 10):.1f} %"


def read_cell(share: float | None) -> str:
    """The share of answers that could be read, for a column beside the score."""
    return "–" if share is None else percent(share)


def marked(score: str, share: float | None) -> str:
    """A score with a dagger where too few of its answers could be read."""
    return f"{score} †" if poorly_read(share) else score


def read_sentence(scores: Sequence[Score]) -> str | None:
    """Note on unreadable answers; None where all were read, or a grader reads them."""
    share, unread = share_read(scores), unparsed(scores)
    if share is None or not unread:
        return None
    dagger = "† " if poorly_read(share) else ""
    there = len(Scores.of(scores).lengths)
    said = f"{dagger}{unread:,} of {there:,} answers could not be read (unparsed)"
    return f"{said}: the score counts them as wrong." if dagger else f"{said}."


def short_name(name: str, most: int = 24) -> str:
    """The middle is left out: names of runs tend to begin alike."""
    return name if len(name) <= most else f"{name[: most // 2 - 3]}…{name[-most // 2 - 2 :]}"


def cut(text: str) -> str:
    """A text without its end where it is enormous, which it then says."""
    if len(text) <= _LONGEST:
        return text
    rest = count(len(text) - _LONGEST)
    return f"{text[:_LONGEST]}\n\n[… {rest} more characters, not shown here]"


def paragraphs(text: str) -> list[str]:
    """The parts of a text between blank lines."""
    return [part.strip() for part in _BLANK_LINES.split(text) if part.strip()]


def pretty(name: str, labels: dict[str, str]) -> str:
    """The display name of a metric, tag or namespace: its label, else its last part, readable."""
    if name in labels:
        return labels[name]
    if name in _NAMES:
        return _NAMES[name]
    last = name.split(":", 1)[-1]
    if last in _NAMES and ":" in name:
        return _NAMES[last]
    if last.lower() in _ACRONYMS:
        return _ACRONYMS[last.lower()]
    words = last.replace("_", " ").strip()
    if name.startswith(("cluster:", "physician_agreed_category:")):
        words = words.replace("-", " ")
    return words[:1].upper() + words[1:] if words else name


def namespace(name: str, metric: Metric) -> str:
    """What stands before the colon; without one ``tag`` for a tag's slice, and else nothing."""
    if ":" in name:
        return name.partition(":")[0]
    return "" if metric.tag is None else "tag"


def day(stamp: str) -> str:
    """An ISO time as ``14 January 2026``; what is none, unchanged."""
    moment = _moment(stamp)
    return stamp if moment is None else f"{moment.day} {moment:%B %Y}"


def days(stamps: list[str]) -> str:
    """The first and the last day of several: ``14–16 January 2026``."""
    first, last = min(stamps), max(stamps)
    start, end = _moment(first), _moment(last)
    if day(first) == day(last):
        return day(first)
    if start is None or end is None or start.year != end.year:
        return f"{day(first)} to {day(last)}"
    if start.month == end.month:
        return f"{start.day}–{day(last)}"
    return f"{start.day} {start:%B} to {day(last)}"


def _moment(stamp: str) -> datetime | None:
    try:
        return datetime.fromisoformat(stamp)
    except ValueError:
        return None
