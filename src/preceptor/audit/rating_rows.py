"""Rows of ratings in files of any shape: tables, JSON, and exports of Label Studio.

Label Studio writes a task with its annotations (JSON), or a row for each annotation (JSON-MIN, CSV)
in which a control has its own column; a task without an annotation is a row without an annotator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from preceptor.cells import at_path, decoded
from preceptor.errors import InputError, shorten
from preceptor.files import read_rows
from preceptor.rows import SemicolonRow

__all__ = ["RatingColumns", "rating_rows"]

#: Columns of the ratings → names that they may have in the file.
_USUAL = {
    "response": ("response",),
    "criterion": ("criterion",),
    "rater": ("rater", "annotator"),
    "label": ("label",),
}
#: Columns that Label Studio adds to a row.
_OF_STUDIO = ("data", "annotation_id", "annotator", "created_at", "updated_at", "lead_time", "id")
#: Of a control's value: where the choice is.
_VALUES = ("choices", "taxonomy", "rating", "number", "text")


class RatingColumns(msgspec.Struct, frozen=True):
    """Columns that the user names, or dotted paths to them; None for the usual names.

    ``label`` may be several, such as the controls of a form: each is a criterion of its own.
    """

    response: str | None = None
    criterion: str | None = None
    rater: str | None = None
    label: tuple[str, ...] = ()

    @property
    def named(self) -> bool:
        return self != RatingColumns()


def rating_rows(
    path: Path, columns: RatingColumns, left_out: list[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line, row) with the columns response, criterion, rater, label, and all others.

    Sentences on what is left out are added to ``left_out``.

    Raises
    ------
    InputError, DataError
        The file cannot be read, or a column is missing.
    """
    counts: Counter[str] = Counter()
    latest: dict[tuple[str, str, str], tuple[str, int, dict[str, str]]] = {}
    chosen: dict[str, str | None] = {}
    for line, cells, studio in _rows(path, counts):
        if not chosen:
            chosen = _chosen(cells, columns, path, studio=studio)
        for label in columns.label or (chosen["label"],):
            row = _row(cells, {**chosen, "label": label}, several=len(columns.label) > 1)
            if not studio:
                yield line, row
                continue
            key = (row["response"], row["criterion"], row["rater"])
            when = str(cells.get("updated_at") or "")
            counts["later"] += key in latest
            if key not in latest or when >= latest[key][0]:
                latest[key] = (when, line, row)
    yield from ((line, row) for _, line, row in latest.values())
    said = {
        "unlabelled": "Tasks without an annotation, left out",
        "skipped": "Annotations that were skipped, left out",
        "later": "Labels replaced by a later one of the same rater",
    }
    left_out += [f"{words}: {counts[what]:,}." for what, words in said.items() if counts[what]]


def _rows(path: Path, counts: Counter[str]) -> Iterator[tuple[int, dict[str, Any], bool]]:
    """Yield line, cells, and whether Label Studio wrote it."""
    for line, row in read_rows(path, exact=True):
        if isinstance(row.get("annotations"), list) and isinstance(row.get("data"), dict):
            yield from ((line, cells, True) for cells in _annotations(row, counts))
        elif {"annotation_id", "annotator"} <= row.keys():
            if row["annotation_id"] in (None, ""):
                counts["unlabelled"] += 1
            else:
                yield line, row, True
        else:
            yield line, row, False


def _annotations(task: Mapping[str, Any], counts: Counter[str]) -> Iterator[dict[str, Any]]:
    """A row for each annotation of a task, and for each prediction of a named model."""
    base = {**task["data"], "data": task["data"], "id": task.get("id")}
    for annotation in _objects(task["annotations"]):
        if annotation.get("was_cancelled"):
            counts["skipped"] += 1
            continue
        who = annotation.get("completed_by")
        if isinstance(who, dict):
            who = who.get("email") or who.get("id")
        yield {
            **base,
            **_said(annotation.get("result")),
            "annotator": who,
            "updated_at": annotation.get("updated_at"),
        }
    counts["unlabelled"] += not task["annotations"]
    for prediction in _objects(task.get("predictions")):
        if prediction.get("model_version"):
            said = _said(prediction.get("result"))
            yield {**base, **said, "annotator": prediction["model_version"]}


def _objects(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _said(results: object) -> dict[str, Any]:
    """Control → what was chosen there; of a control that was used several times all of it."""
    found: dict[str, list[Any]] = {}
    for result in _objects(results):
        if isinstance(result.get("value"), dict):
            found.setdefault(str(result.get("from_name")), []).append(result["value"])
    return dict(found)


def _chosen(
    row: Mapping[str, Any], columns: RatingColumns, path: Path, *, studio: bool
) -> dict[str, str | None]:
    """The column or path of each rating column in this file; None where there is none."""
    names = {name.strip().lower(): name for name in row}
    found: dict[str, str | None] = {}
    for column, usual in _USUAL.items():
        stated = getattr(columns, column) or None
        if isinstance(stated, tuple):
            stated = stated[0]
        if stated is None:
            found[column] = next((names[name] for name in usual if name in names), None)
        elif stated in row or at_path(row, stated) is not None or (column == "label" and studio):
            found[column] = stated
        else:
            listed = shorten(", ".join(row), 300)
            raise InputError(f"{path}: --{column} {stated}: no such column; it has {listed}")
    if studio:
        found["response"] = found["response"] or "id"
        if found["label"] is None:
            controls = [name for name in row if name not in _OF_STUDIO]
            raise InputError(
                f"{path}: an export of Label Studio: name the control with the labels, such as "
                f"--label {controls[-1] if controls else 'NAME'}; its columns are "
                f"{shorten(', '.join(controls), 300)}"
            )
    return found


def _row(
    cells: Mapping[str, Any], chosen: Mapping[str, str | None], *, several: bool
) -> dict[str, str]:
    """The cells as texts under lower-case names, with those that were chosen under ours."""
    row = {name.strip().lower(): "" if cell is None else str(cell) for name, cell in cells.items()}
    for column, name in chosen.items():
        if name is None:
            row.pop(column, None)
        else:
            value = cells[name] if name in cells else at_path(cells, name)
            row[column] = _text(value) if column == "label" else _plain(value)
    label = chosen["label"]
    if label is not None and label.lower() != "label":
        criterion = row.get("criterion")
        if criterion is None:
            row["criterion"] = label
        elif several:
            row["criterion"] = f"{criterion}: {label}"
    return SemicolonRow(row) if isinstance(cells, SemicolonRow) else row


def _plain(value: object) -> str:
    return "" if value is None else str(value)


def _text(value: Any) -> str:
    """The choice as a text; several with ``|`` between, levels of a taxonomy with ``/``."""
    inside = decoded(value)
    if isinstance(inside, dict):
        name = next((name for name in _VALUES if name in inside), None)
        return "" if name is None else _listed(inside[name], nested=name == "taxonomy")
    if isinstance(inside, list):
        return " | ".join(text for each in inside if (text := _text(each)))
    return _plain(value)


def _listed(value: Any, *, nested: bool) -> str:
    if not isinstance(value, list):
        return _plain(value)
    if nested:
        return " | ".join(" / ".join(map(str, each)) for each in value if isinstance(each, list))
    return " | ".join(map(str, value))
