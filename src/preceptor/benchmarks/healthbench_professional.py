"""HealthBench Professional (OpenAI, 2026; arXiv 2604.27470), and `starter` in its schema."""

from __future__ import annotations

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.benchmarks.healthbench import AXES
from preceptor.benchmarks.own_rows import criterion, message
from preceptor.protocols.judging import ReferenceGrader
from preceptor.protocols.rubric import RubricProtocol
from preceptor.records import Example, PhysicianAnswer, Slice
from preceptor.scoring import LengthRule
from preceptor.systems.base import Parameters

__all__ = ["BENCHMARKS"]

_PROTOCOL = RubricProtocol(
    ReferenceGrader(
        "openai/gpt-5.4-2026-03-05", Parameters(api="responses", reasoning_effort="low")
    ),
    LengthRule(1.47),
)

_LABELS = {
    "use_case:consult": "Care consult",
    "use_case:writing": "Writing and documentation",
    "use_case:research": "Medical research",
    "type:good_faith": "Good faith",
    "type:red_teaming": "Red teaming",
    "difficulty:typical": "Typical",
    "difficulty:difficult": "Difficult",
}

_SLICES = (
    Slice("use_case", ("consult", "writing", "research")),
    Slice("type", ("good_faith", "red_teaming")),
    Slice("difficulty", ("typical", "difficult")),
    Slice("specialty"),
)


def _parse(row: Fields) -> Example:
    messages = tuple(message(item) for item in row.nested("conversation").items("messages"))
    if messages[-1].role != "user":
        raise row.fault("conversation", "one that ends with the user", messages[-1].role)
    answer = row.optional_text("physician_response")
    return Example(
        id=row.text("id"),
        messages=messages,
        criteria=tuple(criterion(item, "criterion_text") for item in row.items("rubric_items")),
        tags=tuple(
            f"{each.name}:{row.text(each.name)}"
            for each in _SLICES
            if row.row.get(each.name) is not None
        ),
        physician=PhysicianAnswer(answer) if answer else None,
    )


BENCHMARKS = (
    Benchmark(
        name="healthbench-professional",
        title="HealthBench Professional",
        family="rubric",
        summary="real clinician chats, a third of them adversarial",
        licence="MIT",
        citation="OpenAI 2026, arXiv:2604.27470",
        n_examples=525,
        n_criteria=1135,
        parse=_parse,
        protocol=_PROTOCOL,
        source=Source(
            "openai/healthbench-professional",
            "349962fd46dd02343a0d8a606491baf59154ea1a",
            "healthbench_professional_eval.jsonl",
            "d44b08e6e952e04c945e2c406f02533d9e7a989a84e35820ee7efdff20c9e4e2",
        ),
        url="https://huggingface.co/datasets/openai/healthbench-professional",
        labels=_LABELS,
        slices=(*_SLICES, AXES),
        measures="Whether answers to clinicians meet the criteria that physicians wrote for each.",
        verified="Its length rule fits the published pairs of raw and adjusted scores; no row of "
        "the data was read here.",
    ),
    Benchmark(
        name="starter",
        title="Preceptor Starter",
        family="rubric",
        summary="made-up tasks for learning the tool, contained in it",
        licence="Apache-2.0",
        citation="this project",
        n_examples=36,
        n_criteria=None,
        parse=_parse,
        protocol=_PROTOCOL,
        contained="starter.jsonl",
        labels=_LABELS,
        slices=(*_SLICES, AXES),
        caution="starter was not written by physicians: it is for learning the tool, "
        "not for judging a system",
    ),
)
