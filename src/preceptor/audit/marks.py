"""What people mark of stored answers: met, not met or cannot tell.

The marks of one person on the answers of one run are a run of their own, whose grader is the
person: whatever takes runs of labels takes them too. They belong to answers, by the answers' keys,
so that they outlive the run that they were drawn from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from preceptor.errors import InputError, shorten
from preceptor.records import (
    NO_GRADER,
    Example,
    Graded,
    Marks,
    Response,
    RunInfo,
    RunSettings,
    Verdict,
    content_key,
)
from preceptor.store import Store
from preceptor.store import schema as t
from preceptor.version import VERSION

__all__ = [
    "CANNOT_TELL",
    "Item",
    "Mark",
    "Saved",
    "criteria_of",
    "draw_answers",
    "draw_verdicts",
    "find_items",
    "marks_on",
    "save_marks",
]

#: Reason of a verdict of somebody who could not tell.
CANNOT_TELL = "cannot_tell"
_CHUNK = 500


class Mark(msgspec.Struct, frozen=True):
    """``met`` is None for *cannot tell*."""

    met: bool | None
    comment: str = ""


class Item(msgspec.Struct, frozen=True):
    """One criterion of one answer.

    Attributes
    ----------
    index
        Of the criterion, in the example.
    met
        What the run's grader says; None where it says nothing. It is never shown to who marks.
    probability
        How likely it is met, by the grader, where the grader says so.
    """

    run: RunInfo
    example: Example
    response: Response
    index: int
    met: bool | None
    probability: float | None = None

    @property
    def criterion(self) -> str:
        return self.example.criteria[self.index].text

    @property
    def id(self) -> str:
        """Key of the answer and hash of the criterion: the same in every run that has both."""
        return item_id(self.response, self.criterion)


class Saved(msgspec.Struct, frozen=True):
    """The run of a person's marks, and how many were new, took the place of others, or were so."""

    run: str
    new: int
    changed: int
    same: int


def item_id(response: Response, criterion: str) -> str:
    return f"{response.key}.{content_key(criterion)[:8]}"


# What there is to mark


def criteria_of(store: Store, run: RunInfo) -> list[Item]:
    """Every criterion of every answer of a run, each once.

    Raises InputError where a run has nothing that is met or not met.
    """
    if run.grader == NO_GRADER:
        raise InputError(f"run {shorten(run.name)}: nothing in it was judged by a grader")
    if run.settings.marks is not None:
        raise InputError(
            f"run {shorten(run.name)}: has a person's marks: expected the run that a grader judged"
        )
    graded = store.graded(run)
    if any(v is not None and v.label is not None for item in graded for v in item.verdicts):
        raise InputError(
            f"run {shorten(run.name)}: its grader gives labels of {run.benchmark}: expected "
            "verdicts of met and not met"
        )
    found = {item.id: item for item in _items(run, graded)}
    if not found:
        raise InputError(f"run {shorten(run.name)}: has no answer with a criterion to mark")
    return list(found.values())


def _items(run: RunInfo, graded: Iterable[Graded]) -> Iterator[Item]:
    for each in graded:
        if each.response is None or each.response.failure is not None:
            continue
        for index, verdict in enumerate(each.verdicts):
            said = (None, None) if verdict is None else (verdict.met, verdict.probability)
            yield Item(run, each.example, each.response, index, *said)


def draw_answers(items: Sequence[Item], limit: int | None, seed: int) -> list[Item]:
    """The criteria of ``limit`` answers drawn at random, in random order; None takes all answers.

    The criteria of one answer stay together, in the rubric's order.
    """
    answers: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        answers.setdefault((item.response.key, item.example.key), []).append(item)
    order = sorted(answers, key=lambda answer: content_key(seed, answer))
    return [item for answer in order[:limit] for item in answers[answer]]


def draw_verdicts(items: Sequence[Item], limit: int, seed: int) -> list[Item]:
    """Verdicts drawn at random: half met and half not, or all of a kind that has fewer.

    Within each half every verdict is as likely. A larger ``limit`` draws these and more. The order
    is random, so that it does not tell which half is which; the first few are a sample too.
    """
    order = sorted(items, key=lambda item: content_key(seed, item.id))
    met = [item for item in order if item.met]
    unmet = [item for item in order if item.met is False]
    first = min(len(met), max((limit + 1) // 2, limit - len(unmet)))
    chosen = [*met[:first], *unmet[: limit - first]]
    return sorted(chosen, key=lambda item: content_key("order", seed, item.id))


def find_items(store: Store, ids: Iterable[str]) -> dict[str, Item]:
    """The criteria of these ids, in the first run that has each; not those that no run has."""
    wanted = set(ids)
    keys = sorted({each.rpartition(".")[0] for each in wanted})
    known = {run.id: run for run in store.runs() if run.settings.marks is None}
    places: dict[int, set[int]] = {}
    with store.reading() as connection:
        for start in range(0, len(keys), _CHUNK):
            query = sa.select(t.run_responses.c.run_id, t.run_responses.c.position)
            query = query.join_from(t.run_responses, t.responses)
            query = query.where(t.responses.c.key.in_(keys[start : start + _CHUNK]))
            for run_id, position in connection.execute(query):
                places.setdefault(run_id, set()).add(position)
    found: dict[str, Item] = {}
    for run_id in sorted(places.keys() & known.keys()):
        graded = store.graded(known[run_id], sorted(places[run_id]))
        for item in _items(known[run_id], graded):
            if item.id in wanted:
                found.setdefault(item.id, item)
    return found


# What was marked


def marks_on(store: Store, info: RunInfo, keys: Iterable[str]) -> dict[str, dict[str, Mark]]:
    """Rater → id → mark, of all marks on answers with these keys that say something of a grader.

    Marks that were drawn by another grader's verdicts are left out.
    """
    runs = [
        run
        for run in store.runs(info.benchmark)
        if (about := run.settings.marks) is not None
        and run.system == info.system
        and not (about.drawn and about.grader != info.grader)
    ]
    found: dict[str, dict[str, Mark]] = {}
    wanted = set(keys) if runs else set()  # a run may have very many answers
    for run in runs:
        for key, mark in _marks(store.graded(run)):
            if key.rpartition(".")[0] in wanted:
                found.setdefault(run.grader, {})[key] = mark
    return found


def _marks(graded: Iterable[Graded]) -> Iterator[tuple[str, Mark]]:
    for item in graded:
        for criterion, verdict in zip(item.example.criteria, item.verdicts, strict=True):
            if item.response is not None and verdict is not None:
                mark = Mark(verdict.met, verdict.explanation)
                yield item_id(item.response, criterion.text), mark


def save_marks(
    store: Store, rater: str, marks: Mapping[str, Mark], items: Iterable[Item], *, drawn: bool
) -> list[Saved]:
    """Keep a person's marks; a new one takes the place of a former one on the same criterion.

    Parameters
    ----------
    marks
        By id. ``items`` are the criteria of these ids; those of one run become one run of marks.
    drawn
        Whether they are of `draw_verdicts`.

    Raises
    ------
    InputError
        The rater is called as a system or grader of these runs, or as nobody.
    """
    by_run: dict[int, list[Item]] = {}
    for item in items:
        if item.id in marks:
            by_run.setdefault(item.run.id, []).append(item)
    return [_save(store, rater, marks, each, drawn) for each in by_run.values()]


def _save(
    store: Store, rater: str, marks: Mapping[str, Mark], items: Sequence[Item], drawn: bool
) -> Saved:
    run = items[0].run
    if not rater.strip() or rater in (run.system, run.grader, NO_GRADER):
        raise InputError(
            f"--rater {shorten(rater)}: expected the name of a person, not of a system or grader"
        )
    known = next((each for each in store.runs() if _is_of(each, rater, run)), None)
    name = f"marks-{_slug(rater)}-{run.scope}" if known is None else known.name
    before = store.graded(known) if known is not None else []
    former = dict(_marks(before))
    new = sum(item.id not in former for item in items)
    same = sum(former.get(item.id) == marks[item.id] for item in items)
    found = Saved(name, new, len(items) - new - same, same)
    if same == len(items):
        return found
    answers: dict[tuple[str, str], tuple[Example, Response]] = {}
    both: list[Graded | Item] = [*before, *items]
    for each in both:
        if each.response is not None:
            answers[each.response.key, each.example.key] = (each.example, each.response)
    about = known.settings.marks if known is not None else None
    settings = RunSettings(
        preceptor=VERSION,
        manifest=run.settings.manifest,
        notes=["Marked by a person, who did not see what the grader said."],
        marks=Marks(run.scope, run.grader, drawn or (about is not None and about.drawn)),
    )
    own = msgspec.structs.replace(run, name=name, grader=rater, settings=settings)
    said = former | {item.id: marks[item.id] for item in items}
    with store.transaction() as connection:
        if known is not None:
            store.delete_run(known, within=connection)
        _write(store, connection, own, list(answers.values()), said)
    return found


def _is_of(marked: RunInfo, rater: str, run: RunInfo) -> bool:
    about = marked.settings.marks
    return about is not None and marked.grader == rater and about.run == run.scope


def _slug(rater: str) -> str:
    return re.sub(r"[^\w.-]+", "-", rater.strip())


def _write(
    store: Store,
    connection: sa.Connection,
    run: RunInfo,
    answers: Sequence[tuple[Example, Response]],
    said: Mapping[str, Mark],
) -> None:
    """The run of all marks; its answers are those of the run that was marked."""
    examples = {example.key: example for example, _ in answers}
    positions = {key: position for position, key in enumerate(examples)}
    counts = dict.fromkeys(examples, 0)
    rows, verdicts = [], []
    for example, response in answers:
        position, repeat = positions[example.key], counts[example.key]
        counts[example.key] += 1
        rows.append((position, repeat, response, True))
        for index, criterion in enumerate(example.criteria):
            mark = said.get(item_id(response, criterion.text))
            if mark is not None:
                verdict = _verdict(run.grader, response, criterion.text, mark)
                verdicts.append((position, repeat, index, verdict, False))
    info = store.create_run(
        name=run.name,
        benchmark=run.benchmark,
        system=run.system,
        grader=run.grader,
        settings=run.settings,
        examples=[(example, counts[key]) for key, example in examples.items()],
        repeats=max(counts.values()),
        status="done",
        within=connection,
    )
    store.write_in(connection, info, rows, verdicts)


def _verdict(rater: str, response: Response, criterion: str, mark: Mark) -> Verdict:
    key = content_key("mark", rater, response.key, criterion, mark)
    reason = CANNOT_TELL if mark.met is None else None
    return Verdict(key, mark.met, explanation=mark.comment, reason=reason, attempts=0)
