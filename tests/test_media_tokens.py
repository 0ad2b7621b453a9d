"""Tokens of images and files, by each provider's documented rule."""

from __future__ import annotations

import asyncio
import struct
import zlib

import pytest

from preceptor.engine.budget import Budget
from preceptor.errors import BudgetExceeded
from preceptor.records import Completion, File, Image, Message, Text, ToolResult, Usage
from preceptor.systems import resolve
from preceptor.systems.base import Ask, Parameters
from preceptor.systems.media_tokens import media_tokens, pixels, tokens_of_media


def png(width: int, height: int) -> bytes:
    """The header of a PNG of that size."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


def image(width: int, height: int) -> Image:
    return Image.of(png(width, height), "image/png")


@pytest.mark.parametrize(
    ("provider", "model", "size", "tokens"),
    [
        # The providers' own examples.
        ("openai", "gpt-4o", (1024, 1024), 765),
        ("openai", "gpt-4o", (2048, 4096), 1105),
        ("openai", "gpt-4.1-mini", (1024, 1024), 1659),
        ("openai", "gpt-5-mini", (4096, 4096), 2489),
        ("openai", "gpt-4o-mini", (512, 512), 8500),
        ("azure", "gpt-5", (512, 512), 210),
        ("anthropic", "claude-sonnet-4-5", (1000, 1000), 1334),
        ("anthropic", "claude-sonnet-4-5", (200, 200), 54),
        ("anthropic", "claude-sonnet-4-5", (4000, 4000), 1600),
        ("anthropic", "claude-opus-4-7", (4000, 4000), 4784),
        ("google", "gemini-2.5-flash", (384, 384), 258),
        ("google", "gemini-2.5-flash", (960, 540), 516),
        ("google", "gemini-3-pro", (64, 64), 1120),
        ("openai-compatible", "llama", (64, 64), 16_384),
    ],
)
def test_tokens_of_an_image(provider: str, model: str, size: tuple[int, int], tokens: int) -> None:
    """By its pixels; where nobody says how they are counted, the most of any model."""
    assert media_tokens(provider, model, image(*size)) == tokens


def test_bytes_that_are_not_there_count_as_the_largest() -> None:
    """So a cap holds when only the hash is known, or a file is damaged."""
    for data in (b"", png(64, 64)[:18], b"\xff\xd8\xff\xe0\x00"):
        assert media_tokens("openai", "gpt-4o", Image("h", "image/png", data=data)) == 1445
    assert media_tokens("anthropic", "claude-3-haiku", Image("h", "image/png")) == 1600


def test_tokens_of_a_file() -> None:
    """Pages of a PDF, as many as may be where it hides them; a text has at most its bytes."""
    pages = b"%PDF " + b"<< /Type /Page >>" * 3 + b"<< /Type /Pages >>"
    known, hidden = (File.of(data, "application/pdf") for data in (pages, b"%PDF packed"))
    assert media_tokens("google", "gemini-2.5-flash", known) == 3 * 258
    assert media_tokens("anthropic", "claude-sonnet-4-5", known) == 3 * 4600
    assert media_tokens("google", "gemini-3-pro", hidden) == 100 * 560
    assert media_tokens("openai", "gpt-4o", File.of(b"a,b\n1,2\n", "text/csv")) == 8


def test_images_in_results_of_tools_count_too() -> None:
    """As those of a message do."""
    gave = Message("tool", (ToolResult("c", "look", "here", media=(image(64, 64),)),))
    asked = Message("user", (Text("x"), image(64, 64)))
    assert tokens_of_media("google", "gemini-3-pro", (asked, gave, Message("user", "x"))) == 2240


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (png(30, 20), (30, 20)),
        (b"GIF89a" + struct.pack("<HH", 30, 20), (30, 20)),
        (
            b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08" + struct.pack(">HH", 20, 30) + b"..",
            (30, 20),
        ),
        (b"RIFF....WEBPVP8X....\x00\x00\x00\x00" + b"\x1d\x00\x00\x13\x00\x00", (30, 20)),
        (b"RIFF....WEBPVP8L....\x2f" + (29 | 19 << 14).to_bytes(4, "little"), (30, 20)),
        (b"RIFF....WEBPVP8 ......\x00\x9d\x01\x2a" + struct.pack("<HH", 30, 20), (30, 20)),
        (png(0, 20), None),
        (b"BM made up", None),
        (b"", None),
    ],
)
def test_pixels(data: bytes, size: tuple[int, int] | None) -> None:
    """Read from the header of each format."""
    assert pixels(data) == size


def test_a_cap_holds_where_prompts_have_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call whose image alone would exceed it is not made."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-made-up")
    system = resolve("openai/gpt-4o", Parameters(max_tokens=10, price="1000/0"))
    asked: list[Ask] = []

    async def answer(ask: Ask) -> Completion:
        asked.append(ask)
        return Completion("x", usage=Usage(765, 1), cost_usd=0.77)

    monkeypatch.setattr(system, "answer", answer)
    ask = Ask((Message("user", (Text("x"), image(1024, 1024))),))
    with pytest.raises(BudgetExceeded, match=r"\$0.766 needed"):
        asyncio.run(Budget(max_cost=0.5).answer(system, ask))
    assert not asked
    asyncio.run(Budget(max_cost=1.0).answer(system, ask))
    assert asked == [ask]
