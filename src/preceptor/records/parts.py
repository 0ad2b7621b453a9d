"""Parts of a message: text, images, files, tool calls and their results, reasoning."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Self, TypeAlias

import msgspec

__all__ = ["File", "Image", "Part", "Reasoning", "Text", "ToolCall", "ToolResult"]


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

    def decoded(self) -> dict[str, Any]:
        """The arguments as an object, which APIs take; what is none is given by a name."""
        try:
            found = msgspec.json.decode(self.arguments)
        except msgspec.DecodeError:
            found = None
        return found if isinstance(found, dict) else {"arguments": self.arguments}


class ToolResult(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="tool_result"):
    """What a tool gave; ``failed`` where it gave an error."""

    id: str
    name: str
    text: str
    failed: bool = False


class Reasoning(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="reasoning"):
    """What a model thought: never graded, never counted in the length of an answer."""

    text: str


Part: TypeAlias = Text | Image | File | ToolCall | ToolResult | Reasoning
