"""Prices for imported answers whose file has tokens but no dollars."""

from __future__ import annotations

import re

from preceptor.systems.prices import Price, price_at

__all__ = ["listed_price"]

#: Provider of a model by the beginning of its name.
_PROVIDERS = (
    ("openai", re.compile(r"gpt-|chatgpt-|o\d\b")),
    ("anthropic", re.compile(r"claude-")),
    ("google", re.compile(r"gemini-")),
)


def listed_price(model: str) -> Price | None:
    """The price of a model named in a file, from the user's table, else from the list.

    A name without a provider (``gpt-4o``) gets its vendor's price if the vendor is clear. A model
    that several providers sell (Llama, DeepSeek) has a price only in the user's table.
    """
    price = price_at(model)
    if price is not None or "/" in model:
        return price
    provider = next((name for name, begins in _PROVIDERS if begins.match(model)), None)
    return None if provider is None else price_at(f"{provider}/{model}")
