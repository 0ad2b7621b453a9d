"""MedAgentsBench (Tang et al. 2025): eight exam sets, and the questions of each that are hard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.choice import CHOICE_LABELS, ChoiceProtocol, choice_example
from preceptor.records import Example, Slice, content_key

__all__ = ["BENCHMARKS"]

_SETS = {
    "medqa": "MedQA",
    "medqa_5options": "MedQA, five options",
    "medmcqa": "MedMCQA",
    "pubmedqa": "PubMedQA",
    "mmlu": "MMLU, medical",
    "mmlu-pro": "MMLU-Pro, health",
    "medbullets": "MedBullets",
    "afrimedqa": "AfriMed-QA",
}
_HARD = "test_hard"


def _parse(row: Fields, name: str, tags: tuple[str, ...]) -> Example:
    texts = row.nested("options")
    options = {letter: texts.text(letter) for letter in texts.row}
    question, number = row.text("question"), row.row.get("realidx")
    if number is None:  # medqa_5options has none
        number = content_key(question, options)[:12]
    elif isinstance(number, bool) or not isinstance(number, str | int):
        raise row.fault("realidx", "a number or a text", number)
    answer = row.one_of("answer_idx", tuple(options))
    return choice_example(f"{name}/{number}", question, options, answer, tags)


def _rows(path: Path, name: str, tags: tuple[str, ...]) -> dict[str, Example]:
    found: dict[str, Example] = {}
    for number, row in read_rows(path):
        fields = Fields(row, str(path), number)
        example = _parse(fields, name, tags)
        if example.id in found:
            raise fields.fault("realidx", "one that no row above has", row.get("realidx"))
        found[example.id] = example
    return found


def _read(path: Path) -> Iterator[Example]:
    """Files ``SET_test.jsonl`` and ``SET_test_hard.jsonl``, or ``SET/test.jsonl`` as published."""
    files = [path] if path.is_file() else sorted(path.rglob("*.jsonl"))
    by_name = {f"{file.parent.name}_{file.stem}": file for file in files}
    by_name |= {file.stem: file for file in files}
    wanted = {name: (f"{name}_test", f"{name}_{_HARD}") for name in _SETS}
    if not any(part in by_name for parts in wanted.values() for part in parts):
        raise InputError(f"{path}: expected files such as medqa_test.jsonl, found none")
    for name, (full, hard) in wanted.items():
        tags = (f"set:{name}", f"split:{_HARD}", f"hard:{name}")
        marked = _rows(by_name[hard], name, tags) if hard in by_name else {}
        whole = _rows(by_name[full], name, tags[:1]) if full in by_name else {}
        # In the order of the full set; a question that is in both is one question.
        yield from ({**whole, **marked}).values()


_REPO, _REVISION = "gersteinlab/medagents-benchmark", "f5e50b69be8ef617a6de613cc8035929448e2b3b"
_HASHES = {
    "medqa/test": "b0536be0ff396be91eb0cf61a42056b0abef06a23e7e8be491d62fd959b77b72",
    "medqa/test_hard": "ba4680bc129139bf8b466d506f077bfce7ac978dfaf2a9367d484d3d91c454bb",
    "medqa_5options/test": "cfa75cbcc53c29b023752b0a395ff49d8202121041392735ae44771a5ec734a3",
    "medqa_5options/test_hard": "9d57157347a7e26ebf61260141b991c9240fdbbf6cd5485ce5cbea30170bd5f1",
    "medmcqa/test": "06193ed891b1f4ce1b93b3416f52ec731e8c7134b17a000f9219c031a929d716",
    "medmcqa/test_hard": "2ea559cdcb8efb8fefcbe2ea7545077d068d8db3bf2bfb0266f79d1a1d010ff1",
    "pubmedqa/test": "6bdc49507bf4b9b0f9315f39b64bcc3e4361597d89e5e8b709966c027a2b60cd",
    "pubmedqa/test_hard": "868f7cf06b34a77a55341256929985edda5225c61479661a4141db10198e2947",
    "mmlu/test": "d1ac8949044ccd412b883b90ba918933531f5eaefb40166673c4989fa1bbf1b9",
    "mmlu/test_hard": "b59e43ffb7f6a7a1786317099dea996e80035e167a3a63cca3dea7592e79897d",
    "mmlu-pro/test": "e19a1083726cc7d0026e4b0350d5af28c1798020885770b957f38a8fb268193d",
    "mmlu-pro/test_hard": "534a6d2315a101e985cac9c24641059e2064ac9c9363ac0d3522f3c9837e9fd7",
    "medbullets/test": "8f7f2870bd848a509717a23025f8e01f08ffa2065cb4363d6a7d468970cbc381",
    "medbullets/test_hard": "2ca3c84767bfea5a67b2fa80c7f70cd1349bdc86b9e213f62148f448a6d99c30",
    "afrimedqa/test": "e7290f30c4de13536abcce01548a4e6bf890475369f28b16fa0d4d841884cfbd",
    "afrimedqa/test_hard": "dc67b084912c1a58403025e8661930385848e38fcbd031a5cbce9aa93bb75ff3",
}

BENCHMARKS = (
    Benchmark(
        slices=(Slice("set"), Slice("split", compared=False), Slice("hard", compared=False)),
        name="medagents-hard",
        title="MedAgentsBench",
        family="choice",
        summary="eight exam sets; the questions that most models fail are a slice",
        licence="Apache-2.0",
        citation="Tang et al. 2025, arXiv:2503.07459",
        n_examples=8251,
        read=_read,
        protocol=ChoiceProtocol(),
        source=tuple(
            Source(_REPO, _REVISION, f"data/{name}.jsonl", sha256, "github")
            for name, sha256 in _HASHES.items()
        ),
        url=f"https://github.com/{_REPO}",
        folder="medagents_bench",
        labels={
            **CHOICE_LABELS,
            **{f"set:{name}": title for name, title in _SETS.items()},
            **{f"hard:{name}": f"{title}, HARD" for name, title in _SETS.items()},
            f"split:{_HARD}": "HARD, all sets",
            "set": "Exam",
            "split": "Hard questions",
            "hard": "Hard questions by exam",
        },
        measures="Medical knowledge and reasoning in exam questions, the hard ones apart.",
        faults=(
            "182 questions of MMLU, MMLU-Pro and MedBullets are there more than once.",
            "AfriMed-QA has fewer options than five, filled up with n/a.",
        ),
        verified="Accuracy of 350 published runs (93,621 answers), recomputed independently.",
    ),
)
