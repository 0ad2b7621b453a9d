"""ClinBench-HPB's cases (Li et al. 2025): which of a patient's diagnoses does an answer name?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.errors import InputError, shorten
from preceptor.files import read_rows
from preceptor.protocols.asking import Asking
from preceptor.protocols.judging import ReferenceGrader
from preceptor.protocols.recall import RECALL_LABELS, recall, recall_criteria
from preceptor.records import Example, Message, Slice
from preceptor.systems.base import Parameters

__all__ = ["BENCHMARKS"]


class _File(msgspec.Struct, frozen=True):
    """One of the authors' files.

    Attributes
    ----------
    id
        Column of the id; None where rows are numbered.
    more
        Further columns of text that belong to a case, with their headings.
    asks
        Whether a row has a question of its own.
    """

    source: str
    language: str
    id: str | None = None
    more: tuple[tuple[str, str], ...] = ()
    asks: bool = False


_FILES = {
    "Hospital": _File(
        "hospital", "zh", "patient_id", (("imaging_impression", "Conclusion of the imaging"),)
    ),
    "Website": _File("website", "zh", "patient_id"),
    "Journal_part1": _File("journal", "en"),
    "Journal_part2": _File("journal", "zh"),
    "Journal_part3": _File("journal", "en", asks=True),
}
_SOURCES = {"hospital": "Hospital", "website": "Website", "journal": "Journals"}
_KINDS = ("source", "disease_recall")
_PARTS = (
    ("patient_info", "Patient"),
    ("laboratory_tests", "Laboratory tests"),
    ("imaging_studies", "Imaging"),
)
#: Headings, and what is asked, in the language of the cases.
_CHINESE = {
    "Patient": "患者",
    "Laboratory tests": "检验结果",
    "Imaging": "影像所见",
    "Conclusion of the imaging": "影像结论",
}
_TOLD = {
    "en": "Which diseases does this patient have? Name every one of them, one a line, and nothing "
    "else.",
    "zh": "该患者患有哪些疾病？请全部写出，每行一个病名，不写其他内容。",
    "question": "Answer the question in as few words as it takes, one point a line.",
}


def _read(path: Path) -> Iterator[Example]:
    known = {f"{name}.json": layout for name, layout in _FILES.items()}
    files = [path / name for name in known if (path / name).exists()] if path.is_dir() else [path]
    if not files or files[0].name not in known:
        found = "none in the folder" if path.is_dir() else shorten(path.name)
        names = ", ".join(known)
        raise InputError(f"{path}: expected {names}, or a folder with them, found {found}")
    for file in files:
        for number, (line, row) in enumerate(read_rows(file), start=1):
            yield _example(Fields(row, str(file), line), known[file.name], file.stem, number)


def _example(row: Fields, layout: _File, stem: str, number: int) -> Example:
    headings = _CHINESE if layout.language == "zh" else {}
    parts = [
        f"{headings.get(heading, heading)}:\n{row.text(column).strip()}"
        for column, heading in (*_PARTS, *layout.more)
    ]
    if layout.asks:
        parts.append(f"Question: {row.text('question').strip()}")
    diseases = [each.strip() for each in row.text("diagnosis").splitlines() if each.strip()]
    id = str(number) if layout.id is None else row.id(layout.id).strip()
    part = stem.casefold().replace("_part", "-")
    article = None if layout.id is not None or layout.asks else row.text("Index").strip()
    return Example(
        id=f"{part}/{id}",
        messages=(Message("user", "\n\n".join(parts)),),
        criteria=recall_criteria(diseases),
        tags=(
            f"source:{layout.source}",
            f"language:{layout.language}",
            *(("asked:question",) if layout.asks else ()),
        ),
        # Cases of one article are alike.
        target={"diagnoses": diseases} | ({} if article is None else {"cluster": article}),
    )


def _told(example: Example) -> str:
    if "asked:question" in example.tags:
        return _TOLD["question"]
    return _TOLD["zh" if "language:zh" in example.tags else "en"]


BENCHMARKS = (
    Benchmark(
        name="clinbench-hpb-cases",
        title="ClinBench-HPB (cases)",
        family="diagnosis",
        summary="337 patients with diseases of liver, pancreas and bile ducts; all their diagnoses",
        licence="academic research only",
        citation="Li et al. 2025 (ClinBench-HPB)",
        n_examples=337,
        n_criteria=2364,
        read=_read,
        protocol=recall(
            ReferenceGrader("anthropic/claude-3-7-sonnet-20250219", Parameters(temperature=0.0)),
            Asking(_told),
        ),
        url="https://github.com/Lycus99/ClinBench-HPB",
        folder="clinbench-hpb",
        brings="`Hospital.json`, `Website.json`, `Journal_part1.json` to `3`, or some, in a folder",
        languages=("zh", "en"),
        labels={
            **RECALL_LABELS,
            "source": "Patient-level recall, by source",
            **{f"{kind}:{source}": name for kind in _KINDS for source, name in _SOURCES.items()},
            "asked": "What is asked",
            "asked:question": "A question of the journal's own",
            "language:zh": "Chinese",
            "language:en": "English",
        },
        slices=(*(Slice(kind, tuple(_SOURCES)) for kind in _KINDS), Slice("asked")),
        measures="Whether an answer names all that a patient has, from history, laboratory tests "
        "and imaging.",
        faults=(
            "Recall does not fall where an answer names more: see how many diagnoses it names.",
            "The authors' first reader is DeepSeek-V3, their second Claude 3.7 Sonnet; here one "
            "grader reads twice.",
            "The second reading is made only where the first finds nothing: it can raise recall "
            "and never lowers it. The recall of the first reading stands beside it.",
            "The authors' program counts a judge's reply that it cannot read, or that failed, as "
            "a disease found unless the words for not included stand in it; here it is ungraded.",
            "The authors' program reads columns of Hospital.json and Website.json under other "
            "names (blood_test, imaging_test) than the files have.",
            "The authors ask with four prompts, and reasoning models four times; here is one "
            "prompt of our own, and --repeats.",
            "Questions of Journal_part3 may ask what to do next, or what a result means: what is "
            "known is then no disease.",
            "Two cases name a disease twice; it counts twice, as by the authors.",
        ),
        verified="All 337 cases and 1,182 diseases of the published files are read; scores, on "
        "made-up rows in their schema. Its data may not be kept here.",
    ),
)
