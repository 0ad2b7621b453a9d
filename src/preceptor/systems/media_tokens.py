"""Tokens that a provider counts for an image or a file: its documented rule, as an upper bound.

Sources: https://platform.openai.com/docs/guides/images-vision (tiles and patches),
https://platform.claude.com/docs/en/build-with-claude/vision and …/pdf-support,
https://ai.google.dev/gemini-api/docs/tokens and …/media-resolution.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable

from preceptor.records import File, Image, Message
from preceptor.records.parts import media_of

__all__ = ["media_tokens", "pixels", "tokens_of_media"]

#: Most tokens of an image where nobody says how they are counted: Qwen-VL's, the most of any server
#: that we know of.
_UNKNOWN_IMAGE = 16_384
#: Tokens of a page of a PDF: text of up to 3,000 tokens and its picture, as Anthropic says.
_PAGE_TEXT = 3_000
#: Pages of a PDF that hides them: what providers take at the most in one request.
_MOST_PAGES = 100
_PAGE = re.compile(rb"/Type\s*/Page(?![a-zA-Z])")
#: OpenAI's models that count tiles: base and tokens of a tile of 512 pixels; the first that fits.
_TILES = (
    ("gpt-4o-mini", 2833, 5667),
    ("gpt-4.5", 85, 170),
    ("gpt-4o", 85, 170),
    ("o1", 75, 150),
    ("o3", 75, 150),
)
#: Those that count patches of 32 pixels: the most patches, and the tokens of one.
_PATCHES = (
    ("gpt-4.1-mini", 1536, 1.62),
    ("gpt-4.1-nano", 1536, 2.46),
    ("o4-mini", 1536, 1.72),
    ("gpt-5-mini", 1536, 1.62),
    ("gpt-5-nano", 1536, 2.46),
    ("gpt-5.", 10_000, 2.46),
)
_MORE_TILES = (("gpt-4.1", 85, 170), ("gpt-5", 70, 140))
#: Claude's models whose images may have 1,568 pixels a side; later ones take 2,576.
_OLDER_CLAUDE = re.compile(r"claude-(?:[123]|instant|haiku-4|sonnet-4|opus-4-(?:[0-6]\b|2\d{3}))")


def tokens_of_media(provider: str, model: str, messages: Iterable[Message]) -> int:
    """Most tokens of all images and files of messages, those in results of tools included."""
    return sum(
        media_tokens(provider, model, media)
        for message in messages
        if not isinstance(message.content, str)
        for part in message.content
        for media in media_of(part)
    )


def media_tokens(provider: str, model: str, media: Image | File) -> int:
    """Most tokens of an image or a file; where its bytes are not there, of the largest.

    Parameters
    ----------
    provider, model
        As of an :class:`preceptor.systems.http_model.HttpModel`.
    """
    if isinstance(media, Image):
        return _image(provider, model, pixels(media.data))
    if media.media_type != "application/pdf" and media.data:
        return len(media.data)  # no tokeniser makes more of a text
    pages = min(len(_PAGE.findall(media.data)) or _MOST_PAGES, _MOST_PAGES)
    if provider == "google":
        return pages * (258 if _before_gemini_3(model) else 560)
    return pages * (_PAGE_TEXT + _image(provider, model, None))


def _image(provider: str, model: str, size: tuple[int, int] | None) -> int:
    if provider == "anthropic":
        older = _OLDER_CLAUDE.match(model)
        side, most = (1568, 1600) if older else (2576, 4784)
        width, height = _within(size, side) if size else (side, side)
        return min(math.ceil(width * height / 750), most)
    if provider == "google":
        if not _before_gemini_3(model):
            return 1120
        width, height = size or (3072, 3072)
        small = max(width, height) <= 384
        return 258 if small else 258 * math.ceil(width / 768) * math.ceil(height / 768)
    if provider in ("openai", "azure"):
        return _openai(model, size)
    return _UNKNOWN_IMAGE


def _openai(model: str, size: tuple[int, int] | None) -> int:
    for name, most, tokens in _PATCHES:
        if model.startswith(name):
            patches = most if size is None else math.ceil(size[0] / 32) * math.ceil(size[1] / 32)
            return math.ceil(min(patches, most) * tokens)
    for name, base, tokens in (*_TILES, *_MORE_TILES):
        if model.startswith(name):
            return base + tokens * _tiles(size)
    return _UNKNOWN_IMAGE


def _tiles(size: tuple[int, int] | None) -> int:
    """Tiles of 512 pixels, once the image is within 2,048 and its shorter side within 768."""
    width, height = _within(size, 2048) if size else (768, 2048)
    scale = min(1.0, 768 / min(width, height))
    return math.ceil(width * scale / 512) * math.ceil(height * scale / 512)


def _within(size: tuple[int, int], side: int) -> tuple[float, float]:
    scale = min(1.0, side / max(size))
    return size[0] * scale, size[1] * scale


def _before_gemini_3(model: str) -> bool:
    return model.startswith(("gemini-1", "gemini-2"))


def pixels(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG, GIF, JPEG or WebP file; None for any other, or a damaged one."""
    try:
        size = _pixels(data)
    except (struct.error, IndexError):
        return None
    return size if size is not None and min(size) > 0 else None


def _pixels(data: bytes) -> tuple[int, int] | None:
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return struct.unpack(">II", data[16:24])
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return struct.unpack("<HH", data[6:10])
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    return _jpeg(data) if data[:2] == b"\xff\xd8" else None


def _webp(data: bytes) -> tuple[int, int] | None:
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        return width, height
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack("<HH", data[26:30])
    return width & 0x3FFF, height & 0x3FFF


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """From the frame's header; segments stand one behind the other."""
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        kind = data[at + 1]
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + int(struct.unpack(">H", data[at + 2 : at + 4])[0])
    return None
