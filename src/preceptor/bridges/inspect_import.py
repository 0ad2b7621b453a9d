"""``preceptor import inspect``: answers from an Inspect log, with rubric verdicts if it has any.

Three kinds of sample are read: ours (:mod:`preceptor.bridges.inspect_layout`), those of
inspect-evals' HealthBench task, and any other whose question is one of a benchmark's.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor import benchmarks
from preceptor.benchmarks import Benchmark
from preceptor.benchmarks.base import Fields
from preceptor.bridges.imported import ImportedRun
from preceptor.bridges.inspect_archive import MAX_PART_BYTES, check_archive
from preceptor.bridges.inspect_header import Header, Spent
from preceptor.bridges.inspect_layout import DETAILS
from preceptor.bridges.inspect_samples import (
    by_whom,
    edits_in,
    example_in,
    id_of,
    response_in,
    told_by,
    verdict_rows,
)
from preceptor.bridges.resolve import Resolver, none_known
from preceptor.bridges.tool_runs import Asked, Start, ToolAnswer, ToolRun
from preceptor.errors import DataError, InputError, PreceptorError, shorten
from preceptor.records import Verdict
from preceptor.scoring.places import options_in
from preceptor.store.rows import storable
from preceptor.systems.content import Tally
from preceptor.systems.inspect_ai.words import MAX_TEXT, need_inspect

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample

__all__ = ["is_mine", "read", "read_inspect"]

#: Number of samples read together.
_BATCH_SIZE = 64
#: Fields of a sample that are not read.
_UNREAD = {"store", "events", "events_data", "timelines", "attachments"}
#: Explanations that inspect-evals writes if its grader failed, which it counts as "not met".
_PARSE_FAILED = "Failed to parse judge response"
_NO_EXPLANATION = "No explanation provided"
_SUFFIXES = (".eval", ".json")


def is_mine(start: Start) -> bool:
    """Whether a file is a log of Inspect AI: its archive, or its JSON."""
    if start.path.suffix.lower() == ".eval" or "header.json" in start.members:
        return True
    return {"version", "status", "eval"} <= start.object.keys()


def read(files: Sequence[Path], asked: Asked) -> Iterator[ToolRun]:
    for file in files:
        yield _tool_run(file, asked)[0]


def read_inspect(path: Path, benchmark: str | None = None, data: Path | None = None) -> ImportedRun:
    """Read the run in a log (``.eval``, ``.json``) of Inspect AI.

    Parameters
    ----------
    benchmark
        Name of the benchmark; None takes it from the log.
    data
        The benchmark's examples; None takes them from the log, or from this machine if the log has
        no rubrics.

    Raises
    ------
    InputError, DataError
        The log is damaged or of another form; the message names the place.
    Unavailable
        inspect-ai is not installed, or the benchmark's data is not on this machine.
    """
    found, answered = _tool_run(path, Asked(benchmark=benchmark, data=data))
    resolver = Resolver(answered, data)
    if resolver.needs_data(found):
        resolver.count_options([found.answers], path)
    run = resolver.run(found)
    if not run.answers:
        raise none_known(path, len(found.answers), answered, data)
    return run


def _tool_run(path: Path, asked: Asked) -> tuple[ToolRun, Benchmark]:
    need_inspect("preceptor import inspect")
    archive = _is_archive(path)
    if archive:
        check_archive(path)
    log = _read(path, archive=archive)
    header = Header(log)
    answered = benchmarks.get(asked.benchmark or _benchmark_of(header, path))
    reader = _Reader(path, answered, header, asked.data)
    samples = _stored(path, log) if archive else _ordered(log, log.samples or [])
    answers = [reader.answer(sample) for sample in samples]
    if not answers:
        raise InputError(f"{path}: expected answers, found a log without samples")
    settings = header.settings([*reader.departures], reader.system_prompts)
    stem = path.name.removesuffix(path.suffix) if path.suffix in _SUFFIXES else path.name
    found = ToolRun(
        name=stem,
        tool=header.tool,
        path=path,
        system=log.eval.model,
        grader=reader.grader or header.grader,
        benchmark=answered.name,
        answers=answers,
        scores=header.scores,
        tally=reader.tally,
        row_words=("samples", "sample"),
        notes=[*settings.notes, *header.notes(len(answers)), *reader.notes()],
        settings=settings,
    )
    return found, answered


def _is_archive(path: Path) -> bool:
    """Whether it is read as an archive: by its first bytes, and by its name if it has none."""
    return path.suffix.lower() != ".json" or zipfile.is_zipfile(path)


def _read(path: Path, *, archive: bool) -> EvalLog:
    from inspect_ai.log import read_eval_log

    try:
        if not archive and path.stat().st_size > MAX_PART_BYTES:
            raise InputError(
                f"{path}: expected at most {MAX_PART_BYTES:,} bytes, found "
                f"{path.stat().st_size:,}: convert it with `inspect log convert --to eval`"
            )
        return read_eval_log(path, header_only=archive, format="eval" if archive else "json")
    except (PreceptorError, FileNotFoundError):
        raise
    except Exception as error:  # a damaged log makes its reader raise anything
        words = shorten(str(error).partition("\n")[0], 200)
        problem = "expected an Inspect log (.eval, .json), but reading it failed"
        raise InputError(f"{path}: {problem}: {type(error).__name__}: {words}") from None


def _stored(path: Path, log: EvalLog) -> Iterator[EvalSample]:
    """Yield an archive's samples in order, some at a time."""
    from inspect_ai.log import read_eval_log_sample_summaries, read_eval_log_samples_by_id

    try:
        summaries = read_eval_log_sample_summaries(path, format="eval")
        places = [(one.id, one.epoch) for one in _ordered(log, summaries)]
        for start in range(0, len(places), _BATCH_SIZE):
            some = places[start : start + _BATCH_SIZE]
            yield from read_eval_log_samples_by_id(
                path, some, format="eval", exclude_fields=_UNREAD
            )
    except PreceptorError:
        raise
    except Exception as error:  # as above
        words = shorten(str(error).partition("\n")[0], 200)
        raise InputError(f"{path}: its samples cannot be read: {words}") from None


def _ordered(log: EvalLog, samples: Sequence[Any]) -> list[Any]:
    """Samples by example, in the dataset's order, then by repeat; logs have neither order."""
    asked = list(dict.fromkeys(log.eval.dataset.sample_ids or ()))
    first: dict[str | int, int] = {name: place for place, name in enumerate(asked)}
    for one in samples:
        first.setdefault(one.id, len(first))
    return sorted(samples, key=lambda one: (first[one.id], one.epoch))


def _benchmark_of(header: Header, path: Path) -> str:
    known = {one.name for one in benchmarks.all_benchmarks()}
    spec = header.log.eval
    subset = spec.task_args.get("subset")
    task = spec.task.rpartition("/")[2].replace("_", "-")
    candidates = [header.own.get("benchmark"), task]
    if task == "healthbench" and isinstance(subset, str) and subset != "full":
        candidates[1] = f"{task}-{subset.replace('_', '-')}"
    for name in candidates:
        if name in known:
            return str(name)
    raise InputError(
        f"{path}: the task {shorten(spec.task)} is not one of our benchmarks; "
        f"name one with --benchmark"
    )


class _Reader:
    """Reader of samples."""

    def __init__(self, path: Path, benchmark: Benchmark, header: Header, data: Path | None) -> None:
        self.path, self.benchmark, self.header, self.data = path, benchmark, header, data
        self.grader: str | None = None
        self.departures: list[Any] = []
        self.tally = Tally()
        self.system_prompts: Counter[str] = Counter()
        self._limits: Counter[str] = Counter()
        self._invalid: Counter[str] = Counter()
        self._edits: list[str] = []
        self._count = 0

    def answer(self, sample: EvalSample) -> ToolAnswer:
        self._count += 1
        fields = Fields(sample.metadata, str(self.path), self._count, "metadata.")
        example_id = id_of(sample)
        example = None if self.data is not None else example_in(fields, sample, example_id)
        score, rows = verdict_rows(sample)
        spent = self.header.spent_on(sample)
        response, content = response_in(sample, score, spent.system, spent.cost_usd)
        self.tally.add(self._count, content)
        self._note(sample)
        asked = sample.input if isinstance(sample.input, str) else told_by("user", sample.input)
        failed = response.failure is not None
        verdicts = () if failed else tuple(self._verdicts(rows, spent))
        beside = (score.metadata or {}) if score is not None else {}
        if verdicts and isinstance(beside.get("grader"), str):
            self.grader = self.grader or beside["grader"]
        if verdicts and isinstance(beside.get("departures"), list):
            self.departures = self.departures or beside["departures"]
        target = sample.target
        right = target if isinstance(target, str) else msgspec.json.encode(target).decode()
        return ToolAnswer(
            id=example_id,
            response=response,
            line=self._count,
            verdicts=verdicts,
            criteria=tuple(str(row.get("criterion")) for row in rows) if verdicts else None,
            question=storable(asked) if example is None else "",
            options=options_in({"choices": sample.choices}) if sample.choices else None,
            right=right or None,
            example=example,
        )

    def notes(self) -> list[str]:
        """What people and limits did to the samples."""
        said = [
            f"Samples declared invalid {who}: {count:,}; they count as failed."
            for who, count in self._invalid.items()
        ]
        if self._edits:
            more = "" if len(self._edits) <= 5 else f"; and {len(self._edits) - 5:,} more"
            said.append(
                f"Scores of the log that people edited: {'; '.join(self._edits[:5])}{more}."
            )
        if self._limits:
            kinds = ", ".join(f"{kind} {count:,}" for kind, count in self._limits.items())
            said.append(f"Samples that a limit stopped: {kinds}.")
        return said

    def _note(self, sample: EvalSample) -> None:
        if sample.limit is not None:
            self._limits[sample.limit.type] += 1
        if (why := sample.invalidation) is not None:
            self._invalid[by_whom(why)] += 1
        self._edits += edits_in(sample)
        self.system_prompts[told_by("system", sample.messages)] += 1

    def _verdicts(self, rows: Sequence[Mapping[str, Any]], spent: Spent) -> Iterator[Verdict]:
        """The verdicts; what the grader used for all of them is counted with the first."""
        for place, row in enumerate(rows):
            verdict = self._verdict(place, row)
            if place == 0 and "usage" not in row:
                verdict = msgspec.structs.replace(
                    verdict, usage=spent.grader, cost_usd=spent.grader_cost_usd
                )
            yield verdict

    def _verdict(self, place: int, row: Mapping[str, Any]) -> Verdict:
        met, said = row.get("met"), row.get("explanation") or ""
        said = said if isinstance(said, str) else msgspec.json.encode(said).decode()
        if len(said) > MAX_TEXT:
            problem = f"expected at most {MAX_TEXT:,} characters, found {len(said):,}"
            raise DataError(str(self.path), self._count, f"verdicts[{place}].explanation", problem)
        said, reason = storable(said), row.get("reason")
        label = self._label(place, row.get("label"))
        if not isinstance(met, bool):
            met, reason = None, reason if isinstance(reason, str) else "unparseable"
        elif met is False and said.startswith((_PARSE_FAILED, _NO_EXPLANATION)):
            # inspect-evals counts a failure of its grader as "not met".
            met, reason = None, "grader_failed"
        missing = met is None and label is None
        reason = reason if missing else None
        verdict = Verdict("", met, explanation=said, reason=reason, label=label)
        return _with_details(verdict, row, missing=missing)

    def _label(self, place: int, said: object) -> str | None:
        """Read a label, if the benchmark's judge gives labels."""
        judge = self.benchmark.protocol.judging.judge
        if said is None or judge is None:
            return None
        try:
            return judge.known(str(said))
        except ValueError as error:
            field = f"verdicts[{place}].label"
            raise DataError(str(self.path), self._count, field, str(error)) from None


def _with_details(verdict: Verdict, row: Mapping[str, Any], *, missing: bool) -> Verdict:
    """The verdict with what else our export has of it; fields of another shape are left out."""
    chance = row.get("probability")
    if isinstance(chance, float) and 0 <= chance <= 1:
        verdict = msgspec.structs.replace(verdict, probability=chance)
    given = {name: row[name] for name in DETAILS if name in row}
    if missing and "attempts" not in given:
        given["attempts"] = 0
    known = msgspec.to_builtins(verdict)
    try:
        return msgspec.convert({**known, **given}, Verdict)
    except msgspec.ValidationError:
        return verdict
