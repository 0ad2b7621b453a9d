"""ACI-Bench: the note of a visit, written from what doctor and patient said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.generation import GENERATION_LABELS, generation
from preceptor.records import Example, Message, Slice
from preceptor.scoring.divisions import DIVISIONS, divisions
from preceptor.scoring.overlap import ROUGE

__all__ = ["BENCHMARKS", "NOTE_INSTRUCTIONS", "SOURCES", "visits"]

NOTE_INSTRUCTIONS = (
    "Write the clinical note of the visit below, for the patient's record. Use only what was said, "
    "and these four headings, each on a line of its own: HISTORY OF PRESENT ILLNESS, PHYSICAL "
    "EXAM, RESULTS, ASSESSMENT AND PLAN."
)
#: File → its split, and its SHA-256.
_FILES = {
    "clinicalnlp_taskB_test1.csv": (
        "test1",
        "5cc4008e68545f84913744a8e493a58bdf17ba7e1b7a0be46d6943d6bfca9471",
    ),
    "clinicalnlp_taskC_test2.csv": (
        "test2",
        "599e3330a14e25a0e056aee1365ffac7ebe50058f15821eae42a5513c2bb5a4f",
    ),
    "clef_taskC_test3.csv": (
        "test3",
        "d3c18362a42124ea2bd1b2b4b66ba76a11bb123dfdb416471ae3b5924d1428ec",
    ),
}
_REPO, _REVISION = "wyim/aci-bench", "b909b2bb9cf1d19de08df15cddde7bd0179665e4"
SOURCES = tuple(
    Source(_REPO, _REVISION, f"data/challenge_data/{name}", sha256, host="github")
    for name, (_, sha256) in _FILES.items()
)


def visits(path: Path) -> Iterator[Example]:
    """The visits of a file, or of the three test files of a folder."""
    files = [file for name in _FILES for file in path.rglob(name)] if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path}: expected {next(iter(_FILES))} in this folder, found none")
    for file in files:
        split = (f"split:{_FILES[file.name][0]}",) if file.name in _FILES else ()
        for line, row in read_rows(file):
            fields = Fields(row, str(file), line)
            yield Example(
                id=fields.text("encounter_id"),
                messages=(Message("user", fields.text("dialogue")),),
                criteria=(),
                tags=(*split, f"dataset:{fields.text('dataset')}"),
                target={"reference": fields.text("note")},
            )


BENCHMARKS = (
    Benchmark(
        slices=(Slice("dataset"), Slice("split", compared=False), Slice("section", compared=False)),
        name="aci-bench",
        title="ACI-Bench",
        family="generation",
        summary="clinical notes from doctor-patient dialogues",
        licence="CC BY 4.0",
        citation="Yim et al. 2023, arXiv:2306.02022",
        n_examples=120,
        protocol=generation(NOTE_INSTRUCTIONS, divisions),
        read=visits,
        source=SOURCES,
        url="https://github.com/wyim/aci-bench",
        folder="aci-bench",
        labels={
            **GENERATION_LABELS,
            **{
                f"section:{part}:{kind}": f"{name} ({GENERATION_LABELS[kind]})"
                for part, name in DIVISIONS.items()
                for kind in ROUGE
            },
            "dataset:aci": "Ambient dialogue",
            "dataset:virtassist": "With a virtual assistant",
            "dataset:virtscribe": "With a virtual scribe",
        },
        measures="How much of a physician's note, in words, is in the note that a model writes "
        "from the dialogue of the visit.",
        faults=(
            "Overlap of words does not see a wrong laterality or dose, and rewards a note that "
            "repeats the reference's turns of phrase.",
            "ROUGE, and BERTScore by an encoder of yours; the publication has BLEURT beside them.",
            "Some published scores took an empty note for the text 'nan'; here it is empty.",
        ),
        verified="The stored notes of GPT-4 for test 1 give the published ROUGE-1/2/Lsum of "
        "51.76 / 22.58 / 45.97.",
    ),
)
