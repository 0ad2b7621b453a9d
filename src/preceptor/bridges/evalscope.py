"""Reviews of evalscope 1.14: HealthBench with every verdict, and exams.

Its folder has ``reviews/MODEL/DATASET_SUBSET.jsonl`` (a line an answer, with the score and, in
HealthBench, the judge's attempts), the same names under ``predictions``, ``reports/MODEL/
DATASET.json`` and ``configs/task_config.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from preceptor.benchmarks.base import Fields
from preceptor.benchmarks.healthbench import parse
from preceptor.bridges.question_texts import options_in_text
from preceptor.bridges.resolve import NOT_ASKED
from preceptor.bridges.tool_runs import Asked, Start, ToolAnswer, ToolRun, Unread, finite
from preceptor.cells import at_path
from preceptor.errors import PreceptorError, shorten
from preceptor.files import decode_json, id_text, read_rows
from preceptor.records import NO_GRADER, Example, Response, RunSettings, ToolScore, Usage, Verdict
from preceptor.store.rows import storable
from preceptor.systems.content import NO_ANSWER, Tally, read_content

__all__ = ["is_mine", "read"]

#: evalscope's names of data sets → ours.
_OURS = {"med_mcqa": "medmcqa"}
_VERSIONS = {"Consensus": "-consensus", "Hard": "-hard"}
_HEALTHBENCH = "health_bench"
_IDS = ("prompt_id", "id", "question_id", "qid", "example_id")
_KNOWN = {"index", "target", "messages", "agent_trace", "sample_score"}
_TEXT = re.compile(r"^evalscope_version:\s*(\S+)", re.MULTILINE)
_VERSION = re.compile(r"^\s+version:\s*(\w+)", re.MULTILINE)
_MOST_TOKENS = 2**53


def is_mine(start: Start) -> bool:
    """Whether a file is a review, a prediction or a report of evalscope."""
    report = {"dataset_name", "model_name", "metrics"} <= start.object.keys()
    row = start.row.keys()
    return report or {"index", "messages", "sample_score"} <= row or _is_prediction(row)


def _is_prediction(names: Iterable[str]) -> bool:
    return {"index", "model_output", "messages"} <= set(names)


def read(files: Sequence[Path], asked: Asked) -> Iterator[ToolRun]:
    """Yield a run for each model and data set; the subsets' files are parts of it."""
    groups: dict[tuple[Path, str], list[Path]] = {}
    named = {file.resolve() for file in files}
    for file in files:
        folder = file.parent.parent
        if folder.name == "predictions":
            # The review has all of it, and is read instead where it is named too.
            if _sibling(file, "reviews").resolve() in named:
                continue
        elif file.suffix == ".json" and folder.name == "reports":
            continue
        groups.setdefault((file.parent, _dataset(file)), []).append(file)
    for (folder, dataset), parts in groups.items():
        yield _Reader(folder, dataset, parts, asked).run()


def _sibling(file: Path, kind: str) -> Path:
    return file.parent.parent.parent / kind / file.parent.name / file.name


def _dataset(file: Path) -> str:
    """The data set's name: that of a report, with which the file's begins."""
    reports = _sibling(file, "reports").parent
    names = [path.stem for path in reports.glob("*.json")] if reports.is_dir() else []
    names.append(_HEALTHBENCH)
    fitting = [name for name in names if file.stem == name or file.stem.startswith(f"{name}_")]
    return max(fitting, key=len, default=file.stem)


class _Reader:
    """Reader of the files of one model and data set."""

    def __init__(self, folder: Path, dataset: str, files: list[Path], asked: Asked) -> None:
        self.folder, self.dataset, self.files, self.asked = folder, dataset, files, asked
        self.unread, self.tally = Unread(), Tally()
        self.graders: dict[str, None] = {}
        self.models: dict[str, None] = {}
        self.filtered = 0
        self.unseen: list[Path] = []

    def run(self) -> ToolRun:
        answers = [each for file in self.files for each in self._answers(file)]
        root = self.folder.parent.parent
        report = _report(root / "reports" / self.folder.name / f"{self.dataset}.json")
        config = _text(root / "configs" / "task_config.yaml")
        version = _TEXT.search(config)
        notes = []
        if self.unseen:
            notes.append(
                f"No predictions beside {shorten(self.unseen[0].name)}: calls that failed cannot "
                f"be told from answers."
            )
        if self.filtered:
            notes.append(
                f"Answers that the provider's filter stopped: {self.filtered:,}; evalscope has its "
                f"error message as their text."
            )
        return ToolRun(
            name=f"{self.folder.name}-{self.dataset}",
            tool=f"evalscope {version[1]}" if version else "evalscope",
            path=self.files[0],
            system=str(report.get("model_name") or next(iter(self.models), self.folder.name)),
            grader=" + ".join(self.graders) or NO_GRADER,
            benchmark=self._benchmark(config),
            answers=answers,
            scores=_scores(report),
            tally=self.tally,
            notes=notes,
            settings=RunSettings(),
            unread=self.unread,
        )

    def _benchmark(self, config: str) -> str | None:
        if self.dataset != _HEALTHBENCH:
            name = _OURS.get(self.dataset, self.dataset)
            from preceptor import benchmarks

            return name if name in {one.name for one in benchmarks.all_benchmarks()} else None
        version = _VERSION.search(config.partition("extra_params:")[2])
        return "healthbench" + _VERSIONS.get(version[1] if version else "", "")

    def _answers(self, file: Path) -> Iterator[ToolAnswer]:
        outputs = _outputs(_sibling(file, "predictions"))
        self.unseen += [] if outputs or file.parent.parent.name == "predictions" else [file]
        for line, row in read_rows(file):
            if _is_prediction(row.keys()):
                output, beside, score = row["model_output"], row.get("metadata"), {}
            else:
                self.unread.fields(row.keys() - _KNOWN)
                output = outputs.get(row.get("index"))
                beside = at_path(row, "sample_score.sample_metadata")
                score = at_path(row, "sample_score.score")
            beside = beside if isinstance(beside, dict) else {}
            score = score if isinstance(score, dict) else {}
            fields = Fields(row, str(file), line)
            messages = fields.items("messages")
            id = next((found for name in _IDS if (found := id_text(beside.get(name)))), None)
            group = at_path(row, "sample_score.group_id")
            asked = [each.row for each in messages if each.row.get("role") == "user"]
            question = (read_content(asked[-1].get("content")).text or "") if asked else ""
            response = self._response(line, score, messages[-1].row, output)
            example = self._example(beside, file, line)
            target = row.get("target")
            right = target[0] if isinstance(target, list) and len(target) == 1 else target
            yield ToolAnswer(
                id=id or str(row.get("index") if group is None else group),
                response=response,
                line=line,
                verdicts=self._verdicts(score, example, response),
                question=question,
                options=options_in_text(question),
                right=right if isinstance(right, str) and example is None else None,
                about=(file.stem.removeprefix(self.dataset).strip("_"),),
                example=example,
            )

    def _example(self, beside: Mapping[str, Any], file: Path, line: int) -> Example | None:
        if "rubrics" not in beside or "prompt" not in beside:
            return None
        return parse(Fields(beside, str(file), line, "sample_score.sample_metadata."))

    def _response(
        self, line: int, score: Mapping[str, Any], last: Mapping[str, Any], output: object
    ) -> Response:
        """The answer; an error message in its place is none."""
        said = score.get("prediction") if last.get("role") != "assistant" else last.get("content")
        content = read_content(
            {**last, "content": said} if last.get("role") == "assistant" else said
        )
        self.tally.add(line, content)
        model = last.get("model")
        if isinstance(model, str):
            self.models[model] = None
        perf = last.get("perf_metrics")
        seconds = finite(perf.get("latency")) if isinstance(perf, dict) else None
        end = at_path(output, "choices.0.stop_reason") if output else None
        error = at_path(output, "error") if output else None
        response = Response(
            "",
            text=storable(content.text or ""),
            finish_reason={"max_tokens": "length"}.get(str(end), str(end or "stop")),
            usage=_usage(at_path(output, "usage") if output else perf),
            latency_s=max(seconds or 0.0, 0.0),
            served_model=model if isinstance(model, str) else None,
        )
        if error or content.text is None:
            why = shorten(error, 200) if error else content.reason
            return msgspec.structs.replace(response, text="", failure=NO_ANSWER, detail=why)
        if end == "content_filter" and not response.usage.total:
            self.filtered += 1
            return Response("", finish_reason="content_filter", served_model=response.served_model)
        return response

    def _verdicts(
        self, score: Mapping[str, Any], example: Example | None, response: Response
    ) -> tuple[Verdict, ...]:
        """The verdicts in the rubric's order; what the judge was never asked is ungraded."""
        attempts = at_path(score, "metadata.judge_attempts")
        if not isinstance(attempts, list) or example is None or not response.text:
            return ()
        cases: dict[str, list[Mapping[str, Any]]] = {}
        for attempt in attempts:
            if isinstance(attempt, dict):
                cases.setdefault(str(attempt.get("case_id")), []).append(attempt)
                self.graders[str(attempt.get("judge_id") or "not stated")] = None
        names = [f"rubric_{number}" for number in range(len(example.criteria))]
        if odd := cases.keys() - set(names):
            self.unread.fields(f"judge_attempts of {name}" for name in sorted(odd))
        return tuple(_verdict(cases[name]) if name in cases else NOT_ASKED for name in names)


def _verdict(attempts: Sequence[Mapping[str, Any]]) -> Verdict:
    """What a criterion's judges said by majority; the last attempt of each counts."""
    last: dict[tuple[str, str], Mapping[str, Any]] = {}
    for each in attempts:
        last[str(each.get("judge_id")), str(each.get("repeat_id"))] = each
    said = [(at_path(each, "parsed_value.criteria_met"), each) for each in last.values()]
    given = [(met, each) for met, each in said if isinstance(met, bool) and _succeeded(each)]
    usage = sum((_usage(at_path(each, "model_output.usage")) for each in attempts), Usage())
    seconds = sum(max(finite(each.get("latency")) or 0.0, 0.0) for each in attempts)
    met_by = sum(met for met, _ in given)
    met = None if 2 * met_by == len(given) else 2 * met_by > len(given)
    shown = next((each for one, each in given if one is met), attempts[-1])
    explanation = at_path(shown, "parsed_value.explanation")
    served = at_path(shown, "model_output.model")
    reason, detail = None, ""
    if met is None:
        status = str(attempts[-1].get("status"))
        reason = "tie" if given else "unparseable" if status == "parse_error" else "grader_failed"
        detail = "" if given else shorten(str(attempts[-1].get("error") or status), 200)
    return Verdict(
        "",
        met,
        explanation=storable(explanation) if isinstance(explanation, str) else "",
        reason=reason,
        detail=detail,
        probability=met_by / len(given) if len(given) > 1 else None,
        usage=usage,
        latency_s=seconds,
        attempts=len(attempts),
        served_model=served if isinstance(served, str) else None,
    )


def _succeeded(attempt: Mapping[str, Any]) -> bool:
    return attempt.get("status") in ("success", "fallback", None)


def _usage(counts: object) -> Usage:
    if not isinstance(counts, dict):
        return Usage()
    read, written = (counts.get(f"input_tokens_cache_{kind}") for kind in ("read", "write"))
    wanted = (counts.get("input_tokens"), counts.get("output_tokens"), read)
    plain = [_count(each) for each in (*wanted, counts.get("reasoning_tokens"))]
    plain[0] += _count(written) + plain[2]
    return Usage(*plain)


def _count(value: object) -> int:
    return int(min(max(finite(value) or 0, 0), _MOST_TOKENS))


def _outputs(file: Path) -> dict[Any, Any]:
    """What the model returned, by index; empty where the file is missing or cannot be read."""
    try:
        return {row.get("index"): row.get("model_output") for _, row in read_rows(file)}
    except PreceptorError:
        return {}


def _report(file: Path) -> dict[str, Any]:
    try:
        content = decode_json(file) if file.is_file() else {}
    except PreceptorError:
        content = {}
    return content if isinstance(content, dict) else {}


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace") if file.is_file() else ""
    except OSError:
        return ""


def _scores(report: Mapping[str, Any]) -> list[ToolScore]:
    metrics = report.get("metrics")
    found = []
    for metric in metrics if isinstance(metrics, list) else ():
        name, value = at_path(metric, "identity.name"), finite(at_path(metric, "score"))
        n = at_path(metric, "num")
        if isinstance(name, str) and value is not None:
            found.append(ToolScore(name, value, n if isinstance(n, int) else None))
    return found
