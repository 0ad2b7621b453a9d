"""Reading the settings of a system or grader from ``key=value`` texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from preceptor.errors import InputError, did_you_mean, shorten
from preceptor.systems.base import Parameters

__all__ = ["parse_parameters"]

_EXPECTED = {
    "temperature": "a number from 0",
    "max_tokens": "a whole number from 1",
    "seed": "a whole number",
    "api": "chat or responses",
    "stream": "true or false",
    "extra_body": "a JSON object",
    "timeout": "seconds above 0",
    "concurrency": "a whole number from 1",
    "retries": "a whole number from 0",
}
#: What an endpoint of vectors takes.
_ENCODING = ("extra_body", "api_key_env", "timeout", "concurrency", "retries")
#: Kind of address → the settings that it takes; other kinds take all.
_TAKES: dict[str, tuple[str, ...]] = {
    "physician": (),
    "replay": (),
    "facts": (),
    "bm25": (),
    "tfidf": (),
    **dict.fromkeys(("encoder", "hybrid", "rerank"), _ENCODING),
    "python": ("timeout", "concurrency"),
    "command": ("timeout", "concurrency"),
}
#: A value that cannot be a secret.
_PLAIN = re.compile(r"[-+.\d]{1,12}|[a-z]{0,12}")


def parse_parameters(
    pairs: Sequence[str],
    option: str,
    *,
    address: str = "",
    defaults: Parameters | None = None,
) -> Parameters:
    """Parameters from ``key=value`` texts; ``none`` takes a default away.

    ``system_prompt=@file.txt`` reads a file; ``extra_body`` is JSON.

    Parameters
    ----------
    option
        The option's name, for messages.
    address
        Whose parameters these are: recorded answers take none, the user's own code only a few.

    Raises
    ------
    InputError
        An unknown key, a key that this kind of system ignores, or a value that it cannot be.
    """
    known = _TAKES.get(address.partition(":")[0], Parameters.__struct_fields__)
    values: dict[str, Any] = {} if defaults is None else msgspec.to_builtins(defaults)
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if key in Parameters.__struct_fields__ and key not in known:
            takes = ", ".join(known) or "no parameters"
            raise InputError(f"{option} {key}: {shorten(address)} takes {takes}")
        if not equals or key not in known:
            meant = "" if key in known else did_you_mean(key, known)
            # A number may be shown; anything else under a key such as api_key may be a secret.
            raise InputError(
                f"{option} {shorten(pair if _PLAIN.fullmatch(text) else key)}: {meant}"
                f"expected KEY=VALUE with KEY one of {', '.join(known)}"
            )
        if text.lower() == "none":
            values.pop(key, None)
        else:
            values[key] = _value(key, text, option)
    return msgspec.convert(values, Parameters, strict=False)


def _value(key: str, text: str, option: str) -> object:
    value: object = text
    if key == "extra_body":
        try:
            value = msgspec.json.decode(text)
        except msgspec.DecodeError:
            raise InputError(f"{option} extra_body: expected JSON, found {shorten(text)}") from None
    if key == "system_prompt" and text.startswith("@"):
        try:
            value = Path(text[1:]).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            words = getattr(error, "strerror", None) or "not UTF-8 text"
            raise InputError(f"{option} system_prompt: {text[1:]}: {words}") from None
    try:
        msgspec.convert({key: value}, Parameters, strict=False)
    except msgspec.ValidationError:
        expected = _EXPECTED.get(key, "a text")
        raise InputError(f"{option} {key}: expected {expected}, found {shorten(text)}") from None
    return value
