"""Systems under test, by address: one vocabulary for ``--system`` and ``--grader``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from pathlib import Path

from preceptor.errors import UnknownName, shorten
from preceptor.plugins import named
from preceptor.systems.base import Ask, Parameters, System
from preceptor.systems.hosted import HOSTS, azure, hosted, openai_compatible, refuses_temperature
from preceptor.systems.parameters import parse_parameters

__all__ = [
    "ADDRESSES",
    "GRADERS",
    "KINDS",
    "RECORDED",
    "RETRIEVERS",
    "Ask",
    "Parameters",
    "System",
    "meant",
    "parse_parameters",
    "reasons",
    "refuses_temperature",
    "resolve",
]

#: Form of an address → what it is.
ADDRESSES = {
    "openai/MODEL": "an OpenAI model (key: OPENAI_API_KEY; base URL: OPENAI_BASE_URL)",
    "anthropic/MODEL": "a model of Anthropic (key: ANTHROPIC_API_KEY)",
    "google/MODEL": "a Gemini model of Google (key: GOOGLE_API_KEY or GEMINI_API_KEY)",
    "azure/DEPLOYMENT": "a deployment of Azure OpenAI (AZURE_OPENAI_ENDPOINT, …_API_KEY)",
    "openrouter/VENDOR/MODEL": "a model behind OpenRouter (key: OPENROUTER_API_KEY)",
    "http://HOST/v1#MODEL": "any OpenAI-compatible endpoint (vLLM, Ollama, llama.cpp, …)",
    "inspect/PROVIDER/MODEL": "a model that Inspect AI has a provider for",
    "inspect:FILE.py@AGENT": "an agent or solver of Inspect AI, of your own",
    "local/NAME": "a small model run here through xllamacpp",
    "local:/PATH.gguf": "a GGUF file of your own, run in the same way",
    "replay:FILE.jsonl": "answers recorded earlier; a .trec file has ranked lists",
    "bm25": "a search by words, in a corpus (docs: retrieval)",
    "tfidf[:characters]": "the same by TF-IDF of words or of characters",
    "encoder:FOLDER|ADDRESS": "a search by the vectors of an encoder",
    "hybrid:A+B": "several searches as one",
    "rerank:RETRIEVER,ENCODER": "a search whose first hundred an encoder or cross-encoder orders",
    "python:PKG.MODULE:FUNCTION": "your own Python function; it runs with your rights",
    "command:./AGENT": "your own program; it runs with your rights",
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
#: Kinds of address that search a corpus: they cannot judge.
RETRIEVERS = ("bm25", "tfidf", "encoder", "hybrid", "rerank")


def _local(address: str, parameters: Parameters) -> System:
    from preceptor.systems.local.model import LocalModel

    return LocalModel(address, parameters)


def _physician(address: str, _: Parameters) -> System:
    from preceptor.systems.recorded import Physician

    return Physician(address)


def _replay(address: str, _: Parameters) -> System:
    from preceptor.systems.retrieval.trec_run import SUFFIXES, TrecRun

    path = Path(address.partition(":")[2])
    if path.suffix.lower() in SUFFIXES:
        return TrecRun(address, path)
    from preceptor.systems.recorded import Replay

    return Replay(address, path)


def _python(address: str, parameters: Parameters) -> System:
    from preceptor.systems.user_code import PythonFunction

    return PythonFunction(address, parameters)


def _command(address: str, parameters: Parameters) -> System:
    from preceptor.systems.user_code import Command

    return Command(address, parameters)


def _inspect_model(address: str, parameters: Parameters) -> System:
    from preceptor.systems.inspect_ai.model import InspectModel

    return InspectModel(address, parameters)


def _inspect_agent(address: str, parameters: Parameters) -> System:
    from preceptor.systems.inspect_ai.model import InspectAgent

    return InspectAgent(address, parameters)


def _retriever(address: str, parameters: Parameters) -> System:
    from preceptor.systems.retrieval.addresses import retriever_system

    return retriever_system(address, parameters)


_Resolver = Callable[[str, Parameters], System]
#: What stands before the first colon of an address → what makes the system.
_KINDS: dict[str, _Resolver] = {
    "http": openai_compatible,
    "https": openai_compatible,
    "local": _local,
    "physician": _physician,
    "replay": _replay,
    "python": _python,
    "command": _command,
    "inspect": _inspect_agent,
    **dict.fromkeys(RETRIEVERS, _retriever),
}
#: Kinds of an address that are ours.
KINDS = frozenset(_KINDS)
#: What stands before its first slash, where it is not of those.
_PROVIDERS: dict[str, _Resolver] = {
    **dict.fromkeys(HOSTS, hosted),
    "azure": azure,
    "local": _local,
    "inspect": _inspect_model,
}


#: A host with a port, which lacks what stands before it.
_WITHOUT_SCHEME = re.compile(r"[\w.-]+:\d+(?:/[^#]*)?#.")


def resolve(address: str, parameters: Parameters | None = None) -> System:
    """The system at an address. Nothing is started or connected before its ``open``.

    Raises
    ------
    UnknownName, InputError
        The address has no known form, or names nothing.
    Unavailable
        A key or package is missing.
    """
    kind, colon, rest = address.partition(":")
    provider, slash, _ = address.partition("/")
    # These say themselves what they lack.
    whole = rest or kind in ("physician", "bm25", "tfidf") or (colon and kind == "python")
    make = _KINDS.get(kind) if whole else None
    if make is None and slash:
        make = _PROVIDERS.get(provider)
    if make is None:
        make = named("systems", kind)
    if make is None:
        forms = ", ".join(ADDRESSES)
        raise UnknownName(
            f"unknown system {shorten(address)}: {meant(address)}expected one of {forms}"
        )
    return make(address, parameters or Parameters())


def meant(address: str) -> str:
    """The question whether an address of a known form is meant; empty where none is near."""
    from preceptor.systems.prices import known_price

    if _WITHOUT_SCHEME.match(address):
        return f"did you mean http://{address}? "
    provider, _, model = re.sub(":", "/", address, count=1).partition("/")
    if model:
        near = difflib.get_close_matches(provider.casefold(), _PROVIDERS, 1)
        addresses = [f"{each}/{model}" for each in near]
    else:
        addresses = [f"{each}/{address}" for each in HOSTS if known_price(each, address)]
    return f"did you mean {addresses[0]}? " if addresses else ""


def reasons(address: str) -> bool:
    """Whether an address is one of OpenAI's reasoning models, which take other parameters.

    A deployment at Azure is one where its name is one's.
    """
    from preceptor.systems.openai import OLDER_MODELS, REASONING_MODELS

    provider, _, model = address.partition("/")
    if provider == "azure":
        return model.startswith(REASONING_MODELS)
    return provider == "openai" and not model.startswith(OLDER_MODELS)
