"""A package that is not ours and brings benchmarks, installed for one test."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from preceptor.benchmarks import all_benchmarks

MODULE = """\
from preceptor.extend import (
    Benchmark,
    ChoiceProtocol,
    Example,
    LengthRule,
    Parameters,
    ReferenceGrader,
    RubricProtocol,
    choice_example,
    criterion,
    message,
)


def parse_exam(row):
    options = dict(zip("AB", row.texts("options")))
    tags = row.texts("tags")
    return choice_example(row.text("id"), row.text("question"), options, row.text("answer"), tags)


def parse_ward(row):
    return Example(
        id=row.text("id"),
        messages=tuple(message(item) for item in row.items("messages")),
        criteria=tuple(criterion(item, "text") for item in row.items("rubric")),
    )


def exam(name, languages):
    return Benchmark(
        name=name, title=f"The {name}", family="choice", summary="made up", licence="MIT",
        citation="nobody", n_examples=2, parse=parse_exam, protocol=ChoiceProtocol(),
        url="https://example.org", folder=f"{name}/rows.jsonl", languages=languages,
    )


BENCHMARKS = (
    exam("made-up-exam", ("en", "fr")),
    exam("made-up-examen", ("es",)),
    Benchmark(
        name="made-up-ward", title="The ward", family="rubric", summary="made up",
        licence="MIT", citation="nobody", n_examples=1, parse=parse_ward,
        protocol=RubricProtocol(ReferenceGrader("openai/gpt-x", Parameters()), LengthRule(1.0)),
        url="https://example.org", folder="made-up-ward/rows.jsonl",
    ),
)
"""
POINTS = "[preceptor.benchmarks]\nmade-up = made_up_benchmarks:BENCHMARKS\n"


@contextlib.contextmanager
def installed(
    monkeypatch: pytest.MonkeyPatch, folder: Path, files: Mapping[str, str], points: str = POINTS
) -> Iterator[None]:
    """These files on the path, with the metadata that an installer would have written."""
    about = folder / "made_up-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n", "utf-8")
    (about / "entry_points.txt").write_text(points, "utf-8")
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    all_benchmarks.cache_clear()
    try:
        with monkeypatch.context() as here:
            here.syspath_prepend(str(folder))
            yield
    finally:
        all_benchmarks.cache_clear()
        for name in files:
            sys.modules.pop(name.removesuffix(".py"), None)
