"""Files of arrays: NumPy, NIfTI, PNG and JPEG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from preceptor.errors import InputError, shorten
from preceptor.installation import MissingExtra
from preceptor.wording import plural

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Volume", "file_pairs", "read_features", "read_labels", "read_volume", "same_grid"]

_ENDINGS = (".nii.gz", ".nii", ".npy", ".npz", ".png", ".jpg", ".jpeg")
#: Positions of two grids may differ by this much, in mm.
_SAME_GRID = 1e-3


class Volume(msgspec.Struct, frozen=True):
    """An array as a file has it.

    ``spacing`` and ``grid`` (voxel → position, 4 × 4) are what its header says; None without one.
    """

    path: Path
    array: Any
    spacing: tuple[float, ...] | None = None
    grid: Any = None


def file_pairs(reference: Path, predicted: Path) -> list[tuple[str, Path, Path]]:
    """Case, and its file in both folders, by their names without endings.

    Raises
    ------
    InputError
        A reference without a predicted file, or the other way round; nothing is left out.
    """
    ours, theirs = _files(reference), _files(predicted)
    for here, there, folder, other in (
        (ours, theirs, predicted, reference),
        (theirs, ours, reference, predicted),
    ):
        missing = [name for name in here if name not in there]
        if missing:
            raise InputError(
                f"{folder}: expected a file for each of {other}, found none for "
                f"{plural(len(missing), 'case')}, first {shorten(missing[0])} (an empty mask is a "
                "file, too)"
            )
    return [(name, ours[name], theirs[name]) for name in ours]


def read_volume(path: Path) -> Volume:
    """Read one array. Raises InputError, MissingExtra."""
    try:
        if path.name.lower().endswith((".nii", ".nii.gz")):
            return _nifti(path)
        if path.suffix.lower() in (".npy", ".npz"):
            return Volume(path, _numpy(path))
        return Volume(path, _picture(path))
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: expected an array: {shorten(str(error), 120)}") from None


def read_labels(path: Path) -> Volume:
    """Read a mask: whole numbers, 0 for the background. Raises InputError, MissingExtra."""
    volume = read_volume(path)
    array = volume.array
    if array.ndim not in (2, 3):
        raise InputError(f"{path}: expected a mask of 2 or 3 dimensions, found {_shape(array)}")
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    if array.dtype.kind == "f":
        if not np.isfinite(array).all() or (array != np.round(array)).any():
            raise InputError(
                f"{path}: expected whole numbers of labels, found fractions: apply a threshold"
            )
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise InputError(f"{path}: expected whole numbers of labels, found {array.dtype}")
    return msgspec.structs.replace(volume, array=array)


def read_features(path: Path) -> NDArray[np.float64]:
    """Read feature vectors: .npy or .npz of shape (images, dimensions). Raises InputError."""
    array = read_volume(path).array
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise InputError(f"{path}: expected numbers in rows × dimensions, found {_shape(array)}")
    if not np.isfinite(array).all():
        raise InputError(f"{path}: expected finite numbers, found NaN or infinite ones")
    return np.asarray(array, dtype=np.float64)


def same_grid(reference: Volume, predicted: Volume) -> tuple[float, ...] | None:
    """The spacing that the headers say, if any. Raises InputError where the grids differ."""
    if reference.array.shape != predicted.array.shape:
        raise InputError(
            f"{predicted.path}: expected {_shape(reference.array)} as {reference.path}, found "
            f"{_shape(predicted.array)}"
        )
    ours, theirs = reference.grid, predicted.grid
    if ours is not None and theirs is not None and np.abs(ours - theirs).max() > _SAME_GRID:
        raise InputError(
            f"{predicted.path}: its header has another orientation, origin or spacing than "
            f"{reference.path}: resample it to the reference's grid"
        )
    return reference.spacing or predicted.spacing


def _shape(array: NDArray[Any]) -> str:
    return " × ".join(map(str, array.shape)) or "a single number"


def _files(folder: Path) -> dict[str, Path]:
    if folder.is_file():
        return {"case": folder}
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of arrays or one file, found none")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        ending = next((each for each in _ENDINGS if path.name.lower().endswith(each)), None)
        if ending is None or path.name.startswith("."):
            continue
        name = path.name[: -len(ending)]
        if name in found:
            raise InputError(f"{path}: {shorten(name)} is also {found[name].name}: keep one")
        found[name] = path
    if not found:
        raise InputError(f"{folder}: expected files {', '.join(_ENDINGS)}, found none")
    return found


def _numpy(path: Path) -> NDArray[Any]:
    try:
        loaded = np.load(path, allow_pickle=False)
    except ValueError:
        # NumPy's advice is to load objects, which run code of the file's author.
        with path.open("rb") as stream:
            known = stream.read(6) == b"\x93NUMPY"
        raise ValueError("cut, or holds objects" if known else "not a file of NumPy") from None
    if isinstance(loaded, np.ndarray):
        return loaded
    with loaded:
        if len(loaded.files) != 1:
            names: Sequence[str] = loaded.files
            raise ValueError(f"a .npz of one array, found {len(names)}")
        array: NDArray[Any] = loaded[loaded.files[0]]
        return array


def _nifti(path: Path) -> Volume:
    try:
        import nibabel
    except ImportError:
        raise MissingExtra(f"{path}: a NIfTI file needs nibabel", "imaging") from None
    try:
        image: Any = nibabel.load(path)
        array = np.asanyarray(image.dataobj)
    except nibabel.filebasedimages.ImageFileError as error:
        raise ValueError(str(error)) from None
    array = array.reshape(array.shape[:3]) if array.ndim == 4 and array.shape[3] == 1 else array
    spacing = tuple(float(each) for each in image.header.get_zooms()[: array.ndim])
    return Volume(path, array, spacing, np.asarray(image.affine, dtype=np.float64))


def _picture(path: Path) -> NDArray[Any]:
    """Grey levels, or rows × columns × channels; an opaque alpha channel is left out."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise MissingExtra(f"{path}: an image needs pillow", "imaging") from None
    try:
        with Image.open(path) as image:
            array = np.asarray(image.convert("RGB") if image.mode == "P" else image)
    except UnidentifiedImageError:
        raise ValueError("not an image that pillow reads") from None
    if array.ndim == 3 and array.shape[2] in (2, 4):
        if (array[..., -1] != np.iinfo(array.dtype).max).any():
            raise ValueError("transparent pixels: put the image on a background")
        array = array[..., :-1]
    if array.ndim == 3 and (array == array[..., :1]).all():
        array = array[..., 0]
    return array
