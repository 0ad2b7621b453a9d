"""Examinations and tests of a case, looked up by the words of a request."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

__all__ = ["NORMAL", "look_up", "shown"]

#: What is found of a test that a case does not have.
NORMAL = "normal readings"

_WORD = re.compile(r"[^\W_]+")
#: Letters by which words are compared: a cardiogram and an electrolyte must differ.
_STEM = 8
#: Words that tell no test from another.
_GENERAL = frozenset(
    """
    a an and any for full in level levels of on or panel patient please profile report result
    results right left sample screen screening serum study studies test testing tests the to value
    values with without work finding findings laboratory lab labs
    """.split()  # noqa: SIM905
)
#: Other names of one word or more.
_NAMES = {
    "abg": "arterial blood gas", "bmp": "basic metabolic", "bp": "blood pressure",
    "cardiac": "cardiovascular", "cbc": "complete blood count", "cmp": "comprehensive metabolic",
    "crp": "c reactive protein", "csf": "cerebrospinal fluid", "cxr": "chest radiograph",
    "ecg": "electrocardiogram", "echo": "echocardiogram", "eeg": "electroencephalogram",
    "ekg": "electrocardiogram", "emg": "electromyography", "esr": "erythrocyte sedimentation rate",
    "exam": "examination", "heart": "cardiovascular", "lft": "liver function",
    "lfts": "liver function", "lung": "respiratory", "lungs": "respiratory", "abdomen": "abdominal",
    "pft": "pulmonary function", "pfts": "pulmonary function", "radiography": "radiograph",
    "skin": "dermatological", "sonography": "ultrasound", "tsh": "thyroid stimulating hormone",
    "ua": "urinalysis", "ultrasonography": "ultrasound", "xray": "radiograph",
}  # fmt: skip
_X_RAY = re.compile(r"\bx[\s-]?rays?\b", re.IGNORECASE)
_PLURAL = re.compile(r"(?<=\w{3})(?:ies|(?<!s)s)$")
_PARTS = re.compile(r"[,;\n]|\band\b|\+", re.IGNORECASE)


class _Node(NamedTuple):
    """A part of the findings: what it is called, alone and with what it is in."""

    path: tuple[str, ...]
    own: frozenset[str]
    whole: frozenset[str]
    value: Any


def look_up(findings: Mapping[str, Any], request: str) -> dict[str, Any]:
    """Name → what the case has of each test that is asked for, or `NORMAL`.

    A part of the findings is found where its name, with the names of what it is in, has all words
    of the request; or the request has all words of its name, and few others. Of parts that lie in
    one another the outermost is found. A request of several tests is taken apart.
    """
    nodes = list(_nodes(findings, (), frozenset()))
    found: dict[str, Any] = {}
    for part in filter(None, (part.strip(" .[]*") for part in _PARTS.split(request))):
        found |= _found(nodes, part) or {part: NORMAL}
    return found


def shown(found: Mapping[str, Any]) -> str:
    """What was found, a line for each test."""
    return "\n".join(f"{name}: {_in_words(value)}" for name, value in found.items())


def _in_words(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{_title(name)}: {_in_words(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_in_words, value))
    return str(value)


def _title(name: str) -> str:
    return name.replace("_", " ")


def _nodes(
    findings: Mapping[str, Any], path: tuple[str, ...], above: frozenset[str]
) -> Iterator[_Node]:
    """The parts, outermost first."""
    for name, value in findings.items():
        own = _words(name)
        here = (*path, name)
        yield _Node(here, own, own | above, value)
        if isinstance(value, Mapping):
            yield from _nodes(value, here, own | above)


def _found(nodes: list[_Node], request: str) -> dict[str, Any]:
    asked = _words(request)
    if not asked:
        return {}
    taken: list[_Node] = []
    for node in nodes:
        inside = any(node.path[: len(other.path)] == other.path for other in taken)
        if not inside and _fits(node, asked):
            taken.append(node)
    # Two parts of a case may have a finding of one name: they have the whole path.
    times = Counter(node.path[-1] for node in taken)
    return {
        ": ".join(map(_title, node.path[0 if times[node.path[-1]] > 1 else -1 :])): node.value
        for node in taken
    }


def _fits(node: _Node, asked: frozenset[str]) -> bool:
    if asked <= node.whole and asked & node.own:
        return True
    return bool(node.own) and node.own <= asked and 2 * len(node.own) > len(asked)


def _words(text: str) -> frozenset[str]:
    plain = _X_RAY.sub("xray", text.replace("_", " "))
    words = (word.casefold() for word in _WORD.findall(plain))
    named = (part for word in words for part in _NAMES.get(word, word).split())
    return frozenset(_PLURAL.sub(_one, word)[:_STEM] for word in named if word not in _GENERAL)


def _one(plural: re.Match[str]) -> str:
    return "y" if plural[0] == "ies" else ""
