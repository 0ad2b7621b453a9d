"""De-identification: made-up sentences of Presidio, and notes of one's own in three forms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from preceptor.benchmarks.base import Benchmark, Source
from preceptor.benchmarks.fields import Fields
from preceptor.errors import DataError, InputError, shorten
from preceptor.files import read_rows
from preceptor.protocols.deidentification import (
    DEIDENTIFICATION_LABELS,
    deid_example,
    deidentification,
)
from preceptor.records import Example
from preceptor.scoring.deidentification import Mention

__all__ = ["BENCHMARKS", "read_texts"]

_TEXTS, _SPANS, _PATIENTS = ("full_text", "text"), ("spans", "entities"), ("patient", "patient_id")
_STARTS, _ENDS = ("start_position", "start"), ("end_position", "end")
_TYPES, _VALUES = ("entity_type", "label", "type"), ("entity_value", "value")


class _Text(NamedTuple):
    id: str
    text: str
    mentions: list[Mention]
    patient: str | None
    cluster: str | None


def read_texts(path: Path) -> Iterator[Example]:
    """The texts of a file, or of a folder of them.

    A row has ``text`` (or ``full_text``) and ``spans`` (or ``entities``), each with ``start``,
    ``end`` (after the last character) and ``type``, as Presidio and Doccano name them; ``patient``
    where several texts are about one, or ``template_id`` of what they were made from: such texts
    are drawn together. A folder has ``.txt`` files with an ``.ann`` beside each, as
    brat writes them.

    Raises
    ------
    DataError
        With the line: a place that is not in the text, or words that do not stand there.
    """
    there = list(_of_brat(path) if path.is_dir() and any(path.glob("*.ann")) else _of_rows(path))
    types = sorted({mention.type for each in there for mention in each.mentions})
    for each in there:
        yield deid_example(
            each.id, each.text, each.mentions, types, patient=each.patient, cluster=each.cluster
        )


def _of_rows(path: Path) -> Iterator[_Text]:
    if path.is_dir():
        files = [each for each in sorted(path.iterdir()) if each.suffix in (".json", ".jsonl")]
        if len(files) != 1:
            expected = "one .json or .jsonl file, or .txt files with an .ann beside each"
            raise InputError(f"{path}: expected {expected}, found {len(files)} files of rows")
        (path,) = files
    for number, (line, row) in enumerate(read_rows(path)):
        fields = Fields(row, str(path), line)
        text = fields.text(_there(fields, _TEXTS))
        spans = _there(fields, _SPANS)
        none = fields.need(spans, "a list of mentions, empty where there is none") == []
        patient, cluster = (
            fields.id(name) if (name := _there(fields, names)) in fields else None
            for names in (_PATIENTS, ("template_id",))
        )
        yield _Text(
            fields.id("id") if "id" in fields else str(number),
            text,
            [] if none else [_mention(each, text) for each in fields.items(spans)],
            patient,
            patient or cluster,
        )


def _there(fields: Fields, names: tuple[str, ...]) -> str:
    return next((name for name in names if name in fields), names[-1])


def _mention(fields: Fields, text: str) -> Mention:
    at, to = _there(fields, _STARTS), _there(fields, _ENDS)
    start, end = fields.integer(at), fields.integer(to)
    if not 0 <= start < len(text):
        raise fields.fault(at, f"a place in a text of {len(text)} characters", start)
    if not start < end <= len(text):
        raise fields.fault(to, f"a place behind {start}, at most {len(text)}", end)
    value = _there(fields, _VALUES)
    words = fields.row.get(value)
    if isinstance(words, str) and words != text[start:end]:
        raise fields.fault(value, f"{shorten(text[start:end])}, which stands there", words)
    return Mention(start, end, fields.text(_there(fields, _TYPES)))


def _of_brat(folder: Path) -> Iterator[_Text]:
    for path in sorted(folder.glob("*.ann")):
        beside = path.with_suffix(".txt")
        if not beside.is_file():
            raise InputError(f"{path}: expected {beside.name} beside it, found none")
        # A line break is one character to brat, whatever the file has.
        text = beside.read_bytes().decode("utf-8")
        yield _Text(path.stem, text, list(_annotations(path, text)), None, None)


def _annotations(path: Path, text: str) -> Iterator[Mention]:
    """Lines of T1, type and places, words, by tabs; what is no mention is left out."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.startswith("T"):
            continue
        cells = line.split("\t")
        type, _, places = cells[1].partition(" ") if len(cells) > 2 else ("", "", "")
        # A mention in several pieces is removed from its first character to its last.
        ends = [each for piece in places.split(";") for each in piece.split()]
        if not type or len(ends) < 2 or not all(map(str.isdigit, ends)):
            problem = f"expected T1, type, start and end, words by tabs, found {shorten(line)}"
            raise DataError(str(path), number, "", problem)
        start, end = int(ends[0]), int(ends[-1])
        words = text[start:end]
        if not words or (len(ends) == 2 and words.split() != cells[2].split()):
            problem = f"expected {shorten(words)}, which stands there, found {shorten(cells[2])}"
            raise DataError(str(path), number, "words", problem)
        yield Mention(start, end, type)


BENCHMARKS = (
    Benchmark(
        name="deid-presidio-synth",
        title="De-identification, made-up sentences",
        family="deidentification",
        summary="1,500 made-up sentences with names, addresses, numbers",
        licence="MIT",
        citation="Microsoft, presidio-research, data/synth_dataset_v2.json",
        n_examples=1500,
        protocol=deidentification(),
        read=read_texts,
        source=Source(
            "microsoft/presidio-research",
            "c49124672f4a751efbb6b06f0f806d9502701dcd",
            "data/synth_dataset_v2.json",
            "ec08a771ba8135314cafb60752b2295212222ba3a4cd75d73811839c699e0012",
            host="github",
        ),
        url="https://github.com/microsoft/presidio-research",
        folder="deid-presidio-synth/synth_dataset_v2.json",
        labels=DEIDENTIFICATION_LABELS,
        measures="How much of what tells who a person is stays in a text, and how much else goes.",
        caution="Made-up sentences from templates are no clinical notes: a rate of leaks on them "
        "says little of one's own notes, which can be scored in the same way",
        faults=(
            "Of 17 types, some (TITLE, GPE, NRP) need not be removed by any rule of law.",
            "209 templates gave all sentences; intervals draw those of one template together.",
        ),
        verified="Every figure of a set of rules, computed elsewhere, to the sixth decimal.",
    ),
)
