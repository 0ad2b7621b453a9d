"""Arrays and tables of others → rows ``case, algorithm, structure, metric, value``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from preceptor.bridges.arrays import file_pairs, read_labels, read_volume, same_grid
from preceptor.cells import is_missing
from preceptor.errors import DataError, InputError, shorten
from preceptor.files import read_rows
from preceptor.scoring.masks import MaskRules, mask_metrics
from preceptor.scoring.pictures import picture_metrics
from preceptor.scoring.segments import phase_metrics

__all__ = ["ROW", "MeasuredValue", "measure_images", "measure_masks", "measure_phases"]

#: Columns of the rows as a file.
ROW = ("case", "algorithm", "structure", "metric", "value")


class MeasuredValue(msgspec.Struct, frozen=True):
    """One number; None where it is not defined."""

    case: str
    algorithm: str
    structure: str
    metric: str
    value: float | None


def measure_masks(
    reference: Path,
    predicted: Sequence[Path],
    rules: MaskRules,
    *,
    spacing: Sequence[float] | None = None,
    names: Mapping[int, str] | None = None,
) -> Iterator[MeasuredValue]:
    """Measure the masks of folders, each an algorithm's, against those of the reference.

    Parameters
    ----------
    spacing
        In mm along each axis of the arrays; None for that of the files' headers.
    names
        Label → structure; None for every label that any file has.

    Raises
    ------
    InputError
        A file without its twin, other shapes or grids, no spacing.
    """
    folders = _algorithms(predicted)
    pairs = {name: file_pairs(reference, folder) for name, folder in folders.items()}
    found: dict[tuple[str, str], dict[int, dict[str, float | None]]] = {}
    # Each file is read once; of a label that a case has not, both masks are empty.
    for each in zip(*pairs.values(), strict=True):
        first = read_labels(each[0][1])
        for algorithm, (case, ours, theirs) in zip(pairs, each, strict=True):
            second = read_labels(theirs)
            used = _spacing(spacing, same_grid(first, second), first.array.ndim, ours)
            if rules.surfel and first.array.ndim != 3:
                raise InputError(f"{ours}: --nsd surfel: expected 3 dimensions, found 2")
            there = {
                int(label) for array in (first.array, second.array) for label in np.unique(array)
            }
            found[algorithm, case] = {
                label: mask_metrics(first.array == label, second.array == label, used, rules)
                for label in there
                if label and (names is None or label in names)
            }
    known = dict(names) if names is not None else _named(found.values(), reference)
    nothing = np.zeros((1, 1, 1), dtype=bool)
    absent = mask_metrics(nothing, nothing, (1.0, 1.0, 1.0), rules)
    for (algorithm, case), own in sorted(
        found.items(), key=lambda pair: [*pairs].index(pair[0][0])
    ):
        for label, structure in known.items():
            for metric, value in own.get(label, absent).items():
                yield MeasuredValue(case, algorithm, structure, metric, value)


def measure_images(
    reference: Path, predicted: Sequence[Path], data_range: float
) -> Iterator[MeasuredValue]:
    """Measure PSNR and SSIM of folders of images. Raises InputError."""
    for algorithm, folder in _algorithms(predicted).items():
        for case, ours, theirs in file_pairs(reference, folder):
            first, second = read_volume(ours), read_volume(theirs)
            same_grid(first, second)
            arrays = [np.asarray(each.array, dtype=np.float64) for each in (first, second)]
            for path, array in zip((ours, theirs), arrays, strict=True):
                if not np.isfinite(array).all() or np.ptp(array) > data_range * (1 + 1e-9):
                    low, high = array.min(), array.max()
                    raise InputError(
                        f"{path}: expected values within a range of {data_range:g} (--data-range), "
                        f"found {low:g} to {high:g}"
                    )
            channels = first.array.ndim == 3 and first.grid is None and first.array.shape[2] <= 4
            try:
                found = picture_metrics(arrays[0], arrays[1], data_range, channels=channels)
            except ValueError as error:
                raise InputError(f"{ours}: {error}") from None
            for metric, value in found.items():
                yield MeasuredValue(case, algorithm, "image", metric, value)


def measure_phases(paths: Sequence[Path], dropped: Collection[str]) -> Iterator[MeasuredValue]:
    """Measure labels of frames: tables ``truth, predicted``, one a video or with ``case``.

    Raises InputError, DataError.
    """
    for path in paths:
        for case, (truth, predicted) in _frames(path).items():
            for metric, value in phase_metrics(truth, predicted, dropped).items():
                yield MeasuredValue(case, path.parent.resolve().name, "frames", metric, value)


def _frames(path: Path) -> dict[str, tuple[list[str], list[str]]]:
    videos: dict[str, tuple[list[str], list[str]]] = {}
    columns: dict[str, str] = {}
    for line, row in read_rows(path):
        if not columns:
            columns = {name.strip().casefold(): name for name in row}
            missing = [name for name in ("truth", "predicted") if name not in columns]
            if missing:
                raise InputError(
                    f"{path}: expected the columns truth and predicted, a frame a row, found "
                    f"{', '.join(shorten(name, 40) for name in list(row)[:12])}"
                )
        said = []
        for name in ("truth", "predicted"):
            if is_missing(row.get(columns[name])):
                raise DataError(str(path), line, columns[name], "expected a label, found none")
            said.append(str(row[columns[name]]).strip())
        case = str(row[columns["case"]]) if "case" in columns else path.stem
        video = videos.setdefault(case, ([], []))
        video[0].append(said[0])
        video[1].append(said[1])
    if not videos:
        raise InputError(f"{path}: expected a row for each frame, found an empty file")
    return videos


def _algorithms(folders: Sequence[Path]) -> dict[str, Path]:
    """Name → folder. Raises InputError where two have one name."""
    found: dict[str, Path] = {}
    for folder in folders:
        name = folder.resolve().name
        if name in found:
            raise InputError(f"{folder}: {found[name]} has this name, too: name it otherwise")
        found[name] = folder
    return found


def _named(found: Collection[Mapping[int, object]], reference: Path) -> dict[int, str]:
    """Every label of any file: one that no case of an algorithm has may be missed by it."""
    labels = sorted({label for own in found for label in own})
    if not labels:
        raise InputError(f"{reference}: expected a mask, found only 0 in all files")
    return {label: "mask" if len(labels) == 1 else str(label) for label in labels}


def _spacing(
    asked: Sequence[float] | None, header: Sequence[float] | None, dimensions: int, path: Path
) -> tuple[float, ...]:
    used = header if asked is None else asked
    if used is None:
        raise InputError(f"{path}: says no spacing: state it in mm, --spacing 1,1,1")
    if len(used) != dimensions:
        raise InputError(
            f"{path}: expected a spacing for each of its {dimensions} axes, found {len(used)}"
        )
    return tuple(float(each) for each in used)
