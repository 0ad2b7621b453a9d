"""ExpertLongBench's clinical notes: 29 items of a note, by the method CLEAR, on ACI-Bench."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from preceptor.benchmarks.aci_bench import NOTE_INSTRUCTIONS, SOURCES, visits
from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.files import decode_json
from preceptor.protocols.checklist import CONTAINED, MISSING, checklist, checklist_criteria
from preceptor.protocols.judging import ReferenceGrader
from preceptor.records import Example
from preceptor.scoring.rubric import OVERALL
from preceptor.systems.base import Parameters

__all__ = ["BENCHMARKS", "containment_labels"]

#: The names of the items are the benchmark's, what belongs to each is in our words.
_ITEMS = {
    "Activities": "social history: exercise, hobbies, what the patient does in their time",
    "Alleviating and Aggravating Factors": "what makes the main complaint better or worse",
    "Character": "how the patient describes what the main complaint feels like",
    "Diagnosis and Clinical Impression": "diagnoses, differentials, causes, how the patient fares",
    "Drugs": "social history: use of tobacco, alcohol and other drugs",
    "Duration": "how long the complaint has lasted",
    "Eating habits": "social history: diet, meals",
    "Education": "social history: school, studies",
    "Employment": "social history: work",
    "Family History": "illnesses of relatives",
    "Home and Environment": "social history: where and with whom the patient lives",
    "Location": "where in the body the complaint is",
    "Onset": "when and how the complaint began",
    "Other Objective Data": "results of laboratory tests, imaging and other tests done already",
    "Patient Age": "the patient's age",
    "Patient Reason for the Visit": "why the patient says they come",
    "Patient Sex": "the patient's sex",
    "Physical Examination Findings": "what was found on examination, normal findings included",
    "Radiation": "whether the symptom moves to another place or stays",
    "Reason for Patient Office Visit or Hospitalization": "the main problem that the visit is for",
    "Relevant Medical History": "earlier diagnoses, stays in hospital, operations",
    "Review of Systems (ROS)": "symptoms that are there or denied, by organ system",
    "Severity": "how bad the complaint is, on a scale or in words",
    "Sexuality": "social history: sexual activity, partners, orientation",
    "Suicide/Depression": "mood, depression, thoughts of suicide",
    "Surgical History": "earlier operations",
    "Temporal Factor": "whether the complaint is better or worse at certain times",
    "Treatment and Management Plan": "tests, treatments, referrals, advice, follow-up",
    "Vital Signs": "blood pressure, pulse, breathing, temperature, oxygen, weight, height",
}
_WAYS = ("precision", "recall")
_CRITERIA = checklist_criteria(_ITEMS)


def _read(path: Path) -> Iterator[Example]:
    for visit in visits(path):
        yield msgspec.structs.replace(visit, criteria=_CRITERIA)


def containment_labels(path: Path) -> list[tuple[Example, str, str]]:
    """Labelled judgements of containment, to check a judge with.

    Parameters
    ----------
    path
        A JSON file with ``examples``, each with ``reference``, ``answer`` and ``label`` (Yes, No).

    Returns
    -------
    An example with one criterion, the answer to judge, and the right label of that criterion.
    """
    found = []
    content = Fields({"examples": decode_json(path)}, str(path), 1).nested("examples")
    for number, row in enumerate(content.items("examples"), start=1):
        reference, answer = row.text("reference"), row.text("answer")
        item = reference.partition(":")[0]
        recall = checklist_criteria({item: "all that is said on it"})[:1]
        label = {"Yes": CONTAINED, "No": MISSING}[row.one_of("label", ("Yes", "No"))]
        example = Example(str(number), (), recall, target={"reference": reference})
        found.append((example, answer, label))
    return found


BENCHMARKS = (
    Benchmark(
        name="clear-note",
        title="CLEAR clinical notes (ExpertLongBench)",
        family="checklist",
        summary="29 items of a clinical note, compared with a physician's note both ways",
        licence="none stated (dialogues and notes: CC BY 4.0)",
        citation="Ruan et al. 2025, arXiv:2506.01241; Yim et al. 2023, arXiv:2306.02022",
        n_examples=120,
        n_criteria=120 * len(_CRITERIA),
        protocol=checklist(
            NOTE_INSTRUCTIONS,
            ReferenceGrader("openai/gpt-4o-2024-11-20", Parameters(temperature=0.0)),
        ),
        read=_read,
        source=SOURCES,
        url="https://github.com/launchnlp/ExpertLongBench",
        folder="aci-bench",
        labels={
            OVERALL: "F1",
            "precision": "Precision",
            "recall": "Recall",
            **{f"item:{name}": name for name in _ITEMS},
            **{f"item:{name}:{way}": f"{name} ({way})" for name in _ITEMS for way in _WAYS},
        },
        measures="Whether a note written from a dialogue says on each of 29 items what the "
        "physician's note says, no less and no more.",
        faults=(
            "An item that neither note has counts as right, so that an empty note has a score "
            "above 0.",
            "The published method takes items out and compares them in separate calls, with "
            "prompts of its own; here one call with our prompt does both.",
        ),
        verified="The 29 items and the arithmetic are the published ones; seven published "
        "judgements of containment are read as cases for a judge.",
    ),
)
