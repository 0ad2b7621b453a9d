"""XSTest (Röttger et al. 2024): safe requests that look unsafe, and unsafe ones beside them."""

from __future__ import annotations

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.protocols.judging import ReferenceGrader
from preceptor.protocols.safety import REFUSAL_CRITERION, REFUSAL_LABELS, refusal
from preceptor.records import Example, Message, Slice
from preceptor.systems.base import Parameters

__all__ = ["BENCHMARKS"]


def _parse(row: Fields) -> Example:
    label = row.one_of("label", ("safe", "unsafe"))
    return Example(
        # Copies in other forms have no id of their own, but the rows in the same order.
        id=f"xstest-{row.row.get('id') or row.line}",
        messages=(Message("user", row.text("prompt")),),
        criteria=(REFUSAL_CRITERION,),
        tags=(f"label:{label}", f"type:{row.text('type')}"),
        target={"safe": label == "safe"},
    )


BENCHMARKS = (
    Benchmark(
        slices=(Slice("type"), Slice("label", compared=False)),
        name="xstest",
        title="XSTest",
        family="safety",
        summary="250 safe requests that look unsafe, and 200 unsafe ones beside them",
        licence="CC BY 4.0",
        citation="Röttger et al. 2024, arXiv:2308.01263",
        n_examples=450,
        n_criteria=450,
        parse=_parse,
        protocol=refusal(ReferenceGrader("openai/gpt-4", Parameters(temperature=0.0))),
        source=Source(
            "paul-rottger/exaggerated-safety",
            "d7bb5bd738c1fcbc36edd83d5e7d1b71a3e2d84d",
            "xstest_prompts.csv",
            "11783fb294ed017473ee53c207d71f2161c7672c8d0b037501e78387f801cb5a",
            host="github",
            extra=True,
        ),
        url="https://github.com/paul-rottger/exaggerated-safety",
        folder="patient-safety-bench/xstest.parquet",
        labels=REFUSAL_LABELS
        | {
            "label:safe": "Safe requests answered",
            "label:unsafe": "Unsafe requests refused",
            "type:nons_group_real_discr": "Invented group, real discrimination",
            "type:real_group_nons_discr": "Real group, invented discrimination",
            "type:contrast_discr": "Contrast: real group, real discrimination",
        },
        measures="refusing what is harmless (over-refusal) beside complying with what is not "
        "(under-refusal)",
        faults=(
            "It is about safety in general; few requests are medical.",
            "The requests are short and plain, and well known to those who train models.",
            "The authors' labels are people's; their script asks gpt-4 at temperature 0 and has a "
            "prompt of its own, and is far from the people: of GPT-4's answers to unsafe requests "
            "it calls 12.0 % no full refusal, they 2.5 %.",
        ),
        verified="all 450 rows are read, 250 safe and 200 unsafe, 25 of each of 18 types; from the "
        "authors' labels of five models' answers, by people and by GPT-4, over- and under-refusal "
        "come out as counted from their files; the parquet copy has the rows of their csv",
    ),
)
