"""Labels and verdicts from the store: runs that people judged, and the grader's run beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from preceptor.audit.frontier import with_stored
from preceptor.audit.labels import Judged, Labels
from preceptor.errors import InputError, shorten
from preceptor.graders.base import judged
from preceptor.records import Criterion, Message, Verdict, content_key
from preceptor.results.pool import Side

__all__ = ["Stored", "stored_labels"]

#: How runs begin to name a grader or a system that nobody has named.
_UNNAMED = ("not stated", "unnamed system")
#: Runs that a source lists by name.
_LISTED = 3


class Stored(msgspec.Struct, frozen=True):
    """Labels of the store, with the verdicts of a grader.

    Attributes
    ----------
    grader, again
        What the labels call the grader, and its second pass or next version.
    verdicts
        The grader's, for what they cost.
    """

    labels: Labels
    grader: str
    again: str | None
    verdicts: list[Verdict]


def stored_labels(raters: Sequence[Side], grader: Sequence[Side], again: Sequence[Side]) -> Stored:
    """Runs judged by people as labels, and runs of the same answers judged by the grader.

    Parameters
    ----------
    raters
        Each is one rater, called as its grader is, or as the side where that is not stated. Those
        of one name are one rater, unless they label the same rows: then each is one.
    grader, again
        The runs of the grader, and of its second pass or next version; none where there is none.

    Raises
    ------
    InputError
        A run is named twice, there is no label, ``grader`` or ``again`` is of several graders, or
        has no verdict on what is labelled.

    Notes
    -----
    Verdicts are matched as in `preceptor.audit.frontier.with_stored`: by the conversation, the
    answer and the criterion. Where one rater labels one row twice, the first label counts.
    """
    _each_once([*raters, *grader, *again])
    labels = _labels(raters)
    groups = {_one_grader("--grader", grader): grader}
    if again:
        name = _one_grader("--again", again)
        groups[f"{name} ({again[0].label})" if name in groups else name] = again
    found, verdicts = with_stored(
        labels, ((name, side.result.graded) for name, group in groups.items() for side in group)
    )
    for option, (name, group) in zip(("--grader", "--again"), groups.items(), strict=False):
        if name not in verdicts:
            raise InputError(
                f"{option} {shorten(group[0].label)}: none of its verdicts is on what "
                f"{labels.source} labels: expected the same conversations, answers and criteria"
            )
    first, *second = groups
    return Stored(found, first, second[0] if second else None, verdicts[first])


def _each_once(sides: Iterable[Side]) -> None:
    for name, times in Counter(run for side in sides for run in side.runs).items():
        if times > 1:
            raise InputError(f"run {shorten(name)}: is named twice: labels and graders are others")


def _one_grader(option: str, sides: Sequence[Side]) -> str:
    names = list(dict.fromkeys(_called(side) for side in sides))
    if len(names) != 1:
        listed = ", ".join(shorten(name, 60) for name in names) or "none"
        raise InputError(f"{option}: expected runs of one grader, found {listed}")
    return names[0]


def _called(side: Side) -> str:
    return _known(side.result.info.grader) or side.label


def _known(name: str) -> str:
    return "" if name.startswith(_UNNAMED) else name


# The labels


def _labels(raters: Sequence[Side]) -> Labels:
    """What the raters say as labels of rows that no grader has judged yet."""
    blank = Labels(_source(raters), _rows(raters), ())
    # Each rater stands for a grader first: so labels are matched as verdicts are.
    said, _ = with_stored(
        blank, ((str(place), side.result.graded) for place, side in enumerate(raters))
    )
    rows = [row for row in said.rows if row.verdicts]
    if not rows:
        raise InputError(f"{blank.source}: expected labels, found no verdict that is met or not")
    names = _names(raters, rows)
    return Labels(blank.source, [_labelled(row, names) for row in rows], ())


def _labelled(row: Judged, names: Mapping[str, str]) -> Judged:
    return msgspec.structs.replace(
        row,
        labels=tuple(row.verdicts.values()),
        physicians=tuple(names[place] for place in row.verdicts),
        verdicts={},
        probabilities={},
    )


def _names(raters: Sequence[Side], rows: Sequence[Judged]) -> dict[str, str]:
    """Of each rater, by its place: that of its grader, with its own where that is not enough."""
    names = {str(place): _called(side) for place, side in enumerate(raters)}
    doubled = {
        name
        for row in rows
        for name, times in Counter(names[place] for place in row.verdicts).items()
        if times > 1
    }
    return {
        place: f"{name} ({raters[int(place)].label})" if name in doubled else name
        for place, name in names.items()
    }


def _rows(raters: Sequence[Side]) -> list[Judged]:
    """Every criterion on every answer once, with what the store knows of it."""
    found: dict[tuple[tuple[Message, ...], str], Judged] = {}
    for side in raters:
        model = _known(side.result.info.system)
        for item in side.result.graded:
            answer = item.response
            if answer is None or answer.failure is not None:
                continue
            whole = judged(answer, item.example.messages)
            for criterion in item.example.criteria:
                if (whole, criterion.text) in found:
                    continue
                found[whole, criterion.text] = Judged(
                    prompt=content_key(item.example.messages),  # As in a file.
                    criterion=criterion.text,
                    category=_category(criterion),
                    labels=(),
                    physicians=(),
                    verdicts={},
                    points=float(criterion.points),
                    model=model,
                    conversation=whole,
                )
    return list(found.values())


def _category(criterion: Criterion) -> str:
    """Its cluster, as in the meta-evaluation, else its axis; empty where it has neither."""
    for namespace in ("cluster:", "axis:"):
        for tag in criterion.tags:
            if tag.startswith(namespace):
                return tag
    return ""


def _source(raters: Sequence[Side]) -> str:
    runs = [run for side in raters for run in side.runs]
    listed = ", ".join(runs)
    # Pages show of a source what follows the last slash, as of a path.
    if len(runs) > _LISTED or "/" in listed:
        return f"{len(runs)} runs" if len(runs) > 1 else "1 run"
    return f"{'runs' if len(runs) > 1 else 'run'} {listed}"
