"""Pictures of DICOM files: their pixels as PNG, and nothing of their headers.

The window is that of PS3.3 C.11.2.1.2. A header names a patient: none of its values is in a
picture, a note or a message, but for how the pixels are stored.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from preceptor.benchmarks.png import encode_png
from preceptor.installation import MissingExtra
from preceptor.records import DicomView

__all__ = ["Pictures", "Undrawable", "is_dicom", "pictures_of", "shown_as"]

#: Bytes of decoded pixels at the most: a file of some bytes may state a size of many gigabytes.
_LARGEST = 512 * 2**20
#: Frames that are shown of a file with more, where nobody names one.
_FRAMES = 8
#: Without a window: what lies between these percentiles is spread over all greys.
_PERCENTILES = (1, 99)
#: What has pixels and is no picture.
_NO_PICTURE = {"RTDOSE": "a dose", "SEG": "a segmentation"}
_WINDOWED = "in the first window that the file states"


class Undrawable(Exception):
    """No picture can be made of a file; the message says why, without a value of its header."""


class Pictures:
    """How DICOM files are shown, and what was seen while they were read.

    Attributes
    ----------
    view
        The window and frame that a user states.
    """

    def __init__(self, view: DicomView | None = None) -> None:
        self.view = view or DicomView()
        self.files = self.may_have_text = self.spread = self.thinned = 0

    def in_words(self) -> list[str]:
        """Sentences for the notes of a run."""
        if not self.files:
            return []
        window = self.view.window
        how = f"in the window {window[0]:g},{window[1]:g}" if window else _WINDOWED
        said = [f"DICOM files are read {how}, as PNG of their pixels alone: {self.files:,}."]
        if self.spread and window is None:
            said.append(
                f"Of these {self.spread:,} state no window: the 1st to 99th percentile is read."
            )
        if self.thinned:
            said.append(f"Of {self.thinned:,} with more frames, {_FRAMES} evenly spaced are read.")
        if self.may_have_text:
            said.append(
                f"Text may be burned into the pixels of {self.may_have_text:,} of {self.files:,} "
                f"DICOM files (BurnedInAnnotation is not NO): look for names before you send them."
            )
        return said


_reading: ContextVar[Pictures | None] = ContextVar("reading", default=None)


@contextlib.contextmanager
def shown_as(pictures: Pictures) -> Iterator[None]:
    """Around the reading of a benchmark: how its DICOM files are shown."""
    token = _reading.set(pictures)
    try:
        yield
    finally:
        _reading.reset(token)


def is_dicom(data: bytes, name: str = "") -> bool:
    """By the mark behind the preamble, or by the file's name."""
    return data[128:132] == b"DICM" or name.lower().endswith((".dcm", ".dicom"))


def pictures_of(data: bytes) -> list[bytes]:
    """A PNG of each frame that is shown, in order.

    Raises
    ------
    Undrawable
        It cannot be decoded, or is no picture.
    MissingExtra
        pydicom is not installed.
    """
    try:
        import pydicom
    except ImportError:
        raise MissingExtra("DICOM files", "dicom") from None
    pictures = _reading.get() or Pictures()
    with warnings.catch_warnings(action="ignore"):  # they quote values of the header
        try:
            dataset = pydicom.dcmread(io.BytesIO(data))
        except Exception:
            raise Undrawable("is no DICOM file that pydicom can read") from None
        frames, many = _frames(dataset, pictures)
        try:
            drawn = [_drawn(dataset, each, pixels, pictures.view) for each, pixels in frames]
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            raise Undrawable("states a window, palette or rescaling that cannot be read") from None
    pictures.files += 1
    pictures.may_have_text += dataset.get("BurnedInAnnotation") != "NO"
    pictures.spread += any(spread for _, spread in drawn)
    pictures.thinned += many
    return [png for png, _ in drawn]


def _frames(dataset: Any, pictures: Pictures) -> tuple[list[tuple[int, Any]], bool]:
    """(place, pixels) of the frames that are shown, and whether there are more."""
    if (kind := _NO_PICTURE.get(str(dataset.get("Modality")))) is not None:
        raise Undrawable(f"is {kind} and no picture")
    if "PixelData" not in dataset:
        raise Undrawable("has no pixels")
    try:
        count = int(dataset.get("NumberOfFrames") or 1)
        size = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel * count
        size *= dataset.BitsAllocated // 8 or 1
    except (AttributeError, TypeError, ValueError):
        raise Undrawable("does not state the size of its pixels") from None
    if not 0 < size <= _LARGEST:
        raise Undrawable(f"has {size:,} bytes of pixels, expected at most {_LARGEST:,}")
    whole = _decoded(dataset)
    whole = whole[None] if whole.ndim == 2 + (dataset.SamplesPerPixel > 1) else whole
    stated = (count, dataset.Rows, dataset.Columns)
    if whole.shape[:3] != stated:
        expected, found = (" × ".join(map(str, each)) for each in (stated, whole.shape[:3]))
        raise Undrawable(f"states {expected} pixels, found {found}")
    chosen = pictures.view.frame
    if chosen is not None:
        if chosen > count:
            raise Undrawable(f"has no frame {chosen:,}: its last is {count:,}")
        return [(chosen - 1, whole[chosen - 1])], False
    most = min(count, _FRAMES)
    places = [round(at * (count - 1) / max(most - 1, 1)) for at in range(most)]
    return [(at, whole[at]) for at in places], count > most


def _decoded(dataset: Any) -> Any:
    """All pixels; YBR has become RGB. Raises Undrawable."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.pixels.utils import pixel_array
    from pydicom.uid import UID

    syntax = UID(str(getattr(dataset.file_meta, "TransferSyntaxUID", "") or ""))
    name = syntax.name if syntax and not syntax.is_private else "no transfer syntax known"
    with contextlib.suppress(Exception):  # whatever a codec raises
        return pixel_array(dataset, raw=False)
    remedy = "the file is damaged or cut off: leave it out"
    with contextlib.suppress(Exception):
        if not get_decoder(syntax).is_available:
            remedy = "make it a PNG, or try pip install pylibjpeg-openjpeg python-gdcm"
    raise Undrawable(f"cannot be decoded ({name}): {remedy}")


def _drawn(dataset: Any, place: int, pixels: Any, view: DicomView) -> tuple[bytes, bool]:
    """A PNG, and whether the percentiles were its window."""
    import numpy as np
    from pydicom.pixels.processing import apply_color_lut

    spread = False
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        bits = int(dataset.RedPaletteColorLookupTableDescriptor[2])
        grey = apply_color_lut(pixels, dataset).astype(np.float64) * (255 / (2**bits - 1))
    elif dataset.SamplesPerPixel > 1:
        grey = pixels.astype(np.float64) * (255 / (2**dataset.BitsStored - 1))
    else:
        grey, spread = _grey(dataset, place, pixels, view)
        if dataset.PhotometricInterpretation == "MONOCHROME1":
            grey = 255 - grey
    eight = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    channels = 1 if eight.ndim == 2 else eight.shape[2]
    return encode_png(eight.shape[1], eight.shape[0], channels, eight.tobytes()), spread


def _grey(dataset: Any, place: int, pixels: Any, view: DicomView) -> tuple[Any, bool]:
    """Greys from 0 to 255, and whether the percentiles were the window."""
    import numpy as np
    from pydicom.pixels.processing import apply_modality_lut, apply_voi

    scaling = _of_frame(dataset, place, "PixelValueTransformationSequence")
    window = _of_frame(dataset, place, "FrameVOILUTSequence")
    if "ModalityLUTSequence" in dataset:
        values = apply_modality_lut(pixels, dataset).astype(np.float64)
    else:
        slope, shift = scaling.get("RescaleSlope"), scaling.get("RescaleIntercept")
        values = pixels.astype(np.float64) * float(1 if slope is None else slope)
        values += float(shift or 0)
    centre, width = view.window or (_first(window, "Center"), _first(window, "Width"))
    if centre is not None and width is not None and width >= 1:
        function = "LINEAR" if view.window else str(window.get("VOILUTFunction") or "LINEAR")
        return _windowed(values, centre, width, function), False
    if "VOILUTSequence" in dataset and "ModalityLUTSequence" not in dataset:
        bits = int(dataset.VOILUTSequence[0].LUTDescriptor[2])
        table = apply_voi(values.astype(pixels.dtype), dataset)
        return table.astype(np.float64) * (255 / (2**bits - 1)), False
    # Not what the file says is no part of the body.
    padding = dataset.get("PixelPaddingValue")
    seen = values if padding is None else values[pixels != padding]
    low, high = np.percentile(seen if seen.size else values, _PERCENTILES)
    return (values - low) * (255 / (high - low) if high > low else 0.0), True


def _windowed(values: Any, centre: float, width: float, function: str) -> Any:
    """PS3.3 C.11.2.1.2.1 (LINEAR), C.11.2.1.3.1 (SIGMOID) and C.11.2.1.3.2 (LINEAR_EXACT)."""
    import numpy as np

    if function == "SIGMOID":
        return 255 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -700, 700)))
    if function == "LINEAR_EXACT":
        return np.clip((values - centre) / width + 0.5, 0, 1) * 255
    if width == 1:
        return np.where(values <= centre - 0.5, 0.0, 255.0)
    return np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1) * 255


def _of_frame(dataset: Any, place: int, name: str) -> Any:
    """Where the attributes of a frame stand: its own group, that of all frames, or the file."""
    own = dataset.get("PerFrameFunctionalGroupsSequence")
    for groups in (
        own[place : place + 1] if own else (),
        dataset.get("SharedFunctionalGroupsSequence") or (),
    ):
        for group in groups:
            if group.get(name):
                return group.get(name)[0]
    return dataset


def _first(dataset: Any, name: str) -> float | None:
    """The first of several windows."""
    value = dataset.get(f"Window{name}")
    if isinstance(value, list | tuple) or hasattr(value, "index"):
        value = next(iter(value), None)
    return None if value is None else float(value)
