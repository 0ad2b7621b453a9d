"""PubMedQA: a research question, the abstract without its conclusion; yes, no or maybe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.errors import DataError, InputError
from preceptor.files import decode_json
from preceptor.protocols.choice import CHOICE_LABELS, WAYS, ChoiceProtocol, choice_example
from preceptor.records import Example

__all__ = ["BENCHMARKS"]

_OPTIONS = {"A": "yes", "B": "no", "C": "maybe"}
_LETTERS = {text: letter for letter, text in _OPTIONS.items()}
_REVISION = "1cbae8e92f72f20c8d3747cbb3bf5bc53554d997"
_ROWS, _TEST = "ori_pqal.json", "test_ground_truth.json"
_SHA256 = {
    _ROWS: "8b3276be8942ebbd77f3ddcda12c1749bf0e490045a736fd8438ee40cf37a41d",
    _TEST: "939fe566f09017d13b1ca64d2ddfee0bc2374b366048152997669cccedc44d51",
}


def _read(path: Path) -> Iterator[Example]:
    """The 500 of ori_pqal.json whose ids test_ground_truth.json has; or all rows of one file, such
    as test_set.json, which others made of these.
    """
    wanted = None
    if path.is_dir() and not any(path.rglob(_ROWS)):
        path = next(iter(sorted(path.rglob("test_set.json"))), path)
    if path.is_dir():
        wanted, path = _by_id(_inside(path, _TEST)), _inside(path, _ROWS)
    for number, (id, row) in enumerate(_by_id(path).items(), start=1):
        if wanted is not None and id not in wanted:
            continue
        if not isinstance(row, dict):
            raise DataError(str(path), number, id, "expected an object")
        yield _example(id, Fields(row, str(path), number, f"{id}."))


def _inside(folder: Path, name: str) -> Path:
    found = next(iter(sorted(folder.rglob(name))), None)
    if found is None:
        raise InputError(f"{folder}: expected {_ROWS} and {_TEST} in it, found no {name}")
    return found


def _by_id(path: Path) -> dict[str, Any]:
    content = decode_json(path)
    if not isinstance(content, dict):
        raise DataError(str(path), None, "", "expected an object with a PubMed id for each row")
    return content


def _example(id: str, row: Fields) -> Example:
    abstract = "\n".join(row.texts("CONTEXTS"))
    if not abstract:
        raise row.fault("CONTEXTS", "a list of texts that is not empty", row.row.get("CONTEXTS"))
    stem = f"Abstract: {abstract}\n\nQuestion: {row.text('QUESTION')}"
    answer = _LETTERS[row.one_of("final_decision", tuple(_LETTERS))]
    return choice_example(id, stem, _OPTIONS, answer)


def _benchmark(suffix: str, how: str, instructions: str) -> Benchmark:
    return Benchmark(
        name=f"pubmedqa{suffix}",
        title=f"PubMedQA, {how}",
        family="choice",
        summary=f"research questions with their abstracts: yes, no, maybe; {how}",
        licence="MIT",
        citation="Jin et al. 2019, arXiv:1909.06146",
        n_examples=500,
        read=_read,
        protocol=ChoiceProtocol(instructions, labels=tuple(_LETTERS)),
        source=tuple(
            Source("pubmedqa/pubmedqa", _REVISION, f"data/{name}", sha256, host="github")
            for name, sha256 in _SHA256.items()
        ),
        folder="pubmedqa",
        url="https://pubmedqa.github.io",
        labels={**CHOICE_LABELS, "macro_f1": "Macro-F1"},
        measures="Whether an abstract without its conclusion is read as its authors concluded.",
        faults=(
            "Of the answers 55 % are yes: a system that always says so has that accuracy.",
            "The right answer is the authors' conclusion, sound or not.",
        ),
        verified="The 500 test rows are read: 276 yes, 169 no, 55 maybe.",
    )


BENCHMARKS = tuple(_benchmark(*way) for way in WAYS)
