"""Parts of a message: text, images, files, tool calls and their results, reasoning."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterator
from typing import Any, Self, TypeAlias

import msgspec

__all__ = [
    "File",
    "Image",
    "Part",
    "Reasoning",
    "Text",
    "ToolCall",
    "ToolResult",
    "map_media",
    "media_of",
]


class Text(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="text"):
    """Words."""

    text: str


class _Media(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Bytes, named by their hash. ``data`` is empty where only the name is known.

    Records are compared and stored by the name alone: the store keeps the bytes once.
    """

    sha256: str
    media_type: str
    name: str = ""
    data: bytes = b""

    @classmethod
    def of(cls, data: bytes, media_type: str, name: str = "") -> Self:
        return cls(hashlib.sha256(data).hexdigest(), media_type, name, data)

    @classmethod
    def from_url(cls, url: str, name: str = "") -> Self | None:
        """What a ``data:`` URL holds; None for any other address, or one that is damaged."""
        head, comma, data = url.partition(",")
        if not comma or not head.startswith("data:") or not head.endswith(";base64"):
            return None
        try:
            found = base64.b64decode(data, validate=True)
        except binascii.Error:
            return None
        return cls.of(found, head.removeprefix("data:").removesuffix(";base64"), name)

    @property
    def url(self) -> str:
        """The bytes as a ``data:`` URL."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.data).decode()}"


class Image(_Media, frozen=True, gc=False, tag_field="type", tag="image"):
    """A picture; ``media_type`` is ``image/png``, ``image/jpeg``, …"""


class File(_Media, frozen=True, gc=False, tag_field="type", tag="file"):
    """A document; ``media_type`` is ``application/pdf``, …"""


class ToolCall(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="tool_call"):
    """A call that a model asks for.

    Attributes
    ----------
    id
        The provider's name of the call; a :class:`ToolResult` refers to it.
    arguments
        As the model wrote them: JSON, if it wrote JSON.
    """

    id: str
    name: str
    arguments: str = "{}"

    @property
    def parsed(self) -> dict[str, Any] | None:
        """The arguments; None where they are no JSON object."""
        try:
            found = msgspec.json.decode(self.arguments or "{}")
        except msgspec.DecodeError:
            return None
        return found if isinstance(found, dict) else None

    def decoded(self) -> dict[str, Any]:
        """The arguments as an object, which APIs take; what is none is given by a name."""
        found = self.parsed
        return {"arguments": self.arguments} if found is None else found


class ToolResult(
    msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="type", tag="tool_result"
):
    """What a tool gave.

    Attributes
    ----------
    failed
        Whether the text is an error.
    media
        Images and files that it gave beside the text.
    """

    id: str
    name: str
    text: str
    failed: bool = False
    media: tuple[Image | File, ...] = ()


class Reasoning(
    msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="type", tag="reasoning"
):
    """What a model thought: never graded, never counted in the length of an answer.

    Attributes
    ----------
    signature
        What its provider wants back before the results of the tools that it then called: JSON in
        the provider's own form. Empty where nothing goes back.
    """

    text: str
    signature: str = ""


Part: TypeAlias = Text | Image | File | ToolCall | ToolResult | Reasoning


def media_of(part: Part) -> Iterator[Image | File]:
    """The part itself where it is an image or a file, and those of a tool's result."""
    if isinstance(part, Image | File):
        yield part
    elif isinstance(part, ToolResult):
        yield from part.media


def map_media(part: Part, change: Callable[[Image | File], Image | File]) -> Part:
    """The part with each of its images and files changed."""
    if isinstance(part, Image | File):
        return change(part)
    if isinstance(part, ToolResult) and part.media:
        return msgspec.structs.replace(part, media=tuple(map(change, part.media)))
    return part
