"""How far is patient-level recall off where a judge leaves verdicts out, by two ways to count?

    python bench/case_recall.py

Cases have 1 to 15 diseases, each found with one chance and left without a verdict with another.
``scored`` is our score's: a case with a disease that is known to be missed is 0. ``complete`` takes
the cases with every verdict. Both less the recall that all verdicts give, in points, and the share
of rounds in which the value is outside of the bounds.
"""

from __future__ import annotations

import random

import numpy as np

from preceptor.protocols.recall import RecallScoring, recall_criteria
from preceptor.records import Example, Graded, Message, Response, Verdict

ROUNDS, CASES = 50, 337


def main() -> None:
    draw = random.Random(0)
    sizes = [min(15, 1 + int(draw.expovariate(0.4))) for _ in range(CASES)]
    print("found  missing  |  scored  outside  |  complete  outside")
    for chance in (0.6, 0.8, 0.9):
        for missing in (0.01, 0.05, 0.15):
            rows = [one(sizes, chance, missing, draw) for _ in range(ROUNDS)]
            bias, off, other, outside = 100 * np.mean(rows, axis=0)
            print(
                f"{chance:5.0%}  {missing:7.0%}  |  {bias:+6.1f}  {off:6.0f}%  |  "
                f"{other:+8.1f}  {outside:6.0f}%"
            )


def one(
    sizes: list[int], chance: float, missing: float, draw: random.Random
) -> tuple[float, float, float, float]:
    scoring = RecallScoring()
    found = [[draw.random() < chance for _ in range(size)] for size in sizes]
    whole = [[draw.random() >= missing for _ in range(size)] for size in sizes]
    truth = np.mean([all(each) for each in found])
    scores = [scoring.score(graded(*each)) for each in zip(found, whole, strict=True)]
    low = np.mean([score.low["overall_score"] for score in scores])
    high = np.mean([score.high["overall_score"] for score in scores])
    ours = np.mean([s.values["overall_score"] for s in scores if "overall_score" in s.values])
    pairs = zip(found, whole, strict=True)
    complete = np.mean([all(each) for each, there in pairs if all(there)])
    off, outside = float(ours - truth), not low <= ours <= high
    return off, outside, float(complete - truth), not low <= complete <= high


def graded(found: list[bool], there: list[bool]) -> Graded:
    example = Example("a", (Message("user", "a"),), recall_criteria(["a"] * len(found)), target={})
    said = [Verdict("v", None, label="included" if each else "not included") for each in found]
    first = tuple(each if given else None for each, given in zip(said, there, strict=True))
    return Graded(example, 0, Response("r", text="a"), first + first)


if __name__ == "__main__":
    main()
