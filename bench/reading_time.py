"""Does reading an answer take time in proportion to its length, whatever stands in it?

    python bench/reading_time.py [READER …] [--longest 200000]

Each reader of answers (letters, numbers, dates, lists, JSON, labels, ranks, spans, orders,
corrections, steps, confidence, replies of judges, features of distilled graders, metrics of
generated texts, personal data) reads texts that repeat one unit: rulers, brackets, quotes, digits,
spaces, announcements. Texts of 12,500 and 50,000 characters are read first; where the longer takes
more than 2.05 times as long for each doubling, and at least 5 ms, the length doubles from 25,000 to
200,000 characters, and each is the least of three readings. Printed is, for each reader, the unit
that costs most a character, and the greatest factor by which a doubling multiplies the processor
time: the mean over the doublings, of texts that take at least 10 ms. The verdict is whether it is
at most 2.3 for every reader.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable

import numpy as np

from preceptor.distil.features import answer_of, criterion_features, inverse_frequencies
from preceptor.distil.texts import text as counted
from preceptor.graders.batched import parse_batch
from preceptor.graders.judge import LabelJudge
from preceptor.graders.rubric import parse_verdict
from preceptor.lint.personal import RULES
from preceptor.lint.rows import words
from preceptor.protocols.confident import read_confidence
from preceptor.protocols.correction import read_correction, rouge1
from preceptor.protocols.diagnosis import ReasoningJudge
from preceptor.protocols.labelling import LabelScoring, MultiLabelScoring
from preceptor.protocols.numeric import read_answer
from preceptor.protocols.ordering import read_order
from preceptor.records import Message
from preceptor.scoring.letters import read_choice
from preceptor.scoring.numbers import read_amount
from preceptor.scoring.overlap import rouge
from preceptor.scoring.plain import plain_text
from preceptor.scoring.ranks import icd10_code, rank_of
from preceptor.scoring.reading import field_of, json_in, list_in, word_in
from preceptor.scoring.spans import Text, read_spans, read_tags
from preceptor.scoring.steps import read_conclusion, read_steps, solution_steps

GOAL = 2.3
#: Factor of a doubling that is looked at again, with longer texts.
NOTED = 2.05
#: Seconds below which a time is noise, of a short and a long text, and above which no longer text
#: is tried.
LEAST_SHORT, LEAST, MOST = 0.005, 0.01, 20.0

OPTIONS = {"A": "Aspirin", "B": "Beta blocker", "C": "Calcium", "D": "Digoxin"}
SOURCE = Text("fever and cough", ["fever", "and", "cough"], ["Symptom", "Drug"])
LABELS = {"include": ("include", "included"), "exclude": ("exclude", "excluded")}
WEIGHTS = inverse_frequencies([counted("a cough and a fever of 39.5 degrees")])

#: Divided by "¦", for some are blanks.
_UNITS = (
    "-¦=¦*¦_¦#¦~¦.¦,¦:¦|¦`¦$¦\\¦/¦^¦<¦>¦(¦[¦{¦)¦]¦}¦\"¦'¦ ¦\n¦\t¦1¦0¦a¦A¦A ¦é¦答¦१¦½¦\u200b¦1 ¦"
    '1,¦1.¦1-¦1/¦1:¦1e¦10^¦1 000 ¦1\u202f¦-1 ¦1 or ¦1 to ¦5 mg = ¦= ¦≈1¦(a¦[0,¦{"a":¦["¦'
    '{"answer":¦"answer": [¦\'answer\': \'¦"label": "¦"carbs¦carb¦\\boxed{¦\\boxed{{}¦'
    "\\frac{1}¦\\frac{¦\\text{¦{,}¦<think>¦</think>¦<a¦<s>¦<b>¦~~a¦**a¦# ¦- ¦* ¦1. ¦1)\n¦"
    "Answer: ¦answer is ¦the answer ¦答案是¦If the answer, ¦not ¦not A but ¦cannot ¦"
    "between 1 and ¦at least ¦Question: ¦\nQuestion: a¦Answer: B\n¦A and ¦A, B ¦(A) ¦A.\n¦"
    "option ¦[ ] ¦[x]\n¦is ¦so it is ¦Aspirin ¦01/02/2014 ¦2014-¦Jan ¦1 Jan 2014 ¦2014年1月¦"
    "counted from ¦34 weeks ¦1w1d¦34+¦Step 1: ¦step 1\n¦confidence ¦& ¦1%¦90 % ¦include ¦"
    "fever ¦<Symptom>¦O\n¦E11.9 ¦(E11¦OMIM:1 ¦ICD ¦a (¦- a: ¦a@¦a.¦+1 ¦call at ¦name is A¦"
    "1 St ¦DOB ¦2 1 ¦1 -> ¦1 1 ruler\n¦Wait, no: ¦1\n\n\n¦. A¦? ¦\r\n¦\u2028¦&gt;¦```json\n¦\nA¦"
    "|-|\n¦^1¦− ¦½¦選¦A) ¦(A¦**¦1.¦<b>1</b>¦A) Aspirin, ¦B is correct ¦A > B > ¦not A ¦it is A "
)
#: What stands once, "+", and the unit that is repeated after it.
_HEADED = (
    "Answer+ ¦Answer:+*¦answer is+\n¦confidence+-¦my name is+ ¦MRN+ ¦DOB+\t¦1+ ¦1+0¦1.+0¦"
    '-+ ¦[+ ¦["+a¦{+\n¦"carb+carb¦\\boxed{+a¦a@+a.¦1 +A ¦MRN-+MRN-¦cannot+ a¦**+ ¦'
    "Step 1+ ¦<think>+a ¦not +a,¦1 Jan+ "
)

Reader = Callable[[str], object]


def attempt(read: Callable[[str], object]) -> Reader:
    """A reader of a judge's reply, which raises ValueError for what it cannot read."""

    def tried(text: str) -> None:
        with contextlib.suppress(ValueError):
            read(text)

    return tried


def features(text: str) -> object:
    answer = answer_of([Message("user", "a fever?")], text, WEIGHTS)
    return criterion_features(answer, "mentions a cough", 5, WEIGHTS)


def personal(text: str) -> object:
    return [rule.holds(each[0]) for rule in RULES.values() for each in rule.form.finditer(text)]


READERS: dict[str, Reader] = {
    "letter": lambda text: read_choice(text, OPTIONS),
    "letters": lambda text: read_choice(text, OPTIONS, several=True),
    "number": lambda text: read_answer("decimal", text, "What is it in mg/dL?"),
    "points": lambda text: read_answer("integer", text),
    "date": lambda text: read_answer("date", text),
    "weeks": lambda text: read_answer("weeks", text),
    "amount": lambda text: read_amount(text, "carb", unit="g"),
    "list": lambda text: list_in(text, separator=r"[,;]"),
    "json": json_in,
    "field": lambda text: field_of(text, ("label", "answer")),
    "word": lambda text: word_in(text, LABELS),
    "label": LabelScoring(LABELS).read,
    "labels": MultiLabelScoring(("fever", "cough"), "present", "absent").read,
    "rank": lambda text: rank_of([text], {"fever"}, {"OMIM:1"}),
    "code": icd10_code,
    "spans": lambda text: read_spans(text, SOURCE),
    "tags": lambda text: read_tags(text, SOURCE),
    "order": lambda text: read_order(text, ["wash", "cut", "sew"]),
    "correction": read_correction,
    "steps": read_steps,
    "conclusion": read_conclusion,
    "solution": solution_steps,
    "confidence": read_confidence,
    "verdict": attempt(parse_verdict),
    "verdicts": attempt(lambda text: parse_batch(text, 5)),
    "judge": attempt(LabelJudge("{answer}", ("0", "1")).read),
    "reasoning-judge": attempt(ReasoningJudge().read),
    "plain": plain_text,
    "words": words,
    "features": features,
    "rouge": lambda text: rouge(text, "a fever and a cough"),
    "rouge1": lambda text: rouge1("a fever and a cough", text),
    "personal": personal,
}


def seconds(read: Reader, text: str, tries: int) -> float:
    """Processor time of one reading: the least of some tries, of a slow one of fewer."""
    best = float("inf")
    for _ in range(tries):
        start = time.process_time()
        read(text)
        best = min(best, time.process_time() - start)
        if best > MOST:
            break
    return best


def repeated(head: str, unit: str, length: int) -> str:
    return (head + unit * (length // len(unit) + 1))[:length]


def measured(read: Reader, head: str, unit: str, longest: int) -> tuple[float, float]:
    """(microseconds a character, factor of a doubling; 0 where too quick to tell)."""
    short = longest // 16
    little, more = (seconds(read, repeated(head, unit, each), 1) for each in (short, 4 * short))
    if more < LEAST_SHORT or more < NOTED**2 * little:
        return 1e6 * more / (4 * short), 0.0 if more < LEAST_SHORT else (more / little) ** 0.5
    found: list[float] = []
    for length in (2 * short, 4 * short, 8 * short, 16 * short):
        found.append(seconds(read, repeated(head, unit, length), 3))
        if found[-1] > MOST:
            break
    return 1e6 * found[-1] / length, factor(found)


def factor(found: list[float]) -> float:
    """Mean factor of a doubling, over times above the noise; 0 without two of them."""
    told = [each for each in found if each >= LEAST]
    if len(told) < 2:
        return 0.0
    return float(np.exp(np.diff(np.log(told)).mean()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("readers", nargs="*", default=list(READERS), metavar="READER")
    parser.add_argument("--longest", type=int, default=200_000)
    options = parser.parse_args()
    units = [("", "+", unit) for unit in _UNITS.split("¦")]
    units += [pair.partition("+") for pair in _HEADED.split("¦")]
    failed = []
    print(f"{'reader':<16}{'slowest unit':<20}{'us/char':>8}  {'steepest unit':<20}{'factor':>7}")
    for name in options.readers:
        read = READERS[name]
        found = {
            head + unit: measured(read, head, unit, options.longest) for head, _, unit in units
        }
        slow = max(found, key=lambda pair: found[pair][0])
        steep = max(found, key=lambda pair: found[pair][1])
        times = f"{slow!r:<20}{found[slow][0]:>8.2f}"
        steepest = found[steep][1]
        print(f"{name:<16}{times}  {steep!r:<20}{steepest:>7.2f}", flush=True)
        if steepest > GOAL:
            failed.append(name)
    print(f"at most {GOAL} a doubling: {'all' if not failed else 'not ' + ', '.join(failed)}")


if __name__ == "__main__":
    main()
