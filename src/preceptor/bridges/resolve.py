"""Runs of tools' files → imported runs: questions found, options mapped, verdicts in order."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from preceptor.benchmarks import Benchmark
from preceptor.benchmarks.manifest import manifest_of
from preceptor.bridges.imported import (
    ASKED_ELSEWHERE,
    GRADED_ELSEWHERE,
    Answer,
    ImportedRun,
    imported_response,
)
from preceptor.bridges.matching import Matched, QuestionIndex, Row
from preceptor.bridges.tool_runs import ToolAnswer, ToolRun
from preceptor.cells import is_missing
from preceptor.errors import DataError, InputError, shorten
from preceptor.records import Example, Response, Verdict, as_answer, content_key
from preceptor.scoring.places import in_terms_of, places, question_of
from preceptor.systems.content import NO_ANSWER

__all__ = ["NOT_ASKED", "Resolver", "none_known"]

#: Of a criterion that the tool never judged.
NOT_ASKED = Verdict("", None, reason="not_asked", attempts=0)

#: Words of a program that could not read an answer, in lower case and without punctuation.
_FAILED_READING = {
    *("", "none", "nan", "null", "n a", "na", "invalid", "invalid answer", "no answer", "error"),
    *("not found", "no match", "unparseable", "unparsed", "parse error", "undefined", "failed"),
    "unknown",
}


def none_known(path: Path, rows: int, benchmark: Benchmark, data: Path | None) -> InputError:
    """The error if no answer of a file is to a question of the benchmark."""
    like = shorten(benchmark.load(data).examples[0].id)
    return InputError(
        f"{path}: none of its {rows:,} rows has the id of a question of {benchmark.name}, such as "
        f"{like}, or its text: check --benchmark, or name the column with --id"
    )


class Resolver:
    """Makes imported runs of a benchmark's answers; its data is loaded if an answer needs it."""

    def __init__(self, benchmark: Benchmark, data: Path | None = None) -> None:
        self.benchmark, self.data = benchmark, data
        self.first: int | None = None

    @functools.cached_property
    def known(self) -> QuestionIndex:
        return QuestionIndex(self.benchmark.load(self.data).examples)

    def needs_data(self, found: ToolRun) -> bool:
        """Whether a question is looked up in the benchmark's data."""
        return self.data is not None or any(each.example is None for each in found.answers)

    def count_options(self, runs: Iterable[Sequence[ToolAnswer]], path: Path) -> None:
        """Find out whether numbers of options count from 0 or from 1 in these runs of one file.

        Raises
        ------
        InputError
            Nothing shows it.
        """
        # One at a time: a file may have hundreds of runs.
        self.first, needed = self.known.counted_from([*map(_row, answers)] for answers in runs)
        if needed and self.first is None:
            raise InputError(
                f"{path}: the answers are numbers of options, and the right answers do not "
                f"show whether they count from 0 or from 1; add a column with the right answers "
                f"counted the same way (answer_idx), or use letters"
            )

    def run(self, found: ToolRun) -> ImportedRun:
        """Make the run; answers to unknown questions are left out and counted.

        Raises
        ------
        DataError
            Two answers have one id and different questions, or verdicts are on other criteria.
        """
        matched = self._matched(found)
        seen: Counter[str] = Counter()
        asked: dict[str, Example] = {}
        answers, fallbacks, moved = [], [], 0
        for stated, example in zip(found.answers, matched.examples, strict=True):
            if example is None:
                continue
            if asked.setdefault(example.id, example) != example:
                problem = f"{shorten(example.id)} has other content than before"
                raise DataError(str(found.path), stated.line, "id", problem)
            for each in self._repeats(stated, example):
                text = _answer(each, example, matched.first)
                if each.fallback or (each.texts and text != each.texts[0]):
                    fallbacks.append(each.id)
                letters = _in_letters(text, each, example, matched.first)
                moved += letters != text
                response = _response(found.name, each, letters, example, seen[example.id])
                answers.append(Answer(example, response, _verdicts(found, each, example, response)))
                seen[example.id] += 1
        notes = [*matched.in_words(moved), *found.tally.in_words(*found.row_words)]
        notes += [*_fallback_notes(found, fallbacks), *self._coverage(found, answers, seen)]
        return self._whole(found, answers, notes, matched.unknown)

    def _matched(self, found: ToolRun) -> Matched:
        own = [each.example if self.data is None else None for each in found.answers]
        if None not in own:
            return Matched([*own], by_place=False, unknown=0, contradicted=0)
        matched = self.known.match([*map(_row, found.answers)], self.first)
        examples = [mine or other for mine, other in zip(own, matched.examples, strict=True)]
        return msgspec.structs.replace(matched, examples=examples, unknown=examples.count(None))

    def _repeats(self, answer: ToolAnswer, example: Example) -> Iterator[ToolAnswer]:
        """The answer, or each item of a list, unless a list is what the question asks for."""
        if len(answer.repeats) < 2 or self.benchmark.protocol.scoring.wants_list(example):
            yield answer
            return
        for text in answer.repeats:
            if text is None:
                detail = "the file has no answer here"
                failed = msgspec.structs.replace(answer.response, failure=NO_ANSWER, detail=detail)
                yield msgspec.structs.replace(answer, texts=(), response=failed)
            else:
                yield msgspec.structs.replace(answer, texts=(text,))

    def _coverage(self, found: ToolRun, answers: list[Answer], seen: Counter[str]) -> list[str]:
        """Notes on unequal repeats and missing questions; adds those that count as wrong."""
        if not answers:
            return []
        notes, rest = [], ""
        several = sum(count > 1 for count in seen.values())
        if several and len(set(seen.values())) > 1:
            notes.append(
                f"Examples with more answers than others: {several:,}, scored by their mean."
            )
        if not self.needs_data(found):
            return notes
        examples = self.known.examples
        if self.benchmark.protocol.scoring.missing_is_wrong:
            rest = "; the others count as wrong"
            answers += [
                Answer(example, imported_response(found.name, example.key, 0, None), ())
                for example in examples
                if example.id not in seen
            ]
        if len(seen) < len(examples):
            notes.append(f"Answers to {len(seen):,} of the {len(examples):,} examples{rest}.")
        return notes

    def _whole(
        self, found: ToolRun, answers: list[Answer], notes: list[str], left_out: int
    ) -> ImportedRun:
        judged = any(answer.verdicts for answer in answers)
        settings = msgspec.structs.replace(
            found.settings,
            tool=found.tool or None,
            tool_scores=found.scores or None,
            notes=[GRADED_ELSEWHERE if judged else ASKED_ELSEWHERE, *notes, *found.notes],
            left_out=left_out,
        )
        return ImportedRun(
            name=found.name,
            benchmark=self.benchmark.name,
            manifest=manifest_of(self.benchmark),
            system=found.system,
            grader=found.grader,
            answers=answers,
            settings=settings,
            remarks=[*found.remarks, *found.unread.in_words()],
        )


def _row(answer: ToolAnswer) -> Row:
    """What identifies an answer's question and option."""
    texts = answer.texts or (answer.response.text,)
    return Row(
        answer.id, answer.right, answer.about, answer.hints, answer.options, texts, answer.question
    )


def _answer(answer: ToolAnswer, example: Example, first: int | None) -> str:
    """The first text that a program read successfully; the first of all if there is none.

    A failed reading is a single character that is not an option's letter, or a word such as
    ``None`` or ``[invalid]`` that is not an option's text.
    """
    options = example.target.get("options", ()) if isinstance(example.target, dict) else ()
    counted = first is not None
    known = {str(each).strip().casefold() for each in options} if options else set()
    if isinstance(options, dict):
        known |= {str(each).strip().casefold() for each in options.values()}
    read = (
        text
        for text in answer.texts
        if text.strip().casefold() in known
        or (counted and places(text))
        or not (len(text.strip()) < 2 or _failed_reading(text))
    )
    return next(read, answer.texts[0] if answer.texts else answer.response.text)


def _failed_reading(text: str) -> bool:
    """Whether a program wrote this text because it could not read an answer."""
    word = " ".join(re.sub(r"[\W_]+", " ", text).split()).casefold()
    return is_missing(text) or word in _FAILED_READING or text.strip() == "-1"


def _in_letters(text: str, answer: ToolAnswer, example: Example, first: int | None) -> str:
    question = question_of(example.target)
    if question is None or not text:
        return text
    return in_terms_of(text, _row(answer).stated, question, first)


def _response(run: str, answer: ToolAnswer, text: str, example: Example, nth: int) -> Response:
    """The answer's record with its text, and a key of all that is known of it."""
    response = answer.response
    if response.failure is None and text != response.text:
        response = msgspec.structs.replace(response, text=text)
    response = as_answer(response)
    key = content_key("imported", run, example.key, nth, msgspec.to_builtins(response))
    return msgspec.structs.replace(response, key=key)


def _verdicts(
    found: ToolRun, answer: ToolAnswer, example: Example, response: Response
) -> tuple[Verdict, ...]:
    """The verdicts in the rubric's order; a criterion that was never asked is ungraded."""
    if response.failure is not None or not answer.verdicts:
        return ()
    asked, verdicts = [each.text for each in example.criteria], [*answer.verdicts]
    if answer.criteria is not None:
        given: dict[str, list[Verdict]] = {}
        for text, verdict in zip(answer.criteria, verdicts, strict=True):
            given.setdefault(text, []).append(verdict)
        verdicts = [given[text].pop(0) if given.get(text) else NOT_ASKED for text in asked]
        if any(given.values()):
            verdicts = []
    if len(verdicts) != len(asked):
        expected = f"verdicts on the {len(asked)} criteria of {shorten(example.id)}"
        raise DataError(str(found.path), answer.line, "", f"expected {expected}, found others")
    return tuple(
        msgspec.structs.replace(
            verdict,
            key=content_key("imported", response.key, index, msgspec.to_builtins(verdict)),
        )
        for index, verdict in enumerate(verdicts)
    )


def _fallback_notes(found: ToolRun, ids: Sequence[str]) -> list[str]:
    """Note the rows whose answer is not in the first answer column."""
    if not ids:
        return []
    first, *others = found.columns
    return [
        f"{len(ids):,} rows have no answer in {first}, first {shorten(ids[0])}: taken from "
        f"{', else '.join(others)}."
    ]
