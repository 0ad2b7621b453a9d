"""Exams about images whose files a user brings: GMAI-MMBench, EndoBench, PMC-VQA and others.

One table says for each how a row has its images, question, options and key.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.benchmarks.images import asked_about, images_of, rows_in
from preceptor.cells import decoded
from preceptor.files import read_rows
from preceptor.protocols.choice import CHOICE_LABELS, ChoiceProtocol, choice_example
from preceptor.records import Example, Slice
from preceptor.records.parts import Image
from preceptor.scoring.lettered import lettered

__all__ = ["BENCHMARKS", "read_exam"]

_LETTERS = "ABCDEFGHIJ"
#: The letter that some files repeat before an option's text.
_LETTER = re.compile(r"^\s*[A-J]\s*[:.)]\s*")
#: Columns that hold several values.
_SEVERAL = ("categories",)


class _Layout(msgspec.Struct, frozen=True, kw_only=True):
    """How a row has its question.

    Attributes
    ----------
    files
        Patterns of the file's name in a folder.
    id
        None where rows are numbered.
    image
        Columns, of which the first that is filled has the images.
    options
        The column with all options, as a list or by letter, or the question's own where they stand
        in it; without one, columns by ``letter``, such as A, B, ….
    wrong
        The column of the wrong options, where the right one stands in the answer's alone.
    tags
        Namespace of a slice → its column. Some hold several values with commas.
    cluster
        The column of what questions have in common that are drawn together; None for their images.
    """

    files: tuple[str, ...]
    id: str | None = "index"
    image: tuple[str, ...] = ("image", "image_path")
    question: str = "question"
    options: str | None = None
    letter: str = "{}"
    wrong: str | None = None
    answer: str = "answer"
    tags: Mapping[str, str] = {}
    cluster: str | None = None


def read_exam(path: Path, layout: _Layout) -> Iterator[Example]:
    """The questions of a file, or of a folder with one of that name; questions about the same
    images are drawn together."""
    root = path if path.is_dir() else path.parent
    rows = rows_in(path, layout.files)[0]
    earlier: dict[str, list[Image]] = {}
    for number, row in read_rows(rows):
        fields = Fields(row, str(rows), number)
        id = str(number) if layout.id is None else fields.id(layout.id)
        column = next((each for each in layout.image if _has(fields, each)), layout.image[0])
        shown = images_of(fields, column, rows.parent, root, earlier)
        earlier[id] = shown
        yield _example(fields, id, shown, layout)


def _example(row: Fields, id: str, shown: list[Image], layout: _Layout) -> Example:
    stem, options = _options(row, layout)
    right = _right(row, layout, options)
    tags = [
        f"{name}:{each.strip()}"
        for name, column in layout.tags.items()
        if _has(row, column)
        for each in (row.id(column).split(",") if column in _SEVERAL else [row.id(column)])
    ]
    hint = row.optional_text("hint") if "hint" in row else None
    if len(shown) > 1:
        tags.append(f"images:{len(shown)}")
    own = "+".join(each.sha256[:16] for each in shown)
    cluster = own if layout.cluster is None else row.id(layout.cluster)
    stem = f"{hint}\n\n{stem}" if hint else stem
    made = choice_example(id, stem, options, right, tags, cluster=cluster)
    return msgspec.structs.replace(made, messages=(asked_about(shown, made.messages[0].text),))


def _has(row: Fields, column: str) -> bool:
    """An option may be the word None, or NA: only an empty cell is none."""
    value = row.row.get(column)
    return value is not None and str(value).strip() != ""


def _options(row: Fields, layout: _Layout) -> tuple[str, dict[str, str]]:
    """The question without its options, and these by letter."""
    stem = row.text(layout.question)
    if layout.options == layout.question:
        found = lettered(stem)
        if found is None or not all(found[1].values()):
            raise row.fault(layout.question, "a question with options A) …, B) …", stem)
        return found
    if layout.wrong is not None:
        texts = sorted({row.text(layout.answer), *_listed(row, layout.wrong)})
        return stem, dict(zip(_LETTERS, texts, strict=False))
    if layout.options is None:
        columns = {each: layout.letter.format(each) for each in _LETTERS}
        return stem, {
            each: _LETTER.sub("", row.id(column)).strip()
            if layout.letter != "{}"
            else row.id(column)
            for each, column in columns.items()
            if _has(row, column)
        }
    stated = decoded(row.need(layout.options, "the options"))
    if isinstance(stated, Mapping):
        return stem, {
            str(letter): str(text) for letter, text in stated.items() if str(text).strip()
        }
    return stem, dict(zip(_LETTERS, _listed(row, layout.options), strict=False))


def _listed(row: Fields, column: str) -> list[str]:
    stated = decoded(row.need(column, "a list of options"))
    if not isinstance(stated, list) or not all(isinstance(each, str) for each in stated):
        raise row.fault(column, "a list of options", stated)
    return stated


def _right(row: Fields, layout: _Layout, options: Mapping[str, str]) -> str:
    """The key's letter: it is a letter, an option's text, or a place from 0."""
    said = row.id(layout.answer).strip()
    if said in options:
        return said
    found = [letter for letter, text in options.items() if text.strip() == said]
    if len(found) == 1:
        return found[0]
    if said.isdecimal() and int(said) < len(options):
        return list(options)[int(said)]
    raise row.fault(layout.answer, f"one of {', '.join(options)}, or an option's text", said)


def _benchmark(
    name: str, title: str, summary: str, n: int, layout: _Layout, *faults: str, **about: str
) -> Benchmark:
    labels = {each: each.replace("_", " ").capitalize() for each in layout.tags}
    return Benchmark(
        name=name,
        title=title,
        family="choice",
        summary=summary,
        n_examples=n,
        read=functools.partial(read_exam, layout=layout),
        protocol=ChoiceProtocol(),
        folder=name,
        brings=f"`{layout.files[0]}`, with the images in it or beside it",
        slices=(*map(Slice, layout.tags), Slice("images")),
        labels={**CHOICE_LABELS, **labels, "images": "Number of images"},
        faults=(
            "The harness that is usual for it takes a random option where it cannot read an "
            "answer; here such an answer is wrong, and the share read stands beside the score.",
            *faults,
        ),
        verified="The loader, on made-up rows in the schema of the file; its data may not be "
        "kept here.",
        **about,  # type: ignore[arg-type]
    )


BENCHMARKS = (
    _benchmark(
        "gmai-mmbench",
        "GMAI-MMBench (validation)",
        "clinical images of 38 modalities: one option of several",
        4550,
        _Layout(
            files=("GMAI-MMBench_VAL.tsv", "GMAI*VAL*.tsv"),
            tags={
                "category": "category",
                "task": "clinical vqa task",
                "department": "department",
                "granularity": "perceptual granularity",
            },
        ),
        licence="stated at its home",
        citation="Chen et al. 2024, arXiv:2408.03361",
        url="https://huggingface.co/datasets/OpenGVLab/GMAI-MMBench",
        measures="Reading of clinical images of many modalities.",
    ),
    _benchmark(
        "endobench",
        "EndoBench",
        "endoscopy images: one option of several",
        6832,
        _Layout(
            files=("EndoBench.tsv", "Endo*.tsv"),
            tags={"category": "category", "task": "task", "scene": "scene"},
        ),
        licence="stated at its home",
        citation="Liu et al. 2025, arXiv:2505.23601",
        url="https://huggingface.co/datasets/Saint-lsy/EndoBench",
        measures="Reading of endoscopy images, marks in them included.",
    ),
    _benchmark(
        "medframeqa",
        "MedFrameQA",
        "several frames of a video, compared: one option of several",
        2851,
        _Layout(
            files=("*.parquet",),
            id="question_id",
            options="options",
            tags={"organ": "organ", "system": "system", "modality": "modality"},
        ),
        licence="stated at its home",
        citation="Yu et al. 2025, arXiv:2505.16964",
        url="https://ucsc-vlaa.github.io/MedFrameQA",
        measures="Whether what several frames show together is understood.",
    ),
    _benchmark(
        "medxpertqa-mm-images",
        "MedXpertQA, with images",
        "hard questions of specialists with images: one option of five",
        2000,
        _Layout(
            files=("test.jsonl", "*MM*.jsonl"),
            id="id",
            image=("images",),
            options="options",
            answer="label",
            tags={"task": "medical_task", "system": "body_system", "question": "question_type"},
        ),
        licence="MIT",
        citation="Zuo et al. 2025, arXiv:2501.18362",
        url="https://huggingface.co/datasets/TsinghuaC3I/MedXpertQA",
        measures="Knowledge and reasoning of specialists, over images of a case.",
    ),
    _benchmark(
        "medbookvqa",
        "MedBookVQA",
        "figures of textbooks: one option of several",
        5000,
        _Layout(
            files=("*.json", "*.jsonl"),
            id="_id",
            image=("image_path",),
            question="Question",
            answer="Answer",
            wrong="Distractors",
            tags={"modality": "modality", "anatomy": "anatomy", "department": "department"},
        ),
        licence="CC BY-NC 4.0",
        citation="MedBookVQA 2025, arXiv:2506.00855",
        url="https://huggingface.co/datasets/slyipae1/MedBookVQA",
        measures="Reading of figures in medical textbooks.",
    ),
    _benchmark(
        "pmc-vqa",
        "PMC-VQA (test, checked by hand)",
        "figures of biomedical papers: one option of four",
        2000,
        _Layout(
            files=("test_clean.csv", "test_2.csv", "test.csv"),
            id=None,
            image=("Figure_path",),
            question="Question",
            letter="Choice {}",
            answer="Answer_label",
        ),
        licence="stated at its home",
        citation="Zhang et al. 2023, arXiv:2305.10415",
        url="https://huggingface.co/datasets/xmcmic/PMC-VQA",
        measures="Reading of figures in biomedical papers.",
    ),
    _benchmark(
        "omnimedvqa",
        "OmniMedVQA",
        "images of many modalities, as a VLMEvalKit file: one option of several",
        127995,
        _Layout(
            files=("OmniMedVQA*.tsv", "*.tsv"),
            tags={"category": "category", "l2-category": "l2-category", "split": "split"},
        ),
        "Its paper counts 127,995 questions on 118,010 images of 73 sets; not all of them are open, "
        "so a file may be a part.",
        licence="stated at its home",
        citation="Hu et al. 2024, arXiv:2402.09181",
        url="https://huggingface.co/datasets/foreverbeliever/OmniMedVQA",
        measures="Reading of images of many modalities and parts of the body.",
    ),
    _benchmark(
        "chestagentbench",
        "ChestAgentBench",
        "chest images of Eurorad cases: one option of six",
        2500,
        _Layout(
            files=("metadata.jsonl",),
            id="full_question_id",
            image=("images", "figures"),
            options="question",
            tags={"type": "type", "category": "categories"},
            cluster="case_id",
        ),
        licence="stated at its home",
        citation="Fallahpour et al. 2025, arXiv:2502.02673",
        url="https://huggingface.co/datasets/wanglab/chest-agent-bench",
        measures="Reasoning over chest images of a case.",
    ),
    _benchmark(
        "medq-bench",
        "MedQ-Bench, perception",
        "quality of medical images: one option of several",
        2600,
        _Layout(
            files=("medqbench_QA_test.tsv", "medqbench_QA_dev.tsv"),
            tags={"modality": "modality", "category": "category", "question": "question_type"},
        ),
        licence="stated at its home",
        citation="Liu et al. 2025, arXiv:2510.01691",
        url="https://huggingface.co/datasets/jiyaoliufd/MedQ-Bench",
        measures="Whether faults of a medical image are seen.",
    ),
)
