"""``preceptor import inspect``: answers from an Inspect log, with rubric verdicts if it has any.

Three kinds of sample are read: ours (:mod:`preceptor.bridges.inspect_layout`), those of
inspect-evals' HealthBench task, and any other whose id is that of a benchmark's example.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor import benchmarks
from preceptor.benchmarks import Benchmark
from preceptor.benchmarks.base import Fields
from preceptor.benchmarks.manifest import manifest_of
from preceptor.bridges.imported import (
    GRADED_ELSEWHERE,
    Answer,
    ImportedRun,
    Incoming,
    imported_response,
    imported_verdict,
)
from preceptor.bridges.inspect_archive import check_archive
from preceptor.bridges.inspect_samples import (
    agent_turns,
    dollars,
    example_in,
    failure_in,
    id_of,
    sent_in,
    told_in,
    verdict_rows,
)
from preceptor.bridges.tool_runs import Asked, Start
from preceptor.errors import DataError, InputError, PreceptorError, shorten
from preceptor.records import Example, Response, RunSettings, Verdict
from preceptor.scoring.places import (
    agrees,
    in_terms_of,
    question_of,
    same_options,
    stated_in,
    terms_in_words,
)
from preceptor.store.rows import storable
from preceptor.systems.content import NO_ANSWER, Content, Tally, read_content
from preceptor.systems.inspect_ai.words import MAX_TEXT, completion_of, need_inspect, usage_of

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample
    from inspect_ai.scorer import Score as InspectScore

__all__ = ["is_mine", "read", "read_inspect"]

#: Number of samples read together.
_BATCH_SIZE = 64
#: Fields of a sample that are not read.
_UNREAD = {"store", "events", "events_data", "timelines", "attachments"}
#: Explanations that inspect-evals writes if its grader failed, which it counts as "not met".
_PARSE_FAILED = "Failed to parse judge response"
_NO_EXPLANATION = "No explanation provided"


def read_inspect(path: Path, benchmark: str | None = None, data: Path | None = None) -> ImportedRun:
    """Read the run in a log (``.eval``) of Inspect AI.

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
    need_inspect("preceptor import inspect")
    check_archive(path)
    header = _read(path)
    answered = benchmarks.get(benchmark or _benchmark_of(header, path))
    reader = _Reader(path, answered, data)
    answers = [reader.answer(sample) for sample in _samples(path, header)]
    if not answers:
        raise InputError(f"{path}: expected answers, found a log without samples")
    stated = _own_metadata(header).get("departures")
    departures = [
        str(one) for one in [*(stated if isinstance(stated, list) else ()), *reader.departures]
    ]
    settings = RunSettings(inspect_task=header.eval.task, inspect_status=header.status)
    if departures:
        settings.departures = list(dict.fromkeys(departures))
    notes = terms_in_words(reader.moved, None, reader.alike, reader.foreign)
    if notes := [*notes, *reader.tally.in_words("samples", "sample")]:
        settings.notes = [GRADED_ELSEWHERE, *notes]
    return ImportedRun(
        name=path.name.removesuffix(".eval"),
        benchmark=answered.name,
        manifest=manifest_of(answered),
        system=header.eval.model,
        grader=reader.grader or _grader_of(header),
        answers=answers,
        settings=settings,
    )


def is_mine(start: Start) -> bool:
    """Whether a file is a log of Inspect AI: its archive, or its JSON."""
    if "header.json" in start.members or "_journal/start.json" in start.members:
        return True
    return {"version", "status", "eval"} <= start.object.keys()


def read(files: Sequence[Path], asked: Asked) -> Iterator[Incoming]:
    for file in files:
        yield Incoming.of(read_inspect(file, asked.benchmark, asked.data), file)


def _read(path: Path) -> EvalLog:
    from inspect_ai.log import read_eval_log

    try:
        return read_eval_log(path, header_only=True, format="eval")
    except Exception as error:  # a damaged log makes its reader raise anything
        words = shorten(str(error).partition("\n")[0], 200)
        problem = "expected an Inspect log (.eval), but reading it failed"
        raise InputError(f"{path}: {problem}: {type(error).__name__}: {words}") from None


def _samples(path: Path, header: EvalLog) -> Iterator[EvalSample]:
    """Yield samples by example, in the dataset's order, then by repeat; logs have neither order."""
    from inspect_ai.log import read_eval_log_sample_summaries, read_eval_log_samples_by_id

    try:
        summaries = read_eval_log_sample_summaries(path, format="eval")
        asked = list(dict.fromkeys(header.eval.dataset.sample_ids or ()))
        first: dict[str | int, int] = {name: place for place, name in enumerate(asked)}
        for summary in summaries:
            first.setdefault(summary.id, len(first))
        places = [(one.id, one.epoch) for one in summaries]
        places.sort(key=lambda place: (first[place[0]], place[1]))
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


def _own_metadata(header: EvalLog) -> Mapping[str, Any]:
    found = (header.eval.metadata or {}).get("preceptor")
    return found if isinstance(found, dict) else {}


def _benchmark_of(header: EvalLog, path: Path) -> str:
    known = {one.name for one in benchmarks.all_benchmarks()}
    subset = header.eval.task_args.get("subset")
    task = header.eval.task.rpartition("/")[2].replace("_", "-")
    candidates = [_own_metadata(header).get("benchmark"), task]
    if task == "healthbench" and isinstance(subset, str) and subset != "full":
        candidates[1] = f"{task}-{subset.replace('_', '-')}"
    for name in candidates:
        if name in known:
            return str(name)
    raise InputError(
        f"{path}: the task {shorten(header.eval.task)} is not one of our benchmarks; "
        f"name one with --benchmark"
    )


def _grader_of(header: EvalLog) -> str:
    """The grader's name, if the log has it in a usual place."""
    judge = header.eval.task_args.get("judge_model")
    if isinstance(judge, str):
        return judge
    role = (header.eval.model_roles or {}).get("grader")
    model = getattr(role, "model", None)
    return model if isinstance(model, str) else "not stated"


class _Reader:
    """Reader of samples; examples missing in the log come from the benchmark's data."""

    def __init__(self, path: Path, benchmark: Benchmark, data: Path | None) -> None:
        self.path, self.benchmark, self.data = path, benchmark, data
        self.grader: str | None = None
        self.departures: list[Any] = []
        self.alike: list[bool | None] = []
        self.tally = Tally()
        self.moved = self.foreign = 0
        self._known: dict[str, Example] | None = None
        self._seen: dict[str, Example] = {}
        self._count = 0

    def answer(self, sample: EvalSample) -> Answer:
        self._count += 1
        fields = Fields(sample.metadata, str(self.path), self._count, "metadata.")
        example_id = id_of(sample)
        example = None if self.data is not None else example_in(fields, sample, example_id)
        if example is None:
            example = self._example(example_id)
        if self._seen.setdefault(example.id, example) != example:
            problem = f"{shorten(example.id)} has other content than before"
            raise DataError(str(self.path), self._count, "id", problem)
        score, rows = verdict_rows(sample)
        response = self._response(sample, example, score)
        return Answer(example, response, self._verdicts(example, response, score, rows))

    def _example(self, example_id: str) -> Example:
        if self._known is None:
            examples = self.benchmark.load(self.data).examples
            self._known = {example.id: example for example in examples}
        if example_id not in self._known:
            where = self.data or self.benchmark.path()
            problem = f"{shorten(example_id)} is not among the {len(self._known):,} of {where}"
            raise DataError(str(self.path), self._count, "id", problem)
        return self._known[example_id]

    def _response(
        self, sample: EvalSample, example: Example, score: InspectScore | None
    ) -> Response:
        run = self.path.name
        failure = failure_in(sample, score)
        if failure is not None:
            self.tally.add(self._count, Content(None, failure[0]))
            response = imported_response(run, example, sample.epoch, None, failure[0])
            return msgspec.structs.replace(response, detail=failure[1])
        said = completion_of(sample.output, str(self.path))
        calls = sample.output.message.tool_calls
        content = read_content({"role": "assistant", "content": said.whole, "tool_calls": calls})
        if said.reasoning_length is not None:
            left_out = (*content.left_out, "reasoning")
            content = msgspec.structs.replace(content, left_out=left_out)
        self.tally.add(self._count, content)
        if content.text is None:
            response = imported_response(run, example, sample.epoch, None, NO_ANSWER)
            return msgspec.structs.replace(response, detail=content.reason)
        text = self._in_terms_of(example, sample, storable(content.text))
        response = imported_response(run, example, sample.epoch, text)
        usage = usage_of(sample.output.usage)
        return msgspec.structs.replace(
            response,
            finish_reason=said.finish_reason,
            sent=sent_in(sample, example),
            usage=usage,
            cost_usd=dollars(sample),
            latency_s=max(sample.output.time or 0.0, 0.0),
            reasoning_length=said.reasoning_length,
            turns=agent_turns(sample),
            **told_in(sample, score),
        )

    def _in_terms_of(self, example: Example, sample: EvalSample, text: str) -> str:
        """Map an answer to the benchmark's letters: a log may have shuffled the options."""
        question = question_of(example.target)
        if question is None:
            return text
        stated = stated_in({"choices": sample.choices, "target": sample.target}, text)
        found = in_terms_of(text, stated, question, None)
        self.moved += found != text
        self.foreign += same_options(stated, question) is False
        self.alike.append(agrees(stated, question, None))
        return found

    def _verdicts(
        self,
        example: Example,
        response: Response,
        score: InspectScore | None,
        rows: Sequence[Mapping[str, Any]],
    ) -> tuple[Verdict, ...]:
        if response.failure is not None or not rows:
            return ()
        texts = [row.get("criterion") for row in rows]
        if texts != [one.text for one in example.criteria]:
            expected = f"verdicts on the {len(example.criteria)} criteria of {shorten(example.id)}"
            problem = f"expected {expected}, found others"
            raise DataError(str(self.path), self._count, "scores", problem)
        beside = (score.metadata or {}) if score is not None else {}
        if isinstance(beside.get("grader"), str):
            self.grader = self.grader or beside["grader"]
        if isinstance(beside.get("departures"), list):
            self.departures = self.departures or beside["departures"]
        return tuple(self._verdict(response, place, row) for place, row in enumerate(rows))

    def _verdict(self, response: Response, place: int, row: Mapping[str, Any]) -> Verdict:
        met, said = row.get("met"), row.get("explanation") or ""
        said = said if isinstance(said, str) else msgspec.json.encode(said).decode()
        if len(said) > MAX_TEXT:
            problem = f"expected at most {MAX_TEXT:,} characters, found {len(said):,}"
            raise DataError(str(self.path), self._count, f"verdicts[{place}].explanation", problem)
        said, reason = storable(said), row.get("reason")
        if not isinstance(met, bool):
            met, reason = None, reason if isinstance(reason, str) else "unparseable"
        elif met is False and said.startswith((_PARSE_FAILED, _NO_EXPLANATION)):
            # inspect-evals counts a failure of its grader as "not met".
            met, reason = None, "grader_failed"
        label = self._label(place, row.get("label"))
        verdict = imported_verdict(response, place, met, said, reason, label=label)
        chance = row.get("probability")
        if isinstance(chance, float) and 0 <= chance <= 1:
            verdict = msgspec.structs.replace(verdict, probability=chance)
        return verdict

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
