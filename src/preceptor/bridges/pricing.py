"""What answers made elsewhere would have cost, where their file has tokens and no dollars."""

from __future__ import annotations

import re

from preceptor.systems.prices import Price, price_at

__all__ = ["listed_price"]

#: Whose model it is, by the beginning of its name.
_PROVIDERS = (
    ("openai", re.compile(r"gpt-|chatgpt-|o\d\b")),
    ("anthropic", re.compile(r"claude-")),
    ("google", re.compile(r"gemini-")),
)


def listed_price(model: str) -> Price | None:
    """The price of a model as a file names it: by the user's own table, else by the list.

    A name without a provider (``gpt-4o``) is that of the vendor whose name it plainly is. A model
    that several sell at prices of their own (Llama, DeepSeek) has none, unless the user's table
    has that name.
    """
    price = price_at(model)
    if price is not None or "/" in model:
        return price
    provider = next((name for name, begins in _PROVIDERS if begins.match(model)), None)
    return None if provider is None else price_at(f"{provider}/{model}")
