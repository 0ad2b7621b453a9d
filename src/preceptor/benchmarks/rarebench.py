"""RareBench: from phenotypes to a rare disease (Chen et al. 2024, arXiv 2402.06341)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.errors import DataError, InputError
from preceptor.files import decode_json, read_rows
from preceptor.protocols.ranking import RANK_LABELS, RANKING, rank_criteria
from preceptor.records import Example, Message, Slice
from preceptor.scoring.ranks import aliases, name_key

__all__ = ["BENCHMARKS", "COHORTS", "read"]

COHORTS = {
    "cohort:RAMEDIS": "RAMEDIS",
    "cohort:LIRICAL": "LIRICAL",
    "cohort:HMS": "HMS",
    "cohort:PUMCH_ADM": "PUMCH (admissions)",
    "cohort:MME": "MME",
}

_ROWS = "rarebench_public_1197.jsonl"
_DISEASES, _PHENOTYPES, _CONTENT = (
    "disease_mapping.json",
    "phenotype_mapping.json",
    "ic_dict.json",
)


def read(path: Path) -> Iterator[Example]:
    """A folder with the patients, the maps of diseases and phenotypes, and information content."""
    rows = path if path.is_file() else path / _ROWS
    names, codes = _diseases(rows.parent / _DISEASES)
    content = _content(rows.parent)
    for line, row in read_rows(rows):
        fields = Fields(row, str(rows), line)
        cohort, findings = fields.text("dataset"), fields.texts("phenotypes")
        if f"cohort:{cohort}" not in COHORTS:
            known = ", ".join(tag.removeprefix("cohort:") for tag in COHORTS)
            raise fields.fault("dataset", f"one of {known}", cohort)
        if not findings:
            raise fields.fault("phenotypes", "a list of texts that is not empty", [])
        truth = fields.text("golden_diagnosis", empty=True).strip()
        own = aliases(truth, names.keys()) if truth else set()
        its_codes = {code for name in own for code in names.get(name, ())}
        known_as = own | {name for code in its_codes for name in codes[code]}
        listed = "\n".join(f"- {finding}" for finding in findings)
        yield Example(
            id=f"{cohort}/{fields.integer('id')}",
            messages=(Message("user", f"A patient has these findings:\n{listed}"),),
            criteria=rank_criteria() if truth else (),
            tags=(f"cohort:{cohort}",),
            target={
                "diagnosis": truth,
                "names": sorted(known_as),
                "codes": sorted(its_codes),
                "phenotypes": {finding: content.get(finding, 0.0) for finding in findings},
            },
        )


def _map(path: Path) -> dict[str, object]:
    if not path.is_file():
        raise InputError(f"{path}: no such file; it belongs beside the patients")
    found = decode_json(path)
    if not isinstance(found, dict):
        raise DataError(str(path), None, "", "expected an object of code and name")
    return found


def _diseases(path: Path) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Name → codes, and code → names, of a map of code → names divided by slashes."""
    codes = {
        code: {name_key(name) for name in str(joined).split("/")} - {""}
        for code, joined in _map(path).items()
    }
    names: dict[str, set[str]] = {}
    for code, each in codes.items():
        for name in each:
            names.setdefault(name, set()).add(code)
    return names, codes


def _content(folder: Path) -> dict[str, float]:
    """Phenotype's name → information content."""
    of_code = _map(folder / _CONTENT)
    return {
        str(name): float(str(of_code[code]))
        for code, name in _map(folder / _PHENOTYPES).items()
        if code in of_code
    }


BENCHMARKS = (
    Benchmark(
        slices=(Slice("cohort"),),
        name="rarebench",
        title="RareBench",
        family="diagnosis",
        summary="1,197 patients with rare diseases in 5 cohorts: phenotypes → ten diseases",
        licence="Apache-2.0",
        citation="Chen et al. 2024, arXiv:2402.06341",
        n_examples=1197,
        n_criteria=1196,
        protocol=RANKING,
        read=read,
        url="https://huggingface.co/datasets/chenxz/RareBench",
        folder="rarebench",
        brings="a folder with `rarebench_public_1197.jsonl`, `disease_mapping.json`, "
        "`phenotype_mapping.json` and `ic_dict.json`",
        labels=RANK_LABELS | COHORTS,
        measures="At which place of ten a rare disease stands that a list of phenotypes points to.",
        faults=(
            "One patient of HMS (730) has no diagnosis: asked, counted in the cohort, not scored.",
            "A disease's names are listed with commas, which stand in names too: they are told "
            "apart by the map of diseases; what has no name in the map is left to the judge.",
            "Nearest patients for few-shot prompts are found by shared phenotypes, weighted by "
            "information content, not by the paper's trained embedding.",
            "85 patients have the same phenotypes as another, 83 of them with the same disease: "
            "with --shots the answer stands among the examples.",
        ),
        verified="Cohort sizes 624/40/88/370/75, on all 1,197 patients.",
    ),
)
