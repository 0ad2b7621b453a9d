"""Criteria of trials, patient by patient, from the user's own notes: PRISM's protocol.

Source: Gupta et al. 2024, arXiv 2404.15549, whose records are not public.
"""

from __future__ import annotations

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.protocols.trials_design import CRITERIA, CRITERIA_LABELS
from preceptor.records import Example, Message

__all__ = ["BENCHMARKS", "parse"]


def parse(row: Fields) -> Example:
    """A row: ``patient``, ``trial``, ``criterion``, ``notes``, ``label`` (yes, no, NA).

    And ``weight`` of the criterion (1), ``grade`` of the trial for the patient, 0 or more.
    """
    label = row.text("label").strip().lower().replace("/", "")
    if label not in ("yes", "no", "na"):
        raise row.fault("label", "yes, no or NA", row.row["label"])
    weight = row.number("weight") if row.row.get("weight") is not None else 1.0
    if weight <= 0:
        raise row.fault("weight", "a number above 0", weight)
    patient, trial = row.id("patient"), row.id("trial")
    asked = f"Notes:\n{row.text('notes')}\n\nCriterion: {row.text('criterion')}"
    return Example(
        id=row.id("id") if "id" in row else f"{patient}/{trial}/{row.line}",
        messages=(Message("user", asked),),
        criteria=(),
        target={
            "label": label,
            "cluster": patient,
            "trial": trial,
            "weight": weight,
            "grade": row.integer("grade") if row.row.get("grade") is not None else None,
        },
    )


BENCHMARKS = (
    Benchmark(
        name="trial-criteria",
        title="Criteria of trials (PRISM)",
        family="classification",
        summary="criteria of trials for patients of yours: yes, no or NA, and trials ranked",
        licence="of your rows",
        citation="protocol: Gupta et al. 2024 (PRISM), arXiv:2404.15549",
        n_examples=0,
        own=True,
        protocol=CRITERIA,
        parse=parse,
        url="https://arxiv.org/abs/2404.15549",
        brings="rows with `patient`, `trial`, `criterion`, `notes`, `label`, `weight`, `grade`",
        labels=CRITERIA_LABELS,
        measures="Whether criteria of a trial are judged right, and the right trial stands first.",
        faults=(
            "The authors' records are not public; they report accuracy with and without NA, which "
            "differ by three points.",
            "Their weights are of three tiers with values of their own: yours stand in the rows.",
        ),
        verified="Its reading and its figures, on made-up rows.",
    ),
)
