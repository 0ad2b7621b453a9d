"""CMB-Clin (Wang et al. 2024): Chinese textbook cases, each with several questions in turn."""

from __future__ import annotations

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.protocols.base import Protocol
from preceptor.protocols.dialogue import AXIS, SCRIPT, DialogueScoring, TurnJudge
from preceptor.protocols.judging import Judging, ReferenceGrader
from preceptor.records import Criterion, Example, Message, Slice
from preceptor.scoring.ratings import Scale
from preceptor.scoring.rubric import OVERALL
from preceptor.systems.base import Parameters

__all__ = ["BENCHMARKS"]

_JUDGE = TurnJudge(
    """\
You rate an answer to a question about a patient's case, in Chinese, on one scale. A reference \
answer from a textbook is given; other words for the same thing are as good.

# Case, and the questions and answers so far
{conversation}

# Answer to rate
{answer}

# Reference answer to the last question
{target.reference}

# Scale, 1 to 5
{criterion}

Reply with JSON only:
{"explanation": "<one or two sentences>", "label": <1 to 5>}
""",
    tuple("12345"),
)

_AXES = {
    "fluency": "Fluency: how well it reads. 1: broken, cannot be read. 3: readable, but plain or "
    "clumsy. 5: as a good author would write it.",
    "relevance": "Relevance: whether it is about what was asked. 1: about something else. 3: about "
    "it, without focus or without details that matter. 5: to the point throughout.",
    "completeness": "Completeness: how much of what the reference has is there. 1: next to "
    "nothing. 3: about half. 5: all of it.",
    "proficiency": "Medical proficiency: whether the medicine is right and well explained. 1: "
    "wrong or confused. 3: right in the main, with errors or little grounds. 5: right throughout, "
    "with expert grounds.",
}


def _parse(row: Fields) -> Example:
    pairs = row.items("QA_pairs")
    questions = [pair.text("question") for pair in pairs]
    # Other copies of the data name the reference so.
    references = [pair.text("solution" if "solution" in pair else "answer") for pair in pairs]
    case = f"病例：\n{row.text('description')}\n\n问题：\n{questions[0]}"
    return Example(
        id=str(row.integer("id")) if isinstance(row.row.get("id"), int) else row.text("id"),
        messages=(Message("user", case),),
        criteria=tuple(
            Criterion(text, 1, (AXIS + axis, f"turn:{turn}"))
            for turn in range(1, len(pairs) + 1)
            for axis, text in _AXES.items()
        ),
        target={"turns": questions[1:], "references": references},
    )


BENCHMARKS = (
    Benchmark(
        slices=(Slice("axis"), Slice("turn", compared=False)),
        name="cmb-clin",
        title="CMB-Clin",
        family="dialogue",
        summary="74 Chinese cases with 208 questions, asked in turn",
        licence="Apache-2.0",
        citation="Wang et al. 2024, arXiv:2308.08833",
        n_examples=74,
        n_criteria=832,
        parse=_parse,
        protocol=Protocol(
            "dialogue",
            environment=SCRIPT,
            judging=Judging(ReferenceGrader("openai/gpt-4", Parameters(temperature=0.0)), _JUDGE),
            scoring=DialogueScoring(dict.fromkeys(_AXES, Scale(1, 5, "points of 5"))),
        ),
        source=Source(
            "FreedomIntelligence/CMB",
            "509d7b2c94302444d355a4ed0b95937f0e227275",
            "Data/CME-test-qa/CMB-test-qa.json",
            "fc4d8d2dbfe7f647e257ceefddc9ab467576e2c4c2978fecba70f38d3c27c07e",
            host="github",
        ),
        url="https://github.com/FreedomIntelligence/CMB",
        folder="cmb/CMB-Clin-qa.json",
        labels={OVERALL: "Mean of the axes, (rating − 1) ÷ 4"},
        languages=("zh",),
        measures="answers to a case's successive questions (diagnosis, differential, treatment), "
        "rated 1 to 5 on four axes against the textbook's",
        faults=(
            "The references come from a textbook: a sound answer that differs can lose points.",
            "Fluency hardly tells systems apart, yet is a quarter of the mean.",
            "The authors' judge is a GPT-4 whose version and temperature they do not state, and "
            "rates the four axes in one call; here it is openai/gpt-4 at temperature 0, one call "
            "an axis.",
        ),
        verified="all 74 cases and 208 questions of the published file are read; no stored ratings "
        "are public to compare with",
    ),
)
