"""Rows of documents with planted facts in a folder."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from preceptor.benchmarks.fields import Fields
from preceptor.benchmarks.own_rows import IDS, first_of, labelled, unpacked
from preceptor.cells import decoded
from preceptor.protocols.insights import insight_example
from preceptor.records import Example

__all__ = ["insight_row"]

_PACKED = ("documents", "facts", "distractors")


def insight_row(slices: Sequence[str]) -> Callable[[Fields], Example]:
    """Reads ``id``, ``question``, ``documents``, ``facts``, ``distractors``, ``tags``.

    A document has ``id`` and ``text``, a fact ``fact`` and the ids of its ``documents``; a
    distractor is a text.
    """

    def parse(row: Fields) -> Example:
        row = unpacked(row)
        lists = {name: decoded(row.row[name]) for name in _PACKED if name in row}
        row = Fields({**row.row, **lists}, row.where, row.line, row.prefix)
        documents: dict[str, str] = {}
        for each in row.items("documents"):
            id = each.id("id")
            if id in documents:
                raise each.fault("id", "an id that no other document of the row has", id)
            documents[id] = each.text("text")
        facts = [_fact(each, documents) for each in row.items("facts")]
        distractors = row.texts("distractors")
        texts = [text for text, _ in facts] + list(distractors)
        if len(set(texts)) < len(texts):
            twice = next(text for text in texts if texts.count(text) > 1)
            raise row.fault("facts", "facts and distractors that differ", twice)
        return insight_example(
            *(row.id(first_of(row, IDS)), row.text("question"), documents, facts),
            distractors=distractors,
            tags=labelled(row, slices),
        )

    return parse


def _fact(row: Fields, documents: Collection[str]) -> tuple[str, tuple[str, ...]]:
    where = row.texts("documents")
    unknown = next((each for each in where if each not in documents), None)
    if unknown is not None or not where:
        raise row.fault("documents", "ids of the row's documents", unknown or list(where))
    return row.text("fact"), where
