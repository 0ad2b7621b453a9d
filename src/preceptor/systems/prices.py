"""What a call costs, in US dollars."""

from __future__ import annotations

import functools

import msgspec

from preceptor.errors import InputError, shorten
from preceptor.records import Usage

__all__ = ["Price", "known_price", "parse_price"]


class Price(msgspec.Struct, frozen=True):
    """Dollars per million tokens."""

    input: float
    output: float
    cached: float | None = None

    def cost(self, usage: Usage) -> float:
        """Dollars for this many tokens; cached input tokens at their own price, if there is one."""
        cached = self.input if self.cached is None else self.cached
        fresh = usage.input_tokens - usage.cached_tokens
        total = (
            fresh * self.input + usage.cached_tokens * cached + usage.output_tokens * self.output
        )
        return total / 1e6


FREE = Price(0.0, 0.0)


def parse_price(text: str) -> Price:
    """Read ``input/output`` or ``input/output/cached``, dollars per million tokens."""
    try:
        numbers = [float(part) for part in text.split("/")]
        if len(numbers) not in (2, 3) or min(numbers) < 0:
            raise ValueError
    except ValueError:
        raise InputError(
            f"price: expected IN/OUT or IN/OUT/CACHED in dollars per million tokens, "
            f"found {shorten(text)}"
        ) from None
    return Price(*numbers)


@functools.cache
def known_price(provider: str, model: str) -> Price | None:
    """The list price of a provider's model from the dated table of `genai-prices`, or None."""
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    million = 1_000_000
    try:
        fresh = calc_price(Tokens(input_tokens=1000), model, provider_id=provider)
        spoken = calc_price(Tokens(output_tokens=1000), model, provider_id=provider)
        cached = calc_price(
            Tokens(input_tokens=1000, cache_read_tokens=1000), model, provider_id=provider
        )
    except LookupError:
        return None
    scale = million / 1000
    return Price(
        float(fresh.total_price) * scale,
        float(spoken.total_price) * scale,
        float(cached.total_price) * scale,
    )
