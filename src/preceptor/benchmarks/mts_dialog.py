"""MTS-Dialog: one section of a note, written from a short dialogue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.generation import GENERATION_LABELS, generation
from preceptor.records import Example, Message, Slice

__all__ = ["BENCHMARKS"]

_INSTRUCTIONS = (
    "Below is part of a conversation between a doctor and a patient, and the section of the "
    "clinical note that it belongs to. Write the text of that section, without its heading."
)
#: File → its split, and its SHA-256.
_FILES = {
    "MTS-Dialog-TestSet-1-MEDIQA-Chat-2023.csv": (
        "test1",
        "b4d38dd2c99b2e9860099abcf653f1e0f3e9b69f9fcc45be2a2699b37a4d2f37",
    ),
    "MTS-Dialog-TestSet-2-MEDIQA-Sum-2023.csv": (
        "test2",
        "226644466ed3af82382b327a3e684aab70aa605b96cfd93b04f584f1826ab1a6",
    ),
    "MTS-Dialog-ValidationSet.csv": (
        "validation",
        "227206520c4534381c0d7fba6d3f09319a9af5a6d9603a93c0341af1198e3958",
    ),
}
_REPO, _REVISION = "abachaa/MTS-Dialog", "3ff0801933608d6f570468c13125125fb5cabdea"
_SECTIONS = {
    "ALLERGY": "Allergies",
    "ASSESSMENT": "Assessment",
    "CC": "Chief complaint",
    "DIAGNOSIS": "Diagnosis",
    "DISPOSITION": "Disposition",
    "EDCOURSE": "Emergency department course",
    "EXAM": "Physical examination",
    "FAM/SOCHX": "Family and social history",
    "GENHX": "History of present illness",
    "GYNHX": "Gynaecological history",
    "IMAGING": "Imaging",
    "IMMUNIZATIONS": "Immunisations",
    "LABS": "Laboratory results",
    "MEDICATIONS": "Medications",
    "OTHER_HISTORY": "Other history",
    "PASTMEDICALHX": "Past medical history",
    "PASTSURGICAL": "Past surgical history",
    "PLAN": "Plan",
    "PROCEDURES": "Procedures",
    "ROS": "Review of systems",
}


def _read(path: Path) -> Iterator[Example]:
    files = [file for name in _FILES for file in path.rglob(name)] if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path}: expected {next(iter(_FILES))} in this folder, found none")
    for file in files:
        split, _ = _FILES.get(file.name, (file.stem, ""))
        for line, row in read_rows(file):
            yield _example(Fields(row, str(file), line), split)


def _example(row: Fields, split: str) -> Example:
    section = row.one_of("section_header", tuple(_SECTIONS))
    content = f"Section: {_SECTIONS[section]}\n\n{row.text('dialogue')}"
    return Example(
        # Each file counts from 0.
        id=f"{split}/{row.text('ID')}",
        messages=(Message("user", content),),
        criteria=(),
        tags=(f"split:{split}", f"section:{section}"),
        target={"reference": row.text("section_text")},
    )


BENCHMARKS = (
    Benchmark(
        slices=(Slice("section"), Slice("split", compared=False)),
        name="mts-dialog",
        title="MTS-Dialog",
        family="generation",
        summary="sections of clinical notes from short dialogues",
        licence="CC BY 4.0",
        citation="Ben Abacha et al. 2023, EACL (2023.eacl-main.168)",
        n_examples=500,
        protocol=generation(_INSTRUCTIONS),
        read=_read,
        source=tuple(
            Source(_REPO, _REVISION, f"Main-Dataset/{name}", sha256, host="github")
            for name, (_, sha256) in _FILES.items()
        ),
        url="https://github.com/abachaa/MTS-Dialog",
        folder="clue-plus/mts-dialog",
        labels={
            **GENERATION_LABELS,
            **{f"section:{code}": words for code, words in _SECTIONS.items()},
        },
        measures="How much of a physician's section of a note, in words, is in what a model writes "
        "from the dialogue.",
        faults=(
            "The dialogues were written from the notes, by annotators, and not the other way.",
            "ROUGE, and BERTScore by an encoder of yours; the publication has BLEURT beside them.",
            "Many references are one word ('None.'), where overlap of words is all or nothing.",
        ),
        verified="All three files were read; their hashes are those of the pinned revision.",
    ),
)
