"""The rows of a table as a benchmark: each is asked of a system, which predicts its outcome."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor.baselines.cohort import Cohort
from preceptor.baselines.dictionary import STAY_COLUMNS, Column
from preceptor.baselines.prompts import NO, VERSION, YES, question_of, record, shown
from preceptor.benchmarks.base import Benchmark
from preceptor.benchmarks.manifest import Manifest, Own
from preceptor.errors import InputError, did_you_mean, shorten
from preceptor.protocols.predictor import PREDICTOR_LABELS
from preceptor.records import Example, Message
from preceptor.records.results import PREDICTOR
from preceptor.scoring.predicted.labels import group_name, labels_of, slices_of
from preceptor.scoring.predicted.table import Block

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Places = NDArray[np.intp]

__all__ = ["AskedRows", "asked_benchmark"]

#: Tasks of YAIB whose outcome is known → the question.
_QUESTIONS = {"mortality24": "Does this patient die in the intensive care unit?"}
_KINDS = ("binary", "multiclass", "multilabel")


class AskedRows(msgspec.Struct, frozen=True, kw_only=True):
    """What of a table is asked, and how.

    Attributes
    ----------
    question
        In the user's words; ``{outcome}`` stands for the outcome. None for ours.
    columns
        Those of the record, in this order; empty for all that the baselines have.
    texts
        Columns of free text that the record has beside them.
    words
        Column → what it is called, and its unit.
    limit
        How many rows; they are drawn at random, always the same. None for all.
    outcome
        Column of the outcome; empty where the data has none to name.
    """

    question: str | None = None
    columns: Sequence[str] = ()
    texts: Sequence[str] = ()
    words: Mapping[str, Column] = {}
    limit: int | None = None
    outcome: str = ""


def asked_benchmark(cohort: Cohort, path: Path, asked: AskedRows) -> Benchmark:
    """The benchmark of a table's rows, of the name that its baselines have.

    Raises
    ------
    InputError
        The outcome is no class, or a column is not there.
    """
    if cohort.kind not in _KINDS:
        raise InputError(
            f"{path}: a {cohort.kind} outcome: expected yes or no, classes or labels, which a "
            f"system can name in one word"
        )
    asked = _complete(cohort, path, asked)
    rows = _sampled(len(cohort.id), asked.limit)
    groups = [group_name(column) for column in cohort.groups]
    made = Manifest(
        name=cohort.name,
        title=cohort.name,
        summary=f"a system's predictions of a {cohort.kind} outcome",
        labels=PREDICTOR_LABELS | labels_of(cohort.kind, groups),
        slices=slices_of(groups),
        examples=len(rows),
        protocol=Own(protocol=PREDICTOR),
    ).benchmark(path)
    read = functools.partial(_examples, cohort, rows, asked)
    return msgspec.structs.replace(
        made, read=lambda _: read(), remarks=tuple(_remarks(cohort, rows, asked))
    )


def _complete(cohort: Cohort, path: Path, asked: AskedRows) -> AskedRows:
    """The same with its columns, checked, and words and question where the data is known."""
    for name in asked.texts:
        if name not in cohort.texts:
            listed = ", ".join(cohort.texts) or "none"
            raise InputError(f"--text {shorten(name)}: {path} has the columns of texts {listed}")
    there = shown(cohort, asked.texts)
    for name in asked.columns:
        if name not in there:
            listed = ", ".join(there[:20])
            hint = did_you_mean(name, there)
            raise InputError(f"--columns {shorten(name)}: {hint}{path} has {listed}")
    question = asked.question
    if cohort.series:
        task = path.resolve().parent.name
        question = question or _QUESTIONS.get(task)
        if question is None:
            raise InputError(f"{path}: what is asked of a stay? Say it with --question TEXT")
    words = {**(STAY_COLUMNS if cohort.series else {}), **asked.words}
    columns = asked.columns or there
    return msgspec.structs.replace(asked, columns=columns, words=words, question=question)


def _sampled(count: int, limit: int | None) -> list[int]:
    """A fixed random choice of rows, as that of ``run --limit``."""
    if limit is None or limit >= count:
        return list(range(count))
    if limit < 1:
        raise InputError(f"--limit: expected a whole number from 1, found {limit}")
    return random.Random(0).sample(range(count), limit)  # noqa: S311


def _remarks(cohort: Cohort, rows: Sequence[int], asked: AskedRows) -> Iterator[str]:
    _, answers = next(_questions(cohort, asked))[1:]
    yield (
        f"Predicted by the probability of the first token of the answer, among "
        f"{', '.join(answers)}: prompt {VERSION} of `preceptor predict`."
    )
    for _, question, _ in _questions(cohort, asked):
        yield f"Asked: {question.splitlines()[0]}"
    yield from (f"{remark[:1].upper()}{remark[1:]}." for remark in cohort.remarks)
    if unseen := [name for name in cohort.dropped if name not in asked.columns]:
        named = ", ".join(shorten(name, 40).strip("'") for name in unseen[:10])
        yield f"Columns of texts that no record has (--text): {named}."
    if len(rows) < len(cohort.id):
        yield f"Asked of {len(rows):,} of {len(cohort.id):,} rows: a fixed random sample."


def _questions(
    cohort: Cohort, asked: AskedRows
) -> Iterator[tuple[str, str, dict[str, str | None]]]:
    """Label (empty where there is one outcome), question, and words → column of the prediction."""
    if cohort.kind == "multilabel":
        for label in cohort.classes:
            named = asked.words.get(label, Column(label)).name
            question, _ = question_of(cohort, asked.question, named)
            yield label, question, {YES: f"p:{label}", NO: None}
        return
    named = asked.words.get(asked.outcome, Column(asked.outcome)).name
    question, words = question_of(cohort, asked.question, named)
    if cohort.kind == "binary":
        yield "", question, {YES: "y_score", NO: None}
    else:
        columns = [f"p:{name}" for name in cohort.classes]
        yield "", question, dict(zip(words, columns, strict=True))


def _examples(cohort: Cohort, rows: Sequence[int], asked: AskedRows) -> Iterable[Example]:
    questions = list(_questions(cohort, asked))
    for row in rows:
        said = record(cohort, row, asked.columns, asked.words)
        target = msgspec.to_builtins(_block(cohort, row)) | {"cluster": cohort.unit[row]}
        at = "" if cohort.hour is None else f"@{cohort.hour[row]:g}"
        name = f"{cohort.id[row]}{at}"
        for label, question, answers in questions:
            # The question last: all labels of a row share what stands before it.
            yield Example(
                id=f"{name}/{label}" if label else name,
                messages=(Message("user", f"{said}\n\n{question}"),),
                criteria=(),
                target=target | {"answers": answers},
                of=name if label else msgspec.UNSET,
            )


def _block(cohort: Cohort, row: int) -> Block:
    """A row as an imported file of predictions has it."""
    classes = cohort.classes if cohort.kind == "multiclass" else ()
    outcome: dict[str, list[Any]] = {
        name: [classes[int(values[row])] if classes else float(values[row])]
        for name, values in cohort.y.items()
    }
    return Block(
        cohort.kind,
        [cohort.id[row]],
        [cohort.unit[row]],
        outcome,
        at=[] if cohort.hour is None else [f"{cohort.hour[row]:g}"],
        groups={group_name(name): [values[row] or None] for name, values in cohort.groups.items()},
        labels=cohort.classes,
    )
