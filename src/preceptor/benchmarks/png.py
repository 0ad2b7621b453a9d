"""PNG files of 8 bit, grey or RGB, made from pixels alone."""

from __future__ import annotations

import struct
import zlib

__all__ = ["encode_png"]

_COLOUR_TYPE = {1: 0, 3: 2}


def encode_png(width: int, height: int, channels: int, pixels: bytes) -> bytes:
    """A file without any text in it.

    Parameters
    ----------
    channels
        1 for grey, 3 for RGB.
    pixels
        ``height`` rows of ``width * channels`` bytes.
    """
    row = width * channels
    # Filter 0 before each row.
    rows = b"".join(b"\0" + pixels[at : at + row] for at in range(0, row * height, row))
    head = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPE[channels], 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n"
    for kind, body in ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b"")):
        data += struct.pack(">I", len(body)) + kind + body
        data += struct.pack(">I", zlib.crc32(kind + body))
    return data
