"""Which runs a page is about: those named, or those that a filter leaves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlencode

import msgspec
from starlette.datastructures import QueryParams

from preceptor.errors import InputError, UnknownName
from preceptor.view.workspace import Known, Workspace

__all__ = ["FIELDS", "Filter", "chosen", "pair_tabs", "run_tabs", "url", "whole"]

#: Kinds of the runs' filter, by name of the parameter.
FIELDS = {"benchmark": "Benchmark", "system": "System", "grader": "Grader", "status": "State"}
#: Longest text of a parameter that is looked at; values of a field that can be chosen.
_LONGEST, _VALUES = 500, 300
#: Answers that one page of answers can be about.
_MOST = 200_000


class Filter(msgspec.Struct, frozen=True):
    """What a list of runs is narrowed to: words in a name, and values of fields."""

    words: str = ""
    fields: dict[str, str] = {}

    @classmethod
    def of(cls, given: QueryParams) -> Filter:
        fields = {name: text for name in FIELDS if (text := given.get(name, "")[:_LONGEST])}
        return cls(given.get("q", "").strip()[:_LONGEST], fields)

    def leaves(self, run: Known) -> bool:
        info = run.info
        if any(getattr(info, name) != value for name, value in self.fields.items()):
            return False
        text = "\n".join((info.name, info.benchmark, info.system, info.grader)).casefold()
        return all(word in text for word in self.words.casefold().split())

    def parameters(self) -> dict[str, str]:
        return {**({"q": self.words} if self.words else {}), **self.fields}

    def options(self, runs: Iterable[Known]) -> dict[str, list[str]]:
        """The values that each field has among these runs."""
        found: dict[str, dict[str, None]] = {name: {} for name in FIELDS}
        for run in runs:
            for name in FIELDS:
                found[name].setdefault(getattr(run.info, name))
        return {
            name: sorted({*list(values)[:_VALUES], *filter(None, [self.fields.get(name)])})
            for name, values in found.items()
        }


def chosen(workspace: Workspace, given: QueryParams) -> list[Known]:
    """The runs that ``run`` names, each once; without any, those that the filter leaves.

    Raises
    ------
    UnknownName, InputError
        No such run, or more answers than a page can be about.
    """
    names = list(dict.fromkeys(given.getlist("run")))
    runs = [workspace.run(name) for name in names]
    if not names:
        runs = list(filter(Filter.of(given).leaves, workspace.runs()))
    if not runs:
        raise UnknownName("no run is left: choose fewer filters")
    answers = sum(run.standing.answers_asked for run in runs)
    if answers > _MOST:
        raise InputError(
            f"these runs have {answers:,} answers, a page can be about {_MOST:,}: choose fewer runs"
        )
    return runs


def url(path: str, given: Mapping[str, object] | Sequence[tuple[str, object]]) -> str:
    """An address with these parameters; those that are empty are left out."""
    pairs = given.items() if isinstance(given, Mapping) else given
    query = urlencode([(name, str(value)) for name, value in pairs if value not in ("", None)])
    return f"{path}?{query}" if query else path


def run_tabs(name: str, current: str) -> list[tuple[str, str, bool]]:
    """Name, address of each page about a run, and whether it is the current one."""
    pages = {"Score": url("/run", {"name": name}), "Answers": url("/answers", {"run": name})}
    return [(title, address, title == current) for title, address in pages.items()]


def pair_tabs(names: Sequence[str], current: str) -> list[tuple[str, str, bool]]:
    """The same of the pages about two runs."""
    runs = [("run", name) for name in names]
    pages = {
        "Comparison": url("/compare", runs),
        "Answers side by side": url("/compare/answers", runs),
    }
    return [(title, address, title == current) for title, address in pages.items()]


def whole(given: QueryParams, name: str, default: int = 1, *, least: int = 1) -> int:
    """A whole number of the query. Raises InputError for anything else."""
    text = given.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal() or len(text) > 9 or int(text) < least:
        raise InputError(f"{name}: expected a whole number from {least}, found {text[:20]!r}")
    return int(text)
