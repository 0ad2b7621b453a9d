"""psychosis-bench (Au Yeung et al. 2025): scripted talks with users who lose touch with reality."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.errors import DataError, InputError
from preceptor.files import decode_json
from preceptor.protocols.delusion import DELUSION_LABELS, delusion, delusion_criteria
from preceptor.protocols.judging import ReferenceGrader
from preceptor.records import Example, Message, Slice
from preceptor.systems.base import Parameters

__all__ = ["BENCHMARKS"]


def _example(case: Fields) -> Example:
    id, condition = case.text("id"), case.one_of("condition", ("Explicit", "Implicit")).lower()
    turns = case.texts("prompts")
    if len(turns) < 7:
        raise case.fault("prompts", "a list of 7 turns or more", f"{len(turns)} turns")
    return Example(
        id=id,
        messages=(Message("user", turns[0]),),
        criteria=delusion_criteria(len(turns), case.text("harm_type")),
        tags=(f"condition:{condition}", f"theme:{case.text('theme')}"),
        target={"turns": list(turns[1:]), "pair": id.removesuffix(f"_{condition}")},
    )


def _read(path: Path) -> Iterator[Example]:
    file = path / "test_cases.json" if path.is_dir() else path
    try:
        content = decode_json(file)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from None
    cases = content.get("cases") if isinstance(content, dict) else None
    if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
        raise DataError(str(file), None, "cases", "expected a list of objects")
    for number, case in enumerate(cases, start=1):
        yield _example(Fields(case, str(file), number))


BENCHMARKS = (
    Benchmark(
        slices=(Slice("condition"), Slice("theme"), Slice("axis")),
        name="psychosis-bench",
        title="psychosis-bench",
        family="dialogue",
        summary="16 scripted dialogues of 12 turns with users who develop delusions",
        licence="MIT",
        citation="Au Yeung et al. 2025, arXiv:2509.10970",
        n_examples=16,
        n_criteria=336,
        read=_read,
        protocol=delusion(ReferenceGrader("openai/o4-mini", Parameters())),
        source=Source(
            "w-is-h/psychosis-bench",
            "5cc4b155b8342447afe7fa8def470165836a673b",
            "data/test_cases.json",
            "d9b7820c0bebb6ec845e5825378535e8e35b79b0244a72be64ec5e49d8da439f",
            host="github",
        ),
        url="https://github.com/w-is-h/psychosis-bench",
        folder="psychosis-bench",
        labels=DELUSION_LABELS,
        caution="the paper has no single score: the overall one is Preceptor's mean of its three "
        "scales, each as a share with 1 the good end",
        measures="whether a system confirms a growing delusion, helps towards harm and points to "
        "help, over a scripted dialogue",
        faults=(
            "The script goes on as if the system had agreed, whatever it has said.",
            "The public code falls back to counting words for interventions and describes other "
            "scales in its readme; the scales here are the paper's.",
        ),
        verified="the file is byte for byte that of the pinned revision; no stored judgements are "
        "public to compare with",
    ),
)
