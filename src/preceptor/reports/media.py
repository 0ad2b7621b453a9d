"""Images that a page shows, within bounds; all else is named with its type and size."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from preceptor.records import Image, Result
from preceptor.results.media import media_in, read_media

__all__ = ["image_type", "sizes_and_images"]

#: Types that browsers show and in which nothing can run.
_SHOWN = ("image/png", "image/jpeg", "image/gif", "image/webp")
#: How the bytes of each begin.
_BEGIN = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
#: Bytes of one image, and of all images of a page.
_MOST, _MOST_TOGETHER = 200_000, 8_000_000
#: Pixels to which a larger image is reduced, where Pillow is installed.
_SIDE = 1024


def image_type(data: bytes) -> str | None:
    """The type of an image that browsers show, by its bytes; None for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for begin, kind in _BEGIN.items() if data.startswith(begin)), None)


def sizes_and_images(results: Sequence[Result]) -> tuple[dict[str, int], dict[str, str]]:
    """Hash → bytes of each image and file that is there; hash → ``data:`` URL of those shown."""
    sizes: dict[str, int] = {}
    urls: dict[str, str] = {}
    room = _MOST_TOGETHER
    for result in results:
        media = {name: each for name, each in media_in(result).items() if name not in sizes}
        known = {name: each.data for name, each in media.items() if each.data}
        known |= read_media(result, media.keys() - known.keys())
        sizes |= {name: len(data) for name, data in known.items()}
        for name, part in media.items():  # in the order of the examples, while there is room
            data = known.get(name, b"")
            if not isinstance(part, Image) or part.media_type not in _SHOWN or not data:
                continue
            kind, shown = (part.media_type, data) if len(data) <= _MOST else _smaller(data)
            if shown and len(shown) <= room:
                room -= len(shown)
                urls[name] = f"data:{kind};base64,{base64.b64encode(shown).decode()}"
    return sizes, urls


def _smaller(data: bytes) -> tuple[str, bytes]:
    """A JPEG of at most _SIDE pixels; empty where it cannot be made, or is too large still."""
    try:
        from PIL import Image as Picture
    except ImportError:
        return "", b""
    made = io.BytesIO()
    try:
        with Picture.open(io.BytesIO(data)) as picture:
            picture.thumbnail((_SIDE, _SIDE))
            picture.convert("RGB").save(made, "JPEG", quality=80)
    except Exception:  # whatever a damaged or giant file makes of it: it is named, not shown
        return "", b""
    shown = made.getvalue()
    return ("image/jpeg", shown) if len(shown) <= _MOST else ("", b"")
