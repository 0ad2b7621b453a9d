"""Samples of EleutherAI's lm-evaluation-harness (0.4): ``samples_TASK_DATE.jsonl``.

A line is a document with what the model said, once for each filter: the same answers, read in
different ways. Numbers are texts. The model is named in ``results_DATE.json`` beside it.
"""

from __future__ import annotations

import json
import math
import re
import string
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from preceptor.bridges.tool_runs import Asked, Start, ToolAnswer, ToolRun, Unread, finite
from preceptor.cells import decoded
from preceptor.errors import InputError, PreceptorError, shorten
from preceptor.files import decode_json, id_text, read_rows
from preceptor.records import Response, ToolScore
from preceptor.scoring.places import options_in
from preceptor.systems.content import NO_ANSWER

__all__ = ["is_mine", "read"]

_KNOWN = {
    *("doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"),
    *("doc_hash", "prompt_hash", "target_hash"),
}
_IDS = ("id", "realidx", "question_id", "qid", "prompt_id", "example_id", "_id", "idx", "index")
_QUESTIONS = ("question", "query", "prompt", "input", "problem")
_MODELS = ("model", "pretrained", "path", "engine", "deployment_name", "model_name")
_LETTERS = string.ascii_uppercase
_DATED = re.compile(r"samples_(.+?)(?:_(\d{4}-\d\d-\d\dT[\d.:-]+))?\.jsonl(?:\.gz)?")
#: Tasks of the harness that are benchmarks here.
_BENCHMARKS = {"medqa_4options": "medqa", "medmcqa": "medmcqa", "pubmedqa": "pubmedqa"}


def is_mine(start: Start) -> bool:
    """Whether a row is a document with its responses, or the file has a run's results."""
    sample = {"doc_id", "resps", "filtered_resps"} <= start.row.keys()
    return sample or {"lm_eval_version", "results"} <= start.object.keys()


def read(files: Sequence[Path], asked: Asked) -> Iterator[ToolRun]:
    """Yield a run for each file of samples.

    The answers are what the model said, all repeats of it; with ``--answer FILTER`` what that
    filter read. Of options with log-likelihoods it is the likeliest.

    Raises
    ------
    InputError
        There are only results, without samples; or no such filter.
    """
    samples = [file for file in files if not file.name.startswith("results_")]
    if not samples:
        raise InputError(
            f"{files[0]}: holds no answers: run lm-eval with --log_samples, and name the file "
            "samples_TASK_DATE.jsonl"
        )
    for file in samples:
        yield _run(file, asked)


def _run(file: Path, asked: Asked) -> ToolRun:
    named = _DATED.fullmatch(file.name)
    task, date = named.groups() if named else (file.name.partition(".")[0], None)
    results = _results(file, task, date)
    wanted = asked.answer[0] if asked.answer else None
    filters: Counter[str] = Counter()
    unread = Unread()
    answers: list[ToolAnswer] = []
    for line, row in read_rows(file):
        name = str(row.get("filter", "none"))
        filters[name] += 1
        if name != (wanted or next(iter(filters))):
            continue
        unread.fields(row.keys() - _KNOWN - set(map(str, _listed(row.get("metrics")))))
        try:
            answers += _answers(row, line, filtered=wanted is not None)
        except (ValueError, TypeError, LookupError) as error:
            unread.row(line, str(error) if isinstance(error, ValueError) else "of another form")
    if wanted is not None and wanted not in filters:
        raise InputError(f"{file}: no filter {shorten(wanted)}: it has {', '.join(filters)}")
    notes = []
    if len(filters) > 1 and wanted is None:
        notes = [
            f"The file has these answers once for each filter ({', '.join(filters)}): taken once, "
            "as the model gave them."
        ]
    model = _model(results) or file.parent.name.replace("__", "/") or "unnamed system"
    if results is None:
        notes.append(f"No results_*.json is beside {file.name}: the model is its folder's name.")
    return ToolRun(
        name=file.name.removesuffix(".gz").removesuffix(".jsonl"),
        tool=f"lm-eval {(results or {}).get('lm_eval_version', '')}".strip(),
        path=file,
        system=model,
        benchmark=_BENCHMARKS.get(task),
        answers=answers,
        scores=_scores(results, task, wanted),
        notes=notes,
        unread=unread,
    )


def _answers(row: Mapping[str, Any], line: int, *, filtered: bool) -> Iterator[ToolAnswer]:
    """Yield what was said of one document, repeat by repeat; a failure if nothing was."""
    doc = row["doc"] if isinstance(row.get("doc"), dict) else {"question": row.get("doc")}
    arguments = [_pair(each) for each in _items(row.get("arguments"))]
    responses = row["filtered_resps" if filtered else "resps"]
    right, options = str(row.get("target", "")), options_in(doc)
    pairs = [*map(_first, responses)]
    # Unlike a pair of texts, a pair of numbers is in a list of repeats.
    nested = filtered or all(pair is not each for pair, each in zip(pairs, responses, strict=True))
    if responses and nested and all(_likelihood(pair) is not None for pair in pairs):
        labels, chosen = _likeliest(arguments, responses)
        if right.isdecimal() and right not in labels and int(right) < len(labels):
            right = labels[int(right)]
        if options is None and max(map(len, labels)) > 1:
            options = dict(zip(_LETTERS, labels, strict=False))
        letters = {text: letter for letter, text in (options or {}).items()}
        chosen = [None if text is None else letters.get(text, text) for text in chosen]
    else:
        first = responses[0] if responses else None
        said = first if isinstance(first, list) else responses
        chosen = [_text(each) for each in said or [None]]
    question = next((doc[name] for name in _QUESTIONS if isinstance(doc.get(name), str)), None)
    id = next((text for name in _IDS if (text := id_text(doc.get(name)))), str(row.get("doc_id")))
    for text in chosen:
        yield ToolAnswer(
            id=id,
            response=Response("", text=text)
            if text is not None
            else Response("", failure=NO_ANSWER, detail="the file has no response here"),
            line=line,
            question=question or _asked(arguments),
            options=options,
            right=right or None,
        )


def _likeliest(
    arguments: Sequence[tuple[Any, Any]], responses: Sequence[Any]
) -> tuple[list[str], list[str | None]]:
    """The options, and the likeliest of them for each repeat, the first of equals.

    Requests without a context are there for mutual information alone.
    """
    asked = any(context for context, _ in arguments)
    taken = [place for place in range(len(responses)) if arguments[place][0] or not asked]
    if len(taken) < 2:
        raise ValueError("a log-likelihood of one text, which is no answer")
    labels = [str(arguments[place][1]).strip() for place in taken]
    if len(set(labels)) < len(labels):  # the options are in the contexts
        labels = [*_LETTERS[: len(taken)]]
    values = [responses[place] for place in taken]
    chosen: list[str | None] = []
    for repeat in zip(*(v if isinstance(v[0], list) else [v] for v in values), strict=True):
        numbers = [-math.inf if (n := _likelihood(v)) is None else n for v in repeat]
        best = max(numbers)
        unknown = best == -math.inf or any(map(math.isnan, numbers))
        chosen.append(None if unknown else labels[numbers.index(best)])
    return labels, chosen


def _first(value: Any) -> Any:
    """The first repeat of a response."""
    return value[0] if isinstance(value, list) and value and isinstance(value[0], list) else value


def _likelihood(value: Any) -> float | None:
    """The number of a pair: log-likelihood, and whether it is the greedy choice. None otherwise."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        return None
    if str(value[1]) not in ("True", "False", "0", "1"):
        return None
    try:
        return float(value[0])
    except (TypeError, ValueError):
        return None


def _pair(value: Any) -> tuple[Any, Any]:
    """The context and what was asked of it."""
    first, second, *_ = [*_items(value), None, None]
    return first, second


def _items(value: Any) -> list[Any]:
    return [*value.values()] if isinstance(value, dict) else _listed(value)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    if isinstance(value, list):  # a filter that keeps all repeats
        value = value[0] if value else None
    return None if value is None else str(value)


def _asked(arguments: Sequence[tuple[Any, Any]]) -> str:
    """The prompt's text: the last message, where it is a chat."""
    prompt = arguments[0][0] if arguments else ""
    prompt = decoded(prompt[0] if isinstance(prompt, list) and prompt else prompt)
    if isinstance(prompt, list) and prompt and isinstance(prompt[-1], dict):
        prompt = prompt[-1].get("content")
    return prompt if isinstance(prompt, str) else json.dumps(prompt)


def _results(file: Path, task: str, date: str | None) -> Mapping[str, Any] | None:
    """The results of the same evaluation, or else the latest beside it that have the task."""
    for place in sorted(
        file.parent.glob("results_*.json"), key=lambda each: (str(date) in each.name, each.name)
    )[::-1]:
        try:
            found = decode_json(place)
        except (OSError, PreceptorError):
            continue
        if isinstance(found, dict) and task in (found.get("results") or {}):
            return found
    return None


def _model(results: Mapping[str, Any] | None) -> str | None:
    """The model that was asked; a kind of model where it has no name (``dummy``)."""
    config = (results or {}).get("config")
    if results is None or not isinstance(config, dict):
        return None
    arguments = config.get("model_args") or {}
    if isinstance(arguments, str):
        arguments = dict(part.partition("=")[::2] for part in arguments.split(","))
    named = next((arguments[name] for name in _MODELS if arguments.get(name)), None)
    return str(named or config.get("model") or results.get("model_name") or "") or None


def _scores(results: Mapping[str, Any] | None, task: str, wanted: str | None) -> list[ToolScore]:
    """The tool's metrics by filter, without their errors."""
    if results is None:
        return []
    count = ((results.get("n-samples") or {}).get(task) or {}).get("effective")
    scores = []
    for key, value in results["results"][task].items():
        metric, comma, name = key.partition(",")
        number = finite(value)
        if comma and number is not None and wanted in (None, name) and "_stderr" not in metric:
            shown = metric if name == "none" else f"{metric} ({name})"
            scores.append(ToolScore(shown, number, count if isinstance(count, int) else None))
    return scores
