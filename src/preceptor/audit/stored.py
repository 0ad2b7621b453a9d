"""Labels and verdicts from the store: runs judged by people and by the grader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from preceptor.audit.frontier import conversation_of, with_stored
from preceptor.audit.labels import Judged, Labels, previewed
from preceptor.errors import InputError, shorten
from preceptor.records import Criterion, Message, Verdict, content_key
from preceptor.results.pool import Side

__all__ = ["Stored", "category_of", "stored_labels"]

#: Prefixes in place of an unstated grader or system.
_UNNAMED = ("not stated", "unnamed system")
#: A source lists up to this many runs by name.
_MAX_LISTED = 3


class Stored(msgspec.Struct, frozen=True):
    """Labels of the store, with the verdicts of a grader.

    Attributes
    ----------
    grader, again
        Names in the labels of the grader and of its second pass or next version.
    verdicts
        The grader's verdicts, with their cost.
    """

    labels: Labels
    grader: str
    again: str | None
    verdicts: list[Verdict]


def stored_labels(raters: Sequence[Side], grader: Sequence[Side], again: Sequence[Side]) -> Stored:
    """Combine runs judged by people, as labels, with runs of the same answers by a grader.

    Parameters
    ----------
    raters
        One rater each, named after its grader, or after the side if no grader is stated. Sides of
        the same name are one rater unless they label the same rows.
    grader, again
        Runs of the grader, and of its second pass or next version; may be empty.

    Raises
    ------
    InputError
        A run is named twice, there is no label, ``grader`` or ``again`` mixes several graders, or
        has no verdict on a labelled row.

    Notes
    -----
    Verdicts are matched as in `preceptor.audit.frontier.with_stored`: by the conversation, the
    answer and the criterion. If a rater labels a row twice, the first label counts.
    """
    _check_distinct([*raters, *grader, *again])
    labels = _labels(raters)
    groups = {_grader_name("--grader", grader): grader}
    if again:
        name = _grader_name("--again", again)
        groups[f"{name} ({again[0].label})" if name in groups else name] = again
    found, verdicts = with_stored(
        labels, ((name, side.result.graded) for name, group in groups.items() for side in group)
    )
    for option, (name, group) in zip(("--grader", "--again"), groups.items(), strict=False):
        if name not in verdicts:
            raise InputError(
                f"{option} {shorten(group[0].label)}: none of its verdicts matches a label of "
                f"{labels.source}; expected the same conversations, answers and criteria"
            )
    first, *second = groups
    return Stored(found, first, second[0] if second else None, verdicts[first])


def _check_distinct(sides: Iterable[Side]) -> None:
    for name, times in Counter(run for side in sides for run in side.runs).items():
        if times > 1:
            raise InputError(
                f"run {shorten(name)}: expected once among labels and graders, found {times} times"
            )


def _grader_name(option: str, sides: Sequence[Side]) -> str:
    names = list(dict.fromkeys(_rater_name(side) for side in sides))
    if len(names) != 1:
        listed = ", ".join(shorten(name, 60) for name in names) or "none"
        raise InputError(f"{option}: expected runs of one grader, found {listed}")
    return names[0]


def _rater_name(side: Side) -> str:
    return _stated(side.result.info.grader) or side.label


def _stated(name: str) -> str:
    return "" if name.startswith(_UNNAMED) else name


# The labels


def _labels(raters: Sequence[Side]) -> Labels:
    """Turn the raters' verdicts into labels; no grader has judged the rows yet."""
    blank = Labels(_source(raters), _rows(raters), ())
    # Raters are entered as graders first, so labels are matched the way verdicts are.
    said, _ = with_stored(
        blank, ((str(place), side.result.graded) for place, side in enumerate(raters))
    )
    rows = [row for row in said.rows if row.verdicts]
    if not rows:
        raise InputError(f"{blank.source}: expected verdicts of met or not met, found none")
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
    """Name each rater, by index, after its grader; add the side's label where names collide."""
    names = {str(place): _rater_name(side) for place, side in enumerate(raters)}
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
    """List every criterion on every answer once."""
    found: dict[tuple[tuple[Message, ...], str], Judged] = {}
    for side in raters:
        model = _stated(side.result.info.system)
        for item in side.result.graded:
            whole = conversation_of(item)
            for criterion in item.example.criteria:
                if whole is None or (whole, criterion.text) in found:
                    continue
                found[whole, criterion.text] = Judged(
                    prompt=content_key(item.example.messages),  # As for a file.
                    criterion=criterion.text,
                    category=category_of(criterion),
                    labels=(),
                    physicians=(),
                    verdicts={},
                    points=float(criterion.points),
                    model=model,
                    conversation=whole,
                    previewed=previewed(item.example.tags),
                )
    return list(found.values())


def category_of(criterion: Criterion) -> str:
    """Cluster of a criterion, as in the meta-evaluation, else its axis; empty if neither."""
    for namespace in ("cluster:", "axis:"):
        for tag in criterion.tags:
            if tag.startswith(namespace):
                return tag
    return ""


def _source(raters: Sequence[Side]) -> str:
    runs = [run for side in raters for run in side.runs]
    listed = ", ".join(runs)
    # Pages show only what follows the last slash of a source, as for a path.
    if len(runs) > _MAX_LISTED or "/" in listed:
        return f"{len(runs)} runs" if len(runs) > 1 else "1 run"
    return f"{'runs' if len(runs) > 1 else 'run'} {listed}"
