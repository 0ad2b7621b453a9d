"""Models behind HTTP by address: which variables hold key and base URL, which wire they speak."""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Callable

import msgspec

from preceptor.errors import InputError, Unavailable, shorten
from preceptor.systems.base import Parameters, System
from preceptor.systems.prices import FREE, Price, parse_price, price_at
from preceptor.systems.servers import elsewhere, server_of

__all__ = [
    "AZURE_KEY",
    "HOSTS",
    "Host",
    "azure",
    "hosted",
    "openai_compatible",
    "refuses_temperature",
]

#: Address, base URL, key, parameters → the system.
_Build = Callable[[str, str, str, Parameters], System]


def _chat(address: str, url: str, key: str, parameters: Parameters) -> System:
    from preceptor.systems.openai import ChatModel

    provider, _, model = address.partition("/")
    price = _price(address, parameters)
    return ChatModel(address, url, model, key, parameters, price=price, provider=provider)


def _anthropic(address: str, url: str, key: str, parameters: Parameters) -> System:
    from preceptor.systems.anthropic import AnthropicModel

    model, price = address.partition("/")[2], _price(address, parameters)
    return AnthropicModel(address, url, model, key, parameters, price=price)


def _gemini(address: str, url: str, key: str, parameters: Parameters) -> System:
    from preceptor.systems.gemini import GeminiModel

    model, price = address.partition("/")[2], _price(address, parameters)
    return GeminiModel(address, url, model, key, parameters, price=price)


class Host(msgspec.Struct, frozen=True):
    """A provider with one public endpoint.

    Attributes
    ----------
    keys
        Environment variables that may hold the key; the first that is set is taken.
    base_url
        The variable that names another base URL, and the provider's own.
    """

    keys: tuple[str, ...]
    base_url: tuple[str, str]
    build: _Build


AZURE_KEY = "AZURE_OPENAI_API_KEY"

#: What stands before the first slash of an address → where its models are.
HOSTS = {
    "openai": Host(("OPENAI_API_KEY",), ("OPENAI_BASE_URL", "https://api.openai.com/v1"), _chat),
    "anthropic": Host(
        ("ANTHROPIC_API_KEY",), ("ANTHROPIC_BASE_URL", "https://api.anthropic.com"), _anthropic
    ),
    "google": Host(
        ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        ("GOOGLE_GEMINI_BASE_URL", "https://generativelanguage.googleapis.com"),
        _gemini,
    ),
    "openrouter": Host(
        ("OPENROUTER_API_KEY",), ("OPENROUTER_BASE_URL", "https://openrouter.ai/api/v1"), _chat
    ),
}


def hosted(address: str, parameters: Parameters) -> System:
    """The model at ``PROVIDER/MODEL``.

    Raises
    ------
    InputError
        The address names no model, or a parameter is one that the provider has no field for.
    Unavailable
        There is no key.
    """
    provider, _, model = address.partition("/")
    _check_model(address, provider, model)
    host = HOSTS[provider]
    variable, default = host.base_url
    key = _key(address, parameters, host.keys)
    url = os.environ.get(variable, "").strip() or default
    server = elsewhere(url, default, variable)
    system = host.build(address, url, key, parameters)
    system.server = server
    return system


def azure(address: str, parameters: Parameters) -> System:
    """The deployment at ``azure/DEPLOYMENT``. Raises like :func:`hosted`."""
    from preceptor.systems.azure import AzureModel

    deployment = address.partition("/")[2]
    _check_model(address, "azure", deployment)
    key = _key(address, parameters, (AZURE_KEY,))
    resource = os.environ.get("AZURE_OPENAI_ENDPOINT")
    if not resource:
        raise Unavailable(
            f"{address}: no endpoint: set the environment variable AZURE_OPENAI_ENDPOINT to "
            f"https://NAME.openai.azure.com"
        )
    server_of(resource, "AZURE_OPENAI_ENDPOINT")
    return AzureModel(
        address,
        resource,
        deployment,
        key,
        parameters,
        api_version=os.environ.get("AZURE_OPENAI_API_VERSION") or None,
        price=_price(address, parameters),
    )


def openai_compatible(address: str, parameters: Parameters) -> System:
    """The model at ``http://HOST/v1#MODEL``; a key only where ``api_key_env`` names one."""
    from preceptor.systems.openai import ChatModel

    base_url, _, model = address.partition("#")
    if "@" in urllib.parse.urlsplit(base_url).netloc or "?" in base_url:
        raise InputError(
            f"system {shorten(base_url.split('@')[-1].partition('?')[0])}: a key in the address "
            f"would be stored; put it into an environment variable and name that with "
            f"api_key_env=NAME"
        )
    if not model or not urllib.parse.urlsplit(base_url).hostname:
        raise InputError(
            f"system {shorten(address)}: expected http://HOST:PORT/v1#MODEL, with the model's name "
            f"behind the #"
        )
    key = _key(base_url, parameters, ()) if parameters.api_key_env else None
    return ChatModel(address, base_url, model, key, parameters, price=_price(address, parameters))


def refuses_temperature(address: str) -> bool:
    """Whether an address is one of Anthropic's models that take no sampling temperature."""
    from preceptor.systems.anthropic import takes_temperature

    provider, _, model = address.partition("/")
    return provider == "anthropic" and not takes_temperature(model)


def _check_model(address: str, provider: str, model: str) -> None:
    if not model:
        raise InputError(f"system {shorten(address)}: expected {provider}/ and the model's name")


def _key(address: str, parameters: Parameters, variables: tuple[str, ...]) -> str:
    names = (parameters.api_key_env,) if parameters.api_key_env else variables
    for name in names:
        # A key that was read from a file often ends with its newline.
        if key := os.environ.get(name, "").strip():
            return key
    raise Unavailable(f"{address}: no key: set the environment variable {' or '.join(names)}")


def _price(address: str, parameters: Parameters) -> Price | None:
    if parameters.price == "free":
        return FREE
    return price_at(address) if parameters.price is None else parse_price(parameters.price)
