"""What a grader's address says, and how its members are called: from texts, and back from a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec

from preceptor.errors import InputError, shorten
from preceptor.graders.batched import EXPLAIN, Explain
from preceptor.plugins import plugins
from preceptor.systems import (
    KINDS,
    RECORDED,
    RETRIEVERS,
    parse_parameters,
    reasons,
    refuses_temperature,
)
from preceptor.systems.base import Parameters

__all__ = ["Form", "Leaf", "Method", "Settings", "read_address", "read_settings"]

#: Forms that stand before the address of one model, or of a file.
_OF_ONE = ("yesno", "batched", "distilled")
#: Forms that stand before several graders.
_OF_SEVERAL = ("jury", "cascade")
#: The two of a cascade, as they are called before a parameter that is for one of them.
_STAGES = ("cheap", "strong")
#: The graders that give a probability.
_SURE = ("yesno", "distilled")

_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Count = Annotated[int, msgspec.Meta(ge=1)]


class Method(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a grader goes about it, beside what its models are sent.

    ``criteria_per_call`` and ``explain`` are of ``batched:``; ``rule`` to ``tie`` are of ``jury:``,
    see :func:`preceptor.graders.jury.decide`; the rest is of ``cascade:``. A ``low`` of −1 or a
    ``high`` of 2 is never reached. ``audit_share`` is the share, 0 to 1, of the criteria that the
    cheap grader is sure of which the strong one judges too.
    """

    criteria_per_call: _Count = 12
    explain: Explain = "all"
    rule: Literal["majority", "unanimous", "any", "quorum", "weighted"] = "majority"
    quorum: _Count | None = None
    weights: tuple[Annotated[float, msgspec.Meta(gt=0)], ...] | None = None
    tie: Literal["met", "not_met", "ungraded"] = "ungraded"
    low: Annotated[float, msgspec.Meta(ge=-1, le=1)] = 0.1
    high: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.9
    audit_share: _Share = 0.0
    audit_seed: int = 0


_KEYS = {
    "batched": ("criteria_per_call", "explain"),
    "jury": ("rule", "quorum", "weights", "tie"),
    "cascade": ("low", "high", "audit_share", "audit_seed"),
}
_EXPECTED = {
    "criteria_per_call": "a whole number from 1",
    "explain": f"{', '.join(EXPLAIN[:-1])} or {EXPLAIN[-1]}",
    "rule": "majority, unanimous, any, quorum or weighted",
    "quorum": "a whole number from 1",
    "weights": "numbers above 0 with commas between",
    "tie": "met, not_met or ungraded",
    "low": "a number from 0 to 1, or -1 for never",
    "high": "a number from 0 to 1, or 2 for never",
    "audit_share": "a number from 0 to 1",
    "audit_seed": "a whole number",
}


class Leaf(msgspec.Struct, frozen=True):
    """A grader with one model. ``form`` is what stands before the model's address, or nothing."""

    address: str
    form: str
    model: str


class Form(msgspec.Struct, frozen=True):
    """An address taken apart. ``kind`` is ``jury`` or ``cascade``; nothing for a leaf alone."""

    address: str
    kind: str
    leaves: tuple[Leaf, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The parameters of its method."""
        kinds = {self.kind, *(leaf.form for leaf in self.leaves)}
        return tuple(key for kind, keys in _KEYS.items() if kind in kinds for key in keys)

    @property
    def names(self) -> tuple[str, ...]:
        """What stands before a parameter that is for one member alone."""
        if self.kind == "cascade":
            return _STAGES
        return tuple(str(i + 1) for i in range(len(self.leaves))) if self.kind else ()


class Settings(msgspec.Struct, frozen=True):
    """How a grader is called: its method, and the parameters of each leaf."""

    method: Method
    members: tuple[Parameters, ...]

    def encode(self, form: Form) -> dict[str, Any]:
        """As a run remembers them: flat where there is one leaf."""
        told = {key: getattr(self.method, key) for key in form.keys}
        members = [msgspec.to_builtins(member) for member in self.members]
        told = {key: value for key, value in told.items() if value is not None}
        if told.get("explain") == "all":  # runs from before it was a choice do not say it
            del told["explain"]
        return {**told, "members": members} if form.kind else {**members[0], **told}

    @classmethod
    def decode(cls, told: Mapping[str, Any]) -> Settings:
        """What :meth:`encode` gave."""
        keys = [key for keys in _KEYS.values() for key in keys]
        method = msgspec.convert({k: told[k] for k in keys if k in told}, Method)
        rest = {key: value for key, value in told.items() if key not in keys}
        members = rest.pop("members", None) or [rest]
        return cls(method, tuple(msgspec.convert(each, Parameters) for each in members))


def read_address(address: str) -> Form:
    """Take a grader's address apart.

    Raises
    ------
    InputError
        A jury of fewer than two, a cascade of other than two, one inside the other, a cascade whose
        first grader gives no probability, or recorded answers.
    """
    kind, colon, rest = address.partition(":")
    if kind not in _OF_SEVERAL or not colon:
        return Form(address, "", (_leaf(address, address),))
    here = f"--grader {shorten(address)}"
    mark = "+" if kind == "jury" else ">" if ">" in rest else ","
    parts = [part.strip() for part in rest.split(mark)]
    if kind == "jury" and (len(parts) < 2 or not all(parts)):
        raise InputError(f"{here}: expected jury:A+B or more, each the address of a grader")
    if kind == "cascade" and (len(parts) != 2 or not all(parts)):
        raise InputError(
            f"{here}: expected cascade:CHEAP,STRONG, or 'cascade:CHEAP>STRONG' in quotes"
        )
    leaves = tuple(_leaf(part, address) for part in parts)
    if kind == "cascade" and leaves[0].form not in _SURE:
        raise InputError(
            f"{here}: the first grader must give a probability: yesno:ADDRESS or distilled:FILE"
        )
    return Form(address, kind, leaves)


def _is_plugin(form: str) -> bool:
    """Whether another package has a grader of this form."""
    return form not in KINDS and any(entry.name == form for entry in plugins("graders"))


def _leaf(part: str, address: str) -> Leaf:
    form, colon, model = part.partition(":")
    if form in _OF_SEVERAL and colon:
        raise InputError(f"--grader {shorten(address)}: a {form} cannot be within another grader")
    if not colon or not (form in _OF_ONE or _is_plugin(form)):
        form, model = "", part
    if model.partition(":")[0] in (*_OF_ONE, *_OF_SEVERAL):
        raise InputError(f"--grader {shorten(address)}: expected a model's address after {form}:")
    if form and not model:
        what = "a file" if form == "distilled" else "the address of a model"
        raise InputError(f"--grader {shorten(address)}: expected {what} after {form}:")
    if form != "distilled" and model.partition(":")[0] in RECORDED:
        raise InputError(f"--grader {shorten(address)}: has recorded answers and cannot judge")
    if form != "distilled" and model.partition(":")[0] in RETRIEVERS:
        raise InputError(f"--grader {shorten(address)}: searches a corpus and cannot judge")
    return Leaf(part, form, model)


def read_settings(
    form: Form, pairs: Sequence[str], reference: Parameters, option: str = "--grader-param"
) -> Settings:
    """The settings from ``key=value`` texts; what they leave out is the reference grader's.

    ``N.key=value`` is for the N-th member of a jury alone, ``cheap.`` and ``strong.`` for the two
    of a cascade.

    Raises
    ------
    InputError
        A key that is not known here, or a value that it cannot be.
    """
    method: dict[str, Any] = {}
    common: list[str] = []
    own: dict[str, list[str]] = {name: [] for name in form.names}
    for pair in pairs:
        key, _, text = pair.partition("=")
        name, dot, rest = pair.partition(".")
        if key in form.keys:
            method[key] = _value(key, text, option)
        elif dot and name in own:
            own[name].append(rest)
        else:
            common.append(pair)
    names = form.names or ("",)
    members = tuple(
        _parameters(leaf, [*common, *own.get(name, ())], reference, option)
        for leaf, name in zip(form.leaves, names, strict=True)
    )
    return Settings(_method(form, method, option), members)


def _parameters(leaf: Leaf, pairs: Sequence[str], reference: Parameters, option: str) -> Parameters:
    if leaf.form == "distilled":
        if pairs:
            raise InputError(f"{option} {shorten(pairs[0])}: {leaf.address} takes no parameters")
        return Parameters()
    defaults = reference
    # What a model does not know it refuses: the rest of the reference's settings is kept.
    if not reasons(leaf.model) or leaf.form == "yesno":
        defaults = msgspec.structs.replace(defaults, api=None, reasoning_effort=None)
    elif defaults.reasoning_effort is None:
        defaults = msgspec.structs.replace(defaults, temperature=None)
    if refuses_temperature(leaf.model):
        defaults = msgspec.structs.replace(defaults, temperature=None)
    return parse_parameters(pairs, option, address=leaf.model, defaults=defaults)


def _value(key: str, text: str, option: str) -> object:
    try:
        value: object = text
        if key in ("low", "high", "audit_share"):
            value = _number(text)
        elif key == "weights":
            value = [_number(part) for part in text.split(",")]
        return getattr(msgspec.convert({key: value}, Method, strict=False), key)
    except (msgspec.ValidationError, ValueError):
        expected = _EXPECTED[key]
        raise InputError(f"{option} {key}: expected {expected}, found {shorten(text)}") from None


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _method(form: Form, given: dict[str, Any], option: str) -> Method:
    """The method, in which nothing contradicts anything else."""
    for key, rule in (("quorum", "quorum"), ("weights", "weighted")):
        if key in given:
            given.setdefault("rule", rule)
        if (given.get("rule") == rule) != (key in given):
            raise InputError(f"{option} {key}: belongs to rule={rule}, and that needs it")
    method = Method(**given)
    count = len(form.leaves)
    if method.quorum is not None and method.quorum > count:
        raise InputError(f"{option} quorum: expected 1 to {count} members, found {method.quorum}")
    if method.weights is not None and len(method.weights) != count:
        raise InputError(
            f"{option} weights: expected {count}, one for each member, found {len(method.weights)}"
        )
    if method.low > method.high:
        raise InputError(
            f"{option} low: expected at most high ({method.high:g}), found {method.low:g}"
        )
    return method
