"""Tables of numbers: targets of embeddings, angles of joints, and what models take."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from preceptor.bridges.measuring import MeasuredValue
from preceptor.bridges.outcome_columns import CellReader
from preceptor.errors import InputError, shorten
from preceptor.files import read_rows

__all__ = ["measure_pose", "read_amounts", "read_targets"]

_PATIENTS = ("patient", "patient_id", "subject_id", "group_id")
_FRAMES = ("frame", "time")


def read_targets(path: Path) -> tuple[NDArray[np.float64], list[str], list[str]]:
    """Targets (rows, targets), their names, and the patient of each row.

    Raises
    ------
    InputError, DataError
        No column of patients, fewer than two of them, or a cell that is no number.
    """
    rows = list(read_rows(path))
    columns = list(rows[0][1]) if rows else []
    patient = next((name for name in _PATIENTS if name in columns), None)
    names = [name for name in columns if name != patient]
    if patient is None or not names:
        raise InputError(
            f"{path}: expected a column patient and one for each target, found "
            f"{shorten(', '.join(columns) or 'nothing')}"
        )
    whose, readers = CellReader(path, patient), [CellReader(path, name) for name in names]
    values = np.array([[reader.needed(row, line) for reader in readers] for line, row in rows])
    patients = [whose.text(row, line) for line, row in rows]
    if len({*patients}) < 2:
        raise InputError(
            f"{path}: expected two patients or more: each is predicted from the others"
        )
    return values, names, patients


def read_amounts(
    path: Path, name: str, columns: Collection[str]
) -> tuple[list[str], dict[str, list[float | None]]]:
    """Names of the rows, and the numbers of some columns; None where a cell is empty."""
    names: dict[str, int] = {}
    found: dict[str, list[float | None]] = {column: [] for column in columns}
    who, readers = CellReader(path, name), {column: CellReader(path, column) for column in columns}
    for line, row in read_rows(path):
        for column in (name, *columns):
            if column not in row:
                raise InputError(
                    f"{path}: expected a column {shorten(column)}, found {shorten(', '.join(row))}"
                )
        each = who.text(row, line)
        if each in names:
            raise who.fault(line, f"another name than on line {names[each]:,}", each)
        names[each] = line
        for column, reader in readers.items():
            value = reader.number(row, line)
            found[column].append(None if math.isnan(value) else value)
    if not names:
        raise InputError(f"{path}: expected a row for each model, found none")
    return list(names), found


def measure_pose(reference: Path, predicted: Sequence[Path]) -> Iterator[MeasuredValue]:
    """RMSE of each joint's angle in each trial; ``all joints`` is their mean.

    Tables have ``frame`` (or ``time``), ``trial`` of several, and a column for each joint, in
    degrees. Angles are subtracted as they are: 359 and 1 are 358 apart.

    Raises
    ------
    InputError, DataError
        Other joints, trials or frames than the reference's.
    """
    joints, truth = _trials(reference)
    seen: set[str] = set()
    for path in predicted:
        if path.stem in seen:
            raise InputError(f"{path}: another file has the name {shorten(path.stem)}")
        seen.add(path.stem)
        own, said = _trials(path)
        if {*own} != {*joints}:
            odd = sorted({*own} ^ {*joints})[0]
            raise InputError(f"{path}: expected the joints of {reference}: {shorten(odd)} differs")
        if said.keys() != truth.keys():
            odd = sorted(said.keys() ^ truth.keys())[0]
            raise InputError(f"{path}: expected the trials of {reference}: {shorten(odd)} differs")
        order = [own.index(joint) for joint in joints]
        for trial, frames in truth.items():
            theirs = said[trial]
            if theirs.keys() != frames.keys():
                odd = sorted(theirs.keys() ^ frames.keys())[0]
                raise InputError(
                    f"{path}: trial {shorten(trial)}: expected the frames of {reference}: "
                    f"{shorten(odd)} differs"
                )
            one = np.array(list(frames.values()))
            two = np.array([theirs[frame] for frame in frames])[:, order]
            errors = np.sqrt(((two - one) ** 2).mean(axis=0))
            for joint, error in zip(joints, errors, strict=True):
                yield MeasuredValue(trial, path.stem, joint, "rmse", float(error))
            yield MeasuredValue(trial, path.stem, "all joints", "rmse", float(errors.mean()))


def _trials(path: Path) -> tuple[list[str], dict[str, dict[str, list[float]]]]:
    """Joints, and trial → frame → angles."""
    joints: list[str] = []
    trials: dict[str, dict[str, list[float]]] = {}
    readers: list[CellReader] = []
    frame = ""
    for line, row in read_rows(path):
        if not readers:
            frame = next((name for name in _FRAMES if name in row), "")
            joints = [name for name in row if name not in (frame, "trial")]
            if not frame or not joints:
                raise InputError(
                    f"{path}: expected frame (or time) and a column for each joint, found "
                    f"{shorten(', '.join(row))}"
                )
            readers = [CellReader(path, joint) for joint in joints]
        trial = CellReader(path, "trial").text(row, line) if "trial" in row else "all frames"
        at = CellReader(path, frame).text(row, line)
        frames = trials.setdefault(trial, {})
        if at in frames:
            raise CellReader(path, frame).fault(line, "each frame of a trial once", at)
        frames[at] = [reader.needed(row, line, "an angle in degrees") for reader in readers]
    if not trials:
        raise InputError(f"{path}: expected a row for each frame, found none")
    return joints, trials
