"""Imported runs and their storage."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from preceptor.records.keys import Begun, encoded
from preceptor.results.record import record_scores
from preceptor.store import Store
from preceptor.systems.content import NO_ANSWER, Content, Tally, read_content
from preceptor.version import VERSION

__all__ = [
    "ASKED_ELSEWHERE",
    "GRADED_ELSEWHERE",
    "Answer",
    "ImportedRun",
    "Incoming",
    "VerdictsOf",
    "answer_in",
    "digests_of",
    "existing_runs",
    "imported_response",
    "keep",
    "keep_all",
    "keep_one",
]


ASKED_ELSEWHERE = "Imported: asked elsewhere."
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
    remarks
        Lines that are printed at the import, and not kept.
    rows
        Rows of predictions that its answers hold; 0 where each answer is one.
    """

    name: str
    benchmark: str
    system: str
    grader: str
    answers: list[Answer]
    settings: RunSettings
    manifest: Manifest | None = None
    remarks: list[str] = []
    rows: int = 0


def answer_in(fields: Fields, field: str, tally: Tally) -> Content:
    """Read a graded answer: a text, in any form that programs write."""
    value = fields.need(field, "an answer")
    if isinstance(value, int | float) and value == value:  # noqa: PLR0124 (NaN is null)
        raise fields.fault(field, "a text or a list of messages", value)
    content = read_content(value)
    if content.unknown:
        raise fields.fault(field, "a text, a reply or a list of messages", value)
    tally.add(fields.line, content)
    return content


def keep(
    store: Store, run: ImportedRun, source: Path, *, replace: bool = False
) -> tuple[RunInfo, bool]:
    """Store one run atomically; return it, and whether it is new.

    A run that is already stored is left alone.

    Raises
    ------
    InputError
        A run of this name with other content exists; with ``replace``, one that was not imported.
    """
    return keep_all(store, [(run, source)], replace=replace)[0]


def keep_all(
    store: Store, runs: Sequence[tuple[ImportedRun, Path]], *, replace: bool = False
) -> list[tuple[RunInfo, bool]]:
    """Store several runs, each with its source file; all are checked before the first is written.

    Raises
    ------
    InputError
        As :func:`keep`, or two of the runs have one name.
    """
    incoming = [Incoming.of(run, source) for run, source in runs]
    there = existing_runs(store, digests_of(incoming), replace=replace)
    return [
        keep_one(store, run, source, each.digest, there.get(run.name))
        for (run, source), each in zip(runs, incoming, strict=True)
    ]


class Incoming(msgspec.Struct, frozen=True):
    """A run that a file holds: ``make`` gives it, so that one at a time is in memory."""

    name: str
    source: Path
    digest: str
    make: Callable[[], ImportedRun]

    @classmethod
    def of(cls, run: ImportedRun, source: Path) -> Incoming:
        return cls(run.name, source, _digest(run), lambda: run)


def digests_of(incoming: Sequence[Incoming]) -> dict[str, str]:
    """Hash of each run's content, by name. Raises InputError if two have one name."""
    digests = {each.name: each.digest for each in incoming}
    if len(digests) < len(incoming):
        raise InputError("two of the files have a run of the same name; import them one by one")
    return digests


def existing_runs(
    store: Store, digests: Mapping[str, str], *, replace: bool = False
) -> dict[str, RunInfo]:
    """Find runs, given by name and hash of their content, that are already in the store.

    Raises
    ------
    InputError
        A run of the same name with other content exists; with ``replace``, one that was not
        imported.
    """
    there = {known.name: known for known in store.runs() if known.name in digests}
    for name, known in there.items():
        if replace and known.settings.import_digest is None:
            raise InputError(
                f"run {shorten(name)}: was not imported, and is not replaced: choose another --name"
            )
        if not replace and known.settings.import_digest != digests[name]:
            raise InputError(
                f"run {shorten(name)}: exists already in {store.where} with other content; "
                f"import it under another --name, or --replace the old one"
            )
    return there


def keep_one(
    store: Store, run: ImportedRun, source: Path, digest: str, known: RunInfo | None
) -> tuple[RunInfo, bool]:
    """Store one run unless it is already known; return it, and whether it is new.

    A known run with other content, or one that an earlier version left incomplete, is replaced.
    """
    same = known is not None and known.settings.import_digest == digest
    if known is not None and same and known.status == "done":
        record_scores(store, known)
        return known, False
    info = _write(store, run, source, digest, known)
    record_scores(store, info)
    return info, True


def _digest(run: ImportedRun) -> str:
    keys = zip(_example_keys(run), run.answers, strict=True)
    answers = ((key, answer.response.key, answer.verdicts) for key, answer in keys)
    return Begun(run.benchmark, run.system, run.grader).key_of(answers)


def _example_keys(run: ImportedRun) -> Iterator[str]:
    """The key of each answer's example; of one that several answers share it is made once."""
    known: dict[int, str] = {}
    for answer in run.answers:
        if (key := known.get(id(answer.example))) is None:
            key = known[id(answer.example)] = answer.example.key
        yield key


def _write(
    store: Store, run: ImportedRun, source: Path, digest: str, instead_of: RunInfo | None
) -> RunInfo:
    keys = list(_example_keys(run))
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
        if instead_of is not None:
            store.delete_run(instead_of, within=connection)
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
    example_key: str,
    nth: int,
    text: str | None,
    failure: str | None = None,
    *,
    reason: str = "",
) -> Response:
    """Make the response record of an imported answer; a null text is a failed answer."""
    key = content_key("imported", run, example_key, nth, text)
    if text is None:
        why = f": {reason}" if reason else ""
        kind = failure or NO_ANSWER
        return Response(key, failure=kind, detail=f"the file has no answer here{why}")
    return as_answer(Response(key, text=text))


@functools.lru_cache(maxsize=4096)
def _head(index: int, said: bool | str | None) -> bytes:
    """What the keys of many verdicts have in common."""
    return encoded((index, said))


class VerdictsOf:
    """Makes the verdict records of an imported answer."""

    def __init__(self, response: Response) -> None:
        self._keys = Begun("imported", response.key)

    def __call__(
        self,
        index: int,
        met: bool | None,
        explanation: str,
        reason: str | None,
        *,
        label: str | None = None,
    ) -> Verdict:
        """The verdict on one criterion: met or not, or a label."""
        head = _head(index, met if label is None else label)
        key = self._keys.key_after(head, explanation)
        if label is not None:
            return Verdict(key, None, explanation, label=label)
        if met is None:
            return Verdict(key, None, explanation, reason or "not_given", attempts=0)
        return Verdict(key, met, explanation)
