"""VQA-RAD (Lau et al. 2018): questions about radiology images, closed and open ones apart."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.benchmarks.images import asked_about, images_of
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.short_answers import CLOSED_LABELS, OPEN_LABELS, closed, opened
from preceptor.records import Example, Slice

__all__ = ["BENCHMARKS", "read_questions"]

_FILES = ("testset.json", "VQA_RAD Dataset Public.json")
_IMAGES = ("images", "VQA_RAD Image Folder")
_KINDS = ("CLOSED", "OPEN")
_NAMES = {"CHEST": "Chest", "HEAD": "Head", "ABD": "Abdomen"}
_ASKED = {
    "PRES": "Presence",
    "POS": "Place",
    "ABN": "Abnormality",
    "SIZE": "Size",
    "MODALITY": "Modality",
    "PLANE": "Plane",
    "ATTRIB": "Attribute",
    "ORGAN": "Organ system",
    "COUNT": "Count",
    "COLOR": "Colour",
    "OTHER": "Other",
}


def read_questions(path: Path, kind: str) -> Iterator[Example]:
    """The questions of one kind, ``CLOSED`` or ``OPEN``, whose image is there.

    Questions about one image are drawn together.

    Raises
    ------
    InputError
        No question has its image.
    """
    rows = path
    if path.is_dir():
        there = [path / name for name in _FILES if (path / name).is_file()]
        if not there:
            raise InputError(f"{path}: expected {_FILES[0]}, found none")
        rows = there[0]
    folders = [rows.parent / name for name in _IMAGES]
    found = False
    for number, row in read_rows(rows):
        fields = Fields(row, str(rows), number)
        if fields.one_of("answer_type", _KINDS) != kind:
            continue
        name = fields.text("image_name")
        folder = next((each for each in folders if (each / Path(name).name).is_file()), None)
        if folder is not None:
            found = True
            yield _example(fields, name, folder)
    if not found:
        raise InputError(f"{rows.parent}: expected a folder {_IMAGES[0]} with images, found none")


def _example(row: Fields, name: str, folder: Path) -> Example:
    asked = [each.strip() for each in row.text("question_type").split(",")]
    return Example(
        id=row.id("qid"),
        messages=(
            asked_about(
                images_of(row, "image_name", folder, folder, {}), row.text("question").strip()
            ),
        ),
        criteria=(),
        tags=(f"organ:{row.text('image_organ')}", *(f"asked:{each}" for each in asked)),
        target={"answer": row.id("answer"), "cluster": name},
    )


def _benchmark(kind: str, n: int, floor: str) -> Benchmark:
    name = kind.lower()
    return Benchmark(
        name=f"vqa-rad-{name}",
        title=f"VQA-RAD, {name} questions",
        family="short-answers",
        summary="questions about radiology images: "
        + ("yes or no, or a choice" if kind == "CLOSED" else "a word or a phrase"),
        licence="CC0 1.0",
        citation="Lau et al. 2018, Sci Data 5:180251",
        n_examples=n,
        read=functools.partial(read_questions, kind=kind),
        protocol=closed() if kind == "CLOSED" else opened(),
        url="https://osf.io/89kps/",
        brings="a folder with `testset.json` and `images/`",
        folder="vqa-rad",
        slices=(Slice("organ"), Slice("asked")),
        labels={
            **(CLOSED_LABELS if kind == "CLOSED" else OPEN_LABELS),
            "organ": "Part of the body",
            "asked": "What is asked",
            **{f"organ:{key}": value for key, value in _NAMES.items()},
            **{f"asked:{key}": value for key, value in _ASKED.items()},
        },
        measures="Whether what a radiology image shows is named.",
        faults=(
            "Some answers can be guessed without the image: run it with --images without, too.",
            floor,
        ),
        verified="Floors of constant answers, and the questions with images, to a fake endpoint.",
    )


BENCHMARKS = (
    _benchmark(
        "CLOSED",
        272,
        "Of 272 closed questions 21 want no yes or no; always saying no is right in 133.",
    ),
    _benchmark("OPEN", 179, "Long answers gain by the share of words said; F1 stands beside it."),
)
