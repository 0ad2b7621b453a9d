"""What a call costs, in US dollars: the user's own table of prices, and a list of providers'."""

from __future__ import annotations

import datetime
import fnmatch
import functools
import os
import re
from pathlib import Path
from typing import Annotated

import msgspec

from preceptor.billing import Price
from preceptor.errors import InputError, shorten

__all__ = [
    "FREE",
    "Entry",
    "Price",
    "known_price",
    "listed_addresses",
    "own_price",
    "own_prices",
    "parse_price",
    "price_at",
    "prices_file",
]

#: Names the user's table of prices.
VARIABLE = "PRECEPTOR_PRICES"
#: Who is in the table when nobody is asked for.
_MAKERS = ("openai", "anthropic", "google")
_Dollars = Annotated[float, msgspec.Meta(ge=0)]


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of the user's table: see :class:`Price`. ``address`` may hold ``*`` and ``?``."""

    address: str
    input: _Dollars
    output: _Dollars
    date: datetime.date
    cached: _Dollars | None = None
    cache_write: _Dollars | None = None
    batch: Annotated[float, msgspec.Meta(gt=0)] | None = None
    source: str | None = None

    def fits(self, address: str) -> bool:
        # A bracket in an address is itself: it has no class of characters in mind.
        return fnmatch.fnmatchcase(address, self.address.replace("[", "[[]"))


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    price: list[Entry] = []


FREE = Price(0.0, 0.0, source="free")


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
    cached = numbers[2] if len(numbers) > 2 else None
    return Price(numbers[0], numbers[1], cached, source="given with price=")


def prices_file() -> Path:
    """Where the user's table is: ``PRECEPTOR_PRICES``, else ``prices.toml`` in their settings."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_config_dir("preceptor")) / "prices.toml"


def own_prices() -> list[Entry]:
    """The user's table; empty where there is none.

    Raises
    ------
    InputError
        It cannot be read, or an entry is not what it must be.
    """
    import tomllib

    path = prices_file()
    if not path.exists() and not os.environ.get(VARIABLE):
        return []
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        words = getattr(error, "strerror", None) or "not UTF-8 text"
        raise InputError(f"{path}: {words}: expected a table of prices in TOML") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: expected TOML: {error}") from None
    try:
        return msgspec.convert(table, _Table).price
    except msgspec.ValidationError as error:
        raise InputError(
            f"{path}: {error}: each [[price]] needs address, input, output (dollars per million "
            f"tokens) and date; it may have cached, cache_write, batch and source"
        ) from None


def own_price(address: str) -> Price | None:
    """What the first fitting entry of the user's table says; None where none fits."""
    for entry in own_prices():
        if entry.fits(address):
            return Price(
                entry.input,
                entry.output,
                entry.cached,
                entry.cache_write,
                entry.batch,
                entry.source or prices_file().name,
                entry.date.isoformat(),
            )
    return None


def price_at(address: str) -> Price | None:
    """What is known of an address: from the user's table, else the list price; None if nothing."""
    own = own_price(address)
    if own is not None:
        return own
    provider, slash, model = address.removeprefix("inspect/").partition("/")
    if not slash or ":" in provider:
        return None
    return FREE if provider == "local" else _listed(provider, model)


def listed_addresses() -> list[str]:
    """All models of the makers with a list price; what others sell on has to be asked for."""
    from genai_prices import data_snapshot

    known = {each.id: each.models for each in data_snapshot.get_snapshot().providers}
    return [f"{maker}/{model.id}" for maker in _MAKERS for model in known.get(maker, ())]


def known_price(provider: str, model: str) -> Price | None:
    """:func:`price_at` of a provider's model."""
    return price_at(f"{provider}/{model}")


@functools.cache
def _listed(provider: str, model: str) -> Price | None:
    """The list price from the dated table of `genai-prices`, or None.

    That of the lowest tier, where long prompts cost more.
    """
    import genai_prices

    def dollars(context: dict[str, str] | None = None, **tokens: int) -> float:
        usage = genai_prices.Usage(**tokens)
        found = genai_prices.calc_price(usage, model, provider_id=provider, price_context=context)
        return float(found.total_price) * 1000

    try:
        found = genai_prices.calc_price(
            genai_prices.Usage(input_tokens=1), model, provider_id=provider
        )
        fresh, said = dollars(input_tokens=1000), dollars(output_tokens=1000)
        cached = dollars(input_tokens=1000, cache_read_tokens=1000)
        write = dollars(input_tokens=1000, cache_write_tokens=1000)
    except LookupError:
        return None
    # The latest date on which somebody says to have looked at the provider's page.
    dates = re.findall(r"verified on (\d{4}-\d\d-\d\d)", found.model.price_comments or "")
    batch = None
    if any(v.when.get("processing") == "batch" for v in found.model.price_variants or ()):
        whole = dollars(input_tokens=1000, output_tokens=1000)
        share = dollars({"processing": "batch"}, input_tokens=1000, output_tokens=1000) / whole
        batch = share if share < 1 else None
    return Price(
        fresh,
        said,
        cached,
        None if write == fresh else write,
        batch,
        f"list price in genai-prices {genai_prices.__version__}",
        max(dates, default=None),
    )
