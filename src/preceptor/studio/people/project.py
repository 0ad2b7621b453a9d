"""The project of a database: how many people a task needs, what authors may ask and spend."""

from __future__ import annotations

from collections.abc import Iterable
from string import ascii_uppercase

import msgspec
import sqlalchemy as sa

from preceptor.errors import InputError, StoreError, shorten
from preceptor.graders import Grader, find_template, read_address, read_settings, resolve_grader
from preceptor.protocols.rubric import RubricProtocol
from preceptor.studio.ids import digest
from preceptor.studio.ledger.acts import Act, Who
from preceptor.studio.ledger.chain import append
from preceptor.studio.people.acts import (
    PreviewsSet,
    QualificationSet,
    SignaturesSet,
    SpendingCapped,
    SystemsAllowed,
)
from preceptor.studio.people.roles import PREVIEWS, Policy, Previews
from preceptor.studio.people.tables import projects, spendings
from preceptor.systems import resolve
from preceptor.systems.base import Parameters
from preceptor.systems.hosted import HOSTS

__all__ = [
    "PROTOCOL",
    "Project",
    "allow",
    "change",
    "grader_of",
    "project",
    "spent",
]

#: The protocol of a release, so that a run reuses the verdicts of previews.
PROTOCOL = RubricProtocol(prompt="preceptor")

#: Whose models a lead may name on a page, and how a grader asks them.
_PROVIDERS = (*HOSTS, "azure")
_FORMS = ("", "yesno", "batched")


class Project(msgspec.Struct, frozen=True):
    """What a database is for.

    Attributes
    ----------
    systems
        Addresses that authors may ask.
    known
        Every address that authors could ever ask.
    grader, grader_params
        The grader of previews; empty for none.
    previews
        Tasks whose rubric may be previewed.
    cap_usd
        Most dollars that live answers and previews may cost; None for no cap.
    qualify, pass_share
        Units with a known answer that a labeller does first, and the share to get right.
    signatures
        Whether what people hand in is signed.
    """

    id: str
    name: str
    policy: Policy
    systems: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    grader: str = ""
    grader_params: tuple[str, ...] = ()
    previews: Previews = "all"
    cap_usd: float | None = None
    qualify: int = 0
    pass_share: float = 0.0
    signatures: bool = False

    def alias(self, item: str, system: str) -> str:
        """What people of a task read in place of a system's address: drawn for each task."""
        if system not in self.known:
            return "A system"
        letters = sorted(ascii_uppercase, key=lambda letter: digest(self.id, item, letter))
        return f"System {letters[self.known.index(system) % len(letters)]}"

    def aliases(self, item: str) -> dict[str, str]:
        """Alias → address of each system that may be asked, in the order of the aliases."""
        return dict(sorted((self.alias(item, each), each) for each in self.systems))

    def previewed(self, item: str) -> bool:
        """Whether the author of a task may preview its rubric: of half of them, by their ids."""
        drawn = int(digest(self.id, "preview", item)[:8], 16) % 2 == 0
        return bool(self.grader) and (self.previews == "all" or (self.previews == "half" and drawn))


def project(connection: sa.Connection) -> Project:
    """The one project of this database. Raises StoreError where there is none."""
    found = connection.execute(sa.select(projects)).mappings().one_or_none()
    if found is None:
        raise StoreError("the studio has no project: make one with `preceptor studio init`")
    lists = {
        name: msgspec.json.decode(found[name], type=tuple[str, ...])
        for name in ("systems", "known", "grader_params")
    }
    return Project(**{**found, **lists})


def allow(connection: sa.Connection, systems: Iterable[str], by: Who | None) -> Project:
    """Let authors ask these systems, and no others. Raises as :func:`change` does."""
    found = project(connection)
    return change(connection, msgspec.structs.replace(found, systems=tuple(systems)), by)


def change(connection: sa.Connection, wanted: Project, by: Who | None) -> Project:
    """Change the settings; each part that differs is an event.

    Raises
    ------
    InputError, Unavailable
        A value that cannot be; an address that nobody can ask, which is no setting; or one that is
        set at the command line alone.
    """
    before = project(connection)
    if by is not None:
        _check_page(before, wanted)
    systems = tuple(dict.fromkeys(wanted.systems))
    params = wanted.grader_params if wanted.grader else ()
    wanted = msgspec.structs.replace(wanted, systems=systems, grader_params=params)
    _check(wanted)
    acts: list[tuple[Act, tuple[str, ...]]] = [
        (SystemsAllowed(systems=systems), ("systems",)),
        (
            PreviewsSet(grader=wanted.grader, grader_params=params, previews=wanted.previews),
            ("grader", "grader_params", "previews"),
        ),
        (SpendingCapped(cap_usd=wanted.cap_usd), ("cap_usd",)),
        (
            QualificationSet(units=wanted.qualify, share=wanted.pass_share),
            ("qualify", "pass_share"),
        ),
        (SignaturesSet(on=wanted.signatures), ("signatures",)),
    ]
    for act, fields in acts:
        if any(getattr(before, each) != getattr(wanted, each) for each in fields):
            append(connection, act, by=by, subject=before.id)
    return project(connection)


def _check_page(before: Project, wanted: Project) -> None:
    """Raise InputError unless a lead may set this on a page: models of providers, or unchanged.

    Any other address runs code on the server, reads its files, or reaches hosts of its network.
    """
    new = [each for each in wanted.systems if each not in before.systems]
    if wanted.grader and wanted.grader != before.grader:
        leaves = read_address(wanted.grader).leaves
        new += [each.model if each.form in _FORMS else each.address for each in leaves]
    for address in new:
        provider, _, model = address.partition("/")
        if provider not in _PROVIDERS or not model:
            raise InputError(
                f"address {shorten(address)}: expected a model of {', '.join(_PROVIDERS)}: the "
                f"person who runs the server sets others, with `preceptor studio settings`"
            )
    for pair in wanted.grader_params:
        if pair not in before.grader_params and "api_key_env" in pair.partition("=")[0]:
            raise InputError(
                "api_key_env: the person who runs the server sets it, with "
                "`preceptor studio settings`"
            )


def _check(wanted: Project) -> None:
    if wanted.previews not in PREVIEWS:
        raise InputError(
            f"previews: expected {', '.join(PREVIEWS)}, found {wanted.previews[:40]!r}"
        )
    if wanted.cap_usd is not None and not 0 < wanted.cap_usd < 1e9:
        raise InputError(f"cap: expected a number of dollars above 0, found {wanted.cap_usd:g}")
    if not 0 <= wanted.qualify <= 500 or not 0 <= wanted.pass_share <= 1:
        raise InputError(
            f"qualification: expected up to 500 units and a share from 0 to 1, "
            f"found {wanted.qualify} and {wanted.pass_share:g}"
        )
    asked = [resolve(system, Parameters()) for system in wanted.systems]
    if wanted.grader:
        asked += grader_of(wanted.grader, wanted.grader_params).systems
    for system in asked:
        if wanted.cap_usd is not None and system.price is None:
            raise InputError(
                f"cap: no price is known for {system.address}: give one in your table of prices "
                f"(see docs/cost.md), or set no cap"
            )


def spent(connection: sa.Connection) -> dict[str, float]:
    """Day → dollars that live answers and previews cost, the last day first."""
    rows = connection.execute(sa.select(spendings).order_by(spendings.c.day.desc()))
    return {row.day: row.dollars for row in rows}


def grader_of(address: str, params: Iterable[str], *, again: int = 0) -> Grader:
    """The grader at an address as a run of a release has it; ``again`` for another verdict.

    Raises InputError, Unavailable.
    """
    form = read_address(address)
    template = find_template(PROTOCOL.judging.prompt_choice(None))
    settings = read_settings(form, tuple(params), Parameters())
    return resolve_grader(form.address, settings, template, again=again)
