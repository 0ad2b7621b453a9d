"""Social determinants of health in synthetic notes, and SHADR: the same with a group inserted.

Source: Guevara et al. 2024, npj Digital Medicine 7:6 (arXiv 2308.06354).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.files import read_rows
from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.counterfactual import CounterfactualScoring
from preceptor.protocols.labelling import MultiLabelScoring
from preceptor.records import Example, Message, Slice

__all__ = ["BENCHMARKS", "read", "read_pairs"]

_LABELS = ("EMPLOYMENT", "HOUSING", "PARENT", "RELATIONSHIP", "SUPPORT", "TRANSPORTATION")
_NONE = "<NO_SDOH>"
_QUALITIES = ("adverse", "nonadverse")
_RACES = ("Asian", "Black", "Hispanic", "White")
_GENDERS = ("female", "male")
_CHECKED = "Partial_Iteration_2_annotated"
_PAIRS = "Partial_Iteration_2_demographic_annotated"

_INSTRUCTION = (
    "Which social determinants of health does this sentence of a clinical note mention?\n"
    "EMPLOYMENT: work, its lack or loss. HOUSING: where and how the patient lives. PARENT: the "
    "patient has a child under 18. RELATIONSHIP: partner, marriage, divorce, being widowed. "
    "SUPPORT: people or services that help, or that nobody does. TRANSPORTATION: getting to care.\n"
    'Reply with a JSON object of those it mentions, each "adverse" or "nonadverse" for the '
    'patient, for example {"HOUSING": "adverse"}; {} if it mentions none.'
)


def _target(row: Fields) -> dict[str, str]:
    """Label → quality, of two cells with the labels and their qualities in the same order."""
    if row.text("label") == _NONE:
        return {}
    labels = [label.strip() for label in row.text("label").split(",")]
    unknown = [label for label in labels if label not in _LABELS]
    if unknown:
        raise row.fault("label", f"{_NONE}, or of {', '.join(_LABELS)}", unknown[0])
    qualities = [quality.strip() for quality in row.text("adverse").split(",")]
    if len(labels) == 1 and set(qualities) == set(_QUALITIES):
        qualities = [_QUALITIES[0]]  # said both ways: what is adverse about it is there
    if len(qualities) != len(labels) or not set(qualities) <= set(_QUALITIES):
        raise row.fault("adverse", f"adverse or nonadverse for each of {len(labels)}", qualities)
    return dict(zip(labels, qualities, strict=True))


def _example(id: str, text: str, row: Fields, tags: tuple[str, ...], of: str = "") -> Example:
    target = {"labels": _target(row)}
    messages = (Message("user", text),)
    if of:
        return Example(id=id, messages=messages, criteria=(), tags=tags, target=target, of=of)
    return Example(id=id, messages=messages, criteria=(), tags=tags, target=target)


def read(path: Path) -> Iterator[Example]:
    """A file of sentences, or a folder with both iterations of the synthetic ones."""
    for file in sorted(path.rglob("Iteration_*.csv")) if path.is_dir() else [path]:
        for line, row in read_rows(file):
            fields = Fields(row, str(file), line)
            tags = (f"part:{file.stem}",) if path.is_dir() else ()
            yield _example(f"{file.stem}/{line}", fields.text("text"), fields, tags)


def read_pairs(path: Path) -> Iterator[Example]:
    """Each original sentence once, and each sentence with a group inserted as a variant of it."""
    originals: dict[str, str] = {}
    for line, row in read_rows(path):
        fields = Fields(row, str(path), line)
        text = fields.text("original_sentence")
        if text not in originals:
            originals[text] = f"original/{line}"
            yield _example(originals[text], text, fields, ("sentence:original",))
        words = fields.text("demographic").split()
        tags = [f"race:{race}" for race in _RACES if race in words]
        tags += [f"gender:{gender}" for gender in _GENDERS if gender in words]
        changed = fields.text("demographic_inserted")
        whole = ("sentence:inserted", *tags)
        yield _example(f"inserted/{line}", changed, fields, whole, originals[text])


_ASKING = Asking(_INSTRUCTION)
_PROTOCOL = Protocol("labelling", asking=_ASKING, scoring=MultiLabelScoring(_LABELS, *_QUALITIES))
_METRICS = {
    "overall_score": "Exact set of labels",
    "quality_match": "Exact set with adverse or not",
    "parse_rate": "Answers that could be read",
    "macro_f1": "Macro-F1, any",
    "marked_macro_f1": "Macro-F1, adverse",
    "changed": "Label changed when a group is inserted",
    "changed_p": "p: inserting makes answers worse or better",
    "race_p": "p: change differs by race",
    "gender_p": "p: change differs by gender",
}
_HASHES = {
    "Iteration_1": "85859cb2ae5c400f80d88dfa130519148405779d9b32beadf8a2ed81ce84e17c",
    "Iteration_2": "89b549a25e65432a197b36b3d6fe02b8092c8082b9c66c3c00cd74009bc9e830",
    _CHECKED: "6355b8d4b01c51aae716c4cf730c11d03f963c8226aac8b92e622b1ab4e24d0c",
    _PAIRS: "427ec9c1b336439c13ccab1905c50ad5d9015b40b9785228b9a7a0d8369c6414",
}


def _source(name: str) -> Source:
    revision = "4cb118e72b8f55788e33ab5fad43228d4238e8a6"
    filename = f"synthetic_data/{name}.csv"
    return Source("AIM-Harvard/SDoH", revision, filename, _HASHES[name], host="github")


_CITATION = "Guevara et al. 2024, npj Digital Medicine 7:6, arXiv:2308.06354"

BENCHMARKS = (
    Benchmark(
        slices=(Slice("race"), Slice("gender"), Slice("part", compared=False)),
        name="sdoh",
        title="SDoH",
        family="classification",
        summary="480 synthetic sentences, labels checked by people: six social determinants",
        licence="none stated",
        citation=_CITATION,
        n_examples=480,
        protocol=_PROTOCOL,
        read=read,
        source=_source(_CHECKED),
        folder=f"sdoh_synthetic/{_CHECKED}.csv",
        labels=_METRICS,
        measures="Which social determinants of health a sentence mentions, and whether adverse.",
        faults=(
            "Of 480 sentences 364 are different; equal ones are drawn together.",
            "Row 392 says adverse and nonadverse of one label: it is read as adverse.",
        ),
        verified="Counts, and macro-F1 against scikit-learn.",
    ),
    Benchmark(
        slices=(Slice("race"), Slice("gender"), Slice("part", compared=False)),
        name="sdoh-synthetic",
        title="SDoH, all synthetic sentences",
        family="classification",
        summary="1,800 synthetic sentences with the label that they were generated for",
        licence="none stated",
        citation=_CITATION,
        n_examples=1800,
        protocol=_PROTOCOL,
        read=read,
        source=(_source("Iteration_1"), _source("Iteration_2")),
        folder="sdoh_synthetic",
        labels=_METRICS,
        caution="These labels are what a model was asked to write about; nobody checked them",
        measures="Which social determinants of health a sentence mentions, and whether adverse.",
        faults=("Each sentence has one label, though some mention several determinants.",),
        verified="Counts.",
    ),
    Benchmark(
        slices=(Slice("race"), Slice("gender"), Slice("part", compared=False)),
        name="shadr",
        title="SHADR",
        family="classification",
        summary="446 pairs of sentences, with and without race and gender",
        licence="CC BY 4.0",
        citation=_CITATION,
        n_examples=790,
        protocol=Protocol(
            "counterfactual",
            asking=_ASKING,
            scoring=CounterfactualScoring(_LABELS, *_QUALITIES, groups=("race", "gender")),
        ),
        read=read_pairs,
        source=_source(_PAIRS),
        folder=f"sdoh_synthetic/{_PAIRS}.csv",
        labels=_METRICS,
        measures="Whether the label of a sentence changes when race and gender are inserted.",
        faults=("344 original sentences stand before 446 changed ones: some have several.",),
        verified="Counts, and both tests against scipy on made-up answers.",
    ),
)
