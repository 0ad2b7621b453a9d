"""Benchmarks that are asked together: the groups of ``preceptor suite``."""

from __future__ import annotations

from preceptor.benchmarks import all_benchmarks
from preceptor.benchmarks.base import Benchmark
from preceptor.benchmarks.outside import outside
from preceptor.errors import UnknownName, shorten

__all__ = ["GROUPS", "group"]

#: Two more are not listed: ``all`` has these and those of other packages, ``languages`` has what of
#: all is not in English alone. A benchmark that only asks another's questions otherwise is in none.
_NAMED = {
    "exams": (
        "medqa",
        "medmcqa",
        "pubmedqa",
        "mmlu-medical",
        "medagents-hard",
        "medxpertqa",
        "medxpertqa-mm",
        "mhqa",
        "xmedbench",
        "worldmedqa-v",
        "safetybench-zh",
        "bioprobench-pqa",
        "bioprobench-ord",
        "bioprobench-err",
        "medcalc-bench",
        "nutribench",
        "healthbench-br",
        "sct-bench",
    ),
    "open": (
        "healthbench",
        "healthbench-hard",
        "healthbench-consensus",
        "healthbench-professional",
        "k-qa",
        "gaps-nsclc",
        "medr-bench",
        "medr-bench-treatment",
        "ddx-medfound",
        "ddx-rarebench",
        "rarebench",
        "liveqa-med",
        "medication-qa",
        "cmb-clin",
        "bioprobench-gen",
        "chbench",
    ),
    "safety": (
        "patient-safety-bench",
        "patient-safety-bench-dialogue",
        "med-safety-bench",
        "xstest",
        "psychosis-bench",
        "safetybench-zh",
    ),
    "notes": ("aci-bench", "mts-dialog", "meqsum", "clear-note", "medec"),
    "agents": (
        "medagentbench",
        "medagentbench-tools",
        "medagentbench-served",
        "medagentbench-generated",
        "calcqa",
        "medagentgym-npower",
    ),
    "patients": ("mediq", "vera-mh", "craft-md", "agentclinic"),
    "images": (
        "vqa-rad-closed",
        "vqa-rad-open",
        "gmai-mmbench",
        "endobench",
        "medframeqa",
        "medxpertqa-mm-images",
        "medbookvqa",
        "slake-closed",
        "slake-open",
        "pathvqa-closed",
        "pathvqa-open",
        "pmc-vqa",
        "worldmedqa-v-images",
        "omnimedvqa",
        "chestagentbench",
        "medq-bench",
        "medq-bench-description",
        "spinebench-report",
        "kvasir-vqa-x1",
    ),
    "brought": (
        "liveclin",
        "longhealth",
        "longhealth-among",
        "longhealth-absent",
        "pubhealthbench",
        "pubhealthbench-freeform",
        "healthqa-br",
        "clinbench-hpb",
        "clinbench-hpb-zh",
        "clinbench-hpb-cases",
        "cmb-exam",
        "empec",
        "medarabiq",
        "medarabiq-blanks",
        "medarabiq-bias",
        "equitymedqa",
        "equitymedqa-versus",
        "equitymedqa-paired",
        "r2med",
        "cliniq-single",
        "cliniq-multi",
        "trial-criteria",
        "trialpanorama-arms",
        "trialpanorama-criteria",
        "trialpanorama-endpoints",
        "trialpanorama-evidence",
        "trialpanorama-size",
        "trialpanorama-screening",
        "trialpanorama-search",
        "trialpanorama-completion",
        "meds-bench",
        "medval",
        "med-rewardbench",
    ),
    "retrieval": (
        "codiesp",
        "codiesp-cm",
        "distemist",
        "icd10-terms",
        "icd10-terms-languages",
        "trialgpt-2021",
        "trialgpt-2022",
        "trialgpt-sigir",
    ),
    "trials": (
        "panacea-matching",
        "panacea-matching-cohort",
        "panacea-query",
        "panacea-expansion",
        "panacea-arms",
        "panacea-outcomes",
    ),
    "extraction": (
        "ncer-bc5cdr",
        "ncer-ncbi",
        "deid-presidio-synth",
        "rumedbench",
        "mythtriage",
        "sdoh",
        "shadr",
        "q2cr-screening",
        "q2cr-pico",
        "q2cr-grade",
        "fhir-qa",
        "note-check",
        "chbench-attributes",
    ),
}
#: Left out of ``all``: not every system can call tools, search or take images, somebody has to play
#: the patients, the files of some are on a hub or for research alone, and the texts of trials too.
_APART = ("agents", "patients", "images", "brought", "retrieval", "trials")
GROUPS = (*_NAMED, "languages", "all")


def group(name: str) -> list[Benchmark]:
    """The benchmarks of a group, in its order.

    Raises UnknownName for another name than those of GROUPS.
    """
    if name not in GROUPS:
        raise UnknownName(f"unknown group {shorten(name)}: expected one of {', '.join(GROUPS)}")
    known = {benchmark.name: benchmark for benchmark in all_benchmarks()}
    if name in _NAMED:
        return [known[each] for each in _NAMED[name]]
    names = [each for part, some in _NAMED.items() if part not in _APART for each in some]
    names += [benchmark.name for benchmark in outside(())]
    every = [known[each] for each in dict.fromkeys(names)]
    if name == "all":
        return every
    return [benchmark for benchmark in every if benchmark.languages != ("en",)]
