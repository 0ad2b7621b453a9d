"""Systems under test, by address: one vocabulary for ``--system`` and ``--grader``."""

from __future__ import annotations

import os
import urllib.parse
from pathlib import Path

from preceptor.errors import InputError, Unavailable, UnknownName, shorten
from preceptor.systems.base import Ask, Parameters, System
from preceptor.systems.parameters import parse_parameters
from preceptor.systems.prices import FREE, Price, known_price, parse_price

__all__ = [
    "ADDRESSES",
    "GRADERS",
    "RECORDED",
    "Ask",
    "Parameters",
    "System",
    "parse_parameters",
    "reasons",
    "resolve",
]

#: Form of an address → what it is.
ADDRESSES = {
    "openai/MODEL": "an OpenAI model (key: OPENAI_API_KEY; base URL: OPENAI_BASE_URL)",
    "http://HOST/v1#MODEL": "any OpenAI-compatible endpoint (vLLM, Ollama, llama.cpp, …)",
    "local/NAME": "a small model run here through xllamacpp",
    "local:/PATH.gguf": "a GGUF file of your own, likewise",
    "replay:FILE.jsonl": "answers recorded earlier",
    "python:PKG.MODULE:FUNCTION": "your own Python function",
    "command:./AGENT": "your own program",
    "physician[:1|2|3][:references]": "the physicians' answers in the benchmark",
}
#: What may stand before an address where it is a grader's.
GRADERS = {
    "yesno:ADDRESS": "as a grader: judges by the chance of a yes (small models)",
    "batched:ADDRESS": "as a grader: several criteria of an answer in one call",
    "distilled:FILE": "as a grader: a small model trained on verdicts",
    "jury:A+B+C": "as a grader: each of these judges, and a rule makes one verdict of their votes",
    "cascade:CHEAP,STRONG": "as a grader: STRONG judges what yesno: or distilled: is not sure of",
}
#: Kinds of address whose answers exist already: they take no parameters and cannot judge.
RECORDED = ("replay", "physician")


def resolve(address: str, parameters: Parameters | None = None) -> System:  # noqa: PLR0911
    """The system at an address. Nothing is started or connected before its ``open``.

    Raises
    ------
    UnknownName, InputError
        The address has no known form, or names nothing.
    Unavailable
        A key or package is missing.
    """
    parameters = parameters or Parameters()
    kind, _, rest = address.partition(":")
    if kind in ("http", "https"):
        return _endpoint(address, parameters)
    if address.startswith("openai/"):
        return _openai(address, parameters)
    if address.startswith(("local/", "local:")):
        from preceptor.systems.local import LocalModel

        return LocalModel(address, parameters)
    if kind == "physician":
        from preceptor.systems.recorded import Physician

        return Physician(address)
    if kind == "replay" and rest:
        from preceptor.systems.recorded import Replay

        return Replay(address, Path(rest))
    if kind == "python":
        from preceptor.systems.user_code import PythonFunction

        return PythonFunction(address, parameters)
    if kind == "command":
        from preceptor.systems.user_code import Command

        return Command(address, parameters)
    forms = ", ".join(ADDRESSES)
    raise UnknownName(f"unknown system {shorten(address)}: expected one of {forms}")


def reasons(address: str) -> bool:
    """Whether an address is one of OpenAI's reasoning models, which take other parameters."""
    from preceptor.systems.openai import OLDER_MODELS

    own = address.startswith("openai/")
    return own and not address.removeprefix("openai/").startswith(OLDER_MODELS)


def _openai(address: str, parameters: Parameters) -> System:
    from preceptor.systems.openai import ChatModel

    variable = parameters.api_key_env or "OPENAI_API_KEY"
    key = os.environ.get(variable)
    if not key:
        raise Unavailable(f"{address}: no key: set the environment variable {variable}")
    model = address.removeprefix("openai/")
    base_url = os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
    price = _price(parameters) or known_price("openai", model)
    return ChatModel(address, base_url, model, key, parameters, price=price)


def _endpoint(address: str, parameters: Parameters) -> System:
    from preceptor.systems.openai import ChatModel

    base_url, _, model = address.partition("#")
    if not model or not urllib.parse.urlsplit(base_url).hostname:
        raise InputError(
            f"system {shorten(address)}: expected http://HOST:PORT/v1#MODEL, with the model's name "
            f"behind the #"
        )
    if "@" in urllib.parse.urlsplit(base_url).netloc:
        raise InputError(
            f"system {shorten(base_url.split('@')[-1])}: a key in the address would be stored; "
            f"put it into an environment variable and name that with api_key_env=NAME"
        )
    key = None
    if parameters.api_key_env:
        key = os.environ.get(parameters.api_key_env)
        if not key:
            raise Unavailable(
                f"{base_url}: no key: set the environment variable {parameters.api_key_env}"
            )
    return ChatModel(address, base_url, model, key, parameters, price=_price(parameters))


def _price(parameters: Parameters) -> Price | None:
    if parameters.price == "free":
        return FREE
    return None if parameters.price is None else parse_price(parameters.price)
