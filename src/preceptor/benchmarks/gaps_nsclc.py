"""GAPS-NSCLC: questions on lung cancer with claims at levels of adequacy and safety."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.protocols.base import Protocol
from preceptor.protocols.judging import Judging, ReferenceGrader
from preceptor.protocols.levels import LEVEL_LABELS, LEVELS, LevelsScoring, level_criterion
from preceptor.records import Criterion, Example, Message, Slice
from preceptor.systems.base import Parameters

__all__ = ["BENCHMARKS", "parse"]

_KIND = "分类"
_A_LEVEL = re.compile(r"[AS]\d+")


def parse(row: Fields) -> Example:
    """A row: `index`, `question`, the level G1 to G4, and `rubrics`, a text that is JSON.

    A claim whose level is of the right form but not declared is no criterion: it is kept, with
    its level, as ``undeclared`` in the example's target.
    """
    text = row.text("rubrics")
    try:
        claims = Fields({"rubrics": msgspec.json.decode(text)}, row.where, row.line)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise row.fault("rubrics", "a list of claims as JSON", text) from None
    criteria: list[Criterion] = []
    undeclared: list[dict[str, Any]] = []
    for claim in claims.items("rubrics"):
        words, level = claim.text("claim"), claim.text("level").strip()
        if level in LEVELS:
            criteria.append(level_criterion(words, level))
        elif _A_LEVEL.fullmatch(level):
            undeclared.append({"claim": words, "level": level})
        else:
            raise claim.fault("level", f"one of {', '.join(LEVELS)}", level)
    if not any(criterion.points > 0 for criterion in criteria):
        raise row.fault("rubrics", "a claim of level A1, A2 or A3", text)
    return Example(
        id=str(row.need("index", "an index")),
        messages=(Message("user", row.text("question")),),
        criteria=tuple(criteria),
        tags=(f"grounding:{row.one_of(_KIND, ('G1', 'G2', 'G3', 'G4'))}",),
        target={"undeclared": undeclared} if undeclared else msgspec.UNSET,
    )


BENCHMARKS = (
    Benchmark(
        slices=(Slice("grounding"), Slice("level", ("A1", "A2", "A3"), compared=False)),
        name="gaps-nsclc",
        title="GAPS-NSCLC",
        family="levels",
        summary="lung cancer: claims by adequacy and safety, questions by depth",
        licence="MIT",
        citation="Chen et al. 2025, arXiv:2510.13734",
        n_examples=92,
        n_criteria=1688,
        parse=parse,
        protocol=Protocol(
            "levels",
            judging=Judging(
                ReferenceGrader(
                    "openai/gpt-4.1-2025-04-14", Parameters(temperature=0.0), published=False
                )
            ),
            scoring=LevelsScoring(),
        ),
        source=Source(
            "AQ-MedAI/MedicalAiBenchEval",
            "85e91cf8bfe4926a5b778250836a10f3166ef868",
            "data/input/GAPS-NSCLC-preview.xlsx",
            "6ec15542ab9229c5165033a0e9f8220cbac7fa30d0c5259c4d308912e95f92d0",
            host="github",
        ),
        folder="gaps-nsclc/input",
        languages=("zh",),
        labels={**LEVEL_LABELS, "grounding": "Depth of the question"},
        caution="Three of the release's 1,691 claims have the level A4, which the benchmark does "
        "not declare: they are not judged and do not count",
        measures="How much of what guidelines hold necessary an answer on lung cancer says, and "
        "how many errors that endanger patients it makes, by depth of the question.",
        faults=(
            "The undeclared level A4 is in questions 27 and 74; the authors' script gives it 0.",
            "The authors let three models vote (Kimi-K2, Qwen3-235B, DeepSeek-V3.1), and count a "
            "judge's failure as not met; here one grader judges and a failure is ungraded. "
            "--grader jury:… lets several vote.",
            "The deduction for content beside the rubric, off in the authors' configuration, is "
            "not made.",
        ),
        verified="92 questions, 1,691 claims, their levels; the score's formula against the "
        "authors' definition on made-up verdicts. No verdicts are published.",
    ),
)
