"""Records of what calls cost: tokens, prices, dollars, and batches that wait at a provider."""

from __future__ import annotations

import msgspec

__all__ = ["BatchInfo", "Bill", "Price", "Usage"]


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens of one or more calls, as the endpoint counted them; estimated where it did not."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
        )

    @property
    def total(self) -> int:
        return self.input_tokens + self.output_tokens


class Price(msgspec.Struct, frozen=True):
    """Dollars per million tokens.

    Attributes
    ----------
    input, output
        Of the prompt and of the answer, reasoning included.
    cached
        Of the part of a prompt that the provider had cached; None where that has no price of its
        own.
    cache_write
        Of the part of a prompt that the provider is paid for caching; None as above.
    batch
        What a call costs by the provider's batch API, as a share of all these; None where that is
        not known.
    source
        Where the numbers are from, in words; ``date`` is when they were looked up, ISO 8601.
    """

    input: float
    output: float
    cached: float | None = None
    cache_write: float | None = None
    batch: float | None = None
    source: str = ""
    date: str | None = None

    def cost(self, usage: Usage, written: int = 0) -> float:
        """Dollars for this many tokens.

        Parameters
        ----------
        usage
            Its input tokens include those cached and those written to the cache.
        written
            Input tokens that the provider wrote to its cache.
        """
        cached = self.input if self.cached is None else self.cached
        write = self.input if self.cache_write is None else self.cache_write
        fresh = usage.input_tokens - usage.cached_tokens - written
        total = (
            fresh * self.input
            + usage.cached_tokens * cached
            + written * write
            + usage.output_tokens * self.output
        )
        return total / 1e6

    @property
    def discounts(self) -> bool:
        """Whether a prompt that the provider has cached is cheaper."""
        return self.cached is not None and self.cached < self.input


class Bill(msgspec.Struct, frozen=True):
    """Cost of the answers or verdicts of one system, grader or example.

    Attributes
    ----------
    part
        ``system``, ``grader`` or ``example``.
    name
        An address, or an example's id.
    paid, reused
        Answers and verdicts that the run paid for, failed ones included; and those from the
        store.
    usage
        Tokens of those paid for; ``reused_usage`` of the others.
    cost_usd
        Of those paid for; None where a price is unknown. ``reused_cost_usd``: what the others had
        cost when they were made.
    """

    part: str
    name: str
    paid: int = 0
    reused: int = 0
    usage: Usage = Usage()
    reused_usage: Usage = Usage()
    cost_usd: float | None = 0.0
    reused_cost_usd: float | None = 0.0

    def __add__(self, other: Bill) -> Bill:
        return Bill(
            self.part,
            self.name,
            self.paid + other.paid,
            self.reused + other.reused,
            self.usage + other.usage,
            self.reused_usage + other.reused_usage,
            _both(self.cost_usd, other.cost_usd),
            _both(self.reused_cost_usd, other.reused_cost_usd),
        )


def _both(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


class BatchInfo(msgspec.Struct, frozen=True):
    """Requests that were submitted together to a provider's batch API.

    Attributes
    ----------
    mark
        Preceptor's name for it, chosen before the provider's.
    provider, base_url
        Such as ``openai`` and ``https://api.openai.com/v1``.
    custom_ids
        Of the requests whose results may still be needed.
    size
        Requests submitted.
    submitted_at
        UTC, ISO 8601.
    after
        The provider's latest batch before this one, if nothing else tells it from others.
    batch_id
        The provider's name for it; None until that is known.
    state
        ``intended``, ``open``, ``cancelled``, ``failed`` or ``settled``.
    own
        Whether the current run submitted it.
    """

    mark: str
    provider: str
    base_url: str
    custom_ids: tuple[str, ...]
    size: int
    submitted_at: str
    after: str = ""
    batch_id: str | None = None
    state: str = "intended"
    own: bool = True
