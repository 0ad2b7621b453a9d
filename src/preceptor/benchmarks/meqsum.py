"""MeQSum: a patient's long question, as one short question."""

from __future__ import annotations

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.protocols.generation import GENERATION_LABELS, generation
from preceptor.records import Example, Message

__all__ = ["BENCHMARKS"]

_INSTRUCTIONS = (
    "Rewrite the message below as one short question that asks what its author needs to know. "
    "Reply with that question alone."
)


def _parse(row: Fields) -> Example:
    return Example(
        id=row.text("File").removesuffix(".txt").removesuffix(".xml"),
        messages=(Message("user", row.text("CHQ")),),
        criteria=(),
        target={"reference": row.text("Summary")},
    )


BENCHMARKS = (
    Benchmark(
        name="meqsum",
        title="MeQSum",
        family="generation",
        summary="consumer health questions, summarised",
        licence="none stated",
        citation="Ben Abacha and Demner-Fushman 2019, ACL (P19-1215)",
        n_examples=1000,
        protocol=generation(_INSTRUCTIONS),
        parse=_parse,
        source=Source(
            "abachaa/MeQSum",
            "51e36cf65c12602333b6fdc3ae8ecf10430529f7",
            "MeQSum_ACL2019_BenAbacha_Demner-Fushman.xlsx",
            "abedd939d5014306ca576522416bf69103e85dc8fcf1668a4099e8b84a39eeea",
            host="github",
        ),
        url="https://github.com/abachaa/MeQSum",
        folder="clue-plus/meqsum",
        labels=GENERATION_LABELS,
        measures="How much of an expert's short question, in words, is in the one that a model "
        "makes of a patient's message.",
        faults=("A summary that asks the same in other words has a low score.",),
        verified="The file was read; its hash is that of the pinned revision.",
    ),
)
