"""From what a user types to the sides of a comparison."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

import msgspec

from preceptor.errors import InputError, UnknownName, shorten
from preceptor.records import Result, RunInfo
from preceptor.results.load import load_result
from preceptor.results.pool import Side, pool
from preceptor.store import Store

__all__ = ["gather", "named", "named_runs"]

_PATTERN = re.compile(r"[*?\[]")


def gather(texts: Sequence[str], store: Store, *, words: bool = True) -> list[Side]:
    """The sides that texts name.

    Parameters
    ----------
    texts
        ``[LABEL=]RUN[,RUN…]``. RUN is the name of a run, its beginning, ``latest``, or a pattern
        with ``*``, ``?`` or ``[…]`` that may fit several. The runs behind a LABEL, or joined by
        commas, are pooled into one side; those of a pattern alone are a side each. A LABEL of the
        form ``MODEL/HARNESS`` puts the side into the family of MODEL.
    words
        Whether texts are needed: see :func:`preceptor.results.load.load_result`. Runs that are
        pooled have them all the same.

    Raises
    ------
    InputError, UnknownName
        A text that names nothing, or runs that cannot be one side.
    """
    known = store.runs()
    load = functools.partial(load_result, store, known={})  # sides may share their examples
    return [side for text in texts for side in _sides(text, known, store, load, words)]


def named(sides: Sequence[Side], labels: Sequence[str]) -> list[Side]:
    """The sides, with other names for their systems.

    Parameters
    ----------
    labels
        ``SYSTEM=NAME``: NAME is what the side of the system at this address is called. Several
        sides of one system keep their labels in brackets after it.

    Raises
    ------
    InputError
        A text of another form, a system that no side has, or one that is named twice.
    """
    systems = [side.result.info.system for side in sides]
    names: dict[str, str] = {}
    for text in labels:
        system, name = _label(text, systems)
        if system in names:
            raise InputError(f"--label {shorten(text)}: {shorten(system)} has a name already")
        names[system] = name
    return [
        _called(side, names[system], alone=systems.count(system) == 1) if system in names else side
        for side, system in zip(sides, systems, strict=True)
    ]


def _label(text: str, systems: Sequence[str]) -> tuple[str, str]:
    """System and name; the address may contain equals signs."""
    if "=" not in text:
        raise InputError(f"--label {shorten(text)}: expected SYSTEM=NAME")
    for system in dict.fromkeys(systems):
        if text.startswith(f"{system}=") and (name := text[len(system) + 1 :].strip()):
            return system, name
    known = ", ".join(dict.fromkeys(systems))
    raise InputError(
        f"--label {shorten(text)}: expected SYSTEM=NAME, with a system of these runs: {known}"
    )


def _called(side: Side, name: str, *, alone: bool) -> Side:
    label = name if alone else f"{name} ({side.label})"
    info = msgspec.structs.replace(side.result.info, name=label)
    result = msgspec.structs.replace(side.result, info=info)
    return msgspec.structs.replace(
        side, label=label, harness=side.harness if side.family else label, result=result
    )


def _sides(
    text: str, known: Sequence[RunInfo], store: Store, load: Callable[..., Result], words: bool
) -> list[Side]:
    names = {run.name for run in known}
    # A run may have any name, also one with signs that mean something here.
    label, equals, rest = ("", "", text) if text in names else text.partition("=")
    if not equals:
        label, rest = "", text
    parts = [rest] if rest in names else rest.split(",")
    chosen = named_runs(parts, store, known)
    label = label.strip()
    if not label and len(parts) == 1:
        return [_side(run.name, "", [run], load, words=words) for run in chosen]
    family, _, harness = label.rpartition("/")
    return [_side(label or rest, family, chosen, load, words=words, harness=harness)]


def _side(
    label: str,
    family: str,
    runs: Sequence[RunInfo],
    load: Callable[..., Result],
    *,
    words: bool,
    harness: str = "",
) -> Side:
    alone = len(runs) == 1
    found = [load(run, metrics=alone, words=words or not alone) for run in runs]
    result = pool(found, label)
    return Side(label, family, harness or label, result, tuple(run.name for run in runs))


def named_runs(
    parts: Sequence[str], store: Store, known: Sequence[RunInfo] | None = None
) -> list[RunInfo]:
    """The runs of these names, beginnings of names, patterns or ``latest``, each once.

    Raises UnknownName where one names nothing.
    """
    known = store.runs() if known is None else known
    return list({run.name: run for part in parts for run in _runs(part, known, store)}.values())


def _runs(part: str, known: Sequence[RunInfo], store: Store) -> list[RunInfo]:
    part = part.strip()
    if not part:
        raise InputError("expected [LABEL=]RUN, found an empty name of a run")
    if not _PATTERN.search(part) or any(run.name == part for run in known):
        return [store.run(part)]
    # A person's marks are no run that others are compared with, unless the pattern says so.
    marks = part.startswith("marks-")
    fitting = [
        run
        for run in known
        if fnmatchcase(run.name, part) and (marks or run.settings.marks is None)
    ]
    if not fitting:
        names = ", ".join(run.name for run in known[-5:]) or "none"
        raise UnknownName(
            f"run {shorten(part)}: no run of {store.where} fits; the last are: {names}"
        )
    return fitting
