"""Texts about images, whose files a user brings: MedQ-Bench, SpineBench, Kvasir-VQA-x1."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.benchmarks.images import asked_about, images_of, rows_in
from preceptor.cells import decoded
from preceptor.files import read_rows
from preceptor.protocols.generation import TRANSLATED_LABELS, generation
from preceptor.protocols.graded_axes import GRADED_LABELS, graded_axes, graded_criteria
from preceptor.protocols.judging import ReferenceGrader
from preceptor.records import Criterion, Example, Slice
from preceptor.records.parts import Image
from preceptor.systems.base import Parameters

__all__ = ["BENCHMARKS", "read_texts"]

#: MedQ-Bench's four axes (arXiv:2510.01691), in our own words.
_QUALITY = {
    "completeness": "Completeness: are the key visual features of the reference there? 2 all or "
    "nearly all, 1 some, 0 none.",
    "preciseness": "Preciseness: is what is said precise and free of what contradicts the "
    "reference? 2 nothing contradicts it, 1 little does, 0 it is contradicted in the main.",
    "consistency": "Consistency: does the answer's conclusion on quality follow from what it "
    "describes? 2 it does, 1 in part, 0 it does not, or there is none.",
    "quality": "Quality: how far is the answer's class of quality from the reference's? The "
    "classes in order are reject, usable, good. 2 the same, 1 the one beside it, 0 two apart or "
    "none.",
}
#: Sections of a report on a spine. The authors' weights are not published: each counts the same.
_SPINE = {
    name: f"{title}: 2 as the reference has it, 1 in part, 0 missing or against the reference."
    for name, title in (
        ("imaging", "Imaging: what the images show"),
        ("diagnosis", "Diagnosis"),
        ("patient", "Patient: what the patient is told"),
        ("plan", "Plan: what is to be done, and why"),
        ("risk", "Risk: what may go wrong"),
    )
}
_TELL_QUALITY = (
    "Describe the quality of the image: its low-level appearance and its faults. End with a line "
    "that says whether its quality is good, usable or reject."
)
_TELL_SENTENCE = "Answer the question about the image in one sentence."


class _Layout(msgspec.Struct, frozen=True, kw_only=True):
    """How a row has its question.

    Attributes
    ----------
    files
        Patterns of the file's name in a folder.
    id
        None where rows are numbered.
    asked
        What is asked where the row has no question.
    tags
        Namespace of a slice → its column, which may hold a list.
    """

    files: tuple[str, ...]
    id: str | None = "index"
    image: str = "image"
    suffix: str = ""
    reference: str
    asked: str | None = None
    tags: Mapping[str, str] = {}
    criteria: tuple[Criterion, ...] = ()


def read_texts(path: Path, layout: _Layout) -> Iterator[Example]:
    """The questions of a file, or of a folder with one of that name; those about the same images
    are drawn together."""
    rows = rows_in(path, layout.files)[0]
    root = path if path.is_dir() else path.parent
    earlier: dict[str, list[Image]] = {}
    for number, row in read_rows(rows):
        named = {layout.image: f"{row.get(layout.image)}{layout.suffix}"} if layout.suffix else {}
        fields = Fields({**row, **named}, str(rows), number)
        id = str(number) if layout.id is None else fields.id(layout.id)
        earlier[id] = shown = images_of(fields, layout.image, rows.parent, root, earlier)
        question = layout.asked
        if question is None or str(row.get("question") or "").strip():
            question = fields.text("question").strip()
        yield Example(
            id=id,
            messages=(asked_about(shown, question),),
            criteria=layout.criteria,
            tags=_tags(fields, layout),
            target={
                "reference": fields.text(layout.reference),
                "cluster": "+".join(each.sha256[:16] for each in shown),
            },
        )


def _tags(row: Fields, layout: _Layout) -> tuple[str, ...]:
    found: list[str] = []
    for name, column in layout.tags.items():
        value = decoded(row.row.get(column))
        values = value if isinstance(value, list) else [value]
        found += [f"{name}:{each}" for each in values if each is not None and str(each).strip()]
    return tuple(dict.fromkeys(found))


_GRADER = ReferenceGrader("openai/gpt-4.1-2025-04-14", Parameters(temperature=0.0), published=False)
_MADE_UP = (
    "The loader and the scores, on made-up rows in the schema of the file; its data may not be "
    "kept here."
)
_UNSEEN = "The judge reads the reference and does not see the images."


def _judged(
    name: str, axes: Mapping[str, str], layout: _Layout, n: int, **about: object
) -> Benchmark:
    criteria = graded_criteria(axes)
    layout = msgspec.structs.replace(layout, criteria=criteria)
    titles = {f"axis:{each}": each.capitalize() for each in axes}
    named = {each: each.capitalize() for each in layout.tags}
    return Benchmark(
        name=name,
        family="graded-axes",
        n_examples=n,
        n_criteria=n * len(criteria),
        read=functools.partial(read_texts, layout=layout),
        protocol=graded_axes(_GRADER),
        brings=f"`{layout.files[0]}`, with the images in it or beside it",
        folder=name,
        slices=(Slice("axis"), *map(Slice, layout.tags)),
        labels={**GRADED_LABELS, **titles, **named},
        licence="stated at its home",
        verified=_MADE_UP,
        **about,  # type: ignore[arg-type]
    )


BENCHMARKS = (
    _judged(
        "medq-bench-description",
        _QUALITY,
        _Layout(
            files=("medqbench_description_test.tsv", "medqbench_description*.tsv"),
            reference="description",
            asked=_TELL_QUALITY,
            tags={"modality": "modality"},
        ),
        708,
        title="MedQ-Bench, descriptions",
        summary="quality of medical images: a description, judged on four axes",
        citation="Liu et al. 2025, arXiv:2510.01691",
        url="https://huggingface.co/datasets/jiyaoliufd/MedQ-Bench",
        measures="Whether the quality of a medical image is described as an expert does.",
        faults=(
            _UNSEEN,
            "The published judge's failures leave the mean; here they leave the score undefined, "
            "and its coverage says so.",
        ),
    ),
    _judged(
        "spinebench-report",
        _SPINE,
        _Layout(files=("*report*.tsv", "*report*.jsonl", "*.jsonl"), reference="answer"),
        87,
        title="SpineBench, reports",
        summary="images of the spine: a report, judged on five sections",
        citation="SpineMed 2025, arXiv:2510.03160",
        url="https://arxiv.org/abs/2510.03160",
        measures="Whether a report on the spine is as an expert's.",
        caution="The rubric is ours: the authors' weights and prompts are not published, and each "
        "section counts the same",
        faults=(_UNSEEN, "Two benchmarks have this name; the columns of the file are ours."),
    ),
    Benchmark(
        name="kvasir-vqa-x1",
        title="Kvasir-VQA-x1 (test)",
        family="generation",
        summary="endoscopy images: a question answered in a sentence",
        licence="stated at its home",
        citation="Gautam et al. 2025, arXiv:2506.09958",
        n_examples=15_955,
        read=functools.partial(
            read_texts,
            layout=_Layout(
                files=("*test*.jsonl", "*test*.parquet"),
                id=None,
                image="img_id",
                suffix=".jpg",
                reference="answer",
                tags={"complexity": "complexity", "class": "question_class"},
            ),
        ),
        protocol=generation(_TELL_SENTENCE, translated=True),
        url="https://huggingface.co/datasets/SimulaMet/Kvasir-VQA-x1",
        brings="the rows of the test part, with the images beside them",
        folder="kvasir-vqa-x1",
        slices=(Slice("complexity"), Slice("class")),
        labels={**TRANSLATED_LABELS, "complexity": "Complexity", "class": "Class of question"},
        measures="Whether a question on an endoscopy image is answered in a sentence like the "
        "reference.",
        faults=(
            "Words that are shared are not facts that are right: the authors' judge by class of "
            "question is not here. METEOR is without WordNet's synonyms.",
        ),
        verified=_MADE_UP,
    ),
)
