"""Controls of questions about images: without them, other ones, blank ones, in reverse order."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import get_args

import msgspec

from preceptor.benchmarks.png import encode_png
from preceptor.errors import InputError, shorten
from preceptor.records import DicomView, Example, ImageControl, Message
from preceptor.records.parts import Image, Part, Text

__all__ = ["dicom_view", "image_control", "with_other_images"]

#: Width and height of a blank image; models scale a small one up, or count it as one tile.
_SIDE, _GREY = 256, 128


def image_control(stated: str | None) -> ImageControl | None:
    """What is shown in place of the images. Raises InputError for a word that means none."""
    known = get_args(ImageControl)
    if stated is not None and stated not in known:
        raise InputError(f"--images: expected {', '.join(known)}, found {shorten(stated)}")
    return stated  # type: ignore[return-value]


def dicom_view(window: str | None, frame: int | None) -> DicomView | None:
    """How DICOM files are to be shown; None where nothing is stated. Raises InputError."""
    if frame is not None and frame < 1:
        raise InputError(f"--frame: expected a whole number from 1, found {frame}")
    if window is None:
        return None if frame is None else DicomView(frame=frame)
    found = re.fullmatch(r"\s*(-?\d{1,9}(?:\.\d+)?)\s*,\s*(\d{1,9}(?:\.\d+)?)\s*", window)
    if not found or float(found[2]) < 1:
        raise InputError(
            f"--window: expected CENTRE,WIDTH with a width from 1, such as 40,400, "
            f"found {shorten(window)}"
        )
    return DicomView((float(found[1]), float(found[2])), frame)


def with_other_images(
    chosen: Sequence[tuple[Example, int]],
    pool: Sequence[Example],
    benchmark: str,
    how: ImageControl,
) -> list[tuple[Example, int]]:
    """The examples with their images left out, or replaced; the words stay.

    Another question's images are the next in the data that are not the same, so that each run
    has the same.

    Raises
    ------
    InputError
        No question has an image, or several, or all have the same.
    """
    if not any(_images(example) for example, _ in chosen):
        raise InputError(f"--images {how}: no question of {benchmark} has an image")
    if how == "reversed" and not any(len(_images(example)) > 1 for example, _ in chosen):
        raise InputError(f"--images reversed: no question of {benchmark} has several images")
    next_of = _others(pool) if how == "another" else {}
    if how == "another" and None in next_of.values():
        raise InputError(f"--images another: all questions of {benchmark} have the same image")
    if how == "reversed":
        next_of = {example.id: _images(example)[::-1] for example, _ in chosen}
    return [
        (_with(example, how, next_of.get(example.id) or ()), repeats) for example, repeats in chosen
    ]


def _images(example: Example) -> tuple[Image, ...]:
    parts = (part for turn in example.messages for part in turn.parts)
    return tuple(part for part in parts if isinstance(part, Image))


def _others(pool: Sequence[Example]) -> dict[str, tuple[Image, ...] | None]:
    """Id → the images of the next question, from the end on to the first, that has others."""
    known = [(example.id, images) for example in pool if (images := _images(example))]
    found: dict[str, tuple[Image, ...] | None] = {}
    names = [tuple(each.sha256 for each in images) for _, images in known]
    after: tuple[Image, ...] | None = None
    # From the back, twice: the last looks on to the first.
    for place in range(2 * len(known) - 1, -1, -1):
        here, behind = place % len(known), (place + 1) % len(known)
        if names[behind] != names[here]:
            after = known[behind][1]
        found[known[here][0]] = after
    return found


def _with(example: Example, how: str, others: Sequence[Image]) -> Example:
    turns, place = [], 0
    for turn in example.messages:
        parts: list[Part] = []
        for part in turn.parts:
            if not isinstance(part, Image):
                parts.append(part)
            elif how == "blank":
                parts.append(_blank())
            elif how in ("another", "reversed") and others:
                parts.append(others[place % len(others)])
                place += 1
        words = len(parts) == 1 and isinstance(parts[0], Text)
        turns.append(Message(turn.role, turn.text if words else tuple(parts)))
    return msgspec.structs.replace(example, messages=tuple(turns))


@functools.cache
def _blank() -> Image:
    """A grey PNG."""
    data = encode_png(_SIDE, _SIDE, 1, bytes([_GREY]) * _SIDE**2)
    return Image.of(data, "image/png", "blank.png")
