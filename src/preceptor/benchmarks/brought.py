"""Exams whose files a user brings: PubHealthBench, HealthQA-BR, ClinBench-HPB, EMPEC, MedArabiQ.

One table says for each how a row has its question, options and key.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.files import read_rows
from preceptor.protocols.base import Protocol
from preceptor.protocols.choice import (
    CHOICE_LABELS,
    DIRECT,
    ChoiceScoring,
    choice_asking,
    choice_example,
)
from preceptor.protocols.twins import TWIN_LABELS, TwinScoring
from preceptor.records import Example, Slice
from preceptor.scoring.lettered import ARABIC, LATIN, Alphabet, lettered, stated_letters

__all__ = ["BENCHMARKS"]

_SEVERAL = "answers:several"
_TOLD = {
    "en": DIRECT,
    "ar": "أي خيار هو الصحيح؟ أجب بحرفه فقط.",
    "pt": "Qual opção está correta? Responda apenas com a letra.",
    "zh": "哪个选项正确？只回答该选项的字母。",
    "zh-Hant": "哪個選項正確？只回答該選項的字母。",
}
_TOLD_SEVERAL = {
    "en": "Which options are right? Reply with the letters of all that are.",
    "zh": "哪些选项正确？可能不止一个。只回答所有正确选项的字母。",
}


class _Layout(msgspec.Struct, frozen=True, kw_only=True):
    """How a row has its question.

    Attributes
    ----------
    files
        Names of the file in a folder, the first that is there.
    options
        The column of the options, a list of texts or one text; None where the question has them.
    before
        A column that is read before the question, where the row has it.
    tags
        Namespace of a slice → its column.
    blank
        What stands in the list of options for none.
    twin
        The column of the same question, asked so that it misleads.
    """

    files: tuple[str, ...]
    question: str
    answer: str
    options: str | None = None
    id: str | None = None
    before: str | None = None
    tags: Mapping[str, str] = {}
    alphabet: Alphabet = msgspec.field(default_factory=lambda: LATIN)
    blank: str | None = None
    twin: str | None = None


def _read(path: Path, layout: _Layout) -> Iterator[Example]:
    there = (path / name for name in layout.files if (path / name).exists())
    file = next(there, path / layout.files[0]) if path.is_dir() else path
    for number, (line, row) in enumerate(read_rows(file), start=1):
        fields = Fields(row, str(file), line)
        id = str(number) if layout.id is None else fields.id(layout.id)
        yield _example(fields, layout, layout.question, id)
        if layout.twin is not None:
            yield _example(fields, layout, layout.twin, id)


def _example(row: Fields, layout: _Layout, column: str, id: str) -> Example:
    stem, options = _options(row, layout, column)
    right = stated_letters(row.id(layout.answer), layout.alphabet)
    if not right or not set(right) <= options.keys():
        expected = f"letters of the options {', '.join(options)}"
        raise row.fault(layout.answer, expected, row.row[layout.answer])
    before = row.optional_text(layout.before) if layout.before else None
    filled = {name: where for name, where in layout.tags.items() if row.row.get(where)}
    tags = [f"{name}:{row.id(where).strip()}" for name, where in filled.items()]
    if layout.twin is not None:
        tags.append("asked:misleading" if column == layout.twin else "asked:plainly")
    several = len(right) > 1
    return choice_example(
        f"{id}/misleading" if column == layout.twin else id,
        f"{before}\n\n{stem}" if before else stem,
        options,
        right if several else right[0],
        [_SEVERAL, *tags] if several else tags,
        cluster=None if layout.twin is None else id,
    )


def _options(row: Fields, layout: _Layout, column: str) -> tuple[str, dict[str, str]]:
    """The question without its options, and these by letter."""
    field = layout.options or column
    if isinstance(row.need(field, "options"), list):
        texts = zip(layout.alphabet, row.texts(field), strict=False)
        options = {letter: text for letter, text in texts if text not in ("", layout.blank)}
        return row.text(column), options
    found = lettered(row.text(field), layout.alphabet)
    if found is None or not all(found[1].values()):
        raise row.fault(field, "options A. …, B. …, each with a text", row.row[field])
    stem, options = found
    return (stem if layout.options is None else row.text(column)), options


class _Exam(msgspec.Struct, frozen=True, kw_only=True):
    """A benchmark, but for what is the same of all."""

    name: str
    title: str
    summary: str
    language: str
    folder: str
    n: int
    licence: str
    citation: str
    url: str
    layout: _Layout
    labels: Mapping[str, str]
    measures: str
    faults: tuple[str, ...]
    scoring: Callable[[], ChoiceScoring] = ChoiceScoring

    def benchmark(self) -> Benchmark:
        told = {"": _TOLD[self.language]}
        if self.language in _TOLD_SEVERAL:
            told[_SEVERAL] = _TOLD_SEVERAL[self.language]
        kinds = [*self.layout.tags, "asked"] if self.layout.twin else [*self.layout.tags]
        first, *others = self.layout.files
        return Benchmark(
            name=self.name,
            title=self.title,
            family="choice",
            summary=self.summary,
            licence=self.licence,
            citation=self.citation,
            n_examples=self.n,
            read=functools.partial(_read, layout=self.layout),
            protocol=Protocol("choice", asking=choice_asking(told), scoring=self.scoring()),
            url=self.url,
            folder=self.folder if others else f"{self.folder}/{first}",
            brings=" or ".join(f"`{name}`" for name in self.layout.files),
            languages=(self.language.partition("-")[0],),
            labels={**CHOICE_LABELS, **self.labels},
            slices=tuple(map(Slice, kinds)),
            measures=self.measures,
            faults=self.faults,
            verified="The loader, on made-up rows in the schema of the file; its data may not be "
            "kept here.",
        )


_PUBHEALTH = _Exam(
    name="pubhealthbench",
    title="PubHealthBench (multiple choice)",
    summary="questions on the UK government's public-health guidance",
    language="en",
    folder="pubhealthbench",
    n=7929,
    licence="CC BY 4.0",
    citation="Harris et al. 2025, arXiv:2505.06046",
    url="https://huggingface.co/datasets/Joshua-Harris/PubHealthBench",
    layout=_Layout(
        files=("test.parquet", "reviewed.parquet"),
        id="question_id",
        question="question",
        options="options",
        answer="answer",
        blank="N/A",
        tags={"category": "category"},
    ),
    labels={"category": "Topic"},
    measures="Knowledge of public-health guidance as it stood on 8 January 2025.",
    faults=(
        "Guidance changes: a right answer of today may be another.",
        "The authors also ask in free form and let a judge read the answer: see "
        "pubhealthbench-freeform.",
    ),
)
_HEALTHQA = _Exam(
    name="healthqa-br",
    title="HealthQA-BR",
    summary="exams of Brazil's health professions, in Portuguese",
    language="pt",
    folder="healthqa-br",
    n=5632,
    licence="CC BY 4.0",
    citation="D'Addario 2025, arXiv:2506.21578",
    url="https://huggingface.co/datasets/Larxel/healthqa-br",
    layout=_Layout(
        files=("healthqa-br.parquet", "train.parquet", "healthqa-br.jsonl"),
        id="id",
        question="question",
        answer="answer",
        tags={"group": "group", "source": "source", "year": "year"},
    ),
    labels={"group": "Profession or specialty", "source": "Exam", "year": "Year"},
    measures="What the professions of Brazil's health system must know, one by one.",
    faults=(
        "The options stand within the question's text; a program that wants no apostrophe in "
        "them leaves questions out, and its denominator shrinks.",
        "The overall accuracy hides professions: see their slices, and the worst.",
    ),
)
_EMPEC_FAULTS = (
    "The authors' English scorer falls back on the first capital letter of an answer.",
    "The file does not say of which year a question is.",
)


def _empec(suffix: str, kind: str, language: str, column: str) -> _Exam:
    return _Exam(
        name=f"empec{suffix}",
        title=f"EMPEC ({kind})",
        summary=f"exams of Taiwan's health professions; {kind}",
        language=language,
        folder="empec",
        n=157803,
        licence="none stated",
        citation="Luo et al. 2024, arXiv:2406.11328",
        url="https://huggingface.co/datasets/KenLuo/EMPEC",
        layout=_Layout(
            files=("test.jsonl", "test.json"),
            question=column,
            answer="answer",
            tags={"profession": "profession_en", "subject": "subject_en"},
        ),
        labels={"profession": "Profession", "subject": "Subject"},
        measures="What the exams of twenty health professions ask, beyond physicians'.",
        faults=_EMPEC_FAULTS,
    )


def _clinbench(suffix: str, kind: str, language: str, n: int, stem: str) -> _Exam:
    return _Exam(
        name=f"clinbench-hpb{suffix}",
        title=f"ClinBench-HPB ({kind})",
        summary=f"questions on diseases of liver, pancreas and bile ducts; {kind}",
        language=language,
        folder="clinbench-hpb",
        n=n,
        licence="academic research only",
        citation="Li et al. 2025 (ClinBench-HPB)",
        url="https://github.com/Lycus99/ClinBench-HPB",
        layout=_Layout(
            files=(f"{stem}.json",),
            question="question",
            options="options",
            answer="answer",
            before="disease_info",
        ),
        labels={_SEVERAL: "Several right answers"},
        measures="Knowledge of hepatobiliary and pancreatic diseases.",
        faults=(
            "The authors ask each question with its options in four orders: add --circular, of "
            "which the accuracy is their mean, and right in every order their all-right.",
            "Where several options are right, the authors compare letters as they are written: "
            "BA is not AB there, and is here.",
        ),
    )


def _medarabiq(suffix: str, kind: str, n: int, layout: _Layout, **more: object) -> _Exam:
    return _Exam(
        name=f"medarabiq{suffix}",
        title=f"MedArabiQ ({kind})",
        summary=f"questions in Arabic; {kind}",
        language="ar",
        folder="medarabiq",
        n=n,
        licence="NYU: non-commercial research, no redistribution",
        citation="Abu Daoud et al. 2025, arXiv:2505.03427",
        url="https://github.com/nyuad-cai/MedArabiQ",
        layout=layout,
        measures="Medical knowledge in Arabic.",
        faults=("100 questions say little about a category of a few.",),
        **{"labels": {"category": "Category"}, **more},  # type: ignore[arg-type]
    )


_ARABIC = functools.partial(_Layout, alphabet=ARABIC, tags={"category": "Category"})
_BIAS = {"category": "Category", "bias": "Bias Category"}
_EXAMS = (
    _PUBHEALTH,
    _HEALTHQA,
    _clinbench("", "English", "en", 1535, "enqa"),
    _clinbench("-zh", "Chinese", "zh", 2000, "cnqa"),
    _empec("", "traditional Chinese", "zh-Hant", "question"),
    _empec("-simplified", "simplified Chinese", "zh", "question_simp"),
    _empec("-en", "English", "en", "question_en"),
    _medarabiq(
        "",
        "multiple choice",
        100,
        _ARABIC(files=("multiple-choice-questions.csv",), question="Question", answer="Answer"),
    ),
    _medarabiq(
        "-blanks",
        "fill in the blank",
        100,
        _ARABIC(
            files=("fill-in-the-blank-choices.csv",),
            question="Question - Arabic",
            answer="Answer - Arabic",
        ),
    ),
    _medarabiq(
        "-bias",
        "with misleading words",
        200,
        _Layout(
            files=("multiple-choice-withbias.csv",),
            question="Question",
            answer="Answer",
            alphabet=ARABIC,
            twin="Question with Bias",
            tags=_BIAS,
        ),
        scoring=functools.partial(TwinScoring, "bias"),
        labels={**TWIN_LABELS, "category": "Category", "bias": "Kind of bias"},
    ),
)
BENCHMARKS = tuple(exam.benchmark() for exam in _EXAMS)
