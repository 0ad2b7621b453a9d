"""What a person may do, is asked to do, and has declared."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

__all__ = [
    "DECLARED_DAYS",
    "POLICIES",
    "PREVIEWS",
    "ROLES",
    "Conflicts",
    "Offer",
    "Policy",
    "Previews",
    "Role",
]

Role = Literal["author", "reviewer", "adjudicator", "writer", "labeller", "lead"]
ROLES: tuple[str, ...] = get_args(Role)
#: How many people a task needs: three, or two, where a reviewer may adjudicate.
Policy = Literal["default", "small"]
POLICIES: tuple[Policy, ...] = get_args(Policy)
#: Tasks whose author may preview the rubric; of ``half`` it is drawn, so that rubrics written with
#: and without previews can be compared.
Previews = Literal["all", "half", "none"]
PREVIEWS: tuple[Previews, ...] = get_args(Previews)
#: Days after which conflicts of interest are declared again.
DECLARED_DAYS = 365


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """Roles, and which tasks they are for; without specialties or languages for any."""

    roles: tuple[str, ...] = ()
    specialties: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


class Conflicts(msgspec.Struct, frozen=True, kw_only=True):
    """Interests that keep a person from some tasks."""

    employer: str = ""
    vendors: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
