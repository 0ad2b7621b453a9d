"""K-QA: patients' questions with the statements that an answer must make (arXiv 2401.14493)."""

from __future__ import annotations

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.protocols.judging import ReferenceGrader
from preceptor.protocols.statements import CLAIM_LABELS, MUST, NICE, claims
from preceptor.records import Criterion, Example, Message, PhysicianAnswer, Slice
from preceptor.systems.base import Parameters

__all__ = ["BENCHMARKS", "parse"]


def parse(row: Fields) -> Example:
    """A row: `Question`, `Free_form_answer`, `Must_have`, `Nice_to_have`. Its id is its line."""
    must, nice = row.texts("Must_have"), row.texts("Nice_to_have")
    if not must:
        raise row.fault("Must_have", "a list of texts that is not empty", row.row.get("Must_have"))
    answer = row.optional_text("Free_form_answer")
    return Example(
        id=str(row.line),
        messages=(Message("user", row.text("Question")),),
        criteria=(
            *(Criterion(each, 1, (MUST,)) for each in must),
            *(Criterion(each, 1, (NICE,)) for each in nice),
        ),
        physician=None if answer is None else PhysicianAnswer(answer),
    )


BENCHMARKS = (
    Benchmark(
        slices=(Slice("axis"),),
        name="k-qa",
        title="K-QA",
        family="claims",
        summary="patients' questions with the statements that an answer must make",
        licence="MIT",
        citation="Manes et al. 2024, arXiv:2401.14493",
        n_examples=201,
        n_criteria=1589,
        parse=parse,
        protocol=claims(ReferenceGrader("openai/gpt-4", Parameters(temperature=0.0))),
        source=Source(
            "Itaymanes/K-QA",
            "ef403d012e199fcfa0d8c02b38a96ff95164f4d0",
            "dataset/questions_w_answers.jsonl",
            "1d4204665e2c9e50c3c348b8ad1de2ddf5d90205c3efaea0eb38135192272c6f",
            host="github",
        ),
        folder="k-qa",
        labels=CLAIM_LABELS | {MUST: "Must have", NICE: "Nice to have"},
        measures="Whether an answer to a patient's question says what physicians hold necessary, "
        "and contradicts nothing that they hold true.",
        faults=(
            "The authors ask for entailment and for contradiction in two calls; here one call "
            "gives entailed, neutral or contradicted.",
            "The authors' script counts a judge's unreadable reply as not entailed and not "
            "contradicted; here it is ungraded.",
            "Three of the 892 must-have statements are blank; they are judged and counted, as by "
            "the authors.",
            "Of 399 published judgements by three physicians, 8 are on a question, and 133 on a "
            "statement, that the release does not have in these words.",
        ),
        verified="The 399 judgements by physicians: their majorities are those of the file, and "
        "a judge's labels on them are audited as ratings of kind nominal.",
    ),
)
