"""Imported runs and their storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from preceptor.benchmarks.base import Fields
from preceptor.benchmarks.manifest import Manifest
from preceptor.errors import InputError, shorten
from preceptor.records import (
    Example,
    Response,
    RunInfo,
    RunSettings,
    Verdict,
    as_answer,
    content_key,
)
from preceptor.results.record import record_scores
from preceptor.store import Store
from preceptor.systems.content import NO_ANSWER, Content, Tally, read_content
from preceptor.version import VERSION

__all__ = [
    "GRADED_ELSEWHERE",
    "Answer",
    "ImportedRun",
    "answer_in",
    "existing_runs",
    "imported_response",
    "imported_verdict",
    "keep",
    "keep_all",
    "keep_one",
]


GRADED_ELSEWHERE = "Imported: asked and graded elsewhere."


class Answer(msgspec.Struct, frozen=True):
    """One answer with its imported verdicts."""

    example: Example
    response: Response
    verdicts: tuple[Verdict, ...]


class ImportedRun(msgspec.Struct, frozen=True):
    """One run of a file, complete and checked.

    Attributes
    ----------
    settings
        Known settings of the original run.
    manifest
        Of the benchmark, where this package does not bring it.
    """

    name: str
    benchmark: str
    system: str
    grader: str
    answers: list[Answer]
    settings: RunSettings
    manifest: Manifest | None = None


def answer_in(fields: Fields, field: str, tally: Tally) -> Content:
    """Read a graded answer: a text, in any form that programs write."""
    value = fields.need(field, "an answer")
    if isinstance(value, int | float) and value == value:  # noqa: PLR0124 (NaN is null)
        raise fields.fault(field, "a text or a list of messages", value)
    content = read_content(value)
    tally.add(fields.line, content)
    return content


def keep(store: Store, run: ImportedRun, source: Path) -> tuple[RunInfo, bool]:
    """Store one run atomically; return it, and whether it is new.

    A run that is already stored is left alone.

    Raises
    ------
    InputError
        A run of this name with other content exists.
    """
    return keep_all(store, [(run, source)])[0]


def keep_all(store: Store, runs: Sequence[tuple[ImportedRun, Path]]) -> list[tuple[RunInfo, bool]]:
    """Store several runs, each with its source file; all are checked before the first is written.

    Raises
    ------
    InputError
        A run of this name with other content exists.
    """
    if len({run.name for run, _ in runs}) < len(runs):
        raise InputError("two of the files have a run of the same name; import them one by one")
    digests = {run.name: _digest(run) for run, _ in runs}
    there = existing_runs(store, digests)
    return [
        keep_one(store, run, source, digests[run.name], there.get(run.name)) for run, source in runs
    ]


def existing_runs(store: Store, digests: Mapping[str, str]) -> dict[str, RunInfo]:
    """Find runs, given by name and hash of their content, that are already in the store.

    Raises
    ------
    InputError
        A run of the same name with other content exists.
    """
    there = {known.name: known for known in store.runs() if known.name in digests}
    for name, known in there.items():
        if known.settings.import_digest != digests[name]:
            raise InputError(
                f"run {shorten(name)}: exists already in {store.where} with other content; "
                f"import into another --store"
            )
    return there


def keep_one(
    store: Store, run: ImportedRun, source: Path, digest: str, known: RunInfo | None
) -> tuple[RunInfo, bool]:
    """Store one run unless it is already known; return it, and whether it is new."""
    if known is not None and known.status == "done":
        record_scores(store, known)
        return known, False
    if known is not None:
        store.delete_run(known)  # left incomplete by an earlier version
    info = _write(store, run, source, digest)
    record_scores(store, info)
    return info, True


def _digest(run: ImportedRun) -> str:
    answers = [(a.example.key, a.response.key, a.verdicts) for a in run.answers]
    return content_key(run.benchmark, run.system, run.grader, answers)


def _write(store: Store, run: ImportedRun, source: Path, digest: str) -> RunInfo:
    keys = [answer.example.key for answer in run.answers]
    examples = {key: answer.example for key, answer in zip(keys, run.answers, strict=True)}
    position = {key: place for place, key in enumerate(examples)}
    counts = dict.fromkeys(keys, 0)
    answers, verdicts = [], []
    for key, answer in zip(keys, run.answers, strict=True):
        place, repeat = position[key], counts[key]
        counts[key] += 1
        answers.append((place, repeat, answer.response, False))
        verdicts += [(place, repeat, i, v, False) for i, v in enumerate(answer.verdicts)]
    settings = msgspec.structs.replace(
        run.settings,
        preceptor=VERSION,
        imported_from=source.name,
        import_digest=digest,
        manifest=msgspec.to_builtins(run.manifest),
        notes=run.settings.notes or [GRADED_ELSEWHERE],
    )
    with store.transaction() as connection:
        info = store.create_run(
            name=run.name,
            benchmark=run.benchmark,
            system=run.system,
            grader=run.grader,
            settings=settings,
            examples=[(example, counts[key]) for key, example in examples.items()],
            repeats=max(counts.values()),
            status="done",
            within=connection,
        )
        store.write_in(connection, info, answers, verdicts)
    return info


def imported_response(
    run: str,
    example: Example,
    nth: int,
    text: str | None,
    failure: str | None = None,
    *,
    reason: str = "",
) -> Response:
    """Make the response record of an imported answer; a null text is a failed answer."""
    key = content_key("imported", run, example.key, nth, text)
    if text is None:
        why = f": {reason}" if reason else ""
        kind = failure or NO_ANSWER
        return Response(key, failure=kind, detail=f"the file has no answer here{why}")
    return as_answer(Response(key, text=text))


def imported_verdict(
    response: Response,
    index: int,
    met: bool | None,
    explanation: str,
    reason: str | None,
    *,
    label: str | None = None,
) -> Verdict:
    """Make the verdict record of an imported judgement: met or not, or a label."""
    if label is not None:
        key = content_key("imported", response.key, index, label, explanation)
        return Verdict(key, None, explanation=explanation, label=label)
    key = content_key("imported", response.key, index, met, explanation)
    if met is None:
        return Verdict(key, None, explanation=explanation, reason=reason or "not_given", attempts=0)
    return Verdict(key, met, explanation=explanation)
