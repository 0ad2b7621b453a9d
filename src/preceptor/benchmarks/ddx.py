"""Differential diagnosis: MedFound's clinical records and RareBench's patients, five guesses each.

The protocol is DiagnosisArena's (Zhu et al. 2025, arXiv 2505.14107).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from preceptor.benchmarks import rarebench
from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.protocols.ranking import (
    DIFFERENTIAL,
    DIFFERENTIAL_LABELS,
    differential_criteria,
)
from preceptor.records import Example, Message, Slice
from preceptor.scoring.ranks import icd10_chapter

__all__ = ["BENCHMARKS", "parse"]


def parse(row: Fields) -> Example:
    """A row of MedFound's test set: `qid`, `context`, `diagnosis`, `diagnosis_code`."""
    code = row.text("diagnosis_code")
    if not re.fullmatch(r"[A-Z]\d\d(\.\w{1,4})?", code):
        raise row.fault("diagnosis_code", "an ICD-10 code such as D69.4", code)
    return Example(
        id=row.text("qid"),
        messages=(Message("user", row.text("context")),),
        criteria=differential_criteria(),
        tags=(f"chapter:{icd10_chapter(code)}",),
        target={"diagnosis": row.text("diagnosis"), "icd10": code},
    )


def _rare(path: Path) -> Iterator[Example]:
    for example in rarebench.read(path):
        yield msgspec.structs.replace(
            example,
            criteria=differential_criteria() if example.criteria else (),
            target={"diagnosis": example.target["diagnosis"]},
        )


BENCHMARKS = (
    Benchmark(
        slices=(Slice("chapter"),),
        name="ddx-medfound",
        title="Differential diagnosis (MedFound)",
        family="diagnosis",
        summary="362 clinical records, five diagnoses each, judged",
        licence="none stated",
        citation="Liu et al. 2025, Nature Medicine 31:932; protocol: arXiv:2505.14107",
        n_examples=362,
        n_criteria=1810,
        protocol=DIFFERENTIAL,
        parse=parse,
        source=Source(
            "medfound/medfound",
            "e09531b0581f8bef0eeab35d776350ee28cc7404",
            "data/test.zip",
            "1730148bb3c587dfd1472ae6cd4cadbdf672f99da89681918982d9c0048f2248",
            host="github",
            extra=True,
            member="test.jsonl",
        ),
        url="https://github.com/medfound/medfound",
        folder="medfound/test_362.jsonl",
        labels=DIFFERENTIAL_LABELS,
        measures="Whether the diagnosis of a clinical record is among five guesses, and its code.",
        faults=(
            "The records are translated, and their codes are of a national extension of ICD-10: a "
            "system that knows the codes of the WHO can match four characters, hardly six.",
        ),
        verified="Counts, codes and scoring, on all 362 records with made-up answers.",
    ),
    Benchmark(
        slices=(Slice("chapter"),),
        name="ddx-rarebench",
        title="Differential diagnosis (RareBench)",
        family="diagnosis",
        summary="1,197 patients with rare diseases, five diagnoses each, judged",
        licence="Apache-2.0",
        citation="Chen et al. 2024, arXiv:2402.06341; protocol: arXiv:2505.14107",
        n_examples=1197,
        n_criteria=5980,
        protocol=DIFFERENTIAL,
        read=_rare,
        url="https://huggingface.co/datasets/chenxz/RareBench",
        folder="rarebench",
        brings="a folder with `rarebench_public_1197.jsonl`, `disease_mapping.json`, "
        "`phenotype_mapping.json` and `ic_dict.json`",
        labels=DIFFERENTIAL_LABELS | rarebench.COHORTS,
        measures="Whether a rare disease is among five guesses from a list of phenotypes.",
        faults=("One patient of HMS (730) has no diagnosis: asked, not scored.",),
        verified="Counts and scoring, on all 1,197 patients with made-up answers.",
    ),
)
