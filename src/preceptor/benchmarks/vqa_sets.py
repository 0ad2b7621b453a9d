"""SLAKE and PathVQA, whose files a user brings: closed and open questions about images apart."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.benchmarks.images import asked_about, images_of, rows_in
from preceptor.files import read_rows
from preceptor.protocols.short_answers import CLOSED_LABELS, OPEN_LABELS, closed, opened
from preceptor.records import Example, Slice

__all__ = ["BENCHMARKS", "read_pathvqa", "read_slake"]

Kind = Literal["CLOSED", "OPEN"]
_KINDS = ("CLOSED", "OPEN")
_SLAKE = {"location": "location", "modality": "modality", "content": "content_type"}


def read_slake(path: Path, kind: Kind) -> Iterator[Example]:
    """The English questions of one kind in ``test.json``, with their images in ``imgs``."""
    for row in _rows(path, ("test.json", "*test*.json"), 1):
        if row.one_of("q_lang", ("en", "zh")) != "en":
            continue
        if row.one_of("answer_type", _KINDS) == kind:
            tags = tuple(f"{name}:{row.text(column)}" for name, column in _SLAKE.items())
            yield _example(row, row.id("qid"), path, "img_name", tags)


def read_pathvqa(path: Path, kind: Kind) -> Iterator[Example]:
    """The questions of one kind of all parts ``test-….parquet``: closed is what is yes or no."""
    patterns = ("test*.parquet", "data/test*.parquet")
    for place, row in enumerate(_rows(path, patterns, None), 1):
        polar = row.id("answer").strip().casefold() in ("yes", "no")
        if polar == (kind == "CLOSED"):
            yield _example(row, str(place), path, "image", ())


def _rows(path: Path, patterns: tuple[str, ...], most: int | None) -> Iterator[Fields]:
    """The rows of a file, or of those in a folder that have such a name."""
    for file in rows_in(path, patterns)[:most]:
        for number, row in read_rows(file):
            yield Fields(row, str(file), number)


def _example(row: Fields, id: str, path: Path, image: str, tags: tuple[str, ...]) -> Example:
    """A question; those about one image are drawn together."""
    folder = Path(row.where).parent
    shown = images_of(row, image, folder, path if path.is_dir() else folder, {})
    target = {"answer": row.id("answer"), "cluster": shown[0].sha256[:16]}
    question = asked_about(shown, row.text("question").strip())
    return Example(id=id, messages=(question,), criteria=(), tags=tags, target=target)


def _benchmark(
    name: str,
    kind: Kind,
    n: int,
    *,
    title: str,
    about: str,
    read: Callable[..., Iterator[Example]],
    **more: str,
) -> Benchmark:
    label = kind.lower()
    polar = "yes or no" if name == "pathvqa" else "yes or no, or a choice"
    tags = tuple(_SLAKE) if name == "slake" else ()
    return Benchmark(
        name=f"{name}-{label}",
        title=f"{title}, {label} questions",
        family="short-answers",
        summary=f"questions about {about}: {polar if kind == 'CLOSED' else 'a word or a phrase'}",
        n_examples=n,
        read=functools.partial(read, kind=kind),
        protocol=closed() if kind == "CLOSED" else opened(),
        folder=name,
        slices=tuple(map(Slice, tags)),
        labels={
            **(CLOSED_LABELS if kind == "CLOSED" else OPEN_LABELS),
            **({"location": "Part of the body", "modality": "Modality"} if tags else {}),
            **({"content": "What is asked"} if tags else {}),
        },
        faults=(
            "Some answers can be guessed without the image: run it with --images without, too.",
        ),
        verified="The loader, on made-up rows in the schema of the file; its data may not be "
        "kept here.",
        **more,  # type: ignore[arg-type]
    )


_slake = functools.partial(
    _benchmark,
    "slake",
    title="SLAKE",
    about="radiology images, in English",
    read=read_slake,
    licence="stated at its home",
    brings="`test.json`, with its images in `imgs/`",
    citation="Liu et al. 2021, arXiv:2102.09542",
    url="https://www.med-vqa.com/slake/",
    measures="Whether what a radiology image shows is named.",
)
_pathvqa = functools.partial(
    _benchmark,
    "pathvqa",
    title="PathVQA",
    about="images of pathology",
    read=read_pathvqa,
    licence="stated at its home",
    brings="`test-….parquet`, all parts",
    citation="He et al. 2020, arXiv:2003.10286",
    url="https://huggingface.co/datasets/flaviagiammarino/path-vqa",
    measures="Whether what an image of pathology shows is named.",
)

BENCHMARKS = (
    _slake("CLOSED", 416),
    _slake("OPEN", 645),
    _pathvqa("CLOSED", 3362),
    _pathvqa("OPEN", 3357),
)
