"""Texts of clinical cases that people gave a code: CodiEsp and DISTEMIST."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from preceptor.errors import DataError, InputError, shorten
from preceptor.terminology.codes import normal_code

__all__ = ["IN_CODIESP_DEV", "IN_CODIESP_TRAIN", "Mention", "read_codiesp", "read_distemist"]

#: Documents of DISTEMIST that are also documents of CodiEsp: to be left out of what is trained on,
#: or tested on, beside CodiEsp.
IN_CODIESP_DEV = frozenset(
    f"S0004-0614{number}"
    for number in (
        *("2005000900016-1", "2005001000011-1", "2006000200011-1", "2006000500002-4"),
        *("2006000600015-1", "2006000700008-1", "2006000900008-1", "2006000900009-1"),
        *("2007000300012-1", "2007000600011-1"),
    )
)
IN_CODIESP_TRAIN = frozenset(
    f"S0004-0614{number}"
    for number in (
        *("2005000700014-1", "2005000900013-1", "2005000900015-1", "2005001000011-3"),
        *("2005001000016-1", "2006000200001-1", "2006000200013-1", "2006000200014-1"),
        *("2006000300015-1", "2006000500011-1", "2006000600009-1", "2006000600012-1"),
        *("2006000700013-1", "2006000700014-1", "2006000900006-1", "2006000900013-1"),
        *("2006000900014-1", "2007000100012-1", "2007000100015-1", "2007000300011-1"),
        *("2007000300013-1", "2007000500011-1", "2007000500014-1"),
    )
)
_DIAGNOSIS = "DIAGNOSTICO"
_SPAN = re.compile(r"(\d+) (\d+)")


class Mention(msgspec.Struct, frozen=True):
    """A text of a document, and the codes that it was given.

    Attributes
    ----------
    id
        Of the document, with the number of the line in the file.
    codes
        In normal form; none where none is known, or a range alone. CodiEsp has one a line.
    spans
        First character of each part of the text in the document, and the one behind its end.
    ranges
        What was given in place of a code, such as ``I10-I15.9``.
    """

    id: str
    document: str
    text: str
    codes: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    ranges: tuple[str, ...] = ()


def read_codiesp(folder: Path, split: str) -> list[Mention]:
    """The diagnoses of CodiEsp's ``train`` or ``dev``, in the file's order; no procedures.

    Parameters
    ----------
    folder
        The unpacked corpus, or a folder above it; the file is ``trainX.tsv`` or ``devX.tsv``.
    """
    path = _file(folder, f"{split}X.tsv")
    found = []
    for number, cells in _lines(path, 5):
        document, kind, written, text, places = cells
        if kind != _DIAGNOSIS:
            continue
        code = normal_code(written)
        if code is None:
            problem = f"expected a code such as q62.11, found {shorten(written)}"
            raise DataError(str(path), number, "code", problem)
        spans = _spans(places, path, number)
        found.append(Mention(f"{document}/{number}", document, text.strip(), (code,), spans))
    return found


_DISTEMIST_COLUMNS = (
    *("filename", "mark", "label", "off0", "off1", "span", "code", "semantic_rel"),
    *("omim_code", "mesh_code", "icd10_code", "hpo_code"),
)


def read_distemist(folder: Path) -> list[Mention]:
    """The linked diseases of DISTEMIST, with ICD-10 codes of the WHO where SNOMED has a map.

    Documents that CodiEsp has too are left out.

    Parameters
    ----------
    folder
        The unpacked corpus, or a folder above it; its two ``…_crossmappings.tsv`` are read.
    """
    found = []
    for part in (1, 2):
        path = _file(folder, f"distemist_subtrack2_training{part}_linking_crossmappings.tsv")
        for number, cells in _lines(path, len(_DISTEMIST_COLUMNS)):
            if cells == list(_DISTEMIST_COLUMNS):
                continue
            row = dict(zip(_DISTEMIST_COLUMNS, cells, strict=True))
            document = row["filename"].removeprefix("es-")
            if document in IN_CODIESP_DEV | IN_CODIESP_TRAIN:
                continue
            written = [] if row["icd10_code"] == "None" else row["icd10_code"].split("+")
            codes = tuple(code for each in written if (code := normal_code(each)) is not None)
            ranges = tuple(each for each in written if normal_code(each) is None)
            spans = _spans(f"{row['off0']} {row['off1']}", path, number)
            id = f"{document}/{part}-{number}"
            found.append(Mention(id, document, row["span"].strip(), codes, spans, ranges))
    return found


def _file(folder: Path, name: str) -> Path:
    if folder.is_file() and folder.name == name:
        return folder
    found = sorted(folder.rglob(name)) if folder.is_dir() else []
    if len(found) != 1:
        there = "none" if not found else f"{len(found)}"
        raise InputError(f"{folder}: expected a folder with {name}, found {there}")
    return found[0]


def _lines(path: Path, columns: int) -> Iterator[tuple[int, list[str]]]:
    """Cells between tabs: a quotation mark is a letter as others are."""
    try:
        with path.open(encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, start=1):
                cells = line.rstrip("\r\n").split("\t")
                if not line.strip():
                    continue
                if len(cells) != columns:
                    problem = f"expected {columns} columns, found {len(cells)}"
                    raise DataError(str(path), number, "", problem)
                yield number, cells
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text: {error}") from None


def _spans(places: str, path: Path, number: int) -> tuple[tuple[int, int], ...]:
    """``307 316;348 361`` → (307, 316), (348, 361)."""
    matches = [_SPAN.fullmatch(part.strip()) for part in places.split(";")]
    if not all(matches):
        problem = f"expected places such as 307 316;348 361, found {shorten(places)}"
        raise DataError(str(path), number, "spans", problem)
    return tuple((int(each[1]), int(each[2])) for each in matches if each is not None)
