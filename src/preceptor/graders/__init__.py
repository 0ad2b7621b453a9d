"""Graders, by address: a system's address, with a method before it where it is not the default."""

from __future__ import annotations

import msgspec

from preceptor.errors import InputError, shorten
from preceptor.graders.base import Grader, Question
from preceptor.graders.rubric import RubricGrader
from preceptor.graders.template import OWN, Template, find_template
from preceptor.graders.yesno import SYSTEM_PROMPT, YesNoGrader
from preceptor.systems import RECORDED, resolve
from preceptor.systems.base import Parameters

__all__ = ["OWN", "Grader", "Question", "Template", "find_template", "resolve_grader"]

_YES_NO = "yesno:"


def resolve_grader(address: str, parameters: Parameters, template: Template) -> Grader:
    """``ADDRESS`` judges in JSON with the template; ``yesno:ADDRESS`` by the chance of "Yes".

    Raises InputError for a system that has only recorded answers, beside what `resolve` raises.
    """
    model = address.removeprefix(_YES_NO)
    if model.partition(":")[0] in RECORDED:
        raise InputError(f"--grader {shorten(address)}: has recorded answers and cannot judge")
    if model == address:
        return RubricGrader(address, resolve(address, parameters), template)
    own = {"max_tokens": 1, "temperature": 0.0, "system_prompt": SYSTEM_PROMPT}
    body = {"logprobs": True, "top_logprobs": 20, **(parameters.extra_body or {})}
    parameters = msgspec.structs.replace(parameters, extra_body=body, **own)
    return YesNoGrader(address, resolve(model, parameters))
