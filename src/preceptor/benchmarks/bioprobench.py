"""BioProBench (Liu et al. 2025): laboratory protocols. Questions, order, errors, writing."""

from __future__ import annotations

from typing import Any

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.protocols.base import Protocol
from preceptor.protocols.choice import CHOICE_LABELS, choice_asking, choice_example
from preceptor.protocols.confident import ACCURACY_READ, CONFIDENT, ConfidentScoring
from preceptor.protocols.detection import DetectionScoring, detection_example
from preceptor.protocols.ordering import ORDERING, ordering_example
from preceptor.protocols.procedures import PROCEDURE_LABELS, PROCEDURES
from preceptor.records import Example, Message, Slice
from preceptor.scoring.answers import PARSED
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.step_lists import lines_of

__all__ = ["BENCHMARKS"]

_REPO, _REVISION = "YuyangSunshine/bioprotocolbench", "b6f36cb139ac574740b3af3097a901a06bdcea8d"
_READ = "of the answers that could be read"


def _question(row: Fields) -> Example:
    choices, answer = row.texts("choices"), row.text("answer")
    if choices.count(answer) != 1:
        raise row.fault("answer", "one of the choices", answer)
    options = dict(zip("ABCDEFGHIJ", choices, strict=False))
    right = next(letter for letter, text in options.items() if text == answer)
    ask = "This step of a laboratory protocol has a gap. What belongs there?"
    stem = f"{ask}\n\n{row.text('question')}"
    return choice_example(row.text("id"), stem, options, right, (f"type:{row.text('type')}",))


def _order(row: Fields) -> Example:
    shown, right = row.texts("wrong_steps"), row.texts("correct_steps")
    if sorted(shown) != sorted(right) or len(right) < 2:
        raise row.fault("wrong_steps", "the steps of correct_steps in another order", list(shown))
    tags = (f"type:{row.text('type')}",)
    return ordering_example(row.text("id"), row.text("question"), shown, right, tags)


def _error(row: Fields) -> Example:
    fine = row.need("is_correct", "true or false")
    if not isinstance(fine, bool):
        raise row.fault("is_correct", "true or false", fine)
    step = row.text("corrected_text" if fine else "corrupted_text")
    around = row.nested("context")
    said = (
        ("Purpose of the step", around.optional_text("purpose")),
        ("Step before it", around.optional_text("prior_step")),
        ("Step after it", around.optional_text("next_step")),
        ("The step", step),
    )
    lines = "\n".join(f"{name}: {text}" for name, text in said if text)
    stem = f"Is there an error in this step of a laboratory protocol?\n\n{lines}"
    return detection_example(row.text("id"), stem, not fine, (f"type:{row.text('type')}",))


def _procedure(row: Fields) -> Example:
    steps = [step for line in row.texts("output") for step in lines_of(line)]
    if not steps:
        raise row.fault("output", "a list of steps that is not empty", row.row.get("output"))
    asked = f"{row.text('input')}\n\n{row.text('instruction')}"
    return Example(
        id=row.text("id"),
        messages=(Message("system", row.text("system_prompt")), Message("user", asked)),
        criteria=(),
        tags=(f"type:{row.text('type')}",),
        target={"steps": steps},
    )


def _benchmark(task: str, **rest: Any) -> Benchmark:
    labels = {**CHOICE_LABELS, ACCURACY_READ: f"Accuracy {_READ}", **rest.pop("labels", {})}
    sha256 = rest.pop("sha256")
    return Benchmark(
        slices=(Slice("type"),),
        name=f"bioprobench-{task.lower()}",
        licence="CC-BY-NC-4.0",
        citation="Liu et al. 2025, arXiv:2505.07889",
        source=Source(_REPO, _REVISION, f"Data/{task}_test.json", sha256, "github"),
        url=f"https://github.com/{_REPO}",
        folder="bioprobench",
        labels=labels,
        **rest,
    )


BENCHMARKS = (
    _benchmark(
        "PQA",
        title="BioProBench, questions",
        family="choice",
        summary="the missing quantity, reagent or operation of a laboratory step, and how sure",
        n_examples=1200,
        parse=_question,
        protocol=Protocol(
            "confident-choice", asking=choice_asking(CONFIDENT), scoring=ConfidentScoring()
        ),
        sha256="118f62764c385e7ae68ff4d03302c5353ca9082769c1c89980952a7278028044",
        labels={"brier": "Brier score of the confidence", "type:parameter": "Quantities"},
        measures="Knowledge of laboratory protocols, and whether the stated confidence fits it.",
        verified="All rows read; metrics on made-up answers.",
    ),
    _benchmark(
        "ORD",
        title="BioProBench, order",
        family="ordering",
        summary="shuffled steps of a laboratory protocol to be put in order",
        n_examples=1161,
        parse=_order,
        protocol=ORDERING,
        sha256="91d3e6641d6d05b23032529a86345b7d581774231d122898d42ccbbd57d1a6fb",
        labels={
            OVERALL: "Exactly right",
            PARSED: "Answers that could be read",
            "exact_of_read": f"Exactly right, {_READ}",
            "kendall_tau": "Kendall's tau, mean over lists",
            "kendall_tau_pooled": "Kendall's tau, over all pairs of steps",
            "type:top": "Sections",
            "type:child": "Steps",
        },
        measures="Whether a system can put the steps of a laboratory protocol in order.",
        faults=("16 lists have the same step more than once.",),
        verified="All rows read; metrics on made-up answers.",
    ),
    _benchmark(
        "ERR",
        title="BioProBench, errors",
        family="detection",
        summary="a step of a laboratory protocol: is there an error in it?",
        n_examples=1200,
        parse=_error,
        protocol=Protocol("detection", asking=choice_asking(), scoring=DetectionScoring()),
        sha256="371fad1216ca589a97088c5a7ceb7e2c5c40cd0c88e2224a149ac5a9eaae939e",
        labels={
            "precision": "Precision",
            "recall": "Recall",
            "f1": "F1",
            "type:correct": "No error",
            "type:parameter": "Wrong quantity",
            "type:reagent": "Wrong reagent",
            "type:operation": "Wrong operation",
        },
        measures="Whether a system notices an error in a step of a laboratory protocol.",
        faults=("66 steps with an error have the same text as their correction.",),
        verified="All rows read; metrics on made-up answers.",
    ),
    _benchmark(
        "GEN",
        title="BioProBench, writing",
        family="procedures",
        summary="the steps of a laboratory protocol, written for a purpose",
        n_examples=772,
        parse=_procedure,
        protocol=PROCEDURES,
        sha256="2e438a6524815a078e979cd9cc777e9aec1ec84ae5f3130990e8b8f62b0c8428",
        labels={
            **PROCEDURE_LABELS,
            "type:easy": "Easy",
            "type:standard": "Standard",
            "type:difficulty": "Difficult",
        },
        measures="How much of the steps of a published laboratory protocol is in what a system "
        "writes.",
        faults=(
            "In the published means an answer that was not given has no part; here an answer "
            "without its marks has a BLEU of 0, and the other metrics are of those read.",
            "Published steps are compared by an encoder, and several may have one partner; here "
            "they are paired one to one by their words, and by an encoder where you have one.",
            "Published keywords are the 64 nearest a text by an encoder; here all words but the "
            "commonest, and METEOR has no synonyms, so neither is comparable with the paper's.",
            "Numbers of steps are no words here; the published scorer counts them.",
        ),
        verified="All rows read; BLEU, METEOR and ROUGE by NLTK and rouge_score, and the pairing "
        "on made-up answers.",
    ),
)
