"""Settings, conversations, answers and tokens: our records ↔ the types of Inspect AI."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

from preceptor.errors import EndpointError, InputError, Unavailable, UnknownName, shorten
from preceptor.installation import MissingExtra
from preceptor.records import Completion, Usage
from preceptor.systems.base import Parameters
from preceptor.systems.first_token import first_said
from preceptor.systems.inspect_ai.failures import in_words
from preceptor.systems.inspect_ai.turns import calls_of, thought_in, thoughts_of

if TYPE_CHECKING:
    from inspect_ai.model import GenerateConfig, Model, ModelOutput, ModelUsage

__all__ = [
    "DEFAULT_CONCURRENCY",
    "MAX_TEXT",
    "SETTINGS",
    "completion_of",
    "generate_config",
    "make_model",
    "need_inspect",
    "usage_of",
]

DEFAULT_CONCURRENCY = 32
#: Characters beyond which an answer is not one.
MAX_TEXT = 16 * 2**20
#: Parameters that have the same name among Inspect's settings.
SETTINGS = ("temperature", "max_tokens", "reasoning_effort", "verbosity", "seed", "extra_body")
_MOST_TOKENS = 2**53
#: Inspect's words for why an answer ended → those of the chat API.
_FINISH = {"max_tokens": "length", "model_length": "length"}
#: What graders put into the request's body and Inspect has settings for.
_IN_CONFIG = ("logprobs", "top_logprobs")


def need_inspect(what: str) -> None:
    """Raises Unavailable, with what to do, where inspect-ai is not installed."""
    try:
        import inspect_ai  # noqa: F401
    except ImportError:
        raise MissingExtra(f"{what} needs inspect-ai", "inspect") from None


def generate_config(address: str, parameters: Parameters) -> GenerateConfig:
    """Parameters in Inspect's words. Raises InputError for one that it does not know."""
    import pydantic
    from inspect_ai.model import GenerateConfig

    for name in ("api", "stream"):
        if getattr(parameters, name) is not None:
            raise InputError(f"{name}: {shorten(address)} does not take it: Inspect chooses itself")
    values = {name: getattr(parameters, name) for name in SETTINGS}
    body = dict(values.pop("extra_body") or {})
    settings = {name: body.pop(name) for name in _IN_CONFIG if name in body}
    try:
        return GenerateConfig(
            **values,
            **settings,
            extra_body=body or None,
            attempt_timeout=math.ceil(parameters.timeout),
            max_retries=parameters.retries,
            max_connections=parameters.concurrency or DEFAULT_CONCURRENCY,
        )
    except pydantic.ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in fault["loc"])
        raise InputError(f"{shorten(address)}: {name}: {fault['msg']}") from None


def make_model(address: str, name: str, parameters: Parameters, config: GenerateConfig) -> Model:
    """Inspect's model of that name, not shared with anybody.

    Raises
    ------
    UnknownName
        Inspect has no such provider.
    Unavailable
        Its key or package is missing.
    """
    from inspect_ai._util.error import PrerequisiteError
    from inspect_ai.model import get_model

    key = None
    if parameters.api_key_env is not None:
        key = os.environ.get(parameters.api_key_env, "").strip()
        if not key:
            variable = parameters.api_key_env
            raise Unavailable(f"{address}: no key: set the environment variable {variable}")
    try:
        return get_model(name, config=config, api_key=key, memoize=False)
    except (PrerequisiteError, ImportError) as error:
        raise Unavailable(f"{address}: {in_words(error)}") from None
    except ValueError as error:
        raise UnknownName(f"{address}: {in_words(error)}") from None
    except Exception as error:
        raise Unavailable(f"{address}: cannot be set up: {in_words(error)}") from None


def usage_of(usage: ModelUsage | None) -> Usage:
    """Tokens as we count them: those read from and written to a cache are input too."""
    if usage is None:
        return Usage()
    read, written = usage.input_tokens_cache_read or 0, usage.input_tokens_cache_write or 0
    counts = (
        usage.input_tokens + read + written,
        usage.output_tokens,
        read,
        usage.reasoning_tokens or 0,
    )
    return Usage(*(min(max(count, 0), _MOST_TOKENS) for count in counts))


def completion_of(output: ModelOutput, address: str) -> Completion:
    """What a model said, without its reasoning.

    Raises EndpointError for an answer beyond all bounds.
    """
    text = output.completion
    if len(text) > MAX_TEXT:
        words = f"{address}: the answer has more than {MAX_TEXT:,} characters"
        raise EndpointError("too_large", words)
    if output.empty:
        return Completion(text, finish_reason="content_filter" if output.error else "unknown")
    choice = output.choices[0]
    calls = calls_of(choice.message.tool_calls)
    reasoning, end = None, _FINISH.get(choice.stop_reason, choice.stop_reason)
    if not isinstance(choice.message.content, str):
        said = [part for part in choice.message.content if part.type == "text"]
        if said and all(part.refusal for part in said):
            end = "refusal"
        parts = [part for part in choice.message.content if part.type == "reasoning"]
        reasoning = sum(len(thought_in(part)) for part in parts) if parts else None
    return Completion(
        text,
        finish_reason=end,
        usage=usage_of(output.usage),
        first_token=_first_token(choice.logprobs, text),
        reasoning_length=reasoning,
        served_model=output.model or None,
        calls=calls,
        thoughts=thoughts_of(choice.message.content) if calls else (),
    )


def _first_token(logprobs: Any, text: str) -> dict[str, float] | None:
    tokens = (logprobs and logprobs.content) or ()
    listed = [{one.token: one.logprob for one in token.top_logprobs or ()} for token in tokens]
    pairs = zip(tokens, listed, strict=True)
    return first_said([(one.token, top or {one.token: one.logprob}) for one, top in pairs], text)
