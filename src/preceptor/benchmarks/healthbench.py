"""HealthBench, Hard and Consensus (OpenAI, 2025; arXiv 2505.08775)."""

from __future__ import annotations

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.benchmarks.own_rows import criterion, message
from preceptor.protocols.judging import ReferenceGrader
from preceptor.protocols.rubric import RubricProtocol
from preceptor.records import Example, PhysicianAnswer, Slice
from preceptor.scoring import LengthRule
from preceptor.systems.base import Parameters

__all__ = ["AXES", "BENCHMARKS", "parse"]

_GRADER = ReferenceGrader(
    "openai/gpt-4.1-2025-04-14",
    Parameters(
        system_prompt="You are a helpful assistant.",
        temperature=0.5,
        max_tokens=2048,
    ),
)

_LABELS = {
    "theme:global_health": "Global health",
    "theme:hedging": "Responding under uncertainty",
    "theme:communication": "Expertise-tailored communication",
    "theme:context_seeking": "Context seeking",
    "theme:emergency_referrals": "Emergency referrals",
    "theme:health_data_tasks": "Health data tasks",
    "theme:complex_responses": "Response depth",
    "axis:completeness": "Completeness",
    "axis:accuracy": "Accuracy",
    "axis:context_awareness": "Context awareness",
    "axis:communication_quality": "Communication quality",
    "axis:instruction_following": "Instruction following",
    "level:example": "Example-specific criteria",
    "level:cluster": "Consensus criteria",
}


AXES = Slice(
    "axis",
    (
        "completeness",
        "accuracy",
        "context_awareness",
        "communication_quality",
        "instruction_following",
    ),
)
#: In the order of the paper.
_SLICES = (
    Slice(
        "theme",
        (
            "global_health",
            "hedging",
            "communication",
            "context_seeking",
            "emergency_referrals",
            "health_data_tasks",
            "complex_responses",
        ),
    ),
    Slice("physician_agreed_category", compared=False),
    AXES,
    Slice("level", ("example", "cluster"), compared=False),
    Slice("cluster", compared=False),
)


def parse(row: Fields) -> Example:
    """A row of the public release: `prompt_id`, `prompt`, `rubrics`, `example_tags`, …"""
    messages = tuple(message(item) for item in row.items("prompt"))
    if messages[-1].role != "user":
        raise row.fault("prompt", "a conversation that ends with the user", messages[-1].role)
    return Example(
        id=row.id("prompt_id"),
        messages=messages,
        criteria=tuple(criterion(item, "criterion") for item in row.items("rubrics")),
        tags=row.texts("example_tags"),
        physician=_physician(row),
    )


def _physician(row: Fields) -> PhysicianAnswer | None:
    if row.row.get("ideal_completions_data") is None:
        return None
    data = row.nested("ideal_completions_data")
    return PhysicianAnswer(
        text=data.text("ideal_completion", empty=True),
        group=data.optional_text("ideal_completions_group"),
        references=data.texts("ideal_completions_ref_completions"),
    )


def _benchmark(
    name: str,
    title: str,
    summary: str,
    *,
    counts: tuple[int, int | None],
    filename: str,
    sha256: str,
    points_per_500: float,
    verified: str,
) -> Benchmark:
    return Benchmark(
        name=name,
        title=title,
        family="rubric",
        summary=summary,
        licence="MIT",
        citation="Arora et al. 2025, arXiv:2505.08775",
        n_examples=counts[0],
        n_criteria=counts[1],
        parse=parse,
        protocol=RubricProtocol(_GRADER, LengthRule(points_per_500)),
        source=Source(
            "openai/healthbench", "40ee1968852fc57f625934251ac22be47077a8fb", filename, sha256
        ),
        url="https://huggingface.co/datasets/openai/healthbench",
        labels=_LABELS,
        slices=_SLICES,
        measures="Whether answers to health conversations meet the criteria that physicians wrote "
        "for each of them.",
        verified=verified,
    )


BENCHMARKS = (
    _benchmark(
        "healthbench",
        "HealthBench",
        "health conversations with rubrics by physicians",
        counts=(5000, 57237),
        filename="2025-05-07-06-14-12_oss_eval.jsonl",
        sha256="e99dd3c6372c10d6fcc5e385c5fae69d0dd40392dae56836ef9493ae324ecd2f",
        points_per_500=2.99,
        verified="537 of the 5,000 rows were read; a result file of the reference implementation, "
        "of 10 examples, came out number by number.",
    ),
    _benchmark(
        "healthbench-hard",
        "HealthBench Hard",
        "the 1,000 on which models of 2025 did worst",
        counts=(1000, None),
        filename="hard_2025-05-08-21-00-10.jsonl",
        sha256="b0320430e5cd974e746585594c1dd10b5a3fc2aff9c72b26106c2c4a069d74e9",
        points_per_500=3.92,
        verified="892 of the 1,000 rows were read; 36 runs with 76,090 published verdicts were "
        "scored as an independent computation does.",
    ),
    _benchmark(
        "healthbench-consensus",
        "HealthBench Consensus",
        "only criteria that several physicians agreed on",
        counts=(3671, 8053),
        filename="consensus_2025-05-09-20-00-46.jsonl",
        sha256="fabe37553327238928b05357d8b309737b5d426d6dee432a3376da618d0969d6",
        points_per_500=0.20,
        verified="231 of the 3,671 rows were read; a result file of the reference implementation, "
        "of 20 examples, came out number by number.",
    ),
)
