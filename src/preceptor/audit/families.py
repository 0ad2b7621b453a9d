"""Model families, by maker: a grader may favour its own."""

from __future__ import annotations

import functools
import re

__all__ = ["family"]

#: First letters of a model's name → its maker.
_MAKERS = {
    "gpt": "openai",
    "chatgpt": "openai",
    "davinci": "openai",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
    "claude": "anthropic",
    "gemini": "google",
    "gemma": "google",
    "medgemma": "google",
    "palm": "google",
    "llama": "meta",
    "meta": "meta",
    "qwen": "qwen",
    "qwq": "qwen",
    "deepseek": "deepseek",
    "ds": "deepseek",
    "mistral": "mistral",
    "mixtral": "mistral",
    "grok": "xai",
    "phi": "microsoft",
    "kimi": "moonshot",
    "glm": "zhipu",
}


@functools.lru_cache(maxsize=4096)
def family(model: str) -> str:
    """The maker of a model by the first letters of its name; those letters if unknown.

    Only the last part of an address counts: ``yesno:openai/gpt-5.4`` and ``gpt4o`` are ``openai``;
    an unknown ``acme-2b-chat`` is ``acme``. Empty for an empty name.
    """
    name = re.split(r"[/#]", model.lower())[-1].split(":")[-1]
    first = re.search(r"[a-z]+\d?", name)
    if first is None:
        return name
    letters = first[0].rstrip("0123456789")
    return _MAKERS.get(first[0]) or _MAKERS.get(letters) or letters
