"""Graders, by address: a system's address, with a method before it where it is not the default."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from preceptor.errors import InputError, UnknownName, shorten
from preceptor.graders.base import Grader, Question
from preceptor.graders.batched import BatchedGrader
from preceptor.graders.cascade import CascadeGrader
from preceptor.graders.distilled import DistilledGrader, Probabilities
from preceptor.graders.jury import JuryGrader
from preceptor.graders.labelled import LabelGrader, NoGrader
from preceptor.graders.rubric import RubricGrader
from preceptor.graders.settings import (
    Form,
    Leaf,
    Method,
    Settings,
    read_address,
    read_settings,
)
from preceptor.graders.template import OWN, Template, find_template
from preceptor.graders.yesno import SYSTEM_PROMPT, YesNoGrader
from preceptor.plugins import named
from preceptor.systems import ADDRESSES, GRADERS, RECORDED, RETRIEVERS, meant, resolve
from preceptor.systems.base import Parameters, System

if TYPE_CHECKING:
    from preceptor.graders.judge import Judge

__all__ = [
    "OWN",
    "Grader",
    "Method",
    "NoGrader",
    "Question",
    "Settings",
    "Template",
    "find_template",
    "read_address",
    "read_settings",
    "resolve_grader",
]

_Resolve = Callable[[str, Parameters], System]


def resolve_grader(
    address: str,
    settings: Settings | Parameters,
    template: Template,
    *,
    judge: Judge | None = None,
    through: Callable[[System], System] | None = None,
    again: int = 0,
) -> Grader:
    """The grader at an address: see ``GRADERS`` of :mod:`preceptor.systems` for the forms.

    Parameters
    ----------
    settings
        Parameters alone are those of every member, with the method's defaults.
    judge
        The protocol's, where verdicts are labels: then a plain address is what it takes.
    through
        What every system that it calls is put into, such as a batch API.
    again
        How often the same was judged before, so that the store's verdicts are not reused.

    Raises
    ------
    InputError
        A form that cannot be, or a system that has only recorded answers; beside what `resolve`
        raises.
    """
    form = read_address(address)
    if isinstance(settings, Parameters):
        settings = Settings(Method(), (settings,) * len(form.leaves))
    if judge is not None:
        return _labelling(form, settings, judge, _once(through))
    method, open_system = settings.method, _once(through)
    leaves = [
        _grader(leaf, parameters, template, method, open_system)
        for leaf, parameters in zip(form.leaves, settings.members, strict=True)
    ]
    # The same member of a jury twice is asked twice.
    alike = [msgspec.json.encode(each) for each in zip(form.leaves, settings.members, strict=True)]
    for place, (kind, grader) in enumerate(zip(alike, leaves, strict=True)):
        before = alike[:place].count(kind) if form.kind == "jury" else 0
        grader.repeat = before + again * alike.count(kind)
    if form.kind == "jury":
        return JuryGrader(address, leaves, method)
    if form.kind == "cascade":
        return CascadeGrader(address, leaves[0], leaves[1], method)
    return leaves[0]


def _labelling(form: Form, settings: Settings, judge: Judge, find: _Resolve) -> Grader:
    if form.kind or form.leaves[0].form:
        method = form.kind or form.leaves[0].form
        raise InputError(
            f"--grader {method}: is for criteria that are met or not; here verdicts are labels: "
            f"name the model alone"
        )
    leaf = form.leaves[0]
    return LabelGrader(leaf.address, find(leaf.model, settings.members[0]), judge)


def _once(through: Callable[[System], System] | None) -> _Resolve:
    """Resolves an address; the same one is the same system, with one limit on its calls."""
    known: dict[bytes, System] = {}

    def find(model: str, parameters: Parameters) -> System:
        key = msgspec.json.encode((model, parameters))
        if key not in known:
            system = _system(model, parameters)
            known[key] = system if through is None else through(system)
        return known[key]

    return find


def _system(model: str, parameters: Parameters) -> System:
    try:
        return resolve(model, parameters)
    except UnknownName:
        forms = [form for form in ADDRESSES if not form.startswith((*RECORDED, *RETRIEVERS))]
        raise UnknownName(
            f"unknown grader {shorten(model)}: {meant(model)}expected one of "
            f"{', '.join([*forms, *GRADERS])}"
        ) from None


def _grader(
    leaf: Leaf, parameters: Parameters, template: Template, method: Method, find: _Resolve
) -> Grader:
    if leaf.form == "distilled":
        return _distilled(leaf)
    if leaf.form == "yesno":
        own = {"max_tokens": 1, "temperature": 0.0, "system_prompt": SYSTEM_PROMPT}
        body = {"logprobs": True, "top_logprobs": 20, **(parameters.extra_body or {})}
        parameters = msgspec.structs.replace(parameters, extra_body=body, **own)
        return YesNoGrader(leaf.address, find(leaf.model, parameters))
    alone = RubricGrader(leaf.address, find(leaf.model, parameters), template)
    if leaf.form == "batched":
        return BatchedGrader(leaf.address, alone, method.criteria_per_call, method.explain)
    if leaf.form:  # of another package
        return cast("Grader", named("graders", leaf.form)(leaf.address, alone.system))
    return alone


def _distilled(leaf: Leaf) -> Grader:
    path = Path(leaf.model)
    try:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"--grader {shorten(leaf.address)}: {error.strerror}") from None
    return DistilledGrader(leaf.address, _load(path), sha256)


def _load(path: Path) -> Probabilities:
    from preceptor.distil.model import Distilled

    return Distilled.load(path)
