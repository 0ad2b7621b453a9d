"""DICOM images of a benchmark: their pixels as PNG in our window, and nothing of their headers."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

import preceptor
from preceptor.benchmarks import get
from preceptor.benchmarks.dicom import Pictures, Undrawable, pictures_of, shown_as
from preceptor.errors import DataError, InputError
from preceptor.records import DicomView
from preceptor.testing import FakeEndpoint
from suite_answers import DATA, needs
from test_images import folder, question, shown

SAMPLES = DATA / "image-samples"
HOUNSFIELD = np.array([[-2000, -161, -160, 0], [39, 40, 239, 3000]], dtype=np.int16)


def pixels(png: bytes) -> Any:
    """The pixels of an 8-bit PNG of ours, whose rows have no filter; it has no chunk of text."""
    at, body, kinds = 8, b"", []
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        kinds.append(kind)
        body += png[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    assert kinds == [b"IHDR", b"IDAT", b"IEND"]
    width, height, _, colour = struct.unpack(">IIBB", png[16:26])
    rows = np.frombuffer(zlib.decompress(body), np.uint8).reshape(height, -1)[:, 1:]
    return rows.reshape(height, width, 3) if colour == 2 else rows


def made(values: Any = HOUNSFIELD, **changes: Any) -> bytes:
    """A made-up CT image; a change to None leaves the attribute out."""
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    whole = pydicom.dataset.Dataset()
    whole.file_meta = meta
    whole.PatientName = "Doe^Made^Up"
    whole.SOPClassUID, whole.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    whole.Modality = "CT"
    whole.Rows, whole.Columns = values.shape[-2:]
    whole.SamplesPerPixel, whole.PhotometricInterpretation = 1, "MONOCHROME2"
    whole.BitsAllocated, whole.BitsStored, whole.HighBit = 16, 16, 15
    whole.PixelRepresentation = 1
    whole.RescaleIntercept, whole.RescaleSlope = 0, 1
    whole.WindowCenter, whole.WindowWidth = [40, 600], [400, 1500]
    whole.BurnedInAnnotation = "NO"
    whole.PixelData = values.tobytes()
    for name, value in changes.items():
        if value is None:
            delattr(whole, name)
        else:
            setattr(whole, name, value)
    file = io.BytesIO()
    pydicom.dcmwrite(file, whole, enforce_file_format=True)
    return file.getvalue()


def drawn(data: bytes, **view: Any) -> Any:
    with shown_as(Pictures(DicomView(**view))):
        return pixels(pictures_of(data)[0])


def test_the_window_is_that_of_the_standard() -> None:
    """PS3.3 C.11.2.1.2 by hand, of the first window; clipped; MONOCHROME1 is inverted after it."""
    by_hand = [[0, 0, 0, 102], [127, 128, 255, 255]]
    assert drawn(made()).tolist() == by_hand
    inverted = made(PhotometricInterpretation="MONOCHROME1")
    assert (drawn(inverted) + drawn(made()) == 255).all()
    shifted = made(HOUNSFIELD // 2, RescaleSlope=2, RescaleIntercept=40)
    assert drawn(shifted, window=(80, 400)).tolist()[1][1] == 128
    exact = drawn(made(VOILUTFunction="LINEAR_EXACT"))
    assert exact[1, 1] == 128  # 255 / 2, rounded to even
    assert drawn(made(VOILUTFunction="SIGMOID"))[1].tolist() == [127, 128, 224, 255]
    assert set(drawn(made(), window=(40, 1)).ravel()) == {0, 255}


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_the_window_is_pydicoms(function: str) -> None:
    """Its own, of the range of the bits stored, scaled to ours: the same to one grey."""
    from pydicom.pixels import apply_windowing

    draw = np.random.default_rng(5)
    values = draw.integers(-1500, 1500, (20, 30)).astype(np.int16)
    data = made(values, VOILUTFunction=function, WindowCenter=-55.5, WindowWidth=333.25)
    whole = pydicom.dcmread(io.BytesIO(data))
    theirs = (apply_windowing(values, whole) + 2**15) / (2**16 - 1) * 255
    assert np.abs(drawn(data) - theirs).max() <= 0.51


def test_without_a_window_the_percentiles_are_shown() -> None:
    """Padding is no part of them; one value alone is black; a width of 0 is none."""
    values = np.arange(400, dtype=np.int16).reshape(20, 20)
    values[0] = -2000
    data = made(values, WindowCenter=None, WindowWidth=None, PixelPaddingValue=-2000)
    low, high = np.percentile(values[1:], (1, 99))
    expected = np.clip(np.rint((values - low) * 255 / (high - low)), 0, 255)
    assert (drawn(data) == expected).all()
    assert (drawn(made(values, WindowWidth=[0], PixelPaddingValue=-2000)) == expected).all()
    flat = made(np.full((2, 2), 7, np.int16), WindowCenter=None, WindowWidth=None)
    assert drawn(flat).max() == 0


def test_a_table_of_values_has_its_own_range() -> None:
    """A VOI LUT of 12 bits is scaled by 4,095, whatever its largest entry is."""
    table = pydicom.dataset.Dataset()
    table.LUTDescriptor = [4, 0, 12]
    table.LUTData = np.array([0, 1000, 2000, 2047], dtype="<u2").tobytes()
    values = np.array([[0, 1, 2, 3]], dtype=np.uint16)
    data = made(
        values,
        PixelRepresentation=0,
        VOILUTSequence=[table],
        WindowCenter=None,
        WindowWidth=None,
    )
    assert drawn(data).tolist() == [[0, 62, 125, 127]]


def test_frames_have_their_own_rescaling_and_place() -> None:
    """All of few, eight evenly spaced of more, or the one that is named, from 1."""
    values = np.stack([np.full((2, 2), each, np.int16) for each in range(20)])
    groups = []
    for place in range(20):
        own, scaling = pydicom.dataset.Dataset(), pydicom.dataset.Dataset()
        scaling.RescaleSlope, scaling.RescaleIntercept = 1, 100 * (place == 19)
        own.PixelValueTransformationSequence = [scaling]
        groups.append(own)
    data = made(
        values,
        NumberOfFrames=20,
        PerFrameFunctionalGroupsSequence=groups,
        WindowCenter=128,
        WindowWidth=256,
    )
    pictures = Pictures()
    with shown_as(pictures):
        first = [int(pixels(each)[0, 0]) for each in pictures_of(data)]
    assert first == [0, 3, 5, 8, 11, 14, 16, 119]
    assert "Of 1 with more frames, 8 evenly spaced are read." in pictures.in_words()
    assert drawn(data, frame=20)[0, 0] == 119
    with pytest.raises(Undrawable, match="has no frame 21: its last is 20"):
        drawn(data, frame=21)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (lambda: made()[:-6], r"cannot be decoded \(Explicit VR Little Endian\): the file is"),
        (lambda: made(Modality="RTDOSE"), "is a dose and no picture"),
        (lambda: made(Modality="SEG"), "is a segmentation and no picture"),
        (lambda: made(PixelData=None), "has no pixels"),
        (lambda: made(Rows=60_000, Columns=60_000), "expected at most 536,870,912"),
        (lambda: made(NumberOfFrames=3), "cannot be decoded"),
        (lambda: made(np.stack([HOUNSFIELD] * 2)), "states 1 × 2 × 4 pixels, found 2 × 2 × 4"),
        (lambda: bytes(200), "is no DICOM file that pydicom can read"),
        (lambda: made(BitsStored=None), "cannot be decoded"),
    ],
)
def test_what_is_no_picture_is_named(data: Callable[[], bytes], words: str) -> None:
    """By one line, with nothing of the patient in it."""
    with pytest.raises(Undrawable, match=words) as caught:
        pictures_of(data())
    assert "Doe" not in str(caught.value)


@needs("image-samples")
def test_real_files_become_pictures(tmp_path: Path) -> None:
    """Grey, palette, YBR, RLE and JPEG 2000; CT_small by hand; a file that is cut off is named."""
    rows = [
        question(number, "yes", image_name=path.name)
        for number, path in enumerate(sorted(SAMPLES.glob("*.dcm")))
    ]
    path = folder(tmp_path / "vqa", rows)
    for row in rows:
        source = SAMPLES / str(row["image_name"])
        (path / "images" / source.name).write_bytes(source.read_bytes())
    with pytest.raises(DataError, match=r"'MR_truncated\.dcm' cannot be decoded"):
        get("vqa-rad-closed").load(path)
    (path / "images" / "MR_truncated.dcm").unlink()
    data = get("vqa-rad-closed").load(path)
    found = {each.messages[0].parts[0].name: shown(each) for each in data.examples}
    assert {name: len(each) for name, each in found.items()} == {
        "CT_small.png": 1,
        "JPEG2000.png": 1,
        "MR_small.png": 1,
        "SC_rgb_rle_2frame.png": 2,
        "examples_overlay.png": 1,
        "examples_palette.png": 1,
        "examples_ybr_color.png": 8,
    }
    whole = pydicom.dcmread(SAMPLES / "CT_small.dcm")
    values = whole.pixel_array - 1024.0
    low, high = np.percentile(values[whole.pixel_array != -2000], (1, 99))
    expected = np.clip(np.rint((values - low) * 255 / (high - low)), 0, 255)
    assert (pixels(found["CT_small.png"][0].data) == expected).all()
    overlay = pydicom.dcmread(SAMPLES / "examples_overlay.dcm")
    by_hand = np.clip((overlay.pixel_array - 449.5) / 789 + 0.5, 0, 1) * 255
    assert (pixels(found["examples_overlay.png"][0].data) == np.rint(by_hand)).all()
    # Bars of pure colours, as the file's name says.
    bars = pixels(found["SC_rgb_rle_2frame.png"][0].data)
    assert bars[5, 50].tolist() == [255, 0, 0]
    assert len(data.pictures) == 4


def test_a_run_sends_pixels_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PNG in the window asked for, which the run states; burned-in text is warned of; no patient
    is in what is sent, nor in the store."""
    rows = [question(1, "yes", image_name="a.dcm"), question(2, "no", image_name="b")]
    path = folder(tmp_path / "vqa", rows)
    (path / "images" / "a.dcm").write_bytes(made())
    (path / "images" / "b").write_bytes(made(BurnedInAnnotation="YES"))
    monkeypatch.chdir(tmp_path)
    with FakeEndpoint() as fake:
        asked: dict[str, Any] = {"data": path, "system": fake.address("m")}
        run = preceptor.run("vqa-rad-closed", window="40,80", frame=1, **asked)
        image = fake.log[0].payload["messages"][0]["content"][0]["image_url"]["url"]
        with pytest.raises(DataError, match=r"'a.dcm' has no frame 2: its last is 1"):
            preceptor.run("vqa-rad-closed", frame=2, **asked)
        with pytest.raises(InputError, match="--window: expected CENTRE,WIDTH with a width from 1"):
            preceptor.run("vqa-rad-closed", window="40", **asked)
        (path / "testset.json").write_text(json.dumps([question(1, "yes", image_name="c.png")]))
        (path / "images" / "c.png").write_bytes(pictures_of(made())[0])
        with pytest.raises(InputError, match="--window: no DICOM file in the data"):
            preceptor.run("vqa-rad-closed", window="40,80", **asked)
    assert image.startswith("data:image/png;base64,")
    assert run.info.settings.dicom == DicomView((40, 80), 1)
    notes = " ".join(run.info.settings.notes)
    assert "DICOM files are read in the window 40,80, as PNG of their pixels alone: 2." in notes
    assert "burned into the pixels of 1 of 2 DICOM files" in notes
    stored = b"".join(each.read_bytes() for each in tmp_path.glob("*.db*"))
    assert stored
    assert b"Doe" not in stored
