"""Queries, a corpus and grades in a folder of the user's, as BEIR, TREC or R2MED lay them out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.benchmarks.manifest import Manifest, Own
from preceptor.benchmarks.own_tasks.task_sheets import slug, taken
from preceptor.corpora import Corpus, open_corpus, pointer
from preceptor.errors import DataError, InputError, shorten
from preceptor.files import read_rows
from preceptor.protocols.retrieval import query
from preceptor.records import Example
from preceptor.wording import plural

__all__ = ["corpus_of_folder", "holds_collection", "queries_of_folder", "read_collection"]

_QUERIES = ("queries.jsonl", "queries.jsonl.gz", "query.jsonl", "query.jsonl.gz")
_CORPORA = ("corpus.jsonl", "corpus.jsonl.gz")
_QRELS = ("qrels.tsv", "qrels.txt", "qrels.jsonl")
#: Name of the last column, where the first line has names.
_HEADS = ("score", "grade", "relevance", "label")
_SUFFIXES = (".tsv", ".txt", ".jsonl", ".qrels")
#: In `qrels/`, what is read unless another is named.
_SPLIT = "test"

_Grades = dict[str, dict[str, int]]


class _Judged(msgspec.Struct):
    """What a file of grades holds."""

    grades: _Grades
    repeated: int = 0


def holds_collection(path: Path) -> bool:
    """Whether it is a folder with queries and grades, or a file of grades in such a folder."""
    if path.is_file():
        return path.parent.name == "qrels" and _first(path.parent.parent, _QUERIES) is not None
    graded = (path / "qrels").is_dir() or _first(path, _QRELS) is not None
    return graded and _first(path, _QUERIES) is not None


def read_collection(path: Path) -> Benchmark:
    """The benchmark of a folder, or of one of the files in its `qrels`.

    Raises
    ------
    InputError, DataError
        A file is missing, or a line of one is not what it should be.
    """
    folder, judged = _places(path)
    called = folder.resolve().name
    if judged.parent != folder and judged.stem != _SPLIT:
        called = f"{called}-{judged.stem}"
    name = slug(called) or "collection"
    examples, reading, remarks = _read(folder, judged)
    corpus = _corpus(folder)
    made = Manifest(
        name=f"own-{name}" if taken(name) else name,
        title=called,
        summary="queries, a corpus and grades of your own",
        languages=("und",),
        examples=len(examples),
        protocol=Own("retrieval"),
    ).benchmark(path)
    return msgspec.structs.replace(
        made,
        read=lambda given: examples if given == path else _read(*_places(given))[0],
        materials=None if corpus is None else _pointer,
        reading=(f"{called}: {reading}", *remarks),
        remarks=tuple(remarks),
    )


def queries_of_folder(path: Path) -> list[Example]:
    """The queries of a folder with their grades; raises as `read_collection`."""
    return _read(*_places(path))[0]


def corpus_of_folder(path: Path) -> Corpus | None:
    """Its corpus, where it has one."""
    return _corpus(path)


def _places(path: Path) -> tuple[Path, Path]:
    """The folder, and its file of grades."""
    return (path.parent.parent, path) if path.is_file() else (path, _qrels(path))


def _pointer(path: Path) -> bytes:
    corpus = _corpus(_places(path)[0])
    assert corpus is not None
    return pointer([corpus])


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _corpus(folder: Path) -> Corpus | None:
    path = _first(folder, _CORPORA)
    return None if path is None else open_corpus(path)


def _qrels(folder: Path) -> Path:
    """The file of grades that is meant where none is named."""
    single = _first(folder, _QRELS)
    if single is not None:
        return single
    inside = folder / "qrels"
    found = sorted(file for file in inside.iterdir() if file.suffix in _SUFFIXES)
    chosen = [file for file in found if file.stem == _SPLIT] or found
    if len(chosen) != 1:
        there = ", ".join(file.name for file in found) or "none"
        raise InputError(
            f"{inside}: expected {_SPLIT}.tsv or a single file of grades, found {there}: name one, "
            f"such as {inside / 'dev.tsv'}"
        )
    return chosen[0]


def _read(folder: Path, judged: Path) -> tuple[list[Example], str, list[str]]:
    """The examples, what was read in one line, and sentences on what is odd in it."""
    texts = _texts(folder)
    found = _grades(judged)
    corpus = _corpus(folder)
    asked = {id: grades for id, grades in found.grades.items() if id in texts}
    where = judged.relative_to(folder)
    if not asked:
        id = next(iter(found.grades), None)
        problem = "no query" if id is None else f"no query of {folder}, first {shorten(id)}"
        raise InputError(f"{judged}: expected grades of the queries, found {problem}")
    sha256 = None if corpus is None else corpus.sha256
    examples = [query(id, texts[id], grades, sha256) for id, grades in asked.items()]
    size = "no corpus" if corpus is None else f"{len(corpus):,} documents"
    judgments = sum(map(len, asked.values()))
    remarks = []
    if unknown := len(found.grades) - len(asked):
        queries = plural(unknown, "query", "queries")
        remarks.append(f"Left out because they have no text: {queries} of {where}.")
    if found.repeated:
        repeated = plural(found.repeated, "judgment")
        remarks.append(f"Repeated and counted once: {repeated} of {where}.")
    if corpus is not None and corpus.duplicates:
        documents = plural(corpus.duplicates, "document")
        remarks.append(f"Left out because they repeat an earlier id: {documents} of the corpus.")
    lost = 0 if corpus is None else sum(map(corpus.lacks, asked.values()))
    if lost:
        remarks.append(
            f"The corpus lacks the documents of {lost:,} of {judgments:,} judgments: no system can "
            f"find them."
        )
    said = f"{len(examples):,} queries, {size}, {judgments:,} judgments ({where})"
    return examples, said, remarks


def _texts(folder: Path) -> dict[str, str]:
    """Query → its text."""
    path = _first(folder, _QUERIES)
    assert path is not None
    found: dict[str, str] = {}
    for number, row in read_rows(path):
        fields = Fields(row, str(path), number)
        id = fields.id("_id" if "_id" in row else "id")
        if id in found:
            raise DataError(str(path), number, "_id", f"{shorten(id)} is there twice")
        found[id] = fields.text("text")
    return found


def _grades(path: Path) -> _Judged:
    """Query → document → grade."""
    found = _Judged({})
    rows = _object_rows(path) if path.suffix == ".jsonl" else _lines(path)
    for number, (query_id, document, grade) in rows:
        known = found.grades.setdefault(query_id, {})
        value = _whole(grade)
        if value is None:
            problem = f"expected a whole number, found {shorten(grade)}"
            raise DataError(str(path), number, "score", problem)
        if known.get(document, value) != value:
            both = f"{shorten(document)} has grade {known[document]} for {shorten(query_id)} before"
            raise DataError(str(path), number, "score", f"{both}, and {value} here")
        found.repeated += document in known
        known[document] = value
    return found


def _whole(grade: object) -> int | None:
    try:
        number = float(str(grade))
    except ValueError:
        return None
    return int(number) if number.is_integer() and abs(number) < 2**31 else None


def _object_rows(path: Path) -> Iterator[tuple[int, tuple[str, str, object]]]:
    for number, row in read_rows(path):
        fields = Fields(row, str(path), number)
        names = ("q_id", "p_id") if "q_id" in row else ("query-id", "corpus-id")
        yield number, (fields.id(names[0]), fields.id(names[1]), row.get("score"))


def _lines(path: Path) -> Iterator[tuple[int, tuple[str, str, object]]]:
    """Rows of BEIR (three columns, a line with their names) or of TREC (four)."""
    try:
        with path.open(encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, start=1):
                text = line.rstrip("\r\n")
                cells = text.split("\t") if "\t" in text else text.split()
                if not text.strip() or (number == 1 and cells[-1].casefold() in _HEADS):
                    continue
                if len(cells) not in (3, 4):
                    problem = (
                        f"expected query, document and grade (BEIR) or query, 0, document and "
                        f"grade (TREC), found {len(cells)} columns"
                    )
                    raise DataError(str(path), number, "", problem)
                yield number, (cells[0].strip(), cells[-2].strip(), cells[-1].strip())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text: {error}") from None
