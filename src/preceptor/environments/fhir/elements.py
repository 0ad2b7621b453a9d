"""What a resource holds at a path, and what of it can be compared with a search."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

__all__ = ["Code", "at", "codes", "folded", "reference", "strings"]

_NAMED = ("text", "family", "given", "prefix", "suffix")
_ADDRESSED = ("text", "line", "city", "district", "state", "postalCode", "country")


class Code(NamedTuple):
    """One code of an element, and the words beside it."""

    system: str | None
    code: str | None
    words: tuple[str, ...]


def at(resource: Mapping[str, Any], path: str) -> Iterator[Any]:
    """The values at ``a.b`` or ``effective[x]``, those of lists one by one."""
    head, _, rest = path.partition(".")
    for value in _children(resource, head):
        for each in value if isinstance(value, list) else (value,):
            if not rest:
                yield each
            elif isinstance(each, Mapping):
                yield from at(each, rest)


def _children(resource: Mapping[str, Any], name: str) -> Iterator[Any]:
    if not name.endswith("[x]"):
        if name in resource:
            yield resource[name]
        return
    stem = name[:-3]
    for key, value in resource.items():
        if key.startswith(stem) and key[len(stem) : len(stem) + 1].isupper():
            yield value


def codes(value: Any) -> Iterator[Code]:
    """Those of a code, Coding, CodeableConcept, Identifier or ContactPoint.

    A concept's own text stands with each of its codes, and alone where it has none.
    """
    if isinstance(value, bool):
        yield Code(None, "true" if value else "false", ())
    elif isinstance(value, str):
        yield Code(None, value, ())
    elif isinstance(value, Mapping):
        words = tuple(_texts(value.get("text")))
        if isinstance(codings := value.get("coding"), list) and codings:
            for each in codings:
                if isinstance(each, Mapping):
                    yield Code(_text(each, "system"), _text(each, "code"), _words(each, words))
        elif "value" in value:
            kind = value.get("type")
            named = tuple(_texts(kind.get("text"))) if isinstance(kind, Mapping) else ()
            yield Code(_text(value, "system"), _text(value, "value"), named)
        else:
            yield Code(_text(value, "system"), _text(value, "code"), _words(value, words))


def _words(coding: Mapping[str, Any], beside: tuple[str, ...]) -> tuple[str, ...]:
    return (*_texts(coding.get("display")), *beside)


def _text(value: Mapping[str, Any], key: str) -> str | None:
    found = value.get(key)
    return found if isinstance(found, str) else None


def _texts(value: Any) -> Iterator[str]:
    for each in value if isinstance(value, list) else (value,):
        if isinstance(each, str):
            yield each


def strings(value: Any) -> Iterator[str]:
    """The words of a string, HumanName or Address, part by part."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key in (*_NAMED, *_ADDRESSED):
            yield from _texts(value.get(key))


def reference(value: Any) -> tuple[str | None, str] | None:
    """The kind and id that a Reference leads to, whatever its server: ``Patient/S1``."""
    text = _text(value, "reference") if isinstance(value, Mapping) else None
    if not text:
        return None
    text = text.removeprefix("urn:uuid:").partition("/_history/")[0]
    *before, key = text.rstrip("/").split("/")
    return (before[-1] if before else None), key


def folded(text: str) -> str:
    """Without case and accents, and with single spaces."""
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(each for each in plain if not unicodedata.combining(each))
    return " ".join(plain.casefold().split())
