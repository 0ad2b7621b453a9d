"""Med-RewardBench (Ding et al. 2025): which of two answers about an image does a judge prefer?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.benchmarks.images import asked_about, images_of
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.preferences import PREFERENCE_LABELS, SIDES, PreferenceScoring
from preceptor.records import Example, Message, Slice

__all__ = ["BENCHMARKS", "read_pairs"]

_DIMENSIONS = {
    "accuracy": "Accuracy",
    "relevance": "Relevance",
    "comprehensiveness": "Comprehensiveness",
    "creativity": "Creativity",
    "responsiveness": "Responsiveness",
    "overall": "Overall",
}
_MAIN = "overall"
_ORGANS = (
    *("abdomen", "brain", "breast", "chest", "eye", "foot", "gastrointestinal_tract", "heart"),
    *("lower_limb", "lung", "oral_cavity", "pelvic_cavity", "upper_limb"),
)
_TABLES = (".parquet", ".csv", ".json")
_KEYS = ", ".join(f'"{name}": "A"' for name in _DIMENSIONS)
_TOLD = (
    "Two answers, A and B, were given to the question. Say which is better in each respect: "
    "accuracy, relevance to the question, comprehensiveness, creativity, responsiveness to what "
    "was asked for, and overall. Their order means nothing. Name A or B each time. Reply with one "
    f"JSON object and nothing else: {{{_KEYS}}}"
)


def _winners(row: Fields) -> dict[str, str]:
    said: Any = row.need("human_answer", "the winner of each dimension")
    if not isinstance(said, dict) or not {*said} & {*_DIMENSIONS}:
        raise row.fault("human_answer", f"winners by {', '.join(_DIMENSIONS)}", said)
    found = {name: str(said[name]).strip().upper() for name in _DIMENSIONS if said.get(name)}
    for name, side in found.items():
        if side not in SIDES:
            raise row.fault(f"human_answer.{name}", "A or B", said[name])
    return found


def _rows(path: Path) -> Iterator[Fields]:
    return (Fields(row, str(path), line) for line, row in read_rows(path))


def read_pairs(path: Path) -> Iterator[Example]:
    """A file whose rows have ``human_answer``, or a folder with a .jsonl of them by table."""
    if not path.is_dir():
        yield from _asked(path, path.parent, {})
        return
    answers = {file.stem: file for file in sorted(path.rglob("*.jsonl"))}
    tables = [each for each in sorted(path.rglob("*")) if each.suffix in _TABLES]
    if not tables and not answers:
        raise InputError(f"{path}: expected ORGAN.parquet and ORGAN.jsonl, found none")
    for file in tables or answers.values():
        known = answers.get(file.stem) if tables else None
        keyed = {row.id("question_id"): _winners(row) for row in _rows(known)} if known else {}
        yield from _asked(file, path, keyed)


def _asked(file: Path, root: Path, keyed: dict[str, dict[str, str]]) -> Iterator[Example]:
    for row in _rows(file):
        id = row.id("question_id")
        if "human_answer" not in row and id not in keyed:
            raise row.fault("question_id", f"a row with human_answer in {file.stem}.jsonl", id)
        winners = keyed[id] if "human_answer" not in row else _winners(row)
        shown = images_of(row, "image", file.parent, root, {}) if row.row.get("image") else []
        pair = f"{file.stem}/{id}"
        answers = (row.text("answer1_text"), row.text("answer2_text"))
        for order, two in (("given", answers), ("swapped", answers[::-1])):
            parts = "\n\n".join(f"Answer {s}:\n{a}" for s, a in zip(SIDES, two, strict=True))
            text = f"Question:\n{row.text('question')}\n\n{parts}"
            yield Example(
                id=f"{pair}/{order}",
                messages=(asked_about(shown, text) if shown else Message("user", text),),
                criteria=(),
                tags=(f"organ:{file.stem}", f"order:{order}"),
                target={"pair": pair, "swapped": order == "swapped", "winners": winners},
            )


_NAMED = {
    f"{kind}:{name}": title
    for kind in ("right_in_both", "consistent", "first_chosen", "kappa")
    for name, title in _DIMENSIONS.items()
}

BENCHMARKS = (
    Benchmark(
        name="med-rewardbench",
        title="Med-RewardBench",
        family="preferences",
        summary="the better of two answers about a medical image, by a judge and by physicians",
        licence="none stated",
        citation="Ding et al. 2025 (Med-RewardBench)",
        n_examples=2052,
        read=read_pairs,
        protocol=Protocol(
            "preferences",
            asking=Asking(_TOLD),
            scoring=PreferenceScoring(tuple(_DIMENSIONS), _MAIN),
        ),
        url="https://github.com/meidandz/Med-RewardBench",
        brings="a folder with `ORGAN.parquet` and `ORGAN.jsonl` for each organ",
        folder="med-rewardbench",
        slices=(Slice("organ"), Slice("order")),
        labels={
            **PREFERENCE_LABELS,
            **_NAMED,
            **{f"dimension:{name}": title for name, title in _DIMENSIONS.items()},
            "organ": "Part of the body",
            **{f"organ:{name}": name.replace("_", " ").capitalize() for name in _ORGANS},
            "order": "Order of the answers",
            "order:given": "As given",
            "order:swapped": "Swapped",
        },
        measures="Whether a judge prefers the answer that physicians prefer, whichever is shown "
        "first; the system is the judge.",
        faults=(
            "The published code asks one order; here both are asked, so that there are twice as "
            "many examples as pairs.",
            "There, one letter in a reply is the winner of all six dimensions, and a reply that "
            "cannot be read is wrong; here the first is not read, and neither has a value.",
        ),
        verified="Made-up pairs in the layout that the published code reads; the rows are not "
        "here.",
    ),
)
