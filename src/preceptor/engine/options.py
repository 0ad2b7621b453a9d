"""The options of a run, as keyword arguments of the library's front door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import msgspec

from preceptor.engine.plan import Request
from preceptor.errors import InputError, did_you_mean, shorten

__all__ = ["RunOptions", "request_of"]


class RunOptions(TypedDict, total=False):
    """The fields of :class:`preceptor.engine.plan.Request` that `run` does not name itself."""

    data: str | Path | None
    limit: int | None
    stratify: str | None
    repeats: int
    circular: bool
    shots: int
    retriever: str | None
    corpus: str | Path | None
    passages: int | None
    images: str | None
    window: str | None
    frame: int | None
    system_params: Mapping[str, object] | Sequence[str]
    grader_params: Mapping[str, object] | Sequence[str]
    patient: str | None
    patient_params: Mapping[str, object] | Sequence[str]
    grader_template: str | None
    max_cost: float | None
    max_total_tokens: int | None
    min_coverage: float
    batch: bool
    metrics: Sequence[str]


def request_of(
    benchmark: str, system: str, grader: str | None, options: Mapping[str, Any]
) -> Request:
    """A request with every option checked by name and type. Raises InputError."""
    options = dict(options)
    for name in ("system_params", "grader_params", "patient_params"):
        if isinstance(options.get(name), Mapping):
            options[name] = tuple(f"{key}={value}" for key, value in options[name].items())
    return _checked({"benchmark": benchmark, "system": system, "grader": grader, **options})


def _checked(options: Mapping[str, Any]) -> Request:
    """A request with every option checked by name and type. Raises InputError."""
    known = Request.__struct_fields__
    for name in options:
        if name not in known:
            meant = did_you_mean(name, known)
            raise InputError(f"{name}: no such option: {meant}there are {', '.join(known)}")
    plain = {  # an integer of NumPy's is one, too
        name: value
        if isinstance(value, bool) or not hasattr(value, "__index__")
        else value.__index__()
        for name, value in options.items()
    }
    try:
        return msgspec.convert(plain, Request, dec_hook=lambda kind, value: kind(value))
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `$.")
        name = place.rstrip("`").partition("[")[0]
        words = problem[:1].lower() + problem[1:].replace("null", "None").replace("array", "list")
        raise InputError(f"{name}: {words}: {shorten(options.get(name))}") from None
